//! `aws logs tail`: time, log stream, message.
//!
//! ```text
//! 2026-11-24T07:05:03.123000+00:00 ecs/app/0123456789abcdef0123456789abcdef listening on :8080
//! ```
//!
//! Source: AWS CLI `logs tail` (format `detailed`). A stream name has a `/`: `prefix/container/task` for ECS,
//! `2026/11/24/[$LATEST]hash` for Lambda. Events as JSON are [`super::shipper`]'s.

use super::timestamps::iso_stamp;
use crate::{Context, Wrapped, Wrapper};

/// `aws logs tail`.
pub(super) struct CloudwatchTail;

impl Wrapper for CloudwatchTail {
    fn name(&self) -> &'static str {
        "aws logs tail"
    }

    fn unwrap<'a>(&self, line: &'a str, context: &Context) -> Option<Wrapped<'a>> {
        let (at, rest) = iso_stamp(line, context)?;
        let (stream, inner) = rest.split_once(' ').unwrap_or((rest, ""));
        let hex = |s: &str| s.len() == 32 && s.bytes().all(|c| c.is_ascii_hexdigit());
        let (path, last) = stream.rsplit_once('/')?;
        let service = if hex(last) {
            // prefix/container/task
            path.rsplit('/').next()
        } else if last.strip_prefix('[').and_then(|l| l.split_once(']')).is_some_and(|(_, h)| hex(h)) {
            Some("lambda")
        } else {
            return None;
        };
        Some(Wrapped {
            inner: inner.into(),
            at: Some(at),
            service: service.map(Into::into),
            ..Wrapped::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_of_ecs_and_lambda() {
        let c = Context::default();
        let w = CloudwatchTail
            .unwrap("2026-11-24T07:05:03.123000+00:00 ecs/app/0123456789abcdef0123456789abcdef listening on :8080", &c)
            .unwrap();
        assert_eq!((w.service.as_deref(), w.inner.as_ref()), (Some("app"), "listening on :8080"));
        let w = CloudwatchTail
            .unwrap(
                "2026-11-24T07:05:03+00:00 2026/11/24/[$LATEST]0123456789abcdef0123456789abcdef START x",
                &c,
            )
            .unwrap();
        assert_eq!((w.service.as_deref(), w.inner.as_ref()), (Some("lambda"), "START x"));
        for l in ["2026-11-24T07:05:03+00:00 GET /a/b", "2026-11-24T07:05:03+00:00 /srv/app/x y", "x", ""] {
            assert!(CloudwatchTail.unwrap(l, &c).is_none(), "{l}");
        }
    }
}
