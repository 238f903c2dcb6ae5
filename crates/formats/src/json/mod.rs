//! Structured lines: JSON in any key naming, logfmt.

mod array;
mod balance;
mod error;
mod explains;
mod facts;
mod keys;
mod logfmt;
mod object;

pub use array::Elements;
pub use balance::{balanced, is_deep, opens};
pub use explains::explains;

use crate::LineFormat;

/// The formats of this room, in the order in which they are tried.
pub static FORMATS: &[&dyn LineFormat] = &[&object::JsonObject, &logfmt::Logfmt];
