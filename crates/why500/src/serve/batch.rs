//! What one body, call or chunk of a file held, as it is kept until it is digested.

use record::{Record, Time, scrub};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use wires::{Line, Taken};

/// Records and lines of one arrival.
#[derive(Debug, Serialize, Deserialize)]
pub struct Batch {
    /// The project that it is for.
    pub project: i64,
    /// Where it came from: a wire's name, a file's path.
    pub source: String,
    /// When.
    pub at: Time,
    /// What was read whole.
    pub records: Vec<Record>,
    /// What is to be read as the lines of a log are.
    pub lines: Vec<Line>,
}

/// Numbers of records: the place of their batch in the journal, times this, plus their place in the batch.
pub const PLACES: u64 = 1 << 20;

impl Batch {
    /// Of what a wire took. Secrets are taken out here, before anything is kept.
    pub fn new(project: i64, source: &str, at: Time, taken: &mut Taken) -> Batch {
        let mut records = std::mem::take(&mut taken.records);
        let mut lines = std::mem::take(&mut taken.lines);
        for r in &mut records {
            clean(r);
        }
        for l in &mut lines {
            scrubbed(&mut l.text);
        }
        Batch { project, source: source.to_owned(), at, records, lines }
    }

    /// Nothing in it is worth keeping.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty() && self.lines.is_empty()
    }

    /// As bytes.
    pub fn to_bytes(&self) -> Result<Vec<u8>, postcard::Error> {
        postcard::to_stdvec(self)
    }

    /// From bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Batch, postcard::Error> {
        postcard::from_bytes(bytes)
    }
}

fn scrubbed(text: &mut String) {
    if let Cow::Owned(clean) = scrub::scrub(text) {
        *text = clean;
    }
}

fn clean(r: &mut Record) {
    let same = r.text == r.message;
    scrubbed(&mut r.message);
    if same {
        r.text.clone_from(&r.message);
    } else {
        scrubbed(&mut r.text);
    }
    for (_, value) in &mut r.fields {
        scrubbed(value);
    }
    if let Some(q) = &mut r.request {
        scrubbed(&mut q.target);
    }
    if r.exceptions.iter().any(|e| matches!(scrub::scrub(&e.message), Cow::Owned(_))) {
        let mut list = r.exceptions.to_vec();
        for e in &mut list {
            scrubbed(&mut e.message);
        }
        r.exceptions = list.into();
    }
}
