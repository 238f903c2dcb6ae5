//! logfmt: `key=value` pairs from the first word on.
//!
//! ```text
//! time="2021-09-15T21:17:10.220731Z" level=error msg="error retrieving pod status" error="pod x is not found: PodNotFound" pod=x
//! at=error code=H12 desc="Request timeout" method=GET path="/report" host=x.herokuapp.com request_id=ab fwd="1.2.3.4" dyno=web.1 connect=1ms service=30000ms status=503
//! logger=context userId=0 t=2026-11-24T07:05:03.123Z level=error msg="Request Completed" method=GET path=/api/ds status=500 duration=12.3ms
//! ```
//!
//! Sources: Go kit `log/logfmt_logger.go`, logrus `text_formatter.go`, slog `text_handler.go`, Heroku "HTTP
//! routing" and "Error codes", Grafana `pkg/infra/log`, lograge's `KeyValue` formatter (single quotes).
//! Values are quoted as Go's `strconv.Quote` does.

use super::facts::Facts;
use super::keys::{Meaning, Name, Unit, meaning};
use crate::wrap::members::Value;
use crate::{Context, Entry, LineFormat};
use record::Level;
use std::borrow::Cow;

/// Pairs kept of one line.
const PAIRS_MAX: usize = 64;
/// Longest value of a field.
const VALUE_BYTES_MAX: usize = 2048;

/// Lines of pairs.
pub(super) struct Logfmt;

/// The pairs of a line, one by one: key and value, the value without its quotes. A word without `=` has an
/// empty value.
struct Pairs<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Pairs<'a> {
    type Item = (&'a str, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let text = self.rest.trim_start_matches([' ', '\t', ',']);
        let end = text.find(['=', ' ', '\t']).unwrap_or(text.len());
        let key = text.get(..end).filter(|k| !k.is_empty())?;
        let Some(after) = text.get(end..).and_then(|t| t.strip_prefix('=')) else {
            self.rest = text.get(end..).unwrap_or_default();
            return Some((key, Value::Text("")));
        };
        let (value, rest) = value(after);
        self.rest = rest;
        Some((key, Value::Text(value)))
    }
}

/// A value and what follows it.
fn value(text: &str) -> (&str, &str) {
    let quote = match text.bytes().next() {
        Some(q @ (b'"' | b'\'')) => q,
        _ => return text.split_at(text.find([' ', '\t']).unwrap_or(text.len())),
    };
    let inner = text.get(1..).unwrap_or_default();
    let bytes = inner.as_bytes();
    let mut at = 0;
    while let Some(&c) = bytes.get(at) {
        match c {
            b'\\' if quote == b'"' => at += 2,
            // lograge does not escape: the quote that ends a value stands before another pair or nothing.
            c if c == quote && (quote == b'"' || ends_here(inner.get(at + 1..).unwrap_or_default())) => {
                return (inner.get(..at).unwrap_or_default(), inner.get(at + 1..).unwrap_or_default());
            }
            _ => at += 1,
        }
    }
    // A torn line ends inside its value.
    (inner, "")
}

/// Nothing follows, or another pair.
fn ends_here(rest: &str) -> bool {
    let Some(next) = rest.strip_prefix(' ') else { return rest.is_empty() };
    let word = next.get(..next.find([' ', '\'']).unwrap_or(next.len())).unwrap_or_default();
    word.split_once('=').is_some_and(|(key, _)| is_key(key))
}

fn is_key(key: &str) -> bool {
    let b = key.as_bytes();
    b.first().is_some_and(|c| c.is_ascii_alphabetic() || matches!(c, b'_' | b'@'))
        && b.iter().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'.' | b'-' | b'/' | b'@' | b':'))
}

impl LineFormat for Logfmt {
    fn name(&self) -> &'static str {
        "logfmt"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        let first =
            line.get(..memchr::memchr(b'=', line.as_bytes().get(..40).unwrap_or(line.as_bytes()))?)?;
        if !is_key(first) {
            return None;
        }
        let (mut count, mut words, mut known) = (0, 0, false);
        let mut facts = Facts::new();
        let heroku = line.contains(" dyno=") && line.contains(" fwd=");
        for (key, value) in (Pairs { rest: line }).take(PAIRS_MAX) {
            if !is_key(key) || value == Value::Text("") && !line.contains(&format!("{key}=")) {
                words += 1;
                continue;
            }
            count += 1;
            known |= matches!(key, "time" | "ts" | "t" | "level" | "lvl" | "msg");
            match key {
                "at" if matches!(value, Value::Text(t) if Level::parse(t).is_some()) => {
                    facts.set(Meaning::Level, 1, key, key, value)
                }
                // Heroku's time of the dyno's answer; elsewhere a name.
                "service" if heroku => facts.set(Meaning::Duration(Unit::Millis), 0, key, key, value),
                "code" if heroku => {}
                _ => {
                    let name = Name::EMPTY.with(key);
                    if let Some((found, rank)) = meaning(name.as_str()) {
                        facts.set(found, rank, key, name.as_str(), value);
                    }
                }
            }
        }
        if words > count / 2 || (count < 3 && !known) || !facts.is_log(false) {
            return None;
        }
        let mut entry = facts.entry(context);
        let healthy = entry.level < Level::Warn
            && entry.trace.is_none()
            && entry.request.as_ref().and_then(|q| q.status).is_some_and(|s| s < 500);
        if !healthy {
            for (key, value) in (Pairs { rest: line }).take(PAIRS_MAX).filter(|(k, _)| is_key(k)) {
                let Some(text) = value.scalar().filter(|t| !t.is_empty() && t.len() <= VALUE_BYTES_MAX)
                else {
                    continue;
                };
                let in_trace = text.contains('\n') && entry.trace.is_some();
                if !in_trace && !facts.used(value, entry.request.as_ref()) {
                    entry.fields.push((Cow::Borrowed(key), text));
                }
            }
        }
        if heroku && entry.message.is_empty() {
            let of = |name: &str| entry.fields.iter().find(|(k, _)| k == name).map(|(_, v)| v.clone());
            if let (Some(code), Some(what)) = (of("code"), of("desc")) {
                entry.message = Cow::Owned(format!("code={code} desc=\"{what}\""));
            }
        }
        Some(entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::field;

    fn read(line: &str) -> Option<Entry<'_>> {
        Logfmt.read(line, &Context::default())
    }

