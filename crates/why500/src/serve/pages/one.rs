//! A problem: the answer first, then what proves it, then all that is known.

use super::plot::{BARS, Drawn, Flag, drawn, over_time, share, spark, step_minutes};
use super::reproduce::Request;
use super::shell::{badge, sure, whole};
use super::{Seen, Visit, ago, page, percent, text};
use crate::ask::told;
use crate::report::chart::way;
use crate::report::phrase::{
    Clock, certainty_percent, counted, instants, number, percent as share_words, span, trigger,
};
use crate::report::{by_role, clean_code, clean_problem, problem_in_markdown, statuses};
use crate::serve::api::{missing, whole as document};
use crate::serve::now;
use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use diagnosis::{Evidence, Problem};
use maud::{Markup, html};
use record::{CodeFrame, CodeView, Exception, Role, SECOND, Time};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use store::{FailureRow, MarkSeen, ProblemFull, ProblemRow, State, Step};

/// Quoted records shown at once; the rest is folded away.
const EVIDENCE_MAX: usize = 5;
/// Failures shown on the page; the rest has pages of its own.
const FAILURES: usize = 15;
/// Failures of a page of them.
const FAILURES_PAGE: usize = 100;
/// Routes, releases … of a table.
const NAMES_MAX: usize = 20;
/// Marks on the time line, the latest.
const FLAGS_MAX: usize = 24;
/// A time line reaches back so far.
const LINE_US: i64 = 30 * 86_400 * SECOND;
/// … and is at least so long.
const LINE_LEAST_US: i64 = 30 * 60 * SECOND;
/// A page waits so long for a repository; what it tells later stands on the next one.
const LOOK_TIME: Duration = Duration::from_millis(400);

/// Project and id.
type Named = Path<(i64, String)>;

/// `GET /problems/{project}/{id}`. With `part=live` only what changes by itself.
pub async fn one(visit: Visit, Path((project, id)): Named) -> Seen {
    let now = now();
    let (full, similar, page_of, line, marks) = visit.app.read(|r| {
        let Some(full) = r.problem(project, &id)? else {
            return Err(store::Error::Missing(format!("problem {id}")));
        };
        let (from, to) = range(&full.row, now);
        let step = step_minutes(to.since(from), BARS);
        Ok((
            r.similar(project, &id)?,
            r.failures(project, &id, None, FAILURES)?,
            r.problem_line(project, &id, from, to, step)?,
            r.marks(project, from, to)?,
            full,
        ))
        .map(|(similar, failures, line, marks, full)| (full, similar, failures, line, marks))
    })?;
    let seen = code_of(&visit, &full).await?;
    let doc = document(&full);
    let p = clean_problem(told::problem(&doc));
    let live = html! {
        (head(&full, &p, now))
        (answer(&p, &full))
        (proof(&p))
        (code(seen.as_ref()))
        (the_way(&p))
        (times(&line, &marks, &full))
        (next(&p))
        (reproduce(&p, &full.row))
    };
    if visit.params.get("part").is_some_and(|p| p == "live") {
        return Ok(page(StatusCode::OK, live));
    }
    let main = html! {
        nav.crumbs aria-label="Where this is" { a href=(super::shell::with_project("/problems", &visit)) { "Problems" } " / " code { (id) } }
        div #live data-problem=(id) { (live) }
        (seen_in(&full, &p))
        (stack(&p))
        (failures_card(&page_of.rows, &full.row, page_of.next.is_some()))
        (history(&full))
        (alike(&similar, now))
        (notes(&full))
        p.soft { "Raw: " a href={ "/api/v1/problems/" (id) "?project=" (project) } { "the problem as JSON" } }
    };
    Ok(page(StatusCode::OK, whole(&visit, "/problems", &p.title, &main)))
}

/// The code behind it. `None` while it is still looked up: it is there when the page is asked for again.
async fn code_of(visit: &Visit, full: &ProblemFull) -> Result<Option<CodeView>, super::Wrong> {
    let (app, project) = (Arc::clone(&visit.app), visit.project);
    let ask = visit.app.read(|r| app.ask_of(r, project, full))?;
    let look = tokio::task::spawn_blocking(move || app.eyes.look(&ask));
    let seen = tokio::time::timeout(LOOK_TIME, look).await;
    Ok(seen.ok().and_then(Result::ok).map(|mut seen| {
        clean_code(&mut seen);
        seen
    }))
}

