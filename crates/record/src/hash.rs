//! The hash by which the program looks up what it saw before: words, requests, writers.
//!
//! One wide multiplication for each eight bytes takes a few nanoseconds where std's SipHash takes tens, and several such hashes are
//! made of each record. It has no key: strangers can find texts that hash alike, so maps whose keys are such texts stay with std's
//! hasher. What is kept by the hash alone they could only mix up with another text of their own.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hash, Hasher};

/// Digits of pi: what stands before the first byte, so that zeros at the front count.
const SEED: u64 = 0x243f_6a88_85a3_08d3;
/// An odd number without pattern (the golden ratio's digits).
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

/// A hasher for lookups.
#[derive(Clone, Copy, Debug)]
pub struct Mixer(u64);

/// A map of numbers, hashes mostly.
pub type Numbered<K, V> = HashMap<K, V, BuildHasherDefault<Mixer>>;

/// A set of numbers, positions mostly.
pub type Numbers<K> = HashSet<K, BuildHasherDefault<Mixer>>;

/// The hash of some parts.
pub fn hash(parts: impl Hash) -> u64 {
    let mut h = Mixer::default();
    parts.hash(&mut h);
    h.finish()
}

/// Both halves of the product: each bit of the one depends on all of the other.
#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ (product >> 64) as u64
}

/// Up to seven bytes as a number.
#[inline]
fn rest(bytes: &[u8]) -> u64 {
    let word = match (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        (Some(front), Some(back)) => {
            u64::from(u32::from_le_bytes(*front)) | u64::from(u32::from_le_bytes(*back)) << 32
        }
        _ => bytes.iter().fold(0, |word, b| word << 8 | u64::from(*b)),
    };
    // Zeros at the end count too.
    word.wrapping_add((bytes.len() as u64).wrapping_mul(SEED))
}

impl Default for Mixer {
    fn default() -> Mixer {
        Mixer(SEED)
    }
}

impl Hasher for Mixer {
    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }

    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        let mut more = bytes;
        while let Some((word, behind)) = more.split_first_chunk::<8>() {
            self.write_u64(u64::from_le_bytes(*word));
            more = behind;
        }
        if !more.is_empty() {
            self.write_u64(rest(more));
        }
    }

    #[inline]
    fn write_u64(&mut self, n: u64) {
        self.0 = fold(self.0 ^ n, FACTOR);
    }

    #[inline]
    fn write_u8(&mut self, n: u8) {
        self.write_u64(u64::from(n));
    }

    #[inline]
    fn write_u16(&mut self, n: u16) {
        self.write_u64(u64::from(n));
    }

    #[inline]
    fn write_u32(&mut self, n: u32) {
        self.write_u64(u64::from(n));
    }

    #[inline]
    fn write_usize(&mut self, n: usize) {
        self.write_u64(n as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn texts_that_differ_hash_differently() {
        let mut texts: Vec<String> = (0..100_000).map(|i| format!("/cart/{i}")).collect();
        texts.extend((0..64).map(|n| "\0".repeat(n)));
        texts.extend((0..64).map(|n| "a".repeat(n) + "b"));
        assert_eq!(texts.iter().map(hash).collect::<HashSet<_>>().len(), texts.len());
        assert_eq!((0..100_000u64).map(hash).collect::<HashSet<_>>().len(), 100_000);
        assert_ne!(hash(("ab", "c")), hash(("a", "bc")));
    }

    /// Maps take the upper seven bits and the lower ones.
    #[test]
    fn numbers_in_a_row_spread() {
        for shift in [0, 57] {
            let mut seen = [0u32; 128];
            for i in 0..12_800u64 {
                seen[(hash(i) >> shift) as usize & 127] += 1;
            }
            assert!(seen.iter().all(|n| (25..400).contains(n)), "{seen:?}");
        }
    }
}
