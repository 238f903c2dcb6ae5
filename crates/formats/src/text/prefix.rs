//! The prefix of a line: the pieces that loggers put before a message (time, level, process, thread, logger,
//! request id),
//! each recognised by its own shape and taken off the front.
//!
//! ```text
//! 2026-11-24 08:02:18,725 WARNI [ferry.views:23][waitress-4] no such route: no-dk
//! └ stamp                 └ level └ logger:line   └ thread     └ message
//! ```
//!
//! The formats of this folder use the single pieces; `general.rs` uses [`peel`], which takes them in any
//! order.

use crate::mention::{address, is_method};
use crate::{Context, Entry, RequestRef, time};
use record::{Level, Time, Zone};
use std::borrow::Cow;

/// A time with how its offset is known.
pub(super) type Instant = (Time, Zone);

/// A bracketed group longer than this is text, not prefix.
const GROUP_BYTES: usize = 96;

/// At most so many pieces are taken off: what follows is message.
const PIECES_MAX: usize = 10;

/// A time stamp with a date at the very start; the rest of the text.
pub(super) fn stamp<'a>(text: &'a str, context: &Context) -> Option<(Instant, &'a str)> {
    let s = time::stamp(text, context.reference)?;
    let rest = text.get(s.len..)?;
    // Digits or letters right behind mean that something else was cut in two.
    if rest.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return None;
    }
    Some(((s.time, s.zone), rest))
}

/// A time stamp in brackets, `[2026-11-24 07:20:05 +0000]` or `[ 2026-11-24 … ]`; the rest of the text.
pub(super) fn bracketed_stamp<'a>(text: &'a str, context: &Context) -> Option<(Instant, &'a str)> {
    let inner = text.strip_prefix('[')?.trim_start_matches(' ');
    let (at, rest) = stamp(inner, context)?;
    let rest = rest.trim_start_matches(' ');
    if let Some(r) = rest.strip_prefix(']') {
        return Some((at, r));
    }
    // PHP writes its date.timezone: "[24-Nov-2026 08:08:21 Europe/Amsterdam]". Zones with rules are the
    // program's matter:
    // the reading stays wall-clock.
    let (zone, rest) = rest.split_once(']')?;
    let named = zone.len() <= 40
        && zone.contains('/')
        && zone.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'/' | b'_' | b'-' | b'+'));
    named.then_some((at, rest))
}

/// A time of day alone (`07:32:12.123`, `07:32:12,123`, `7:32AM`): the day is that of the file's last change,
/// or the day
/// before where it would lie ahead of it (by more than any zone can explain).
pub(super) fn clock<'a>(text: &'a str, context: &Context) -> Option<(Instant, &'a str)> {
    let b = text.as_bytes();
    let two = |i: usize| -> Option<u32> {
        let (x, y) = (b.get(i)?, b.get(i + 1)?);
        (x.is_ascii_digit() && y.is_ascii_digit()).then(|| u32::from(x - b'0') * 10 + u32::from(y - b'0'))
    };
    let (mut hour, mut i) = match (two(0), b.get(2)) {
        (Some(h), Some(b':')) => (h, 3),
        _ if b.get(1) == Some(&b':') && b.first()?.is_ascii_digit() => (u32::from(b.first()? - b'0'), 2),
        _ => return None,
    };
    let minute = two(i)?;
    i += 2;
    let (mut second, mut micros) = (0, 0);
    if b.get(i) == Some(&b':') {
        second = two(i + 1)?;
        i += 3;
        if matches!(b.get(i), Some(b'.' | b',')) && b.get(i + 1).is_some_and(u8::is_ascii_digit) {
            i += 1;
            let mut scale = 100_000;
            while let Some(d @ b'0'..=b'9') = b.get(i) {
                micros += u32::from(d - b'0') * scale;
                scale /= 10;
                i += 1;
            }
        }
    } else if !matches!(text.get(i..i + 2), Some("AM" | "PM")) {
        return None;
    }
    if let Some(half @ ("AM" | "PM")) = text.get(i..i + 2) {
        hour = hour % 12 + if half == "PM" { 12 } else { 0 };
        i += 2;
    }
    let rest = text.get(i..)?;
    if rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == ':') {
        return None;
    }
    let day = context.reference.civil();
    let at = record::Civil { hour, minute, second, micros, ..day }.at_offset(0)?;
    const AHEAD_US: i64 = 14 * 3600 * record::SECOND;
    let at = if at.since(context.reference) > AHEAD_US { at.plus(-86_400 * record::SECOND) } else { at };
    Some(((at, Zone::Clock), rest))
}

