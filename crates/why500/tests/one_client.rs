//! What an hour on call with one machine as the only client showed: each case is an excerpt of what nginx, Flask and SDKs wrote then.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod explained;

use serde_json::Value;

/// As nginx logs it, with the upstream's address and status behind `combined`.
fn access(second: u32, target: &str, status: u16, upstream: &str) -> String {
    format!(
        "127.0.0.1 - - [30/Nov/2026:03:29:{second:02} +0000] \"GET {target} HTTP/1.1\" {status} 157 \"-\" \"curl/7.88.1\" \
         rt=0.003 urt=\"0.002\" us=\"{status}\" uaddr=\"{upstream}\"\n"
    )
}

fn refused(second: u32, connection: u32, target: &str, upstream: &str) -> String {
    format!(
        "2026/11/30 03:29:{second:02} [error] 17502#17502: *{connection} connect() failed (111: Connection refused) while connecting to \
         upstream, client: 127.0.0.1, server: shop.local, request: \"GET {target} HTTP/1.1\", upstream: \"http://{upstream}{target}\", \
         host: \"127.0.0.1:8080\"\n"
    )
}

/// What Flask logs of an exception in a view.
fn thrown(second: u32, target: &str, trace: &str) -> String {
    format!(
        "2026-11-30 03:29:{second:02},111 ERROR shop Exception on {target} [GET]\nTraceback (most recent call last):\n{trace}\n"
    )
}

const DIVIDED: &str = "  File \"/srv/app/shop.py\", line 24, in check\n    return str(1 / 0)\nZeroDivisionError: division by zero";

/// Cause, culprit and failures of each problem.
fn explain(name: &str, files: &[(&str, String)]) -> Vec<(String, Option<String>, u64)> {
    let files: Vec<(&str, &str)> = files.iter().map(|(file, text)| (*file, text.as_str())).collect();
    let report = explained::explain(name, &files);
    let one = |p: &Value| {
        let v = &p["verdict"];
        let cause = format!("{}/{}", v["class"].as_str().unwrap(), v["cause"].as_str().unwrap());
        (cause, v["culprit"].as_str().map(str::to_owned), p["count"].as_u64().unwrap())
    };
    let mut found: Vec<_> = report["problems"].as_array().unwrap().iter().map(one).collect();
    found.sort();
    found
}

fn at(culprit: &str) -> Option<String> {
    Some(culprit.to_owned())
}

/// Behind a load balancer all requests have one client, and a worker writes many errors in a second.
#[test]
fn each_of_nginx_errors_is_of_its_own_request() {
    let (mut log, mut errors) = (access(50, "/", 200, "127.0.0.1:5000"), String::new());
    for (i, target) in
        ["/products", "/products/3", "/customers/3", "/report", "/search"].into_iter().enumerate()
    {
        // The last one goes elsewhere, in the same second.
        let upstream = if target == "/search" { "127.0.0.1:5001" } else { "127.0.0.1:5000" };
        log += &access(54, target, 502, upstream);
        errors += &refused(54, 2 * i as u32 + 1, target, upstream);
    }
    let found = explain("errors", &[("access.log", log), ("error.log", errors)]);
    let cause = || "upstream/connection-refused".to_owned();
    assert_eq!(found, [(cause(), at("127.0.0.1:5000"), 4), (cause(), at("127.0.0.1:5001"), 1)]);
}

/// The request that is shown can be sent as it stands: where nginx listens, and nothing that needs a body.
#[test]
fn the_curl_has_the_port_and_reads_if_it_can() {
    let (mut log, mut errors) = (String::new(), String::new());
    for (second, line) in [(50, "POST /orders"), (54, "GET /products")] {
        let target = line.split(' ').nth(1).unwrap();
        log += &access(second, target, 502, "127.0.0.1:5000")
            .replace("GET /", &format!("{} /", line.split(' ').next().unwrap()))
            .replace('\n', " host=127.0.0.1\n");
        errors += &refused(second, second, target, "127.0.0.1:5000").replace(&format!("GET {target}"), line);
    }
    let report = explained::explain("curl", &[("access.log", &log), ("error.log", &errors)]);
    assert_eq!(report["problems"][0]["count"], 2, "{report:#}");
    assert_eq!(report["problems"][0]["reproduce"]["curl"], "curl -sS -i 'http://127.0.0.1:8080/products'");
}

/// nginx could not even connect: what the app told of a request to the same path at that time is of another one.
#[test]
fn what_never_arrived_was_not_handled() {
    let log = access(20, "/", 200, "127.0.0.1:9") + &access(30, "/check", 502, "127.0.0.1:9");
    let errors = refused(30, 139, "/check", "127.0.0.1:9");
    let app = thrown(30, "/check", DIVIDED);
    let found = explain("arrived", &[("access.log", log), ("error.log", errors), ("app.log", app)]);
    assert_eq!(found, [("upstream/connection-refused".to_owned(), at("127.0.0.1:9"), 1)]);
}

