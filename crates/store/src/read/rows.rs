//! What reading yields, and what is asked.

use crate::State;
use record::Time;

/// Which problems are wanted. What is `None` or empty does not narrow.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    /// Words that the title, cause, culprit, id or a route must hold, all of them, in any case.
    pub text: String,
    /// The class's name.
    pub class: Option<String>,
    /// Where they stand, any of these. Empty: all but superseded and withdrawn ones.
    pub states: Vec<State>,
    /// Shows on this route.
    pub route: Option<String>,
    /// Shows in this service.
    pub service: Option<String>,
    /// Shows in this release.
    pub release: Option<String>,
    /// Shows in this environment.
    pub environment: Option<String>,
    /// Shows with this status.
    pub status: Option<u16>,
    /// Has a failure at or after this instant.
    pub since: Option<Time>,
    /// Has a failure at or before this instant.
    pub until: Option<Time>,
    /// The order.
    pub sort: Sort,
    /// Rows a page; 0 stands for 50, and [`crate::PAGE_ROWS_MAX`] is the most.
    pub limit: usize,
    /// [`Page::next`] of the page before.
    pub cursor: Option<String>,
}

/// The order of problems, highest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// By the last failure.
    #[default]
    LastSeen,
    /// By the first failure.
    FirstSeen,
    /// By failures.
    Count,
    /// By failures, of which each weighs half as much for every day that has passed since.
    Harm,
}

impl Sort {
    /// The order of that name: `last_seen`, `first_seen`, `count`, `harm`.
    pub fn parse(name: &str) -> Option<Sort> {
        Some(match name {
            "last_seen" => Sort::LastSeen,
            "first_seen" => Sort::FirstSeen,
            "count" => Sort::Count,
            "harm" => Sort::Harm,
            _ => return None,
        })
    }
}

/// Some rows, and how to ask for the next.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// The cursor of the next page; `None` at the end.
    pub next: Option<String>,
}

/// A problem in a list.
#[derive(Clone, Debug, PartialEq)]
pub struct ProblemRow {
    /// The project.
    pub project: i64,
    /// 16 hex digits.
    pub id: String,
    /// One line in plain words.
    pub title: String,
    /// The class's name.
    pub class: String,
    /// The cause's name.
    pub cause: String,
    /// The thing to look at.
    pub culprit: Option<String>,
    /// The kind of trigger.
    pub trigger: Option<String>,
    /// 0 to 1.
    pub confidence: f64,
    /// Since when it is explained so.
    pub explained: Time,
    /// Failures in all, those included whose rows are no longer kept.
    pub count: u64,
    /// First failure.
    pub first_seen: Time,
    /// Last failure.
    pub last_seen: Time,
    /// Where it stands.
    pub state: State,
    /// Since when.
    pub state_at: Time,
    /// Until when it is muted.
    pub muted_until: Option<Time>,
    /// Until how many failures (in all) it is muted.
    pub muted_count: Option<u64>,
    /// The release it was resolved in.
    pub resolved_release: Option<String>,
    /// Who is to look at it.
    pub assigned: Option<String>,
    /// The problem that all its failures moved to.
    pub superseded_by: Option<String>,
}

/// All that is kept of a problem.
#[derive(Clone, Debug, PartialEq)]
pub struct ProblemFull {
    /// As in lists.
    pub row: ProblemRow,
    /// JSON of the report's problem object as explained last. Its counts are of the window in which it was explained.
    pub document: String,
    /// Its states, first to last.
    pub states: Vec<StateChange>,
    /// Earlier verdicts, first to last.
    pub revisions: Vec<Revision>,
    /// Problems that were thought to be others before their failures moved here.
    pub first_thoughts: Vec<Thought>,
    /// Notes and actions, first to last.
    pub notes: Vec<Note>,
    /// Where it shows, most failures first; 100 at most.
    pub endpoints: Vec<EndpointRow>,
    /// Failures by status, 0 for no answer.
    pub statuses: Vec<(u16, u64)>,
    /// Failures by service, most first.
    pub services: Vec<(String, u64)>,
    /// Failures by release, most first.
    pub releases: Vec<(String, u64)>,
    /// Failures by environment, most first.
    pub environments: Vec<(String, u64)>,
    /// Failures by minute (since the Unix epoch); after thirty days by hour. The latest 1,440 that have any, first to last.
    pub minutes: Vec<(i64, u64)>,
    /// The examples that are kept, latest first.
    pub examples: Vec<ExampleRow>,
}

/// A change of state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateChange {
    /// When.
    pub at: Time,
    /// Where it stands since.
    pub state: State,
    /// Who did it; `None` if it came of itself.
    pub by: Option<String>,
    /// Why, as half a sentence.
    pub reason: String,
}

/// An earlier verdict.
#[derive(Clone, Debug, PartialEq)]
pub struct Revision {
    /// In force since.
    pub since: Time,
    /// Until.
    pub until: Time,
    /// The title then.
    pub title: String,
    /// The class then.
    pub class: String,
    /// The cause then.
    pub cause: String,
    /// The culprit then.
    pub culprit: Option<String>,
    /// The trigger then.
    pub trigger: Option<String>,
    /// The confidence then.
    pub confidence: f64,
}