/// The inside of a group at the start and the text behind it; a group does not span lines.
pub(super) fn group(text: &str, open: char, close: char) -> Option<(&str, &str)> {
    let inner = text.strip_prefix(open)?;
    let (inner, rest) = inner.split_once(close)?;
    (inner.len() <= GROUP_BYTES).then_some((inner, rest))
}

/// The first word and the text behind the blanks that follow it.
pub(super) fn word(text: &str) -> (&str, &str) {
    match text.find([' ', '\t']) {
        Some(i) => (
            text.get(..i).unwrap_or_default(),
            text.get(i..).unwrap_or_default().trim_start_matches([' ', '\t']),
        ),
        None => (text, ""),
    }
}

/// A level's name where its place says that it is one: in brackets, between bars, behind a time. Names that
/// are as often a
/// category or a context are not taken (`[http]`, `[config]`, `[system]`).
pub(super) fn level(name: &str) -> Option<Level> {
    let name = name.trim();
    Some(match name {
        "I" => Level::Info,
        "W" => Level::Warn,
        "E" => Level::Error,
        "D" | "V" => Level::Debug,
        "F" | "C" => Level::Fatal,
        "N" => Level::Notice,
        "T" => Level::Trace,
        // Widths cut to five letters: Python's `%(levelname).5s`.
        "CRITI" | "EMERG!" => Level::Fatal,
        "NOTIC" => Level::Notice,
        "DEBU" => Level::Debug,
        "SEVER" => Level::Error,
        _ => {
            let low = name.as_bytes().first()?.to_ascii_lowercase();
            let loud = name.bytes().all(|c| c.is_ascii_uppercase());
            let vague = matches!(low, b'h' | b'c' | b's' | b'd' | b'l' | b'n' | b'e' | b'f')
                && [
                    "http",
                    "config",
                    "system",
                    "context",
                    "statement",
                    "detail",
                    "hint",
                    "log",
                    "note",
                    "exception",
                    "failure",
                    "fine",
                    "success",
                ]
                .iter()
                .any(|v| v.eq_ignore_ascii_case(name));
            if vague && !(loud && !name.starts_with("HTTP") && !name.starts_with("SYSTEM")) {
                return None;
            }
            Level::parse(name)?
        }
    })
}

/// A level word in capitals at the start, with what ends it (`ERROR `, `ERROR:`, `ERROR|`); the text behind.
pub(super) fn loud_level(text: &str) -> Option<(Level, &str)> {
    let len = text.bytes().take_while(u8::is_ascii_uppercase).count();
    if !(3..=13).contains(&len) {
        return None;
    }
    let name = text.get(..len)?;
    if matches!(
        name,
        "HTTP"
            | "SYSTEM"
            | "CONTEXT"
            | "STATEMENT"
            | "DETAIL"
            | "HINT"
            | "LOG"
            | "NOTE"
            | "EXCEPTION"
            | "FAIL"
            | "FAILURE"
    ) {
        return None;
    }
    let found = level(name)?;
    let rest = text.get(len..)?;
    match rest.bytes().next() {
        None | Some(b' ' | b'\t' | b':' | b'|' | b']' | b',' | b'-') => Some((found, rest)),
        _ => None,
    }
}

/// A process or thread number: `1234`, `1234:140090606044864`, `pid 1234:tid 5`, `#1234`, `pid: 12`, `PID
/// 12`.
pub(super) fn process(text: &str) -> Option<&str> {
    let t = text.trim();
    let t = ["pid ", "PID ", "pid:", "pid=", "PID:", "PID-", "#", "P"]
        .iter()
        .find_map(|p| t.strip_prefix(p))
        .unwrap_or(t)
        .trim_start();
    let end = t.find([':', ',', ' ', '|', '#', '.', '/']).unwrap_or(t.len());
    let (number, more) = (t.get(..end)?, t.get(end..)?);
    let digits = |s: &str| !s.is_empty() && s.len() <= 20 && s.bytes().all(|c| c.is_ascii_digit());
    let tail = more.trim_start_matches([':', ',', ' ', '#', '.', '/']);
    let tail = tail
        .strip_prefix("tid ")
        .or_else(|| tail.strip_prefix("tid="))
        .or_else(|| tail.strip_prefix('T'))
        .unwrap_or(tail);
    (digits(number) && number.len() <= 10 && (tail.is_empty() || digits(tail))).then_some(number)
}

