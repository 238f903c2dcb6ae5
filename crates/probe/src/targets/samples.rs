//! Operations that requests show, as somebody wrote or recorded them: what of a request is a parameter, and of which type.

use super::Sample;
use crate::json::Json;
use crate::operation::{Body, Description, Operation, Param, Place, Style, is_json, singular};
use crate::request;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Headers that say who asks and what is wanted: they stay what they are.
const KEPT_HEADERS: [&str; 12] = [
    "accept",
    "accept-language",
    "authorization",
    "cookie",
    "user-agent",
    "origin",
    "referer",
    "content-type",
    "cache-control",
    "pragma",
    "dnt",
    "upgrade-insecure-requests",
];
/// Shorter words of hexadecimal digits are words (`face`, `decade`).
const HEX_ID_MIN: usize = 12;

/// The operations of these requests, each once. `host`: only those that go there (`http://shop.example:8080`) or name no host.
pub fn describe(samples: &[Sample], host: Option<&str>) -> Description {
    let mut out = Description::default();
    let mut seen = BTreeSet::new();
    let mut elsewhere = BTreeSet::new();
    for s in samples {
        let (origin, target) = split(&s.url);
        if let (Some(origin), Some(host)) = (origin, host)
            && !origin.eq_ignore_ascii_case(host)
        {
            elsewhere.insert(origin.to_owned());
            continue;
        }
        if let Some(o) = origin
            && !out.servers.iter().any(|s| s == o)
        {
            out.servers.push(o.to_owned());
        }
        let op = operation(s, target);
        let names: Vec<&str> = op.params.iter().map(|p| p.name.as_str()).collect();
        let shape = op.body.as_ref().map(|b| b.schema.to_string()).unwrap_or_default();
        if seen.insert(format!("{} {} {names:?} {shape}", op.method, op.path)) {
            out.operations.push(op);
        }
    }
    for origin in elsewhere {
        out.notes.push(format!("Requests to {origin} are left out: one host is probed at a time."));
    }
    out
}

/// Scheme, host and port; path and query.
fn split(url: &str) -> (Option<&str>, &str) {
    let Some(i) = url.find("://") else { return (None, url) };
    let begin = i + 3;
    let end = url.get(begin..).and_then(|r| r.find(['/', '?'])).map_or(url.len(), |n| begin + n);
    let target = url.get(end..).unwrap_or_default();
    (url.get(..end), if target.is_empty() { "/" } else { target })
}

fn operation(s: &Sample, target: &str) -> Operation {
    let target = target.split('#').next().unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut op = Operation { method: s.method.to_ascii_uppercase(), ..Operation::default() };
    let mut before = String::new();
    for (n, segment) in path.split('/').enumerate() {
        if n > 0 {
            op.path.push('/');
        }
        if !is_id(segment) {
            // Braces are parameters' own.
            op.path.push_str(&segment.replace('{', "%7B").replace('}', "%7D"));
            before = singular(segment);
            continue;
        }
        let mut name = if before.is_empty() { "id".to_owned() } else { format!("{before}_id") };
        while op.params.iter().any(|p| p.name == name) {
            name.push('_');
        }
        op.path.push_str(&format!("{{{name}}}"));
        op.params.push(param(name, Place::Path, &decoded(segment), true));
    }
    if !op.path.starts_with('/') {
        op.path.insert(0, '/');
    }
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        if !op.params.iter().any(|p| p.place == Place::Query && p.name == name) {
            op.params.push(param(name.into_owned(), Place::Query, &value, false));
        }
    }
    for (name, value) in &s.headers {
        let lower = name.to_ascii_lowercase();
        let kept = KEPT_HEADERS.contains(&lower.as_str()) || lower.starts_with("sec-");
        if lower == "content-type" {
            continue;
        }
        if kept || request::is_secret(name) {
            op.headers.push((name.clone(), value.clone()));
        } else if !op.params.iter().any(|p| p.place == Place::Header && p.name.eq_ignore_ascii_case(name)) {
            op.params.push(param(name.clone(), Place::Header, value, false));
        }
    }
    op.secured = op.headers.iter().any(|(n, _)| n.eq_ignore_ascii_case("authorization"));
    op.body = (!s.body.is_empty()).then(|| body(s.header("content-type").unwrap_or_default(), &s.body));
    op.name = format!("{} {}", op.method, op.path);
    op
}

fn decoded(segment: &str) -> String {
    String::from_utf8_lossy(&crate::case::unpercent(segment)).into_owned()
}

/// Is it a value rather than a word: a number, a UUID, a hash, an address?
fn is_id(segment: &str) -> bool {
    let hex = segment.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    let digits = segment.bytes().filter(u8::is_ascii_digit).count();
    !segment.is_empty()
        && (digits == segment.len()
            || (hex && digits > 0 && segment.len() >= HEX_ID_MIN)
            || segment.contains('@')
            || segment.contains("%40"))
}

