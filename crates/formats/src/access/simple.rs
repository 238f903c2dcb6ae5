//! Request lines that programs write in their own words: a method, a target and a status, somewhere in a line
//! or a message.
//!
//! ```text
//! 2026-11-24T07:27:32.468Z 2001:db8::4f:876 POST /login 500 22ms
//! 2026-11-24 07:46:58,407 INFO cart POST /cart/94/lines -> 503
//! auth-api: POST /login 500
//! method=GET path=/orders format=html controller=OrdersController status=500 duration=58.33
//! Started GET "/orders/5" for 203.0.113.9 at 2026-11-24 07:38:41 +0000
//! Completed 500 Internal Server Error in 5ms (ActiveRecord: 1.2ms)
//!       Request finished HTTP/1.1 GET http://localhost:5000/orders - 500 0 text/plain 3.1ms
//! ```
//!
//! [`request_in`] reads a message without its prefix, so that the formats of text and JSON lines make entries
//! of the ledger of what their programs say. Prose about requests and calls to others are none.
//!
//! Sources: morgan's `dev`, `tiny`, `short`; Rails `Rails::Rack::Logger` and
//! `ActionController::LogSubscriber`, lograge; `Phoenix.Logger`; ASP.NET Core `HostingRequestStartingLog`,
//! `HostingRequestFinishedLog`; Serilog.AspNetCore; Ktor's `CallLogging`; Mojolicious' `_finish`;
//! tower-http's `on_response`; PHP `sapi/cli/php_cli_server.c`; Laravel Octane's `InteractsWithIO`; IIS
//! Express; Gitea's router log; koa-logger; Strapi; Next.js.

use super::line::{self, Draft, set_target};
use super::tail;
use super::token::{Shape, Token, uncoloured};
use super::value;
use crate::mention::{address, is_method};
use crate::{Context, Entry, LineFormat, RequestRef, time};
use memchr::{memchr, memchr_iter, memmem};
use record::Ending;
use std::borrow::Cow;

/// A line with a request and its status, and little else.
pub(super) struct RequestLine;

/// Words before the request that are tolerated: a program's name and a logger's.
const WORDS_MAX: u8 = 2;

/// A message's first line is read up to here: request lines stand in front.
const SEARCHED_BYTES: usize = 8 * 1024;

impl LineFormat for RequestLine {
    fn name(&self) -> &'static str {
        "request line"
    }

    fn read<'a>(&self, text: &'a str, context: &Context) -> Option<Entry<'a>> {
        let first = text.bytes().next()?;
        if matches!(first, b'{' | b'\t' | b'#' | b'}' | b'<' | b'>') {
            return None;
        }
        let phrase = uncoloured(text);
        // Loggers whose own formats know more of the line: Ruby's, Nest's, Serilog's.
        let own = text.get(1..4) == Some(", [")
            || phrase.starts_with("[Nest]")
            || phrase.strip_prefix('[').is_some_and(|r| r.get(2..3) == Some(":"));
        if own {
            return None;
        }
        if let Some(draft) = php_server(text, context) {
            return Some(draft.entry(text));
        }
        if let Some(draft) = told(phrase, Some(context)) {
            return Some(draft.entry(text));
        }
        if !line::may_hold(line::head(text)) {
            return None;
        }
        let draft = line::read(text, Some(context))?;
        (draft.words <= WORDS_MAX && !draft.torn && !draft.absolute).then(|| draft.entry(text))
    }
}

/// The request that a message tells of with its status, or whose begin it tells (`Ending::Begun`); a message
/// that only mentions a request has none (see [`crate::mention`]).
pub fn request_in(message: &str) -> Option<RequestRef<'_>> {
    let line = first_line(message);
    if line.len() < 8 {
        return None;
    }
    let draft = told(uncoloured(line), None).or_else(|| {
        line::may_hold(line).then_some(())?;
        pairs(line).or_else(|| {
            names_method(line).then_some(())?;
            line::read(line, None).filter(|d| d.words <= WORDS_MAX && !d.torn)
        })
    })?;
    let mut request = draft.request;
    line::settle(&mut request, draft.forwarded);
    Some(request)
}

