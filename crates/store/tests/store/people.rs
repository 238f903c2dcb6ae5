//! What people do to a problem, and what time does.

use crate::kit::*;
use store::{Mute, Query, State, Store, Swept};

const DAY: i64 = 86_400;

/// A store with one failure of the cart, at the begin.
fn cart_failed(folder: &Folder) -> Store {
    let mut store = Store::open(folder).unwrap();
    store.commit(&digest(1, at(0), vec![cart()], vec![failure(1, CART, at(0))])).unwrap();
    store
}

#[test]
fn a_resolved_problem_that_fails_again_is_regressed() {
    let folder = Folder::new("regressed");
    let mut store = cart_failed(&folder);
    let reader = store.reader().unwrap();
    store.resolve(at(100), PROJECT, CART, "ada", None).unwrap();
    assert_eq!(one(&reader, CART).row.state, State::Resolved);
    // A record that comes late tells of a failure before: no regression.
    store.commit(&digest(2, at(110), vec![], vec![failure(2, CART, at(90))])).unwrap();
    assert_eq!(one(&reader, CART).row.state, State::Resolved);
    store.commit(&digest(3, at(210), vec![], vec![failure(3, CART, at(200))])).unwrap();
    let problem = one(&reader, CART);
    assert_eq!(states(&problem), [State::New, State::Resolved, State::Regressed]);
    assert_eq!(problem.states[1].by.as_deref(), Some("ada"));
    assert_eq!(problem.states[2].reason, "failed again at 2027-01-15T08:03:20Z");
    assert_eq!(problem.states[2].at, at(210));
    store.resolve(at(300), PROJECT, CART, "ada", None).unwrap();
    store.reopen(at(310), PROJECT, CART, "bob").unwrap();
    let problem = one(&reader, CART);
    assert_eq!(problem.row.state, State::Ongoing);
    assert_eq!(problem.notes.len(), 3);
    assert_eq!(problem.notes[2].text, "opened again");
    assert!(store.reopen(at(320), PROJECT, CART, "bob").is_err());
    store.mute(at(321), PROJECT, CART, "bob", Mute::Until(at(9_000))).unwrap();
    store.reopen(at(322), PROJECT, CART, "bob").unwrap();
    let row = one(&reader, CART).row;
    assert_eq!((row.state, row.muted_until), (State::Ongoing, None));
}

#[test]
fn a_line_of_whole_seconds_is_as_late_as_it_arrived() {
    let folder = Folder::new("seconds");
    let mut store = cart_failed(&folder);
    let reader = store.reader().unwrap();
    let resolved = at(100).plus(500_000);
    store.resolve(resolved, PROJECT, CART, "ada", None).unwrap();
    let of = |id: u64, when, arrived| store::FailureChange { arrived, ..failure(id, CART, when) };
    // It came before somebody resolved, and was digested after.
    let before = of(2, at(100), at(100).plus(400_000));
    // With its fraction the line says that it was before, whenever it came.
    let exact = of(3, at(100).plus(1), at(101));
    // A second before.
    let earlier = of(4, at(99), at(101));
    store.commit(&digest(2, at(101), vec![], vec![before, exact, earlier])).unwrap();
    assert_eq!(one(&reader, CART).row.state, State::Resolved);
    let after = of(5, at(100), at(100).plus(600_000));
    store.commit(&digest(3, at(101), vec![], vec![after])).unwrap();
    assert_eq!(one(&reader, CART).row.state, State::Regressed);
}

#[test]
fn resolved_in_a_release_it_may_go_on_in_those_before() {
    let folder = Folder::new("release");
    let mut store = cart_failed(&folder);
    let reader = store.reader().unwrap();
    let of = |id: u64, seconds: i64, release: &str| store::FailureChange {
        release: Some(release.to_owned()),
        ..failure(id, CART, at(seconds))
    };
    store.resolve(at(100), PROJECT, CART, "ada", Some("shop@3.9.0")).unwrap();
    assert_eq!(one(&reader, CART).row.resolved_release.as_deref(), Some("shop@3.9.0"));
    store.commit(&digest(2, at(210), vec![], vec![of(2, 200, "shop@3.8.0")])).unwrap();
    assert_eq!(one(&reader, CART).row.state, State::Resolved);
    store.commit(&digest(3, at(310), vec![], vec![of(3, 300, "shop@3.9.0")])).unwrap();
    let problem = one(&reader, CART);
    assert_eq!(problem.row.state, State::Regressed);
    assert!(problem.states[2].reason.ends_with("though resolved in shop@3.9.0"));
    // A release nobody knew when it was resolved is a later one.
    store.resolve(at(400), PROJECT, CART, "ada", Some("shop@3.9.1")).unwrap();
    store.commit(&digest(4, at(510), vec![], vec![of(4, 500, "shop@3.9.0")])).unwrap();
    assert_eq!(one(&reader, CART).row.state, State::Resolved);
    store.commit(&digest(5, at(610), vec![], vec![of(5, 600, "shop@4.0.0")])).unwrap();
    assert_eq!(one(&reader, CART).row.state, State::Regressed);
}

