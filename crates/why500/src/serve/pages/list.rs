//! The list of problems that people live in: filtered, sorted, shared by its address.

use super::plot::{spark, step_minutes};
use super::shell::{badge, whole};
use super::{Seen, Visit, ago, page, percent, text};
use crate::report::phrase::{certainty_percent, number, trigger_mark};
use crate::serve::api::{Params, query};
use crate::serve::now;
use axum::http::StatusCode;
use maud::{Markup, html};
use record::{SECOND, Time, TriggerKind};
use store::{ProblemRow, State, Step};

/// Rows of a page: some kilobytes each with their sparkline, and a page stays below 100 kB.
const ROWS: usize = 40;
/// Bars of a sparkline.
const SPARK_BARS: i64 = 30;
/// Ranges to choose from: name, words, hours.
const RANGES: [(&str, &str, i64); 5] = [
    ("1h", "the last hour", 1),
    ("24h", "the last 24 hours", 24),
    ("7d", "the last 7 days", 168),
    ("14d", "the last 14 days", 336),
    ("30d", "the last 30 days", 720),
];
/// Orders to choose from.
const SORTS: [(&str, &str); 4] =
    [("last_seen", "last seen"), ("harm", "harm"), ("count", "failures"), ("first_seen", "newest")];

/// A problem as a row shows it.
struct Shown {
    row: ProblemRow,
    line: Vec<Step>,
    /// Where it shows most, and on how many more routes.
    route: Option<(String, usize)>,
}

/// `GET /problems`. With `part=rows` only the table, which the script puts in place of the old one.
pub async fn list(visit: Visit) -> Seen {
    let now = now();
    let range = visit.params.get("range").and_then(|r| RANGES.iter().find(|(name, ..)| name == r));
    let hours = range.map_or(24, |r| r.2);
    let since = now.plus(-hours * 3_600 * SECOND);
    let mut asked = query(&of_api(&visit.params))?;
    asked.limit = ROWS;
    if range.is_some() {
        asked.since = Some(since);
    }
    // What is over or muted has to be asked for.
    match visit.params.get("state").map(String::as_str) {
        None => asked.states = State::OPEN.to_vec(),
        Some("all") => asked.states = Vec::new(),
        Some(_) => {}
    }
    let step = step_minutes(now.since(since), SPARK_BARS);
    let project = visit.project;
    let (page_of, rows) = visit.app.read(|r| {
        let page = r.problems(project, &asked)?;
        let rows = page
            .rows
            .iter()
            .map(|row| {
                let routes = r.routes_of(project, &row.id)?;
                let route = routes
                    .first()
                    .map(|e| (format!("{} {}", e.method, e.route).trim().to_owned(), routes.len() - 1));
                let line = r.problem_line(project, &row.id, since, now, step)?;
                Ok(Shown { row: row.clone(), line, route })
            })
            .collect::<store::Result<Vec<_>>>()?;
        Ok((page, rows))
    })?;
    let words = range.map_or("the last 24 hours", |r| r.1);
    let table = table(&visit, &rows, page_of.next.as_deref(), words, now);
    if visit.params.get("part").is_some_and(|p| p == "rows") {
        return Ok(page(StatusCode::OK, table));
    }
    let main = html! {
        div.head-row {
            h1 { "Problems" }
            button.plain.news type="button" hidden {}
        }
        (filters(&visit)?)
        div #rows { (table) }
        (keys())
    };
    Ok(page(StatusCode::OK, whole(&visit, "/problems", "Problems", &main)))
}

/// The query as the API knows it.
fn of_api(params: &Params) -> Params {
    let mut asked: Params = params
        .iter()
        .filter(|(k, _)| {
            matches!(
                k.as_str(),
                "q" | "class" | "state" | "route" | "service" | "release" | "environment" | "sort"
            )
        })
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect();
    if asked.get("state").is_some_and(|s| s == "all") {
        asked.remove("state");
    }
    if let Some(after) = params.get("after") {
        asked.insert("cursor".into(), after.clone());
    }
    asked
}

