//! Failures as they happen: what was observed last lies in a window that is diagnosed again and again, by the same diagnosis that
//! explains a finished past. What changed since the last look is told.
//!
//! A failure keeps its number while more records of it come in: it is that of the first record by which it was known.

use crate::group::Group;
use crate::join::How;
use crate::observe::Observations;
use crate::recognise::Recogniser;
use crate::wording::{Said, Wordings};
use crate::{Filter, Problem, Scene, Settings, Trigger, diagnose_each, one_by_one};
use record::{Ending, Mark, Numbered, Record, SECOND, Time, Zone};
use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// Records come in late by so much: shippers batch, clocks are off, a proxy writes its line when the request ends.
const WINDOW_US: i64 = 10 * 60 * SECOND;
/// Records looked at together. A look at so many takes some tens of milliseconds; of a flood, only the last seconds are looked at.
const RECORDS_MAX: usize = 6_000;
/// Deploys and the like set off what begins later: they are looked at for longer.
const MARKS_US: i64 = 6 * 3_600 * SECOND;
/// Marks looked at.
const MARKS_MAX: usize = 500;
/// Healthy requests remembered singly, to hold failures against them.
const HEALTHY_MAX: usize = 20_000;
/// A clock that is ahead by more than this is wrong: what it dates is dated by its arrival.
const AHEAD_US: i64 = 60 * SECOND;
/// What is older than this at arrival is history that somebody sends again, and is dated by its arrival too.
const BEHIND_US: i64 = 30 * 86_400 * SECOND;

/// One failed request of a problem, as far as it is known now.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Failed {
    /// Its number: that of its first record.
    pub id: u64,
    /// When; that of its arrival, where nothing says.
    pub at: Time,
    /// When the first record that tells of it arrived.
    pub arrived: Time,
    /// The status answered; 0: no answer.
    pub status: u16,
    /// Method; empty if unknown.
    pub method: String,
    /// Route template.
    pub route: String,
    /// As logged.
    pub target: String,
    /// Who failed.
    pub service: Option<String>,
    /// The release it runs, where a record says.
    pub release: Option<String>,
    /// Its environment, where a record says.
    pub environment: Option<String>,
    /// Numbers of the records that tell of it, those that saw it first.
    pub records: Vec<u64>,
}

/// A problem of the window, with its failures that are new or changed.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The problem, as the window explains it.
    pub problem: Problem,
    /// Its failures that are new, that changed, or that came from another problem.
    pub failed: Vec<Failed>,
    /// How many of them were not told of before.
    pub first_told: usize,
}

/// What is new since the last look.
#[derive(Clone, Debug, Default)]
pub struct Look {
    /// Problems with new failures.
    pub seen: Vec<Seen>,
    /// Numbers of failures told of earlier that are no failures of their own.
    pub gone: Vec<u64>,
}

struct Kept {
    number: u64,
    arrived: Time,
    record: Record,
    said: Said,
}

struct Well {
    source: u32,
    number: u64,
    at: Time,
    service: Option<Arc<str>>,
    method: Box<str>,
    target: Box<str>,
    client: Option<Box<str>>,
    status: u16,
    ending: Ending,
    upstream: bool,
}

/// A failure told of.
struct Told {
    records: Vec<u64>,
    /// What was told, as a hash.
    said: u64,
}

/// How a problem of the window began.
struct Begun {
    onset: Time,
    trigger: Trigger,
    /// When it failed last.
    last: Time,
}

/// The window of one project.
pub struct Window {
    recogniser: Arc<Recogniser>,
    wordings: Wordings,
    sources: Vec<String>,
    wall: Vec<bool>,
    kept: VecDeque<Kept>,
    marks: VecDeque<Kept>,
    well: VecDeque<Well>,
    services: HashSet<Arc<str>>,
    /// By failure.
    told: HashMap<u64, Told>,
    /// By record: the failure it tells of.
    failure_of: Numbered<u64, u64>,
    /// By problem: those that last longer than the window began with what it has forgotten.
    begun: HashMap<String, Begun>,
    changed: bool,
}

fn digest(parts: impl Hash) -> u64 {
    let mut h = DefaultHasher::new();
    parts.hash(&mut h);
    h.finish()
}

impl Window {
    /// Nothing observed yet.
    pub fn new(recogniser: Arc<Recogniser>) -> Window {
        Window {
            recogniser,
            wordings: Wordings::default(),
            sources: Vec::new(),
            wall: Vec::new(),
            kept: VecDeque::new(),
            marks: VecDeque::new(),
            well: VecDeque::new(),
            services: HashSet::new(),
            told: HashMap::new(),
            failure_of: Numbered::default(),
            begun: HashMap::new(),
            changed: false,
        }
    }

