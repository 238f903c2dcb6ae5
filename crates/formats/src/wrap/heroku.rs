//! `heroku logs`: the router's and the dynos' lines.
//!
//! ```text
//! 2026-11-24T07:05:03.123456+00:00 heroku[router]: at=error code=H12 desc="Request timeout" method=GET path="/" …
//! 2026-11-24T07:05:03.123456+00:00 app[web.1]: Error: connect ECONNREFUSED 127.0.0.1:5432
//! ```
//!
//! Source: Heroku Dev Center, "Logging": `timestamp source[dyno]: message`.

use super::timestamps::iso_stamp;
use crate::{Context, Wrapped, Wrapper};
use std::borrow::Cow;

/// Heroku's command line and Logplex.
pub(super) struct Heroku;

impl Wrapper for Heroku {
    fn name(&self) -> &'static str {
        "heroku"
    }

    fn unwrap<'a>(&self, line: &'a str, context: &Context) -> Option<Wrapped<'a>> {
        let (at, rest) = iso_stamp(line, context)?;
        let (source, after) = rest.split_once('[').filter(|(s, _)| matches!(*s, "heroku" | "app"))?;
        let (dyno, inner) = after.split_once("]:")?;
        // A process id there is syslog's.
        let is_dyno = dyno.len() <= 60
            && dyno.bytes().next().is_some_and(|c| c.is_ascii_alphabetic())
            && dyno.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'-' | b'_'));
        if !is_dyno {
            return None;
        }
        let inner = inner.strip_prefix(' ').unwrap_or(inner);
        // What the platform says of a dyno ("Process exited with status 137") is not the dyno's own word.
        let service = if source == "heroku" && dyno != "router" {
            rest.get(..source.len() + dyno.len() + 2)?
        } else {
            dyno
        };
        Some(Wrapped {
            inner: inner.into(),
            at: Some(at),
            service: Some(Cow::Borrowed(service)),
            ..Wrapped::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Option<(String, String)> {
        Heroku.unwrap(line, &Context::default()).map(|w| (w.service.unwrap().into(), w.inner.into()))
    }

    #[test]
    fn router_dyno_and_platform() {
        assert_eq!(
            read(
                "2026-11-24T07:05:03.123456+00:00 heroku[router]: at=error code=H12 desc=\"Request timeout\""
            ),
            Some(("router".into(), "at=error code=H12 desc=\"Request timeout\"".into()))
        );
        assert_eq!(
            read("2026-11-24T07:05:03+00:00 app[web.1]:   at x"),
            Some(("web.1".into(), "  at x".into()))
        );
        assert_eq!(
            read("2026-11-24T07:05:03+00:00 heroku[web.1]: Process exited with status 137"),
            Some(("heroku[web.1]".into(), "Process exited with status 137".into()))
        );
    }

    #[test]
    fn syslog_with_a_process_id_is_not_heroku() {
        assert_eq!(read("2026-11-24T07:05:03+00:00 app[12]: x"), None);
        assert_eq!(read("2026-11-24T07:05:03+00:00 web1 app[12]: x"), None);
        assert_eq!(read("app[web.1]: x"), None);
    }
}
