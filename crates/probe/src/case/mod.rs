//! One way to ask an operation: a value for each parameter, a body, and what is odd about it; and the request that it makes.

mod apart;
mod change;
mod written;

pub use written::{percent, unpercent};

use crate::json::{self, Json, Pointer, Step};
use crate::operation::{Operation, Place};
use crate::schema::{Extent, Kind, Schemas};
use crate::templates::PathEdit;
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// Stands in a text for a number that is another one each time it is sent; no text that is sent has it.
pub const FRESH: char = '\u{2}';
/// The same in twelve hexadecimal digits.
const FRESH_HEX: char = '\u{3}';
/// Characters that such a number takes at most.
const FRESH_CHARS: u64 = 8;

/// One way to ask an operation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Case {
    /// By the operation's parameters.
    pub params: Vec<Slot>,
    /// The body.
    pub body: Payload,
    /// `Content-Type`, if one is sent.
    pub media: Option<String>,
    /// Headers besides; without a value: one that is left out.
    pub headers: Vec<(String, Option<String>)>,
    /// In place of the operation's own.
    pub method: Option<String>,
    /// How the path is spoilt.
    pub path: Option<PathEdit>,
    /// Parameters of the query that nobody described.
    pub query: Vec<(String, String)>,
    /// In place of the good credentials: `Some(None)` is none.
    pub auth: Option<Option<String>>,
    /// Some of its values are others each time it is sent ([`FRESH`]): the server takes each once.
    pub fresh: bool,
}

/// What stands for a parameter.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Slot {
    /// Nothing.
    Absent,
    /// A value.
    Value(Json),
    /// Bytes as they stand in the URL, percent-encoded.
    Bytes(String),
    /// The same value twice.
    Twice(Json),
}

/// A body.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Payload {
    /// None.
    #[default]
    Absent,
    /// A value, written as the media type wants.
    Value(Json),
    /// As it is.
    Bytes(Vec<u8>),
}

/// A place of a case that can be changed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Site {
    /// The parameter with this number.
    Param(usize),
    /// A value within the body.
    Member(Pointer),
    /// The body as a whole.
    Body,
    /// The media type.
    Media,
    /// A header that is no parameter.
    Header(String),
    /// The method.
    Method,
    /// The path.
    Path,
    /// Parameters that nobody described.
    Query,
    /// Credentials.
    Auth,
    /// How often, and whether at once.
    Times,
}

/// A site with what its schema says.
#[derive(Clone, Debug)]
pub struct Spot {
    /// Where.
    pub site: Site,
    /// What it holds.
    pub kind: Kind,
    /// It must be there.
    pub required: bool,
    /// Its schema.
    pub schema: Value,
    /// The last name on the way to it.
    pub name: String,
    /// Where a parameter stands.
    pub place: Option<Place>,
}

impl Spot {
    /// Does it hold what comes before or after another of its kind: a number, a date?
    pub fn is_ordered(&self) -> bool {
        let is_id = self.name == "id" || self.name.ends_with("_id") || self.name.ends_with("Id");
        let is_value = match &self.site {
            Site::Param(_) => true,
            Site::Member(p) => !p.is_empty(),
            _ => false,
        };
        is_value && !is_id && (matches!(self.kind, Kind::Integer | Kind::Number) || is_date(self))
    }
}

/// What every request to a server carries besides.
#[derive(Clone, Debug, Default)]
pub struct Common {
    /// Headers, the user's own.
    pub headers: Vec<(String, String)>,
    /// Headers with credentials.
    pub auth: Vec<(String, String)>,
    /// The next number for values that are to be others each time.
    pub fresh: Arc<AtomicU64>,
}

