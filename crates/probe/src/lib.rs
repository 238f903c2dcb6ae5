//! Makes requests that may fail, and reads from the answers what failed.
//!
//! This crate opens no socket and reads no clock: whoever sends hands it a [`Server`], and it says what to send next and what
//! was found. So a run can be played against a simulated server, and the same seed sends the same requests.

pub mod case;
pub mod checks;
pub mod explore;
pub mod json;
pub mod operation;
mod pattern;
pub mod request;
pub mod schema;
pub mod site;
pub mod targets;
pub mod templates;

pub use request::{Answer, End, Request};
