//! `why500 replay` against a small server that fails for one header, one member, one parameter only; or now and then; or no more.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod server;

use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A request as it came.
#[derive(Clone, Debug)]
struct Asked {
    method: String,
    target: String,
    head: String,
    body: String,
}

impl Asked {
    fn header(&self, name: &str) -> Option<String> {
        let lines = self.head.lines().filter_map(|l| l.split_once(": "));
        lines.filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.to_owned()).next()
    }
}

type Answer = (u16, &'static str, String);

/// A server that answers as it is told, and remembers what it was asked.
struct Small {
    base: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Small {
    fn start(answer: impl Fn(&Asked, usize) -> Answer + Send + 'static) -> Small {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let Some(request) = read(&stream) else { continue };
                let nth = kept.lock().unwrap().len();
                let (status, media, body) = answer(&request, nth);
                kept.lock().unwrap().push(request);
                let mut stream = stream;
                let _ = write!(
                    stream,
                    "HTTP/1.1 {status} X\r\nContent-Type: {media}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                    body.len()
                );
            }
        });
        Small { base, asked }
    }

    fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

fn read(mut stream: &TcpStream) -> Option<Asked> {
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let n = stream.read(&mut chunk).ok()?;
        bytes.extend_from_slice(&chunk[..n]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .filter_map(|l| l.split_once(": "))
                .find(|(n, _)| n.eq_ignore_ascii_case("content-length"))
                .map_or(0, |(_, v)| v.parse::<usize>().unwrap());
            if body.len() >= length {
                let mut first = head.lines().next()?.split(' ');
                let (method, target) = (first.next()?.to_owned(), first.next()?.to_owned());
                return Some(Asked { method, target, head: head.to_owned(), body: body.to_owned() });
            }
        }
        if n == 0 {
            return None;
        }
    }
}

fn ok(body: &str) -> Answer {
    (200, "application/json", body.to_owned())
}

fn failed() -> Answer {
    (500, "application/json", r#"{"error": "internal"}"#.to_owned())
}

/// A folder for a test's files.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("why500-replay-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn command(what: &Path, to: &str, more: &[&str]) -> Command {
    let mut c = Command::new(env!("CARGO_BIN_EXE_why500"));
    c.arg("replay").arg(what).args(["--to", to, "--color", "never"]).args(more);
    for name in ["WHY500_AUTHORIZATION", "WHY500_COOKIE", "WHY500_SERVER", "WHY500_TOKEN"] {
        c.env_remove(name);
    }
    c
}

fn text(out: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr))
}

/// Runs it, and gives what it found as data.
fn replay(what: &Path, to: &str, more: &[&str], exit: i32) -> Value {
    let out = command(what, to, more).arg("--json").output().unwrap();
    assert_eq!(out.status.code(), Some(exit), "{}", text(&out));
    serde_json::from_slice(&out.stdout).unwrap()
}

const CURLS: &str = r#"curl 'http://shop.example/orders?page=2&sort=old&lang=de' -H 'Accept: application/json' -H 'X-Tenant: acme' -H 'X-Trace: 1'
curl 'http://shop.example/health'
"#;

#[test]
fn the_one_header_that_matters_is_found() {
    let folder = Folder::new("header");
    let file = folder.file("requests.sh", CURLS);
    let server =
        Small::start(
            |r, _| if r.header("x-tenant").as_deref() == Some("acme") { failed() } else { ok("{}") },
        );
    let doc = replay(&file, &server.base, &[], 1);
    let (orders, health) = (&doc["replayed"][0], &doc["replayed"][1]);
    assert_eq!(orders["outcome"], "fails");
    assert_eq!(orders["failed"], 3);
    assert_eq!(orders["shrunk"]["matters"], json!(["header X-Tenant: acme"]));
    assert_eq!(orders["curl"], format!("curl -sS -i '{}/orders' -H 'X-Tenant: acme'", server.base));
    assert_eq!(health["outcome"], "healed");
    assert!(server.asked().iter().all(|r| r.method == "GET"));

    // Only the second one.
    let doc = replay(&file, &server.base, &["--only", "2"], 0);
    assert_eq!(doc["replayed"].as_array().unwrap().len(), 1);
    let out = command(&file, &server.base, &["--only", "3"]).output().unwrap();
    assert_eq!(out.status.code(), Some(2), "{}", text(&out));
    // Nothing is shrunk where that is not wanted.
    let before = server.asked().len();
    let doc = replay(&file, &server.base, &["--only", "1", "--no-shrink", "--times", "2"], 1);
    assert!(doc["replayed"][0]["shrunk"].is_null());
    assert_eq!(server.asked().len() - before, 2);
}

