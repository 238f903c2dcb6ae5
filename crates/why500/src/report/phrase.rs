//! How facts are put into words: numbers, spans, instants, certainty, triggers. `198`, `1.7%`, `6 min 12 s`,
//! `almost sure`.
//!
//! All outputs meant for people use these, so that a ticket, a page and a terminal say the same thing in the
//! same words.

use diagnosis::{Report, Trigger};
use record::{Class, Time, TriggerKind};
use std::borrow::Cow;
use std::fmt::Write as _;

/// Microseconds in a minute.
const MINUTE: i64 = 60 * record::SECOND;
/// Microseconds in an hour.
const HOUR: i64 = 60 * MINUTE;
/// Microseconds in a day.
const DAY: i64 = 24 * HOUR;

/// `1204` as `1,204`.
pub(crate) fn number(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, d) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(d);
    }
    out
}

/// `1 failure`, `198 failures`.
pub(crate) fn counted(n: u64, noun: &str) -> String {
    let s = if n == 1 { "" } else { "s" };
    format!("{} {noun}{s}", number(n))
}

/// `1.7%`; `0%` and `100%` are said only when exact.
pub(crate) fn percent(part: u64, whole: u64) -> String {
    if whole == 0 || part == 0 {
        return "0%".to_owned();
    }
    if part >= whole {
        return "100%".to_owned();
    }
    let p = part as f64 * 100.0 / whole as f64;
    match p {
        p if p < 0.1 => "<0.1%".to_owned(),
        p if p < 9.95 => format!("{p:.1}%"),
        p if p > 99.0 => ">99%".to_owned(),
        p => format!("{p:.0}%"),
    }
}

/// `2.1 MB`.
pub(crate) fn size(bytes: u64) -> String {
    let b = bytes as f64;
    match bytes {
        0..1_000 => counted(bytes, "byte"),
        1_000..1_000_000 => format!("{:.1} kB", b / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", b / 1e6),
        _ => format!("{:.1} GB", b / 1e9),
    }
}

/// A span of microseconds in its two largest units: `850 ms`, `42 s`, `6 min 12 s`, `2 h 5 min`, `3 d 4 h`.
pub(crate) fn span(us: i64) -> String {
    let us = us.max(0);
    let two = |whole: i64, unit: &str, rest: i64, small: &str| {
        if rest == 0 { format!("{whole} {unit}") } else { format!("{whole} {unit} {rest} {small}") }
    };
    if us < record::SECOND {
        format!("{} ms", us / 1000)
    } else if us < MINUTE {
        format!("{} s", us / record::SECOND)
    } else if us < HOUR {
        two(us / MINUTE, "min", us % MINUTE / record::SECOND, "s")
    } else if us < DAY {
        two(us / HOUR, "h", us % HOUR / MINUTE, "min")
    } else {
        two(us / DAY, "d", us % DAY / HOUR, "h")
    }
}

/// Writes instants: without the date where the whole report lies within one day, since the head line names
/// it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    dated: bool,
    /// The ends of an axis would read alike, or nearly, without seconds.
    brief: bool,
}

/// Spans shorter than this have seconds at the ends of their axes.
const BRIEF: i64 = 10 * MINUTE;

impl Clock {
    /// The clock for a report.
    pub(crate) fn of(report: &Report) -> Clock {
        let dated = report.range.is_none_or(|(from, to)| day(from) != day(to));
        let brief = report.range.is_some_and(|(from, to)| to.since(from) < BRIEF);
        Clock { dated, brief }
    }

    /// A clock that always writes the date.
    pub(crate) fn dated() -> Clock {
        Clock { dated: true, brief: false }
    }

    /// `07:12:04`, or `2026-11-24 07:12:04`.
    pub(crate) fn at(self, t: Time) -> String {
        if self.dated { format!("{} {}", day(t), time(t)) } else { time(t) }
    }

    /// As [`Clock::at`], without seconds where the report spans more than some minutes: for the ends of an axis.
    pub(crate) fn short(self, t: Time) -> String {
        if self.brief {
            return time(t);
        }
        let c = t.civil();
        if self.dated {
            format!("{:02}-{:02} {:02}:{:02}", c.month, c.day, c.hour, c.minute)
        } else {
            format!("{:02}:{:02}", c.hour, c.minute)
        }
    }
}

