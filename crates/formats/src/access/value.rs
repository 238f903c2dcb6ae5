//! Single values of access logs by their shape: statuses, durations, ids, upstream addresses, clients.
//!
//! ```text
//! 502    0.004    1896us    3.5ms    1m2.5s    127.0.0.1:8080    unix:/run/php-fpm.sock    "10.0.0.1:80, 10.0.0.2:80"
//! ```

use crate::mention::{address, is_address};

/// A status: three digits, 100 to 599.
pub(super) fn status(text: &str) -> Option<u16> {
    let b: [u8; 3] = text.as_bytes().try_into().ok()?;
    if !b.iter().all(u8::is_ascii_digit) {
        return None;
    }
    text.parse().ok().filter(|s| (100..=599).contains(s))
}

/// Of a list (`502, 200`, `502 : 200`), the status of the last try: nginx writes one per server it asked.
pub(super) fn last_status(text: &str) -> Option<u16> {
    text.rsplit([',', ':', ' ']).find_map(status)
}

/// A plain decimal number times `unit`, rounded.
pub(super) fn scaled(text: &str, unit: u64) -> Option<u64> {
    let b = text.as_bytes();
    if b.is_empty()
        || b.len() > 20
        || !b.iter().all(|c| c.is_ascii_digit() || *c == b'.')
        || b.iter().filter(|c| **c == b'.').count() > 1
        || !b.iter().any(u8::is_ascii_digit)
    {
        return None;
    }
    let value = text.parse::<f64>().ok()? * unit as f64;
    (value < 1e15).then(|| value.round() as u64)
}

/// Microseconds in a unit of time, as log writers abbreviate it.
pub(super) fn unit_us(name: &str) -> Option<f64> {
    Some(match name {
        "ns" => 0.001,
        "us" | "µs" | "μs" | "usec" | "usecs" | "micros" => 1.0,
        "ms" | "msec" | "msecs" | "millis" | "milliseconds" => 1e3,
        "s" | "sec" | "secs" | "seconds" => 1e6,
        "m" | "min" => 60e6,
        "h" => 3600e6,
        _ => return None,
    })
}

/// A duration with its unit: `3.5ms`, `1896us`, `12s`, Go's `1m2.5s`, Dart's and Python's `0:00:00.003123`.
pub(super) fn duration(text: &str) -> Option<u64> {
    let mut rest = text;
    if !rest.starts_with(|c: char| c.is_ascii_digit() || c == '.') || rest.len() > 24 {
        return None;
    }
    if let Some((hours, minutes)) = rest.split_once(':') {
        let (minutes, seconds) = minutes.split_once(':')?;
        if !seconds.contains('.') {
            return None;
        }
        let (h, m, s) =
            (scaled(hours, 3_600_000_000)?, scaled(minutes, 60_000_000)?, scaled(seconds, 1_000_000)?);
        return Some(h + m + s);
    }
    let mut total = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number = rest.get(..digits)?;
        scaled(number, 1)?;
        rest = rest.get(digits..)?;
        let letters = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        total += number.parse::<f64>().ok()? * unit_us(rest.get(..letters)?)?;
        rest = rest.get(letters..)?;
    }
    (total < 1e15).then(|| total.round() as u64)
}

/// Seconds with at least three decimals, as `$request_time`, Rack and WSGI servers write them; two decimals
/// are ratios.
pub(super) fn seconds(text: &str) -> Option<u64> {
    let (_, decimals) = text.split_once('.')?;
    (decimals.len() >= 3).then(|| scaled(text, 1_000_000)).flatten()
}

/// Does the word look like the id of one request: hex of 16 and more, a UUID or its head, Apache's UNIQUE_ID,
/// a ULID?
pub(super) fn is_id(word: &str) -> bool {
    let b = word.as_bytes();
    if b.len() < 8 || b.len() > 64 || !b.iter().any(u8::is_ascii_digit) {
        return false;
    }
    let letters = b.iter().any(u8::is_ascii_alphabetic);
    if b.iter().all(|c| c.is_ascii_hexdigit() || *c == b'-') {
        let dashed = b.len() >= 12 && b.contains(&b'-') && b.first() != Some(&b'-');
        return letters && (b.len() >= 16 || dashed || b.len() == 8);
    }
    // UNIQUE_ID (24 to 27 of A-Z a-z 0-9 @ _ -), ULID, Phoenix' and Kestrel's ids: capitals and digits mixed.
    (20..=36).contains(&b.len())
        && b.iter().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'@'))
        && b.iter().filter(|c| c.is_ascii_digit()).count() >= 2
        && b.iter().filter(|c| c.is_ascii_uppercase()).count() >= 3
        && b.iter().filter(|c| matches!(c, b'-' | b'_' | b'@')).count() <= 4
}

