//! JSON as it is written on: strings quoted, members put before others, what is too long clipped.

use formats::{Members, Value, unescape};
use std::borrow::Cow;

/// Longer objects are clipped, as the reader of lines looks at no more than 256 KiB.
const OBJECT_MAX: usize = 240 * 1024;
/// Longest member of a clipped object; a stack trace with causes is about 30 KB.
const MEMBER_MAX: usize = 64 * 1024;
/// Longest message taken as it stands; of a longer one begin and end are kept, where traces say what matters.
const TEXT_MAX: usize = 240 * 1024;
/// What is kept of the end of a text that is clipped.
const END_MAX: usize = 16 * 1024;

/// Is the text an object, and nothing else?
pub(crate) fn is_object(text: &str) -> bool {
    let text = text.trim();
    if !text.starts_with('{') || !text.ends_with('}') {
        return false;
    }
    let mut members = Members::of(text);
    members.by_ref().for_each(drop);
    members.complete()
}

/// Puts the rest of an object behind members that end in a comma.
pub(crate) fn close(rest: &str, mut out: String) -> String {
    if rest.trim_start().starts_with('}') && out.ends_with(',') {
        out.pop();
    }
    out.push_str(rest);
    out
}

/// Writes a member whose value is a text.
pub(crate) fn member(key: &str, value: &str, out: &mut String) {
    quote(key, out);
    out.push(':');
    quote(value, out);
}

/// Writes a JSON string.
pub(crate) fn quote(text: &str, out: &mut String) {
    out.push('"');
    let mut from = 0;
    for (i, c) in text.bytes().enumerate() {
        let escape = match c {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0..=0x1f => "",
            _ => continue,
        };
        out.push_str(text.get(from..i).unwrap_or_default());
        match escape {
            "" => out.push_str(&format!("\\u{c:04x}")),
            known => out.push_str(known),
        }
        from = i + 1;
    }
    out.push_str(text.get(from..).unwrap_or_default());
    out.push('"');
}

/// Begin and end of a long text.
pub(crate) fn clipped(text: Cow<'_, str>) -> Cow<'_, str> {
    shortened(text, TEXT_MAX)
}

fn shortened(text: Cow<'_, str>, max: usize) -> Cow<'_, str> {
    if text.len() <= max {
        return text;
    }
    let end = END_MAX.min(max / 4);
    let at_char = |i: &usize| text.is_char_boundary(*i);
    let from = (text.len() - end..text.len()).find(at_char).unwrap_or(text.len());
    let to = (0..=max - end).rev().find(at_char).unwrap_or(0);
    let (begin, rest) = (text.get(..to).unwrap_or_default(), text.get(from..).unwrap_or_default());
    Cow::Owned(format!("{begin}\n… {} bytes left out …\n{rest}", from - to))
}

/// A long object with its long members clipped; those beyond the limit go.
pub(crate) fn clipped_object(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.len() <= OBJECT_MAX {
        return text;
    }
    let mut out = String::from("{");
    for (key, value) in Members::of(&text) {
        let begin = out.len();
        out.extend(["\"", key, "\":"]);
        match value {
            Value::Text(raw) if raw.len() > MEMBER_MAX => {
                quote(&shortened(unescape(raw), MEMBER_MAX / 2), &mut out)
            }
            Value::Text(raw) => out.extend(["\"", raw, "\""]),
            Value::Raw(raw) if raw.len() > MEMBER_MAX => out.push_str("null"),
            Value::Raw(raw) => out.push_str(raw),
        }
        if out.len() > OBJECT_MAX {
            out.truncate(begin);
            break;
        }
        out.push(',');
    }
    close("}", out).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_quoted_as_json_wants() {
        let mut out = String::new();
        quote("a\"b\\c\nd\te\u{1}é", &mut out);
        assert_eq!(out, r#""a\"b\\c\nd\te\u0001é""#);
        let back: String = serde_json::from_str(&out).unwrap();
        assert_eq!(back, "a\"b\\c\nd\te\u{1}é");
    }

    #[test]
    fn only_whole_objects_are_objects() {
        assert!(is_object(" {\"a\":1} "));
        for text in ["", "{", "{}x", "{a}", "[{}]", "{\"a\":1}{\"b\":2}"] {
            assert!(!is_object(text), "{text}");
        }
    }

    #[test]
    fn members_go_before_others() {
        assert_eq!(close("}", "{\"a\":1,".into()), "{\"a\":1}");
        assert_eq!(close("\"b\":2}", "{\"a\":1,".into()), "{\"a\":1,\"b\":2}");
    }
}
