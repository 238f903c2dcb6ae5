//! Who changed a line last: the line is followed from commit to commit into the past, until one has it that its parents have not.
//!
//! As `git blame` does for one line: where a parent has the file unchanged, all blame is the parent's; where it has another version, a
//! diff says which line it was there; where it has none, the file may have been moved.

use crate::repo::{Commit, Go, Id, Repo, Result};
use imara_diff::sources::byte_lines;
use imara_diff::{Algorithm, Diff, InternedInput};

/// Commits gone through; those that leave the file as it is cost a fraction of a comparison.
const COMMITS_MAX: usize = 50_000;
/// Versions of the file that are compared. Measured on 400 lines: 0.4 ms each, about as fast as git.
const DIFFS_MAX: usize = 20_000;
/// Files of a commit that are looked through for where a file was moved from.
const MOVED_MAX: usize = 100_000;

/// The last change of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// By which commit.
    pub commit: Commit,
    /// The file's path there.
    pub path: String,
    /// The line's number there, from 1 on.
    pub line: u32,
}

/// The last change of a line (from 1 on) of a file, as of a commit.
///
/// # Errors
/// The repository cannot be read, or it took too long.
pub fn last_change(repo: &Repo, from: &Commit, path: &str, line: u32, go: Go<'_>) -> Result<Option<Change>> {
    let Some(mut blob) = repo.file(&from.tree, path)? else { return Ok(None) };
    let (mut commit, mut path, mut line) = (from.clone(), path.to_owned(), line);
    let mut text = repo.bytes(&blob)?;
    if line == 0 || usize::try_from(line).is_ok_and(|n| n > byte_lines_of(&text)) {
        return Ok(None);
    }
    let mut diffs = 0;
    'commits: for _ in 0..COMMITS_MAX {
        if !go() {
            return Err("following the line through the commits took too long".to_owned());
        }
        let mut changed = Vec::new();
        for id in &commit.parents {
            // A shallow clone ends here; what is there is all that can be said.
            let Ok(parent) = repo.commit(id) else { continue };
            match repo.file(&parent.tree, &path)? {
                Some(same) if same == blob => {
                    commit = parent;
                    continue 'commits;
                }
                Some(other) => changed.push((parent, path.clone(), other)),
                None => {
                    if let Some(before) = moved(repo, &commit, &parent, &path, blob, go)? {
                        changed.push((parent, before, blob));
                    }
                }
            }
        }
        for (parent, before, other) in changed {
            diffs += 1;
            if diffs > DIFFS_MAX {
                return Err("the file has more versions than are compared".to_owned());
            }
            let older = if other == blob { text.clone() } else { repo.bytes(&other)? };
            if let Some(there) = line_before(&older, &text, line) {
                (commit, path, blob, text, line) = (parent, before, other, older, there);
                continue 'commits;
            }
        }
        return Ok(Some(Change { commit, path, line }));
    }
    Err("the repository has more commits than are gone through".to_owned())
}

fn byte_lines_of(text: &[u8]) -> usize {
    text.iter().filter(|b| **b == b'\n').count() + usize::from(text.last().is_some_and(|b| *b != b'\n'))
}

/// Which line of the older text a line of the newer one is; `None` where it is new or changed.
fn line_before(older: &[u8], newer: &[u8], line: u32) -> Option<u32> {
    if older == newer {
        return Some(line);
    }
    let input = InternedInput::new(byte_lines(older), byte_lines(newer));
    let mut diff = Diff::compute(Algorithm::Histogram, &input);
    diff.postprocess_lines(&input);
    let at = line.checked_sub(1)?;
    let (mut added, mut removed) = (0u32, 0u32);
    for hunk in diff.hunks() {
        if hunk.after.contains(&at) {
            return None;
        }
        if hunk.after.start > at {
            break;
        }
        added += u32::try_from(hunk.after.len()).ok()?;
        removed += u32::try_from(hunk.before.len()).ok()?;
    }
    (line + removed).checked_sub(added)
}

/// Where a commit moved a file from that its parent has not: a file that the commit no longer has, with the same content.
fn moved(
    repo: &Repo,
    commit: &Commit,
    parent: &Commit,
    path: &str,
    blob: Id,
    go: Go<'_>,
) -> Result<Option<String>> {
    let mut before = None;
    let mut seen = 0;
    repo.files(&parent.tree, go, &mut |there, id| {
        seen += 1;
        if id == blob && there != path {
            before = Some(there.to_owned());
        }
        before.is_none() && seen < MOVED_MAX
    })?;
    match before {
        Some(there) if repo.file(&commit.tree, &there)?.is_none() => Ok(Some(there)),
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_found_again_in_the_older_text() {
        let (older, newer) = (b"a\nb\nc\nd\n", b"x\na\nb\nC\nd\ne");
        let found: Vec<_> = (1..=6).map(|n| line_before(older, newer, n)).collect();
        assert_eq!(found, [None, Some(1), Some(2), None, Some(4), None]);
        assert_eq!(line_before(b"a\nb\n", b"b\n", 1), Some(2));
        assert_eq!(line_before(b"", b"b\n", 1), None);
    }
}
