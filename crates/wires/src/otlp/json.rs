//! OTLP in JSON: the mapping of ProtoJSON with trace ids in hex (opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding).
//!
//! ```text
//! {"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"orders"}}]},
//!   "scopeSpans":[{"scope":{"name":"http"},"spans":[{"traceId":"027519e3…","kind":2,"startTimeUnixNano":"1795505388325000000",…
//! ```
//!
//! Senders stray: 64-bit numbers as numbers, enums by name (`SPAN_KIND_SERVER`), snake case, null for what is empty. All of that is
//! read; what is of another type counts as empty, so that one odd attribute costs no batch.

use super::logs::{Body, Log, Logs};
use super::{Read, binary};
use crate::Taken;
use crate::attributes::{Attributes, Value};
use crate::spans::{Origin, Span, Spans, Thrown, Trace, answer_in_event};
use record::Time;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value as Json;
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

/// Values within values; serde_json stops at 128 by itself.
const DEPTH_MAX: usize = 32;

/// A text; numbers and truth values are taken as they are written.
#[derive(Clone, Debug, Default)]
struct Text<'a>(Cow<'a, str>);

/// A whole number, as a number or as text; enums by name.
#[derive(Clone, Copy, Debug, Default)]
struct Number(i64);

/// A list; null and everything else is an empty one.
#[derive(Clone, Debug)]
struct List<T>(Vec<T>);

impl<T> Default for List<T> {
    fn default() -> List<T> {
        List(Vec::new())
    }
}

struct TextVisitor;

/// Reads over what stands where something else was meant.
fn skip_seq<'de, A: SeqAccess<'de>>(mut seq: A) -> Result<(), A::Error> {
    while seq.next_element::<IgnoredAny>()?.is_some() {}
    Ok(())
}

fn skip_map<'de, A: MapAccess<'de>>(mut map: A) -> Result<(), A::Error> {
    while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
    Ok(())
}

macro_rules! scalars {
    ($value:ty, $text:expr, $int:expr, $float:expr, $bool:expr) => {
        type Value = $value;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a scalar")
        }
        fn visit_i64<E>(self, n: i64) -> Result<$value, E> {
            Ok($int(n))
        }
        fn visit_u64<E>(self, n: u64) -> Result<$value, E> {
            // Written as 64 bits: beyond the signed range it is the same bits.
            Ok($int(n as i64))
        }
        fn visit_f64<E>(self, n: f64) -> Result<$value, E> {
            Ok($float(n))
        }
        fn visit_bool<E>(self, b: bool) -> Result<$value, E> {
            Ok($bool(b))
        }
        fn visit_unit<E>(self) -> Result<$value, E> {
            Ok(<$value>::default())
        }
        fn visit_borrowed_str<E>(self, s: &'de str) -> Result<$value, E> {
            Ok($text(Cow::Borrowed(s)))
        }
        fn visit_str<E>(self, s: &str) -> Result<$value, E> {
            Ok($text(Cow::Owned(s.to_owned())))
        }
        fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<$value, A::Error> {
            skip_seq(seq)?;
            Ok(<$value>::default())
        }
        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<$value, A::Error> {
            skip_map(map)?;
            Ok(<$value>::default())
        }
    };
}

impl<'de> Visitor<'de> for TextVisitor {
    scalars!(
        Text<'de>,
        Text,
        |n: i64| Text(Cow::Owned(n.to_string())),
        |n: f64| Text(Cow::Owned(n.to_string())),
        |b: bool| Text(Cow::Borrowed(if b { "true" } else { "false" }))
    );
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(TextVisitor)
    }
}

struct NumberVisitor;

impl<'de> Visitor<'de> for NumberVisitor {
    scalars!(Number, |s: Cow<'_, str>| Number(named(&s)), Number, |n: f64| Number(n as i64), |b: bool| {
        Number(i64::from(b))
    });
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(NumberVisitor)
    }
}

/// The number in a text, or of an enum's name.
fn named(s: &str) -> i64 {
    if let Ok(n) = s.trim().parse::<i64>() {
        return n;
    }
    if let Ok(n) = s.trim().parse::<u64>() {
        return n as i64;
    }
    let kinds = ["INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"];
    let levels = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];
    let place =
        |list: &[&str], word: &str| list.iter().position(|w| *w == word).and_then(|i| i64::try_from(i).ok());
    if let Some(kind) = s.strip_prefix("SPAN_KIND_") {
        return place(&kinds, kind).map_or(0, |i| i + 1);
    }
    if let Some(level) = s.strip_prefix("SEVERITY_NUMBER_") {
        let step = level.bytes().last().filter(u8::is_ascii_digit).map_or(1, |d| i64::from(d - b'0'));
        return place(&levels, level.trim_end_matches(|c: char| c.is_ascii_digit()))
            .map_or(0, |i| i * 4 + step);
    }
    match s {
        "STATUS_CODE_OK" => 1,
        "STATUS_CODE_ERROR" => 2,
        _ => 0,
    }
}

