//! A request with its status, found in a line of any layout.
//!
//! ```text
//! 203.0.113.4 - - [24/Nov/2026:07:21:01 +0000] "POST /bookings HTTP/1.1" 201 10 "-" "curl/8.5.0" rt=0.001 urt=0.001 us=201
//! prices.example.com 198.51.100.77 [24/Nov/2026:08:15:31 +0000] "GET /data" 500 0.002s
//! 2026-11-24 07:06:50.214 INFO  [http] 13292 203.0.113.112 POST /quotes 200 17ms
//! [GIN] 2026/11/24 - 07:32:12 | 500 |  3.5ms |  203.0.113.9 | POST     "/add-user"
//! ```
//!
//! People lay out access logs as they like, but what stands in them has a shape of its own. So the line is
//! read in three parts: what comes before the request (time, client, host, level, id), the request with its
//! status directly behind or before it, and the tail (referer, agent, durations, upstream, ids). A request
//! without a status is no entry of the ledger.
//!
//! Sources: nginx `ngx_http_log_module` (predefined `combined`), Apache `mod_log_config` (`common`,
//! `combined`, `vhost_combined` of Debian's apache2.conf), and the layouts named in the files beside this
//! one.

use super::tail::{self, Tail};
use super::token::{Shape, Token, Tokens, uncoloured};
use super::value;
use crate::mention::address;
use crate::mention::{is_method, split_url};
use crate::{Context, Entry, RequestRef, time};
use record::{Ending, Level, Time, Zone};
use std::borrow::Cow;

/// So many tokens may come before the request.
const BEFORE_MAX: usize = 24;

/// Of a line, this much is looked at: requests with long targets fit, dumps do not matter.
const SEARCHED_BYTES: usize = 64 * 1024;

/// What was read so far.
#[derive(Debug, Default)]
pub(super) struct Draft<'a> {
    /// Time, if the line has one.
    pub at: Option<(Time, Zone)>,
    /// Level, if the line has one.
    pub level: Level,
    /// Process, worker or thread.
    pub pid: Option<&'a str>,
    /// Logger or program named before the request.
    pub logger: Option<&'a str>,
    /// The request.
    pub request: RequestRef<'a>,
    /// The client that the nearest proxy reported.
    pub forwarded: Option<&'a str>,
    /// The rest.
    pub fields: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// The request line was in quotes with its protocol.
    pub quoted: bool,
    /// Words before the request that were no known piece of a prefix.
    pub words: u8,
    /// The target was absolute: asked of a proxy, or by a program of others.
    pub absolute: bool,
    /// The request line was garbage or empty (`"-" 408`, TLS sent to a plain port).
    pub torn: bool,
}

impl<'a> Draft<'a> {
    /// The entry of the ledger that the line makes.
    pub(super) fn entry(self, line: &'a str) -> Entry<'a> {
        let mut fields = self.fields;
        if let Some(logger) = self.logger {
            fields.push((Cow::Borrowed("logger"), Cow::Borrowed(logger)));
        }
        let mut request = self.request;
        settle(&mut request, self.forwarded);
        Entry {
            at: self.at,
            level: self.level,
            pid: self.pid.map(Cow::Borrowed),
            message: Cow::Borrowed(line),
            request: Some(request),
            fields,
            closed: true,
            ..Entry::default()
        }
    }
}

/// The client behind a proxy of the house is the one the proxy reports; nginx writes 499 when the client
/// left.
pub(crate) fn settle<'a>(request: &mut RequestRef<'a>, forwarded: Option<&'a str>) {
    if let Some(first) = forwarded
        && request.client.as_deref().is_none_or(value::is_local)
    {
        request.client = Some(Cow::Borrowed(first));
    }
    if request.status == Some(499) {
        request.ending = Ending::ClientLeft;
    }
}

