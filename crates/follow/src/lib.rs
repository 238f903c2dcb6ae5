//! Log files and the journal, followed as they are written.
//!
//! Each line is handed on once, over rotation (by renaming, by copying and truncating, packed or not), removal and restarts. What
//! the caller confirmed is not handed on again; what it did not is handed on again after a restart. Offsets are kept in one small
//! file. Reads by asking for sizes a few times a second, in the caller's thread.
//!
//! Knows no format: bytes come out, cut behind line ends.

pub mod file;
mod find;
mod journal;
mod line;
mod log;
mod packed;
pub mod rotation;
mod state;
mod tail;
mod watch;
mod zstd;

pub use find::{Note, is_foreign};
pub use state::{Mark, write_whole};
pub use zstd::ZstdFrames;

use journal::Journal;
use log::{Around, Log};
use record::{SECOND, Time};
use state::{Kept, State};
use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;
use tail::Tail;
use watch::Watch;

/// Where a file that was there before the first start is read from. Of one that a pattern finds which is added later, `Last` reads
/// only what comes new: the same failures were told by what was followed before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// From its first line.
    All,
    /// From the first line in its last so many bytes.
    Last(u64),
    /// Only what comes new.
    New,
}

/// How to follow.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where files are begun that nothing is known of.
    pub begin: Begin,
    /// New files are looked for so often.
    pub rescan_us: i64,
    /// A last line without its end is handed on after so long.
    pub unended_us: i64,
    /// Files held open at most. One that is not held is found again after a rotation by its number or its first bytes.
    pub open_max: usize,
    /// The program that reads the journal (`journalctl`); `None`: it is not followed.
    pub journal: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            // What happened just now is to be explained, too.
            begin: Begin::Last(1 << 20),
            rescan_us: 3 * SECOND,
            unended_us: 3 * SECOND,
            open_max: 256,
            journal: None,
        }
    }
}

/// Lines of one log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// The log, by the name under which it was found, whatever rotation calls it now; `journald`.
    pub path: Arc<str>,
    /// Whole lines. Only a last line that got no end in time has none here; what comes of it later is a line of its own.
    pub bytes: Vec<u8>,
    /// To be confirmed when the lines are durable.
    pub place: Place,
    /// These are the first bytes of a file: nothing of the file before goes on in them.
    pub started: bool,
}

/// A place behind lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a file.
    File {
        /// Which file of this run: a truncated one begins anew under the same device and inode.
        number: u64,
        /// Its device.
        device: u64,
        /// Its number on the device.
        inode: u64,
        /// Bytes before it, unpacked.
        offset: u64,
    },
    /// In the journal.
    Journal {
        /// As journalctl names it.
        cursor: Arc<str>,
    },
}

/// What a poll did.
#[derive(Clone, Debug, Default)]
pub struct Status {
    /// Logs that are followed.
    pub logs: usize,
    /// Bytes handed on.
    pub bytes: u64,
    /// Bytes of overlong lines that were left out.
    pub left_out: u64,
    /// There is more to read at once.
    pub more: bool,
    /// What is to be said, each once.
    pub notes: Vec<Note>,
    /// No more files could be opened.
    exhausted: bool,
}

/// Time that passed since the start. The machine's clock may be set back or on; an hour that did not pass must not end waiting
/// nor begin it anew.
#[derive(Default)]
struct Clock {
    last: Option<Time>,
    passed_us: i64,
}

/// So many logs are scanned for as often as asked; more of them that many times less often …
const RESCAN_LOGS: usize = 250;
/// … and no less than so many times.
const RESCAN_SPREAD_MAX: i64 = 8;

/// Between two polls no more time than this is taken to have passed.
const STEP_US_MAX: i64 = 10 * SECOND;
/// So few files may be open however few the system allows.
const OPEN_MIN: usize = 8;

impl Clock {
    fn passed(&mut self, now: Time) -> i64 {
        let step = self.last.map_or(0, |last| now.since(last));
        self.last = Some(now);
        self.passed_us += step.clamp(0, STEP_US_MAX);
        self.passed_us
    }
}

