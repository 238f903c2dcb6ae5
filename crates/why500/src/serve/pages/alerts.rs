//! What was told to whom: alerts, channels, what waits and what was given up.

use super::shell::whole;
use super::{Acts, Seen, Visit, ago, led, page, text, when};
use crate::serve::now;
use axum::extract::Form;
use axum::http::StatusCode;
use maud::{Markup, html};
use record::{SECOND, Time};
use serde_json::Value;
use std::collections::HashMap;
use store::{AlertRow, Outgoing, Told};

/// A week: what is shown of alerts that are over.
const WEEK_US: i64 = 7 * 86_400 * SECOND;
/// Alerts shown.
const ROWS: usize = 60;
/// What a first `alerts.toml` may look like.
const EXAMPLE: &str = "[channels.on-call]\nkind = \"slack\"\nurl = { env = \"SLACK_WEBHOOK\" }\n";

/// `GET /alerts`
pub async fn alerts(visit: Visit) -> Seen {
    let now = now();
    let p = visit.project;
    let (rows, outbox) = visit.app.read(|r| {
        let rows = r.alerts(p, now.plus(-WEEK_US), ROWS)?;
        let rows = rows.into_iter().map(|a| Ok((r.told_of(a.id)?, a))).collect::<store::Result<Vec<_>>>()?;
        Ok((rows, r.outbox(p)?))
    })?;
    let (given_up, waiting): (Vec<&Outgoing>, Vec<&Outgoing>) = outbox.iter().partition(|m| m.dead.is_some());
    let main = html! {
        h1 { "Alerts" }
        (channels(&visit))
        section.card {
            h2 { "What became a problem" }
            @if rows.is_empty() { p.soft { "Nothing in the last week. A single 500 is told to nobody; what is told, and when, stands in docs/alerts.md." } }
            ol.history.alerts { @for (told, a) in &rows { (alert(a, told, p, now)) } }
        }
        @if !waiting.is_empty() { section.card { h2 { "Waiting to be sent" } (messages(&waiting, now)) } }
        @if !given_up.is_empty() {
            section.card {
                h2 { "Given up" }
                (messages(&given_up, now))
                form.inline method="post" action="/alerts/retry" {
                    input type="hidden" name="project" value=(p);
                    button { "Try all again" }
                }
            }
        }
    };
    Ok(page(StatusCode::OK, whole(&visit, "/alerts", "Alerts", &main)))
}

fn channels(visit: &Visit) -> Markup {
    let alerts = &visit.app.alerts;
    let (config, counts) = (alerts.config(), alerts.counts());
    let name = visit.projects.iter().find(|p| p.id == visit.project).map_or("", |p| p.name.as_str());
    let list: Vec<_> = config
        .channels
        .iter()
        .filter(|c| c.projects.is_empty() || c.projects.iter().any(|p| p == name))
        .collect();
    let count = |channel: &str, outcome: &'static str| {
        counts.get(&(channel.to_owned(), outcome)).copied().unwrap_or(0)
    };
    html! {
        section.card {
            h2 { "Channels" }
            @if alerts.trouble().is_some() {
                p.bad-text role="alert" { "The configuration is wrong: see the server's standard error. The one of before holds on." }
            }
            @if list.is_empty() {
                p { "None yet: rules are asked all the same, and what they find stands below. To be told, write " code { "alerts.toml" } " into the server's folder, for instance:" }
                pre tabindex="0" { (EXAMPLE) }
                p.soft { "Then try it: " code { "why500 alerts test on-call" } }
            } @else {
                table {
                    thead { tr { th scope="col" { "Name" } th scope="col" { "Kind" } th.right scope="col" { "Sent" } th.right scope="col" { "Failed" } th.right scope="col" { "Given up" } } }
                    tbody { @for c in list {
                        tr { td { (text(&c.name)) } td { (c.kind) } td.right { (count(&c.name, "sent")) } td.right { (count(&c.name, "failed")) } td.right { (count(&c.name, "gave-up")) } }
                    } }
                }
            }
        }
    }
}

fn alert(a: &AlertRow, told: &[Told], project: i64, now: Time) -> Markup {
    let notice: Value = serde_json::from_str(&a.notice).unwrap_or_default();
    let said = |name: &str| notice[name].as_str().unwrap_or("");
    let figures: Vec<&str> =
        notice["figures"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    html! {
        li {
            p {
                span class=(if a.open { "state new" } else { "state resolved" }) { @if a.open { "open" } @else { "over" } } " "
                strong { (text(said("heading"))) } " " span.soft { (ago(a.changed, now)) ", since " (when(a.since)) }
            }
            p { @match notice["problem"]["id"].as_str() {
                Some(id) => { a href={ "/problems/" (project) "/" (super::percent(id)) } { (text(said("title"))) } }
                None => { (text(said("title"))) }
            } }
            @if !said("why").is_empty() { p.soft { (text(said("why"))) } }
            @if !figures.is_empty() { p.soft { (text(&figures.join(" · "))) } }
            @if !told.is_empty() {
                p.soft.small { "Told: " @for (i, t) in told.iter().enumerate() { @if i > 0 { ", " } (text(&t.channel)) " (" (text(&t.event)) " " (ago(t.at, now)) ")" } }
            }
        }
    }
}

fn messages(list: &[&Outgoing], now: Time) -> Markup {
    html! {
        table {
            thead { tr { th scope="col" { "Channel" } th scope="col" { "Message" } th scope="col" { "Made" } th.right scope="col" { "Tries" } th scope="col" { "Why not yet" } } }
            tbody { @for m in list {
                @let notice: Value = serde_json::from_str(&m.notice).unwrap_or_default();
                tr { td { (text(&m.channel)) } td { (text(notice["title"].as_str().unwrap_or(""))) } td { (ago(m.made, now)) } td.right { (m.tries) }
                    td.soft { @if let Some(e) = &m.error { (text(e)) } } }
            } }
        }
    }
}

/// `POST /alerts/retry`: what was given up is tried anew.
pub async fn retry(Acts(v): Acts, Form(said): Form<HashMap<String, String>>) -> Seen {
    let project = said.get("project").and_then(|p| p.parse().ok()).unwrap_or(v.project);
    if !v.projects.iter().any(|p| p.id == project) {
        return Err(crate::serve::api::missing("project").into());
    }
    v.app.act(|s| s.try_again(now(), project, None))?;
    Ok(led(&format!("/alerts?project={project}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_a_configuration() {
        let config = ::alerts::config::Config::parse(EXAMPLE, &|_| Ok("https://hooks.example/x".into()));
        let named: Vec<_> = config.unwrap().channels.iter().map(|c| c.name.clone()).collect();
        assert_eq!(named, ["on-call"]);
    }
}
