//! HAProxy's request logs: `option httplog`, `httpslog` and `tcplog`, behind a syslog prefix that was taken
//! off or without one.
//!
//! ```text
//! 127.0.0.1:37972 [24/Nov/2026:07:38:09.338] fe_http be_orders/app1 0/0/0/-1/18 502 209 - - SH-- 1/1/0/0/0 0/0 {curl/8.5.0} "GET /api/orders/3164 HTTP/1.1"
//! 203.0.113.9:40242 [24/Nov/2026:07:38:10.001] fe_http fe_http/<NOSRV> 0/-1/-1/-1/0 503 217 - - SC-- 1/1/0/0/0 0/0 "GET / HTTP/1.1"
//! 203.0.113.9:33313 [06/Feb/2026:12:12:51.443] fnt bck/srv1 0/0/5007 212 -- 0/0/0/0/3 0/0
//! ```
//!
//! The termination state says who ended it and when; `C…` is the client, whatever status stands beside it
//! (HAProxy up to 2.4 writes 503 with `CC--`). Timers are milliseconds, -1 where a stage was not reached.
//! Sources: HAProxy configuration manual, §8.2.3 (HTTP log format), §8.2.4 (HTTPS), §8.2.2 (TCP), §8.5
//! (session state at disconnection).

use super::line::{Draft, asked, set_target};
use super::token::{Shape, Tokens};
use super::value;
use crate::mention::address;
use crate::{Context, Entry, LineFormat, time};
use record::Ending;
use std::borrow::Cow;

/// HAProxy's request log.
pub(super) struct Haproxy;

impl LineFormat for Haproxy {
    fn name(&self) -> &'static str {
        "haproxy"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        // `haproxy[29613]: ` is left where the syslog header before it was of no known kind.
        let (pid, body) = match line.find("haproxy[").filter(|i| *i < 64) {
            Some(i) => {
                let (pid, rest) = line.get(i + 8..)?.split_once("]: ")?;
                (Some(pid), rest)
            }
            None => (None, line),
        };
        if !body.starts_with(|c: char| c.is_ascii_hexdigit() || matches!(c, ':' | '[' | 'u')) {
            return None;
        }
        let (peer, rest) = body.split_once(" [")?;
        if peer.len() > 64 || peer.contains(' ') {
            return None;
        }
        let stamp = time::stamp(rest, context.reference)?;
        let rest = rest.get(stamp.len..)?.strip_prefix("] ")?;
        let mut words = rest.split(' ').filter(|w| !w.is_empty());
        let (front, back, timers) = (words.next()?, words.next()?, words.next()?);
        let (backend, server) = back.split_once('/')?;
        let count = timers.split('/').count();
        let ms = |t: &str| t.trim_start_matches('+').parse::<i64>().is_ok();
        if !(3..=7).contains(&count) || !timers.split('/').all(ms) {
            return None;
        }
        let mut draft = Draft { at: Some((stamp.time, stamp.zone)), pid, ..Draft::default() };
        let request = &mut draft.request;
        request.client = client(peer).map(Cow::Borrowed);
        request.duration_us =
            timers.rsplit('/').next().and_then(|t| value::scaled(t.trim_start_matches('+'), 1_000));
        // <NOSRV>: no server was tried; <STATS>: the statistics page.
        request.upstream = Some(Cow::Borrowed(if server.starts_with('<') { backend } else { back }));
        // HTTP has a status before the size, TCP a size alone.
        let (one, two) = (words.next()?, words.next()?);
        let http = count >= 4 && two.trim_start_matches('+').bytes().all(|c| c.is_ascii_digit());
        if !http {
            // TCP: the connection has no request; its end still says whether the server could be reached.
            if !one.trim_start_matches('+').bytes().all(|c| c.is_ascii_digit()) || !is_state(two, 2) {
                return None;
            }
            request.flags = Some(Cow::Borrowed(two));
            draft.fields.push((Cow::Borrowed("frontend"), Cow::Borrowed(front)));
            return Some(draft.entry(line));
        }
        request.status = value::status(one);
        if request.status.is_none() && !matches!(one, "-1" | "0" | "-") {
            return None;
        }
        // Captured cookies, then the state.
        let state = words.take(4).find(|w| is_state(w, 4))?;
        request.flags = Some(Cow::Borrowed(state));
        let left = state.starts_with(['C', 'c']);
        request.ending = match (left, request.status) {
            (true, _) => Ending::ClientLeft,
            (false, None) => Ending::Cut,
            _ => Ending::Answered,
        };
        tail(rest, &mut draft);
        if server.starts_with('<') {
            draft.fields.push((Cow::Borrowed("server"), Cow::Borrowed(server)));
        }
        Some(draft.entry(line))
    }
}