/// Does the word look like the name of a thread or worker?
pub(super) fn is_thread(name: &str) -> bool {
    let n = name.trim();
    matches!(n, "main" | "MainThread" | "Main Thread" | "MainProcess")
        || [
            "exec-",
            "hread",
            "pool-",
            "qtp",
            "worker",
            "Worker",
            "default task",
            "dispatcher-",
            "XNIO",
            "scheduling-",
            "nio-",
            "eventloop",
            "vert.x-",
            "Catalina",
            "waitress-",
            "Dummy-",
            "ForkPool",
            "reactor-",
            "Consumer",
            "http-",
            "virtual-",
            "boundedElastic",
            "parallel-",
        ]
        .iter()
        .any(|w| n.contains(w))
}

/// Does the word look like the id of one request (UUID, hex of 16 or more, `req-…`, Apache's UNIQUE_ID,
/// ULID)?
pub(super) fn is_request_id(word: &str) -> bool {
    let b = word.as_bytes();
    if let Some(r) =
        word.strip_prefix("req-").or_else(|| word.strip_prefix("req_")).or_else(|| word.strip_prefix("req:"))
    {
        return !r.is_empty() && r.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-');
    }
    if b.len() < 16 || b.len() > 64 || !b.iter().any(u8::is_ascii_digit) {
        return false;
    }
    let hex = b.iter().all(|c| c.is_ascii_hexdigit() || *c == b'-');
    if hex && b.iter().any(u8::is_ascii_alphabetic) {
        return true;
    }
    // UNIQUE_ID (24 to 27), ULID (26), Phoenix (20), Traefik/Heroku ids: letters of both cases or capitals,
    // with digits.
    (20..=32).contains(&b.len())
        && b.iter().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'@'))
        && b.iter().filter(|c| c.is_ascii_digit()).count() >= 2
        && b.iter().filter(|c| c.is_ascii_uppercase()).count() >= 3
        && b.iter().filter(|c| matches!(c, b'-' | b'_')).count() <= 2
}

/// Does the word look like a logger, class, module or `file:line`?
pub(super) fn is_logger(word: &str) -> bool {
    let b = word.as_bytes();
    if b.is_empty()
        || b.len() > 100
        || !(b
            .iter()
            .next()
            .is_some_and(|c| c.is_ascii_alphabetic() || matches!(c, b'_' | b'.' | b'@' | b'/' | b'$' | b'<')))
    {
        return false;
    }
    let shape = b.iter().all(|c| {
        c.is_ascii_alphanumeric()
            || matches!(
                c,
                b'.' | b'_' | b'$' | b'/' | b'\\' | b':' | b'-' | b'@' | b'#' | b'<' | b'>' | b'[' | b']'
            )
    });
    // A type in this place is what was thrown, not who logs.
    let tail = word.rsplit(['.', '\\', ':', '/']).next().unwrap_or(word);
    let thrown = tail.len() > 5 && (tail.ends_with("Error") || tail.ends_with("Exception"));
    shape && !thrown && !is_method(word)
}

/// What a prefix told.
#[derive(Clone, Debug, Default)]
pub(super) struct Prefix<'a> {
    /// Time, if there was one among the pieces.
    pub at: Option<Instant>,
    /// Severity.
    pub level: Level,
    /// Process id.
    pub pid: Option<&'a str>,
    /// Thread or worker.
    pub thread: Option<&'a str>,
    /// Logger, class, module or `file:line`.
    pub logger: Option<&'a str>,
    /// Request id.
    pub id: Option<&'a str>,
    /// Trace id.
    pub trace: Option<&'a str>,
    /// Client's address.
    pub client: Option<&'a str>,
}

