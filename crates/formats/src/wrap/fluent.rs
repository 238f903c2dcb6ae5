//! What Fluentd and Fluent Bit print: Fluentd's file output, Fluent Bit's standard output.
//!
//! ```text
//! 2026-11-24T07:05:03+00:00<TAB>app.web<TAB>{"log":"listening"}
//! [0] kube.var.log.web: [1795503903.123456789, {"log"=>"listening", "stream"=>"stdout"}]
//! [0] kube.var.log.web: [[1795503903.123456789, {}], {"log"=>"listening"}]
//! ```
//!
//! Sources: Fluentd `formatter_out_file`, fluentd's own `time tag: {json}` on standard output, Fluent Bit
//! `out_stdout`.

use super::members::unescape;
use crate::{Context, Wrapped, Wrapper, time};
use std::borrow::Cow;

/// Fluentd's `out_file` and `stdout`.
pub(super) struct FluentFile;

/// Fluent Bit's `out_stdout`.
pub(super) struct FluentBitStdout;

impl Wrapper for FluentFile {
    fn name(&self) -> &'static str {
        "fluentd"
    }

    fn unwrap<'a>(&self, line: &'a str, context: &Context) -> Option<Wrapped<'a>> {
        if !line.ends_with('}') || !line.as_bytes().first()?.is_ascii_digit() {
            return None;
        }
        let s = time::stamp(line, context.reference)?;
        let rest = line.get(s.len..)?;
        let (tag, json) = match rest.strip_prefix('\t') {
            Some(rest) => rest.split_once('\t')?,
            // On standard output: "2026-11-24 07:05:03.123456789 +0000 app.web: {"log":…}".
            None => rest
                .strip_prefix(' ')?
                .split_once(": ")
                .filter(|(tag, _)| tag.contains('.') && s.zone == record::Zone::Stated)?,
        };
        if !json.starts_with("{\"") || tag.contains([' ', '"', '[']) || tag.is_empty() {
            return None;
        }
        Some(Wrapped {
            inner: json.into(),
            at: Some((s.time, s.zone)),
            service: Some(tag.into()),
            ..Wrapped::default()
        })
    }
}

impl Wrapper for FluentBitStdout {
    fn name(&self) -> &'static str {
        "fluent bit"
    }

    fn unwrap<'a>(&self, line: &'a str, context: &Context) -> Option<Wrapped<'a>> {
        let (number, rest) = line.strip_prefix('[')?.split_once("] ")?;
        if number.is_empty() || !number.bytes().all(|c| c.is_ascii_digit()) {
            return None;
        }
        let (tag, rest) = rest.split_once(": [")?;
        let rest = rest.strip_prefix('[').unwrap_or(rest);
        let s = time::stamp(rest, context.reference)?;
        let record = rest.get(s.len..)?;
        let body = record.find("\"=>").map(|_| record)?;
        let log = ["\"log\"=>\"", "\"message\"=>\"", "\"MESSAGE\"=>\""].into_iter().find_map(|key| {
            memchr::memmem::find(body.as_bytes(), key.as_bytes()).and_then(|i| body.get(i + key.len()..))
        })?;
        let raw = log.get(..quoted_len(log)?)?;
        let mut inner = unescape(raw);
        super::trim_line_end(&mut inner);
        Some(Wrapped {
            inner,
            at: Some((s.time, s.zone)),
            service: Some(Cow::Borrowed(tag)),
            ..Wrapped::default()
        })
    }
}

/// Length of a string up to its closing quote.
fn quoted_len(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|c| {
        let ends = c == b'"' && !escaped;
        escaped = c == b'\\' && !escaped;
        ends
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Option<(String, String, String)> {
        let c = Context::default();
        let w = FluentFile.unwrap(line, &c).or_else(|| FluentBitStdout.unwrap(line, &c))?;
        Some((w.service?.into(), w.at?.0.to_string(), w.inner.into()))
    }

    #[test]
    fn tag_time_and_record() {
        let want = |inner: &str| Some(("app.web".into(), "2026-11-24T07:05:03Z".into(), inner.into()));
        assert_eq!(read("2026-11-24T07:05:03+00:00\tapp.web\t{\"log\":\"x\"}"), want("{\"log\":\"x\"}"));
        assert_eq!(read("2026-11-24 07:05:03 +0000 app.web: {\"log\":\"x\"}"), want("{\"log\":\"x\"}"));
        assert_eq!(
            read(r#"[0] app.web: [1795503903, {"log"=>"say \"x\"\n", "stream"=>"stdout"}]"#),
            want("say \"x\"")
        );
        assert_eq!(read(r#"[12] app.web: [[1795503903, {}], {"log"=>"y"}]"#), want("y"));
    }

    #[test]
    fn others_are_refused() {
        for l in [
            "[0] x",
            "[error] a: [b",
            "2026-11-24T07:05:03Z INFO app: {\"a\":1}",
            "2026-11-24 07:05:03 app.web: {\"a\":1}",
            "",
        ] {
            assert_eq!(read(l), None, "{l}");
        }
    }
}
