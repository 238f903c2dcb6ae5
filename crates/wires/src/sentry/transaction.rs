//! Transactions: one request, task or page view, timed, with the spans in it.
//! <https://develop.sentry.dev/sdk/telemetry/traces/>
//!
//! ```text
//! {"type":"transaction","transaction":"cart","contexts":{"response":{"status_code":500},
//!   "trace":{"trace_id":"d45de337c04a4417a5e2ae3eb5c9213d","op":"http.server","status":"internal_error"}},
//!  "timestamp":"2026-11-24T07:50:01.035949Z","start_timestamp":"2026-11-24T07:50:01.002774Z","spans":[…],
//!  "request":{"url":"http://127.0.0.1:8650/cart/17","method":"GET"}}
//! ```
//!
//! That of a request is an entry of the ledger; tasks, jobs and page views are not.

use super::event::Event;
use super::request;
use record::{Level, Record, Request, Time, Zone};

/// Operations that answer a request, beside those that begin with `http.server`: sentry-ruby before 5, raven, functions.
const SERVER_OPS: &[&str] =
    &["rack.request", "rails.request", "function.gcp.http", "http.request", "aws.lambda.http"];

/// Does an operation of this name answer a request?
pub(super) fn is_server(op: &str) -> bool {
    op.starts_with("http.server") || SERVER_OPS.contains(&op)
}

/// The HTTP status that a span's status stands for, where it has no other. Those that are set by default or by an end that
/// nobody saw tell nothing: `unknown`, and `aborted`, which Rust's SDK says of a request whose task was dropped.
/// <https://develop.sentry.dev/sdk/telemetry/traces/span-operations/>, `SpanStatus`
pub(super) fn status(name: &str) -> Option<u16> {
    Some(match name {
        "ok" => 200,
        "invalid_argument" | "failed_precondition" | "out_of_range" => 400,
        "unauthenticated" => 401,
        "permission_denied" => 403,
        "not_found" => 404,
        "already_exists" => 409,
        "resource_exhausted" => 429,
        "cancelled" | "canceled" => 499,
        "internal_error" | "internal" | "data_loss" | "unknown_error" | "error" => 500,
        "unimplemented" => 501,
        "unavailable" => 503,
        "deadline_exceeded" => 504,
        _ => return None,
    })
}

/// What is the same for all records of an envelope or a batch.
#[derive(Clone, Debug, Default)]
pub(super) struct Origin {
    pub service: Option<String>,
    pub node: Option<String>,
    pub release: Option<String>,
    pub environment: Option<String>,
}

impl Origin {
    /// A record from here.
    pub fn record(&self, format: &'static str, at: Time) -> Record {
        let mut fields = Vec::new();
        for (name, value) in [("release", &self.release), ("environment", &self.environment)] {
            fields.extend(value.as_ref().map(|v| (name.to_owned(), v.clone())));
        }
        Record {
            format,
            at: Some(at),
            zone: Zone::Stated,
            service: self.service.clone(),
            node: self.node.clone(),
            fields,
            ..Record::default()
        }
    }

    /// An entry of the ledger of requests.
    pub fn entry(&self, format: &'static str, at: Time, request: Request, name: Option<&str>) -> Record {
        let mut record = self.record(format, at);
        let took = request.duration_us.map(|us| format!(" in {} ms", us / 1_000)).unwrap_or_default();
        let status = request.status.map(|s| format!(" {s}")).unwrap_or_default();
        record.text = format!("{} {}{status}{took}", request.method, request.target).trim().to_owned();
        record.message = record.text.clone();
        record.level = Level::Info;
        record.fields.extend(name.map(|n| ("transaction".to_owned(), n.to_owned())));
        record.request = Some(Box::new(request));
        record
    }
}

impl Event<'_> {
    /// The entry of the ledger that a transaction stands for; nothing where it is no request, or does not say how it ended.
    pub fn entry(&self, origin: &Origin, begin: Option<Time>, end: Time) -> Result<Record, &'static str> {
        let trace = &self.contexts.trace;
        let asked = self.request.is_there() && self.contexts.response.status_code.status().is_some();
        let elsewhere = ["client", "pageload", "navigation", "ui.", "queue", "task", "cron"];
        let answers = is_server(&trace.op) || (asked && elsewhere.iter().all(|e| !trace.op.contains(e)));
        if !answers {
            return Err("transactions that answer no request");
        }
        let status = self.status().or_else(|| status(&trace.status));
        let Some(status) = status else { return Err("transactions that do not say how they ended") };
        let mut request =
            Request { trace: request::hex(&trace.trace_id), status: Some(status), ..Request::default() };
        self.request.fill(&mut request, Some(&self.user.ip_address));
        if request.target.is_empty() {
            // Without the request, its name is the best that is known: `GET /orders/:id`.
            let (method, route) = self.transaction.split_once(' ').unwrap_or(("", &self.transaction));
            request.method = request::method(method);
            request.target = if route.starts_with('/') { route.to_owned() } else { String::new() };
        }
        request.duration_us = begin.and_then(|b| u64::try_from(end.since(b)).ok());
        let mut record = origin.entry("sentry transaction", end, request, self.transaction.some());
        record.fields.extend(self.id().map(|id| ("event_id".to_owned(), id)));
        Ok(record)
    }
}
