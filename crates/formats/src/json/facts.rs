//! What the keys of one structured line said, gathered by meaning, and the entry that comes of it. JSON and
//! logfmt share it: only where the keys stand differs.
//!
//! ```text
//! {"level":50,"time":1795505294250,"req":{"method":"GET","url":"/session/150"},"res":{"statusCode":500},"err":{…},"msg":"…"}
//!          level  time                  └ request ──────────────────────────┘  └ status ────────┘   └ trace  └ message
//! ```

use super::array::Elements;
use super::error;
use super::keys::{MEANINGS, Meaning, Unit};
use crate::mention::{address, is_method, request_line, split_url};
use crate::wrap::members::Value;
use crate::{Context, Entry, RequestRef, time};
use record::{Ending, Level, SECOND, Time, Zone};
use std::borrow::Cow;

/// Longest text taken for an id, a host, a peer.
const NAME_BYTES_MAX: usize = 256;

#[derive(Clone, Copy)]
struct Slot<'a> {
    value: Value<'a>,
    rank: u8,
    key: &'a str,
    unit: Unit,
    /// It stood in an object of the request's own (`req`, `httpRequest`), or its name says so
    /// (`request_uri`).
    of_request: bool,
}

/// The values found, the plainest name of each meaning.
pub(super) struct Facts<'a> {
    slots: [Option<Slot<'a>>; MEANINGS],
    /// Serilog's compact form leaves the level out where it is Information.
    pub(super) level_omitted: bool,
}

/// What a record says of its error.
struct ErrorSaid<'a> {
    trace: Option<Cow<'a, str>>,
    /// Its message.
    said: Option<Cow<'a, str>>,
    /// Its type is known, so that the first line of the trace names it.
    typed: bool,
    /// `file:line` of an error without a stack.
    file: Option<String>,
}

/// The characters of a value as they stand.
fn raw<'a>(value: Value<'a>) -> &'a str {
    let (Value::Text(raw) | Value::Raw(raw)) = value;
    raw
}

/// Nothing was logged: `null`, `""`, `"-"`.
fn is_nothing(value: Value<'_>) -> bool {
    matches!(
        value,
        Value::Raw("null" | "" | "[]" | "{}")
            | Value::Text("" | "-" | "--" | "<nil>" | "nil" | "null" | "undefined")
    )
}

fn is_composite(value: Value<'_>) -> bool {
    matches!(value, Value::Raw(r) if r.starts_with(['{', '[']))
}

/// The text, or the first text of an array (Caddy's headers, audit's `sourceIPs`).
fn text<'a>(value: Value<'a>) -> Option<Cow<'a, str>> {
    match value {
        Value::Raw(r) if r.starts_with('[') => Elements::of(value).next().and_then(Value::scalar),
        _ => value.scalar(),
    }
}

/// `500`, `"500"`, `500.0`, `"500 Internal Server Error"`.
fn status(value: Value<'_>) -> Option<u16> {
    let text = raw(value);
    let digits = text.get(..3)?;
    let after = text.get(3..)?;
    let code: u16 = digits.parse().ok()?;
    ((100..600).contains(&code)
        && (after.is_empty() || after == ".0" || after.starts_with(' ') || after.starts_with(", ")))
    .then_some(code)
}

fn is_target(text: &str) -> bool {
    text.starts_with('/')
        || text.starts_with("\\/")
        || text.starts_with("http://")
        || text.starts_with("https://")
        || text.starts_with("http:\\/\\/")
}

/// Could it be an instant? A number needs ten digits, a text a date.
fn is_instant(value: Value<'_>) -> bool {
    let text = raw(value);
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    match value {
        Value::Raw(_) => digits >= 10 || (digits == 1 && text.contains(['e', 'E'])),
        Value::Text(_) => {
            digits >= 10
                || (text.len() >= 8
                    && text.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric)
                    && text.contains([':', '-']))
        }
    }
}

