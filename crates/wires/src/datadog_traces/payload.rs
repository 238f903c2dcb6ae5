//! Payloads of traces, in all their versions, to spans.
//!
//! ```text
//! v0.3, v0.4   [[{"service": …, "trace_id": 6537351570370262525, "meta": {"http.status_code": "500", …}, …}, …], …]
//! v0.5         [["", "flask", "flask.request", …], [[[1, 2, 3, 67…, 17…, 0, start, duration, 1, {4: 5}, {6: 1.0}, 7], …], …]]
//! v0.7         {"language_name": "go", "hostname": …, "chunks": [{"priority": 1, "spans": [{…}], "tags": {"_dd.p.tid": …}}]}
//! ```
//!
//! Sources: github.com/DataDog/datadog-agent `pkg/proto/datadog/trace/{span,tracer_payload,agent_payload}.proto` and
//! `pkg/proto/pbgo/trace/decoder_v05.go`. What the agent sends on to Datadog (`/api/v0.2/traces`) is the same in protobuf.

use super::msgpack::{Broken, Reader};
use crate::attributes::{Attributes, Value};
use crate::protobuf::{Field, Message};
use crate::spans::{Kind, Origin, Span, Spans, Thrown, Trace};
use std::borrow::Cow;

/// One span as it came, before its chunk is known whole.
#[derive(Clone, Debug, Default)]
pub(super) struct Raw<'a> {
    service: Cow<'a, str>,
    name: Cow<'a, str>,
    resource: Cow<'a, str>,
    /// `web`, `http`, `sql`, `redis`, …
    sort: Cow<'a, str>,
    trace: u64,
    id: u64,
    parent: u64,
    start_ns: u64,
    duration_ns: u64,
    failed: bool,
    tags: Attributes<'a>,
}

impl Raw<'_> {
    fn clear(&mut self) {
        let mut tags = std::mem::take(&mut self.tags);
        tags.0.clear();
        *self = Raw { tags, ..Raw::default() };
    }
}

/// The spans of one trace that came together. Their room is used again for the next.
#[derive(Default)]
pub(super) struct Chunk<'a> {
    spans: Vec<Raw<'a>>,
    used: usize,
    /// Tags of all its spans.
    tags: Attributes<'a>,
    hostname: Cow<'a, str>,
    env: Cow<'a, str>,
    version: Cow<'a, str>,
    origin: Origin,
}

impl<'a> Chunk<'a> {
    fn begin(&mut self) {
        self.used = 0;
        self.tags.0.clear();
    }

    fn next(&mut self) -> &mut Raw<'a> {
        if self.used == self.spans.len() {
            self.spans.push(Raw::default());
        }
        self.used += 1;
        let raw = &mut self.spans[self.used - 1];
        raw.clear();
        raw
    }

    fn tag(&self, name: &str) -> Option<Cow<'_, str>> {
        let all = self.spans.iter().take(self.used).map(|s| &s.tags).chain([&self.tags]);
        all.filter_map(|t| t.text(&[name])).next()
    }

    /// Hands its spans over.
    fn end(&mut self, out: &mut Spans<'_>) {
        self.set_origin(out);
        // On one span of each chunk: the upper 64 bits of the trace id.
        let upper = self.tag("_dd.p.tid").and_then(|t| u64::from_str_radix(&t, 16).ok()).unwrap_or(0);
        let spans = self.spans.get_mut(..self.used).unwrap_or_default();
        let mut ids: Vec<u64> = spans.iter().map(|s| s.id).collect();
        ids.sort_unstable();
        for raw in spans {
            let is_entry = raw.parent == 0 || ids.binary_search(&raw.parent).is_err();
            out.take(&span_of(raw, upper, is_entry), &self.origin);
        }
    }

    /// The same sender sends all chunks of a body but for those of agents: made anew only where it is another.
    fn set_origin(&mut self, out: &mut Spans<'_>) {
        let spans = || self.spans.iter().take(self.used);
        // Integrations name services of their own (`orders-api-postgres`, `flask`); this is whose process it is.
        let base = self.tag("_dd.base_service");
        let root = spans().find(|s| s.parent == 0).or(spans().next());
        let service = base.or_else(|| root.map(|s| Cow::Borrowed(&*s.service))).unwrap_or_default();
        let or_tag = |known: &Cow<'a, str>, name: &str| {
            if known.is_empty() { self.tag(name).unwrap_or_default().into_owned() } else { known.to_string() }
        };
        let said = |known: &Option<String>| known.as_deref().unwrap_or("").to_owned();
        let is_same = self.origin.service.as_deref() == Some(&*service)
            && self.tag("version").is_none_or(|v| self.origin.release.as_deref() == Some(&*v))
            && self.tag("env").is_none_or(|v| self.origin.environment.as_deref() == Some(&*v));
        if is_same && self.hostname == said(&self.origin.node) {
            return;
        }
        let some = |s: String| (!s.is_empty()).then_some(s);
        let origin = Origin {
            service: some(service.into_owned()),
            node: some(or_tag(&self.hostname, "_dd.hostname")),
            pid: self.tag("process_id").or_else(|| self.tag("system.pid")).map(Cow::into_owned),
            release: some(or_tag(&self.version, "version")),
            environment: some(or_tag(&self.env, "env")),
        };
        origin.say(out.taken());
        self.origin = origin;
    }
}

