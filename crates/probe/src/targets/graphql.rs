//! GraphQL's schema, in its own language (spec.graphql.org/October2021 §3) or as the answer to introspection (§4): what can be
//! asked, and for each field of `Query` and `Mutation` a request in which each argument is a variable.
//!
//! ```graphql
//! type Query { order(id: ID!): Order }
//! type Order { id: ID! note: String lines: [Line!]! }
//! ```
//!
//! becomes `query order($id: ID!) { order(id: $id) { id note lines { __typename } } }`.

use super::{SAMPLES_MAX, Sample, Samples, json};
use crate::json::Json;
use crate::operation::{Body, Description, Operation};
use crate::schema::{Extent, Schemas};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Where GraphQL is served by most, where nobody says where (graphql.org/learn/serving-over-http).
pub const PATH: &str = "/graphql";
/// Types of one schema; GitHub's has some 2,000.
const TYPES_MAX: usize = 50_000;
/// Lists of lists of one type; more is no schema of anybody.
const LISTS_MAX: usize = 8;
/// Fields that are selected of one type; enough that each of its resolvers is asked, few enough to stay below servers' limits.
const SELECTED_MAX: usize = 30;

/// A type as it is used: `[ID!]!`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Type {
    /// As it is written.
    pub written: String,
    /// The name within: `ID`.
    pub name: String,
    /// Lists around it.
    pub lists: usize,
    /// It is never null.
    pub required: bool,
}

/// A field of `Query` or `Mutation`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// `query` or `mutation`.
    pub operation: &'static str,
    /// Its name.
    pub name: String,
    /// Its arguments with their types.
    pub arguments: Vec<(String, Type)>,
    /// What it gives.
    pub returns: Type,
}

/// A schema.
#[derive(Clone, Debug, Default)]
pub struct Schema {
    /// What can be asked, in its order; queries first.
    pub fields: Vec<Field>,
    types: BTreeMap<String, Shape>,
    notes: Vec<String>,
}

/// What a type is made of.
#[derive(Clone, Debug)]
enum Shape {
    /// A scalar of the schema's own.
    Scalar,
    /// An object or interface; of each field name, arguments, type.
    Object(Vec<Member>),
    /// An input object.
    Input(Vec<(String, Type)>),
    /// Its words.
    Enum(Vec<String>),
    /// One of several.
    Union,
}

#[derive(Clone, Debug)]
struct Member {
    name: String,
    arguments: Vec<(String, Type)>,
    kind: Type,
}

/// One request for each field of `Query` and `Mutation`, with plausible values. `endpoint` of `variables` says where they go, else
/// [`PATH`].
///
/// # Errors
/// It is no schema: what and where.
pub fn read(text: &str, variables: &BTreeMap<String, String>) -> Result<Samples, String> {
    let path = variables.get("endpoint").map_or(PATH, String::as_str);
    let described = Schema::read(text)?.describe(path);
    let schemas = Schemas::of(&described.document);
    let samples = described.operations.iter().filter_map(|op| {
        let body = op.body.as_ref()?;
        let value = schemas.good(&body.schema, "", Extent::Full, 0);
        Some(Sample {
            name: op.name.clone(),
            method: op.method.clone(),
            url: op.path.clone(),
            headers: vec![("Content-Type".into(), body.media.clone())],
            body: value.write().into_bytes(),
        })
    });
    Ok(Samples { list: samples.collect(), notes: described.notes.clone() })
}

