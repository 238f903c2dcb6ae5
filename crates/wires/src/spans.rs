//! Spans, whoever sent them, to records: OpenTelemetry's and Datadog's tell the same in other names.
//!
//! ```text
//! SERVER  GET /cart/{id}   http.response.status_code=500                       an entry of the ledger
//!   event exception        exception.type=KeyError, exception.stacktrace=…     explains it
//!   CLIENT  SELECT cart    db.system=postgresql, status ERROR                  explains it, names the peer
//!   CLIENT  GET            url.full=http://rates:8080/v1, status 429           explains it, names the peer
//!   INTERNAL               status unset                                        counted
//! ```
//!
//! Names are those of OpenTelemetry's semantic conventions, the stable ones first, then those before 1.21 (`http.status_code`), then
//! Datadog's tags (`http.url`, `out.host`). One failed request is one entry of the ledger: of server spans within server spans of the
//! same trace, the outermost.

use crate::Taken;
mod answered;
mod called;
mod grpc;

use crate::attributes::{Attributes, Value};
use crate::thrown::{self, head};
pub(crate) use answered::answer_in_event;
use answered::{Answered, STATUS};
use called::{called, failure, peer};
use record::{Level, Record, Request, Time, Zone};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

/// A clock may be ahead by so much; what lies further ahead is dated at its arrival (Relay's `max_secs_in_future`).
const AHEAD_US_MAX: i64 = 60 * record::SECOND;
/// What lies further back is dated at its arrival: clocks that start in 1970, or spans that were kept for months.
const BEHIND_US_MAX: i64 = 30 * 86_400 * record::SECOND;
/// Bytes of one field's value.
const VALUE_BYTES_MAX: usize = 4 * 1024;
/// Bytes of a message: exceptions with whole SQL statements reach some kilobytes.
const MESSAGE_BYTES_MAX: usize = 32 * 1024;
/// Bytes of a target: longer than servers accept.
const TARGET_BYTES_MAX: usize = 8 * 1024;
/// Fields kept of one record.
pub(crate) const FIELDS_MAX: usize = 48;
/// Attributes of a span that hold an error's message.
const NOTED: &[&str] = &["exception.message", "error.message", "error.msg", "exception.details"];
/// Ancestors asked for a server span; a deeper tree is a loop of ids.
const DEPTH_MAX: usize = 128;

/// What a span stands for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Kind {
    #[default]
    Internal,
    Server,
    Client,
    Producer,
    Consumer,
}

/// A trace id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Trace {
    pub id: u128,
    /// Datadog's: of 64 bits where `_dd.p.tid` does not give the upper ones, written with 16 digits then.
    pub short: bool,
}

impl Trace {
    /// As text, as it stands in headers and logs.
    pub fn hex(self) -> Option<String> {
        match self.id {
            0 => None,
            id if self.short && u64::try_from(id).is_ok() => Some(format!("{id:016x}")),
            id => Some(format!("{id:032x}")),
        }
    }

    /// The lower half, by which Datadog's older log injection (`dd.trace_id`) names a longer one.
    pub fn lower(self) -> Option<String> {
        (self.short && u64::try_from(self.id).is_err()).then(|| format!("{:016x}", self.id as u64))
    }
}

/// Who sent spans or logs: what a resource says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origin {
    pub service: Option<String>,
    pub node: Option<String>,
    pub pid: Option<String>,
    pub release: Option<String>,
    pub environment: Option<String>,
}

impl Origin {
    /// Of the attributes of a resource, with what it says of itself put into `taken.said`.
    ///
    /// SDKs that were told no name say `unknown_service:java`.
    pub fn of(a: &Attributes<'_>, taken: &mut Taken) -> Origin {
        let named = |s: &String| !s.starts_with("unknown_service");
        let place = ["k8s.container.name", "container.name", "k8s.deployment.name", "faas.name"];
        let service = a.owned(&["service.name"]).filter(named);
        let origin = Origin {
            service: service.or_else(|| a.owned(&place)).or_else(|| a.owned(&["service.name"])),
            node: a.owned(&["host.name", "k8s.pod.name", "k8s.node.name", "container.id"]),
            pid: a.owned(&["process.pid"]),
            release: a.owned(&["service.version"]),
            environment: a.owned(&["deployment.environment.name", "deployment.environment"]),
        };
        let sdk: Vec<_> = ["telemetry.sdk.name", "telemetry.sdk.language", "telemetry.sdk.version"]
            .iter()
            .filter_map(|n| a.text(&[n]))
            .collect();
        if !sdk.is_empty() {
            taken.said.insert("sdk".to_owned(), sdk.join(" "));
        }
        origin.say(taken);
        origin
    }

