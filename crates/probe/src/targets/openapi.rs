//! OpenAPI 3.0 and 3.1 (spec.openapis.org/oas) and Swagger 2, as JSON or YAML, read leniently: what is wrong in one operation
//! does not keep the others from being probed.

use crate::json::Json;
use crate::operation::{Body, Description, Link, Operation, Param, Place, Style, Told};
use crate::schema::Schemas;
use serde_json::{Map, Value, json};

/// Operations of one document; the largest public ones (Microsoft Graph) have some 16,000.
const OPERATIONS_MAX: usize = 20_000;

const METHODS: [&str; 8] = ["get", "head", "options", "post", "put", "patch", "delete", "trace"];

/// Reads a document.
///
/// # Errors
/// It is neither JSON nor YAML, or no such document; what and where.
pub fn read(text: &str) -> Result<Description, String> {
    read_at(text, None)
}

/// The same; `base` is the path before those of the document, in place of the one that its first server tells.
///
/// # Errors
/// As [`read`].
pub fn read_at(text: &str, base: Option<&str>) -> Result<Description, String> {
    let document: Value = if text.trim_start().starts_with('{') {
        serde_json::from_str(text).map_err(|e| format!("it is no JSON: {e}"))?
    } else {
        serde_saphyr::from_str(text).map_err(|e| format!("it is no YAML: {e}"))?
    };
    of(document, base)
}

fn of(document: Value, base: Option<&str>) -> Result<Description, String> {
    let version = document.get("openapi").or(document.get("swagger"));
    let version = version.map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned));
    let Some(version) = version else {
        return Err("it names no version: an OpenAPI document has `openapi` or `swagger` at its top".into());
    };
    let old = version.starts_with('2');
    let Some(paths) = document.get("paths").and_then(Value::as_object) else {
        return Err("it has no `paths`, so that nothing can be asked".into());
    };
    let mut out = Description { servers: servers(&document, old), ..Description::default() };
    let schemas = Schemas::of(&document);
    let base = match base {
        Some(b) => b.trim_end_matches('/').to_owned(),
        None => base_path(out.servers.first().map(String::as_str).unwrap_or_default()),
    };
    let reader = Reader { schemas, document: &document, old, base };
    'all: for (path, item) in paths {
        let item = schemas.resolve(item);
        for method in METHODS {
            let Some(told) = item.get(method) else { continue };
            if out.operations.len() == OPERATIONS_MAX {
                out.notes.push(format!(
                    "It tells more than {OPERATIONS_MAX} operations; the others are left out."
                ));
                break 'all;
            }
            out.operations.push(reader.operation(path, method, item, told));
        }
    }
    out.document = document;
    Ok(out)
}

struct Reader<'d> {
    schemas: Schemas<'d>,
    document: &'d Value,
    old: bool,
    base: String,
}

