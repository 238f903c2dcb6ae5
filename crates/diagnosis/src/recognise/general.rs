//! The general reading of an error: what its exception type, its errno, its SQLSTATE, the status of the service asked and the
//! words of its message tell, for software that nobody wrote a signature for. The words are data (`signatures/types.toml`,
//! `signatures/general.toml`); what is looked at first is decided here. A real one:
//!
//! ```text
//! com.acme.LedgerException: posting failed … Caused by: java.net.ConnectException: Connection refused
//! ```
//!
//! No signature knows Acme; the root's type and errno say that nobody listens, the frames whose connection it was.

use super::owner::{self, Owner};
use super::place::Lazy;
use super::reading::Reading;
use super::{Finding, first_line, head, place};
use record::literals::{Literals, Place};
use record::{Cause, Class, Exception, Frame, Level, Record};
use std::borrow::Cow;

// The tables of words, made by `build.rs` from `signatures/types.toml` and `signatures/general.toml`.
include!(concat!(env!("OUT_DIR"), "/general.rs"));

/// No general finding weighs more: an exact wording always does.
const WEIGHT_MAX: u8 = 45;
/// A fault of the code that a message without an exception seems to tell.
const LOOSE_WEIGHT_MAX: u8 = 34;
/// An exception that nothing is known of.
const UNKNOWN_WEIGHT: u8 = 25;
/// Of a message, this much is read.
const MESSAGE_BYTES_MAX: usize = 4 * 1024;
/// A type stands near the front of a message.
const TYPE_BYTES_MAX: usize = 512;
/// Frames that are asked whose they are.
const FRAMES_MAX: usize = 40;

/// What a word or type stands for.
#[derive(Clone, Copy)]
struct Meaning {
    cause: Means,
    weight: u8,
}

/// A cause as the tables hold it.
type Said = (Class, &'static str);

#[derive(Clone, Copy)]
enum Means {
    Cause(Class, &'static str),
    /// Of the other side of a connection; named as `upstream` names it. In the files: `peer/connection-refused`.
    Peer(&'static str),
    /// A wrapper: says nothing by itself.
    Nothing,
}

const fn capped(weight: u8) -> u8 {
    if weight < WEIGHT_MAX { weight } else { WEIGHT_MAX }
}

/// Words with what they mean, found in one pass.
struct Words {
    literals: Literals,
    meanings: &'static [(&'static str, Meaning)],
}

impl Words {
    fn of(meanings: &'static [(&'static str, Meaning)]) -> Words {
        Words { literals: Literals::of(meanings.iter().map(|(w, _)| *w), true), meanings }
    }

    /// The weightiest meaning in the text, of equals the one that ends first (the longest of those), with where it stands.
    fn best(&self, text: &str) -> Option<(Meaning, usize)> {
        let mut best: Option<(Meaning, Place)> = None;
        self.literals.each(text, |p| {
            let Some(&(_, m)) = self.meanings.get(p.word) else { return };
            let order = |m: Meaning, p: Place| (std::cmp::Reverse(m.weight), p.end, p.start, p.word);
            if best.is_none_or(|(b, at)| order(m, p) < order(b, at)) && stands_alone(text, p.start, p.end) {
                best = Some((m, p));
            }
        });
        best.map(|(m, p)| (m, p.start))
    }
}

/// Is it a word of its own, not part of a longer one?
fn stands_alone(text: &str, start: usize, end: usize) -> bool {
    let bytes = text.as_bytes();
    let is_word = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
    let first = is_word(bytes.get(start));
    let last = is_word(end.checked_sub(1).and_then(|i| bytes.get(i)));
    let before = is_word(start.checked_sub(1).and_then(|i| bytes.get(i)));
    !(first && before || last && is_word(bytes.get(end)))
}

/// Whose a name or a port is.
#[derive(Clone, Copy)]
struct Named {
    class: Class,
    service: Option<&'static str>,
}

impl Named {
    fn owner(self) -> Owner {
        Owner { class: self.class, service: self.service.map(str::to_owned) }
    }
}

/// Names of drivers, libraries and services.
struct Owners {
    names: Literals,
}

