//! Rust's layouts: `tracing` (full, compact, pretty, with or without time), `env_logger`, Rocket's requests.
//!
//! ```text
//! 2026-11-24T07:43:54.285868Z  INFO request: ledger_api: finished processing request status=200 latency_ms=3 method=GET uri=/accounts/45 request_id=6b0404f2-a28f
//! 2026-11-24T07:43:54.381605Z ERROR request{method=GET uri=/invoices/33 version=HTTP/1.1}: tower_http::trace::on_failure: response failed classification=Status code: 500 Internal Server Error latency=0 ms
//! [2026-11-24T07:30:12Z ERROR shop::db] pool timed out while waiting for an open connection
//! ```
//!
//! Sources: `tracing_subscriber::fmt::format` (`Full`, `Compact`, `Pretty`), `env_logger::fmt`, tower-http's
//! `trace` module
//! (`DefaultOnResponse`, `DefaultOnFailure`), tracing-actix-web's root span.

use super::pairs;
use super::prefix::{group, loud_level, stamp, word};
use crate::{Context, Entry, LineFormat};
use record::Level;
use std::borrow::Cow;

/// `tracing_subscriber::fmt`.
pub(super) struct Tracing;
/// env_logger, pretty_env_logger.
pub(super) struct EnvLogger;

/// Spans that one event is in, at most.
const SPANS_MAX: usize = 12;

impl LineFormat for Tracing {
    fn name(&self) -> &'static str {
        "rust tracing"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        // The pretty format indents its first line by two blanks.
        let line = line.strip_prefix("  ").unwrap_or(line);
        let (at, rest) = if line.starts_with("20") {
            let (at, rest) = stamp(line, context)?;
            (Some(at), rest.strip_prefix(' ')?)
        } else {
            // without_time(): the level is padded to five, so INFO and WARN are behind a blank.
            (None, line)
        };
        // Its own timers write RFC 3339; with another one only spans with fields or a module's path tell it
        // from Python.
        let iso = line.as_bytes().get(10) == Some(&b'T');
        let text = rest.strip_prefix(' ').unwrap_or(rest);
        let (level, after) = loud_level(text).filter(|(l, _)| *l != Level::Fatal && *l != Level::Notice)?;
        let mut rest = after.strip_prefix(' ')?;
        let mut entry = Entry { at, level, ..Entry::default() };
        // Thread name or id: "tokio-runtime-worker ", "ThreadId(02) ".
        while let (w, more) = word(rest)
            && (w.starts_with("ThreadId(")
                || w == "tokio-runtime-worker"
                || w == "main"
                || w.starts_with("actix-rt|")
                || w == "tokio-rt-worker")
            && !more.is_empty()
        {
            entry.pid = entry.pid.take().or(Some(w.into()));
            rest = more;
        }
        let mut spans = 0;
        let mut found = Vec::new();
        while spans < SPANS_MAX {
            let Some((name, fields, more)) = span(rest) else { break };
            if let Some(f) = fields {
                found.extend(pairs::split(f).1);
            } else if more.starts_with(' ') && spans == 0 && !iso && !name.contains("::") {
                break;
            }
            let separate = more.starts_with(' ');
            rest = more.trim_start();
            spans += 1;
            if fields.is_none() && separate {
                // Spans without fields or the target itself: one more piece may be the target.
                entry.fields.retain(|(k, _)| k != "logger");
                entry.fields.push(("logger".into(), name.into()));
                if is_target(name) || next_target(rest).is_none() {
                    break;
                }
            }
        }
        if spans == 0 {
            return None;
        }
        // With `with_file`, "src/main.rs:12: " follows.
        if let Some((place, more)) = rest.split_once(": ")
            && !place.contains(' ')
            && place.contains(".rs:")
        {
            entry.fields.push(("place".into(), place.into()));
            rest = more;
        }
        let (message, tail) = pairs::split(rest);
        // Pretty parts its pairs by ", key: value"; they stay in the message, which is then whole.
        entry.message = said(message, &tail, level);
        found.extend(tail);
        pairs::apply(found, &mut entry);
        pairs::answered(&mut entry);
        Some(entry)
    }
}

