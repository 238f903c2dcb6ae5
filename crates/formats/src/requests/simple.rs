//! Requests that applications log in their own words: method, target and status somewhere in a message.
//!
//! ```text
//! POST /login 500 22ms
//! GET /docs -> 200 (3 ms)
//! method=GET path=/orders format=html status=500 duration=12.31
//! Started GET "/orders/5" for 203.0.113.9 at 2026-11-24 07:38:41 +0000
//! Completed 500 Internal Server Error in 5ms (ActiveRecord: 0.1ms)
//! Request finished HTTP/1.1 GET http://localhost/x - 500 0 text/plain 3.1ms
//! ```
//!
//! Sources: Rails `log_subscriber.rb`, lograge, Phoenix.Logger, ASP.NET Core `HostingRequestFinishedLog`, morgan, PHP's `cli_server`.

use super::line::{address, duration, is_id, is_method, origin, status};
use crate::RequestRef;
use record::Ending;
use std::borrow::Cow;

/// Words of a message that are looked at.
const WORDS_MAX: usize = 24;

/// The request with its status that a message (without its log prefix) tells, or the begin of one.
pub fn request_in(message: &str) -> Option<RequestRef<'_>> {
    let line = message.lines().next()?;
    if line.len() < 8 {
        return None;
    }
    started(line).or_else(|| completed(line)).or_else(|| pairs(line)).or_else(|| words_in(line))
}

/// Rails' and Kestrel's begin of a request.
fn started(line: &str) -> Option<RequestRef<'_>> {
    let (method, target, host, client) = if let Some(rest) = line.strip_prefix("Started ") {
        let (method, rest) = rest.split_once(' ')?;
        let (target, rest) = rest.strip_prefix('"')?.split_once('"')?;
        (method, target, None, rest.strip_prefix(" for ").and_then(|r| r.split(' ').next()).and_then(address))
    } else {
        let rest = line.strip_prefix("Request starting ")?;
        let mut w = rest.split(' ').skip(1);
        let method = w.next()?;
        let (target, host) = origin(w.next()?);
        (method, target, host, None)
    };
    is_method(method).then(|| RequestRef {
        method: method.into(),
        target: target.into(),
        host: host.map(Cow::Borrowed),
        client: client.map(Cow::Borrowed),
        ending: Ending::Begun,
        ..RequestRef::default()
    })
}

/// The end of a request whose begin was another line: Rails, Phoenix; and Kestrel's, which repeats the request.
fn completed(line: &str) -> Option<RequestRef<'_>> {
    if let Some(rest) = line.strip_prefix("Completed ").or_else(|| line.strip_prefix("Sent ")) {
        let mut w = rest.split(' ');
        let code = status(w.next()?)?;
        let took = rest.split_once(" in ").and_then(|(_, r)| duration(r.split(' ').next()?));
        took?;
        return Some(RequestRef { status: Some(code), duration_us: took, ..RequestRef::default() });
    }
    let rest = line.strip_prefix("Request finished ")?;
    let mut w = rest.split(' ');
    let _protocol = w.next()?;
    let method = w.next()?;
    if !is_method(method) {
        // ASP.NET Core 2: "Request finished in 3.1ms 500 text/html".
        let code = rest.split(' ').find_map(status)?;
        return Some(RequestRef {
            status: Some(code),
            duration_us: rest.split(' ').find_map(duration),
            ..RequestRef::default()
        });
    }
    let (target, host) = origin(w.next()?);
    let code = w.clone().find_map(status)?;
    Some(RequestRef {
        method: method.into(),
        target: target.into(),
        host: host.map(Cow::Borrowed),
        status: Some(code),
        duration_us: w.filter_map(duration).last(),
        ..RequestRef::default()
    })
}