/// Sets the target; of an absolute one, its host too.
pub(super) fn set_target<'a>(request: &mut RequestRef<'a>, target: &'a str) {
    let (host, path) = split_url(target);
    request.target = Cow::Borrowed(path);
    if let Some(h) = host.filter(|h| !h.is_empty()) {
        request.host = Some(Cow::Borrowed(h));
    }
}

/// A request line, in quotes or not: method, target, and whether a protocol stood behind.
pub(super) fn asked(text: &str) -> Option<(&str, &str, bool)> {
    let text = uncoloured(text);
    let (method, rest) = text.split_once(' ')?;
    let rest = rest.trim_start_matches(' ');
    let (target, protocol) = match rest.rsplit_once(' ') {
        Some((t, p)) if p.starts_with("HTTP/") || p.starts_with("http/") => (t, true),
        // Hypercorn writes the bare version.
        Some((t, "1.0" | "1.1" | "2" | "2.0" | "3")) => (t, true),
        _ => (rest, false),
    };
    // Extensions (WebDAV, Varnish) are methods where a protocol shows that the whole is a request line.
    let known = is_method(method)
        || protocol
            && (3..=20).contains(&method.len())
            && method.bytes().all(|c| c.is_ascii_uppercase() || c == b'-');
    let target = target.trim_end_matches(' ');
    let route = target.starts_with('/') || target.starts_with("http://") || target.starts_with("https://");
    (known && (route || protocol || target == "*")).then_some((method, target, protocol))
}

/// A request line's method, target and, of an absolute target, host.
pub(crate) fn request_line(text: &str) -> Option<(&str, &str, Option<&str>)> {
    let (method, target, _) = asked(text)?;
    let (host, path) = split_url(target);
    Some((method, path, host.filter(|h| !h.is_empty())))
}

/// Words between client, status and request that say nothing.
fn is_neutral(word: &str) -> bool {
    matches!(
        word,
        "" | "-"
            | "--"
            | "|"
            | "||"
            | ":"
            | "->"
            | "=>"
            | "→"
            | "–"
            | "—"
            | "~"
            | ","
            | "match"
            | "nomatch"
            | "·"
            | "•"
    )
}

/// Words before a request that say the program itself is the one who asks.
pub(super) fn is_outgoing(word: &str) -> bool {
    const WORDS: [&str; 24] = [
        "calling",
        "call",
        "outgoing",
        "outbound",
        "upstream",
        "client",
        "httpclient",
        "http_client",
        "axios",
        "fetch",
        "fetching",
        "requesting",
        "sending",
        "urllib3",
        "connectionpool",
        "urllib3.connectionpool",
        "httpx",
        "resttemplate",
        "webclient",
        "feign",
        "okhttp",
        "faraday",
        "guzzle",
        "proxying",
    ];
    let w = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    w.len() <= 24 && WORDS.iter().any(|o| w.eq_ignore_ascii_case(o))
        || word.contains("connectionpool")
        || word.contains("http_client")
        || word.contains("HttpClient")
}

/// Could a method and a target stand in the text? A slash that begins a word, behind what ends a method's
/// column. Most lines of programs are told from request lines by this alone.
pub(super) fn may_hold(text: &str) -> bool {
    let b = text.as_bytes();
    memchr::memchr_iter(b'/', b).any(|i| {
        let before = b.get(..i).unwrap_or_default();
        match before.last() {
            Some(b'=') => true,
            Some(b' ' | b'"' | b'\'') => {
                let lead = before.iter().rev().find(|c| !matches!(c, b' ' | b'"' | b'\'' | b'\t'));
                lead.is_some_and(|c| {
                    c.is_ascii_uppercase()
                        || c.is_ascii_digit()
                        || matches!(c, b']' | b'|' | b'-' | b')' | b'm' | b':' | b'=')
                })
            }
            // `GET http://…` of proxies.
            Some(b':') => b.get(i + 1) == Some(&b'/'),
            _ => false,
        }
    })
}

