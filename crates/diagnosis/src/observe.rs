//! All that was observed, as the diagnosis needs it: records worth keeping, and of healthy requests only counts and a bounded
//! memory of which were when.

use crate::route;
use record::{Ending, Mark, Record, Request, Time, Zone};
use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

/// Requests remembered singly per stream (24 bytes each): enough to hold two logs of the same traffic against each other.
const TICKS_MAX: usize = 400_000;
/// Distinct clients remembered per stream; more only says "many".
const CLIENTS_MAX: usize = 256;
/// Targets of healthy requests kept per route, to compare with those that fail.
const SAMPLES_MAX: usize = 400;
/// Lines kept that no format knows and that say nothing of a cause: neighbours of what failed. A file of nothing else (a dump, base64)
/// would fill the memory at half a kilobyte a line.
const BARE_MAX: usize = 40_000;
/// Routes counted per stream; the rest is folded into one.
const ROUTES_MAX: usize = 5_000;

pub(crate) fn hash(parts: impl Hash) -> u64 {
    let mut h = DefaultHasher::new();
    parts.hash(&mut h);
    h.finish()
}

/// One request remembered: when, which, how it was answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tick {
    pub at: Time,
    pub key: u64,
    pub source: u32,
    pub status: u16,
}

/// What is known of the healthy requests of a route.
#[derive(Clone, Debug, Default)]
pub(crate) struct RouteSeen {
    pub healthy: u64,
    /// Targets (with client) of answers below 400.
    pub samples: Vec<(String, Option<String>, Time)>,
}

/// Requests as one log of one server (over its rotated files) tells them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stream {
    pub family: String,
    pub ticks: Vec<Tick>,
    /// Requests of sources that write no times at all (uvicorn, some consoles): (source, line, key, status).
    pub timeless: Vec<(u32, u64, u64, u16)>,
    pub total: u64,
    pub clients: HashSet<u64>,
    pub local: u64,
    pub with_upstream: u64,
    pub routes: HashMap<(String, String), RouteSeen>,
    /// Indices of ledger records of failures (5xx, cut).
    pub failures: Vec<usize>,
}

/// All that was observed.
#[derive(Default)]
pub struct Observations {
    pub(crate) streams: Vec<Stream>,
    by_key: HashMap<(String, Option<String>), usize>,
    pub(crate) records: Vec<Record>,
    /// Stream of each ledger record.
    pub(crate) stream_of: HashMap<usize, usize>,
    /// Path of each source.
    pub(crate) paths: Vec<String>,
    families: Vec<String>,
    /// By source, once its log is put together: the source that stands for the log, and the log's lines before it.
    places: Vec<(u32, u64)>,
    /// Lines that no format knows: how many were kept, how many were let go.
    bare_kept: usize,
    pub(crate) bare_dropped: u64,
    pub(crate) range: Option<(Time, Time)>,
}

/// A file's name without what rotation adds: `access.log.2.gz`, `access.log-20261124`, `localhost.2026-11-24.log`.
pub fn family(path: &str) -> String {
    let mut p = path.to_owned();
    for end in [".gz", ".zst", ".xz", ".bz2", ".zip"] {
        if let Some(s) = p.strip_suffix(end) {
            p = s.to_owned();
        }
    }
    while let Some((head, last)) = p.rsplit_once(['.', '-']) {
        if !last.is_empty() && last.bytes().all(|b| b.is_ascii_digit()) && !head.ends_with('/') {
            p = head.to_owned();
        } else {
            break;
        }
    }
    p
}

fn is_local(client: &str) -> bool {
    client.starts_with("127.")
        || client == "::1"
        || client == "localhost"
        || client.starts_with("unix")
        || client == "-"
        || client.starts_with("10.")
        || client.starts_with("192.168.")
        || client.starts_with("::ffff:127.")
        || client.starts_with("172.")
            && client
                .split('.')
                .nth(1)
                .and_then(|s| s.parse::<u8>().ok())
                .is_some_and(|n| (16..32).contains(&n))
}

/// The key by which the same request is found in another log.
pub(crate) fn request_key(target: &str) -> u64 {
    hash(route::tail(target))
}

impl Observations {
    /// Nothing observed yet.
    pub fn new() -> Observations {
        Observations::default()
    }

