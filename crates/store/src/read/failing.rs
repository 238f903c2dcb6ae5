//! What rules of alerts look at: the problems that fail lately with their minutes, and the load of services by the minute.

use super::list::{COLUMNS, count, problem_row};
use super::{ProblemRow, Reader};
use crate::error::Result;
use crate::problems::hex;
use crate::state::State;
use record::{SECOND, Time};
use rusqlite::params;

/// A problem as rules look at it.
#[derive(Clone, Debug, PartialEq)]
pub struct Failing {
    /// As in lists.
    pub row: ProblemRow,
    /// Failures by minute since the Unix epoch, first to last; only minutes that have any.
    pub minutes: Vec<(i64, u64)>,
    /// The service with most of its failures; empty if unknown.
    pub service: String,
    /// It was resolved by somebody, not by silence, when it was resolved last.
    pub resolved_by: Option<String>,
}

/// Requests and failures of a service in a minute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Load {
    /// The service; empty if unknown.
    pub service: String,
    /// Minutes since the Unix epoch.
    pub minute: i64,
    /// Requests that went well.
    pub well: u64,
    /// Failures.
    pub failed: u64,
}

impl Reader {
    /// Problems of a project with a failure, or a change of state, since an instant, the latest first, at most `limit`.
    pub fn moving(&self, project: i64, since: Time, limit: usize) -> Result<Vec<ProblemRow>> {
        // Two looks into indexes rather than one through all: states change seldom, and then what fails is mostly in the first.
        let text = format!(
            "SELECT {COLUMNS} FROM problems p WHERE p.project = ?1 AND p.last_seen >= ?2 ORDER BY p.last_seen DESC LIMIT ?3"
        );
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.rows(&text, params![project, since.0, limit], problem_row)
    }

    /// A problem of a project as rules look at it, its minutes from one on; `None` if there is none of that id.
    pub fn failing(&self, project: i64, id: &str, from_minute: i64) -> Result<Option<Failing>> {
        let text = format!("SELECT {COLUMNS} FROM problems p WHERE p.project = ?1 AND p.hex = ?2");
        let found =
            self.row(&text, [project, hex(id)?], |row| Ok((problem_row(row)?, row.get::<_, i64>(19)?)))?;
        let Some((row, number)) = found else { return Ok(None) };
        let minutes = self.rows(
            "SELECT minute, sum(n) FROM counts WHERE problem = ?1 AND minute >= ?2 GROUP BY minute ORDER BY minute",
            [number, from_minute],
            |row| Ok((row.get(0)?, count(row.get(1)?))),
        )?;
        let service = self.row(
            "SELECT COALESCE((SELECT name FROM names WHERE id = s.service), '') FROM totals t JOIN shapes s ON s.id = t.shape
             WHERE t.problem = ?1 GROUP BY s.service ORDER BY sum(t.n) DESC LIMIT 1",
            [number],
            |row| row.get(0),
        )?;
        let resolved_by = self.row(
            "SELECT by FROM states WHERE problem = ?1 AND state = ?2 ORDER BY id DESC LIMIT 1",
            [number, State::Resolved.code()],
            |row| row.get::<_, Option<String>>(0),
        )?;
        Ok(Some(Failing {
            row,
            minutes,
            service: service.unwrap_or_default(),
            resolved_by: resolved_by.flatten(),
        }))
    }

    /// The document of a problem as explained last, `{}` where there is none.
    pub fn explained(&self, project: i64, id: &str) -> Result<String> {
        let document = self.row(
            "SELECT d.document FROM documents d JOIN problems p ON p.id = d.problem WHERE p.project = ?1 AND p.hex = ?2",
            [project, hex(id)?],
            |row| row.get(0),
        )?;
        Ok(document.unwrap_or_else(|| "{}".to_owned()))
    }

    /// What each service of a project had to do in each minute from an instant up to another. Old minutes are summed by the hour.
    pub fn load(&self, project: i64, from: Time, to: Time) -> Result<Vec<Load>> {
        let minute = |at: Time| at.0.div_euclid(60 * SECOND);
        self.rows(
            "SELECT COALESCE((SELECT name FROM names WHERE id = service), ''), minute, sum(well), sum(failed) FROM (
               SELECT s.service, c.minute,
                 CASE WHEN s.status >= 500 OR s.status = 0 THEN 0 ELSE c.n END AS well,
                 CASE WHEN s.status >= 500 OR s.status = 0 THEN c.n ELSE 0 END AS failed
               FROM requests c JOIN shapes s ON s.id = c.shape WHERE c.project = ?1 AND c.minute >= ?2 AND c.minute < ?3
               UNION ALL
               SELECT s.service, c.minute, 0, c.n
               FROM failed c JOIN shapes s ON s.id = c.shape WHERE c.project = ?1 AND c.minute >= ?2 AND c.minute < ?3)
             GROUP BY service, minute ORDER BY minute",
            params![project, minute(from), minute(to)],
            |row| {
                Ok(Load {
                    service: row.get(0)?,
                    minute: row.get(1)?,
                    well: count(row.get(2)?),
                    failed: count(row.get(3)?),
                })
            },
        )
    }
}
