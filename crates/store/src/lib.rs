//! What `why500 serve` keeps, embedded, in one folder.
//!
//! Two things lie in the folder: a [`Journal`] of what is acknowledged but not yet digested (opaque bytes), and one SQLite
//! database of what was digested: problems, failures, counts, examples, marks, and who may see them. A batch is acknowledged
//! once the journal has it on disk; a [`Commit`] then brings what the diagnosis made of it into the database in one
//! transaction, together with the journal's position, so that after a crash nothing is lost and nothing counted twice.
//!
//! This crate knows no HTTP, no wires and no diagnosis, and reads no clock: whoever calls says what time it is.

mod access;
mod actions;
mod alerts;
mod backup;
mod check;
mod commit;
mod digest;
mod durations;
mod error;
mod examples;
mod harm;
mod hooks;
mod ids;
mod journal;
mod limits;
mod names;
mod problems;
mod read;
mod retention;
mod schema;
mod sources;
mod state;
mod store;

pub use access::{ApiToken, Key, Link, Project, Session, User};
pub use actions::{Mute, Swept};
pub use alerts::{AlertChange, AlertRow, Outcome, Outgoing, Send, Told};
pub use check::Findings;
pub use commit::{
    Commit, Dropped, Example, FailureChange, MarkRow, OTHER_PROBLEM, ProblemChange, RequestCount,
};
pub use durations::duration_bucket;
pub use error::{Error, Result};
pub use journal::{Entry, Journal};
pub use limits::*;
pub use read::{
    DroppedRow, DurationLines, EndpointRow, ExampleRow, Failing, FailureRow, FullExample, Load, MarkSeen,
    Note, Page, ProblemFull, ProblemRow, Query, Reader, Revision, RouteDurations, RouteHealth, RouteLine,
    Sizes, Sort, StateChange, Step, Thought, Took,
};
pub use retention::{Retained, Retention};
pub use sources::{MapName, MapRow, ReleaseRow};
pub use state::State;
pub use store::Store;
