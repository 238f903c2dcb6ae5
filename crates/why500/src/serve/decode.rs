//! Takes content encodings off bodies (RFC 9110 §8.4.1, RFC 8878 for zstd), within a limit: a few kilobytes can stand for gigabytes.

use std::io::{self, Read};

/// A body that is not handed on.
#[derive(Debug, PartialEq, Eq)]
pub enum Refused {
    /// It is longer than so many bytes once its encoding is taken off.
    TooLong(u64),
    /// The encoding is not known.
    Unknown(String),
    /// It is not what its encoding says.
    Broken(String),
}

/// Encodings one after the other; clients send one, some proxies two.
const ENCODINGS_MAX: usize = 2;
/// Bytes that are kept before it is known how long all is: longer bodies than Sentry's own limit for an event (1 MB) are rare.
const KEPT_BYTES: u64 = 16 << 20;
/// zstd frames may ask for a window of gigabytes; the command line tool refuses more than 8 MiB by default too.
const ZSTD_WINDOW_MAX: u64 = 8 << 20;

/// The body without its encodings (`Content-Encoding`, outermost last).
///
/// # Errors
/// It is too long, broken, or of an encoding that is not known.
pub fn decode(encodings: &str, body: Vec<u8>, max: u64) -> Result<Vec<u8>, Refused> {
    let names: Vec<String> = encodings
        .split(',')
        .map(|e| e.trim().to_ascii_lowercase())
        .filter(|e| !matches!(e.as_str(), "" | "identity" | "snappy" | "aws-chunked"))
        .collect();
    // Datadog's winston transport and graypy name what they could have sent (`gzip,deflate`) beside what they did.
    if names == ["gzip", "deflate"] && !body.starts_with(&[0x1f, 0x8b]) {
        return one("deflate", &body, max);
    }
    if names == ["gzip", "deflate"] {
        return one("gzip", &body, max);
    }
    if names.len() > ENCODINGS_MAX {
        return Err(Refused::Unknown(encodings.to_owned()));
    }
    let mut body = body;
    for name in names.iter().rev() {
        body = one(name, &body, max)?;
    }
    if body.len() as u64 > max {
        return Err(Refused::TooLong(max));
    }
    Ok(body)
}

fn one(name: &str, body: &[u8], max: u64) -> Result<Vec<u8>, Refused> {
    match name {
        // Some clients say so and send plain text.
        "gzip" | "x-gzip" if body.starts_with(&[0x1f, 0x8b]) => {
            within(|| Ok(flate2::read::MultiGzDecoder::new(body)), body.len(), max)
        }
        "gzip" | "x-gzip" if body.first().is_none_or(|b| matches!(b, b'{' | b'[')) => Ok(body.to_vec()),
        "gzip" | "x-gzip" => Err(Refused::Broken("no gzip header".into())),
        // Deflate is zlib's form (RFC 9110 §8.4.1.2); some send it bare.
        "deflate" => {
            within(|| Ok(flate2::read::ZlibDecoder::new(body)), body.len(), max).or_else(|e| match e {
                Refused::Broken(_) => within(|| Ok(flate2::read::DeflateDecoder::new(body)), body.len(), max),
                other => Err(other),
            })
        }
        "br" => within(|| Ok(brotli_decompressor::Decompressor::new(body, 16 * 1024)), body.len(), max),
        "zstd" => {
            let frame = || {
                ruzstd::decoding::StreamingDecoder::new_with_max_window_size(body, ZSTD_WINDOW_MAX)
                    .map_err(|e| Refused::Broken(e.to_string()))
            };
            within(frame, body.len(), max)
        }
        other => Err(Refused::Unknown(other.to_owned())),
    }
}

/// Reads all, if it is not too long. What turns out longer than [`KEPT_BYTES`] is only counted at first, and unpacked again if it is
/// within the limit: of a bomb, no more than that is ever in memory, and long bodies are few.
fn within<R: Read>(open: impl Fn() -> Result<R, Refused>, hint: usize, max: u64) -> Result<Vec<u8>, Refused> {
    let first = max.min(KEPT_BYTES);
    // JSON of events packs to a fourth or fifth.
    let mut out = Vec::with_capacity((hint * 6).min(1 << 20));
    let mut reader = open()?;
    let mut unpack = || -> io::Result<u64> {
        (&mut reader).take(first).read_to_end(&mut out)?;
        let rest = io::copy(&mut (&mut reader).take(max + 1 - first), &mut io::sink())?;
        if rest > 0 && first + rest <= max {
            out = Vec::with_capacity(usize::try_from(first + rest).unwrap_or(0));
            open().map_err(|_| io::ErrorKind::InvalidData)?.take(max).read_to_end(&mut out)?;
        }
        Ok(first + rest)
    };
    match unpack() {
        Ok(len) if len > max => Err(Refused::TooLong(max)),
        Ok(_) => Ok(out),
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => {
            Err(Refused::Broken("it ends too early".into()))
        }
        Err(e) => Err(Refused::Broken(e.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn gzip(data: &[u8]) -> Vec<u8> {
        let mut z = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        z.write_all(data).unwrap();
        z.finish().unwrap()
    }

    #[test]
    fn a_bomb_is_refused_and_a_torn_body_named() {
        let bomb = gzip(&vec![0; 8 << 20]);
        assert!(bomb.len() < 10_000);
        assert_eq!(decode("gzip", bomb.clone(), 1 << 20), Err(Refused::TooLong(1 << 20)));
        assert_eq!(decode("gzip, gzip", gzip(&bomb), 1 << 20), Err(Refused::TooLong(1 << 20)));
        let torn = gzip(b"{\"a\":1}");
        assert!(matches!(decode("gzip", torn[..torn.len() - 4].to_vec(), 100), Err(Refused::Broken(_))));
        assert!(matches!(decode("lzma", vec![1], 100), Err(Refused::Unknown(_))));
        assert_eq!(decode("", b"plain".to_vec(), 3), Err(Refused::TooLong(3)));
    }

    #[test]
    fn what_clients_send_is_read() {
        assert_eq!(decode("gzip", gzip(b"x"), 9), Ok(b"x".to_vec()));
        assert_eq!(decode("X-GZIP", gzip(b"x"), 9), Ok(b"x".to_vec()));
        assert_eq!(decode("gzip", b"{}".to_vec(), 9), Ok(b"{}".to_vec()));
        let mut z = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
        z.write_all(b"bare").unwrap();
        assert_eq!(decode("deflate", z.finish().unwrap(), 9), Ok(b"bare".to_vec()));
        // printf x | zstd --stdout, printf x | brotli --stdout
        let zstd = [0x28, 0xb5, 0x2f, 0xfd, 0x20, 0x01, 0x09, 0x00, 0x00, 0x78];
        assert_eq!(decode("zstd", zstd.to_vec(), 9), Ok(b"x".to_vec()));
        assert_eq!(decode("br", vec![0x0b, 0x00, 0x80, 0x78, 0x03], 9), Ok(b"x".to_vec()));
    }
}