/// The message, with the error behind it that Rust programs put into a field.
fn said<'a>(message: &'a str, pairs: &[pairs::Pair<'a>], level: Level) -> Cow<'a, str> {
    let error = pairs
        .iter()
        .find(|(k, _)| {
            matches!(
                *k,
                "error" | "err" | "e" | "error.message" | "exception.message" | "classification" | "message"
            )
        })
        .map(|(_, v)| v);
    match error {
        Some(e) if level >= Level::Warn && !message.contains(e.as_ref()) => {
            if message.is_empty() {
                e.clone()
            } else {
                Cow::Owned(format!("{message}: {e}"))
            }
        }
        _ => Cow::Borrowed(message),
    }
}

/// A crate's path.
fn is_target(name: &str) -> bool {
    name.contains("::") || name.contains('_')
}

/// `name: ` or `a::b: ` at the start.
fn next_target(text: &str) -> Option<&str> {
    let (w, _) = word(text);
    w.strip_suffix(':')
        .filter(|n| is_target(n) && n.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'_' | b':')))
}

/// One span or the target: its name, its fields, the text behind the colon.
fn span(text: &str) -> Option<(&str, Option<&str>, &str)> {
    // tracing-actix-web's root span is called "HTTP request".
    let from = if text.starts_with("HTTP request{") { 12 } else { 0 };
    let len = from
        + text
            .get(from..)?
            .bytes()
            .take_while(|c| {
                c.is_ascii_alphanumeric()
                    || matches!(c, b'_' | b':' | b'-' | b'.' | b'/' | b'<' | b'>' | b'#')
            })
            .count();
    let name = text.get(..len)?;
    let rest = text.get(len..)?;
    if let Some(inner) = rest.strip_prefix('{') {
        let mut depth = 1;
        let mut quoted = false;
        for (i, c) in inner.bytes().enumerate() {
            match c {
                b'"' => quoted = !quoted,
                b'{' if !quoted => depth += 1,
                b'}' if !quoted => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                let more = inner.get(i + 1..)?.strip_prefix(':')?;
                return Some((name.rsplit(':').next().unwrap_or(name), inner.get(..i), more));
            }
        }
        return None;
    }
    let name = name.strip_suffix(':')?;
    (name.len() > 1
        && rest.starts_with(' ')
        && name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_'))
    .then_some((name, None, rest))
}

impl LineFormat for EnvLogger {
    fn name(&self) -> &'static str {
        "env_logger"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        let (inner, rest) = group(line, '[', ']')?;
        let (at, more) = stamp(inner, context)?;
        let (level, target) = loud_level(more.strip_prefix(' ')?)?;
        let target = target.trim();
        if target.is_empty() || target.contains(' ') {
            return None;
        }
        let message = rest.strip_prefix(' ')?;
        Some(Entry {
            at: Some(at),
            level,
            message: message.into(),
            fields: vec![("logger".into(), target.into())],
            ..Entry::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{field, of};

    #[test]
    fn compact_lines_end_in_the_spans_fields() {
        let e = of(
            &Tracing,
            "2026-11-24T07:43:54.285868Z  INFO request: ledger_api: finished processing request status=200 latency_ms=3 method=GET uri=/accounts/45 request_id=6b0404f2-a28f",
        );
        assert_eq!(
            (e.level, e.message.as_ref(), field(&e, "logger"), e.closed),
            (Level::Info, "finished processing request", "ledger_api", true)
        );
        let r = e.request.unwrap();
        assert_eq!(
            (r.method.as_ref(), r.target.as_ref(), r.status, r.duration_us, r.id.as_deref()),
            ("GET", "/accounts/45", Some(200), Some(3000), Some("6b0404f2-a28f"))
        );
        let e = of(
            &Tracing,
            "2026-11-24T07:43:54.719902Z  WARN request: ledger_api: parameter to missing, falling back to EUR method=GET uri=/accounts/36/convert request_id=3379f0ee-575a",
        );
        assert_eq!(
            (e.level, e.message.as_ref(), e.request.map(|r| r.status)),
            (Level::Warn, "parameter to missing, falling back to EUR", Some(None))
        );
        let e = of(
            &Tracing,
            "2026-11-24T07:43:53.982539Z  INFO ledger_api: ledger-api listening version=\"0.7.2\" addr=127.0.0.1:8551",
        );
        assert_eq!((e.message.as_ref(), field(&e, "addr")), ("ledger-api listening", "127.0.0.1:8551"));
    }

    #[test]
    fn full_lines_begin_with_spans() {
        let e = of(
            &Tracing,
            "2026-11-24T07:43:54.381605Z ERROR request{method=GET uri=/invoices/33 version=HTTP/1.1}: tower_http::trace::on_failure: response failed classification=Status code: 500 Internal Server Error latency=0 ms",
        );
        assert_eq!(
            (e.level, e.message.as_ref()),
            (Level::Error, "response failed: Status code: 500 Internal Server Error")
        );
        let r = e.request.unwrap();
        assert_eq!((r.method.as_ref(), r.target.as_ref(), r.status), ("GET", "/invoices/33", None));
        let e = of(
            &Tracing,
            "2026-11-24T07:43:54.381605Z DEBUG request{method=GET uri=/x version=HTTP/1.1}: tower_http::trace::on_response: finished processing request latency=2 ms status=500",
        );
        assert_eq!(e.request.map(|r| (r.status, r.duration_us)), Some((Some(500), Some(2000))));
        let e = of(
            &Tracing,
            "2026-11-24T07:43:54.381605Z ERROR HTTP request{http.method=GET http.target=/x request_id=6b0404f2-a28f}:load{id=7}: shop::db: query failed error=PoolTimedOut",
        );
        assert_eq!((e.message.as_ref(), field(&e, "logger")), ("query failed: PoolTimedOut", "shop::db"));
        let r = e.request.unwrap();
        assert_eq!((r.target.as_ref(), r.id.as_deref()), ("/x", Some("6b0404f2-a28f")));
        let e = of(&Tracing, "  2026-11-24T07:43:54.381605Z ERROR shop::cart: no price: null, sku: 7");
        assert_eq!((e.message.as_ref(), field(&e, "logger")), ("no price: null, sku: 7", "shop::cart"));
        let e = of(&Tracing, "ERROR shop::cart: boom");
        assert_eq!((e.at, e.level, e.message.as_ref()), (None, Level::Error, "boom"));
    }

    #[test]
    fn env_logger_puts_all_in_one_bracket() {
        let e = of(&EnvLogger, "[2026-11-24T07:30:12Z ERROR shop::db] pool timed out");
        assert_eq!(
            (e.level, e.message.as_ref(), field(&e, "logger")),
            (Level::Error, "pool timed out", "shop::db")
        );
    }

    #[test]
    fn lines_of_others_are_refused() {
        for l in [
            "",
            "ERROR: boom",
            "ERROR boom",
            "ERROR orders: refused",
            "2026-11-24 07:30:12,407 ERROR django",
            "2026-11-24 07:30:12,407 INFO my_app: up",
            "2026-11-24T07:30:12Z ERROR boom happened",
            "[2026-11-24 07:30:12] [ERROR] x",
            "FATAL shop::x: y",
            "é",
            "ERROR é{: x",
        ] {
            for f in [&Tracing as &dyn LineFormat, &EnvLogger] {
                assert!(f.read(l, &Context::default()).is_none(), "{} {l}", f.name());
            }
        }
    }

    #[test]
    fn any_cut_of_a_line_is_survived() {
        let line = "2026-11-24T07:43:54Z ERROR HTTP request{a=\"é}\" b={c}}:é{d=é}: s::é: q é=é";
        for (i, _) in line.char_indices() {
            let _ = Tracing.read(&line[..i], &Context::default());
            let _ = Tracing.read(&line[i..], &Context::default());
        }
    }
}
