//! Insomnia's exports: version 4 as JSON (one list of resources that name their parents) and version 5 as YAML (a tree).
//!
//! ```yaml
//! type: collection.insomnia.rest/5.0
//! name: Shop
//! collection:
//!   - name: Orders
//!     children:
//!       - {name: one, method: GET, url: "{{ _.base }}/orders/7"}
//! environments: {name: Base Environment, data: {base: https://shop.example}, subEnvironments: []}
//! ```

use super::notes::Notes;
use super::postman::{graphql, shown, text};
use super::variables::Filler;
use super::{SAMPLES_MAX, Sample, Samples, form, json, method, name_of, url};
use serde_json::Value;
use std::collections::BTreeMap;

/// Folders in folders; people have some five.
const DEPTH_MAX: usize = 48;
/// Levels of a value of an environment (`_.user.address.city`).
const ENVIRONMENT_DEPTH_MAX: usize = 16;
/// Values of one environment; a hostile list of lists would name each of its elements.
const VALUES_MAX: usize = 20_000;
/// Levels of YAML; as many as the reader of JSON takes.
const YAML_DEPTH_MAX: usize = 128;

/// The requests of an export, in the order of its tree. Of its environments the base holds, and of those below it the first;
/// `variables` come before both.
///
/// # Errors
/// It is neither JSON nor YAML, with the place; it is no such export.
pub fn read(written: &str, variables: &BTreeMap<String, String>) -> Result<Samples, String> {
    // Old exports are YAML that looks like JSON: `{_type: export, …}`.
    let document: Value = match json(written) {
        Ok(document) => document,
        Err(why) => {
            yaml(written).map_err(|yaml| if written.trim_start().starts_with("{\"") { why } else { yaml })?
        }
    };
    let mut reader = Reader {
        filler: Filler::new(variables),
        headers: Vec::new(),
        notes: Notes::default(),
        list: Vec::new(),
    };
    if let Some(resources) = document.get("resources").and_then(Value::as_array) {
        reader.resources(resources);
    } else if document
        .get("type")
        .and_then(Value::as_str)
        .is_some_and(|t| t.starts_with("collection.insomnia.rest/"))
    {
        reader.document(&document);
    } else {
        return Err("it has neither `resources` (version 4) nor `type: collection.insomnia.rest/5…` (version 5), as Insomnia's \
                    exports of collections have"
            .into());
    }
    Ok(Samples { list: reader.list, notes: reader.notes.sentences() })
}

fn yaml(text: &str) -> Result<Value, String> {
    // What is not quoted and no `true` or `false` is a text (YAML 1.2), as the writer means it.
    let options = serde_saphyr::options! {
        strict_booleans: true,
        with_snippet: false,
        budget: serde_saphyr::budget! { max_depth: YAML_DEPTH_MAX },
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|e| format!("it is no YAML: {e}"))
}

struct Reader<'a> {
    filler: Filler<'a>,
    /// Of the folders above, outermost first.
    headers: Vec<Vec<(String, String)>>,
    notes: Notes,
    list: Vec<Sample>,
}

/// Resources of version 4 by their parent.
type Children<'v> = BTreeMap<&'v str, Vec<&'v Value>>;

