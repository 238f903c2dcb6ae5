//! Python's own layouts: gunicorn and hypercorn, Flask, uvicorn, `basicConfig`, loguru, structlog's console,
//! Celery, Odoo, uWSGI.
//!
//! ```text
//! [2026-11-24 07:20:05 +0000] [17398] [ERROR] Exception in worker process
//! [2026-11-24 07:11:40,147] ERROR in app: Exception on /invoices/7/pay [POST]
//! ERROR:    Exception in ASGI application
//! ERROR:root:payment failed
//! 2026-11-24 07:30:12.123 | ERROR    | shop.cart:total:42 - no price
//! 2026-11-24 07:30:12 [error    ] request_failed                 method=POST path=/checkout request_id=a1ffea34db39b0ac
//! [2026-11-24 07:30:12,123: ERROR/ForkPoolWorker-1] Task shop.tasks.mail[5f0c-…] raised unexpected: OSError()
//! 2026-11-24 07:30:12,123 1234 ERROR shopdb odoo.http: Exception during request handling.
//! [E 261124 08:05:02 web:1871] Uncaught exception GET /baskets/7 (198.51.100.201)
//! Tue Nov 24 08:03:35 2026 - *** HARAKIRI ON WORKER 3 (pid: 10234, try: 1) ***
//! ```
//!
//! Sources: gunicorn `glogging.py`, `flask/logging.py`, `uvicorn/logging.py` (`levelprefix`),
//! `logging.BASIC_FORMAT`, loguru's
//! `LOGURU_FORMAT`, `structlog.dev.ConsoleRenderer`, `celery/app/defaults.py` (`worker_log_format`),
//! `odoo/netsvc.py`, `tornado/log.py` (also Jupyter's),
//! uWSGI `core/logging.c`. All other layouts of `logging` are read by `general.rs`.

use super::pairs;
use super::prefix::{bracketed_stamp, group, is_request_id, level, loud_level, process, stamp, word};
use crate::{Context, Entry, LineFormat, RequestRef};
use record::Level;

/// gunicorn and hypercorn.
pub(super) struct Gunicorn;
/// Flask's default handler.
pub(super) struct Flask;
/// uvicorn's default handler.
pub(super) struct Uvicorn;
/// `logging.basicConfig()` without a format.
pub(super) struct BasicConfig;
/// loguru.
pub(super) struct Loguru;
/// structlog's console renderer.
pub(super) struct Structlog;
/// Celery's workers.
pub(super) struct Celery;
/// Odoo.
pub(super) struct Odoo;
/// Tornado's, and Jupyter's.
pub(super) struct Tornado;
/// uWSGI's own lines.
pub(super) struct Uwsgi;

impl LineFormat for Gunicorn {
    fn name(&self) -> &'static str {
        "gunicorn"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        let (at, rest) = bracketed_stamp(line, context)?;
        let (pid, rest) = group(rest.strip_prefix(' ')?, '[', ']')?;
        let (name, rest) = group(rest.strip_prefix(' ')?, '[', ']')?;
        let pid = process(pid).filter(|p| p.len() == pid.len())?;
        let (level, _) = loud_level(name)?;
        Some(Entry {
            at: Some(at),
            level,
            pid: Some(pid.into()),
            message: rest.strip_prefix(' ').unwrap_or(rest).into(),
            ..Entry::default()
        })
    }
}

impl LineFormat for Flask {
    fn name(&self) -> &'static str {
        "flask"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        let (at, rest) = bracketed_stamp(line, context)?;
        let (level, rest) = loud_level(rest.strip_prefix(' ')?)?;
        let (module, message) = rest.strip_prefix(" in ")?.split_once(": ")?;
        if module.contains(' ') {
            return None;
        }
        Some(Entry {
            at: Some(at),
            level,
            message: message.into(),
            fields: vec![("logger".into(), module.into())],
            ..Entry::default()
        })
    }
}

impl LineFormat for Uvicorn {
    fn name(&self) -> &'static str {
        "uvicorn"
    }

    fn read<'a>(&self, line: &'a str, _: &Context) -> Option<Entry<'a>> {
        // The level, a colon, and blanks up to the tenth column.
        let (level, rest) = loud_level(line)?;
        let message = line.get(10..)?;
        let pad = rest.strip_prefix(':')?;
        let blanks = pad.len() - pad.trim_start_matches(' ').len();
        if line.len() - pad.len() + blanks < 10
            || !matches!(
                level,
                Level::Info | Level::Warn | Level::Error | Level::Fatal | Level::Debug | Level::Trace
            )
        {
            return None;
        }
        // "WARNING:  " and "CRITICAL: " are padded too; "ERROR:  x" with two blanks is PostgreSQL's.
        Some(Entry { level, message: message.into(), ..Entry::default() })
    }
}

