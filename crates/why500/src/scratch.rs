//! A folder for what is only read once, that goes when it is done with.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// A folder that goes when this does.
pub struct Scratch(PathBuf);

impl Scratch {
    /// A new folder within another one, for its owner alone: what lies there may be anybody's log.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn within(folder: &Path) -> io::Result<Scratch> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let path = folder.join(NEXT.fetch_add(1, Ordering::Relaxed).to_string());
        let mut builder = std::fs::DirBuilder::new();
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.recursive(true).create(&path)?;
        Ok(Scratch(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left after a crash goes at the next start, or with the system's temporary files.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
