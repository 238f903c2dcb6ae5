//! Blocks of lines, and the pool from which cores take them.

use super::{CARRY_MAX, lock};
use diagnosis::Tally;
use formats::{Clock, Glance, Glanced, Scanned};
use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Read behind a block's end at a time, to find the end of its last line.
const END_BYTES: usize = 16 << 10;

/// Where the bytes of a block are.
enum Bytes {
    Here(Mutex<Vec<u8>>),
    /// Lines that begin in this range of the file.
    File {
        file: Arc<File>,
        range: Range<u64>,
        first: bool,
    },
}

/// Some lines to go through.
pub(super) struct Block {
    bytes: Bytes,
    glance: Arc<Glance>,
    tallies: Arc<Tallies>,
    /// Tells the block's lines from those of the source's others.
    number: u64,
    state: Mutex<State>,
    done: Condvar,
}

enum State {
    Waiting,
    Taken,
    Done(Scanned),
    /// The reader has it.
    Gone,
}

impl Block {
    pub(super) fn of_bytes(bytes: Vec<u8>, glance: Arc<Glance>, tallies: Arc<Tallies>, number: u64) -> Block {
        Block::new(Bytes::Here(Mutex::new(bytes)), glance, tallies, number)
    }

    /// Lines that begin in a range of a file; of the `first` block the range begins with a line.
    pub(super) fn of_file(
        file: Arc<File>,
        range: Range<u64>,
        first: bool,
        glance: Arc<Glance>,
        tallies: Arc<Tallies>,
    ) -> Block {
        let number = range.start;
        Block::new(Bytes::File { file, range, first }, glance, tallies, number)
    }

    fn new(bytes: Bytes, glance: Arc<Glance>, tallies: Arc<Tallies>, number: u64) -> Block {
        Block { bytes, glance, tallies, number, state: Mutex::new(State::Waiting), done: Condvar::new() }
    }

    pub(super) fn is_done(&self) -> bool {
        matches!(*lock(&self.state), State::Done(_))
    }

    /// Goes through the lines, unless another core does.
    fn run(&self) {
        {
            let mut state = lock(&self.state);
            if !matches!(*state, State::Waiting) {
                return;
            }
            *state = State::Taken;
        }
        let mut counter = self.tallies.lend();
        counter.number = self.number;
        let scanned = match &self.bytes {
            Bytes::Here(bytes) => {
                let bytes = std::mem::take(&mut *lock(bytes));
                counter.scan(&bytes, &self.glance)
            }
            Bytes::File { file, range, first } => {
                let mut buffer = std::mem::take(&mut counter.buffer);
                // What cannot be read any more (cut off meanwhile) has no lines.
                let lines = lines_of(file, range.clone(), *first, &mut buffer).unwrap_or_default();
                let scanned = counter.scan(buffer.get(lines).unwrap_or_default(), &self.glance);
                counter.buffer = buffer;
                scanned
            }
        };
        self.tallies.give_back(counter);
        *lock(&self.state) = State::Done(scanned);
        self.done.notify_all();
    }

    fn take(&self) -> Option<Scanned> {
        let mut state = lock(&self.state);
        match std::mem::replace(&mut *state, State::Gone) {
            State::Done(s) => Some(s),
            other => {
                *state = other;
                None
            }
        }
    }
}

