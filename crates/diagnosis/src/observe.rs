//! All that was observed, as the diagnosis needs it: records worth keeping, and of healthy requests only counts and a bounded
//! memory of which were when.

use crate::recognise::Recogniser;
use crate::route;
pub use crate::traffic::Tally;
use crate::traffic::{TICKS_MAX, Tick, Traffic};
use crate::wording::{Said, Wordings};
use record::{Ending, Mark, Record, Request, Time, Zone};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// Records of one log, apart from requests, that are kept to explain failures (half a kilobyte each once their wording is known).
const ERRORS_MAX: usize = 150_000;

/// Requests as one log of one server (over its rotated files) tells them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stream {
    pub family: Arc<str>,
    /// Who wrote it within the log, where one holds several.
    pub service: Arc<str>,
    /// All its requests, counted.
    pub traffic: Traffic,
    /// Requests of sources that write no times at all (uvicorn, some consoles): (source, line, key, status).
    pub timeless: Vec<(u32, u64, u64, u16)>,
    /// Indices of ledger records of failures (5xx, cut).
    pub failures: Vec<usize>,
}

impl Stream {
    /// Without a request yet.
    fn of((family, service): &(Arc<str>, Option<String>)) -> Box<Stream> {
        Box::new(Stream {
            family: family.clone(),
            service: service.as_deref().unwrap_or("").into(),
            ..Stream::default()
        })
    }
}

/// All that was observed.
#[derive(Default)]
pub struct Observations {
    // As below: of a hundred thousand small logs there would be as many of these twice.
    #[allow(clippy::vec_box)]
    pub(crate) streams: Vec<Box<Stream>>,
    by_key: HashMap<(Arc<str>, Option<String>), usize>,
    // Half a kilobyte each: in a list that grows and is joined to others they would be there twice for a while.
    #[allow(clippy::vec_box)]
    pub(crate) records: Vec<Box<Record>>,
    /// Path of each source.
    pub(crate) paths: Vec<String>,
    families: Vec<Arc<str>>,
    /// By source, once its log is put together: the source that stands for the log, and the log's lines before it.
    places: Vec<(u32, u64)>,
    pub(crate) range: Option<(Time, Time)>,
    /// What each record says.
    pub(crate) said: Vec<Said>,
    wordings: Wordings,
    /// Records that are no requests: how many are kept, how many were let go.
    errors: usize,
    pub(crate) errors_passed: u64,
    /// By source and whether their zone was stated: how many records were not kept, the first and the last instant.
    pub(crate) passed: BTreeMap<(u32, bool), (usize, Time, Time)>,
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

/// A hash by which is drawn what stays of too many. What a report tells of long logs hangs on it, so it changes only with a reason.
pub(crate) fn draw_hash(text: &str) -> u64 {
    let mut h = DefaultHasher::new();
    text.hash(&mut h);
    h.finish()
}

/// The key by which the same request is found in another log.
pub(crate) fn request_key(target: &str) -> u64 {
    draw_hash(route::tail(target))
}

/// How many lines a text has.
fn lines(text: &str) -> usize {
    let ends = memchr::memchr_iter(b'\n', text.as_bytes()).count();
    ends + usize::from(!text.is_empty() && !text.ends_with('\n'))
}

/// Puts `more` behind `list`, in the room that the larger of the two has: of large lists half would stay empty, or both be there
/// for a while.
pub fn put_behind<T>(list: &mut Vec<T>, mut more: Vec<T>) {
    if more.len() > list.len() {
        more.splice(0..0, list.drain(..));
        *list = more;
    } else {
        if more.len() >= list.len() / 4 {
            list.reserve_exact(more.len());
        }
        list.append(&mut more);
    }
}

impl Observations {
    /// Nothing observed yet.
    pub fn new() -> Observations {
        Observations::default()
    }

    /// Names a source; its index is that of its records.
    pub fn source(&mut self, path: &str) -> u32 {
        self.paths.push(path.to_owned());
        self.families.push(family(path).into());
        (self.paths.len() - 1) as u32
    }

    /// How many sources were named.
    pub fn paths(&self) -> usize {
        self.paths.len()
    }

    /// The log that a source is a file of: its name without what rotation adds.
    pub(crate) fn log_of(&self, source: u32) -> &str {
        self.families.get(source as usize).map_or("", |f| f)
    }

