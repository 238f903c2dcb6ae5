//! The layout of the database, and how an older one is brought forward.
//!
//! Each version is one SQL text that takes the version before it as it is. A text that was released is never changed.

use crate::error::{Doing, Error, Result};
use rusqlite::Connection;
use std::path::Path;

/// One text per version, the first being version 1. SQLite's `user_version` holds how many were applied.
pub(crate) const MIGRATIONS: [&str; 2] =
    [include_str!("schema/1-observed.sql"), include_str!("schema/2-access.sql")];

/// The layout that this program writes.
pub(crate) const VERSION: i64 = MIGRATIONS.len() as i64;

/// The layout of a database; 0 is an empty one.
pub(crate) fn version(db: &Connection) -> Result<i64> {
    db.query_row("PRAGMA user_version", [], |row| row.get(0)).doing("reading its layout")
}

/// Refuses a database that a later program wrote.
pub(crate) fn known(db: &Connection, file: &Path) -> Result<i64> {
    let found = version(db)?;
    if found > VERSION {
        return Err(Error::TooNew { file: file.to_owned(), found, known: VERSION });
    }
    Ok(found)
}

/// Brings a database forward, all versions in one transaction: it is of the old layout or of the new one.
pub(crate) fn migrate(db: &mut Connection, file: &Path) -> Result<()> {
    let found = known(db, file)?;
    if found == VERSION {
        return Ok(());
    }
    let doing = "bringing it to the new layout";
    let step = db.transaction().doing(doing)?;
    for text in MIGRATIONS.iter().skip(usize::try_from(found).unwrap_or(0)) {
        step.execute_batch(text).doing(doing)?;
    }
    step.pragma_update(None, "user_version", VERSION).doing(doing)?;
    step.commit().doing(doing)
}
