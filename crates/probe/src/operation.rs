//! What a server can be asked: method, path, parameters, body, and what it says it answers.

use crate::json::Json;
use serde_json::Value;
use std::collections::BTreeMap;

/// Something that a server can be asked.
#[derive(Clone, Debug, Default)]
pub struct Operation {
    /// As reports name it: `GET /orders/{order_id}`.
    pub name: String,
    /// The description's own name for it (`operationId`).
    pub id: Option<String>,
    /// `GET`, `POST`, …
    pub method: String,
    /// Path with the parameters' names in braces, the server's base path before it.
    pub path: String,
    /// Its parameters.
    pub params: Vec<Param>,
    /// Its body.
    pub body: Option<Body>,
    /// What it says it answers, by status (`200`, `4XX`, `default`); empty where nothing is said.
    pub answers: BTreeMap<String, Told>,
    /// It says that it wants credentials.
    pub secured: bool,
    /// It only reads, whatever its method: a query of GraphQL.
    pub reads: bool,
    /// Headers that belong to it, as somebody recorded them.
    pub headers: Vec<(String, String)>,
}

/// Where a parameter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// In the path.
    Path,
    /// In the query.
    Query,
    /// In a header.
    Header,
    /// In a cookie.
    Cookie,
}

/// A parameter.
#[derive(Clone, Debug)]
pub struct Param {
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub place: Place,
    /// It must be there.
    pub required: bool,
    /// Its JSON schema; `{}` where nothing is said.
    pub schema: Value,
    /// Values that somebody wrote down as good.
    pub examples: Vec<Json>,
    /// How a list or an object is written.
    pub style: Style,
}

/// How a list or an object is written in a parameter (OpenAPI 3.1 §4.8.12).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// The name again for each element: `a=1&a=2`; members by their own names.
    #[default]
    Exploded,
    /// `a=1,2`
    Commas,
    /// `a[x]=1&a[y]=2`
    Deep,
    /// As JSON text (`content: application/json`).
    Json,
}

/// A body.
#[derive(Clone, Debug)]
pub struct Body {
    /// Its media type.
    pub media: String,
    /// It must be there.
    pub required: bool,
    /// The JSON schema of what it holds; of a form, of an object of its fields.
    pub schema: Value,
    /// Values that somebody wrote down as good.
    pub examples: Vec<Json>,
}

/// What is told of an answer.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// Media types.
    pub media: Vec<String>,
    /// What may be asked next with what it holds.
    pub links: Vec<Link>,
}

/// An OpenAPI link (3.1 §4.8.20): what an answer holds goes into another operation's parameters.
#[derive(Clone, Debug, Default)]
pub struct Link {
    /// The other's `operationId`.
    pub operation: String,
    /// Parameter's name, and the expression: `$response.body#/id`.
    pub params: Vec<(String, String)>,
}

/// A description as a whole.
#[derive(Clone, Debug, Default)]
pub struct Description {
    /// All operations.
    pub operations: Vec<Operation>,
    /// The document that `$ref`s of the schemas point into.
    pub document: Value,
    /// Servers that it names, absolute or not.
    pub servers: Vec<String>,
    /// What could not be followed. Whole sentences.
    pub notes: Vec<String>,
}

impl Body {
    /// Is it JSON (`application/json`, `application/vnd.shop+json`)?
    pub fn is_json(&self) -> bool {
        is_json(&self.media)
    }

    /// Is it made of named fields?
    pub fn is_form(&self) -> bool {
        matches!(self.media.as_str(), "application/x-www-form-urlencoded" | "multipart/form-data")
    }
}

/// Is a media type JSON?
pub fn is_json(media: &str) -> bool {
    media == "application/json" || media.ends_with("+json") || media == "text/json"
}

impl Operation {
    /// Does it only read?
    pub fn is_safe(&self) -> bool {
        self.reads || crate::request::is_safe(&self.method)
    }

    /// Does it say that it may answer this status?
    pub fn tells(&self, status: u16) -> bool {
        self.answers.contains_key(&status.to_string())
            || self.answers.contains_key(&format!("{}XX", status / 100))
            || self.answers.contains_key(&format!("{}xx", status / 100))
            || self.answers.contains_key("default")
    }

    /// The word for what the path is about: of `/shops/{shop}/orders/{id}` it is `order`.
    pub fn noun(&self) -> Option<String> {
        self.path.split('/').rfind(|s| !s.is_empty() && !s.contains('{')).map(singular)
    }

    /// The word before a parameter of the path: of `order_id` in `/orders/{order_id}/lines` it is `order`.
    pub fn noun_before(&self, param: &str) -> Option<String> {
        let hole = format!("{{{param}}}");
        let before = self.path.split_once(hole.as_str())?.0;
        before.split('/').rfind(|s| !s.is_empty() && !s.contains('{')).map(singular)
    }
}

/// `Orders` → `order`, `categories` → `category`, `boxes` → `box`.
pub fn singular(word: &str) -> String {
    let w = word.to_ascii_lowercase();
    if let Some(stem) = w.strip_suffix("ies").filter(|s| s.len() > 1) {
        return format!("{stem}y");
    }
    for end in ["sses", "shes", "ches", "xes", "zes"] {
        if w.ends_with(end) {
            return w.strip_suffix("es").unwrap_or(&w).to_owned();
        }
    }
    match w.strip_suffix('s') {
        Some(stem) if stem.len() > 1 && !stem.ends_with(['s', 'u', 'i']) => stem.to_owned(),
        _ => w,
    }
}
