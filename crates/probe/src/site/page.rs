//! What a page leads to: links, resources, forms; read from its tags alone, since pages are often no well-formed documents.

use crate::json::Json;
use crate::operation::{Body, Operation, Param, Place, Style};
use html5gum::{StartTag, Token, Tokenizer};
use serde_json::{Map, Value, json};
use url::Url;

/// Links of one page that are followed; a page of more is a list of everything.
const LINKS_MAX: usize = 5_000;
/// Forms of one page that are looked at.
const FORMS_MAX: usize = 100;
/// Fields of one form.
const FIELDS_MAX: usize = 300;
/// Characters of a title that are kept.
const TITLE_CHARS_MAX: usize = 200;

/// What a page tells.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// Where its links lead, absolute and without fragment, each once.
    pub links: Vec<String>,
    /// Its forms as operations; the host is that of the page.
    pub forms: Vec<Operation>,
    /// `<title>`.
    pub title: Option<String>,
    /// It asks robots not to follow its links (`<meta name=robots content=nofollow>`).
    pub nofollow: bool,
}

/// Reads a page that came from `url`.
pub fn read(html: &str, url: &Url) -> Page {
    let mut page = Page::default();
    let mut base = url.clone();
    let mut form: Option<Form> = None;
    let mut select: Option<(String, Vec<String>)> = None;
    // Text is kept of a title, a script, a style.
    let mut within = Vec::new();
    let mut emitter = html5gum::DefaultEmitter::<()>::default();
    emitter.naively_switch_states(true);
    for Ok(token) in Tokenizer::new_with_emitter(html, emitter) {
        match token {
            Token::StartTag(tag) => {
                let name = tag.name.to_vec();
                match name.as_slice() {
                    b"base" => {
                        if let Some(b) = attribute(&tag, b"href").and_then(|h| url.join(&h).ok()) {
                            base = b;
                        }
                    }
                    b"meta" => meta(&tag, &base, &mut page),
                    b"form" if form.is_none() => form = Form::begin(&tag, &base),
                    b"input" | b"textarea" | b"button" => {
                        if let Some(f) = &mut form {
                            f.field(&tag, &name);
                        }
                    }
                    b"select" => {
                        select = attribute(&tag, b"name").map(|n| (n, Vec::new()));
                    }
                    b"option" => {
                        if let Some((_, values)) = &mut select {
                            values.extend(attribute(&tag, b"value"));
                        }
                    }
                    _ => resource(&tag, &name, &base, &mut page),
                }
                if matches!(name.as_slice(), b"title" | b"script" | b"style") && !tag.self_closing {
                    within = name;
                }
            }
            Token::EndTag(tag) => match tag.name.as_slice() {
                b"form" => {
                    if let Some(f) = form.take().filter(|_| page.forms.len() < FORMS_MAX) {
                        page.forms.push(f.operation());
                    }
                }
                b"select" => {
                    if let (Some(f), Some((name, values))) = (&mut form, select.take()) {
                        let schema = json!({"type": "string", "enum": values});
                        let first = values.first().map(|v| Json::text(v));
                        f.add(name, schema, false, first);
                    }
                }
                n if n == within.as_slice() => within.clear(),
                _ => {}
            },
            Token::String(text) => match within.as_slice() {
                b"title" if page.title.is_none() => {
                    let text = String::from_utf8_lossy(&text);
                    page.title = Some(text.trim().chars().take(TITLE_CHARS_MAX).collect());
                }
                b"script" => in_script(&String::from_utf8_lossy(&text), &base, &mut page),
                b"style" => in_style(&String::from_utf8_lossy(&text), &base, &mut page),
                _ => {}
            },
            _ => {}
        }
    }
    if let Some(f) = form.filter(|_| page.forms.len() < FORMS_MAX) {
        page.forms.push(f.operation());
    }
    page
}

/// What a style sheet leads to.
pub fn read_style(css: &str, url: &Url) -> Page {
    let mut page = Page::default();
    in_style(css, url, &mut page);
    page
}

fn attribute(tag: &StartTag<()>, name: &[u8]) -> Option<String> {
    tag.attributes.get(name).map(|v| String::from_utf8_lossy(v).into_owned())
}

fn meta(tag: &StartTag<()>, base: &Url, page: &mut Page) {
    let content = attribute(tag, b"content").unwrap_or_default();
    if attribute(tag, b"name").is_some_and(|n| n.eq_ignore_ascii_case("robots")) {
        page.nofollow = content.to_ascii_lowercase().contains("nofollow");
    }
    if attribute(tag, b"http-equiv").is_some_and(|h| h.eq_ignore_ascii_case("refresh"))
        && let Some((_, to)) = content.split_once('=')
    {
        add(to.trim().trim_matches(['\'', '"']), base, page);
    }
}

