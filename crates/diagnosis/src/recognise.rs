//! Recognises causes in records: signatures (data in `signatures/*.toml`) and the general reading of what none knows.
//!
//! What is read of a record, each text for itself: the message, every exception of the chain as `Type: message`, and the
//! structured fields as `key=value` lines. A real one:
//!
//! ```text
//! SequelizeConnectionRefusedError: connect ECONNREFUSED 127.0.0.1:5432      → database/connection-refused, 127.0.0.1:5432
//! ```
//!
//! What the root of a chain of exceptions says outranks what its wrappers say; what only tells that something deeper failed
//! (a symptom) comes last.

mod general;
mod owner;
mod place;
mod reading;
mod signature;
pub(crate) mod telemetry;

use general::General;
use reading::Reading;
use record::literals::Literals;
use record::{Cause, Class, Exception, Level, Record};
use signature::Signature;
use std::borrow::Cow;
use std::sync::LazyLock;

pub use place::{path, peer, statement_object, told};

/// How far one record of this kind reaches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// One request.
    #[default]
    Request,
    /// The whole process: it died, did not start, has nothing left. All its requests fail until it is back.
    Process,
    /// Not a failure by itself, but may be what others come from (a database shutting down, a kernel kill).
    Background,
}

/// What was recognised in a record.
#[derive(Clone, Debug, Default)]
pub struct Finding {
    /// The signature's id; empty for the general reading.
    pub signature: String,
    /// Class and cause.
    pub cause: Cause,
    /// The thing to look at, where the wording names it.
    pub culprit: Option<String>,
    /// Which kind of service broke (`postgresql`, `redis`, `php-fpm`), where the wording tells.
    pub service: Option<String>,
    /// How far it reaches.
    pub scope: Scope,
    /// It says only that something deeper failed: it yields to any joined finding that is none.
    pub symptom: bool,
    /// 0 to 100: how much the wording pins down. Generic wordings 20, exact ones 80.
    pub weight: u8,
    /// The line within the message (or exception) that matched.
    pub matched: String,
    /// Plain-word title, if the signature has one.
    pub title: Option<String>,
    /// Next steps of the signature.
    pub next: Vec<String>,
    /// It came from the general reading.
    pub general: bool,
}

/// Of a message, this much is read; a Java trace with its causes is about 30 KB.
const TEXT_BYTES_MAX: usize = 64 * 1024;
/// Of one field's value, this much is read.
const VALUE_BYTES_MAX: usize = 2 * 1024;
/// All fields together.
const FIELDS_BYTES_MAX: usize = 16 * 1024;
/// Findings kept of one record: nobody looks at the tenth.
const FINDINGS_MAX: usize = 10;
/// Longest line kept as what matched.
const MATCHED_BYTES_MAX: usize = 2 * 1024;
/// Points by which the root of a chain outranks its outermost wrapper.
const ROOT_BONUS: i32 = 30;
/// Weight lost by what the program says it got over.
const HANDLED_MALUS: u8 = 25;
/// Points of a single exception over the message around it.
const EXCEPTION_BONUS: i32 = 6;

/// The compiled signatures.
pub struct Recogniser {
    signatures: Vec<Signature>,
    literals: Literals,
    /// By literal: the signature that it may open.
    opens: Vec<u32>,
    general: General,
}

/// One text of a record.
struct Text<'a> {
    text: Cow<'a, str>,
    bonus: i32,
    /// Index of the exception it comes from.
    exception: Option<usize>,
}

struct Hit {
    finding: Finding,
    rank: i32,
}

impl Recogniser {
    /// With the built-in signatures and those of further files (name, TOML text). The error names file and entry.
    pub fn new(more: &[(String, String)]) -> Result<Recogniser, String> {
        let mut signatures: Vec<Signature> = signature::built_in().collect();
        for (name, text) in more {
            let mut own = signature::load(name, text)?;
            for s in &own {
                s.check().map_err(|e| format!("{name}: signature {}: {e}", s.id()))?;
            }
            // A user's entry replaces ours of the same id.
            signatures.retain(|s| own.iter().all(|o| o.id() != s.id()));
            signatures.append(&mut own);
        }
        let each = || (0u32..).zip(&signatures).flat_map(|(i, s)| s.literals().map(move |l| (i, l)));
        Ok(Recogniser {
            literals: Literals::of(each().map(|(_, l)| l), false),
            opens: each().map(|(i, _)| i).collect(),
            general: General::new(),
            signatures,
        })
    }

