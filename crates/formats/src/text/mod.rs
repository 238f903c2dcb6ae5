//! Error logs of web servers and logs of applications, as text.

use crate::LineFormat;

/// The formats of this room, in the order in which they are tried.
pub static FORMATS: &[&dyn LineFormat] = &[];
