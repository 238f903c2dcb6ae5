use super::*;
use record::SECOND;

fn head(path: &str, media: &str) -> Head {
    Head {
        method: "POST".into(),
        path: path.into(),
        headers: vec![("content-type".into(), media.into())],
        ..Head::default()
    }
}

const NOW: Time = Time(1_795_505_400 * SECOND);

fn json(signal: &str, body: &str) -> Taken {
    Otlp.read(&head(&format!("/v1/{signal}"), "application/json"), body.as_bytes(), NOW).unwrap()
}

/// One span as JSON.
fn span(kind: u8, ids: (&str, &str), attributes: &[(&str, &str)], more: &str) -> String {
    let attributes: Vec<_> = attributes
        .iter()
        .map(|(k, v)| format!(r#"{{"key":"{k}","value":{{"stringValue":"{v}"}}}}"#))
        .collect();
    format!(
        r#"{{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"{}","parentSpanId":"{}","name":"n","kind":{kind},
            "startTimeUnixNano":"1795505390000000000","endTimeUnixNano":"1795505390012000000","attributes":[{}]{more}}}"#,
        ids.0,
        ids.1,
        attributes.join(",")
    )
}

fn traces(service: &str, spans: &[String]) -> Taken {
    json(
        "traces",
        &format!(
            r#"{{"resourceSpans":[{{"resource":{{"attributes":[{{"key":"service.name","value":{{"stringValue":"{service}"}}}}]}},"scopeSpans":[{{"spans":[{}]}}]}}]}}"#,
            spans.join(",")
        ),
    )
}

#[test]
fn paths_are_known_below_any_prefix() {
    for path in [
        "/v1/traces",
        "/otlp/v1/logs",
        "/v1/metrics/",
        "/api/42/integration/otlp/v1/traces",
        "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
        "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
        "/v1development/profiles",
    ] {
        assert!(Otlp.knows(&head(path, "")), "{path}");
    }
    for path in
        ["/v0.4/traces", "/v1/input", "/v1/trace", "/traces", "/opentelemetry.proto.collector.trace.v1.X/Y"]
    {
        assert!(!Otlp.knows(&head(path, "")), "{path}");
    }
}

#[test]
fn a_failed_server_span_is_an_entry_and_its_call_explains_it() {
    let taken = traces(
        "shop",
        &[
            span(
                2,
                ("0000000000000001", ""),
                &[
                    ("http.request.method", "GET"),
                    ("url.path", "/pay"),
                    ("url.query", "a=1"),
                    ("http.response.status_code", "503"),
                    ("client.address", "198.51.100.7"),
                ],
                "",
            ),
            span(
                3,
                ("0000000000000002", "0000000000000001"),
                &[
                    ("url.full", "http://rates:8080/v1"),
                    ("http.request.method", "GET"),
                    ("http.response.status_code", "429"),
                    ("server.address", "rates"),
                    ("server.port", "8080"),
                ],
                "",
            ),
            span(1, ("0000000000000003", "0000000000000001"), &[], ""),
        ],
    );
    assert_eq!(taken.items["span"], 3);
    let [ledger, call] = &taken.records[..] else { panic!("{:?}", taken.records) };
    let q = ledger.request.as_ref().unwrap();
    assert_eq!(
        (q.method.as_str(), q.target.as_str(), q.status, q.duration_us),
        ("GET", "/pay?a=1", Some(503), Some(12_000))
    );
    assert_eq!(q.trace.as_deref(), Some("5b8efff798038103d269b633813fc60c"));
    assert_eq!(call.field("remote"), Some("rates:8080"));
    assert_eq!(
        call.message,
        "upstream returned status 429 Too Many Requests (calling GET http://rates:8080/v1)"
    );
    assert_eq!(call.status(), None);
    assert_eq!(taken.answer.body, br#"{"partialSuccess":{}}"#);
}

/// A gateway calls a service, whose spans come by the same Collector: one user's request failed.
#[test]
fn of_server_spans_in_server_spans_the_outermost_counts() {
    let web = [("http.request.method", "GET"), ("url.path", "/pay"), ("http.response.status_code", "500")];
    let taken = traces(
        "shop",
        &[
            span(
                2,
                ("0000000000000003", "0000000000000002"),
                &[
                    ("http.request.method", "GET"),
                    ("url.path", "/inner"),
                    ("http.response.status_code", "500"),
                ],
                "",
            ),
            span(3, ("0000000000000002", "0000000000000001"), &[], ""),
            span(2, ("0000000000000001", "00000000000000ff"), &web, ""),
        ],
    );
    let entries: Vec<_> = taken.records.iter().filter(|r| r.is_ledger()).collect();
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].request.as_ref().unwrap().target, "/pay");
}

