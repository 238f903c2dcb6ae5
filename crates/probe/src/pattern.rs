//! The shortest text that a regular expression (of a schema's `pattern`) takes.

use regex_syntax::hir::{Class, Hir, HirKind};

/// Characters of what is made; a pattern that needs more is left alone.
const LENGTH_MAX: usize = 4096;

/// A short text that the pattern takes; `None` where it is no pattern that is understood (look-around, back references).
pub fn example(pattern: &str) -> Option<String> {
    let hir = regex_syntax::Parser::new().parse(pattern).ok()?;
    let mut out = String::new();
    make(&hir, &mut out)?;
    Some(out)
}

fn make(hir: &Hir, out: &mut String) -> Option<()> {
    if out.len() > LENGTH_MAX {
        return None;
    }
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(l) => out.push_str(std::str::from_utf8(&l.0).ok()?),
        HirKind::Class(Class::Unicode(c)) => {
            // A letter or a digit where it may be one: control characters are allowed more often than meant.
            let usual =
                c.iter().find_map(|r| ['a', 'A', '0'].into_iter().find(|w| r.start() <= *w && *w <= r.end()));
            out.push(usual.or_else(|| c.iter().next().map(|r| r.start().max(' ').min(r.end())))?);
        }
        HirKind::Class(Class::Bytes(c)) => out.push(char::from(c.iter().next()?.start())),
        HirKind::Repetition(r) => {
            // One of what may be there makes the text more like what people send.
            let n = if r.min == 0 && r.max.is_none() { 1 } else { r.min };
            for _ in 0..n {
                make(&r.sub, out)?;
            }
        }
        HirKind::Capture(c) => make(&c.sub, out)?,
        HirKind::Concat(parts) => parts.iter().try_for_each(|p| make(p, out))?,
        HirKind::Alternation(parts) => make(parts.first()?, out)?,
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::example;

    #[test]
    fn texts_match_their_patterns() {
        for p in
            [r"^[A-Z]{2}-\d{3}$", "^(cat|dog)s?$", "^[^@ ]+@[^@ ]+$", "^\\w{3,8}$", "^[0-9a-f]{24}$", "x*"]
        {
            let text = example(p).unwrap();
            assert!(regex::Regex::new(p).unwrap().is_match(&text), "{p}: {text}");
        }
        assert_eq!(example("(?=a)b"), None);
        assert_eq!(example("a{4000}{4000}"), None);
    }
}
