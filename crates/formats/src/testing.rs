//! What the tests of several rooms ask of a reading.

use crate::{Context, Entry, LineFormat};
use record::{Exception, Time};

/// The line as that format reads it, in November 2026 where the line states no year.
pub(crate) fn of(format: &dyn LineFormat, line: &'static str) -> Entry<'static> {
    let context = Context { reference: Time::from_secs(1_795_507_200), ..Context::default() };
    format.read(line, &context).unwrap_or_else(|| panic!("{line}"))
}

/// The field of that name; empty without one.
pub(crate) fn field<'a>(entry: &'a Entry<'_>, name: &str) -> &'a str {
    entry.fields.iter().find(|(k, _)| k == name).map_or("", |(_, v)| v.as_ref())
}

/// The kinds of a chain of exceptions, in its order.
pub(crate) fn kinds(chain: &[Exception]) -> Vec<&str> {
    chain.iter().map(|e| e.kind.as_str()).collect()
}
