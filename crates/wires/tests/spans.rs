//! Spans and logs as SDKs of many languages send them, in through the table of protocols, out as problems.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use diagnosis::{Filter, Observations, Recogniser, Report, Settings, diagnose};
use record::Time;
use serde_json::{Value, json};
use wires::Head;

const NOW: i64 = 1_795_505_400;

/// An attribute.
fn kv(name: &str, value: &Value) -> Value {
    let value = match value {
        Value::String(s) => json!({ "stringValue": s }),
        Value::Number(n) => json!({ "intValue": n.to_string() }),
        Value::Bool(b) => json!({ "boolValue": b }),
        other => other.clone(),
    };
    json!({ "key": name, "value": value })
}

fn attributes(of: &Value) -> Vec<Value> {
    of.as_object().unwrap().iter().map(|(k, v)| kv(k, v)).collect()
}

/// A span of a trace: kind, id and parent, begin and duration in milliseconds, attributes; failed with a message.
struct S {
    kind: u8,
    ids: (u64, u64),
    ms: (i64, i64),
    attributes: Value,
    failed: Option<&'static str>,
    thrown: Option<Value>,
}

fn spans(service: &str, trace: u8, list: &[S]) -> (String, Value) {
    let ns = |ms: i64| ((NOW * 1_000 + ms) * 1_000_000).to_string();
    let spans: Vec<_> = list
        .iter()
        .map(|s| {
            let events: Vec<_> = s
                .thrown
                .iter()
                .map(|e| json!({"name": "exception", "timeUnixNano": ns(s.ms.0 + s.ms.1), "attributes": attributes(e)}))
                .collect();
            json!({
                "traceId": format!("{trace:032x}"), "spanId": format!("{:016x}", s.ids.0),
                "parentSpanId": if s.ids.1 == 0 { String::new() } else { format!("{:016x}", s.ids.1) },
                "name": "x", "kind": s.kind, "startTimeUnixNano": ns(s.ms.0), "endTimeUnixNano": ns(s.ms.0 + s.ms.1),
                "attributes": attributes(&s.attributes), "events": events,
                "status": s.failed.map_or(json!({}), |m| json!({"code": 2, "message": m})),
            })
        })
        .collect();
    let resource = json!({ "attributes": [kv("service.name", &json!(service))] });
    (
        "/v1/traces".into(),
        json!({"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": spans}]}]}),
    )
}

fn server(ids: (u64, u64), ms: (i64, i64), path: &str, status: u16) -> S {
    let attributes =
        json!({"http.request.method": "GET", "url.path": path, "http.response.status_code": status});
    S { kind: 2, ids, ms, attributes, failed: (status >= 500).then_some(""), thrown: None }
}

fn told(bodies: &[(String, Value)]) -> Report {
    let recogniser = Recogniser::new(&[]).unwrap();
    let mut obs = Observations::new();
    let source = obs.source("wire");
    let mut line = 0;
    for (path, body) in bodies {
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        let head = Head { method: "POST".into(), path: path.clone(), headers, ..Head::default() };
        let wire = wires::table().find(|w| w.knows(&head)).unwrap();
        let taken = wire.read(&head, body.to_string().as_bytes(), Time::from_secs(NOW)).unwrap();
        assert!(taken.dropped.is_empty(), "{:?}", taken.dropped);
        for mut r in taken.records {
            line += 1;
            (r.source, r.line) = (source, line);
            obs.record(r, &recogniser);
        }
    }
    let settings = Settings {
        offset_s: &|_| 0,
        wall: &[false],
        stated: &[true],
        lines: &[line],
        filter: Filter::default(),
        spread: &diagnosis::one_by_one,
        begun: &Default::default(),
    };
    diagnose(&mut obs, &settings)
}

/// `cause culprit ×count METHOD example`.
fn problems(report: &Report) -> Vec<String> {
    let of = |p: &diagnosis::Problem| {
        let asked: Vec<_> = p.endpoints.iter().map(|e| format!("{} {}", e.method, e.example)).collect();
        let culprit = p.verdict.culprit.as_deref().unwrap_or("-");
        format!("{} {culprit} ×{} {}", p.verdict.cause, p.count, asked.join(", "))
    };
    report.problems.iter().map(of).collect()
}

