//! Loki's push, in JSON and in Protocol Buffers.
//!
//! ```text
//! POST /loki/api/v1/push HTTP/1.1
//!
//! {"streams":[{"stream":{"level":"error","app":"orders-api","env":"production"},
//!   "values":[["1795505448313000000","GET /orders/1001/pdf failed: …",{"trace_id":"4bf92f35…"}]]}]}
//! ```
//!
//! Sources: grafana.com/docs/loki "Loki HTTP API", `pkg/push/push.proto` of grafana/loki. Protocol Buffers come in one snappy block
//! (no frames). Before version 1 the path was `/api/prom/push` and streams had `labels` as text and `entries`; some clients still
//! send those. The third of a line is its structured metadata.

use crate::entry::{self, Around, says};
use crate::{Access, Answer, Head, Refusal, Taken, Wire, basic};
use formats::{Elements, Members, Value, unescape};
use prost::Message;
use record::{SECOND, Time, Zone};
use std::borrow::Cow;

/// Largest push after inflating; Loki's own limit for a message is 100 MB, clients send one to four.
const PUSH_MAX: usize = 64 << 20;
/// Labels of a stream that are looked at; Loki takes 15.
const LABELS_MAX: usize = 64;

pub(crate) struct Loki;

#[derive(Clone, PartialEq, Message)]
struct Push {
    #[prost(message, repeated, tag = "1")]
    streams: Vec<Stream>,
}

#[derive(Clone, PartialEq, Message)]
struct Stream {
    #[prost(bytes = "vec", tag = "1")]
    labels: Vec<u8>,
    #[prost(message, repeated, tag = "2")]
    entries: Vec<Logged>,
}

#[derive(Clone, PartialEq, Message)]
struct Logged {
    #[prost(message, optional, tag = "1")]
    at: Option<Stamp>,
    #[prost(bytes = "vec", tag = "2")]
    line: Vec<u8>,
    #[prost(message, repeated, tag = "3")]
    metadata: Vec<Pair>,
}

#[derive(Clone, PartialEq, Message)]
struct Stamp {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

#[derive(Clone, PartialEq, Message)]
struct Pair {
    #[prost(bytes = "vec", tag = "1")]
    name: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

impl Wire for Loki {
    fn name(&self) -> &'static str {
        "loki"
    }

    fn knows(&self, head: &Head) -> bool {
        let path = head.path.trim_end_matches('/');
        head.method == "POST" && (path.ends_with("/loki/api/v1/push") || path.ends_with("/api/prom/push"))
    }

    fn access(&self, head: &Head, _body: &[u8]) -> Access {
        let found = basic::any(head);
        let tenant = head.header("x-scope-orgid").map(str::to_owned);
        Access { project: tenant.or(found.project), key: found.key }
    }

    fn read(&self, head: &Head, body: &[u8], now: Time) -> Result<Taken, Refusal> {
        let mut taken = Taken { answer: Answer { status: 204, ..Answer::default() }, ..Taken::default() };
        let is_json = head.media_type() == "application/json" || body.trim_ascii_start().starts_with(b"{");
        let n = if is_json { json(body, now, &mut taken) } else { packed(body, now, &mut taken) }.map_err(
            |why| Refusal { answer: Answer::new(400, "text/plain; charset=utf-8", why.clone()), why },
        )?;
        // Streams differ in their labels, the severity among them, and come one after the other: what one process wrote goes apart.
        taken.lines.sort_by_key(|l| l.at.map(|(t, _)| t));
        entry::count(n, &mut taken);
        Ok(taken)
    }

