//! What one body, call or chunk of a file held, as it is kept until it is digested.

use super::stacks::Stacks;
use follow::Mark;
use record::{Record, Time, scrub};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::sync::Arc;
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
    /// How far the log that it is from was read with it.
    #[serde(skip)]
    pub mark: Option<Mark>,
}

/// Records and lines are numbered through, as the lines of a file are: what stands next to each other was written together. A start
/// begins at the seconds since 1970 times this, so that no number comes twice unless more than a million are taken in a second, for
/// all the time; and the numbers are whole in JSON's.
const NUMBERS_PER_S: u64 = 1 << 20;

/// The first number of a program that starts now, having had numbers up to `last`.
pub fn first_number(now: Time, last: u64) -> u64 {
    let of_clock = u64::try_from(now.0 / record::SECOND).unwrap_or(0).saturating_mul(NUMBERS_PER_S);
    of_clock.max(last + 1)
}

/// Puts the number of its first record into what will be written of a batch.
pub fn set_number(bytes: &mut [u8], number: u64) {
    if let Some(place) = bytes.first_chunk_mut() {
        *place = number.to_le_bytes();
    }
}

impl Batch {
    /// Of what a wire took. Secrets are taken out here, before anything is kept.
    pub fn new(project: i64, source: &str, at: Time, taken: &mut Taken, stacks: &Stacks) -> Batch {
        let mut records = std::mem::take(&mut taken.records);
        let mut lines = std::mem::take(&mut taken.lines);
        for r in &mut records {
            clean(r, stacks);
        }
        for l in &mut lines {
            scrubbed(&mut l.text);
        }
        Batch { project, source: source.to_owned(), at, records, lines, mark: None }
    }

    /// Nothing in it is worth keeping.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many numbers its records and lines take.
    pub fn len(&self) -> usize {
        self.records.len() + self.lines.len()
    }

    /// As bytes, with room for the number of its first record in front; the mark stands behind it, where there is one.
    pub fn to_bytes(&self) -> Result<Vec<u8>, postcard::Error> {
        let bytes = postcard::to_extend(self, vec![0; size_of::<u64>()])?;
        match &self.mark {
            Some(mark) => postcard::to_extend(mark, bytes),
            None => Ok(bytes),
        }
    }

    /// From bytes: the number of its first record, and the batch.
    pub fn from_bytes(bytes: &[u8], stacks: &Stacks) -> Result<(u64, Batch), postcard::Error> {
        let (number, rest) = bytes.split_first_chunk().ok_or(postcard::Error::DeserializeUnexpectedEnd)?;
        let (mut batch, behind): (Batch, &[u8]) = postcard::take_from_bytes(rest)?;
        if !behind.is_empty() {
            batch.mark = Some(postcard::from_bytes(behind)?);
        }
        for r in batch.records.iter_mut().filter(|r| !r.exceptions.is_empty()) {
            stacks.clean(Arc::make_mut(&mut r.exceptions));
        }
        Ok((u64::from_le_bytes(*number), batch))
    }
}

fn scrubbed(text: &mut String) {
    if let Cow::Owned(clean) = scrub::scrub(text) {
        *text = clean;
    }
}

fn clean(r: &mut Record, stacks: &Stacks) {
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
    if !r.exceptions.is_empty() {
        let list = Arc::make_mut(&mut r.exceptions);
        list.iter_mut().for_each(|e| scrubbed(&mut e.message));
        stacks.clean(list);
    }
}
