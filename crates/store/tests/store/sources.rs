//! Source maps under their names, and releases with their commits.

use crate::kit::Folder;
use record::Time;
use store::{MapName, ReleaseRow, Store};

fn id(debug_id: &str) -> MapName {
    MapName { debug_id: debug_id.into(), ..MapName::default() }
}

#[test]
fn maps_are_found_by_each_name_of_their_own_project() {
    let folder = Folder::new("maps");
    let store = Store::open(&folder).unwrap();
    let reader = store.reader().unwrap();
    assert!(!reader.has_maps(1).unwrap());
    let url = MapName { release: "shop@1".into(), url: "~/app.js".into(), ..MapName::default() };
    store.add_map(Time(5), 1, &id("aa"), "f1", 10).unwrap();
    store.add_map(Time(6), 1, &url, "f1", 10).unwrap();
    store.add_map(Time(7), 1, &url, "f2", 20).unwrap();
    assert_eq!(reader.map_by_id(1, "aa").unwrap().unwrap().file, "f1");
    assert_eq!(reader.map_by_url(1, "shop@1", "", "~/app.js").unwrap().unwrap().file, "f2");
    assert!(reader.map_by_id(2, "aa").unwrap().is_none() && !reader.has_maps(2).unwrap());
    assert!(reader.map_by_url(1, "shop@1", "7", "~/app.js").unwrap().is_none());
    assert!(reader.is_map("f1").unwrap() && !reader.is_map("f3").unwrap());
    assert_eq!(reader.maps(1, 10).unwrap().len(), 2);

    // The one used last stays, where both are too much.
    store.map_used(Time(9), "f1").unwrap();
    assert_eq!(store.forget_maps(Time(0), 25).unwrap(), 1);
    assert!(reader.is_map("f1").unwrap() && !reader.is_map("f2").unwrap());
    assert_eq!(store.forget_maps(Time(10), 25).unwrap(), 1);
    assert!(!reader.has_maps(1).unwrap());
}

#[test]
fn releases_keep_what_was_told_of_them() {
    let folder = Folder::new("releases");
    let store = Store::open(&folder).unwrap();
    let told = |release: &str, commit: &str, at| ReleaseRow {
        release: release.into(),
        commit: commit.into(),
        at: Time(at),
        commits: "[1]".into(),
        ..ReleaseRow::default()
    };
    store.set_release(1, &told("a", "c1", 1)).unwrap();
    store.set_release(1, &told("b", "c2", 2)).unwrap();
    // Told again with less, more remains.
    store.set_release(1, &ReleaseRow { commits: String::new(), ..told("b", "c3", 3) }).unwrap();
    let reader = store.reader().unwrap();
    let b = reader.release(1, "b").unwrap().unwrap();
    assert_eq!((b.commit.as_str(), b.commits.as_str(), b.at), ("c3", "[1]", Time(2)));
    assert_eq!(reader.release_before(1, "b", b.at).unwrap().unwrap().release, "a");
    assert!(reader.release_before(1, "a", Time(1)).unwrap().is_none());
    assert!(reader.release(2, "a").unwrap().is_none());
}
