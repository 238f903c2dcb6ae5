//! Cuts a stencil from lines of one shape.

use super::{Close, Facts, Form, Hold, Part, Stencil, Witness};
use crate::{Context, Reader, time};
use memchr::{memchr, memchr2};
use record::{Mixer, Zone};
use std::hash::{Hash, Hasher};

/// More values in a line than this are no access log's.
const SPANS_MAX: usize = 64;
/// Values of a part that are remembered singly.
const KNOWN_MAX: usize = 32;

/// Where a value stands in a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    start: usize,
    end: usize,
    quoted: bool,
    number: bool,
}

impl Span {
    fn of<'a>(&self, line: &'a [u8]) -> &'a [u8] {
        line.get(self.start..self.end).unwrap_or_default()
    }
}

/// The next quote that no backslash escapes.
pub(super) fn quote(b: &[u8], from: usize) -> Option<usize> {
    let mut i = from;
    loop {
        let at = i + memchr2(b'"', b'\\', b.get(i..)?)?;
        if b.get(at) == Some(&b'"') {
            return Some(at);
        }
        i = at + 2;
    }
}

/// The values of a line, by the characters between them; `None` if they cannot be told apart.
pub(super) fn spans(line: &[u8]) -> Option<Vec<Span>> {
    let json = line.first() == Some(&b'{');
    let mut out: Vec<Span> = Vec::new();
    let mut i = 0;
    while let Some(&c) = line.get(i) {
        if out.len() > SPANS_MAX {
            return None;
        }
        match c {
            b'"' => {
                let end = quote(line, i + 1)?;
                let content = line.get(i + 1..end)?;
                let is_key = json && line.get(end + 1) == Some(&b':');
                if !is_key {
                    words(content, i + 1, &mut out);
                }
                i = end + 1;
            }
            b'[' if !json => {
                let end = i + memchr(b']', line.get(i..)?)?;
                out.push(Span { start: i + 1, end, quoted: false, number: false });
                i = end + 1;
            }
            b' ' | b'\t' | b'|' => i += 1,
            b'{' | b'}' | b'[' | b']' | b':' | b',' if json => i += 1,
            _ if json => {
                let end = line.get(i..)?.iter().position(|c| matches!(c, b',' | b'}' | b']' | b' '))? + i;
                let number = line.get(i..end)?.iter().all(|c| matches!(c, b'0'..=b'9' | b'.' | b'-'));
                if number {
                    out.push(Span { start: i, end, quoted: false, number: true });
                }
                i = end;
            }
            _ => {
                let stop = |c: &u8| matches!(c, b' ' | b'\t' | b'|' | b'"');
                let end = line.get(i..)?.iter().position(stop).map_or(line.len(), |n| n + i);
                let word = line.get(i..end)?;
                // `key=value`: the key is the layout's.
                let key = memchr(b'=', word).filter(|n| {
                    *n <= 40
                        && word
                            .get(..*n)
                            .is_some_and(|k| k.iter().all(|c| c.is_ascii_alphanumeric() || *c == b'_'))
                });
                let start = key.map_or(i, |n| i + n + 1);
                if start < end {
                    out.push(Span { start, end, quoted: false, number: false });
                }
                i = end;
            }
        }
    }
    Some(out)
}

/// A quoted value; a request line's words each for itself.
fn words(content: &[u8], at: usize, out: &mut Vec<Span>) {
    let span =
        |start: usize, end: usize| Span { start: at + start, end: at + end, quoted: true, number: false };
    let method = content.iter().take_while(|c| c.is_ascii_uppercase()).count();
    if (3..=10).contains(&method)
        && content.get(method..method + 2) == Some(b" /")
        && let Some(n) = content.get(method + 1..).and_then(|rest| memchr(b' ', rest))
    {
        let target = method + 1 + n;
        out.push(Span { quoted: false, ..span(0, method) });
        out.push(Span { quoted: false, ..span(method + 1, target) });
        out.push(span(target + 1, content.len()));
        return;
    }
    out.push(span(0, content.len()));
}

