//! What a commit brings: failures counted where they belong now, once, and problems in the state that follows.

use crate::kit::*;
use record::Time;
use store::{Commit, Dropped, MarkRow, OTHER_PROBLEM, Query, RequestCount, State, Store};

const HOUR: i64 = 3_600;

/// All that a reader sees of the problems and counts, as one text.
fn seen(store: &Store) -> String {
    let reader = store.reader().unwrap();
    let mut text = String::new();
    for state in State::ALL {
        let query = Query { states: vec![state], ..Query::default() };
        for row in reader.problems(PROJECT, &query).unwrap().rows {
            let failures = reader.failures(PROJECT, &row.id, None, 500).unwrap();
            text += &format!("{:?}\n{:?}\n", one(&reader, &row.id), failures);
        }
    }
    text += &format!("{:?}\n", reader.timeline(PROJECT, at(-HOUR), at(10 * HOUR), 1).unwrap());
    text += &format!("{:?}\n", reader.health(PROJECT, at(-HOUR), at(10 * HOUR)).unwrap());
    let durations = reader.durations(PROJECT, at(HOUR / 2)).unwrap();
    let lines = reader
        .duration_lines(PROJECT, &durations.iter().collect::<Vec<_>>(), at(-HOUR), at(HOUR), 60)
        .unwrap();
    text += &format!("{durations:?} {lines:?}\n");
    text + &format!(
        "{:?} {:?}",
        reader.dropped().unwrap(),
        reader.marks(PROJECT, at(-HOUR), at(HOUR)).unwrap()
    )
}

/// A commit with all there can be in one.
fn rich() -> Commit {
    let mut failures: Vec<_> = (0..20).map(|i| failure(i, DATABASE, at(i as i64 * 30))).collect();
    failures.extend((20..23).map(|i| failure(i, CART, at(i as i64))));
    let mut commit = digest(7, at(600), vec![database(), cart()], failures);
    commit.examples = (0..5).map(|i| example(i, DATABASE)).collect();
    commit.gone = vec![(PROJECT, 19)];
    commit.requests = vec![RequestCount {
        project: PROJECT,
        minute: at(0).secs() / 60,
        service: "shop".to_owned(),
        method: "GET".to_owned(),
        route: "/cart/{id}".to_owned(),
        status: 200,
        count: 1_000,
        took: vec![(3, 990), (11, 10)],
    }];
    let deploy = ("deploy".to_owned(), "shop@3.8.0".to_owned());
    commit.marks = vec![MarkRow { project: PROJECT, at: at(-5), kind: deploy.0, what: deploy.1, id: 1 }];
    commit.dropped = vec![Dropped {
        project: PROJECT,
        wire: "sentry".to_owned(),
        reason: "larger than 1 MiB".to_owned(),
        count: 3,
    }];
    commit
}

#[test]
fn the_same_commit_twice_changes_nothing() {
    let folder = Folder::new("twice");
    let mut store = Store::open(&folder).unwrap();
    store.commit(&rich()).unwrap();
    let once = seen(&store);
    store.commit(&rich()).unwrap();
    assert_eq!(seen(&store), once);
    assert_eq!(store.digested().unwrap(), 7);
    // After a restart too, and behind a later one.
    drop(store);
    let mut store = Store::open(&folder).unwrap();
    store.commit(&rich()).unwrap();
    assert_eq!(seen(&store), once);
    store.commit(&digest(9, at(700), vec![], vec![failure(50, CART, at(650))])).unwrap();
    let later = seen(&store);
    store.commit(&rich()).unwrap();
    assert_eq!(seen(&store), later);
    assert_eq!(store.digested().unwrap(), 9);
    sound(&store);
}

