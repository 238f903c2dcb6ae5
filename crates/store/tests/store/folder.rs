//! The folder: one process, layouts old and new, backup, check, damage.

use crate::kit::*;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use store::{Error, Journal, Query, Reader, Store};

const SECOND_PROCESS: &str = "WHY500_TEST_FOLDER";

#[test]
fn a_second_process_is_refused_with_the_pid_of_the_first() {
    if let Some(folder) = std::env::var_os(SECOND_PROCESS) {
        // The other process: it has the folder until it is told to end.
        let _store = Store::open(folder.as_ref()).unwrap();
        println!("\nopen");
        std::io::stdin().read_line(&mut String::new()).unwrap();
        return;
    }
    let folder = Folder::new("lock");
    let mut other = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "folder::a_second_process_is_refused_with_the_pid_of_the_first", "--nocapture"])
        .env(SECOND_PROCESS, &*folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(other.stdout.take().unwrap()).lines();
    assert!(lines.by_ref().map_while(Result::ok).any(|line| line == "open"));
    let refused = Store::open(&folder).unwrap_err();
    let Error::InUse { pid, .. } = &refused else { panic!("{refused}") };
    assert_eq!(*pid, other.id().to_string());
    assert!(refused.to_string().contains(&format!("in use by process {pid}; stop that one first")));
    other.stdin.take().unwrap().write_all(b"\n").unwrap();
    assert!(other.wait().unwrap().success());
    Store::open(&folder).unwrap();
}

#[test]
fn killed_it_leaves_no_lock() {
    let folder = Folder::new("stale");
    fs::write(folder.join("why500.lock"), "4194304\n").unwrap();
    Store::open(&folder).unwrap();
}

#[test]
fn the_layout_of_a_later_program_is_refused_and_left_as_it_is() {
    let folder = Folder::new("newer");
    drop(Store::open(&folder).unwrap());
    let file = folder.join("why500.db");
    let db = rusqlite::Connection::open(&file).unwrap();
    db.pragma_update(None, "user_version", 99).unwrap();
    db.execute_batch("PRAGMA journal_mode = DELETE").unwrap();
    drop(db);
    let before = fs::read(&file).unwrap();
    let refused = Store::open(&folder).unwrap_err();
    assert!(refused.to_string().contains("has layout 99, this program knows layouts up to"), "{refused}");
    assert!(matches!(Reader::open(&folder), Err(Error::TooNew { .. })));
    assert_eq!(fs::read(&file).unwrap(), before);
}

#[test]
fn what_is_no_database_is_refused_and_left_as_it_is() {
    let folder = Folder::new("other");
    let file = folder.join("why500.db");
    fs::write(&file, "not a database, but somebody's letter. ".repeat(100)).unwrap();
    let before = fs::read(&file).unwrap();
    assert!(matches!(Store::open(&folder), Err(Error::Damaged { .. })));
    assert_eq!(fs::read(&file).unwrap(), before);
}

#[test]
fn a_backup_is_a_store_of_its_own() {
    let folder = Folder::new("backup");
    let mut store = Store::open(&folder).unwrap();
    store.commit(&digest(1, at(0), vec![cart()], vec![failure(1, CART, at(0))])).unwrap();
    let reader = store.reader().unwrap();
    let elsewhere = Folder::new("restored");
    let copy = elsewhere.join("why500.db");
    reader.backup(&copy).unwrap();
    assert!(reader.backup(&copy).unwrap_err().to_string().contains("exists already"));
    store.commit(&digest(2, at(0), vec![], vec![failure(2, CART, at(0))])).unwrap();
    let restored = Store::open(&elsewhere).unwrap();
    assert_eq!(restored.digested().unwrap(), 0, "its folder has a journal of its own");
    assert_eq!(one(&restored.reader().unwrap(), CART).row.count, 1);
    sound(&restored);
    assert_eq!(
        fs::read_dir(&*elsewhere).unwrap().filter(|f| f.as_ref().unwrap().path().ends_with("part")).count(),
        0
    );
}

#[test]
fn a_check_tells_what_disagrees() {
    let folder = Folder::new("check");
    let mut store = Store::open(&folder).unwrap();
    let failures = (0..5).map(|i| failure(i, CART, at(i as i64))).collect();
    store.commit(&digest(3, at(0), vec![cart()], failures)).unwrap();
    drop(store);
    let (mut journal, _) = Journal::open(&folder).unwrap();
    journal.append(&[b"one", b"two"]).unwrap();
    drop(journal);
    let findings = Store::check_folder(&folder).unwrap();
    assert_eq!(findings.wrong, Vec::<String>::new());
    assert!(findings.seen.iter().any(|s| s == "the journal has 2 batches, up to position 3"), "{findings:?}");
    // Somebody helped with SQL, and a disk with the journal.
    let db = rusqlite::Connection::open(folder.join("why500.db")).unwrap();
    db.execute("DELETE FROM failures WHERE id = 3", []).unwrap();
    drop(db);
    let segment = folder.join("journal/0000000000000001.log");
    let mut bytes = fs::read(&segment).unwrap();
    bytes[17] ^= 4;
    fs::write(&segment, bytes).unwrap();
    let findings = Store::check_folder(&folder).unwrap();
    assert_eq!(
        findings.wrong[0],
        "problem ca00000000000001 counts 5 failures, and has 4 rows and 0 forgotten"
    );
    assert!(
        findings.wrong[1].contains("0000000000000001.log: 19 bytes from byte 0 on are damaged"),
        "{findings:?}"
    );
}

#[test]
fn flipped_bytes_are_found_or_refused_and_never_panic() {
    let folder = Folder::new("flipped");
    let mut store = Store::open(&folder).unwrap();
    let failures = (0..400).map(|i| failure(i, CART, at(i as i64))).collect();
    store.commit(&digest(1, at(0), vec![cart()], failures)).unwrap();
    drop(store);
    let file = folder.join("why500.db");
    let whole = fs::read(&file).unwrap();
    for at in (0..whole.len()).step_by(whole.len() / 150) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x55;
        fs::write(&file, &bytes).unwrap();
        let Ok(store) = Store::open(&folder) else { continue };
        let _ = store.check();
        let reader = store.reader().unwrap();
        let _ = reader.problems(PROJECT, &Query::default());
        let _ = reader.failures(PROJECT, CART, None, 100);
        drop((store, reader));
        for rest in ["why500.db-wal", "why500.db-shm"] {
            let _ = fs::remove_file(folder.join(rest));
        }
    }
}