    #[test]
    fn logrus_says_what_failed_and_why() {
        let e = read(r#"time="2021-09-15T21:17:11.674149Z" level=warning msg="Failed to DeletePod in the provider" error="pod inc-1 is not found: PodNotFound" namespace=inc-1 pod=inc-1"#).unwrap();
        assert_eq!(e.at.unwrap().0.to_string(), "2021-09-15T21:17:11.674149Z");
        assert_eq!(e.level, Level::Warn);
        assert_eq!(e.message, "Failed to DeletePod in the provider: pod inc-1 is not found: PodNotFound");
        assert_eq!((field(&e, "namespace"), field(&e, "error")), ("", "pod inc-1 is not found: PodNotFound"));
        assert!(e.request.is_none());
    }

    #[test]
    fn herokus_router_is_a_ledger() {
        let e = read(r#"at=error code=H12 desc="Request timeout" method=GET path="/report?y=1" host=x.herokuapp.com request_id=8601b555-6a83 fwd="203.0.113.9" dyno=web.1 connect=1ms service=30000ms status=503 bytes=0 protocol=https"#).unwrap();
        let q = e.request.as_ref().unwrap();
        assert_eq!((q.method.as_ref(), q.target.as_ref(), q.status), ("GET", "/report?y=1", Some(503)));
        assert_eq!(
            (q.host.as_deref(), q.client.as_deref(), q.id.as_deref()),
            (Some("x.herokuapp.com"), Some("203.0.113.9"), Some("8601b555-6a83"))
        );
        assert_eq!(q.duration_us, Some(30_000_000));
        assert_eq!(
            (e.level, e.message.as_ref(), field(&e, "code")),
            (Level::Error, "code=H12 desc=\"Request timeout\"", "H12")
        );
    }

    #[test]
    fn grafana_lograge_and_slog() {
        let e = read(r#"logger=context userId=0 orgId=0 uname= t=2026-11-24T07:05:03.123Z level=error msg="Request Completed" method=GET path=/api/ds/query status=500 remote_addr=203.0.113.9 time_ms=12 duration=12.3ms size=88 referer= handler=/api/ds/query"#).unwrap();
        let q = e.request.as_ref().unwrap();
        assert_eq!(
            (q.target.as_ref(), q.status, q.client.as_deref(), q.duration_us),
            ("/api/ds/query", Some(500), Some("203.0.113.9"), Some(12_000))
        );
        assert_eq!(field(&e, "logger"), "context");
        let e = read("method=GET path=/orders/7 format=html controller=OrdersController action=show status=500 error='NoMethodError: undefined method `total' for nil:NilClass' duration=12.35").unwrap();
        assert_eq!(e.request.as_ref().unwrap().status, Some(500));
        assert_eq!(e.trace.as_deref(), Some("NoMethodError: undefined method `total' for nil:NilClass"));
        let e = read(r#"time=2026-11-24T07:05:03.123Z level=ERROR msg="get order" err="dial tcp 127.0.0.1:5432: connect: connection refused" path=/orders/7 method=GET"#).unwrap();
        assert_eq!(e.message, "get order: dial tcp 127.0.0.1:5432: connect: connection refused");
        assert_eq!(e.request.as_ref().unwrap().target, "/orders/7");
    }

    #[test]
    fn other_lines_are_left_alone() {
        for line in [
            "2026-11-24T07:05:03Z INFO started port=80 a=1 b=2",
            "DATABASE_URL=postgres://x",
            "a=1 b=2 c=3",
            "x == y and more words here=1 b=2",
            "user=5 did something with level=2 of the game and a lot of words",
            "=1 =2 =3",
            "",
            "Exception: x=1 y=2",
        ] {
            assert!(read(line).is_none(), "{line}");
        }
    }

    #[test]
    fn no_cut_makes_it_fall() {
        let line = r#"time="2026-11-24T07:05:03Z" level=error msg="é \"x\" é" err='é' path=/é status=500 x"#;
        for (i, _) in line.char_indices() {
            let _ = read(&line[..i]);
            let _ = read(&line[i..]);
        }
    }
}
