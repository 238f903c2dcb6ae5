//! Stack traces as Sentry's SDKs send them. <https://develop.sentry.dev/sdk/foundations/transport/event-payloads/stacktrace/>
//!
//! ```text
//! {"frames":[{"filename":"flask/app.py","abs_path":"/srv/py/site-packages/flask/app.py","function":"wsgi_app","lineno":1511,"in_app":false},
//!            {"filename":"app.py","abs_path":"/srv/storefront/app.py","function":"place_order","lineno":37,"in_app":true}]}
//! ```
//!
//! Frames are made to read as the runtime itself prints them, so that the same fault found in a log and on this wire is the same
//! problem: `com.shop.Prices.total(Prices.java:88)`, not `total` in `com.shop.Prices`.

use crate::lenient::{Flag, List, Number, Text, Texts};
use record::{Code, Frame, More};
use serde::Deserialize;

/// Of one stack, this many frames are kept: Java's deepest have some hundreds. Relay trims at 250.
const FRAMES_MAX: usize = 250;
/// Of one stack, source lines are kept of this many frames of the app, the innermost: nobody reads further down.
const CODE_FRAMES_MAX: usize = 8;
/// Of one event, this many files with a debug id are looked at; a page loads some hundred scripts at most.
const IMAGES_MAX: usize = 500;
/// Bytes of a debug id: 32 hex digits and dashes; native ones have some more.
const DEBUG_ID_BYTES_MAX: usize = 64;

/// Frames, the oldest call first.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Stack<'a> {
    #[serde(borrow)]
    pub frames: List<RawFrame<'a>>,
}

/// One frame.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawFrame<'a> {
    #[serde(borrow)]
    filename: Text<'a>,
    #[serde(borrow)]
    abs_path: Text<'a>,
    #[serde(borrow)]
    function: Text<'a>,
    #[serde(borrow)]
    module: Text<'a>,
    lineno: Number,
    colno: Number,
    pub in_app: Flag,
    #[serde(borrow)]
    pre_context: Texts<'a>,
    #[serde(borrow)]
    pub context_line: Text<'a>,
    #[serde(borrow)]
    post_context: Texts<'a>,
}

/// Files that were loaded, by the ids that bundlers put into them.
/// <https://develop.sentry.dev/sdk/foundations/transport/event-payloads/debugmeta/>
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct DebugMeta<'a> {
    #[serde(borrow)]
    images: List<Image<'a>>,
}

/// `{"type":"sourcemap","code_file":"https://shop.example/app.min.js","debug_id":"395835f4-03e0-4436-80d3-136f0749a893"}`
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Image<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow)]
    code_file: Text<'a>,
    #[serde(borrow)]
    debug_id: Text<'a>,
}

impl DebugMeta<'_> {
    /// The debug id of a file that has a source map.
    fn of(&self, file: &str) -> Option<&str> {
        let image =
            self.images.0.iter().take(IMAGES_MAX).find(|i| &*i.kind == "sourcemap" && &*i.code_file == file);
        image?.debug_id.some().filter(|id| id.len() <= DEBUG_ID_BYTES_MAX)
    }
}

/// The frames, innermost first.
pub(super) fn frames(stack: &Stack<'_>, platform: &str, meta: &DebugMeta<'_>) -> Vec<Frame> {
    let raw = &stack.frames.0;
    let mut frames: Vec<Frame> = raw.iter().rev().take(FRAMES_MAX).map(|f| f.frame(platform)).collect();
    // Old SDKs call everything the app's own, others nothing: then what the paths say decides.
    let own = |f: &Frame| formats::trace::in_app(&f.file, &f.function);
    let chosen = raw.iter().any(|r| r.in_app.0 == Some(true));
    let both = |r: &RawFrame<'_>, f: &Frame| {
        (!chosen || r.in_app.0 != Some(false)) && own(f) && !(platform == "python" && r.is_compiled())
    };
    let some = raw.iter().rev().zip(&frames).any(|(r, f)| both(r, f));
    for (r, f) in raw.iter().rev().zip(&mut frames) {
        f.in_app = if some { both(r, f) } else { r.in_app.0 == Some(true) };
    }
    let mut with_code = 0;
    for (r, f) in raw.iter().rev().zip(&mut frames) {
        let code = r.code().filter(|_| f.in_app && with_code < CODE_FRAMES_MAX);
        with_code += usize::from(code.is_some());
        let debug_id = [&r.abs_path, &r.filename].into_iter().find_map(|file| meta.of(file));
        if code.is_some() || debug_id.is_some() {
            f.more =
                Some(Box::new(More { debug_id: debug_id.unwrap_or_default().to_ascii_lowercase(), code }));
        }
    }
    frames
}