#[test]
fn the_one_member_that_matters_is_found_and_others_that_must_be_there_are_told_apart() {
    let folder = Folder::new("member");
    let file = folder.file(
        "add.http",
        "POST http://shop.example/add-user?dry=1\nContent-Type: application/json\nX-Trace: 7\n\n\
         {\"name\": \"Ada\", \"email\": \"ada@shop.example\", \"age\": 412, \"tags\": [\"a\", \"b\"]}\n",
    );
    let server = Small::start(|r, _| {
        let Ok(user) = serde_json::from_str::<Value>(&r.body) else {
            return (400, "application/json", "{}".into());
        };
        if user["name"].is_null() {
            return (422, "application/json", "{}".into());
        }
        if user["age"].as_i64().is_some_and(|a| a > 150) {
            failed()
        } else {
            (201, "application/json", "{}".into())
        }
    });
    // It changes things: it is refused unless that is wanted.
    let out = command(&file, &server.base, &[]).output().unwrap();
    assert_eq!(out.status.code(), Some(2));
    assert!(text(&out).contains("--unsafe-methods"), "{}", text(&out));
    assert!(server.asked().is_empty());

    let doc = replay(&file, &server.base, &["--unsafe-methods"], 1);
    let r = &doc["replayed"][0];
    assert_eq!(r["shrunk"]["matters"], json!(["body age = 412"]));
    assert_eq!(r["shrunk"]["needed"], json!(["body name = \"Ada\""]));
    assert!(r["curl"].as_str().unwrap().contains("/add-user' "), "{r:#}");
    let out = command(&file, &server.base, &["--unsafe-methods"]).output().unwrap();
    assert!(text(&out).contains("MATTERS   body age = 412"), "{}", text(&out));
    assert!(text(&out).contains("fails: 500, 3 of 3 times"), "{}", text(&out));
}

fn har(entries: &[(&str, u16)]) -> String {
    let entries: Vec<Value> = entries
        .iter()
        .map(|(target, status)| {
            json!({
                "_resourceType": "xhr",
                "request": {"method": "GET", "url": format!("http://shop.example{target}"), "headers": [
                    {"name": "Authorization", "value": "Bearer of-production"}, {"name": "Cookie", "value": "***"},
                    {"name": "Accept", "value": "*/*"}]},
                "response": {"status": status, "content": {"mimeType": "application/json"}},
            })
        })
        .collect();
    json!({"log": {"version": "1.2", "entries": entries}}).to_string()
}

