//! Joins error records to the failures they tell of: by id, by request line, by client, by neighbourhood in the same log, by time.

use crate::ledger::Failure;
use crate::observe::{Numbered, Observations, hash};
use crate::recognise::{Finding, Scope};
use crate::route;
use record::{Level, Record, SECOND, Time};
use std::collections::HashMap;
use std::sync::Arc;

/// How a record was joined to a failure; the order is that of trust.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum How {
    Time,
    Neighbour,
    Client,
    Request,
    Id,
    /// It is the ledger record itself.
    Same,
}

impl How {
    pub fn reason(self) -> &'static str {
        match self {
            How::Time => "at the time of the failure",
            How::Neighbour => "written next to the failed request in the same log",
            How::Client => "same client at the same time",
            How::Request => "names the failed request",
            How::Id => "carries the request's id",
            How::Same => "the failed request itself",
        }
    }
}

/// A record that may explain failures.
#[derive(Debug)]
pub(crate) struct Candidate {
    pub record: usize,
    pub findings: Arc<[Finding]>,
    /// What the message says apart from its variables.
    pub template: u64,
    /// The ledger entry is one itself.
    pub ledger: bool,
}

impl Candidate {
    pub fn best(&self) -> Option<&Finding> {
        self.findings.first()
    }
}

/// One join.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Join {
    pub candidate: usize,
    pub failure: usize,
    pub how: How,
}

/// Joins and, per template, how many records there were and how many of them met a failure.
#[derive(Debug, Default)]
pub(crate) struct Joins {
    pub list: Vec<Join>,
    pub templates: Numbered<u64, Met>,
    /// Share of the whole range that lies so near to some failure that a record would meet it in time by chance.
    pub chance: f64,
}

/// How often records of a template met a failure.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Met {
    pub records: u32,
    pub joined: u32,
    pub by_time_only: u32,
}

impl Joins {
    /// Records of this template come with healthy requests as well: they explain nothing. Meeting a failure in time alone proves
    /// little, so there nearly all must have met one.
    pub fn is_noise(&self, template: u64) -> bool {
        let Some(m) = self.templates.get(&template) else { return false };
        let (n, joined) = (f64::from(m.records), f64::from(m.joined));
        let loose = m.by_time_only * 2 > m.joined;
        let luck = (self.chance + 0.2).clamp(0.75, 0.95);
        if loose { m.records > m.joined && joined < luck * n } else { m.records >= 3 && joined < 0.4 * n }
    }
}

/// The message's first line with variables folded.
pub(crate) fn template(r: &Record) -> u64 {
    let line = r.message.lines().next().unwrap_or("");
    let root = r.root().map(|e| (e.kind.as_str(), fold(e.message.lines().next().unwrap_or(""))));
    hash((r.format, r.level, fold(line), root))
}

/// Words that hold a digit (numbers, ids, dates, addresses) replaced by `#`.
pub(crate) fn fold(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(300));
    let end = text.char_indices().nth(300).map_or(text.len(), |(i, _)| i);
    let mut rest = &text[..end];
    while let Some(c) = rest.chars().next() {
        let word = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-')).unwrap_or(rest.len());
        if word == 0 {
            out.push(c);
            rest = &rest[c.len_utf8()..];
            continue;
        }
        let (w, r) = rest.split_at(word);
        out.push_str(if w.bytes().any(|b| b.is_ascii_digit()) { "#" } else { w });
        rest = r;
    }
    out
}

const NEAR_US: i64 = 1_500_000;
/// Lines of one thread so near to each other tell of one request.
const BURST_US: i64 = 3_000;

/// Failures at a time that are asked on each side of a record; in a flood, those further away are not its own.
const NEAREST_MAX: usize = 512;
/// A record that names the request may be so far from its failure, beyond the time that it took.
const NAMED_US: i64 = 65 * SECOND;

/// Failures of one route or client, by time.
#[derive(Default)]
struct Dated {
    dated: Vec<(Time, usize)>,
    undated: Vec<usize>,
}

impl Dated {
    fn push(&mut self, at: Option<Time>, k: usize) {
        match at {
            Some(t) if self.dated.last() != Some(&(t, k)) => self.dated.push((t, k)),
            None if self.undated.last() != Some(&k) => self.undated.push(k),
            _ => {}
        }
    }

