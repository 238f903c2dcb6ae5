//! Values that a JSON schema allows: drafts 4 to 2020-12 as far as OpenAPI and Swagger use them, read leniently.

use crate::json::{Json, Pointer, Step};
use serde_json::{Map, Value};

/// `$ref`s that lead to `$ref`s; descriptions have one or two.
const REF_HOPS_MAX: usize = 16;
/// Levels of a value; deeper ones are left out where they may be.
const DEPTH_MAX: usize = 8;
/// Schemas that are worked into one; a document of a few lines could tell millions.
const MERGE_MAX: usize = 256;
/// Elements or characters that are made to reach a minimum.
const FILL_MAX: u64 = 4096;

/// The schemas of a document.
#[derive(Clone, Copy)]
pub struct Schemas<'d> {
    document: &'d Value,
}

/// What a value is by its schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Nothing is said.
    Any,
    /// A text.
    Text,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// True or false.
    Bool,
    /// A list.
    List,
    /// An object.
    Object,
}

/// How much of what may be left out is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Extent {
    /// All of it.
    Full,
    /// Only what must be.
    Least,
}

/// A place in a value whose schema is known.
#[derive(Clone, Debug)]
pub struct Spot {
    /// Where.
    pub pointer: Pointer,
    /// What it is.
    pub kind: Kind,
    /// It must be there.
    pub required: bool,
    /// Its schema, with `$ref` and `allOf` worked in.
    pub schema: Value,
}

impl<'d> Schemas<'d> {
    /// Those of a document.
    pub fn of(document: &'d Value) -> Schemas<'d> {
        Schemas { document }
    }

    /// Follows `$ref` to where it leads; what leads nowhere says nothing.
    pub fn resolve<'a>(&'a self, schema: &'a Value) -> &'a Value {
        let mut s = schema;
        for _ in 0..REF_HOPS_MAX {
            let Some(to) = s.get("$ref").and_then(Value::as_str) else { return s };
            match to.strip_prefix('#').and_then(|p| self.pointed(p)) {
                Some(t) => s = t,
                None => return &Value::Null,
            }
        }
        &Value::Null
    }

    /// A JSON pointer in a fragment (RFC 6901 §6), also with percent escapes.
    fn pointed(&self, fragment: &str) -> Option<&'d Value> {
        if fragment.contains('%') {
            let bytes: Vec<u8> = url::form_urlencoded::parse(fragment.replace('+', "%2B").as_bytes())
                .next()
                .map(|(k, _)| k.into_owned().into_bytes())?;
            return self.document.pointer(std::str::from_utf8(&bytes).ok()?);
        }
        self.document.pointer(fragment)
    }

    /// A schema with `$ref`, `allOf` and the first of `oneOf`/`anyOf` worked in.
    pub fn whole(&self, schema: &Value) -> Value {
        Value::Object(self.merged(schema, &mut 0))
    }

