//! The `key=value` tail that structured loggers put behind a message, and what it says of the request.
//!
//! ```text
//! finished processing request status=200 latency_ms=3 method=GET uri=/accounts/45 request_id=6b0404f2-a28f
//! dial failed error="connect: connection refused" attempt=3
//! └ message   └ pairs
//! ```

use crate::mention::{address, is_method, split_url};
use crate::{Entry, RequestRef};
use std::borrow::Cow;

/// Pairs kept of one line, at most.
const PAIRS_MAX: usize = 32;

/// A key with its value.
pub(super) type Pair<'a> = (&'a str, Cow<'a, str>);

/// The pairs at the end of a text, and where the first begins. An unquoted value goes on to the next key, as
/// Rust's
/// `Debug` values hold blanks (`err=Os { code: 111, kind: ConnectionRefused }`).
pub(super) fn split(text: &str) -> (&str, Vec<Pair<'_>>) {
    let mut pairs: Vec<Pair<'_>> = Vec::new();
    let mut cut = None;
    let mut at = 0;
    while pairs.len() < PAIRS_MAX {
        let Some((begin, key, value_at)) = next_key(text, at) else { break };
        cut = cut.or(Some(begin));
        let value = text.get(value_at..).unwrap_or_default();
        if let Some(quoted) = value.strip_prefix('"') {
            let end = closing(quoted);
            let inner = quoted.get(..end).unwrap_or(quoted);
            let v = if inner.contains('\\') { Cow::Owned(unescape(inner)) } else { Cow::Borrowed(inner) };
            pairs.push((key, v));
            at = (value_at + 1 + end + 1).min(text.len());
        } else {
            let end = next_key(text, value_at).map_or(text.len(), |(b, _, _)| b);
            pairs.push((
                key,
                Cow::Borrowed(text.get(value_at..end).unwrap_or_default().trim_end_matches([' ', ','])),
            ));
            at = end;
        }
    }
    (text.get(..cut.unwrap_or(text.len())).unwrap_or(text).trim_end(), pairs)
}

/// The next `key=` that begins a word at or behind `from`: where it begins, the key, and where its value
/// begins.
fn next_key(text: &str, from: usize) -> Option<(usize, &str, usize)> {
    let b = text.as_bytes();
    let mut search = from;
    while let Some(eq) = memchr::memchr(b'=', b.get(search..)?).map(|i| i + search) {
        search = eq + 1;
        let lead = b.get(from..eq)?;
        let len = lead
            .iter()
            .rev()
            .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'.' | b'-'))
            .count();
        let begin = eq - len;
        let free = begin == 0 || matches!(b.get(begin - 1), Some(b' ' | b'\t' | b'{' | b',' | b'['));
        if len > 0
            && free
            && b.get(begin).is_some_and(|c| c.is_ascii_alphabetic() || *c == b'_')
            && !matches!(b.get(eq + 1), Some(b'=' | b'>'))
        {
            return Some((begin, text.get(begin..eq)?, eq + 1));
        }
    }
    None
}

fn closing(text: &str) -> usize {
    let mut escaped = false;
    for (i, c) in text.bytes().enumerate() {
        match c {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return i,
            _ => {}
        }
    }
    text.len()
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, if c == '\\' { chars.next() } else { None }) {
            ('\\', Some('n')) => out.push('\n'),
            ('\\', Some('t')) => out.push('\t'),
            ('\\', Some(e)) => out.push(e),
            _ => out.push(c),
        }
    }
    out
}

/// Puts pairs into the entry: the request they name, a stack trace, and all as fields.
pub(super) fn apply<'a>(pairs: Vec<Pair<'a>>, entry: &mut Entry<'a>) {
    let mut request = entry.request.take().unwrap_or_default();
    for (key, value) in pairs {
        match key {
            "method" | "http.method" | "http_method" | "http.request.method" | "verb"
                if is_method(&value) =>
            {
                request.method = value.clone()
            }
            "uri" | "path" | "url" | "target" | "http.target" | "http.uri" | "http.path" | "url.path"
            | "request_uri" | "http.url"
                if request.target.is_empty() && value.starts_with('/') =>
            {
                request.target = value.clone();
            }
            // cloudflared says `dest`.
            "uri" | "http.uri" | "request_uri" | "dest"
                if request.target.is_empty() && value.contains("://") =>
            {
                let (host, path) = split_url(&value);
                request.host = host.map(|h| Cow::Owned(h.to_owned()));
                request.target = Cow::Owned(path.to_owned());
            }
            "request_id" | "requestId" | "req_id" | "reqId" | "request-id" | "http.request_id"
            | "x_request_id" | "correlation_id" | "id"
                if request.id.is_none() && (key != "id" || value.len() >= 16) && !value.is_empty() =>
            {
                request.id = Some(value.clone());
            }
            "trace_id" | "traceId" | "otel.trace_id" if !value.is_empty() => {
                request.trace = Some(value.clone())
            }
            "client" | "client_ip" | "remote_addr" | "remote_ip" | "http.client_ip" | "ip" | "peer_addr" => {
                request.client = request.client.take().or(address(&value).map(|a| Cow::Owned(a.to_owned())));
            }
            "stack" | "stacktrace" | "stack_trace" | "exception" | "exc_info" if value.contains('\n') => {
                entry.trace = Some(value);
                continue;
            }
            _ => {}
        }
        entry.fields.push((Cow::Borrowed(key), value));
    }
    if request != RequestRef::default() {
        entry.request = Some(request);
    }
}

