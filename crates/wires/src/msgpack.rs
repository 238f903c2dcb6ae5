//! MessagePack, as Logtail's clients and the forward protocol of Fluentd write it: read token by token, written on as JSON, so that
//! what it holds is read as JSON logs are.
//!
//! ```text
//! 82 a2 64 74 b8 32 30 …  a5 6c 65 76 65 6c a5 65 72 72 6f 72     {"dt":"20…","level":"error"}
//! ```
//!
//! Source: <https://github.com/msgpack/msgpack/blob/master/spec.md>. No tree is built: a length that lies costs nothing, and nesting
//! is bounded.

use crate::json::quote;
use record::Time;
use rmp::Marker;
use std::fmt::Write;

/// Values in values written on; deeper ones are written as null. The readers of JSON look no deeper either.
const DEPTH_MAX: usize = 48;

/// One token: a scalar, or the head of a list or map whose elements follow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Token<'a> {
    Nil,
    Bool(bool),
    Int(i64),
    /// Above what an `i64` holds.
    Large(u64),
    Float(f64),
    /// Text; old writers put any bytes there.
    Text(&'a [u8]),
    Bytes(&'a [u8]),
    List(u32),
    /// With so many pairs.
    Map(u32),
    /// An extension: its type and its bytes.
    Ext(i8, &'a [u8]),
}

/// Reads tokens off the front of some bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tokens<'a> {
    pub(crate) rest: &'a [u8],
}

impl<'a> Tokens<'a> {
    pub(crate) fn of(bytes: &'a [u8]) -> Tokens<'a> {
        Tokens { rest: bytes }
    }

    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(taken)
    }

    fn number<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn sized<const N: usize>(&mut self) -> Option<&'a [u8]> {
        let len = self.count::<N>()?;
        self.take(len as usize)
    }

    /// A length of one, two or four bytes.
    fn count<const N: usize>(&mut self) -> Option<u32> {
        Some(self.number::<N>()?.iter().fold(0, |n, b| n << 8 | u32::from(*b)))
    }

    fn ext(&mut self, len: u32) -> Option<Token<'a>> {
        let [kind] = self.number()?;
        Some(Token::Ext(kind as i8, self.take(len as usize)?))
    }

    /// The next token; `None` where the bytes end first. What was begun is not taken then.
    pub(crate) fn next(&mut self) -> Option<Token<'a>> {
        let before = self.rest;
        let token = self.token();
        if token.is_none() {
            self.rest = before;
        }
        token
    }

    fn token(&mut self) -> Option<Token<'a>> {
        let [first] = self.number()?;
        Some(match Marker::from_u8(first) {
            Marker::Null | Marker::Reserved => Token::Nil,
            Marker::True => Token::Bool(true),
            Marker::False => Token::Bool(false),
            Marker::FixPos(n) => Token::Int(n.into()),
            Marker::FixNeg(n) => Token::Int(n.into()),
            Marker::U8 => Token::Int(u8::from_be_bytes(self.number()?).into()),
            Marker::U16 => Token::Int(u16::from_be_bytes(self.number()?).into()),
            Marker::U32 => Token::Int(u32::from_be_bytes(self.number()?).into()),
            Marker::U64 => {
                let n = u64::from_be_bytes(self.number()?);
                i64::try_from(n).map_or(Token::Large(n), Token::Int)
            }
            Marker::I8 => Token::Int(i8::from_be_bytes(self.number()?).into()),
            Marker::I16 => Token::Int(i16::from_be_bytes(self.number()?).into()),
            Marker::I32 => Token::Int(i32::from_be_bytes(self.number()?).into()),
            Marker::I64 => Token::Int(i64::from_be_bytes(self.number()?)),
            Marker::F32 => Token::Float(f32::from_be_bytes(self.number()?).into()),
            Marker::F64 => Token::Float(f64::from_be_bytes(self.number()?)),
            Marker::FixStr(n) => Token::Text(self.take(n.into())?),
            Marker::Str8 => Token::Text(self.sized::<1>()?),
            Marker::Str16 => Token::Text(self.sized::<2>()?),
            Marker::Str32 => Token::Text(self.sized::<4>()?),
            Marker::Bin8 => Token::Bytes(self.sized::<1>()?),
            Marker::Bin16 => Token::Bytes(self.sized::<2>()?),
            Marker::Bin32 => Token::Bytes(self.sized::<4>()?),
            Marker::FixArray(n) => Token::List(n.into()),
            Marker::Array16 => Token::List(self.count::<2>()?),
            Marker::Array32 => Token::List(self.count::<4>()?),
            Marker::FixMap(n) => Token::Map(n.into()),
            Marker::Map16 => Token::Map(self.count::<2>()?),
            Marker::Map32 => Token::Map(self.count::<4>()?),
            Marker::FixExt1 => self.ext(1)?,
            Marker::FixExt2 => self.ext(2)?,
            Marker::FixExt4 => self.ext(4)?,
            Marker::FixExt8 => self.ext(8)?,
            Marker::FixExt16 => self.ext(16)?,
            Marker::Ext8 => {
                let len = self.count::<1>()?;
                self.ext(len)?
            }
            Marker::Ext16 => {
                let len = self.count::<2>()?;
                self.ext(len)?
            }
            Marker::Ext32 => {
                let len = self.count::<4>()?;
                self.ext(len)?
            }
        })
    }

    /// The bytes of the next value, whole; `None` where they end first.
    pub(crate) fn value(&mut self) -> Option<&'a [u8]> {
        let before = self.rest;
        let mut length = Length::default();
        let len = length.of(before)?;
        self.take(len)
    }

    /// Writes the next value as JSON. Text that is not UTF-8 gets replacement characters, an extension that is no time becomes null.
    /// `None`: the bytes end inside of it.
    pub(crate) fn json(&mut self, out: &mut String) -> Option<()> {
        self.json_at(0, out)
    }

    fn json_at(&mut self, depth: usize, out: &mut String) -> Option<()> {
        if depth > DEPTH_MAX {
            self.value()?;
            out.push_str("null");
            return Some(());
        }
        // Writing to a String cannot fail.
        match self.next()? {
            Token::Nil => out.push_str("null"),
            Token::Bool(b) => out.push_str(if b { "true" } else { "false" }),
            Token::Int(n) => drop(write!(out, "{n}")),
            Token::Large(n) => drop(write!(out, "{n}")),
            Token::Float(f) if f.is_finite() => drop(write!(out, "{f}")),
            Token::Float(_) => out.push_str("null"),
            Token::Text(bytes) | Token::Bytes(bytes) => quote(&String::from_utf8_lossy(bytes), out),
            Token::Ext(kind, bytes) => match stamp(kind, bytes) {
                Some(at) => drop(write!(out, "\"{at}\"")),
                None => out.push_str("null"),
            },
            Token::List(n) => {
                out.push('[');
                for i in 0..n {
                    if i > 0 {
                        out.push(',');
                    }
                    self.json_at(depth + 1, out)?;
                }
                out.push(']');
            }
            Token::Map(n) => {
                out.push('{');
                for i in 0..n {
                    if i > 0 {
                        out.push(',');
                    }
                    self.key(out)?;
                    out.push(':');
                    self.json_at(depth + 1, out)?;
                }
                out.push('}');
            }
        }
        Some(())
    }

    /// A key of a map: JSON has only texts there.
    fn key(&mut self, out: &mut String) -> Option<()> {
        let mut ahead = *self;
        match ahead.next()? {
            Token::Text(_) | Token::Bytes(_) => self.json_at(0, out),
            Token::List(_) | Token::Map(_) => {
                self.value()?;
                out.push_str("\"?\"");
                Some(())
            }
            _ => {
                let mut text = String::new();
                self.json_at(0, &mut text)?;
                quote(text.trim_matches('"'), out);
                Some(())
            }
        }
    }
}

