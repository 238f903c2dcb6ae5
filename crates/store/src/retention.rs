//! Letting go: by age, by size, and of a project.

use crate::digest::minute;
use crate::durations;
use crate::error::{Doing, Result};
use crate::limits::{COUNT_DAYS, MINUTE_DAYS};
use crate::store::{Store, meta, set_meta};
use record::{SECOND, Time};
use rusqlite::{Connection, params};

/// A day in microseconds.
const DAY_US: i64 = 86_400 * SECOND;

/// A minute.
const MINUTE_US: i64 = 60 * SECOND;

/// An hour in minutes, and a day.
const HOUR: i64 = 60;
/// Minutes whose counts are added to those of their hour in one step: in a flood an hour has a hundred thousand rows.
const SUMMED: i64 = 15;
const DAY: i64 = 24 * HOUR;

/// Failures that go in one step: some milliseconds, so that commits get their turn.
const BATCH: i64 = 5_000;

/// Problems looked at in one step: each costs some microseconds, whether or not something of it goes.
const LOOKED: i64 = 1_000;

/// Failures whose going takes as long as that of one example: its pages are ten kilobytes elsewhere.
const EXAMPLE_WEIGHT: i64 = 20;

/// Problems that go in one step, with all that is theirs.
const PROBLEMS: i64 = 100;

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

/// A letting go that is under way: see [`Store::retention_step`].
#[derive(Debug)]
pub struct Retention {
    now: Time,
    days: i64,
    bytes: u64,
    stage: Stage,
    gone: Retained,
}

/// What is let go of, in this order. `after`: the number of the problem up to which all were gone through.
#[derive(Clone, Copy, Debug)]
enum Stage {
    /// Failures before an instant.
    Age { before: i64, after: i64 },
    /// Counts by minute, which become counts by hour.
    Hours,
    /// Counts that are too old.
    Counts,
    /// Problems that are too old.
    Problems,
    /// It is looked for the time that failures span, as the database is too large.
    Span { after: i64, first: Option<i64>, last: Option<i64> },
    /// The oldest tenth of that time.
    Size { before: i64, after: i64 },
    /// Room that became free.
    Room,
    /// Nothing more.
    Over,
}

impl Retention {
    /// As of `now`: failures and examples older than `days` are to go, and the oldest until the database has at most so many
    /// `bytes`.
    pub fn new(now: Time, days: i64, bytes: u64) -> Retention {
        let days = days.max(0);
        let before = now.plus(days.saturating_mul(-DAY_US)).0;
        Retention { now, days, bytes, stage: Stage::Age { before, after: 0 }, gone: Retained::default() }
    }

    /// What went so far.
    pub fn gone(&self) -> Retained {
        self.gone
    }

    /// Counts are kept as long as failures are, and no shorter than usual.
    fn counts_before(&self) -> Time {
        self.now.plus(COUNT_DAYS.max(self.days).saturating_mul(-DAY_US))
    }
}

impl Store {
    /// Lets go of failures and examples that are older than `days`, and of the oldest until the database has at most so many
    /// `bytes`; counts by minute become counts by hour after [`MINUTE_DAYS`]; after [`COUNT_DAYS`] they go, with the problems
    /// that had no failure since. Room that becomes free is given back to the system. All at once, which may take minutes:
    /// where others want the store meanwhile, [`Store::retention_step`].
    pub fn retention(&mut self, now: Time, days: i64, bytes: u64) -> Result<Retained> {
        let mut retention = Retention::new(now, days, bytes);
        while self.retention_step(&mut retention)? {}
        Ok(retention.gone)
    }

