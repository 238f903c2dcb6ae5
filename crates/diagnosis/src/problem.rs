//! What a diagnosis yields: problems with verdicts, and the totals around them.

use record::{Cause, Exception, Role, Time, TriggerKind};
use std::collections::BTreeMap;

/// The answer to "why did it fail", over all that was read.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// First and last instant of all records that have one.
    pub range: Option<(Time, Time)>,
    /// Totals.
    pub totals: Totals,
    /// The distinct problems, most harmful first.
    pub problems: Vec<Problem>,
    /// What was read.
    pub sources: Vec<Source>,
    /// What the reader of the report must know: zones assumed, files refused, limits met. Whole sentences.
    pub notes: Vec<String>,
    /// Healthy and failed requests over time, for charts.
    pub traffic: Timeline,
    /// First and last instant of each source, in the order in which they were named.
    pub source_ranges: Vec<Option<(Time, Time)>>,
    /// Nothing was read since an earlier run has read all there is.
    pub nothing_new: bool,
    /// Requests were sent to find out; logs were read at most besides.
    pub probed: bool,
}

/// Totals over all sources.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Requests in the ledger, counted once each; `None` where no log counts requests.
    pub requests: Option<u64>,
    /// Failures, counted once each.
    pub failures: u64,
    /// Records read.
    pub records: u64,
    /// Physical lines read.
    pub lines: u64,
    /// Bytes read (after decompression).
    pub bytes: u64,
    /// Lines that no format knew.
    pub unparsed_lines: u64,
}

/// One file or stream that was read.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// Path as shown, relative to the argument that named it.
    pub path: String,
    /// Formats found in it, most frequent first, joined by `, `.
    pub format: String,
    /// Physical lines.
    pub lines: u64,
    /// Lines that a format knew, continuation lines included.
    pub parsed: u64,
    /// First and last instant.
    pub range: Option<(Time, Time)>,
    /// Bytes, after decompression.
    pub bytes: u64,
    /// What was wrong with it: refused, cut, binary, … `None` when nothing was.
    pub trouble: Option<String>,
}

/// All failures with the same cause.
#[derive(Clone, Debug, Default)]
pub struct Problem {
    /// 16 hex digits: the hash of the fingerprint.
    pub id: String,
    /// One line in plain words.
    pub title: String,
    /// Failures.
    pub count: u64,
    /// No ledger: each error record with a request stands for one failure.
    pub counts_inferred: bool,
    /// First failure.
    pub first_seen: Option<Time>,
    /// Last failure.
    pub last_seen: Option<Time>,
    /// Failures by status; 0 stands for "no answer".
    pub statuses: BTreeMap<u16, u64>,
    /// Where it shows, most failures first.
    pub endpoints: Vec<Endpoint>,
    /// The verdict.
    pub verdict: Verdict,
    /// Other readings, likeliest first.
    pub alternatives: Vec<Alternative>,
    /// The way of the request, outermost hop first.
    pub hops: Vec<Hop>,
    /// Quoted records.
    pub evidence: Vec<Evidence>,
    /// The exception at the root, if there is one.
    pub exception: Option<Exception>,
    /// A request that showed it, as a `curl` command.
    pub reproduce: Option<String>,
    /// Failures over time.
    pub timeline: Timeline,
    /// Which inputs fail: separating features with their counts, as sentences.
    pub inputs: Vec<String>,
    /// When and why it ended, if it did.
    pub ended: Option<Ended>,
    /// The code behind it, where whoever has the repositories looked.
    pub code: Option<record::CodeView>,
}

/// A route with its failures.
#[derive(Clone, Debug, Default)]
pub struct Endpoint {
    /// Method; empty if unknown.
    pub method: String,
    /// Route template: `/cart/{id}`.
    pub route: String,
    /// Failures of this problem on it.
    pub count: u64,
    /// Requests on it in all, if counted.
    pub requests: Option<u64>,
    /// One failing target as logged.
    pub example: String,
}

