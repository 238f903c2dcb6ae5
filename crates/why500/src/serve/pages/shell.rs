//! What all pages have in common: head, navigation, foot; and the page that says why there is none.

use super::{Visit, page, text};
use crate::serve::api::Failed;
use axum::body::Body;
use axum::http::{Response, StatusCode};
use maud::{DOCTYPE, Markup, html};

/// The pages that are always at hand.
const PLACES: [(&str, &str); 6] = [
    ("/problems", "Problems"),
    ("/service", "Service health"),
    ("/alerts", "Alerts"),
    ("/setup", "Set-up"),
    ("/explain", "Explain logs"),
    ("/learn", "Learn"),
];

/// A whole page. `here`: the place of [`PLACES`] it belongs to.
pub fn whole(visit: &Visit, here: &str, title: &str, main: &Markup) -> Markup {
    let nav = html! {
        nav aria-label="Pages" {
            @for (place, name) in PLACES {
                a href=(with_project(place, visit)) aria-current=[(place == here).then_some("page")] { (name) }
            }
        }
        div.aside {
            @if visit.projects.len() > 1 {
                form.project method="get" action=(here) {
                    label { span.visually-hidden { "Project" }
                        select name="project" data-submits="" {
                            @for p in &visit.projects {
                                option value=(p.id) selected[p.id == visit.project] { (text(&p.name)) }
                            }
                        }
                    }
                    noscript { button { "Go" } }
                }
            }
            button.plain.theme type="button" hidden aria-label="Switch between dark and light" { "◐" }
            @if visit.signed_in {
                form method="post" action="/logout" {
                    span.soft { (text(&visit.who)) " " } button.plain { "Sign out" }
                }
            } @else {
                a href="/login" { "Sign in" }
            }
        }
    };
    bare(title, Some(visit.project), &nav, main)
}

/// A place, of the project looked at.
pub fn with_project(place: &str, visit: &Visit) -> String {
    if visit.project == 1 { place.to_owned() } else { format!("{place}?project={}", visit.project) }
}

fn bare(title: &str, project: Option<i64>, nav: &Markup, main: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex";
                title { (text(title)) " · why500" }
                link rel="icon" href="/favicon.ico" type="image/svg+xml";
                link rel="stylesheet" href="/assets/why500.css";
                script src="/assets/why500.js" defer {}
            }
            body data-project=[project] {
                a.skip href="#main" { "Skip to content" }
                header.bar {
                    a.brand href="/problems" { (sign()) "why500" }
                    (nav)
                }
                main #main tabindex="-1" { (main) }
                div.visually-hidden #said role="status" aria-live="polite" {}
                footer {
                    "All times are " span.zone { "UTC" } ". " button.plain.zone type="button" hidden { "Show mine" } " why500 " (env!("CARGO_PKG_VERSION")) " · "
                    a href="/api/v1/openapi.json" { "API" } " · " kbd { "?" } " shows the keys"
                }
            }
        }
    }
}

fn sign() -> Markup {
    html! {
        svg viewBox="0 0 20 20" width="20" height="20" aria-hidden="true" {
            rect.hop.broken x="1.5" y="1.5" width="17" height="17" rx="5" {}
            path.sign.broken d="M6.5 6.5 l7 7 m0 -7 l-7 7" {}
        }
    }
}

/// A page for whoever is not signed in.
pub fn sign_in_page(status: StatusCode, main: &Markup) -> Response<Body> {
    page(status, bare("Sign in", None, &html! {}, &html! { section.card.narrow { (main) } }))
}

/// The page that says why there is none.
pub fn failed(e: &Failed) -> Response<Body> {
    let title = e.0.canonical_reason().unwrap_or("Error");
    let main = html! {
        section.card.narrow {
            h1 { (e.0.as_u16()) " " (title) }
            p { (text(&e.1)) }
            p { a href="/problems" { "Back to the problems" } }
        }
    };
    page(e.0, bare(title, None, &html! {}, &main))
}

/// The badge of a class.
pub fn badge(class: &str) -> Markup {
    html! { span class={ "badge class " (known(class)) } { (text(class)) } }
}

/// A class's name as a name of the style sheet: ours, or none.
fn known(class: &str) -> &'static str {
    record::Class::parse(class).unwrap_or_default().name()
}

/// How sure a verdict is.
pub fn sure(confidence: f64) -> Markup {
    use crate::report::phrase::{certainty, certainty_percent};
    html! { span.sureness { (certainty(confidence)) " (" (certainty_percent(confidence)) " %)" } }
}
