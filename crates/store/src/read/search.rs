//! The words of a search: what each of them asks of a problem, and how the few problems that have it are found among many.
//!
//! A word may be a part of a word, and is looked for as LIKE does. Looking so through a hundred thousand problems takes a second, so
//! two things come before it. The table `searched` knows in which problems three letters follow each other, and the index of `totals`
//! which problems show on a route: a problem that is in neither list has not the word. Where the list is long the word is frequent,
//! and then the page is mostly full after the first problems of the order that is asked for.

use super::list::{Sql, shows};
use super::{Query, Reader, Sort};
use crate::error::Result;
use rusqlite::{params, params_from_iter};

/// Words of a search beyond which the rest is left out: each is a condition on every problem that is looked at.
const WORDS_MAX: usize = 8;

/// Letters that the index knows of at once (SQLite's `trigram`).
const GRAM: usize = 3;

/// Groups of three letters that are looked up of one word. A word's beginning finds as few, and SQL stays short.
const GRAMS_MAX: usize = 32;

/// Problems that are gone through one by one, at some microseconds each, as they have a word.
const FEW: usize = 1_000;

/// Problems at the beginning of the order among which a page is looked for first, where a word is in more than [`FEW`].
const FIRST: usize = 2_000;

/// A word of a search.
#[derive(Debug)]
struct Word {
    /// Of LIKE.
    pattern: String,
    /// It may be a part of a problem's id.
    of_id: bool,
    /// Routes that have it.
    routes: Vec<i64>,
    /// Its groups of three letters, for MATCH; `None` where it is too short for one.
    grams: Option<String>,
}

/// The words that a query asks for.
#[derive(Debug, Default)]
pub(super) struct Words(Vec<Word>);

/// Where a page is looked for.
#[derive(Debug)]
pub(super) enum Within {
    /// In all problems.
    All,
    /// In those that have a word: these, by number.
    These(Vec<i64>),
    /// First in those from this value of the order on, which are many enough to hold a page; then in all that may have the words.
    From(rusqlite::types::Value),
}

impl Reader {
    /// The words of a query, with the routes that have them: routes are few, and so looked through once, not for each problem.
    pub(super) fn words(&self, project: i64, query: &Query) -> Result<Words> {
        let words = query.text.split_whitespace().take(WORDS_MAX).map(|word| {
            let pattern = format!("%{}%", word.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"));
            let routes = self.rows(
                "SELECT id FROM names WHERE project = ?1 AND kind = 2 AND name LIKE ?2 ESCAPE '\\'",
                params![project, pattern],
                |row| row.get::<_, i64>(0),
            )?;
            let of_id = word.len() <= 16 && word.bytes().all(|b| b.is_ascii_hexdigit());
            Ok(Word { pattern, of_id, routes, grams: grams(word) })
        });
        words.collect::<Result<_>>().map(Words)
    }

    /// Where a page of problems with these words is best looked for. `conditions`: of the page, without the words.
    pub(super) fn within(&self, words: &Words, sort: Sort, conditions: &Sql) -> Result<Within> {
        let mut fewest: Option<Vec<i64>> = None;
        for numbers in words.0.iter().filter_map(Word::numbers) {
            let text = format!("{} LIMIT {}", numbers.text, FEW + 1);
            let found = self.rows(&text, params_from_iter(&numbers.values), |row| row.get(0))?;
            if found.len() <= FEW && fewest.as_ref().is_none_or(|f| found.len() < f.len()) {
                fewest = Some(found);
            }
        }
        if let Some(these) = fewest {
            return Ok(Within::These(these));
        }
        if words.0.iter().all(|w| w.grams.is_none()) {
            return Ok(Within::All);
        }
        let column = sort.column();
        let place = format!(
            "SELECT {column} FROM problems p WHERE 1{} ORDER BY {column} DESC LIMIT 1 OFFSET {FIRST}",
            conditions.text
        );
        let from = self.rows(&place, params_from_iter(&conditions.values), |row| row.get(0))?.pop();
        Ok(from.map_or(Within::All, Within::From))
    }
}

impl Words {
    /// Each word is in the title, in class and cause, in the culprit, in the id or on a route.
    pub(super) fn narrow(&self, sql: &mut Sql) {
        for word in &self.0 {
            let mut places = ["p.title", "p.class || '/' || p.cause", "p.culprit"]
                .map(|p| format!("{p} LIKE ? ESCAPE '\\'"))
                .to_vec();
            if word.of_id {
                places.push("printf('%016x', p.hex) LIKE ? ESCAPE '\\'".to_owned());
            }
            if !word.routes.is_empty() {
                places.push(shows(&format!("s.route IN ({})", listed(&word.routes))));
            }
            sql.and(&format!("({})", places.join(" OR ")), word.pattern.clone());
        }
    }

    /// Each word that the index can know of may be in the problem.
    pub(super) fn narrow_by_index(&self, sql: &mut Sql) {
        for word in &self.0 {
            if let (Some(grams), Some(numbers)) = (&word.grams, word.numbers()) {
                // With a sign the number is no key to go by: what goes on in the order is looked at, not brought into it.
                sql.and(&format!("+p.id IN ({})", numbers.text.replace("?1", "?")), grams.clone());
            }
        }
    }
}

impl Word {
    /// Asks for the numbers of all problems that may have it, and some others.
    fn numbers(&self) -> Option<Sql> {
        let grams = self.grams.as_ref()?;
        let mut text = "SELECT rowid FROM searched WHERE searched MATCH ?1".to_owned();
        if !self.routes.is_empty() {
            text.push_str(&format!(
                " UNION ALL SELECT problem FROM totals WHERE shape IN (SELECT id FROM shapes WHERE route IN ({}))",
                listed(&self.routes)
            ));
        }
        Some(Sql { text, values: vec![grams.clone().into()] })
    }
}

/// Numbers of our own, so they stand in the text.
pub(crate) fn listed(numbers: &[i64]) -> String {
    numbers.iter().map(i64::to_string).collect::<Vec<_>>().join(", ")
}

/// What FTS5 is asked for: a problem that has the word has all of its groups of three letters
/// (<https://www.sqlite.org/fts5.html#full_text_query_syntax>). `None`: it is too short, or has a NUL, at which FTS5 stops reading.
fn grams(word: &str) -> Option<String> {
    let letters: Vec<char> = word.chars().collect();
    if letters.contains(&'\0') {
        return None;
    }
    let quoted = letters.windows(GRAM).take(GRAMS_MAX).map(|gram| {
        let gram: String = gram.iter().collect();
        format!("\"{}\"", gram.replace('"', "\"\""))
    });
    Some(quoted.collect::<Vec<_>>().join(" AND ")).filter(|all| !all.is_empty())
}
