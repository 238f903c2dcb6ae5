//! Stories of SDKs: what each sends, and what must be understood.

use super::*;
use record::{Level, Record};

const KEY: &str = "5e0b6c2a8d9f4e17a3c1b2d4f6a8091e";

fn now() -> Time {
    formats::time::stamp("2026-11-24T07:50:02Z", Time(0)).unwrap().time
}

fn head(method: &str, path: &str) -> Head {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    Head { method: method.into(), path: path.into(), query: query.into(), ..Head::default() }
}

fn envelope(items: &[(&str, &str)]) -> Taken {
    let mut body = String::from("{\"sent_at\":\"2026-11-24T07:50:02Z\"}\n");
    for (kind, payload) in items {
        body.push_str(&format!("{{\"type\":\"{kind}\",\"length\":{}}}\n{payload}\n", payload.len()));
    }
    Intake.read(&head("POST", "/api/7/envelope/"), body.as_bytes(), now()).unwrap()
}

fn event(payload: &str) -> Record {
    let taken = envelope(&[("event", payload)]);
    assert!(taken.dropped.is_empty(), "{:?}", taken.dropped);
    taken.records.into_iter().next().unwrap()
}

fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    answer.headers.iter().find(|(n, _)| *n == name).map(|(_, v)| v.as_str())
}

/// sentry-php: headers are lists, the frame's function has its class, PHP's own frames have no file.
#[test]
fn laravel() {
    let r = event(
        r#"{"event_id":"fc6d8c0c43fc4630ad850ee518f1b9d0","timestamp":1795506601.5,"platform":"php","level":"error",
        "sdk":{"name":"sentry.php.laravel","version":"4.13.0"},"transaction":"/cart/{id}","server_name":"web-1","release":"shop@4.9.0",
        "contexts":{"trace":{"trace_id":"566e3688a61d4bc888951642d6f14a19","span_id":"566e3688a61d4bc8"}},
        "request":{"url":"http://shop.test/cart/17","method":"GET","headers":{"Host":["shop.test"],"X-Request-Id":["r-7"]},"env":{"REMOTE_ADDR":"192.0.2.7"}},
        "exception":{"values":[
          {"type":"PDOException","value":"SQLSTATE[HY000] [2002] Connection refused","stacktrace":{"frames":[{"filename":"/vendor/laravel/framework/src/Illuminate/Database/Connectors/Connector.php","lineno":66,"in_app":false,"abs_path":"/var/www/vendor/laravel/framework/src/Illuminate/Database/Connectors/Connector.php","function":"PDO::__construct"}]},"mechanism":{"type":"generic","handled":false}},
          {"type":"Illuminate\\Database\\QueryException","value":"SQLSTATE[HY000] [2002] Connection refused (Connection: mysql)","stacktrace":{"frames":[{"filename":"/app/Cart.php","lineno":88,"in_app":true,"abs_path":"/var/www/app/Cart.php","function":"App\\Cart::total"},{"filename":"[internal]","lineno":0,"in_app":false,"function":"array_map"}]},"mechanism":{"type":"generic","handled":false}}]}}"#,
    );
    let kinds: Vec<&str> = r.exceptions.iter().map(|e| e.kind.as_str()).collect();
    assert_eq!(kinds, ["Illuminate\\Database\\QueryException", "PDOException"]);
    assert_eq!(r.exceptions[0].frames[0].place(), "");
    assert_eq!(r.exceptions[0].app_frame().unwrap().place(), "/var/www/app/Cart.php:88");
    assert_eq!(
        r.text,
        "Illuminate\\Database\\QueryException: SQLSTATE[HY000] [2002] Connection refused (Connection: mysql)"
    );
    let q = r.request.as_ref().unwrap();
    assert_eq!(
        (q.method.as_str(), q.target.as_str(), q.status, q.assumed),
        ("GET", "/cart/17", None, Some(500))
    );
    assert_eq!(
        (q.host.as_deref(), q.client.as_deref(), q.id.as_deref()),
        (Some("shop.test"), Some("192.0.2.7"), Some("r-7"))
    );
    assert_eq!(
        (r.service.as_deref(), r.node.as_deref(), r.level),
        (Some("shop"), Some("web-1"), Level::Error)
    );
    assert_eq!(r.field("event_id"), Some("fc6d8c0c43fc4630ad850ee518f1b9d0"));
}