/// Source lines around the frames, the commit that probably did it, what the release brought.
fn code(seen: Option<&CodeView>) -> Markup {
    let Some(seen) = seen else {
        return html! { section.card { h2 { "The code" } p.soft { "Its history is being looked up; it is here when the page is loaded again." } } };
    };
    let known = |f: &&CodeFrame| !f.line_text.is_empty();
    let mut frames = seen.frames.iter().filter(known);
    let first = frames.next();
    let rest: Vec<&CodeFrame> = frames.collect();
    html! {
        @if seen.tells() {
            section.card.code {
                h2 { "The code" }
                @if let Some(f) = first { (source(f)) }
                @if let Some(s) = &seen.suspect {
                    p.suspect { strong { "Suspect: " } code { (text(s.told.short())) } " " (text(&s.told.subject))
                        span.soft { " by " (text(&s.told.author)) ", " (text(&s.told.at)) } }
                    p.soft { (text(&s.why)) }
                }
                @if !rest.is_empty() {
                    details { summary { (counted(rest.len() as u64, "more frame")) " with source" } @for f in &rest { (source(f)) } }
                }
                @if !seen.brought.is_empty() {
                    details {
                        summary { "What " @match &seen.release { Some(r) => { (text(r)) } None => { "the release" } } " brought: " (counted(seen.brought.len() as u64, "commit")) }
                        ul { @for c in &seen.brought {
                            li { code { (text(c.short())) } " " (text(&c.subject)) span.soft { " by " (text(&c.author)) } }
                        } }
                    }
                }
                @for why in &seen.unmapped { p.soft.small { (text(why)) } }
            }
        }
    }
}

fn source(f: &CodeFrame) -> Markup {
    let place = f.path.as_deref().unwrap_or(&f.file);
    let first = f.line.map_or(1, |l| l.saturating_sub(u32::try_from(f.before.len()).unwrap_or(0)).max(1));
    let lines = f
        .before
        .iter()
        .map(|l| (l, false))
        .chain([(&f.line_text, true)])
        .chain(f.after.iter().map(|l| (l, false)));
    html! {
        p.place.mono { (text(place)) @if let Some(l) = f.line { ":" (l) } @if !f.function.is_empty() { span.soft { " " (text(&f.function)) } } }
        pre.source tabindex="0" { @for (n, (line, here)) in (first..).zip(lines) {
            span.here[here] { span.number { (format!("{n:>5} ")) } (text(line)) } "\n"
        } }
    }
}

/// What the time line shows: from shortly before the first failure to shortly after the last, or to now while it goes on.
fn range(row: &ProblemRow, now: Time) -> (Time, Time) {
    let open = State::OPEN.contains(&row.state) && now.since(row.last_seen) < 86_400 * SECOND;
    let to = if open { now.max(row.last_seen) } else { row.last_seen };
    let length = to.since(row.first_seen).clamp(LINE_LEAST_US, LINE_US);
    let edge = length / 20 + 60 * SECOND;
    (to.plus(-length - edge), if open { to } else { to.plus(edge) })
}

