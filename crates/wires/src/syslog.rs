//! Syslog over UDP and TCP, old and new.
//!
//! ```text
//! <155>Nov 24 07:38:09 web-1 storefront[412]: Exception on /orders [POST]            RFC 3164
//! <155>1 2026-11-24T07:38:12.827777+00:00 web-1 nginx 412 - -  … [error] 731#731: …  RFC 5424
//! <155>storefront[412]: ERROR storefront: Exception on /cart/17 [GET]                Python's handler: neither time nor host
//! 47 <155>1 2026-11-24T07:38:12Z web-1 nginx 412 - - x                               RFC 6587 §3.4.1, the length first
//! ```
//!
//! Over UDP a datagram is a message. Over TCP messages either have their length before them or end in a line feed (Python's handler
//! ends them in NUL); which of both is told for each message by its first byte. A line that does not begin with a priority goes on
//! with the message before it. What stands in a message is read by the same code that reads syslog's files (crate `formats`).

use crate::entry::{self, Around};
use crate::framing::Framing;
use crate::{Refusal, Session, Socket, Taken};
use formats::{Context, Wrapped, Wrapper, explains, time};
use record::{Level, Time};
use std::borrow::Cow;

/// Parameters of structured data looked at.
const PARAMS_MAX: usize = 32;

pub(crate) struct Syslog;

impl Socket for Syslog {
    fn name(&self) -> &'static str {
        "syslog"
    }

    fn open(&self, peer: &str) -> Box<dyn Session> {
        Box::new(Stream {
            parser: Parser::new(),
            framing: Framing::default(),
            last: None,
            peer: peer.to_owned(),
        })
    }

    fn datagrams(&self) -> Box<dyn Session> {
        Box::new(Datagrams { parser: Parser::new() })
    }
}

/// Reads the header of a message.
pub(crate) struct Parser {
    forms: Vec<&'static dyn Wrapper>,
    context: Context,
}

impl Parser {
    pub(crate) fn new() -> Parser {
        // Versioned first: it is the narrower.
        let form = |name: &str| formats::wrappers().find(|w| w.name() == name);
        let forms = ["syslog rfc5424", "syslog"].into_iter().filter_map(form).collect();
        Parser { forms, context: Context::default() }
    }

    /// What a message carries; nothing if it is blank.
    pub(crate) fn read<'a>(&self, message: &'a str, now: Time) -> Option<Wrapped<'a>> {
        let message = message.trim_start_matches('\u{feff}').trim_end_matches(['\0', '\n', '\r']);
        if message.trim().is_empty() {
            return None;
        }
        let context = Context { reference: now, ..self.context.clone() };
        let known = self.forms.iter().find_map(|f| f.unwrap(message, &context));
        Some(known.filter(|w| !is_error(w)).unwrap_or_else(|| bare(message, now)))
    }
}

/// Without a tag, the type of an error stands in its place: `<11>Nov 24 07:38:09 web-1 java.io.IOException: reset`.
fn is_error(found: &Wrapped<'_>) -> bool {
    let tag = found.service.as_deref().filter(|_| found.pid.is_none()).unwrap_or_default();
    ["Exception", "Error", "Throwable"].iter().any(|end| tag.len() > end.len() && tag.ends_with(end))
}

/// What is left when parts of the header are missing: the tag in logback's appender (`<11>Nov 24 07:38:09 web-1 [main] ERROR …`), all
/// of it behind a careless forwarder.
fn bare(message: &str, now: Time) -> Wrapped<'_> {
    let coded = message.strip_prefix('<').and_then(|m| m.split_once('>'));
    let priority = coded.and_then(|(p, rest)| Some((p.parse::<u8>().ok().filter(|p| *p <= 191)?, rest)));
    let (level, text) = priority.map_or((Level::Unknown, message), |(p, rest)| (severity(p), rest));
    let text = text.strip_prefix("1 ").unwrap_or(text);
    let mut found = Wrapped { level, inner: text.into(), ..Wrapped::default() };
    let Some(stamp) = time::stamp(text, now).filter(|s| s.len >= 15 && priority.is_some()) else {
        return found;
    };
    let rest = text.get(stamp.len..).unwrap_or_default();
    let rest = rest.strip_prefix(':').unwrap_or(rest);
    let rest = rest.strip_prefix(' ').unwrap_or(rest);
    found.at = Some((stamp.time, stamp.zone));
    found.inner = rest.into();
    if let Some((host, said)) = rest.split_once(' ')
        && is_host(host)
    {
        found.node = Some(host.into());
        found.inner = said.into();
    }
    found
}

fn is_host(word: &str) -> bool {
    (1..=255).contains(&word.len())
        && word.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'.' | b'_' | b':'))
        && !word.ends_with(':')
        && Level::parse(word).is_none()
}

