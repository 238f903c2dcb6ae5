//! Problems while a commit is applied: found or made, explained anew, and settled at the end with count, instants and state.

use crate::commit::{OTHER_PROBLEM, ProblemChange};
use crate::error::{Doing, Error, Result};
use crate::harm;
use crate::limits::{NEW_PROBLEMS_PER_HOUR, ONGOING_AFTER_US, ONGOING_FAILURES, REVISIONS_PER_PROBLEM};
use crate::limits::{STATES_PER_PROBLEM, TEXT_BYTES_MAX};
use crate::names::{Kind, Shaped, cut, find};
use crate::state::State;
use record::{SECOND, Time};
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::HashMap;

/// Numbers of problems by project and id, as met lately.
#[derive(Debug, Default)]
pub(crate) struct Known {
    rows: HashMap<(i64, i64), i64>,
}

/// Problems in memory beyond which all are let go and read anew: at some 50 bytes each, 5 MB.
const CACHED: usize = 100_000;

impl Known {
    /// Forgets all: what was made in a transaction that was taken back is not there.
    pub(crate) fn clear(&mut self) {
        self.rows.clear();
    }

    /// The number of a problem that exists.
    pub(crate) fn find(&mut self, db: &Connection, project: i64, hex: i64) -> Result<Option<i64>> {
        if let Some(row) = self.rows.get(&(project, hex)) {
            return Ok(Some(*row));
        }
        let row = find_problem(db, project, hex)?;
        if let Some(row) = row {
            self.put(project, hex, row);
        }
        Ok(row)
    }

    fn put(&mut self, project: i64, hex: i64, row: i64) {
        if self.rows.len() >= CACHED {
            self.rows.clear();
        }
        self.rows.insert((project, hex), row);
    }

    /// The number of a problem, which is made where it is new. Beyond the limit of new ones it is that of
    /// [`OTHER_PROBLEM`], and the answer says so.
    pub(crate) fn find_or_make(
        &mut self,
        db: &Connection,
        at: Time,
        change: &ProblemChange,
    ) -> Result<(i64, Made)> {
        let hex = hex(&change.id)?;
        if let Some(row) = self.find(db, change.project, hex)? {
            return Ok((row, Made::Before));
        }
        if change.id == OTHER_PROBLEM || born(db, change.project, at)? {
            let row = insert(db, at, change, hex)?;
            self.put(change.project, hex, row);
            return Ok((row, Made::Now));
        }
        let (row, _) = self.find_or_make(db, at, &other(change.project))?;
        Ok((row, Made::Other))
    }
}

/// Whether a problem was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Made {
    /// It was.
    Before,
    /// It was made.
    Now,
    /// There were too many, and it goes under that of the others.
    Other,
}

/// The problem that stands for all beyond the limit.
fn other(project: i64) -> ProblemChange {
    ProblemChange {
        project,
        id: OTHER_PROBLEM.to_owned(),
        title: format!("other problems, beyond {NEW_PROBLEMS_PER_HOUR} new ones within an hour"),
        class: "unknown".to_owned(),
        document: "{}".to_owned(),
        ..ProblemChange::default()
    }
}

/// What stands for a problem that a failure names and no digest explained yet.
pub(crate) fn unexplained(project: i64, id: &str) -> ProblemChange {
    ProblemChange {
        project,
        id: id.to_owned(),
        title: "not explained yet".to_owned(),
        document: "{}".to_owned(),
        ..ProblemChange::default()
    }
}

/// 16 hex digits as a number.
pub(crate) fn hex(id: &str) -> Result<i64> {
    let digits = id.len() == 16 && id.bytes().all(|b| b.is_ascii_hexdigit());
    let number = u64::from_str_radix(id, 16).ok().filter(|_| digits);
    number.map(u64::cast_signed).ok_or_else(|| Error::Invalid("a problem's id is 16 hex digits".to_owned()))
}

/// A number as 16 hex digits.
pub(crate) fn id(hex: i64) -> String {
    format!("{:016x}", hex.cast_unsigned())
}

/// The number of a problem that exists.
pub(crate) fn find_problem(db: &Connection, project: i64, hex: i64) -> Result<Option<i64>> {
    let doing = "looking a problem up";
    db.prepare_cached("SELECT id FROM problems WHERE project = ?1 AND hex = ?2")
        .doing(doing)?
        .query_row([project, hex], |row| row.get(0))
        .optional()
        .doing(doing)
}

