//! What the targets share: how bytes become text, long inputs out of short ones, a sink that keeps all it gets.

use formats::{Context, Healthy, Sink};
use record::{Record, Time};
use std::borrow::Cow;

/// The time that stands for "now", so that years missing in stamps are the same in every run: 2026-11-24T08:00:00Z.
pub const REFERENCE: Time = Time(1_795_507_200_000_000);

/// A stretched input is at most this long: enough for what is quadratic to take seconds in a build with all checks.
const STRETCHED_BYTES_MAX: usize = 64 * 1024;

/// The first byte of an input that is to be stretched; no UTF-8 text holds it.
const STRETCH: u8 = 0xfd;

/// Long inputs out of short ones, so that what takes time by the square of its input shows as a timeout: behind a first byte
/// `0xfd` come pieces, each as its repetitions (a power of two), its length, its bytes.
pub fn stretch(data: &[u8]) -> Cow<'_, [u8]> {
    let Some((&STRETCH, mut rest)) = data.split_first() else { return Cow::Borrowed(data) };
    let mut out = Vec::new();
    while let [power, len, pieces @ ..] = rest {
        let (piece, after) = pieces.split_at(pieces.len().min(usize::from(*len)));
        for _ in 0..1usize << (power % 18) {
            if out.len() + piece.len() > STRETCHED_BYTES_MAX || piece.is_empty() {
                break;
            }
            out.extend_from_slice(piece);
        }
        rest = after;
    }
    Cow::Owned(out)
}

/// The bytes as the reader makes text of them.
pub fn text(data: &[u8]) -> String {
    String::from_utf8_lossy(&stretch(data)).into_owned()
}

/// A context as the program makes one, for a file of this name.
pub fn context(file_name: &str) -> Context {
    Context { reference: REFERENCE, file_name: file_name.to_owned(), ..Context::default() }
}

/// What is counted of a healthy request, in words.
pub fn facts(
    at: Option<Time>,
    status: u16,
    method: &str,
    target: &str,
    client: Option<&str>,
    service: Option<&str>,
    upstream: bool,
) -> String {
    format!("{at:?} {status} {method} {target} {client:?} {service:?} {upstream}")
}

/// Keeps all that a reader finds.
#[derive(Debug, Default, PartialEq)]
pub struct Kept {
    /// Healthy requests, in words.
    pub healthy: Vec<String>,
    /// Of the same, what reports count.
    pub facts: Vec<String>,
    /// Everything else.
    pub records: Vec<Record>,
}

impl Sink for Kept {
    fn healthy(&mut self, healthy: &Healthy<'_>) {
        let q = healthy.request;
        self.facts.push(facts(
            healthy.at.map(|(at, _)| at),
            q.status.unwrap_or(0),
            &q.method,
            &q.target,
            q.client.as_deref(),
            healthy.service,
            false,
        ));
        self.healthy.push(format!("{healthy:?}"));
    }

    fn wants(&self, _: &str) -> bool {
        true
    }

    fn record(&mut self, record: Record) {
        // Whether its lines were known tells how they came in, not what they say.
        self.records.push(Record { tail: 0, ..record });
    }
}

/// Years that a stamp may name, one more at each end for its offset.
pub fn is_sane(time: Time) -> bool {
    (-1..=10_000).contains(&time.civil().year)
}
