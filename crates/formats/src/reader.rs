//! Assembles the lines of one source to records: takes wrappers off, finds the format of each line, gathers
//! continuation lines (stack traces, multi-line messages) to the entry they belong to.
//!
//! The format is decided per line, with memory: what read the last lines of this source is tried first, so files that mix
//! formats (an access line, then a bare traceback) need no set-up and uniform files cost one attempt a line.

mod continuation;
mod pairs;
mod repeats;

use continuation::{announces, chained, is_new_trace, joins, stderr_text};
use pairs::{Begin, Pairs};
use repeats::{Closing, Known, Learning, Repeats};

use crate::glance::{Glance, Learner, Run, Scanned, Witness};
use crate::{
    Context, Entry, LineFormat, RequestRef, Wrapped, Wrapper, access, json, marks, mention, text, time, trace,
};
use memchr::memchr;
use record::{Ending, Exception, Level, Mixer, Numbered, Outcomes, Record, Time, Zone, hash};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::hash::Hasher;
use std::sync::Arc;

/// Longest part of a line that is parsed; the rest is counted but not looked at. JSON lines with embedded stacks reach
/// 100 KB in practice.
const LINE_MAX: usize = 256 * 1024;
/// Longest text kept as a record's first line.
const TEXT_MAX: usize = 8 * 1024;
/// Longest message kept with its continuation lines; a Java trace with causes is about 30 KB.
const MESSAGE_MAX: usize = 96 * 1024;
/// Longest value of a field that is kept.
const FIELD_MAX: usize = 4 * 1024;
/// Entries kept open at once, as several processes interleave in one file.
const OPEN_MAX: usize = 64;
/// An entry that got no line for so many lines of its source is complete.
const OPEN_LINES_MAX: u64 = 400;
/// Wrappers nest (journal around Docker around CRI …); deeper nesting is taken as text.
const WRAP_DEPTH_MAX: usize = 4;
/// Wordings of warnings whose habits are remembered.
const HABITS_MAX: usize = 4_096;
/// A pretty-printed JSON value longer than this is read as plain lines.
const JSON_LINES_MAX: usize = 400;
/// Times before 1970 and after 2199 are no times at which a server wrote: unset, overflown or made up. What stands there takes the
/// time of its neighbour, as a line without any does.
pub(crate) const TIMES: std::ops::Range<Time> = Time(0)..Time(7_258_118_400 * record::SECOND);
/// The format of lines without one.
const PLAIN: &str = "plain";

/// Formats whose heads are little more than a level or a time: they must not take the lines of narrower formats, so memory
/// does not put them first.
const WIDE: [&str; 3] = ["text", "uvicorn", "python logging"];

/// A ledger line of a request that did not fail, still borrowing from its line.
#[derive(Debug)]
pub struct Healthy<'a> {
    /// Index of the source.
    pub source: u32,
    /// 1-based line.
    pub line: u64,
    /// Format's name.
    pub format: &'static str,
    /// When.
    pub at: Option<(Time, Zone)>,
    /// Who wrote it within the source.
    pub service: Option<&'a str>,
    /// The request.
    pub request: &'a RequestRef<'a>,
}

/// Takes what a [`Reader`] finds.
pub trait Sink {
    /// A request that was answered below 500: only to be counted.
    fn healthy(&mut self, healthy: &Healthy<'_>);
    /// Is an entry of this level and message worth keeping, though it is neither failure, warning nor mark?
    fn wants(&self, message: &str) -> bool;
    /// Everything else.
    fn record(&mut self, record: Record);
}

/// What a reader counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Physical lines. While a source is read, those before the first that is read count too: by them lines have their numbers.
    pub lines: u64,
    /// Lines that come before them and were not read.
    pub lines_before: u64,
    /// Records begun (healthy requests included).
    pub records: u64,
    /// Lines that no format knew and that continue nothing.
    pub unparsed: u64,
    /// Lines by format, in order of first appearance.
    pub formats: Vec<(&'static str, u64)>,
    /// First and last instant, as read (zones not yet resolved).
    pub range: Option<(Time, Time)>,
    /// Lines that were longer than what is parsed.
    pub long_lines: u64,
    /// First line with a NUL byte, which log files get when a disk fills or a host dies.
    pub nul_line: Option<u64>,
    /// First line that is not UTF-8.
    pub invalid_line: Option<u64>,
    /// Lines with escape sequences, which are taken out.
    pub escaped_lines: u64,
    /// Lines whose brackets nest deeper than any format's: not looked into.
    pub deep_lines: u64,
    /// First line whose time is none at which a server can have written.
    pub odd_time_line: Option<u64>,
    /// Does the source state its zone somewhere?
    pub zone_stated: bool,
    /// Does it write wall-clock times somewhere?
    pub zone_wall: bool,
}

impl Counts {
    fn behind(lines_before: u64) -> Counts {
        Counts { lines: lines_before, lines_before, ..Counts::default() }
    }
}

/// Reads one source.
pub struct Reader {
    source: u32,
    context: Context,
    formats: Vec<&'static dyn LineFormat>,
    /// By format: it is one of [`WIDE`].
    wide: Vec<bool>,
    wrappers: Vec<&'static dyn Wrapper>,
    /// Indices of the formats that have read lines of this source, in table order.
    known: Vec<usize>,
    format_hits: Vec<u64>,
    unwrapped_lines: u64,
    wrapped_lines: u64,
    counts: Counts,
    /// Lines of all files of a rotated log: by it is known how long an open entry got nothing.
    clock: u64,
    /// The end of the file before, which had no line end: the first line of this one may be its rest.
    torn: Option<Torn>,
    open: Vec<Pending>,
    last_at: Option<(Time, Zone)>,
    pairs: Pairs,
    /// Lines that their wrapper says go on, by stream and whether it is the standard error's; in an order, since what is left at
    /// the end is read in it.
    partial: BTreeMap<(u64, bool), Parts>,
    json_lines: Vec<(u64, String)>,
    tail: Vec<u8>,
    /// The format of lines that no format knows: their own, or that of what writes such below its entries.
    below: &'static str,
    /// By the words of a warning: how often it was seen, and how often a trace followed.
    habits: Numbered<u64, (u32, u32)>,
    /// Status of the request logged last, by stream.
    last_status: Numbered<u64, u16>,
    /// What healthy requests look like here; `None` in a reader that only answers what a line says.
    learner: Option<Learner>,
    /// The line read last stood in no wrapper.
    unwrapped: bool,
    repeats: Repeats,
    /// What became of the line read last.
    step: Step,
    /// The lines behind a head, while they are read for the first time.
    learning: Option<Learning>,
    /// Wordings of entries that mark nothing, and what they tell.
    told: Numbered<u64, Outcomes<Told>>,
    /// Such wordings in which no error was found either.
    traceless: HashSet<u64>,
    numbers: Vec<u64>,
}

/// What entries of the same words were found to tell. None of them marked anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Told {
    /// The words name a request, another one each time.
    request: Option<Named>,
    /// They begin a trace or go on with one.
    trace: bool,
    /// There is nothing in them that makes them worth keeping.
    dull: bool,
}

/// How words name a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Named {
    /// As a line of an access log does.
    Whole,
    InPassing,
}

