//! Sessions: how many requests of a release went well, as release health counts them.
//! <https://develop.sentry.dev/sdk/telemetry/sessions/>
//!
//! ```text
//! {"type":"sessions"}
//! {"aggregates":[{"started":"2026-11-24T07:29:00.000Z","exited":3,"errored":0,"crashed":4}],
//!  "attrs":{"release":"orders-api@1.12.0","environment":"production"}}
//! ```
//!
//! SDKs of servers send `sessions`: one session is one request, summed by the minute in which it began (sentry-python's
//! `sessions.py` in its request mode; Node's `httpIntegration`, unless `trackIncomingRequestsAsSessions` is off). What ended as
//! `exited` went well and is counted among the requests of the service that the release names: the whole of which failures are a
//! share, also where transactions are sampled or not sent at all.
//!
//! - `errored`, `crashed`, `abnormal`, `unhandled` make no failures: which request it was, and what it answered, is not said, and
//!   the event that says so is sent for each of them. An `errored` one may as well have been answered 200.
//! - With a `did` (the user's id) and as single `session` items they are of apps, browsers and processes: a session there is a
//!   visit or a run, not a request.
//! - A check-in of a monitor (`error`, `missed`, `timeout`) is not taken either: a job that fails answers nobody with a 5xx, and
//!   where it failed *because* it was answered one, the request's own records say why; the check-in only repeats that it did. SDKs
//!   for Python send it without a trace id, so that it could not even be told whose it is.

use super::frame;
use super::transaction::Origin;
use crate::lenient::{Instant, List, Number, Object, Text};
use record::{Record, Time};
use serde::Deserialize;

/// The format of records that stand for many requests.
const FORMAT: &str = "sentry sessions";
/// The field that says for how many.
const COUNT: &str = "requests";
/// Relay's counts have 32 bits.
const COUNT_MAX: u64 = u32::MAX as u64;

/// A `sessions` item.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Sessions<'a> {
    #[serde(borrow)]
    aggregates: List<Aggregate<'a>>,
    #[serde(borrow)]
    attrs: Object<Attributes<'a>>,
}

/// Sessions that began in one minute.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Aggregate<'a> {
    started: Instant,
    #[serde(borrow)]
    did: Text<'a>,
    exited: Number,
}

/// What they have in common.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Attributes<'a> {
    #[serde(borrow)]
    release: Text<'a>,
    #[serde(borrow)]
    environment: Text<'a>,
}

impl Sessions<'_> {
    /// A record for each minute in which requests went well.
    pub fn records(&self, now: Time, drift: i64, out: &mut Vec<Record>) {
        let Attributes { release, environment } = &self.attrs.0;
        let release = release.some().map(|r| frame::clip(r, 250).to_owned());
        let origin = Origin {
            service: release.as_deref().and_then(super::service),
            environment: environment.some().map(|e| frame::clip(e, 100).to_owned()),
            release,
            ..Origin::default()
        };
        for a in &self.aggregates.0 {
            let n = a.exited.whole().unwrap_or(0).min(COUNT_MAX);
            let (Some(started), true) = (a.started.0, n > 0 && a.did.is_empty()) else { continue };
            let mut record = origin.record(FORMAT, started.plus(drift).min(now));
            record.text = format!("{n} requests went well");
            record.message.clone_from(&record.text);
            record.fields.push((COUNT.to_owned(), n.to_string()));
            out.push(record);
        }
    }
}

/// How many requests a record stands for that all went well; `None` for one that is about itself.
pub fn requests(record: &Record) -> Option<u64> {
    if record.format != FORMAT {
        return None;
    }
    record.field(COUNT).and_then(|n| n.parse().ok())
}
