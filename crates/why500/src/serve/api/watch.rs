//! The live stream, the program's own figures and health.

use super::Answer;
use super::access::{Asks, Read};
use crate::serve::{App, backlog, now};
use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Response, StatusCode, header};
use axum::response::IntoResponse;
use http_body_util::StreamBody;
use hyper::body::Frame;
use serde_json::{Value, json};
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;

/// A comment is sent so often, so that proxies see that the stream is alive.
const ALIVE: Duration = Duration::from_secs(15);

/// `GET /api/v1/health` and `/health`.
pub async fn health(State(app): State<Arc<App>>) -> (StatusCode, Json<Value>) {
    let undigested = app.progress.backlog.all();
    let troubles = app.progress.troubles();
    let state = if troubles.values().any(|t| t.full) {
        "disk-full"
    } else if !troubles.is_empty() {
        "cannot-write"
    } else if undigested > backlog::BYTES_MAX {
        "overloaded"
    } else {
        "ok"
    };
    let status = if state == "ok" { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let details: Vec<String> = troubles.iter().map(|(what, t)| format!("{what}: {}", t.why)).collect();
    let body = json!({
        "status": state,
        "details": details,
        "undigested_bytes": undigested,
        "unexplained_batches": app.progress.behind(),
        "uptime_s": now().since(app.started) / record::SECOND,
    });
    (status, Json(body))
}

/// `GET /api/v1/stream`: problems as failures of them are seen, as server-sent events (WHATWG HTML §9.2).
pub async fn stream(asks: Asks<Read>) -> Answer<Response<Body>> {
    let (project, events) = (asks.project, asks.app.events.subscribe());
    let frames = futures_util::stream::unfold(events, move |mut events| async move {
        loop {
            let next = tokio::time::timeout(ALIVE, events.recv()).await;
            let text = match next {
                Err(_) => ": alive\n\n".to_owned(),
                Ok(Err(RecvError::Closed)) => return None,
                Ok(Err(RecvError::Lagged(n))) => format!("event: lagged\ndata: {{\"missed\":{n}}}\n\n"),
                Ok(Ok(e)) if e.project != project => continue,
                Ok(Ok(e)) => {
                    let data = json!({
                        "problem": e.problem, "title": e.title, "cause": e.cause,
                        "failures": e.failures, "at": e.at.to_string(),
                    });
                    format!("event: problem\ndata: {data}\n\n")
                }
            };
            return Some((Ok::<_, std::convert::Infallible>(Frame::data(Bytes::from(text))), events));
        }
    });
    let headers = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-store")];
    Ok((headers, Body::new(StreamBody::new(frames))).into_response())
}

/// `GET /metrics`: in Prometheus' text format (prometheus.io, exposition formats). They are of all projects together.
pub async fn metrics(State(app): State<Arc<App>>, headers: HeaderMap) -> Answer<Response<Body>> {
    if app.permit(&headers, "read")?.project.is_some() {
        return Err(super::Failed(
            StatusCode::FORBIDDEN,
            "the token is one project's, the figures are of all".into(),
        ));
    }
    let mut out = String::new();
    let (waiting, given_up) = app.read(store::Reader::outbox_size)?;
    let p = &app.progress;
    let kept = |n: &AtomicU64| n.load(Ordering::Relaxed);
    let figures = [
        (
            "why500_bodies_accepted_total",
            "counter",
            "Bodies taken in and kept.",
            app.counters.accepted.load(Ordering::Relaxed),
        ),
        (
            "why500_bodies_refused_total",
            "counter",
            "Bodies refused.",
            app.counters.refused.load(Ordering::Relaxed),
        ),
        (
            "why500_received_bytes_total",
            "counter",
            "Bytes of bodies as sent.",
            app.counters.bytes.load(Ordering::Relaxed),
        ),
        (
            "why500_tls_handshakes_failed_total",
            "counter",
            "Connections without TLS, or whose handshake failed, to ports that speak it.",
            app.counters.unshaken.load(Ordering::Relaxed),
        ),
        (
            "why500_batches_written_total",
            "counter",
            "Batches made durable.",
            p.written.load(Ordering::Relaxed),
        ),
        (
            "why500_journal_syncs_total",
            "counter",
            "Times the journal was synchronised.",
            p.syncs.load(Ordering::Relaxed),
        ),
        ("why500_unexplained_batches", "gauge", "Batches made durable and not explained yet.", p.behind()),
        ("why500_undigested_bytes", "gauge", "Bytes taken in and not explained yet.", p.backlog.all()),
        (
            "why500_problems_resolved_by_silence_total",
            "counter",
            "Problems resolved as no failure came for long.",
            kept(&app.kept.silent),
        ),
        (
            "why500_problems_unmuted_total",
            "counter",
            "Problems heard of again as the time they were muted for is over.",
            kept(&app.kept.heard),
        ),
        (
            "why500_failures_forgotten_total",
            "counter",
            "Failures let go of by age or size; their counts stay.",
            kept(&app.kept.failures),
        ),
        (
            "why500_examples_forgotten_total",
            "counter",
            "Examples let go of by age or size.",
            kept(&app.kept.examples),
        ),
        (
            "why500_problems_forgotten_total",
            "counter",
            "Problems let go of by age.",
            kept(&app.kept.problems),
        ),
        (
            "why500_database_bytes",
            "gauge",
            "Bytes of the database that hold something, measured each minute.",
            kept(&app.kept.bytes),
        ),
        (
            "why500_retention_step_max_us",
            "gauge",
            "The longest that a step of the retention had the store, in microseconds.",
            kept(&app.kept.longest_us),
        ),
        ("why500_alerts_waiting", "gauge", "Messages that wait to be sent.", waiting),
        (
            "why500_alerts_given_up",
            "gauge",
            "Messages that could not be sent and are not tried any more.",
            given_up,
        ),
    ];
    for (name, kind, help, value) in figures {
        let _ = write!(out, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n");
    }
    let _ = write!(
        out,
        "# HELP why500_items_total Items taken in, by wire and kind.\n# TYPE why500_items_total counter\n"
    );
    let items = app.counters.items.lock().unwrap_or_else(PoisonError::into_inner);
    let quoted = |s: &str| s.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    for ((wire, name), n) in items.iter().filter(|((_, name), _)| !name.starts_with('!')) {
        let _ =
            writeln!(out, "why500_items_total{{wire=\"{}\",kind=\"{}\"}} {n}", quoted(wire), quoted(name));
    }
    let _ = write!(
        out,
        "# HELP why500_items_dropped_total Items let go, by wire and reason.\n# TYPE why500_items_dropped_total counter\n"
    );
    for ((wire, name), n) in items.iter() {
        if let Some(reason) = name.strip_prefix('!') {
            let _ = writeln!(
                out,
                "why500_items_dropped_total{{wire=\"{}\",reason=\"{}\"}} {n}",
                quoted(wire),
                quoted(reason)
            );
        }
    }
    let _ = write!(
        out,
        "# HELP why500_alerts_sends_total Attempts to send, by channel and outcome.\n# TYPE why500_alerts_sends_total counter\n"
    );
    for ((channel, outcome), n) in app.alerts.counts() {
        let _ = writeln!(
            out,
            "why500_alerts_sends_total{{channel=\"{}\",outcome=\"{outcome}\"}} {n}",
            quoted(&channel)
        );
    }
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], out).into_response())
}
