//! The rules' thread: looks when something changed and every some seconds, decides, and puts what is to be told into the outbox.

use super::send::{self, Worker};
use super::{Alerts, file};
use crate::serve::{App, digest, now};
use alerts::notice::{self, Project};
use alerts::rules::{LOAD_MINUTES, MINUTE_US, minute_of, problem_of, problem_subject};
use alerts::{Audience, Config, Decision, Deploy, Event, Loads, Memory, Situation};
use record::Time;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant, SystemTime};
use store::{AlertChange, Failing, Reader};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::TryRecvError;

/// It is looked so often whether something changed.
const LOOK: Duration = Duration::from_secs(1);
/// Rules are asked at least so often: what is silent is found by looking.
const EVERY: Duration = Duration::from_secs(10);
/// Rules may take this part of the time.
const SHARE: u32 = 5;
/// Problems of a project that rules look at: the latest. A flood of others is one message anyway.
const PROBLEMS_MAX: usize = 2_000;
/// A problem that did not fail for so long is looked at only while an alert of it is open.
const LATELY_US: i64 = 60 * MINUTE_US;
/// Minutes of a problem that rules see.
const MINUTES: i64 = 24 * 60;
/// Load that was read already is read again for so long: counts come late.
const LATE_US: i64 = 15 * MINUTE_US;
/// What began so long before anybody looked is news all the same: logs are followed from some lines back.
const NEWS_US: i64 = 60 * MINUTE_US;
/// Deploys are judged within this time.
const DEPLOYS_US: i64 = 3 * 60 * MINUTE_US;
/// Old alerts are let go of so often.
const TIDY: Duration = Duration::from_secs(600);
/// When the server is to stop, a message that is being sent may take so long.
const END_TIME: Duration = Duration::from_secs(5);
/// Alerts of a project that are held as open.
const OPEN_MAX: usize = 5_000;

/// What is known of a project from look to look.
#[derive(Default)]
struct Seen {
    loads: Loads,
    /// Load is read up to here.
    read: Option<Time>,
    /// Problems as read last: one that did not change is not read again.
    problems: HashMap<String, Failing>,
}

/// The thread's state.
pub struct Watcher {
    app: Arc<App>,
    base: Option<String>,
    stopped: Arc<AtomicBool>,
    reader: Reader,
    events: broadcast::Receiver<digest::Event>,
    began: Time,
    projects: HashMap<i64, Seen>,
    workers: Vec<Worker>,
    file: Option<(SystemTime, u64)>,
}

impl Watcher {
    /// # Errors
    /// The store cannot be read, or no thread can be had.
    pub fn new(app: Arc<App>, base: Option<String>, stopped: Arc<AtomicBool>) -> Result<Watcher, String> {
        let (reader, began) = {
            let mut store = app.writer.lock().unwrap_or_else(PoisonError::into_inner);
            let began = store.alerts_began(now().plus(-NEWS_US)).map_err(|e| e.to_string())?;
            (store.reader().map_err(|e| e.to_string())?, began)
        };
        let events = app.events.subscribe();
        let file = file::written(&app.alerts.file);
        let mut watcher = Watcher {
            app,
            base,
            stopped,
            reader,
            events,
            began,
            projects: HashMap::new(),
            workers: Vec::new(),
            file,
        };
        watcher.employ()?;
        Ok(watcher)
    }

    fn alerts(&self) -> &Alerts {
        &self.app.alerts
    }

    /// One worker per channel, as is configured now. Those of before end what they do.
    fn employ(&mut self) -> Result<(), String> {
        self.dismiss();
        let config = self.alerts().config();
        for place in &config.channels {
            self.workers.push(send::start(&self.app, &config, &place.name)?);
        }
        Ok(())
    }

    /// Waits for what is being sent, so that it is noted: for some seconds.
    fn dismiss(&mut self) {
        let workers = std::mem::take(&mut self.workers);
        for w in &workers {
            w.stop.store(true, Ordering::Relaxed);
            w.thread.thread().unpark();
        }
        let end = Instant::now() + END_TIME;
        for w in workers {
            while !w.thread.is_finished() && Instant::now() < end {
                std::thread::sleep(Duration::from_millis(10));
            }
            if w.thread.is_finished() {
                let _ = w.thread.join();
            }
        }
    }