    /// Goes one step, which takes some milliseconds and is one transaction; false once nothing more is to go. One that failed
    /// may be gone again, and all may be left at any point: the next begins anew.
    pub fn retention_step(&mut self, r: &mut Retention) -> Result<bool> {
        r.stage = match r.stage {
            Stage::Age { before, after } => match self.forget_failures(before, after, &mut r.gone)? {
                Some(after) => Stage::Age { before, after },
                None => Stage::Hours,
            },
            Stage::Hours if self.sum_minutes(r.now)? => Stage::Hours,
            Stage::Hours => Stage::Counts,
            Stage::Counts if self.forget_counts(r.now, minute(r.counts_before()))? => Stage::Counts,
            Stage::Counts => Stage::Problems,
            Stage::Problems => match self.forget_problems(r.counts_before())? {
                0 => self.by_size(r)?,
                n => {
                    r.gone.problems += n;
                    Stage::Problems
                }
            },
            Stage::Span { after, first, last } => self.span(r.now, after, first, last)?,
            Stage::Size { before, after } => match self.forget_failures(before, after, &mut r.gone)? {
                Some(after) => Stage::Size { before, after },
                None => self.by_size(r)?,
            },
            Stage::Room if self.give_back()? => Stage::Room,
            Stage::Room | Stage::Over => {
                r.gone.bytes = self.bytes_used()?;
                Stage::Over
            }
        };
        Ok(!matches!(r.stage, Stage::Over))
    }

    /// Failures before an instant go, with their examples: of the next problems, and so many. Gives the number of the problem to
    /// go on after; `None` when none is left.
    fn forget_failures(&mut self, before: i64, after: i64, gone: &mut Retained) -> Result<Option<i64>> {
        let doing = "letting go of old failures";
        let step = self.db.transaction().doing(doing)?;
        if before > meta(&step, "forgotten_before")? {
            set_meta(&step, "forgotten_before", before)?;
        }
        let problems = step
            .prepare_cached("SELECT id FROM problems WHERE id > ?1 AND first_seen < ?2 ORDER BY id LIMIT ?3")
            .doing(doing)?
            .query_map([after, before, LOOKED], |row| row.get::<_, i64>(0))
            .doing(doing)?
            .collect::<rusqlite::Result<Vec<_>>>()
            .doing(doing)?;
        let all = problems.len() < LOOKED as usize;
        let mut next = after;
        let mut room = BATCH;
        let mut went = Retained::default();
        for problem in problems {
            let (failures, examples) = forget_of(&step, problem, before, room)?;
            went.failures += failures.unsigned_abs();
            went.examples += examples.unsigned_abs();
            let whole = failures < room;
            room -= failures + examples * EXAMPLE_WEIGHT;
            if whole {
                next = problem;
            }
            if room <= 0 {
                break;
            }
        }
        step.commit().doing(doing)?;
        gone.failures += went.failures;
        gone.examples += went.examples;
        Ok(if all && room > 0 { None } else { Some(next) })
    }

    /// What is next when all that is too old is gone: is the database still too large?
    fn by_size(&self, r: &Retention) -> Result<Stage> {
        let too_large = self.bytes_used()? > r.bytes;
        Ok(if too_large { Stage::Span { after: 0, first: None, last: None } } else { Stage::Room })
    }

    /// Looks in the next problems for the earliest failure and the latest that is not dated ahead; after the last of them says
    /// what is to go.
    fn span(&self, now: Time, after: i64, first: Option<i64>, last: Option<i64>) -> Result<Stage> {
        let (end, earliest, latest): (Option<i64>, Option<i64>, Option<i64>) = self
            .db
            .prepare_cached(
                "SELECT max(id), min(first), max(last) FROM (SELECT id,
                   (SELECT min(at) FROM failures WHERE problem = p.id) AS first,
                   (SELECT max(at) FROM failures WHERE problem = p.id AND at <= ?1) AS last
                 FROM problems p WHERE id > ?2 ORDER BY id LIMIT ?3)",
            )
            .and_then(|mut s| {
                s.query_row([now.0, after, LOOKED], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            })
            .doing("letting go of the oldest")?;
        let first = first.into_iter().chain(earliest).min();
        let last = last.max(latest);
        Ok(match (end, first, last) {
            (Some(after), ..) => Stage::Span { after, first, last },
            (None, Some(first), Some(last)) => {
                let tenth = (last.saturating_sub(first) / 10).max(1);
                Stage::Size { before: first.saturating_add(tenth), after: 0 }
            }
            // What is left then are counts, which stay.
            (None, ..) => Stage::Room,
        })
    }