/// What comes before the request.
#[derive(Default)]
struct Before<'a> {
    first: Option<&'a str>,
    clients: [Option<(usize, &'a str)>; 2],
    hosts: [Option<(usize, &'a str)>; 2],
    /// Index of the token that was the time.
    stamp: Option<usize>,
    dashes: usize,
    /// A status directly before the request.
    status: Option<u16>,
    url: bool,
    outgoing: bool,
    index: usize,
}

/// The line up to the limit, cut at a character.
pub(super) fn head(text: &str) -> &str {
    if text.len() <= SEARCHED_BYTES {
        return text;
    }
    let mut end = SEARCHED_BYTES;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

/// Reads a line. With a context, time stamps before the request are read; a message whose prefix is off has
/// none.
pub(super) fn read<'a>(text: &'a str, context: Option<&Context>) -> Option<Draft<'a>> {
    read_tokens(Tokens::new(head(text)), context)
}

/// Reads the columns of a line that some other character than a blank parts.
pub(super) fn read_columns<'a>(text: &'a str, delimiter: u8, context: &Context) -> Option<Draft<'a>> {
    read_tokens(Tokens::columns(head(text), delimiter), Some(context))
}

fn read_tokens<'a>(mut tokens: Tokens<'a>, context: Option<&Context>) -> Option<Draft<'a>> {
    let mut draft = Draft::default();
    let mut before = Before::default();
    for index in 0..BEFORE_MAX {
        before.index = index;
        let token = tokens.next()?;
        if let Some(status) = request_at(token, &mut tokens, &mut draft, &mut before) {
            return finish(draft, before, tokens, status);
        }
        take(token, &mut tokens, &mut draft, &mut before, context);
    }
    None
}

/// Is the token the request or its begin? Then the tokens stand behind it; the inner value is a status inside
/// of it.
fn request_at<'a>(
    token: Token<'a>,
    tokens: &mut Tokens<'a>,
    draft: &mut Draft<'a>,
    before: &mut Before<'a>,
) -> Option<Option<u16>> {
    match token.shape {
        Shape::Quoted => {
            if let Some((method, target, protocol)) = asked(token.text) {
                draft.request.method = Cow::Borrowed(method);
                draft.absolute = target.contains("://") && !target.starts_with('/');
                set_target(&mut draft.request, target);
                draft.quoted = protocol || before.stamp.is_some();
                // A quote in the target closed it too soon: `"GET /x?q="a" HTTP/1.1"`.
                let start = token.start + token.text.len() + 2;
                if !protocol && let Some(end) = tokens.rest().strip_prefix("HTTP/").and_then(|r| r.find('"'))
                {
                    let blank = 1;
                    tokens.seek(start + blank + "HTTP/".len() + end + 1);
                }
                return Some(None);
            }
            // `"-" 408 0 "-" "-"`, `"\x16\x03\x01" 400 226`: what came was no request, yet it was answered.
            let after = tokens.peek()?;
            if token.key.is_empty()
                && before.stamp.is_some()
                && (before.clients[0].is_some() || before.dashes >= 1)
                && after.shape == Shape::Bare
                && value::status(after.text).is_some()
                && before.status.is_none()
                && {
                    let mut ahead = *tokens;
                    ahead.next();
                    ahead.peek().is_none_or(|t| t.text == "-" || t.text.bytes().all(|c| c.is_ascii_digit()))
                }
            {
                draft.torn = true;
                draft.quoted = true;
                if token.text != "-" {
                    draft.request.target = Cow::Borrowed(token.text);
                }
                return Some(None);
            }
            None
        }
        Shape::Bare | Shape::Group => {
            let word = token.text.trim_end_matches([':', '|', ']']).trim_start_matches(['(', '[', '"']);
            if !is_method(word) || !token.key.is_empty() && token.key != "method" {
                return None;
            }
            let mut ahead = *tokens;
            let mut status = None;
            for _ in 0..4 {
                let next = ahead.next()?;
                let text = next.text.trim_matches('|');
                if next.key.is_empty() && (text.starts_with('/') || text == "*")
                    || text.starts_with('/') && is_path_key(next.key)
                {
                    draft.request.method = Cow::Borrowed(word);
                    let target = if next.shape == Shape::Quoted {
                        text
                    } else {
                        text.trim_end_matches([',', ';', ':', ')', '"'])
                    };
                    draft.request.target = Cow::Borrowed(target);
                    *tokens = ahead;
                    if let Some(p) = tokens.peek().filter(|p| p.text.starts_with("HTTP/")) {
                        tokens.next();
                        // `GET /x HTTP/1.1" 500` after a quote that was lost, `HTTP/1.1: 500`.
                        draft.quoted = p.text.ends_with('"');
                    }
                    return Some(status);
                }
                // `GET (500) /x` of Symfony's local server, `GET     [500] /x` of shelf, `GET 500 127.0.0.1
                // /x` of Hanami.
                if status.is_none() && value::status(text.trim_matches(['(', ')'])).is_some() {
                    status = value::status(text.trim_matches(['(', ')']));
                } else if let Some(a) = address(text) {
                    before.clients[0] = before.clients[0].or(Some((before.index, a)));
                } else if !is_neutral(text) {
                    return None;
                }
            }
            None
        }
    }
}