/// What kind of span it is: `span.kind` where the client says it, else by its type.
fn kind(raw: &Raw<'_>, is_entry: bool) -> Kind {
    match raw.tags.text(&["span.kind"]).as_deref() {
        Some("server") => return Kind::Server,
        Some("client") => return Kind::Client,
        Some("producer") => return Kind::Producer,
        Some("consumer") => return Kind::Consumer,
        Some("internal") => return Kind::Internal,
        _ => {}
    }
    match &*raw.sort {
        "web" | "serverless" if is_entry => Kind::Server,
        "rpc" | "grpc" if raw.name.contains("server") => Kind::Server,
        "rpc" | "grpc" | "http" | "sql" | "db" | "cache" | "redis" | "valkey" | "memcached" | "mongodb"
        | "cassandra" | "elasticsearch" | "opensearch" | "dynamodb" | "aerospike" | "couchbase" | "dns"
        | "leveldb" | "consul" => Kind::Client,
        "queue" | "worker" => Kind::Consumer,
        _ => Kind::Internal,
    }
}

/// As the conventions of OpenTelemetry would have it.
fn span_of<'a>(raw: &mut Raw<'a>, upper: u64, is_entry: bool) -> Span<'a> {
    let kind = kind(raw, is_entry);
    let mut tags = std::mem::take(&mut raw.tags);
    if kind == Kind::Client {
        name_database(raw, &mut tags);
    }
    let mut thrown = Vec::new();
    if raw.failed {
        let mut take = |names: &[&str]| {
            let found = tags.0.iter_mut().find(|(n, v)| names.contains(&&**n) && !v.text().is_empty());
            match found.map(|(_, v)| std::mem::take(v)) {
                Some(Value::Text(t)) => t,
                _ => Cow::Borrowed(""),
            }
        };
        let one = Thrown {
            at_ns: 0,
            kind: take(&["error.type"]),
            message: take(&["error.message", "error.msg"]),
            stack: take(&["error.stack", "error.handling_stack"]),
            escaped: true,
            named: false,
        };
        if !(one.kind.is_empty() && one.message.is_empty() && one.stack.is_empty()) {
            thrown.push(one);
        }
    }
    let named = matches!(kind, Kind::Server | Kind::Client) && !raw.resource.is_empty();
    Span {
        kind,
        name: if named { raw.resource.clone() } else { raw.name.clone() },
        trace: Trace { id: u128::from(upper) << 64 | u128::from(raw.trace), short: true },
        id: raw.id,
        parent: raw.parent,
        begin_ns: raw.start_ns,
        end_ns: raw.start_ns.saturating_add(raw.duration_ns),
        failed: raw.failed,
        said: Cow::Borrowed(""),
        attributes: tags,
        thrown,
    }
}

/// Datadog says by the type, the operation (`postgres.query`) and the resource (the statement) what OpenTelemetry says by attributes.
fn name_database<'a>(raw: &Raw<'a>, tags: &mut Attributes<'a>) {
    let of_data = !matches!(&*raw.sort, "" | "http" | "rpc" | "grpc" | "web" | "dns" | "queue");
    if !of_data {
        return;
    }
    if !tags.has(&["db.system", "db.type", "db.system.name"]) {
        let system = if matches!(&*raw.sort, "sql" | "db" | "cache") {
            raw.name.split(['.', ' ']).next().unwrap_or("")
        } else {
            &raw.sort
        };
        tags.push(Cow::Borrowed("db.system"), Value::Text(Cow::Owned(system.to_owned())));
    }
    if !raw.resource.is_empty() && !tags.has(&["db.statement", "sql.query", "db.query.text"]) {
        tags.push(Cow::Borrowed("db.statement"), Value::Text(raw.resource.clone()));
    }
}

/// v0.3, v0.4: lists of spans.
pub(super) fn lists(body: &[u8], out: &mut Spans<'_>) -> Result<(), Broken> {
    let mut r = Reader::new(body);
    let mut chunk = Chunk::default();
    for _ in 0..r.list()? {
        chunk.begin();
        let read = spans(&mut r, &mut chunk);
        chunk.end(out);
        read?;
    }
    Ok(())
}

