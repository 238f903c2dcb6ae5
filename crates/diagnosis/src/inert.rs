//! Errors that name a request of their own which did not fail: they join nothing (nginx writes one for each file that a scanner
//! asks for in vain). Of each wording some stay to be looked at; the others are only counted.

use crate::join::says_route;
use crate::ledger::Failure;
use crate::observe::{Observations, request_key};
use crate::recognise::Scope;
use record::{Numbered, Numbers, Record, hash};

/// Of one wording so many stay: enough to be quoted, and to tell on which side of its requests a log writes its errors.
const KEPT: u32 = 256;

/// Lets go what joins no failure. By template (as candidates have it): how many records were let go.
pub(crate) fn let_go(obs: &mut Observations, failures: &[Failure]) -> Numbered<u64, u32> {
    let asked: Numbers<u64> = failures
        .iter()
        .flat_map(|f| &f.seen)
        .filter_map(|&i| obs.request(i))
        .map(|q| request_key(&q.target))
        .collect();
    let mut seen: Numbered<u64, u32> = Numbered::default();
    let mut gone: Numbered<u64, u32> = Numbered::default();
    for (r, said) in obs.records.iter_mut().zip(&mut obs.said) {
        let Some(findings) = &said.findings else { continue };
        let Some(q) = &r.request else { continue };
        let inert = !r.is_ledger()
            && r.mark.is_none()
            && q.id.is_none()
            && q.trace.is_none()
            && says_route(&q.target)
            && findings.iter().all(|f| f.scope == Scope::Request)
            && !asked.contains(&request_key(&q.target));
        if !inert {
            continue;
        }
        let template = hash((r.source, said.template));
        let nth = seen.entry(template).or_default();
        *nth += 1;
        if *nth > KEPT {
            *gone.entry(template).or_default() += 1;
            said.findings = None;
            **r = Record {
                source: r.source,
                line: r.line,
                format: r.format,
                at: r.at,
                zone: r.zone,
                level: r.level,
                ..Record::default()
            };
        }
    }
    gone
}
