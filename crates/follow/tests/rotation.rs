//! A writer that rotates its log a thousand times, and a follower that is killed and begun anew meanwhile.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use flate2::Compression;
use flate2::write::GzEncoder;
use follow::{Begin, Follow, Options, Place};
use record::Time;
use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

/// Rotated files that are kept: a follower that is down for so many rotations has lost lines.
const KEPT: u32 = 40;

struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }
}

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("why500-follow-{}-{name}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn now() -> Time {
    Time(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_micros() as i64)
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Way {
    Rename,
    RenameAndPack,
    CopyTruncate,
    CopyTruncateAndPack,
}

fn numbered(log: &Path, n: u32, packed: bool) -> PathBuf {
    PathBuf::from(format!("{}.{n}{}", log.display(), if packed { ".gz" } else { "" }))
}

/// As logrotate does it: from the oldest on each takes the next number, then the log itself goes or is copied.
fn rotate(log: &Path, way: Way) -> Option<File> {
    for packed in [false, true] {
        for n in (1..=KEPT).rev() {
            let _ = fs::rename(numbered(log, n, packed), numbered(log, n + 1, packed));
        }
        let _ = fs::remove_file(numbered(log, KEPT + 1, packed));
    }
    let first = numbered(log, 1, false);
    let fresh = match way {
        Way::Rename | Way::RenameAndPack => {
            fs::rename(log, &first).unwrap();
            Some(OpenOptions::new().create(true).append(true).open(log).unwrap())
        }
        Way::CopyTruncate | Way::CopyTruncateAndPack => {
            fs::copy(log, &first).unwrap();
            OpenOptions::new().write(true).truncate(true).open(log).unwrap();
            None
        }
    };
    if matches!(way, Way::RenameAndPack | Way::CopyTruncateAndPack) {
        let mut out = GzEncoder::new(File::create(numbered(log, 1, true)).unwrap(), Compression::fast());
        out.write_all(&fs::read(&first).unwrap()).unwrap();
        out.finish().unwrap();
        fs::remove_file(first).unwrap();
    }
    fresh
}

/// Writes numbered lines of random lengths, some in two halves, and rotates.
fn write(log: &Path, way: Way, rotations: u64, done: &AtomicBool, written: &AtomicU64, polls: &AtomicU64) {
    let mut dice = Dice(0x9e37_79b9 + rotations + way as u64);
    let mut file = OpenOptions::new().create(true).append(true).open(log).unwrap();
    let mut n = 0;
    for rotation in 0..rotations {
        for _ in 0..dice.roll(12) {
            let mut batch = Vec::new();
            for _ in 0..1 + dice.roll(20) {
                let padding = "x".repeat(dice.roll(if n % 97 == 0 { 40_000 } else { 200 }) as usize);
                batch.extend_from_slice(format!("{n} {padding}\n").as_bytes());
                n += 1;
            }
            let half = dice.roll(batch.len() as u64) as usize;
            file.write_all(&batch[..half]).unwrap();
            if dice.roll(8) == 0 {
                thread::sleep(Duration::from_micros(dice.roll(2_000)));
            }
            file.write_all(&batch[half..]).unwrap();
        }
        written.store(n, Ordering::Release);
        // A follower that is slower than so many rotations has lost lines; none in the field turns as fast.
        let behind = polls.load(Ordering::Acquire) + 1;
        while rotation % u64::from(KEPT / 4) == 0 && polls.load(Ordering::Acquire) <= behind {
            thread::sleep(Duration::from_micros(500));
        }
        if let Some(fresh) = rotate(log, way) {
            file = fresh;
        }
        thread::sleep(Duration::from_micros(dice.roll(4_000)));
    }
    written.store(n, Ordering::Release);
    done.store(true, Ordering::Release);
}

/// How often each line came, and whether a line of a file came behind a later one within one life of a follower.
#[derive(Default)]
struct Seen {
    times: HashMap<u64, u32>,
    last: HashMap<u64, u64>,
    backwards: u64,
    torn: Vec<String>,
}

impl Seen {
    fn take(&mut self, bytes: &[u8], file: u64) {
        for line in String::from_utf8_lossy(bytes).split_inclusive('\n') {
            let number = line.strip_suffix('\n').and_then(|l| l.split_once(' '));
            let Some((Ok(n), rest)) = number.map(|(n, rest)| (n.parse::<u64>(), rest)) else {
                self.torn.push(line.chars().take(80).collect());
                continue;
            };
            if rest.bytes().any(|b| b != b'x') {
                self.torn.push(line.chars().take(80).collect());
            }
            *self.times.entry(n).or_default() += 1;
            let last = self.last.insert(file, n);
            self.backwards += u64::from(last.is_some_and(|last| n <= last));
        }
    }
}

/// Follows while it is written and rotated, dies at random, and says what came.
fn follow(way: Way, pattern: &str, rotations: u64, confirms: bool) {
    let folder = folder(&format!("{way:?}-{}-{confirms}", pattern.len()));
    let log = folder.join("app.log");
    File::create(&log).unwrap();
    let state = folder.join("state").join("offsets.json");
    fs::create_dir_all(state.parent().unwrap()).unwrap();
    let (done, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let polls = Arc::new(AtomicU64::new(0));
    let options =
        Options { begin: Begin::All, rescan_us: 20_000, unended_us: 2_000_000, ..Options::default() };
    let patterns = vec![folder.join(pattern).display().to_string()];
    let begin = || Follow::new(patterns.clone(), state.clone(), options.clone());
    let mut follower = begin();
    follower.poll(now(), &mut |_| {});
    let writer = {
        let (log, done, written, polls) = (log.clone(), done.clone(), written.clone(), polls.clone());
        thread::spawn(move || write(&log, way, rotations, &done, &written, &polls))
    };
    let mut dice = Dice(77);
    let (mut seen, mut restarts, mut idle) = (Seen::default(), 0, 0);
    let mut notes = Vec::new();
    let mut places: Vec<Place> = Vec::new();
    while idle < 200 {
        let status = follower.poll(now(), &mut |chunk| {
            let Place::File { number, .. } = chunk.place else { return };
            seen.take(&chunk.bytes, number);
            places.push(chunk.place);
        });
        notes.extend(status.notes);
        polls.fetch_add(1, Ordering::AcqRel);
        let finished = done.load(Ordering::Acquire) && status.bytes == 0;
        idle = if finished { idle + 1 } else { 0 };
        if confirms || dice.roll(3) == 0 {
            places.drain(..).for_each(|p| follower.confirm(&p));
            follower.save().unwrap();
        }
        if dice.roll(30) == 0 && !finished {
            restarts += 1;
            drop(follower);
            places.clear();
            if dice.roll(3) == 0 {
                thread::sleep(Duration::from_micros(dice.roll(30_000)));
            }
            seen.last.clear();
            follower = begin();
        }
        thread::sleep(Duration::from_micros(dice.roll(if finished { 12_000 } else { 5_000 })));
    }
    writer.join().unwrap();
    let n = written.load(Ordering::Acquire);
    let missing: Vec<u64> = (0..n).filter(|i| !seen.times.contains_key(i)).collect();
    let twice: Vec<_> = (0..n).filter(|i| seen.times.get(i).is_some_and(|t| *t > 1)).collect();
    eprintln!("{way:?} {pattern}: {n} lines, {restarts} restarts, {} twice", twice.len());
    let first = |v: &[u64]| v.iter().take(5).copied().collect::<Vec<_>>();
    assert!(
        missing.is_empty(),
        "{way:?}: {} of {n} missing: {:?}; {notes:?}",
        missing.len(),
        first(&missing)
    );
    assert!(seen.torn.is_empty(), "{way:?}: torn: {:?}", seen.torn);
    if confirms {
        assert!(twice.is_empty(), "{way:?}: {} twice: {:?}; {notes:?}", twice.len(), first(&twice));
    }
    assert_eq!(seen.backwards, 0, "{way:?}: out of order within a file");
    let _ = fs::remove_dir_all(folder);
}

#[test]
fn renamed_a_thousand_times() {
    follow(Way::Rename, "app.log", 1_000, true);
}

#[test]
fn renamed_in_a_folder_that_is_followed_whole() {
    follow(Way::Rename, "*.log*", 1_000, true);
}

#[test]
fn renamed_and_packed() {
    follow(Way::RenameAndPack, "app.log", 1_000, true);
}

#[test]
fn copied_and_truncated_at_quiet_moments() {
    follow(Way::CopyTruncate, "app.log", 1_000, true);
}

#[test]
fn copied_and_truncated_in_a_folder_that_is_followed_whole() {
    follow(Way::CopyTruncate, "*.log*", 1_000, true);
}

#[test]
fn copied_truncated_and_packed() {
    follow(Way::CopyTruncateAndPack, "app.log", 1_000, true);
}

#[test]
fn what_was_not_confirmed_comes_again() {
    follow(Way::Rename, "app.log", 300, false);
    follow(Way::RenameAndPack, "app.log", 300, false);
    follow(Way::CopyTruncate, "app.log", 300, false);
}
