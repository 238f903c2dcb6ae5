//! A running server, for tests that come through its front door; and a client that keeps its connection.

#![allow(dead_code, clippy::unwrap_used, clippy::expect_used)]

use serde_json::Value;
use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Reads lines on a thread of its own, so that no pipe fills up.
fn gather(lines: impl BufRead + Send + 'static, to: &Arc<Mutex<String>>) {
    let to = Arc::clone(to);
    std::thread::spawn(move || {
        for line in lines.lines().map_while(Result::ok) {
            to.lock().unwrap().push_str(&(line + "\n"));
        }
    });
}

/// A running server with a folder of its own.
pub struct Server {
    child: Child,
    pub address: String,
    pub data: PathBuf,
    pub syslog: String,
    pub gelf: String,
    pub fluent: String,
    /// Empty where it was not asked for.
    pub syslog_tls: String,
    /// What it wrote to its standard error.
    said: Arc<Mutex<String>>,
    /// … and to its standard output, once it listened.
    printed: Arc<Mutex<String>>,
    /// The folder stays when this goes.
    keep: bool,
}

impl Server {
    pub fn start(name: &str) -> Server {
        let data = std::env::temp_dir().join(format!("why500-serve-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&data);
        Server::on(&data, &[])
    }

    pub fn on(data: &Path, options: &[&str]) -> Server {
        Server::with(data, options, &[])
    }

    /// With these variables in its environment too.
    pub fn with(data: &Path, options: &[&str], environment: &[(&str, &str)]) -> Server {
        let mut child = Command::new(env!("CARGO_BIN_EXE_why500"))
            .args(["serve", "--listen", "127.0.0.1:0", "--tz", "UTC", "--data"])
            .arg(data)
            .args(["--syslog", "127.0.0.1:0", "--gelf", "127.0.0.1:0", "--fluent", "127.0.0.1:0"])
            .args(options)
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let said = Arc::new(Mutex::new(String::new()));
        gather(BufReader::new(child.stderr.take().unwrap()), &said);
        let (mut address, mut sockets) = (String::new(), HashMap::new());
        let mut line = String::new();
        while address.is_empty() {
            line.clear();
            assert!(out.read_line(&mut line).unwrap() > 0, "the server ended: {}", said.lock().unwrap());
            if let Some((_, rest)) =
                line.strip_prefix("why500 listens on ").and_then(|rest| rest.split_once("://"))
            {
                address = rest.split(',').next().unwrap().to_owned();
            } else if let Some((name, rest)) = line.split_once(" on ") {
                sockets.insert(name.to_owned(), rest.split(' ').next().unwrap().to_owned());
            }
        }
        let [syslog, gelf, fluent] = ["syslog", "gelf", "fluent"].map(|name| sockets[name].clone());
        let syslog_tls = sockets.remove("syslog-tls").unwrap_or_default();
        let printed = Arc::default();
        gather(out, &printed);
        Server {
            child,
            address,
            data: data.to_owned(),
            syslog,
            gelf,
            fluent,
            syslog_tls,
            said,
            printed,
            keep: false,
        }
    }

    /// Sends a request; gives status and body.
    pub fn send(&self, request: &[u8]) -> (u16, Vec<u8>) {
        let mut s = TcpStream::connect(&self.address).unwrap();
        s.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        s.write_all(request).unwrap();
        let mut answer = Vec::new();
        s.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|w| w == b"\r\n\r\n").expect("an answer");
        let head = String::from_utf8_lossy(&answer[..end]).into_owned();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, answer[end + 4..].to_vec())
    }