impl Case {
    /// A case in order, as far as the description tells what is. `known` gives a value for a parameter or member by its name where
    /// an earlier answer told one.
    pub fn good(
        op: &Operation,
        schemas: Schemas<'_>,
        extent: Extent,
        turn: usize,
        known: &dyn Fn(&str, Option<&Site>) -> Option<Json>,
    ) -> Case {
        let mut params = Vec::new();
        for (i, p) in op.params.iter().enumerate() {
            let site = Site::Param(i);
            params.push(if !p.required && extent == Extent::Least {
                Slot::Absent
            } else if let Some(v) = known(&p.name, Some(&site)) {
                Slot::Value(v)
            } else {
                let told = p.examples.get(turn % p.examples.len().max(1)).cloned();
                Slot::Value(told.unwrap_or_else(|| schemas.good(&p.schema, &p.name, extent, turn)))
            });
        }
        let body = op.body.as_ref().filter(|b| b.required || extent == Extent::Full);
        let payload = body.map_or(Payload::Absent, |b| {
            let told = b.examples.get(turn % b.examples.len().max(1)).cloned();
            let told = told.filter(|_| extent == Extent::Full);
            let mut v = told.unwrap_or_else(|| schemas.good(&b.schema, "", extent, turn));
            fill_in(&mut v, known);
            Payload::Value(v)
        });
        Case { params, body: payload, media: body.map(|b| b.media.clone()), ..Case::default() }
    }

    /// The case with a name, an address, a key of its own each time it is sent; `None` where it has no value that could be such.
    pub fn freshened(&self, op: &Operation, schemas: Schemas<'_>) -> Option<Case> {
        let mut new = self.clone();
        for spot in self.spots(op, schemas) {
            let Site::Member(p) = &spot.site else { continue };
            let Some(value) = self.value(&spot.site).filter(|_| !p.is_empty()) else { continue };
            let format = spot.schema.get("format").and_then(Value::as_str).unwrap_or_default();
            let fixed = ["enum", "const", "pattern"].iter().any(|k| spot.schema.get(*k).is_some());
            let name = spot.name.to_ascii_lowercase();
            let made = match (value, format) {
                (Json::Text(t), "email") => Some(format!("a{FRESH}.{}", t.trim_start_matches('a'))),
                (Json::Text(_), "uuid") => Some(format!("3f2504e0-4f89-41d3-9a0c-{FRESH_HEX}")),
                (Json::Text(t), "" | "uri" | "url" | "password") if !fixed && !is_date(&spot) => {
                    if t.contains('@') { Some(format!("a{FRESH}.{t}")) } else { Some(format!("{t}{FRESH}")) }
                }
                _ => None,
            };
            let most = spot.schema.get("maxLength").and_then(Value::as_u64).unwrap_or(u64::MAX);
            let made = made.filter(|m| m.chars().count() as u64 + FRESH_CHARS <= most);
            if let Some(text) = made {
                new.fresh |= new.put(&spot.site, Json::Text(text));
            } else if matches!(value, Json::Number(_)) && name == "id" {
                new.fresh |= new.put(&spot.site, Json::Number(FRESH.to_string()));
            }
        }
        new.fresh.then_some(new)
    }

    /// The case with this number in all its values that are to be others each time.
    fn settled(&self, n: u64) -> Case {
        let mut new = self.clone();
        match &mut new.body {
            Payload::Value(v) => settle(v, n),
            // What was written already has them escaped, as JSON or as a form.
            Payload::Bytes(b) => {
                let (plain, hex) = (n.to_string(), format!("{n:012x}"));
                for (mark, number) in [
                    ("\\u0002", &plain),
                    ("%02", &plain),
                    ("\u{2}", &plain),
                    ("\\u0003", &hex),
                    ("%03", &hex),
                ] {
                    while let Some(i) = memchr::memmem::find(b, mark.as_bytes()) {
                        b.splice(i..i + mark.len(), number.bytes());
                    }
                }
            }
            Payload::Absent => {}
        }
        new
    }

