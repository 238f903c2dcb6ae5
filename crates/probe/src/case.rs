//! One way to ask an operation: a value for each parameter, a body, and what is odd about it; and the request that it makes.

use crate::json::{self, Json, Pointer, Step};
use crate::operation::{Operation, Place, Style};
use crate::request::Request;
use crate::schema::{Extent, Kind, Schemas, bounds};
use crate::templates::{At, BodyEdit, Bound, Change, PathEdit, Template};
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Stands in a text for a number that is another one each time it is sent; no text that is sent has it.
pub const FRESH: char = '\u{2}';
/// The same in twelve hexadecimal digits.
const FRESH_HEX: char = '\u{3}';
/// Characters that such a number takes at most.
const FRESH_CHARS: u64 = 8;
const FORM: &str = "application/x-www-form-urlencoded";
const MULTIPART: &str = "multipart/form-data";
/// Between the parts of a multipart body.
const BOUNDARY: &str = "why500-2f6b1c";
/// Bytes of a path that is too long for most servers (nginx takes 8 kB for all headers of a line).
const LONG_PATH_BYTES: usize = 8_000;
/// Parts of a form that holds too many; PHP takes 1,000 fields, Werkzeug as many parts.
const PARTS_MANY: usize = 2_000;
/// Letters of a file's name that is too long; file systems take 255 bytes.
const FILE_NAME_LONG: usize = 300;
/// Characters made to pass a maximum; what a schema allows may be gigabytes.
const OVER_MAX: u64 = 200_000;