fn is_path_key(key: &str) -> bool {
    matches!(key, "path" | "uri" | "url" | "request_path" | "request_uri" | "target")
}

/// Takes one token before the request for what it is.
fn take<'a>(
    token: Token<'a>,
    tokens: &mut Tokens<'a>,
    draft: &mut Draft<'a>,
    before: &mut Before<'a>,
    context: Option<&Context>,
) {
    let index = before.index;
    match token.shape {
        _ if !token.key.is_empty() => {
            tail::pair(token, draft);
            before.status = None;
        }
        Shape::Group => group(token.text.trim(), draft, before, context),
        Shape::Quoted => {
            let text = token.text.trim();
            if let Some(a) = value::forwarded(text) {
                client(a, before);
            } else if text.starts_with(|c: char| c.is_ascii_digit()) {
                stamp(text, draft, before, context);
            }
        }
        Shape::Bare => {
            let text = token.text;
            if draft.at.is_none()
                && let Some(context) = context
                && let Some(len) = bare_stamp(tokens, token.start, draft, context, index)
            {
                before.stamp = Some(index);
                tokens.seek(token.start + len);
                return;
            }
            if index == 0 {
                before.first = Some(text);
            }
            if is_neutral(text) {
                before.dashes += usize::from(text == "-");
                return;
            }
            let word = text.trim_matches(|c| matches!(c, ',' | '|' | '(' | ')' | ';' | '\''));
            // Daphne and FastCGI servers write `127.0.0.1:5`; a list of forwarders ends its parts with
            // commas.
            if let Some(a) = address(word).or_else(|| peer(word)) {
                client(a, before);
                return;
            }
            if let Some(status) = value::status(word) {
                before.status = Some(status);
                return;
            }
            if let Some(us) = value::duration(word) {
                draft.request.duration_us = Some(us);
                return;
            }
            if before.status.is_some()
                && (value::scaled(word, 1).is_some()
                    && tokens.peek().is_some_and(|t| value::unit_us(t.text).is_some())
                    || value::unit_us(word).is_some())
            {
                return;
            }
            // `logging.basicConfig`: `INFO:werkzeug:127.0.0.1 - - […`.
            if draft.level == Level::Unknown
                && let Some((name, rest)) = word.split_once(':')
                && let Some(l) = level(name)
                && let Some((logger, last)) = rest.split_once(':')
            {
                draft.level = l;
                draft.logger = Some(logger).filter(|n| is_name(n));
                if let Some(a) = address(last) {
                    client(a, before);
                }
                return;
            }
            // `Error: GET /api/users 500` is what a caller says of an answer.
            before.outgoing |= before.status.is_none() && matches!(word, "Error:" | "error:");
            if draft.level == Level::Unknown
                && let Some(level) = level(word.trim_end_matches(':'))
            {
                draft.level = level;
                return;
            }
            // `500 Internal Server Error: GET - /x`: the reason belongs to the status before it.
            if before.status.is_some() && index <= 6 && reason_word(word) {
                return;
            }
            before.status = None;
            before.url |= word.contains("://");
            before.outgoing |= is_outgoing(word);
            if value::is_id(word) && draft.request.id.is_none() {
                draft.request.id = Some(Cow::Borrowed(word));
            } else if is_host(word) && draft.level == Level::Unknown {
                let slot = if before.hosts[0].is_none() { 0 } else { 1 };
                before.hosts[slot] = Some((index, word));
            } else if !word.is_empty() && word.bytes().all(|c| c.is_ascii_digit()) {
                draft.pid = draft.pid.or(Some(word).filter(|w| w.len() <= 8));
            } else {
                draft.words = draft.words.saturating_add(1);
                let name = word.trim_end_matches(':');
                draft.logger = Some(name).filter(|n| is_name(n)).or(draft.logger);
            }
        }
    }
}