    /// Those that a record may tell of.
    fn around(&self, r: &Record, reach: i64) -> impl Iterator<Item = usize> + '_ {
        let (from, to) = match r.at {
            Some(at) => near(&self.dated, at, reach, reach + late(r)),
            None => (0, self.dated.len()),
        };
        self.dated[from..to].iter().map(|(_, k)| *k).chain(self.undated.iter().copied())
    }
}

/// The range of those within reach, not more than the nearest.
fn near(sorted: &[(Time, usize)], at: Time, before: i64, after: i64) -> (usize, usize) {
    let here = sorted.partition_point(|(t, _)| *t < at);
    let from = sorted.partition_point(|(t, _)| *t < at.plus(-before));
    let to = sorted.partition_point(|(t, _)| *t <= at.plus(after));
    (from.max(here.saturating_sub(NEAREST_MAX)), to.min(here + NEAREST_MAX).max(from))
}

/// How much later than its time a record may have been written, having none of its own.
fn late(r: &Record) -> i64 {
    match (r.at, r.until) {
        (Some(a), Some(u)) => u.since(a).clamp(0, 30 * SECOND),
        _ => 0,
    }
}

struct Index {
    by_id: HashMap<String, Vec<usize>>,
    by_tail: Numbered<u64, Dated>,
    by_client: Numbered<u64, Dated>,
    /// Source → (line, failure), sorted.
    by_source: Numbered<u32, Vec<(u64, usize)>>,
    by_time: Vec<(Time, usize)>,
    longest_us: i64,
    /// The same, with what is not logged.
    took_us: i64,
}

fn index(obs: &Observations, failures: &[Failure]) -> Index {
    let mut ix = Index {
        by_id: HashMap::new(),
        by_tail: Numbered::default(),
        by_client: Numbered::default(),
        by_source: Numbered::default(),
        by_time: Vec::new(),
        longest_us: 0,
        took_us: 0,
    };
    for (k, f) in failures.iter().enumerate() {
        for id in &f.ids {
            ix.by_id.entry(id.clone()).or_default().push(k);
        }
        for &i in &f.seen {
            if let Some(q) = obs.request(i) {
                ix.by_tail.entry(hash(route::tail(&q.target))).or_default().push(f.at, k);
                if let Some(c) = &q.client {
                    ix.by_client.entry(hash(c.as_str())).or_default().push(f.at, k);
                }
            }
            let r = &obs.records[i];
            ix.by_source.entry(r.source).or_default().push((r.line, k));
        }
        if let Some(t) = f.at {
            ix.by_time.push((t, k));
        }
        ix.longest_us = ix.longest_us.max(f.duration_us.unwrap_or(0));
        ix.took_us = ix.took_us.max(took(f));
    }
    for d in ix.by_tail.values_mut().chain(ix.by_client.values_mut()) {
        d.dated.sort_unstable();
    }
    for v in ix.by_source.values_mut() {
        v.sort_unstable();
    }
    ix.by_time.sort_unstable();
    // Longer than ten minutes is a duration in a unit that was misread, or a websocket.
    ix.longest_us = ix.longest_us.min(600 * SECOND);
    ix
}

fn chance(obs: &Observations, ix: &Index) -> f64 {
    let Some((from, to)) = obs.range else { return 0.0 };
    let mut covered = 0;
    let mut end = i64::MIN;
    for (t, _) in &ix.by_time {
        let (a, b) = (t.0 - NEAR_US, t.0 + NEAR_US);
        covered += b - a.max(end.min(b));
        end = end.max(b);
    }
    (covered as f64 / (to.since(from).max(1) + 2 * NEAR_US) as f64).clamp(0.0, 1.0)
}

impl Index {
    fn around(&self, at: Time, before: i64, after: i64) -> impl Iterator<Item = usize> + '_ {
        let (from, to) = near(&self.by_time, at, before, after);
        self.by_time[from..to].iter().map(|(_, k)| *k)
    }
}