    /// Adds the next counts by minute that are old enough to those of their hour; false when there are none.
    fn sum_minutes(&mut self, now: Time) -> Result<bool> {
        let doing = "summing counts by the hour";
        let end = minute(now.plus(-MINUTE_DAYS * DAY_US)).div_euclid(HOUR) * HOUR;
        let step = self.db.transaction().doing(doing)?;
        let from = meta(&step, "hourly_before")?;
        if end <= from {
            return Ok(false);
        }
        let next = earliest(&step, from, end)?;
        let to = match next {
            Some(next) => {
                let from = next.div_euclid(SUMMED) * SUMMED;
                by_hour(&step, from, from + SUMMED)?;
                from + SUMMED
            }
            None => end,
        };
        set_meta(&step, "hourly_before", to)?;
        step.commit().doing(doing)?;
        Ok(next.is_some())
    }

    /// Lets go of a day of counts before a minute, and of what else is kept as long; false when nothing is left.
    fn forget_counts(&mut self, now: Time, before: i64) -> Result<bool> {
        let doing = "letting go of old counts";
        let step = self.db.transaction().doing(doing)?;
        let next = earliest(&step, 0, before)?;
        if let Some(next) = next {
            let to = before.min(next.saturating_add(DAY));
            let shaped = "(SELECT DISTINCT project FROM shapes)";
            for table in ["failed", "requests"] {
                step.execute(&format!("DELETE FROM {table} WHERE project IN {shaped} AND minute < ?1"), [to])
                    .doing(doing)?;
            }
            step.execute(
                "DELETE FROM counts WHERE problem IN (SELECT id FROM problems WHERE first_seen < ?2) AND minute < ?1",
                [to, to.saturating_add(HOUR).saturating_mul(MINUTE_US)],
            )
            .doing(doing)?;
        }
        durations::forget(&step, now)?;
        step.execute("DELETE FROM marks WHERE at < ?1", [before.saturating_mul(MINUTE_US)]).doing(doing)?;
        step.execute("DELETE FROM births WHERE hour < ?1", [now.0.div_euclid(3_600 * SECOND) - 24])
            .doing(doing)?;
        step.commit().doing(doing)?;
        Ok(next.is_some())
    }

    /// Some problems without a failure since an instant go; gives how many.
    fn forget_problems(&mut self, before: Time) -> Result<u64> {
        let doing = "letting go of old problems";
        // A day later than their counts: those of their last hour are gone by then.
        let before = before.plus(-DAY_US).0;
        let step = self.db.transaction().doing(doing)?;
        step.execute_batch("CREATE TEMP TABLE old (id INTEGER PRIMARY KEY)").doing(doing)?;
        let n = step
            .execute(
                "INSERT INTO temp.old SELECT id FROM problems WHERE project IN (SELECT DISTINCT project FROM problems)
                 AND last_seen < ?1 AND state_at < ?1 LIMIT ?2",
                [before, PROBLEMS],
            )
            .doing(doing)?;
        if n == 0 {
            return Ok(0);
        }
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
            "durations",
            "marks",
            "dropped",
            "births",
            "shapes",
            "names",
            "keys",
            "tokens",
            "webhooks",
            "delivered",
            "alerts",
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
        while self.give_back()? {}
        Ok(())
    }

