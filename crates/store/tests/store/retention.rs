//! Letting go by age and by size, and of a project.

use crate::kit::*;
use store::{RequestCount, Store};

const DAY: i64 = 86_400;
const PLENTY: u64 = 1 << 40;

#[test]
fn old_failures_go_and_their_counts_stay() {
    let folder = Folder::new("age");
    let mut store = Store::open(&folder).unwrap();
    let failures = (0..100).map(|i| failure(i, CART, at(i as i64 * DAY))).collect();
    let mut commit = digest(1, at(99 * DAY), vec![cart()], failures);
    commit.examples = (0..100).map(|i| example(i, CART)).collect();
    store.commit(&commit).unwrap();
    let gone = store.retention(at(100 * DAY), 30, PLENTY).unwrap();
    assert_eq!(gone.failures, 70);
    assert!(gone.examples > 10);
    sound(&store);
    let reader = store.reader().unwrap();
    let problem = one(&reader, CART);
    assert_eq!((problem.row.count, problem.row.first_seen), (100, at(0)));
    assert_eq!(problem.statuses, [(500, 100)]);
    assert_eq!(reader.failures(PROJECT, CART, None, 100).unwrap().rows.len(), 30);
    // What is older than that is not taken in again.
    store
        .commit(&digest(
            2,
            at(100 * DAY),
            vec![],
            vec![failure(3, CART, at(3 * DAY)), failure(500, CART, at(5))],
        ))
        .unwrap();
    assert_eq!(one(&reader, CART).row.count, 100);
    let dropped = &reader.dropped().unwrap()[0];
    assert_eq!((dropped.count, dropped.reason.as_str()), (2, "older than failures are kept"));
    // One that is kept can still move.
    store
        .commit(&digest(3, at(100 * DAY), vec![database()], vec![failure(80, DATABASE, at(80 * DAY))]))
        .unwrap();
    assert_eq!(one(&reader, CART).row.count, 99);
    sound(&store);
}

#[test]
fn durations_are_kept_for_as_long_as_they_tell_what_is_usual() {
    let folder = Folder::new("durations");
    let mut store = Store::open(&folder).unwrap();
    let of = |day: i64, ms: u64| RequestCount {
        project: PROJECT,
        minute: at(day * DAY).secs() / 60,
        route: "/report".to_owned(),
        status: 200,
        count: 200,
        took: vec![(store::duration_bucket(ms * 1_000), 200)],
        ..RequestCount::default()
    };
    let mut commit = digest(1, at(20 * DAY), vec![], vec![]);
    commit.requests = vec![of(0, 9_000), of(10, 100), of(20, 3_000)];
    store.commit(&commit).unwrap();
    let durations = |store: &Store| store.reader().unwrap().durations(PROJECT, at(20 * DAY + 60)).unwrap();
    // What is older than durations are kept is not taken in.
    let route = &durations(&store)[0];
    assert_eq!((route.now.requests, route.before.unwrap().requests), (200, 200));
    assert!((2_400_000..3_600_000).contains(&route.now.p95_us), "{route:?}");
    assert!((80_000..120_000).contains(&route.before.unwrap().p95_us), "{route:?}");
    for (days, steps) in [(1, 1), (6, 1), (12, 2)] {
        let reader = store.reader().unwrap();
        let from = at(20 * DAY - days * DAY);
        let lines = reader.duration_lines(PROJECT, &[route], from, at(20 * DAY + 60), 30).unwrap();
        assert_eq!(lines.lines[0].iter().flatten().count(), steps, "{days} days: {lines:?}");
    }
    store.retention(at(26 * DAY), 90, PLENTY).unwrap();
    assert_eq!(durations(&store), [], "the latest are gone after a day");
    // What comes in again is not held against what was long before.
    let mut commit = digest(2, at(20 * DAY), vec![], vec![]);
    commit.requests = vec![of(20, 3_000)];
    store.commit(&commit).unwrap();
    assert_eq!(durations(&store)[0].before, None);
    sound(&store);
}

