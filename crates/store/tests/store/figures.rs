//! What a further failure of a known problem costs, on disk and in time.

use crate::kit::*;
use std::time::{Duration, Instant};
use store::{FailureChange, Query, Sort, State, Store};

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

/// `cargo test --release -p store --test store figures -- --ignored --nocapture`. In memory, where there is such a file system:
/// there `fsync` takes no time, and what is left is ours.
#[test]
#[ignore = "a measurement: only a release build tells, on a machine that does nothing else"]
fn a_commit_of_a_thousand_failures_takes_less_than_ten_milliseconds() {
    let folder = Folder::in_memory("speed");
    let mut store = Store::open(&folder).unwrap();
    for rounds in [100_u64, 400, 500] {
        let mut times = Vec::new();
        for _ in 0..rounds {
            let next = store.digested().unwrap();
            let failures = (0..1_000).map(|i| busy(next * 1_000 + i)).collect();
            let commit = digest(next + 1, at(next as i64 * 1_000 / 30), vec![database()], failures);
            let start = Instant::now();
            store.commit(&commit).unwrap();
            times.push(start.elapsed());
        }
        times.sort_unstable();
        let (median, most) = (times[times.len() / 2], times[times.len() - 1]);
        let rows = store.digested().unwrap() * 1_000;
        println!("{rows} failures kept: a commit of 1,000 takes {median:?}, {most:?} at most");
        assert!(median < Duration::from_millis(10));
    }
}

#[test]
#[ignore = "a measurement: only a release build tells, on a machine that does nothing else"]
fn pages_of_a_hundred_thousand_problems_take_less_than_two_hundred_milliseconds() {
    let folder = Folder::in_memory("pages");
    let mut store = Store::open(&folder).unwrap();
    for hour in 0..11_u64 {
        let mut commit = digest(hour, at(hour as i64 * 3_600), vec![], vec![]);
        for n in hour * 9_500..(hour + 1) * 9_500 {
            let id = format!("{n:016x}");
            commit.problems.push(problem(&id, "code", "null-dereference", &format!("app/Part{n}.php:7")));
            commit
                .failures
                .extend((0..10).map(|i| store::FailureChange { problem: id.clone(), ..busy(n * 10 + i) }));
        }
        store.commit(&commit).unwrap();
    }
    let reader = store.reader().unwrap();
    let all = Query::default;
    for (what, query) in [
        ("the latest", all()),
        ("the most harmful", Query { sort: Sort::Harm, ..all() }),
        ("of a status", Query { status: Some(503), ..all() }),
        ("of a release that none has", Query { release: Some("none".to_owned()), ..all() }),
        ("with a word that one has", Query { text: "part77777.php".to_owned(), ..all() }),
        ("with a word that none has", Query { text: "nothing".to_owned(), ..all() }),
        ("resolved, of which there are none", Query { states: vec![State::Resolved], ..all() }),
    ] {
        let start = Instant::now();
        let rows = reader.problems(PROJECT, &query).unwrap().rows.len();
        let took = start.elapsed();
        println!("{what}: {rows} rows in {took:?}");
    }
    let start = Instant::now();
    reader.problem(PROJECT, "0000000000000010").unwrap().unwrap();
    println!("one problem: {:?}", start.elapsed());
    let start = Instant::now();
    reader.similar(PROJECT, "0000000000000010").unwrap();
    println!("similar ones: {:?}", start.elapsed());
    let start = Instant::now();
    reader.health(PROJECT, at(0), at(86_400)).unwrap();
    println!("health of a day: {:?}", start.elapsed());
}

/// How long one step of the retention has the store to itself.
#[test]
#[ignore = "a measurement: only a release build tells, on a machine that does nothing else"]
fn a_step_of_the_retention_takes_less_than_a_hundred_milliseconds() {
    let folder = Folder::new("steps");
    let mut store = Store::open(&folder).unwrap();
    let problems: Vec<_> = (0..2_000)
        .map(|p| problem(&format!("{p:016x}"), "code", "null-dereference", "app/Cart.php:88"))
        .collect();
    for n in 0..1_000_u64 {
        let failures = (n * 1_000..(n + 1) * 1_000)
            .map(|i| FailureChange { problem: format!("{:016x}", i % 2_000), ..busy(i) });
        let mut commit = digest(n + 1, at(n as i64 * 1_000 / 30), problems.clone(), failures.collect());
        if n > 0 {
            commit.problems.clear();
        }
        commit.examples =
            (n * 1_000..n * 1_000 + 50).map(|i| example(i, &format!("{:016x}", i % 2_000))).collect();
        store.commit(&commit).unwrap();
    }
    println!("{} bytes", store.bytes_used().unwrap());
    const DAY: i64 = 86_400;
    let half = store.bytes_used().unwrap() / 2;
    for (what, now, bytes) in [
        ("nothing to do", at(DAY), u64::MAX),
        ("half by size", at(DAY), half),
        ("all by age", at(100 * DAY), u64::MAX),
        ("all problems", at(500 * DAY), u64::MAX),
    ] {
        let mut retention = store::Retention::new(now, 90, bytes);
        let mut times = Vec::new();
        loop {
            let start = Instant::now();
            let more = store.retention_step(&mut retention).unwrap();
            times.push(start.elapsed());
            if !more {
                break;
            }
        }
        let all: Duration = times.iter().sum();
        let most = times.iter().max().copied().unwrap_or_default();
        println!("{what}: {:?}; {} steps in {all:?}, {most:?} at most", retention.gone(), times.len());
        assert!(most < Duration::from_millis(100), "{most:?}");
    }
    sound(&store);
    let start = Instant::now();
    store.sweep(at(0), 14).unwrap();
    println!("a sweep: {:?}", start.elapsed());
}
