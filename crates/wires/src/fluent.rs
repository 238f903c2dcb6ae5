//! The forward protocol of Fluentd and Fluent Bit: MessagePack over TCP.
//!
//! ```text
//! ["app.web", 1795503903, {"message":"boom"}]                               message mode
//! ["app.web", [[EventTime, {"message":"a"}], [EventTime, {…}]], {"chunk":"p8n9gm…"}]   forward mode
//! ["app.web", <the same entries as bytes>, {"size":2,"compressed":"gzip"}]  packed forward mode
//! ```
//!
//! Source: <https://github.com/fluent/fluentd/wiki/Forward-Protocol-Specification-v1.5>. Who sends a `chunk` waits for
//! `{"ack": chunk}`, and sends again if it does not come. Fluent Bit from 2.1 on writes `[[time, {}], record]`. By UDP come only
//! heartbeats, which are answered with a byte; over TCP a heartbeat is nil. The handshake with a shared key (HELO, PING, PONG) is not spoken: the server would
//! have to speak first.

use crate::entry::{self, Around};
use crate::msgpack::{Length, Token, Tokens, stamp};
use crate::{Answer, Refusal, Session, Socket, Taken};
use record::{Time, Zone};
use std::borrow::Cow;
use std::io::Read;

/// Largest message; Fluentd's chunks are 8 MB by default, Fluent Bit's 2 MB.
const MESSAGE_MAX: usize = 32 << 20;
/// Largest chunk after inflating.
const INFLATED_MAX: u64 = 64 << 20;
/// Longest name of a chunk that is sent back; they are 24 bytes of base64.
const CHUNK_MAX: usize = 1_024;

pub(crate) struct Fluent;

impl Socket for Fluent {
    fn name(&self) -> &'static str {
        "fluent-forward"
    }

    fn open(&self, peer: &str) -> Box<dyn Session> {
        Box::new(Stream { stream: format!("fluent {peer}"), held: Vec::new(), length: Length::default() })
    }

    fn datagrams(&self) -> Box<dyn Session> {
        Box::new(Heartbeats)
    }
}

/// What comes by UDP.
struct Heartbeats;

impl Session for Heartbeats {
    fn push(&mut self, _bytes: &[u8], _peer: &str, _now: Time, taken: &mut Taken) -> Result<(), Refusal> {
        taken.answer.body = vec![0];
        Ok(())
    }
}

/// One TCP connection.
struct Stream {
    stream: String,
    held: Vec<u8>,
    /// Of the message that begins `held`.
    length: Length,
}

impl Session for Stream {
    fn push(&mut self, bytes: &[u8], _peer: &str, now: Time, taken: &mut Taken) -> Result<(), Refusal> {
        self.held.extend_from_slice(bytes);
        let mut at = 0;
        while let Some(len) = self.length.of(self.held.get(at..).unwrap_or_default()) {
            let message = self.held.get(at..at + len).unwrap_or_default();
            self::message(message, &self.stream, now, taken);
            at += len;
            self.length = Length::default();
        }
        self.held.drain(..at);
        if self.held.len() > MESSAGE_MAX {
            let why = format!(
                "a message of the forward protocol is above {MESSAGE_MAX} bytes: lower chunk_limit_size"
            );
            return Err(Refusal { why, answer: Answer::default() });
        }
        Ok(())
    }

    fn end(&mut self, _now: Time, taken: &mut Taken) {
        if !std::mem::take(&mut self.held).is_empty() {
            taken.drop("a message of the forward protocol that is torn");
        }
    }
}

/// A message whole.
fn message(bytes: &[u8], stream: &str, now: Time, taken: &mut Taken) {
    let read = parts(bytes, stream, now, taken);
    if read.is_none() {
        taken.drop("a message that is none of the forward protocol");
    }
}

fn parts(bytes: &[u8], stream: &str, now: Time, taken: &mut Taken) -> Option<()> {
    let mut tokens = Tokens::of(bytes);
    let size = match tokens.next()? {
        Token::List(size @ 2..=4) => size,
        // A heartbeat over TCP.
        Token::Nil => return Some(()),
        _ => return None,
    };
    let (Token::Text(tag) | Token::Bytes(tag)) = tokens.next()? else { return None };
    let tag = String::from_utf8_lossy(tag);
    let around = Around {
        stream: Cow::Owned(format!("{stream} {tag}")),
        tag: (!tag.is_empty()).then(|| tag.clone()),
        ..Around::default()
    };
    let mut ahead = tokens;
    let (entries, option) = match ahead.next()? {
        Token::List(n) => {
            let mut n_read = 0;
            for _ in 0..n {
                n_read += u64::from(one(&mut ahead, &around, now, taken)?);
            }
            (n_read, if size >= 3 { option(ahead) } else { Options::default() })
        }
        Token::Text(packed) | Token::Bytes(packed) => {
            let option = if size >= 3 { option(ahead) } else { Options::default() };
            (unpacked(packed, option.compressed, &around, now, taken), option)
        }
        _ => {
            let record = Tokens { rest: tokens.rest };
            let mut ahead = record;
            let at = instant(&mut ahead)?;
            let read = record_at(at, &mut ahead, &around, now, taken)?;
            (u64::from(read), if size >= 4 { option(ahead) } else { Options::default() })
        }
    };
    entry::count(entries, taken);
    if let Some(chunk) = option.chunk {
        acknowledge(chunk, &mut taken.answer.body);
    }
    Some(())
}

