//! What is done to a problem: resolved, muted, assigned, noted, each with its instant and by whom, kept in a log. And what time
//! does to it.

use crate::error::{Doing, Error, Result};
use crate::limits::{NOTE_BYTES_MAX, SWEEP_MAX, TEXT_BYTES_MAX};
use crate::names::cut;
use crate::problems::{find_problem, hex, log_state};
use crate::state::State;
use crate::store::Store;
use record::{SECOND, Time};
use rusqlite::{Connection, params};

/// How long a problem is muted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mute {
    /// Until an instant.
    Until(Time),
    /// Until so many more failures came.
    Failures(u64),
    /// Until somebody says otherwise.
    Forever,
}

/// What time did to problems.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Resolved, as no failure came for so long.
    pub silent: u64,
    /// Heard of again, as the time they were muted for is over.
    pub heard: u64,
}

impl Swept {
    /// Did anything change?
    pub fn any(self) -> bool {
        self != Swept::default()
    }
}

impl Store {
    /// It is over: altogether, or from a release on (failures of releases that were known before then do not bring it back).
    pub fn resolve(
        &mut self,
        now: Time,
        project: i64,
        id: &str,
        by: &str,
        release: Option<&str>,
    ) -> Result<()> {
        let words = match release {
            Some(release) => format!("resolved in {release}"),
            None => "resolved by hand".to_owned(),
        };
        self.act(now, project, id, by, &words, |db, row| {
            let doing = "resolving a problem";
            let names: i64 =
                db.query_row("SELECT COALESCE(max(id), 0) FROM names", [], |r| r.get(0)).doing(doing)?;
            let release = release.map(|r| cut(r, TEXT_BYTES_MAX));
            db.execute(
                "UPDATE problems SET resolved_release = ?2, resolved_names = ?3 WHERE id = ?1",
                params![row, release, names],
            )
            .doing(doing)?;
            set_state(db, row, now, State::Resolved, Some(by), &words)
        })
    }

    /// It is not over after all, or is to be heard of again.
    pub fn reopen(&mut self, now: Time, project: i64, id: &str, by: &str) -> Result<()> {
        let words = "opened again";
        self.act(now, project, id, by, words, |db, row| match state(db, row)? {
            State::Resolved | State::Muted => set_state(db, row, now, State::Ongoing, Some(by), words),
            other => Err(Error::Invalid(format!(
                "the problem is neither resolved nor muted but {}: it is open",
                other.name()
            ))),
        })
    }

    /// Nobody wants to hear of it for a while.
    pub fn mute(&mut self, now: Time, project: i64, id: &str, by: &str, until: Mute) -> Result<()> {
        let words = match until {
            Mute::Until(at) => format!("muted until {at}"),
            Mute::Failures(n) => format!("muted for {n} more failures"),
            Mute::Forever => "muted".to_owned(),
        };
        self.act(now, project, id, by, &words, |db, row| {
            set_state(db, row, now, State::Muted, Some(by), &words)?;
            let (at, more) = match until {
                Mute::Until(at) => (Some(at.0), None),
                Mute::Failures(n) => (None, Some(i64::try_from(n).unwrap_or(i64::MAX / 2))),
                Mute::Forever => (None, None),
            };
            db.execute(
                "UPDATE problems SET muted_until = ?2, muted_count = count + ?3 WHERE id = ?1",
                params![row, at, more],
            )
            .doing("muting a problem")?;
            Ok(())
        })
    }

    /// Who is to look at it; `None` takes it from whoever was.
    pub fn assign(&mut self, now: Time, project: i64, id: &str, by: &str, to: Option<&str>) -> Result<()> {
        let to = to.map(|t| cut(t, TEXT_BYTES_MAX));
        let words = to.map_or("assigned to nobody".to_owned(), |to| format!("assigned to {to}"));
        self.act(now, project, id, by, &words, |db, row| {
            db.execute("UPDATE problems SET assigned = ?2 WHERE id = ?1", params![row, to])
                .doing("assigning a problem")?;
            Ok(())
        })
    }

    /// What somebody has to say of it.
    pub fn note(&mut self, now: Time, project: i64, id: &str, by: &str, text: &str) -> Result<()> {
        let text = text.trim();
        if text.is_empty() || text.len() > NOTE_BYTES_MAX {
            return Err(Error::Invalid(format!("a note has 1 to {NOTE_BYTES_MAX} bytes")));
        }
        let row = problem(&self.db, project, id)?;
        log(&self.db, row, now, by, true, text)
    }

