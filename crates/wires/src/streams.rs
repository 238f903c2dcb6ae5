//! Log messages that wires bring, read as the lines of a log are: each stream by its own reader, so that a trace that was sent line
//! by line is put together again.

use crate::Line;
use formats::{Context, Reader, Sink, Wrapped};
use record::Time;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Streams followed at once; beyond, the one that has been silent longest is ended. A reader is some kilobytes.
const STREAMS_MAX: usize = 1_024;

/// The readers of all streams of one source.
#[derive(Default)]
pub struct Streams {
    source: u32,
    readers: BTreeMap<String, (Reader, Time)>,
}

impl Streams {
    /// No stream yet. `source`: index of the source that the records will have.
    pub fn new(source: u32) -> Streams {
        Streams { source, readers: BTreeMap::new() }
    }

    /// Reads a message that came at `now`. `number`: that of its line, which records that begin there will have; it grows from message to
    /// message.
    pub fn push_numbered(&mut self, line: &Line, number: u64, now: Time, sink: &mut dyn Sink) {
        self.read(line, Some(number), now, sink);
    }

    /// Reads a message that came at `now`.
    pub fn push(&mut self, line: &Line, now: Time, sink: &mut dyn Sink) {
        self.read(line, None, now, sink);
    }

    /// The index of the source that records of messages read from here on will have.
    pub fn of_source(&mut self, source: u32) {
        self.source = source;
    }

    fn read(&mut self, line: &Line, number: Option<u64>, now: Time, sink: &mut dyn Sink) {
        if !self.readers.contains_key(&line.stream) && self.readers.len() >= STREAMS_MAX {
            let longest = self.readers.iter().min_by_key(|(_, (_, t))| *t).map(|(name, _)| name.clone());
            if let Some((reader, _)) = longest.and_then(|name| self.readers.remove(&name)) {
                reader.finish(sink);
            }
        }
        let source = self.source;
        let (reader, last) = self.readers.entry(line.stream.clone()).or_insert_with(|| {
            let context = Context { reference: now, carried: true, ..Context::default() };
            (Reader::new(source, context), now)
        });
        *last = now;
        fn borrowed(v: &Option<String>) -> Option<Cow<'_, str>> {
            v.as_deref().map(Cow::Borrowed)
        }
        let carried = Wrapped {
            inner: Cow::Borrowed(line.text.trim_end_matches(['\n', '\r'])),
            at: line.at.or(Some((now, record::Zone::Stated))),
            level: line.level,
            service: borrowed(&line.service),
            node: borrowed(&line.node),
            pid: borrowed(&line.pid),
            partial: false,
            stderr: false,
        };
        if let Some(number) = number {
            reader.at_line(number);
        }
        reader.message(&carried, sink);
        if line.whole {
            reader.settle(sink);
        }
    }

    /// Hands over what is open in streams that got nothing since `before`.
    pub fn settle(&mut self, before: Time, sink: &mut dyn Sink) {
        for (reader, _) in self.readers.values_mut().filter(|(_, last)| *last < before) {
            reader.settle(sink);
        }
    }

    /// Ends all streams.
    pub fn end(self, sink: &mut dyn Sink) {
        for (reader, _) in self.readers.into_values() {
            reader.finish(sink);
        }
    }
}
