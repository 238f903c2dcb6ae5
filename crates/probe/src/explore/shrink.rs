//! Makes of a failure the smallest trial that fails the same way, and says what of it matters.
//!
//! A failure is compared with the case of the same operation that went well and is nearest: what can be made as it is there without
//! healing the failure does not matter. What is left out of a request must not make the good one fail, else one fault would turn
//! into another on the way.

use super::{Exchange, Explorer, Failure, Finding, Server, Stage, Step, Times, Trial, play};
use crate::case::{Case, Payload, Site, Slot};
use crate::json::Json;
use crate::operation::Operation;
use crate::request::{Answer, End};
use crate::templates::Change;
use std::collections::BTreeMap;

/// Requests that one failure may take to be shrunk.
const REQUESTS_MAX: usize = 80;
/// The same, where nothing comes before the time is over.
const HANGING_REQUESTS_MAX: usize = 3;
/// Times that a failure is sent again before it is taken for one that comes and goes.
const AGAIN_MAX: usize = 3;
/// Texts kept of what else fails alike.
const VARIANTS_MAX: usize = 8;
/// Characters of such a text.
const VARIANT_CHARS_MAX: usize = 60;

/// What failures are put together by before they are shrunk.
type Alike = (usize, u16, Vec<(Site, String)>, usize);

