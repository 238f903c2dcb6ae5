//! A source read in pieces gives the records of the source read whole. The first byte seeds the sizes of the pieces.

#![no_main]

use formats::{Counts, Reader};
use fuzz::Kept;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((&seed, rest)) = data.split_first() else { return };
    let bytes = fuzz::stretch(rest);
    let whole = read(std::iter::once(bytes.as_ref()));
    let torn = read(pieces(&bytes, seed));
    assert_eq!(whole.1, torn.1, "counts");
    assert_eq!(whole.0, torn.0, "records");
    let (kept, counts) = whole;
    assert_eq!(counts.lines, bytes.split_inclusive(|b| *b == b'\n').count() as u64, "every line is counted");
    for r in &kept.records {
        assert!(r.line >= 1 && r.line <= counts.lines, "line {} of {}", r.line, counts.lines);
        assert!(r.at.is_none_or(fuzz::is_sane), "{r:?}");
    }
});

fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Kept, Counts) {
    let mut kept = Kept::default();
    let mut reader = Reader::new(0, fuzz::context("app.log"));
    for piece in pieces {
        reader.push(piece, &mut kept);
    }
    let counts = reader.finish(&mut kept);
    (kept, counts)
}

/// The bytes in pieces of uneven sizes, some of them empty.
fn pieces(bytes: &[u8], seed: u8) -> impl Iterator<Item = &[u8]> {
    let (mut rest, mut state) = (bytes, u32::from(seed) + 1);
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let longest = bytes.len() as u32 / 16 + 24;
        let (piece, after) = rest.split_at(rest.len().min((state >> 8) as usize % longest as usize));
        rest = after;
        Some(piece)
    })
}