impl RawFrame<'_> {
    /// Is it of a module compiled by Cython? Such a frame names its function with the module before it, as no other of Python does,
    /// and a file that the SDK takes for one below the app's folder.
    fn is_compiled(&self) -> bool {
        let within = self.module.some().and_then(|module| self.function.strip_prefix(module));
        within.is_some_and(|rest| rest.starts_with('.')) && self.context_line.trim().is_empty()
    }

    fn frame(&self, platform: &str) -> Frame {
        let placeholder =
            |t: &str| t.is_empty() || matches!(t, "<unknown>" | "?" | "<anonymous>" | "[internal]");
        let mut function = if placeholder(&self.function) { "" } else { &*self.function }.to_owned();
        let named = [&*self.abs_path, &*self.filename].into_iter().find(|t| !placeholder(t)).unwrap_or("");
        let qualified = matches!(platform, "java" | "go" | "csharp" | "dart")
            && !self.module.is_empty()
            && !function.is_empty()
            && !function.starts_with(&*self.module);
        if qualified {
            function = format!("{}.{function}", &*self.module);
        }
        let file = if named.is_empty() && function.is_empty() { &*self.module } else { named };
        let line = self.lineno.whole().and_then(|n| u32::try_from(n).ok()).filter(|n| *n > 0);
        Frame {
            file: clip(file, 1_000).to_owned(),
            line,
            column: self.colno.whole().and_then(|n| u32::try_from(n).ok()).filter(|n| *n > 0),
            function: clip(&function, 1_000).to_owned(),
            ..Frame::default()
        }
    }

    /// The source around it, as the client read it from its disk.
    fn code(&self) -> Option<Code> {
        let before = self.pre_context.0.iter().map(|t| t.0.as_ref());
        let after = self.post_context.0.iter().map(|t| t.0.as_ref());
        (!self.context_line.is_empty()).then(|| Code::bounded(before, &self.context_line, after))
    }
}

/// An exception's type as its runtime prints it: with its module where that is a package (`psycopg2.OperationalError`,
/// `java.lang.NullPointerException`), not where it is an assembly or a file.
pub(super) fn kind(kind: &str, module: &str) -> String {
    let whole = kind.contains(['.', '\\', ' ']) || kind.contains("::");
    let package = !module.is_empty()
        && !matches!(module, "builtins" | "__builtin__" | "exceptions" | "__main__")
        && module.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'$'));
    if whole || !package || kind.is_empty() {
        return clip(kind, 1_000).to_owned();
    }
    clip(&format!("{module}.{kind}"), 1_000).to_owned()
}

/// The first `max` bytes, cut between characters.
pub(super) fn clip(text: &str, max: usize) -> &str {
    if text.len() <= max {
        return text;
    }
    let end = (0..=max).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
    text.get(..end).unwrap_or("")
}

