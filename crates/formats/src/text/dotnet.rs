//! .NET's layouts: the console logger, Serilog, NLog, and the event texts of ASP.NET.
//!
//! ```text
//! fail: Microsoft.AspNetCore.Server.Kestrel[13]
//!       Connection id "0HMV5LQ", Request id "0HMV5LQ:00000002": An unhandled exception was thrown by the application.
//! 2026-11-24 07:05:03.123 +01:00 [ERR] HTTP POST /orders responded 500 in 12.3456 ms
//! [07:05:03 ERR] An unhandled exception has occurred while executing the request.
//! 2026-11-24 07:05:03.1234|ERROR|Shop.Controllers.OrdersController|charge failed|url: http://shop.example/orders|action: Post
//! Event code: 3005
//! ```
//!
//! Sources: `Microsoft.Extensions.Logging.Console` (`SimpleConsoleFormatter`, `SystemdConsoleFormatter`),
//! Serilog's default output
//! templates of the file and console sinks, NLog's default layout and the one of NLog.Web, ASP.NET health
//! monitoring.

use super::prefix::{clock, group, level, stamp};
use crate::mention::split_url;
use crate::{Context, Entry, LineFormat, RequestRef};
use record::Level;
use std::borrow::Cow;

/// The console logger: the message is on the next line, indented by six.
pub(super) struct DotnetConsole;
/// Serilog's text templates.
pub(super) struct Serilog;
/// NLog: columns between bars.
pub(super) struct NLog;
/// ASP.NET's event text.
pub(super) struct AspNetEvent;
/// What Event Viewer copies (`Log Name:      Application`, and below it where from, when and what) and saves as text.
pub(super) struct WindowsEvent;

impl LineFormat for DotnetConsole {
    fn name(&self) -> &'static str {
        ".net console"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        let mut at = None;
        let mut rest = line;
        // TimestampFormat puts a time before it, with or without brackets.
        if line.starts_with(|c: char| c.is_ascii_digit() || c == '[') {
            let t = line.strip_prefix('[').unwrap_or(line);
            let (found, after) = stamp(t, context).or_else(|| clock(t, context))?;
            at = Some(found);
            rest = after.strip_prefix(']').unwrap_or(after).trim_start();
        }
        let (level, rest) =
            if let Some((digit, after)) = rest.strip_prefix('<').and_then(|r| r.split_once('>')) {
                // Systemd's: <3>Category[13] msg
                let level = match digit {
                    "2" => Level::Fatal,
                    "3" => Level::Error,
                    "4" => Level::Warn,
                    "6" => Level::Info,
                    "7" => Level::Debug,
                    _ => return None,
                };
                (level, after)
            } else {
                let level = match rest.get(..5)? {
                    "trce:" => Level::Trace,
                    "dbug:" => Level::Debug,
                    "info:" => Level::Info,
                    "warn:" => Level::Warn,
                    "fail:" => Level::Error,
                    "crit:" => Level::Fatal,
                    _ => return None,
                };
                (level, rest.get(5..)?.strip_prefix(' ')?)
            };
        let (category, rest) = rest.split_once('[')?;
        let (event, rest) = rest.split_once(']')?;
        let event_digits = event.strip_prefix('-').unwrap_or(event);
        let named = !category.is_empty()
            && category.bytes().all(|c| {
                c.is_ascii_alphanumeric()
                    || matches!(c, b'.' | b'_' | b'`' | b'+' | b'-' | b'<' | b'>' | b',')
            });
        if !named || event_digits.is_empty() || !event_digits.bytes().all(|c| c.is_ascii_digit()) {
            return None;
        }
        Some(Entry {
            at,
            level,
            message: rest.trim_start().into(),
            fields: vec![("logger".into(), category.into()), ("event".into(), event.into())],
            ..Entry::default()
        })
    }
}

/// Serilog's three letters (`{Level:u3}`), also in lower case (`:w3`).
fn three(name: &str) -> Option<Level> {
    Some(match name {
        "VRB" | "vrb" | "TRC" => Level::Trace,
        "DBG" | "dbg" => Level::Debug,
        "INF" | "inf" => Level::Info,
        "WRN" | "wrn" => Level::Warn,
        "ERR" | "err" => Level::Error,
        "FTL" | "ftl" => Level::Fatal,
        _ => return None,
    })
}

