//! Type names of errors and the line that carries them: `psycopg2.errors.UniqueViolation: duplicate key …`,
//! `TypeError [ERR_INVALID_ARG_TYPE]: The "path" argument …`, `App\Exceptions\NoStock`, `PG::ConnectionBad`.

/// The longest type name believed: longer runs of letters and dots are data.
const NAME_BYTES_MAX: usize = 240;

/// The type name at the very start of a text (dots, backslashes and `::` between its parts) and what follows
/// it.
pub(super) fn type_name(text: &str) -> Option<(&str, &str)> {
    let b = text.as_bytes();
    if !b.first().is_some_and(|c| c.is_ascii_alphabetic() || matches!(c, b'_' | b'\\')) {
        return None;
    }
    let mut i = 0;
    while let Some(&c) = b.get(i) {
        match c {
            b'_' | b'$' | b'.' | b'\\' => i += 1,
            b':' if b.get(i + 1) == Some(&b':') && b.get(i + 2).is_some_and(u8::is_ascii_alphabetic) => {
                i += 2
            }
            _ if c.is_ascii_alphanumeric() => i += 1,
            _ => break,
        }
    }
    let name = text.get(..i)?.trim_end_matches(['.', '\\', '$']);
    let rest = text.get(name.len()..)?;
    (!name.is_empty() && name.len() <= NAME_BYTES_MAX && !name.contains("..")).then_some((name, rest))
}

/// The last part of a type name.
pub(super) fn last_part(name: &str) -> &str {
    name.rsplit(['.', '\\', ':', '$', '/']).next().unwrap_or(name)
}

/// Does the name say by itself that it is an error (`…Error`, `…Exception`)?
pub(super) fn is_error(name: &str) -> bool {
    let last = last_part(name);
    last.as_bytes().first().is_some_and(u8::is_ascii_uppercase)
        && (last.ends_with("Error")
            || last.ends_with("Exception")
            || last.ends_with("Throwable")
            || last.ends_with("ErrorException")
            || last == "KeyboardInterrupt"
            || last == "SystemExit"
            || name.starts_with("Errno::"))
}

/// Is it a name of parts, the last one with a capital (`com.example.NoStock`, `PG::ConnectionBad`)?
pub(super) fn is_qualified(name: &str) -> bool {
    let last = last_part(name);
    last.len() < name.len()
        && last.as_bytes().first().is_some_and(u8::is_ascii_uppercase)
        && !name.starts_with('.')
}

/// `Type: message`, `Type [CODE]: message` or `Type` alone on the line: the type as printed (with a code in
/// brackets, as Node writes it) and the message. Any name is taken: the caller knows whether an error must
/// stand here.
pub(super) fn headed(line: &str) -> Option<(&str, &str)> {
    let (name, rest) = type_name(line)?;
    if rest.trim().is_empty() {
        return Some((name, ""));
    }
    if let Some(message) = rest.strip_prefix(':') {
        // "http://…" and "12:30" are no heads; an empty message is.
        return (message.is_empty() || message.starts_with([' ', '\t']))
            .then_some((name, message.trim_start()));
    }
    // Error [ERR_HTTP_HEADERS_SENT]: Cannot set headers after they are sent to the client
    let code = rest.strip_prefix(" [")?;
    let end = code.find(']')?;
    let inside = code.get(..end)?;
    let upper = |c: u8| c.is_ascii_uppercase() || c.is_ascii_digit() || c == b'_';
    if inside.is_empty() || !inside.bytes().all(upper) {
        return None;
    }
    let after = code.get(end + 1..)?;
    let message = if after.trim().is_empty() { after } else { after.strip_prefix(':')? };
    Some((line.get(..name.len() + 2 + end + 1)?, message.trim_start()))
}

/// Like [`headed`], for names that say themselves that they are errors.
pub(super) fn error_head(line: &str) -> Option<(&str, &str)> {
    headed(line).filter(|(kind, _)| is_error(kind.split(' ').next().unwrap_or(kind)))
}

/// The first error head that begins anywhere in the line (`Unhandled error: TypeError: x is not a function`),
/// with the byte where it begins.
pub(super) fn error_within(line: &str) -> Option<(usize, &str, &str)> {
    let b = line.as_bytes();
    let mut i = 0;
    while i < b.len() {
        let begins = i == 0
            || matches!(b.get(i - 1), Some(b' ' | b'\t' | b'[' | b'(' | b'"' | b'\'' | b'<' | b'>' | b'#'));
        if begins && let Some(rest) = line.get(i..) {
            if let Some((kind, message)) = error_head(rest) {
                return Some((i, kind, message));
            }
            // The whole word was refused: go on behind it, so that a long line is read once.
            i += type_name(rest).map_or(1, |(name, _)| name.len().max(1));
        } else {
            i += 1;
        }
    }
    None
}

/// Columns of white space before the text; a tab counts as one.
pub(super) fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches([' ', '\t']).len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_of_many_languages() {
        assert_eq!(headed("KeyError: 'vat'"), Some(("KeyError", "'vat'")));
        assert_eq!(headed("PG::ConnectionBad: no"), Some(("PG::ConnectionBad", "no")));
        assert_eq!(headed("App\\Exceptions\\NoStock: none"), Some(("App\\Exceptions\\NoStock", "none")));
        assert_eq!(headed("java.lang.NullPointerException"), Some(("java.lang.NullPointerException", "")));
        assert_eq!(
            headed("Error [ERR_HTTP_HEADERS_SENT]: Cannot set headers"),
            Some(("Error [ERR_HTTP_HEADERS_SENT]", "Cannot set headers"))
        );
        assert_eq!(headed("AggregateError [ECONNREFUSED]: "), Some(("AggregateError [ECONNREFUSED]", "")));
        assert_eq!(
            error_within("Unhandled error: TypeError: x is not a function"),
            Some((17, "TypeError", "x is not a function"))
        );
    }

    #[test]
    fn sentences_addresses_and_times_are_no_heads() {
        for line in [
            "http://example.com: x",
            "12:30 x",
            "",
            " KeyError: x",
            "three words here",
            "a:b",
            "at Foo.bar(Foo.java:1)",
        ] {
            assert_eq!(error_head(line), None, "{line}");
        }
        assert_eq!(error_within("GET /error HTTP/1.1 no errors: fine"), None);
    }
}
