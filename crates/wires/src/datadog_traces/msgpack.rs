//! MessagePack read in place, token by token (github.com/msgpack/msgpack/blob/master/spec.md): no tree is built, lengths that lie cost
//! nothing, and what is skipped is not recursed into.

use std::borrow::Cow;

/// The bytes end within a value, or hold what msgpack has not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Broken;

/// A value, or the head of a list or map.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Token<'a> {
    Nil,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    /// Text, bytes, the bytes of an extension.
    Bytes(&'a [u8]),
    List(u32),
    Map(u32),
}

/// What is left to read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { rest: bytes }
    }

    fn take(&mut self, n: usize) -> Result<&'a [u8], Broken> {
        let (taken, rest) = self.rest.split_at_checked(n).ok_or(Broken)?;
        self.rest = rest;
        Ok(taken)
    }

    /// A number of so many bytes, big-endian.
    fn be(&mut self, bytes: usize) -> Result<u64, Broken> {
        Ok(self.take(bytes)?.iter().fold(0, |n, b| n << 8 | u64::from(*b)))
    }

    fn sized(&mut self, length_bytes: usize, more: usize) -> Result<Token<'a>, Broken> {
        let n = usize::try_from(self.be(length_bytes)?).map_err(|_| Broken)?;
        Ok(Token::Bytes(self.take(n.checked_add(more).ok_or(Broken)?)?))
    }

    fn count(&mut self, bytes: usize) -> Result<u32, Broken> {
        u32::try_from(self.be(bytes)?).map_err(|_| Broken)
    }

    fn token(&mut self) -> Result<Token<'a>, Broken> {
        let (&marker, rest) = self.rest.split_first().ok_or(Broken)?;
        self.rest = rest;
        Ok(match marker {
            0x00..=0x7f => Token::Unsigned(u64::from(marker)),
            0x80..=0x8f => Token::Map(u32::from(marker & 0x0f)),
            0x90..=0x9f => Token::List(u32::from(marker & 0x0f)),
            0xa0..=0xbf => Token::Bytes(self.take(usize::from(marker & 0x1f))?),
            0xc0 => Token::Nil,
            0xc1 => return Err(Broken),
            0xc2 => Token::Bool(false),
            0xc3 => Token::Bool(true),
            0xc4 | 0xd9 => self.sized(1, 0)?,
            0xc5 | 0xda => self.sized(2, 0)?,
            0xc6 | 0xdb => self.sized(4, 0)?,
            // Extensions: a type and the bytes.
            0xc7 => self.sized(1, 1)?,
            0xc8 => self.sized(2, 1)?,
            0xc9 => self.sized(4, 1)?,
            0xca => Token::Float(f64::from(f32::from_bits(self.count(4)?))),
            0xcb => Token::Float(f64::from_bits(self.be(8)?)),
            0xcc => Token::Unsigned(self.be(1)?),
            0xcd => Token::Unsigned(self.be(2)?),
            0xce => Token::Unsigned(self.be(4)?),
            0xcf => Token::Unsigned(self.be(8)?),
            0xd0 => Token::Signed(i64::from(self.be(1)? as i8)),
            0xd1 => Token::Signed(i64::from(self.be(2)? as i16)),
            0xd2 => Token::Signed(i64::from(self.be(4)? as i32)),
            0xd3 => Token::Signed(self.be(8)? as i64),
            0xd4..=0xd8 => Token::Bytes(self.take((1 << (marker - 0xd4)) + 1)?),
            0xdc => Token::List(self.count(2)?),
            0xdd => Token::List(self.count(4)?),
            0xde => Token::Map(self.count(2)?),
            0xdf => Token::Map(self.count(4)?),
            0xe0..=0xff => Token::Signed(i64::from(marker as i8)),
        })
    }

    /// Goes over what a token opened.
    fn skip_within(&mut self, token: Token<'a>) -> Result<(), Broken> {
        let opened = |t: Token<'_>| match t {
            Token::List(n) => u64::from(n),
            Token::Map(n) => 2 * u64::from(n),
            _ => 0,
        };
        let mut left = opened(token);
        // Each token takes a byte at least, so this ends with the bytes.
        while left > 0 {
            left = (left - 1).saturating_add(opened(self.token()?));
        }
        Ok(())
    }

    /// Goes over a value.
    pub fn skip(&mut self) -> Result<(), Broken> {
        let token = self.token()?;
        self.skip_within(token)
    }

    /// How many elements a list has that begins here; of anything else none, and it is gone over.
    pub fn list(&mut self) -> Result<u32, Broken> {
        match self.token()? {
            Token::List(n) => Ok(n),
            other => self.skip_within(other).map(|()| 0),
        }
    }

    /// How many pairs a map has that begins here; of anything else none, and it is gone over.
    pub fn map(&mut self) -> Result<u32, Broken> {
        match self.token()? {
            Token::Map(n) => Ok(n),
            other => self.skip_within(other).map(|()| 0),
        }
    }

    /// A text; numbers as they are written, nothing for nil, lists and maps.
    pub fn text(&mut self) -> Result<Cow<'a, str>, Broken> {
        Ok(match self.token()? {
            Token::Bytes(b) => String::from_utf8_lossy(b),
            Token::Unsigned(n) => Cow::Owned(n.to_string()),
            Token::Signed(n) => Cow::Owned(n.to_string()),
            Token::Float(f) => Cow::Owned(f.to_string()),
            Token::Bool(b) => Cow::Borrowed(if b { "true" } else { "false" }),
            other => {
                self.skip_within(other)?;
                Cow::Borrowed("")
            }
        })
    }

    /// A whole number of 64 bits; ids are unsigned, some clients write them signed.
    pub fn bits(&mut self) -> Result<u64, Broken> {
        Ok(match self.token()? {
            Token::Unsigned(n) => n,
            Token::Signed(n) => n as u64,
            Token::Float(f) => f as u64,
            Token::Bool(b) => u64::from(b),
            Token::Bytes(b) => std::str::from_utf8(b).ok().and_then(|s| s.parse().ok()).unwrap_or(0),
            other => {
                self.skip_within(other)?;
                0
            }
        })
    }

    /// A number.
    pub fn float(&mut self) -> Result<f64, Broken> {
        Ok(match self.token()? {
            Token::Unsigned(n) => n as f64,
            Token::Signed(n) => n as f64,
            Token::Float(f) => f,
            Token::Bool(b) => f64::from(u8::from(b)),
            other => {
                self.skip_within(other)?;
                0.0
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_and_skipped() {
        let mut r = Reader::new(b"\x82\xa1a\x93\x01\xff\xc0\xa1b\xcb\x3f\xf0\0\0\0\0\0\0");
        assert_eq!(r.map(), Ok(2));
        assert_eq!(r.text().as_deref(), Ok("a"));
        assert_eq!(r.skip(), Ok(()));
        assert_eq!(r.text().as_deref(), Ok("b"));
        assert_eq!(r.float(), Ok(1.0));
        assert_eq!(r.skip(), Err(Broken));
    }

    #[test]
    fn hostile_bytes_are_broken() {
        // A list of four billion lists, nested a million deep, lengths beyond the end.
        for bytes in [
            &[0xdd, 0xff, 0xff, 0xff, 0xff][..],
            &[0x91; 1_000_000],
            b"\xdb\xff\xff\xff\xff",
            b"\xc9\xff\xff\xff\xff",
            b"\xc1",
            b"",
        ] {
            assert_eq!(Reader::new(bytes).skip(), Err(Broken));
        }
    }
}
