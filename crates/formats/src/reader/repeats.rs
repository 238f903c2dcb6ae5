//! Continuation lines that were read before: the stack trace of an error that comes a thousand times is read once.
//!
//! ```text
//! [2026-11-24 10:12:01] production.ERROR: … `id` = 17 …      a head, read whole each time
//! [stacktrace]                                               the same lines as behind the last head that said so:
//! #0 /var/www/shop/vendor/…                                  compared, not read
//! ```
//!
//! What lines behind a head mean depends on the head and on themselves. Where a head says the same apart from its numbers and
//! the bytes behind it are the same, the outcome is the same.

use memchr::memchr;
use record::{Exception, Mark, Numbered};
use std::sync::{Arc, OnceLock};

/// Fewer lines are not worth remembering.
const LINES_MIN: u64 = 3;
/// Longest run of lines remembered.
const BYTES_MAX: usize = 48 * 1024;
/// All runs of a source together.
const ALL_BYTES_MAX: usize = 4 << 20;
/// Runs remembered behind one head.
const PER_HEAD_MAX: usize = 8;

/// Lines that continued an entry, and what came of them.
#[derive(Debug)]
pub(super) struct Known {
    bytes: Box<[u8]>,
    /// What they added to the message.
    pub said: Box<str>,
    pub lines: u64,
    /// Those with escape sequences.
    pub escaped: u64,
    pub in_trace: bool,
    pub frames: bool,
    pub closing: OnceLock<Closing>,
}

impl Known {
    pub fn len(&self) -> usize {
        self.bytes.len()
    }
}

/// What the entry's whole text says.
#[derive(Debug)]
pub(super) struct Closing {
    /// The hash of the lines.
    pub tail: u64,
    pub exceptions: Arc<[Exception]>,
    pub mark: Option<Mark>,
}

/// How the lines that are being read go on.
#[derive(Debug, Default)]
pub(super) struct Learning {
    /// The head's words, and where the lines behind it begin in the bytes pushed.
    pub head: u64,
    pub from: usize,
    pub lines: u64,
    pub said: String,
    pub in_trace: bool,
    pub frames: bool,
}

/// The memory of a source.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    by_head: Numbered<u64, Vec<Arc<Known>>>,
    bytes: usize,
}

impl Repeats {
    /// The lines at the start of these bytes, if they stood behind this head before. Of several the longest.
    pub fn find(&self, head: u64, bytes: &[u8]) -> Option<Arc<Known>> {
        let fits = |k: &&Arc<Known>| bytes.starts_with(&k.bytes);
        self.by_head.get(&head)?.iter().filter(fits).max_by_key(|k| k.bytes.len()).cloned()
    }

    /// Remembers lines.
    pub fn keep(&mut self, learnt: Learning, bytes: &[u8]) {
        if learnt.lines < LINES_MIN || bytes.len() > BYTES_MAX || self.bytes + bytes.len() > ALL_BYTES_MAX {
            return;
        }
        let list = self.by_head.entry(learnt.head).or_default();
        if list.len() >= PER_HEAD_MAX || list.iter().any(|k| *k.bytes == *bytes) {
            return;
        }
        self.bytes += bytes.len();
        list.push(Arc::new(Known {
            bytes: bytes.into(),
            said: learnt.said.into(),
            lines: learnt.lines,
            escaped: bytes.split(|b| *b == b'\n').map(|line| u64::from(memchr(0x1b, line).is_some())).sum(),
            in_trace: learnt.in_trace,
            frames: learnt.frames,
            closing: OnceLock::new(),
        }));
    }
}
