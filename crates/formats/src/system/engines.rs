//! Stores whose heads are one line each: Cassandra, ClickHouse, etcd before 3.5, ProxySQL.
//!
//! ```text
//! ERROR [ReadStage-1] 2026-11-24 07:05:11,835 StorageProxy.java:123 - Operation timed out             Cassandra, ScyllaDB tools
//! 2026.11.24 07:05:11.835123 [ 123 ] {c0ffee} <Error> executeQuery: Code: 241. DB::Exception: Memory limit …   ClickHouse
//! 2026-11-24 07:05:11.835123 W | etcdserver: read-only range request took too long                     etcd, flannel (capnslog)
//! 2026-11-24 07:05:11 MySQL_Session.cpp:4567:handler(): [WARNING] Error during query on (1,db1,3306)   ProxySQL
//! ```
//!
//! Sources: Cassandra `conf/logback.xml`, ClickHouse `src/Loggers/OwnPatternFormatter.cpp`, CoreOS
//! `capnslog`, ProxySQL `src/debug.cpp`.

use super::stamp;
use crate::{Context, Entry, LineFormat};
use record::Level;

/// Cassandra.
pub(super) struct Cassandra;

/// ClickHouse.
pub(super) struct Clickhouse;

/// etcd's old logger.
pub(super) struct Capnslog;

/// ProxySQL.
pub(super) struct Proxysql;

impl LineFormat for Cassandra {
    fn name(&self) -> &'static str {
        "cassandra"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        if !line.as_bytes().first()?.is_ascii_uppercase() {
            return None;
        }
        let (word, rest) = line.split_once(' ')?;
        let level = match word {
            "ERROR" | "WARN" | "INFO" | "DEBUG" | "TRACE" => Level::parse(word)?,
            _ => return None,
        };
        let (thread, rest) = rest.trim_start_matches(' ').strip_prefix('[')?.split_once("] ")?;
        let (at, rest) = stamp(rest, context)?;
        let (place, message) = rest.strip_prefix(' ')?.split_once(" - ")?;
        if !place.contains(".java:") || place.contains(' ') {
            return None;
        }
        let mut entry = Entry { at: Some(at), level, message: message.into(), ..Entry::default() };
        entry.fields.push(("thread".into(), thread.into()));
        entry.fields.push(("logger".into(), place.into()));
        Some(entry)
    }
}

impl LineFormat for Clickhouse {
    fn name(&self) -> &'static str {
        "clickhouse"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        if line.as_bytes().get(4) != Some(&b'.') || !line.as_bytes().first()?.is_ascii_digit() {
            return None;
        }
        let (at, rest) = stamp(line, context)?;
        let (thread, rest) = rest.trim_start_matches(' ').strip_prefix('[')?.split_once(']')?;
        let (query, rest) = rest.trim_start_matches(' ').strip_prefix('{')?.split_once('}')?;
        let (level, rest) = rest.trim_start_matches(' ').strip_prefix('<')?.split_once("> ")?;
        let (logger, message) = rest.split_once(": ").unwrap_or(("", rest));
        let mut entry = Entry {
            at: Some(at),
            level: Level::parse(level)?,
            pid: Some(thread.trim().into()),
            service: Some(logger.into()).filter(|_| !logger.is_empty()),
            message: message.into(),
            ..Entry::default()
        };
        if !query.is_empty() {
            entry.fields.push(("query_id".into(), query.into()));
        }
        Some(entry)
    }
}

impl LineFormat for Capnslog {
    fn name(&self) -> &'static str {
        "etcd"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        let bar = memchr::memmem::find(line.as_bytes().get(..line.len().min(48))?, b" | ")?;
        let (head, level) = line.get(..bar)?.rsplit_once(' ')?;
        let level = match level {
            "C" => Level::Fatal,
            "E" => Level::Error,
            "W" => Level::Warn,
            "N" => Level::Notice,
            "I" => Level::Info,
            "D" | "T" => Level::Debug,
            _ => return None,
        };
        let (at, "") = stamp(head, context)? else { return None };
        let rest = line.get(bar + 3..)?;
        let (package, message) = rest.split_once(": ")?;
        Some(Entry {
            at: Some(at),
            level,
            service: Some(package.into()),
            message: message.into(),
            ..Entry::default()
        })
    }
}

impl LineFormat for Proxysql {
    fn name(&self) -> &'static str {
        "proxysql"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        let i = memchr::memmem::find(line.as_bytes().get(..line.len().min(120))?, b"(): [")?;
        let (level, message) = line.get(i + 5..)?.split_once("] ")?;
        let level = Level::parse(level)?;
        let (at, rest) = stamp(line, context)?;
        let place = rest.strip_prefix(' ')?.get(..i.checked_sub(line.len() - rest.len() + 1)?)?;
        if !place.contains(".cpp:") {
            return None;
        }
        let mut entry = Entry { at: Some(at), level, message: message.into(), ..Entry::default() };
        entry.fields.push(("logger".into(), place.into()));
        Some(entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_head_each() {
        let c = Context::default();
        let at = "2026-11-24T07:05:11.835Z";
        let e = Cassandra
            .read(
                "ERROR [ReadStage-1] 2026-11-24 07:05:11,835 StorageProxy.java:123 - Operation timed out",
                &c,
            )
            .unwrap();
        assert_eq!(
            (e.at.unwrap().0.to_string().as_str(), e.level, e.message.as_ref()),
            (at, Level::Error, "Operation timed out")
        );
        let line = "2026.11.24 07:05:11.835000 [ 123 ] {c0ffee} <Error> executeQuery: Code: 241. DB::Exception: Memory limit";
        let e = Clickhouse.read(line, &c).unwrap();
        assert_eq!(
            (e.at.unwrap().0.to_string().as_str(), e.level, e.pid.as_deref()),
            (at, Level::Error, Some("123"))
        );
        assert_eq!(e.message, "Code: 241. DB::Exception: Memory limit");
        let e = Capnslog.read("2026-11-24 07:05:11.835000 W | etcdserver: took too long", &c).unwrap();
        assert_eq!(
            (e.level, e.service.as_deref(), e.message.as_ref()),
            (Level::Warn, Some("etcdserver"), "took too long")
        );
        let e = Proxysql
            .read("2026-11-24 07:05:11 MySQL_Session.cpp:4567:handler(): [WARNING] Error during query", &c)
            .unwrap();
        assert_eq!((e.level, e.message.as_ref()), (Level::Warn, "Error during query"));
    }

    #[test]
    fn others_are_refused() {
        let c = Context::default();
        for l in [
            "ERROR [main] 2026-11-24 07:05:11 a - b",
            "2026.11.24 x",
            "2026-11-24 07:05:11 | ERROR | x: y",
            "2026-11-24 07:05:11 f(): [x] y",
            "",
        ] {
            for f in [&Cassandra as &dyn LineFormat, &Clickhouse, &Capnslog, &Proxysql] {
                assert!(f.read(l, &c).is_none(), "{l}");
            }
        }
    }
}
