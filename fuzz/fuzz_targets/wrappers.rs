//! Wrappers within wrappers: the first byte says which are put around the text (two bits each, the outermost last), then all
//! are taken off again, one by one and by a reader.

#![no_main]

use formats::{Reader, Wrapper};
use fuzz::Kept;
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static WRAPPERS: LazyLock<Vec<&'static dyn Wrapper>> = LazyLock::new(|| formats::wrappers().collect());

/// How often a line that wraps itself is unwrapped; a reader stops much earlier.
const DEPTH_MAX: usize = 64;

fuzz_target!(|data: &[u8]| {
    let [around, rest @ ..] = data else { return };
    let text = fuzz::text(rest);
    let context = fuzz::context("app.log");
    let mut line = text.split('\n').next().unwrap_or_default().to_owned();
    for i in 0..4 {
        let (name, wrapped) = match around >> (2 * i) & 3 {
            1 => ("docker json", docker(&line)),
            2 => ("cri", format!("2026-11-24T07:00:00.123456789Z stderr F {line}")),
            3 => ("syslog", format!("<11>Nov 24 07:00:00 web1 app[77]: {line}")),
            _ => continue,
        };
        if name != "syslog" {
            let inner = WRAPPERS.iter().find_map(|w| w.unwrap(&wrapped, &context)).expect(name).inner;
            let (inner, held) = (inner.trim_end_matches('\r'), line.trim_end_matches('\r'));
            assert_eq!(inner, held, "{name} gives back what it holds");
        }
        line = wrapped;
    }
    // Every wrapper alone, then the first that knows the line, down to the bare text.
    for w in WRAPPERS.iter() {
        let _ = w.unwrap(&line, &context);
    }
    let mut inner = line.clone();
    for _ in 0..DEPTH_MAX {
        let Some(wrapped) = WRAPPERS.iter().find_map(|w| w.unwrap(&inner, &context)) else { break };
        assert!(wrapped.inner.len() <= 3 * inner.len() + 64, "more inside than outside: {inner}");
        assert!(wrapped.at.is_none_or(|(at, _)| fuzz::is_sane(at)), "{inner}");
        inner = wrapped.inner.into_owned();
    }
    let mut kept = Kept::default();
    let mut reader = Reader::new(0, context);
    reader.push(line.as_bytes(), &mut kept);
    reader.push(b"\n", &mut kept);
    reader.push(text.as_bytes(), &mut kept);
    reader.finish(&mut kept);
});

fn docker(line: &str) -> String {
    let log = serde_json::Value::String(format!("{line}\n"));
    format!(r#"{{"log":{log},"stream":"stderr","time":"2026-11-24T07:00:00.123456789Z"}}"#)
}
