//! Joins records to failures, recognises causes, groups failures to problems, and gives each its verdict.
//!
//! Knows no file, no clock, no format: what was observed goes in ([`Observations`]), a [`Report`] comes out, and the same
//! observations always give the same report.

mod clock;
mod events;
mod group;
mod handled;
mod inert;
mod inputs;
mod join;
mod ledger;
mod live;
mod observe;
mod order;
mod problem;
pub mod recognise;
mod repeats;
pub mod route;
mod spread;
mod traffic;
mod trigger;
mod verdict;
mod wording;

pub use live::{Failed, Look, Window};
pub use observe::{Observations, Tally, family, put_behind};
pub use problem::*;
pub use recognise::{Finding, Recogniser, Scope};
pub use spread::{Spread, one_by_one};

use group::Scene;
use join::Candidate;
use record::{Class, Level, Numbered, Numbers, Record, Time};
use std::collections::HashMap;
use std::sync::Arc;

/// What the diagnosis needs to know beside the records.
pub struct Settings<'a> {
    /// Offset (seconds east of UTC) of logs that state none, at an instant: `--tz`, else the machine's.
    pub offset_s: &'a dyn Fn(Time) -> i64,
    /// By source: it writes wall-clock times somewhere.
    pub wall: &'a [bool],
    /// By source: it states its zone somewhere.
    pub stated: &'a [bool],
    /// By source: its lines, those included that were not read.
    pub lines: &'a [u64],
    /// Which failures are asked for.
    pub filter: Filter,
    /// How what can be done at the same time is done.
    pub spread: Spread<'a>,
    /// What set off problems that began before what is observed, by their ids.
    pub begun: &'a HashMap<String, Trigger>,
}

/// Which failures are asked for; everything else still serves to explain them.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// From this instant on.
    pub since: Option<Time>,
    /// Before this instant.
    pub until: Option<Time>,
    /// Ranges of statuses, both ends included; empty: all.
    pub statuses: Vec<(u16, u16)>,
    /// Part of the route or of the target.
    pub route: Option<String>,
}

impl Filter {
    fn wants(&self, f: &ledger::Failure) -> bool {
        let time = match f.at {
            Some(t) => self.since.is_none_or(|s| t >= s) && self.until.is_none_or(|u| t < u),
            None => true,
        };
        let status =
            self.statuses.is_empty() || self.statuses.iter().any(|(a, b)| (*a..=*b).contains(&f.status));
        let route =
            self.route.as_ref().is_none_or(|r| f.route.contains(r.as_str()) || f.target.contains(r.as_str()));
        time && status && route
    }
}

/// The diagnosis: problems, most harmful first, with totals (of requests and failures), traffic and notes. Lines, bytes and sources
/// are the caller's to fill in.
pub fn diagnose(obs: &mut Observations, settings: &Settings<'_>) -> Report {
    diagnose_each(obs, settings, &mut |_, _| {})
}