fn head(full: &ProblemFull, p: &Problem, now: Time) -> Markup {
    let r = &full.row;
    let at = format!("/problems/{}/{}", r.project, r.id);
    html! {
        header.problem-head {
            p {
                (badge(&r.class)) " "
                a.cause href={ "/learn/" (r.class) "/" (percent(&r.cause)) } { (text(&r.cause)) } " "
                span class={ "state " (r.state.name()) } { (r.state.name()) }
                @if let Some(until) = r.muted_until { span.soft { " until " (Clock::dated().at(until)) } }
                @if let Some(n) = r.muted_count { span.soft { " until " (counted(n, "failure")) } }
                @if let Some(release) = &r.resolved_release { span.soft { " in " (text(release)) } }
                @if let Some(who) = &r.assigned { span.soft { " · for " (text(who)) } }
                @if let Some(other) = &r.superseded_by {
                    span.soft { " · now part of " a href={ "/problems/" (r.project) "/" (other) } { (other) } }
                }
            }
            h1 { (text(&p.title)) }
            div.acts {
                @if r.state == State::Resolved || r.state == State::Muted {
                    form method="post" action={ (at) "/reopen" } { button { "Reopen" } }
                }
                @if r.state != State::Resolved {
                    form method="post" action={ (at) "/resolve" } { button { "Resolve" } }
                }
                @if r.state != State::Muted {
                    form method="post" action={ (at) "/mute" } {
                        label { span.visually-hidden { "Mute for" }
                            select name="for" {
                                option value="1h" { "1 hour" } option value="24h" selected { "1 day" }
                                option value="168h" { "1 week" } option value="100x" { "100 failures" }
                            }
                        }
                        button { "Mute" }
                    }
                }
                form method="post" action={ (at) "/assign" } {
                    label { span.visually-hidden { "Assign to" } input name="to" size="10" placeholder="who" autocomplete="off"; }
                    button { "Assign" }
                }
                a.button href={ (at) "/markdown" } data-copy={ (at) "/markdown" } { "Copy as Markdown" }
            }
            p.soft.figures {
                strong { (counted(r.count, "failure")) }
                @let codes = statuses(p, "×");
                @if !codes.is_empty() { " (" (codes) ")" }
                ", last " (ago(r.last_seen, now)) ", first " (ago(r.first_seen, now))
            }
        }
    }
}

fn answer(p: &Problem, full: &ProblemFull) -> Markup {
    let v = &p.verdict;
    let clock = Clock::dated();
    let r = &full.row;
    html! {
        section.card.answer aria-label="The answer" {
            p.why { (text(&instants(&v.summary, clock))) }
            (facts(p, Some((r.first_seen, r.last_seen))))
            @for t in &full.first_thoughts {
                p.thought { "First thought: " (words(&t.class, &t.cause, t.culprit.as_deref())) "; since " (clock.at(t.until)) " as above." }
            }
            @for e in full.revisions.iter().rev().take(3) {
                p.thought {
                    "Until " (clock.at(e.until)) ": " (words(&e.class, &e.cause, e.culprit.as_deref()))
                    " (" (certainty_percent(e.confidence)) " %)."
                }
            }
        }
    }
}

fn words(class: &str, cause: &str, culprit: Option<&str>) -> Markup {
    html! { (text(class)) "/" (text(cause)) @if let Some(c) = culprit { " at " code { (text(c)) } } }
}

/// Where, since when, what set it off, how sure, what else.
pub fn facts(p: &Problem, seen: Option<(Time, Time)>) -> Markup {
    let v = &p.verdict;
    let clock = Clock::dated();
    let seen = seen.or_else(|| Some((p.first_seen?, p.last_seen?)));
    html! {
        dl.facts {
            @if let Some(c) = &v.culprit { div { dt { "Where to look" } dd { strong { code { (text(c)) } } } } }
            @if let Some((first, last)) = seen {
                div { dt { "Since" } dd {
                    (clock.at(first))
                    @if last > first { span.soft { ", for " (span(last.since(first))) } }
                } }
            }
            div { dt { "Set off" } dd {
                @match trigger(&v.trigger, p.first_seen, clock) {
                    Some(words) => { (text(&words)) }
                    None => { "nothing that was seen shows it" }
                }
            } }
            @if let Some(e) = &p.ended {
                div { dt { "Ended" } dd { (clock.at(e.at)) @if let Some(w) = &e.what { ": " (text(w)) } } }
            }
            div { dt { "How sure" } dd { (share(v.confidence, "share-ink")) (sure(v.confidence)) } }
            @for a in p.alternatives.iter().take(3) {
                div { dt { "Else" } dd {
                    (words(a.cause.class.name(), &a.cause.name, a.culprit.as_deref()))
                    span.soft { " (" (certainty_percent(a.confidence)) " %)" }
                } }
            }
        }
        @if !p.inputs.is_empty() {
            h3 { "Which inputs fail" }
            ul { @for i in &p.inputs { li { (text(i)) } } }
        }
    }
}