impl LineFormat for BasicConfig {
    fn name(&self) -> &'static str {
        "python logging"
    }

    fn read<'a>(&self, line: &'a str, _: &Context) -> Option<Entry<'a>> {
        let (level, rest) = loud_level(line)?;
        let (logger, message) = rest.strip_prefix(':')?.split_once(':')?;
        if logger.is_empty()
            || !logger.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'-'))
        {
            return None;
        }
        Some(Entry {
            level,
            message: message.into(),
            fields: vec![("logger".into(), logger.into())],
            ..Entry::default()
        })
    }
}

impl LineFormat for Loguru {
    fn name(&self) -> &'static str {
        "loguru"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        if !line.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        let (at, rest) = stamp(line, context)?;
        let (name, rest) = rest.strip_prefix(" | ")?.split_once('|')?;
        let level = level(name)?;
        let (place, message) = rest.trim_start().split_once(" - ")?;
        if place.matches(':').count() < 2 || place.contains(' ') {
            return None;
        }
        Some(Entry {
            at: Some(at),
            level,
            message: message.into(),
            fields: vec![("logger".into(), place.into())],
            ..Entry::default()
        })
    }
}

impl LineFormat for Structlog {
    fn name(&self) -> &'static str {
        "structlog"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        if !line.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        let (at, rest) = stamp(line, context)?;
        let (name, rest) = group(rest.strip_prefix(' ')?, '[', ']')?;
        // Levels are padded to the longest: that tells structlog from others.
        if !name.starts_with(|c: char| c.is_ascii_lowercase())
            || name.len() != 9 && !name.ends_with(' ') && name != "critical"
        {
            return None;
        }
        let level = level(name)?;
        let text = rest.strip_prefix(' ')?;
        let (event, found) = pairs::split(text);
        let mut entry = Entry { at: Some(at), level, ..Entry::default() };
        // [logger.name] stands between the event and the pairs.
        let event = match event.strip_suffix(']').and_then(|e| e.rsplit_once(" [")) {
            Some((e, logger)) if !logger.contains(' ') => {
                entry.fields.push(("logger".into(), logger.into()));
                e.trim_end()
            }
            _ => event,
        };
        entry.message = event.into();
        pairs::apply(found, &mut entry);
        pairs::answered(&mut entry);
        Some(entry)
    }
}

impl LineFormat for Celery {
    fn name(&self) -> &'static str {
        "celery"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        let (inner, rest) = group(line, '[', ']')?;
        let (at, more) = stamp(inner, context)?;
        let (name, process) = more.strip_prefix(": ")?.split_once('/')?;
        let level = level(name)?;
        let message = rest.strip_prefix(' ')?;
        let mut entry = Entry { at: Some(at), level, pid: Some(process.into()), ..Entry::default() };
        // Tasks log with their name and id: "shop.tasks.mail[5f0c…]: msg".
        entry.message = message.into();
        if let Some(i) = message.find('[').filter(|i| {
            message.get(..*i).is_some_and(|n| n.contains('.') && !n.trim_start_matches("Task ").contains(' '))
        }) && let Some(id) =
            message.get(i + 1..).and_then(|r| r.split(']').next()).filter(|id| is_request_id(id))
        {
            entry.request = Some(RequestRef { id: Some(id.into()), ..RequestRef::default() });
        }
        Some(entry)
    }
}

impl LineFormat for Odoo {
    fn name(&self) -> &'static str {
        "odoo"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        if !line.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        let (at, rest) = stamp(line, context)?;
        let (pid, rest) = word(rest.strip_prefix(' ')?);
        let (level, rest) = loud_level(rest)?;
        let (database, rest) = word(rest.strip_prefix(' ')?);
        let (logger, message) = rest.split_once(": ")?;
        if pid.is_empty()
            || !pid.bytes().all(|c| c.is_ascii_digit())
            || logger.contains(' ')
            || !logger.contains('.')
        {
            return None;
        }
        let mut fields = vec![("logger".into(), logger.into())];
        if database != "?" {
            fields.push(("database".into(), database.into()));
        }
        Some(Entry {
            at: Some(at),
            level,
            pid: Some(pid.into()),
            message: message.into(),
            fields,
            ..Entry::default()
        })
    }
}

