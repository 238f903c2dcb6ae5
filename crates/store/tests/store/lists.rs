//! Lists, pages, searches, and reading while commits go on.

use crate::kit::*;
use std::sync::atomic::{AtomicBool, Ordering};
use store::{Error, FailureChange, Query, Reader, Sort, State, Store};

/// Thirty problems, each with as many failures as its number, the last one minute apart.
fn thirty(folder: &Folder) -> Store {
    let mut store = Store::open(folder).unwrap();
    let mut commit = digest(1, at(3_000), vec![], vec![]);
    for n in 1..=30_u64 {
        let id = format!("{n:016x}");
        let (class, cause) = if n % 2 == 0 { ("code", "null-dereference") } else { ("database", "deadlock") };
        commit.problems.push(problem(&id, class, cause, &format!("app/Part{n}.php:7")));
        for i in 0..n {
            let mut f: FailureChange = failure(n * 1_000 + i, &id, at((n * 60) as i64 - i as i64));
            f.route = format!("/part/{n}");
            f.status = if n % 3 == 0 { 502 } else { 500 };
            f.release = Some(format!("shop@3.{}.0", n % 5));
            commit.failures.push(f);
        }
    }
    store.commit(&commit).unwrap();
    store
}

/// The numbers of the problems that a query finds.
fn found(reader: &Reader, query: Query) -> Vec<u64> {
    let rows = reader.problems(PROJECT, &Query { limit: 100, ..query }).unwrap().rows;
    rows.iter().map(|r| u64::from_str_radix(&r.id, 16).unwrap()).collect()
}

