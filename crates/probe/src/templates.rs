//! Changes to a good request that make servers fail, as data: `probes/*.toml`.

use serde::Deserialize;
use std::collections::BTreeSet;

/// One way to change a request that is in order.
#[derive(Clone, Debug)]
pub struct Template {
    /// Its name, in all files once: `beyond-64-bits`.
    pub id: String,
    /// The file it stands in: `numbers`.
    pub category: String,
    /// Where it can be applied.
    pub at: At,
    /// If there are some: only at a value one of whose name's words, in small letters, is among these (`perPage` and `per_page` are
    /// `per`, `page`, and `per_page` as a whole).
    pub named: Vec<String>,
    /// What is changed.
    pub change: Change,
    /// Changes of a family that fail at the same place of the same operation are taken for one fault: `magnitude`, `type`, `text`.
    pub family: String,
    /// 1: found most; 5: found least. Lower ones are tried first.
    pub rank: u8,
    /// What a failure shows, as half a sentence: `a number beyond 64 bits reaches the database driver`.
    pub shows: String,
    /// Where it is known from: an RFC's section, a CWE, an issue of a framework.
    pub source: String,
}

impl Template {
    /// May it be applied to a value of this name ([`Template::named`])?
    pub fn fits_name(&self, name: &str) -> bool {
        if self.named.is_empty() {
            return true;
        }
        let mut words = vec![name.to_ascii_lowercase(), String::new()];
        let mut was_lower = false;
        for c in name.chars() {
            if !c.is_ascii_alphanumeric() || (c.is_ascii_uppercase() && was_lower) {
                words.push(String::new());
            }
            was_lower = c.is_ascii_lowercase();
            if let Some(word) = words.last_mut().filter(|_| c.is_ascii_alphanumeric()) {
                word.push(c.to_ascii_lowercase());
            }
        }
        words.iter().any(|w| self.named.contains(w))
    }
}

/// Where a template can be applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum At {
    /// Any value: a parameter, a part of a JSON body, a field of a form.
    Any,
    /// A value that is a text, by its schema.
    String,
    /// A text whose schema tells a date or a time.
    Date,
    /// A value that is a whole number.
    Integer,
    /// A value that is a number, whole ones included.
    Number,
    /// A value that is true or false.
    Boolean,
    /// A list.
    Array,
    /// An object.
    Object,
    /// A parameter of the query.
    Query,
    /// A parameter in the path.
    Path,
    /// A parameter in a header.
    Header,
    /// A JSON body as a whole.
    JsonBody,
    /// A multipart body as a whole.
    MultipartBody,
    /// Any body as a whole.
    Body,
    /// A request that has an Authorization header or a key.
    Authorized,
    /// The whole request.
    Request,
}

/// What is changed.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// This JSON text stands in place of the value; in a parameter the text that it holds.
    Json(String),
    /// This text stands in place of the value.
    Text(String),
    /// These bytes, percent-encoded, stand in place of the value.
    Bytes(String),
    /// These characters stand in place of a parameter's value as they are, without being escaped: `%zz`.
    Raw(String),
    /// A whole number of so many digits.
    Digits(usize),
    /// A text so often; at a body the body.
    Repeat(String, usize),
    /// The value nested so deep into itself.
    Nest(usize),
    /// So many members or elements.
    Grow(usize),
    /// A value at the edge of what its schema allows.
    Bound(Bound),
    /// It is left out.
    Absent,
    /// It is sent twice.
    Twice,
    /// This stands behind the parameter's name, its value is the good one: `[]`.
    NameSuffix(String),
    /// A member or parameter that nobody described: name, JSON text.
    Add(String, String),
    /// This body in place of the one that is good (percent-encoded).
    Body(String),
    /// The good body, spoilt.
    BodyEdit(BodyEdit),
    /// Another media type, or none.
    ContentType(Option<String>),
    /// A header with this value, or without it.
    HeaderSet(String, Option<String>),
    /// A header with this value beside one of its name that is there already.
    HeaderAdd(String, String),
    /// A header whose value is a text so often.
    HeaderRepeat(String, String, usize),
    /// So many headers more, each of another name.
    HeaderMany(usize),
    /// Another method.
    Method(String),
    /// The path, spoilt.
    PathEdit(PathEdit),
    /// The Authorization header in place of the good one, or none.
    Auth(Option<String>),
    /// The same request so often at once.
    AtOnce(usize),
    /// The same request so often, one after the other.
    InTurn(usize),
}

