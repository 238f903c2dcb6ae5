//! The prefix of `docker compose logs`, with or without `-t`; overmind and hivemind write the same.
//!
//! ```text
//! db-1     | 2026-11-24  8:05:02 0 [Note] InnoDB: Using io_uring
//! web_1    | Error: listen EADDRINUSE
//! seats-1  | 2026-11-24T08:20:50.543185379Z {"message":"listening"}
//! ```
//!
//! Source: docker/compose `cmd/formatter/logs.go` (name padded, ` | `). `service-N` is the container N of a
//! service; a name of one's own (`container_name:`) has no number, and is taken only when padded as compose
//! pads, by two spaces or more.

use super::timestamps::nano_stamp;
use crate::{Context, Wrapped, Wrapper};
use record::Level;
use std::borrow::Cow;

/// Longest container name that is looked for.
const NAME_BYTES: usize = 80;

/// `docker compose logs`.
pub(super) struct Compose;

impl Wrapper for Compose {
    fn name(&self) -> &'static str {
        "docker compose"
    }

    fn unwrap<'a>(&self, line: &'a str, context: &Context) -> Option<Wrapped<'a>> {
        let (name, inner) = name_and_rest(line)?;
        // With `-t` the daemon's time stands right behind the bar.
        let (at, inner) = match nano_stamp(inner, context) {
            Some((at, rest)) => (Some(at), rest),
            None => (None, inner),
        };
        Some(Wrapped {
            inner: Cow::Borrowed(inner),
            at,
            service: Some(Cow::Borrowed(name)),
            ..Wrapped::default()
        })
    }
}

/// Splits `name  | rest`.
fn name_and_rest(line: &str) -> Option<(&str, &str)> {
    let name_len = line
        .bytes()
        .take(NAME_BYTES + 1)
        .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.'))
        .count();
    if name_len == 0 || name_len > NAME_BYTES {
        return None;
    }
    let (name, after) = (line.get(..name_len)?, line.get(name_len..)?);
    let padded = after.trim_start_matches(' ');
    let blanks = after.len() - padded.len();
    let rest = padded.strip_prefix('|')?;
    let inner = rest.strip_prefix(' ').or_else(|| rest.is_empty().then_some(rest))?;
    let digits = name.bytes().rev().take_while(u8::is_ascii_digit).count();
    let numbered =
        digits > 0 && matches!(name.as_bytes().get(name_len.wrapping_sub(digits + 1)), Some(b'-' | b'_'));
    let first = name.bytes().next()?;
    // "ERROR    | message" (loguru and many more) is a level; "INFO-1 |" nobody writes. Numbers alone are
    // table cells.
    let named = first.is_ascii_alphabetic() && Level::parse(name).is_none();
    (named && (blanks >= 2 || numbered && blanks >= 1)).then_some((name, inner))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Option<(String, String, Option<String>)> {
        let w = Compose.unwrap(line, &Context::default())?;
        Some((w.service?.into(), w.inner.into(), w.at.map(|(t, _)| t.to_string())))
    }

    #[test]
    fn names_of_containers_in_both_spellings() {
        let line = "db-1     | 2026-11-24  8:05:02 0 [Note] InnoDB: Using io_uring";
        assert_eq!(
            read(line),
            Some(("db-1".into(), "2026-11-24  8:05:02 0 [Note] InnoDB: Using io_uring".into(), None))
        );
        assert_eq!(read("web_1  | "), Some(("web_1".into(), String::new(), None)));
        assert_eq!(read("shop-web-12 | a | b"), Some(("shop-web-12".into(), "a | b".into(), None)));
        assert_eq!(read("mysql  |"), Some(("mysql".into(), String::new(), None)));
    }

    #[test]
    fn the_daemons_time_is_taken_off() {
        let line = "seats-1  | 2026-11-24T08:20:50.543185379Z {\"message\":\"listening\"}";
        let at = Some("2026-11-24T08:20:50.543185Z".into());
        assert_eq!(read(line), Some(("seats-1".into(), "{\"message\":\"listening\"}".into(), at)));
        let line = "web-1  | 2026-11-24T08:20:50.543Z info: the app's own time";
        assert_eq!(read(line).unwrap().1, "2026-11-24T08:20:50.543Z info: the app's own time");
    }

    #[test]
    fn bars_in_the_apps_own_lines_are_left_alone() {
        for l in [
            "INFO     | app:main:12 - hello",
            "ERROR    | boom",
            "2026-11-24 07:00:00.123 | ERROR    | app:main:1 - x",
            "id | name",
            "  12 | const x = 1",
            "12   | 7",
            "[GIN] 2026/11/24 - 07:32:12 | 200 |",
            "name||x",
            "|",
        ] {
            assert_eq!(read(l), None, "{l}");
        }
    }
}
