//! Time stamps, in all the forms that logs write them.
//!
//! [`stamp`] reads one at the very start of a text and says how long it was; formats strip their own brackets.

use record::{Civil, Time, Zone};

/// A stamp found at the start of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The instant; for [`Zone::Wall`] the wall clock read as if it were UTC.
    pub time: Time,
    /// Whether the text stated the offset.
    pub zone: Zone,
    /// Length in bytes of what was read.
    pub len: usize,
}

struct Cursor<'a> {
    b: &'a [u8],
    i: usize,
}

impl Cursor<'_> {
    fn peek(&self) -> Option<u8> {
        self.b.get(self.i).copied()
    }

    fn eat(&mut self, c: u8) -> Option<()> {
        (self.peek() == Some(c)).then(|| self.i += 1)
    }

    fn eat_any(&mut self, set: &[u8]) -> Option<u8> {
        let c = self.peek().filter(|c| set.contains(c))?;
        self.i += 1;
        Some(c)
    }

    /// Between `min` and `max` digits.
    fn num(&mut self, min: usize, max: usize) -> Option<u32> {
        let mut v = 0u32;
        let mut n = 0;
        while n < max {
            match self.peek() {
                Some(c @ b'0'..=b'9') => v = v * 10 + u32::from(c - b'0'),
                _ => break,
            }
            self.i += 1;
            n += 1;
        }
        (n >= min).then_some(v)
    }

    fn month_name(&mut self) -> Option<u32> {
        let word = self.b.get(self.i..self.i + 3)?;
        let m = month(word)?;
        self.i += 3;
        // Full names: "January"; a dot: "Sept." are eaten too.
        while matches!(self.peek(), Some(b'a'..=b'z')) {
            self.i += 1;
        }
        Some(m)
    }

    /// `HH:MM:SS` with an optional fraction after `.` or `,` (or `:` as in Apache's %{msec_frac} habits).
    fn clock(&mut self, c: &mut Civil) -> Option<()> {
        c.hour = self.num(1, 2)?;
        self.eat(b':')?;
        c.minute = self.num(2, 2)?;
        if self.peek() == Some(b':') && self.b.get(self.i + 1).is_some_and(u8::is_ascii_digit) {
            self.i += 1;
            c.second = self.num(2, 2)?;
            self.fraction(c);
        }
        Some(())
    }

    fn fraction(&mut self, c: &mut Civil) {
        if !matches!(self.peek(), Some(b'.' | b','))
            || !self.b.get(self.i + 1).is_some_and(u8::is_ascii_digit)
        {
            return;
        }
        self.i += 1;
        let mut scale = 100_000;
        while let Some(d @ b'0'..=b'9') = self.peek() {
            c.micros += u32::from(d - b'0') * scale;
            scale /= 10;
            self.i += 1;
        }
    }

    /// `Z`, `+00:00`, `+0000`, `-05`, ` UTC`, ` GMT`, ` CET`; seconds east of UTC.
    fn offset(&mut self) -> Option<i32> {
        let start = self.i;
        if self.peek() == Some(b' ') {
            self.i += 1;
        }
        let found = match self.peek() {
            Some(b'Z') if !self.b.get(self.i + 1).is_some_and(u8::is_ascii_alphanumeric) => {
                self.i += 1;
                Some(0)
            }
            Some(sign @ (b'+' | b'-')) => {
                self.i += 1;
                let from = self.i;
                self.num(2, 2).and_then(|h| {
                    let mut m = 0;
                    if self.peek() == Some(b':') && self.b.get(self.i + 1).is_some_and(u8::is_ascii_digit) {
                        self.i += 1;
                        m = self.num(2, 2)?;
                    } else if self.peek().is_some_and(|c| c.is_ascii_digit()) {
                        m = self.num(2, 2)?;
                    }
                    // "2026-11-24 07:00:00 -12345 …" is no offset.
                    if self.peek().is_some_and(|c| c.is_ascii_alphanumeric())
                        || h > 15
                        || m > 59
                        || self.i == from
                    {
                        return None;
                    }
                    let s = (h * 3600 + m * 60) as i32;
                    Some(if sign == b'-' { -s } else { s })
                })
            }
            Some(b'A'..=b'Z') => {
                let len = self.b[self.i..].iter().take_while(|c| c.is_ascii_uppercase()).count();
                let after = self.b.get(self.i + len);
                let known = zone_name(&self.b[self.i..self.i + len]);
                if known.is_some() && !after.is_some_and(|c| c.is_ascii_alphanumeric() || *c == b'_') {
                    self.i += len;
                    known
                } else {
                    None
                }
            }
            _ => None,
        };
        if found.is_none() {
            self.i = start;
        }
        found
    }
}

