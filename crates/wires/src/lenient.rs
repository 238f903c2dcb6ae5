//! JSON read as clients write it, not as their documentation says: a field of another type is nothing rather than an error, so
//! that one odd field does not lose the event around it.
//!
//! ```text
//! "lineno": "88"      "handled": 0      "headers": {"Host": ["shop.test"]}      "tags": [["a", "b"]]      "extra": NaN
//! ```
//!
//! All borrow from the body where they can; what nobody asks for is skipped, however deep it is.

use record::Time;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

/// Of one list, this many elements are read: more frames, exceptions or spans than that nobody looks at.
const ELEMENTS_MAX: usize = 2_000;
/// Of one map, this many entries are read.
const PAIRS_MAX: usize = 500;

/// Reads a value. What strict JSON forbids and clients send all the same is mended first: bytes that are no UTF-8, halves of
/// surrogate pairs (JavaScript), `NaN` and `Infinity` (Python), keys that stand twice. `room` holds the mended text.
///
/// # Errors
/// It is no JSON all the same: where and why.
pub fn read<'a, T: Deserialize<'a>>(body: &'a [u8], room: &'a mut Vec<u8>) -> Result<T, String> {
    // A body known to be text need not be looked at again string by string.
    let strict = match std::str::from_utf8(body) {
        Ok(text) => serde_json::from_str(text),
        Err(_) => serde_json::from_slice(body),
    };
    match strict {
        Ok(value) => Ok(value),
        Err(first) => {
            *room = mended(body).ok_or_else(|| first.to_string())?;
            serde_json::from_slice(room).map_err(|e| e.to_string())
        }
    }
}

/// The same value as strict JSON, or nothing if it is none.
fn mended(body: &[u8]) -> Option<Vec<u8>> {
    let text = String::from_utf8_lossy(body);
    let text = text.trim_start_matches('\u{feff}');
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut quoted = false;
    while let Some(c) = rest.chars().next() {
        let word = |w: &str| rest.starts_with(w);
        let (taken, instead) = match c {
            '"' => {
                quoted = !quoted;
                (1, "\"")
            }
            '\\' if quoted => escape(rest),
            c if quoted && c < ' ' => (1, " "),
            'N' if !quoted && word("NaN") => (3, "null"),
            'I' if !quoted && word("Infinity") => (8, "null"),
            '-' if !quoted && word("-Infinity") => (9, "null"),
            c => (c.len_utf8(), rest.get(..c.len_utf8()).unwrap_or("")),
        };
        out.push_str(instead);
        rest = rest.get(taken..).unwrap_or("");
    }
    // Through a tree: of keys that stand twice the last remains.
    serde_json::to_vec(&serde_json::from_str::<serde_json::Value>(&out).ok()?).ok()
}

/// The escape that a text begins with: its length and what to write instead.
fn escape(text: &str) -> (usize, &str) {
    let unit = |at: usize| {
        let hex = text.get(at..at + 6)?.strip_prefix("\\u")?;
        u16::from_str_radix(hex, 16).ok()
    };
    match unit(0) {
        Some(0xd800..=0xdbff) if matches!(unit(6), Some(0xdc00..=0xdfff)) => {
            (12, text.get(..12).unwrap_or(""))
        }
        Some(0xd800..=0xdfff) => (6, "\\ufffd"),
        _ => {
            let len = 1 + text.chars().nth(1).map_or(0, char::len_utf8);
            (len, text.get(..len).unwrap_or(""))
        }
    }
}

fn skip_list<'de, A: SeqAccess<'de>>(mut list: A) -> Result<(), A::Error> {
    while list.next_element::<IgnoredAny>()?.is_some() {}
    Ok(())
}

/// What a visitor makes of a number, a boolean or null that stands where it wants something else.
macro_rules! numbers_are_nothing {
    () => {
        fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        }
        fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        }
        fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        }
        fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        }
        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        }
    };
}

pub(crate) use numbers_are_nothing;

/// Text; numbers and booleans as they are printed; of a list the first (PHP's headers). Anything else is empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Text<'a>(pub Cow<'a, str>);

impl<'a> Text<'a> {
    /// The text; nothing where it is empty.
    pub fn some(&self) -> Option<&str> {
        Some(self.0.as_ref()).filter(|t| !t.is_empty())
    }

    /// An owned copy; nothing where it is empty.
    pub fn owned(&self) -> Option<String> {
        self.some().map(str::to_owned)
    }
}

impl std::ops::Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

