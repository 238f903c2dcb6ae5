//! uWSGI's own lines among those of the app.
//!
//! ```text
//! *** Starting uWSGI 2.0.21-debian (64bit) on [Tue Nov 24 08:03:07 2026] ***
//! Tue Nov 24 08:03:14 2026 - *** HARAKIRI ON WORKER 1 (pid: 9741, try: 1) ***
//! DAMN ! worker 1 (pid: 9741) died, killed by signal 9 :( trying respawn ...
//! uwsgi socket 0 bound to TCP address 127.0.0.1:8216 fd 3
//! ```
//!
//! Source: uWSGI `core/master_utils.c`, `core/uwsgi.c`, `core/socket.c`. `uwsgi_log` writes no time,
//! `uwsgi_log_verbose` one in front; `--log-date` puts one before each.

use super::stamp;
use crate::{Context, Entry, LineFormat};
use record::{Level, Mark};

/// Beginnings of lines that uWSGI writes itself, with their level.
const OPENINGS: &[(&str, Level)] = &[
    ("*** ", Level::Notice),
    ("DAMN ! ", Level::Error),
    ("OOOPS ", Level::Error),
    ("OOPS ", Level::Error),
    ("VACUUM: ", Level::Info),
    ("HARAKIRI ", Level::Error),
    ("F*CK ", Level::Error),
    ("!!! ", Level::Error),
    ("spawned uWSGI ", Level::Info),
    ("Respawned uWSGI ", Level::Notice),
    ("worker ", Level::Info),
    ("uwsgi socket ", Level::Info),
    ("uWSGI worker ", Level::Error),
    ("uwsgi_", Level::Error),
    ("SIGINT/SIGTERM received", Level::Notice),
    ("SIGINT/SIGQUIT received", Level::Notice),
    ("goodbye to uWSGI", Level::Notice),
    ("...gracefully killing workers", Level::Notice),
    ("WSGI app 0 ", Level::Info),
    ("unable to load app ", Level::Error),
    ("unable to load configuration", Level::Error),
    ("no python application found", Level::Error),
    ("--- no python application found", Level::Error),
    ("chain next victim is worker", Level::Notice),
    ("announcing my loyalty", Level::Info),
    ("your server socket listen backlog", Level::Info),
    ("Gracefully killing worker ", Level::Notice),
    ("threads support enabled", Level::Info),
    ("SIGPIPE: writing to a closed pipe/socket/fd", Level::Warn),
    ("[uwsgi] ", Level::Info),
    ("[uWSGI] ", Level::Info),
    ("[deadlock-detector] ", Level::Error),
];

/// uWSGI's own words.
pub(super) struct Uwsgi;

impl LineFormat for Uwsgi {
    fn name(&self) -> &'static str {
        "uwsgi"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        let first = *line.as_bytes().first()?;
        // "Tue Nov 24 08:03:14 2026 - message"
        if first.is_ascii_uppercase()
            && line.as_bytes().get(3) == Some(&b' ')
            && line.as_bytes().get(24..27) == Some(b" - ")
            && let Some((at, rest)) = stamp(line, context)
            && let Some(message) = rest.strip_prefix(" - ")
        {
            let level =
                OPENINGS.iter().find(|(o, _)| message.starts_with(o)).map_or(Level::Info, |(_, l)| *l);
            return Some(entry(message, if is_alarm(message) { Level::Error } else { level }, Some(at)));
        }
        let (_, level) = OPENINGS.iter().find(|(o, _)| line.starts_with(o))?;
        // Stars, "worker N" and the like are common openings: what follows must be uWSGI's.
        if matches!(first, b'*' | b'w' | b'!') && !is_uwsgis(line) {
            return None;
        }
        let mut e = entry(line, if is_alarm(line) { Level::Error } else { *level }, None);
        if let Some(inner) = line.split_once("on [").and_then(|(_, i)| i.split_once(']')).map(|(i, _)| i) {
            e.at = stamp(inner, context).map(|(at, _)| at);
        }
        Some(e)
    }
}