fn client(peer: &str) -> Option<&str> {
    // The last group of an IPv6 address is a port here, always.
    let host = peer.rsplit_once(':').map_or(peer, |(h, _)| h);
    address(host).or_else(|| address(peer))
}

/// `SH--`, `CD`, `----`.
fn is_state(word: &str, len: usize) -> bool {
    word.len() == len && word.bytes().all(|c| c.is_ascii_alphabetic() || c == b'-')
}

/// Captured headers `{a|b}`, the request line, and what `log-format` adds behind it (a unique id, TLS).
fn tail<'a>(rest: &'a str, draft: &mut Draft<'a>) {
    let Some(quote) = rest.find(" \"") else { return };
    let mut tokens = Tokens::new(rest);
    tokens.seek(quote + 1);
    if let Some(t) = tokens.next().filter(|t| t.shape == Shape::Quoted) {
        // "<BADREQ>": what came could not be parsed. Long lines are cut by syslog before the protocol.
        if let Some((method, target, _)) = asked(t.text) {
            draft.request.method = Cow::Borrowed(method);
            set_target(&mut draft.request, target);
        }
    }
    if let Some(captured) = rest.get(..quote).and_then(|h| h.find('{').and_then(|i| h.get(i..))) {
        for part in captured.split(['{', '}', '|']) {
            let part = part.trim();
            if part.is_empty() || part == "-" {
                continue;
            }
            let request = &mut draft.request;
            if let Some(a) = value::forwarded(part) {
                draft.forwarded = draft.forwarded.or(Some(a));
            } else if value::is_id(part) && request.id.is_none() {
                request.id = Some(Cow::Borrowed(part));
            } else if part.contains('/')
                && !part.contains("://")
                && !part.starts_with('/')
                && request.agent.is_none()
            {
                request.agent = Some(Cow::Borrowed(part));
            } else if part.contains('.') && !part.contains([' ', '/']) && request.host.is_none() {
                request.host = Some(Cow::Borrowed(part));
            }
        }
    }
    for t in tokens {
        if value::is_id(t.text) && draft.request.id.is_none() {
            draft.request.id = Some(Cow::Borrowed(t.text));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Option<Entry<'_>> {
        Haproxy.read(line, &Context::default())
    }

    #[test]
    fn a_server_that_closed() {
        let line = r#"127.0.0.1:37972 [24/Nov/2026:07:38:09.338] fe_http be_orders/app1 0/0/0/-1/18 502 209 - - SH-- 1/1/0/0/0 0/0 {shop.example.com|Mozilla/5.0 (X11; Linux x86_64; rv:128.0} "GET /api/orders/3164 HTTP/1.1""#;
        let e = read(line).unwrap();
        assert_eq!(e.at.unwrap().0.to_string(), "2026-11-24T07:38:09.338Z");
        let r = e.request.unwrap();
        assert_eq!((r.method.as_ref(), r.target.as_ref(), r.status), ("GET", "/api/orders/3164", Some(502)));
        assert_eq!((r.upstream.as_deref(), r.flags.as_deref()), (Some("be_orders/app1"), Some("SH--")));
        assert_eq!((r.duration_us, r.client.as_deref()), (Some(18_000), Some("127.0.0.1")));
        assert_eq!(
            (r.host.as_deref(), r.agent.as_deref()),
            (Some("shop.example.com"), Some("Mozilla/5.0 (X11; Linux x86_64; rv:128.0"))
        );
        assert_eq!(r.ending, Ending::Answered);
        let e =
            read(&line.replace("127.0.0.1:37972", "Nov 24 07:38:09 lb1 haproxy[29613]: 2001:db8::7:37972"))
                .map(|e| {
                    let r = e.request.unwrap();
                    (e.pid.map(|p| p.into_owned()), r.client.map(|c| c.into_owned()))
                });
        assert_eq!(e, Some((Some("29613".into()), Some("2001:db8::7".into()))));
    }

    #[test]
    fn no_server_bad_requests_and_clients_that_left() {
        let e = read(r#"203.0.113.9:40242 [24/Nov/2026:07:38:10.001] fe_http~ be_api/<NOSRV> 0/-1/-1/-1/0 503 217 - - SC-- 1/1/0/0/0 0/0 "GET / HTTP/1.1""#).unwrap();
        assert_eq!(e.fields, [("server".into(), "<NOSRV>".into())]);
        let r = e.request.unwrap();
        assert_eq!((r.upstream.as_deref(), r.flags.as_deref()), (Some("be_api"), Some("SC--")));
        let r = read(r#"203.0.113.9:40242 [24/Nov/2026:07:38:10.001] fe_http be_api/app1 0/0/3001/-1/3002 503 212 - - CC-- 1/1/0/0/0 0/0 "GET / HTTP/1.1""#).unwrap().request.unwrap();
        assert_eq!((r.status, r.ending), (Some(503), Ending::ClientLeft));
        let r = read(r#"203.0.113.9:40242 [24/Nov/2026:07:38:10.001] fe_http fe_http/<NOSRV> -1/-1/-1/-1/0 400 0 - - PR-- 1/1/0/0/0 0/0 "<BADREQ>""#).unwrap().request.unwrap();
        assert_eq!((r.method.as_ref(), r.status), ("", Some(400)));
        let r = read(r#"203.0.113.9:40242 [24/Nov/2026:07:38:10.001] fe be/app1 0/0/0/-1/+5 -1 0 - - SD-- 1/1/0/0/0 0/0 "GET /x HTTP/1.1""#).unwrap().request.unwrap();
        assert_eq!((r.status, r.ending), (None, Ending::Cut));
    }

    #[test]
    fn https_and_tcp_logs() {
        let r = read(r#"203.0.113.9:40242 [24/Nov/2026:07:38:10.001] fe_https~ be/app1 0/0/0/13/13 500 199 - - ---- 1/1/0/0/0 0/0 "GET /x HTTP/2.0" 0/0000000000000000/0/0/0 shop.example.com/TLSv1.3/TLS_AES_256_GCM_SHA384"#).unwrap().request.unwrap();
        assert_eq!((r.status, r.target.as_ref()), (Some(500), "/x"));
        let r =
            read("203.0.113.9:33313 [06/Feb/2026:12:12:51.443] fnt bck/srv1 0/0/5007 212 SC 0/0/0/0/3 0/0")
                .unwrap()
                .request
                .unwrap();
        assert_eq!(
            (r.status, r.flags.as_deref(), r.upstream.as_deref()),
            (None, Some("SC"), Some("bck/srv1"))
        );
    }

    #[test]
    fn its_other_lines_are_refused() {
        for line in [
            "Server be_orders/app1 is DOWN, reason: Layer4 connection problem",
            "192.168.1.4:50033 [28/Feb/2025:02:43:10.123] frontend/backend: SSL handshake failure",
            r#"127.0.0.1 - - [24/Nov/2026:07:11:21 +0000] "GET / HTTP/1.1" 200 5"#,
            "127.0.0.1 [",
        ] {
            assert!(read(line).is_none(), "{line}");
        }
    }
}
