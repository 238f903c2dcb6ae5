//! Keys that clients can only put where a user name and a password go: `Authorization: Basic dGVuYW50MTp0b2tlbg==`.
//!
//! Source: RFC 7617; RFC 4648 §4 and §5 for the letters.

use crate::{Access, Head};

/// Longest that is decoded; keys are shorter than a hundred bytes.
const CODED_MAX: usize = 4096;

/// User and password of `Authorization: Basic`; a key alone may stand in place of either.
pub(crate) fn access(head: &Head) -> Option<Access> {
    let (user, password) = pair(head.authorization("Basic")?)?;
    let given = |v: String| (!v.is_empty()).then_some(v);
    let (user, password) = (given(user), given(password));
    Some(match password {
        Some(key) => Access { project: user, key: Some(key) },
        None => Access { project: None, key: user },
    })
}

/// What is coded, at its first colon.
pub(crate) fn pair(coded: &str) -> Option<(String, String)> {
    let text = String::from_utf8(decoded(coded)?).ok()?;
    let (user, password) = text.split_once(':').unwrap_or((&text, ""));
    Some((user.to_owned(), password.to_owned()))
}

/// The bytes that are coded (base64, either alphabet, padded or not).
pub(crate) fn decoded(coded: &str) -> Option<Vec<u8>> {
    if coded.len() > CODED_MAX {
        return None;
    }
    let (mut bits, mut have, mut out) = (0u32, 0, Vec::with_capacity(coded.len()));
    for c in coded.trim_end_matches('=').bytes() {
        let six = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        bits = (bits << 6 | u32::from(six)) & 0xff_ffff;
        have += 6;
        if have >= 8 {
            have -= 8;
            out.push((bits >> have) as u8);
        }
    }
    Some(out)
}

/// The key in any of the places where keys stand: `Authorization: Bearer`, a user's password, the query.
pub(crate) fn any(head: &Head) -> Access {
    let bearer = head.authorization("Bearer").map(|k| Access { project: None, key: Some(k.to_owned()) });
    let header = || head.header("x-api-key").map(str::to_owned);
    let query =
        || ["key", "token", "api_key", "apikey"].iter().find_map(|n| head.param(n)).map(str::to_owned);
    bearer.or_else(|| access(head)).unwrap_or_else(|| Access { project: None, key: header().or_else(query) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(coded: &str) -> Option<(Option<String>, Option<String>)> {
        let head =
            Head { headers: vec![("authorization".into(), format!("Basic {coded}"))], ..Head::default() };
        access(&head).map(|a| (a.project, a.key))
    }

    #[test]
    fn user_and_password() {
        assert_eq!(
            of("dGVuYW50MTp3aXJldG9rZW4wMTIzNDU2Nzg5"),
            Some((Some("tenant1".into()), Some("wiretoken0123456789".into())))
        );
        assert_eq!(of("a2V5Og=="), Some((None, Some("key".into()))));
        assert_eq!(of("a2V5"), Some((None, Some("key".into()))));
        assert_eq!(of("not base64!"), None);
        assert_eq!(of("/////w=="), None);
    }
}
