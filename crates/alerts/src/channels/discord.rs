//! Discord, by a webhook. One message per problem: sent with `?wait=true`, which answers with its id, and edited from then on. What
//! becomes worse, or ends, is a message of its own as well, as an edit tells nobody.
//!
//! Source: discord.com/developers/docs/resources/webhook: "Execute Webhook", "Edit Webhook Message"; an embed has 256 characters of
//! title, 4,096 of description. `allowed_mentions` without anything calls nobody.

use super::{Channel, Delivery, Outgoing, Refusal, Resolve, address, json, settings};
use crate::config::Secret;
use crate::notice::{Event, Notice, Severity, cut};
use serde::Deserialize;
use serde_json::{Value, json as object};

/// Characters of an embed's title; Discord refuses more.
const TITLE_CHARS_MAX: usize = 256;
/// Characters of the description; each may get a backslash before it.
const TEXT_CHARS_MAX: usize = 4_096;
/// Codes of errors ("Opcodes and Status Codes").
const UNKNOWN_MESSAGE: u64 = 10_008;
const ARCHIVED_THREAD: u64 = 50_083;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    url: Secret,
}

struct Discord {
    url: String,
    query: String,
}

pub(super) fn build(table: toml::Table, resolve: Resolve<'_>) -> Result<Box<dyn Channel>, String> {
    let set: Settings = settings(table)?;
    let url = address("url", &resolve(&set.url)?)?;
    // `?thread_id=…` may stand behind it.
    let (path, query) = url.split_once('?').unwrap_or((&url, ""));
    Ok(Box::new(Discord { url: path.to_owned(), query: query.to_owned() }))
}

/// Words from outside: a backslash before each sign of Discord's Markdown; `@` and `<` begin no mention.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '\\' | '*' | '_' | '~' | '`' | '|' | '>' | '[' | ']' | '(' | ')' | '#' | '<') {
            out.push('\\');
        }
        out.push(c);
        if c == '@' {
            out.push('\u{200b}');
        }
    }
    out
}

fn code(text: &str) -> String {
    format!("``{}``", text.replace('`', "'").replace('@', "@\u{200b}"))
}

impl Discord {
    fn with(&self, path: &str, query: &str) -> String {
        let all: Vec<&str> = [query, &self.query].into_iter().filter(|q| !q.is_empty()).collect();
        let sign = if all.is_empty() { "" } else { "?" };
        format!("{}{path}{sign}{}", self.url, all.join("&"))
    }

    fn message(n: &Notice) -> Value {
        let colour = match (n.event, n.severity) {
            (Event::Closed, _) => 0x2e_a0_43,
            (_, Severity::Critical) => 0xd1_24_2f,
            (_, Severity::Warning) => 0xd2_99_22,
            (_, Severity::Info) => 0x38_8b_fd,
        };
        let mut text = escape(&n.why);
        for fact in n.facts() {
            let words = if fact.code { code(&fact.text) } else { escape(&fact.text) };
            let line = format!("\n**{}:** {words}", fact.label);
            if text.chars().count() + line.chars().count() > TEXT_CHARS_MAX {
                break;
            }
            text.push_str(&line);
        }
        let mut embed = object!({
            "title": cut(&escape(&n.headline()), TITLE_CHARS_MAX), "description": text, "color": colour, "timestamp": n.at,
        });
        if let Some(link) = &n.link {
            embed["url"] = object!(link);
        }
        object!({ "embeds": [embed], "allowed_mentions": { "parse": [] } })
    }
}

impl Channel for Discord {
    fn outgoing(&self, n: &Notice, d: &Delivery) -> Vec<Outgoing> {
        let body = Discord::message(n);
        let send = |body: &Value| {
            let mut body = body.clone();
            body["username"] = object!("why500");
            json("POST", self.with("", "wait=true"), Vec::new(), &body)
        };
        let Some(id) = &d.before else { return vec![send(&body)] };
        let edit = json("PATCH", self.with(&format!("/messages/{id}"), ""), Vec::new(), &body);
        match n.event {
            Event::Updated => vec![edit],
            Event::Closed => {
                let mut short = body.clone();
                short["embeds"][0]["description"] = object!(escape(&n.why));
                vec![edit, send(&short)]
            }
            Event::Opened | Event::Escalated => vec![send(&body)],
        }
    }

    fn reference(&self, answer: &str) -> Option<String> {
        let doc: Value = serde_json::from_str(answer).ok()?;
        doc["id"].as_str().filter(|id| id.bytes().all(|b| b.is_ascii_digit())).map(str::to_owned)
    }

    fn edits(&self) -> bool {
        true
    }

    /// Somebody deleted the message, or its thread is archived until something new is sent: there is nothing to edit.
    fn forgives(&self, _status: u16, answer: &str) -> bool {
        let doc: Value = serde_json::from_str(answer).unwrap_or_default();
        matches!(doc["code"].as_u64(), Some(UNKNOWN_MESSAGE | ARCHIVED_THREAD))
    }

    fn wait_s(&self, refusal: &Refusal<'_>) -> Option<u64> {
        let doc: Value = serde_json::from_str(refusal.answer).ok()?;
        doc["retry_after"].as_f64().map(|s| s.clamp(0.0, 86_400.0).ceil() as u64)
    }
}
