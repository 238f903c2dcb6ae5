//! Reads all inputs on all cores to what was observed in them.
//!
//! One thread reads one input from its begin to its end, since what a line means may depend on those before it. Once the reader
//! knows what healthy requests look like in there, the rest is cut at line ends into blocks that any core may go through ahead of
//! it: the block's healthy requests are counted at once, and only its other lines come back to the reader, in order. What is
//! observed does not depend on which core did what.

mod blocks;
mod progress;

pub use progress::Progress;

use crate::input::{self, Consumer, Input, Place, rotation};
use blocks::{Block, Pool, Tallies};
use diagnosis::{Observations, Recogniser, Source};
use formats::layout::Layout;
use formats::{Context, Counts, Healthy, Reader, Sink};
use record::Record;
use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// Bytes of a block: some thousand lines, so that handing it over costs nothing, and few enough to stay in a core's cache.
const BLOCK_BYTES: usize = 1 << 20;
/// Bytes read at a time until healthy requests are known by their look.
const FIRST_BYTES: usize = 64 << 10;
/// Blocks that cores may be ahead of the reader; bounds the memory they take.
const AHEAD_MAX: usize = 8;
/// Longest part of a line that is carried over to the next bytes; the reader takes no more.
const CARRY_MAX: usize = (256 << 10) + 1;

/// What was observed, and what is known of the sources.
#[derive(Default)]
pub struct Gathered {
    /// The records and counts.
    pub obs: Observations,
    /// By source.
    pub sources: Vec<Source>,
    /// By source.
    pub counts: Vec<Counts>,
}

impl Gathered {
    /// Gives back the room for more.
    fn shrink(&mut self) {
        self.obs.shrink();
        self.sources.shrink_to_fit();
        self.counts.shrink_to_fit();
    }

    fn append(&mut self, other: Gathered) {
        self.obs.append(other.obs);
        diagnosis::put_behind(&mut self.sources, other.sources);
        diagnosis::put_behind(&mut self.counts, other.counts);
    }
}

/// What all readers need.
pub struct Needs<'a> {
    /// Which entries are worth keeping.
    pub recogniser: &'a Recogniser,
    /// Layouts of access logs.
    pub layouts: Vec<Arc<Layout>>,
    /// Set to stop early.
    pub stop: &'a AtomicBool,
    /// Shown meanwhile.
    pub progress: &'a Progress,
    /// Threads to use.
    pub threads: usize,
    /// The time for streams, which have none of their own.
    pub now: fn(Option<SystemTime>) -> record::Time,
}

fn lock<T>(m: &Mutex<T>) -> MutexGuard<'_, T> {
    // A thread that panicked has ended the program's work anyway; what it left is whole.
    m.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The files of each rotated log, which are read one after the other, as an entry may have been cut between two.
fn logs(inputs: &[Input]) -> Vec<&[Input]> {
    inputs.chunk_by(|a, b| rotation::follows(&a.shown, &b.shown)).collect()
}

/// Reads all inputs.
pub fn gather(inputs: &[Input], needs: &Needs<'_>) -> Gathered {
    let logs = logs(inputs);
    // Large ones first, so that no core is left with one alone at the end; the others in their order, so that little waits for
    // what comes before it.
    let mut order: Vec<usize> = (0..logs.len()).collect();
    let size = |i: usize| -> u64 { logs.get(i).map_or(0, |l| l.iter().map(|f| f.size).sum()) };
    order.sort_by_key(|&i| std::cmp::Reverse(Some(size(i)).filter(|s| *s >= BLOCK_BYTES as u64)));
    let all: Mutex<Joined> = Mutex::default();
    let next = AtomicUsize::new(needs.threads.max(1));
    let pool = Pool::default();
    let work = |first: usize| {
        pool.enter();
        let mut first = Some(first);
        let turn = || first.take().unwrap_or_else(|| next.fetch_add(1, Ordering::Relaxed));
        for &i in std::iter::repeat_with(turn).map_while(|n| order.get(n)) {
            if needs.stop.load(Ordering::Relaxed) {
                break;
            }
            let Some(log) = logs.get(i) else { continue };
            let mut bridge = Bridge::new(needs, &pool);
            for file in *log {
                if !needs.stop.load(Ordering::Relaxed) {
                    input::read(file, &mut bridge);
                }
            }
            bridge.close();
            lock(&all).put(i, bridge.gathered);
        }
        pool.leave();
        pool.help_until_all_left();
    };
    if needs.threads > 1 {
        // The largest log mostly tells of requests, of which little is kept; records come of the next. The memory of the first thread
        // grows by large steps, that of others by a system call for each page.
        let (work, own) = (&work, 1);
        std::thread::scope(|s| {
            for first in (0..needs.threads).filter(|i| *i != own) {
                s.spawn(move || work(first));
            }
            work(own);
        });
    } else {
        work(0);
    }
    all.into_inner().unwrap_or_else(PoisonError::into_inner).finish()
}

