//! Common and combined logs, and whatever else has a time stamp and a quoted request line with a status: vhost_combined, nginx
//! `log_format`s, Apache `LogFormat`s, Tomcat's and Jetty's valves, Traefik, gunicorn, werkzeug, aiohttp.
//!
//! ```text
//! 198.51.100.7 - - [24/Nov/2026:07:38:05 +0000] "GET /rooms/2?x=1 HTTP/1.1" 503 339 "-" "GuzzleHttp/7" rt=0.004 urt=0.004
//! ```
//!
//! Sources: Apache `mod_log_config`, nginx `ngx_http_log_module`.

use super::line::{address, free_fields, is_private, request_line, status};
use crate::time::stamp;
use crate::{Context, Entry, LineFormat, RequestRef};
use record::{Ending, Time, Zone};
use std::borrow::Cow;

/// Access lines around a quoted request line.
pub(super) struct Clf;

impl LineFormat for Clf {
    fn name(&self) -> &'static str {
        "combined"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        let first = *line.as_bytes().first()?;
        if first == b'{' || first == b' ' || first == b'\t' {
            return None;
        }
        let quote = line.find('"')?;
        let head = line.get(..quote)?;
        // The prefix of an access line is short: addresses, users, a stamp.
        if head.len() > 300 {
            return None;
        }
        let at = time_in(head, context.reference)?;
        let inner = line.get(quote + 1..)?;
        let end = closing_quote(inner)?;
        let text = inner.get(..end)?;
        let after = inner.get(end + 1..)?.trim_start_matches([' ', ',']);
        let word_end = after.find([' ', '\t']).unwrap_or(after.len());
        let (word, rest) = after.split_at(word_end);
        let code = status(word);
        if code.is_none() && word != "-" {
            return None;
        }
        let mut request = RequestRef { status: code, ..RequestRef::default() };
        match request_line(text) {
            Some((method, target, host)) => {
                request.method = method.into();
                request.target = target.into();
                request.host = host.map(Cow::Borrowed);
            }
            // A torn or hostile request line: `"-"`, `"\x16\x03"`.
            None if code.is_some() && (text == "-" || text.is_empty() || text.starts_with("\\x")) => {}
            None => return None,
        }
        prefix(&mut request, head);
        free_fields(&mut request, rest);
        match code {
            Some(499) => request.ending = Ending::ClientLeft,
            None => request.ending = Ending::Cut,
            _ => {}
        }
        Some(Entry {
            at: Some(at),
            message: line.into(),
            request: Some(request),
            closed: true,
            ..Entry::default()
        })
    }
}

/// The stamp in the prefix: in brackets, or bare at its begin or after one word.
fn time_in(head: &str, reference: Time) -> Option<(Time, Zone)> {
    for (i, _) in head.match_indices('[').take(4) {
        if let Some(s) = stamp(head.get(i + 1..)?, reference) {
            return Some((s.time, s.zone));
        }
    }
    let mut from = 0;
    for word in head.split(' ').take(4) {
        if word.starts_with(|c: char| c.is_ascii_digit())
            && word.len() >= 8
            && let Some(s) = head.get(from..).and_then(|h| stamp(h, reference))
        {
            return Some((s.time, s.zone));
        }
        from += word.len() + 1;
    }
    None
}

fn closing_quote(text: &str) -> Option<usize> {
    let b = text.as_bytes();
    let mut i = 0;
    while i < b.len() {
        match b[i] {
            b'\\' => i += 2,
            b'"' => return Some(i),
            _ => i += 1,
        }
    }
    None
}

