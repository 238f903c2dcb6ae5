//! The ledger of failures: each failed request once, however many logs saw it.
//!
//! Logs of the same traffic (proxy and app) are found by laying their requests over each other; the outermost counts, the inner
//! ones explain. A service that others call on a request's behalf is inner too: its failures are causes, not counts.

use crate::join::{Candidate, How, Joins};
use crate::observe::{Observations, Stream, request_key};
use crate::route;
use record::{Ending, Numbered, Numbers, Record, SECOND, Time, hash};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Two logs write the same request at most so far apart, beyond its duration (whole-second stamps, start or end).
const SAME_REQUEST_US: i64 = 2 * SECOND;
/// Records that tell of one failure are written at most so far apart.
const SAME_ERROR_US: i64 = 2 * SECOND;
/// Failures of that time with which a record is compared.
const RECENT_MAX: usize = 512;
/// Ticks of one log that are held against another; more would not change the share.
const COMPARE_MAX: usize = 4_000;
/// Share of its requests found in another log from which on they are logs of the same traffic.
const SAME_TRAFFIC: f64 = 0.5;

/// Logs held against each other, the busiest first: each with each, so a folder of a hundred thousand small ones would take hours.
const COMPARED_LOGS_MAX: usize = 400;

/// One failed request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Failure {
    /// As its outermost log dates it.
    pub at: Option<Time>,
    pub duration_us: Option<i64>,
    /// 0: no answer.
    pub status: u16,
    pub method: Arc<str>,
    pub target: String,
    pub route: Arc<str>,
    pub client: Option<String>,
    pub ids: Vec<String>,
    /// Ledger records that saw it, outermost first.
    pub seen: Vec<usize>,
    /// Its stream; `None` when it was inferred from an error record.
    pub stream: Option<usize>,
    /// It counts: it is no call of an inner service.
    pub counts: bool,
    /// The failure of the outer service that this inner one led to.
    pub parent: Option<usize>,
}

#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub failures: Vec<Failure>,
    pub requests: Option<u64>,
    pub inferred: bool,
    /// Streams that count.
    pub edges: Vec<usize>,
    pub notes: Vec<String>,
}

fn times_by_key(s: &Stream) -> Numbered<u64, Vec<(Time, u16)>> {
    let mut map: Numbered<u64, Vec<(Time, u16)>> = Numbered::default();
    for t in s.traffic.ticks() {
        map.entry(t.key).or_default().push((t.at, t.status));
    }
    map
}

/// Share of `b`'s requests (within the time both cover) that `a` has too; and how many were compared.
fn share(a: &Stream, a_keys: &Numbered<u64, Vec<(Time, u16)>>, b: &Stream) -> (f64, usize) {
    let Some((a0, a1)) = a.traffic.span() else { return (0.0, 0) };
    let (lo, hi) = (a0.plus(-SAME_REQUEST_US), a1.plus(SAME_REQUEST_US));
    let common: Vec<_> = b.traffic.ticks_kept_by(&a.traffic).filter(|t| t.at >= lo && t.at <= hi).collect();
    if common.is_empty() {
        return (0.0, 0);
    }
    let step = common.len().div_ceil(COMPARE_MAX);
    let mut found = 0;
    let mut n = 0;
    for t in common.iter().step_by(step) {
        n += 1;
        if a_keys.get(&t.key).is_some_and(|v| near(v, t.at, 12 * SECOND).is_some()) {
            found += 1;
        }
    }
    (f64::from(found) / f64::from(n), common.len())
}

fn near(sorted: &[(Time, u16)], at: Time, within: i64) -> Option<usize> {
    let i = sorted.partition_point(|(t, _)| *t < at);
    [i.wrapping_sub(1), i]
        .into_iter()
        .filter(|&j| j < sorted.len())
        .min_by_key(|&j| sorted[j].0.since(at).abs())
        .filter(|&j| sorted[j].0.since(at).abs() <= within)
}

/// Of two logs of the same traffic: is `a` the outer one?
fn is_outer(a: &Stream, b: &Stream, b_in_a: f64, a_in_b: f64) -> bool {
    let local = |s: &Stream| s.traffic.local_share();
    let (la, lb) = (local(a), local(b));
    if (la - lb).abs() > 0.5 {
        return la < lb;
    }
    if (b_in_a - a_in_b).abs() > 0.03 {
        return b_in_a > a_in_b;
    }
    if (a.traffic.with_upstream > 0) != (b.traffic.with_upstream > 0) {
        return a.traffic.with_upstream > 0;
    }
    if a.traffic.clients() != b.traffic.clients() {
        return a.traffic.clients() > b.traffic.clients();
    }
    let front = |s: &Stream| {
        ["nginx", "apache", "haproxy", "edge", "gateway", "envoy", "caddy", "proxy", "lb"]
            .iter()
            .any(|w| s.family.contains(w))
    };
    if front(a) != front(b) {
        return front(a);
    }
    let key = |s: &Stream| (std::cmp::Reverse(s.traffic.total), s.family.clone(), s.service.clone());
    key(a) < key(b)
}

/// Methods and routes, each once: a hundred thousand failures have some dozens.
#[derive(Default)]
struct Names(HashSet<Arc<str>>);