/// A problem whose failures all moved to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thought {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its class.
    pub class: String,
    /// Its cause.
    pub cause: String,
    /// Its culprit.
    pub culprit: Option<String>,
    /// When it was given up.
    pub until: Time,
}

/// A note, or an action that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Number of the note.
    pub id: i64,
    /// When.
    pub at: Time,
    /// Who.
    pub by: String,
    /// Somebody's own words; else an action in ours.
    pub written: bool,
    /// What.
    pub text: String,
}

/// A route on which a problem shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointRow {
    /// `GET`, …; empty if unknown.
    pub method: String,
    /// Route template.
    pub route: String,
    /// The problem's failures on it.
    pub count: u64,
}

/// A failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailureRow {
    /// Its id within its project.
    pub id: u64,
    /// When.
    pub at: Time,
    /// The status answered; 0 for no answer.
    pub status: u16,
    /// `GET`, …
    pub method: String,
    /// Route template.
    pub route: String,
    /// As asked for.
    pub target: String,
    /// The service.
    pub service: Option<String>,
    /// The release.
    pub release: Option<String>,
    /// The environment.
    pub environment: Option<String>,
    /// Is it kept as an example?
    pub example: bool,
}

/// An example that is kept, without its contents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExampleRow {
    /// The failure's id.
    pub failure: u64,
    /// When.
    pub at: Time,
    /// Unlike the others.
    pub odd: bool,
}

/// An example with its contents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FullExample {
    /// The failure's id.
    pub failure: u64,
    /// Its problem.
    pub problem: String,
    /// When.
    pub at: Time,
    /// Unlike the others.
    pub odd: bool,
    /// The records as the caller wrote them.
    pub records: Vec<u8>,
    /// JSON for display.
    pub text: String,
}

/// A step of a time line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// Its begin.
    pub at: Time,
    /// Requests, healthy and failed; 0 as well where nobody counts them.
    pub requests: u64,
    /// Failures.
    pub failures: u64,
}

/// A route over time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteLine {
    /// The service; empty if unknown.
    pub service: String,
    /// `GET`, …; empty if unknown.
    pub method: String,
    /// Route template.
    pub route: String,
    /// Its steps, those with nothing too.
    pub line: Vec<Step>,
}

/// How long requests took that went well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Took {
    /// Requests of which it is known.
    pub requests: u64,
    /// Half of them took less, in microseconds; right to a fifth, as all durations here.
    pub p50_us: u64,
    /// Nineteen of twenty took less.
    pub p95_us: u64,
}

/// How long requests of a route take.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouteDurations {
    /// The number of service, method and route together.
    pub(crate) shape: i64,
    /// The service; empty if unknown.
    pub service: String,
    /// `GET`, …; empty if unknown.
    pub method: String,
    /// Route template.
    pub route: String,
    /// Lately.
    pub now: Took,
    /// In the days before; `None` where there was no request.
    pub before: Option<Took>,
}

/// How long requests of routes took over time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DurationLines {
    /// The begin of the first step.
    pub begin: Time,
    /// Minutes of a step.
    pub step_minutes: i64,
    /// Of each route that was asked for, its steps; `None` in those without requests.
    pub lines: Vec<Vec<Option<Took>>>,
}

/// How a route does.
#[derive(Clone, Debug, PartialEq)]
pub struct RouteHealth {
    /// The service; empty if unknown.
    pub service: String,
    /// `GET`, …; empty if unknown.
    pub method: String,
    /// Route template.
    pub route: String,
    /// Requests; `None` where nobody counted them.
    pub requests: Option<u64>,
    /// Of these, answered 5xx or not at all.
    pub failed_requests: u64,
    /// Failures of problems on it (also those that no count of requests holds).
    pub failures: u64,
    /// `failed_requests` of `requests`, 0 to 1; `None` where nobody counted.
    pub share: Option<f64>,
}

/// A mark on the time line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarkSeen {
    /// Its id within its project.
    pub id: u64,
    /// When.
    pub at: Time,
    /// `deploy`, …
    pub kind: String,
    /// `shop@3.8.0`, …
    pub what: String,
}

/// What was not taken in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DroppedRow {
    /// The project.
    pub project: i64,
    /// The wire.
    pub wire: String,
    /// Why.
    pub reason: String,
    /// How many.
    pub count: u64,
    /// First time.
    pub first: Time,
    /// Last time.
    pub last: Time,
}

/// What the folder holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Bytes of the database with its WAL.
    pub database_bytes: u64,
    /// Of these, pages that are free for what comes next.
    pub free_bytes: u64,
    /// Bytes of the journal.
    pub journal_bytes: u64,
    /// Problems.
    pub problems: u64,
    /// Rows of failures.
    pub failures: u64,
    /// Examples.
    pub examples: u64,
}
