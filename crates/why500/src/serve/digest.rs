//! Turns what is durable into problems: one thread that reads the lines, keeps each project's window, looks at it again and again,
//! and hands what is new to the store together with how far it has come.

use super::batch::Batch;
use super::commit::{Progress, Trouble, Written};
use super::releases::Releases;
use super::tally::{Tally, minute_of};
use super::turns::Turns;
use crate::report;
use diagnosis::{Failed, Recogniser, Window};
use formats::{Healthy, Sink};
use record::{Ending, Level, Mark, Record, Time};
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
/// When nothing came for so long, nothing is open and nothing new: the thread sleeps until something comes.
const REST_US: i64 = 4 * OPEN_US;
/// So long, and no longer than [`REST_CHECK`], as nothing else wakes it.
const REST_CHECK: Duration = Duration::from_secs(60);
/// When the program is to end, what is read by then is digested; the journal keeps the rest for the next start.
const END_TIME: Duration = Duration::from_millis(1_500);
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

/// So many requests, and how long they took.
#[derive(Default)]
struct Went {
    count: u64,
    /// By bucket ([`store::duration_bucket`]), as far as it is known.
    took: BTreeMap<u8, u64>,
}

impl Went {
    fn add(&mut self, other: Went) {
        self.count += other.count;
        for (bucket, n) in other.took {
            *self.took.entry(bucket).or_default() += n;
        }
    }
}

struct Project {
    window: Window,
    /// By source.
    streams: HashMap<String, Streams>,
    marks_told: HashSet<u64>,
    releases: Releases,
    /// All that its window holds was digested before the program was started: it is no news.
    recalled: bool,
}

impl Project {
    fn new(recogniser: &Arc<Recogniser>) -> Project {
        Project {
            window: Window::new(Arc::clone(recogniser)),
            streams: HashMap::new(),
            marks_told: HashSet::new(),
            releases: Releases::default(),
            recalled: false,
        }
    }

    /// The name under which a source is looked at.
    fn source(&self, name: String) -> String {
        if self.streams.len() < SOURCES_MAX || self.streams.contains_key(&name) {
            name
        } else {
            "other sources".to_owned()
        }
    }

    /// Ends entries whose streams are silent since `before`.
    fn settle(&mut self, project: i64, before: Time, now: Time, counts: &mut BTreeMap<Counted, Went>) {
        for (name, streams) in &mut self.streams {
            let source = self.window.source(name);
            let (window, releases) = (&mut self.window, &mut self.releases);
            let mut tap = Tap { window, releases, counts, project, source, now };
            streams.settle(before, &mut tap);
        }
    }

    /// Looks at what was digested before the program was started, so that it is told no second time and what comes now goes on
    /// with it.
    fn go_on(&mut self, project: i64, now: Time, offset_s: &dyn Fn(Time) -> i64) {
        // They were counted then.
        let mut counts = BTreeMap::new();
        self.settle(project, Time(i64::MAX), now, &mut counts);
        self.window.look(now, offset_s);
        self.marks_told.extend(self.window.marks().map(|(number, ..)| number));
        self.recalled = false;
    }
}

/// The thread's state.
pub struct Digest {
    store: Arc<Mutex<Store>>,
    /// All before is in the store.
    digested: u64,
    recogniser: Arc<Recogniser>,
    projects: BTreeMap<i64, Project>,
    /// Healthy requests counted, by the place of their batch: they are handed over once the digest is past it.
    counts: BTreeMap<u64, BTreeMap<Counted, Went>>,
    /// Batches whose lines may still be open.
    open: VecDeque<(u64, Time)>,
    turns: Turns,
    /// After the newest that came.
    newest: u64,
    /// When something came last.
    came: Time,
    before: Before,
    tally: Tally,
    progress: Arc<Progress>,
    events: broadcast::Sender<Event>,
}

/// Takes what one source's reader finds.
struct Tap<'a> {
    window: &'a mut Window,
    releases: &'a mut Releases,
    counts: &'a mut BTreeMap<Counted, Went>,
    project: i64,
    source: u32,
    now: Time,
}

fn template(target: &str) -> String {
    diagnosis::route::template(target)
}