/// What became of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// It began an entry that may go on.
    Opened {
        alone: bool,
        in_trace: bool,
    },
    /// It went on with that entry.
    Appended,
    Other,
}

/// A line of which its wrapper wrote parts so far.
struct Parts {
    /// Number of the first part's line.
    line: u64,
    /// That line as it stands in the file.
    raw: String,
    /// What it holds, joined.
    text: String,
}

/// A line without an end, and where it began.
struct Torn {
    bytes: Vec<u8>,
    source: u32,
    line: u64,
}

struct Pending {
    record: Record,
    /// Who wrote the line: wrapper's service and pid.
    stream: u64,
    /// Writer within the stream as the head names it: format, pid, service, level.
    writer: u64,
    closed: bool,
    /// A trace is being printed: headed lines of the same writer continue it.
    in_trace: bool,
    touched: u64,
    /// The carried trace, if the head had one.
    trace: Option<String>,
    /// Began without a head of its own.
    headless: bool,
    /// Frames of a trace have been seen.
    frames: bool,
    /// Entries that say this mostly stand alone: a trace after one is somebody else's.
    alone: bool,
    /// What its first line says, apart from numbers.
    words: u64,
    /// Its other lines, known from an earlier entry, with the length of the message they made.
    known: Option<(Arc<Known>, usize)>,
    /// Its words, if what they tell was known.
    told: Option<u64>,
    /// Line breaks in what its first line says, which are none of the file.
    inner: usize,
}

/// A field's value as it is kept.
fn field(value: Cow<'_, str>) -> String {
    if value.len() <= FIELD_MAX { value.into_owned() } else { cut(&value, FIELD_MAX).to_owned() }
}

fn cut(text: &str, max: usize) -> &str {
    if text.len() <= max {
        return text;
    }
    let mut end = max;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// The bytes as text. Nearly all are, and to see that takes less than to look for what is not.
fn text_of(bytes: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}

/// Text without ANSI escape sequences (CSI, OSC); other control characters stay.
pub fn strip_ansi(text: &str) -> Cow<'_, str> {
    if memchr(0x1b, text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\u{1b}' {
            out.push(c);
            continue;
        }
        match chars.peek() {
            Some('[') => {
                chars.next();
                while let Some(&d) = chars.peek() {
                    chars.next();
                    if ('\u{40}'..='\u{7e}').contains(&d) {
                        break;
                    }
                }
            }
            Some(']') => {
                while let Some(d) = chars.next() {
                    if d == '\u{7}' || (d == '\u{1b}' && chars.peek() == Some(&'\\')) {
                        break;
                    }
                }
            }
            _ => {}
        }
    }
    Cow::Owned(out)
}

impl Reader {
    /// A reader for a source.
    pub fn new(source: u32, context: Context) -> Reader {
        let formats: Vec<_> = crate::table().collect();
        let counts = Counts::behind(context.lines_before);
        Reader {
            source,
            context,
            format_hits: vec![0; formats.len()],
            wide: formats.iter().map(|f| WIDE.contains(&f.name())).collect(),
            formats,
            wrappers: crate::wrappers().collect(),
            known: Vec::new(),
            unwrapped_lines: 0,
            wrapped_lines: 0,
            counts,
            clock: 0,
            torn: None,
            open: Vec::new(),
            last_at: None,
            pairs: Pairs::default(),
            partial: BTreeMap::new(),
            json_lines: Vec::new(),
            tail: Vec::new(),
            below: PLAIN,
            habits: Numbered::default(),
            last_status: Numbered::default(),
            learner: Some(Learner::default()),
            unwrapped: true,
            repeats: Repeats::default(),
            step: Step::Other,
            learning: None,
            told: Numbered::default(),
            traceless: HashSet::new(),
            numbers: Vec::new(),
        }
    }

    /// A reader that is only asked what a line says.
    pub(crate) fn unlearning(context: Context) -> Reader {
        Reader { learner: None, ..Reader::new(0, context) }
    }

    /// What healthy requests of this source look like, once that is known.
    pub fn glance(&self) -> Option<Arc<Glance>> {
        // Inside of a value printed over several lines, each line is its part.
        self.learner.as_ref()?.glance().filter(|_| self.tail.is_empty() && self.json_lines.is_empty())
    }

    /// Takes a block of lines through which [`crate::scan`] went: what it counted counts as read, the others are read.
    pub fn replay(&mut self, scanned: &Scanned, sink: &mut dyn Sink) {
        let mut from = 0;
        for (run, line) in &scanned.pieces {
            if let Some(run) = run {
                self.push(scanned.kept.get(from..line.start).unwrap_or_default(), sink);
                from = line.start;
                self.skip(run, sink);
            }
        }
        self.push(scanned.kept.get(from..).unwrap_or_default(), sink);
        if let Some(run) = &scanned.rest {
            self.skip(run, sink);
        }
    }

    /// Does what reading these healthy requests would have done, apart from counting them.
    fn skip(&mut self, run: &Run, sink: &mut dyn Sink) {
        self.end_torn(sink);
        self.end_json(sink);
        self.clock += run.lines;
        self.counts.lines += run.lines;
        self.counts.records += run.lines;
        self.unwrapped_lines += run.lines;
        if let Some(i) = self.formats.iter().position(|f| f.name() == run.format)
            && let Some(n) = self.format_hits.get_mut(i)
        {
            *n += run.lines;
        }
        self.last_at = Some((run.last.0, run.zone));
        self.seen(run.earliest, run.zone);
        self.seen(run.latest, run.zone);
        for p in self.open.iter_mut().filter(|p| p.headless && p.record.until.is_none()) {
            p.record.until = Some(run.first.0);
        }
        self.answered(0, run.first.1);
        self.flush_stream(0, sink);
        self.answered(0, run.last.1);
    }

    /// Takes the next bytes of the source; a torn line at the end waits for the next call.
    pub fn push(&mut self, bytes: &[u8], sink: &mut dyn Sink) {
        let mut rest = bytes;
        if !self.tail.is_empty() {
            let Some(end) = memchr(b'\n', rest) else {
                self.keep_tail(rest);
                return;
            };
            let mut line = std::mem::take(&mut self.tail);
            line.extend_from_slice(&rest[..end.min(LINE_MAX)]);
            self.line(&line, sink);
            rest = &rest[end + 1..];
        }
        let mut at = 0;
        while let Some(n) = memchr(b'\n', &rest[at..]) {
            let from = at;
            self.step = Step::Other;
            self.line(&rest[at..at + n], sink);
            at += n + 1;
            if self.step == Step::Appended {
                continue;
            }
            if let Some(learnt) = self.learning.take() {
                let begin = learnt.from;
                self.repeats.keep(learnt, &rest[begin..from]);
            }
            // Heads begin alike; what begins otherwise may go on with one.
            let (head, next) = (&rest[from..at], &rest[at..]);
            if let Step::Opened { alone, in_trace } = self.step
                && head.get(..2) != next.get(..2)
            {
                let head = text_of(head);
                let head = hash((record::skeleton(&head, |_| {}), alone, in_trace));
                match self.repeats.find(head, &rest[at..]) {
                    Some(known) => {
                        at += known.len();
                        self.repeat(known);
                    }
                    None => self.learning = Some(Learning { head, from: at, ..Learning::default() }),
                }
            }
        }
        // Lines that go on in the next bytes are not remembered.
        self.learning = None;
        self.keep_tail(&rest[at..]);
    }

