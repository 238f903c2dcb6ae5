//! Names of commits, read from the files that git keeps them in: `HEAD`, `refs/tags/v1`, `packed-refs`.
//! <https://git-scm.com/docs/gitrepository-layout>

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Bytes of a file that holds one name.
const REF_BYTES_MAX: u64 = 4_096;
/// Bytes of `packed-refs`: a line of a hundred bytes for each of half a million names.
const PACKED_BYTES_MAX: u64 = 64 << 20;
/// Names that lead to names.
const LINKS_MAX: usize = 5;
/// Tags that are looked at.
const TAGS_MAX: usize = 20_000;

/// The folders of a repository: its own, and the one shared by all its work trees.
pub(crate) struct Refs {
    own: PathBuf,
    common: PathBuf,
}

/// The beginning of a plain file; nothing of what is none (a pipe would keep whoever reads it waiting).
pub(crate) fn read(path: &Path, max: u64) -> Option<String> {
    if !std::fs::metadata(path).ok()?.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(max).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// No way out of the folder, nothing that git itself would refuse (git-check-ref-format).
fn sound(name: &str) -> bool {
    name.len() <= 500
        && !name
            .chars()
            .any(|c| c.is_control() || matches!(c, ' ' | '~' | '^' | ':' | '?' | '*' | '[' | '\\'))
        && name.split('/').all(|step| !step.is_empty() && !step.starts_with('.') && !step.ends_with(".lock"))
}

impl Refs {
    /// The names of a repository: a folder with `.git`, a bare one, or a work tree that says where its repository is.
    pub fn open(folder: &Path) -> Option<Refs> {
        let dot = folder.join(".git");
        let own = if dot.is_dir() {
            dot
        } else if let Some(text) = read(&dot, REF_BYTES_MAX) {
            folder.join(text.strip_prefix("gitdir:")?.trim())
        } else {
            folder.to_owned()
        };
        let common = match read(&own.join("commondir"), REF_BYTES_MAX) {
            Some(text) => own.join(text.trim()),
            None => own.clone(),
        };
        (common.join("objects").is_dir() && own.join("HEAD").is_file()).then_some(Refs { own, common })
    }

    /// Where objects lie.
    pub fn objects(&self) -> PathBuf {
        self.common.join("objects")
    }

    /// What a name stands for, in hex: `HEAD`, `refs/tags/v1`.
    pub fn find(&self, name: &str) -> Option<String> {
        let mut name = name.to_owned();
        for _ in 0..LINKS_MAX {
            if !sound(&name) {
                return None;
            }
            let folder = if name == "HEAD" { &self.own } else { &self.common };
            let text = match read(&folder.join(&name), REF_BYTES_MAX) {
                Some(text) => text,
                None => return self.packed().find(|(_, n)| *n == name).map(|(id, _)| id),
            };
            match text.strip_prefix("ref:") {
                Some(next) => name = next.trim().to_owned(),
                None => return Some(text.trim().to_owned()),
            }
        }
        None
    }

    /// Tags by what they stand for, in hex (of an annotated one, both the tag and its commit where it is known).
    pub fn tags(&self) -> HashMap<String, String> {
        let mut out = HashMap::new();
        for (id, name) in self.packed() {
            if let Some(tag) = name.strip_prefix("refs/tags/")
                && out.len() < TAGS_MAX
            {
                out.insert(id, tag.to_owned());
            }
        }
        let Ok(list) = std::fs::read_dir(self.common.join("refs/tags")) else { return out };
        for entry in list.flatten().take(TAGS_MAX) {
            let name = entry.file_name().to_string_lossy().into_owned();
            if let Some(id) = read(&entry.path(), REF_BYTES_MAX) {
                out.insert(id.trim().to_owned(), name);
            }
        }
        out
    }

    /// `ID NAME` lines; behind an annotated tag stands `^COMMIT`.
    fn packed(&self) -> impl Iterator<Item = (String, String)> {
        let text = read(&self.common.join("packed-refs"), PACKED_BYTES_MAX).unwrap_or_default();
        let mut list = Vec::new();
        for line in text.lines().filter(|l| !l.starts_with('#')) {
            if let Some(commit) = line.strip_prefix('^') {
                if let Some((id, _)) = list.last_mut() {
                    commit.trim().clone_into(id);
                }
            } else if let Some((id, name)) = line.split_once(' ') {
                list.push((id.to_owned(), name.trim().to_owned()));
            }
        }
        list.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_out_are_none() {
        for good in ["HEAD", "refs/heads/main", "refs/tags/shop@3.8.0", "refs/tags/shop/v1"] {
            assert!(sound(good), "{good}");
        }
        for bad in [
            "",
            "/etc/passwd",
            "refs/../../x",
            "refs/tags/.x",
            "refs//x",
            "refs/tags/a b",
            "a\n",
            "refs/tags/x.lock",
        ] {
            assert!(!sound(bad), "{bad}");
        }
    }
}