impl<'a> Prefix<'a> {
    /// The entry that this prefix and that message make. A logger is a field, no service: one program has
    /// many loggers.
    pub(super) fn entry(self, message: &'a str) -> Entry<'a> {
        let mut fields = Vec::new();
        if let Some(l) = self.logger {
            fields.push((Cow::Borrowed("logger"), Cow::Borrowed(l)));
        }
        if let Some(t) = self.thread.filter(|_| self.pid.is_some()) {
            fields.push((Cow::Borrowed("thread"), Cow::Borrowed(t)));
        }
        let request =
            (self.id.is_some() || self.client.is_some() || self.trace.is_some()).then(|| RequestRef {
                id: self.id.map(Cow::Borrowed),
                trace: self.trace.map(Cow::Borrowed),
                client: self.client.map(Cow::Borrowed),
                ..RequestRef::default()
            });
        Entry {
            at: self.at,
            level: self.level,
            pid: self.pid.or(self.thread).map(Cow::Borrowed),
            message: Cow::Borrowed(message),
            request,
            fields,
            ..Entry::default()
        }
    }

    /// Takes one bracketed group as a piece of the prefix; `false` if it is none.
    pub(super) fn take(&mut self, inner: &'a str, context: &Context) -> bool {
        let t = inner.trim();
        if t.is_empty() || t == "-" {
            return true;
        }
        if self.level == Level::Unknown {
            if let Some(l) = level(t) {
                self.level = l;
                return true;
            }
            // [ERROR/ForkPoolWorker-1], [main/ERROR], [app:error], [ERROR   main], [error][category] is two
            // groups.
            if let Some((a, b)) = t.split_once(['/', ':', ' ', '|']) {
                if let Some(l) = loud_level(a).filter(|(_, r)| r.is_empty()).map(|(l, _)| l) {
                    self.level = l;
                    self.side(b.trim());
                    return true;
                }
                let b = b.trim();
                if let Some(l) = loud_level(b).filter(|(_, r)| r.is_empty()).map(|(l, _)| l) {
                    self.level = l;
                    self.side(a.trim());
                    return true;
                }
            }
        }
        if let Some(p) = process(t) {
            if self.pid.is_none() {
                self.pid = Some(p);
                return true;
            }
            return p.len() == t.len() && p.len() != 3;
        }
        if self.at.is_none()
            && let Some((at, rest)) = stamp(t, context)
            && rest.is_empty()
        {
            self.at = Some(at);
            return true;
        }
        if let Some(a) = address(t) {
            self.client = self.client.or(Some(a));
            return true;
        }
        let id = [
            "request_id=",
            "request_id:",
            "requestId=",
            "req_id=",
            "RequestId:",
            "request-id:",
            "reqid:",
            "uid ",
            "id ",
        ]
        .iter()
        .find_map(|p| t.strip_prefix(p));
        if let Some(id) = id
            .map(str::trim)
            .filter(|i| !i.is_empty() && !i.contains(' '))
            .or_else(|| Some(t).filter(|t| is_request_id(t)))
        {
            self.id = self.id.or(Some(id));
            return true;
        }
        // Sleuth and Micrometer: [app,traceid,spanid], [traceid-spanid].
        if let Some(trace) = t
            .split([',', '-'])
            .find(|p| matches!(p.len(), 16 | 32) && p.bytes().all(|c| c.is_ascii_hexdigit()))
            && t.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b',' | b'-' | b'_' | b'.'))
        {
            self.trace = self.trace.or(Some(trace));
            return true;
        }
        if is_thread(t) && t.len() <= 64 {
            self.thread = self.thread.or(Some(t));
            return true;
        }
        if is_logger(t) && (self.logger.is_none() || self.thread.is_none()) {
            if self.logger.is_none() {
                self.logger = Some(t)
            } else {
                self.thread = Some(t)
            }
            return true;
        }
        false
    }

    fn side(&mut self, text: &'a str) {
        if is_thread(text) {
            self.thread = self.thread.or(Some(text));
        } else if let Some(p) = process(text) {
            self.pid = self.pid.or(Some(p));
        } else if is_logger(text) {
            self.logger = self.logger.or(Some(text));
        }
    }
}

