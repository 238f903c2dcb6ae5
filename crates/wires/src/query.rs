//! Parameters of the query, decoded: `service=orders%2Dapi&ddtags=env:production`.

use crate::Head;
use std::borrow::Cow;

/// Longest value looked at.
const VALUE_MAX: usize = 4096;

/// A parameter's value; none where it is empty.
pub(crate) fn param<'a>(head: &'a Head, name: &str) -> Option<Cow<'a, str>> {
    let raw = head.param(name).filter(|v| !v.is_empty() && v.len() <= VALUE_MAX)?;
    Some(decoded(raw))
}

/// Percent signs and pluses become what they stand for; broken ones stay.
pub(crate) fn decoded(raw: &str) -> Cow<'_, str> {
    if !raw.contains(['%', '+']) {
        return Cow::Borrowed(raw);
    }
    let mut out = Vec::with_capacity(raw.len());
    let mut rest = raw.as_bytes();
    while let Some((c, after)) = rest.split_first() {
        rest = after;
        let coded = || std::str::from_utf8(after.get(..2)?).ok().and_then(|h| u8::from_str_radix(h, 16).ok());
        match c {
            b'+' => out.push(b' '),
            b'%' => match coded() {
                Some(b) => {
                    out.push(b);
                    rest = after.get(2..).unwrap_or_default();
                }
                None => out.push(b'%'),
            },
            c => out.push(*c),
        }
    }
    Cow::Owned(String::from_utf8_lossy(&out).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_signs() {
        assert_eq!(decoded("a%2Db+c%"), "a-b c%");
        assert_eq!(decoded("%e2%82%ac%zz%1"), "€%zz%1");
        assert_eq!(decoded("%ff"), "\u{fffd}");
    }
}
