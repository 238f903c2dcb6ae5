//! Better Stack's intake of logs (Logtail).
//!
//! ```text
//! POST / HTTP/1.1
//! Authorization: Bearer wiretoken0123456789
//! Content-Type: application/msgpack
//!
//! [{"dt":"2026-11-24T07:30:32.733134+00:00","level":"error","message":"Exception on /cart/17 [GET]\nTraceback …",
//!   "context":{"runtime":{"file":"app.py","line":6},"system":{"pid":25581}}}]
//! ```
//!
//! Sources: betterstack.com/docs/logs "HTTP REST API"; the clients logtail-python and logtail-js, which send MessagePack and, without
//! anything to say, an empty list at the end.

use crate::entry::{self, Around};
use crate::msgpack::{Token, Tokens};
use crate::{Access, Answer, Head, Refusal, Taken, Wire, basic};
use record::Time;

pub(crate) struct Logtail;

/// Is the body MessagePack, by its media type?
pub(crate) fn is_msgpack(head: &Head) -> bool {
    matches!(
        head.media_type().as_str(),
        "application/msgpack" | "application/x-msgpack" | "application/vnd.msgpack"
    )
}

impl Wire for Logtail {
    fn name(&self) -> &'static str {
        "logtail"
    }

    fn knows(&self, head: &Head) -> bool {
        head.method == "POST" && matches!(head.path.as_str(), "" | "/")
    }

    fn access(&self, head: &Head, _body: &[u8]) -> Access {
        basic::any(head)
    }

    fn read(&self, head: &Head, body: &[u8], now: Time) -> Result<Taken, Refusal> {
        let mut taken = Taken { answer: Answer { status: 202, ..Answer::default() }, ..Taken::default() };
        let around = Around { stream: "logtail".into(), peer: &head.peer, ..Around::default() };
        if is_msgpack(head) {
            packed(body, &around, now, &mut taken)?;
        } else {
            entry::all(body, &around, now, &mut taken);
        }
        Ok(taken)
    }
}

/// Takes entries in MessagePack in: lists of maps, maps one after the other.
pub(crate) fn packed(body: &[u8], around: &Around<'_>, now: Time, taken: &mut Taken) -> Result<(), Refusal> {
    let mut tokens = Tokens::of(body);
    let mut json = String::new();
    let mut n = 0;
    while !tokens.rest.is_empty() {
        let mut ahead = tokens;
        match ahead.next() {
            Some(Token::List(_)) => tokens = ahead,
            Some(Token::Map(_)) => {
                json.clear();
                let mut whole = tokens;
                if whole.json(&mut json).is_none() {
                    break;
                }
                tokens = whole;
                entry::object(&json, around, now, taken);
                n += 1;
            }
            Some(Token::Text(t)) => {
                entry::text(String::from_utf8_lossy(t), around, now, taken);
                n += 1;
                tokens = ahead;
            }
            Some(_) => {
                taken.drop("a value in MessagePack that is no entry");
                tokens = ahead;
            }
            None => break,
        }
    }
    entry::count(n, taken);
    if !tokens.rest.is_empty() {
        if n == 0 {
            let at = body.len() - tokens.rest.len();
            let why = format!(
                "the body ends inside of a MessagePack value that begins at byte {at}: send it whole"
            );
            return Err(Refusal { answer: Answer::problem(400, &why, None), why });
        }
        taken.drop("an entry in MessagePack that is torn");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(media_type: &str, body: &[u8]) -> Result<Taken, Refusal> {
        let head = Head {
            method: "POST".into(),
            path: "/".into(),
            headers: vec![("content-type".into(), media_type.into())],
            ..Head::default()
        };
        assert!(Logtail.knows(&head));
        Logtail.read(&head, body, Time::from_secs(1_795_505_800))
    }

    #[test]
    fn msgpack_and_json_say_the_same() {
        let packed = b"\x91\x82\xa5level\xa5error\xa7message\xa4boom";
        for (kind, body) in [
            ("application/msgpack", packed.as_slice()),
            ("application/json", br#"{"level":"error","message":"boom"}"#),
            ("application/x-ndjson", b"{\"level\":\"error\",\"message\":\"boom\"}\n"),
        ] {
            let taken = read(kind, body).unwrap();
            assert_eq!(taken.answer.status, 202);
            assert_eq!(taken.lines.len(), 1);
            assert_eq!(taken.lines[0].text, "boom");
            assert_eq!(taken.lines[0].level, record::Level::Error);
        }
        assert!(read("application/msgpack", b"\x90").unwrap().lines.is_empty());
    }

    #[test]
    fn a_torn_body_gives_what_is_whole() {
        let taken = read("application/msgpack", b"\x92\x81\xa7message\xa1a\x81\xa7mess").unwrap();
        assert_eq!((taken.lines.len(), taken.dropped.len()), (1, 1));
        assert!(read("application/msgpack", b"\x91\xdf\xff\xff\xff\xff").is_err());
        assert!(read("application/msgpack", &[0x91; 100_000]).is_ok());
    }
}
