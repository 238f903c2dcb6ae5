//! Elasticsearch's bulk intake, and as much of its handshake as shippers ask for before they send.
//!
//! ```text
//! PUT /_bulk HTTP/1.1
//! Content-Type: application/vnd.elasticsearch+x-ndjson; compatible-with=9
//!
//! {"create":{"_index":"logs-storefront-production"}}
//! {"@timestamp":"2026-11-24T07:36:25.689Z","log.level":"error","message":"Exception on /cart/17 [GET]","error":{"stack_trace":"…"}}
//!
//! 200 {"took":0,"errors":false,"items":[{"create":{"_index":"logs-storefront-production","status":201,…}}]}
//! ```
//!
//! Sources: Elasticsearch's REST API "Bulk", "Index", "Info", "License", "Cluster health"; ECS field reference. Clients from 7.14 on
//! go on only if each answer has `X-Elastic-Product: Elasticsearch` (elastic/elasticsearch-py `_validate_product`); Beats compare the
//! version with their own and ask for `_license`, templates and lifecycles; Logstash asks `HEAD /` and `_xpack`; pino-elasticsearch
//! calls `_refresh`.

use crate::body::{Item, Items};
use crate::entry::{self, Around};
use crate::{Access, Answer, Head, Refusal, Taken, Wire, basic};
use formats::{Members, Value};
use record::Time;
use std::fmt::Write;

/// Told to clients that do not tell theirs.
const VERSION: &str = "8.17.0";

pub(crate) struct Elasticsearch;

/// What a path asks for, behind any prefix that a proxy has.
fn asked(path: &str) -> Option<&str> {
    path.split('/').find(|s| {
        matches!(
            *s,
            "_bulk"
                | "_doc"
                | "_create"
                | "_license"
                | "_xpack"
                | "_cluster"
                | "_nodes"
                | "_ilm"
                | "_index_template"
                | "_component_template"
                | "_template"
                | "_ingest"
                | "_data_stream"
                | "_alias"
                | "_aliases"
                | "_refresh"
                | "_flush"
                | "_cat"
                | "_mapping"
                | "_settings"
                | "_security"
                | "_monitoring"
                | "_slm"
                | "_resolve"
        )
    })
}

/// Does one of Elasticsearch's clients ask, rather than a person or a check of our own pages?
fn is_client(head: &Head) -> bool {
    let agent = head.header("user-agent").unwrap_or_default().to_ascii_lowercase();
    let accepts = head.header("accept").unwrap_or_default();
    head.header("x-elastic-client-meta").is_some()
        || head.header("x-elastic-product-origin").is_some()
        || accepts.contains("vnd.elasticsearch")
        || head.authorization("ApiKey").is_some()
        || ["elastic", "opensearch", "manticore", "logstash", "filebeat", "fluent", "rsyslog", "vector/"]
            .iter()
            .any(|name| agent.contains(name))
}

impl Wire for Elasticsearch {
    fn name(&self) -> &'static str {
        "elasticsearch"
    }

    fn knows(&self, head: &Head) -> bool {
        if asked(&head.path).is_some() {
            return true;
        }
        // The root, and an index by name.
        let inner = head.path.trim_matches('/');
        let ours = inner.starts_with("api") || inner.contains('/');
        match head.method.as_str() {
            "GET" | "HEAD" => !ours && is_client(head),
            "PUT" => !ours && !inner.is_empty() && is_client(head),
            _ => false,
        }
    }

    fn access(&self, head: &Head, _body: &[u8]) -> Access {
        match head.authorization("ApiKey") {
            // The identifier and the key, coded; some clients take the coded key as it is.
            Some(coded) => {
                let (id, key) = basic::pair(coded).unwrap_or_default();
                let key = if key.is_empty() { coded.to_owned() } else { key };
                Access { project: (!id.is_empty()).then_some(id), key: Some(key) }
            }
            None => basic::any(head),
        }
    }

    fn read(&self, head: &Head, body: &[u8], now: Time) -> Result<Taken, Refusal> {
        let mut taken = Taken::default();
        let posted = matches!(head.method.as_str(), "POST" | "PUT");
        taken.answer = match asked(&head.path) {
            Some("_bulk") if posted => bulk(head, body, now, &mut taken)?,
            Some("_doc" | "_create") if posted => single(head, body, now, &mut taken)?,
            what => kindly(head, what),
        };
        Ok(taken)
    }

    fn refuse(&self, head: &Head, status: u16, why: &str, retry_s: Option<u64>) -> Answer {
        let kind = match status {
            401 | 403 => "security_exception",
            413 => "content_too_long_exception",
            429 | 503 => "es_rejected_execution_exception",
            _ => "illegal_argument_exception",
        };
        let mut answer = failed(head, status, kind, why);
        answer.headers.extend(retry_s.map(|s| ("retry-after", s.to_string())));
        answer
    }
}

