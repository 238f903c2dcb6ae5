//! A signature: a rule that recognises a cause by its wording, as `signatures/*.toml` state it. A real entry:
//!
//! ```toml
//! [[signature]]
//! id = "php-call-on-null"
//! cause = "code/null-reference"
//! literals = ["on null", "on a non-object"]
//! pattern = '''Call to a member function (?P<what>\w+)\(\) on (?:null|a non-object)'''
//! weight = 78
//! source = "PHP, Zend/zend_execute.c"
//! examples = ["PHP Fatal error:  Uncaught Error: Call to a member function format() on null in /srv/app/Cart.php:88"]
//! ```

use super::{Finding, Scope, line_at};
use record::Cause;
use regex::{Captures, Regex, RegexBuilder};
use serde::Deserialize;
use std::borrow::Cow;
use std::sync::OnceLock;

// The built-in entries, made by `build.rs` from `signatures/*.toml`.
include!(concat!(env!("OUT_DIR"), "/signatures.rs"));

/// A compiled pattern may take this many bytes; the largest of ours take a tenth of it.
const REGEX_BYTES_MAX: usize = 4 << 20;

/// A text that the program holds, or one out of a user's file.
type Text = Cow<'static, str>;

/// One file of signatures.
#[derive(Deserialize)]
struct File {
    #[serde(default)]
    signature: Vec<Entry>,
}

/// One entry as written.
#[derive(Clone, Debug, Deserialize, PartialEq)]
struct Entry {
    id: Text,
    cause: Text,
    literals: Cow<'static, [Text]>,
    pattern: Text,
    culprit: Option<Text>,
    service: Option<Text>,
    #[serde(default)]
    scope: Reach,
    #[serde(default)]
    symptom: bool,
    #[serde(default = "middling")]
    weight: u8,
    title: Option<Text>,
    #[serde(default)]
    next: Cow<'static, [Text]>,
}

fn middling() -> u8 {
    50
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Reach {
    #[default]
    Request,
    Process,
    Background,
}

/// A signature ready to be tried.
pub(super) struct Signature {
    entry: Cow<'static, Entry>,
    /// Compiled when a literal is first seen: most of the many are never needed.
    regex: OnceLock<Option<Regex>>,
}

/// The built-in signatures.
pub(super) fn built_in() -> impl Iterator<Item = Signature> {
    ENTRIES.iter().map(|e| Signature { entry: Cow::Borrowed(e), regex: OnceLock::new() })
}

/// The signatures of one file, patterns not yet compiled.
pub(super) fn load(name: &str, text: &str) -> Result<Vec<Signature>, String> {
    let file: File = toml::from_str(text).map_err(|e| format!("{name}: {e}"))?;
    file.signature.into_iter().map(|e| Signature::of(e).map_err(|why| format!("{name}: {why}"))).collect()
}

impl Signature {
    fn of(e: Entry) -> Result<Signature, String> {
        Cause::parse(&e.cause).ok_or_else(|| format!("signature {}: no such class: {}", e.id, e.cause))?;
        if e.literals.is_empty() || e.literals.iter().any(|l| l.is_empty()) {
            return Err(format!("signature {}: needs literals, one of which every match holds", e.id));
        }
        Ok(Signature { entry: Cow::Owned(e), regex: OnceLock::new() })
    }

    pub fn id(&self) -> &str {
        &self.entry.id
    }

    /// Words of which every match holds one.
    pub fn literals(&self) -> impl Iterator<Item = &str> {
        self.entry.literals.iter().map(|l| &**l)
    }

    pub fn weight(&self) -> u8 {
        self.entry.weight.min(100)
    }

    fn build(&self) -> Result<Regex, regex::Error> {
        RegexBuilder::new(&self.entry.pattern).multi_line(true).size_limit(REGEX_BYTES_MAX).build()
    }

    fn regex(&self) -> Option<&Regex> {
        self.regex.get_or_init(|| self.build().ok()).as_ref()
    }

    /// Is the pattern one that compiles, and do its templates name groups it has?
    pub fn check(&self) -> Result<(), String> {
        let regex = self.build().map_err(|e| e.to_string())?;
        let groups: Vec<&str> = regex.capture_names().flatten().collect();
        let e = &self.entry;
        let templates = e.culprit.iter().chain(&e.title).chain(&*e.next);
        for name in templates.flat_map(|t| Template(t).groups()) {
            if !groups.contains(&name) {
                return Err(format!("{{{name}}} is no group of the pattern"));
            }
        }
        Ok(())
    }

    /// May a match reach over several lines?
    pub fn spans_lines(&self) -> bool {
        let pattern = &self.entry.pattern;
        pattern.contains("(?s") || pattern.contains("\\n") || pattern.contains("[^")
    }

    /// Does it match?
    pub fn matches(&self, text: &str) -> bool {
        self.regex().is_some_and(|r| r.is_match(text))
    }

    /// What it says of the text, if it matches, with the line that matched.
    pub fn read<'t>(&self, text: &'t str) -> Option<(Finding, &'t str)> {
        let regex = self.regex()?;
        let c = regex.captures(text)?;
        // What must stand before the words (`[\s:]KeyError`) may be the end of the line above.
        let whole = c.get(0)?;
        let at = whole.end() - whole.as_str().trim_start().len();
        let line = line_at(text, at);
        let e = &self.entry;
        let finding = Finding {
            signature: e.id.to_string(),
            cause: Cause::parse(&e.cause)?,
            culprit: e.culprit.as_ref().and_then(|t| Template(t).fill_some(&c)),
            service: e.service.as_ref().map(ToString::to_string),
            scope: match e.scope {
                Reach::Request => Scope::Request,
                Reach::Process => Scope::Process,
                Reach::Background => Scope::Background,
            },
            symptom: e.symptom,
            weight: self.weight(),
            matched: line.to_owned(),
            title: e.title.as_ref().and_then(|t| Template(t).fill_all(&c)),
            next: e.next.iter().filter_map(|t| Template(t).fill_all(&c)).collect(),
            general: false,
        };
        Some((finding, line))
    }
}

