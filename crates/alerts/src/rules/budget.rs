//! A service's error budget burns.
//!
//! Multi-window, multi-burn-rate, as chapter 5 of Google's SRE workbook has it ("Alerting on SLOs", table 5-8): with an objective of
//! 99.9 % over 30 days a burn rate of 1 spends the budget in just these 30 days. It speaks where both a long window and a short one
//! burn at the rate: the long one says that it matters, the short one that it still goes on.
//!
//! ```text
//! critical   14.4 over 1 h and 5 min   2 % of the budget in an hour
//! critical    6   over 6 h and 30 min  5 % in six hours
//! warning     1   over 3 d and 6 h    10 % in three days
//! ```
//!
//! The same chapter warns of services with little traffic, where one failure among sixty requests burns at 16.7. So the failures of
//! each long window are taken at their lower bound (95 %, Poisson): with an objective of 99.9 % and sixty requests an hour it takes
//! four.
//!
//! The two longer windows wait until half of them is known.
//!
//! Where one problem has half of the failures of the last hour, the alert is about that problem: its message becomes critical, and
//! no second one is sent; where somebody muted or resolved it, nothing is told.

use super::{Finding, MANY, MINUTE_US, Rule, Situation, minute_of, problem_subject};
use crate::notice::{Figure, Severity, line, percent};
use record::Time;
use store::{Failing, State};

pub(super) const RULE: Rule =
    Rule { name: "budget", meaning: "a service's error budget burns too fast", find };

/// A pair of windows.
struct Burn {
    /// Minutes.
    long: i64,
    /// Minutes.
    short: i64,
    /// Times as fast as the budget allows.
    rate: f64,
    severity: Severity,
    words: &'static str,
}

const BURNS: [Burn; 3] = [
    Burn { long: 60, short: 5, rate: 14.4, severity: Severity::Critical, words: "hour" },
    Burn { long: 6 * 60, short: 30, rate: 6.0, severity: Severity::Critical, words: "six hours" },
    Burn { long: 3 * 24 * 60, short: 6 * 60, rate: 1.0, severity: Severity::Warning, words: "three days" },
];

/// Days over which the budget is reckoned.
const BUDGET_DAYS: f64 = 30.0;

/// What a count is at least with 95 % confidence, if it is Poisson-distributed: an approximation of the exact bound to within 2 %
/// (Byar's; Breslow and Day, "Statistical Methods in Cancer Research", vol. 2, 1987).
fn at_least(n: u64) -> f64 {
    if n == 0 {
        return 0.0;
    }
    let n = n as f64;
    n * (1.0 - 1.0 / (9.0 * n) - 1.645 / (3.0 * n.sqrt())).powi(3).max(0.0)
}

fn find(s: &Situation<'_>) -> Vec<Finding> {
    s.loads.counted().filter_map(|service| burning(s, service)).collect()
}

fn burning(s: &Situation<'_>, service: &str) -> Option<Finding> {
    // The minute that is not over counts, too: a fast burn is to be told within minutes.
    let end = minute_of(s.now) + 1;
    let objective = s.objectives.of(service);
    let budget = 1.0 - objective;
    for burn in &BURNS {
        let (well, failed) = s.loads.sum(service, end - burn.long, end);
        let (short_well, short_failed) = s.loads.sum(service, end - burn.short, end);
        let (all, short_all) = ((well + failed) as f64, (short_well + short_failed) as f64);
        if all == 0.0 || short_all == 0.0 {
            continue;
        }
        // Of a service that is watched since this morning nobody knows how three days are.
        let known = s.loads.since(service).is_some_and(|first| end - first >= burn.long / 2);
        if burn.long > 60 && !known {
            continue;
        }
        let limit = burn.rate * budget;
        if at_least(failed) / all < limit || short_failed as f64 / (short_all) < limit {
            continue;
        }
        // A handful of requests in one minute is no hour: ten failures, or a second minute, say that it goes on.
        if failed < MANY && s.loads.failing_minutes(service, end - burn.long, end) < 2 {
            continue;
        }
        let share = failed as f64 / all;
        let speed = share / budget;
        let name = if service.is_empty() { "all services".to_owned() } else { line(service, 80) };
        let whose = if service.is_empty() { "all requests".to_owned() } else { format!("{name}'s requests") };
        let spent = speed * burn.long as f64 / (BUDGET_DAYS * 24.0 * 60.0);
        let hour = failed.min(s.loads.sum(service, end - 60, end).1);
        let main = main_problem(s, service, end, burn.short, hour);
        // Somebody knows, and does not want to hear of it.
        if main.is_some_and(|p| matches!(p.row.state, State::Muted | State::Resolved)) {
            return None;
        }
        let subject = main.map_or_else(|| format!("budget {service}"), |p| problem_subject(&p.row.id));
        let mut f = Finding::of(RULE.name, subject, "Budget burning");
        f.severity = burn.severity;
        f.onset = Time((end - burn.short) * MINUTE_US);
        f.title = main.is_none().then(|| format!("{name} answers 5xx too often"));
        f.why = format!(
            "{} of {whose} failed in the last {} ({failed} of {}), {speed:.1} times as fast as the objective of {} \
             allows.",
            percent(share),
            burn.words,
            well + failed,
            objective_words(objective)
        );
        f.figures = vec![Figure::new("of the budget of 30 days spent by this", percent(spent))];
        return Some(f);
    }
    None
}

