//! The captures beside this file, for the tests of more than one crate.

use std::path::{Path, PathBuf};

/// Captures by whose name this is called are all that is looked at: `ONLY=sentry cargo test -p wires`.
pub fn captures() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/wire");
    let only = std::env::var("ONLY").unwrap_or_default();
    let mut list: Vec<_> = std::fs::read_dir(root)
        .unwrap()
        .flatten()
        .map(|e| e.path())
        .filter(|p| p.join("expect.toml").is_file())
        .filter(|p| p.file_name().unwrap().to_string_lossy().contains(&only))
        .collect();
    list.sort();
    list
}

/// A file of a capture: `meta.toml` tells what was sent when and answered how, `expect.toml` what is true.
pub fn table(path: &Path) -> toml::Table {
    std::fs::read_to_string(path).unwrap().parse().unwrap()
}
