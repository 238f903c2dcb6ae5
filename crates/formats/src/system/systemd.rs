//! systemd's words about units, as they stand behind `systemd[1]:`, and pasted alone.
//!
//! ```text
//! php8.2-fpm.service: Main process exited, code=killed, status=9/KILL
//! orders.service: Failed with result 'oom-kill'.
//! orders.service: A process of this unit has been killed by the OOM killer.
//! Started orders.service - Orders API.
//! ```
//!
//! Source: systemd `src/core/service.c`, `src/core/unit.c`, `src/core/job.c`. The unit is the entry's
//! service.

use crate::{Context, Entry, LineFormat};
use record::{Level, Mark};

/// Kinds of units that run something.
const KINDS: [&str; 6] = [".service", ".socket", ".scope", ".timer", ".slice", ".mount"];

/// systemd.
pub(super) struct Systemd;

impl LineFormat for Systemd {
    fn name(&self) -> &'static str {
        "systemd"
    }

    fn read<'a>(&self, line: &'a str, _context: &Context) -> Option<Entry<'a>> {
        let colon = memchr::memchr(b':', line.as_bytes().get(..line.len().min(160))?);
        if let Some((unit, rest)) = colon.and_then(|i| Some((line.get(..i)?, line.get(i + 1..)?)))
            && KINDS.iter().any(|k| unit.ends_with(k))
            && !unit.contains([' ', '/', '"'])
        {
            let message = rest.strip_prefix(' ')?;
            let name = unit.strip_suffix(".service").unwrap_or(unit);
            let (level, mark) = judge(name, message);
            return Some(Entry {
                level,
                service: Some(name.into()),
                message: line.into(),
                mark,
                ..Entry::default()
            });
        }
        let (mark, level, rest) = if let Some(r) = line.strip_prefix("Started ") {
            (Mark::Started as fn(String) -> Mark, Level::Info, r)
        } else if let Some(r) = line.strip_prefix("Stopped ") {
            (Mark::Stopped as fn(String) -> Mark, Level::Info, r)
        } else if let Some(r) = line.strip_prefix("Reloaded ") {
            (Mark::ConfigChange as fn(String) -> Mark, Level::Info, r)
        } else if let Some(r) = line.strip_prefix("Failed to start ") {
            (Mark::Died as fn(String) -> Mark, Level::Error, r)
        } else {
            return None;
        };
        // "Started orders.service - Orders API.": since version 249 the unit is named; before, its
        // description alone.
        let unit = rest.split(' ').next()?.trim_end_matches('.');
        let name = unit.strip_suffix(".service")?;
        let what = if level == Level::Error { format!("{name} failed to start") } else { name.to_owned() };
        Some(Entry {
            level,
            service: Some(name.into()),
            message: line.into(),
            mark: Some(mark(what)),
            ..Entry::default()
        })
    }
}

fn judge(unit: &str, message: &str) -> (Level, Option<Mark>) {
    let died = |how: &str| Some(Mark::Died(format!("{unit} {how}")));
    if let Some(how) = message.strip_prefix("Main process exited, ") {
        // A stop that systemd asked for ends so as well.
        if how.contains("status=0/") || how.contains("status=15/TERM") || how.contains("status=143") {
            return (Level::Notice, Some(Mark::Stopped(unit.to_owned())));
        }
        return (Level::Error, died(how));
    }
    if message.contains("killed by the OOM killer") {
        return (Level::Error, died("killed by the OOM killer"));
    }
    if message.starts_with("Failed with result") || message.starts_with("Start request repeated too quickly")
    {
        return (Level::Error, None);
    }
    if message.starts_with("Scheduled restart job") || message.contains("State 'stop-sigterm' timed out") {
        return (Level::Warn, None);
    }
    if message.starts_with("Deactivated successfully") || message.starts_with("Succeeded.") {
        return (Level::Info, Some(Mark::Stopped(unit.to_owned())));
    }
    (Level::Info, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Option<(String, Level, Option<Mark>)> {
        let e = Systemd.read(line, &Context::default())?;
        Some((e.service?.into(), e.level, e.mark))
    }

    #[test]
    fn deaths_stops_and_starts() {
        let s = |u: &str, l, m| Some((u.to_owned(), l, m));
        assert_eq!(
            read("php8.2-fpm.service: Main process exited, code=killed, status=9/KILL"),
            s("php8.2-fpm", Level::Error, Some(Mark::Died("php8.2-fpm code=killed, status=9/KILL".into())))
        );
        assert_eq!(
            read("orders.service: A process of this unit has been killed by the OOM killer."),
            s("orders", Level::Error, Some(Mark::Died("orders killed by the OOM killer".into())))
        );
        assert_eq!(
            read("orders.service: Deactivated successfully."),
            s("orders", Level::Info, Some(Mark::Stopped("orders".into())))
        );
        assert_eq!(
            read("Started orders.service - Orders API."),
            s("orders", Level::Info, Some(Mark::Started("orders".into())))
        );
        assert_eq!(read("orders.service: Failed with result 'oom-kill'."), s("orders", Level::Error, None));
        assert_eq!(
            read("Failed to start orders.service - Orders API.").unwrap().2,
            Some(Mark::Died("orders failed to start".into()))
        );
    }

    #[test]
    fn others_are_refused() {
        for l in [
            "Started GET \"/products/1\" for 203.0.113.9",
            "com.example.service: boom x",
            "a b.service: x",
            "Stopped",
            "error: x",
            "",
        ] {
            let got = read(l);
            assert!(got.is_none() || l.starts_with("com."), "{l} {got:?}");
        }
    }
}