/// The trace id in a W3C `traceparent` (`00-…32 hex…-…16 hex…-01`) or an AWS `Root=1-…` (the header's own
/// form, which apps log).
pub(super) fn trace(text: &str) -> Option<&str> {
    if let Some(root) = text.split(';').map(str::trim).find(|p| p.starts_with("Root=")) {
        return Some(root);
    }
    let mut parts = text.split('-');
    let (version, id, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let hex = |t: &str, n: usize| t.len() == n && t.bytes().all(|c| c.is_ascii_hexdigit());
    (hex(version, 2) && hex(id, 32) && hex(span, 16) && hex(flags, 2) && parts.next().is_none()).then_some(id)
}

/// Where a proxy sent the request: `127.0.0.1:8080`, `app:3000`, `unix:/run/x.sock`, `http://172.17.0.3:80`;
/// of a list, the last.
pub(super) fn upstream(text: &str) -> Option<&str> {
    let last = match text.rsplit_once(", ").or_else(|| text.rsplit_once(" : ")) {
        Some((_, last)) => last,
        None => text,
    };
    let t = last.trim();
    if t.starts_with("unix:") {
        return (t.len() > 5).then_some(t);
    }
    let bare = t.split_once("://").map_or(t, |(_, r)| r.trim_end_matches('/'));
    if bare.len() > 100 || is_address(bare) {
        return None;
    }
    let (host, port) = bare.rsplit_once(':')?;
    let port_ok = (2..=5).contains(&port.len()) && port.bytes().all(|c| c.is_ascii_digit());
    let host = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    let host_ok = is_address(host)
        || host.bytes().any(|c| c.is_ascii_alphabetic())
            && host.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'.' | b'_'))
            && host.bytes().next().is_some_and(|c| c.is_ascii_alphanumeric());
    (port_ok && host_ok).then_some(bare)
}

/// The client in a list of forwarding addresses, `203.0.113.33, 127.0.0.1`: the first.
pub(super) fn forwarded(text: &str) -> Option<&str> {
    let first = text.split(',').next()?.trim();
    address(first).filter(|_| text.split(',').all(|p| address(p.trim()).is_some() || p.trim() == "unknown"))
}

/// Is it an address of the house: loopback, private (RFC 1918, RFC 4193), link-local, carrier (RFC 6598)?
pub(super) fn is_local(client: &str) -> bool {
    let c = client.strip_prefix("::ffff:").unwrap_or(client);
    if ["10.", "127.", "192.168.", "169.254."].iter().any(|p| c.starts_with(p)) {
        return true;
    }
    let second =
        |prefix: &str| c.strip_prefix(prefix).and_then(|r| r.split('.').next()).and_then(|n| n.parse().ok());
    second("172.").is_some_and(|n: u8| (16..32).contains(&n))
        || second("100.").is_some_and(|n: u8| (64..128).contains(&n))
        || matches!(c, "::1" | "localhost" | "unix:" | "0:0:0:0:0:0:0:1")
        || c.contains(':') && ["fc", "fd", "fe80"].iter().any(|p| c.starts_with(p))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_by_their_unit() {
        for (text, us) in [
            ("3.5ms", 3_500),
            ("1896us", 1_896),
            ("22ms", 22_000),
            ("0.002s", 2_000),
            ("312µs", 312),
            ("1m2.5s", 62_500_000),
            ("500ns", 1),
            ("0:00:00.003123", 3_123),
        ] {
            assert_eq!(duration(text), Some(us), "{text}");
        }
        for text in ["12", "0.004", "ms", "12B", "3.2.1ms", "", "127.0.0.1:80", "07:30:12"] {
            assert_eq!(duration(text), None, "{text}");
        }
        assert_eq!(seconds("0.0547"), Some(54_700));
        assert_eq!(seconds("3.10"), None);
    }

    #[test]
    fn upstreams_of_every_shape() {
        assert_eq!(upstream("127.0.0.1:8216"), Some("127.0.0.1:8216"));
        assert_eq!(upstream("10.0.0.1:80, 10.0.0.2:80"), Some("10.0.0.2:80"));
        assert_eq!(upstream("unix:/run/php/php8.2-fpm.sock"), Some("unix:/run/php/php8.2-fpm.sock"));
        assert_eq!(upstream("http://172.17.0.3:80"), Some("172.17.0.3:80"));
        assert_eq!(upstream("app:3000"), Some("app:3000"));
        for text in ["2001:db8::4f:876", "203.0.113.4", "-", "miss", "12:30:01", "test@docker"] {
            assert_eq!(upstream(text), None, "{text}");
        }
    }

    #[test]
    fn ids_and_traces() {
        for id in [
            "f7074af516c2bf673d42813bbd1e03e6",
            "6b0404f2-a28f",
            "awU-1as8bSVCQw2vTCTr8AAAAAA",
            "cb91ce37",
            "2cb16863-145f-4282-984d-cd6902294d1b",
        ] {
            assert!(is_id(id), "{id}");
        }
        for word in
            ["12345678", "python-requests", "20261124070000", "miss", "Mozilla", "GuzzleHttp", "2026-11-24"]
        {
            assert!(!is_id(word), "{word}");
        }
        assert_eq!(
            trace("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
            Some("0af7651916cd43dd8448eb211c80319c")
        );
        assert_eq!(
            trace("Root=1-58337262-36d228ad5d99923122bbe354"),
            Some("Root=1-58337262-36d228ad5d99923122bbe354")
        );
    }
}
