//! Finds every place of many words in a text, in one pass.
//!
//! ```text
//! words  "connection refused", "ECONNREFUSED", …        each stands in the table by its rarest three bytes: "ON"+"R", "fus"
//! text   connect ECONNREFUSED 127.0.0.1:5432            three bytes at a time asked of one bit map (8 KB)
//! ```
//!
//! Where the bit is set the words of that key are compared. An Aho-Corasick automaton finds the same, but building one for
//! each set of words took 16 ms at each start, and walking them twice the time of this.

/// Bits of a key: with two thousand words one key in thirty is taken.
const KEY_BITS: u32 = 16;
/// Bits of a key that choose its slot.
const SLOT_BITS: u32 = 12;

/// Of so many words it is not counted which share what.
const FEW_WORDS: usize = 100;

/// A set of words, each of two bytes or more.
pub struct Literals {
    /// All words, one behind the other.
    bytes: Vec<u8>,
    /// By word: where it begins in `bytes`; the last is their end.
    begins: Vec<u32>,
    /// Case of ASCII letters does not matter.
    fold: bool,
    /// One bit per key: does a word have it?
    taken: Box<[u64; 1 << (KEY_BITS - 6)]>,
    /// Words by key.
    entries: Vec<Entry>,
    /// By slot (the upper bits of a key): where its entries begin.
    slots: Vec<u32>,
}

#[derive(Clone, Copy)]
struct Entry {
    /// Three bytes of the word.
    window: u32,
    /// How far behind the word's begin they stand.
    offset: u16,
    word: u32,
}

/// Where a word stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its first byte.
    pub start: usize,
    /// The byte behind its last.
    pub end: usize,
    /// Index of the word, in the order in which they were given.
    pub word: usize,
}

impl Literals {
    /// A set of these words; `fold`: upper and lower case of ASCII letters are the same.
    pub fn of<'a>(words: impl Iterator<Item = &'a str>, fold: bool) -> Literals {
        let mut all = Literals {
            bytes: Vec::new(),
            begins: vec![0],
            fold,
            taken: Box::new([0; 1 << (KEY_BITS - 6)]),
            entries: Vec::new(),
            slots: vec![0; (1 << SLOT_BITS) + 1],
        };
        for word in words {
            all.bytes.extend(word.bytes().map(|b| if fold { b.to_ascii_lowercase() } else { b }));
            all.begins.push(u32::try_from(all.bytes.len()).unwrap_or(u32::MAX));
        }
        // What stands in many of the words stands in many texts. Few words share little.
        let mut shared = vec![0u16; if all.begins.len() > FEW_WORDS { 1 << KEY_BITS } else { 0 }];
        if !shared.is_empty() {
            for w in windows(&all.bytes) {
                if let Some(n) = shared.get_mut(usize::from(key(u32::from_le_bytes(w)))) {
                    *n = n.saturating_add(1);
                }
            }
        }
        for (word, range) in (0u32..).zip(all.begins.windows(2)) {
            let bytes = all.bytes.get(range[0] as usize..range[1] as usize).unwrap_or(&[]);
            match rarest(bytes, &shared) {
                Some((offset, window)) => {
                    all.entries.push(Entry { window: folded(window, fold), offset, word })
                }
                // Of two bytes: whatever comes behind them.
                None => {
                    let two = window(bytes.iter());
                    let mut windows: Vec<u32> = (0..=255).map(|b: u32| folded(two | b << 16, fold)).collect();
                    windows.sort_unstable();
                    windows.dedup();
                    all.entries.extend(windows.into_iter().map(|window| Entry { window, offset: 0, word }));
                }
            }
        }
        all.entries.sort_unstable_by_key(|e| (key(e.window), e.word));
        for e in &all.entries {
            let key = key(e.window);
            if let Some(bits) = all.taken.get_mut(usize::from(key >> 6)) {
                *bits |= 1 << (key & 63);
            }
            if let Some(n) = all.slots.get_mut(usize::from(key >> (KEY_BITS - SLOT_BITS)) + 1) {
                *n += 1;
            }
        }
        let mut sum = 0;
        for n in &mut all.slots {
            sum += *n;
            *n = sum;
        }
        all
    }

    /// Calls for each place of each word, by where the words' rarest bytes stand.
    pub fn each(&self, text: &str, mut found: impl FnMut(Place)) {
        let bytes = text.as_bytes();
        if self.fold {
            self.scan::<true>(bytes, &mut found);
        } else {
            self.scan::<false>(bytes, &mut found);
        }
    }

    fn scan<const FOLD: bool>(&self, bytes: &[u8], found: &mut impl FnMut(Place)) {
        let mut try_at = |at: usize, window: u32| {
            let window = folded(window, FOLD);
            let key = key(window);
            if self.taken[usize::from(key >> 6)] >> (key & 63) & 1 == 1 {
                self.compare::<FOLD>(bytes, at, window & 0x00ff_ffff, found);
            }
        };
        // Four bytes are read at once, of which the key is that of the first three.
        for (i, w) in bytes.windows(4).enumerate() {
            try_at(i, u32::from_le_bytes([w[0], w[1], w[2], w[3]]));
        }
        // The last three bytes, and the last two with one behind the end.
        for n in [3, 2] {
            if let Some(at) = bytes.len().checked_sub(n) {
                try_at(at, window(bytes.iter().skip(at)));
            }
        }
    }

    /// The words that have these three bytes, which are at `at`.
    #[inline(never)]
    fn compare<const FOLD: bool>(&self, bytes: &[u8], at: usize, window: u32, found: &mut impl FnMut(Place)) {
        let slot = usize::from(key(window) >> (KEY_BITS - SLOT_BITS));
        let range = self.slots.get(slot).zip(self.slots.get(slot + 1));
        let entries = range.and_then(|(a, b)| self.entries.get(*a as usize..*b as usize)).unwrap_or(&[]);
        for e in entries.iter().filter(|e| e.window == window) {
            let word = e.word as usize;
            let Some(start) = at.checked_sub(usize::from(e.offset)) else { continue };
            let range = self.begins.get(word).zip(self.begins.get(word + 1));
            let Some(want) = range.and_then(|(a, b)| self.bytes.get(*a as usize..*b as usize)) else {
                continue;
            };
            let end = start + want.len();
            let Some(have) = bytes.get(start..end) else { continue };
            if if FOLD { have.eq_ignore_ascii_case(want) } else { have == want } {
                found(Place { start, end, word });
            }
        }
    }

    /// Does the text hold any of the words?
    pub fn any(&self, text: &str) -> bool {
        let mut any = false;
        self.each(text, |_| any = true);
        any
    }
}

