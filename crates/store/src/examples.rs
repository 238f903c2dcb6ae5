//! Which failures are kept as examples of their problem.
//!
//! Always the first, the last few and some odd ones; of the rest a fair sample: those whose ids hash lowest (bottom-k
//! sampling). That needs no memory of how many went by, and the order of arrival plays no part.

use crate::commit::Example;
use crate::error::{Doing, Result};
use crate::ids::Ids;
use crate::limits::{EXAMPLES_PER_PROBLEM, LAST_EXAMPLES, ODD_EXAMPLES};
use rusqlite::{Connection, params};
use std::collections::{HashMap, HashSet};

/// An example that is kept or offered, without its contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Choice {
    failure: u64,
    at: i64,
    odd: bool,
}

/// Keeps of what is offered, and of what is there already, what is worth it. `moved`: problems that got examples of others.
pub(crate) fn keep(db: &Connection, ids: &Ids, offered: &[Example], moved: HashSet<i64>) -> Result<()> {
    let mut groups: HashMap<i64, Vec<(Choice, Option<&Example>)>> =
        moved.into_iter().map(|problem| (problem, Vec::new())).collect();
    for example in offered {
        // Where the failure lies decides, not the problem that the example names: that may have been folded into another.
        let kept = ids.find(example.project, example.failure)?.filter(|k| k.shape.is_some());
        let Some(kept) = kept else { continue };
        let choice = Choice { failure: example.failure, at: kept.at, odd: example.odd };
        groups.entry(kept.problem).or_default().push((choice, Some(example)));
    }
    for (problem, group) in groups {
        keep_of(db, problem, group)?;
    }
    Ok(())
}

fn keep_of(db: &Connection, problem: i64, offered: Vec<(Choice, Option<&Example>)>) -> Result<()> {
    let doing = "keeping examples";
    let held: Vec<Choice> = db
        .prepare_cached("SELECT failure, at, odd FROM examples INDEXED BY examples_choice WHERE problem = ?1")
        .doing(doing)?
        .query_map([problem], |row| {
            Ok(Choice { failure: row.get::<_, i64>(0)?.cast_unsigned(), at: row.get(1)?, odd: row.get(2)? })
        })
        .doing(doing)?
        .collect::<rusqlite::Result<_>>()
        .doing(doing)?;
    let mut all: HashMap<u64, Choice> = held.iter().map(|c| (c.failure, *c)).collect();
    let mut contents: HashMap<u64, &Example> = HashMap::new();
    for (choice, example) in offered {
        all.insert(choice.failure, choice);
        if let Some(example) = example {
            contents.insert(choice.failure, example);
        }
    }
    let chosen = choose(all.values().copied().collect());
    let mut remove =
        db.prepare_cached("DELETE FROM examples WHERE problem = ?1 AND failure = ?2").doing(doing)?;
    for choice in &held {
        if !chosen.contains(&choice.failure) || contents.contains_key(&choice.failure) {
            remove.execute([problem, choice.failure.cast_signed()]).doing(doing)?;
        }
    }
    let mut insert = db
        .prepare_cached(
            "INSERT INTO examples (problem, failure, at, odd, records, text) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )
        .doing(doing)?;
    for (failure, example) in contents {
        let Some(choice) = all.get(&failure).filter(|_| chosen.contains(&failure)) else { continue };
        insert
            .execute(params![
                problem,
                failure.cast_signed(),
                choice.at,
                choice.odd,
                example.records,
                example.text
            ])
            .doing(doing)?;
    }
    Ok(())
}

/// The failures worth keeping.
fn choose(mut all: Vec<Choice>) -> HashSet<u64> {
    if all.len() <= EXAMPLES_PER_PROBLEM {
        return all.iter().map(|c| c.failure).collect();
    }
    all.sort_unstable_by_key(|c| (c.at, c.failure));
    let mut chosen: HashSet<u64> = HashSet::with_capacity(EXAMPLES_PER_PROBLEM);
    chosen.extend(all.first().map(|c| c.failure));
    chosen.extend(all.iter().rev().take(LAST_EXAMPLES).map(|c| c.failure));
    chosen.extend(all.iter().rev().filter(|c| c.odd).take(ODD_EXAMPLES).map(|c| c.failure));
    let mut rest: Vec<u64> = all.iter().map(|c| c.failure).filter(|f| !chosen.contains(f)).collect();
    rest.sort_unstable_by_key(|f| (mix(*f), *f));
    let room = EXAMPLES_PER_PROBLEM.saturating_sub(chosen.len());
    chosen.extend(rest.into_iter().take(room));
    chosen
}

/// Spreads an id over all numbers (the finish of SplitMix64), as ids may be counted up.
fn mix(id: u64) -> u64 {
    let mut x = id.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_last_and_odd_ones_stay_and_the_rest_is_a_fair_sample() {
        let all = |n: u64| -> Vec<Choice> {
            (0..n).map(|i| Choice { failure: i, at: i as i64, odd: i % 400 == 7 }).collect()
        };
        // One after the other, as they come.
        let mut held: Vec<Choice> = Vec::new();
        for choice in all(10_000) {
            held.push(choice);
            let chosen = choose(held.clone());
            held.retain(|c| chosen.contains(&c.failure));
        }
        assert_eq!(held.len(), EXAMPLES_PER_PROBLEM);
        assert_eq!(held[0].failure, 0);
        for last in 9_995..10_000 {
            assert!(held.iter().any(|c| c.failure == last), "{last} is one of the last");
        }
        assert_eq!(held.iter().filter(|c| c.odd && c.failure > 4_800).count(), ODD_EXAMPLES);
        let early = held.iter().filter(|c| !c.odd && c.failure < 5_000).count();
        assert!((8..=26).contains(&early), "{early} of the sample lie in the first half");
        // All at once gives the same.
        let mut at_once: Vec<u64> = choose(all(10_000)).into_iter().collect();
        at_once.sort_unstable();
        let mut held: Vec<u64> = held.iter().map(|c| c.failure).collect();
        held.sort_unstable();
        assert_eq!(held.iter().filter(|f| at_once.contains(f)).count(), held.len());
    }
}
