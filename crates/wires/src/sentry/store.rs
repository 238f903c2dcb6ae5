//! The body of the old `/store/` endpoint: an event as JSON, or as raven's clients packed it before there were content encodings:
//! zlib, and base64 around it. <https://develop.sentry.dev/sdk/foundations/transport/store/>
//!
//! ```text
//! eJxVjkEKwjAQRa8yzLpdCIKL3kBw4dZNCOkkHU0nJZlaRby7aRHB5f…
//! ```

use std::borrow::Cow;
use std::io::Read;

/// An event is not longer once it is unpacked: Relay's `max_event_size` is 1 MiB, and some is said to be more.
const EVENT_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// The JSON within.
///
/// # Errors
/// It is neither JSON nor packed JSON.
pub(super) fn plain(body: &[u8]) -> Result<Cow<'_, [u8]>, String> {
    let body = body.trim_ascii();
    match body.first() {
        None => Err("the body is empty".into()),
        Some(b'{') => Ok(Cow::Borrowed(body)),
        // zlib; neither JSON nor zlib begins so in base64.
        Some(0x78) => inflated(body).map(Cow::Owned),
        Some(_) => {
            let bytes = base64(body).ok_or("the body is neither JSON nor base64")?;
            if bytes.first() == Some(&b'{') {
                Ok(Cow::Owned(bytes))
            } else {
                inflated(&bytes).map(Cow::Owned)
            }
        }
    }
}

fn inflated(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    flate2::read::ZlibDecoder::new(bytes)
        .take(EVENT_BYTES_MAX + 1)
        .read_to_end(&mut out)
        .map_err(|e| format!("the body is no zlib stream: {e}"))?;
    if out.len() as u64 > EVENT_BYTES_MAX { Err("the event is longer than 8 MiB".into()) } else { Ok(out) }
}

/// Standard and URL-safe alphabet (RFC 4648), line ends and padding as they may.
fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut held) = (0u32, 0u32);
    for &b in text.iter().filter(|b| !b.is_ascii_whitespace() && **b != b'=') {
        let value = match b {
            b'A'..=b'Z' => b - b'A',
            b'a'..=b'z' => b - b'a' + 26,
            b'0'..=b'9' => b - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        bits = (bits << 6 | u32::from(value)) & 0xffff;
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held & 0xff) as u8);
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn json_zlib_and_base64_of_it() {
        let json = br#"{"message":"old"}"#;
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        zlib.write_all(json).unwrap();
        let zlib = zlib.finish().unwrap();
        assert_eq!(&*plain(json).unwrap(), json);
        assert_eq!(&*plain(&zlib).unwrap(), json);
        // Python: base64.b64encode(zlib.compress(b'{"message":"old"}'))
        assert_eq!(&*plain(b"eJyrVspNLS5OTE9VslLKz0lRqgUANngF3w==\n").unwrap(), json);
        assert_eq!(&*plain(b"eyJtZXNzYWdlIjoib2xkIn0").unwrap(), json);
        assert!(plain(b"").is_err() && plain(b"<xml>").is_err() && plain(b"AAAA").is_err());
    }

    #[test]
    fn a_bomb_is_not_unpacked() {
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        for _ in 0..40 {
            zlib.write_all(&vec![b' '; 1024 * 1024]).unwrap();
        }
        assert!(plain(&zlib.finish().unwrap()).unwrap_err().contains("longer"));
    }
}
