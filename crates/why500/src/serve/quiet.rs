//! Is a problem over? It has no failure any more, and requests on its routes go well.

use record::{SECOND, Time};
use store::{ProblemFull, Reader, RouteHealth, State};

/// Without a failure for so long it is told how many requests went well since …
const QUIET_US: i64 = 90 * SECOND;
/// … and for no longer than that: a day of counts is added up for it.
const QUIET_US_MAX: i64 = 86_400 * SECOND;
/// Fewer requests do not tell that a problem is over.
const WELL_MIN: u64 = 20;

/// A problem that is open and seems to be over.
#[derive(Clone, Copy, Debug)]
pub struct Quiet {
    /// Time since its last failure, in microseconds.
    pub for_us: i64,
    /// Requests on its routes that went well since, counted from the next minute on.
    pub went_well: u64,
}

/// Whether a problem is quiet. `None` too where nobody counts requests: then nothing tells silence from an end of traffic.
pub fn quiet(r: &Reader, full: &ProblemFull, now: Time) -> store::Result<Option<Quiet>> {
    const MINUTE_US: i64 = 60 * SECOND;
    let row = &full.row;
    let for_us = now.since(row.last_seen);
    if !State::OPEN.contains(&row.state) || !(QUIET_US..QUIET_US_MAX).contains(&for_us) {
        return Ok(None);
    }
    let from = Time((row.last_seen.0.div_euclid(MINUTE_US) + 1) * MINUTE_US);
    let its =
        |h: &&RouteHealth| full.endpoints.iter().any(|e| (&e.method, &e.route) == (&h.method, &h.route));
    let health = r.health(row.project, from, now)?;
    let went_well = health.iter().filter(its).filter_map(|h| Some(h.requests? - h.failed_requests)).sum();
    Ok((went_well >= WELL_MIN).then_some(Quiet { for_us, went_well }))
}
