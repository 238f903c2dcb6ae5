//! What must hold for any logs, tried on those of the incidents in the tree, through the front door: the order of files, where a log
//! was rotated and how many hops wrote a request down do not change what is said; secrets are in no output.

#![allow(clippy::unwrap_used)]

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Random numbers that are the same in each run (SplitMix64, Steele et al. 2014).
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n.max(1) as u64) as usize
    }

    fn shuffle<T>(&mut self, list: &mut [T]) {
        for i in (1..list.len()).rev() {
            list.swap(i, self.below(i + 1));
        }
    }
}

/// Seeds are said in failures; `WHY500_SEED` tries others.
fn seed() -> u64 {
    std::env::var("WHY500_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(500)
}

/// A folder that goes when the test ends.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("why500-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The folders of logs of all incidents in the tree.
fn incidents() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut list: Vec<PathBuf> =
        fs::read_dir(root.join("tests/cases")).unwrap().flatten().map(|e| e.path().join("logs")).collect();
    list.push(root.join("examples/checkout-502/logs"));
    list.retain(|p| p.is_dir());
    list.sort();
    assert!(list.len() >= 20);
    list
}

/// Its files, as paths within it.
fn files(logs: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![logs.to_owned()];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().flatten().map(|e| e.path()) {
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(logs).unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

fn copy(logs: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    for f in files(logs) {
        fs::create_dir_all(to.join(&f).parent().unwrap()).unwrap();
        fs::copy(logs.join(&f), to.join(&f)).unwrap();
    }
}

fn run(folder: &Path, format: &str, paths: &[PathBuf]) -> String {
    let out = Command::new(env!("CARGO_BIN_EXE_why500"))
        .current_dir(folder)
        .args(["explain", "--tz", "UTC", "--format", format])
        .args(paths)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&out.stderr);
    assert!(matches!(out.status.code(), Some(0 | 3)), "{}: {errors}", folder.display());
    String::from_utf8(out.stdout).unwrap()
}

/// What a report says, apart from its evidence: the requests that failed, and each problem with its verdict and counts.
#[derive(Debug, PartialEq)]
struct Said {
    failures: Value,
    problems: Vec<String>,
}

fn said(folder: &Path, paths: &[PathBuf]) -> Said {
    let report: Value = serde_json::from_str(&run(folder, "json", paths)).unwrap();
    let mut problems: Vec<String> = report["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| {
            let v = &p["verdict"];
            format!(
                "{} {}/{} at {} {} times, {}",
                p["id"], v["class"], v["cause"], v["culprit"], p["count"], p["statuses"]
            )
        })
        .collect();
    problems.sort();
    Said { failures: report["totals"]["failures"].clone(), problems }
}

fn here() -> Vec<PathBuf> {
    vec![PathBuf::from(".")]
}

fn name(logs: &Path) -> String {
    logs.parent().unwrap().file_name().unwrap().to_string_lossy().into_owned()
}

fn report(faults: &[String]) {
    assert!(faults.is_empty(), "seed {}: {} faults\n{}", seed(), faults.len(), faults.join("\n"));
}

fn difference(was: &Said, is: &Said) -> String {
    let only = |a: &Said, b: &Said| {
        let list: Vec<_> = a.problems.iter().filter(|p| !b.problems.contains(p)).cloned().collect();
        list.join("\n      ")
    };
    format!(
        "{} failures, now {}\n    - {}\n    + {}",
        was.failures,
        is.failures,
        only(was, is),
        only(is, was)
    )
}

#[test]
fn any_order_of_files_gives_the_same_problems() {
    let mut dice = Dice(seed());
    let mut faults = Vec::new();
    for logs in incidents() {
        let mut paths = files(&logs);
        let was = said(&logs, &here());
        for _ in 0..3 {
            dice.shuffle(&mut paths);
            let is = said(&logs, &paths);
            if is != was {
                faults.push(format!("{} {paths:?}: {}", name(&logs), difference(&was, &is)));
            }
        }
    }
    report(&faults);
}

/// A log is cut at any byte, as logrotate's `copytruncate` does.
#[test]
fn a_log_rotated_at_any_byte_gives_the_same_failures() {
    let place = Folder::new("split");
    let mut dice = Dice(seed() + 1);
    let mut faults = Vec::new();
    for logs in incidents() {
        let was = said(&logs, &here());
        copy(&logs, &place.0);
        for file in files(&logs) {
            let bytes = fs::read(logs.join(&file)).unwrap();
            if bytes.len() < 2 || file.extension().is_some_and(|e| e == "gz") {
                continue;
            }
            let (young, old) = (place.0.join(&file), place.0.join(format!("{}.1", file.display())));
            let at = 1 + dice.below(bytes.len() - 1);
            fs::write(&old, &bytes[..at]).unwrap();
            fs::write(&young, &bytes[at..]).unwrap();
            let is = said(&place.0, &here());
            if is != was {
                faults.push(format!(
                    "{} {} cut at byte {at} of {}: {}",
                    name(&logs),
                    file.display(),
                    bytes.len(),
                    difference(&was, &is)
                ));
            }
            fs::remove_file(&old).unwrap();
            fs::write(&young, &bytes).unwrap();
        }
    }
    report(&faults);
}
