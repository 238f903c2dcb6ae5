//! A word that is looked for in many texts. Building a searcher costs more than searching a line with it, so it is built once.

use memchr::memmem::Finder;
use record::literals::Literals;
use std::sync::OnceLock;

pub(crate) struct Needle {
    word: &'static str,
    finder: OnceLock<Finder<'static>>,
}

impl Needle {
    pub const fn new(word: &'static str) -> Needle {
        Needle { word, finder: OnceLock::new() }
    }

    /// Where it first stands.
    pub fn find(&self, text: &str) -> Option<usize> {
        self.finder.get_or_init(|| Finder::new(self.word)).find(text.as_bytes())
    }

    pub fn is_in(&self, text: &str) -> bool {
        self.find(text).is_some()
    }
}

/// Does one of them stand in the text?
pub(crate) fn any(needles: &[Needle], text: &str) -> bool {
    needles.iter().any(|n| n.is_in(text))
}

/// Many words that are looked for in short texts, in one pass.
pub(crate) struct Needles<const N: usize> {
    words: [&'static str; N],
    literals: OnceLock<Literals>,
}

impl<const N: usize> Needles<N> {
    pub const fn new(words: [&'static str; N]) -> Needles<N> {
        Needles { words, literals: OnceLock::new() }
    }

    pub fn word(&self, index: usize) -> &'static str {
        self.words.get(index).copied().unwrap_or("")
    }

    fn literals(&self) -> &Literals {
        self.literals.get_or_init(|| Literals::of(self.words.iter().copied(), false))
    }

    /// By word: where it first stands in the text.
    pub fn firsts(&self, text: &str) -> [Option<usize>; N] {
        let mut firsts = [None; N];
        self.literals().each(text, |p| {
            if let Some(first) = firsts.get_mut(p.word)
                && first.is_none_or(|f| p.start < f)
            {
                *first = Some(p.start);
            }
        });
        firsts
    }

    /// The first of the words, in their own order, that stands in the text.
    pub fn first_in(&self, text: &str) -> Option<&'static str> {
        let mut first = N;
        self.literals().each(text, |p| first = first.min(p.word));
        self.words.get(first).copied()
    }

    pub fn is_any_in(&self, text: &str) -> bool {
        self.first_in(text).is_some()
    }
}
