//! Applying a commit: one transaction, in which failures are counted where they belong now.

use crate::commit::{Commit, Dropped, FailureChange, MarkRow, RequestCount};
use crate::durations;
use crate::error::{Doing, Result};
use crate::examples;
use crate::ids::{Ids, Kept};
use crate::limits::{DROPPED_PER_PROJECT, OTHER, TARGET_BYTES_MAX, TEXT_BYTES_MAX};
use crate::names::{Names, Shape, Shaped, cut};
use crate::problems::{self, Known, Made, Touched};
use crate::store::{Store, meta, set_meta};
use record::{SECOND, Time};
use rusqlite::{Connection, params};
use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

/// The minute of an instant, since the Unix epoch.
pub(crate) fn minute(at: Time) -> i64 {
    at.0.div_euclid(60 * SECOND)
}

impl Store {
    /// Applies a commit, as a whole or not at all; on disk when it returns.
    ///
    /// Applied again it changes nothing: a failure is counted once by its id, and what has no ids (requests, what was dropped)
    /// is added once per commit. One that is behind what is digested is passed over.
    pub fn commit(&mut self, commit: &Commit) -> Result<()> {
        let done = self.apply(commit);
        if done.is_err() {
            self.names.clear();
            self.known.clear();
        }
        done
    }

    fn apply(&mut self, commit: &Commit) -> Result<()> {
        let doing = "keeping a digest";
        let Store { db, names, known, .. } = self;
        let step = db.transaction().doing(doing)?;
        let before = u64::try_from(meta(&step, "digested")?).unwrap_or(0);
        if commit.digested < before {
            return Ok(());
        }
        let stamp = stamp(commit);
        let again = commit.digested == before && meta(&step, "stamp")? == stamp;
        let hourly_before = meta(&step, "hourly_before")?;
        let forgotten_before = meta(&step, "forgotten_before")?;
        let mut digest = Digest {
            db: &step,
            names,
            known,
            ids: Ids::new(&step)?,
            now: commit.at,
            hourly_before,
            forgotten_before,
            touched: HashMap::new(),
            counts: HashMap::new(),
            examples_moved: HashSet::new(),
            late: HashMap::new(),
        };
        for problem in &commit.problems {
            let (row, made) = digest.known.find_or_make(&step, commit.at, problem)?;
            if made == Made::Before {
                problems::explain(&step, commit.at, row, problem)?;
            }
        }
        // By id, as the tables of ids are: neighbours lie on one page. One that is named twice keeps its order.
        let mut failures: Vec<&FailureChange> = commit.failures.iter().collect();
        failures.sort_by_key(|f| f.id.cast_signed());
        for failure in failures {
            digest.failure(failure)?;
        }
        for &(project, id) in &commit.gone {
            digest.gone(project, id)?;
        }
        digest.write_counts()?;
        let moved = std::mem::take(&mut digest.examples_moved);
        examples::keep(&step, &digest.ids, &commit.examples, moved)?;
        if !again {
            for request in &commit.requests {
                digest.request(request)?;
            }
            for dropped in &commit.dropped {
                digest.dropped(dropped)?;
            }
            for (project, count) in std::mem::take(&mut digest.late) {
                let reason = "older than failures are kept".to_owned();
                digest.dropped(&Dropped { project, wire: "digest".to_owned(), reason, count })?;
            }
        }
        for mark in &commit.marks {
            digest.mark(mark)?;
        }
        digest.settle()?;
        digest.ids.close(commit.at)?;
        set_meta(&step, "digested", i64::try_from(commit.digested).unwrap_or(i64::MAX))?;
        set_meta(&step, "stamp", stamp)?;
        step.commit().doing(doing)
    }
}

/// Tells a commit from the one before it at the same position, for what has no ids. A later program may hash otherwise: then
/// one commit that was applied and is applied again right after an upgrade counts its requests twice.
fn stamp(commit: &Commit) -> i64 {
    let mut hash = DefaultHasher::new();
    commit.at.hash(&mut hash);
    for r in &commit.requests {
        (r.project, r.minute, &r.service, &r.method, &r.route, r.status, r.count).hash(&mut hash);
    }
    for d in &commit.dropped {
        (d.project, &d.wire, &d.reason, d.count).hash(&mut hash);
    }
    hash.finish().cast_signed()
}

