//! What one digest of the diagnosis brings to be kept: plain data, no behaviour.

use record::Time;

/// The id of the problem under which failures are counted once a project has had its share of new problems in an hour
/// ([`crate::NEW_PROBLEMS_PER_HOUR`]). No fingerprint hashes to it but by a chance of 2^-64.
pub const OTHER_PROBLEM: &str = "0000000000000000";

/// All that one digest changes. It is applied as a whole or not at all.
#[derive(Clone, Debug, Default)]
pub struct Commit {
    /// Journal position: all before it is in here, or in a commit before.
    pub digested: u64,
    /// When the digest was made.
    pub at: Time,
    /// Problems that are new or were explained anew.
    pub problems: Vec<ProblemChange>,
    /// Failures that are new, moved to another problem or changed.
    pub failures: Vec<FailureChange>,
    /// Failures that turned out to be none: project and id.
    pub gone: Vec<(i64, u64)>,
    /// Failures that are offered as examples; the store keeps some of each problem.
    pub examples: Vec<Example>,
    /// Requests, healthy and failed, to be added to the counts.
    pub requests: Vec<RequestCount>,
    /// Deploys, changes of configuration and the like.
    pub marks: Vec<MarkRow>,
    /// What was not taken in, to be added to the counts.
    pub dropped: Vec<Dropped>,
}

/// A problem as explained last.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProblemChange {
    /// The project.
    pub project: i64,
    /// 16 hex digits.
    pub id: String,
    /// One line in plain words.
    pub title: String,
    /// The class's name.
    pub class: String,
    /// The cause's name within its class.
    pub cause: String,
    /// The thing to look at.
    pub culprit: Option<String>,
    /// The kind of trigger; `None` where nothing shows.
    pub trigger: Option<String>,
    /// 0 to 1.
    pub confidence: f64,
    /// JSON of the report's problem object as explained last; counts in it are of the window only.
    pub document: String,
}

/// A failure that is new, or an earlier one that moved to another problem or changed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FailureChange {
    /// The project.
    pub project: i64,
    /// Names the failure within its project: the same failure has the same id whenever it is digested.
    pub id: u64,
    /// The problem it belongs to now, 16 hex digits.
    pub problem: String,
    /// When.
    pub at: Time,
    /// When the first that tells of it arrived here; 0 if unknown. It is not kept.
    pub arrived: Time,
    /// The status answered; 0 for no answer.
    pub status: u16,
    /// `GET`, …; empty if unknown.
    pub method: String,
    /// Route template: `/cart/{id}`.
    pub route: String,
    /// As asked for: `/cart/17`.
    pub target: String,
    /// The service that failed.
    pub service: Option<String>,
    /// The release that it ran.
    pub release: Option<String>,
    /// `production`, …
    pub environment: Option<String>,
}

/// A failure with all its records, offered as an example of its problem.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Example {
    /// The project.
    pub project: i64,
    /// The failure's id.
    pub failure: u64,
    /// Its problem, 16 hex digits.
    pub problem: String,
    /// The records, as the caller writes them: opaque.
    pub records: Vec<u8>,
    /// JSON for display.
    pub text: String,
    /// Unlike the others of its problem, and so kept rather than they.
    pub odd: bool,
}

/// Requests of one minute, route and status, to be added to what is counted already: those that went well, as the failed are
/// counted as failures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestCount {
    /// The project.
    pub project: i64,
    /// Minutes since the Unix epoch.
    pub minute: i64,
    /// The service; empty if unknown.
    pub service: String,
    /// `GET`, …; empty if unknown.
    pub method: String,
    /// Route template.
    pub route: String,
    /// The status answered; 0 for no answer.
    pub status: u16,
    /// How many.
    pub count: u64,
    /// How long they took, as far as it is known: bucket ([`crate::duration_bucket`]), how many.
    pub took: Vec<(u8, u64)>,
}

/// Something on the time line besides failures. The same id twice in a project is one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MarkRow {
    /// The project.
    pub project: i64,
    /// When.
    pub at: Time,
    /// `deploy`, `config-change`, …
    pub kind: String,
    /// `shop@3.8.0`, …
    pub what: String,
    /// Names it within its project.
    pub id: u64,
}

/// What was not taken in, and why; to be added to what is counted already.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// The project.
    pub project: i64,
    /// The wire it came by.
    pub wire: String,
    /// Why it was dropped.
    pub reason: String,
    /// How many.
    pub count: u64,
}
