//! Log records of OpenTelemetry to records, and to lines where only the body says something.
//!
//! ```text
//! body "Exception on /cart/17 [GET]", severity 17, exception.type, exception.stacktrace, trace id    a record
//! body "127.0.0.1 - - [24/Nov/2026 07:29:37] \"GET /cart/17 HTTP/1.1\" 500 -"                          a line
//! body {"msg": "pay failed", "err": {…}}                                                            a line of JSON
//! ```

use crate::attributes::{Attributes, Value};
use crate::spans::{FIELDS_MAX, Origin, Trace, dated, first_line};
use crate::thrown::{self, head};
use crate::{Line, Taken};
use record::{Level, Request, Time, Zone};
use serde_json::Value as Json;
use std::borrow::Cow;

/// Bytes of one message, one field.
const MESSAGE_BYTES_MAX: usize = 64 * 1024;
const VALUE_BYTES_MAX: usize = 4 * 1024;

/// What a log record says.
#[derive(Clone, Debug, Default)]
pub(super) enum Body<'a> {
    #[default]
    Empty,
    Text(Cow<'a, str>),
    /// Structured.
    Tree(Json),
}

/// One log record.
#[derive(Clone, Debug, Default)]
pub(super) struct Log<'a> {
    pub at_ns: u64,
    pub observed_ns: u64,
    /// 1 to 24, 0 where none is stated.
    pub severity: u64,
    pub severity_text: Cow<'a, str>,
    pub body: Body<'a>,
    pub attributes: Attributes<'a>,
    pub trace: u128,
    pub event: Cow<'a, str>,
}

/// Takes the log records of one body.
pub(super) struct Logs<'t> {
    taken: &'t mut Taken,
    now: Time,
    origin: Origin,
    count: u64,
    thrown: u64,
}