struct TextVisitor {
    /// Of an object, what stands under `value` is the text.
    inside: bool,
}

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text")
    }
    fn visit_borrowed_str<E>(self, v: &'de str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Borrowed(v)))
    }
    fn visit_str<E>(self, v: &str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Owned(v.to_owned())))
    }
    fn visit_bool<E>(self, v: bool) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Borrowed(if v { "true" } else { "false" })))
    }
    fn visit_i64<E>(self, v: i64) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Owned(v.to_string())))
    }
    fn visit_u64<E>(self, v: u64) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Owned(v.to_string())))
    }
    fn visit_f64<E>(self, v: f64) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Owned(v.to_string())))
    }
    fn visit_unit<E>(self) -> Result<Text<'de>, E> {
        Ok(Text::default())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Text<'de>, A::Error> {
        let first = list.next_element::<Text<'de>>()?.unwrap_or_default();
        skip_list(list)?;
        Ok(first)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Text<'de>, A::Error> {
        let mut text = Text::default();
        while let Some(key) = map.next_key::<Text<'de>>()? {
            if self.inside && &*key == "value" {
                text = map.next_value()?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(text)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Text<'a>, D::Error> {
        d.deserialize_any(TextVisitor { inside: false })
    }
}

/// A number, or a number in quotes. Anything else is none.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Number(pub Option<f64>);

impl Number {
    /// As a whole number from 0 on, where it is one that fits.
    pub fn whole(self) -> Option<u64> {
        // Beyond 2^53 a float no longer tells whole numbers apart.
        self.0.filter(|n| (0.0..9e15).contains(n)).map(|n| n as u64)
    }

    /// As an HTTP status.
    pub fn status(self) -> Option<u16> {
        self.whole().and_then(|n| u16::try_from(n).ok()).filter(|s| (100..=599).contains(s))
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Number, D::Error> {
        let text = Text::deserialize(d)?;
        Ok(Number(text.trim().parse().ok().filter(|n: &f64| n.is_finite())))
    }
}

/// Yes or no, also as text or number. Anything else is neither.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flag(pub Option<bool>);

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Flag, D::Error> {
        let text = Text::deserialize(d)?;
        Ok(Flag(match text.trim() {
            "true" | "1" | "True" => Some(true),
            "false" | "0" | "False" => Some(false),
            _ => None,
        }))
    }
}

/// An instant: seconds (or milliseconds) since 1970 as a number or in quotes, or RFC 3339; without offset it is UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Instant(pub Option<Time>);

/// From here on a number of seconds would lie in the year 5138: it is milliseconds.
const MILLIS_FROM: f64 = 1e11;
/// 9999-12-31 in seconds: no later instant is taken.
const SECONDS_MAX: f64 = 253_402_300_799.0;

impl Instant {
    /// Reads one from text.
    pub fn parse(text: &str) -> Instant {
        let text = text.trim();
        let Ok(n) = text.parse::<f64>() else {
            return Instant(formats::time::stamp(text, Time(0)).map(|s| s.time));
        };
        let seconds = if n.abs() >= MILLIS_FROM { n / 1e3 } else { n };
        // Negative and huge ones are nonsense of clocks; rounding keeps the microseconds that a float still holds.
        Instant((0.0..=SECONDS_MAX).contains(&seconds).then(|| Time((seconds * 1e6).round() as i64)))
    }
}

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Instant, D::Error> {
        Ok(Instant::parse(&Text::deserialize(d)?))
    }
}

/// An object; anything else is one without fields.
#[derive(Clone, Debug, Default)]
pub struct Object<T>(pub T);

impl<T> std::ops::Deref for Object<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de> + Default> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Object)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Object<T>, A::Error> {
        skip_list(list)?;
        Ok(Object::default())
    }
    fn visit_str<E>(self, _: &str) -> Result<Object<T>, E> {
        Ok(Object::default())
    }
    numbers_are_nothing!();
}

impl<'de, T: Deserialize<'de> + Default> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Object<T>, D::Error> {
        d.deserialize_any(ObjectVisitor(PhantomData))
    }
}

/// A list of texts. Anything else is empty.
#[derive(Clone, Debug, Default)]
pub struct Texts<'a>(pub Vec<Text<'a>>);

impl<'de: 'a, 'a> Deserialize<'de> for Texts<'a> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Texts<'a>, D::Error> {
        struct V;
        impl<'de> Visitor<'de> for V {
            type Value = Texts<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of texts")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Texts<'de>, A::Error> {
                let mut out = Vec::new();
                while out.len() < ELEMENTS_MAX {
                    match list.next_element()? {
                        Some(text) => out.push(text),
                        None => return Ok(Texts(out)),
                    }
                }
                skip_list(list)?;
                Ok(Texts(out))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Texts<'de>, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Texts::default())
            }
            fn visit_str<E>(self, _: &str) -> Result<Texts<'de>, E> {
                Ok(Texts::default())
            }
            numbers_are_nothing!();
        }
        d.deserialize_any(V)
    }
}

