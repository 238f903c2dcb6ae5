//! Pieces that all access logs are made of: request lines, statuses, durations, addresses.

use crate::RequestRef;
use std::borrow::Cow;

/// Is the word an HTTP method?
pub(super) fn is_method(word: &str) -> bool {
    matches!(
        word,
        "GET"
            | "POST"
            | "PUT"
            | "DELETE"
            | "HEAD"
            | "OPTIONS"
            | "PATCH"
            | "TRACE"
            | "CONNECT"
            | "PROPFIND"
            | "REPORT"
            | "MKCOL"
            | "MOVE"
            | "COPY"
            | "LOCK"
            | "UNLOCK"
            | "PROPPATCH"
            | "PURGE"
            | "BAN"
    )
}

/// A status code written alone in a word.
pub(super) fn status(word: &str) -> Option<u16> {
    let word = word.trim_matches(['"', '[', ']', '(', ')', ',', ';', '|']);
    (word.len() == 3).then(|| word.parse::<u16>().ok())?.filter(|s| (100..=999).contains(s))
}

/// Method, target and host of a request line, with or without a protocol at its end.
pub(crate) fn request_line(text: &str) -> Option<(&str, &str, Option<&str>)> {
    let mut words = text.split(' ').filter(|w| !w.is_empty());
    let method = words.next()?;
    let target = words.next()?;
    if !is_method(method) {
        return None;
    }
    let (target, host) = origin(target);
    (target.starts_with('/') || target == "*" || method == "CONNECT").then_some((method, target, host))
}

/// The path of an absolute URL and its host; anything else as it is.
pub(super) fn origin(target: &str) -> (&str, Option<&str>) {
    let Some(rest) = target.strip_prefix("http://").or_else(|| target.strip_prefix("https://")) else {
        return (target, None);
    };
    match rest.find(['/', '?']) {
        Some(i) => (rest.get(i..).unwrap_or("/"), rest.get(..i)),
        None => ("/", Some(rest)),
    }
}

/// An address without its port: `203.0.113.1:4000`, `[2001:db8::1]:4000`, `2001:db8::1`.
pub(super) fn address(word: &str) -> Option<&str> {
    let w = word.trim_matches(['"', ',', '(', ')']);
    if let Some(inner) = w.strip_prefix('[') {
        return inner.split(']').next().filter(|a| a.contains(':'));
    }
    if w.parse::<std::net::IpAddr>().is_ok() {
        return Some(w);
    }
    if let Some((host, port)) = w.rsplit_once(':')
        && !port.is_empty()
        && port.bytes().all(|b| b.is_ascii_digit())
        && (host.parse::<std::net::IpAddr>().is_ok() || host == "localhost")
    {
        return Some(host);
    }
    // Anonymised or test addresses that no parser takes: hex groups and colons.
    let six = w.matches(':').count() >= 3 && w.bytes().all(|b| b.is_ascii_hexdigit() || b == b':');
    six.then_some(w)
}

/// A duration with its unit in the word: `1896us`, `3.5ms`, `0.001s`, `12µs`, `1.2345s`, `1m2.5s`.
pub(super) fn duration(word: &str) -> Option<u64> {
    let w = word.trim_matches(['(', ')', ',', '"', '[', ']', '|', '.', ';']);
    let (number, scale) = [("µs", 1.0), ("μs", 1.0), ("us", 1.0), ("ms", 1e3), ("ns", 1e-3), ("s", 1e6)]
        .into_iter()
        .find_map(|(unit, scale)| w.strip_suffix(unit).map(|n| (n, scale)))?;
    if let Some((minutes, seconds)) = number.split_once('m')
        && scale == 1e6
    {
        return micros(minutes.parse::<f64>().ok()? * 60e6 + seconds.parse::<f64>().ok()? * 1e6);
    }
    micros(number.parse::<f64>().ok()? * scale)
}

/// Seconds as a decimal number.
pub(super) fn seconds(word: &str) -> Option<u64> {
    micros(word.trim_matches('"').parse::<f64>().ok()? * 1e6)
}

fn micros(value: f64) -> Option<u64> {
    (value.is_finite() && (0.0..9e15).contains(&value)).then_some(value as u64)
}

/// Does a bare word look like a request id: a UUID, 16 and more hex digits, Apache's UNIQUE_ID, `xxxxxxxx-xxxx` of nginx-made ids?
pub(super) fn is_id(word: &str) -> bool {
    let w = word.trim_matches('"');
    let b = w.as_bytes();
    let hex = |s: &[u8]| s.iter().all(|c| c.is_ascii_hexdigit() || *c == b'-');
    match b.len() {
        8..=40 if hex(b) && b.iter().any(u8::is_ascii_digit) && b.iter().any(u8::is_ascii_alphabetic) => {
            b.len() >= 16 || (b.len() >= 8 && !w.starts_with('-'))
        }
        16..=40 if b.iter().all(|c| c.is_ascii_digit()) => false,
        24..=27 => {
            b.iter().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'@' | b'_' | b'-'))
                && b.iter().any(u8::is_ascii_digit)
                && b.iter().any(u8::is_ascii_uppercase)
        }
        _ => false,
    }
}

/// Splits at blanks, but keeps `"quoted parts"` (with `\"` inside) whole, without their quotes.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches([' ', '\t']);
        if rest.is_empty() {
            return None;
        }
        if let Some(inner) = rest.strip_prefix('"') {
            let b = inner.as_bytes();
            let mut i = 0;
            while i < b.len() && b[i] != b'"' {
                i += if b[i] == b'\\' { 2 } else { 1 };
            }
            let end = i.min(inner.len());
            if let Some(word) = inner.get(..end) {
                rest = inner.get(end + 1..).unwrap_or("");
                return Some(word);
            }
        }
        let end = rest.find([' ', '\t']).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        rest = after;
        Some(word)
    })
}

