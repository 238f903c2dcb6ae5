//! Microsoft Teams, by a webhook of Workflows ("Send webhook alerts to a channel"), as an Adaptive Card. The old connectors are gone.
//!
//! Words from outside stand in text runs of rich text blocks, which know no Markdown; text blocks and fact sets do.
//!
//! Sources: learn.microsoft.com, "Create incoming webhooks with Workflows for Microsoft Teams" (the message is an array of
//! attachments, 28 KB); adaptivecards.io, schema 1.4: `RichTextBlock`, `TextRun`, `Action.OpenUrl`.

use super::{Channel, Delivery, Outgoing, Resolve, address, json, settings};
use crate::config::Secret;
use crate::notice::{Event, Notice, Severity};
use serde::Deserialize;
use serde_json::{Value, json as object};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    url: Secret,
}

struct Teams {
    url: String,
}

pub(super) fn build(table: toml::Table, resolve: Resolve<'_>) -> Result<Box<dyn Channel>, String> {
    let set: Settings = settings(table)?;
    Ok(Box::new(Teams { url: address("url", &resolve(&set.url)?)? }))
}

fn rich(runs: &[Value]) -> Value {
    object!({ "type": "RichTextBlock", "inlines": runs })
}

impl Channel for Teams {
    fn outgoing(&self, n: &Notice, _: &Delivery) -> Vec<Outgoing> {
        let colour = match (n.event, n.severity) {
            (Event::Closed, _) => "good",
            (_, Severity::Critical) => "attention",
            (_, Severity::Warning) => "warning",
            (_, Severity::Info) => "accent",
        };
        let mut body = vec![
            rich(&[
                object!({ "type": "TextRun", "text": n.headline(), "weight": "bolder", "size": "large", "color": colour }),
            ]),
            rich(&[object!({ "type": "TextRun", "text": n.why })]),
        ];
        for fact in n.facts() {
            let font = if fact.code { "monospace" } else { "default" };
            body.push(rich(&[
                object!({ "type": "TextRun", "text": format!("{}: ", fact.label), "weight": "bolder" }),
                object!({ "type": "TextRun", "text": fact.text, "fontType": font }),
            ]));
        }
        let mut card = object!({
            "$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard", "version": "1.4",
            "fallbackText": n.headline(), "msteams": { "width": "Full" }, "body": body,
        });
        if let Some(link) = &n.link {
            card["actions"] = object!([{ "type": "Action.OpenUrl", "title": "Open in why500", "url": link }]);
        }
        let message = object!({ "type": "message", "attachments": [
            { "contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": null, "content": card }] });
        vec![json("POST", self.url.clone(), Vec::new(), &message)]
    }
}