    /// Does what reading these lines would have done.
    fn repeat(&mut self, known: Arc<Known>) {
        self.counts.lines += known.lines;
        self.counts.escaped_lines += known.escaped;
        self.unwrapped_lines += known.lines;
        self.clock += known.lines;
        let now = self.clock;
        let Some(p) = self.current(0) else { return };
        if p.record.message.len() + known.said.len() < MESSAGE_MAX {
            p.record.message.push_str(&known.said);
        }
        p.in_trace = known.in_trace;
        p.frames = known.frames;
        p.touched = now;
        p.known = Some((known, p.record.message.trim_end_matches('\n').len()));
    }

    fn keep_tail(&mut self, rest: &[u8]) {
        let room = (LINE_MAX + 1).saturating_sub(self.tail.len());
        self.tail.extend_from_slice(&rest[..rest.len().min(room)]);
    }

    /// Goes on with the next file of the same log, which was rotated; gives the counts of the one that ended. What is open stays so:
    /// rotation by copying (logrotate's `copytruncate`) cuts between any two bytes, and rotation by renaming in the middle of a
    /// stack trace.
    pub fn go_on(&mut self, source: u32, context: Context, sink: &mut dyn Sink) -> Counts {
        self.end_torn(sink);
        let tail = std::mem::take(&mut self.tail);
        if !tail.is_empty() {
            self.torn = Some(Torn { bytes: tail, source: self.source, line: self.counts.lines + 1 });
        }
        let counts = self.end_counts();
        self.source = source;
        // Years that lines leave out are taken from the file's own time.
        if self.context.reference.civil().year != context.reference.civil().year && self.learner.is_some() {
            self.learner = Some(Learner::default());
        }
        let w3c_fields = context.w3c_fields.or(self.context.w3c_fields.take());
        self.context = Context { w3c_fields, ..context };
        self.counts = Counts::behind(self.context.lines_before);
        counts
    }

    /// The torn end of the file before is a line of its own: its rest did not come.
    fn end_torn(&mut self, sink: &mut dyn Sink) {
        let Some(torn) = self.torn.take() else { return };
        let here = (self.source, self.counts.lines);
        (self.source, self.counts.lines) = (torn.source, torn.line - 1);
        self.line(&torn.bytes, sink);
        (self.source, self.counts.lines) = here;
    }

    /// Is the first line of a file the rest of the last line of the file before? Two lines that both say what they are and when are
    /// two, and a stamp that lost its first digits is a stamp still, so what they are together counts too.
    fn is_rest(&self, torn: &[u8], line: &[u8], whole: &[u8]) -> bool {
        !self.stands_alone(line) || (!self.stands_alone(torn) && self.stands_alone(whole))
    }

    /// Does the line say by itself what it is and when it was written?
    fn stands_alone(&self, bytes: &[u8]) -> bool {
        let line = String::from_utf8_lossy(&bytes[..bytes.len().min(LINE_MAX)]);
        let line = strip_ansi(line.strip_suffix('\r').unwrap_or(&line));
        self.unwrap(&line).is_some_and(|w| w.at.is_some())
            || self.formats.iter().any(|f| f.read(&line, &self.context).is_some_and(|e| e.at.is_some()))
    }

    /// Ends the source: everything still open is handed over.
    pub fn finish(mut self, sink: &mut dyn Sink) -> Counts {
        self.end_torn(sink);
        if !self.tail.is_empty() {
            let line = std::mem::take(&mut self.tail);
            self.line(&line, sink);
        }
        self.end_json(sink);
        for (_, parts) in std::mem::take(&mut self.partial) {
            self.text_line(&parts.text, sink);
        }
        for p in std::mem::take(&mut self.open) {
            self.close(p, sink);
        }
        for r in std::mem::take(&mut self.pairs).into_endless(self.source) {
            sink.record(r);
        }
        self.end_counts()
    }

