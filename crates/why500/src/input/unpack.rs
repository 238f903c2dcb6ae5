//! Unpacking with bounds: what a packed file may unpack to, however deep its packings lie in each other, and readers that hold it.
//!
//! A gzip of zeros grows a thousandfold, and a gzip in a gzip a millionfold; text logs grow 5 to 60 times. All readers of one file
//! on disk share a [`Budget`], so nesting does not multiply what is allowed.

use super::{CHUNK, HEAD};
use std::cell::Cell;
use std::io::{self, BufRead, Read, Seek, SeekFrom};

/// A file may unpack to so many bytes before its ratio is looked at …
const BOMB_FLOOR: u64 = 512 << 20;
/// … and more than so many times its size is a bomb.
pub(super) const BOMB_RATIO: u64 = 500;

/// What one file on disk, with all that is packed in it, may unpack to.
pub(super) struct Budget {
    /// Its size, where it has one (pipes have none).
    size: Option<u64>,
    /// Bytes read of it. A zip whose members overlap reads the same bytes again and again: they count once.
    packed: Cell<u64>,
    /// Bytes that came out of unpacking, over all packings.
    unpacked: Cell<u64>,
}

impl Budget {
    pub fn new(size: Option<u64>) -> Budget {
        Budget { size, packed: Cell::new(0), unpacked: Cell::new(0) }
    }

    /// Bytes that a reader may hold: a folder of small files would spend its time on clearing large ones.
    pub fn buffer(&self, depth: usize) -> usize {
        match (depth, self.size) {
            (0, Some(size)) => usize::try_from(size).unwrap_or(CHUNK).clamp(HEAD, CHUNK),
            (0, None) => CHUNK,
            _ => CHUNK / 8,
        }
    }

    /// Nothing more is to be unpacked.
    pub fn is_spent(&self) -> bool {
        let packed = self.packed.get().min(self.size.unwrap_or(u64::MAX)).max(1);
        self.unpacked.get() > BOMB_FLOOR && self.unpacked.get() / packed > BOMB_RATIO
    }
}

/// The bytes as they lie on disk or come through a pipe, counted.
pub(super) struct Packed<'a, R> {
    inner: R,
    budget: &'a Budget,
}

impl<'a, R> Packed<'a, R> {
    pub fn new(inner: R, budget: &'a Budget) -> Packed<'a, R> {
        Packed { inner, budget }
    }
}

impl<R: Read> Read for Packed<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(out)?;
        self.budget.packed.set(self.budget.packed.get() + n as u64);
        Ok(n)
    }
}

impl<R: Seek> Seek for Packed<'_, R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.inner.seek(to)
    }
}

/// What a decoder gives, as long as the budget lasts. Its errors are said in words.
pub(super) struct Unpacked<'a, R> {
    name: &'static str,
    inner: R,
    budget: &'a Budget,
}

impl<'a, R: Read> Unpacked<'a, R> {
    pub fn new(name: &'static str, inner: R, budget: &'a Budget) -> Unpacked<'a, R> {
        Unpacked { name, inner, budget }
    }
}

impl<R: Read> Read for Unpacked<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.budget.is_spent() {
            return Err(io::Error::other(format!("it unpacks to more than {BOMB_RATIO} times its size")));
        }
        match self.inner.read(out) {
            Ok(n) => {
                self.budget.unpacked.set(self.budget.unpacked.get() + n as u64);
                Ok(n)
            }
            // What a packing inside said already is handed on as it is.
            Err(e) if e.kind() == io::ErrorKind::Interrupted || self.budget.is_spent() => Err(e),
            Err(e) => Err(io::Error::other(format!("broken {} data: {e}", self.name))),
        }
    }
}

/// Gives the error that reading ended in, once; nothing if there was none.
pub(super) struct Failed(pub Option<io::Error>);

impl Read for Failed {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

impl BufRead for Failed {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.0.take().map_or(Ok(&[]), Err)
    }

    fn consume(&mut self, _: usize) {}
}

/// The bytes of a tar. What lies between its members is held by the tar reader in memory: only so much as there is room for.
pub(super) struct Headed<'a, R> {
    pub inner: R,
    pub room: &'a Cell<u64>,
}

impl<R: Read> Read for Headed<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.room.get() == 0 {
            return Err(io::Error::other("a member's name or attributes are longer than any file's"));
        }
        let n = self.inner.read(out)?;
        self.room.set(self.room.get().saturating_sub(n as u64));
        Ok(n)
    }
}
