//! What is acknowledged but not yet digested: an append-only log in segment files.
//!
//! `journal/0000000000000001.log` holds frames from position 1 on, the next file goes on where it ends. A frame:
//!
//! ```text
//! 0        4        8                 16
//! ┌────────┬────────┬─────────────────┬─────────────┐
//! │ length │ CRC32  │ position        │ payload …   │   integers little-endian
//! └────────┴────────┴─────────────────┴─────────────┘
//! ```
//!
//! The CRC is taken of position and payload; the length is held by it too, as another one takes other bytes. An append is
//! one write and one `fdatasync`; what it returns `Ok` for is found again after a crash, whatever happens to the power.
//! A write that was torn by a crash stands at the end, and was never acknowledged: it is cut off. Damage elsewhere is
//! named and set aside, and what follows is still read.
//!
//! Whoever opens a journal holds the folder's lock ([`crate::Store`] takes it).

mod frame;
mod medium;
mod segment;
#[cfg(test)]
mod tests;

use crate::error::{Error, Result};
use crate::limits::{PAYLOAD_BYTES_MAX, ROOM_BYTES, SEGMENT_BYTES};
use medium::Medium;
use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// What one append put in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its position: each entry's is above that of the one before, and no two have the same.
    pub position: u64,
    /// The bytes.
    pub payload: Vec<u8>,
}

/// The journal, open to be appended to.
#[derive(Debug)]
pub struct Journal {
    folder: PathBuf,
    /// Segments that are no longer written to, oldest first: first position, last position.
    sealed: VecDeque<(u64, u64)>,
    /// The segment that is written to; `None` after a failure, until the next append makes a new one.
    open: Option<Open>,
    /// The position of the next entry.
    next: u64,
    troubles: Vec<String>,
}

/// The segment that is written to.
#[derive(Debug)]
struct Open {
    file: Box<dyn Medium>,
    /// The position in its name.
    first: u64,
    /// Bytes that are whole frames, on disk.
    bytes: u64,
}

impl Journal {
    /// Opens the journal of a folder and reads all that is in it, oldest first.
    pub fn open(folder: &Path) -> Result<(Journal, Vec<Entry>)> {
        let folder = folder.join("journal");
        make_folder(&folder).map_err(|e| Error::file(&folder, e))?;
        let firsts = segments(&folder).map_err(|e| Error::file(&folder, e))?;
        let mut journal =
            Journal { folder, sealed: VecDeque::new(), open: None, next: 1, troubles: Vec::new() };
        let mut entries = Vec::new();
        for (i, &first) in firsts.iter().enumerate() {
            let last = i + 1 == firsts.len();
            journal.read_segment(first, last, &mut entries)?;
        }
        Ok((journal, entries))
    }

    /// What was found damaged when it was opened, as whole sentences that name file and offset.
    pub fn troubles(&self) -> &[String] {
        &self.troubles
    }

    /// The position that the next entry gets.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// The next entry gets this position at least. For a journal whose files were lost beside a database that has digested
    /// further: what comes next must not look digested.
    pub fn begin_at(&mut self, position: u64) {
        if position > self.next {
            self.next = position;
            self.seal();
        }
    }

    /// Bytes of all segments.
    pub fn bytes(&self) -> u64 {
        bytes(&self.folder)
    }