impl LineFormat for Serilog {
    fn name(&self) -> &'static str {
        "serilog"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        if let Some((inner, rest)) = group(line, '[', ']') {
            let (at, more) = stamp(inner, context).or_else(|| clock(inner, context))?;
            let mut words = more.strip_prefix(' ')?.split(' ');
            let level = three(words.next()?)?;
            let mut entry =
                Entry { at: Some(at), level, message: rest.trim_start().into(), ..Entry::default() };
            if let Some(source) = words.next().filter(|s| !s.is_empty()) {
                entry.fields.push(("logger".into(), source.into()));
            }
            served(&mut entry);
            return Some(entry);
        }
        if !line.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        let (at, rest) = stamp(line, context)?;
        let (name, rest) = group(rest.strip_prefix(' ')?, '[', ']')?;
        let level = three(name)?;
        let mut entry = Entry { at: Some(at), level, message: rest.trim_start().into(), ..Entry::default() };
        served(&mut entry);
        Some(entry)
    }
}

/// `HTTP POST /orders responded 500 in 12.3456 ms` of Serilog's request logging: an entry of the ledger.
fn served(entry: &mut Entry<'_>) {
    let Cow::Borrowed(message) = entry.message else { return };
    let Some(rest) = message.strip_prefix("HTTP ").or_else(|| message.strip_prefix("HTTP \"")) else {
        return;
    };
    let mut words = rest.split(' ').map(|w| w.trim_matches('"'));
    let (Some(method), Some(target), Some("responded"), Some(status)) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return;
    };
    if !crate::mention::is_method(method) {
        return;
    }
    let took = words.nth(1).and_then(|t| t.parse::<f64>().ok()).filter(|t| (0.0..1e9).contains(t));
    entry.request = Some(RequestRef {
        method: method.into(),
        target: target.into(),
        status: status.parse().ok(),
        duration_us: took.map(|ms| (ms * 1000.0) as u64),
        ..RequestRef::default()
    });
}

impl LineFormat for NLog {
    fn name(&self) -> &'static str {
        "nlog"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        if !line.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        let (at, rest) = stamp(line, context)?;
        let mut rest = rest.strip_prefix('|')?;
        let mut columns = [""; 2];
        let mut found = Level::Unknown;
        // time|[event id|]LEVEL|logger|message
        for column in &mut columns {
            let (first, after) = rest.split_once('|')?;
            *column = first;
            rest = after;
            if let Some(l) = level(first) {
                found = l;
                break;
            }
        }
        if found == Level::Unknown {
            return None;
        }
        let mut entry = Entry { at: Some(at), level: found, ..Entry::default() };
        let mut message = rest;
        if let Some((logger, after)) = rest.split_once('|')
            && !logger.is_empty()
            && !logger.contains(' ')
        {
            entry.fields.push(("logger".into(), logger.into()));
            message = after;
        }
        // NLog.Web's layout ends in "|url: http://host/x|action: Name".
        if let Some((said, tail)) = message.split_once("|url: ").or_else(|| message.split_once(" |url: ")) {
            let url = tail.split('|').next().unwrap_or(tail).trim();
            let (host, target) = split_url(url);
            if target.starts_with('/') {
                entry.request = Some(RequestRef {
                    target: target.into(),
                    host: host.map(Into::into),
                    ..RequestRef::default()
                });
            }
            message = said.trim_end();
        }
        entry.message = message.into();
        Some(entry)
    }
}

impl LineFormat for AspNetEvent {
    fn name(&self) -> &'static str {
        "asp.net event"
    }

    fn read<'a>(&self, line: &'a str, _: &Context) -> Option<Entry<'a>> {
        let rest = line.strip_prefix("Event code: ")?;
        if !rest.trim_end().bytes().take(6).all(|c| c.is_ascii_digit()) || rest.is_empty() {
            return None;
        }
        // 3000 and above are errors of requests (WebRequestErrorEvent 3005), 1xxx lifetime, 4xxx audits.
        let level = if rest.starts_with('3') { Level::Error } else { Level::Info };
        Some(Entry { level, message: line.into(), ..Entry::default() })
    }
}

impl LineFormat for WindowsEvent {
    fn name(&self) -> &'static str {
        "windows event"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        let Some(log) = line.strip_prefix("Log Name:") else { return saved_event(line, context) };
        let is_named = log.starts_with([' ', '\t']) && !log.trim().is_empty() && log.len() < 100;
        is_named.then(|| Entry { message: line.into(), ..Entry::default() })
    }
}

