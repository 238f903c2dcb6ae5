//! GELF, Graylog's format: JSON over HTTP, over UDP (compressed, and in chunks where a datagram is too small), over TCP (each message
//! ends in NUL).
//!
//! ```text
//! {"version":"1.1","host":"web-1","short_message":"Exception on /orders [POST]","timestamp":1795505857.0864005,"level":3,
//!  "full_message":"Traceback (most recent call last):\n …","_app":"storefront","_env":"production"}
//! ```
//!
//! Source: <https://go2docs.graylog.org/current/getting_in_log_data/gelf.html>: a chunk begins with `1e 0f`, eight bytes that name
//! the message, its number and the number of all; all come within five seconds. Real clients send zlib, gzip and plain JSON on the
//! same port, and over HTTP zlib with `Content-Encoding: gzip,deflate` (graypy).

use crate::entry::{self, Around};
use crate::{Access, Answer, Head, Refusal, Session, Socket, Taken, Wire, basic};
use record::{SECOND, Time};
use std::borrow::Cow;
use std::collections::HashMap;
use std::io::Read;

/// Chunks of one message, by the specification.
const CHUNKS_MAX: u8 = 128;
/// All chunks have to come within this, by the specification.
const CHUNKS_US: i64 = 5 * SECOND;
/// Messages of which not all chunks have come; anyone may begin one.
const PENDING_MAX: usize = 1_024;
/// Bytes of all of them.
const PENDING_BYTES_MAX: usize = 32 << 20;
/// Largest message after inflating; 128 chunks of 8 KB hold 1 MB of what is mostly compressed ten to one.
const MESSAGE_MAX: usize = 8 << 20;

pub(crate) struct Gelf;

impl Wire for Gelf {
    fn name(&self) -> &'static str {
        "gelf"
    }

    fn knows(&self, head: &Head) -> bool {
        head.method == "POST" && head.path.trim_end_matches('/').ends_with("/gelf")
    }

    fn access(&self, head: &Head, _body: &[u8]) -> Access {
        basic::any(head)
    }

    fn read(&self, head: &Head, body: &[u8], now: Time) -> Result<Taken, Refusal> {
        let mut taken = Taken { answer: Answer { status: 202, ..Answer::default() }, ..Taken::default() };
        // Not all clients say that they compress.
        match inflated(body) {
            Some(plain) => messages(&plain, &head.peer, now, &mut taken),
            None => {
                let why = "the body is compressed but broken, or holds more than 8 MiB".to_owned();
                return Err(Refusal { answer: Answer::problem(400, &why, None), why });
            }
        }
        Ok(taken)
    }
}

impl Socket for Gelf {
    fn name(&self) -> &'static str {
        "gelf"
    }

    fn open(&self, peer: &str) -> Box<dyn Session> {
        Box::new(Stream { peer: peer.to_owned(), ..Stream::default() })
    }

    fn datagrams(&self) -> Box<dyn Session> {
        Box::new(Datagrams::default())
    }
}

fn messages(plain: &[u8], peer: &str, now: Time, taken: &mut Taken) {
    let plain = plain.strip_suffix(&[0]).unwrap_or(plain).trim_ascii_start();
    if !plain.starts_with(b"{") && !plain.starts_with(b"[") {
        if !plain.is_empty() {
            taken.drop("a gelf message that is no JSON object");
        }
        return;
    }
    entry::all(plain, &Around { stream: "gelf".into(), peer, ..Around::default() }, now, taken);
}

/// The plain bytes; `None` if they are broken or too many.
fn inflated(bytes: &[u8]) -> Option<Cow<'_, [u8]>> {
    let mut out = Vec::new();
    let limit = MESSAGE_MAX as u64 + 1;
    let read = match bytes {
        [0x1f, 0x8b, ..] => flate2::read::MultiGzDecoder::new(bytes).take(limit).read_to_end(&mut out),
        // zlib's first two bytes are a multiple of 31 (RFC 1950 §2.2).
        [cmf, flg, ..] if cmf & 0x0f == 8 && (u16::from(*cmf) << 8 | u16::from(*flg)) % 31 == 0 => {
            flate2::read::ZlibDecoder::new(bytes).take(limit).read_to_end(&mut out)
        }
        _ => return Some(Cow::Borrowed(bytes)),
    };
    // What came before a broken end is torn JSON: no message.
    (read.is_ok() && out.len() <= MESSAGE_MAX).then_some(Cow::Owned(out))
}