/// Makes the entry one of the ledger where its pairs say how a request was answered: a status beside method
/// and target, in
/// a line whose message is about the request itself.
pub(super) fn answered(entry: &mut Entry<'_>) {
    const SAID: [&str; 10] = [
        "finished processing request",
        "request completed",
        "request finished",
        "completed request",
        "handled request",
        "served",
        "request handled",
        "response",
        "access",
        "http request",
    ];
    let status = entry.fields.iter().find(|(k, _)| {
        matches!(k.as_ref(), "status" | "http.status_code" | "status_code" | "http.response.status_code")
    });
    let Some(status) =
        status.and_then(|(_, v)| v.split(' ').next()?.parse::<u16>().ok()).filter(|s| (100..600).contains(s))
    else {
        return;
    };
    let message = entry.message.trim();
    let about = message.is_empty()
        || message.eq_ignore_ascii_case("request")
        || SAID.iter().any(|s| message.get(..s.len()).is_some_and(|m| m.eq_ignore_ascii_case(s)));
    let duration = entry.fields.iter().find_map(|(k, v)| micros(k, v));
    if let Some(request) = entry.request.as_mut().filter(|r| about && !r.target.is_empty()) {
        request.status = Some(status);
        request.duration_us = duration;
        entry.closed = true;
    }
}

/// `latency_ms=3`, `latency=1.5ms`, `elapsed=350µs`, `duration=0.2s`, `latency=3 ms`.
fn micros(key: &str, value: &str) -> Option<u64> {
    let name = key.rsplit('.').next().unwrap_or(key);
    let base = ["latency", "elapsed", "duration", "took", "response_time", "elapsed_time", "time"]
        .iter()
        .find(|n| name.starts_with(**n))?;
    let unit_of_key = name.get(base.len()..).unwrap_or_default().trim_start_matches('_');
    let digits = value.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(value.len());
    let number: f64 = value.get(..digits)?.parse().ok()?;
    let unit = value.get(digits..)?.trim();
    let scale = match (unit, unit_of_key) {
        ("s", _) | ("", "s" | "seconds" | "secs" | "sec") => 1e6,
        ("ms", _) | ("", "ms" | "millis" | "milliseconds") => 1e3,
        ("µs" | "μs" | "us", _) | ("", "us" | "micros") => 1.0,
        ("ns", _) | ("", "ns" | "nanos") => 1e-3,
        _ => return None,
    };
    let us = number * scale;
    (us.is_finite() && (0.0..1e14).contains(&us)).then_some(us as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_and_pairs_are_parted() {
        let (message, pairs) = split(
            "dial failed error=\"connect: \\\"refused\\\"\" err=Os { code: 111, kind: ConnectionRefused } attempt=3",
        );
        assert_eq!(message, "dial failed");
        assert_eq!(
            pairs,
            [
                ("error", "connect: \"refused\"".into()),
                ("err", "Os { code: 111, kind: ConnectionRefused }".into()),
                ("attempt", "3".into())
            ]
        );
    }

    #[test]
    fn comparisons_and_urls_are_no_pairs() {
        assert_eq!(split("x == y and a=>b").1, []);
        assert_eq!(split("GET /a?b=c failed").1, []);
        assert_eq!(split("").1, []);
    }

    #[test]
    fn durations_need_a_unit() {
        assert_eq!(micros("latency_ms", "3"), Some(3000));
        assert_eq!(micros("latency", "1.5ms"), Some(1500));
        assert_eq!(micros("elapsed", "350µs"), Some(350));
        assert_eq!(micros("latency", "0 ms"), Some(0));
        assert_eq!(micros("duration", "7"), None);
        assert_eq!(micros("retries", "7ms"), None);
    }
}
