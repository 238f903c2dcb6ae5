//! One problem with all that is kept of it, its examples, and those like it.

use super::list::{COLUMNS, count, problem_row};
use super::{
    EndpointRow, ExampleRow, FullExample, Note, ProblemFull, ProblemRow, Reader, Revision, StateChange,
    Thought,
};
use crate::error::{Doing, Result};
use crate::problems::{find_problem, hex, id};
use crate::state::State;
use record::Time;
use rusqlite::Row;

/// Problems alike that are named.
const SIMILAR: usize = 20;

impl Reader {
    /// A problem; `None` if there is none of that id.
    ///
    /// All parts are of one instant, even if a commit comes in between.
    pub fn problem(&self, project: i64, id: &str) -> Result<Option<ProblemFull>> {
        let doing = "reading a problem";
        let hex = hex(id)?;
        let whole = self.db.unchecked_transaction().doing(doing)?;
        let text = format!("SELECT {COLUMNS} FROM problems p WHERE p.project = ?1 AND p.hex = ?2");
        let found = self.row(&text, [project, hex], |row| Ok((problem_row(row)?, row.get::<_, i64>(19)?)))?;
        let Some((row, number)) = found else { return Ok(None) };
        let full = ProblemFull {
            row,
            document: self.document(number)?,
            states: self.states(number)?,
            revisions: self.revisions(number)?,
            first_thoughts: self.first_thoughts(number)?,
            notes: self.notes(number)?,
            endpoints: self.endpoints(number)?,
            statuses: self.statuses(number)?,
            services: self.by_name(number, "service")?,
            releases: self.by_name(number, "release")?,
            environments: self.by_name(number, "environment")?,
            minutes: self.minutes(number)?,
            examples: self.examples(number)?,
        };
        whole.commit().doing(doing)?;
        Ok(Some(full))
    }

    /// The example kept of a failure; `None` if there is none.
    pub fn example(&self, project: i64, failure: u64) -> Result<Option<FullExample>> {
        self.row(
            "SELECT e.failure, p.hex, e.at, e.odd, e.records, e.text FROM examples e JOIN problems p ON p.id = e.problem
             WHERE e.failure = ?1 AND p.project = ?2",
            [failure.cast_signed(), project],
            |row| {
                Ok(FullExample {
                    failure: row.get::<_, i64>(0)?.cast_unsigned(),
                    problem: id(row.get(1)?),
                    at: Time(row.get(2)?),
                    odd: row.get(3)?,
                    records: row.get(4)?,
                    text: row.get(5)?,
                })
            },
        )
    }

    /// Problems of the same cause or with the same culprit, the latest first.
    pub fn similar(&self, project: i64, id: &str) -> Result<Vec<ProblemRow>> {
        let text = format!(
            "SELECT {COLUMNS} FROM problems p JOIN problems o ON o.project = p.project AND o.hex = ?2
             WHERE p.project = ?1 AND p.id != o.id AND p.state < {superseded} AND
             ((p.class = o.class AND p.cause = o.cause AND p.class != 'unknown' AND p.class != '') OR p.culprit = o.culprit)
             ORDER BY p.culprit = o.culprit DESC, p.last_seen DESC LIMIT {SIMILAR}",
            superseded = State::Superseded.code()
        );
        self.rows(&text, [project, hex(id)?], problem_row)
    }

    fn document(&self, problem: i64) -> Result<String> {
        let document =
            self.row("SELECT document FROM documents WHERE problem = ?1", [problem], |row| row.get(0))?;
        Ok(document.unwrap_or_else(|| "{}".to_owned()))
    }

    fn states(&self, problem: i64) -> Result<Vec<StateChange>> {
        self.rows(
            "SELECT at, state, by, reason FROM states WHERE problem = ?1 ORDER BY id",
            [problem],
            |row| {
                Ok(StateChange {
                    at: Time(row.get(0)?),
                    state: State::of(row.get(1)?),
                    by: row.get(2)?,
                    reason: row.get(3)?,
                })
            },
        )
    }

