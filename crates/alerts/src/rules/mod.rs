//! The rules: what they look at, and the table of them. Each is one file that says what it means.

mod budget;
mod deploy;
mod growth;
mod new_problem;
mod recovered;
mod regressed;

pub use recovered::{Over, over};
pub(crate) use regressed::REGRESSED;

use crate::notice::{Figure, Severity};
use crate::tell::Memory;
use record::{SECOND, Time};
use std::collections::BTreeMap;
use store::{Failing, State};

/// A minute in microseconds.
pub const MINUTE_US: i64 = 60 * SECOND;

/// Minutes of load that are looked at: three days, the longest window of the budget's rule.
pub const LOAD_MINUTES: i64 = 3 * 24 * 60;

/// Services of a project whose load is held; beyond, they are one. Each costs 70 kB.
const SERVICES_MAX: usize = 500;

/// Failures that are no accident, wherever they come from: the store calls a new problem ongoing then.
const MANY: u64 = store::ONGOING_FAILURES.unsigned_abs();

/// A rule.
pub struct Rule {
    /// Its name, in configuration and in what is told.
    pub name: &'static str,
    /// What it tells of, in one line.
    pub meaning: &'static str,
    /// Looks.
    find: fn(&Situation<'_>) -> Vec<Finding>,
}

/// All rules, in the order in which they speak of the same thing: the last word is the gravest.
pub const RULES: [Rule; 6] =
    [new_problem::RULE, regressed::RULE, growth::RULE, deploy::RULE, budget::RULE, recovered::RULE];

/// What a rule found.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The rule.
    pub rule: &'static str,
    /// What it is about, see [`problem_subject`] and its like.
    pub subject: String,
    /// How much it matters.
    pub severity: Severity,
    /// Since when.
    pub onset: Time,
    /// `New problem`.
    pub heading: &'static str,
    /// What the message's title is; none: the problem's.
    pub title: Option<String>,
    /// One sentence with figures.
    pub why: String,
    /// What was looked at.
    pub figures: Vec<Figure>,
    /// Problems that it names.
    pub members: Vec<String>,
    /// Failures a minute, where the rule compares: it speaks again of the same only when that has doubled.
    pub rate: Option<f64>,
    /// It is over with this: there is nothing to be done.
    pub settled: bool,
}

impl Finding {
    fn of(rule: &'static str, subject: String, heading: &'static str) -> Finding {
        Finding {
            rule,
            subject,
            severity: Severity::Warning,
            onset: Time(0),
            heading,
            title: None,
            why: String::new(),
            figures: Vec::new(),
            members: Vec::new(),
            rate: None,
            settled: false,
        }
    }
}

/// What an alert about a problem is called.
pub fn problem_subject(id: &str) -> String {
    format!("problem {id}")
}

/// The problem that an alert is about.
pub fn problem_of(subject: &str) -> Option<&str> {
    subject.strip_prefix("problem ")
}

/// A release that went out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deploy {
    /// The mark's id.
    pub id: u64,
    /// When.
    pub at: Time,
    /// As told: `release=3.8.0 environment=production`, `shop@3.8.0`.
    pub what: String,
}

/// How many of a hundred requests are to go well.
#[derive(Clone, Debug, PartialEq)]
pub struct Objectives {
    /// Share that is to go well where nothing else is said: 0 to 1.
    pub usual: f64,
    /// By service.
    pub services: BTreeMap<String, f64>,
}

impl Default for Objectives {
    fn default() -> Objectives {
        Objectives { usual: 0.999, services: BTreeMap::new() }
    }
}

impl Objectives {
    /// The objective of a service.
    pub fn of(&self, service: &str) -> f64 {
        self.services.get(service).copied().unwrap_or(self.usual)
    }
}

/// Requests that went well and failures, by service and minute, of the last three days.
#[derive(Clone, Debug, Default)]
pub struct Loads {
    services: BTreeMap<String, BTreeMap<i64, (u64, u64)>>,
    all: BTreeMap<i64, (u64, u64)>,
}

impl Loads {
    /// Takes rows in place of what was known from a minute on. Counts come late; so the last minutes are read again and again.
    pub fn put(&mut self, from_minute: i64, rows: Vec<store::Load>) {
        let oldest = from_minute.saturating_sub(LOAD_MINUTES);
        for minutes in self.services.values_mut().chain([&mut self.all]) {
            minutes.split_off(&from_minute);
            *minutes = minutes.split_off(&oldest);
        }
        self.services.retain(|_, minutes| !minutes.is_empty());
        let mut touched = std::collections::BTreeSet::new();
        for row in rows {
            let full = self.services.len() >= SERVICES_MAX && !self.services.contains_key(&row.service);
            let name = if full { store::OTHER.to_owned() } else { row.service };
            let sum = self.services.entry(name).or_default().entry(row.minute).or_default();
            *sum = (sum.0.saturating_add(row.well), sum.1.saturating_add(row.failed));
            touched.insert(row.minute);
        }
        for minute in touched {
            self.all.insert(minute, self.of_all(minute));
        }
    }

    /// A minute of all services. What a log counts that names none is mostly a proxy's in front of those that count themselves:
    /// the same requests, of which the larger count holds all. Failures are counted once, whoever tells of them.
    fn of_all(&self, minute: i64) -> (u64, u64) {
        let (mut proxy, mut named, mut failed) = (0_u64, 0_u64, 0_u64);
        for (name, minutes) in &self.services {
            let Some((well, bad)) = minutes.get(&minute) else { continue };
            let sum = if name.is_empty() { &mut proxy } else { &mut named };
            *sum = sum.saturating_add(*well);
            failed = failed.saturating_add(*bad);
        }
        (proxy.max(named), failed)
    }