fn answer(head: &Head, status: u16, body: String) -> Answer {
    let version = head.header("accept").and_then(|a| a.split_once("compatible-with=")).map(|(_, v)| v);
    let number: String =
        version.unwrap_or_default().chars().take(2).take_while(char::is_ascii_digit).collect();
    let media_type = if number.is_empty() {
        "application/json".to_owned()
    } else {
        format!("application/vnd.elasticsearch+json;compatible-with={number}")
    };
    let body = if head.method == "HEAD" { String::new() } else { body };
    let mut answer = Answer::new(status, &media_type, body);
    answer.headers.push(("x-elastic-product", "Elasticsearch".into()));
    answer
}

fn failed(head: &Head, status: u16, kind: &str, why: &str) -> Answer {
    let error =
        serde_json::json!({ "type": kind, "reason": why, "root_cause": [{ "type": kind, "reason": why }] });
    answer(head, status, serde_json::json!({ "error": error, "status": status }).to_string())
}

/// The version of which a client is: Beats send to none that is older, other clients to none of another major version.
fn version(head: &Head) -> String {
    let agent = head.header("user-agent").unwrap_or_default();
    let is_version = |v: &str| {
        v.len() <= 16
            && v.split('.').count() == 3
            && v.split('.').all(|p| !p.is_empty() && p.bytes().all(|c| c.is_ascii_digit()))
    };
    // "Elastic-filebeat/9.1.2 (linux; amd64; …)", "elasticsearch-py/9.5.1 (…)".
    let said = agent.split_once('/').filter(|(name, _)| name.to_ascii_lowercase().contains("elastic"));
    let said = said.map(|(_, rest)| rest.split([' ', '-', '+']).next().unwrap_or_default());
    if let Some(v) = said.filter(|v| is_version(v)) {
        return v.to_owned();
    }
    let accept = head.header("accept").unwrap_or_default();
    match accept.split_once("compatible-with=").and_then(|(_, v)| v.get(..1)) {
        Some("7") => "7.17.0".to_owned(),
        Some("9") => "9.0.0".to_owned(),
        _ => VERSION.to_owned(),
    }
}