impl Names {
    fn share(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.0.get(name) {
            return Arc::clone(known);
        }
        let new: Arc<str> = name.into();
        self.0.insert(Arc::clone(&new));
        new
    }
}

fn failure_of(obs: &Observations, index: usize, stream: usize, names: &mut Names) -> Failure {
    let r = &obs.records[index];
    let nothing = record::Request::default();
    let q = r.request.as_deref().unwrap_or(&nothing);
    let ids = [&q.id, &q.trace].into_iter().flatten().filter(|s| s.len() >= 4).cloned().collect();
    Failure {
        at: r.at,
        duration_us: q.duration_us.and_then(|d| i64::try_from(d).ok()),
        status: q.status.unwrap_or(0),
        route: names.share(&route::template(&q.target)),
        method: names.share(&q.method),
        target: q.target.clone(),
        client: q.client.clone(),
        ids,
        seen: vec![index],
        stream: Some(stream),
        counts: true,
        parent: None,
    }
}

/// The path of an error page, which some servers log in place of the path that was asked for.
fn is_error_page(target: &str) -> bool {
    let p = route::path(target);
    matches!(p, "/error" | "/errors" | "/50x.html")
        || p.strip_prefix("/5").or_else(|| p.strip_prefix("/errors/5")).is_some_and(|r| {
            r.get(..2).is_some_and(|d| d.bytes().all(|b| b.is_ascii_digit()))
                && matches!(r.get(2..), Some("" | ".html" | ".php"))
        })
}

/// Does the record tell of the failure that the record just before it in the same log told of (Caddy's error and access entry,
/// pino-http's "request errored")? Other words, same request, at once.
fn said_twice(obs: &Observations, f: &Failure, index: usize) -> bool {
    let Some(&last) = f.seen.last() else { return false };
    let (a, b) = (&obs.records[last], &obs.records[index]);
    let (Some(p), Some(q)) = (&a.request, &b.request) else { return false };
    let at_once = matches!((a.at, b.at), (Some(x), Some(y)) if y.since(x).abs() <= 50_000);
    a.source == b.source
        && b.line.saturating_sub(a.line) <= 4
        && at_once
        && p.target == q.target
        && p.status == q.status
        && p.client == q.client
        && first_words(said(a)) != first_words(said(b))
        && a.service == b.service
        && a.level.max(b.level) >= record::Level::Warn
        && !matches!((&p.id, &q.id), (Some(x), Some(y)) if x != y)
}

/// What a record says; an access-log line is its own message.
fn said(r: &Record) -> &str {
    if r.message.is_empty() { &r.text } else { &r.message }
}

fn first_words(message: &str) -> &str {
    let end = message.char_indices().nth(24).map_or(message.len(), |(i, _)| i);
    &message[..end]
}

/// The streams that are held against each other, in their order.
fn busiest(obs: &Observations) -> Vec<usize> {
    let mut list: Vec<usize> = (0..obs.streams.len()).collect();
    list.sort_by_key(|&i| (std::cmp::Reverse(obs.streams[i].traffic.total), i));
    list.truncate(COMPARED_LOGS_MAX);
    list.sort_unstable();
    list
}

