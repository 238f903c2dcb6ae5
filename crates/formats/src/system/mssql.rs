//! SQL Server's ERRORLOG.
//!
//! ```text
//! 2026-11-24 07:05:11.83 Logon       Error: 18456, Severity: 14, State: 8.
//! 2026-11-24 07:05:11.83 spid51      Transaction (Process ID 51) was deadlocked on lock resources …
//! ```
//!
//! Source: SQL Server documentation, "View the SQL Server error log": time to hundredths, source padded to
//! 12.

use super::stamp;
use crate::{Context, Entry, LineFormat};
use record::Level;

/// SQL Server.
pub(super) struct Mssql;

impl LineFormat for Mssql {
    fn name(&self) -> &'static str {
        "mssql"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        let b = line.as_bytes();
        if b.get(10) != Some(&b' ') || b.get(19) != Some(&b'.') || b.get(22) != Some(&b' ') {
            return None;
        }
        let (source, rest) = line.get(23..)?.split_once(' ')?;
        let spid =
            source.strip_prefix("spid").is_some_and(|n| n.bytes().next().is_some_and(|c| c.is_ascii_digit()));
        if !spid && !matches!(source, "Logon" | "Server" | "Backup" | "Error") {
            return None;
        }
        let (at, _) = stamp(line, context)?;
        let message = rest.trim_start_matches(' ');
        // "Error: 18456, Severity: 14, State: 8.": from 11 on it is an error, from 20 on the connection is
        // gone.
        let severity =
            message.split_once("Severity: ").and_then(|(_, s)| s.split(',').next()?.parse::<u8>().ok());
        let level = match severity {
            Some(20..) => Level::Fatal,
            Some(11..) => Level::Error,
            _ if message.starts_with("Login failed") || message.contains("deadlock") => Level::Error,
            _ => Level::Info,
        };
        Some(Entry {
            at: Some(at),
            level,
            pid: Some(source.into()),
            message: message.into(),
            ..Entry::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severity_decides() {
        let c = Context::default();
        let e = Mssql
            .read("2026-11-24 07:05:11.83 Logon       Error: 18456, Severity: 14, State: 8.", &c)
            .unwrap();
        assert_eq!((e.level, e.message.as_ref()), (Level::Error, "Error: 18456, Severity: 14, State: 8."));
        let e = Mssql.read("2026-11-24 07:05:11.83 spid51s     Starting up database 'shop'.", &c).unwrap();
        assert_eq!((e.level, e.pid.as_deref()), (Level::Info, Some("spid51s")));
        for l in ["2026-11-24 07:05:11.83 INFO x", "2026-11-24 07:05:11.835 Server x", ""] {
            assert!(Mssql.read(l, &c).is_none(), "{l}");
        }
    }
}