/// Offsets of abbreviations that servers write. Ambiguous ones (IST, CST in China) are taken in their commonest sense
/// on servers; PostgreSQL writes such names.
fn zone_name(name: &[u8]) -> Option<i32> {
    const H: i32 = 3600;
    Some(match name {
        b"UTC" | b"GMT" | b"WET" => 0,
        b"CET" | b"BST" | b"WEST" => H,
        b"CEST" | b"EET" | b"SAST" => 2 * H,
        b"EEST" | b"MSK" => 3 * H,
        b"IST" => 5 * H + 1800,
        b"HKT" | b"SGT" | b"AWST" => 8 * H,
        b"JST" | b"KST" => 9 * H,
        b"AEST" => 10 * H,
        b"AEDT" => 11 * H,
        b"NZST" => 12 * H,
        b"NZDT" => 13 * H,
        b"EST" | b"CDT" => -5 * H,
        b"EDT" => -4 * H,
        b"CST" | b"MDT" => -6 * H,
        b"MST" | b"PDT" => -7 * H,
        b"PST" => -8 * H,
        _ => return None,
    })
}

fn month(word: &[u8]) -> Option<u32> {
    const NAMES: &[u8; 36] = b"janfebmaraprmayjunjulaugsepoctnovdec";
    let low = [word[0].to_ascii_lowercase(), word[1].to_ascii_lowercase(), word[2].to_ascii_lowercase()];
    NAMES.chunks_exact(3).position(|m| m == low).map(|i| i as u32 + 1)
}

/// The day of the week at the start (`Tue `, `Tuesday, `): its length with what follows it.
fn weekday(b: &[u8]) -> usize {
    const DAYS: [&[u8]; 7] = [b"mon", b"tue", b"wed", b"thu", b"fri", b"sat", b"sun"];
    let Some(head) = b.get(..3) else { return 0 };
    if !DAYS.iter().any(|d| head.eq_ignore_ascii_case(d)) {
        return 0;
    }
    let letters = b.iter().take_while(|c| c.is_ascii_alphabetic()).count();
    let rest = b[letters..].iter().take_while(|c| matches!(c, b' ' | b',')).count();
    if rest == 0 { 0 } else { letters + rest }
}

/// Entries that state their time below their first line: what stands in that, the head of the line with the time, and its zone where
/// the head tells it. ASP.NET's events, those of Windows as Event Viewer copies them, `kubectl describe` (of what ended last).
const WITHIN: &[(&str, &str, Option<Zone>)] = &[
    ("Event code: ", "Event time (UTC): ", Some(Zone::Stated)),
    ("Event code: ", "Event time: ", None),
    ("Log Name:", "Date: ", None),
    ("Reason:", "Finished: ", None),
];

/// The time that an entry of several lines states below its first.
pub fn within(message: &str, reference: Time) -> Option<(Time, Zone)> {
    let (first, below) = message.split_once('\n')?;
    WITHIN.iter().filter(|(sign, ..)| first.contains(sign)).find_map(|(_, head, zone)| {
        let mut stated = below.lines().filter_map(|line| line.trim_start().strip_prefix(head));
        let stamp = stated.find_map(|text| stamp(text.trim_start(), reference))?;
        Some((stamp.time, zone.unwrap_or(stamp.zone)))
    })
}

