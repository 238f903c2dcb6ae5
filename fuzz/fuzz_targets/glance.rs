//! Healthy requests told at a glance are those that the reader would have read: the same records, counts and requests come of
//! both. The first byte says how many lines the first block has that is glanced through.

#![no_main]

use formats::{Clock, Counts, Glanced, Reader, Tally};
use fuzz::Kept;
use libfuzzer_sys::fuzz_target;

/// Lines of a block.
const BLOCK_LINES: usize = 32;

/// Takes the requests that were told at a glance.
struct Seen<'a>(&'a mut Vec<String>);

impl Tally for Seen<'_> {
    fn count(&mut self, g: &Glanced<'_>) {
        let text = |b| String::from_utf8_lossy(b);
        let client = g.client.map(text);
        // Whether a log names upstreams is told of the log, not of each request.
        self.0.push(fuzz::facts(
            Some(g.at),
            g.status,
            &text(g.method),
            &text(g.target),
            client.as_deref(),
            g.service,
            false,
        ));
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((&seed, rest)) = data.split_first() else { return };
    let bytes = fuzz::stretch(rest);
    let mut whole = (Kept::default(), Counts::default());
    let mut reader = Reader::new(0, fuzz::context("access.log"));
    reader.push(&bytes, &mut whole.0);
    whole.1 = reader.finish(&mut whole.0);
    let mut glanced = glanced(&bytes, usize::from(seed % 8) + 1);
    whole.0.facts.sort_unstable();
    glanced.0.facts.sort_unstable();
    assert_eq!(whole.1, glanced.1, "counts");
    assert_eq!(whole.0.records, glanced.0.records, "records");
    assert_eq!(whole.0.facts, glanced.0.facts, "healthy requests");
});

/// Reads as the program does: once the look of healthy requests is known, in blocks of lines that were glanced through.
fn glanced(bytes: &[u8], mut lines: usize) -> (Kept, Counts) {
    let mut kept = Kept::default();
    let mut reader = Reader::new(0, fuzz::context("access.log"));
    let mut clock = Clock::default();
    let mut rest = bytes;
    while !rest.is_empty() {
        let end = rest
            .iter()
            .enumerate()
            .filter(|(_, b)| **b == b'\n')
            .nth(lines - 1)
            .map_or(rest.len(), |(i, _)| i + 1);
        let (block, after) = rest.split_at(end);
        rest = after;
        match reader.glance() {
            Some(glance) => {
                let scanned = formats::scan(block, &glance, &mut clock, &mut Seen(&mut kept.facts));
                reader.replay(&scanned, &mut kept);
                lines = BLOCK_LINES;
            }
            None => reader.push(block, &mut kept),
        }
    }
    let counts = reader.finish(&mut kept);
    (kept, counts)
}
