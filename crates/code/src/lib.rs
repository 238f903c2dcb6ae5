//! The source behind a stack: what a source map says, which file of a repository a path of a stack is, who changed a line last.
//!
//! | file | knows | reads |
//! |---|---|---|
//! | [`map`], [`scope`], [`manifest`] | source maps, the functions of a source, bundles of `sentry-cli` | bytes |
//! | [`paths`] | which path of a repository a path of a stack means | names |
//! | [`repo`], [`follow`], [`between`] | commits, the last change of a line, what a release brought | a repository's folder |
//! | [`look`] | all of it for one problem | what the others give |
//!
//! It knows records' words and nothing else of the house. A repository is read as files: no program is called, no configuration,
//! hook or filter of it is looked at, nothing is written. All work is bounded by named limits, and by a question that the caller
//! answers ("may I go on?"): it reads no clock.

pub mod between;
pub mod follow;
pub mod look;
pub mod manifest;
pub mod map;
pub mod paths;
mod refs;
pub mod repo;
pub mod scope;