/// Attributes that lead to something that a browser would ask for, or a person by a click.
fn resource(tag: &StartTag<()>, name: &[u8], base: &Url, page: &mut Page) {
    let leads: &[&[u8]] = match name {
        b"a" | b"area" => &[b"href"],
        b"link" => {
            let rel = attribute(tag, b"rel").unwrap_or_default().to_ascii_lowercase();
            // These tell of other hosts, or of pages in other words.
            if ["preconnect", "dns-prefetch", "pingback", "edituri"].iter().any(|r| rel.contains(r)) {
                return;
            }
            &[b"href"]
        }
        b"img" | b"script" | b"iframe" | b"frame" | b"embed" | b"audio" | b"video" | b"source" | b"track" => {
            &[b"src", b"poster"]
        }
        b"object" => &[b"data"],
        b"body" | b"table" | b"td" => &[b"background"],
        _ => return,
    };
    for name in leads {
        if let Some(to) = attribute(tag, name) {
            add(&to, base, page);
        }
    }
    if let Some(set) = attribute(tag, b"srcset").or_else(|| attribute(tag, b"imagesrcset")) {
        // Addresses with a comma in them have no blank behind it (HTML §2.5.10).
        for candidate in set.split(", ").flat_map(|c| c.split(",\n")) {
            if let Some(to) = candidate.split_whitespace().next() {
                add(to.trim_end_matches(','), base, page);
            }
        }
    }
}

/// Paths in a script's texts: `"/api/cart"`. They are guesses; only those from the root on are taken.
fn in_script(script: &str, base: &Url, page: &mut Page) {
    for quote in ['"', '\'', '`'] {
        for text in script.split(quote).skip(1).step_by(2) {
            let plain = text.starts_with('/')
                && !text.starts_with("//")
                && text.len() > 1
                && text.len() < 200
                && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"/-_.?=&%".contains(&b))
                && text.bytes().any(|b| b.is_ascii_alphabetic());
            if plain {
                add(text, base, page);
            }
        }
    }
}

fn in_style(css: &str, base: &Url, page: &mut Page) {
    for rest in css.split("url(").skip(1) {
        if let Some((to, _)) = rest.split_once(')') {
            add(to.trim().trim_matches(['"', '\'']), base, page);
        }
    }
    for rest in css.split("@import").skip(1) {
        let rest = rest.trim_start();
        if let Some(quote) = rest.chars().next().filter(|c| matches!(c, '"' | '\''))
            && let Some(to) = rest.split(quote).nth(1)
        {
            add(to, base, page);
        }
    }
}

fn add(to: &str, base: &Url, page: &mut Page) {
    let to = to.trim();
    if to.is_empty() || to.starts_with('#') || page.links.len() >= LINKS_MAX {
        return;
    }
    let Ok(mut url) = base.join(to) else { return };
    if !matches!(url.scheme(), "http" | "https") {
        return;
    }
    url.set_fragment(None);
    let url = String::from(url);
    if !page.links.contains(&url) {
        page.links.push(url);
    }
}

struct Form {
    method: String,
    path: String,
    host: String,
    multipart: bool,
    fields: Map<String, Value>,
    required: Vec<String>,
    good: Vec<(String, Json)>,
    /// What the address itself carries.
    query: Vec<(String, String)>,
}

impl Form {
    fn begin(tag: &StartTag<()>, base: &Url) -> Option<Form> {
        let to = base.join(attribute(tag, b"action").unwrap_or_default().trim()).ok()?;
        let method = attribute(tag, b"method").unwrap_or_default().to_ascii_uppercase();
        let method = if method == "POST" { method } else { "GET".to_owned() };
        let encoding = attribute(tag, b"enctype").unwrap_or_default();
        let query = if method == "GET" { Vec::new() } else { to.query_pairs().into_owned().collect() };
        Some(Form {
            path: to.path().replace('{', "%7B").replace('}', "%7D"),
            host: to.origin().ascii_serialization(),
            multipart: encoding.eq_ignore_ascii_case("multipart/form-data"),
            method,
            fields: Map::new(),
            required: Vec::new(),
            good: Vec::new(),
            query,
        })
    }