fn severity(priority: u8) -> Level {
    match priority % 8 {
        0..=2 => Level::Fatal,
        3 => Level::Error,
        4 => Level::Warn,
        5 => Level::Notice,
        6 => Level::Info,
        _ => Level::Debug,
    }
}

/// The parameters of structured data that explain: `[req@32473 trace_id="4bf9…" status="500"]`.
fn params(message: &str) -> Vec<(Cow<'_, str>, Cow<'_, str>)> {
    let mut found = Vec::new();
    let Some((_, after)) = message.split_once('>') else { return found };
    if !after.starts_with("1 ") || !after.contains("=\"") {
        return found;
    }
    // Version, time, host, app, process id, message id.
    let Some(mut rest) = after.splitn(7, ' ').nth(6).filter(|r| r.starts_with('[')) else { return found };
    for _ in 0..PARAMS_MAX {
        let Some((before, after)) = rest.split_once("=\"") else { break };
        // The message has begun.
        if before.contains("] ") || before.starts_with("] ") {
            break;
        }
        let name = before.rsplit([' ', '[']).next().unwrap_or(before);
        let mut escaped = false;
        let end = after.bytes().position(|c| {
            let ends = c == b'"' && !escaped;
            escaped = c == b'\\' && !escaped;
            ends
        });
        let Some((value, more)) = end.and_then(|e| Some((after.get(..e)?, after.get(e + 1..)?))) else {
            break;
        };
        if explains(name, formats::Value::Text(value)) {
            let plain = value.replace("\\\"", "\"").replace("\\]", "]").replace("\\\\", "\\");
            found.push((name.into(), plain.into()));
        }
        rest = more;
    }
    found
}

fn around<'a>(found: &Wrapped<'a>, peer: &'a str) -> Around<'a> {
    Around {
        // The tag, host and process id make the stream; where there is no host, the sender is it.
        stream: "syslog".into(),
        peer,
        at: found.at,
        level: found.level,
        service: found.service.clone(),
        node: found.node.clone(),
        pid: found.pid.clone(),
        ..Around::default()
    }
}

struct Datagrams {
    parser: Parser,
}

impl Session for Datagrams {
    fn push(&mut self, bytes: &[u8], peer: &str, now: Time, taken: &mut Taken) -> Result<(), Refusal> {
        let text = String::from_utf8_lossy(bytes);
        let Some(found) = self.parser.read(&text, now) else {
            taken.drop("an empty datagram");
            return Ok(());
        };
        let around = Around { beside: params(&text), ..around(&found, peer) };
        entry::text(found.inner, &around, now, taken);
        entry::count(1, taken);
        Ok(())
    }
}

/// One TCP connection.
struct Stream {
    parser: Parser,
    framing: Framing,
    /// Who wrote the message before.
    last: Option<Around<'static>>,
    peer: String,
}

impl Stream {
    fn message(
        parser: &Parser,
        frame: &[u8],
        last: &mut Option<Around<'static>>,
        peer: &str,
        now: Time,
        taken: &mut Taken,
    ) -> u64 {
        let text = String::from_utf8_lossy(frame);
        let text = text.trim_end_matches(['\0', '\n', '\r']);
        if let Some(last) = last
            && !is_headed(text)
        {
            if !text.trim().is_empty() {
                entry::text(text.into(), &Around { peer, ..last.clone() }, now, taken);
            }
            return 0;
        }
        let Some(found) = parser.read(text, now) else { return 0 };
        let around = around(&found, peer);
        *last = Some(owned(&around));
        let around = Around { beside: params(text), ..around };
        entry::text(found.inner, &around, now, taken);
        1
    }
}

/// Does the line begin a message?
fn is_headed(line: &str) -> bool {
    let priority = line.strip_prefix('<').and_then(|l| l.split_once('>'));
    priority.is_some_and(|(p, _)| p.parse::<u8>().is_ok_and(|p| p <= 191))
}