    /// Runs until told to stop.
    pub fn run(mut self) {
        let mut due = Instant::now();
        let mut tidy = Instant::now();
        let mut told = None;
        while !self.stopped.load(Ordering::Relaxed) {
            self.reload();
            let began = Instant::now();
            if self.changed() || began >= due {
                let outcome = self.look(now());
                let took = began.elapsed();
                if let Err(e) = &outcome {
                    let why = e.to_string();
                    if told.as_ref() != Some(&why) {
                        eprintln!("why500: alerts: {why}");
                    }
                    told = Some(why);
                } else {
                    told = None;
                }
                due = Instant::now() + EVERY;
                std::thread::park_timeout(took * SHARE);
            }
            if began >= tidy {
                tidy = began + TIDY;
                let names: Vec<String> =
                    self.alerts().config().channels.iter().map(|c| c.name.clone()).collect();
                let _ =
                    self.app.writer.lock().unwrap_or_else(PoisonError::into_inner).tidy_alerts(now(), &names);
            }
            std::thread::park_timeout(LOOK);
        }
        self.dismiss();
    }

    /// Reads the configuration again when its file changed.
    fn reload(&mut self) {
        let written = file::written(&self.alerts().file);
        if written == self.file {
            return;
        }
        self.file = written;
        if self.alerts().read_again()
            && let Err(why) = self.employ()
        {
            eprintln!("why500: alerts: {why}");
        }
    }

    /// Did something fail since the last look?
    fn changed(&mut self) -> bool {
        let mut changed = false;
        loop {
            match self.events.try_recv() {
                Ok(_) | Err(TryRecvError::Lagged(_)) => changed = true,
                Err(TryRecvError::Empty | TryRecvError::Closed) => return changed,
            }
        }
    }

    fn look(&mut self, now: Time) -> store::Result<()> {
        let config = self.alerts().config();
        let projects = self.reader.projects()?;
        let ids: HashSet<i64> = projects.iter().map(|p| p.id).collect();
        self.projects.retain(|id, _| ids.contains(id));
        let mut told = false;
        for project in projects {
            let named = Project { id: project.id, name: project.name };
            let mut seen = self.projects.remove(&named.id).unwrap_or_default();
            let changes = self.project(now, &config, &named, &mut seen);
            self.projects.insert(named.id, seen);
            let changes = changes?;
            if changes.is_empty() {
                continue;
            }
            told |= changes.iter().any(|c| !c.send.is_empty());
            self.app.writer.lock().unwrap_or_else(PoisonError::into_inner).alert(now, &changes)?;
        }
        self.alerts().looked.store(now.0, Ordering::Relaxed);
        if told {
            self.workers.iter().for_each(|w| w.thread.thread().unpark());
        }
        Ok(())
    }

    /// What is to be kept of a project's alerts now.
    fn project(
        &self,
        now: Time,
        config: &Config,
        project: &Project,
        seen: &mut Seen,
    ) -> store::Result<Vec<AlertChange>> {
        self.load(now, project.id, seen)?;
        let deploys: Vec<Deploy> = self
            .reader
            .marks(project.id, now.plus(-DEPLOYS_US), now.plus(MINUTE_US))?
            .into_iter()
            .filter(|m| m.kind == "deploy")
            .map(|m| Deploy { id: m.id, at: m.at, what: m.what })
            .collect();
        let known = self.known(now, project.id, &deploys, seen)?;
        let problems: Vec<Failing> = seen.problems.values().cloned().collect();
        let situation = Situation {
            now,
            began: self.began,
            problems: &problems,
            loads: &seen.loads,
            deploys: &deploys,
            objectives: &config.objectives,
            known: &known,
        };
        let decisions = alerts::decide(&situation);
        decisions.iter().map(|d| self.change(now, config, project, seen, d)).collect()
    }

    /// Reads the load since the last look.
    fn load(&self, now: Time, project: i64, seen: &mut Seen) -> store::Result<()> {
        let first = now.plus(-LOAD_MINUTES * MINUTE_US);
        let from = seen.read.map_or(first, |read| read.plus(-LATE_US).max(first));
        let rows = self.reader.load(project, from, now.plus(2 * MINUTE_US))?;
        seen.loads.put(minute_of(from), rows);
        seen.read = Some(now);
        Ok(())
    }

