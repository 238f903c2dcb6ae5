//! The files of one log, which rotation cut: `access.log.2.gz`, `access.log.1`, `access.log`; `app-2026-11-24.log`, `app.log`.

use crate::file::{self, HEAD_BYTES, Head, Identity};
use crate::packed::{Packing, Unpacking};
use record::SECOND;
use std::cell::{Cell, OnceCell};
use std::cmp::Reverse;
use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// What packing adds to a name.
const PACKINGS: [&str; 5] = [".gz", ".zst", ".xz", ".bz2", ".zip"];
/// Of these, the one that is not read: its list of contents stands at its end.
const NOT_READ: &str = ".zip";
/// A folder is listed until it was twice the same: names that move on while it is read are else missed or met twice.
const LISTINGS_MAX: usize = 6;
/// Opening its files takes longer than listing them, and a rotation of fifty files a millisecond: what still moves then is asked
/// about at the next look.
const ASKED_MAX: usize = 8;

/// How old a file is among those of its log; the greatest is the youngest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Age {
    /// Named by when it was cut; in digits, the later the greater.
    Dated(u64),
    /// Numbered: the greater the older.
    Numbered(Reverse<u64>),
    /// Still written to.
    Written,
}

impl Age {
    /// By what rotation added to the name.
    pub fn of(added: &str) -> Age {
        let unpacked = added.split('.').filter(|p| !PACKINGS.iter().any(|e| e.strip_prefix('.') == Some(p)));
        let digits: String =
            unpacked.flat_map(str::chars).filter(char::is_ascii_digit).take(DIGITS_MAX).collect();
        match digits.parse::<u64>() {
            Ok(n) if digits.len() >= DATE_DIGITS_MIN => Age::Dated(n),
            Ok(n) => Age::Numbered(Reverse(n)),
            Err(_) => Age::Written,
        }
    }
}

/// Digits that a number of 64 bits holds: a date with microseconds has 20, of which the last two tell nothing.
const DIGITS_MAX: usize = 18;
/// `260901`; a number of a rotation has fewer digits.
const DATE_DIGITS_MIN: usize = 6;

/// Takes groups of digits off the end: `.1`, `-20261124`, `-2026-11-24T10`.
fn without_numbers(name: &str) -> &str {
    let mut rest = name;
    while let Some((head, last)) = rest.rsplit_once(['.', '-', '_']) {
        let number = |b: u8| b.is_ascii_digit() || matches!(b, b'T' | b'Z');
        if head.is_empty() || !last.bytes().any(|b| b.is_ascii_digit()) || !last.bytes().all(number) {
            break;
        }
        rest = head;
    }
    rest
}

/// The name of the log that a rotated file belongs to, and how old the file is. `None`: it is not rotated, by its name.
pub(crate) fn base(name: &str) -> Option<(String, Age)> {
    let plain = PACKINGS.iter().find_map(|e| name.strip_suffix(e)).unwrap_or(name);
    let front = without_numbers(plain);
    if front.len() < plain.len() {
        return Some((front.to_owned(), Age::of(plain.get(front.len()..)?)));
    }
    if let Some((stem, ext)) = plain.rsplit_once('.') {
        let front = without_numbers(stem);
        if front.len() < stem.len() {
            return Some((format!("{front}.{ext}"), Age::of(stem.get(front.len()..)?)));
        }
    }
    // `app.log.gz`, packed without a number: older than what is written.
    (plain.len() < name.len()).then(|| (plain.to_owned(), Age::Numbered(Reverse(0))))
}

/// A file beside a log.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub path: PathBuf,
    pub identity: Identity,
    pub size: u64,
    pub modified_us: i64,
    /// Its age, if it is a file of the log by its name.
    pub age: Option<Age>,
    head: OnceCell<Vec<u8>>,
    /// Its name was another file's by the time it was opened.
    stale: Cell<bool>,
}

impl Member {
    /// What it is packed with.
    pub fn packing(&self) -> Option<Packing> {
        Packing::of(&self.path)
    }

