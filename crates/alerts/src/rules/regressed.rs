//! A problem that was resolved and fails again.
//!
//! Where somebody resolved it, its first failure is told: somebody said that it was over. Where only silence did, it has to come
//! again as a new one has.

use super::{Finding, Rule, Situation, came_again, problem_subject};
use crate::notice::seconds;
use store::State;

/// Its name.
pub(crate) const REGRESSED: &str = "regressed";

pub(super) const RULE: Rule =
    Rule { name: REGRESSED, meaning: "a problem that was resolved fails again", find };

fn find(s: &Situation<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for p in s.speaking().filter(|p| p.row.state == State::Regressed) {
        let subject = problem_subject(&p.row.id);
        let since = p.row.state_at;
        let told = s.memory(&subject).is_some_and(|m| m.regressed >= since.0);
        if told || since < s.began || (p.resolved_by.is_none() && !came_again(p, Some(since))) {
            continue;
        }
        let mut f = Finding::of(RULE.name, subject, "Back again");
        f.onset = since;
        let who = p
            .resolved_by
            .as_deref()
            .map_or("by silence".to_owned(), |who| format!("by {}", crate::notice::line(who, 80)));
        f.why = format!("It was resolved {who}, and failed again at {}.", seconds(since));
        found.push(f);
    }
    found
}
