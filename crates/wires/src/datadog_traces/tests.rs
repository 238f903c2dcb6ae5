use super::*;
use record::SECOND;

const NOW: Time = Time(1_795_505_400 * SECOND);

fn head(path: &str, media: &str) -> Head {
    let headers = vec![("content-type".into(), media.into()), ("datadog-meta-lang".into(), "go".into())];
    Head { method: "POST".into(), path: path.into(), headers, ..Head::default() }
}

/// msgpack of some JSON, as far as these tests need it.
fn pack(v: &serde_json::Value, out: &mut Vec<u8>) {
    use serde_json::Value as Json;
    match v {
        Json::Null => out.push(0xc0),
        Json::Bool(b) => out.push(0xc2 + u8::from(*b)),
        Json::Number(n) => {
            if let Some(n) = n.as_u64() {
                out.push(0xcf);
                out.extend(n.to_be_bytes());
            } else {
                out.push(0xcb);
                out.extend(n.as_f64().unwrap().to_be_bytes());
            }
        }
        Json::String(s) => {
            out.push(0xdb);
            out.extend((s.len() as u32).to_be_bytes());
            out.extend(s.as_bytes());
        }
        Json::Array(a) => {
            out.push(0xdd);
            out.extend((a.len() as u32).to_be_bytes());
            a.iter().for_each(|x| pack(x, out));
        }
        Json::Object(o) => {
            out.push(0xdf);
            out.extend((o.len() as u32).to_be_bytes());
            for (k, x) in o {
                pack(&Json::from(k.as_str()), out);
                pack(x, out);
            }
        }
    }
}

fn packed(v: &serde_json::Value) -> Vec<u8> {
    let mut out = Vec::new();
    pack(v, &mut out);
    out
}

fn request() -> serde_json::Value {
    serde_json::json!([[
        {"service": "shop", "name": "http.request", "resource": "POST /pay", "type": "web", "trace_id": 255, "span_id": 1, "parent_id": 0,
         "start": 1_795_505_390_000_000_000u64, "duration": 12_000_000, "error": 1,
         "meta": {"http.status_code": "500", "http.method": "POST", "http.url": "http://shop.test/pay?a=1", "http.route": "/pay",
                  "error.msg": "no price", "error.type": "*errors.errorString", "version": "3.2.0", "env": "prod"},
         "metrics": {"_sampling_priority_v1": -1.5, "process_id": 77}},
        {"service": "shop-postgres", "name": "postgres.query", "resource": "SELECT price FROM items", "type": "sql", "trace_id": 255, "span_id": 2,
         "parent_id": 1, "start": 1_795_505_390_000_000_000u64, "duration": 1_000_000, "error": 1,
         "meta": {"error.message": "dial tcp 10.0.0.9:5432: connect: connection refused", "error.type": "*net.OpError", "out.host": "10.0.0.9"},
         "metrics": {"network.destination.port": 5432}}
    ]])
}

fn check(taken: &Taken, trace: &str) {
    let [ledger, thrown, query] = &taken.records[..] else { panic!("{:#?}", taken.records) };
    let q = ledger.request.as_ref().unwrap();
    assert_eq!((q.method.as_str(), q.target.as_str(), q.status), ("POST", "/pay?a=1", Some(500)));
    assert_eq!((q.host.as_deref(), q.trace.as_deref()), (Some("shop.test"), Some(trace)));
    assert_eq!((ledger.service.as_deref(), ledger.field("release")), (Some("shop"), Some("3.2.0")));
    assert_eq!(thrown.exceptions[0].message, "no price");
    assert_eq!(query.field("remote"), Some("10.0.0.9:5432"));
    assert!(
        query.message.contains("connection refused (calling postgres at 10.0.0.9:5432: SELECT price"),
        "{}",
        query.message
    );
    assert_eq!(taken.items["span"], 2);
}

/// The same trace in all versions.
#[test]
fn versions_tell_the_same() {
    let lists = request();
    for path in ["/v0.3/traces", "/v0.4/traces"] {
        let taken = DatadogTraces.read(&head(path, "application/msgpack"), &packed(&lists), NOW).unwrap();
        check(&taken, "00000000000000ff");
    }
    let taken = DatadogTraces
        .read(&head("/v0.2/traces", "application/json"), lists.to_string().as_bytes(), NOW)
        .unwrap();
    check(&taken, "00000000000000ff");
    assert_eq!(taken.answer.body, b"OK\n");

    let chunks = serde_json::json!({"chunks": [{"spans": lists[0], "tags": {"_dd.p.tid": "6b053d0500000000"}, "priority": 1}], "hostname": "web-1", "language_name": "go"});
    let taken =
        DatadogTraces.read(&head("/v0.7/traces", "application/msgpack"), &packed(&chunks), NOW).unwrap();
    check(&taken, "6b053d050000000000000000000000ff");
    assert_eq!(taken.records[0].node.as_deref(), Some("web-1"));
}

#[test]
fn clients_are_answered_as_they_expect() {
    let mut get = head("/info", "");
    get.method = "GET".into();
    assert!(DatadogTraces.knows(&get));
    let info: serde_json::Value =
        serde_json::from_slice(&DatadogTraces.read(&get, b"", NOW).unwrap().answer.body).unwrap();
    assert_eq!(info["client_drop_p0s"], false);
    let ask = |path: &str| {
        let h = head(path, "application/msgpack");
        assert!(DatadogTraces.knows(&h), "{path}");
        DatadogTraces.read(&h, b"", NOW).unwrap().answer
    };
    assert_eq!(ask("/v0.4/traces").body, br#"{"rate_by_service":{"service:,env:":1}}"#);
    assert_eq!(ask("/v0.6/stats").status, 200);
    assert_eq!(ask("/telemetry/proxy/api/v2/apmtelemetry").status, 202);
    assert_eq!(ask("/evp_proxy/v4/api/v2/citestcycle").status, 202);
    assert_eq!(ask("/v0.7/config").body, b"{}");
    assert!(!DatadogTraces.knows(&head("/api/v2/logs", "")));
    assert!(!DatadogTraces.knows(&head("/v1/traces", "")));
}

/// Cut at every byte: what was whole is kept, nothing panics.
#[test]
fn hostile_payloads() {
    let body = packed(&request());
    for i in 0..body.len() {
        let cut = &body[..i];
        for path in ["/v0.4/traces", "/v0.5/traces", "/v0.7/traces", "/api/v0.2/traces"] {
            let _ = DatadogTraces.read(&head(path, "application/msgpack"), cut, NOW);
        }
        let mut changed = body.clone();
        changed[i] ^= 0xff;
        let _ = DatadogTraces.read(&head("/v0.4/traces", "application/msgpack"), &changed, NOW);
    }
    let half = DatadogTraces.read(&head("/v0.4/traces", ""), &body[..body.len() - 3], NOW).unwrap();
    assert_eq!((half.items["span"], half.dropped.len()), (1, 1));
    assert_eq!(DatadogTraces.read(&head("/v0.4/traces", ""), b"\xc1", NOW).unwrap_err().answer.status, 400);
    // Spans name texts that are not there; times are negative.
    let table =
        packed(&serde_json::json!([["a"], [[[9, 9, 9, 1, 1, 0, u64::MAX, u64::MAX, 1, {}, {}, 77]]]]));
    assert_eq!(DatadogTraces.read(&head("/v0.5/traces", ""), &table, NOW).unwrap().items["span"], 1);
}