#[test]
fn grpc_servers_fail_by_their_status() {
    let call = |code: &str| {
        let a = [
            ("rpc.system", "grpc"),
            ("rpc.service", "shop.Orders"),
            ("rpc.method", "Place"),
            ("rpc.grpc.status_code", code),
        ];
        let taken = traces("shop", &[span(2, ("0000000000000001", ""), &a, "")]);
        (taken.records[0].status(), taken.records[0].request.as_ref().unwrap().target.clone())
    };
    assert_eq!(call("14"), (Some(503), "/shop.Orders/Place".into()));
    assert_eq!(call("13").0, Some(500));
    assert_eq!(call("4").0, Some(504));
    assert_eq!(call("5").0, Some(404));
    assert_eq!(call("0").0, Some(200));
    let named = [
        ("rpc.system.name", "grpc"),
        ("rpc.method", "shop.Orders/Place"),
        ("rpc.response.status_code", "DATA_LOSS"),
    ];
    let taken = traces("shop", &[span(2, ("0000000000000001", ""), &named, "")]);
    assert_eq!(taken.records[0].status(), Some(500));
}

#[test]
fn old_names_and_a_status_alone_do() {
    let a = [
        ("http.method", "post"),
        ("http.target", "/add-user?x=1"),
        ("net.peer.ip", "192.0.2.1"),
        ("http.host", "shop.test"),
    ];
    let taken = traces(
        "unknown_service:node",
        &[span(2, ("01", ""), &a, r#","status":{"code":"STATUS_CODE_ERROR","message":"boom in cart"}"#)],
    );
    let q = taken.records[0].request.as_ref().unwrap();
    assert_eq!((q.method.as_str(), q.target.as_str(), q.status), ("POST", "/add-user?x=1", Some(500)));
    assert_eq!(q.host.as_deref(), Some("shop.test"));
    assert_eq!(taken.records[1].message, "boom in cart");
}

#[test]
fn json_is_read_however_it_is_written() {
    let taken = json(
        "traces",
        r#"{"resource_spans":[{"resource":null,"scope_spans":[{"spans":[{"trace_id":"5b8efff798038103d269b633813fc60c","kind":"SPAN_KIND_SERVER",
            "start_time_unix_nano":1795505390000000000,"end_time_unix_nano":1795505390000000000,"new_field":{"a":[1]},
            "attributes":[{"key":"http.response.status_code","value":{"intValue":500}},{"key":"http.route","value":{"stringValue":"/x"}},{"key":"odd","value":{"arrayValue":{"values":[{"stringValue":"a"}]}}},
              {"key":"n","value":null}, null],"events":null,"status":{}}]}]}]}
           {"resourceSpans":[]}"#,
    );
    assert_eq!(taken.records[0].status(), Some(500));
}