/// Does a method stand in the line, or at the begin of a quote a word in capitals that may be one? All have three letters or
/// more, so every third byte is looked at.
fn names_method(line: &str) -> bool {
    let b = line.as_bytes();
    let within = |c: &u8| c.is_ascii_uppercase() || *c == b'-';
    let mut at = 2;
    while let Some(c) = b.get(at) {
        if !within(c) {
            at += 3;
            continue;
        }
        let start = at - b.iter().take(at).rev().take_while(|c| within(c)).count();
        let end = at + b.iter().skip(at).take_while(|c| within(c)).count();
        if line.get(start..end).is_some_and(is_method) {
            return true;
        }
        let quoted = || {
            let before = b.iter().take(start).rev().find(|c| **c != b' ');
            matches!(before, Some(b'"' | b'\'')) || memchr(0x1b, b).is_some()
        };
        if end - start >= 3 && b.get(end) == Some(&b' ') && quoted() {
            return true;
        }
        at = end + 3;
    }
    false
}

fn first_line(message: &str) -> &str {
    let line = message.trim_start_matches(['\n', '\r', ' ']).lines().next().unwrap_or_default();
    let mut end = line.len().min(SEARCHED_BYTES);
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    line.get(..end).unwrap_or_default()
}

/// The sentences of frameworks that tell begin and end of a request.
fn told<'a>(text: &'a str, context: Option<&Context>) -> Option<Draft<'a>> {
    match text.bytes().next()? {
        b'S' => text.strip_prefix("Started ").and_then(|r| started(r, context)).or_else(|| sent(text)),
        b'C' => text.strip_prefix("Completed ").and_then(completed).or_else(|| sent(text)),
        b'R' => text
            .strip_prefix("Request starting ")
            .and_then(|r| kestrel(r, false))
            .or_else(|| text.strip_prefix("Request finished ").and_then(|r| kestrel(r, true)))
            .or_else(|| text.strip_prefix("Request ended: ").and_then(iis_express)),
        b'1'..=b'5' => mojolicious(text),
        b'f' => text.strip_prefix("finished processing request").and_then(tower),
        _ => None,
    }
}

/// Rails and Macaron: `Started GET "/x" for 203.0.113.9 at 2026-11-24 07:38:41 +0000`.
fn started<'a>(rest: &'a str, context: Option<&Context>) -> Option<Draft<'a>> {
    let (method, rest) = rest.split_once(' ')?;
    if !is_method(method) {
        return None;
    }
    let (target, rest) = match rest.strip_prefix('"') {
        Some(r) => r.split_once('"')?,
        None => rest.split_once(' ').unwrap_or((rest, "")),
    };
    if !target.starts_with('/') {
        return None;
    }
    let mut draft = Draft::default();
    draft.request.method = Cow::Borrowed(method);
    draft.request.target = Cow::Borrowed(target);
    draft.request.ending = Ending::Begun;
    let client = rest.split_once("for ").map_or("", |(_, r)| r);
    draft.request.client = client.split(' ').next().and_then(address).map(Cow::Borrowed);
    if let (Some((_, at)), Some(context)) = (rest.split_once(" at "), context) {
        draft.at = time::stamp(at, context.reference).map(|s| (s.time, s.zone));
    }
    Some(draft)
}

