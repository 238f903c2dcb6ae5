//! What a text says apart from its variables, and which of these change nothing.

const PRIME: u64 = 0x9fb2_1c65_1e98_df25;
/// So many values of a number must have had the same outcome before it is taken to change nothing.
const FREE_AFTER: usize = 8;
/// Readings remembered per wording; one with more outcomes is read each time.
const READINGS_MAX: usize = 48;

const LETTER: u8 = 1;
const DIGIT: u8 = 2;

/// What each byte is in a word; 0 stands between words.
static KINDS: [u8; 256] = {
    let mut kinds = [0; 256];
    let mut b = 0;
    while b < 256 {
        let c = b as u8;
        kinds[b] = if c.is_ascii_digit() {
            DIGIT
        } else if c.is_ascii_alphabetic() || c == b'_' || c == b'-' || c >= 0x80 {
            LETTER
        } else {
            0
        };
        b += 1;
    }
    kinds
};

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
    // The word so far, and the kinds of its letters.
    let (mut w, mut kinds) = (0u64, 0u8);
    let mut end = |h: u64, w: u64, kinds: u8| match kinds {
        0 => h,
        LETTER => join(h, w),
        _ => {
            word(w);
            join(h, 1)
        }
    };
    for &b in text.as_bytes() {
        let kind = KINDS[usize::from(b)];
        if kind != 0 {
            // The product does not wait for the letter before.
            w = w.rotate_left(7) ^ u64::from(b).wrapping_mul(PRIME);
            kinds |= kind;
            continue;
        }
        h = join(end(h, w, kinds), u64::from(b));
        (w, kinds) = (0, 0);
    }
    end(h, w, kinds)
}

/// What texts of one skeleton came to, by their numbers.
///
/// A number is free once many different ones had the same outcome; every other number must be the same for an outcome to be taken
/// over. So a port or an error code that changes something is read anew, and an id is not.
///
/// ```
/// let mut outcomes = record::Outcomes::default();
/// for id in 0..12 {
///     outcomes.learn(&[2002, id], "refused", |a, b| a == b);
/// }
/// assert_eq!(outcomes.find(&[2002, 77]), Some(&"refused"));
/// assert_eq!(outcomes.find(&[1045, 77]), None);
/// ```
#[derive(Clone, Debug)]
pub struct Outcomes<T> {
    outcomes: Vec<T>,
    /// Numbers, with the index of their outcome.
    readings: Vec<(Box<[u64]>, usize)>,
    free: Vec<bool>,
}

impl<T> Default for Outcomes<T> {
    fn default() -> Outcomes<T> {
        Outcomes { outcomes: Vec::new(), readings: Vec::new(), free: Vec::new() }
    }
}

impl<T> Outcomes<T> {
    /// What a text with these numbers came to, if that is known.
    pub fn find(&self, numbers: &[u64]) -> Option<&T> {
        let fits = |known: &[u64]| {
            known.len() == numbers.len()
                && known.iter().zip(numbers).zip(&self.free).all(|((a, b), free)| *free || a == b)
        };
        let (_, outcome) = self.readings.iter().find(|(known, _)| fits(known))?;
        self.outcomes.get(*outcome)
    }

    /// Remembers what a text came to that was not found.
    pub fn learn(&mut self, numbers: &[u64], outcome: T, same: impl Fn(&T, &T) -> bool) {
        if self.readings.len() >= READINGS_MAX {
            return;
        }
        let known = self.outcomes.iter().position(|o| same(o, &outcome));
        let group = known.unwrap_or(self.outcomes.len());
        if known.is_none() {
            self.outcomes.push(outcome);
        }
        self.readings.push((numbers.into(), group));
        self.free.resize(numbers.len().max(self.free.len()), false);
        for (i, free) in self.free.iter_mut().enumerate().filter(|(_, free)| !**free) {
            let mine = self.readings.iter().filter(|(_, g)| *g == group);
            let mut values: Vec<u64> = mine.filter_map(|(n, _)| n.get(i).copied()).collect();
            values.sort_unstable();
            values.dedup();
            *free = values.len() >= FREE_AFTER;
        }
    }
}