#[test]
fn silence_resolves_and_a_failure_brings_it_back() {
    let folder = Folder::new("silence");
    let mut store = cart_failed(&folder);
    let reader = store.reader().unwrap();
    assert!(!store.sweep(at(80 * DAY), 0).unwrap().any(), "silence means nothing");
    assert!(!store.sweep(at(6 * DAY), 7).unwrap().any());
    assert_eq!(store.sweep(at(8 * DAY), 7).unwrap(), Swept { silent: 1, heard: 0 });
    assert!(!store.sweep(at(8 * DAY), 7).unwrap().any());
    let problem = one(&reader, CART);
    assert_eq!((problem.row.state, problem.row.state_at), (State::Resolved, at(8 * DAY)));
    assert_eq!(problem.states[1].reason, "no failure for 7 days");
    store.commit(&digest(2, at(9 * DAY), vec![], vec![failure(2, CART, at(9 * DAY))])).unwrap();
    assert_eq!(one(&reader, CART).row.state, State::Regressed);
    // Somebody who takes it back is not overruled the same day.
    store.sweep(at(20 * DAY), 7).unwrap();
    store.reopen(at(20 * DAY), PROJECT, CART, "ada").unwrap();
    assert!(!store.sweep(at(21 * DAY), 7).unwrap().any());
}

#[test]
fn muted_until_an_instant_or_so_many_failures() {
    let folder = Folder::new("muted");
    let mut store = cart_failed(&folder);
    let reader = store.reader().unwrap();
    store.mute(at(10), PROJECT, CART, "ada", Mute::Until(at(100))).unwrap();
    store.commit(&digest(2, at(50), vec![], vec![failure(2, CART, at(50))])).unwrap();
    let row = one(&reader, CART).row;
    assert_eq!((row.state, row.muted_until, row.count), (State::Muted, Some(at(100)), 2));
    assert!(!store.sweep(at(99), 7).unwrap().any());
    assert_eq!(store.sweep(at(100), 7).unwrap(), Swept { silent: 0, heard: 1 });
    assert_eq!(one(&reader, CART).row.state, State::Ongoing);
    store.mute(at(110), PROJECT, CART, "ada", Mute::Failures(3)).unwrap();
    assert_eq!(one(&reader, CART).row.muted_count, Some(5));
    store.commit(&digest(3, at(120), vec![], (3..5).map(|i| failure(i, CART, at(120))).collect())).unwrap();
    assert_eq!(one(&reader, CART).row.state, State::Muted);
    store.commit(&digest(4, at(130), vec![], vec![failure(5, CART, at(130))])).unwrap();
    let problem = one(&reader, CART);
    assert_eq!((problem.row.state, problem.row.muted_count), (State::Ongoing, None));
    store.mute(at(140), PROJECT, CART, "ada", Mute::Forever).unwrap();
    store.sweep(at(100 * DAY), 7).unwrap();
    assert_eq!(one(&reader, CART).row.state, State::Muted, "silence does not unmute");
    store.reopen(at(150), PROJECT, CART, "ada").unwrap();
    assert_eq!(one(&reader, CART).row.state, State::Ongoing);
}

#[test]
fn notes_and_assignments_are_kept_with_who_and_when() {
    let folder = Folder::new("notes");
    let mut store = cart_failed(&folder);
    store.assign(at(1), PROJECT, CART, "ada", Some("bob")).unwrap();
    store.note(at(2), PROJECT, CART, "bob", " the coupon is null\n").unwrap();
    let problem = one(&store.reader().unwrap(), CART);
    assert_eq!(problem.row.assigned.as_deref(), Some("bob"));
    let notes: Vec<_> = problem.notes.iter().map(|n| (n.by.as_str(), n.written, n.text.as_str())).collect();
    assert_eq!(notes, [("ada", false, "assigned to bob"), ("bob", true, "the coupon is null")]);
    assert!(store.note(at(3), PROJECT, CART, "bob", "  ").is_err());
}

#[test]
fn nothing_is_done_to_what_is_not_there_or_not_theirs() {
    let folder = Folder::new("missing");
    let mut store = cart_failed(&folder);
    let missing = store.resolve(at(1), 2, CART, "eve", None).unwrap_err();
    assert_eq!(missing.to_string(), format!("there is no problem {CART}"));
    assert!(store.assign(at(1), PROJECT, "x", "eve", None).is_err());
    assert!(store.note(at(1), PROJECT, DATABASE, "eve", "hello").is_err());
    let open = store.reader().unwrap().problems(PROJECT, &Query::default()).unwrap();
    assert_eq!(open.rows[0].state, State::New);
}
