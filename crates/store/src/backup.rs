//! A copy of the database while it is in use.

use crate::error::{Doing, Error, Result};
use crate::read::Reader;
use rusqlite::Connection;
use rusqlite::backup::Backup;
use std::path::Path;
use std::time::Duration;

/// Pages copied in one go: 4 MB.
const PAGES: i32 = 1_000;

impl Reader {
    /// Writes a copy of the database, as of one instant, to a file that must not exist yet. What is in the journal and not
    /// digested is not in it; it is restored into a folder without a journal.
    ///
    /// The copy is made beside its place and named at the end, so a file of that name is a whole one.
    pub fn backup(&self, to: &Path) -> Result<()> {
        if to.exists() {
            return Err(Error::Invalid(format!("{} exists already; name a new file", to.display())));
        }
        let part = to.with_extension("part");
        let copied = self.copy(&part);
        if let Err(e) = copied {
            // Half a copy is of no use, and may be what fills the disk.
            let _ = std::fs::remove_file(&part);
            return Err(e);
        }
        std::fs::rename(&part, to).map_err(|e| Error::file(to, e))
    }

    fn copy(&self, part: &Path) -> Result<()> {
        let doing = "writing a backup";
        match std::fs::remove_file(part) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(Error::file(part, e)),
            _ => {}
        }
        // Held open, this keeps the copy to one instant: else each commit in between begins it anew.
        let whole = self.db.unchecked_transaction().doing(doing)?;
        whole.query_row("SELECT count(*) FROM meta", [], |row| row.get::<_, i64>(0)).doing(doing)?;
        let mut copy = Connection::open(part).doing(doing)?;
        {
            let backup = Backup::new(&whole, &mut copy).doing(doing)?;
            backup.run_to_completion(PAGES, Duration::ZERO, None).doing(doing)?;
        }
        // The folder it is restored into has a journal of its own, which begins anew: by the position of this one its first
        // batches would count as digested, and a crash would lose them.
        copy.execute("DELETE FROM meta WHERE name = 'digested'", []).doing(doing)?;
        // The copy says that it has a WAL, as the original does; on its own it is one file.
        copy.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(())).doing(doing)?;
        copy.close().map_err(|(_, e)| Error::database(doing, e))?;
        std::fs::File::open(part).and_then(|f| f.sync_all()).map_err(|e| Error::file(part, e))
    }
}
