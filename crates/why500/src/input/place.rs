//! Where in a file the reading begins, because an earlier run has read what comes before, and where it ended.

use super::Consumer;
use std::fs::File;
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

/// A place just behind a line.
#[derive(Debug)]
pub struct Place {
    /// Bytes before it, unpacked.
    pub offset: u64,
    /// Lines before it.
    pub lines: u64,
    /// The `#Fields:` that hold for the lines behind it (W3C extended).
    pub w3c_fields: Option<String>,
    /// The file is still written to: a last line without its end may be torn.
    pub grows: bool,
    end: OnceLock<End>,
}

#[derive(Clone, Copy, Debug)]
struct End {
    bytes: u64,
    lines: u64,
    unended: u64,
}

impl Place {
    /// A place from which nothing was read yet.
    pub fn new(offset: u64, lines: u64, w3c_fields: Option<String>, grows: bool) -> Place {
        Place { offset, lines, w3c_fields, grows, end: OnceLock::new() }
    }

    /// So many bytes and lines were read from here; so many bytes of a line without an end stand behind them.
    pub fn reached(&self, bytes: u64, lines: u64, unended: u64) {
        let _ = self.end.set(End { bytes, lines, unended });
    }

    /// Offset and lines of the place behind what was read: this one, if nothing was.
    pub fn end(&self) -> (u64, u64) {
        self.end.get().map_or((self.offset, self.lines), |e| (self.offset + e.bytes, self.lines + e.lines))
    }

    /// Bytes of the last line, if it has no end yet.
    pub fn unended(&self) -> u64 {
        self.end.get().map_or(0, |e| e.unended)
    }
}

/// Hands on what is unpacked of a file from a place on.
pub(super) struct Behind<'a> {
    left: u64,
    begun: bool,
    consumer: &'a mut dyn Consumer,
}

impl<'a> Behind<'a> {
    pub fn new(place: &Place, consumer: &'a mut dyn Consumer) -> Behind<'a> {
        Behind { left: place.offset, begun: false, consumer }
    }
}

impl Consumer for Behind<'_> {
    fn follow(&mut self, place: &Arc<Place>) {
        self.consumer.follow(place);
    }

    fn begin(&mut self, shown: &str, modified: Option<SystemTime>) -> bool {
        // The place is one in the first member of an archive.
        if std::mem::replace(&mut self.begun, true) {
            self.left = 0;
        }
        self.consumer.begin(shown, modified)
    }

    fn chunk(&mut self, bytes: &[u8]) -> bool {
        let passed = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
        self.left -= passed as u64;
        self.consumer.chunk(bytes.get(passed..).unwrap_or_default())
    }

    fn end(&mut self, trouble: Option<String>) {
        self.consumer.end(trouble);
    }
}

/// Keeps the first bytes of the first source, and wants no more.
pub(super) struct First {
    pub bytes: Vec<u8>,
    pub max: usize,
    pub begun: bool,
}

impl Consumer for First {
    fn begin(&mut self, _: &str, _: Option<SystemTime>) -> bool {
        !std::mem::replace(&mut self.begun, true)
    }

    fn chunk(&mut self, bytes: &[u8]) -> bool {
        let room = self.max - self.bytes.len();
        self.bytes.extend_from_slice(bytes.get(..room.min(bytes.len())).unwrap_or_default());
        self.bytes.len() < self.max
    }

    fn file(&mut self, _: &File, from: u64, _: u64) -> u64 {
        from
    }

    fn end(&mut self, _: Option<String>) {}
}
