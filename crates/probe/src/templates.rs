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
    /// A text so often.
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
    family: String,
    rank: u8,
    shows: String,
    source: String,
    json: Option<String>,
    text: Option<String>,
    bytes: Option<String>,
    repeat: Option<(String, usize)>,
    nest: Option<usize>,
    grow: Option<usize>,
    bound: Option<Bound>,
    absent: Option<bool>,
    twice: Option<bool>,
    add: Option<(String, String)>,
    body: Option<String>,
    body_edit: Option<BodyEdit>,
    content_type: Option<String>,
    header: Option<(String, String)>,
    header_absent: Option<String>,
    method: Option<String>,
    path_edit: Option<PathEdit>,
    auth: Option<String>,
    at_once: Option<usize>,
    in_turn: Option<usize>,
}

/// Times that one text is repeated; servers' own limits on a field lie below.
const REPEAT_BYTES_MAX: usize = 1 << 20;
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
        changes.extend(self.repeat.map(|(t, n)| Change::Repeat(t, n)));
        changes.extend(self.nest.map(Change::Nest));
        changes.extend(self.grow.map(Change::Grow));
        changes.extend(self.bound.map(Change::Bound));
        changes.extend(self.absent.map(|_| Change::Absent));
        changes.extend(self.twice.map(|_| Change::Twice));
        changes.extend(self.add.map(|(n, j)| Change::Add(n, j)));
        changes.extend(self.body.map(Change::Body));
        changes.extend(self.body_edit.map(Change::BodyEdit));
        changes.extend(self.content_type.map(|c| Change::ContentType(some(c))));
        changes.extend(self.header.map(|(n, v)| Change::HeaderSet(n, Some(v))));
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
const BUILT_IN: &[(&str, &str)] = &[("numbers", include_str!("../probes/numbers.toml"))];