/// With upper case as lower, if `fold`; for other bytes than letters two may become the same.
fn folded(window: u32, fold: bool) -> u32 {
    if fold { window | 0x0020_2020 } else { window }
}

/// The key of the lower three bytes; the fourth is shifted out.
fn key(window: u32) -> u16 {
    (window.wrapping_mul(0x3779_B100) >> (32 - KEY_BITS)) as u16
}

/// The first three bytes as a number.
fn window<'a>(bytes: impl Iterator<Item = &'a u8>) -> u32 {
    bytes.take(3).enumerate().map(|(i, b)| u32::from(*b) << (8 * i)).sum()
}

/// Each three bytes that stand side by side, with a zero behind them.
fn windows(bytes: &[u8]) -> impl Iterator<Item = [u8; 4]> {
    bytes.iter().zip(bytes.iter().skip(1)).zip(bytes.iter().skip(2)).map(|((a, b), c)| [*a, *b, *c, 0])
}

/// The three bytes of a word that stand in the fewest texts, with where they stand in it; `shared`: by key, in how many words.
fn rarest(word: &[u8], shared: &[u16]) -> Option<(u16, u32)> {
    let common = |w: [u8; 4]| {
        let shared = shared.get(usize::from(key(u32::from_le_bytes(w)))).copied().unwrap_or(0);
        let [a, b, c, _] = w.map(|b| COMMONNESS[usize::from(b)]);
        2 * u32::from(shared) + a + b + c
    };
    let best = (0..=u16::MAX).zip(windows(word)).min_by_key(|(_, w)| common(*w));
    best.map(|(i, w)| (i, u32::from_le_bytes(w)))
}

const COMMONNESS: [u32; 256] = {
    let mut all = [0; 256];
    let mut b = 0;
    while b < all.len() {
        all[b] = commonness(b as u8);
        b += 1;
    }
    all
};

/// Roughly how often a byte stands in logs.
const fn commonness(b: u8) -> u32 {
    match b {
        b'e' | b't' | b'a' | b'o' | b'i' | b'n' | b's' | b'r' | b' ' => 8,
        b'0'..=b'9' | b'.' | b'/' | b':' | b'-' | b'"' => 6,
        b'j' | b'k' | b'q' | b'v' | b'w' | b'x' | b'y' | b'z' => 2,
        b'a'..=b'z' => 5,
        b'A'..=b'Z' => 3,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(words: &[&str], fold: bool, text: &str) -> Vec<(usize, usize)> {
        let mut out = Vec::new();
        Literals::of(words.iter().copied(), fold).each(text, |p| out.push((p.start, p.word)));
        out.sort_unstable();
        out
    }

    #[test]
    fn every_place_of_every_word_is_found() {
        let words = ["on null", "null", "s3", "nul", "ECONN", "null"];
        assert_eq!(places(&words, false, "on null"), [(0, 0), (3, 1), (3, 3), (3, 5)]);
        assert_eq!(places(&words, false, "s3"), [(0, 2)]);
        assert_eq!(places(&words, false, "a s3://x, s3"), [(2, 2), (10, 2)]);
        assert_eq!(places(&words, false, "econn NULL S3"), []);
        assert_eq!(places(&words, true, "econn NULL S3"), [(0, 4), (6, 1), (6, 3), (6, 5), (11, 2)]);
        for text in ["", "s", "nu", "üs3ü"] {
            assert_eq!(places(&words, true, text).len(), usize::from(text.contains("s3")), "{text}");
        }
    }

    /// The same as a search word by word, over texts made of pieces of the words themselves.
    #[test]
    fn it_finds_what_a_plain_search_finds() {
        let words = ["ab", "abc", "bca", "cabcab", "aaaa", "Ab c", "c\u{fc}a", "\0\0"];
        let pieces = ["a", "b", "c", "abc", "A", " ", "\u{fc}", "\0"];
        let mut seed = 1u64;
        for _ in 0..2000 {
            let mut text = String::new();
            for _ in 0..12 {
                seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                text.push_str(pieces[(seed >> 33) as usize % pieces.len()]);
            }
            for fold in [false, true] {
                let low = |t: &str| if fold { t.to_ascii_lowercase() } else { t.to_owned() };
                let (text, mut want) = (low(&text), Vec::new());
                for (i, w) in words.iter().enumerate() {
                    let w = low(w);
                    want.extend(
                        (0..text.len())
                            .filter(|&at| text.as_bytes()[at..].starts_with(w.as_bytes()))
                            .map(|at| (at, i)),
                    );
                }
                want.sort_unstable();
                assert_eq!(places(&words, fold, &text), want, "{text:?}");
            }
        }
    }
}