/// A commit being applied.
struct Digest<'a> {
    db: &'a Connection,
    names: &'a mut Names,
    known: &'a mut Known,
    ids: Ids<'a>,
    now: Time,
    /// The minute before which counts are by the hour.
    hourly_before: i64,
    /// The instant before which failures are no longer kept.
    forgotten_before: i64,
    /// Problems that failures came to or left.
    touched: HashMap<i64, Touched>,
    /// What is to be added to the counts: by project, problem, minute and shape.
    counts: HashMap<(i64, i64, i64, i64), i64>,
    /// Problems that examples moved to.
    examples_moved: HashSet<i64>,
    /// Failures by project that are older than what is kept.
    late: HashMap<i64, u64>,
}

impl Digest<'_> {
    fn failure(&mut self, f: &FailureChange) -> Result<()> {
        let problem = self.problem(f)?;
        let shape = Shape {
            status: f.status,
            method: &f.method,
            route: &f.route,
            service: f.service.as_deref().unwrap_or(""),
            release: f.release.as_deref().unwrap_or(""),
            environment: f.environment.as_deref().unwrap_or(""),
        };
        let shaped = self.names.shape(self.db, f.project, &shape)?;
        let target = (f.target != f.route).then(|| cut(&f.target, TARGET_BYTES_MAX));
        let before = self.ids.find(f.project, f.id)?;
        match &before {
            Some(Kept { shape: None, .. }) => return self.late(f.project),
            Some(kept) if (kept.problem, kept.at, kept.shape) == (problem, f.at.0, Some(shaped.id)) => {
                return if kept.target.as_deref() == target {
                    Ok(())
                } else {
                    self.retarget(kept, f.id, target)
                };
            }
            Some(kept) => self.take(f.project, f.id, kept, Some(problem).filter(|p| *p != kept.problem))?,
            None if f.at.0 < self.forgotten_before => return self.late(f.project),
            None => {}
        }
        let doing = "adding a failure";
        let added = self
            .db
            .prepare_cached(
                "INSERT INTO failures (problem, at, id, shape, target) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT DO NOTHING",
            )
            .doing(doing)?
            .execute(params![problem, f.at.0, f.id.cast_signed(), shaped.id, target])
            .doing(doing)?;
        if added == 0 {
            // Digested so long ago that its id is not remembered.
            return Ok(());
        }
        self.ids.put(f.id, problem, f.at)?;
        if let Some(kept) = before {
            self.move_example(f, kept.problem, problem)?;
        }
        self.count(f.project, problem, f.at, shaped.id, 1);
        self.touch(problem)?.came(f.at, f.arrived, shaped);
        Ok(())
    }

    /// A failure that is older than what is kept is counted as that.
    fn late(&mut self, project: i64) -> Result<()> {
        *self.late.entry(project).or_default() += 1;
        Ok(())
    }

    fn gone(&mut self, project: i64, id: u64) -> Result<()> {
        let Some(kept) = self.ids.find(project, id)? else { return Ok(()) };
        self.take(project, id, &kept, None)?;
        let doing = "removing an example";
        self.db
            .prepare_cached("DELETE FROM examples WHERE failure = ?1 AND problem = ?2")
            .doing(doing)?
            .execute([id.cast_signed(), kept.problem])
            .doing(doing)?;
        Ok(())
    }

    /// The number of a failure's problem.
    fn problem(&mut self, f: &FailureChange) -> Result<i64> {
        if let Some(row) = self.known.find(self.db, f.project, problems::hex(&f.problem)?)? {
            return Ok(row);
        }
        let (row, _) =
            self.known.find_or_make(self.db, self.now, &problems::unexplained(f.project, &f.problem))?;
        Ok(row)
    }

    /// Takes a failure off where it was counted.
    fn take(&mut self, project: i64, id: u64, kept: &Kept, to: Option<i64>) -> Result<()> {
        let Some(shape) = kept.shape else { return Ok(()) };
        let doing = "removing a failure";
        self.db
            .prepare_cached("DELETE FROM failures WHERE problem = ?1 AND at = ?2 AND id = ?3")
            .doing(doing)?
            .execute([kept.problem, kept.at, id.cast_signed()])
            .doing(doing)?;
        self.ids.remove(id, kept.problem)?;
        self.count(project, kept.problem, Time(kept.at), shape, -1);
        self.touch(kept.problem)?.went(Time(kept.at), to);
        Ok(())
    }

    fn retarget(&self, kept: &Kept, id: u64, target: Option<&str>) -> Result<()> {
        let doing = "changing a failure";
        self.db
            .prepare_cached("UPDATE failures SET target = ?4 WHERE problem = ?1 AND at = ?2 AND id = ?3")
            .doing(doing)?
            .execute(params![kept.problem, kept.at, id.cast_signed(), target])
            .doing(doing)?;
        Ok(())
    }

    /// The example goes with its failure.
    fn move_example(&mut self, f: &FailureChange, from: i64, to: i64) -> Result<()> {
        let doing = "moving an example";
        let moved = self
            .db
            .prepare_cached("UPDATE examples SET problem = ?3, at = ?4 WHERE failure = ?1 AND problem = ?2")
            .doing(doing)?
            .execute([f.id.cast_signed(), from, to, f.at.0])
            .doing(doing)?;
        if moved > 0 {
            self.examples_moved.insert(to);
        }
        Ok(())
    }

    fn touch(&mut self, problem: i64) -> Result<&mut Touched> {
        use std::collections::hash_map::Entry;
        match self.touched.entry(problem) {
            Entry::Occupied(there) => Ok(there.into_mut()),
            Entry::Vacant(free) => Ok(free.insert(Touched::read(self.db, problem)?)),
        }
    }

    fn count(&mut self, project: i64, problem: i64, at: Time, shape: i64, n: i64) {
        *self.counts.entry((project, problem, minute(at), shape)).or_default() += n;
    }

    /// Minutes long past are counted by the hour.
    fn bucket(&self, minute: i64) -> i64 {
        if minute < self.hourly_before { minute - minute.rem_euclid(60) } else { minute }
    }

    fn write_counts(&mut self) -> Result<()> {
        let mut totals: HashMap<(i64, i64), i64> = HashMap::new();
        let mut failed: HashMap<(i64, i64, i64), i64> = HashMap::new();
        let mut minutes: HashMap<(i64, i64), i64> = HashMap::new();
        for (&(project, problem, minute, shape), &n) in &self.counts {
            let bucket = self.bucket(minute);
            add(self.db, Counted::Problem, (problem, bucket, shape), n)?;
            *totals.entry((problem, shape)).or_default() += n;
            *failed.entry((project, bucket, shape)).or_default() += n;
            *minutes.entry((problem, minute)).or_default() += n;
        }
        for ((project, bucket, shape), n) in failed {
            add(self.db, Counted::Project, (project, bucket, shape), n)?;
        }
        for ((problem, shape), n) in totals {
            add_total(self.db, problem, shape, n)?;
        }
        for ((problem, minute), n) in minutes {
            self.touch(problem)?.weigh(minute, n);
        }
        self.counts.clear();
        Ok(())
    }

    fn request(&mut self, r: &RequestCount) -> Result<()> {
        let Ok(n) = i64::try_from(r.count) else { return Ok(()) };
        let shape = Shape {
            status: r.status,
            method: &r.method,
            route: &r.route,
            service: &r.service,
            release: "",
            environment: "",
        };
        let Shaped { id, .. } = self.names.shape(self.db, r.project, &shape)?;
        add(self.db, Counted::Requests, (r.project, self.bucket(r.minute), id), n)?;
        if r.took.is_empty() {
            return Ok(());
        }
        let Shaped { id, .. } = self.names.shape(self.db, r.project, &Shape { status: 0, ..shape })?;
        durations::add(self.db, r.project, r.minute, id, &r.took, self.now)
    }

    fn mark(&self, m: &MarkRow) -> Result<()> {
        let doing = "keeping a mark";
        let (kind, what) = (cut(&m.kind, TEXT_BYTES_MAX), cut(&m.what, TEXT_BYTES_MAX));
        self.db
            .prepare_cached(
                "INSERT INTO marks (project, id, at, kind, what) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT DO UPDATE SET at = ?3, kind = ?4, what = ?5",
            )
            .doing(doing)?
            .execute(params![m.project, m.id.cast_signed(), m.at.0, kind, what])
            .doing(doing)?;
        Ok(())
    }

    fn dropped(&self, d: &Dropped) -> Result<()> {
        let doing = "counting what was dropped";
        let Ok(n) = i64::try_from(d.count) else { return Ok(()) };
        let add = |wire: &str, reason: &str| {
            self.db
                .prepare_cached(
                    "UPDATE dropped SET n = n + ?4, last = max(last, ?5) WHERE project = ?1 AND wire = ?2 AND reason = ?3",
                )?
                .execute(params![d.project, wire, reason, n, self.now.0])
        };
        let (mut wire, mut reason) = (cut(&d.wire, TEXT_BYTES_MAX), cut(&d.reason, TEXT_BYTES_MAX));
        if add(wire, reason).doing(doing)? > 0 {
            return Ok(());
        }
        let rows: i64 = self
            .db
            .prepare_cached("SELECT count(*) FROM dropped WHERE project = ?1")
            .doing(doing)?
            .query_row([d.project], |row| row.get(0))
            .doing(doing)?;
        if rows >= DROPPED_PER_PROJECT {
            (wire, reason) = (OTHER, OTHER);
            if add(wire, reason).doing(doing)? > 0 {
                return Ok(());
            }
        }
        self.db
            .prepare_cached(
                "INSERT INTO dropped (project, wire, reason, n, first, last) VALUES (?1, ?2, ?3, ?4, ?5, ?5)",
            )
            .doing(doing)?
            .execute(params![d.project, wire, reason, n, self.now.0])
            .doing(doing)?;
        Ok(())
    }

    fn settle(&mut self) -> Result<()> {
        for (row, touched) in std::mem::take(&mut self.touched) {
            touched.settle(self.db, row, self.now)?;
        }
        Ok(())
    }
}

