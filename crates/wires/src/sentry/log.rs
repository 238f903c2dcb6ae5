//! Structured logs. <https://develop.sentry.dev/sdk/telemetry/logs/>
//!
//! ```text
//! {"type":"log","item_count":1,"content_type":"application/vnd.sentry.items.log+json"}
//! {"version":2,"items":[{"timestamp":1795506605.25,"level":"error","trace_id":"3c74297685f3499b829240ada62b4027",
//!   "body":"Exception on /cart/17 [GET]","attributes":{"logger.name":{"value":"storefront","type":"string"}}}]}
//! ```
//!
//! They explain. Requests that a development server logs this way are no entries of the ledger: the transaction of the same
//! request is.

use super::frame::{clip, first_line, kind};
use super::request;
use super::transaction::Origin;
use crate::lenient::{Instant, List, Pairs, Text};
use record::{Exception, Level, Record, Request, Time};
use serde::Deserialize;

/// Of one message, this much is kept.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// A batch of them.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Batch<'a> {
    #[serde(borrow)]
    pub items: List<Log<'a>>,
}

/// One log message.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Log<'a> {
    timestamp: Instant,
    #[serde(borrow)]
    trace_id: Text<'a>,
    #[serde(borrow)]
    level: Text<'a>,
    #[serde(borrow)]
    severity_text: Text<'a>,
    #[serde(borrow)]
    body: Text<'a>,
    #[serde(borrow)]
    attributes: Pairs<'a>,
}

impl Log<'_> {
    /// The record.
    pub fn record(&self, origin: &Origin, now: Time, drift: i64) -> Record {
        let at = self.timestamp.0.map_or(now, |t| t.plus(drift));
        let get = |names: &[&str]| self.attributes.any(names);
        let release = get(&["sentry.release"]).map(str::to_owned).or(origin.release.clone());
        let own = Origin {
            service: release.as_deref().and_then(super::service).or(origin.service.clone()),
            node: get(&["server.address", "sentry.server.address"])
                .map(str::to_owned)
                .or(origin.node.clone()),
            environment: get(&["sentry.environment"]).map(str::to_owned).or(origin.environment.clone()),
            release,
        };
        let mut record = own.record("sentry log", at);
        record.message = formats::strip_ansi(clip(&self.body, BODY_BYTES_MAX)).into_owned();
        record.text = first_line(&record.message);
        record.level =
            Level::parse(&self.level).or_else(|| Level::parse(&self.severity_text)).unwrap_or_default();
        record.pid = get(&["process.pid"]).map(str::to_owned);
        record.exceptions = self.chain(&record.message).into();
        let trace = request::hex(&self.trace_id);
        record.request = trace.map(|t| Box::new(Request { trace: Some(t), ..Request::default() }));
        for (name, key) in [
            ("logger", "logger.name"),
            ("code.file", "code.file.path"),
            ("code.function", "code.function.name"),
        ] {
            record.fields.extend(get(&[key]).map(|v| (name.to_owned(), clip(v, 300).to_owned())));
        }
        record
    }

    /// The exceptions in the message or beside it.
    fn chain(&self, message: &str) -> Vec<Exception> {
        if let Some(stack) = self.attributes.any(&["exception.stacktrace", "error.stack", "err.stack"]) {
            let chain = formats::trace::read(stack);
            if !chain.is_empty() {
                return chain;
            }
        }
        if let Some(name) = self.attributes.any(&["exception.type", "error.type"]) {
            let message = self.attributes.any(&["exception.message", "error.message"]).unwrap_or("");
            return vec![Exception {
                kind: kind(name, ""),
                message: message.to_owned(),
                frames: record::Frames::default(),
            }];
        }
        formats::trace::read(message)
    }
}
