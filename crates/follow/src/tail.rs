//! One file that is followed: how far it was handed on, how far that was confirmed, and the reading of what came since.

use crate::file::{self, ALIKE_BYTES_MIN, HEAD_BYTES, Head, Identity};
use crate::line::{LINE_BYTES_MAX, Long};
use crate::packed::{Packing, Unpacking};
use crate::rotation::Member;
use crate::state::Kept;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// Read of a file at a time, so that a large one does not keep the others waiting.
const READ_BYTES_MAX: usize = LINE_BYTES_MAX;

/// One that grew since is looked at several times a second.
const CALM_US: i64 = 2 * record::SECOND;

/// So few first bytes and its number do not tell a file.
const FIT_BYTES_MIN: u64 = 4;

/// Where the bytes come from.
enum Source {
    Closed,
    Plain(File),
    Packed(Box<Unpacking>),
}

/// Bytes at the end that have no line end yet.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Unended {
    upto: u64,
    since_us: i64,
}

/// A file that is followed, or what is left of it.
pub(crate) struct Tail {
    /// Which it is in this run; places name it.
    pub number: u64,
    /// Where its bytes lie now.
    pub path: PathBuf,
    /// `None` where it has to be sought: it was truncated, or packed and deleted.
    pub identity: Identity,
    pub head: Head,
    /// Behind what was handed on.
    pub offset: u64,
    pub confirmed: u64,
    pub modified_us: i64,
    /// It stands under the log's own name.
    pub current: bool,
    /// Its bytes are to be sought so many times more, and when next.
    pub sought: u32,
    pub seek_at_us: i64,
    /// When it was last found to have more.
    pub grew_us: i64,
    /// Its first bytes are to be compared before it is trusted: it may have been replaced.
    pub doubted: bool,
    pub at_end: bool,
    /// It was read and confirmed to its end after rotation took it away: if it is gone, most likely nothing is lost.
    settled: bool,
    started: bool,
    source: Source,
    long: Option<Long>,
    unended: Option<Unended>,
}

/// What one turn of reading gave.
pub(crate) enum Turn {
    /// Nothing new.
    Idle,
    /// Whole lines, and bytes left out of long ones.
    Lines { bytes: Vec<u8>, started: bool, left_out: u64 },
    /// The file is shorter than it was, or begins otherwise: what was read lies elsewhere now.
    Replaced,
    /// It stands there no more.
    Gone,
}

impl Tail {
    pub fn new(number: u64, path: &Path, identity: Identity, offset: u64, now_us: i64) -> Tail {
        Tail {
            number,
            path: path.to_owned(),
            identity,
            head: Head::default(),
            offset,
            confirmed: offset,
            modified_us: 0,
            current: false,
            sought: 0,
            seek_at_us: 0,
            grew_us: now_us,
            doubted: false,
            at_end: false,
            settled: false,
            started: offset == 0,
            source: Source::Closed,
            long: None,
            unended: None,
        }
    }

    /// As the state kept it: read on from what was confirmed.
    pub fn from_kept(number: u64, kept: &Kept, now_us: i64) -> Tail {
        Tail {
            head: kept.head.clone(),
            modified_us: kept.modified_us,
            current: kept.current,
            settled: kept.settled,
            doubted: true,
            ..Tail::new(number, &kept.path, kept.identity, kept.offset, now_us)
        }
    }

    pub fn kept(&self, log: &Path, rests: bool) -> Kept {
        Kept {
            log: log.to_owned(),
            path: self.path.clone(),
            identity: self.identity,
            head: self.head.clone(),
            offset: self.confirmed,
            modified_us: self.modified_us,
            current: self.current,
            settled: self.is_settled(),
            rests,
        }
    }

    pub fn is_open(&self) -> bool {
        !matches!(self.source, Source::Closed)
    }

    pub fn close(&mut self) {
        self.source = Source::Closed;
    }

    /// Takes a file that is open already.
    pub fn hold(&mut self, file: File) -> io::Result<()> {
        self.modified_us = file::micros(file.metadata()?.modified().ok());
        // What stands there stays, though it was not read yet.
        let is_new = self.head.bytes == 0;
        self.source = if let Some(packing) = Packing::of(&self.path) {
            let mut unpacking = Box::new(Unpacking::new(packing, file)?);
            if is_new {
                self.head = Head::of(&unpacking.window(0, HEAD_BYTES)?);
            }
            Source::Packed(unpacking)
        } else {
            if is_new {
                self.head = Head::of(&file::head(&file)?);
            }
            Source::Plain(file)
        };
        Ok(())
    }

    /// Is it read and confirmed to its end?
    pub fn is_done(&self) -> bool {
        self.at_end && self.unended.is_none() && self.long.is_none() && self.confirmed >= self.offset
    }