impl Schema {
    /// Reads the schema's language, or the answer to introspection where it begins with `{` and is JSON.
    ///
    /// # Errors
    /// What is wrong, with its line; or it tells nothing that can be asked.
    pub fn read(text: &str) -> Result<Schema, String> {
        let (types, roots) = match text.trim_start_matches('\u{feff}').trim_start().starts_with('{') {
            true => introspected(&json(text)?)?,
            false => Parser::new(text)?.document()?,
        };
        let mut out = Schema { types, ..Schema::default() };
        for (operation, default) in [("query", "Query"), ("mutation", "Mutation")] {
            // Where a schema names its roots, those that it does not name are not there (§3.3.1).
            let name = match roots.get(operation) {
                Some(name) => name.as_str(),
                None if roots.is_empty() => default,
                None => continue,
            };
            let Some(Shape::Object(members)) = out.types.get(name) else { continue };
            let fields = members.iter().map(|m| Field {
                operation,
                name: m.name.clone(),
                arguments: m.arguments.clone(),
                returns: m.kind.clone(),
            });
            let fields: Vec<Field> = fields.filter(|f| !f.name.starts_with("__")).collect();
            out.fields.extend(fields);
        }
        if out.fields.is_empty() {
            return Err("it has no type Query or Mutation with fields, so that nothing can be asked".into());
        }
        if out.fields.len() > SAMPLES_MAX {
            out.notes.push(format!("Only the first {SAMPLES_MAX} fields of {} are asked.", out.fields.len()));
            out.fields.truncate(SAMPLES_MAX);
        }
        let root = roots.get("subscription").map_or("Subscription", String::as_str);
        if out.types.contains_key(root) && (roots.is_empty() || roots.contains_key("subscription")) {
            out.notes.push("Subscriptions are left out.".into());
        }
        Ok(out)
    }

    /// The text of a query in which each argument is a variable, with a selection that asks each resolver one level deep.
    pub fn query(&self, field: &Field) -> String {
        let mut out = format!("{} {}", field.operation, field.name);
        let list = |out: &mut String, each: &dyn Fn(&(String, Type)) -> String| {
            if !field.arguments.is_empty() {
                let all: Vec<String> = field.arguments.iter().map(each).collect();
                let _ = write!(out, "({})", all.join(", "));
            }
        };
        list(&mut out, &|(name, kind)| format!("${name}: {}", kind.written));
        let _ = write!(out, " {{ {}", field.name);
        list(&mut out, &|(name, _)| format!("{name}: ${name}"));
        out.push_str(&self.selection(&field.returns.name, true));
        out.push_str(" }");
        out
    }

    /// ` { id note lines { __typename } }`; nothing for what has no fields.
    fn selection(&self, of: &str, deeper: bool) -> String {
        match self.types.get(of) {
            Some(Shape::Object(members)) => {
                let mut names = Vec::new();
                for m in members {
                    // Arguments that must be there would need values.
                    if names.len() == SELECTED_MAX || m.arguments.iter().any(|(_, t)| t.required) {
                        continue;
                    }
                    let has_fields =
                        matches!(self.types.get(&m.kind.name), Some(Shape::Object(_) | Shape::Union));
                    match (has_fields, deeper) {
                        (false, _) => names.push(m.name.clone()),
                        (true, true) => {
                            names.push(format!("{}{}", m.name, self.selection(&m.kind.name, false)))
                        }
                        (true, false) => {}
                    }
                    if !deeper && !names.is_empty() {
                        break;
                    }
                }
                if names.is_empty() {
                    " { __typename }".into()
                } else {
                    format!(" {{ {} }}", names.join(" "))
                }
            }
            Some(Shape::Union) => " { __typename }".into(),
            _ => String::new(),
        }
    }

    /// Operations, one for each field: `POST` of `{"query": …, "variables": {…}}` (GraphQL over HTTP §5.4) with the JSON schemas of
    /// the variables, so that each of them is changed by what its type says.
    pub fn describe(&self, path: &str) -> Description {
        let mut schemas = Map::new();
        for (name, shape) in &self.types {
            if let Shape::Input(members) = shape {
                schemas.insert(name.clone(), self.object(members));
            }
        }
        let operations = self.fields.iter().map(|f| {
            let schema = serde_json::json!({
                "type": "object",
                "required": ["query", "variables"],
                "properties": {"query": {"type": "string", "enum": [self.query(f)]}, "variables": self.object(&f.arguments)},
            });
            let body = Body { media: "application/json".into(), required: true, schema, examples: Vec::<Json>::new() };
            Operation {
                name: format!("{} {}", f.operation, f.name),
                id: Some(format!("{}.{}", f.operation, f.name)),
                method: "POST".into(),
                path: path.to_owned(),
                reads: f.operation == "query",
                body: Some(body),
                ..Operation::default()
            }
        });
        Description {
            operations: operations.collect(),
            document: serde_json::json!({"components": {"schemas": schemas}}),
            servers: Vec::new(),
            notes: self.notes.clone(),
        }
    }

