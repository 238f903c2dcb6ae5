//! Incidents that real servers wrote, in through the front door: the folder of logs goes in, the report comes out and is held
//! against what is known to be true (`tests/cases/NAME/case.toml`).

#![allow(clippy::unwrap_used)]

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

fn cases() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cases");
    let mut list: Vec<_> = std::fs::read_dir(root)
        .unwrap()
        .flatten()
        .map(|e| e.path())
        .filter(|p| p.join("case.toml").is_file())
        .collect();
    list.sort();
    assert!(list.len() >= 20, "the tree carries its incidents");
    list
}

fn explain(case: &Path, tz: &str) -> Value {
    explain_with(&["--tz", tz], &case.join("logs"))
}

fn explain_with(options: &[&str], logs: &Path) -> Value {
    let out = Command::new(env!("CARGO_BIN_EXE_why500"))
        .args(["explain", "--format", "json"])
        .args(options)
        .arg(logs)
        .output()
        .unwrap();
    assert!(out.status.success(), "{}: {}", logs.display(), String::from_utf8_lossy(&out.stderr));
    serde_json::from_slice(&out.stdout).unwrap()
}

fn strings(v: Option<&toml::Value>) -> Vec<&str> {
    v.and_then(|v| v.as_array()).into_iter().flatten().filter_map(|v| v.as_str()).collect()
}

/// What is wrong with the report, as sentences.
fn faults(truth: &toml::Table, report: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    let wanted = truth["problem"].as_array().unwrap();
    let got = report["problems"].as_array().unwrap();
    let failures = truth["failures"].as_integer().unwrap() as u64;
    let silent: u64 = wanted
        .iter()
        .filter_map(|p| p.get("statuses")?.as_table())
        .flat_map(|t| t.iter().filter(|(k, _)| *k == "000").map(|(_, n)| n.as_integer().unwrap_or(0) as u64))
        .sum();
    let said = report["totals"]["failures"].as_u64().unwrap();
    if said > failures || said + silent < failures {
        faults.push(format!("says {said} failures, true are {failures}"));
    }
    if got.len() > wanted.len() {
        faults.push(format!("reports {} problems, true are {}", got.len(), wanted.len()));
    }
    for p in wanted {
        let cause = format!("{}/{}", p["class"].as_str().unwrap(), p["cause"].as_str().unwrap());
        let mut fair = strings(p.get("also"));
        fair.push(&cause);
        let culprits = strings(p.get("culprits"));
        let found = got.iter().any(|g| {
            let v = &g["verdict"];
            let said = format!("{}/{}", v["class"].as_str().unwrap_or(""), v["cause"].as_str().unwrap_or(""));
            let culprit = v["culprit"].as_str().unwrap_or("").to_lowercase();
            let count = g["count"].as_u64().unwrap_or(0) as f64;
            let want = p["count"].as_integer().unwrap() as f64;
            fair.contains(&said.as_str())
                && (culprits.is_empty() || culprits.iter().any(|c| culprit.contains(&c.to_lowercase())))
                && (count - want).abs() <= (want * 0.1).max(1.0)
        });
        if !found {
            faults.push(format!(
                "does not report {cause} at one of {culprits:?}, {} times",
                p["count"].as_integer().unwrap_or(0)
            ));
        }
    }
    let blamed = got
        .iter()
        .flat_map(|g| g["evidence"].as_array().into_iter().flatten())
        .filter(|e| e["role"] == "cause")
        .find(|e| {
            let text = e["text"].as_str().unwrap_or("").to_lowercase();
            let truths: Vec<_> = wanted.iter().flat_map(|p| strings(p.get("evidence"))).collect();
            wanted
                .iter()
                .flat_map(|p| strings(p.get("distractors")))
                .any(|d| text.contains(&d.to_lowercase()))
                && !truths.iter().any(|t| text.contains(&t.to_lowercase()))
        });
    if let Some(e) = blamed {
        faults.push(format!("blames noise: {}", e["text"]));
    }
    faults
}

#[test]
fn every_incident_is_explained_as_it_was() {
    let mut bad = Vec::new();
    for case in cases() {
        let truth: toml::Table = std::fs::read_to_string(case.join("case.toml")).unwrap().parse().unwrap();
        let report = explain(&case, truth.get("tz").and_then(|t| t.as_str()).unwrap_or("UTC"));
        for fault in faults(&truth, &report) {
            bad.push(format!("{}: {fault}", case.file_name().unwrap().to_string_lossy()));
        }
    }
    assert!(bad.is_empty(), "\n{}", bad.join("\n"));
}

#[test]
fn the_same_logs_give_the_same_report() {
    let case = cases().into_iter().find(|c| c.ends_with("node-mysql2-multi")).unwrap();
    assert_eq!(explain(&case, "UTC"), explain(&case, "UTC"));
}

#[test]
fn threads_change_nothing_in_the_report() {
    // Some megabytes, so that there are blocks to go through ahead of the reader.
    let logs = std::env::temp_dir().join(format!("why500-threads-{}", std::process::id()));
    std::fs::create_dir_all(&logs).unwrap();
    let lines: String = (0..40_000)
        .map(|i| {
            let (h, m, s) = (i / 3600, i / 60 % 60, i % 60);
            let status = if i % 97 == 0 { 502 } else { 200 };
            format!("203.0.113.{} - - [24/Nov/2026:{h:02}:{m:02}:{s:02} +0000] \"GET /cart/{i} HTTP/1.1\" {status} 157 \"-\" \"curl/8.5\"\n", i % 250)
        })
        .collect();
    std::fs::write(logs.join("access.log"), lines).unwrap();
    let report = |threads| explain_with(&["--tz", "UTC", "--threads", threads], &logs);
    let (one, many) = (report("1"), report("5"));
    std::fs::remove_dir_all(&logs).unwrap();
    assert_eq!(one["totals"]["requests"], 40_000);
    assert_eq!(one["totals"]["failures"], 413);
    assert_eq!(one, many);
}