/// `127.0.0.1:5`: ports of fewer digits than [`address`] dares to take from IPv6 are sure behind IPv4.
fn peer(word: &str) -> Option<&str> {
    let (host, port) = word.rsplit_once(':')?;
    (port.len() <= 5 && port.bytes().all(|c| c.is_ascii_digit())).then(|| address(host)).flatten()
}

fn client<'a>(a: &'a str, before: &mut Before<'a>) {
    let slot = if before.clients[0].is_none() { 0 } else { 1 };
    if before.clients[slot].is_none() {
        before.clients[slot] = Some((before.index, a));
    }
}

fn reason_word(word: &str) -> bool {
    let w = word.trim_end_matches([':', ',', '!']);
    matches!(
        w,
        "OK" | "Created"
            | "Accepted"
            | "No"
            | "Content"
            | "Found"
            | "Moved"
            | "Permanently"
            | "Not"
            | "Modified"
            | "Bad"
            | "Request"
            | "Unauthorized"
            | "Forbidden"
            | "Internal"
            | "Server"
            | "Error"
            | "Gateway"
            | "Timeout"
            | "Time-out"
            | "Service"
            | "Unavailable"
            | "Implemented"
            | "Method"
            | "Allowed"
            | "Conflict"
            | "Gone"
            | "Unprocessable"
            | "Entity"
            | "Too"
            | "Many"
            | "Requests"
            | "Insufficient"
            | "Storage"
    )
}

/// A level where loggers put it: in capitals, or as a word that is nothing else.
fn level(word: &str) -> Option<Level> {
    let loud = word.len() >= 3 && word.bytes().all(|c| c.is_ascii_uppercase());
    let plain = matches!(
        word,
        "info" | "error" | "warn" | "warning" | "debug" | "notice" | "trace" | "Info" | "Error" | "Warning"
    );
    if loud || plain { Level::parse(word).filter(|_| word != "HTTP") } else { None }
}

/// A name that could be a logger, a program or a host.
fn is_name(word: &str) -> bool {
    (1..=80).contains(&word.len())
        && word.bytes().next().is_some_and(|c| c.is_ascii_alphabetic() || matches!(c, b'_' | b'@' | b'/'))
        && word.bytes().all(|c| {
            c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'-' | b':' | b'/' | b'@' | b'$' | b'#')
        })
}