/// The shape of a line: what stands between its values, and of what kind they are.
pub(super) fn shape(line: &[u8]) -> Option<u64> {
    let spans = spans(line)?;
    let mut h = Mixer::default();
    let mut end = 0;
    for s in &spans {
        line.get(end..s.start)?.hash(&mut h);
        (s.quoted, s.number, s.start == s.end && !s.quoted).hash(&mut h);
        end = s.end;
    }
    line.get(end..)?.hash(&mut h);
    Some(h.finish())
}

/// The reader, asked what it makes of a line.
struct Oracle {
    reader: Reader,
}

impl Oracle {
    fn ask(&mut self, line: &[u8]) -> Option<Facts> {
        let mut witness = Witness { inner: None, facts: None, healthy: 0 };
        self.reader.whole(line, &mut witness);
        witness.facts.filter(|_| witness.healthy == 1)
    }
}

/// Values that would tell if anybody listened.
const WORDS: [&str; 16] = [
    "500",
    "error",
    "ERROR",
    "-",
    "0.5",
    "203.0.113.77",
    "/zz9/q",
    "GET",
    "404",
    "INFO",
    "fatal",
    "99999",
    "10.0.0.9:80",
    "POST",
    "2",
    "a b HTTP/1.1",
];
const NUMBERS: [&str; 8] = ["0", "50", "500", "17", "404", "60", "1795505294", "0.25"];

fn with(line: &[u8], span: Span, value: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(line.len() + value.len());
    out.extend_from_slice(line.get(..span.start).unwrap_or_default());
    out.extend_from_slice(value);
    out.extend_from_slice(line.get(span.end..).unwrap_or_default());
    out
}

/// A number as microseconds since 1970.
pub(super) fn epoch(value: &[u8], unit_us: i64) -> Option<i64> {
    let text = std::str::from_utf8(value).ok()?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if whole.is_empty() || whole.len() > 17 || fraction.len() > 9 {
        return None;
    }
    let digits = |t: &str| t.bytes().all(|c| c.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return None;
    }
    let mut us = whole.parse::<i64>().ok()?.checked_mul(unit_us)?;
    let mut place = unit_us;
    for d in fraction.bytes() {
        place /= 10;
        us += i64::from(d - b'0') * place;
    }
    Some(us)
}

/// Which spans hold the time, and in which form.
fn time_at(
    samples: &[(Box<[u8]>, Facts)],
    all: &[Vec<Span>],
    context: &Context,
) -> Option<(usize, usize, Form)> {
    let (line, facts) = samples.first()?;
    let first = all.first()?;
    for (a, from) in first.iter().enumerate() {
        let forms = [Form::Stamp, Form::Epoch(1), Form::Epoch(1_000), Form::Epoch(1_000_000)];
        for form in forms {
            let last = match form {
                Form::Stamp => {
                    let Some(text) = line.get(from.start..).and_then(|t| std::str::from_utf8(t).ok()) else {
                        continue;
                    };
                    let Some(s) = time::stamp(text, context.reference) else { continue };
                    if Some((s.time, s.zone)) != facts.at {
                        continue;
                    }
                    let Some(b) = first.iter().position(|p| p.end == from.start + s.len) else { continue };
                    b
                }
                Form::Epoch(_) => a,
            };
            let holds = samples.iter().zip(all).all(|((line, facts), spans)| {
                let (Some(from), Some(to)) = (spans.get(a), spans.get(last)) else { return false };
                let value = line.get(from.start..to.end).unwrap_or_default();
                read_time(value, form, facts.at.map_or(Zone::Stated, |t| t.1), context) == facts.at
            });
            if last >= a && holds {
                return Some((a, last, form));
            }
        }
    }
    None
}

/// The time that a value in this form tells; the whole value must be one.
fn read_time(value: &[u8], form: Form, zone: Zone, context: &Context) -> Option<(record::Time, Zone)> {
    match form {
        Form::Stamp => {
            let text = std::str::from_utf8(value).ok()?;
            let s = time::stamp(text, context.reference)?;
            (s.len == value.len()).then_some((s.time, s.zone))
        }
        Form::Epoch(unit) => epoch(value, unit).map(|us| (record::Time(us), zone)),
    }
}

