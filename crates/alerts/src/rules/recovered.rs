//! Silence after failures: it is over.
//!
//! How long a silence means something is told by the problem's own rhythm: at the rate at which it failed while the alert was open,
//! the silence has a chance of one in a thousand (`e^-7`). At least five minutes; at most a day. One that comes back is believed half
//! as readily: the silence that is asked for doubles each time, so that a problem that comes and goes is not a message each time.

use super::{Finding, MINUTE_US, Rule, Situation, minute_of};
use crate::tell::Memory;
use record::Time;
use store::{Failing, State};

/// It is told by [`crate::decide`], which knows what is open.
pub(super) const RULE: Rule = Rule {
    name: "recovered",
    meaning: "a problem that was told of is silent, or was resolved",
    find: nothing,
};

/// Failures that would have been expected in the silence.
const EXPECTED: f64 = 7.0;
/// The least silence: a restart, a pause between two jobs of a client are shorter.
const SILENCE_US_MIN: i64 = 5 * MINUTE_US;
/// The longest silence that is asked for: a day has all hours in it.
const SILENCE_US_MAX: i64 = 24 * 60 * MINUTE_US;
/// A budget that no longer burns stays so for so long.
const CALM_US: i64 = 10 * MINUTE_US;

fn nothing(_: &Situation<'_>) -> Vec<Finding> {
    Vec::new()
}

/// Why an alert is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Over {
    /// No failure since.
    Silent(Time),
    /// By somebody, or by a release.
    Resolved,
    /// Nobody wants to hear of it.
    Muted,
    /// It is part of another problem, or none at all.
    Withdrawn(Option<String>),
    /// The budget no longer burns.
    Calm,
}

/// Is an open alert over? `found`: a rule still finds what it is about.
pub fn over(s: &Situation<'_>, problem: Option<&Failing>, memory: &Memory, found: bool) -> Option<Over> {
    let Some(p) = problem else {
        // About no single problem. Deploys end by themselves.
        let calm = !found && s.now.since(memory.found) >= CALM_US;
        return calm.then_some(Over::Calm);
    };
    match p.row.state {
        State::Muted => return Some(Over::Muted),
        State::Resolved => return Some(Over::Resolved),
        State::Superseded => return Some(Over::Withdrawn(p.row.superseded_by.clone())),
        State::Withdrawn => return Some(Over::Withdrawn(None)),
        State::New | State::Ongoing | State::Regressed => {}
    }
    let since = minute_of(memory.since);
    let failures: u64 = p.minutes.iter().filter(|(m, _)| *m >= since).map(|(_, n)| *n).sum();
    let while_failing = p.row.last_seen.since(memory.since).max(MINUTE_US);
    let gap = while_failing as f64 / failures.max(1) as f64;
    let needed = (gap * EXPECTED).clamp(SILENCE_US_MIN as f64, SILENCE_US_MAX as f64) as i64;
    let needed = needed.saturating_mul(1 << memory.returns.min(8)).min(SILENCE_US_MAX);
    (s.now.since(p.row.last_seen) >= needed).then_some(Over::Silent(p.row.last_seen))
}
