//! When does a 500 become something to be told of, and how does each channel want to hear it?
//!
//! ```text
//! store's rows ─ Situation ─ rules/ (findings) ─ tell (one message per problem) ─ Notice ─ channels/ ─ requests, mail, commands
//! ```
//!
//! No I/O, no clock: rows and an instant in, decisions out; a notice in, the requests out that it is on a channel. Whoever calls
//! keeps what the rules remember ([`Memory`]) and sends.

pub mod channels;
pub mod config;
pub mod notice;
pub mod quiet;
pub mod rules;
pub mod sample;
pub mod tell;

pub use channels::{Channel, Outgoing};
pub use config::{Config, Secret};
pub use notice::{Event, Notice, Severity};
pub use rules::{Deploy, Loads, Objectives, Situation};
pub use tell::{Audience, Decision, Memory, decide};