/// Reads the time stamp at the very start of `text`. Known forms (each with any fraction and offset):
/// `2026-11-24T07:00:00.123Z`, `2026-11-24 07:00:00,123`, `2026-11-24  7:05:11`, `2026/11/24 07:00:00`, `2026/11/24 - 07:00:00`,
/// `24/Nov/2026:07:00:00 +0000`, `24-Nov-2026 07:00:00`, `24 Nov 2026 07:00:00`, `Tue Nov 24 07:00:00.12 2026`, `Tue, 24 Nov 2026 …`,
/// `Nov 24 07:00:00` (year from `reference`), `11/24/2026, 7:05:03 AM`, `24.11.2026 07:00:00`, `20261124 07:00:00`,
/// `261124  7:05:11`, and epoch seconds or milliseconds (`1795503600`, `1795503600.123`, `1795503600123`).
pub fn stamp(text: &str, reference: Time) -> Option<Stamp> {
    let b = text.as_bytes();
    let first = *b.first()?;
    if !first.is_ascii_digit() && !first.is_ascii_alphabetic() {
        return None;
    }
    let skip = weekday(b);
    let mut cur = Cursor { b, i: skip };
    let mut c = Civil::default();
    let start = cur.i;
    if cur.peek()?.is_ascii_alphabetic() {
        // Nov 24 07:00:00 [2026] | November 24, 2026 07:00:00 | Tue Nov 24 07:00:00.123 2026
        c.month = cur.month_name()?;
        cur.eat_any(b" ")?;
        while cur.eat(b' ').is_some() {}
        c.day = cur.num(1, 2)?;
        let comma = cur.eat(b',').is_some();
        cur.eat(b' ')?;
        while cur.eat(b' ').is_some() {}
        // A year here: "Nov 24 2026 07:00:00" (Cisco), "Nov 24, 2026 7:00:00 AM" (java.util.logging).
        let mark = cur.i;
        if let Some(y) = cur.num(4, 4)
            && (cur.eat(b' ').is_some() || cur.eat(b',').is_some())
        {
            c.year = y as i32;
            while cur.eat(b' ').is_some() {}
        } else {
            cur.i = mark;
            if comma {
                return None;
            }
        }
        cur.clock(&mut c)?;
        meridiem(&mut cur, &mut c);
        if c.year == 0 {
            let mark = cur.i;
            let offset = cur.offset();
            if cur.eat(b' ').is_some()
                && let Some(y) = cur.num(4, 4)
                && !cur
                    .peek()
                    .is_some_and(|x| x.is_ascii_alphanumeric() || x == b'-' || x == b':' || x == b'.')
                && (1970..=2199).contains(&y)
            {
                c.year = y as i32;
                return done(c, offset, cur.i);
            }
            cur.i = mark;
            return without_year(c, reference, cur);
        }
        let offset = cur.offset();
        return done(c, offset, cur.i);
    }
    let lead = b[start..].iter().take_while(|x| x.is_ascii_digit()).count();
    match lead {
        4 => {
            c.year = cur.num(4, 4)? as i32;
            let sep = cur.eat_any(b"-/.")?;
            if cur.peek()?.is_ascii_alphabetic() {
                c.month = cur.month_name()?;
            } else {
                c.month = cur.num(1, 2)?;
            }
            cur.eat(sep)?;
            c.day = cur.num(1, 2)?;
            if cur.b.get(cur.i..cur.i + 3) == Some(b" - ") {
                cur.i += 3;
            } else {
                cur.eat_any(b"T t:-_,")?;
                while cur.eat(b' ').is_some() {}
            }
            cur.clock(&mut c)?;
            meridiem(&mut cur, &mut c);
            let offset = cur.offset();
            done(c, offset, cur.i)
        }
        1 | 2 => {
            let a = cur.num(1, 2)?;
            let sep = cur.eat_any(b"/-. ")?;
            if cur.peek()?.is_ascii_alphabetic() {
                c.day = a;
                c.month = cur.month_name()?;
                cur.eat(sep).or_else(|| cur.eat(b' '))?;
                // "24 Nov 07:00:00.123" (Redis before 4) has no year.
                let mark = cur.i;
                match cur.num(4, 4) {
                    Some(y) if cur.peek().is_some_and(|x| matches!(x, b':' | b' ' | b'T' | b',')) => {
                        c.year = y as i32;
                        cur.i += 1;
                        while cur.eat(b' ').is_some() {}
                    }
                    _ => {
                        cur.i = mark;
                        cur.clock(&mut c)?;
                        return without_year(c, reference, cur);
                    }
                }
            } else {
                let b2 = cur.num(1, 2)?;
                cur.eat(sep)?;
                let digits = cur.b[cur.i..].iter().take_while(|x| x.is_ascii_digit()).count();
                c.year = match digits {
                    4 => cur.num(4, 4)? as i32,
                    2 => 2000 + cur.num(2, 2)? as i32,
                    _ => return None,
                };
                // 24/11/2026 and 24.11.2026 are day first where it must be; 11/24/2026 month first (Nest, en-US).
                (c.month, c.day) = if sep == b'.' || a > 12 { (b2, a) } else { (a, b2) };
                cur.eat(b',');
                cur.eat_any(b" T:-")?;
                while cur.eat(b' ').is_some() {}
            }
            cur.clock(&mut c)?;
            meridiem(&mut cur, &mut c);
            let offset = cur.offset();
            done(c, offset, cur.i)
        }
        8 | 6 if b.get(start + lead).is_some_and(|x| matches!(x, b' ' | b'T' | b'-')) => {
            c.year = if lead == 8 { cur.num(4, 4)? as i32 } else { 2000 + cur.num(2, 2)? as i32 };
            c.month = cur.num(2, 2)?;
            c.day = cur.num(2, 2)?;
            cur.i += 1;
            while cur.eat(b' ').is_some() {}
            if cur.b[cur.i..].iter().take_while(|x| x.is_ascii_digit()).count() == 6 {
                // 20261124T070000Z
                c.hour = cur.num(2, 2)?;
                c.minute = cur.num(2, 2)?;
                c.second = cur.num(2, 2)?;
                cur.fraction(&mut c);
            } else {
                cur.clock(&mut c)?;
            }
            let offset = cur.offset();
            done(c, offset, cur.i)
        }
        10 | 13 | 16 | 19 => {
            let len = start + lead;
            let whole: i64 = text.get(start..len)?.parse().ok()?;
            let (time, len) = match lead {
                10 => {
                    cur.i = len;
                    cur.fraction(&mut c);
                    (Time(whole.checked_mul(1_000_000)?.checked_add(i64::from(c.micros))?), cur.i)
                }
                13 => (Time(whole * 1000), len),
                16 => (Time(whole), len),
                _ => (Time(whole / 1000), len),
            };
            plausible(time).then_some(Stamp { time, zone: Zone::Stated, len })
        }
        _ => None,
    }
}

