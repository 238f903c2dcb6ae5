//! OTLP in protobuf: the messages of `opentelemetry/proto/{trace,logs,metrics}/v1`, as far as they are asked for. Field numbers are
//! those of the `.proto` files (github.com/open-telemetry/opentelemetry-proto, v1.9).

use super::Read;
use super::logs::{Body, Log, Logs};
use crate::Taken;
use crate::attributes::{Attributes, Value};
use crate::protobuf::{Broken, Field, Message};
use crate::spans::{Kind, Origin, Span, Spans, Thrown, Trace, answer_in_event};
use record::Time;
use std::borrow::Cow;

/// Values within values, as they stand in attributes and structured bodies; beyond, `…` is shown.
const DEPTH_MAX: usize = 16;
/// SDKs before 2021 sent `instrumentation_library_spans` in place of `scope_spans`: the same shape under this number.
const LIBRARY: u32 = 1_000;

/// What one library wrote of one resource.
struct Scope<'s, 'a> {
    resource: &'s Attributes<'a>,
    /// The resource was not seen before.
    fresh: bool,
    name: Cow<'a, str>,
    /// The message that holds the spans, log records or metrics.
    items: &'a [u8],
}

/// Calls `each` for all scopes of all resources.
fn each_scope<'a>(body: &'a [u8], read: &mut Read, each: &mut dyn FnMut(Scope<'_, 'a>, &mut Read)) {
    for field in Message::new(body) {
        let Some((1, Field::Bytes(resource_items))) = read.sound(field) else { continue };
        let resource = resource(resource_items);
        let mut fresh = true;
        for field in Message::new(resource_items) {
            let Some((2 | LIBRARY, Field::Bytes(scope_items))) = read.sound(field) else { continue };
            let scope = Message::new(scope_items).flatten().find(|(n, _)| *n == 1);
            let name = scope
                .and_then(|(_, f)| Message::new(f.bytes()).flatten().find(|(n, _)| *n == 1))
                .map(|(_, f)| f.text())
                .unwrap_or_default();
            each(Scope { resource: &resource, fresh, name, items: scope_items }, read);
            fresh = false;
        }
    }
}

/// The attributes of the resource within a `ResourceSpans`; the last one stands, wherever it is.
fn resource(items: &[u8]) -> Attributes<'_> {
    let mut a = Attributes::default();
    for (_, field) in Message::new(items).flatten().filter(|(n, _)| *n == 1) {
        for (_, kv) in Message::new(field.bytes()).flatten().filter(|(n, _)| *n == 1) {
            key_value(kv.bytes(), &mut a);
        }
    }
    a
}

/// `ExportTraceServiceRequest`.
pub(super) fn traces(body: &[u8], taken: &mut Taken, now: Time) -> Read {
    let mut read = Read::default();
    let mut origin = Origin::default();
    let mut spans = Spans::new(taken, super::NAME, now);
    let mut span = Span::default();
    each_scope(body, &mut read, &mut |scope, read| {
        if scope.fresh {
            origin = Origin::of(scope.resource, spans.taken());
        }
        for field in Message::new(scope.items) {
            let Some((2, Field::Bytes(bytes))) = read.sound(field) else { continue };
            match span_of(bytes, &mut span) {
                Ok(()) => {
                    spans.take(&span, &origin);
                    read.items += 1;
                }
                Err(Broken) => read.reject(),
            }
        }
    });
    spans.finish();
    read
}

