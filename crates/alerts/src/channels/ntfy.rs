//! ntfy: a push to phones and desktops. What was sent stays as it is (servers from 2.16 on could change it, older ones would send it
//! anew), so only changes of state are told.
//!
//! Source: docs.ntfy.sh/publish, "Publish as JSON": POST to the server's root with `topic`, `title`, `message`, `priority` 1 to 5,
//! `tags`, `click`; "Access tokens": `Authorization: Bearer tk_…`. A message has 4,096 bytes.

use super::{Channel, Delivery, Outgoing, Resolve, base, header, json, settings};
use crate::config::{Secret, Text};
use crate::notice::{Event, Notice, Severity};
use serde::Deserialize;
use serde_json::json as object;

/// Bytes of a message, somewhat below the 4,096 from which on ntfy makes it an attachment.
const MESSAGE_BYTES_MAX: usize = 3_800;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    topic: Text,
    server: Option<String>,
    token: Option<Secret>,
}

struct Ntfy {
    server: String,
    topic: String,
    token: Option<String>,
}

pub(super) fn build(table: toml::Table, resolve: Resolve<'_>) -> Result<Box<dyn Channel>, String> {
    let set: Settings = settings(table)?;
    let topic = set.topic.get(resolve)?.trim().to_owned();
    let plain = topic.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    if topic.is_empty() || topic.len() > 64 || !plain {
        return Err("`topic`: 1 to 64 letters, digits, - and _ are expected".to_owned());
    }
    let token = match &set.token {
        Some(token) => Some(header("token", resolve(token)?)?),
        None => None,
    };
    Ok(Box::new(Ntfy {
        server: base("server", set.server.as_deref().unwrap_or("https://ntfy.sh"))?,
        topic,
        token,
    }))
}

impl Channel for Ntfy {
    fn outgoing(&self, n: &Notice, _: &Delivery) -> Vec<Outgoing> {
        let (priority, tag) = match (n.event, n.severity) {
            (Event::Closed, _) => (2, "white_check_mark"),
            (_, Severity::Critical) => (5, "rotating_light"),
            (_, Severity::Warning) => (4, "warning"),
            (_, Severity::Info) => (3, "information_source"),
        };
        let mut message = n.why.clone();
        for fact in n.facts() {
            let line = format!("\n{}: {}", fact.label, fact.text);
            if message.len() + line.len() > MESSAGE_BYTES_MAX {
                break;
            }
            message.push_str(&line);
        }
        let mut body = object!({
            "topic": self.topic, "title": n.headline(), "message": message, "priority": priority, "tags": [tag],
        });
        if let Some(link) = &n.link {
            body["click"] = object!(link);
        }
        let headers = self.token.iter().map(|t| ("authorization", format!("Bearer {t}"))).collect();
        vec![json("POST", self.server.clone(), headers, &body)]
    }
}
