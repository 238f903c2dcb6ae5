//! Syslog lines as they stand in files, and the journal's text forms, which are the same.
//!
//! ```text
//! Nov 24 07:27:31 web2 catalog[23054]: catalog started
//! 2026-11-24T07:27:32.123456+00:00 auth1 auth-api: auth-api 1.12.0 on :8457
//! <34>Nov 24 07:27:31 db1 kernel: [12345.67] Out of memory: Killed process 123 (php-fpm)
//! Tue 2026-11-24 07:27:31 UTC web2 gunicorn[812]: Booting worker
//! ```
//!
//! Sources: RFC 3164 §4.1, rsyslog's file formats (RSYSLOG_TraditionalFileFormat, RSYSLOG_FileFormat),
//! busybox syslogd (`user.err` between host and tag), `journalctl -o
//! short|short-iso|short-precise|short-full|with-unit|short-unix`. rsyslog escapes control characters as `#`
//! and three octal digits: `#012` is a line end, `#011` a tab.

use crate::system::deploys::is_note_file;
use crate::{Context, Wrapped, Wrapper, time};
use record::{Level, Zone};
use std::borrow::Cow;

/// Longest tag; RFC 3164 says 32, systemd writes longer ones.
const TAG_BYTES: usize = 96;

/// Longest host name.
const HOST_BYTES: usize = 255;

/// `/var/log/syslog`, `/var/log/messages`, `journalctl`.
pub(super) struct Syslog;

impl Wrapper for Syslog {
    fn name(&self) -> &'static str {
        "syslog"
    }

    fn unwrap<'a>(&self, line: &'a str, context: &Context) -> Option<Wrapped<'a>> {
        let (priority, text) = match priority(line) {
            Some((p, rest)) => (Some(p), rest),
            None => (None, line),
        };
        let mut wrapped = match kind(text) {
            Some(kind) => stamped(text, kind, context)?,
            // Python's SysLogHandler writes neither time nor host, and ends in NUL: "<14>orders: paid".
            None if priority.is_some() => {
                let (tag, pid, inner) = tag(text)?;
                Wrapped {
                    inner: inner.trim_end_matches('\0').into(),
                    service: tag,
                    pid,
                    ..Wrapped::default()
                }
            }
            None => return None,
        };
        if let Some(p) = priority {
            wrapped.level = Level::of_syslog(i64::from(p % 8)).unwrap_or_default();
        }
        if let Cow::Borrowed(inner) = wrapped.inner {
            wrapped.inner = unescape_control(inner);
        }
        Some(wrapped)
    }
}

/// `<34>`: the priority, 0 to 191.
pub(super) fn priority(line: &str) -> Option<(u32, &str)> {
    let (digits, rest) = line.strip_prefix('<')?.split_once('>')?;
    let p = digits.parse().ok().filter(|p| digits.len() <= 3 && *p <= 191)?;
    Some((p, rest))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// `Nov 24 07:27:31`: nothing else begins so, a tag is enough.
    Traditional,
    /// `2026-11-24T07:27:32+00:00`: application logs begin so too.
    Iso,
    /// `1795503903.123456`, `Tue 2026-11-24 …`: only with a process id.
    Rare,
}

fn kind(text: &str) -> Option<Kind> {
    let b = text.as_bytes();
    let first = *b.first()?;
    if first.is_ascii_digit() {
        return match b.get(10)? {
            b'T' => Some(Kind::Iso),
            b'.' => Some(Kind::Rare),
            _ => None,
        };
    }
    if !first.is_ascii_uppercase() || b.get(3) != Some(&b' ') {
        return None;
    }
    if b.get(4)?.is_ascii_digit() && b.get(8) == Some(&b'-') {
        Some(Kind::Rare)
    } else {
        Some(Kind::Traditional)
    }
}

fn stamped<'a>(text: &'a str, kind: Kind, context: &Context) -> Option<Wrapped<'a>> {
    let s = time::stamp(text, context.reference)?;
    let rest = text.get(s.len..)?.strip_prefix(' ')?.trim_start_matches(' ');
    // rsyslog's dates always have their offset.
    if kind == Kind::Iso && s.zone != Zone::Stated {
        return None;
    }
    let at = Some((s.time, s.zone));
    // "journalctl --no-hostname" and some routers leave the host out.
    if let Some((service, pid, inner)) = tag(rest)
        && (pid.is_some() || kind == Kind::Traditional)
        && !is_level(service.as_deref())
    {
        return Some(Wrapped { inner: inner.into(), at, service, pid, ..Wrapped::default() });
    }
    let (host, after) = rest.split_once(' ')?;
    if !is_host(host) {
        return None;
    }
    let mut after = after.trim_start_matches(' ');
    let mut level = Level::Unknown;
    if let Some((l, more)) = facility_level(after) {
        (level, after) = (l, more);
    }
    let (service, pid, inner) = tag(after)?;
    let sure = pid.is_some();
    if kind == Kind::Rare && !sure {
        return None;
    }
    // "2026-11-24T07:43:56Z  INFO request: …", "2026-11-24T07:43:56Z app error: …" are no syslog.
    // "2026-11-24T08:24:17Z pool clinic: children 6 -> 8" in deploys.log is a note, not a host and a program.
    if !sure && kind == Kind::Iso && is_note_file(&context.file_name) {
        return None;
    }
    if !sure && kind == Kind::Iso && (Level::parse(host).is_some() || is_level(service.as_deref())) {
        return None;
    }
    Some(Wrapped {
        inner: inner.into(),
        at,
        level,
        service,
        node: Some(host.into()),
        pid,
        ..Wrapped::default()
    })
}

