//! Entries in the forms of clients of which there is no capture, in through the table, out as records. They were written by hand
//! after what is known of these clients, not recorded: Monolog's `ctxt_` and logtail/monolog-logtail's shape were looked up in their
//! source, the others not. A capture of a client outweighs what stands here.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use formats::{Healthy, Sink};
use record::{Level, Record, Time};
use wires::streams::Streams;
use wires::{Head, Taken};

#[derive(Default)]
struct Kept {
    records: Vec<Record>,
    healthy: usize,
}

impl Sink for Kept {
    fn healthy(&mut self, _: &Healthy<'_>) {
        self.healthy += 1;
    }
    fn wants(&self, _: &str) -> bool {
        true
    }
    fn record(&mut self, record: Record) {
        self.records.push(record);
    }
}

const NOW: Time = Time(1_795_505_860_000_000);

fn lines(taken: &Taken) -> Kept {
    let mut kept = Kept::default();
    let mut streams = Streams::new(0);
    for line in &taken.lines {
        streams.push(line, NOW, &mut kept);
    }
    streams.end(&mut kept);
    kept
}

fn post(path: &str, body: &str) -> Kept {
    let head = Head { method: "POST".into(), path: path.into(), ..Head::default() };
    let wire = wires::table().find(|w| w.knows(&head)).expect(path);
    lines(&wire.read(&head, body.as_bytes(), NOW).unwrap())
}

fn datagrams(name: &str, list: &[&str]) -> Kept {
    let wire = wires::sockets().find(|s| s.name() == name).unwrap();
    let mut taken = Taken::default();
    let mut session = wire.datagrams();
    for d in list {
        session.push(d.as_bytes(), "192.0.2.7", NOW, &mut taken).unwrap();
    }
    lines(&taken)
}

/// Service, level, status, deepest exception with its place.
fn told(kept: &Kept) -> (String, Level, Option<u16>, String) {
    assert_eq!(kept.records.len(), 1, "{:#?}", kept.records);
    let r = &kept.records[0];
    let root = r.root().map(|e| {
        let place = e.frames.first().map(record::Frame::place).unwrap_or_default();
        format!("{}: {} @ {place}", e.kind, e.message)
    });
    (r.service.clone().unwrap_or_default(), r.level, r.status(), root.unwrap_or_default())
}

fn is(kept: &Kept, service: &str, level: Level, status: Option<u16>, root: &str) {
    assert_eq!(told(kept), (service.to_owned(), level, status, root.to_owned()));
}

#[test]
fn fluent_bit_http_and_filebeat_hand_on_the_line_of_the_app() {
    let body = r#"[{"date":1795503903.12,"log":"{\"level\":\"error\",\"msg\":\"boom\",\"status\":500,\"method\":\"GET\",\"path\":\"/cart/7\"}\n","stream":"stderr","kubernetes":{"pod_name":"web-1","container_name":"shop","labels":{"app":"shop"}}}]"#;
    is(&post("/api/v1/ingest", body), "shop", Level::Error, Some(500), "");
    let line = r#"{"@timestamp":"2026-11-24T07:10:44.000Z","log":{"offset":1,"file":{"path":"/var/log/nginx/access.log"}},"message":"198.51.100.7 - - [24/Nov/2026:07:10:44 +0000] \"GET /cart/17 HTTP/1.1\" 502 157 \"-\" \"curl/7.88.1\"","input":{"type":"log"},"agent":{"type":"filebeat","version":"8.1.0","id":"x"},"ecs":{"version":"8"},"host":{"name":"web-1","os":{"name":"x"}},"event":{"dataset":"nginx.access"},"service":{"type":"nginx"}}"#;
    let kept = post("/_bulk", &format!("{{\"create\":{{\"_index\":\"filebeat\"}}}}\n{line}\n"));
    assert_eq!((kept.records[0].format, kept.records[0].status()), ("combined", Some(502)));
    assert_eq!(kept.records[0].node.as_deref(), Some("web-1"));
}