/// Which table of counts by minute.
#[derive(Clone, Copy)]
enum Counted {
    Problem,
    Project,
    Requests,
}

/// Adds to a count by minute; a count of none is no row.
fn add(db: &Connection, what: Counted, key: (i64, i64, i64), n: i64) -> Result<()> {
    if n == 0 {
        return Ok(());
    }
    let doing = "counting";
    let (add, clear) = match what {
        Counted::Problem => (
            "INSERT INTO counts (problem, minute, shape, n) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET n = n + ?4",
            "DELETE FROM counts WHERE problem = ?1 AND minute = ?2 AND shape = ?3 AND n = 0",
        ),
        Counted::Project => (
            "INSERT INTO failed (project, minute, shape, n) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET n = n + ?4",
            "DELETE FROM failed WHERE project = ?1 AND minute = ?2 AND shape = ?3 AND n = 0",
        ),
        Counted::Requests => (
            "INSERT INTO requests (project, minute, shape, n) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET n = n + ?4",
            "DELETE FROM requests WHERE project = ?1 AND minute = ?2 AND shape = ?3 AND n = 0",
        ),
    };
    let (first, minute, shape) = key;
    db.prepare_cached(add).doing(doing)?.execute([first, minute, shape, n]).doing(doing)?;
    if n < 0 {
        db.prepare_cached(clear).doing(doing)?.execute([first, minute, shape]).doing(doing)?;
    }
    Ok(())
}

fn add_total(db: &Connection, problem: i64, shape: i64, n: i64) -> Result<()> {
    let doing = "counting";
    db.prepare_cached(
        "INSERT INTO totals (problem, shape, n) VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET n = n + ?3",
    )
    .doing(doing)?
    .execute([problem, shape, n])
    .doing(doing)?;
    if n < 0 {
        db.prepare_cached("DELETE FROM totals WHERE problem = ?1 AND shape = ?2 AND n = 0")
            .doing(doing)?
            .execute([problem, shape])
            .doing(doing)?;
    }
    Ok(())
}