/// Text of our own in which instants stand as JSON has them (`2026-11-24T07:12:04.538616Z`), with each as a report writes it. What
/// is quoted stays as it was written.
pub(crate) fn instants(text: &str, clock: Clock) -> String {
    /// `2026-11-24T07:12:04Z`
    const SHORTEST: usize = 20;
    let mut out = String::with_capacity(text.len());
    let mut quoted = false;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        quoted = if quoted { c != '”' } else { c == '“' };
        let begins = !quoted && c.is_ascii_digit() && !out.ends_with(|b: char| b.is_ascii_alphanumeric());
        let end = rest.find('Z').filter(|end| begins && (SHORTEST - 1..SHORTEST + 10).contains(end));
        let word = end.and_then(|end| rest.get(..=end)).filter(|w| w.as_bytes().get(10) == Some(&b'T'));
        let read = word.and_then(|w| Some((w, formats::time::stamp(w, Time::default())?)));
        if let Some((word, stamp)) = read.filter(|(w, s)| s.len == w.len()) {
            out.push_str(&clock.at(stamp.time));
            rest = rest.get(word.len()..).unwrap_or("");
        } else {
            out.push(c);
            rest = rest.get(c.len_utf8()..).unwrap_or("");
        }
    }
    out
}

/// `2026-11-24`.
pub(crate) fn day(t: Time) -> String {
    let c = t.civil();
    format!("{:04}-{:02}-{:02}", c.year, c.month, c.day)
}

fn time(t: Time) -> String {
    let c = t.civil();
    format!("{:02}:{:02}:{:02}", c.hour, c.minute, c.second)
}

/// `2026-11-24 06:30:00 – 07:45:10 UTC`.
pub(crate) fn range(from: Time, to: Time, dash: &str) -> String {
    if day(from) == day(to) {
        format!("{} {} {dash} {} UTC", day(from), time(from), time(to))
    } else {
        format!("{} {} {dash} {} {} UTC", day(from), time(from), day(to), time(to))
    }
}

/// `502`; 0 stands for no answer at all.
pub(crate) fn status(code: u16) -> String {
    if code == 0 { "no answer".to_owned() } else { code.to_string() }
}

/// A confidence from 0 to 1 in words.
pub(crate) fn certainty(confidence: f64) -> &'static str {
    match confidence {
        c if c >= 0.9 => "sure",
        c if c >= 0.8 => "almost sure",
        c if c >= 0.65 => "likely",
        c if c >= 0.45 => "possible",
        _ => "a lead, not an answer",
    }
}

/// A confidence in whole percent, never above 100.
pub(crate) fn certainty_percent(confidence: f64) -> u8 {
    // NaN stays NaN in `clamp`, and `as` makes it 0.
    (confidence.clamp(0.0, 1.0) * 100.0).round() as u8
}

/// Whose matter a class is, as a short phrase.
pub(crate) fn class(class: Class) -> &'static str {
    match class {
        Class::Code => "the service's own code",
        Class::Config => "set-up of server or app",
        Class::Database => "the database",
        Class::Upstream => "another service",
        Class::Resource => "a limit of the machine or process",
        Class::Unknown => "not known yet",
    }
}

/// What set a problem off, as half a sentence; `None` where nothing shows.
pub(crate) fn trigger(trigger: &Trigger, first_seen: Option<Time>, clock: Clock) -> Option<String> {
    let mut out = trigger.clause()?.to_owned();
    if let Some(what) = trigger.told() {
        let _ = write!(out, ": {}", plain(what));
    }
    if let Some(at) = trigger.at.filter(|at| first_seen != Some(*at)) {
        let _ = write!(out, " ({}", clock.at(at));
        if let Some(first) = first_seen.filter(|f| *f > at) {
            let _ = write!(out, ", {} before", span(first.since(at)));
        }
        out.push(')');
    }
    Some(out)
}

/// One word for what set a problem off: the label of its mark on a timeline.
pub(crate) fn trigger_mark(kind: TriggerKind) -> &'static str {
    match kind {
        TriggerKind::Deploy => "deploy",
        TriggerKind::ConfigChange => "config change",
        TriggerKind::Dependency => "dependency",
        TriggerKind::Traffic => "traffic",
        TriggerKind::Data => "data",
        TriggerKind::None => "begin",
    }
}

/// What set a problem off, beside its sign on a time line: with a question mark where no line of the logs records it.
pub(crate) fn trigger_flag(t: &Trigger) -> String {
    format!("{}{}", trigger_mark(t.kind), if t.told().is_some() { "" } else { "?" })
}

/// The text with control characters and direction overrides shown instead of obeyed: `\x1b`, `\u{202e}`; line
/// ends and tabs become spaces. Logs hold what strangers sent; a terminal must not execute it, nor a reader
/// be shown another order of letters.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    if !text.chars().any(hidden) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\n' | '\t' => out.push(' '),
            '\r' => {}
            c if hidden(c) && u32::from(c) < 0x100 => {
                let _ = write!(out, "\\x{:02x}", u32::from(c));
            }
            c if hidden(c) => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// Controls (C0, DEL, C1), marks that reorder or hide text, line and paragraph separators, the byte order
