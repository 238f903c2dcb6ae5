//! A time that a container runtime or log service put before a line: `docker logs -t`, `kubectl logs
//! --timestamps`, exports of CloudWatch and of CI runners.
//!
//! ```text
//! 2026-11-24T07:05:02.584725130Z  * Serving Flask app 'app.py'
//! 2026-11-24T07:05:02.584Z [2026-11-24 07:05:02 +0000] [7] [INFO] Listening at: http://0.0.0.0:8000 (7)
//! ```
//!
//! Source: moby `RFC3339NanoFixed`, Kubernetes `RFC3339Nano`. A fraction of seven digits or more is the
//! runtime's, for loggers write three or six. A shorter one is taken off only before a line that has a time
//! of its own, or JSON.

use crate::{Context, Wrapped, Wrapper, time};
use record::{Time, Zone};
use std::borrow::Cow;

/// A runtime's time stamp before each line.
pub(super) struct Timestamps;

impl Wrapper for Timestamps {
    fn name(&self) -> &'static str {
        "timestamps"
    }

    fn unwrap<'a>(&self, line: &'a str, context: &Context) -> Option<Wrapped<'a>> {
        let (at, inner) = match nano_stamp(line, context) {
            Some(found) => found,
            None => {
                let (at, rest) = iso_stamp(line, context)?;
                if !has_own_time(rest, context) {
                    return None;
                }
                (at, rest)
            }
        };
        Some(Wrapped { inner: Cow::Borrowed(inner), at: Some(at), ..Wrapped::default() })
    }
}

/// `2026-11-24T07:05:02.584725130Z ` with seven digits of a second or more: the time, and the rest of the
/// line.
pub(super) fn nano_stamp<'a>(text: &'a str, context: &Context) -> Option<((Time, Zone), &'a str)> {
    let b = text.as_bytes();
    let ten = b.get(19) == Some(&b'.') && b.get(20..27)?.iter().all(u8::is_ascii_digit);
    if !ten {
        return None;
    }
    iso_stamp(text, context)
}

/// An RFC 3339 stamp with its offset, and one blank behind it (or nothing at all: an empty line).
pub(super) fn iso_stamp<'a>(text: &'a str, context: &Context) -> Option<((Time, Zone), &'a str)> {
    let b = text.as_bytes();
    if b.get(10) != Some(&b'T') || !b.first()?.is_ascii_digit() {
        return None;
    }
    let s = time::stamp(text, context.reference).filter(|s| s.zone == Zone::Stated)?;
    let rest = text.get(s.len..)?;
    let rest = rest.strip_prefix(' ').or_else(|| rest.is_empty().then_some(rest))?;
    Some(((s.time, s.zone), rest))
}

/// Does the line begin with JSON or a time, or is it an access-log line, whose time stands further in?
fn has_own_time(line: &str, context: &Context) -> bool {
    let begins = |t: &str| time::stamp(t, context.reference).is_some_and(|s| s.len >= 14);
    if line.starts_with("{\"") {
        return true;
    }
    if let Some(inner) = line.strip_prefix('[') {
        return begins(inner);
    }
    if begins(line) {
        return true;
    }
    // 198.51.100.7 - - [24/Nov/2026:08:20:50 +0000] "GET / HTTP/1.1" 200 32
    let b = line.as_bytes();
    memchr::memchr(b'[', b.get(..b.len().min(120)).unwrap_or(b))
        .is_some_and(|i| i > 8 && b.get(i + 3) == Some(&b'/') && line.get(i + 1..).is_some_and(begins))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Option<String> {
        Timestamps.unwrap(line, &Context::default()).map(|w| w.inner.into_owned())
    }

    #[test]
    fn the_runtimes_time_comes_off() {
        assert_eq!(
            read("2026-11-24T07:05:02.584725130Z  * Serving Flask app"),
            Some(" * Serving Flask app".into())
        );
        assert_eq!(read("2026-11-24T07:05:02.584725130Z"), Some(String::new()));
        assert_eq!(read("2026-11-24T07:05:02.5847251Z ##[error]boom"), Some("##[error]boom".into()));
        assert_eq!(
            read("2026-11-24T07:05:02.584Z {\"level\":\"info\"}"),
            Some("{\"level\":\"info\"}".into())
        );
        let line =
            "2026-11-24T07:05:02Z 198.51.100.7 - - [24/Nov/2026:08:20:50 +0000] \"GET / HTTP/1.1\" 200 32";
        assert!(read(line).unwrap().starts_with("198.51.100.7 - - ["));
    }

    #[test]
    fn the_apps_own_time_stays() {
        for l in [
            "2026-11-24T07:43:56.819881Z  INFO ledger_api: listening",
            "2026-11-24T07:05:02.584Z ERROR boom",
            "2026-11-24T07:05:02.584 {\"level\":\"info\"}",
            "2026-11-24 07:05:02.584725130 UTC x",
            "1795503600.1234567 x",
            "",
        ] {
            assert_eq!(read(l), None, "{l}");
        }
    }
}