impl Reader<'_> {
    fn operation(&self, path: &str, method: &str, item: &Value, told: &Value) -> Operation {
        let method = method.to_ascii_uppercase();
        let mut op = Operation {
            name: format!("{method} {path}"),
            id: text(told, "operationId"),
            path: format!("{}{path}", self.base),
            method,
            secured: self.secured(told),
            ..Operation::default()
        };
        let mut form: Vec<(Map<String, Value>, bool, bool)> = Vec::new();
        for list in [told, item] {
            for p in list.get("parameters").and_then(Value::as_array).into_iter().flatten() {
                let p = self.schemas.resolve(p);
                let name = text(p, "name").unwrap_or_default();
                match p.get("in").and_then(Value::as_str) {
                    Some("body") => {
                        op.body.get_or_insert_with(|| Body {
                            media: self.media(told, "consumes").swap_remove(0),
                            required: flag(p, "required"),
                            schema: p.get("schema").cloned().unwrap_or_default(),
                            examples: examples(p),
                        });
                    }
                    Some("formData") => {
                        let file = p.get("type").and_then(Value::as_str) == Some("file");
                        let mut one = Map::new();
                        one.insert(name, p.clone());
                        form.push((one, flag(p, "required"), file));
                    }
                    Some(place) => {
                        let known = op.params.iter().any(|q| q.name == name && place_name(q.place) == place);
                        if let Some(param) = self.param(p, name, place).filter(|_| !known) {
                            op.params.push(param);
                        }
                    }
                    None => {}
                }
            }
        }
        if !form.is_empty() {
            op.body.get_or_insert_with(|| self.form(told, form));
        }
        if let Some(body) = told.get("requestBody") {
            op.body = self.body(self.schemas.resolve(body));
        }
        // A hole in the path that nobody described.
        for name in holes(path) {
            if !op.params.iter().any(|p| p.place == Place::Path && p.name == name) {
                op.params.push(Param {
                    name: name.to_owned(),
                    place: Place::Path,
                    required: true,
                    schema: json!({}),
                    examples: Vec::new(),
                    style: Style::Commas,
                });
            }
        }
        for (status, answer) in told.get("responses").and_then(Value::as_object).into_iter().flatten() {
            op.answers.insert(status.clone(), self.told(told, self.schemas.resolve(answer)));
        }
        op
    }

    fn param(&self, p: &Value, name: String, place: &str) -> Option<Param> {
        let place = match place {
            "path" => Place::Path,
            "query" => Place::Query,
            // These are others' business (OpenAPI 3.1 §4.8.12.1); so were Authorization, but who describes it reads it by hand.
            "header" if ["accept", "content-type"].contains(&&*name.to_lowercase()) => {
                return None;
            }
            "header" => Place::Header,
            "cookie" => Place::Cookie,
            _ => return None,
        };
        let content = p.get("content").and_then(Value::as_object).and_then(|c| c.values().next());
        let schema = match (p.get("schema"), content) {
            (Some(s), _) => s.clone(),
            (None, Some(c)) => c.get("schema").cloned().unwrap_or_else(|| json!({})),
            // Swagger 2 writes the schema into the parameter.
            (None, None) => {
                let own = |k: &&String| !["name", "in", "required", "description"].contains(&k.as_str());
                let all = p.as_object().into_iter().flatten();
                Value::Object(all.filter(|(k, _)| own(k)).map(|(k, v)| (k.clone(), v.clone())).collect())
            }
        };
        let exploded = p.get("explode").and_then(Value::as_bool);
        let style = match (content.is_some(), p.get("style").and_then(Value::as_str)) {
            (true, _) => Style::Json,
            (_, Some("deepObject")) => Style::Deep,
            (_, Some("form") | None) if place == Place::Query => match (self.old, exploded) {
                (true, _) if text(p, "collectionFormat").as_deref() != Some("multi") => Style::Commas,
                (_, Some(false)) => Style::Commas,
                _ => Style::Exploded,
            },
            _ => Style::Commas,
        };
        let required = flag(p, "required") || place == Place::Path;
        Some(Param { name, place, required, schema, examples: examples(p), style })
    }

    /// Swagger 2's fields of a form as the body that OpenAPI 3 tells.
    fn form(&self, told: &Value, fields: Vec<(Map<String, Value>, bool, bool)>) -> Body {
        let files = fields.iter().any(|f| f.2);
        let medias = self.media(told, "consumes");
        let is_multipart = files || medias.iter().any(|m| m == "multipart/form-data");
        let must: Vec<String> = fields.iter().filter(|f| f.1).flat_map(|f| f.0.keys().cloned()).collect();
        let all: Map<String, Value> = fields.into_iter().flat_map(|f| f.0).collect();
        let media = if is_multipart { "multipart/form-data" } else { "application/x-www-form-urlencoded" };
        Body {
            media: media.to_owned(),
            required: !must.is_empty(),
            schema: json!({"type": "object", "properties": all, "required": must}),
            examples: Vec::new(),
        }
    }

    /// The body in the media type that can be changed best: JSON, a form, then whatever is first.
    fn body(&self, body: &Value) -> Option<Body> {
        let content = body.get("content").and_then(Value::as_object)?;
        let rank = |media: &str| match media {
            m if crate::operation::is_json(m) => 0,
            "application/x-www-form-urlencoded" => 1,
            "multipart/form-data" => 2,
            _ => 3,
        };
        let (media, told) = content.iter().min_by_key(|(m, _)| rank(&crate::request::media(m)))?;
        let media =
            if media.contains('*') { "application/json".to_owned() } else { crate::request::media(media) };
        Some(Body {
            media,
            required: flag(body, "required"),
            schema: told.get("schema").cloned().unwrap_or_else(|| json!({})),
            examples: examples(told),
        })
    }

    fn told(&self, operation: &Value, answer: &Value) -> Told {
        let media = match answer.get("content").and_then(Value::as_object) {
            Some(c) => c.keys().map(|m| crate::request::media(m)).collect(),
            None if self.old && answer.get("schema").is_some() => self.media(operation, "produces"),
            None => Vec::new(),
        };
        let links = answer.get("links").and_then(Value::as_object).into_iter().flatten();
        let links = links.filter_map(|(_, l)| self.link(self.schemas.resolve(l))).collect();
        Told { media, links }
    }

    fn link(&self, l: &Value) -> Option<Link> {
        let operation = match text(l, "operationId") {
            Some(id) => id,
            // `#/paths/~1items~1{id}/get`
            None => {
                let at = text(l, "operationRef")?;
                let pointed = self.document.pointer(at.strip_prefix('#')?)?;
                text(pointed, "operationId")?
            }
        };
        let told = l.get("parameters").and_then(Value::as_object).into_iter().flatten();
        let params = told
            .filter_map(|(n, e)| {
                // `path.id` names the place too (OpenAPI 3.1 §4.8.20.2).
                let name = n.split_once('.').map_or(n.as_str(), |(_, n)| n);
                Some((name.to_owned(), e.as_str()?.to_owned()))
            })
            .collect();
        Some(Link { operation, params })
    }

    fn secured(&self, told: &Value) -> bool {
        let wants = told.get("security").or(self.document.get("security")).and_then(Value::as_array);
        // An empty requirement among them makes it optional.
        wants.is_some_and(|l| !l.is_empty() && l.iter().all(|s| s.as_object().is_none_or(|o| !o.is_empty())))
    }

    /// Swagger 2's `consumes` or `produces`, at least one.
    fn media(&self, told: &Value, key: &str) -> Vec<String> {
        let list = told.get(key).or(self.document.get(key)).and_then(Value::as_array);
        let mut all: Vec<String> =
            list.into_iter().flatten().filter_map(Value::as_str).map(crate::request::media).collect();
        all.sort_by_key(|m| !crate::operation::is_json(m));
        if all.is_empty() {
            all.push("application/json".to_owned());
        }
        all
    }
}