/// `key=value` lines: lograge, Heroku's router, tracing's fields, Go's.
fn pairs(line: &str) -> Option<RequestRef<'_>> {
    if !line.contains("status=") && !line.contains("status_code=") {
        return None;
    }
    let get = |names: &[&str]| {
        names.iter().find_map(|name| {
            let mut from = 0;
            while let Some(i) = line.get(from..)?.find(name) {
                let at = from + i;
                let before = line.as_bytes().get(at.wrapping_sub(1)).copied();
                if at == 0 || before.is_some_and(|b| matches!(b, b' ' | b'{' | b',' | b'(' | b'\t')) {
                    let value = line.get(at + name.len()..)?;
                    let value = match value.strip_prefix('"') {
                        Some(v) => v.split('"').next(),
                        None => value.split([' ', '\t', '}', ',', ')']).next(),
                    };
                    return value.filter(|v| !v.is_empty());
                }
                from = at + name.len();
            }
            None
        })
    };
    let code = status(get(&["status=", "status_code=", "http_status="])?)?;
    let target = get(&["path=", "uri=", "url=", "target=", "request_uri=", "http.target="])?;
    let (target, host) = origin(target);
    if !target.starts_with('/') {
        return None;
    }
    let took = get(&["duration=", "latency=", "elapsed=", "took=", "service="])
        .and_then(|d| duration(d).or_else(|| d.parse::<f64>().ok().map(|ms| (ms.max(0.0) * 1000.0) as u64)));
    let took = took.or_else(|| {
        get(&["latency_ms=", "duration_ms=", "elapsed_ms="])
            .and_then(|d| d.parse::<f64>().ok())
            .map(|ms| (ms.max(0.0) * 1000.0) as u64)
    });
    Some(RequestRef {
        method: get(&["method=", "http.method="]).unwrap_or("").into(),
        target: target.into(),
        host: get(&["host="]).or(host).map(Cow::Borrowed),
        client: get(&["remote_ip=", "client_ip=", "ip=", "fwd=", "client=", "remote_addr="])
            .and_then(address)
            .map(Cow::Borrowed),
        status: Some(code),
        duration_us: took,
        id: get(&["request_id=", "req_id=", "requestId=", "rid="]).map(Cow::Borrowed),
        trace: get(&["trace_id=", "traceId="]).map(Cow::Borrowed),
        ..RequestRef::default()
    })
}

