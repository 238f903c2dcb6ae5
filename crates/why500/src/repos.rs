//! `explain --repo`: the code behind the problems of a report.

use code::look::{Ask, Eyes, Release};
use code::repo::{Place, Repo};
use diagnosis::{Problem, Report};
use record::{Class, TriggerKind};
use std::time::{Duration, Instant};

/// All looks together take no longer: the report is what people wait for.
const LOOKS_TIME: Duration = Duration::from_secs(20);
/// Problems looked at, the most harmful first.
const PROBLEMS_MAX: usize = 50;

/// Is each of them a repository?
///
/// # Errors
/// One is none.
pub fn check(places: &[Place]) -> Result<(), String> {
    places.iter().try_for_each(|p| Repo::open(&p.folder).map(|_| ()).map_err(|why| format!("--repo {why}")))
}

/// Looks at the code behind each problem that shows some. What cannot be told of any becomes a note.
pub fn look(places: &[Place], report: &mut Report, stopped: &dyn Fn() -> bool) {
    let mut eyes = Eyes::new(places.to_vec());
    let began = Instant::now();
    let go = || began.elapsed() < LOOKS_TIME && !stopped();
    let mut unmapped = Vec::new();
    for p in report.problems.iter_mut().take(PROBLEMS_MAX) {
        if !p.exception.as_ref().is_some_and(|e| e.frames.iter().any(|f| f.in_app)) {
            continue;
        }
        let seen = eyes.look(&ask(p), &go);
        unmapped.extend(seen.unmapped.iter().take(1).cloned());
        p.code = Some(seen);
    }
    let any = report.problems.iter().any(|p| p.code.as_ref().is_some_and(record::CodeView::tells));
    if let (false, Some(why)) = (any, unmapped.first()) {
        report.notes.push(format!("No code could be shown: {}.", why.trim_end_matches('.')));
    }
}

fn ask(p: &Problem) -> Ask {
    let trigger = &p.verdict.trigger;
    let deployed = trigger.kind == TriggerKind::Deploy;
    let name = trigger.what.as_deref().filter(|_| deployed).and_then(release);
    Ask {
        frames: p.exception.as_ref().map(|e| e.frames.to_vec()).unwrap_or_default(),
        release: name.map(|name| Release { name: name.to_owned(), ..Release::default() }),
        before: None,
        first_seen: p.first_seen,
        deployed,
        suspects: p.verdict.cause.class == Class::Code,
    }
}

/// The release that a deploy's words name: `release=shop@3.8.0 environment=production`.
pub fn release(what: &str) -> Option<&str> {
    what.split(' ').find_map(|w| w.strip_prefix("release=")).filter(|r| !r.is_empty())
}
