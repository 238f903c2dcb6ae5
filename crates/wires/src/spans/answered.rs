//! How server spans were answered: status, method, target, host, client.

use super::grpc;
use super::{Kind, Span, TARGET_BYTES_MAX};
use crate::attributes::{Attributes, Value};
use crate::thrown::head;
use record::Request;
use std::borrow::Cow;

pub(super) const STATUS: &[&str] = &["http.response.status_code", "http.status_code"];
pub(super) const METHOD: &[&str] = &["http.request.method", "http.method", "method"];

/// Is it a request's span, whose tracer did not say so? Some frameworks' middlewares leave the kind at INTERNAL.
pub(super) fn is_unnamed_server(span: &Span<'_>) -> bool {
    let a = &span.attributes;
    span.kind == Kind::Internal && span.parent == 0 && a.has(STATUS) && (a.has(METHOD) || a.has(PLAIN_TARGET))
}

/// tower-http's `TraceLayer` makes a span with `method` and `uri` and tells the status in events: `status=200` when it answered,
/// `classification="Status code: 500 Internal Server Error"` when that was a failure.
pub(crate) fn answer_in_event<'a>(event: &Attributes<'a>, span: &mut Span<'a>) {
    if !span.attributes.has(&["uri"]) || span.attributes.has(STATUS) {
        return;
    }
    let classified = event.text(&["classification"]);
    let code = classified.as_deref().and_then(|c| c.strip_prefix("Status code: ")?.get(..3)?.parse().ok());
    if let Some(code) = code.or_else(|| event.int(&["status"])).filter(|c| (100..=599).contains(c)) {
        span.attributes.push(Cow::Borrowed("http.response.status_code"), Value::Int(code));
    }
}

/// What plain middlewares call the target.
const PLAIN_TARGET: &[&str] = &["uri", "path", "http.uri", "http.path", "request.path"];

/// How a request was answered.
pub(super) struct Answered {
    pub method: String,
    pub target: String,
    pub host: Option<String>,
    pub status: u16,
    /// The gRPC status, where it was a call of that kind.
    pub grpc: Option<i64>,
}

impl Answered {
    /// Of a server span; none where it is no request, or ended without telling how.
    pub fn of(span: &Span<'_>) -> Option<Answered> {
        let a = &span.attributes;
        let stated = a.int(STATUS).and_then(|n| u16::try_from(n).ok()).filter(|s| (100..=999).contains(s));
        if let Some(code) = grpc::status(span) {
            let status = stated.filter(|s| *s >= 400).unwrap_or_else(|| grpc::http_status(code));
            return Some(Answered {
                method: "POST".to_owned(),
                target: grpc::target(span),
                host: host(a),
                status,
                grpc: Some(code),
            });
        }
        let is_http = stated.is_some()
            || a.has(METHOD)
            || a.has(&["url.path", "http.target", "http.url", "http.route"]);
        let status = stated.or((is_http && span.failed).then_some(500))?;
        let method = match a.text(METHOD) {
            Some(m) if m == "_OTHER" => a.owned(&["http.request.method_original"]).unwrap_or_default(),
            Some(m) => m.to_ascii_uppercase(),
            None => span
                .name
                .split(' ')
                .next()
                .filter(|m| formats::mention::is_method(m))
                .unwrap_or("")
                .to_owned(),
        };
        let (in_url, target) = target(span);
        Some(Answered { method, target, host: host(a).or(in_url), status, grpc: None })
    }

    pub fn request(&self, a: &Attributes<'_>) -> Request {
        Request {
            method: self.method.clone(),
            target: self.target.clone(),
            host: self.host.clone(),
            client: a.owned(&[
                "client.address",
                "http.client_ip",
                "net.sock.peer.addr",
                "net.peer.ip",
                "network.client.ip",
                "network.peer.address",
            ]),
            ..Request::default()
        }
    }
}

/// What was asked for, and the host where the URL names it.
fn target(span: &Span<'_>) -> (Option<String>, String) {
    let a = &span.attributes;
    if let Some(path) = a.text(&["url.path"]) {
        let query = a.text(&["url.query"]).unwrap_or_default();
        let query = query.trim_start_matches('?');
        let whole = if query.is_empty() { path.into_owned() } else { format!("{path}?{query}") };
        return (None, head(&whole, TARGET_BYTES_MAX).to_owned());
    }
    if let Some(t) = a.text(&["http.target", "url.full", "http.url"]) {
        let (host, path) = formats::mention::split_url(&t);
        // Datadog puts the query string apart in some languages.
        let query = a.text(&["http.query.string", "url.query"]).filter(|_| !path.contains('?'));
        let path = query.map_or_else(|| path.to_owned(), |q| format!("{path}?{q}"));
        return (host.map(str::to_owned), head(&path, TARGET_BYTES_MAX).to_owned());
    }
    if let Some(t) = a.text(PLAIN_TARGET).filter(|t| t.contains('/')) {
        let (host, path) = formats::mention::split_url(&t);
        return (host.map(str::to_owned), head(path, TARGET_BYTES_MAX).to_owned());
    }
    if let Some(r) = a.text(&["http.route", "aspnet_core.route", "http.path_group"]) {
        return (None, head(&r, TARGET_BYTES_MAX).to_owned());
    }
    // `GET /cart/{id}` is the name of a span whose sender knew no path.
    let named = span.name.split(' ').find(|w| w.starts_with('/')).unwrap_or("");
    (None, head(named, TARGET_BYTES_MAX).to_owned())
}

fn host(a: &Attributes<'_>) -> Option<String> {
    if let Some(h) = a.text(&["http.host"]) {
        return Some(h.into_owned());
    }
    let name = a.text(&["server.address", "net.host.name", "http.server_name"])?;
    match a.int(&["server.port", "net.host.port"]) {
        Some(p) if !matches!(p, 80 | 443) && !name.contains(':') => Some(format!("{name}:{p}")),
        _ => Some(name.into_owned()),
    }
}