    /// The index of a source of that name.
    pub fn source(&mut self, name: &str) -> u32 {
        if let Some(i) = self.sources.iter().position(|s| s == name) {
            return i as u32;
        }
        self.sources.push(name.to_owned());
        self.wall.push(false);
        (self.sources.len() - 1) as u32
    }

    /// Is a message worth keeping, whatever its level?
    pub fn wants(&self, message: &str) -> bool {
        self.recogniser.interesting(message)
    }

    /// A request that went well. `number` grows from record to record.
    #[allow(clippy::too_many_arguments)]
    pub fn healthy(
        &mut self,
        source: u32,
        number: u64,
        service: Option<&str>,
        at: Time,
        method: &str,
        target: &str,
        client: Option<&str>,
        status: u16,
        ending: Ending,
        upstream: bool,
    ) {
        if self.well.len() >= HEALTHY_MAX {
            self.well.pop_front();
        }
        let service = service.map(|s| match self.services.get(s) {
            Some(known) => Arc::clone(known),
            None => {
                let new: Arc<str> = s.into();
                if self.services.len() < HEALTHY_MAX {
                    self.services.insert(Arc::clone(&new));
                }
                new
            }
        });
        self.well.push_back(Well {
            source,
            number,
            at,
            service,
            method: method.into(),
            target: target.into(),
            client: client.map(Into::into),
            status,
            ending,
            upstream,
        });
    }

    /// Any other record; its `line` is its number, which grows from record to record. Gives back whether it is kept: what tells nothing
    /// of failures is not.
    pub fn take(&mut self, mut record: Record, now: Time) -> bool {
        let believable = |t: &Time| t.since(now) <= AHEAD_US && now.since(*t) <= BEHIND_US;
        if !matches!(record.zone, Zone::Wall | Zone::Clock) && record.at.is_none_or(|t| !believable(&t)) {
            record.at = Some(now);
            record.zone = Zone::Stated;
        }
        if matches!(record.zone, Zone::Wall | Zone::Clock)
            && let Some(w) = self.wall.get_mut(record.source as usize)
        {
            *w = true;
        }
        if record.lines == 0 {
            record.lines = u32::try_from(record.message.lines().count()).unwrap_or(u32::MAX);
        }
        let said = self.wordings.read_whole(&record, &self.recogniser);
        let marked = record.mark.is_some();
        if said.findings.is_none() && !marked && !record.is_ledger() {
            return false;
        }
        let kept = Kept { number: record.line, arrived: now, record, said };
        // What people change is told though nothing failed yet, and may be what explains that which failed before it was told.
        let by_people = matches!(
            kept.record.mark.as_deref(),
            Some(Mark::Deploy(_) | Mark::Rollback(_) | Mark::ConfigChange(_))
        );
        self.changed |= by_people || kept.said.findings.is_some() || kept.record.is_ledger();
        let list = if marked && kept.said.findings.is_none() && !kept.record.is_ledger() {
            &mut self.marks
        } else {
            &mut self.kept
        };
        // Entries that went on over several messages are complete later than what came meanwhile.
        let place = match list.back() {
            Some(last) if last.number > kept.number => list.partition_point(|k| k.number < kept.number),
            _ => list.len(),
        };
        list.insert(place, kept);
        true
    }

    /// Lets go what is older than the window. The failures it tells of are what they are.
    pub fn let_go(&mut self, now: Time) {
        let old = |k: &Kept| now.since(k.arrived) > WINDOW_US;
        let mut settled: HashSet<u64> = HashSet::new();
        while self.kept.front().is_some_and(old) || self.kept.len() > RECORDS_MAX {
            let Some(k) = self.kept.pop_front() else { break };
            settled.extend(self.failure_of.remove(&k.number));
        }
        // What is left of a failure whose first records are gone would look like another failure.
        for id in settled {
            for n in self.told.remove(&id).into_iter().flat_map(|t| t.records) {
                self.failure_of.remove(&n);
                if let Ok(i) = self.kept.binary_search_by_key(&n, |k| k.number) {
                    self.kept.remove(i);
                }
            }
        }
        while self.marks.len() > MARKS_MAX
            || self.marks.front().is_some_and(|k| now.since(k.arrived) > MARKS_US)
        {
            self.marks.pop_front();
        }
        while self.well.front().is_some_and(|w| now.since(w.at) > WINDOW_US) {
            self.well.pop_front();
        }
    }

