//! Monolog's line format: Laravel, Lumen, Symfony, Slim, Magento 2, Drupal with Monolog, Shopware, October,
//! Craft.
//!
//! ```text
//! [2026-11-24T08:06:11.932012+00:00] request.CRITICAL: Uncaught PHP Exception DivisionByZeroError: "Division by zero" at /srv/VoucherService.php line 23 {"exception":"[object] (DivisionByZeroError(code: 0): Division by zero at /srv/VoucherService.php:23)"} []
//! [2026-11-24 07:47:42] production.ERROR: Connection refused {"exception":"[object] (RedisException(code: 0): Connection refused at /srv/PhpRedisConnector.php:161)
//! [stacktrace]
//! #0 /srv/vendor/laravel/framework/src/Illuminate/Redis/Connectors/PhpRedisConnector.php(161): Redis->pconnect()
//! ```
//!
//! Source: `Monolog\Formatter\LineFormatter`: `[%datetime%] %channel%.%level_name%: %message% %context%
//! %extra%`. A context that
//! closes on the line is taken apart; one whose stack trace goes on for lines stays in the message, where it
//! is read whole.

use super::prefix::bracketed_stamp;
use crate::mention::split_url;
use crate::{Context, Entry, LineFormat, RequestRef};
use record::Level;
use serde_json::Value;
use std::borrow::Cow;

/// Monolog's line format.
pub(super) struct Monolog;

/// Scalars kept of a context, at most.
const FIELDS_MAX: usize = 32;

impl LineFormat for Monolog {
    fn name(&self) -> &'static str {
        "monolog"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        if line.as_bytes().first() != Some(&b'[') {
            return None;
        }
        let (at, rest) = bracketed_stamp(line, context)?;
        let rest = rest.strip_prefix(' ')?;
        let (head, message) = rest.split_once(':').filter(|(h, _)| h.len() <= 80)?;
        let (channel, name) = head.rsplit_once('.')?;
        if channel.is_empty()
            || !channel
                .bytes()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'-' | b'/' | b'\\'))
        {
            return None;
        }
        let level = match name {
            "DEBUG" => Level::Debug,
            "INFO" => Level::Info,
            "NOTICE" => Level::Notice,
            "WARNING" => Level::Warn,
            "ERROR" => Level::Error,
            "CRITICAL" | "ALERT" | "EMERGENCY" => Level::Fatal,
            _ => return None,
        };
        let message = message.strip_prefix(' ').unwrap_or(message);
        let mut entry = Entry {
            at: Some(at),
            level,
            service: Some(channel.into()),
            message: message.trim_end().into(),
            ..Entry::default()
        };
        // Contexts of healthy lines are not worth a parse.
        if level >= Level::Warn
            && let Some((cut, values)) = closed_context(message)
        {
            entry.message = message.get(..cut)?.trim_end().into();
            for value in values {
                take(value, &mut entry);
            }
        }
        Some(entry)
    }
}

/// The objects that end the message (context, then extra), and where they begin; `None` if there are none or
/// they do not
/// close on this line.
fn closed_context(message: &str) -> Option<(usize, Vec<Value>)> {
    let end = message.trim_end();
    if !end.ends_with(['}', ']']) {
        return None;
    }
    // Messages may hold braces of their own: the first place from which only JSON follows is the context.
    for (i, _) in end
        .match_indices([' '])
        .filter(|(i, _)| end.get(i + 1..).is_some_and(|r| r.starts_with(['{', '['])))
        .take(8)
    {
        let tail = end.get(i + 1..)?;
        let values: Result<Vec<Value>, _> =
            serde_json::Deserializer::from_str(tail).into_iter::<Value>().take(3).collect();
        if let Ok(values) = values
            && values.len() <= 2
            && values.iter().all(|v| v.is_object() || v.as_array().is_some_and(Vec::is_empty))
        {
            return Some((i, values));
        }
    }
    None
}

