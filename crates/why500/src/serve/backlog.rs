//! What was taken in and is not digested yet, in bytes: bounded as a whole, and shared out among projects, so that one that floods
//! the server is told to slow down while others are taken in as ever.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Bytes of all projects: beyond, all are told to come again.
pub const BYTES_MAX: u64 = 64 << 20;
/// What a batch takes in memory beside its bytes, about: a million tiny ones must not pass for nothing.
const BATCH_BYTES: u64 = 1_024;

/// Why there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// For anybody.
    Server,
    /// For this project, which waits for more than its share.
    Project,
}

#[derive(Default)]
struct Bytes {
    all: u64,
    of: HashMap<i64, u64>,
}

/// The bytes that wait.
#[derive(Default)]
pub struct Backlog(Mutex<Bytes>);

impl Backlog {
    fn bytes(&self) -> MutexGuard<'_, Bytes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Of all projects.
    pub fn all(&self) -> u64 {
        self.bytes().all
    }

    /// May a project send more? It may wait for as much as is still free: one alone gets half of the room, two that flood a third
    /// each, and there is always some left for the next (Choudhury and Hahne 1998, "Dynamic queue length thresholds").
    pub fn room(&self, project: i64) -> Result<(), Full> {
        let bytes = self.bytes();
        let free = BYTES_MAX.saturating_sub(bytes.all);
        match bytes.of.get(&project) {
            _ if free == 0 => Err(Full::Server),
            Some(&its) if its > free => Err(Full::Project),
            _ => Ok(()),
        }
    }

    /// A batch of so many bytes waits from now on; gives what is to be taken off once it is digested.
    pub fn add(&self, project: i64, len: usize) -> u64 {
        let size = len as u64 + BATCH_BYTES;
        let mut bytes = self.bytes();
        bytes.all += size;
        *bytes.of.entry(project).or_default() += size;
        size
    }

    /// A batch waits no longer.
    pub fn remove(&self, project: i64, size: u64) {
        let mut bytes = self.bytes();
        bytes.all = bytes.all.saturating_sub(size);
        if let Some(its) = bytes.of.get_mut(&project) {
            *its = its.saturating_sub(size);
            if *its == 0 {
                bytes.of.remove(&project);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends until it is refused; gives the bytes.
    fn flood(b: &Backlog, project: i64) -> u64 {
        let mut sent = 0;
        while b.room(project).is_ok() {
            sent += b.add(project, 100_000);
        }
        sent
    }

    #[test]
    fn one_that_floods_leaves_room_for_the_next() {
        let b = Backlog::default();
        let first = flood(&b, 1);
        assert_eq!(b.room(1), Err(Full::Project));
        assert!(first.abs_diff(BYTES_MAX / 2) < 200_000);
        assert!(flood(&b, 2).abs_diff(BYTES_MAX / 4) < 200_000);
        assert_eq!(b.room(3), Ok(()));
        b.remove(1, first);
        assert_eq!(b.room(1), Ok(()));
    }
}
