//! Joins error records to the failures they tell of: by id, by request line, by client, by neighbourhood in the same log, by time.

use crate::group::normal_peer;
use crate::ledger::Failure;
use crate::observe::Observations;
use crate::order;
use crate::recognise::{Finding, Scope};
use crate::route;
use crate::spread::{self, Spread};
use record::{Class, Level, Mixer, Numbered, Numbers, Record, SECOND, Time, hash};
use std::hash::Hasher;
use std::sync::Arc;

/// How a record was joined to a failure; the order is that of trust.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum How {
    /// It has no time: by number and order alone.
    Order,
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
            How::Order => {
                "its log writes no times; it fits by number and order, and nothing else explains the failure"
            }
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
    /// Errors without a time that may be those of failures which nothing explains.
    pub undated: usize,
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
    let root = r.root().map(|e| (e.kind.as_str(), folded(e.message.lines().next().unwrap_or(""))));
    hash((r.format, r.level, folded(line), root))
}

/// The hash of a text with its variables folded.
fn folded(text: &str) -> u64 {
    // The skeleton of plain text folds the same words.
    if text.is_ascii() {
        return record::skeleton(text.get(..FOLDED_CHARS).unwrap_or(text), |_| {});
    }
    let mut all = Mixer::default();
    pieces(text, |piece| all.write(piece.as_bytes()));
    all.finish()
}

/// Of a text, this many characters are folded.
const FOLDED_CHARS: usize = 300;

/// Words that hold a digit (numbers, ids, dates, addresses) replaced by `#`.
pub(crate) fn fold(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(FOLDED_CHARS));
    pieces(text, |piece| out.push_str(piece));
    out
}

/// How long the word is that the text begins with.
fn word_bytes(text: &str) -> usize {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    let end = text.bytes().position(|b| !plain(b)).unwrap_or(text.len());
    let rest = text.get(end..).unwrap_or_default();
    if rest.is_empty() || rest.as_bytes().first().is_some_and(u8::is_ascii) {
        return end;
    }
    // Letters of other scripts.
    let of_word = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    rest.find(|c: char| !of_word(c)).map_or(text.len(), |more| end + more)
}

/// The words of a text and what stands between them, one by one; `#` for words that hold a digit.
fn pieces<'a>(text: &'a str, mut take: impl FnMut(&'a str)) {
    let long = text.len() > FOLDED_CHARS;
    let end =
        if long { text.char_indices().nth(FOLDED_CHARS).map_or(text.len(), |(i, _)| i) } else { text.len() };
    let mut rest = text.get(..end).unwrap_or(text);
    while let Some(c) = rest.chars().next() {
        let word = word_bytes(rest);
        let (piece, behind) = rest.split_at(if word == 0 { c.len_utf8() } else { word });
        take(if word > 0 && piece.bytes().any(|b| b.is_ascii_digit()) { "#" } else { piece });
        rest = behind;
    }
}

const NEAR_US: i64 = 1_500_000;
/// Lines of one thread so near to each other tell of one request.
const BURST_US: i64 = 3_000;

/// Failures at a time that are asked on each side of a record; in a flood, those further away are not its own.
const NEAREST_MAX: usize = 512;
/// A record that names the request may be so far from its failure, beyond the time that it took.
const NAMED_US: i64 = 65 * SECOND;

/// Longer than this a failed request seldom takes, unless it timed out.
const SHORT_US: i64 = 2 * SECOND;

/// Failures of one route or client, by time.
#[derive(Default)]
struct Dated {
    /// Those that took no longer than [`SHORT_US`]: records of theirs are near them.
    short: Vec<(Time, usize)>,
    long: Vec<(Time, usize)>,
    undated: Vec<usize>,
    /// How long some of the short ones took is known.
    timed: bool,
}

impl Dated {
    fn push(&mut self, f: &Failure, k: usize) {
        let took = took(f);
        let list = if took <= SHORT_US { &mut self.short } else { &mut self.long };
        self.timed |= f.duration_us.is_some();
        match f.at {
            Some(t) if list.last() != Some(&(t, k)) => list.push((t, k)),
            None if self.undated.last() != Some(&k) => self.undated.push(k),
            _ => {}
        }
    }

