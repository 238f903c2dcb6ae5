//! Layouts of access logs: nginx' `log_format`, Apache's `LogFormat`, whole configurations; and lines read with what was
//! compiled. The first byte chooses; the layout ends at a NUL, lines follow.

#![no_main]

use formats::layout::Layout;
use formats::{Context, LineFormat};
use libfuzzer_sys::fuzz_target;
use record::Ending;
use std::sync::{Arc, LazyLock};

/// The format of lines in a layout that was given or found.
static CONFIGURED: LazyLock<&'static dyn LineFormat> =
    LazyLock::new(|| formats::table().find(|f| f.name() == "configured").expect("it is in the table"));

fuzz_target!(|data: &[u8]| {
    let Some((which, rest)) = data.split_first() else { return };
    let text = fuzz::text(rest);
    let (layout, lines) = text.split_once('\0').unwrap_or((&text, ""));
    let layouts: Vec<Layout> = match which % 3 {
        0 => Layout::nginx(layout).into_iter().collect(),
        1 => Layout::apache(layout).into_iter().collect(),
        _ => Layout::find_in_config(layout),
    };
    for layout in layouts {
        let context = Context { layouts: vec![Arc::new(layout)], ..fuzz::context("access.log") };
        for line in lines.lines().take(64) {
            let Some(entry) = CONFIGURED.read(line, &context) else { continue };
            let request = entry.request.expect("a line of a layout is a request");
            assert!(request.status.is_some() || request.ending == Ending::ClientLeft, "{line}");
            assert!(request.status.is_none_or(|s| (100..=999).contains(&s)), "{line}");
            assert!(request.target.len() <= line.len() + 1, "{line}");
            assert!(entry.at.is_none_or(|(at, _)| fuzz::is_sane(at)), "{line}");
        }
    }
});
