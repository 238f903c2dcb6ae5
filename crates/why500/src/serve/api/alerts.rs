//! What is told to whom: alerts, what waits to be sent, what was given up.

use super::access::{Asks, Read, Write};
use super::{Answer, bad, instant, number};
use crate::serve::now;
use axum::Json;
use record::SECOND;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::HashMap;

/// A week: what is shown of alerts that are over unless asked otherwise.
const WEEK_US: i64 = 7 * 86_400 * SECOND;
/// Alerts shown.
const ROWS: usize = 50;
/// … at most, as of problems.
const ROWS_MAX: usize = 500;
/// Bytes of what is said beside the path.
const TEXT_BYTES_MAX: usize = 1_024;

/// `GET /api/v1/alerts`: alerts that are open or changed since (a week), with what was said where; what waits; what was given up.
pub async fn list(asks: Asks<Read>) -> Answer<Json<Value>> {
    let since = instant(&asks.params, "since")?.unwrap_or_else(|| now().plus(-WEEK_US));
    let limit = number(&asks.params, "limit", ROWS)?.clamp(1, ROWS_MAX);
    let project = asks.project;
    let name = asks.app.read(|r| r.project(project))?.map(|p| p.name).unwrap_or_default();
    let rows = asks.app.read(|r| r.alerts(project, since, limit))?;
    let told = asks.app.read(|r| rows.iter().map(|a| r.told_of(a.id)).collect::<store::Result<Vec<_>>>())?;
    let outbox = asks.app.read(|r| r.outbox(project))?;
    let subjects: HashMap<i64, &str> = rows.iter().map(|a| (a.id, a.subject.as_str())).collect();
    let shown: Vec<Value> = rows
        .iter()
        .zip(&told)
        .map(|(a, told)| {
            let notice: Value = serde_json::from_str(&a.notice).unwrap_or_default();
            json!({
                "id": a.id,
                "subject": a.subject,
                "rule": a.rule,
                "severity": a.severity,
                "open": a.open,
                "since": a.since.to_string(),
                "changed": a.changed.to_string(),
                "with": a.lead.and_then(|l| subjects.get(&l)),
                "heading": notice["heading"].as_str().unwrap_or(""),
                "title": notice["title"].as_str().unwrap_or(""),
                "why": notice["why"].as_str().unwrap_or(""),
                "problem": notice["problem"]["id"].as_str(),
                "figures": notice["figures"].as_array().cloned().unwrap_or_default(),
                "told": told.iter().map(|t| json!({
                    "channel": t.channel, "event": t.event, "at": t.at.to_string(),
                })).collect::<Vec<_>>(),
            })
        })
        .collect();
    let message = |m: &store::Outgoing| {
        let notice: Value = serde_json::from_str(&m.notice).unwrap_or_default();
        json!({
            "id": m.id, "alert": m.alert, "channel": m.channel, "event": m.event,
            "title": notice["title"].as_str().unwrap_or(""),
            "made": m.made.to_string(), "due": m.due.to_string(), "tries": m.tries, "error": m.error,
            "given_up": m.dead.map(|t| t.to_string()),
        })
    };
    let alerts = &asks.app.alerts;
    let config = alerts.config();
    let counts = alerts.counts();
    let count = |channel: &str, outcome: &'static str| {
        counts.get(&(channel.to_owned(), outcome)).copied().unwrap_or(0)
    };
    let channels: Vec<Value> = config
        .channels
        .iter()
        .filter(|c| c.projects.is_empty() || c.projects.contains(&name))
        .map(|c| {
            json!({
                "name": c.name, "kind": c.kind, "least": c.least.name(), "rules": c.rules, "allow_private": c.allow_private,
                "sent": count(&c.name, "sent"), "failed": count(&c.name, "failed"), "given_up": count(&c.name, "gave-up"),
            })
        })
        .collect();
    Ok(Json(json!({
        "looked": alerts.looked().map(|t| t.to_string()),
        "channels": channels,
        // What is wrong names other projects' channels too.
        "configuration": if alerts.trouble().is_some() { "wrong: see the server's standard error; the one of before holds on" } else { "ok" },
        "alerts": shown,
        "waiting": outbox.iter().filter(|m| m.dead.is_none()).map(message).collect::<Vec<_>>(),
        "given_up": outbox.iter().filter(|m| m.dead.is_some()).map(message).collect::<Vec<_>>(),
    })))
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Which {
    message: Option<i64>,
}

/// `POST /api/v1/alerts/retry`: messages that were given up are tried anew: `{"message": 3}`, or all.
pub async fn retry(asks: Asks<Write>, text: String) -> Answer<Json<Value>> {
    let which: Which = match text.trim() {
        "" => Which::default(),
        text if text.len() > TEXT_BYTES_MAX => {
            return Err(bad(format!("the body is longer than {TEXT_BYTES_MAX} bytes")));
        }
        text => serde_json::from_str(text).map_err(|e| bad(format!("the body: {e}")))?,
    };
    let n = asks.app.act(|s| s.try_again(now(), asks.project, which.message))?;
    Ok(Json(json!({ "retried": n })))
}