fn is_alarm(line: &str) -> bool {
    line.contains("HARAKIRI ON")
        || line.contains("listen queue of socket")
        || line.contains("backtrace of")
        || line.contains("segmentation fault")
}

fn is_uwsgis(line: &str) -> bool {
    [
        "uWSGI",
        "HARAKIRI",
        "Operational MODE",
        "Python threads",
        "listen queue",
        "backtrace of",
        "segmentation fault",
        "respawn",
        "buried",
        "WARNING: you",
        "killed",
        "no app loaded",
        "uWSGI listen",
        "has been manually disabled",
    ]
    .iter()
    .any(|w| line.contains(w))
}

fn entry(message: &str, level: Level, at: Option<(record::Time, record::Zone)>) -> Entry<'_> {
    let pid = message
        .split_once("(pid: ")
        .map(|(_, r)| r.bytes().take_while(u8::is_ascii_digit).count())
        .and_then(|n| {
            let (_, rest) = message.split_once("(pid: ")?;
            rest.get(..n).filter(|p| !p.is_empty())
        });
    let mark = if message.starts_with("*** Starting uWSGI") {
        Some(Mark::Started("uWSGI".into()))
    } else if let Some(bound) =
        message.strip_prefix("uwsgi socket ").and_then(|m| m.split_once("bound to ")).map(|(_, b)| b)
    {
        let place =
            bound.trim_start_matches("TCP address ").trim_start_matches("UNIX address ").split(' ').next();
        place.filter(|p| p.contains([':', '/'])).map(|p| Mark::Listening(p.to_owned()))
    } else if message.starts_with("DAMN ! ")
        || message.starts_with("uWSGI worker ") && message.contains("died")
    {
        Some(Mark::Died(
            message.get(7..).unwrap_or(message).split(" :( ").next().unwrap_or(message).to_owned(),
        ))
    } else if message.starts_with("SIGINT/SIG") || message.starts_with("goodbye to uWSGI") {
        Some(Mark::Stopped("uWSGI".into()))
    } else if message.starts_with("...gracefully killing") || message.starts_with("[uWSGI] getting") {
        Some(Mark::ConfigChange("uWSGI reload".into()))
    } else {
        None
    };
    Entry { at, level, pid: pid.map(Into::into), message: message.into(), mark, ..Entry::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Option<Entry<'_>> {
        Uwsgi.read(line, &Context::default())
    }

    #[test]
    fn births_and_deaths_of_workers() {
        let e = read("*** Starting uWSGI 2.0.21-debian (64bit) on [Tue Nov 24 08:03:07 2026] ***").unwrap();
        assert_eq!(
            (e.at.unwrap().0.to_string(), e.mark),
            ("2026-11-24T08:03:07Z".into(), Some(Mark::Started("uWSGI".into())))
        );
        let e = read("Tue Nov 24 08:03:14 2026 - *** HARAKIRI ON WORKER 1 (pid: 9741, try: 1) ***").unwrap();
        assert_eq!((e.level, e.pid.as_deref()), (Level::Error, Some("9741")));
        assert_eq!(e.at.unwrap().0.to_string(), "2026-11-24T08:03:14Z");
        let e = read("DAMN ! worker 1 (pid: 9741) died, killed by signal 9 :( trying respawn ...").unwrap();
        assert_eq!(e.mark, Some(Mark::Died("worker 1 (pid: 9741) died, killed by signal 9".into())));
        assert!(e.at.is_none());
        let e = read("uwsgi socket 0 bound to TCP address 127.0.0.1:8216 fd 3").unwrap();
        assert_eq!(e.mark, Some(Mark::Listening("127.0.0.1:8216".into())));
        let e = read("*** uWSGI listen queue of socket \"127.0.0.1:8216\" (fd: 3) full !!! (101/100) ***")
            .unwrap();
        assert_eq!(e.level, Level::Error);
    }

    #[test]
    fn the_apps_lines_are_not_uwsgis() {
        for l in [
            "*** begin of report ***",
            "worker 3 of pool started",
            "WARNING:routeplan:no way from 2 to 3",
            "! x",
            "Traceback (most recent call last):",
            "",
        ] {
            assert!(read(l).is_none(), "{l}");
        }
    }
}
