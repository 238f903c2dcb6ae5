//! Which failures were digested lately: by id, where each lies.
//!
//! Ids are hashes, so an index of all of them is touched all over: once it has outgrown the cache each failure costs a page of
//! 4 kB read and written. But a failure is only digested again while the diagnosis still has it in its window, or after a
//! restart. So there are two tables, one that is added to and the one before it. When the first is old and large enough, the
//! second is emptied at a stroke and they change places.

use crate::error::{Doing, Result};
use crate::limits::{IDS_AGE_MAX_US, IDS_AGE_MIN_US, IDS_ROWS};
use crate::store::{meta, set_meta};
use record::Time;
use rusqlite::{Connection, OptionalExtension, params};

/// A failure as it is kept.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    pub problem: i64,
    pub at: i64,
    /// `None` if the failure's row is no longer kept.
    pub shape: Option<i64>,
    pub target: Option<String>,
}

/// The two tables during a commit.
#[derive(Debug)]
pub(crate) struct Ids<'a> {
    db: &'a Connection,
    /// Which of the two is added to: 0 or 1.
    open: i64,
    added: i64,
}

impl<'a> Ids<'a> {
    pub(crate) fn new(db: &'a Connection) -> Result<Ids<'a>> {
        Ok(Ids { db, open: meta(db, "ids_open")?, added: 0 })
    }

    /// Where a failure lies. Two projects may have failures of the same id, if the same records were sent to both.
    pub(crate) fn find(&self, project: i64, id: u64) -> Result<Option<Kept>> {
        let found = self.find_in(self.open, project, id)?;
        if found.is_some() { Ok(found) } else { self.find_in(1 - self.open, project, id) }
    }

    fn find_in(&self, table: i64, project: i64, id: u64) -> Result<Option<Kept>> {
        let doing = "looking a failure up";
        let sql = if table == 0 { FIND[0] } else { FIND[1] };
        self.db
            .prepare_cached(sql)
            .doing(doing)?
            .query_row([id.cast_signed(), project], |row| {
                Ok(Kept { problem: row.get(0)?, at: row.get(1)?, shape: row.get(2)?, target: row.get(3)? })
            })
            .optional()
            .doing(doing)
    }

    /// A failure lies here now.
    pub(crate) fn put(&mut self, id: u64, problem: i64, at: Time) -> Result<()> {
        let doing = "keeping a failure's id";
        let sql = if self.open == 0 { PUT[0] } else { PUT[1] };
        self.db
            .prepare_cached(sql)
            .doing(doing)?
            .execute(params![id.cast_signed(), problem, at.0])
            .doing(doing)?;
        self.added += 1;
        Ok(())
    }

    /// A failure lies there no more.
    pub(crate) fn remove(&self, id: u64, problem: i64) -> Result<()> {
        let doing = "removing a failure's id";
        for sql in REMOVE {
            self.db.prepare_cached(sql).doing(doing)?.execute([id.cast_signed(), problem]).doing(doing)?;
        }
        Ok(())
    }

    /// At the end of a commit: counts what was added, and has the tables change places when it is time.
    pub(crate) fn close(self, now: Time) -> Result<()> {
        let rows = meta(self.db, "ids_rows")?.saturating_add(self.added);
        let since = meta(self.db, "ids_since")?;
        // A clock that jumped back makes the age negative: then it begins anew, and ids are kept for longer.
        let age = now.0.saturating_sub(since);
        let full = rows >= IDS_ROWS && age >= IDS_AGE_MIN_US;
        if age < 0 || (rows > 0 && since == 0) {
            set_meta(self.db, "ids_since", now.0)?;
        } else if rows > 0 && (full || age >= IDS_AGE_MAX_US) {
            let other = 1 - self.open;
            let doing = "letting go of failures' ids";
            self.db.execute(EMPTY[usize::from(other == 1)], []).doing(doing)?;
            set_meta(self.db, "ids_open", other)?;
            set_meta(self.db, "ids_since", now.0)?;
            return set_meta(self.db, "ids_rows", 0);
        }
        if self.added > 0 { set_meta(self.db, "ids_rows", rows) } else { Ok(()) }
    }
}

/// CROSS JOIN keeps SQLite to this order: nearly always the first look finds nothing, and that is all.
const FIND: [&str; 2] = [
    "SELECT i.problem, i.at, f.shape, f.target FROM ids_0 i CROSS JOIN problems p ON p.id = i.problem
     LEFT JOIN failures f ON f.problem = i.problem AND f.at = i.at AND f.id = i.id WHERE i.id = ?1 AND p.project = ?2",
    "SELECT i.problem, i.at, f.shape, f.target FROM ids_1 i CROSS JOIN problems p ON p.id = i.problem
     LEFT JOIN failures f ON f.problem = i.problem AND f.at = i.at AND f.id = i.id WHERE i.id = ?1 AND p.project = ?2",
];

const PUT: [&str; 2] = [
    "INSERT INTO ids_0 (id, problem, at) VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET at = ?3",
    "INSERT INTO ids_1 (id, problem, at) VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET at = ?3",
];

const REMOVE: [&str; 2] =
    ["DELETE FROM ids_0 WHERE id = ?1 AND problem = ?2", "DELETE FROM ids_1 WHERE id = ?1 AND problem = ?2"];

/// Without a condition SQLite frees the table's pages without reading them
/// (<https://www.sqlite.org/lang_delete.html#the_truncate_optimization>).
const EMPTY: [&str; 2] = ["DELETE FROM ids_0", "DELETE FROM ids_1"];
