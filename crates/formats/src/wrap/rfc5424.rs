//! Syslog as RFC 5424 has it, and Heroku's drains, which leave the structured data out.
//!
//! ```text
//! <165>1 2026-11-24T07:27:32.123Z web1 orders 812 ID47 [meta seq="1"] payment failed
//! <40>1 2026-11-24T07:27:32.123456+00:00 host app web.3 - State changed from starting to up
//! ```
//!
//! Source: RFC 5424 §6; Heroku Dev Center "Log Drains" (length before the line: `83 <40>1 …`).

use crate::{Context, Wrapped, Wrapper, time};
use record::Level;
use std::borrow::Cow;

/// Versioned syslog.
pub(super) struct Rfc5424;

impl Wrapper for Rfc5424 {
    fn name(&self) -> &'static str {
        "syslog rfc5424"
    }

    fn unwrap<'a>(&self, line: &'a str, context: &Context) -> Option<Wrapped<'a>> {
        // Octet counting (RFC 6587) puts the length in front.
        let digits = line.bytes().take(7).take_while(u8::is_ascii_digit).count();
        let line = if digits > 0 { line.get(digits..)?.strip_prefix(' ')? } else { line };
        let (priority, rest) = super::syslog::priority(line)?;
        let rest = rest.strip_prefix("1 ")?;
        let (stamp, rest) = rest.split_once(' ')?;
        let at = match stamp {
            "-" => None,
            _ => {
                let s = time::stamp(stamp, context.reference).filter(|s| s.len == stamp.len())?;
                Some((s.time, s.zone))
            }
        };
        let (node, rest) = rest.split_once(' ')?;
        let (service, rest) = rest.split_once(' ')?;
        let (pid, rest) = rest.split_once(' ')?;
        let (_id, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        let message = after_data(rest);
        let message = message.strip_prefix('\u{feff}').unwrap_or(message);
        let given = |v: &'a str| (v != "-").then_some(Cow::Borrowed(v));
        Some(Wrapped {
            inner: super::syslog::unescape_control(message),
            at,
            level: Level::of_syslog(i64::from(priority % 8)).unwrap_or_default(),
            service: given(service),
            node: given(node),
            pid: given(pid),
            partial: false,
            stderr: false,
        })
    }
}

/// What follows the structured data: `-`, or elements in brackets with `\]` escaped inside.
fn after_data(text: &str) -> &str {
    if let Some(rest) = text.strip_prefix("- ") {
        return rest.trim_start_matches(' ');
    }
    if text == "-" {
        return "";
    }
    let mut rest = text;
    while rest.starts_with('[') {
        let mut escaped = false;
        let mut quoted = false;
        let Some(end) = rest.bytes().position(|c| {
            let ends = c == b']' && !escaped && !quoted;
            if c == b'"' && !escaped {
                quoted = !quoted;
            }
            escaped = c == b'\\' && !escaped;
            ends
        }) else {
            return text;
        };
        rest = rest.get(end + 1..).unwrap_or("");
    }
    // "[error] x" is a message of a sender that leaves the data out: an element has a name and no blank
    // before it.
    if rest.len() == text.len() { text } else { rest.trim_start_matches(' ') }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_named() {
        let c = Context::default();
        let line = r#"<165>1 2026-11-24T07:27:32.123Z web1 orders 812 ID47 [meta seq="1" x="a\]b"][more y="]"]  payment failed"#;
        let w = Rfc5424.unwrap(line, &c).unwrap();
        assert_eq!(w.inner, "payment failed");
        assert_eq!(
            (w.node.as_deref(), w.service.as_deref(), w.pid.as_deref()),
            (Some("web1"), Some("orders"), Some("812"))
        );
        assert_eq!(
            (w.level, w.at.unwrap().0.to_string()),
            (record::Level::Notice, "2026-11-24T07:27:32.123Z".into())
        );
        let w = Rfc5424.unwrap("<11>1 - - app - - - x#012y", &c).unwrap();
        assert_eq!((w.inner.as_ref(), w.at, w.node), ("x\ny", None, None));
    }

    #[test]
    fn heroku_drains_have_no_structured_data() {
        let line = "83 <40>1 2026-11-24T07:27:32+00:00 host app web.3 - State changed from starting to up";
        let w = Rfc5424.unwrap(line, &Context::default()).unwrap();
        assert_eq!((w.service.as_deref(), w.pid.as_deref()), (Some("app"), Some("web.3")));
        assert_eq!(w.inner, "State changed from starting to up");
    }

    #[test]
    fn others_are_refused() {
        for l in [
            "<165>Nov 24 07:00:00 x y: z",
            "<165>1 yesterday web1 a 1 - - x",
            "1 2026-11-24T07:27:32Z a b c d e",
            "<1>1",
            "",
            "12",
        ] {
            assert!(Rfc5424.unwrap(l, &Context::default()).is_none(), "{l}");
        }
    }
}