    /// Puts into `taken.said` what clients say of themselves.
    pub fn say(&self, taken: &mut Taken) {
        let said = [
            ("service", &self.service),
            ("release", &self.release),
            ("environment", &self.environment),
            ("server_name", &self.node),
        ];
        for (name, value) in said {
            if let Some(v) = value {
                taken.said.insert(name.to_owned(), v.clone());
            }
        }
    }

    /// An empty record from here.
    pub fn record(&self, format: &'static str, at: Time) -> Record {
        let mut r = Record {
            format,
            at: Some(at),
            zone: Zone::Stated,
            service: self.service.clone(),
            node: self.node.clone(),
            pid: self.pid.clone(),
            ..Record::default()
        };
        if let Some(v) = &self.release {
            r.fields.push(("release".to_owned(), v.clone()));
        }
        r
    }

    /// The same with what only matters to what failed.
    fn full_record(&self, format: &'static str, at: Time) -> Record {
        let mut r = self.record(format, at);
        if let Some(v) = &self.environment {
            r.fields.push(("environment".to_owned(), v.clone()));
        }
        r
    }
}

/// An exception that a span tells of.
#[derive(Clone, Debug, Default)]
pub(crate) struct Thrown<'a> {
    pub at_ns: u64,
    pub kind: Cow<'a, str>,
    pub message: Cow<'a, str>,
    pub stack: Cow<'a, str>,
    /// It left the span: nobody caught it there.
    pub escaped: bool,
    /// It came as an event of the name `exception`.
    pub named: bool,
}

impl<'a> Thrown<'a> {
    /// Of an event of a span: an exception, or what `tracing` for Rust and other loggers put there for an error: the message as the
    /// event's name, `level` and perhaps `exception.message` beside it. Of other events nothing.
    pub fn of(at_ns: u64, name: Cow<'a, str>, attributes: Attributes<'a>) -> Option<Thrown<'a>> {
        let mut thrown = Thrown { at_ns, named: name == "exception", ..Thrown::default() };
        let mut is_error = thrown.named;
        for (name, value) in attributes.0 {
            match (&*name, value) {
                ("exception.type", Value::Text(t)) => thrown.kind = t,
                ("exception.message", Value::Text(t)) => thrown.message = t,
                ("exception.stacktrace", Value::Text(t)) => thrown.stack = t,
                // A boolean; Python's SDK writes the text "True".
                ("exception.escaped", Value::Bool(b)) => thrown.escaped = b,
                ("exception.escaped", Value::Text(t)) => thrown.escaped = t.eq_ignore_ascii_case("true"),
                ("level", Value::Text(t)) => is_error |= t.eq_ignore_ascii_case("error"),
                _ => {}
            }
        }
        let says = !(thrown.kind.is_empty() && thrown.message.is_empty() && thrown.stack.is_empty());
        if !is_error && !says {
            return None;
        }
        if !thrown.named {
            thrown.message = match (&*thrown.message, &*name) {
                ("", _) => name,
                (_, "") => thrown.message,
                (m, n) => Cow::Owned(format!("{n}: {m}")),
            };
        }
        Some(thrown)
    }
}

/// One span.
#[derive(Clone, Debug, Default)]
pub(crate) struct Span<'a> {
    pub kind: Kind,
    pub name: Cow<'a, str>,
    pub trace: Trace,
    pub id: u64,
    pub parent: u64,
    pub begin_ns: u64,
    pub end_ns: u64,
    /// Its status is ERROR.
    pub failed: bool,
    /// What the status says.
    pub said: Cow<'a, str>,
    pub attributes: Attributes<'a>,
    pub thrown: Vec<Thrown<'a>>,
}

