//! Wrappers around lines of something else.

use crate::Wrapper;

/// The wrappers, in the order in which they are tried.
pub static WRAPPERS: &[&dyn Wrapper] = &[];
