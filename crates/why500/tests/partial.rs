//! Lines that a container runtime cut: Docker after each 16 KiB (`log` without its line end), the CRI likewise (tag `P`). Explained
//! from a file and followed, they are one line again.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod server;

use serde_json::{Value, json};
use server::Server;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Bytes of a message that Docker and containerd take at once: moby `daemon/logger/copier.go` (`defaultBufSize`), containerd
/// `defaultBufSize` of its CRI plugin's logger.
const PART: usize = 16 << 10;

/// What an app for Node logs of a failed request with pino: 45 KB, as the query stands in it.
fn long_line(order: u32, minute: u32) -> String {
    let query = format!("SELECT * FROM orders WHERE id IN ({})", "1048576, ".repeat(5_000));
    let stack = "TypeError: Cannot read properties of undefined (reading 'gross')\n    at summarize (/srv/orders/server.js:15:23)\n    at /srv/orders/server.js:31:9";
    json!({
        "level": 50, "time": format!("2026-11-24T07:{minute:02}:31.945Z"), "pid": 1, "hostname": "orders-1",
        "query": query, "req": {"id": order, "method": "GET", "url": format!("/orders/{order}")},
        "res": {"statusCode": 500},
        "err": {"type": "TypeError", "message": "Cannot read properties of undefined (reading 'gross')", "stack": stack},
        "responseTime": 12, "msg": "request errored",
    })
    .to_string()
}

/// As Docker's json-file driver writes a line, cut; between the parts stands a line of the other stream.
fn docker(out: &mut Vec<u8>, line: &str, between: &str) {
    let line = format!("{line}\n");
    let parts: Vec<&str> = line.as_bytes().chunks(PART).map(|c| std::str::from_utf8(c).unwrap()).collect();
    for (i, part) in parts.iter().enumerate() {
        let time = "2026-11-24T07:27:31.945113423Z";
        writeln!(out, "{{\"log\":{},\"stream\":\"stdout\",\"time\":\"{time}\"}}", json!(part)).unwrap();
        if i == 0 {
            writeln!(
                out,
                "{{\"log\":{},\"stream\":\"stderr\",\"time\":\"{time}\"}}",
                json!(format!("{between}\n"))
            )
            .unwrap();
        }
    }
}

/// As containerd writes it.
fn cri(out: &mut Vec<u8>, line: &str, between: &str) {
    let parts: Vec<&str> = line.as_bytes().chunks(PART).map(|c| std::str::from_utf8(c).unwrap()).collect();
    for (i, part) in parts.iter().enumerate() {
        let tag = if i + 1 == parts.len() { "F" } else { "P" };
        writeln!(out, "2026-11-24T07:27:31.945113423Z stdout {tag} {part}").unwrap();
        if i == 0 {
            writeln!(out, "2026-11-24T07:27:31.945113423Z stderr F {between}").unwrap();
        }
    }
}

type Cut = fn(&mut Vec<u8>, &str, &str);
const BETWEEN: &str =
    "(node:1) Warning: Setting the NODE_TLS_REJECT_UNAUTHORIZED environment variable to '0' is insecure";

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("why500-partial-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn log(cut: Cut) -> Vec<u8> {
    let mut bytes = Vec::new();
    for n in 0..3 {
        cut(&mut bytes, &long_line(1_001 + n, 27 + n), BETWEEN);
    }
    bytes
}

fn explain(log: &Path) -> Value {
    let out = Command::new(env!("CARGO_BIN_EXE_why500"))
        .args(["explain", "--json", "--tz", "UTC"])
        .arg(log)
        .output()
        .unwrap();
    serde_json::from_slice(&out.stdout).unwrap()
}

#[test]
fn explained_they_are_one_line_again() {
    for (name, cut) in [("docker", docker as Cut), ("cri", cri as Cut)] {
        let folder = folder(name);
        let file = folder.join("0-json.log");
        fs::write(&file, log(cut)).unwrap();
        let report = explain(&file);
        let problems = report["problems"].as_array().unwrap();
        assert_eq!(problems.len(), 1, "{name}: {report:#}");
        let problem = &problems[0];
        assert_eq!(
            (problem["count"].as_u64(), problem["exception"]["type"].as_str()),
            (Some(3), Some("TypeError")),
            "{name}: {problem:#}"
        );
        let first = &problem["evidence"][0];
        let text = first["text"].as_str().unwrap();
        assert_eq!(
            (first["line"].as_u64(), first["why"].as_str()),
            (Some(1), Some("the failed request itself"))
        );
        assert!(text.contains("TypeError") && !text.contains("NODE_TLS"), "{name}: {text}");
        let _ = fs::remove_dir_all(folder);
    }
}

/// Parts come in different looks.
#[test]
fn followed_they_are_one_line_again() {
    for (name, cut) in [("docker", docker as Cut), ("cri", cri as Cut)] {
        let folder = folder(&format!("follow-{name}"));
        let file = folder.join("0-json.log");
        fs::write(&file, "").unwrap();
        let server = Server::on(&folder.join("data"), &["--follow", file.to_str().unwrap()]);
        std::thread::sleep(std::time::Duration::from_millis(500));
        let mut out = OpenOptions::new().append(true).open(&file).unwrap();
        for line in log(cut).split_inclusive(|b| *b == b'\n') {
            out.write_all(line).unwrap();
            std::thread::sleep(std::time::Duration::from_millis(170));
        }
        server.wait(name, |p| p.len() == 1 && p[0]["count"] == 3);
        let problem =
            server.get(&format!("/api/v1/problems/{}", server.problems()[0]["id"].as_str().unwrap()));
        assert_eq!(problem["exception"]["type"], "TypeError", "{name}: {problem:#}");
        let _ = fs::remove_dir_all(folder);
    }
}