/// Rails: `Completed 500 Internal Server Error in 5ms (…)`; Spring: `Completed 500 INTERNAL_SERVER_ERROR`;
/// Macaron: `Completed /x 500 Internal Server Error in 1.2ms`.
fn completed(rest: &str) -> Option<Draft<'_>> {
    let mut draft = Draft::default();
    let mut words = rest.split(' ');
    let mut word = words.next()?;
    if is_method(word) {
        draft.request.method = Cow::Borrowed(word);
        word = words.next()?;
    }
    if word.starts_with('/') {
        draft.request.target = Cow::Borrowed(word);
        word = words.next()?;
    }
    draft.request.status = Some(value::status(word.trim_end_matches(','))?);
    draft.request.duration_us = in_time(rest);
    let name = words.next().unwrap_or_default();
    let spring = !name.is_empty() && name.bytes().all(|c| c.is_ascii_uppercase() || c == b'_');
    (draft.request.duration_us.is_some() || spring).then_some(draft)
}

/// Phoenix: `Sent 500 in 3ms`, `Chunked 200 in 312µs`.
fn sent(text: &str) -> Option<Draft<'_>> {
    let rest = text.strip_prefix("Sent ").or_else(|| text.strip_prefix("Chunked "))?;
    let status = value::status(rest.split(' ').next()?)?;
    let mut draft = Draft::default();
    draft.request.status = Some(status);
    draft.request.duration_us = Some(in_time(rest)?);
    Some(draft)
}

/// The duration behind ` in `.
fn in_time(text: &str) -> Option<u64> {
    let (_, after) = text.split_once(" in ")?;
    let mut words = after.split(' ');
    let word = words.next()?.trim_end_matches([',', '.', ';']);
    value::duration(word).or_else(|| line::scale(word, value::unit_us(words.next()?)?))
}

/// ASP.NET Core: `HTTP/1.1 GET http://h/x - 500 0 text/plain 3.1ms`; before 5.0 `in 3.1ms 500 text/plain`.
fn kestrel(rest: &str, finished: bool) -> Option<Draft<'_>> {
    let mut draft = Draft::default();
    if let Some(old) = rest.strip_prefix("in ").filter(|_| finished) {
        let mut words = old.split(' ');
        draft.request.duration_us = Some(value::duration(words.next()?)?);
        draft.request.status = Some(words.find_map(value::status)?);
        return Some(draft);
    }
    let mut words = rest.split(' ');
    if !words.next()?.starts_with("HTTP/") {
        return None;
    }
    let method = words.next()?;
    if !is_method(method) {
        return None;
    }
    draft.request.method = Cow::Borrowed(method);
    set_target(&mut draft.request, words.next()?);
    if !finished {
        draft.request.ending = Ending::Begun;
        return Some(draft);
    }
    // What stands before the first ` - ` is the request's type and length; before 8.0 both are there.
    let tail = rest.split_once(" - ").map(|(_, t)| t)?;
    draft.request.status = Some(tail.split(' ').find_map(value::status)?);
    draft.request.duration_us = tail.rsplit(' ').find_map(value::duration);
    Some(draft)
}

/// IIS Express: `Request ended: http://localhost:8080/x with HTTP status 500.19`.
fn iis_express(rest: &str) -> Option<Draft<'_>> {
    let (url, status) = rest.split_once(" with HTTP status ")?;
    let (status, sub) = status.split_once('.').unwrap_or((status, ""));
    let mut draft = Draft::default();
    draft.request.status = Some(value::status(status.trim())?);
    set_target(&mut draft.request, url);
    if !matches!(sub.trim(), "" | "0") {
        draft.fields.push((Cow::Borrowed("sc-substatus"), Cow::Borrowed(sub.trim())));
    }
    Some(draft)
}

/// Mojolicious: `500 Internal Server Error (0.012s, 83.333/s)`.
fn mojolicious(text: &str) -> Option<Draft<'_>> {
    let (status, rest) = text.split_once(' ')?;
    let status = value::status(status)?;
    let (_, tail) = rest.split_once(" (")?;
    let (took, rate) = tail.strip_suffix("/s)")?.split_once("s, ")?;
    value::scaled(rate, 1)?;
    let mut draft = Draft::default();
    draft.request.status = Some(status);
    draft.request.duration_us = value::scaled(took, 1_000_000);
    Some(draft)
}