/// Takes prefix pieces off the front of the text, in any order, until something is no clear piece; returns
/// the message.
pub(super) fn peel<'a>(text: &'a str, prefix: &mut Prefix<'a>, context: &Context) -> &'a str {
    let mut rest = text;
    for piece in 0..PIECES_MAX {
        let t = rest.trim_start_matches([' ', '\t']);
        let t = t.strip_prefix("| ").or_else(|| t.strip_prefix('|')).unwrap_or(t);
        // Between pieces: "- ", "-- ", "--- ", ": ".
        let dashed = t.trim_start_matches('-');
        let t = if dashed.len() != t.len() && t.len() - dashed.len() <= 3 && dashed.starts_with([' ', '\t']) {
            dashed
        } else {
            t
        };
        let t = t.strip_prefix(": ").or_else(|| t.strip_prefix(':').filter(|_| piece > 0)).unwrap_or(t);
        let t = t.trim_start_matches([' ', '\t']);
        match one(t, prefix, context) {
            Some(r) => rest = r,
            None => return t,
        }
    }
    rest.trim_start_matches([' ', '\t'])
}

/// One piece off the front.
fn one<'a>(t: &'a str, prefix: &mut Prefix<'a>, context: &Context) -> Option<&'a str> {
    match t.bytes().next()? {
        b'[' => {
            let (inner, rest) = group(t, '[', ']')?;
            // "[a] [b]", "[a][b] msg", "[a]: msg"; "[0]=x" and "[x](y)" are text.
            (rest.is_empty() || rest.starts_with([' ', '\t', '[', ':', '(', '<', '-', ','])).then_some(())?;
            prefix.take(inner, context).then(|| rest.strip_prefix(':').unwrap_or(rest))
        }
        b'(' if prefix.level != Level::Unknown => {
            let (inner, rest) = group(t, '(', ')')?;
            // WildFly and Quarkus: (default task-1); Laminas: ERR (3): msg; Kafka's and glog's places:
            // (Server.scala:12).
            if is_thread(inner) && rest.starts_with([' ', ':']) {
                prefix.thread = prefix.thread.or(Some(inner.trim()));
                return Some(rest);
            }
            let small = inner.len() == 1 && inner.bytes().all(|c| c.is_ascii_digit());
            (small && rest.starts_with(": ")).then_some(rest)
        }
        b'<' => {
            // Erlang: <0.123.0>.
            let (inner, rest) = group(t, '<', '>')?;
            (inner.starts_with("0.") && inner.bytes().all(|c| c.is_ascii_digit() || c == b'.'))
                .then(|| prefix.pid = Some(inner))?;
            Some(rest)
        }
        b'0'..=b'9' => {
            let (w, rest) = word(t);
            let number = w.trim_end_matches([':', '|']);
            if number.len() > 10 || !number.bytes().all(|c| c.is_ascii_digit()) || prefix.pid.is_some() {
                return None;
            }
            // A number is a process only where a level follows, a separator follows, or a logger stood before
            // (Django's
            // verbose layouts) and it cannot be an HTTP status or a count.
            let (next, _) = word(rest);
            let next_level = loud_level(rest).is_some()
                || (next.starts_with('[') && level(next.trim_matches(['[', ']'])).is_some());
            let second = next.len() >= 3 && next.len() <= 20 && next.bytes().all(|c| c.is_ascii_digit());
            let bounded = rest.starts_with("---") || rest.starts_with("- ") || w.ends_with('|');
            if next_level && prefix.level == Level::Unknown
                || bounded
                || (prefix.logger.is_some() && (number.len() >= 4 || second))
            {
                prefix.pid = Some(number);
                return Some(if second { word(rest).1 } else { rest });
            }
            None
        }
        _ => named(t, prefix),
    }
}