    fn field(&mut self, tag: &StartTag<()>, name: &[u8]) {
        let Some(field) = attribute(tag, b"name").filter(|n| !n.is_empty()) else { return };
        let kind = match name {
            b"input" => attribute(tag, b"type").unwrap_or_default().to_ascii_lowercase(),
            _ => String::new(),
        };
        let value = attribute(tag, b"value");
        let number = |name: &[u8]| attribute(tag, name).and_then(|v| v.trim().parse::<f64>().ok());
        let mut schema = match kind.as_str() {
            "number" | "range" => json!({"type": "number"}),
            "date" => json!({"type": "string", "format": "date"}),
            "datetime-local" => json!({"type": "string", "format": "date-time"}),
            "email" => json!({"type": "string", "format": "email"}),
            "url" => json!({"type": "string", "format": "uri"}),
            "file" => json!({"type": "string", "format": "binary"}),
            // A press on it says nothing where others are not pressed.
            "submit" | "image" | "reset" | "button" => return,
            _ => json!({"type": "string"}),
        };
        if name == b"button" && value.is_none() {
            return;
        }
        if let Some(s) = schema.as_object_mut() {
            for (from, to) in [(&b"min"[..], "minimum"), (b"max", "maximum")] {
                if let Some(n) = number(from) {
                    s.insert(to.to_owned(), json!(n));
                }
            }
            for (from, to) in [(&b"maxlength"[..], "maxLength"), (b"minlength", "minLength")] {
                if let Some(n) = number(from).filter(|n| *n >= 0.0) {
                    s.insert(to.to_owned(), json!(n as u64));
                }
            }
        }
        let required = tag.attributes.contains_key(b"required".as_slice());
        let good = match kind.as_str() {
            "checkbox" | "radio" => Some(Json::text(value.as_deref().unwrap_or("on"))),
            _ => value.filter(|v| !v.is_empty()).map(|v| Json::text(&v)),
        };
        self.add(field, schema, required, good);
    }

    fn add(&mut self, name: String, schema: Value, required: bool, good: Option<Json>) {
        if self.fields.len() >= FIELDS_MAX || self.fields.contains_key(&name) {
            return;
        }
        let none = Value::Null;
        let all = crate::schema::Schemas::of(&none);
        let made = good.unwrap_or_else(|| all.good(&schema, &name, crate::schema::Extent::Full, 0));
        self.good.push((name.clone(), made));
        if required {
            self.required.push(name.clone());
        }
        self.fields.insert(name, schema);
    }

    fn operation(self) -> Operation {
        let mut op = Operation {
            name: format!("{} {}", self.method, self.path),
            method: self.method,
            path: self.path,
            ..Operation::default()
        };
        op.id = Some(self.host);
        let param = |name: String, schema: Value, good: Json, required: bool| Param {
            name,
            place: Place::Query,
            required,
            schema,
            examples: vec![good],
            style: Style::Exploded,
        };
        for (n, v) in self.query {
            op.params.push(param(n, json!({"type": "string"}), Json::text(&v), true));
        }
        if op.method == "GET" {
            for (n, v) in self.good {
                let schema = self.fields.get(&n).cloned().unwrap_or_default();
                let required = self.required.contains(&n);
                op.params.push(param(n, schema, v, required));
            }
            return op;
        }
        let media = if self.multipart { "multipart/form-data" } else { "application/x-www-form-urlencoded" };
        op.body = Some(Body {
            media: media.to_owned(),
            required: true,
            schema: json!({"type": "object", "properties": self.fields, "required": self.required}),
            examples: vec![Json::Object(self.good)],
        });
        op
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_found_wherever_they_stand() {
        let html = r#"<html><head><base href="/shop/"><title> A &amp; B </title><link rel=stylesheet href=a.css>
          <link rel=preconnect href=https://cdn.example><style>body{background:url('bg.png')}</style></head>
          <body><a href="x?y=1#z">x</a><a href='mailto:a@b'>m</a><A HREF=//shop.example/up>u</A><img srcset="s.png 1x, l.png 2x" src=s.png>
          <script>fetch("/api/cart?n=1"); var x = "/ not a path";</script><a href="javascript:void(0)">j</a>
          <meta http-equiv=refresh content="5; url=/later"></body>"#;
        let page = read(html, &Url::parse("http://shop.example/a/b").unwrap());
        assert_eq!(page.title.as_deref(), Some("A & B"));
        let expected = [
            "/shop/a.css",
            "/shop/bg.png",
            "/shop/x?y=1",
            "/up",
            "/shop/s.png",
            "/shop/l.png",
            "/api/cart?n=1",
            "/later",
        ];
        let got: Vec<&str> =
            page.links.iter().map(|l| l.strip_prefix("http://shop.example").unwrap()).collect();
        for e in expected {
            assert!(got.contains(&e), "{e} of {got:?}");
        }
        assert_eq!(got.len(), expected.len(), "{got:?}");
    }

    #[test]
    fn forms_are_operations() {
        let html = r#"<form action="/find"><input name=q required><select name=s><option value=a>A<option value=b>B</select></form>
          <form method=post action="/contact?x=1"><input type=hidden name=csrf value=t0k><textarea name=text></textarea>
          <input type=number name=n min=1 max=5><button>Send</button></form>"#;
        let page = read(html, &Url::parse("http://shop.example/").unwrap());
        let (find, contact) = (&page.forms[0], &page.forms[1]);
        assert_eq!((find.name.as_str(), find.params.len()), ("GET /find", 2));
        assert!(find.params[0].required && find.params[1].schema["enum"][1] == "b");
        let body = contact.body.as_ref().unwrap();
        assert_eq!(body.examples[0].write(), r#"{"csrf":"t0k","text":"abc","n":1}"#);
        assert_eq!(body.schema["properties"]["n"]["maximum"], 5.0);
        assert_eq!(contact.params[0].name, "x");
    }
}
