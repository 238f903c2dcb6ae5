//! The folder and the one connection that writes.

use crate::error::{Doing, Error, Result};
use crate::names::Names;
use crate::problems::Known;
use crate::read::Reader;
use crate::schema;
use rusqlite::Connection;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// The database's name in the folder.
pub(crate) const DATABASE: &str = "why500.db";

/// The lock's name in the folder. The system gives the lock up when its process ends, however it ends.
const LOCK: &str = "why500.lock";

/// Statements that are kept prepared: more than there are in the way of a commit.
const STATEMENTS: usize = 128;

/// What is kept, open to be written. One process has a folder at a time; within it, one thread at a time has the store (put it
/// behind a mutex, or leave it with the thread that digests). Readers are apart: [`Store::reader`].
#[derive(Debug)]
pub struct Store {
    pub(crate) db: Connection,
    pub(crate) folder: PathBuf,
    pub(crate) names: Names,
    pub(crate) known: Known,
    _lock: File,
}

impl Store {
    /// Opens a folder, making it and bringing its database forward where need be.
    pub fn open(folder: &Path) -> Result<Store> {
        std::fs::create_dir_all(folder).map_err(|e| Error::file(folder, e))?;
        let lock = lock(folder)?;
        let file = folder.join(DATABASE);
        let doing = "opening it";
        let mut db = Connection::open(&file).doing(doing)?;
        // A later layout is refused before anything is written.
        schema::known(&db, &file)?;
        prepare(&db).doing(doing)?;
        schema::migrate(&mut db, &file)?;
        Ok(Store {
            db,
            folder: folder.to_owned(),
            names: Names::default(),
            known: Known::default(),
            _lock: lock,
        })
    }

    /// The journal position before which all is digested; 0 at first.
    pub fn digested(&self) -> Result<u64> {
        Ok(u64::try_from(self.meta("digested")?).unwrap_or(0))
    }

    /// A connection that reads, for another thread.
    pub fn reader(&self) -> Result<Reader> {
        Reader::open(&self.folder)
    }

    /// A number of the table `meta`; 0 if it was never set.
    pub(crate) fn meta(&self, name: &str) -> Result<i64> {
        meta(&self.db, name)
    }
}

pub(crate) fn meta(db: &Connection, name: &str) -> Result<i64> {
    let doing = "reading its numbers";
    db.prepare_cached("SELECT COALESCE((SELECT value FROM meta WHERE name = ?1), 0)")
        .doing(doing)?
        .query_row([name], |row| row.get(0))
        .doing(doing)
}

pub(crate) fn set_meta(db: &Connection, name: &str, value: i64) -> Result<()> {
    let doing = "writing its numbers";
    db.prepare_cached("INSERT INTO meta (name, value) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = ?2")
        .doing(doing)?
        .execute(rusqlite::params![name, value])
        .doing(doing)?;
    Ok(())
}

/// What holds for the connection that writes.
///
/// `auto_vacuum` must be set before the first table is made. With `synchronous=FULL` a commit is on disk when it returns
/// (<https://www.sqlite.org/pragma.html#pragma_synchronous>): the journal forgets what it says is digested.
fn prepare(db: &Connection) -> rusqlite::Result<()> {
    db.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    db.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    db.pragma_update(None, "synchronous", "FULL")?;
    // 16 MB of pages in memory: the indexes that a commit touches while a problem goes on.
    db.pragma_update(None, "cache_size", -16_384)?;
    // After 4,000 pages (16 MB) the WAL is brought into the database, and cut to that size if a reader held it up.
    db.pragma_update(None, "wal_autocheckpoint", 4_000)?;
    db.pragma_update(None, "journal_size_limit", 64 << 20)?;
    db.pragma_update(None, "temp_store", "MEMORY")?;
    db.set_prepared_statement_cache_capacity(STATEMENTS);
    db.busy_timeout(std::time::Duration::from_secs(5))
}

/// Takes the folder, or says who has it.
fn lock(folder: &Path) -> Result<File> {
    let path = folder.join(LOCK);
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(|e| Error::file(&path, e))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut pid = String::new();
            // A pid is ten digits; the file is not ours, so no more is read.
            let _ = (&mut file).take(20).read_to_string(&mut pid);
            let pid = pid.trim();
            let pid = if pid.is_empty() { "?".to_owned() } else { pid.to_owned() };
            return Err(Error::InUse { folder: folder.to_owned(), pid });
        }
        Err(TryLockError::Error(e)) => return Err(Error::file(&path, e)),
    }
    // The pid only helps people: a full disk must not keep the folder from being opened.
    let _ = file
        .set_len(0)
        .and_then(|()| file.seek(SeekFrom::Start(0)))
        .and_then(|_| writeln!(file, "{}", std::process::id()));
    Ok(file)
}
