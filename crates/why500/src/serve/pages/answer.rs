//! What is told of a problem wherever it comes from, the store or a report: facts, proof, the way of the request, what to do next.

use super::plot::{drawn, share};
use super::shell::sure;
use super::{text, when};
use crate::report::by_role;
use crate::report::chart::way;
use crate::report::phrase::{Clock, certainty_percent, counted, span, trigger};
use diagnosis::{Evidence, Problem};
use maud::{Markup, html};
use record::{Exception, Role, Time};

/// Quoted records shown at once; the rest is folded away.
const EVIDENCE_MAX: usize = 5;

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
                    (when(first))
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
                div { dt { "Ended" } dd { (when(e.at)) @if let Some(w) = &e.what { ": " (text(w)) } } }
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
            @if let Some(at) = e.at { span.soft { " · " (when(at)) } }
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

/// A cause with its culprit.
pub fn words(class: &str, cause: &str, culprit: Option<&str>) -> Markup {
    html! { (text(class)) "/" (text(cause)) @if let Some(c) = culprit { " at " code { (text(c)) } } }
}
