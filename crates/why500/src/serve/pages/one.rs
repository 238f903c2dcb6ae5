//! A problem: the answer first, then what proves it, then all that is known.

use super::answer::{facts, next, proof, stack, the_way, words};
use super::failures::failure_table;
use super::plot::{BARS, Drawn, Flag, flags, over_time, share, step_minutes};
use super::reproduce::Request;
use super::shell::{badge, whole};
use super::{Seen, Visit, ago, page, percent, text, when};
use crate::ask::told;
use crate::report::phrase::{
    Clock, certainty_percent, counted, instants, number, percent as share_words, span,
};
use crate::report::{clean_code, clean_problem, problem_in_markdown, statuses};
use crate::serve::api::{missing, whole as document};
use crate::serve::now;
use crate::serve::quiet::{Quiet, quiet};
use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use diagnosis::Problem;
use maud::{Markup, html};
use record::{CodeFrame, CodeView, SECOND, Time};
use std::sync::Arc;
use std::time::Duration;
use store::{FailureRow, MarkSeen, ProblemFull, ProblemRow, Revision, State, Step};

/// Failures shown on the page; the rest has pages of its own.
const FAILURES: usize = 15;
/// Routes, releases … of a table.
const NAMES_MAX: usize = 20;
/// Marks on the time line, the latest.
const FLAGS_MAX: usize = 24;
/// A time line reaches back so far.
const LINE_US: i64 = 30 * 86_400 * SECOND;
/// … and is at least so long.
const LINE_LEAST_US: i64 = 30 * 60 * SECOND;
/// A deploy so long before the last failure may have ended it: instances are replaced one after the other. One that is told of when
/// it is done may be told of so long after.
const DEPLOYED_US: std::ops::RangeInclusive<i64> = -120 * SECOND..=10 * SECOND;
/// A page waits so long for a repository; what it tells later stands on the next one.
const LOOK_TIME: Duration = Duration::from_millis(400);

/// Project and id.
pub type Named = Path<(i64, String)>;

/// `GET /problems/{project}/{id}`. With `part=live` only what changes by itself.
pub async fn one(visit: Visit, Path((project, id)): Named) -> Seen {
    let now = now();
    let (full, similar, page_of, line, marks, quiet) = visit.app.read(|r| {
        let Some(full) = r.problem(project, &id)? else {
            return Err(store::Error::Missing(format!("problem {id}")));
        };
        let (from, to) = range(&full.row, now);
        let step = step_minutes(to.since(from), BARS);
        let similar = r.similar(project, &id)?;
        let failures = r.failures(project, &id, None, FAILURES)?;
        let line = r.problem_line(project, &id, from, to, step)?;
        let marks = r.marks(project, from, to)?;
        let quiet = quiet(r, &full, now)?;
        Ok((full, similar, failures, line, marks, quiet))
    })?;
    let seen = code_of(&visit, &full).await?;
    let doc = document(&full);
    let p = clean_problem(told::problem(&doc));
    let live = html! {
        (head(&full, &p, now))
        (over(&full.row, quiet, &marks))
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
                @if let Some(until) = r.muted_until { span.soft { " until " (when(until)) } }
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

/// Is it over? Said where requests on its routes go well again, with the deploy about which it stopped.
fn over(row: &ProblemRow, quiet: Option<Quiet>, marks: &[MarkSeen]) -> Markup {
    let Some(q) = quiet else { return html! {} };
    let deployed = marks.iter().rev().find(|m| {
        matches!(m.kind.as_str(), "deploy" | "rollback")
            && m.at > row.first_seen
            && DEPLOYED_US.contains(&m.at.since(row.last_seen))
    });
    html! {
        p.quiet role="status" {
            strong { "Quiet for " (span(q.for_us)) ". " }
            (counted(q.went_well, "request")) " on its routes went well since."
            @if let Some(m) = deployed {
                " It stopped about when this was deployed: " code { (text(crate::repos::release(&m.what).unwrap_or(&m.what))) } "."
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
                p.thought { "First thought: " (words(&t.class, &t.cause, t.culprit.as_deref())) "; since " (when(t.until)) " as above." }
            }
            // One that only found what set it off says nothing else.
            @let same = |e: &Revision| (&e.class, &e.cause, &e.culprit) == (&r.class, &r.cause, &r.culprit);
            @for e in full.revisions.iter().rev().filter(|e| !same(e)).take(3) {
                p.thought {
                    "Until " (when(e.until)) ": " (words(&e.class, &e.cause, e.culprit.as_deref()))
                    " (" (certainty_percent(e.confidence)) " %)."
                }
            }
        }
    }
}

fn times(line: &[Step], marks: &[MarkSeen], full: &ProblemFull) -> Markup {
    let mut flags = flags(marks, FLAGS_MAX);
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

fn history(full: &ProblemFull) -> Markup {
    html! {
        section.card {
            h2 { "What happened to it" }
            ol.history {
                @for s in &full.states {
                    li { span.mono { (when(s.at)) } " " span class={ "state " (s.state.name()) } { (s.state.name()) } " "
                        (text(&s.reason)) @if let Some(by) = &s.by { span.soft { " (" (text(by)) ")" } } }
                }
            }
            @if !full.revisions.is_empty() {
                details { summary { (counted(full.revisions.len() as u64, "earlier verdict")) }
                    ul { @for r in &full.revisions {
                        li { (when(r.since)) " to " (when(r.until)) ": " (words(&r.class, &r.cause, r.culprit.as_deref()))
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
                    li { span.mono { (when(n.at)) } " " strong { (text(&n.by)) } " " span class=(if n.written { "written" } else { "soft" }) { (text(&n.text)) } }
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
