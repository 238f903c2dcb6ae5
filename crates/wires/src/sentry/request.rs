//! The request that an event or a transaction is about.
//! <https://develop.sentry.dev/sdk/foundations/transport/event-payloads/request/>
//!
//! ```text
//! {"url":"http://127.0.0.1:8650/search","method":"GET","query_string":[["q","lamp"],["page","2"]],
//!  "headers":{"Host":"127.0.0.1:8650","X-Request-Id":"req-0002"},"env":{"REMOTE_ADDR":"127.0.0.1"}}
//! ```
//!
//! The query is text, a map or a list of pairs; headers a map or a list of pairs, their values text or lists (PHP).

use super::frame::clip;
use crate::lenient::{Pairs, Text};
use record::Request;
use serde::Deserialize;

/// Of one target, this much is kept.
const TARGET_BYTES_MAX: usize = 8 * 1024;

/// Headers that carry the request's id, as `formats` reads them in logs.
const ID_HEADERS: &[&str] = &["x-request-id", "x-correlation-id", "request-id", "x-amzn-trace-id"];

/// A request as the SDK shows it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Http<'a> {
    #[serde(borrow)]
    pub url: Text<'a>,
    #[serde(borrow)]
    pub method: Text<'a>,
    #[serde(borrow)]
    query_string: Pairs<'a>,
    #[serde(borrow)]
    headers: Pairs<'a>,
    #[serde(borrow)]
    env: Pairs<'a>,
}

impl Http<'_> {
    /// Is a request shown at all?
    pub fn is_there(&self) -> bool {
        !self.url.is_empty()
    }

    /// Puts what is known into a request. `user`: the address of the user, which the SDK found out.
    pub fn fill(&self, request: &mut Request, user: Option<&str>) {
        let (host, mut target) = place(&self.url);
        if !target.contains('?') && !target.is_empty() {
            let query = self.query_string.query();
            if !query.is_empty() {
                target.push('?');
                target.push_str(query.trim_start_matches('?'));
            }
        }
        request.method = method(&self.method);
        request.target = clip(&target, TARGET_BYTES_MAX).to_owned();
        request.host = self.headers.header("host").or(host).map(str::to_owned);
        // `{{auto}}` asks the server to put in whoever sent the event.
        let seen = self.env.get("REMOTE_ADDR");
        request.client =
            user.filter(|u| !u.is_empty() && !u.starts_with("{{")).or(seen).map(|c| clip(c, 64).to_owned());
        request.agent = self.headers.header("user-agent").map(|a| clip(a, 500).to_owned());
        request.id = ID_HEADERS.iter().find_map(|h| self.headers.header(h)).map(|i| clip(i, 200).to_owned());
    }
}

/// A method in capitals; nothing where it is none.
pub(super) fn method(text: &str) -> String {
    let plain = !text.is_empty() && text.len() <= 20 && text.bytes().all(|b| b.is_ascii_alphabetic());
    if plain { text.to_ascii_uppercase() } else { String::new() }
}

/// Host and target (path with query) of a URL, which may lack its scheme or its host.
pub(super) fn place(url: &str) -> (Option<&str>, String) {
    let bare = url.split('#').next().unwrap_or("");
    let Some((_, rest)) = bare.split_once("://") else {
        let target =
            if bare.starts_with('/') || bare.is_empty() { bare.to_owned() } else { format!("/{bare}") };
        return (None, target);
    };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = authority.rsplit('@').next().filter(|h| !h.is_empty());
    let target = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    (host, target)
}

/// An id (of a trace, a span, an event) in lower case without dashes; nothing where it is none or all zeros.
pub(super) fn hex(text: &str) -> Option<String> {
    let id: String = text.chars().filter(|c| *c != '-').map(|c| c.to_ascii_lowercase()).collect();
    let is_id = (8..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_hexdigit());
    (is_id && id.bytes().any(|b| b != b'0')).then_some(id)
}

/// A call to another service as a line: `GET http://127.0.0.1:8690/limited answered 429 Too Many Requests`.
pub(super) fn answered(method: &str, url: &str, status: Option<u16>, reason: &str) -> String {
    let url = clip(url.split(['?', '#']).next().unwrap_or(""), 500);
    let line = match status {
        Some(s) => format!("{method} {url} answered {s} {reason}"),
        None => format!("{method} {url} got no answer"),
    };
    clip(line.trim_end(), 1_000).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lenient::read;

    fn of(json: &str) -> Request {
        let mut room = Vec::new();
        let mut request = Request::default();
        read::<Http<'_>>(json.as_bytes(), &mut room).unwrap().fill(&mut request, Some("{{auto}}"));
        request
    }

    #[test]
    fn the_query_in_all_its_shapes() {
        for query in [
            r#""q=lamp&page=2""#,
            r#""?q=lamp&page=2""#,
            r#"{"q":"lamp","page":2}"#,
            r#"[["q","lamp"],["page","2"]]"#,
        ] {
            let json = format!(
                r#"{{"url":"https://u:p@shop.test/search#top","method":"get","query_string":{query}}}"#
            );
            let r = of(&json);
            assert_eq!(
                (r.method.as_str(), r.target.as_str(), r.host.as_deref()),
                ("GET", "/search?q=lamp&page=2", Some("shop.test"))
            );
        }
        let r = of(
            r#"{"url":"/a?b=1","query_string":"b=1","headers":{"HOST":["shop.test"],"X-REQUEST-ID":"r1"},"env":{"REMOTE_ADDR":"192.0.2.7"}}"#,
        );
        assert_eq!(
            (r.target.as_str(), r.id.as_deref(), r.client.as_deref()),
            ("/a?b=1", Some("r1"), Some("192.0.2.7"))
        );
    }

    #[test]
    fn ids_of_any_spelling() {
        assert_eq!(hex("C08FB0C0-AB16-45B5-A322-B421931A8115").unwrap(), "c08fb0c0ab1645b5a322b421931a8115");
        assert_eq!(hex("00000000-0000-0000-0000-000000000000"), None);
        assert_eq!((hex("no id"), hex(""), hex(&"a".repeat(1_000))), (None, None, None));
    }
}