/// Client, virtual host and ids before the request line.
fn prefix<'a>(request: &mut RequestRef<'a>, head: &'a str) {
    let mut in_brackets = false;
    for (n, word) in head.split(' ').filter(|w| !w.is_empty()).enumerate() {
        if word.starts_with('[') {
            in_brackets = !word.ends_with(']');
            continue;
        }
        if in_brackets {
            in_brackets = !word.ends_with(']');
            continue;
        }
        if let Some(a) = address(word) {
            // The first address is the peer; another one replaces it if that was a proxy.
            if request.client.as_deref().is_none_or(is_private) {
                request.client = Some(a.into());
            }
        } else if n <= 2
            && request.host.is_none()
            && word.contains('.')
            && word.bytes().any(|b| b.is_ascii_alphabetic())
            && !word.contains('/')
        {
            request.host = Some(word.into());
        } else if request.id.is_none() && super::line::is_id(word) {
            request.id = Some(word.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> RequestRef<'_> {
        Clf.read(line, &Context::default()).expect(line).request.unwrap()
    }

    #[test]
    fn combined_with_named_fields() {
        let q = read(
            r#"203.0.113.5 - - [24/Nov/2026:07:30:06 +0000] "GET /customers/42?x=1 HTTP/1.1" 500 207 "-" "curl/7.88.1" rt=0.164 uct="0.000" urt="0.164" rid=bb76655dcdb6147708d04ba35559005b"#,
        );
        assert_eq!((q.method.as_ref(), q.target.as_ref(), q.status), ("GET", "/customers/42?x=1", Some(500)));
        assert_eq!((q.client.as_deref(), q.agent.as_deref()), (Some("203.0.113.5"), Some("curl/7.88.1")));
        assert_eq!(
            (q.duration_us, q.id.as_deref()),
            (Some(164_000), Some("bb76655dcdb6147708d04ba35559005b"))
        );
    }

    #[test]
    fn other_layouts_are_inferred() {
        let q = read(
            r#"198.51.100.77 [24/Nov/2026:07:37:57 +0000] awU-1as8bSVCQw2vTCTr8AAAAAA "GET /reports/sales?year=2026 HTTP/1.1" 200 48 1896us "Mozilla/5.0 (X11)""#,
        );
        assert_eq!((q.id.as_deref(), q.duration_us), (Some("awU-1as8bSVCQw2vTCTr8AAAAAA"), Some(1896)));
        let q = read(r#"24/Nov/2026 07:49:00.214 203.0.113.64 "GET /api/orders/9527 HTTP/1.1" 200 220 8 ms"#);
        assert_eq!((q.client.as_deref(), q.duration_us), (Some("203.0.113.64"), Some(8000)));
        let q = read(
            r#"www.greenleaf.example:80 203.0.113.33 - - [24/Nov/2026:07:29:47 +0000] "GET /a HTTP/1.1" 200 287 "-" "x/1.0 (y)""#,
        );
        assert_eq!(q.host.as_deref(), Some("www.greenleaf.example:80"));
        let q = read(r#"198.51.100.23 [2026-11-24T07:32:01+00:00] "POST /invoices" 201 0.002"#);
        assert_eq!((q.target.as_ref(), q.duration_us), ("/invoices", Some(2000)));
        let q = read(
            r#"198.51.100.102 - - [24/Nov/2026:08:24:11 +0000] "GET /statistics HTTP/1.1" 504 287 "https://a/" "okhttp/4.12.0" 3004085"#,
        );
        assert_eq!(q.duration_us, Some(3_004_085));
    }

    #[test]
    fn clients_that_left_and_torn_requests() {
        assert_eq!(
            read(r#"1.2.3.4 - - [24/Nov/2026:07:30:06 +0000] "GET /x HTTP/1.1" 499 0 "-" "-""#).ending,
            Ending::ClientLeft
        );
        assert_eq!(
            read(r#"1.2.3.4 - - [24/Nov/2026:07:30:06 +0000] "\x16\x03\x01" 400 157"#).status,
            Some(400)
        );
    }

    #[test]
    fn prose_is_no_access_line() {
        for line in [r#"2026-11-24 07:00:00 ERROR said "GET" 500"#, r#"he said "hello" 200"#, "", "x"] {
            assert!(Clf.read(line, &Context::default()).is_none(), "{line}");
        }
    }
}