/// Counts a new problem; false if the hour's share is used up.
fn born(db: &Connection, project: i64, at: Time) -> Result<bool> {
    let doing = "counting new problems";
    let hour = at.0.div_euclid(3_600 * SECOND);
    db.prepare_cached(
        "INSERT INTO births (project, hour, n) VALUES (?1, ?2, 1)
         ON CONFLICT DO UPDATE SET n = n + 1 WHERE n < ?3",
    )
    .doing(doing)?
    .execute([project, hour, NEW_PROBLEMS_PER_HOUR])
    .doing(doing)
    .map(|changed| changed > 0)
}

fn insert(db: &Connection, at: Time, p: &ProblemChange, hex: i64) -> Result<i64> {
    let doing = "adding a problem";
    db.prepare_cached(
        "INSERT INTO problems (project, hex, title, class, cause, culprit, trigger, confidence, explained, harm, state_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?9)",
    )
    .doing(doing)?
    .execute(params![
        p.project,
        hex,
        cut(&p.title, TEXT_BYTES_MAX),
        cut(&p.class, TEXT_BYTES_MAX),
        cut(&p.cause, TEXT_BYTES_MAX),
        short(&p.culprit),
        short(&p.trigger),
        share(p.confidence),
        at.0,
        harm::NONE,
    ])
    .doing(doing)?;
    let row = db.last_insert_rowid();
    db.prepare_cached("INSERT INTO documents (problem, document) VALUES (?1, ?2)")
        .doing(doing)?
        .execute(params![row, p.document])
        .doing(doing)?;
    log_state(db, row, at, State::New, None, "seen for the first time")?;
    Ok(row)
}

/// Brings a problem's verdict up to date, and keeps the one before where it says something else.
pub(crate) fn explain(db: &Connection, at: Time, row: i64, p: &ProblemChange) -> Result<()> {
    let doing = "explaining a problem";
    let values = params![
        row,
        cut(&p.title, TEXT_BYTES_MAX),
        cut(&p.class, TEXT_BYTES_MAX),
        cut(&p.cause, TEXT_BYTES_MAX),
        short(&p.culprit),
        short(&p.trigger),
    ];
    // Without a class it stood for one that nobody had explained: that was no thought.
    let revised = db
        .prepare_cached(
            "INSERT INTO revisions (problem, since, until, title, class, cause, culprit, trigger, confidence)
             SELECT id, explained, ?7, title, class, cause, culprit, trigger, confidence FROM problems
             WHERE id = ?1 AND class != '' AND
             (title != ?2 OR class != ?3 OR cause != ?4 OR culprit IS NOT ?5 OR trigger IS NOT ?6)",
        )
        .doing(doing)?
        .execute(params![
            row,
            cut(&p.title, TEXT_BYTES_MAX),
            cut(&p.class, TEXT_BYTES_MAX),
            cut(&p.cause, TEXT_BYTES_MAX),
            short(&p.culprit),
            short(&p.trigger),
            at.0
        ])
        .doing(doing)?;
    if revised > 0 {
        db.prepare_cached(
            "DELETE FROM revisions WHERE problem = ?1 AND id IN (
             SELECT id FROM revisions WHERE problem = ?1 ORDER BY id DESC LIMIT -1 OFFSET ?2)
             AND id > (SELECT min(id) FROM revisions WHERE problem = ?1)",
        )
        .doing(doing)?
        .execute([row, REVISIONS_PER_PROBLEM - 1])
        .doing(doing)?;
    }
    db.prepare_cached(
        "UPDATE problems SET title = ?2, class = ?3, cause = ?4, culprit = ?5, trigger = ?6 WHERE id = ?1
         AND (title != ?2 OR class != ?3 OR cause != ?4 OR culprit IS NOT ?5 OR trigger IS NOT ?6)",
    )
    .doing(doing)?
    .execute(values)
    .and_then(|changed| {
        let mut confidence = db.prepare_cached(
            "UPDATE problems SET confidence = ?2, explained = CASE WHEN ?3 THEN ?4 ELSE explained END
             WHERE id = ?1 AND (confidence != ?2 OR ?3)",
        )?;
        confidence.execute(params![row, share(p.confidence), changed > 0, at.0])
    })
    .doing(doing)?;
    db.prepare_cached("UPDATE documents SET document = ?2 WHERE problem = ?1 AND document != ?2")
        .doing(doing)?
        .execute(params![row, p.document])
        .doing(doing)?;
    Ok(())
}