    pub fn post(&self, path: &str, headers: &str, body: &[u8]) -> (u16, Vec<u8>) {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n",
            body.len()
        );
        self.send(&[head.as_bytes(), body].concat())
    }

    pub fn get(&self, path: &str) -> Value {
        let (status, body) =
            self.send(format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes());
        assert_eq!(status, 200, "{path}: {}", String::from_utf8_lossy(&body));
        serde_json::from_slice(&body).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&body)))
    }

    pub fn problems(&self) -> Vec<Value> {
        self.get("/api/v1/problems?limit=500")["problems"].as_array().unwrap().clone()
    }

    /// Waits until the problems are as they should be; gives how long that took.
    pub fn wait(&self, what: &str, good: impl Fn(&[Value]) -> bool) -> Duration {
        let began = Instant::now();
        loop {
            let problems = self.problems();
            if good(&problems) {
                return began.elapsed();
            }
            assert!(began.elapsed() < Duration::from_secs(10), "{what}: {problems:#?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends SIGTERM; gives whether it ended well and how long that took.
    pub fn terminate(&mut self) -> (bool, Duration) {
        let began = Instant::now();
        Command::new("kill").arg(self.pid().to_string()).status().unwrap();
        let ended = self.child.wait().unwrap();
        (ended.success(), began.elapsed())
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// The first line that it prints once it listens and that has this in it, within half a second.
    pub fn printed(&self, mark: &str) -> Option<String> {
        let began = Instant::now();
        loop {
            if let Some(line) = self.printed.lock().unwrap().lines().find(|l| l.contains(mark)) {
                return Some(line.to_owned());
            }
            if began.elapsed() > Duration::from_millis(500) {
                return None;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Its folder is left where it is.
    pub fn keeping(mut self) -> Server {
        self.keep = true;
        self
    }

    /// A figure of `/proc/PID/status` in kilobytes: `VmHWM`, `VmRSS`.
    pub fn memory_kb(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find(|l| l.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// Answer to a GET, whatever its status.
    pub fn ask(&self, path: &str) -> (u16, Value) {
        let head = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let (status, body) = self.send(head.as_bytes());
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    /// Failures of a project counted so far, of all its problems.
    pub fn counted(&self, project: i64) -> u64 {
        let mut sum = 0;
        let mut cursor = String::new();
        loop {
            let page = self.get(&format!("/api/v1/problems?limit=500&project={project}{cursor}"));
            sum += page["problems"]
                .as_array()
                .unwrap()
                .iter()
                .map(|p| p["count"].as_u64().unwrap())
                .sum::<u64>();
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return sum,
            }
        }
    }

    /// Waits until all that was taken in is explained; gives the failures counted then.
    pub fn settled(&self, project: i64) -> u64 {
        let began = Instant::now();
        let mut before = u64::MAX;
        loop {
            let waits = self.ask("/api/v1/health").1["unexplained_batches"].as_u64().unwrap();
            let now = self.counted(project);
            if waits == 0 && now == before {
                return now;
            }
            before = now;
            assert!(began.elapsed() < Duration::from_secs(300), "{waits} batches wait, {now} counted");
            std::thread::sleep(Duration::from_millis(250));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if !self.keep {
            let _ = std::fs::remove_dir_all(&self.data);
        }
    }
}

/// A client that keeps its connection, as SDKs do.
pub struct Client {
    stream: TcpStream,
}

/// An answer.
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    /// Head and body as text.
    pub fn text(&self) -> String {
        self.head.clone() + &String::from_utf8_lossy(&self.body)
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }

    /// A header's value; hyper writes names in small letters.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().filter_map(|l| l.split_once(": ")).find(|(n, _)| *n == name).map(|(_, v)| v)
    }
}

impl Client {
    pub fn connect(address: &str) -> io::Result<Client> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        Ok(Client { stream })
    }

    pub fn post(&mut self, path: &str, headers: &str, body: &[u8]) -> io::Result<Answer> {
        let head =
            format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n{headers}\r\n", body.len());
        // Who refuses a body may answer before it is sent whole.
        let sent = self.stream.write_all(&[head.as_bytes(), body].concat());
        self.answer().or_else(|e| sent.and(Err(e)))
    }

    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    pub fn answer(&mut self) -> io::Result<Answer> {
        let mut bytes = Vec::new();
        let mut piece = [0; 4_096];
        loop {
            let n = self.stream.read(&mut piece)?;
            if n == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            bytes.extend_from_slice(&piece[..n]);
            let Some(end) = bytes.windows(4).position(|w| w == b"\r\n\r\n") else { continue };
            let head = String::from_utf8_lossy(&bytes[..end + 2]).into_owned();
            let length = head
                .lines()
                .find_map(|l| l.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok())
                .unwrap_or(0);
            if bytes.len() >= end + 4 + length {
                let status = head.split(' ').nth(1).unwrap().parse().unwrap();
                return Ok(Answer { status, head, body: bytes[end + 4..].to_vec() });
            }
        }
    }
}

/// What a Sentry SDK for Python sends of an error that nobody caught: one failed request.
pub fn event(id: &str, at_s: f64, exception: &str, target: &str) -> Vec<u8> {
    let event = serde_json::json!({
        "event_id": id, "timestamp": at_s, "platform": "python", "level": "error",
        "transaction": "/cart/<id>", "release": "shop@1.0", "environment": "production",
        "contexts": {"trace": {"trace_id": id, "span_id": &id[..16], "op": "http.server"}},
        "request": {"method": "GET", "url": format!("http://shop.example{target}")},
        "exception": {"values": [{
            "type": exception, "value": "cart is empty", "mechanism": {"type": "flask", "handled": false},
            "stacktrace": {"frames": [{
                "filename": "shop/cart.py", "module": "shop.cart", "function": format!("total_{exception}"),
                "lineno": 88, "in_app": true,
            }]},
        }]},
    });
    format!("{{\"event_id\":\"{id}\"}}\n{{\"type\":\"event\"}}\n{event}\n").into_bytes()
}

/// What a Sentry SDK sends of a request that went well.
pub fn transaction(id: &str, end_s: f64, target: &str) -> Vec<u8> {
    let well = serde_json::json!({
        "event_id": id, "type": "transaction", "transaction": "/cart/<id>", "platform": "python", "environment": "production", "release": "shop@1.0",
        "start_timestamp": end_s - 0.01, "timestamp": end_s,
        "contexts": {"trace": {"trace_id": id, "span_id": &id[16..], "op": "http.server", "status": "ok"}},
        "request": {"method": "GET", "url": format!("http://shop.example{target}")},
    });
    format!("{{\"event_id\":\"{id}\"}}\n{{\"type\":\"transaction\"}}\n{well}\n").into_bytes()
}

/// Seconds since 1970.
pub fn now_s() -> f64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64()
}