    fn merged(&self, schema: &Value, merges: &mut usize) -> Map<String, Value> {
        let Value::Object(s) = self.resolve(schema) else { return Map::new() };
        *merges += 1;
        if *merges > MERGE_MAX {
            return Map::new();
        }
        let mut out = s.clone();
        for part in s.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            work_in(&mut out, self.merged(part, merges));
        }
        out.remove("allOf");
        for key in ["oneOf", "anyOf"] {
            let Some(choices) = s.get(key).and_then(Value::as_array) else { continue };
            // Null is rarely what somebody means to send.
            let said = |c: &&Value| self.resolve(c).get("type").and_then(Value::as_str) != Some("null");
            if let Some(choice) = choices.iter().find(said) {
                work_in(&mut out, self.merged(choice, merges));
            }
            out.remove(key);
        }
        out
    }

    /// What values of this schema (as [`Schemas::whole`] gives it) are.
    pub fn kind(schema: &Value) -> Kind {
        let named = match schema.get("type") {
            Some(Value::String(t)) => Some(t.as_str()),
            Some(Value::Array(l)) => l.iter().filter_map(Value::as_str).find(|t| *t != "null"),
            _ => None,
        };
        match named {
            Some("string" | "file") => Kind::Text,
            Some("integer") => Kind::Integer,
            Some("number") => Kind::Number,
            Some("boolean") => Kind::Bool,
            Some("array") => Kind::List,
            Some("object") => Kind::Object,
            _ if schema.get("properties").is_some() => Kind::Object,
            _ if schema.get("items").is_some() => Kind::List,
            _ => match schema.get("enum").and_then(|e| e.get(0)).or(schema.get("const")) {
                Some(Value::String(_)) => Kind::Text,
                Some(Value::Bool(_)) => Kind::Bool,
                Some(Value::Number(_)) => Kind::Number,
                _ if schema.get("pattern").is_some() || schema.get("minLength").is_some() => Kind::Text,
                _ => Kind::Any,
            },
        }
    }

    /// A value that the schema allows, as plausible as its names and examples tell. `turn` gives others, from 0 on.
    pub fn good(&self, schema: &Value, name: &str, extent: Extent, turn: usize) -> Json {
        self.make(schema, name, extent, turn, 0)
    }

    fn make(&self, schema: &Value, name: &str, extent: Extent, turn: usize, depth: usize) -> Json {
        let s = self.whole(schema);
        let kind = Schemas::kind(&s);
        let told = told_values(&s);
        // An example of an object shows all members; of the least there are the required ones alone.
        let whole = extent == Extent::Full || !matches!(kind, Kind::Object | Kind::List);
        if let Some(v) = told.get(turn % told.len().max(1)).filter(|_| whole) {
            return Json::from(*v);
        }
        match kind {
            Kind::Object => self.object(&s, extent, turn, depth),
            Kind::List => self.list(&s, name, extent, turn, depth),
            Kind::Text => Json::Text(text(&s, name, turn)),
            Kind::Integer | Kind::Number => Json::Number(number(&s, name, kind == Kind::Integer, turn)),
            Kind::Bool => Json::Bool(turn.is_multiple_of(2)),
            Kind::Any if is_count(name) => Json::Number(number(&s, name, true, turn)),
            Kind::Any => match turn % 4 {
                0 => Json::Text(text(&s, name, turn)),
                1 => Json::int(1),
                2 => Json::Object(Vec::new()),
                _ => Json::List(Vec::new()),
            },
        }
    }

    fn object(&self, s: &Value, extent: Extent, turn: usize, depth: usize) -> Json {
        let required = required(s);
        let mut members = Vec::new();
        let all = s.get("properties").and_then(Value::as_object);
        for (name, schema) in all.into_iter().flatten() {
            let must = required.contains(&name.as_str());
            let told = self.resolve(schema);
            if told.get("readOnly").and_then(Value::as_bool) == Some(true) && !must {
                continue;
            }
            let wanted = must || (extent == Extent::Full && depth < DEPTH_MAX && !self.recurs(schema, depth));
            if wanted && depth < 2 * DEPTH_MAX {
                // Later turns give members of one kind values that differ.
                let turn = if turn > 1 { turn + members.len() } else { turn };
                members.push((name.clone(), self.make(schema, name, extent, turn, depth + 1)));
            }
        }
        // Names that are required without being described.
        for name in required {
            if !members.iter().any(|(n, _)| n == name) && depth < 2 * DEPTH_MAX {
                members.push((name.to_owned(), self.make(&Value::Bool(true), name, extent, turn, depth + 1)));
            }
        }
        if members.is_empty()
            && extent == Extent::Full
            && depth < DEPTH_MAX
            && let Some(more @ Value::Object(_)) = s.get("additionalProperties")
        {
            members.push(("key".to_owned(), self.make(more, "key", extent, turn, depth + 1)));
        }
        Json::Object(members)
    }

    /// Does an optional member lead back to an object that holds it? One level of it is enough.
    fn recurs(&self, schema: &Value, depth: usize) -> bool {
        depth >= 2 && (schema.get("$ref").is_some() || schema.pointer("/items/$ref").is_some())
    }

    fn list(&self, s: &Value, name: &str, extent: Extent, turn: usize, depth: usize) -> Json {
        let least = whole_number(s, "minItems").unwrap_or(0).min(FILL_MAX);
        let most = whole_number(s, "maxItems").unwrap_or(u64::MAX);
        let wanted = if extent == Extent::Full && depth < DEPTH_MAX && depth < 4 { 1 } else { 0 };
        let n = wanted.max(least).min(most);
        if depth >= 2 * DEPTH_MAX {
            return Json::List(Vec::new());
        }
        let any = Value::Bool(true);
        let items = s.get("items").unwrap_or(&any);
        let one = name.strip_suffix('s').unwrap_or(name);
        let unique = s.get("uniqueItems").and_then(Value::as_bool) == Some(true);
        let nth = |i: u64| {
            let turn = if unique { turn + usize::try_from(i).unwrap_or(0) } else { turn };
            self.make(items, one, extent, turn, depth + 1)
        };
        Json::List((0..n).map(nth).collect())
    }

    /// All places in a value that its schema describes, outer ones first; of a list its first element.
    pub fn spots(&self, schema: &Value, value: &Json) -> Vec<Spot> {
        let mut out = Vec::new();
        self.gather(schema, value, &mut Vec::new(), true, &mut out);
        out
    }

    fn gather(
        &self,
        schema: &Value,
        value: &Json,
        at: &mut Pointer,
        required_here: bool,
        out: &mut Vec<Spot>,
    ) {
        if at.len() > DEPTH_MAX {
            return;
        }
        let s = self.whole(schema);
        let mut kind = Schemas::kind(&s);
        if kind == Kind::Any {
            // An example tells what a description does not.
            match value {
                Json::Object(_) => kind = Kind::Object,
                Json::List(_) => kind = Kind::List,
                _ => {}
            }
        }
        out.push(Spot { pointer: at.clone(), kind, required: required_here, schema: s.clone() });
        let any = Value::Bool(true);
        match value {
            Json::Object(members) => {
                let must = required(&s);
                for (name, v) in members {
                    let schema = s
                        .get("properties")
                        .and_then(|p| p.get(name))
                        .or_else(|| s.get("additionalProperties").filter(|a| a.is_object()))
                        .unwrap_or(&any);
                    at.push(Step::Name(name.clone()));
                    self.gather(schema, v, at, must.contains(&name.as_str()), out);
                    at.pop();
                }
            }
            Json::List(elements) => {
                if let Some(first) = elements.first() {
                    at.push(Step::Nth(0));
                    self.gather(s.get("items").unwrap_or(&any), first, at, false, out);
                    at.pop();
                }
            }
            _ => {}
        }
    }
}