impl<'a> Facts<'a> {
    pub(super) fn new() -> Facts<'a> {
        Facts { slots: [None; MEANINGS], level_omitted: false }
    }

    /// Takes a value under a meaning, unless it cannot be one of that meaning or a plainer name gave one.
    /// `name` is the whole name as compared.
    pub(super) fn set(&mut self, meaning: Meaning, rank: u8, key: &'a str, name: &str, value: Value<'a>) {
        if is_nothing(value) {
            return;
        }
        let mut rank = rank;
        let composite = is_composite(value);
        let listed = matches!(value, Value::Raw(r) if r.starts_with('['));
        let meaning = match meaning {
            Meaning::Method if !is_method(&raw(value).to_ascii_uppercase()) => {
                if key == "m" || key == "@m" {
                    Meaning::Message
                } else {
                    return;
                }
            }
            Meaning::Message if key == "m" && matches!(value, Value::Text(t) if is_method(t)) => {
                Meaning::Method
            }
            Meaning::Target if !matches!(value, Value::Text(t) if is_target(t)) => match value {
                Value::Text(t) if request_line(t).is_some_and(|(_, path, _)| path.starts_with('/')) => {
                    // A transaction's name: worth less than a path of its own.
                    rank = rank.saturating_add(5);
                    Meaning::RequestLine
                }
                // `target` of Rust's tracing is the module.
                Value::Text(_) if key == "target" => Meaning::Logger,
                _ => return,
            },
            Meaning::Status if status(value).is_none() => {
                // MongoDB: "s":"E".
                if key == "s" && matches!(value, Value::Text(_)) { Meaning::Level } else { return }
            }
            Meaning::UpstreamStatus if !raw(value).bytes().any(|c| (b'1'..=b'5').contains(&c)) => return,
            Meaning::Time if !is_instant(value) => return,
            // Amazon's requestTime is the instant, nginx's request_time the duration.
            Meaning::Duration(_) if matches!(value, Value::Text(t) if t.len() >= 17 && is_instant(value)) => {
                rank += 1;
                Meaning::Time
            }
            Meaning::Duration(_) if !raw(value).starts_with(|c: char| c.is_ascii_digit() || c == '.') => {
                return;
            }
            Meaning::Client => {
                let known = text(value).is_some_and(|t| client(&t).is_some());
                if !known {
                    return;
                }
                Meaning::Client
            }
            // Traefik's ServiceName is where the request went: "cart@docker".
            Meaning::Service if matches!(value, Value::Text(t) if t.contains('@') && key == "ServiceName") => {
                Meaning::Upstream
            }
            Meaning::Error if matches!(value, Value::Raw(r) if !composite || r.len() < 4) => return,
            // A trace id, a stack, or a list of frames.
            Meaning::TraceId if key == "trace" => match value {
                Value::Text(t) if t.contains("\\n") => Meaning::Stack,
                Value::Text(_) => Meaning::TraceId,
                _ if listed => {
                    rank += 4;
                    Meaning::Stack
                }
                _ => return,
            },
            Meaning::Stack if composite && !listed => return,
            // GELF's long form repeats the short one where there is no trace.
            Meaning::Stack if key.ends_with("full_message") && !raw(value).contains("\\n") => return,
            Meaning::Message if composite && !listed => return,
            Meaning::Agent | Meaning::Host | Meaning::RequestId | Meaning::Upstream if listed => meaning,
            Meaning::Error | Meaning::Stack | Meaning::Message => meaning,
            _ if composite => return,
            m => m,
        };
        let unit = match meaning {
            Meaning::Duration(unit) => unit,
            _ => Unit::Open,
        };
        let of_request = ["req", "http", "cs", "clientreq"].iter().any(|w| name.starts_with(w));
        if let Some(slot) = self.slots.get_mut(meaning.slot())
            && slot.is_none_or(|s| rank < s.rank)
        {
            *slot = Some(Slot { value, rank, key, unit, of_request });
        }
    }

    fn slot(&self, meaning: Meaning) -> Option<Slot<'a>> {
        self.slots.get(meaning.slot()).copied().flatten()
    }

    fn has(&self, meaning: Meaning) -> bool {
        self.slot(meaning).is_some()
    }

    fn text(&self, meaning: Meaning) -> Option<Cow<'a, str>> {
        self.slot(meaning).and_then(|s| text(s.value)).filter(|t| !t.is_empty())
    }

    fn short(&self, meaning: Meaning) -> Option<Cow<'a, str>> {
        self.text(meaning).filter(|t| t.len() <= NAME_BYTES_MAX)
    }

    /// Is it a line of MongoDB or of PostgreSQL's `jsonlog`? Their own formats know more of them.
    pub(super) fn is_databases(&self) -> bool {
        let key = |m: Meaning| self.slot(m).map(|s| s.key);
        key(Meaning::Level) == Some("error_severity")
            || (key(Meaning::Time) == Some("$date") && key(Meaning::Level) == Some("s"))
    }

    /// Is it a log line at all, or some other object? A time, a level, a message, a request or an error must
    /// be there; of what a shipper brought, one of the last three is enough.
    pub(super) fn is_log(&self, carried: bool) -> bool {
        let said = self.has(Meaning::Message)
            || self.has(Meaning::Error)
            || self.has(Meaning::ErrorMessage)
            || self.has(Meaning::Stack);
        let dated = self.has(Meaning::Time);
        let levelled = self.has(Meaning::Level);
        let asked = self.has(Meaning::Target) && (self.has(Meaning::Status) || self.has(Meaning::Method));
        (dated && (said || levelled || asked || self.has(Meaning::Status) || self.has(Meaning::Type)))
            || (levelled && said)
            || (carried && said)
            || asked
            || self.is_bare_error()
    }

    /// `{"errorType":"KeyError","errorMessage":"'sku'","stackTrace":[…]}`, as Lambda prints it.
    fn is_bare_error(&self) -> bool {
        self.has(Meaning::Stack)
            && (self.has(Meaning::ErrorMessage) || self.has(Meaning::Message) || self.has(Meaning::ErrorType))
            || self.has(Meaning::ErrorType) && self.has(Meaning::ErrorMessage)
    }

    fn at(&self, context: &Context) -> Option<(Time, Zone)> {
        let slot = self.slot(Meaning::Time)?;
        let (at, zone) = instant(slot.value, context)?;
        let nanos = self
            .slot(Meaning::Nanos)
            .and_then(|s| s.value.number())
            .filter(|n| (0..1_000_000_000).contains(n));
        Some((at.plus(nanos.unwrap_or(0) / 1000), zone))
    }

    fn level(&self) -> Level {
        let Some(slot) = self.slot(Meaning::Level) else {
            if self.level_omitted {
                return Level::Info;
            }
            // Kubernetes' events are "Normal" or "Warning".
            return match self.slot(Meaning::Type).map(|s| s.value) {
                Some(Value::Text("Warning")) => Level::Warn,
                _ => Level::Unknown,
            };
        };
        let text = raw(slot.value).trim();
        if let Ok(n) = text.parse::<f64>() {
            return self.level_number(slot.key, n as i64);
        }
        // "E" of MongoDB, "D1" its finer debug levels.
        match text {
            "I" => Level::Info,
            "W" => Level::Warn,
            "E" => Level::Error,
            "F" => Level::Fatal,
            _ if text.len() == 2 && text.starts_with('D') => Level::Debug,
            // winston's colorize: "\u001b[31merror\u001b[39m".
            _ if text.starts_with("\\u001b[") => {
                text.split(['m', '\\']).find_map(Level::parse).unwrap_or_default()
            }
            _ => Level::parse(text.trim_matches([':', ' '])).unwrap_or_default(),
        }
    }

    fn level_number(&self, key: &str, n: i64) -> Level {
        let name = key.to_ascii_lowercase();
        let nextcloud = self.slot(Meaning::RequestId).is_some_and(|s| s.key == "reqId")
            && self.slot(Meaning::Service).is_some_and(|s| s.key == "app");
        match n {
            // OpenTelemetry "SeverityNumber".
            _ if name.contains("severitynumber") => Level::of_otel(n).unwrap_or_default(),
            // Application Insights; Nextcloud.
            0..=4 if name == "severitylevel" || nextcloud => {
                [Level::Debug, Level::Info, Level::Warn, Level::Error, Level::Fatal]
                    .get(n as usize)
                    .copied()
                    .unwrap_or_default()
            }
            // Python's levelno: 40 is ERROR there, in pino and bunyan 50.
            10.. if name.contains("levelno") => match n {
                10..=19 => Level::Debug,
                20..=29 => Level::Info,
                30..=39 => Level::Warn,
                40..=49 => Level::Error,
                _ => Level::Fatal,
            },
            _ => Level::of_number(n).unwrap_or_default(),
        }
    }

    fn duration_us(&self) -> Option<u64> {
        let slot = self.slot(Meaning::Duration(Unit::Open))?;
        let traefik = slot.key == "Duration"
            && self
                .slot(Meaning::Status)
                .is_some_and(|s| s.key == "DownstreamStatus" || s.key == "OriginStatus");
        let unit = if traefik { Unit::Nanos } else { slot.unit };
        let key_style = (slot.key, self.slot(Meaning::Flags).is_some());
        duration(raw(slot.value), unit, key_style, self.float_clock())
    }

    /// Beside a process id or a thread, and in GELF, `host` is the machine.
    fn is_machines(&self) -> bool {
        let gelf = self.slot(Meaning::Message).is_some_and(|s| s.key == "short_message");
        gelf || self.has(Meaning::Pid) || self.has(Meaning::Thread)
    }

    /// zap and Caddy write times and durations as seconds with a fraction.
    fn float_clock(&self) -> bool {
        matches!(self.slot(Meaning::Time), Some(Slot { value: Value::Raw(r), key: "ts", .. }) if r.contains('.'))
    }

    fn request(&self, message: &str, logger: &str) -> Option<RequestRef<'a>> {
        let mut q = RequestRef::default();
        if let Some(slot) = self.slot(Meaning::Target) {
            let target = text(slot.value)?;
            let (host, path) = own_split(target);
            (q.host, q.target) = (host, path);
        }
        if let Some(slot) = self.slot(Meaning::RequestLine)
            && (slot.rank % 10 < 5 || q.target.is_empty())
            && let Some(line) = text(slot.value)
        {
            described(&line, &mut q);
        }
        if q.target.starts_with('/')
            && !q.target.contains('?')
            && let Some(query) = self.text(Meaning::Query).filter(|t| t.len() <= 4096)
        {
            q.target = Cow::Owned(format!("{}?{}", q.target, query.trim_start_matches('?')));
        }
        if let Some(m) = self.text(Meaning::Method) {
            q.method = if is_method(&m) { m } else { Cow::Owned(m.to_ascii_uppercase()) };
        }
        q.client = self.text(Meaning::Client).and_then(|t| match t {
            Cow::Borrowed(t) => client(t).map(Cow::Borrowed),
            Cow::Owned(t) => client(&t).map(|c| Cow::Owned(c.to_owned())),
        });
        let found = self.slot(Meaning::Status);
        let absolute = q.host.is_some()
            || self.slot(Meaning::Target).is_some_and(|s| !raw(s.value).starts_with(['/', '\\']));
        let of_request = self.slot(Meaning::Target).is_some_and(|s| s.of_request);
        let outgoing = q.client.is_none()
            && ((absolute && !of_request && !message.is_empty())
                || (!of_request && calls_others(message, logger)));
        // `path` alone may be that of a file.
        let vague = self
            .slot(Meaning::Target)
            .is_some_and(|s| matches!(s.key, "path" | "p" | "target" | "resource" | "page" | "u"))
            && q.method.is_empty()
            && found.is_none()
            && !self.has(Meaning::RequestId);
        if outgoing || vague {
            q = RequestRef::default();
        } else {
            let named = !q.target.is_empty() || (!q.method.is_empty() && found.is_some_and(|s| s.of_request));
            // fastify's and hapi's last line of a request: the answer and the id, without the question.
            let answered = found
                .is_some_and(|s| s.key == "statusCode" && s.rank == 0 || s.key == "status" && s.of_request)
                && self.has(Meaning::RequestId);
            // `code` is as often the error's own number.
            let sure =
                found.is_some_and(|s| s.rank % 10 < 3 || !q.method.is_empty() && !self.has(Meaning::Error));
            if sure && (named || answered) {
                q.status = found.and_then(|s| status(s.value));
            }
            if q.status.is_some() || named {
                q.duration_us = self.duration_us();
                q.agent = self.text(Meaning::Agent);
                q.host = self
                    .short(Meaning::Host)
                    .or_else(|| self.short(Meaning::HostOrNode).filter(|_| !self.is_machines()))
                    .or(q.host);
            }
            if q.status.is_some() {
                q.upstream = self.short(Meaning::Upstream).and_then(last_tried);
                q.upstream_status = self
                    .text(Meaning::UpstreamStatus)
                    .and_then(last_tried)
                    .and_then(|t| t.parse().ok())
                    .filter(|s| (100..600).contains(s));
                q.flags = self.short(Meaning::Flags);
                q.ending = ending(q.status, q.flags.as_deref());
            } else if !named {
                // Whom the line is about, if it names no request: a client alone may be the database's.
                q.client = q.client.filter(|_| self.has(Meaning::RequestId));
            }
        }
        q.id = self
            .slot(Meaning::RequestId)
            .filter(|s| s.rank % 10 < 5 || is_id(raw(s.value)))
            .and_then(|s| text(s.value))
            .filter(|t| t.len() <= NAME_BYTES_MAX);
        q.trace = self.short(Meaning::TraceId).and_then(trace_id);
        // Datadog's libraries write the decimal number of what others write in hexadecimal.
        if self.slot(Meaning::TraceId).is_some_and(|s| s.key.contains("dd"))
            && let Some(n) = q.trace.as_deref().and_then(|t| t.parse::<u64>().ok())
        {
            q.trace = Some(Cow::Owned(format!("{n:016x}")));
        }
        (q != RequestRef::default()).then_some(q)
    }

    /// The entry; without its fields, which only the caller can enumerate.
    pub(super) fn entry(&self, context: &Context) -> Entry<'a> {
        let mut level = self.level();
        let mut message = match self.slot(Meaning::Message) {
            Some(Slot { value: v @ Value::Raw(r), .. }) if r.starts_with('[') => joined(v),
            Some(s) => s.value.scalar().unwrap_or_default(),
            None => Cow::Borrowed(""),
        };
        let mut logger = self.short(Meaning::Logger);
        let mut service = self.short(Meaning::Service);
        if let Some(name) = self.short(Meaning::Name) {
            // bunyan and pino name the program, and the machine beside it; Python and hclog the logger.
            if service.is_none() && self.has(Meaning::Node) && self.has(Meaning::Pid) {
                service = Some(name);
            } else if logger.is_none() {
                logger = Some(name);
            }
        }
        let logger_name = logger.as_deref().unwrap_or_default();
        if service.is_none() && logger_name.starts_with("http.log.") {
            service = Some(Cow::Borrowed("caddy"));
        }
        let request = self.request(&message, logger_name);
        let ErrorSaid { trace, said, typed, file } = self.error();
        let failed = request.as_ref().and_then(|q| q.status).is_some_and(|s| s >= 500);
        if let Some(said) = said {
            let first = said.lines().next().unwrap_or_default();
            if message.is_empty() {
                message = said;
            } else if trace.is_none()
                && (level >= Level::Warn || level == Level::Unknown || failed)
                && !first.is_empty()
                && !message.contains(first)
            {
                message = Cow::Owned(format!("{message}: {said}"));
            }
        }
        if message.is_empty()
            && let Some(trace) = trace.as_deref()
        {
            message = Cow::Owned(
                trace.lines().find(|l| !l.trim().is_empty() && typed).unwrap_or_default().to_owned(),
            );
        }
        if message.is_empty()
            && request.as_ref().is_none_or(|q| q.status.is_none())
            && let Some(event) = self.text(Meaning::Type)
        {
            message = event;
        }
        if level == Level::Unknown
            && self.is_bare_error()
            && request.as_ref().is_none_or(|q| q.status.is_none())
        {
            level = Level::Error;
        }
        let mut fields = Vec::new();
        if let Some(logger) = logger {
            fields.push((Cow::Borrowed("logger"), logger));
        }
        if let Some(thread) = self.short(Meaning::Thread) {
            fields.push((Cow::Borrowed("thread"), thread));
        }
        if let Some(file) = file {
            fields.push((Cow::Borrowed("file"), Cow::Owned(file)));
        }
        let vhost = request.as_ref().is_some_and(|q| q.host.is_some());
        Entry {
            at: self.at(context),
            level,
            service,
            node: self.short(Meaning::Node).or_else(|| self.short(Meaning::HostOrNode).filter(|_| !vhost)),
            pid: self.short(Meaning::Pid).filter(|p| p.bytes().all(|c| c.is_ascii_digit())),
            message,
            request,
            trace,
            fields,
            mark: None,
            closed: true,
        }
    }

    fn error(&self) -> ErrorSaid<'a> {
        let kind = self.text(Meaning::ErrorType).or_else(|| {
            // pino before 7 and Lambda: "type":"TypeError" beside "stack".
            self.text(Meaning::Type)
                .filter(|t| self.has(Meaning::Stack) && (t.ends_with("Error") || t.ends_with("Exception")))
        });
        let mut said = self.text(Meaning::ErrorMessage);
        let mut trace: Option<Cow<'a, str>> = None;
        let mut known = kind.is_some();
        let mut file = None;
        match self.slot(Meaning::Error).map(|s| s.value) {
            Some(value @ Value::Raw(raw)) => {
                if let Some(told) = error::read(raw) {
                    known |= !told.kind.is_empty();
                    file = told.file;
                    if !told.message.is_empty() {
                        said = said.or(Some(Cow::Owned(told.message)));
                    } else if told.text.is_empty() && !raw.starts_with('[') && !self.has(Meaning::Message) {
                        // An object with none of the usual keys, and nothing else said.
                        said = said.or(Some(Cow::Borrowed(raw)));
                    }
                    if !told.text.is_empty() {
                        trace = Some(Cow::Owned(told.text));
                    }
                } else {
                    said = said.or_else(|| text(value));
                }
            }
            Some(value @ Value::Text(_)) => {
                let whole = relined(value.scalar().unwrap_or_default());
                // Monolog's GELF: `"_ctxt_exception":"{\"class\":…}"`.
                let object = whole.starts_with('{').then(|| error::read(&whole)).flatten();
                if let Some(told) = object.filter(|t| !t.kind.is_empty() || !t.text.is_empty()) {
                    known |= !told.kind.is_empty();
                    file = told.file;
                    if !told.message.is_empty() {
                        said = said.or(Some(Cow::Owned(told.message)));
                    }
                    trace = (!told.text.is_empty()).then_some(Cow::Owned(told.text));
                } else if is_typed(&whole)
                    || whole.starts_with("[object] (")
                    || whole.lines().skip(1).any(crate::trace::continues)
                {
                    known = true;
                    trace = Some(whole);
                } else {
                    said = said.or(Some(whole));
                }
            }
            None => {}
        }
        let message = said.clone().or_else(|| self.text(Meaning::Message)).unwrap_or_default();
        let kind = kind.unwrap_or_default();
        if let Some(slot) = self.slot(Meaning::Stack)
            && trace.as_deref().is_none_or(|t| !t.contains('\n'))
        {
            // A logger's own place of the call (zap's `stacktrace`) below what an error said.
            let said_by =
                if kind.is_empty() { trace.take().unwrap_or(message.clone()) } else { message.clone() };
            let printed = match slot.value {
                Value::Raw(raw) => error::stack_of(raw, &kind, &said_by),
                Value::Text(_) => Some(error::stack_text(
                    &relined(slot.value.scalar().unwrap_or_default()),
                    &kind,
                    &said_by,
                )),
            };
            trace = printed.filter(|t| !t.trim().is_empty()).map(Cow::Owned).or(trace);
        } else if trace.is_none() && !kind.is_empty() {
            trace = Some(Cow::Owned(if message.is_empty() {
                kind.into_owned()
            } else {
                format!("{kind}: {message}")
            }));
        }
        // With frames, they name the place.
        let file = file.filter(|_| trace.as_deref().is_none_or(|t| !t.contains('\n')));
        ErrorSaid { trace, said, typed: known, file }
    }

    /// Did this value become something other than a field of the entry, or is it nothing at all?
    pub(super) fn used(&self, value: Value<'a>, request: Option<&RequestRef<'a>>) -> bool {
        if is_nothing(value) {
            return true;
        }
        let at = raw(value).as_ptr();
        let Some(slot) = self.slots.iter().position(|s| s.is_some_and(|s| raw(s.value).as_ptr() == at))
        else {
            return false;
        };
        let is = |meanings: &[Meaning]| meanings.iter().any(|m| m.slot() == slot);
        let asked = |test: fn(&RequestRef<'a>) -> bool| request.is_some_and(test);
        if is(&[Meaning::Error, Meaning::ErrorMessage, Meaning::ErrorType, Meaning::Type]) {
            // Diagnosis reads what errors say in fields too.
            return false;
        }
        match slot {
            _ if is(&[Meaning::Method]) => asked(|q| !q.method.is_empty()),
            _ if is(&[Meaning::Target, Meaning::Query, Meaning::RequestLine]) => {
                asked(|q| !q.target.is_empty())
            }
            _ if is(&[Meaning::Status]) => asked(|q| q.status.is_some()),
            _ if is(&[Meaning::Duration(Unit::Open)]) => asked(|q| q.duration_us.is_some()),
            _ if is(&[Meaning::Client]) => asked(|q| q.client.is_some()),
            _ if is(&[Meaning::Agent]) => asked(|q| q.agent.is_some()),
            _ if is(&[Meaning::Host]) => asked(|q| q.host.is_some()),
            _ if is(&[Meaning::Upstream]) => asked(|q| q.upstream.is_some()),
            _ if is(&[Meaning::UpstreamStatus]) => asked(|q| q.upstream_status.is_some()),
            _ if is(&[Meaning::Flags]) => asked(|q| q.flags.is_some()),
            _ if is(&[Meaning::RequestId]) => asked(|q| q.id.is_some()),
            _ if is(&[Meaning::TraceId]) => asked(|q| q.trace.is_some()),
            _ => true,
        }
    }
}

