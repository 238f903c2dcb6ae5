//! Each format on a line: the first byte chooses the format (the last ones all of them), the second the file's name and whether
//! the first line is a `#Fields:` directive, the rest is the line.

#![no_main]

use formats::{Entry, LineFormat};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static TABLE: LazyLock<Vec<&'static dyn LineFormat>> = LazyLock::new(|| formats::table().collect());

/// Names by which formats know their files.
const NAMES: [&str; 4] = ["", "access.log", "deploys.log", "alert_orcl.log"];

fuzz_target!(|data: &[u8]| {
    let [which, about, line @ ..] = data else { return };
    let mut context = fuzz::context(NAMES[usize::from(about >> 1) % NAMES.len()]);
    let text = fuzz::text(line);
    let mut line = text.as_str();
    if about & 1 == 1
        && let Some((fields, rest)) = line.split_once('\n')
    {
        context.w3c_fields = Some(fields.to_owned());
        line = rest;
    }
    // The reader hands lines on without their ends.
    let line = line.split('\n').next().unwrap_or_default();
    match TABLE.get(usize::from(*which)) {
        Some(format) => check(format.name(), line, format.read(line, &context)),
        None => TABLE.iter().for_each(|f| check(f.name(), line, f.read(line, &context))),
    }
});

fn check(name: &str, line: &str, entry: Option<Entry<'_>>) {
    let Some(entry) = entry else { return };
    let bound = 4 * line.len() + 256;
    assert!(
        entry.message.len() <= bound,
        "{name}: the message is longer than its line: {}",
        entry.message.len()
    );
    assert!(entry.trace.as_ref().is_none_or(|t| t.len() <= bound), "{name}: so is the trace");
    let fields: usize = entry.fields.iter().map(|(k, v)| k.len() + v.len()).sum();
    assert!(fields <= 16 * bound, "{name}: the fields hold {fields} bytes of a line of {}", line.len());
    if let Some((at, _)) = entry.at {
        assert!(fuzz::is_sane(at), "{name}: {at} is no time");
    }
    if let Some(request) = &entry.request {
        for status in [request.status, request.upstream_status].into_iter().flatten() {
            assert!(status <= 999, "{name}: {status} is no status");
        }
        assert!(request.target.len() <= bound, "{name}: the target is longer than its line");
        let _ = request.to_request();
    }
}