/// The lines that prove it.
pub fn proof(p: &Problem) -> Markup {
    if p.evidence.is_empty() {
        return html! {};
    }
    let all = by_role(p);
    let (first, rest) = all.split_at(all.len().min(EVIDENCE_MAX));
    html! {
        section.card {
            h2 { "What proves it" }
            ol.evidence { @for e in first { (quote(e)) } }
            @if !rest.is_empty() {
                details {
                    summary { (counted(rest.len() as u64, "more line")) }
                    ol.evidence start=(first.len() + 1) { @for e in rest { (quote(e)) } }
                }
            }
        }
    }
}

fn quote(e: &Evidence) -> Markup {
    let role = match e.role {
        Role::Cause => "cause",
        Role::Symptom => "symptom",
        Role::Context => "context",
    };
    html! {
        li {
            span class={ "role " (role) } { (role) } " "
            span.place.mono { (text(&e.source)) @if e.line > 0 { ":" (e.line) } }
            @if let Some(at) = e.at { span.soft { " · " (Clock::dated().at(at)) } }
            @if !e.why.is_empty() { span.soft { " · " (text(&e.why)) } }
            pre tabindex="0" { (text(e.text.trim_end())) }
        }
    }
}

/// The way of the request, with the broken hop marked.
pub fn the_way(p: &Problem) -> Markup {
    html! {
        @if p.hops.len() > 1 {
            section.card { h2 { "The way of the request" } figure.way-figure.way-of-request { (drawn(way(&p.hops))) } }
        }
    }
}

fn times(line: &[Step], marks: &[MarkSeen], full: &ProblemFull) -> Markup {
    let mut flags: Vec<Flag> = marks
        .iter()
        .rev()
        .take(FLAGS_MAX)
        .map(|m| Flag { at: m.at, kind: m.kind.clone(), words: format!("{} {}", m.kind, text(&m.what)) })
        .collect();
    flags.extend(
        full.states.iter().filter(|s| matches!(s.state, State::Resolved | State::Regressed)).map(|s| Flag {
            at: s.at,
            kind: s.state.name().to_owned(),
            words: s.state.name().to_owned(),
        }),
    );
    html! {
        section.card { h2 { "Over time" } figure.timeline { (over_time(line, Drawn::Failures, &flags, None)) } }
    }
}

/// What to do next, to be ticked off.
pub fn next(p: &Problem) -> Markup {
    html! {
        @if !p.verdict.next_steps.is_empty() {
            section.card {
                h2 { "What to do next" }
                ol.checklist data-checklist=(p.id) {
                    @for (i, s) in p.verdict.next_steps.iter().enumerate() {
                        li { label { input type="checkbox" data-step=(i); " " span { (text(s)) } } }
                    }
                }
            }
        }
    }
}

fn reproduce(p: &Problem, row: &ProblemRow) -> Markup {
    let Some(curl) = p.reproduce.as_deref() else { return html! {} };
    let request = Request::of_curl(curl);
    html! {
        section.card {
            h2 { "Make it happen again" }
            div.copied { pre.curl tabindex="0" { (text(curl)) } button.plain type="button" data-copy-text="" { "Copy" } }
            @if let Some(r) = request {
                details {
                    summary { "HTTPie, Postman" }
                    div.copied { pre tabindex="0" { (text(&r.httpie())) } button.plain type="button" data-copy-text="" { "Copy" } }
                    p { a href={ "/problems/" (row.project) "/" (row.id) "/postman" } download { "Postman collection" } }
                }
            }
        }
    }
}

/// The stack of an exception, the service's own code marked.
pub fn stack(p: &Problem) -> Markup {
    let Some(e) = &p.exception else { return html! {} };
    let message = if e.message.is_empty() { e.kind.clone() } else { format!("{}: {}", e.kind, e.message) };
    html! {
        section.card {
            h2 { "Stack trace" }
            pre tabindex="0" { (text(&message)) }
            (frames(e))
        }
    }
}

fn frames(e: &Exception) -> Markup {
    html! {
        @if !e.frames.is_empty() {
            ol.frames.mono { @for f in &e.frames {
                li.app[f.in_app] {
                    (text(&f.place()))
                    @if !f.function.is_empty() { " " (text(&f.function)) }
                    @if f.in_app { span.soft { " (own code)" } }
                }
            } }
        }
    }
}

