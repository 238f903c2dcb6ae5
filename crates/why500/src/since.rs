//! What an earlier run with `--since-last` has read, so that this one reads only what is new.
//!
//! One small JSON file per set of paths, in the user's state folder:
//!
//! ```json
//! {"version": 1, "written": "2026-11-28T21:00:13Z", "files": [
//!   {"path": "/var/log/nginx/access.log", "identity": [2049, 1311], "head_bytes": 1024, "head": "9c0f3d0e6b4a8f11",
//!    "size": 40960, "modified_us": 1795899613000000, "read": {"offset": 40911, "lines": 212}}]}
//! ```
//!
//! A file is known by its device and number, and by its first bytes: numbers are used again, and rotation gives a file another name
//! (by renaming) or another number (by copying or packing). `read` is `null` for what cannot be gone on with in its middle: packed
//! files, archives, UTF-16. Those are read anew when they changed.

use crate::explain::Usage;
use crate::input::{self, Input, Kind, Place};
use crate::report;
use follow::file::{HASH_OF_NOTHING, HEAD_BYTES, HEAD_BYTES_MIN, hash, hash_on, micros};
use follow::write_whole;
use record::Time;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The version of the state file that this program reads and writes.
const VERSION: u64 = 1;
/// A state file that is larger is none: two hundred thousand files take a third of it.
const STATE_BYTES_MAX: u64 = 256 << 20;
/// Files that begin alike among which the one is sought that fits.
const ALIKE_MAX: usize = 16;
/// Names in a note, before it says how many more there are.
const NAMES_MAX: usize = 3;

#[derive(Serialize, Deserialize)]
struct State {
    version: u64,
    written: String,
    files: Vec<Known>,
}

/// A file as it was when it was read.
#[derive(Clone, Serialize, Deserialize)]
struct Known {
    path: PathBuf,
    identity: Option<(u64, u64)>,
    /// Length and hash of its first bytes.
    head_bytes: u64,
    head: String,
    size: u64,
    modified_us: i64,
    read: Option<Reached>,
}

/// Just behind the last complete line that was read.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct Reached {
    offset: u64,
    lines: u64,
}

impl Known {
    /// Does a file begin as this one did?
    fn begins(&self, head: &[u8]) -> bool {
        let known = usize::try_from(self.head_bytes).ok().and_then(|n| head.get(..n));
        known.is_some_and(|h| hash(h) == self.head)
    }

    /// Can this file be the known one, from which nothing was taken since?
    fn fits(&self, seen: &Seen) -> bool {
        self.begins(&seen.head)
            && match self.read {
                Some(r) => seen.kind == Kind::Text && seen.size >= r.offset,
                None => seen.size == self.size && seen.modified_us == self.modified_us,
            }
    }

    /// The file, read so far. It is known by bytes that were read: those behind them may still change.
    fn read_to(self, read: Option<Reached>, head: &[u8]) -> Known {
        let certain = read.map_or(u64::MAX, |r| r.offset);
        let len = usize::try_from(certain).unwrap_or(usize::MAX).min(head.len());
        let head = head.get(..len).unwrap_or(head);
        Known { head_bytes: head.len() as u64, head: hash(head), read, ..self }
    }

    fn is_sane(&self) -> bool {
        self.head_bytes <= HEAD_BYTES as u64
            && self.read.is_none_or(|r| r.lines <= r.offset && i64::try_from(r.offset).is_ok())
    }
}

/// A file as it is now.
struct Seen {
    head: Vec<u8>,
    kind: Kind,
    size: u64,
    modified_us: i64,
}

/// A file that is being read.
struct Reading {
    file: Known,
    head: Vec<u8>,
    place: Option<Arc<Place>>,
}

impl Reading {
    fn has_news(&self) -> bool {
        self.place.as_ref().is_none_or(|p| p.end().0 > p.offset)
    }
}

/// What is known of the files of this run.
pub struct Since {
    path: PathBuf,
    /// When the run before was, if there was one.
    before: Option<String>,
    known: Vec<Known>,
    /// Files that were found, those included that hold nothing new; a stream is none.
    found: u64,
    /// Files that were known from the run before.
    met: u64,
    /// Files of which nothing new is to be read, as they stay in the state.
    settled: Vec<Known>,
    /// What is read: how the file will stand in the state.
    reading: Vec<Reading>,
    /// What is read whole, though an earlier run was there.
    whole: Vec<String>,
}

/// Known files by their first bytes.
struct Heads {
    lengths: HashSet<u64>,
    by_hash: HashMap<String, Vec<usize>>,
}

