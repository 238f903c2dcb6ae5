//! How much is kept of what outsiders can make without end. Each limit has its reason.

/// Examples kept of one problem. Fifty show the spread of inputs, and at 10 kB each a thousand problems take half a gigabyte at
/// most; what is asked of them (which input, which host) is answered by the counts.
pub const EXAMPLES_PER_PROBLEM: usize = 50;

/// Of these, the latest that are always kept: somebody who looks wants to see what fails now.
pub const LAST_EXAMPLES: usize = 5;

/// Of these, the odd ones that are kept before others: few, so that a caller to whom all seem odd does not push the sample out.
pub const ODD_EXAMPLES: usize = 12;

/// New problems of one project in an hour of the clock. A message that nobody could make a template of must not fill the disk;
/// beyond, failures are counted under one problem, [`crate::OTHER_PROBLEM`].
pub const NEW_PROBLEMS_PER_HOUR: i64 = 10_000;

/// Routes of one project, as scanners and ids in paths make them without end; beyond, they are counted under [`OTHER`].
pub const ROUTES_PER_PROJECT: usize = 1_000;

/// Services, releases and environments of one project, each: they come from outside as well. A release a commit, thirty a day,
/// is a year.
pub const NAMES_PER_PROJECT: usize = 10_000;

/// Methods of one project: HTTP registers about forty, and a hostile client sends what it likes.
pub const METHODS_PER_PROJECT: usize = 64;

/// Wires and reasons of what was dropped, per project: they come from tables of the program, so this is never met by right.
pub const DROPPED_PER_PROJECT: i64 = 1_000;

/// What stands for all names beyond a limit.
pub const OTHER: &str = "other";

/// Bytes of a short text (name, route, title, culprit): longer ones are cut. Indexes stay small, pages readable.
pub const TEXT_BYTES_MAX: usize = 1_024;

/// Bytes of a target: the longest that common servers let through at all is 8 kB; the example has it whole.
pub const TARGET_BYTES_MAX: usize = 2_048;

/// Bytes of a note.
pub const NOTE_BYTES_MAX: usize = 64 * 1_024;

/// Earlier verdicts kept of a problem: the first and the latest. One that flaps more often teaches nothing by it.
pub const REVISIONS_PER_PROBLEM: i64 = 50;

/// Changes of state kept of a problem, the latest.
pub const STATES_PER_PROBLEM: i64 = 200;

/// Failures after which a new problem is an ongoing one: ten are no accident.
pub const ONGOING_FAILURES: i64 = 10;

/// From its first failure to its last, after which a new problem is an ongoing one: an hour, in microseconds.
pub const ONGOING_AFTER_US: i64 = 3_600 * record::SECOND;

/// Days without a failure after which a problem counts as resolved, unless set otherwise: two weeks have each weekday's jobs in
/// them twice, so that one holiday does not end what fails on Mondays.
pub const SILENCE_DAYS: i64 = 14;

/// Days for which failures are kept whole, unless set otherwise: what Sentry's self-hosted (`SENTRY_EVENT_RETENTION_DAYS`) and
/// GlitchTip (`GLITCHTIP_MAX_EVENT_LIFE_DAYS`) keep.
pub const KEEP_DAYS: i64 = 90;

/// Problems resolved by silence in one transaction, and heard of again: ten milliseconds.
pub const SWEEP_MAX: i64 = 1_000;

/// Days after which counts by minute become counts by hour: nobody draws last month by the minute.
pub const MINUTE_DAYS: i64 = 30;

/// Days for which durations are kept: two weeks have each weekday twice, and what is slower than then is slower than usual.
pub const DURATION_DAYS: i64 = 15;

/// Days for which counts, marks and problems are kept: thirteen months, so that this December has last December beside it.
pub const COUNT_DAYS: i64 = 400;

/// Failures whose ids are remembered before the oldest of them are forgotten, if [`IDS_AGE_MIN_US`] have passed: their table is
/// then about 10 MB, and so in the cache.
pub const IDS_ROWS: i64 = 250_000;

/// For so long ids are remembered even in a flood: longer than any window of the diagnosis. An hour, in microseconds.
pub const IDS_AGE_MIN_US: i64 = 3_600 * record::SECOND;

/// For so long they are remembered where there are few: a client tries again for a day at most. In microseconds.
pub const IDS_AGE_MAX_US: i64 = 86_400 * record::SECOND;

/// Days for which it is remembered what webhooks delivered: GitHub sends a delivery anew, when somebody asks for it, for three.
pub const DELIVERED_DAYS: i64 = 30;

/// Names of source maps of one project: an app of a thousand scripts, released fifty times.
pub const MAPS_PER_PROJECT: i64 = 50_000;

/// Releases of one project whose commits are kept: a release a commit, thirty a day, is a year.
pub const RELEASES_PER_PROJECT: i64 = 10_000;

/// Bytes kept of one release's commits: a thousand of two hundred bytes.
pub const RELEASE_BYTES_MAX: usize = 256 * 1_024;

/// Days after which a source map that nothing asked for goes: as failures do.
pub const MAP_DAYS: i64 = 90;

/// Rows on one page at most.
pub const PAGE_ROWS_MAX: usize = 500;

/// Steps of one timeline at most: twice the pixels of a wide screen.
pub const STEPS_MAX: i64 = 10_000;

/// Bytes after which the journal begins a new segment: small enough that room comes back soon after a digest, large enough that
/// a full second of load (50 MB) makes few files.
pub const SEGMENT_BYTES: u64 = 16 << 20;

/// Bytes of one payload of the journal: above any batch that a wire lets in (Relay's envelopes: 200 MiB unpacked are refused
/// long before); a length beyond it in a file is damage.
pub const PAYLOAD_BYTES_MAX: usize = 64 << 20;

/// Bytes that must be free for the disk not to count as full: some batches.
pub const ROOM_BYTES: usize = 256 << 10;

/// Alerts kept of a project: closed ones beyond it go, the oldest first. A page shows some hundred; a flood of new problems is one
/// message, and yet a row for each.
pub const ALERTS_PER_PROJECT: i64 = 10_000;

/// Days for which closed alerts are kept: as long as failures are.
pub const ALERT_DAYS: i64 = KEEP_DAYS;

/// Messages of one channel that wait to be sent, at most: one that was away for long is told the latest, not all.
pub const OUTBOX_PER_CHANNEL: i64 = 1_000;

/// Messages of one channel kept that could not be sent: enough to see what was missed.
pub const DEAD_PER_CHANNEL: i64 = 200;
