//! Source maps (ECMA-426): from a place in a file as it runs to the place in the file as it was written.
//!
//! ```text
//! {"version":3,"sources":["../src/cart.ts"],"sourcesContent":["export function total…"],"names":["total","order"],
//!  "mappings":"AAAO,SAASA,EAAMC,GACpB…"}
//! ```
//!
//! `mappings` is one line of text for each line of the generated file (`;` between), of segments (`,` between) of one to five numbers in
//! base 64: column, source, line, column, name, each as the difference to the one before. Nothing of it is unpacked: what is asked for is
//! found in one pass, so that a map takes the room of its file however it is made, and a pass its time.
//! <https://tc39.es/ecma426/>

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

/// Bytes of a map. The largest in the wild (a whole web app with its libraries and their sources) have some ten millions; Sentry
/// takes files of 40 MB.
pub const MAP_BYTES_MAX: usize = 64 << 20;
/// Sources or names of a map: a large app with its libraries has some ten thousand of each.
const LIST_MAX: usize = 500_000;
/// Maps within an index map: bundlers make one a module at most.
const SECTIONS_MAX: usize = 50_000;
/// Bytes of a name that is shown: identifiers are short.
const NAME_BYTES_MAX: usize = 200;
/// Bytes of a source's path that are shown.
const PATH_BYTES_MAX: usize = 1_000;

/// A place in a file as it runs: line and column, both from 1 on, as stacks print them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// Line.
    pub line: u32,
    /// Column.
    pub column: u32,
}

/// Where a place comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The file as a person names it: `src/cart.ts` (see [`readable`]).
    pub file: String,
    /// Line, from 1 on.
    pub line: u32,
    /// Column, from 1 on.
    pub column: u32,
    /// What stands there was called so: where a function is called, the function's name.
    pub name: Option<String>,
    /// Which source it is, for [`Map::text`].
    pub source: (usize, usize),
}

/// A source map.
pub struct Map<'a> {
    parts: Vec<Part<'a>>,
    /// The debug id that the bundler or `sentry-cli` put into it.
    pub debug_id: Option<String>,
}

/// A map, or one section of an index map.
struct Part<'a> {
    /// Where it begins in the generated file, from 0 on.
    line: u32,
    column: u32,
    raw: Raw<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw<'a> {
    #[serde(default, borrow)]
    source_root: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    sources: List<&'a RawValue>,
    #[serde(default, borrow)]
    sources_content: List<&'a RawValue>,
    #[serde(default, borrow)]
    names: List<&'a RawValue>,
    #[serde(default, borrow)]
    mappings: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    sections: Option<List<Section<'a>>>,
    #[serde(default, borrow, rename = "debugId")]
    debug_id: Option<Cow<'a, str>>,
    #[serde(default, borrow, rename = "debug_id")]
    old_debug_id: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Section<'a> {
    offset: Offset,
    #[serde(borrow)]
    map: Box<Raw<'a>>,
}

#[derive(Deserialize)]
struct Offset {
    line: u32,
    column: u32,
}

/// A list of bounded length; `null` is an empty one.
struct List<T>(Vec<T>);