    /// Rotation took it away. More may have been written to it since the last look.
    pub fn depart(&mut self) {
        self.at_end &= !self.current;
        self.current = false;
    }

    /// Nothing is known that would tell it from another file of its number.
    pub fn is_empty(&self) -> bool {
        self.offset == 0 && self.head.bytes == 0
    }

    /// Is it so, and nothing stands to be written to it any more?
    pub fn is_settled(&self) -> bool {
        self.settled || (!self.current && self.is_done())
    }

    /// The bytes it was read from are gone from here; they are sought elsewhere.
    pub fn lose(&mut self, tries: u32, now_us: i64) {
        self.depart();
        self.settled = self.is_settled();
        (self.source, self.current) = (Source::Closed, false);
        (self.long, self.unended, self.at_end) = (None, None, false);
        (self.sought, self.seek_at_us) = (tries, now_us);
    }

    /// They were found.
    pub fn found(&mut self, path: &Path, identity: Identity) {
        (self.path, self.identity) = (path.to_owned(), identity);
        (self.sought, self.doubted, self.at_end) = (0, true, false);
    }

    pub fn is_lost(&self) -> bool {
        self.sought > 0
    }

    /// Does it hold up those that came after it? Its last line may get its end yet.
    pub fn waits(&self) -> bool {
        self.unended.is_some()
    }

    /// Do its first bytes tell it among the files of its log?
    pub fn is_telling(&self) -> bool {
        self.head.bytes >= ALIKE_BYTES_MIN
    }

    /// Does this hold what it holds, packed or copied?
    pub fn is_alike(&self, member: &Member) -> bool {
        let head = member.head();
        if self.is_telling() && self.head.begins(head) {
            return true;
        }
        let Source::Plain(file) = &self.source else { return false };
        let first = file::head(file).unwrap_or_default();
        !head.is_empty() && first.starts_with(head)
    }

    /// Is this its file? Numbers are used again: where it is not held open, the first bytes tell.
    pub fn is_in(&self, member: &Member) -> bool {
        !self.is_lost()
            && member.identity.is_some()
            && member.identity == self.identity
            && (self.is_open() || self.fits(member))
    }

    /// Is the file that has its number now the one that had it? That a number is used again by a file that begins with the same
    /// few bytes is unlikely enough; where there are hardly any, nothing may have been written to it since.
    pub fn fits(&self, member: &Member) -> bool {
        let unchanged = self.head.bytes > 0 && member.modified_us == self.modified_us;
        member.holds(&self.head, self.offset) && (self.head.bytes >= FIT_BYTES_MIN || unchanged)
    }

    /// The end of what was read, though it may not have been handed on yet.
    fn reached(&self) -> u64 {
        self.offset + self.long.as_ref().map_or(0, Long::bytes)
    }

    /// Is there nothing to do at this size and time of change?
    pub fn is_quiet(&self, size: u64, modified_us: i64) -> bool {
        !self.doubted && self.unended.is_none() && self.long.is_none() && {
            size == self.offset && modified_us == self.modified_us
        }
    }

    /// Is it read to its end and silent for a while, so that there is nothing to do until it changes?
    pub fn is_calm(&self, now_us: i64) -> bool {
        let nothing_open = self.unended.is_none() && self.long.is_none() && !self.doubted;
        self.current && !self.is_lost() && self.at_end && nothing_open && now_us - self.grew_us >= CALM_US
    }

