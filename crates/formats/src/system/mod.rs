//! What databases, caches, the kernel, init systems and deploy tools write.

use crate::LineFormat;

/// The formats of this room, in the order in which they are tried.
pub static FORMATS: &[&dyn LineFormat] = &[];