    fn object(&self, members: &[(String, Type)]) -> Value {
        let mut properties = Map::new();
        for (name, kind) in members {
            let mut schema = self.schema(kind);
            // A cursor that is made up is none, and of both ends of a list only one may be asked for (Relay's connections).
            if !kind.required
                && kind.lists == 0
                && ["after", "before", "last", "cursor"].contains(&name.as_str())
            {
                schema = serde_json::json!({"allOf": [schema], "examples": [null]});
            }
            properties.insert(name.clone(), schema);
        }
        let required: Vec<&String> = members.iter().filter(|(_, t)| t.required).map(|(n, _)| n).collect();
        serde_json::json!({"type": "object", "required": required, "properties": properties})
    }

    fn schema(&self, kind: &Type) -> Value {
        // Only what may hold itself stands apart.
        let mut out = match self.types.get(&kind.name) {
            Some(Shape::Input(_)) => {
                serde_json::json!({"$ref": format!("#/components/schemas/{}", kind.name)})
            }
            Some(Shape::Enum(words)) => serde_json::json!({"type": "string", "enum": words}),
            _ => scalar(&kind.name),
        };
        for _ in 0..kind.lists {
            out = serde_json::json!({"type": "array", "items": out});
        }
        out
    }
}

/// The specification's scalars (§3.5), and what people call their own.
fn scalar(name: &str) -> Value {
    match name {
        // 32 bits (§3.5.1).
        "Int" => {
            serde_json::json!({"type": "integer", "minimum": i32::MIN, "maximum": i32::MAX, "examples": [1]})
        }
        "Float" => serde_json::json!({"type": "number"}),
        "Boolean" => serde_json::json!({"type": "boolean"}),
        "ID" => serde_json::json!({"type": "string", "examples": ["1"]}),
        "Long" | "BigInt" | "Int64" | "UnsignedInt" | "PositiveInt" => {
            serde_json::json!({"type": "integer", "examples": [1]})
        }
        "Decimal" | "BigDecimal" | "Money" => serde_json::json!({"type": "number", "examples": [1.5]}),
        "Date" | "LocalDate" => serde_json::json!({"type": "string", "format": "date"}),
        "DateTime" | "Timestamp" | "ISO8601DateTime" | "Instant" => {
            serde_json::json!({"type": "string", "format": "date-time"})
        }
        "UUID" | "Uuid" | "GUID" => serde_json::json!({"type": "string", "format": "uuid"}),
        "URL" | "URI" | "Url" => serde_json::json!({"type": "string", "format": "uri"}),
        "Email" | "EmailAddress" => serde_json::json!({"type": "string", "format": "email"}),
        "JSON" | "JSONObject" | "Map" => serde_json::json!({"type": "object"}),
        _ => serde_json::json!({"type": "string"}),
    }
}

/// Types by name, and the names of the roots where the schema says them.
type Read = (BTreeMap<String, Shape>, BTreeMap<String, String>);