    fn stream(&mut self, source: u32, service: Option<&str>) -> usize {
        let fam = self.families.get(source as usize).cloned().unwrap_or_default();
        let key = (fam, service.map(str::to_owned));
        if let Some(&i) = self.by_key.get(&key) {
            return i;
        }
        self.streams.push(Stream::of(&key));
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
        s.traffic.came_from(client.map(str::as_bytes), upstream);
        let key = request_key(target);
        if let Some(at) = at {
            s.traffic.tick(Tick::new(at, key, source, status));
        } else if s.timeless.len() < TICKS_MAX {
            s.timeless.push((source, line, key, status));
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
        let route = self.streams[i].traffic.route(method, &route::template(target));
        self.streams[i].traffic.went_well(route, status, line, target, client, at);
    }

    /// Healthy requests of a source that were counted apart.
    pub fn add(&mut self, source: u32, service: Option<&str>, tally: Tally) {
        let i = self.stream(source, service);
        self.streams[i].traffic.add(tally.finish(source));
    }

    /// Gives back the room for more: of a hundred thousand small logs that would be most of the memory.
    pub fn shrink(&mut self) {
        self.streams.shrink_to_fit();
        self.records.shrink_to_fit();
        self.said.shrink_to_fit();
        self.paths.shrink_to_fit();
        self.families.shrink_to_fit();
        self.wordings = Wordings::default();
        for s in &mut self.streams {
            s.traffic.shrink();
        }
    }

    /// What was observed in further sources, named after those of `self`.
    pub fn append(&mut self, other: Observations) {
        let sources = self.paths.len() as u32;
        let records = self.records.len();
        put_behind(&mut self.paths, other.paths);
        put_behind(&mut self.families, other.families);
        let mut streams = other.streams;
        for s in &mut streams {
            s.traffic.move_sources(sources);
            s.traffic.shrink();
            s.timeless.iter_mut().for_each(|(source, ..)| *source += sources);
            s.failures.iter_mut().for_each(|f| *f += records);
        }
        // Those that are known go to what is known of them, the others come behind in their order.
        let mut to = vec![None; streams.len()];
        for (key, &i) in &other.by_key {
            to[i] = self.by_key.get(key).copied();
        }
        let mut next = self.streams.len();
        let moved: Vec<usize> = to
            .iter()
            .map(|known| {
                known.unwrap_or_else(|| {
                    next += 1;
                    next - 1
                })
            })
            .collect();
        let mut known = to.into_iter();
        streams.retain_mut(|s| {
            let Some(to) = known.next().flatten().and_then(|i| self.streams.get_mut(i)) else { return true };
            to.traffic.add(std::mem::take(&mut s.traffic));
            to.timeless.append(&mut s.timeless);
            to.failures.append(&mut s.failures);
            false
        });
        put_behind(&mut self.streams, streams);
        let mut by_key = other.by_key;
        by_key.values_mut().for_each(|i| *i = moved[*i]);
        if by_key.len() > self.by_key.len() {
            std::mem::swap(&mut by_key, &mut self.by_key);
        }
        self.by_key.extend(by_key);
        self.errors_passed += other.errors_passed;
        put_behind(&mut self.said, other.said);
        self.passed.extend(other.passed.into_iter().map(|((s, z), v)| ((s + sources, z), v)));
        let mut more = other.records;
        for r in &mut more {
            r.source += sources;
        }
        put_behind(&mut self.records, more);
    }

    /// Any other record. What it says is recognised at once; one that says nothing is not kept.
    pub fn record(&mut self, mut record: Record, recogniser: &Recogniser) {
        if record.lines == 0 {
            record.lines = u32::try_from(lines(&record.message)).unwrap_or(u32::MAX);
        }
        let ledger = record.is_ledger();
        if !ledger && record.mark.is_none() && self.errors >= ERRORS_MAX {
            self.errors_passed += 1;
            self.passed(&record);
            return;
        }
        let said = self.wordings.read(&mut record, recogniser);
        if said.surplus && record.mark.is_none() {
            self.errors_passed += 1;
            self.passed(&record);
            return;
        }
        if said.findings.is_none() && record.mark.is_none() && !record.is_ledger() {
            self.passed(&record);
            return;
        }
        if let Some(q) = &mut record.request {
            // Nothing asks for it any more.
            q.agent = None;
        }
        self.errors += usize::from(!ledger);
        self.keep(record, said);
    }

    /// A record of which it is known what it says.
    pub(crate) fn keep(&mut self, mut record: Record, said: Said) {
        let ledger = record.is_ledger();
        if ledger && said.findings.is_none() && record.message == record.text {
            // An access-log line is its own message.
            record.message = String::new();
        }
        self.said.push(said);
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
        }
        self.records.push(Box::new(record));
    }

    fn passed(&mut self, r: &Record) {
        let Some(at) = r.at else { return };
        let e = self.passed.entry((r.source, r.zone == Zone::Stated)).or_insert((0, at, at));
        *e = (e.0 + 1, e.1.min(at), e.2.max(at));
    }

    pub(crate) fn request(&self, record: usize) -> Option<&Request> {
        self.records.get(record).and_then(|r| r.request.as_deref())
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
        if let Some((_, a, b)) = self.passed.get_mut(&(source, false)) {
            (*a, *b) = (a.plus(by), b.plus(by));
        }
        // A log states its zone in its access lines or nowhere: ticks move only where no line stated one.
        let stated =
            self.records.iter().any(|r| r.source == source && r.zone == Zone::Stated && r.is_ledger());
        if !stated {
            for s in &mut self.streams {
                s.traffic.shift(source, by);
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
            self.families.iter().enumerate().map(|(i, f)| (&**f, i as u32)).collect();
        let mut before: HashMap<&str, u64> = HashMap::new();
        let mut places: Vec<(u32, u64)> = (0..self.paths.len() as u32).map(|i| (i, 0)).collect();
        for i in order {
            let log = &*self.families[i];
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
        let passed = self.passed.iter().map(|((s, _), (_, a, b))| (*s, *a, *b));
        for (source, from, to) in self.streams.iter().flat_map(|s| s.traffic.spans()).chain(passed) {
            see(source, from);
            see(source, to);
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
            s.traffic.settle();
            if let Some((first, last)) = s.traffic.span() {
                see(first);
                see(last);
            }
        }
        for (_, from, to) in self.passed.values() {
            see(*from);
            see(*to);
        }
        // Deploys of last month do not stretch the time that is looked at.
        let told = |r: &Record| {
            matches!(r.mark.as_deref(), Some(Mark::Deploy(_) | Mark::Rollback(_) | Mark::ConfigChange(_)))
        };
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