#[test]
fn failures_are_counted_by_problem_route_status_and_minute() {
    let folder = Folder::new("counts");
    let mut store = Store::open(&folder).unwrap();
    store.commit(&rich()).unwrap();
    let mut other = failure(30, DATABASE, at(60));
    (other.status, other.method, other.route) = (0, "POST".to_owned(), "/checkout".to_owned());
    store.commit(&digest(8, at(601), vec![], vec![other])).unwrap();
    let reader = store.reader().unwrap();
    let database = one(&reader, DATABASE);
    assert_eq!(database.row.count, 20, "one of twenty is gone, one came");
    assert_eq!((database.row.first_seen, database.row.last_seen), (at(0), at(18 * 30)));
    assert_eq!(database.statuses, [(0, 1), (500, 19)]);
    let endpoints: Vec<_> = database.endpoints.iter().map(|e| (e.route.as_str(), e.count)).collect();
    assert_eq!(endpoints, [("/cart/{id}", 19), ("/checkout", 1)]);
    assert_eq!(database.releases, [("shop@3.8.0".to_owned(), 20)]);
    assert_eq!(database.minutes[..3], [(30_000_000, 2), (30_000_001, 3), (30_000_002, 2)]);
    assert_eq!(database.document, format!("{{\"id\": \"{DATABASE}\"}}"));
    let line = reader.timeline(PROJECT, at(0), at(120), 1).unwrap();
    assert_eq!(line.iter().map(|s| (s.requests, s.failures)).collect::<Vec<_>>(), [(1_005, 5), (3, 3)]);
    let health = reader.health(PROJECT, at(0), at(HOUR)).unwrap();
    assert_eq!(
        (health[0].requests, health[0].failures, health[0].share),
        (Some(1_022), 22, Some(22.0 / 1_022.0))
    );
    assert_eq!((health[1].requests, health[1].failures, health[1].share), (None, 1, None));
    assert_eq!(reader.dropped().unwrap()[0].count, 3);
    assert_eq!(reader.marks(PROJECT, at(-10), at(0)).unwrap()[0].what, "shop@3.8.0");
    let sizes = reader.sizes().unwrap();
    assert_eq!((sizes.problems, sizes.failures, sizes.examples), (2, 23, 5));
    sound(&store);
}

#[test]
fn a_failure_that_changes_is_counted_where_it_is_now() {
    let folder = Folder::new("changes");
    let mut store = Store::open(&folder).unwrap();
    store.commit(&rich()).unwrap();
    // The proxy's record came late: it was a 502, a second earlier, and of another path.
    let mut known = failure(0, DATABASE, at(-1));
    (known.status, known.target) = (502, "/cart/17?coupon=x".to_owned());
    store.commit(&digest(8, at(601), vec![], vec![known.clone()])).unwrap();
    let reader = store.reader().unwrap();
    let database = one(&reader, DATABASE);
    assert_eq!((database.row.count, database.row.first_seen), (19, at(-1)));
    assert_eq!(database.statuses, [(500, 18), (502, 1)]);
    known.target = "/cart/18".to_owned();
    store.commit(&digest(9, at(602), vec![], vec![known])).unwrap();
    let failures = reader.failures(PROJECT, DATABASE, None, 50).unwrap().rows;
    let last = failures.last().unwrap();
    assert_eq!((last.id, last.target.as_str(), last.example), (0, "/cart/18", true));
    sound(&store);
}

#[test]
fn a_problem_whose_failures_all_move_was_a_first_thought_of_the_other() {
    let folder = Folder::new("moves");
    let mut store = Store::open(&folder).unwrap();
    let mut first = digest(1, at(5), vec![cart()], (0..3).map(|i| failure(i, CART, at(i as i64))).collect());
    first.examples = vec![example(1, CART)];
    store.commit(&first).unwrap();
    let moved = (0..3).map(|i| failure(i, DATABASE, at(i as i64))).collect();
    store.commit(&digest(2, at(10), vec![database()], moved)).unwrap();
    let reader = store.reader().unwrap();
    let was = one(&reader, CART);
    assert_eq!((was.row.count, was.row.state), (0, State::Superseded));
    assert_eq!(was.row.superseded_by.as_deref(), Some(DATABASE));
    let is = one(&reader, DATABASE);
    assert_eq!(is.row.count, 3);
    assert_eq!(is.first_thoughts[0].title, "null-dereference at app/Cart.php:88");
    assert_eq!(is.first_thoughts[0].until, at(10));
    assert_eq!(is.examples.len(), 1, "the example went with its failure");
    assert_eq!(reader.example(PROJECT, 1).unwrap().unwrap().problem, DATABASE);
    // It is not listed, unless asked for.
    assert_eq!(reader.problems(PROJECT, &Query::default()).unwrap().rows.len(), 1);
    // And comes back if it has failures of its own.
    store.commit(&digest(3, at(20), vec![cart()], vec![failure(9, CART, at(15))])).unwrap();
    let back = one(&reader, CART);
    assert_eq!((back.row.state, back.row.superseded_by, back.row.first_seen), (State::Ongoing, None, at(15)));
    assert!(one(&reader, DATABASE).first_thoughts.is_empty());
    sound(&store);
}

#[test]
fn a_problem_whose_failures_turn_out_to_be_none_is_withdrawn() {
    let folder = Folder::new("withdrawn");
    let mut store = Store::open(&folder).unwrap();
    store.commit(&digest(1, at(5), vec![cart()], vec![failure(1, CART, at(1))])).unwrap();
    store.commit(&Commit { digested: 2, at: at(6), gone: vec![(PROJECT, 1)], ..Commit::default() }).unwrap();
    let reader = store.reader().unwrap();
    assert_eq!(one(&reader, CART).row.state, State::Withdrawn);
    assert_eq!(reader.timeline(PROJECT, at(0), at(60), 1).unwrap()[0].failures, 0);
    sound(&store);
}