/// The answer to introspection, with `data` around it or not.
fn introspected(answer: &Value) -> Result<Read, String> {
    let schema = answer.pointer("/data/__schema").or(answer.get("__schema"));
    let Some(listed) = schema.and_then(|s| s.get("types")).and_then(Value::as_array) else {
        return Err("it has no `__schema.types`, as the answer to introspection has".into());
    };
    let name = |v: &Value| v.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    let list = |v: &Value, key: &str| v.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let arguments = |v: &Value, key: &str| -> Vec<(String, Type)> {
        let all = list(v, key);
        let told = all.iter().filter_map(|a| Some((name(a), introspected_type(a.get("type")?)?)));
        told.filter(|(n, _)| is_name(n)).collect()
    };
    let mut types = BTreeMap::new();
    for t in listed.iter().take(TYPES_MAX) {
        let shape = match t.get("kind").and_then(Value::as_str) {
            Some("OBJECT" | "INTERFACE") => {
                let fields = list(t, "fields");
                let members = fields.iter().filter_map(|f| {
                    let kind = introspected_type(f.get("type")?)?;
                    Some(Member { name: name(f), arguments: arguments(f, "args"), kind })
                        .filter(|m| is_name(&m.name))
                });
                Shape::Object(members.collect())
            }
            Some("INPUT_OBJECT") => Shape::Input(arguments(t, "inputFields")),
            Some("ENUM") => Shape::Enum(list(t, "enumValues").iter().map(name).collect()),
            Some("UNION") => Shape::Union,
            Some("SCALAR") => Shape::Scalar,
            _ => continue,
        };
        types.insert(name(t), shape);
    }
    let mut roots = BTreeMap::new();
    for operation in ["query", "mutation", "subscription"] {
        let root = schema.and_then(|s| s.get(format!("{operation}Type"))).filter(|r| r.is_object());
        if let Some(root) = root {
            roots.insert(operation.to_owned(), name(root));
        }
    }
    Ok((types, roots))
}

/// `{"kind": "NON_NULL", "ofType": {"kind": "SCALAR", "name": "ID"}}`; `None` where the question did not go deep enough.
fn introspected_type(told: &Value) -> Option<Type> {
    let (mut before, mut after) = (String::new(), String::new());
    let (mut lists, mut told) = (0, told);
    let required = told.get("kind").and_then(Value::as_str) == Some("NON_NULL");
    // Around the name: brackets and marks from the outside in, so what closes stands before what closed earlier.
    loop {
        match told.get("kind").and_then(Value::as_str)? {
            "NON_NULL" => after.insert(0, '!'),
            "LIST" if lists < LISTS_MAX => {
                before.push('[');
                after.insert(0, ']');
                lists += 1;
            }
            "LIST" => return None,
            _ => break,
        }
        told = told.get("ofType")?;
    }
    let name = told.get("name")?.as_str().filter(|n| is_name(n))?;
    Some(Type { written: format!("{before}{name}{after}"), name: name.to_owned(), lists, required })
}

fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// A word of the language (§2.1). Texts and numbers are only passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'a> {
    Name(&'a str),
    Mark(char),
    Value,
}