/// A list of objects, bare or as `{"values": […]}`. Anything else is empty.
#[derive(Clone, Debug)]
pub struct List<T>(pub Vec<T>);

impl<T> Default for List<T> {
    fn default() -> List<T> {
        List(Vec::new())
    }
}

struct ListVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de> + Default> Visitor<'de> for ListVisitor<T> {
    type Value = List<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<List<T>, A::Error> {
        let mut out = Vec::new();
        while out.len() < ELEMENTS_MAX {
            match list.next_element::<Object<T>>()? {
                Some(element) => out.push(element.0),
                None => return Ok(List(out)),
            }
        }
        skip_list(list)?;
        Ok(List(out))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<List<T>, A::Error> {
        let mut out = List::default();
        while let Some(key) = map.next_key::<Text<'de>>()? {
            if &*key == "values" {
                out = map.next_value::<List<T>>()?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(out)
    }
    fn visit_str<E>(self, _: &str) -> Result<List<T>, E> {
        Ok(List::default())
    }
    numbers_are_nothing!();
}

impl<'de, T: Deserialize<'de> + Default> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<List<T>, D::Error> {
        d.deserialize_any(ListVisitor(PhantomData))
    }
}

/// Names and values: a map, a list of pairs, or a list of `{"key": …, "value": …}`. A text stands whole under the empty name.
/// A value that is itself `{"value": …}` is what stands there (attributes of Sentry's spans and logs).
#[derive(Clone, Debug, Default)]
pub struct Pairs<'a>(pub Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl Pairs<'_> {
    /// A value by name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, v)| n == name && !v.is_empty()).map(|(_, v)| v.as_ref())
    }

    /// The first that there is of several names.
    pub fn any(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|n| self.get(n))
    }

    /// A value by name, whatever its case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(n, v)| n.eq_ignore_ascii_case(name) && !v.is_empty());
        found.map(|(_, v)| v.as_ref())
    }

    /// As a query: `a=1&b=2`, or the text that stood there instead.
    pub fn query(&self) -> String {
        let one = |(n, v): &(Cow<'_, str>, Cow<'_, str>)| {
            if n.is_empty() { v.to_string() } else { format!("{n}={v}") }
        };
        self.0.iter().map(one).collect::<Vec<_>>().join("&")
    }
}

/// One value of [`Pairs`].
struct Value<'a>(Text<'a>);

impl<'de: 'a, 'a> Deserialize<'de> for Value<'a> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Value<'a>, D::Error> {
        d.deserialize_any(TextVisitor { inside: true }).map(Value)
    }
}

/// One element of a list of pairs.
#[derive(Default)]
struct Pair<'a>(Text<'a>, Text<'a>);

struct PairVisitor;

impl<'de> Visitor<'de> for PairVisitor {
    type Value = Pair<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name and a value")
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Pair<'de>, A::Error> {
        let name = list.next_element()?.unwrap_or_default();
        let value = list.next_element()?.unwrap_or_default();
        skip_list(list)?;
        Ok(Pair(name, value))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pair<'de>, A::Error> {
        let mut pair = Pair::default();
        while let Some(key) = map.next_key::<Text<'de>>()? {
            match &*key {
                "key" => pair.0 = map.next_value()?,
                "value" => pair.1 = map.next_value()?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(pair)
    }
    fn visit_str<E>(self, _: &str) -> Result<Pair<'de>, E> {
        Ok(Pair::default())
    }
    numbers_are_nothing!();
}

impl<'de: 'a, 'a> Deserialize<'de> for Pair<'a> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Pair<'a>, D::Error> {
        d.deserialize_any(PairVisitor)
    }
}

struct PairsVisitor;