impl Owners {
    fn named(&self, text: &str, hints: bool) -> Option<Owner> {
        let mut places = Vec::new();
        self.names.each(text, |p| places.push(p));
        // The longest name at a place: `sqlite` is not `sql`.
        places.sort_unstable_by_key(|p| (p.start, std::cmp::Reverse(p.end), p.word));
        let bytes = text.as_bytes();
        let mut from = 0;
        for p in places {
            if p.start < from {
                continue;
            }
            from = p.end;
            let before = p.start.checked_sub(1).and_then(|i| bytes.get(i));
            // `MongoServerError` begins a word inside `com.MongoX`, but `spg` does not hold `pg`.
            let inside = before.is_some_and(|b| b.is_ascii_alphanumeric())
                && !bytes.get(p.start).is_some_and(u8::is_ascii_uppercase);
            // Short names must be whole words.
            let short = p.end - p.start <= 3 && bytes.get(p.end).is_some_and(u8::is_ascii_lowercase);
            if let Some((_, named, hint)) = OWNERS.get(p.word)
                && !inside
                && !short
                && *hint == hints
            {
                return Some(named.owner());
            }
        }
        None
    }

    fn by_port(&self, peer: &str) -> Option<Owner> {
        let (_, port) = peer.rsplit_once(':')?;
        Some(found(PORTS, &port.parse().ok()?)?.owner())
    }
}

/// The value of a key in a table in the order of its keys.
fn found<K: Ord, V: Copy>(table: &[(K, V)], key: &K) -> Option<V> {
    let at = table.binary_search_by(|(k, _)| k.cmp(key)).ok()?;
    table.get(at).map(|(_, v)| *v)
}

/// What an error code stands for: `42P01`, else its class, `42*`.
fn by_class(table: &[(&'static str, Said)], code: &str) -> Option<Said> {
    let class = |n: usize| found(table, &&*format!("{}*", code.get(..n)?));
    found(table, &code).or_else(|| class(2)).or_else(|| class(1))
}

/// A vendor's error numbers.
struct Numbers {
    vendor: &'static str,
    pattern: Lazy,
    /// The form is that vendor's alone; else a word of a database must be near.
    sure: bool,
    codes: &'static [(&'static str, Said)],
}