/// sentry-java writes type and module apart, `threads` without stacks beside, and numbers its timestamp as text.
#[test]
fn spring() {
    let r = event(
        r#"{"timestamp":"2026-11-24T07:50:01.123456789Z","platform":"java","threads":{"values":[{"id":31,"name":"http-nio-8080-exec-1","current":true,"crashed":false}]},
        "exception":{"values":[{"type":"NullPointerException","value":"Cannot invoke \"com.shop.Price.amount()\" because \"price\" is null","module":"java.lang","thread_id":31,
        "stacktrace":{"frames":[{"filename":"StandardWrapperValve.java","function":"invoke","module":"org.apache.catalina.core.StandardWrapperValve","lineno":167,"in_app":false,"native":false},
        {"filename":"PriceService.java","function":"total","module":"com.shop.PriceService","lineno":88,"in_app":true,"native":false}]},
        "mechanism":{"type":"Spring6ExceptionResolver","handled":false}}]},"level":"fatal","sdk":{"name":"sentry.java.spring-boot.jakarta","version":"8.4.0"},
        "request":{"url":"http://localhost:8080/price","method":"GET","query_string":"sku=1","headers":{"host":"localhost:8080"}}}"#,
    );
    assert_eq!(r.exceptions[0].kind, "java.lang.NullPointerException");
    let f = r.exceptions[0].app_frame().unwrap();
    assert_eq!(
        (f.function.as_str(), f.place().as_str()),
        ("com.shop.PriceService.total", "PriceService.java:88")
    );
    assert_eq!((r.request.unwrap().target.as_str(), r.level), ("/price?sku=1", Level::Fatal));
}

/// Go: the mechanism comes without `handled` for panics that the middleware caught; .NET names its assembly as module.
#[test]
fn go_and_dotnet() {
    let r = event(
        r#"{"event_id":"1","level":"fatal","platform":"go","exception":[{"type":"runtime.boundsError","value":"index out of range [5] with length 3","module":"runtime",
        "stacktrace":{"frames":[{"function":"Total","module":"main","abs_path":"/srv/cart.go","lineno":9,"in_app":true}]}}],
        "request":{"url":"http://127.0.0.1:8080/cart","method":"GET"},"contexts":{"trace":{"trace_id":"566e3688a61d4bc888951642d6f14a19"}}}"#,
    );
    assert_eq!((r.exceptions[0].kind.as_str(), r.field("event_id")), ("runtime.boundsError", None));
    assert_eq!(r.request.unwrap().assumed, Some(500));
    let r = event(
        r#"{"platform":"csharp","logentry":{"message":"An unhandled exception has occurred while executing the request."},"level":"error",
        "exception":{"values":[{"type":"System.DivideByZeroException","value":"Attempted to divide by zero.","module":"System.Private.CoreLib, Version=8.0.0.0",
        "stacktrace":{"frames":[{"filename":"/src/Cart.cs","function":"Total","module":"Shop.Cart","lineno":9,"in_app":true}]},"mechanism":{"type":"SentryMiddleware","handled":false}}]},
        "request":{"url":"http://shop.test/cart","method":"GET"}}"#,
    );
    assert_eq!(r.exceptions[0].frames[0].function, "Shop.Cart.Total");
    assert_eq!(r.text, "An unhandled exception has occurred while executing the request.");
    assert!(r.message.ends_with("\nSystem.DivideByZeroException: Attempted to divide by zero."));
}