    /// Opens it, if its name is still its own.
    pub fn open(&self) -> Option<File> {
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(e) => {
                // What may not be read may have its name all the same.
                self.stale.set(self.stale.get() || e.kind() == io::ErrorKind::NotFound);
                return None;
            }
        };
        let same = file.metadata().is_ok_and(|m| file::identity(&m) == self.identity);
        self.stale.set(self.stale.get() || !same);
        same.then_some(file)
    }

    /// Its first bytes, unpacked; none where it cannot be read.
    pub fn head(&self) -> &[u8] {
        self.head.get_or_init(|| {
            let Some(file) = self.open() else { return Vec::new() };
            let read = match self.packing() {
                Some(packing) => Unpacking::new(packing, file).and_then(|mut u| u.window(0, HEAD_BYTES)),
                None => file::head(&file),
            };
            read.unwrap_or_default()
        })
    }

    /// Does it hold what began so, as far as it was read at least?
    pub fn holds(&self, head: &Head, offset: u64) -> bool {
        (self.packing().is_some() || self.size >= offset) && head.begins(self.head())
    }

    /// Was it changed last at this time, or later? The times of packed files may lack the parts of a second.
    pub fn is_since(&self, modified_us: i64) -> bool {
        let slack = if self.packing().is_some() { SECOND } else { 0 };
        self.modified_us + slack >= modified_us
    }
}

/// How old a file of this name is among those of a log; `None` if it is none of them.
fn age(name: &str, log: &str) -> Option<Age> {
    if name == log {
        return Some(Age::Written);
    }
    base(name).filter(|(b, _)| b == log && !name.ends_with(NOT_READ)).map(|(_, age)| age)
}

