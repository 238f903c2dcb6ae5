//! pm2: its combined output (`pm2 logs`, foreground), and the time it puts before the lines of a file
//! (`--time`).
//!
//! ```text
//! 07:05:19 0|booking  | 2026-11-24 07:05:19 +00:00: booking ready
//! PM2        | App [booking:0] exited with code [1] via signal [SIGINT]
//! 2026-11-24T07:05:02: PM2 log: App [booking:0] online
//! ```
//!
//! Source: pm2 `lib/API/Log.js` (`id|name | line`), `lib/God/ForkMode.js` (`log_date_format` and `: ` before
//! each line; `--time` is `YYYY-MM-DDTHH:mm:ss`), `lib/Client.js` (`PM2 log: `).

use crate::{Context, Wrapped, Wrapper, time};
use record::{SECOND, Time, Zone};
use std::borrow::Cow;

/// `0|booking  | line`.
pub(super) struct Pm2;

/// `2026-11-24T07:05:02: line`.
pub(super) struct Pm2Time;

impl Wrapper for Pm2 {
    fn name(&self) -> &'static str {
        "pm2"
    }

    fn unwrap<'a>(&self, line: &'a str, context: &Context) -> Option<Wrapped<'a>> {
        let (clock, rest) = match clock(line) {
            Some((seconds, rest)) => (Some(seconds), rest),
            None => (None, line),
        };
        let digits = rest.bytes().take(5).take_while(u8::is_ascii_digit).count();
        let (name, inner) = if digits > 0 {
            padded_name(rest.get(digits..)?.strip_prefix('|')?)?
        } else {
            padded_name(rest).filter(|(name, _)| *name == "PM2")?
        };
        let mut w =
            Wrapped { inner: Cow::Borrowed(inner), service: Some(Cow::Borrowed(name)), ..Wrapped::default() };
        if let Some((at, rest)) = own_time(inner, context) {
            (w.at, w.inner) = (Some(at), Cow::Borrowed(rest));
        } else {
            w.at = clock.map(|seconds| (on_day_of(context.reference, seconds), Zone::Clock));
        }
        Some(w)
    }
}

impl Wrapper for Pm2Time {
    fn name(&self) -> &'static str {
        "pm2 time"
    }

    fn unwrap<'a>(&self, line: &'a str, context: &Context) -> Option<Wrapped<'a>> {
        let (at, inner) = own_time(line, context)?;
        let (service, inner) =
            match inner.strip_prefix("PM2 log: ").or_else(|| inner.strip_prefix("PM2 error: ")) {
                Some(rest) => (Some(Cow::Borrowed("PM2")), rest),
                None => (None, inner),
            };
        Some(Wrapped { inner: inner.into(), at: Some(at), service, ..Wrapped::default() })
    }
}

/// `2026-11-24T07:05:02: ` or `2026-11-24 07:05:02 +00:00: `: pm2's own formats, and no other logger's.
fn own_time<'a>(text: &'a str, context: &Context) -> Option<((Time, Zone), &'a str)> {
    let b = text.as_bytes();
    let spelt = match (b.get(10)?, b.get(19)?) {
        (b'T', b':') => true,
        (b' ', b' ' | b'.') => {
            matches!(b.get(20..)?.iter().find(|c| !c.is_ascii_digit() && **c != b' ')?, b'+' | b'-')
        }
        _ => false,
    };
    if !spelt {
        return None;
    }
    let s = time::stamp(text, context.reference)?;
    let rest = text.get(s.len..)?.strip_prefix(':')?;
    let rest = rest.strip_prefix(' ').or_else(|| rest.is_empty().then_some(rest))?;
    Some(((s.time, s.zone), rest))
}

/// `booking  | line`.
pub(super) fn padded_name(text: &str) -> Option<(&str, &str)> {
    let (name, rest) = text.split_once('|')?;
    let name = name.trim_end_matches(' ');
    let fits = !name.is_empty() && name.len() <= 80 && name.bytes().all(|c| c.is_ascii_graphic());
    let inner = rest.strip_prefix(' ').or_else(|| rest.is_empty().then_some(rest))?;
    fits.then_some((name, inner))
}

/// `07:05:19 `: seconds since midnight, and the rest.
pub(super) fn clock(line: &str) -> Option<(i64, &str)> {
    let b = line.as_bytes();
    if b.get(2) != Some(&b':') || b.get(5) != Some(&b':') || b.get(8) != Some(&b' ') {
        return None;
    }
    let two = |i: usize| line.get(i..i + 2)?.parse::<i64>().ok();
    Some((two(0)? * 3600 + two(3)? * 60 + two(6)?, line.get(9..)?))
}

/// The day of the file's last change, or the day before where that would lie ahead of it.
pub(super) fn on_day_of(reference: Time, seconds: i64) -> Time {
    let midnight = reference.secs().div_euclid(86_400) * 86_400;
    let at = Time::from_secs(midnight + seconds);
    // Zones put a wall clock at most 14 hours ahead.
    if at.since(reference) > 14 * 3600 * SECOND { Time::from_secs(midnight + seconds - 86_400) } else { at }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Option<(String, String, String)> {
        let c = Context { reference: Time::from_secs(1_795_600_000), ..Context::default() };
        let w = Pm2.unwrap(line, &c).or_else(|| Pm2Time.unwrap(line, &c))?;
        let at = w.at.map(|(t, _)| t.to_string()).unwrap_or_default();
        Some((w.service.unwrap_or_default().into(), at, w.inner.into()))
    }

    #[test]
    fn combined_output_with_all_its_times() {
        let at = "2026-11-24T07:05:19Z";
        assert_eq!(
            read("07:05:19 0|booking  | 2026-11-24 07:05:19 +00:00: booking ready"),
            Some(("booking".into(), at.into(), "booking ready".into()))
        );
        assert_eq!(
            read("0|booking  |     at a.js:1:2"),
            Some(("booking".into(), String::new(), "    at a.js:1:2".into()))
        );
        assert_eq!(
            read("07:05:19 1|web | x"),
            Some(("web".into(), "2026-11-25T07:05:19Z".into(), "x".into()))
        );
        assert_eq!(
            read("PM2        | App [booking:0] exited with code [1] via signal [SIGINT]").unwrap().2,
            "App [booking:0] exited with code [1] via signal [SIGINT]"
        );
    }

    #[test]
    fn the_time_before_each_line_of_a_file() {
        assert_eq!(
            read("2026-11-24T07:05:02: PM2 log: App [booking:0] online"),
            Some(("PM2".into(), "2026-11-24T07:05:02Z".into(), "App [booking:0] online".into()))
        );
        assert_eq!(read("2026-11-24 07:05:02 +01:00:     at x").unwrap().1, "2026-11-24T06:05:02Z");
    }

    #[test]
    fn others_are_refused() {
        for l in [
            "ERROR | x",
            "web  | x",
            "12 | x",
            "2026-11-24 07:05:02: x",
            "2026-11-24T07:05:02Z: x",
            "07:05:19 INFO x",
            "",
            "0|",
        ] {
            assert_eq!(read(l), None, "{l}");
        }
    }
}