fn spans<'a>(r: &mut Reader<'a>, chunk: &mut Chunk<'a>) -> Result<(), Broken> {
    for _ in 0..r.list()? {
        let raw = chunk.next();
        if let Err(broken) = span(r, raw) {
            chunk.used -= 1;
            return Err(broken);
        }
    }
    Ok(())
}

fn span<'a>(r: &mut Reader<'a>, raw: &mut Raw<'a>) -> Result<(), Broken> {
    for _ in 0..r.map()? {
        match &*r.text()? {
            "service" => raw.service = r.text()?,
            "name" => raw.name = r.text()?,
            "resource" => raw.resource = r.text()?,
            "type" => raw.sort = r.text()?,
            "trace_id" => raw.trace = r.bits()?,
            "span_id" => raw.id = r.bits()?,
            "parent_id" => raw.parent = r.bits()?,
            "start" => raw.start_ns = r.bits()?,
            "duration" => raw.duration_ns = r.bits()?,
            "error" => raw.failed = r.bits()? != 0,
            "meta" => texts(r, &mut raw.tags)?,
            "metrics" => {
                for _ in 0..r.map()? {
                    let name = r.text()?;
                    raw.tags.push(name, Value::Float(r.float()?));
                }
            }
            _ => r.skip()?,
        }
    }
    Ok(())
}

fn texts<'a>(r: &mut Reader<'a>, to: &mut Attributes<'a>) -> Result<(), Broken> {
    for _ in 0..r.map()? {
        let name = r.text()?;
        to.push(name, Value::Text(r.text()?));
    }
    Ok(())
}

/// v0.5: texts stand once, in a list before the traces, and spans name them by their places in it.
pub(super) fn table<'a>(body: &'a [u8], out: &mut Spans<'_>) -> Result<(), Broken> {
    let mut r = Reader::new(body);
    if r.list()? != 2 {
        return Err(Broken);
    }
    let mut strings: Vec<Cow<'a, str>> = Vec::new();
    for _ in 0..r.list()? {
        strings.push(r.text()?);
    }
    let said = |r: &mut Reader<'a>| -> Result<Cow<'a, str>, Broken> {
        let place = usize::try_from(r.bits()?).unwrap_or(usize::MAX);
        Ok(match strings.get(place) {
            Some(Cow::Borrowed(s)) => Cow::Borrowed(*s),
            Some(Cow::Owned(s)) => Cow::Owned(s.clone()),
            None => Cow::Borrowed(""),
        })
    };
    let row = |r: &mut Reader<'a>, raw: &mut Raw<'a>| -> Result<(), Broken> {
        let n = r.list()?;
        if n < 12 {
            return Err(Broken);
        }
        raw.service = said(r)?;
        raw.name = said(r)?;
        raw.resource = said(r)?;
        raw.trace = r.bits()?;
        raw.id = r.bits()?;
        raw.parent = r.bits()?;
        raw.start_ns = r.bits()?;
        raw.duration_ns = r.bits()?;
        raw.failed = r.bits()? != 0;
        for _ in 0..r.map()? {
            let name = said(r)?;
            raw.tags.push(name, Value::Text(said(r)?));
        }
        for _ in 0..r.map()? {
            let name = said(r)?;
            raw.tags.push(name, Value::Float(r.float()?));
        }
        raw.sort = said(r)?;
        for _ in 12..n {
            r.skip()?;
        }
        Ok(())
    };
    let mut chunk = Chunk::default();
    for _ in 0..r.list()? {
        chunk.begin();
        let mut read = Ok(());
        for _ in 0..r.list()? {
            read = row(&mut r, chunk.next());
            if read.is_err() {
                chunk.used -= 1;
                break;
            }
        }
        chunk.end(out);
        read?;
    }
    Ok(())
}

/// v0.7: chunks, with what is the same for all.
pub(super) fn payload(body: &[u8], out: &mut Spans<'_>) -> Result<(), Broken> {
    let mut chunk = Chunk::default();
    // The chunks may stand before the host's name: first all that is short.
    let mut r = Reader::new(body);
    let mut chunks = None;
    for _ in 0..r.map()? {
        match &*r.text()? {
            "env" => chunk.env = r.text()?,
            "hostname" => chunk.hostname = r.text()?,
            "app_version" => chunk.version = r.text()?,
            "chunks" => {
                chunks = Some(r);
                // What is cut off further on is found again below.
                if r.skip().is_err() {
                    break;
                }
            }
            _ => r.skip()?,
        }
    }
    let Some(mut r) = chunks else { return Ok(()) };
    for _ in 0..r.list()? {
        chunk.begin();
        let mut read = Ok(());
        for _ in 0..r.map()? {
            read = match &*r.text()? {
                "spans" => spans(&mut r, &mut chunk),
                "tags" => texts(&mut r, &mut chunk.tags),
                _ => r.skip(),
            };
            if read.is_err() {
                break;
            }
        }
        chunk.end(out);
        read?;
    }
    Ok(())
}

