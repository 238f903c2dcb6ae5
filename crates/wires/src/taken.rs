//! What a body held, and what is answered.

use record::{Level, Record, Time, Zone};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What was understood of one body, call or datagram.
#[derive(Clone, Debug, Default)]
pub struct Taken {
    /// What was read whole: events, spans, marks. `source` is the server's to fill in.
    pub records: Vec<Record>,
    /// Log messages: text or JSON as an app wrote it, to be read as a line of a log is.
    pub lines: Vec<Line>,
    /// Items on the wire by kind: `event`, `transaction`, `span`, `log record`, `metric`, …
    pub items: BTreeMap<String, u64>,
    /// Items that were let go, by reason in a few words.
    pub dropped: BTreeMap<String, u64>,
    /// What clients say of themselves: `release`, `environment`, `server_name`, `sdk`, `dropped by the client`, …
    pub said: BTreeMap<String, String>,
    /// What is to be kept beside the journal: files, and what is told of releases.
    pub uploads: Vec<Upload>,
    /// The answer once all of it is durable.
    pub answer: Answer,
}

/// Something that a pipeline hands in with a release. Whoever keeps it answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Upload {
    /// Pieces of files, each with its SHA-1 in hex as the sender says.
    Chunks(Vec<(String, Vec<u8>)>),
    /// Pieces sent before make an archive (see `sentry-cli`, artifact bundles).
    Bundle {
        /// Its SHA-1, in hex.
        checksum: String,
        /// Those of its pieces, in their order.
        chunks: Vec<String>,
        /// The release that it is for; empty where debug ids tell.
        release: String,
        /// The build of the release.
        dist: String,
    },
    /// One file of a release, as `sentry-cli` sent them before there were bundles.
    File {
        /// The release.
        release: String,
        /// The build of the release.
        dist: String,
        /// What it is called where it runs: `~/js/app.min.js.map`.
        url: String,
        /// The reference to its source map, where its headers have one.
        map: String,
        /// Its content.
        bytes: Vec<u8>,
    },
    /// What is in a release.
    Release(Released),
    /// The last release of which commits are known is asked for.
    Previous,
}

/// The commits of a release.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Released {
    /// Its name.
    pub release: String,
    /// Its commit.
    pub commit: String,
    /// The commit of the release before.
    pub previous: String,
    /// Its commits since the release before, the newest first, as far as they are told.
    pub commits: Vec<Told>,
}

/// A commit as somebody tells of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Its number.
    pub commit: String,
    /// Who wrote it.
    pub author: String,
    /// When.
    pub at: Option<Time>,
    /// The first line of its message.
    pub subject: String,
}

impl Taken {
    /// Counts an item of a kind.
    pub fn item(&mut self, kind: &str) {
        *self.items.entry(kind.to_owned()).or_default() += 1;
    }

    /// Counts an item that is let go.
    pub fn drop(&mut self, reason: &str) {
        *self.dropped.entry(reason.to_owned()).or_default() += 1;
    }
}

/// A log message as a shipper sends it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Lines of the same stream were written one after the other by the same writer: a trace may run over several.
    pub stream: String,
    /// When, as the wire says.
    pub at: Option<(Time, Zone)>,
    /// Severity as the wire says.
    pub level: Level,
    /// App, tag, unit, container.
    pub service: Option<String>,
    /// Host name.
    pub node: Option<String>,
    /// Process id.
    pub pid: Option<String>,
    /// What was written, without line end; several lines where the shipper put them together.
    pub text: String,
    /// Nothing of a later line belongs to it: the wire carries whole entries.
    pub whole: bool,
}

/// Who sends, by their own words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// The project named in the path or the data source name.
    pub project: Option<String>,
    /// The key or token shown.
    pub key: Option<String>,
}

/// An answer: over HTTP with status and headers, over a socket only its bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Further headers.
    pub headers: Vec<(&'static str, String)>,
    /// The body; over a socket the bytes to send.
    pub body: Vec<u8>,
}

impl Answer {
    /// An answer of a media type.
    pub fn new(status: u16, media_type: &str, body: impl Into<Vec<u8>>) -> Answer {
        Answer { status, headers: vec![("content-type", media_type.to_owned())], body: body.into() }
    }

    /// Problem details (RFC 9457).
    pub fn problem(status: u16, why: &str, retry_s: Option<u64>) -> Answer {
        let body = serde_json::json!({ "status": status, "title": why }).to_string();
        let mut answer = Answer::new(status, "application/problem+json", body);
        answer.headers.extend(retry_s.map(|s| ("retry-after", s.to_string())));
        answer
    }
}

/// Nothing of it could be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What is wrong, where, and what to do: for the sender's log.
    pub why: String,
    /// The answer that this protocol's clients expect.
    pub answer: Answer,
}
