//! Access logs: the ledger of requests.

use crate::LineFormat;

/// The formats of this room, in the order in which they are tried.
pub static FORMATS: &[&dyn LineFormat] = &[];
