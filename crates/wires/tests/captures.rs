//! What real telemetry clients sent (`tests/wire/CLIENT/`), in through the table of protocols, out as problems, held against what is
//! known to be true (`expect.toml`).

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../../../tests/wire/captures.rs"]
mod captures;

use captures::{captures, table};
use diagnosis::{Filter, Observations, Recogniser, Report, Settings, diagnose};
use formats::{Healthy, Sink};
use record::{Mark, Record, SECOND, Time};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use wires::streams::Streams;
use wires::{Head, Taken};

fn head(text: &str) -> Head {
    let mut lines = text.split("\r\n");
    let mut first = lines.next().unwrap().split(' ');
    let method = first.next().unwrap().to_owned();
    let target = first.next().unwrap();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let headers: Vec<_> = lines
        .filter(|l| !l.starts_with(':'))
        .filter_map(|l| l.split_once(':'))
        .map(|(n, v)| (n.trim().to_ascii_lowercase(), v.trim().to_owned()))
        .collect();
    Head { method, path: path.to_owned(), query: query.to_owned(), headers, peer: "127.0.0.1".into() }
}

fn decoded(head: &Head, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    match head.header("content-encoding") {
        Some("gzip" | "gzip,deflate") if body.starts_with(b"\x1f\x8b") => {
            flate2::read::MultiGzDecoder::new(body).read_to_end(&mut out).unwrap()
        }
        Some("deflate" | "gzip,deflate") => {
            flate2::read::ZlibDecoder::new(body).read_to_end(&mut out).unwrap()
        }
        Some("br") => brotli_decompressor::Decompressor::new(body, 4096).read_to_end(&mut out).unwrap(),
        None | Some("identity" | "snappy") => return body.to_vec(),
        Some(other) => panic!("encoding {other}"),
    };
    out
}

/// Micros of `2026-11-24T07:50:01.002793Z`.
fn instant(text: &str) -> Time {
    formats::time::stamp(text, Time(0)).expect("an instant").time
}

struct Heard {
    obs: Observations,
    recogniser: Recogniser,
    records: Vec<Record>,
}

impl Sink for Heard {
    fn healthy(&mut self, h: &Healthy<'_>) {
        let q = h.request;
        let (status, upstream) = (q.status.unwrap_or(0), q.upstream.is_some());
        let client = q.client.as_deref();
        self.obs.healthy(
            h.source, h.line, h.service, h.at, &q.method, &q.target, client, status, q.ending, upstream,
        );
    }
    fn wants(&self, message: &str) -> bool {
        self.recogniser.interesting(message)
    }
    fn record(&mut self, record: Record) {
        self.records.push(record);
    }
}

struct Seen {
    items: BTreeMap<String, u64>,
    records: Vec<Record>,
    report: Report,
}