/// Edges of what a schema allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bound {
    /// The least value, text or list allowed.
    Least,
    /// The greatest allowed.
    Most,
    /// One less than is allowed.
    UnderLeast,
    /// One more than is allowed.
    OverMost,
}

/// Ways to spoil a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BodyEdit {
    /// None at all.
    Absent,
    /// Cut in the middle.
    Half,
    /// A comma before the last bracket.
    TrailingComma,
    /// Texts in single quotes.
    SingleQuotes,
    /// Names without quotes.
    BareNames,
    /// A byte-order mark before it.
    ByteOrderMark,
    /// A comment before it.
    Comment,
    /// Twice, one behind the other.
    Doubled,
    /// In UTF-16.
    Utf16,
    /// In a list: `[body]`.
    InList,
    /// Each name of an object twice.
    NamesTwice,
    /// In upper case names.
    NamesUpper,
    /// Without its last boundary (multipart).
    NoLastBoundary,
    /// With another boundary than the header names (multipart).
    OtherBoundary,
    /// With its last boundary only (multipart).
    NoParts,
    /// Without any Content-Disposition (multipart).
    NoDisposition,
    /// With parts that have no name (multipart).
    NoPartNames,
    /// Each text as a file (multipart).
    TextAsFile,
    /// Each file as a text (multipart).
    FileAsText,
    /// With a file whose name nobody described (multipart).
    UnknownFile,
    /// With 2,000 further texts (multipart).
    ManyParts,
    /// With lines that end in a line feed alone (multipart).
    BareLf,
    /// With files of no bytes (multipart).
    FileEmpty,
    /// With a file's name that has folders, a quote and a NUL: `../a"b\0.png` (multipart).
    FileNameOdd,
    /// With a file's name of 300 letters (multipart).
    FileNameLong,
    /// Each part calls itself base64 and is none (multipart).
    TransferEncoding,
    /// Each part is in a charset that nobody knows (multipart).
    PartCharset,
}

/// Ways to spoil a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PathEdit {
    /// `/a` → `/a/`.
    TrailingSlash,
    /// `/a` → `//a`.
    DoubleSlash,
    /// `/a/b` → `/a/./b`.
    DotSegment,
    /// `/a/b` → `/a%2Fb`.
    EncodedSlash,
    /// `/a` → `/a%00`.
    EncodedNul,
    /// `/a` → `/a%`: an escape that is none.
    BrokenEscape,
    /// `/a` → `/A`.
    UpperCase,
    /// `/a` → `/a;x=1`.
    Semicolon,
    /// `/a` → `/a.json`.
    Extension,
    /// With 8,000 further bytes.
    Long,
    /// Bytes that are no UTF-8.
    NotUtf8,
    /// `/a` → `/a%0A`.
    EncodedNewline,
    /// `/a` → `/a/%2e%2e%2f%2e%2e%2f`.
    EncodedDots,
    /// `/a/b` → `/a\b`.
    Backslash,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    probe: Vec<Written>,
}

/// As it stands in a file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    id: String,
    at: At,
    #[serde(default)]
    named: Vec<String>,
    family: String,
    rank: u8,
    shows: String,
    source: String,
    json: Option<String>,
    text: Option<String>,
    bytes: Option<String>,
    raw: Option<String>,
    digits: Option<usize>,
    repeat: Option<(String, usize)>,
    nest: Option<usize>,
    grow: Option<usize>,
    bound: Option<Bound>,
    absent: Option<bool>,
    twice: Option<bool>,
    name_suffix: Option<String>,
    add: Option<(String, String)>,
    body: Option<String>,
    body_edit: Option<BodyEdit>,
    content_type: Option<String>,
    header: Option<(String, String)>,
    header_add: Option<(String, String)>,
    header_repeat: Option<(String, String, usize)>,
    header_many: Option<usize>,
    header_absent: Option<String>,
    method: Option<String>,
    path_edit: Option<PathEdit>,
    auth: Option<String>,
    at_once: Option<usize>,
    in_turn: Option<usize>,
}