    /// Asks those that a record may tell of, the nearest first, until what they could be worth at most (`at_most`, by the time that
    /// lies between) is less than what `ask` says was found.
    fn ask(
        &self,
        r: &Record,
        reach: i64,
        at_most: impl Fn(i64, bool) -> i32,
        mut ask: impl FnMut(usize) -> i32,
    ) {
        for &k in &self.undated {
            ask(k);
        }
        let Some(at) = r.at else {
            for (_, k) in self.short.iter().chain(&self.long) {
                ask(*k);
            }
            return;
        };
        let late = late(r);
        let (from, to) = near(&self.long, at, reach, reach + late);
        for (_, k) in &self.long[from..to] {
            ask(*k);
        }
        let (from, to) = near(&self.short, at, reach, reach + late);
        let list = &self.short[from..to];
        let mut after = list.partition_point(|(t, _)| *t < at);
        let mut before = after;
        loop {
            let back = before.checked_sub(1).and_then(|i| list.get(i));
            let next = match (back, list.get(after)) {
                (Some(b), Some(a)) if at.since(b.0) <= a.0.since(at) => {
                    before -= 1;
                    b
                }
                (_, Some(a)) => {
                    after += 1;
                    a
                }
                (Some(b), None) => {
                    before -= 1;
                    b
                }
                (None, None) => return,
            };
            let found = ask(next.1);
            let away = (next.0.apart(at) - late).max(0);
            if found > at_most(away, self.timed) {
                return;
            }
        }
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

/// What joining compares of a request, each text as its hash: a flood of errors is held against hundreds of failures each.
#[derive(Clone, Copy, Default)]
struct Asked {
    /// Names a route: front controllers stand for any.
    route: bool,
    target: u64,
    path: u64,
    tail: u64,
    /// 0: not known.
    method: u64,
    /// 0: not known.
    client: u64,
    /// From within the network.
    local: bool,
    has_id: bool,
    /// Trace id; the lowest byte is its length. 0: not known.
    trace: u64,
    /// Where it was sent on to, if that is one address with a port. 0: not known.
    upstream: u64,
}

/// The hash of a text that is known; 0 of one that is not.
fn known(text: Option<&str>) -> u64 {
    text.map_or(0, |t| hash(t) | 1)
}

/// The hash of an address with a port; 0 of names, sockets, and several tried one after the other.
fn address(upstream: &str) -> u64 {
    let peer = normal_peer(upstream);
    let port = peer.rsplit_once(':').is_some_and(|(host, port)| {
        !host.is_empty() && !host.contains(['/', ',', ' ']) && port.bytes().all(|b| b.is_ascii_digit())
    });
    known(Some(peer.as_str()).filter(|_| port))
}

impl Asked {
    fn of(q: &record::Request) -> Asked {
        let path = route::path(&q.target);
        let target = hash(q.target.as_str());
        Asked {
            route: says_route(&q.target),
            target,
            path: if path.len() == q.target.len() { target } else { hash(path) },
            tail: hash(route::tail(path)),
            method: known(Some(q.method.as_str()).filter(|m| !m.is_empty())),
            client: known(q.client.as_deref()),
            local: q.client.as_deref().is_some_and(is_local),
            has_id: q.id.is_some(),
            trace: q.trace.as_ref().map_or(0, |t| (hash(t.as_str()) & !0xff) | (t.len() as u64).min(0xff)),
            upstream: q.upstream.as_deref().map_or(0, address),
        }
    }
}

/// Who wrote a record, and where it stands.
#[derive(Clone, Copy)]
struct Written {
    source: u32,
    line: u64,
    /// 0: not known.
    pid: u64,
    /// 0: not known.
    service: u64,
    format: &'static str,
}

impl Written {
    fn of(r: &Record) -> Written {
        Written {
            source: r.source,
            line: r.line,
            pid: known(r.pid.as_deref()),
            service: known(r.service.as_deref()),
            format: r.format,
        }
    }

    fn same_format(&self, other: &Written) -> bool {
        std::ptr::eq(self.format, other.format) || self.format == other.format
    }
}

/// What joining compares of a failure: by its ledger records, outermost first.
struct Facet<'a> {
    at: Option<Time>,
    /// How long it took, as far as it is known or can be told from its status.
    took: i64,
    timed: bool,
    /// The outermost, and the others.
    first: Option<(Written, Option<Asked>)>,
    rest: Box<[(Written, Option<Asked>)]>,
    method: u64,
    client: u64,
    local: bool,
    /// The script or file that its path ends with.
    file: Option<&'a str>,
}

impl Facet<'_> {
    fn seen(&self) -> impl Iterator<Item = &(Written, Option<Asked>)> {
        self.first.iter().chain(self.rest.iter())
    }
}

