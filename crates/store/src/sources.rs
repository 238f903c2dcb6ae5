//! Source maps by the names they are asked for, and what is told of releases. A map's content is a file that the caller keeps: the
//! store knows its name.

use crate::error::{Doing, Result};
use crate::limits::{MAPS_PER_PROJECT, RELEASE_BYTES_MAX, RELEASES_PER_PROJECT, TEXT_BYTES_MAX};
use crate::names::cut;
use crate::read::Reader;
use crate::store::Store;
use record::Time;
use rusqlite::{Row, params};

/// What a source map is asked for by: a debug id, or a script of a release. What is not so is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MapName {
    /// In lower case.
    pub debug_id: String,
    /// The release.
    pub release: String,
    /// The build of the release.
    pub dist: String,
    /// The script: `~/js/app.min.js`.
    pub url: String,
}

/// A source map under one of its names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapRow {
    /// The name.
    pub name: MapName,
    /// Its file.
    pub file: String,
    /// Its bytes.
    pub bytes: u64,
    /// When it came.
    pub at: Time,
    /// When it was used last, within a day; when it came, if never.
    pub used: Time,
}

/// What is told of a release.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReleaseRow {
    /// Its name.
    pub release: String,
    /// Its commit.
    pub commit: String,
    /// The commit of the release before; empty if nobody told it.
    pub previous: String,
    /// When it was told.
    pub at: Time,
    /// Its commits, the newest first: JSON of the caller.
    pub commits: String,
}

const MAP: &str = "debug_id, release, dist, url, file, bytes, at, used";
const RELEASE: &str = "release, \"commit\", previous, at, commits";

fn map_row(row: &Row<'_>) -> rusqlite::Result<MapRow> {
    let name = MapName { debug_id: row.get(0)?, release: row.get(1)?, dist: row.get(2)?, url: row.get(3)? };
    Ok(MapRow {
        name,
        file: row.get(4)?,
        bytes: row.get::<_, i64>(5)?.cast_unsigned(),
        at: Time(row.get(6)?),
        used: Time(row.get(7)?),
    })
}

fn release_row(row: &Row<'_>) -> rusqlite::Result<ReleaseRow> {
    Ok(ReleaseRow {
        release: row.get(0)?,
        commit: row.get(1)?,
        previous: row.get(2)?,
        at: Time(row.get(3)?),
        commits: row.get(4)?,
    })
}

impl Store {
    /// Notes a source map under a name; what had the name before has it no longer. Of more names than a project may have, those go that
    /// were not used for longest.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn add_map(&self, now: Time, project: i64, name: &MapName, file: &str, bytes: u64) -> Result<()> {
        let doing = "noting a source map";
        let text = |t: &'_ str| cut(t, TEXT_BYTES_MAX).to_owned();
        self.db
            .execute(
                "INSERT INTO maps (project, debug_id, release, dist, url, file, bytes, at, used)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8)
                 ON CONFLICT DO UPDATE SET file = excluded.file, bytes = excluded.bytes, at = excluded.at, used = excluded.used",
                params![
                    project,
                    text(&name.debug_id),
                    text(&name.release),
                    text(&name.dist),
                    text(&name.url),
                    file,
                    bytes.cast_signed(),
                    now.0
                ],
            )
            .doing(doing)?;
        self.db
            .execute(
                "DELETE FROM maps WHERE project = ?1 AND (debug_id, release, dist, url) IN
                   (SELECT debug_id, release, dist, url FROM maps WHERE project = ?1 ORDER BY used DESC LIMIT -1 OFFSET ?2)",
                params![project, MAPS_PER_PROJECT],
            )
            .doing(doing)?;
        Ok(())
    }

    /// A source map was used.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn map_used(&self, now: Time, file: &str) -> Result<()> {
        let doing = "noting that a source map was used";
        self.db.execute("UPDATE maps SET used = ?1 WHERE file = ?2", params![now.0, file]).doing(doing)?;
        Ok(())
    }

    /// Lets go of source maps not used since `before`, and of those that were not used for longest while all take more than
    /// `bytes_max`. Gives how many names went.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn forget_maps(&self, before: Time, bytes_max: u64) -> Result<usize> {
        let doing = "letting go of source maps";
        let mut gone = self.db.execute("DELETE FROM maps WHERE used < ?1", [before.0]).doing(doing)?;
        // A file counts once, however many names it has.
        gone += self
            .db
            .execute(
                "DELETE FROM maps WHERE file IN (SELECT file FROM
                   (SELECT file, sum(bytes) OVER (ORDER BY used DESC, file) AS together FROM
                     (SELECT file, max(bytes) AS bytes, max(used) AS used FROM maps GROUP BY file)) WHERE together > ?1)",
                [bytes_max.cast_signed()],
            )
            .doing(doing)?;
        Ok(gone)
    }

    /// Notes what is told of a release; what is empty leaves what was told before. Of more releases than a project may have, the oldest go.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn set_release(&self, project: i64, told: &ReleaseRow) -> Result<()> {
        let doing = "noting a release's commits";
        let text = |t: &'_ str| cut(t, TEXT_BYTES_MAX).to_owned();
        let commits = if told.commits.len() > RELEASE_BYTES_MAX { "" } else { told.commits.as_str() };
        self.db
            .execute(
                "INSERT INTO releases (project, release, \"commit\", previous, at, commits) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT DO UPDATE SET \"commit\" = excluded.\"commit\",
                   previous = CASE excluded.previous WHEN '' THEN previous ELSE excluded.previous END,
                   commits = CASE excluded.commits WHEN '' THEN commits ELSE excluded.commits END",
                params![project, text(&told.release), text(&told.commit), text(&told.previous), told.at.0, commits],
            )
            .doing(doing)?;
        self.db
            .execute(
                "DELETE FROM releases WHERE project = ?1 AND release IN
                   (SELECT release FROM releases WHERE project = ?1 ORDER BY at DESC LIMIT -1 OFFSET ?2)",
                params![project, RELEASES_PER_PROJECT],
            )
            .doing(doing)?;
        Ok(())
    }
}