    /// May an entry with this message be evidence, whatever its level? For readers that keep quiet entries only if they tell
    /// something: a message that holds no literal of any signature costs one pass.
    pub fn interesting(&self, text: &str) -> bool {
        let text = head(text, TEXT_BYTES_MAX);
        // A pattern over several lines may need lines that follow: its literal suffices.
        self.opened(text).into_iter().any(|s| s.spans_lines() || s.matches(text))
    }

    /// All that the record says about causes, best first. Never fails; may be empty.
    pub fn read(&self, record: &Record) -> Vec<Finding> {
        let texts = texts(record);
        let sites = if is_read_generally(record) { Some(general::sites(record)) } else { None };
        let reading = Reading::of(record);
        let mut hits = self.signed(&reading, &texts);
        let known = hits.iter().any(|h| !h.finding.symptom);
        if let Some(sites) = &sites {
            let mut more = self.read_generally(&reading, sites, known);
            // The general reading adds what signatures leave open, and repeats nothing.
            for h in &mut hits {
                if let Some(g) = more.iter().find(|g| g.finding.cause == h.finding.cause) {
                    let f = &mut h.finding;
                    f.culprit = f.culprit.take().or_else(|| g.finding.culprit.clone());
                    f.service = f.service.take().or_else(|| g.finding.service.clone());
                }
            }
            // What a signature calls a symptom is not made a cause by reading it again in general.
            more.retain(|g| {
                hits.iter().all(|h| {
                    let again = h.finding.cause == g.finding.cause;
                    let wider = h.finding.symptom && h.finding.cause.class == g.finding.cause.class;
                    // Known words, though they point to something deeper, say more than the type they came in.
                    let vague = g.finding.cause.is(Class::Code, "unhandled-exception")
                        || g.finding.cause.is(Class::Upstream, "error-response");
                    let valued = record.exceptions.is_empty();
                    let vaguer = vague && h.finding.symptom && (valued || h.finding.weight >= 44);
                    !again && !wider && !vaguer
                })
            });
            hits.append(&mut more);
        }
        if let Some(view) = general::view_of(record) {
            for h in &mut hits {
                into_view(&mut h.finding, &view);
            }
        }
        if is_handled_in_passing(record) {
            for h in &mut hits {
                h.finding.weight = h.finding.weight.saturating_sub(HANDLED_MALUS);
            }
        }
        hits.sort_by(|a, b| {
            let key = |h: &Hit| (h.finding.symptom, -h.rank);
            key(a).cmp(&key(b)).then_with(|| a.finding.signature.cmp(&b.finding.signature))
        });
        let mut out: Vec<Finding> = Vec::new();
        for h in hits {
            let again = |f: &Finding| f.cause == h.finding.cause && f.culprit == h.finding.culprit;
            if out.len() < FINDINGS_MAX && !out.iter().any(again) {
                out.push(h.finding);
            }
        }
        out
    }

    /// Signatures one of whose literals the text holds, each once.
    fn opened(&self, text: &str) -> Vec<&Signature> {
        let mut opened: Vec<u32> = Vec::new();
        self.literals.each(text, |p| opened.extend(self.opens.get(p.word)));
        opened.sort_unstable();
        opened.dedup();
        opened.into_iter().filter_map(|i| self.signatures.get(i as usize)).collect()
    }

