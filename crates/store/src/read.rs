//! Reading, by connections of their own while commits go on.
//!
//! SQLite's WAL lets each reader see the state after one commit, whole, while the next one is written
//! (<https://www.sqlite.org/isolation.html>).

mod access;
mod counts;
mod failing;
pub(crate) mod list;
mod one;
mod rows;
pub(crate) mod search;

pub use failing::{Failing, Load};
pub use rows::*;

use crate::error::{Doing, Error, Result};
use crate::schema;
use rusqlite::{Connection, OpenFlags};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A connection that only reads. It may be sent to another thread; each thread that reads has its own.
#[derive(Debug)]
pub struct Reader {
    pub(crate) db: Connection,
    pub(crate) folder: PathBuf,
}

impl Reader {
    /// Opens the database of a folder, whether or not a [`crate::Store`] has it open.
    pub fn open(folder: &Path) -> Result<Reader> {
        let file = folder.join(crate::store::DATABASE);
        if !file.exists() {
            return Err(Error::Missing(format!("database {}", file.display())));
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db = Connection::open_with_flags(&file, flags).doing("opening it to read")?;
        // Only a checkpoint that resets the WAL or a recovery after a crash ever makes a reader wait.
        db.busy_timeout(Duration::from_secs(5)).doing("opening it to read")?;
        db.set_prepared_statement_cache_capacity(64);
        schema::known(&db, &file)?;
        Ok(Reader { db, folder: folder.to_owned() })
    }
}