/// `99.95 %`
fn objective_words(objective: f64) -> String {
    let digits = format!("{:.4}", objective * 100.0);
    format!("{} %", digits.trim_end_matches('0').trim_end_matches('.'))
}

/// The problem that has at least half of the failures of the last hour, and fails still. One without a service may be of this one
/// if all its failures fit in.
fn main_problem<'a>(
    s: &'a Situation<'_>,
    service: &str,
    end: i64,
    short: i64,
    failed: u64,
) -> Option<&'a Failing> {
    let since = |p: &Failing, from: i64| -> u64 {
        p.minutes.iter().filter(|(m, _)| *m >= from).map(|(_, n)| *n).sum()
    };
    let recent = |p: &Failing| since(p, end - 60);
    let of =
        s.problems.iter().filter(|p| p.row.state < State::Superseded && since(p, end - short) > 0).filter(
            |p| p.service == service || service.is_empty() || (p.service.is_empty() && recent(p) <= failed),
        );
    let (n, p) = of.map(|p| (recent(p), p)).max_by_key(|(n, p)| (*n, std::cmp::Reverse(&p.row.id)))?;
    (failed > 0 && n.saturating_mul(2) >= failed).then_some(p)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{Loads, Objectives};
    use std::collections::BTreeMap;

    const NOW: i64 = 30_000_000;

    /// A service's load by minute: minutes ago, requests that went well, failures.
    fn found(minutes: impl Iterator<Item = (i64, u64, u64)>) -> Option<Finding> {
        let mut loads = Loads::default();
        let rows = minutes
            .map(|(ago, well, failed)| store::Load {
                service: "shop".into(),
                minute: NOW - ago,
                well,
                failed,
            })
            .collect();
        loads.put(NOW - super::super::LOAD_MINUTES, rows);
        let s = Situation {
            now: Time(NOW * MINUTE_US),
            began: Time(0),
            problems: &[],
            loads: &loads,
            deploys: &[],
            objectives: &Objectives::default(),
            known: &BTreeMap::new(),
        };
        find(&s).pop()
    }

    #[test]
    fn one_failure_among_few_requests_burns_nothing() {
        assert_eq!(found((0..60).map(|m| (m, 1, u64::from(m == 1)))), None);
        assert_eq!(found((0..60).map(|m| (m, 1, u64::from(m < 3)))), None);
        assert!(found((0..60).map(|m| (m, 1, u64::from(m < 4)))).is_some());
    }

    #[test]
    fn a_fast_burn_is_critical_and_ends_with_the_short_window() {
        let f = found((0..600).map(|m| (m, 1_000, if m < 3 { 500 } else { 0 }))).unwrap();
        assert_eq!((f.severity, f.subject.as_str()), (Severity::Critical, "budget shop"));
        assert!(f.why.contains("shop's requests failed in the last hour (1500 of 61500)"), "{}", f.why);
        assert_eq!(found((0..600).map(|m| (m, 1_000, if (7..10).contains(&m) { 500 } else { 0 }))), None);
    }

    #[test]
    fn a_slow_burn_is_a_warning() {
        let f = found((0..4_320).map(|m| (m, 1_000, u64::from(m % 2 == 0) * 3))).unwrap();
        assert_eq!(f.severity, Severity::Warning);
        // Within the objective: half of what it allows.
        assert_eq!(found((0..4_320).map(|m| (m, 1_000, u64::from(m % 2 == 0)))), None);
    }

    /// Seven of eight requests within the first second are no hour of failures; more, or a second minute, say that it goes on.
    #[test]
    fn a_handful_in_one_minute_burns_nothing() {
        assert_eq!(found([(0, 1, 7)].into_iter()), None);
        assert!(found([(0, 1, 12)].into_iter()).is_some());
        assert!(found([(1, 1, 4), (0, 1, 4)].into_iter()).is_some());
    }
}
