//! Joins records to failures, recognises causes, groups failures to problems, and gives each its verdict.

mod problem;
mod recognise;
pub use problem::*;
pub use recognise::{Finding, Recogniser, Scope};
