//! JSON as it is sent: numbers as they are written, names in their order and twice if need be, and texts that no Unicode string
//! holds (a lone surrogate).

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use std::fmt::Write as _;

/// A JSON value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Json {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// As written: `1e400`, `99999999999999999999`.
    Number(String),
    /// A text.
    Text(String),
    /// JSON text that stands as it is; a text with a lone surrogate, or what is no JSON at all.
    Raw(String),
    /// Bytes that are no text; in forms only.
    Bytes(Vec<u8>),
    /// A list.
    List(Vec<Json>),
    /// Names with values; a name may come twice.
    Object(Vec<(String, Json)>),
}

/// One step from a value into it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// The member of this name.
    Name(String),
    /// The element with this number.
    Nth(usize),
}

/// Where a value lies in another one; empty: it is that one.
pub type Pointer = Vec<Step>;

/// `profile.city`, `items[0].id`; empty for the whole.
pub fn shown(pointer: &[Step]) -> String {
    let mut out = String::new();
    for step in pointer {
        match step {
            Step::Name(n) if out.is_empty() => out.push_str(n),
            Step::Name(n) => {
                let _ = write!(out, ".{n}");
            }
            Step::Nth(i) => {
                let _ = write!(out, "[{i}]");
            }
        }
    }
    out
}

impl Json {
    /// A text.
    pub fn text(s: &str) -> Json {
        Json::Text(s.to_owned())
    }

    /// A whole number.
    pub fn int(n: i64) -> Json {
        Json::Number(n.to_string())
    }

    /// What a JSON text says; what no parser takes stands as it is.
    pub fn read(text: &str) -> Json {
        let plain_number =
            text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E'))
                && text.bytes().any(|b| b.is_ascii_digit());
        if plain_number {
            return Json::Number(text.to_owned());
        }
        Json::parse(text.as_bytes()).unwrap_or_else(|| Json::Raw(text.to_owned()))
    }

    /// What JSON bytes say, names in their order; `None` where they are none.
    pub fn parse(bytes: &[u8]) -> Option<Json> {
        serde_json::from_slice(bytes).ok()
    }

    /// As JSON text.
    pub fn write(&self) -> String {
        let mut out = String::new();
        self.write_to(&mut out);
        out
    }

    fn write_to(&self, out: &mut String) {
        match self {
            Json::Null => out.push_str("null"),
            Json::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
            Json::Number(n) | Json::Raw(n) => out.push_str(n),
            Json::Text(s) => out.push_str(&escaped(s)),
            Json::Bytes(b) => out.push_str(&escaped(&String::from_utf8_lossy(b))),
            Json::List(l) => {
                out.push('[');
                for (i, v) in l.iter().enumerate() {
                    if i > 0 {
                        out.push(',');
                    }
                    v.write_to(out);
                }
                out.push(']');
            }
            Json::Object(o) => {
                out.push('{');
                for (i, (n, v)) in o.iter().enumerate() {
                    if i > 0 {
                        out.push(',');
                    }
                    out.push_str(&escaped(n));
                    out.push(':');
                    v.write_to(out);
                }
                out.push('}');
            }
        }
    }

    /// The bytes that stand for it in a parameter or a field of a form: a text without its quotes, all else as JSON. A lone
    /// surrogate becomes the three bytes that UTF-8 would have for it, were it allowed (WTF-8).
    pub fn plain(&self) -> Vec<u8> {
        match self {
            Json::Text(s) => s.clone().into_bytes(),
            Json::Bytes(b) => b.clone(),
            Json::Null => Vec::new(),
            Json::Raw(r) => match r.strip_prefix('"').and_then(|r| r.strip_suffix('"')) {
                Some(inner) => unescaped(inner),
                None => r.clone().into_bytes(),
            },
            other => other.write().into_bytes(),
        }
    }

    /// The member of an object.
    pub fn member(&self, name: &str) -> Option<&Json> {
        match self {
            Json::Object(o) => o.iter().find(|(n, _)| n == name).map(|(_, v)| v),
            _ => None,
        }
    }

    /// What lies there.
    pub fn at(&self, pointer: &[Step]) -> Option<&Json> {
        pointer.iter().try_fold(self, |v, step| match (v, step) {
            (Json::Object(_), Step::Name(n)) => v.member(n),
            (Json::List(l), Step::Nth(i)) => l.get(*i),
            _ => None,
        })
    }

    fn at_mut(&mut self, pointer: &[Step]) -> Option<&mut Json> {
        let mut v = self;
        for step in pointer {
            v = match (v, step) {
                (Json::Object(o), Step::Name(n)) => o.iter_mut().find(|(m, _)| m == n).map(|(_, v)| v)?,
                (Json::List(l), Step::Nth(i)) => l.get_mut(*i)?,
                _ => return None,
            };
        }
        Some(v)
    }

