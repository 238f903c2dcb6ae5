//! Assembles lines to records.

/// Takes what a [`Reader`] finds.
pub trait Sink {}

/// Reads one source.
pub struct Reader {}