/// `203.0.113.1 POST /login 500 22ms`, `GET /docs -> 200 (3 ms)`, `"GET /x HTTP/1.1" 500 -`, `[500]: GET /x - message`.
fn words_in(line: &str) -> Option<RequestRef<'_>> {
    let mut at = [""; WORDS_MAX];
    let mut n = 0;
    for w in line.split([' ', '\t']).filter(|w| !w.is_empty()).take(WORDS_MAX) {
        at[n] = w;
        n += 1;
    }
    let words = &at[..n];
    let i = words
        .iter()
        .position(|w| is_method(w.trim_start_matches(['"', '(', '[', '\'']).trim_end_matches([']', ':'])))?;
    // A request line stands near the front of what an access logger writes, not behind prose.
    if i > 8 {
        return None;
    }
    let method = words[i].trim_start_matches(['"', '(', '[', '\'']).trim_end_matches([']', ':']);
    let raw = words.get(i + 1)?.trim_matches(['"', '\'', ',', ')']);
    // An absolute URL in an application's message is a call to another service.
    if !raw.starts_with('/') {
        return None;
    }
    let before = words[..i]
        .iter()
        .rev()
        .take(3)
        .find_map(|w| w.strip_prefix('[').and_then(|w| status(w.trim_end_matches([':', ']']))));
    // After the target: a protocol, arrows, words such as "responded", then the status.
    let mut code = None;
    for w in words.iter().skip(i + 2).take(6) {
        if w.starts_with("HTTP/")
            || matches!(
                *w,
                "->" | "=>"
                    | "-"
                    | ":"
                    | "|"
                    | "→"
                    | "responded"
                    | "returned"
                    | "answered"
                    | "with"
                    | "status"
                    | "code"
                    | "status:"
                    | "by"
                    | "from"
            )
            || w.starts_with('"')
            || address(w).is_some()
        {
            continue;
        }
        code = status(w)
            .or_else(|| w.strip_prefix("status=").or_else(|| w.strip_prefix("status:")).and_then(status));
        break;
    }
    // Tornado begins with the status: `500 PUT /baskets/160 (203.0.113.9) 5.92ms`.
    let code = code.or(before).or_else(|| if i == 1 { status(words[0]) } else { None })?;
    let mut request =
        RequestRef { method: method.into(), target: raw.into(), status: Some(code), ..RequestRef::default() };
    request.client = words.iter().find_map(|w| address(w)).map(Cow::Borrowed);
    for (k, w) in words.iter().enumerate().skip(i + 2) {
        if let Some(d) = duration(w) {
            request.duration_us = Some(d);
        } else if matches!(w.trim_matches(['(', ')', ',']), "ms" | "msecs")
            && let Some(d) = words.get(k - 1).and_then(|n| n.trim_matches(['(', ')']).parse::<f64>().ok())
        {
            request.duration_us = Some((d.max(0.0) * 1000.0) as u64);
        } else if request.id.is_none() && w.len() >= 16 && is_id(w) {
            request.id = Some((*w).into());
        }
    }
    if code == 499 {
        request.ending = Ending::ClientLeft;
    }
    Some(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(message: &str) -> (String, String, Option<u16>) {
        let q = request_in(message).expect(message);
        (q.method.into_owned(), q.target.into_owned(), q.status)
    }

    #[test]
    fn the_ways_applications_put_it() {
        let want = |m: &str, t: &str, s: u16| (m.to_owned(), t.to_owned(), Some(s));
        assert_eq!(read("203.0.113.1 POST /login 500 22ms"), want("POST", "/login", 500));
        assert_eq!(read("GET /docs -> 200 (3 ms)"), want("GET", "/docs", 200));
        assert_eq!(read("GET /rooms 200 331 - 0.274 ms"), want("GET", "/rooms", 200));
        assert_eq!(
            read("127.0.0.1 \"GET /api/orders/2228 HTTP/1.1\" 200 -"),
            want("GET", "/api/orders/2228", 200)
        );
        assert_eq!(
            read("method=GET path=/orders format=html status=500 duration=12.31"),
            want("GET", "/orders", 500)
        );
        assert_eq!(
            read(
                "finished processing request status=502 latency_ms=1 method=GET uri=/a/55/convert request_id=1c861f9a-3b37"
            ),
            want("GET", "/a/55/convert", 502)
        );
        assert_eq!(
            read("Request finished HTTP/1.1 GET http://localhost/x - 500 0 text/plain 3.1ms"),
            want("GET", "/x", 500)
        );
        assert_eq!(read("500 PUT /baskets/160 (203.0.113.9) 5.92ms"), want("PUT", "/baskets/160", 500));
        assert_eq!(read("127.0.0.1:5 [500]: GET /x - Uncaught Error"), want("GET", "/x", 500));
    }

    #[test]
    fn begins_and_ends_of_rails() {
        let q = request_in("Started GET \"/orders/5\" for 203.0.113.9 at 2026-11-24 07:38:41 +0000").unwrap();
        assert_eq!(
            (q.target.as_ref(), q.client.as_deref(), q.ending),
            ("/orders/5", Some("203.0.113.9"), Ending::Begun)
        );
        let q = request_in("Completed 500 Internal Server Error in 5ms (ActiveRecord: 0.1ms)").unwrap();
        assert_eq!((q.status, q.duration_us), (Some(500), Some(5000)));
    }

    #[test]
    fn calls_to_others_and_prose_are_no_requests() {
        for m in [
            "Request failed with status code 500",
            "Request: \"POST http://127.0.0.1:8123/v2\"",
            "GET http://api/x returned 500",
            "could not GET 500 items",
            "the GET /x failed",
            "",
        ] {
            assert!(request_in(m).is_none(), "{m}");
        }
    }
}
