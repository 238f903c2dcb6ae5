//! Any line that begins with a time stamp or a level: the layouts that people write for their loggers.
//!
//! ```text
//! 2026-11-24 08:02:18,725 WARNI [ferry.views:23][waitress-4] no such route: no-dk
//! ERROR 2026-11-24 07:30:12,123 views 123 140 payment failed
//! [ERROR] could not reach the warehouse
//! ```
//!
//! It is the last in the table: what is special to one logger is read before. Prefix pieces are recognised by
//! their shape
//! ([`super::prefix`]), in any order.

use super::prefix::{Prefix, bracketed_stamp, clock, group, is_thread, level, loud_level, peel, stamp};
use crate::{Context, Entry, LineFormat};
use record::Level;

/// Lines with a time stamp or level in front.
pub(super) struct General;

impl LineFormat for General {
    fn name(&self) -> &'static str {
        "text"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        let mut prefix = Prefix::default();
        let rest = timed(line, &mut prefix, context).or_else(|| levelled(line, &mut prefix, context))?;
        let mut message = peel(rest, &mut prefix, context);
        // Go and C put the place before the message, "main.go:12: listening".
        let mut place = None;
        if prefix.logger.is_none()
            && let Some((p, after)) = message.split_once(": ")
            && is_place(p)
        {
            place = Some(p);
            message = after;
        }
        let mut entry = prefix.entry(message);
        if let Some(p) = place {
            entry.fields.push(("logger".into(), p.into()));
        }
        Some(entry)
    }
}

/// `main.go:12`, `src/server.cc:120`.
fn is_place(text: &str) -> bool {
    text.rsplit_once(':').is_some_and(|(file, line)| {
        file.len() <= 120
            && file.contains('.')
            && !file.contains(' ')
            && !line.is_empty()
            && line.len() <= 6
            && line.bytes().all(|c| c.is_ascii_digit())
            && file.bytes().any(|c| c.is_ascii_alphabetic())
    })
}

/// A line whose first piece is a time, in brackets or not; the text behind it.
fn timed<'a>(line: &'a str, prefix: &mut Prefix<'a>, context: &Context) -> Option<&'a str> {
    let first = *line.as_bytes().first()?;
    if first == b'[' {
        if let Some((at, rest)) = bracketed_stamp(line, context) {
            prefix.at = Some(at);
            return Some(rest.strip_prefix(':').unwrap_or(rest));
        }
        // [2026-11-24T07:30:12Z ERROR app::db] msg; [2026-11-24 07:30:12,123: ERROR/ForkPoolWorker-1] msg;
        // [07:05:03 ERR] msg
        let (inner, rest) = group(line, '[', ']')?;
        let (at, more) = stamp(inner, context).or_else(|| clock(inner, context))?;
        prefix.at = Some(at);
        let more = more.trim_start_matches([':', ' ', ',', '-', '|']);
        if !more.is_empty() {
            match loud_level(more) {
                Some((l, tail)) => {
                    prefix.level = l;
                    let tail = tail.trim_start_matches([' ', '/', ':', '|']);
                    if is_thread(tail) {
                        prefix.thread = Some(tail)
                    } else if !tail.is_empty() {
                        prefix.logger = Some(tail)
                    }
                }
                None => {
                    prefix.take(more, context);
                }
            }
        }
        return Some(rest);
    }
    if !first.is_ascii_digit() && !first.is_ascii_alphabetic() && first != b'(' && first != b'"' {
        return None;
    }
    if let Some(inner) = line.strip_prefix(['(', '"']) {
        let (at, rest) = stamp(inner, context)?;
        prefix.at = Some(at);
        return rest.strip_prefix([')', '"']);
    }
    let (at, rest) = stamp(line, context).or_else(|| clock(line, context))?;
    prefix.at = Some(at);
    // "2026-11-24 07:30:12: msg", "…,123:DEBUG:msg", "… - msg", "…|ERROR|msg"; digits glued on mean another
    // thing.
    match rest.bytes().next() {
        None | Some(b' ' | b'\t' | b':' | b'|' | b',' | b';' | b'[' | b'-' | b'>') => {
            Some(rest.trim_start_matches([':', ',', ';', '>']))
        }
        _ => None,
    }
}

