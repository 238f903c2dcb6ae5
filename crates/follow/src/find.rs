//! The files that patterns name: files, folders with all below them, globs.

use crate::file::{self, Identity};
use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Files that are followed at most: each is looked at several times a second.
const FILES_MAX: usize = 10_000;
/// Folders deeper than this are loops or not logs.
const DEPTH_MAX: usize = 32;

/// A file that a pattern names.
pub(crate) struct Found {
    pub path: PathBuf,
    pub identity: Identity,
    pub size: u64,
    pub modified_us: i64,
    /// Index of the pattern.
    pub pattern: usize,
    /// It was named itself, or by a glob: it is wanted, whatever its name looks like.
    pub named: bool,
}

/// Something that is to be said of a path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Note {
    /// The file, folder or pattern.
    pub path: String,
    /// What is the matter, and what to do.
    pub what: String,
}

/// Names of files that are no logs, whatever folder they lie in.
pub fn is_foreign(path: &Path) -> bool {
    let ext = path.extension().and_then(|e| e.to_str()).unwrap_or("").to_ascii_lowercase();
    matches!(
        ext.as_str(),
        "png"
            | "jpg"
            | "jpeg"
            | "gif"
            | "ico"
            | "svg"
            | "webp"
            | "pdf"
            | "woff"
            | "woff2"
            | "ttf"
            | "mp4"
            | "mp3"
            | "so"
            | "o"
            | "a"
            | "dll"
            | "exe"
            | "class"
            | "jar"
            | "war"
            | "pyc"
            | "db"
            | "sqlite"
            | "sqlite3"
            | "rdb"
            | "aof"
            | "ibd"
            | "frm"
            | "myd"
            | "myi"
            | "pid"
            | "sock"
            | "lock"
            | "pem"
            | "key"
            | "crt"
            | "p12"
            | "py"
            | "js"
            | "ts"
            | "php"
            | "rb"
            | "java"
            | "rs"
            | "go"
            | "c"
            | "h"
            | "cpp"
            | "css"
            | "scss"
            | "html"
            | "htm"
            | "md"
            | "toml"
            | "sh"
            | "pl"
            | "pm"
            | "lua"
            | "ex"
            | "exs"
            | "kt"
            | "scala"
            | "cs"
            | "swift"
            | "yml"
            | "yaml"
            | "vue"
            | "jsx"
            | "tsx"
            | "sql"
    )
}

/// Names of packed files: they are read as the rest of a log that was rotated, or not at all.
fn is_packed(path: &Path) -> bool {
    let ext = path.extension().and_then(|e| e.to_str()).unwrap_or("");
    matches!(ext, "gz" | "zst" | "xz" | "bz2" | "zip" | "tgz" | "tar")
}

struct Walk<'a> {
    found: Vec<Found>,
    seen: HashSet<PathBuf>,
    identities: HashSet<(u64, u64)>,
    notes: &'a mut Vec<Note>,
    pattern: usize,
}

impl Walk<'_> {
    fn note(&mut self, path: &Path, what: String) {
        self.notes.push(Note { path: path.display().to_string(), what });
    }

    fn visit(&mut self, path: &Path, named: bool, depth: usize) {
        let meta = match fs::metadata(path) {
            Ok(meta) => meta,
            // It may come yet, or went while the folder was read.
            Err(e) if e.kind() == io::ErrorKind::NotFound => return,
            Err(e) => {
                return self
                    .note(path, format!("cannot be looked at ({e}); give why500 the right to read it"));
            }
        };
        if meta.is_dir() {
            return self.folder(path, depth);
        }
        if !meta.is_file() {
            if named {
                self.note(path, "neither file nor folder (pipe, socket or device); not followed".into());
            }
            return;
        }
        if is_packed(path) || self.found.len() >= FILES_MAX {
            if self.found.len() == FILES_MAX {
                self.note(
                    path,
                    format!("more than {FILES_MAX} files; the rest is not followed: name a smaller folder"),
                );
            }
            return;
        }
        let identity = file::identity(&meta);
        // Of a link and the file it leads to, the first is followed.
        let fresh = identity.is_none_or(|i| self.identities.insert(i));
        if fresh && self.seen.insert(path.to_owned()) {
            self.found.push(Found {
                path: path.to_owned(),
                identity,
                size: meta.len(),
                modified_us: file::micros(meta.modified().ok()),
                pattern: self.pattern,
                named,
            });
        }
    }

    fn folder(&mut self, path: &Path, depth: usize) {
        if depth >= DEPTH_MAX || fs::canonicalize(path).is_ok_and(|real| !self.seen.insert(real)) {
            return;
        }
        let entries = match fs::read_dir(path) {
            Ok(entries) => entries,
            Err(e) => {
                return self
                    .note(path, format!("folder cannot be read ({e}); give why500 the right to read it"));
            }
        };
        let mut paths: Vec<PathBuf> = entries.flatten().map(|e| e.path()).collect();
        paths.sort();
        for path in paths {
            let hidden = path.file_name().is_some_and(|n| n.to_string_lossy().starts_with('.'));
            if !hidden && !is_foreign(&path) {
                self.visit(&path, false, depth + 1);
            }
        }
    }
}

/// The files that stand there now, in the order of their names.
pub(crate) fn find(patterns: &[String], notes: &mut Vec<Note>) -> Vec<Found> {
    let mut walk =
        Walk { found: Vec::new(), seen: HashSet::new(), identities: HashSet::new(), notes, pattern: 0 };
    for (i, pattern) in patterns.iter().enumerate() {
        walk.pattern = i;
        let path = Path::new(pattern);
        if path.exists() || !pattern.contains(['*', '?', '[']) {
            walk.visit(path, true, 0);
            continue;
        }
        match glob::glob(pattern) {
            Ok(paths) => paths.flatten().for_each(|p| walk.visit(&p, true, 0)),
            Err(e) => walk.note(path, format!("not a valid pattern: {e}")),
        }
    }
    walk.found.sort_by(|a, b| a.path.cmp(&b.path));
    walk.found
}