/// Epoch numbers are taken as times only from 2001 to 2100: others are ids, sizes, ports.
pub(crate) fn plausible(time: Time) -> bool {
    (978_307_200..4_102_444_800).contains(&time.secs())
}

/// The instant of a number of seconds, where it is a plausible one.
pub(crate) fn epoch(secs: i64) -> Option<Time> {
    Some(Time::from_secs(secs)).filter(|t| plausible(*t))
}

fn meridiem(cur: &mut Cursor<'_>, c: &mut Civil) {
    // "7:05:03 AM", also with U+202F (Node 20's en-US locale) between.
    let rest = &cur.b[cur.i..];
    let gap = if rest.starts_with(b" ") {
        1
    } else if rest.starts_with("\u{202f}".as_bytes()) {
        3
    } else {
        0
    };
    let pm = match rest.get(gap..gap + 2) {
        Some(b"AM" | b"am") => false,
        Some(b"PM" | b"pm") => true,
        _ => return,
    };
    if rest.get(gap + 2).is_some_and(u8::is_ascii_alphanumeric) {
        return;
    }
    cur.i += gap + 2;
    c.hour = match (c.hour, pm) {
        (12, false) => 0,
        (12, true) => 12,
        (h, true) => h + 12,
        (h, false) => h,
    };
}

fn done(c: Civil, offset: Option<i32>, len: usize) -> Option<Stamp> {
    let time = c.at_offset(offset.unwrap_or(0))?;
    Some(Stamp { time, zone: if offset.is_some() { Zone::Stated } else { Zone::Wall }, len })
}