/// What is asked beside the documents: all is in order here.
fn kindly(head: &Head, what: Option<&str>) -> Answer {
    let reads = matches!(head.method.as_str(), "GET" | "HEAD");
    let index = head.path.trim_matches('/');
    let body = match what {
        None if reads && index.is_empty() => {
            let number = version(head);
            let lucene = if number.starts_with('9') { "10.1.0" } else { "9.12.0" };
            serde_json::json!({
                "name": "why500", "cluster_name": "why500", "cluster_uuid": "d2h5NTAwLXdoeTUwMA",
                "version": {
                    "number": number, "build_flavor": "default", "build_type": "docker", "build_hash": "0000000",
                    "build_date": "2025-01-01T00:00:00.000Z", "build_snapshot": false, "lucene_version": lucene,
                    "minimum_wire_compatibility_version": "7.17.0",
                    "minimum_index_compatibility_version": "7.0.0",
                },
                "tagline": "You Know, for Search",
            })
        }
        Some("_license") => serde_json::json!({
            "license": { "status": "active", "uid": "d2h5NTAwLXdoeTUwMA", "type": "basic", "mode": "basic",
                "issue_date_in_millis": 0, "max_nodes": 1000, "issued_to": "why500", "issuer": "elasticsearch" }
        }),
        Some("_xpack") => serde_json::json!({
            "build": { "hash": "0000000", "date": "2025-01-01T00:00:00.000Z" },
            "license": { "uid": "d2h5NTAwLXdoeTUwMA", "type": "basic", "mode": "basic", "status": "active" },
            "features": { "ilm": { "available": true, "enabled": true }, "data_streams": { "available": true, "enabled": true } },
            "tagline": "You know, for X"
        }),
        Some("_cluster") => serde_json::json!({
            "cluster_name": "why500", "status": "green", "timed_out": false, "number_of_nodes": 1,
            "number_of_data_nodes": 1, "active_primary_shards": 1, "active_shards": 1, "relocating_shards": 0,
            "initializing_shards": 0, "unassigned_shards": 0, "number_of_pending_tasks": 0,
            "active_shards_percent_as_number": 100.0
        }),
        Some("_nodes") => serde_json::json!({
            "_nodes": { "total": 1, "successful": 1, "failed": 0 }, "cluster_name": "why500", "nodes": {}
        }),
        Some("_cat") => {
            let mut plain = answer(head, 200, "why500 green 1 1\n".into());
            plain.headers.retain(|(n, _)| *n != "content-type");
            plain.headers.push(("content-type", "text/plain; charset=UTF-8".into()));
            return plain;
        }
        Some("_refresh" | "_flush") => {
            serde_json::json!({ "_shards": { "total": 1, "successful": 1, "failed": 0 } })
        }
        Some("_bulk" | "_doc" | "_create") => {
            return failed(head, 405, "method_not_allowed", "documents are sent with POST or PUT");
        }
        Some("_index_template") if reads => serde_json::json!({ "index_templates": [] }),
        Some("_data_stream") if reads => serde_json::json!({ "data_streams": [] }),
        Some(_) if reads => serde_json::json!({}),
        _ => serde_json::json!({ "acknowledged": true, "shards_acknowledged": true, "index": index }),
    };
    answer(head, 200, body.to_string())
}

/// The index of a path: what stands before `_bulk`.
fn index(path: &str) -> &str {
    let mut before = "";
    for part in path.split('/').filter(|p| !p.is_empty()) {
        if part.starts_with('_') {
            return before;
        }
        before = part;
    }
    before
}

const ACTIONS: [&str; 4] = ["index", "create", "update", "delete"];

/// An action's line: its kind, index, document's id.
fn action(line: &str) -> Option<(&str, Option<Value<'_>>, Option<Value<'_>>)> {
    let (kind, value) = Members::of(line).next().filter(|(k, _)| ACTIONS.contains(k))?;
    let (mut index, mut id) = (None, None);
    for (key, value) in value.object()? {
        match key {
            "_index" => index = Some(value),
            "_id" => id = Some(value),
            _ => {}
        }
    }
    Some((kind, index, id))
}

fn bulk(head: &Head, body: &[u8], now: Time, taken: &mut Taken) -> Result<Answer, Refusal> {
    let body = String::from_utf8_lossy(body);
    let around = Around { stream: "elasticsearch".into(), peer: &head.peer, ..Around::default() };
    let own_index = index(&head.path);
    let (mut n, mut errors, mut written) = (0u64, false, 0u64);
    let mut items = String::new();
    let mut lines = Items::of(&body);
    while let Some(line) = lines.next() {
        let Some((kind, index, id)) = (match &line {
            Item::Object(o) => action(o),
            Item::Text(_) => None,
        }) else {
            if n == 0 {
                let why = format!(
                    "Malformed action/metadata line [{}], expected one of [create, delete, index, update]",
                    n + 1
                );
                return Err(Refusal { answer: failed(head, 400, "illegal_argument_exception", &why), why });
            }
            taken.drop("a line of a bulk that is no action");
            continue;
        };
        let read = match kind {
            "delete" => true,
            _ => match lines.next() {
                Some(Item::Object(o)) => {
                    entry::object(document(kind, o), &around, now, taken);
                    written += 1;
                    true
                }
                _ => {
                    taken.drop("an action of a bulk without its document");
                    false
                }
            },
        };
        errors |= !read;
        n += 1;
        item(&mut items, kind, index.map(text).unwrap_or(own_index), id.map(text), (now, n), read);
    }
    if n == 0 {
        let why = "request body is required".to_owned();
        return Err(Refusal { answer: failed(head, 400, "parse_exception", &why), why });
    }
    entry::count(written, taken);
    Ok(answer(head, 200, format!("{{\"took\":0,\"errors\":{errors},\"items\":[{items}]}}")))
}

