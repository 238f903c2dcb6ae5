//! Lists in pages: problems, the failures of one.
//!
//! Pages go by key, not by offset: the cursor holds the last row's place in the order, so that what comes in between neither
//! repeats nor hides a row, and the thousandth page costs what the first does.

use super::search::{Within, listed};
use super::{FailureRow, Page, ProblemRow, Query, Reader, Sort};
use crate::error::{Error, Result};
use crate::limits::PAGE_ROWS_MAX;
use crate::names::{Kind, find};
use crate::problems::{find_problem, hex, id};
use crate::state::State;
use record::Time;
use rusqlite::types::Value;
use rusqlite::{Row, params, params_from_iter};

/// Rows a page, where nothing else is asked for.
const PAGE_ROWS: usize = 50;

/// Columns of a [`ProblemRow`], of problems `p`.
pub(crate) const COLUMNS: &str = "p.project, p.hex, p.title, p.class, p.cause, p.culprit, p.trigger, p.confidence, \
    p.explained, p.count, p.first_seen, p.last_seen, p.state, p.state_at, p.muted_until, p.muted_count, \
    p.resolved_release, p.assigned, (SELECT s.hex FROM problems s WHERE s.id = p.superseded_by), p.id, p.harm";

/// Reads [`COLUMNS`].
pub(crate) fn problem_row(row: &Row) -> rusqlite::Result<ProblemRow> {
    let state = State::of(row.get(12)?);
    Ok(ProblemRow {
        project: row.get(0)?,
        id: id(row.get(1)?),
        title: row.get(2)?,
        class: row.get(3)?,
        cause: row.get(4)?,
        culprit: row.get(5)?,
        trigger: row.get(6)?,
        confidence: row.get(7)?,
        explained: Time(row.get(8)?),
        count: count(row.get(9)?),
        first_seen: Time(row.get(10)?),
        last_seen: Time(row.get(11)?),
        state,
        state_at: Time(row.get(13)?),
        muted_until: row.get::<_, Option<i64>>(14)?.map(Time),
        muted_count: row.get::<_, Option<i64>>(15)?.map(count),
        // Kept while it is back again, to tell why; shown while it holds.
        resolved_release: row.get::<_, Option<String>>(16)?.filter(|_| state == State::Resolved),
        assigned: row.get(17)?,
        superseded_by: row.get::<_, Option<i64>>(18)?.map(id),
    })
}

/// A count as kept is never negative.
pub(crate) fn count(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}

impl Sort {
    pub(super) fn column(self) -> &'static str {
        match self {
            Sort::LastSeen => "p.last_seen",
            Sort::FirstSeen => "p.first_seen",
            Sort::Count => "p.count",
            Sort::Harm => "p.harm",
        }
    }

    fn letter(self) -> char {
        match self {
            Sort::LastSeen => 'l',
            Sort::FirstSeen => 'f',
            Sort::Count => 'c',
            Sort::Harm => 'h',
        }
    }
}

/// A text being put together with the values that it asks for.
#[derive(Clone, Debug, Default)]
pub(super) struct Sql {
    pub text: String,
    pub values: Vec<Value>,
}

impl Sql {
    /// Adds a condition, in which `?` stands for the value.
    pub fn and(&mut self, condition: &str, value: impl Into<Value>) {
        self.values.push(value.into());
        let place = format!("?{}", self.values.len());
        self.text.push_str(" AND ");
        self.text.push_str(&condition.replace('?', &place));
    }
}

impl Reader {
    /// The problems of a project that a query asks for, a page of them.
    pub fn problems(&self, project: i64, query: &Query) -> Result<Page<ProblemRow>> {
        let limit = rows_of(query.limit);
        let mut sql = Sql::default();
        sql.and("p.project = ?", project);
        let column = query.sort.column();
        if let Some(cursor) = &query.cursor {
            let (value, row) = after(cursor, query.sort.letter())?;
            let value = match query.sort {
                Sort::Harm => Value::Real(f64::from_bits(value.cast_unsigned())),
                _ => Value::Integer(value),
            };
            sql.values.extend([value, Value::Integer(row)]);
            let (value, row) = (sql.values.len() - 1, sql.values.len());
            sql.text.push_str(&format!(" AND ({column}, p.id) < (?{value}, ?{row})"));
        }
        let words = self.words(project, query)?;
        let within = self.within(&words, query.sort, &sql)?;
        let narrowed = |by: &dyn Fn(&mut Sql)| {
            let mut all = sql.clone();
            by(&mut all);
            self.narrow(&mut all, project, query)?;
            words.narrow(&mut all);
            Ok(all)
        };
        let mut rows = match within {
            Within::All => self.sorted(query.sort, limit, "", narrowed(&|_| {})?)?,
            Within::These(numbers) => {
                let by = |all: &mut Sql| all.text.push_str(&format!(" AND p.id IN ({})", listed(&numbers)));
                // By their numbers, not in the order of an index that holds all others too.
                self.sorted(query.sort, limit, "NOT INDEXED", narrowed(&by)?)?
            }
            Within::From(value) => {
                let by = |all: &mut Sql| all.and(&format!("{column} > ?"), value.clone());
                let first = self.sorted(query.sort, limit, "", narrowed(&by)?)?;
                if first.len() > limit {
                    first
                } else {
                    self.sorted(query.sort, limit, "", narrowed(&|all| words.narrow_by_index(all))?)?
                }
            }
        };
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next =
            rows.last().filter(|_| more).map(|(_, value, row)| cursor(query.sort.letter(), *value, *row));
        Ok(Page { rows: rows.into_iter().map(|(row, ..)| row).collect(), next })
    }

