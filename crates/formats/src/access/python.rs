//! What Python's servers write of requests besides the common format: uWSGI, uvicorn, Tornado.
//!
//! ```text
//! [pid: 9741|app: 0|req: 3/9] 127.0.0.1 () {40 vars in 512 bytes} [Tue Nov 24 08:03:19 2026] GET /route/2/8 => generated 0 bytes in 5 msecs (HTTP/1.1 500) 2 headers in 80 bytes (1 switches on core 0)
//! INFO:     2001:db8:2::a1:0 - "GET /rooms?page=1 HTTP/1.0" 500 Internal Server Error
//! [E 261124 08:05:13 web:2293] 500 PUT /baskets/160 (203.0.113.9) 5.92ms
//! ```
//!
//! Sources: uWSGI `core/logging.c` (`uwsgi_logit_simple`, `uwsgi_logit_lf`), uvicorn `logging.py`
//! (`AccessFormatter`), Tornado `web.py` (`Application.log_request`) and `log.py` (`LogFormatter`).
//! hypercorn, waitress, gunicorn, aiohttp, werkzeug and http.server write the common format (`clf.rs`).

use super::line::{self, Draft, set_target};
use super::value;
use crate::mention::{address, is_method};
use crate::{Context, Entry, LineFormat, time};
use record::Ending;
use std::borrow::Cow;

/// uWSGI's request lines.
pub(super) struct Uwsgi;
/// uvicorn's access lines, which have no time.
pub(super) struct Uvicorn;
/// Tornado's request lines.
pub(super) struct Tornado;

impl LineFormat for Uwsgi {
    fn name(&self) -> &'static str {
        "uwsgi"
    }

    fn read<'a>(&self, text: &'a str, context: &Context) -> Option<Entry<'a>> {
        let rest = text.strip_prefix("[pid: ")?;
        let (head, rest) = rest.split_once("] ")?;
        let pid = head.split(['|', ' ']).next()?;
        let client = rest.split(' ').next()?;
        // `{40 vars in 512 bytes}` only stands where the variables were parsed.
        let open = rest.find(" [")? + 2;
        let stamp = time::stamp(rest.get(open..)?, context.reference)?;
        let (asked, tail) = rest.get(open + stamp.len..)?.strip_prefix("] ")?.split_once(" => ")?;
        let (method, target) = asked.split_once(' ').unwrap_or((asked, ""));
        let mut draft = Draft { at: Some((stamp.time, stamp.zone)), pid: Some(pid), ..Draft::default() };
        if is_method(method) {
            draft.request.method = Cow::Borrowed(method);
            set_target(&mut draft.request, target);
        }
        draft.request.client = address(client).map(Cow::Borrowed);
        let code = tail.split_once("(HTTP/").and_then(|(_, r)| r.split([' ', ')']).nth(1));
        draft.request.status = code.and_then(value::status);
        // Status 0: the app was killed or the peer left before it had written a header.
        if draft.request.status.is_none() && code.is_some() {
            draft.request.ending = Ending::Cut;
        }
        let mut words = tail.split_once(" in ").map_or("", |(_, r)| r).split(' ');
        let number = words.next().unwrap_or_default();
        draft.request.duration_us =
            words.next().and_then(value::unit_us).and_then(|unit| line::scale(number, unit));
        Some(draft.entry(text))
    }
}

impl LineFormat for Uvicorn {
    fn name(&self) -> &'static str {
        "uvicorn access"
    }

    fn read<'a>(&self, text: &'a str, _context: &Context) -> Option<Entry<'a>> {
        let rest = text.trim_start().strip_prefix("INFO")?;
        if !rest.starts_with([':', ' ', '\u{1b}']) || !rest.contains(" - \"") {
            return None;
        }
        let draft = line::read(text, None)?;
        (draft.quoted && draft.words == 0).then(|| draft.entry(text))
    }
}

impl LineFormat for Tornado {
    fn name(&self) -> &'static str {
        "tornado access"
    }

    fn read<'a>(&self, text: &'a str, context: &Context) -> Option<Entry<'a>> {
        if text.get(2..3) != Some(" ") || !text.starts_with('[') || !text.ends_with("ms") {
            return None;
        }
        let draft = line::read(text, Some(context))?;
        (draft.words == 0).then(|| draft.entry(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::Level;

    fn context() -> Context {
        Context::default()
    }

    #[test]
    fn uwsgi_counts_workers_and_time() {
        let line = "[pid: 9741|app: 0|req: 3/9] 2001:db8:4::1f () {40 vars in 512 bytes} [Tue Nov 24 08:03:19 2026] GET /route/2/8?a=b => generated 0 bytes in 5 msecs (HTTP/1.1 500) 2 headers in 80 bytes (1 switches on core 0)";
        let e = Uwsgi.read(line, &context()).unwrap();
        assert_eq!(
            (e.pid.as_deref(), e.at.unwrap().0.to_string()),
            (Some("9741"), "2026-11-24T08:03:19Z".into())
        );
        let r = e.request.unwrap();
        assert_eq!((r.method.as_ref(), r.target.as_ref(), r.status), ("GET", "/route/2/8?a=b", Some(500)));
        assert_eq!((r.client.as_deref(), r.duration_us), (Some("2001:db8:4::1f"), Some(5_000)));
        let micros = line.replace("5 msecs", "512 micros");
        assert_eq!(Uwsgi.read(&micros, &context()).unwrap().request.unwrap().duration_us, Some(512));
    }

    #[test]
    fn uvicorn_has_no_time() {
        for line in [
            "INFO:     2001:db8:2::a1:0 - \"GET /rooms HTTP/1.0\" 500 Internal Server Error",
            "\u{1b}[32mINFO\u{1b}[0m:     2001:db8:2::a1:0 - \"\u{1b}[1mGET /rooms HTTP/1.0\u{1b}[0m\" \u{1b}[91m500 Internal Server Error\u{1b}[0m",
        ] {
            let line = line.trim_start_matches("\u{1b}[32m");
            let e = Uvicorn.read(line, &context()).expect(line);
            assert_eq!((e.level, e.at), (Level::Info, None));
            let r = e.request.unwrap();
            assert_eq!(
                (r.client.as_deref(), r.target.as_ref(), r.status),
                (Some("2001:db8:2::a1"), "/rooms", Some(500))
            );
        }
        assert!(Uvicorn.read("INFO:     Started server process [7]", &context()).is_none());
    }

    #[test]
    fn tornado_writes_the_request_twice_and_counts_once() {
        let e = Tornado
            .read("[E 261124 08:05:13 web:2293] 500 PUT /baskets/160 (203.0.113.9) 5.92ms", &context())
            .unwrap();
        assert_eq!((e.level, e.at.unwrap().0.to_string()), (Level::Error, "2026-11-24T08:05:13Z".into()));
        let r = e.request.unwrap();
        assert_eq!((r.method.as_ref(), r.target.as_ref(), r.status), ("PUT", "/baskets/160", Some(500)));
        assert_eq!((r.client.as_deref(), r.duration_us), (Some("203.0.113.9"), Some(5_920)));
        for line in [
            "[W 261124 08:05:02 web:1818] 503 GET /baskets/224 (203.0.113.222): no stock in 3ms",
            "[E 261124 08:05:13 web:1820] Uncaught exception PUT /baskets/160 (203.0.113.9)",
        ] {
            assert!(Tornado.read(line, &context()).is_none(), "{line}");
        }
    }
}