/// PHP's built-in server before 7.4: `[Tue Nov 24 07:00:00 2026] 127.0.0.1:51234 [500]: /api/login`, without
/// the method.
fn php_server<'a>(text: &'a str, context: &Context) -> Option<Draft<'a>> {
    let body = text.strip_prefix('[')?;
    let at = memmem::find(text.as_bytes(), b"]: /")?;
    let status = value::status(text.get(at.checked_sub(3)?..at)?)?;
    let (front, _) = text.get(..at)?.rsplit_once(" [")?;
    let stamp = time::stamp(body, context.reference)?;
    let peer = front.rsplit_once("] ")?.1;
    let mut draft = Draft { at: Some((stamp.time, stamp.zone)), ..Draft::default() };
    draft.request.status = Some(status);
    draft.request.target = Cow::Borrowed(text.get(at + 3..)?.split(' ').next()?);
    draft.request.client =
        peer.rsplit_once(':').and_then(|(a, _)| address(a.trim_matches(['[', ']']))).map(Cow::Borrowed);
    Some(draft)
}

/// tower-http: `finished processing request latency=3 ms status=500`; the request stands in the span.
fn tower(rest: &str) -> Option<Draft<'_>> {
    let (_, status) = rest.split_once("status=")?;
    let status = status.split([' ', ',', '}']).next().and_then(value::status)?;
    if rest.contains("uri=") || rest.contains("path=") {
        return pairs(rest);
    }
    let mut draft = Draft::default();
    draft.request.status = Some(status);
    if let Some((_, took)) = rest.split_once("latency=") {
        let mut words = took.split(' ');
        let number = words.next().unwrap_or_default();
        draft.request.duration_us =
            value::duration(number).or_else(|| line::scale(number, value::unit_us(words.next()?)?));
    }
    Some(draft)
}