/// One way to ask an operation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
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
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Payload {
    /// None.
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
        Case {
            params,
            body: payload,
            media: body.map(|b| b.media.clone()),
            headers: Vec::new(),
            method: None,
            path: None,
            query: Vec::new(),
            auth: None,
            fresh: false,
        }
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

    /// The case with a template applied at a spot; `None` where it does not fit.
    pub fn changed(
        &self,
        template: &Template,
        spot: &Spot,
        op: &Operation,
        schemas: Schemas<'_>,
    ) -> Option<Case> {
        if !fits(template, spot, op) {
            return None;
        }
        // A form has fields, and no structure beyond.
        let is_form = op.body.as_ref().is_some_and(|b| b.is_form());
        let is_whole = matches!(&spot.site, Site::Member(p) if p.is_empty());
        if is_form && is_whole && !matches!(template.change, Change::Add(..)) {
            return None;
        }
        let mut new = self.clone();
        match &template.change {
            Change::Json(text) => new.put_value(spot, Json::read(text))?,
            Change::Text(text) => new.put_value(spot, Json::text(text))?,
            Change::Repeat(text, n) if spot.site == Site::Body => {
                new.body = Payload::Bytes(text.repeat(*n).into_bytes());
            }
            Change::Repeat(text, n) => new.put_value(spot, Json::Text(text.repeat(*n)))?,
            Change::Digits(n) => new.put_value(spot, Json::Number("9".repeat(*n)))?,
            Change::Bytes(as_is) | Change::Raw(as_is) => match &spot.site {
                Site::Param(i) if spot.place != Some(Place::Header) => {
                    *new.params.get_mut(*i)? = Slot::Bytes(as_is.clone());
                }
                // Within JSON only what breaks its text can be put as it is.
                Site::Member(_) if op.body.as_ref().is_some_and(|b| b.is_form()) => {
                    new.put_value(spot, Json::Bytes(unpercent(as_is)))?;
                }
                _ => return None,
            },
            Change::NameSuffix(end) => match &spot.site {
                Site::Param(i) if spot.place == Some(Place::Query) => {
                    let v = self.value(&spot.site)?.plain();
                    *new.params.get_mut(*i)? = Slot::Absent;
                    new.query.push((format!("{}{end}", spot.name), percent(&v)));
                }
                _ => return None,
            },
            Change::Nest(n) => new.put_value(spot, self.nested(spot, *n, schemas))?,
            Change::Grow(n) => {
                let grown = grown(self.value(&spot.site), *n)?;
                new.put_value(spot, grown)?;
            }
            Change::Bound(edge) => {
                let value = at_edge(*edge, spot, self.value(&spot.site))?;
                new.put_value(spot, value)?;
            }
            Change::Absent => match &spot.site {
                Site::Param(i) if spot.place != Some(Place::Path) => *new.params.get_mut(*i)? = Slot::Absent,
                Site::Member(p) if !p.is_empty() => {
                    let Payload::Value(v) = &mut new.body else { return None };
                    if !v.take(p) {
                        return None;
                    }
                }
                _ => return None,
            },
            Change::Twice => match &spot.site {
                Site::Param(i) if matches!(spot.place, Some(Place::Query | Place::Header)) => {
                    let v = self.value(&spot.site)?.clone();
                    *new.params.get_mut(*i)? = Slot::Twice(v);
                }
                Site::Member(p) => {
                    let (Some(Step::Name(last)), Payload::Value(v)) = (p.last(), &mut new.body) else {
                        return None;
                    };
                    let (last, twin, holder) = (last.clone(), v.at(p)?.clone(), p.get(..p.len() - 1)?);
                    let mut object = v.at(holder)?.clone();
                    let Json::Object(members) = &mut object else { return None };
                    members.push((last, twin));
                    if holder.is_empty() {
                        *v = object;
                    } else {
                        v.put(holder, object);
                    }
                }
                _ => return None,
            },
            Change::Add(name, text) => match (&spot.site, template.at) {
                (Site::Member(p), At::Object) => {
                    let Payload::Value(v) = &mut new.body else { return None };
                    let mut to = p.clone();
                    to.push(Step::Name(name.clone()));
                    if !v.put(&to, Json::read(text)) {
                        return None;
                    }
                }
                (Site::Method, At::Request | At::Query) => {
                    new.query.push((name.clone(), percent(&Json::read(text).plain())));
                }
                _ => return None,
            },
            Change::Body(encoded) => new.body = Payload::Bytes(unpercent(encoded)),
            Change::BodyEdit(BodyEdit::Absent) => {
                if self.body == Payload::Absent {
                    return None;
                }
                new.body = Payload::Absent;
            }
            Change::BodyEdit(edit) => {
                let good = self.payload()?;
                new.body = Payload::Bytes(spoilt(&good, *edit)?);
            }
            Change::ContentType(media) => {
                if self.body == Payload::Absent {
                    return None;
                }
                // The bytes stay what they are.
                new.body = Payload::Bytes(self.payload()?);
                new.media = media.clone();
            }
            Change::HeaderSet(name, value) => {
                if name.eq_ignore_ascii_case("content-type") && value.is_none() {
                    new.body = Payload::Bytes(self.payload()?);
                    new.media = None;
                } else {
                    new.headers.push((name.clone(), value.clone()));
                }
            }
            Change::HeaderAdd(name, value) => {
                new.headers.push((name.clone(), Some(value.clone())));
            }
            Change::HeaderRepeat(name, text, n) => new.headers.push((name.clone(), Some(text.repeat(*n)))),
            Change::HeaderMany(n) => {
                new.headers.extend((0..*n).map(|i| (format!("X-Filler-{i}"), Some("1".to_owned()))));
            }
            Change::Method(m) if *m == op.method => return None,
            Change::Method(m) => new.method = Some(m.clone()),
            Change::PathEdit(edit) => new.path = Some(*edit),
            Change::Auth(with) => new.auth = Some(with.clone()),
            Change::AtOnce(_) | Change::InTurn(_) => return Some(new),
        }
        (new != *self).then_some(new)
    }

    fn put_value(&mut self, spot: &Spot, value: Json) -> Option<()> {
        let in_form =
            matches!(self.media.as_deref(), Some(FORM | MULTIPART)) && matches!(spot.site, Site::Member(_));
        let value = match &value {
            Json::List(_) | Json::Object(_) if in_form => Json::Text(value.write()),
            Json::Raw(r) if in_form && r.starts_with(['[', '{']) => Json::Text(r.clone()),
            _ => value,
        };
        if spot.place == Some(Place::Header) && !is_header_value(&value.plain()) {
            return None;
        }
        // An empty segment is another path.
        if spot.place == Some(Place::Path) && value.plain().is_empty() {
            return None;
        }
        self.put(&spot.site, value).then_some(())
    }

    /// The value so deep within itself, by the member that holds its like where there is one.
    fn nested(&self, spot: &Spot, n: usize, schemas: Schemas<'_>) -> Json {
        const HOLE: &str = "\u{1}why500\u{1}";
        let shell = || {
            let members = spot.schema.get("properties")?.as_object()?;
            let mut least = schemas.good(&spot.schema, &spot.name, Extent::Least, 0);
            for (name, schema) in members {
                let inner = schemas.whole(schema);
                let items = inner.get("items").map(|i| schemas.whole(i));
                let hole = if inner.get("properties") == spot.schema.get("properties") {
                    Json::text(HOLE)
                } else if items.is_some_and(|i| i.get("properties") == spot.schema.get("properties")) {
                    Json::List(vec![Json::text(HOLE)])
                } else {
                    continue;
                };
                least.put(&[Step::Name(name.clone())], hole);
                return Some(least.write());
            }
            None
        };
        let inner = schemas.good(&spot.schema, &spot.name, Extent::Least, 0).write();
        let mark = Json::text(HOLE).write();
        let shell = shell().unwrap_or_else(|| match spot.kind {
            Kind::Object => format!("{{\"a\":{mark}}}"),
            _ => format!("[{mark}]"),
        });
        let (before, after) = shell.split_once(mark.as_str()).unwrap_or(("[", "]"));
        // As text: a value so deep could not even be dropped.
        Json::Raw(format!("{}{inner}{}", before.repeat(n), after.repeat(n)))
    }

    /// The bytes of the body.
    fn payload(&self) -> Option<Vec<u8>> {
        let media = self.media.as_deref().unwrap_or_default();
        match &self.body {
            Payload::Absent => None,
            Payload::Bytes(b) => Some(b.clone()),
            Payload::Value(v) => Some(written(v, media)),
        }
    }

    /// The request.
    pub fn request(&self, op: &Operation, common: &Common) -> Request {
        if self.fresh {
            let n = common.fresh.fetch_add(1, Ordering::Relaxed);
            return Case { fresh: false, ..self.settled(n) }.request(op, common);
        }
        let mut path = String::new();
        let mut rest = op.path.as_str();
        while let Some((before, after)) = rest.split_once('{') {
            let Some((name, after)) = after.split_once('}') else { break };
            path.push_str(before);
            let slot = op
                .params
                .iter()
                .position(|p| p.place == Place::Path && p.name == name)
                .and_then(|i| self.params.get(i));
            match slot {
                Some(Slot::Value(v) | Slot::Twice(v)) => path.push_str(&percent(&joined(v))),
                Some(Slot::Bytes(b)) => path.push_str(b),
                _ => path.push_str(name),
            }
            rest = after;
        }
        path.push_str(rest);
        if let Some(edit) = self.path {
            path = spoilt_path(&path, edit);
        }
        let mut query: Vec<String> = Vec::new();
        let mut cookies: Vec<String> = Vec::new();
        let mut request = Request { method: op.method.clone(), ..Request::default() };
        if let Some(m) = &self.method {
            request.method.clone_from(m);
        }
        for (p, slot) in op.params.iter().zip(&self.params) {
            let value = match slot {
                Slot::Absent => continue,
                Slot::Bytes(b) => {
                    if p.place == Place::Query {
                        query.push(format!("{}={b}", percent(p.name.as_bytes())));
                    }
                    continue;
                }
                Slot::Value(v) => v,
                Slot::Twice(v) => {
                    if p.place == Place::Header {
                        let text = String::from_utf8_lossy(&joined(v)).into_owned();
                        request.headers.push((p.name.clone(), text));
                    } else {
                        in_query(&p.name, v, p.style, &mut query);
                    }
                    v
                }
            };
            match p.place {
                Place::Path => {}
                Place::Query => in_query(&p.name, value, p.style, &mut query),
                Place::Header => {
                    let text = String::from_utf8_lossy(&joined(value)).into_owned();
                    request.headers.push((p.name.clone(), text));
                }
                Place::Cookie => cookies.push(format!("{}={}", p.name, percent(&joined(value)))),
            }
        }
        query.extend(self.query.iter().map(|(n, v)| format!("{}={v}", percent(n.as_bytes()))));
        request.target = if query.is_empty() { path } else { format!("{path}?{}", query.join("&")) };
        for (n, v) in op.headers.iter().chain(&common.headers) {
            if request.header(n).is_none() {
                request.headers.push((n.clone(), v.clone()));
            }
        }
        match &self.auth {
            None => {
                for (n, v) in &common.auth {
                    if n.eq_ignore_ascii_case("cookie") {
                        cookies.push(v.clone());
                    } else if request.header(n).is_none() {
                        request.headers.push((n.clone(), v.clone()));
                    }
                }
            }
            Some(None) => {}
            Some(Some(v)) => request.set_header("Authorization", v),
        }
        if !cookies.is_empty() {
            request.set_header("Cookie", &cookies.join("; "));
        }
        request.body = self.payload();
        if request.body.is_some()
            && let Some(media) = &self.media
        {
            let multipart = media == MULTIPART;
            let told = if multipart { format!("{media}; boundary={BOUNDARY}") } else { media.clone() };
            request.set_header("Content-Type", &told);
        }
        for (n, v) in &self.headers {
            match v {
                Some(v) => request.set_header(n, v),
                None => request.headers.retain(|(m, _)| !m.eq_ignore_ascii_case(n)),
            }
        }
        request
    }

    /// Where it differs from another case of the same operation; the smallest places that differ.
    pub fn differences(&self, other: &Case) -> Vec<Site> {
        let mut out: Vec<Site> = Vec::new();
        for (i, (a, b)) in self.params.iter().zip(&other.params).enumerate() {
            if a != b {
                out.push(Site::Param(i));
            }
        }
        match (&self.body, &other.body) {
            (a, b) if a == b => {}
            (Payload::Value(a), Payload::Value(b)) => {
                apart(a, b, &mut Vec::new(), &mut out);
            }
            // The same bytes, made in two ways.
            _ if self.payload() == other.payload() => {}
            _ => out.push(Site::Body),
        }
        if self.media != other.media && !out.contains(&Site::Body) {
            out.push(Site::Media);
        }
        for (n, _) in self.headers.iter().chain(&other.headers) {
            let of = |c: &Case| c.headers.iter().find(|(m, _)| m == n).cloned();
            let site = Site::Header(n.clone());
            if of(self) != of(other) && !out.contains(&site) {
                out.push(site);
            }
        }
        let further = [
            (self.method != other.method, Site::Method),
            (self.path != other.path, Site::Path),
            (self.query != other.query, Site::Query),
            (self.auth != other.auth, Site::Auth),
        ];
        out.extend(further.into_iter().filter(|(differs, _)| *differs).map(|(_, s)| s));
        out
    }

    /// Makes it there what the other is.
    pub fn revert(&mut self, site: &Site, other: &Case) {
        match site {
            Site::Param(i) => {
                if let (Some(a), Some(b)) = (self.params.get_mut(*i), other.params.get(*i)) {
                    *a = b.clone();
                }
            }
            Site::Member(p) => {
                let (Payload::Value(a), Payload::Value(b)) = (&mut self.body, &other.body) else { return };
                match b.at(p) {
                    Some(v) if p.is_empty() => *a = v.clone(),
                    Some(v) => {
                        a.put(p, v.clone());
                    }
                    None => {
                        a.take(p);
                    }
                }
            }
            Site::Body => {
                self.body = other.body.clone();
                self.media.clone_from(&other.media);
            }
            Site::Media => self.media.clone_from(&other.media),
            Site::Header(n) => {
                self.headers.retain(|(m, _)| m != n);
                self.headers.extend(other.headers.iter().filter(|(m, _)| m == n).cloned());
            }
            Site::Method => self.method.clone_from(&other.method),
            Site::Path => self.path = other.path,
            Site::Query => self.query.clone_from(&other.query),
            Site::Auth => self.auth.clone_from(&other.auth),
            Site::Times => {}
        }
    }

    /// What can be left out of it without making it another request: optional parameters and members that are there.
    pub fn extras(&self, op: &Operation) -> Vec<Site> {
        let mut out: Vec<Site> = Vec::new();
        for (i, (p, slot)) in op.params.iter().zip(&self.params).enumerate() {
            if *slot != Slot::Absent && p.place != Place::Path {
                out.push(Site::Param(i));
            }
        }
        if let Payload::Value(v) = &self.body {
            parts(v, &mut Vec::new(), &mut out);
        }
        out
    }

    /// Leaves something out. `false` where it was not there.
    pub fn leave_out(&mut self, site: &Site) -> bool {
        match site {
            Site::Param(i) => {
                self.params.get_mut(*i).is_some_and(|s| std::mem::replace(s, Slot::Absent) != Slot::Absent)
            }
            Site::Member(p) => match &mut self.body {
                Payload::Value(v) => v.take(p),
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

/// Does a template look at such a spot?
fn fits(template: &Template, spot: &Spot, op: &Operation) -> bool {
    if !template.fits_name(&spot.name) {
        return false;
    }
    let value = matches!(spot.site, Site::Param(_)) || matches!(&spot.site, Site::Member(p) if !p.is_empty());
    let kind = spot.kind;
    let number_named = kind == Kind::Any;
    match template.at {
        At::Any => value,
        At::String => value && matches!(kind, Kind::Text | Kind::Any) && spot.schema.get("enum").is_none(),
        At::Date => value && is_date(spot),
        At::Integer => value && (kind == Kind::Integer || number_named),
        At::Number => value && (matches!(kind, Kind::Integer | Kind::Number) || number_named),
        At::Boolean => value && kind == Kind::Bool,
        At::Array => matches!(spot.site, Site::Member(_) | Site::Param(_)) && kind == Kind::List,
        At::Object => matches!(spot.site, Site::Member(_)) && kind == Kind::Object,
        At::Query => spot.place == Some(Place::Query),
        At::Path => spot.place == Some(Place::Path),
        At::Header => spot.place == Some(Place::Header),
        At::JsonBody => spot.site == Site::Body && op.body.as_ref().is_some_and(|b| b.is_json()),
        At::MultipartBody => {
            spot.site == Site::Body && op.body.as_ref().is_some_and(|b| b.media == MULTIPART)
        }
        At::Body => spot.site == Site::Body && op.body.is_some(),
        At::Authorized => spot.site == Site::Method && op.secured,
        At::Request => spot.site == Site::Method,
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

fn apart(a: &Json, b: &Json, at: &mut Pointer, out: &mut Vec<Site>) {
    match (a, b) {
        _ if a == b => {}
        (Json::Object(x), Json::Object(y)) if !twins(x) && !twins(y) => {
            let names = x.iter().chain(y.iter().filter(|(n, _)| a.member(n).is_none())).map(|(n, _)| n);
            for n in names {
                at.push(Step::Name(n.clone()));
                match (a.member(n), b.member(n)) {
                    (Some(v), Some(w)) => apart(v, w, at, out),
                    _ => out.push(Site::Member(at.clone())),
                }
                at.pop();
            }
        }
        (Json::List(x), Json::List(y)) if x.len() == y.len() => {
            for (i, (v, w)) in x.iter().zip(y).enumerate() {
                at.push(Step::Nth(i));
                apart(v, w, at, out);
                at.pop();
            }
        }
        _ => out.push(Site::Member(at.clone())),
    }
}

fn twins(members: &[(String, Json)]) -> bool {
    members.iter().enumerate().any(|(i, (n, _))| members.iter().skip(i + 1).any(|(m, _)| m == n))
}

/// Members and elements, deepest last.
fn parts(v: &Json, at: &mut Pointer, out: &mut Vec<Site>) {
    match v {
        Json::Object(members) => {
            for (n, v) in members {
                at.push(Step::Name(n.clone()));
                out.push(Site::Member(at.clone()));
                parts(v, at, out);
                at.pop();
            }
        }
        Json::List(l) => {
            if let Some(v) = l.first() {
                at.push(Step::Nth(0));
                out.push(Site::Member(at.clone()));
                parts(v, at, out);
                at.pop();
            }
        }
        _ => {}
    }
}

/// The list or object with so many parts.
fn grown(value: Option<&Json>, n: usize) -> Option<Json> {
    match value? {
        Json::List(l) => {
            let one = l.first().map_or_else(|| "1".to_owned(), Json::write);
            Some(Json::Raw(format!("[{}]", vec![one; n].join(","))))
        }
        Json::Object(o) => {
            let mut all = o.clone();
            all.extend((0..n).map(|i| (format!("k{i}"), Json::int(1))));
            Some(Json::Object(all))
        }
        _ => None,
    }
}

/// The value at an edge of what its schema allows; `None` where it tells none.
fn at_edge(edge: Bound, spot: &Spot, value: Option<&Json>) -> Option<Json> {
    let count = |k: &str| spot.schema.get(k).and_then(Value::as_u64);
    match spot.kind {
        Kind::Integer | Kind::Number => {
            let (least, most) = bounds(&spot.schema);
            let v = match edge {
                Bound::Least => least?,
                Bound::Most => most?,
                Bound::UnderLeast => least? - 1.0,
                Bound::OverMost => most? + 1.0,
            };
            Some(Json::Number(if v.fract() == 0.0 { format!("{v:.0}") } else { format!("{v}") }))
        }
        Kind::Text => {
            let n = match edge {
                Bound::Least => count("minLength")?,
                Bound::Most => count("maxLength")?,
                Bound::UnderLeast => count("minLength")?.checked_sub(1)?,
                Bound::OverMost => count("maxLength")? + 1,
            };
            Some(Json::Text("a".repeat(usize::try_from(n).ok().filter(|_| n <= OVER_MAX)?)))
        }
        Kind::List => {
            let n = match edge {
                Bound::Least => count("minItems")?,
                Bound::Most => count("maxItems")?,
                Bound::UnderLeast => count("minItems")?.checked_sub(1)?,
                Bound::OverMost => count("maxItems")? + 1,
            };
            if n == 0 {
                return Some(Json::List(Vec::new()));
            }
            grown(value, usize::try_from(n).ok().filter(|_| n <= OVER_MAX)?)
        }
        _ => None,
    }
}

/// A value as its media type writes it.
fn written(v: &Json, media: &str) -> Vec<u8> {
    match media {
        FORM => {
            let mut out = Vec::new();
            fields(v, &mut |n, v, _| out.push(format!("{}={}", percent(n.as_bytes()), percent(&v))));
            out.join("&").into_bytes()
        }
        MULTIPART => {
            let mut out = Vec::new();
            fields(v, &mut |n, v, is_file| {
                let file = if is_file { "; filename=\"a.txt\"\r\nContent-Type: text/plain" } else { "" };
                let name = n.replace(['"', '\r', '\n'], "_");
                out.extend_from_slice(
                    format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n")
                        .as_bytes(),
                );
                out.extend_from_slice(&v);
                out.extend_from_slice(b"\r\n");
            });
            out.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
            out
        }
        m if crate::operation::is_json(m) => v.write().into_bytes(),
        m if m.ends_with("xml") => {
            let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
            xml("root", v, &mut out);
            out.into_bytes()
        }
        _ => v.plain(),
    }
}

/// The fields of a form: name, bytes, whether it is a file.
fn fields(v: &Json, each: &mut dyn FnMut(&str, Vec<u8>, bool)) {
    let Json::Object(members) = v else {
        each("value", v.plain(), false);
        return;
    };
    for (n, v) in members {
        match v {
            Json::List(l) => l.iter().for_each(|v| each(n, v.plain(), false)),
            Json::Object(inner) => {
                inner.iter().for_each(|(m, v)| each(&format!("{n}[{m}]"), v.plain(), false));
            }
            v => each(n, v.plain(), is_file_name(n)),
        }
    }
}

/// Does a field's name speak of a file?
fn is_file_name(name: &str) -> bool {
    let n = name.to_ascii_lowercase();
    ["file", "upload", "image", "photo", "document", "attachment", "avatar"].iter().any(|w| n.contains(w))
}

fn xml(name: &str, v: &Json, out: &mut String) {
    let tag: String = name.chars().map(|c| if c.is_alphanumeric() || c == '_' { c } else { '_' }).collect();
    out.push_str(&format!("<{tag}>"));
    match v {
        Json::Object(o) => o.iter().for_each(|(n, v)| xml(n, v, out)),
        Json::List(l) => l.iter().for_each(|v| xml("item", v, out)),
        v => {
            let text = String::from_utf8_lossy(&v.plain()).into_owned();
            out.push_str(&text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"));
        }
    }
    out.push_str(&format!("</{tag}>"));
}

/// A value in one place that takes no structure.
fn joined(v: &Json) -> Vec<u8> {
    match v {
        Json::List(l) => l.iter().map(Json::plain).collect::<Vec<_>>().join(&b','),
        v => v.plain(),
    }
}

fn in_query(name: &str, v: &Json, style: Style, out: &mut Vec<String>) {
    let name = percent(name.as_bytes());
    match (v, style) {
        (Json::List(l), Style::Exploded | Style::Deep) => {
            out.extend(l.iter().map(|v| format!("{name}={}", percent(&v.plain()))));
        }
        (Json::Object(o), Style::Deep) => {
            out.extend(
                o.iter().map(|(n, v)| format!("{name}[{}]={}", percent(n.as_bytes()), percent(&v.plain()))),
            );
        }
        (Json::Object(o), Style::Exploded) => {
            out.extend(o.iter().map(|(n, v)| format!("{}={}", percent(n.as_bytes()), percent(&v.plain()))));
        }
        (v, Style::Json) => out.push(format!("{name}={}", percent(v.write().as_bytes()))),
        (v, _) => out.push(format!("{name}={}", percent(&joined(v)))),
    }
}

/// Percent-encoded but for what is unreserved (RFC 3986 §2.3).
pub fn percent(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for &b in bytes {
        if b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~') {
            out.push(b as char);
        } else {
            out.push_str(&format!("%{b:02X}"));
        }
    }
    out
}

/// The bytes of a percent-encoded text.
pub fn unpercent(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&b, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|h| std::str::from_utf8(h).ok());
        match hex.filter(|_| b == b'%').and_then(|h| u8::from_str_radix(h, 16).ok()) {
            Some(v) => {
                out.push(v);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                out.push(b);
                rest = after;
            }
        }
    }
    out
}

/// May these bytes stand in a header (RFC 9110 §5.5)?
fn is_header_value(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok() && bytes.iter().all(|b| *b == b'\t' || (*b >= 0x20 && *b != 0x7f))
}

fn spoilt(good: &[u8], edit: BodyEdit) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(good).ok();
    let last = |c: char| text.and_then(|t| t.rfind(c));
    Some(match edit {
        BodyEdit::Absent => return None,
        BodyEdit::Half => good.get(..good.len() / 2).filter(|h| !h.is_empty())?.to_vec(),
        BodyEdit::TrailingComma => {
            let i = last('}').or(last(']'))?;
            let (a, b) = text?.split_at_checked(i)?;
            format!("{a},{b}").into_bytes()
        }
        BodyEdit::SingleQuotes => text?.replace('"', "'").into_bytes(),
        BodyEdit::BareNames => {
            let mut out = text?.to_owned();
            for part in text?.split('"').skip(1).step_by(2) {
                out = out.replacen(&format!("\"{part}\":"), &format!("{part}:"), 1);
            }
            out.into_bytes()
        }
        BodyEdit::ByteOrderMark => [b"\xef\xbb\xbf", good].concat(),
        BodyEdit::Comment => [b"/* c */ ", good].concat(),
        BodyEdit::Doubled => [good, good].concat(),
        BodyEdit::Utf16 => text?.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        BodyEdit::InList => [b"[", good, b"]"].concat(),
        BodyEdit::NamesTwice => {
            let inner = text?.strip_prefix('{')?.strip_suffix('}')?;
            (!inner.is_empty()).then(|| format!("{{{inner},{inner}}}").into_bytes())?
        }
        BodyEdit::NamesUpper => {
            let mut out = text?.to_owned();
            for part in text?.split('"').skip(1).step_by(2) {
                let name = format!("\"{part}\":");
                out = out.replace(&name, &name.to_uppercase());
            }
            out.into_bytes()
        }
        part => return spoilt_parts(text?, part),
    })
}

/// A multipart body (RFC 7578), spoilt.
fn spoilt_parts(text: &str, edit: BodyEdit) -> Option<Vec<u8>> {
    const HEAD: &str = "Content-Disposition: form-data; name=\"";
    const FILE: &str = "filename=\"a.txt\"";
    let end = format!("--{BOUNDARY}--\r\n");
    let inner = text.strip_suffix(&end)?;
    let file_named =
        |name: &str| inner.contains(FILE).then(|| inner.replace(FILE, &format!("filename=\"{name}\"")));
    // Each line that names a part, made another one.
    let heads = |make: &dyn Fn(&str) -> String| -> String {
        let line = |l: &str| match l.strip_suffix("\r\n") {
            Some(head) if head.starts_with(HEAD) => make(head),
            _ => l.to_owned(),
        };
        inner.split_inclusive("\r\n").map(line).collect()
    };
    let made = match edit {
        BodyEdit::NoLastBoundary => return Some(inner.as_bytes().to_vec()),
        BodyEdit::OtherBoundary => return Some(text.replace(BOUNDARY, "another").into_bytes()),
        BodyEdit::BareLf => return Some(text.replace("\r\n", "\n").into_bytes()),
        BodyEdit::NoParts => String::new(),
        BodyEdit::NoDisposition => heads(&|_| String::new()),
        BodyEdit::NoPartNames => heads(&|_| "Content-Disposition: form-data\r\n".to_owned()),
        BodyEdit::TextAsFile => {
            heads(&|h| format!("{h}; filename=\"b.bin\"\r\nContent-Type: application/octet-stream\r\n"))
        }
        BodyEdit::FileAsText => file_named("")?.replace("; filename=\"\"", ""),
        BodyEdit::UnknownFile => {
            format!("{inner}--{BOUNDARY}\r\n{HEAD}unknown\"; filename=\"u.bin\"\r\n\r\nabc\r\n")
        }
        BodyEdit::ManyParts => {
            let part = |i: usize| format!("--{BOUNDARY}\r\n{HEAD}f{i}\"\r\n\r\n1\r\n");
            format!("{inner}{}", (0..PARTS_MANY).map(part).collect::<String>())
        }
        // What is made for a file is these three letters.
        BodyEdit::FileEmpty => file_named("a.txt")?.replace("\r\n\r\nabc\r\n", "\r\n\r\n\r\n"),
        BodyEdit::FileNameOdd => file_named("../a%22b\0.png")?,
        BodyEdit::FileNameLong => file_named(&"a".repeat(FILE_NAME_LONG))?,
        BodyEdit::TransferEncoding => heads(&|h| format!("{h}\r\nContent-Transfer-Encoding: base64\r\n")),
        BodyEdit::PartCharset => {
            heads(&|h| format!("{h}\r\nContent-Type: text/plain; charset=x-unknown\r\n"))
        }
        _ => return None,
    };
    Some(format!("{made}{end}").into_bytes())
}

fn spoilt_path(path: &str, edit: PathEdit) -> String {
    let last = path.rfind('/').unwrap_or(0);
    let (before, after) = path.split_at_checked(last).unwrap_or((path, ""));
    match edit {
        PathEdit::TrailingSlash => format!("{path}/"),
        PathEdit::DoubleSlash => format!("/{path}"),
        PathEdit::DotSegment => format!("{before}/.{after}"),
        PathEdit::EncodedSlash => format!("{before}%2F{}", after.trim_start_matches('/')),
        PathEdit::EncodedNul => format!("{path}%00"),
        PathEdit::BrokenEscape => format!("{path}%"),
        PathEdit::UpperCase => path.to_ascii_uppercase(),
        PathEdit::Semicolon => format!("{path};x=1"),
        PathEdit::Extension => format!("{path}.json"),
        PathEdit::Long => format!("{path}/{}", "a".repeat(LONG_PATH_BYTES)),
        PathEdit::NotUtf8 => format!("{path}%FF%FE"),
        PathEdit::EncodedNewline => format!("{path}%0A"),
        PathEdit::EncodedDots => format!("{path}/%2e%2e%2f%2e%2e%2f"),
        PathEdit::Backslash => format!("{before}%5C{}", after.trim_start_matches('/')),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::targets::openapi;

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

    #[test]
    fn forms_are_written_as_browsers_write_them() {
        let v = Json::read(r#"{"a":"x y","b":[1,2],"c":{"d":"é"}}"#);
        assert_eq!(written(&v, "application/x-www-form-urlencoded"), b"a=x%20y&b=1&b=2&c%5Bd%5D=%C3%A9");
        let m = String::from_utf8(written(&v, "multipart/form-data")).unwrap();
        assert!(m.contains("name=\"c[d]\"\r\n\r\né\r\n") && m.ends_with("--\r\n"));
        assert_eq!(unpercent("%ff%zz%0"), b"\xff%zz%0");
    }
}
