//! An issue on GitHub per problem: opened, commented on when it becomes worse, closed when it is over, reopened when it is back.
//!
//! Source: docs.github.com/rest/issues: "Create an issue", "Update an issue" (`state`, `state_reason`), "Create an issue comment";
//! a title has 256 characters; "Best practices": a second between writes. The token needs *Issues: write* on the repository. Enterprise: `api = "https://HOST/api/v3"`.

use super::{Channel, Delivery, Outgoing, Refusal, Resolve, base, header, json, markdown, settings};
use crate::config::Secret;
use crate::notice::{Event, Notice, cut};
use serde::Deserialize;
use serde_json::{Value, json as object};

/// Characters of an issue's title; GitHub refuses more.
const TITLE_CHARS_MAX: usize = 256;
/// Seconds to wait when a limit is told without an end ("Rate limits for the REST API").
const LIMITED_S: u64 = 60;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    repository: String,
    token: Secret,
    #[serde(default)]
    labels: Vec<String>,
    api: Option<String>,
}

struct GitHub {
    issues: String,
    token: String,
    labels: Vec<String>,
}

pub(super) fn build(table: toml::Table, resolve: Resolve<'_>) -> Result<Box<dyn Channel>, String> {
    let set: Settings = settings(table)?;
    let api = base("api", set.api.as_deref().unwrap_or("https://api.github.com"))?;
    let plain = |p: &str| {
        !p.is_empty() && p.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
    };
    let named = set.repository.split_once('/').is_some_and(|(owner, name)| plain(owner) && plain(name));
    if !named {
        return Err("`repository`: OWNER/NAME is expected".to_owned());
    }
    let issues = format!("{api}/repos/{}/issues", set.repository);
    Ok(Box::new(GitHub { issues, token: header("token", resolve(&set.token)?)?, labels: set.labels }))
}

impl GitHub {
    fn call(&self, method: &'static str, path: &str, body: &Value) -> Outgoing {
        let headers = vec![
            ("accept", "application/vnd.github+json".to_owned()),
            ("authorization", format!("Bearer {}", self.token)),
            ("x-github-api-version", "2022-11-28".to_owned()),
        ];
        json(method, format!("{}{path}", self.issues), headers, body)
    }
}

impl Channel for GitHub {
    fn outgoing(&self, n: &Notice, d: &Delivery) -> Vec<Outgoing> {
        let Some(number) = d.before.as_ref().and_then(|id| id.parse::<u64>().ok()) else {
            // What is over before there was an issue needs none.
            if n.event == Event::Closed {
                return Vec::new();
            }
            let title = cut(&markdown::headline(n), TITLE_CHARS_MAX);
            let body = object!({ "title": title, "body": markdown::body(n), "labels": self.labels });
            return vec![self.call("POST", "", &body)];
        };
        let issue = format!("/{number}");
        let comment =
            self.call("POST", &format!("{issue}/comments"), &object!({ "body": markdown::comment(n) }));
        // The state first: set twice it is the same, while a comment would be there twice.
        match n.event {
            Event::Closed => {
                vec![
                    self.call("PATCH", &issue, &object!({ "state": "closed", "state_reason": "completed" })),
                    comment,
                ]
            }
            Event::Opened => vec![self.call("PATCH", &issue, &object!({ "state": "open" })), comment],
            Event::Escalated | Event::Updated => vec![comment],
        }
    }

    fn reference(&self, answer: &str) -> Option<String> {
        let doc: Value = serde_json::from_str(answer).ok()?;
        doc["number"].as_u64().map(|n| n.to_string())
    }

    fn holds_open(&self) -> bool {
        true
    }

    /// Limits are told by 403 or 429: by `Retry-After`, else by when the window ends, else it is to be a minute at least.
    fn wait_s(&self, r: &Refusal<'_>) -> Option<u64> {
        let header = |name| (r.header)(name).and_then(|v| v.trim().parse::<i64>().ok());
        if !matches!(r.status, 403 | 429) {
            return None;
        }
        if header("x-ratelimit-remaining") == Some(0)
            && let Some(reset) = header("x-ratelimit-reset")
        {
            return u64::try_from(reset.saturating_sub(r.at.secs()).max(1)).ok();
        }
        (r.status == 429 || r.answer.contains("rate limit")).then_some(LIMITED_S)
    }

    /// Moved, not to be seen, deleted.
    fn is_gone(&self, status: u16) -> bool {
        matches!(status, 301 | 404 | 410)
    }

    fn gap_s(&self) -> u64 {
        1
    }
}
