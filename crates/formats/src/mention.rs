//! Requests that error messages mention: without a status, so they join the ledger but are no entries of it.
//!
//! Real examples, each with what is taken from it:
//!
//! ```text
//! Internal Server Error: /cart/4/                                    Django       target
//! Exception on /data [GET]                                           Flask        method, target
//! Uncaught exception GET /v1/x?page=2 (127.0.0.1)                    Tornado      method, target, client
//! HARAKIRI [core 0] 2001:db8::a3 - GET /route/1/8 since 1795507410   uWSGI        method, target, client
//! http: panic serving 203.0.113.1:41234: runtime error: …            Go net/http  client
//! Connection id "0HMV", Request id "0HMV:00000002": An unhandled …   Kestrel      id
//! ```
//!
//! Calls that the service itself made to others are not what it was asked for: an absolute URL counts only
//! behind words
//! that say the request came in.

use crate::RequestRef;
use crate::needle::Needles;
use memchr::memmem;
use std::borrow::Cow;
use std::ops::Range;

/// Of a message, this much is searched: the request is named near the front, traces and dumps follow.
const SEARCHED_BYTES: usize = 4096;

/// The request that a message names in passing.
pub fn request(message: &str) -> Option<RequestRef<'_>> {
    let text = head(message, SEARCHED_BYTES);
    let stands = Stands(WORDS.firsts(text));
    let mut found = by_method(text).or_else(|| by_phrase(text, &stands)).unwrap_or_default();
    if found.client.is_none() {
        found.client = client_of(text, &stands).map(Cow::Borrowed);
    }
    let (id, trace) = ids(text, &stands);
    found.id = id.map(Cow::Borrowed);
    found.trace = trace.map(Cow::Borrowed);
    (found != RequestRef::default()).then_some(found)
}

/// What one reader knows of a request, completed by what another saw of it: a log prefix that gives an id and
/// a message
/// that names the route speak of the same request.
pub fn fill<'a>(known: RequestRef<'a>, seen: RequestRef<'a>) -> RequestRef<'a> {
    let or = |a: Cow<'a, str>, b: Cow<'a, str>| if a.is_empty() { b } else { a };
    RequestRef {
        method: or(known.method, seen.method),
        target: or(known.target, seen.target),
        host: known.host.or(seen.host),
        client: known.client.or(seen.client),
        status: known.status.or(seen.status),
        duration_us: known.duration_us.or(seen.duration_us),
        agent: known.agent.or(seen.agent),
        upstream: known.upstream.or(seen.upstream),
        upstream_status: known.upstream_status.or(seen.upstream_status),
        id: known.id.or(seen.id),
        trace: known.trace.or(seen.trace),
        flags: known.flags.or(seen.flags),
        ending: if known.ending == record::Ending::Answered { seen.ending } else { known.ending },
    }
}

/// Is the word an HTTP method, as written in request lines?
pub fn is_method(word: &str) -> bool {
    matches!(
        word,
        "GET"
            | "POST"
            | "PUT"
            | "PATCH"
            | "DELETE"
            | "HEAD"
            | "OPTIONS"
            | "TRACE"
            | "CONNECT"
            | "PROPFIND"
            | "REPORT"
            | "PURGE"
    )
}

/// A request line, `GET /x HTTP/1.1` or `GET /x`: method, target, and the host of an absolute form.
pub fn request_line(line: &str) -> Option<(&str, &str, Option<&str>)> {
    let (method, rest) = line.split_once(' ')?;
    if !is_method(method) {
        return None;
    }
    // Raw spaces occur in targets; only a protocol at the end is cut.
    let rest = rest.trim_start();
    let target = match rest.rsplit_once(' ') {
        Some((t, p)) if p.starts_with("HTTP/") => t,
        _ => rest,
    };
    let (host, path) = split_url(target);
    Some((method, path, host))
}