/// The year that puts the reading nearest before (or at most two days after) the reference.
fn without_year(mut c: Civil, reference: Time, cur: Cursor<'_>) -> Option<Stamp> {
    c.year = reference.civil().year;
    let limit = reference.plus(2 * 86_400 * 1_000_000);
    let mut time = c.at_offset(0);
    if time.is_none_or(|t| t > limit) {
        c.year -= 1;
        time = c.at_offset(0);
    }
    // 29 February outside leap years: up to three years back.
    for _ in 0..3 {
        if time.is_some() {
            break;
        }
        c.year -= 1;
        time = c.at_offset(0);
    }
    Some(Stamp { time: time?, zone: Zone::Wall, len: cur.i })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (String, Zone, usize) {
        let s = stamp(text, Time::from_secs(1_795_600_000)).expect(text);
        (s.time.to_string(), s.zone, s.len)
    }

    #[test]
    fn below_the_first_line_of_an_entry() {
        let at = |text: &str| within(text, Time::from_secs(1_795_507_200)).map(|(t, z)| (t.to_string(), z));
        let event = "Event code: 3005 \nEvent message: An unhandled exception has occurred. \nEvent time: 11/24/2026 8:05:11 AM \nEvent time (UTC): 11/24/2026 7:05:11 AM \n";
        assert_eq!(at(event), Some(("2026-11-24T07:05:11Z".into(), Zone::Stated)));
        let ended = "Reason:       OOMKilled\n      Exit Code:    137\n      Finished:     Tue, 24 Nov 2026 10:01:30 +0100\n";
        assert_eq!(at(ended), Some(("2026-11-24T09:01:30Z".into(), Zone::Stated)));
        // A date of the mail or answer that is told of is not when it was told.
        assert_eq!(at("could not deliver\nDate: Tue, 24 Nov 2026 10:01:30 +0100\n"), None);
        assert_eq!(at("Log Name:      Application\nDate:          some day\n"), None);
    }

    #[test]
    fn every_form_names_the_same_instant() {
        let stated = [
            "2026-11-24T07:05:03Z rest",
            "2026-11-24T08:05:03+01:00 rest",
            "2026-11-24 07:05:03 +0000] rest",
            "2026-11-24 07:05:03 UTC [27416] LOG",
            "24/Nov/2026:07:05:03 +0000] rest",
            "24-Nov-2026 07:05:03 UTC] PHP",
            "1795503903 rest",
            "Tue, 24 Nov 2026 07:05:03 GMT rest",
            "Tue Nov 24 07:05:03 UTC 2026 rest",
        ];
        for s in stated {
            let (t, z, _) = read(s);
            assert_eq!((t.as_str(), z), ("2026-11-24T07:05:03Z", Zone::Stated), "{s}");
        }
        let wall = [
            "2026-11-24  7:05:03 0 [Note]",
            "2026/11/24 07:05:03 [error] 1#1",
            "2026/11/24 - 07:05:03 | 200",
            "24-Nov-2026 07:05:03 SEVERE",
            "24 Nov 2026 07:05:03 # oO0",
            "Tue Nov 24 07:05:03 2026] [core:error]",
            "Nov 24 07:05:03 web1 app",
            "11/24/2026, 7:05:03 AM     LOG",
            "Nov 24, 2026 7:05:03 AM org.apache",
            "261124  7:05:03 [ERROR]",
            "20261124 07:05:03 rest",
            "24/Nov/2026 07:05:03 198.51.100.1",
            "24 Nov 07:05:03 # Server",
        ];
        for s in wall {
            let (t, z, _) = read(s);
            assert_eq!((t.as_str(), z), ("2026-11-24T07:05:03Z", Zone::Wall), "{s}");
        }
    }

    #[test]
    fn fractions_and_lengths() {
        assert_eq!(read("2026-11-24 07:05:03,169 x").0, "2026-11-24T07:05:03.169Z");
        assert_eq!(read("2026-11-24T07:05:03.169123456Z x").0, "2026-11-24T07:05:03.169123Z");
        assert_eq!(
            read("Tue Nov 24 07:13:31.697237 2026] x"),
            ("2026-11-24T07:13:31.697237Z".into(), Zone::Wall, 31)
        );
        assert_eq!(read("1795503903169 x").0, "2026-11-24T07:05:03.169Z");
    }

    #[test]
    fn no_stamp_where_there_is_none() {
        for s in [
            "",
            "x",
            "GET /",
            "2026",
            "12345",
            "99/99/2026 07:00:00",
            "Marching on",
            "7",
            "2026-13-40T00:00:00Z",
            "May I",
        ] {
            assert!(stamp(s, Time::default()).is_none(), "{s}");
        }
    }
}