static SQLSTATE: Lazy = Lazy::new(r#"(?i)\bsql[ _]?state["']?(?:\s+code)?[\s:=\[("']*([0-9A-Z]{5})\b"#);

/// The status that another service answered with.
static STATUS: [Lazy; 2] = [
    Lazy::new(
        r#"(?i)(?:\bstatus(?:[ _]?code)?|\bHTTP(?:/\d(?:\.\d)?)?(?: error| status)?(?: code)?|responded with(?: an?)?|returned(?: an?)?|replied(?: with)?|answered(?: with)?|response(?: code| status)?|request failed with)["']?(?: (?:of|is|was|code|error|status|http))*[\s:=\["'(]*([45]\d\d)\b"#,
    ),
    Lazy::new(
        r"(?i)\b([45]\d\d)[\s:,-]*(?:Unauthorized|Forbidden|Too Many Requests|Internal Server Error|Bad Gateway|Service (?:Temporarily )?Unavailable|Gateway Time-?out|Not Found|Bad Request|Payment Required|Conflict|Unprocessable)\b",
    ),
];

/// The name of a setting, alone.
static SETTING: Lazy = Lazy::new(r#"^["'`]?([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*)["'`]?$"#);

/// The general reading.
pub(super) struct General {
    conditions: Words,
    words: Words,
    owners: Owners,
}

/// One text of a record with the exception it comes from.
pub(super) struct Site<'a> {
    exception: Option<usize>,
    kind: &'a str,
    text: Cow<'a, str>,
}

impl General {
    pub fn new() -> General {
        let names = Literals::of(OWNERS.iter().map(|(n, ..)| *n), true);
        General { conditions: Words::of(CONDITIONS), words: Words::of(WORDS), owners: Owners { names } }
    }

    /// What the record says by general words: findings with the exception (index) each comes from. `known`: a signature
    /// already tells the cause, so the last resorts are not asked.
    pub fn read<'t>(
        &self,
        reading: &Reading<'t>,
        sites: &'t [Site<'t>],
        known: bool,
    ) -> Vec<(Finding, Option<usize>)> {
        let record = reading.record;
        let chain = &record.exceptions;
        let mut out: Vec<(Finding, Option<usize>)> = Vec::new();
        let mut blind = true;
        for site in sites {
            let found = self.at(reading, site);
            if found.is_none() {
                blind = false;
            }
            for mut f in found.into_iter().flatten() {
                blind = false;
                self.fill(&mut f, reading, site);
                out.push((f, site.exception));
            }
        }
        if !known && blind && record.level != Level::Warn {
            for site in sites {
                let Some((m, at)) = self.words.best(&site.text) else { continue };
                let mut f = self.finding(m, reading, site, at);
                // Without an exception, a loose word is worth less.
                f.weight = if site.exception.is_some() { f.weight } else { f.weight.saturating_sub(6) };
                self.fill(&mut f, reading, site);
                out.push((f, site.exception));
                break;
            }
            if let Some(e) = chain.last()
                && is_error(record, e)
            {
                let name = if is_panic(&e.kind) { "assertion-or-panic" } else { "unhandled-exception" };
                let cause = Cause::new(Class::Code, name);
                let matched = format!("{}: {}", e.kind, first_line(&e.message));
                let f =
                    Finding { cause, weight: UNKNOWN_WEIGHT, matched, general: true, ..Finding::default() };
                out.push((f, Some(chain.len() - 1)));
            } else if let Some(said) = error_value(record).filter(|_| chain.is_empty() && out.is_empty()) {
                out.push((
                    Finding {
                        cause: Cause::new(Class::Code, "unhandled-exception"),
                        weight: UNKNOWN_WEIGHT,
                        matched: said.to_owned(),
                        culprit: caller(record),
                        general: true,
                        ..Finding::default()
                    },
                    None,
                ));
            }
        }
        out
    }

    /// What one text says, weightiest first; `None` if it is known to tell of no failure.
    fn at<'t>(&self, reading: &Reading<'t>, site: &'t Site<'t>) -> Option<Vec<Finding>> {
        let record = reading.record;
        let mut out = Vec::new();
        if let Some(f) = self.setting(record, site) {
            return Some(vec![f]);
        }
        if !site.kind.is_empty()
            && let Some(m) = self.by_type(site.kind)
            && !matches!(m.cause, Means::Nothing)
        {
            out.push(self.finding(m, reading, site, 0));
        }
        // A pasted last line or a logger's own form: the type stands in the message.
        if site.kind.is_empty()
            && record.exceptions.is_empty()
            && let Some((m, at)) = self.type_named(&site.text)
        {
            out.push(self.finding(m, reading, site, at));
        }
        if let Some((cause, at)) = self.by_code(reading, site) {
            let m = Meaning { cause: Means::Cause(cause.0, cause.1), weight: 42 };
            out.push(self.finding(m, reading, site, at));
        }
        // Of quiet types the words are user data as often as not.
        let quiet = out.iter().any(|f| f.cause.class == Class::Code && f.weight >= 38);
        if !quiet && let Some((m, at)) = self.conditions.best(&site.text) {
            if matches!(m.cause, Means::Nothing) {
                return None;
            }
            let socket = m.weight >= 30 && is_socket(&site.text, m.cause);
            let refused = Meaning { cause: Means::Peer("connection-refused"), weight: m.weight };
            out.push(self.finding(if socket { refused } else { m }, reading, site, at));
        }
        if !quiet && let Some((cause, at)) = self.by_status(record, site) {
            let m = Meaning { cause: Means::Cause(cause.0, cause.1), weight: 36 };
            out.push(self.finding(m, reading, site, at));
        }
        if is_warning(site.kind, &site.text) {
            // PHP goes on after a warning; what it says of disks, rights and peers is a trace all the same.
            out.retain(|f| f.cause.class != Class::Code);
            if out.is_empty() {
                return None;
            }
        }
        for f in &mut out {
            // Without an exception, such words stand in many a harmless message.
            let loose = f.cause.class == Class::Code && site.exception.is_none();
            f.weight = if loose { f.weight.min(LOOSE_WEIGHT_MAX) } else { f.weight };
        }
        out.sort_by_key(|f| std::cmp::Reverse(f.weight));
        out.dedup_by(|a, b| a.cause == b.cause);
        Some(out)
    }

    fn finding<'t>(&self, m: Meaning, reading: &Reading<'t>, site: &'t Site<'t>, at: usize) -> Finding {
        let mut f = Finding {
            weight: m.weight,
            general: true,
            matched: super::line_at(&site.text, at).to_owned(),
            ..Finding::default()
        };
        match m.cause {
            Means::Cause(class, name) => f.cause = Cause::new(class, name),
            Means::Nothing => {}
            Means::Peer(name) => {
                let owner = self.owner(reading, site.exception, &site.text);
                f.cause = match &owner {
                    Some(o) if o.class == Class::Database => of_database(name, &site.text),
                    _ => Cause::new(Class::Upstream, name),
                };
                f.service = owner.and_then(|o| o.service);
            }
        }
        f
    }

    /// The culprit, by what the cause asks for.
    fn fill<'t>(&self, f: &mut Finding, reading: &Reading<'t>, site: &'t Site<'t>) {
        if f.culprit.is_some() {
            return;
        }
        f.culprit = match (f.cause.class, f.cause.name.as_str()) {
            _ if owner::has_peer(&f.cause) => {
                reading.peer(&site.text).or_else(|| reading.peer_of(site.exception))
            }
            (Class::Database, "schema-mismatch" | "deadlock" | "lock-timeout" | "query-timeout") => {
                place::statement_object(&site.text)
            }
            (Class::Config, "permission-denied" | "missing-file") | (Class::Resource, "disk-full") => {
                place::path(&f.matched).or_else(|| place::path(&site.text))
            }
            (Class::Code, "missing-dependency") => quoted(&site.text),
            _ => None,
        };
        if f.service.is_none() && f.cause.class == Class::Database {
            f.service = self.owner(reading, site.exception, &site.text).and_then(|o| o.service);
        }
    }

    /// A setting read from the environment that is not there: Python's `KeyError: 'PAYMENT_API_KEY'` out of `os.environ`,
    /// Ruby's out of `ENV.fetch`. The name alone, without the frame that read it, must look like nothing else.
    fn setting(&self, record: &Record, site: &Site<'_>) -> Option<Finding> {
        if !matches!(short(site.kind), "KeyError" | "EnvironmentError" | "MissingEnvironmentVariable") {
            return None;
        }
        let e = site.exception.and_then(|i| record.exceptions.get(i))?;
        let said = first_line(&e.message).trim();
        let said = said.strip_prefix("key not found: ").unwrap_or(said);
        let name = SETTING.captures(said)?.get(1)?.as_str();
        let environ = |f: &Frame| {
            f.file.ends_with("/os.py")
                || f.file.ends_with("\\os.py")
                || f.file == "<frozen os>"
                || f.function.contains("ENV")
                || f.function == "fetch"
        };
        let read_there = e.frames.iter().take(3).any(environ)
            || record.message.contains("os.environ[")
            || record.message.contains("ENV.fetch");
        let telling =
            ["_KEY", "_SECRET", "_TOKEN", "_URL", "_URI", "_PASSWORD", "_DSN", "_HOST", "_PORT", "_USER"];
        let named = name.contains('_') && telling.iter().any(|t| name.ends_with(t));
        // Exact as a signature, but what tells it is a frame, which no pattern sees.
        let weight = if read_there { 80 } else { 62 };
        (read_there || named).then(|| Finding {
            signature: "environment-key".to_owned(),
            cause: Cause::new(Class::Config, "missing-setting"),
            culprit: Some(name.to_owned()),
            weight,
            matched: super::line_at(&site.text, 0).to_owned(),
            title: Some(format!("{name} is not set")),
            next: vec![
                "is it in the environment of this release (unit file, compose file, secret)?".to_owned(),
            ],
            ..Finding::default()
        })
    }

    fn by_type(&self, kind: &str) -> Option<Meaning> {
        let kind = kind.trim().trim_start_matches('\\');
        if let Some(m) = found(TYPES, &kind) {
            return Some(m);
        }
        // Node: `Error [ERR_MODULE_NOT_FOUND]`.
        if let Some(code) = kind.split_once('[').and_then(|(_, c)| c.strip_suffix(']'))
            && let Some(m) = found(TYPES, &code)
        {
            return Some(m);
        }
        let dotted = kind.replace("::", ".").replace(['\\', '/'], ".");
        if let Some(m) = found(TYPES, &&*dotted) {
            return Some(m);
        }
        let short = short(kind);
        if let Some(m) = found(TYPES, &short) {
            return Some(m);
        }
        ENDINGS.iter().find(|(s, _)| short.len() > s.len() && short.ends_with(s)).map(|(_, m)| *m)
    }

    /// The first word of a message that is a type we know, with where it stands.
    fn type_named(&self, text: &str) -> Option<(Meaning, usize)> {
        let text = head(first_line(text), TYPE_BYTES_MAX);
        let in_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '\\' | '$' | ':');
        let words = text.split(|c: char| !in_name(c)).map(|w| w.trim_matches([':', '.']));
        let ended = |w: &&str| w.ends_with("Error") || w.ends_with("Exception") || w.ends_with("Exceeded");
        words.filter(ended).filter(|w| w.len() > 6).find_map(|w| {
            let m = self.by_type(w).filter(|m| !matches!(m.cause, Means::Nothing))?;
            Some((m, text.find(w).unwrap_or(0)))
        })
    }

    fn by_code<'t>(&self, reading: &Reading<'t>, site: &'t Site<'t>) -> Option<(Said, usize)> {
        let record = reading.record;
        // MySQL's numbers are finer than the SQLSTATE HY000 before them.
        for n in &NUMBERS {
            if !n.sure {
                let o = self.owner(reading, site.exception, &site.text);
                if !o.is_some_and(|o| {
                    o.class == Class::Database && o.service.as_deref().is_none_or(|s| s == n.vendor)
                }) {
                    continue;
                }
            }
            for c in n.pattern.captures_iter(&site.text) {
                let Some(m) = c.iter().skip(1).flatten().next() else { continue };
                if let Some(cause) = found(n.codes, &m.as_str()) {
                    return Some((cause, m.start()));
                }
            }
        }
        for c in SQLSTATE.captures_iter(&site.text) {
            if let Some(m) = c.get(1)
                && let Some(cause) = by_class(SQLSTATES, &m.as_str().to_ascii_uppercase())
            {
                return Some((cause, m.start()));
            }
        }
        // Drivers of PostgreSQL put the state alone into `code`.
        if site.exception.is_none()
            && let Some((_, code)) = record.fields.iter().find(|(k, v)| is_code(k) && is_sqlstate(v))
            && self.owner(reading, None, &record.message).is_some_and(|o| o.class == Class::Database)
        {
            return by_class(SQLSTATES, code).map(|c| (c, 0));
        }
        None
    }

    fn by_status(&self, record: &Record, site: &Site<'_>) -> Option<(Said, usize)> {
        // Without an exception or an absolute URL it may be the service's own answer.
        let foreign = site.exception.is_some() && !is_own_answer(site.kind) || site.text.contains("://");
        if !foreign {
            return None;
        }
        let m = STATUS.iter().find_map(|r| r.captures(&site.text)?.get(1))?;
        let own = record
            .request
            .as_ref()
            .is_some_and(|q| site.exception.is_none() && q.upstream.is_none() && q.status.is_some());
        if own { None } else { by_class(STATUSES, m.as_str()).map(|c| (c, m.start())) }
    }

    /// Whose connection: by the type, the port, the words, the libraries the stack goes through, the rest of the chain, the
    /// logger; at last by names of the app's own files.
    pub fn owner<'t>(&self, reading: &Reading<'t>, exception: Option<usize>, text: &'t str) -> Option<Owner> {
        reading.owner(exception, text, || {
            let here = exception.and_then(|i| reading.record.exceptions.get(i));
            let by_port = |peer: Option<String>| peer.and_then(|p| self.owners.by_port(&p));
            here.and_then(|e| self.owners.named(&e.kind, false))
                .or_else(|| by_port(reading.peer(text)))
                .or_else(|| self.owners.named(text, false))
                .or_else(|| here.and_then(|e| self.by_libraries(e)))
                .or_else(|| reading.by_chain.get_or_init(|| self.by_chain(reading.record)).clone())
                .or_else(|| by_port(reading.peer_of(exception)))
                .or_else(|| reading.by_rest.get_or_init(|| self.by_rest(reading.record)).clone())
        })
    }

    fn by_libraries(&self, e: &Exception) -> Option<Owner> {
        e.frames
            .iter()
            .take(FRAMES_MAX)
            .filter(|f| !f.in_app)
            .find_map(|f| self.owners.named(&f.file, false).or_else(|| self.owners.named(&f.function, false)))
    }

    fn by_chain(&self, record: &Record) -> Option<Owner> {
        let chain = || record.exceptions.iter().rev();
        chain()
            .find_map(|e| self.owners.named(&e.kind, false))
            .or_else(|| chain().find_map(|e| self.by_libraries(e)))
            .or_else(|| chain().find_map(|e| self.owners.named(&e.message, false)))
            .or_else(|| self.owners.named(head(first_line(&record.message), MESSAGE_BYTES_MAX), false))
    }

    fn by_rest(&self, record: &Record) -> Option<Owner> {
        self.owners
            .named(record.service.as_deref().unwrap_or(""), false)
            .or_else(|| fatal_mark(record))
            .or_else(|| self.hinted(record))
    }

    fn hinted(&self, record: &Record) -> Option<Owner> {
        let frames =
            record.exceptions.iter().rev().flat_map(|e| e.frames.iter().filter(|f| f.in_app).take(3));
        frames.into_iter().find_map(|f| {
            let file = f.file.rsplit(['/', '\\']).next().unwrap_or("");
            self.owners.named(file, true).or_else(|| self.owners.named(&f.function, true))
        })
    }
}

