//! `why500 explain` of files that a test writes.

use serde_json::Value;
use std::fs;
use std::process::Command;

/// The report on files of these names and texts, in a folder of their own. `name` tells it from those of other tests.
pub fn explain(name: &str, files: &[(&str, &str)]) -> Value {
    let folder = std::env::temp_dir().join(format!("why500-explained-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    for (file, text) in files {
        let path = folder.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let out = Command::new(env!("CARGO_BIN_EXE_why500"))
        .args(["explain", "--format", "json", "--tz", "UTC"])
        .arg(&folder)
        .output()
        .unwrap();
    fs::remove_dir_all(&folder).unwrap();
    serde_json::from_slice(&out.stdout).unwrap()
}