impl<T> Default for List<T> {
    fn default() -> List<T> {
        List(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<List<T>, D::Error> {
        struct V<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for V<T> {
            type Value = List<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a list of at most {LIST_MAX}")
            }
            fn visit_unit<E>(self) -> Result<List<T>, E> {
                Ok(List::default())
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<List<T>, A::Error> {
                let mut out = Vec::new();
                while out.len() < LIST_MAX {
                    match list.next_element()? {
                        Some(next) => out.push(next),
                        None => return Ok(List(out)),
                    }
                }
                match list.next_element::<IgnoredAny>()? {
                    Some(_) => Err(serde::de::Error::invalid_length(LIST_MAX + 1, &self)),
                    None => Ok(List(out)),
                }
            }
        }
        d.deserialize_any(V(PhantomData))
    }
}

fn text(raw: &RawValue) -> Option<Cow<'_, str>> {
    // Borrowed, where nothing in it is escaped.
    serde_json::from_str::<&str>(raw.get())
        .map(Cow::Borrowed)
        .or_else(|_| serde_json::from_str::<String>(raw.get()).map(Cow::Owned))
        .ok()
}

impl<'a> Map<'a> {
    /// Reads a map.
    ///
    /// # Errors
    /// It is none, or larger than maps are: what is wrong, and where.
    pub fn read(bytes: &'a [u8]) -> Result<Map<'a>, String> {
        if bytes.len() > MAP_BYTES_MAX {
            return Err(format!("a source map of {} bytes; at most {MAP_BYTES_MAX} are read", bytes.len()));
        }
        // Against being run as a script, some servers put `)]}'` before it (ECMA-426, JSON over HTTP).
        let bytes = match bytes.strip_prefix(b")]}") {
            Some(rest) => rest.split_at(rest.iter().position(|b| *b == b'\n').unwrap_or(0)).1,
            None => bytes,
        };
        let raw: Raw<'a> = serde_json::from_slice(bytes).map_err(|e| format!("no source map: {e}"))?;
        let debug_id = raw.debug_id.as_ref().or(raw.old_debug_id.as_ref()).map(|id| id.to_ascii_lowercase());
        let mut parts = Vec::new();
        match raw.sections {
            Some(sections) => {
                if sections.0.len() > SECTIONS_MAX {
                    return Err(format!("an index map of more than {SECTIONS_MAX} sections"));
                }
                for s in sections.0 {
                    if s.map.sections.is_some() {
                        return Err("no source map: an index map within an index map".to_owned());
                    }
                    parts.push(Part { line: s.offset.line, column: s.offset.column, raw: *s.map });
                }
            }
            None => parts.push(Part { line: 0, column: 0, raw }),
        }
        let whole = |p: &Part<'_>| p.raw.mappings.is_some();
        if parts.is_empty() || !parts.iter().all(whole) {
            return Err("no source map: it has no `mappings`".to_owned());
        }
        parts.sort_by_key(|p| (p.line, p.column));
        Ok(Map { parts, debug_id })
    }

    /// Where places come from, in their order; `None` for what no file was written for.
    ///
    /// # Errors
    /// The mappings are broken.
    pub fn origins(&self, places: &[Place]) -> Result<Vec<Option<Origin>>, String> {
        let mut out = vec![None; places.len()];
        for (n, part) in self.parts.iter().enumerate() {
            let after = self.parts.get(n + 1).map_or((u32::MAX, u32::MAX), |next| (next.line, next.column));
            let mut wanted = Vec::new();
            for (i, place) in places.iter().enumerate() {
                let (Some(line), Some(column)) = (place.line.checked_sub(1), place.column.checked_sub(1))
                else {
                    continue;
                };
                if (line, column) < (part.line, part.column) || (line, column) >= after {
                    continue;
                }
                // The column of a section counts on its first line only.
                let column = if line == part.line { column - part.column } else { column };
                wanted.push(Wanted { line: line - part.line, column, index: i, best: None });
            }
            if wanted.is_empty() {
                continue;
            }
            wanted.sort_by_key(|w| (w.line, w.column));
            find(part.raw.mappings.as_deref().unwrap_or(""), &mut wanted)?;
            for w in wanted {
                if let Some(slot) = out.get_mut(w.index) {
                    *slot = w.best.and_then(|s| part.origin(n, &s));
                }
            }
        }
        Ok(out)
    }

    /// The text of a source, where the map has it.
    pub fn text(&self, source: (usize, usize)) -> Option<Cow<'_, str>> {
        text(self.parts.get(source.0)?.raw.sources_content.0.get(source.1)?)
    }
}

impl Part<'_> {
    fn origin(&self, part: usize, s: &Segment) -> Option<Origin> {
        let source = usize::try_from(s.source?).ok()?;
        let file = text(self.raw.sources.0.get(source)?)?;
        let root = self.raw.source_root.as_deref().unwrap_or("");
        let name = s.name.and_then(|n| text(self.raw.names.0.get(usize::try_from(n).ok()?)?));
        Some(Origin {
            file: readable(root, &file),
            line: u32::try_from(s.line).ok()?.checked_add(1)?,
            column: u32::try_from(s.at).ok()?.checked_add(1)?,
            name: name.map(|n| cut(&n, NAME_BYTES_MAX).to_owned()).filter(|n| !n.is_empty()),
            source: (part, source),
        })
    }
}