/// What stands behind the entries.
#[derive(Default)]
struct Options<'a> {
    chunk: Option<&'a [u8]>,
    compressed: Option<&'a [u8]>,
}

fn option(mut tokens: Tokens<'_>) -> Options<'_> {
    let mut found = Options::default();
    let Some(Token::Map(n)) = tokens.next() else { return found };
    for _ in 0..n {
        let Some(Token::Text(key) | Token::Bytes(key)) = tokens.next() else { break };
        let mut ahead = tokens;
        let value = match ahead.next() {
            Some(Token::Text(v) | Token::Bytes(v)) => Some(v),
            _ => None,
        };
        match key {
            b"chunk" => found.chunk = value.filter(|c| c.len() <= CHUNK_MAX),
            b"compressed" => found.compressed = value,
            _ => {}
        }
        if tokens.value().is_none() {
            break;
        }
    }
    found
}

/// The entries of a packed message; how many.
fn unpacked(
    packed: &[u8],
    compressed: Option<&[u8]>,
    around: &Around<'_>,
    now: Time,
    taken: &mut Taken,
) -> u64 {
    let mut plain = Vec::new();
    let bytes = match compressed {
        None | Some(b"text" | b"") => packed,
        Some(b"gzip") => {
            let mut decoder = flate2::read::MultiGzDecoder::new(packed).take(INFLATED_MAX);
            // What came before a broken end is read.
            if decoder.read_to_end(&mut plain).is_err() {
                taken.drop("the end of a chunk whose compression is broken");
            }
            &plain
        }
        // Newer senders; the specification of version 1.5 knows gzip alone.
        Some(b"zstd") => {
            let decoder = ruzstd::decoding::StreamingDecoder::new(packed);
            let read = decoder.map(|d| d.take(INFLATED_MAX).read_to_end(&mut plain));
            if !matches!(read, Ok(Ok(_))) {
                taken.drop("the end of a chunk whose compression is broken");
            }
            &plain
        }
        Some(_) => {
            taken.drop("a chunk in a compression that is neither gzip nor zstd");
            return 0;
        }
    };
    let mut tokens = Tokens::of(bytes);
    let mut n = 0;
    while !tokens.rest.is_empty() {
        match one(&mut tokens, around, now, taken) {
            Some(read) => n += u64::from(read),
            None => {
                taken.drop("the rest of a chunk whose entries are broken");
                break;
            }
        }
    }
    n
}

/// An entry: `[time, record]` or `[[time, metadata], record]`.
fn one(tokens: &mut Tokens<'_>, around: &Around<'_>, now: Time, taken: &mut Taken) -> Option<bool> {
    let Token::List(2..) = tokens.next()? else { return None };
    let at = instant(tokens)?;
    record_at(at, tokens, around, now, taken)
}

fn instant(tokens: &mut Tokens<'_>) -> Option<Option<(Time, Zone)>> {
    let mut ahead = *tokens;
    if let Token::List(n @ 1..) = ahead.next()? {
        let at = instant_of(ahead.next()?);
        for _ in 1..n {
            ahead.value()?;
        }
        *tokens = ahead;
        return Some(at);
    }
    Some(instant_of(tokens.next()?))
}

fn instant_of(token: Token<'_>) -> Option<(Time, Zone)> {
    let at = match token {
        Token::Int(secs @ 1..) => Time::from_secs(secs),
        Token::Float(secs) if (1.0..1e11).contains(&secs) => Time((secs * 1e6) as i64),
        Token::Ext(kind, bytes) => stamp(kind, bytes)?,
        _ => return None,
    };
    Some((at, Zone::Stated))
}

/// Takes a record in; false where it is none.
fn record_at(
    at: Option<(Time, Zone)>,
    tokens: &mut Tokens<'_>,
    around: &Around<'_>,
    now: Time,
    taken: &mut Taken,
) -> Option<bool> {
    let mut ahead = *tokens;
    if !matches!(ahead.next()?, Token::Map(_)) {
        tokens.value()?;
        taken.drop("a record that is no map");
        return Some(false);
    }
    let mut json = String::new();
    tokens.json(&mut json)?;
    entry::object(&json, &Around { at, ..around.clone() }, now, taken);
    Some(true)
}

/// `{"ack": chunk}`.
fn acknowledge(chunk: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"\x81\xa3ack");
    match chunk.len() {
        len @ 0..=31 => out.push(0xa0 | len as u8),
        len @ 32..=255 => out.extend_from_slice(&[0xd9, len as u8]),
        len => out.extend_from_slice(&[0xda, (len >> 8) as u8, len as u8]),
    }
    out.extend_from_slice(chunk);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn push(bytes: &[u8], piece: usize) -> Taken {
        let mut taken = Taken::default();
        let mut session = Fluent.open("192.0.2.7");
        for piece in bytes.chunks(piece.max(1)) {
            session.push(piece, "192.0.2.7", Time::from_secs(1_795_505_860), &mut taken).unwrap();
        }
        session.end(Time(0), &mut taken);
        taken
    }

    const ENTRY: &[u8] = b"\x92\xd7\0\x6b\x05\x29\xfa\x1d\xcd\x65\0\x81\xa7message\xa4boom";

    fn packed(entries: &[u8], option: &[u8]) -> Vec<u8> {
        [b"\x93\xa3app\xc5".as_slice(), &(entries.len() as u16).to_be_bytes(), entries, option].concat()
    }

    #[test]
    fn all_modes_in_pieces_of_any_size() {
        let message = b"\x94\xa3app\xce\x6b\x05\x29\xfa\x81\xa7message\xa4boom\x81\xa5chunk\xa1a";
        let forward = [b"\x93\xa3app\x91".as_slice(), ENTRY, b"\x81\xa5chunk\xa1b"].concat();
        let newer = b"\x92\xa3app\x91\x92\x92\xce\x6b\x05\x29\xfa\x80\x81\xa7message\xa4boom";
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&[ENTRY, ENTRY].concat()).unwrap();
        let gzip = packed(&gzip.finish().unwrap(), b"\x82\xaacompressed\xa4gzip\xa5chunk\xa1c");
        let all = [message.as_slice(), &forward, newer, &packed(ENTRY, b"\x80"), &gzip].concat();
        for piece in [1, 2, 7, 64, all.len()] {
            let taken = push(&all, piece);
            assert_eq!(taken.lines.len(), 6, "{piece} {:?}", taken.dropped);
            assert!(taken.lines.iter().all(|l| l.text == "boom" && l.service.as_deref() == Some("app")));
            assert_eq!(taken.lines[1].at.unwrap().0.to_string(), "2026-11-24T06:08:58.500Z");
            assert_eq!(taken.answer.body, b"\x81\xa3ack\xa1a\x81\xa3ack\xa1b\x81\xa3ack\xa1c");
            assert_eq!(taken.items["log record"], 6);
        }
    }

    #[test]
    fn zstd_is_read_too() {
        let level = ruzstd::encoding::CompressionLevel::Fastest;
        let chunk = ruzstd::encoding::compress_to_vec([ENTRY, ENTRY].concat().as_slice(), level);
        let taken = push(&packed(&chunk, b"\x81\xaacompressed\xa4zstd"), 7);
        assert_eq!((taken.lines.len(), taken.dropped.len()), (2, 0));
    }

    #[test]
    fn hostile_messages() {
        for bytes in [
            b"\x00\x01".as_slice(),
            b"\x93\xa3app\x01\x02",
            b"\x93\xc0\xc0\xc0",
            b"\x92\xa3app\xdd\xff\xff\xff\xff",
            b"\xdd\xff\xff\xff\xff\xff",
            &packed(b"\x92\xce", b"\x80"),
            &packed(b"\x1f\x8bxx", b"\x81\xaacompressed\xa4gzip"),
            &packed(b"xx", b"\x81\xaacompressed\xa4zstd"),
            &[0x91; 100_000],
        ] {
            assert!(push(bytes, 1).lines.is_empty());
            assert!(push(bytes, bytes.len()).lines.is_empty());
        }
        let deep = [b"\x93\xa3app\x01\x81\xa1k".as_slice(), &[0x91; 100_000], b"\x01"].concat();
        assert_eq!(push(&deep, 1000).lines.len(), 1);
        let mut heartbeat = Taken::default();
        Fluent.datagrams().push(b"\0", "a", Time(0), &mut heartbeat).unwrap();
        assert_eq!(heartbeat.answer.body, [0]);
    }
}