#[test]
fn logs_with_more_than_text_are_records_and_others_lines() {
    let log = |more: &str| {
        json(
            "logs",
            &format!(
                r#"{{"resourceLogs":[{{"scopeLogs":[{{"scope":{{"name":"shop.pay"}},"logRecords":[{{"timeUnixNano":"1795505390000000000",{more}}}]}}]}}]}}"#
            ),
        )
    };
    let taken = log(
        r#""severityNumber":17,"body":{"stringValue":"pay failed"},"traceId":"5b8efff798038103d269b633813fc60c",
           "attributes":[{"key":"exception.type","value":{"stringValue":"KeyError"}},{"key":"exception.message","value":{"stringValue":"'sku'"}},{"key":"order","value":{"intValue":"17"}}]"#,
    );
    let r = &taken.records[0];
    assert_eq!((r.message.as_str(), r.level), ("pay failed\nKeyError: 'sku'", record::Level::Error));
    assert_eq!(r.request.as_ref().unwrap().trace.as_deref(), Some("5b8efff798038103d269b633813fc60c"));
    assert_eq!((r.exceptions[0].kind.as_str(), r.field("order")), ("KeyError", Some("17")));

    let taken = log(r#""severityText":"INFO","body":{"stringValue":"GET / 200"}"#);
    assert_eq!((taken.lines[0].text.as_str(), taken.lines[0].level), ("GET / 200", record::Level::Info));

    let taken = log(
        r#""severityNumber":"SEVERITY_NUMBER_ERROR2","traceId":"5b8efff798038103d269b633813fc60c","body":{"kvlistValue":{"values":[{"key":"msg","value":{"stringValue":"x"}}]}}"#,
    );
    assert_eq!(
        taken.lines[0].text,
        r#"{"level":"error","msg":"x","time":"2026-11-24T07:29:50Z","trace_id":"5b8efff798038103d269b633813fc60c"}"#
    );
    assert_eq!(taken.lines[0].level, record::Level::Error);
}

/// pino-opentelemetry-transport, @opentelemetry/winston-transport, Monolog's handler: the error is an attribute of its own shape.
#[test]
fn errors_in_attributes_are_left_to_the_readers_of_json() {
    let body = r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"1795505390000000000","severityNumber":17,"body":{"stringValue":"pay failed"},
        "traceId":"5b8efff798038103d269b633813fc60c","attributes":[{"key":"err","value":{"kvlistValue":{"values":[
          {"key":"type","value":{"stringValue":"TypeError"}},{"key":"message","value":{"stringValue":"Cannot read properties of undefined (reading 'gross')"}},
          {"key":"stack","value":{"stringValue":"TypeError: Cannot read properties of undefined (reading 'gross')\n    at pay (/srv/app.js:3:9)"}}]}}}]}]}]}]}"#;
    let taken = json("logs", body);
    let mut streams = crate::streams::Streams::new(0);
    let mut kept = Kept::default();
    streams.push(&taken.lines[0], NOW, &mut kept);
    streams.end(&mut kept);
    let r = &kept.0[0];
    assert_eq!(r.exceptions[0].kind, "TypeError");
    assert_eq!(r.exceptions[0].frames[0].place(), "/srv/app.js:3");
    assert_eq!(r.request.as_ref().unwrap().trace.as_deref(), Some("5b8efff798038103d269b633813fc60c"));
    assert!(r.message.contains("pay failed"));
}

#[derive(Default)]
struct Kept(Vec<record::Record>);

