//! Goes through a block of lines with the stencils of its file.

use super::cut::{epoch, quote};
use super::{Close, Form, Glance, Hold, LINE_BYTES_MAX, Stencil};
use crate::reader::TIMES;
use crate::time;
use memchr::{memchr, memchr3, memrchr};
use record::{Time, Zone};
use std::ops::Range;

/// A healthy request as a stencil found it.
#[derive(Debug)]
pub struct Glanced<'a> {
    /// When.
    pub at: Time,
    /// Below 500; 499 where the client left.
    pub status: u16,
    /// The method.
    pub method: &'a [u8],
    /// The target, as it stands in the line.
    pub target: &'a [u8],
    /// The client.
    pub client: Option<&'a [u8]>,
    /// Who wrote it within the source.
    pub service: Option<&'a str>,
    /// The file's lines name an upstream.
    pub upstream: bool,
    /// Where its line begins in the block.
    pub offset: usize,
}

/// Counts healthy requests.
pub trait Tally {
    /// Takes one.
    fn count(&mut self, request: &Glanced<'_>);
}

/// Healthy requests that followed each other in a file.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    pub(crate) format: &'static str,
    pub(crate) zone: Zone,
    pub(crate) lines: u64,
    pub(crate) first: (Time, u16),
    pub(crate) last: (Time, u16),
    pub(crate) earliest: Time,
    pub(crate) latest: Time,
}

/// What is left of a block: runs of healthy requests, and lines to be read whole.
#[derive(Debug, Default)]
pub struct Scanned {
    /// Each run with the line behind it, if there is one.
    pub(crate) pieces: Vec<(Option<Run>, Range<usize>)>,
    /// The run at the end.
    pub(crate) rest: Option<Run>,
    /// The lines that are to be read whole.
    pub(crate) kept: Vec<u8>,
    /// Lines counted.
    pub healthy: u64,
}

impl Scanned {
    /// Lines that are to be read whole.
    pub fn others(&self) -> usize {
        self.pieces.len()
    }
}

/// The time read last: most lines are of the same second as the one before.
#[derive(Debug, Default)]
pub struct Clock {
    value: Vec<u8>,
    time: Time,
    /// The stencil that fitted last.
    stencil: usize,
}

struct Fit<'l> {
    time: &'l [u8],
    form: Form,
    status: u16,
    method: &'l [u8],
    target: &'l [u8],
    client: Option<&'l [u8]>,
}

/// Are both the same? Most that are compared here are a few bytes long, for which a call costs more than the comparison.
#[inline]
fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    match a.len() {
        0..4 => a.iter().zip(b).all(|(x, y)| x == y),
        4..8 => ends::<4>(a) == ends(b),
        8..16 => ends::<8>(a) == ends(b),
        16..=32 => ends::<16>(a) == ends(b),
        _ => a == b,
    }
}

/// The first and the last bytes of a text of so many or more.
#[inline]
fn ends<const N: usize>(text: &[u8]) -> Option<(&[u8; N], &[u8; N])> {
    Some((text.first_chunk()?, text.last_chunk()?))
}

/// Where the byte first stands. It is sought in the first words without a call, as most values are no longer than these.
#[inline]
fn find(byte: u8, text: &[u8]) -> Option<usize> {
    const WORDS: usize = 3;
    let mut rest = text;
    for k in 0..WORDS {
        let Some((word, more)) = rest.split_first_chunk::<8>() else { break };
        let marks = marks(u64::from_le_bytes(*word), byte);
        if marks != 0 {
            return Some(8 * k + (marks.trailing_zeros() / 8) as usize);
        }
        rest = more;
    }
    memchr(byte, rest).map(|i| text.len() - rest.len() + i)
}

#[inline]
fn begins(line: &[u8], with: &[u8]) -> bool {
    line.get(..with.len()).is_some_and(|l| same(l, with))
}

fn is_number(value: &[u8]) -> bool {
    value.iter().all(|c| c.is_ascii_digit() || matches!(c, b'.' | b'-'))
}

const ONES: u64 = u64::from_le_bytes([1; 8]);
const TOPS: u64 = u64::from_le_bytes([0x80; 8]);

/// Marks bytes that are this one. A byte of zero borrows from the one above it: the lowest mark is right, others may not be.
#[inline]
fn marks(word: u64, byte: u8) -> u64 {
    let other = word ^ (ONES * u64::from(byte));
    other.wrapping_sub(ONES) & !other & TOPS
}

/// As [`mention::is_address`](crate::mention::is_address), which is asked where it is not of IPv4: most are.
fn is_address(value: &[u8]) -> bool {
    let (mut dots, mut digits, mut number) = (0, 0, 0u32);
    for c in value {
        match c {
            b'0'..=b'9' => {
                number = (number * 10 + u32::from(c - b'0')).min(1_000);
                digits += 1;
            }
            b'.' if digits > 0 && number <= 255 => {
                dots += 1;
                (digits, number) = (0, 0);
            }
            _ => return std::str::from_utf8(value).is_ok_and(crate::mention::is_address),
        }
    }
    dots == 3 && digits > 0 && number <= 255
}

