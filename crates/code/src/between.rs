//! What a release brought: the commits that it has and the one before it has not, the newest first.

use crate::repo::{Commit, Go, Id, Repo, Result};
use record::Time;
use std::collections::{BinaryHeap, HashMap, HashSet};

/// Commits gone through.
const COMMITS_MAX: usize = 50_000;
/// Commits told of; of a release with more, nobody reads all.
pub const TOLD_MAX: usize = 100;

/// Commits that can be reached from `to` and not from `from` (`git log from..to`).
///
/// # Errors
/// The repository cannot be read, or it took too long.
pub fn brought(repo: &Repo, from: &Id, to: &Commit, go: Go<'_>) -> Result<Vec<Commit>> {
    // By time, the newest first; `old`: it can be reached from `from`.
    let mut queue: BinaryHeap<(Time, Id)> = BinaryHeap::new();
    let mut commits: HashMap<Id, Commit> = HashMap::new();
    let mut old: HashSet<Id> = HashSet::from([*from]);
    let start = repo.commit(from)?;
    for c in [start, to.clone()] {
        queue.push((c.at, c.id));
        commits.insert(c.id, c);
    }
    let mut done = HashSet::new();
    let mut found = Vec::new();
    while let Some((_, id)) = queue.pop() {
        if !done.insert(id) {
            continue;
        }
        if !go() {
            return Err("going through the commits of the release took too long".to_owned());
        }
        if done.len() > COMMITS_MAX {
            break;
        }
        let Some(commit) = commits.get(&id).cloned() else { continue };
        let is_old = old.contains(&id);
        for parent in &commit.parents {
            if is_old {
                old.insert(*parent);
            }
            if !commits.contains_key(parent)
                && let Ok(c) = repo.commit(parent)
            {
                queue.push((c.at, *parent));
                commits.insert(*parent, c);
            }
        }
        if !is_old {
            found.push(commit);
        }
        // All that is left can be reached from the one before.
        if queue.iter().all(|(_, id)| old.contains(id)) {
            break;
        }
    }
    found.retain(|c| !old.contains(&c.id));
    found.truncate(TOLD_MAX);
    Ok(found)
}

/// The newest commit of the main line (first parents from `head` on) that is not later than `at`.
///
/// # Errors
/// The repository cannot be read, or it took too long.
pub fn as_of(repo: &Repo, head: &Commit, at: Time, go: Go<'_>) -> Result<Option<Commit>> {
    let mut commit = head.clone();
    for _ in 0..COMMITS_MAX {
        if commit.at <= at {
            return Ok(Some(commit));
        }
        if !go() {
            return Err("going back to the time of the first failure took too long".to_owned());
        }
        let Some(parent) = commit.parents.first().and_then(|p| repo.commit(p).ok()) else { return Ok(None) };
        commit = parent;
    }
    Ok(None)
}

/// The nearest commit before one that is tagged: the release before, where nobody tells it.
pub fn tagged_before(repo: &Repo, commit: &Commit, go: Go<'_>) -> Option<(Id, String)> {
    let tags = repo.tags();
    let mut at = commit.clone();
    for _ in 0..COMMITS_MAX {
        at = repo.commit(at.parents.first().filter(|_| go() && !tags.is_empty())?).ok()?;
        if let Some(name) = tags.get(&at.id) {
            return Some((at.id, name.clone()));
        }
    }
    None
}