fn span_of<'a>(bytes: &'a [u8], span: &mut Span<'a>) -> Result<(), Broken> {
    span.clear();
    for field in Message::new(bytes) {
        let (number, field) = field?;
        match number {
            1 => span.trace = Trace { id: id128(field.bytes()), short: false },
            2 => span.id = id64(field.bytes()),
            4 => span.parent = id64(field.bytes()),
            5 => span.name = field.text(),
            6 => span.kind = kind(field.number()),
            7 => span.begin_ns = field.number(),
            8 => span.end_ns = field.number(),
            9 => key_value(field.bytes(), &mut span.attributes),
            11 => event(field.bytes(), span)?,
            15 => {
                for part in Message::new(field.bytes()) {
                    match part? {
                        (2, f) => span.said = f.text(),
                        (3, f) => span.failed = f.number() == 2,
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// An event within a span; only what tells of an error is kept.
fn event<'a>(bytes: &'a [u8], span: &mut Span<'a>) -> Result<(), Broken> {
    let (mut at_ns, mut name, mut attributes) = (0, Cow::Borrowed(""), Attributes::default());
    for field in Message::new(bytes) {
        match field? {
            (1, f) => at_ns = f.number(),
            (2, f) => name = f.text(),
            (3, f) => key_value(f.bytes(), &mut attributes),
            _ => {}
        }
    }
    answer_in_event(&attributes, span);
    span.thrown.extend(Thrown::of(at_ns, name, attributes));
    Ok(())
}

/// `SpanKind`.
pub(super) fn kind(number: u64) -> Kind {
    match number {
        2 => Kind::Server,
        3 => Kind::Client,
        4 => Kind::Producer,
        5 => Kind::Consumer,
        _ => Kind::Internal,
    }
}

fn id128(bytes: &[u8]) -> u128 {
    bytes.try_into().map(u128::from_be_bytes).unwrap_or_default()
}

fn id64(bytes: &[u8]) -> u64 {
    bytes.try_into().map(u64::from_be_bytes).unwrap_or_default()
}

/// `ExportLogsServiceRequest`.
pub(super) fn logs(body: &[u8], taken: &mut Taken, now: Time) -> Read {
    let mut read = Read::default();
    let mut logs = Logs::new(taken, now);
    each_scope(body, &mut read, &mut |scope, read| {
        if scope.fresh {
            logs.from(scope.resource);
        }
        for field in Message::new(scope.items) {
            let Some((2, Field::Bytes(bytes))) = read.sound(field) else { continue };
            match log_of(bytes) {
                Ok(log) => {
                    logs.take(&log, &scope.name);
                    read.items += 1;
                }
                Err(Broken) => read.reject(),
            }
        }
    });
    logs.finish();
    read
}

fn log_of(bytes: &[u8]) -> Result<Log<'_>, Broken> {
    let mut log = Log::default();
    for field in Message::new(bytes) {
        let (number, field) = field?;
        match number {
            1 => log.at_ns = field.number(),
            2 => log.severity = field.number(),
            3 => log.severity_text = field.text(),
            5 => log.body = body_of(field.bytes()),
            6 => key_value(field.bytes(), &mut log.attributes),
            9 => log.trace = id128(field.bytes()),
            11 => log.observed_ns = field.number(),
            12 => log.event = field.text(),
            _ => {}
        }
    }
    Ok(log)
}

fn body_of(any: &[u8]) -> Body<'_> {
    match Message::new(any).flatten().last() {
        Some((1, f)) => Body::Text(f.text()),
        Some(_) => match json(any, 0) {
            serde_json::Value::Null => Body::Empty,
            tree => Body::Tree(tree),
        },
        None => Body::Empty,
    }
}

/// `ExportMetricsServiceRequest`: counted.
pub(super) fn metrics(body: &[u8], taken: &mut Taken) -> Read {
    let mut read = Read::default();
    each_scope(body, &mut read, &mut |scope, read| {
        if scope.fresh {
            Origin::of(scope.resource, taken);
        }
        for field in Message::new(scope.items) {
            read.items += u64::from(matches!(read.sound(field), Some((2, Field::Bytes(_)))));
        }
    });
    if read.items > 0 {
        *taken.items.entry("metric".to_owned()).or_default() += read.items;
    }
    read
}

/// A `KeyValue`; a broken one is left out.
fn key_value<'a>(bytes: &'a [u8], to: &mut Attributes<'a>) {
    let (mut key, mut value) = (Cow::Borrowed(""), Value::Empty);
    for (number, field) in Message::new(bytes).flatten() {
        match number {
            1 => key = field.text(),
            2 => value = any(field.bytes()),
            _ => {}
        }
    }
    if !key.is_empty() {
        to.push(key, value);
    }
}

/// An `AnyValue`.
fn any(bytes: &[u8]) -> Value<'_> {
    let Some((number, field)) = Message::new(bytes).flatten().last() else { return Value::Empty };
    match number {
        1 => Value::Text(field.text()),
        2 => Value::Bool(field.number() != 0),
        // Two's complement of 64 bits.
        3 => Value::Int(field.number() as i64),
        4 => Value::Float(f64::from_bits(field.number())),
        5..=7 => Value::Text(Cow::Owned(json(bytes, 0).to_string())),
        _ => Value::Empty,
    }
}

/// An `AnyValue` as JSON.
fn json(bytes: &[u8], depth: usize) -> serde_json::Value {
    use serde_json::Value as Json;
    let Some((number, field)) = Message::new(bytes).flatten().last() else { return Json::Null };
    if depth > DEPTH_MAX {
        return Json::from("…");
    }
    let members = || Message::new(field.bytes()).flatten().filter(|(n, _)| *n == 1).map(|(_, f)| f.bytes());
    match number {
        1 => Json::from(field.text()),
        2 => Json::from(field.number() != 0),
        3 => Json::from(field.number() as i64),
        4 => Json::from(f64::from_bits(field.number())),
        5 => members().map(|m| json(m, depth + 1)).collect(),
        6 => {
            let pair = |kv: &[u8]| {
                let (mut key, mut value) = (String::new(), Json::Null);
                for (n, f) in Message::new(kv).flatten() {
                    match n {
                        1 => key = f.text().into_owned(),
                        2 => value = json(f.bytes(), depth + 1),
                        _ => {}
                    }
                }
                (key, value)
            };
            Json::Object(members().map(pair).collect())
        }
        7 => Json::from(String::from_utf8_lossy(field.bytes())),
        _ => Json::Null,
    }
}