impl formats::Sink for Kept {
    fn healthy(&mut self, _: &formats::Healthy<'_>) {}
    fn wants(&self, _: &str) -> bool {
        true
    }
    fn record(&mut self, r: record::Record) {
        self.0.push(r);
    }
}

/// Cut at every byte, with every byte changed: refused or read in part, never a panic.
#[test]
fn hostile_bodies() {
    let message = b"\x0a\x3f\x12\x3d\x12\x3b\x0a\x10aaaaaaaaaaaaaaaa\x12\x08bbbbbbbb\x2a\x01n\x30\x02\x4a\x0a\x0a\x03abc\x12\x03\x0a\x01x\x7a\x04\x12\x00\x18\x02";
    for i in 0..message.len() {
        let _ = Otlp.read(&head("/v1/traces", "application/x-protobuf"), &message[..i], NOW);
        for b in [0x00, 0x7f, 0x80, 0xff] {
            let mut m = message.to_vec();
            m[i] = b;
            for path in ["/v1/traces", "/v1/logs", "/v1/metrics"] {
                let _ = Otlp.read(&head(path, "application/x-protobuf"), &m, NOW);
            }
        }
    }
    let deep = format!("{}{}", r#"{"resourceSpans":"#.repeat(10_000), "}".repeat(10_000));
    assert!(Otlp.read(&head("/v1/traces", "application/json"), deep.as_bytes(), NOW).is_err());
    // AnyValue in AnyValue, 5,000 deep: lengths grow, so it is built from the inside.
    let mut any = b"\x0a\x01x".to_vec();
    for _ in 0..5_000 {
        let mut list = Vec::new();
        put_bytes(&mut list, 0x0a, &any);
        any = Vec::new();
        put_bytes(&mut any, 0x2a, &list);
    }
    let mut log = Vec::new();
    put_bytes(&mut log, 0x2a, &any);
    let mut scope = Vec::new();
    put_bytes(&mut scope, 0x12, &log);
    let mut resource = Vec::new();
    put_bytes(&mut resource, 0x12, &scope);
    let mut body = Vec::new();
    put_bytes(&mut body, 0x0a, &resource);
    let taken = Otlp.read(&head("/v1/logs", "application/x-protobuf"), &body, NOW).unwrap();
    assert_eq!(taken.items["log record"], 1);
    let empty = Otlp.read(&head("/v1/traces", "application/x-protobuf"), b"", NOW).unwrap();
    assert_eq!((empty.answer.status, empty.answer.body.len()), (200, 0));
}

#[test]
fn what_is_broken_is_told_and_the_rest_is_kept() {
    let mut span = Vec::new();
    put_bytes(&mut span, 0x0a, b"aaaaaaaaaaaaaaaa");
    let mut scope = Vec::new();
    put_bytes(&mut scope, 0x12, &span);
    put_bytes(&mut scope, 0x12, b"\x0a\x7f");
    let mut resource = Vec::new();
    put_bytes(&mut resource, 0x12, &scope);
    let mut body = Vec::new();
    put_bytes(&mut body, 0x0a, &resource);
    let taken = Otlp.read(&head("/v1/traces", "application/x-protobuf"), &body, NOW).unwrap();
    assert_eq!((taken.items["span"], taken.dropped["broken OTLP item"]), (1, 1));
    assert_eq!(taken.answer.body[..4], [0x0a, 45, 0x08, 1]);
    let refused = Otlp.read(&head("/v1/traces", "application/x-protobuf"), b"\xff\xff", NOW).unwrap_err();
    assert_eq!((refused.answer.status, &refused.answer.body[..2]), (400, &b"\x08\x03"[..]));
}

#[test]
fn grpc_answers_stand_in_headers() {
    let grpc = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
    let taken = Otlp.read(&head(grpc, "application/grpc"), &[0, 0, 0, 0, 0], NOW).unwrap();
    assert_eq!(taken.answer.body, [0, 0, 0, 0, 0]);
    assert!(taken.answer.headers.contains(&("grpc-status", "0".to_owned())));
    let refused = Otlp.read(&head(grpc, "application/grpc+proto"), &[0, 0, 0, 0, 9, 1], NOW).unwrap_err();
    assert!(refused.answer.headers.contains(&("grpc-status", "3".to_owned())));
    let full = Otlp.refuse(&head(grpc, "application/grpc"), 503, "disk is 95% full", Some(5));
    assert!(full.headers.contains(&("grpc-status", "14".to_owned())));
    assert!(full.headers.contains(&("grpc-message", "disk is 95%25 full".to_owned())));
    assert_eq!(full.status, 200);

    let mut zipped = flate2::bufread::GzEncoder::new(&b""[..], flate2::Compression::fast());
    let mut packed = Vec::new();
    std::io::Read::read_to_end(&mut zipped, &mut packed).unwrap();
    let mut body = vec![1];
    body.extend((packed.len() as u32).to_be_bytes());
    body.extend(packed);
    let mut h = head(grpc, "application/grpc");
    h.headers.push(("grpc-encoding".into(), "gzip".into()));
    assert!(Otlp.read(&h, &body, NOW).is_ok());
}