fn short(text: &Option<String>) -> Option<&str> {
    text.as_deref().map(|t| cut(t, TEXT_BYTES_MAX))
}

/// SQLite keeps NaN as NULL, and a confidence is a share.
fn share(confidence: f64) -> f64 {
    if confidence.is_nan() { 0.0 } else { confidence.clamp(0.0, 1.0) }
}

/// A problem that failures came to or left in this commit.
#[derive(Debug)]
pub(crate) struct Touched {
    count: i64,
    forgotten: i64,
    first: i64,
    last: i64,
    harm: f64,
    state: State,
    state_at: i64,
    muted_until: Option<i64>,
    muted_count: Option<i64>,
    resolved_release: Option<String>,
    /// The number of that release's name; -1 if it has none yet.
    resolved_name: i64,
    /// Names that there were when it was resolved: a release with a higher number is a later one.
    resolved_names: i64,
    superseded_by: Option<i64>,
    /// The first failure that shows it is back.
    back: Option<Time>,
    /// Some failure left that was the first or the last.
    edges: bool,
    left: i64,
    moved_to: HashMap<i64, i64>,
}

impl Touched {
    /// Reads a problem.
    pub(crate) fn read(db: &Connection, row: i64) -> Result<Touched> {
        let doing = "reading a problem";
        let mut statement = db
            .prepare_cached(
                "SELECT count, forgotten, first_seen, last_seen, harm, state, state_at, muted_until, muted_count,
                 resolved_release, resolved_names, superseded_by, project FROM problems WHERE id = ?1",
            )
            .doing(doing)?;
        let (mut touched, project): (Touched, i64) = statement
            .query_row([row], |r| {
                let touched = Touched {
                    count: r.get(0)?,
                    forgotten: r.get(1)?,
                    first: r.get(2)?,
                    last: r.get(3)?,
                    harm: r.get(4)?,
                    state: State::of(r.get(5)?),
                    state_at: r.get(6)?,
                    muted_until: r.get(7)?,
                    muted_count: r.get(8)?,
                    resolved_release: r.get(9)?,
                    resolved_name: -1,
                    resolved_names: r.get(10)?,
                    superseded_by: r.get(11)?,
                    back: None,
                    edges: false,
                    left: 0,
                    moved_to: HashMap::new(),
                };
                Ok((touched, r.get(12)?))
            })
            .doing(doing)?;
        if let Some(release) = &touched.resolved_release {
            touched.resolved_name = find(db, project, Kind::Release, release)?.unwrap_or(-1);
        }
        Ok(touched)
    }

    /// A failure came.
    pub(crate) fn came(&mut self, at: Time, arrived: Time, shape: Shaped) {
        if self.count == 0 {
            (self.first, self.last) = (at.0, at.0);
        }
        self.first = self.first.min(at.0);
        self.last = self.last.max(at.0);
        self.count += 1;
        if self.state == State::Resolved && self.is_later(at, arrived) && self.speaks_against(shape) {
            self.back = Some(self.back.map_or(at, |b| b.min(at)));
        }
    }

    /// Is it from after the state began? Most logs write whole seconds: what is dated in the second in which the state began is as
    /// late as it arrived.
    fn is_later(&self, at: Time, arrived: Time) -> bool {
        let second = self.state_at.div_euclid(SECOND) * SECOND;
        at.0 > self.state_at || (at.0 == second && arrived.0 > self.state_at)
    }

    /// Resolved in a release, it may go on in those before: they are still out somewhere.
    fn speaks_against(&self, shape: Shaped) -> bool {
        self.resolved_release.is_none()
            || shape.release == 0
            || shape.release == self.resolved_name
            || shape.release > self.resolved_names
    }

    /// A failure went: to another problem, or altogether.
    pub(crate) fn went(&mut self, at: Time, to: Option<i64>) {
        self.count -= 1;
        self.edges |= at.0 == self.first || at.0 == self.last;
        self.left += 1;
        if let Some(to) = to {
            *self.moved_to.entry(to).or_default() += 1;
        }
    }

    /// Failures (fewer, where negative) of one minute weigh into the harm.
    pub(crate) fn weigh(&mut self, minute: i64, n: i64) {
        self.harm = harm::with(self.harm, Time(minute.saturating_mul(60 * SECOND)), n);
    }