    /// Where it can be changed.
    pub fn spots(&self, op: &Operation, schemas: Schemas<'_>) -> Vec<Spot> {
        let mut out = Vec::new();
        for (i, p) in op.params.iter().enumerate() {
            let schema = schemas.whole(&p.schema);
            out.push(Spot {
                site: Site::Param(i),
                kind: Schemas::kind(&schema),
                required: p.required,
                schema,
                name: p.name.clone(),
                place: Some(p.place),
            });
        }
        if let (Some(body), Payload::Value(v)) = (&op.body, &self.body)
            && (body.is_json() || body.is_form())
        {
            {
                for s in schemas.spots(&body.schema, v) {
                    let named = |step: &Step| match step {
                        Step::Name(n) => Some(n.clone()),
                        Step::Nth(_) => None,
                    };
                    let name = s.pointer.iter().rev().find_map(named).unwrap_or_default();
                    out.push(Spot {
                        site: Site::Member(s.pointer),
                        kind: s.kind,
                        required: s.required,
                        schema: s.schema,
                        name,
                        place: None,
                    });
                }
            }
        }
        for site in [Site::Body, Site::Method] {
            out.push(Spot {
                site,
                kind: Kind::Any,
                required: true,
                schema: Value::Null,
                name: String::new(),
                place: None,
            });
        }
        out
    }

    /// The value at a site.
    pub fn value(&self, site: &Site) -> Option<&Json> {
        match site {
            Site::Param(i) => match self.params.get(*i)? {
                Slot::Value(v) | Slot::Twice(v) => Some(v),
                _ => None,
            },
            Site::Member(p) => match &self.body {
                Payload::Value(v) => v.at(p),
                _ => None,
            },
            _ => None,
        }
    }

    /// Puts a value at a site. `false` where none can be.
    pub fn put(&mut self, site: &Site, value: Json) -> bool {
        match site {
            Site::Param(i) => self.params.get_mut(*i).map(|s| *s = Slot::Value(value)).is_some(),
            Site::Member(p) => match &mut self.body {
                Payload::Value(v) if p.is_empty() => {
                    *v = value;
                    true
                }
                Payload::Value(v) => v.put(p, value),
                _ => false,
            },
            _ => false,
        }
    }
}

impl Site {
    /// As a reader names it: `query parameter page`, `profile.city in the body`.
    pub fn shown(&self, op: &Operation) -> String {
        match self {
            Site::Param(i) => op.params.get(*i).map_or_else(String::new, |p| {
                let place = match p.place {
                    Place::Path => "path parameter",
                    Place::Query => "query parameter",
                    Place::Header => "header",
                    Place::Cookie => "cookie",
                };
                format!("{place} {}", p.name)
            }),
            Site::Member(p) if p.is_empty() => "the body".into(),
            Site::Member(p) if op.body.as_ref().is_some_and(|b| b.is_form()) => {
                format!("form field {}", json::shown(p))
            }
            Site::Member(p) => format!("{} in the body", json::shown(p)),
            Site::Body => "the body".into(),
            Site::Media => "the content type".into(),
            Site::Header(n) => format!("header {n}"),
            Site::Method => "the method".into(),
            Site::Path => "the path".into(),
            Site::Query => "a further query parameter".into(),
            Site::Auth => "the credentials".into(),
            Site::Times => "sending it again".into(),
        }
    }
}

fn settle(v: &mut Json, n: u64) {
    match v {
        Json::Text(t) | Json::Number(t) if t.contains([FRESH, FRESH_HEX]) => {
            *t = t.replace(FRESH, &n.to_string()).replace(FRESH_HEX, &format!("{n:012x}"));
        }
        Json::List(l) => l.iter_mut().for_each(|v| settle(v, n)),
        Json::Object(o) => o.iter_mut().for_each(|(_, v)| settle(v, n)),
        _ => {}
    }
}

fn is_date(spot: &Spot) -> bool {
    let format = spot.schema.get("format").and_then(Value::as_str).unwrap_or_default();
    let name = spot.name.to_ascii_lowercase();
    matches!(format, "date" | "date-time" | "time")
        || (matches!(spot.kind, Kind::Text | Kind::Any)
            && (name.contains("date") || name.ends_with("_at") || name == "since" || name == "until"))
}