impl Stencil {
    #[inline]
    fn fit<'l>(&self, line: &'l [u8]) -> Option<Fit<'l>> {
        let mut pos = self.lead.len();
        if !begins(line, &self.lead) {
            return None;
        }
        let mut fit = Fit { time: b"", form: Form::Stamp, status: 0, method: b"", target: b"", client: None };
        for p in self.parts.get(..self.told)? {
            let rest = line.get(pos..)?;
            let len = match p.close {
                Close::Byte(b) => find(b, rest)?,
                Close::Quote => quote(rest, 0)?,
                Close::Length(n) => n,
                Close::Line => rest.len().checked_sub(p.after.len())?,
            };
            let value = rest.get(..len)?;
            match &p.hold {
                Hold::Free => {}
                Hold::Number => {
                    if !is_number(value) {
                        return None;
                    }
                }
                Hold::Known(values) => {
                    if !values.iter().any(|v| same(v, value)) {
                        return None;
                    }
                }
                Hold::Method(values) => {
                    if !values.iter().any(|v| same(v, value)) {
                        return None;
                    }
                    fit.method = value;
                }
                Hold::Target => {
                    if value.first() != Some(&b'/') || self.escaped && memchr(b'\\', value).is_some() {
                        return None;
                    }
                    fit.target = value;
                }
                Hold::Status => {
                    let [a, b, c] = *<&[u8; 3]>::try_from(value).ok()?;
                    if !(b'1'..=b'4').contains(&a) || !b.is_ascii_digit() || !c.is_ascii_digit() {
                        return None;
                    }
                    let digit = |d: u8| u16::from(d - b'0');
                    fit.status = digit(a) * 100 + digit(b) * 10 + digit(c);
                    if fit.status == 499 && !self.left {
                        return None;
                    }
                }
                Hold::Client { port } => {
                    let host = if *port { value.get(..memrchr(b':', value)?)? } else { value };
                    if !is_address(host) {
                        return None;
                    }
                    fit.client = Some(host);
                }
                Hold::Time(form) => {
                    fit.time = value;
                    fit.form = *form;
                }
            }
            pos += len;
            if !begins(line.get(pos..)?, &p.after) {
                return None;
            }
            pos += p.after.len();
        }
        (pos == line.len() || self.told < self.parts.len()).then_some(fit)
    }
}

impl Clock {
    fn read(&mut self, fit: &Fit<'_>, zone: Zone, reference: Time) -> Option<Time> {
        if same(&self.value, fit.time) {
            return Some(self.time);
        }
        let time = match fit.form {
            Form::Stamp => {
                let s = time::stamp(std::str::from_utf8(fit.time).ok()?, reference)?;
                (s.len == fit.time.len() && s.zone == zone).then_some(s.time)?
            }
            Form::Epoch(unit) => Time(epoch(fit.time, unit)?),
        };
        if !TIMES.contains(&time) {
            return None;
        }
        self.value.clear();
        self.value.extend_from_slice(fit.time);
        self.time = time;
        Some(time)
    }
}

/// Goes through whole lines, each with its line end: healthy requests are counted, the others kept.
pub fn scan(block: &[u8], glance: &Glance, clock: &mut Clock, tally: &mut dyn Tally) -> Scanned {
    let mut out = Scanned::default();
    let mut run: Option<Run> = None;
    let mut start = 0;
    let ascii = block.is_ascii();
    while start < block.len() {
        let rest = block.get(start..).unwrap_or_default();
        // NULs and escapes are told of by the reader; both are looked for in the same pass.
        let mut odd = false;
        let mut end = memchr3(b'\n', 0, 0x1b, rest).unwrap_or(rest.len());
        if rest.get(end).is_some_and(|c| *c != b'\n') {
            odd = true;
            end += memchr(b'\n', rest.get(end..).unwrap_or_default()).unwrap_or(rest.len() - end);
        }
        let line = rest.get(..end).unwrap_or_default();
        // So is what is no UTF-8.
        odd |= !ascii && std::str::from_utf8(line).is_err();
        let bare = line.strip_suffix(b"\r").unwrap_or(line);
        let found = if odd || bare.len() > LINE_BYTES_MAX { None } else { glance.find(bare, clock) };
        match found {
            Some((stencil, fit, at)) => {
                tally.count(&Glanced {
                    at,
                    status: fit.status,
                    method: fit.method,
                    target: fit.target,
                    client: fit.client,
                    service: stencil.service.as_deref(),
                    upstream: stencil.upstream,
                    offset: start,
                });
                out.healthy += 1;
                match &mut run {
                    Some(r) if r.format == stencil.format && r.zone == stencil.zone => {
                        r.lines += 1;
                        r.last = (at, fit.status);
                        r.earliest = r.earliest.min(at);
                        r.latest = r.latest.max(at);
                    }
                    other => {
                        if let Some(r) = other.take() {
                            out.pieces.push((Some(r), out.kept.len()..out.kept.len()));
                        }
                        *other = Some(Run {
                            format: stencil.format,
                            zone: stencil.zone,
                            lines: 1,
                            first: (at, fit.status),
                            last: (at, fit.status),
                            earliest: at,
                            latest: at,
                        });
                    }
                }
            }
            None => {
                let from = out.kept.len();
                out.kept.extend_from_slice(line);
                out.kept.push(b'\n');
                out.pieces.push((run.take(), from..out.kept.len()));
            }
        }
        start += end + 1;
    }
    out.rest = run;
    out
}

impl Glance {
    fn find<'s, 'l>(&'s self, line: &'l [u8], clock: &mut Clock) -> Option<(&'s Stencil, Fit<'l>, Time)> {
        let n = self.stencils.len();
        for k in 0..n {
            // What fitted last fits again.
            let i = (clock.stencil + k) % n;
            let Some(stencil) = self.stencils.get(i) else { continue };
            if let Some(fit) = stencil.fit(line) {
                let at = clock.read(&fit, stencil.zone, self.reference)?;
                clock.stencil = i;
                return Some((stencil, fit, at));
            }
        }
        None
    }
}