/// What was gathered so far, put together where logs stand next to each other: a hundred thousand small ones would each take room of
/// its own while a large one before them is read.
#[derive(Default)]
struct Joined {
    /// By the number of their first log: the number behind their last, and what they told.
    runs: BTreeMap<usize, (usize, Gathered)>,
}

impl Joined {
    fn put(&mut self, number: usize, mut log: Gathered) {
        let mut end = number + 1;
        if let Some((after, more)) = self.runs.remove(&end) {
            end = after;
            log.append(more);
        }
        match self.runs.range_mut(..number).next_back() {
            Some((_, (last, before))) if *last == number => {
                before.append(log);
                *last = end;
            }
            _ => {
                log.shrink();
                self.runs.insert(number, (end, log));
            }
        }
    }

    /// All of it; logs that were not read (Ctrl-C) are left out.
    fn finish(self) -> Gathered {
        let mut runs = self.runs.into_values().map(|(_, log)| log);
        let mut all = runs.next().unwrap_or_default();
        for log in runs {
            all.append(log);
        }
        all
    }
}

/// Brings the lines of one input to observations.
struct Bridge<'a> {
    needs: &'a Needs<'a>,
    pool: &'a Pool,
    gathered: Gathered,
    reader: Option<Reader>,
    bytes: u64,
    /// Where the source is followed from, if it is.
    place: Option<Arc<Place>>,
    /// The same of the source that begins next.
    next: Option<Arc<Place>>,
    /// What was wrong with the file that ended last.
    trouble: Option<String>,
    /// Bytes behind the last line end.
    carry: Vec<u8>,
    /// How many they are, those counted that are too many to be carried.
    unended: u64,
    ahead: VecDeque<Arc<Block>>,
    tallies: Arc<Tallies>,
}

struct Tap<'a, 'b> {
    obs: &'b mut Observations,
    recogniser: &'a Recogniser,
}

impl Sink for Tap<'_, '_> {
    fn healthy(&mut self, h: &Healthy<'_>) {
        let q = h.request;
        self.obs.healthy(
            h.source,
            h.line,
            h.service,
            h.at,
            &q.method,
            &q.target,
            q.client.as_deref(),
            q.status.unwrap_or(0),
            q.ending,
            q.upstream.is_some(),
        );
    }

    fn wants(&self, message: &str) -> bool {
        self.recogniser.interesting(message)
    }

    fn record(&mut self, record: Record) {
        self.obs.record(record, self.recogniser);
    }
}