/// The stencil that fits all samples, if the reader's facts can be found in them.
pub(super) fn cut(samples: &[(Box<[u8]>, Facts)], context: &Context) -> Option<Stencil> {
    let all: Vec<Vec<Span>> = samples.iter().map(|(l, _)| spans(l)).collect::<Option<_>>()?;
    let (base, facts) = samples.first()?;
    let first = all.first()?;
    let same = |f: &Facts| {
        (f.format, f.at.map(|t| t.1)) == (facts.format, facts.at.map(|t| t.1)) && f.service == facts.service
    };
    if samples.iter().any(|(_, f)| !same(f)) || all.iter().any(|s| s.len() != first.len()) {
        return None;
    }
    let mut oracle = Oracle { reader: Reader::unlearning(context.clone()) };
    // The reader must say of a line alone what it said of it in its file.
    if samples.iter().any(|(l, f)| oracle.ask(l).as_ref() != Some(f)) {
        return None;
    }
    let value = |k: usize, i: usize| -> &[u8] {
        match (samples.get(k), all.get(k).and_then(|s| s.get(i))) {
            (Some((line, _)), Some(span)) => span.of(line),
            _ => b"",
        }
    };
    let every = |i: usize, of: &dyn Fn(&Facts) -> Option<String>, strip: bool| {
        samples.iter().enumerate().all(|(k, (_, f))| {
            let v = value(k, i);
            let v =
                if strip { memchr::memrchr(b':', v).and_then(|n| v.get(..n)).unwrap_or_default() } else { v };
            of(f).is_some_and(|t| t.as_bytes() == v)
        })
    };
    let (time_from, time_to, form) = time_at(samples, &all, context)?;
    let timed = |i: usize| (time_from..=time_to).contains(&i);

    // Which part holds what, shown by what the reader makes of the line with that part changed.
    let mut holds: Vec<Option<Hold>> = vec![None; first.len()];
    let mut find = |of: &dyn Fn(&Facts) -> Option<String>,
                    strip: bool,
                    probe: &str,
                    want: &Facts,
                    hold: Hold,
                    holds: &mut Vec<Option<Hold>>|
     -> Option<usize> {
        let i = (0..first.len()).find(|&i| {
            !timed(i)
                && holds.get(i).is_some_and(Option::is_none)
                && every(i, of, strip)
                && first.get(i).is_some_and(|s| {
                    oracle.ask(&with(base, *s, probe.as_bytes())).is_some_and(|f| agrees(&f, want))
                })
        })?;
        *holds.get_mut(i)? = Some(hold);
        Some(i)
    };
    find(
        &|f| Some(f.status.to_string()),
        false,
        "203",
        &Facts { status: 203, ..facts.clone() },
        Hold::Status,
        &mut holds,
    )?;
    find(
        &|f| Some(f.target.clone()),
        false,
        "/zz9/why",
        &Facts { target: "/zz9/why".into(), ..facts.clone() },
        Hold::Target,
        &mut holds,
    )?;
    let other = if facts.method == "PUT" { "GET" } else { "PUT" };
    let method = find(
        &|f| Some(f.method.clone()),
        false,
        other,
        &Facts { method: other.into(), ..facts.clone() },
        Hold::Free,
        &mut holds,
    )?;
    if let Some(h) = holds.get_mut(method) {
        *h = Some(Hold::Method(known(samples.len(), |k| value(k, method))?));
    }
    if facts.client.is_some() {
        let want = Facts { client: Some("203.0.113.77".into()), ..facts.clone() };
        find(&|f| f.client.clone(), false, "203.0.113.77", &want, Hold::Client { port: false }, &mut holds)
            .or_else(|| {
            let hold = Hold::Client { port: true };
            find(&|f| f.client.clone(), true, "203.0.113.77:4711", &want, hold, &mut holds)
        })?;
    } else if samples.iter().any(|(_, f)| f.client.is_some()) {
        return None;
    }

    let status = holds.iter().position(|h| *h == Some(Hold::Status))?;
    let gone = Facts { status: 499, left: true, ..facts.clone() };
    let left = first
        .get(status)
        .is_some_and(|s| oracle.ask(&with(base, *s, b"499")).is_some_and(|f| agrees(&f, &gone)));

    // The rest: anything, or what was seen.
    let outline = shape(base)?;
    for (i, span) in first.iter().enumerate() {
        if timed(i) || holds.get(i).is_none_or(Option::is_some) {
            continue;
        }
        let constant = (1..samples.len()).all(|k| value(k, i) == value(0, i));
        let mut deaf = || {
            let probes: &[&str] = if span.number { &NUMBERS } else { &WORDS };
            probes.iter().all(|p| {
                let line = with(base, *span, p.as_bytes());
                // What would look otherwise does not fit anyway.
                shape(&line) != Some(outline) || oracle.ask(&line).is_some_and(|f| agrees(&f, facts))
            })
        };
        let hold = if constant {
            Hold::Known(vec![value(0, i).into()])
        } else if deaf() {
            if span.number { Hold::Number } else { Hold::Free }
        } else {
            Hold::Known(known(samples.len(), |k| value(k, i))?)
        };
        if let Some(h) = holds.get_mut(i) {
            *h = Some(hold);
        }
    }
    if let Some(h) = holds.get_mut(time_from) {
        *h = Some(Hold::Time(form));
    }
    Some(Stencil { left, ..assemble(samples, first, &holds, (time_from, time_to))? })
}

