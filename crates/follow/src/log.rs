//! One log: the file that stands under its name, and before it those that rotation took away and that are not read to their end.

use crate::file::{self, HEAD_BYTES_MIN, Identity};
use crate::find::Note;
use crate::rotation::{self, Age, Listing, Member};
use crate::tail::{Tail, Turn};
use crate::watch::{Changed, Watch};
use crate::{Chunk, Place, Status};
use record::SECOND;
use std::collections::{HashMap, VecDeque};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// How often the rest of a file that is gone is sought: while rotation renames and packs, it may for a moment stand nowhere.
const SEEK_TRIES: u32 = 8;
/// Between two of these: at first hardly any, then longer and longer, two seconds in all.
const SEEK_GAP_US: i64 = 15 * SECOND / 1000;
/// Files of one log that are sought in one look: each costs a listing of the folder.
const SEEKS_MAX: u32 = 16;
/// A rotated file is still written to until its writer was told to open the new one: nginx is told right after, some are not told
/// before the next night's rotation ends. So long it is looked at several times a second.
const OLD_US: i64 = 60 * SECOND;
/// The clock of file systems goes on in steps of 1 to 10 ms, those of some networks in larger ones.
const FOLDER_TICK: Duration = Duration::from_millis(100);
/// So many looks in a row may find the names of a log's files moving on before the last of them is believed.
const UNSURE_MAX: u32 = 40;
/// More rotated files are not looked at so often, where rotation goes faster.
const OLD_MAX: usize = 4;
/// One that is silent, and whose folders are watched, is looked at so often in case something was not told.
const UNTOLD_US: i64 = 10 * SECOND;
/// A log whose file is gone so long is one no more.
pub(crate) const GONE_US: i64 = 600 * SECOND;

/// What is known beyond one log.
pub(crate) struct Around<'a> {
    pub now_us: i64,
    pub unended_us: i64,
    /// Which log each file belongs to.
    pub owners: &'a HashMap<(u64, u64), PathBuf>,
    /// Files that were read to their end and rest.
    pub rested: &'a mut Vec<(PathBuf, Tail)>,
    pub numbers: &'a mut u64,
    /// When folders were changed last, as this poll found them.
    pub folders: HashMap<PathBuf, SystemTime>,
    /// Folders as they were listed after that.
    pub listings: HashMap<PathBuf, Listing>,
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
    /// When it was first known: rotated files that were last changed before are no news.
    pub since_us: i64,
    /// When its folder was changed last, as far as was looked.
    folder_us: i64,
    real: Option<PathBuf>,
    /// Looks in a row in which the names of its files moved on, so that one may have been overlooked.
    unsure: u32,
    /// Until then it is not looked at, unless a change is told of.
    rests_until_us: i64,
}

impl Log {
    pub fn new(path: &Path) -> Log {
        Log {
            path: path.to_owned(),
            shown: path.display().to_string().into(),
            tails: VecDeque::new(),
            gone_since_us: None,
            since_us: 0,
            folder_us: 0,
            real: None,
            unsure: 0,
            rests_until_us: 0,
        }
    }

    /// Where rotation happens: links lead there.
    fn real(&self) -> PathBuf {
        self.real.clone().unwrap_or_else(|| self.path.clone())
    }

    fn find_real(&mut self) {
        if let Ok(real) = fs::canonicalize(&self.path) {
            self.real = Some(real);
        }
    }

    /// Need it not be looked at now?
    pub fn rests(&mut self, changed: &Changed, now_us: i64) -> bool {
        if self.rests_until_us == 0
            || changed.has(&self.path)
            || self.real.as_ref().is_some_and(|r| changed.has(r))
        {
            self.rests_until_us = 0;
            return false;
        }
        if now_us < self.rests_until_us {
            return true;
        }
        let meta = fs::metadata(&self.path).ok().filter(fs::Metadata::is_file);
        let same = meta.zip(self.tails.back()).is_some_and(|(meta, tail)| {
            file::identity(&meta) == tail.identity
                && tail.is_quiet(meta.len(), file::micros(meta.modified().ok()))
        });
        self.rests_until_us = if same { now_us + UNTOLD_US } else { 0 };
        same
    }

