//! Requests counted: how many, when, on which routes, from where; of those that went well nothing else is kept but samples.
//!
//! All of it is bounded, and what is kept of a long log does not depend on the order in which its parts were counted: where
//! there is too much, the keys whose hash is smallest stay, and those are the same everywhere. So two logs of the same requests
//! keep the same ones and can be held against each other, and the cores of a machine can count parts of one log.

use crate::observe::draw_hash;
use crate::route;
use record::{Numbered, Numbers, SECOND, Time, hash};
use std::collections::HashMap;

/// Requests remembered singly per stream (24 bytes each): enough to hold two logs of the same traffic against each other.
pub(crate) const TICKS_MAX: usize = 64_000;
/// Requests that failed or whose client left are remembered beyond that, as others may have to be explained by them.
const ODD_TICKS_MAX: usize = 100_000;
/// Distinct clients remembered per stream; more only says "many".
const CLIENTS_MAX: usize = 256;
/// Targets of healthy requests kept per route, to compare with those that fail.
const SAMPLES_MAX: usize = 400;
/// Routes counted per stream (some 150 bytes each). A site has hundreds; more are names within paths.
const ROUTES_MAX: usize = 20_000;
/// Counted apart when a log is so long that not each request is remembered.
const MINUTE: i64 = 60 * SECOND;
/// Requests of which nothing is counted by the minute: their own times suffice.
const FEW: usize = 4_096;
/// Minutes counted per stream: two months.
const MINUTES_MAX: usize = 100_000;

/// One request remembered: when, which, how it was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Tick {
    pub at: Time,
    pub key: u64,
    pub source: u32,
    pub status: u16,
    /// Its luck in the draw: it stays while one in two to this power does.
    luck: u8,
}

impl Tick {
    /// The same request has the same luck in another log: its minute counts as that of the quarter of an hour, which is the same in
    /// all zones.
    pub fn new(at: Time, key: u64, source: u32, status: u16) -> Tick {
        let minute = at.0.div_euclid(MINUTE).rem_euclid(15);
        let lot = mix(key ^ (minute as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        Tick { at, key, source, status, luck: lot.leading_zeros() as u8 }
    }

    fn stays(&self, level: u32) -> bool {
        u32::from(self.luck) >= level
    }

    fn is_odd(&self) -> bool {
        self.status >= 499 || self.status == 0
    }
}

/// A healthy request of a route.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Sample {
    /// Its place in the draw.
    lot: u64,
    pub at: Time,
    /// The target and, behind it, the client: one piece of memory for both.
    text: Box<str>,
    target_bytes: u32,
}

impl Sample {
    fn new(lot: u64, at: Time, target: &str, client: &str) -> Sample {
        let mut text = String::with_capacity(target.len() + client.len());
        text.push_str(target);
        text.push_str(client);
        Sample { lot, at, text: text.into(), target_bytes: u32::try_from(target.len()).unwrap_or(u32::MAX) }
    }

    pub fn target(&self) -> &str {
        self.text.get(..self.target_bytes as usize).unwrap_or(&self.text)
    }

    pub fn client(&self) -> Option<&str> {
        self.text.get(self.target_bytes as usize..).filter(|c| !c.is_empty())
    }
}

/// What is known of the healthy requests of a route.
#[derive(Clone, Debug)]
pub(crate) struct RouteSeen {
    pub healthy: u64,
    /// Of answers below 400; twice the maximum before the higher lots go.
    samples: Vec<Sample>,
    lot_max: u64,
}

impl Default for RouteSeen {
    fn default() -> RouteSeen {
        RouteSeen { healthy: 0, samples: Vec::new(), lot_max: u64::MAX }
    }
}

impl RouteSeen {
    /// Healthy requests with answers below 400, all of them or a fair sample.
    pub fn samples(&self) -> impl Iterator<Item = &Sample> {
        self.samples.iter().filter(|s| s.lot <= self.lot_max)
    }

    fn add(&mut self, sample: Sample) {
        self.samples.push(sample);
        if self.samples.len() >= 2 * SAMPLES_MAX {
            self.thin();
        }
    }