impl LineFormat for Tornado {
    fn name(&self) -> &'static str {
        "tornado"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        let b = line.as_bytes();
        if b.first() != Some(&b'[') || b.get(2) != Some(&b' ') {
            return None;
        }
        let level = level(line.get(1..2)?)?;
        let (at, rest) = stamp(line.get(3..)?, context)?;
        let (place, rest) = rest.strip_prefix(' ')?.split_once(']')?;
        if place.is_empty() || place.contains(' ') {
            return None;
        }
        let message = rest.strip_prefix(' ')?;
        Some(Entry {
            at: Some(at),
            level,
            message: message.into(),
            fields: vec![("logger".into(), place.into())],
            ..Entry::default()
        })
    }
}

impl LineFormat for Uwsgi {
    fn name(&self) -> &'static str {
        "uwsgi"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        // Its lines have a time only with `log-date` and from the master's checks; workers' lives have none.
        const BARE: [&str; 14] = [
            "DAMN ! worker ",
            "Respawned uWSGI worker",
            "spawned uWSGI ",
            "*** Starting uWSGI",
            "worker ",
            "!!! uWSGI process",
            "SIGINT/SIGTERM received",
            "SIGINT/SIGQUIT received",
            "...gracefully killing workers",
            "...brutally killing workers",
            "goodbye to uWSGI",
            "*** uWSGI listen queue",
            "WSGI app ",
            "Gracefully killing worker",
        ];
        let (at, message) = match BARE.iter().find(|b| line.starts_with(**b)) {
            Some(&"worker ")
                if !line.contains("uried")
                    && !line.contains("killed successfully")
                    && !line.contains("lifetime reached") =>
            {
                return None;
            }
            Some(_) => (None, line),
            None => {
                let (at, rest) =
                    stamp(line, context).filter(|_| line.starts_with(|c: char| c.is_ascii_alphabetic()))?;
                let message = rest.strip_prefix(" - ")?;
                if ![
                    "***",
                    "HARAKIRI",
                    "DAMN",
                    "uWSGI",
                    "worker ",
                    "uwsgi_",
                    "SIGPIPE",
                    "OSError",
                    "!!!",
                    "spawned",
                    "Respawned",
                ]
                .iter()
                .any(|s| message.starts_with(s))
                {
                    return None;
                }
                (Some(at), message)
            }
        };
        let level = match () {
            () if message.contains("HARAKIRI")
                || message.starts_with("DAMN")
                || message.starts_with("!!!") =>
            {
                Level::Error
            }
            () if message.starts_with("*** uWSGI listen queue")
                || message.starts_with("uwsgi_")
                || message.starts_with("SIGPIPE") =>
            {
                Level::Warn
            }
            () => Level::Info,
        };
        let pid = message
            .find("pid: ")
            .and_then(|i| message.get(i + 5..))
            .map(|r| r.split(|c: char| !c.is_ascii_digit()).next().unwrap_or(""));
        Some(Entry {
            at,
            level,
            pid: pid.filter(|p| !p.is_empty()).map(Into::into),
            message: message.into(),
            ..Entry::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::of;

    #[test]
    fn servers_write_level_and_process() {
        let e = of(&Gunicorn, "[2026-11-24 07:20:05 +0000] [17398] [ERROR] Exception in worker process");
        assert_eq!(
            (e.level, e.pid.as_deref(), e.message.as_ref()),
            (Level::Error, Some("17398"), "Exception in worker process")
        );
        let e = of(&Uvicorn, "ERROR:    Exception in ASGI application");
        assert_eq!((e.level, e.message.as_ref()), (Level::Error, "Exception in ASGI application"));
        assert_eq!(
            of(&Uvicorn, "WARNING:  Invalid HTTP request received.").message,
            "Invalid HTTP request received."
        );
        assert_eq!(
            of(&Uvicorn, "INFO:     Started server process [24519]").message,
            "Started server process [24519]"
        );
        let e =
            of(&Tornado, "[E 261124 08:05:02 web:1871] Uncaught exception GET /baskets/7 (198.51.100.201)");
        assert_eq!((e.level, e.at.unwrap().0.to_string().as_str()), (Level::Error, "2026-11-24T08:05:02Z"));
        assert_eq!(e.message, "Uncaught exception GET /baskets/7 (198.51.100.201)");
        let e = of(&Uwsgi, "Tue Nov 24 08:03:35 2026 - *** HARAKIRI ON WORKER 3 (pid: 10234, try: 1) ***");
        assert_eq!(
            (e.level, e.pid.as_deref(), e.message.as_ref()),
            (Level::Error, Some("10234"), "*** HARAKIRI ON WORKER 3 (pid: 10234, try: 1) ***")
        );
        let e = of(&Uwsgi, "DAMN ! worker 1 (pid: 10233) died, killed by signal 9 :( trying respawn ...");
        assert_eq!((e.level, e.pid.as_deref(), e.at), (Level::Error, Some("10233"), None));
    }

    #[test]
    fn applications_write_logger_and_message() {
        let e = of(&Flask, "[2026-11-24 07:11:40,147] ERROR in app: Exception on /invoices/7/pay [POST]");
        assert_eq!((e.level, e.message.as_ref()), (Level::Error, "Exception on /invoices/7/pay [POST]"));
        let e = of(&BasicConfig, "ERROR:app.db:could not connect: refused");
        assert_eq!(
            (e.level, e.message.as_ref(), e.fields),
            (Level::Error, "could not connect: refused", vec![("logger".into(), "app.db".into())])
        );
        let e = of(&Loguru, "2026-11-24 07:30:12.123 | ERROR    | shop.cart:total:42 - no price - none");
        assert_eq!((e.level, e.message.as_ref()), (Level::Error, "no price - none"));
        let e = of(
            &Odoo,
            "2026-11-24 07:30:12,123 1234 ERROR shopdb odoo.http: Exception during request handling.",
        );
        assert_eq!(
            (e.level, e.pid.as_deref(), e.message.as_ref()),
            (Level::Error, Some("1234"), "Exception during request handling.")
        );
        let e = of(
            &Celery,
            "[2026-11-24 07:30:12,123: ERROR/ForkPoolWorker-1] Task shop.tasks.mail[86ab05df-61c8-4e26-b504-68b6e6e707f5] raised unexpected: OSError()",
        );
        assert_eq!((e.level, e.pid.as_deref()), (Level::Error, Some("ForkPoolWorker-1")));
        assert_eq!(e.request.unwrap().id.as_deref(), Some("86ab05df-61c8-4e26-b504-68b6e6e707f5"));
    }

    #[test]
    fn structlog_names_the_request_in_pairs() {
        let e = of(
            &Structlog,
            "2026-11-24 07:30:12 [error    ] request_failed                 [shop.views] method=POST path=/checkout request_id=a1ffea34db39b0ac",
        );
        assert_eq!((e.level, e.message.as_ref()), (Level::Error, "request_failed"));
        let r = e.request.unwrap();
        assert_eq!(
            (r.method.as_ref(), r.target.as_ref(), r.id.as_deref(), r.status),
            ("POST", "/checkout", Some("a1ffea34db39b0ac"), None)
        );
        let e = of(
            &Structlog,
            "2026-11-24 07:30:12 [info     ] request                        method=GET path=/x status=500 duration_ms=12",
        );
        assert_eq!(e.request.map(|r| (r.status, r.duration_us)), Some((Some(500), Some(12_000))));
    }

    #[test]
    fn lines_of_others_are_refused() {
        let formats: [&dyn LineFormat; 10] = [
            &Tornado,
            &Gunicorn,
            &Flask,
            &Uvicorn,
            &BasicConfig,
            &Loguru,
            &Structlog,
            &Celery,
            &Odoo,
            &Uwsgi,
        ];
        for l in [
            "",
            "ERROR:  relation \"x\" does not exist",
            "ERROR: x",
            "worker threads: 4",
            "Tue Nov 24 08:03:35 2026 - hello",
            "[2026-11-24 07:20:05] [a] [ERROR] x",
            "2026-11-24 07:30:12 [error] x",
            "WARNING: This is a development server.",
            "é",
        ] {
            for f in formats {
                assert!(f.read(l, &Context::default()).is_none(), "{} {l}", f.name());
            }
        }
    }
}