/// Times that one text is repeated; servers' own limits on a field lie below.
const REPEAT_BYTES_MAX: usize = 1 << 20;
/// Bytes of one header; the limits of servers lie between 4 and 64 KiB.
const HEADER_BYTES_MAX: usize = 128 << 10;
/// Headers more; the limits of servers lie between 64 and 1,000.
const HEADERS_MAX: usize = 2_000;
/// Digits of one number; the least limit of a parser is 4,300 (Python), and converting is quadratic in some.
const DIGITS_MAX: usize = 100_000;
/// Deep enough for every parser's own limit (Python 1,000; PHP 512; Jackson 1,000).
const NEST_MAX: usize = 100_000;
/// Members of one list.
const GROW_MAX: usize = 100_000;
/// More at once is a load test.
const AT_ONCE_MAX: usize = 32;

impl Written {
    /// # Errors
    /// Not exactly one change is told, or it is out of bounds.
    fn template(self, category: &str) -> Result<Template, String> {
        let some = |s: String| (!s.is_empty()).then_some(s);
        let mut changes: Vec<Change> = Vec::new();
        changes.extend(self.json.map(Change::Json));
        changes.extend(self.text.map(Change::Text));
        changes.extend(self.bytes.map(Change::Bytes));
        changes.extend(self.raw.map(Change::Raw));
        changes.extend(self.digits.map(Change::Digits));
        changes.extend(self.repeat.map(|(t, n)| Change::Repeat(t, n)));
        changes.extend(self.nest.map(Change::Nest));
        changes.extend(self.grow.map(Change::Grow));
        changes.extend(self.bound.map(Change::Bound));
        changes.extend(self.absent.map(|_| Change::Absent));
        changes.extend(self.twice.map(|_| Change::Twice));
        changes.extend(self.name_suffix.map(Change::NameSuffix));
        changes.extend(self.add.map(|(n, j)| Change::Add(n, j)));
        changes.extend(self.body.map(Change::Body));
        changes.extend(self.body_edit.map(Change::BodyEdit));
        changes.extend(self.content_type.map(|c| Change::ContentType(some(c))));
        changes.extend(self.header.map(|(n, v)| Change::HeaderSet(n, Some(v))));
        changes.extend(self.header_add.map(|(n, v)| Change::HeaderAdd(n, v)));
        changes.extend(self.header_repeat.map(|(n, t, k)| Change::HeaderRepeat(n, t, k)));
        changes.extend(self.header_many.map(Change::HeaderMany));
        changes.extend(self.header_absent.map(|n| Change::HeaderSet(n, None)));
        changes.extend(self.method.map(Change::Method));
        changes.extend(self.path_edit.map(Change::PathEdit));
        changes.extend(self.auth.map(|a| Change::Auth(some(a))));
        changes.extend(self.at_once.map(Change::AtOnce));
        changes.extend(self.in_turn.map(Change::InTurn));
        let (id, n) = (self.id, changes.len());
        let Some(change) = changes.pop().filter(|_| n == 1) else {
            return Err(format!("probe {id}: it tells {n} changes; it must tell one"));
        };
        let fits = match &change {
            Change::Repeat(t, n) => !t.is_empty() && t.len().saturating_mul(*n) <= REPEAT_BYTES_MAX,
            Change::HeaderRepeat(_, t, n) => !t.is_empty() && t.len().saturating_mul(*n) <= HEADER_BYTES_MAX,
            Change::HeaderMany(n) => (1..=HEADERS_MAX).contains(n),
            Change::Digits(n) => (1..=DIGITS_MAX).contains(n),
            Change::Nest(n) => (1..=NEST_MAX).contains(n),
            Change::Grow(n) => (1..=GROW_MAX).contains(n),
            Change::AtOnce(n) | Change::InTurn(n) => (2..=AT_ONCE_MAX).contains(n),
            _ => true,
        };
        if !fits || !(1..=5).contains(&self.rank) {
            return Err(format!("probe {id}: its size or rank is out of bounds"));
        }
        Ok(Template {
            id,
            category: category.to_owned(),
            at: self.at,
            named: self.named,
            change,
            family: self.family,
            rank: self.rank,
            shows: self.shows,
            source: self.source,
        })
    }
}