/// The same; `each` is told of every group of failures, in the order of the report's problems.
fn diagnose_each(
    obs: &mut Observations,
    settings: &Settings<'_>,
    each: &mut dyn FnMut(&Scene<'_>, &group::Group),
) -> Report {
    let mut notes = clock::resolve(obs, settings.offset_s, settings.wall, settings.stated);
    obs.settle();
    notes.append(&mut clock::date_undated(obs));
    obs.settle();
    for s in &obs.streams {
        if let Some(n) = s.traffic.routes_folded() {
            notes.push(format!(
                "{} has more distinct routes than are counted one by one: one in {n} is, the healthy requests of the others are counted together.",
                s.family
            ));
        }
    }
    let source_ranges = obs.source_ranges();
    obs.join_rotated(settings.lines, &source_ranges);
    if obs.errors_passed > 0 {
        notes.push(format!(
            "{} further errors and warnings were counted but not held against failures: they come by the thousands, and a part of them must do; --since and --until narrow them down.",
            obs.errors_passed
        ));
    }
    drop_copies(obs);
    let mut ledger = ledger::build(obs);
    notes.append(&mut ledger.notes);
    let gone = if ledger.failures.iter().any(|f| f.counts) {
        inert::let_go(obs, &ledger.failures)
    } else {
        Default::default()
    };
    let candidates = candidates(obs, settings.spread);
    if ledger.failures.iter().all(|f| !f.counts) {
        infer(obs, &candidates, &mut ledger);
    }
    for f in &mut ledger.failures {
        f.counts = f.counts && settings.filter.wants(f);
    }
    let events = events::gather(obs);
    let mut joins = join::join(obs, &ledger.failures, &candidates, &gone, settings.spread);
    if !ledger.inferred {
        let cut = ledger::unlogged(obs, &ledger.failures, &candidates, &joins);
        if !cut.is_empty() {
            notes.push(format!("{} requests failed without an entry in any access log; they were counted by the errors that tell of them.", cut.len()));
            ledger.requests = ledger.requests.map(|n| n + cut.len() as u64);
            ledger.failures.extend(cut.into_iter().filter(|f| settings.filter.wants(f)));
            joins = join::join(obs, &ledger.failures, &candidates, &gone, settings.spread);
        }
    }
    let is_error = |c: &Candidate| tells_of_a_failure(obs, c);
    let unsampled = ledger::unsampled(obs, &ledger, &candidates, &joins, is_error);
    if !unsampled.is_empty() {
        ledger.requests = ledger.requests.map(|n| n + unsampled.len() as u64);
        ledger.failures.extend(unsampled.into_iter().filter(|f| settings.filter.wants(f)));
        joins = join::join(obs, &ledger.failures, &candidates, &gone, settings.spread);
    }
    if joins.undated > 0 {
        notes.push(format!(
            "{} no time, so that nothing tells to which failures they belong: let their program write times, and the request's id.",
            if joins.undated == 1 { "1 error has".into() } else { format!("{} errors have", joins.undated) }
        ));
    }
    let scene = Scene {
        obs: &*obs,
        failures: &ledger.failures,
        candidates: &candidates,
        joins: &joins,
        events: &events,
    };
    let mut explained = scene.explain(settings.spread);
    scene.name_peers(&mut explained);
    scene.place_repeats(&mut explained);
    scene.dig_for_processes(&mut explained);
    scene.adopt(&mut explained);
    let groups = scene.group(&explained);
    for g in &groups {
        each(&scene, g);
    }
    let problems = spread::parts(settings.spread, groups.len(), |i| {
        let g = &groups[i];
        verdict::problem(&scene, g, &alternatives(&scene, g), ledger.inferred, settings.begun)
    });
    Report {
        range: obs.range,
        totals: Totals {
            requests: ledger.requests,
            failures: ledger.failures.iter().filter(|f| f.counts).count() as u64,
            ..Totals::default()
        },
        traffic: verdict::traffic(&scene, &ledger.edges),
        problems,
        sources: Vec::new(),
        source_ranges,
        nothing_new: false,
        probed: false,
        notes,
    }
}

/// Other findings joined to the group's failures, as other readings.
fn alternatives(scene: &Scene<'_>, g: &group::Group) -> Vec<Alternative> {
    let members: Numbers<usize> = g.failures.iter().copied().collect();
    let mut counts: HashMap<record::Cause, (usize, Option<String>)> = HashMap::new();
    for j in scene.joins.list.iter().filter(|j| members.contains(&j.failure)) {
        if let Some(f) = scene.candidates[j.candidate].best()
            && f.cause != g.cause
            && !f.symptom
            && !scene.joins.is_noise(scene.candidates[j.candidate].template)
        {
            let e = counts.entry(f.cause.clone()).or_insert((0, f.culprit.clone()));
            e.0 += 1;
        }
    }
    let mut list: Vec<_> = counts.into_iter().collect();
    list.sort_by(|a, b| b.1.0.cmp(&a.1.0).then(a.0.cmp(&b.0)));
    list.into_iter()
        .take(3)
        .map(|(cause, (n, culprit))| Alternative {
            cause,
            culprit,
            confidence: (0.4 * n as f64 / g.failures.len() as f64).min(0.4),
        })
        .collect()
}

/// Records that two logs hold alike (catalina.out and catalina.DATE.log, a log and its copy) count once.
fn drop_copies(obs: &mut Observations) {
    // What only one log writes has no copy.
    let mut writers: Numbered<&str, (u32, bool)> = Numbered::default();
    for r in &obs.records {
        let (first, many) = writers.entry(r.format).or_insert((r.source, false));
        *many |= *first != r.source;
    }
    let mut nth: Numbered<(u32, u64), u32> = Numbered::default();
    let mut first: Numbered<(u64, u32), u32> = Numbered::default();
    let mut copies = Vec::new();
    for (i, r) in obs.records.iter().enumerate() {
        let alone = writers.get(r.format).is_none_or(|(_, many)| !many);
        if alone || r.is_ledger() || r.message.len() < 8 {
            continue;
        }
        let content = record::hash((r.at, r.format, &r.message));
        let n = nth.entry((r.source, content)).or_default();
        *n += 1;
        let source = *first.entry((content, *n)).or_insert(r.source);
        if source != r.source {
            copies.push(i);
        }
    }
    for i in copies {
        *obs.records[i] =
            Record { source: obs.records[i].source, line: obs.records[i].line, ..Record::default() };
    }
}

/// Records that are looked through before another core may take over.
const CANDIDATES_AT_ONCE: usize = 4_096;

/// Records that may explain failures, with what was recognised in them.
fn candidates(obs: &Observations, spread: Spread<'_>) -> Vec<Candidate> {
    let parts = obs.records.len().div_ceil(CANDIDATES_AT_ONCE);
    let parts = spread::parts(spread, parts, |i| {
        let from = i * CANDIDATES_AT_ONCE;
        let to = (from + CANDIDATES_AT_ONCE).min(obs.records.len());
        (from..to).filter_map(|i| candidate(obs, i)).collect::<Vec<_>>()
    });
    let mut out = Vec::with_capacity(parts.iter().map(Vec::len).sum());
    out.extend(parts.into_iter().flatten());
    // Logs are mostly in order, and one sorts by runs.
    out.sort_by_key(|c| (obs.records[c.record].at, obs.records[c.record].source, obs.records[c.record].line));
    out
}

fn candidate(obs: &Observations, record: usize) -> Option<Candidate> {
    let (r, said) = (obs.records.get(record)?, obs.said.get(record)?);
    let findings = said.findings.as_ref()?;
    (!r.message.is_empty() || !r.exceptions.is_empty() || r.is_ledger()).then(|| Candidate {
        record,
        findings: Arc::clone(findings),
        template: record::hash((r.source, said.template)),
        ledger: r.is_ledger(),
    })
}

/// Does an error record stand for a failure of its own?
fn tells_of_a_failure(obs: &Observations, c: &Candidate) -> bool {
    let r = &obs.records[c.record];
    let strong = c.best().is_some_and(|f| !f.general || f.weight >= 35);
    let error = r.level >= Level::Error
        || (r.level == Level::Unknown && (strong || !r.exceptions.is_empty()))
        || (!r.exceptions.is_empty() && r.level != Level::Warn);
    let background = c.best().is_some_and(|f| f.scope == Scope::Background);
    error && !background && !handled::is_handled(r) && ledger::stands_for_failure(r)
}

/// No log counts requests (or none of them shows a failure): error records stand for failures.
fn infer(obs: &Observations, candidates: &[Candidate], ledger: &mut ledger::Ledger) {
    let covered = |t: Option<Time>| {
        t.is_some_and(|t| {
            ledger.edges.iter().any(|&e| obs.streams[e].traffic.span().is_some_and(|(a, b)| a <= t && b >= t))
        })
    };
    let asks = |c: &&Candidate| tells_of_a_failure(obs, c) && !covered(obs.records[c.record].at);
    let mut errors: Vec<usize> = candidates.iter().filter(asks).map(|c| c.record).collect();
    if errors.is_empty() && ledger.requests.is_none() {
        // The best lead, whatever its level.
        errors = candidates
            .iter()
            .filter(|c| c.best().is_some_and(|f| f.cause.class != Class::Unknown && f.weight >= 40))
            .filter(|c| ledger::stands_for_failure(&obs.records[c.record]))
            .map(|c| c.record)
            .collect();
    }
    let failures = ledger::infer(obs, &errors);
    if !failures.is_empty() {
        ledger.failures.retain(|f| f.counts);
        ledger.failures.extend(failures);
        ledger.inferred = true;
        ledger.notes.push("No log here counts the failed requests: each error record with a request of its own stands for one failure.".into());
    }
}
