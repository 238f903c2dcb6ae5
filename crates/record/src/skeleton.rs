//! What a text says apart from its variables.

const PRIME: u64 = 0x9fb2_1c65_1e98_df25;

fn join(h: u64, x: u64) -> u64 {
    let h = (h ^ x).wrapping_mul(PRIME);
    h ^ (h >> 29)
}

/// The hash of a text in which every word that holds a digit (numbers, ids, dates, addresses) is left out; the hashes of those
/// words, in their order, are handed to `word`.
///
/// ```
/// let plain = |text| record::skeleton(text, |_| {});
/// assert_eq!(plain("order 17 of user 4f1a: no stock"), plain("order 9 of user 77: no stock"));
/// assert_ne!(plain("order 17: no stock"), plain("order 17: no price"));
/// ```
pub fn skeleton(text: &str, mut word: impl FnMut(u64)) -> u64 {
    let mut h: u64 = 0x243f_6a88_85a3_08d3;
    let mut w: u64 = 0;
    let (mut inside, mut digits) = (false, false);
    for &b in text.as_bytes() {
        if b.is_ascii_alphanumeric() || b == b'_' || b == b'-' || b >= 0x80 {
            w = (w.rotate_left(5) ^ u64::from(b)).wrapping_mul(PRIME);
            inside = true;
            digits |= b.is_ascii_digit();
            continue;
        }
        if inside {
            h = join(h, if digits { 1 } else { w });
            if digits {
                word(w);
            }
            (w, inside, digits) = (0, false, false);
        }
        h = join(h, u64::from(b));
    }
    if inside {
        h = join(h, if digits { 1 } else { w });
        if digits {
            word(w);
        }
    }
    h
}