/// How far a record lies outside the time that the failed request took; 0 inside. Access logs write the begin (Apache) or
/// the end (nginx), so its duration counts both ways.
fn off(f: &Failure, r: &Record) -> i64 {
    let (Some(a), Some(b)) = (f.at, r.at) else { return 0 };
    // A record without a time of its own lies anywhere between its dated neighbours, if these are not too far apart.
    let end = r.until.filter(|u| *u > b && u.since(b) <= 30 * SECOND).unwrap_or(b);
    let away = if a > b && a < end { 0 } else { a.apart(b).min(a.apart(end)) };
    (away - took(f)).max(0)
}

/// How long it took. A time-out whose duration is not logged took some time: proxies give up after a minute by default.
fn took(f: &Failure) -> i64 {
    f.duration_us.unwrap_or(if f.status == 504 { 61 * SECOND } else { 0 })
}

fn is_local(client: &str) -> bool {
    client.starts_with("127.")
        || client == "::1"
        || client.starts_with("10.")
        || client.starts_with("192.168.")
        || client.starts_with("172.")
}

/// Front controllers stand for any route.
fn says_route(target: &str) -> bool {
    !target.is_empty()
        && target != "*"
        && !route::path(target).ends_with("/index.php")
        && !route::path(target).ends_with("/app.php")
}

/// Lines that one thread wrote at the same instant tell of the same request: each record of such a burst is led by the first
/// of them that knows its client, id or target. (Apache: AH02454 has no client, the AH01079 behind it has.)
fn leaders(obs: &Observations, candidates: &[Candidate]) -> Numbered<usize, usize> {
    let mut by_writer: HashMap<(u32, &str), Vec<usize>> = HashMap::new();
    for (c, cand) in candidates.iter().enumerate().filter(|(_, c)| !c.ledger) {
        let r = &obs.records[cand.record];
        if let (Some(pid), Some(_)) = (&r.pid, r.at) {
            by_writer.entry((r.source, pid)).or_default().push(c);
        }
    }
    let knows = |c: usize| {
        obs.records[candidates[c].record]
            .request
            .as_ref()
            .is_some_and(|q| q.client.is_some() || q.id.is_some() || !q.target.is_empty())
    };
    let mut out = Numbered::default();
    for list in by_writer.values() {
        let mut from = 0;
        while from < list.len() {
            let first = &obs.records[candidates[list[from]].record];
            let mut to = from + 1;
            while let Some(&c) = list.get(to) {
                let r = &obs.records[candidates[c].record];
                let at_once = matches!((first.at, r.at), (Some(a), Some(b)) if b.since(a).abs() <= BURST_US);
                let conflict = matches!((first.request.as_ref().and_then(|q| q.client.as_ref()), r.request.as_ref().and_then(|q| q.client.as_ref())), (Some(a), Some(b)) if a != b);
                if !at_once || conflict || r.line.saturating_sub(first.line) > 12 {
                    break;
                }
                to += 1;
            }
            let burst = &list[from..to];
            if let Some(&leader) = burst.iter().find(|&&c| knows(c)) {
                for &c in burst.iter().filter(|&&c| c != leader) {
                    out.insert(c, leader);
                }
            }
            from = to;
        }
    }
    out
}

/// Does the failure carry an id of the request?
fn has_id(f: &Failure, q: Option<&record::Request>) -> bool {
    !f.ids.is_empty()
        && q.is_some_and(|q| [&q.id, &q.trace].into_iter().flatten().any(|id| f.ids.contains(id)))
}