/// Builds the ledger.
pub(crate) fn build(obs: &Observations) -> Ledger {
    let n = obs.streams.len();
    let compared = busiest(obs);
    let mut keys: Vec<Numbered<u64, Vec<(Time, u16)>>> = vec![Numbered::default(); n];
    // A log alone has none to be held against.
    for &i in compared.iter().filter(|_| n > 1) {
        keys[i] = times_by_key(&obs.streams[i]);
    }
    // outer_of[b] = the stream directly outside b that saw the same traffic.
    let mut outer_of: Vec<Option<usize>> = vec![None; n];
    for &b in &compared {
        let mut best: Option<(usize, f64)> = None;
        for &a in &compared {
            if a == b {
                continue;
            }
            let (sa, sb) = (&obs.streams[a], &obs.streams[b]);
            let (b_in_a, nb) = share(sa, &keys[a], sb);
            let (a_in_b, na) = share(sb, &keys[b], sa);
            if nb == 0 || na == 0 || b_in_a.max(a_in_b) < SAME_TRAFFIC {
                continue;
            }
            // The smaller one must be mostly inside the larger one.
            let (small_in_large, _) = if nb <= na { (b_in_a, nb) } else { (a_in_b, na) };
            if small_in_large < SAME_TRAFFIC {
                continue;
            }
            if is_outer(sa, sb, b_in_a, a_in_b)
                && !is_outer(sb, sa, a_in_b, b_in_a)
                && best.is_none_or(|(_, s)| b_in_a > s)
            {
                best = Some((a, b_in_a));
            }
        }
        outer_of[b] = best.map(|(a, _)| a);
    }
    let root = |mut i: usize| {
        for _ in 0..n {
            match outer_of[i] {
                Some(o) => i = o,
                None => break,
            }
        }
        i
    };
    let mut edges: Vec<usize> =
        (0..n).filter(|&i| outer_of[i].is_none() && obs.streams[i].traffic.total > 0).collect();
    // A service called on behalf of requests: its failures nest in time in those of a service with outside clients.
    let outermost: Vec<usize> = compared.iter().copied().filter(|&i| edges.contains(&i)).collect();
    let inner_services: Numbers<usize> = outermost
        .iter()
        .copied()
        .filter(|&b| outermost.iter().any(|&a| a != b && is_called_by(obs, b, a) && !is_called_by(obs, a, b)))
        .collect();
    edges.retain(|e| !inner_services.contains(e));

    let mut names = Names::default();
    let most = obs.streams.iter().map(|s| s.failures.len()).sum();
    let mut failures: Vec<Failure> = Vec::with_capacity(most);
    let mut by_key: Numbered<(usize, u64), Vec<usize>> = Numbered::default();
    let mut twice = 0;
    for &e in &edges {
        for &i in &obs.streams[e].failures {
            let f = failure_of(obs, i, e, &mut names);
            if let Some(g) = failures.last_mut()
                && said_twice(obs, g, i)
            {
                g.seen.push(i);
                twice += 1;
                continue;
            }
            by_key.entry((e, request_key(&f.target))).or_default().push(failures.len());
            failures.push(f);
        }
    }
    // Failures that only an inner log shows, as the outer one does not reach so far.
    let mut beyond = 0;
    let mut inner_nodes: Vec<Failure> = Vec::new();
    let is_edge: Numbers<usize> = edges.iter().copied().collect();
    let mut order: Vec<usize> = (0..n).filter(|i| !is_edge.contains(i)).collect();
    // Outer hops first, so that `seen` goes from the outermost inwards.
    order.sort_by_key(|&i| {
        let mut depth = 0;
        let mut j = i;
        while let (Some(o), true) = (outer_of[j], depth < n) {
            depth += 1;
            j = o;
        }
        depth
    });
    for b in order {
        let edge = root(b);
        let is_service = inner_services.contains(&edge);
        let mut taken: Numbers<usize> = Numbers::default();
        for &i in &obs.streams[b].failures {
            let f = failure_of(obs, i, b, &mut names);
            if is_service {
                inner_nodes.push(Failure { counts: false, ..f });
                continue;
            }
            let within = SAME_REQUEST_US + 10 * SECOND;
            let found = by_key.get(&(edge, request_key(&f.target))).and_then(|list| {
                list.iter()
                    .copied()
                    .filter(|k| !taken.contains(k))
                    .filter_map(|k| {
                        let g = &failures[k];
                        if !f.ids.is_empty() && f.ids.iter().any(|id| g.ids.contains(id)) {
                            return Some((k, -1));
                        }
                        let (a, b) = (g.at?, f.at?);
                        let room = within + g.duration_us.unwrap_or(0).max(f.duration_us.unwrap_or(0));
                        let off = a.apart(b);
                        (off <= room).then_some((k, off))
                    })
                    .min_by_key(|(k, off)| (*off, *k))
            });
            // Puma and Tomcat log the error page's path for the failed request: the inner log knows what was asked for.
            let found = found.or_else(|| {
                failures
                    .iter()
                    .enumerate()
                    .filter(|(k, g)| {
                        g.stream == Some(edge)
                            && g.status == f.status
                            && is_error_page(&g.target)
                            && !taken.contains(k)
                    })
                    .filter_map(|(k, g)| Some((k, g.at?.apart(f.at?))))
                    .filter(|(_, off)| *off <= SAME_REQUEST_US)
                    .min_by_key(|(k, off)| (*off, *k))
            });
            match found {
                Some((k, _)) => {
                    taken.insert(k);
                    if is_error_page(&failures[k].target) {
                        failures[k].target = f.target.clone();
                        failures[k].route = f.route.clone();
                        failures[k].method = f.method.clone();
                    }
                    failures[k].seen.push(i);
                    for id in f.ids {
                        if !failures[k].ids.contains(&id) {
                            failures[k].ids.push(id);
                        }
                    }
                }
                None => {
                    let Some(at) = f.at else { continue };
                    let e = &obs.streams[edge];
                    let covered =
                        e.traffic.span().is_some_and(|(a, b)| a.plus(-SECOND) <= at && b.plus(SECOND) >= at);
                    // The outer log covers that time: it saw another answer (a retry, a 499) or none yet.
                    let left = keys[edge]
                        .get(&request_key(&f.target))
                        .and_then(|v| near(v, at, within).map(|j| v[j].1));
                    if !covered || left == Some(499) {
                        let k = failures.len();
                        by_key.entry((edge, request_key(&f.target))).or_default().push(k);
                        taken.insert(k);
                        failures.push(f);
                        beyond += u64::from(left.is_none());
                    }
                }
            }
        }
    }
    let mut ledger = Ledger { edges: edges.clone(), ..Ledger::default() };
    if obs.streams.len() > COMPARED_LOGS_MAX {
        ledger.notes.push(format!(
            "{} logs count requests: only the {COMPARED_LOGS_MAX} busiest were looked through for the same requests seen twice; name fewer to be sure.",
            obs.streams.len()
        ));
    }
    let total: u64 = edges.iter().map(|&e| obs.streams[e].traffic.total).sum();
    if total > 0 {
        ledger.requests = Some(total - twice + beyond);
    }
    failures.sort_by_key(|f| (f.at, f.seen.first().copied()));
    nest(&mut failures, inner_nodes);
    nest_by_trace(obs, &mut failures);
    ledger.failures = failures;
    ledger
}

