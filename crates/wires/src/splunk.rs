//! Splunk's HTTP event collector.
//!
//! ```text
//! POST /services/collector/event HTTP/1.1
//! Authorization: Splunk wiretoken0123456789
//!
//! {"time":1795505448.313,"host":"web-1","source":"storefront","event":{"level":"ERROR","message":"…"},"fields":{"trace_id":"…"}}{"event":"…"}
//!
//! 200 {"text":"Success","code":0}
//! ```
//!
//! Sources: docs.splunk.com "Format events for HTTP Event Collector", "HTTP Event Collector REST API endpoints" (with its codes),
//! "About HTTP Event Collector Indexer Acknowledgment". Objects stand one behind the other with nothing between them; clients name
//! any media type or none (splunk-handler for Python says nothing, others `application/x-www-form-urlencoded`).

use crate::body::{Item, Items};
use crate::entry::{self, Around};
use crate::{Access, Answer, Head, Refusal, Taken, Wire, basic, query};
use formats::{Members, Value, unescape};
use record::Time;

/// Indexed fields looked at.
const FIELDS_MAX: usize = 64;

pub(crate) struct Splunk;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Door {
    Event,
    Raw,
    Health,
    Ack,
}

fn door(path: &str) -> Option<Door> {
    let (_, rest) = path.split_once("/services/collector")?;
    let rest = rest.trim_end_matches('/');
    Some(match rest.strip_suffix("/1.0").unwrap_or(rest) {
        "" | "/event" | "/mint" => Door::Event,
        "/raw" => Door::Raw,
        "/health" => Door::Health,
        "/ack" => Door::Ack,
        _ => return None,
    })
}

impl Wire for Splunk {
    fn name(&self) -> &'static str {
        "splunk hec"
    }

    fn knows(&self, head: &Head) -> bool {
        match door(&head.path) {
            Some(Door::Health) => matches!(head.method.as_str(), "GET" | "HEAD" | "POST"),
            // Docker's driver asks with OPTIONS whether the collector is there.
            Some(Door::Event) => matches!(head.method.as_str(), "POST" | "PUT" | "OPTIONS"),
            Some(_) => matches!(head.method.as_str(), "POST" | "PUT"),
            None => false,
        }
    }

    fn access(&self, head: &Head, _body: &[u8]) -> Access {
        match head.authorization("Splunk") {
            Some(key) => Access { project: None, key: Some(key.to_owned()) },
            None => basic::any(head),
        }
    }

    fn read(&self, head: &Head, body: &[u8], now: Time) -> Result<Taken, Refusal> {
        let mut taken = Taken::default();
        let what = door(&head.path);
        if what == Some(Door::Health) || head.method == "OPTIONS" {
            taken.answer = said(200, "HEC is healthy", 17);
            return Ok(taken);
        }
        if what == Some(Door::Ack) {
            taken.answer = acknowledged(body);
            return Ok(taken);
        }
        if body.trim_ascii().is_empty() {
            let answer = said(400, "No data", 5);
            return Err(Refusal { why: "the body is empty".into(), answer });
        }
        if what == Some(Door::Raw) {
            let around = Around {
                stream: "splunk raw".into(),
                peer: &head.peer,
                node: query::param(head, "host"),
                tag: query::param(head, "source").filter(|s| is_name(s)),
                ..Around::default()
            };
            entry::all(body, &around, now, &mut taken);
        } else {
            events(body, &head.peer, now, &mut taken)?;
        }
        taken.answer = match channel(head) {
            // All is durable when it is answered: any number will do.
            Some(_) => Answer::new(
                200,
                "application/json",
                format!("{{\"text\":\"Success\",\"code\":0,\"ackId\":{}}}", now.0 & 0xffff_ffff),
            ),
            None => said(200, "Success", 0),
        };
        Ok(taken)
    }

    fn refuse(&self, _head: &Head, status: u16, why: &str, retry_s: Option<u64>) -> Answer {
        let mut answer = match status {
            401 => said(401, "Token is required", 2),
            403 => said(403, "Invalid token", 4),
            429 | 503 => said(503, "Server is busy", 9),
            _ => said(status, why, 8),
        };
        answer.headers.extend(retry_s.map(|s| ("retry-after", s.to_string())));
        answer
    }
}

fn channel(head: &Head) -> Option<&str> {
    head.header("x-splunk-request-channel").or_else(|| head.param("channel")).filter(|c| !c.is_empty())
}

fn said(status: u16, text: &str, code: u32) -> Answer {
    Answer::new(status, "application/json", serde_json::json!({ "text": text, "code": code }).to_string())
}

/// `{"acks":[0,1]}` is answered with `{"acks":{"0":true,"1":true}}`.
fn acknowledged(body: &[u8]) -> Answer {
    let asked: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let ids = asked.get("acks").and_then(|a| a.as_array()).map(Vec::as_slice).unwrap_or_default();
    let acks: serde_json::Map<String, serde_json::Value> =
        ids.iter().filter_map(|id| id.as_u64()).map(|id| (id.to_string(), true.into())).collect();
    Answer::new(200, "application/json", serde_json::json!({ "acks": acks }).to_string())
}

/// A name rather than a path of a file or an address: `storefront`, not `/var/log/x.log`, `http:main`.
fn is_name(source: &str) -> bool {
    !source.contains(['/', '\\', ':']) && !source.is_empty()
}