fn facets<'a>(obs: &Observations, failures: &'a [Failure]) -> Vec<Facet<'a>> {
    failures
        .iter()
        .map(|f| {
            let file = route::path(&f.target).rsplit('/').next().unwrap_or("");
            let mut seen =
                f.seen.iter().map(|&i| (Written::of(&obs.records[i]), obs.request(i).map(Asked::of)));
            Facet {
                at: f.at,
                took: took(f),
                timed: f.duration_us.is_some(),
                first: seen.next(),
                rest: seen.collect(),
                method: known(Some(&*f.method).filter(|m| !m.is_empty())),
                client: known(f.client.as_deref()),
                local: f.client.as_deref().is_some_and(is_local),
                file: (file.len() >= 5 && file.contains('.')).then_some(file),
            }
        })
        .collect()
}

/// A record that asks which failure it tells of.
struct Asker<'a> {
    r: &'a Record,
    written: Written,
    asked: Option<Asked>,
    ids: [Option<&'a str>; 2],
}

impl<'a> Asker<'a> {
    fn new(r: &'a Record) -> Asker<'a> {
        let q = r.request.as_deref();
        Asker {
            r,
            written: Written::of(r),
            asked: q.map(Asked::of),
            ids: [q.and_then(|q| q.id.as_deref()), q.and_then(|q| q.trace.as_deref())],
        }
    }

    /// Does the failure carry an id of the request?
    fn has_id(&self, f: &Failure) -> bool {
        !f.ids.is_empty() && self.ids.into_iter().flatten().any(|id| f.ids.iter().any(|x| x == id))
    }
}

#[derive(Default)]
struct Index {
    by_id: Numbered<u64, Vec<usize>>,
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
    let mut ix = Index::default();
    for (k, f) in failures.iter().enumerate() {
        for id in &f.ids {
            ix.by_id.entry(hash(id.as_str())).or_default().push(k);
        }
        for &i in &f.seen {
            if let Some(q) = obs.request(i) {
                ix.by_tail.entry(hash(route::tail(&q.target))).or_default().push(f, k);
                if let Some(c) = &q.client {
                    ix.by_client.entry(hash(c.as_str())).or_default().push(f, k);
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
        d.short.sort_unstable();
        d.long.sort_unstable();
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
fn off(f: &Facet<'_>, r: &Record) -> i64 {
    let (Some(a), Some(b)) = (f.at, r.at) else { return 0 };
    // A record without a time of its own lies anywhere between its dated neighbours, if these are not too far apart.
    let end = r.until.filter(|u| *u > b && u.since(b) <= 30 * SECOND).unwrap_or(b);
    let away = if a > b && a < end { 0 } else { a.apart(b).min(a.apart(end)) };
    (away - f.took).max(0)
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
pub(crate) fn says_route(target: &str) -> bool {
    !target.is_empty()
        && target != "*"
        && !["/index.php", "/app.php"].iter().any(|front| route::path(target).ends_with(front))
}

/// Do both records name a request, and not the same?
fn others(obs: &Observations, a: usize, b: usize) -> bool {
    // nginx names what it was asked for, each time; behind a load balancer all its clients are one.
    let asked = [a, b].iter().all(|&i| obs.records[i].format.starts_with("nginx"));
    let (Some(a), Some(b)) = (obs.request(a), obs.request(b)) else { return false };
    let differ = |x: Option<&str>, y: Option<&str>| matches!((x, y), (Some(x), Some(y)) if x != y);
    fn target(q: &record::Request) -> Option<&str> {
        says_route(&q.target).then(|| route::path(&q.target))
    }
    // A proxy may name what it asked for behind the path that it was asked for: of one client, that is one request.
    let same_client = !asked && a.client.is_some() && a.client == b.client;
    differ(a.client.as_deref(), b.client.as_deref())
        || differ(a.id.as_deref(), b.id.as_deref())
        || differ(a.trace.as_deref(), b.trace.as_deref())
        || (!same_client && differ(target(a), target(b)))
}

/// Lines that one thread wrote at the same instant tell of the same request: each record of such a burst is led by the first
/// of them that knows its client, id or target. (Apache: AH02454 has no client, the AH01079 behind it has.)
fn leaders(obs: &Observations, candidates: &[Candidate]) -> Numbered<usize, usize> {
    let mut by_writer: Numbered<(u32, u64), Vec<usize>> = Numbered::default();
    for (c, cand) in candidates.iter().enumerate().filter(|(_, c)| !c.ledger) {
        let r = &obs.records[cand.record];
        if let (Some(pid), Some(_)) = (&r.pid, r.at) {
            by_writer.entry((r.source, hash(pid.as_str()))).or_default().push(c);
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
                let before = list.get(from..to).unwrap_or_default();
                let conflict =
                    before.iter().any(|&b| others(obs, candidates[b].record, candidates[c].record));
                // What began the burst is said again, and who asked was said meanwhile: the next request's.
                let again = !knows(c)
                    && !knows(list[from])
                    && candidates[c].template == candidates[list[from]].template
                    && before.iter().any(|&b| knows(b));
                if !at_once || conflict || again || r.line.saturating_sub(first.line) > 12 {
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

fn score(f: &Failure, facet: &Facet<'_>, asker: &Asker<'_>) -> Option<(i32, How)> {
    let mut s = 0;
    let mut how = How::Time;
    let r = asker.r;
    let away = off(facet, r);
    let id = asker.ids.into_iter().flatten().next();
    if let Some(q) = r.request.as_ref().filter(|_| asker.has_id(f)) {
        if q.id.as_ref().is_some_and(|id| f.ids.contains(id)) {
            return Some((240, How::Id));
        }
        // A trace may hold many requests (all that a page in a browser loads): of one service, those with other targets are others.
        let names = says_route(&q.target) && !f.target.is_empty();
        let same = names && route::tail(&q.target) == route::tail(&f.target);
        let mine = &asker.written;
        let own = || facet.seen().any(|(x, _)| x.source == mine.source && x.service == mine.service);
        if names && !same && own() {
            return None;
        }
        return Some((if same { 220 } else { 200 }, How::Id));
    }
    // Both carry ids of the same log, and they differ: another request.
    if id.is_some() && facet.seen().any(|(w, q)| w.source == r.source && q.is_some_and(|x| x.has_id)) {
        return None;
    }
    // The same of trace ids that one sender writes alike: whatever else is near, it tells of another request.
    let ours = asker.asked.map_or(0, |q| q.trace);
    let other_trace = |(w, q): &(Written, Option<Asked>)| {
        let theirs = q.map_or(0, |q| q.trace);
        (w.source == r.source || w.same_format(&asker.written))
            && theirs != ours
            && theirs != 0
            && theirs & 0xff == ours & 0xff
    };
    if ours != 0 && facet.seen().any(other_trace) {
        return None;
    }
    if let Some(q) = &asker.asked {
        // nginx sent this one elsewhere.
        let elsewhere = |(w, x): &(Written, Option<Asked>)| {
            w.format != r.format && x.is_some_and(|x| x.upstream != 0 && x.upstream != q.upstream)
        };
        if q.upstream != 0 && r.format.starts_with("nginx") && facet.seen().take(1).any(elsewhere) {
            return None;
        }
        if q.route {
            let fit = facet
                .seen()
                .filter_map(|(_, x)| x.as_ref())
                .map(|x| {
                    if x.target == q.target {
                        60
                    } else if x.path == q.path {
                        50
                    } else if x.tail == q.tail {
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
            if q.method != 0 && facet.method != 0 && q.method != facet.method {
                return None;
            }
        }
        if q.client != 0 && facet.client != 0 {
            let same = q.client == facet.client;
            if same && !q.local && away <= NEAR_US {
                s += 25;
                how = how.max(How::Client);
                if how == How::Client {
                    s += 10;
                }
            } else if !same && !q.local && !facet.local {
                return None;
            }
        }
    }
    let mine = &asker.written;
    let neighbour = facet
        .seen()
        .map(|(x, _)| x)
        .filter(|x| x.source == mine.source)
        .map(|x| (x.line.abs_diff(mine.line), x))
        .min_by_key(|(d, _)| *d);
    if let Some((lines, x)) = neighbour
        && away <= NEAR_US
    {
        let same_format = x.same_format(mine);
        if x.pid != 0 && mine.pid != 0 && x.pid != mine.pid && same_format {
            s -= 30;
        }
        let same_service = x.service == mine.service || x.service == 0 || mine.service == 0 || !same_format;
        if same_service {
            let span = u64::from(r.lines);
            let gap = if x.line > mine.line { lines.saturating_sub(span) } else { lines };
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
    if how < How::Request
        && facet
            .file
            .is_some_and(|file| memchr::memmem::find(r.message.as_bytes(), file.as_bytes()).is_some())
    {
        s += 20;
    }
    // Where the duration is not logged, nearer is likelier.
    if !facet.timed
        && let (Some(a), Some(b)) = (facet.at, r.at)
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
    sides: Numbered<u32, (u32, u32)>,
    /// Everything was joined once. Before, the side only decides between failures that are worth the same.
    learned: bool,
    /// Failures of requests that reached nobody behind the server that failed them.
    unreached: Numbers<usize>,
}

/// Lines between an error and the failed request it belongs to, in a log that writes both.
const ADJACENT_LINES: u64 = 4;

impl Affinity {
    /// Up to 24 points for a route that takes most of a template's records; nothing is known of templates seen once.
    fn side_points(&self, facet: &Facet<'_>, r: &Record) -> i32 {
        if !self.learned {
            return 0;
        }
        let Some(&(before, after)) = self.sides.get(&r.source) else { return 0 };
        if before == after {
            return 0;
        }
        // The request on the side where this log writes its errors went well: the error was its, and was handled.
        let own = if before > after { r.status_after } else { r.status_before };
        let handled = if own.is_some_and(|s| s < 500) { -40 } else { 0 };
        match side(facet, r) {
            Some(true) if before > after => 14,
            Some(false) if after > before => 14,
            _ => handled,
        }
    }

    /// Does the failure stand on the side on which this log writes an error's request?
    fn is_beside(&self, facet: &Facet<'_>, r: &Record) -> bool {
        let (before, after) = self.sides.get(&r.source).copied().unwrap_or_default();
        before != after && side(facet, r) == Some(before > after)
    }

    /// What both can give at most.
    fn most(&self, template: u64, r: &Record) -> i32 {
        let points = if self.templates.contains_key(&template) { 24 } else { 0 };
        points + if self.learned && self.sides.contains_key(&r.source) { 14 } else { 0 }
    }

    fn points(&self, template: u64, route: u64) -> i32 {
        let all = self.templates.get(&template).copied().unwrap_or(0);
        if all < 2 {
            return 0;
        }
        let here = self.pairs.get(&(template, route)).copied().unwrap_or(0);
        (24 * here / all) as i32
    }
}

/// Does the record stand directly before (true) or directly after (false) the failure's line in the same log?
fn side(facet: &Facet<'_>, r: &Record) -> Option<bool> {
    let span = u64::from(r.lines);
    facet.seen().map(|(x, _)| x).filter(|x| x.source == r.source).find_map(|x| {
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

/// Joins every candidate to at most one failure: once by what each record says itself and where it stands, then again knowing which
/// errors go with which routes, for those that say little. `gone`: by template, records that were let go as they join nothing.
pub(crate) fn join(
    obs: &Observations,
    failures: &[Failure],
    candidates: &[Candidate],
    gone: &Numbered<u64, u32>,
    spread: Spread<'_>,
) -> Joins {
    let scene = Scene::new(obs, failures, candidates, spread);
    let mut affinity = Affinity { sides: sides(obs, candidates), ..Affinity::default() };
    let first = scene.join_once(&affinity, spread);
    affinity.learned = true;
    for j in first.list.iter().filter(|j| j.how != How::Same) {
        let t = candidates[j.candidate].template;
        *affinity.pairs.entry((t, scene.routes[j.failure])).or_default() += 1;
        *affinity.templates.entry(t).or_default() += 1;
    }
    for j in first.list.iter().filter(|j| j.how > How::Time) {
        let cand = &candidates[j.candidate];
        // Where the next upstream answered, that one handled it.
        let by_gateway = matches!(failures[j.failure].status, 502..=504);
        if by_gateway && never_arrived(&obs.records[cand.record], cand) {
            affinity.unreached.insert(j.failure);
        }
    }
    // Both lists together would be the most memory of all.
    drop(first);
    let mut joins = scene.join_once(&affinity, spread);
    for (template, n) in gone {
        joins.templates.entry(*template).or_default().records += n;
    }
    joins
}

/// Does a server in front say that it could not even connect? What a service tells of a request that it handled is then of another.
fn never_arrived(r: &Record, cand: &Candidate) -> bool {
    let server = r.format.starts_with("nginx") || r.format.starts_with("apache");
    let cause = |f: &Finding| {
        f.cause.class == Class::Upstream
            && matches!(f.cause.name.as_str(), "connection-refused" | "host-unreachable" | "dns-failure")
    };
    server && r.exceptions.is_empty() && cand.best().is_some_and(cause)
}

/// On which side of its request each log writes an error, told by errors that stand next to failed requests on one side nearly
/// always. Known before anything is joined: between two failed requests nothing else tells, and what was joined to the wrong one
/// would then look like a habit of its route.
fn sides(obs: &Observations, candidates: &[Candidate]) -> Numbered<u32, (u32, u32)> {
    let mut beside: Numbered<(u32, u64), [u32; 3]> = Numbered::default();
    for cand in candidates.iter().filter(|c| !c.ledger) {
        let r = &obs.records[cand.record];
        if let (Some(b), Some(a)) = (r.status_before, r.status_after) {
            let e = beside.entry((r.source, cand.template)).or_default();
            e[0] += 1;
            e[1] += u32::from(a >= 500);
            e[2] += u32::from(b >= 500);
        }
    }
    let mut sides: Numbered<u32, (u32, u32)> = Numbered::default();
    for ((source, _), [n, next_failed, last_failed]) in beside {
        let votes = sides.entry(source).or_default();
        if next_failed * 5 >= n * 4 && next_failed > last_failed {
            votes.0 += next_failed - last_failed;
        } else if last_failed * 5 >= n * 4 && last_failed > next_failed {
            votes.1 += last_failed - next_failed;
        }
    }
    sides
}

/// What a failure is worth to a record: points, how it was joined, and of equals the nearest, of those the one on the side where the
/// log writes it, else the first.
type Worth = (i32, How, std::cmp::Reverse<i64>, bool, std::cmp::Reverse<usize>);

/// What [`score`] can give at most for a failure that took no longer than [`SHORT_US`], `away` from the record, whether the record names
/// a route or only a client. `timed`: how long it took may be known.
fn at_most(named: bool, away: i64, timed: bool) -> i32 {
    let least = away - SHORT_US;
    if least <= NEAR_US {
        return i32::MAX;
    }
    if !named {
        // By the client alone, they are joined when near.
        return i32::MIN;
    }
    let points = |us: i64, most: i32| i32::try_from(us).unwrap_or(most).min(most);
    let untimed = if timed { 0 } else { points(away / (SECOND / 3), 24) };
    60 - points(least / 200_000, 30) - points(least / 100_000, 10) - untimed
}

/// What each failure has already: (failure, template), how many records.
type Has = Numbered<(usize, u64), u32>;

/// What joining by what records say gave.
#[derive(Default)]
struct Named {
    joins: Vec<Join>,
    has: Has,
    /// Failures.
    explained: Vec<usize>,
    /// Of candidates that lead others.
    joined_to: Numbered<usize, (usize, How)>,
    /// Candidates, and which lead them.
    led: Vec<(usize, usize)>,
    /// Candidates that say too little.
    later: Vec<usize>,
}

/// Parts in which candidates are joined side by side, by their template.
const PARTS: usize = 32;

/// What is joined, made ready to be looked up.
struct Scene<'a> {
    obs: &'a Observations,
    failures: &'a [Failure],
    candidates: &'a [Candidate],
    ix: Index,
    facets: Vec<Facet<'a>>,
    /// Route, method and status of each failure, as one number.
    routes: Vec<u64>,
    leaders: Numbered<usize, usize>,
}

/// A part of a scene, as it is made ready.
enum Ready<'a> {
    Index(Index),
    Facets(Vec<Facet<'a>>),
    Leaders(Numbered<usize, usize>),
}

impl<'a> Scene<'a> {
    fn new(
        obs: &'a Observations,
        failures: &'a [Failure],
        candidates: &'a [Candidate],
        spread: Spread<'_>,
    ) -> Scene<'a> {
        let (mut ix, mut all_facets, mut led) = (Index::default(), Vec::new(), Numbered::default());
        for part in spread::parts(spread, 3, |i| match i {
            0 => Ready::Index(index(obs, failures)),
            1 => Ready::Facets(facets(obs, failures)),
            _ => Ready::Leaders(leaders(obs, candidates)),
        }) {
            match part {
                Ready::Index(x) => ix = x,
                Ready::Facets(x) => all_facets = x,
                Ready::Leaders(x) => led = x,
            }
        }
        let routes = failures.iter().map(route_of).collect();
        Scene { obs, failures, candidates, ix, facets: all_facets, routes, leaders: led }
    }

    /// Joins what can be joined by what records say and where they stand. Those of one template compete for failures; others do not,
    /// and are joined side by side.
    fn by_name(&self, affinity: &Affinity, spread: Spread<'_>) -> Named {
        let mut ledger_of: Numbered<usize, usize> = Numbered::default();
        for (k, f) in self.failures.iter().enumerate() {
            ledger_of.extend(f.seen.iter().map(|&i| (i, k)));
        }
        let leading: Numbers<usize> = self.leaders.values().copied().collect();
        let mut all = Named::default();
        let mut parts: Vec<Vec<usize>> = vec![Vec::new(); PARTS];
        for (c, cand) in self.candidates.iter().enumerate() {
            if let Some(&failure) = ledger_of.get(&cand.record) {
                all.joins.push(Join { candidate: c, failure, how: How::Same });
            } else if let Some(&leader) = self.leaders.get(&c).filter(|_| !cand.ledger) {
                all.led.push((c, leader));
            } else if !cand.ledger {
                parts[(cand.template % PARTS as u64) as usize].push(c);
            }
        }
        // The longest first, so that none of them is what the others wait for.
        parts.sort_by_key(|part| std::cmp::Reverse(part.len()));
        parts.retain(|part| !part.is_empty());
        for part in spread::parts(spread, parts.len(), |i| self.join_part(affinity, &leading, &parts[i])) {
            all.joins.extend(part.joins);
            all.has.extend(part.has);
            all.explained.extend(part.explained);
            all.joined_to.extend(part.joined_to);
            all.later.extend(part.later);
        }
        all.joins.sort_unstable_by_key(|j| j.candidate);
        all
    }

    /// Joins these candidates, in their order.
    fn join_part(&self, affinity: &Affinity, leading: &Numbers<usize>, part: &[usize]) -> Named {
        let Scene { obs, failures, candidates, ix, facets, routes, .. } = self;
        let mut out = Named::default();
        let option = |k: usize, asker: &Asker<'_>, template: u64, has: &Has| {
            let (f, facet) = (&failures[k], &facets[k]);
            let off = off(facet, asker.r);
            if off > NAMED_US && !asker.has_id(f) {
                return None;
            }
            let handled = || {
                let threw = !asker.r.exceptions.is_empty();
                let q = asker.r.request.as_ref();
                q.is_some_and(|q| q.assumed.is_some() || (threw && says_route(&q.target)))
            };
            if affinity.unreached.contains(&k) && handled() && !asker.has_id(f) {
                return None;
            }
            let (mut s, how) = score(f, facet, asker)?;
            s -= 12 * has.get(&(k, template)).copied().unwrap_or(0).min(3) as i32;
            if how != How::Id {
                s += affinity.side_points(facet, asker.r);
                s += affinity.points(template, routes[k]);
            }
            let beside = affinity.is_beside(facet, asker.r);
            Some((s, how, std::cmp::Reverse(off), beside, std::cmp::Reverse(k)))
        };
        for &c in part {
            let cand = &candidates[c];
            let r = &obs.records[cand.record];
            let asker = Asker::new(r);
            let mut best: Option<Worth> = None;
            let mut ask = |k: usize| {
                best = best.max(option(k, &asker, cand.template, &out.has));
                best.map_or(i32::MIN, |(s, ..)| s)
            };
            let mut asked = false;
            if let Some(q) = r.request.as_ref() {
                for k in asker.ids.into_iter().flatten().filter_map(|id| ix.by_id.get(&hash(id))).flatten() {
                    asked = true;
                    ask(*k);
                }
                let reach = NAMED_US + ix.took_us;
                let named = says_route(&q.target);
                let list = if named {
                    ix.by_tail.get(&hash(route::tail(&q.target)))
                } else {
                    q.client.as_ref().and_then(|c| ix.by_client.get(&hash(c.as_str())))
                };
                let rest = affinity.most(cand.template, r);
                if let Some(list) = list {
                    list.ask(
                        r,
                        reach,
                        |away, timed| at_most(named, away, timed).saturating_add(rest),
                        |k| {
                            asked = true;
                            ask(k)
                        },
                    );
                }
            }
            if !asked && let Some(list) = ix.by_source.get(&r.source) {
                let span = u64::from(r.lines);
                let i = list.partition_point(|(l, _)| *l < r.line);
                let j = list.partition_point(|(l, _)| *l < r.line + span);
                for (_, k) in list[i.saturating_sub(3)..i].iter().chain(&list[j..(j + 4).min(list.len())]) {
                    ask(*k);
                }
            }
            let best = best.map(|(s, how, _, _, std::cmp::Reverse(k))| (s, how, k));
            match best {
                Some((s, how, k)) if s >= 25 && how != How::Time => {
                    *out.has.entry((k, cand.template)).or_default() += 1;
                    if cand.best().is_some_and(|f| !f.symptom) && r.level >= Level::Error
                        || !r.exceptions.is_empty()
                    {
                        out.explained.push(k);
                    }
                    if leading.contains(&c) {
                        out.joined_to.insert(c, (k, how));
                    }
                    out.joins.push(Join { candidate: c, failure: k, how });
                }
                _ => out.later.push(c),
            }
        }
        out
    }

    fn join_once(&self, affinity: &Affinity, spread: Spread<'_>) -> Joins {
        let Scene { obs, failures, candidates, ix, facets, routes, .. } = self;
        let Named { joins, mut has, explained: named, joined_to, led, mut later } =
            self.by_name(affinity, spread);
        let mut joins = Joins { list: joins, ..Joins::default() };
        let mut explained: Vec<bool> = vec![false; failures.len()];
        for k in named {
            explained[k] = true;
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
        for &c in &later {
            let cand = &candidates[c];
            let r = &obs.records[cand.record];
            let Some(at) = r.at else { continue };
            let process = cand.best().is_some_and(|f| f.scope != Scope::Request);
            let names_other = r.request.as_ref().is_some_and(|q| says_route(&q.target) && q.id.is_none());
            if process || names_other {
                continue;
            }
            let reach = ix.longest_us + NEAR_US;
            let asker = Asker::new(r);
            let best = ix
                .around(at, reach, reach + late(r))
                .filter(|&k| off(&facets[k], r) <= NEAR_US)
                .filter_map(|k| {
                    score(&failures[k], &facets[k], &asker).map(|(s, _)| {
                        (
                            s + affinity.points(cand.template, routes[k])
                                + affinity.side_points(&facets[k], r),
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
        for j in joins.list.iter().filter(|j| j.how == How::Same && candidates[j.candidate].best().is_some())
        {
            explained[j.failure] = true;
        }
        let placed = order::place(obs, failures, candidates, &later, |k| explained[k]);
        joins.list.extend(placed.joins);
        joins.undated = placed.left;
        joins.chance = chance(obs, ix);
        for cand in *candidates {
            joins.templates.entry(cand.template).or_default().records += 1;
        }
        for j in &joins.list {
            let met = joins.templates.entry(candidates[j.candidate].template).or_default();
            met.joined += 1;
            met.by_time_only += u32::from(j.how == How::Time);
        }
        joins
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::Request;

    /// A small service answers two requests within the milliseconds of a burst: the second's error is not the first's.
    #[test]
    fn records_that_name_different_requests_are_no_burst() {
        let at = Time::from_secs(1_795_503_600);
        let mut obs = Observations::new();
        obs.source("app.log");
        let recogniser = crate::Recogniser::new(&[]).unwrap();
        for (line, target, said) in [
            (1, "/cart/17", "ValueError: a"),
            (2, "/orders", "KeyError: 'sku'"),
            (3, "", "ZeroDivisionError: x"),
        ] {
            let request = Request { method: "GET".into(), target: target.into(), ..Request::default() };
            obs.record(
                Record {
                    line,
                    format: "text",
                    at: Some(at.plus(line as i64 * 500)),
                    level: Level::Error,
                    pid: Some("412".into()),
                    message: said.into(),
                    text: said.into(),
                    request: (!target.is_empty()).then(|| Box::new(request)),
                    ..Record::default()
                },
                &recogniser,
            );
        }
        assert!(others(&obs, 0, 1));
        assert!(!others(&obs, 1, 2));
        let findings = |i: usize| recogniser.read(&obs.records[i]).into();
        let candidates: Vec<_> = (0..obs.records.len())
            .map(|record| Candidate { record, findings: findings(record), template: 0, ledger: false })
            .collect();
        let led = leaders(&obs, &candidates);
        assert_eq!((led.get(&1), led.get(&2)), (None, Some(&1)));
    }
}
