//! Routes: what stays the same in the paths of many requests.

/// The path of a target, without query and fragment.
pub fn path(target: &str) -> &str {
    let end = memchr::memchr3(b'?', b'#', b';', target.as_bytes());
    end.map_or(target, |end| &target[..end])
}

/// The last two segments of the path: what survives when a proxy adds or strips a mount prefix.
pub fn tail(target: &str) -> &str {
    let p = path(target).trim_end_matches('/');
    match memchr::memrchr_iter(b'/', p.as_bytes()).nth(1) {
        Some(i) => &p[i..],
        None => p,
    }
}

/// The route of a target: path with its variable segments as `{id}`.
///
/// A segment is variable when it looks like a key rather than a word: digits, UUIDs, hashes, dates, codes with digits
/// (`SKU-61`), very long or percent-encoded text. An extension stays (`{id}.json`), so do versions (`v2`).
pub fn template(target: &str) -> String {
    let p = path(target);
    if p.is_empty() {
        return "/".into();
    }
    let mut out = String::with_capacity(p.len());
    for (i, seg) in p.split('/').enumerate() {
        if i > 0 {
            out.push('/');
        }
        let (stem, ext) = match seg.rsplit_once('.') {
            Some((s, e))
                if !s.is_empty()
                    && (1..=5).contains(&e.len())
                    && e.bytes().all(|b| b.is_ascii_alphabetic()) =>
            {
                (s, Some(e))
            }
            _ => (seg, None),
        };
        if is_variable(stem) {
            out.push_str("{id}");
            if let Some(e) = ext {
                out.push('.');
                out.push_str(e);
            }
        } else {
            out.push_str(seg);
        }
    }
    if out.is_empty() { "/".into() } else { out }
}

fn is_variable(seg: &str) -> bool {
    if seg.is_empty() {
        return false;
    }
    let digits = seg.bytes().filter(u8::is_ascii_digit).count();
    let letters = seg.bytes().filter(u8::is_ascii_alphabetic).count();
    if digits == seg.len() || seg.len() >= 40 {
        return true;
    }
    if digits == 0 {
        return seg.matches('%').count() > 2 || seg.contains('@');
    }
    // v1, v2.1, oauth2, web3, http2
    let version = seg.strip_prefix('v').is_some_and(|r| {
        r.len() <= 4 && r.bytes().all(|b| b.is_ascii_digit() || b == b'.') && !r.starts_with('0')
    });
    if version || (letters >= 3 && digits == 1 && !seg.contains(['-', '_', ':'])) {
        return false;
    }
    digits >= 2 || seg.contains(['-', '_', ':', '.']) || letters <= 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_variable_and_words_are_not() {
        assert_eq!(template("/cart/17/items?x=1"), "/cart/{id}/items");
        assert_eq!(template("/invoices/54.json"), "/invoices/{id}.json");
        assert_eq!(template("/api/v1/stock/SKU-61"), "/api/v1/stock/{id}");
        assert_eq!(template("/reports/2026-04"), "/reports/{id}");
        assert_eq!(template("/vouchers/V0043/apply"), "/vouchers/{id}/apply");
        assert_eq!(template("/oauth2/token"), "/oauth2/token");
        assert_eq!(template("/u/3f2504e0-4f89-11d3-9a0c-0305e82c3301"), "/u/{id}");
        assert_eq!(template("/"), "/");
        assert_eq!(template(""), "/");
    }

    #[test]
    fn tails_ignore_mounts() {
        assert_eq!(tail("/api/v1/orders/5?x"), "/orders/5");
        assert_eq!(tail("/orders/5"), "/orders/5");
        assert_eq!(tail("/"), "");
    }
}
