//! Opsgenie (and Jira Service Management's alerts, which speak the same). The alert's key is the alias: what is told again of it
//! counts on the same alert and leaves it as it is, so what became worse raises its priority, by which people are called anew; what is
//! over closes it.
//!
//! Source: docs.opsgenie.com, "Alert API": POST /v2/alerts (message 130 characters, alias 512, description 15,000; answers 202),
//! POST /v2/alerts/ALIAS/close?identifierType=alias, PUT …/priority, POST …/notes. In the EU the address is
//! `https://api.eu.opsgenie.com`, of Jira Service Management `https://api.atlassian.com/jsm/ops/integration`, which has not all of them.

use super::{Channel, Delivery, Outgoing, Refusal, Resolve, base, header, json, percent, settings};
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
    let api = base("api", set.api.as_deref().unwrap_or("https://api.opsgenie.com"))?;
    Ok(Box::new(Opsgenie { key: header("key", resolve(&set.key)?)?, api }))
}

impl Channel for Opsgenie {
    fn outgoing(&self, n: &Notice, _: &Delivery) -> Vec<Outgoing> {
        let headers = || vec![("authorization", format!("GenieKey {}", self.key))];
        let alert =
            |what: &str| format!("{}/v2/alerts/{}/{what}?identifierType=alias", self.api, percent(&n.key));
        if n.event == Event::Closed {
            return vec![json(
                "POST",
                alert("close"),
                headers(),
                &object!({ "source": "why500", "note": n.why }),
            )];
        }
        let priority = match n.severity {
            Severity::Critical => "P1",
            Severity::Warning => "P3",
            Severity::Info => "P5",
        };
        let about = n.problem.as_ref();
        let body = object!({
            "message": cut(&n.headline(), MESSAGE_CHARS_MAX),
            "alias": n.key,
            "description": cut(&n.plain(), DESCRIPTION_CHARS_MAX),
            "source": "why500",
            "entity": about.and_then(|p| p.service.clone()).unwrap_or_default(),
            "priority": priority,
            "tags": about.map(|p| vec![p.class.clone(), p.cause.clone()]).unwrap_or_default(),
            "details": { "rule": n.rule, "link": n.link.clone().unwrap_or_default() },
            "note": n.why,
        });
        let mut steps = vec![json("POST", format!("{}/v2/alerts", self.api), headers(), &body)];
        if n.event == Event::Escalated {
            steps
                .push(json("PUT", alert("priority"), headers(), &object!({ "priority": priority })).or_not());
            steps.push(
                json("POST", alert("notes"), headers(), &object!({ "source": "why500", "note": n.why }))
                    .or_not(),
            );
        }
        steps
    }

    fn holds_open(&self) -> bool {
        true
    }

    fn wait_s(&self, refusal: &Refusal<'_>) -> Option<u64> {
        (refusal.status == 429).then(|| (refusal.header)("x-ratelimit-period-in-sec")?.trim().parse().ok())?
    }
}