impl<'a> Bridge<'a> {
    fn new(needs: &'a Needs<'a>, pool: &'a Pool) -> Bridge<'a> {
        Bridge {
            needs,
            pool,
            gathered: Gathered::default(),
            reader: None,
            bytes: 0,
            place: None,
            next: None,
            trouble: None,
            carry: Vec::new(),
            unended: 0,
            ahead: VecDeque::new(),
            tallies: Arc::default(),
        }
    }

    /// Whole lines, or the last bytes of the source.
    fn lines(&mut self, bytes: Cow<'_, [u8]>) {
        let Some(reader) = &mut self.reader else { return };
        if let Some(glance) = reader.glance() {
            let number = self.offset() + self.bytes;
            self.submit(Block::of_bytes(bytes.into_owned(), glance, Arc::clone(&self.tallies), number));
            return;
        }
        let mut rest = &*bytes;
        while !rest.is_empty() {
            let glance = reader.glance();
            if let Some(glance) = glance {
                let number = self.offset() + self.bytes;
                self.submit(Block::of_bytes(rest.to_vec(), glance, Arc::clone(&self.tallies), number));
                return;
            }
            // In pieces, so that little is read whole once the look of healthy requests is known.
            let end = match rest.get(FIRST_BYTES..).and_then(|r| memchr::memchr(b'\n', r)) {
                Some(n) => FIRST_BYTES + n + 1,
                None => rest.len(),
            };
            let (piece, more) = rest.split_at(end);
            reader.push(piece, &mut Tap { obs: &mut self.gathered.obs, recogniser: self.needs.recogniser });
            rest = more;
        }
    }

    fn submit(&mut self, block: Block) {
        let block = Arc::new(block);
        self.ahead.push_back(Arc::clone(&block));
        self.pool.submit(block);
        while self.ahead.len() > AHEAD_MAX || self.ahead.front().is_some_and(|b| b.is_done()) {
            self.replay_next();
        }
    }

    /// Gives the reader what is left of the block that comes next.
    fn replay_next(&mut self) {
        let Some(block) = self.ahead.pop_front() else { return };
        let scanned = self.pool.wait(&block);
        if let Some(reader) = &mut self.reader {
            reader.replay(
                &scanned,
                &mut Tap { obs: &mut self.gathered.obs, recogniser: self.needs.recogniser },
            );
        }
    }

    fn catch_up(&mut self) {
        while !self.ahead.is_empty() {
            self.replay_next();
        }
    }

    /// Where in its file the source begins.
    fn offset(&self) -> u64 {
        self.place.as_ref().map_or(0, |p| p.offset)
    }

    /// Nothing more comes of the log that was read last.
    fn close(&mut self) {
        let Some(mut reader) = self.reader.take() else { return };
        let mut tap = Tap { obs: &mut self.gathered.obs, recogniser: self.needs.recogniser };
        let rest = std::mem::take(&mut self.carry);
        if self.place.as_ref().is_none_or(|p| !p.grows) {
            reader.push(&rest, &mut tap);
            self.unended = 0;
        }
        // Otherwise the line may still be being written: the next run reads it.
        let counts = reader.finish(&mut tap);
        self.settle(counts);
    }

    /// Notes what was counted of the file that ended.
    fn settle(&mut self, counts: Counts) {
        let trouble = self.trouble.take();
        if let Some(s) = self.gathered.sources.last_mut() {
            s.lines = counts.lines;
            s.parsed = counts.lines.saturating_sub(counts.unparsed);
            s.format = counts.formats.iter().map(|(n, _)| *n).take(3).collect::<Vec<_>>().join(", ");
            s.bytes = self.bytes - self.unended;
            if let Some(place) = self.place.take() {
                place.reached(s.bytes, counts.lines, self.unended);
            }
            let troubles: Vec<String> = trouble.into_iter().chain(oddities(&counts)).collect();
            if !troubles.is_empty() {
                s.trouble = Some(troubles.join("; "));
            }
        }
        // The names of formats stand in the source now; a hundred thousand files have as many lists of them.
        self.gathered.counts.push(Counts { formats: Vec::new(), ..counts });
    }

    fn stopped(&self) -> bool {
        self.needs.stop.load(Ordering::Relaxed)
    }
}

/// What was odd about a source's text, in words.
fn oddities(counts: &Counts) -> Vec<String> {
    let lines = |n: u64| if n == 1 { "1 line".to_owned() } else { format!("{n} lines") };
    let were = |n: u64| if n == 1 { "was" } else { "were" };
    let mut said = Vec::new();
    if let n @ 1.. = counts.long_lines {
        said.push(format!("{} longer than 256 KiB {} read only so far", lines(n), were(n)));
    }
    if let Some(n) = counts.nul_line {
        said.push(format!("NUL bytes from line {n} on (a crash or a full disk leaves them)"));
    }
    if let Some(n) = counts.invalid_line {
        said.push(format!("invalid UTF-8 from line {n} on; its bytes are shown as \u{fffd}"));
    }
    if let n @ 1.. = counts.escaped_lines {
        said.push(format!("escape sequences were removed from {}", lines(n)));
    }
    if let n @ 1.. = counts.deep_lines {
        said.push(format!("{} of brackets nested more than 128 deep {} not looked into", lines(n), were(n)));
    }
    if let Some(n) = counts.odd_time_line {
        said.push(format!(
            "times before 1970 or after 2199 from line {n} on; the time of the line before was taken"
        ));
    }
    said
}

impl Consumer for Bridge<'_> {
    fn follow(&mut self, place: &Arc<Place>) {
        self.next = Some(Arc::clone(place));
    }