    /// Names a source; its index is that of its records.
    pub fn source(&mut self, path: &str) -> u32 {
        self.paths.push(path.to_owned());
        self.families.push(family(path));
        (self.paths.len() - 1) as u32
    }

    /// The log that a source is a file of: its name without what rotation adds.
    pub(crate) fn log_of(&self, source: u32) -> &str {
        self.families.get(source as usize).map_or("", String::as_str)
    }

    fn stream(&mut self, source: u32, service: Option<&str>) -> usize {
        let fam = self.families.get(source as usize).cloned().unwrap_or_default();
        let key = (fam, service.map(str::to_owned));
        if let Some(&i) = self.by_key.get(&key) {
            return i;
        }
        self.streams.push(Stream { family: key.0.clone(), ..Stream::default() });
        self.by_key.insert(key, self.streams.len() - 1);
        self.streams.len() - 1
    }

    #[allow(clippy::too_many_arguments)]
    fn count(
        &mut self,
        stream: usize,
        source: u32,
        line: u64,
        at: Option<Time>,
        target: &str,
        client: Option<&str>,
        status: u16,
        upstream: bool,
    ) {
        let s = &mut self.streams[stream];
        s.total += 1;
        s.with_upstream += u64::from(upstream);
        if let Some(c) = client {
            if is_local(c) {
                s.local += 1;
            }
            if s.clients.len() < CLIENTS_MAX {
                s.clients.insert(hash(c));
            }
        } else {
            s.local += 1;
        }
        if let Some(at) = at {
            if s.ticks.len() < TICKS_MAX {
                s.ticks.push(Tick { at, key: request_key(target), source, status });
            }
        } else if s.timeless.len() < TICKS_MAX {
            s.timeless.push((source, line, request_key(target), status));
        }
    }

    /// A request that did not fail.
    #[allow(clippy::too_many_arguments)]
    pub fn healthy(
        &mut self,
        source: u32,
        line: u64,
        service: Option<&str>,
        at: Option<(Time, Zone)>,
        method: &str,
        target: &str,
        client: Option<&str>,
        status: u16,
        ending: Ending,
        upstream: bool,
    ) {
        let i = self.stream(source, service);
        let at = at.map(|(t, _)| t);
        let status = if ending == Ending::ClientLeft { 499 } else { status };
        self.count(i, source, line, at, target, client, status, upstream);
        let s = &mut self.streams[i];
        let mut key = (method.to_owned(), route::template(target));
        if !s.routes.contains_key(&key) && s.routes.len() >= ROUTES_MAX {
            key = (String::new(), "(other routes)".into());
        }
        let r = s.routes.entry(key).or_default();
        r.healthy += 1;
        if status < 400 && r.samples.len() < SAMPLES_MAX {
            if r.samples.is_empty() {
                r.samples.reserve_exact(1);
            }
            r.samples.push((target.to_owned(), client.map(str::to_owned), at.unwrap_or_default()));
        }
    }

    /// A line that no format knows and that says nothing of a cause: kept as context while there is room.
    pub fn bare(&mut self, record: Record) {
        if self.bare_kept < BARE_MAX {
            self.bare_kept += 1;
            self.record(record);
        } else {
            self.bare_dropped += 1;
        }
    }

    /// Any other record.
    pub fn record(&mut self, record: Record) {
        let index = self.records.len();
        if record.is_ledger()
            && let Some(q) = record.request.as_ref()
        {
            let i = self.stream(record.source, record.service.as_deref());
            let status = match q.ending {
                Ending::ClientLeft => 499,
                _ => q.status.unwrap_or(0),
            };
            let failed = q.ending != Ending::ClientLeft && (status >= 500 || status == 0);
            self.count(
                i,
                record.source,
                record.line,
                record.at,
                &q.target,
                q.client.as_deref(),
                status,
                q.upstream.is_some(),
            );
            if failed {
                self.streams[i].failures.push(index);
            }
            self.stream_of.insert(index, i);
        }
        self.records.push(record);
    }

    pub(crate) fn request(&self, record: usize) -> Option<&Request> {
        self.records.get(record).and_then(|r| r.request.as_ref())
    }