impl Explorer<'_> {
    /// All failures, shrunk, those that turned out the same put together, in the order in which they were met.
    pub(super) fn shrink_all(&mut self, server: &mut dyn Server) -> Vec<Finding> {
        let failures = std::mem::take(&mut self.failures);
        let mut groups: Vec<(Alike, Vec<Failure>)> = Vec::new();
        for f in failures {
            let key = self.alike(&f);
            match groups.iter_mut().find(|(k, _)| *k == key) {
                Some((_, all)) => all.push(f),
                None => groups.push((key, vec![f])),
            }
        }
        // Two changes at once tell nothing where one of them fails alone.
        let alone: Vec<Alike> = groups.iter().map(|(k, _)| k.clone()).filter(|k| k.2.len() == 1).collect();
        groups.retain(|(k, _)| {
            k.2.len() < 2
                || !alone.iter().any(|a| a.0 == k.0 && a.1 == k.1 && a.2.iter().all(|s| k.2.contains(s)))
        });
        let n = groups.len();
        let mut found: Vec<Finding> = Vec::new();
        for (i, (_, all)) in groups.into_iter().enumerate() {
            server.stage(Stage::Shrinking(i, n));
            let plain = |f: &&Failure| (f.trial.steps.len(), oddness(&f.last));
            let Some(first) = all.iter().min_by_key(plain) else { continue };
            let mut finding = self.shrink(first, server);
            finding.count = all.len();
            finding.variants = self.variants(&all, &finding);
            // A thing nested in itself fails at each of its levels.
            if finding.family == "nesting" {
                finding.sites.truncate(1);
                if let Some(Site::Member(p)) = finding.sites.first_mut() {
                    p.clear();
                }
            }
            let status = |f: &Finding| f.exchanges.last().map_or(0, |x| x.answer.status);
            let same = |o: &&mut Finding| {
                (o.op, &o.sites, &o.family, status(o))
                    == (finding.op, &finding.sites, &finding.family, status(&finding))
                    && o.trial.steps.len() == finding.trial.steps.len()
            };
            match found.iter_mut().find(same) {
                Some(known) => {
                    let plainer = |f: &Finding| (!f.again, f.exchanges.last().map(oddness));
                    let (count, mut variants) = (known.count + finding.count, known.variants.clone());
                    variants.extend(finding.variants.iter().cloned());
                    variants.sort();
                    variants.dedup();
                    variants.truncate(VARIANTS_MAX);
                    if plainer(&finding) < plainer(known) {
                        *known = finding;
                    }
                    (known.count, known.variants) = (count, variants);
                }
                None => found.push(finding),
            }
        }
        found
    }

    fn alike(&self, f: &Failure) -> Alike {
        let op = f.trial.steps.last().map_or(0, |s| s.op);
        let mut made: Vec<(Site, String)> = f
            .trial
            .made
            .iter()
            .filter_map(|(t, spot)| {
                Some((spot.site.clone(), self.settings.templates.get(*t)?.family.clone()))
            })
            .collect();
        // What no template made is told apart by where it differs from what is good.
        if let ([step], true) = (f.trial.steps.as_slice(), made.is_empty()) {
            let base = self.known.get(op).and_then(|k| k.base.as_ref());
            let differing = base.map(|b| b.differences(&step.case)).unwrap_or_default();
            made.extend(differing.into_iter().map(|s| (s, String::new())));
        }
        made.sort();
        let chain = if f.trial.steps.len() > 1 { 0 } else { f.trial.times.number() };
        (op, f.last.answer.status, made, chain)
    }

    fn shrink(&mut self, f: &Failure, server: &mut dyn Server) -> Finding {
        let op = f.trial.steps.last().map_or(0, |s| s.op);
        // Each request that hangs takes all the time there is.
        let left = if f.last.answer.end == End::TimedOut { HANGING_REQUESTS_MAX } else { REQUESTS_MAX };
        let mut tries = Tries { ops: &self.description.operations, left, kind: kind(&f.last.answer) };
        let common = &self.settings.common;
        let mut finding = Finding {
            op,
            trial: f.trial.clone(),
            sites: f.trial.made.iter().map(|(_, s)| s.site.clone()).collect(),
            family: String::new(),
            shows: None,
            exchanges: vec![f.last.clone()],
            again: false,
            contrast: None,
            count: 1,
            variants: Vec::new(),
        };
        finding.again = (0..AGAIN_MAX).any(|_| tries.fails(&f.trial, common, server));
        if finding.again {
            drop_steps(&mut finding.trial, &mut tries, common, server);
            self.compare(&mut finding, &mut tries, server);
            self.smaller_values(&mut finding, &mut tries, server);
            self.leave_out(&mut finding, &mut tries, server);
        }
        finding.family = self.family(&finding);
        let template = finding.trial.made.iter().find(|(_, s)| finding.sites.contains(&s.site));
        finding.shows = template.and_then(|(t, _)| self.settings.templates.get(*t)).map(|t| t.shows.clone());
        if finding.again && f.last.answer.end != End::TimedOut {
            // Once more, so that what is told was seen of the very trial that is told.
            for _ in 0..AGAIN_MAX {
                let exchanges = play(&finding.trial, &self.description.operations, common, server);
                let failed = exchanges.iter().any(|x| x.failed());
                if failed {
                    finding.exchanges = up_to_failure(exchanges);
                    break;
                }
            }
        }
        finding
    }

    /// Makes of the last step what the nearest good case is, wherever that does not heal it.
    fn compare(&self, finding: &mut Finding, tries: &mut Tries<'_>, server: &mut dyn Server) {
        let Some(step) = finding.trial.steps.last() else { return };
        let Some(known) = self.known.get(finding.op) else { return };
        if finding.trial.steps.len() > 1 || finding.trial.times != Times::Once {
            finding.sites = vec![Site::Times];
            finding.contrast = known.passed.first().map(|(s, _)| *s);
            return;
        }
        let nearest =
            known.passed.iter().min_by_key(|(s, c)| (super::worth(*s), c.differences(&step.case).len()));
        let Some((status, good)) = nearest else {
            finding.sites.clear();
            return;
        };
        finding.contrast = Some(*status);
        let mut case = step.case.clone();
        loop {
            let differing = case.differences(good);
            let healed_nothing = differing.iter().all(|site| {
                let mut trial = case.clone();
                trial.revert(site, good);
                // The last difference is what it is about: without it, it is the good case.
                if trial == *good
                    || !tries.fails(&single(finding.op, trial.clone()), &self.settings.common, server)
                {
                    return true;
                }
                case = trial;
                false
            });
            if healed_nothing {
                finding.sites = differing;
                break;
            }
        }
        if let Some(step) = finding.trial.steps.last_mut() {
            step.case = case;
        }
    }

    /// Shorter texts, less depth, fewer elements: as small as still fails.
    fn smaller_values(&self, finding: &mut Finding, tries: &mut Tries<'_>, server: &mut dyn Server) {
        if finding.trial.steps.len() > 1 {
            return;
        }
        for (t, spot) in finding.trial.made.clone() {
            let Some(template) =
                self.settings.templates.get(t).filter(|_| finding.sites.contains(&spot.site))
            else {
                continue;
            };
            let Some(op) = self.operation(finding.op) else { continue };
            let Some(step) = finding.trial.steps.last() else { continue };
            let with = |n: usize| -> Option<Case> {
                let mut smaller = template.clone();
                smaller.change = match &template.change {
                    Change::Repeat(text, _) => Change::Repeat(text.clone(), n),
                    Change::Nest(_) => Change::Nest(n),
                    Change::Grow(_) => Change::Grow(n),
                    _ => return None,
                };
                let mut from = step.case.clone();
                // Lists and objects grow from what they were.
                if let Some(base) = self.known.get(finding.op).and_then(|k| k.base.as_ref()) {
                    from.revert(&spot.site, base);
                }
                from.changed(&smaller, &spot, op, self.schemas)
            };
            let most = match &template.change {
                Change::Repeat(_, n) | Change::Nest(n) | Change::Grow(n) => *n,
                _ => continue,
            };
            // The least that fails, between 0 (which is the good case) and what is known to fail.
            let (mut passes, mut fails, mut best) = (0, most, None);
            while fails - passes > 1 + fails / 16 {
                let middle = passes + (fails - passes) / 2;
                let Some(case) = with(middle) else { break };
                if tries.left == 0 {
                    break;
                }
                if tries.fails(&single(finding.op, case.clone()), &self.settings.common, server) {
                    fails = middle;
                    best = Some(case);
                } else {
                    passes = middle;
                }
            }
            if let (Some(case), Some(step)) = (best, finding.trial.steps.last_mut()) {
                step.case = case;
            }
        }
    }

    /// Leaves out what does not matter, unless leaving it out fails by itself.
    fn leave_out(&self, finding: &mut Finding, tries: &mut Tries<'_>, server: &mut dyn Server) {
        let Some(op) = self.operation(finding.op) else { return };
        let Some(step) = finding.trial.steps.last().cloned() else { return };
        let known = self.known.get(finding.op);
        let good =
            known.and_then(|k| k.passed.iter().find(|(s, _)| Some(*s) == finding.contrast)).map(|(_, c)| c);
        let within = |e: &Site, s: &Site| match (e, s) {
            (Site::Member(e), Site::Member(s)) => s.starts_with(e),
            _ => e == s,
        };
        let mut case = step.case.clone();
        let chain = finding.trial.steps.len() > 1;
        for extra in case.extras(op) {
            if chain || finding.sites.iter().any(|s| within(&extra, s) || *s == Site::Body) {
                continue;
            }
            let mut trial = case.clone();
            if !trial.leave_out(&extra) {
                continue;
            }
            let mut sound = good.cloned();
            let fails_alone = sound.as_mut().is_some_and(|g| {
                g.leave_out(&extra)
                    && tries.fails(&single(finding.op, g.clone()), &self.settings.common, server)
            });
            let with =
                Trial { steps: vec![Step { case: trial.clone(), ..step.clone() }], ..finding.trial.clone() };
            if !fails_alone && tries.fails(&with, &self.settings.common, server) {
                case = trial;
            }
        }
        if let Some(step) = finding.trial.steps.last_mut() {
            step.case = case;
        }
    }

    /// What the changes that matter have in common.
    fn family(&self, finding: &Finding) -> String {
        let Some(step) = finding.trial.steps.last() else { return String::new() };
        if finding.trial.steps.len() > 1 {
            return "order".to_owned();
        }
        match finding.trial.times {
            Times::Once => {}
            Times::AtOnce(_) => return "race".to_owned(),
            Times::InTurn(_) => return "repeated".to_owned(),
        }
        if finding.sites.is_empty() {
            return "always".to_owned();
        }
        let made = finding.trial.made.iter().find(|(_, s)| finding.sites.contains(&s.site));
        let told = made.and_then(|(t, _)| self.settings.templates.get(*t)).map(|t| t.family.clone());
        let known = self.known.get(finding.op);
        let good =
            known.and_then(|k| k.passed.iter().find(|(s, _)| Some(*s) == finding.contrast)).map(|(_, c)| c);
        let [site] = finding.sites.as_slice() else { return told.unwrap_or_else(|| "value".to_owned()) };
        let in_parameter = matches!(site, Site::Param(_));
        match (step.case.value(site), good.and_then(|g| g.value(site))) {
            (None, Some(_)) if !matches!(slot(&step.case, site), Some(Slot::Bytes(_))) => "absent".to_owned(),
            // Of another type than what is taken, whichever template made it.
            (Some(a), Some(b)) if !in_parameter && type_of(a) != type_of(b) => "type".to_owned(),
            (Some(a), Some(b)) if in_parameter && is_number(b) && !is_number(a) => "type".to_owned(),
            _ => told.unwrap_or_else(|| "value".to_owned()),
        }
    }

    /// What else fails there, as texts.
    fn variants(&self, all: &[Failure], finding: &Finding) -> Vec<String> {
        let mut seen: BTreeMap<String, ()> = BTreeMap::new();
        for f in all {
            let (Some(step), Some(site)) = (f.trial.steps.last(), finding.sites.first()) else { continue };
            let Some(op) = self.operation(f.trial.steps.last().map_or(0, |s| s.op)) else { continue };
            let text = said(&step.case, site, op);
            seen.insert(text, ());
        }
        seen.into_keys().take(VARIANTS_MAX).collect()
    }
}

