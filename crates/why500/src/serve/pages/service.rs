//! How the service does: the share of 5xx over time against the objective, the error budget, routes and releases.

use super::plot::{BARS, Drawn, bars, flags, over_time, share, spark, step_minutes};
use super::shell::whole;
use super::{Seen, Visit, page, text};
use crate::report::phrase::{counted, number, percent};
use crate::serve::now;
use crate::serve::slow::{self, Timed, about};
use axum::http::StatusCode;
use maud::{Markup, html};
use record::SECOND;
use store::{RouteDurations, RouteHealth, RouteLine, Step, Took};

/// The error budget is of so many days.
const BUDGET_DAYS: i64 = 30;
/// Routes and releases shown.
const SHOWN: usize = 15;
/// Bars of a sparkline.
const SPARK_BARS: i64 = 30;
/// Marks on the plot, the latest.
const FLAGS_MAX: usize = 24;
/// Ranges to choose from: words, hours.
const RANGES: [(&str, i64); 4] = [("1 h", 1), ("24 h", 24), ("7 d", 168), ("30 d", 720)];

/// `GET /service`, with `hours` the range.
pub async fn service(visit: Visit) -> Seen {
    let now = now();
    let asked = visit.params.get("hours").and_then(|h| h.parse().ok());
    let hours = RANGES.iter().map(|r| r.1).find(|h| asked == Some(*h)).unwrap_or(24);
    let from = now.plus(-hours * 3_600 * SECOND);
    let range = now.since(from);
    let p = visit.project;
    // That of what names no service: the page shows all of them together.
    let objective = visit.app.alerts.config().objectives.of("");
    let (steps, marks, month, routes, releases, health) = visit.app.read(|r| {
        Ok((
            r.timeline(p, from, now, step_minutes(range, BARS))?,
            r.marks(p, from, now)?,
            r.timeline(p, now.plus(-BUDGET_DAYS * 86_400 * SECOND), now, 1_440)?,
            r.route_lines(p, from, now, step_minutes(range, SPARK_BARS), SHOWN)?,
            r.release_lines(p, from, now, step_minutes(range, SPARK_BARS), SHOWN)?,
            r.health(p, from, now)?,
        ))
    })?;
    let timed = slow::timed(&visit.app, p, now)?;
    let slow: Vec<&Timed> = timed.iter().filter(|t| t.why.is_some()).take(SHOWN).collect();
    let of: Vec<&RouteDurations> = slow.iter().map(|t| &t.of).collect();
    let drawn =
        visit.app.read(|r| r.duration_lines(p, &of, from, now, step_minutes(range, SPARK_BARS)))?.lines;
    let flags = flags(&marks, FLAGS_MAX);
    let counted_requests = steps.iter().any(|s| s.requests > 0);
    let main = html! {
        div.head-row {
            h1 { "Service health" }
            nav.ranges aria-label="Range" { @for (words, h) in RANGES {
                a href={ "/service?hours=" (h) "&project=" (p) } aria-current=[(h == hours).then_some("true")] { (words) }
            } }
        }
        (budget(&month, objective))
        section.card {
            h2 { @if counted_requests { "Share of requests that failed" } @else { "Failures" } }
            @if steps.iter().all(|s| s.requests == 0 && s.failures == 0) {
                p.soft { "Nothing came in this time." }
            } @else {
                figure.timeline {
                    @if counted_requests {
                        (over_time(&steps, Drawn::Share, &flags, Some(((1.0 - objective) * 100.0, "objective"))))
                    } @else {
                        (over_time(&steps, Drawn::Failures, &flags, None))
                    }
                }
                @if !counted_requests {
                    p.soft { "Nothing that comes in counts healthy requests, so there is no share: follow the web server's access log, or send transactions or spans." }
                }
            }
        }
        (about_to_fail(&slow, &drawn, !timed.is_empty(), counted_requests))
        (routes_table(&routes, &health))
        (releases_table(&releases))
    };
    Ok(page(StatusCode::OK, whole(&visit, "/service", "Service health", &main)))
}

/// A share as pages write it: `1.3 %`.
fn part(part: u64, whole: u64) -> String {
    percent(part, whole).replace('%', "\u{a0}%")
}

/// What may still fail this month. Where nobody counts requests there is none.
fn budget(month: &[Step], objective: f64) -> Markup {
    let requests: u64 = month.iter().map(|s| s.requests).sum();
    let failures: u64 = month.iter().map(|s| s.failures).sum();
    if requests == 0 {
        return html! {};
    }
    let may = requests as f64 * (1.0 - objective);
    let left = 1.0 - failures as f64 / may.max(f64::MIN_POSITIVE);
    html! {
        section.card.budget aria-label="Error budget" {
            div.figure-of {
                strong.bad-text[left < 0.0] { @if left >= 0.0 { (format!("{:.0} %", left * 100.0)) } @else { "none" } }
                span { "of the error budget left" }
            }
            div.figure-of { strong { (part(failures, requests)) } span { "failed in " (BUDGET_DAYS) " days" } }
            div.figure-of { strong { (number(failures)) } span { "of " @if may < 10.0 { (format!("{may:.1}")) } @else { (number(may.floor() as u64)) } " that may fail, of " (counted(requests, "request")) } }
            div.wide { (share(left.max(0.0), if left < 0.25 { "share-bad" } else { "share-ok" }))
                p.soft.small { "The objective is that " (format!("{:.1} %", objective * 100.0)) " of requests succeed." } }
        }
    }
}