    fn begin(&mut self, shown: &str, modified: Option<SystemTime>) -> bool {
        let source = self.gathered.obs.source(shown);
        let file_name = shown.rsplit(['/', ':']).next().unwrap_or(shown).to_owned();
        let reference = (self.needs.now)(modified);
        let file = self.next.take();
        let (lines_before, w3c_fields) = file.as_ref().map_or((0, None), |p| (p.lines, p.w3c_fields.clone()));
        let layouts = self.needs.layouts.clone();
        let context =
            Context { reference, file_name, w3c_fields, layouts, lines_before, ..Context::default() };
        let follows = self.gathered.sources.last().is_some_and(|s| rotation::follows(&s.path, shown));
        let mut tap = Tap { obs: &mut self.gathered.obs, recogniser: self.needs.recogniser };
        match &mut self.reader {
            Some(reader) if follows => {
                // A line without its end may go on in the next file of the log.
                reader.push(&std::mem::take(&mut self.carry), &mut tap);
                self.unended = 0;
                let counts = reader.go_on(source, context, &mut tap);
                self.settle(counts);
            }
            _ => {
                self.close();
                self.reader = Some(Reader::new(source, context));
            }
        }
        self.place = file;
        self.gathered.sources.push(Source { path: shown.to_owned(), ..Source::default() });
        self.bytes = 0;
        self.unended = 0;
        self.tallies = Arc::default();
        true
    }

    fn chunk(&mut self, bytes: &[u8]) -> bool {
        self.needs.progress.add(bytes.len() as u64);
        match memchr::memrchr(b'\n', bytes) {
            Some(end) => {
                let (whole, rest) = bytes.split_at(end + 1);
                if self.carry.is_empty() {
                    self.lines(Cow::Borrowed(whole));
                } else {
                    let mut held = std::mem::take(&mut self.carry);
                    held.extend_from_slice(whole);
                    self.lines(Cow::Owned(held));
                }
                self.carry.extend_from_slice(rest);
                self.unended = rest.len() as u64;
            }
            None => {
                self.unended += bytes.len() as u64;
                let room = CARRY_MAX.saturating_sub(self.carry.len());
                self.carry.extend_from_slice(bytes.get(..room.min(bytes.len())).unwrap_or_default());
            }
        }
        self.bytes += bytes.len() as u64;
        !self.stopped()
    }

    fn file(&mut self, file: &File, from: u64, size: u64) -> u64 {
        let Ok(file) = file.try_clone().map(Arc::new) else { return from };
        let mut at = from;
        // Up to where the look of healthy requests is known, the lines are read one by one.
        let mut buffer = vec![0u8; FIRST_BYTES];
        let mut glance = loop {
            let glance = self.reader.as_ref().and_then(Reader::glance);
            if let (Some(glance), true) = (glance, self.carry.is_empty()) {
                break glance;
            }
            match blocks::read_at(&file, &mut buffer, at) {
                Ok(n) if n > 0 && at < size && !self.stopped() => {
                    self.chunk(buffer.get(..n).unwrap_or_default());
                    at += n as u64;
                }
                _ => return at,
            }
        };
        drop(buffer);
        // The last line may still be being written.
        let size = blocks::last_line_end(&file, at, size);
        let mut first = true;
        while at < size && !self.stopped() {
            let end = size.min(at + BLOCK_BYTES as u64);
            let range = at..end;
            self.submit(Block::of_file(
                Arc::clone(&file),
                range,
                first,
                glance.clone(),
                self.tallies.clone(),
            ));
            self.needs.progress.add(end - at);
            self.bytes += end - at;
            at = end;
            first = false;
            // Stencils that fit more lines are taken up.
            if let Some(g) = self.reader.as_ref().and_then(Reader::glance) {
                glance = g;
            }
        }
        self.catch_up();
        at
    }

    fn end(&mut self, trouble: Option<String>) {
        self.catch_up();
        let source = self.gathered.obs.paths().saturating_sub(1) as u32;
        for (service, tally) in self.tallies.take() {
            self.gathered.obs.add(source, service.as_deref(), tally);
        }
        // The reader stays, with a last line without its end: the next file may be the next of the same rotated log.
        self.trouble = trouble;
    }
}
