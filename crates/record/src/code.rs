//! The code behind a problem, as it is shown and as the API tells it.

use crate::Code;
use serde::{Deserialize, Serialize};

/// Source lines, the commit that probably did it, what the release brought.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeView {
    /// Frames of the service's own code with their lines, the innermost first.
    pub frames: Vec<CodeFrame>,
    /// Whose change it probably was.
    pub suspect: Option<Suspect>,
    /// What the release brought, the newest first.
    pub brought: Vec<ToldCommit>,
    /// The release that this is about.
    pub release: Option<String>,
    /// What could not be told, and why.
    pub unmapped: Vec<String>,
}

/// A frame with its source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeFrame {
    /// As the stack names it.
    pub file: String,
    /// Line.
    pub line: Option<u32>,
    /// Function.
    pub function: String,
    /// Path in the repository.
    pub path: Option<String>,
    /// The commit whose file is shown.
    pub commit: Option<String>,
    /// Lines before, the nearest last.
    pub before: Vec<String>,
    /// The line itself; empty where no source is known.
    pub line_text: String,
    /// Lines after, the nearest first.
    pub after: Vec<String>,
}

/// A commit as a person reads of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToldCommit {
    /// Its number.
    pub commit: String,
    /// Who wrote it: the name alone.
    pub author: String,
    /// When, RFC 3339; empty if unknown.
    pub at: String,
    /// The first line of its message.
    pub subject: String,
}

/// The commit that probably did it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspect {
    /// The commit.
    #[serde(flatten)]
    pub told: ToldCommit,
    /// The file that it changed.
    pub path: String,
    /// The line there.
    pub line: u32,
    /// Why it is suspected, in a sentence.
    pub why: String,
}

impl CodeView {
    /// Every text of it that others wrote, to be changed: source lines, names, subjects.
    pub fn texts_mut(&mut self) -> impl Iterator<Item = &mut String> {
        let lines = self
            .frames
            .iter_mut()
            .flat_map(|f| f.before.iter_mut().chain([&mut f.line_text]).chain(&mut f.after));
        let told = self.brought.iter_mut().chain(self.suspect.as_mut().map(|s| &mut s.told));
        lines.chain(told.flat_map(|t| [&mut t.author, &mut t.subject]))
    }

    /// Is there anything to show?
    pub fn tells(&self) -> bool {
        self.suspect.is_some()
            || !self.brought.is_empty()
            || self.frames.iter().any(|f| !f.line_text.is_empty())
    }
}

impl CodeFrame {
    /// Takes over the lines.
    pub fn set_code(&mut self, code: &Code) {
        self.before = code.before().map(str::to_owned).collect();
        code.line().clone_into(&mut self.line_text);
        self.after = code.after().map(str::to_owned).collect();
    }
}

impl ToldCommit {
    /// Its number as git shows it in short.
    pub fn short(&self) -> &str {
        self.commit.get(..7).unwrap_or(&self.commit)
    }
}