/// Logs that are followed.
pub struct Follow {
    patterns: Vec<String>,
    state: PathBuf,
    options: Options,
    /// Patterns that were followed before: what they find newly came since.
    familiar: HashSet<String>,
    /// Others were followed before: what a pattern that is added finds was most likely told of by them.
    added: bool,
    logs: Vec<Log>,
    rested: Vec<(PathBuf, Tail)>,
    refused: HashSet<PathBuf>,
    numbers: u64,
    clock: Clock,
    watch: Watch,
    scan_at_us: i64,
    /// A file came to a folder that is watched.
    came: bool,
    /// By the clock of what passed: when it was scanned last.
    scan_us: i64,
    scanned: bool,
    /// When, by the clock by which files are dated.
    scanned_us: i64,
    told: HashSet<Note>,
    journal: Option<Journal>,
    cursor: Option<Arc<str>>,
    /// How often the state was written.
    saves: u64,
    changed: bool,
    open_max: usize,
    trouble: Option<Note>,
}

impl Follow {
    /// Follows what the patterns name (files, folders, globs), from where the state file says. A state that cannot be used is told by
    /// the first poll and set aside; all then begins as at a first start.
    pub fn new(patterns: Vec<String>, state: PathBuf, options: Options) -> Follow {
        Follow::after(patterns, state, options, &[])
    }

    /// As [`Follow::new`], and from where marks say that were made since the state was written, in the order in which what they are of
    /// was kept.
    pub fn after(patterns: Vec<String>, state: PathBuf, options: Options, marks: &[Mark]) -> Follow {
        let (kept, trouble) = match State::load(&state) {
            // Marks go on from a state: where there is none, all begins anew.
            Ok(kept) => (kept.map(|kept| kept.after(marks)).unwrap_or_default(), None),
            Err(what) => {
                let aside = state.with_extension("unusable");
                let _ = fs::rename(&state, &aside);
                let what = format!("{what}; it was set aside as {}", aside.display());
                (State::default(), Some(Note { path: state.display().to_string(), what }))
            }
        };
        let mut follow = Follow {
            saves: kept.saves,
            added: !kept.patterns.is_empty(),
            familiar: kept.patterns.into_iter().collect(),
            logs: Vec::new(),
            rested: Vec::new(),
            refused: HashSet::new(),
            numbers: 0,
            clock: Clock::default(),
            watch: Watch::new(),
            scan_at_us: 0,
            came: false,
            scan_us: 0,
            scanned: false,
            scanned_us: 0,
            told: HashSet::new(),
            journal: None,
            cursor: kept.cursor.map(Into::into),
            changed: false,
            open_max: options.open_max,
            patterns,
            state,
            options,
            trouble,
        };
        for kept in &kept.files {
            if !follow.patterns.iter().any(|p| covers(p, &kept.log)) {
                continue;
            }
            follow.numbers += 1;
            let tail = Tail::from_kept(follow.numbers, kept, 0);
            if tail.is_empty() {
                // Its number may be another's by now; what came since came after it.
                let log = follow.log(&kept.log);
                log.since_us = log.since_us.max(kept.modified_us);
            } else if kept.rests {
                follow.rested.push((kept.log.clone(), tail));
            } else {
                follow.log(&kept.log).tails.push_back(tail);
            }
        }
        follow.journal = follow
            .options
            .journal
            .clone()
            .map(|program| Journal::new(program, follow.cursor.clone(), follow.options.begin));
        follow
    }

    fn log(&mut self, path: &Path) -> &mut Log {
        let at = self.logs.iter().position(|l| l.path == path).unwrap_or_else(|| {
            self.logs.push(Log::new(path));
            self.logs.len() - 1
        });
        // It was found or pushed just now.
        &mut self.logs[at]
    }