/// `key=value` messages with a path and a status: lograge, Heroku's router, spans of tracing, Go's loggers.
fn pairs(text: &str) -> Option<Draft<'_>> {
    let b = text.as_bytes();
    memmem::find(b, b"status")?;
    let mut draft = Draft::default();
    let (mut method, mut target, mut status) = ("", "", None);
    for eq in memchr_iter(b'=', b).take(64) {
        let key_start = b
            .get(..eq)?
            .iter()
            .rposition(|c| !c.is_ascii_alphanumeric() && !matches!(c, b'_' | b'-' | b'.' | b'@'));
        let key = text.get(key_start.map_or(0, |i| i + 1)..eq).unwrap_or_default();
        // An `=` inside of a value: `path=/x?a=b`.
        let outer = key_start
            .and_then(|i| b.get(i))
            .is_none_or(|c| matches!(c, b' ' | b'{' | b',' | b'(' | b'[' | b'\t' | b'|'));
        let after = text.get(eq + 1..).unwrap_or_default();
        if key.is_empty() || !outer {
            continue;
        }
        let value = match after.strip_prefix('"') {
            Some(quoted) => quoted.split('"').next().unwrap_or_default(),
            None => after.split([' ', '\t', '}', ',', ')', ';', ']']).next().unwrap_or_default(),
        };
        match key {
            "method"
            | "verb"
            | "http_method"
            | "request_method"
            | "http.method"
            | "http.request.method"
            | "req.method" => method = value,
            "path" | "uri" | "url" | "request_uri" | "request_path" | "target" | "http.target"
            | "url.path" | "req.url" | "http.path" | "path_info" | "request.path" => {
                if target.is_empty() {
                    target = value;
                }
            }
            "status"
            | "status_code"
            | "statusCode"
            | "http_status"
            | "http.status_code"
            | "http.response.status_code"
            | "res.status"
            | "response_status"
            | "res.statusCode"
            | "resp_status" => status = status.or_else(|| super::value::status(value)),
            // Heroku's router: H12, H18, …
            "code" if value.len() == 3 && value.starts_with(['H', 'R', 'L']) => {
                draft.request.flags = Some(Cow::Borrowed(value))
            }
            _ => tail::pair(Token { key, text: value, shape: Shape::Bare, start: 0 }, &mut draft),
        }
    }
    // Calls to others have absolute targets.
    if !target.starts_with('/') || !(method.is_empty() || is_method(method)) {
        return None;
    }
    let front = text.get(..memchr(b'=', b)?).unwrap_or_default();
    if front.split([' ', ':', '[', ']']).any(line::is_outgoing) {
        return None;
    }
    draft.request.status = Some(status?);
    draft.request.method = Cow::Borrowed(method);
    draft.request.target = Cow::Borrowed(target);
    Some(draft)
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::{Level, Zone};

    fn told_of(message: &str) -> (String, String, Option<u16>, Option<u64>) {
        let r = request_in(message).unwrap_or_else(|| panic!("nothing in {message}"));
        (r.method.into_owned(), r.target.into_owned(), r.status, r.duration_us)
    }

    #[test]
    fn the_ways_programs_put_it() {
        for (message, method, target, status, us) in [
            ("203.0.113.1 POST /login 500 22ms", "POST", "/login", 500, Some(22_000)),
            ("GET /docs -> 200 (3 ms)", "GET", "/docs", 200, Some(3_000)),
            ("GET /rooms 200 331 - 0.274 ms", "GET", "/rooms", 200, Some(274)),
            ("GET /x 500 3.366 ms - 821", "GET", "/x", 500, Some(3_366)),
            ("\u{1b}[0mGET /x \u{1b}[31m500\u{1b}[0m 3.366 ms - 821\u{1b}[0m", "GET", "/x", 500, Some(3_366)),
            (
                "POST /charges 500 12 ms req=20019857-f0b7-4fd9-8ce4-1852ac66fafd",
                "POST",
                "/charges",
                500,
                Some(12_000),
            ),
            ("auth-api: POST /login 500", "POST", "/login", 500, None),
            ("HTTP GET /x responded 500 in 12.3456 ms", "GET", "/x", 500, Some(12_346)),
            ("GET /x HTTP/1.1 500 12 - 3 ms", "GET", "/x", 500, Some(3_000)),
            ("\"GET /x\" from 1.2.3.4 - 500 in 3ms", "GET", "/x", 500, Some(3_000)),
            (
                "\"GET http://localhost:3333/x HTTP/1.1\" from 127.0.0.1:5 - 500 12B in 1.2ms",
                "GET",
                "/x",
                500,
                Some(1_200),
            ),
            ("127.0.0.1 \"GET /api/orders/2228 HTTP/1.1\" 500 -", "GET", "/api/orders/2228", 500, None),
            ("500 PUT /baskets/160 (203.0.113.9) 5.92ms", "PUT", "/baskets/160", 500, Some(5_920)),
            ("  500    GET /api/orders ........... 17.31 mb 2.06 ms", "GET", "/api/orders", 500, Some(2_060)),
            ("500 Internal Server Error: GET - /x in 3ms", "GET", "/x", 500, Some(3_000)),
            ("--> GET /x 500 12ms 3b", "GET", "/x", 500, Some(12_000)),
            (" GET /x 500 in 45ms", "GET", "/x", 500, Some(45_000)),
            ("http: POST /x (12 ms) 500", "POST", "/x", 500, Some(12_000)),
            ("SERVER GET (500) /x host=\"127.0.0.1:8000\" ip=\"127.0.0.1\"", "GET", "/x", 500, None),
            (
                "router: completed GET /x for 1.2.3.4:0, 500 Internal Server Error in 12.3ms @ repo/x.go:12(func)",
                "GET",
                "/x",
                500,
                Some(12_300),
            ),
            ("0:00:00.003123 GET     [500] /x", "GET", "/x", 500, Some(3_123)),
            ("127.0.0.1:5 [500]: GET /x - Uncaught Error: boom in /srv/x.php:3", "GET", "/x", 500, None),
            (
                "method=GET path=/x?a=b format=html controller=X status=500 duration=58.33",
                "GET",
                "/x?a=b",
                500,
                Some(58_330),
            ),
            (
                "request{method=GET uri=/x version=HTTP/1.1}: finished status=502 latency=3ms",
                "GET",
                "/x",
                502,
                Some(3_000),
            ),
            (
                "at=error code=H12 desc=\"Request timeout\" method=GET path=\"/x\" host=a.example service=30001ms status=503",
                "GET",
                "/x",
                503,
                Some(30_001_000),
            ),
            (
                "Request finished HTTP/1.1 GET http://localhost:5000/x - 500 0 text/plain 3.1ms",
                "GET",
                "/x",
                500,
                Some(3_100),
            ),
            (
                "Request finished HTTP/1.1 POST http://localhost/x application/json 31 - 500 - text/plain;+charset=utf-8 12.5ms",
                "POST",
                "/x",
                500,
                Some(12_500),
            ),
            ("Completed 500 Internal Server Error in 5ms (ActiveRecord: 0.1ms)", "", "", 500, Some(5_000)),
            ("Completed 500 INTERNAL_SERVER_ERROR", "", "", 500, None),
            ("Sent 500 in 312µs", "", "", 500, Some(312)),
            ("Request finished in 3.1ms 500 text/html", "", "", 500, Some(3_100)),
            ("500 Internal Server Error (0.012s, 83.333/s)", "", "", 500, Some(12_000)),
            ("finished processing request latency=3 ms status=500", "", "", 500, Some(3_000)),
            ("Request ended: http://localhost:8080/x with HTTP status 500.19", "", "/x", 500, None),
        ] {
            assert_eq!(told_of(message), (method.into(), target.into(), Some(status), us), "{message}");
        }
    }

    #[test]
    fn begins_without_ends() {
        let r =
            request_in("Started GET \"/orders/5?a=b\" for 203.0.113.9 at 2026-11-24 07:38:41 +0000").unwrap();
        assert_eq!(
            (r.target.as_ref(), r.client.as_deref(), r.ending),
            ("/orders/5?a=b", Some("203.0.113.9"), Ending::Begun)
        );
        let r = request_in("Request starting HTTP/1.1 GET http://localhost:5000/x - - -").unwrap();
        assert_eq!(
            (r.target.as_ref(), r.host.as_deref(), r.ending),
            ("/x", Some("localhost:5000"), Ending::Begun)
        );
    }

    #[test]
    fn prose_and_calls_to_others_are_none() {
        for message in [
            "Request failed with status code 500",
            "Request: \"POST http://127.0.0.1:8123/v2\"",
            "GET http://api/x returned 500",
            "GET http://api/x 500 12ms",
            "HTTP Request: GET http://api.example/x \"HTTP/1.1 500 Internal Server Error\"",
            "http://localhost:8000 \"GET /x HTTP/1.1\" 500 12",
            "calling GET /rates 500",
            "urllib3.connectionpool: \"GET /x HTTP/1.1\" 500 12",
            "method=GET url=http://api/x status=500",
            "client call method=GET path=/x status=500",
            "could not GET 500 items",
            "the GET /x failed",
            "GET /x failed with 500",
            "Error handling request GET /reports/2026-12",
            "GET /trips/12 NotFoundError: Not Found",
            "Error: GET /api/users 500 (Internal Server Error)",
            "404 GET /baskets/224 (203.0.113.222): basket 224 is not there",
            "Exception on /data [GET]",
            "Completed job 500 in the queue",
            "Sent 500 mails",
            "listening on GET /x",
            "500",
            "",
        ] {
            assert_eq!(request_in(message), None, "{message}");
        }
    }

    #[test]
    fn lines_with_little_else() {
        let context = Context { reference: record::Time::from_secs(1_795_600_000), ..Context::default() };
        let e = RequestLine
            .read("2026-11-24T07:27:32.468Z 2001:db8::4f:876 POST /login 500 22ms", &context)
            .unwrap();
        assert_eq!(
            e.at.map(|(t, z)| (t.to_string(), z)),
            Some(("2026-11-24T07:27:32.468Z".into(), Zone::Stated))
        );
        assert_eq!(e.request.unwrap().client.as_deref(), Some("2001:db8::4f:876"));
        let e = RequestLine
            .read("2026-11-24 07:06:50.214 INFO  [http] 13292 203.0.113.112 POST /quotes 200 17ms", &context)
            .unwrap();
        assert_eq!((e.level, e.pid.as_deref()), (Level::Info, Some("13292")));
        let e = RequestLine
            .read(
                "[2026-11-24T07:01:40.975] [ERROR] http - POST /charges 500 17 ms req=282b045a-7d93-479f",
                &context,
            )
            .unwrap();
        assert_eq!((e.level, e.request.unwrap().id.as_deref()), (Level::Error, Some("282b045a-7d93-479f")));
        let e = RequestLine
            .read("Started GET \"/x\" for 127.0.0.1 at 2026-11-24 07:38:35 +0000", &context)
            .unwrap();
        assert_eq!(e.at.unwrap().0.to_string(), "2026-11-24T07:38:35Z");
        let e = RequestLine
            .read(
                "      Request finished HTTP/1.1 GET http://localhost:5000/x - 500 0 text/plain 3.1ms",
                &context,
            )
            .unwrap();
        assert!(e.closed && e.at.is_none());
        let e = RequestLine
            .read("[Tue Nov 24 07:00:00 2026] 127.0.0.1:5555 [500]: GET /x - Uncaught Error", &context)
            .unwrap();
        assert_eq!(
            (e.at.unwrap().0.to_string(), e.request.unwrap().client.as_deref()),
            ("2026-11-24T07:00:00Z".into(), Some("127.0.0.1"))
        );
        let e = RequestLine
            .read("[Tue Nov 24 07:00:00 2026] 127.0.0.1:51234 [500]: /api/login", &context)
            .unwrap();
        let r = e.request.unwrap();
        assert_eq!(
            (r.target.as_ref(), r.status, r.client.as_deref()),
            ("/api/login", Some(500), Some("127.0.0.1"))
        );
        for line in [
            "I, [2026-11-24T07:00:00.123456 #1]  INFO -- : method=GET path=/x status=500 duration=1.23",
            "[07:00:00 INF] HTTP GET /x responded 500 in 12.3456 ms",
            "2026-11-24 07:00:00.123  INFO 24117 --- [exec-4] c.e.LoggingFilter : GET /x",
            "    at /srv/app.js:12:5",
            "Traceback (most recent call last):",
            "  File \"/srv/app.py\", line 43, in GET",
            "2026-11-24 07:30:00 ERROR db: timeout in 500 ms",
        ] {
            assert!(RequestLine.read(line, &context).is_none(), "{line}");
        }
    }

    #[test]
    fn no_cut_of_any_line_makes_it_fall() {
        let context = Context::default();
        for line in [
            "[É 261124 08:05:13 wéb:2293] 500 PUT /é/160 (203.0.113.9) 5.92ms",
            "Request finished HTTP/1.1 GET http://é/é - 500 0 é 3.1ms",
            "\u{1b}[0mGET /é \u{1b}[31m500\u{1b}[0m 3.366 ms \"é\\\"é\" é=\"é é\" [é]",
            "1.2.3.4 - é [24/Nov/2026:07:21:01 +0000] \"GET /é HTTP/1.1\" 502 39 \"é\" \"é\" rt=0.004 us=\"502, 200\" 127.0.0.1:80, é",
        ] {
            for (i, _) in line.char_indices() {
                for f in crate::access::FORMATS {
                    let _ = f.read(&line[..i], &context);
                    let _ = f.read(&line[i..], &context);
                }
                let _ = request_in(&line[i..]);
            }
        }
    }
}