/// mysql2 and mysqljs mark errors that end the connection with `fatal: true`; no other driver of Node.js does.
fn fatal_mark(record: &Record) -> Option<Owner> {
    let field = record.fields.iter().any(|(k, v)| v == "true" && (k == "err.fatal" || k == "error.fatal"));
    let dump = || record.message.contains("syscall: '") && record.message.contains("fatal: true");
    (field || dump()).then(|| Owner { class: Class::Database, service: Some("mysql".to_owned()) })
}

/// Endings of the files that template engines render.
static VIEW: Lazy = Lazy::new(
    r#"([^\s"'(),:\[\]]+\.(?:ejs|erb|haml|slim|twig|pug|jade|hbs|handlebars|mustache|liquid|jinja2?|j2|blade\.php|cshtml|razor|jspx?|ftlh?|vm|gsp|mako|eex|heex|leex|phtml|tpl|latte|volt|njk|marko|rhtml))(?:(?:[:(]|", line |"? at line |"? on line | line )(\d+))?"#,
);

/// The view that a record's error rose in, as `file:line`, if it did; empty when its place is not told.
pub(super) fn view_of(record: &Record) -> Option<String> {
    let chain = &record.exceptions;
    let wrapped = chain.iter().find(|e| is_view_error(&e.kind));
    let frame = chain
        .last()
        .and_then(|e| e.frames.iter().find(|f| f.in_app || is_view_frame(f)))
        .filter(|f| is_view_frame(f));
    if let Some(f) = frame {
        return Some(f.place());
    }
    // EJS and Pug put the place before the message.
    let led = chain.iter().find(|e| {
        let first = e.message.split_whitespace().next().unwrap_or("");
        first
            .rsplit_once(':')
            .is_some_and(|(file, line)| is_view_file(file) && line.bytes().all(|b| b.is_ascii_digit()))
    });
    if let Some(e) = led {
        return e.message.split_whitespace().next().map(str::to_owned);
    }
    let wrapped = wrapped?;
    let frame = chain.iter().rev().flat_map(|e| &e.frames).find(|f| is_view_frame(f));
    let told = || {
        let c = VIEW.captures(&wrapped.message)?;
        let file = c.get(1)?.as_str();
        Some(c.get(2).map_or_else(|| file.to_owned(), |n| format!("{file}:{}", n.as_str())))
    };
    Some(frame.map(Frame::place).or_else(told).unwrap_or_default())
}

