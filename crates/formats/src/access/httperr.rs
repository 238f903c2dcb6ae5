//! HTTPERR: what Windows' HTTP.sys answered itself, before IIS saw the request. IIS' own log has nothing of
//! these.
//!
//! ```text
//! 2026-11-24 07:30:12 203.0.113.9 50123 10.0.0.4 443 HTTP/1.1 GET /orders?id=7 - 503 1 AppOffline DefaultAppPool
//! 2026-11-24 07:30:12 203.0.113.9 50123 10.0.0.4 80 - - - - - - Timer_ConnectionIdle -
//! ```
//!
//! Source:
//! <https://learn.microsoft.com/troubleshoot/developer/webapps/aspnet/site-behavior-performance/error-logging-http-apis>:
//! date, time,
//! client, port, server, port, version, method, URI, (stream id since 2019,) status, site id, reason, queue
//! name.

use crate::mention::{address, is_method};
use crate::{Context, Entry, LineFormat, RequestRef, time};
use record::{Level, Zone};

/// HTTP.sys' error log.
pub(super) struct HttpErr;

impl LineFormat for HttpErr {
    fn name(&self) -> &'static str {
        "httperr"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        if !line.starts_with("20") || line.as_bytes().get(4) != Some(&b'-') {
            return None;
        }
        let stamp = time::stamp(line, context.reference)?;
        let mut words = line.get(stamp.len..)?.strip_prefix(' ')?.trim_end().split(' ');
        let is_port = |p: &str| !p.is_empty() && p.len() <= 5 && p.bytes().all(|c| c.is_ascii_digit());
        // Link-local addresses carry a zone: fe80::1%4.
        let client = words.next().map(|c| c.split('%').next().unwrap_or(c)).and_then(address)?;
        words.next().filter(|p| is_port(p))?;
        words.next().filter(|s| address(s.split('%').next().unwrap_or(s)).is_some())?;
        words.next().filter(|p| is_port(p))?;
        words.next().filter(|v| v.starts_with("HTTP/") || *v == "-")?;
        let method = words.next().filter(|m| is_method(m) || *m == "-")?;
        let target = words.next()?;
        let rest: [&str; 5] = [
            words.next()?,
            words.next()?,
            words.next()?,
            words.next().unwrap_or(""),
            words.next().unwrap_or(""),
        ];
        // With the stream id there are five more columns, without four; the reason is the last but one.
        let (status, reason, queue) = match rest {
            [s, _, reason, queue, ""] => (s, reason, queue),
            [_, s, _, reason, queue] => (s, reason, queue),
        };
        let blank = |s: &'a str| Some(s).filter(|s| !s.is_empty() && *s != "-");
        let status = status.parse::<u16>().ok().filter(|s| (100..600).contains(s));
        let mut fields = vec![("reason".into(), reason.into())];
        if let Some(q) = blank(queue) {
            fields.push(("queue".into(), q.into()));
        }
        Some(Entry {
            // Always UTC.
            at: Some((stamp.time, Zone::Stated)),
            level: if status.is_some_and(|s| s >= 500) { Level::Error } else { Level::Info },
            message: line.into(),
            request: Some(RequestRef {
                method: blank(method).unwrap_or("").into(),
                target: blank(target).unwrap_or("").into(),
                client: Some(client.into()),
                status,
                ..RequestRef::default()
            }),
            fields,
            closed: true,
            ..Entry::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stopped_pool_answers_503_here_alone() {
        let e = HttpErr.read("2026-11-24 07:30:12 203.0.113.9 50123 10.0.0.4 443 HTTP/1.1 GET /orders?id=7 - 503 1 AppOffline DefaultAppPool", &Context::default()).unwrap();
        let r = e.request.unwrap();
        assert_eq!(
            (r.method.as_ref(), r.target.as_ref(), r.status, r.client.as_deref()),
            ("GET", "/orders?id=7", Some(503), Some("203.0.113.9"))
        );
        assert_eq!(
            e.fields,
            [("reason".into(), "AppOffline".into()), ("queue".into(), "DefaultAppPool".into())]
        );
        let e = HttpErr
            .read(
                "2026-11-24 07:30:12 ::1%0 50123 ::1%0 80 HTTP/1.1 POST /x 503 1 N/A DefaultAppPool",
                &Context::default(),
            )
            .unwrap();
        assert_eq!(e.request.unwrap().status, Some(503));
        let e = HttpErr
            .read(
                "2026-11-24 07:30:12 203.0.113.9 50123 10.0.0.4 80 - - - - - - Timer_ConnectionIdle -",
                &Context::default(),
            )
            .unwrap();
        assert_eq!(
            (e.request.unwrap().status, e.fields),
            (None, vec![("reason".into(), "Timer_ConnectionIdle".into())])
        );
    }

    /// Under its own head and without it, before what reads any line with a request and a status.
    #[test]
    fn no_other_format_takes_it_first() {
        let head = "date time c-ip c-port s-ip s-port cs-version cs-method cs-uri streamid sc-status s-siteid s-reason s-queuename";
        let line = "2026-11-24 07:30:12 203.0.113.9 50123 10.0.0.4 443 HTTP/1.1 GET /orders - 503 1 AppOffline ShopPool";
        for w3c_fields in [None, Some(head.to_owned())] {
            let context = Context { w3c_fields, ..Context::default() };
            let first = crate::access::FORMATS.iter().find(|f| f.read(line, &context).is_some());
            assert_eq!(first.map(|f| f.name()), Some("httperr"));
        }
    }

    #[test]
    fn lines_of_others_are_refused() {
        for l in [
            "",
            "2026-11-24 07:30:12 10.0.0.4 GET /x - 80 - 203.0.113.9 curl 500 0 0 12",
            "2026-11-24 07:30:12 1.2.3.4 x",
            "é",
        ] {
            assert!(HttpErr.read(l, &Context::default()).is_none(), "{l}");
        }
    }
}
