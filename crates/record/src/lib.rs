//! The one shape for all that is observed, and why500's words as types.
//!
//! This crate knows no log format, no wire, no rule: it holds what the floors above hand to each other.

mod code;
mod exception;
mod hash;
mod level;
pub mod literals;
mod names;
pub mod scrub;
mod skeleton;
mod time;
mod words;

pub use code::{CodeFrame, CodeView, Suspect, ToldCommit};
pub use exception::{Code, Exception, Frame, Frames, More};
pub use hash::{Mixer, Numbered, Numbers, hash};
pub use level::Level;
pub use names::Name;
pub use skeleton::{Outcomes, skeleton};
pub use time::{Civil, SECOND, Time, Zone};
pub use words::{Cause, Class, Role, TriggerKind};

use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// One thing observed, parsed: an access-log line, an error-log entry with its stack trace, a deploy marker, …
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Index of the source (file) it came from, in the table that the reader of files keeps.
    pub source: u32,
    /// 1-based number of the line where it begins.
    pub line: u64,
    /// Name of the format that read it, as in the table of formats.
    #[serde(deserialize_with = "names::kept")]
    pub format: Name,
    /// When, if its log says so or a neighbour's time could be taken over.
    pub at: Option<Time>,
    /// Where `at` is that of the line before: the time of the next dated line, so that the record lies between the two.
    pub until: Option<Time>,
    /// How sure the offset of `at` is.
    pub zone: Zone,
    /// Severity as the writer named it.
    pub level: Level,
    /// Who wrote it within the source: container, syslog tag, program, logger or channel.
    pub service: Option<String>,
    /// Host name where the log names it.
    pub node: Option<String>,
    /// Process id, or worker name where the log has that instead.
    pub pid: Option<String>,
    /// The entry's first physical line as it stands in the file.
    pub text: String,
    /// What the writer said: without prefix, unescaped, with all continuation lines (`\n` between).
    pub message: String,
    /// Lines that it takes in the file, as far as they were kept; 0 where nobody counted.
    pub lines: u32,
    /// The hash of all lines behind the first, where they are the very lines that followed a record before; else 0.
    pub tail: u64,
    /// The request it is about. Apart, as most errors name none, and it is as large as all else.
    pub request: Option<Box<Request>>,
    /// The chain of exceptions it carries, outermost first, the deepest cause last.
    pub exceptions: Arc<[Exception]>,
    /// Structured fields that have no place of their own, flattened (`err.code`, `context.order`).
    pub fields: Vec<(String, String)>,
    /// What this record marks on the time line besides an error.
    pub mark: Option<Box<Mark>>,
    /// Status of the request logged directly before it in the same stream, if the stream logs requests.
    pub status_before: Option<u16>,
    /// Status of the request logged directly after it.
    pub status_after: Option<u16>,
}

/// A request as one record saw it. Fields absent from the log are `None` or empty.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// `GET`, `POST`, …; empty where the log does not say.
    pub method: String,
    /// Path with query, as logged; no scheme and host. Empty where the log does not say.
    pub target: String,
    /// Host asked for (virtual host, Host header), with port if logged.
    pub host: Option<String>,
    /// The client's address, without port.
    pub client: Option<String>,
    /// The status answered. A record with a status is an entry of the ledger of requests; without, it only mentions one.
    pub status: Option<u16>,
    /// The status that such an error is answered with, where nothing tells what was: 500 of an exception that nobody handled,
    /// 0 (no answer) of a panic that cuts the connection. It makes no entry of the ledger.
    pub assumed: Option<u16>,
    /// How long it took, in microseconds.
    pub duration_us: Option<u64>,
    /// `User-Agent`.
    pub agent: Option<String>,
    /// Where the proxy sent it: `127.0.0.1:8080`, `unix:/run/php.sock`, `be_orders/app1`.
    pub upstream: Option<String>,
    /// The status the upstream answered to the proxy.
    pub upstream_status: Option<u16>,
    /// Request id, correlation id, error-log id.
    pub id: Option<String>,
    /// Trace id (W3C, B3, Datadog).
    pub trace: Option<String>,
    /// HAProxy's termination state, Envoy's response flags, ALB's error reason.
    pub flags: Option<String>,
    /// The server gave no answer, or the client left first (see [`Ending`]).
    pub ending: Ending,
}

/// How a request ended, apart from its status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ending {
    /// Answered (or the log does not say otherwise).
    #[default]
    Answered,
    /// The log shows only its begin.
    Begun,
    /// The client left before the answer (nginx 499, HAProxy `C…`): no failure of the server by itself.
    ClientLeft,
    /// The connection was cut with no status.
    Cut,
}

/// What a record marks on the time line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mark {
    /// A release went out; `what` names it (`release=shop@3.8.0`).
    Deploy(String),
    /// A release was taken back.
    Rollback(String),
    /// A configuration was changed or reloaded.
    ConfigChange(String),
    /// A process or service began; `what` names it, with the address it listens on if known.
    Started(String),
    /// A process or service ended in an orderly way or was told to.
    Stopped(String),
    /// A process died.
    Died(String),
    /// A service says where it listens: address as `host:port`, `:port` or a socket path.
    Listening(String),
    /// A health check went red.
    HealthDown(String),
    /// A health check went green.
    HealthUp(String),
}

impl Record {
    /// Is this an entry of the ledger of requests?
    pub fn is_ledger(&self) -> bool {
        self.request.as_ref().is_some_and(|r| r.status.is_some() || r.ending == Ending::Cut)
    }

    /// The status answered, when this is an entry of the ledger.
    pub fn status(&self) -> Option<u16> {
        self.request.as_ref().and_then(|r| r.status)
    }

    /// A field by name.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(k, _)| k == name).map(|(_, v)| v.as_str())
    }

    /// The deepest cause of the chain of exceptions. One that says nothing and was thrown in a library (SQLAlchemy's
    /// `InvalidatePoolError: ()`, a signal within its pool) tells less than the one around it.
    pub fn root(&self) -> Option<&Exception> {
        let says = |e: &&Exception| {
            e.message.chars().any(char::is_alphanumeric) || e.frames.iter().any(|f| f.in_app)
        };
        self.exceptions.iter().rev().find(says).or(self.exceptions.last())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_is_the_innermost_error_that_says_something() {
        let error = |kind: &str, message: &str, in_app: bool| Exception {
            kind: kind.into(),
            message: message.into(),
            frames: vec![Frame { file: "x.py".into(), in_app, ..Frame::default() }].into(),
        };
        let root = |inner: Exception| {
            let chain = vec![error("OperationalError", "connection refused", true), inner];
            let r = Record { exceptions: chain.into(), ..Record::default() };
            r.root().map(|e| e.kind.clone())
        };
        assert_eq!(root(error("InvalidatePoolError", "()", false)).as_deref(), Some("OperationalError"));
        // Thrown by the service's own code it says where.
        assert_eq!(root(error("AssertionError", "", true)).as_deref(), Some("AssertionError"));
        let alone = Record { exceptions: vec![error("SystemExit", "", false)].into(), ..Record::default() };
        assert_eq!(alone.root().map(|e| e.kind.as_str()), Some("SystemExit"));
    }
}