/// What a case holds at a site, for a reader: `-1`, `"'"`, `nothing`.
pub fn said(case: &Case, site: &Site, op: &Operation) -> String {
    let text = match (case.value(site), slot(case, site)) {
        (Some(v), _) => v.write(),
        (None, Some(Slot::Bytes(b))) => b.clone(),
        (None, _) => match site {
            Site::Media => case.media.clone().unwrap_or_else(|| "nothing".to_owned()),
            Site::Body => match &case.body {
                Payload::Bytes(b) => String::from_utf8_lossy(b).into_owned(),
                _ => "nothing".to_owned(),
            },
            Site::Header(n) => {
                case.headers.iter().find(|(m, _)| m == n).and_then(|(_, v)| v.clone()).unwrap_or_default()
            }
            Site::Method => case.method.clone().unwrap_or_else(|| op.method.clone()),
            Site::Query => case.query.iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>().join("&"),
            _ => "nothing".to_owned(),
        },
    };
    if text.chars().count() <= VARIANT_CHARS_MAX {
        return text;
    }
    let short: String = text.chars().take(VARIANT_CHARS_MAX).collect();
    format!("{short}… ({} bytes)", text.len())
}

fn slot<'c>(case: &'c Case, site: &Site) -> Option<&'c Slot> {
    match site {
        Site::Param(i) => case.params.get(*i),
        _ => None,
    }
}

