//! Errors without a time. Many programs write their errors to a console that dates nothing (Node, Deno, a panic in Rust), beside the
//! dated log of a proxy. What nothing else explains, and what can belong to nothing else, belong together if their numbers fit: the
//! i-th error is then the i-th failure's.

use crate::join::{Candidate, How, Join};
use crate::ledger::Failure;
use crate::observe::Observations;
use crate::recognise::Scope;
use record::{Level, Numbered, Time};

/// Of errors that are all alike there may be so many times as many as failures, or the other way round: some are written for what
/// went well in the end, some failures write none.
const ODDS_MAX: usize = 2;

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Placed {
    /// Joins by number and order.
    pub joins: Vec<Join>,
    /// Errors without a time that could be any failure's.
    pub left: usize,
}

/// Holds errors without a time against the failures that nothing explains yet. `candidates`: those that joined nothing, by index.
pub(crate) fn place(
    obs: &Observations,
    failures: &[Failure],
    candidates: &[Candidate],
    unjoined: &[usize],
    is_explained: impl Fn(usize) -> bool,
) -> Placed {
    let tells = |&c: &usize| {
        let (r, best) = (&obs.records[candidates[c].record], candidates[c].best());
        r.at.is_none()
            && (r.level >= Level::Error || !r.exceptions.is_empty())
            && r.request.as_ref().is_none_or(|q| q.target.is_empty())
            && best.is_some_and(|f| f.scope != Scope::Background && !f.symptom)
            && !crate::handled::is_handled(r)
    };
    let mut by_source: Numbered<u32, Vec<usize>> = Numbered::default();
    for c in unjoined.iter().copied().filter(tells) {
        by_source.entry(obs.records[candidates[c].record].source).or_default().push(c);
    }
    if by_source.is_empty() {
        return Placed::default();
    }
    let mut lacking: Vec<(Time, usize)> = failures
        .iter()
        .enumerate()
        .filter(|(k, f)| f.counts && !is_explained(*k))
        .filter_map(|(k, f)| Some((f.at?, k)))
        .collect();
    lacking.sort_unstable();
    let mut out = Placed::default();
    if lacking.is_empty() {
        return out;
    }
    let errors: usize = by_source.values().map(Vec::len).sum();
    let alone = by_source.len() == 1;
    for list in by_source.values_mut() {
        list.sort_unstable_by_key(|c| obs.records[candidates[*c].record].line);
        for fitting in fitting(candidates, list, lacking.len(), alone) {
            let pairs = fitting.iter().zip(&lacking);
            out.joins.extend(pairs.map(|(&c, &(_, k))| Join { candidate: c, failure: k, how: How::Order }));
        }
    }
    out.left = if out.joins.is_empty() { errors } else { 0 };
    out
}

/// Series of a log's errors of which each can be held against all failures, in order.
fn fitting(candidates: &[Candidate], list: &[usize], failures: usize, alone: bool) -> Vec<Vec<usize>> {
    if list.len() == failures {
        return vec![list.to_vec()];
    }
    let mut alike: Vec<(u64, Vec<usize>)> = Vec::new();
    for &c in list {
        let template = candidates[c].template;
        match alike.iter_mut().find(|(t, _)| *t == template) {
            Some((_, same)) => same.push(c),
            None => alike.push((template, vec![c])),
        }
    }
    let (fewer, more) = (list.len().min(failures), list.len().max(failures));
    match alike.as_slice() {
        [(_, same)] if alone && more <= ODDS_MAX * fewer => vec![same.clone()],
        // A failure that is told of twice, by the app and by its framework. Of a single failure, anything would fit.
        _ if failures > 1 => {
            alike.into_iter().map(|(_, same)| same).filter(|same| same.len() == failures).collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(templates: &[u64], failures: usize, alone: bool) -> Vec<Vec<usize>> {
        let candidates: Vec<Candidate> = templates
            .iter()
            .map(|t| Candidate { record: 0, findings: Vec::new().into(), template: *t, ledger: false })
            .collect();
        fitting(&candidates, &(0..templates.len()).collect::<Vec<_>>(), failures, alone)
    }

    #[test]
    fn numbers_that_fit() {
        assert_eq!(series(&[1, 2, 1], 3, false), [[0, 1, 2]]);
        assert_eq!(series(&[1, 1, 1], 2, true), [[0, 1, 2]]);
        assert_eq!(series(&[1, 2, 1, 2], 2, false), [[0, 2], [1, 3]]);
        let none: [[usize; 0]; 0] = [];
        assert_eq!(series(&[1, 1, 1], 2, false), none, "another log may tell of them");
        assert_eq!(series(&[1], 9, true), none);
        assert_eq!(series(&[1, 2, 3], 1, true), none);
        assert_eq!(series(&[1, 2, 2], 5, true), none);
    }
}