    /// Is there anything new to look at?
    pub fn changed(&self) -> bool {
        self.changed
    }

    /// Explains what the window holds and tells what is new. `offset_s`: as in [`Settings`].
    pub fn look(&mut self, now: Time, offset_s: &dyn Fn(Time) -> i64) -> Look {
        self.changed = false;
        self.let_go(now);
        let mut obs = Observations::new();
        for s in &self.sources {
            obs.source(s);
        }
        for w in &self.well {
            obs.healthy(
                w.source,
                w.number,
                w.service.as_deref(),
                Some((w.at, Zone::Stated)),
                &w.method,
                &w.target,
                w.client.as_deref(),
                w.status,
                w.ending,
                w.upstream,
            );
        }
        let numbers: Vec<(u64, Time)> =
            self.marks.iter().chain(&self.kept).map(|k| (k.number, k.arrived)).collect();
        for k in self.marks.iter().chain(&self.kept) {
            obs.keep(k.record.clone(), k.said.clone());
        }
        // What has been silent for as long as the window is, and comes back, begins anew.
        self.begun.retain(|_, b| now.since(b.last) <= WINDOW_US);
        // What began before the oldest record here.
        let oldest = self.kept.front().and_then(|k| k.record.at).unwrap_or(now);
        let begun = self.begun.iter().filter(|(_, b)| b.onset < oldest);
        let begun: HashMap<String, Trigger> = begun.map(|(id, b)| (id.clone(), b.trigger.clone())).collect();
        let stated = vec![true; self.sources.len()];
        let lines = vec![0; self.sources.len()];
        let settings = Settings {
            offset_s,
            wall: &self.wall,
            stated: &stated,
            lines: &lines,
            filter: Filter::default(),
            spread: &one_by_one,
            begun: &begun,
        };
        let mut groups: Vec<Vec<Failed>> = Vec::new();
        let report = diagnose_each(&mut obs, &settings, &mut |scene, group| {
            groups.push(failures(scene, group, &numbers, now));
        });
        self.remember(&report.problems, &begun);
        self.compare(report.problems.into_iter().zip(groups))
    }

    /// Remembers how problems began.
    fn remember(&mut self, problems: &[Problem], begun: &HashMap<String, Trigger>) {
        for p in problems {
            let Some((onset, last)) = p.first_seen.zip(p.last_seen) else { continue };
            match self.begun.get_mut(&p.id) {
                Some(b) if begun.contains_key(&p.id) => b.last = last,
                _ => {
                    let trigger = p.verdict.trigger.clone();
                    self.begun.insert(p.id.clone(), Begun { onset, trigger, last });
                }
            }
        }
    }

    /// What of it was not told before.
    fn compare(&mut self, found: impl Iterator<Item = (Problem, Vec<Failed>)>) -> Look {
        let mut look = Look::default();
        let mut told: HashMap<u64, Told> = HashMap::new();
        let mut failure_of: Numbered<u64, u64> = Numbered::default();
        for (problem, failures) in found {
            let (mut new, mut first_told) = (Vec::new(), 0);
            for mut f in failures {
                // Known by the earliest number that any of its records has had; that of another failure is not taken twice.
                let free = |id: &u64| !told.contains_key(id);
                let known =
                    f.records.iter().filter_map(|n| self.failure_of.get(n)).copied().filter(free).min();
                let first = f.records.iter().copied().filter(free).min();
                f.id = known.or(first).or(f.records.iter().copied().min()).unwrap_or(0);
                let said = digest((
                    (&problem.id, f.at, f.status, &f.method, &f.target),
                    (&f.service, &f.release, &f.environment),
                ));
                for n in &f.records {
                    // A record of two failures names the one that is told first, lest they change their numbers at each look.
                    failure_of.entry(*n).or_insert(f.id);
                }
                let before = self.told.get(&f.id);
                let same = before.is_some_and(|t| t.said == said);
                first_told += usize::from(before.is_none());
                told.insert(f.id, Told { records: f.records.clone(), said });
                if !same {
                    new.push(f);
                }
            }
            if !new.is_empty() {
                look.seen.push(Seen { problem, failed: new, first_told });
            }
        }
        look.gone = self.told.keys().filter(|id| !told.contains_key(id)).copied().collect();
        look.gone.sort_unstable();
        (self.told, self.failure_of) = (told, failure_of);
        look
    }

