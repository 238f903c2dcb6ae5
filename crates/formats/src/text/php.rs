//! PHP's own logs: `error_log` (also WordPress' `debug.log`), the log of PHP-FPM and its slow log.
//!
//! ```text
//! [24-Nov-2026 08:08:21 UTC] PHP Fatal error:  Uncaught Error: Call to undefined function bcmul() in /var/www/harbour/class-hr-quote.php:21
//! [24-Nov-2026 08:16:16] WARNING: [pool pricefeed] child 24983 said into stderr: "NOTICE: PHP message: PHP Notice:  file_put_contents(): Write of 7006 bytes failed with errno=28 No space left on device in /var/www/pricefeed/lib/SnapshotStore.php on line 23"
//! [24-Nov-2026 08:09:56]  [pool freight] pid 16356
//! ```
//!
//! Source: `main/main.c` (`php_log_err_with_severity`: `[d-M-Y H:i:s zone] message`), `sapi/fpm/fpm/zlog.c`
//! (`[time] LEVEL: `),
//! `sapi/fpm/fpm/fpm_stdio.c` (`child N said into stderr: "…"`), `fpm_php_trace.c` (slow log).

use super::prefix::{bracketed_stamp, loud_level};
use crate::{Context, Entry, LineFormat};
use memchr::memmem;
use record::Level;

/// PHP's `error_log`.
pub(super) struct PhpErrorLog;

/// The log of PHP-FPM's master process.
pub(super) struct PhpFpm;

/// PHP-FPM's slow log: a head, the script, and where it hung.
pub(super) struct PhpSlow;

/// `[24-Nov-2026 …`: day first, month by name.
fn day_first(line: &str) -> bool {
    let b = line.as_bytes();
    b.first() == Some(&b'[') && b.get(3) == Some(&b'-') && b.get(4).is_some_and(u8::is_ascii_alphabetic)
}

impl LineFormat for PhpErrorLog {
    fn name(&self) -> &'static str {
        "php error_log"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        if line.starts_with("PHP ") {
            // On standard error (CLI, containers) without a time.
            return severity(line).map(|level| Entry { level, message: line.into(), ..Entry::default() });
        }
        // The built-in server writes "[Tue Nov 24 07:00:00 2026] PHP Fatal error: …".
        let built_in = line.get(1..4).is_some_and(|d| d.bytes().all(|c| c.is_ascii_alphabetic()));
        if !day_first(line) && !built_in {
            return None;
        }
        let (at, rest) = bracketed_stamp(line, context)?;
        let message = rest.strip_prefix(' ')?;
        let level = severity(message);
        if built_in && level.is_none() || message.starts_with(' ') {
            return None;
        }
        // WordPress' own database layer writes through error_log().
        let level = level.unwrap_or(if message.starts_with("WordPress database error") {
            Level::Error
        } else {
            Level::Unknown
        });
        Some(Entry { at: Some(at), level, message: message.into(), ..Entry::default() })
    }
}

/// The severity of `PHP Fatal error:  …` and its like; `None` where the text is not PHP's own.
fn severity(message: &str) -> Option<Level> {
    let rest = message.strip_prefix("PHP ")?;
    let name = rest.split(':').next()?;
    Some(match name {
        "Fatal error"
        | "Parse error"
        | "Core error"
        | "Compile error"
        | "Recoverable fatal error"
        | "Catchable fatal error" => Level::Fatal,
        "Warning" | "Core Warning" | "Compile Warning" | "Startup Warning" => Level::Warn,
        "Notice" | "Deprecated" | "Strict Standards" | "Strict standards" => Level::Notice,
        // Xdebug's table of the stack, "PHP Stack trace:", "PHP   1. {main}() …", belongs to the entry
        // before.
        _ => return None,
    })
}

impl LineFormat for PhpFpm {
    fn name(&self) -> &'static str {
        "php-fpm"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        let (at, rest) = if day_first(line) {
            let (at, rest) = bracketed_stamp(line, context)?;
            (Some(at), rest.strip_prefix(' ')?)
        } else if line.starts_with("NOTICE: ")
            || line.starts_with("WARNING: [pool ")
            || line.starts_with("ERROR: [pool ")
        {
            // With `error_log = /proc/self/fd/2` and a service manager that stamps lines itself, FPM leaves
            // the time out.
            (None, line)
        } else {
            return None;
        };
        let (level, rest) = loud_level(rest)?;
        let message = rest.strip_prefix(": ")?;
        let mut entry = Entry { at, level, message: message.into(), ..Entry::default() };
        let mut said = message;
        if let Some((pool, after)) = message.strip_prefix("[pool ").and_then(|m| m.split_once("] ")) {
            entry.fields.push(("pool".into(), pool.into()));
            said = after;
        }
        if let Some(after) = said.strip_prefix("child ") {
            let end = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
            entry.pid = after.get(..end).filter(|p| !p.is_empty()).map(Into::into);
        }
        if let Some(inner) = said_into(message).or_else(|| message.strip_prefix("PHP message: ")) {
            let inner = inner.strip_prefix("NOTICE: ").unwrap_or(inner);
            let inner = inner.strip_prefix("PHP message: ").unwrap_or(inner);
            entry.message = inner.into();
            // WARNING is FPM's word for any line of a child; the child's own word, if any, counts.
            entry.level = severity(inner).unwrap_or_default();
        }
        Some(entry)
    }
}