/// Do `b`'s failures look like calls on behalf of `a`'s failed requests?
fn is_called_by(obs: &Observations, b: usize, a: usize) -> bool {
    let (sa, sb) = (&obs.streams[a], &obs.streams[b]);
    if sb.failures.is_empty() {
        // No failures: nothing to count twice, but its requests are calls if its clients are all local and the other's are not.
        let local = |s: &Stream| s.traffic.local_share();
        return local(sb) > 0.95 && local(sa) < 0.5;
    }
    if sa.failures.is_empty() {
        return false;
    }
    // Ids handed on, of the request or of its trace, say it outright: of two entries with one id, the caller's ends later.
    let ids = |s: &Stream| -> HashMap<String, Time> {
        let id = |i: usize| obs.request(i).and_then(|q| q.id.clone().or(q.trace.clone()));
        s.failures.iter().filter_map(|&i| Some((id(i)?, obs.records[i].at?))).collect()
    };
    let (ia, ib) = (ids(sa), ids(sb));
    let shared: Vec<(Time, Time)> = ib.iter().filter_map(|(id, tb)| Some((*ia.get(id)?, *tb))).collect();
    if shared.len() >= 2 && shared.len() * 2 >= ib.len() {
        return shared.iter().filter(|(ta, tb)| ta >= tb).count() * 5 >= shared.len() * 4;
    }
    let local = |s: &Stream| s.traffic.local_share();
    if local(sb) < 0.5 && sb.traffic.clients() > 4 {
        return false;
    }
    // Outside clients at `a`, or at least as many requests.
    if local(sa) > 0.9 && local(sb) > 0.9 && sa.traffic.total < sb.traffic.total / 4 {
        return false;
    }
    let mut times: Vec<(Time, i64)> = sa
        .failures
        .iter()
        .filter_map(|&i| {
            let r = &obs.records[i];
            Some((r.at?, r.request.as_ref()?.duration_us.and_then(|d| i64::try_from(d).ok()).unwrap_or(0)))
        })
        .collect();
    times.sort();
    let longest = times.iter().map(|(_, d)| *d).max().unwrap_or(0);
    let nested = sb
        .failures
        .iter()
        .filter(|&&i| {
            let Some(at) = obs.records[i].at else { return false };
            let from = times.partition_point(|(t, _)| t.plus(longest + SAME_REQUEST_US) < at);
            times[from..]
                .iter()
                .take_while(|(t, d)| {
                    t.plus(-d - SAME_REQUEST_US) <= at || *t <= at.plus(longest + SAME_REQUEST_US)
                })
                .any(|(t, d)| t.plus(-d - SAME_REQUEST_US) <= at && at <= t.plus(d + SAME_REQUEST_US))
        })
        .count();
    nested as f64 >= 0.7 * sb.failures.len() as f64
        && sa.failures.len() as f64 >= 0.5 * sb.failures.len() as f64
}

/// Gives each inner failure its parent: nearest in time, the pair of routes that meets most often preferred.
fn nest(failures: &mut Vec<Failure>, inner: Vec<Failure>) {
    let outer = failures.len();
    let mut together: Numbered<(u64, u64), u32> = Numbered::default();
    let route_of = |f: &Failure| hash((&f.method, &f.route));
    let candidates = |f: &Failure, failures: &[Failure]| -> Vec<usize> {
        let Some(at) = f.at else { return Vec::new() };
        (0..outer)
            .filter(|&k| {
                let g = &failures[k];
                let d = g.duration_us.unwrap_or(0).max(f.duration_us.unwrap_or(0));
                g.at.is_some_and(|t| t.since(at).abs() <= d + SAME_REQUEST_US)
                    || f.ids.iter().any(|id| g.ids.contains(id))
            })
            .collect()
    };
    let lists: Vec<Vec<usize>> = inner.iter().map(|f| candidates(f, failures)).collect();
    for (f, list) in inner.iter().zip(&lists) {
        let mut seen = HashSet::new();
        for &k in list {
            if seen.insert(route_of(&failures[k])) {
                *together.entry((route_of(f), route_of(&failures[k]))).or_default() += 1;
            }
        }
    }
    let mut taken: Numbers<(usize, Option<usize>)> = Numbers::default();
    for (mut f, list) in inner.into_iter().zip(lists) {
        let me = route_of(&f);
        f.parent = list
            .into_iter()
            .max_by_key(|&k| {
                let g = &failures[k];
                let id = f.ids.iter().any(|id| g.ids.contains(id));
                let free = !taken.contains(&(k, f.stream));
                let off = g.at.and_then(|t| f.at.map(|a| t.since(a).abs())).unwrap_or(i64::MAX);
                (id, free, together.get(&(me, route_of(g))).copied().unwrap_or(0), -off)
            })
            .inspect(|&k| {
                taken.insert((k, f.stream));
            });
        failures.push(f);
    }
}

/// Clocks of two hosts differ by so much where they are kept.
const CLOCKS_APART_US: i64 = 100_000;