fn is_view_error(kind: &str) -> bool {
    let k = short(kind);
    kind.starts_with("ActionView::")
        || kind.starts_with("Twig") && k != "LoaderError"
        || kind.starts_with("jinja2.")
        || matches!(
            k,
            "ViewException"
                | "JasperException"
                | "TemplateProcessingException"
                | "TemplateInputException"
                | "TemplateOutputException"
                | "InvalidReferenceException"
                | "TemplateError"
                | "TemplateSyntaxError"
        )
}

fn is_view_frame(f: &Frame) -> bool {
    is_view_file(&f.file)
        || f.function.contains("template code")
        || f.function.starts_with("block \"")
        || f.file.contains("/storage/framework/views/")
}

fn is_view_file(file: &str) -> bool {
    const ENDINGS: &[&str] = &[
        ".ejs",
        ".erb",
        ".haml",
        ".slim",
        ".twig",
        ".pug",
        ".jade",
        ".hbs",
        ".handlebars",
        ".mustache",
        ".liquid",
        ".jinja",
        ".jinja2",
        ".j2",
        ".blade.php",
        ".cshtml",
        ".razor",
        ".jsp",
        ".jspx",
        ".ftl",
        ".ftlh",
        ".gsp",
        ".mako",
        ".eex",
        ".heex",
        ".leex",
        ".phtml",
        ".tpl",
        ".latte",
        ".volt",
        ".njk",
        ".marko",
        ".rhtml",
        ".vm",
        "_jsp.java",
    ];
    ENDINGS.iter().any(|e| file.ends_with(e))
}