#[test]
fn another_verdict_keeps_the_one_before_with_its_time() {
    let folder = Folder::new("revisions");
    let mut store = Store::open(&folder).unwrap();
    store.commit(&digest(1, at(0), vec![database()], vec![failure(1, DATABASE, at(0))])).unwrap();
    // More of the same is no revision; another confidence neither.
    let mut same = database();
    (same.confidence, same.document) = (0.95, "{\"more\": 1}".to_owned());
    store.commit(&digest(2, at(10), vec![same], vec![])).unwrap();
    let mut revised = database();
    (revised.cause, revised.culprit, revised.trigger) = ("too-many-connections".to_owned(), None, None);
    store.commit(&digest(3, at(20), vec![revised], vec![])).unwrap();
    let problem = one(&store.reader().unwrap(), DATABASE);
    assert_eq!(problem.row.cause, "too-many-connections");
    assert_eq!(problem.row.explained, at(20));
    let [before] = &problem.revisions[..] else { panic!("{:?}", problem.revisions) };
    assert_eq!((before.cause.as_str(), before.since, before.until), ("connection-refused", at(0), at(20)));
    assert_eq!(before.confidence, 0.95);
    // One that flaps is kept in bounds, with its first thought.
    for i in 0..200 {
        let flap = problem_of(i);
        store.commit(&digest(4 + i, at(30 + i as i64), vec![flap], vec![])).unwrap();
    }
    let problem = one(&store.reader().unwrap(), DATABASE);
    assert_eq!(problem.revisions.len() as i64, store::REVISIONS_PER_PROBLEM);
    assert_eq!(problem.revisions[0].cause, "connection-refused");
}

fn problem_of(i: u64) -> store::ProblemChange {
    problem(DATABASE, "database", &format!("cause-{}", i % 2), "db:3306")
}

#[test]
fn new_becomes_ongoing_by_ten_failures_or_an_hour() {
    let folder = Folder::new("ongoing");
    let mut store = Store::open(&folder).unwrap();
    let reader = store.reader().unwrap();
    store.commit(&digest(1, at(0), vec![cart()], (0..9).map(|i| failure(i, CART, at(0))).collect())).unwrap();
    assert_eq!(one(&reader, CART).row.state, State::New);
    store.commit(&digest(2, at(9), vec![], vec![failure(9, CART, at(9))])).unwrap();
    assert_eq!(states(&one(&reader, CART)), [State::New, State::Ongoing]);
    assert_eq!(one(&reader, CART).states[1].reason, "10 failures");
    store.commit(&digest(3, at(0), vec![database()], vec![failure(20, DATABASE, at(0))])).unwrap();
    store.commit(&digest(4, at(HOUR), vec![], vec![failure(21, DATABASE, at(HOUR))])).unwrap();
    let database = one(&reader, DATABASE);
    assert_eq!((database.row.state, database.row.state_at), (State::Ongoing, at(HOUR)));
}

#[test]
fn a_million_messages_do_not_make_a_million_problems() {
    let folder = Folder::new("flood");
    let mut store = Store::open(&folder).unwrap();
    let reader = store.reader().unwrap();
    let flood = |from: u64, n: u64, when: Time| {
        let ids: Vec<u64> = (from..from + n).collect();
        let problems = ids.iter().map(|i| problem(&format!("{i:016x}"), "code", "x", "y")).collect();
        let failures = ids.iter().map(|i| failure(*i, &format!("{i:016x}"), when)).collect();
        digest(from, when, problems, failures)
    };
    store.commit(&flood(1, 12_000, at(0))).unwrap();
    let sizes = reader.sizes().unwrap();
    assert_eq!((sizes.problems, sizes.failures), (10_001, 12_000));
    let other = one(&reader, OTHER_PROBLEM);
    assert_eq!(other.row.count, 2_000);
    assert_eq!(other.row.title, "other problems, beyond 10000 new ones within an hour");
    // Known ones are counted on, and the next hour has its own share.
    store.commit(&flood(20_000, 5, at(2 * HOUR))).unwrap();
    assert_eq!(reader.sizes().unwrap().problems, 10_006);
    sound(&store);
}

#[test]
fn routes_beyond_a_thousand_are_counted_under_other() {
    let folder = Folder::new("routes");
    let mut store = Store::open(&folder).unwrap();
    let scan = |i: u64| {
        let mut f = failure(i, CART, at(0));
        f.route = format!("/wp-{i}.php");
        f
    };
    store.commit(&digest(1, at(0), vec![cart()], (0..1_200).map(scan).collect())).unwrap();
    drop(store);
    // The limit holds over a restart.
    let mut store = Store::open(&folder).unwrap();
    store.commit(&digest(2, at(1), vec![], (1_200..1_300).map(scan).collect())).unwrap();
    let problem = one(&store.reader().unwrap(), CART);
    assert_eq!((problem.endpoints[0].route.as_str(), problem.endpoints[0].count), ("other", 300));
    sound(&store);
}