/// A value as it stands in JSON, without its quotes.
fn text(value: Value<'_>) -> &str {
    let (Value::Text(raw) | Value::Raw(raw)) = value;
    raw
}

/// Of an update, what it would write.
fn document<'a>(kind: &str, whole: &'a str) -> &'a str {
    if kind != "update" {
        return whole;
    }
    let found = Members::of(whole).find(|(k, v)| matches!(*k, "doc" | "upsert") && v.object().is_some());
    found.map_or(whole, |(_, v)| text(v))
}

/// One item of the answer. Index and id came as JSON and go as they came.
fn item(out: &mut String, kind: &str, index: &str, id: Option<&str>, (now, n): (Time, u64), read: bool) {
    if !out.is_empty() {
        out.push(',');
    }
    let own = format!("{:x}-{n}", now.0);
    let id = id.filter(|i| !i.is_empty() && *i != "null").unwrap_or(&own);
    let (result, status) = match kind {
        "delete" => ("deleted", 200),
        "update" => ("updated", 200),
        _ => ("created", 201),
    };
    // Writing to a String cannot fail.
    let _ = if read {
        write!(
            out,
            "{{\"{kind}\":{{\"_index\":\"{index}\",\"_id\":\"{id}\",\"_version\":1,\"result\":\"{result}\",\"_shards\":{{\"total\":1,\
             \"successful\":1,\"failed\":0}},\"_seq_no\":{n},\"_primary_term\":1,\"status\":{status}}}}}"
        )
    } else {
        write!(
            out,
            "{{\"{kind}\":{{\"_index\":\"{index}\",\"_id\":\"{id}\",\"status\":400,\"error\":{{\"type\":\"document_parsing_exception\",\
             \"reason\":\"the document is no JSON object\"}}}}}}"
        )
    };
}