/// All files of a folder with their names, whatever log they are of.
fn list(folder: &Path) -> Vec<(String, Member)> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut found = Vec::new();
    for entry in entries.flatten() {
        let path = entry.path();
        // Links lead to files that stand elsewhere by their own name.
        let Ok(meta) = fs::symlink_metadata(&path) else { continue };
        if !meta.is_file() {
            continue;
        }
        let member = Member {
            path,
            identity: file::identity(&meta),
            size: meta.len(),
            modified_us: file::micros(meta.modified().ok()),
            age: None,
            head: OnceCell::new(),
            stale: Cell::new(false),
        };
        found.push((entry.file_name().to_string_lossy().into_owned(), member));
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

/// A folder as it stood when two listings in a row were alike, or else as it stood last.
#[derive(Default)]
struct Settled {
    files: Vec<(String, Member)>,
    /// Names that still were another file's, or none's, in the listing before.
    moving: Vec<String>,
}

impl Settled {
    fn of(folder: &Path) -> Settled {
        let mut settled = Settled { files: list(folder), moving: Vec::new() };
        for _ in 0..LISTINGS_MAX {
            let files = list(folder);
            settled.moving = moved(&settled.files, &files);
            settled.files = files;
            if settled.moving.is_empty() {
                break;
            }
        }
        settled
    }

    /// Did no file of this log get another name while it was listed?
    fn is_of(&self, log: &str) -> bool {
        !self.moving.iter().any(|name| age(name, log).is_some())
    }
}

/// The names of two listings, both in order, that are not the same file's in both.
fn moved(before: &[(String, Member)], now: &[(String, Member)]) -> Vec<String> {
    let known = |files: &[(String, Member)]| -> HashMap<String, file::Identity> {
        files.iter().map(|(name, m)| (name.clone(), m.identity)).collect()
    };
    if before.iter().map(|(n, m)| (n, m.identity)).eq(now.iter().map(|(n, m)| (n, m.identity))) {
        return Vec::new();
    }
    let (before, now) = (known(before), known(now));
    let names = before.keys().chain(now.keys().filter(|n| !before.contains_key(*n)));
    names.filter(|n| before.get(*n) != now.get(*n)).cloned().collect()
}

fn folder_of(log: &Path) -> &Path {
    log.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn name_of(log: &Path) -> String {
    log.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default()
}

fn oldest_first(members: &mut [Member]) {
    members.sort_by(|a, b| (a.age, &a.path).cmp(&(b.age, &b.path)));
}

/// The files beside a log, the oldest of its own first; and whether none of them got another name while they were listed.
fn beside(log: &Path) -> (Vec<Member>, bool) {
    let name = name_of(log);
    let settled = Settled::of(folder_of(log));
    let is_settled = settled.is_of(&name);
    let aged = |(n, m): (String, Member)| Member { age: age(&n, &name), ..m };
    let mut members: Vec<Member> = settled.files.into_iter().map(aged).collect();
    oldest_first(&mut members);
    (members, is_settled)
}

/// A folder as it was listed once for all logs in it: a listing for each of a thousand would read its names a million times.
pub(crate) struct Listing {
    /// By the name of the log.
    members: HashMap<String, Vec<Member>>,
    moving: Settled,
}

impl Listing {
    /// Of the folder that a log lies in.
    pub fn around(log: &Path) -> Listing {
        let mut members: HashMap<String, Vec<Member>> = HashMap::new();
        let mut settled = Settled::of(folder_of(log));
        for (name, member) in std::mem::take(&mut settled.files) {
            if let Some((log, age)) = base(&name).filter(|_| !name.ends_with(NOT_READ)) {
                members.entry(log).or_default().push(Member { age: Some(age), ..member.clone() });
            }
            members.entry(name).or_default().push(Member { age: Some(Age::Written), ..member });
        }
        members.values_mut().for_each(|m| oldest_first(m));
        Listing { members, moving: settled }
    }

    /// As [`ask`]; the folder is listed anew only where a file of the log got another name since.
    pub fn ask<T>(&self, log: &Path, question: impl Fn(&[Member]) -> T) -> (T, bool) {
        let name = name_of(log);
        let members = self.members.get(&name).map_or(&[][..], Vec::as_slice);
        let answer = question(members);
        let holds = self.moving.is_of(&name) && !members.iter().any(|m| m.stale.get());
        if holds { (answer, true) } else { ask(log, question, |_| false) }
    }
}

/// Asks something of the files beside a log; again, where one of them got another name meanwhile. The answer, and whether it is
/// certain: where names moved on each time, a file may have been overlooked.
pub(crate) fn ask<T>(
    log: &Path,
    question: impl Fn(&[Member]) -> T,
    is_enough: impl Fn(&T) -> bool,
) -> (T, bool) {
    let mut tries = 1;
    loop {
        let (members, is_settled) = beside(log);
        let answer = question(&members);
        let is_certain = is_enough(&answer) || is_settled && !members.iter().any(|m| m.stale.get());
        if is_certain || tries == ASKED_MAX {
            return (answer, is_certain);
        }
        tries += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_tells_of_which_logs_names_moved_on() {
        let member = |inode| Member {
            path: PathBuf::new(),
            identity: Some((1, inode)),
            size: 0,
            modified_us: 0,
            age: None,
            head: OnceCell::new(),
            stale: Cell::new(false),
        };
        let files = |names: &[(&str, u64)]| -> Vec<(String, Member)> {
            names.iter().map(|(name, inode)| ((*name).to_owned(), member(*inode))).collect()
        };
        let before = files(&[("app.log", 1), ("app.log.1", 2), ("spool.tmp", 3)]);
        let settled = |now| Settled { moving: moved(&before, &files(now)), files: Vec::new() };
        assert!(settled(&[("app.log", 1), ("app.log.1", 2), ("spool.tmp", 3)]).is_of("app.log"));
        // Others come and go.
        assert!(settled(&[("app.log", 1), ("app.log.1", 2), ("spool.tmp.2", 4)]).is_of("app.log"));
        // Renamed, and its old name was not met any more.
        assert!(!settled(&[("app.log", 1), ("app.log.2", 2), ("spool.tmp", 3)]).is_of("app.log"));
        assert!(!settled(&[("app.log", 5), ("app.log.1", 2)]).is_of("app.log"));
        assert!(settled(&[("app.log", 5), ("app.log.1", 2)]).is_of("web.log"));
    }

    #[test]
    fn rotated_files_belong_to_their_log() {
        let of = |name| base(name);
        let numbered = |n| Age::Numbered(Reverse(n));
        assert_eq!(of("app.log"), None);
        assert_eq!(of("app.log.1"), Some(("app.log".into(), numbered(1))));
        assert_eq!(of("app.log.12.gz"), Some(("app.log".into(), numbered(12))));
        assert_eq!(of("app.log-20261124.gz"), Some(("app.log".into(), Age::Dated(20_261_124))));
        assert_eq!(of("app-2026-11-24.log"), Some(("app.log".into(), Age::Dated(20_261_124))));
        assert_eq!(of("app.2026-11-24.1.log.gz"), Some(("app.log".into(), Age::Dated(202_611_241))));
        assert_eq!(
            of("app-2026-11-24T10-20-30.123.log"),
            Some(("app.log".into(), Age::Dated(20_261_124_102_030_123)))
        );
        assert_eq!(of("app.log.gz"), Some(("app.log".into(), numbered(0))));
        assert!(numbered(2) < numbered(1) && numbered(1) < Age::Written);
    }
}