    fn open(&mut self) -> io::Result<bool> {
        if self.is_open() {
            return Ok(true);
        }
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(e) => return Err(e),
        };
        let meta = file.metadata()?;
        let certain = self.current
            || self.head.bytes >= FIT_BYTES_MIN
            || self.modified_us == file::micros(meta.modified().ok());
        if file::identity(&meta) != self.identity || !certain {
            return Ok(false);
        }
        // Its number may be another's by now.
        self.doubted = true;
        let modified_us = self.modified_us;
        self.hold(file)?;
        self.modified_us = modified_us;
        Ok(true)
    }

    /// Reads what came since, at most a megabyte.
    ///
    /// # Errors
    /// It cannot be read: rights, a disk that fails, broken data of a packed file.
    pub fn turn(&mut self, now_us: i64, unended_us: i64) -> io::Result<Turn> {
        if !self.open()? {
            return Ok(Turn::Gone);
        }
        let from = self.reached();
        let mut head = Vec::new();
        let (window, size, modified_us) = match &mut self.source {
            Source::Closed => return Ok(Turn::Gone),
            Source::Plain(file) => {
                // Before reading: if it is truncated meanwhile, what was read was written before its copy was.
                let modified_us = file::micros(file.metadata()?.modified().ok());
                let window = file::read_at(file, from, READ_BYTES_MAX)?;
                // Compared after reading: what was replaced before or meanwhile is seen.
                let meta = file.metadata()?;
                head = if self.offset == 0 && self.head.bytes == 0 { Vec::new() } else { file::head(file)? };
                if meta.len() < from || !self.head.begins(&head) {
                    return Ok(Turn::Replaced);
                }
                (window, meta.len(), modified_us)
            }
            Source::Packed(unpacking) => {
                if self.doubted && self.head.bytes > 0 {
                    let head = unpacking.window(0, self.head.len())?;
                    if !self.head.begins(&head) {
                        return Ok(Turn::Replaced);
                    }
                }
                let window = unpacking.window(from, READ_BYTES_MAX)?;
                (window, 0, self.modified_us)
            }
        };
        self.doubted = false;
        let read_to = from + window.len() as u64;
        self.at_end = window.len() < READ_BYTES_MAX && read_to >= size;
        self.modified_us = modified_us;
        if !window.is_empty() {
            self.grew_us =
                if self.unended.is_some_and(|u| u.upto == read_to) { self.grew_us } else { now_us };
        }
        let before = self.offset;
        let (bytes, left_out) = self.take(&window, read_to, now_us, unended_us);
        if self.offset > before {
            self.settled = false;
        }
        // What stands there stays, though it was not handed on yet.
        let first = if from == 0 { &window } else { &head };
        if matches!(self.source, Source::Plain(_)) && first.len().min(HEAD_BYTES) > self.head.len() {
            self.head = Head::of(first);
        }
        if bytes.is_empty() {
            return Ok(Turn::Idle);
        }
        Ok(Turn::Lines { bytes, started: std::mem::replace(&mut self.started, false), left_out })
    }

    /// Cuts whole lines off what was read.
    fn take(&mut self, window: &[u8], read_to: u64, now_us: i64, unended_us: i64) -> (Vec<u8>, u64) {
        let mut out = Vec::new();
        let mut left_out = 0;
        let mut rest = window;
        if let Some(long) = &mut self.long
            && !rest.is_empty()
        {
            let end = memchr::memchr(b'\n', rest).map_or(rest.len(), |i| i + 1);
            let (line, behind) = rest.split_at_checked(end).unwrap_or((rest, &[]));
            long.push(line);
            rest = behind;
            if line.ends_with(b"\n") {
                left_out += self.end_long(&mut out);
            }
        }
        if self.long.is_none() {
            let whole = memchr::memrchr(b'\n', rest).map_or(0, |i| i + 1);
            let (lines, partial) = rest.split_at_checked(whole).unwrap_or((rest, &[]));
            out.extend_from_slice(lines);
            self.offset += lines.len() as u64;
            rest = partial;
            if rest.len() >= LINE_BYTES_MAX {
                let mut long = Long::default();
                long.push(rest);
                self.long = Some(long);
            }
        }
        let has_partial = self.long.is_some() || !rest.is_empty();
        if !has_partial || !self.at_end {
            self.unended = None;
            return (out, left_out);
        }
        // A packed file does not grow.
        let grows = matches!(self.source, Source::Plain(_));
        let waiting =
            self.unended.filter(|u| u.upto == read_to).unwrap_or(Unended { upto: read_to, since_us: now_us });
        self.unended = Some(waiting);
        if grows && now_us - waiting.since_us < unended_us {
            return (out, left_out);
        }
        self.unended = None;
        if self.long.is_some() {
            left_out += self.end_long(&mut out);
        } else {
            out.extend_from_slice(rest);
            self.offset += rest.len() as u64;
        }
        (out, left_out)
    }

    fn end_long(&mut self, out: &mut Vec<u8>) -> u64 {
        let Some(long) = self.long.take() else { return 0 };
        long.written(out);
        self.offset += long.bytes();
        long.left_out()
    }

    /// Looks for the first bytes of one that had none. True: it is there, and still has none.
    pub fn is_blank(&mut self) -> bool {
        if self.head.bytes > 0 || !self.open().is_ok_and(|opened| opened) {
            return false;
        }
        if let (Source::Plain(file), 0) = (&self.source, self.head.bytes) {
            let modified_us = file.metadata().map(|m| file::micros(m.modified().ok()));
            let (Ok(modified_us), Ok(head)) = (modified_us, file::head(file)) else {
                return false;
            };
            (self.head, self.modified_us, self.doubted) = (Head::of(&head), modified_us, false);
        }
        self.head.bytes == 0
    }

    /// Learns the first bytes of a file of which the first part is not read.
    pub fn meet(&mut self) {
        if self.open().is_ok() {
            self.close();
        }
    }
}