    fn refuse(&self, _head: &Head, status: u16, why: &str, retry_s: Option<u64>) -> Answer {
        let mut answer = Answer::new(status, "text/plain; charset=utf-8", why);
        answer.headers.extend(retry_s.map(|s| ("retry-after", s.to_string())));
        answer
    }
}

/// What a stream's labels say of all its lines.
fn labelled<'a>(labels: impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)>, taken: &mut Taken) -> Around<'a> {
    let mut around = Around::default();
    let mut stream = String::from("loki");
    for (name, value) in labels.take(LABELS_MAX) {
        stream.extend([" ", &name, "=", &value]);
        match name.as_ref() {
            "level" | "detected_level" | "severity" | "lvl" => {
                around.level = entry::level(&value).unwrap_or(around.level);
            }
            "app" | "service_name" | "service" | "application" => {
                around.service = Some(value);
            }
            "container"
            | "container_name"
            | "compose_service"
            | "unit"
            | "systemd_unit"
            | "syslog_identifier"
            | "app_kubernetes_io_name"
            | "job"
            | "logger" => {
                around.tag = around.tag.take().filter(|_| name == "job" || name == "logger").or(Some(value));
            }
            "host" | "hostname" | "nodename" | "node_name" | "instance" | "pod" | "node" => {
                around.node = around.node.take().or(Some(value));
            }
            "env" | "environment" | "deployment_environment" => says(taken, "environment", &value),
            "version" | "release" | "service_version" => says(taken, "release", &value),
            _ => {}
        }
    }
    around.stream = stream.into();
    around
}

fn line<'a>(
    text: Cow<'_, str>,
    around: &Around<'a>,
    at: Option<(Time, Zone)>,
    metadata: impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)>,
    now: Time,
    taken: &mut Taken,
) {
    let mut around = Around { at, ..around.clone() };
    for (name, value) in metadata.take(LABELS_MAX) {
        around.says(name, value, taken);
    }
    entry::text(text, &around, now, taken);
}

fn json(body: &[u8], now: Time, taken: &mut Taken) -> Result<u64, String> {
    let body = String::from_utf8_lossy(body);
    let mut members = Members::of(body.trim_start_matches('\u{feff}').trim_start());
    let mut n = 0;
    for (_, streams) in members.by_ref().filter(|(k, _)| *k == "streams") {
        for stream in Elements::of(streams) {
            n += json_stream(stream, now, taken);
        }
    }
    if !members.complete() && n == 0 {
        return Err(format!(
            "the body is no JSON object behind byte {}: send {{\"streams\":[{{\"stream\":{{…}},\"values\":[[\"nanoseconds\",\"line\"]]}}]}}",
            members.position()
        ));
    }
    Ok(n)
}

fn json_stream(stream: Value<'_>, now: Time, taken: &mut Taken) -> u64 {
    let member = |name: &str| stream.object().and_then(|mut m| m.find(|(k, _)| *k == name)).map(|(_, v)| v);
    let around = if let Some(labels) = member("stream").and_then(Value::object) {
        labelled(labels.filter_map(|(k, v)| Some((unescape(k), v.scalar()?))), taken)
    } else {
        let text = member("labels").and_then(Value::text).unwrap_or_default();
        let pairs = labels(&text).into_iter().map(|(k, v)| (Cow::Owned(k), Cow::Owned(v)));
        labelled(pairs, taken)
    };
    let mut n = 0;
    for value in member("values").into_iter().flat_map(Elements::of) {
        let mut parts = Elements::of(value);
        let at = parts.next().and_then(|t| {
            let (Value::Text(raw) | Value::Raw(raw)) = t;
            entry::instant(raw, now)
        });
        let Some(text) = parts.next().and_then(Value::scalar) else {
            taken.drop("a value of a stream without a line");
            continue;
        };
        let metadata = parts.next().and_then(Value::object).into_iter().flatten();
        let metadata = metadata.filter_map(|(k, v)| Some((unescape(k), v.scalar()?)));
        line(text, &around, at, metadata, now, taken);
        n += 1;
    }
    for old in member("entries").into_iter().flat_map(Elements::of).filter_map(Value::object) {
        let (mut at, mut text) = (None, None);
        for (key, value) in old {
            match key {
                "ts" | "timestamp" => {
                    let (Value::Text(raw) | Value::Raw(raw)) = value;
                    at = entry::instant(raw, now);
                }
                "line" => text = value.text(),
                _ => {}
            }
        }
        if let Some(text) = text {
            line(text, &around, at, std::iter::empty(), now, taken);
            n += 1;
        }
    }
    n
}

fn packed(body: &[u8], now: Time, taken: &mut Taken) -> Result<u64, String> {
    // Some libraries leave the compression out.
    let plain = match snap::raw::decompress_len(body) {
        Ok(len) if len > PUSH_MAX => {
            return Err(format!(
                "the push holds {len} bytes, at most {PUSH_MAX} are taken: send smaller ones"
            ));
        }
        Ok(_) => snap::raw::Decoder::new().decompress_vec(body).ok(),
        Err(_) => None,
    };
    let push = Push::decode(plain.as_deref().unwrap_or(body))
        .map_err(|e| format!("the body is neither JSON nor a logproto.PushRequest in a snappy block: {e}"))?;
    let mut n = 0;
    for stream in &push.streams {
        let text = String::from_utf8_lossy(&stream.labels);
        let pairs = labels(&text).into_iter().map(|(k, v)| (Cow::Owned(k), Cow::Owned(v)));
        let around = labelled(pairs, taken);
        for entry in &stream.entries {
            let at = entry.at.as_ref().map(|t| {
                let micros = i64::from(t.nanos).clamp(0, 999_999_999) / 1000;
                (Time(t.seconds.saturating_mul(SECOND).saturating_add(micros)), Zone::Stated)
            });
            let at = at.filter(|(t, _)| t.0 > 0);
            let metadata = entry
                .metadata
                .iter()
                .map(|p| (String::from_utf8_lossy(&p.name), String::from_utf8_lossy(&p.value)));
            line(String::from_utf8_lossy(&entry.line), &around, at, metadata, now, taken);
            n += 1;
        }
    }
    Ok(n)
}

