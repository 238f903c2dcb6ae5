//! Stack traces of all languages: type, message, frames, which frames are the app's own, the chain of causes.

use record::Exception;

/// The chain of exceptions that a text carries, outermost first, the deepest cause last; empty if it carries none.
/// The text is a message with all its continuation lines, real line breaks between.
pub fn read(_text: &str) -> Vec<Exception> {
    Vec::new()
}

/// Can this line (without any log prefix) be the first of a stack trace or an uncaught error?
pub fn starts(_line: &str) -> bool {
    false
}

/// Does this line look like the inside of a stack trace (frame, "Caused by", source excerpt, marker)?
pub fn continues(_line: &str) -> bool {
    false
}