/// A restart refuses connections for a second. The error that a request threw right before did not end the process.
#[test]
fn what_a_request_threw_is_nobodys_last_words() {
    let (mut log, mut errors) = (access(20, "/", 200, "127.0.0.1:5000"), String::new());
    log += &access(40, "/check", 500, "127.0.0.1:5000");
    for (i, target) in ["/products", "/customers/3"].into_iter().enumerate() {
        log += &access(42, target, 502, "127.0.0.1:5000");
        errors += &refused(42, 2 * i as u32 + 1, target, "127.0.0.1:5000");
    }
    let app = thrown(40, "/check", DIVIDED)
        + "[2026-11-30 03:29:41 +0000] [17] [INFO] Shutting down: Master\n[2026-11-30 03:29:43 +0000] [18] [INFO] Starting gunicorn 23.0.0\n";
    let found = explain("restart", &[("access.log", log), ("error.log", errors), ("app.log", app)]);
    assert!(found.iter().any(|(c, _, n)| c == "code/division-by-zero" && *n == 1), "{found:?}");
    assert!(found.contains(&("upstream/connection-refused".into(), at("127.0.0.1:5000"), 2)), "{found:?}");
}

/// The same line calls another host than a minute before: each error names its own.
#[test]
fn a_host_that_an_error_names_stays() {
    let called = |error: &str| {
        format!(
            "  File \"/srv/app/shop.py\", line 38, in price_of\n    r = requests.get(f\"{{PRICES}}/prices/{{pid}}\", timeout=1.0)\n{error}"
        )
    };
    let refused = "requests.exceptions.ConnectionError: HTTPConnectionPool(host='prices.internal', port=3000): Max retries exceeded with \
                   url: /prices/7 (Caused by NewConnectionError(\"HTTPConnection(host='prices.internal', port=3000): Failed to establish a \
                   new connection: [Errno 111] Connection refused\"))";
    let unknown = "requests.exceptions.ConnectionError: HTTPConnectionPool(host='prices.intrenal', port=3000): Max retries exceeded with \
                   url: /prices/7 (Caused by NameResolutionError(\"HTTPConnection(host='prices.intrenal', port=3000): Failed to resolve \
                   'prices.intrenal' ([Errno -2] Name or service not known)\"))";
    let log =
        access(10, "/products/7", 500, "127.0.0.1:5000") + &access(50, "/products/9", 500, "127.0.0.1:5000");
    let app = thrown(10, "/products/7", &called(refused)) + &thrown(50, "/products/9", &called(unknown));
    let found = explain("hosts", &[("access.log", log), ("app.log", app)]);
    let named: Vec<_> =
        found.iter().map(|(cause, culprit, _)| (cause.as_str(), culprit.as_deref())).collect();
    assert!(named.contains(&("upstream/dns-failure", Some("prices.intrenal"))), "{named:?}");
    assert!(named.contains(&("upstream/connection-refused", Some("prices.internal:3000"))), "{named:?}");
}

/// The collector of traces is away: that fails no request.
#[test]
fn telemetry_that_cannot_be_sent_explains_nothing() {
    let log = access(10, "/search", 200, "127.0.0.1:5001") + &access(41, "/search", 500, "127.0.0.1:5001");
    let app = "2026-11-30 03:29:41,602 WARNING urllib3.connectionpool Retrying (Retry(total=2, connect=None, read=None, redirect=None, \
               status=None)) after connection broken by 'NewConnectionError(\"HTTPConnection(host='127.0.0.1', port=8500): Failed to \
               establish a new connection: [Errno 111] Connection refused\")': /api/1/envelope/\n\
               2026-11-30 03:29:41,700 ERROR opentelemetry.exporter.otlp.proto.http.trace_exporter Failed to export span batch code: 503, \
               reason: connection to 127.0.0.1:8500 refused\n";
    let found = explain("telemetry", &[("access.log", log), ("app.log", app.to_owned())]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].0, "unknown/unexplained");
}

/// nginx gave up after two seconds; two seconds later the application threw. That is no reason why nobody waited.
#[test]
fn what_is_thrown_after_the_answer_is_no_cause_of_it() {
    let log = access(50, "/report", 504, "127.0.0.1:5000");
    let gave_up = "2026/11/30 03:29:50 [error] 17502#17502: *7 upstream timed out (110: Connection timed out) while reading response \
                   header from upstream, client: 127.0.0.1, server: shop.local, request: \"GET /report HTTP/1.1\", upstream: \
                   \"http://127.0.0.1:5000/report\", host: \"127.0.0.1:8080\"\n";
    let app = thrown(52, "/report", DIVIDED);
    let found = explain("after", &[("access.log", log), ("error.log", gave_up.into()), ("app.log", app)]);
    assert_eq!(found, [("upstream/timeout".into(), at("127.0.0.1:5000"), 1)]);
}
