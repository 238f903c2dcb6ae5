//! Letting go: by age, by size, and of a project.

use crate::error::{Doing, Result};
use crate::limits::{COUNT_DAYS, MINUTE_DAYS};
use crate::store::{Store, set_meta};
use record::{SECOND, Time};
use rusqlite::{Connection, params};

/// A day in microseconds.
const DAY_US: i64 = 86_400 * SECOND;

/// Failures that go in one transaction: some milliseconds, so that commits get their turn.
const BATCH: i64 = 5_000;

/// Free pages given back to the system in one transaction: 4 MB.
const PAGES: i64 = 1_000;

/// What went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retained {
    /// Rows of failures. Their counts stay.
    pub failures: u64,
    /// Examples.
    pub examples: u64,
    /// Problems, as long without a failure as counts are kept.
    pub problems: u64,
    /// Bytes of the database afterwards.
    pub bytes: u64,
}

impl Store {
    /// Lets go of failures and examples that are older than `days`, and of the oldest until the database has at most so many
    /// `bytes`; counts by minute become counts by hour after [`MINUTE_DAYS`]; after [`COUNT_DAYS`] they go, with the problems
    /// that had no failure since. Room that becomes free is given back to the system.
    pub fn retention(&mut self, now: Time, days: i64, bytes: u64) -> Result<Retained> {
        let mut gone = Retained::default();
        let old = now.plus(days.max(0).saturating_mul(-DAY_US));
        self.forget_failures(old, &mut gone)?;
        self.forget_counts(now)?;
        gone.problems = self.forget_problems(now.plus(-COUNT_DAYS.max(days) * DAY_US))?;
        self.forget_by_size(now, bytes, &mut gone)?;
        self.give_back()?;
        gone.bytes = self.pages_used()?;
        Ok(gone)
    }

    /// Failures before an instant go, with their examples, some at a time.
    fn forget_failures(&mut self, before: Time, gone: &mut Retained) -> Result<()> {
        let doing = "letting go of old failures";
        if before.0 > self.meta("forgotten_before")? {
            set_meta(&self.db, "forgotten_before", before.0)?;
        }
        let problems = {
            let mut all = self.db.prepare("SELECT id FROM problems WHERE first_seen < ?1").doing(doing)?;
            let rows = all.query_map([before.0], |row| row.get::<_, i64>(0)).doing(doing)?;
            rows.collect::<rusqlite::Result<Vec<_>>>().doing(doing)?
        };
        for problem in problems {
            while self.forget_some(problem, before, BATCH, gone)? == BATCH {}
        }
        Ok(())
    }