    /// What signatures say, each at its best place.
    fn signed<'t>(&self, reading: &Reading<'t>, texts: &'t [Text<'t>]) -> Vec<Hit> {
        let mut hits: Vec<Hit> = Vec::new();
        for t in texts {
            for s in self.opened(&t.text) {
                let Some((mut finding, line)) = s.read(&t.text) else { continue };
                let rank = i32::from(s.weight()) + t.bonus;
                let old = hits.iter().position(|h| h.finding.signature == finding.signature);
                if let Some(h) = old.and_then(|i| hits.get_mut(i)) {
                    if finding.culprit.is_some() && h.finding.culprit.is_none() {
                        h.finding.culprit = finding.culprit.take();
                    }
                    h.rank = h.rank.max(rank);
                    continue;
                }
                self.complete(&mut finding, reading, t, line);
                hits.push(Hit { finding, rank });
            }
        }
        hits
    }

    /// Whose connection it was, and its address, where the wording itself leaves that open.
    fn complete<'t>(&self, f: &mut Finding, reading: &Reading<'t>, t: &'t Text<'t>, line: &'t str) {
        if !matches!(f.cause.class, Class::Database | Class::Upstream) {
            return;
        }
        if f.cause.class == Class::Upstream
            && f.service.is_none()
            && !f.symptom
            && let Some(o) = self.general.owner(reading, t.exception, &t.text)
        {
            if o.class == Class::Database
                && let Some(name) = general::database_word(&f.cause.name, &f.matched)
            {
                f.cause = Cause::new(Class::Database, name);
                // The title speaks of another service.
                f.title = None;
            }
            f.service = o.service;
        }
        // Patterns for `host:port` see only the end of an IPv6 address without brackets (`::1:5432`).
        if let Some(c) = f.culprit.as_mut()
            && c.starts_with(|d: char| d.is_ascii_hexdigit())
            && f.matched.contains(&format!(" ::{c}"))
        {
            c.insert_str(0, "::");
        }
        if f.culprit.is_none() && owner::has_peer(&f.cause) {
            f.culprit = reading.peer(line).or_else(|| reading.peer_of(t.exception));
        }
    }

    fn read_generally<'t>(
        &self,
        reading: &Reading<'t>,
        sites: &'t [general::Site<'t>],
        known: bool,
    ) -> Vec<Hit> {
        let found = self.general.read(reading, sites, known);
        let hits = found.into_iter().map(|(finding, exception)| {
            // A third of the points: a general word at the root does not outrank an exact one in its wrapper.
            let rank = i32::from(finding.weight) + bonus(&reading.record.exceptions, exception) / 3;
            Hit { finding, rank }
        });
        hits.collect()
    }
}

/// Is there something that general words may tell of?
fn is_read_generally(record: &Record) -> bool {
    let loud = record.level >= Level::Warn || record.level == Level::Unknown;
    !record.exceptions.is_empty()
        || loud && !(record.is_ledger() && record.level < Level::Error)
        || record.is_ledger() && general::error_value(record).is_some()
}

/// Does the message say that the program went on without what failed?
fn is_handled_in_passing(record: &Record) -> bool {
    const WORDS: &[&str] = &[
        "falling back",
        "fallback",
        "using default",
        "using cached",
        "using stale",
        "using stored",
        "using empty",
        "using the last",
        "ignoring",
        "ignored)",
        "skipping",
        "skipped",
        "left out",
        "will retry",
        "retrying",
        "answering 404",
        "answering 400",
    ];
    static LITERALS: LazyLock<Literals> = LazyLock::new(|| Literals::of(WORDS.iter().copied(), false));
    LITERALS.any(head(first_line(&record.message), VALUE_BYTES_MAX))
}

/// A fault of the code that runs inside a view is the view's: the place to look at is the template.
fn into_view(f: &mut Finding, view: &str) {
    let plain = matches!(
        f.cause.name.as_str(),
        "null-reference" | "missing-key" | "type-mismatch" | "unhandled-exception"
    );
    if f.cause.class == Class::Code && (plain || f.cause.name == "template-error") {
        if plain {
            f.cause = Cause::new(Class::Code, "template-error");
            f.title = None;
        }
        if f.culprit.is_none() && !view.is_empty() {
            f.culprit = Some(view.to_owned());
        }
    }
}

/// The texts of a record, in the order in which they are printed.
fn texts(record: &Record) -> Vec<Text<'_>> {
    let mut out = Vec::with_capacity(record.exceptions.len() + 2);
    let message = head(&record.message, TEXT_BYTES_MAX);
    out.push(Text { text: Cow::Borrowed(message), bonus: 0, exception: None });
    if let Some(plain) = unescaped(message) {
        out.push(Text { text: Cow::Owned(plain), bonus: 0, exception: None });
    }
    for (i, e) in record.exceptions.iter().enumerate() {
        let text = format!("{}: {}", e.kind, e.message);
        out.push(Text {
            text: Cow::Owned(text),
            bonus: bonus(&record.exceptions, Some(i)),
            exception: Some(i),
        });
    }
    let fields = fields(record);
    if !fields.is_empty() {
        out.push(Text { text: Cow::Owned(fields), bonus: 0, exception: None });
    }
    out
}

/// Points of the exception at this index (outermost 0) in its chain.
fn bonus(chain: &[Exception], exception: Option<usize>) -> i32 {
    let Some(i) = exception else { return 0 };
    let last = chain.len().saturating_sub(1);
    // `try: cache[key] except KeyError: ask_the_database()`: the root is how the code looks for things, no failure.
    if i > 0 && chain.get(i).is_some_and(|e| is_control_flow(e.short_kind())) {
        return 0;
    }
    if last == 0 { EXCEPTION_BONUS } else { EXCEPTION_BONUS + ROOT_BONUS * i as i32 / last as i32 }
}

