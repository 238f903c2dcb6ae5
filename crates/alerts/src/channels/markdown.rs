//! A notice as the Markdown that GitHub and GitLab share. Nothing from outside is read as markup: it stands in code spans, or with
//! a backslash before each sign (CommonMark §2.4), and `@` calls nobody.

use crate::notice::{Event, Notice};

/// Words from outside in a sentence.
pub(super) fn words(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_punctuation()
            && !matches!(c, '.' | ',' | ':' | ';' | '?' | '\'' | '"' | '/' | '-' | '@')
        {
            out.push('\\');
        }
        out.push(c);
        if matches!(c, '@' | '#') {
            // A space of no width: a name that follows is none, nor a number an issue's (a backslash does not help there).
            out.push('\u{200b}');
        }
    }
    out
}

/// Words from outside as code: the fence is longer than any run of backticks within (CommonMark §6.1).
pub(super) fn code(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let pad = if longest > 0 { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// The whole.
pub(super) fn body(n: &Notice) -> String {
    let mut out = format!("{}\n", words(&n.why));
    for fact in n.facts() {
        let text = if fact.code { code(&fact.text) } else { words(&fact.text) };
        out.push_str(&format!("\n- **{}:** {text}", fact.label));
    }
    if let Some(link) = &n.link {
        out.push_str(&format!("\n\n<{link}>"));
    }
    out
}

/// A comment on what changed.
pub(super) fn comment(n: &Notice) -> String {
    match n.event {
        Event::Closed => format!("**{}.** {}", n.heading, words(&n.why)),
        _ => format!("**{}.** {}", n.heading, body(n)),
    }
}

/// A title: one line, plain. `@` calls nobody there, and yet.
pub(super) fn headline(n: &Notice) -> String {
    n.headline().replace('@', "@\u{200b}").replace('#', "#\u{200b}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_outside_is_markup() {
        assert_eq!(words("@acme/all **now** <b>"), "@\u{200b}acme/all \\*\\*now\\*\\* \\<b\\>");
        assert_eq!(words("#12 is 50% of !3"), "\\#\u{200b}12 is 50\\% of \\!3");
        assert_eq!(code("a"), "`a`");
        assert_eq!(code("a``b` @x"), "``` a``b` @x ```");
    }
}
