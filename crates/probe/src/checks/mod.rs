//! What an answer tells besides its status: what leaks in it, and errors that call themselves something else.

use crate::request::{Answer, End};
use regex::{Regex, RegexSet};
use serde::Deserialize;
use std::sync::OnceLock;

/// Characters quoted of what leaks.
const QUOTE_CHARS_MAX: usize = 160;

/// What a leak is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A stack trace.
    Trace,
    /// A page made for developers.
    Debug,
    /// A query, or what a database said of one.
    Query,
    /// A secret.
    Secret,
    /// A path on the server.
    Path,
}

/// Something that an answer should not tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leak {
    /// Its rule: `python-traceback`.
    pub id: &'static str,
    /// What it is of.
    pub kind: Kind,
    /// In words: `a Python stack trace`.
    pub what: &'static str,
    /// The line that shows it.
    pub quote: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    leak: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    id: String,
    kind: Kind,
    pattern: String,
    what: String,
    // What it looks like and where that is known from: for the test and for who reads the file.
    #[allow(dead_code)]
    example: String,
    #[allow(dead_code)]
    source: String,
}

struct Rules {
    set: RegexSet,
    list: Vec<(Rule, Regex)>,
}

fn rules() -> &'static Rules {
    static RULES: OnceLock<Rules> = OnceLock::new();
    RULES.get_or_init(|| {
        // The table is part of the program and a test reads all of it.
        let file: File = toml::from_str(include_str!("leaks.toml")).unwrap_or(File { leak: Vec::new() });
        let list: Vec<(Rule, Regex)> = file
            .leak
            .into_iter()
            .filter_map(|r| Some((Regex::new(&r.pattern).ok()?, r)))
            .map(|(x, r)| (r, x))
            .collect();
        let set =
            RegexSet::new(list.iter().map(|(r, _)| r.pattern.as_str())).unwrap_or_else(|_| RegexSet::empty());
        Rules { set, list }
    })
}

/// What leaks in an answer's body, what tells most first.
pub fn leaks(answer: &Answer) -> Vec<Leak> {
    let body = answer.text();
    let media = answer.media();
    // Programs, styles and pictures are what they are; documentation that shows a trace is served as it is, too.
    if media.contains("javascript") || media.contains("css") || media.starts_with("image/") {
        return Vec::new();
    }
    let text = without_tags(&body);
    // A debug page may be told by its tags.
    let raw = unescaped(&body);
    let mut found: Vec<Leak> = Vec::new();
    for text in [&text, &raw] {
        for i in rules().set.matches(text) {
            let Some((rule, pattern)) = rules().list.get(i) else { continue };
            let Some(m) = pattern.find(text) else { continue };
            if !found.iter().any(|l| l.id == rule.id) {
                let quote = line_around(text, m.start());
                found.push(Leak { id: &rule.id, kind: rule.kind, what: &rule.what, quote });
            }
        }
    }
    found.sort_by_key(|l| l.kind);
    found
}

/// HTML's and JSON's escapes taken off, as far as traces hold them.
pub fn unescaped(body: &str) -> String {
    if !body.contains(['&', '\\']) {
        return body.to_owned();
    }
    body.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#34;", "\"")
        .replace("&#x27;", "'")
        .replace("&#39;", "'")
        .replace("&#039;", "'")
        .replace("&nbsp;", " ")
        .replace("&amp;", "&")
        .replace("\\n", "\n")
        .replace("\\t", "\t")
        .replace("\\\"", "\"")
        .replace("\\/", "/")
}

/// A page's text: tags taken out, escapes taken off, a line where a block ends.
pub fn without_tags(body: &str) -> String {
    if !body.contains("</") {
        return unescaped(body);
    }
    let mut out = String::with_capacity(body.len());
    for part in body.split('<') {
        let Some((tag, text)) = part.split_once('>') else {
            out.push_str(part);
            continue;
        };
        let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap_or_default();
        if ["br", "p", "div", "li", "tr", "h1", "h2", "h3", "pre", "title", "td"].contains(&name)
            && !out.ends_with('\n')
        {
            out.push('\n');
        }
        out.push_str(text);
    }
    unescaped(&out)
}

fn line_around(text: &str, at: usize) -> String {
    let begin = text.get(..at).and_then(|t| t.rfind('\n')).map_or(0, |i| i + 1);
    let line = text.get(begin..).unwrap_or_default().lines().next().unwrap_or_default();
    // A page of one line: from where it is.
    let line = if line.len() > QUOTE_CHARS_MAX { text.get(at..).unwrap_or_default() } else { line };
    let line = line.lines().next().unwrap_or_default().trim();
    record::scrub::scrub(&line.chars().take(QUOTE_CHARS_MAX).collect::<String>()).into_owned()
}