#[test]
fn counts_by_minute_become_counts_by_hour() {
    let folder = Folder::new("hours");
    let mut store = Store::open(&folder).unwrap();
    let failures = (0..120).map(|i| failure(i, CART, at(i as i64 * 60))).collect();
    let mut commit = digest(1, at(7_200), vec![cart()], failures);
    commit.requests = (0..120)
        .map(|i| RequestCount {
            project: PROJECT,
            minute: at(i * 60).secs() / 60,
            status: 200,
            count: 10,
            ..RequestCount::default()
        })
        .collect();
    store.commit(&commit).unwrap();
    let reader = store.reader().unwrap();
    assert_eq!(one(&reader, CART).minutes.len(), 120);
    store.retention(at(40 * DAY), 90, PLENTY).unwrap();
    let hours = one(&reader, CART).minutes;
    assert_eq!(hours.iter().map(|m| m.1).collect::<Vec<_>>(), [60, 60]);
    let line = reader.timeline(PROJECT, at(0), at(7_200), 60).unwrap();
    assert_eq!(line.iter().map(|s| (s.requests, s.failures)).collect::<Vec<_>>(), [(660, 60), (660, 60)]);
    // A failure of that time that goes is taken off its hour.
    let gone =
        store::Commit { digested: 2, at: at(40 * DAY), gone: vec![(PROJECT, 7)], ..Default::default() };
    store.commit(&gone).unwrap();
    assert_eq!(one(&reader, CART).minutes[0].1, 59);
    sound(&store);
    // After thirteen months nothing is left.
    let gone = store.retention(at(500 * DAY), 90, PLENTY).unwrap();
    assert_eq!(gone.problems, 1);
    assert!(reader.problem(PROJECT, CART).unwrap().is_none());
    assert_eq!(reader.sizes().unwrap().failures, 0);
    sound(&store);
}

#[test]
fn the_oldest_go_until_the_rest_fits_and_the_file_gets_smaller() {
    let folder = Folder::new("size");
    let mut store = Store::open(&folder).unwrap();
    for round in 0..20 {
        let ids = round * 2_000..(round + 1) * 2_000;
        let problems = (0..50).map(|p| problem(&format!("{p:016x}"), "code", "x", "y")).collect();
        let failures = ids.map(|i| failure(i, &format!("{:016x}", i % 50), at(i as i64 * 10))).collect();
        let mut commit = digest(round, at(round as i64 * 20_000), problems, failures);
        commit.examples = (0..500).map(|i| example(round * 2_000 + i, "")).collect();
        commit.examples.iter_mut().for_each(|e| e.records = vec![7; 4_000]);
        store.commit(&commit).unwrap();
    }
    let reader = store.reader().unwrap();
    let before = reader.sizes().unwrap();
    let limit = 4 << 20;
    assert!(before.database_bytes > 2 * limit, "{before:?}");
    let gone = store.retention(at(400_000), 90, limit).unwrap();
    assert!(gone.bytes <= limit && gone.bytes > limit / 4, "{gone:?}");
    let kept = reader.failures(PROJECT, "0000000000000001", None, 500).unwrap().rows;
    assert!(kept.first().unwrap().at > at(399_000), "the latest stay");
    sound(&store);
    let file = std::fs::metadata(folder.join("why500.db")).unwrap().len();
    assert!(file < limit + (5 << 20), "{file} bytes");
}

#[test]
fn an_id_is_remembered_for_a_day_and_never_counted_twice_in_one_place() {
    let folder = Folder::new("ids");
    let mut store = Store::open(&folder).unwrap();
    let reader = store.reader().unwrap();
    let mut digested = 0;
    let mut commit = |store: &mut Store, when, failures| {
        digested += 1;
        store.commit(&digest(digested, when, vec![cart(), database()], failures)).unwrap();
    };
    commit(&mut store, at(0), vec![failure(1, CART, at(0))]);
    commit(&mut store, at(2 * DAY), vec![failure(2, CART, at(2 * DAY))]);
    // The tables of ids have changed places once: the first is still known, and moves.
    commit(&mut store, at(2 * DAY + 1), vec![failure(1, DATABASE, at(0))]);
    assert_eq!((one(&reader, CART).row.count, one(&reader, DATABASE).row.count), (1, 1));
    for days in 3..6 {
        commit(&mut store, at(days * 2 * DAY), vec![failure(days as u64, CART, at(days * 2 * DAY))]);
    }
    // By now its id is forgotten; told again it is still no other one.
    commit(&mut store, at(20 * DAY), vec![failure(1, DATABASE, at(0)), failure(2, CART, at(2 * DAY))]);
    assert_eq!((one(&reader, CART).row.count, one(&reader, DATABASE).row.count), (4, 1));
    sound(&store);
}