/// A level or a logger's name off the front.
fn named<'a>(t: &'a str, prefix: &mut Prefix<'a>) -> Option<&'a str> {
    if prefix.level == Level::Unknown {
        if let Some((l, rest)) = loud_level(t) {
            prefix.level = l;
            return Some(rest.strip_prefix([':', ',']).unwrap_or(rest));
        }
        let len = t.bytes().take_while(u8::is_ascii_alphabetic).count();
        if let Some(l) = t.get(..len).and_then(level).filter(|_| len > 2) {
            let rest = t.get(len..)?;
            let lower = t.starts_with(|c: char| c.is_ascii_lowercase());
            // "error: msg", "error | msg", "error - msg", "error<tab>msg", "error   msg", "info Server
            // started". Prose like
            // "error reading file" keeps its word, and "Error: boom" is a type: those only tell the level.
            let next = rest.trim_start_matches([' ', '\t']);
            let wide = rest.starts_with("  ")
                || rest.starts_with('\t')
                || next.starts_with(['|', '['])
                || next.starts_with("- ");
            let taken = rest.starts_with(':') && lower
                || wide
                || lower && rest.starts_with(' ') && next.starts_with(|c: char| c.is_uppercase());
            if rest.is_empty() || rest.starts_with([':', ' ', '\t', '|']) {
                prefix.level = l;
                return taken.then(|| rest.strip_prefix(':').unwrap_or(rest));
            }
        }
    }
    if prefix.logger.is_some() {
        return None;
    }
    let (w, rest) = word(t);
    let (name, ended) = match w.strip_suffix([':', '|', ',']) {
        Some(n) => (n, true),
        None => (w, false),
    };
    if !is_logger(name) || rest.is_empty() {
        return None;
    }
    let dotted =
        name.contains(['.', '\\']) && !name.starts_with('/') || name.contains("::") || name.contains(':');
    let known = prefix.level != Level::Unknown;
    // A Ruby constant with its module is an exception's type: Sinatra writes "time - PG::UndefinedColumn -
    // ERROR: …".
    if name.contains("::") && name.starts_with(|c: char| c.is_ascii_uppercase()) {
        return None;
    }
    // Before the level only layouts of "a - b - c" or "a | b | c" put it, or the level comes next.
    let separated =
        rest.starts_with("- ") || rest.starts_with(": ") || rest.starts_with("| ") || w.ends_with('|');
    let level_next = !known && loud_level(rest.trim_start_matches(['-', '|', ' '])).is_some();
    let packaged =
        name.split('.').count() >= 3 && name.bytes().next().is_some_and(|c| c.is_ascii_lowercase()) && known;
    let numbered = known
        && dotted
        && rest.split(' ').next().is_some_and(|n| n.len() >= 3 && n.bytes().all(|c| c.is_ascii_digit()));
    if (known && (dotted && ended || separated)) || level_next || packaged || numbered {
        // Karaf's columns: "… | ERROR | qtp1-12 | AbstractRepository | 12 - bundle | msg".
        if separated && is_thread(name) && prefix.thread.is_none() {
            prefix.thread = Some(name)
        } else {
            prefix.logger = Some(name)
        }
        return Some(rest);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_day_gets_the_day_of_the_file() {
        let context = Context { reference: Time::from_secs(1_795_507_200), ..Context::default() }; // 2026-11-24T08:00:00Z
        let at = |s| clock(s, &context).map(|((t, _), r)| (t.to_string(), r.to_owned()));
        assert_eq!(
            at("07:32:12.123 [error] x"),
            Some(("2026-11-24T07:32:12.123Z".into(), " [error] x".into()))
        );
        assert_eq!(at("23:59:59,5 x"), Some(("2026-11-23T23:59:59.500Z".into(), " x".into())));
        assert_eq!(at("7:32PM x").map(|x| x.0), Some("2026-11-24T19:32:00Z".into()));
        assert_eq!(at("12:00:00:00"), None);
        assert_eq!(at("10:3"), None);
        assert_eq!(at("10:30 x"), None);
    }

    #[test]
    fn levels_are_told_from_categories() {
        assert_eq!(level("error    "), Some(Level::Error));
        assert_eq!(level("http"), None);
        assert_eq!(level("config"), None);
        assert_eq!(level("CONFIG"), Some(Level::Info));
        assert_eq!(level("WRN"), Some(Level::Warn));
        assert_eq!(loud_level("HTTP 500"), None);
        assert_eq!(loud_level("ERRORS in"), None);
    }

    #[test]
    fn ids_are_told_from_words() {
        for id in [
            "awU-1SKCSZFiJn9AEFkBDgAAAAI",
            "86ab05df-61c8-4e26-b504-68b6e6e707f5",
            "req-1z",
            "F9x2KQJmPZJ3zwQAAABj",
            "f7074af516c2bf673d42813bbd1e03e6",
        ] {
            assert!(is_request_id(id), "{id}");
        }
        for no in
            ["RequestHandlerRegistry", "http-nio-8080-exec-10", "1226033", "DispatcherServlet", "waitress-4"]
        {
            assert!(!is_request_id(no), "{no}");
        }
    }
}