fn seen_in(full: &ProblemFull, p: &Problem) -> Markup {
    let all = full.row.count;
    let lists =
        [("Service", &full.services), ("Release", &full.releases), ("Environment", &full.environments)];
    let example = |method: &str, route: &str| {
        let like = p.endpoints.iter().find(|e| e.method == method && e.route == route)?;
        (!like.example.is_empty() && like.example != route).then(|| like.example.clone())
    };
    html! {
        section.card {
            h2 { "Where it shows" }
            table.shares {
                thead { tr { th scope="col" { "Route" } th scope="col" { span.visually-hidden { "Share" } } th.right scope="col" { "Failures" } } }
                tbody { @for e in full.endpoints.iter().take(NAMES_MAX) {
                    tr {
                        td { code { (text(format!("{} {}", e.method, e.route).trim())) }
                            @if let Some(x) = example(&e.method, &e.route) { span.soft.small { " such as " code { (text(&x)) } } } }
                        td.bar-cell { (share(part(e.count, all), "share-bad")) }
                        td.right { (number(e.count)) span.soft { " " (share_words(e.count, all)) } }
                    }
                } }
            }
            @if full.endpoints.len() > NAMES_MAX { p.soft { "and " (counted((full.endpoints.len() - NAMES_MAX) as u64, "more route")) } }
            @for (name, list) in lists {
                @if !list.is_empty() {
                    table.shares {
                        thead { tr { th scope="col" { (name) } th scope="col" { span.visually-hidden { "Share" } } th.right scope="col" { "Failures" } } }
                        tbody { @for (n, count) in list.iter().take(NAMES_MAX) {
                            tr { td { (text(n)) } td.bar-cell { (share(part(*count, all), "share-bad")) } td.right { (number(*count)) } }
                        } }
                    }
                }
            }
        }
    }
}

fn part(n: u64, all: u64) -> f64 {
    if all == 0 { 0.0 } else { n as f64 / all as f64 }
}

fn failures_card(rows: &[FailureRow], row: &ProblemRow, more: bool) -> Markup {
    html! {
        section.card {
            h2 { "Failures" }
            @if rows.is_empty() { p.soft { "Their rows are no longer kept; their count is." } }
            @else { (failure_table(rows, row.project)) }
            @if more { p { a href={ "/problems/" (row.project) "/" (row.id) "/failures" } { "All failures" } } }
        }
    }
}

