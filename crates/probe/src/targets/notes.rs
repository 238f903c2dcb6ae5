//! What of a collection could not be followed, gathered so that each thing is said once.

use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Names that one sentence tells; who has more looks into the collection.
const NAMES_MAX: usize = 20;
/// Names that are remembered of one kind, so that a hostile file does not fill memory with them.
const REMEMBERED_MAX: usize = 1_000;
/// Characters of a kind of credentials that are shown.
const KIND_CHARS_MAX: usize = 40;
/// Bytes of a name that are shown.
const NAME_BYTES_MAX: usize = 80;

/// Gathers; at the end it becomes sentences.
#[derive(Default)]
pub(super) struct Notes {
    /// Scripts that are not run.
    pub scripts: usize,
    /// Requests or entries beyond [`super::SAMPLES_MAX`].
    pub too_many: usize,
    missing: BTreeSet<String>,
    files: BTreeSet<String>,
    tags: BTreeSet<String>,
    others: BTreeSet<String>,
}

impl Notes {
    /// A variable has no value.
    pub fn missing(&mut self, name: &str) {
        remember(&mut self.missing, name);
    }

    /// A file is named whose content is not at hand.
    pub fn file(&mut self, name: &str) {
        remember(&mut self.files, if name.is_empty() { "(no name)" } else { name });
    }

    /// Something that a tool evaluates is not evaluated.
    pub fn tag(&mut self, name: &str) {
        remember(&mut self.tags, name);
    }

    /// A request needs a token that has to be fetched first.
    pub fn no_token(&mut self) {
        self.say("Tokens of OAuth 2 are not fetched; requests that need one are sent without.".into());
    }

    /// A request needs credentials of a kind that is not made here.
    pub fn no_credentials(&mut self, kind: &str) {
        let kind: String = kind.chars().take(KIND_CHARS_MAX).collect();
        self.say(format!(
            "Credentials of the kind {kind} are not made; requests that need them are sent without."
        ));
    }

    /// A whole sentence.
    pub fn say(&mut self, sentence: String) {
        if self.others.len() < REMEMBERED_MAX {
            self.others.insert(sentence);
        }
    }

    /// The sentences.
    pub fn sentences(self) -> Vec<String> {
        let mut out = Vec::new();
        match self.scripts {
            0 => {}
            1 => out.push("One script is not run; what it would set is not set.".into()),
            n => out.push(format!("{n} scripts are not run; what they would set is not set.")),
        }
        let mut list = |before: &str, names: &BTreeSet<String>| {
            if !names.is_empty() {
                out.push(format!("{before}: {}.", listed(names)));
            }
        };
        list("Variables without a value stay as they are written", &self.missing);
        list("What is evaluated at sending is not evaluated and stays as it is written", &self.tags);
        list("Files are not read; nothing is sent in their place", &self.files);
        out.extend(self.others);
        if self.too_many > 0 {
            out.push(format!(
                "Only the first {} requests are taken; {} more are left out.",
                super::SAMPLES_MAX,
                self.too_many
            ));
        }
        out
    }
}

fn remember(names: &mut BTreeSet<String>, name: &str) {
    let mut end = name.len().min(NAME_BYTES_MAX);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    let name = name.get(..end).unwrap_or_default();
    // The same name comes by the thousand.
    if names.len() < REMEMBERED_MAX && !names.contains(name) {
        names.insert(name.to_owned());
    }
}

fn listed(names: &BTreeSet<String>) -> String {
    let mut out = String::new();
    for (i, name) in names.iter().take(NAMES_MAX).enumerate() {
        let _ = write!(out, "{}{name}", if i == 0 { "" } else { ", " });
    }
    if names.len() > NAMES_MAX {
        let _ = write!(out, " and {} more", names.len() - NAMES_MAX);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_thing_is_said_once_and_long_lists_are_cut() {
        let mut notes = Notes { scripts: 2, ..Notes::default() };
        for i in 0..30 {
            notes.missing(&format!("v{i:02}"));
            notes.missing("v00");
        }
        notes.file("");
        let said = notes.sentences();
        assert_eq!(said.len(), 3);
        assert_eq!(said[0], "2 scripts are not run; what they would set is not set.");
        assert!(
            said[1].starts_with("Variables without a value stay as they are written: v00, v01"),
            "{}",
            said[1]
        );
        assert!(said[1].ends_with("v19 and 10 more."), "{}", said[1]);
    }
}
