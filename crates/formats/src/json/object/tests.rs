//! Real lines of many loggers and what each says.

use super::*;
use crate::testing::field;
use record::{Ending, Zone};

fn read(line: &str) -> Option<Entry<'_>> {
    JsonObject.read(line, &Context::default())
}

fn at(e: &Entry<'_>) -> String {
    e.at.map(|(t, _)| t.to_string()).unwrap_or_default()
}

/// Method, target, status, client, duration in microseconds.
fn asked<'a>(e: &'a Entry<'_>) -> (&'a str, &'a str, Option<u16>, &'a str, Option<u64>) {
    let q = e.request.as_ref().unwrap();
    (q.method.as_ref(), q.target.as_ref(), q.status, q.client.as_deref().unwrap_or(""), q.duration_us)
}

#[test]
fn what_a_shipper_brought_is_an_entry_without_time_and_severity() {
    let line = r#"{"message":"boom","error_kind":"KeyError","order":17}"#;
    assert!(read(line).is_none());
    let context = Context { carried: true, ..Context::default() };
    assert_eq!(JsonObject.read(line, &context).unwrap().message, "boom");
    assert!(JsonObject.read(r#"{"order":17,"name":"x"}"#, &context).is_none());
}

#[test]
fn statuses_ids_and_hosts_that_wires_carry() {
    // A status beside the question, as winston's users log it.
    let e = read(r#"{"level":30,"time":1795505792259,"req":{"method":"GET","url":"/orders/1001","route":"/orders/:id","status":500,"ms":2},"msg":"GET /orders/1001 500"}"#).unwrap();
    assert_eq!(e.request.as_ref().and_then(|q| q.status), Some(500));
    // GELF's host is the machine.
    let e = read(r#"{"version":"1.1","short_message":"boom","timestamp":1795505860.226,"host":"orders-1","level":3,"_method":"GET","_url":"/orders/1001","_status":500}"#).unwrap();
    assert_eq!((e.node.as_deref(), e.request.and_then(|q| q.host)), (Some("orders-1"), None));
    let e = read(r#"{"level":"error","msg":"boom","dd.trace_id":"1234567890123456789"}"#).unwrap();
    assert_eq!(e.request.and_then(|q| q.trace).as_deref(), Some("112210f47de98115"));
}

#[test]
fn access_logs_in_any_naming() {
    let e = read(r#"{"ts":"2026-11-24T07:32:46+00:00","ip":"203.0.113.9","method":"POST","uri":"/add-user","status":502,"bytes":25,"ua":"okhttp/4.12.0","rt":0.005,"upstream":"127.0.0.1:8512","upstream_status":"502"}"#).unwrap();
    assert_eq!(asked(&e), ("POST", "/add-user", Some(502), "203.0.113.9", Some(5_000)));
    let q = e.request.as_ref().unwrap();
    assert_eq!(
        (q.upstream.as_deref(), q.upstream_status, q.agent.as_deref()),
        (Some("127.0.0.1:8512"), Some(502), Some("okhttp/4.12.0"))
    );
    assert_eq!(
        (at(&e).as_str(), e.at.unwrap().1, e.message.as_ref()),
        ("2026-11-24T07:32:46Z", Zone::Stated, "")
    );
    assert!(e.closed);

    for (line, expected) in [
        (
            r#"{"time":"2026-11-24T07:37:57+0000","client":"198.51.100.201","method":"GET","uri":"/rooms/26","status":503,"bytes":69,"us":1325,"ua":"okhttp/4.12.0"}"#,
            ("GET", "/rooms/26", Some(503), "198.51.100.201", Some(1325)),
        ),
        (
            r#"{"ts":"2026-11-24T07:05:03+00:00","addr":"203.0.113.73","method":"GET","uri":"/api/invoices/62","status":200,"rt":0.016,"upstream":"127.0.0.1:8426","urt":"0.017","ua":"x"}"#,
            ("GET", "/api/invoices/62", Some(200), "203.0.113.73", Some(16_000)),
        ),
        (
            r#"{"time_local":"24/Nov/2026:07:05:03 +0000","remote_addr":"203.0.113.1","request":"GET /x?y=1 HTTP/1.1","status":"500","request_time":"0.012"}"#,
            ("GET", "/x?y=1", Some(500), "203.0.113.1", Some(12_000)),
        ),
        (
            r#"{"msec":"1795503903.169","remote_addr":"203.0.113.1","request_method":"GET","request_uri":"\/a\/b","status":500,"request_time":0.5,"http_user_agent":"x"}"#,
            ("GET", "/a/b", Some(500), "203.0.113.1", Some(500_000)),
        ),
        (
            r#"{"level":"info","time":1795505252085,"m":"GET","u":"/robots.txt","s":404}"#,
            ("GET", "/robots.txt", Some(404), "", None),
        ),
        (
            r#"{"ClientAddr":"203.0.113.9:4123","ClientHost":"203.0.113.9","DownstreamStatus":502,"Duration":1235566,"OriginStatus":502,"RequestAddr":"shop.test","RequestHost":"shop.test","RequestMethod":"GET","RequestPath":"/cart","RouterName":"cart@docker","ServiceAddr":"172.18.0.3:80","ServiceName":"cart@docker","ServiceURL":{"Scheme":"http","Host":"172.18.0.3:80"},"StartUTC":"2026-11-24T07:05:03.123Z","level":"info","msg":"","time":"2026-11-24T07:05:03Z"}"#,
            ("GET", "/cart", Some(502), "203.0.113.9", Some(1_235)),
        ),
        (
            r#"{"start_time":"2026-11-24T07:05:03.123Z","method":"GET","path":"/cart","protocol":"HTTP/1.1","response_code":503,"response_flags":"UF,URX","duration":12,"upstream_host":"10.0.0.7:8080","downstream_remote_address":"203.0.113.9:4000","authority":"shop.test","request_id":"6b0404f2"}"#,
            ("GET", "/cart", Some(503), "203.0.113.9", Some(12_000)),
        ),
        (
            r#"{"requestId":"c6af9ac6","ip":"203.0.113.9","requestTime":"24/Nov/2026:07:05:03 +0000","httpMethod":"GET","resourcePath":"/carts/{id}","path":"/prod/carts/7","status":"502","protocol":"HTTP/1.1","integrationErrorMessage":"-"}"#,
            ("GET", "/prod/carts/7", Some(502), "203.0.113.9", None),
        ),
        (
            r#"{"ClientIP":"89.163.242.206","ClientRequestHost":"www.example.com","ClientRequestMethod":"GET","ClientRequestURI":"/","EdgeEndTimestamp":1712790000123000000,"EdgeResponseStatus":522,"EdgeStartTimestamp":1712790000100000000,"OriginIP":"192.0.2.1","OriginResponseStatus":0,"RayID":"87a1b2c3d4e5f001"}"#,
            ("GET", "/", Some(522), "89.163.242.206", None),
        ),
        (
            r#"{"time":"2026-11-24T07:05:03Z","category":"AppServiceHTTPLogs","properties":{"CsHost":"x.azurewebsites.net","CIp":"203.0.113.9","CsMethod":"GET","CsUriStem":"/api/cart","CsUriQuery":"id=7","ScStatus":500,"TimeTaken":12}}"#,
            ("GET", "/api/cart?id=7", Some(500), "203.0.113.9", Some(12_000)),
        ),
        (
            r#"{"request":{"uri":"/orders","method":"GET","size":"88","headers":{"host":"x"}},"response":{"status":502,"size":"12"},"latencies":{"request":12,"kong":1,"proxy":11},"client_ip":"203.0.113.9","started_at":1795503903123}"#,
            ("GET", "/orders", Some(502), "203.0.113.9", Some(12_000)),
        ),
    ] {
        let e = read(line).unwrap();
        assert_eq!(asked(&e), expected, "{line}");
        assert!(e.at.is_some(), "{line}");
    }
}

#[test]
fn healthy_requests_carry_no_fields() {
    let e = read(r#"{"time":"2026-11-24T07:37:57+0000","client":"198.51.100.201","method":"GET","uri":"/rooms/26","status":200,"bytes":69,"us":1325,"zone":"b"}"#).unwrap();
    assert!(e.fields.is_empty());
    assert!(matches!(e.request.unwrap().target, Cow::Borrowed(_)));
}

#[test]
fn caddy_tells_the_error_and_the_answer() {
    let e = read(r#"{"level":"error","ts":1795506426.8286564,"logger":"http.log.error","msg":"dial tcp 127.0.0.1:8262: connect: connection refused","request":{"remote_ip":"127.0.0.1","remote_port":"55204","proto":"HTTP/1.1","method":"GET","host":"api.caddyshop.test","uri":"/api/stock/SKU-80","headers":{"User-Agent":["Mozilla/5.0"],"X-Forwarded-For":["198.51.100.201"]}},"duration":0.000165218,"status":502,"err_id":"g428m45ss","err_trace":"reverseproxy.statusError (reverseproxy.go:1272)"}"#).unwrap();
    assert_eq!(asked(&e), ("GET", "/api/stock/SKU-80", Some(502), "127.0.0.1", Some(165)));
    assert_eq!(at(&e), "2026-11-24T07:47:06.828656Z");
    assert_eq!(
        (e.level, e.message.as_ref(), e.service.as_deref()),
        (Level::Error, "dial tcp 127.0.0.1:8262: connect: connection refused", Some("caddy"))
    );
    let q = e.request.as_ref().unwrap();
    assert_eq!(
        (q.host.as_deref(), q.agent.as_deref(), q.id.as_deref()),
        (Some("api.caddyshop.test"), Some("Mozilla/5.0"), Some("g428m45ss"))
    );
    assert_eq!(field(&e, "logger"), "http.log.error");
    // A request that Caddy gave no answer.
    let e = read(r#"{"level":"info","ts":1693840791.7564995,"logger":"http.log.access","msg":"handled request","request":{"remote_ip":"172.17.0.1","client_ip":"127.0.0.1","method":"GET","host":"127.0.0.1:8080","uri":"/"},"duration":0.0000027,"status":0}"#).unwrap();
    assert_eq!(e.request.unwrap().status, None);
    let e =
        read(r#"{"level":"warn","ts":1795506421.0094452,"logger":"admin","msg":"admin endpoint disabled"}"#)
            .unwrap();
    assert_eq!((e.level, e.message.as_ref(), e.request), (Level::Warn, "admin endpoint disabled", None));
}

#[test]
fn pino_fastify_and_pino_http() {
    let e = read(r#"{"level":50,"time":1795505294250,"pid":23641,"hostname":"id1","reqId":"req-1z","req":{"method":"GET","url":"/session/150/permissions","host":"id.example.com","remoteAddress":"127.0.0.1","remotePort":60582},"res":{"statusCode":500},"err":{"type":"TypeError","message":"session.roles.map is not a function","stack":"TypeError: session.roles.map is not a function\n    at permissionsFor (/srv/sessions/lib/permissions.js:2:24)","code":"E_ROLES"},"msg":"session.roles.map is not a function"}"#).unwrap();
    assert_eq!(asked(&e), ("GET", "/session/150/permissions", Some(500), "127.0.0.1", None));
    assert_eq!(
        e.trace.as_deref(),
        Some(
            "TypeError: session.roles.map is not a function\n    at permissionsFor (/srv/sessions/lib/permissions.js:2:24)"
        )
    );
    assert_eq!(
        (e.level, e.pid.as_deref(), e.node.as_deref(), field(&e, "err.code")),
        (Level::Error, Some("23641"), Some("id1"), "E_ROLES")
    );
    assert_eq!(e.request.as_ref().unwrap().id.as_deref(), Some("req-1z"));
    assert_eq!(field(&e, "err.stack"), "");

    // Fastify's last line of a request names only its id.
    let e = read(r#"{"level":30,"time":1795503700973,"service":"orders","reqId":"282b045a-7d93-479f-9ba2-01e03e027007","res":{"statusCode":500},"responseTime":24.271714999999972,"msg":"request completed"}"#).unwrap();
    assert_eq!(asked(&e), ("", "", Some(500), "", Some(24_271)));
    assert_eq!(e.service.as_deref(), Some("orders"));

    let e = read(r#"{"level":40,"time":"2026-11-24T07:01:40.956Z","pid":11081,"hostname":"gw1","name":"gateway","req":{"id":"fb15ef83-3ad2-44aa-ba8e-6b7942700c94","method":"GET","url":"/api/products/1"},"err":{"type":"Object","message":"connect ECONNREFUSED 127.0.0.1:8414","stack":"","code":"ECONNREFUSED"},"msg":"stock lookup failed, answering without it"}"#).unwrap();
    assert_eq!(e.message, "stock lookup failed, answering without it: connect ECONNREFUSED 127.0.0.1:8414");
    assert_eq!(
        (e.service.as_deref(), e.level, field(&e, "err.code")),
        (Some("gateway"), Level::Warn, "ECONNREFUSED")
    );
    let q = e.request.unwrap();
    assert_eq!((q.status, q.id.as_deref()), (None, Some("fb15ef83-3ad2-44aa-ba8e-6b7942700c94")));
}

#[test]
fn bunyan_winston_and_sequelize() {
    let e = read(r#"{"name":"wallet","hostname":"app2","pid":12602,"req_id":"80aa7aeda8a462fe1aca951b6fc078f2","level":40,"method":"GET","url":"/accounts/42","status":404,"ms":4,"msg":"response","time":"2026-11-24T07:05:01.463Z","v":0}"#).unwrap();
    assert_eq!(asked(&e), ("GET", "/accounts/42", Some(404), "", Some(4_000)));
    assert_eq!((e.service.as_deref(), e.level), (Some("wallet"), Level::Warn));

    let e = read(r#"{"error":{"code":"ECONNREFUSED","message":"connect ECONNREFUSED 127.0.0.1:8407","name":"SequelizeConnectionRefusedError","original":{"address":"127.0.0.1","code":"ECONNREFUSED","errno":-111,"port":8407,"syscall":"connect"},"stack":"SequelizeConnectionRefusedError: connect ECONNREFUSED 127.0.0.1:8407\n    at Client._connectionCallback (/srv/user-api/node_modules/sequelize/lib/dialects/postgres/connection-manager.js:133:24)"},"level":"error","message":"create user failed","method":"POST","requestId":"ab12","service":"user-api","timestamp":"2026-11-24T07:05:40.292Z","url":"/add-user"}"#).unwrap();
    assert_eq!((e.message.as_ref(), e.service.as_deref()), ("create user failed", Some("user-api")));
    assert!(e.trace.as_deref().unwrap().starts_with("SequelizeConnectionRefusedError: connect"));
    assert_eq!(
        (field(&e, "error.original.address"), field(&e, "error.original.port"), field(&e, "error.code")),
        ("127.0.0.1", "8407", "ECONNREFUSED")
    );
    assert_eq!(e.request.unwrap().target, "/add-user");

    // An error spread over the record itself; its `path` is a file's.
    let e = read(r#"{"code":"ENOENT","errno":-2,"level":"error","message":"ENOENT: no such file or directory, open '/srv/x.json'","path":"/srv/x.json","stack":"Error: ENOENT: no such file or directory, open '/srv/x.json'\n    at load (/srv/app.js:3:9)","syscall":"open","timestamp":"2026-11-24T07:05:40.292Z"}"#).unwrap();
    assert!(e.request.is_none());
    assert!(e.trace.is_some());
    assert_eq!((field(&e, "code"), field(&e, "syscall")), ("ENOENT", "open"));

    let e = read(r#"{"level":"error","message":"middlewareError","meta":{"req":{"method":"GET","originalUrl":"/carts/7","url":"/7"},"res":{"statusCode":500},"responseTime":12,"stack":"Error: boom\n    at f (/srv/a.js:1:1)"},"timestamp":"2026-11-24T07:05:40Z"}"#).unwrap();
    assert_eq!(asked(&e), ("GET", "/carts/7", Some(500), "", Some(12_000)));
    assert_eq!(e.trace.as_deref(), Some("Error: boom\n    at f (/srv/a.js:1:1)"));
}

#[test]
fn log4js_data_is_a_list() {
    let e = read(r#"{"startTime":"2026-11-24T07:01:40.557Z","categoryName":"payments","data":["charge failed",{"order":7}],"level":{"level":40000,"levelStr":"ERROR","colour":"red"},"context":{},"pid":4211}"#).unwrap();
    assert_eq!((e.level, e.pid.as_deref(), field(&e, "logger")), (Level::Error, Some("4211"), "payments"));
    assert_eq!(e.message, "charge failed");
}

#[test]
fn calls_to_others_are_no_requests() {
    for line in [
        r#"{"level":"error","time":1795505252085,"msg":"stock call failed","method":"GET","url":"http://stock.internal/items/7","status":503}"#,
        r#"{"level":"info","timestamp":"2026-11-24T07:05:40Z","message":"Outgoing request","method":"POST","path":"/v1/charges","host":"api.stripe.com","status":500}"#,
        r#"{"Timestamp":"2026-11-24T07:05:40Z","LogLevel":"Information","Category":"System.Net.Http.HttpClient.Stock.ClientHandler","Message":"Received HTTP response headers after 3ms - 500","State":{"StatusCode":500}}"#,
    ] {
        let e = read(line).unwrap();
        assert!(e.request.as_ref().is_none_or(|q| q.status.is_none() && q.target.is_empty()), "{line}");
        assert!(e.fields.iter().any(|(_, v)| v == "500" || v == "503"), "{line}");
    }
    // Absolute, but asked of us.
    let e = read(r#"{"time":"2026-11-24T07:05:40Z","msg":"done","remote_ip":"203.0.113.9","method":"GET","url":"https://shop.test/cart?x=1","status":500}"#).unwrap();
    assert_eq!(asked(&e).1, "/cart?x=1");
    assert_eq!(e.request.as_ref().unwrap().host.as_deref(), Some("shop.test"));
}

#[test]
fn python_loggers() {
    let e = read(r#"{"event": "request_failed", "request_id": "a1ffea34db39b0ac4364a698f73a725c", "method": "POST", "path": "/checkout/971", "level": "error", "timestamp": "2026-11-24T07:21:09.585975Z", "exception": "Traceback (most recent call last):\n  File \"/srv/rooms/pay.py\", line 3, in pay\n    x\nhttpx.ConnectTimeout: timed out"}"#).unwrap();
    assert_eq!((e.message.as_ref(), e.level), ("request_failed", Level::Error));
    assert!(e.trace.as_deref().unwrap().ends_with("httpx.ConnectTimeout: timed out"));
    assert_eq!(asked(&e), ("POST", "/checkout/971", None, "", None));

    let e = read(r#"{"asctime": "2026-11-24 07:21:09,585", "levelname": "ERROR", "name": "django.request", "message": "Internal Server Error: /cart/4/", "request": "<WSGIRequest: POST '/cart/4/'>", "status_code": 500, "exc_info": "Traceback (most recent call last):\n  File \"/srv/a.py\", line 3, in f\nKeyError: 'vat'", "process": 4211}"#).unwrap();
    assert_eq!(asked(&e), ("POST", "/cart/4/", Some(500), "", None));
    assert_eq!(
        (e.at.unwrap().1, field(&e, "logger"), e.pid.as_deref()),
        (Zone::Wall, "django.request", Some("4211"))
    );
    assert!(e.trace.is_some());

    let e = read(r#"{"text": "2026-11-24 07:30:12.123 | ERROR    | shop:total:42 - no price\nTraceback (most recent call last):\n\n  File \"/srv/shop.py\", line 42, in total\n\nZeroDivisionError: division by zero\n", "record": {"elapsed": {"repr": "0:00:01", "seconds": 1.0}, "exception": {"type": "ZeroDivisionError", "value": "division by zero", "traceback": true}, "extra": {"request_id": "ab12cd34"}, "file": {"name": "shop.py", "path": "/srv/shop.py"}, "function": "total", "level": {"icon": "X", "name": "ERROR", "no": 40}, "line": 42, "message": "no price", "module": "shop", "name": "shop", "process": {"id": 4211, "name": "MainProcess"}, "thread": {"id": 1, "name": "MainThread"}, "time": {"repr": "2026-11-24 07:30:12.123456+00:00", "timestamp": 1795505412.123456}}}"#).unwrap();
    assert_eq!((e.level, e.message.as_ref(), e.pid.as_deref()), (Level::Error, "no price", Some("4211")));
    assert_eq!(at(&e), "2026-11-24T07:30:12.123456Z");
    assert!(e.trace.as_deref().unwrap().contains("ZeroDivisionError: division by zero"));
    assert_eq!(e.request.unwrap().id.as_deref(), Some("ab12cd34"));
}

#[test]
fn go_loggers() {
    let e = read(r#"{"@timestamp":"2026-11-24T08:20:58Z","error":"swap 8 with 7: Error 1213: Deadlock found when trying to get lock; try restarting transaction","message":"handler failed","method":"POST","route":"/shows/8/swap","service":"seats","severity":"error","status":500}"#).unwrap();
    assert_eq!(asked(&e), ("POST", "/shows/8/swap", Some(500), "", None));
    assert_eq!(
        e.message,
        "handler failed: swap 8 with 7: Error 1213: Deadlock found when trying to get lock; try restarting transaction"
    );
    assert!(field(&e, "error").starts_with("swap 8"));

    let e = read(r#"{"level":"error","ts":1795503903.123,"logger":"api","caller":"api/cart.go:12","msg":"get cart","error":"dial tcp 10.0.0.7:5432: i/o timeout","stacktrace":"main.(*API).cart\n\t/srv/api/cart.go:12\nnet/http.HandlerFunc.ServeHTTP\n\t/usr/local/go/src/net/http/server.go:2136"}"#).unwrap();
    assert_eq!(
        (e.level, field(&e, "caller"), field(&e, "error")),
        (Level::Error, "api/cart.go:12", "dial tcp 10.0.0.7:5432: i/o timeout")
    );
    assert!(
        e.trace
            .as_deref()
            .unwrap()
            .starts_with("dial tcp 10.0.0.7:5432: i/o timeout\nmain.(*API).cart\n\t/srv")
    );

    let e = read(r#"{"@level":"error","@message":"connection lost","@module":"vault","@timestamp":"2026-11-24T07:05:03.123456Z","error":"EOF"}"#).unwrap();
    assert_eq!(
        (e.level, e.message.as_ref(), at(&e).as_str()),
        (Level::Error, "connection lost: EOF", "2026-11-24T07:05:03.123456Z")
    );

    let e = read(r#"{"time":"2026-11-24T07:05:03.123Z","level":"INFO","msg":"request","method":"GET","path":"/x","status":500,"duration":1235566}"#).unwrap();
    assert_eq!(asked(&e), ("GET", "/x", Some(500), "", Some(1_235)));
}

#[test]
fn rust_tracing_speaks_of_its_span() {
    let e = read(r#"{"timestamp":"2026-11-24T07:43:54.285868Z","level":"ERROR","fields":{"message":"response failed","classification":"Status code: 500 Internal Server Error","latency":"3 ms"},"target":"tower_http::trace::on_failure","span":{"method":"GET","uri":"/accounts/45","version":"HTTP/1.1","name":"request"},"spans":[{"method":"GET","uri":"/accounts/45","version":"HTTP/1.1","name":"request"}]}"#).unwrap();
    assert_eq!(asked(&e), ("GET", "/accounts/45", None, "", Some(3_000)));
    assert_eq!(
        (e.message.as_ref(), field(&e, "logger"), field(&e, "classification")),
        ("response failed", "tower_http::trace::on_failure", "Status code: 500 Internal Server Error")
    );
    let e = read(r#"{"timestamp":"2025-10-28T19:15:10.821495Z","level":"TRACE","fields":{"message":"hello! I'm gonna shave a yak","excitement":"yay!"},"target":"fmt_json::yak_shave","spans":[{"yaks":3,"name":"shaving_yaks"},{"yak":1,"name":"shave"}],"threadName":"other","threadId":2}"#).unwrap();
    assert_eq!(
        (e.level, e.message.as_ref(), field(&e, "thread")),
        (Level::Trace, "hello! I'm gonna shave a yak", "other")
    );
}

#[test]
fn java_loggers() {
    let e = read(r#"{"@timestamp":"2026-11-24T07:49:00.793+01:00","@version":"1","message":"Servlet.service() threw","logger_name":"org.apache.X","thread_name":"exec-4","level":"ERROR","level_value":40000,"stack_trace":"java.lang.NullPointerException: null\n\tat com.example.A.b(A.java:12)\n","traceId":"68a1","app":"shop"}"#).unwrap();
    assert_eq!(
        (at(&e).as_str(), e.level, field(&e, "logger"), field(&e, "thread")),
        ("2026-11-24T06:49:00.793Z", Level::Error, "org.apache.X", "exec-4")
    );
    assert_eq!(e.service.as_deref(), Some("shop"));
    assert!(e.trace.as_deref().unwrap().starts_with("java.lang.NullPointerException: null\n\tat com"));
    assert_eq!(e.request.unwrap().trace.as_deref(), Some("68a1"));

    let e = read(r#"{"instant":{"epochSecond":1795503903,"nanoOfSecond":123000000},"thread":"main","level":"ERROR","loggerName":"a.B","message":"boom","thrown":{"commonElementCount":0,"name":"java.io.IOException","message":"reset","extendedStackTrace":[{"class":"a.B","method":"c","file":"B.java","line":3}]},"endOfBatch":false}"#).unwrap();
    assert_eq!((at(&e).as_str(), e.message.as_ref()), ("2026-11-24T07:05:03.123Z", "boom"));
    assert_eq!(e.trace.as_deref(), Some("java.io.IOException: reset\n\tat a.B.c(B.java:3)"));

    let e = read(r#"{"@timestamp":"2026-11-24T07:49:00.793Z","log.level":"ERROR","message":"boom","service.name":"shop","process.pid":77,"error.type":"java.lang.IllegalStateException","error.message":"no cart","error.stack_trace":"java.lang.IllegalStateException: no cart\n\tat com.example.A.b(A.java:12)","http":{"request":{"method":"GET"},"response":{"status_code":500}},"url":{"path":"/cart","query":"a=1"},"source":{"ip":"203.0.113.9"},"event":{"duration":1235566}}"#).unwrap();
    assert_eq!(asked(&e), ("GET", "/cart?a=1", Some(500), "203.0.113.9", Some(1_235)));
    assert_eq!((e.level, e.service.as_deref(), e.pid.as_deref()), (Level::Error, Some("shop"), Some("77")));
    assert_eq!(
        e.trace.as_deref(),
        Some("java.lang.IllegalStateException: no cart\n\tat com.example.A.b(A.java:12)")
    );

    let e = read(r#"{"version":"1.1","host":"web1","short_message":"boom","full_message":"boom\njava.io.IOException: x\n\tat a.B.c(B.java:3)","timestamp":1795503903.123,"level":3,"_logger":"a.B","_thread":"main"}"#).unwrap();
    assert_eq!(
        (e.level, e.node.as_deref(), e.message.as_ref(), field(&e, "logger")),
        (Level::Error, Some("web1"), "boom", "a.B")
    );
    assert!(e.trace.as_deref().unwrap().contains("\tat a.B.c"));
}

#[test]
fn dotnet_loggers() {
    let e = read(r#"{"@t":"2026-11-24T07:05:03.1234567Z","@mt":"HTTP {RequestMethod} {RequestPath} responded {StatusCode} in {Elapsed:0.0000} ms","@l":"Error","@x":"System.InvalidOperationException: boom\n   at Shop.Cart.Get() in /src/Cart.cs:line 12","RequestMethod":"GET","RequestPath":"/cart/7","StatusCode":500,"Elapsed":12.5,"SourceContext":"Serilog.AspNetCore.RequestLoggingMiddleware","RequestId":"0HMV:00000002"}"#).unwrap();
    assert_eq!(e.message, "HTTP GET /cart/7 responded 500 in 12.5 ms");
    assert_eq!(asked(&e), ("GET", "/cart/7", Some(500), "", Some(12_500)));
    assert_eq!((e.level, e.request.as_ref().unwrap().id.as_deref()), (Level::Error, Some("0HMV:00000002")));
    assert!(e.trace.as_deref().unwrap().contains("Cart.cs:line 12"));
    let e = read(r#"{"@t":"2026-11-24T07:05:03Z","@m":"Application started"}"#).unwrap();
    assert_eq!((e.level, e.message.as_ref()), (Level::Info, "Application started"));

    let e = read(r#"{"EventId":13,"LogLevel":"Error","Category":"Microsoft.AspNetCore.Server.Kestrel","Message":"Connection id \u00220HMV\u0022: An unhandled exception was thrown by the application.","Exception":"System.NullReferenceException: Object reference not set    at Shop.Cart.Get() in /src/Cart.cs:line 12    at Shop.Main()","State":{"Message":"x","ConnectionId":"0HMV","TraceIdentifier":"0HMV:00000002"},"Scopes":[{"Message":"RequestPath:/cart","RequestId":"0HMV:00000002","RequestPath":"/cart"}]}"#).unwrap();
    assert_eq!(
        e.trace.as_deref(),
        Some(
            "System.NullReferenceException: Object reference not set\n   at Shop.Cart.Get() in /src/Cart.cs:line 12\n   at Shop.Main()"
        )
    );
    let q = e.request.as_ref().unwrap();
    assert_eq!((q.target.as_ref(), q.id.as_deref()), ("/cart", Some("0HMV:00000002")));
}

#[test]
fn php_loggers() {
    let e = read(r#"{"message":"Connection refused","context":{"userId":7,"exception":{"class":"RedisException","message":"Connection refused","code":111,"file":"/srv/vendor/Connector.php:181","trace":["/srv/app/Cart.php:12"]}},"level":400,"level_name":"ERROR","channel":"production","datetime":"2026-11-24T07:47:42.123456+00:00","extra":{"url":"/cart","http_method":"GET","ip":"203.0.113.9"}}"#).unwrap();
    assert_eq!(
        (e.level, e.message.as_ref(), field(&e, "logger")),
        (Level::Error, "Connection refused", "production")
    );
    assert_eq!(asked(&e), ("GET", "/cart", None, "203.0.113.9", None));
    assert!(e.trace.as_deref().unwrap().starts_with("[object] (RedisException(code: 111): Connection refused at /srv/vendor/Connector.php:181)\n[stacktrace]\n#0 /srv/app/Cart.php(12)"));
    assert_eq!(
        (field(&e, "context.exception.file"), field(&e, "context.exception.code")),
        ("/srv/vendor/Connector.php:181", "111")
    );

    let e = read(r#"{"reqId":"twvbRFk1OwgHo2bqggnx","level":3,"time":"2023-10-01T02:39:09+00:00","remoteAddr":"203.0.113.9","user":"admin","app":"index","method":"GET","url":"/apps/files/","message":"no file","userAgent":"x","version":"29.1.1.0","exception":{"Exception":"OC\\Files\\NotFound","Message":"no file","Code":0,"Trace":[{"file":"/var/www/lib/A.php","line":12,"function":"get","class":"OC\\A","type":"->"}],"File":"/var/www/lib/B.php","Line":7}}"#).unwrap();
    assert_eq!((e.level, asked(&e)), (Level::Error, ("GET", "/apps/files/", None, "203.0.113.9", None)));
    assert!(e.trace.as_deref().unwrap().contains("/var/www/lib/B.php:7"));
    let e = read(r#"{"reqId":"pZpwRdWUcILeyKMZNPQt","level":1,"time":"2023-10-01T02:50:03+00:00","remoteAddr":"","user":"--","app":"x","method":"","url":"--","message":"tried"}"#).unwrap();
    assert_eq!((e.level, e.request.unwrap().target.as_ref()), (Level::Info, ""));
}

#[test]
fn ruby_loggers() {
    let e = read(r#"{"method":"GET","path":"/orders/7","format":"html","controller":"OrdersController","action":"show","status":500,"error":"NoMethodError: undefined method `total' for nil:NilClass","duration":12.35,"time":"2026-11-24T07:38:37.871Z","request_id":"9d1f6a0e"}"#).unwrap();
    assert_eq!(asked(&e), ("GET", "/orders/7", Some(500), "", Some(12_350)));
    assert_eq!(e.trace.as_deref(), Some("NoMethodError: undefined method `total' for nil:NilClass"));
    let e = read(r#"{"severity":"ERROR","time":"2026-11-24T07:38:37.871Z","correlation_id":"01F8","exception.class":"NoMethodError","exception.message":"undefined method `x'","exception.backtrace":["app/models/a.rb:6:in `total'","lib/b.rb:3:in `call'"]}"#).unwrap();
    assert_eq!(e.level, Level::Error);
    assert_eq!(
        e.trace.as_deref(),
        Some("NoMethodError (undefined method `x'):\n  \napp/models/a.rb:6:in `total'\nlib/b.rb:3:in `call'")
    );
}

#[test]
fn clouds() {
    let e = read(r#"{"httpRequest":{"requestMethod":"GET","requestUrl":"https://shop.example.com/cart?id=7","status":500,"latency":"0.123s","remoteIp":"203.0.113.9","userAgent":"x"},"insertId":"a","severity":"ERROR","timestamp":"2026-11-24T07:05:03.123Z","trace":"projects/shop/traces/06796866738c859f2f19b7cfb3214824","resource":{"type":"cloud_run_revision","labels":{"service_name":"cart"}}}"#).unwrap();
    assert_eq!(asked(&e), ("GET", "/cart?id=7", Some(500), "203.0.113.9", Some(123_000)));
    let q = e.request.as_ref().unwrap();
    assert_eq!(
        (q.host.as_deref(), q.trace.as_deref(), e.service.as_deref()),
        (Some("shop.example.com"), Some("06796866738c859f2f19b7cfb3214824"), Some("cart"))
    );

    let e = read(r#"{"jsonPayload":{"message":"boom","stack":"Error: boom\n    at f (/srv/a.js:1:1)"},"severity":"ERROR","timestamp":"2026-11-24T07:05:03Z"}"#).unwrap();
    assert_eq!(
        (e.message.as_ref(), e.trace.as_deref()),
        ("boom", Some("Error: boom\n    at f (/srv/a.js:1:1)"))
    );

    let e = read(r#"{"errorMessage": "'sku'", "errorType": "KeyError", "requestId": "8f507cfc", "stackTrace": ["  File \"/var/task/app.py\", line 3, in handler\n    return event['sku']\n"]}"#).unwrap();
    assert_eq!((e.level, e.message.as_ref()), (Level::Error, "'sku'"));
    assert_eq!(
        e.trace.as_deref(),
        Some(
            "Traceback (most recent call last):\n  File \"/var/task/app.py\", line 3, in handler\n    return event['sku']\nKeyError: 'sku'"
        )
    );

    let e = read(r#"{"time":"2026-11-24T07:05:03.123Z","type":"platform.report","record":{"requestId":"8f507cfc","metrics":{"durationMs":3000},"status":"timeout"}}"#).unwrap();
    assert_eq!((e.message.as_ref(), field(&e, "record.status")), ("platform.report", "timeout"));

    let e = read(r#"{"body":{"stringValue":"charge failed"},"severityText":"ERROR","severityNumber":17,"timeUnixNano":"1795503903123000000","traceId":"5b8aa5a2d2c872e8321cf37308d69df2","attributes":[{"key":"exception.type","value":{"stringValue":"KeyError"}},{"key":"exception.message","value":{"stringValue":"'vat'"}},{"key":"http.route","value":{"stringValue":"/pay"}}]}"#).unwrap();
    assert_eq!(
        (e.message.as_ref(), e.level, e.trace.as_deref()),
        ("charge failed", Level::Error, Some("KeyError: 'vat'"))
    );
    assert_eq!(at(&e), "2026-11-24T07:05:03.123Z");
}

#[test]
fn kubernetes_events() {
    let e = read(r#"{"kind":"Event","apiVersion":"v1","metadata":{"name":"web-1.17"},"involvedObject":{"kind":"Pod","name":"web-1"},"reason":"BackOff","message":"Back-off restarting failed container","type":"Warning","lastTimestamp":"2026-11-24T07:05:03Z"}"#).unwrap();
    assert_eq!(
        (e.level, e.service.as_deref(), e.message.as_ref()),
        (Level::Warn, Some("web-1"), "Back-off restarting failed container")
    );
}

#[test]
fn sentry_events_and_frameworks_with_frames_as_objects() {
    let e = read(r#"{"event_id":"a1b2","level":"error","timestamp":"2026-11-24T07:05:03Z","transaction":"GET /orders/:id","exception":{"values":[{"type":"TypeError","value":"x is null","stacktrace":{"frames":[{"filename":"node:internal/process","lineno":95,"colno":5,"function":"run"},{"abs_path":"/srv/app/orders.js","lineno":12,"colno":3,"function":"total"}]}}]},"request":{"url":"http://shop.test/orders/7","method":"GET"}}"#).unwrap();
    assert_eq!(asked(&e), ("GET", "/orders/7", None, "", None));
    assert_eq!(
        e.trace.as_deref(),
        Some(
            "TypeError: x is null\n    at total (/srv/app/orders.js:12:3)\n    at run (node:internal/process:95:5)"
        )
    );
    let e = read(r#"{"host":"web1","application":"shop","timestamp":"2026-11-24T07:05:03.123456Z","level":"error","pid":4211,"thread":"puma 1","duration_ms":12.3,"name":"OrdersController","message":"Completed #show","payload":{"method":"GET","path":"/orders/7","status":500},"exception":{"name":"NoMethodError","message":"undefined method `total' for nil:NilClass","stack_trace":["app/models/order.rb:6:in `total'"]}}"#).unwrap();
    assert_eq!(asked(&e), ("GET", "/orders/7", Some(500), "", Some(12_300)));
    assert_eq!((e.node.as_deref(), e.request.as_ref().unwrap().host.as_deref()), (Some("web1"), None));
    assert_eq!(field(&e, "exception.stack_trace"), "");
    let e = read(r#"{"time":"2026-11-24 07:05:03.1234","level":"ERROR","logger":"Shop.Orders","message":"charge failed","exception":"System.InvalidOperationException: boom\r\n   at Shop.Cart.Get() in /src/Cart.cs:line 12"}"#).unwrap();
    assert_eq!(
        e.trace.as_deref(),
        Some("System.InvalidOperationException: boom\n   at Shop.Cart.Get() in /src/Cart.cs:line 12")
    );
    assert_eq!(field(&e, "exception"), "");
}

#[test]
fn the_client_left() {
    let e = read(r#"{"time":"2026-11-24T07:05:03Z","remote_addr":"203.0.113.9","method":"GET","uri":"/x","status":499}"#).unwrap();
    assert_eq!(e.request.unwrap().ending, Ending::ClientLeft);
    let e = read(r#"{"time":"2026-11-24T07:05:03Z","client_ip":"203.0.113.9","method":"GET","uri":"/x","status":503,"termination_state":"CC--"}"#).unwrap();
    assert_eq!(e.request.unwrap().ending, Ending::ClientLeft);
}

#[test]
fn exported_arrays_and_pretty_objects() {
    let e = read("[{\"time\":\"2026-11-24T07:05:03Z\",\"msg\":\"a\"},").unwrap();
    assert_eq!(e.message, "a");
    assert!(read("  ,{\"time\":\"2026-11-24T07:05:03Z\",\"msg\":\"a\"}]").is_some());
    let e = read(
        "{\n  \"level\": \"error\",\n  \"message\": \"boom\",\n  \"err\": {\n    \"code\": \"X\"\n  }\n}",
    )
    .unwrap();
    assert_eq!((e.message.as_ref(), field(&e, "err.code")), ("boom", "X"));
}

#[test]
fn other_objects_and_torn_lines_are_refused() {
    for line in [
        "",
        "{}",
        "{\"n\": 4}",
        "{\"order\":7,\"customer\":\"x\",\"total\":2.5}",
        "{\"level\":\"error\",\"time\":1795505252085,\"msg\":\"torn",
        "2026-11-24T07:05:03Z INFO {\"msg\":\"x\",\"time\":1795505252085}",
        "[2026-11-24 07:00:00] x {\"msg\":\"x\"}",
        "{\"msg\":\"x\",\"time\":1795505252085} and more",
        "{'msg': 'x'}",
        "[1,2,3]",
        // MongoDB and PostgreSQL have formats of their own.
        r#"{"t":{"$date":"2026-03-10T20:58:10.004+00:00"},"s":"E",  "c":"STORAGE",  "id":22220,   "ctx":"initandlisten","msg":"WiredTiger error"}"#,
        r#"{"timestamp":"2026-11-24 07:05:03.123 UTC","pid":4211,"error_severity":"ERROR","state_code":"42P01","message":"relation"}"#,
    ] {
        assert!(read(line).is_none(), "{line}");
    }
}

#[test]
fn no_cut_or_hostile_nesting_makes_it_fall() {
    let line = r#"{"level":50,"time":1795505294250,"req":{"method":"GET","url":"/é"},"err":{"type":"É","message":"é\u00e9","stack":"É: é\n    at é"},"msg":"é","l":[{"key":"é","value":{"s":"é"}}]}"#;
    for (i, _) in line.char_indices() {
        let _ = read(&line[..i]);
        let _ = read(&format!("{}}}", &line[..i]));
    }
    let deep = format!(
        "{{\"msg\":\"x\",\"level\":\"error\",\"error\":{}{}}}",
        "{\"cause\":".repeat(60),
        "1".to_owned() + &"}".repeat(60)
    );
    let _ = read(&deep);
    let deep =
        format!("{{\"msg\":\"x\",\"level\":\"error\",\"data\":{}{}}}", "[".repeat(5000), "]".repeat(5000));
    assert!(read(&deep).is_none());
}
