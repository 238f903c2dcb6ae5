//! What Python's servers write of requests besides CLF: uWSGI and uvicorn.
//!
//! ```text
//! [pid: 9741|app: 0|req: 3/9] 127.0.0.1 () {40 vars in 512 bytes} [Tue Nov 24 08:03:19 2026] GET /route/2/8 => generated 0 bytes in 5 msecs (HTTP/1.1 500) 2 headers in 80 bytes (1 switches on core 0)
//! INFO:     127.0.0.1:51000 - "GET /rooms/7 HTTP/1.1" 500 Internal Server Error
//! ```
//!
//! Sources: uWSGI `core/logging.c`; uvicorn `logging.py`, `AccessFormatter`.

use super::line::{address, request_line, status};
use crate::time::stamp;
use crate::{Context, Entry, LineFormat, RequestRef};
use record::Level;
use std::borrow::Cow;

/// uWSGI's request lines.
pub(super) struct Uwsgi;
/// uvicorn's access lines, which have no time.
pub(super) struct Uvicorn;

impl LineFormat for Uwsgi {
    fn name(&self) -> &'static str {
        "uwsgi"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        let rest = line.strip_prefix("[pid: ")?;
        let pid = rest.split('|').next()?;
        let client = rest.split_once("] ").and_then(|(_, r)| r.split(' ').next()).and_then(address);
        let open = rest.find("} [")? + 3;
        let s = stamp(rest.get(open..)?, context.reference)?;
        let rest = rest.get(open + s.len..)?.strip_prefix("] ")?;
        let (line_part, tail) = rest.split_once(" => ")?;
        let (method, target, host) = request_line(line_part)?;
        let code = tail.split_once("(HTTP/").and_then(|(_, r)| status(r.split(' ').nth(1)?));
        let took = tail.split_once(" in ").and_then(|(_, r)| {
            let mut w = r.split(' ');
            let n: u64 = w.next()?.parse().ok()?;
            Some(if w.next()? == "micros" { n } else { n.saturating_mul(1000) })
        });
        let request = RequestRef {
            method: method.into(),
            target: target.into(),
            host: host.map(Cow::Borrowed),
            client: client.map(Cow::Borrowed),
            status: code,
            duration_us: took,
            ..RequestRef::default()
        };
        Some(Entry {
            at: Some((s.time, s.zone)),
            pid: Some(pid.into()),
            message: line.into(),
            request: Some(request),
            closed: true,
            ..Entry::default()
        })
    }
}

impl LineFormat for Uvicorn {
    fn name(&self) -> &'static str {
        "uvicorn access"
    }

    fn read<'a>(&self, line: &'a str, _: &Context) -> Option<Entry<'a>> {
        let rest = line.strip_prefix("INFO:")?.trim_start();
        let (client, rest) = rest.split_once(" - \"")?;
        let (text, rest) = rest.split_once('"')?;
        let (method, target, host) = request_line(text)?;
        let code = status(rest.trim_start().split(' ').next()?)?;
        let request = RequestRef {
            method: method.into(),
            target: target.into(),
            host: host.map(Cow::Borrowed),
            client: address(client).map(Cow::Borrowed),
            status: Some(code),
            ..RequestRef::default()
        };
        Some(Entry {
            level: Level::Info,
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
    fn uwsgi_and_uvicorn() {
        let e = Uwsgi.read("[pid: 9741|app: 0|req: 3/9] 127.0.0.1 () {40 vars in 512 bytes} [Tue Nov 24 08:03:19 2026] GET /route/2/8 => generated 0 bytes in 5 msecs (HTTP/1.1 500) 2 headers in 80 bytes (1 switches on core 0)", &Context::default()).unwrap();
        let q = e.request.unwrap();
        assert_eq!((q.target.as_ref(), q.status, q.duration_us), ("/route/2/8", Some(500), Some(5000)));
        let e = Uvicorn
            .read(
                "INFO:     127.0.0.1:51000 - \"GET /rooms/7 HTTP/1.1\" 500 Internal Server Error",
                &Context::default(),
            )
            .unwrap();
        assert_eq!(e.request.unwrap().status, Some(500));
        assert!(e.at.is_none());
    }
}
