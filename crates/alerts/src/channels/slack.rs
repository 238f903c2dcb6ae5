//! Slack, by an incoming webhook, in Block Kit. Such a webhook cannot change what it sent, so only changes of state are told.
//!
//! Sources: docs.slack.dev, "Sending messages using incoming webhooks", "Block Kit reference" (a header has 150 characters, a section
//! 3,000), "Formatting message text" (`&`, `<` and `>` are written as entities; `<!channel>` and `<@U…>` call people).

use super::{Channel, Delivery, Outgoing, Resolve, address, json, settings};
use crate::config::Secret;
use crate::notice::{Event, Notice, Severity, cut};
use serde::Deserialize;

/// Characters of a header block.
const HEADER_CHARS_MAX: usize = 150;
/// Characters of a section's text, entities included: the last one must not be cut, so some less than 3,000.
const SECTION_CHARS_MAX: usize = 2_900;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    url: Secret,
}

struct Slack {
    url: String,
}

pub(super) fn build(table: toml::Table, resolve: Resolve<'_>) -> Result<Box<dyn Channel>, String> {
    let set: Settings = settings(table)?;
    Ok(Box::new(Slack { url: address("url", &resolve(&set.url)?)? }))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn code(text: &str) -> String {
    format!("`{}`", escape(&text.replace('`', "'")))
}

impl Channel for Slack {
    fn outgoing(&self, n: &Notice, _: &Delivery) -> Vec<Outgoing> {
        let sign = match (n.event, n.severity) {
            (Event::Closed, _) => ":white_check_mark:",
            (_, Severity::Critical) => ":rotating_light:",
            (_, Severity::Warning) => ":warning:",
            (_, Severity::Info) => ":information_source:",
        };
        let mut text = escape(&n.why);
        for fact in n.facts() {
            let words = if fact.code { code(&fact.text) } else { escape(&fact.text) };
            let line = format!("\n*{}:* {words}", fact.label);
            if text.chars().count() + line.chars().count() > SECTION_CHARS_MAX {
                break;
            }
            text.push_str(&line);
        }
        let head = escape(&n.headline());
        let mut blocks = vec![
            serde_json::json!({ "type": "header", "text": {
                "type": "plain_text", "text": cut(&format!("{sign} {}", n.headline()), HEADER_CHARS_MAX), "emoji": true } }),
            serde_json::json!({ "type": "section", "text": { "type": "mrkdwn", "text": text, "verbatim": true } }),
        ];
        if let Some(link) = &n.link {
            blocks.push(serde_json::json!({ "type": "actions", "elements": [
                { "type": "button", "text": { "type": "plain_text", "text": "Open in why500" }, "url": link }] }));
        }
        // The text is what notifications on phones show.
        let body = serde_json::json!({ "text": head, "blocks": blocks, "unfurl_links": false, "unfurl_media": false });
        vec![json("POST", self.url.clone(), Vec::new(), &body)]
    }
}