/// v0.2 to v0.4 in JSON, as clients before 2017 and scripts write it.
pub(super) fn json(body: &[u8], out: &mut Spans<'_>) -> Result<(), String> {
    use serde_json::Value as Json;
    let tree: Json = serde_json::from_slice(body).map_err(|e| e.to_string())?;
    let mut chunk = Chunk::default();
    for trace in tree.as_array().into_iter().flatten() {
        chunk.begin();
        for s in trace.as_array().into_iter().flatten() {
            let raw = chunk.next();
            let text = |name: &str| Cow::Borrowed(s.get(name).and_then(Json::as_str).unwrap_or(""));
            let bits = |name: &str| {
                s.get(name).map_or(0, |n| n.as_u64().or(n.as_i64().map(|n| n as u64)).unwrap_or(0))
            };
            (raw.service, raw.name, raw.resource, raw.sort) =
                (text("service"), text("name"), text("resource"), text("type"));
            (raw.trace, raw.id, raw.parent) = (bits("trace_id"), bits("span_id"), bits("parent_id"));
            (raw.start_ns, raw.duration_ns, raw.failed) =
                (bits("start"), bits("duration"), bits("error") != 0);
            for (name, v) in s.get("meta").and_then(Json::as_object).into_iter().flatten() {
                raw.tags.push(Cow::Borrowed(name), Value::Text(Cow::Borrowed(v.as_str().unwrap_or(""))));
            }
            for (name, v) in s.get("metrics").and_then(Json::as_object).into_iter().flatten() {
                raw.tags.push(Cow::Borrowed(name), Value::Float(v.as_f64().unwrap_or(0.0)));
            }
        }
        chunk.end(out);
    }
    Ok(())
}

/// `AgentPayload`: what an agent sends on.
pub(super) fn agent(body: &[u8], out: &mut Spans<'_>) -> Result<(), Broken> {
    let of = |e: crate::protobuf::Broken| {
        let _ = e;
        Broken
    };
    let fields = |bytes| Message::new(bytes).map(move |f| f.map_err(of));
    let mut chunk = Chunk::default();
    let (mut host, mut env) = (Cow::Borrowed(""), Cow::Borrowed(""));
    for field in fields(body) {
        match field? {
            (1, f) => host = f.text(),
            (2, f) => env = f.text(),
            (5, Field::Bytes(tracer)) => {
                (chunk.hostname, chunk.env, chunk.version) = (host.clone(), env.clone(), Cow::Borrowed(""));
                for (number, f) in Message::new(tracer).flatten() {
                    match number {
                        8 if !f.bytes().is_empty() => chunk.env = f.text(),
                        9 if !f.bytes().is_empty() => chunk.hostname = f.text(),
                        10 => chunk.version = f.text(),
                        _ => {}
                    }
                }
                for field in fields(tracer) {
                    let (6, Field::Bytes(bytes)) = field? else { continue };
                    chunk.begin();
                    for field in fields(bytes) {
                        match field? {
                            (3, f) => agent_span(f.bytes(), chunk.next()),
                            (4, f) => pair(f.bytes(), &mut chunk.tags),
                            _ => {}
                        }
                    }
                    chunk.end(out);
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn agent_span<'a>(bytes: &'a [u8], raw: &mut Raw<'a>) {
    for (number, f) in Message::new(bytes).flatten() {
        match number {
            1 => raw.service = f.text(),
            2 => raw.name = f.text(),
            3 => raw.resource = f.text(),
            4 => raw.trace = f.number(),
            5 => raw.id = f.number(),
            6 => raw.parent = f.number(),
            7 => raw.start_ns = f.number(),
            8 => raw.duration_ns = f.number(),
            9 => raw.failed = f.number() != 0,
            10 | 11 => pair(f.bytes(), &mut raw.tags),
            12 => raw.sort = f.text(),
            _ => {}
        }
    }
}

/// An entry of a map: of texts, or of a text and a double.
fn pair<'a>(bytes: &'a [u8], to: &mut Attributes<'a>) {
    let (mut name, mut value) = (Cow::Borrowed(""), Value::Empty);
    for (number, f) in Message::new(bytes).flatten() {
        match (number, f) {
            (1, f) => name = f.text(),
            (2, Field::Fixed64(bits)) => value = Value::Float(f64::from_bits(bits)),
            (2, f) => value = Value::Text(f.text()),
            _ => {}
        }
    }
    to.push(name, value);
}