fn take_in(capture: &Path) -> Result<Seen, String> {
    let meta = table(&capture.join("meta.toml"));
    let mut items: BTreeMap<String, u64> = BTreeMap::new();
    let recogniser = Recogniser::new(&[]).unwrap();
    let mut heard = Heard { obs: Observations::new(), recogniser, records: Vec::new() };
    let source = heard.obs.source("wire");
    let mut streams = Streams::new(source);
    let mut last = Time(0);
    let mut datagrams: BTreeMap<&str, Box<dyn wires::Session>> = BTreeMap::new();
    for r in meta["request"].as_array().unwrap() {
        let file = r["file"].as_str().unwrap();
        let now = instant(r["at"].as_str().unwrap());
        last = now;
        let bytes = std::fs::read(capture.join(file)).unwrap();
        let mut taken = Taken::default();
        if file.ends_with(".http") {
            let end = bytes.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
            let head = head(std::str::from_utf8(&bytes[..end]).unwrap());
            let body = decoded(&head, &bytes[end + 4..]);
            let wire = wires::table()
                .find(|w| w.knows(&head))
                .ok_or_else(|| format!("{file}: no wire knows {} {}", head.method, head.path))?;
            match wire.read(&head, &body, now) {
                Ok(t) => taken = t,
                Err(refusal) => return Err(format!("{file}: {}", refusal.why)),
            }
            // A recorder that was told to limit rates answered 429 to some.
            let said = r["answered"].as_integer().unwrap() as u16;
            if said != 429 && said != taken.answer.status {
                return Err(format!("{file}: answered {}, clients know {said}", taken.answer.status));
            }
        } else {
            let transport = r["wire"].as_str().unwrap();
            let protocol = r.get("protocol").and_then(|p| p.as_str()).unwrap_or("").to_owned();
            let expect = table(&capture.join("expect.toml"));
            let protocol =
                if protocol.is_empty() { expect["protocol"].as_str().unwrap().to_owned() } else { protocol };
            let wire = wires::sockets()
                .find(|s| protocol.starts_with(s.name()))
                .ok_or_else(|| format!("{file}: no socket wire for {protocol}"))?;
            if transport == "udp" {
                let session = datagrams.entry(wire.name()).or_insert_with(|| wire.datagrams());
                session
                    .push(&bytes, "127.0.0.1", now, &mut taken)
                    .map_err(|r| format!("{file}: {}", r.why))?;
            } else {
                let mut session = wire.open("127.0.0.1");
                // Bytes come in pieces of any size.
                for piece in bytes.chunks(701) {
                    session
                        .push(piece, "127.0.0.1", now, &mut taken)
                        .map_err(|r| format!("{file}: {}", r.why))?;
                }
                session.end(now, &mut taken);
            }
        }
        for (kind, n) in taken.items {
            *items.entry(kind).or_default() += n;
        }
        heard.records.extend(taken.records);
        for line in &taken.lines {
            streams.push(line, now, &mut heard);
        }
    }
    streams.end(&mut heard);
    let Heard { mut obs, recogniser, records } = heard;
    for (i, mut r) in records.iter().cloned().enumerate() {
        r.source = source;
        r.line = i as u64 + 1;
        obs.record(r, &recogniser);
    }
    let lines = [records.len() as u64];
    let report = diagnose(
        &mut obs,
        &Settings {
            offset_s: &|_| 0,
            wall: &[false],
            stated: &[true],
            lines: &lines,
            filter: Filter::default(),
            spread: &diagnosis::one_by_one,
            begun: &Default::default(),
        },
    );
    assert!(last > Time(SECOND));
    // What came out: `ONLY=loki SHOW=1 cargo test -p wires --test captures -- --nocapture`.
    if std::env::var_os("SHOW").is_some() {
        for r in &records {
            println!(
                "{:?} {} {:?} {:?} | {:?} | {:?} | {:?}\n",
                r.at, r.format, r.level, r.service, r.message, r.request, r.exceptions
            );
        }
        for p in &report.problems {
            println!(
                "{} {:?} ×{} {:?} {:?}\n",
                p.verdict.cause, p.verdict.culprit, p.count, p.statuses, p.endpoints
            );
        }
    }
    Ok(Seen { items, records, report })
}

/// What no reader of these captures could know, as the wire does not carry it: that a refused port is a database's, that V8's wording
/// is a TypeError's.
const UNTOLD: [(&str, &str); 3] = [
    // The frames on the wire are of lines 257 and 259.
    (
        "sentry-python-2.75.0-flask-checkin-attachment",
        "GET /basket/7 code/unhandled-exception: no problem of this cause",
    ),
    ("gelf-pro-1.4.0-udp", "no record has exception TypeError"),
    ("gelf-pro-1.4.0-udp", "GET /stock/SKU-1044 database/connection-refused: no problem of this cause"),
];

fn strings(v: Option<&toml::Value>) -> Vec<&str> {
    v.and_then(|v| v.as_array()).into_iter().flatten().filter_map(|v| v.as_str()).collect()
}