#[test]
fn examples_are_bounded_and_keep_the_first_the_last_and_the_odd() {
    let folder = Folder::new("examples");
    let mut store = Store::open(&folder).unwrap();
    for round in 0..20 {
        let ids = round * 50..round * 50 + 50;
        let failures = ids.clone().map(|i| failure(i, CART, at(i as i64))).collect();
        let mut commit = digest(round, at(round as i64 * 50), vec![cart()], failures);
        commit.examples = ids.map(|i| store::Example { odd: i == 333, ..example(i, CART) }).collect();
        store.commit(&commit).unwrap();
    }
    let reader = store.reader().unwrap();
    let problem = one(&reader, CART);
    assert_eq!(problem.examples.len(), store::EXAMPLES_PER_PROBLEM);
    let kept: Vec<u64> = problem.examples.iter().map(|e| e.failure).collect();
    assert_eq!(kept[..5], [999, 998, 997, 996, 995]);
    assert!(kept.contains(&0) && kept.contains(&333));
    let odd = reader.example(PROJECT, 333).unwrap().unwrap();
    assert_eq!((odd.odd, odd.records, odd.at), (true, 333_u64.to_le_bytes().to_vec(), at(333)));
    assert_eq!(reader.example(2, 333).unwrap(), None, "another project's eyes see nothing");
    sound(&store);
}

#[test]
fn two_projects_may_have_the_same_failure_and_the_same_problem() {
    let folder = Folder::new("two");
    let mut store = Store::open(&folder).unwrap();
    let mut theirs = (cart(), failure(1, CART, at(0)));
    (theirs.0.project, theirs.1.project) = (2, 2);
    store.commit(&digest(1, at(0), vec![cart(), theirs.0], vec![failure(1, CART, at(0)), theirs.1])).unwrap();
    store.commit(&Commit { digested: 2, at: at(1), gone: vec![(2, 1)], ..Commit::default() }).unwrap();
    let reader = store.reader().unwrap();
    assert_eq!(one(&reader, CART).row.count, 1);
    assert_eq!(reader.problem(2, CART).unwrap().unwrap().row.count, 0);
    assert_eq!(reader.problem(3, CART).unwrap(), None);
    sound(&store);
}

#[test]
fn a_bad_commit_changes_nothing() {
    let folder = Folder::new("bad");
    let mut store = Store::open(&folder).unwrap();
    store.commit(&rich()).unwrap();
    let before = seen(&store);
    let mut bad =
        digest(9, at(9), vec![database()], vec![failure(99, CART, at(9)), failure(100, "not hex", at(9))]);
    bad.failures[0].route = "/new".to_owned();
    assert!(store.commit(&bad).is_err());
    assert_eq!(seen(&store), before);
    // What was named in the transaction that was taken back is not remembered.
    bad.failures.pop();
    store.commit(&bad).unwrap();
    assert_eq!(one(&store.reader().unwrap(), CART).row.count, 4);
    sound(&store);
}

#[test]
fn failures_come_and_go_at_random_and_the_counts_hold() {
    // A linear congruential walk: the same each time.
    let mut seed = 17_u64;
    let mut random = move |n: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % n
    };
    let folder = Folder::new("random");
    let mut store = Store::open(&folder).unwrap();
    let mut truth: std::collections::BTreeMap<u64, (u64, i64)> = Default::default();
    for round in 0..60 {
        let mut commit = digest(round, at(round as i64), vec![], vec![]);
        for _ in 0..random(40) {
            let (id, to, when) = (random(200), random(6), random(9_000) as i64);
            let hex = format!("{:016x}", to + 1);
            commit.problems.push(problem(&hex, "code", "x", &to.to_string()));
            commit.failures.push(failure(id, &hex, at(when)));
            if random(3) == 0 {
                commit.examples.push(example(id, &hex));
            }
            truth.insert(id, (to, when));
        }
        for _ in 0..random(8) {
            let id = random(200);
            commit.gone.push((PROJECT, id));
            truth.remove(&id);
        }
        store.commit(&commit).unwrap();
        sound(&store);
    }
    let reader = store.reader().unwrap();
    for to in 0..6 {
        let mine: Vec<i64> = truth.values().filter(|(t, _)| *t == to).map(|(_, when)| *when).collect();
        let row = one(&reader, &format!("{:016x}", to + 1)).row;
        assert_eq!(row.count, mine.len() as u64);
        if let (Some(first), Some(last)) = (mine.iter().min(), mine.iter().max()) {
            assert_eq!((row.first_seen, row.last_seen), (at(*first), at(*last)));
        }
    }
}