impl Tap<'_> {
    fn count(
        &mut self,
        at: Time,
        service: Option<&str>,
        method: &str,
        target: &str,
        status: u16,
        took_us: Option<u64>,
    ) {
        let key = Counted {
            project: self.project,
            minute: minute_of(at),
            service: service.unwrap_or("").to_owned(),
            method: method.to_owned(),
            route: template(target),
            status,
        };
        let went = self.counts.entry(key).or_default();
        went.count += 1;
        // 101 is no answer but a connection that goes on for as long as both like.
        if let Some(us) = took_us.filter(|_| status != 101) {
            *went.took.entry(store::duration_bucket(us)).or_default() += 1;
        }
    }

    /// Marks the deploy that a record shows by the release it names, unless it was told of.
    fn hear(&mut self, r: &Record) {
        let Some(deploy) = self.releases.hear(r, self.now) else { return };
        let release = r.field("release").unwrap_or_default();
        let told = self.window.marks().any(|(_, _, m)| matches!(m, Mark::Deploy(w) if w.contains(release)));
        if !told {
            self.window.take(Record { source: r.source, line: r.line, ..deploy }, self.now);
        }
    }

    /// A record that a wire read whole: one of a request that went well is only counted.
    fn whole(&mut self, r: Record) {
        self.hear(&r);
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
        self.count(at, r.service.as_deref(), &q.method, &q.target, status, q.duration_us);
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
        self.count(at, h.service, &q.method, &q.target, status, q.duration_us);
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
            counts: BTreeMap::new(),
            open: VecDeque::new(),
            turns: Turns::default(),
            newest: digested,
            came: Time(0),
            before: Before::default(),
            tally: Tally::default(),
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
        // Once nobody writes any more: when it has to be done.
        let mut end = None;
        loop {
            let wait = if !self.turns.is_empty() {
                Duration::ZERO
            } else if self.rests(now()) {
                REST_CHECK
            } else {
                Duration::from_millis(LOOK_MS_MIN)
            };
            match written.recv_timeout(wait) {
                Ok(first) => {
                    self.came = now();
                    for next in std::iter::once(first).chain(written.try_iter()) {
                        self.newest = self.newest.max(next.place + 1);
                        if next.place < self.digested {
                            self.recall(next);
                        } else {
                            self.turns.push(next);
                        }
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    end.get_or_insert_with(|| Instant::now() + END_TIME);
                }
            }
            let mut taken = 0;
            while let Some(next) = self.turns.pop() {
                taken += self.take(next, offset_s);
                if taken >= BETWEEN_MAX || Instant::now() >= due + Duration::from_millis(LOOK_MS_MIN) {
                    break;
                }
            }
            between += taken;
            let clock = now();
            let all = end.is_some() && self.turns.is_empty();
            let ended = all || end.is_some_and(|at| Instant::now() >= at);
            self.settle(if all { Time(i64::MAX) } else { clock.plus(-SETTLE_US) }, clock);
            if ended || between >= BETWEEN_MAX || Instant::now() >= due {
                between = 0;
                let began = Instant::now();
                self.look(now(), offset_s, end.is_some());
                due = Instant::now() + (began.elapsed() * LOOK_SHARE).max(Duration::from_millis(LOOK_MS_MIN));
            }
            if ended {
                return;
            }
        }
    }

    /// Nothing is open, nothing is new, nothing comes.
    fn rests(&self, now: Time) -> bool {
        now.since(self.came) > REST_US
            && self.open.is_empty()
            && self.counts.is_empty()
            && !self.projects.values().any(|p| p.window.changed() && !p.recalled)
    }

    /// Reads a batch that was digested before the program was started, and is still in the journal: what comes now may belong to it, or
    /// be explained by it.
    fn recall(&mut self, w: Written) {
        self.progress.backlog.remove(w.batch.project, w.size);
        let Batch { project, source, at, records, lines, .. } = w.batch;
        let p = self.projects.entry(project).or_insert_with(|| Project::new(&self.recogniser));
        p.recalled = true;
        let name = p.source(source);
        let source = p.window.source(&name);
        let mut counts = BTreeMap::new();
        let mut tap = Tap {
            window: &mut p.window,
            releases: &mut p.releases,
            counts: &mut counts,
            project,
            source,
            now: at,
        };
        let mut number = w.number;
        for mut r in records {
            // Whoever got no answer to it before the program ended sends it again: it is known then.
            if !self.before.has(project, &r) && wires::requests_told(&r).is_none() {
                (r.source, r.line) = (source, number);
                tap.whole(r);
            }
            number = number.saturating_add(1);
        }
        let streams = p.streams.entry(name).or_insert_with(|| Streams::new(source));
        for line in &lines {
            streams.push_numbered(line, number, at, &mut tap);
            number = number.saturating_add(1);
        }
        p.window.let_go(at);
    }

    /// Reads a batch; gives how many records and lines it had.
    fn take(&mut self, w: Written, offset_s: &dyn Fn(Time) -> i64) -> usize {
        self.progress.backlog.remove(w.batch.project, w.size);
        let size = w.batch.len();
        let Batch { project, source, at, records, lines, .. } = w.batch;
        let p = self.projects.entry(project).or_insert_with(|| Project::new(&self.recogniser));
        if p.recalled {
            p.go_on(project, at, offset_s);
        }
        let name = p.source(source);
        let source = p.window.source(&name);
        let mut counts = BTreeMap::new();
        let mut told = Vec::new();
        let mut tap = Tap {
            window: &mut p.window,
            releases: &mut p.releases,
            counts: &mut counts,
            project,
            source,
            now: at,
        };
        let number = |i: usize| w.number.saturating_add(i as u64);
        let direct = records.len();
        for (i, mut r) in records.into_iter().enumerate() {
            if self.before.has(project, &r) {
                continue;
            }
            (r.source, r.line) = (source, number(i));
            if let Some(n) = wires::requests_told(&r) {
                tap.hear(&r);
                told.push((minute_of(r.at.unwrap_or(at)), r.service.unwrap_or_default(), n));
                continue;
            }
            tap.whole(r);
        }
        let streams = p.streams.entry(name).or_insert_with(|| Streams::new(source));
        for (i, line) in lines.iter().enumerate() {
            streams.push_numbered(line, number(direct + i), at, &mut tap);
        }
        if lines.iter().any(|l| !l.whole) {
            self.open.push_back((w.place, at));
        }
        self.tell(project, at, told, &mut counts);
        if !counts.is_empty() {
            self.add_counts(w.place, counts);
        }
        size
    }

    /// Adds what is told of requests in sum (by minute and service) to what was counted one by one. Of these only that they went
    /// well is known.
    fn tell(
        &mut self,
        project: i64,
        now: Time,
        told: Vec<(i64, String, u64)>,
        counts: &mut BTreeMap<Counted, Went>,
    ) {
        for (what, went) in counts.iter() {
            self.tally.read(project, what.minute, &what.service, went.count, now);
        }
        for (minute, service, n) in told {
            let n = self.tally.told(project, minute, &service, n, now);
            if n > 0 {
                let (method, route) = (String::new(), String::new());
                let counted = Counted { project, minute, service, method, route, status: 200 };
                counts.entry(counted).or_default().count += n;
            }
        }
    }

    fn add_counts(&mut self, place: u64, counts: BTreeMap<Counted, Went>) {
        let there = self.counts.entry(place).or_default();
        for (what, went) in counts {
            there.entry(what).or_default().add(went);
        }
    }

    /// Ends entries whose streams are silent since `before`.
    fn settle(&mut self, before: Time, now: Time) {
        // They may be of any batch read so far.
        let place = self.newest.saturating_sub(1);
        let mut settled: BTreeMap<Counted, Went> = BTreeMap::new();
        for (&project, p) in self.projects.iter_mut().filter(|(_, p)| !p.recalled) {
            p.settle(project, before, now, &mut settled);
        }
        if !settled.is_empty() {
            for (what, went) in &settled {
                self.tally.read(what.project, what.minute, &what.service, went.count, now);
            }
            self.add_counts(place, settled);
        }
        while self.open.front().is_some_and(|(_, t)| now.since(*t) > OPEN_US || before.0 == i64::MAX) {
            self.open.pop_front();
        }
    }

    /// Looks at all windows in which something is new, and keeps what they tell.
    fn look(&mut self, now: Time, offset_s: &dyn Fn(Time) -> i64, ending: bool) {
        // Projects take turns, so what is read or still open need not lie at the end.
        let open = self.open.iter().map(|(place, _)| *place).min();
        let digested = open.into_iter().chain(self.turns.first()).fold(self.newest, u64::min);
        let mut commit = Commit { digested, at: now, ..Commit::default() };
        let mut events = Vec::new();
        for (&project, p) in &mut self.projects {
            if p.recalled || !p.window.changed() {
                continue;
            }
            let look = p.window.look(now, offset_s);
            commit.gone.extend(look.gone.into_iter().map(|id| (project, id)));
            for mut seen in look.seen {
                // A record's number is no line that anybody could look up.
                seen.problem.evidence.iter_mut().for_each(|e| e.line = 0);
                let verdict = &seen.problem.verdict;
                events.push(Event {
                    project,
                    problem: seen.problem.id.clone(),
                    title: seen.problem.title.clone(),
                    cause: verdict.cause.to_string(),
                    failures: seen.first_told,
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
                        arrived: f.arrived,
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
        let later = self.counts.split_off(&digested);
        for counts in std::mem::replace(&mut self.counts, later).into_values() {
            commit.requests.extend(counts.into_iter().map(|(k, went)| RequestCount {
                project: k.project,
                minute: k.minute,
                service: k.service,
                method: k.method,
                route: k.route,
                status: k.status,
                count: went.count,
                took: went.took.into_iter().collect(),
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
            self.progress.wrote("store", Err(Trouble { full: e.is_full(), why: e.to_string() }));
            if ending {
                // The journal has it all: the next start digests it.
                return;
            }
            std::thread::sleep(Duration::from_secs(1));
        }
        self.progress.wrote("store", Ok(()));
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