    fn thin(&mut self) {
        if self.samples.len() > SAMPLES_MAX {
            self.samples.select_nth_unstable(SAMPLES_MAX - 1);
            self.samples.truncate(SAMPLES_MAX);
            self.lot_max = self.samples.last().map_or(u64::MAX, |s| s.lot);
        }
    }
}

/// Logs are written in order: a stable sort finds their runs.
fn in_order(ticks: &mut [Tick]) {
    // Instant and key as one number: most comparisons end there, without a branch.
    ticks.sort_by_key(|t| (i128::from(t.at.0) << 64 | i128::from(t.key), t.source, t.status));
}

fn mix(x: u64) -> u64 {
    let x = (x ^ (x >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x ^ (x >> 32)
}

/// Does a key stay where only one in two to the power of `level` does?
fn stays(key: u64, level: u32) -> bool {
    key.leading_zeros() >= level
}

/// All requests of a stream, counted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Traffic {
    pub total: u64,
    pub with_upstream: u64,
    local: u64,
    clients: Numbers<u64>,
    ticks: Vec<Tick>,
    /// Of requests that are not odd, one in two to this power stays.
    ticks_level: u32,
    odd_ticks: usize,
    /// By source, in order: first and last instant. Nearly always of one source.
    spans: Vec<(u32, (Time, Time))>,
    minutes: Numbered<(u32, i64), u64>,
    /// Minutes are counted, as there are many requests; of few, each is remembered.
    by_minute: bool,
    index: HashMap<Box<str>, usize>,
    routes: Vec<RouteSeen>,
    routes_level: u32,
}

/// Where requests of routes that are not kept are counted.
const OTHER_ROUTES: &str = "(other routes)";

/// Is it an address of the house?
fn is_local(client: &[u8]) -> bool {
    // Most are not, and their first characters tell.
    match client {
        [b'2'..=b'9', ..] => return false,
        [b'1', b'0', b'.', ..] => return true,
        [b'1', b'2' | b'7' | b'9', ..] => {}
        [b'1', ..] => return false,
        _ => {}
    }
    client.starts_with(b"127.")
        || client == b"::1"
        || client == b"localhost"
        || client.starts_with(b"unix")
        || client == b"-"
        || client.starts_with(b"192.168.")
        || client.starts_with(b"::ffff:127.")
        || client.strip_prefix(b"172.").is_some_and(|rest| {
            matches!(
                rest,
                [b'1', b'6'..=b'9', b'.', ..] | [b'2', b'0'..=b'9', b'.', ..] | [b'3', b'0' | b'1', b'.', ..]
            )
        })
}

impl Traffic {
    /// A request came from this client.
    pub fn came_from(&mut self, client: Option<&[u8]>, upstream: bool) {
        self.total += 1;
        self.with_upstream += u64::from(upstream);
        match client {
            Some(c) => {
                self.local += u64::from(is_local(c));
                if self.clients.len() < CLIENTS_MAX {
                    self.clients.insert(hash(c));
                }
            }
            None => self.local += 1,
        }
    }

    /// A request at an instant.
    pub fn tick(&mut self, tick: Tick) {
        self.span_of(tick.source, tick.at, tick.at);
        if self.by_minute {
            self.count_minute(tick.source, tick.at.0.div_euclid(MINUTE), 1);
        }
        self.keep(tick);
        if !self.by_minute && self.ticks.len() >= FEW {
            self.begin_minutes();
        }
    }

    fn count_minute(&mut self, source: u32, minute: i64, n: u64) {
        let key = (source, minute);
        if self.minutes.len() < MINUTES_MAX || self.minutes.contains_key(&key) {
            *self.minutes.entry(key).or_default() += n;
        }
    }

    /// From here on minutes are counted; so far all requests are remembered.
    fn begin_minutes(&mut self) {
        if !std::mem::replace(&mut self.by_minute, true) {
            let known: Vec<(u32, i64)> =
                self.ticks.iter().map(|t| (t.source, t.at.0.div_euclid(MINUTE))).collect();
            for (source, minute) in known {
                self.count_minute(source, minute, 1);
            }
        }
    }

    fn keep(&mut self, tick: Tick) {
        if tick.is_odd() && self.odd_ticks < ODD_TICKS_MAX {
            self.odd_ticks += 1;
            self.ticks.push(tick);
        } else if tick.stays(self.ticks_level) {
            self.ticks.push(tick);
            self.thin_ticks();
        }
    }

    fn thin_ticks(&mut self) {
        while self.ticks.len() > TICKS_MAX + self.odd_ticks {
            self.ticks_level += 1;
            let level = self.ticks_level;
            self.ticks.retain(|t| t.is_odd() || t.stays(level));
            if level >= 64 {
                self.ticks.truncate(TICKS_MAX);
            }
        }
    }

    fn span_of(&mut self, source: u32, from: Time, to: Time) {
        match self.spans.binary_search_by_key(&source, |s| s.0) {
            Ok(i) => {
                if let Some((_, span)) = self.spans.get_mut(i) {
                    *span = (span.0.min(from), span.1.max(to));
                }
            }
            Err(i) => {
                if self.spans.is_empty() {
                    self.spans.reserve_exact(1);
                }
                self.spans.insert(i, (source, (from, to)));
            }
        }
    }

    /// The number under which a route is counted.
    pub fn route(&mut self, method: &str, template: &str) -> usize {
        let name = format!("{method} {template}");
        if let Some(&i) = self.index.get(name.as_str()) {
            return i;
        }
        let name =
            if stays(mix(draw_hash(&name)), self.routes_level) { name } else { OTHER_ROUTES.to_owned() };
        let next = self.routes.len();
        let i = *self.index.entry(name.into()).or_insert(next);
        if i == next {
            self.routes.push(RouteSeen::default());
        }
        i
    }

    /// There are more routes than are counted: half of them go to the others. Numbers given out before are no longer good.
    fn fold_routes(&mut self) -> bool {
        if self.index.len() <= ROUTES_MAX {
            return false;
        }
        while self.index.len() > ROUTES_MAX && self.routes_level < 64 {
            self.routes_level += 1;
            let level = self.routes_level;
            let old = std::mem::take(&mut self.routes);
            let mut names: Vec<(Box<str>, usize)> = std::mem::take(&mut self.index).into_iter().collect();
            names.sort_unstable_by_key(|(_, i)| *i);
            let mut others = RouteSeen::default();
            let mut seen: Vec<Option<RouteSeen>> = old.into_iter().map(Some).collect();
            for (name, i) in names {
                let Some(route) = seen.get_mut(i).and_then(Option::take) else { continue };
                if &*name == OTHER_ROUTES || !stays(mix(draw_hash(&name)), level) {
                    others.healthy += route.healthy;
                } else {
                    self.index.insert(name, self.routes.len());
                    self.routes.push(route);
                }
            }
            self.index.insert(OTHER_ROUTES.into(), self.routes.len());
            self.routes.push(others);
        }
        true
    }

    /// A request of a route went well.
    pub fn went_well(
        &mut self,
        route: usize,
        status: u16,
        number: u64,
        target: &str,
        client: Option<&str>,
        at: Option<Time>,
    ) {
        let Some(r) = self.routes.get_mut(route) else { return };
        r.healthy += 1;
        let lot = mix(number);
        if status < 400 && lot <= r.lot_max {
            r.add(Sample::new(lot, at.unwrap_or_default(), target, client.unwrap_or("")));
        }
        if self.index.len() > ROUTES_MAX + ROUTES_MAX / 2 {
            self.fold_routes();
        }
    }

    /// What is known of a route's healthy requests.
    pub fn seen(&self, method: &str, template: &str) -> Option<&RouteSeen> {
        self.routes.get(*self.index.get(format!("{method} {template}").as_str())?)
    }

    /// Routes that are not counted one by one, as one in so many.
    pub fn routes_folded(&self) -> Option<u64> {
        (self.routes_level > 0).then(|| 1u64.checked_shl(self.routes_level).unwrap_or(u64::MAX))
    }

    /// Gives back the room for more.
    pub fn shrink(&mut self) {
        self.ticks.shrink_to_fit();
        self.spans.shrink_to_fit();
        self.index.shrink_to_fit();
        self.clients.shrink_to_fit();
        self.minutes.shrink_to_fit();
        self.routes.shrink_to_fit();
        for r in &mut self.routes {
            r.samples.shrink_to_fit();
        }
    }

    /// Adds what was counted elsewhere.
    pub fn add(&mut self, mut other: Traffic) {
        if self.total == 0 && self.ticks.is_empty() && self.routes.is_empty() {
            // Taken over as it is: of a hundred thousand small logs the room for more would be most of the memory.
            *self = other;
            self.fold_routes();
            return;
        }
        if self.by_minute || other.by_minute || self.ticks.len() + other.ticks.len() >= FEW {
            self.begin_minutes();
            other.begin_minutes();
        }
        for ((source, minute), n) in std::mem::take(&mut other.minutes) {
            self.count_minute(source, minute, n);
        }
        self.total += other.total;
        self.with_upstream += other.with_upstream;
        self.local += other.local;
        for c in other.clients {
            if self.clients.len() < CLIENTS_MAX {
                self.clients.insert(c);
            }
        }
        for (source, (from, to)) in other.spans {
            self.span_of(source, from, to);
        }
        if other.ticks_level > self.ticks_level {
            self.ticks_level = other.ticks_level;
            let level = self.ticks_level;
            self.ticks.retain(|t| t.is_odd() || t.stays(level));
        }
        if self.ticks.is_empty() {
            (self.ticks, self.odd_ticks) = (other.ticks, other.odd_ticks);
            let level = self.ticks_level;
            self.ticks.retain(|t| t.is_odd() || t.stays(level));
        } else {
            for t in other.ticks {
                self.keep(t);
            }
        }
        self.thin_ticks();
        self.routes_level = self.routes_level.max(other.routes_level);
        let mut names: Vec<(Box<str>, usize)> = other.index.into_iter().collect();
        names.sort_unstable_by_key(|(_, i)| *i);
        let mut seen: Vec<Option<RouteSeen>> = other.routes.into_iter().map(Some).collect();
        for (name, i) in names {
            let Some(route) = seen.get_mut(i).and_then(Option::take) else { continue };
            let next = self.routes.len();
            let here = *self.index.entry(name).or_insert(next);
            match self.routes.get_mut(here) {
                None => self.routes.push(route),
                Some(r) => {
                    r.healthy += route.healthy;
                    r.lot_max = r.lot_max.min(route.lot_max);
                    for s in route.samples {
                        if s.lot <= r.lot_max {
                            r.add(s);
                        }
                    }
                }
            }
        }
        self.fold_routes();
    }

    /// Its sources come after so many others.
    pub fn move_sources(&mut self, by: u32) {
        for t in &mut self.ticks {
            t.source += by;
        }
        for (source, _) in &mut self.spans {
            *source += by;
        }
        self.minutes =
            std::mem::take(&mut self.minutes).into_iter().map(|((s, m), n)| ((s + by, m), n)).collect();
    }

    /// Moves the times of a source.
    pub fn shift(&mut self, source: u32, by: i64) {
        for t in self.ticks.iter_mut().filter(|t| t.source == source) {
            t.at = t.at.plus(by);
        }
        if let Some((_, (a, b))) = self.spans.iter_mut().find(|s| s.0 == source) {
            (*a, *b) = (a.plus(by), b.plus(by));
        }
        let minutes = by.div_euclid(MINUTE);
        self.minutes = std::mem::take(&mut self.minutes)
            .into_iter()
            .map(|((s, m), n)| ((s, if s == source { m + minutes } else { m }), n))
            .collect();
    }

    /// Sorts what is kept by time.
    pub fn settle(&mut self) {
        in_order(&mut self.ticks);
        for r in &mut self.routes {
            r.thin();
        }
    }

    /// The requests remembered singly, sorted once settled.
    pub fn ticks(&self) -> &[Tick] {
        &self.ticks
    }

    /// May this have been asked for? No only where all requests are remembered.
    pub fn may_have_seen(&self, key: u64) -> bool {
        self.ticks_level > 0 || self.ticks.iter().any(|t| t.key == key)
    }

    /// The requests remembered here that `other` would remember too, had it seen them.
    pub fn ticks_kept_by(&self, other: &Traffic) -> impl Iterator<Item = &Tick> {
        let level = other.ticks_level.max(self.ticks_level);
        self.ticks.iter().filter(move |t| t.stays(level))
    }

    /// First and last instant.
    pub fn span(&self) -> Option<(Time, Time)> {
        self.spans.iter().map(|s| s.1).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
    }

    /// First and last instant by source.
    pub fn spans(&self) -> impl Iterator<Item = (u32, Time, Time)> {
        self.spans.iter().map(|(s, (a, b))| (*s, *a, *b))
    }

    /// Share of requests from the house itself.
    pub fn local_share(&self) -> f64 {
        self.local as f64 / self.total.max(1) as f64
    }

    /// Distinct clients, up to a bound.
    pub fn clients(&self) -> usize {
        self.clients.len()
    }

    /// Requests over time, for a plot of this step.
    pub fn over_time(&self, step_us: i64) -> Vec<(Time, u64)> {
        if self.ticks_level == 0 {
            return self.ticks.iter().map(|t| (t.at, 1)).collect();
        }
        if step_us >= MINUTE || self.ticks_level > 16 {
            let mut all: Vec<_> = self.minutes.iter().map(|((_, m), n)| (Time(m * MINUTE), *n)).collect();
            all.sort_unstable();
            return all;
        }
        self.ticks.iter().map(|t| (t.at, if t.is_odd() { 1 } else { 1 << self.ticks_level })).collect()
    }

    /// Requests from one instant to before another that were answered well.
    pub fn well_between(&self, from: Time, to: Time) -> usize {
        let scale = 1usize << self.ticks_level.min(30);
        self.ticks.iter().filter(|t| t.at >= from && t.at < to && t.status < 500).count() * scale
    }
}

/// Counts the healthy requests of one source and writer, fast: the memory of the routes seen last stands between.
pub struct Tally {
    traffic: Traffic,
    /// By the hash of method and target: route and key.
    cache: Vec<Seen>,
    minute: i64,
    in_minute: u64,
    span: Option<(Time, Time)>,
    /// So many of the requests remembered are in order.
    ordered: usize,
}

#[derive(Clone, Copy, Default)]
struct Seen {
    hash: u64,
    key: u64,
    route: u32,
}

/// Entries of the memory (24 bytes each): a site's usual targets, of which the most frequent stay in a core's own cache.
const CACHE: usize = 16 * 1024;

impl Default for Tally {
    fn default() -> Tally {
        Tally {
            traffic: Traffic { by_minute: true, ..Traffic::default() },
            cache: vec![Seen::default(); CACHE],
            minute: i64::MIN,
            in_minute: 0,
            ordered: 0,
            span: None,
        }
    }
}

impl Tally {
    /// A healthy request; `number` tells it from others of its source.
    #[allow(clippy::too_many_arguments)]
    pub fn count(
        &mut self,
        at: Time,
        status: u16,
        method: &[u8],
        target: &[u8],
        client: Option<&[u8]>,
        upstream: bool,
        number: u64,
    ) {
        let h = hash((method, target)) | 1;
        // Two places for each: what was seen last moves to the second when another takes the first.
        let (slot, second) = ((h >> 32) as usize % CACHE, ((h >> 32) as usize % CACHE) ^ 1);
        let mut seen = self.cache.get(slot).copied().unwrap_or_default();
        if seen.hash != h
            && let Some(other) = self.cache.get(second).copied().filter(|s| s.hash == h)
        {
            seen = other;
        }
        if seen.hash != h {
            if self.traffic.index.len() > ROUTES_MAX + ROUTES_MAX / 4 && self.traffic.fold_routes() {
                self.cache.fill(Seen::default());
            }
            let target = String::from_utf8_lossy(target);
            let route =
                self.traffic.route(&String::from_utf8_lossy(method), &route::template(&target)) as u32;
            seen = Seen { hash: h, key: crate::observe::request_key(&target), route };
            let old = self.cache.get_mut(slot).map(|s| std::mem::replace(s, seen));
            if let (Some(old), Some(s)) = (old.filter(|o| o.hash != 0), self.cache.get_mut(second)) {
                *s = old;
            }
        }
        let t = &mut self.traffic;
        t.came_from(client, upstream);
        let minute = at.0.div_euclid(MINUTE);
        if minute != self.minute {
            self.end_minute();
            self.minute = minute;
        }
        self.in_minute += 1;
        self.span = Some(self.span.map_or((at, at), |(a, b)| (a.min(at), b.max(at))));
        let t = &mut self.traffic;
        t.keep(Tick::new(at, seen.key, 0, status));
        if let Some(r) = t.routes.get_mut(seen.route as usize) {
            r.healthy += 1;
            let lot = mix(number);
            if status < 400 && lot <= r.lot_max {
                let text = String::from_utf8_lossy;
                r.add(Sample::new(lot, at, &text(target), &text(client.unwrap_or_default())));
            }
        }
    }

    fn end_minute(&mut self) {
        if self.in_minute > 0 {
            let n = std::mem::take(&mut self.in_minute);
            self.traffic.count_minute(0, self.minute, n);
        }
    }

    /// Everything counted, as requests of this source.
    /// A block of lines ends: what it told is put in order by the core that counted it, as all is put in order once by one.
    pub fn end_block(&mut self) {
        let ticks = &mut self.traffic.ticks;
        // Where some were let go meanwhile, a few are left to the last sort.
        in_order(ticks.get_mut(self.ordered..).unwrap_or_default());
        self.ordered = ticks.len();
    }

    pub(crate) fn finish(mut self, source: u32) -> Traffic {
        self.end_minute();
        if let Some((a, b)) = self.span {
            self.traffic.span_of(0, a, b);
        }
        self.traffic.move_sources(source);
        self.traffic
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(cores: usize, n: u64) -> Traffic {
        let mut tallies: Vec<Tally> = (0..cores).map(|_| Tally::default()).collect();
        for i in 0..n {
            let at = Time::from_secs(1_795_503_600).plus(i as i64 * 1_000);
            let target = format!("/cart/{}?x={}", i % 7, mix(i) % 500_000);
            let status = if i % 1000 == 7 { 499 } else { 200 };
            // Which core counts which block is chance.
            let core = mix(i / 997) as usize % cores;
            let client = if i % 3 == 0 { "10.0.0.1" } else { "203.0.113.9" };
            tallies[core].count(at, status, b"GET", target.as_bytes(), Some(client.as_bytes()), false, i);
        }
        let mut all = Traffic::default();
        for t in tallies {
            all.add(t.finish(0));
        }
        all.settle();
        all
    }

    /// More requests and targets than are kept: what stays does not depend on who counted what.
    #[test]
    fn what_is_kept_does_not_depend_on_the_cores() {
        let (one, three) = (counted(1, 500_000), counted(3, 500_000));
        assert!(one.ticks_level > 0, "nothing was let go");
        assert!(one.ticks == three.ticks, "{} and {} requests", one.ticks.len(), three.ticks.len());
        assert!(one.ticks.len() > TICKS_MAX / 4);
        assert_eq!((one.total, one.local, one.span()), (three.total, three.local, three.span()));
        let mut minutes: Vec<_> = one.over_time(MINUTE).into_iter().map(|(_, n)| n).collect();
        assert_eq!(minutes.iter().sum::<u64>(), 500_000);
        minutes.dedup();
        assert!(minutes.len() <= 3, "{minutes:?}");
        let samples = |t: &Traffic| {
            let seen = t.seen("GET", "/cart/{id}").unwrap();
            let mut list: Vec<Sample> = seen.samples().cloned().collect();
            list.sort();
            (seen.healthy, list)
        };
        assert_eq!(samples(&one), samples(&three));
        assert_eq!(samples(&one).1.len(), SAMPLES_MAX);
    }

    #[test]
    fn routes_without_end_are_folded_and_told() {
        let mut t = Tally::default();
        for i in 0..100_000u32 {
            let name: String = (0..6).map(|k| char::from(b'a' + (i >> (k * 3) & 7) as u8)).collect();
            t.count(Time(0), 200, b"GET", format!("/x/{name}").as_bytes(), None, false, u64::from(i));
        }
        let all = t.finish(0);
        assert!(all.index.len() <= ROUTES_MAX + ROUTES_MAX / 2);
        assert!(all.routes_folded().is_some());
        assert_eq!(all.routes.iter().map(|r| r.healthy).sum::<u64>(), 100_000);
    }

    #[test]
    fn addresses_of_the_house() {
        for local in ["127.0.0.1", "10.1.2.3", "192.168.7.1", "172.16.0.9", "::1", "unix:", "-", "localhost"]
        {
            assert!(is_local(local.as_bytes()), "{local}");
        }
        for far in
            ["203.0.113.9", "172.32.0.1", "109.1.1.1", "100.64.0.1", "2001:db8::1", "193.1.1.1", "1.1.1.1"]
        {
            assert!(!is_local(far.as_bytes()), "{far}");
        }
    }
}
