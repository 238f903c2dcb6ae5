//! Requests that are logged twice: when they begin, with method and target, and when they end, with the status.

use crate::Entry;
use record::{Ending, Numbered, Record, Request, Time, Zone, hash};
use std::borrow::Cow;

/// Requests begun and not yet completed that are remembered per source.
const BEGUN_MAX: usize = 20_000;

/// The line that a request began with.
pub(super) struct Begin {
    pub line: u64,
    pub text: String,
    pub format: &'static str,
}

struct Begun {
    request: Request,
    at: Option<(Time, Zone)>,
    begin: Begin,
}

/// The requests of one source of which the end was not read yet.
#[derive(Default)]
pub(super) struct Pairs {
    begun: Numbered<u64, Begun>,
    /// Requests that entries named under an id, for entries that only give the id.
    named: Numbered<u64, Request>,
}

impl Pairs {
    /// Brings the begin of a request (Rails "Started", Phoenix, Kestrel) together with its end.
    /// Nothing is kept of a begin beyond what its end lacks and what is told if it never ends.
    pub(super) fn pair(
        &mut self,
        entry: &mut Entry<'_>,
        stream: u64,
        pid: Option<&str>,
        begin: impl FnOnce() -> Begin,
    ) {
        let Some(request) = &mut entry.request else { return };
        let key = hash((stream, request.id.as_deref(), if request.id.is_some() { None } else { pid }));
        if request.status.is_none() && request.ending == Ending::Answered {
            // "incoming request" of Fastify and others: the end will only name the id.
            if let Some(id) = &request.id
                && !request.target.is_empty()
                && self.named.len() < BEGUN_MAX
            {
                self.named.insert(hash((stream, id)), request.to_request());
            }
            return;
        }
        if request.status.is_some()
            && request.target.is_empty()
            && let Some(id) = &request.id
            && let Some(known) = self.named.remove(&hash((stream, id)))
        {
            request.method = Cow::Owned(known.method);
            request.target = Cow::Owned(known.target);
            request.client = request.client.take().or(known.client.map(Cow::Owned));
            request.host = request.host.take().or(known.host.map(Cow::Owned));
            return;
        }
        if request.ending == Ending::Begun && request.status.is_none() {
            if self.begun.len() < BEGUN_MAX {
                self.begun.insert(key, Begun { request: request.to_request(), at: entry.at, begin: begin() });
            }
        } else if request.status.is_some()
            && request.target.is_empty()
            && let Some(b) = self.begun.remove(&key)
        {
            request.method = Cow::Owned(b.request.method);
            request.target = Cow::Owned(b.request.target);
            request.client = request.client.take().or(b.request.client.map(Cow::Owned));
            request.host = request.host.take().or(b.request.host.map(Cow::Owned));
            if request.ending == Ending::Begun {
                request.ending = Ending::Answered;
            }
            if request.duration_us.is_none()
                && let (Some((end, _)), Some((start, _))) = (entry.at, b.at)
            {
                request.duration_us = u64::try_from(end.since(start)).ok();
            }
        }
    }

    /// Requests that never ended, by their lines.
    pub(super) fn into_endless(self, source: u32) -> Vec<Record> {
        let mut begun: Vec<Begun> = self.begun.into_values().collect();
        begun.sort_by_key(|b| b.begin.line);
        begun
            .into_iter()
            .map(|b| {
                let (at, zone) = b.at.map_or((None, Zone::Neighbour), |(t, z)| (Some(t), z));
                Record {
                    source,
                    line: b.begin.line,
                    format: b.begin.format,
                    at,
                    zone,
                    message: b.begin.text.clone(),
                    text: b.begin.text,
                    request: Some(Box::new(Request { ending: Ending::Begun, ..b.request })),
                    ..Record::default()
                }
            })
            .collect()
    }
}
