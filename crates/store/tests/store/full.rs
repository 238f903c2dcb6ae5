//! A disk without room, as a limit on the size of files makes one: the tests below run themselves again under it.

use crate::kit::*;
use std::process::Command;
use store::{Journal, Store};

/// Set in the run under the limit.
const LIMITED: &str = "WHY500_TEST_LIMITED";

/// Runs a test of this file again, with files of so many blocks of 1,024 bytes at most. The signal that comes with it is
/// ignored, as on a full disk there is none.
fn under_limit(test: &str, blocks: u32) {
    let run = Command::new("bash")
        .args(["-c", &format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" --exact {test}")])
        .arg(std::env::current_exe().unwrap())
        .env(LIMITED, "1")
        .output()
        .unwrap();
    let output = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success() && output.contains("1 passed"), "{output}");
}

fn limited() -> bool {
    std::env::var_os(LIMITED).is_some()
}

#[test]
fn a_journal_without_room_refuses_and_goes_on_when_there_is_room() {
    if !limited() {
        return under_limit("full::a_journal_without_room_refuses_and_goes_on_when_there_is_room", 64);
    }
    let folder = Folder::new("full-journal");
    let (mut journal, _) = Journal::open(&folder).unwrap();
    let large = vec![1; 50 << 10];
    assert_eq!(journal.append(&[&large]).unwrap(), 1..2);
    for _ in 0..3 {
        let refused = journal.append(&[&vec![2; 100 << 10]]).unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::FileTooLarge);
    }
    assert_eq!(journal.append(&[b"fits"]).unwrap(), 2..3);
    drop(journal);
    let (journal, entries) = Journal::open(&folder).unwrap();
    assert_eq!(entries.iter().map(|e| e.payload.len()).collect::<Vec<_>>(), [large.len(), 4]);
    assert!(journal.troubles().is_empty(), "{:?}", journal.troubles());
}

#[test]
fn a_database_without_room_refuses_a_digest_as_a_whole_and_can_be_read() {
    if !limited() {
        return under_limit(
            "full::a_database_without_room_refuses_a_digest_as_a_whole_and_can_be_read",
            1_024,
        );
    }
    let folder = Folder::new("full-database");
    let mut store = Store::open(&folder).unwrap();
    let reader = store.reader().unwrap();
    let mut kept = 0;
    let refused = loop {
        let failures = (0..500).map(|i| failure(kept * 1_000 + i, CART, at(i as i64))).collect();
        let mut commit = digest(kept + 1, at(0), vec![cart()], failures);
        commit.examples = (0..10).map(|i| example(kept * 1_000 + i, CART)).collect();
        commit.examples.iter_mut().for_each(|e| e.records = vec![0; 10_000]);
        match store.commit(&commit) {
            Ok(()) => kept += 1,
            Err(e) => break e,
        }
        assert!(kept < 1_000, "the limit is met");
    };
    // A limit on one file is told as an I/O error by SQLite; a full disk, which writes nothing, as one.
    assert!(refused.to_string().contains("the database, while") || refused.is_full(), "{refused}");
    assert_eq!(store.digested().unwrap(), kept);
    assert_eq!(one(&reader, CART).row.count, kept * 500);
    sound(&store);
}
