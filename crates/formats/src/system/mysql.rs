//! The error logs of MySQL and MariaDB.
//!
//! ```text
//! 2026-11-24  7:05:11 0 [Note] InnoDB: Using io_uring                            MariaDB since 10.1
//! 2026-11-24T07:05:11.835618Z 0 [Warning] [MY-010068] [Server] CA certificate …  MySQL since 8.0
//! 2026-11-24T07:05:11.835618Z 12 [Note] Aborted connection 12 to db: 'shop' …    MySQL 5.7
//! 261124  7:05:11 [ERROR] Can't start server: Bind on TCP/IP port                5.5 and before
//! ```
//!
//! Sources: MySQL manual "Error Log Output Format", MariaDB `sql/log.cc` (`print_buffer_to_file`:
//! `%d-%02d-%02d %2d:%02d:%02d %lu [%s]`). The hour is padded with a blank in MariaDB, which tells the two
//! apart before ten o'clock; a line with `T` is MySQL's.

use super::stamp;
use crate::{Context, Entry, LineFormat};
use record::Level;

/// MySQL.
pub(super) struct Mysql;

/// MariaDB.
pub(super) struct Mariadb;

impl LineFormat for Mysql {
    fn name(&self) -> &'static str {
        "mysql"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        if line.as_bytes().get(10) != Some(&b'T') {
            return None;
        }
        read_line(line, context)
    }
}

impl LineFormat for Mariadb {
    fn name(&self) -> &'static str {
        "mariadb"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        let b = line.as_bytes();
        if b.get(10) == Some(&b' ') {
            return read_line(line, context);
        }
        // 261124  7:05:11 [ERROR] …; 261124 07:05:11 mysqld_safe Starting …
        if b.get(6) != Some(&b' ') || b.get(9) != Some(&b':') || !b.first()?.is_ascii_digit() {
            return None;
        }
        let (at, rest) = stamp(line, context)?;
        let rest = rest.trim_start_matches(' ');
        let (level, message) = match level(rest) {
            Some(found) => found,
            None => (Level::Info, rest),
        };
        let known = level != Level::Info
            || ["mysqld_safe", "InnoDB:", "mysqld "].iter().any(|w| rest.starts_with(w))
            || rest.len() > message.len();
        known.then(|| Entry { at: Some(at), level, message: message.into(), ..Entry::default() })
    }
}

fn read_line<'a>(line: &'a str, context: &Context) -> Option<Entry<'a>> {
    if !line.as_bytes().first()?.is_ascii_digit() {
        return None;
    }
    let (at, rest) = stamp(line, context)?;
    let rest = rest.trim_start_matches(' ');
    // The connection's id, or the process id in MySQL 5.6, then the level in brackets.
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let thread = rest.get(..digits).filter(|t| !t.is_empty())?;
    let after = rest.get(digits..)?.strip_prefix(' ')?;
    if !after.starts_with('[') {
        // A dump of InnoDB begins so: "2026-11-24  8:05:02 7 InnoDB: …", "2026-11-24 08:05:02 0x7f1c *** (1)
        // TRANSACTION:".
        let dump = after.starts_with("InnoDB: ") || after.starts_with("*** ");
        return dump.then(|| Entry {
            at: Some(at),
            pid: Some(thread.into()),
            message: after.into(),
            ..Entry::default()
        });
    }
    let (level, mut message) = level(after)?;
    let mut entry = Entry { at: Some(at), level, pid: Some(thread.into()), ..Entry::default() };
    // [MY-010068] [Server]
    if let Some((code, more)) = message.strip_prefix("[MY-").and_then(|m| m.split_once("] ")) {
        entry.fields.push(("code".into(), format!("MY-{code}").into()));
        message = more;
        if let Some((subsystem, more)) = message.strip_prefix('[').and_then(|m| m.split_once("] ")) {
            entry.fields.push(("subsystem".into(), subsystem.into()));
            message = more;
        }
    }
    entry.message = message.into();
    Some(entry)
}

/// `[Note] `, `[ERROR] `: the level, and what follows.
fn level(text: &str) -> Option<(Level, &str)> {
    let (name, rest) = text.strip_prefix('[')?.split_once(']')?;
    let level = match name {
        "Note" | "System" => Level::Notice,
        "Warning" => Level::Warn,
        "ERROR" | "Error" => Level::Error,
        _ => return None,
    };
    Some((level, rest.trim_start_matches(' ')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Option<(String, &'static str, Level, String, String)> {
        let c = Context::default();
        let (name, e) = match (Mysql.read(line, &c), Mariadb.read(line, &c)) {
            (Some(e), None) => ("mysql", e),
            (None, Some(e)) => ("mariadb", e),
            _ => return None,
        };
        Some((e.at?.0.to_string(), name, e.level, e.pid.unwrap_or_default().into(), e.message.into()))
    }

    #[test]
    fn every_generation() {
        let s =
            |at: &str, n, l, pid: &str, m: &str| Some((at.to_owned(), n, l, pid.to_owned(), m.to_owned()));
        let at = "2026-11-24T07:05:11Z";
        assert_eq!(
            read("2026-11-24  7:05:11 0 [Note] /usr/sbin/mariadbd: ready for connections."),
            s(at, "mariadb", Level::Notice, "0", "/usr/sbin/mariadbd: ready for connections.")
        );
        assert_eq!(
            read(
                "2026-11-24T07:05:11.000000Z 5 [Warning] [MY-010068] [Server] CA certificate x is self signed."
            ),
            s(at, "mysql", Level::Warn, "5", "CA certificate x is self signed.")
        );
        assert_eq!(
            read("2026-11-24T07:05:11.000000Z 12 [ERROR] Aborting"),
            s(at, "mysql", Level::Error, "12", "Aborting")
        );
        assert_eq!(read("261124  7:05:11 [ERROR] Aborting"), s(at, "mariadb", Level::Error, "", "Aborting"));
        assert_eq!(
            read("261124 07:05:11 mysqld_safe mysqld from pid file x ended"),
            s(at, "mariadb", Level::Info, "", "mysqld_safe mysqld from pid file x ended")
        );
    }

    #[test]
    fn others_are_refused() {
        for l in [
            "2026-11-24 07:00:00 INFO [main] x",
            "2026-11-24T07:05:11Z 5 things [a]",
            "2026-11-24 07:47:00 200 [GET] /",
            "261124 07:05:02 web: x",
            "Version: '10.11.19-MariaDB'  socket: '/x'  port: 8288",
            "",
        ] {
            assert_eq!(read(l), None, "{l}");
        }
    }
}