#[test]
fn a_trace_that_docker_sends_line_by_line_is_put_together() {
    let event = |line: &str| {
        let line = line.replace('\\', "\\\\").replace('"', "\\\"");
        format!(
            "{{\"event\":{{\"line\":\"{line}\",\"source\":\"stderr\",\"tag\":\"shop\"}},\"time\":\"1795503903.12\",\"host\":\"web-1\"}}"
        )
    };
    let body: String = [
        "2026-11-24 07:11:40,147 ERROR shop: Exception on /orders [POST]",
        "Traceback (most recent call last):",
        "  File \"/srv/app.py\", line 37, in place_order",
        "    address = order[\"shipping_address\"]",
        "KeyError: 'shipping_address'",
    ]
    .iter()
    .map(|l| event(l))
    .collect();
    let kept = post("/services/collector/event/1.0", &body);
    assert_eq!(kept.records.len(), 1, "{:#?}", kept.records);
    assert_eq!(kept.records[0].root().unwrap().frames[0].place(), "/srv/app.py:37");
    let json = r#"{"event":{"line":{"level":"error","msg":"boom","status":503,"method":"GET","path":"/x"},"source":"stdout","tag":"shop"}}"#;
    assert_eq!(post("/services/collector", json).records[0].status(), Some(503));
}

#[test]
fn dotnet() {
    // Serilog.Sinks.Splunk.
    let body = r#"{"time":"1795503903.123","event":{"Level":"Error","MessageTemplate":"HTTP {RequestMethod} {RequestPath} responded {StatusCode}","RenderedMessage":"HTTP \"GET\" \"/cart/7\" responded 500","Exception":"System.NullReferenceException: Object reference not set to an instance of an object.\n   at Shop.Cart.Total() in /src/Cart.cs:line 12","Properties":{"RequestMethod":"GET","RequestPath":"/cart/7","StatusCode":500}},"source":"shop","host":"web-1"}"#;
    is(
        &post("/services/collector", body),
        "shop",
        Level::Error,
        Some(500),
        "System.NullReferenceException: Object reference not set to an instance of an object. @ /src/Cart.cs:12",
    );
    // Elastic.Serilog and Elastic.CommonSchema.NLog.
    let body = r#"{"@timestamp":"2026-11-24T07:10:44.1234567+00:00","log.level":"Error","message":"boom","ecs.version":"8.11.0","log":{"logger":"Shop.Cart"},"service":{"name":"shop","version":"1.2.3"},"trace":{"id":"4bf92f3577b34da6a3ce929d0e0e4736"},"error":{"type":"System.NullReferenceException","message":"x is null","stack_trace":"System.NullReferenceException: x is null\n   at Shop.Cart.Total() in /src/Cart.cs:line 12"},"http":{"request":{"method":"GET"},"response":{"status_code":500}},"url":{"path":"/cart/7"}}"#;
    let kept = post("/shop/_doc", body);
    is(&kept, "shop", Level::Error, Some(500), "System.NullReferenceException: x is null @ /src/Cart.cs:12");
    let trace = kept.records[0].request.as_ref().unwrap().trace.clone();
    assert_eq!(trace.as_deref(), Some("4bf92f3577b34da6a3ce929d0e0e4736"));
}