/// `shop.example.com`, `shop.example.com:80`, `localhost:443`.
fn is_host(word: &str) -> bool {
    let (name, port) = word.rsplit_once(':').unwrap_or((word, "0"));
    name.len() >= 3
        && (name.contains('.') || port != "0")
        && port.len() <= 5
        && !port.is_empty()
        && port.bytes().all(|c| c.is_ascii_digit())
        && name.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'-' | b'_'))
        && name.bytes().any(|c| c.is_ascii_alphabetic())
        && name.bytes().next().is_some_and(|c| c.is_ascii_alphanumeric())
        && !name.ends_with('.')
}

/// A stamp that a quoted or bracketed text consists of; what follows it inside.
fn stamp<'a>(
    text: &'a str,
    draft: &mut Draft<'a>,
    before: &mut Before<'a>,
    context: Option<&Context>,
) -> Option<&'a str> {
    let s = time::stamp(text, context?.reference)?;
    // The access log's own time wins over that of a logger's prefix: it stands nearer to the request.
    draft.at = Some((s.time, s.zone));
    before.stamp = Some(before.index);
    text.get(s.len..).map(str::trim_start)
}

/// A stamp outside of brackets; its length. Epoch numbers count at the front only.
fn bare_stamp(
    tokens: &Tokens<'_>,
    start: usize,
    draft: &mut Draft<'_>,
    context: &Context,
    index: usize,
) -> Option<usize> {
    let mut here = *tokens;
    here.seek(start);
    let rest = here.rest();
    let first = rest.bytes().next()?;
    if !first.is_ascii_digit() && !first.is_ascii_uppercase() {
        return None;
    }
    let s = time::stamp(rest, context.reference)?;
    let text = rest.get(..s.len)?;
    if !text.contains([':', 'T']) && index > 0 {
        return None;
    }
    let after = rest.get(s.len..)?;
    if after.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return None;
    }
    draft.at = Some((s.time, s.zone));
    // `07:05:02 +00:00:` of pm2: a colon behind belongs to it.
    Some(s.len + usize::from(after.starts_with([':', ',', '|'])))
}

/// A bracketed group before the request: time, level, status, worker, id, or a logger's several pieces.
fn group<'a>(text: &'a str, draft: &mut Draft<'a>, before: &mut Before<'a>, context: Option<&Context>) {
    if text.is_empty() || text == "-" {
        return;
    }
    if text.starts_with(|c: char| c.is_ascii_digit() || c.is_ascii_uppercase())
        && let Some(rest) = stamp(text, draft, before, context)
    {
        // env_logger: `[2026-11-24T07:30:12Z INFO  actix_web::middleware::logger]`.
        if let Some((word, name)) = rest.split_once(' ')
            && let Some(l) = level(word)
        {
            draft.level = l;
            draft.logger = Some(name.trim()).filter(|n| is_name(n)).or(draft.logger);
        }
        return;
    }
    if let Some(l) = level(text.trim_end_matches(':')) {
        draft.level = l;
        return;
    }
    // Tornado: `[I 261124 08:05:02 web:2293]`.
    if let Some((letter, rest)) = text.split_once(' ')
        && letter.len() == 1
        && rest.starts_with(|c: char| c.is_ascii_digit())
        && stamp(rest, draft, before, context).is_some()
    {
        draft.level = match letter {
            "I" => Level::Info,
            "W" => Level::Warn,
            "E" => Level::Error,
            "D" => Level::Debug,
            _ => Level::Unknown,
        };
        return;
    }
    if let Some(status) = value::status(text) {
        before.status = Some(status);
    } else if let Some(a) = address(text) {
        client(a, before);
    } else if value::is_id(text) {
        draft.request.id = draft.request.id.take().or(Some(Cow::Borrowed(text)));
    } else if text.bytes().all(|c| c.is_ascii_digit()) || is_worker(text) {
        draft.pid = Some(text);
    } else if draft.logger.is_none() && is_name(text) {
        draft.logger = Some(text);
    }
}

