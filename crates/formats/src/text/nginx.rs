//! nginx's error log (also OpenResty's, Tengine's, Angie's, ingress-nginx').
//!
//! ```text
//! 2026/11/24 07:21:16 [error] 18756#18756: *514 upstream prematurely closed connection while reading response header from upstream, client: 198.51.100.66, server: _, request: "GET /quote/26?nights=14 HTTP/1.1", upstream: "http://127.0.0.1:8510/quote/26?nights=14", host: "booking.example.com"
//! ```
//!
//! Source: `src/core/ngx_log.c` (`ngx_log_error_core`: time, `[level] pid#tid: *connection`),
//! `src/http/ngx_http_request.c`
//! (`ngx_http_log_error_handler`: the tail `, client: …, server: …, request: "…", subrequest: …, upstream: …,
//! host: …,
//! referrer: …`). What FastCGI said in stderr is quoted with its real line breaks, so the tail may come lines
//! later.

use super::prefix::{level, stamp};
use crate::mention::{address, request_line};
use crate::{Context, Entry, LineFormat, RequestRef};
use std::borrow::Cow;

/// nginx's error log.
pub(super) struct NginxError;

impl LineFormat for NginxError {
    fn name(&self) -> &'static str {
        "nginx error"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        if let Some(rest) = line.strip_prefix("nginx: ") {
            return on_terminal(rest);
        }
        let b = line.as_bytes();
        if b.get(4) != Some(&b'/') || b.get(7) != Some(&b'/') {
            return None;
        }
        let (at, rest) = stamp(line, context)?;
        let (name, rest) = rest.strip_prefix(" [")?.split_once("] ")?;
        let level = level(name)?;
        let (process, rest) = rest.split_once(": ").or_else(|| rest.split_once(':'))?;
        let (pid, thread) = process.split_once('#')?;
        let number = |s: &str| !s.is_empty() && s.bytes().all(|c| c.is_ascii_digit());
        if !number(pid) || !number(thread) {
            return None;
        }
        let mut fields = Vec::new();
        let mut message = rest;
        if let Some((connection, after)) = rest.strip_prefix('*').and_then(|r| r.split_once(' '))
            && number(connection)
        {
            fields.push((Cow::Borrowed("connection"), Cow::Borrowed(connection)));
            message = after;
        }
        let mut request = None;
        if let Some((cut, found)) = split_tail(message) {
            request = Some(found);
            message = message.get(..cut)?;
        }
        Some(Entry {
            at: Some(at),
            level,
            pid: Some(pid.into()),
            message: message.into(),
            request,
            fields,
            ..Entry::default()
        })
    }
}

/// `nginx: [emerg] host not found in upstream "api" in /etc/nginx/conf.d/x.conf:3` on the terminal of `nginx
/// -t` or a start.
fn on_terminal(rest: &str) -> Option<Entry<'_>> {
    let (name, message) = rest.strip_prefix('[')?.split_once("] ")?;
    Some(Entry { level: level(name)?, message: message.into(), ..Entry::default() })
}

/// The request named in the tail of an nginx message, also of one put together from several lines.
pub fn tail(message: &str) -> Option<RequestRef<'_>> {
    split_tail(message).map(|(_, request)| request)
}

/// Where a key stands that begins with a comma. There are few of these, and seven keys to be sought.
fn places<'a>(text: &'a str, key: &'a str) -> impl Iterator<Item = usize> + 'a {
    memchr::memchr_iter(b',', text.as_bytes())
        .filter(move |i| text.get(*i..).is_some_and(|t| t.starts_with(key)))
}

/// Where the tail begins, and what it says.
fn split_tail(message: &str) -> Option<(usize, RequestRef<'_>)> {
    // Messages may quote anything, "client: " too: the tail is where an address and "server: " follow.
    for at in places(message, ", client: ") {
        let rest = message.get(at + 10..)?;
        let end = rest.find(',').unwrap_or(rest.len());
        let client = rest.get(..end)?.trim_end();
        let known = address(client).is_some() || client.starts_with("unix:");
        let rest = rest.get(end..)?;
        if known && (rest.is_empty() || rest.starts_with(", server: ") || rest.starts_with(", request: ")) {
            return Some((at, keys(rest, client)));
        }
    }
    None
}

