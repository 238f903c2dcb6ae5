//! Telegram, by a bot. One message per problem, edited from then on; what becomes worse, or ends, answers to it.
//!
//! Source: core.telegram.org/bots/api: `sendMessage`, `editMessageText` (4,096 characters after entities are read), "HTML style",
//! `ReplyParameters`, `ResponseParameters.retry_after`.

use super::{Channel, Delivery, Outgoing, Refusal, Resolve, base, header, json, settings};
use crate::config::{Secret, Text};
use crate::notice::{Event, Notice};
use serde::Deserialize;
use serde_json::{Value, json as object};

/// Characters of a message, with some room for what entities make of them.
const TEXT_CHARS_MAX: usize = 4_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    token: Secret,
    chat: Text,
    api: Option<String>,
}

struct Telegram {
    /// With the bot's token in it.
    base: String,
    chat: String,
}

pub(super) fn build(table: toml::Table, resolve: Resolve<'_>) -> Result<Box<dyn Channel>, String> {
    let set: Settings = settings(table)?;
    let api = base("api", set.api.as_deref().unwrap_or("https://api.telegram.org"))?;
    let token = header("token", resolve(&set.token)?)?;
    if !token.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b':' | b'_' | b'-')) {
        return Err("`token` is none as BotFather gives them: 123456:ABC…".to_owned());
    }
    Ok(Box::new(Telegram {
        base: format!("{api}/bot{token}"),
        chat: set.chat.get(resolve)?.trim().to_owned(),
    }))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn text(n: &Notice) -> String {
    let mut text = format!("<b>{}</b>\n{}", escape(&n.headline()), escape(&n.why));
    for fact in n.facts() {
        let words = escape(&fact.text);
        let words = if fact.code { format!("<code>{words}</code>") } else { words };
        let line = format!("\n<b>{}:</b> {words}", fact.label);
        if text.chars().count() + line.chars().count() > TEXT_CHARS_MAX {
            break;
        }
        text.push_str(&line);
    }
    if let Some(link) = &n.link {
        text.push_str(&format!("\n<a href=\"{}\">Open in why500</a>", escape(link)));
    }
    text
}

impl Telegram {
    fn call(&self, method: &str, more: Value, text: &str) -> Outgoing {
        let mut body = object!({
            "chat_id": self.chat, "text": text, "parse_mode": "HTML", "link_preview_options": { "is_disabled": true },
        });
        if let (Some(body), Some(more)) = (body.as_object_mut(), more.as_object()) {
            body.extend(more.clone());
        }
        json("POST", format!("{}/{method}", self.base), Vec::new(), &body)
    }
}

impl Channel for Telegram {
    fn outgoing(&self, n: &Notice, d: &Delivery) -> Vec<Outgoing> {
        let whole = text(n);
        let Some(id) = d.before.as_ref().and_then(|id| id.parse::<i64>().ok()) else {
            return vec![self.call("sendMessage", object!({}), &whole)];
        };
        let edit = self.call("editMessageText", object!({ "message_id": id }), &whole);
        let answer =
            object!({ "reply_parameters": { "message_id": id, "allow_sending_without_reply": true } });
        match n.event {
            Event::Updated => vec![edit],
            Event::Closed => {
                let short = format!("<b>{}</b>\n{}", escape(&n.headline()), escape(&n.why));
                vec![edit, self.call("sendMessage", answer, &short)]
            }
            Event::Opened | Event::Escalated => vec![self.call("sendMessage", answer, &whole)],
        }
    }

    fn reference(&self, answer: &str) -> Option<String> {
        let doc: Value = serde_json::from_str(answer).ok()?;
        doc["result"]["message_id"].as_i64().map(|id| id.to_string())
    }

    fn edits(&self) -> bool {
        true
    }

    fn forgives(&self, status: u16, answer: &str) -> bool {
        status == 400
            && (answer.contains("message is not modified")
                || answer.contains("message to edit not found")
                || answer.contains("message can't be edited"))
    }

    fn wait_s(&self, refusal: &Refusal<'_>) -> Option<u64> {
        let doc: Value = serde_json::from_str(refusal.answer).ok()?;
        doc["parameters"]["retry_after"].as_u64()
    }
}
