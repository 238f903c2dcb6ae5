//! What a format hands over: a line read as the head of an entry, still borrowing from the line.

use record::{Ending, Level, Mark, Time, Zone};
use std::borrow::Cow;

/// A line read as the head of a log entry. Everything borrows from the line where it can: a healthy request costs
/// no allocation.
#[derive(Clone, Debug, Default)]
pub struct Entry<'a> {
    /// When, with how its offset is known. `None`: the line has no time.
    pub at: Option<(Time, Zone)>,
    /// Severity.
    pub level: Level,
    /// Program, container, logger or channel.
    pub service: Option<Cow<'a, str>>,
    /// Host name.
    pub node: Option<Cow<'a, str>>,
    /// Process id or worker name.
    pub pid: Option<Cow<'a, str>>,
    /// What the writer said, without the prefix.
    pub message: Cow<'a, str>,
    /// The request it is or mentions.
    pub request: Option<RequestRef<'a>>,
    /// A stack trace carried inside the line (JSON `stack`, `exc_info`, `exception`), with real line breaks.
    pub trace: Option<Cow<'a, str>>,
    /// Structured fields with no place of their own.
    pub fields: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// What it marks on the time line.
    pub mark: Option<Mark>,
    /// A complete unit in itself (an access-log line, a JSON object): the lines after it do not continue it.
    pub closed: bool,
}

/// A request as read from a line; see [`record::Request`] for the meaning of each field.
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs)]
pub struct RequestRef<'a> {
    pub method: Cow<'a, str>,
    pub target: Cow<'a, str>,
    pub host: Option<Cow<'a, str>>,
    pub client: Option<Cow<'a, str>>,
    pub status: Option<u16>,
    pub duration_us: Option<u64>,
    pub agent: Option<Cow<'a, str>>,
    pub upstream: Option<Cow<'a, str>>,
    pub upstream_status: Option<u16>,
    pub id: Option<Cow<'a, str>>,
    pub trace: Option<Cow<'a, str>>,
    pub flags: Option<Cow<'a, str>>,
    pub ending: Ending,
}

impl RequestRef<'_> {
    /// An owned copy.
    pub fn to_request(&self) -> record::Request {
        self.clone().into_request()
    }

    /// The same as a request of its own; what is its own already is moved.
    pub fn into_request(self) -> record::Request {
        let own = |v: Option<Cow<'_, str>>| v.map(Cow::into_owned);
        record::Request {
            method: self.method.into_owned(),
            target: self.target.into_owned(),
            host: own(self.host),
            client: own(self.client),
            status: self.status,
            assumed: None,
            duration_us: self.duration_us,
            agent: own(self.agent),
            upstream: own(self.upstream),
            upstream_status: self.upstream_status,
            id: own(self.id),
            trace: own(self.trace),
            flags: own(self.flags),
            ending: self.ending,
        }
    }
}

/// What a format may know of the file beside the line itself.
#[derive(Clone, Debug)]
pub struct Context {
    /// The file's modification time, or now for a stream: years missing in syslog lines are taken from it.
    pub reference: Time,
    /// The file's name, without its folder; empty for standard input.
    pub file_name: String,
    /// The `#Fields:` line seen last in this file (W3C extended), without the directive's name.
    pub w3c_fields: Option<String>,
    /// A `log_format` or `LogFormat` given by the user or found in a configuration file, compiled.
    pub layouts: Vec<std::sync::Arc<crate::layout::Layout>>,
    /// Lines come as messages of a shipper: an object that says something is a log entry, though the time and the severity stand
    /// outside of it.
    pub carried: bool,
    /// Lines of the source that come before those that are read: an earlier run has read them.
    pub lines_before: u64,
}

impl Default for Context {
    fn default() -> Self {
        Context {
            reference: Time::from_secs(1_700_000_000),
            file_name: String::new(),
            w3c_fields: None,
            layouts: Vec::new(),
            carried: false,
            lines_before: 0,
        }
    }
}

/// A log format: reads one line as the head of an entry.
pub trait LineFormat: Sync {
    /// The name reports show: `nginx error`, `combined`, …
    fn name(&self) -> &'static str;
    /// The entry that the line begins, or `None` if the line is not of this format. Must be cheap on refusal: look at
    /// the first bytes before anything else. Never panics on any input.
    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>>;
}

/// A wrapper around lines of something else: container runtimes, syslog, the journal, compose prefixes.
pub trait Wrapper: Sync {
    /// The name reports show.
    fn name(&self) -> &'static str;
    /// What is inside, or `None` if the line is not wrapped so.
    fn unwrap<'a>(&self, line: &'a str, context: &Context) -> Option<Wrapped<'a>>;
}

/// A line out of its wrapper.
#[derive(Clone, Debug, Default)]
pub struct Wrapped<'a> {
    /// The inner line, without a line end.
    pub inner: Cow<'a, str>,
    /// The wrapper's own time.
    pub at: Option<(Time, Zone)>,
    /// Severity that the wrapper states (syslog priority, journal PRIORITY).
    pub level: Level,
    /// Container, unit, syslog tag, pod.
    pub service: Option<Cow<'a, str>>,
    /// Host name.
    pub node: Option<Cow<'a, str>>,
    /// Process id.
    pub pid: Option<Cow<'a, str>>,
    /// The runtime cut a long line here: the next one of the same stream continues it (CRI `P`, Docker without `\n`).
    pub partial: bool,
    /// It was written to the standard error, whose lines stand between the parts of those of the standard output. False where the
    /// wrapper does not say.
    pub stderr: bool,
}