/// `http://host:80/x` as host and path; anything else as it is.
pub fn split_url(target: &str) -> (Option<&str>, &str) {
    let Some(i) = target.find("://").filter(|i| *i <= 6) else { return (None, target) };
    let after = target.get(i + 3..).unwrap_or_default();
    match after.find(['/', '?']) {
        Some(cut) => (after.get(..cut), after.get(cut..).unwrap_or_default()),
        None => (Some(after), "/"),
    }
}

/// Is it an IPv4 or IPv6 address (no port)?
pub fn is_address(text: &str) -> bool {
    let b = text.as_bytes();
    if b.len() < 2 || b.len() > 45 {
        return false;
    }
    let (mut dots, mut colons) = (0, 0);
    for c in b {
        match c {
            b'.' => dots += 1,
            b':' => colons += 1,
            c if c.is_ascii_hexdigit() => {}
            _ => return false,
        }
    }
    match (dots, colons) {
        (3, 0) => {
            b.iter().all(|c| c.is_ascii_digit() || *c == b'.')
                && text.split('.').all(|p| p.parse::<u8>().is_ok())
        }
        (0 | 3, 2..) => text.parse::<std::net::Ipv6Addr>().is_ok(),
        _ => false,
    }
}

/// The address of `203.0.113.1:41234`, `[2001:db8::1]:41234`, `2001:db8::1` or `203.0.113.1`.
pub fn address(text: &str) -> Option<&str> {
    if let Some(rest) = text.strip_prefix('[') {
        return rest.split(']').next().filter(|a| is_address(a));
    }
    if let Some((a, port)) = text.rsplit_once(':')
        && port.len() <= 5
        && !port.is_empty()
        && port.bytes().all(|c| c.is_ascii_digit())
        && is_address(a)
        // "2001:db8::4f:876" is an address; "2001:db8:77:2::a3:0" of mod_remoteip has a port. Port 0 and the
        // high
        // ephemeral ones, written without letters, are taken as ports only where the address before them is
        // whole.
        && (a.contains('.') || port == "0" || (port.len() == 5 && !port.starts_with('0')))
    {
        return Some(a);
    }
    is_address(text).then_some(text)
}

fn head(text: &str, limit: usize) -> &str {
    if text.len() <= limit {
        return text;
    }
    let mut end = limit;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

/// Characters that end a target in running text.
fn target_end(text: &str) -> usize {
    text.find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | '`' | '\\' | '|'))
        .unwrap_or(text.len())
}

/// Brackets, commas and stops of the sentence around a target are no part of it.
fn clean(target: &str) -> &str {
    let mut t = target.trim_end_matches([',', ';', ':', '.', '!']);
    for (open, close) in [('(', ')'), ('[', ']'), ('{', '}')] {
        if t.ends_with(close) && !t.contains(open) {
            t = t.get(..t.len() - 1).unwrap_or(t);
        }
    }
    t.trim_end_matches([',', ';', ':'])
}

/// Words before a method that say the service itself is the one who asks.
fn is_outgoing(before: &str) -> bool {
    const WORDS: [&str; 16] = [
        "upstream",
        "calling",
        "call to",
        "axios",
        "fetch",
        "http_client",
        "httpclient",
        "client.",
        "outgoing",
        "outbound",
        "sending",
        "-->",
        "→",
        "resttemplate",
        "webclient",
        "error on",
    ];
    let low = before.to_ascii_lowercase();
    WORDS.iter().take(15).any(|w| low.contains(w)) || (low.contains("i/o error") && low.contains(WORDS[15]))
}

