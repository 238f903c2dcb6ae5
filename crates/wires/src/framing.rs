//! The messages of a syslog stream, parted by either of the ways of RFC 6587, which is told for each message by how it begins.
//!
//! ```text
//! 47 <155>1 2026-11-24T07:38:12Z web-1 nginx 412 - - x   §3.4.1: the length, a blank, so many bytes
//! <155>Nov 24 07:38:09 web-1 nginx[412]: x⏎              §3.4.2: up to a line feed (Python's handler: up to NUL)
//! ```

use crate::Taken;

/// Longest message; RFC 5424 asks for 2 KiB, rsyslog's default is 8 KiB, apps that log JSON with traces set 64 KiB and more.
const FRAME_MAX: usize = 1 << 20;
/// Digits of a length; more are no length.
const DIGITS_MAX: usize = 9;
/// Parts a stream into messages.
#[derive(Default)]
pub(crate) struct Framing {
    held: Vec<u8>,
    /// Of `held`, what was searched for a line end already.
    searched: usize,
    skip: Skip,
    cut: u64,
}

/// The rest of a message that is too long.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Skip {
    #[default]
    Nothing,
    Bytes(usize),
    Line,
}

/// What the bytes at hand begin with.
enum Begin {
    /// A message of so many bytes, behind so many that say so.
    Counted {
        head: usize,
        len: usize,
    },
    Line,
    /// It cannot be told yet.
    Open,
}

impl Framing {
    /// Takes the next bytes, and hands on each message that is complete.
    pub(crate) fn push(&mut self, bytes: &[u8], take: &mut dyn FnMut(&[u8])) {
        let mut held = std::mem::take(&mut self.held);
        let read = if held.is_empty() {
            let read = self.parts(bytes, take);
            held.extend_from_slice(bytes.get(read..).unwrap_or_default());
            0
        } else {
            held.extend_from_slice(bytes);
            self.parts(&held, take)
        };
        held.drain(..read);
        self.held = held;
    }

    /// The stream ended: what is left is a message without its end.
    pub(crate) fn end(&mut self, take: &mut dyn FnMut(&[u8])) {
        let held = std::mem::take(&mut self.held);
        if self.skip == Skip::Nothing && !held.is_empty() {
            // A length that promised more than came stands before it.
            let begin = match begin(&held) {
                Begin::Counted { head, .. } => head,
                _ => 0,
            };
            take(held.get(begin..).unwrap_or_default());
        }
        self.skip = Skip::Nothing;
        self.searched = 0;
    }

    /// Counts the messages that were too long.
    pub(crate) fn told(&mut self, taken: &mut Taken) {
        let cut = std::mem::take(&mut self.cut);
        if cut > 0 {
            *taken.dropped.entry("the end of a message above 1 MiB".to_owned()).or_default() += cut;
        }
    }

    /// Hands on what is complete; how many bytes that were.
    fn parts(&mut self, bytes: &[u8], take: &mut dyn FnMut(&[u8])) -> usize {
        let mut at = 0;
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            match self.skip {
                Skip::Bytes(n) => {
                    let skipped = n.min(rest.len());
                    at += skipped;
                    self.skip = if skipped == n { Skip::Nothing } else { Skip::Bytes(n - skipped) };
                    if skipped < n {
                        return at;
                    }
                    continue;
                }
                Skip::Line => match end_of_line(rest) {
                    Some(end) => {
                        at += end + 1;
                        self.skip = Skip::Nothing;
                        continue;
                    }
                    None => return bytes.len(),
                },
                Skip::Nothing => {}
            }
            let ends = rest.iter().take_while(|c| matches!(c, b'\n' | b'\r' | 0)).count();
            at += ends;
            let rest = bytes.get(at..).unwrap_or_default();
            if rest.is_empty() {
                self.searched = 0;
                return at;
            }
            match begin(rest) {
                Begin::Open => return at,
                Begin::Counted { head, len } => {
                    let kept = len.min(FRAME_MAX);
                    let Some(frame) = rest.get(head..head + kept) else {
                        self.searched = 0;
                        return at;
                    };
                    take(frame);
                    at += head + kept;
                    if kept < len {
                        self.skip = Skip::Bytes(len - kept);
                        self.cut += 1;
                    }
                }
                Begin::Line => {
                    let from = self.searched.saturating_sub(ends).min(rest.len());
                    match end_of_line(rest.get(from..).unwrap_or_default()) {
                        Some(end) => {
                            take(rest.get(..from + end).unwrap_or_default());
                            at += from + end + 1;
                        }
                        None if rest.len() > FRAME_MAX => {
                            take(rest.get(..FRAME_MAX).unwrap_or_default());
                            self.skip = Skip::Line;
                            self.cut += 1;
                            self.searched = 0;
                            return bytes.len();
                        }
                        None => {
                            self.searched = rest.len();
                            return at;
                        }
                    }
                }
            }
            self.searched = 0;
        }
    }
}

fn end_of_line(bytes: &[u8]) -> Option<usize> {
    memchr::memchr2(b'\n', 0, bytes)
}

/// A length is digits, a blank and the `<` of the message that it counts; a line may begin with digits too.
fn begin(bytes: &[u8]) -> Begin {
    let digits = bytes.iter().take(DIGITS_MAX + 1).take_while(|c| c.is_ascii_digit()).count();
    if digits == 0 || digits > DIGITS_MAX || bytes.first() == Some(&b'0') {
        return Begin::Line;
    }
    match (bytes.get(digits), bytes.get(digits + 1)) {
        (None, _) | (Some(b' '), None) => Begin::Open,
        (Some(b' '), Some(b'<')) => {
            let number = bytes.get(..digits).and_then(|d| std::str::from_utf8(d).ok());
            match number.and_then(|d| d.parse().ok()) {
                Some(len) => Begin::Counted { head: digits + 1, len },
                None => Begin::Line,
            }
        }
        _ => Begin::Line,
    }
}
