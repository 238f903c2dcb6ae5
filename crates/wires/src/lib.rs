//! Telemetry protocols: the bytes of a request's body or of a socket go in, records come out. One file per protocol, listed in
//! one table.
//!
//! Knows no socket, no clock, no store, no runtime. What comes in has its content encoding taken off already. Parsing never fails
//! as a whole where a part can be read: what is not understood is counted by its reason.

mod attributes;
mod basic;
mod body;
mod datadog_logs;
mod datadog_traces;
mod dogstatsd;
mod elasticsearch;
mod entry;
mod fluent;
mod framing;
mod gelf;
mod head;
mod ingest;
mod json;
mod lenient;
mod logplex;
mod logtail;
mod loki;
mod msgpack;
mod multipart;
mod otlp;
mod protobuf;
mod query;
mod sentry;
mod spans;
mod splunk;
pub mod streams;
mod syslog;
mod taken;
mod thrown;
pub mod webhooks;

pub use head::Head;
pub use sentry::requests as requests_told;
pub use taken::{Access, Answer, Line, Refusal, Released, Taken, Told, Upload};

use record::Time;

/// A protocol over HTTP (gRPC included: its body is what the frames of one call hold).
pub trait Wire: Sync {
    /// The name that reports and counts show: `sentry envelope`, `otlp`, …
    fn name(&self) -> &'static str;
    /// Is the request, by method, path and headers, one of this protocol?
    fn knows(&self, head: &Head) -> bool;
    /// Who sends it, by its own words; nothing is checked here. The body is looked at where the protocol names its sender there.
    fn access(&self, head: &Head, body: &[u8]) -> Access;
    /// Reads a body. `now` is when it arrived: the times of clients whose clock is off, or who state none, are set by it.
    ///
    /// # Errors
    /// A body of which nothing could be read, with the answer that this protocol's clients expect for it.
    fn read(&self, head: &Head, body: &[u8], now: Time) -> Result<Taken, Refusal>;
    /// The answer to a body that was refused for a reason that lies in the server: full (503), too many (429), too long (413), wrong
    /// key (401 or 403). `retry_s`: when to come again.
    fn refuse(&self, head: &Head, status: u16, why: &str, retry_s: Option<u64>) -> Answer {
        let _ = head;
        Answer::problem(status, why, retry_s)
    }
}

/// A protocol over bare sockets.
pub trait Socket: Sync {
    /// The name that reports and counts show: `syslog`, `gelf`, …
    fn name(&self) -> &'static str;
    /// A new connection. `peer`: the sender's address, as far as one is known.
    fn open(&self, peer: &str) -> Box<dyn Session>;
    /// For datagrams: the one session in which all come. Where a protocol comes both ways, its framing differs.
    fn datagrams(&self) -> Box<dyn Session> {
        self.open("")
    }
}

/// One connection of a socket protocol.
pub trait Session: Send {
    /// Takes the next bytes of the stream, or one datagram whole, that came from `peer` at `now`. What is complete goes to `taken`.
    /// What is to be answered once `taken` is durable (an acknowledgement) stands in `taken.answer`.
    ///
    /// # Errors
    /// The stream cannot be followed any more; it is to be closed.
    fn push(&mut self, bytes: &[u8], peer: &str, now: Time, taken: &mut Taken) -> Result<(), Refusal>;
    /// The stream ended: what is left without its end.
    fn end(&mut self, now: Time, taken: &mut Taken) {
        let _ = (now, taken);
    }
}

/// The table of protocols over HTTP, in the order in which they are asked.
pub fn table() -> impl Iterator<Item = &'static dyn Wire> {
    [
        &sentry::Intake as &dyn Wire,
        &sentry::Api,
        &otlp::Otlp,
        &datadog_traces::DatadogTraces,
        &datadog_logs::DatadogLogs,
        &ingest::Ingest,
        &loki::Loki,
        &splunk::Splunk,
        &elasticsearch::Elasticsearch,
        &gelf::Gelf,
        &logplex::Logplex,
        // Last, since its path is the root.
        &logtail::Logtail,
    ]
    .into_iter()
}

/// The table of protocols over bare sockets.
pub fn sockets() -> impl Iterator<Item = &'static dyn Socket> {
    [
        &syslog::Syslog as &dyn Socket,
        // Its HTTP stands in the other table.
        &gelf::Gelf,
        &fluent::Fluent,
        &dogstatsd::DogStatsD,
    ]
    .into_iter()
}