/// `METHOD /target`, `METHOD "/target"`, `[METHOD] /target`, `/target [METHOD]`.
fn by_method(text: &str) -> Option<RequestRef<'_>> {
    let b = text.as_bytes();
    let mut from = 0;
    // Words of asking others stay before all that follows them.
    let mut outgoing = false;
    // Each method is followed by a space, a bracket or a quote; its last letter is T, E, H, S, D or K: look
    // for the slash
    // first, as most messages have none.
    while let Some(i) = memchr::memchr(b'/', b.get(from..)?).map(|i| from + i) {
        from = i + 1;
        let before = text.get(..i)?;
        // Absolute form: step back over "scheme://host".
        let url_start = match before.strip_suffix(':').or_else(|| before.strip_suffix(":/")) {
            Some(_) => {
                from = i + 1 + target_end(text.get(i + 1..)?);
                Some(
                    before
                        .rfind(|c: char| !c.is_ascii_alphabetic() && c != ':' && c != '/')
                        .map_or(0, |p| p + 1),
                )
            }
            None => None,
        };
        let start = url_start.unwrap_or(i);
        let lead = text.get(..start)?;
        // Every form below has one of these before its target; the slashes within paths end here.
        if !lead.ends_with([' ', '"', '\'', '`']) && !lead.ends_with(") [") {
            continue;
        }
        let end = start + target_end(text.get(start..)?);
        let target = clean(text.get(start..end)?);
        // /target [GET]
        if url_start.is_none()
            && let Some(rest) = text.get(end..)
            && let Some(m) = rest.strip_prefix(" [").and_then(|r| r.split(']').next())
            && is_method(m)
            && lead.ends_with([' ', '"', '\''])
        {
            outgoing = outgoing || is_outgoing(lead);
            if !outgoing {
                return Some(RequestRef { method: m.into(), target: target.into(), ..RequestRef::default() });
            }
        }
        // Play writes "for (GET) [/x]".
        if let Some(m) = lead.strip_suffix(") [").and_then(|l| l.rsplit('(').next())
            && is_method(m)
        {
            return Some(RequestRef {
                method: m.into(),
                target: target.trim_end_matches(']').into(),
                ..RequestRef::default()
            });
        }
        let trimmed = lead.trim_end_matches(['"', '\'', '`']);
        let Some(word) = trimmed.strip_suffix(' ').map(|t| t.trim_end_matches(':')) else { continue };
        let word_start = word
            .rfind(|c: char| !c.is_ascii_uppercase() && c != ']')
            .map_or(0, |p| p + word.get(p..).and_then(|w| w.chars().next()).map_or(1, char::len_utf8));
        let method = word.get(word_start..)?.trim_end_matches(']');
        if !is_method(method) {
            continue;
        }
        let before = word.get(..word_start)?;
        let mut found = RequestRef { method: method.into(), ..RequestRef::default() };
        if url_start.is_some() {
            // An absolute URL came in only where the sentence says so: Symfony's and Zend's routers, proxies'
            // request lines.
            if !before.ends_with("found for \"")
                && !before.ends_with("request: \"")
                && !before.ends_with("Request: ")
            {
                continue;
            }
            let (host, path) = split_url(target);
            found.host = host.map(Cow::Borrowed);
            found.target = path.into();
        } else {
            outgoing = outgoing || is_outgoing(before);
            if outgoing {
                continue;
            }
            found.target = target.into();
        }
        found.client = around(before, text.get(end..).unwrap_or_default()).map(Cow::Borrowed);
        return Some(found);
    }
    None
}

/// The client's address next to a request line: `IP - GET /x`, `GET /x (IP)`, `… for IP`, `… from IP`.
fn around<'a>(before: &'a str, after: &'a str) -> Option<&'a str> {
    let lead = before.trim_end_matches(['"', '[']);
    if let Some(b) = lead.strip_suffix(" - ").or_else(|| lead.strip_suffix(' '))
        && let Some(a) = b.rsplit([' ', '(', '[']).next().and_then(address)
    {
        return Some(a);
    }
    let after = after.trim_start_matches(['"', '\'', ' ', '-']);
    let after = after
        .strip_prefix('(')
        .or_else(|| after.strip_prefix("for "))
        .or_else(|| after.strip_prefix("from "))
        .unwrap_or("");
    let end = after.find([' ', ')', ',', ']', '"']).unwrap_or(after.len());
    after.get(..end).and_then(address)
}