impl Span<'_> {
    /// Empties it; lists keep their room, so that a body of spans costs a few allocations in all.
    pub fn clear(&mut self) {
        let (mut attributes, mut thrown) =
            (std::mem::take(&mut self.attributes), std::mem::take(&mut self.thrown));
        attributes.0.clear();
        thrown.clear();
        *self = Span { attributes, thrown, ..Span::default() };
    }
}

/// An instant that a sender stated in nanoseconds, set right by the time of arrival.
pub(crate) fn dated(ns: u64, now: Time) -> Time {
    let at = Time(i64::try_from(ns / 1_000).unwrap_or(i64::MAX));
    let off = at.since(now);
    if ns == 0 || !(-BEHIND_US_MAX..=AHEAD_US_MAX).contains(&off) { now } else { at }
}

/// What is needed later of a span to find its ancestors.
struct Node {
    trace: u128,
    id: u64,
    parent: u64,
    server: bool,
}

/// Takes the spans of one body.
pub(crate) struct Spans<'t> {
    taken: &'t mut Taken,
    now: Time,
    format: &'static str,
    count: u64,
    events: u64,
    nodes: Vec<Node>,
    /// Entries of the ledger of failures, by their place in `taken.records`, whose span has a parent.
    inner: Vec<(usize, u128, u64)>,
    /// What was said already: every layer that an exception passes through reports it again.
    told: HashSet<u64>,
}

