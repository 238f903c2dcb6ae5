//! Slack, by an incoming webhook, in Block Kit. Such a webhook cannot change what it sent, so only changes of state are told. Words from
//! outside stand in a rich text block, where nothing is read as markup; the link is one of its elements, as a button asks for an answer
//! that a webhook cannot give, and shows a warning.
//!
//! Sources: docs.slack.dev, "Sending messages using incoming webhooks", "Block Kit reference" (a header has 150 characters; rich text),
//! "Formatting message text" (`&`, `<` and `>` are written as entities; `<!channel>` and `<@U…>` call people), "Rate limits" (one a second).

use super::{Channel, Delivery, Outgoing, Resolve, address, json, settings};
use crate::config::Secret;
use crate::notice::{Event, Notice, Severity, cut};
use serde::Deserialize;
use serde_json::{Value, json as object};

/// Characters of a header block.
const HEADER_CHARS_MAX: usize = 150;
/// Characters of the text: as many as a section would hold.
const TEXT_CHARS_MAX: usize = 3_000;

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

fn element(text: &str, style: Option<&str>) -> Value {
    let mut element = object!({ "type": "text", "text": text });
    if let Some(style) = style {
        element["style"] = object!({ style: true });
    }
    element
}

impl Channel for Slack {
    fn outgoing(&self, n: &Notice, _: &Delivery) -> Vec<Outgoing> {
        let sign = match (n.event, n.severity) {
            (Event::Closed, _) => ":white_check_mark:",
            (_, Severity::Critical) => ":rotating_light:",
            (_, Severity::Warning) => ":warning:",
            (_, Severity::Info) => ":information_source:",
        };
        let mut elements = vec![element(&n.why, None)];
        let mut chars = n.why.chars().count();
        for fact in n.facts() {
            let label = format!("\n{}: ", fact.label);
            chars += label.chars().count() + fact.text.chars().count();
            if chars > TEXT_CHARS_MAX {
                break;
            }
            elements.push(element(&label, Some("bold")));
            // A text without a letter is refused.
            if !fact.text.is_empty() {
                elements.push(element(&fact.text, fact.code.then_some("code")));
            }
        }
        if let Some(link) = &n.link {
            elements.push(element("\n", None));
            elements.push(object!({ "type": "link", "url": link, "text": "Open in why500" }));
        }
        let blocks = object!([
            { "type": "header", "text": {
                "type": "plain_text", "text": cut(&format!("{sign} {}", n.headline()), HEADER_CHARS_MAX), "emoji": true } },
            { "type": "rich_text", "elements": [{ "type": "rich_text_section", "elements": elements }] },
        ]);
        // The text is what notifications on phones show.
        let body = object!({ "text": escape(&n.headline()), "blocks": blocks, "unfurl_links": false, "unfurl_media": false });
        vec![json("POST", self.url.clone(), Vec::new(), &body)]
    }

    fn gap_s(&self) -> u64 {
        1
    }
}
