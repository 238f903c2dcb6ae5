//! Taking secrets out and control characters: doing it twice changes nothing, and texts do not swell.

#![no_main]

use libfuzzer_sys::fuzz_target;
use record::scrub::{scrub, visible};

/// Texts are cut to this: every byte passes through thirty expressions, here three times.
const BYTES_MAX: usize = 4 * 1024;

fuzz_target!(|data: &[u8]| {
    let mut text = fuzz::text(data);
    text.truncate((0..=BYTES_MAX.min(text.len())).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0));
    let scrubbed = scrub(&text);
    assert!(scrubbed.len() <= 4 * text.len() + 16, "{} bytes of {}", scrubbed.len(), text.len());
    assert_eq!(scrub(&scrubbed), scrubbed, "scrubbed once and twice: {text:?}");
    let shown = visible(&text);
    assert!(shown.len() <= 4 * text.len(), "{} bytes of {}", shown.len(), text.len());
    assert!(!shown.contains(|c: char| c.is_control() && !matches!(c, '\t' | '\n')), "{shown:?}");
    assert_eq!(visible(&shown), shown);
    let both = visible(&scrubbed);
    assert!(!both.contains(|c: char| c.is_control() && !matches!(c, '\t' | '\n')), "{both:?}");
});
