//! The elements of a JSON array, one by one, borrowed from the line: `["Mozilla/5.0"]`,
//! `[{"name":"request","uri":"/x"}]`.

use crate::wrap::members::Value;

/// Walks the elements of an array that was read as one value; none if the value is something else.
pub struct Elements<'a> {
    rest: &'a str,
}

impl<'a> Elements<'a> {
    /// The elements of a value.
    pub fn of(value: Value<'a>) -> Elements<'a> {
        let rest = match value {
            Value::Raw(raw) => raw.strip_prefix('[').and_then(|r| r.strip_suffix(']')).unwrap_or_default(),
            Value::Text(_) => "",
        };
        Elements { rest }
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Value<'a>> {
        let text = self.rest.trim_start();
        if text.is_empty() {
            return None;
        }
        let end = element_end(text.as_bytes());
        let element = text.get(..end)?.trim_end();
        self.rest = text.get(end + 1..).unwrap_or_default();
        let quoted = element.strip_prefix('"').and_then(|e| e.strip_suffix('"'));
        Some(quoted.map_or(Value::Raw(element), Value::Text))
    }
}

/// Index of the comma that ends the first element, else the length.
fn element_end(bytes: &[u8]) -> usize {
    let (mut depth, mut inside, mut escaped) = (0usize, false, false);
    for (i, c) in bytes.iter().enumerate() {
        match c {
            _ if escaped => escaped = false,
            b'\\' if inside => escaped = true,
            b'"' => inside = !inside,
            _ if inside => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => return i,
            _ => {}
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_come_in_order() {
        let list: Vec<_> = Elements::of(Value::Raw(r#"["a,\"b" , {"x":[1,2]},3, null]"#)).collect();
        assert_eq!(
            list,
            [Value::Text(r#"a,\"b"#), Value::Raw(r#"{"x":[1,2]}"#), Value::Raw("3"), Value::Raw("null")]
        );
        assert_eq!(Elements::of(Value::Raw("[]")).count(), 0);
        assert_eq!(Elements::of(Value::Raw("{}")).count(), 0);
        assert_eq!(Elements::of(Value::Text("[1]")).count(), 0);
    }
}
