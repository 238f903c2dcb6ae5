//! `why500 demo`: each fault is found in what the service wrote; what it answers is good practice, and under /bad it is not.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use probe::checks;
use probe::request::Answer;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

const PROGRAM: &str = env!("CARGO_BIN_EXE_why500");

fn folder(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("why500-test-demo-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&path);
    path
}

fn once(fault: &str) -> Value {
    let began = Instant::now();
    let out = Command::new(PROGRAM).args(["demo", "--once", fault, "--json"]).output().unwrap();
    let said = String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(0), "{fault}: {said}");
    // Under load all takes longer; alone it is one to three seconds.
    assert!(began.elapsed() < Duration::from_secs(20), "{fault}: {:?}", began.elapsed());
    serde_json::from_slice(&out.stdout).unwrap()
}

/// Breaks it, and checks what was found: cause, culprit (a part of it), how it began, statuses.
fn finds(fault: &str, cause: &str, culprit: &str, trigger: &str, status: &str) {
    let report = once(fault);
    let p = &report["problems"][0];
    assert_eq!(format!("{}/{}", p["verdict"]["class"], p["verdict"]["cause"]).replace('"', ""), cause);
    assert!(p["verdict"]["culprit"].as_str().unwrap_or("").contains(culprit), "{:#}", p["verdict"]);
    assert_eq!(p["verdict"]["trigger"]["kind"], trigger, "{:#}", p["verdict"]);
    assert!(p["statuses"].get(status).is_some(), "{:#}", p["statuses"]);
    // Two of four kinds of requests ask for prices, three of four the database, and one in eight is a user without an address.
    let (requests, failures) = match fault {
        "database-gone" | "database-locked" => (24 + 7, 6),
        "bad-input" => (24 + 24, 3),
        _ => (24 + 11, 6),
    };
    assert_eq!(report["totals"]["requests"], requests, "{fault}");
    assert_eq!(report["totals"]["failures"], failures, "{fault}");
    let evidence = p["evidence"].as_array().unwrap();
    assert!(evidence.iter().any(|e| e["role"] == "cause" && e["source"] == "app.log"), "{evidence:#?}");
    for problem in report["problems"].as_array().unwrap() {
        assert_ne!(problem["verdict"]["class"], "unknown", "{problem:#}");
    }
}

#[test]
fn a_database_that_is_gone() {
    finds("database-gone", "database/schema-mismatch", "items", "deploy", "500");
}

#[test]
fn a_locked_database() {
    finds("database-locked", "database/lock-timeout", "", "dependency", "500");
}

#[test]
fn a_bad_deploy() {
    finds("bad-deploy", "code/serialization-error", "demo/shop.rs", "deploy", "500");
}

#[test]
fn an_upstream_that_is_down() {
    finds("upstream-down", "upstream/connection-refused", "127.0.0.1:", "dependency", "502");
}

#[test]
fn a_slow_upstream() {
    finds("upstream-slow", "upstream/timeout", "127.0.0.1:", "dependency", "504");
}

#[test]
fn memory() {
    finds("memory", "resource/memory-exhausted", "", "traffic", "500");
}

#[test]
fn bad_input() {
    finds("bad-input", "code/null-reference", "demo/shop.rs", "data", "500");
}

#[test]
fn a_missing_setting() {
    finds("missing-setting", "config/missing-setting", "PRICES_TOKEN", "config-change", "500");
}

#[test]
fn every_form_of_the_report() {
    for form in ["terminal", "markdown", "html", "sarif", "junit"] {
        let out =
            Command::new(PROGRAM).args(["demo", "--once", "missing-setting", "-f", form]).output().unwrap();
        assert_eq!(out.status.code(), Some(0), "{form}");
        assert!(String::from_utf8_lossy(&out.stdout).contains("PRICES_TOKEN"), "{form}");
    }
}

#[test]
fn the_list_and_what_is_not_on_it() {
    let out = Command::new(PROGRAM).args(["demo", "--list"]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&out.stdout).lines().count(), 8);
    let out = Command::new(PROGRAM).args(["demo", "--once", "coffee"]).output().unwrap();
    assert_eq!(out.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&out.stderr).contains("database-gone"));
}

/// A demo that runs, with pipes for terminal.
struct Running {
    child: Child,
    input: ChildStdin,
    lines: std::sync::mpsc::Receiver<String>,
    base: String,
    logs: PathBuf,
}