    /// What time does: problems without a failure for `silence_days` are resolved (muted ones stay muted; 0 days: none is), and
    /// what was muted until now is heard of again. Of each so many at once ([`SWEEP_MAX`]): as long as something changed, there
    /// may be more.
    pub fn sweep(&mut self, now: Time, silence_days: i64) -> Result<Swept> {
        let doing = "looking for problems that are over";
        let step = self.db.transaction().doing(doing)?;
        let since = now.plus(silence_days.saturating_mul(-86_400 * SECOND));
        let goes_on = [State::New, State::Ongoing, State::Regressed].map(State::code);
        let silent = if silence_days <= 0 {
            Vec::new()
        } else {
            rows(
                &step,
                "SELECT id FROM problems WHERE state IN (?1, ?2, ?3) AND last_seen < ?4 AND state_at < ?4 AND count > 0
                 LIMIT ?5",
                params![goes_on[0], goes_on[1], goes_on[2], since.0, SWEEP_MAX],
            )?
        };
        let words = format!("no failure for {silence_days} days");
        for row in &silent {
            step.prepare_cached("UPDATE problems SET resolved_release = NULL WHERE id = ?1")
                .doing(doing)?
                .execute([row])
                .doing(doing)?;
            set_state(&step, *row, now, State::Resolved, None, &words)?;
        }
        let heard = rows(
            &step,
            "SELECT id FROM problems WHERE state = ?1 AND muted_until <= ?2 LIMIT ?3",
            params![State::Muted.code(), now.0, SWEEP_MAX],
        )?;
        for row in &heard {
            set_state(&step, *row, now, State::Ongoing, None, "the time it was muted for is over")?;
        }
        step.commit().doing(doing)?;
        Ok(Swept { silent: silent.len() as u64, heard: heard.len() as u64 })
    }

    /// Does something to a problem and keeps it in the log, both or neither.
    fn act(
        &mut self,
        now: Time,
        project: i64,
        id: &str,
        by: &str,
        words: &str,
        change: impl FnOnce(&Connection, i64) -> Result<()>,
    ) -> Result<()> {
        let step = self.db.transaction().doing(words)?;
        let row = problem(&step, project, id)?;
        change(&step, row)?;
        log(&step, row, now, by, false, words)?;
        step.commit().doing(words)
    }
}

fn problem(db: &Connection, project: i64, id: &str) -> Result<i64> {
    find_problem(db, project, hex(id)?)?.ok_or_else(|| Error::Missing(format!("problem {id}")))
}

fn state(db: &Connection, row: i64) -> Result<State> {
    db.query_row("SELECT state FROM problems WHERE id = ?1", [row], |r| r.get(0))
        .map(State::of)
        .doing("reading a problem's state")
}

fn set_state(db: &Connection, row: i64, at: Time, state: State, by: Option<&str>, why: &str) -> Result<()> {
    let doing = "changing a problem's state";
    db.prepare_cached(
        "UPDATE problems SET state = ?2, state_at = ?3, muted_until = NULL, muted_count = NULL, superseded_by = NULL
         WHERE id = ?1",
    )
    .doing(doing)?
    .execute(params![row, state.code(), at.0])
    .doing(doing)?;
    log_state(db, row, at, state, by, why)
}

fn log(db: &Connection, row: i64, at: Time, by: &str, written: bool, text: &str) -> Result<()> {
    let doing = "keeping a note";
    db.prepare_cached("INSERT INTO notes (problem, at, by, kind, text) VALUES (?1, ?2, ?3, ?4, ?5)")
        .doing(doing)?
        .execute(params![row, at.0, cut(by, TEXT_BYTES_MAX), written, text])
        .doing(doing)?;
    Ok(())
}

fn rows(db: &Connection, sql: &str, args: impl rusqlite::Params) -> Result<Vec<i64>> {
    let doing = "looking for problems";
    let mut statement = db.prepare_cached(sql).doing(doing)?;
    statement.query_map(args, |r| r.get(0)).doing(doing)?.collect::<rusqlite::Result<_>>().doing(doing)
}
