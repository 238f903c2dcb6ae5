//! One log: the file that stands under its name, and before it those that rotation took away and that are not read to their end.

use crate::file::{self, HEAD_BYTES, HEAD_BYTES_MIN, Identity};
use crate::find::Note;
use crate::rotation::{self, Age, Member};
use crate::tail::{Tail, Turn};
use crate::{Chunk, Place, Status, packed};
use record::SECOND;
use std::collections::{HashMap, VecDeque};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How often the rest of a file that is gone is sought: while rotation renames and packs, it may for a moment stand nowhere.
const SEEK_TRIES: u32 = 4;
/// Between two of these.
const SEEK_GAP_US: i64 = SECOND / 2;
/// A rotated file is still written to until its writer was told to open the new one: nginx is told right after, some are not told
/// before the next night's rotation ends. So long it is looked at several times a second.
const OLD_US: i64 = 60 * SECOND;
/// A log whose file is gone so long is one no more.
pub(crate) const GONE_US: i64 = 600 * SECOND;
/// The time of change of a packed file is that of the plain one in whole seconds, as some packers keep it.
const MODIFIED_SLACK_US: i64 = SECOND;

/// What is known beyond one log.
pub(crate) struct Around<'a> {
    pub now_us: i64,
    pub unended_us: i64,
    /// Which log each file belongs to.
    pub owners: &'a HashMap<(u64, u64), PathBuf>,
    /// Files that were read to their end and rest.
    pub rested: &'a mut Vec<(PathBuf, Tail)>,
    pub numbers: &'a mut u64,
    pub status: &'a mut Status,
}

impl Around<'_> {
    fn number(&mut self) -> u64 {
        *self.numbers += 1;
        *self.numbers
    }

    fn note(&mut self, path: &Path, what: String) {
        self.status.notes.push(Note { path: path.display().to_string(), what });
    }
}

/// A log and its files, the oldest first.
pub(crate) struct Log {
    pub path: PathBuf,
    pub shown: Arc<str>,
    pub tails: VecDeque<Tail>,
    pub gone_since_us: Option<i64>,
}

impl Log {
    pub fn new(path: &Path) -> Log {
        Log {
            path: path.to_owned(),
            shown: path.display().to_string().into(),
            tails: VecDeque::new(),
            gone_since_us: None,
        }
    }