/// A thread's or worker's name.
fn is_worker(text: &str) -> bool {
    ["exec-", "hread", "pool-", "qtp", "worker", "nio-", "XNIO", "task-", "dispatcher-", "eventloop"]
        .iter()
        .any(|w| text.contains(w))
}

/// The status behind the request, then the tail; what came before is given its meaning.
fn finish<'a>(
    mut draft: Draft<'a>,
    before: Before<'a>,
    mut tokens: Tokens<'a>,
    inner: Option<u16>,
) -> Option<Draft<'a>> {
    if before.outgoing || (before.url && before.clients[0].is_none()) {
        return None;
    }
    let mut gone = false;
    let mut status = inner;
    if status.is_none() {
        let mut ahead = tokens;
        match status_behind(&mut ahead, &mut draft, &before) {
            Some(Behind::Status(s)) => {
                status = Some(s);
                tokens = ahead;
            }
            // Traefik and nginx write `-` or 000 where nothing was answered: the client had gone.
            Some(Behind::Nothing) => {
                gone = true;
                tokens = ahead;
            }
            // Tornado's `404 GET /x (203.0.113.9): reason` goes before its request line.
            None => status = before.status.filter(|_| !explained(tokens)),
        }
    }
    if status.is_none() && !gone {
        return None;
    }
    draft.request.status = status;
    if gone {
        draft.request.ending = Ending::ClientLeft;
    }
    let clf = draft.quoted && (before.stamp.is_some() || before.clients[0].is_some() || before.dashes > 0);
    origin(&mut draft, &before, clf);
    if draft.absolute && (!draft.quoted || draft.request.client.is_none() && before.dashes == 0) {
        return None;
    }
    tail::read(tokens, &mut draft, if clf { Tail::Log } else { Tail::Prose });
    Some(draft)
}

/// Does a sentence follow the client in brackets?
fn explained(mut tokens: Tokens<'_>) -> bool {
    tokens.next().is_some_and(|t| t.text.starts_with('(') && t.text.ends_with("):"))
}

enum Behind {
    Status(u16),
    Nothing,
}

/// Words that may stand between a request and its status.
fn is_link(word: &str) -> bool {
    matches!(
        word.trim_end_matches(':'),
        "responded"
            | "completed"
            | "finished"
            | "done"
            | "with"
            | "status"
            | "Status"
            | "code"
            | "for"
            | "from"
            | "by"
            | "HTTP"
            | "ended"
            | "answered"
            | "statusCode"
            | "response"
            | "resp"
    )
}

