//! What a running `why500 serve` says of one request that failed: the problem that its failure is of.

use crate::ask::Client;
use crate::ask::told::{problem as problem_of, time as time_of};
use crate::explain::Usage;
use crate::reach::At;
use ::probe::explore::Exchange;
use diagnosis::Problem;
use serde_json::Value;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// A failure is explained within a second of when its last record came.
const WAIT: Duration = Duration::from_secs(3);
/// Between two questions.
const STEP: Duration = Duration::from_millis(100);
/// A failure is told as late as this after the request was sent, its own time not counted; clocks of two machines differ as much.
const NEAR_US: i64 = 2_000_000;
/// On one clock no failure comes before its request, but for what rounding takes off.
const EARLY_US: i64 = 2_000;
const SECOND_US: i64 = record::SECOND;
/// Problems that failed last, among which it is sought.
const PROBLEMS: usize = 10;
/// Failures of each that are looked at.
const FAILURES: usize = 10;

/// A server that is asked.
pub struct Served {
    client: Client,
    /// It runs on this machine, and so on the same clock.
    one_clock: bool,
}

impl Served {
    /// The one at this address.
    ///
    /// # Errors
    /// It is no address, does not answer, or refuses the token.
    pub fn at(url: &str, ca: Option<&PathBuf>) -> Result<Served, Usage> {
        let at = At { server: Some(url.to_owned()), ca: ca.cloned() };
        let client = Client::new(&at, None)?;
        client.get("/api/v1/problems", &[("limit", "1".to_owned())])?;
        let host = url::Url::parse(&client.base)
            .ok()
            .and_then(|u| u.host_str().map(str::to_owned))
            .unwrap_or_default();
        let one_clock = host == "localhost" || host == "[::1]" || host.starts_with("127.");
        Ok(Served { client, one_clock })
    }

    /// The problem of which this request is a failure.
    pub fn explain(&self, x: &Exchange) -> Option<Problem> {
        let began = Instant::now();
        let mut found = None;
        while began.elapsed() < WAIT {
            found = self.look(x).or(found);
            // What is explained is final enough; a first thought may still be revised.
            if found.as_ref().is_some_and(|p| p.verdict.cause.class != record::Class::Unknown) {
                break;
            }
            std::thread::sleep(STEP);
        }
        found.filter(|p| p.verdict.cause.class != record::Class::Unknown || p.exception.is_some())
    }

    /// Can a failure of this instant be this request? The one before it, on the same route, is some milliseconds older.
    fn is_of(&self, at_us: i64, x: &Exchange) -> bool {
        let sent = x.answer.at_us;
        let took = i64::try_from(x.answer.took_us).unwrap_or(i64::MAX);
        let earliest = match (self.one_clock, at_us % SECOND_US) {
            (false, _) => sent - NEAR_US,
            // Whole seconds, as access logs write them.
            (true, 0) => sent - sent.rem_euclid(SECOND_US),
            (true, _) => sent - EARLY_US,
        };
        (earliest..=sent.saturating_add(took).saturating_add(NEAR_US)).contains(&at_us)
    }

    fn look(&self, x: &Exchange) -> Option<Problem> {
        let since = record::Time(x.answer.at_us - NEAR_US).to_string();
        let query = [("since", since), ("sort", "last_seen".to_owned()), ("limit", PROBLEMS.to_string())];
        let listed = self.client.get("/api/v1/problems", &query).ok()?;
        let ids = listed["problems"].as_array()?.iter().filter_map(|p| p["id"].as_str());
        let id = ids.into_iter().find(|id| self.has(id, x))?;
        let whole = self.client.get(&format!("/api/v1/problems/{id}"), &[]).ok()?;
        Some(problem_of(&whole))
    }

    /// Is one of its last failures this request?
    fn has(&self, id: &str, x: &Exchange) -> bool {
        let path = format!("/api/v1/problems/{id}/failures");
        let Ok(told) = self.client.get(&path, &[("limit", FAILURES.to_string())]) else { return false };
        let same = |f: &Value| {
            let text = |k: &str| f[k].as_str().unwrap_or_default();
            let own = x.request.path();
            // A query that is told is the request's own, if it is the same request.
            let target = text("target");
            let same_target = match target.split_once('?') {
                Some(_) => target == x.request.target,
                None => target.is_empty() || target == own,
            };
            let near = time_of(&f["at"]).is_none_or(|t| self.is_of(t.0, x));
            near && same_target && (text("method").is_empty() || text("method") == x.request.method)
        };
        told["failures"].as_array().into_iter().flatten().any(same)
    }
}
