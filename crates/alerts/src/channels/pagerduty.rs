//! PagerDuty, by the Events API v2. The alert's key is the `dedup_key`: what became worse is added to the same incident, and what is
//! over resolves it. Mere figures are not sent: a trigger for an incident that somebody resolved opens a new one, and pages.
//!
//! Source: developer.pagerduty.com, "Send an alert event" (POST /v2/enqueue; `dedup_key` 255 characters, `summary` 1,024; answers 202).
//! In the EU the address is `https://events.eu.pagerduty.com`.

use super::{Channel, Delivery, Outgoing, Resolve, base, header, json, settings};
use crate::config::Secret;
use crate::notice::{Event, Notice, Severity, cut};
use serde::Deserialize;
use serde_json::json as object;

/// Characters of the summary; PagerDuty cuts what is longer.
const SUMMARY_CHARS_MAX: usize = 1_024;
/// Characters of the key; PagerDuty refuses more.
const KEY_CHARS_MAX: usize = 255;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    key: Secret,
    api: Option<String>,
}

struct PagerDuty {
    key: String,
    url: String,
}

pub(super) fn build(table: toml::Table, resolve: Resolve<'_>) -> Result<Box<dyn Channel>, String> {
    let set: Settings = settings(table)?;
    let api = base("api", set.api.as_deref().unwrap_or("https://events.pagerduty.com"))?;
    Ok(Box::new(PagerDuty { key: header("key", resolve(&set.key)?)?, url: format!("{api}/v2/enqueue") }))
}

impl Channel for PagerDuty {
    fn outgoing(&self, n: &Notice, _: &Delivery) -> Vec<Outgoing> {
        let mut body = object!({
            "routing_key": self.key,
            "event_action": if n.event == Event::Closed { "resolve" } else { "trigger" },
            "dedup_key": cut(&n.key, KEY_CHARS_MAX),
        });
        if n.event != Event::Closed {
            let about = n.problem.as_ref();
            let mut details = object!({ "why": n.why });
            for (i, fact) in n.facts().into_iter().enumerate() {
                details[format!("{:02} {}", i + 1, fact.label)] = object!(fact.text);
            }
            body["payload"] = object!({
                "summary": cut(&n.headline(), SUMMARY_CHARS_MAX),
                "source": about.and_then(|p| p.service.clone()).unwrap_or_else(|| "why500".to_owned()),
                "severity": match n.severity {
                    Severity::Critical => "critical",
                    Severity::Warning => "warning",
                    Severity::Info => "info",
                },
                "timestamp": n.at,
                "group": n.project.name,
                "custom_details": details,
            });
            if let Some(about) = about {
                body["payload"]["class"] = object!(format!("{}/{}", about.class, about.cause));
            }
            if let Some(culprit) = about.and_then(|p| p.culprit.as_ref()) {
                body["payload"]["component"] = object!(culprit);
            }
            body["client"] = object!("why500");
            if let Some(link) = &n.link {
                body["client_url"] = object!(link);
                body["links"] = object!([{ "href": link, "text": "Open in why500" }]);
            }
        }
        vec![json("POST", self.url.clone(), Vec::new(), &body)]
    }

    fn holds_open(&self) -> bool {
        true
    }
}