/// Puts known values in place of members of the same name (`customer_id`).
fn fill_in(v: &mut Json, known: &dyn Fn(&str, Option<&Site>) -> Option<Json>) {
    match v {
        Json::Object(members) => {
            for (name, value) in members {
                match value {
                    Json::Object(_) | Json::List(_) => fill_in(value, known),
                    _ => {
                        if let Some(k) = known(name, None) {
                            *value = k;
                        }
                    }
                }
            }
        }
        Json::List(l) => l.iter_mut().for_each(|v| fill_in(v, known)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::Request;
    use crate::targets::openapi;
    use crate::templates::Template;

    const SHOP: &str = r##"{"openapi":"3.0.0","paths":{"/orders/{id}":{"post":{
      "parameters":[{"name":"id","in":"path","required":true,"schema":{"type":"integer","minimum":1}},
        {"name":"tags","in":"query","schema":{"type":"array","items":{"type":"string"}}},
        {"name":"X-Tenant","in":"header","schema":{"type":"string"}}],
      "requestBody":{"content":{"application/json":{"schema":{"$ref":"#/components/schemas/Node"}}}}}}},
      "components":{"schemas":{"Node":{"type":"object","required":["name"],"properties":{"name":{"type":"string"},
        "children":{"type":"array","items":{"$ref":"#/components/schemas/Node"}}}}}}}"##;

    fn template(toml: &str) -> Template {
        let text = format!("[[probe]]\nid='x'\nfamily='f'\nrank=1\nshows=''\nsource=''\n{toml}");
        crate::templates::read("test", &text).unwrap().remove(0)
    }

    #[test]
    fn templates_change_what_they_say_and_nothing_else() {
        let d = openapi::read(SHOP).unwrap();
        let (op, schemas) = (&d.operations[0], Schemas::of(&d.document));
        let base = Case::good(op, schemas, Extent::Full, 0, &|_, _| None);
        let common = Common { auth: vec![("Authorization".into(), "Bearer t".into())], ..Common::default() };
        let sent = base.request(op, &common);
        assert_eq!(sent.target, "/orders/1?tags=abc");
        assert_eq!(sent.header("x-tenant"), Some("abc"));
        let spots = base.spots(op, schemas);
        let all = |t: &Template| -> Vec<Request> {
            spots
                .iter()
                .filter_map(|s| base.changed(t, s, op, schemas))
                .map(|c| c.request(op, &common))
                .collect()
        };
        let under = all(&template("at='integer'\nbound='under-least'"));
        assert_eq!(under.len(), 1);
        assert_eq!(under[0].target, "/orders/0?tags=abc");
        let deep = all(&template("at='object'\nnest=3"));
        let body = String::from_utf8(deep[0].body.clone().unwrap()).unwrap();
        assert_eq!(body.matches("children").count(), 3, "{body}");
        let twice = all(&template("at='string'\ntwice=true"));
        assert!(
            twice
                .iter()
                .any(|r| r.body.as_deref().unwrap().windows(6).filter(|w| w == b"\"name\"").count() > 2)
        );
        let gone = all(&template("at='any'\nabsent=true"));
        assert!(
            gone.iter().any(|r| r.header("x-tenant").is_none())
                && gone.iter().any(|r| r.target == "/orders/1")
        );
        let plain = all(&template("at='request'\nauth=''"));
        assert!(plain[0].header("authorization").is_none());
        let text = all(&template("at='json-body'\ncontent_type='text/plain'"));
        assert_eq!((text[0].header("content-type"), &text[0].body), (Some("text/plain"), &sent.body));
    }

    #[test]
    fn what_differs_can_be_made_the_same() {
        let d = openapi::read(SHOP).unwrap();
        let (op, schemas) = (&d.operations[0], Schemas::of(&d.document));
        let full = Case::good(op, schemas, Extent::Full, 0, &|_, _| None);
        let least = Case::good(op, schemas, Extent::Least, 0, &|_, _| None);
        let mut made = full.clone();
        for site in full.differences(&least) {
            made.revert(&site, &least);
        }
        assert_eq!(made, least);
        let mut odd = full.clone();
        assert!(odd.put(
            &Site::Member(vec![Step::Name("children".into()), Step::Nth(0), Step::Name("name".into())]),
            Json::Null
        ));
        assert_eq!(odd.differences(&full).len(), 1);
    }
}