/// The texts of a record, deepest first: exceptions from the root outwards, the message, the fields.
pub(super) fn sites(record: &Record) -> Vec<Site<'_>> {
    let mut out = Vec::with_capacity(record.exceptions.len() + 2);
    for (i, e) in record.exceptions.iter().enumerate().rev() {
        let text = format!("{}: {}", e.kind, head(&e.message, MESSAGE_BYTES_MAX));
        out.push(Site { exception: Some(i), kind: &e.kind, text: Cow::Owned(text) });
    }
    if record.level >= Level::Warn || record.level == Level::Unknown || !record.exceptions.is_empty() {
        // Below the first line of a message with a trace are frames and source lines.
        let message = if record.exceptions.is_empty() {
            head(&record.message, MESSAGE_BYTES_MAX)
        } else {
            head(first_line(&record.message), MESSAGE_BYTES_MAX)
        };
        out.push(Site { exception: None, kind: "", text: Cow::Borrowed(message) });
        let mut fields = String::new();
        for (k, v) in record.fields.iter().filter(|(k, _)| tells_error(k)) {
            if fields.len() < MESSAGE_BYTES_MAX {
                fields.push_str(k);
                fields.push_str(": ");
                fields.push_str(head(v, 512));
                fields.push('\n');
            }
        }
        if !fields.is_empty() {
            out.push(Site { exception: None, kind: "", text: Cow::Owned(fields) });
        }
    }
    out
}

