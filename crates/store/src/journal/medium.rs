//! What a segment is written to: a file, or in tests one that fails when told to.

use std::fmt::Debug;
use std::fs::File;
use std::io::{self, Write};

/// The three things that the journal does to a file.
pub(super) trait Medium: Debug + Send {
    /// Writes at the end.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Makes it durable.
    fn sync(&mut self) -> io::Result<()>;
    /// Cuts it to so many bytes.
    fn cut(&mut self, bytes: u64) -> io::Result<()>;
}

impl Medium for File {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn cut(&mut self, bytes: u64) -> io::Result<()> {
        self.set_len(bytes)
    }
}