fn text(v: &Value, key: &str) -> Option<String> {
    v.get(key).and_then(Value::as_str).map(str::to_owned)
}

fn flag(v: &Value, key: &str) -> bool {
    v.get(key).and_then(Value::as_bool) == Some(true)
}

fn place_name(p: Place) -> &'static str {
    match p {
        Place::Path => "path",
        Place::Query => "query",
        Place::Header => "header",
        Place::Cookie => "cookie",
    }
}

/// `example`, `examples` and Swagger's `x-example` of a parameter or a media type.
fn examples(v: &Value) -> Vec<Json> {
    let mut all: Vec<Json> = Vec::new();
    all.extend(v.get("example").map(Json::from));
    all.extend(v.get("x-example").map(Json::from));
    match v.get("examples") {
        Some(Value::Object(o)) => {
            all.extend(o.values().filter_map(|e| e.get("value")).map(Json::from));
        }
        Some(Value::Array(l)) => all.extend(l.iter().map(Json::from)),
        _ => {}
    }
    all
}

/// The names in braces.
fn holes(path: &str) -> impl Iterator<Item = &str> {
    path.split('{').skip(1).filter_map(|rest| rest.split_once('}').map(|(n, _)| n)).filter(|n| !n.is_empty())
}

fn servers(document: &Value, old: bool) -> Vec<String> {
    if old {
        let host = text(document, "host");
        let base = text(document, "basePath").unwrap_or_default();
        let schemes = document.get("schemes").and_then(Value::as_array);
        let scheme = schemes.and_then(|s| s.first()).and_then(Value::as_str).unwrap_or("http");
        return vec![match host {
            Some(h) => format!("{scheme}://{h}{base}"),
            None => base,
        }];
    }
    let list = document.get("servers").and_then(Value::as_array).into_iter().flatten();
    list.filter_map(|s| {
        let mut url = text(s, "url")?;
        for (name, v) in s.get("variables").and_then(Value::as_object).into_iter().flatten() {
            url = url.replace(&format!("{{{name}}}"), &text(v, "default").unwrap_or_default());
        }
        Some(url)
    })
    .collect()
}

