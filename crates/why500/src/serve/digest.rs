//! Turns what is durable into problems: one thread that reads the lines, keeps each project's window, looks at it again and again,
//! and hands what is new to the store together with how far it has come.

use super::batch::Batch;
use super::commit::{Progress, Written};
use crate::report;
use diagnosis::{Failed, Recogniser, Window};
use formats::{Healthy, Sink};
use record::{Ending, Level, Mark, Record, SECOND, Time};
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::hash::{Hash, Hasher};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use store::{Commit, Example, FailureChange, MarkRow, ProblemChange, RequestCount, Store};
use tokio::sync::broadcast;
use wires::streams::Streams;

/// Between the end of a look and the next lies at least this: what belongs to one failure mostly comes within it.
const LOOK_MS_MIN: u64 = 80;
/// A look may take this part of the time: the rest is for taking in.
const LOOK_SHARE: u32 = 2;
/// A message whose stream is silent for so long has no further lines.
const SETTLE_US: i64 = 300_000;
/// While lines of a batch may still be open, the digest counts as not having come past it; for so long.
const OPEN_US: i64 = 2 * SETTLE_US;
/// Records and lines read between two looks: the window holds some times as many, so that each is looked at a few times.
const BETWEEN_MAX: usize = 1_500;
/// New failures of one problem and look that are offered as examples, of its first and of its last.
const EXAMPLES: usize = 4;
/// Records shown of an example.
const EXAMPLE_RECORDS_MAX: usize = 40;
/// Bytes shown of a record's message.
const MESSAGE_BYTES_MAX: usize = 4 * 1024;
/// Names of sources looked at as one each; a folder of a hundred thousand files followed would make as many.
const SOURCES_MAX: usize = 2_000;

/// Ids of events and spans remembered: clients send again what they got no answer for, mostly within a minute.
const IDS_MAX: usize = 200_000;

/// What was taken in before, by its sender's own id.
#[derive(Default)]
struct Before {
    known: HashSet<u64>,
    order: VecDeque<u64>,
}

impl Before {
    /// Was it? From now on it is.
    fn has(&mut self, project: i64, r: &Record) -> bool {
        let Some(id) = ["event_id", "span_id", "span"].iter().find_map(|name| r.field(name)) else {
            return false;
        };
        let mut h = std::hash::DefaultHasher::new();
        (project, r.format, id, r.is_ledger(), &r.message).hash(&mut h);
        let id = h.finish();
        if !self.known.insert(id) {
            return true;
        }
        self.order.push_back(id);
        if self.order.len() > IDS_MAX
            && let Some(old) = self.order.pop_front()
        {
            self.known.remove(&old);
        }
        false
    }
}

/// Something that pages and terminals are told of at once.
#[derive(Clone, Debug)]
pub struct Event {
    /// The project.
    pub project: i64,
    /// The problem.
    pub problem: String,
    /// Its title.
    pub title: String,
    /// Class and cause.
    pub cause: String,
    /// New failures of it.
    pub failures: usize,
    /// When it was seen.
    pub at: Time,
}

#[derive(Hash, PartialEq, Eq, PartialOrd, Ord, Clone)]
struct Counted {
    project: i64,
    minute: i64,
    service: String,
    method: String,
    route: String,
    status: u16,
}

struct Project {
    window: Window,
    /// By source.
    streams: HashMap<String, Streams>,
    marks_told: HashSet<u64>,
}

/// The thread's state.
pub struct Digest {
    store: Arc<Mutex<Store>>,
    /// All before is in the store.
    digested: u64,
    recogniser: Arc<Recogniser>,
    projects: BTreeMap<i64, Project>,
    /// Healthy requests counted, by the place of their batch: they are handed over once the digest is past it.
    counts: VecDeque<(u64, BTreeMap<Counted, u64>)>,
    /// Batches whose lines may still be open.
    open: VecDeque<(u64, Time)>,
    /// All before is read.
    read: u64,
    before: Before,
    progress: Arc<Progress>,
    events: broadcast::Sender<Event>,
}