fn owned(around: &Around<'_>) -> Around<'static> {
    let own = |v: &Option<Cow<'_, str>>| v.as_deref().map(|v| Cow::Owned(v.to_owned()));
    Around {
        stream: Cow::Owned(around.stream.to_string()),
        at: around.at,
        level: around.level,
        service: own(&around.service),
        node: own(&around.node),
        pid: own(&around.pid),
        ..Around::default()
    }
}

impl Session for Stream {
    fn push(&mut self, bytes: &[u8], peer: &str, now: Time, taken: &mut Taken) -> Result<(), Refusal> {
        let Stream { parser, framing, last, .. } = self;
        let mut n = 0;
        framing.push(bytes, &mut |frame| n += Stream::message(parser, frame, last, peer, now, taken));
        framing.told(taken);
        entry::count(n, taken);
        Ok(())
    }

    fn end(&mut self, now: Time, taken: &mut Taken) {
        let Stream { parser, framing, last, peer } = self;
        let mut n = 0;
        framing.end(&mut |frame| n += Stream::message(parser, frame, last, peer, now, taken));
        framing.told(taken);
        entry::count(n, taken);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Line;
    use record::Zone;

    fn now() -> Time {
        Time::from_secs(1_795_505_800)
    }

    fn datagram(bytes: &[u8]) -> Line {
        let mut taken = Taken::default();
        Syslog.datagrams().push(bytes, "192.0.2.7", now(), &mut taken).unwrap();
        taken.lines.pop().unwrap_or_default()
    }

    fn stream(bytes: &[u8], piece: usize) -> Vec<(String, String)> {
        let mut taken = Taken::default();
        let mut session = Syslog.open("192.0.2.7");
        for piece in bytes.chunks(piece) {
            session.push(piece, "192.0.2.7", now(), &mut taken).unwrap();
        }
        session.end(now(), &mut taken);
        taken.lines.into_iter().map(|l| (l.service.unwrap_or_default(), l.text)).collect()
    }

    #[test]
    fn headers_of_all_kinds() {
        let l = datagram(b"<155>Nov 24 07:38:09 web-1 storefront[412]: Exception#012\tat f\n");
        assert_eq!(
            (l.text.as_str(), l.service.as_deref(), l.node.as_deref(), l.pid.as_deref()),
            ("Exception\n\tat f", Some("storefront"), Some("web-1"), Some("412"))
        );
        assert_eq!((l.at.unwrap().1, l.level), (Zone::Wall, Level::Error));
        let l = datagram("<155>1 2026-11-24T07:38:12Z web-1 nginx 412 - - \u{feff}x".as_bytes());
        assert_eq!((l.text.as_str(), l.at.unwrap().1), ("x", Zone::Stated));
        let l = datagram(b"<155>storefront[412]: boom\0");
        assert_eq!((l.text.as_str(), l.at), ("boom", Some((now(), Zone::Stated))));
        let l = datagram(b"<11>Nov 24 07:38:09 web-1 [main] ERROR c.e.Cart - boom");
        assert_eq!((l.text.as_str(), l.node.as_deref()), ("[main] ERROR c.e.Cart - boom", Some("web-1")));
        let l = datagram(b"<11>Nov 24 07:38:09 web-1 \tat c.e.Cart.total(Cart.java:12)");
        assert_eq!(l.text, "\tat c.e.Cart.total(Cart.java:12)");
        assert_eq!(datagram(b"no header at all").text, "no header at all");
    }

    #[test]
    fn structured_data_that_explains_is_kept() {
        let l = datagram(
            br#"<11>1 2026-11-24T07:38:12Z web-1 app 1 - [meta sequenceId="7"][r@1 trace_id="4bf92f35" seq="a\"]b"] boom a="b""#,
        );
        assert_eq!(l.text, r#"{"trace_id":"4bf92f35","message":"boom a=\"b\""}"#);
    }

    #[test]
    fn both_framings_on_one_connection() {
        let lines = [
            "<11>1 2026-11-24T07:38:12Z web-1 a 1 - - one\n",
            "41 <11>1 2026-11-24T07:38:12Z web-1 b 1 - - ",
            "<11>c[1]: three\nTraceback\n  File \"x\"\n",
            "404 is what it said\n",
            "16 <11>d[1]: fo\nr y<11>e: five\0",
            "<11>f: six",
        ];
        let bytes = lines.concat();
        let whole = stream(bytes.as_bytes(), bytes.len());
        let texts: Vec<_> = whole.iter().map(|(s, t)| format!("{s} {t}")).collect();
        assert_eq!(
            texts,
            [
                "a one",
                "c three",
                "c Traceback",
                "c   File \"x\"",
                "c 404 is what it said",
                "d fo\nr y",
                "e five",
                "f six"
            ]
        );
        for piece in 1..50 {
            assert_eq!(stream(bytes.as_bytes(), piece), whole, "{piece}");
        }
    }

    #[test]
    fn hostile_streams() {
        for bytes in [
            b"999999999 <1>".as_slice(),
            b"9999999999999999999 <1>x",
            b"5",
            b"0 <11>x",
            b"<",
            b"<>",
            b"<999>1 - - - - -",
            b"<11>1 - - - - - [a b=\"",
            b"<11>\xff\xfe",
            b"\0\0\0\n\n",
        ] {
            for piece in [1, 3, 100] {
                let _ = stream(bytes, piece);
            }
            let _ = datagram(bytes);
        }
        let long = [b"<11>a: ".as_slice(), &vec![b'x'; 3 << 20], b"\n<11>b: y\n"].concat();
        let lines = stream(&long, 16 * 1024);
        assert_eq!((lines.len(), lines[1].1.as_str()), (2, "y"));
        let counted =
            [format!("{} <11>a: ", (3 << 20) + 7).as_bytes(), &vec![b'x'; 3 << 20], b"<11>b: y\n"].concat();
        let lines = stream(&counted, 16 * 1024);
        assert_eq!((lines.len(), lines[1].1.as_str()), (2, "y"));
    }
}