/// A gateway calls orders, orders call a database that refuses; each service exports for itself, the innermost first.
#[test]
fn one_request_through_three_services_fails_once() {
    for root in [0, 99] {
        let query = S {
            kind: 3,
            ids: (4, 3),
            ms: (20, 5),
            attributes: json!({"db.system.name": "postgresql", "db.query.text": "SELECT 1", "server.address": "db-1", "server.port": 5432}),
            failed: Some(""),
            thrown: Some(
                json!({"exception.type": "java.net.ConnectException", "exception.message": "Connection refused", "exception.stacktrace": "java.net.ConnectException: Connection refused\n\tat java.base/sun.nio.ch.Net.connect0(Native Method)\n\tat shop.orders.Store.open(Store.java:51)\n"}),
            ),
        };
        let call = |ids, ms, url: &str, peer: &str| S {
            kind: 3,
            ids,
            ms,
            attributes: json!({"http.request.method": "GET", "url.full": url, "server.address": peer, "server.port": 80, "http.response.status_code": 500, "error.type": "500"}),
            failed: Some(""),
            thrown: None,
        };
        let report = told(&[
            spans("stock", 1, &[server((3, 2), (15, 15), "/stock/7", 500), query]),
            spans(
                "orders",
                1,
                &[
                    call((2, 11), (12, 20), "http://stock/stock/7", "stock"),
                    server((11, 10), (10, 30), "/orders/7", 500),
                ],
            ),
            spans(
                "gateway",
                1,
                &[
                    call((10, 1), (5, 40), "http://orders/orders/7", "orders"),
                    server((1, root), (0, 50), "/shop/orders/7", 500),
                ],
            ),
        ]);
        assert_eq!(
            problems(&report),
            ["database/connection-refused db-1:5432 ×1 GET /shop/orders/7"],
            "root {root}"
        );
    }
}

/// tower-http's `TraceLayer` by way of tracing-opentelemetry: no kind, the status in an event, errors as events of their message.
#[test]
fn rust_by_way_of_tracing() {
    let (path, mut body) = spans(
        "shop",
        1,
        &[S {
            kind: 1,
            ids: (1, 0),
            ms: (0, 20),
            attributes: json!({"method": "GET", "uri": "/pay?a=1", "version": "HTTP/1.1"}),
            failed: Some(""),
            thrown: None,
        }],
    );
    let event =
        |name: &str, a: Value| json!({"name": name, "timeUnixNano": "0", "attributes": attributes(&a)});
    body["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["events"] = json!([
        event(
            "could not load the cart",
            json!({"level": "ERROR", "target": "shop::cart", "exception.message": "error communicating with database: Connection refused (os error 111)"})
        ),
        event(
            "response failed",
            json!({"level": "ERROR", "target": "tower_http::trace::on_failure", "classification": "Status code: 500 Internal Server Error", "latency": "3 ms"})
        ),
        event("started", json!({"level": "DEBUG"})),
    ]);
    let found = problems(&told(&[(path, body)]));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].starts_with("database/connection-refused") && found[0].ends_with("GET /pay?a=1"),
        "{found:?}"
    );
}

/// Two peers that cannot be reached are two problems, also where one is known by its name alone.
#[test]
fn peers_without_a_port_are_peers() {
    let call = |url: &str| json!({"http.request.method": "GET", "url.full": url});
    let failing = |trace: u8, url: &str, why: &'static str| {
        let call =
            S { kind: 3, ids: (2, 1), ms: (5, 10), attributes: call(url), failed: Some(why), thrown: None };
        let path = format!("/path-{}", ["a", "b"][usize::from(trace) % 2]);
        spans("shop", trace, &[call, server((1, 0), (0, 20), &path, 500)])
    };
    let report = told(&[
        failing(1, "http://rates.test/v1", "getaddrinfo ENOTFOUND rates.test"),
        failing(2, "http://10.0.0.4:6379/", "connect ECONNREFUSED 10.0.0.4:6379"),
    ]);
    assert_eq!(report.problems.len(), 2, "{:?}", problems(&report));
}

/// The gateway gives up after a second; the service that it called fails some seconds later, for nobody.
#[test]
fn who_gave_up_early_is_still_outermost() {
    let call = S {
        kind: 3,
        ids: (10, 1),
        ms: (5, 1_000),
        attributes: json!({"http.request.method": "GET", "url.full": "http://orders/orders/7", "server.address": "orders", "server.port": 80}),
        failed: Some("context deadline exceeded (Client.Timeout exceeded while awaiting headers)"),
        thrown: None,
    };
    let report = told(&[
        spans("gateway", 1, &[call, server((1, 90), (0, 1_010), "/shop/orders/7", 504)]),
        spans("orders", 1, &[server((11, 10), (10, 4_000), "/orders/7", 500)]),
    ]);
    assert_eq!(problems(&report), ["upstream/timeout orders ×1 GET /shop/orders/7"]);
}

/// A page asks two services at once, within one trace of the browser; both fail, each for itself.
#[test]
fn two_requests_of_one_page_fail_twice() {
    let report = told(&[
        spans("orders", 1, &[server((1, 90), (0, 30), "/orders", 500)]),
        spans("stock", 1, &[server((2, 91), (600, 70), "/stock", 500)]),
    ]);
    assert_eq!(report.totals.failures, 2);
}