/// Takes what one source's reader finds.
struct Tap<'a> {
    window: &'a mut Window,
    counts: &'a mut BTreeMap<Counted, u64>,
    project: i64,
    source: u32,
    now: Time,
}

fn template(target: &str) -> String {
    diagnosis::route::template(target)
}

impl Tap<'_> {
    fn count(&mut self, at: Time, service: Option<&str>, method: &str, target: &str, status: u16) {
        let key = Counted {
            project: self.project,
            minute: at.0.div_euclid(60 * SECOND),
            service: service.unwrap_or("").to_owned(),
            method: method.to_owned(),
            route: template(target),
            status,
        };
        *self.counts.entry(key).or_default() += 1;
    }

    /// A record that a wire read whole: one of a request that went well is only counted.
    fn whole(&mut self, r: Record) {
        let well = r.mark.is_none()
            && r.level < Level::Error
            && r.exceptions.is_empty()
            && r.request.as_ref().is_some_and(|q| {
                q.ending == Ending::Answered && q.status.is_some_and(|s| (100..500).contains(&s))
            });
        let Some(q) = r.request.as_ref().filter(|_| well) else {
            self.window.take(r, self.now);
            return;
        };
        let at = r.at.unwrap_or(self.now);
        let status = q.status.unwrap_or(0);
        self.count(at, r.service.as_deref(), &q.method, &q.target, status);
        self.window.healthy(
            r.source,
            r.line,
            r.service.as_deref(),
            at,
            &q.method,
            &q.target,
            q.client.as_deref(),
            status,
            q.ending,
            q.upstream.is_some(),
        );
    }
}

impl Sink for Tap<'_> {
    fn healthy(&mut self, h: &Healthy<'_>) {
        let q = h.request;
        let at = h.at.map_or(self.now, |(t, _)| t);
        let status = q.status.unwrap_or(0);
        self.count(at, h.service, &q.method, &q.target, status);
        self.window.healthy(
            self.source,
            h.line,
            h.service,
            at,
            &q.method,
            &q.target,
            q.client.as_deref(),
            status,
            q.ending,
            q.upstream.is_some(),
        );
    }

    fn wants(&self, message: &str) -> bool {
        self.window.wants(message)
    }

    fn record(&mut self, mut record: Record) {
        record.source = self.source;
        self.window.take(record, self.now);
    }
}

impl Digest {
    /// A digest that goes on where the store is.
    pub fn new(
        store: Arc<Mutex<Store>>,
        digested: u64,
        recogniser: Arc<Recogniser>,
        progress: Arc<Progress>,
        events: broadcast::Sender<Event>,
    ) -> Digest {
        Digest {
            store,
            digested,
            recogniser,
            projects: BTreeMap::new(),
            counts: VecDeque::new(),
            open: VecDeque::new(),
            read: digested,
            before: Before::default(),
            progress,
            events,
        }
    }