/// A message of which not all chunks have come.
struct Pending {
    since: Time,
    parts: Vec<Option<Vec<u8>>>,
    missing: u8,
    bytes: usize,
}

/// All that comes by UDP.
#[derive(Default)]
struct Datagrams {
    pending: HashMap<(String, [u8; 8]), Pending>,
    bytes: usize,
}

impl Session for Datagrams {
    fn push(&mut self, bytes: &[u8], peer: &str, now: Time, taken: &mut Taken) -> Result<(), Refusal> {
        self.forget(now, taken);
        let whole = match bytes {
            [0x1e, 0x0f, rest @ ..] => match self.chunk(rest, peer, now, taken) {
                Some(whole) => Cow::Owned(whole),
                None => return Ok(()),
            },
            _ => Cow::Borrowed(bytes),
        };
        match inflated(&whole) {
            Some(plain) => messages(&plain, peer, now, taken),
            None => taken.drop("a gelf message whose compression is broken, or above 8 MiB"),
        }
        Ok(())
    }
}

impl Datagrams {
    /// Takes a chunk in: the message, once it is whole.
    fn chunk(&mut self, rest: &[u8], peer: &str, now: Time, taken: &mut Taken) -> Option<Vec<u8>> {
        let (Some((id, [number, count, data @ ..])), true) = (rest.split_first_chunk::<8>(), rest.len() > 10)
        else {
            taken.drop("a gelf chunk without its head");
            return None;
        };
        if *count == 0 || *count > CHUNKS_MAX || number >= count {
            taken.drop("a gelf chunk whose number is beyond that of all");
            return None;
        }
        if *count == 1 {
            return Some(data.to_vec());
        }
        let key = (peer.to_owned(), *id);
        if self.pending.len() >= PENDING_MAX || self.bytes + data.len() > PENDING_BYTES_MAX {
            taken.drop("a gelf chunk while too many others were awaited");
            return None;
        }
        let message = self.pending.entry(key.clone()).or_insert_with(|| Pending {
            since: now,
            parts: vec![None; usize::from(*count)],
            missing: *count,
            bytes: 0,
        });
        match message.parts.get_mut(usize::from(*number)) {
            Some(part @ None) => {
                *part = Some(data.to_vec());
                message.missing -= 1;
                message.bytes += data.len();
                self.bytes += data.len();
            }
            // Datagrams may come twice.
            Some(Some(_)) => taken.drop("a gelf chunk that had come before"),
            None => taken.drop("a gelf chunk whose number is beyond that of all"),
        }
        if message.missing > 0 {
            return None;
        }
        let message = self.pending.remove(&key)?;
        self.bytes -= message.bytes;
        Some(message.parts.into_iter().flatten().flatten().collect())
    }

    /// Lets go of messages whose other chunks did not come in time.
    fn forget(&mut self, now: Time, taken: &mut Taken) {
        let bytes = &mut self.bytes;
        self.pending.retain(|_, p| {
            // A clock that was set back must not keep them for ever.
            let kept = (0..=CHUNKS_US).contains(&now.since(p.since));
            if !kept {
                *bytes -= p.bytes;
                taken.drop("a gelf message of which chunks did not come");
            }
            kept
        });
    }
}

/// One TCP connection.
#[derive(Default)]
struct Stream {
    held: Vec<u8>,
    /// The rest of a message that is too long is passed over.
    skip: bool,
    /// Messages end in NUL here, as the specification asks.
    ended: bool,
    peer: String,
}

impl Stream {
    fn hold(&mut self, bytes: &[u8], taken: &mut Taken) {
        if self.skip {
            return;
        }
        if self.held.len() + bytes.len() > MESSAGE_MAX {
            self.skip = true;
            self.held = Vec::new();
            taken.drop("a gelf message above 8 MiB");
            return;
        }
        self.held.extend_from_slice(bytes);
    }
}

