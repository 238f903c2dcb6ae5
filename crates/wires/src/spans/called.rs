//! What client spans called, and how that failed, in words close to those in which software says it: so that the recogniser finds the
//! cause and its peer.

use super::answered::METHOD;
use super::{Span, TARGET_BYTES_MAX, Thrown, grpc, said_by};
use crate::attributes::Attributes;
use crate::thrown::head;

/// The address of what was called: `db-1:5432`, `127.0.0.1:8690`, else the name it goes by.
pub(super) fn peer(a: &Attributes<'_>) -> Option<String> {
    const PORTS: &[&str] = &[
        "server.port",
        "net.peer.port",
        "network.destination.port",
        "out.port",
        "network.peer.port",
        "net.sock.peer.port",
        "tcp.remote.port",
        "peer.port",
    ];
    const HOSTS: &[&str] = &[
        "server.address",
        "net.peer.name",
        "out.host",
        "network.destination.name",
        "peer.hostname",
        "net.peer.ip",
        "network.peer.address",
        "net.sock.peer.addr",
        "tcp.remote.host",
        "network.destination.ip",
        "peer.ipv4",
    ];
    let url = a.text(&["url.full", "http.url", "http.target"]);
    let in_url = url.as_deref().and_then(|u| formats::mention::split_url(u).0).filter(|h| !h.is_empty());
    if let Some(host) = a.text(HOSTS) {
        return Some(match (a.int(PORTS), in_url) {
            (Some(p), _) if !host.contains(':') => format!("{host}:{p}"),
            (Some(p), _) if host.contains("::") => format!("[{host}]:{p}"),
            // Datadog's Python names the host alone.
            (None, Some(u)) if u.starts_with(&*host) => u.to_owned(),
            _ => host.into_owned(),
        });
    }
    if let Some(host) = in_url {
        return Some(host.to_owned());
    }
    a.owned(&[
        "peer.service",
        "messaging.destination.name",
        "messaging.destination",
        "dns.hostname",
        "rpc.service",
    ])
}

/// What was called, as a programmer would say it: `GET http://127.0.0.1:8690/slow/tax/DE`, `postgresql at db-1:5432: SELECT …`.
pub(super) fn called(span: &Span<'_>, peer: Option<&str>) -> String {
    /// Of a statement, its beginning tells which it is.
    const STATEMENT_BYTES_MAX: usize = 200;
    let a = &span.attributes;
    if let Some(system) = a.text(&["db.system.name", "db.system", "db.type"]) {
        let statement = a.text(&[
            "db.query.text",
            "db.statement",
            "sql.query",
            "db.query.summary",
            "db.operation.name",
            "db.operation",
        ]);
        let at = peer.map(|p| format!(" at {p}")).unwrap_or_default();
        return match statement {
            Some(s) => {
                let line = s.split_whitespace().collect::<Vec<_>>().join(" ");
                format!("{system}{at}: {}", head(&line, STATEMENT_BYTES_MAX))
            }
            None => format!("{system}{at}"),
        };
    }
    if let Some(system) = a.text(&["messaging.system", "messaging.system.name"]) {
        let to = a
            .text(&["messaging.destination.name", "messaging.destination", "kafka.topic"])
            .unwrap_or_default();
        let at = peer.filter(|p| *p != to).map(|p| format!(" at {p}")).unwrap_or_default();
        return format!("{system}{at} {to}").trim_end().to_owned();
    }
    if a.has(&["rpc.system", "rpc.system.name", "rpc.method", "grpc.method.path", "rpc.service"]) {
        let method = grpc::target(span);
        // As a URL the peer is found in the line.
        return peer.map_or_else(|| method.clone(), |p| format!("grpc://{p}{method}"));
    }
    let method = a.text(METHOD).unwrap_or_default();
    if let Some(url) = a.text(&["url.full", "http.url"]) {
        // Ruby's and old Datadog clients give the path alone.
        return match peer {
            Some(p) if url.starts_with('/') => format!("{method} http://{p}{url}"),
            _ => format!("{method} {}", head(&url, TARGET_BYTES_MAX)),
        }
        .trim_start()
        .to_owned();
    }
    if let (Some(p), Some(path)) = (peer, a.text(&["url.path", "http.target"])) {
        return format!("{method} http://{p}{path}").trim_start().to_owned();
    }
    format!("{method} {}", peer.unwrap_or(&span.name)).trim_start().to_owned()
}

/// What went wrong with a call, in the words that software uses.
pub(super) fn failure(span: &Span<'_>, thrown: &Thrown<'_>, status: Option<u16>) -> String {
    let a = &span.attributes;
    let thrown = said_by(thrown);
    if !thrown.is_empty() {
        return thrown;
    }
    let kind = a.text(&["error.type"]).filter(|t| t.parse::<u16>().is_err() && t != "_OTHER");
    let said = &*span.said;
    if let Some(code) = grpc::status(span).filter(|n| *n != 0) {
        let name = grpc::name(code);
        return format!(
            "rpc error: code = {} desc = {}",
            grpc::camel(name),
            if said.is_empty() { name } else { said }
        );
    }
    if let Some(s) = status.filter(|s| *s >= 400) {
        let more = if said.is_empty() { String::new() } else { format!(": {said}") };
        return format!("upstream returned status {s} {}{more}", reason(s)).trim_end().to_owned();
    }
    match (kind, said) {
        (Some(k), "") => match in_words(&k, &peer(a).unwrap_or_default()) {
            Some(words) => format!("{words} ({k})"),
            None => k.into_owned(),
        },
        (Some(k), s) if !s.contains(&*k) => format!("{k}: {s}"),
        (_, "") => match a.text(&["db.response.status_code", "otel.status_description"]) {
            Some(code) => format!("error {code}"),
            None => format!("{} failed", span.name),
        },
        (_, s) => s.to_owned(),
    }
}

/// Kinds of errors that tracers put in place of what the client said: .NET's `HttpRequestError`, Go's and the conventions' own.
fn in_words(kind: &str, peer: &str) -> Option<String> {
    let host = peer.rsplit_once(':').map_or(peer, |(host, _)| host);
    Some(match kind {
        "connection_error" | "proxy_tunnel_error" => format!("could not connect to {peer}"),
        "name_resolution_error" | "host_not_found" | "dns_error" => format!("could not resolve host: {host}"),
        "secure_connection_error" | "tls_error" => "SSL handshake failed".to_owned(),
        "response_ended" | "connection_closed" => {
            "server closed the connection: the response ended prematurely".to_owned()
        }
        "http_protocol_error" | "invalid_response" => "invalid response".to_owned(),
        _ => return None,
    })
}

/// Statuses in the words of RFC 9110, as far as calls fail with them.
fn reason(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        408 => "Request Timeout",
        409 => "Conflict",
        413 => "Content Too Large",
        422 => "Unprocessable Content",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "",
    }
}