/// Labels as Prometheus writes them: `{level="error",app="orders-api"}`.
fn labels(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = text.trim().trim_start_matches('{');
    while let Some((name, after)) = rest.split_once("=\"") {
        let (mut value, mut chars) = (String::new(), after.char_indices());
        let mut end = None;
        while let Some((i, c)) = chars.next() {
            match c {
                '"' => {
                    end = Some(i + 1);
                    break;
                }
                '\\' => match chars.next() {
                    Some((_, 'n')) => value.push('\n'),
                    Some((_, 't')) => value.push('\t'),
                    Some((_, c)) => value.push(c),
                    None => break,
                },
                c => value.push(c),
            }
        }
        let Some(more) = end.and_then(|e| after.get(e..)).filter(|_| found.len() < LABELS_MAX) else { break };
        found.push((name.trim_matches([',', ' ']).to_owned(), value));
        rest = more;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::Level;

    fn read(media_type: &str, body: &[u8]) -> Result<Taken, Refusal> {
        let head = Head {
            method: "POST".into(),
            path: "/loki/api/v1/push".into(),
            headers: vec![("content-type".into(), media_type.into())],
            ..Head::default()
        };
        assert!(Loki.knows(&head));
        Loki.read(&head, body, Time::from_secs(1_795_505_800))
    }

    #[test]
    fn json_old_and_new() {
        for body in [
            r#"{"streams":[{"stream":{"app":"shop","level":"error"},"values":[["1795505448313000000","boom",{}]]}]}"#,
            r#"{"streams":[{"labels":"{app=\"shop\", level=\"error\"}","entries":[{"ts":"2026-11-24T07:30:48.313Z","line":"boom"}]}]}"#,
        ] {
            let taken = read("application/json", body.as_bytes()).unwrap();
            let line = &taken.lines[0];
            assert_eq!(
                (line.text.as_str(), line.service.as_deref(), line.level, line.at.unwrap().0),
                ("boom", Some("shop"), Level::Error, Time(1_795_505_448_313_000))
            );
            assert_eq!(taken.answer.status, 204);
        }
    }

    #[test]
    fn metadata_that_explains_goes_with_the_line() {
        let push = Push {
            streams: vec![Stream {
                labels: br#"{job="shop",host="web-1"}"#.to_vec(),
                entries: vec![Logged {
                    at: Some(Stamp { seconds: 1_795_505_448, nanos: -5 }),
                    line: b"boom \xff".to_vec(),
                    metadata: vec![Pair { name: b"trace_id".to_vec(), value: b"4bf92f".to_vec() }],
                }],
            }],
        };
        let packed = snap::raw::Encoder::new().compress_vec(&push.encode_to_vec()).unwrap();
        for body in [packed, push.encode_to_vec()] {
            let taken = read("application/x-protobuf", &body).unwrap();
            let line = &taken.lines[0];
            assert_eq!(line.text, "{\"trace_id\":\"4bf92f\",\"message\":\"boom \u{fffd}\"}");
            assert_eq!((line.service.as_deref(), line.node.as_deref()), (Some("shop"), Some("web-1")));
        }
    }

    #[test]
    fn hostile_pushes() {
        for body in [
            b"".as_slice(),
            b"\xff\xff\xff\xff\x0f",
            b"\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\x05abc",
            b"{\"streams\":[{\"stream\":{\"a\":",
            b"{\"streams\":[[],1,{\"values\":[[],[1],[\"x\",\"y\"],{}]}]}",
            b"{\"streams\":[{\"labels\":\"{a=\\\"\",\"entries\":[{}]}]}",
        ] {
            let _ = read("application/x-protobuf", body);
            let _ = read("application/json", body);
        }
        assert_eq!(labels(r#"{a="b\"c\\",d="e"#), [("a".to_owned(), "b\"c\\".to_owned())]);
    }
}