    /// Reads the problems that rules look at, and what is remembered of them and of all that is open.
    fn known(
        &self,
        now: Time,
        project: i64,
        deploys: &[Deploy],
        seen: &mut Seen,
    ) -> store::Result<BTreeMap<String, Memory>> {
        let memory = |text: &str| serde_json::from_str::<Memory>(text).unwrap_or_default();
        let mut known: BTreeMap<String, Memory> = self
            .reader
            .alerts(project, Time(i64::MAX), OPEN_MAX)?
            .into_iter()
            .map(|a| (a.subject, memory(&a.memory)))
            .collect();
        let moving = self.reader.moving(project, now.plus(-LATELY_US), PROBLEMS_MAX)?;
        let open: Vec<String> = known.keys().filter_map(|s| problem_of(s)).map(str::to_owned).collect();
        let mut before = std::mem::take(&mut seen.problems);
        let from = minute_of(now) - MINUTES;
        for row in moving {
            let subject = problem_subject(&row.id);
            if !known.contains_key(&subject)
                && let Some(a) = self.reader.alert_of(project, &subject)?
            {
                known.insert(subject, memory(&a.memory));
            }
            let failing = match before.remove(&row.id) {
                Some(same) if same.row == row => Some(same),
                _ => self.reader.failing(project, &row.id, from)?,
            };
            seen.problems.extend(failing.map(|f| (row.id, f)));
        }
        for id in open {
            if !seen.problems.contains_key(&id) {
                let failing = self.reader.failing(project, &id, from)?;
                seen.problems.extend(failing.map(|f| (id, f)));
            }
        }
        for deploy in deploys {
            let subject = format!("deploy {}", deploy.id);
            if !known.contains_key(&subject)
                && let Some(a) = self.reader.alert_of(project, &subject)?
            {
                known.insert(subject, memory(&a.memory));
            }
        }
        Ok(known)
    }

    /// What is kept of a decision, and where it is sent.
    fn change(
        &self,
        now: Time,
        config: &Config,
        project: &Project,
        seen: &Seen,
        d: &Decision,
    ) -> store::Result<AlertChange> {
        let mut change = AlertChange {
            project: project.id,
            subject: d.subject.clone(),
            rule: d.memory.rule.clone(),
            severity: d.memory.severity.name().to_owned(),
            open: d.memory.open,
            since: d.memory.since,
            lead: d.memory.lead.clone(),
            memory: serde_json::to_string(&d.memory).unwrap_or_default(),
            notice: String::new(),
            event: d.event.map(Event::name).unwrap_or_default().to_owned(),
            send: Vec::new(),
        };
        if d.heading.is_empty() {
            // Only noted: what was told stands.
            let before = self.reader.alert_of(project.id, &d.subject)?;
            change.notice = before.map(|a| a.notice).unwrap_or_else(|| "{}".to_owned());
            return Ok(change);
        }
        let about = match d.shows.as_ref().and_then(|id| seen.problems.get(id)) {
            Some(failing) => {
                Some(notice::about(failing, &self.reader.explained(project.id, &failing.row.id)?, now))
            }
            None => None,
        };
        let link = self.base.as_ref().map(|base| match &d.shows {
            Some(id) => format!("{base}/problems/{}/{id}", project.id),
            None => format!("{base}/alerts?project={}", project.id),
        });
        let notice = d.notice(now, project, about, link);
        change.notice = serde_json::to_string(&notice).unwrap_or_default();
        let Some(event) = d.event else { return Ok(change) };
        let due = self.due(now, config, d);
        let mut rules = d.memory.said.clone();
        rules.push(d.memory.rule.clone());
        for place in &config.channels {
            let channel = &place.channel;
            let quietly = channel.edits() || (event == Event::Closed && channel.holds_open());
            let heard_only = matches!(event, Event::Updated | Event::Closed);
            let wants = match (heard_only, d.audience) {
                (_, Audience::Quiet) => quietly,
                (true, Audience::All) => true,
                (false, Audience::All) => place.hears(&project.name, &rules, d.memory.severity),
            };
            // A verdict that is told and done with is never closed; nor is it then a thing that stays open.
            let settled = !heard_only && !d.memory.open && channel.holds_open();
            if wants && !settled {
                change.send.push(store::Send { channel: place.name.clone(), due, heard_only });
            }
        }
        Ok(change)
    }

    /// When it is sent: in quiet hours only what burns the budget comes through.
    fn due(&self, now: Time, config: &Config, d: &Decision) -> Time {
        if d.memory.severity == alerts::Severity::Critical {
            return now;
        }
        let Some(quiet) = &config.quiet else { return now };
        let Ok(zone) = crate::explain::zone(quiet.zone.as_deref()) else { return now };
        let offset = jiff::Timestamp::from_second(now.secs()).map_or(0, |t| zone.to_offset(t).seconds());
        quiet.until(now, i64::from(offset)).unwrap_or(now)
    }
}

/// The file of configuration: as named, or in the server's folder.
pub fn place_of(named: Option<&Path>, data: &Path) -> std::path::PathBuf {
    named.map_or_else(|| data.join("alerts.toml"), Path::to_owned)
}
