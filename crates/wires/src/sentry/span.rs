//! Spans: within a transaction, one alone, or many in a batch (span streaming: Node from 11 on sends no transactions).
//!
//! ```text
//! {"type":"span","item_count":3,"content_type":"application/vnd.sentry.items.span.v2+json"}
//! {"version":2,"items":[{"name":"GET /orders/:id","span_id":"9bbe58409ba61cb1","trace_id":"999e6bb58f8746e8bda832e3b9f654de",
//!   "start_timestamp":1795505360.247723,"end_timestamp":1795505360.255234,"is_segment":true,"status":"error",
//!   "attributes":{"sentry.op":{"value":"http.server","type":"string"},"http.response.status_code":{"value":500,"type":"integer"}}}]}
//! ```
//!
//! <https://develop.sentry.dev/sdk/telemetry/spans/span-protocol/>. A segment that answers a request is an entry of the ledger. Of
//! the others those that failed explain, if they tell why: whom the request called, and what was answered.

use super::frame::clip;
use super::request;
use super::transaction::{Origin, is_server, status};
use crate::lenient::{Flag, Instant, List, Pairs, Text};
use record::{Exception, Level, Record, Request, Time};
use serde::Deserialize;
use std::collections::HashSet;

/// Of one failed request, this many failed spans are kept.
const EXPLAINING_MAX: usize = 50;

/// A span of any version: `op`, `description` and `data` are of the first, `name` and `attributes` of the second.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Child<'a> {
    #[serde(borrow)]
    span_id: Text<'a>,
    #[serde(borrow)]
    trace_id: Text<'a>,
    #[serde(borrow)]
    op: Text<'a>,
    #[serde(borrow)]
    description: Text<'a>,
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    status: Text<'a>,
    start_timestamp: Instant,
    timestamp: Instant,
    end_timestamp: Instant,
    is_segment: Flag,
    #[serde(borrow)]
    data: Pairs<'a>,
    #[serde(borrow)]
    attributes: Pairs<'a>,
}

/// Many spans.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Batch<'a> {
    #[serde(borrow)]
    pub items: List<Child<'a>>,
}