    /// What went well and what failed of a service, from a minute up to another.
    pub fn sum(&self, service: &str, from: i64, to: i64) -> (u64, u64) {
        self.services.get(service).map_or((0, 0), |minutes| sum(minutes, from, to))
    }

    /// Minutes in which a service failed, from one up to another.
    pub fn failing_minutes(&self, service: &str, from: i64, to: i64) -> usize {
        let minutes = self.services.get(service);
        minutes.map_or(0, |m| m.range(from..to.max(from)).filter(|(_, (_, failed))| *failed > 0).count())
    }

    /// The first minute of which anything is known of a service.
    pub fn since(&self, service: &str) -> Option<i64> {
        self.services.get(service).and_then(|minutes| minutes.keys().next().copied())
    }

    /// … of all services.
    pub fn sum_all(&self, from: i64, to: i64) -> (u64, u64) {
        sum(&self.all, from, to)
    }

    /// The services whose requests are counted.
    pub fn counted(&self) -> impl Iterator<Item = &str> {
        self.services
            .iter()
            .filter(|(_, m)| m.values().any(|(well, _)| *well > 0))
            .map(|(name, _)| name.as_str())
    }

    /// The minutes by which failures of a service are to be measured: its own requests, or where nobody counts them, those of
    /// all services.
    fn measure(&self, service: &str) -> &BTreeMap<i64, (u64, u64)> {
        let own = self.services.get(service).filter(|m| m.values().any(|(well, _)| *well > 0));
        own.unwrap_or(&self.all)
    }
}

fn sum(minutes: &BTreeMap<i64, (u64, u64)>, from: i64, to: i64) -> (u64, u64) {
    if from >= to {
        return (0, 0);
    }
    minutes.range(from..to).fold((0, 0), |(well, failed), (_, (w, f))| (well + w, failed + f))
}

/// What is known of a project at an instant.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// The instant.
    pub now: Time,
    /// Since when anybody looks: what is older is history, not news.
    pub began: Time,
    /// Problems that failed or changed lately, and all that an open alert is about. Minutes of the last day.
    pub problems: &'a [Failing],
    /// Load of the last three days.
    pub loads: &'a Loads,
    /// Deploys of the last hours, first to last.
    pub deploys: &'a [Deploy],
    /// What is to go well.
    pub objectives: &'a Objectives,
    /// What is remembered, by subject.
    pub known: &'a BTreeMap<String, Memory>,
}

impl Situation<'_> {
    /// All that the rules find.
    pub fn findings(&self) -> Vec<Finding> {
        RULES.iter().flat_map(|rule| (rule.find)(self)).collect()
    }

    fn memory(&self, subject: &str) -> Option<&Memory> {
        self.known.get(subject)
    }

    /// Problems that may be told of: nobody muted or resolved them, and they are none's first thought.
    fn speaking(&self) -> impl Iterator<Item = &Failing> {
        self.problems.iter().filter(|p| matches!(p.row.state, State::New | State::Ongoing | State::Regressed))
    }
}

/// The minute of an instant, since 1970.
pub fn minute_of(at: Time) -> i64 {
    at.0.div_euclid(MINUTE_US)
}

/// Did it fail again, at another time than the first? One request that a client tries three times within a minute is one
/// occasion; ten failures are no accident in any case. `since`: only what failed after this counts.
fn came_again(p: &Failing, since: Option<Time>) -> bool {
    match since {
        None => minute_of(p.row.first_seen) != minute_of(p.row.last_seen) || p.row.count >= MANY,
        Some(since) => {
            let after = p.minutes.iter().filter(|(m, _)| *m > minute_of(since));
            after.clone().count() >= 2 || after.map(|(_, n)| n).sum::<u64>() >= MANY
        }
    }
}

/// Log of the likelihood ratio of two rates against one: `k` failures in exposure `e`, after `before_k` in `before_e`; 0 where
/// the rate did not rise. One failure more than was seen is laid to the past, so that a silent past is not taken as proof that
/// nothing ever fails.
fn evidence(k: f64, e: f64, before_k: f64, before_e: f64) -> f64 {
    if e <= 0.0 || before_e <= 0.0 || k <= 0.0 {
        return 0.0;
    }
    let before_k = before_k + 1.0;
    let (n, all) = (k + before_k, e + before_e);
    if k / e <= before_k / before_e {
        return 0.0;
    }
    k * (k / (n * e / all)).ln() + before_k * (before_k / (n * before_e / all)).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_proxy_and_the_service_behind_it_count_is_one_request() {
        let mut loads = Loads::default();
        let row = |service: &str, minute, well, failed| store::Load {
            service: service.into(),
            minute,
            well,
            failed,
        };
        loads.put(
            10,
            vec![
                row("", 10, 100, 2),
                row("shop", 10, 60, 5),
                row("search", 10, 30, 0),
                row("shop", 11, 60, 0),
            ],
        );
        // What the services count beyond the proxy is counted too: not all goes through it.
        assert_eq!((loads.sum_all(10, 11), loads.sum_all(11, 12)), ((100, 7), (60, 0)));
        // Read again, it takes the place of what was known.
        loads.put(11, vec![row("", 11, 90, 0), row("shop", 11, 60, 0)]);
        assert_eq!(loads.sum_all(10, 12), (190, 7));
        assert_eq!(loads.sum("shop", 10, 12), (120, 5));
    }
}