struct ListVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ListVisitor<T> {
    type Value = List<T>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }
    fn visit_unit<E>(self) -> Result<List<T>, E> {
        Ok(List::default())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<List<T>, A::Error> {
        let mut list = Vec::new();
        while let Some(x) = seq.next_element::<Option<T>>()? {
            list.extend(x);
        }
        Ok(List(list))
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<List<T>, A::Error> {
        skip_map(map)?;
        Ok(List::default())
    }
    fn visit_str<E>(self, _: &str) -> Result<List<T>, E> {
        Ok(List::default())
    }
    fn visit_u64<E>(self, _: u64) -> Result<List<T>, E> {
        Ok(List::default())
    }
    fn visit_bool<E>(self, _: bool) -> Result<List<T>, E> {
        Ok(List::default())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(ListVisitor(PhantomData))
    }
}

#[derive(serde::Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "S: Deserialize<'de>"))]
struct Export<S> {
    #[serde(
        alias = "resourceLogs",
        alias = "resourceMetrics",
        alias = "resource_spans",
        alias = "resource_logs",
        alias = "resource_metrics"
    )]
    resource_spans: List<S>,
}

impl<S> Default for Export<S> {
    fn default() -> Self {
        Export { resource_spans: List::default() }
    }
}

#[derive(serde::Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ResourceItems<'a, T> {
    #[serde(borrow)]
    resource: Option<Resource<'a>>,
    #[serde(
        alias = "scopeLogs",
        alias = "scopeMetrics",
        alias = "scope_spans",
        alias = "scope_logs",
        alias = "scope_metrics",
        alias = "instrumentationLibrarySpans",
        bound(deserialize = "T: Deserialize<'de>")
    )]
    scope_spans: List<ScopeItems<'a, T>>,
}

impl<T> Default for ResourceItems<'_, T> {
    fn default() -> Self {
        ResourceItems { resource: None, scope_spans: List::default() }
    }
}

#[derive(serde::Deserialize, Default)]
#[serde(default)]
struct Resource<'a> {
    #[serde(borrow)]
    attributes: List<KeyValue<'a>>,
}

#[derive(serde::Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ScopeItems<'a, T> {
    #[serde(borrow, alias = "instrumentationLibrary")]
    scope: Option<Scope<'a>>,
    #[serde(
        alias = "logRecords",
        alias = "log_records",
        alias = "metrics",
        bound(deserialize = "T: Deserialize<'de>")
    )]
    spans: List<T>,
}

impl<T> Default for ScopeItems<'_, T> {
    fn default() -> Self {
        ScopeItems { scope: None, spans: List::default() }
    }
}

#[derive(serde::Deserialize, Default)]
#[serde(default)]
struct Scope<'a> {
    #[serde(borrow)]
    name: Text<'a>,
}

#[derive(serde::Deserialize, Default)]
#[serde(default)]
struct KeyValue<'a> {
    #[serde(borrow)]
    key: Text<'a>,
    value: Option<AnyValue<'a>>,
}

#[derive(serde::Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct AnyValue<'a> {
    #[serde(borrow, alias = "string_value")]
    string_value: Option<Text<'a>>,
    #[serde(alias = "bool_value")]
    bool_value: Option<Number>,
    #[serde(alias = "int_value")]
    int_value: Option<Number>,
    #[serde(alias = "double_value")]
    double_value: Option<Text<'a>>,
    #[serde(alias = "array_value")]
    array_value: Option<Json>,
    #[serde(alias = "kvlist_value")]
    kvlist_value: Option<Json>,
    #[serde(alias = "bytes_value")]
    bytes_value: Option<Text<'a>>,
}

#[derive(serde::Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct SpanJson<'a> {
    #[serde(borrow, alias = "trace_id")]
    trace_id: Text<'a>,
    #[serde(alias = "span_id")]
    span_id: Text<'a>,
    #[serde(alias = "parent_span_id")]
    parent_span_id: Text<'a>,
    name: Text<'a>,
    kind: Number,
    #[serde(alias = "start_time_unix_nano")]
    start_time_unix_nano: Number,
    #[serde(alias = "end_time_unix_nano")]
    end_time_unix_nano: Number,
    attributes: List<KeyValue<'a>>,
    events: List<EventJson<'a>>,
    status: Option<StatusJson<'a>>,
}

