//! Layouts of the JavaScript world: Nest, pino-pretty, bunyan's command line, PM2's own lines, Next.js,
//! Meteor, npm.
//!
//! ```text
//! [Nest] 12738  - 11/24/2026, 7:05:03 AM   ERROR [ExceptionsHandler] Cannot read properties of null (reading 'total')
//! [07:05:03.123] ERROR (wallet/12602 on app2): request errored
//! [2026-11-24T07:05:03.123Z] ERROR: wallet/12602 on app2: Cannot read properties of null
//! 2026-11-24T07:05:15: PM2 log: App [booking:0] exited with code [1] via signal [SIGINT]
//!  ⨯ TypeError: Cannot read properties of undefined (reading 'map')
//! E20261124-07:30:12.123(0)? (server.js:42:9) Exception while invoking method 'orders.add' Error: boom
//! ```
//!
//! Sources: Nest `console-logger.service.ts`, `pino-pretty`, `bunyan` CLI ("long" mode), PM2 `lib/Daemon.js`,
//! Next.js
//! `build/output/log.ts` (its symbols), Meteor `packages/logging`. winston, log4js, tslog and Strapi are read
//! by `general.rs`.

use super::prefix::{Prefix, bracketed_stamp, clock, group, level, loud_level, process, stamp, word};
use crate::{Context, Entry, LineFormat};
use record::Level;

/// Nest's console logger.
pub(super) struct Nest;
/// pino-pretty and bunyan's pretty-printer.
pub(super) struct PinoPretty;
/// PM2's daemon.
pub(super) struct Pm2Daemon;
/// Next.js' console.
pub(super) struct NextJs;
/// Meteor.
pub(super) struct Meteor;

impl LineFormat for Nest {
    fn name(&self) -> &'static str {
        "nest"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        // The name in brackets may be changed: [Nest], [MyApp].
        let (_name, rest) = group(line, '[', ']')?;
        let (pid, rest) = word(rest.strip_prefix(' ')?);
        let pid = process(pid).filter(|p| p.len() == pid.len())?;
        let rest = rest.strip_prefix("- ")?.trim_start_matches('\t');
        let (at, rest) = stamp(rest.trim_start(), context)?;
        let (name, rest) = word(rest.trim_start_matches(['\t', ' ']));
        // Since version 7 the level stands here; before, the context alone did.
        let (level, rest) = match name {
            "LOG" => (Level::Info, rest),
            "VERBOSE" => (Level::Debug, rest),
            _ => match level(name).filter(|_| !name.starts_with('[')) {
                Some(l) => (l, rest),
                None => (
                    Level::Unknown,
                    if name.starts_with('[') {
                        line.get(line.len() - name.len() - rest.len() - 1..)?.trim_start()
                    } else {
                        return None;
                    },
                ),
            },
        };
        let mut prefix = Prefix { at: Some(at), level, pid: Some(pid), ..Prefix::default() };
        let mut message = rest;
        if let Some((inner, after)) = group(rest, '[', ']') {
            prefix.logger = Some(inner);
            message = after.strip_prefix(' ').unwrap_or(after);
        }
        // "+12ms" since the line before.
        let message = match message.rsplit_once(" +") {
            Some((m, took))
                if took
                    .strip_suffix("ms")
                    .is_some_and(|n| !n.is_empty() && n.bytes().all(|c| c.is_ascii_digit())) =>
            {
                m
            }
            _ => message,
        };
        Some(prefix.entry(message))
    }
}

impl LineFormat for PinoPretty {
    fn name(&self) -> &'static str {
        "pino-pretty"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        let (at, rest) = match bracketed_stamp(line, context) {
            Some(found) => found,
            None => {
                let (at, rest) = clock(line.strip_prefix('[')?, context)?;
                (at, rest.strip_prefix(']')?)
            }
        };
        let (level, rest) = loud_level(rest.trim_start())?;
        // bunyan: "ERROR: name/pid on host: msg"; pino: "ERROR (name/pid on host): msg" or "ERROR (pid):
        // msg", "ERROR: msg".
        let rest = rest.strip_prefix(':').unwrap_or(rest).trim_start();
        let (who, message) = match group(rest, '(', ')') {
            Some((who, after)) => {
                (who, after.strip_prefix(':').unwrap_or(after).strip_prefix(' ').unwrap_or(""))
            }
            None => rest.split_once(": ").filter(|(w, _)| w.contains('/') && w.contains(" on "))?,
        };
        let (who, host) = match who.split_once(" on ") {
            Some((w, h)) => (w, Some(h)),
            None => (who, None),
        };
        let (name, pid) = match who.rsplit_once('/') {
            Some((n, p)) => (Some(n), p),
            None => (None, who),
        };
        let pid = process(pid).filter(|p| p.len() == pid.len());
        if pid.is_none() && host.is_none() {
            return None;
        }
        Some(Entry {
            at: Some(at),
            level,
            service: name.filter(|n| !n.is_empty()).map(Into::into),
            node: host.map(Into::into),
            pid: pid.map(Into::into),
            message: message.into(),
            ..Entry::default()
        })
    }
}

impl LineFormat for Pm2Daemon {
    fn name(&self) -> &'static str {
        "pm2"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        if !line.starts_with("20") {
            return None;
        }
        let (at, rest) = stamp(line, context)?;
        let rest = rest.strip_prefix(": PM2 ")?;
        let (level, message) = match rest.strip_prefix("error: ") {
            Some(m) => (Level::Error, m),
            None => (Level::Info, rest.strip_prefix("log: ")?),
        };
        Some(Entry { at: Some(at), level, message: message.into(), ..Entry::default() })
    }
}