    fn forget_some(&mut self, problem: i64, before: Time, most: i64, gone: &mut Retained) -> Result<i64> {
        let doing = "letting go of old failures";
        let step = self.db.transaction().doing(doing)?;
        let examples = step
            .prepare_cached("DELETE FROM examples WHERE problem = ?1 AND at < ?2")
            .doing(doing)?
            .execute([problem, before.0])
            .doing(doing)?;
        let failures = step
            .prepare_cached(
                "DELETE FROM failures WHERE problem = ?1 AND (at, id) IN (
                 SELECT at, id FROM failures WHERE problem = ?1 AND at < ?2 ORDER BY at LIMIT ?3)",
            )
            .doing(doing)?
            .execute([problem, before.0, most])
            .doing(doing)? as i64;
        if failures > 0 {
            step.prepare_cached("UPDATE problems SET forgotten = forgotten + ?2 WHERE id = ?1")
                .doing(doing)?
                .execute([problem, failures])
                .doing(doing)?;
        }
        step.commit().doing(doing)?;
        gone.failures += failures.unsigned_abs();
        gone.examples += examples as u64;
        Ok(failures)
    }

    /// The oldest tenth of the time that failures span goes, again and again, until the rest fits.
    fn forget_by_size(&mut self, now: Time, bytes: u64, gone: &mut Retained) -> Result<()> {
        let doing = "letting go of the oldest";
        while self.pages_used()? > bytes {
            let span: (Option<i64>, Option<i64>) = self
                .db
                .query_row(
                    "SELECT min((SELECT min(at) FROM failures WHERE problem = p.id)),
                     max((SELECT max(at) FROM failures WHERE problem = p.id AND at <= ?1)) FROM problems p",
                    [now.0],
                    |row| Ok((row.get(0)?, row.get(1)?)),
                )
                .doing(doing)?;
            // What is left then are counts, which stay.
            let (Some(first), Some(last)) = span else { break };
            let before = first.saturating_add((last.saturating_sub(first) / 10).max(1));
            self.forget_failures(Time(before), gone)?;
        }
        Ok(())
    }

    fn forget_counts(&mut self, now: Time) -> Result<()> {
        let doing = "letting go of old counts";
        let minutes = |days: i64| now.plus(-days * DAY_US).0.div_euclid(60 * SECOND);
        let hourly = minutes(MINUTE_DAYS).div_euclid(60) * 60;
        let oldest = minutes(COUNT_DAYS);
        let from = self.meta("hourly_before")?;
        let step = self.db.transaction().doing(doing)?;
        if hourly > from {
            for table in ["counts", "failed", "requests"] {
                by_hour(&step, table, from, hourly)?;
            }
            set_meta(&step, "hourly_before", hourly)?;
        }
        for table in ["failed", "requests"] {
            step.execute(&format!("DELETE FROM {table} WHERE minute < ?1"), [oldest]).doing(doing)?;
        }
        step.execute("DELETE FROM counts WHERE minute < ?1", [oldest]).doing(doing)?;
        step.execute("DELETE FROM marks WHERE at < ?1", [now.plus(-COUNT_DAYS * DAY_US).0]).doing(doing)?;
        step.execute("DELETE FROM births WHERE hour < ?1", [now.0.div_euclid(3_600 * SECOND) - 24])
            .doing(doing)?;
        step.commit().doing(doing)
    }

    fn forget_problems(&mut self, before: Time) -> Result<u64> {
        let doing = "letting go of old problems";
        let step = self.db.transaction().doing(doing)?;
        step.execute_batch("CREATE TEMP TABLE old (id INTEGER PRIMARY KEY)").doing(doing)?;
        let n = step
            .execute(
                "INSERT INTO temp.old SELECT id FROM problems WHERE last_seen < ?1 AND state_at < ?1",
                [before.0],
            )
            .doing(doing)?;
        remove_problems(&step)?;
        step.execute_batch("DROP TABLE temp.old").doing(doing)?;
        step.commit().doing(doing)?;
        self.known.clear();
        Ok(n as u64)
    }

    /// Removes a project with all that is kept of it.
    pub(crate) fn remove_all_of(&mut self, project: i64) -> Result<()> {
        let doing = "removing a project";
        let step = self.db.transaction().doing(doing)?;
        step.execute_batch("CREATE TEMP TABLE old (id INTEGER PRIMARY KEY)").doing(doing)?;
        step.execute("INSERT INTO temp.old SELECT id FROM problems WHERE project = ?1", [project])
            .doing(doing)?;
        remove_problems(&step)?;
        step.execute_batch("DROP TABLE temp.old").doing(doing)?;
        let tables = [
            "failed",
            "requests",
            "marks",
            "dropped",
            "births",
            "shapes",
            "names",
            "keys",
            "tokens",
            "webhooks",
            "delivered",
        ];
        for table in tables {
            step.execute(&format!("DELETE FROM {table} WHERE project = ?1"), [project]).doing(doing)?;
        }
        let removed = step.execute("DELETE FROM projects WHERE id = ?1", [project]).doing(doing)?;
        if removed == 0 {
            return Err(crate::Error::Missing(format!("project {project}")));
        }
        step.commit().doing(doing)?;
        self.names.clear();
        self.known.clear();
        self.give_back()
    }

    /// Gives free pages back to the system, some at a time.
    fn give_back(&mut self) -> Result<()> {
        let doing = "giving room back";
        loop {
            let free: i64 = self.db.query_row("PRAGMA freelist_count", [], |row| row.get(0)).doing(doing)?;
            if free < PAGES {
                break;
            }
            let mut vacuum = self.db.prepare(&format!("PRAGMA incremental_vacuum({PAGES})")).doing(doing)?;
            let mut rows = vacuum.query(params![]).doing(doing)?;
            // Each row is a page; it goes on while it is asked for.
            while rows.next().doing(doing)?.is_some() {}
        }
        // The file gets smaller when the WAL is brought into it.
        self.db.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())).doing(doing)
    }

    /// Bytes of the database's pages that hold something.
    fn pages_used(&self) -> Result<u64> {
        let number = |pragma: &str| -> Result<u64> {
            let n: i64 = self.db.query_row(pragma, [], |row| row.get(0)).doing("measuring the database")?;
            Ok(u64::try_from(n).unwrap_or(0))
        };
        let used = number("PRAGMA page_count")?.saturating_sub(number("PRAGMA freelist_count")?);
        Ok(used * number("PRAGMA page_size")?)
    }
}

/// Sums the counts of a table by the hour, from one minute up to another.
fn by_hour(db: &Connection, table: &str, from: i64, to: i64) -> Result<()> {
    let doing = "summing counts by the hour";
    let key = if table == "counts" { "problem" } else { "project" };
    db.execute(
        &format!(
            "INSERT INTO {table} ({key}, minute, shape, n)
             SELECT {key}, minute - minute % 60, shape, sum(n) FROM {table}
             WHERE minute >= ?1 AND minute < ?2 AND minute % 60 != 0 GROUP BY 1, 2, 3
             ON CONFLICT DO UPDATE SET n = n + excluded.n"
        ),
        [from, to],
    )
    .doing(doing)?;
    db.execute(
        &format!("DELETE FROM {table} WHERE minute >= ?1 AND minute < ?2 AND minute % 60 != 0"),
        [from, to],
    )
    .doing(doing)?;
    Ok(())
}

/// Removes the problems named in `temp.old`, with all that is theirs.
fn remove_problems(db: &Connection) -> Result<()> {
    let doing = "removing problems";
    for table in [
        "ids_0",
        "ids_1",
        "failures",
        "counts",
        "totals",
        "examples",
        "states",
        "revisions",
        "notes",
        "documents",
    ] {
        db.execute(&format!("DELETE FROM {table} WHERE problem IN (SELECT id FROM temp.old)"), [])
            .doing(doing)?;
    }
    db.execute(
        "UPDATE problems SET superseded_by = NULL WHERE superseded_by IN (SELECT id FROM temp.old)",
        [],
    )
    .doing(doing)?;
    db.execute("DELETE FROM problems WHERE id IN (SELECT id FROM temp.old)", []).doing(doing)?;
    Ok(())
}