#[test]
fn java() {
    // logback-gelf.
    let body = r#"{"version":"1.1","host":"web-1","short_message":"cart failed","full_message":"cart failed\njava.lang.IllegalStateException: no cart\n\tat com.example.Cart.total(Cart.java:12)\n","timestamp":1795503903.123,"level":3,"_logger_name":"com.example.Cart","_thread_name":"http-1","_app":"shop"}"#;
    is(
        &post("/gelf", body),
        "shop",
        Level::Error,
        None,
        "java.lang.IllegalStateException: no cart @ Cart.java:12",
    );
    // logback's SyslogAppender: no tag, a datagram for each line of the trace.
    let kept = datagrams(
        "syslog",
        &[
            "<11>Nov 24 07:38:09 web-1 [http-1] ERROR com.example.Cart - cart failed",
            "<11>Nov 24 07:38:09 web-1 java.lang.IllegalStateException: no cart",
            "<11>Nov 24 07:38:09 web-1 \tat com.example.Cart.total(Cart.java:12)",
            "<11>Nov 24 07:38:09 web-1 \tat com.example.Web.get(Web.java:3)",
        ],
    );
    let places: Vec<_> =
        kept.records.iter().filter_map(|r| r.root()).flat_map(|e| &e.frames).map(|f| f.place()).collect();
    assert_eq!(places, ["Cart.java:12", "Web.java:3"], "{:#?}", kept.records);
    assert_eq!(told(&kept).3, "java.lang.IllegalStateException: no cart @ Cart.java:12");
    // logstash-logback-encoder to Logstash's TCP input is JSON lines; the same over HTTP.
    let body = r#"{"@timestamp":"2026-11-24T07:10:44.123+00:00","@version":"1","message":"cart failed","logger_name":"com.example.Cart","thread_name":"http-1","level":"ERROR","level_value":40000,"stack_trace":"java.lang.IllegalStateException: no cart\n\tat com.example.Cart.total(Cart.java:12)\n"}"#;
    assert_eq!(
        told(&post("/api/v1/ingest", body)).3,
        "java.lang.IllegalStateException: no cart @ Cart.java:12"
    );
}

#[test]
fn php() {
    // Monolog's ElasticsearchFormatter.
    let body = r#"{"index":{"_index":"app"}}
{"message":"Uncaught exception","context":{"exception":{"class":"PDOException","message":"SQLSTATE[HY000] [2002] Connection refused","code":2002,"file":"/srv/Db.php:9","trace":["/srv/index.php:3"]}},"level":500,"level_name":"CRITICAL","channel":"app","datetime":"2026-11-24T07:10:44.123456+00:00","extra":{"url":"/cart/7","http_method":"GET"}}
"#;
    let kept = post("/_bulk", body);
    let (_, level, _, root) = told(&kept);
    assert_eq!(
        (level, root.as_str()),
        (Level::Fatal, "PDOException: SQLSTATE[HY000] [2002] Connection refused @ /srv/Db.php:9")
    );
    // Laravel to Papertrail: a datagram for each line.
    let kept = datagrams(
        "syslog",
        &[
            "<11>1 2026-11-24T07:10:44.123456+00:00 web-1 shop 77 - - [2026-11-24T07:10:44.123456+00:00] production.ERROR: no cart {\"exception\":\"[object] (RuntimeException(code: 0): no cart at /srv/app/Cart.php:12)",
            "<11>1 2026-11-24T07:10:44.123456+00:00 web-1 shop 77 - - [stacktrace]",
            "<11>1 2026-11-24T07:10:44.123456+00:00 web-1 shop 77 - - #0 /srv/app/Web.php(3): Cart->total()",
            "<11>1 2026-11-24T07:10:44.123456+00:00 web-1 shop 77 - - \"} ",
        ],
    );
    assert_eq!(told(&kept).3, "RuntimeException: no cart @ /srv/app/Cart.php:12");
    // Monolog's GelfMessageFormatter, new and old.
    for exception in [
        r#"{\"class\":\"RuntimeException\",\"message\":\"no cart\",\"code\":0,\"file\":\"/srv/app/Cart.php:12\",\"trace\":[\"/srv/app/Web.php:3\"]}"#,
        r"[object] (RuntimeException(code: 0): no cart at /srv/app/Cart.php:12)",
    ] {
        let body = format!(
            r#"{{"version":"1.1","host":"web-1","short_message":"cart failed","timestamp":1795503903.12,"level":3,"_channel":"app","_ctxt_exception":"{exception}","_url":"/cart/7","_http_method":"GET"}}"#
        );
        assert_eq!(told(&post("/gelf", &body)).3, "RuntimeException: no cart @ /srv/app/Cart.php:12");
    }
    // logtail/monolog-logtail.
    let body = r#"[{"dt":"2026-11-24T07:10:44.123456+00:00","message":"no cart","level":"ERROR","monolog":{"channel":"app","context":{"exception":{"class":"RuntimeException","message":"no cart","code":0,"file":"/srv/app/Cart.php:12","trace":["/srv/app/Web.php:3"]}},"extra":[]}}]"#;
    assert_eq!(told(&post("/", body)).3, "RuntimeException: no cart @ /srv/app/Cart.php:12");
}