    /// Is a change of it told of from now on? To be asked before it is looked at, so that none comes between.
    pub fn is_watched(&mut self, watch: &mut Watch) -> bool {
        if self.real.is_none() {
            self.find_real();
        }
        let folder = |path: &Path| path.parent().filter(|p| !p.as_os_str().is_empty()).map(Path::to_owned);
        let real = self.real.clone().unwrap_or_else(|| self.path.clone());
        // By its real path, under which rotation happens; a link may be set elsewhere besides.
        let Some(there) = folder(&real) else { return false };
        let is_link = fs::symlink_metadata(&self.path).is_ok_and(|m| m.is_symlink());
        watch.folder(&there)
            && (!is_link || folder(&self.path).is_some_and(|here| here == there || watch.folder(&here)))
    }

    /// It was looked at: lets it rest, if there is nothing to do until it changes.
    pub fn rest(&mut self, now_us: i64) {
        if self.is_calm(now_us) && self.gone_since_us.is_none() {
            self.rests_until_us = now_us + UNTOLD_US;
        }
    }

    /// Is there nothing to do until it changes?
    pub fn is_calm(&self, now_us: i64) -> bool {
        self.unsure == 0 && self.tails.len() == 1 && self.tails.back().is_some_and(|t| t.is_calm(now_us))
    }