impl Child<'_> {
    fn get(&self, names: &[&str]) -> Option<&str> {
        self.attributes.any(names).or_else(|| self.data.any(names))
    }

    fn op(&self) -> &str {
        self.op.some().or_else(|| self.get(&["sentry.op"])).unwrap_or("")
    }

    fn end(&self) -> Option<Time> {
        self.end_timestamp.0.or(self.timestamp.0)
    }

    fn code(&self) -> Option<u16> {
        let text = self.get(&["http.response.status_code", "http.status_code", "status_code"])?;
        text.parse().ok().filter(|s| (100..=599).contains(s))
    }

    /// Is it the answer to a request, the outermost span of its service?
    fn answers(&self) -> bool {
        let kind = self.get(&["sentry.kind", "span.kind", "otel.kind"]).unwrap_or("");
        let server = kind.eq_ignore_ascii_case("server")
            && self.get(&["http.request.method", "http.method"]).is_some();
        self.is_segment.0 == Some(true) && (is_server(self.op()) || server)
    }

    /// The status answered: stated, or that which the span's stands for.
    fn answer(&self) -> Option<u16> {
        let told = self.get(&["sentry.status.message", "sentry.status_code"]).unwrap_or("");
        self.code().or_else(|| status(told)).or_else(|| status(&self.status))
    }

    /// The entry of the ledger.
    fn entry(&self, origin: &Origin, end: Time, drift: i64) -> Result<Record, &'static str> {
        let Some(code) = self.answer() else { return Err("spans that do not say how they ended") };
        let url = self.get(&["url.full", "http.url", "url"]).unwrap_or("");
        let (host, mut target) = request::place(url);
        if let Some(path) = self.get(&["url.path", "http.target"]).filter(|_| target.is_empty()) {
            target = path.to_owned();
            if let Some(query) = self.get(&["url.query", "http.query"]).filter(|_| !path.contains('?')) {
                target = format!("{path}?{}", query.trim_start_matches('?'));
            }
        }
        let named = if self.name.is_empty() { &self.description } else { &self.name };
        let (method, route) = named.split_once(' ').unwrap_or(("", named));
        if target.is_empty() && route.starts_with('/') {
            target = route.to_owned();
        }
        let begin = self.start_timestamp.0.map(|b| b.plus(drift));
        let own = |v: Option<&str>| v.map(|v| clip(v, 500).to_owned());
        let request = Request {
            method: request::method(self.get(&["http.request.method", "http.method"]).unwrap_or(method)),
            target: clip(&target, 8 * 1024).to_owned(),
            host: own(self.get(&["http.request.header.host"]).or(host)),
            client: own(self.get(&["client.address", "http.client_ip", "user.ip_address", "net.peer.ip"])),
            status: Some(code),
            duration_us: begin.and_then(|b| u64::try_from(end.since(b)).ok()),
            agent: own(self.get(&["user_agent.original", "http.user_agent"])),
            id: own(self.get(&["http.request.header.x-request-id", "http.request.header.x-correlation-id"])),
            trace: request::hex(&self.trace_id),
            ..Request::default()
        };
        let mut record = origin.entry("sentry span", end, request, named.some());
        record.fields.extend(request::hex(&self.span_id).map(|id| ("span_id".to_owned(), id)));
        Ok(record)
    }

    /// What a failed span tells of the cause; nothing where it only says that it failed.
    fn explain(&self, origin: &Origin, at: Time, trace: Option<&str>) -> Option<Record> {
        let told = self.get(&[
            "sentry.status.message",
            "otel.status_description",
            "error.message",
            "exception.message",
        ]);
        // A bare `internal_error` tells nothing that the failure itself does not.
        let told = told.filter(|t| t.contains(' ')).unwrap_or("");
        let failed = !matches!(&*self.status, "" | "ok" | "unset" | "cancelled");
        let (op, code) = (self.op(), self.code());
        let calls = op.starts_with("http.client") || op.starts_with("grpc.client") || op == "http";
        let mut record = origin.record("sentry span", at);
        if calls && (failed || code.is_some_and(|c| c >= 400)) {
            let named = self.description.some().or(self.name.some()).unwrap_or("");
            let url = self.get(&["url.full", "http.url", "url"]).or(named.split_once(' ').map(|(_, u)| u));
            let method =
                self.get(&["http.request.method", "http.method"]).or(named.split_once(' ').map(|(m, _)| m));
            let reason = self.get(&["http.response.status_text"]).unwrap_or("");
            let timed_out = &*self.status == "deadline_exceeded" && code.is_none();
            record.message = request::answered(method.unwrap_or("GET"), url?, code, reason);
            if timed_out {
                record.message.push_str(": timed out");
            }
            if !told.is_empty() {
                record.message = format!("{}: {told}", record.message);
            }
        } else if failed && !told.is_empty() {
            let kind = self.get(&["error.type", "exception.type"]).unwrap_or("");
            let error = Exception {
                kind: kind.to_owned(),
                message: told.to_owned(),
                frames: record::Frames::default(),
            };
            record.message = super::event::headline(&error);
            record.exceptions = vec![error].into();
        } else {
            return None;
        }
        let database = self.get(&["db.system", "db.system.name"]);
        if calls || database.is_some() || op.starts_with("db") {
            let address = self.get(&["server.address", "network.peer.address", "net.peer.name"]);
            let port = self.get(&["server.port", "network.peer.port", "net.peer.port", "url.port"]);
            for (name, value) in [("err.address", address), ("err.port", port), ("db.system", database)] {
                record.fields.extend(value.map(|v| (name.to_owned(), clip(v, 300).to_owned())));
            }
        }
        record.message = clip(&record.message, 4_000).to_owned();
        record.text = super::frame::first_line(&record.message);
        record.level = Level::Warn;
        record.fields.extend(request::hex(&self.span_id).map(|id| ("span_id".to_owned(), id)));
        let trace = request::hex(&self.trace_id).or(trace.map(str::to_owned));
        record.request = trace.map(|t| Box::new(Request { trace: Some(t), ..Request::default() }));
        Some(record)
    }

    /// Where the span says itself what runs.
    fn origin(&self, outer: &Origin) -> Origin {
        let own =
            |names: &[&str], outer: &Option<String>| self.get(names).map(str::to_owned).or(outer.clone());
        let release = own(&["sentry.release", "service.version"], &outer.release);
        Origin {
            service: release.as_deref().and_then(super::service).or(outer.service.clone()),
            node: own(&["sentry.server_name", "host.name"], &outer.node),
            environment: own(&["sentry.environment", "deployment.environment"], &outer.environment),
            release,
        }
    }
}

/// The records of the spans within a failed transaction.
pub(super) fn within(
    spans: &List<Child<'_>>,
    origin: &Origin,
    end: Time,
    drift: i64,
    trace: Option<&str>,
    out: &mut Vec<Record>,
) {
    let at = |s: &Child<'_>| s.end().map_or(end, |t| t.plus(drift));
    out.extend(spans.0.iter().filter_map(|s| s.explain(origin, at(s), trace)).take(EXPLAINING_MAX));
}

/// The records of spans that come by themselves, and what was let go.
pub(super) fn batch(
    spans: &[Child<'_>],
    outer: &Origin,
    now: Time,
    drift: i64,
    out: &mut Vec<Record>,
    mut dropped: impl FnMut(&'static str),
) {
    let at = |s: &Child<'_>| s.end().map_or(now, |t| t.plus(drift));
    // Nothing is kept of healthy requests but their entry.
    let mut healthy: HashSet<&str> = HashSet::new();
    for s in spans.iter().filter(|s| s.answers()) {
        match s.entry(&s.origin(outer), at(s), drift) {
            Ok(record) => {
                if record.status().is_some_and(|c| c < 500) {
                    healthy.insert(&s.trace_id);
                }
                out.push(record);
            }
            Err(why) => dropped(why),
        }
    }
    for s in spans.iter().filter(|s| !s.answers() && !healthy.contains(&*s.trace_id)) {
        out.extend(s.explain(&s.origin(outer), at(s), None));
    }
}