    fn revisions(&self, problem: i64) -> Result<Vec<Revision>> {
        self.rows(
            "SELECT since, until, title, class, cause, culprit, trigger, confidence FROM revisions
             WHERE problem = ?1 ORDER BY id",
            [problem],
            |row| {
                Ok(Revision {
                    since: Time(row.get(0)?),
                    until: Time(row.get(1)?),
                    title: row.get(2)?,
                    class: row.get(3)?,
                    cause: row.get(4)?,
                    culprit: row.get(5)?,
                    trigger: row.get(6)?,
                    confidence: row.get(7)?,
                })
            },
        )
    }

    fn first_thoughts(&self, problem: i64) -> Result<Vec<Thought>> {
        self.rows(
            "SELECT hex, title, class, cause, culprit, state_at FROM problems WHERE superseded_by = ?1
             ORDER BY state_at, id LIMIT 50",
            [problem],
            |row| {
                Ok(Thought {
                    id: id(row.get(0)?),
                    title: row.get(1)?,
                    class: row.get(2)?,
                    cause: row.get(3)?,
                    culprit: row.get(4)?,
                    until: Time(row.get(5)?),
                })
            },
        )
    }

    fn notes(&self, problem: i64) -> Result<Vec<Note>> {
        self.rows(
            "SELECT id, at, by, kind, text FROM notes WHERE problem = ?1 ORDER BY id",
            [problem],
            |row| {
                Ok(Note {
                    id: row.get(0)?,
                    at: Time(row.get(1)?),
                    by: row.get(2)?,
                    written: row.get(3)?,
                    text: row.get(4)?,
                })
            },
        )
    }

    /// The routes on which a problem shows, most failures first; 100 at most.
    pub fn routes_of(&self, project: i64, id: &str) -> Result<Vec<EndpointRow>> {
        match find_problem(&self.db, project, hex(id)?)? {
            Some(problem) => self.endpoints(problem),
            None => Ok(Vec::new()),
        }
    }

    fn endpoints(&self, problem: i64) -> Result<Vec<EndpointRow>> {
        self.rows(
            "SELECT COALESCE((SELECT name FROM names WHERE id = s.method), ''),
             COALESCE((SELECT name FROM names WHERE id = s.route), ''), sum(t.n)
             FROM totals t JOIN shapes s ON s.id = t.shape WHERE t.problem = ?1
             GROUP BY s.method, s.route ORDER BY 3 DESC, 2, 1 LIMIT 100",
            [problem],
            |row| Ok(EndpointRow { method: row.get(0)?, route: row.get(1)?, count: count(row.get(2)?) }),
        )
    }

    fn statuses(&self, problem: i64) -> Result<Vec<(u16, u64)>> {
        self.rows(
            "SELECT s.status, sum(t.n) FROM totals t JOIN shapes s ON s.id = t.shape WHERE t.problem = ?1
             GROUP BY s.status ORDER BY s.status",
            [problem],
            |row| Ok((row.get(0)?, count(row.get(1)?))),
        )
    }

    /// Counts by a column of shapes, most first.
    fn by_name(&self, problem: i64, column: &str) -> Result<Vec<(String, u64)>> {
        let text = format!(
            "SELECT n.name, sum(t.n) FROM totals t JOIN shapes s ON s.id = t.shape JOIN names n ON n.id = s.{column}
             WHERE t.problem = ?1 GROUP BY n.id ORDER BY 2 DESC, 1 LIMIT 100"
        );
        self.rows(&text, [problem], |row| Ok((row.get(0)?, count(row.get(1)?))))
    }

    fn minutes(&self, problem: i64) -> Result<Vec<(i64, u64)>> {
        let mut minutes = self.rows(
            "SELECT minute, sum(n) FROM counts WHERE problem = ?1 GROUP BY minute ORDER BY minute DESC LIMIT 1440",
            [problem],
            |row| Ok((row.get(0)?, count(row.get(1)?))),
        )?;
        minutes.reverse();
        Ok(minutes)
    }

    fn examples(&self, problem: i64) -> Result<Vec<ExampleRow>> {
        self.rows(
            "SELECT failure, at, odd FROM examples INDEXED BY examples_choice WHERE problem = ?1 ORDER BY at DESC, failure",
            [problem],
            example_row,
        )
    }
}

fn example_row(row: &Row) -> rusqlite::Result<ExampleRow> {
    Ok(ExampleRow { failure: row.get::<_, i64>(0)?.cast_unsigned(), at: Time(row.get(1)?), odd: row.get(2)? })
}
