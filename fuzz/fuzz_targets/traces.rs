//! Stack traces of all languages: the chain in a text, and what each of its lines is taken for.

#![no_main]

use formats::trace;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = fuzz::text(data);
    let mut previous = "";
    for line in text.lines().take(2_000) {
        let _ = (trace::starts(line), trace::continues(line), trace::joins(previous, line));
        previous = line;
    }
    let bound = 4 * text.len() + 256;
    for exception in trace::read(&text) {
        assert!(exception.kind.len() + exception.message.len() <= bound, "longer than the text it is from");
        for frame in &exception.frames {
            assert!(frame.function.len() <= bound);
        }
    }
});