/// Fields whose values are an error's own words: `err.code`, `error`, `exception.message`, `reason`, `cause`.
fn tells_error(key: &str) -> bool {
    let low = key.to_ascii_lowercase();
    let last = low.rsplit('.').next().unwrap_or("");
    ["err", "exc", "cause", "reason"].iter().any(|w| low.starts_with(w) || last.starts_with(w))
        || matches!(last, "code" | "errno" | "syscall" | "sqlstate" | "detail")
}

fn is_code(key: &str) -> bool {
    let last = key.rsplit('.').next().unwrap_or("");
    last.eq_ignore_ascii_case("code") || last.eq_ignore_ascii_case("sqlstate")
}

fn is_sqlstate(value: &str) -> bool {
    value.len() == 5
        && value.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase())
        && value.bytes().any(|b| b.is_ascii_digit())
}

/// Exceptions that *are* an answer with a status, raised by the service itself: their status is no other service's.
fn is_own_answer(kind: &str) -> bool {
    matches!(
        short(kind),
        "HttpException"
            | "HTTPException"
            | "InternalServerErrorException"
            | "InternalServerError"
            | "NotFoundHttpException"
            | "ResponseStatusException"
            | "HttpError"
    )
}

/// The error of a missing socket file reads like that of a missing file.
fn is_socket(text: &str, cause: Means) -> bool {
    matches!(cause, Means::Cause(Class::Config, "missing-file"))
        && (text.contains(".sock")
            || text.contains("connect(")
            || text.contains(" connect ")
            || text.contains("s.PGSQL")
            || text.contains("to connect"))
}

/// How the vocabulary calls it when the peer is a database: a time-out while connecting says that the host does not answer.
fn of_database(name: &str, text: &str) -> Cause {
    Cause::new(Class::Database, database_word(name, text).unwrap_or("connection-lost"))
}