const WORDS_COUNT: usize = 68;

/// All words that are looked for, group by group, so that a message is read once for all of them.
static WORDS: Needles<WORDS_COUNT> = Needles::new([
    // Words that a path asked for follows. (Django's `log_response`, aiohttp and gunicorn's `handle_error`, Undertow's UT005023,
    // Quarkus' error handler, CakePHP's and ASP.NET's event text, MediaWiki's are after an id in brackets.)
    "Internal Server Error: ",
    "Error handling request ",
    "Error handling request: ",
    "Exception on ",
    "Request URL: ",
    "Request path: ",
    "Request Path: ",
    "HTTP Request to ",
    "handling request to ",
    "processing request ",
    "handling request ",
    "Service Unavailable: ",
    "Bad Gateway: ",
    "Gateway Timeout: ",
    "Not Found: ",
    "Bad Request: ",
    "Forbidden: ",
    "Unauthorized: ",
    "Method Not Allowed: ",
    "on route ",
    "request to ",
    "request for ",
    "REQUEST_URI: ",
    "request_uri: ",
    "URL: ",
    "url: ",
    // Keys that a path follows.
    "path=",
    "uri=",
    "url=",
    "request_path=",
    "path\":\"",
    "uri\":\"",
    "url\":\"",
    "uri: ",
    // Of ModSecurity.
    "[uri \"",
    "[hostname \"",
    // Words that a client's address follows: Go's `http: panic serving IP:port`, CakePHP's `Client IP:`, aiohttp's `request
    // from IP`.
    "panic serving ",
    "Client IP: ",
    "request from ",
    "User host address: ",
    "for client ",
    "remote_addr=",
    "client_ip=",
    // One of these stands in every key of an id.
    "_id",
    "Id",
    "-id",
    "-ID",
    "uest id ",
    "uest ID",
    // Keys of a request's id, in the spellings of the usual middleware.
    "request_id",
    "requestId",
    "request-id",
    "Request-Id",
    "Request-ID",
    "RequestId",
    "req_id",
    "reqId",
    "Request ID",
    "Request id",
    "correlation_id",
    "correlationId",
    "CorrelationId",
    // Keys of a trace's id.
    "trace_id",
    "traceId",
    "TraceId",
    "trace-id",
    "dd.trace_id",
    "X-B3-TraceId",
]);

const PHRASES: Range<usize> = 0..26;
const PATH_KEYS: Range<usize> = 26..34;
const URI: usize = 34;
const HOST_NAME: usize = 35;
const CLIENTS: Range<usize> = 36..43;
const ID_STEMS: Range<usize> = 43..49;
const IDS: Range<usize> = 49..62;
const TRACES: Range<usize> = 62..68;

/// Where [`WORDS`] first stand in a message.
struct Stands([Option<usize>; WORDS_COUNT]);

impl Stands {
    /// Of a group, the words that stand in the message, with where.
    fn of(&self, group: Range<usize>) -> impl Iterator<Item = (&'static str, usize)> {
        group.filter_map(|i| Some((WORDS.word(i), self.at(i)?)))
    }

    fn at(&self, word: usize) -> Option<usize> {
        self.0.get(word).copied().flatten()
    }
}