/// Services that were called on behalf of one request carry its trace id: of their failures the outermost counts, the others led
/// to it. Outermost is the one whose span has no parent. Where all have one (the trace began in a browser, or in a proxy that tells
/// nothing), a failure is inner to that of the service whose failed call it answered, or else to that in whose time it lies.
fn nest_by_trace(obs: &Observations, failures: &mut [Failure]) {
    let record = |f: &Failure| f.seen.first().and_then(|&i| obs.records.get(i));
    let mut traces: HashMap<&str, Vec<usize>> = HashMap::new();
    for (k, f) in failures.iter().enumerate().filter(|(_, f)| f.counts) {
        if let Some(t) = f.seen.iter().find_map(|&i| obs.request(i)?.trace.as_deref()) {
            traces.entry(t).or_default().push(k);
        }
    }
    let is_called =
        |k: usize| failures.get(k).and_then(record).is_some_and(|r| r.field("parent_span").is_some());
    traces.retain(|_, list| list.len() > 1);
    // Failed calls of these traces: by trace and span, the service that called.
    let mut calls: HashMap<(&str, &str), Option<&str>> = HashMap::new();
    for r in obs.records.iter().filter(|_| !traces.is_empty()) {
        let trace = r.request.as_ref().and_then(|q| q.trace.as_deref()).filter(|t| traces.contains_key(t));
        if let (Some(t), Some(span)) = (trace, r.field("span")) {
            calls.insert((t, span), r.service.as_deref());
        }
    }
    let mut inner: Vec<(usize, usize)> = Vec::new();
    for (trace, list) in traces {
        let longest = |a: &usize, b: &usize| {
            let key = |k: usize| {
                failures.get(k).map(|f| (f.duration_us.unwrap_or(0), std::cmp::Reverse((f.at, k))))
            };
            key(*a).cmp(&key(*b))
        };
        let service = |k: usize| failures.get(k).and_then(record).and_then(|r| r.service.as_deref());
        let caller = |k: usize| {
            let span = failures.get(k).and_then(record).and_then(|r| r.field("parent_span"))?;
            let who = *calls.get(&(trace, span))?;
            list.iter().copied().find(|&o| o != k && service(o) == who && service(k) != who)
        };
        let root = list.iter().copied().filter(|&k| !is_called(k)).max_by(longest);
        for &k in list.iter().filter(|&&k| is_called(k)) {
            let outer = root.or_else(|| caller(k)).or_else(|| {
                let around = list.iter().copied().filter(|&o| o != k && lies_within(failures, k, o));
                around.filter(|&o| caller(o) != Some(k)).max_by(longest)
            });
            inner.extend(outer.map(|o| (k, o)));
        }
    }
    let called_by: Numbered<usize, usize> = inner.into_iter().collect();
    for (&k, &outer) in &called_by {
        // What explains the innermost explains the outermost: it is the one that is shown.
        let mut top = outer;
        for _ in 0..called_by.len() {
            top = called_by.get(&top).copied().unwrap_or(top);
        }
        if let Some(f) = failures.get_mut(k).filter(|_| !called_by.contains_key(&top)) {
            (f.counts, f.parent) = (false, Some(top));
        }
    }
}

/// Did the one fail within the time in which the other, of another service, was at work? Spans are dated at their end.
fn lies_within(failures: &[Failure], inner: usize, outer: usize) -> bool {
    let (Some(a), Some(b)) = (failures.get(inner), failures.get(outer)) else { return false };
    let (Some(a_end), Some(b_end)) = (a.at, b.at) else { return false };
    let (a_took, b_took) = (a.duration_us.unwrap_or(0), b.duration_us.unwrap_or(0));
    a.stream != b.stream
        && a_took < b_took
        && a_end <= b_end.plus(CLOCKS_APART_US)
        && a_end.plus(-a_took) >= b_end.plus(-b_took - CLOCKS_APART_US)
}

/// Failures inferred where no log counts requests: each error record (or group of records that tell of the same request)
/// stands for one.
pub(crate) fn infer(obs: &Observations, errors: &[usize]) -> Vec<Failure> {
    let mut failures: Vec<Failure> = Vec::new();
    let mut names = Names::default();
    // Only failures of a moment ago, or of the same id, are gone on with: a flood is not to be held against all that came before.
    let mut by_id: HashMap<String, Vec<usize>> = HashMap::new();
    let mut recent: Vec<Recent> = Vec::new();
    for &i in errors {
        let r = &obs.records[i];
        let q = r.request.clone().unwrap_or_default();
        if let Some(at) = r.at {
            recent.retain(|n| n.at.is_none_or(|t| at.since(t).abs() <= SAME_ERROR_US));
        }
        recent.drain(..recent.len().saturating_sub(RECENT_MAX));
        let ender = ender(r);
        let others = recent.iter().filter(|n| ender.is_none() || n.ender != ender).map(|n| n.failure);
        let near = others.filter(|&k| same_failure(obs, &failures[k], r)).max();
        let named = [&q.id, &q.trace]
            .into_iter()
            .flatten()
            .filter_map(|id| by_id.get(id))
            .flat_map(|list| list.iter().rev().take(RECENT_MAX).copied())
            .filter(|&k| same_failure(obs, &failures[k], r))
            .max();
        let k = match near.max(named) {
            Some(k) => {
                let f = &mut failures[k];
                f.seen.push(i);
                if f.target.is_empty() {
                    f.target = q.target.clone();
                    f.method = names.share(&q.method);
                    f.route = names.share(&route::template(&q.target));
                }
                if f.client.is_none() {
                    f.client = q.client;
                }
                for id in [q.id, q.trace].into_iter().flatten() {
                    if !f.ids.contains(&id) {
                        f.ids.push(id);
                    }
                }
                recent.retain(|n| n.failure != k);
                k
            }
            None => {
                let route = if q.target.is_empty() { String::new() } else { route::template(&q.target) };
                failures.push(Failure {
                    at: r.at,
                    duration_us: q.duration_us.and_then(|d| i64::try_from(d).ok()),
                    status: q.status.or(q.upstream_status.filter(|s| *s >= 500)).or(q.assumed).unwrap_or(0),
                    route: names.share(&route),
                    method: names.share(&q.method),
                    target: q.target,
                    client: q.client,
                    ids: [q.id, q.trace].into_iter().flatten().collect(),
                    seen: vec![i],
                    stream: None,
                    counts: true,
                    parent: None,
                });
                failures.len() - 1
            }
        };
        recent.push(Recent { failure: k, at: r.at, ender });
        for id in &failures[k].ids {
            let list = by_id.entry(id.clone()).or_default();
            if list.last() != Some(&k) {
                list.push(k);
            }
        }
    }
    failures
}