#[test]
fn what_was_recorded_is_compared_with_what_comes_now() {
    let folder = Folder::new("har");
    let file = folder.file(
        "failing.har",
        &har(&[("/same", 500), ("/other", 500), ("/healed", 502), ("/flaky", 500), ("/new", 200)]),
    );
    let server = Small::start(|r, nth| match r.target.as_str() {
        "/same" | "/new" => failed(),
        "/other" => (503, "text/html", "<h1>busy</h1>".into()),
        "/flaky" if nth % 3 == 0 => failed(),
        _ => ok("{}"),
    });
    let doc = replay(&file, &server.base, &["--no-shrink"], 1);
    let outcomes: Vec<&str> =
        doc["replayed"].as_array().unwrap().iter().map(|r| r["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["same", "other", "healed", "flaky", "other"]);
    let flaky = &doc["replayed"][3];
    assert_eq!((&flaky["failed"], &flaky["times"]), (&json!(1), &json!(3)));
    assert!(flaky["said"].as_str().unwrap().contains("fails 1 of 3 times"));
    // Nothing but what heals: 0.
    let file = folder.file("healed.har", &har(&[("/healed", 502)]));
    let out = command(&file, &server.base, &[]).output().unwrap();
    assert_eq!(out.status.code(), Some(0));
    assert!(text(&out).contains("healed: 200, 3 of 3 times; it was 502"), "{}", text(&out));
}

#[test]
fn what_fails_now_and_then_is_shrunk_too() {
    let folder = Folder::new("flaky");
    let file = folder.file("a.sh", "curl 'http://shop.example/a?x=1&y=2' -H 'X-A: 1'");
    let server =
        Small::start(|r, nth| if r.target.contains("y=2") && nth % 2 == 0 { failed() } else { ok("{}") });
    let doc = replay(&file, &server.base, &["--times", "4"], 1);
    let r = &doc["replayed"][0];
    assert_eq!(r["outcome"], "flaky");
    assert_eq!(r["failed"], 2);
    assert_eq!(r["shrunk"]["matters"], json!(["query y=2"]), "{r:#}");
}

#[test]
fn secrets_go_only_where_they_belong_and_are_never_shown() {
    let folder = Folder::new("secrets");
    let file = folder.file("failing.har", &har(&[("/a", 500)]));
    let server = Small::start(|r, _| {
        if r.header("authorization").as_deref() == Some("Bearer of-staging") {
            failed()
        } else {
            (401, "text/plain", String::new())
        }
    });
    // That of the file was meant for another server.
    let doc = replay(&file, &server.base, &[], 1);
    assert_eq!(doc["replayed"][0]["outcome"], "refused");
    assert!(server.asked().iter().all(|r| !r.head.contains("of-production") && r.header("cookie").is_none()));
    let notes = doc["notes"].to_string();
    assert!(notes.contains("WHY500_AUTHORIZATION") && notes.contains("Cookie is masked"), "{notes}");

    for form in ["terminal", "json"] {
        let out = command(&file, &server.base, &["-f", form, "--secret-header", "X-Api-Key"])
            .env("WHY500_AUTHORIZATION", "Bearer of-staging")
            .env("WHY500_X_API_KEY", "k-5f2c9d77")
            .output()
            .unwrap();
        assert_eq!(out.status.code(), Some(1));
        let said = text(&out);
        assert!(
            !said.contains("of-staging") && !said.contains("of-production") && !said.contains("k-5f2c9d77"),
            "{said}"
        );
        assert!(said.contains("$WHY500_AUTHORIZATION"), "{said}");
        assert!(said.contains("header Authorization"), "{said}");
    }
    assert!(server.asked().iter().any(|r| r.header("x-api-key").as_deref() == Some("k-5f2c9d77")));
    let out = command(&file, &server.base, &["--secret-header", "X-Other"]).output().unwrap();
    assert_eq!(out.status.code(), Some(2));
    assert!(text(&out).contains("WHY500_X_OTHER"));
}

/// A report with one problem, as `explain --json` writes it.
fn report(cause: &str) -> String {
    let (class, name) = cause.split_once('/').unwrap();
    json!({
        "schema": "why500.report/1",
        "problems": [
            {"id": "4f1d0c2b9a7e6d58", "title": "It is locked", "count": 3, "statuses": {"500": 3},
             "verdict": {"class": class, "cause": name, "trigger": {"kind": "none"}},
             "reproduce": {"curl": "curl -sS -i 'http://HOST/data?page=2'"}},
            {"id": "00000000000000aa", "title": "Silent", "count": 1, "statuses": {"500": 1},
             "verdict": {"class": "code", "cause": "null-reference", "trigger": {"kind": "none"}}},
        ],
    })
    .to_string()
}

#[test]
fn a_problem_of_a_report_fails_for_the_same_cause_or_for_another() {
    let folder = Folder::new("report");
    let log = folder.file("app.log", "");
    let path = log.clone();
    let server = Small::start(move |r, _| {
        let mut file = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
        let at = format!("{:.6}", jiff::Timestamp::now());
        let what = "request failed error=reading the items: database is locked";
        writeln!(file, "{at} ERROR request{{method=GET uri={}}}: shop: {what}", r.target).unwrap();
        failed()
    });
    let logs = log.to_str().unwrap();
    let file = folder.file("report.json", &report("database/lock-timeout"));
    let doc = replay(&file, &server.base, &["--no-shrink", "--logs", logs], 1);
    let r = &doc["replayed"][0];
    assert_eq!((&r["outcome"], &r["cause"]), (&json!("same"), &json!("database/lock-timeout")), "{doc:#}");
    assert_eq!(r["problem"], "4f1d0c2b9a7e6d58");
    assert!(doc["notes"].to_string().contains("1 of its problems"), "{doc:#}");
    assert_eq!(server.asked()[0].target, "/data?page=2");

    let file = folder.file("other.json", &report("database/deadlock"));
    let doc = replay(&file, &server.base, &["--no-shrink", "--logs", logs, "--problem", "4f1d"], 1);
    assert_eq!(doc["replayed"][0]["outcome"], "other");
    let out = command(&file, &server.base, &["--problem", "beef"]).output().unwrap();
    assert_eq!(out.status.code(), Some(2));
}

#[test]
fn a_body_that_no_log_holds_is_not_made_up() {
    let folder = Folder::new("bodiless");
    let text = report("database/lock-timeout")
        .replace("'http://HOST/data?page=2'", "-X POST --data '…' 'http://HOST/add-user'");
    let file = folder.file("report.json", &text);
    let server =
        Small::start(
            |r, _| if r.body.is_empty() { (422, "application/json", "{}".into()) } else { ok("{}") },
        );
    let doc = replay(&file, &server.base, &["--unsafe-methods"], 1);
    assert_eq!(doc["replayed"][0]["outcome"], "refused", "{doc:#}");
    assert!(doc["notes"].to_string().contains("is not known"), "{doc:#}");
    let head = server.asked()[0].head.to_lowercase();
    assert!(head.contains("content-length: 0") && !head.contains("transfer-encoding"), "{head}");
}

#[test]
fn a_problem_that_a_server_knows() {
    let known = server::Server::start("replay");
    known.post(
        "/api/1/envelope/",
        "",
        &server::event(&format!("{:032x}", 1), server::now_s(), "KeyError", "/cart/1"),
    );
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    let id = loop {
        let out = Command::new(env!("CARGO_BIN_EXE_why500"))
            .args(["problems", "--json", "--server", &known.address])
            .output()
            .unwrap();
        let doc: Value = serde_json::from_slice(&out.stdout).unwrap_or_default();
        if let Some(id) = doc["problems"][0]["id"].as_str() {
            break id.to_owned();
        }
        assert!(std::time::Instant::now() < deadline, "{}", text(&out));
        std::thread::sleep(Duration::from_millis(100));
    };
    let server = Small::start(|_, _| ok("{}"));
    let doc = replay(Path::new(&id), &server.base, &["--server", &known.address], 0);
    assert_eq!(doc["replayed"][0]["outcome"], "healed", "{doc:#}");
    assert_eq!(server.asked()[0].target, "/cart/1");
}

#[test]
fn two_servers_are_compared_by_what_does_not_change() {
    let folder = Folder::new("against");
    let file = folder
        .file("a.sh", "curl http://shop.example/a\ncurl http://shop.example/b\ncurl http://shop.example/c\n");
    let staging = Small::start(|r, nth| match r.target.as_str() {
        "/a" => ok(&format!(r#"{{"at": {nth}, "items": [{{"id": 1, "price": 2.5}}]}}"#)),
        "/b" => failed(),
        _ => ok(r#"{"id": "7"}"#),
    });
    let production = Small::start(|r, nth| match r.target.as_str() {
        "/a" => ok(&format!(r#"{{"items": [{{"price": 9, "id": 7}}], "at": {}}}"#, nth + 100)),
        "/b" => (200, "text/html", "<h1>fine</h1>".into()),
        _ => ok(r#"{"id": 7}"#),
    });
    let doc = replay(&file, &staging.base, &["--against", &production.base], 1);
    let same: Vec<bool> =
        doc["compared"].as_array().unwrap().iter().map(|c| c["same"].as_bool().unwrap()).collect();
    assert_eq!(same, [true, false, false], "{doc:#}");
    assert_eq!(doc["compared"][2]["differences"], json!(["id: text / number"]));
    let out = command(&file, &staging.base, &["--against", &production.base]).output().unwrap();
    assert!(text(&out).contains("2 of 3 requests differ"), "{}", text(&out));
    replay(&file, &staging.base, &["--against", &production.base, "--only", "1"], 0);
}

#[test]
fn what_cannot_be_tried_is_said() {
    let folder = Folder::new("usage");
    let file = folder.file("a.sh", "curl http://shop.example/a");
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (what, to, says) in [
        (file.as_path(), "shop.example", "write it as http://"),
        (Path::new("no-such-file.har"), "http://127.0.0.1:9", "there is no such file"),
        (file.as_path(), &format!("http://{free}"), "127.0.0.1"),
    ] {
        let out = command(what, to, &[]).output().unwrap();
        assert_eq!(out.status.code(), Some(2), "{}", text(&out));
        assert!(text(&out).contains(says), "{}", text(&out));
    }
}