/// How far a request is from a plain one: `"7"` comes before a text of odd characters, a short one before a long one.
fn oddness(x: &Exchange) -> (usize, usize) {
    let body = x.request.body.as_deref().unwrap_or_default();
    let all = body.iter().chain(x.request.target.as_bytes());
    (all.clone().filter(|b| is_odd(**b)).count(), all.count())
}

/// Other than what plain words, numbers and JSON are made of.
fn is_odd(b: u8) -> bool {
    !(b.is_ascii_alphanumeric() || b"{}[]\":,/?&=._- ".contains(&b))
}

fn type_of(v: &Json) -> u8 {
    match v {
        Json::Null => 0,
        Json::Bool(_) => 1,
        Json::Number(_) => 2,
        Json::Text(_) | Json::Bytes(_) => 3,
        Json::Raw(r) if r.starts_with('"') => 3,
        Json::List(_) => 4,
        Json::Object(_) => 5,
        Json::Raw(r) if r.starts_with('{') => 5,
        Json::Raw(r) if r.starts_with('[') => 4,
        Json::Raw(_) => 6,
    }
}

fn is_number(v: &Json) -> bool {
    let text = v.plain();
    !text.is_empty() && std::str::from_utf8(&text).is_ok_and(|t| t.parse::<f64>().is_ok())
}

fn single(op: usize, case: Case) -> Trial {
    Trial { steps: vec![Step { op, case, takes: Vec::new() }], times: Times::Once, made: Vec::new() }
}

/// How an answer failed: what must be the same for a failure to be the same.
fn kind(a: &Answer) -> (u8, u16) {
    match a.end {
        End::Answered => (0, a.status),
        End::TimedOut => (1, 0),
        End::Cut => (2, 0),
        End::Broken(_) => (3, 0),
        End::NotReached(_) | End::NotSent(_) => (4, 0),
    }
}

struct Tries<'a> {
    ops: &'a [Operation],
    left: usize,
    kind: (u8, u16),
}

impl Tries<'_> {
    /// Does a trial fail the same way? `false` too where no request is left for it.
    fn fails(&mut self, trial: &Trial, common: &crate::case::Common, server: &mut dyn Server) -> bool {
        if self.left < trial.steps.len() || server.stopped() {
            return false;
        }
        let exchanges = play(trial, self.ops, common, server);
        self.left = self.left.saturating_sub(exchanges.len());
        let last = exchanges.iter().skip(trial.steps.len() - 1);
        last.into_iter().any(|x| x.failed() && kind(&x.answer) == self.kind)
    }
}

/// Leaves out steps that the failure does not need, the last but one first.
fn drop_steps(
    trial: &mut Trial,
    tries: &mut Tries<'_>,
    common: &crate::case::Common,
    server: &mut dyn Server,
) {
    let mut i = trial.steps.len().saturating_sub(1);
    while i > 0 {
        i -= 1;
        let needed = trial.steps.iter().any(|s| s.takes.iter().any(|t| t.step == i));
        if needed {
            continue;
        }
        let mut shorter = trial.clone();
        shorter.steps.remove(i);
        for take in shorter.steps.iter_mut().flat_map(|s| &mut s.takes) {
            if take.step > i {
                take.step -= 1;
            }
        }
        if tries.fails(&shorter, common, server) {
            *trial = shorter;
        }
    }
}

/// The exchanges up to the first of the last step that failed.
fn up_to_failure(mut exchanges: Vec<Exchange>) -> Vec<Exchange> {
    if let Some(i) = exchanges.iter().rposition(|x| x.failed()) {
        exchanges.truncate(i + 1);
    }
    exchanges
}