/// A failure of a moment ago, with what is looked at first of the last record that told of it: in a flood, hundreds are held
/// against each that comes.
struct Recent {
    failure: usize,
    at: Option<Time>,
    ender: Option<u64>,
}

/// Which client reports here the error that ended a request (source and format, hashed). It does so once: another one of its kind is
/// another request's, whatever trace they share.
fn ender(r: &Record) -> Option<u64> {
    r.request.as_ref().is_some_and(|q| q.assumed.is_some()).then(|| hash((r.source, r.format)))
}

/// Do two records say the same? Of the later ones of a wording only the beginning is kept.
fn says_as(a: &Record, b: &Record) -> bool {
    let (short, long) =
        if a.message.len() < b.message.len() { (&a.message, &b.message) } else { (&b.message, &a.message) };
    !short.is_empty() && long.starts_with(short.as_str()) && (short.len() == long.len() || short.len() >= 40)
}

/// Records of a failure that are looked at for what was said of it already.
const SAID_MAX: usize = 8;

/// Does this record tell of the failure that earlier ones told of?
fn same_failure(obs: &Observations, f: &Failure, r: &Record) -> bool {
    let Some(&last) = f.seen.last() else { return false };
    let prev = &obs.records[last];
    let q = r.request.as_ref();
    let known = |id: &Option<String>| id.as_ref().map(|id| f.ids.contains(id));
    if ender(prev).is_some_and(|e| Some(e) == ender(r)) {
        return false;
    }
    if let Some(q) = q.filter(|_| !f.ids.is_empty()) {
        let named = !q.target.is_empty() && !f.target.is_empty();
        let other = named && route::tail(&q.target) != route::tail(&f.target);
        let own = prev.source == r.source && prev.service == r.service;
        match (known(&q.id), known(&q.trace)) {
            (Some(true), _) => return true,
            // A trace may hold many requests, with ids of their own, or of one service with other targets.
            (Some(false), Some(true)) => return !named,
            (None, Some(true)) => return !(other && own),
            (Some(false), _) | (None, Some(false)) => return false,
            (None, None) => {}
        }
    }
    let apart = match (prev.at, r.at) {
        (Some(a), Some(b)) => b.since(a).abs(),
        _ => 0,
    };
    if apart > SAME_ERROR_US {
        return false;
    }
    let target = q.map(|q| q.target.as_str()).filter(|t| !t.is_empty());
    // A writer that said the same of it already speaks of the next.
    let asks = |r: &Record| r.request.as_ref().is_some_and(|q| !q.target.is_empty());
    let again = f.seen.iter().rev().take(SAID_MAX).map(|&i| &*obs.records[i]).any(|p| {
        (p.source, p.format, &p.pid, asks(p)) == (r.source, r.format, &r.pid, asks(r)) && says_as(p, r)
    });
    if again && f.seen.len() > 1 {
        return false;
    }
    if let Some(t) = target
        && !f.target.is_empty()
    {
        let same = route::tail(t) == route::tail(&f.target);
        let client = q.and_then(|q| q.client.as_ref());
        let clients_differ = matches!((client, &f.client), (Some(a), Some(b)) if a != b);
        // The same request in the same log twice is two requests, unless one entry only adds to the other.
        return same
            && !clients_differ
            && (prev.source != r.source || prev.format != r.format || prev.message != r.message);
    }
    // One names the request, the other only the error: neighbours of the same writer.
    let neighbours = prev.source == r.source
        && r.line.saturating_sub(prev.line) <= 60
        && prev.pid == r.pid
        && apart <= SECOND;
    let same_error = match (prev.root(), r.root()) {
        (Some(a), Some(b)) => {
            a.kind == b.kind && a.message == b.message && (f.target.is_empty() != target.is_none())
        }
        _ => f.target.is_empty() != target.is_none() || prev.exceptions.is_empty() != r.exceptions.is_empty(),
    };
    neighbours && same_error
}

/// Words that say that a request ended without an answer, so that no access log has it: Tomcat's AbstractProtocol, Go's net/http,
/// Apache's child that died (AH00051, AH00052).
const CUT_WORDS: [&str; 5] = [
    "Failed to complete processing of a request",
    "panic serving",
    "exit signal Segmentation fault",
    "exit signal Bus error",
    "exit signal Aborted",
];