/// The templates of one file's text.
///
/// # Errors
/// What is wrong, with the place.
pub fn read(category: &str, text: &str) -> Result<Vec<Template>, String> {
    let file: File = toml::from_str(text).map_err(|e| format!("{category}.toml: {e}"))?;
    file.probe
        .into_iter()
        .map(|w| w.template(category).map_err(|e| format!("{category}.toml: {e}")))
        .collect()
}

/// Those that are built in, and those of the user's files (name, text) behind them; the lower ranks first, else in their order.
///
/// # Errors
/// A file cannot be read, or two templates have one name.
pub fn library(more: &[(String, String)]) -> Result<Vec<Template>, String> {
    let mut all = Vec::new();
    let more = more.iter().map(|(n, t)| (n.as_str(), t.as_str()));
    for (category, text) in BUILT_IN.iter().copied().chain(more) {
        all.extend(read(category, text)?);
    }
    let mut seen = BTreeSet::new();
    if let Some(t) = all.iter().find(|t| !seen.insert(t.id.as_str())) {
        return Err(format!("{}.toml: probe {} is there twice", t.category, t.id));
    }
    all.sort_by_key(|t| t.rank);
    Ok(all)
}

/// The files of `probes/`.
const BUILT_IN: &[(&str, &str)] = &[
    ("arrays", include_str!("../probes/arrays.toml")),
    ("auth", include_str!("../probes/auth.toml")),
    ("concurrency", include_str!("../probes/concurrency.toml")),
    ("conditional", include_str!("../probes/conditional.toml")),
    ("content-types", include_str!("../probes/content-types.toml")),
    ("dates", include_str!("../probes/dates.toml")),
    ("duplicate-keys", include_str!("../probes/duplicate-keys.toml")),
    ("encoding", include_str!("../probes/encoding.toml")),
    ("headers", include_str!("../probes/headers.toml")),
    ("idempotency", include_str!("../probes/idempotency.toml")),
    ("malformed-json", include_str!("../probes/malformed-json.toml")),
    ("methods", include_str!("../probes/methods.toml")),
    ("multipart", include_str!("../probes/multipart.toml")),
    ("nesting", include_str!("../probes/nesting.toml")),
    ("numbers", include_str!("../probes/numbers.toml")),
    ("objects", include_str!("../probes/objects.toml")),
    ("pagination", include_str!("../probes/pagination.toml")),
    ("paths", include_str!("../probes/paths.toml")),
    ("ranges", include_str!("../probes/ranges.toml")),
    ("rate", include_str!("../probes/rate.toml")),
    ("text", include_str!("../probes/text.toml")),
    ("types", include_str!("../probes/types.toml")),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn built_in() -> Vec<Template> {
        library(&[]).expect("the library is in order")
    }

    #[test]
    fn the_library_covers_what_it_promises() {
        let all = built_in();
        assert!(all.len() >= 120, "{} templates", all.len());
        for category in [
            "malformed-json",
            "types",
            "numbers",
            "text",
            "dates",
            "duplicate-keys",
            "nesting",
            "encoding",
            "headers",
            "methods",
            "paths",
            "pagination",
            "content-types",
            "conditional",
            "ranges",
            "multipart",
            "concurrency",
            "idempotency",
            "auth",
            "rate",
            "arrays",
            "objects",
        ] {
            assert!(all.iter().any(|t| t.category == category), "nothing in {category}");
        }
        assert!(all.is_sorted_by_key(|t| t.rank));
    }

    #[test]
    fn each_template_says_what_it_shows_and_where_it_is_known_from() {
        const FAMILIES: &[&str] = &[
            "absent",
            "type",
            "magnitude",
            "text",
            "length",
            "nesting",
            "syntax",
            "encoding",
            "content-type",
            "headers",
            "method",
            "path",
            "conditional",
            "auth",
            "order",
            "race",
            "unknown-member",
            "date",
            "duplicate",
        ];
        let all = built_in();
        for t in &all {
            assert!(FAMILIES.contains(&t.family.as_str()), "{}: family {}", t.id, t.family);
            assert!(t.shows.len() > 15 && !t.shows.ends_with('.'), "{}: {}", t.id, t.shows);
            assert!(!t.source.is_empty(), "{}", t.id);
            assert!(
                t.id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'),
                "{}",
                t.id
            );
        }
        let mut shows: Vec<&str> = all.iter().map(|t| t.shows.as_str()).collect();
        shows.sort_unstable();
        // What one template shows at another place reads the same; more than a few would be filler.
        shows.dedup();
        assert!(shows.len() * 20 > all.len() * 19, "{} of {}", shows.len(), all.len());
    }

    #[test]
    fn no_two_templates_change_the_same_thing_alike() {
        let all = built_in();
        for (i, a) in all.iter().enumerate() {
            for b in all.iter().skip(i + 1) {
                assert!(a.at != b.at || a.change != b.change || a.named != b.named, "{} is {}", a.id, b.id);
            }
        }
    }

    /// One operation for each kind of body, with a value of each type; what no request of these can show is filler.
    #[test]
    fn each_template_changes_some_request() {
        use crate::case::{Case, Common};
        use crate::schema::{Extent, Schemas};
        const ALL: &str = r#"{"openapi":"3.1.0","security":[{"b":[]}],"components":{"securitySchemes":{"b":{"type":"http","scheme":"bearer"}}},
          "paths":{
          "/a/{id}":{"post":{"parameters":[
            {"name":"id","in":"path","required":true,"schema":{"type":"string"}},
            {"name":"X-Api-Key","in":"header","schema":{"type":"string"}},
            PARAMS
            {"name":"q","in":"query","schema":{"type":"string"}}],
            "requestBody":{"content":{"application/json":{"schema":{"type":"object","required":["n"],"properties":{
              "n":{"type":"integer","minimum":1,"maximum":5},"x":{"type":"number"},"b":{"type":"boolean"},
              "s":{"type":"string","minLength":1,"maxLength":9},"d":{"type":"string","format":"date-time"},
              "l":{"type":"array","items":{"type":"object","properties":{"a":{"type":"string"}}}},"url":{"type":"string"},"email":{"type":"string"},"uuid":{"type":"string"},
              "token":{"type":"string"},"color":{"type":"string"},"timezone":{"type":"string"},"locale":{"type":"string"},
              "currency":{"type":"string"},"country":{"type":"string"},"phone":{"type":"string"},"file":{"type":"string"},
              "o":{"type":"object","properties":{"a":{"type":"string"}}}}}}}}}},
          "/m":{"post":{"requestBody":{"content":{"multipart/form-data":{"schema":{"type":"object","properties":{
            "t":{"type":"string"},"file":{"type":"string","format":"binary"}}}}}}}},
          "/g/h":{"get":{}}}}"#;
        let names = ["page", "limit", "cursor", "sort", "fields", "filter", "range"];
        let params: Vec<String> = names
            .iter()
            .map(|n| format!(r#"{{"name":"{n}","in":"query","schema":{{"type":"string"}}}},"#))
            .collect();
        let d = crate::targets::openapi::read(&ALL.replace("PARAMS", &params.join(""))).expect("in order");
        let schemas = Schemas::of(&d.document);
        let common = Common {
            headers: vec![("User-Agent".into(), "why500".into())],
            auth: vec![("Authorization".into(), "Bearer good".into())],
            ..Common::default()
        };
        let mut filler = Vec::new();
        for t in built_in() {
            let changes = d.operations.iter().any(|op| {
                let good = Case::good(op, schemas, Extent::Full, 0, &|_, _| None);
                let sent = good.request(op, &common);
                let again = matches!(t.change, Change::AtOnce(_) | Change::InTurn(_));
                good.spots(op, schemas).iter().any(|spot| {
                    good.changed(&t, spot, op, schemas)
                        .is_some_and(|c| again || c.request(op, &common) != sent)
                })
            });
            if !changes {
                filler.push(t.id);
            }
        }
        assert_eq!(filler, [] as [&str; 0]);
    }

    #[test]
    fn what_is_tried_first_is_little() {
        for at in [
            At::Any,
            At::String,
            At::Integer,
            At::Number,
            At::Array,
            At::Object,
            At::Query,
            At::Path,
            At::Request,
        ] {
            let n = built_in().iter().filter(|t| t.at == at && t.rank == 1).count();
            assert!(n <= 6, "{n} at {at:?}");
        }
    }

    #[test]
    fn json_texts_are_json() {
        for t in built_in() {
            let (Change::Json(text) | Change::Add(_, text)) = &t.change else { continue };
            if serde_json::from_str::<serde_json::Value>(text).is_ok() {
                continue;
            }
            // Halves of surrogate pairs, and numbers that no type holds, are what is tried.
            let is_odd = ["\\ud", "\\uf", "\\ude"].iter().any(|s| text.contains(s))
                || ["1e999", "1e1000000"].contains(&text.as_str())
                || ["NaN", "Infinity"].contains(&text.as_str());
            assert!(is_odd, "{}: {text}", t.id);
            assert_eq!(text.matches('"').count() % 2, 0, "{}: {text}", t.id);
            assert_eq!(
                text.matches(['[', '{']).count(),
                text.matches([']', '}']).count(),
                "{}: {text}",
                t.id
            );
        }
    }

    #[test]
    fn percent_encoded_texts_are_well_formed() {
        for t in built_in() {
            let (Change::Bytes(text) | Change::Body(text)) = &t.change else { continue };
            for (i, _) in text.match_indices('%') {
                let hex = text.get(i + 1..i + 3).unwrap_or_default();
                assert!(hex.len() == 2 && hex.bytes().all(|b| b.is_ascii_hexdigit()), "{}: {text}", t.id);
            }
        }
    }

    #[test]
    fn a_template_for_a_name_fits_its_words() {
        let all = built_in();
        let of = |id: &str| all.iter().find(|t| t.id == id).expect(id);
        for name in ["limit", "per_page", "pageSize", "page[size]", "Max-Count"] {
            assert!(of("limit-zero").fits_name(name), "{name}");
        }
        assert!(!of("limit-zero").fits_name("unlimited"));
        assert!(of("uuid-short").fits_name("orderId") && !of("uuid-short").fits_name("video"));
        assert!(of("quote").fits_name("anything"));
    }

    #[test]
    fn a_template_tells_one_change_within_bounds() {
        let written = |change: &str| {
            format!(
                "[[probe]]\nid = \"x\"\nat = \"any\"\nfamily = \"text\"\nrank = 2\nshows = \"s\"\nsource = \"s\"\n{change}\n"
            )
        };
        assert!(read("mine", &written("nest = 3")).is_ok());
        for (change, why) in [
            ("", "it tells 0 changes"),
            ("nest = 3\ngrow = 3", "it tells 2 changes"),
            ("nest = 100000000", "out of bounds"),
            ("at_once = 1000", "out of bounds"),
            ("repeat = [\"\", 5]", "out of bounds"),
            ("digits = 0", "out of bounds"),
            ("nest = -1", "mine.toml"),
            ("magic = 1", "magic"),
        ] {
            let error = read("mine", &written(change)).expect_err(change);
            assert!(error.contains(why) && error.contains("mine.toml"), "{change}: {error}");
        }
        let mine = [("mine".to_owned(), written("nest = 3")), ("more".to_owned(), written("grow = 3"))];
        assert_eq!(library(&mine).expect_err("twice"), "more.toml: probe x is there twice");
    }
}