/// What the child said, out of `child N said into stderr: "…"`; a line too long for the pipe ends in `…"` or
/// without a quote.
fn said_into(message: &str) -> Option<&str> {
    let i = memmem::find(message.as_bytes(), b" said into std")?;
    let after = message.get(i..)?;
    let inner = after.split_once(": \"")?.1;
    let inner = inner.strip_suffix(", pipe is closed").unwrap_or(inner);
    Some(inner.strip_suffix('"').unwrap_or(inner))
}

impl LineFormat for PhpSlow {
    fn name(&self) -> &'static str {
        "php-fpm slow"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        if !day_first(line) {
            return None;
        }
        let (at, rest) = bracketed_stamp(line, context)?;
        let message = rest.strip_prefix("  ")?;
        let (pool, pid) = message.strip_prefix("[pool ")?.split_once("] pid ")?;
        Some(Entry {
            at: Some(at),
            level: Level::Notice,
            pid: Some(pid.trim_end().into()),
            message: message.into(),
            fields: vec![("pool".into(), pool.into())],
            ..Entry::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::Zone;

    #[test]
    fn wordpress_debug_log() {
        let e = PhpErrorLog
            .read("[24-Nov-2026 08:08:21 UTC] PHP Fatal error:  Uncaught Error: Call to undefined function bcmul() in /var/www/q.php:21", &Context::default())
            .unwrap();
        assert_eq!(
            e.at.map(|(t, z)| (t.to_string(), z)),
            Some(("2026-11-24T08:08:21Z".into(), Zone::Stated))
        );
        assert_eq!(
            (e.level, e.message.as_ref()),
            (
                Level::Fatal,
                "PHP Fatal error:  Uncaught Error: Call to undefined function bcmul() in /var/www/q.php:21"
            )
        );
        let e = PhpErrorLog
            .read("[24-Nov-2026 08:08:21 Europe/Amsterdam] WordPress database error Unknown column 'x' for query SELECT 1", &Context::default())
            .unwrap();
        assert_eq!(
            (e.at.map(|a| a.1), e.message.as_ref()),
            (Some(Zone::Wall), "WordPress database error Unknown column 'x' for query SELECT 1")
        );
        let e = PhpErrorLog
            .read("PHP Parse error:  syntax error, unexpected '}' in /a.php on line 3", &Context::default())
            .unwrap();
        assert_eq!((e.level, e.at), (Level::Fatal, None));
        let e = PhpErrorLog
            .read("[Tue Nov 24 07:00:00 2026] PHP Warning:  x in /a.php on line 3", &Context::default())
            .unwrap();
        assert_eq!(e.level, Level::Warn);
    }

    #[test]
    fn fpm_speaks_for_itself_and_for_its_children() {
        let read = |l: &'static str| PhpFpm.read(l, &Context::default()).unwrap();
        let e = read(
            "[24-Nov-2026 08:09:59] WARNING: [pool freight] server reached pm.max_children setting (5), consider raising it",
        );
        assert_eq!((e.level, e.pid.as_deref()), (Level::Warn, None));
        assert_eq!(
            e.message,
            "[pool freight] server reached pm.max_children setting (5), consider raising it"
        );
        let e = read(
            "[24-Nov-2026 08:16:16] WARNING: [pool pricefeed] child 24983 said into stderr: \"NOTICE: PHP message: PHP Notice:  file_put_contents(): Write failed in /a.php on line 23\"",
        );
        assert_eq!((e.level, e.pid.as_deref()), (Level::Notice, Some("24983")));
        assert_eq!(e.message, "PHP Notice:  file_put_contents(): Write failed in /a.php on line 23");
        let e = read(
            "[24-Nov-2026 08:16:16] WARNING: [pool p] child 24983 said into stderr: \"#0 {main}\", pipe is closed",
        );
        assert_eq!((e.level, e.message.as_ref()), (Level::Unknown, "#0 {main}"));
        let e = read(
            "[24-Nov-2026 08:16:16] WARNING: [pool p] child 77 exited on signal 9 (SIGKILL) after 12.3 seconds from start",
        );
        assert_eq!(
            (e.pid.as_deref(), e.message.as_ref()),
            (Some("77"), "[pool p] child 77 exited on signal 9 (SIGKILL) after 12.3 seconds from start")
        );
        let e = read("NOTICE: PHP message: PHP Fatal error:  Uncaught Error: x in /a.php:3");
        assert_eq!(
            (e.level, e.message.as_ref()),
            (Level::Fatal, "PHP Fatal error:  Uncaught Error: x in /a.php:3")
        );
    }

    #[test]
    fn the_slow_log_names_pool_and_child() {
        let e =
            PhpSlow.read("[24-Nov-2026 08:09:56]  [pool freight] pid 16356", &Context::default()).unwrap();
        assert_eq!((e.pid.as_deref(), e.message.as_ref()), (Some("16356"), "[pool freight] pid 16356"));
    }

    #[test]
    fn lines_inside_an_entry_are_no_heads() {
        for l in [
            "PHP Stack trace:",
            "PHP   1. {main}() /a.php:0",
            "script_filename = /a.php",
            "[0x00007f7c6f613320] curl_exec() /a.php:15",
            "[2026-11-24 07:00:00] x.ERROR: y",
            "",
        ] {
            assert!(PhpErrorLog.read(l, &Context::default()).is_none(), "{l}");
            assert!(PhpFpm.read(l, &Context::default()).is_none(), "{l}");
            assert!(PhpSlow.read(l, &Context::default()).is_none(), "{l}");
        }
    }
}
