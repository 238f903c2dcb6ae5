//! What can go wrong: what, where, and what to do.

use std::io;
use std::path::{Path, PathBuf};

/// What the store's functions yield.
pub type Result<T> = std::result::Result<T, Error>;

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process has the folder.
    #[error("{folder} is in use by process {pid}; stop that one first, or name another folder")]
    InUse {
        /// The folder.
        folder: PathBuf,
        /// The other process, as it wrote itself down; `?` if that cannot be read.
        pid: String,
    },
    /// The database was written by a later version of the program.
    #[error(
        "{file} has layout {found}, this program knows layouts up to {known}; it was left as it is: \
         run the newer program, or restore a backup made before the upgrade"
    )]
    TooNew {
        /// The database.
        file: PathBuf,
        /// Its layout.
        found: i64,
        /// The newest layout that this program knows.
        known: i64,
    },
    /// The disk has no room.
    #[error("no room left on the disk while {doing}; free some, or lower what is kept")]
    Full {
        /// What was being done.
        doing: String,
    },
    /// The database is damaged, or no database at all.
    #[error("the database is damaged ({detail}); restore a backup, or see what `why500 check` says")]
    Damaged {
        /// SQLite's words.
        detail: String,
    },
    /// A file could not be read or written.
    #[error("{file}: {source}")]
    File {
        /// Which.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The database refused.
    #[error("the database, while {doing}: {source}")]
    Database {
        /// What was being done.
        doing: String,
        /// SQLite's error.
        source: rusqlite::Error,
    },
    /// A page was asked for with a cursor that this store never gave out.
    #[error("the cursor is not one of this list; begin again without one")]
    Cursor,
    /// An id, a name or a text that cannot be taken.
    #[error("{0}")]
    Invalid(String),
    /// There is no such thing.
    #[error("there is no {0}")]
    Missing(String),
}

impl Error {
    /// Will it pass once there is room on the disk?
    pub fn is_full(&self) -> bool {
        matches!(self, Error::Full { .. })
    }

    pub(crate) fn file(file: &Path, source: io::Error) -> Error {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                Error::Full { doing: format!("writing {}", file.display()) }
            }
            _ => Error::File { file: file.to_owned(), source },
        }
    }

    pub(crate) fn database(doing: &str, source: rusqlite::Error) -> Error {
        use rusqlite::ErrorCode::{DatabaseCorrupt, DiskFull, NotADatabase};
        match source.sqlite_error_code() {
            Some(DiskFull) => Error::Full { doing: doing.to_owned() },
            Some(DatabaseCorrupt | NotADatabase) => Error::Damaged { detail: source.to_string() },
            _ => Error::Database { doing: doing.to_owned(), source },
        }
    }
}

/// Says what was being done when SQLite refused.
pub(crate) trait Doing<T> {
    fn doing(self, what: &str) -> Result<T>;
}

impl<T> Doing<T> for rusqlite::Result<T> {
    fn doing(self, what: &str) -> Result<T> {
        self.map_err(|e| Error::database(what, e))
    }
}