/// Reads at an offset, whatever other threads read.
pub(super) fn read_at(file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    loop {
        #[cfg(unix)]
        let read = std::os::unix::fs::FileExt::read_at(file, buffer, at);
        #[cfg(windows)]
        let read = std::os::windows::fs::FileExt::seek_read(file, buffer, at);
        match read {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

/// The end of the last line that ends in the range; its begin if none does near its end.
pub(super) fn last_line_end(file: &File, from: u64, size: u64) -> u64 {
    let mut buffer = Vec::new();
    let begin = size.saturating_sub(CARRY_MAX as u64).max(from);
    let want = usize::try_from(size.saturating_sub(begin)).unwrap_or(0);
    let n = fill(file, &mut buffer, 0, want, begin).unwrap_or(0);
    match memchr::memrchr(b'\n', buffer.get(..n).unwrap_or_default()) {
        Some(e) => begin + e as u64 + 1,
        None => from,
    }
}

fn fill(file: &File, buffer: &mut Vec<u8>, from: usize, len: usize, at: u64) -> io::Result<usize> {
    if buffer.len() < from + len {
        buffer.resize(from + len, 0);
    }
    let mut n = 0;
    while n < len {
        match read_at(file, buffer.get_mut(from + n..from + len).unwrap_or_default(), at + n as u64)? {
            0 => break,
            k => n += k,
        }
    }
    Ok(n)
}

/// Where in the buffer the lines lie that begin in the range, the last one to its end.
fn lines_of(file: &File, range: Range<u64>, first: bool, buffer: &mut Vec<u8>) -> io::Result<Range<usize>> {
    // The byte before tells whether a line begins with the range.
    let before = u64::from(!first && range.start > 0);
    let want = usize::try_from(range.end - range.start + before).unwrap_or(0);
    let mut have = fill(file, buffer, 0, want, range.start - before)?;
    let begin = match before {
        0 => 0,
        _ => match memchr::memchr(b'\n', buffer.get(..have).unwrap_or_default()) {
            Some(n) => n + 1,
            None => return Ok(0..0),
        },
    };
    if begin >= have {
        return Ok(0..0);
    }
    let mut seen = have - 1;
    while memchr::memrchr(b'\n', buffer.get(seen..have).unwrap_or_default()).is_none()
        && have < want + CARRY_MAX
    {
        let n = fill(file, buffer, have, END_BYTES, range.start - before + have as u64)?;
        seen = have;
        have += n;
        if n == 0 {
            break;
        }
    }
    let end = match memchr::memchr(b'\n', buffer.get(seen..have).unwrap_or_default()) {
        Some(n) => seen + n + 1,
        None => have,
    };
    Ok(begin..end)
}

/// Counters of one source, lent to the cores that go through its blocks.
#[derive(Default)]
pub(super) struct Tallies {
    free: Mutex<Vec<Counter>>,
}

#[derive(Default)]
struct Counter {
    clock: Clock,
    tallies: Vec<(Option<String>, Tally)>,
    number: u64,
    buffer: Vec<u8>,
}

impl Counter {
    fn scan(&mut self, lines: &[u8], glance: &Glance) -> Scanned {
        let mut clock = std::mem::take(&mut self.clock);
        let scanned = formats::scan(lines, glance, &mut clock, self);
        self.clock = clock;
        for (_, tally) in &mut self.tallies {
            tally.end_block();
        }
        scanned
    }
}

impl formats::Tally for Counter {
    fn count(&mut self, q: &Glanced<'_>) {
        let i = match self.tallies.iter().position(|(s, _)| s.as_deref() == q.service) {
            Some(i) => i,
            None => {
                self.tallies.push((q.service.map(str::to_owned), Tally::default()));
                self.tallies.len() - 1
            }
        };
        if let Some((_, t)) = self.tallies.get_mut(i) {
            t.count(q.at, q.status, q.method, q.target, q.client, q.upstream, self.number + q.offset as u64);
        }
    }
}

impl Tallies {
    fn lend(&self) -> Counter {
        lock(&self.free).pop().unwrap_or_default()
    }

    fn give_back(&self, counter: Counter) {
        lock(&self.free).push(counter);
    }

    /// All that was counted.
    pub(super) fn take(&self) -> Vec<(Option<String>, Tally)> {
        std::mem::take(&mut *lock(&self.free)).into_iter().flat_map(|c| c.tallies).collect()
    }
}

/// Blocks that wait for a core.
#[derive(Default)]
pub(super) struct Pool {
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    blocks: VecDeque<Arc<Block>>,
    /// Threads that read inputs.
    readers: usize,
}

impl Pool {
    pub(super) fn enter(&self) {
        lock(&self.queue).readers += 1;
    }

    pub(super) fn leave(&self) {
        lock(&self.queue).readers -= 1;
        self.changed.notify_all();
    }

    pub(super) fn submit(&self, block: Arc<Block>) {
        lock(&self.queue).blocks.push_back(block);
        self.changed.notify_one();
    }

    /// Works on others' blocks as long as somebody reads.
    pub(super) fn help_until_all_left(&self) {
        let mut queue = lock(&self.queue);
        loop {
            if let Some(block) = queue.blocks.pop_front() {
                drop(queue);
                block.run();
                queue = lock(&self.queue);
            } else if queue.readers == 0 {
                return;
            } else {
                queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    /// The outcome of a block; meanwhile others are worked on.
    pub(super) fn wait(&self, block: &Block) -> Scanned {
        block.run();
        loop {
            if let Some(s) = block.take() {
                return s;
            }
            let next = lock(&self.queue).blocks.pop_front();
            match next {
                Some(other) => other.run(),
                None => {
                    let state = lock(&block.state);
                    if matches!(*state, State::Taken) {
                        let _ = block.done.wait_timeout(state, Duration::from_millis(20));
                    }
                }
            }
        }
    }
}