fn filters(visit: &Visit) -> Result<Markup, super::Wrong> {
    let (releases, environments, routes) = visit.app.read(|r| {
        let p = visit.project;
        Ok((r.releases(p)?, r.environments(p)?, r.routes(p)?))
    })?;
    let chosen = |name: &str| visit.params.get(name).map_or("", String::as_str);
    let classes = record::Class::ALL.map(|c| (c.name().to_owned(), c.name().to_owned()));
    let mut states: Vec<(String, String)> =
        vec![(String::new(), "open".into()), ("all".into(), "all".into())];
    states.extend(State::ALL.iter().map(|s| (s.name().to_owned(), s.name().to_owned())));
    let ranges: Vec<(String, String)> = std::iter::once((String::new(), "any time".to_owned()))
        .chain(RANGES.iter().map(|(name, words, _)| ((*name).to_owned(), (*words).to_owned())))
        .collect();
    let sorts: Vec<(String, String)> = SORTS.map(|(n, w)| (n.to_owned(), w.to_owned())).to_vec();
    let any = |list: &[(String, String)]| {
        std::iter::once((String::new(), "any".to_owned())).chain(list.iter().cloned()).collect::<Vec<_>>()
    };
    let named = |list: &[String]| any(&list.iter().map(|n| (n.clone(), n.clone())).collect::<Vec<_>>());
    Ok(html! {
        form.filters role="search" method="get" action="/problems" {
            @if visit.project != 1 { input type="hidden" name="project" value=(visit.project); }
            label.grow { span { "Search" }
                input type="search" name="q" value=(text(chosen("q"))) placeholder="title, cause, culprit, route, id" autocomplete="off";
            }
            (select("class", "Class", &any(&classes), chosen("class")))
            (select("state", "State", &states, chosen("state")))
            (select("range", "Seen in", &ranges, chosen("range")))
            @if !releases.is_empty() { (select("release", "Release", &named(&releases), chosen("release"))) }
            @if !environments.is_empty() {
                (select("environment", "Environment", &named(&environments), chosen("environment")))
            }
            label { span { "Route" }
                input name="route" list="routes" value=(text(chosen("route"))) placeholder="any" autocomplete="off";
            }
            datalist #routes { @for r in routes.iter().take(50) { option value=(text(r)) {} } }
            (select("sort", "Sort by", &sorts, chosen("sort")))
            button { "Show" }
        }
    })
}

fn select(name: &str, label: &str, options: &[(String, String)], chosen: &str) -> Markup {
    html! {
        label { span { (label) }
            select name=(name) data-submits="" {
                @for (value, words) in options {
                    option value=(text(value)) selected[value == chosen] { (text(words)) }
                }
            }
        }
    }
}

fn table(visit: &Visit, rows: &[Shown], next: Option<&str>, range: &str, now: Time) -> Markup {
    if rows.is_empty() {
        return nothing(visit);
    }
    html! {
        form method="post" action={ "/problems/" (visit.project) "/several" } {
            input type="hidden" name="back" value=(address(&visit.params, None));
            div.bulk {
                label { input type="checkbox" data-all=""; " all on this page" }
                button name="do" value="resolve" { "Resolve" }
                button name="do" value="mute" { "Mute for a day" }
                button name="do" value="reopen" { "Reopen" }
            }
            table.problems {
                thead { tr {
                    th scope="col" { span.visually-hidden { "Choose" } }
                    th scope="col" { "Problem" }
                    th scope="col" { "In " (range) }
                    th.right scope="col" { "Failures" }
                    th scope="col" { "Seen" }
                    th scope="col" { "State" }
                } }
                tbody { @for s in rows { (row(s, now)) } }
            }
        }
        @if let Some(next) = next {
            p.more { a href=(address(&visit.params, Some(next))) rel="next" { "Further problems" } }
        }
    }
}

/// An open problem without a failure for so long is said to be silent.
const SILENT_US: i64 = 3_600 * SECOND;