/// Works one schema into another: what the first says stands.
fn work_in(into: &mut Map<String, Value>, from: Map<String, Value>) {
    for (k, v) in from {
        match (into.get_mut(&k), v) {
            (Some(Value::Object(a)), Value::Object(b)) if k == "properties" => {
                b.into_iter().for_each(|(n, v)| {
                    a.entry(n).or_insert(v);
                });
            }
            (Some(Value::Array(a)), Value::Array(b)) if k == "required" => a.extend(b),
            (Some(_), _) => {}
            (None, v) => {
                into.insert(k, v);
            }
        }
    }
}

fn required(s: &Value) -> Vec<&str> {
    s.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Values that the schema's author wrote down.
fn told_values(s: &Value) -> Vec<&Value> {
    let mut all: Vec<&Value> = Vec::new();
    all.extend(s.get("const"));
    all.extend(s.get("example"));
    match s.get("examples") {
        Some(Value::Array(l)) => all.extend(l),
        // As of parameters (OpenAPI 3), where some put it into schemas.
        Some(Value::Object(o)) => all.extend(o.values().filter_map(|e| e.get("value"))),
        _ => {}
    }
    all.extend(s.get("default").filter(|d| !d.is_null()));
    all.extend(s.get("enum").and_then(Value::as_array).into_iter().flatten().filter(|v| !v.is_null()));
    all
}

fn whole_number(s: &Value, key: &str) -> Option<u64> {
    s.get(key).and_then(Value::as_u64)
}

/// Does the name speak of how many, how old, how much?
fn is_count(name: &str) -> bool {
    let n = name.to_ascii_lowercase();
    ["age", "count", "quantity", "qty", "price", "amount", "total", "size", "limit", "offset", "page", "year"]
        .iter()
        .any(|w| n == *w || n.ends_with(&format!("_{w}")) || n.starts_with(&format!("{w}_")))
        || n == "id"
        || n.ends_with("_id")
}

/// The edges of what a number may be: least and greatest.
pub fn bounds(s: &Value) -> (Option<f64>, Option<f64>) {
    let edge = |plain: &str, exclusive: &str, step: f64| {
        let at = s.get(plain).and_then(Value::as_f64);
        match s.get(exclusive) {
            // Draft 4: a flag beside the edge; later: an edge of its own.
            Some(Value::Bool(true)) => at.map(|m| m + step),
            Some(Value::Number(n)) => n.as_f64().map(|m| m + step),
            _ => at,
        }
    };
    (edge("minimum", "exclusiveMinimum", 1.0), edge("maximum", "exclusiveMaximum", -1.0))
}

fn number(s: &Value, name: &str, whole: bool, turn: usize) -> String {
    let (least, most) = bounds(s);
    let usual = match name.to_ascii_lowercase().as_str() {
        "year" => 2026.0,
        "month" => 6.0,
        "port" => 8080.0,
        "age" => 30.0,
        n if n.contains("limit") || n.contains("per_page") || n.contains("size") => 10.0,
        n if n.contains("lat") => 52.0,
        n if n.contains("lon") || n.contains("lng") => 5.0,
        _ => 1.0,
    } + turn as f64;
    let mut v = usual.max(least.unwrap_or(f64::MIN)).min(most.unwrap_or(f64::MAX));
    if let Some(step) = s.get("multipleOf").and_then(Value::as_f64).filter(|m| *m > 0.0) {
        v = (v / step).ceil() * step;
        if most.is_some_and(|m| v > m) {
            v -= step;
        }
    }
    if whole || v.fract() == 0.0 { format!("{v:.0}") } else { format!("{v}") }
}

fn text(s: &Value, name: &str, turn: usize) -> String {
    let format = s.get("format").and_then(Value::as_str).unwrap_or_default();
    let n = name.to_ascii_lowercase();
    let has = |w: &str| n.contains(w);
    // What ends comes after what begins.
    let ends = ["end", "to", "until", "out", "due", "expires", "expiry", "return"];
    let is_end = n.split(['_', '-']).any(|w| ends.contains(&w)) || n.ends_with("end") || n.ends_with("until");
    let day = 10 + turn % 14 + if is_end { 4 } else { 0 };
    let made = match format {
        "date" => format!("2026-01-{day}"),
        "date-time" => format!("2026-01-{day}T10:00:00Z"),
        "time" => "10:00:00Z".to_owned(),
        "duration" => "P1D".to_owned(),
        "email" | "idn-email" => format!("ann{turn}@example.com"),
        "uuid" => format!("3f2504e0-4f89-41d3-9a0c-0305e82c33{:02x}", turn % 256),
        "uri" | "url" | "iri" | "uri-reference" => format!("https://example.com/{turn}"),
        "hostname" | "idn-hostname" => "example.com".to_owned(),
        "ipv4" => "192.0.2.1".to_owned(),
        "ipv6" => "2001:db8::1".to_owned(),
        "byte" => "YWJj".to_owned(),
        "binary" => "abc".to_owned(),
        "password" => format!("Passw0rd!{turn}"),
        "json-pointer" => "/a".to_owned(),
        "regex" => "a+".to_owned(),
        _ => {
            if let Some(p) = s.get("pattern").and_then(Value::as_str)
                && let Some(made) = crate::pattern::example(p)
            {
                made
            } else if has("email") {
                format!("ann{turn}@example.com")
            } else if has("uuid") || has("guid") {
                format!("3f2504e0-4f89-41d3-9a0c-0305e82c33{:02x}", turn % 256)
            } else if n.ends_with("_at") || has("datetime") || has("timestamp") {
                format!("2026-01-{day}T10:00:00Z")
            } else if has("date") || n == "day" || n == "from" || n == "to" || n == "since" || n == "until" {
                format!("2026-01-{day}")
            } else if has("url") || has("uri") || has("link") || has("website") {
                format!("https://example.com/{turn}")
            } else if has("phone") || has("mobile") {
                "+31612345678".to_owned()
            } else if has("currency") {
                "EUR".to_owned()
            } else if has("country") {
                "NL".to_owned()
            } else if has("lang") || has("locale") {
                "en".to_owned()
            } else if has("timezone") || n == "tz" {
                "Europe/Amsterdam".to_owned()
            } else if has("zip") || has("postal") {
                "10115".to_owned()
            } else if has("colour") || has("color") {
                "#336699".to_owned()
            } else if has("password") {
                format!("Passw0rd!{turn}")
            } else if turn == 0 {
                "abc".to_owned()
            } else {
                format!("abc{turn}")
            }
        }
    };
    fitted(made, whole_number(s, "minLength"), whole_number(s, "maxLength"))
}

/// The text at the length that is allowed.
fn fitted(mut s: String, least: Option<u64>, most: Option<u64>) -> String {
    let n = s.chars().count() as u64;
    if let Some(least) = least.filter(|l| n < *l) {
        s.extend(std::iter::repeat_n('a', usize::try_from(least.min(FILL_MAX) - n).unwrap_or(0)));
    }
    match most.and_then(|m| usize::try_from(m).ok()) {
        Some(m) => s.chars().take(m).collect(),
        None => s,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn good_values_keep_to_their_schema() {
        let doc = json!({"components": {"schemas": {
            "Node": {"type": "object", "required": ["name"], "properties": {
                "name": {"type": "string", "minLength": 5},
                "children": {"type": "array", "items": {"$ref": "#/components/schemas/Node"}}}},
            "Both": {"allOf": [{"$ref": "#/components/schemas/Node"},
                {"properties": {"age": {"type": "integer", "minimum": 18, "exclusiveMaximum": 19}}, "required": ["age"]}]}}}});
        let s = Schemas::of(&doc);
        let node = json!({"$ref": "#/components/schemas/Both"});
        assert_eq!(s.good(&node, "", Extent::Least, 0).write(), r#"{"age":18,"name":"abcaa"}"#);
        let full = s.good(&node, "", Extent::Full, 0);
        assert!(full.write().starts_with(r#"{"age":18,"children":[{"#), "{}", full.write());
        let spots = s.spots(&node, &full);
        let shown: Vec<String> = spots.iter().map(|s| crate::json::shown(&s.pointer)).collect();
        assert!(shown.contains(&"children[0].name".to_owned()), "{shown:?}");
        assert!(spots.iter().any(|s| s.pointer.is_empty() && s.kind == Kind::Object));
    }

    #[test]
    fn examples_come_first_and_turns_give_others() {
        let doc = Value::Null;
        let s = Schemas::of(&doc);
        let e = json!({"type": "string", "enum": ["a", "b"]});
        assert_eq!(s.good(&e, "", Extent::Full, 0), Json::text("a"));
        assert_eq!(s.good(&e, "", Extent::Full, 1), Json::text("b"));
        assert_eq!(
            s.good(&json!({"type": ["null", "integer"], "minimum": 5}), "", Extent::Full, 0),
            Json::int(5)
        );
        assert_eq!(s.good(&json!({"$ref": "#/nowhere"}), "age", Extent::Full, 0), Json::int(30));
        assert_eq!(
            s.good(&json!({"pattern": "^[A-Z]{2}-\\d{3}$"}), "", Extent::Full, 0),
            Json::text("AA-000")
        );
    }

    #[test]
    fn a_schema_that_holds_itself_ends() {
        let doc = json!({"a": {"$ref": "#/a"}, "b": {"allOf": [{"$ref": "#/b"}], "type": "object", "required": ["b"],
            "properties": {"b": {"$ref": "#/b"}}}});
        let s = Schemas::of(&doc);
        for at in ["#/a", "#/b"] {
            let v = s.good(&json!({"$ref": at}), "", Extent::Full, 0);
            let _ = s.spots(&json!({"$ref": at}), &v);
        }
    }
}
