//! The wire format of Protocol Buffers (protobuf.dev/programming-guides/encoding), read in place: nothing is copied, so that what is
//! only counted costs nothing but a walk over it.
//!
//! ```text
//! 0a 05 47 45 54 20 2f      field 1, length-delimited, 5 bytes "GET /"
//! 30 02                     field 6, varint 2
//! ```

use std::borrow::Cow;

/// The bytes end within a field, or a tag is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Broken;

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Field<'a> {
    /// Varint: int32, int64, uint, bool, enum (sint is not used by the messages read here).
    Varint(u64),
    /// fixed64, sfixed64, double.
    Fixed64(u64),
    /// fixed32, float.
    Fixed32(u32),
    /// string, bytes, messages.
    Bytes(&'a [u8]),
}

impl<'a> Field<'a> {
    /// Bytes, or none where the field is of another kind.
    pub fn bytes(self) -> &'a [u8] {
        match self {
            Field::Bytes(b) => b,
            _ => &[],
        }
    }

    /// A text; what is no UTF-8 shows as U+FFFD.
    pub fn text(self) -> Cow<'a, str> {
        String::from_utf8_lossy(self.bytes())
    }

    /// A whole number, whatever its encoding; 0 for bytes.
    pub fn number(self) -> u64 {
        match self {
            Field::Varint(n) | Field::Fixed64(n) => n,
            Field::Fixed32(n) => u64::from(n),
            Field::Bytes(_) => 0,
        }
    }
}

/// The fields of one message, in the order in which they were written. Ends at what cannot be read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Message<'a> {
    rest: &'a [u8],
}

impl<'a> Message<'a> {
    pub fn new(bytes: &'a [u8]) -> Message<'a> {
        Message { rest: bytes }
    }

    fn varint(&mut self) -> Result<u64, Broken> {
        let mut n = 0u64;
        // At most ten bytes of seven bits.
        for shift in (0..70).step_by(7) {
            let (&b, rest) = self.rest.split_first().ok_or(Broken)?;
            self.rest = rest;
            if shift < 64 {
                n |= u64::from(b & 0x7f) << shift;
            }
            if b < 0x80 {
                return Ok(n);
            }
        }
        Err(Broken)
    }

    fn take(&mut self, n: usize) -> Result<&'a [u8], Broken> {
        let (taken, rest) = self.rest.split_at_checked(n).ok_or(Broken)?;
        self.rest = rest;
        Ok(taken)
    }

    fn field(&mut self) -> Result<(u32, Field<'a>), Broken> {
        let tag = self.varint()?;
        let number = u32::try_from(tag >> 3).map_err(|_| Broken)?;
        if number == 0 {
            return Err(Broken);
        }
        let field = match tag & 7 {
            0 => Field::Varint(self.varint()?),
            1 => Field::Fixed64(u64::from_le_bytes(self.take(8)?.try_into().map_err(|_| Broken)?)),
            2 => {
                let n = usize::try_from(self.varint()?).map_err(|_| Broken)?;
                Field::Bytes(self.take(n)?)
            }
            5 => Field::Fixed32(u32::from_le_bytes(self.take(4)?.try_into().map_err(|_| Broken)?)),
            // Groups went out with proto2; no message here has any.
            _ => return Err(Broken),
        };
        Ok((number, field))
    }
}

impl<'a> Iterator for Message<'a> {
    type Item = Result<(u32, Field<'a>), Broken>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.rest = &[];
        }
        Some(field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_in_place() {
        let bytes = b"\x0a\x05GET /\x30\x02\x39\x01\0\0\0\0\0\0\0\x85\x01\x07\0\0\0";
        let fields: Vec<_> = Message::new(bytes).collect();
        assert_eq!(
            fields,
            [
                Ok((1, Field::Bytes(b"GET /"))),
                Ok((6, Field::Varint(2))),
                Ok((7, Field::Fixed64(1))),
                Ok((16, Field::Fixed32(7)))
            ]
        );
    }

    /// Lengths beyond the end, endless varints, groups, field 0: each ends the message, none panics.
    #[test]
    fn hostile_bytes_end_the_message() {
        for bytes in [
            &b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"[..],
            &[0xff; 40],
            b"\x0b",
            b"\x00",
            b"\x0a",
            b"\x39\x01",
        ] {
            let fields: Vec<_> = Message::new(bytes).collect();
            assert_eq!(fields, [Err(Broken)], "{bytes:x?}");
        }
    }
}