fn score(obs: &Observations, f: &Failure, r: &Record, q: Option<&record::Request>) -> Option<(i32, How)> {
    let mut s = 0;
    let mut how = How::Time;
    let away = off(f, r);
    let id = q.and_then(|q| q.id.as_deref()).or(q.and_then(|q| q.trace.as_deref()));
    if let Some(id) = id
        && f.ids.iter().any(|x| x == id)
    {
        return Some((200, How::Id));
    }
    // Both carry ids of the same log, and they differ: another request.
    if id.is_some()
        && f.seen
            .iter()
            .any(|&i| obs.records[i].source == r.source && obs.request(i).is_some_and(|x| x.id.is_some()))
    {
        return None;
    }
    // The same of trace ids that one sender writes alike: whatever else is near, it tells of another request.
    let other_trace = |x: &Record| {
        let theirs = x.request.as_ref().and_then(|x| x.trace.as_deref());
        let ours = q.and_then(|q| q.trace.as_deref());
        (x.source == r.source || x.format == r.format)
            && matches!((theirs, ours), (Some(a), Some(b)) if a.len() == b.len() && a != b)
    };
    if f.seen.iter().any(|&i| other_trace(&obs.records[i])) {
        return None;
    }
    if let Some(q) = q {
        if says_route(&q.target) {
            let path = route::path(&q.target);
            let fit = f
                .seen
                .iter()
                .filter_map(|&i| obs.request(i))
                .map(|x| {
                    if x.target == q.target {
                        60
                    } else if route::path(&x.target) == path {
                        50
                    } else if route::tail(&x.target) == route::tail(path) {
                        40
                    } else {
                        0
                    }
                })
                .max()
                .unwrap_or(0);
            if fit == 0 {
                return None;
            }
            s += fit;
            how = How::Request;
            if away > NAMED_US {
                return None;
            }
            s -= i32::try_from(away / (200_000)).unwrap_or(100).min(30);
        }
        if !q.method.is_empty() && !f.method.is_empty() && says_route(&q.target) && q.method != f.method {
            return None;
        }
        if let (Some(a), Some(b)) = (&q.client, &f.client) {
            if a == b && !is_local(a) && away <= NEAR_US {
                s += 25;
                how = how.max(How::Client);
                if how == How::Client {
                    s += 10;
                }
            } else if a != b && !is_local(a) && !is_local(b) {
                return None;
            }
        }
    }
    let neighbour = f
        .seen
        .iter()
        .map(|&i| &obs.records[i])
        .filter(|x| x.source == r.source)
        .map(|x| (x.line.abs_diff(r.line), x))
        .min_by_key(|(d, _)| *d);
    if let Some((lines, x)) = neighbour
        && away <= NEAR_US
    {
        if let (Some(a), Some(b)) = (&x.pid, &r.pid)
            && a != b
            && x.format == r.format
        {
            s -= 30;
        }
        let same_service =
            x.service == r.service || x.service.is_none() || r.service.is_none() || x.format != r.format;
        if same_service {
            let span = u64::from(r.lines);
            let gap = if x.line > r.line { lines.saturating_sub(span) } else { lines };
            s += match gap {
                0..=3 => 34,
                4..=12 => 26,
                13..=60 => 14,
                _ => 4,
            };
            if gap <= 12 {
                how = how.max(How::Neighbour);
            }
        }
    }
    // A script or file named in the message that the failure's path ends with (CGI, mod_php).
    let file = route::path(&f.target).rsplit('/').next().unwrap_or("");
    if how < How::Request && file.len() >= 5 && file.contains('.') && r.message.contains(file) {
        s += 20;
    }
    // Where the duration is not logged, nearer is likelier.
    if f.duration_us.is_none()
        && let (Some(a), Some(b)) = (f.at, r.at)
    {
        s -= i32::try_from(a.apart(b) / (SECOND / 3)).unwrap_or(100).min(24);
    }
    if how == How::Time {
        s += 10;
        if away > NEAR_US {
            return None;
        }
    }
    s -= i32::try_from(away / 100_000).unwrap_or(100).min(10);
    Some((s, how))
}

/// How often records of a template met failures of a route: (template, route) and template alone.
#[derive(Default)]
struct Affinity {
    pairs: Numbered<(u64, u64), u32>,
    templates: Numbered<u64, u32>,
    /// By source: how often an error stood directly before, and directly after, the only failed request near it.
    sides: HashMap<u32, (u32, u32)>,
}

/// Lines between an error and the failed request it belongs to, in a log that writes both.
const ADJACENT_LINES: u64 = 4;

impl Affinity {
    /// Up to 24 points for a route that takes most of a template's records; nothing is known of templates seen once.
    fn side_points(&self, obs: &Observations, f: &Failure, r: &Record) -> i32 {
        let Some(&(before, after)) = self.sides.get(&r.source) else { return 0 };
        if before == after {
            return 0;
        }
        // The request on the side where this log writes its errors went well: the error was its, and was handled.
        let own = if before > after { r.status_after } else { r.status_before };
        let handled = if own.is_some_and(|s| s < 500) { -40 } else { 0 };
        match side(obs, f, r) {
            Some(true) if before > after => 14,
            Some(false) if after > before => 14,
            _ => handled,
        }
    }