impl Heads {
    fn new(known: &[Known]) -> Heads {
        let mut heads = Heads { lengths: HashSet::new(), by_hash: HashMap::new() };
        for (i, k) in known.iter().enumerate().filter(|(_, k)| k.head_bytes >= HEAD_BYTES_MIN) {
            heads.lengths.insert(k.head_bytes);
            heads.by_hash.entry(k.head.clone()).or_default().push(i);
        }
        heads
    }

    /// Those that may begin as this one does.
    fn alike(&self, head: &[u8]) -> Vec<usize> {
        let mut found = Vec::new();
        let mut h = HASH_OF_NOTHING;
        for (n, byte) in (1u64..).zip(head) {
            h = hash_on(h, byte);
            if self.lengths.contains(&n)
                && let Some(same) = self.by_hash.get(&format!("{h:016x}"))
            {
                found.extend(same.iter().take(ALIKE_MAX));
            }
        }
        found
    }
}

/// `$XDG_STATE_HOME/why500`, or where this system keeps such files.
fn folder() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|p| p.is_absolute());
    set("XDG_STATE_HOME")
        .or_else(|| set("HOME").map(|h| h.join(".local/state")))
        .or_else(|| set("LOCALAPPDATA"))
        .map(|p| p.join("why500"))
}

/// The state file of these paths.
fn place(paths: &[PathBuf]) -> Result<PathBuf, Usage> {
    let folder = folder().ok_or_else(|| {
        Usage(
            "--since-last: neither XDG_STATE_HOME nor HOME is set; name a state file with --state FILE"
                .into(),
        )
    })?;
    let mut named: Vec<PathBuf> =
        paths.iter().map(|p| std::path::absolute(p).unwrap_or_else(|_| p.clone())).collect();
    named.sort();
    named.dedup();
    let all: Vec<u8> =
        named.iter().flat_map(|p| [p.as_os_str().as_encoded_bytes(), b"\0"].concat()).collect();
    Ok(folder.join(format!("since-{}.json", hash(&all))))
}