impl Session for Stream {
    fn push(&mut self, bytes: &[u8], peer: &str, now: Time, taken: &mut Taken) -> Result<(), Refusal> {
        let mut rest = bytes;
        while let Some(end) = memchr::memchr(0, rest) {
            self.ended = true;
            let (message, after) = rest.split_at(end);
            rest = after.get(1..).unwrap_or_default();
            if self.held.is_empty() && !self.skip {
                messages(message, peer, now, taken);
                continue;
            }
            self.hold(message, taken);
            if !std::mem::take(&mut self.skip) {
                messages(&std::mem::take(&mut self.held), peer, now, taken);
            }
        }
        self.hold(rest, taken);
        // Graylog takes line feeds as ends too, where it is told to; so clients exist that send them.
        if !self.ended && self.held.ends_with(b"}\n") {
            messages(&std::mem::take(&mut self.held), peer, now, taken);
        }
        Ok(())
    }

    fn end(&mut self, now: Time, taken: &mut Taken) {
        // Some clients end in a line feed, and the last message often has no end at all.
        messages(&std::mem::take(&mut self.held), &self.peer, now, taken);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    const MESSAGE: &[u8] =
        br#"{"version":"1.1","host":"web-1","short_message":"boom","level":3,"timestamp":1795505857.5,"_app":"shop"}"#;

    fn now() -> Time {
        Time::from_secs(1_795_505_860)
    }

    fn zlib(bytes: &[u8]) -> Vec<u8> {
        let mut e = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        e.write_all(bytes).unwrap();
        e.finish().unwrap()
    }

    fn chunk(id: u8, number: u8, count: u8, data: &[u8]) -> Vec<u8> {
        [&[0x1e, 0x0f], [id; 8].as_slice(), &[number, count], data].concat()
    }

    #[test]
    fn chunks_come_in_any_order_and_twice() {
        let packed = zlib(MESSAGE);
        let (a, b) = packed.split_at(30);
        let mut session = Gelf.datagrams();
        let mut taken = Taken::default();
        for datagram in [chunk(1, 1, 2, b), chunk(2, 1, 2, b), chunk(1, 1, 2, b), chunk(1, 0, 2, a)] {
            session.push(&datagram, "192.0.2.7", now(), &mut taken).unwrap();
        }
        assert_eq!(taken.lines.len(), 1);
        let line = &taken.lines[0];
        assert_eq!(
            (line.text.as_str(), line.service.as_deref(), line.node.as_deref(), line.level),
            ("boom", Some("shop"), Some("web-1"), record::Level::Error)
        );
        assert_eq!(line.at.unwrap().0, Time(1_795_505_857_500_000));
        // The other half of the second comes too late.
        let mut taken = Taken::default();
        session.push(&chunk(2, 0, 2, a), "192.0.2.7", now().plus(6 * SECOND), &mut taken).unwrap();
        assert!(taken.lines.is_empty());
        assert_eq!(taken.dropped.values().sum::<u64>(), 1);
    }

    #[test]
    fn tcp_in_pieces_and_http_in_disguise() {
        let bytes = [MESSAGE, b"\0", MESSAGE, b"\0", MESSAGE].concat();
        for piece in [1, 7, 1000] {
            let mut session = Gelf.open("192.0.2.7");
            let mut taken = Taken::default();
            for piece in bytes.chunks(piece) {
                session.push(piece, "192.0.2.7", now(), &mut taken).unwrap();
            }
            session.end(now(), &mut taken);
            assert_eq!(taken.lines.len(), 3);
        }
        let taken = Gelf.read(&Head::default(), &zlib(MESSAGE), now()).unwrap();
        assert_eq!((taken.lines.len(), taken.answer.status), (1, 202));
    }

    #[test]
    fn hostile_datagrams() {
        let mut session = Gelf.datagrams();
        let mut taken = Taken::default();
        let bomb = zlib(&vec![b' '; MESSAGE_MAX + 1]);
        for datagram in [
            b"".as_slice(),
            b"\x1e",
            b"\x1e\x0f",
            b"\x1e\x0f12345678\x00\x02",
            &chunk(1, 5, 2, b"x"),
            &chunk(1, 0, 0, b"x"),
            &chunk(1, 0, 200, b"x"),
            b"\x1f\x8b",
            b"\x78\x9cxxxx",
            &bomb,
        ] {
            session.push(datagram, "192.0.2.7", now(), &mut taken).unwrap();
        }
        assert!(taken.lines.is_empty(), "{:?}", taken.lines);
        for id in 0..=255u8 {
            for number in 0..100 {
                session.push(&chunk(id, number, 101, &[0; 8000]), "a", now(), &mut taken).unwrap();
            }
        }
        assert!(taken.dropped["a gelf chunk while too many others were awaited"] > 0);
    }
}