#[test]
fn pages_go_through_all_in_each_order() {
    let folder = Folder::new("pages");
    let store = thirty(&folder);
    let reader = store.reader().unwrap();
    for sort in [Sort::LastSeen, Sort::FirstSeen, Sort::Count, Sort::Harm] {
        let mut query = Query { sort, limit: 7, ..Query::default() };
        let mut all = Vec::new();
        loop {
            let page = reader.problems(PROJECT, &query).unwrap();
            assert!(page.rows.len() == 7 || page.next.is_none());
            all.extend(page.rows.into_iter().map(|r| u64::from_str_radix(&r.id, 16).unwrap()));
            query.cursor = page.next;
            if query.cursor.is_none() {
                break;
            }
        }
        assert_eq!(all, (1..=30).rev().collect::<Vec<_>>(), "{sort:?}");
    }
    let mut ids = Vec::new();
    let mut cursor = None;
    loop {
        let page = reader.failures(PROJECT, "000000000000001e", cursor.as_deref(), 8).unwrap();
        ids.extend(page.rows.iter().map(|f| f.id));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(ids, (30_000..30_030).collect::<Vec<_>>());
}

#[test]
fn a_cursor_of_elsewhere_is_refused() {
    let folder = Folder::new("cursor");
    let store = thirty(&folder);
    let reader = store.reader().unwrap();
    let next = reader.problems(PROJECT, &Query { limit: 1, ..Query::default() }).unwrap().next;
    let other = Query { sort: Sort::Count, cursor: next, ..Query::default() };
    assert!(matches!(reader.problems(PROJECT, &other), Err(Error::Cursor)));
    for wild in ["", "l", "l-", "l1-", "lx-y", "l1-1'; DROP TABLE problems", "é"] {
        let query = Query { cursor: Some(wild.to_owned()), ..Query::default() };
        assert!(matches!(reader.problems(PROJECT, &query), Err(Error::Cursor)), "{wild}");
    }
}

#[test]
fn a_query_finds_what_it_names() {
    let folder = Folder::new("query");
    let mut store = thirty(&folder);
    let reader = store.reader().unwrap();
    let all = Query::default;
    assert_eq!(found(&reader, Query { class: Some("code".to_owned()), ..all() }).len(), 15);
    assert_eq!(found(&reader, Query { status: Some(502), ..all() }).len(), 10);
    assert_eq!(found(&reader, Query { route: Some("/part/7".to_owned()), ..all() }), [7]);
    assert_eq!(found(&reader, Query { release: Some("shop@3.4.0".to_owned()), ..all() }).len(), 6);
    assert_eq!(found(&reader, Query { release: Some("shop@9".to_owned()), ..all() }), []);
    assert_eq!(found(&reader, Query { environment: Some("production".to_owned()), ..all() }).len(), 30);
    assert_eq!(found(&reader, Query { service: Some("blog".to_owned()), ..all() }), []);
    assert_eq!(found(&reader, Query { since: Some(at(29 * 60)), ..all() }), [30, 29]);
    assert_eq!(found(&reader, Query { until: Some(at(60)), ..all() }), [1]);
    assert_eq!(found(&reader, Query { text: "PART9.php database/dead".to_owned(), ..all() }), [9]);
    assert_eq!(found(&reader, Query { text: "/part/11".to_owned(), ..all() }), [11]);
    assert_eq!(found(&reader, Query { text: "00001e".to_owned(), ..all() }), [30]);
    assert_eq!(found(&reader, Query { text: "100%_\\'".to_owned(), ..all() }), []);
    assert_eq!(
        found(&reader, Query { states: vec![State::New], ..all() }),
        (1..10).rev().collect::<Vec<_>>()
    );
    store.resolve(at(4_000), PROJECT, "0000000000000003", "ada", None).unwrap();
    assert_eq!(found(&reader, Query { states: vec![State::Resolved], ..all() }), [3]);
    assert!(reader.problems(2, &all()).unwrap().rows.is_empty());
    let similar = reader.similar(PROJECT, "0000000000000004").unwrap();
    assert_eq!(similar.len(), 14);
    assert!(similar.iter().all(|p| p.cause == "null-dereference"));
    assert_eq!(reader.releases(PROJECT).unwrap().len(), 5);
}

/// Problems enough that a search goes by the index: all are of `shop`, one in a hundred of `Rate`, the first of `Zürich`.
fn many(folder: &Folder, n: u64) -> Store {
    let mut store = Store::open(folder).unwrap();
    let mut commit = digest(1, at(0), vec![], vec![]);
    for i in 1..=n {
        let id = format!("{i:016x}");
        let culprit = match i {
            1 => "shop/Zürich.php:7 \"quoted\"".to_owned(),
            i if i % 100 == 0 => format!("shop/Rate.php:{i}"),
            i => format!("shop/Cart.php:{i}"),
        };
        commit.problems.push(problem(&id, "code", "null-dereference", &culprit));
        let mut f = failure(i, &id, at(i as i64));
        f.route = format!("/part/{}", i % 40);
        commit.failures.push(f);
    }
    store.commit(&commit).unwrap();
    store
}

#[test]
fn rare_words_and_frequent_ones_are_found_among_many() {
    let folder = Folder::new("search");
    let mut store = many(&folder, 6_000);
    let reader = store.reader().unwrap();
    let search = |text: &str| found(&reader, Query { text: text.to_owned(), ..Query::default() });
    // Rare ones, in any part of what is searched and in any case.
    assert_eq!(search("zürich"), [1]);
    assert_eq!(search("ZÜRICH"), [], "letters beyond ASCII have the case they have");
    assert_eq!(search("\"QUOTED\""), [1]);
    assert_eq!(search("shop/rate.php:5900"), [5_900]);
    assert_eq!(search("0000000000001770"), [6_000]);
    assert_eq!(search("nosuchword"), []);
    assert_eq!(search("shop nosuchword"), []);
    // Its groups of three letters are there, it is not.
    assert_eq!(search("shop/shop/rate"), []);
    // Words that are too short for the index, alone and beside others.
    assert_eq!(search("ü"), [1]);
    assert_eq!(search("te rate").first(), Some(&6_000));
    assert_eq!(search("\" te nosuchword"), []);
    // What an index's own language would read is words like others.
    for odd in
        ["\"\"\"", "OR OR", "AND", "NEAR(a", "***", "a\0b", "shop\0", "text:shop", "^shop", "{shop}:", "'''"]
    {
        search(odd);
    }
    assert_eq!(search(&"x".repeat(5_000)), []);
    // Frequent ones: the first of the order, and those that lie behind its first thousands.
    assert_eq!(search("shop"), (5_901..=6_000).rev().collect::<Vec<_>>());
    assert_eq!(search("rate.php").len(), 60);
    assert_eq!(search("/part/7 cart").len(), 100);
    assert_eq!(search("/part/7 :7 zürich"), []);
    // By pages it is the same.
    let mut query =
        Query { text: "part/1 shop".to_owned(), sort: Sort::FirstSeen, limit: 300, ..Query::default() };
    let mut all = Vec::new();
    loop {
        let page = reader.problems(PROJECT, &query).unwrap();
        all.extend(page.rows.into_iter().map(|r| r.id));
        query.cursor = page.next;
        if query.cursor.is_none() {
            break;
        }
    }
    let of_route = |n: &u64| n % 40 == 1 || (10..20).contains(&(n % 40));
    assert_eq!(all, (1..=6_000).rev().filter(of_route).map(|n| format!("{n:016x}")).collect::<Vec<_>>());
    // What is explained anew is found by its new words, not by the old.
    let again = problem("0000000000000001", "code", "division-by-zero", "shop/Genf.php:7");
    store.commit(&digest(2, at(7_000), vec![again], vec![])).unwrap();
    let search = |text: &str| found(&reader, Query { text: text.to_owned(), ..Query::default() });
    assert_eq!(search("zürich"), []);
    assert_eq!(search("genf"), [1]);
    assert_eq!(search("division-by-zero"), [1]);
    sound(&store);
    // What goes is in the index no more.
    store.retention(at((store::COUNT_DAYS + 30) * 86_400), 90, u64::MAX).unwrap();
    assert_eq!(search("genf"), []);
    sound(&store);
}

#[test]
fn what_lies_behind_the_first_thousands_of_the_order_is_found() {
    let folder = Folder::new("behind");
    let mut store = many(&folder, 6_000);
    // More than are gone through one by one, all of them older than the rest.
    let named = (1..=1_500_u64).map(|i| problem(&format!("{i:016x}"), "code", "timeout", "shop/Genf.php:7"));
    store.commit(&digest(2, at(7_000), named.collect(), vec![])).unwrap();
    let reader = store.reader().unwrap();
    let search = |text: &str| found(&reader, Query { text: text.to_owned(), ..Query::default() });
    assert_eq!(search("genf"), (1_401..=1_500).rev().collect::<Vec<_>>());
    assert_eq!(search("genf shop 00000005dc"), [1_500]);
}

#[test]
fn a_proxys_requests_are_those_of_the_one_service_that_fails_behind_it() {
    let folder = Folder::new("share");
    let mut store = Store::open(&folder).unwrap();
    let request = |route: &str, service: &str, count| store::RequestCount {
        project: PROJECT,
        minute: at(0).secs() / 60,
        method: "GET".to_owned(),
        route: route.to_owned(),
        service: service.to_owned(),
        status: 200,
        count,
        ..store::RequestCount::default()
    };
    let failed = |id, route: &str, service: Option<&str>| FailureChange {
        route: route.to_owned(),
        service: service.map(str::to_owned),
        ..failure(id, CART, at(1))
    };
    let mut commit = digest(1, at(2), vec![cart()], vec![]);
    // Of the first the SDK tells with the service's name, and of one only the proxy does, which counts what goes well.
    commit.failures = (0..9).map(|id| failed(id, "/cart", Some("shop"))).collect();
    commit.failures.push(failed(9, "/cart", None));
    commit.requests = vec![request("/cart", "", 90), request("/other", "", 50)];
    // Of two services behind one path nobody knows whose requests they are; what one counts itself the proxy counts too.
    commit.failures.extend([failed(10, "/two", Some("shop")), failed(11, "/two", Some("stock"))]);
    commit.failures.push(failed(12, "/own", Some("shop")));
    commit.requests.extend([request("/two", "", 10), request("/own", "", 10), request("/own", "shop", 4)]);
    store.commit(&commit).unwrap();
    let reader = store.reader().unwrap();
    let health = reader.health(PROJECT, at(0), at(60)).unwrap();
    let of = |service: &str, route: &str| {
        health.iter().find(|h| h.service == service && h.route == route).map(|h| (h.failures, h.requests))
    };
    assert_eq!(of("shop", "/cart"), Some((10, Some(100))));
    assert_eq!(of("", "/cart"), None);
    assert_eq!((of("shop", "/two"), of("", "/two")), (Some((1, None)), Some((0, Some(10)))));
    assert_eq!((of("shop", "/own"), of("", "/own")), (Some((1, Some(11))), None));
    let all = reader.timeline(PROJECT, at(0), at(60), 1).unwrap();
    let all = all.iter().fold((0, 0), |sums, s| (sums.0 + s.failures, sums.1 + s.requests));
    assert_eq!(all, (13, 90 + 50 + 10 + 10 + 13));
    let lines = reader.route_lines(PROJECT, at(0), at(60), 1, 10).unwrap();
    let first = &lines[0];
    assert_eq!((first.service.as_str(), first.route.as_str()), ("shop", "/cart"));
    let sums = first.line.iter().fold((0, 0), |sums, s| (sums.0 + s.failures, sums.1 + s.requests));
    assert_eq!(sums, (10, 100));
    assert!(lines.iter().all(|l| l.line.iter().any(|s| s.failures > 0)), "only what fails");
}

#[test]
fn readers_see_whole_commits_while_others_are_written() {
    let folder = Folder::new("readers");
    let mut store = Store::open(&folder).unwrap();
    store.commit(&digest(1, at(0), vec![cart()], vec![failure(0, CART, at(0))])).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|threads| {
        for _ in 0..2 {
            let reader = store.reader().unwrap();
            let done = &done;
            threads.spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    let problem = one(&reader, CART);
                    let sum: u64 = problem.statuses.iter().map(|s| s.1).sum();
                    assert_eq!(problem.row.count, sum);
                    assert_eq!(problem.row.count % 10, 1, "commits bring ten");
                }
            });
        }
        for round in 0..100 {
            let failures = (0..10).map(|i| failure(1 + round * 10 + i, CART, at(round as i64))).collect();
            store.commit(&digest(2 + round, at(round as i64), vec![], failures)).unwrap();
        }
        done.store(true, Ordering::Relaxed);
    });
    sound(&store);
}