#[test]
fn browsers_and_node() {
    // Datadog's browser SDK: NDJSON as text/plain.
    let body = r#"{"date":1795503903123,"message":"boom","status":"error","origin":"network","error":{"kind":"Error","stack":"Error: boom\n  at f @ https://shop.example/app.js:3:9"},"http":{"method":"GET","status_code":503,"url":"https://shop.example/api/cart"},"service":"shop-web","session_id":"x","view":{"url":"https://shop.example/cart"}}"#;
    let kept = post("/api/v2/logs", body);
    assert_eq!((kept.records.len(), kept.records[0].service.as_deref()), (1, Some("shop-web")));
    // pino-loki.
    let body = r#"{"streams":[{"stream":{"application":"shop","level":"error"},"values":[["1795503903123000000","{\"level\":50,\"msg\":\"boom\",\"err\":{\"type\":\"TypeError\",\"message\":\"x is null\",\"stack\":\"TypeError: x is null\\n    at f (/srv/a.js:3:9)\"},\"req\":{\"method\":\"GET\",\"url\":\"/cart/7\"},\"res\":{\"statusCode\":500}}"]]}]}"#;
    is(
        &post("/loki/api/v1/push", body),
        "shop",
        Level::Error,
        Some(500),
        "TypeError: x is null @ /srv/a.js:3",
    );
    // winston's simple format over syslog.
    let kept = datagrams(
        "syslog",
        &[
            r#"<11>Nov 24 07:38:09 web-1 shop[7]: GET /cart/7 failed: boom {"method":"GET","url":"/cart/7","status":500,"stack":"Error: boom\n    at f (/srv/a.js:3:9)"}"#,
        ],
    );
    is(&kept, "shop", Level::Error, Some(500), "Error: boom @ /srv/a.js:3");
}

#[test]
fn the_journal_and_ruby() {
    let body = r#"{"MESSAGE":"Out of memory: Killed process 2214 (php-fpm)","PRIORITY":"2","SYSLOG_IDENTIFIER":"kernel","_HOSTNAME":"web-1","_TRANSPORT":"kernel","_BOOT_ID":"x","__REALTIME_TIMESTAMP":"1795503903123456","_SYSTEMD_CGROUP":"/"}"#;
    let kept = post("/api/v1/ingest", body);
    is(&kept, "kernel", Level::Error, None, "");
    assert_eq!(kept.records[0].message, "Out of memory: Killed process 2214 (php-fpm)");
    // semantic_logger.
    let body = r#"{"host":"web-1","application":"shop","timestamp":"2026-11-24T07:10:44.123456Z","level":"error","level_index":4,"pid":7,"thread":"puma 1","name":"OrdersController","message":"Completed #create","payload":{"controller":"OrdersController","method":"POST","path":"/orders","status":500},"exception":{"name":"NoMethodError","message":"undefined method `total' for nil","stack_trace":["app/models/order.rb:6:in `total'"]}}"#;
    is(
        &post("/", body),
        "shop",
        Level::Error,
        Some(500),
        "NoMethodError: undefined method `total' for nil @ app/models/order.rb:6",
    );
}

#[test]
fn healthy_requests_are_counted_and_nothing_else() {
    let body = r#"{"level":"info","msg":"GET /cart/7","method":"GET","path":"/cart/7","status":200}"#;
    let kept = post("/api/v1/ingest", body);
    assert_eq!((kept.healthy, kept.records.len()), (1, 0));
}