/// `, server: …, request: "…", subrequest: "…", upstream: "…", host: "…", referrer: "…"`, each key at most
/// once, in this order.
fn keys<'a>(rest: &'a str, client: &'a str) -> RequestRef<'a> {
    const KEYS: [&str; 7] = [
        ", server: ",
        ", request: \"",
        ", subrequest: \"",
        ", upstream: \"",
        ", host: \"",
        ", referrer: \"",
        ", bytes from/to client:",
    ];
    let mut values: [Option<&'a str>; 7] = [None; 7];
    let mut at = rest;
    let mut open: Option<usize> = None;
    for (k, key) in KEYS.iter().enumerate() {
        let Some(found) = places(at, key).next() else { continue };
        if let Some(o) = open
            && let (Some(slot), Some(v)) = (values.get_mut(o), at.get(..found))
        {
            *slot = Some(v);
        }
        at = at.get(found + key.len()..).unwrap_or_default();
        open = Some(k);
    }
    if let Some(slot) = open.and_then(|o| values.get_mut(o)) {
        *slot = Some(at.split('\n').next().unwrap_or(at));
    }
    let unquoted = |v: Option<&'a str>| v.map(|v| v.strip_suffix('"').unwrap_or(v));
    let [server, request, _, upstream, host, _, _] = values;
    let mut out =
        RequestRef { client: Some(address(client).unwrap_or(client).into()), ..RequestRef::default() };
    if let Some((method, target, absolute)) = unquoted(request).and_then(request_line) {
        out.method = method.into();
        out.target = target.into();
        out.host = absolute.map(Cow::Borrowed);
    }
    out.upstream = unquoted(upstream).and_then(peer).map(Cow::Borrowed);
    let named = server.map(str::trim).filter(|s| !s.is_empty() && *s != "_" && !s.contains(':'));
    out.host = unquoted(host).filter(|h| !h.is_empty()).or(named).map(Cow::Borrowed).or(out.host);
    out
}

/// `http://127.0.0.1:8510/x` → `127.0.0.1:8510`; `fastcgi://unix:/run/php.sock:` → `unix:/run/php.sock`;
/// `http://backend/x` → `backend`.
fn peer(url: &str) -> Option<&str> {
    let rest = url.split_once("://").map_or(url, |(_, r)| r);
    let peer = match rest.strip_prefix("unix:") {
        // The socket's path ends at the colon before the request's own path.
        Some(path) => rest.get(..5 + path.find(':').unwrap_or(path.len()))?,
        None => rest.split('/').next()?,
    };
    (!peer.is_empty()).then_some(peer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::Level;

    fn read(line: &str) -> Option<Entry<'_>> {
        NginxError.read(line, &Context::default())
    }

    #[test]
    fn an_upstream_that_hung_up_names_request_and_peer() {
        let e = read(
            "2026/11/24 07:21:16 [error] 18756#18756: *514 upstream prematurely closed connection while reading response header from upstream, \
             client: 198.51.100.66, server: _, request: \"GET /quote/26?nights=14 HTTP/1.1\", upstream: \"http://127.0.0.1:8510/quote/26?nights=14\", \
             host: \"booking.example.com\", referrer: \"https://x.example/, client: y\"",
        )
        .unwrap();
        assert_eq!(e.at.unwrap().0.to_string(), "2026-11-24T07:21:16Z");
        assert_eq!((e.level, e.pid.as_deref()), (Level::Error, Some("18756")));
        assert_eq!(
            e.message,
            "upstream prematurely closed connection while reading response header from upstream"
        );
        assert_eq!(e.fields, [("connection".into(), "514".into())]);
        let r = e.request.unwrap();
        assert_eq!((r.method.as_ref(), r.target.as_ref()), ("GET", "/quote/26?nights=14"));
        assert_eq!(r.client.as_deref(), Some("198.51.100.66"));
        assert_eq!(r.host.as_deref(), Some("booking.example.com"));
        assert_eq!(r.upstream.as_deref(), Some("127.0.0.1:8510"));
        assert_eq!(r.status, None);
    }

    #[test]
    fn a_php_fatal_over_several_lines_has_its_request_at_the_end() {
        let e = read("2026/11/24 08:09:31 [error] 16365#16365: *2 FastCGI sent in stderr: \"PHP message: PHP Fatal error:  Uncaught Error: no, client: x").unwrap();
        assert!(e.request.is_none());
        let whole = format!(
            "{}\nStack trace:\n#0 {{main}}\n  thrown in /var/www/x.php on line 3\" while reading response header from upstream, client: 2001:db8:85a3::8a2e:370:7334, \
             server: freight.example.com, request: \"POST /quotes HTTP/2.0\", upstream: \"fastcgi://unix:/run/php/php8.2-fpm.sock:\", host: \"freight.example.com\"",
            e.message
        );
        let r = tail(&whole).unwrap();
        assert_eq!((r.method.as_ref(), r.target.as_ref()), ("POST", "/quotes"));
        assert_eq!(r.client.as_deref(), Some("2001:db8:85a3::8a2e:370:7334"));
        assert_eq!(r.upstream.as_deref(), Some("unix:/run/php/php8.2-fpm.sock"));
    }

    #[test]
    fn odd_requests_and_peers_are_read() {
        let r = tail("no live upstreams while connecting to upstream, client: 10.0.0.1, server: a.example, request: \"GET /a\"b c HTTP/1.1\", subrequest: \"/auth\", upstream: \"http://backend/a\"").unwrap();
        assert_eq!(
            (r.target.as_ref(), r.upstream.as_deref(), r.host.as_deref()),
            ("/a\"b c", Some("backend"), Some("a.example"))
        );
        let r = tail("connect() failed (111: Connection refused) while connecting to upstream, client: unix:, server: _, request: \"GET / HTTP/1.0\", upstream: \"uwsgi://[::1]:8216\"").unwrap();
        assert_eq!(r.upstream.as_deref(), Some("[::1]:8216"));
        let r = tail("x, client: 1.2.3.4, server: 0.0.0.0:443, upstream: \"10.0.0.2:5432\", bytes from/to client:0/0, bytes from/to upstream:0/0").unwrap();
        assert_eq!((r.upstream.as_deref(), r.host), (Some("10.0.0.2:5432"), None));
    }

    #[test]
    fn notices_and_terminal_lines_are_read() {
        let e = read("2026/11/24 07:31:25 [notice] 26023#26023: signal process started").unwrap();
        assert_eq!((e.level, e.message.as_ref()), (Level::Notice, "signal process started"));
        let e =
            read("nginx: [emerg] host not found in upstream \"api\" in /etc/nginx/conf.d/x.conf:3").unwrap();
        assert_eq!(
            (e.level, e.message.as_ref()),
            (Level::Fatal, "host not found in upstream \"api\" in /etc/nginx/conf.d/x.conf:3")
        );
    }

    #[test]
    fn other_logs_with_such_a_time_are_refused() {
        for line in [
            "2026/11/24 07:21:05 [error] boom",
            "2026/11/24 07:21:05 main.go:12: x",
            "2026/11/24 07:21:16 [Recovery] 1#2: x",
            "",
            "nginx: x",
        ] {
            assert!(read(line).is_none(), "{line}");
        }
    }
}