/// Types that programs raise and catch in the ordinary course of things.
fn is_control_flow(kind: &str) -> bool {
    matches!(
        kind,
        "KeyError"
            | "AttributeError"
            | "IndexError"
            | "LookupError"
            | "StopIteration"
            | "Empty"
            | "DoesNotExist"
            | "ImportError"
            | "ModuleNotFoundError"
            | "CancelledError"
            | "InterruptedException"
            | "BlockingIOError"
            | "CacheMiss"
            | "WouldBlock"
    )
}

/// Fields as `key=value` lines, with what the request carries of proxies' flags.
fn fields(record: &Record) -> String {
    let mut out = String::new();
    let mut add = |k: &str, v: &str| {
        if out.len() < FIELDS_BYTES_MAX {
            out.push_str(k);
            out.push('=');
            out.push_str(head(v, VALUE_BYTES_MAX));
            out.push('\n');
        }
    };
    for (k, v) in &record.fields {
        if !is_clients(k) {
            add(k, v);
        }
    }
    if let Some(q) = &record.request {
        for (k, v) in [("flags", &q.flags), ("upstream", &q.upstream)] {
            if let Some(v) = v {
                add(k, v);
            }
        }
        if let Some(s) = q.upstream_status {
            add("upstream_status", &s.to_string());
        }
    }
    out
}

/// Fields that hold what the client sent, where anybody can write an error's words, or source code, which speaks of errors that
/// did not happen.
fn is_clients(key: &str) -> bool {
    let low = key.to_ascii_lowercase();
    ["agent", "referer", "referrer", "cookie", "headers", "query_string", "request.body", "context_line"]
        .iter()
        .any(|w| low.contains(w))
}

/// The text with JSON's or Apache's escapes undone, if it has any: `Class \"App\\Fee\" not found` inside a Monolog line.
fn unescaped(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let next = |i: usize| bytes.get(i + 1);
    if !memchr::memchr_iter(b'\\', bytes).any(|i| matches!(next(i), Some(b'"' | b'n' | b'\''))) {
        return None;
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some(e @ ('"' | '\'' | '\\' | '/')) => out.push(e),
            Some(other) => out.extend(['\\', other]),
            None => out.push('\\'),
        }
    }
    Some(out)
}

/// At most `max` bytes from the front, cut at a character.
fn head(text: &str, max: usize) -> &str {
    if text.len() <= max {
        return text;
    }
    let end = (0..=max).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(0);
    text.get(..end).unwrap_or("")
}

/// The first line, without its end.
fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or("")
}

