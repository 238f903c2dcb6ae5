//! Errors on a console that writes no times, beside a proxy's dated log: what belongs to nothing else is held against what nothing else
//! explains, where the numbers fit, and said to be unplaced where they do not.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod explained;

use serde_json::Value;

/// As nginx logs it, `combined`.
fn access(minute: u32, target: &str, status: u16) -> String {
    format!(
        "203.0.113.9 - - [24/Nov/2026:08:{minute:02}:10 +0000] \"GET {target} HTTP/1.1\" {status} 157 \"-\" \"curl/8.5.0\"\n"
    )
}

/// What Express prints of an error that a handler threw (finalhandler: `console.error(err.stack)`).
const NULL: &str = "TypeError: Cannot read properties of undefined (reading 'price')
    at total (/srv/shop/cart.js:12:31)
    at /srv/shop/app.js:20:11
    at Layer.handle [as handle_request] (/srv/shop/node_modules/express/lib/router/layer.js:95:5)
";
/// Node prints an error's own properties behind it.
const FULL: &str = "Error: ENOSPC: no space left on device, write
    at async write (node:internal/fs/promises:1234:5)
    at async /srv/shop/upload.js:22:3 {
  errno: -28,
  code: 'ENOSPC',
  syscall: 'write'
}
";
/// std::panicking's default hook; actix-web then closes the connection, for which nginx answers 502.
const PANIC: &str = "thread 'actix-rt|system:0|arbiter:1' panicked at src/orders.rs:41:30:
called `Option::unwrap()` on a `None` value
note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace
";

fn explain(name: &str, app: &str, access: &str) -> Value {
    explained::explain(name, &[("app.log", app), ("access.log", access)])
}

fn well() -> String {
    (0..30).map(|n| access(n, &format!("/items/{n}"), 200)).collect()
}

/// Cause, failures and confidence of each problem.
fn causes(report: &Value) -> Vec<(String, u64, f64)> {
    let one = |p: &Value| {
        let v = &p["verdict"];
        (
            v["cause"].as_str().unwrap().to_owned(),
            p["count"].as_u64().unwrap(),
            v["confidence"].as_f64().unwrap(),
        )
    };
    report["problems"].as_array().unwrap().iter().map(one).collect()
}

#[test]
fn as_many_errors_as_failures_are_theirs_in_order() {
    let failed = [("/cart/7", 500), ("/upload", 500), ("/cart/9", 500)];
    let failures: String = failed
        .iter()
        .enumerate()
        .map(|(n, (target, status))| access(40 + n as u32, target, *status))
        .collect();
    let report = explain("order", &format!("Listening on 3000\n{NULL}{FULL}{NULL}"), &(well() + &failures));
    let found = causes(&report);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found.iter().any(|(c, n, _)| (c.as_str(), *n) == ("null-reference", 2)), "{found:?}");
    assert!(found.iter().any(|(c, n, _)| (c.as_str(), *n) == ("disk-full", 1)), "{found:?}");
    // A lead, which says what it rests on.
    assert!(found.iter().all(|(_, _, sure)| *sure <= 0.6), "{found:?}");
    assert!(report.to_string().contains("writes no times"), "{report:#}");
}

#[test]
fn one_error_and_one_failure_belong_together() {
    let report = explain("panic", PANIC, &(well() + &access(45, "/orders/9", 502)));
    let found = causes(&report);
    assert_eq!((found.len(), found[0].0.as_str()), (1, "null-reference"), "{report:#}");
    assert_eq!(report["problems"][0]["verdict"]["culprit"], "src/orders.rs:41");
}

#[test]
fn numbers_that_do_not_fit_prove_nothing() {
    let failures: String = (0..9).map(|n| access(40 + n, &format!("/report/{n}"), 500)).collect();
    let report = explain("unplaced", &format!("{NULL}{FULL}"), &(well() + &failures));
    let found = causes(&report);
    assert_eq!((found.len(), found[0].0.as_str()), (1, "unexplained"), "{found:?}");
    assert!(report["notes"].to_string().contains("2 errors have no time"), "{}", report["notes"]);
}