/// A Go program that panics with a text: sentry-go sends a message, and the stack beside it.
#[test]
fn a_panic_with_a_text() {
    let r = event(
        r#"{"level":"fatal","platform":"go","message":"no tax rate for XX","threads":{"values":[{"id":"0","current":true,"stacktrace":{"frames":[
        {"function":"rate","module":"main","abs_path":"/srv/tax.go","lineno":21,"in_app":true}]}}]},"request":{"url":"http://a/tax"}}"#,
    );
    assert_eq!((r.exceptions[0].kind.as_str(), r.text.as_str()), ("panic", "no tax rate for XX"));
    assert_eq!(r.exceptions[0].app_frame().unwrap().place(), "/srv/tax.go:21");
}

/// What the app caught, and what is below an error, only explains.
#[test]
fn handled_errors_stand_for_no_failure() {
    let with = |mechanism: &str, level: &str| {
        event(&format!(
            r#"{{"level":"{level}","exception":{{"values":[{{"type":"KeyError","value":"x","mechanism":{mechanism}}}]}},"request":{{"url":"http://a/b"}}}}"#
        ))
    };
    let caught = with(r#"{"type":"logging","handled":true}"#, "error");
    assert_eq!((caught.level, caught.request.unwrap().assumed), (Level::Warn, None));
    // Reported by hand from an error handler: where nothing is traced, nothing else tells of the request.
    let reported = with(r#"{"type":"generic","handled":true}"#, "error");
    assert_eq!((reported.level, reported.request.unwrap().assumed), (Level::Error, Some(500)));
    assert_eq!(with(r#"{"handled":false}"#, "warning").request.unwrap().assumed, None);
    assert_eq!(with("null", "error").request.unwrap().assumed, Some(500));
    // Rust's and Java's SDKs do not say whether an error was handled: where a transaction comes, it tells how the request ended.
    let traced = r#"{"exception":[{"type":"Error","value":"x"}],"request":{"url":"http://a/b"},"contexts":{"trace":{"op":"http.server"}}}"#;
    assert_eq!(event(traced).request.unwrap().assumed, None);
    let message = event(r#"{"message":"stock is low","level":"error","request":{"url":"http://a/b"}}"#);
    assert_eq!((message.level, message.request.unwrap().assumed), (Level::Warn, None));
}

/// axios says no address; the breadcrumb before it does.
#[test]
fn a_breadcrumb_names_whom_the_error_leaves_out() {
    let r = event(
        r#"{"platform":"node","exception":{"values":[{"type":"AxiosError","value":"Request failed with status code 429"}]},"breadcrumbs":[
        {"category":"http","type":"http","data":{"url":"http://127.0.0.1:8600/ok","http.method":"GET","status_code":200}},
        {"category":"http","type":"http","data":{"url":"http://127.0.0.1:8690/limited?x=1","method":"POST","status_code":429}}]}"#,
    );
    assert!(r.message.ends_with("\nPOST http://127.0.0.1:8690/limited answered 429"), "{}", r.message);
}

#[test]
fn templates_are_filled() {
    let of = |m: &str| event(m).message;
    assert_eq!(of(r#"{"logentry":{"message":"cart %s of %d","params":["a",7]}}"#), "cart a of 7");
    assert_eq!(of(r#"{"message":{"formatted":"done","message":"%s"}}"#), "done");
    assert_eq!(of(r#"{"logentry":{"message":"{0} is {} of 100%","params":{"a":1}}}"#), "{0} is {} of 100%");
    assert_eq!(of(r#"{"logentry":{"message":"{0}: é%","params":["ü"]}}"#), "ü: é%");
}

/// Only requests are entries of the ledger; spans within explain only failures.
#[test]
fn transactions() {
    let of = |op: &str, status: &str, spans: &str| {
        envelope(&[(
            "transaction",
            &format!(
                r#"{{"transaction":"GET /cart/{{id}}","timestamp":1795506601.5,"start_timestamp":1795506601.25,"request":{{"url":"http://a/cart/7","method":"GET"}},
                "contexts":{{"trace":{{"trace_id":"566e3688a61d4bc888951642d6f14a19","op":"{op}","status":"{status}"}}}},"spans":{spans}}}"#
            ),
        )])
    };
    let spans = r#"[{"op":"http.client","description":"GET http://127.0.0.1:8690/rates","status":"resource_exhausted","data":{"http.response.status_code":429}},
        {"op":"db","description":"select 1","status":"internal_error"},{"op":"view.render","status":"ok"}]"#;
    let failed = of("http.server", "internal_error", spans);
    let lines: Vec<&str> = failed.records.iter().map(|r| r.text.as_str()).collect();
    assert_eq!(lines, ["GET /cart/7 500 in 250 ms", "GET http://127.0.0.1:8690/rates answered 429"]);
    let traces: Vec<_> =
        failed.records.iter().map(|r| r.request.as_ref().unwrap().trace.as_deref()).collect();
    assert_eq!(traces, [Some("566e3688a61d4bc888951642d6f14a19"); 2]);
    assert_eq!(of("http.server", "ok", spans).records.len(), 1);
    for (op, status) in [
        ("queue.task.celery", "internal_error"),
        ("pageload", "ok"),
        ("http.server", "aborted"),
        ("http.server", ""),
    ] {
        let none = of(op, status, spans);
        assert_eq!((none.records.len(), none.dropped.len()), (0, 1), "{op} {status}");
    }
}

#[test]
fn one_span_alone_and_what_is_healthy() {
    let one = r#"{"trace_id":"566e3688a61d4bc888951642d6f14a19","span_id":"566e3688a61d4bc8","op":"http.server","is_segment":true,"description":"GET /a","status":"internal_error","timestamp":1795506601.5,"start_timestamp":1795506601,"data":{"http.response.status_code":503,"http.target":"/a?b=1"}}"#;
    let taken = envelope(&[("span", one)]);
    assert_eq!(
        (taken.records[0].status(), taken.records[0].text.as_str()),
        (Some(503), "GET /a?b=1 503 in 500 ms")
    );
    let batch = r#"{"items":[{"trace_id":"566e3688a61d4bc888951642d6f14a19","is_segment":true,"status":"ok","name":"GET /a","attributes":{"sentry.op":{"type":"string","value":"http.server"}}},
        {"trace_id":"566e3688a61d4bc888951642d6f14a19","status":"error","attributes":{"sentry.status.message":{"value":"a retried failure"}}}]}"#;
    let taken = envelope(&[("span", batch)]);
    assert_eq!((taken.records.len(), taken.items["span"]), (1, 1));
}

#[test]
fn what_clients_dropped_is_said() {
    let taken = envelope(&[(
        "client_report",
        r#"{"discarded_events":[{"reason":"ratelimit_backoff","category":"error","quantity":4},{"reason":"x","category":"span","quantity":-1}]}"#,
    )]);
    assert_eq!(taken.said["dropped by the client"], "4 error (ratelimit_backoff)");
    assert_eq!(taken.dropped["by the client: error (ratelimit_backoff)"], 4);
}

/// A tab's errors are no failures of the server; a failed call that it saw is one.
#[test]
fn browsers() {
    let of = |more: &str| {
        envelope(&[(
            "event",
            &format!(
                r#"{{"platform":"javascript","sdk":{{"name":"sentry.javascript.react"}},"request":{{"url":"https://shop.test/api/cart","method":"POST"}},
                "exception":{{"values":[{{"type":"Error","value":"x","mechanism":{{"handled":false}}}}]}}{more}}}"#
            ),
        )])
    };
    let own = of("");
    assert_eq!((own.records.len(), own.items["event"], own.dropped.len()), (0, 1, 1));
    let saw = of(r#","contexts":{"response":{"status_code":502}}"#);
    assert_eq!(saw.records[0].status(), Some(502));
}

#[test]
fn keys_and_projects_wherever_they_stand() {
    let access = |path: &str, name: &str, value: &str, body: &str| {
        let mut h = head("POST", path);
        h.headers.push((name.into(), value.into()));
        let a = Intake.access(&h, body.as_bytes());
        (a.project.unwrap_or_default(), a.key.unwrap_or_default())
    };
    let stated = format!("Sentry sentry_version=7, sentry_client=x/1, sentry_key={KEY}");
    let found = ("7".to_owned(), KEY.to_owned());
    assert_eq!(access("/api/7/envelope/", "x-sentry-auth", &stated, ""), found);
    assert_eq!(
        access(
            "/sentry/api/7/store",
            "authorization",
            &format!("sentry sentry_key={KEY},sentry_secret=x"),
            ""
        ),
        found
    );
    assert_eq!(access(&format!("/api/7/envelope/?sentry_version=7&sentry_key={KEY}"), "a", "b", ""), found);
    assert_eq!(
        access("/api/7/envelope/", "a", "b", &format!("{{\"dsn\":\"https://{KEY}@shop.test/x/42\"}}\n")),
        found
    );
    assert_eq!(access(&format!("/api/7/cron/nightly/{KEY}/?status=ok"), "a", "b", ""), found);
    assert_eq!(
        access("/api/7/envelope/", "x-sentry-auth", "Sentry", "\u{0}"),
        ("7".to_owned(), String::new())
    );
    for other in ["/api/v2/logs", "/v1/traces", "/api/0/organizations/", "/loki/api/v1/push", "/api", "/"] {
        assert!(!Intake.knows(&head("POST", other)), "{other}");
    }
}

#[test]
fn answers_are_those_that_sdks_know() {
    let body = b"{\"event_id\":\"10efed64-bd64-4168-b857-ee26f6ed10f9\"}\n";
    let taken = Intake.read(&head("POST", "/api/7/envelope/"), body, now()).unwrap();
    assert_eq!(taken.answer.body, br#"{"id":"10efed64bd644168b857ee26f6ed10f9"}"#);
    assert_eq!(header(&taken.answer, "access-control-allow-origin"), Some("*"));
    let preflight = Intake.read(&head("OPTIONS", "/api/7/envelope/"), b"", now()).unwrap();
    assert_eq!(preflight.answer.status, 200);
    assert!(header(&preflight.answer, "access-control-allow-headers").unwrap().contains("x-sentry-auth"));
    let full = Intake.refuse(&head("POST", "/api/7/envelope/"), 429, "too many\r\nx: y", Some(60));
    assert_eq!(header(&full, "x-sentry-rate-limits"), Some("60::organization:server_429"));
    assert_eq!(
        (header(&full, "retry-after"), header(&full, "x-sentry-error")),
        (Some("60"), Some("too many??x: y"))
    );
    let odd = Intake.read(&head("POST", "/api/7/envelope/"), b"<html>", now()).unwrap_err();
    assert_eq!(odd.answer.status, 400);
    assert_eq!(
        Intake.read(&head("POST", "/api/7/minidump/"), b"MDMP", now()).unwrap_err().answer.status,
        415
    );
    assert_eq!(Intake.read(&head("POST", "/api/7/security/"), b"{}", now()).unwrap().answer.status, 201);
    assert_eq!(
        Intake.read(&head("GET", "/api/7/cron/a/b?status=error"), b"", now()).unwrap().said["check-in a"],
        "error"
    );
}

/// Relay moves times only when the clock is off by more than an event may have waited.
#[test]
fn clocks_that_are_far_off_are_set_right() {
    let at = |sent: &str| {
        let body = format!(
            "{{\"sent_at\":\"{sent}\"}}\n{{\"type\":\"event\"}}\n{{\"message\":\"x\",\"timestamp\":\"{sent}\"}}\n"
        );
        Intake.read(&head("POST", "/api/7/envelope/"), body.as_bytes(), now()).unwrap().records[0].at.unwrap()
    };
    assert_eq!(at("2026-11-24T07:20:02Z"), now().plus(-30 * 60 * record::SECOND));
    assert_eq!(
        (at("2026-11-24T05:20:02Z"), at("2031-01-01T00:00:00Z"), at("0001-01-01T00:00:00Z")),
        (now(), now(), now())
    );
}

/// One item that cannot be read loses none of the others.
#[test]
fn strange_items_are_counted() {
    let taken = envelope(&[
        ("event", "{"),
        ("strange_new", "\u{0}\u{1}"),
        ("profile", "{}"),
        ("event", r#"{"message":"a"}"#),
    ]);
    assert_eq!((taken.items["event"], taken.items["strange_new"], taken.items["profile"]), (2, 1, 1));
    assert_eq!((taken.records.len(), taken.dropped["events and transactions that are no JSON"]), (1, 1));
    let many: Vec<(String, &str)> = (0..500).map(|i| (format!("k{i}"), "{}")).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(k, p)| (k.as_str(), *p)).collect();
    assert!(envelope(&many).items.len() <= STRANGE_KINDS_MAX + 1);
}

#[test]
fn hostile_events() {
    let deep = format!(r#"{{"extra":{}{},"message":"a"}}"#, "[".repeat(200_000), "]".repeat(200_000));
    assert_eq!(event(&deep).message, "a");
    let frames = r#"{"function":"f","lineno":-1},"#.repeat(20_000);
    let r = event(&format!(
        r#"{{"exception":{{"values":[{{"type":"E","stacktrace":{{"frames":[{frames}null]}}}}]}}}}"#
    ));
    assert!(r.exceptions[0].frames.len() <= 250 && r.exceptions[0].frames.iter().all(|f| f.line.is_none()));
    let chain = r#"{"type":"E","value":"v"},"#.repeat(5_000);
    assert!(event(&format!(r#"{{"exception":{{"values":[{chain}null]}}}}"#)).exceptions.len() <= 50);
    for odd in [
        "null",
        "7",
        "-1e999",
        "\"x\"",
        "[]",
        "{}",
        "[[1]]",
        "[null]",
        "{\"values\":7}",
        "{\"values\":[7,null]}",
        "true",
    ] {
        let fields = [
            "event_id",
            "level",
            "timestamp",
            "exception",
            "threads",
            "request",
            "tags",
            "contexts",
            "breadcrumbs",
            "message",
            "logentry",
            "sdk",
            "user",
            "spans",
            "stacktrace",
            "transaction",
            "release",
        ];
        let all: Vec<String> = fields.iter().map(|f| format!("\"{f}\":{odd}")).collect();
        let taken = envelope(&[("event", &format!("{{{}}}", all.join(",")))]);
        assert_eq!(taken.records.len() as u64 + taken.dropped.values().sum::<u64>(), 1, "{odd}");
    }
    for whole in ["", "null", "7", "[]", "\"x\"", "\u{0}"] {
        envelope(&[
            ("event", whole),
            ("transaction", whole),
            ("span", whole),
            ("log", whole),
            ("client_report", whole),
            ("check_in", whole),
            ("sessions", whole),
        ]);
    }
}

/// sentry-node and sentry-python: a session is a request; with a user's id it is a visit.
#[test]
fn requests_are_counted_by_sessions() {
    let taken = envelope(&[
        (
            "sessions",
            r#"{"aggregates":[{"started":"2026-11-24T07:29:00.000Z","exited":3,"errored":0,"crashed":4},
            {"started":"2026-11-24T07:30:00.000Z","crashed":2},{"started":"2026-11-24T07:31:00Z","did":"ada","exited":9},
            {"started":"2038-11-24T07:31:00Z","exited":1e300},{"exited":5},{"started":"2026-11-24T07:32:00Z","exited":-5}],
            "attrs":{"release":"orders-api@1.12.0","environment":"production"}}"#,
        ),
        (
            "session",
            r#"{"sid":"1","init":true,"started":"2026-11-24T07:29:00Z","status":"exited","attrs":{"release":"app@1"}}"#,
        ),
    ]);
    assert_eq!(taken.records.len(), 1, "{:?}", taken.records);
    let r = &taken.records[0];
    assert_eq!((requests(r), r.service.as_deref(), r.request.is_none()), (Some(3), Some("orders-api"), true));
    assert_eq!(r.at.unwrap().to_string(), "2026-11-24T07:29:00Z");
    assert_eq!(requests(&event("{}")), None);
}