fn status_behind<'a>(tokens: &mut Tokens<'a>, draft: &mut Draft<'a>, before: &Before<'a>) -> Option<Behind> {
    for step in 0..8 {
        let token = tokens.next()?;
        let text = token.text;
        if !token.key.is_empty() {
            match token.key {
                "status" | "statusCode" | "status_code" | "code" | "st" | "sc" | "responseStatus" => {
                    return value::status(text.trim_end_matches(',')).map(Behind::Status);
                }
                _ => {
                    tail::pair(token, draft);
                    continue;
                }
            }
        }
        match token.shape {
            Shape::Bare | Shape::Group => {
                let word = text.trim_matches(['(', ')', ',', '<', '>', '|', ':', ';']);
                // `500B`, `500/1000` and `500ms` are no statuses; `500,` and `(500)` are.
                if let Some(s) = value::status(word) {
                    // `GET /x 200 ms`: a duration in whole milliseconds, not a status.
                    let unit = tokens.peek().is_some_and(|t| {
                        t.shape == Shape::Bare && value::unit_us(t.text).is_some_and(|u| u <= 1e3)
                    });
                    if unit && step > 0 {
                        return None;
                    }
                    return Some(Behind::Status(s));
                }
                if step == 0 && matches!(text, "000" | "0") && draft.quoted {
                    return Some(Behind::Nothing);
                }
                // With a protocol and a time, the column behind the request is the status: `-` is its value.
                if step == 0
                    && text == "-"
                    && draft.quoted
                    && before.stamp.is_some()
                    && before.status.is_none()
                {
                    let next = tokens.peek()?;
                    return match value::status(next.text) {
                        Some(_) => continue,
                        None => Some(Behind::Nothing),
                    };
                }
                if let Some(a) = address(word).or_else(|| peer(word)) {
                    if draft.request.client.is_none() {
                        draft.request.client = Some(Cow::Borrowed(a));
                    }
                } else if let Some(us) = value::duration(word) {
                    draft.request.duration_us = draft.request.duration_us.or(Some(us));
                } else if value::scaled(word, 1).is_some()
                    && let Some(unit) =
                        tokens.peek().and_then(|t| value::unit_us(t.text.trim_matches(['(', ')', ','])))
                {
                    // Strapi: `http: POST /x (12 ms) 500`.
                    draft.request.duration_us = scale(word, unit);
                    tokens.next();
                } else if !is_neutral(text) && !is_link(text) {
                    return None;
                }
            }
            // A column or two between the request and its status: agent, referer.
            Shape::Quoted if value::status(text).is_some() => return value::status(text).map(Behind::Status),
            Shape::Quoted if draft.quoted && before.stamp.is_some() && before.status.is_none() => {
                if draft.request.agent.is_none() && text.len() > 1 && !text.contains("://") {
                    draft.request.agent = Some(Cow::Borrowed(text));
                }
            }
            Shape::Quoted => return None,
        }
    }
    None
}

/// A number in a unit, in microseconds.
pub(super) fn scale(number: &str, unit_us: f64) -> Option<u64> {
    value::scaled(number, 1)?;
    Some((number.parse::<f64>().ok()? * unit_us).round() as u64)
}

/// Client and host from what stood before the request.
fn origin<'a>(draft: &mut Draft<'a>, before: &Before<'a>, clf: bool) {
    let set = |request: &mut RequestRef<'a>, host: &'a str| {
        if request.host.is_none() {
            request.host = Some(Cow::Borrowed(host));
        }
    };
    let mut client = before.clients[0];
    if let (Some((i, a)), Some((j, b))) = (before.clients[0], before.clients[1])
        && j == i + 1
        && before.stamp.is_some_and(|s| s > j)
    {
        if value::is_local(a) && !value::is_local(b) {
            client = Some((j, b));
        } else if !value::is_local(a) && !value::is_local(b) && before.dashes == 0 {
            // `$host $remote_addr [$time_local]`, asked for by address.
            client = Some((j, b));
            set(&mut draft.request, a);
        }
    }
    if let Some((_, a)) = client {
        draft.request.client = draft.request.client.take().or(Some(Cow::Borrowed(a)));
    }
    if !clf {
        return;
    }
    if draft.level == Level::Unknown {
        // The word between client and time is a user.
        draft.logger = draft.logger.filter(|_| before.stamp == Some(0) || before.stamp.is_none());
    } else if let Some((_, name)) = before.hosts[0] {
        // `… - uvicorn.access - INFO - 127.0.0.1:40934 - "POST /x HTTP/1.1" 500`.
        draft.logger = draft.logger.or(Some(name));
        return;
    }
    if draft.request.client.is_none()
        && let Some(first) =
            before.first.filter(|f| before.dashes >= 1 && is_name(f) && !f.contains(':') && *f != "unix:")
        && before.stamp.is_some_and(|s| s > 0)
    {
        // HostnameLookups On.
        draft.request.client = Some(Cow::Borrowed(first));
    } else if let Some((_, host)) = before.hosts.iter().flatten().find(|(i, _)| {
        let near_client = client.is_some_and(|(c, _)| *i < c || *i == c + 1 && before.dashes > 0);
        let near_request = before.stamp.is_some_and(|s| *i > s);
        near_client || near_request || client.is_none()
    }) {
        set(&mut draft.request, host);
    }
}