    /// Puts a value there: in place of what is there, or as a further member or element of what holds it. `false` where nothing
    /// could hold it.
    pub fn put(&mut self, pointer: &[Step], value: Json) -> bool {
        if let Some(v) = self.at_mut(pointer) {
            *v = value;
            return true;
        }
        let Some((last, holder)) = pointer.split_last() else { return false };
        match (self.at_mut(holder), last) {
            (Some(Json::Object(o)), Step::Name(n)) => o.push((n.clone(), value)),
            (Some(Json::List(l)), Step::Nth(_)) => l.push(value),
            _ => return false,
        }
        true
    }

    /// Takes out what lies there. `false` where there is nothing.
    pub fn take(&mut self, pointer: &[Step]) -> bool {
        let Some((last, holder)) = pointer.split_last() else { return false };
        match (self.at_mut(holder), last) {
            (Some(Json::Object(o)), Step::Name(n)) => {
                let before = o.len();
                o.retain(|(m, _)| m != n);
                o.len() < before
            }
            (Some(Json::List(l)), Step::Nth(i)) if *i < l.len() => {
                l.remove(*i);
                true
            }
            _ => false,
        }
    }
}

impl From<&Value> for Json {
    fn from(v: &Value) -> Json {
        match v {
            Value::Null => Json::Null,
            Value::Bool(b) => Json::Bool(*b),
            Value::Number(n) => Json::Number(n.to_string()),
            Value::String(s) => Json::Text(s.clone()),
            Value::Array(l) => Json::List(l.iter().map(Json::from).collect()),
            Value::Object(o) => Json::Object(o.iter().map(|(n, v)| (n.clone(), Json::from(v))).collect()),
        }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Json, D::Error> {
        from.deserialize_any(Reader)
    }
}

/// Reads what `serde_json` finds, in its order.
struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Json;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, b: bool) -> Result<Json, E> {
        Ok(Json::Bool(b))
    }

    fn visit_i64<E>(self, n: i64) -> Result<Json, E> {
        Ok(Json::Number(n.to_string()))
    }

    fn visit_u64<E>(self, n: u64) -> Result<Json, E> {
        Ok(Json::Number(n.to_string()))
    }

    fn visit_f64<E>(self, n: f64) -> Result<Json, E> {
        Ok(serde_json::Number::from_f64(n).map_or(Json::Null, |n| Json::Number(n.to_string())))
    }

    fn visit_str<E>(self, s: &str) -> Result<Json, E> {
        Ok(Json::text(s))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(v) = from.next_element()? {
            list.push(v);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Json, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = from.next_entry()? {
            members.push(member);
        }
        Ok(Json::Object(members))
    }
}

fn escaped(s: &str) -> String {
    // Writing a string cannot fail.
    serde_json::to_string(s).unwrap_or_default()
}

/// The bytes of the inside of a JSON text.
fn unescaped(inner: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = inner;
    while let Some(i) = rest.find('\\') {
        out.extend_from_slice(rest.get(..i).unwrap_or_default().as_bytes());
        rest = rest.get(i + 1..).unwrap_or_default();
        let Some(c) = rest.chars().next() else { break };
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
        match c {
            'n' => out.push(b'\n'),
            't' => out.push(b'\t'),
            'r' => out.push(b'\r'),
            'b' => out.push(8),
            'f' => out.push(12),
            'u' => {
                if let Some(n) = rest.get(..4).and_then(|h| u32::from_str_radix(h, 16).ok()) {
                    rest = rest.get(4..).unwrap_or_default();
                    match char::from_u32(n) {
                        Some(c) => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
                        None => out.extend([
                            0xe0 | (n >> 12) as u8,
                            0x80 | (n >> 6 & 0x3f) as u8,
                            0x80 | (n & 0x3f) as u8,
                        ]),
                    }
                }
            }
            c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    out.extend_from_slice(rest.as_bytes());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(n: &str) -> Step {
        Step::Name(n.into())
    }

    #[test]
    fn what_is_written_is_what_was_read() {
        let text = r#"{"a":[1,{"b":"x\"y"}],"c":null,"d":true}"#;
        assert_eq!(Json::read(text).write(), text);
        assert_eq!(Json::read("1e400"), Json::Number("1e400".into()));
        assert_eq!(Json::read("99999999999999999999").write(), "99999999999999999999");
        assert_eq!(Json::read(r#""\ud800""#).write(), r#""\ud800""#);
        assert_eq!(Json::read(r#""\ud800""#).plain(), [0xed, 0xa0, 0x80]);
        assert_eq!(Json::text("it's").plain(), b"it's");
    }

    #[test]
    fn values_are_put_and_taken_where_a_pointer_says() {
        let mut j = Json::read(r#"{"a":[1,{"b":2}]}"#);
        let b = [name("a"), Step::Nth(1), name("b")];
        assert_eq!(j.at(&b), Some(&Json::int(2)));
        assert!(j.put(&b, Json::text("x")) && j.put(&[name("new")], Json::Null));
        assert!(j.take(&[name("a"), Step::Nth(0)]));
        assert_eq!(j.write(), r#"{"a":[{"b":"x"}],"new":null}"#);
        assert!(!j.put(&[name("a"), name("no")], Json::Null) && !j.take(&[name("no")]));
        assert_eq!(shown(&b), "a[1].b");
    }
}