impl Running {
    fn start(more: &[&str]) -> Running {
        let mut child = Command::new(PROGRAM)
            .arg("demo")
            .args(more)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (out, lines) = std::sync::mpsc::channel();
        let stdout = child.stdout.take().unwrap();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _ = out.send(line);
            }
        });
        let input = child.stdin.take().unwrap();
        let mut running = Running { child, input, lines, base: String::new(), logs: PathBuf::new() };
        let first = running.until("why500 demo");
        running.base = first.split_whitespace().last().unwrap().to_owned();
        let second = running.until("logs in ");
        running.logs = Path::new(second.trim_start_matches("logs in ")).to_owned();
        running.until("quit");
        running
    }

    fn until(&self, what: &str) -> String {
        let mut all = Vec::new();
        loop {
            match self.lines.recv_timeout(Duration::from_secs(20)) {
                Ok(line) if line.contains(what) => return line,
                Ok(line) => all.push(line),
                Err(_) => panic!("{what}: {all:#?}"),
            }
        }
    }

    fn command(&mut self, line: &str, answer: &str) {
        writeln!(self.input, "{line}").unwrap();
        self.until(answer);
    }

    /// An answer; a connection for each.
    fn ask(&self, method: &str, target: &str, body: &str) -> Answer {
        let address = self.base.trim_start_matches("http://");
        let mut s = std::net::TcpStream::connect(address).unwrap();
        write!(
            s,
            "{method} {target} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut all = String::new();
        s.read_to_string(&mut all).unwrap();
        let (head, body) = all.split_once("\r\n\r\n").unwrap();
        let mut head = head.lines();
        let status = head.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers =
            head.filter_map(|h| h.split_once(": ")).map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
        Answer { status, headers, body: body.as_bytes().to_vec(), ..Answer::default() }
    }

    fn app_log(&self) -> String {
        std::fs::read_to_string(self.logs.join("app.log")).unwrap()
    }

    fn end(mut self) {
        writeln!(self.input, "quit").unwrap();
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const ADA: &str = r#"{"name": "Ada", "email": "ada@shop.example", "age": 36}"#;

#[test]
fn its_answers_are_good_practice_and_under_bad_they_are_not() {
    let mut demo = Running::start(&[]);
    let folder = demo.logs.parent().unwrap().to_owned();
    assert!(demo.ask("GET", "/data?page=2", "").is_ok());
    assert_eq!(demo.ask("POST", "/add-user", ADA).status, 201);
    assert_eq!(demo.ask("POST", "/add-user", ADA).status, 409);
    assert_eq!(demo.ask("DELETE", "/data", "").status, 405);
    assert_eq!(demo.ask("GET", "/nothing", "").status, 404);
    let wrong = demo.ask("POST", "/add-user", r#"{"name": "Ada", "email": "ada", "age": 412}"#);
    assert_eq!((wrong.status, wrong.media().as_str()), (422, "application/problem+json"));
    let told: Value = serde_json::from_slice(&wrong.body).unwrap();
    assert_eq!(told["errors"][0]["pointer"], "#/age");
    let described = demo.ask("GET", "/openapi.json", "");
    assert!(probe::targets::openapi::read(&described.text()).unwrap().operations.len() >= 5);

    for fault in ["database-gone", "bad-deploy", "upstream-down", "memory", "missing-setting"] {
        demo.command(fault, "broken: ");
        let good = demo.ask("GET", "/data", "");
        assert!(good.status >= 500, "{fault}");
        assert_eq!(good.media(), "application/problem+json", "{fault}");
        assert_eq!(checks::leaks(&good), [], "{fault}");
        // RFC 9457 §3.1
        let told: Value = serde_json::from_slice(&good.body).unwrap();
        assert_eq!(told["type"], "about:blank");
        assert_eq!(told["status"], good.status);
        assert!(told["title"].is_string() && told["detail"].is_string());
        let id = told["error_id"].as_str().unwrap();
        assert_eq!(good.header("x-error-id"), Some(id));
        assert_eq!(told["instance"], format!("/errors/{id}"));
        assert!(demo.app_log().contains(&format!("ERROR request{{request_id={id} ")), "{fault}");
        if fault != "bad-deploy" {
            // What panics tells nothing but that.
            let bad = demo.ask("GET", "/bad/data", "");
            assert_eq!(bad.media(), "text/html");
            assert!(!checks::leaks(&bad).is_empty(), "{fault}: {}", bad.text());
            assert!(bad.text().contains("demo/shop.rs:"), "{}", bad.text());
            assert_eq!(bad.header("x-error-id"), None);
        }
    }
    demo.command("database-gone", "broken: ");
    let bad = demo.ask("POST", "/bad/add-user", ADA);
    assert_eq!(bad.status, 200);
    assert!(checks::soft_error(&bad).is_some(), "{}", bad.text());
    assert!(!checks::leaks(&bad).is_empty());

    demo.command("mend", "mended: ");
    assert!(demo.ask("GET", "/data", "").is_ok());
    demo.end();
    assert!(!folder.exists());
}

#[test]
fn what_fails_now_is_explained_beside_it_and_a_named_folder_stays() {
    let folder = folder("live");
    let mut demo = Running::start(&["--dir", folder.to_str().unwrap()]);
    demo.command("4", "broken: upstream-down");
    demo.until("upstream/connection-refused");
    demo.command("missing-setting", "broken: missing-setting");
    demo.until("config/missing-setting");
    demo.command("coffee", "a number or a name");
    demo.end();
    assert!(folder.join("logs/access.log").is_file() && folder.join("demo.db").is_file());
    let again = Command::new(PROGRAM).args(["demo", "--dir"]).arg(&folder).output().unwrap();
    assert_eq!(again.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&again.stderr).contains("name another folder"));
    let _ = std::fs::remove_dir_all(&folder);
}