    /// Looks where the log's file is, and reads what came to it and to those before it.
    pub fn poll(&mut self, around: &mut Around, sink: &mut dyn FnMut(Chunk)) {
        // While rotation goes on nothing is read: a file that was overlooked would seem older than what was.
        let Some(quiet) = self.look(around) else { return };
        let (mut at, mut sought) = (0, 0);
        while let Some(tail) = self.tails.get_mut(at) {
            at += 1;
            if tail.is_lost() {
                if around.now_us < tail.seek_at_us {
                    break;
                }
                let tails = self.tails.len();
                if !self.seek(at - 1, around) {
                    if self.tails.len() < tails {
                        at -= 1;
                        continue;
                    }
                    // What came after waits, so that the order is kept.
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
                    at -= 1;
                    sought += 1;
                    if sought > SEEKS_MAX {
                        break;
                    }
                    continue;
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

    /// Looks what stands under the log's name. True: the file that was read, and nothing came to it, or one without a byte yet.
    /// `None`: what came before it cannot be told yet.
    fn look(&mut self, around: &mut Around) -> Option<bool> {
        let meta = match fs::metadata(&self.path) {
            Ok(meta) if meta.is_file() => meta,
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                let path = self.path.clone();
                around.note(&path, format!("cannot be looked at ({e}); give why500 the right to read it"));
                return Some(false);
            }
            _ => {
                self.tails.iter_mut().for_each(Tail::depart);
                self.gone_since_us.get_or_insert(around.now_us);
                return Some(false);
            }
        };
        self.gone_since_us = None;
        let folder_changed = self.is_folder_changed(around);
        let identity = file::identity(&meta);
        if let Some(last) = self.tails.back_mut()
            && last.identity == identity
            && !last.is_lost()
        {
            last.current = true;
            last.path.clone_from(&self.path);
            // What it begins with is learnt before the folder is listed, and not read if that comes later: between listing and
            // reading a whole file may have come and been rotated away, which would seem older than all that is known.
            let quiet = last.is_blank() || last.is_quiet(meta.len(), file::micros(meta.modified().ok()));
            if folder_changed {
                // It lies no further back than the time of change that was looked at: what came since shows at the next look.
                let real = self.real();
                let folder = real.parent().map(Path::to_owned).unwrap_or_default();
                let listing = around.listings.remove(&folder).unwrap_or_else(|| Listing::around(&real));
                let (found, certain) = listing.ask(&real, |members| self.missed(members, identity, around));
                around.listings.insert(folder, listing);
                if self.is_unsure(certain) {
                    self.folder_us = 0;
                    return None;
                }
                self.insert(found, around);
            }
            return Some(quiet);
        }
        self.arrive(around)
    }

    /// Is an answer about the log's files not to be believed, as names moved on? Where they never stop, the last is.
    fn is_unsure(&mut self, certain: bool) -> bool {
        self.unsure = if certain || self.unsure >= UNSURE_MAX { 0 } else { self.unsure + 1 };
        self.unsure > 0
    }

    /// Another file stands under the log's name. True: without a byte yet. `None`: what came before it cannot be told yet.
    fn arrive(&mut self, around: &mut Around) -> Option<bool> {
        // Held open from here on: whatever it is called by the time the folder is listed, it is this one.
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Some(false),
            Err(e) => {
                let path = self.path.clone();
                around.status.exhausted |= is_out_of_files(&e);
                around.note(&path, format!("cannot be opened ({e}); give why500 the right to read it"));
                return Some(false);
            }
        };
        let Ok(meta) = file.metadata() else { return Some(false) };
        // The rest of the file before is read where its link led, by the file that is held open.
        self.find_real();
        let identity = file::identity(&meta);
        let head = file::head(&file).unwrap_or_default();
        if self.is_known(identity, &head, around) {
            return Some(false);
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
            return Some(false);
        }
        self.tails.iter_mut().for_each(Tail::depart);
        let had_files = !self.tails.is_empty() || self.since_us > 0;
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
        let mut tail = Tail::new(around.number(), &self.path, identity, 0, around.now_us);
        if tail.hold(file).is_err() {
            return Some(false);
        }
        tail.current = true;
        let is_blank = tail.head.bytes == 0;
        self.tails.push_back(tail);
        if had_files && !self.catch_up(identity, around) {
            // It came, but is taken in when all before it are.
            self.tails.pop_back();
            return None;
        }
        Some(is_blank)
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

    /// Takes in files that came and were rotated away between two looks: those younger than the youngest known one that rotation
    /// took away, older than the one that stands under the log's name now. False: that cannot be told yet.
    fn catch_up(&mut self, now: Identity, around: &mut Around) -> bool {
        let (found, certain) =
            rotation::ask(&self.real(), |members| self.missed(members, now, around), |_| false);
        if self.is_unsure(certain) {
            return false;
        }
        self.insert(found, around);
        true
    }

    /// Takes in files before the one that stands under the log's name.
    fn insert(&mut self, found: Vec<(PathBuf, Identity, File)>, around: &mut Around) {
        let at = self.tails.iter().position(|t| t.current).unwrap_or(self.tails.len());
        for (i, (path, identity, file)) in found.into_iter().enumerate() {
            let mut tail = Tail::new(around.number(), &path, identity, 0, around.now_us);
            tail.doubted = true;
            if tail.hold(file).is_ok() {
                self.tails.insert(at + i, tail);
            }
        }
    }

    fn missed(&self, members: &[Member], now: Identity, around: &Around) -> Vec<(PathBuf, Identity, File)> {
        let of_log: Vec<&Member> = members.iter().filter(|m| m.age.is_some() && m.identity != now).collect();
        let past = || {
            let rested = around.rested.iter().map(|(_, t)| t).filter(|t| t.head.bytes > 0);
            self.tails.iter().filter(|t| t.identity != now).chain(rested)
        };
        // Renamed; else packed or copied since.
        let age = |t: &Tail| {
            let renamed = of_log.iter().find(|m| t.is_in(m));
            let alike = || of_log.iter().find(|m| t.is_alike(m));
            renamed.or_else(alike).and_then(|m| m.age)
        };
        let last_age = past().filter_map(age).max();
        let stands = members.iter().find(|m| m.identity == now).and_then(|m| m.age);
        let now_age = stands
            .or_else(|| self.tails.iter().find(|t| t.identity == now && !t.is_lost()).and_then(age))
            .unwrap_or(Age::Written);
        // Of those before only: what stands there now was written after all that was missed.
        let before = self.tails.iter().filter(|t| t.identity != now);
        let last_us = before.map(|t| t.modified_us).max().filter(|_| last_age.is_none());
        let since_us = self.since_us.max(last_us.unwrap_or(0));
        let is_younger = |m: &Member| {
            m.age.is_some_and(|age| age < now_age && last_age.is_none_or(|last| age > last))
                && m.is_since(since_us)
        };
        // What is copied from stands there until it is truncated.
        let first = File::open(&self.path).and_then(|f| file::head(&f)).unwrap_or_default();
        let is_copy = |m: &Member| first.starts_with(m.head()) || self.tails.iter().any(|t| t.is_alike(m));
        let is_known = |m: &Member| {
            past().any(|t| t.is_in(m))
                || m.identity.is_some_and(|i| around.owners.get(&i).is_some_and(|log| *log != self.path))
        };
        // Half packed, or packed and not deleted yet: the plain one is whole.
        let plain: Vec<_> = of_log.iter().filter(|m| m.packing().is_none()).map(|m| m.age).collect();
        of_log
            .into_iter()
            .filter(|m| is_younger(m) && !is_known(m) && !is_copy(m))
            .filter(|m| m.packing().is_none() || !plain.contains(&m.age))
            .filter_map(|m| Some((m.path.clone(), m.identity, m.open()?)))
            .collect()
    }

    /// Did files come to the folder, or get other names, since the last look? What came and was truncated before a byte of it was
    /// read shows nowhere else.
    fn is_folder_changed(&mut self, around: &mut Around) -> bool {
        if self.real.is_none() {
            self.find_real();
        }
        let real = self.real.as_deref().unwrap_or(&self.path);
        let folder = real.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let modified = around.folders.get(folder).copied().or_else(|| {
            let modified = fs::metadata(folder).and_then(|m| m.modified()).ok()?;
            around.folders.insert(folder.to_owned(), modified);
            Some(modified)
        });
        let Some(modified) = modified else { return false };
        let modified_us = file::micros(Some(modified));
        let changed = self.folder_us != modified_us;
        // Of two changes in one tick of the file system's clock the second shows no new time.
        let is_settled = modified.elapsed().is_ok_and(|e| e > FOLDER_TICK);
        let unread = self.tails.back().is_some_and(|t| t.current && t.head.bytes == 0);
        self.folder_us = if is_settled && !unread { modified_us } else { 0 };
        changed
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
        let mut next = Tail::new(around.number(), &path, identity, 0, around.now_us);
        next.current = true;
        self.tails.push_back(next);
        if !self.catch_up(identity, around) {
            // The next look finds it as one that came.
            self.tails.pop_back();
        }
    }

    /// Seeks what is left of a file beside the log: renamed, copied, packed.
    fn seek(&mut self, at: usize, around: &mut Around) -> bool {
        let telling = self.tails.get(at).is_some_and(Tail::is_telling);
        let (heir, certain) =
            rotation::ask(&self.real(), |members| self.heir(at, members, around).cloned(), Option::is_some);
        let unsure = self.is_unsure(certain);
        let Some(tail) = self.tails.get_mut(at) else { return false };
        if let Some(heir) = heir {
            tail.found(&heir.path, heir.identity);
            return true;
        }
        if unsure {
            tail.seek_at_us = around.now_us + SEEK_GAP_US;
            return false;
        }
        tail.sought -= 1;
        tail.seek_at_us = around.now_us + SEEK_GAP_US * i64::from(SEEK_TRIES - tail.sought).pow(2);
        let settled = tail.is_settled();
        if tail.sought == 0 || !telling || settled {
            self.since_us = self.since_us.max(tail.modified_us);
            tail.sought = 0;
            if tail.offset > 0 && !settled {
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

    /// The file that holds what a lost one held.
    fn heir<'a>(&self, at: usize, members: &'a [Member], around: &Around) -> Option<&'a Member> {
        let tail = self.tails.get(at)?;
        let holds = |m: &&Member| m.holds(&tail.head, tail.offset);
        let numbered = |m: &&Member| m.identity.is_some() && m.identity == tail.identity;
        let renamed = members.iter().find(|m| numbered(m) && tail.fits(m));
        if renamed.is_some() || !tail.is_telling() {
            return renamed;
        }
        let rested = around.rested.iter().map(|(_, t)| t).filter(|t| t.head.bytes > 0);
        let others = self.tails.iter().enumerate().filter(|(i, _)| *i != at).map(|(_, t)| t);
        let others: Vec<&Tail> = others.chain(rested).collect();
        let taken = |m: &Member| {
            m.identity.is_some_and(|i| around.owners.get(&i).is_some_and(|log| *log != self.path))
                || others.iter().any(|t| t.is_in(m))
        };
        let copied = || {
            // The youngest first: most often it was rotated just now.
            let of_log = members.iter().rev().filter(|m| m.age.is_some() && m.is_since(tail.modified_us));
            of_log.filter(holds).filter(|m| !taken(m))
        };
        // Half packed beside the plain one: the plain one is whole.
        copied().find(|m| m.packing().is_none()).or_else(|| copied().next())
    }

    /// Lets go of rotated files that are read and confirmed.
    fn retire(&mut self, around: &mut Around) {
        while self.tails.len() > 1
            && let Some(first) = self.tails.front()
            && !first.current
            && first.is_done()
            && (around.now_us - first.grew_us >= OLD_US || self.tails.len() > OLD_MAX + 1)
            && let Some(mut tail) = self.tails.pop_front()
        {
            tail.close();
            if tail.is_empty() {
                continue;
            }
            around.rested.push((self.path.clone(), tail));
        }
    }

    /// Its file is gone, and what was read of it is confirmed.
    pub fn is_over(&self, now_us: i64) -> bool {
        self.gone_since_us.is_some_and(|since| now_us - since >= GONE_US)
            && self.tails.iter().all(Tail::is_done)
    }
}

/// `EMFILE` and `ENFILE`: no more files may be open.
fn is_out_of_files(e: &io::Error) -> bool {
    matches!(e.raw_os_error(), Some(23 | 24))
}