impl<'t> Spans<'t> {
    pub fn new(taken: &'t mut Taken, format: &'static str, now: Time) -> Spans<'t> {
        Spans {
            taken,
            now,
            format,
            count: 0,
            events: 0,
            nodes: Vec::new(),
            inner: Vec::new(),
            told: HashSet::new(),
        }
    }

    pub fn taken(&mut self) -> &mut Taken {
        self.taken
    }

    /// Reads one span.
    pub fn take(&mut self, span: &Span<'_>, origin: &Origin) {
        self.count += 1;
        self.events += span.thrown.iter().filter(|t| t.named).count() as u64;
        let server = span.kind == Kind::Server || answered::is_unnamed_server(span);
        self.nodes.push(Node { trace: span.trace.id, id: span.id, parent: span.parent, server });
        if server && let Some(answer) = Answered::of(span) {
            self.answered(span, origin, &answer);
            if answer.status >= 500 {
                self.explain_answer(span, origin, &answer);
            } else {
                self.exceptions(span, origin, Some(&answer));
            }
        } else if server || matches!(span.kind, Kind::Internal | Kind::Consumer) {
            if span.failed || !span.thrown.is_empty() {
                self.failed_inside(span, origin);
            }
        } else {
            self.call(span, origin);
        }
    }

    /// An entry of the ledger.
    fn answered(&mut self, span: &Span<'_>, origin: &Origin, answer: &Answered) {
        let failed = answer.status >= 500;
        let end = dated(span.end_ns.max(span.begin_ns), self.now);
        let mut r =
            if failed { origin.full_record(self.format, end) } else { origin.record(self.format, end) };
        let duration_us = span.end_ns.saturating_sub(span.begin_ns) / 1_000;
        let a = &span.attributes;
        let mut q = answer.request(a);
        q.status = Some(answer.status);
        q.duration_us = Some(duration_us);
        (q.trace, q.id) = (span.trace.hex(), span.trace.lower());
        if failed {
            q.agent = a.owned(&["user_agent.original", "http.user_agent", "http.useragent"]);
            // Envoy's own names.
            q.flags = a.owned(&["response_flags"]).filter(|f| f != "-");
            q.upstream = a
                .owned(&["upstream_address", "upstream_cluster.name", "upstream_cluster"])
                .filter(|u| u != "-");
            r.level = Level::Error;
            let grpc =
                answer.grpc.map(|n| format!(" (gRPC status {n} {})", grpc::name(n))).unwrap_or_default();
            let by = origin.service.as_deref().unwrap_or("a service");
            r.text =
                format!("{} {} {}{grpc} {} ms, {by}", q.method, q.target, answer.status, duration_us / 1_000);
            r.message = r.text.clone();
            if let Some(route) = a.owned(&["http.route"]) {
                r.fields.push(("route".to_owned(), route));
            }
            if span.parent != 0 {
                // Whoever called may be seen only in another body.
                r.fields.push(("parent_span".to_owned(), format!("{:016x}", span.parent)));
                self.inner.push((self.taken.records.len(), span.trace.id, span.parent));
            }
        } else {
            r.level = Level::Info;
        }
        r.request = Some(Box::new(q));
        self.taken.records.push(r);
    }

    /// What a failed request's own span says of why: its exceptions, else its status.
    fn explain_answer(&mut self, span: &Span<'_>, origin: &Origin, answer: &Answered) {
        self.exceptions(span, origin, Some(answer));
        let type_only = span.attributes.text(&["error.type"]).filter(|t| t.parse::<u16>().is_err());
        let said =
            if span.said.is_empty() { type_only.unwrap_or_default() } else { Cow::Borrowed(&*span.said) };
        // Express and others only repeat the status there ("Internal Server Error", "HTTP 500").
        let plain =
            ["internal server error", "service unavailable", "bad gateway", "gateway timeout", "error"];
        let repeats = plain.contains(&said.trim().to_ascii_lowercase().as_str()) || said.len() < 4;
        if !span.thrown.is_empty() || repeats || !self.is_new(span.trace, &["", &said, ""]) {
            return;
        }
        let at = dated(span.end_ns, self.now);
        let mut r = origin.full_record(self.format, at);
        r.level = Level::Error;
        r.message = head(&said, MESSAGE_BYTES_MAX).to_owned();
        r.text = first_line(&r.message);
        r.exceptions = formats::trace::read(&r.message).into();
        r.request = Some(Box::new(Request { trace: span.trace.hex(), ..answer.request(&span.attributes) }));
        self.taken.records.push(r);
    }

    /// A record for each exception that was not told before.
    fn exceptions(&mut self, span: &Span<'_>, origin: &Origin, answer: Option<&Answered>) {
        for t in &span.thrown {
            if !self.is_new(span.trace, &[&t.kind, &t.message, &t.stack]) {
                continue;
            }
            let at = dated(if t.at_ns == 0 { span.end_ns } else { t.at_ns }, self.now);
            let mut r = origin.full_record(self.format, at);
            r.level = if span.failed || t.escaped { Level::Error } else { Level::Warn };
            r.message = head(&said_by(t), MESSAGE_BYTES_MAX).to_owned();
            r.text = first_line(&r.message);
            r.exceptions = thrown::exceptions(&t.kind, &t.message, &t.stack).into();
            keep_fields(&mut r, &span.attributes);
            let request = answer.map(|x| x.request(&span.attributes)).unwrap_or_default();
            r.request = Some(Box::new(Request { trace: span.trace.hex(), ..request }));
            self.taken.records.push(r);
        }
    }

    /// Work inside the service that failed, or a message that could not be handled.
    fn failed_inside(&mut self, span: &Span<'_>, origin: &Origin) {
        if !span.thrown.is_empty() {
            return self.exceptions(span, origin, None);
        }
        let noted = span.attributes.text(NOTED).or(span.attributes.text(&["error.type"])).unwrap_or_default();
        let message = if span.said.is_empty() { noted } else { Cow::Borrowed(&*span.said) };
        if message.is_empty() || !self.is_new(span.trace, &["", &message, ""]) {
            return;
        }
        let at = dated(span.end_ns, self.now);
        let mut r = origin.full_record(self.format, at);
        r.level = Level::Error;
        r.message = head(&message, MESSAGE_BYTES_MAX).to_owned();
        r.text = first_line(&r.message);
        r.exceptions = formats::trace::read(&r.message).into();
        keep_fields(&mut r, &span.attributes);
        r.request = Some(Box::new(Request { trace: span.trace.hex(), ..Request::default() }));
        self.taken.records.push(r);
    }

    /// A call of another service, database or queue: kept where it failed, with the peer's name.
    fn call(&mut self, span: &Span<'_>, origin: &Origin) {
        let a = &span.attributes;
        let status = a.int(STATUS).and_then(|n| u16::try_from(n).ok());
        let answered_badly = status.is_some_and(|s| s >= 500 || s == 429);
        if !span.failed && !answered_badly && span.thrown.is_empty() && !a.has(&["error.type"]) {
            return;
        }
        let peer = peer(a);
        let what = called(span, peer.as_deref());
        let at = dated(span.end_ns, self.now);
        let mut r = origin.full_record(self.format, at);
        r.level = if span.failed { Level::Error } else { Level::Warn };
        let empty = Thrown::default();
        // The last is the one that ended it; those before it were tried again.
        let thrown = span.thrown.last().unwrap_or(&empty);
        let failure = failure(span, thrown, status);
        if !self.is_new(span.trace, &[&what, &failure, &thrown.stack]) {
            return;
        }
        // A signature finds the peer in the line that it matches; several lines stand for themselves.
        r.message = if what.is_empty() {
            failure
        } else if failure.contains('\n') {
            format!("{failure}\ncalling {what}")
        } else if failure.contains(&what) {
            failure
        } else {
            format!("{failure} (calling {what})")
        };
        r.message.truncate(head(&r.message, MESSAGE_BYTES_MAX).len());
        r.text = first_line(&r.message);
        r.exceptions = thrown::exceptions(&thrown.kind, &thrown.message, &thrown.stack).into();
        if let Some(p) = peer {
            r.fields.push(("remote".to_owned(), p));
        }
        r.fields.push(("span".to_owned(), format!("{:016x}", span.id)));
        keep_fields(&mut r, a);
        r.request = Some(Box::new(Request { trace: span.trace.hex(), ..Request::default() }));
        self.taken.records.push(r);
    }

    /// Was this not said in this trace yet?
    fn is_new(&mut self, trace: Trace, parts: &[&str]) -> bool {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let mut h = DefaultHasher::new();
        (trace, parts).hash(&mut h);
        self.told.insert(h.finish())
    }

    /// Counts what was read; failures of services that were called within others' failed requests only explain those.
    pub fn finish(self) {
        let Spans { taken, count, events, nodes, inner, .. } = self;
        for (kind, n) in [("span", count), ("exception event", events)] {
            if n > 0 {
                *taken.items.entry(kind.to_owned()).or_default() += n;
            }
        }
        if inner.is_empty() {
            return;
        }
        let by_id: HashMap<(u128, u64), &Node> = nodes.iter().map(|n| ((n.trace, n.id), n)).collect();
        for (index, trace, mut parent) in inner {
            for _ in 0..DEPTH_MAX {
                let Some(node) = by_id.get(&(trace, parent)) else { break };
                if node.server {
                    if let Some(q) = taken.records.get_mut(index).and_then(|r| r.request.as_mut()) {
                        q.upstream_status = q.status.take();
                        // Its path is that of the call, not of the request that failed.
                        (q.method, q.target, q.host, q.client) = Default::default();
                    }
                    break;
                }
                parent = node.parent;
            }
        }
    }
}

