//! What a further failure of a known problem costs, on disk and in time.

use crate::kit::*;
use std::time::{Duration, Instant};
use store::{FailureChange, Store};

/// Failure number `n` of a busy shop: 40 routes, three statuses, 30 a second; ids spread as hashes do.
fn busy(n: u64) -> FailureChange {
    let mut f = failure(n.wrapping_mul(0x9e37_79b9_7f4a_7c15), DATABASE, at(n as i64 / 30));
    f.route = format!("/shop/area-{}/{{id}}", n % 40);
    f.target = format!("/shop/area-{}/{}", n % 40, n % 10_000);
    f.status = [500, 502, 503][n as usize % 3];
    f
}

#[test]
fn a_further_failure_costs_less_than_a_hundred_bytes() {
    let folder = Folder::new("bytes");
    let mut store = Store::open(&folder).unwrap();
    let reader = store.reader().unwrap();
    let mut n = 0;
    let mut bytes = Vec::new();
    for round in 0..101 {
        let failures = (0..1_000).map(|i| busy(n + i)).collect();
        n += 1_000;
        store.commit(&digest(round, at(n as i64 / 30), vec![database()], failures)).unwrap();
        if round == 0 || round == 100 {
            let copy = folder.join(format!("copy-{round}"));
            reader.backup(&copy).unwrap();
            bytes.push(std::fs::metadata(&copy).unwrap().len());
        }
    }
    let each = (bytes[1] - bytes[0]) as f64 / 100_000.0;
    println!("{each:.1} bytes per further failure, counts included");
    assert!(each < 100.0, "{each:.1} bytes per failure");
    sound(&store);
}

/// `cargo test --release -p store --test store -- --ignored --nocapture`
#[test]
#[ignore = "a measurement: only a release build tells, on a machine that does nothing else"]
fn a_commit_of_a_thousand_failures_takes_less_than_ten_milliseconds() {
    let folder = Folder::new("speed");
    let mut store = Store::open(&folder).unwrap();
    // What the disk takes for the WAL's fsync: a commit of next to nothing.
    let empty = time(20, |i| store.commit(&digest(0, at(i), vec![], vec![])).unwrap());
    for rounds in [100_u64, 400, 500] {
        let start = store.digested().unwrap();
        let full = time(rounds as i64, |i| {
            let n = (start + i as u64) * 1_000;
            let failures = (0..1_000).map(|i| busy(n + i)).collect();
            let commit = digest(start + i as u64 + 1, at(n as i64 / 30), vec![database()], failures);
            store.commit(&commit).unwrap();
        });
        let rows = store.digested().unwrap() * 1_000;
        println!("{rows} failures kept: a commit of 1,000 takes {full:?}, one of none {empty:?} (medians)");
        assert!(full - empty < Duration::from_millis(10));
    }
}

/// The median time of some runs.
fn time(runs: i64, mut run: impl FnMut(i64)) -> Duration {
    let mut times: Vec<Duration> = (0..runs)
        .map(|i| {
            let start = Instant::now();
            run(i);
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[times.len() / 2]
}
