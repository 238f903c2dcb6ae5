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
