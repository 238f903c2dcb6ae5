//! An issue on GitLab per problem: opened, commented on when it becomes worse, closed when it is over, reopened when it is back.
//!
//! Source: docs.gitlab.com/api/issues: "New issue", "Edit an issue" (`state_event`); docs.gitlab.com/api/notes; a title has 255
//! characters. The token needs the scope `api` and at least the role Reporter (Planner to close). A line that begins with `/` would be a
//! quick action: none of ours does.

use super::{Channel, Delivery, Outgoing, Resolve, base, header, json, markdown, percent, settings};
use crate::config::Secret;
use crate::notice::{Event, Notice, cut};
use serde::Deserialize;
use serde_json::{Value, json as object};

/// Characters of an issue's title; GitLab refuses more.
const TITLE_CHARS_MAX: usize = 255;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    project: String,
    token: Secret,
    #[serde(default)]
    labels: Vec<String>,
    server: Option<String>,
}

struct GitLab {
    issues: String,
    token: String,
    labels: Vec<String>,
}

pub(super) fn build(table: toml::Table, resolve: Resolve<'_>) -> Result<Box<dyn Channel>, String> {
    let set: Settings = settings(table)?;
    let server = base("server", set.server.as_deref().unwrap_or("https://gitlab.com"))?;
    let project = set.project.trim().trim_matches('/');
    if project.is_empty() {
        return Err("`project`: its number or GROUP/NAME is expected".to_owned());
    }
    let issues = format!("{server}/api/v4/projects/{}/issues", percent(project));
    Ok(Box::new(GitLab { issues, token: header("token", resolve(&set.token)?)?, labels: set.labels }))
}

impl GitLab {
    fn call(&self, method: &'static str, path: &str, body: &Value) -> Outgoing {
        json(method, format!("{}{path}", self.issues), vec![("private-token", self.token.clone())], body)
    }
}

impl Channel for GitLab {
    fn outgoing(&self, n: &Notice, d: &Delivery) -> Vec<Outgoing> {
        let Some(number) = d.before.as_ref().and_then(|id| id.parse::<u64>().ok()) else {
            if n.event == Event::Closed {
                return Vec::new();
            }
            let title = cut(&markdown::headline(n), TITLE_CHARS_MAX);
            let body = object!({ "title": title, "description": markdown::body(n), "labels": self.labels.join(",") });
            return vec![self.call("POST", "", &body)];
        };
        let issue = format!("/{number}");
        let note = self.call("POST", &format!("{issue}/notes"), &object!({ "body": markdown::comment(n) }));
        match n.event {
            Event::Closed => vec![self.call("PUT", &issue, &object!({ "state_event": "close" })), note],
            Event::Opened => vec![self.call("PUT", &issue, &object!({ "state_event": "reopen" })), note],
            Event::Escalated | Event::Updated => vec![note],
        }
    }

    fn reference(&self, answer: &str) -> Option<String> {
        let doc: Value = serde_json::from_str(answer).ok()?;
        doc["iid"].as_u64().map(|n| n.to_string())
    }

    fn holds_open(&self) -> bool {
        true
    }

    /// Deleted, or moved where it cannot be seen.
    fn is_gone(&self, status: u16) -> bool {
        status == 404
    }

    fn gap_s(&self) -> u64 {
        1
    }
}