    /// Looks for new files every few seconds, and hands on what came to those that are known: of each at most a megabyte.
    pub fn poll(&mut self, now: Time, sink: &mut dyn FnMut(Chunk)) -> Status {
        let now_us = self.clock.passed(now);
        let mut status = Status::default();
        status.notes.extend(self.trouble.take());
        let changed = self.watch.changed();
        self.came |= changed.came;
        let came = self.came && now_us >= self.scan_us + self.options.rescan_us;
        if !self.scanned || came || now_us >= self.scan_at_us {
            self.scan(now_us, &mut status);
            // Where thousands are followed it takes longer, and is less urgent: what comes to a folder with logs is told of.
            let spread = i64::try_from(self.logs.len() / RESCAN_LOGS).unwrap_or(RESCAN_SPREAD_MAX);
            (self.scan_us, self.came) = (now_us, false);
            self.scan_at_us = now_us + self.options.rescan_us * spread.clamp(1, RESCAN_SPREAD_MAX);
        }
        let awake: Vec<usize> = (0..self.logs.len())
            .filter(|i| self.logs.get_mut(*i).is_some_and(|l| !l.rests(&changed, now_us)))
            .collect();
        let owners = if awake.is_empty() { HashMap::new() } else { self.owners() };
        let mut around = Around {
            now_us,
            unended_us: self.options.unended_us,
            owners: &owners,
            rested: &mut self.rested,
            numbers: &mut self.numbers,
            folders: HashMap::new(),
            listings: HashMap::new(),
            status: &mut status,
        };
        for i in awake {
            let Some(log) = self.logs.get_mut(i) else { continue };
            let watched = log.is_calm(now_us) && log.is_watched(&mut self.watch);
            log.poll(&mut around, sink);
            if watched {
                log.rest(now_us);
            }
        }
        if let Some(journal) = &mut self.journal {
            journal.poll(now_us, sink, &mut status);
        }
        self.logs.retain(|l| !l.is_over(now_us));
        self.close_some(status.exhausted);
        self.changed |= status.bytes > 0;
        status.logs = self.logs.len();
        status.notes.retain(|n| self.told.insert(n.clone()));
        if !std::mem::replace(&mut self.scanned, true)
            && let Err(e) = self.write()
        {
            let what = format!("cannot be written ({e}); after a restart lines are read twice or not at all");
            status.notes.push(Note { path: self.state.display().to_string(), what });
        }
        status
    }

    fn owners(&self) -> HashMap<(u64, u64), PathBuf> {
        let tails = self.logs.iter().flat_map(|l| l.tails.iter().map(|t| (t, &l.path)));
        tails.filter(|(t, _)| !t.is_lost()).filter_map(|(t, p)| Some((t.identity?, p.clone()))).collect()
    }

    /// Lets go of the files that nothing came to for longest.
    fn close_some(&mut self, exhausted: bool) {
        let mut open: Vec<&mut Tail> =
            self.logs.iter_mut().flat_map(|l| l.tails.iter_mut()).filter(|t| t.is_open()).collect();
        if exhausted {
            self.open_max = (open.len() / 2).max(OPEN_MIN);
        }
        if open.len() > self.open_max {
            open.sort_by_key(|t| t.grew_us);
            let beyond = open.len() - self.open_max;
            open.into_iter().take(beyond).for_each(Tail::close);
        }
    }

    /// What to keep with the lines before a place, for [`Follow::after`].
    pub fn mark(&self, place: &Place) -> Mark {
        let mut mark = Mark { saves: self.saves, cursor: None, file: None };
        match place {
            Place::File { number, offset, .. } => {
                let tails = self.logs.iter().flat_map(|l| l.tails.iter().map(move |t| (t, &l.path)));
                mark.file = tails
                    .filter(|(t, _)| t.number == *number)
                    .map(|(t, log)| Kept { offset: *offset, ..t.kept(log, false) })
                    .next();
            }
            Place::Journal { cursor } => mark.cursor = Some(cursor.to_string()),
        }
        mark
    }