    fn end_counts(&mut self) -> Counts {
        let mut formats: Vec<(&'static str, u64)> = Vec::new();
        for (f, n) in self.formats.iter().zip(&mut self.format_hits) {
            let n = std::mem::take(n);
            if n > 0 {
                match formats.iter_mut().find(|(name, _)| *name == f.name()) {
                    Some(e) => e.1 += n,
                    None => formats.push((f.name(), n)),
                }
            }
        }
        formats.sort_by_key(|f| std::cmp::Reverse(f.1));
        self.counts.formats = formats;
        self.counts.lines -= self.context.lines_before;
        std::mem::take(&mut self.counts)
    }

    fn line(&mut self, bytes: &[u8], sink: &mut dyn Sink) {
        let whole;
        let mut bytes = bytes;
        if let Some(torn) = &self.torn {
            whole = [&torn.bytes, bytes].concat();
            if self.is_rest(&torn.bytes, bytes, &whole) {
                self.torn = None;
                bytes = &whole;
            } else {
                self.end_torn(sink);
            }
        }
        let Some(mut learner) = self.learner.take() else { return self.whole(bytes, sink) };
        let mut witness = Witness { inner: Some(sink), facts: None, healthy: 0 };
        self.whole(bytes, &mut witness);
        if let (1, true, Some(facts)) = (witness.healthy, self.unwrapped, witness.facts) {
            learner.learn(bytes.strip_suffix(b"\r").unwrap_or(bytes), facts, &self.context);
        }
        self.learner = Some(learner);
    }

    /// Reads a line whole.
    pub(crate) fn whole(&mut self, bytes: &[u8], sink: &mut dyn Sink) {
        let mut bytes = bytes;
        self.counts.lines += 1;
        self.clock += 1;
        bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
        if self.counts.lines == 1 {
            bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        }
        if bytes.len() > LINE_MAX {
            self.counts.long_lines += 1;
            bytes = &bytes[..LINE_MAX];
        }
        if bytes.first() == Some(&0) || memchr(0, bytes).is_some() {
            self.counts.nul_line.get_or_insert(self.counts.lines);
            // A run of NULs before the text is what a crash leaves of a pre-allocated block.
            let zeros = bytes.iter().take_while(|b| **b == 0).count();
            bytes = &bytes[zeros..];
        }
        let line = text_of(bytes);
        if matches!(line, Cow::Owned(_)) {
            self.counts.invalid_line.get_or_insert(self.counts.lines);
        }
        let line = strip_ansi(&line);
        self.counts.escaped_lines += u64::from(matches!(line, Cow::Owned(_)));
        if line.starts_with("```") || line.starts_with("~~~") {
            return;
        }
        if !self.json_lines.is_empty() || (json::opens(&line) && !json::balanced(&line)) {
            self.json_line(&line, sink);
            return;
        }
        self.text_line(&line, sink);
    }

    /// Gathers a JSON value printed over several lines.
    fn json_line(&mut self, line: &str, sink: &mut dyn Sink) {
        self.json_lines.push((self.counts.lines, line.to_owned()));
        let size: usize = self.json_lines.iter().map(|(_, l)| l.len()).sum();
        if line.trim_end().trim_end_matches([',', ']']).ends_with('}') {
            let joined: String = self.json_lines.iter().map(|(_, l)| l.trim()).collect::<Vec<_>>().join(" ");
            let joined = joined.trim_end_matches(',');
            if json::balanced(joined) {
                let first = self.json_lines[0].0;
                self.json_lines.clear();
                let now = std::mem::replace(&mut self.counts.lines, first);
                self.text_line(joined, sink);
                self.counts.lines = now;
                return;
            }
        }
        if self.json_lines.len() >= JSON_LINES_MAX || size > LINE_MAX {
            self.end_json(sink);
        }
    }

    /// It was no JSON value after all: the lines are read one by one.
    fn end_json(&mut self, sink: &mut dyn Sink) {
        let now = self.counts.lines;
        for (no, line) in std::mem::take(&mut self.json_lines) {
            self.counts.lines = no;
            self.text_line(&line, sink);
        }
        self.counts.lines = now;
    }

    fn text_line(&mut self, raw: &str, sink: &mut dyn Sink) {
        if let Some(fields) = raw.strip_prefix("#Fields:") {
            self.context.w3c_fields = Some(fields.trim().to_owned());
        }
        self.nested(raw, Vec::new(), sink);
    }

    /// The next line is that of this number.
    pub fn at_line(&mut self, number: u64) {
        self.counts.lines = number.saturating_sub(1);
    }

    /// Takes a message that no file holds: a shipper's record, a datagram. What carried it counts as its wrapper.
    pub fn message(&mut self, carried: &Wrapped<'_>, sink: &mut dyn Sink) {
        self.counts.lines += 1;
        self.clock += 1;
        let text = strip_ansi(cut(&carried.inner, LINE_MAX));
        self.nested(&text, vec![carried.clone()], sink);
    }

    /// Hands over what is still open; the source goes on.
    pub fn settle(&mut self, sink: &mut dyn Sink) {
        for p in std::mem::take(&mut self.open) {
            self.close(p, sink);
        }
    }

    fn nested<'a>(&mut self, raw: &'a str, mut outer: Vec<Wrapped<'a>>, sink: &mut dyn Sink) {
        let mut inner: Cow<'_, str> = Cow::Borrowed(raw);
        // Wrappers are sought in every line of a source until enough lines have shown that there are none.
        if self.wrapped_lines > 0 || self.unwrapped_lines < 200 {
            while outer.len() < WRAP_DEPTH_MAX {
                let Some(w) = self.unwrap(&inner) else { break };
                inner = Cow::Owned(w.inner.clone().into_owned());
                outer.push(w);
            }
            if outer.is_empty() {
                self.unwrapped_lines += 1;
            } else {
                self.wrapped_lines += 1;
            }
        }
        self.unwrapped = outer.is_empty();
        let stream = if outer.is_empty() {
            0
        } else {
            hash((
                1u8,
                outer.iter().find_map(|w| w.service.as_deref()),
                outer.iter().rev().find_map(|w| w.pid.as_deref()),
                outer.iter().rev().find_map(|w| w.node.as_deref()),
            ))
        };
        let written = (stream, outer.last().is_some_and(|w| w.stderr));
        if outer.last().is_some_and(|w| w.partial) {
            let line = self.counts.lines;
            let first = || Parts { line, raw: cut(raw, TEXT_MAX).to_owned(), text: String::new() };
            let held = self.partial.entry(written).or_insert_with(first);
            if held.text.len() < LINE_MAX {
                held.text.push_str(&inner);
            }
            return;
        }
        // It stands where its first part does.
        let here = self.counts.lines;
        let mut first = None;
        if let Some(mut held) = self.partial.remove(&written) {
            held.text.push_str(&inner);
            inner = Cow::Owned(held.text);
            self.counts.lines = held.line;
            first = Some(held.raw);
        }
        let raw = first.as_deref().unwrap_or(raw);
        let mut wrapping = Wrapping::of(&outer);
        wrapping.at = self.believed(wrapping.at);
        // A wrapped message may hold several lines (`#012`, journal JSON): the first is the head, the rest continue it.
        let several = inner.as_ref();
        let head_end = memchr(b'\n', several.as_bytes()).unwrap_or(several.len());
        let (head, rest) = several.split_at(head_end);
        self.one(raw, head.strip_suffix('\r').unwrap_or(head), stream, &wrapping, sink);
        for more in rest.split_terminator('\n').skip(1) {
            let more = more.strip_suffix('\r').unwrap_or(more);
            if !more.is_empty() {
                self.one(more, more, stream, &wrapping, sink);
            }
        }
        self.counts.lines = here;
    }