struct Parser<'a> {
    /// With their lines.
    tokens: Vec<(Token<'a>, usize)>,
    at: usize,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Result<Parser<'a>, String> {
        let mut tokens = Vec::new();
        let (mut line, mut rest) = (1, text.trim_start_matches('\u{feff}'));
        while let Some(c) = rest.chars().next() {
            let len = match c {
                '#' => rest.find('\n').unwrap_or(rest.len()),
                '"' => {
                    let len = text_len(rest).ok_or_else(|| format!("line {line}: a text has no end"))?;
                    tokens.push((Token::Value, line));
                    len
                }
                c if c.is_ascii_alphabetic() || c == '_' => {
                    let len =
                        rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
                    tokens.push((Token::Name(rest.get(..len).unwrap_or_default()), line));
                    len
                }
                c if c.is_ascii_digit() || c == '-' => {
                    tokens.push((Token::Value, line));
                    let end = |c: char| !c.is_ascii_alphanumeric() && !matches!(c, '.' | '+' | '-');
                    rest.find(end).unwrap_or(rest.len())
                }
                c if c.is_whitespace() || c == ',' => c.len_utf8(),
                '{' | '}' | '(' | ')' | '[' | ']' | ':' | '!' | '=' | '@' | '|' | '&' | '$' | '.' => {
                    tokens.push((Token::Mark(c), line));
                    1
                }
                c => return Err(format!("line {line}: {c:?} has no meaning in GraphQL's schema language")),
            };
            let (gone, left) = rest.split_at_checked(len).unwrap_or((rest, ""));
            line += gone.bytes().filter(|b| *b == b'\n').count();
            rest = left;
        }
        Ok(Parser { tokens, at: 0 })
    }

    fn peek(&self) -> Option<Token<'a>> {
        self.tokens.get(self.at).map(|(t, _)| *t)
    }

    fn next(&mut self) -> Option<Token<'a>> {
        let token = self.peek()?;
        self.at += 1;
        Some(token)
    }

    fn eat(&mut self, mark: char) -> bool {
        let is_there = self.peek() == Some(Token::Mark(mark));
        self.at += usize::from(is_there);
        is_there
    }

    fn wrong(&self, wanted: &str) -> String {
        let found = match self.tokens.get(self.at) {
            Some((Token::Name(n), _)) => format!("{:?} stands", n.chars().take(40).collect::<String>()),
            Some((Token::Mark(m), _)) => format!("{m:?} stands"),
            Some((Token::Value, _)) => "a text or number stands".to_owned(),
            None => "the text ends".to_owned(),
        };
        let line = self.tokens.get(self.at).or(self.tokens.last()).map_or(1, |(_, l)| *l);
        format!("line {line}: {found} where {wanted} should")
    }

    fn expect(&mut self, mark: char) -> Result<(), String> {
        if self.eat(mark) { Ok(()) } else { Err(self.wrong(&format!("{mark:?}"))) }
    }

    fn name(&mut self) -> Result<&'a str, String> {
        match self.peek() {
            Some(Token::Name(n)) => {
                self.at += 1;
                Ok(n)
            }
            _ => Err(self.wrong("a name")),
        }
    }

    /// Passes over one value or group: `{a: [1]}`, `(x: 1)`, `-5`, `RED`.
    fn skip(&mut self) -> Result<(), String> {
        let mut depth = 0_usize;
        loop {
            match self.next() {
                Some(Token::Mark('{' | '[' | '(')) => depth += 1,
                Some(Token::Mark('}' | ']' | ')')) => depth = depth.saturating_sub(1),
                Some(_) => {}
                None => return Err(self.wrong("a closing bracket")),
            }
            if depth == 0 {
                return Ok(());
            }
        }
    }

    fn description(&mut self) {
        while self.peek() == Some(Token::Value) {
            self.at += 1;
        }
    }

    fn directives(&mut self) -> Result<(), String> {
        while self.eat('@') {
            self.name()?;
            if self.peek() == Some(Token::Mark('(')) {
                self.skip()?;
            }
        }
        Ok(())
    }

    /// `[ID!]!`
    fn kind(&mut self) -> Result<Type, String> {
        let mut lists = 0;
        while self.eat('[') {
            lists += 1;
            if lists > LISTS_MAX {
                return Err(self.wrong(&format!("a type in no more than {LISTS_MAX} lists")));
            }
        }
        let name = self.name()?;
        let mut written = format!("{}{name}", "[".repeat(lists));
        let mut required = self.eat('!');
        if required {
            written.push('!');
        }
        for _ in 0..lists {
            self.expect(']')?;
            written.push(']');
            required = self.eat('!');
            if required {
                written.push('!');
            }
        }
        Ok(Type { written, name: name.to_owned(), lists, required })
    }

    /// `a: ID! = 1 @x, b: [Int]` up to the mark that closes it.
    fn arguments(&mut self, close: char) -> Result<Vec<(String, Type)>, String> {
        let mut out = Vec::new();
        loop {
            self.description();
            if self.eat(close) {
                return Ok(out);
            }
            let name = self.name()?;
            self.expect(':')?;
            let kind = self.kind()?;
            if self.eat('=') {
                self.eat('$');
                self.skip()?;
            }
            self.directives()?;
            out.push((name.to_owned(), kind));
        }
    }

    fn members(&mut self) -> Result<Vec<Member>, String> {
        let mut out = Vec::new();
        loop {
            self.description();
            if self.eat('}') {
                return Ok(out);
            }
            let name = self.name()?.to_owned();
            let arguments = if self.eat('(') { self.arguments(')')? } else { Vec::new() };
            self.expect(':')?;
            let kind = self.kind()?;
            self.directives()?;
            out.push(Member { name, arguments, kind });
        }
    }

    fn document(mut self) -> Result<Read, String> {
        let (mut types, mut roots) = (BTreeMap::<String, Shape>::new(), BTreeMap::new());
        loop {
            self.description();
            if self.peek().is_none() {
                return Ok((types, roots));
            }
            if types.len() > TYPES_MAX {
                return Err(format!("it has more than {TYPES_MAX} types"));
            }
            let begun = self.at;
            let word = match self.name()? {
                // What is added to a type is read as a type, and joined to what there is.
                "extend" => self.name()?,
                word => word,
            };
            match word {
                "schema" => {
                    self.directives()?;
                    if self.eat('{') {
                        for (operation, kind) in self.arguments('}')? {
                            roots.insert(operation, kind.name);
                        }
                    }
                    continue;
                }
                "directive" => {
                    self.expect('@')?;
                    self.name()?;
                    if self.peek() == Some(Token::Mark('(')) {
                        self.skip()?;
                    }
                    // `repeatable on A | B`
                    if self.peek() == Some(Token::Name("repeatable")) {
                        self.at += 1;
                    }
                    self.name()?;
                    self.one_of()?;
                    continue;
                }
                _ => {}
            }
            let name = self.name()?.to_owned();
            if matches!(word, "type" | "interface") && self.peek() == Some(Token::Name("implements")) {
                self.at += 1;
                self.eat('&');
                self.name()?;
                // Old schemas separate them by blanks alone.
                while self.eat('&') || matches!(self.peek(), Some(Token::Name(_)) if !self.begins()) {
                    self.name()?;
                }
            }
            self.directives()?;
            let shape = match word {
                "scalar" => Shape::Scalar,
                "type" | "interface" => {
                    Shape::Object(if self.eat('{') { self.members()? } else { Vec::new() })
                }
                "input" => Shape::Input(if self.eat('{') { self.arguments('}')? } else { Vec::new() }),
                "union" => {
                    if self.eat('=') {
                        self.one_of()?;
                    }
                    Shape::Union
                }
                "enum" => {
                    let mut words = Vec::new();
                    if self.eat('{') {
                        loop {
                            self.description();
                            if self.eat('}') {
                                break;
                            }
                            words.push(self.name()?.to_owned());
                            self.directives()?;
                        }
                    }
                    Shape::Enum(words)
                }
                _ => {
                    self.at = begun;
                    return Err(self.wrong("a definition (type, input, enum …)"));
                }
            };
            match (types.get_mut(&name), shape) {
                (Some(Shape::Object(old)), Shape::Object(more)) => old.extend(more),
                (Some(Shape::Input(old)), Shape::Input(more)) => old.extend(more),
                (Some(Shape::Enum(old)), Shape::Enum(more)) => old.extend(more),
                (Some(_), Shape::Scalar | Shape::Union) => {}
                (_, shape) => {
                    types.insert(name, shape);
                }
            }
        }
    }

    /// Does a definition begin here: `type Name`?
    fn begins(&self) -> bool {
        let word = matches!(
            self.peek(),
            Some(Token::Name(
                "type"
                    | "interface"
                    | "input"
                    | "enum"
                    | "union"
                    | "scalar"
                    | "schema"
                    | "directive"
                    | "extend"
            ))
        );
        word && matches!(self.tokens.get(self.at + 1), Some((Token::Name(_) | Token::Mark('{' | '@'), _)))
    }

    /// `| A | B`
    fn one_of(&mut self) -> Result<(), String> {
        self.eat('|');
        self.name()?;
        while self.eat('|') {
            self.name()?;
        }
        Ok(())
    }
}