#[derive(serde::Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct EventJson<'a> {
    #[serde(alias = "time_unix_nano")]
    time_unix_nano: Number,
    #[serde(borrow)]
    name: Text<'a>,
    attributes: List<KeyValue<'a>>,
}

#[derive(serde::Deserialize, Default)]
#[serde(default)]
struct StatusJson<'a> {
    #[serde(borrow)]
    message: Text<'a>,
    code: Number,
}

#[derive(serde::Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct LogJson<'a> {
    #[serde(alias = "time_unix_nano")]
    time_unix_nano: Number,
    #[serde(alias = "observed_time_unix_nano")]
    observed_time_unix_nano: Number,
    #[serde(alias = "severity_number")]
    severity_number: Number,
    #[serde(borrow, alias = "severity_text")]
    severity_text: Text<'a>,
    body: Option<AnyValue<'a>>,
    attributes: List<KeyValue<'a>>,
    #[serde(alias = "trace_id")]
    trace_id: Text<'a>,
    #[serde(alias = "event_name")]
    event_name: Text<'a>,
}

/// The resources of all documents of a body (PHP's `http/ndjson` sends several), up to the first that cannot be read.
fn resources<'a, T: serde::Deserialize<'a>>(body: &'a [u8], read: &mut Read) -> Vec<ResourceItems<'a, T>> {
    let mut all = Vec::new();
    for document in serde_json::Deserializer::from_slice(body).into_iter::<Export<ResourceItems<'a, T>>>() {
        match document {
            Ok(mut export) => all.append(&mut export.resource_spans.0),
            Err(e) => {
                read.broken = Some(format!("the body is no OTLP JSON: {e}"));
                break;
            }
        }
    }
    all
}

impl<T> ResourceItems<'_, T> {
    fn attributes(&self) -> Attributes<'_> {
        attributes(self.resource.as_ref().map(|r| &r.attributes))
    }
}

/// A metric, of which nothing is kept.
struct MetricJson;

impl<'de> Deserialize<'de> for MetricJson {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(d).map(|_| MetricJson)
    }
}

/// `ExportTraceServiceRequest`.
pub(super) fn traces(body: &[u8], taken: &mut Taken, now: Time) -> Read {
    let mut read = Read::default();
    let all = resources::<SpanJson<'_>>(body, &mut read);
    let mut spans = Spans::new(taken, super::NAME, now);
    for resource in &all {
        let origin = Origin::of(&resource.attributes(), spans.taken());
        for s in resource.scope_spans.0.iter().flat_map(|scope| &scope.spans.0) {
            spans.take(&span_of(s), &origin);
            read.items += 1;
        }
    }
    spans.finish();
    read
}

fn span_of<'t>(s: &'t SpanJson<'_>) -> Span<'t> {
    let mut span = Span {
        kind: binary::kind(s.kind.0 as u64),
        name: Cow::Borrowed(&s.name.0),
        trace: Trace { id: u128::from_str_radix(&s.trace_id.0, 16).unwrap_or(0), short: false },
        id: u64::from_str_radix(&s.span_id.0, 16).unwrap_or(0),
        parent: u64::from_str_radix(&s.parent_span_id.0, 16).unwrap_or(0),
        begin_ns: s.start_time_unix_nano.0 as u64,
        end_ns: s.end_time_unix_nano.0 as u64,
        failed: s.status.as_ref().is_some_and(|x| x.code.0 == 2),
        said: s.status.as_ref().map(|x| Cow::Borrowed(&*x.message.0)).unwrap_or_default(),
        attributes: attributes(Some(&s.attributes)),
        thrown: Vec::new(),
    };
    for e in &s.events.0 {
        let told = attributes(Some(&e.attributes));
        answer_in_event(&told, &mut span);
        span.thrown.extend(Thrown::of(e.time_unix_nano.0 as u64, Cow::Borrowed(&e.name.0), told));
    }
    span
}

/// `ExportLogsServiceRequest`.
pub(super) fn logs(body: &[u8], taken: &mut Taken, now: Time) -> Read {
    let mut read = Read::default();
    let all = resources::<LogJson<'_>>(body, &mut read);
    let mut logs = Logs::new(taken, now);
    for resource in &all {
        logs.from(&resource.attributes());
        for scope in &resource.scope_spans.0 {
            let name = scope.scope.as_ref().map_or("", |s| &s.name.0);
            for l in &scope.spans.0 {
                logs.take(&log_of(l), name);
                read.items += 1;
            }
        }
    }
    logs.finish();
    read
}

