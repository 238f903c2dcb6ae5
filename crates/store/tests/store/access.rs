//! Who may send and who may see.

use crate::kit::*;
use store::{Link, Store};

#[test]
fn projects_and_their_keys() {
    let folder = Folder::new("projects");
    let store = Store::open(&folder).unwrap();
    let reader = store.reader().unwrap();
    let shop = store.add_project(at(0), " shop ").unwrap();
    let blog = store.add_project(at(1), "blog").unwrap();
    assert_eq!(store.add_project(at(2), "shop").unwrap_err().to_string(), "there is a project shop already");
    assert!(store.add_project(at(2), "  ").is_err());
    assert_eq!(reader.project_named("shop").unwrap(), Some(shop.clone()));
    store.rename_project(blog.id, "diary").unwrap();
    assert!(store.rename_project(blog.id, "shop").is_err());
    let key = store.add_key(at(3), shop.id, "web").unwrap();
    assert_eq!(key.key.len(), 32);
    assert_ne!(key.key, store.add_key(at(3), shop.id, "app").unwrap().key);
    assert_eq!(reader.key(&key.key).unwrap(), Some(key.clone()));
    assert_eq!(reader.key("x").unwrap(), None);
    store.revoke_key(at(9), &key.key).unwrap();
    assert_eq!(reader.key(&key.key).unwrap().unwrap().revoked, Some(at(9)));
    assert!(store.revoke_key(at(9), &key.key).is_err());
    assert!(store.add_key(at(3), 77, "nobody").is_err());
    let known = "0123456789abcdef0123456789abcdef";
    store.put_key(at(3), blog.id, known, "as it was in Sentry").unwrap();
    assert!(store.put_key(at(3), shop.id, known, "again").is_err());
    assert!(store.put_key(at(3), shop.id, "short", "").is_err());
    assert_eq!(reader.keys(shop.id).unwrap().len(), 2);
}

#[test]
fn a_project_that_is_removed_leaves_nothing_and_touches_no_other() {
    let folder = Folder::new("removed");
    let mut store = Store::open(&folder).unwrap();
    let (shop, blog) = (store.add_project(at(0), "shop").unwrap(), store.add_project(at(0), "blog").unwrap());
    for (digested, project) in [(1, shop.id), (2, blog.id)] {
        let mut commit = digest(digested, at(0), vec![cart()], vec![failure(1, CART, at(0))]);
        commit.examples = vec![example(1, CART)];
        commit.problems[0].project = project;
        commit.failures[0].project = project;
        commit.examples[0].project = project;
        store.commit(&commit).unwrap();
    }
    store.remove_project(shop.id).unwrap();
    assert!(store.remove_project(shop.id).is_err());
    let reader = store.reader().unwrap();
    assert_eq!(reader.projects().unwrap(), std::slice::from_ref(&blog));
    assert!(reader.problem(shop.id, CART).unwrap().is_none());
    assert_eq!(reader.example(shop.id, 1).unwrap(), None);
    assert!(reader.example(blog.id, 1).unwrap().is_some());
    let sizes = reader.sizes().unwrap();
    assert_eq!((sizes.problems, sizes.failures, sizes.examples), (1, 1, 1));
    sound(&store);
}

#[test]
fn sessions_tokens_and_links_are_known_by_their_secret_and_it_is_not_kept() {
    let folder = Folder::new("secrets");
    let mut store = Store::open(&folder).unwrap();
    let reader = store.reader().unwrap();
    let ada = store.add_user(at(0), "ada", None, true).unwrap();
    assert!(store.add_user(at(0), "ada", None, false).is_err());
    store.set_password(ada.id, "$argon2id$v=19$…").unwrap();
    store.add_session(at(10), "planted-session-secret", ada.id, at(100)).unwrap();
    let session = reader.session(at(99), "planted-session-secret").unwrap().unwrap();
    assert_eq!((session.user.name.as_str(), session.user.admin), ("ada", true));
    assert_eq!(reader.session(at(100), "planted-session-secret").unwrap(), None, "it is over");
    assert_eq!(reader.session(at(50), "another").unwrap(), None);
    let token = store
        .add_token(at(0), "planted-token-secret", "ci", &["read", "deploy"], Some(1), Some(at(50)))
        .unwrap();
    assert_eq!(reader.token(at(1), "planted-token-secret").unwrap(), Some(token.clone()));
    assert_eq!(reader.token(at(51), "planted-token-secret").unwrap(), None);
    assert!(store.add_token(at(0), "x", "ci", &["two words"], None, None).is_err());
    store.token_used(at(5), token.id).unwrap();
    assert_eq!(reader.tokens().unwrap()[0].used, Some(at(5)));
    let link = Link { purpose: "sign-in".to_owned(), user: Some(ada.id) };
    store.add_link(at(0), "planted-link-secret", &link, at(60)).unwrap();
    assert_eq!(store.use_link(at(1), "wrong").unwrap(), None);
    assert_eq!(store.use_link(at(1), "planted-link-secret").unwrap(), Some(link));
    assert_eq!(store.use_link(at(2), "planted-link-secret").unwrap(), None, "it works once");
    for file in std::fs::read_dir(&*folder).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(7).any(|w| w == b"planted"));
    }
    // Another password ends all sessions.
    store.set_password(ada.id, "$argon2id$v=19$other").unwrap();
    assert_eq!(reader.session(at(50), "planted-session-secret").unwrap(), None);
    store.remove_token(token.id).unwrap();
    store.remove_user(ada.id).unwrap();
    assert!(reader.users().unwrap().is_empty());
}

#[test]
fn webhooks_have_a_secret_and_tell_each_thing_once() {
    let folder = Folder::new("webhooks");
    let mut store = Store::open(&folder).unwrap();
    let reader = store.reader().unwrap();
    let shop = store.add_project(at(0), "shop").unwrap();
    assert_eq!(reader.webhook_secret(shop.id).unwrap(), None);
    store.set_webhook_secret(at(1), shop.id, "whsec_0123456789abcdef").unwrap();
    Store::set_webhook_secret_beside(&folder, at(2), shop.id, "whsec_fedcba9876543210").unwrap();
    assert_eq!(reader.webhook_secret(shop.id).unwrap().as_deref(), Some("whsec_fedcba9876543210"));
    for (project, secret) in
        [(shop.id, "short"), (shop.id, "two\nlines of a secret"), (77, "whsec_0123456789abcdef")]
    {
        assert!(store.set_webhook_secret(at(3), project, secret).is_err(), "{secret}");
    }
    store.deliver(at(0), shop.id, &["github delivery 1", "github deployment 7"]).unwrap();
    store.deliver(at(1), shop.id, &["github delivery 2", "github deployment 7"]).unwrap();
    assert!(reader.was_delivered(shop.id, "github delivery 1").unwrap());
    assert!(!reader.was_delivered(77, "github delivery 1").unwrap());
    store.deliver(at(31 * 86_400), shop.id, &[]).unwrap();
    assert!(!reader.was_delivered(shop.id, "github delivery 1").unwrap(), "a month later it is forgotten");
    store.remove_project(shop.id).unwrap();
    assert_eq!(reader.webhook_secret(shop.id).unwrap(), None);
}
