//! Bodies that are torn, flipped and sent to the wrong door: each is answered, none ends the process or takes long.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use formats::{Healthy, Sink};
use record::{Record, Time};
use std::path::Path;
use wires::streams::Streams;
use wires::{Head, Taken};

struct Nobody;

impl Sink for Nobody {
    fn healthy(&mut self, _: &Healthy<'_>) {}
    fn wants(&self, _: &str) -> bool {
        true
    }
    fn record(&mut self, _: Record) {}
}

/// Bodies and datagrams of all captures, heads taken off.
fn bodies() -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/wire");
    let mut out = Vec::new();
    for folder in std::fs::read_dir(root).unwrap().flatten().filter(|f| f.path().is_dir()) {
        for file in std::fs::read_dir(folder.path()).unwrap().flatten() {
            let name = file.file_name().to_string_lossy().into_owned();
            let bytes = std::fs::read(file.path()).unwrap();
            if name.ends_with(".http") {
                let end = bytes.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
                out.push(bytes[end + 4..].to_vec());
            } else if name.ends_with(".bin") {
                out.push(bytes);
            }
        }
    }
    out.sort();
    out
}

/// Numbers that look random and are the same each time (Knuth's MMIX).
struct Dice(u64);

impl Dice {
    fn throw(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % below.max(1)
    }
}

fn worn(body: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut body = body.to_vec();
    match dice.throw(4) {
        0 => body.truncate(dice.throw(body.len() + 1)),
        1 => {
            for _ in 0..=dice.throw(8) {
                let (at, to) = (dice.throw(body.len()), dice.throw(256) as u8);
                if let Some(b) = body.get_mut(at) {
                    *b = to;
                }
            }
        }
        2 => {
            let from = dice.throw(body.len());
            body.drain(..from);
        }
        _ => body.extend_from_within(..dice.throw(body.len() + 1)),
    }
    body
}

const DOORS: [(&str, &str); 12] = [
    ("/", "application/msgpack"),
    ("/", "application/json"),
    ("/api/v2/logs", "application/json"),
    ("/api/v2/logs", "application/logplex-1"),
    ("/v1/input", "text/plain"),
    ("/loki/api/v1/push", "application/x-protobuf"),
    ("/loki/api/v1/push", "application/json"),
    ("/_bulk", "application/x-ndjson"),
    ("/x/_doc", "application/json"),
    ("/services/collector", ""),
    ("/gelf", ""),
    ("/api/v1/ingest", "application/msgpack"),
];

#[test]
fn worn_bodies_at_all_doors() {
    let now = Time::from_secs(1_795_505_860);
    let mut dice = Dice(20_261_124);
    for body in bodies() {
        let worn: Vec<_> = (0..3).map(|_| worn(&body, &mut dice)).collect();
        for body in worn.iter().chain([&body]) {
            for (path, kind) in DOORS {
                let headers = vec![("content-type".to_owned(), kind.to_owned())];
                let head = Head { method: "POST".into(), path: path.into(), headers, ..Head::default() };
                let wire = wires::table().find(|w| w.knows(&head)).unwrap();
                let _ = wire.access(&head, body);
                match wire.read(&head, body, now) {
                    Ok(taken) => {
                        assert!((200..300).contains(&taken.answer.status), "{path}");
                        let mut streams = Streams::new(0);
                        for line in &taken.lines {
                            assert!(line.text.len() < 300 * 1024);
                            streams.push(line, now, &mut Nobody);
                        }
                        streams.end(&mut Nobody);
                    }
                    Err(refusal) => {
                        assert!((400..500).contains(&refusal.answer.status) && !refusal.why.is_empty())
                    }
                }
            }
            for socket in wires::sockets() {
                let (mut stream, mut datagrams) = (socket.open("192.0.2.7"), socket.datagrams());
                let mut taken = Taken::default();
                for piece in body.chunks(1 + dice.throw(4_000)) {
                    if stream.push(piece, "192.0.2.7", now, &mut taken).is_err() {
                        break;
                    }
                }
                stream.end(now, &mut taken);
                let _ = datagrams.push(body, "192.0.2.7", now, &mut taken);
            }
        }
    }
}

#[test]
fn long_entries_are_clipped_and_still_read() {
    let now = Time::from_secs(1_795_505_860);
    let stack =
        format!("Error: boom\n    at f (/srv/a.js:3:9)\n{}", "    at g (/srv/b.js:1:1)\n".repeat(200_000));
    let body =
        serde_json::json!([{ "message": "boom", "status": "error", "error": { "stack": "x" }, "dump": stack,
        "stack": stack, "url": "/x", "method": "GET", "http.status_code": 500 }])
        .to_string();
    let head = Head { method: "POST".into(), path: "/api/v2/logs".into(), ..Head::default() };
    let wire = wires::table().find(|w| w.knows(&head)).unwrap();
    let taken = wire.read(&head, body.as_bytes(), now).unwrap();
    assert!(taken.lines[0].text.len() < 250 * 1024, "{}", taken.lines[0].text.len());
    let value: serde_json::Value = serde_json::from_str(&taken.lines[0].text).unwrap();
    assert!(value["stack"].as_str().unwrap().starts_with("Error: boom\n    at f"));
    assert_eq!(value["http.status_code"], 500);
    let text = serde_json::json!([{ "message": stack, "status": "error" }]).to_string();
    let taken = wire.read(&head, text.as_bytes(), now).unwrap();
    assert!(taken.lines[0].text.len() < 250 * 1024 && taken.lines[0].text.starts_with("Error: boom"));
}
