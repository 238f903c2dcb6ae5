//! Squid's native access log.
//!
//! ```text
//! 1795503600.123   5021 203.0.113.9 TCP_MISS/503 4123 GET http://shop.example.com/orders - HIER_DIRECT/10.0.0.7 text/html
//! ```
//!
//! Time of the end, milliseconds, client, cache result with status, bytes, method, URL, user, hierarchy with
//! peer, type. Status 000: the client left. Source: Squid wiki, "Feature: Customizable Log Formats", `squid`
//! format.

use super::line::{Draft, set_target};
use super::value;
use crate::mention::{address, is_method};
use crate::{Context, Entry, LineFormat, time};
use record::Ending;
use std::borrow::Cow;

/// Squid's native format.
pub(super) struct Squid;

impl LineFormat for Squid {
    fn name(&self) -> &'static str {
        "squid"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        if !line.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        let mut words = line.split(' ').filter(|w| !w.is_empty());
        let stamp = words.next()?;
        if stamp.len() != 14 || stamp.as_bytes().get(10) != Some(&b'.') {
            return None;
        }
        let (took, client, result, _, method, url) =
            (words.next()?, words.next()?, words.next()?, words.next()?, words.next()?, words.next()?);
        let (flags, code) = result.split_once('/')?;
        if !is_method(method) || (value::status(code).is_none() && code != "000") {
            return None;
        }
        let at = time::stamp(stamp, context.reference)?;
        let mut draft = Draft { at: Some((at.time, at.zone)), ..Draft::default() };
        let request = &mut draft.request;
        request.method = Cow::Borrowed(method);
        set_target(request, url);
        request.client = address(client).map(Cow::Borrowed);
        request.status = value::status(code);
        request.duration_us = value::scaled(took, 1_000);
        request.flags = Some(Cow::Borrowed(flags));
        request.upstream = words
            .nth(1)
            .and_then(|h| h.split_once('/'))
            .map(|(_, p)| p)
            .filter(|p| *p != "-")
            .map(Cow::Borrowed);
        if code == "000" || flags.ends_with("ABORTED") {
            request.ending = Ending::ClientLeft;
        }
        Some(draft.entry(line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_that_failed() {
        let line = "1795503600.123   5021 203.0.113.9 TCP_MISS/503 4123 GET http://shop.example.com/orders - HIER_DIRECT/10.0.0.7 text/html";
        let e = Squid.read(line, &Context::default()).unwrap();
        assert_eq!(e.at.unwrap().0.to_string(), "2026-11-24T07:00:00.123Z");
        let r = e.request.unwrap();
        assert_eq!(
            (r.target.as_ref(), r.host.as_deref(), r.status),
            ("/orders", Some("shop.example.com"), Some(503))
        );
        assert_eq!((r.upstream.as_deref(), r.duration_us), (Some("10.0.0.7"), Some(5_021_000)));
        assert!(Squid.read("1795503600.123 started", &Context::default()).is_none());
    }
}
