//! Access logs of load balancers and content networks: Envoy (default format, with its response flags), AWS ALB and CloudFront.
//!
//! ```text
//! [2026-11-24T07:47:17.695Z] "GET /search?q=chair HTTP/1.1" 504 UT 0 24 1997 - "198.51.100.66" "python-requests/2.32.3" "b116a024" "shop.example.com" "127.0.0.1:8571"
//! http 2026-11-24T07:38:34.386860Z app/prod-shop/50dc6c49 203.0.113.130:33426 10.20.0.47:8080 0.000 0.001 0.000 200 200 300 161 "GET http://shop.example.com:80/items/258 HTTP/1.1" …
//! ```
//!
//! Sources: Envoy docs, "Access logging", default format string; AWS docs, "Access logs for your Application Load Balancer",
//! "CloudFront standard logging".

use super::line::{address, request_line, seconds, status, words};
use crate::time::stamp;
use crate::{Context, Entry, LineFormat, RequestRef};
use record::{Ending, Zone};
use std::borrow::Cow;

/// Envoy's default format.
pub(super) struct Envoy;
/// Application and classic load balancers of AWS.
pub(super) struct Alb;
/// CloudFront's standard log: tab-separated.
pub(super) struct CloudFront;

fn some(word: Option<&str>) -> Option<Cow<'_, str>> {
    word.filter(|w| !w.is_empty() && *w != "-").map(Cow::Borrowed)
}

impl LineFormat for Envoy {
    fn name(&self) -> &'static str {
        "envoy"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        let rest = line.strip_prefix('[')?;
        let s = stamp(rest, context.reference)?;
        let rest = rest.get(s.len..)?.strip_prefix("] \"")?;
        let (text, rest) = rest.split_once("\" ")?;
        let (method, target, host) = request_line(text)?;
        let mut w = words(rest);
        let code = w.next()?;
        let flags = w.next()?;
        if !flags.bytes().all(|b| b.is_ascii_uppercase() || matches!(b, b'-' | b',')) {
            return None;
        }
        let mut rest: Vec<&str> = w.take(24).collect();
        // Istio writes response-code details and reasons before the byte counts.
        while rest.first().is_some_and(|x| x.parse::<u64>().is_err()) {
            rest.remove(0);
        }
        let took = rest.get(2).and_then(|d| d.parse::<u64>().ok()).map(|d| d.saturating_mul(1000));
        let client = rest.get(4).and_then(|a| address(a.split(',').next().unwrap_or(a)));
        let status = status(code);
        let ending = if flags.split(',').any(|f| f == "DC") {
            Ending::ClientLeft
        } else if status.is_none() {
            Ending::Cut
        } else {
            Ending::Answered
        };
        let request = RequestRef {
            method: method.into(),
            target: target.into(),
            host: some(rest.get(7).copied()).or(host.map(Cow::Borrowed)),
            client: client.map(Cow::Borrowed),
            status,
            duration_us: took,
            agent: some(rest.get(5).copied()),
            id: some(rest.get(6).copied()),
            upstream: some(rest.get(8).copied()),
            flags: some(Some(flags)),
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

impl LineFormat for Alb {
    fn name(&self) -> &'static str {
        "aws elb"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        let (kind, after) = line.split_once(' ')?;
        let alb = matches!(kind, "http" | "https" | "h2" | "grpcs" | "ws" | "wss");
        // The classic balancer begins with the time.
        let rest = if alb { after } else { line };
        let s = stamp(rest, context.reference)?;
        if !rest.get(..s.len)?.ends_with('Z') {
            return None;
        }
        let mut w = words(rest.get(s.len..)?);
        let _name = w.next()?;
        let client = address(w.next()?)?;
        let target_host = w.next()?;
        let times: [Option<u64>; 3] = [seconds(w.next()?), seconds(w.next()?), seconds(w.next()?)];
        let code = status(w.next()?)?;
        let upstream_status = w.next().and_then(status);
        let mut w = w.skip(2);
        let (method, target, host) = request_line(w.next()?)?;
        let agent = w.next();
        let trace = words(rest).find(|x| x.starts_with("Root="));
        let request = RequestRef {
            method: method.into(),
            target: target.into(),
            host: host.map(Cow::Borrowed),
            client: Some(client.into()),
            status: Some(code),
            duration_us: Some(times.into_iter().flatten().sum()),
            agent: some(agent),
            upstream: some(Some(target_host)),
            upstream_status,
            trace: trace.map(Cow::Borrowed),
            // 460: the client closed the connection before the idle time-out.
            ending: if code == 460 { Ending::ClientLeft } else { Ending::Answered },
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

impl LineFormat for CloudFront {
    fn name(&self) -> &'static str {
        "cloudfront"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        let mut f = line.split('\t');
        let (date, time) = (f.next()?, f.next()?);
        if date.len() != 10 || time.len() != 8 {
            return None;
        }
        let s = stamp(line.get(..19)?.replace('\t', " ").as_str(), context.reference)?;
        let f: Vec<&str> = f.take(32).collect();
        let (client, method, host, path, code) = (f.get(2)?, f.get(3)?, f.get(4)?, f.get(5)?, f.get(6)?);
        let request = RequestRef {
            method: (*method).into(),
            target: (*path).into(),
            host: some(Some(host)),
            client: address(client).map(Cow::Borrowed),
            status: status(code),
            agent: some(f.get(8).copied()),
            duration_us: f.get(16).and_then(|d| seconds(d)),
            flags: some(f.get(11).copied()),
            id: some(f.get(12).copied()),
            ..RequestRef::default()
        };
        request.status?;
        Some(Entry {
            at: Some((s.time, Zone::Stated)),
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
    fn envoy_and_its_flags() {
        let line = "[2026-11-24T07:47:17.695Z] \"GET /search?q=chair HTTP/1.1\" 504 UT 0 24 1997 - \"198.51.100.66\" \"python-requests/2.32.3\" \"b116a024-a621\" \"shop.example.com\" \"127.0.0.1:8571\"";
        let q = Envoy.read(line, &Context::default()).unwrap().request.unwrap();
        assert_eq!(
            (q.status, q.flags.as_deref(), q.upstream.as_deref()),
            (Some(504), Some("UT"), Some("127.0.0.1:8571"))
        );
        assert_eq!(
            (q.client.as_deref(), q.duration_us, q.host.as_deref()),
            (Some("198.51.100.66"), Some(1_997_000), Some("shop.example.com"))
        );
    }

    #[test]
    fn alb_with_its_target() {
        let line = "http 2026-11-24T07:38:34.386860Z app/prod-shop/50dc 203.0.113.130:33426 10.20.0.47:8080 0.000 0.001 0.000 500 500 300 161 \"GET http://shop.example.com:80/items/258 HTTP/1.1\" \"curl/7\" - - arn:aws:x \"Root=1-6b053efa\" \"-\"";
        let q = Alb.read(line, &Context::default()).unwrap().request.unwrap();
        assert_eq!((q.status, q.upstream_status, q.target.as_ref()), (Some(500), Some(500), "/items/258"));
        assert_eq!(q.trace.as_deref(), Some("Root=1-6b053efa"));
    }
}
