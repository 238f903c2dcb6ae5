//! Two servers' answers to one request, compared by what does not change from one moment to the next: status, media type, and which
//! fields of which type a body has.

use ::probe::json::Json;
use ::probe::operation::is_json;
use ::probe::{Answer, End, checks};
use std::collections::BTreeMap;

/// Differences of a body that are named.
const NAMED_MAX: usize = 4;
/// Levels of a body that are gone into.
const DEPTH_MAX: usize = 16;

/// What of an answer is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// `200`, `no answer in time`.
    pub ended: String,
    /// `application/json`; empty where none is told.
    pub media: String,
    body: Body,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Body {
    /// Type by place: `items[].price` → `number`.
    Json(BTreeMap<String, String>),
    /// The hash of a text without its numbers, ids and dates.
    Text(u64),
    Empty,
}

impl Shape {
    /// The shape of an answer.
    pub fn of(a: &Answer) -> Shape {
        let text = a.text();
        let body = if a.body.is_empty() {
            Body::Empty
        } else if let Some(json) = Some(&a.body).filter(|_| is_json(&a.media())).and_then(|b| Json::parse(b))
        {
            let mut out = BTreeMap::new();
            types(&json, String::new(), 0, &mut out);
            Body::Json(out)
        } else {
            Body::Text(record::skeleton(&checks::without_tags(&text), |_| {}))
        };
        Shape { ended: ended(a), media: a.media(), body }
    }

    /// What differs, in words; empty: nothing.
    pub fn differences(&self, other: &Shape) -> Vec<String> {
        let mut out = Vec::new();
        if self.ended != other.ended {
            out.push(format!("status {} / {}", self.ended, other.ended));
        }
        if self.media != other.media {
            let told = |m: &str| if m.is_empty() { "none".to_owned() } else { m.to_owned() };
            out.push(format!("media type {} / {}", told(&self.media), told(&other.media)));
        }
        match (&self.body, &other.body) {
            // Of two kinds of answers nothing is to be compared field by field.
            _ if self.media != other.media => {}
            (Body::Json(a), Body::Json(b)) => {
                let places: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
                let told = |t: Option<&String>| t.map_or("not there", String::as_str).to_owned();
                let all: Vec<String> = places
                    .into_iter()
                    .filter(|p| a.get(*p) != b.get(*p))
                    .map(|p| {
                        let name = if p.is_empty() { "body" } else { p.as_str() };
                        format!("{name}: {} / {}", told(a.get(p)), told(b.get(p)))
                    })
                    .collect();
                let left = all.len().saturating_sub(NAMED_MAX);
                out.extend(all.into_iter().take(NAMED_MAX));
                if left > 0 {
                    out.push(format!("{left} more"));
                }
            }
            (a, b) if a != b => out.push("body".to_owned()),
            _ => {}
        }
        out
    }
}

/// How it ended: a status, or in words.
pub fn ended(a: &Answer) -> String {
    match &a.end {
        End::Answered => a.status.to_string(),
        End::TimedOut => "no answer in time".to_owned(),
        End::Cut => "connection cut".to_owned(),
        End::Broken(_) => "no HTTP".to_owned(),
        End::NotReached(_) => "not reached".to_owned(),
        End::NotSent(_) => "not sent".to_owned(),
    }
}

fn types(v: &Json, at: String, depth: usize, out: &mut BTreeMap<String, String>) {
    let mut add = |kind: &str| {
        let kinds = out.entry(at.clone()).or_default();
        // Elements of a list may be of several types; each is named once.
        if !kinds.split(" or ").any(|k| k == kind) {
            let mut all: Vec<&str> = kinds.split(" or ").filter(|k| !k.is_empty()).collect();
            all.push(kind);
            all.sort_unstable();
            *kinds = all.join(" or ");
        }
    };
    match v {
        Json::Null => add("null"),
        Json::Bool(_) => add("boolean"),
        Json::Number(_) => add("number"),
        Json::Text(_) | Json::Raw(_) | Json::Bytes(_) => add("text"),
        Json::List(list) => {
            add("list");
            if depth < DEPTH_MAX {
                list.iter().for_each(|inner| types(inner, format!("{at}[]"), depth + 1, out));
            }
        }
        Json::Object(members) => {
            add("object");
            for (name, inner) in members.iter().filter(|_| depth < DEPTH_MAX) {
                let place = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
                types(inner, place, depth + 1, out);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(status: u16, body: &str) -> Shape {
        Shape::of(&Answer {
            status,
            headers: vec![("content-type".into(), "application/json; charset=utf-8".into())],
            body: body.as_bytes().to_vec(),
            ..Answer::default()
        })
    }

    #[test]
    fn values_differ_and_shapes_do_not() {
        let a = json(200, r#"{"at": "10:00", "items": [{"id": 1, "price": 2.5}, {"id": 2, "price": 3}]}"#);
        let b = json(200, r#"{"items": [{"price": 9, "id": 7}], "at": "11:00"}"#);
        assert_eq!(a.differences(&b), Vec::<String>::new());
        let c = json(500, r#"{"items": [{"id": "7"}], "at": null}"#);
        assert_eq!(
            a.differences(&c),
            [
                "status 200 / 500",
                "at: text / null",
                "items[].id: number / text",
                "items[].price: number / not there"
            ]
        );
    }

    #[test]
    fn pages_are_compared_without_their_numbers() {
        let page = |body: &str| {
            Shape::of(&Answer { status: 200, body: body.as_bytes().to_vec(), ..Answer::default() })
        };
        let a = page("<h1>Order 17</h1><p>at 10:00:01</p>");
        assert!(a.differences(&page("<h1>Order 9</h1><p>at 11:12:13</p>")).is_empty());
        assert_eq!(a.differences(&page("<h1>Error</h1>")), ["body"]);
    }
}
