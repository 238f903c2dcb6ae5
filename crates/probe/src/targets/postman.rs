//! Postman collections, v2.1 and v2.0 (schema.postman.com/collection/json/v2.1.0), and exports of its environments.
//!
//! ```json
//! {"info": {"name": "Shop", "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"},
//!  "item": [{"name": "Orders", "item": [{"name": "one", "request": {"method": "GET", "url": "{{base}}/orders/:id"}}]}],
//!  "variable": [{"key": "base", "value": "https://shop.example"}]}
//! ```

use super::notes::Notes;
use super::variables::Filler;
use super::{SAMPLES_MAX, Sample, Samples, form, json, method, name_of, url};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Folders in folders; people have some five, and the reader of JSON stops at 128 levels of any kind.
const DEPTH_MAX: usize = 48;

/// The requests of a collection. `variables` (an environment, what the user gave) come before those of the collection.
///
/// # Errors
/// It is no JSON, with line and column; it is no such collection.
pub fn read(text: &str, variables: &BTreeMap<String, String>) -> Result<Samples, String> {
    let document: Value = json(text)?;
    let Some(items) = document.get("item").and_then(Value::as_array) else {
        return Err("it has no `item` at its top, as Postman's collections of version 2 have; older ones are converted by Postman".into());
    };
    let mut reader = Reader { filler: Filler::new(variables), notes: Notes::default(), list: Vec::new() };
    reader.filler.enter(values(document.get("variable")));
    reader.scripts(&document);
    reader.items(items, "", document.get("auth").filter(|a| a.is_object()), 0);
    Ok(Samples { list: reader.list, notes: reader.notes.sentences() })
}

/// The values of an environment or of globals, as Postman exports them: `{"name": "dev", "values": [{"key": "base", "value": …}]}`.
/// Those that are not enabled are left out.
///
/// # Errors
/// It is no JSON, or no such export.
pub fn environment(text: &str) -> Result<BTreeMap<String, String>, String> {
    let document: Value = json(text)?;
    match document.get("values") {
        Some(list @ Value::Array(_)) => Ok(values(Some(list))),
        _ => Err("it has no `values`, as exports of Postman's environments have".into()),
    }
}

struct Reader<'a> {
    filler: Filler<'a>,
    notes: Notes,
    list: Vec<Sample>,
}