fn single(head: &Head, body: &[u8], now: Time, taken: &mut Taken) -> Result<Answer, Refusal> {
    let body = String::from_utf8_lossy(body);
    let Some(Item::Object(document)) = Items::of(&body).next() else {
        let why = "the document is no JSON object".to_owned();
        return Err(Refusal { answer: failed(head, 400, "document_parsing_exception", &why), why });
    };
    let around = Around { stream: "elasticsearch".into(), peer: &head.peer, ..Around::default() };
    entry::object(document, &around, now, taken);
    entry::count(1, taken);
    let id = head.path.split('/').skip_while(|s| !s.starts_with('_')).nth(1).filter(|i| !i.is_empty());
    let id = id.map_or_else(|| format!("{:x}", now.0), str::to_owned);
    let said = serde_json::json!({
        "_index": index(&head.path), "_id": id, "_version": 1, "result": "created",
        "_shards": { "total": 1, "successful": 1, "failed": 0 }, "_seq_no": 0, "_primary_term": 1
    });
    Ok(answer(head, 201, said.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(method: &str, path: &str, headers: &[(&str, &str)]) -> Head {
        let headers = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        Head { method: method.into(), path: path.into(), headers, ..Head::default() }
    }

    fn send(head: &Head, body: &str) -> Result<Taken, Refusal> {
        assert!(Elasticsearch.knows(head), "{} {}", head.method, head.path);
        Elasticsearch.read(head, body.as_bytes(), Time::from_secs(1_795_505_860))
    }

    fn json(taken: &Taken) -> serde_json::Value {
        serde_json::from_slice(&taken.answer.body).unwrap()
    }

    #[test]
    fn actions_of_all_kinds_and_ecs_documents() {
        let body = concat!(
            "{\"index\":{\"_index\":\"logs\",\"_id\":\"a\\\"b\"}}\n",
            "{\"@timestamp\":\"2026-11-24T07:36:25.689Z\",\"log\":{\"level\":\"error\"},\"message\":\"boom\",\"service\":{\"name\":\"shop\"},\"host\":{\"name\":\"web-1\"},\"process\":{\"pid\":7}}\n",
            "{\"create\":{}}\n",
            "{\"message\":\"Exception\",\"error\":{\"type\":\"KeyError\",\"stack_trace\":\"x\"}}\n",
            "{\"delete\":{\"_id\":\"1\"}}\n",
            "{\"update\":{\"_id\":\"2\"}}\n",
            "{\"doc\":{\"message\":\"up\"}}\n",
        );
        let taken = send(&head("POST", "/shop/_bulk", &[]), body).unwrap();
        let said = json(&taken);
        assert_eq!(said["errors"], false);
        assert_eq!(said["items"][0]["index"]["_id"], "a\"b");
        assert_eq!(said["items"][1]["create"]["_index"], "shop");
        assert_eq!(said["items"][2]["delete"]["status"], 200);
        assert_eq!(taken.lines.len(), 3);
        let first = &taken.lines[0];
        assert_eq!(
            (first.text.as_str(), first.service.as_deref(), first.node.as_deref(), first.pid.as_deref()),
            ("boom", Some("shop"), Some("web-1"), Some("7"))
        );
        assert_eq!(first.level, record::Level::Error);
        assert!(taken.lines[1].text.contains("stack_trace"));
        assert_eq!(taken.lines[2].text, "up");
    }

    #[test]
    fn what_clients_ask_before_they_send() {
        let beat = [("user-agent", "Elastic-filebeat/9.1.2 (linux; amd64)"), ("accept", "application/json")];
        let taken = send(&head("GET", "/", &beat), "").unwrap();
        assert_eq!(json(&taken)["version"]["number"], "9.1.2");
        assert!(taken.answer.headers.contains(&("x-elastic-product", "Elasticsearch".into())));
        for (method, path) in [
            ("GET", "/_license"),
            ("GET", "/_xpack"),
            ("GET", "/_cluster/health"),
            ("PUT", "/_index_template/filebeat-9.1.2"),
            ("GET", "/_ilm/policy/filebeat"),
            ("HEAD", "/_data_stream/filebeat"),
            ("GET", "/logs/_refresh"),
            ("GET", "/_cat/health"),
        ] {
            assert_eq!(send(&head(method, path, &[]), "").unwrap().answer.status, 200, "{path}");
        }
        assert!(!Elasticsearch.knows(&head("GET", "/", &[("user-agent", "Mozilla/5.0")])));
        assert!(!Elasticsearch.knows(&head("GET", "/problems/1", &beat)));
        let py = [("accept", "application/vnd.elasticsearch+json; compatible-with=9")];
        let taken = send(&head("POST", "/logs/_doc/7", &py), "{\"message\":\"x\"}").unwrap();
        assert_eq!((taken.answer.status, json(&taken)["_id"].as_str()), (201, Some("7")));
        assert!(taken.answer.headers.iter().any(|(_, v)| v.ends_with("compatible-with=9")));
    }

    #[test]
    fn malformed_bulks() {
        let bulk = head("POST", "/_bulk", &[]);
        for body in ["", "x", "{\"a\":1}\n", "{", "[[[[", "{\"index\":1}\n{}\n"] {
            assert_eq!(send(&bulk, body).unwrap_err().answer.status, 400, "{body}");
        }
        let part =
            send(&bulk, "{\"index\":{}}\nnot json\n{\"index\":{}}\n{\"message\":\"x\"}\n{\"index\":{}}")
                .unwrap();
        assert_eq!(json(&part)["errors"], true);
        assert_eq!((part.lines.len(), json(&part)["items"].as_array().unwrap().len()), (1, 3));
    }

    #[test]
    fn keys() {
        let key = |value: &str| Elasticsearch.access(&head("GET", "/", &[("authorization", value)]), b"");
        assert_eq!(key("ApiKey d2lyZTp3aXJl").key.as_deref(), Some("wire"));
        assert_eq!(key("ApiKey abc").key.as_deref(), Some("abc"));
        assert_eq!(key("Bearer t").key.as_deref(), Some("t"));
    }
}