fn log_of<'t>(l: &'t LogJson<'_>) -> Log<'t> {
    let body = match l.body.as_ref().map(|b| (b, any(b))) {
        None | Some((_, Value::Empty)) => Body::Empty,
        Some((b, _)) if b.kvlist_value.is_some() || b.array_value.is_some() => {
            Body::Tree(plain(b.kvlist_value.as_ref().or(b.array_value.as_ref()).unwrap_or(&Json::Null), 0))
        }
        Some((_, Value::Text(t))) => Body::Text(t),
        Some((_, v)) => Body::Text(Cow::Owned(v.text().into_owned())),
    };
    Log {
        at_ns: l.time_unix_nano.0 as u64,
        observed_ns: l.observed_time_unix_nano.0 as u64,
        severity: l.severity_number.0 as u64,
        severity_text: Cow::Borrowed(&l.severity_text.0),
        body,
        attributes: attributes(Some(&l.attributes)),
        trace: u128::from_str_radix(&l.trace_id.0, 16).unwrap_or(0),
        event: Cow::Borrowed(&l.event_name.0),
    }
}

/// `ExportMetricsServiceRequest`: counted.
pub(super) fn metrics(body: &[u8], taken: &mut Taken) -> Read {
    let mut read = Read::default();
    for resource in resources::<MetricJson>(body, &mut read) {
        Origin::of(&resource.attributes(), taken);
        read.items += resource.scope_spans.0.iter().map(|s| s.spans.0.len() as u64).sum::<u64>();
    }
    if read.items > 0 {
        *taken.items.entry("metric".to_owned()).or_default() += read.items;
    }
    read
}

fn attributes<'t>(list: Option<&'t List<KeyValue<'_>>>) -> Attributes<'t> {
    let pairs = list.map_or(&[][..], |l| &l.0).iter();
    Attributes(
        pairs
            .filter(|kv| !kv.key.0.is_empty())
            .map(|kv| (Cow::Borrowed(&*kv.key.0), kv.value.as_ref().map(any).unwrap_or_default()))
            .collect(),
    )
}

fn any<'t>(v: &'t AnyValue<'_>) -> Value<'t> {
    if let Some(s) = &v.string_value {
        return Value::Text(Cow::Borrowed(&s.0));
    }
    if let Some(n) = v.int_value {
        return Value::Int(n.0);
    }
    if let Some(b) = v.bool_value {
        return Value::Bool(b.0 != 0);
    }
    if let Some(d) = &v.double_value {
        return d.0.parse().map_or_else(|_| Value::Text(Cow::Borrowed(&d.0)), Value::Float);
    }
    if let Some(j) = v.array_value.as_ref().or(v.kvlist_value.as_ref()) {
        return Value::Text(Cow::Owned(plain(j, 0).to_string()));
    }
    v.bytes_value.as_ref().map(|b| Value::Text(Cow::Borrowed(&b.0))).unwrap_or_default()
}

/// `{"values":[{"stringValue":"a"}]}` as the JSON that is meant.
fn plain(j: &Json, depth: usize) -> Json {
    if depth > DEPTH_MAX {
        return Json::from("…");
    }
    let Some(o) = j.as_object() else { return j.clone() };
    if let Some(values) = o.get("values").and_then(Json::as_array) {
        let is_map = values.iter().all(|v| v.get("key").is_some()) && !values.is_empty();
        return if is_map {
            let pair = |v: &Json| {
                let key = v.get("key").and_then(Json::as_str).unwrap_or("").to_owned();
                (key, v.get("value").map_or(Json::Null, |x| plain(x, depth + 1)))
            };
            Json::Object(values.iter().map(pair).collect())
        } else {
            values.iter().map(|v| plain(v, depth + 1)).collect()
        };
    }
    match o.iter().next() {
        Some((name, v)) if o.len() == 1 => match name.as_str() {
            "stringValue" | "boolValue" | "doubleValue" | "bytesValue" => v.clone(),
            "intValue" => {
                v.as_str().and_then(|s| s.parse::<i64>().ok()).map_or_else(|| v.clone(), Json::from)
            }
            "arrayValue" | "kvlistValue" => match v.get("values") {
                Some(_) => plain(v, depth + 1),
                None if name == "arrayValue" => Json::Array(Vec::new()),
                None => Json::Object(serde_json::Map::new()),
            },
            _ => j.clone(),
        },
        _ => j.clone(),
    }
}