impl<'t> Logs<'t> {
    pub fn new(taken: &'t mut Taken, now: Time) -> Logs<'t> {
        Logs { taken, now, origin: Origin::default(), count: 0, thrown: 0 }
    }

    /// Those that follow come from this resource.
    pub fn from(&mut self, resource: &Attributes<'_>) {
        self.origin = Origin::of(resource, self.taken);
    }

    /// Reads one log record; `scope` is the logger's name.
    pub fn take(&mut self, log: &Log<'_>, scope: &str) {
        self.count += 1;
        let ns = if log.at_ns == 0 { log.observed_ns } else { log.at_ns };
        let at = dated(ns, self.now);
        let level = level(log.severity, &log.severity_text);
        let a = &log.attributes;
        let is_thrown = a.has(&["exception.type", "exception.message", "exception.stacktrace"]);
        if log.event == "exception" {
            self.thrown += 1;
        }
        if let Some(object) = object(&log.body) {
            let line = self.line(log, scope, at, level, with_ids(object, log, at, level));
            return self.taken.lines.push(line);
        }
        let text = match &log.body {
            Body::Text(t) => Cow::Borrowed(&**t),
            Body::Tree(j) => Cow::Owned(j.to_string()),
            Body::Empty => Cow::Borrowed(""),
        };
        // Loggers that hang an error on an entry (pino, winston, Monolog, zap) each do it in their way: the readers of JSON know them.
        if !is_thrown && a.0.iter().any(|(name, _)| holds_an_error(name)) {
            let object = serde_json::Map::from_iter([("message".to_owned(), Json::from(text))]);
            let line = self.line(log, scope, at, level, with_ids(object, log, at, level));
            return self.taken.lines.push(line);
        }
        let says_more = log.trace != 0
            || is_thrown
            || a.has(&["http.response.status_code", "http.status_code", "http.route", "url.path"]);
        let status =
            a.int(&["http.response.status_code", "http.status_code"]).and_then(|s| u16::try_from(s).ok());
        let loud = level >= Level::Warn || is_thrown || status.is_some_and(|s| s >= 500);
        if !says_more || !loud {
            if text.trim().is_empty() {
                return self.taken.drop("log record without a message");
            }
            let line = self.line(log, scope, at, level, text.into_owned());
            return self.taken.lines.push(line);
        }
        self.record(log, scope, at, level, &text);
    }

    /// A line as the app wrote it. Its service is qualified by the logger or the file, so that access logs that come this way are
    /// another log than the spans of the same requests.
    fn line(&self, log: &Log<'_>, scope: &str, at: Time, level: Level, text: String) -> Line {
        let a = &log.attributes;
        let file = a.text(&["log.file.path", "log.file.name", "log.iostream"]).unwrap_or_default();
        let writer = if scope.is_empty() { file.rsplit('/').next().unwrap_or("") } else { scope };
        let writer = if writer.is_empty() { "log" } else { writer };
        let o = &self.origin;
        let service = o.service.as_ref().map_or_else(|| writer.to_owned(), |s| format!("{s} {writer}"));
        let thread = a.text(&["thread.id", "thread.name"]).unwrap_or_default();
        Line {
            stream: [o.node.as_deref(), o.pid.as_deref(), Some(&service), Some(&file), Some(&thread)]
                .map(Option::unwrap_or_default)
                .join("/"),
            at: Some((at, Zone::Stated)),
            level,
            service: Some(service),
            node: o.node.clone(),
            pid: o.pid.clone(),
            text,
            // Those who tail files send a trace line by line; SDKs send whole entries.
            whole: file.is_empty(),
        }
    }

    fn record(&mut self, log: &Log<'_>, scope: &str, at: Time, level: Level, text: &str) {
        let a = &log.attributes;
        let get = |n: &str| a.text(&[n]).unwrap_or_default();
        let (kind, said, stack) =
            (get("exception.type"), get("exception.message"), get("exception.stacktrace"));
        let mut r = self.origin.record(super::NAME, at);
        r.level = level;
        let exception = match (&*kind, &*said) {
            ("", s) => s.to_owned(),
            (k, "") => k.to_owned(),
            (k, s) => format!("{k}: {s}"),
        };
        r.message = match (text, exception.as_str()) {
            ("", e) => e.to_owned(),
            (t, "") => t.to_owned(),
            (t, _) if !said.is_empty() && t.contains(&*said) => t.to_owned(),
            (t, e) => format!("{t}\n{e}"),
        };
        r.message.truncate(head(&r.message, MESSAGE_BYTES_MAX).len());
        r.text = first_line(if text.is_empty() { &exception } else { text });
        r.exceptions = if kind.is_empty() && said.is_empty() && stack.is_empty() {
            formats::trace::read(text).into()
        } else {
            thrown::exceptions(&kind, &said, &stack).into()
        };
        r.mark = formats::marks::mark(&r.message, r.service.as_deref()).map(Box::new);
        let mut q = formats::mention::request(text).map(|m| m.to_request()).unwrap_or_default();
        // What a text mentions is no answer that anybody got.
        q.status = None;
        if let Some(p) = a.owned(&["url.path", "http.target"]) {
            let query = a.text(&["url.query"]).map(|s| format!("?{s}")).unwrap_or_default();
            q.target = p + &query;
        }
        if let Some(m) = a.owned(&["http.request.method", "http.method"]) {
            q.method = m;
        }
        q.client = a.owned(&["client.address"]).or(q.client);
        q.trace = Trace { id: log.trace, short: false }.hex().or(q.trace);
        r.request = (q != Request::default()).then(|| Box::new(q));
        if !scope.is_empty() {
            r.fields.push(("logger".to_owned(), scope.to_owned()));
        }
        for (name, value) in &a.0 {
            if r.fields.len() >= FIELDS_MAX {
                break;
            }
            if !name.starts_with("exception.") && !matches!(value, Value::Empty) {
                r.fields.push((name.clone().into_owned(), head(&value.text(), VALUE_BYTES_MAX).to_owned()));
            }
        }
        self.taken.records.push(r);
    }

    /// Counts what was read.
    pub fn finish(self) {
        for (kind, n) in [("log record", self.count), ("exception event", self.thrown)] {
            if n > 0 {
                *self.taken.items.entry(kind.to_owned()).or_default() += n;
            }
        }
    }
}

/// By `SeverityNumber`, which ends at 24; else by the text.
fn level(number: u64, text: &str) -> Level {
    let number = i64::try_from(number).ok().filter(|n| *n <= 24);
    number.and_then(Level::of_otel).or_else(|| Level::parse(text.trim())).unwrap_or_default()
}

/// The body as an object of JSON, if it is one, structured or as an app wrote it.
fn object(body: &Body<'_>) -> Option<serde_json::Map<String, Json>> {
    match body {
        Body::Tree(Json::Object(o)) => Some(o.clone()),
        Body::Text(t) if t.trim_start().starts_with('{') && t.trim_end().ends_with('}') => {
            match serde_json::from_str(t) {
                Ok(Json::Object(o)) => Some(o),
                _ => None,
            }
        }
        _ => None,
    }
}

/// Is it an attribute under which loggers put an error with its stack?
fn holds_an_error(name: &str) -> bool {
    const NAMES: &[&str] = &[
        "err",
        "error",
        "exception",
        "stack",
        "stacktrace",
        "stack_trace",
        "errorVerbose",
        "err.stack",
        "error.stack",
        "error.stack_trace",
        "error.message",
        "context",
        "exc_info",
        "backtrace",
    ];
    NAMES.contains(&name)
}

/// A value as JSON; maps and lists stand in it as text.
fn json(value: &Value<'_>) -> Json {
    match value {
        Value::Int(n) => Json::from(*n),
        Value::Bool(b) => Json::from(*b),
        Value::Text(t) if t.starts_with(['{', '[']) => {
            serde_json::from_str(t).unwrap_or_else(|_| Json::from(&**t))
        }
        other => Json::from(other.text()),
    }
}

/// The object with the record's attributes, time, level and trace id, where it has none of these itself.
fn with_ids(mut object: serde_json::Map<String, Json>, log: &Log<'_>, at: Time, level: Level) -> String {
    for (name, value) in log.attributes.0.iter().take(FIELDS_MAX) {
        if !name.starts_with("log.") {
            object.entry(name.clone().into_owned()).or_insert_with(|| json(value));
        }
    }
    let has = |names: &[&str]| names.iter().any(|n| object.contains_key(*n));
    let (timed, graded) = (
        has(&["time", "timestamp", "@timestamp", "ts", "t", "date", "datetime"]),
        has(&["level", "severity", "lvl", "log.level", "levelname"]),
    );
    if !timed {
        object.insert("time".to_owned(), Json::from(at.to_string()));
    }
    let word = match level {
        Level::Unknown => "",
        Level::Trace => "trace",
        Level::Debug => "debug",
        Level::Info | Level::Notice => "info",
        Level::Warn => "warn",
        Level::Error => "error",
        Level::Fatal => "fatal",
    };
    if !graded && !word.is_empty() {
        object.insert("level".to_owned(), Json::from(word));
    }
    if let Some(hex) = (Trace { id: log.trace, short: false }).hex() {
        object.entry("trace_id").or_insert(Json::from(hex));
    }
    Json::Object(object).to_string()
}