    /// Moves all wall-clock times of a source by its offset (seconds east of UTC).
    pub(crate) fn shift(&mut self, source: u32, offset_s: i64) {
        let by = -offset_s * record::SECOND;
        if by == 0 {
            return;
        }
        for r in self.records.iter_mut().filter(|r| r.source == source && r.zone != Zone::Stated) {
            r.at = r.at.map(|t| t.plus(by));
            r.until = r.until.map(|t| t.plus(by));
        }
        // A log states its zone in its access lines or nowhere: ticks move only where no line stated one.
        let stated =
            self.records.iter().any(|r| r.source == source && r.zone == Zone::Stated && r.is_ledger());
        if !stated {
            for s in &mut self.streams {
                for t in s.ticks.iter_mut().filter(|t| t.source == source) {
                    t.at = t.at.plus(by);
                }
            }
        }
    }

    /// Puts the files of each rotated log together: their records are those of one source, its lines counted through. What stands
    /// near what in a log does not depend on where it was cut. Ticks keep their files.
    pub(crate) fn join_rotated(&mut self, lines: &[u64], ranges: &[Option<(Time, Time)>]) {
        let mut order: Vec<usize> = (0..self.paths.len()).collect();
        order.sort_by_key(|&i| (ranges.get(i).copied().flatten().map(|r| r.0), i));
        // The youngest file stands for its log: it has the log's name.
        let stands: HashMap<&str, u32> =
            self.families.iter().enumerate().map(|(i, f)| (f.as_str(), i as u32)).collect();
        let mut before: HashMap<&str, u64> = HashMap::new();
        let mut places: Vec<(u32, u64)> = (0..self.paths.len() as u32).map(|i| (i, 0)).collect();
        for i in order {
            let log = self.families[i].as_str();
            let passed = before.entry(log).or_default();
            places[i] = (stands.get(log).copied().unwrap_or(i as u32), *passed);
            *passed += lines.get(i).copied().unwrap_or(0);
        }
        for r in &mut self.records {
            if let Some(&(source, passed)) = places.get(r.source as usize) {
                (r.source, r.line) = (source, r.line + passed);
            }
        }
        self.places = places;
    }

    /// The file and line of a line of a log.
    pub(crate) fn place(&self, source: u32, line: u64) -> (&str, u64) {
        let file = self
            .places
            .iter()
            .enumerate()
            .filter(|(_, (log, passed))| *log == source && *passed < line.max(1))
            .max_by_key(|(_, (_, passed))| *passed);
        match file {
            Some((i, (_, passed))) => (&self.paths[i], line - passed),
            None => (self.paths.get(source as usize).map_or("", String::as_str), line),
        }
    }

    /// How many logs there are, the files of a rotated one counted once.
    pub(crate) fn logs(&self) -> usize {
        self.families.iter().collect::<HashSet<_>>().len()
    }

    /// First and last instant of each source.
    pub(crate) fn source_ranges(&self) -> Vec<Option<(Time, Time)>> {
        let mut out: Vec<Option<(Time, Time)>> = vec![None; self.paths.len()];
        let mut see = |source: u32, t: Time| {
            if let Some(r) = out.get_mut(source as usize) {
                *r = Some(r.map_or((t, t), |(a, b)| (a.min(t), b.max(t))));
            }
        };
        for r in &self.records {
            if let Some(t) = r.at {
                see(r.source, t);
            }
        }
        for t in self.streams.iter().flat_map(|s| &s.ticks) {
            see(t.source, t.at);
        }
        out
    }

    /// Sorts ticks and fixes the overall range, once all times are final.
    pub(crate) fn settle(&mut self) {
        let mut range: Option<(Time, Time)> = None;
        let mut see = |t: Time| {
            range = Some(range.map_or((t, t), |(a, b): (Time, Time)| (a.min(t), b.max(t))));
        };
        for s in &mut self.streams {
            s.ticks.sort_by_key(|t| (t.at, t.key));
            for t in [s.ticks.first(), s.ticks.last()].into_iter().flatten() {
                see(t.at);
            }
        }
        // Deploys of last month do not stretch the time that is looked at.
        let told =
            |r: &Record| matches!(r.mark, Some(Mark::Deploy(_) | Mark::Rollback(_) | Mark::ConfigChange(_)));
        for r in self.records.iter().filter(|r| !told(r)) {
            if let Some(t) = r.at {
                see(t);
            }
        }
        self.range = range;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rotated_files_are_one_family() {
        for p in ["a/access.log", "a/access.log.1", "a/access.log.2.gz", "a/access.log-20261124"] {
            assert_eq!(family(p), "a/access.log");
        }
    }
}
