//! Does a member of an object say more than who wrote it and when?
//!
//! ```text
//! "service":"orders", "level":"error", "order":17            no
//! "http.status_code":500, "error":{"stack":"…"}, "trace_id"  yes
//! ```

use super::keys::{Meaning, Name, is_opaque, is_transparent, meaning};
use crate::wrap::members::{Members, Value};

/// Objects in objects looked into.
const DEPTH_MAX: usize = 4;

/// Is the member about a request or an error, or does it name one of which other records tell?
pub fn explains(key: &str, value: Value<'_>) -> bool {
    member(Name::EMPTY, key, value, 0)
}

fn member(around: Name, key: &str, value: Value<'_>, depth: usize) -> bool {
    let name = around.with(key);
    if matches!(value, Value::Raw("null" | "" | "{}" | "[]") | Value::Text("" | "-")) {
        return false;
    }
    let bare = key.split_once('.').filter(|(first, _)| is_transparent(Name::EMPTY.with(first).as_str()));
    if told(&name, value) || bare.is_some_and(|(_, rest)| told(&Name::EMPTY.with(rest), value)) {
        return true;
    }
    let Value::Raw(raw) = value else { return false };
    if !raw.starts_with('{') || depth >= DEPTH_MAX || is_opaque(name.as_str()) {
        return false;
    }
    let inner = if is_transparent(name.as_str()) { around } else { name };
    Members::of(raw).any(|(key, value)| member(inner, key, value, depth + 1))
}

fn told(name: &Name, value: Value<'_>) -> bool {
    let name = name.as_str();
    let Some((meaning, _)) = meaning(name).filter(|(_, rank)| *rank < 5) else { return false };
    match value {
        Value::Raw(raw) if raw.starts_with('{') => meaning == Meaning::Error,
        // Datadog's `status` is the severity.
        _ if meaning == Meaning::Status => {
            let (Value::Text(raw) | Value::Raw(raw)) = value;
            raw.len() >= 3 && raw.starts_with(|c: char| ('1'..='5').contains(&c))
        }
        // The path of the file from which the shipper took the line.
        _ if meaning == Meaning::Target => {
            !matches!(name, "path" | "p" | "u" | "page" | "resource" | "target")
        }
        _ => of_request_or_error(meaning),
    }
}

fn of_request_or_error(meaning: Meaning) -> bool {
    use Meaning::*;
    matches!(
        meaning,
        Method
            | Query
            | RequestLine
            | Upstream
            | UpstreamStatus
            | RequestId
            | TraceId
            | Flags
            | Error
            | ErrorType
            | ErrorMessage
            | Stack
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_and_errors_do_who_and_when_do_not() {
        for (key, value) in [
            ("http.status_code", Value::Raw("500")),
            ("http", Value::Raw(r#"{"request":{"method":"GET"}}"#)),
            ("error", Value::Raw(r#"{"kind":"KeyError"}"#)),
            ("error.stack", Value::Text("x")),
            ("dd.trace_id", Value::Text("123")),
            ("context", Value::Raw(r#"{"request":{"url":"/x"}}"#)),
        ] {
            assert!(explains(key, value), "{key}");
        }
        for (key, value) in [
            ("service", Value::Text("orders")),
            ("level", Value::Text("error")),
            ("error", Value::Raw("null")),
            ("order", Value::Raw("17")),
            ("status", Value::Text("error")),
            ("path", Value::Text("/var/log/orders.log")),
            ("context", Value::Raw(r#"{"runtime":{"file":"app.py","line":6}}"#)),
            ("kubernetes", Value::Raw(r#"{"pod_name":"web-1"}"#)),
        ] {
            assert!(!explains(key, value), "{key}");
        }
    }
}