fn events(body: &[u8], peer: &str, now: Time, taken: &mut Taken) -> Result<(), Refusal> {
    let body = String::from_utf8_lossy(body);
    let (mut n, mut metrics, mut number) = (0, 0, 0u64);
    let mut wrong: Option<(u64, &str, u32)> = None;
    for item in Items::of(&body) {
        let Item::Object(whole) = item else {
            wrong = wrong.or(Some((number, "Invalid data format", 6)));
            taken.drop("a line that is no event of the collector");
            number += 1;
            continue;
        };
        match event(whole, peer, now, taken) {
            Some(Found::Event) => n += 1,
            Some(Found::Metric) => metrics += 1,
            None => {
                wrong = wrong.or(Some((number, "Event field is required", 12)));
                taken.drop("an object of the collector without an event");
            }
        }
        number += 1;
    }
    entry::count(n, taken);
    if metrics > 0 {
        *taken.items.entry("metric".to_owned()).or_default() += metrics;
    }
    match wrong {
        Some((at, text, code)) if n + metrics == 0 => {
            let answer = serde_json::json!({ "text": text, "code": code, "invalid-event-number": at });
            let answer = Answer::new(400, "application/json", answer.to_string());
            let why = format!("{text}, at event {at}: each object needs a member `event`");
            Err(Refusal { why, answer })
        }
        _ => Ok(()),
    }
}

enum Found {
    Event,
    Metric,
}

fn event(whole: &str, peer: &str, now: Time, taken: &mut Taken) -> Option<Found> {
    let mut around = Around { stream: "splunk".into(), peer, ..Around::default() };
    let mut event = None;
    for (key, value) in Members::of(whole) {
        match key {
            "event" => event = Some(value),
            "time" => {
                let (Value::Text(raw) | Value::Raw(raw)) = value;
                around.at = entry::instant(raw, now);
            }
            "host" => around.node = value.scalar().filter(|h| !h.is_empty() && h != "-"),
            "source" => around.tag = value.scalar().filter(|s| is_name(s)).or(around.tag.take()),
            "fields" => {
                let fields = value.object().into_iter().flatten().take(FIELDS_MAX);
                for (name, value) in fields.filter_map(|(k, v)| Some((unescape(k), v.scalar()?))) {
                    around.says(name, value, taken);
                }
            }
            _ => {}
        }
    }
    match event? {
        Value::Text("metric") if around.beside.iter().any(|(k, _)| k.starts_with("metric_name")) => {
            return Some(Found::Metric);
        }
        Value::Raw(raw) if raw.starts_with('{') => entry::object(raw, &around, now, taken),
        Value::Raw("null") => return None,
        Value::Raw(raw) => entry::text(raw.into(), &around, now, taken),
        Value::Text("") => return None,
        Value::Text(raw) => entry::text(unescape(raw), &around, now, taken),
    }
    Some(Found::Event)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(path: &str) -> Head {
        Head { method: "POST".into(), path: path.into(), ..Head::default() }
    }

    fn read(path: &str, body: &str) -> Result<Taken, Refusal> {
        assert!(Splunk.knows(&head(path)), "{path}");
        Splunk.read(&head(path), body.as_bytes(), Time::from_secs(1_795_505_860))
    }

    #[test]
    fn objects_one_behind_the_other() {
        let body = r#"{"time":"1795505448.313","host":"web-1","source":"shop","event":"boom\n"}{"event":{"line":"GET /x","tag":"a"}}
            {"event":{"message":"m","status":500,"url":"/x","method":"GET"},"fields":{"trace_id":"4bf92f","region":"eu"}}"#;
        let taken = read("/services/collector/event/1.0", body).unwrap();
        assert_eq!(taken.answer.body, br#"{"code":0,"text":"Success"}"#);
        let texts: Vec<_> = taken.lines.iter().map(|l| l.text.as_str()).collect();
        assert_eq!(
            texts,
            [
                "boom",
                "GET /x",
                r#"{"trace_id":"4bf92f","message":"m","status":500,"url":"/x","method":"GET"}"#
            ]
        );
        let first = &taken.lines[0];
        assert_eq!((first.service.as_deref(), first.node.as_deref()), (Some("shop"), Some("web-1")));
        assert_eq!(first.at.unwrap().0, Time(1_795_505_448_313_000));
    }

    #[test]
    fn other_doors() {
        assert_eq!(read("/services/collector/raw", "a\nb\n").unwrap().lines.len(), 2);
        assert_eq!(read("/services/collector/health", "").unwrap().answer.status, 200);
        let acks = read("/services/collector/ack", r#"{"acks":[0,7]}"#).unwrap().answer.body;
        assert_eq!(acks, br#"{"acks":{"0":true,"7":true}}"#);
        let metric = r#"{"event":"metric","fields":{"metric_name:cpu":1}}"#;
        assert_eq!(read("/services/collector", metric).unwrap().items["metric"], 1);
    }

    #[test]
    fn what_is_refused_says_why() {
        assert_eq!(read("/services/collector", " ").unwrap_err().answer.status, 400);
        let none = read("/services/collector", r#"{"host":"x"}"#).unwrap_err();
        assert!(none.why.starts_with("Event field is required"), "{}", none.why);
        assert!(read("/services/collector", "{{{{").is_err());
        let part = read("/services/collector", r#"{"event":"a"}{"host":"x"}{"event":""#).unwrap();
        assert_eq!((part.lines.len(), part.dropped.len()), (1, 2));
    }
}