impl Reader<'_> {
    fn items(&mut self, items: &[Value], folder: &str, auth: Option<&Value>, depth: usize) {
        for item in items {
            let name = item.get("name").and_then(Value::as_str).unwrap_or_default().trim();
            let name = if folder.is_empty() { name.to_owned() } else { format!("{folder} / {name}") };
            self.scripts(item);
            // Absent or null is that of the folder; `noauth` is none.
            let own = |of: &'_ Value| of.get("auth").filter(|a| a.is_object()).is_some();
            if let Some(inner) = item.get("item").and_then(Value::as_array) {
                if depth == DEPTH_MAX {
                    self.notes
                        .say(format!("Folders are followed {DEPTH_MAX} deep; what lies deeper is left out."));
                    continue;
                }
                let auth = if own(item) { item.get("auth") } else { auth };
                self.filler.enter(values(item.get("variable")));
                self.items(inner, &name, auth, depth + 1);
                self.filler.leave();
            } else if let Some(request) = item.get("request") {
                if self.list.len() == SAMPLES_MAX {
                    self.notes.too_many += 1;
                    continue;
                }
                let auth = if own(request) { request.get("auth") } else { auth };
                self.filler.enter(values(item.get("variable")));
                if let Some(sample) = self.request(item, request, name, auth) {
                    self.list.push(sample);
                }
                self.filler.leave();
            }
        }
    }

    fn request(
        &mut self,
        item: &Value,
        request: &Value,
        name: String,
        auth: Option<&Value>,
    ) -> Option<Sample> {
        // A request may be its URL alone.
        let told = if request.is_string() { Some(request) } else { request.get("url") };
        let written = self.url(told.unwrap_or(&Value::Null));
        if written.is_empty() {
            self.notes.say(format!("{} has no URL and is left out.", shown(&name)));
            return None;
        }
        let told_method = self.filled(request.get("method"));
        let Some(method) = method(&told_method) else {
            self.notes.say(format!("{} has no method that can be sent and is left out.", shown(&name)));
            return None;
        };
        let url = url(&written);
        let name = if name.is_empty() { name_of(&method, &url) } else { name };
        let mut sample = Sample { name, method, url, ..Sample::default() };
        match request.get("header") {
            Some(Value::Array(headers)) => {
                for h in headers.iter().filter(|h| is_enabled(h)) {
                    let (name, value) = (self.filled(h.get("key")), self.filled(h.get("value")));
                    sample.add_header(&name, &value);
                }
            }
            Some(Value::String(lines)) => {
                for (name, value) in lines.lines().filter_map(|l| l.split_once(':')) {
                    let value = self.filler.fill(value, &mut self.notes);
                    sample.add_header(name, &value);
                }
            }
            _ => {}
        }
        // Postman sends no body with these, unless it is told to.
        let is_pruned = matches!(sample.method.as_str(), "GET" | "HEAD" | "COPY" | "PURGE" | "UNLOCK")
            && item.pointer("/protocolProfileBehavior/disableBodyPruning").and_then(Value::as_bool)
                != Some(true);
        if let Some(body) = request.get("body").filter(|b| is_enabled(b) && !is_pruned) {
            self.body(body, &mut sample);
        }
        if let Some(auth) = auth {
            self.auth(auth, &mut sample);
        }
        Some(sample)
    }

    /// A URL as text, or in its parts: the parts are what Postman edits, so they come first.
    fn url(&mut self, told: &Value) -> String {
        let object = match told {
            Value::String(raw) => {
                let raw = raw.clone();
                return self.filler.fill(&raw, &mut self.notes);
            }
            Value::Object(o) => o,
            _ => return String::new(),
        };
        let joined = |key: &str, by: &str| match object.get(key) {
            Some(Value::Array(parts)) => {
                let parts = parts.iter().map(|p| text(Some(p.get("value").unwrap_or(p))));
                Some(parts.collect::<Vec<_>>().join(by))
            }
            Some(Value::String(s)) => Some(s.trim_start_matches('/').to_owned()),
            _ => None,
        };
        let (host, path) = (joined("host", "."), joined("path", "/"));
        let raw = text(object.get("raw"));
        let mut out = String::new();
        if host.is_none() && path.is_none() {
            out.push_str(raw.split(['?', '#']).next().unwrap_or_default());
        } else {
            let protocol = text(object.get("protocol"));
            if !protocol.is_empty() {
                out.push_str(protocol.trim_end_matches("://"));
                out.push_str("://");
            }
            out.push_str(host.as_deref().unwrap_or_default());
            let port = text(object.get("port"));
            if !port.is_empty() {
                out.push(':');
                out.push_str(&port);
            }
            if let Some(path) = &path {
                out.push('/');
                out.push_str(path);
            }
        }
        let mut out = self.path_variables(&out, object.get("variable"));
        let query: Vec<String> = match object.get("query") {
            Some(Value::Array(pairs)) => {
                let pairs = pairs.iter().filter(|p| is_enabled(p));
                pairs
                    .map(|p| {
                        let name = text(p.get("key"));
                        match p.get("value") {
                            None | Some(Value::Null) => name,
                            value => format!("{name}={}", text(value)),
                        }
                    })
                    .filter(|p| !p.is_empty())
                    .collect()
            }
            Some(Value::String(s)) => vec![s.clone()],
            _ => raw.split_once('?').map(|(_, q)| q.to_owned()).into_iter().collect(),
        };
        if !query.is_empty() {
            out.push('?');
            out.push_str(&query.join("&"));
        }
        self.filler.fill(&out, &mut self.notes)
    }

    /// `/orders/:id` with the values of `variable`.
    fn path_variables(&mut self, path: &str, told: Option<&Value>) -> String {
        let mut known = BTreeMap::new();
        for v in told.and_then(Value::as_array).into_iter().flatten() {
            let key = text(v.get("key").or(v.get("id")));
            known.insert(key, text(v.get("value")));
        }
        let segments = path.split('/').map(|segment| {
            let Some(name) = segment.strip_prefix(':').filter(|n| !n.is_empty()) else {
                return segment.to_owned();
            };
            let value = known
                .get(name)
                .filter(|v| !v.is_empty())
                .map(String::as_str)
                .or_else(|| self.filler.value(name));
            let Some(value) = value.map(str::to_owned) else {
                self.notes.missing(segment);
                return segment.to_owned();
            };
            self.filler.fill(&value, &mut self.notes).replace('/', "%2F").replace('?', "%3F")
        });
        segments.collect::<Vec<_>>().join("/")
    }

    fn body(&mut self, body: &Value, sample: &mut Sample) {
        let mode = body.get("mode").and_then(Value::as_str).unwrap_or_default();
        match mode {
            "raw" => {
                sample.body = self.filled(body.get("raw")).into_bytes();
                let language = body.pointer("/options/raw/language").and_then(Value::as_str);
                let media = match language {
                    Some("json") => Some("application/json"),
                    Some("xml") => Some("application/xml"),
                    Some("html") => Some("text/html"),
                    Some("javascript") => Some("application/javascript"),
                    _ => None,
                };
                if let Some(media) = media.or(Some("text/plain")).filter(|_| !sample.body.is_empty()) {
                    sample.add_header_if_none("Content-Type", media);
                }
            }
            "urlencoded" => {
                let pairs: Vec<(String, String)> = match body.get("urlencoded") {
                    Some(Value::Array(list)) => {
                        let list = list.iter().filter(|p| is_enabled(p));
                        list.map(|p| (self.filled(p.get("key")), self.filled(p.get("value")))).collect()
                    }
                    _ => Vec::new(),
                };
                if pairs.is_empty() {
                    return;
                }
                let pairs = pairs.iter().map(|(n, v)| (n.as_str(), v.as_str()));
                sample.body = form::urlencoded(pairs).into_bytes();
                sample.add_header_if_none("Content-Type", "application/x-www-form-urlencoded");
            }
            "formdata" => {
                let mut parts = Vec::new();
                for p in body
                    .get("formdata")
                    .and_then(Value::as_array)
                    .into_iter()
                    .flatten()
                    .filter(|p| is_enabled(p))
                {
                    let name = self.filled(p.get("key"));
                    let media = Some(self.filled(p.get("contentType"))).filter(|m| !m.is_empty());
                    let is_file = p.get("type").and_then(Value::as_str) == Some("file");
                    let (value, file) = if is_file {
                        let src = match p.get("src") {
                            Some(Value::Array(several)) => text(several.first()),
                            one => text(one),
                        };
                        self.notes.file(&src);
                        (Vec::new(), Some(form::file_name(&src).to_owned()))
                    } else {
                        (self.filled(p.get("value")).into_bytes(), None)
                    };
                    parts.push(form::Part { name, value, file, media });
                }
                if parts.is_empty() {
                    return;
                }
                let (media, body) = form::multipart(&parts);
                sample.body = body;
                // One that is written there has no boundary, or not this one.
                sample.headers.retain(|(n, _)| !n.eq_ignore_ascii_case("content-type"));
                sample.add_header("Content-Type", &media);
            }
            "graphql" => {
                let told = body.get("graphql").unwrap_or(&Value::Null);
                let query = self.filled(told.get("query"));
                let variables = match told.get("variables") {
                    Some(Value::String(s)) => {
                        let s = self.filler.fill(s, &mut self.notes);
                        serde_json::from_str(&s).unwrap_or(Value::Null)
                    }
                    Some(other) => other.clone(),
                    None => Value::Null,
                };
                let operation = self.filled(told.get("operationName"));
                sample.body = graphql(&query, variables, &operation);
                sample.add_header_if_none("Content-Type", "application/json");
            }
            "file" => {
                let src = text(body.pointer("/file/src"));
                self.notes.file(&src);
            }
            _ => {}
        }
    }

    fn auth(&mut self, auth: &Value, sample: &mut Sample) {
        let kind = auth.get("type").and_then(Value::as_str).unwrap_or_default();
        let told = settings(auth.get(kind));
        let mut get = |name: &str| {
            let value = told.get(name).cloned().unwrap_or_default();
            self.filler.fill(&value, &mut self.notes)
        };
        // What the request writes itself comes before what it is set to have.
        if matches!(kind, "bearer" | "basic") && sample.header("authorization").is_some() {
            return;
        }
        match kind {
            "" | "noauth" => {}
            "bearer" => {
                let token = get("token");
                sample.add_header("Authorization", &format!("Bearer {token}"));
            }
            "basic" => {
                let (name, password) = (get("username"), get("password"));
                sample.add_basic(&name, &password);
            }
            "apikey" => {
                let (name, value) = (get("key"), get("value"));
                if get("in") == "query" {
                    sample.add_query(&name, &value);
                } else {
                    sample.add_header_if_none(&name, &value);
                }
            }
            "oauth2" => {
                let token = get("accessToken");
                let prefix = Some(get("headerPrefix")).filter(|p| !p.trim().is_empty());
                if token.is_empty() {
                    self.notes.no_token();
                } else if get("addTokenTo") == "queryParams" {
                    sample.add_query("access_token", &token);
                } else {
                    let prefix = prefix.as_deref().unwrap_or("Bearer").trim();
                    sample.add_header_if_none("Authorization", &format!("{prefix} {token}"));
                }
            }
            other => self.notes.no_credentials(other),
        }
    }

    fn filled(&mut self, value: Option<&Value>) -> String {
        let value = text(value);
        self.filler.fill(&value, &mut self.notes)
    }

    fn scripts(&mut self, of: &Value) {
        let events = of.get("event").and_then(Value::as_array).into_iter().flatten();
        let scripts = events.filter(|e| match e.pointer("/script/exec") {
            Some(Value::Array(lines)) => {
                lines.iter().any(|l| l.as_str().is_some_and(|l| !l.trim().is_empty()))
            }
            Some(Value::String(s)) => !s.trim().is_empty(),
            _ => false,
        });
        self.notes.scripts += scripts.count();
    }
}