fn load(path: &Path) -> Result<Option<State>, Usage> {
    let shown = path.display();
    let refused = |what: String| Usage(format!("--since-last: {shown}: {what}"));
    let file = match File::open(path) {
        Ok(f) => f,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(refused(format!("cannot be opened ({e}); name another file with --state"))),
    };
    let mut bytes = Vec::new();
    file.take(STATE_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(|e| refused(format!("cannot be read ({e}); name another file with --state")))?;
    let broken = |what: String| {
        refused(format!(
            "is no state that why500 wrote ({what}); delete it to read all logs from their start, or name another file with --state"
        ))
    };
    if bytes.len() as u64 > STATE_BYTES_MAX {
        return Err(broken("too large".into()));
    }
    // The version first: what else a newer version writes is not known here.
    let value: serde_json::Value = serde_json::from_slice(&bytes).map_err(|e| broken(e.to_string()))?;
    match value.get("version").and_then(serde_json::Value::as_u64) {
        Some(VERSION) => {}
        Some(n) if n > VERSION => {
            return Err(refused(format!(
                "was written by a newer why500 (version {n} of the state, this one knows {VERSION}); update why500, or name another file with --state"
            )));
        }
        _ => return Err(broken("it states no version".into())),
    }
    let state: State = serde_json::from_value(value).map_err(|e| broken(e.to_string()))?;
    if !state.files.iter().all(Known::is_sane) {
        return Err(broken("a file in it cannot have been read so far".into()));
    }
    Ok(Some(state))
}

impl Since {
    /// What is known of these paths. A folder that cannot be made is told before any work is done.
    pub fn load(paths: &[PathBuf], named: Option<&PathBuf>) -> Result<Since, Usage> {
        let path = match named {
            Some(p) => p.clone(),
            None => place(paths)?,
        };
        if let Some(folder) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
            fs::create_dir_all(folder).map_err(|e| {
                Usage(format!(
                    "--since-last: {}: cannot be made ({e}); name a state file with --state",
                    folder.display()
                ))
            })?;
        }
        let state = load(&path)?;
        let (before, known) = state.map_or((None, Vec::new()), |s| (Some(s.written), s.files));
        Ok(Since {
            path,
            before,
            known,
            found: 0,
            met: 0,
            settled: Vec::new(),
            reading: Vec::new(),
            whole: Vec::new(),
        })
    }

    /// Sets where each input is to be read from, and takes out those that hold nothing new.
    pub fn plan(&mut self, inputs: &mut Vec<Input>) {
        // Wherever the user put it, the state is no log.
        let state = std::path::absolute(&self.path).unwrap_or_else(|_| self.path.clone());
        inputs.retain(|i| i.path.is_none() || absolute(i) != state);
        self.found = inputs.iter().filter(|i| i.path.is_some()).count() as u64;
        let seen: Vec<Option<Seen>> = inputs.iter().map(see).collect();
        let heads = Heads::new(&self.known);
        let met = self.meet(inputs, &seen, &heads);
        self.keep_unseen(inputs, &seen, &met);
        self.met = met.iter().flatten().count() as u64;
        let mut rest = Vec::new();
        for ((mut input, seen), met) in std::mem::take(inputs).into_iter().zip(seen).zip(met) {
            let met = met.and_then(|i| self.known.get(i));
            let Some(seen) = seen else {
                if input.path.is_none() {
                    self.whole.push(input.shown.clone());
                }
                rest.push(input);
                continue;
            };
            let from = met.and_then(|k| k.read);
            let now = Known {
                path: absolute(&input),
                identity: input.identity(),
                head_bytes: 0,
                head: String::new(),
                size: seen.size,
                modified_us: seen.modified_us,
                read: None,
            };
            let nothing_new = met.is_some() && from.is_none_or(|r| r.offset == seen.size);
            if nothing_new {
                self.settled.push(now.read_to(from, &seen.head));
                continue;
            }
            input.place = match seen.kind {
                Kind::Text => {
                    let from = from.unwrap_or(Reached { offset: 0, lines: 0 });
                    Some(Place::new(from.offset, from.lines, fields(&seen.head, from.offset), true))
                }
                Kind::Packed => self.copied(&input, &heads),
                _ => None,
            }
            .map(Arc::new);
            let goes_on = input.place.as_ref().is_some_and(|p| p.offset > 0);
            if self.before.is_some() && seen.kind != Kind::Text && !goes_on {
                self.whole.push(input.shown.clone());
            }
            let place = input.place.clone().filter(|p| p.grows);
            self.reading.push(Reading { file: now, head: seen.head, place });
            rest.push(input);
        }
        *inputs = rest;
    }

    /// Where to go on in the packed copy of a file that was read before it was packed.
    fn copied(&self, input: &Input, heads: &Heads) -> Option<Place> {
        if heads.lengths.is_empty() {
            return None;
        }
        let head = input::unpacked_head(input, HEAD_BYTES);
        let alike = heads.alike(&head).into_iter().filter_map(|i| self.known.get(i));
        let read = alike.filter(|k| k.begins(&head)).filter_map(|k| k.read).max_by_key(|r| r.offset)?;
        Some(Place::new(read.offset, read.lines, fields(&head, read.offset), false))
    }

    /// What cannot be looked at now, for want of rights or since a disk fails, may be the next time.
    fn keep_unseen(&mut self, inputs: &[Input], seen: &[Option<Seen>], met: &[Option<usize>]) {
        let unseen: HashSet<PathBuf> =
            inputs.iter().zip(seen).filter(|(_, s)| s.is_none()).map(|(i, _)| absolute(i)).collect();
        let met: HashSet<usize> = met.iter().flatten().copied().collect();
        let lost = |k: &Known| {
            unseen.contains(&k.path)
                || fs::metadata(&k.path).is_err_and(|e| e.kind() != io::ErrorKind::NotFound)
        };
        let kept = self.known.iter().enumerate().filter(|(i, k)| !met.contains(i) && lost(k));
        self.settled.extend(kept.map(|(_, k)| k.clone()));
    }

    /// Which known file each input is: by its number, then by its name, then (it was copied) by its first bytes alone.
    fn meet(&self, inputs: &[Input], seen: &[Option<Seen>], heads: &Heads) -> Vec<Option<usize>> {
        let mut by_number: HashMap<(u64, u64), Vec<usize>> = HashMap::new();
        let mut by_path = HashMap::new();
        for (i, k) in self.known.iter().enumerate() {
            by_path.insert(k.path.clone(), i);
            if let Some(n) = k.identity {
                by_number.entry(n).or_default().push(i);
            }
        }
        let mut taken = HashSet::new();
        let mut met: Vec<Option<usize>> = vec![None; inputs.len()];
        for pass in 0..4 {
            for ((input, seen), slot) in inputs.iter().zip(seen).zip(&mut met) {
                let (Some(seen), None) = (seen, &slot) else { continue };
                let by_name = || by_path.get(&absolute(input)).copied();
                let numbered =
                    || input.identity().and_then(|n| by_number.get(&n)).map_or(&[][..], Vec::as_slice);
                let candidates: Vec<usize> = match pass {
                    // One file may have several names.
                    0 => by_name().filter(|i| numbered().contains(i)).into_iter().collect(),
                    1 => numbered().iter().copied().take(ALIKE_MAX).collect(),
                    2 => by_name().into_iter().collect(),
                    _ => heads.alike(&seen.head),
                };
                let fitting =
                    |i: &usize| !taken.contains(i) && self.known.get(*i).is_some_and(|k| k.fits(seen));
                if let Some(i) = candidates.into_iter().find(fitting) {
                    taken.insert(i);
                    *slot = Some(i);
                }
            }
        }
        met
    }

    /// What the report has to say of it: how many files had something new, how much that was.
    pub fn notes(&self, bytes: u64) -> Vec<String> {
        let mut notes = Vec::new();
        let files = |n: u64| report::counted(n, "file");
        match &self.before {
            _ if self.found == 0 => {}
            Some(before) => {
                let fresh = self.reading.iter().filter(|r| r.has_news()).count();
                let when = before.replace('T', " ").replace('Z', " UTC");
                notes.push(format!(
                    "Only what was written since {when} was read: {} of {}, {}.",
                    report::number(fresh as u64),
                    files(self.found),
                    report::size(bytes)
                ));
            }
            None => notes.push(format!(
                "First run with --since-last: {} read whole; the next run reads only what is new.",
                if self.found == 1 { "1 file was".into() } else { format!("{} were", files(self.found)) }
            )),
        }
        if let [first, ..] = self.whole.as_slice() {
            let more = self.whole.len().saturating_sub(NAMES_MAX);
            let named = self.whole.iter().take(NAMES_MAX).cloned().collect::<Vec<_>>().join(", ");
            let named = if self.whole.len() == 1 { first.clone() } else { named };
            let more = if more > 0 { format!(" and {} more", files(more as u64)) } else { String::new() };
            notes.push(format!(
                "{named}{more}: read whole; what is packed, an archive, UTF-16 or a stream has no place to go on from."
            ));
        }
        let torn = self.reading.iter().filter(|r| r.place.as_ref().is_some_and(|p| p.unended() > 0)).count();
        match torn {
            0 => {}
            1 => notes.push("The last line of 1 file has no end yet; the next run reads it.".into()),
            n => notes.push(format!(
                "The last lines of {} have no end yet; the next run reads them.",
                files(n as u64)
            )),
        }
        notes
    }

    /// Is it no wonder that nothing was read? An earlier run read these files.
    pub fn explains_nothing(&self) -> bool {
        self.met > 0
    }

    /// Keeps how far this run came, for the next. Whole or not at all: of two runs at once the last one counts.
    pub fn keep(self, now: Time) -> Result<(), Usage> {
        if self.found == 0 {
            return Ok(());
        }
        let mut files = self.settled;
        files.extend(self.reading.into_iter().map(|r| {
            let read = r.place.map(|p| p.end()).map(|(offset, lines)| Reached { offset, lines });
            r.file.read_to(read, &r.head)
        }));
        let state = State { version: VERSION, written: Time::from_secs(now.secs()).to_string(), files };
        write_whole(&self.path, &state).map_err(|e| {
            Usage(format!(
                "--since-last: {}: cannot be written ({e}); the next run reads again what this one has read",
                self.path.display()
            ))
        })
    }
}

fn absolute(input: &Input) -> PathBuf {
    let path = input.path.clone().unwrap_or_default();
    std::path::absolute(&path).unwrap_or(path)
}

fn see(input: &Input) -> Option<Seen> {
    let (head, kind) = input::head(input, HEAD_BYTES).ok()?;
    // A file that grew since it was listed is read as far as it goes; what it had when it was listed is there at least.
    let size = input.size.max(head.len() as u64);
    Some(Seen { head, kind, size, modified_us: micros(input.modified) })
}

/// The names of fields that the first lines state (W3C extended), as far as those were read.
fn fields(head: &[u8], offset: u64) -> Option<String> {
    let read = usize::try_from(offset).unwrap_or(usize::MAX).min(head.len());
    let text = String::from_utf8_lossy(head.get(..read)?);
    let whole = text.get(..text.rfind('\n')?)?;
    whole.lines().rev().find_map(|l| l.strip_prefix("#Fields:")).map(|f| f.trim().to_owned())
}