/// Words behind which a framework names the request that it just answered with 500: Flask, Quart; Django.
const ANSWERED_WORDS: [&str; 2] = ["Exception on /", "Internal Server Error: /"];

/// Failed requests that nobody logged: errors that tell of a cut, and those that name a request as answered with 500 of which no
/// ledger has anything (an app whose access log is not sent, beside a proxy of others).
pub(crate) fn unlogged(
    obs: &Observations,
    failures: &[Failure],
    candidates: &[Candidate],
    joins: &Joins,
) -> Vec<Failure> {
    // A proxy shows such a cut as 502 or 504; a 500 near it is another request.
    let joined: Numbers<usize> = joins
        .list
        .iter()
        .filter(|j| j.how > How::Time || matches!(failures[j.failure].status, 0 | 502 | 504))
        .map(|j| j.candidate)
        .collect();
    let (mut out, mut told) = (Vec::new(), Vec::new());
    // Asked once of each wording: there are hundreds of thousands of messages, and some dozens of wordings.
    let mut saying: Numbered<u64, (bool, bool)> = Numbered::default();
    for (c, cand) in candidates.iter().enumerate().filter(|(_, c)| !c.ledger) {
        let r = &obs.records[cand.record];
        let (cut, answered) = *saying.entry(cand.template).or_insert_with(|| {
            let line = r.message.lines().next().unwrap_or("");
            let says = |words: &[&str]| words.iter().any(|w| line.contains(w));
            (says(&CUT_WORDS), says(&ANSWERED_WORDS))
        });
        if !cut && !answered {
            continue;
        }
        // Those that met a failure in time alone, where most of their kind met none, met it by chance.
        let alone = (!joined.contains(&c) || joins.is_noise(cand.template))
            && cand.best().is_some_and(|f| !f.symptom);
        if !alone {
            continue;
        }
        if cut {
            out.push(Failure { at: r.at, seen: vec![cand.record], counts: true, ..Failure::default() });
        } else if r.level >= record::Level::Error
            && let Some(q) = r.request.as_ref().filter(|q| !q.target.is_empty())
            && !obs.streams.iter().any(|s| s.traffic.may_have_seen(request_key(&q.target)))
        {
            told.push(cand.record);
        }
    }
    // Of one failure several records may tell.
    let answered = |f: Failure| Failure { status: if f.status == 0 { 500 } else { f.status }, ..f };
    out.extend(infer(obs, &told).into_iter().map(answered));
    out
}

/// Failures of requests that no ledger has: clients that count a sample of the requests still report each error that nobody
/// handled ([`record::Request::assumed`]). An access log that covers that time has all requests of the routes that it knows, so what it
/// lacks of them is none.
pub(crate) fn unsampled(
    obs: &Observations,
    ledger: &Ledger,
    candidates: &[Candidate],
    joins: &Joins,
    is_error: impl Fn(&Candidate) -> bool,
) -> Vec<Failure> {
    let assumed = |c: &Candidate| obs.request(c.record).is_some_and(|q| q.assumed.is_some());
    if !candidates.iter().any(assumed) {
        return Vec::new();
    }
    let told: Numbers<usize> =
        joins.list.iter().filter(|j| j.how >= How::Request).map(|j| candidates[j.candidate].record).collect();
    let ids = |i: usize| obs.request(i).into_iter().flat_map(|q| [&q.id, &q.trace]).flatten();
    let counted: HashSet<&String> =
        (0..obs.records.len()).filter(|&i| obs.records[i].is_ledger()).flat_map(ids).collect();
    // A log that knows no such route is another service's: what it lacks, others may well have failed at. What each knows is
    // gathered once: there may be as many errors as requests.
    let failed: HashSet<String> = ledger.failures.iter().map(|f| route::template(&f.target)).collect();
    let edges: Vec<(&Stream, Numbers<u64>)> = ledger
        .edges
        .iter()
        .map(|&e| &*obs.streams[e])
        .map(|s| (s, s.traffic.ticks().iter().map(|t| t.key).collect()))
        .collect();
    let covered = |r: &Record| {
        let own = obs.log_of(r.source);
        let asked = r.request.as_ref().filter(|q| !q.target.is_empty());
        let asked = asked.map(|q| (q, route::template(&q.target), request_key(&q.target)));
        edges.iter().filter(|(s, _)| &*s.family != own).any(|(s, keys)| {
            let then = r.at.is_some_and(|t| s.traffic.span().is_some_and(|(a, b)| a <= t && b >= t));
            then && asked.as_ref().is_none_or(|(q, template, key)| {
                s.traffic.routes_folded().is_some()
                    || s.traffic.seen(&q.method, template).is_some()
                    || failed.contains(template)
                    || keys.contains(key)
            })
        })
    };
    let errors: Vec<usize> = candidates
        .iter()
        .filter(|c| !c.ledger && !told.contains(&c.record) && is_error(c))
        .filter(|c| {
            let r = &obs.records[c.record];
            assumed(c) && !covered(r) && !ids(c.record).any(|id| counted.contains(id))
        })
        .map(|c| c.record)
        .collect();
    infer(obs, &errors)
}