fn by_phrase<'a>(text: &'a str, stands: &Stands) -> Option<RequestRef<'a>> {
    let b = text.as_bytes();
    memchr::memchr(b'/', b)?;
    for (phrase, at) in stands.of(PHRASES) {
        let after = text.get(at + phrase.len()..)?.trim_start_matches(['"', '\'', '`']);
        let target = clean(after.get(..target_end(after))?);
        if target.starts_with('/') && !is_outgoing(text.get(..at)?) {
            return Some(RequestRef { target: target.into(), ..RequestRef::default() });
        }
        // ASP.NET's event log and CakePHP behind a proxy write the whole URL that was asked for.
        if phrase.starts_with("Request URL") && target.contains("://") {
            let (host, path) = split_url(target);
            return Some(RequestRef {
                target: path.into(),
                host: host.map(Cow::Borrowed),
                ..RequestRef::default()
            });
        }
    }
    // key=value: … method=GET path=/x
    for (key, at) in stands.of(PATH_KEYS) {
        let bounded =
            at.checked_sub(1).and_then(|i| b.get(i)).is_none_or(|c| !c.is_ascii_alphanumeric() && *c != b'.');
        let after = text.get(at + key.len()..)?.trim_start_matches(['"', '\'', '\\']);
        let target = clean(after.get(..target_end(after))?);
        if bounded && target.starts_with('/') && !target.starts_with("//") && !is_file(target) {
            let method = value(text, "method").filter(|m| is_method(m)).unwrap_or("");
            return Some(RequestRef {
                method: method.into(),
                target: target.into(),
                ..RequestRef::default()
            });
        }
    }
    // [uri "/x"] of ModSecurity; [a1b2c3d4e5] /path of MediaWiki.
    if let Some(at) = stands.at(URI) {
        let after = text.get(at + 6..)?;
        let host = stands.at(HOST_NAME).and_then(|h| text.get(h + 11..)?.split('"').next());
        return Some(RequestRef {
            target: after.split('"').next()?.into(),
            host: host.map(Cow::Borrowed),
            ..RequestRef::default()
        });
    }
    if let Some((id, rest)) = text.strip_prefix('[').and_then(|t| t.split_once("] "))
        && id.len() >= 8
        && id.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-')
        && rest.starts_with('/')
        && !is_file(rest.get(..target_end(rest))?)
    {
        return Some(RequestRef {
            target: rest.get(..target_end(rest))?.into(),
            id: Some(id.into()),
            ..RequestRef::default()
        });
    }
    None
}

/// `path=/var/www/x.php` is a file of the server, no route.
fn is_file(target: &str) -> bool {
    const ROOTS: [&str; 12] = [
        "/var/", "/srv/", "/usr/", "/home/", "/opt/", "/tmp/", "/etc/", "/root/", "/proc/", "/dev/", "/run/",
        "/mnt/",
    ];
    ROOTS.iter().any(|r| target.starts_with(r))
}

/// The value of `key=value`, `key: value`, `"key":"value"`; the key stands alone, case counts.
fn value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let b = text.as_bytes();
    let mut from = 0;
    while let Some(i) = memmem::find(b.get(from..)?, key.as_bytes()).map(|i| i + from) {
        from = i + key.len();
        if i.checked_sub(1).and_then(|p| b.get(p)).is_some_and(|c| c.is_ascii_alphanumeric()) {
            continue;
        }
        let after = text.get(from..)?;
        let rest = after.trim_start_matches(['"', '\'', '\\']);
        let rest = rest.trim_start_matches(' ');
        let Some(rest) = rest.strip_prefix(['=', ':']) else { continue };
        let rest = rest.trim_start_matches([' ', '"', '\'', '\\', '[', '{', '(']);
        let end = rest
            .find(|c: char| {
                !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_' | '.' | ':' | '/' | '+' | '=' | '@')
            })
            .unwrap_or(rest.len());
        let v = rest.get(..end)?.trim_end_matches([':', '.']);
        if !v.is_empty() {
            return Some(v);
        }
    }
    None
}

/// Request id and trace id.
fn ids<'a>(text: &'a str, stands: &Stands) -> (Option<&'a str>, Option<&'a str>) {
    // Most messages are done here.
    if stands.of(ID_STEMS).next().is_none() {
        return (None, None);
    }
    let like_id = |v: &&str| {
        (6..=64).contains(&v.len())
            && v.bytes().any(|c| c.is_ascii_digit())
            && *v != "00000000000000000000000000000000"
    };
    let pick = |keys: Range<usize>| {
        stands.of(keys).find_map(|(k, at)| {
            // Kestrel writes `Request id "0HMV:00000002"`: no sign between key and value.
            let direct = text
                .get(at + k.len()..)
                .and_then(|r| r.strip_prefix(" \""))
                .and_then(|r| r.split('"').next());
            direct.filter(like_id).or_else(|| value(text, k).filter(like_id))
        })
    };
    (pick(IDS), pick(TRACES))
}

