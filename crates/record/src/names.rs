//! Names of formats are few and last as long as the program: one that is read back is the same text again.

use serde::{Deserialize, Deserializer};
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

/// A name that lasts as long as the program.
pub type Name = &'static str;

/// Different names; there are some ninety formats and wires. More are not the program's own: they are kept under one name.
const NAMES_MAX: usize = 1_024;

static KNOWN: Mutex<Option<HashSet<&'static str>>> = Mutex::new(None);

/// The name for as long as the program lives.
fn name(text: &str) -> &'static str {
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let known = known.get_or_insert_with(HashSet::new);
    match known.get(text) {
        Some(name) => name,
        None if known.len() >= NAMES_MAX => "other",
        None => {
            let name: &'static str = Box::leak(text.into());
            known.insert(name);
            name
        }
    }
}

pub(crate) fn kept<'de, D: Deserializer<'de>>(from: D) -> Result<&'static str, D::Error> {
    Ok(name(&std::borrow::Cow::<str>::deserialize(from)?))
}