/// Class, cause, culprit, trigger, confidence.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// Class and cause.
    pub cause: Cause,
    /// The thing to look at.
    pub culprit: Option<String>,
    /// What set it off.
    pub trigger: Trigger,
    /// 0 to 1.
    pub confidence: f64,
    /// Why, in one sentence.
    pub summary: String,
    /// What to do next, first things first.
    pub next_steps: Vec<String>,
}

/// What set a problem off.
#[derive(Clone, Debug, Default)]
pub struct Trigger {
    /// Kind.
    pub kind: TriggerKind,
    /// When.
    pub at: Option<Time>,
    /// What: the deploy's name, the server that stopped, the input that fails.
    pub what: Option<String>,
}

impl Trigger {
    /// What, for people: a deploy's words without the name of the field that the release stands in.
    pub fn told(&self) -> Option<&str> {
        self.what.as_deref().map(|w| w.strip_prefix("release=").unwrap_or(w)).filter(|w| !w.is_empty())
    }

    /// How the problem began, as half a sentence; `None` where nothing shows. Without a [`Trigger::what`] no line of the logs
    /// records it: it is inferred from the cause and from what went well before, and the words say so.
    pub fn clause(&self) -> Option<&'static str> {
        let recorded = self.what.as_deref().is_some_and(|w| !w.is_empty());
        Some(match (self.kind, recorded) {
            (TriggerKind::None, _) => return None,
            (TriggerKind::Deploy, true) => "after a deploy",
            (TriggerKind::Deploy, false) => "apparently after a deploy, which no line records",
            (TriggerKind::ConfigChange, true) => "after a configuration change",
            (TriggerKind::ConfigChange, false) => {
                "apparently after a configuration change, which no line records"
            }
            (TriggerKind::Dependency, true) => "when a dependency changed",
            (TriggerKind::Dependency, false) => "apparently when a dependency changed, which no line records",
            (TriggerKind::Traffic, true) => "under load",
            (TriggerKind::Traffic, false) => {
                "apparently under load, though no more requests are seen to come"
            }
            (TriggerKind::Data, true) => "for certain inputs only",
            (TriggerKind::Data, false) => "apparently for certain inputs only",
        })
    }
}

/// Another reading of the same failures.
#[derive(Clone, Debug, Default)]
pub struct Alternative {
    /// Class and cause.
    pub cause: Cause,
    /// Its culprit.
    pub culprit: Option<String>,
    /// 0 to 1.
    pub confidence: f64,
}

/// State of a hop in the way of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HopState {
    /// It did its part.
    Ok,
    /// It passed the failure on.
    Symptom,
    /// The failure began here.
    Broken,
}

/// One station on the request's way.
#[derive(Clone, Debug)]
pub struct Hop {
    /// `nginx`, `php-fpm`, `orders`, `postgresql`.
    pub name: String,
    /// Where it listens, if known.
    pub address: Option<String>,
    /// Its part in the failure.
    pub state: HopState,
}

/// A quoted record.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// Path of the source, as in [`Source::path`].
    pub source: String,
    /// Its first line, 1-based; 0: it has none, as it came over a wire.
    pub line: u64,
    /// When.
    pub at: Option<Time>,
    /// What it is to the problem.
    pub role: Role,
    /// The record's own first line, scrubbed.
    pub text: String,
    /// Why it is quoted: how it was joined, what it shows.
    pub why: String,
}

/// Failures over time in equal steps.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    /// Begin of the first step.
    pub start: Time,
    /// Length of a step in microseconds; 0 when there are no steps.
    pub step_us: i64,
    /// Failures in each step.
    pub failed: Vec<u64>,
    /// All requests in each step; empty if not counted.
    pub requests: Vec<u64>,
}

/// The end of a problem.
#[derive(Clone, Debug)]
pub struct Ended {
    /// When the first request went well again, or the recovery was logged.
    pub at: Time,
    /// What ended it, if something shows.
    pub what: Option<String>,
}
