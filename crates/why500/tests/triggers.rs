//! What set a problem off: load, a database that let statements wait, one route that takes long.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod explained;

use serde_json::Value;

/// nginx's combined format, at so many seconds after eight.
fn access(at: u32, target: &str, status: u16) -> String {
    let (minute, second) = (at / 60, at % 60);
    format!(
        "203.0.113.{} - - [24/Nov/2026:08:{minute:02}:{second:02} +0000] \"GET {target} HTTP/1.1\" {status} 157 \"-\" \"curl/7.88.1\"\n",
        at % 200
    )
}

/// As gunicorn's workers log what a view threw.
fn pool_is_empty(at: u32, target: &str) -> String {
    let (minute, second) = (at / 60, at % 60);
    format!(
        "2026-11-24 08:{minute:02}:{second:02},711 ERROR shop Exception on {target} [GET]\nTraceback (most recent call last):\n  \
         File \"/srv/app/shop.py\", line 24, in orders\n    db.session.execute(query)\n\
         sqlalchemy.exc.TimeoutError: QueuePool limit of size 5 overflow 10 reached, connection timed out, timeout 30.00 \
         (Background on this error at: https://sqlalche.me/e/20/3o7r)\n"
    )
}

/// Cause and trigger of the only problem.
fn only(name: &str, files: &[(&str, &str)]) -> (String, Value) {
    let report = explained::explain(name, files);
    let problems = report["problems"].as_array().unwrap();
    assert_eq!(problems.len(), 1, "{problems:#?}");
    let verdict = &problems[0]["verdict"];
    (verdict["cause"].as_str().unwrap().to_owned(), verdict["trigger"].clone())
}

/// Requests that go well, with failures from `from` on: one in four seconds on `/orders`, `each` others a second then.
fn a_pool_runs_empty(from: u32, each: u32) -> (String, String) {
    let (mut log, mut errors) = (String::new(), String::new());
    for at in 0..from + 120 {
        let times = if at < from { 1 } else { each };
        for n in 0..times {
            log += &access(at, &format!("/products/{n}"), 200);
        }
        if at >= from && at % 4 == 0 {
            log += &access(at, "/orders", 500);
            errors += &pool_is_empty(at, "/orders");
        }
    }
    (log, errors)
}

#[test]
fn load_is_told_with_its_figures() {
    let (log, errors) = a_pool_runs_empty(300, 5);
    let (cause, trigger) = only("load", &[("access.log", &log), ("app.log", &errors)]);
    assert_eq!((cause.as_str(), trigger["kind"].as_str()), ("pool-exhausted", Some("traffic")));
    let what = trigger["what"].as_str().unwrap();
    assert!(what.ends_with("requests a minute, 60 before"), "{what}");
    // As many requests as before: nothing is claimed about them.
    let (log, errors) = a_pool_runs_empty(300, 1);
    let (_, trigger) = only("no-load", &[("access.log", &log), ("app.log", &errors)]);
    assert_eq!(trigger["what"], Value::Null);
}

/// As PostgreSQL writes with `log_lock_waits`.
#[test]
fn a_pool_that_waits_for_a_lock_was_emptied_by_it() {
    let (log, errors) = a_pool_runs_empty(300, 1);
    let database = "2026-11-24 08:04:52.138 UTC [11848] shop@shop LOG:  process 11848 still waiting for ShareLock on transaction \
                    763 after 1000.105 ms\n2026-11-24 08:04:52.138 UTC [11848] shop@shop DETAIL:  Process holding the lock: 11813. \
                    Wait queue: 11848.\n";
    let files = [("access.log", log.as_str()), ("app.log", &errors), ("postgresql.log", database)];
    let (cause, trigger) = only("waits", &files);
    assert_eq!((cause.as_str(), trigger["kind"].as_str()), ("pool-exhausted", Some("dependency")));
    assert_eq!(trigger["what"], "postgresql: statements wait for a lock");
    assert_eq!(trigger["at"], "2026-11-24T08:04:52.138Z");
}

/// A statement that was cancelled while it waited for another transaction says so in its context.
#[test]
fn a_statement_that_was_cancelled_while_it_waited_for_a_lock() {
    let log = access(10, "/stock", 200) + &access(20, "/orders", 500);
    let errors = "2026-11-24 08:00:20,711 ERROR shop Exception on /orders [GET]\nTraceback (most recent call last):\n  \
                  File \"/srv/app/shop.py\", line 24, in orders\n    cur.execute(query)\n\
                  psycopg2.errors.QueryCanceled: canceling statement due to statement timeout\n\
                  CONTEXT:  while updating tuple (0,1) in relation \"stock\"\n\n";
    let report = explained::explain("cancelled", &[("access.log", &log), ("app.log", errors)]);
    let verdict = &report["problems"][0]["verdict"];
    assert_eq!(
        (verdict["cause"].as_str(), verdict["culprit"].as_str()),
        (Some("lock-timeout"), Some("stock"))
    );
}

/// All other routes of the application go well meanwhile: what this one does takes too long, nothing went away.
#[test]
fn one_route_that_takes_too_long() {
    let (mut log, mut errors) = (String::new(), String::new());
    for at in 0..300 {
        log += &access(at, &format!("/products/{}", at % 7), 200);
        if at % 40 == 30 {
            log += &access(at, "/statistics", 504);
            let (minute, second) = (at / 60, at % 60);
            errors += &format!(
                "2026/11/24 08:{minute:02}:{second:02} [error] 17502#17502: *{at} upstream timed out (110: Connection timed out) while \
                 reading response header from upstream, client: 203.0.113.{}, server: shop.test, request: \"GET /statistics HTTP/1.1\", \
                 upstream: \"http://127.0.0.1:5000/statistics\", host: \"shop.test\"\n",
                at % 200
            );
        }
    }
    let (cause, trigger) = only("slow", &[("access.log", &log), ("error.log", &errors)]);
    assert_eq!((cause.as_str(), trigger["kind"].as_str()), ("timeout", Some("traffic")));
}

/// gunicorn of the service that calls was restarted right before; what it calls went away by itself.
#[test]
fn who_calls_is_not_who_went() {
    let (mut log, mut app) = (String::new(), String::new());
    for at in 0..300 {
        log += &access(at, &format!("/products/{}", at % 7), 200);
    }
    app += "[2026-11-24 08:04:50 +0000] [100] [INFO] Handling signal: term\n[2026-11-24 08:04:51 +0000] [100] [INFO] Shutting down: Master\n\
            [2026-11-24 08:04:53 +0000] [200] [INFO] Starting gunicorn 21.2.0\n[2026-11-24 08:04:53 +0000] [200] [INFO] Listening at: http://127.0.0.1:5000 (200)\n";
    for at in 301..320 {
        log += &access(at, "/orders", 500);
        app += &format!(
            "2026-11-24 08:05:{:02},111 ERROR shop Exception on /orders [GET]\nTraceback (most recent call last):\n  \
             File \"/srv/app/shop.py\", line 24, in orders\n    requests.get(url)\n\
             requests.exceptions.ConnectionError: HTTPConnectionPool(host='127.0.0.1', port=5001): Max retries exceeded with url: /stock \
             (Caused by NewConnectionError('<urllib3.connection.HTTPConnection object at 0x7f>: Failed to establish a new connection: \
             [Errno 111] Connection refused'))\n",
            at - 300
        );
    }
    let (cause, trigger) = only("caller", &[("access.log", &log), ("app.log", &app)]);
    assert_eq!((cause.as_str(), trigger["kind"].as_str()), ("connection-refused", Some("dependency")));
    assert_eq!(trigger["what"], "127.0.0.1:5001");
}