/// Routes that take longer than they used to, or near a limit. Where nobody says how long requests take, what to log.
fn about_to_fail(
    slow: &[&Timed],
    drawn: &[Vec<Option<Took>>],
    known: bool,
    counted_requests: bool,
) -> Markup {
    html! {
        @if counted_requests || known {
            section.card {
                h2 { "Routes about to fail" }
                @if !known {
                    p.soft { "In the last hour nothing said how long requests take. An access log does with nginx's " code { "$request_time" } " or Apache's " code { "%D" } " at its lines' ends; transactions and spans do too." }
                } @else if slow.is_empty() {
                    p.soft { "None: no route takes much longer than it used to, or comes near a limit of time." }
                } @else {
                    table.shares {
                        thead { tr { th scope="col" { "Route" } th scope="col" { "Duration over time" } th.right scope="col" { "Now" } th.right scope="col" { "Usually" } th.right scope="col" { "Requests" } } }
                        tbody { @for (t, line) in slow.iter().zip(drawn) {
                            tr {
                                td { code { (text(format!("{} {}", t.of.method, t.of.route).trim())) } @if !t.of.service.is_empty() { " " span.soft.small { (text(&t.of.service)) } }
                                    @if let Some(why) = &t.why { div.soft.small { (why) } } }
                                td.trend { (durations_line(t, line)) }
                                td.right { (about(t.of.now.p95_us)) }
                                td.right { @if let Some(b) = &t.of.before { (about(b.p95_us)) } }
                                td.right { (number(t.of.now.requests)) }
                            }
                        } }
                    }
                    p.soft.small { "Durations are what 95 of 100 requests that went well stay below, to a fifth: now those of the latest, usually those of the days before, two weeks at most." }
                }
            }
        }
    }
}

fn durations_line(t: &Timed, line: &[Option<Took>]) -> Markup {
    let figures: Vec<u64> = line.iter().map(|s| s.map_or(0, |s| s.p95_us)).collect();
    let most = figures.iter().copied().max().unwrap_or(0);
    bars(
        &figures,
        &format!("at most {}", about(most)),
        if t.limit_s.is_some() { "bar-bad" } else { "bar-warn" },
    )
}

fn routes_table(routes: &[RouteLine], health: &[RouteHealth]) -> Markup {
    let of = |r: &RouteLine| {
        health.iter().find(|h| h.service == r.service && h.method == r.method && h.route == r.route)
    };
    html! {
        section.card {
            h2 { "Routes that fail" }
            @if routes.is_empty() { p.soft { "None in this time." } }
            @else {
                table.shares {
                    thead { tr { th scope="col" { "Route" } th scope="col" { "Failures over time" } th.right scope="col" { "Failures" } th.right scope="col" { "Requests" } th.right scope="col" { "Share" } } }
                    tbody { @for r in routes {
                        @let failures: u64 = r.line.iter().map(|s| s.failures).sum();
                        @let h = of(r);
                        tr {
                            td { code { (text(format!("{} {}", r.method, r.route).trim())) } @if !r.service.is_empty() { " " span.soft.small { (text(&r.service)) } } }
                            td.trend { (spark(&r.line)) }
                            td.right { a href={ "/problems?state=all&route=" (super::percent(&r.route)) } { (number(failures)) } }
                            td.right { (h.and_then(|h| h.requests).map(number).unwrap_or_default()) }
                            td.right { @if let Some(h) = h.filter(|h| h.share.is_some()) { (part(h.failed_requests, h.requests.unwrap_or(0))) } }
                        }
                    } }
                }
            }
        }
    }
}

fn releases_table(releases: &[(String, Vec<Step>)]) -> Markup {
    html! {
        @if !releases.is_empty() {
            section.card {
                h2 { "Releases that fail" }
                table.shares {
                    thead { tr { th scope="col" { "Release" } th scope="col" { "Failures over time" } th.right scope="col" { "Failures" } } }
                    tbody { @for (name, line) in releases {
                        tr {
                            td { a href={ "/problems?state=all&release=" (super::percent(name)) } { (text(name)) } }
                            td.trend { (spark(line)) }
                            td.right { (number(line.iter().map(|s| s.failures).sum())) }
                        }
                    } }
                }
            }
        }
    }
}