/// The facts agree, apart from where the proxy sent the request.
fn agrees(a: &Facts, b: &Facts) -> bool {
    *a == Facts { upstream: a.upstream, ..b.clone() }
}

fn known<'a>(n: usize, value: impl Fn(usize) -> &'a [u8]) -> Option<Vec<Box<[u8]>>> {
    let mut out: Vec<Box<[u8]>> = Vec::new();
    for k in 0..n {
        let v = value(k);
        if !out.iter().any(|o| &**o == v) {
            if out.len() >= KNOWN_MAX {
                return None;
            }
            out.push(v.into());
        }
    }
    Some(out)
}

fn assemble(
    samples: &[(Box<[u8]>, Facts)],
    spans: &[Span],
    holds: &[Option<Hold>],
    (time_from, time_to): (usize, usize),
) -> Option<Stencil> {
    let (line, facts) = samples.first()?;
    let mut lead: Vec<u8> = Vec::new();
    let mut parts: Vec<Part> = Vec::new();
    let mut after: Vec<u8> = Vec::new();
    let mut end = 0;
    let mut i = 0;
    while let Some(span) = spans.get(i) {
        let hold = holds.get(i)?.clone()?;
        let last = if i == time_from { time_to } else { i };
        let to = spans.get(last)?.end;
        after.extend_from_slice(line.get(end..span.start)?);
        match hold {
            // One value ever: it is part of the layout.
            Hold::Known(values) if values.len() == 1 && i != time_from => {
                after.extend_from_slice(values.first()?);
            }
            hold => {
                match parts.last_mut() {
                    None => lead = std::mem::take(&mut after),
                    Some(p) => p.after = std::mem::take(&mut after).into(),
                }
                let close = match line.get(to) {
                    None => Close::Line,
                    Some(_) if span.quoted && last == i => Close::Quote,
                    Some(b) if line.get(span.start..to)?.contains(b) => Close::Length(to - span.start),
                    Some(b) => Close::Byte(*b),
                };
                parts.push(Part { hold, close, after: Box::default() });
            }
        }
        end = to;
        i = last + 1;
    }
    after.extend_from_slice(line.get(end..)?);
    let tail = parts.last_mut()?;
    tail.after = after.into();
    // Two values with nothing between cannot be told apart.
    let told = parts.iter().rev().skip(1).all(|p| !p.after.is_empty());
    let escaped = line.first() == Some(&b'{');
    let keyed = |p: &Part| p.after.iter().any(|c| matches!(c, b'=' | b':'));
    let free = parts.iter().rev().take_while(|p| p.hold == Hold::Free && !keyed(p)).count();
    let last = parts.len() - free;
    // Behind the last value that tells something, names (`err=…`) would be new ones.
    let open =
        !escaped && free > 0 && last.checked_sub(1).and_then(|i| parts.get(i)).is_some_and(|p| !keyed(p));
    let parts_told = if open { last } else { parts.len() };
    told.then(|| Stencil {
        told: parts_told,
        escaped,
        left: false,
        format: facts.format,
        service: facts.service.clone(),
        upstream: samples.iter().any(|(_, f)| f.upstream),
        zone: facts.at.map_or(Zone::Stated, |t| t.1),
        lead: lead.into(),
        parts,
    })
}
