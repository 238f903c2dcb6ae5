//! Files that move while they are read: rotation renames them, `copytruncate` empties them.
//!
//! What is read are the files that stood there when the folder was listed. One that was renamed since is sought beside its old
//! name; otherwise a rotation between listing and reading would give the lines of one file twice and lose those of another.

pub(super) use follow::file::{Identity, identity};

use super::{Consumer, Input, Place};
use std::fs::{self, File, Metadata};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

/// Is it the file that was listed? Some network file systems number a file anew each time: there its size and time of change tell.
fn is_listed(input: &Input, meta: &Metadata) -> bool {
    let numbered = identity(meta);
    numbered.is_none()
        || input.identity.is_none()
        || numbered == input.identity
        || (meta.len() == input.size && meta.modified().ok() == input.modified)
}

/// Opens the file that was listed, wherever it is now; with what is to be said of a move.
pub(super) fn open(input: &Input, path: &Path) -> io::Result<(File, Option<String>)> {
    let gone = match File::open(path) {
        Ok(file) if is_listed(input, &file.metadata()?) => return Ok((file, None)),
        Ok(_) => io::Error::new(io::ErrorKind::NotFound, "rotated away after it was listed"),
        Err(e) if e.kind() == io::ErrorKind::NotFound => e,
        Err(e) => return Err(e),
    };
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let beside = fs::read_dir(folder).map_err(|_| io::Error::new(gone.kind(), gone.to_string()))?;
    for entry in beside.flatten() {
        let Ok(meta) = entry.metadata() else { continue };
        if meta.is_file() && identity(&meta) == input.identity {
            let name = entry.file_name().to_string_lossy().into_owned();
            return Ok((
                File::open(entry.path())?,
                Some(format!("rotated to {name} while the logs were read; read there")),
            ));
        }
    }
    Err(gone)
}

/// Hands on what is read of a file, and says at its end if the file moved meanwhile.
pub(super) struct Watched<'a> {
    input: &'a Input,
    path: &'a Path,
    file: &'a File,
    moved: Option<String>,
    consumer: &'a mut dyn Consumer,
}

impl<'a> Watched<'a> {
    pub fn new(
        input: &'a Input,
        path: &'a Path,
        file: &'a File,
        moved: Option<String>,
        consumer: &'a mut dyn Consumer,
    ) -> Watched<'a> {
        Watched { input, path, file, moved, consumer }
    }

    fn said(&self) -> Option<String> {
        let now = self.file.metadata().ok()?;
        if now.len() < self.input.size {
            return Some(format!(
                "truncated while it was read: it had {} bytes and has {} now (logrotate's copytruncate does so); the rest is in its copy",
                self.input.size,
                now.len()
            ));
        }
        if self.moved.is_some() {
            return self.moved.clone();
        }
        let named = fs::metadata(self.path).ok();
        let elsewhere =
            named.is_none_or(|n| identity(&n) != identity(&now) && n.modified().ok() != now.modified().ok());
        elsewhere.then(|| {
            "rotated while it was read: what was written to its new file is not in this report; run again"
                .into()
        })
    }
}

impl Consumer for Watched<'_> {
    fn follow(&mut self, place: &Arc<Place>) {
        self.consumer.follow(place);
    }

    fn begin(&mut self, shown: &str, modified: Option<SystemTime>) -> bool {
        self.consumer.begin(shown, modified)
    }

    fn chunk(&mut self, bytes: &[u8]) -> bool {
        self.consumer.chunk(bytes)
    }

    fn file(&mut self, file: &File, from: u64, size: u64) -> u64 {
        self.consumer.file(file, from, size)
    }

    fn end(&mut self, trouble: Option<String>) {
        let all: Vec<String> = trouble.into_iter().chain(self.said()).collect();
        self.consumer.end((!all.is_empty()).then(|| all.join("; ")));
    }
}