/// mark.
fn hidden(c: char) -> bool {
    match c {
        // Zero-width marks; line and paragraph separators, embeddings and overrides; isolates; byte order mark; annotations.
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' => true,
        '\u{feff}' | '\u{fff9}'..='\u{fffb}' => true,
        c => c.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_in_our_own_words_read_as_in_the_rest_of_a_report() {
        let day = Clock { dated: false, brief: false };
        let text = "It began at 2026-11-24T07:12:04.538616Z, right after a deploy (build 2026-11-24T07).";
        assert_eq!(instants(text, day), "It began at 07:12:04, right after a deploy (build 2026-11-24T07).");
        assert_eq!(instants("at 2026-11-24T07:12:04Z", Clock::dated()), "at 2026-11-24 07:12:04");
        for same in
            ["failed: “no row for 2026-11-24T07:12:04Z”", "", "9Z", "12026-11-24T07:12:04Z", "é2026-11-24Z"]
        {
            assert_eq!(instants(same, day), same);
        }
    }

    #[test]
    fn numbers_read_as_people_write_them() {
        assert_eq!(number(7), "7");
        assert_eq!(number(1_204), "1,204");
        assert_eq!(number(12_480_000), "12,480,000");
        assert_eq!(counted(1, "failure"), "1 failure");
        assert_eq!(counted(1_204, "failure"), "1,204 failures");
        assert_eq!(size(999), "999 bytes");
        assert_eq!(size(2_113_000), "2.1 MB");
    }

    #[test]
    fn shares_are_never_rounded_to_nothing_or_all() {
        assert_eq!(percent(214, 12_480), "1.7%");
        assert_eq!(percent(1, 1_000_000), "<0.1%");
        assert_eq!(percent(99_999, 100_000), ">99%");
        assert_eq!(percent(3, 3), "100%");
        assert_eq!(percent(0, 0), "0%");
    }

    #[test]
    fn an_inferred_trigger_is_not_told_as_recorded() {
        let clock = Clock { dated: false, brief: false };
        let mut t = Trigger { kind: TriggerKind::ConfigChange, at: None, what: None };
        let told = trigger(&t, None, clock).unwrap();
        assert_eq!(told, "apparently after a configuration change, which no line records");
        t.what = Some("nginx reloaded".to_owned());
        assert_eq!(trigger(&t, None, clock).unwrap(), "after a configuration change: nginx reloaded");
    }

    #[test]
    fn the_ends_of_a_short_axis_differ() {
        let mut report = crate::report::sample::shop();
        let (from, _) = report.range.unwrap();
        assert_eq!(Clock::of(&report).short(from), "06:30");
        report.range = Some((from, from.plus(3 * record::SECOND)));
        let clock = Clock::of(&report);
        assert_eq!(clock.short(from), "06:30:00");
        assert_eq!(clock.short(from.plus(3 * record::SECOND)), "06:30:03");
    }

    #[test]
    fn spans_have_two_units_at_most() {
        assert_eq!(span(850_000), "850 ms");
        assert_eq!(span(372 * record::SECOND), "6 min 12 s");
        assert_eq!(span(2 * HOUR), "2 h");
        assert_eq!(span(3 * DAY + 4 * HOUR + 59 * MINUTE), "3 d 4 h");
        assert_eq!(span(-5), "0 ms");
    }

    #[test]
    fn a_trigger_is_told_with_how_long_before() {
        let at = Time::from_secs(1_795_503_600);
        let t = Trigger { kind: TriggerKind::Deploy, at: Some(at), what: Some("release=shop@3.8.0".into()) };
        let told = trigger(&t, Some(at.plus(12 * record::SECOND)), Clock { dated: false, brief: false });
        assert_eq!(told.as_deref(), Some("after a deploy: shop@3.8.0 (07:00:00, 12 s before)"));
        assert_eq!(trigger(&Trigger::default(), Some(at), Clock::dated()), None);
    }

    #[test]
    fn escapes_in_logs_are_shown_and_not_obeyed() {
        assert_eq!(plain("\x1b[31mred\x07"), "\\x1b[31mred\\x07");
        assert_eq!(plain("a\u{202e}b"), "a\\u{202e}b");
        assert_eq!(plain("two\nlines\r\n"), "two lines ");
        assert_eq!(plain("\u{9b}2J"), "\\x9b2J");
        assert!(matches!(plain("GET /café 500"), Cow::Borrowed(_)));
    }

    #[test]
    fn certainty_has_words() {
        assert_eq!(certainty(0.92), "sure");
        assert_eq!(certainty(0.3), "a lead, not an answer");
        assert_eq!(certainty_percent(0.926), 93);
        assert_eq!(certainty_percent(f64::NAN), 0);
        assert_eq!(certainty_percent(7.0), 100);
    }
}