/// The first line that says something, not longer than evidence is shown.
pub(super) fn first_line(text: &str) -> String {
    clip(text.lines().find(|l| !l.trim().is_empty()).unwrap_or("").trim(), 2_000).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lenient::read;

    fn of(platform: &str, json: &str) -> Vec<Frame> {
        let mut room = Vec::new();
        frames(&read::<Stack<'_>>(json.as_bytes(), &mut room).unwrap(), platform, &DebugMeta::default())
    }

    #[test]
    fn frames_read_as_their_runtime_prints_them() {
        let java = of(
            "java",
            r#"{"frames":[
                {"module":"org.apache.catalina.core.StandardWrapperValve","function":"invoke","filename":"StandardWrapperValve.java","lineno":167},
                {"module":"com.shop.Prices","function":"total","filename":"Prices.java","lineno":88,"in_app":true}]}"#,
        );
        assert_eq!(
            (java[0].function.as_str(), java[0].place().as_str()),
            ("com.shop.Prices.total", "Prices.java:88")
        );
        assert_eq!((java[0].in_app, java[1].in_app), (true, false));
        let go = of(
            "go",
            r#"{"frames":[{"module":"main","function":"(*Cart).Total","abs_path":"/srv/cart.go","filename":"cart.go","lineno":9,"in_app":true}]}"#,
        );
        assert_eq!((go[0].function.as_str(), go[0].file.as_str()), ("main.(*Cart).Total", "/srv/cart.go"));
    }

    #[test]
    fn source_lines_columns_and_debug_ids_are_handed_on() {
        let (mut room, mut other) = (Vec::new(), Vec::new());
        let stack = r#"{"frames":[{"abs_path":"https://shop.example/app.min.js","function":"n","lineno":1,"colno":1204,"in_app":true,
            "pre_context":["a","b"],"context_line":"!function(e){…}","post_context":["c"]}]}"#;
        let meta = r#"{"images":[{"type":"elf"},{"type":"sourcemap","code_file":"https://shop.example/app.min.js",
            "debug_id":"395835F4-03e0-4436-80d3-136f0749a893"}]}"#;
        let list = frames(
            &read::<Stack<'_>>(stack.as_bytes(), &mut room).unwrap(),
            "javascript",
            &read::<DebugMeta<'_>>(meta.as_bytes(), &mut other).unwrap(),
        );
        assert_eq!(
            (list[0].column, list[0].debug_id()),
            (Some(1_204), Some("395835f4-03e0-4436-80d3-136f0749a893"))
        );
        let code = list[0].code().unwrap();
        assert_eq!((code.before().collect(), code.after().collect()), (vec!["a", "b"], vec!["c"]));
        assert_eq!(code.line(), "!function(e){…}");
    }

    /// sentry.python/0.9.5 calls all frames the app's own unless told otherwise.
    #[test]
    fn paths_decide_where_the_client_tells_nothing_apart() {
        // As sqlalchemy's compiled rows are reported.
        let compiled = of(
            "python",
            r#"{"frames":[{"filename":"shop.py","abs_path":"/srv/app/shop.py","module":"shop","function":"product","lineno":49,"in_app":true,"context_line":"return row['title']"},
                {"filename":"lib/sqlalchemy/engine/_row_cy.py","abs_path":"/srv/app/lib/sqlalchemy/engine/_row_cy.py","module":"sqlalchemy.engine._row_cy",
                 "function":"sqlalchemy.engine._row_cy.BaseRow._get_by_key_impl","lineno":148,"in_app":true}]}"#,
        );
        assert_eq!((compiled[0].in_app, compiled[1].in_app), (false, true));
        let old = of(
            "python",
            r#"{"frames":[{"abs_path":"/srv/app.py","lineno":1,"in_app":true},{"abs_path":"/srv/lib/python3.11/site-packages/x.py","lineno":2,"in_app":true}]}"#,
        );
        assert_eq!((old[0].in_app, old[1].in_app), (false, true));
        let chosen =
            of("python", r#"{"frames":[{"abs_path":"/srv/site-packages/mine/x.py","in_app":true}]}"#);
        assert!(chosen[0].in_app);
    }

    #[test]
    fn types_with_their_package() {
        assert_eq!(kind("OperationalError", "psycopg2"), "psycopg2.OperationalError");
        assert_eq!(
            kind("System.NullReferenceException", "System.Private.CoreLib, Version=8.0.0.0"),
            "System.NullReferenceException"
        );
        assert_eq!(kind("ActiveRecord::StatementInvalid", "ActiveRecord"), "ActiveRecord::StatementInvalid");
        assert_eq!(kind("KeyError", "builtins"), "KeyError");
    }
}