/// The whole line of `text` that holds byte `at`.
fn line_at(text: &str, at: usize) -> &str {
    let bytes = text.as_bytes();
    let at = at.min(bytes.len());
    let from = memchr::memrchr(b'\n', bytes.get(..at).unwrap_or(&[])).map_or(0, |i| i + 1);
    let to = memchr::memchr(b'\n', bytes.get(at..).unwrap_or(&[])).map_or(bytes.len(), |i| at + i);
    head(text.get(from..to).unwrap_or("").trim(), MATCHED_BYTES_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::{Frame, Request};
    use std::sync::Arc;

    fn recogniser() -> Recogniser {
        Recogniser::new(&[]).unwrap()
    }

    fn error(message: &str) -> Record {
        Record { message: message.to_owned(), level: Level::Error, ..Record::default() }
    }

    fn thrown(chain: &[(&str, &str)]) -> Record {
        let exceptions = chain.iter().map(|(k, m)| Exception {
            kind: (*k).into(),
            message: (*m).into(),
            frames: record::Frames::default(),
        });
        Record { exceptions: exceptions.collect(), level: Level::Error, ..Record::default() }
    }

    fn frame(file: &str, function: &str, in_app: bool) -> Frame {
        Frame { file: file.into(), line: Some(12), function: function.into(), in_app, ..Frame::default() }
    }

    /// Cause and culprit of the best finding.
    fn best(r: &Record) -> (String, String) {
        let found = recogniser().read(r);
        found
            .first()
            .map(|f| (f.cause.to_string(), f.culprit.clone().unwrap_or_default()))
            .unwrap_or_default()
    }

    fn is(r: &Record, cause: &str, culprit: &str) {
        assert_eq!(best(r), (cause.to_owned(), culprit.to_owned()), "{} {:?}", r.message, r.exceptions);
    }

    #[test]
    fn the_root_of_a_chain_outranks_its_wrappers() {
        let chain = [
            (
                "org.springframework.beans.factory.BeanCreationException",
                "Error creating bean with name 'dataSource'",
            ),
            (
                "com.zaxxer.hikari.pool.HikariPool$PoolInitializationException",
                "Failed to initialize pool: Connection refused",
            ),
            (
                "org.postgresql.util.PSQLException",
                "Connection to 10.0.0.5:5432 refused. Check that the hostname and port are correct",
            ),
        ];
        is(&thrown(&chain), "database/connection-refused", "10.0.0.5:5432");
    }

    #[test]
    fn a_failed_look_up_at_the_root_is_how_the_code_searches_not_why_it_failed() {
        let chain = [
            (
                "psycopg2.OperationalError",
                "connection to server at \"db\" (10.0.0.5), port 5432 failed: Connection refused",
            ),
            ("KeyError", "'rates:EUR'"),
        ];
        is(&thrown(&chain), "database/connection-refused", "db:5432");
    }

    #[test]
    fn a_refused_connection_is_the_databases_when_a_database_driver_says_so() {
        let mut r = thrown(&[("Error", "connect ECONNREFUSED 127.0.0.1:8407")]);
        is(&r, "upstream/connection-refused", "127.0.0.1:8407");
        Arc::make_mut(&mut r.exceptions)[0].frames =
            vec![frame("/srv/app/node_modules/pg-pool/index.js", "Pool.connect", false)].into();
        is(&r, "database/connection-refused", "127.0.0.1:8407");
        let mut r = thrown(&[("java.net.ConnectException", "Connection refused")]);
        Arc::make_mut(&mut r.exceptions)[0].frames =
            vec![frame("ConnectionImpl.java", "com.mysql.cj.jdbc.ConnectionImpl.connect", false)].into();
        assert_eq!(best(&r).0, "database/connection-refused");
        let r = thrown(&[("System.Net.Sockets.SocketException", "Connection refused (cache.internal:6379)")]);
        is(&r, "upstream/connection-refused", "cache.internal:6379");
    }

    #[test]
    fn software_nobody_wrote_a_signature_for_is_read_by_its_general_words() {
        is(
            &thrown(&[("com.acme.LedgerTimeoutException", "no answer from ledger.acme.test:7000")]),
            "upstream/timeout",
            "ledger.acme.test:7000",
        );
        is(&thrown(&[("Acme::StoreError", "SQLSTATE 42P01: no such thing")]), "database/schema-mismatch", "");
        is(
            &error("quote failed: acme client: status code 429 from https://fx.acme.test/latest"),
            "upstream/rate-limited",
            "fx.acme.test",
        );
        is(
            &error("snapshot: write /srv/cache/a.bin: no space left on device"),
            "resource/disk-full",
            "/srv/cache/a.bin",
        );
        is(&thrown(&[("App.Errors.Odd", "the moon is full")]), "code/unhandled-exception", "");
        is(
            &error("celery.exceptions.SoftTimeLimitExceeded: SoftTimeLimitExceeded()"),
            "resource/execution-timeout",
            "",
        );
        is(
            &error("MongooseServerSelectionError: connect ECONNREFUSED ::1:27017"),
            "database/connection-refused",
            "::1:27017",
        );
        assert_eq!(best(&thrown(&[("panic", "the moon is full")])).0, "code/assertion-or-panic");
    }

    #[test]
    fn a_setting_missing_from_the_environment_is_no_missing_key() {
        let mut r = thrown(&[("KeyError", "'MERCHANT_ID'")]);
        is(&r, "code/missing-key", "");
        Arc::make_mut(&mut r.exceptions)[0].frames =
            vec![frame("<frozen os>", "__getitem__", false), frame("/srv/app/pay.py", "charge", true)].into();
        is(&r, "config/missing-setting", "MERCHANT_ID");
    }

    #[test]
    fn a_fault_inside_a_view_is_the_views() {
        let mut r = thrown(&[("ActionView::Template::Error", "undefined method `upcase' for nil:NilClass")]);
        Arc::make_mut(&mut r.exceptions)[0].frames =
            vec![frame("app/views/products/show.html.erb", "_app_views_products_show", true)].into();
        is(&r, "code/template-error", "app/views/products/show.html.erb:12");
    }

    #[test]
    fn warnings_that_frameworks_write_on_good_days_say_nothing() {
        let mut r = error("PHP Warning:  Undefined array key \"page\" in /srv/app/list.php on line 7");
        r.level = Level::Warn;
        assert!(recogniser().read(&r).is_empty(), "{:?}", recogniser().read(&r));
        let missing = "open() \"/srv/www/favicon.ico\" failed (2: No such file or directory), client: 203.0.113.9, server: x";
        assert!(recogniser().read(&error(missing)).is_empty(), "{:?}", recogniser().read(&error(missing)));
        let stale =
            recogniser().read(&error("rates: connect ECONNREFUSED 10.0.0.3:7000, using cached rates"));
        assert!(stale.iter().all(|f| f.weight < 50), "{stale:?}");
        let quiet =
            Record { message: "GET /null?x=timeout 200".into(), level: Level::Info, ..Record::default() };
        assert!(recogniser().read(&quiet).is_empty());
    }

    #[test]
    fn the_client_of_an_access_log_is_no_culprit() {
        let request = Request { status: Some(503), flags: Some("SC--".into()), ..Request::default() };
        let line = r#"198.51.100.7:53512 [29/Nov/2026:10:16:44.103] www app/web1 0/0/-1/-1/3004 503 217 - - SC-- 1/1/0/0/3 0/0 "GET / HTTP/1.1""#;
        // What syslog's priority says: HAProxy logs requests as info.
        let r = Record {
            message: line.into(),
            level: Level::Info,
            request: Some(Box::new(request)),
            ..Record::default()
        };
        let found = recogniser().read(&r);
        assert_eq!(
            found.first().map(|f| (f.cause.to_string(), f.culprit.clone())),
            Some(("upstream/connection-refused".into(), None))
        );
    }

    #[test]
    fn escaped_text_is_read_as_what_it_says() {
        let r = error(r#"production.ERROR: Class \"App\\Service\\ReminderFee\" not found {"userId":3}"#);
        is(&r, "code/missing-dependency", r"App\Service\ReminderFee");
    }

    #[test]
    fn fields_are_read_where_the_message_says_nothing() {
        let mut r = error("request errored");
        r.fields = vec![
            ("err.code".into(), "ECONNREFUSED".into()),
            ("err.address".into(), "10.0.0.7".into()),
            ("err.port".into(), "3306".into()),
        ];
        is(&r, "database/connection-refused", "10.0.0.7:3306");
    }

    #[test]
    fn quiet_lines_are_kept_only_if_they_may_be_evidence() {
        let r = recogniser();
        assert!(r.interesting("Out of memory: Killed process 4711 (php-fpm8.2) total-vm:2097152kB"));
        assert!(!r.interesting("GET /cart 200 12 ms"));
        assert!(!r.interesting(""));
    }

    #[test]
    fn users_add_and_replace_signatures() {
        let own = "[[signature]]\nid='acme-ledger'\ncause='upstream/load-shed'\nliterals=['LEDGER-77']\npattern='LEDGER-77 (?P<n>\\w+)'\nculprit='{n}'\nweight=90";
        let r = Recogniser::new(&[("own.toml".into(), own.into())]).unwrap();
        let found = r.read(&error("posting failed: LEDGER-77 north"));
        assert_eq!(found.first().and_then(|f| f.culprit.as_deref()), Some("north"));
        assert!(Recogniser::new(&[("own.toml".into(), own.replace("pattern='", "pattern='("))]).is_err());
    }

    #[test]
    fn the_line_that_matched_is_never_the_one_above() {
        let text = "reset failed\nTraceback (most recent call last):\n  File \"/srv/reset.py\", line 31, in reset\n    text = TEXTS[lang]\nKeyError: 'fr'";
        let findings = recogniser().read(&error(text));
        let found = findings.iter().find(|f| f.cause.name == "missing-key").unwrap();
        assert_eq!(found.matched, "KeyError: 'fr'");
    }

    #[test]
    fn any_piece_of_a_text_is_read_without_trouble() {
        let r = recogniser();
        let text = "PHP Fatal error:  Uncaught ÜError: \\\"x\\\" SQLSTATE[42S02] KeyError: 'Ä' → connect ECONNREFUSED [::1]:5432\\n#0 (";
        for (i, _) in text.char_indices() {
            let _ = (r.read(&error(&text[i..])), r.read(&thrown(&[(&text[..i], &text[i..])])));
        }
    }
}
