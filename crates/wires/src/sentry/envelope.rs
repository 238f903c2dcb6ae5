//! Envelopes: a header line, then items, each a header line and a payload.
//!
//! ```text
//! {"event_id":"9ec79c33ec9942ab8353589fcb2e04dc","dsn":"https://KEY@host/42","sent_at":"2026-11-24T07:50:01.032605Z"}
//! {"type":"attachment","length":10,"filename":"hello.txt"}
//! ten bytes!
//! {"type":"event"}
//! {"message":"without a length the payload ends with its line"}
//! ```
//!
//! <https://develop.sentry.dev/sdk/foundations/transport/envelopes/>: every line end but the last is required; with `length`, the
//! payload is that many bytes and one line end; without, it is one line. Taken as well: line ends left out or added, `\r\n`, a
//! payload that is shorter than its header says (the connection was cut, or the SDK counted characters).

use crate::lenient::{Flag, Instant, Number, Object, Text, read};
use serde::Deserialize;

/// Items read of one envelope. Relay takes 100 of each kind at most; more come only from a sender that means harm.
const ITEMS_MAX: usize = 2_000;

/// The header line of an envelope, as far as it is looked at.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Header<'a> {
    /// Of the event or transaction within; with or without dashes.
    #[serde(borrow)]
    pub event_id: Text<'a>,
    /// Where the sender has no other way to show its key (a tunnel).
    #[serde(borrow)]
    pub dsn: Text<'a>,
    /// When it was sent, by the sender's clock.
    pub sent_at: Instant,
    /// The dynamic sampling context.
    #[serde(borrow)]
    pub trace: Object<Trace<'a>>,
}

/// What an envelope says of the trace that its event belongs to.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Trace<'a> {
    #[serde(borrow)]
    pub public_key: Text<'a>,
    /// Its transactions are sent too.
    pub sampled: Flag,
}

/// The header line of an item.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ItemHeader<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    length: Number,
}

/// One item: its type as the header names it, and its payload.
#[derive(Debug, PartialEq)]
pub(super) struct Item<'a> {
    pub kind: String,
    pub payload: &'a [u8],
}

/// What follows the envelope's header.
#[derive(Debug, Default)]
pub(super) struct Items<'a> {
    pub list: Vec<Item<'a>>,
    /// Why the rest could not be read, if it could not.
    pub cut: Option<&'static str>,
}

/// The first line without its end, and what follows.
pub(super) fn line(body: &[u8]) -> (&[u8], &[u8]) {
    let end = memchr::memchr(b'\n', body).unwrap_or(body.len());
    let (line, rest) = body.split_at(end);
    (line.strip_suffix(b"\r").unwrap_or(line), rest.get(1..).unwrap_or(&[]))
}

/// Reads the items that follow the header line.
pub(super) fn items(mut rest: &[u8]) -> Items<'_> {
    let mut items = Items::default();
    while !rest.is_empty() {
        let (head, after) = line(rest);
        rest = after;
        if head.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        if items.list.len() >= ITEMS_MAX {
            items.cut = Some("items beyond the first 2,000 of an envelope");
            break;
        }
        let mut room = Vec::new();
        let Ok(header) = read::<ItemHeader<'_>>(head, &mut room) else {
            // Where the next item begins can no longer be told.
            items.cut = Some("the rest of an envelope behind an item header that is no JSON");
            break;
        };
        let stated = header.length.whole().map(|n| usize::try_from(n).unwrap_or(usize::MAX));
        let payload;
        match stated {
            Some(length) => {
                payload = rest.get(..length).unwrap_or(rest);
                if payload.len() < length {
                    items.cut = Some("the end of an item that is shorter than its header says");
                }
                rest = rest.get(length..).unwrap_or(&[]);
            }
            None => (payload, rest) = line(rest),
        }
        items.list.push(Item { kind: header.kind.0.into_owned(), payload });
    }
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(body: &[u8]) -> Vec<(String, String)> {
        let text = |p: &[u8]| String::from_utf8_lossy(p).into_owned();
        items(body).list.into_iter().map(|i| (i.kind, text(i.payload))).collect()
    }

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
    }

    #[test]
    fn with_and_without_length() {
        let two = pairs(&[("attachment", "a\nb"), ("event", "{}")]);
        assert_eq!(kinds(b"{\"type\":\"attachment\",\"length\":3}\na\nb\n{\"type\":\"event\"}\n{}\n"), two);
        assert_eq!(kinds(b"{\"type\":\"attachment\",\"length\":3}\na\nb\n{\"type\":\"event\"}\n{}"), two);
        // Line ends left out, added, of another system.
        assert_eq!(kinds(b"{\"type\":\"attachment\",\"length\":3}\na\nb{\"type\":\"event\"}\n{}"), two);
        assert_eq!(
            kinds(
                b"\n{\"type\":\"attachment\",\"length\":3}\r\na\nb\r\n\r\n{\"type\":\"event\"}\r\n{}\r\n\n"
            ),
            two
        );
        assert_eq!(
            kinds(b"{\"type\":\"event\",\"length\":0}\n\n{\"type\":\"x\"}"),
            pairs(&[("event", ""), ("x", "")])
        );
        assert_eq!(kinds(b""), []);
    }

    #[test]
    fn hostile_lengths() {
        for length in ["18446744073709551615", "1e308", "9007199254740993", "100"] {
            let body = format!("{{\"type\":\"event\",\"length\":{length}}}\n{{}}");
            let read = items(body.as_bytes());
            assert_eq!(read.list.len(), 1, "{length}");
            assert_eq!(read.list[0].payload, b"{}");
        }
        // None at all: one line.
        for length in ["-1", "null", "[]", "\"x\""] {
            let body = format!("{{\"type\":\"event\",\"length\":{length}}}\n{{}}\n");
            assert_eq!(kinds(body.as_bytes()), pairs(&[("event", "{}")]), "{length}");
        }
        assert!(items(b"{\"type\":\"event\"}\n{}\nno header\n{}\n").cut.is_some());
        let many = b"{\"type\":\"x\"}\n\n".repeat(5_000);
        assert_eq!(items(&many).list.len(), ITEMS_MAX);
    }
}