    fn points(&self, template: u64, f: &Failure) -> i32 {
        let all = self.templates.get(&template).copied().unwrap_or(0);
        if all < 2 {
            return 0;
        }
        let here = self.pairs.get(&(template, route_of(f))).copied().unwrap_or(0);
        (24 * here / all) as i32
    }
}

/// Does the record stand directly before (true) or directly after (false) the failure's line in the same log?
fn side(obs: &Observations, f: &Failure, r: &Record) -> Option<bool> {
    let span = u64::from(r.lines);
    f.seen.iter().map(|&i| &obs.records[i]).filter(|x| x.source == r.source).find_map(|x| {
        if x.line >= r.line && x.line < r.line + span + ADJACENT_LINES {
            Some(true)
        } else if x.line < r.line && r.line - x.line <= ADJACENT_LINES {
            Some(false)
        } else {
            None
        }
    })
}

fn route_of(f: &Failure) -> u64 {
    hash((&f.method, &f.route, f.status))
}

/// Joins every candidate to at most one failure: once by what each record says itself, then again knowing which errors go with
/// which routes, for those that say little.
pub(crate) fn join(obs: &Observations, failures: &[Failure], candidates: &[Candidate]) -> Joins {
    let first = join_once(obs, failures, candidates, &Affinity::default());
    let mut affinity = Affinity::default();
    for j in first.list.iter().filter(|j| j.how != How::Same) {
        let t = candidates[j.candidate].template;
        *affinity.pairs.entry((t, route_of(&failures[j.failure]))).or_default() += 1;
        *affinity.templates.entry(t).or_default() += 1;
    }
    // On which side of its request does each log write an error? Told by errors that stand next to failed requests on one side
    // nearly always.
    let mut beside: HashMap<(u32, u64), [u32; 3]> = HashMap::new();
    for cand in candidates.iter().filter(|c| !c.ledger) {
        let r = &obs.records[cand.record];
        if let (Some(b), Some(a)) = (r.status_before, r.status_after) {
            let e = beside.entry((r.source, cand.template)).or_default();
            e[0] += 1;
            e[1] += u32::from(a >= 500);
            e[2] += u32::from(b >= 500);
        }
    }
    for ((source, _), [n, next_failed, last_failed]) in beside {
        let votes = affinity.sides.entry(source).or_default();
        if next_failed * 5 >= n * 4 && next_failed > last_failed {
            votes.0 += next_failed - last_failed;
        } else if last_failed * 5 >= n * 4 && last_failed > next_failed {
            votes.1 += last_failed - next_failed;
        }
    }
    join_once(obs, failures, candidates, &affinity)
}

