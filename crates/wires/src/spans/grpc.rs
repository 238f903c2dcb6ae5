//! gRPC in spans: its statuses and what they are over HTTP, methods as paths.

use super::Span;

const GRPC: [(&str, u16); 17] = [
    ("OK", 200),
    ("CANCELLED", 499),
    ("UNKNOWN", 500),
    ("INVALID_ARGUMENT", 400),
    ("DEADLINE_EXCEEDED", 504),
    ("NOT_FOUND", 404),
    ("ALREADY_EXISTS", 409),
    ("PERMISSION_DENIED", 403),
    ("RESOURCE_EXHAUSTED", 429),
    ("FAILED_PRECONDITION", 400),
    ("ABORTED", 409),
    ("OUT_OF_RANGE", 400),
    ("UNIMPLEMENTED", 501),
    ("INTERNAL", 500),
    ("UNAVAILABLE", 503),
    ("DATA_LOSS", 500),
    ("UNAUTHENTICATED", 401),
];

pub(super) fn name(code: i64) -> &'static str {
    usize::try_from(code).ok().and_then(|i| GRPC.get(i)).map_or("UNKNOWN", |g| g.0)
}

/// The HTTP status that a gRPC one maps to (google/rpc/code.proto). Of server spans, UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED,
/// INTERNAL, UNAVAILABLE and DATA_LOSS are errors (semantic conventions for gRPC, "gRPC Status"): these are the 5xx.
pub(super) fn http_status(code: i64) -> u16 {
    usize::try_from(code).ok().and_then(|i| GRPC.get(i)).map_or(500, |g| g.1)
}

/// `DEADLINE_EXCEEDED` as Go's status package prints it.
pub(super) fn camel(name: &str) -> String {
    let word = |w: &str| {
        let (first, rest) = w.split_at(w.len().min(1));
        format!("{first}{}", rest.to_ascii_lowercase())
    };
    if name == "OK" { name.to_owned() } else { name.split('_').map(word).collect() }
}

/// The gRPC status: a number, or its name in the conventions of 2025 (`rpc.response.status_code`) and of Datadog.
pub(super) fn status(span: &Span<'_>) -> Option<i64> {
    let a = &span.attributes;
    let v = a.get(&[
        "rpc.grpc.status_code",
        "rpc.response.status_code",
        "grpc.status_code",
        "grpc.status.code",
        "grpc.code",
        "status.code",
    ])?;
    if !a.has(&["rpc.grpc.status_code", "grpc.status_code", "grpc.status.code", "grpc.code"])
        && a.text(&["rpc.system", "rpc.system.name"]).is_none_or(|s| s != "grpc")
    {
        return None;
    }
    if let Some(n) = v.int() {
        return Some(n);
    }
    let said = v.text().replace('_', "").to_ascii_uppercase();
    let said = said.trim_start_matches("STATUSCODE.");
    let said = if said == "CANCELED" { "CANCELLED" } else { said };
    GRPC.iter().position(|(name, _)| name.replace('_', "") == said).and_then(|i| i64::try_from(i).ok())
}

/// `/shop.Orders/Place`.
pub(super) fn target(span: &Span<'_>) -> String {
    let a = &span.attributes;
    if let Some(path) = a.text(&["grpc.method.path", "rpc.grpc.full_method"]) {
        return path.into_owned();
    }
    let method = a.text(&["rpc.method", "grpc.method.name"]).unwrap_or_default();
    match a.text(&["rpc.service", "rpc.grpc.service", "grpc.method.service"]) {
        Some(service) if !method.is_empty() => format!("/{service}/{}", method.trim_start_matches('/')),
        _ if method.contains('/') => format!("/{}", method.trim_start_matches('/')),
        _ => format!("/{}", span.name.trim_start_matches('/')),
    }
}