/// What Event Viewer saves as text: level, date and time, source, event, task category and, in quotes if it has several lines, what.
fn saved_event<'a>(line: &'a str, context: &Context) -> Option<Entry<'a>> {
    let (word, rest) = line.split_once('\t')?;
    let level = match word {
        "Critical" => Level::Fatal,
        "Error" => Level::Error,
        "Warning" => Level::Warn,
        "Information" => Level::Info,
        "Verbose" => Level::Debug,
        _ => return None,
    };
    let mut columns = rest.splitn(5, '\t');
    let (date, source, event, _category) =
        (columns.next()?, columns.next()?, columns.next()?, columns.next()?);
    let (at, "") = stamp(date, context)? else { return None };
    let message = columns.next().unwrap_or("");
    let is_number = !event.is_empty() && event.bytes().all(|b| b.is_ascii_digit());
    (is_number && !source.is_empty()).then(|| Entry {
        at: Some(at),
        level,
        message: message.strip_prefix('"').unwrap_or(message).into(),
        fields: vec![("logger".into(), source.into()), ("event".into(), event.into())],
        ..Entry::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::of;

    #[test]
    fn event_viewer_saves_columns() {
        let e = of(
            &WindowsEvent,
            "Error\t11/24/2026 8:15:10 AM\tIIS AspNetCore Module V2\t1018\tNone\t\"Application '/LM/W3SVC/2/ROOT' hit unexpected managed exception",
        );
        assert_eq!((e.level, e.at.unwrap().0.to_string().as_str()), (Level::Error, "2026-11-24T08:15:10Z"));
        assert_eq!(e.message, "Application '/LM/W3SVC/2/ROOT' hit unexpected managed exception");
        assert_eq!(
            e.fields,
            [("logger".into(), "IIS AspNetCore Module V2".into()), ("event".into(), "1018".into())]
        );
        for line in
            ["Error\tyes\tx\t1\tNone\tno", "Error\t11/24/2026 8:15:10 AM\tx\tnone\tNone\tno", "Error\t"]
        {
            assert!(WindowsEvent.read(line, &Context::default()).is_none(), "{line}");
        }
    }

    #[test]
    fn the_console_logger_heads_its_message() {
        let e = of(&DotnetConsole, "fail: Microsoft.AspNetCore.Server.Kestrel[13]");
        assert_eq!((e.level, e.message.as_ref(), e.at), (Level::Error, "", None));
        assert_eq!(
            e.fields,
            [("logger".into(), "Microsoft.AspNetCore.Server.Kestrel".into()), ("event".into(), "13".into())]
        );
        let e = of(&DotnetConsole, "2026-11-24 07:05:03 fail: Shop.Orders[0] charge failed");
        assert_eq!(
            (e.at.unwrap().0.to_string().as_str(), e.message.as_ref()),
            ("2026-11-24T07:05:03Z", "charge failed")
        );
        let e = of(&DotnetConsole, "<3>Shop.Orders[0] charge failed");
        assert_eq!((e.level, e.message.as_ref()), (Level::Error, "charge failed"));
        assert_eq!(of(&DotnetConsole, "[07:05:03] warn: Shop.Orders[0]").level, Level::Warn);
    }

    #[test]
    fn serilog_and_its_request_lines() {
        let e = of(
            &Serilog,
            "2026-11-24 07:05:03.123 +01:00 [ERR] An unhandled exception has occurred while executing the request.",
        );
        assert_eq!(
            (e.level, e.at.unwrap().0.to_string().as_str()),
            (Level::Error, "2026-11-24T06:05:03.123Z")
        );
        let e = of(&Serilog, "[07:05:03 ERR] HTTP POST /orders responded 500 in 12.3456 ms");
        let r = e.request.unwrap();
        assert_eq!(
            (r.method.as_ref(), r.target.as_ref(), r.status, r.duration_us),
            ("POST", "/orders", Some(500), Some(12_345))
        );
        assert_eq!(of(&Serilog, "[07:05:03 WRN Shop.Orders] slow").message, "slow");
    }

    #[test]
    fn nlog_names_the_url() {
        let e = of(
            &NLog,
            "2026-11-24 07:05:03.1234|ERROR|Shop.Controllers.OrdersController|charge failed|url: http://shop.example/orders?x=1|action: Post",
        );
        assert_eq!((e.level, e.message.as_ref()), (Level::Error, "charge failed"));
        assert_eq!(e.request.map(|r| r.target.into_owned()).as_deref(), Some("/orders?x=1"));
        let e =
            of(&NLog, "2026-11-24 07:05:03.1234|13|ERROR|Microsoft.AspNetCore|boom System.Exception: x|y");
        assert_eq!((e.level, e.message.as_ref()), (Level::Error, "boom System.Exception: x|y"));
        assert_eq!(of(&AspNetEvent, "Event code: 3005").level, Level::Error);
    }

    #[test]
    fn lines_of_others_are_refused() {
        let formats: [&dyn LineFormat; 4] = [&DotnetConsole, &Serilog, &NLog, &AspNetEvent];
        for l in [
            "",
            "fail: x",
            "info: Server started [1]",
            "<b>x",
            "[07:05:03] x",
            "2026-11-24 07:05:03 [error] x",
            "2026-11-24 07:05:03|x",
            "Event code: x",
            "é",
            "warn: disk[0",
        ] {
            for f in formats {
                assert!(f.read(l, &Context::default()).is_none(), "{} {l}", f.name());
            }
        }
    }
}