fn param(name: String, place: Place, value: &str, required: bool) -> Param {
    let v = typed(value);
    Param { name, place, required, schema: schema_of(&v), examples: vec![v], style: Style::Exploded }
}

/// The value that a text stands for.
fn typed(text: &str) -> Json {
    let number = text.parse::<f64>().is_ok_and(f64::is_finite)
        && text.len() < 16
        && text.starts_with(|c: char| c.is_ascii_digit() || c == '-');
    // A number with a zero before it is a code.
    if number && !(text.len() > 1 && text.starts_with('0') && !text.starts_with("0.")) {
        return Json::Number(text.to_owned());
    }
    match text {
        "true" => Json::Bool(true),
        "false" => Json::Bool(false),
        _ => Json::text(text),
    }
}

/// A schema of which the value is one.
fn schema_of(v: &Json) -> Value {
    match v {
        Json::Null => json!({}),
        Json::Bool(_) => json!({"type": "boolean"}),
        Json::Number(n) if n.bytes().all(|b| b.is_ascii_digit() || b == b'-') => json!({"type": "integer"}),
        Json::Number(_) => json!({"type": "number"}),
        Json::Text(_) | Json::Raw(_) | Json::Bytes(_) => json!({"type": "string"}),
        Json::List(l) => json!({"type": "array", "items": l.first().map_or_else(|| json!({}), schema_of)}),
        Json::Object(o) => {
            let all: Map<String, Value> = o.iter().map(|(n, v)| (n.clone(), schema_of(v))).collect();
            json!({"type": "object", "properties": all})
        }
    }
}

fn body(content_type: &str, bytes: &[u8]) -> Body {
    let media = request::media(content_type);
    let text = String::from_utf8_lossy(bytes);
    let looks_json = media.is_empty() && text.trim_start().starts_with(['{', '[']);
    if is_json(&media) || looks_json {
        let media = if media.is_empty() { "application/json".to_owned() } else { media };
        if let Some(v) = Json::parse(bytes) {
            return Body { media, required: true, schema: schema_of(&v), examples: vec![v] };
        }
        return Body {
            media,
            required: true,
            schema: json!({}),
            examples: vec![Json::Raw(text.into_owned())],
        };
    }
    if media == "application/x-www-form-urlencoded" {
        let mut fields: Vec<(String, Json)> = Vec::new();
        for (n, v) in url::form_urlencoded::parse(bytes) {
            if !fields.iter().any(|(m, _)| *m == n) {
                fields.push((n.into_owned(), typed(&v)));
            }
        }
        let v = Json::Object(fields);
        return Body { media, required: true, schema: schema_of(&v), examples: vec![v] };
    }
    // Whatever it is, it stays as it was recorded; a multipart body's boundary is in its type.
    let told = if content_type.is_empty() { "application/octet-stream" } else { content_type };
    let v = Json::Raw(text.into_owned());
    Body { media: told.to_owned(), required: true, schema: json!({"type": "string"}), examples: vec![v] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::{Case, Common};
    use crate::schema::{Extent, Schemas};

    #[test]
    fn a_request_shows_its_parameters_and_is_sent_again_as_it_was() {
        let sample = Sample {
            method: "post".into(),
            url: "https://shop.example/v1/orders/17/lines?dry=true&code=007#x".into(),
            headers: vec![
                ("Content-Type".into(), "application/json".into()),
                ("Authorization".into(), "Bearer t".into()),
                ("X-Tenant".into(), "acme".into()),
            ],
            body: br#"{"sku":"a","n":[1]}"#.to_vec(),
            ..Sample::default()
        };
        let d = describe(&[sample.clone(), sample], None);
        assert_eq!(
            (d.operations.len(), d.servers.as_slice()),
            (1, ["https://shop.example".to_owned()].as_slice())
        );
        let op = &d.operations[0];
        assert_eq!(op.name, "POST /v1/orders/{order_id}/lines");
        assert_eq!(op.params.iter().find(|p| p.name == "code").unwrap().schema, json!({"type": "string"}));
        let case = Case::good(op, Schemas::of(&d.document), Extent::Full, 0, &|_, _| None);
        let r = case.request(op, &Common::default());
        assert_eq!(r.target, "/v1/orders/17/lines?dry=true&code=007");
        assert_eq!((r.header("authorization"), r.header("x-tenant")), (Some("Bearer t"), Some("acme")));
        assert_eq!(r.body.as_deref(), Some(br#"{"sku":"a","n":[1]}"#.as_slice()));
    }

    #[test]
    fn other_hosts_are_left_out() {
        let s = |url: &str| Sample { method: "GET".into(), url: url.into(), ..Sample::default() };
        let d =
            describe(&[s("http://a.example/x"), s("http://b.example/y"), s("/z")], Some("http://a.example"));
        assert_eq!(d.operations.iter().map(|o| o.path.as_str()).collect::<Vec<_>>(), ["/x", "/z"]);
        assert!(d.notes[0].contains("b.example"));
    }
}