/// `Type: message`, or what is there of it.
fn said_by(t: &Thrown<'_>) -> String {
    match (&*t.kind, &*t.message) {
        ("", "") => t.stack.lines().next().unwrap_or("").trim().to_owned(),
        ("", m) => m.to_owned(),
        (k, "") => k.to_owned(),
        (k, m) if m.starts_with(k) => m.to_owned(),
        (k, m) => format!("{k}: {m}"),
    }
}

/// The first line that says anything: what is shown as evidence.
pub(crate) fn first_line(text: &str) -> String {
    let line = text.lines().map(str::trim).find(|l| !l.is_empty()).unwrap_or("");
    head(line, VALUE_BYTES_MAX).to_owned()
}

/// Attributes that say what was called, by whom, with what outcome. Headers, bodies and stacks are not among them.
fn keep_fields(r: &mut Record, a: &Attributes<'_>) {
    const KEPT: &[&str] =
        &["db.", "rpc.", "messaging.", "peer.", "code.", "faas.", "graphql.", "process.", "thread."];
    const EXACT: &[&str] =
        &["http.route", "error.type", "component", "url.full", "http.url", "aws.service", "exception.code"];
    for (name, value) in &a.0 {
        if r.fields.len() >= FIELDS_MAX {
            break;
        }
        if EXACT.contains(&&**name) || KEPT.iter().any(|p| name.starts_with(p)) {
            r.fields.push((name.clone().into_owned(), head(&value.text(), VALUE_BYTES_MAX).to_owned()));
        }
    }
}