/// What was caught in a request that went well explains nothing that failed beside it.
#[test]
fn errors_of_other_traces_explain_nothing() {
    let caught = S {
        kind: 1,
        ids: (2, 1),
        ms: (1, 5),
        attributes: json!({}),
        failed: Some(""),
        thrown: Some(
            json!({"exception.type": "redis.exceptions.ConnectionError", "exception.message": "Error 111 connecting to cache:6379. Connection refused."}),
        ),
    };
    let report = told(&[
        spans("shop", 1, &[caught, server((1, 0), (0, 20), "/cart", 200)]),
        spans("shop", 2, &[server((3, 0), (2, 9), "/pay", 500)]),
    ]);
    assert_eq!(problems(&report), ["unknown/unexplained - ×1 GET /pay"]);
}

/// One failing request whose server span tells of an exception, as the SDKs of these languages print it.
fn thrown(language: &str, exception: Value) -> String {
    let mut s = server((1, 0), (0, 20), "/pay", 500);
    s.thrown = Some(exception);
    let found = problems(&told(&[spans(language, 1, &[s])]));
    assert_eq!(found.len(), 1, "{language}: {found:?}");
    found.into_iter().next().unwrap()
}

#[test]
fn exceptions_of_all_languages_are_read() {
    let java = json!({"exception.type": "java.lang.NullPointerException", "exception.message": "Cannot invoke \"shop.Address.zip()\" because \"address\" is null",
        "exception.stacktrace": "java.lang.NullPointerException: Cannot invoke \"shop.Address.zip()\" because \"address\" is null\n\tat shop.ShippingController.quote(ShippingController.java:42)\n\tat java.base/jdk.internal.reflect.DirectMethodHandleAccessor.invoke(DirectMethodHandleAccessor.java:103)\n\tat org.springframework.web.servlet.DispatcherServlet.doDispatch(DispatcherServlet.java:1089)\n"});
    assert_eq!(thrown("java", java), "code/null-reference ShippingController.java:42 ×1 GET /pay");

    let go = json!({"exception.type": "*errors.errorString", "exception.message": "runtime error: invalid memory address or nil pointer dereference",
        "exception.stacktrace": "goroutine 34 [running]:\ngo.opentelemetry.io/otel/sdk/trace.recordStackTrace()\n\t/root/go/pkg/mod/go.opentelemetry.io/otel/sdk@v1.38.0/trace/span.go:563 +0x4e\nruntime.gopanic({0x8a2e40?, 0xd4b6a0?})\n\t/usr/local/go/src/runtime/panic.go:792 +0x132\nmain.(*Cart).Total(...)\n\t/srv/shop/cart.go:27\nmain.pay({0x9d5b70, 0xc0001aa000}, 0xc0001b8000)\n\t/srv/shop/main.go:58 +0x3c\n"});
    assert_eq!(thrown("go", go), "code/null-reference /srv/shop/cart.go:27 ×1 GET /pay");

    let net = json!({"exception.type": "System.NullReferenceException", "exception.message": "Object reference not set to an instance of an object.",
        "exception.stacktrace": "System.NullReferenceException: Object reference not set to an instance of an object.\n   at Shop.Cart.Total(Order order) in /src/Shop/Cart.cs:line 18\n   at Shop.Program.<>c.<<Main>b__0_1>d.MoveNext() in /src/Shop/Program.cs:line 31\n--- End of stack trace from previous location ---\n   at Microsoft.AspNetCore.Http.RequestDelegateFactory.<ExecuteTaskOfString>g__ExecuteAwaited|133_0(Task`1 task, HttpContext httpContext)\n"});
    assert_eq!(thrown("dotnet", net), "code/null-reference /src/Shop/Cart.cs:18 ×1 GET /pay");

    let php = json!({"exception.type": "TypeError", "exception.message": "Unsupported operand types: string + int",
        "exception.stacktrace": "TypeError: Unsupported operand types: string + int\n at App.Cart.total(Cart.php:31)\n at App.Controller.CartController.show(CartController.php:18)\n at Symfony.Component.HttpKernel.HttpKernel.handleRaw(HttpKernel.php:181)\n"});
    assert_eq!(thrown("php", php), "code/type-mismatch Cart.php:31 ×1 GET /pay");

    let ruby = json!({"exception.type": "NoMethodError", "exception.message": "undefined method `total' for nil:NilClass",
        "exception.stacktrace": "/srv/shop/app/models/cart.rb:12:in `price': undefined method `total' for nil:NilClass (NoMethodError)\n\tfrom /srv/shop/app/controllers/carts_controller.rb:8:in `show'\n\tfrom /usr/local/bundle/gems/actionpack-7.1.3/lib/action_controller/metal/basic_implicit_render.rb:6:in `send_action'\n"});
    assert_eq!(thrown("ruby", ruby), "code/null-reference /srv/shop/app/models/cart.rb:12 ×1 GET /pay");

    let node = json!({"exception.type": "ENOENT", "exception.message": "ENOENT: no such file or directory, open '/srv/web/rates.json'",
        "exception.stacktrace": "Error: ENOENT: no such file or directory, open '/srv/web/rates.json'\n    at Object.openSync (node:fs:581:18)\n    at rates (/srv/web/app.js:9:13)\n"});
    assert_eq!(thrown("node", node), "config/missing-file /srv/web/rates.json ×1 GET /pay");

    // tracing-opentelemetry: a message alone.
    let rust =
        json!({"exception.message": "error communicating with database: Connection refused (os error 111)"});
    assert!(thrown("rust", rust).starts_with("database/connection-refused"));
}

