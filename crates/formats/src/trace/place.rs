//! Places as languages print them: `/srv/app.js:3:15`, `lib/x.rb:6`, `C:\app\x.php:12`,
//! `"/views/x.ejs":18:40`.

/// The number at the start of a text.
pub(super) fn number(text: &str) -> Option<u32> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    text.get(..digits)?.parse().ok()
}

/// The file and line of `file:line` or `file:line:column`, which must end the text.
pub(super) fn file_line(text: &str) -> Option<(&str, u32)> {
    let text = text.trim();
    let (file, last) = text.rsplit_once(':')?;
    let last = whole(last)?;
    if let Some((shorter, line)) = file.rsplit_once(':')
        && let Some(line) = whole(line)
    {
        return Some((unquoted(shorter), line)).filter(|(f, _)| !f.is_empty());
    }
    Some((unquoted(file), last)).filter(|(f, _)| !f.is_empty())
}

/// The column of `file:line:column`, which must end the text.
pub(super) fn column(text: &str) -> Option<u32> {
    let (rest, column) = text.trim().rsplit_once(':')?;
    whole(rest.rsplit_once(':')?.1)?;
    whole(column)
}

fn whole(text: &str) -> Option<u32> {
    if text.is_empty() || text.len() > 9 || !text.bytes().all(|c| c.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

fn unquoted(file: &str) -> &str {
    file.trim_matches(['"', '\''])
}

/// Does the text begin with an absolute path or a drive?
pub(super) fn is_absolute(text: &str) -> bool {
    let b = text.as_bytes();
    match b.first() {
        Some(b'/') => true,
        Some(c) if c.is_ascii_alphabetic() => {
            (b.get(1) == Some(&b':') && matches!(b.get(2), Some(b'\\' | b'/')))
                || text.starts_with("phar://")
                || text.starts_with("file://")
        }
        Some(b'\\') => b.get(1) == Some(&b'\\'),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_drives_and_quotes() {
        assert_eq!(file_line("/srv/app.js:3:15"), Some(("/srv/app.js", 3)));
        assert_eq!((column("/srv/app.js:3:15"), column("lib/x.rb:6")), (Some(15), None));
        assert_eq!(file_line("lib/x.rb:6"), Some(("lib/x.rb", 6)));
        assert_eq!(file_line("C:\\app\\x.php:12"), Some(("C:\\app\\x.php", 12)));
        assert_eq!(file_line("\"/var/www/views/x.ejs\":18:40"), Some(("/var/www/views/x.ejs", 18)));
        assert_eq!(file_line("node:internal/process:95:5"), Some(("node:internal/process", 95)));
        for text in ["", ":", ":3", "x", "x:", "x:y", "x:99999999999", "C:\\app"] {
            assert_eq!(file_line(text), None, "{text}");
        }
    }
}