    /// Where rotation happens: links lead there.
    fn real(&self) -> PathBuf {
        fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone())
    }

    /// Looks where the log's file is, and reads what came to it and to those before it.
    pub fn poll(&mut self, around: &mut Around, sink: &mut dyn FnMut(Chunk)) {
        let quiet = self.look(around);
        let mut at = 0;
        while let Some(tail) = self.tails.get_mut(at) {
            at += 1;
            if tail.is_lost() {
                if around.now_us < tail.seek_at_us {
                    break;
                }
                if !self.seek(at - 1, around) {
                    // What came after waits, so that the order is kept; when it is given up, not any more.
                    break;
                }
            }
            let more_behind = at < self.tails.len();
            let Some(tail) = self.tails.get_mut(at - 1) else { break };
            if tail.current && quiet {
                tail.at_end = true;
                continue;
            }
            match tail.turn(around.now_us, around.unended_us) {
                Ok(Turn::Idle) => {}
                Ok(Turn::Lines { bytes, started, left_out }) => {
                    around.status.bytes += bytes.len() as u64;
                    around.status.left_out += left_out;
                    let (device, inode) = tail.identity.unwrap_or_default();
                    let place = Place::File { number: tail.number, device, inode, offset: tail.offset };
                    sink(Chunk { path: self.shown.clone(), bytes, place, started });
                }
                Ok(Turn::Gone) => {
                    tail.lose(SEEK_TRIES, around.now_us);
                    break;
                }
                Ok(Turn::Replaced) => {
                    self.replaced(at - 1, around);
                    break;
                }
                Err(e) => {
                    let hint = match e.kind() {
                        io::ErrorKind::PermissionDenied => "give why500 the right to read it",
                        _ => "what is readable is read on",
                    };
                    let path = tail.path.clone();
                    around.note(&path, format!("cannot be read ({e}); {hint}"));
                    around.status.exhausted |= is_out_of_files(&e);
                    continue;
                }
            }
            if !tail.at_end {
                around.status.more = true;
                break;
            }
            if tail.waits() && more_behind {
                break;
            }
        }
        self.retire(around);
    }

    /// Looks what stands under the log's name. True: the file that was read, and nothing came to it.
    fn look(&mut self, around: &mut Around) -> bool {
        let meta = match fs::metadata(&self.path) {
            Ok(meta) if meta.is_file() => meta,
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                let path = self.path.clone();
                around.note(&path, format!("cannot be looked at ({e}); give why500 the right to read it"));
                return false;
            }
            _ => {
                self.tails.iter_mut().for_each(|t| t.current = false);
                self.gone_since_us.get_or_insert(around.now_us);
                return false;
            }
        };
        self.gone_since_us = None;
        let identity = file::identity(&meta);
        if let Some(last) = self.tails.back_mut()
            && last.identity == identity
            && !last.is_lost()
        {
            last.current = true;
            last.path.clone_from(&self.path);
            return last.is_quiet(meta.len(), file::micros(meta.modified().ok()));
        }
        self.arrive(around);
        false
    }

    /// Another file stands under the log's name.
    fn arrive(&mut self, around: &mut Around) {
        // Held open from here on: whatever it is called by the time the folder is listed, it is this one.
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return,
            Err(e) => {
                let path = self.path.clone();
                around.status.exhausted |= is_out_of_files(&e);
                return around.note(&path, format!("cannot be opened ({e}); give why500 the right to read it"));
            }
        };
        let Ok(meta) = file.metadata() else { return };
        let identity = file::identity(&meta);
        let head = file::read_at(&file, 0, HEAD_BYTES).unwrap_or_default();
        if self.is_known(identity, &head, around) {
            return;
        }
        if let Some(last) = self.tails.back_mut()
            && last.head.bytes >= HEAD_BYTES_MIN
            && last.head.begins(&head)
            && meta.len() >= last.offset
            && !last.is_lost()
        {
            // A copy was put in its place, as `sed -i` does.
            last.found(&self.path, identity);
            last.close();
            last.current = true;
            return;
        }
        self.tails.iter_mut().for_each(|t| t.current = false);
        if let Some(last) = self.tails.back_mut()
            && !last.is_open()
            && !last.is_lost()
            && fs::metadata(&last.path).map(|m| file::identity(&m)).ok() != Some(last.identity)
        {
            last.lose(SEEK_TRIES, around.now_us);
        }
        if self.tails.back().is_some_and(Tail::is_lost) {
            self.seek(self.tails.len() - 1, around);
        }
        self.catch_up(identity, around);
        let mut tail = Tail::new(around.number(), &self.path, identity, 0, around.now_us);
        tail.hold(file);
        tail.current = true;
        self.tails.push_back(tail);
    }

    /// Is the file one that is followed, or that was read already? Numbers are used again: its first bytes must fit.
    fn is_known(&mut self, identity: Identity, head: &[u8], around: &mut Around) -> bool {
        let Some(number) = identity else { return false };
        let now_us = around.now_us;
        for tail in self.tails.iter_mut().filter(|t| t.identity == identity && !t.is_lost()) {
            if tail.is_open() || tail.head.begins(head) {
                return true;
            }
            tail.identity = None;
            tail.lose(SEEK_TRIES, now_us);
        }
        if let Some(i) = around.rested.iter().position(|(_, t)| t.identity == identity) {
            let (_, mut tail) = around.rested.swap_remove(i);
            if tail.head.bytes > 0 && tail.head.begins(head) {
                tail.found(&self.path, identity);
                tail.current = true;
                self.tails.push_back(tail);
                return true;
            }
            return false;
        }
        around.owners.get(&number).is_some_and(|log| *log != self.path)
    }

    /// Takes in files that came and were rotated away between two looks: those younger than the last one known, older than
    /// the one that stands under the log's name now.
    fn catch_up(&mut self, now: Identity, around: &mut Around) {
        let Some(last) = self.tails.back() else { return };
        let members = rotation::beside(&self.real());
        let by_number = |identity: Identity| {
            members.iter().find(|m| identity.is_some() && m.identity == identity).and_then(|m| m.age)
        };
        let of_log = || members.iter().filter(|m| m.age.is_some());
        let last_age = by_number(last.identity).filter(|_| !last.is_lost()).or_else(|| {
            of_log().find(|m| last.head.bytes > 0 && m.holds(&last.head, last.offset)).and_then(|m| m.age)
        });
        let now_age = by_number(now).unwrap_or(Age::Written);
        let since_us = last.modified_us;
        let younger = |m: &&Member| match (m.age, last_age) {
            (Some(age), _) if age >= now_age => false,
            (Some(age), Some(last)) => age > last,
            (Some(_), None) => since_us > 0 && m.modified_us + MODIFIED_SLACK_US >= since_us,
            (None, _) => false,
        };
        let is_copy = |m: &Member| {
            let tails = self.tails.iter().filter(|t| t.head.bytes >= HEAD_BYTES_MIN);
            m.head(HEAD_BYTES).is_none_or(|head| tails.into_iter().any(|t| t.head.begins(&head)))
        };
        let known = |m: &Member| {
            m.identity == now
                || m.identity.is_some_and(|i| around.owners.contains_key(&i))
                || self.tails.iter().any(|t| t.identity == m.identity && !t.is_lost())
                || around.rested.iter().any(|(_, t)| t.identity == m.identity)
        };
        let mut found: Vec<Member> =
            of_log().filter(younger).filter(|m| !known(m) && !is_copy(m)).cloned().collect();
        // Half packed, or packed and not deleted yet: the plain one is whole.
        let plain: Vec<_> = found.iter().filter(|m| !packed::is_gzip(&m.path)).map(|m| m.age).collect();
        found.retain(|m| !packed::is_gzip(&m.path) || !plain.contains(&m.age));
        for member in found {
            let mut tail = Tail::new(around.number(), &member.path, member.identity, 0, around.now_us);
            tail.doubted = true;
            self.tails.push_back(tail);
        }
    }

    /// The file was truncated, or another has its number now.
    fn replaced(&mut self, at: usize, around: &mut Around) {
        let Some(tail) = self.tails.get_mut(at) else { return };
        let (identity, current, path) = (tail.identity, tail.current, tail.path.clone());
        tail.identity = None;
        tail.lose(SEEK_TRIES, around.now_us);
        if !current {
            return;
        }
        self.seek(at, around);
        self.catch_up(identity, around);
        let mut next = Tail::new(around.number(), &path, identity, 0, around.now_us);
        next.current = true;
        self.tails.push_back(next);
    }

    /// Seeks what is left of a file beside the log: renamed, copied, packed.
    fn seek(&mut self, at: usize, around: &mut Around) -> bool {
        let members = rotation::beside(&self.real());
        let Some(tail) = self.tails.get(at) else { return false };
        let taken = |m: &Member| {
            m.identity.is_some_and(|i| around.owners.get(&i).is_some_and(|log| *log != self.path))
                || self.tails.iter().enumerate().any(|(i, t)| i != at && !t.is_lost() && t.identity == m.identity)
        };
        let read = tail.head.bytes > 0;
        let renamed = members
            .iter()
            .find(|m| m.identity.is_some() && m.identity == tail.identity && m.holds(&tail.head, tail.offset));
        let copied = || {
            let alike = |m: &&Member| {
                m.age.is_some()
                    && m.modified_us + MODIFIED_SLACK_US >= tail.modified_us
                    && !taken(m)
                    && m.holds(&tail.head, tail.offset)
            };
            // Half packed beside the plain one: the plain one is whole.
            let (packed, plain): (Vec<_>, Vec<_>) =
                members.iter().filter(alike).partition(|m| packed::is_gzip(&m.path));
            plain.into_iter().chain(packed).next()
        };
        let heir = renamed.or_else(|| read.then(copied).flatten()).cloned();
        let Some(tail) = self.tails.get_mut(at) else { return false };
        if let Some(heir) = heir {
            tail.found(&heir.path, heir.identity);
            return true;
        }
        tail.sought -= 1;
        tail.seek_at_us = around.now_us + SEEK_GAP_US;
        if tail.sought == 0 || !read {
            if read {
                let path = tail.path.clone();
                let upto = tail.offset;
                around.note(
                    &path,
                    format!(
                        "truncated or deleted, and no copy of it stands beside the log; what was written behind byte {upto} since the last look, if anything, is lost"
                    ),
                );
            }
            self.tails.remove(at);
        }
        false
    }

    /// Lets go of rotated files that are read and confirmed.
    fn retire(&mut self, around: &mut Around) {
        while self.tails.len() > 1
            && let Some(first) = self.tails.front()
            && !first.current
            && first.is_done()
            && around.now_us - first.grew_us >= OLD_US
            && let Some(mut tail) = self.tails.pop_front()
        {
            tail.close();
            around.rested.push((self.path.clone(), tail));
        }
    }

    /// Its file is gone, and what was read of it is confirmed.
    pub fn is_over(&self, now_us: i64) -> bool {
        self.gone_since_us.is_some_and(|since| now_us - since >= GONE_US) && self.tails.iter().all(Tail::is_done)
    }
}

/// `EMFILE` and `ENFILE`: no more files may be open.
fn is_out_of_files(e: &io::Error) -> bool {
    matches!(e.raw_os_error(), Some(23 | 24))
}