/// Does an answer of GraphQL with a good status tell an error of the server itself (Apollo's `INTERNAL_SERVER_ERROR`, graphql-yoga's
/// `Unexpected error.`, the same of others)?
pub fn graphql_failed(answer: &Answer) -> bool {
    if !answer.is_ok()
        || !answer.media().contains("json")
        || memchr::memmem::find(&answer.body, b"\"errors\"").is_none()
    {
        return false;
    }
    let Ok(body) = serde_json::from_slice::<serde_json::Value>(&answer.body) else { return false };
    let own = |e: &serde_json::Value| {
        let code = e.pointer("/extensions/code").or(e.pointer("/extensions/classification"));
        let code = code.and_then(serde_json::Value::as_str).unwrap_or_default();
        let message =
            e.get("message").and_then(serde_json::Value::as_str).unwrap_or_default().to_ascii_lowercase();
        ["INTERNAL_SERVER_ERROR", "INTERNAL_ERROR", "INTERNAL"].contains(&code)
            || message.contains("internal server error")
            || message == "unexpected error."
    };
    body.get("errors").and_then(serde_json::Value::as_array).is_some_and(|l| l.iter().any(own))
}

/// A good status on an error page: what its body says.
pub fn soft_error(answer: &Answer) -> Option<String> {
    if answer.end != End::Answered || !(200..300).contains(&answer.status) {
        return None;
    }
    static PATTERN: OnceLock<Option<Regex>> = OnceLock::new();
    let pattern = PATTERN.get_or_init(|| {
        Regex::new(
            r#"(?i)<(?:title|h1)[^>]*>\s*(?:(?:HTTP )?(?:error )?50[0-4]\b|internal server error|server error|bad gateway|service unavailable|gateway time-?out|application error|fatal error|an error (?:has )?occurred)|^\s*\{\s*"(?:status|code|statusCode)"\s*:\s*"?5\d\d\b"#,
        )
        .ok()
    });
    let text = answer.text();
    let found = pattern.as_ref()?.find(&text)?;
    Some(line_around(&text, found.start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Answer {
        Answer { status, body: body.as_bytes().to_vec(), ..Answer::default() }
    }

    #[test]
    fn each_rule_finds_its_example_and_an_ordinary_page_has_none() {
        let file: File = toml::from_str(include_str!("leaks.toml")).unwrap();
        assert_eq!(rules().list.len(), file.leak.len());
        for rule in file.leak {
            assert!(rules().set.len() >= 25 && !rule.source.is_empty());
            let found = leaks(&answer(500, &rule.example));
            assert!(found.iter().any(|l| l.id == rule.id), "{}: {found:?}", rule.id);
        }
        for page in [
            "<html><title>Shop</title><p>Our error pages look good. See /home/ or /app/cart for more.</p>",
            r#"{"type":"about:blank","title":"Internal Server Error","status":500,"instance":"/errors/4f1a"}"#,
            r#"{"detail":[{"loc":["body","age"],"msg":"value is not a valid integer","type":"int_parsing"}]}"#,
            "select the items that you want, update your basket, delete from it what you do not need",
        ] {
            assert_eq!(leaks(&answer(500, page)), [], "{page}");
        }
    }

    #[test]
    fn escapes_hide_nothing() {
        let html = "<pre>Traceback (most recent call last):\n  File &quot;/srv/a.py&quot;, line 3</pre>";
        assert_eq!(leaks(&answer(500, html))[0].id, "python-traceback");
        let express = "<pre>TypeError: x<br> &nbsp; &nbsp;at /srv/shop/app.js:12:59<br> &nbsp; &nbsp;at next (/srv/x.js:1:2)</pre>";
        assert_eq!(leaks(&answer(500, express))[0].id, "node-stack");
        let json = r#"{"stack":"Error: x\n    at total (/srv/shop/cart.js:12:9)"}"#;
        assert_eq!(leaks(&answer(500, json))[0].id, "node-stack");
    }

    #[test]
    fn a_good_status_on_an_error_page_is_seen() {
        assert!(soft_error(&answer(200, "<html><title>500 Internal Server Error</title>")).is_some());
        assert!(soft_error(&answer(200, r#"{"status":500,"message":"x"}"#)).is_some());
        assert!(soft_error(&answer(200, "<title>Errors in Rust: a guide to 500 ways</title>")).is_none());
        assert!(soft_error(&answer(500, "<title>500 Internal Server Error</title>")).is_none());
    }
}