fn failure_table(rows: &[FailureRow], project: i64) -> Markup {
    html! {
        table.failures {
            thead { tr { th scope="col" { "When" } th scope="col" { "Status" } th scope="col" { "Request" } th scope="col" { "In" } } }
            tbody { @for f in rows {
                tr {
                    td { time datetime=(f.at) { (Clock::dated().at(f.at)) } }
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

fn history(full: &ProblemFull) -> Markup {
    let clock = Clock::dated();
    html! {
        section.card {
            h2 { "What happened to it" }
            ol.history {
                @for s in &full.states {
                    li { span.mono { (clock.at(s.at)) } " " span class={ "state " (s.state.name()) } { (s.state.name()) } " "
                        (text(&s.reason)) @if let Some(by) = &s.by { span.soft { " (" (text(by)) ")" } } }
                }
            }
            @if !full.revisions.is_empty() {
                details { summary { (counted(full.revisions.len() as u64, "earlier verdict")) }
                    ul { @for r in &full.revisions {
                        li { (clock.at(r.since)) " to " (clock.at(r.until)) ": " (words(&r.class, &r.cause, r.culprit.as_deref()))
                            span.soft { " (" (certainty_percent(r.confidence)) " %)" } }
                    } }
                }
            }
        }
    }
}

fn alike(similar: &[ProblemRow], now: Time) -> Markup {
    html! {
        @if !similar.is_empty() {
            section.card {
                h2 { "Similar problems" }
                ul.tiles { @for r in similar.iter().take(8) {
                    li { a href={ "/problems/" (r.project) "/" (r.id) } { (text(&r.title)) }
                        span.soft { (counted(r.count, "failure")) ", last " (ago(r.last_seen, now)) ", " (r.state.name()) } }
                } }
            }
        }
    }
}

fn notes(full: &ProblemFull) -> Markup {
    let r = &full.row;
    html! {
        section.card {
            h2 { "Notes" }
            @if !full.notes.is_empty() {
                ol.history { @for n in &full.notes {
                    li { span.mono { (Clock::dated().at(n.at)) } " " strong { (text(&n.by)) } " " span class=(if n.written { "written" } else { "soft" }) { (text(&n.text)) } }
                } }
            }
            form.note method="post" action={ "/problems/" (r.project) "/" (r.id) "/notes" } {
                label { span.visually-hidden { "A note" } textarea name="text" rows="2" required placeholder="What did you find?" {} }
                button { "Add note" }
            }
        }
    }
}

/// `GET /problems/{project}/{id}/markdown`: to paste into a ticket.
pub async fn markdown(visit: Visit, Path((project, id)): Named) -> Seen {
    let full = visit.app.read(|r| r.problem(project, &id))?.ok_or_else(|| missing("problem"))?;
    let p = told::problem(&document(&full));
    let kind =
        [(header::CONTENT_TYPE, "text/markdown; charset=utf-8"), (header::X_CONTENT_TYPE_OPTIONS, "nosniff")];
    Ok((kind, problem_in_markdown(&p)).into_response())
}

/// `GET /problems/{project}/{id}/postman`: a collection with the request.
pub async fn postman(visit: Visit, Path((project, id)): Named) -> Seen {
    let full = visit.app.read(|r| r.problem(project, &id))?.ok_or_else(|| missing("problem"))?;
    let p = clean_problem(told::problem(&document(&full)));
    let request =
        p.reproduce.as_deref().and_then(Request::of_curl).ok_or_else(|| missing("request to repeat"))?;
    let name = p.endpoints.first().map_or_else(|| p.title.clone(), |e| format!("{} {}", e.method, e.route));
    let headers = [
        (header::CONTENT_TYPE, "application/json".to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"why500-{}.postman_collection.json\"", full.row.id),
        ),
    ];
    Ok((headers, request.postman(name.trim()).to_string()).into_response())
}

/// A problem of a report that is kept nowhere.
pub fn of_report(p: &Problem) -> Markup {
    html! {
        article.of-report id={ "p-" (p.id) } {
            header.problem-head {
                p { (badge(p.verdict.cause.class.name())) " " a.cause href={ "/learn/" (p.verdict.cause.class.name()) "/" (percent(&p.verdict.cause.name)) } { (text(&p.verdict.cause.name)) } }
                h2.h1 { (text(&p.title)) }
                p.soft.figures { strong { (counted(p.count, "failure")) } @let codes = statuses(p, "×"); @if !codes.is_empty() { " (" (codes) ")" } }
            }
            section.card.answer { p.why { (text(&instants(&p.verdict.summary, Clock::dated()))) } (facts(p, None)) }
            (proof(p))
            (the_way(p))
            @let steps: Vec<Step> = if p.timeline.step_us > 0 { steps_of(p) } else { Vec::new() };
            @if !steps.is_empty() { section.card { h2 { "Over time" } figure.timeline { (over_time(&steps, Drawn::Failures, &[], None)) } } }
            (next(p))
            @if let Some(curl) = &p.reproduce { section.card { h2 { "Make it happen again" } pre.curl tabindex="0" { (text(curl)) } } }
            (stack(p))
        }
    }
}

/// The report's time line in at most [`BARS`] steps.
fn steps_of(p: &Problem) -> Vec<Step> {
    let t = &p.timeline;
    let merge = t.failed.len().div_ceil(usize::try_from(BARS).unwrap_or(1)).max(1);
    let whole =
        |i: usize| t.start.plus(t.step_us.saturating_mul(i64::try_from(i * merge).unwrap_or(i64::MAX)));
    let mut requests = t.requests.chunks(merge).map(|c| c.iter().sum::<u64>());
    t.failed
        .chunks(merge)
        .enumerate()
        .map(|(i, c)| Step { at: whole(i), requests: requests.next().unwrap_or(0), failures: c.iter().sum() })
        .collect()
}

/// A row of a report's problem in a list, with its sparkline.
pub fn spark_of(p: &Problem) -> Markup {
    spark(&steps_of(p))
}