impl<'de> Visitor<'de> for PairsVisitor {
    type Value = Pairs<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("names and values")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs<'de>, A::Error> {
        let mut out = Vec::new();
        while let Some(key) = map.next_key::<Text<'de>>()? {
            if out.len() < PAIRS_MAX {
                out.push((key.0, map.next_value::<Value<'de>>()?.0.0));
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(Pairs(out))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Pairs<'de>, A::Error> {
        let mut out = Vec::new();
        while out.len() < PAIRS_MAX {
            match list.next_element::<Pair<'de>>()? {
                Some(p) => out.push((p.0.0, p.1.0)),
                None => return Ok(Pairs(out)),
            }
        }
        skip_list(list)?;
        Ok(Pairs(out))
    }
    fn visit_borrowed_str<E>(self, v: &'de str) -> Result<Pairs<'de>, E> {
        Ok(Pairs(vec![(Cow::Borrowed(""), Cow::Borrowed(v))]))
    }
    fn visit_str<E>(self, v: &str) -> Result<Pairs<'de>, E> {
        Ok(Pairs(vec![(Cow::Borrowed(""), Cow::Owned(v.to_owned()))]))
    }
    numbers_are_nothing!();
}

impl<'de: 'a, 'a> Deserialize<'de> for Pairs<'a> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Pairs<'a>, D::Error> {
        d.deserialize_any(PairsVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Event<'a> {
        #[serde(borrow)]
        name: Text<'a>,
        #[serde(borrow)]
        tags: Pairs<'a>,
        line: Number,
        handled: Flag,
        at: Instant,
        list: List<Inner>,
    }

    #[derive(Clone, Debug, Default, Deserialize)]
    #[serde(default)]
    struct Inner {
        n: Number,
    }

    fn name(body: &[u8]) -> Result<String, String> {
        let mut room = Vec::new();
        read::<Event<'_>>(body, &mut room).map(|e| e.name.0.into_owned())
    }

    #[test]
    fn other_types_lose_nothing_else() {
        let body = br#"{"tags":[["a","b"],{"key":"c","value":1},null,7],"line":"88","handled":0,"at":"2026-11-24T07:50:01Z",
            "list":{"values":[{"n":1},null,"x",{"n":[2]}]},"name":["first",{"x":1}]}"#;
        let mut room = Vec::new();
        let e: Event<'_> = read(body, &mut room).unwrap();
        assert_eq!((e.tags.get("a"), e.tags.get("c")), (Some("b"), Some("1")));
        assert_eq!((e.line.whole(), e.handled.0, &*e.name), (Some(88), Some(false), "first"));
        assert_eq!(e.at.0.unwrap().to_string(), "2026-11-24T07:50:01Z");
        assert_eq!(e.list.0.iter().filter_map(|i| i.n.whole()).collect::<Vec<_>>(), [1, 2]);
        for odd in ["null", "7", "-7", "1.5", "true", "\"x\"", "[]", "{}", "[[[]]]"] {
            let body = format!(
                r#"{{"name":{odd},"tags":{odd},"line":{odd},"handled":{odd},"at":{odd},"list":{odd},"other":{odd}}}"#
            );
            let mut room = Vec::new();
            assert!(read::<Event<'_>>(body.as_bytes(), &mut room).is_ok(), "{odd}");
        }
    }

    #[test]
    fn what_strict_json_forbids_is_mended() {
        assert_eq!(
            name(br#"{"name":"half \ud83d pair","x":NaN,"y":[-Infinity]}"#).unwrap(),
            "half \u{fffd} pair"
        );
        assert_eq!(name(br#"{"name":"whole \ud83d\ude00","x":Infinity}"#).unwrap(), "whole \u{1f600}");
        assert_eq!(name(b"{\"name\":\"caf\xe9\"}").unwrap(), "caf\u{fffd}");
        assert_eq!(name(br#"{"name":"a","name":"b"}"#).unwrap(), "b");
        assert_eq!(name(b"{\"name\":\"tab\there\"}").unwrap(), "tab here");
        assert!(name(br#"{"name":"cut of"#).is_err());
    }

    #[test]
    fn depth_neither_overflows_nor_loses_what_is_asked_for() {
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        assert_eq!(name(format!(r#"{{"extra":{deep},"name":"a"}}"#).as_bytes()).unwrap(), "a");
        assert!(name(format!(r#"{{"name":{deep}}}"#).as_bytes()).is_err());
        assert!(name(&vec![b'['; 5_000_000]).is_err());
    }

    #[test]
    fn instants_of_broken_clocks_are_none() {
        for odd in ["-1", "1e300", "NaN", "-inf", "99999999999999999999", "yesterday", ""] {
            assert_eq!(Instant::parse(odd).0, None, "{odd}");
        }
        assert_eq!(Instant::parse("1795505360249").0, Some(Time(1_795_505_360_249_000)));
        assert_eq!(Instant::parse("1795505360.249").0, Some(Time(1_795_505_360_249_000)));
        assert_eq!(Instant::parse("2026-11-24T07:50:01").0, Some(Time(1_795_506_601_000_000)));
    }
}
