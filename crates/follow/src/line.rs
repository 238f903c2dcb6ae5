//! A line that is longer than any log's: its head and its end are kept, what lies between is counted.

use std::collections::VecDeque;

/// A longer line is cut. Stack traces with all their causes take a tenth of it.
pub(crate) const LINE_BYTES_MAX: usize = 1 << 20;
/// Kept of its head: the reader of lines looks at four times as much of a line at most.
const HEAD_BYTES: usize = 64 << 10;
/// Kept of its end, where traces say what matters.
const END_BYTES: usize = 4 << 10;

/// A long line, as far as it was read.
#[derive(Debug, Default)]
pub(crate) struct Long {
    head: Vec<u8>,
    end: VecDeque<u8>,
    bytes: u64,
}

impl Long {
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        let room = HEAD_BYTES.saturating_sub(self.head.len()).min(bytes.len());
        let (head, rest) = bytes.split_at_checked(room).unwrap_or((bytes, &[]));
        self.head.extend_from_slice(head);
        let last = rest.get(rest.len().saturating_sub(END_BYTES)..).unwrap_or(rest);
        self.end.extend(last);
        self.end.drain(..self.end.len().saturating_sub(END_BYTES));
    }

    /// Bytes of it so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Bytes that are not kept.
    pub fn left_out(&self) -> u64 {
        self.bytes - (self.head.len() + self.end.len()) as u64
    }

    /// The line as it is handed on.
    pub fn written(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.head);
        if self.left_out() > 0 {
            out.extend_from_slice(format!(" … {} bytes left out … ", self.left_out()).as_bytes());
        }
        out.extend(&self.end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn head_and_end_are_kept() {
        let mut long = Long::default();
        long.push(b"begin ");
        for _ in 0..300 {
            long.push(&[b'x'; 1 << 10]);
        }
        long.push(b" end");
        let mut out = Vec::new();
        long.written(&mut out);
        let text = String::from_utf8(out).unwrap();
        assert!(text.starts_with("begin xx") && text.ends_with("x end"), "{text}");
        assert!(text.contains(" … 237578 bytes left out … "), "{}", long.left_out());
        assert_eq!(long.bytes(), 300 * 1024 + 10);
        assert_eq!(long.left_out(), 307_210 - 65_536 - 4_096);
    }
}
