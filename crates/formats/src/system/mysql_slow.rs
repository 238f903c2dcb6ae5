//! The slow query log of MySQL and MariaDB.
//!
//! ```text
//! # Time: 2026-11-24T07:05:11.678222Z
//! # User@Host: shop[shop] @ web1 [10.0.0.5]  Id:     2
//! # Query_time: 12.011853  Lock_time: 11.542000  Rows_sent: 268  Rows_examined: 1000268
//! SELECT …;
//! ```
//!
//! Source: MySQL manual "The Slow Query Log", MariaDB `sql/log.cc`. A new `# Time:` is written only when the
//! second changed (MariaDB), so `# User@Host:` begins an entry too where it does not follow one.

use super::stamp;
use crate::{Context, Entry, LineFormat};
use record::Level;

/// Slow queries.
pub(super) struct MysqlSlow;

impl LineFormat for MysqlSlow {
    fn name(&self) -> &'static str {
        "mysql slow"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        let date = line.strip_prefix("# Time: ")?;
        let (at, "") = stamp(date.trim_end(), context)? else { return None };
        Some(Entry { at: Some(at), level: Level::Info, message: line.into(), ..Entry::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_of_the_time() {
        let c = Context::default();
        for l in ["# Time: 2026-11-24T07:05:11Z", "# Time: 261124  7:05:11"] {
            assert_eq!(
                MysqlSlow.read(l, &c).unwrap().at.unwrap().0.to_string(),
                "2026-11-24T07:05:11Z",
                "{l}"
            );
        }
        assert!(MysqlSlow.read("# Time: soon", &c).is_none());
        assert!(MysqlSlow.read("# Query_time: 1", &c).is_none());
    }
}