impl Reader {
    /// The source map of a debug id.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn map_by_id(&self, project: i64, debug_id: &str) -> Result<Option<MapRow>> {
        let text =
            format!("SELECT {MAP} FROM maps WHERE project = ?1 AND debug_id = ?2 ORDER BY at DESC LIMIT 1");
        self.row(&text, params![project, debug_id], map_row)
    }

    /// The source map of a script of a release.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn map_by_url(&self, project: i64, release: &str, dist: &str, url: &str) -> Result<Option<MapRow>> {
        let text = format!(
            "SELECT {MAP} FROM maps WHERE project = ?1 AND debug_id = '' AND release = ?2 AND dist = ?3 AND url = ?4"
        );
        self.row(&text, params![project, release, dist, url], map_row)
    }

    /// Has a project any source map?
    ///
    /// # Errors
    /// It cannot be read.
    pub fn has_maps(&self, project: i64) -> Result<bool> {
        Ok(self.row("SELECT 1 FROM maps WHERE project = ?1 LIMIT 1", [project], |_| Ok(()))?.is_some())
    }

    /// Source maps of a project, the newest first.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn maps(&self, project: i64, limit: usize) -> Result<Vec<MapRow>> {
        let doing = "reading source maps";
        let text = format!(
            "SELECT {MAP} FROM maps WHERE project = ?1 ORDER BY at DESC, file, debug_id, url LIMIT ?2"
        );
        let mut query = self.db.prepare_cached(&text).doing(doing)?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = query.query_map(params![project, limit], map_row).doing(doing)?;
        rows.collect::<rusqlite::Result<Vec<_>>>().doing(doing)
    }

    /// Is a file some source map's?
    ///
    /// # Errors
    /// It cannot be read.
    pub fn is_map(&self, file: &str) -> Result<bool> {
        Ok(self.row("SELECT 1 FROM maps WHERE file = ?1 LIMIT 1", [file], |_| Ok(()))?.is_some())
    }

    /// What is told of a release.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn release(&self, project: i64, release: &str) -> Result<Option<ReleaseRow>> {
        let text = format!("SELECT {RELEASE} FROM releases WHERE project = ?1 AND release = ?2");
        self.row(&text, params![project, release], release_row)
    }

    /// The last release told of before an instant, other than `release`.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn release_before(&self, project: i64, release: &str, at: Time) -> Result<Option<ReleaseRow>> {
        let text = format!(
            "SELECT {RELEASE} FROM releases WHERE project = ?1 AND release != ?2 AND at <= ?3 ORDER BY at DESC LIMIT 1"
        );
        self.row(&text, params![project, release, at.0], release_row)
    }
}