/// A body of GraphQL over HTTP (graphql.github.io/graphql-over-http §5.4).
pub(super) fn graphql(query: &str, variables: Value, operation: &str) -> Vec<u8> {
    let mut body = Map::new();
    body.insert("query".into(), query.into());
    if !variables.is_null() {
        body.insert("variables".into(), variables);
    }
    if !operation.is_empty() {
        body.insert("operationName".into(), operation.into());
    }
    Value::Object(body).to_string().into_bytes()
}

/// Version 2.1 writes settings as a list of keys and values, version 2.0 as an object.
fn settings(told: Option<&Value>) -> BTreeMap<String, String> {
    match told {
        Some(Value::Object(o)) => o.iter().map(|(k, v)| (k.clone(), text(Some(v)))).collect(),
        list => values(list),
    }
}

/// `[{"key": …, "value": …}]`, without what is disabled.
fn values(list: Option<&Value>) -> BTreeMap<String, String> {
    let list = list.and_then(Value::as_array).into_iter().flatten().filter(|v| is_enabled(v));
    list.map(|v| (text(v.get("key").or(v.get("id"))), text(v.get("value"))))
        .filter(|(k, _)| !k.is_empty())
        .collect()
}

/// Environments say `enabled`, all else `disabled`.
fn is_enabled(v: &Value) -> bool {
    v.get("disabled").and_then(Value::as_bool) != Some(true)
        && v.get("enabled").and_then(Value::as_bool) != Some(false)
}