/// What follows the status of an access line: bytes, referer, agent, and free fields, named or bare.
pub(super) fn free_fields<'a>(request: &mut RequestRef<'a>, text: &'a str) {
    let mut bare_seconds = None;
    let mut whole = None;
    let mut n = 0;
    for word in words(text) {
        n += 1;
        if let Some((name, value)) = word.split_once('=')
            && !name.is_empty()
            && name.len() <= 32
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
        {
            named(request, name, value.trim_matches(['"', '<', '>', ',']));
            continue;
        }
        if n <= 4
            && request.agent.is_none()
            && (word.contains('/') && word.contains(['(', '.']) || word.starts_with("Mozilla"))
            && !word.starts_with("http")
        {
            request.agent = Some(word.into());
            continue;
        }
        if let Some(d) = duration(word) {
            request.duration_us.get_or_insert(d);
            continue;
        }
        if request.id.is_none() && is_id(word) {
            request.id = Some(word.trim_matches('"').into());
            continue;
        }
        let digits = word.bytes().filter(u8::is_ascii_digit).count();
        if let Some((a, b)) = word.split_once('.')
            && digits + 1 == word.len()
            && (2..=6).contains(&b.len())
            && a.len() <= 5
        {
            bare_seconds = bare_seconds.or(seconds(word));
        } else if digits == word.len() && n > 1 {
            whole = word.parse::<u64>().ok();
            if request.upstream.is_some()
                && let Some(s) = status(word)
            {
                request.upstream_status = Some(s);
            }
        } else if let Some((host, port)) = word.rsplit_once(':')
            && port.parse::<u16>().is_ok()
            && host.parse::<std::net::IpAddr>().is_ok()
        {
            request.upstream.get_or_insert(word.into());
        } else if word.starts_with("unix:") {
            request.upstream.get_or_insert(word.into());
        } else if word == "ms" {
            if let Some(w) = whole.take() {
                request.duration_us.get_or_insert(w.saturating_mul(1000));
            }
            if let Some(w) = bare_seconds.take() {
                // "0.274 ms": what looked like seconds was not.
                request.duration_us.get_or_insert(w / 1000);
            }
        } else if let Some(a) = address(word)
            && n > 3
            && request.client.as_deref().is_none_or(is_private)
        {
            // X-Forwarded-For at the end of the line.
            request.client = Some(Cow::Borrowed(a));
        }
    }
    if request.duration_us.is_none() {
        // Apache's %D, in microseconds, stands alone at the end.
        request.duration_us = bare_seconds.or(whole.filter(|_| n >= 3));
    }
}

fn named<'a>(request: &mut RequestRef<'a>, name: &str, value: &'a str) {
    if value.is_empty() || value == "-" {
        return;
    }
    match name.to_ascii_lowercase().as_str() {
        "rt" | "request_time" | "urt" | "upstream_response_time" | "time"
            if request.duration_us.is_none() =>
        {
            request.duration_us = duration(value).or_else(|| seconds(value))
        }
        "dur" | "duration" | "us" | "time_us" if value.len() != 3 || name != "us" => {
            if let Some(d) = duration(value).or_else(|| value.parse().ok()) {
                request.duration_us.get_or_insert(d);
            }
        }
        "us" | "ups" | "upstream_status" => request.upstream_status = status(value),
        "rid" | "eid" | "request_id" | "req_id" | "reqid" | "x_request_id" | "id" | "uid" => {
            request.id = Some(value.into())
        }
        "trace" | "trace_id" | "traceid" => request.trace = Some(value.into()),
        "ua" | "upstream" | "upstream_addr" if value.contains(':') => request.upstream = Some(value.into()),
        "host" => request.host = Some(value.into()),
        "xff" | "client" | "ip" => {
            if let Some(a) = address(value.split(',').next().unwrap_or("")) {
                request.client = Some(a.into());
            }
        }
        _ => {}
    }
}

/// Loopback and private addresses: a proxy in front, not a client.
pub(super) fn is_private(address: &str) -> bool {
    address.starts_with("127.")
        || address == "::1"
        || address.starts_with("10.")
        || address.starts_with("192.168.")
        || address == "localhost"
        || address == "-"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_by_unit() {
        assert_eq!(duration("1896us"), Some(1896));
        assert_eq!(duration("3.5ms"), Some(3500));
        assert_eq!(duration("0.001s"), Some(1000));
        assert_eq!(duration("247.391µs"), Some(247));
        assert_eq!(duration("1m2.5s"), Some(62_500_000));
        assert_eq!(duration("ms"), None);
    }

    #[test]
    fn ids_are_told_from_numbers_and_words() {
        assert!(is_id("awU-1as8bSVCQw2vTCTr8AAAAAA"));
        assert!(is_id("bb76655dcdb6147708d04ba35559005b"));
        assert!(is_id("377e6ff8-cf4b"));
        assert!(!is_id("1234567890123456"));
        assert!(!is_id("okhttp/4.12.0"));
    }

    #[test]
    fn quoted_words_stay_whole() {
        let w: Vec<_> = words(r#"200 12 "a \"b\" c" x"#).collect();
        assert_eq!(w, ["200", "12", r#"a \"b\" c"#, "x"]);
    }
}
