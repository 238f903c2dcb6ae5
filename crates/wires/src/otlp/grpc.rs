//! gRPC's framing, as far as a unary call needs it: the messages of a body, and what is answered.
//!
//! ```text
//! 00  00 00 4c 86  0a 83 …      not compressed, 19,590 bytes, the message
//! 01  00 00 0b 10  1f 8b …      compressed as `grpc-encoding` says
//! ```
//!
//! Source: <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>. The status goes into the header `grpc-status`; the
//! server that speaks HTTP/2 sends it as a trailer.

use crate::{Answer, Head};
use std::borrow::Cow;
use std::io::Read;

/// A message may grow to so much: gRPC's own default is 4 MiB, the Collector's batches reach some tens.
const MESSAGE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Why a message was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Why {
    /// As HTTP would say it.
    pub status: u16,
    pub text: &'static str,
}

/// The messages of a body, one after the other; ends at the first that cannot be read.
pub(super) fn messages<'a>(
    head: &'a Head,
    body: &'a [u8],
) -> impl Iterator<Item = Result<Cow<'a, [u8]>, Why>> + 'a {
    let mut rest = body;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let message = first(head, &mut rest);
        if message.is_err() {
            rest = &[];
        }
        Some(message)
    })
}

fn first<'a>(head: &Head, rest: &mut &'a [u8]) -> Result<Cow<'a, [u8]>, Why> {
    let cut = Why { status: 400, text: "the gRPC message is cut off" };
    let (prefix, after) = rest.split_at_checked(5).ok_or(cut)?;
    let [flag, a, b, c, d] = *prefix else { return Err(cut) };
    let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).map_err(|_| cut)?;
    let (message, after) = after.split_at_checked(length).ok_or(cut)?;
    *rest = after;
    if flag == 0 {
        return Ok(Cow::Borrowed(message));
    }
    let mut out = Vec::new();
    let read = match head.header("grpc-encoding") {
        Some("gzip") => {
            flate2::read::MultiGzDecoder::new(message).take(MESSAGE_BYTES_MAX + 1).read_to_end(&mut out)
        }
        Some("deflate") => {
            flate2::read::ZlibDecoder::new(message).take(MESSAGE_BYTES_MAX + 1).read_to_end(&mut out)
        }
        None | Some("identity") => {
            return Err(Why { status: 400, text: "a compressed message without grpc-encoding" });
        }
        Some(_) => {
            return Err(Why {
                status: 501,
                text: "grpc-encoding: only identity, gzip and deflate are understood",
            });
        }
    };
    match read {
        Ok(_) if out.len() as u64 > MESSAGE_BYTES_MAX => {
            Err(Why { status: 413, text: "the message is too long when unpacked; send smaller batches" })
        }
        Ok(_) => Ok(Cow::Owned(out)),
        Err(_) => Err(Why { status: 400, text: "the compressed message is broken" }),
    }
}

fn head(code: u8) -> Vec<(&'static str, String)> {
    vec![
        ("content-type", "application/grpc".to_owned()),
        ("grpc-accept-encoding", "identity,gzip,deflate".to_owned()),
        ("grpc-status", code.to_string()),
    ]
}

/// A message as an answer.
pub(super) fn answer(message: &[u8]) -> Answer {
    let mut body = vec![0];
    body.extend_from_slice(&u32::try_from(message.len()).unwrap_or(0).to_be_bytes());
    body.extend_from_slice(message);
    Answer { status: 200, headers: head(0), body }
}

/// A call that failed: no message, a status, and why, percent-encoded.
pub(super) fn failure(code: u8, why: &str) -> Answer {
    let mut text = String::with_capacity(why.len());
    for b in why.bytes() {
        match b {
            b' '..=b'~' if b != b'%' => text.push(char::from(b)),
            _ => text.push_str(&format!("%{b:02X}")),
        }
    }
    let mut headers = head(code);
    headers.push(("grpc-message", text));
    Answer { status: 200, headers, body: Vec::new() }
}

/// The gRPC status for a refusal. Senders try UNAVAILABLE again (OTLP, "Failures"); RESOURCE_EXHAUSTED without `RetryInfo` they do
/// not, so it stands for what is too long.
pub(super) fn code(status: u16) -> u8 {
    match status {
        400 => 3,
        401 => 16,
        403 => 7,
        404 | 501 => 12,
        413 => 8,
        429 | 502..=504 => 14,
        _ => 13,
    }
}
