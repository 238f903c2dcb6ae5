//! The container runtime interface of Kubernetes (containerd, CRI-O): `/var/log/pods/…/0.log`.
//!
//! ```text
//! 2026-11-24T07:27:32.123456789Z stdout F request failed
//! 2026-11-24T07:27:32.123456789Z stderr P first 16 KB of a long line
//! ```
//!
//! Source: Kubernetes CRI logging design; the tag is `F` or `P`, further tags after `:`.

use crate::{Context, Wrapped, Wrapper, time};
use std::borrow::Cow;

/// `/var/log/pods`, `/var/log/containers`.
pub(super) struct Cri;

impl Wrapper for Cri {
    fn name(&self) -> &'static str {
        "cri"
    }

    fn unwrap<'a>(&self, line: &'a str, context: &Context) -> Option<Wrapped<'a>> {
        if line.as_bytes().get(10) != Some(&b'T') {
            return None;
        }
        let stamp_len = memchr::memchr(b' ', line.as_bytes()).filter(|n| (19..=40).contains(n))?;
        let rest = line.get(stamp_len + 1..)?;
        let stderr = rest.starts_with("stderr ");
        let rest = rest.strip_prefix("stdout ").or_else(|| rest.strip_prefix("stderr "))?;
        let (tags, inner) = rest.split_once(' ').unwrap_or((rest, ""));
        let partial = match tags.split(':').next()? {
            "F" => false,
            "P" => true,
            _ => return None,
        };
        let s = time::stamp(line, context.reference).filter(|s| s.len == stamp_len)?;
        Some(Wrapped {
            inner: Cow::Borrowed(inner),
            at: Some((s.time, s.zone)),
            partial,
            stderr,
            ..Wrapped::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_and_partial_lines() {
        let c = Context::default();
        let w = Cri.unwrap("2026-11-24T07:27:32.123456789Z stderr F   at x (a.js:1:2)", &c).unwrap();
        assert_eq!((w.inner.as_ref(), w.partial), ("  at x (a.js:1:2)", false));
        assert!(w.stderr);
        assert_eq!(w.at.unwrap().0.to_string(), "2026-11-24T07:27:32.123456Z");
        let w = Cri.unwrap("2026-11-24T07:27:32.1+01:00 stdout P abc", &c).unwrap();
        assert_eq!((w.inner.as_ref(), w.partial), ("abc", true));
        assert_eq!(Cri.unwrap("2026-11-24T07:27:32.1+01:00 stdout F", &c).unwrap().inner, "");
    }

    #[test]
    fn other_lines_that_begin_with_a_time_are_not_cri() {
        let c = Context::default();
        for l in [
            "2026-11-24T07:27:32Z INFO stdout F",
            "2026-11-24T07:27:32Z stdout X a",
            "stdout F a",
            "",
            "2026-11-24T07:27:32.1Z",
        ] {
            assert!(Cri.unwrap(l, &c).is_none(), "{l}");
        }
    }
}
