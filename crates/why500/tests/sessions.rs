//! Sentry's sessions say how many requests went well, of which failures are a share.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod server;

use serde_json::json;
use server::{Server, now_s};

/// An envelope of one item.
fn item(kind: &str, payload: &serde_json::Value) -> Vec<u8> {
    format!("{{}}\n{{\"type\":\"{kind}\"}}\n{payload}\n").into_bytes()
}

#[test]
fn sessions_count_requests_that_nothing_else_counted() {
    let server = Server::start("sessions");
    let send = |body: &[u8]| assert_eq!(server.post("/api/1/envelope/", "", body).0, 200);
    // A minute ago, as it is whole when it is summed. One of its requests has a transaction: they are sampled.
    let minute = (now_s() as i64 / 60 - 1) * 60;
    send(&item(
        "transaction",
        &json!({
            "event_id": "c08fb0c0ab1645b5a322b421931a8115", "release": "orders-api@1.12.0",
            "transaction": "GET /orders/:id", "start_timestamp": minute + 1, "timestamp": minute + 2,
            "contexts": {
                "trace": {"trace_id": "d45de337c04a4417a5e2ae3eb5c9213d", "op": "http.server", "status": "ok"},
                "response": {"status_code": 200},
            },
            "request": {"method": "GET", "url": "http://shop.example/orders/17"},
        }),
    ));
    assert_eq!(server.settled(1), 0);
    // Of two processes.
    for exited in [40, 60] {
        send(&item(
            "sessions",
            &json!({
                "aggregates": [{"started": minute, "exited": exited, "errored": 0, "crashed": 4}],
                "attrs": {"release": "orders-api@1.12.0", "environment": "production"},
            }),
        ));
    }
    assert_eq!(server.settled(1), 0, "which requests failed is not said");
    let until = minute + 120;
    let line = server.get(&format!("/api/v1/timeline?since={}&until={until}", minute - 60));
    let requests: u64 =
        line["steps"].as_array().unwrap().iter().map(|s| s["requests"].as_u64().unwrap()).sum();
    assert_eq!(requests, 100, "{line}");
}
