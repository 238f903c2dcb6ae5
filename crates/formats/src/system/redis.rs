//! Redis, Valkey and KeyDB, with their Sentinels.
//!
//! ```text
//! 23635:M 24 Nov 2026 07:29:00.495 # User requested shutdown...
//! 23635:signal-handler (1795505340) Received SIGTERM scheduling shutdown...
//! [11700] 24 Nov 07:29:00.495 * Server started, Redis version 2.8.4
//! ```
//!
//! Source: Redis `src/server.c` (`serverLogRaw`: pid, role `C`hild, `M`aster, `S`lave, `X` sentinel, then the
//! level as one of `.-*#`), `serverLogFromHandler`.

use super::stamp;
use crate::{Context, Entry, LineFormat, time};
use record::{Level, Zone};

/// Redis.
pub(super) struct Redis;

impl LineFormat for Redis {
    fn name(&self) -> &'static str {
        "redis"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        let (pid, rest) = pid(line)?;
        let mut entry = Entry { pid: Some(pid.into()), ..Entry::default() };
        if let Some(after) = rest.strip_prefix("signal-handler (") {
            let (secs, message) = after.split_once(") ")?;
            entry.at = Some((time::epoch(secs.parse().ok()?)?, Zone::Stated));
            entry.level = Level::Notice;
            entry.message = message.into();
            return Some(entry);
        }
        let (at, rest) = stamp(rest, context)?;
        let mut marks = rest.strip_prefix(' ')?.chars();
        entry.level = match marks.next()? {
            '.' => Level::Debug,
            '-' => Level::Info,
            '*' => Level::Notice,
            '#' => Level::Warn,
            _ => return None,
        };
        entry.at = Some(at);
        entry.message = marks.as_str().strip_prefix(' ')?.into();
        Some(entry)
    }
}

/// `23635:M `, `23635:`, or `[23635] ` of version 2.
fn pid(line: &str) -> Option<(&str, &str)> {
    let digits = |s: &str| !s.is_empty() && s.len() <= 10 && s.bytes().all(|c| c.is_ascii_digit());
    if let Some(inner) = line.strip_prefix('[') {
        return inner.split_once("] ").filter(|(p, _)| digits(p));
    }
    let (pid, rest) = line.split_once(':').filter(|(p, _)| digits(p))?;
    match rest.as_bytes().get(..2)? {
        [b'M' | b'S' | b'C' | b'X', b' '] => Some((pid, rest.get(2..)?)),
        _ if rest.starts_with("signal-handler (") => Some((pid, rest)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Option<(String, String, Level, String)> {
        let c = Context { reference: record::Time::from_secs(1_795_600_000), ..Context::default() };
        let e = Redis.read(line, &c)?;
        Some((e.at?.0.to_string(), e.pid?.into(), e.level, e.message.into()))
    }

    #[test]
    fn roles_levels_and_the_signal_handler() {
        let s = |at: &str, l, m: &str| Some((at.to_owned(), "23635".to_owned(), l, m.to_owned()));
        let at = "2026-11-24T07:29:00.495Z";
        assert_eq!(
            read("23635:M 24 Nov 2026 07:29:00.495 # Background saving error"),
            s(at, Level::Warn, "Background saving error")
        );
        assert_eq!(read("23635:X 24 Nov 2026 07:29:00.495 * +sdown"), s(at, Level::Notice, "+sdown"));
        assert_eq!(
            read("23635:signal-handler (1795505340) Received SIGTERM scheduling shutdown..."),
            s("2026-11-24T07:29:00Z", Level::Notice, "Received SIGTERM scheduling shutdown...")
        );
        assert_eq!(
            read("[23635] 24 Nov 07:29:00.495 * Server started"),
            s(at, Level::Notice, "Server started")
        );
    }

    #[test]
    fn others_are_refused() {
        for l in [
            "12:34:56 x",
            "23635:M hello",
            "[23635] x",
            "[1] 2026-11-24 07:00:00 INFO x",
            "23635:Z 24 Nov 2026 07:29:00.495 # x",
            "",
        ] {
            assert_eq!(read(l), None, "{l}");
        }
    }
}