/// How long the value is that begins some bytes, told as they come, each looked at once.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Length {
    at: usize,
    /// Values that are to come; none are owed before the first token was read.
    owed: Option<u64>,
}

impl Length {
    /// Looks at the bytes from the value's begin on, as far as they have come. The length, once it is known.
    pub(crate) fn of(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut tokens = Tokens::of(bytes.get(self.at..)?);
        loop {
            let owed = self.owed.unwrap_or(1);
            if owed == 0 {
                return Some(self.at);
            }
            let token = tokens.next()?;
            self.at = bytes.len() - tokens.rest.len();
            let more = match token {
                Token::List(n) => u64::from(n),
                Token::Map(n) => u64::from(n) * 2,
                _ => 0,
            };
            self.owed = Some((owed - 1).saturating_add(more));
        }
    }
}

/// A time: MessagePack's own extension (type -1), or Fluentd's EventTime (type 0: seconds and nanoseconds of 32 bits each).
pub(crate) fn stamp(kind: i8, bytes: &[u8]) -> Option<Time> {
    let (secs, nanos): (i64, u32) = match (kind, bytes.len()) {
        (0, 8) => {
            let (s, n) = bytes.split_at_checked(4)?;
            (u32::from_be_bytes(s.try_into().ok()?).into(), u32::from_be_bytes(n.try_into().ok()?))
        }
        (-1, 4) => (u32::from_be_bytes(bytes.try_into().ok()?).into(), 0),
        (-1, 8) => {
            let both = u64::from_be_bytes(bytes.try_into().ok()?);
            ((both & 0x3_ffff_ffff) as i64, (both >> 34) as u32)
        }
        (-1, 12) => {
            let (n, s) = bytes.split_at_checked(4)?;
            (i64::from_be_bytes(s.try_into().ok()?), u32::from_be_bytes(n.try_into().ok()?))
        }
        _ => return None,
    };
    Some(Time::from_secs(secs).plus(i64::from(nanos / 1000)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(bytes: &[u8]) -> Option<String> {
        let mut out = String::new();
        let mut tokens = Tokens::of(bytes);
        tokens.json(&mut out)?;
        Some(out)
    }

    #[test]
    fn values_become_json() {
        assert_eq!(
            json(b"\x83\xa2dt\xd9\x01x\x01\x92\xc3\xff\xa1\"\xcb\x3f\xf8\0\0\0\0\0\0").as_deref(),
            Some(r#"{"dt":"x","1":[true,-1],"\"":1.5}"#)
        );
        assert_eq!(
            json(b"\xd7\0\x6b\x05\x29\xfa\x1d\xcd\x65\0").as_deref(),
            Some("\"2026-11-24T06:08:58.500Z\"")
        );
        assert_eq!(json(b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff").as_deref(), Some("18446744073709551615"));
        assert_eq!(json(b"\xc4\x02a\xff").as_deref(), Some("\"a\u{fffd}\""));
    }

    #[test]
    fn lengths_are_known_as_bytes_come() {
        let value = b"\x92\xa3abc\x82\x01\x93\x01\x02\x03\xa1k\xc4\x02xy";
        let mut length = Length::default();
        for end in 0..value.len() {
            assert_eq!(length.of(&value[..end]), None, "{end}");
        }
        assert_eq!(length.of(&[value.as_slice(), b"\x01\x02"].concat()), Some(value.len()));
    }

    #[test]
    fn lies_and_torn_values_end() {
        for bytes in [
            b"".as_slice(),
            b"\xdd\xff\xff\xff\xff",
            b"\xdf\xff\xff\xff\xff\xa1a",
            b"\xdb\xff\xff\xff\xffx",
            b"\xc9\xff\xff\xff\xff\x01",
            b"\xd9",
        ] {
            assert_eq!(json(bytes), None);
        }
        let deep = [vec![0x91; 1_000_000], vec![0xc0]].concat();
        assert!(json(&deep).is_some_and(|t| t.len() < 200));
        assert!(json(&[vec![0x81; 200_000], vec![0xc0; 200_001]].concat()).is_some());
    }
}