/// See [`of_database`]; `None` where a database has no such cause.
pub(super) fn database_word(name: &str, text: &str) -> Option<&'static str> {
    let low = text.to_ascii_lowercase();
    if name == "timeout" && (low.contains("connect") || low.contains("dial ") || low.contains("etimedout")) {
        return Some("host-unreachable");
    }
    owner::as_database(name)
}

fn is_panic(kind: &str) -> bool {
    let k = kind.to_ascii_lowercase();
    k.contains("panic") || k.contains("assert") || k.contains("abort")
}

/// Does the exception tell of a failure, rather than of a warning?
fn is_error(record: &Record, e: &Exception) -> bool {
    !is_warning(&e.kind, "") && record.level != Level::Warn
}

/// What was logged of an error value, where a request failed or the level says so: languages without exceptions (Go, Rust) print no
/// more of it than `"error":"load cart: no rate"`.
pub(super) fn error_value(record: &Record) -> Option<&str> {
    const NAMES: [&str; 6] = ["error", "err", "error.message", "err.message", "error.msg", "exception"];
    let failed = record.request.as_ref().and_then(|q| q.status).is_some_and(|s| s >= 500);
    if record.level < Level::Error && !failed || record.fields.is_empty() {
        return None;
    }
    let said = first_line(NAMES.iter().find_map(|n| record.field(n))?).trim();
    // Frameworks put the answer's own words there, and an end that the client chose is none of ours.
    let answer = said.len() < 64 && said.to_ascii_lowercase().contains("internal server error");
    let none = said.len() < 4 || matches!(said, "null" | "<nil>" | "none" | "None" | "true" | "false");
    let left = said.contains("context canceled");
    (!answer && !none && !left && said.bytes().any(|b| b.is_ascii_alphabetic())).then_some(said)
}

/// Where the logger was called: `caller` of zap and zerolog, `source` of slog, `file` of logrus, `log.origin` of ECS.
fn caller(record: &Record) -> Option<String> {
    let apart = |file: &str, line: &str| Some(format!("{}:{}", record.field(file)?, record.field(line)?));
    let place = record
        .field("caller")
        .or_else(|| record.field("source"))
        .or_else(|| record.field("file"))
        .filter(|p| p.contains(':'))
        .map(str::to_owned)
        .or_else(|| apart("source.file", "source.line"))
        .or_else(|| apart("log.origin.file.name", "log.origin.file.line"))
        .or_else(|| apart("file", "line"))?;
    let (file, line) = place.rsplit_once(':')?;
    let is_line = !line.is_empty() && line.len() < 7 && line.bytes().all(|b| b.is_ascii_digit());
    let named = file.rsplit('/').next().is_some_and(|f| f.contains('.') && !f.contains(' '));
    (is_line && named).then_some(place)
}

/// Warnings and notices of a language: the program went on.
fn is_warning(kind: &str, text: &str) -> bool {
    const MARKS: &[&str] =
        &["PHP Warning", "PHP Notice", "PHP Deprecated", "PHP Strict Standards", "PHP User Warning"];
    let named = MARKS.contains(&kind) || kind.ends_with("Warning") || matches!(kind, "Notice" | "Deprecated");
    let said = kind.is_empty() && MARKS.iter().any(|m| text.contains(m));
    named || said && !text.contains("Fatal error") && !text.contains("Uncaught")
}

/// The last segment of a type's name.
fn short(kind: &str) -> &str {
    let kind = kind.trim();
    kind.rsplit(['.', '\\', ':', '/', '$']).next().filter(|s| !s.is_empty()).unwrap_or(kind)
}

fn quoted(text: &str) -> Option<String> {
    let from = text.find(['\'', '"', '`'])?;
    let mark = text.get(from..)?.chars().next()?;
    let rest = text.get(from + 1..)?;
    let to = rest.find(mark)?;
    rest.get(..to).filter(|s| !s.is_empty() && s.len() < 200).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_patterns_compile() {
        for n in &NUMBERS {
            assert!(n.pattern.regex().is_some(), "{}", n.vendor);
        }
        let own = [&SQLSTATE, &STATUS[0], &STATUS[1], &SETTING, &VIEW];
        assert!(own.iter().all(|l| l.regex().is_some()));
    }
}