fn is_level(word: Option<&str>) -> bool {
    word.is_some_and(|w| Level::parse(w).is_some())
}

fn is_host(word: &str) -> bool {
    (1..=HOST_BYTES).contains(&word.len())
        && word.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'.' | b'_' | b':' | b'%'))
        && word.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric)
        && !word.ends_with(':')
}

/// busybox: `daemon.err app[12]: …`.
fn facility_level(text: &str) -> Option<(Level, &str)> {
    let (word, rest) = text.split_once(' ')?;
    let (facility, level) = word.split_once('.')?;
    let known =
        ["kern", "user", "mail", "daemon", "auth", "authpriv", "syslog", "lpr", "news", "cron", "ftp"];
    let known = known.contains(&facility) || facility.strip_prefix("local").is_some_and(|n| n.len() == 1);
    Some((Level::parse(level).filter(|_| known)?, rest))
}

type Tag<'a> = (Option<Cow<'a, str>>, Option<Cow<'a, str>>, &'a str);

/// `app[123]: msg`, `app: msg`: tag, process id, message.
fn tag(text: &str) -> Option<Tag<'_>> {
    let len = text
        .bytes()
        .take(TAG_BYTES + 1)
        .take_while(|c| {
            c.is_ascii_graphic()
                && !matches!(c, b'[' | b']' | b':' | b'"' | b'=' | b'{' | b'}' | b',' | b'|' | b'\'')
        })
        .count();
    if len == 0 || len > TAG_BYTES {
        return None;
    }
    let (name, rest) = (text.get(..len)?, text.get(len..)?);
    // A clock or bare number is no name.
    if !name.bytes().any(|c| c.is_ascii_alphabetic()) {
        return None;
    }
    let (pid, rest) = match rest.strip_prefix('[') {
        Some(inner) => {
            let (pid, after) = inner.split_once(']')?;
            if pid.is_empty() || pid.len() > 12 || !pid.bytes().all(|c| c.is_ascii_digit()) {
                return None;
            }
            (Some(Cow::Borrowed(pid)), after)
        }
        None => (None, rest),
    };
    let inner = rest.strip_prefix(':')?;
    // One blank belongs to the tag; more is the message's own indentation.
    let inner = inner.strip_prefix(' ').or_else(|| (inner.is_empty() || pid.is_some()).then_some(inner))?;
    // systemd shows a service's process by its name in brackets before exec: "(php-fpm)".
    Some((Some(Cow::Borrowed(name.trim_matches(['(', ')']))), pid, inner))
}