/// Text with `{group}` places.
#[derive(Clone, Copy)]
struct Template<'a>(&'a str);

#[derive(Clone, Copy)]
enum Part<'a> {
    Text(&'a str),
    Group(&'a str),
}

impl<'a> Template<'a> {
    fn parts(self) -> impl Iterator<Item = Part<'a>> {
        let mut rest = self.0;
        let mut group = None;
        std::iter::from_fn(move || {
            if let Some(name) = group.take() {
                return Some(Part::Group(name));
            }
            let (at, name) = next_group(rest).unwrap_or((rest.len(), ""));
            let before = rest.get(..at).unwrap_or("");
            rest = rest.get(at + name.len() + 2..).unwrap_or("");
            group = (!name.is_empty()).then_some(name);
            (!before.is_empty() || group.is_some()).then_some(Part::Text(before))
        })
    }

    fn groups(self) -> impl Iterator<Item = &'a str> {
        self.parts().filter_map(|p| match p {
            Part::Group(g) => Some(g),
            Part::Text(_) => None,
        })
    }

    /// With absent groups as nothing; `None` if there are groups and all are absent.
    fn fill_some(self, c: &Captures<'_>) -> Option<String> {
        if self.groups().next().is_some()
            && !self.groups().any(|g| c.name(g).is_some_and(|m| !m.as_str().is_empty()))
        {
            return None;
        }
        let mut out = String::new();
        for p in self.parts() {
            match p {
                Part::Text(t) => out.push_str(t),
                Part::Group(g) => out.push_str(c.name(g).map_or("", |m| m.as_str())),
            }
        }
        // Quoted from JSON, names of PHP classes carry their escapes.
        if out.contains("\\\\") && !out.starts_with("\\\\") {
            out = out.replace("\\\\", "\\");
        }
        // What joined two groups is left over when one of them is absent.
        let out = out.trim_matches([':', ' ']).trim_end_matches([',', '.', '@']);
        let joins_at = self.parts().any(|p| matches!(p, Part::Text(t) if t.contains('@')));
        let out = if joins_at { out.trim_start_matches('@') } else { out };
        (!out.is_empty()).then(|| out.to_owned())
    }

    /// `None` if a group is absent.
    fn fill_all(self, c: &Captures<'_>) -> Option<String> {
        let all = self.groups().all(|g| c.name(g).is_some_and(|m| !m.as_str().is_empty()));
        if all { self.fill_some(c).or_else(|| Some(String::new())).filter(|s| !s.is_empty()) } else { None }
    }
}

