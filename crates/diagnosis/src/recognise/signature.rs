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
use std::sync::OnceLock;

/// A compiled pattern may take this many bytes; the largest of ours take a tenth of it.
const REGEX_BYTES_MAX: usize = 4 << 20;

/// One file of signatures.
#[derive(Deserialize)]
struct File {
    #[serde(default)]
    signature: Vec<Entry>,
}

/// One entry as written.
#[derive(Deserialize)]
struct Entry {
    id: String,
    cause: String,
    literals: Vec<String>,
    pattern: String,
    culprit: Option<String>,
    service: Option<String>,
    #[serde(default)]
    scope: Reach,
    #[serde(default)]
    symptom: bool,
    #[serde(default = "middling")]
    weight: u8,
    title: Option<String>,
    #[serde(default)]
    next: Vec<String>,
    #[cfg(test)]
    #[serde(default)]
    source: String,
    #[cfg(test)]
    #[serde(default)]
    examples: Vec<String>,
    #[cfg(test)]
    #[serde(default)]
    culprits: Vec<String>,
    #[cfg(test)]
    #[serde(default)]
    counter: Vec<String>,
}

fn middling() -> u8 {
    50
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Reach {
    #[default]
    Request,
    Process,
    Background,
}

/// A signature ready to be tried.
pub(super) struct Signature {
    pub id: String,
    pub literals: Vec<String>,
    pub weight: u8,
    cause: Cause,
    pattern: String,
    culprit: Option<Template>,
    service: Option<String>,
    scope: Scope,
    symptom: bool,
    title: Option<Template>,
    next: Vec<Template>,
    /// Compiled when a literal is first seen: most of the many are never needed.
    regex: OnceLock<Option<Regex>>,
}

/// The signatures of one file, patterns not yet compiled.
pub(super) fn load(name: &str, text: &str) -> Result<Vec<Signature>, String> {
    let file: File = toml::from_str(text).map_err(|e| format!("{name}: {e}"))?;
    file.signature.into_iter().map(|e| Signature::of(e).map_err(|why| format!("{name}: {why}"))).collect()
}

impl Signature {
    fn of(e: Entry) -> Result<Signature, String> {
        let cause = Cause::parse(&e.cause)
            .ok_or_else(|| format!("signature {}: no such class: {}", e.id, e.cause))?;
        if e.literals.is_empty() || e.literals.iter().any(String::is_empty) {
            return Err(format!("signature {}: needs literals, one of which every match holds", e.id));
        }
        Ok(Signature {
            id: e.id,
            literals: e.literals,
            weight: e.weight.min(100),
            cause,
            pattern: e.pattern,
            culprit: e.culprit.as_deref().map(Template::of),
            service: e.service,
            scope: match e.scope {
                Reach::Request => Scope::Request,
                Reach::Process => Scope::Process,
                Reach::Background => Scope::Background,
            },
            symptom: e.symptom,
            title: e.title.as_deref().map(Template::of),
            next: e.next.iter().map(|n| Template::of(n)).collect(),
            regex: OnceLock::new(),
        })
    }

    fn build(&self) -> Result<Regex, regex::Error> {
        RegexBuilder::new(&self.pattern).multi_line(true).size_limit(REGEX_BYTES_MAX).build()
    }

    fn regex(&self) -> Option<&Regex> {
        self.regex.get_or_init(|| self.build().ok()).as_ref()
    }

    /// Is the pattern one that compiles, and do its templates name groups it has?
    pub fn check(&self) -> Result<(), String> {
        let regex = self.build().map_err(|e| e.to_string())?;
        let groups: Vec<&str> = regex.capture_names().flatten().collect();
        let templates = self.culprit.iter().chain(&self.title).chain(&self.next);
        for name in templates.flat_map(Template::groups) {
            if !groups.contains(&name) {
                return Err(format!("{{{name}}} is no group of the pattern"));
            }
        }
        Ok(())
    }

    /// May a match reach over several lines?
    pub fn spans_lines(&self) -> bool {
        self.pattern.contains("(?s") || self.pattern.contains("\\n") || self.pattern.contains("[^")
    }

    /// Does it match?
    pub fn matches(&self, text: &str) -> bool {
        self.regex().is_some_and(|r| r.is_match(text))
    }

    /// What it says of the text, if it matches.
    pub fn read(&self, text: &str) -> Option<Finding> {
        let regex = self.regex()?;
        let c = regex.captures(text)?;
        // What must stand before the words (`[\s:]KeyError`) may be the end of the line above.
        let whole = c.get(0)?;
        let at = whole.end() - whole.as_str().trim_start().len();
        Some(Finding {
            signature: self.id.clone(),
            cause: self.cause.clone(),
            culprit: self.culprit.as_ref().and_then(|t| t.fill_some(&c)),
            service: self.service.clone(),
            scope: self.scope,
            symptom: self.symptom,
            weight: self.weight,
            matched: line_at(text, at).to_owned(),
            title: self.title.as_ref().and_then(|t| t.fill_all(&c)),
            next: self.next.iter().filter_map(|t| t.fill_all(&c)).collect(),
            general: false,
        })
    }
}

/// Text with `{group}` places.
struct Template {
    parts: Vec<Part>,
}

enum Part {
    Text(String),
    Group(String),
}

impl Template {
    fn of(text: &str) -> Template {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let Some((name, tail)) = after.split_once('}') else { break };
            let word = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            if word {
                parts.push(Part::Text(before.to_owned()));
                parts.push(Part::Group(name.to_owned()));
            } else {
                parts.push(Part::Text(format!("{before}{{{name}}}")));
            }
            rest = tail;
        }
        parts.push(Part::Text(rest.to_owned()));
        Template { parts }
    }

    fn groups(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|p| match p {
            Part::Group(g) => Some(g.as_str()),
            Part::Text(_) => None,
        })
    }

    /// With absent groups as nothing; `None` if there are groups and all are absent.
    fn fill_some(&self, c: &Captures<'_>) -> Option<String> {
        if self.groups().next().is_some()
            && !self.groups().any(|g| c.name(g).is_some_and(|m| !m.as_str().is_empty()))
        {
            return None;
        }
        let mut out = String::new();
        for p in &self.parts {
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
        let joins_at = self.parts.iter().any(|p| matches!(p, Part::Text(t) if t.contains('@')));
        let out = if joins_at { out.trim_start_matches('@') } else { out };
        (!out.is_empty()).then(|| out.to_owned())
    }

    /// `None` if a group is absent.
    fn fill_all(&self, c: &Captures<'_>) -> Option<String> {
        let all = self.groups().all(|g| c.name(g).is_some_and(|m| !m.as_str().is_empty()));
        if all { self.fill_some(c).or_else(|| Some(String::new())).filter(|s| !s.is_empty()) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{HashMap, HashSet};

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
        for (file, text) in super::super::BUILT_IN {
            let entries: File = toml::from_str(text).unwrap_or_else(|e| panic!("{file}: {e}"));
            for e in entries.signature {
                let mut say = |what: String| wrong.push(format!("{file}: {}: {what}", e.id));
                if !ids.insert(e.id.clone()) {
                    say("id used twice".into());
                }
                if !causes.contains(&e.cause) {
                    say(format!("{} is not in causes.toml", e.cause));
                }
                if e.source.is_empty() || e.examples.is_empty() {
                    say("needs a source and an example".into());
                }
                if !e.culprits.is_empty() && e.culprits.len() != e.examples.len() {
                    say("culprits do not go with the examples".into());
                }
                let (examples, culprits, counter) =
                    (e.examples.clone(), e.culprits.clone(), e.counter.clone());
                let id = e.id.clone();
                let mut say = |what: String| wrong.push(format!("{file}: {id}: {what}"));
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
                let opens = |t: &str| s.literals.iter().any(|l| t.contains(l.as_str()));
                for (i, x) in examples.iter().enumerate() {
                    let found = s.read(x).filter(|_| opens(x));
                    match found {
                        None => say(format!("does not match: {x}")),
                        Some(f) => {
                            let want = culprits.get(i).map(String::as_str);
                            if want.is_some_and(|w| w != f.culprit.as_deref().unwrap_or("")) {
                                say(format!("culprit {:?}, not {want:?}: {x}", f.culprit));
                            }
                        }
                    }
                }
                for x in counter.iter().filter(|x| opens(x) && s.matches(x)) {
                    say(format!("matches its counter-example: {x}"));
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn a_template_leaves_out_what_is_absent() {
        let r = Regex::new(r"to (?P<host>\w+)(?::(?P<port>\d+))?").unwrap();
        let t = Template::of("{host}:{port}");
        assert_eq!(t.fill_some(&r.captures("to db:5432").unwrap()).as_deref(), Some("db:5432"));
        assert_eq!(t.fill_some(&r.captures("to db").unwrap()).as_deref(), Some("db"));
        assert_eq!(t.fill_all(&r.captures("to db").unwrap()), None);
        assert_eq!(Template::of("{port}").fill_some(&r.captures("to db").unwrap()), None);
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