/// .NET's JSON console puts a blank for each line end of an exception: `Message    at A.B() in /src/a.cs:line
/// 3    at …`.
fn relined(text: Cow<'_, str>) -> Cow<'_, str> {
    let text = if text.contains('\r') { Cow::Owned(text.replace("\r\n", "\n")) } else { text };
    if text.contains('\n') || !text.contains("    at ") {
        return text;
    }
    Cow::Owned(
        text.replace("    at ", "\n   at ")
            .replace("    --- End", "\n   --- End")
            .replace("  ---> ", "\n ---> ")
            .replace(" \n", "\n"),
    )
}

/// Does the text name its error's type: `NoMethodError: undefined method`, `java.io.IOException: reset`?
fn is_typed(text: &str) -> bool {
    let word = text.split([':', ' ', '(']).next().unwrap_or_default();
    let last = word.rsplit(['.', '\\']).next().unwrap_or_default();
    let after = text.get(word.len()..).unwrap_or_default();
    last.as_bytes().first().is_some_and(u8::is_ascii_uppercase)
        && (last.ends_with("Error") || last.ends_with("Exception"))
        && last.len() > "Error".len()
        && (after.is_empty() || after.starts_with(": ") || after.starts_with("::") || after.starts_with('('))
}

/// Do message or logger say that the service calls another one here?
fn calls_others(message: &str, logger: &str) -> bool {
    const LOGGERS: [&str; 9] = [
        "HttpClient",
        "httpx",
        "urllib3",
        "RestTemplate",
        "WebClient",
        "http_client",
        "http-client",
        "httpclient",
        "Faraday",
    ];
    const WORDS: [&str; 13] = [
        "utgoing",
        "utbound",
        "axios",
        "HTTP client",
        "http client",
        "calling ",
        "Calling ",
        "request to ",
        "external",
        "HttpClient",
        "Sending HTTP request",
        "Received HTTP response",
        "fetch failed",
    ];
    let head = message.get(..message.len().min(200)).unwrap_or(message);
    LOGGERS.iter().any(|w| logger.contains(w)) || WORDS.iter().any(|w| head.contains(w))
}

/// `GET /x HTTP/1.1`, Django's `<WSGIRequest: POST '/cart/4/'>`, Flask's `<Request 'http://h/x' [GET]>`.
fn described(line: &str, q: &mut RequestRef<'_>) {
    if let Some((method, path, host)) = request_line(line) {
        q.method = Cow::Owned(method.to_owned());
        q.target = Cow::Owned(path.to_owned());
        q.host = host.map(|h| Cow::Owned(h.to_owned()));
    } else if let Some((_, inner)) = line.split_once("Request: ").filter(|(head, _)| head.starts_with('<'))
        && let Some((method, rest)) = inner.split_once(' ')
        && is_method(method)
    {
        q.method = Cow::Owned(method.to_owned());
        q.target = Cow::Owned(rest.trim_end_matches('>').trim_matches('\'').to_owned());
    } else if let Some(inner) = line.strip_prefix("<Request '")
        && let Some((url, rest)) = inner.split_once("' [")
    {
        let (host, path) = split_url(url);
        q.method = Cow::Owned(rest.trim_end_matches("]>").to_owned());
        q.target = Cow::Owned(path.to_owned());
        q.host = host.map(|h| Cow::Owned(h.to_owned()));
    }
}

fn own_split(target: Cow<'_, str>) -> (Option<Cow<'_, str>>, Cow<'_, str>) {
    match target {
        Cow::Borrowed(t) => {
            let (host, path) = split_url(t);
            (host.map(Cow::Borrowed), Cow::Borrowed(path))
        }
        Cow::Owned(t) => {
            let (host, path) = split_url(&t);
            (host.map(|h| Cow::Owned(h.to_owned())), Cow::Owned(path.to_owned()))
        }
    }
}

/// The address of a client; of a list (`X-Forwarded-For`) the first.
fn client(text: &str) -> Option<&str> {
    let first = text.split(',').next().unwrap_or(text).trim();
    let first = first.strip_prefix("::ffff:").filter(|a| a.contains('.')).unwrap_or(first);
    address(first).or_else(|| (first == "localhost" || first.starts_with("unix:")).then_some(first))
}

/// Of `10.0.0.1:80, 10.0.0.2:80` (nginx tried both) the one tried last; nginx parts groups with ` : `.
fn last_tried(text: Cow<'_, str>) -> Option<Cow<'_, str>> {
    let last = |t: &str| -> (usize, usize) {
        let begin = t.rfind([',']).map_or(0, |i| i + 1);
        let begin = t.rfind(" : ").map_or(begin, |i| begin.max(i + 3));
        let lead = t.get(begin..).map_or(0, |r| r.len() - r.trim_start().len());
        (begin + lead, t.trim_end().len())
    };
    let (from, to) = last(&text);
    let out = match text {
        Cow::Borrowed(t) => Cow::Borrowed(t.get(from..to).unwrap_or_default()),
        Cow::Owned(t) => Cow::Owned(t.get(from..to).unwrap_or_default().to_owned()),
    };
    (!out.is_empty() && out != "-").then_some(out)
}

/// Google's `projects/shop/traces/06796866738c859f2f19b7cfb3214824`, W3C's `00-TRACE-SPAN-01`, Amazon's
/// `Root=1-5e…;…`.
fn trace_id(text: Cow<'_, str>) -> Option<Cow<'_, str>> {
    let part: &str = if let Some((_, id)) = text.rsplit_once("/traces/") {
        id
    } else if let Some(rest) = text.strip_prefix("00-") {
        rest.split('-').next().unwrap_or_default()
    } else if let Some((_, rest)) = text.split_once("Root=") {
        rest.split(';').next().unwrap_or_default()
    } else {
        // A run of zeros is W3C's "no trace"; words and sentences are no ids.
        let plain = !text.contains([' ', '/']) && text.bytes().any(|c| c != b'0' && c != b'-');
        return plain.then_some(text);
    };
    (!part.is_empty()).then(|| Cow::Owned(part.to_owned()))
}

/// A number of an order is no id of a request; a UUID, a long run of hexadecimal digits or a ULID is.
fn is_id(text: &str) -> bool {
    text.len() >= 16
        && text.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_'))
        && text.bytes().any(|c| c.is_ascii_digit())
}

fn ending(status: Option<u16>, flags: Option<&str>) -> Ending {
    match flags {
        // HAProxy: the client's side ended it. Envoy: downstream connection termination.
        Some(f) if f.len() == 4 && f.ends_with("--") && f.starts_with(['C', 'c']) => Ending::ClientLeft,
        Some(f) if f.split(',').any(|f| f == "DC") => Ending::ClientLeft,
        _ if status == Some(499) => Ending::ClientLeft,
        _ => Ending::Answered,
    }
}

/// The texts of an array, as log4js' `data` and console methods have them.
fn joined(list: Value<'_>) -> Cow<'_, str> {
    let mut texts = Elements::of(list).filter_map(Value::scalar);
    let Some(first) = texts.next() else { return Cow::Borrowed("") };
    let mut out = first;
    for t in texts {
        out.to_mut().push(' ');
        out.to_mut().push_str(&t);
    }
    out
}

/// An instant out of a date or a number of seconds, milliseconds, microseconds or nanoseconds.
pub(super) fn instant(value: Value<'_>, context: &Context) -> Option<(Time, Zone)> {
    let text = raw(value).trim();
    let text = text.strip_prefix("\\/Date(").unwrap_or(text);
    if let Some(s) = time::stamp(text.trim_start_matches('['), context.reference)
        && (s.len >= 10 || matches!(value, Value::Text(_)))
        // 1.795e9 begins with a plausible time of day or none; only whole numbers are read so.
        && !text.contains(['e', 'E'])
    {
        return Some((s.time, s.zone));
    }
    if text.contains("\\/") {
        // PHP escapes the slashes of 24\/Nov\/2026:07:05:03 +0000.
        let plain = text.replace("\\/", "/");
        return time::stamp(&plain, context.reference).map(|s| (s.time, s.zone));
    }
    if let Some(s) = time::stamp(text, context.reference) {
        return Some((s.time, s.zone));
    }
    let n: f64 = text.parse().ok()?;
    let seconds = match n {
        n if n < 1e11 => n,
        n if n < 1e14 => n / 1e3,
        n if n < 1e17 => n / 1e6,
        n => n / 1e9,
    };
    let at = Time((seconds * SECOND as f64) as i64);
    time::plausible(at).then_some((at, Zone::Stated))
}

/// A duration in microseconds. `clock` says that the writer counts in seconds with a fraction; `key` and
/// whether Envoy's or HAProxy's flags stand beside it help where the name has no unit.
fn duration(text: &str, unit: Unit, (key, flagged): (&str, bool), clock: bool) -> Option<u64> {
    // "0.010, 0.020": two upstreams were tried.
    let text = text.rsplit(", ").next().unwrap_or(text).trim();
    let number = text.trim_end_matches(|c: char| c.is_alphabetic() || c == 'µ' || c == ' ' || c == 'μ');
    let suffix = text.get(number.len()..)?.trim();
    let n: f64 = match number.parse() {
        Ok(n) => n,
        // "00:00:01.123", "1m2.5s".
        Err(_) => return clock_time(text),
    };
    let whole = !number.contains(['.', 'e', 'E']);
    let us = match (suffix, unit) {
        ("ns", _) => n / 1e3,
        ("us" | "µs" | "μs" | "usec", _) => n,
        ("ms" | "msec" | "milliseconds", _) => n * 1e3,
        ("s" | "sec" | "secs" | "seconds", _) => n * 1e6,
        ("m" | "min", _) => n * 6e7,
        ("", Unit::Seconds) if whole && n > 3600.0 => n,
        ("", Unit::Seconds) => n * 1e6,
        ("", Unit::Millis) => n * 1e3,
        ("", Unit::Micros) => n,
        ("", Unit::Nanos) => n / 1e3,
        ("", Unit::Open) if clock => n * 1e6,
        ("", Unit::Open) if flagged => n * 1e3,
        // slog writes a time.Duration as a whole number of nanoseconds.
        ("", Unit::Open) if whole && n >= 100_000.0 => n / 1e3,
        // "response_time":0.012 is nginx's habit, in seconds; responseTime:0.4 is pino's, in milliseconds.
        ("", Unit::Open) if !whole && n < 1.0 && key.contains('_') && !key.contains("responseTime") => {
            n * 1e6
        }
        ("", Unit::Open) => n * 1e3,
        _ => return None,
    };
    (us.is_finite() && (0.0..1e13).contains(&us)).then_some(us as u64)
}

/// `00:00:01.123` (.NET's TimeSpan) and `1m2.5s` (Go's Duration).
fn clock_time(text: &str) -> Option<u64> {
    let mut seconds = 0.0f64;
    if text.contains(':') {
        for part in text.split(':') {
            seconds = seconds * 60.0 + part.parse::<f64>().ok()?;
        }
    } else {
        let mut rest = text;
        for (unit, worth) in [('h', 3600.0), ('m', 60.0), ('s', 1.0)] {
            if let Some((n, after)) = rest.split_once(unit) {
                seconds += n.parse::<f64>().ok()? * worth;
                rest = after;
            }
        }
        if !rest.is_empty() {
            return None;
        }
    }
    (seconds.is_finite() && (0.0..1e7).contains(&seconds)).then_some((seconds * 1e6) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_by_unit_form_and_habit() {
        let us = |t: &str, unit| duration(t, unit, ("duration", false), false);
        assert_eq!(us("0.017", Unit::Seconds), Some(17_000));
        assert_eq!(us("12", Unit::Millis), Some(12_000));
        assert_eq!(us("1235566", Unit::Open), Some(1235));
        assert_eq!(us("24.271714999999972", Unit::Open), Some(24_271));
        assert_eq!(us("3 ms", Unit::Open), Some(3_000));
        assert_eq!(us("30000ms", Unit::Open), Some(30_000_000));
        assert_eq!(us("1.5s", Unit::Open), Some(1_500_000));
        assert_eq!(us("1m2.5s", Unit::Open), Some(62_500_000));
        assert_eq!(us("00:00:01.5", Unit::Open), Some(1_500_000));
        assert_eq!(us("0.010, 0.020", Unit::Seconds), Some(20_000));
        assert_eq!(us("soon", Unit::Open), None);
        assert_eq!(duration("0.006816746", Unit::Open, ("duration", false), true), Some(6_816));
        assert_eq!(duration("0.012", Unit::Open, ("response_time", false), false), Some(12_000));
        assert_eq!(duration("0.4", Unit::Open, ("responseTime", false), false), Some(400));
    }

    #[test]
    fn numbers_that_are_no_instants() {
        let at = |n: &'static str| instant(Value::Raw(n), &Context::default()).map(|(t, _)| t.to_string());
        assert_eq!(at("1.795503903169e12").as_deref(), Some("2026-11-24T07:05:03.169Z"));
        // A trace id of digits lay 292 thousand years ahead.
        for n in ["6666666666666666666666666666000", "1e300", "-1e300", "99999999999", "0", "12"] {
            assert_eq!(at(n), None, "{n}");
        }
        assert_eq!(instant(Value::Text("nan"), &Context::default()), None);
    }

    #[test]
    fn ids_of_traces() {
        let id = |t: &'static str| trace_id(Cow::Borrowed(t));
        assert_eq!(id("projects/shop/traces/06796866738c859f").as_deref(), Some("06796866738c859f"));
        assert_eq!(
            id("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").as_deref(),
            Some("4bf92f3577b34da6a3ce929d0e0e4736")
        );
        assert_eq!(id("00000000000000000000000000000000"), None);
        assert_eq!(id("no trace"), None);
    }

    #[test]
    fn what_was_tried_last() {
        let last = |t: &'static str| last_tried(Cow::Borrowed(t));
        assert_eq!(last("10.0.0.1:80, 10.0.0.2:80").as_deref(), Some("10.0.0.2:80"));
        assert_eq!(last("502, 200 : 504").as_deref(), Some("504"));
        assert_eq!(last("127.0.0.1:8512").as_deref(), Some("127.0.0.1:8512"));
        assert_eq!(last("-"), None);
    }
}