fn join_once(
    obs: &Observations,
    failures: &[Failure],
    candidates: &[Candidate],
    affinity: &Affinity,
) -> Joins {
    let ix = index(obs, failures);
    let leaders = leaders(obs, candidates);
    let mut led: Vec<(usize, usize)> = Vec::new();
    let mut joined_to: Numbered<usize, (usize, How)> = Numbered::default();
    let mut joins = Joins::default();
    // What each failure has already: (source, template).
    let mut has: Numbered<(usize, u64), u32> = Numbered::default();
    let mut explained: Vec<bool> = vec![false; failures.len()];
    let mut ledger_of: Numbered<usize, usize> = Numbered::default();
    for (k, f) in failures.iter().enumerate() {
        for &i in &f.seen {
            ledger_of.insert(i, k);
        }
    }
    let mut later = Vec::new();
    for (c, cand) in candidates.iter().enumerate() {
        let r = &obs.records[cand.record];
        if let Some(&k) = ledger_of.get(&cand.record) {
            joins.list.push(Join { candidate: c, failure: k, how: How::Same });
            continue;
        }
        if cand.ledger {
            continue;
        }
        if let Some(&leader) = leaders.get(&c) {
            led.push((c, leader));
            continue;
        }
        let mut options: Vec<usize> = Vec::new();
        let q = r.request.as_ref();
        if let Some(q) = q {
            for id in [q.id.as_ref(), q.trace.as_ref()].into_iter().flatten() {
                options.extend(ix.by_id.get(id).into_iter().flatten());
            }
            if says_route(&q.target) {
                let named = ix.by_tail.get(&hash(route::tail(&q.target)));
                options.extend(named.into_iter().flat_map(|d| d.around(r, NAMED_US + ix.took_us)));
            } else if let Some(cl) = &q.client {
                let theirs = ix.by_client.get(&hash(cl.as_str()));
                options.extend(theirs.into_iter().flat_map(|d| d.around(r, NAMED_US + ix.took_us)));
            }
        }
        if options.is_empty()
            && let Some(list) = ix.by_source.get(&r.source)
        {
            let span = u64::from(r.lines);
            let i = list.partition_point(|(l, _)| *l < r.line);
            let j = list.partition_point(|(l, _)| *l < r.line + span);
            options.extend(list[i.saturating_sub(3)..i].iter().map(|x| x.1));
            options.extend(list[j..(j + 4).min(list.len())].iter().map(|x| x.1));
        }
        let best = options
            .into_iter()
            .filter(|&k| off(&failures[k], r) <= NAMED_US || has_id(&failures[k], q))
            .filter_map(|k| {
                let (mut s, how) = score(obs, &failures[k], r, q)?;
                s -= 12 * has.get(&(k, cand.template)).copied().unwrap_or(0).min(3) as i32;
                if how != How::Id {
                    s += affinity.side_points(obs, &failures[k], r);
                    s += affinity.points(cand.template, &failures[k]);
                }
                Some((s, how, k))
            })
            .max_by_key(|(s, how, k)| {
                (*s, *how, std::cmp::Reverse(off(&failures[*k], r)), std::cmp::Reverse(*k))
            });
        match best {
            Some((s, how, k)) if s >= 25 && how != How::Time => {
                *has.entry((k, cand.template)).or_default() += 1;
                if cand.best().is_some_and(|f| !f.symptom) && r.level >= Level::Error
                    || !r.exceptions.is_empty()
                {
                    explained[k] = true;
                }
                joined_to.insert(c, (k, how));
                joins.list.push(Join { candidate: c, failure: k, how });
            }
            _ => later.push(c),
        }
    }
    for (c, leader) in led {
        match joined_to.get(&leader) {
            Some(&(k, how)) => {
                *has.entry((k, candidates[c].template)).or_default() += 1;
                joins.list.push(Join { candidate: c, failure: k, how });
            }
            None => later.push(c),
        }
    }
    later.sort_unstable();
    // By time alone: which failures still lack an explanation, nearest first.
    for c in later {
        let cand = &candidates[c];
        let r = &obs.records[cand.record];
        let Some(at) = r.at else { continue };
        let process = cand.best().is_some_and(|f| f.scope != Scope::Request);
        let names_other = r.request.as_ref().is_some_and(|q| says_route(&q.target) && q.id.is_none());
        if process || names_other {
            continue;
        }
        let reach = ix.longest_us + NEAR_US;
        let best = ix
            .around(at, reach, reach + late(r))
            .filter(|&k| off(&failures[k], r) <= NEAR_US)
            .filter_map(|k| {
                score(obs, &failures[k], r, r.request.as_ref()).map(|(s, _)| {
                    (
                        s + affinity.points(cand.template, &failures[k])
                            + affinity.side_points(obs, &failures[k], r),
                        k,
                    )
                })
            })
            .max_by_key(|&(s, k)| {
                let f = &failures[k];
                let raw = f.at.map_or(0, |t| t.since(at).abs());
                let taken = has.get(&(k, cand.template)).copied().unwrap_or(0);
                let lacks = if explained[k] { 0 } else { 20 };
                (std::cmp::Reverse(taken), s + lacks, std::cmp::Reverse(raw))
            });
        if let Some((_, k)) = best.filter(|(s, _)| *s > -15) {
            *has.entry((k, cand.template)).or_default() += 1;
            if cand.best().is_some_and(|f| !f.symptom) && r.level >= Level::Error {
                explained[k] = true;
            }
            joins.list.push(Join { candidate: c, failure: k, how: How::Time });
        }
    }
    joins.chance = chance(obs, &ix);
    for cand in candidates {
        joins.templates.entry(cand.template).or_default().records += 1;
    }
    for j in &joins.list {
        let met = joins.templates.entry(candidates[j.candidate].template).or_default();
        met.joined += 1;
        met.by_time_only += u32::from(j.how == How::Time);
    }
    joins
}
