//! Datadog's intake of logs, as its agent, its libraries and shippers send them without an agent.
//!
//! ```text
//! POST /api/v2/logs HTTP/1.1
//! DD-API-KEY: 0123456789
//!
//! [{"status":"error","ddsource":"python","ddtags":"env:production,version:4.8.1","hostname":"web-1","service":"storefront",
//!   "error_kind":"KeyError","message":"ERROR storefront Exception on /orders [POST]\nTraceback …"}]
//! ```
//!
//! Sources: docs.datadoghq.com "Send logs" (API v1 and v2), "Log attributes and aliasing"; the browser SDK sends NDJSON as
//! text/plain, with key and tags in the query; Heroku's drains are sent there too (`application/logplex-1`).

use crate::entry::{self, Around};
use crate::{Access, Answer, Head, Refusal, Taken, Wire, logplex, query};
use record::Time;

pub(crate) struct DatadogLogs;

/// `/api/v2/logs`; agents behind a proxy have a path before it.
fn is_v2(path: &str) -> bool {
    path.trim_end_matches('/').ends_with("/api/v2/logs")
}

/// `/v1/input`, `/v1/input/TOKEN`: what stands behind it, empty if nothing does.
fn v1_token(path: &str) -> Option<&str> {
    let (before, after) = path.split_once("/v1/input")?;
    let token = after.strip_prefix('/').or_else(|| after.is_empty().then_some(after))?;
    (matches!(before, "" | "/api") && !token.trim_end_matches('/').contains('/'))
        .then_some(token.trim_end_matches('/'))
}

impl Wire for DatadogLogs {
    fn name(&self) -> &'static str {
        "datadog logs"
    }

    fn knows(&self, head: &Head) -> bool {
        let asks = head.method == "GET" && head.path.ends_with("/api/v1/validate");
        asks || head.method == "POST" && (is_v2(&head.path) || v1_token(&head.path).is_some())
    }

    fn access(&self, head: &Head, _body: &[u8]) -> Access {
        let query = || head.param("dd-api-key").or_else(|| head.param("api_key"));
        let path = || v1_token(&head.path).filter(|t| !t.is_empty());
        let key = head.header("dd-api-key").or_else(query).or_else(path);
        Access { project: None, key: key.map(str::to_owned) }
    }

    fn read(&self, head: &Head, body: &[u8], now: Time) -> Result<Taken, Refusal> {
        let mut taken = Taken { answer: answer(head), ..Taken::default() };
        if head.method == "GET" {
            // Agents and libraries ask first whether their key is one; a wrong one does not come so far.
            taken.answer = Answer::new(200, "application/json", "{\"valid\":true}");
            return Ok(taken);
        }
        if let Some(tags) = query::param(head, "ddtags") {
            entry::tagged(&tags, &mut taken);
        }
        if logplex::is_logplex(head) {
            logplex::frames(body, head, now, &mut taken);
            return Ok(taken);
        }
        let around = Around {
            stream: "datadog".into(),
            peer: &head.peer,
            service: query::param(head, "service"),
            node: query::param(head, "hostname"),
            ..Around::default()
        };
        entry::all(body, &around, now, &mut taken);
        Ok(taken)
    }

    fn refuse(&self, _head: &Head, status: u16, why: &str, retry_s: Option<u64>) -> Answer {
        let body = serde_json::json!({ "errors": [why] }).to_string();
        let mut answer = Answer::new(status, "application/json", body);
        answer.headers.extend(retry_s.map(|s| ("retry-after", s.to_string())));
        answer
    }
}

fn answer(head: &Head) -> Answer {
    Answer::new(if is_v2(&head.path) { 202 } else { 200 }, "application/json", "{}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(path: &str, query: &str) -> Head {
        Head { method: "POST".into(), path: path.into(), query: query.into(), ..Head::default() }
    }

    fn read(body: &str) -> Taken {
        let now = Time::from_secs(1_795_505_800);
        let head =
            head("/api/v2/logs", "ddsource=nodejs&service=orders%2Dapi&ddtags=env%3Aprod%2Cversion%3A2");
        DatadogLogs.read(&head, body.as_bytes(), now).unwrap()
    }

    #[test]
    fn paths_and_keys() {
        let key = |path: &str, query: &str| {
            let head = head(path, query);
            assert!(DatadogLogs.knows(&head), "{path}");
            (DatadogLogs.access(&head, b"").key, answer(&head).status)
        };
        assert_eq!(key("/v1/input/abc", ""), (Some("abc".into()), 200));
        assert_eq!(key("/v1/input", "api_key=def"), (Some("def".into()), 200));
        assert_eq!(key("/api/v2/logs", "dd-api-key=x&ddsource=y"), (Some("x".into()), 202));
        assert!(!DatadogLogs.knows(&head("/v1/input/a/b", "")));
        assert!(!DatadogLogs.knows(&head("/v1/inputs", "")));
    }

    #[test]
    fn the_message_alone_or_the_whole_object() {
        let t = read(r#"[{"message":"boom","status":"error","hostname":"web-1","service":"shop"},"plain"]"#);
        assert_eq!(t.lines[0].text, "boom");
        assert_eq!(t.lines[0].level, record::Level::Error);
        assert_eq!(t.lines[0].service.as_deref(), Some("shop"));
        assert_eq!((t.lines[1].text.as_str(), t.lines[1].service.as_deref()), ("plain", Some("orders-api")));
        assert_eq!(t.said["environment"], "prod");
        let whole = r#"{"message":"boom","error":{"stack":"Error: x\n  at f (a.js:1:2)"},"http":{"status_code":500}}"#;
        assert_eq!(read(whole).lines[0].text, whole);
        assert_eq!(t.items["log record"], 2);
    }
}