/// The path of a server's URL, without the slash at its end.
fn base_path(server: &str) -> String {
    let path = match server.split_once("://") {
        Some((_, rest)) => rest.find('/').and_then(|i| rest.get(i..)).unwrap_or_default(),
        None => server,
    };
    let path = path.trim_end_matches('/');
    if path.is_empty() || path.starts_with('/') { path.to_owned() } else { format!("/{path}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As FastAPI 0.115 writes it, shortened.
    const FASTAPI: &str = r##"{"openapi":"3.1.0","info":{"title":"FastAPI","version":"0.1.0"},"paths":{
      "/items/{item_id}":{"put":{"summary":"Update","operationId":"update_items__item_id__put",
        "parameters":[{"name":"item_id","in":"path","required":true,"schema":{"type":"integer","title":"Item Id"}},
          {"name":"q","in":"query","required":false,"schema":{"anyOf":[{"type":"string"},{"type":"null"}],"title":"Q"}}],
        "requestBody":{"required":true,"content":{"application/json":{"schema":{"$ref":"#/components/schemas/Item"}}}},
        "responses":{"200":{"description":"Successful Response","content":{"application/json":{"schema":{}}}},
          "422":{"description":"Validation Error","content":{"application/json":{"schema":{}}}}}}}},
      "components":{"schemas":{"Item":{"properties":{"name":{"type":"string"},"price":{"type":"number"}},
        "type":"object","required":["name","price"]}}}}"##;

    #[test]
    fn an_operation_is_read_with_its_parameters_and_body() {
        let d = read(FASTAPI).unwrap();
        let op = &d.operations[0];
        assert_eq!(op.name, "PUT /items/{item_id}");
        assert_eq!(
            op.params.iter().map(|p| (p.name.as_str(), p.required)).collect::<Vec<_>>(),
            [("item_id", true), ("q", false)]
        );
        assert!(op.body.as_ref().unwrap().is_json() && op.tells(422) && !op.tells(500));
        assert_eq!(op.noun_before("item_id").as_deref(), Some("item"));
    }

    #[test]
    fn swagger_2_in_yaml_is_read_too() {
        let text = "swagger: '2.0'\nhost: shop.example\nbasePath: /v1\nschemes: [https]\nconsumes: [application/json]\npaths:\n  \
          /pets:\n    post:\n      parameters:\n      - {in: body, name: pet, required: true, schema: {$ref: '#/definitions/Pet'}}\n      \
          responses: {'200': {description: ok}}\n  /pets/{id}/photo:\n    post:\n      parameters:\n      - {in: path, name: id, required: true, type: integer}\n      \
          - {in: formData, name: file, type: file, required: true}\n      responses: {default: {description: ok}}\n\
          definitions:\n  Pet: {type: object, properties: {name: {type: string}}}\n";
        let d = read(text).unwrap();
        assert_eq!(d.servers, ["https://shop.example/v1"]);
        assert_eq!(
            d.operations.iter().map(|o| o.path.as_str()).collect::<Vec<_>>(),
            ["/v1/pets", "/v1/pets/{id}/photo"]
        );
        let photo = &d.operations[1];
        assert_eq!(photo.body.as_ref().unwrap().media, "multipart/form-data");
        assert_eq!(photo.params[0].schema["type"], "integer");
        assert!(photo.tells(500));
    }

    #[test]
    fn what_is_no_description_is_refused_with_a_reason() {
        for (text, said) in
            [("{", "no JSON"), ("{}", "names no version"), (r#"{"openapi":"3.0.0"}"#, "no `paths`")]
        {
            assert!(read(text).unwrap_err().contains(said), "{text}");
        }
    }
}
