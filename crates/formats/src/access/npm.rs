//! Nginx Proxy Manager's own layouts, which begin with the time and hold the request in pieces.
//!
//! ```text
//! [24/Jan/2026:16:51:02 +0000] - 502 502 - GET http openresty.local "/orders" [Client 203.0.113.4] [Length 192] [Gzip 3.10] [Sent-to 10.0.0.15] "Mozilla/5.0 (X11)" "-"
//! [24/Jan/2026:13:40:19 +0000] 444 - GET https 198.51.100.3 "/.env" [Client 207.32.219.89] [Length 0] [Gzip -] "curl/8.5.0" "-"
//! ```
//!
//! Source: jc21/nginx-proxy-manager, `docker/rootfs/etc/nginx/nginx.conf` (`log_format proxy`, `log_format
//! standard`).

use super::line::Draft;
use super::token::{Shape, Tokens};
use super::value;
use crate::mention::is_method;
use crate::{Context, Entry, LineFormat, time};
use std::borrow::Cow;

/// Nginx Proxy Manager.
pub(super) struct Npm;

impl LineFormat for Npm {
    fn name(&self) -> &'static str {
        "nginx proxy manager"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        let at = time::stamp(line.strip_prefix('[')?, context.reference)?;
        if !line.contains("\" [Client ") {
            return None;
        }
        let mut tokens = Tokens::new(line);
        tokens.next()?;
        let mut draft = Draft { at: Some((at.time, at.zone)), ..Draft::default() };
        let request = &mut draft.request;
        // Cache state, the upstream's status, the status: as many as the layout has.
        for _ in 0..6 {
            let word = tokens.next()?.text;
            if is_method(word) {
                request.method = Cow::Borrowed(word);
                break;
            }
            if let Some(s) = value::status(word) {
                request.upstream_status = request.status;
                request.status = Some(s);
            }
        }
        let _scheme = tokens.next()?;
        request.host = Some(Cow::Borrowed(tokens.next()?.text));
        request.target = Cow::Borrowed(tokens.next().filter(|t| t.shape == Shape::Quoted)?.text);
        request.status?;
        for t in tokens {
            if t.shape == Shape::Quoted && request.agent.is_none() {
                request.agent = Some(Cow::Borrowed(t.text));
            } else if let Some(client) = t.text.strip_prefix("Client ") {
                request.client = Some(Cow::Borrowed(client));
            } else if let Some(upstream) = t.text.strip_prefix("Sent-to ") {
                request.upstream = Some(Cow::Borrowed(upstream));
            }
        }
        Some(draft.entry(line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxied_and_own_answers() {
        let r = Npm.read(r#"[24/Jan/2026:16:51:02 +0000] - 502 504 - GET http openresty.local "/orders" [Client 203.0.113.4] [Length 192] [Gzip 3.10] [Sent-to 10.0.0.15] "Mozilla/5.0 (X11)" "-""#, &Context::default()).unwrap().request.unwrap();
        assert_eq!(
            (r.method.as_ref(), r.target.as_ref(), r.status, r.upstream_status),
            ("GET", "/orders", Some(504), Some(502))
        );
        assert_eq!((r.client.as_deref(), r.upstream.as_deref()), (Some("203.0.113.4"), Some("10.0.0.15")));
        let r = Npm.read(r#"[24/Jan/2026:13:40:19 +0000] 444 - GET https 198.51.100.3 "/.env" [Client 207.32.219.89] [Length 0] [Gzip -] "curl/8.5.0" "-""#, &Context::default()).unwrap().request.unwrap();
        assert_eq!((r.status, r.upstream_status, r.agent.as_deref()), (Some(444), None, Some("curl/8.5.0")));
        assert!(
            Npm.read(r#"[24/Nov/2026 07:11:37] "GET /x HTTP/1.1" 500 145"#, &Context::default()).is_none()
        );
    }
}