/// `#012` and its like become the characters they stand for; colours (`#033[31m`) go.
pub(super) fn unescape_control(text: &str) -> Cow<'_, str> {
    if memchr::memmem::find(text.as_bytes(), b"#0").is_none() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(i) = rest.find("#0") {
        let (clean, found) = rest.split_at(i);
        out.push_str(clean);
        let (c, used) = match found.get(..4) {
            Some("#012") => (Some('\n'), 4),
            Some("#011") => (Some('\t'), 4),
            Some("#015" | "#000") => (None, 4),
            Some("#033") => (None, 4 + colour_len(found.get(4..).unwrap_or(""))),
            _ => {
                out.push_str("#0");
                (None, 2)
            }
        };
        out.extend(c);
        rest = found.get(used..).unwrap_or("");
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Length of `[31m`, `[1;31m`, `[0K` behind an escape.
fn colour_len(text: &str) -> usize {
    if !text.starts_with('[') {
        return 0;
    }
    let digits = text.bytes().skip(1).take_while(|c| c.is_ascii_digit() || *c == b';').count();
    match text.as_bytes().get(1 + digits) {
        Some(c) if c.is_ascii_alphabetic() => digits + 2,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::Time;

    fn read(line: &str) -> Option<Wrapped<'_>> {
        let context = Context { reference: Time::from_secs(1_795_600_000), ..Context::default() };
        // The test line lives as long as the answer.
        Syslog.unwrap(line, &context)
    }

    fn parts(line: &str) -> (String, String, String, String) {
        let w = read(line).expect(line);
        let own = |v: &Option<Cow<'_, str>>| v.as_deref().unwrap_or("").to_owned();
        (own(&w.node), own(&w.service), own(&w.pid), w.inner.into_owned())
    }

    fn s(a: &str, b: &str, c: &str, d: &str) -> (String, String, String, String) {
        (a.into(), b.into(), c.into(), d.into())
    }

    #[test]
    fn host_tag_and_pid_come_off() {
        assert_eq!(
            parts("Nov 24 07:27:31 web2 catalog[23054]: catalog started"),
            s("web2", "catalog", "23054", "catalog started")
        );
        assert_eq!(
            parts("Nov 24 07:27:31 web2 catalog[23054]:     at next (route.js:149:13)"),
            s("web2", "catalog", "23054", "    at next (route.js:149:13)")
        );
        assert_eq!(
            parts("2026-11-24T07:27:32Z auth1 auth-api: auth-api 1.12.0 on :8457"),
            s("auth1", "auth-api", "", "auth-api 1.12.0 on :8457")
        );
        assert_eq!(
            parts("2026-11-24T07:27:32.123456+01:00 db1 mariadbd[1]: 2026-11-24  7:27:32 0 [Note] x"),
            s("db1", "mariadbd", "1", "2026-11-24  7:27:32 0 [Note] x")
        );
        assert_eq!(parts("2026-11-24T07:27:32+0000 web1 (php-fpm)[7]: x"), s("web1", "php-fpm", "7", "x"));
        assert_eq!(
            parts("Tue 2026-11-24 07:27:31 UTC web2 gunicorn[812]: Booting"),
            s("web2", "gunicorn", "812", "Booting")
        );
        assert_eq!(parts("Nov 24 07:27:31 gunicorn[812]: Booting"), s("", "gunicorn", "812", "Booting"));
        assert_eq!(parts("Nov 24 07:27:31 ap daemon.err uhttpd[2]: x"), s("ap", "uhttpd", "2", "x"));
        assert_eq!(parts("Nov  4 07:27:31 app1 app/web.1: at=error"), s("app1", "app/web.1", "", "at=error"));
    }

    #[test]
    fn the_kernels_clock_stays_with_the_message() {
        let w =
            read("<4>Nov 24 07:27:31 db1 kernel: [12345.678901] Out of memory: Killed process 123 (php-fpm)")
                .unwrap();
        assert_eq!(w.inner, "[12345.678901] Out of memory: Killed process 123 (php-fpm)");
        assert_eq!((w.service.as_deref(), w.level), (Some("kernel"), Level::Warn));
        assert_eq!(w.at.unwrap().0.to_string(), "2026-11-24T07:27:31Z");
    }

    #[test]
    fn rsyslogs_octal_escapes_are_line_ends_again() {
        let w =
            read("Nov 24 07:27:31 web1 app[1]: Traceback:#012#011File \"a.py\"#012issue #0123 is 4 digits")
                .unwrap();
        assert_eq!(w.inner, "Traceback:\n\tFile \"a.py\"\nissue \n3 is 4 digits");
        assert_eq!(unescape_control("#033[31mred#033[0m #01 #0"), "red #01 #0");
    }

    #[test]
    fn a_datagram_without_time_needs_its_priority() {
        let w = read("<11>orders: refused\0").unwrap();
        assert_eq!(
            (w.inner.as_ref(), w.service.as_deref(), w.level),
            ("refused", Some("orders"), Level::Error)
        );
        assert!(read("orders: refused").is_none());
    }

    #[test]
    fn notes_of_deploys_are_not_syslog() {
        let context = Context { file_name: "deploys.log".into(), ..Context::default() };
        assert!(
            Syslog
                .unwrap("2026-11-24T08:24:17Z pool clinic: children 6 -> 8, restart php-fpm", &context)
                .is_none()
        );
    }

    #[test]
    fn application_lines_are_not_syslog() {
        for l in [
            "2026-11-24T07:43:56.819881Z  INFO ledger_api: ledger-api listening version=\"0.7.2\"",
            "2026-11-24T07:43:56Z ERROR request: db down",
            "2026-11-24T07:43:56 web1 app: no offset",
            "2026-11-24T07:05:02: PM2 log: App [booking:0] online",
            "2026-11-24T07:05:02Z app error: boom",
            "2026-11-24 07:47:00,807 INFO orders: orders listening on 127.0.0.1:8261",
            "2026-11-24T07:05:03.123456+00:00 stdout F x: y",
            "Nov 24, 2026 7:05:03 AM org.apache.catalina.core.StandardService startInternal",
            "Mar 24 14:26:01 --- last message repeated 2 times ---",
            "Error: connect ECONNREFUSED",
            "<html>",
            "<999>x: y",
            "1795503903.123    100 10.0.0.1 TCP_MISS/200 1234 GET http://x/",
            "",
        ] {
            assert!(read(l).is_none(), "{l}");
        }
    }
}