/// What was not understood, as sentences.
fn faults(expect: &toml::Table, seen: &Seen) -> Vec<String> {
    let mut faults = Vec::new();
    for (kind, n) in expect.get("counts").and_then(|c| c.as_table()).into_iter().flatten() {
        let (got, want) = (seen.items.get(kind).copied().unwrap_or(0), n.as_integer().unwrap() as u64);
        if got != want {
            faults.push(format!("{got} × {kind}, sent were {want}"));
        }
    }
    let list = |name: &str| expect.get(name).and_then(|v| v.as_array()).into_iter().flatten();
    for f in list("failure").filter(|f| f["on_wire"].as_bool() == Some(true)) {
        let text = |name: &str| f.get(name).and_then(|v| v.as_str()).unwrap_or("");
        let cause = format!("{}/{}", text("class"), text("cause"));
        let mut fair = strings(f.get("also"));
        fair.push(&cause);
        let culprits = strings(f.get("culprits"));
        let path = text("path");
        let bare = path.split('?').next().unwrap();
        let what = format!("{} {path} {cause}", text("method"));
        let found = seen.report.problems.iter().find(|p| {
            let culprit = p.verdict.culprit.as_deref().unwrap_or("").to_lowercase();
            fair.contains(&p.verdict.cause.to_string().as_str())
                && (culprits.is_empty() || culprits.iter().any(|c| culprit.contains(&c.to_lowercase())))
        });
        let Some(p) = found else {
            faults.push(format!("{what}: no problem of this cause at one of {culprits:?}"));
            continue;
        };
        if !path.is_empty()
            && !p
                .endpoints
                .iter()
                .any(|e| e.example.split('?').next() == Some(bare) && e.method == text("method"))
        {
            let got: Vec<_> = p.endpoints.iter().map(|e| format!("{} {}", e.method, e.example)).collect();
            faults.push(format!("{what}: its endpoints are {got:?}"));
        }
        let status = f["status"].as_integer().unwrap() as u16;
        if status >= 500 && !p.statuses.contains_key(&status) {
            faults.push(format!("{what}: status {status} is not among {:?}", p.statuses));
        }
        let said = seen.records.iter().any(|r| {
            text("message").is_empty()
                || r.message.contains(text("message"))
                || r.exceptions.iter().any(|e| e.message.contains(text("message")))
        });
        if !said {
            faults.push(format!("{what}: no record says {:?}", text("message")));
        }
        let trace = text("trace_id");
        let joined = |r: &Record| r.request.as_ref().is_some_and(|q| q.trace.as_deref() == Some(trace));
        if !trace.is_empty() && !seen.records.iter().any(joined) {
            faults.push(format!("{what}: no record has trace {trace}"));
        }
        if !text("exception").is_empty() && f.get("as").is_none() {
            let name = text("exception").rsplit(['.', ':', '\\']).next().unwrap();
            if !seen.records.iter().any(|r| r.exceptions.iter().any(|e| e.kind.contains(name)))
                && !seen.records.iter().any(|r| r.message.contains(name))
            {
                faults.push(format!("{what}: no record has exception {name}"));
            }
        }
    }
    let true_problems: std::collections::BTreeSet<_> = list("failure")
        .filter(|f| f["on_wire"].as_bool() == Some(true))
        .map(|f| (format!("{:?}{:?}", f["class"], f["cause"]), format!("{:?}", f.get("culprits"))))
        .collect();
    let failures = list("failure").filter(|f| f["on_wire"].as_bool() == Some(true)).count() as u64;
    if failures > 0 && seen.report.problems.len() > true_problems.len() {
        let got: Vec<_> = seen
            .report
            .problems
            .iter()
            .map(|p| format!("{} {:?} ×{}", p.verdict.cause, p.verdict.culprit, p.count))
            .collect();
        faults.push(format!("{} problems, true are {}: {got:#?}", got.len(), true_problems.len()));
    }
    let counted: u64 = seen.report.problems.iter().map(|p| p.count).sum();
    if failures > 0 && counted > failures {
        faults.push(format!("{counted} failures, true are {failures}"));
    }
    for r in list("record") {
        let cause = format!("{}/{}", r["class"].as_str().unwrap_or(""), r["cause"].as_str().unwrap_or(""));
        let m = r.get("message").and_then(|m| m.as_str()).unwrap_or("");
        if !seen.records.iter().any(|s| s.message.contains(m)) {
            faults.push(format!("record {cause}: no record says {m:?}"));
        }
    }
    for m in list("message") {
        let text = m["text"].as_str().unwrap();
        let severe = matches!(m["severity"].as_str(), Some("err" | "crit" | "alert" | "emerg"));
        if severe && !seen.records.iter().any(|r| r.message.contains(text) || r.text.contains(text)) {
            faults.push(format!("no record says {text:?}"));
        }
    }
    let deploys = list("deploy").count();
    let marked = seen.records.iter().filter(|r| matches!(r.mark.as_deref(), Some(Mark::Deploy(_)))).count();
    if deploys > 0 && marked == 0 {
        faults.push(format!("{deploys} deploys were sent, none was marked"));
    }
    faults
}

#[test]
fn what_clients_send_is_understood() {
    let mut bad = Vec::new();
    for capture in captures() {
        let name = capture.file_name().unwrap().to_string_lossy().into_owned();
        let expect = table(&capture.join("expect.toml"));
        match take_in(&capture) {
            Ok(seen) => {
                let told = |f: &String| !UNTOLD.iter().any(|(n, w)| *n == name && f.contains(w));
                let faults = faults(&expect, &seen).into_iter().filter(told);
                bad.extend(faults.map(|f| format!("{name}: {f}")));
            }
            Err(why) => bad.push(format!("{name}: {why}")),
        }
    }
    assert!(bad.is_empty(), "\n{}", bad.join("\n"));
}