/// A call that failed is all that tells why: its server span says 500 and nothing else.
fn called(attributes: Value, failed: &'static str) -> String {
    let call = S { kind: 3, ids: (2, 1), ms: (5, 10), attributes, failed: Some(failed), thrown: None };
    let found = problems(&told(&[spans("shop", 1, &[call, server((1, 0), (0, 20), "/pay", 500)])]));
    assert_eq!(found.len(), 1, "{found:?}");
    found.into_iter().next().unwrap()
}

#[test]
fn failed_calls_name_cause_and_peer() {
    let http = |status: u16| json!({"http.request.method": "POST", "url.full": "http://rates:8080/v1", "server.address": "rates", "server.port": 8080, "http.response.status_code": status, "error.type": status.to_string()});
    assert_eq!(called(http(429), ""), "upstream/rate-limited rates:8080 ×1 GET /pay");
    for status in [500, 502, 503] {
        let found = called(http(status), "");
        assert!(found.starts_with("upstream/") && found.contains("rates:8080"), "{status}: {found}");
    }
    // Go's net/http, with what otelhttp puts into the status.
    let go = json!({"http.request.method": "GET", "url.full": "http://rates:8080/v1", "server.address": "rates", "server.port": 8080, "error.type": "*net.OpError"});
    assert_eq!(
        called(go.clone(), "dial tcp 10.0.0.9:8080: connect: connection refused"),
        "upstream/connection-refused rates:8080 ×1 GET /pay"
    );
    assert_eq!(called(go, "context deadline exceeded"), "upstream/timeout rates:8080 ×1 GET /pay");
    // .NET names the kind of error alone.
    let net = |kind: &str| json!({"http.request.method": "GET", "url.full": "http://rates:8080/v1", "server.address": "rates", "server.port": 8080, "error.type": kind});
    assert_eq!(called(net("connection_error"), ""), "upstream/connection-refused rates:8080 ×1 GET /pay");
    assert_eq!(called(net("name_resolution_error"), ""), "upstream/dns-failure rates ×1 GET /pay");
    assert_eq!(
        called(net("System.Threading.Tasks.TaskCanceledException"), ""),
        "upstream/timeout rates:8080 ×1 GET /pay"
    );
    // gRPC.
    let rpc = |code: i64| json!({"rpc.system": "grpc", "rpc.service": "shop.Rates", "rpc.method": "Get", "rpc.grpc.status_code": code, "server.address": "rates", "server.port": 9090});
    assert!(called(rpc(14), "").contains("rates:9090"));
    assert_eq!(called(rpc(4), ""), "upstream/timeout rates:9090 ×1 GET /pay");
    assert_eq!(called(rpc(8), ""), "upstream/rate-limited rates:9090 ×1 GET /pay");
    // A database.
    let db = json!({"db.system": "mysql", "db.statement": "SELECT * FROM cart", "net.peer.name": "db-1", "net.peer.port": 3306});
    assert_eq!(
        called(
            db.clone(),
            "ER_LOCK_DEADLOCK: Deadlock found when trying to get lock; try restarting transaction"
        )
        .split(' ')
        .next(),
        Some("database/deadlock")
    );
    assert_eq!(
        called(db, "connect ETIMEDOUT").split(" ×").next(),
        Some("database/host-unreachable db-1:3306")
    );
    let redis = json!({"db.system.name": "redis", "db.query.text": "GET a", "server.address": "cache", "server.port": 6379});
    assert_eq!(
        called(redis, "connect ECONNREFUSED 10.0.0.4:6379").split(" ×").next(),
        Some("upstream/connection-refused 10.0.0.4:6379")
    );
}
