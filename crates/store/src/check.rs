//! Is what is kept whole, and does it agree with itself?

use crate::error::{Doing, Result};
use crate::journal::Journal;
use crate::store::Store;
use std::path::Path;

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// What was looked at, as whole sentences.
    pub seen: Vec<String>,
    /// What is wrong; empty when nothing is.
    pub wrong: Vec<String>,
}

/// Findings of one kind beyond which the rest is only counted.
const NAMED: usize = 20;

/// Each holds a count against what it counts: it yields a row of words for each that disagrees.
const COUNTS: [(&str, &str); 6] = [
    (
        "problems' counts are those of their failures",
        "SELECT printf('problem %016x counts %d failures, and has %d rows and %d forgotten', p.hex, p.count,
           (SELECT count(*) FROM failures f WHERE f.problem = p.id), p.forgotten) FROM problems p
         WHERE p.count != p.forgotten + (SELECT count(*) FROM failures f WHERE f.problem = p.id)",
    ),
    (
        "counts by route and status add up",
        "SELECT printf('problem %016x counts %d failures, by route and status %d', p.hex, p.count,
           (SELECT COALESCE(sum(n), 0) FROM totals t WHERE t.problem = p.id)) FROM problems p
         WHERE p.count != (SELECT COALESCE(sum(n), 0) FROM totals t WHERE t.problem = p.id)",
    ),
    (
        "counts by minute hold the failures of each",
        "SELECT printf('problem %016x has more failures at minute %d than are counted there', p.hex, m.minute)
         FROM problems p JOIN (SELECT problem, at / 60000000 AS minute, count(*) AS n FROM failures
           WHERE at / 60000000 >= (SELECT COALESCE(max(value), 0) FROM meta WHERE name = 'hourly_before') GROUP BY 1, 2) m
         ON m.problem = p.id
         WHERE m.n > (SELECT COALESCE(sum(c.n), 0) FROM counts c WHERE c.problem = p.id AND c.minute = m.minute)",
    ),
    (
        "counts of projects are those of their problems",
        "SELECT printf('project %d counts %d failures over time, its problems %d', a.project, a.n, COALESCE(b.n, 0)) FROM
           (SELECT project, sum(n) AS n FROM failed GROUP BY project) a LEFT JOIN
           (SELECT p.project, sum(c.n) AS n FROM counts c JOIN problems p ON p.id = c.problem GROUP BY p.project) b
         ON a.project = b.project WHERE a.n != COALESCE(b.n, 0)",
    ),
    (
        "examples belong to failures",
        "SELECT printf('example of failure %016x belongs to no failure', e.failure) FROM examples e
         WHERE NOT EXISTS (SELECT 1 FROM failures f WHERE f.problem = e.problem AND f.at = e.at AND f.id = e.failure)",
    ),
    (
        "problems can be searched",
        // The table in which FTS5 keeps how long each text was has a row for each (https://www.sqlite.org/fts5.html#fts5_data_structures).
        "SELECT printf('%d problems are kept, %d can be searched', p.n, s.n) FROM
           (SELECT count(*) AS n FROM problems) p, (SELECT count(*) AS n FROM searched_docsize) s WHERE p.n != s.n",
    ),
];

impl Store {
    /// Checks a folder that no process has open: the database's pages, its counts, the journal.
    pub fn check_folder(folder: &Path) -> Result<Findings> {
        let store = Store::open(folder)?;
        let mut findings = store.check()?;
        let (journal, entries) = Journal::open(folder)?;
        findings.seen.push(format!(
            "the journal has {} batches, up to position {}",
            entries.len(),
            journal.next()
        ));
        findings.wrong.extend(journal.troubles().iter().cloned());
        if journal.next() < store.digested()? {
            findings.wrong.push(format!(
                "the journal goes on at {}, but all before {} is digested: files of it are missing",
                journal.next(),
                store.digested()?
            ));
        }
        Ok(findings)
    }

    /// Checks the database: its pages and its counts.
    pub fn check(&self) -> Result<Findings> {
        let mut findings = Findings::default();
        let pages = self.words("PRAGMA integrity_check(20)")?;
        findings.seen.push("the database's pages are whole and its indexes agree".to_owned());
        findings.wrong.extend(pages.into_iter().filter(|words| words != "ok"));
        for (what, sql) in COUNTS {
            let words = self.words(sql)?;
            findings.seen.push(what.to_owned());
            let more = words.len().saturating_sub(NAMED);
            findings.wrong.extend(words.into_iter().take(NAMED));
            if more > 0 {
                findings.wrong.push(format!("{more} more of these"));
            }
        }
        Ok(findings)
    }

    fn words(&self, sql: &str) -> Result<Vec<String>> {
        let doing = "checking";
        let mut statement = self.db.prepare(sql).doing(doing)?;
        statement.query_map([], |row| row.get(0)).doing(doing)?.collect::<rusqlite::Result<_>>().doing(doing)
    }
}