    fn unwrap(&self, line: &str) -> Option<Wrapped<'static>> {
        for w in &self.wrappers {
            if let Some(found) = w.unwrap(line, &self.context) {
                return Some(Wrapped {
                    inner: Cow::Owned(found.inner.into_owned()),
                    at: found.at,
                    level: found.level,
                    service: found.service.map(|s| Cow::Owned(s.into_owned())),
                    node: found.node.map(|s| Cow::Owned(s.into_owned())),
                    pid: found.pid.map(|s| Cow::Owned(s.into_owned())),
                    partial: found.partial,
                    stderr: found.stderr,
                });
            }
        }
        None
    }

    fn read<'a>(&mut self, line: &'a str) -> Option<(usize, Entry<'a>)> {
        let last = self.formats.len().saturating_sub(1);
        let narrow = |i: usize| !self.wide.get(i).is_some_and(|wide| *wide);
        let read = |i: usize| self.formats.get(i)?.read(line, &self.context).map(|e| (i, e));
        if let Some(found) = self.known.iter().copied().filter(|&i| narrow(i)).find_map(read) {
            return Some(found);
        }
        // Those were tried; of the others the first.
        let others = (0..self.formats.len()).filter(|i| *i == last || !narrow(*i) || !self.known.contains(i));
        let (i, entry) = others.into_iter().find_map(read)?;
        if !self.known.contains(&i) {
            self.known.push(i);
            self.known.sort_unstable();
        }
        Some((i, entry))
    }

    fn one(&mut self, raw: &str, line: &str, stream: u64, wrapping: &Wrapping, sink: &mut dyn Sink) {
        let bare = line.trim();
        if bare.is_empty() {
            if let Some(p) = self.current(stream) {
                append(p, "");
                let (in_trace, frames) = (p.in_trace, p.frames);
                self.appended("", in_trace, frames, false);
            }
            return;
        }
        // Frames and the like never are heads, whatever a wide format may think of them.
        let untagged = text::ruby::untag(line);
        let frame = (untagged.starts_with([' ', '\t', '#', '/']) || untagged.trim_start().starts_with("at "))
            && trace::continues(untagged);
        // Neither is the line that closes a trace.
        let closes =
            !frame && self.current(stream).is_some_and(|p| p.in_trace && joins(&p.record.message, untagged));
        let read = if frame || closes { None } else { self.read(line) };
        match read {
            Some((i, entry)) => self.head(raw, line, i, entry, stream, wrapping, sink),
            None => self.headless(raw, line, stream, wrapping, sink),
        }
    }

    fn current(&mut self, stream: u64) -> Option<&mut Pending> {
        self.open.iter_mut().rev().filter(|p| p.stream == stream).max_by_key(|p| p.touched)
    }

    #[allow(clippy::too_many_arguments)]
    fn head(
        &mut self,
        raw: &str,
        line: &str,
        format: usize,
        mut entry: Entry<'_>,
        stream: u64,
        wrapping: &Wrapping,
        sink: &mut dyn Sink,
    ) {
        self.format_hits[format] += 1;
        let name = self.formats[format].name();
        self.below = if name == crate::system::PACKAGES { name } else { PLAIN };
        entry.at = self.believed(entry.at);
        // The wrapper's own time is finer or has a zone; the inner one wins only if it states its zone too.
        match (entry.at, wrapping.at) {
            (None, w) => entry.at = w,
            (Some((t, Zone::Wall | Zone::Clock)), Some((w, Zone::Stated)))
                if (w.since(t) % (900 * record::SECOND)).abs() < 5 * record::SECOND =>
            {
                entry.at = wrapping.at;
            }
            _ => {}
        }
        if let Some((t, z)) = entry.at {
            self.last_at = Some((t, z));
            self.seen(t, z);
            for p in self.open.iter_mut().filter(|p| p.headless && p.record.until.is_none()) {
                p.record.until = Some(t);
            }
        }
        if entry.level == Level::Unknown {
            entry.level = wrapping.level;
        }
        // Most entries of most logs are of this kind.
        let quiet = matches!(entry.level, Level::Info | Level::Notice | Level::Debug | Level::Trace);
        let mut numbers = std::mem::take(&mut self.numbers);
        numbers.clear();
        let asks = entry.request.as_ref().is_some_and(asks);
        let answers =
            entry.request.as_ref().is_some_and(|r| r.status.is_some() || r.ending != Ending::Answered);
        let plain = entry.trace.is_none() && entry.mark.is_none() && !answers;
        let words = plain.then(|| {
            let said = record::skeleton(&entry.message, |n| numbers.push(n));
            hash((stream, format, entry.level, asks, said))
        });
        let told = words.and_then(|w| self.told.get(&w)).and_then(|t| t.find(&numbers)).copied();
        self.numbers = numbers;
        if told.is_some_and(|t| t.dull) && quiet {
            self.counts.records += 1;
            self.flush_stream(stream, sink);
            return;
        }
        let message_owned = entry.message.clone();
        let message: &str = &message_owned;
        // What the prefix does not know of the request, the message may name.
        let mut how = told.map_or(Some(Named::Whole), |t| t.request).filter(|_| !asks);
        if how == Some(Named::Whole) {
            match access::request_in(message) {
                Some(found) => merge(&mut entry.request, found),
                None => how = Some(Named::InPassing),
            }
        }
        if how == Some(Named::InPassing) {
            match mention::request(message) {
                Some(found) => merge(&mut entry.request, found),
                None => how = None,
            }
        }
        let service = entry.service.as_deref().or(wrapping.service.as_deref()).map(str::to_owned);
        let pid = entry.pid.as_deref().or(wrapping.pid.as_deref()).map(str::to_owned);
        let writer = hash((format, &pid, entry.service.as_deref(), entry.level));

        let said = stderr_text(message);
        let in_trace = told.map(|t| t.trace);
        if self.goes_on(&entry, message, stream, writer, pid.as_deref(), name, in_trace) {
            return;
        }

        let ledger = entry.request.as_ref().is_some_and(|r| r.status.is_some() || r.ending == Ending::Cut);
        let no = self.counts.lines;
        self.pairs.pair(&mut entry, stream, pid.as_deref(), || Begin {
            line: no,
            text: cut(line, TEXT_MAX).to_owned(),
            format: name,
        });
        self.counts.records += 1;
        if entry.request.as_ref().is_some_and(|r| r.ending == Ending::Begun && r.status.is_none()) {
            self.flush_stream(stream, sink);
            return;
        }
        let failed = entry
            .request
            .as_ref()
            .is_some_and(|r| r.status.is_some_and(|s| s >= 500) || r.ending == Ending::Cut);
        let status_before = self.last_status.get(&stream).copied();
        if ledger {
            self.answered(stream, entry.request.as_ref().and_then(|r| r.status).unwrap_or(0));
        }
        if ledger && !failed && entry.level < Level::Error && entry.trace.is_none() {
            self.flush_stream(stream, sink);
            if let Some(request) = &entry.request {
                sink.healthy(&Healthy {
                    source: self.source,
                    line: self.counts.lines,
                    format: name,
                    at: entry.at,
                    service: service.as_deref(),
                    request,
                });
            }
            return;
        }
        let mark = entry.mark.take().or_else(|| {
            if ledger || told.is_some() { None } else { marks::mark(message, service.as_deref()) }
        });
        let named = entry.request.as_ref().is_some_and(self::asks);
        let unmarked = mark.is_none() && !ledger && told.is_none();
        let dull =
            quiet && !ledger && mark.is_none() && entry.trace.is_none() && !named && !sink.wants(message);
        if dull && entry.request.is_none() {
            self.flush_stream(stream, sink);
            self.learn(words.filter(|_| unmarked), Told { request: None, trace: false, dull });
            // Its continuation lines have nothing to hang on; a trace among them opens a record of its own.
            return;
        }
        self.make_room(stream, pid.as_deref(), sink);
        let (at, zone) = match entry.at {
            Some((t, z)) => (Some(t), z),
            None => (self.last_at.map(|(t, _)| t), Zone::Neighbour),
        };
        let in_trace = in_trace.unwrap_or_else(|| trace::starts(said) || trace::continues(said));
        // A request's id is worth keeping while it may be that a trace follows entries of these words.
        let dull = dull && !in_trace;
        self.learn(
            words.filter(|_| unmarked),
            Told { request: how.filter(|_| named), trace: in_trace, dull },
        );
        let inner = memchr::memchr_iter(b'\n', cut(said, MESSAGE_MAX).as_bytes()).count();
        let (alone, first_words) = if entry.level == Level::Warn { self.habit(said) } else { (false, 0) };
        self.open.push(Pending {
            record: Record {
                source: self.source,
                line: self.counts.lines,
                format: name,
                at,
                until: None,
                zone,
                level: entry.level,
                service,
                node: entry.node.as_deref().or(wrapping.node.as_deref()).map(str::to_owned),
                pid,
                text: cut(raw.trim_end(), TEXT_MAX).to_owned(),
                message: cut(said, MESSAGE_MAX).to_owned(),
                request: entry.request.map(RequestRef::into_request).map(Box::new),
                lines: 0,
                tail: 0,
                exceptions: Arc::default(),
                fields: entry.fields.into_iter().map(|(k, v)| (k.into_owned(), field(v))).collect(),
                mark: mark.map(Box::new),
                status_before,
                status_after: None,
            },
            stream,
            writer,
            closed: entry.closed,
            in_trace,
            touched: self.clock,
            trace: entry.trace.map(Cow::into_owned),
            headless: false,
            frames: false,
            alone,
            words: first_words,
            known: None,
            told: words.filter(|_| told.is_some()),
            inner,
        });
        if stream == 0 && !entry.closed && self.unwrapped && wrapping.service.is_none() {
            self.step = Step::Opened { alone, in_trace };
        }
    }

    /// Remembers what this entry's words tell.
    fn learn(&mut self, words: Option<u64>, told: Told) {
        if let Some(w) = words
            && (self.told.len() < HABITS_MAX || self.told.contains_key(&w))
        {
            self.told.entry(w).or_default().learn(&self.numbers, told, |a, b| a == b);
        }
    }

    /// Does the entry only go on with one that is open? Then that one has its words now. `in_trace`: whether its words stand in a
    /// trace, if that is known.
    #[allow(clippy::too_many_arguments)]
    fn goes_on(
        &mut self,
        entry: &Entry<'_>,
        message: &str,
        stream: u64,
        writer: u64,
        pid: Option<&str>,
        format: &'static str,
        in_trace: Option<bool>,
    ) -> bool {
        // Rails' FATAL entry is blank; what it says follows under the same request id, as a head of its own.
        if let Some(id) = entry.request.as_ref().and_then(|r| r.id.as_deref())
            && let Some(p) = self.open.iter_mut().rev().find(|p| {
                p.stream == stream
                    && p.record
                        .request
                        .as_ref()
                        .is_some_and(|r| r.id.as_deref() == Some(id) && r.status.is_none())
            })
            && entry.at.is_none()
            && (p.record.message.trim().is_empty() || trace::continues(message) || p.in_trace)
        {
            append(p, message);
            p.in_trace = true;
            p.touched = self.clock;
            return true;
        }

        // A headed line that goes on with the trace of the same writer (Apache, syslog, php-fpm write one head a line).
        let part = entry.fields.iter().any(|(k, _)| k == "part");
        let said = stderr_text(message);
        if let Some(p) = self.open.iter_mut().rev().find(|p| {
            p.stream == stream
                && if part {
                    p.record.pid.as_deref() == pid && p.record.format == format
                } else {
                    p.writer == writer
                }
        }) {
            let near = match (p.record.at, entry.at) {
                (Some(a), Some((b, _))) => b.since(a).abs() <= 2 * record::SECOND,
                _ => true,
            };
            let goes_on = part
                || (near
                    && !entry.closed
                    && in_trace != Some(false)
                    && trace::continues(said)
                    && !trace::starts(said))
                || (near && !entry.closed && p.in_trace && joins(&p.record.message, said));
            if goes_on {
                append(p, said);
                p.in_trace = trace::continues(said);
                p.touched = self.clock;
                return true;
            }
        }
        false
    }

    /// Hands over what is complete once that writer begins another entry.
    fn make_room(&mut self, stream: u64, pid: Option<&str>, sink: &mut dyn Sink) {
        // Open entries of the same writer are complete now; without a pid, so is every entry of the stream.
        let whole = pid.is_none();
        let mut i = 0;
        while i < self.open.len() {
            let p = &self.open[i];
            let done = (p.stream == stream
                && (whole || p.record.pid.as_deref() == pid || p.record.pid.is_none()))
                || self.clock.saturating_sub(p.touched) > OPEN_LINES_MAX;
            if done {
                let p = self.open.remove(i);
                self.close(p, sink);
            } else {
                i += 1;
            }
        }
        if self.open.len() >= OPEN_MAX {
            let p = self.open.remove(0);
            self.close(p, sink);
        }
    }

    /// Is a trace after this warning its own, or that of another writer in the same stream? As it was before. Also the words
    /// under which that is remembered.
    fn habit(&mut self, said: &str) -> (bool, u64) {
        let words = first_words(said);
        let mut alone = false;
        if self.habits.len() < HABITS_MAX || self.habits.contains_key(&words) {
            let (seen, traced) = self.habits.entry(words).or_default();
            alone = *seen >= 2 && *traced * 2 < *seen;
            *seen += 1;
        }
        (alone, words)
    }

    fn headless(&mut self, raw: &str, tagged: &str, stream: u64, wrapping: &Wrapping, sink: &mut dyn Sink) {
        let line = text::ruby::untag(tagged);
        let starts = trace::starts(line);
        let inside = trace::continues(line) || line.starts_with([' ', '\t']);
        let mut request = access::request_in(line);
        let ledger = request.as_ref().is_some_and(|r| r.status.is_some());
        // Container runtimes and syslog frame each line: what is no part of a trace is a message of its own there.
        let framed = wrapping.at.is_some() || wrapping.service.is_some();
        let now = self.clock;
        if let Some(p) = self.current(stream) {
            let free = p.closed
                || (starts
                    && !p.headless
                    && p.record.level < Level::Warn
                    && p.record.level != Level::Unknown);
            // "Type: message" right after frames that were printed with the innermost last belongs to them (Python).
            let last = p.in_trace && joins(&p.record.message, line);
            let ended = (p.headless || framed) && !inside && !starts && (!p.in_trace || p.frames);
            // A trace goes with a line before it that announces an error, not with any other line.
            let announced = p.in_trace
                || p.record.level >= Level::Error
                || announces(&p.record.message)
                || (!p.headless && !p.alone);
            let apart = starts && !announced;
            let another = starts
                && p.headless
                && p.record.message.contains('\n')
                && !chained(&p.record.message)
                && line.starts_with(|c: char| !c.is_whitespace())
                && is_new_trace(line, &p.record.message);
            if !ledger && !apart && !another && (inside || last || (!free && !ended && !another && !apart)) {
                append(p, line);
                p.frames = p.frames || (trace::continues(line) && line.starts_with([' ', '\t']));
                p.in_trace = (p.in_trace || starts || trace::continues(line)) && !(last && !inside && framed);
                p.touched = now;
                let (in_trace, frames, full) =
                    (p.in_trace, p.frames, p.record.message.len() * 2 > MESSAGE_MAX);
                self.appended(line, in_trace, frames, full);
                return;
            }
        }
        if let Some(status) = request.as_ref().and_then(|r| r.status) {
            for p in self.open.iter_mut().filter(|p| p.stream == stream && p.record.status_after.is_none()) {
                p.record.status_after = Some(status);
            }
        }
        self.flush_stream(stream, sink);
        self.counts.records += 1;
        let known = wrapping.service.is_some() || self.below != PLAIN;
        if !starts && !trace::continues(line) && !known {
            self.counts.unparsed += 1;
            self.counts.deep_lines += u64::from(json::is_deep(line));
        }
        let at = wrapping.at.or(self.last_at);
        let zone = wrapping.at.map_or(Zone::Neighbour, |(_, z)| z);
        if let Some((t, z)) = wrapping.at {
            self.last_at = Some((t, z));
            self.seen(t, z);
        }
        if request.is_none() {
            request = mention::request(line);
        }
        let status_before = self.last_status.get(&stream).copied();
        if let Some(status) = request.as_ref().and_then(|r| r.status) {
            self.answered(stream, status);
        }
        let mark = marks::mark(line, wrapping.service.as_deref());
        if let Some(r) = &request
            && r.status.is_some_and(|s| s < 500)
            && r.ending != Ending::Cut
        {
            sink.healthy(&Healthy {
                source: self.source,
                line: self.counts.lines,
                format: PLAIN,
                at: at.map(|(t, _)| (t, zone)),
                service: wrapping.service.as_deref(),
                request: r,
            });
            return;
        }
        self.open.push(Pending {
            record: Record {
                source: self.source,
                line: self.counts.lines,
                format: self.below,
                at: at.map(|(t, _)| t),
                zone,
                level: wrapping.level,
                service: wrapping.service.clone(),
                node: wrapping.node.clone(),
                pid: wrapping.pid.clone(),
                text: cut(raw.trim_end(), TEXT_MAX).to_owned(),
                message: cut(line, MESSAGE_MAX).to_owned(),
                request: request.as_ref().map(RequestRef::to_request).map(Box::new),
                mark: mark.map(Box::new),
                status_before,
                ..Record::default()
            },
            stream,
            writer: hash((stream, self.below)),
            closed: request.as_ref().is_some_and(|r| r.status.is_some()),
            in_trace: starts || trace::continues(line),
            touched: self.clock,
            trace: None,
            headless: true,
            frames: false,
            alone: false,
            words: 0,
            known: None,
            told: None,
            inner: 0,
        });
    }

    /// A line went on with the entry opened last: remembered with it.
    fn appended(&mut self, line: &str, in_trace: bool, frames: bool, full: bool) {
        self.step = Step::Appended;
        if full || !self.unwrapped {
            self.learning = None;
        }
        if let Some(l) = &mut self.learning {
            l.said.push('\n');
            l.said.push_str(line);
            l.lines += 1;
            (l.in_trace, l.frames) = (in_trace, frames);
        }
    }

    /// A request was logged: the open entries of the stream stand directly before it.
    fn answered(&mut self, stream: u64, status: u16) {
        for p in self.open.iter_mut().filter(|p| p.stream == stream && p.record.status_after.is_none()) {
            p.record.status_after = Some(status);
        }
        if self.last_status.len() < OPEN_MAX || self.last_status.contains_key(&stream) {
            self.last_status.insert(stream, status);
        }
    }

    fn flush_stream(&mut self, stream: u64, sink: &mut dyn Sink) {
        let mut i = 0;
        while i < self.open.len() {
            if self.open[i].stream == stream {
                let p = self.open.remove(i);
                self.close(p, sink);
            } else {
                i += 1;
            }
        }
    }

    fn close(&mut self, p: Pending, sink: &mut dyn Sink) {
        let mut r = p.record;
        let mut inner = p.inner;
        while r.message.ends_with('\n') {
            r.message.pop();
        }
        if r.request.is_none() && r.format.starts_with("nginx") {
            r.request = text::nginx::tail(&r.message).map(|q| Box::new(q.to_request()));
        }
        if (r.at.is_none() || r.zone == Zone::Neighbour)
            && let Some((t, z)) = time::within(&r.message, self.context.reference)
        {
            (r.at, r.zone, r.until) = (Some(t), z, None);
            self.seen(t, z);
        }
        // MariaDB says in a second line where it listens.
        // Type and message of an error may stand in fields, and its trace in the message.
        let bare = |list: &[record::Exception]| list.iter().all(|e| e.frames.is_empty());
        let printed = |carried: &str, message: &str| {
            let carried = trace::read(carried);
            let said =
                if bare(&carried) && message.contains('\n') { trace::read(message) } else { Vec::new() };
            if bare(&said) { carried } else { said }
        };
        let whole = |r: &Record| Closing {
            exceptions: shared(match &p.trace {
                Some(t) => printed(t, &r.message),
                None => trace::read(&r.message),
            }),
            tail: p.known.as_ref().map_or(0, |(k, _)| hash(&*k.said)),
            mark: if r.message.contains('\n') { marks::mark(&r.message, r.service.as_deref()) } else { None },
        };
        let known = p.known.as_ref().filter(|(_, len)| *len == r.message.len() && p.trace.is_none());
        let own;
        let one_line = p.told.filter(|_| p.trace.is_none() && !r.message.contains('\n'));
        let traceless = one_line.is_some_and(|w| self.traceless.contains(&w));
        let closing = match known {
            _ if traceless => {
                own = Closing { tail: 0, exceptions: Arc::default(), mark: None };
                &own
            }
            Some((k, _)) => k.closing.get_or_init(|| whole(&r)),
            None => {
                own = whole(&r);
                &own
            }
        };
        if let Some(w) = one_line
            && closing.exceptions.is_empty()
            && self.traceless.len() < HABITS_MAX
        {
            self.traceless.insert(w);
        }
        r.exceptions = Arc::clone(&closing.exceptions);
        r.tail = if known.is_some() { closing.tail } else { 0 };
        if matches!(r.mark.as_deref(), None | Some(record::Mark::Started(_)))
            && let Some(m) = &closing.mark
        {
            r.mark = Some(Box::new(m.clone()));
        }
        // PHP's warnings and notices come through servers that log all of stderr as errors.
        let mild = |e: &record::Exception| {
            matches!(
                e.kind.as_str(),
                "PHP Warning" | "PHP Notice" | "PHP Deprecated" | "PHP Strict Standards" | "warn"
            )
        };
        if (r.level > Level::Warn || r.level == Level::Unknown)
            && !r.exceptions.is_empty()
            && r.exceptions.iter().all(mild)
        {
            r.level = Level::Warn;
        }
        if let Some(t) = p.trace
            && !r.message.contains(t.as_str())
        {
            let carried = cut(&t, MESSAGE_MAX);
            inner += carried.lines().count();
            r.message.push('\n');
            r.message.push_str(carried);
        }
        if r.request.is_none()
            && r.message.contains('\n')
            && let Some(q) = r.message.lines().skip(1).take(12).find_map(mention::request)
        {
            r.request = Some(Box::new(q.to_request()));
        }
        if r.level == Level::Warn
            && !r.exceptions.is_empty()
            && let Some(h) = self.habits.get_mut(&p.words)
        {
            h.1 += 1;
        }
        let said = u32::try_from(r.message.lines().count()).unwrap_or(u32::MAX);
        r.lines = said.saturating_sub(u32::try_from(inner).unwrap_or(u32::MAX)).max(1);
        sink.record(r);
    }

    /// The time, if a server can have written at it; else that of its neighbour.
    fn believed(&mut self, at: Option<(Time, Zone)>) -> Option<(Time, Zone)> {
        if at.is_none_or(|(t, _)| TIMES.contains(&t)) {
            return at;
        }
        self.counts.odd_time_line.get_or_insert(self.counts.lines);
        self.last_at.map(|(t, _)| (t, Zone::Neighbour))
    }

    fn seen(&mut self, t: Time, z: Zone) {
        match z {
            Zone::Stated => self.counts.zone_stated = true,
            Zone::Wall | Zone::Clock => self.counts.zone_wall = true,
            Zone::Neighbour => {}
        }
        self.counts.range = Some(match self.counts.range {
            None => (t, t),
            Some((a, b)) => (a.min(t), b.max(t)),
        });
    }
}