/// Bytes of a text in one or three quotes, with them (§2.9.4).
fn text_len(text: &str) -> Option<usize> {
    if let Some(block) = text.strip_prefix("\"\"\"") {
        let mut from = 0;
        loop {
            let end = from + block.get(from..)?.find("\"\"\"")?;
            if !block.get(..end)?.ends_with('\\') {
                return Some(end + 6);
            }
            from = end + 3;
        }
    }
    let mut is_escaped = false;
    for (i, c) in text.char_indices().skip(1) {
        match c {
            '\n' => return None,
            '"' if !is_escaped => return Some(i + 1),
            c => is_escaped = c == '\\' && !is_escaped,
        }
    }
    None
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub const SHOP: &str = include_str!("../../tests/collections/shop.graphql");

    #[test]
    fn a_schema_gives_what_can_be_asked() {
        let schema = Schema::read(SHOP).unwrap();
        let asked: Vec<String> = schema.fields.iter().map(|f| schema.query(f)).collect();
        assert_eq!(
            asked,
            [
                "query order($id: ID!, $with: Filter) { order(id: $id, with: $with) { id note lines { sku } parent { id } } }",
                "query orders($first: Int, $after: String, $states: [State!]!) { orders(first: $first, after: $after, \
                 states: $states) { id note lines { sku } parent { id } } }",
                "query node { node { id } }",
                "query search($text: String!) { search(text: $text) { __typename } }",
                "query version { version }",
                "query now { now }",
                "mutation create($input: OrderInput!) { create(input: $input) { id note lines { sku } parent { id } } }",
            ]
        );
        let (name, kind) = &schema.fields[1].arguments[2];
        assert_eq!(
            (name.as_str(), kind.written.as_str(), kind.lists, kind.required),
            ("states", "[State!]!", 1, true)
        );
    }

    #[test]
    fn each_argument_is_a_variable_with_a_value_of_its_type() {
        let all = read(SHOP, &BTreeMap::new()).unwrap();
        let variables = |i: usize| -> Value {
            let body: Value = serde_json::from_slice(&all.list[i].body).unwrap();
            body["variables"].clone()
        };
        assert_eq!((all.list[0].name.as_str(), all.list[0].url.as_str()), ("query order", "/graphql"));
        assert_eq!(variables(0)["id"], "1");
        assert_eq!(variables(0)["with"]["state"], "OPEN");
        assert_eq!((&variables(1)["first"], &variables(1)["after"]), (&Value::from(1), &Value::Null));
        assert_eq!(variables(1)["states"][0], "OPEN");
        let created = variables(6);
        assert!(created["input"]["lines"][0]["sku"].is_string(), "{created}");
        assert!(
            created["input"]["lines"][0]["count"].is_i64() && created["input"]["at"].is_string(),
            "{created}"
        );
        assert_eq!(all.notes, [] as [&str; 0]);
        let there = read(
            "type Query { a: Int } type Subscription { b: Int }",
            &BTreeMap::from([("endpoint".into(), "/api".into())]),
        );
        let there = there.unwrap();
        assert_eq!((there.list[0].url.as_str(), there.notes.len()), ("/api", 1));
    }

    /// As servers answer introspection.
    pub const ANSWER: &str = include_str!("../../tests/collections/introspection.json");

    #[test]
    fn introspection_tells_the_same() {
        let schema = Schema::read(ANSWER).unwrap();
        assert_eq!(
            schema.query(&schema.fields[0]),
            "query users($ids: [ID!]!, $role: Role) { users(ids: $ids, role: $role) { id } }"
        );
        let body = read(ANSWER, &BTreeMap::new()).unwrap().list.remove(0).body;
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["variables"]["role"], "ADMIN");
    }

    #[test]
    fn what_is_no_schema_is_refused_with_its_line() {
        for (text, why) in [
            ("type A {\n  b: \n}", "line 3: '}' stands where a name should"),
            ("type A {\n  b(c: [Int: D\n}", "line 2: ':' stands where ']' should"),
            ("{ order { id } }", "no JSON"),
            ("query { order { id } }", "line 1"),
            ("type A { b: C }", "no type Query"),
            ("\"\"\"open", "a text has no end"),
            ("type Query { a: Int", "the text ends"),
            ("type Query { a: [[[[[[[[[[Int]]]]]]]]]] }", "8 lists"),
            ("type Query { a: Int } ^", "'^' has no meaning"),
            ("{\"data\": {}}", "__schema.types"),
        ] {
            let error = Schema::read(text).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
        let input = format!("type Query {{ a(b: Int = {}): Int }}", "[".repeat(100_000));
        assert!(Schema::read(&input).is_err());
    }

    #[test]
    fn an_input_that_holds_itself_ends() {
        let text = "type Query { a(b: B!): Int } input B { b: B!, c: [B!]! }";
        assert!(read(text, &BTreeMap::new()).unwrap().list[0].body.len() < 10_000);
    }
}