/// A line whose first piece is a level: `ERROR 2026-… msg`, `[ERROR] msg`, `ERROR: msg`, `error: msg`,
/// `[main] ERROR …`.
fn levelled<'a>(line: &'a str, prefix: &mut Prefix<'a>, context: &Context) -> Option<&'a str> {
    let rest = if line.starts_with('[') {
        let (inner, rest) = group(line, '[', ']')?;
        if let Some(l) = level(inner).filter(|_| inner.trim().len() > 1) {
            prefix.level = l;
        } else if is_thread(inner) && loud_level(rest.trim_start()).is_some() {
            // SLF4J's simple logger: [main] ERROR com.example.App - msg
            prefix.thread = Some(inner.trim());
        } else {
            return None;
        }
        if !rest.starts_with([' ', ':', '\t', '[']) {
            return None;
        }
        rest.strip_prefix(':').unwrap_or(rest)
    } else if let Some((l, rest)) = loud_level(line) {
        // PostgreSQL's messages inside others ("ERROR:  relation … does not exist") and V8's last words are
        // no heads.
        if line.starts_with("FATAL ERROR:")
            || rest.starts_with(":  ")
                && !rest.starts_with(":   ")
                && matches!(l, Level::Error | Level::Fatal)
        {
            return None;
        }
        if rest.is_empty() || rest == ":" {
            return None;
        }
        prefix.level = l;
        rest.trim_start_matches([':', '|', ','])
    } else {
        // winston's simple format and its like: "error: msg", "warn - msg".
        let len = line.bytes().take_while(u8::is_ascii_lowercase).count();
        if !(4..=8).contains(&len) {
            return None;
        }
        let rest = line.get(len..)?;
        let l = level(line.get(..len)?).or_else(|| line.starts_with("http: ").then_some(Level::Info))?;
        if line.starts_with("http: ") && !line.starts_with("http: GET") && !line.starts_with("http: POST") {
            return None;
        }
        prefix.level = l;
        rest.strip_prefix(": ")
            .or_else(|| rest.strip_prefix(" - "))
            .or_else(|| rest.trim_start_matches(' ').strip_prefix("- "))?
    };
    // The time may come second.
    let t = rest.trim_start_matches([' ', '\t', '-', '|', ':']);
    if let Some((at, after)) = bracketed_stamp(t, context).or_else(|| stamp(t, context)) {
        prefix.at = Some(at);
        return Some(after);
    }
    if let Some((inner, after)) = group(t, '(', ')').filter(|(i, _)| i.len() > 8)
        && let Some((at, "")) = stamp(inner, context)
    {
        prefix.at = Some(at);
        return Some(after);
    }
    Some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Seen {
        at: Option<String>,
        level: Level,
        pid: Option<String>,
        logger: Option<String>,
        message: String,
        id: Option<String>,
    }

    fn read(line: &str) -> Option<Seen> {
        let context = Context { reference: record::Time::from_secs(1_795_507_200), ..Context::default() };
        let e = General.read(line, &context)?;
        let logger = e.fields.iter().find(|(k, _)| k == "logger").map(|(_, v)| v.clone().into_owned());
        Some(Seen {
            at: e.at.map(|(t, _)| t.to_string()),
            level: e.level,
            pid: e.pid.map(|p| p.into_owned()),
            logger,
            message: e.message.into_owned(),
            id: e.request.and_then(|r| r.id).map(|i| i.into_owned()),
        })
    }

    /// line, level, pid or thread, logger, message
    fn is(line: &str, level: Level, pid: &str, logger: &str, message: &str) {
        let s = read(line).unwrap_or_else(|| panic!("refused: {line}"));
        assert_eq!(
            (s.level, s.pid.as_deref().unwrap_or(""), s.logger.as_deref().unwrap_or(""), s.message.as_str()),
            (level, pid, logger, message),
            "{line}"
        );
        assert!(
            s.at.is_none() || s.at.as_deref().is_some_and(|a| a.starts_with("2026-11-24T07:30:12")),
            "{line} {:?}",
            s.at
        );
    }

    #[test]
    fn python_layouts() {
        use Level::{Error, Info, Warn};
        is(
            "2026-11-24 07:30:12,407 ERROR django.request: Internal Server Error: /x",
            Error,
            "",
            "django.request",
            "Internal Server Error: /x",
        );
        is(
            "2026-11-24 07:30:12,758 WARNING django.request 17138 Not Found: /phpmyadmin/index.php",
            Warn,
            "17138",
            "django.request",
            "Not Found: /phpmyadmin/index.php",
        );
        is(
            "2026-11-24T07:30:12.365Z WARNING catalog.services 19419 order cut down for customer 113",
            Warn,
            "19419",
            "catalog.services",
            "order cut down for customer 113",
        );
        is(
            "[2026-11-24 07:30:12,610] ERROR [django.request:246] Internal Server Error: /import/prices/",
            Error,
            "",
            "django.request:246",
            "Internal Server Error: /import/prices/",
        );
        is(
            "2026-11-24 07:30:12,725 WARNI [ferry.views:23][waitress-4] no such route: no-dk",
            Warn,
            "waitress-4",
            "ferry.views:23",
            "no such route: no-dk",
        );
        is(
            "2026-11-24 07:30:12,407 - app.views - ERROR - payment failed",
            Error,
            "",
            "app.views",
            "payment failed",
        );
        is("2026-11-24 07:30:12,407 - app - ERROR - payment failed", Error, "", "app", "payment failed");
        is(
            "ERROR 2026-11-24 07:30:12,123 views 123 140 payment failed",
            Error,
            "",
            "",
            "views 123 140 payment failed",
        );
        is(
            "2026-11-24 07:30:12,407 INFO orders: orders listening on 127.0.0.1:8261",
            Info,
            "",
            "",
            "orders: orders listening on 127.0.0.1:8261",
        );
        is("2026-11-24 07:30:12,407:DEBUG:foo bar baz", Level::Debug, "", "", "foo bar baz");
        is("2026-11-24 07:30:12,407 [MainThread] ERROR app.db - gone", Error, "MainThread", "app.db", "gone");
        is("2026-11-24 07:30:12,407 [ERROR] app.db: gone", Error, "", "app.db", "gone");
    }

    #[test]
    fn java_layouts() {
        use Level::{Error, Info, Warn};
        is("07:30:12.123 [main] ERROR c.e.App - boom", Error, "main", "c.e.App", "boom");
        is(
            "2026-11-24 07:30:12.123 [http-nio-8080-exec-1] ERROR com.example.App - boom",
            Error,
            "http-nio-8080-exec-1",
            "com.example.App",
            "boom",
        );
        is(
            "2026-11-24 07:30:12,123 ERROR [io.undertow.request] (default task-1) UT005023: Exception handling request to /x: java.lang.NullPointerException",
            Error,
            "default task-1",
            "io.undertow.request",
            "UT005023: Exception handling request to /x: java.lang.NullPointerException",
        );
        is("2026-11-24 07:30:12,123 ERROR c.e.App:12 - boom", Error, "", "c.e.App:12", "boom");
        is(
            "[2026-11-24 07:30:12,123] ERROR [KafkaServer id=0] Fatal error during startup (kafka.server.KafkaServer)",
            Error,
            "",
            "",
            "[KafkaServer id=0] Fatal error during startup (kafka.server.KafkaServer)",
        );
        is(
            "2026-11-24T07:30:12,139 INFO [background-preinit       ] Version                  : HV000001: Hibernate",
            Info,
            "",
            "background-preinit",
            "Version                  : HV000001: Hibernate",
        );
        is(
            "2026-11-24 07:30:12,123 | ERROR | qtp1-12 | JmsRepository | boom",
            Error,
            "qtp1-12",
            "JmsRepository",
            "boom",
        );
        is("[main] ERROR com.example.App - boom", Error, "main", "com.example.App", "boom");
        is(
            "2026-11-24 07:30:12.123 WARN  [main] o.h.engine.jdbc.spi.SqlExceptionHelper - SQL Error: 0, SQLState: 08001",
            Warn,
            "main",
            "o.h.engine.jdbc.spi.SqlExceptionHelper",
            "SQL Error: 0, SQLState: 08001",
        );
    }

    #[test]
    fn other_layouts() {
        use Level::{Error, Info, Unknown, Warn};
        is(
            "[2026-11-24T07:30:12.557] [INFO] payments - payments 3.1.7 started, port 8412",
            Info,
            "",
            "payments",
            "payments 3.1.7 started, port 8412",
        );
        is(
            "2026-11-24 07:30:12.419 INFO  [http] 13292 198.51.100.64 GET /trips/7 200 0ms",
            Info,
            "13292",
            "http",
            "198.51.100.64 GET /trips/7 200 0ms",
        );
        is("2026-11-24 07:30:12.161 [info] portal started", Info, "", "", "portal started");
        is(
            "2026-11-24 07:30:12 error: connect ECONNREFUSED 127.0.0.1:5432",
            Error,
            "",
            "",
            "connect ECONNREFUSED 127.0.0.1:5432",
        );
        is("2026-11-24T07:30:12.123Z - error: boom", Error, "", "", "boom");
        is("[2026-11-24 07:30:12.123] [myapp] [error] boom", Error, "", "myapp", "boom");
        is("2026-11-24 07:30:12.123|ERROR|boom", Error, "", "", "boom");
        is("2026-11-24T07:30:12.123456Z  ERROR - app: boom", Error, "", "", "app: boom");
        is(
            "2026-11-24 07:30:12 Error: [PDOException] SQLSTATE[HY000] [2002] Connection refused",
            Error,
            "",
            "",
            "Error: [PDOException] SQLSTATE[HY000] [2002] Connection refused",
        );
        is("2026-11-24T07:30:12+00:00 ERR (3): boom", Error, "", "", "boom");
        is(
            "2026-11-24 07:30:12 - ZeroDivisionError - divided by 0:",
            Unknown,
            "",
            "",
            "ZeroDivisionError - divided by 0:",
        );
        is(
            "2026-11-24 07:30:12 - PG::UndefinedColumn - ERROR:  column \"x\" does not exist",
            Unknown,
            "",
            "",
            "PG::UndefinedColumn - ERROR:  column \"x\" does not exist",
        );
        is(
            "2026/11/24 07:30:12 http: panic serving 127.0.0.1:60336: boom",
            Unknown,
            "",
            "",
            "http: panic serving 127.0.0.1:60336: boom",
        );
        is("2026/11/24 07:30:12 ERROR save failed err=\"pq: x\"", Error, "", "", "save failed err=\"pq: x\"");
        is(
            "2026-11-24 07:30:12 ERROR pq: password authentication failed",
            Error,
            "",
            "",
            "pq: password authentication failed",
        );
        is("[2026-11-24 07:30:12] [POST] /x failed", Unknown, "", "", "[POST] /x failed");
        is("[ERROR] could not reach the warehouse", Error, "", "", "could not reach the warehouse");
        is("ERROR: could not reach", Error, "", "", "could not reach");
        is("ERROR TypeError: x is null", Error, "", "", "TypeError: x is null");
        is("warn: disk is 91% full", Warn, "", "", "disk is 91% full");
        is("error - boom", Error, "", "", "boom");
        is(
            "[error] Caught exception in App::Controller::Root->x \"boom at /f line 3.\"",
            Error,
            "",
            "",
            "Caught exception in App::Controller::Root->x \"boom at /f line 3.\"",
        );
        is("2026-11-24 07:30:12 error reading status line", Error, "", "", "error reading status line");
        is("2026-11-24 07:30:12 ERROR 500 Internal Server Error", Error, "", "", "500 Internal Server Error");
    }

    #[test]
    fn ids_in_brackets_are_the_requests() {
        let s = read("2026-11-24 07:30:12 ERROR [86ab05df-61c8-4e26-b504-68b6e6e707f5] boom").unwrap();
        assert_eq!(
            (s.id.as_deref(), s.message.as_str()),
            (Some("86ab05df-61c8-4e26-b504-68b6e6e707f5"), "boom")
        );
        let s = read("[2026-11-24 07:30:12] [req-1z] error: boom").unwrap();
        assert_eq!((s.id.as_deref(), s.message.as_str()), (Some("req-1z"), "boom"));
    }

    #[test]
    fn lines_without_time_or_level_are_refused() {
        for l in [
            "",
            "   at foo (/x.js:1:2)",
            "Traceback (most recent call last):",
            "Error: boom",
            "TypeError: x",
            "ERROR:  relation \"x\" does not exist",
            "FATAL ERROR: Reached heap limit",
            "error",
            "ERROR",
            "information about x",
            "http: Server closed",
            "[0] = 1",
            "[app] hello",
            "DETAIL:  Key exists",
            "LINE 1: SELECT",
            "#0 /a.php(12): x()",
            "12 rows",
            "2026",
            "errors: 3",
            "HTTP 500",
        ] {
            assert!(read(l).is_none(), "{l}");
        }
    }

    #[test]
    fn any_cut_of_a_line_is_survived() {
        for line in [
            "[2026-11-24T07:30:12.557Z ERROR é] (é) <0.1.0> [é] [ERROR/é] é: é - é",
            "ERROR [2026-11-24 07:30:12] [é",
            "07:30:12,é [main] é",
        ] {
            for (i, _) in line.char_indices() {
                let _ = read(&line[..i]);
                let _ = read(&line[i..]);
            }
        }
    }
}