    /// Runs until nothing is written any more. `now`: the clock; `offset_s`: the zone of logs that state none.
    pub fn run(
        mut self,
        written: &Receiver<Written>,
        now: &dyn Fn() -> Time,
        offset_s: &dyn Fn(Time) -> i64,
    ) {
        let mut due = Instant::now();
        let mut between = 0;
        loop {
            let mut ended = false;
            match written.recv_timeout(Duration::from_millis(LOOK_MS_MIN)) {
                Ok(first) => {
                    let mut taken = self.take(first);
                    while taken < BETWEEN_MAX && Instant::now() < due + Duration::from_millis(LOOK_MS_MIN) {
                        let Ok(next) = written.try_recv() else { break };
                        taken += self.take(next);
                    }
                    between += taken;
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => ended = true,
            }
            let clock = now();
            self.settle(if ended { Time(i64::MAX) } else { clock.plus(-SETTLE_US) }, clock);
            if ended || between >= BETWEEN_MAX || Instant::now() >= due {
                between = 0;
                let began = Instant::now();
                self.look(now(), offset_s);
                due = Instant::now() + (began.elapsed() * LOOK_SHARE).max(Duration::from_millis(LOOK_MS_MIN));
            }
            if ended {
                return;
            }
        }
    }

    /// Reads a batch; gives how many records and lines it had.
    fn take(&mut self, w: Written) -> usize {
        if w.place < self.digested {
            return 0;
        }
        let size = w.batch.len();
        self.read = self.read.max(w.place + 1);
        self.progress.undigested.fetch_sub(w.size, Ordering::Relaxed);
        let Batch { project, source, at, records, lines } = w.batch;
        let recogniser = &self.recogniser;
        let p = self.projects.entry(project).or_insert_with(|| Project {
            window: Window::new(Arc::clone(recogniser)),
            streams: HashMap::new(),
            marks_told: HashSet::new(),
        });
        let name = if p.streams.len() < SOURCES_MAX || p.streams.contains_key(&source) {
            source
        } else {
            "other sources".to_owned()
        };
        let source = p.window.source(&name);
        let mut counts = BTreeMap::new();
        let mut tap = Tap { window: &mut p.window, counts: &mut counts, project, source, now: at };
        let number = |i: usize| w.number.saturating_add(i as u64);
        let direct = records.len();
        for (i, mut r) in records.into_iter().enumerate() {
            if self.before.has(project, &r) {
                continue;
            }
            r.source = source;
            r.line = number(i);
            tap.whole(r);
        }
        let streams = p.streams.entry(name).or_insert_with(|| Streams::new(source));
        for (i, line) in lines.iter().enumerate() {
            streams.push_numbered(line, number(direct + i), at, &mut tap);
        }
        if lines.iter().any(|l| !l.whole) {
            self.open.push_back((w.place, at));
        }
        if !counts.is_empty() {
            self.counts.push_back((w.place, counts));
        }
        size
    }

    /// Ends entries whose streams are silent since `before`.
    fn settle(&mut self, before: Time, now: Time) {
        let place = self.read.saturating_sub(1);
        for (&project, p) in &mut self.projects {
            let mut counts = BTreeMap::new();
            for (name, streams) in &mut p.streams {
                let source = p.window.source(name);
                let mut tap = Tap { window: &mut p.window, counts: &mut counts, project, source, now };
                streams.settle(before, &mut tap);
            }
            if !counts.is_empty() {
                self.counts.push_back((place, counts));
            }
        }
        while self.open.front().is_some_and(|(_, t)| now.since(*t) > OPEN_US || before.0 == i64::MAX) {
            self.open.pop_front();
        }
    }

    /// Looks at all windows in which something is new, and keeps what they tell.
    fn look(&mut self, now: Time, offset_s: &dyn Fn(Time) -> i64) {
        let digested = self.open.front().map_or(self.read, |(place, _)| *place);
        let mut commit = Commit { digested, at: now, ..Commit::default() };
        let mut events = Vec::new();
        for (&project, p) in &mut self.projects {
            if !p.window.changed() {
                continue;
            }
            let look = p.window.look(now, offset_s);
            commit.gone.extend(look.gone.into_iter().map(|id| (project, id)));
            for seen in look.seen {
                let verdict = &seen.problem.verdict;
                events.push(Event {
                    project,
                    problem: seen.problem.id.clone(),
                    title: seen.problem.title.clone(),
                    cause: verdict.cause.to_string(),
                    failures: seen.failed.len(),
                    at: now,
                });
                commit.problems.push(ProblemChange {
                    project,
                    id: seen.problem.id.clone(),
                    title: seen.problem.title.clone(),
                    class: verdict.cause.class.name().into(),
                    cause: verdict.cause.name.clone(),
                    culprit: verdict.culprit.clone(),
                    trigger: match verdict.trigger.kind {
                        record::TriggerKind::None => None,
                        kind => Some(kind.name().into()),
                    },
                    confidence: verdict.confidence,
                    document: report::json::problem(&seen.problem),
                });
                let n = seen.failed.len();
                for (i, f) in seen.failed.into_iter().enumerate() {
                    if i < EXAMPLES || i + EXAMPLES >= n {
                        commit.examples.push(example(&p.window, project, &seen.problem.id, &f));
                    }
                    commit.failures.push(FailureChange {
                        project,
                        id: f.id,
                        problem: seen.problem.id.clone(),
                        at: f.at,
                        status: f.status,
                        method: f.method,
                        route: f.route,
                        target: f.target,
                        service: f.service,
                        release: f.release,
                        environment: f.environment,
                    });
                }
            }
            for (number, r, m) in p.window.marks() {
                if p.marks_told.insert(number) {
                    let (kind, what) = mark(m);
                    commit.marks.push(MarkRow {
                        project,
                        at: r.at.unwrap_or(now),
                        kind: kind.into(),
                        what: what.to_owned(),
                        id: number,
                    });
                }
            }
        }
        while self.counts.front().is_some_and(|(place, _)| *place < digested)
            && let Some((_, counts)) = self.counts.pop_front()
        {
            commit.requests.extend(counts.into_iter().map(|(k, count)| RequestCount {
                project: k.project,
                minute: k.minute,
                service: k.service,
                method: k.method,
                route: k.route,
                status: k.status,
                count,
            }));
        }
        let nothing = commit.failures.is_empty()
            && commit.gone.is_empty()
            && commit.requests.is_empty()
            && commit.marks.is_empty();
        if nothing && digested == self.digested {
            return;
        }
        // What was looked at is told once: it waits until there is room for it.
        let commit_now = || self.store.lock().unwrap_or_else(PoisonError::into_inner).commit(&commit);
        while let Err(e) = commit_now() {
            eprintln!("why500: {e}");
            std::thread::sleep(Duration::from_secs(1));
        }
        self.digested = digested;
        self.progress.digested.store(digested, Ordering::Relaxed);
        for e in events {
            // Nobody may be listening.
            let _ = self.events.send(e);
        }
    }
}

fn mark(m: &Mark) -> (&'static str, &str) {
    match m {
        Mark::Deploy(w) => ("deploy", w),
        Mark::Rollback(w) => ("rollback", w),
        Mark::ConfigChange(w) => ("config-change", w),
        Mark::Started(w) => ("started", w),
        Mark::Stopped(w) => ("stopped", w),
        Mark::Died(w) => ("died", w),
        Mark::Listening(w) => ("listening", w),
        Mark::HealthDown(w) => ("health-down", w),
        Mark::HealthUp(w) => ("health-up", w),
    }
}

/// A failure with its records, for those who look at one.
fn example(window: &Window, project: i64, problem: &str, f: &Failed) -> Example {
    let records: Vec<&Record> =
        f.records.iter().take(EXAMPLE_RECORDS_MAX).filter_map(|n| window.record(*n)).collect();
    let shown: Vec<_> = records
        .iter()
        .map(|r| {
            let mut end = r.message.len().min(MESSAGE_BYTES_MAX);
            while !r.message.is_char_boundary(end) {
                end -= 1;
            }
            serde_json::json!({
                "at": r.at.map(|t| t.to_string()),
                "source": r.format,
                "service": r.service,
                "level": format!("{:?}", r.level).to_lowercase(),
                "text": r.text.chars().take(1_000).collect::<String>(),
                "message": r.message.get(..end).unwrap_or_default(),
            })
        })
        .collect();
    Example {
        project,
        failure: f.id,
        problem: problem.to_owned(),
        records: postcard::to_stdvec(&records).unwrap_or_default(),
        text: serde_json::Value::from(shown).to_string(),
        odd: false,
    }
}
