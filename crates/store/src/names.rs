//! Names as small integers, and the combinations in which they occur.
//!
//! A hundred thousand failures have a few hundred combinations of status, method, route, service, release and environment
//! between them. Each combination (a shape) is one row, and a failure holds its number.

use crate::error::{Doing, Result};
use crate::limits::{METHODS_PER_PROJECT, NAMES_PER_PROJECT, OTHER, ROUTES_PER_PROJECT, TEXT_BYTES_MAX};
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::HashMap;

/// What a name names; the number is kept in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Method = 1,
    Route = 2,
    Service = 3,
    Release = 4,
    Environment = 5,
}

impl Kind {
    fn limit(self) -> usize {
        match self {
            Kind::Method => METHODS_PER_PROJECT,
            Kind::Route => ROUTES_PER_PROJECT,
            Kind::Service | Kind::Release | Kind::Environment => NAMES_PER_PROJECT,
        }
    }
}

/// What failures have in common, as the caller says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Shape<'a> {
    pub status: u16,
    pub method: &'a str,
    pub route: &'a str,
    pub service: &'a str,
    pub release: &'a str,
    pub environment: &'a str,
}

/// A shape's number, with what is looked at again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shaped {
    pub id: i64,
    /// The number of the release's name; 0 if none is known.
    pub release: i64,
}

/// Names and shapes in memory beyond which all are let go and read anew: at some 200 bytes each, 20 MB.
const CACHED: usize = 100_000;

/// Names and shapes of the database that were met lately.
#[derive(Debug, Default)]
pub(crate) struct Names {
    names: HashMap<(i64, Kind), HashMap<String, i64>>,
    shapes: HashMap<(i64, u16, [i64; 5]), Shaped>,
    /// How many names of a kind a project has.
    counts: HashMap<(i64, Kind), usize>,
    held: usize,
}

impl Names {
    /// Forgets all: what was made in a transaction that was taken back is not there.
    pub(crate) fn clear(&mut self) {
        *self = Names::default();
    }

    /// The number of a shape, which is made where it is new.
    pub(crate) fn shape(&mut self, db: &Connection, project: i64, shape: &Shape) -> Result<Shaped> {
        if self.held > CACHED {
            self.clear();
        }
        let parts = [
            self.name(db, project, Kind::Method, shape.method)?,
            self.name(db, project, Kind::Route, shape.route)?,
            self.name(db, project, Kind::Service, shape.service)?,
            self.name(db, project, Kind::Release, shape.release)?,
            self.name(db, project, Kind::Environment, shape.environment)?,
        ];
        if let Some(shaped) = self.shapes.get(&(project, shape.status, parts)) {
            return Ok(*shaped);
        }
        let [method, route, service, release, environment] = parts;
        let doing = "naming a failure's parts";
        let all = params![project, shape.status, method, route, service, release, environment];
        let found: Option<i64> = db
            .prepare_cached(
                "SELECT id FROM shapes WHERE project = ?1 AND status = ?2 AND method = ?3 AND route = ?4
                 AND service = ?5 AND release = ?6 AND environment = ?7",
            )
            .doing(doing)?
            .query_row(all, |row| row.get(0))
            .optional()
            .doing(doing)?;
        let id = match found {
            Some(id) => id,
            None => {
                db.prepare_cached(
                    "INSERT INTO shapes (project, status, method, route, service, release, environment)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                )
                .doing(doing)?
                .execute(all)
                .doing(doing)?;
                db.last_insert_rowid()
            }
        };
        let shaped = Shaped { id, release };
        self.shapes.insert((project, shape.status, parts), shaped);
        self.held += 1;
        Ok(shaped)
    }

    /// The number of a name; 0 for an empty one. One beyond the limit has the number of [`OTHER`].
    fn name(&mut self, db: &Connection, project: i64, kind: Kind, name: &str) -> Result<i64> {
        if name.is_empty() {
            return Ok(0);
        }
        let name = cut(name, TEXT_BYTES_MAX);
        if let Some(id) = self.names.get(&(project, kind)).and_then(|known| known.get(name)) {
            return Ok(*id);
        }
        let mut held = name;
        let mut id = find(db, project, kind, name)?;
        if id.is_none() && self.count(db, project, kind)? >= kind.limit() {
            // What is beyond the limit is not remembered by its own name, or the memory would grow in place of the disk.
            held = OTHER;
            id = find(db, project, kind, OTHER)?;
        }
        let id = match id {
            Some(id) => id,
            None => {
                let doing = "adding a name";
                db.prepare_cached("INSERT INTO names (project, kind, name) VALUES (?1, ?2, ?3)")
                    .doing(doing)?
                    .execute(params![project, kind as i64, held])
                    .doing(doing)?;
                *self.counts.entry((project, kind)).or_default() += 1;
                db.last_insert_rowid()
            }
        };
        self.names.entry((project, kind)).or_default().insert(held.to_owned(), id);
        self.held += 1;
        Ok(id)
    }

    fn count(&mut self, db: &Connection, project: i64, kind: Kind) -> Result<usize> {
        if let Some(n) = self.counts.get(&(project, kind)) {
            return Ok(*n);
        }
        let doing = "counting names";
        let n: i64 = db
            .prepare_cached("SELECT count(*) FROM names WHERE project = ?1 AND kind = ?2")
            .doing(doing)?
            .query_row(params![project, kind as i64], |row| row.get(0))
            .doing(doing)?;
        let n = usize::try_from(n).unwrap_or(usize::MAX);
        self.counts.insert((project, kind), n);
        Ok(n)
    }
}

/// The number of a name that exists.
pub(crate) fn find(db: &Connection, project: i64, kind: Kind, name: &str) -> Result<Option<i64>> {
    let doing = "looking a name up";
    db.prepare_cached("SELECT id FROM names WHERE project = ?1 AND kind = ?2 AND name = ?3")
        .doing(doing)?
        .query_row(params![project, kind as i64, name], |row| row.get(0))
        .optional()
        .doing(doing)
}

/// The beginning of a text, in so many bytes at most and no character torn.
pub(crate) fn cut(text: &str, bytes_max: usize) -> &str {
    let mut end = bytes_max.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or("")
}