impl Reader<'_> {
    fn document(&mut self, document: &Value) {
        if let Some(base) = document.get("environments") {
            self.filler.enter(flat(base.get("data")));
            let below = base.get("subEnvironments").and_then(Value::as_array);
            let below: Vec<&Value> = below.into_iter().flatten().collect();
            self.environments(&below);
        }
        let items = document.get("collection").and_then(Value::as_array);
        self.tree(items.map(Vec::as_slice).unwrap_or_default(), "", None, 0);
    }

    fn tree(&mut self, items: &[Value], folder: &str, auth: Option<&Value>, depth: usize) {
        let mut items: Vec<&Value> = items.iter().collect();
        items.sort_by_key(|i| sort_key(i.pointer("/meta/sortKey")));
        for item in items {
            match item.get("children").and_then(Value::as_array) {
                Some(inner) => {
                    let Some((name, auth)) = self.folder(item, folder, auth, depth) else { continue };
                    self.tree(inner, &name, auth, depth + 1);
                    self.headers.pop();
                    self.filler.leave();
                }
                None => self.item(item, folder, auth),
            }
        }
    }

    fn resources(&mut self, resources: &[Value]) {
        let kind = |r: &Value| text(r.get("_type"));
        let mut children: Children<'_> = BTreeMap::new();
        for r in resources {
            let parent = r.get("parentId").and_then(Value::as_str).unwrap_or_default();
            children.entry(parent).or_default().push(r);
        }
        for list in children.values_mut() {
            list.sort_by_key(|r| sort_key(r.get("metaSortKey")));
        }
        let ids = |of: &[&Value]| -> Vec<String> { of.iter().map(|r| text(r.get("_id"))).collect() };
        let of_kind = |k: &str| -> Vec<&Value> { resources.iter().filter(|r| kind(r) == k).collect() };
        // Environments whose parent is one lie below it.
        let environments = of_kind("environment");
        let known = ids(&environments);
        let is_below = |e: &&&Value| known.contains(&text(e.get("parentId")));
        for base in environments.iter().filter(|e| !is_below(e)) {
            self.filler.enter(flat(base.get("data")));
        }
        let mut below: Vec<&Value> = environments.iter().filter(is_below).copied().collect();
        below.sort_by_key(|r| sort_key(r.get("metaSortKey")));
        self.environments(&below);
        let mut roots = ids(&of_kind("workspace"));
        if roots.is_empty() {
            // An export of a folder alone: what has no parent among what is there.
            let all = resources
                .iter()
                .filter_map(|r| r.get("_id")?.as_str())
                .collect::<std::collections::BTreeSet<_>>();
            let lost = children.keys().filter(|p| !all.contains(**p));
            roots = lost.map(|p| (*p).to_owned()).collect();
        }
        for root in roots {
            self.below(&root, &children, "", None, 0);
        }
    }

    fn below<'v>(
        &mut self,
        parent: &str,
        children: &Children<'v>,
        folder: &str,
        auth: Option<&'v Value>,
        depth: usize,
    ) {
        for r in children.get(parent).into_iter().flatten() {
            match r.get("_type").and_then(Value::as_str) {
                Some("request_group") => {
                    let Some((name, auth)) = self.folder(r, folder, auth, depth) else { continue };
                    self.below(&text(r.get("_id")), children, &name, auth, depth + 1);
                    self.headers.pop();
                    self.filler.leave();
                }
                Some("request") => self.item(r, folder, auth),
                Some(kind @ ("grpc_request" | "websocket_request" | "socketio_request")) => {
                    self.notes.say(format!("Requests of the kind {kind} are left out."));
                }
                _ => {}
            }
        }
    }

    /// Its values and headers hold until they are taken off.
    fn folder<'v>(
        &mut self,
        folder: &'v Value,
        outer: &str,
        auth: Option<&'v Value>,
        depth: usize,
    ) -> Option<(String, Option<&'v Value>)> {
        // Version 4's parents may go in a circle; nothing but the depth ends it.
        if depth == DEPTH_MAX || self.list.len() == SAMPLES_MAX {
            self.notes.say(format!(
                "Folders are followed {DEPTH_MAX} deep, and {SAMPLES_MAX} requests are taken; what lies beyond is left out."
            ));
            return None;
        }
        self.filler.enter(flat(folder.get("environment")));
        let headers = self.pairs(folder.get("headers"));
        self.headers.push(headers);
        let own = folder.get("authentication").filter(|a| is_told(a));
        Some((named(folder, outer), own.or(auth)))
    }

    /// Of environments that exclude each other the first holds; the others are named.
    fn environments(&mut self, below: &[&Value]) {
        let Some(first) = below.first() else { return };
        self.filler.enter(flat(first.get("data")));
        if below.len() > 1 {
            let mut names = below.iter().take(20).map(|e| text(e.get("name")));
            let first = names.next().unwrap_or_default();
            let others: Vec<String> = names.collect();
            self.notes
                .say(format!("Of the environments {first} holds; {} would be others.", others.join(", ")));
        }
    }

    fn item(&mut self, item: &Value, folder: &str, auth: Option<&Value>) {
        if item.get("url").is_none() {
            return;
        }
        if self.list.len() == SAMPLES_MAX {
            self.notes.too_many += 1;
            return;
        }
        let name = named(item, folder);
        let scripts = ["preRequestScript", "afterResponseScript"].iter().map(|k| item.get(*k));
        let scripts =
            scripts.chain(["preRequest", "afterResponse"].iter().map(|k| item.get("scripts")?.get(*k)));
        self.notes.scripts +=
            scripts.flatten().filter(|s| s.as_str().is_some_and(|s| !s.trim().is_empty())).count();
        let written = self.filled(item.get("url"));
        let written = self.path_parameters(&written, item.get("pathParameters"));
        let told = self.filled(item.get("method"));
        let Some(method) = method(&told).filter(|_| !written.trim().is_empty()) else {
            self.notes
                .say(format!("{} has no URL or no method that can be sent and is left out.", shown(&name)));
            return;
        };
        let url = url(&written);
        let name = if name.is_empty() { name_of(&method, &url) } else { name };
        let mut sample = Sample { name, method, url, ..Sample::default() };
        for (name, value) in self.pairs(item.get("parameters")) {
            sample.add_query(&name, &value);
        }
        for (name, value) in self.pairs(item.get("headers")) {
            sample.add_header(&name, &value);
        }
        for (name, value) in self.headers.iter().rev().flatten() {
            sample.add_header_if_none(name, value);
        }
        if let Some(body) = item.get("body") {
            self.body(body, &mut sample);
        }
        let own = item.get("authentication").filter(|a| is_told(a));
        if let Some(auth) = own.or(auth) {
            self.auth(auth, &mut sample);
        }
        self.list.push(sample);
    }

    /// `/orders/:id`, by `[{"name": "id", "value": "7"}]`.
    fn path_parameters(&mut self, path: &str, told: Option<&Value>) -> String {
        let known: BTreeMap<String, String> = self.pairs(told).into_iter().collect();
        let segment = |s: &str| match s.strip_prefix(':').and_then(|n| known.get(n)) {
            Some(value) => value.replace('/', "%2F").replace('?', "%3F"),
            None => s.to_owned(),
        };
        path.split('/').map(segment).collect::<Vec<_>>().join("/")
    }

    fn pairs(&mut self, list: Option<&Value>) -> Vec<(String, String)> {
        let list = list.and_then(Value::as_array).into_iter().flatten();
        let list = list.filter(|p| p.get("disabled").and_then(Value::as_bool) != Some(true));
        let pairs = list.map(|p| (self.filled(p.get("name")), self.filled(p.get("value"))));
        pairs.filter(|(n, _)| !n.is_empty()).collect()
    }

    fn body(&mut self, body: &Value, sample: &mut Sample) {
        let media = self.filled(body.get("mimeType"));
        match media.as_str() {
            "application/x-www-form-urlencoded" => {
                let pairs = self.pairs(body.get("params"));
                sample.body =
                    form::urlencoded(pairs.iter().map(|(n, v)| (n.as_str(), v.as_str()))).into_bytes();
            }
            "multipart/form-data" => {
                let mut parts = Vec::new();
                let told = body.get("params").and_then(Value::as_array).into_iter().flatten();
                for p in told.filter(|p| p.get("disabled").and_then(Value::as_bool) != Some(true)) {
                    let name = self.filled(p.get("name"));
                    let is_file = p.get("type").and_then(Value::as_str) == Some("file");
                    let (value, file) = if is_file {
                        let file = self.filled(p.get("fileName"));
                        self.notes.file(&file);
                        (Vec::new(), Some(form::file_name(&file).to_owned()))
                    } else {
                        (self.filled(p.get("value")).into_bytes(), None)
                    };
                    parts.push(form::Part { name, value, file, media: None });
                }
                if parts.is_empty() {
                    return;
                }
                let (media, body) = form::multipart(&parts);
                sample.body = body;
                sample.headers.retain(|(n, _)| !n.eq_ignore_ascii_case("content-type"));
                sample.add_header("Content-Type", &media);
                return;
            }
            "application/graphql" => {
                // The text is JSON of query and variables.
                let written = self.filled(body.get("text"));
                let told: Value = serde_json::from_str(&written).unwrap_or(Value::Null);
                sample.body = match told.get("query") {
                    Some(query) => {
                        let variables = match told.get("variables") {
                            Some(Value::String(s)) => serde_json::from_str(s).unwrap_or(Value::Null),
                            Some(v) => v.clone(),
                            None => Value::Null,
                        };
                        graphql(&text(Some(query)), variables, &text(told.get("operationName")))
                    }
                    None => written.into_bytes(),
                };
                sample.headers.retain(|(n, _)| !n.eq_ignore_ascii_case("content-type"));
                sample.add_header("Content-Type", "application/json");
                return;
            }
            _ => {
                if let Some(file) = body.get("fileName").and_then(Value::as_str).filter(|f| !f.is_empty()) {
                    self.notes.file(file);
                }
                sample.body = self.filled(body.get("text")).into_bytes();
            }
        }
        if !media.is_empty() && !sample.body.is_empty() {
            sample.add_header_if_none("Content-Type", &media);
        }
    }

    fn auth(&mut self, auth: &Value, sample: &mut Sample) {
        if auth.get("disabled").and_then(Value::as_bool) == Some(true)
            || sample.header("authorization").is_some()
        {
            return;
        }
        let kind = auth.get("type").and_then(Value::as_str).unwrap_or_default();
        match kind {
            "" | "none" => {}
            "bearer" | "singleToken" => {
                let (token, prefix) = (self.filled(auth.get("token")), self.filled(auth.get("prefix")));
                let prefix = if prefix.trim().is_empty() { "Bearer" } else { prefix.trim() };
                sample.add_header("Authorization", &format!("{prefix} {token}"));
            }
            "basic" => {
                let (name, password) = (self.filled(auth.get("username")), self.filled(auth.get("password")));
                sample.add_basic(&name, &password);
            }
            "apikey" => {
                let (name, value) = (self.filled(auth.get("key")), self.filled(auth.get("value")));
                match auth.get("addTo").and_then(Value::as_str) {
                    Some("queryParams") => sample.add_query(&name, &value),
                    Some("cookie") => sample.add_header("Cookie", &format!("{name}={value}")),
                    _ => sample.add_header_if_none(&name, &value),
                }
            }
            "oauth2" => {
                let token = self.filled(auth.get("accessToken"));
                if token.is_empty() {
                    self.notes.no_token();
                } else {
                    sample.add_header("Authorization", &format!("Bearer {token}"));
                }
            }
            other => self.notes.no_credentials(other),
        }
    }

    fn filled(&mut self, value: Option<&Value>) -> String {
        let value = text(value);
        let value = self.tags(&value);
        self.filler.fill(&value, &mut self.notes)
    }

    /// Template tags (`{% uuid 'v4' %}`): those that make something up give always the same, others stay and are named.
    fn tags(&mut self, value: &str) -> String {
        let mut out = String::new();
        let mut rest = value;
        while let Some((before, tag, after)) = rest.split_once("{%").and_then(|(b, t)| {
            let (tag, after) = t.split_once("%}")?;
            Some((b, tag, after))
        }) {
            out.push_str(before);
            let name = tag.split_whitespace().next().unwrap_or_default();
            match name {
                "uuid" => out.push_str("{{ $guid }}"),
                "timestamp" => out.push_str("{{ $timestamp }}"),
                "now" if tag.contains("unix") || tag.contains("millis") => out.push_str("{{ $timestamp }}"),
                "now" => out.push_str("{{ $isoTimestamp }}"),
                _ => {
                    self.notes.tag(&format!("{{% {name} … %}}"));
                    out.push_str("{%");
                    out.push_str(tag);
                    out.push_str("%}");
                }
            }
            rest = after;
        }
        out.push_str(rest);
        out
    }
}