#[test]
fn loki_of_java_and_rust() {
    // loki4j: a text with its trace, the severity in the labels.
    let body = r#"{"streams":[{"stream":{"app":"shop","level":"ERROR","host":"web-1"},"values":[["1795503903123000000","l=ERROR c=c.e.Cart t=http-1 | cart failed\njava.lang.IllegalStateException: no cart\n\tat com.example.Cart.total(Cart.java:12)\n"]]}]}"#;
    is(
        &post("/loki/api/v1/push", body),
        "shop",
        Level::Error,
        None,
        "java.lang.IllegalStateException: no cart @ Cart.java:12",
    );
    // tracing-loki.
    let body = r#"{"streams":[{"stream":{"service":"shop","level":"error"},"values":[["1795503903123000000","{\"message\":\"request failed\",\"error\":\"connect to 127.0.0.1:5432: Connection refused\",\"method\":\"GET\",\"uri\":\"/cart/7\",\"status\":500,\"_target\":\"shop::cart\",\"_file\":\"src/cart.rs\",\"_line\":12}"]]}]}"#;
    let kept = post("/loki/api/v1/push", body);
    assert_eq!((told(&kept).1, told(&kept).2), (Level::Error, Some(500)));
    assert!(kept.records[0].message.contains("Connection refused"), "{:?}", kept.records[0]);
}

#[test]
fn serilog_to_graylog_and_go_to_syslog() {
    let body = r#"{"version":"1.1","host":"web-1","short_message":"HTTP GET /cart/7 responded 500","timestamp":1795503903.12,"level":3,"_stringLevel":"Error","_RequestMethod":"GET","_RequestPath":"/cart/7","_StatusCode":500,"_ExceptionSource":"Shop","_ExceptionMessage":"Object reference not set to an instance of an object.","_StackTrace":"   at Shop.Cart.Total() in /src/Cart.cs:line 12"}"#;
    let kept = post("/gelf", body);
    assert_eq!((told(&kept).1, told(&kept).2), (Level::Error, Some(500)));
    let places: Vec<_> =
        kept.records[0].exceptions.iter().flat_map(|e| &e.frames).map(record::Frame::place).collect();
    assert_eq!(places, ["/src/Cart.cs:12"], "{:?}", kept.records[0]);
    let kept = datagrams(
        "syslog",
        &[
            "<11>2026-11-24T07:38:09Z web-1 shop[77]: http: panic serving 203.0.113.9:4123: runtime error: index out of range [3] with length 3\n",
            "<11>2026-11-24T07:38:09Z web-1 shop[77]: goroutine 7 [running]:\n",
            "<11>2026-11-24T07:38:09Z web-1 shop[77]: main.cart(0x1)\n",
            "<11>2026-11-24T07:38:09Z web-1 shop[77]: \t/srv/shop/cart.go:12 +0x1d\n",
        ],
    );
    assert_eq!(kept.records.len(), 1, "{:#?}", kept.records);
    assert_eq!(kept.records[0].root().unwrap().frames[0].place(), "/srv/shop/cart.go:12");
}

#[test]
fn a_pipeline_of_vector_to_elasticsearch_and_splunk() {
    let event = r#"{"file":"/var/log/shop.log","host":"web-1","message":"2026-11-24 07:11:40,147 ERROR shop: Exception on /orders [POST]\nTraceback (most recent call last):\n  File \"/srv/app.py\", line 37, in place_order\n    order[\"sku\"]\nKeyError: 'sku'","source_type":"file","timestamp":"2026-11-24T07:11:40.5Z"}"#;
    for kept in [
        post("/shop/_bulk", &format!("{{\"index\":{{}}}}\n{event}\n")),
        post(
            "/services/collector",
            &format!("{{\"event\":{event},\"host\":\"web-1\",\"time\":1795503903.1}}"),
        ),
        post("/api/v2/logs", &format!("[{event}]")),
        post("/", event),
    ] {
        assert_eq!(kept.records.len(), 1);
        let r = &kept.records[0];
        assert_eq!((r.root().unwrap().frames[0].place().as_str(), r.level), ("/srv/app.py:37", Level::Error));
        assert_eq!(r.request.as_ref().map(|q| q.target.as_str()), Some("/orders"));
    }
}
