//! The layout of the database, and how an older one is brought forward.
//!
//! Each version is one SQL text that takes the version before it as it is. A text that was released is never changed.

use crate::error::{Doing, Error, Result};
use rusqlite::Connection;
use std::path::Path;

/// One text per version, the first being version 1. SQLite's `user_version` holds how many were applied.
pub(crate) const MIGRATIONS: [&str; 7] = [
    include_str!("schema/1-observed.sql"),
    include_str!("schema/2-access.sql"),
    include_str!("schema/3-webhooks.sql"),
    include_str!("schema/4-alerts.sql"),
    include_str!("schema/5-code.sql"),
    include_str!("schema/6-search.sql"),
    include_str!("schema/7-durations.sql"),
];

/// The layout that this program writes.
pub(crate) const VERSION: i64 = MIGRATIONS.len() as i64;

/// The layout of a database; 0 is an empty one.
pub(crate) fn version(db: &Connection) -> Result<i64> {
    db.query_row("PRAGMA user_version", [], |row| row.get(0)).doing("reading its layout")
}

/// Refuses a database that a later program wrote.
pub(crate) fn known(db: &Connection, file: &Path) -> Result<i64> {
    let found = version(db)?;
    if found > VERSION {
        return Err(Error::TooNew { file: file.to_owned(), found, known: VERSION });
    }
    Ok(found)
}

/// Brings a database forward, all versions in one transaction: it is of the old layout or of the new one.
pub(crate) fn migrate(db: &mut Connection, file: &Path) -> Result<()> {
    let found = known(db, file)?;
    if found == VERSION {
        return Ok(());
    }
    let doing = "bringing it to the new layout";
    let step = db.transaction().doing(doing)?;
    for text in MIGRATIONS.iter().skip(usize::try_from(found).unwrap_or(0)) {
        step.execute_batch(text).doing(doing)?;
    }
    step.pragma_update(None, "user_version", VERSION).doing(doing)?;
    step.commit().doing(doing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commit::{Commit, FailureChange, ProblemChange};
    use crate::store::{DATABASE, Store};
    use record::Time;

    /// A folder with a database of an earlier layout, as that program left it. Layout 1 on knows problems.
    fn earlier(layout: i64) -> std::path::PathBuf {
        let folder = std::env::temp_dir().join(format!("why500-layout-{}-{layout}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let db = Connection::open(folder.join(DATABASE)).unwrap();
        db.pragma_update(None, "auto_vacuum", "INCREMENTAL").unwrap();
        db.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())).unwrap();
        for text in &MIGRATIONS[..usize::try_from(layout).unwrap()] {
            db.execute_batch(text).unwrap();
        }
        db.pragma_update(None, "user_version", layout).unwrap();
        if layout >= 1 {
            db.execute_batch(
                "INSERT INTO names VALUES (1, 1, 2, '/cart/{id}');
                 INSERT INTO shapes VALUES (1, 1, 500, 0, 1, 0, 0, 0);
                 INSERT INTO problems (id, project, hex, title, class, cause, confidence, explained, count, first_seen,
                   last_seen, harm, state_at) VALUES (1, 1, 7, 'null', 'code', 'null', 0.5, 5, 1, 5, 5, 0, 5);
                 INSERT INTO documents VALUES (1, '{}');
                 INSERT INTO failures VALUES (1, 5, 42, 1, '/cart/1');
                 INSERT INTO ids_0 VALUES (42, 1, 5);
                 INSERT INTO totals VALUES (1, 1, 1);
                 INSERT INTO counts VALUES (1, 0, 1, 1);
                 INSERT INTO failed VALUES (1, 0, 1, 1);
                 INSERT INTO meta VALUES ('digested', 3);",
            )
            .unwrap();
        }
        folder
    }

    #[test]
    fn databases_of_every_earlier_layout_open_and_go_on() {
        for layout in 0..=VERSION {
            let folder = earlier(layout);
            let mut store = Store::open(&folder).unwrap();
            assert_eq!(version(&store.db).unwrap(), VERSION);
            assert_eq!(store.digested().unwrap(), if layout >= 1 { 3 } else { 0 });
            let found = |store: &Store, text: &str| {
                let query = crate::Query { text: text.to_owned(), ..crate::Query::default() };
                store.reader().unwrap().problems(1, &query).unwrap().rows.len()
            };
            // What an earlier layout kept is found by its words, its id and its routes.
            assert_eq!(found(&store, "ode/nul 0000007 art/{id"), usize::from(layout >= 1), "layout {layout}");
            let id = "0000000000000007".to_owned();
            let title = "another title".to_owned();
            let problem = ProblemChange { project: 1, id: id.clone(), title, ..ProblemChange::default() };
            let failure =
                |n| FailureChange { project: 1, id: n, problem: id.clone(), ..FailureChange::default() };
            let (problems, failures) = (vec![problem], vec![failure(42), failure(43)]);
            let commit = Commit { digested: 4, at: Time(9), problems, failures, ..Commit::default() };
            store.commit(&commit).unwrap();
            store.add_project(Time(9), "shop").unwrap();
            let problem = store.reader().unwrap().problem(1, &id).unwrap().unwrap();
            assert_eq!(problem.row.count, 2, "layout {layout}");
            assert_eq!(found(&store, "other title"), 1, "layout {layout}");
            assert_eq!(found(&store, "ode/nul"), 0, "layout {layout}");
            assert_eq!(store.check().unwrap().wrong, Vec::<String>::new(), "layout {layout}");
            drop(store);
            std::fs::remove_dir_all(folder).unwrap();
        }
    }
}