/// An empty object is what the folder has.
fn is_told(auth: &Value) -> bool {
    auth.get("type").and_then(Value::as_str).is_some_and(|t| !t.is_empty() && t != "inherit")
}

fn named(of: &Value, folder: &str) -> String {
    let name = text(of.get("name"));
    if folder.is_empty() { name } else { format!("{folder} / {name}") }
}

/// Sort keys are numbers, negative ones and fractions too.
fn sort_key(key: Option<&Value>) -> i64 {
    #[allow(clippy::cast_possible_truncation)] // It saturates; an order is enough.
    key.and_then(Value::as_f64).map_or(0, |k| (k * 1_000.0) as i64)
}

/// `{"user": {"name": "ada"}, "list": [1]}` → `user.name`, `list[0]`, `list.0`, and the objects themselves as JSON.
fn flat(data: Option<&Value>) -> BTreeMap<String, String> {
    let mut out = BTreeMap::new();
    if let Some(data @ Value::Object(_)) = data {
        flatten("", data, 0, &mut out);
    }
    out
}

fn flatten(name: &str, value: &Value, depth: usize, out: &mut BTreeMap<String, String>) {
    if depth > ENVIRONMENT_DEPTH_MAX || out.len() >= VALUES_MAX {
        return;
    }
    match value {
        Value::Object(o) => {
            for (k, v) in o {
                flatten(&if name.is_empty() { k.clone() } else { format!("{name}.{k}") }, v, depth + 1, out);
            }
        }
        Value::Array(l) => {
            for (i, v) in l.iter().enumerate() {
                flatten(&format!("{name}[{i}]"), v, depth + 1, out);
                flatten(&format!("{name}.{i}"), v, depth + 1, out);
            }
        }
        v => {
            out.insert(name.to_owned(), text(Some(v)));
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// As Insomnia exports version 4.
    pub const FOUR: &str = include_str!("../../tests/collections/insomnia-4.json");

    /// As Insomnia exports version 5.
    pub const FIVE: &str = include_str!("../../tests/collections/insomnia-5.yaml");

    #[test]
    fn version_4_is_a_list_with_parents() {
        let all = read(FOUR, &BTreeMap::new()).unwrap();
        let [one, create, graph] = &all.list[..] else { panic!("{:?}", all.list) };
        assert_eq!(
            (one.name.as_str(), one.url.as_str()),
            ("Orders / one", "http://localhost:3000/orders/7?expand=a+b")
        );
        assert_eq!(one.header("authorization"), Some("Bearer t"));
        assert_eq!((one.header("x-tenant"), one.header("user-agent")), (Some("new"), Some("insomnia/9.3.3")));
        let body = String::from_utf8_lossy(&create.body).into_owned();
        assert!(
            body.starts_with(r#"{"id":"8f14e45f-ceea-467f-a0e6-1f0c2b6d9a3e","kind":"new","r":"{% response"#),
            "{body}"
        );
        assert_eq!(graph.body, br#"{"query":"{ a }","variables":{"n":1}}"#);
        assert_eq!(graph.header("authorization"), Some("Basic YWRhOnM="));
        assert_eq!(
            all.notes,
            [
                "One script is not run; what it would set is not set.",
                "What is evaluated at sending is not evaluated and stays as it is written: {% response … %}.",
                "Of the environments dev holds; prod would be others.",
            ]
        );
        let given = BTreeMap::from([("base".to_owned(), "http://mine".to_owned())]);
        assert_eq!(read(FOUR, &given).unwrap().list[1].url, "http://mine/orders");
    }

    #[test]
    fn version_5_is_a_tree() {
        let all = read(FIVE, &BTreeMap::new()).unwrap();
        let [create, upload] = &all.list[..] else { panic!("{:?}", all.list) };
        assert_eq!(
            (create.name.as_str(), create.url.as_str()),
            ("Orders / create", "https://shop.example/orders")
        );
        assert_eq!(create.body, b"{\n  \"kind\": \"no\"\n}");
        assert_eq!(create.header("x-key"), Some("k"));
        assert!(String::from_utf8_lossy(&upload.body).contains("name=\"title\"\r\n\r\non\r\n"));
        assert_eq!(upload.header("x-key"), None);
        assert_eq!(all.notes.len(), 2, "{:?}", all.notes);
    }

    #[test]
    fn version_4_may_be_yaml() {
        let text = "{_type: export, __export_format: 4, resources: [{_id: r, parentId: w, url: 'http://h/a', name: a, \
                    method: GET, _type: request}, {_id: w, parentId: null, _type: workspace}]}";
        assert_eq!(read(text, &BTreeMap::new()).unwrap().list[0].url, "http://h/a");
        assert!(read("\u{feff}{\"resources\": []}", &BTreeMap::new()).is_ok());
    }

    #[test]
    fn folders_in_a_circle_end() {
        let text = r#"{"resources":[{"_id":"a","parentId":"a","_type":"request_group","name":"a"},
          {"_id":"w","parentId":null,"_type":"workspace"},{"_id":"b","parentId":"w","_type":"request_group","name":"b"},
          {"_id":"b","parentId":"b","_type":"request_group","name":"c"},{"_id":"r","parentId":"b","url":"http://h","_type":"request"}]}"#;
        let all = read(text, &BTreeMap::new()).unwrap();
        assert!(all.list.len() <= DEPTH_MAX && !all.notes.is_empty());
    }

    #[test]
    fn what_is_no_export_is_refused_with_a_reason() {
        assert!(read("a: 1", &BTreeMap::new()).unwrap_err().contains("resources"));
        assert!(read("a: [", &BTreeMap::new()).unwrap_err().contains("no YAML"));
        let bomb = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e]\ng: [*f,*f,*f,*f,*f,*f,*f,*f]\n";
        assert!(read(bomb, &BTreeMap::new()).is_err());
    }
}