    /// The lines before this place are durable.
    pub fn confirm(&mut self, place: &Place) {
        match place {
            Place::File { number, offset, .. } => {
                let tails = self.logs.iter_mut().flat_map(|l| l.tails.iter_mut());
                if let Some(tail) = tails.into_iter().find(|t| t.number == *number) {
                    tail.confirmed = tail.confirmed.max(*offset);
                    self.changed = true;
                }
            }
            Place::Journal { cursor } => {
                self.cursor = Some(cursor.clone());
                self.changed = true;
            }
        }
    }

    /// Writes down what is confirmed. Whole or not at all; nothing is written when nothing changed.
    ///
    /// # Errors
    /// The state file cannot be written; it holds what it held before.
    pub fn save(&mut self) -> std::io::Result<()> {
        if self.changed { self.write() } else { Ok(()) }
    }

    fn write(&mut self) -> std::io::Result<()> {
        let mut state = State::new(self.patterns.clone());
        state.cursor = self.cursor.as_deref().map(str::to_owned);
        let tails = self.logs.iter().flat_map(|l| l.tails.iter().map(|t| (t, &l.path)));
        let followed = tails.filter(|(t, _)| t.current || !t.is_empty()).map(|(t, log)| t.kept(log, false));
        state.files = followed.chain(self.rested.iter().map(|(log, t)| t.kept(log, true))).collect();
        state.saves = self.saves + 1;
        write_whole(&self.state, &state)?;
        self.saves = state.saves;
        self.changed = false;
        Ok(())
    }

    /// Looks for files that are not followed yet.
    fn scan(&mut self, now_us: i64, status: &mut Status) {
        let found = find::find(&self.patterns, &mut status.notes);
        let names: HashSet<PathBuf> =
            found.iter().map(|f| f.path.clone()).chain(self.logs.iter().map(|l| l.path.clone())).collect();
        let scanned_us = std::mem::replace(&mut self.scanned_us, file::micros(Some(SystemTime::now())));
        let followed: HashSet<PathBuf> = self.logs.iter().map(|l| l.path.clone()).collect();
        let own = std::path::absolute(&self.state).unwrap_or_else(|_| self.state.clone());
        let mut rotated: Vec<(rotation::Age, PathBuf, Tail)> = Vec::new();
        for f in &found {
            let is_own = std::path::absolute(&f.path).is_ok_and(|p| p.starts_with(&own));
            let followed = followed.contains(&f.path) || self.is_followed(f);
            if is_own || followed || self.refused.contains(&f.path) {
                continue;
            }
            if let Some(i) = self.rested.iter().position(|(_, t)| t.identity == f.identity) {
                self.wake(i, f);
                continue;
            }
            let name = f.path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            let base = rotation::base(&name).map(|(base, age)| (f.path.with_file_name(base), age));
            let base = base.filter(|(base, _)| names.contains(base));
            let familiar = self.scanned || self.pattern_is_familiar(f.pattern);
            if base.is_some() && familiar {
                // A file of a log that is followed: what of it is not read is taken in when its log is looked at.
                continue;
            }
            if !f.named && is_no_text(&f.path) {
                self.refused.insert(f.path.clone());
                continue;
            }
            let begin = match (self.options.begin, &base) {
                _ if familiar => Begin::All,
                // Past is what rotation took away.
                (Begin::Last(_), Some(_)) => Begin::New,
                (Begin::Last(_), None) if self.added => Begin::New,
                (begin, _) => begin,
            };
            let offset = first_offset(&f.path, f.size, begin);
            self.numbers += 1;
            let mut tail = Tail::new(self.numbers, &f.path, f.identity, offset, now_us);
            tail.modified_us = f.modified_us;
            tail.meet();
            match base {
                None => {
                    tail.current = true;
                    tail.doubted = true;
                    let log = self.log(&f.path);
                    // What was rotated away before it was met is past, but for what was since the last scan.
                    log.since_us = if familiar { scanned_us } else { f.modified_us };
                    log.tails.push_back(tail);
                }
                Some((log, age)) if begin == Begin::All => {
                    tail.doubted = true;
                    rotated.push((age, log, tail));
                }
                Some(_) if tail.is_empty() => {}
                Some((log, _)) => {
                    tail.at_end = true;
                    self.rested.push((log, tail));
                }
            }
        }
        // The youngest first, as each goes before those that are there.
        rotated.sort_by_key(|(age, ..)| std::cmp::Reverse(*age));
        for (_, log, tail) in rotated {
            self.log(&log).tails.push_front(tail);
        }
        let stands = |t: &Tail| fs::metadata(&t.path).is_ok_and(|m| file::identity(&m) == t.identity);
        let met: HashMap<_, _> = found.iter().map(|f| (f.identity, &f.path)).collect();
        self.rested.retain_mut(|(_, t)| {
            let path = met.get(&t.identity);
            if let Some(path) = path {
                t.path.clone_from(path);
            }
            // One that was met may have got yet another name since.
            path.is_some() || stands(t)
        });
    }

