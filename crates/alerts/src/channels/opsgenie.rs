//! Opsgenie (and Jira Service Management's alerts, which speak the same). The alert's key is the alias: what is told again of it
//! counts on the same alert, and what is over closes it.
//!
//! Source: docs.opsgenie.com, "Alert API": POST /v2/alerts (message 130 characters, alias 512, description 15,000; answers 202),
//! POST /v2/alerts/ALIAS/close?identifierType=alias. In the EU the address is `https://api.eu.opsgenie.com`.

use super::{Channel, Delivery, Outgoing, Resolve, address, header, json, percent, settings};
use crate::config::Secret;
use crate::notice::{Event, Notice, Severity, cut};
use serde::Deserialize;
use serde_json::json as object;

/// Characters of the message; Opsgenie cuts what is longer.
const MESSAGE_CHARS_MAX: usize = 130;
/// Characters of the description, as above.
const DESCRIPTION_CHARS_MAX: usize = 15_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    key: Secret,
    api: Option<String>,
}

struct Opsgenie {
    key: String,
    api: String,
}

pub(super) fn build(table: toml::Table, resolve: Resolve<'_>) -> Result<Box<dyn Channel>, String> {
    let set: Settings = settings(table)?;
    let api = address("api", set.api.as_deref().unwrap_or("https://api.opsgenie.com"))?;
    Ok(Box::new(Opsgenie { key: header("key", resolve(&set.key)?)?, api }))
}

impl Channel for Opsgenie {
    fn outgoing(&self, n: &Notice, _: &Delivery) -> Vec<Outgoing> {
        let headers = vec![("authorization", format!("GenieKey {}", self.key))];
        if n.event == Event::Closed {
            let url = format!("{}/v2/alerts/{}/close?identifierType=alias", self.api, percent(&n.key));
            return vec![json("POST", url, headers, &object!({ "source": "why500", "note": n.why }))];
        }
        let about = n.problem.as_ref();
        let body = object!({
            "message": cut(&n.headline(), MESSAGE_CHARS_MAX),
            "alias": n.key,
            "description": cut(&n.plain(), DESCRIPTION_CHARS_MAX),
            "source": "why500",
            "entity": about.and_then(|p| p.service.clone()).unwrap_or_default(),
            "priority": match n.severity {
                Severity::Critical => "P1",
                Severity::Warning => "P3",
                Severity::Info => "P5",
            },
            "tags": about.map(|p| vec![p.class.clone(), p.cause.clone()]).unwrap_or_default(),
            "details": { "rule": n.rule, "link": n.link.clone().unwrap_or_default() },
            "note": n.why,
        });
        vec![json("POST", format!("{}/v2/alerts", self.api), headers, &body)]
    }

    fn holds_open(&self) -> bool {
        true
    }
}
