//! HAProxy's HTTP log, as it is inside or without a syslog prefix, with its termination state.
//!
//! ```text
//! 127.0.0.1:37972 [24/Nov/2026:07:38:09.338] fe_http be_orders/app1 0/0/0/-1/18 502 209 - - SH-- 1/1/0/0/0 0/0 {curl/7} "GET /api/orders/1 HTTP/1.1"
//! ```
//!
//! A state that begins with `C` says that the client left first: no failure of the server, whatever status is written beside it
//! (haproxy/haproxy#1602). Source: HAProxy configuration manual, §8.2.3 and §8.5.

use super::line::{address, request_line, status};
use crate::time::stamp;
use crate::{Context, Entry, LineFormat, RequestRef};
use record::Ending;
use std::borrow::Cow;

/// `option httplog` lines.
pub(super) struct HaproxyHttp;

impl LineFormat for HaproxyHttp {
    fn name(&self) -> &'static str {
        "haproxy"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        let (client, rest) = line.split_once(" [")?;
        if client.contains(' ') {
            return None;
        }
        let client = address(client)?;
        let s = stamp(rest, context.reference)?;
        let mut words = rest.get(s.len..)?.strip_prefix("] ")?.split(' ');
        let _frontend = words.next()?;
        let backend = words.next()?;
        let timers = words.next()?;
        if timers.matches('/').count() < 3 || !backend.contains('/') {
            return None;
        }
        let code = words.next()?;
        let _bytes = words.next()?;
        let flags = words
            .clone()
            .find(|w| w.len() == 4 && w.bytes().all(|b| b.is_ascii_alphabetic() || b == b'-') && *w != "-")?;
        let quote = rest.find('"');
        let line_text = quote.and_then(|q| rest.get(q + 1..)).map_or("", |t| t.trim_end_matches('"'));
        let (method, target, host) = request_line(line_text).unwrap_or(("", "", None));
        let total = timers.rsplit('/').next().and_then(|t| t.trim_start_matches('+').parse::<u64>().ok());
        let ending = if flags.starts_with('C') || flags.starts_with('c') {
            Ending::ClientLeft
        } else if code == "-1" || code == "0" {
            Ending::Cut
        } else {
            Ending::Answered
        };
        let request = RequestRef {
            method: method.into(),
            target: target.into(),
            host: host.map(Cow::Borrowed),
            client: Some(client.into()),
            status: status(code),
            duration_us: total.map(|t| t.saturating_mul(1000)),
            upstream: Some(backend.into()),
            flags: Some(flags.into()),
            ending,
            ..RequestRef::default()
        };
        Some(Entry {
            at: Some((s.time, s.zone)),
            message: line.into(),
            request: Some(request),
            closed: true,
            ..Entry::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_and_clients_that_left() {
        let line = "127.0.0.1:37972 [24/Nov/2026:07:38:09.338] fe_http be_orders/app1 0/0/0/-1/18 502 209 - - SH-- 1/1/0/0/0 0/0 {curl/7} \"GET /api/orders/1 HTTP/1.1\"";
        let q = HaproxyHttp.read(line, &Context::default()).unwrap().request.unwrap();
        assert_eq!(
            (q.status, q.flags.as_deref(), q.upstream.as_deref(), q.duration_us),
            (Some(502), Some("SH--"), Some("be_orders/app1"), Some(18_000))
        );
        let left = line.replace("SH--", "CC--").replace(" 502 ", " 503 ");
        assert_eq!(
            HaproxyHttp.read(&left, &Context::default()).unwrap().request.unwrap().ending,
            Ending::ClientLeft
        );
    }
}