    /// Appends the payloads, in one write, made durable by one `fdatasync`, and tells their positions. On an error none of them
    /// is in, and the journal may be appended to again.
    pub fn append(&mut self, payloads: &[&[u8]]) -> io::Result<Range<u64>> {
        let begin = self.next;
        if payloads.is_empty() {
            return Ok(begin..begin);
        }
        if let Some(payload) = payloads.iter().find(|p| p.len() > PAYLOAD_BYTES_MAX) {
            let words = format!("a batch of {} bytes; the journal takes {PAYLOAD_BYTES_MAX}", payload.len());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, words));
        }
        let size = payloads.iter().map(|p| p.len() + frame::HEAD).sum();
        let mut bytes = Vec::with_capacity(size);
        let mut next = begin;
        for payload in payloads {
            frame::write(&mut bytes, next, payload);
            next += 1;
        }
        let mut open = self.writable()?;
        let written = open.file.append(&bytes).and_then(|()| open.file.sync());
        match written {
            Ok(()) => {
                open.bytes += bytes.len() as u64;
                self.next = next;
                self.open = Some(open);
                Ok(begin..next)
            }
            Err(e) => {
                self.take_back(open, next);
                Err(e)
            }
        }
    }

    /// Is there room (again)? Writes a small file beside the segments and removes it; the journal stays as it is.
    pub fn try_room(&self) -> io::Result<()> {
        let path = self.folder.join("room");
        let tried = std::fs::write(&path, vec![0; ROOM_BYTES]).and_then(|()| File::open(&path)?.sync_all());
        let removed = std::fs::remove_file(&path);
        tried.and(removed)
    }

    /// Deletes the segments that lie wholly before a position. The one that is written to stays, as its name tells where to go on, and
    /// the one before it: what was digested last explains what comes first after a start.
    pub fn forget_before(&mut self, position: u64) -> io::Result<()> {
        while let Some(&(first, last)) = self.sealed.front() {
            if last >= position || self.sealed.len() == 1 {
                break;
            }
            let path = path(&self.folder, first);
            match std::fs::remove_file(&path) {
                Ok(()) => {}
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                Err(e) => return Err(e),
            }
            self.sealed.pop_front();
        }
        Ok(())
    }

    /// The segment to write to: the open one, or a new one where that is full or failed.
    fn writable(&mut self) -> io::Result<Open> {
        if self.open.as_ref().is_some_and(|open| open.bytes >= SEGMENT_BYTES) {
            self.seal();
        }
        match self.open.take() {
            Some(open) => Ok(open),
            None => self.new_segment(),
        }
    }

    fn new_segment(&self) -> io::Result<Open> {
        let path = path(&self.folder, self.next);
        // A file of this name can only be what a failed append left behind, empty.
        match std::fs::remove_file(&path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        let file = OpenOptions::new().append(true).create_new(true).open(&path)?;
        sync_folder(&self.folder)?;
        Ok(Open { file: Box::new(file), first: self.next, bytes: 0 })
    }

    fn seal(&mut self) {
        if let Some(open) = self.open.take() {
            self.sealed.push_back((open.first, self.next.saturating_sub(1)));
        }
    }

    /// After a failed write: cuts the torn frame off. After a failed `fdatasync` the system may have dropped the very pages it
    /// could not write, and would call the next one a success (Rebello et al. 2020, "Can Applications Recover from fsync
    /// Failures?"); so the segment is not written to again either way.
    fn take_back(&mut self, mut open: Open, next: u64) {
        let cut = open.file.cut(open.bytes).and_then(|()| open.file.sync());
        if cut.is_err() {
            // The torn frames may be found when it is opened next, with their positions: nobody else gets those.
            self.next = next;
        }
        // An empty one is made anew under the same name.
        if cut.is_err() || open.bytes > 0 {
            self.sealed.push_back((open.first, self.next.saturating_sub(1)));
        }
    }
}

/// `NAME.log` of the segment that begins with a position.
fn path(folder: &Path, first: u64) -> PathBuf {
    folder.join(format!("{first:016}.log"))
}

/// The first positions of all segments, in order.
fn segments(folder: &Path) -> io::Result<Vec<u64>> {
    let mut firsts = Vec::new();
    for file in std::fs::read_dir(folder)? {
        let name = file?.file_name();
        let first: Option<u64> =
            name.to_str().and_then(|n| n.strip_suffix(".log")).and_then(|n| n.parse().ok());
        firsts.extend(first);
    }
    firsts.sort_unstable();
    Ok(firsts)
}

/// Bytes of the files of a journal's own folder; 0 where there is none.
pub(crate) fn bytes(folder: &Path) -> u64 {
    let Ok(files) = std::fs::read_dir(folder) else { return 0 };
    files.filter_map(|f| f.ok()?.metadata().ok()).map(|m| m.len()).sum()
}

/// Makes the journal's folder, durably.
fn make_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    std::fs::create_dir_all(folder)?;
    folder.parent().map_or(Ok(()), sync_folder)
}

/// Makes the names in a folder durable, as `fdatasync` of a file does not.
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
