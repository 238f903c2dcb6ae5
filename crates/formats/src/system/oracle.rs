//! Oracle's alert log: the time on a line of its own, then what happened.
//!
//! ```text
//! 2026-11-24T07:05:11.835123+00:00
//! ORA-00020: maximum number of processes (300) exceeded
//! Errors in file /u01/…/trace/orcl_ora_123.trc  (incident=1234):
//! ```
//!
//! Source: Oracle "Administrator's Guide", "The Alert Log" (ISO since 12.2, before: `Tue Nov 24 07:05:11
//! 2026`). The lines of text continue the entry that the time began.

use super::stamp;
use crate::{Context, Entry, LineFormat};
use record::Level;

/// The alert log.
pub(super) struct Oracle;

impl LineFormat for Oracle {
    fn name(&self) -> &'static str {
        "oracle alert"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        if line.len() > 40 || !context.file_name.starts_with("alert") {
            return None;
        }
        let (at, "") = stamp(line.trim_end(), context)? else { return None };
        Some(Entry { at: Some(at), level: Level::Unknown, ..Entry::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_alone_begins_an_entry() {
        let c = Context { file_name: "alert_orcl.log".into(), ..Context::default() };
        let e = Oracle.read("2026-11-24T07:05:11.835123+00:00", &c).unwrap();
        assert_eq!(
            (e.at.unwrap().0.to_string().as_str(), e.message.as_ref()),
            ("2026-11-24T07:05:11.835123Z", "")
        );
        assert!(Oracle.read("ORA-00020: maximum number of processes (300) exceeded", &c).is_none());
        assert!(Oracle.read("2026-11-24T07:05:11Z", &Context::default()).is_none());
    }
}