impl LineFormat for NextJs {
    fn name(&self) -> &'static str {
        "next.js"
    }

    fn read<'a>(&self, line: &'a str, _: &Context) -> Option<Entry<'a>> {
        // 13.5 and later draw symbols, 13.0 to 13.4 write "- error ".
        const MARKS: [(&str, Level); 11] = [
            ("⨯ ", Level::Error),
            ("⚠ ", Level::Warn),
            ("✓ ", Level::Info),
            ("○ ", Level::Info),
            ("▲ ", Level::Info),
            ("- error ", Level::Error),
            ("- warn ", Level::Warn),
            ("- info ", Level::Info),
            ("- event ", Level::Info),
            ("- ready ", Level::Info),
            ("- wait ", Level::Info),
        ];
        let text = line.trim_start();
        let (mark, level) = MARKS.iter().find(|(m, _)| text.starts_with(m))?;
        // Frames and lists are indented deeper than by the one blank that Next writes.
        (line.len() - text.len() <= 1).then_some(())?;
        Some(Entry {
            level: *level,
            message: text.get(mark.len()..)?.trim_start().into(),
            ..Entry::default()
        })
    }
}

impl LineFormat for Meteor {
    fn name(&self) -> &'static str {
        "meteor"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        let level = match line.bytes().next()? {
            b'I' => Level::Info,
            b'W' => Level::Warn,
            b'E' => Level::Error,
            b'D' => Level::Debug,
            _ => return None,
        };
        if line.as_bytes().get(9) != Some(&b'-') {
            return None;
        }
        let (at, rest) = stamp(line.get(1..)?, context)?;
        let (_zone, rest) = group(rest, '(', ')')?;
        let message = rest.trim_start_matches('?').trim_start();
        Some(Entry { at: Some(at), level, message: message.into(), ..Entry::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::of;

    #[test]
    fn nest_without_its_colours() {
        let e = of(
            &Nest,
            "[Nest] 12738  - 11/24/2026, 7:05:03 AM   ERROR [ExceptionsHandler] Cannot read properties of null (reading 'total')",
        );
        assert_eq!(
            (e.level, e.pid.as_deref(), e.message.as_ref()),
            (Level::Error, Some("12738"), "Cannot read properties of null (reading 'total')")
        );
        assert_eq!(
            (e.at.unwrap().0.to_string().as_str(), e.fields),
            ("2026-11-24T07:05:03Z", vec![("logger".into(), "ExceptionsHandler".into())])
        );
        let e = of(
            &Nest,
            "[Nest] 12738  - 11/24/2026, 7:05:03 AM     LOG [NestFactory] Starting Nest application... +12ms",
        );
        assert_eq!((e.level, e.message.as_ref()), (Level::Info, "Starting Nest application..."));
        let e = of(&Nest, "[Nest] 12738   - 11/24/2026, 7:05:03 AM   [ExceptionsHandler] boom");
        assert_eq!((e.level, e.message.as_ref()), (Level::Unknown, "boom"));
    }

    #[test]
    fn pretty_printers_name_program_and_host() {
        let e = of(&PinoPretty, "[07:05:03.123] ERROR (wallet/12602 on app2): request errored");
        assert_eq!(
            (e.level, e.service.as_deref(), e.pid.as_deref(), e.node.as_deref(), e.message.as_ref()),
            (Level::Error, Some("wallet"), Some("12602"), Some("app2"), "request errored")
        );
        let e = of(&PinoPretty, "[2026-11-24T07:05:03.123Z] ERROR: wallet/12602 on app2: Cannot read");
        assert_eq!((e.pid.as_deref(), e.message.as_ref()), (Some("12602"), "Cannot read"));
        let e = of(&PinoPretty, "[2026-11-24 07:05:03.123 +0000] INFO (12602): up");
        assert_eq!((e.pid.as_deref(), e.message.as_ref()), (Some("12602"), "up"));
    }

    #[test]
    fn managers_and_frameworks() {
        let e = of(
            &Pm2Daemon,
            "2026-11-24T07:05:15: PM2 log: App [booking:0] exited with code [1] via signal [SIGINT]",
        );
        assert_eq!(
            (e.level, e.message.as_ref()),
            (Level::Info, "App [booking:0] exited with code [1] via signal [SIGINT]")
        );
        let e = of(&NextJs, " ⨯ TypeError: Cannot read properties of undefined (reading 'map')");
        assert_eq!(
            (e.level, e.message.as_ref()),
            (Level::Error, "TypeError: Cannot read properties of undefined (reading 'map')")
        );
        assert_eq!(of(&NextJs, "- error TypeError: x").message, "TypeError: x");
        let e = of(
            &Meteor,
            "E20261124-07:30:12.123(0)? (server.js:42:9) Exception while invoking method 'orders.add' Error: boom",
        );
        assert_eq!(
            (e.level, e.message.as_ref()),
            (Level::Error, "(server.js:42:9) Exception while invoking method 'orders.add' Error: boom")
        );
    }

    #[test]
    fn lines_of_others_are_refused() {
        let formats: [&dyn LineFormat; 5] = [&Nest, &PinoPretty, &Pm2Daemon, &NextJs, &Meteor];
        for l in [
            "",
            "[x] 1 - y",
            "[2026-11-24 07:05:03] ERROR boom",
            "[2026-11-24 07:05:03] ERROR (x): y",
            "- item",
            "    ⨯ deep",
            "E20261124",
            "2026-11-24T07:05:15: x",
            "é",
        ] {
            for f in formats {
                assert!(f.read(l, &Context::default()).is_none(), "{} {l}", f.name());
            }
        }
    }
}
