//! How far each file was confirmed, kept over restarts in one small JSON file:
//!
//! ```json
//! {"version": 1, "saves": 71, "patterns": ["/var/log/nginx/*.log"], "cursor": null, "files": [
//!   {"log": "/var/log/nginx/access.log", "path": "/var/log/nginx/access.log.1", "identity": [2049, 1311],
//!    "head": {"bytes": 1024, "hash": "9c0f3d0e6b4a8f11"}, "offset": 40911, "modified_us": 1795899613000000,
//!    "current": false, "settled": true, "rests": false}]}
//! ```

use crate::file::{HEAD_BYTES, Head, Identity};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// The version of the state file that this program reads and writes.
const VERSION: u64 = 1;
/// A state file that is larger is none: ten thousand files take a fiftieth of it.
const STATE_BYTES_MAX: u64 = 128 << 20;

#[derive(Default, Serialize, Deserialize)]
pub(crate) struct State {
    pub version: u64,
    /// What was followed. A file that one of these finds and that is not listed came since.
    pub patterns: Vec<String>,
    /// How often it was written.
    #[serde(default)]
    pub saves: u64,
    /// The journal's place.
    pub cursor: Option<String>,
    /// Files, those of one log together, the oldest first.
    pub files: Vec<Kept>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Kept {
    pub log: PathBuf,
    pub path: PathBuf,
    pub identity: Identity,
    pub head: Head,
    pub offset: u64,
    pub modified_us: i64,
    /// It stands under the log's own name.
    pub current: bool,
    /// Rotation took it away, and it was read to its end since.
    pub settled: bool,
    /// It was so for long, and is known by its number only.
    pub rests: bool,
}

/// How far one log was handed on, to be kept with what was: what is durable is known to be, even where the state could not be written
/// any more.
#[derive(Clone, Serialize, Deserialize)]
pub struct Mark {
    /// As of the state before which it was made.
    pub(crate) saves: u64,
    pub(crate) cursor: Option<String>,
    pub(crate) file: Option<Kept>,
}

impl std::fmt::Debug for Mark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let file = self.file.as_ref().map(|k| (&k.path, k.offset));
        f.debug_struct("Mark").field("saves", &self.saves).field("file", &file).finish_non_exhaustive()
    }
}

impl State {
    /// It with what the marks say that were made since it was written, in their order.
    pub fn after(mut self, marks: &[Mark]) -> State {
        for mark in marks.iter().filter(|m| m.saves == self.saves) {
            if mark.cursor.is_some() {
                self.cursor.clone_from(&mark.cursor);
            }
            let Some(file) = &mark.file else { continue };
            match self.files.iter_mut().find(|f| f.log == file.log && f.identity == file.identity) {
                Some(kept) => *kept = file.clone(),
                None => {
                    // It came under the log's name since; what stood there does no more.
                    for before in self.files.iter_mut().filter(|f| file.current && f.log == file.log) {
                        before.current = false;
                    }
                    self.files.push(file.clone());
                }
            }
        }
        self
    }

    pub fn new(patterns: Vec<String>) -> State {
        State { version: VERSION, patterns, ..State::default() }
    }

    /// What is kept; `None` where nothing was kept yet.
    ///
    /// # Errors
    /// The file cannot be read, or is no state that this version knows; what to do about it.
    pub fn load(path: &Path) -> Result<Option<State>, String> {
        let shown = path.display();
        let file = match File::open(path) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(format!("{shown}: cannot be opened ({e}); make it readable")),
        };
        let mut bytes = Vec::new();
        file.take(STATE_BYTES_MAX)
            .read_to_end(&mut bytes)
            .map_err(|e| format!("{shown}: cannot be read ({e})"))?;
        let broken = |what: String| format!("{shown}: holds no offsets ({what}); delete it to begin anew");
        let value: serde_json::Value = serde_json::from_slice(&bytes).map_err(|e| broken(e.to_string()))?;
        match value.get("version").and_then(serde_json::Value::as_u64) {
            Some(VERSION) => {}
            Some(n) if n > VERSION => {
                return Err(format!(
                    "{shown}: was written by a newer why500 (version {n} of the state, this one knows {VERSION}); update why500"
                ));
            }
            _ => return Err(broken("it states no version".into())),
        }
        let state: State = serde_json::from_value(value).map_err(|e| broken(e.to_string()))?;
        if state.files.iter().any(|f| f.head.bytes > HEAD_BYTES as u64 || i64::try_from(f.offset).is_err()) {
            return Err(broken("a file in it cannot have been read so far".into()));
        }
        Ok(Some(state))
    }
}

/// Writes beside the file and puts it in its place, so that there never is half a state.
///
/// # Errors
/// It could not be written; the file is as it was.
pub fn write_whole<T: Serialize>(path: &Path, state: &T) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let beside = path.with_file_name(name);
    let written = File::create(&beside).and_then(|file| {
        let mut out = io::BufWriter::new(file);
        serde_json::to_writer(&mut out, state)?;
        out.write_all(b"\n")?;
        out.into_inner()?.sync_all()
    });
    let placed = written.and_then(|()| fs::rename(&beside, path));
    if placed.is_err() {
        let _ = fs::remove_file(&beside);
        return placed;
    }
    // The new name itself is durable when its folder is; where folders cannot be synced, the rename orders it.
    if let Some(folder) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
        let _ = File::open(folder).and_then(|f| f.sync_all());
    }
    Ok(())
}