/// The client where only it is named.
fn client_of<'a>(text: &'a str, stands: &Stands) -> Option<&'a str> {
    for (phrase, at) in stands.of(CLIENTS) {
        // Python's socketserver writes its tuple: request from ('127.0.0.1', 36334).
        let rest = text.get(at + phrase.len()..)?.trim_start_matches(['(', '\'', '"']);
        let end = rest.find([' ', '\n', ',', '"', ')', '\'']).unwrap_or(rest.len());
        if let Some(a) = address(rest.get(..end)?.trim_end_matches([':', '.'])) {
            return Some(a);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(message: &str) -> (String, String, String) {
        let r = request(message).unwrap_or_default();
        (r.method.into_owned(), r.target.into_owned(), r.client.unwrap_or_default().into_owned())
    }

    fn is(message: &str, method: &str, target: &str, client: &str) {
        assert_eq!(seen(message), (method.to_owned(), target.to_owned(), client.to_owned()), "{message}");
    }

    /// Each slash was looked at together with all behind it.
    #[test]
    fn slashes_without_end() {
        let slashes = "/".repeat(SEARCHED_BYTES);
        for _ in 0..1_000 {
            is(&slashes, "", "", "");
        }
        is(&format!("axios {}", "GET /a ".repeat(500)), "", "", "");
        is("a/b/c at GET /x/y", "GET", "/x/y", "");
    }

    #[test]
    fn frameworks_name_the_request_that_failed() {
        is("Internal Server Error: /cart/4/", "", "/cart/4/", "");
        is("Exception on /invoices/7/pay [POST]", "POST", "/invoices/7/pay", "");
        is(
            "Exception on /data [GET]\nTraceback (most recent call last):\n  File \"/srv/a.py\", line 3",
            "GET",
            "/data",
            "",
        );
        is("Error handling request /data", "", "/data", "");
        is("Uncaught exception GET /v1/x?page=2 (127.0.0.1)", "GET", "/v1/x?page=2", "127.0.0.1");
        is("unhandled error on GET /data", "GET", "/data", "");
        is("Request GET /x failed", "GET", "/x", "");
        is("[POST] /quotes failed: Cannot read properties of undefined", "POST", "/quotes", "");
        is("Error: boom at POST /quotes", "POST", "/quotes", "");
        is(
            "UT005023: Exception handling request to /orders/7: java.lang.NullPointerException",
            "",
            "/orders/7",
            "",
        );
        is(
            "HTTP Request to /fruits/9 failed, error id: 5a1b-1: java.lang.IllegalStateException",
            "",
            "/fruits/9",
            "",
        );
        is(
            "#PID<0.501.0> running DemoWeb.Endpoint (connection #PID<0.500.0>, stream id 1) terminated\nServer: localhost:4000 (http)\nRequest: GET /boom",
            "GET",
            "/boom",
            "",
        );
        is(
            "Started GET \"/products?page=x\" for 198.51.100.188 at 2026-11-24 07:38:35 +0000",
            "GET",
            "/products?page=x",
            "198.51.100.188",
        );
        is("Rack app (\"GET /x\" - (127.0.0.1)): #<RuntimeError: boom>", "GET", "/x", "127.0.0.1");
    }

    #[test]
    fn servers_name_the_request_they_cut_off() {
        is(
            "HARAKIRI [core 0] 2001:db8:77:2::a3 - GET /route/1/8?traffic=1 since 1795507410",
            "GET",
            "/route/1/8?traffic=1",
            "2001:db8:77:2::a3",
        );
        is(
            "[pool freight] child 16356, script '/var/www/f/index.php' (request: \"GET /index.php\") executing too slow (3.4 sec), logging",
            "GET",
            "/index.php",
            "",
        );
        is("http: panic serving 203.0.113.1:41234: runtime error: index out of range", "", "", "203.0.113.1");
        is("http: panic serving [2001:db8::1]:41234: boom", "", "", "2001:db8::1");
        is("Exception occurred during processing of request from ('127.0.0.1', 36334)", "", "", "127.0.0.1");
        is("orders: 127.0.0.1 \"GET /api/orders HTTP/1.1\" 200 -", "GET", "/api/orders", "127.0.0.1");
        is("error, for (GET) [/orders/7] ->", "GET", "/orders/7", "");
    }

    #[test]
    fn event_texts_name_the_url() {
        is(
            "[PDOException] SQLSTATE[HY000] [2002] Connection refused\nRequest URL: /orders/3\nClient IP: 203.0.113.9",
            "",
            "/orders/3",
            "203.0.113.9",
        );
        let r = request("Event message: An unhandled exception has occurred.\nRequest URL: http://shop.example.com:80/cart?id=3\nRequest path: /cart").unwrap();
        assert_eq!((r.target.as_ref(), r.host.as_deref()), ("/cart?id=3", Some("shop.example.com:80")));
        let r = request(
            "No route found for \"GET http://camping.example.com/server-status\" (from \"https://x/\")",
        )
        .unwrap();
        assert_eq!(
            (r.method.as_ref(), r.target.as_ref(), r.host.as_deref()),
            ("GET", "/server-status", Some("camping.example.com"))
        );
    }

    #[test]
    fn ids_are_read_in_the_usual_spellings() {
        let id = |m| request(m).and_then(|r| r.id.map(Cow::into_owned));
        assert_eq!(
            id("Connection id \"0HMV5L\", Request id \"0HMV5L:00000002\": An unhandled exception was thrown by the application.").as_deref(),
            Some("0HMV5L:00000002")
        );
        assert_eq!(id("charge failed request_id=9f2c11e0-4b1a").as_deref(), Some("9f2c11e0-4b1a"));
        assert_eq!(id("{\"requestId\":\"c7c49653-1f25\"} failed").as_deref(), Some("c7c49653-1f25"));
        assert_eq!(id("request_id missing"), None);
        let r = request("failed traceId=4bf92f3577b34da6a3ce929d0e0e4736 spanId=00f067aa0ba902b7").unwrap();
        assert_eq!(r.trace.as_deref(), Some("4bf92f3577b34da6a3ce929d0e0e4736"));
    }

    #[test]
    fn calls_to_others_are_not_the_request() {
        for m in [
            "Request failed with status code 500",
            "Request: \"POST http://127.0.0.1:8123/v2/charge\"",
            "POST http://127.0.0.1:8412/charge returned 500",
            "calling GET /v1/rates on rates-svc failed",
            "axios POST /charge ECONNREFUSED 127.0.0.1:8412",
            "I/O error on GET request for \"http://localhost:8080/x\": Connection refused",
            "failed to open /var/www/x.php path=/var/www/x.php",
            "upgrade TO / from scratch",
            "",
        ] {
            is(m, "", "", "");
        }
    }

    #[test]
    fn any_cut_of_a_message_is_survived() {
        let m = "é [POST] /quotes?é=1 “x” request_id=\"é9f2c11e0\" Exception on /dätä [GET] http://ü/ panic serving é:";
        for (i, _) in m.char_indices() {
            let _ = request(&m[i..]);
            let _ = request(&m[..i]);
        }
    }

    #[test]
    fn what_two_readers_saw_is_one_request() {
        let a = RequestRef { id: Some("x1".into()), ..RequestRef::default() };
        let b = RequestRef {
            method: "GET".into(),
            target: "/a".into(),
            id: Some("y".into()),
            ..RequestRef::default()
        };
        let c = fill(a, b);
        assert_eq!((c.method.as_ref(), c.target.as_ref(), c.id.as_deref()), ("GET", "/a", Some("x1")));
    }
}