/// The first `{name}` in a template, with where it stands.
fn next_group(text: &str) -> Option<(usize, &str)> {
    let mut from = 0;
    loop {
        let at = from + text.get(from..)?.find('{')?;
        let (name, _) = text.get(at + 1..)?.split_once('}')?;
        if !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            return Some((at, name));
        }
        from = at + name.len() + 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{HashMap, HashSet};

    /// The files that `build.rs` reads: name and text.
    const BUILT_IN: &[(&str, &str)] = &[
        ("code.toml", include_str!("../../../../signatures/code.toml")),
        ("config.toml", include_str!("../../../../signatures/config.toml")),
        ("database.toml", include_str!("../../../../signatures/database.toml")),
        ("upstream.toml", include_str!("../../../../signatures/upstream.toml")),
        ("resource.toml", include_str!("../../../../signatures/resource.toml")),
    ];

    /// What an entry says of itself.
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Proof {
        source: String,
        examples: Vec<String>,
        culprits: Vec<String>,
        counter: Vec<String>,
    }

    #[derive(Deserialize)]
    struct ProofFile {
        signature: Vec<Proof>,
    }

    /// All built-in entries as a user's file would give them.
    fn parsed() -> Vec<Entry> {
        let files = BUILT_IN.iter().map(|(name, text)| {
            toml::from_str::<File>(text).unwrap_or_else(|e| panic!("{name}: {e}")).signature
        });
        files.flatten().collect()
    }

    #[test]
    fn the_built_in_entries_are_those_of_the_files() {
        assert_eq!(parsed(), ENTRIES);
    }

    fn catalogue() -> HashSet<String> {
        let text = include_str!("../../../../causes.toml");
        let table: HashMap<String, HashMap<String, toml::Value>> = toml::from_str(text).unwrap();
        table.iter().flat_map(|(class, causes)| causes.keys().map(move |c| format!("{class}/{c}"))).collect()
    }

    /// Every built-in signature matches its own examples, names the culprits it states, and leaves its counter-examples alone.
    #[test]
    fn the_built_in_signatures_keep_their_word() {
        let causes = catalogue();
        let mut ids: HashSet<String> = HashSet::new();
        let mut wrong = Vec::new();
        for (file, text) in BUILT_IN {
            let entries: File = toml::from_str(text).unwrap_or_else(|e| panic!("{file}: {e}"));
            let proofs: ProofFile = toml::from_str(text).unwrap_or_else(|e| panic!("{file}: {e}"));
            for (e, proof) in entries.signature.into_iter().zip(proofs.signature) {
                let id = e.id.clone();
                let mut say = |what: String| wrong.push(format!("{file}: {id}: {what}"));
                if !ids.insert(id.to_string()) {
                    say("id used twice".into());
                }
                if !causes.contains(&*e.cause) {
                    say(format!("{} is not in causes.toml", e.cause));
                }
                if proof.source.is_empty() || proof.examples.is_empty() {
                    say("needs a source and an example".into());
                }
                if !proof.culprits.is_empty() && proof.culprits.len() != proof.examples.len() {
                    say("culprits do not go with the examples".into());
                }
                let s = match Signature::of(e) {
                    Ok(s) => s,
                    Err(why) => {
                        say(why);
                        continue;
                    }
                };
                if let Err(why) = s.check() {
                    say(why);
                    continue;
                }
                let opens = |t: &str| s.literals().any(|l| t.contains(l));
                for (i, x) in proof.examples.iter().enumerate() {
                    let found = s.read(x).filter(|_| opens(x));
                    match found {
                        None => say(format!("does not match: {x}")),
                        Some((f, _)) => {
                            let want = proof.culprits.get(i).map(String::as_str);
                            if want.is_some_and(|w| w != f.culprit.as_deref().unwrap_or("")) {
                                say(format!("culprit {:?}, not {want:?}: {x}", f.culprit));
                            }
                        }
                    }
                }
                for x in proof.counter.iter().filter(|x| opens(x) && s.matches(x)) {
                    say(format!("matches its counter-example: {x}"));
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn a_template_leaves_out_what_is_absent() {
        let r = Regex::new(r"to (?P<host>\w+)(?::(?P<port>\d+))?").unwrap();
        let t = Template("{host}:{port}");
        assert_eq!(t.fill_some(&r.captures("to db:5432").unwrap()).as_deref(), Some("db:5432"));
        assert_eq!(t.fill_some(&r.captures("to db").unwrap()).as_deref(), Some("db"));
        assert_eq!(t.fill_all(&r.captures("to db").unwrap()), None);
        assert_eq!(Template("{port}").fill_some(&r.captures("to db").unwrap()), None);
    }

    #[test]
    fn a_faulty_entry_is_refused_with_its_name() {
        let bad = |t: &str| load("own.toml", t).and_then(|l| l.iter().try_for_each(Signature::check));
        let entry = |cause: &str, literals: &str, pattern: &str| {
            format!(
                "[[signature]]\nid='x'\ncause='{cause}'\nliterals={literals}\npattern='{pattern}'\nculprit='{{a}}'"
            )
        };
        assert!(bad(&entry("wood/worm", "['x']", "x")).unwrap_err().contains("no such class: wood/worm"));
        assert!(bad(&entry("code/null-reference", "[]", "x")).unwrap_err().contains("needs literals"));
        assert!(bad(&entry("code/null-reference", "['x']", "x(")).is_err());
        assert!(bad(&entry("code/null-reference", "['x']", "x")).unwrap_err().contains("{a} is no group"));
        assert!(bad(&entry("code/null-reference", "['x']", "(?P<a>x)")).is_ok());
        assert!(load("own.toml", "[[signature]]\nid=").err().unwrap().starts_with("own.toml: "));
    }
}
