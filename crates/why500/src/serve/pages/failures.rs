//! The failures of a problem, page by page, and one of them with all its records.

use super::one::Named;
use super::shell::whole;
use super::{Seen, Visit, page, percent, text, when};
use crate::ask::told;
use crate::report::phrase::{Clock, span};
use crate::serve::api::missing;
use axum::extract::Path;
use axum::http::StatusCode;
use maud::{Markup, html};
use record::Time;
use serde_json::Value;
use store::FailureRow;

/// Failures of a page of them.
const FAILURES_PAGE: usize = 100;

/// Failures as a table; those kept whole lead to their records.
pub fn failure_table(rows: &[FailureRow], project: i64) -> Markup {
    html! {
        table.failures {
            thead { tr { th scope="col" { "When" } th scope="col" { "Status" } th scope="col" { "Request" } th scope="col" { "In" } } }
            tbody { @for f in rows {
                tr {
                    td { (when(f.at)) }
                    td { @if f.status == 0 { "no answer" } @else { (f.status) } }
                    td { code { (text(format!("{} {}", f.method, f.target).trim())) }
                        @if f.example { " " a href={ "/failures/" (project) "/" (f.id) } { "all its records" } } }
                    td.soft { (text(&[f.service.as_deref(), f.release.as_deref(), f.environment.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(" · "))) }
                }
            } }
        }
    }
}

/// `GET /problems/{project}/{id}/failures`: all whose rows are kept, page by page.
pub async fn failures(visit: Visit, Path((project, id)): Named) -> Seen {
    let after = visit.params.get("after").map(String::as_str);
    let (full, rows) = visit.app.read(|r| {
        let full = r.problem(project, &id)?.ok_or_else(|| store::Error::Missing(format!("problem {id}")))?;
        Ok((full, r.failures(project, &id, after, FAILURES_PAGE)?))
    })?;
    let main = html! {
        nav.crumbs aria-label="Where this is" { a href="/problems" { "Problems" } " / " a href={ "/problems/" (project) "/" (id) } { (text(&full.row.title)) } }
        h1 { "Failures" }
        section.card { (failure_table(&rows.rows, project)) }
        @if let Some(next) = rows.next { p.more { a rel="next" href={ "?after=" (percent(&next)) } { "Earlier failures" } } }
    };
    Ok(page(StatusCode::OK, whole(&visit, "/problems", "Failures", &main)))
}

/// `GET /failures/{project}/{id}`: one failure's records in the order of time, across all hops.
pub async fn failure(visit: Visit, Path((project, id)): Named) -> Seen {
    let number: u64 = id.parse().map_err(|_| missing("failure"))?;
    let example =
        visit.app.read(|r| r.example(project, number))?.ok_or_else(|| missing("example of a failure"))?;
    let records: Vec<Value> = serde_json::from_str(&example.text).unwrap_or_default();
    let mut records: Vec<(Option<Time>, &Value)> =
        records.iter().map(|r| (told::time(&r["at"]), r)).collect();
    records.sort_by_key(|(at, _)| *at);
    let first = records.iter().find_map(|(at, _)| *at);
    let said = |r: &Value, name: &str| r[name].as_str().unwrap_or("").to_owned();
    let main = html! {
        nav.crumbs aria-label="Where this is" { a href="/problems" { "Problems" } " / " a href={ "/problems/" (project) "/" (example.problem) } { code { (example.problem) } } }
        h1 { "One failure, " (Clock::dated().at(example.at)) }
        section.card {
            @if records.is_empty() { p.soft { "Its records are no longer kept." } }
            ol.records { @for (at, r) in &records {
                li {
                    p {
                        @if let (Some(at), Some(first)) = (at, first) {
                            span.mono { (Clock::dated().at(*at)) } span.soft { " +" (span(at.since(first))) " · " }
                        }
                        strong { (text(&said(r, "service"))) } " " span.soft { (text(&said(r, "source"))) } " "
                        span class={ "level " (level(&said(r, "level"))) } { (text(&said(r, "level"))) }
                    }
                    pre tabindex="0" { (text(&said(r, "text"))) }
                    @let message = said(r, "message");
                    @if message.len() > said(r, "text").len() {
                        details { summary { "whole" } pre tabindex="0" { @for line in message.lines() { (text(line)) "\n" } } }
                    }
                }
            } }
        }
        p.soft { "Raw: " a href={ "/api/v1/failures/" (number) "?project=" (project) } { "the records as JSON" } }
    };
    Ok(page(StatusCode::OK, whole(&visit, "/problems", "One failure", &main)))
}

/// A level as a name of the style sheet.
fn level(name: &str) -> &'static str {
    match name {
        "error" | "fatal" | "critical" | "alert" | "emergency" => "bad",
        "warning" | "warn" => "warn",
        _ => "calm",
    }
}
