//! varnishlog's transactions, line by line: what failed at the backend, in the words of `FetchError`.
//!
//! ```text
//! **  << BeReq    >> 32771
//! --  FetchError     backend ferry: fail errno 111 (Connection refused)
//! ```
//!
//! Requests themselves are counted by varnishncsa, which writes CLF. Source: Varnish, vsl(7).

use crate::time::stamp;
use crate::{Context, Entry, LineFormat};
use record::Level;

/// Lines of varnishlog.
pub(super) struct Varnishlog;

impl LineFormat for Varnishlog {
    fn name(&self) -> &'static str {
        "varnishlog"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        let bare = line.trim_start_matches(['*', '-']);
        let depth = line.len() - bare.len();
        // Marks and blanks are four columns, tag and blanks fifteen; lists in other logs begin with a dash as well.
        if depth == 0 || depth > 8 || !bare.starts_with(' ') {
            return None;
        }
        let bare = bare.trim_start();
        let columns = line.len() - bare.len() == 4 || depth > 3;
        let (tag, value) = bare.split_once(char::is_whitespace).unwrap_or((bare, ""));
        let padded = bare.get(..15).is_none_or(|b| b.ends_with(' ') || tag.len() > 14);
        let known = bare.starts_with("<< ")
            || (columns
                && padded
                && tag.len() >= 3
                && tag.len() <= 20
                && tag.starts_with(|c: char| c.is_ascii_uppercase())
                && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'));
        if !known {
            return None;
        }
        // Only these lines tell the time; the reader lends it to those that follow.
        if tag == "Timestamp" {
            let s = value.split_whitespace().nth(1).and_then(|t| stamp(t, context.reference))?;
            let at = Some((s.time, s.zone));
            return Some(Entry { at, level: Level::Debug, closed: true, ..Entry::default() });
        }
        let level =
            if matches!(tag, "FetchError" | "VCL_Error" | "Error") { Level::Error } else { Level::Debug };
        let message = if level == Level::Error { bare } else { value };
        Some(Entry { level, message: message.trim().into(), closed: true, ..Entry::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fetch_errors_are_errors() {
        let e = Varnishlog
            .read(
                "--  FetchError     backend ferry: fail errno 111 (Connection refused)",
                &Context::default(),
            )
            .unwrap();
        assert_eq!(
            (e.level, e.message.as_ref()),
            (Level::Error, "FetchError     backend ferry: fail errno 111 (Connection refused)")
        );
        let t = Varnishlog
            .read("--  Timestamp      Bereq: 1795507344.404580 0.000048 0.000020", &Context::default())
            .unwrap();
        assert_eq!(t.at.unwrap().0.to_string(), "2026-11-24T08:02:24.404580Z");
        assert!(Varnishlog.read("-- a comment in lower case", &Context::default()).is_none());
    }
}
