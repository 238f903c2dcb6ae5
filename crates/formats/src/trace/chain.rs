//! What all readers build: exceptions and frames within limits, in the order outermost first.
//!
//! Limits keep a hostile or endless trace from costing more than it tells: Java prints 1,024 frames of a
//! stack overflow, Python a message with the whole SQL statement.

use super::own::in_app;
use record::{Exception, Frame, Frames};

/// Exceptions of one chain. Real chains have under ten; retry loops that wrap each failure reach dozens.
pub(super) const EXCEPTIONS_MAX: usize = 64;
/// Exceptions collected while reading, before the chain is cut: some forms insert at the front.
const COLLECTED_MAX: usize = 1024;
/// Frames kept of one exception.
pub(super) const FRAMES_MAX: usize = 256;
/// Of these, frames kept whatever they are; the rest is kept for frames of the app that come later.
const FRAMES_NEAR: usize = 200;
/// Bytes of one message.
pub(super) const MESSAGE_BYTES_MAX: usize = 8 * 1024;
/// Bytes of a text that are looked at.
pub(super) const TEXT_BYTES_MAX: usize = 1 << 20;

/// Are there more exceptions already than any chain has?
pub(super) fn is_full(chain: &[Exception]) -> bool {
    chain.len() >= COLLECTED_MAX
}

/// The beginning of a text, at most so many bytes, cut at a character.
pub(super) fn clip(text: &str, bytes_max: usize) -> &str {
    if text.len() <= bytes_max {
        return text;
    }
    let mut end = bytes_max;
    while end > 0 && !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

/// An exception without frames yet.
pub(super) fn exception(kind: &str, message: &str) -> Exception {
    Exception {
        kind: clip(kind.trim(), 512).to_owned(),
        message: clip(message.trim(), MESSAGE_BYTES_MAX).to_owned(),
        frames: Frames::default(),
    }
}

/// A frame, judged whether it is the app's own.
pub(super) fn frame(file: &str, line: Option<u32>, function: &str) -> Frame {
    let (file, function) = (clip(file.trim(), 1024), clip(function.trim(), 1024));
    Frame {
        file: file.to_owned(),
        line,
        function: function.to_owned(),
        in_app: in_app(file, function),
        ..Frame::default()
    }
}

/// Adds one more line to a message.
pub(super) fn say_more(e: &mut Exception, line: &str) {
    let room = MESSAGE_BYTES_MAX.saturating_sub(e.message.len() + 1);
    if room == 0 || (e.message.is_empty() && line.trim().is_empty()) {
        return;
    }
    if !e.message.is_empty() {
        e.message.push('\n');
    }
    e.message.push_str(clip(line.trim_end(), room));
}

/// The chain within the limits, messages without loose ends.
pub(super) fn settle(mut chain: Vec<Exception>) -> Vec<Exception> {
    chain.retain(|e| !e.kind.is_empty() || !e.message.is_empty() || !e.frames.is_empty());
    if chain.len() > EXCEPTIONS_MAX {
        // The outermost says what the app was doing, the deepest why it failed: the middle may go.
        chain.drain(1..=chain.len() - EXCEPTIONS_MAX);
    }
    for e in &mut chain {
        let kept = e.message.trim().len();
        if kept < e.message.len() {
            e.message = e.message.trim().to_owned();
        }
        if e.frames.len() > FRAMES_NEAR {
            let mut index = 0;
            e.frames.retain(|f| {
                index += 1;
                index <= FRAMES_NEAR || f.in_app
            });
            e.frames.truncate(FRAMES_MAX);
        }
    }
    chain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_overflow_keeps_its_first_frames_and_the_app_behind_the_library() {
        let mut e = exception("java.lang.StackOverflowError", "");
        for _ in 0..1000 {
            e.frames.push(frame("ArrayList.java", Some(3), "java.util.ArrayList.get"));
        }
        e.frames.push(frame("CategoryService.java", Some(12), "com.example.shop.CategoryService.path"));
        let chain = settle(vec![e]);
        assert_eq!(chain[0].frames.len(), FRAMES_NEAR + 1);
        assert_eq!(chain[0].app_frame().unwrap().place(), "CategoryService.java:12");
    }

    #[test]
    fn long_chains_keep_both_ends() {
        let chain = settle((0..500).map(|i| exception("E", &i.to_string())).collect());
        assert_eq!(chain.len(), EXCEPTIONS_MAX);
        assert_eq!((chain[0].message.as_str(), chain[EXCEPTIONS_MAX - 1].message.as_str()), ("0", "499"));
    }

    #[test]
    fn messages_are_cut_at_characters() {
        let mut e = exception("E", &"é".repeat(10_000));
        assert!(e.message.len() <= MESSAGE_BYTES_MAX);
        say_more(&mut e, "more");
        assert!(e.message.len() <= MESSAGE_BYTES_MAX);
    }
}