fn cut(text: &str, max: usize) -> &str {
    let mut end = text.len().min(max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

/// A source's path as a person names it: without the bundler's scheme (`webpack://shop/./src/cart.ts`), without steps out of the folder
/// that the map lies in, without webpack's hash (`App.vue?4f7e`). So it is the same in each build.
pub fn readable(root: &str, source: &str) -> String {
    let absolute = source.starts_with('/') || source.contains("://");
    let joined = if root.is_empty() || absolute {
        source.to_owned()
    } else {
        format!("{}/{source}", root.trim_end_matches('/'))
    };
    let without_scheme = match joined.split_once("://") {
        // Behind the scheme stands the package (`webpack://shop/`), nothing (`webpack:///`), or a host.
        Some(("file", rest)) => rest.to_owned(),
        Some((_, rest)) => rest.split_once('/').map_or(rest, |(_, path)| path).to_owned(),
        None => joined,
    };
    let path = match without_scheme.split_once('?') {
        Some((path, _)) if !path.is_empty() => path,
        _ => &without_scheme,
    };
    let mut kept: Vec<&str> = Vec::new();
    for step in path.split(['/', '\\']) {
        match step {
            "." => {}
            "" if !kept.is_empty() => {}
            ".." => {
                // What stands before `..` goes, unless it is the root.
                if kept.last().is_some_and(|k| !k.is_empty()) {
                    kept.pop();
                }
            }
            // Old webpack writes `~` for node_modules.
            "~" => kept.push("node_modules"),
            step => kept.push(step),
        }
    }
    cut(&kept.join("/"), PATH_BYTES_MAX).to_owned()
}

/// One segment: numbers from 0 on.
#[derive(Clone, Copy, Debug)]
struct Segment {
    column: i64,
    source: Option<i64>,
    line: i64,
    at: i64,
    name: Option<i64>,
}

struct Wanted {
    line: u32,
    column: u32,
    index: usize,
    /// The last segment that begins at it or before it.
    best: Option<Segment>,
}

/// Goes once through the mappings; `wanted` is in the order of places.
fn find(mappings: &str, wanted: &mut [Wanted]) -> Result<(), String> {
    let last_line = wanted.last().map_or(0, |w| w.line);
    let mut state = [0i64; 4];
    let mut rest = &mut *wanted;
    for (line, text) in (0u32..=last_line).zip(mappings.split(';')) {
        let here = rest.iter().take_while(|w| w.line == line).count();
        let (these, later) = rest.split_at_mut(here);
        rest = later;
        let mut column = 0i64;
        for piece in text.split(',').filter(|p| !p.is_empty()) {
            let segment = segment(piece, &mut column, &mut state).ok_or_else(|| {
                format!("no source map: line {} of its mappings is broken at {:?}", line + 1, cut(piece, 40))
            })?;
            // Columns mostly rise, but need not (ECMA-426 sorts them when it decodes).
            let from = these.partition_point(|w| i64::from(w.column) < segment.column);
            if let Some(w) = these.get_mut(from)
                && w.best.is_none_or(|b| b.column <= segment.column)
            {
                w.best = Some(segment);
            }
        }
        // What begins before one place begins before the next as well.
        let mut best: Option<Segment> = None;
        for w in these {
            best = match (best, w.best) {
                (Some(a), Some(b)) if a.column > b.column => Some(a),
                (a, b) => b.or(a),
            };
            w.best = best;
        }
        if rest.is_empty() {
            break;
        }
    }
    Ok(())
}

/// Reads a segment. `state`: source, line, column, name as of the one before.
fn segment(piece: &str, column: &mut i64, state: &mut [i64; 4]) -> Option<Segment> {
    let mut numbers = [0i64; 5];
    let mut n = 0;
    let (mut value, mut shift) = (0i64, 0u32);
    for b in piece.bytes() {
        let digit = i64::from(match b {
            b'A'..=b'Z' => b - b'A',
            b'a'..=b'z' => b - b'a' + 26,
            b'0'..=b'9' => b - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        });
        // A number has 32 bits (ECMA-426, VLQ): seven digits.
        if shift > 30 {
            return None;
        }
        value |= (digit & 31) << shift;
        shift += 5;
        if digit & 32 == 0 {
            *numbers.get_mut(n)? = if value & 1 == 1 { -(value >> 1) } else { value >> 1 };
            n += 1;
            (value, shift) = (0, 0);
        }
    }
    if shift != 0 {
        return None;
    }
    let [by_column, more @ ..] = numbers;
    *column = column.checked_add(by_column)?;
    let add = |place: &mut i64, by: i64| -> Option<i64> {
        *place = place.checked_add(by)?;
        Some(*place)
    };
    let [source, line, at, name] = state;
    let [by_source, by_line, by_at, by_name] = more;
    match n {
        1 => Some(Segment { column: *column, source: None, line: 0, at: 0, name: None }),
        4 | 5 => Some(Segment {
            column: *column,
            source: Some(add(source, by_source)?),
            line: add(line, by_line)?,
            at: add(at, by_at)?,
            name: if n == 5 { Some(add(name, by_name)?) } else { None },
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// esbuild 0.25, `--minify --sourcemap`, of `export function total(order) {\n  return order.items.length * order.price;\n}\n`
    /// and a caller.
    const MAP: &str = r#"{"version":3,"sourceRoot":"","sources":["../src/cart.ts","webpack://shop/./node_modules/x/i.js"],
        "sourcesContent":["export function total(order) {\n  return order.items.length * order.price;\n}\n",null],
        "names":["total","order"],"mappings":"AAAO,SAASA,EAAMC,GACpB,OAAOA,EAAM,QCAb;;EDCA"}"#;

    fn at(map: &Map<'_>, line: u32, column: u32) -> Option<(String, u32, Option<String>)> {
        let [found] = <[_; 1]>::try_from(map.origins(&[Place { line, column }]).unwrap()).unwrap();
        found.map(|o| (o.file, o.line, o.name))
    }

    #[test]
    fn places_are_found_in_one_pass() {
        let map = Map::read(MAP.as_bytes()).unwrap();
        assert_eq!(at(&map, 1, 1), Some(("src/cart.ts".into(), 1, None)));
        assert_eq!(at(&map, 1, 10), Some(("src/cart.ts".into(), 1, Some("total".into()))));
        assert_eq!(at(&map, 1, 22), Some(("src/cart.ts".into(), 2, Some("order".into()))));
        assert_eq!(at(&map, 2, 1), None);
        let many: Vec<Place> =
            [(1, 22), (3, 9), (1, 1), (9, 9), (1, 33)].map(|(line, column)| Place { line, column }).into();
        let found = map.origins(&many).unwrap();
        assert_eq!(found[0].as_ref().unwrap().line, 2);
        assert_eq!(found[4].as_ref().unwrap().file, "node_modules/x/i.js");
        assert!(found[2].is_some() && found[3].is_none());
        assert!(map.text(found[0].as_ref().unwrap().source).unwrap().starts_with("export"));
        assert_eq!(map.text((0, 1)), None);
    }

    #[test]
    fn index_maps_are_read_by_section() {
        let text = format!(
            r#"{{"version":3,"sections":[{{"offset":{{"line":0,"column":0}},"map":{MAP}}},{{"offset":{{"line":2,"column":10}},"map":{MAP}}}]}}"#
        );
        let map = Map::read(text.as_bytes()).unwrap();
        assert_eq!(at(&map, 3, 20), Some(("src/cart.ts".into(), 1, Some("total".into()))));
        let nested =
            format!(r#"{{"version":3,"sections":[{{"offset":{{"line":0,"column":0}},"map":{text}}}]}}"#);
        assert!(Map::read(nested.as_bytes()).is_err());
    }

    #[test]
    fn what_is_broken_says_so_and_costs_nothing() {
        for no in ["", "{}", "null", r#"{"version":3,"mappings":7}"#, r#"{"sections":[]}"#, "<!doctype html>"]
        {
            assert!(Map::read(no.as_bytes()).is_err(), "{no}");
        }
        let with =
            |mappings: &str| format!(r#"{{"version":3,"sources":["a"],"names":[],"mappings":"{mappings}"}}"#);
        for broken in ["AA", "A!", "gggggggggggB", "AAAAAA", "g"] {
            let text = with(broken);
            let map = Map::read(text.as_bytes()).unwrap();
            assert!(map.origins(&[Place { line: 1, column: 1 }]).is_err(), "{broken}");
        }
        // Numbers that lead nowhere: before the file, beyond all sources.
        for odd in ["AADA", "AAAD", "ACAA", "D", "+/////B"] {
            let text = with(odd);
            let map = Map::read(text.as_bytes()).unwrap();
            let _ = map.origins(&[Place { line: 1, column: u32::MAX }, Place { line: 0, column: 0 }]);
        }
        let long = format!(r#"{{"names":[{}0],"mappings":""}}"#, "0,".repeat(LIST_MAX));
        assert!(Map::read(long.as_bytes()).is_err_and(|e| e.contains("at most")));
    }

    #[test]
    fn paths_are_those_of_the_repository() {
        for (root, source, path) in [
            ("", "webpack://shop/./src/cart.ts", "src/cart.ts"),
            ("", "webpack:///./src/App.vue?4f7e", "src/App.vue"),
            ("", "webpack:///./~/lodash/x.js", "node_modules/lodash/x.js"),
            ("", "../../src/cart.ts", "src/cart.ts"),
            ("/srv/shop", "src/a/../cart.ts", "/srv/shop/src/cart.ts"),
            ("src", "cart.ts", "src/cart.ts"),
            ("", "file:///srv/shop/cart.ts", "/srv/shop/cart.ts"),
            ("", "/home/ci/cart.ts", "/home/ci/cart.ts"),
            ("", "turbopack:///[project]/app/page.tsx", "[project]/app/page.tsx"),
            ("", "", ""),
        ] {
            assert_eq!(readable(root, source), path, "{source}");
        }
    }
}
