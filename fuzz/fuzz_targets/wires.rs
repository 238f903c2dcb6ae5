//! No body and no stream makes a wire panic, and what it takes is of sane size. The first byte chooses where it goes.

#![no_main]

use libfuzzer_sys::fuzz_target;
use record::Time;
use wires::webhooks::Forge;
use wires::{Head, Taken};

/// Where bodies go: method, path, media type.
const PLACES: [(&str, &str, &str); 27] = [
    ("POST", "/api/1/envelope/", "application/x-sentry-envelope"),
    ("POST", "/api/1/envelope/", "text/plain"),
    ("POST", "/api/1/store/", "application/json"),
    ("POST", "/api/1/store/", "application/octet-stream"),
    ("POST", "/api/0/organizations/acme/releases/", "application/json"),
    ("POST", "/api/0/organizations/acme/releases/shop@1/deploys/", "application/json"),
    ("POST", "/v1/traces", "application/x-protobuf"),
    ("POST", "/v1/traces", "application/json"),
    ("POST", "/v1/logs", "application/x-protobuf"),
    ("POST", "/v1/logs", "application/json"),
    ("POST", "/v1/metrics", "application/x-protobuf"),
    ("POST", "/opentelemetry.proto.collector.trace.v1.TraceService/Export", "application/grpc"),
    ("POST", "/opentelemetry.proto.collector.logs.v1.LogsService/Export", "application/grpc"),
    ("PUT", "/v0.3/traces", "application/msgpack"),
    ("PUT", "/v0.4/traces", "application/msgpack"),
    ("PUT", "/v0.5/traces", "application/msgpack"),
    ("POST", "/v0.7/traces", "application/msgpack"),
    ("POST", "/api/v2/logs", "application/json"),
    ("POST", "/v1/input/token", "application/json"),
    ("POST", "/", "application/json"),
    ("POST", "/", "application/msgpack"),
    ("POST", "/loki/api/v1/push", "application/json"),
    ("POST", "/loki/api/v1/push", "application/x-protobuf"),
    ("POST", "/_bulk", "application/x-ndjson"),
    ("POST", "/services/collector/event", "application/json"),
    ("POST", "/gelf", "application/json"),
    ("POST", "/api/v1/ingest", ""),
];
/// Deliveries of forges, whose choices are the last.
const DELIVERIES: [(Forge, &str, &str); 4] = [
    (Forge::GitHub, "x-github-event", "deployment_status"),
    (Forge::GitHub, "x-github-event", "release"),
    (Forge::GitLab, "x-gitlab-event", "Deployment Hook"),
    (Forge::GitLab, "x-gitlab-event", "Release Hook"),
];
/// A record is not many times larger than what it was read from, whatever was repeated or referred to.
const GROWTH_MAX: usize = 64;

fuzz_target!(|data: &[u8]| {
    let Some((&choice, body)) = data.split_first() else { return };
    let now = Time::from_secs(1_795_503_600);
    let choice = usize::from(choice);
    if let Some((method, path, media)) = PLACES.get(choice) {
        let head = Head {
            method: (*method).into(),
            path: (*path).into(),
            headers: vec![("content-type".into(), (*media).into()), ("authorization".into(), "Bearer x".into())],
            ..Head::default()
        };
        let Some(wire) = wires::table().find(|w| w.knows(&head)) else { return };
        let _ = wire.access(&head, body);
        match wire.read(&head, body, now) {
            Ok(taken) => sane(&taken, body.len()),
            Err(refusal) => assert!((400..600).contains(&refusal.answer.status) || path.contains("Service/"), "{refusal:?}"),
        }
        return;
    }
    if let Some((forge, name, event)) = DELIVERIES.get(usize::from(u8::MAX) - choice) {
        let signature = String::from_utf8_lossy(body).into_owned();
        let shown = ["x-hub-signature-256", "webhook-signature", "webhook-timestamp", "webhook-id"];
        let mut headers: Vec<_> = shown.iter().map(|n| ((*n).to_owned(), signature.clone())).collect();
        headers.push(((*name).into(), (*event).into()));
        let head = Head { method: "POST".into(), headers, ..Head::default() };
        assert!(!forge.signed(&head, body, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", now));
        let _ = forge.read(&head, body, now);
        return;
    }
    let sockets: Vec<_> = wires::sockets().collect();
    let Some(socket) = sockets.get(choice % sockets.len().max(1)) else { return };
    let mut taken = Taken::default();
    let mut datagrams = socket.datagrams();
    let _ = datagrams.push(body, "203.0.113.9", now, &mut taken);
    let mut stream = socket.open("203.0.113.9");
    for piece in body.chunks(choice / 8 + 1) {
        if stream.push(piece, "203.0.113.9", now, &mut taken).is_err() {
            break;
        }
    }
    stream.end(now, &mut taken);
    sane(&taken, 2 * body.len());
});

fn sane(taken: &Taken, bytes: usize) {
    let records: usize = taken.records.iter().map(|r| r.message.len() + r.text.len()).sum();
    let lines: usize = taken.lines.iter().map(|l| l.text.len()).sum();
    assert!(records + lines <= GROWTH_MAX * (bytes + 1_024), "{records} + {lines} bytes of {bytes}");
}