fn row(s: &Shown, now: Time) -> Markup {
    let r = &s.row;
    let lately: u64 = s.line.iter().map(|s| s.failures).sum();
    let at = format!("/problems/{}/{}", r.project, r.id);
    let set_off = r.trigger.as_deref().filter(|t| *t != "none");
    html! {
        tr data-problem=(r.id) {
            td.choose { input type="checkbox" name="id" value=(r.id) aria-label={ "Choose: " (text(&r.title)) }; }
            td.what {
                (badge(&r.class)) " "
                a.title href=(at) { (text(&r.title)) }
                div.sub-line {
                    @if let Some(c) = &r.culprit { code.culprit { (text(c)) } }
                    @if let Some((route, more)) = &s.route {
                        span.routes { (text(route)) @if *more > 0 { " +" (more) } }
                    }
                }
            }
            td.trend { (spark(&s.line)) span.soft.small { (number(lately)) } }
            td.right.count { (number(r.count)) }
            td.seen { span { (ago(r.last_seen, now)) } span.soft.small { "first " (ago(r.first_seen, now)) } }
            td.stand {
                span class={ "state " (r.state.name()) } { (r.state.name()) }
                @if State::OPEN.contains(&r.state) && now.since(r.last_seen) > SILENT_US {
                    span.soft.small title="open, until it is resolved or silent for long" { "silent now" }
                }
                @if let Some(t) = set_off { span.soft.small { "by " (trigger_words(t)) } }
                span.soft.small title="how sure the verdict is" { (certainty_percent(r.confidence)) " % sure" }
                @if let Some(who) = &r.assigned { span.soft.small { "for " (text(who)) } }
            }
        }
    }
}

/// A kind of trigger in a word.
fn trigger_words(kind: &str) -> &'static str {
    let kinds = [
        TriggerKind::Deploy,
        TriggerKind::ConfigChange,
        TriggerKind::Dependency,
        TriggerKind::Traffic,
        TriggerKind::Data,
    ];
    kinds.into_iter().find(|k| k.name() == kind).map_or("something", trigger_mark)
}

fn nothing(visit: &Visit) -> Markup {
    let narrowed = visit.params.keys().any(|k| !matches!(k.as_str(), "project" | "sort" | "part"));
    html! {
        section.card.empty {
            @if narrowed {
                h2 { "No such problem" }
                p { "Nothing fits this filter. " a href=(super::shell::with_project("/problems", visit)) { "Show what is open" } }
            } @else {
                h2 { "No open problem" }
                p { "As soon as a request fails, it stands here with its cause. "
                    a href=(super::shell::with_project("/setup", visit)) { "Set up a source" } ", or "
                    a href="/explain" { "explain logs that you have" } "." }
            }
        }
    }
}

/// The address of this list, or of its next page.
fn address(params: &Params, after: Option<&str>) -> String {
    let mut parts: Vec<String> = params
        .iter()
        .filter(|(k, _)| !matches!(k.as_str(), "after" | "part"))
        .map(|(k, v)| format!("{}={}", percent(k), percent(v)))
        .collect();
    parts.sort();
    parts.extend(after.map(|a| format!("after={}", percent(a))));
    if parts.is_empty() { "/problems".into() } else { format!("/problems?{}", parts.join("&")) }
}

fn keys() -> Markup {
    let keys = [
        ("j k", "next, previous problem"),
        ("Enter", "open it"),
        ("x", "choose it"),
        ("e", "resolve it, or what is chosen"),
        ("m", "mute it for a day, or what is chosen"),
        ("/", "search"),
        ("?", "these keys"),
    ];
    html! {
        dialog #keys aria-labelledby="keys-title" {
            h2 #keys-title { "Keys" }
            dl.keys { @for (key, what) in keys { div { dt { kbd { (key) } } dd { (what) } } } }
            form method="dialog" { button autofocus { "Close" } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_holds_all_that_was_chosen() {
        let params = Params::from([
            ("q".to_owned(), "a&b".to_owned()),
            ("class".to_owned(), "database".to_owned()),
            ("after".to_owned(), "old".to_owned()),
        ]);
        assert_eq!(address(&params, None), "/problems?class=database&q=a%26b");
        assert_eq!(address(&params, Some("l1-2")), "/problems?class=database&q=a%26b&after=l1-2");
        assert_eq!(address(&Params::new(), None), "/problems");
    }
}
