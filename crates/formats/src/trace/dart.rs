//! Dart's unhandled exceptions (shelf, Dart Frog, Serverpod).
//!
//! ```text
//! Unhandled exception:
//! Bad state: no rates
//! #0      Cart.total (package:shop/cart.dart:12:5)
//! #1      main (file:///srv/shop/bin/server.dart:9:3)
//! <asynchronous suspension>
//! ```
//!
//! Source: Dart SDK `runtime/vm/object.cc` (`StackTrace::ToCString`).

use super::chain::{exception, frame};
use super::kind::headed;
use super::place::file_line;
use memchr::memmem;
use record::{Exception, Frame};

pub(super) fn read(text: &str) -> Vec<Exception> {
    if memmem::find(text.as_bytes(), b".dart:").is_none() {
        return Vec::new();
    }
    let frames: Vec<Frame> = text.lines().filter_map(entry).collect();
    if frames.is_empty() {
        return Vec::new();
    }
    // What is said above the first frame, without the announcement.
    let said: Vec<&str> = text
        .lines()
        .take_while(|l| entry(l).is_none())
        .map(str::trim)
        .filter(|l| !l.is_empty() && *l != "Unhandled exception:")
        .collect();
    let said = said.join("\n");
    let (kind, message) = headed(&said).unwrap_or(("Exception", said.as_str()));
    let mut e = exception(kind, message);
    e.frames = frames.into();
    vec![e]
}

pub(super) fn starts(line: &str) -> bool {
    line.trim_end() == "Unhandled exception:"
}

pub(super) fn continues(line: &str) -> bool {
    entry(line).is_some() || line.trim() == "<asynchronous suspension>"
}

/// `#0      Cart.total (package:shop/cart.dart:12:5)`
fn entry(line: &str) -> Option<Frame> {
    let rest = line.trim().strip_prefix('#')?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let rest = rest.get(digits..)?;
    if digits == 0 || !rest.starts_with("  ") {
        return None;
    }
    let (function, place) = rest.trim_start().strip_suffix(')')?.rsplit_once(" (")?;
    let (file, n) = file_line(place)?;
    (file.ends_with(".dart") || file.starts_with("dart:"))
        .then(|| frame(file.strip_prefix("file://").unwrap_or(file), Some(n), function))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unhandled() {
        let chain = read(
            "Unhandled exception:\nBad state: no rates\n#0      Cart.total (package:shop/cart.dart:12:5)\n#1      main (file:///srv/shop/bin/server.dart:9:3)\n<asynchronous suspension>\n",
        );
        assert_eq!((chain[0].kind.as_str(), chain[0].message.as_str()), ("Exception", "Bad state: no rates"));
        assert_eq!(chain[0].frames[1].place(), "/srv/shop/bin/server.dart:9");
        let chain = read(
            "FormatException: Unexpected character\n#0      _f (dart:convert-patch/convert_patch.dart:1405:5)\n#1      Cart.load (package:shop/cart.dart:12:5)\n",
        );
        assert_eq!(
            (chain[0].kind.as_str(), chain[0].app_frame().unwrap().line),
            ("FormatException", Some(12))
        );
        assert!(read("#1 best (x.dart:3)").is_empty());
    }
}
