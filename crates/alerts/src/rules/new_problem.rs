//! A problem that nobody was told of before.
//!
//! A single 500 is not serious. It is told once it fails again in another minute (a client that tries the same request three times
//! in a row is one occasion), or ten times at once; and once its verdict has stood for some seconds, as what the first record
//! tells is often revised by the second. What began before anybody looked is history, not news.

use super::{Finding, MINUTE_US, Rule, Situation, came_again, minute_of, problem_subject};
use crate::notice::{seconds, span};
use record::SECOND;

pub(super) const RULE: Rule =
    Rule { name: "new", meaning: "a problem that nobody was told of before, once it failed again", find };

/// So long a verdict has to stand.
const SETTLE_US: i64 = 5 * SECOND;
/// After so long it is told however often it is revised.
const PATIENCE_US: i64 = 60 * SECOND;
/// It failed lately: what is read from an old log is no news.
const LATELY_US: i64 = 60 * MINUTE_US;

fn find(s: &Situation<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for p in s.speaking() {
        let row = &p.row;
        let subject = problem_subject(&row.id);
        let before = s.memory(&subject);
        // One that was over and is back is told again, after it failed again since.
        let since = match before {
            Some(m) if m.open => continue,
            Some(m) => m.closed,
            None if row.first_seen < s.began => continue,
            None => None,
        };
        if s.now.since(row.last_seen) > LATELY_US || !came_again(p, since) {
            continue;
        }
        let settled = s.now.since(row.explained) >= SETTLE_US || s.now.since(row.first_seen) >= PATIENCE_US;
        if !settled {
            continue;
        }
        let mut f = Finding::of(RULE.name, subject, if before.is_some() { "Back" } else { "New problem" });
        f.onset = match since {
            Some(at) => p
                .minutes
                .iter()
                .find(|(m, _)| *m > minute_of(at))
                .map_or(row.last_seen, |(m, _)| record::Time(m * MINUTE_US)),
            None => row.first_seen,
        };
        f.why = match since {
            Some(at) => format!("It fails again, after it was over since {}.", seconds(at)),
            None => format!(
                "It failed {} times in {}.",
                row.count,
                span(row.last_seen.since(row.first_seen).max(SECOND))
            ),
        };
        found.push(f);
    }
    found
}