    /// Is it a file of a log, under whatever name? Numbers are used again: where it is not held open, its first bytes tell.
    fn is_followed(&self, found: &find::Found) -> bool {
        let tails = self.logs.iter().flat_map(|l| l.tails.iter());
        let mut same = tails.filter(|t| t.identity.is_some() && t.identity == found.identity && !t.is_lost());
        same.any(|t| t.is_open() || head_of(found).is_none_or(|head| t.head.begins(&head)))
    }

    fn pattern_is_familiar(&self, pattern: usize) -> bool {
        self.patterns.get(pattern).is_some_and(|p| self.familiar.contains(p))
    }

    /// A file that rested was found: it may have grown, or be another of the same number.
    fn wake(&mut self, at: usize, found: &find::Found) {
        let Some((_, tail)) = self.rested.get(at) else { return };
        if found.size == tail.offset && found.modified_us == tail.modified_us {
            return;
        }
        let Some(head) = head_of(found) else { return };
        let fits = tail.head.begins(&head) && found.size >= tail.offset;
        let (log, mut tail) = self.rested.swap_remove(at);
        if fits && found.size > tail.offset {
            tail.found(&found.path, found.identity);
            self.log(&log).tails.push_front(tail);
        } else if fits {
            tail.modified_us = found.modified_us;
            self.rested.push((log, tail));
        }
    }
}

/// Does a pattern name this log?
fn covers(pattern: &str, log: &Path) -> bool {
    Path::new(pattern) == log
        || log.starts_with(pattern)
        || glob::Pattern::new(pattern).is_ok_and(|g| {
            g.matches_path(log) || log.ancestors().skip(1).any(|folder| g.matches_path(folder))
        })
}

/// Its first bytes, unless its name is another's by now.
fn head_of(found: &find::Found) -> Option<Vec<u8>> {
    let file = File::open(&found.path).ok()?;
    let same = file::identity(&file.metadata().ok()?) == found.identity;
    same.then(|| file::head(&file).ok()).flatten()
}

fn is_no_text(path: &Path) -> bool {
    File::open(path).and_then(|f| file::head(&f)).is_ok_and(|head| file::is_binary(&head))
}

/// Where a file that nothing is known of is read from.
fn first_offset(path: &Path, size: u64, begin: Begin) -> u64 {
    let from = match begin {
        Begin::All => return 0,
        Begin::New => size,
        Begin::Last(bytes) if bytes >= size => return 0,
        Begin::Last(bytes) => size - bytes,
    };
    // Behind the line end before it, or behind the one after it: what is read begins with a line.
    let before = from.saturating_sub(line::LINE_BYTES_MAX as u64);
    let around = File::open(path).and_then(|f| file::read_at(&f, before, 2 * line::LINE_BYTES_MAX));
    let Ok(around) = around else { return from };
    let split = usize::try_from(from - before).unwrap_or(0).min(around.len());
    let (front, back) = around.split_at(split);
    if front.ends_with(b"\n") || front.is_empty() {
        return from;
    }
    match memchr::memchr(b'\n', back) {
        Some(end) if begin != Begin::New => from + end as u64 + 1,
        // The line that is being written is new.
        _ => memchr::memrchr(b'\n', front).map_or(before, |i| before + i as u64 + 1),
    }
}
