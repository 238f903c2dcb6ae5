//! What a status and a cause mean: the catalogue as pages, with a search.

use super::shell::{badge, whole};
use super::{Seen, Visit, page, percent, text};
use crate::catalogue::{Entry, all_statuses, entry, every};
use crate::report::phrase;
use crate::serve::api::missing;
use axum::extract::Path;
use axum::http::StatusCode;
use maud::{Markup, html};
use record::{Cause, Class};
use std::collections::HashMap;

/// `GET /learn`, with `q` only what holds all its words.
pub async fn all(visit: Visit) -> Seen {
    let asked = visit.params.get("q").map_or("", String::as_str);
    let words: Vec<String> = asked.split_whitespace().take(8).map(str::to_lowercase).collect();
    let fits = |held: &str| {
        let held = held.to_lowercase();
        words.iter().all(|w| held.contains(w.as_str()))
    };
    let statuses: Vec<_> = all_statuses()
        .iter()
        .filter(|(code, s)| fits(&format!("{code} {} {} {}", s.name, s.meaning, s.usual.join(" "))))
        .collect();
    let found: Vec<_> = every().filter(|(class, name, e)| fits(&held(*class, name, e))).collect();
    let main = html! {
        h1 { "Why servers answer 500" }
        p.lead {
            "A 500 says that something went wrong and nothing else. Each cause that why500 tells apart is explained here: what it means, "
            "how it looks in what software writes, how to check it and what to do."
        }
        form.filters role="search" method="get" action="/learn" {
            label.grow { span { "Search" }
                input type="search" name="q" value=(text(asked)) placeholder="an error's words, a cause, a status" autocomplete="off";
            }
            button { "Search" }
        }
        @if found.is_empty() && statuses.is_empty() {
            section.card.empty { h2 { "Nothing holds these words" } p { a href="/learn" { "Show all" } } }
        }
        @if !statuses.is_empty() {
            section.card {
                h2 { "Statuses" }
                ul.tiles { @for (code, s) in statuses {
                    li { a href={ "/learn/status/" (code) } { strong { (code) } " " (s.name) } span.soft { (s.meaning) } }
                } }
            }
        }
        @for class in Class::ALL {
            @let of_class: Vec<_> = found.iter().filter(|(c, ..)| *c == class).collect();
            @if !of_class.is_empty() {
                section.card {
                    h2 { (badge(class.name())) " " (phrase::class(class)) }
                    ul.tiles { @for (class, name, e) in of_class {
                        li { a href={ "/learn/" (class.name()) "/" (name) } { strong { (name) } } span.soft { (e.meaning) } }
                    } }
                }
            }
        }
    };
    Ok(page(StatusCode::OK, whole(&visit, "/learn", "Learn", &main)))
}

fn held(class: Class, name: &str, e: &Entry) -> String {
    let looks: Vec<String> = e.looks.iter().map(|(stack, line)| format!("{stack} {line}")).collect();
    let kinds: Vec<String> = e.kinds.iter().map(|k| format!("{} {}", k.meaning, k.words.join(" "))).collect();
    let parts = [e.meaning.clone(), e.aka.join(" "), looks.join(" "), kinds.join(" ")];
    format!("{}/{name} {}", class.name(), parts.join(" "))
}

/// `GET /learn/{class}/{cause}`
pub async fn cause(visit: Visit, Path(place): Path<HashMap<String, String>>) -> Seen {
    let named = |n: &str| place.get(n).map_or("", String::as_str);
    let class = Class::parse(named("class")).ok_or_else(|| missing("class"))?;
    let cause = Cause::new(class, named("cause"));
    let e = entry(&cause).ok_or_else(|| missing("cause"))?;
    let title = format!("{}/{}", class.name(), cause.name);
    let main = html! {
        article.card.learn {
            p { (badge(class.name())) " " span.soft { (phrase::class(class)) } }
            h1 { (cause.name) }
            p.why { (e.meaning) }
            @if !e.aka.is_empty() { p.soft { "Also called " (e.aka.join(", ")) "." } }
            @if !e.culprit.is_empty() { p.soft { "A verdict names " (e.culprit) "." } }
            @if !e.kinds.is_empty() {
                h2 { "Kinds of it" }
                ul { @for kind in &e.kinds { li {
                    (kind.meaning)
                    @if !kind.next.is_empty() { ul { @for step in &kind.next { li { (step) } } } }
                } } }
            }
            @if !e.looks.is_empty() {
                h2 { "How it looks" }
                table { thead { tr { th scope="col" { "In" } th scope="col" { "What it writes" } } }
                    tbody { @for (stack, line) in &e.looks {
                        tr { th.stack scope="row" { (stack) } td { pre { (line) } } }
                    } } }
            }
            (steps("How to check it", &e.check))
            (steps("What to do", &e.fix))
            @if !e.related.is_empty() {
                h2 { "Often confused with" }
                ul { @for r in &e.related { li { a href={ "/learn/" (r) } { (r) } } } }
            }
            p { a href={ "/problems?state=all&class=" (class.name()) "&q=" (percent(&cause.name)) } { "Problems of this cause here" } }
        }
    };
    Ok(page(StatusCode::OK, whole(&visit, "/learn", &title, &main)))
}

/// `GET /learn/status/{code}`
pub async fn status(visit: Visit, Path(place): Path<HashMap<String, String>>) -> Seen {
    let code = place.get("code").map_or("", String::as_str);
    let s = all_statuses().get(code).ok_or_else(|| missing("status"))?;
    let main = html! {
        article.card.learn {
            p.soft { (s.source) }
            h1 { (code) " " (s.name) }
            p.why { (s.meaning) }
            p { (s.who) }
            h2 { "What usually causes it" }
            ul { @for u in &s.usual { li { (u) } } }
            (steps("Where to look", &s.look))
            @if !s.causes.is_empty() {
                h2 { "Causes that lead to it" }
                ul { @for c in &s.causes { li { a href={ "/learn/" (c) } { (c) } } } }
            }
        }
    };
    Ok(page(StatusCode::OK, whole(&visit, "/learn", &format!("{code} {}", s.name), &main)))
}

fn steps(title: &str, list: &[String]) -> Markup {
    html! {
        @if !list.is_empty() {
            h2 { (title) }
            ol { @for s in list { li { (s) } } }
        }
    }
}