    /// Writes it back, in the state that follows.
    pub(crate) fn settle(mut self, db: &Connection, row: i64, now: Time) -> Result<()> {
        if self.edges {
            self.find_edges(db, row)?;
        }
        let (state, reason) = match self.next_state(now) {
            Some((state, reason)) => (state, Some(reason)),
            None => (self.state, None),
        };
        if self.count <= 0 {
            self.harm = harm::NONE;
        }
        if state != State::Superseded {
            self.superseded_by = None;
        } else if reason.is_some() {
            self.superseded_by = self.moved_to.iter().max_by_key(|(to, n)| (**n, -**to)).map(|(to, _)| *to);
        }
        if reason.is_some() {
            self.state_at = now.0;
            (self.muted_until, self.muted_count) = (None, None);
        }
        let doing = "counting a problem's failures";
        db.prepare_cached(
            "UPDATE problems SET count = ?2, first_seen = ?3, last_seen = ?4, harm = ?5, state = ?6, state_at = ?7,
             superseded_by = ?8, muted_until = ?9, muted_count = ?10 WHERE id = ?1",
        )
        .doing(doing)?
        .execute(params![
            row,
            self.count,
            self.first,
            self.last,
            self.harm,
            state.code(),
            self.state_at,
            self.superseded_by,
            self.muted_until,
            self.muted_count
        ])
        .doing(doing)?;
        match reason {
            Some(reason) => log_state(db, row, now, state, None, &reason),
            None => Ok(()),
        }
    }

    /// The state that follows from what came and went, with the reason; `None` where nothing changes.
    fn next_state(&self, now: Time) -> Option<(State, String)> {
        let given_up = matches!(self.state, State::Superseded | State::Withdrawn);
        if self.count <= 0 {
            if given_up || self.left == 0 {
                return None;
            }
            return Some(if self.moved_to.is_empty() {
                (State::Withdrawn, "all its failures turned out to be none".to_owned())
            } else {
                (State::Superseded, "all its failures turned out to belong to another problem".to_owned())
            });
        }
        let many = self.count >= ONGOING_FAILURES;
        let long = self.last.saturating_sub(self.first) >= ONGOING_AFTER_US;
        match self.state {
            State::Superseded | State::Withdrawn => {
                Some((State::Ongoing, "it has failures of its own again".to_owned()))
            }
            State::New if many => Some((State::Ongoing, format!("{} failures", self.count))),
            State::New if long => Some((State::Ongoing, "goes on for an hour".to_owned())),
            State::Resolved => {
                let at = self.back?;
                let release = self.resolved_release.as_deref();
                let after = release.map(|r| format!(", though resolved in {r}")).unwrap_or_default();
                Some((State::Regressed, format!("failed again at {at}{after}")))
            }
            State::Muted if self.muted_until.is_some_and(|until| until <= now.0) => {
                Some((State::Ongoing, "the time it was muted for is over".to_owned()))
            }
            State::Muted if self.muted_count.is_some_and(|count| self.count >= count) => {
                Some((State::Ongoing, "more failures came than it was muted for".to_owned()))
            }
            _ => None,
        }
    }

    /// First and last anew, from the rows that are there. What the rows of forgotten failures said stays.
    fn find_edges(&mut self, db: &Connection, row: i64) -> Result<()> {
        let doing = "finding a problem's first and last failure";
        let (first, last): (Option<i64>, Option<i64>) = db
            .prepare_cached(
                "SELECT (SELECT min(at) FROM failures WHERE problem = ?1), (SELECT max(at) FROM failures WHERE problem = ?1)",
            )
            .doing(doing)?
            .query_row([row], |r| Ok((r.get(0)?, r.get(1)?)))
            .doing(doing)?;
        if let Some(first) = first.filter(|_| self.forgotten == 0) {
            self.first = first;
        }
        self.last = last.unwrap_or(self.last);
        Ok(())
    }
}

/// Keeps a change of state in the problem's log.
pub(crate) fn log_state(
    db: &Connection,
    row: i64,
    at: Time,
    state: State,
    by: Option<&str>,
    reason: &str,
) -> Result<()> {
    let doing = "keeping a change of state";
    db.prepare_cached("INSERT INTO states (problem, at, state, by, reason) VALUES (?1, ?2, ?3, ?4, ?5)")
        .doing(doing)?
        .execute(params![row, at.0, state.code(), by, reason])
        .doing(doing)?;
    db.prepare_cached(
        "DELETE FROM states WHERE problem = ?1 AND id <=
         (SELECT id FROM states WHERE problem = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
    )
    .doing(doing)?
    .execute([row, STATES_PER_PROBLEM])
    .doing(doing)?;
    Ok(())
}