    /// The first rows that meet conditions, one more than a page has; each with its place in the order.
    fn sorted(
        &self,
        sort: Sort,
        limit: usize,
        indexed: &str,
        conditions: Sql,
    ) -> Result<Vec<(ProblemRow, i64, i64)>> {
        let column = sort.column();
        let text = format!(
            "SELECT {COLUMNS} FROM problems p {indexed} WHERE 1{} ORDER BY {column} DESC, p.id DESC LIMIT {}",
            conditions.text,
            limit + 1
        );
        self.rows(&text, params_from_iter(conditions.values), |row| {
            let value = match sort {
                Sort::LastSeen => row.get(11)?,
                Sort::FirstSeen => row.get(10)?,
                Sort::Count => row.get(9)?,
                Sort::Harm => row.get::<_, f64>(20)?.to_bits().cast_signed(),
            };
            Ok((problem_row(row)?, value, row.get(19)?))
        })
    }

    fn narrow(&self, sql: &mut Sql, project: i64, query: &Query) -> Result<()> {
        match query.states.as_slice() {
            [] => sql.and("p.state < ?", State::Superseded.code()),
            [state] => sql.and("p.state = ?", state.code()),
            states => {
                // Numbers of our own, so they stand in the text; a condition of the states there are says nothing to bind.
                let codes: Vec<String> = states.iter().map(|s| s.code().to_string()).collect();
                sql.text.push_str(&format!(" AND p.state IN ({})", codes.join(", ")));
            }
        }
        if let Some(class) = &query.class {
            sql.and("p.class = ?", class.clone());
        }
        if let Some(since) = query.since {
            sql.and("p.last_seen >= ?", since.0);
        }
        if let Some(until) = query.until {
            sql.and("p.first_seen <= ?", until.0);
        }
        if let Some(status) = query.status {
            sql.and(&shows("s.status = ?"), i64::from(status));
        }
        for (kind, column, name) in [
            (Kind::Route, "route", &query.route),
            (Kind::Service, "service", &query.service),
            (Kind::Release, "release", &query.release),
            (Kind::Environment, "environment", &query.environment),
        ] {
            if let Some(name) = name {
                // A name that nothing has is the number of none.
                let number = find(&self.db, project, kind, name)?.unwrap_or(-1);
                sql.and(&shows(&format!("s.{column} = ?")), number);
            }
        }
        Ok(())
    }

    /// The failures of a problem, latest first, a page of them.
    pub fn failures(
        &self,
        project: i64,
        problem: &str,
        cursor_before: Option<&str>,
        limit: usize,
    ) -> Result<Page<FailureRow>> {
        let limit = rows_of(limit);
        let number = find_problem(&self.db, project, hex(problem)?)?
            .ok_or_else(|| Error::Missing(format!("problem {problem}")))?;
        let (at, id) = cursor_before.map_or(Ok((i64::MAX, i64::MAX)), |c| after(c, 't'))?;
        let mut rows = self.rows(
            "SELECT f.id, f.at, s.status, f.target,
             (SELECT name FROM names WHERE id = s.method), (SELECT name FROM names WHERE id = s.route),
             (SELECT name FROM names WHERE id = s.service), (SELECT name FROM names WHERE id = s.release),
             (SELECT name FROM names WHERE id = s.environment),
             EXISTS (SELECT 1 FROM examples e WHERE e.failure = f.id AND e.problem = f.problem)
             FROM failures f JOIN shapes s ON s.id = f.shape
             WHERE f.problem = ?1 AND (f.at, f.id) < (?2, ?3) ORDER BY f.at DESC, f.id DESC LIMIT ?4",
            params![number, at, id, limit as i64 + 1],
            failure_row,
        )?;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(|f| cursor('t', f.at.0, f.id.cast_signed()));
        Ok(Page { rows, next })
    }
}

/// The problem has failures of a shape that is so.
pub(super) fn shows(condition: &str) -> String {
    format!(
        "EXISTS (SELECT 1 FROM totals t JOIN shapes s ON s.id = t.shape WHERE t.problem = p.id AND {condition})"
    )
}

fn failure_row(row: &Row) -> rusqlite::Result<FailureRow> {
    let route: String = row.get::<_, Option<String>>(5)?.unwrap_or_default();
    Ok(FailureRow {
        id: row.get::<_, i64>(0)?.cast_unsigned(),
        at: Time(row.get(1)?),
        status: row.get(2)?,
        method: row.get::<_, Option<String>>(4)?.unwrap_or_default(),
        target: row.get::<_, Option<String>>(3)?.unwrap_or_else(|| route.clone()),
        route,
        service: row.get(6)?,
        release: row.get(7)?,
        environment: row.get(8)?,
        example: row.get(9)?,
    })
}

fn rows_of(limit: usize) -> usize {
    if limit == 0 { PAGE_ROWS } else { limit.min(PAGE_ROWS_MAX) }
}

/// The place behind which the next page begins.
fn cursor(letter: char, value: i64, row: i64) -> String {
    format!("{letter}{:x}-{:x}", value.cast_unsigned(), row.cast_unsigned())
}

fn after(cursor: &str, letter: char) -> Result<(i64, i64)> {
    let number = |text: &str| u64::from_str_radix(text, 16).ok().map(u64::cast_signed);
    let rest = cursor.strip_prefix(letter).and_then(|rest| rest.split_once('-'));
    rest.and_then(|(value, row)| Some((number(value)?, number(row)?))).ok_or(Error::Cursor)
}
