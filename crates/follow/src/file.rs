//! What a file is known by, whatever its name: its device and number, and its first bytes.
//!
//! Numbers are used again, and rotation gives a file another name (by renaming) or another number (by copying or packing).

use serde::{Deserialize, Serialize};
use std::fs::{File, Metadata};
use std::io;
use std::time::SystemTime;

/// First bytes by which a file is known: a few lines, whose times no other file has.
pub const HEAD_BYTES: usize = 1 << 10;
/// Fewer first bytes do not tell that a file of another name and number is the same.
pub const HEAD_BYTES_MIN: u64 = 64;

/// Fewer do not even tell it among the files of its own log: a line's time takes about so many.
pub(crate) const ALIKE_BYTES_MIN: u64 = 24;

/// Device and number of a file, by which it is known under any name; `None` where the system has none.
pub type Identity = Option<(u64, u64)>;

/// Device and number of a file.
#[cfg(unix)]
pub fn identity(meta: &Metadata) -> Identity {
    use std::os::unix::fs::MetadataExt;
    Some((meta.dev(), meta.ino()))
}

/// Device and number of a file.
#[cfg(not(unix))]
pub fn identity(_: &Metadata) -> Identity {
    None
}

/// Hash of nothing, where [`hash_on`] begins.
pub const HASH_OF_NOTHING: u64 = 0xcbf2_9ce4_8422_2325;

/// One byte more (FNV-1a).
pub fn hash_on(h: u64, byte: &u8) -> u64 {
    (h ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
}

/// FNV-1a: the same on all machines and in all versions.
pub fn hash(bytes: &[u8]) -> String {
    format!("{:016x}", bytes.iter().fold(HASH_OF_NOTHING, hash_on))
}

/// Is it no text, by its first bytes?
pub fn is_binary(head: &[u8]) -> bool {
    if head.len() < 64 {
        return false;
    }
    let odd = head.iter().filter(|b| matches!(b, 1..=6 | 14..=26 | 28..=31 | 127)).count();
    let nul = head.iter().filter(|b| **b == 0).count();
    let newline = head.contains(&b'\n');
    odd * 20 > head.len() || (nul * 4 > head.len() && (odd > 8 || !newline))
}

/// A time of change in microseconds; 0 where there is none.
pub fn micros(t: Option<SystemTime>) -> i64 {
    t.and_then(|t| t.duration_since(SystemTime::UNIX_EPOCH).ok())
        .and_then(|d| i64::try_from(d.as_micros()).ok())
        .unwrap_or(0)
}

/// The first bytes of a file as far as they were read, which do not change any more.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Head {
    pub bytes: u64,
    pub hash: String,
}

impl Head {
    pub fn of(bytes: &[u8]) -> Head {
        let bytes = bytes.get(..HEAD_BYTES).unwrap_or(bytes);
        Head { bytes: bytes.len() as u64, hash: hash(bytes) }
    }

    /// Do these bytes begin as the file did?
    pub fn begins(&self, bytes: &[u8]) -> bool {
        self.bytes == 0 || bytes.get(..self.len()).is_some_and(|b| hash(b) == self.hash)
    }

    pub fn len(&self) -> usize {
        usize::try_from(self.bytes).unwrap_or(HEAD_BYTES).min(HEAD_BYTES)
    }
}

/// Its first bytes, by one call: of several the first may tell of what was there before it was truncated, the next of what came
/// then, and no file begins so.
pub(crate) fn head(mut file: &File) -> io::Result<Vec<u8>> {
    use std::io::{Read, Seek, SeekFrom};
    file.seek(SeekFrom::Start(0))?;
    let mut bytes = vec![0; HEAD_BYTES];
    loop {
        match file.read(&mut bytes) {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            read => {
                bytes.truncate(read?);
                return Ok(bytes);
            }
        }
    }
}

/// Up to so many bytes from a place on.
pub(crate) fn read_at(mut file: &File, from: u64, max: usize) -> io::Result<Vec<u8>> {
    use std::io::{Read, Seek, SeekFrom};
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(max as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_knows_its_file_when_it_has_grown_and_no_other() {
        let head = Head::of(b"07:10 a\n07:11 b\n");
        assert!(head.begins(b"07:10 a\n07:11 b\n07:12 c\n"));
        assert!(!head.begins(b"07:10 a\n"));
        assert!(!head.begins(b"07:13 a\n07:11 b\n07:12 c\n"));
        assert!(Head::default().begins(b""));
    }
}
