//! A crawl's pages as findings and notes: broken pages, pages that tell too much, links that lead nowhere, redirects.

use ::probe::case::Case;
use ::probe::checks::Kind;
use ::probe::explore::{Exchange, Finding, Step, Times, Trial};
use ::probe::operation::{Description, Operation};
use ::probe::site::{Crawl, Visit};
use ::probe::{End, Request};
use std::collections::BTreeMap;

/// Addresses in a note.
const NAMED_MAX: usize = 10;
/// Pages that link to a broken one, in a note.
const INLINKS_MAX: usize = 3;
/// A page that takes longer is slow: people leave (web.dev, "Time to First Byte": poor above 1.8 s).
const SLOW_US: u64 = 1_800_000;
/// Other pages of the same route that fail alike, in a finding.
const VARIANTS_MAX: usize = 8;

/// What failed of the visits: operations that ask for the pages, and the findings about them. Pages of one route that fail alike are
/// one finding.
pub fn findings(visits: &[Visit]) -> (Description, Vec<Finding>) {
    let mut d = Description::default();
    let mut found: Vec<Finding> = Vec::new();
    // By route, status and what the body says besides numbers.
    let mut known: BTreeMap<(String, u16, u64), usize> = BTreeMap::new();
    for v in visits {
        let Some(family) = family(v) else { continue };
        let route = diagnosis::route::template(&v.target);
        let head: String = v.answer.text().chars().take(400).collect();
        let key = (route.clone(), v.answer.status, record::hash((family, record::skeleton(&head, |_| {}))));
        if let Some(&i) = known.get(&key) {
            if let Some(f) = found.get_mut(i) {
                f.count += 1;
                if f.variants.len() < VARIANTS_MAX {
                    f.variants.push(v.target.clone());
                }
            }
            continue;
        }
        known.insert(key, found.len());
        let path = v.target.replace('{', "%7B").replace('}', "%7D");
        let op = d.operations.len();
        d.operations.push(Operation {
            name: format!("GET {path}"),
            method: "GET".into(),
            path,
            ..Operation::default()
        });
        let request = Request::new("GET", &v.target);
        found.push(Finding {
            op,
            trial: Trial {
                steps: vec![Step { op, case: Case::default(), takes: Vec::new() }],
                times: Times::Once,
                made: Vec::new(),
            },
            sites: Vec::new(),
            family: family.to_owned(),
            shows: None,
            exchanges: vec![Exchange { request, answer: v.answer.clone() }],
            again: true,
            contrast: None,
            count: 1,
            variants: vec![v.target.clone()],
        });
    }
    (d, found)
}

/// What is wrong with a page, if something is.
fn family(v: &Visit) -> Option<&'static str> {
    if v.answer.failed() {
        return Some("always");
    }
    if v.soft_error.is_some() {
        return Some("soft-error");
    }
    let tells = |k: Kind| matches!(k, Kind::Trace | Kind::Debug | Kind::Query | Kind::Secret);
    v.leaks.iter().any(|l| tells(l.kind)).then_some("leak")
}

/// What a crawl tells besides broken pages.
pub fn notes(crawl: &Crawl) -> Vec<String> {
    let mut by_class: BTreeMap<u16, usize> = BTreeMap::new();
    for v in &crawl.visits {
        *by_class.entry(v.answer.status / 100).or_default() += 1;
    }
    let classes: Vec<String> = by_class
        .iter()
        .map(|(c, n)| if *c == 0 { format!("{n} without answer") } else { format!("{n} {c}xx") })
        .collect();
    let mut notes = vec![format!(
        "{} addresses were asked for, each once: {}. {} links lead to other hosts and were not followed.",
        crawl.visits.len(),
        classes.join(", "),
        crawl.elsewhere
    )];
    let missing: Vec<&Visit> =
        crawl.visits.iter().filter(|v| (400..500).contains(&v.answer.status)).collect();
    for v in missing.iter().take(NAMED_MAX) {
        let from: Vec<&str> = v.inlinks.iter().take(INLINKS_MAX).map(String::as_str).collect();
        let from = if from.is_empty() { String::new() } else { format!("; linked from {}", from.join(", ")) };
        notes.push(format!("{} is answered {}{from}.", v.target, v.answer.status));
    }
    if missing.len() > NAMED_MAX {
        notes.push(format!(
            "{} more addresses are answered 4xx; --format csv lists them.",
            missing.len() - NAMED_MAX
        ));
    }
    let slow: Vec<&Visit> =
        crawl.visits.iter().filter(|v| v.answer.end == End::Answered && v.answer.took_us > SLOW_US).collect();
    for v in slow.iter().take(NAMED_MAX) {
        notes.push(format!("{} took {:.1} s.", v.target, v.answer.took_us as f64 / 1e6));
    }
    let redirects = crawl.visits.iter().filter(|v| v.redirect.is_some());
    let to_redirects = redirects.filter(|v| {
        crawl.visits.iter().any(|w| w.redirect.as_deref().is_some_and(|r| r.ends_with(&v.target)))
    });
    for v in to_redirects.take(NAMED_MAX) {
        notes.push(format!("{} is a redirect that another redirect leads to.", v.target));
    }
    for from in crawl.loops.iter().take(NAMED_MAX) {
        notes.push(format!("The redirects from {from} on do not end."));
    }
    notes
}

/// One address for the JSON report.
pub fn page(v: &Visit) -> serde_json::Value {
    serde_json::json!({
        "target": v.target, "status": v.answer.status, "media": v.answer.media(), "bytes": v.answer.bytes,
        "took_ms": v.answer.took_us as f64 / 1000.0, "depth": v.depth, "redirect": v.redirect, "title": v.title,
        "inlinks": v.inlinks,
    })
}