/// Does a record stand for a failure, where no log counts requests?
pub(crate) fn stands_for_failure(r: &Record) -> bool {
    // What the installation of a package printed may be why a request failed, but asked for none.
    if r.format == "packages" {
        return false;
    }
    let status = r.request.as_ref().and_then(|q| q.status);
    if let Some(s) = status {
        return s >= 500;
    }
    r.request.as_ref().is_none_or(|q| q.ending != Ending::ClientLeft)
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::{Request, Zone};

    /// nginx is sent, the app's access log is not: what the app says that it answered with 500 counts, once.
    #[test]
    fn requests_that_only_the_app_tells_of() {
        let at = Time::from_secs(1_795_503_600);
        let record = |service: &str, message: &str, method: &str, target: &str, status: Option<u16>| Record {
            line: 1,
            format: "plain",
            at: Some(at),
            zone: Zone::Stated,
            level: record::Level::Error,
            service: Some(service.into()),
            text: message.into(),
            message: message.into(),
            request: Some(Box::new(Request {
                method: method.into(),
                target: target.into(),
                status,
                ..Request::default()
            })),
            ..Record::default()
        };
        let recogniser = crate::Recogniser::new(&[]).unwrap();
        let counted = |answered: &str| {
            let mut obs = Observations::new();
            obs.source("wire");
            obs.record(record("nginx", "GET /cart/17 502", "GET", "/cart/17", Some(502)), &recogniser);
            obs.record(record("nginx", "POST 500", "POST", answered, Some(500)), &recogniser);
            let said = "Exception on /orders [POST] KeyError: 'sku' at app.py:38 in place_order";
            obs.record(Record { line: 3, ..record("shop", said, "POST", "/orders", None) }, &recogniser);
            let settings = crate::Settings {
                offset_s: &|_| 0,
                wall: &[false],
                stated: &[true],
                lines: &[3],
                filter: crate::Filter::default(),
                spread: &crate::one_by_one,
                begun: &HashMap::new(),
            };
            crate::diagnose(&mut obs, &settings).totals.failures
        };
        assert_eq!((counted("/pay"), counted("/orders")), (3, 2));
    }

    /// The proxy's log ends before the failure that only the app's own log shows: a request more, as it is a failure more.
    #[test]
    fn failures_beyond_the_outer_log_are_requests_too() {
        let mut obs = Observations::new();
        let begin = Time::from_secs(1_795_503_600);
        let at = |s: i64| Some((begin.plus(s * SECOND), Zone::Stated));
        for (name, client) in [("access.log", Some("203.0.113.9")), ("app.log", None)] {
            let source = obs.source(name);
            for i in 0..5 {
                let (line, target) = (i as u64 + 1, format!("/cart/{i}"));
                obs.healthy(source, line, None, at(i), "GET", &target, client, 200, Ending::Answered, false);
            }
        }
        let failure = Record {
            source: 1,
            line: 6,
            at: at(60).map(|(t, _)| t),
            zone: Zone::Stated,
            request: Some(Box::new(Request {
                method: "GET".into(),
                target: "/pay".into(),
                status: Some(500),
                ..Request::default()
            })),
            ..Record::default()
        };
        obs.record(failure, &crate::Recogniser::new(&[]).unwrap());
        obs.settle();
        let ledger = build(&obs);
        assert_eq!((ledger.requests, ledger.failures.len()), (Some(6), 1));
    }

    /// A client counts a sample of the requests and reports each error: what the sample lacks counts, what it shows does not again.
    #[test]
    fn errors_that_a_sample_lacks_count_once() {
        let recogniser = crate::Recogniser::new(&[]).unwrap();
        let mut obs = Observations::new();
        obs.source("wire");
        let begin = Time::from_secs(1_795_503_600);
        let mut add = |n: u64, trace: &str, status: Option<u16>, assumed: Option<u16>| {
            let message = if assumed.is_some() { format!("KeyError: 'total{n}'") } else { String::new() };
            let record = Record {
                line: n,
                at: Some(begin.plus(n as i64 * 10 * SECOND)),
                zone: Zone::Stated,
                level: if assumed.is_some() { record::Level::Error } else { record::Level::Info },
                message,
                request: Some(Box::new(Request {
                    method: "GET".into(),
                    target: format!("/cart/{n}"),
                    status,
                    assumed,
                    trace: Some(trace.into()),
                    ..Request::default()
                })),
                ..Record::default()
            };
            obs.record(record, &recogniser);
        };
        add(1, "aaaa", Some(500), None);
        add(1, "aaaa", None, Some(500));
        add(2, "bbbb", None, Some(500));
        add(3, "cccc", Some(404), None);
        add(3, "cccc", None, Some(500));
        add(9, "dddd", Some(200), None);
        let settings = crate::Settings {
            offset_s: &|_| 0,
            wall: &[false],
            stated: &[true],
            lines: &[9],
            filter: crate::Filter::default(),
            spread: &crate::one_by_one,
            begun: &HashMap::new(),
        };
        let report = crate::diagnose(&mut obs, &settings);
        assert_eq!((report.totals.failures, report.totals.requests), (2, Some(4)));
        assert!(report.problems.iter().all(|p| p.statuses.get(&500) == Some(&p.count)));
    }
}