/// What the wrappers of a line say together: the innermost word wins, the outermost time is kept if it is the only one.
struct Wrapping {
    at: Option<(Time, Zone)>,
    level: Level,
    service: Option<String>,
    node: Option<String>,
    pid: Option<String>,
}

impl Wrapping {
    fn of(outer: &[Wrapped<'_>]) -> Wrapping {
        let text = |f: fn(&Wrapped<'_>) -> Option<String>| outer.iter().rev().find_map(f);
        let stated = outer.iter().find_map(|w| w.at.filter(|(_, z)| *z == Zone::Stated));
        Wrapping {
            at: stated.or_else(|| outer.iter().rev().find_map(|w| w.at)),
            level: outer.iter().rev().map(|w| w.level).find(|l| *l != Level::Unknown).unwrap_or_default(),
            service: text(|w| w.service.as_ref().map(|s| s.to_string())),
            node: text(|w| w.node.as_ref().map(|s| s.to_string())),
            pid: text(|w| w.pid.as_ref().map(|s| s.to_string())),
        }
    }
}

/// Is it a request that asks for something or was answered, rather than a client or an id alone?
fn asks(r: &RequestRef<'_>) -> bool {
    r.status.is_some() || !r.target.is_empty() || r.ending != Ending::Answered
}

fn merge<'a>(into: &mut Option<RequestRef<'a>>, found: RequestRef<'_>) {
    let own = |v: Cow<'_, str>| Cow::<'a, str>::Owned(v.into_owned());
    let found = RequestRef {
        method: own(found.method),
        target: own(found.target),
        host: found.host.map(own),
        client: found.client.map(own),
        status: found.status,
        duration_us: found.duration_us,
        agent: found.agent.map(own),
        upstream: found.upstream.map(own),
        upstream_status: found.upstream_status,
        id: found.id.map(own),
        trace: found.trace.map(own),
        flags: found.flags.map(own),
        ending: found.ending,
    };
    match into {
        None => *into = Some(found),
        Some(have) => {
            if have.target.is_empty() {
                have.target = found.target;
                have.method = found.method;
            }
            have.status = have.status.or(found.status);
            have.duration_us = have.duration_us.or(found.duration_us);
            have.client = have.client.take().or(found.client);
            have.id = have.id.take().or(found.id);
            if have.ending == Ending::Answered {
                have.ending = found.ending;
            }
        }
    }
}

fn append(p: &mut Pending, line: &str) {
    if p.record.message.len() + line.len() < MESSAGE_MAX {
        p.record.message.push('\n');
        p.record.message.push_str(line);
    }
}

/// Most entries carry no exception: these take no room of their own.
fn shared(exceptions: Vec<Exception>) -> Arc<[Exception]> {
    if exceptions.is_empty() { Arc::default() } else { exceptions.into() }
}

/// The letters that a message begins with.
fn first_words(message: &str) -> u64 {
    let line = message.lines().next().unwrap_or("");
    let mut letters = Mixer::default();
    line.bytes().filter(u8::is_ascii_alphabetic).take(32).for_each(|b| letters.write_u8(b));
    letters.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Kept(Vec<String>);

    impl Sink for Kept {
        fn healthy(&mut self, _: &Healthy<'_>) {}
        fn wants(&self, _: &str) -> bool {
            true
        }
        fn record(&mut self, record: Record) {
            self.0.push(record.message);
        }
    }

    fn read(text: &str) -> Vec<String> {
        let mut kept = Kept::default();
        let mut reader = Reader::new(0, Context::default());
        reader.push(text.as_bytes(), &mut kept);
        reader.finish(&mut kept);
        kept.0
    }

    /// Datadog's client: type and message of the error in fields, its trace in the message.
    #[test]
    fn a_trace_in_the_message_says_more_than_fields() {
        #[derive(Default)]
        struct Places(Vec<String>);
        impl Sink for Places {
            fn healthy(&mut self, _: &Healthy<'_>) {}
            fn wants(&self, _: &str) -> bool {
                true
            }
            fn record(&mut self, record: Record) {
                let frames = record.exceptions.iter().flat_map(|e| &e.frames);
                self.0.extend(frames.map(record::Frame::place));
            }
        }
        let line = r#"{"level":"error","error_kind":"KeyError","error_message":"'sku'","message":"Exception on /orders [POST]\nTraceback (most recent call last):\n  File \"/srv/app.py\", line 37, in place_order\n    order[\"sku\"]\nKeyError: 'sku'"}"#;
        let mut places = Places::default();
        let mut reader = Reader::new(0, Context::default());
        reader.push(line.as_bytes(), &mut places);
        reader.finish(&mut places);
        assert_eq!(places.0, ["/srv/app.py:37"]);
    }

    /// A trace in colours that comes again is compared, not read: its lines have escape sequences all the same.
    #[test]
    fn escaped_lines_of_a_repeated_trace_are_counted() {
        let entry = |n: u32| {
            format!(
                "2026-11-24 07:00:0{n},123 ERROR app: boom {n}\nTraceback (most recent call last):\n  File \"/srv/a.py\", line 7, in f\n    \u{1b}[31mg()\u{1b}[0m\n  \
                 File \"/srv/b.py\", line 9, in g\n    \u{1b}[31mh()\u{1b}[0m\nValueError: x\n"
            )
        };
        let text: String = (0..5).map(entry).collect();
        let counted = |pieces: &mut dyn Iterator<Item = &[u8]>| {
            let mut kept = Kept::default();
            let mut reader = Reader::new(0, Context::default());
            pieces.for_each(|piece| reader.push(piece, &mut kept));
            reader.finish(&mut kept).escaped_lines
        };
        assert_eq!(counted(&mut std::iter::once(text.as_bytes())), 10);
        assert_eq!(counted(&mut text.as_bytes().chunks(7)), 10);
    }

    /// The long line was searched once for each line below it.
    #[test]
    fn many_lines_below_a_long_one() {
        let text =
            format!("2026-11-24 07:00:00 WARN app: {}\n{}", "x".repeat(MESSAGE_MAX), "  y\n".repeat(20_000));
        assert_eq!(read(&text).len(), 1);
    }

    #[test]
    fn a_rotated_log_is_read_as_if_it_were_one_file() {
        let text = "2026-11-24 07:00:00,123 ERROR app: boom\nTraceback (most recent call last):\n  File \"/srv/a.py\", line 7, in f\nValueError: x\n2026-11-24 07:00:01,000 ERROR app: again\n";
        let whole = read(text);
        for cut in 1..text.len() {
            let mut kept = Kept::default();
            let mut reader = Reader::new(0, Context::default());
            reader.push(&text.as_bytes()[..cut], &mut kept);
            let first = reader.go_on(1, Context::default(), &mut kept);
            reader.push(&text.as_bytes()[cut..], &mut kept);
            let second = reader.finish(&mut kept);
            assert_eq!(kept.0, whole, "cut at {cut}: {}", &text[..cut]);
            assert_eq!(first.lines + second.lines, 5, "cut at {cut}");
        }
    }

    #[test]
    fn a_complete_line_without_its_end_is_not_glued_to_the_next_file() {
        let mut kept = Kept::default();
        let mut reader = Reader::new(0, Context::default());
        reader.push(b"2026-11-24 07:00:00 ERROR first", &mut kept);
        reader.go_on(1, Context::default(), &mut kept);
        reader.push(b"2026-11-24 07:00:01 ERROR second\n", &mut kept);
        reader.finish(&mut kept);
        assert_eq!(kept.0, ["first", "second"]);
    }

    #[test]
    fn torn_lines_of_many_containers_end_in_the_same_order_each_time() {
        let text: String = (0..12)
            .map(|i| format!("{{\"log\":\"ERROR: torn {i}\",\"stream\":\"stderr\",\"attrs\":{{\"tag\":\"web{i}\"}},\"time\":\"2026-11-24T07:00:00.5Z\"}}\n"))
            .collect();
        let once = read(&text);
        assert_eq!(once.len(), 12, "{once:?}");
        for _ in 0..5 {
            assert_eq!(read(&text), once);
        }
    }
}