    /// A record of the window by its number.
    pub fn record(&self, number: u64) -> Option<&Record> {
        let i = self.kept.binary_search_by_key(&number, |k| k.number).ok()?;
        self.kept.get(i).map(|k| &k.record)
    }

    /// Deploys and other marks of the window, with their numbers.
    pub fn marks(&self) -> impl Iterator<Item = (u64, &Record, &Mark)> {
        self.marks
            .iter()
            .chain(&self.kept)
            .filter_map(|k| Some((k.number, &k.record, k.record.mark.as_deref()?)))
    }
}

/// The failures of a problem, with the records that tell of each. `numbers`: of the observations' records, with their arrival.
fn failures(scene: &Scene<'_>, group: &Group, numbers: &[(u64, Time)], now: Time) -> Vec<Failed> {
    let place: HashMap<usize, usize> = group.failures.iter().enumerate().map(|(i, k)| (*k, i)).collect();
    let mut records: Vec<Vec<usize>> =
        group.failures.iter().map(|&k| scene.failures[k].seen.clone()).collect();
    for j in scene.joins.list.iter().filter(|j| j.how > How::Time && j.how != How::Same) {
        if let Some(list) = place.get(&j.failure).and_then(|i| records.get_mut(*i)) {
            list.push(scene.candidates[j.candidate].record);
        }
    }
    let field = |list: &[usize], name: &str| {
        list.iter().find_map(|&i| scene.obs.records[i].field(name)).map(str::to_owned)
    };
    group
        .failures
        .iter()
        .zip(records)
        .map(|(&k, list)| {
            let f = &scene.failures[k];
            Failed {
                id: 0,
                at: f.at.unwrap_or(now),
                arrived: list.iter().filter_map(|&i| numbers.get(i)).map(|n| n.1).min().unwrap_or(now),
                status: f.status,
                method: f.method.to_string(),
                route: f.route.to_string(),
                target: f.target.clone(),
                service: list.iter().find_map(|&i| scene.obs.records[i].service.clone()),
                release: field(&list, "release"),
                environment: field(&list, "environment"),
                records: list.iter().filter_map(|&i| numbers.get(i)).map(|n| n.0).collect(),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::{Level, Request, TriggerKind};

    const BEGIN: Time = Time(1_795_926_860_000_000);

    fn at(number: u64, at: Time) -> Record {
        Record { line: number, format: "json", at: Some(at), zone: Zone::Stated, ..Record::default() }
    }

    /// A problem that a deploy set off is the deploy's for as long as it lasts, and not for longer.
    #[test]
    fn what_set_a_problem_off_is_not_forgotten_while_it_lasts() {
        let mut window = Window::new(Arc::new(Recogniser::new(&[]).expect("our signatures")));
        window.source("shop");
        let mut number = 0;
        let mut kinds = Vec::new();
        for second in 0..5_400 {
            let now = BEGIN.plus(second * SECOND);
            number += 1;
            window.healthy(0, number, None, now, "GET", "/cart/1", None, 200, Ending::Answered, false);
            if second == 60 {
                number += 1;
                let mut deploy = at(number, now);
                deploy.mark = Some(Box::new(Mark::Deploy("release=3.8.0".into())));
                window.take(deploy, now);
            }
            // It fails for an hour, is silent for twenty minutes, and fails again.
            if second % 20 == 0 && ((70..3_600).contains(&second) || second > 4_800) {
                number += 1;
                let mut failed = at(number, now);
                failed.level = Level::Error;
                failed.message = "KeyError: 'country'".into();
                let request = Request {
                    method: "GET".into(),
                    target: "/cart/1".into(),
                    status: Some(500),
                    ..Request::default()
                };
                failed.request = Some(Box::new(request));
                window.take(failed, now);
                for seen in window.look(now, &|_| 0).seen {
                    kinds.push((second, seen.problem.verdict.trigger.kind));
                }
            }
        }
        // Of the first failures nothing is certain yet.
        let lasting = |k: &&(i64, TriggerKind)| (120..3_600).contains(&k.0);
        let drifted: Vec<_> = kinds.iter().filter(lasting).filter(|k| k.1 != TriggerKind::Deploy).collect();
        assert!(drifted.is_empty() && kinds.len() > 100, "{drifted:?}");
        let last = kinds.last().expect("it came back");
        assert_ne!(last.1, TriggerKind::Deploy, "what comes back much later has another cause");
    }
}