/// Context and extra: the exception becomes the trace, the web processor's keys the request, other scalars
/// fields.
fn take(value: Value, entry: &mut Entry<'_>) {
    let Value::Object(map) = value else { return };
    let mut request = entry.request.take().unwrap_or_default();
    for (key, value) in map {
        let text = match value {
            Value::String(s) => s,
            Value::Number(n) => n.to_string(),
            Value::Bool(b) => b.to_string(),
            Value::Object(inner) => {
                // JSON-shaped exceptions: {"exception":{"class":"…","message":"…","code":0,"file":"…:12"}}.
                let get = |k: &str| inner.get(k).and_then(Value::as_str);
                if let (Some(class), Some(message)) = (get("class"), get("message")) {
                    let at = get("file").map(|f| format!(" at {f}")).unwrap_or_default();
                    entry.trace = Some(Cow::Owned(format!("[object] ({class}(code: 0): {message}{at})")));
                }
                continue;
            }
            _ => continue,
        };
        match key.as_str() {
            "exception" | "e" | "throwable"
                if text.contains("(code: ") || text.contains("[stacktrace]") || text.contains("\n#0 ") =>
            {
                entry.trace = Some(Cow::Owned(text));
                continue;
            }
            "url" | "uri" | "request_uri" | "path" if text.starts_with('/') || text.contains("://") => {
                let (host, path) = split_url(&text);
                request.target = Cow::Owned(path.to_owned());
                request.host = host.map(|h| Cow::Owned(h.to_owned()));
            }
            "http_method" | "method" | "request_method" if crate::mention::is_method(&text) => {
                request.method = Cow::Owned(text.clone())
            }
            "ip" | "client_ip" | "remote_addr" => {
                request.client = crate::mention::address(&text).map(|a| Cow::Owned(a.to_owned()))
            }
            "uid" | "request_id" | "requestId" | "unique_id" | "req_id" | "correlation_id" => {
                request.id = Some(Cow::Owned(text.clone()))
            }
            "trace_id" | "traceId" => request.trace = Some(Cow::Owned(text.clone())),
            _ => {}
        }
        if entry.fields.len() < FIELDS_MAX {
            entry.fields.push((Cow::Owned(key), Cow::Owned(text)));
        }
    }
    // A "url" without an inbound sign beside it may be one that the service called.
    let inbound = !request.method.is_empty() && request.client.is_some() || request.host.is_none();
    if !inbound {
        request.target = Cow::Borrowed("");
        request.host = None;
        request.method = Cow::Borrowed("");
    }
    if request != RequestRef::default() {
        entry.request = Some(request);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Option<Entry<'_>> {
        Monolog.read(line, &Context::default())
    }

    #[test]
    fn symfony_carries_the_exception_on_the_line() {
        let e = read(r#"[2026-11-24T08:06:11.932012+00:00] request.CRITICAL: Uncaught PHP Exception DivisionByZeroError: "Division by zero" at /srv/V.php line 23 {"exception":"[object] (DivisionByZeroError(code: 0): Division by zero at /srv/V.php:23)"} []"#).unwrap();
        assert_eq!(e.at.unwrap().0.to_string(), "2026-11-24T08:06:11.932012Z");
        assert_eq!((e.level, e.service.as_deref()), (Level::Fatal, Some("request")));
        assert_eq!(
            e.message,
            "Uncaught PHP Exception DivisionByZeroError: \"Division by zero\" at /srv/V.php line 23"
        );
        assert_eq!(
            e.trace.as_deref(),
            Some("[object] (DivisionByZeroError(code: 0): Division by zero at /srv/V.php:23)")
        );
    }

    #[test]
    fn laravel_goes_on_for_lines() {
        let line = r#"[2026-11-24 07:47:42] production.ERROR: Connection refused {"exception":"[object] (RedisException(code: 0): Connection refused at /srv/C.php:161)"#;
        let e = read(line).unwrap();
        assert_eq!(
            e.message,
            r#"Connection refused {"exception":"[object] (RedisException(code: 0): Connection refused at /srv/C.php:161)"#
        );
        assert_eq!(e.trace, None);
        let e = read("[2026-11-24 07:47:30] production.INFO: order placed {\"order\":65,\"total\":284.37} ")
            .unwrap();
        assert_eq!(
            (e.level, e.message.as_ref()),
            (Level::Info, "order placed {\"order\":65,\"total\":284.37}")
        );
    }

    #[test]
    fn processors_name_the_request() {
        let e = read(r#"[2026-11-24 08:04:37] billing.ERROR: no rate {x} {"invoice":9001,"customer":{"a":1}} {"uid":"28c6dc067c","url":"/v1/invoices/3","ip":"203.0.113.9","http_method":"POST"}"#).unwrap();
        assert_eq!(e.message, "no rate {x}");
        let r = e.request.unwrap();
        assert_eq!(
            (r.method.as_ref(), r.target.as_ref(), r.client.as_deref(), r.id.as_deref()),
            ("POST", "/v1/invoices/3", Some("203.0.113.9"), Some("28c6dc067c"))
        );
        assert!(e.fields.contains(&("invoice".into(), "9001".into())));
        let e = read(r#"[2026-11-24 08:04:37] app.WARNING: partner slow {"url":"http://127.0.0.1:8123/v2","method":"GET"} []"#).unwrap();
        assert_eq!(e.request, None, "a call to another service");
    }

    #[test]
    fn logs_of_others_are_refused() {
        for l in [
            "[2026-11-24 07:20:05 +0000] [17398] [ERROR] x.ERROR: y",
            "[2026-11-24 07:20:05] a.b: c",
            "[2026-11-24 07:20:05] ERROR: c",
            "[x] production.ERROR: y",
            "",
        ] {
            assert!(read(l).is_none(), "{l}");
        }
    }
}