/// A request's name in a sentence.
pub(super) fn shown(name: &str) -> &str {
    if name.trim().is_empty() { "A request without a name" } else { name }
}

/// A value as the text that it is put in as.
pub(super) fn text(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(s)) => s.clone(),
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// As Postman exports it (version 2.1).
    pub const SHOP: &str = include_str!("../../tests/collections/postman.json");

    #[test]
    fn a_collection_gives_its_requests() {
        let given =
            BTreeMap::from([("count".to_owned(), "3".to_owned()), ("password".to_owned(), "s".to_owned())]);
        let all = read(SHOP, &given).unwrap();
        let names: Vec<&str> = all.list.iter().map(|s| s.name.as_str()).collect();
        assert_eq!(names, ["Orders / one", "Orders / create", "login", "avatar", "graph"]);
        let [one, create, login, avatar, graph] = &all.list[..] else { panic!() };
        assert_eq!(one.url, "https://shop.example/v1/orders/7?expand=items&q=a%20b&flag&api_key=k+1");
        assert_eq!(one.headers, [("Accept".to_owned(), "application/json".to_owned())]);
        assert_eq!((create.method.as_str(), create.url.as_str()), ("POST", "https://shop.example/v1/orders"));
        assert_eq!(create.header("content-type"), Some("application/json"));
        assert_eq!(create.header("authorization"), Some("Basic YWRhOnM="));
        let body = "{\n  \"id\": \"8f14e45f-ceea-467f-a0e6-1f0c2b6d9a3e\",\n  \"nested\": {\"n\": 3}}";
        assert_eq!(String::from_utf8_lossy(&create.body), body);
        assert_eq!(login.url, "http://localhost:3000/login");
        assert_eq!(login.body, b"user=ada&pass=it%27s");
        assert_eq!(login.header("authorization"), None);
        assert_eq!(avatar.header("authorization"), Some("Bearer {{token}}"));
        assert_eq!(avatar.header("content-type"), Some("multipart/form-data; boundary=why500-boundary"));
        let body = String::from_utf8_lossy(&avatar.body).into_owned();
        assert!(
            body.contains("name=\"title\"\r\n\r\nme\r\n") && body.contains("filename=\"me.png\""),
            "{body}"
        );
        assert_eq!(graph.body, br#"{"query":"query($n: Int) { a(n: $n) }","variables":{"n":1}}"#);
        assert_eq!(
            all.notes,
            [
                "2 scripts are not run; what they would set is not set.",
                "Variables without a value stay as they are written: token.",
                "Files are not read; nothing is sent in their place: /home/ada/me.png.",
            ]
        );
    }

    #[test]
    fn version_2_0_writes_settings_as_objects() {
        let text = r#"{"info": {"schema": "https://schema.getpostman.com/json/collection/v2.0.0/collection.json"},
            "item": [{"name": "", "protocolProfileBehavior": {"disableBodyPruning": true}, "request": {"url": "http://h/a?x=1#top", "method": "get",
              "body": {"mode": "raw", "raw": "x"}, "header": "A: 1\nB: {{b}}",
              "auth": {"type": "bearer", "bearer": {"token": "t"}}}}, {"name": "b", "request": "http://h/b"},
            {"name": "c", "request": {"url": "http://h", "body": {"mode": "raw", "raw": "x"}}},
            {"name": "d", "request": {"url": "http://h", "method": "POST", "body": {"mode": "formdata", "formdata": []}}}]}"#;
        let all = read(text, &BTreeMap::new()).unwrap();
        assert_eq!(all.list[0].url, "http://h/a?x=1");
        assert_eq!(all.list[0].header("authorization"), Some("Bearer t"));
        assert_eq!(all.list[0].header("b"), Some("{{b}}"));
        assert_eq!((all.list[0].name.as_str(), all.list[0].body.as_slice()), ("GET /a", &b"x"[..]));
        assert!(all.list.iter().skip(2).all(|s| s.body.is_empty() && s.headers.is_empty()));
        assert_eq!((all.list[1].method.as_str(), all.list[1].url.as_str()), ("GET", "http://h/b"));
    }

    #[test]
    fn an_environment_gives_what_is_enabled() {
        let text = r#"{"id": "e", "name": "dev", "values": [
            {"key": "host", "value": "localhost:8080", "type": "default", "enabled": true},
            {"key": "old", "value": "x", "enabled": false}, {"key": "n", "value": 5}], "_postman_variable_scope": "environment"}"#;
        let got = environment(text).unwrap();
        assert_eq!(
            got.into_iter().collect::<Vec<_>>(),
            [("host".into(), "localhost:8080".into()), ("n".into(), "5".into())]
        );
        assert!(environment("{}").unwrap_err().contains("values"));
    }

    #[test]
    fn what_is_no_collection_is_refused_with_a_reason() {
        assert!(read("{\"item\": [", &BTreeMap::new()).unwrap_err().contains("line 1 column"));
        assert!(read("\u{feff}{\"item\": []}", &BTreeMap::new()).is_ok());
        assert!(read("{\"requests\": []}", &BTreeMap::new()).unwrap_err().contains("`item`"));
    }

    #[test]
    fn headers_cannot_be_smuggled_in() {
        let text = r#"{"item": [{"name": "a", "request": {"url": "http://h/a\r\nX: 1", "header": [
            {"key": "A", "value": "1\r\nB: 2"}, {"key": "C: 3\r\nD", "value": "4"}]}}]}"#;
        let all = read(text, &BTreeMap::new()).unwrap();
        assert_eq!(all.list[0].headers, [("A".to_owned(), "1  B: 2".to_owned())]);
        assert_eq!(all.list[0].url, "http://h/a%0D%0AX:%201");
    }
}