    /// Gives some free pages back to the system; false when there are few.
    fn give_back(&self) -> Result<bool> {
        let doing = "giving room back";
        let free: i64 = self.db.query_row("PRAGMA freelist_count", [], |row| row.get(0)).doing(doing)?;
        if free < PAGES {
            // The file gets smaller when the WAL is brought into it.
            self.db.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())).doing(doing)?;
            return Ok(false);
        }
        let mut vacuum = self.db.prepare(&format!("PRAGMA incremental_vacuum({PAGES})")).doing(doing)?;
        let mut rows = vacuum.query(params![]).doing(doing)?;
        // Each row is a page; it goes on while it is asked for.
        while rows.next().doing(doing)?.is_some() {}
        Ok(true)
    }

    /// Bytes of the database's pages that hold something.
    pub fn bytes_used(&self) -> Result<u64> {
        let number = |pragma: &str| -> Result<u64> {
            let n: i64 = self.db.query_row(pragma, [], |row| row.get(0)).doing("measuring the database")?;
            Ok(u64::try_from(n).unwrap_or(0))
        };
        let used = number("PRAGMA page_count")?.saturating_sub(number("PRAGMA freelist_count")?);
        Ok(used * number("PRAGMA page_size")?)
    }
}

/// At most so many failures of a problem before an instant go, and all its examples of that time; gives how many of each.
fn forget_of(db: &Connection, problem: i64, before: i64, most: i64) -> Result<(i64, i64)> {
    let doing = "letting go of old failures";
    let examples = db
        .prepare_cached("DELETE FROM examples WHERE problem = ?1 AND at < ?2")
        .doing(doing)?
        .execute([problem, before])
        .doing(doing)?;
    let failures = db
        .prepare_cached(
            "DELETE FROM failures WHERE problem = ?1 AND (at, id) IN (
             SELECT at, id FROM failures WHERE problem = ?1 AND at < ?2 ORDER BY at LIMIT ?3)",
        )
        .doing(doing)?
        .execute([problem, before, most])
        .doing(doing)? as i64;
    if failures > 0 {
        db.prepare_cached("UPDATE problems SET forgotten = forgotten + ?2 WHERE id = ?1")
            .doing(doing)?
            .execute([problem, failures])
            .doing(doing)?;
    }
    Ok((failures, examples as i64))
}

/// The first minute, from one up to another, at which something is counted. All counts of problems are in those of projects.
fn earliest(db: &Connection, from: i64, to: i64) -> Result<Option<i64>> {
    db.prepare_cached(
        "SELECT min(minute) FROM (
           SELECT (SELECT min(minute) FROM failed WHERE project = p.project AND minute >= ?1 AND minute < ?2) AS minute
             FROM (SELECT DISTINCT project FROM shapes) p
           UNION ALL
           SELECT (SELECT min(minute) FROM requests WHERE project = p.project AND minute >= ?1 AND minute < ?2)
             FROM (SELECT DISTINCT project FROM shapes) p)",
    )
    .and_then(|mut s| s.query_row([from, to], |row| row.get(0)))
    .doing("looking for old counts")
}

/// Adds the counts from one minute up to another, of the same hour, to those of the hour's first minute.
fn by_hour(db: &Connection, from: i64, to: i64) -> Result<()> {
    let doing = "summing counts by the hour";
    let hour = from.div_euclid(HOUR) * HOUR;
    // Of problems only those that failed in that time: their minutes are found by the problem.
    let failing = "(SELECT id FROM problems WHERE first_seen < ?2 * 60000000 AND last_seen >= ?1 * 60000000)";
    let shaped = "(SELECT DISTINCT project FROM shapes)";
    for (table, key, these) in
        [("counts", "problem", failing), ("failed", "project", shaped), ("requests", "project", shaped)]
    {
        let minutes = format!("WHERE {key} IN {these} AND minute >= ?1 AND minute < ?2 AND minute != ?3");
        let sum = format!(
            "INSERT INTO {table} ({key}, minute, shape, n) SELECT {key}, ?3, shape, sum(n) FROM {table} {minutes}
             GROUP BY {key}, shape ON CONFLICT DO UPDATE SET n = n + excluded.n"
        );
        db.execute(&sum, [from, to, hour]).doing(doing)?;
        db.execute(&format!("DELETE FROM {table} {minutes}"), [from, to, hour]).doing(doing)?;
    }
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
