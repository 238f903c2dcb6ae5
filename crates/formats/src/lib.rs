//! Logs to records: one file per format, listed in one table.
//!
//! Knows no files and no clock: lines in, records out. A line that no format knows is counted and kept, never dropped.

mod access;
mod entry;
mod glance;
mod json;
pub mod layout;
pub mod marks;
pub mod mention;
mod needle;
mod reader;
mod system;
#[cfg(test)]
mod testing;
mod text;
pub mod time;
pub mod trace;
mod wrap;

pub use entry::{Context, Entry, LineFormat, RequestRef, Wrapped, Wrapper};
pub use glance::{Clock, Glance, Glanced, Scanned, Tally, scan};
pub use json::{Elements, explains};
pub use reader::{Counts, Healthy, Reader, Sink, strip_ansi};

pub use wrap::members::{Members, Value, unescape};

/// The table of formats, in the order in which they are tried on a line of an unknown file: the narrow before the wide.
pub fn table() -> impl Iterator<Item = &'static dyn LineFormat> {
    system::JSON_FORMATS
        .iter()
        .chain(text::PAIR_FORMATS)
        .chain(json::FORMATS)
        .chain(access::FORMATS)
        .chain(system::FORMATS)
        .chain(text::FORMATS)
        .copied()
}

/// The table of wrappers.
pub fn wrappers() -> impl Iterator<Item = &'static dyn Wrapper> {
    wrap::WRAPPERS.iter().copied()
}
