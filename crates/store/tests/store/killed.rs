//! kill -9 at random moments: what was acknowledged is found, and counted once.

use crate::kit::*;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use store::{Journal, Store};

const VICTIM: &str = "WHY500_TEST_VICTIM";

/// Takes in batches of one failure each, named by a number that goes on where it was, and digests them by the dozen. Each is
/// told once it is durable.
fn take_in(folder: &Path) -> ! {
    let mut store = Store::open(folder).unwrap();
    let (mut journal, entries) = Journal::open(folder).unwrap();
    let digested = store.digested().unwrap();
    let mut waiting: Vec<u64> =
        entries.iter().filter(|e| e.position >= digested).map(|e| number(&e.payload)).collect();
    let mut next = known(&store, &entries.iter().map(|e| number(&e.payload)).collect::<Vec<_>>());
    loop {
        for _ in 0..3 {
            let batch: Vec<[u8; 8]> = (next..next + 4).map(u64::to_le_bytes).collect();
            let position = journal.append(&batch.iter().map(|b| b.as_slice()).collect::<Vec<_>>()).unwrap();
            println!("\nacknowledged {} {}", next + 4, position.end);
            waiting.extend(next..next + 4);
            next += 4;
        }
        let failures = waiting.drain(..).map(|n| failure(n, CART, at(n as i64))).collect();
        store.commit(&digest(journal.next(), at(0), vec![cart()], failures)).unwrap();
        journal.forget_before(journal.next()).unwrap();
    }
}

fn number(payload: &[u8]) -> u64 {
    u64::from_le_bytes(payload.try_into().unwrap())
}

/// The first number that is neither counted nor in the journal.
fn known(store: &Store, journalled: &[u64]) -> u64 {
    let counted = store.reader().unwrap().problem(PROJECT, CART).unwrap().map_or(0, |p| p.row.count);
    journalled.iter().map(|n| n + 1).max().unwrap_or(0).max(counted)
}

#[test]
fn killed_at_random_it_keeps_what_it_acknowledged() {
    if let Some(folder) = std::env::var_os(VICTIM) {
        take_in(folder.as_ref());
    }
    let folder = Folder::new("killed");
    let mut seen = 0;
    for round in 0..20_u64 {
        let mut victim = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "killed::killed_at_random_it_keeps_what_it_acknowledged", "--nocapture"])
            .env(VICTIM, &*folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let out = BufReader::new(victim.stdout.take().unwrap());
        let mut acknowledged = seen;
        let lines = out.lines().map_while(Result::ok).filter(|line| line.starts_with("acknowledged"));
        let mut lines = lines.inspect(|line| {
            acknowledged = line.split(' ').nth(1).unwrap().parse().unwrap();
        });
        // It works, and then it is killed, some time within the next digests.
        lines.next().expect("the victim takes in");
        std::thread::sleep(Duration::from_micros(round * 3_331 % 40_000));
        victim.kill().unwrap();
        lines.for_each(drop);
        victim.wait().unwrap();
        seen = acknowledged;

        let store = Store::open(&folder).unwrap();
        let (journal, entries) = Journal::open(&folder).unwrap();
        let digested = store.digested().unwrap();
        let waiting = entries.iter().filter(|e| e.position >= digested).count() as u64;
        let counted = store.reader().unwrap().problem(PROJECT, CART).unwrap().map_or(0, |p| p.row.count);
        let all = known(&store, &entries.iter().map(|e| number(&e.payload)).collect::<Vec<_>>());
        assert!(all >= acknowledged, "round {round}: {acknowledged} acknowledged, {all} found");
        assert_eq!(counted + waiting, all, "round {round}: each once");
        assert!(journal.troubles().len() <= 1, "round {round}: {:?}", journal.troubles());
        sound(&store);
    }
    assert!(seen > 100, "{seen}");
}
