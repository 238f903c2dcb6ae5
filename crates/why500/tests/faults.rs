//! What the server survives, as docs/reliability.md promises: each fault is made, and what must hold is looked at through the front door.
//!
//! An answer 2xx acknowledges. What was acknowledged is found afterwards; nothing is counted twice.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod server;

use server::{Client, Server, event, now_s};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

const SENTRY: &str = "/api/1/envelope/";
/// What one hostile body may take of memory beyond what the server takes anyway.
const BOMB_KB: u64 = 64 << 10;

fn folder(name: &str) -> PathBuf {
    let data = std::env::temp_dir().join(format!("why500-faults-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&data);
    data
}

fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(otherwise)
}

fn id(n: u64) -> String {
    // Spread, as identifiers are.
    format!("{:016x}{n:016x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
}

/// The same bytes each time, as a client sends them again.
fn numbered(n: u64) -> Vec<u8> {
    static FIRST: OnceLock<f64> = OnceLock::new();
    event(&id(n), FIRST.get_or_init(now_s) + n as f64 / 1e4, "KeyError", &format!("/cart/{n}"))
}

/// Letters only, so that no two become one template.
fn word(mut n: u64) -> String {
    let mut w = String::new();
    for _ in 0..5 {
        w.push(char::from(b'a' + (n % 26) as u8));
        n /= 26;
    }
    w
}

/// Clients that send as fast as they are answered, each event with its own number.
struct Load {
    stop: Arc<AtomicBool>,
    threads: Vec<thread::JoinHandle<()>>,
    /// Numbers given out.
    next: Arc<AtomicU64>,
    acknowledged: Arc<AtomicU64>,
    /// Numbers that were sent and not acknowledged.
    unsure: Arc<Mutex<Vec<u64>>>,
}

impl Load {
    fn new() -> Load {
        Load {
            stop: Arc::default(),
            threads: Vec::new(),
            next: Arc::default(),
            acknowledged: Arc::default(),
            unsure: Arc::default(),
        }
    }

    /// Sends over so many connections; what was not acknowledged before comes first, as a client's retry.
    fn start(&mut self, address: &str, connections: usize) {
        self.stop.store(false, Ordering::SeqCst);
        for _ in 0..connections {
            let (address, stop) = (address.to_owned(), Arc::clone(&self.stop));
            let (next, acknowledged, unsure) =
                (Arc::clone(&self.next), Arc::clone(&self.acknowledged), Arc::clone(&self.unsure));
            self.threads.push(thread::spawn(move || {
                let Ok(mut client) = Client::connect(&address) else { return };
                while !stop.load(Ordering::SeqCst) {
                    let again = unsure.lock().unwrap().pop();
                    let n = again.unwrap_or_else(|| next.fetch_add(1, Ordering::SeqCst));
                    match client.post(SENTRY, "", &numbered(n)) {
                        Ok(a) if a.status == 200 => {
                            acknowledged.fetch_add(1, Ordering::SeqCst);
                        }
                        Ok(_) => {
                            unsure.lock().unwrap().push(n);
                            thread::sleep(Duration::from_millis(20));
                        }
                        Err(_) => {
                            unsure.lock().unwrap().push(n);
                            return;
                        }
                    }
                }
            }));
        }
    }

    fn stop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        for t in self.threads.drain(..) {
            t.join().unwrap();
        }
    }

    /// Acknowledged, and sent at least once.
    fn figures(&self) -> (u64, u64) {
        (self.acknowledged.load(Ordering::SeqCst), self.next.load(Ordering::SeqCst))
    }

    fn check(&self, counted: u64, when: &str) {
        let (acknowledged, sent) = self.figures();
        assert!(
            (acknowledged..=sent).contains(&counted),
            "{when}: {counted} counted, {acknowledged} acknowledged, {sent} sent"
        );
    }
}

/// `kill -9` under load, again and again: `WHY500_KILLS` times.
#[test]
fn killed_at_random_moments() {
    let data = folder("kill");
    let mut load = Load::new();
    let mut random = std::time::SystemTime::now().elapsed().unwrap().as_nanos() as u64 | 1;
    let mut slowest = Duration::ZERO;
    let kills = setting("WHY500_KILLS", 20);
    for round in 0..kills {
        let began = Instant::now();
        let mut server = Server::on(&data, &[]).keeping();
        slowest = slowest.max(began.elapsed());
        load.start(&server.address, 6);
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        thread::sleep(Duration::from_micros(20_000 + random % 400_000));
        server.kill();
        load.stop();
        if round % 5 == 4 {
            let server = Server::on(&data, &[]).keeping();
            load.check(server.settled(1), &format!("after kill {round}"));
        }
    }
    let server = Server::on(&data, &[]);
    load.check(server.settled(1), "at the end");
    // What was not acknowledged is sent again, as clients do; it may have been kept, and is not counted twice for it.
    let mut client = Client::connect(&server.address).unwrap();
    for n in load.unsure.lock().unwrap().drain(..) {
        assert_eq!(client.post(SENTRY, "", &numbered(n)).unwrap().status, 200);
    }
    let sent = load.next.load(Ordering::SeqCst);
    assert_eq!(server.settled(1), sent, "each is there, and once");
    println!("{kills} kills, {sent} events, slowest start {slowest:?}");
    assert!(slowest < Duration::from_secs(2), "{slowest:?}");
}

/// SIGTERM under load: what is under way is answered, all that was acknowledged is there.
/// `kill -9` between the reading of a log and the writing down of how far: the journal knows.
#[test]
fn killed_while_a_log_is_followed() {
    let data = folder("followed");
    std::fs::create_dir_all(&data).unwrap();
    let log = data.join("access.log");
    let (stop, lines) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let writer = {
        let (log, stop, lines) = (log.clone(), Arc::clone(&stop), Arc::clone(&lines));
        thread::spawn(move || {
            let open = || std::fs::OpenOptions::new().append(true).create(true).open(&log).unwrap();
            let mut out = open();
            while !stop.load(Ordering::SeqCst) {
                let n = lines.fetch_add(1, Ordering::SeqCst);
                let at = record::Time::from_secs(now_s() as i64);
                let line = format!(
                    "{{\"time\":\"{at}\",\"method\":\"GET\",\"path\":\"/cart/{n}\",\"status\":500,\"remote_addr\":\"203.0.113.7\"}}\n"
                );
                out.write_all(line.as_bytes()).unwrap();
                if n % 400 == 399 {
                    std::fs::rename(&log, log.with_extension("log.1")).unwrap();
                    out = open();
                }
                thread::sleep(Duration::from_millis(5));
            }
        })
    };
    let store = data.join("data");
    let options = ["--follow", log.to_str().unwrap()];
    let mut random = std::time::SystemTime::now().elapsed().unwrap().as_nanos() as u64 | 1;
    for _ in 0..6 {
        let mut server = Server::on(&store, &options).keeping();
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        // Where no state was written yet, nothing tells how far it was read.
        thread::sleep(Duration::from_millis(500 + random % 900));
        server.kill();
    }
    stop.store(true, Ordering::SeqCst);
    writer.join().unwrap();
    let server = Server::on(&store, &options);
    let (written, began) = (lines.load(Ordering::SeqCst), Instant::now());
    while server.counted(1) < written && began.elapsed() < Duration::from_secs(20) {
        thread::sleep(Duration::from_millis(100));
    }
    thread::sleep(Duration::from_millis(500));
    assert_eq!(server.settled(1), written, "each line once");
    drop(server);
    std::fs::remove_dir_all(&data).unwrap();
}

#[test]
fn told_to_stop_under_load() {
    let data = folder("term");
    let mut load = Load::new();
    for _ in 0..3 {
        let mut server = Server::on(&data, &[]).keeping();
        load.start(&server.address, 6);
        thread::sleep(Duration::from_millis(700));
        let (well, took) = server.terminate();
        load.stop();
        assert!(well && took < Duration::from_secs(10), "{well} {took:?} {}", server.said());
    }
    let server = Server::on(&data, &[]);
    load.check(server.settled(1), "at the end");
}

/// A small disk of its own; gone when this is dropped.
struct Disk(PathBuf);

impl Disk {
    fn mount(at: &Path, size: &str) -> Option<Disk> {
        std::fs::create_dir_all(at).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "why500"])
            .arg(at)
            .output()
            .is_ok_and(|o| o.status.success());
        mounted.then(|| Disk(at.to_owned()))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Writes until the disk is full.
fn fill(path: &Path) {
    let mut file = std::fs::File::create(path).unwrap();
    let mut piece = 1 << 20;
    while piece > 0 {
        if file.write_all(&vec![b'x'; piece]).is_err() {
            piece /= 2;
        }
    }
}

#[test]
fn a_full_disk() {
    let Some(disk) = Disk::mount(&folder("disk"), "32m") else {
        eprintln!("skipped: a tmpfs cannot be mounted here; run it as root");
        return;
    };
    let server = Server::on(&disk.0.join("data"), &[]);
    let mut client = Client::connect(&server.address).unwrap();
    let mut sent = 0;
    let mut acknowledged = 0;
    let mut send = |client: &mut Client, acknowledged: &mut u64| {
        let answer = client.post(SENTRY, "", &numbered(sent)).unwrap();
        sent += 1;
        *acknowledged += u64::from(answer.status == 200);
        answer
    };
    for _ in 0..50 {
        assert_eq!(send(&mut client, &mut acknowledged).status, 200);
    }
    assert_eq!(server.settled(1), 50);
    fill(&disk.0.join("filler"));
    // The last pages of the files may still have room.
    let refused =
        (0..500).map(|_| send(&mut client, &mut acknowledged)).find(|a| a.status != 200).expect("refused");
    assert_eq!(refused.status, 503, "{}", refused.text());
    assert!(
        refused.header("retry-after").is_some() && refused.text().contains("no room left"),
        "{}",
        refused.text()
    );
    let (status, health) = server.ask("/api/v1/health");
    assert_eq!((status, health["status"].as_str()), (503, Some("disk-full")), "{health}");
    // What is there can be read.
    assert!(server.counted(1) >= 50);
    let problem = server.problems()[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(server.get(&format!("/api/v1/problems/{problem}"))["id"].as_str(), Some(problem.as_str()));

    std::fs::remove_file(disk.0.join("filler")).unwrap();
    let began = Instant::now();
    while server.ask("/api/v1/health").0 != 200 {
        assert!(began.elapsed() < Duration::from_secs(5), "{}", server.ask("/api/v1/health").1);
        thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(send(&mut client, &mut acknowledged).status, 200);
    let counted = server.settled(1);
    assert!((acknowledged..=sent).contains(&counted), "{acknowledged} {counted} {sent}");
}

/// Shows the program another time, an hour back once a file is there.
const CLOCK: &str = r#"
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t id, struct timespec *t) {
    int r = syscall(SYS_clock_gettime, id, t);
    const char *back = getenv("CLOCK_BACK_FILE");
    if (id == CLOCK_REALTIME && back && access(back, F_OK) == 0) t->tv_sec -= 3600;
    return r;
}
"#;

#[test]
fn the_clock_jumps_back_an_hour() {
    let tools = folder("clock-tools");
    std::fs::create_dir_all(&tools).unwrap();
    std::fs::write(tools.join("clock.c"), CLOCK).unwrap();
    let shim = tools.join("clock.so");
    let made =
        Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&shim).arg(tools.join("clock.c")).status();
    if !made.is_ok_and(|s| s.success()) {
        eprintln!("skipped: no C compiler to make another clock with");
        return;
    }
    let jump = tools.join("back");
    let server = Server::with(
        &folder("clock"),
        &[],
        &[("LD_PRELOAD", shim.to_str().unwrap()), ("CLOCK_BACK_FILE", jump.to_str().unwrap())],
    );
    let before = now_s();
    let mut client = Client::connect(&server.address).unwrap();
    let mut n = 0;
    let mut send = |at: f64, what: &str| {
        n += 1;
        assert_eq!(client.post(SENTRY, "", &event(&id(n), at, what, "/cart/1")).unwrap().status, 200);
    };
    send(before, "KeyError");
    assert_eq!(server.settled(1), 1);
    std::fs::write(&jump, "").unwrap();
    // The server's clock is an hour behind the client's now; another client's goes with it, and a third's is a day ahead.
    send(now_s(), "KeyError");
    send(now_s() - 3_600.0, "KeyError");
    send(now_s() + 86_400.0, "KeyError");
    let (status, _) = server.post(
        "/api/v1/ingest?service=shop",
        "",
        b"Traceback (most recent call last):\n  File \"/srv/shop/cart.py\", line 88, in total\n    x()\nValueError: no\n",
    );
    assert_eq!(status, 202);
    let took = server.wait("all of the one problem", |p| p.iter().any(|p| p["count"] == 4));
    assert!(took < Duration::from_secs(2), "{took:?}");
    for p in server.problems() {
        let last = p["last_seen"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_second();
        assert!((last - before as i64).abs() <= 3_601, "{p}");
    }
    // Lines that are left open by a reader of streams come to their end by the clock too.
    let began = Instant::now();
    while server.ask("/api/v1/health").1["unexplained_batches"] != 0 {
        assert!(began.elapsed() < Duration::from_secs(3));
        thread::sleep(Duration::from_millis(20));
    }
    let _ = std::fs::remove_dir_all(tools);
}

fn p99(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() * 99 / 100]
}

/// Connections that say nothing, or too little too slowly; others are served meanwhile.
#[test]
fn slow_and_half_open_connections() {
    let server = Server::start("slow");
    let open = |n: usize, first: &[u8]| -> Vec<TcpStream> {
        let one = |_| {
            let mut s = TcpStream::connect(&server.address).unwrap();
            s.write_all(first).unwrap();
            s
        };
        (0..n).map(one).collect()
    };
    let silent = open(100, b"");
    let preface = open(100, b"PRI * HT");
    let mut heads = open(300, b"POST /api/1/envelope/ HTTP/1.1\r\nHost: x\r\n");
    let body = b"POST /api/1/envelope/ HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n{";
    let mut bodies = open(300, body);
    drop(open(100, body));
    let mut times = Vec::new();
    let mut client = Client::connect(&server.address).unwrap();
    let mut n = 0;
    for _ in 0..12 {
        for s in heads.iter_mut().chain(&mut bodies) {
            let _ = s.write_all(b"x");
        }
        let second = Instant::now();
        while second.elapsed() < Duration::from_secs(1) {
            let began = Instant::now();
            assert_eq!(client.post(SENTRY, "", &numbered(n)).unwrap().status, 200);
            times.push(began.elapsed());
            n += 1;
            thread::sleep(Duration::from_millis(20));
        }
    }
    assert_eq!(server.settled(1), n);
    let slow = p99(times);
    println!("p99 beside 900 slow connections: {slow:?}");
    assert!(slow < Duration::from_millis(500), "{slow:?}");
    // Those that have not begun a request within ten seconds are gone.
    for mut s in silent.into_iter().chain(preface).chain(heads) {
        s.set_read_timeout(Some(Duration::from_secs(3))).unwrap();
        match s.read(&mut [0; 16]) {
            Ok(0) => {}
            Err(e) if e.kind() == std::io::ErrorKind::ConnectionReset => {}
            other => panic!("still open: {other:?}"),
        }
    }
}

#[test]
fn two_thousand_connections() {
    let server = Server::start("many");
    let room = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    if room.current.is_some_and(|n| n < 2_500) {
        eprintln!("skipped: the test itself may have only {:?} descriptors; see ulimit -n", room.current);
        return;
    }
    let mut clients: Vec<Client> = (0..2_000).map(|_| Client::connect(&server.address).unwrap()).collect();
    for round in 0..2 {
        for (i, c) in clients.iter_mut().enumerate() {
            let body = numbered((round * 2_000 + i) as u64);
            let head = format!("POST {SENTRY} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", body.len());
            c.write(&[head.as_bytes(), &body].concat()).unwrap();
        }
        for c in &mut clients {
            assert_eq!(c.answer().unwrap().status, 200);
        }
    }
    assert_eq!(server.settled(1), 4_000);
    println!("peak memory: {} kB", server.memory_kb("VmHWM"));
}

/// Each protocol over HTTP: path, headers.
const WIRES: [(&str, &str); 14] = [
    ("/api/1/envelope/", ""),
    ("/api/1/store/", "Content-Type: application/json\r\n"),
    ("/v1/traces", "Content-Type: application/json\r\n"),
    ("/v1/traces", "Content-Type: application/x-protobuf\r\n"),
    ("/v1/logs", "Content-Type: application/json\r\n"),
    ("/v0.4/traces", "Content-Type: application/msgpack\r\n"),
    ("/api/v2/logs", "Content-Type: application/json\r\n"),
    ("/api/v1/ingest", "Content-Type: application/json\r\n"),
    ("/loki/api/v1/push", "Content-Type: application/json\r\n"),
    ("/services/collector/event", ""),
    ("/_bulk", "Content-Type: application/x-ndjson\r\n"),
    ("/gelf", ""),
    ("/", "Content-Type: application/json\r\n"),
    ("/", "Content-Type: application/msgpack\r\n"),
];

fn alive(server: &Server) {
    let (status, answer) = server.post(SENTRY, "", &numbered(1 << 40));
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&answer));
}

#[test]
fn bodies_over_the_limits() {
    let server = Server::start("long");
    for (path, headers) in WIRES {
        let mut c = Client::connect(&server.address).unwrap();
        c.write(
            format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 30000000\r\n{headers}\r\n")
                .as_bytes(),
        )
        .unwrap();
        let answer = c.answer().unwrap();
        assert_eq!(answer.status, 413, "{path}: {}", answer.text());
        assert!(answer.text().contains("20971520"), "{path}: {}", answer.text());
    }
    // One that does not say how long it will be.
    let mut c = Client::connect(&server.address).unwrap();
    c.write(b"POST /api/1/envelope/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap();
    let piece = [b"100000\r\n".as_slice(), &vec![b'x'; 1 << 20], b"\r\n"].concat();
    for _ in 0..25 {
        if c.write(&piece).is_err() {
            break;
        }
    }
    if let Ok(answer) = c.answer() {
        assert_eq!(answer.status, 413);
    }
    alive(&server);
}

/// 400 MB of nothing in some kilobytes, in each encoding.
fn bombs() -> Vec<(&'static str, Vec<u8>)> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..400 {
        gzip.write_all(&vec![0; 1 << 20]).unwrap();
    }
    // A frame without a size whose blocks repeat one byte 128 KiB long (RFC 8878 §3.1.1.2.2).
    let mut zstd = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58];
    for last in (0..3_200).map(|i| u32::from(i == 3_199)) {
        zstd.extend_from_slice(&((128 * 1024) << 3 | 1 << 1 | last).to_le_bytes()[..3]);
        zstd.push(0);
    }
    // node -e 'zlib.brotliCompressSync(Buffer.alloc(256 << 20))'
    let br = include_bytes!("faults/zeros-256-mib.br").to_vec();
    vec![("gzip", gzip.finish().unwrap()), ("zstd", zstd), ("br", br)]
}

#[test]
fn compression_bombs() {
    let server = Server::start("bombs");
    alive(&server);
    let before = server.memory_kb("VmHWM");
    for (encoding, body) in bombs() {
        for (path, headers) in WIRES {
            let began = Instant::now();
            let headers = format!("{headers}Content-Encoding: {encoding}\r\n");
            let (status, answer) = server.post(path, &headers, &body);
            let text = String::from_utf8_lossy(&answer).into_owned();
            assert_eq!(status, 413, "{path} {encoding}: {text}");
            assert!(text.contains("104857600"), "{path} {encoding}: {text}");
            assert!(began.elapsed() < Duration::from_secs(5), "{path} {encoding}: {:?}", began.elapsed());
        }
    }
    let grown = server.memory_kb("VmHWM") - before;
    println!("memory grew by {grown} kB");
    assert!(grown < BOMB_KB, "{grown} kB");
    alive(&server);
}

#[test]
fn deep_and_broken_bodies() {
    let server = Server::start("deep");
    alive(&server);
    let before = server.memory_kb("VmHWM");
    let deep = |open: &str, close: &str| (open.repeat(100_000) + "1" + &close.repeat(100_000)).into_bytes();
    let envelope = |item: &[u8]| [b"{}\n{\"type\":\"event\"}\n".as_slice(), item, b"\n"].concat();
    let nested = [deep("[", "]"), deep("{\"a\":", "}"), vec![b'['; 100_000], vec![0x91; 100_000]];
    let bytes: Vec<u8> = (0..4_096u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8 | 0x80).collect();
    let broken = [bytes, b"{\"message\":\"\xff\xfe\xc0\x80 \xed\xa0\x80\",\"level\":\"error\"}".to_vec()];
    for (path, headers) in WIRES {
        for body in nested.iter().chain(&broken) {
            let (status, _) = server.post(path, headers, body);
            assert!(status < 500, "{path}: {status}");
            if path == SENTRY {
                assert!(server.post(path, headers, &envelope(body)).0 < 500);
            }
        }
    }
    for address in [&server.syslog, &server.gelf, &server.fluent] {
        for body in nested.iter().chain(&broken) {
            let _ = TcpStream::connect(address).unwrap().write_all(body);
        }
    }
    alive(&server);
    let grown = server.memory_kb("VmHWM") - before;
    assert!(grown < BOMB_KB, "{grown} kB");
}

/// Distinct problems without end: they are folded, the memory stays, and it is said. `WHY500_FINGERPRINTS` of them.
#[test]
fn fingerprints_without_end() {
    let server = Server::start("distinct");
    let all = setting("WHY500_FINGERPRINTS", 100_000);
    let mut client = Client::connect(&server.address).unwrap();
    let at = now_s() as u64;
    let began = Instant::now();
    let mut sent = 0;
    while sent < all {
        let spans: Vec<_> = (sent..all.min(sent + 200))
            .map(|n| {
                let what = format!("{}Error", word(n));
                let text = |k: &str, v: String| serde_json::json!({"key": k, "value": {"stringValue": v}});
                serde_json::json!({
                    "traceId": id(n), "spanId": &id(n)[..16], "name": "GET /cart", "kind": 2,
                    "startTimeUnixNano": (at * 1_000_000_000).to_string(),
                    "endTimeUnixNano": (at * 1_000_000_000 + 5_000_000).to_string(),
                    "status": {"code": 2},
                    "attributes": [
                        text("http.request.method", "GET".into()), text("http.route", "/cart".into()),
                        text("url.path", "/cart".into()),
                        {"key": "http.response.status_code", "value": {"intValue": "500"}},
                    ],
                    "events": [{"name": "exception", "timeUnixNano": (at * 1_000_000_000).to_string(), "attributes": [
                        text("exception.type", what.clone()), text("exception.message", format!("{} is empty", word(n))),
                        text("exception.stacktrace", format!("Traceback (most recent call last):\n  File \"/srv/{0}.py\", line 8, in {0}\n    x()\n{what}: empty\n", word(n))),
                    ]}],
                })
            })
            .map(|mut s: serde_json::Value| s.take())
            .collect();
        let n = spans.len() as u64;
        let body = serde_json::json!({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}).to_string();
        let answer =
            client.post("/v1/traces", "Content-Type: application/json\r\n", body.as_bytes()).unwrap();
        match answer.status {
            200 => sent += n,
            429 | 503 => thread::sleep(Duration::from_millis(100)),
            _ => panic!("{}", answer.text()),
        }
    }
    let settled = server.settled(1);
    assert_eq!(settled, all);
    let took = began.elapsed();
    let memory = server.memory_kb("VmHWM");
    println!("{all} in {took:?}, peak memory {memory} kB");
    assert!(memory < 400 << 10, "{memory} kB");
    if all > 10_000 {
        let (status, folded) = server.ask("/api/v1/problems/0000000000000000");
        assert_eq!(status, 200);
        assert!(folded["title"].as_str().unwrap().contains("beyond 10000"), "{folded}");
        assert!(folded["count"].as_u64().unwrap() + 10_000 >= all, "{}", folded["count"]);
    }
}

/// One project is flooded from twelve connections; another sends ten events a second and is answered and explained as ever.
#[test]
fn a_flood_to_one_project_does_not_starve_another() {
    let server = Server::start("flood");
    let project = |name: &str| -> (i64, String) {
        let body = serde_json::json!({ "name": name }).to_string();
        let (status, answer) =
            server.post("/api/v1/projects", "Content-Type: application/json\r\n", body.as_bytes());
        assert_eq!(status, 201);
        let made: serde_json::Value = serde_json::from_slice(&answer).unwrap();
        let key = made["key"].as_str().unwrap();
        (
            made["id"].as_i64().unwrap(),
            format!("X-Sentry-Auth: Sentry sentry_version=7, sentry_key={key}\r\n"),
        )
    };
    let (noisy, quiet) = (project("noisy"), project("quiet"));
    let stop = Arc::new(AtomicBool::new(false));
    let slowed = Arc::new(AtomicU64::new(0));
    let flood: Vec<_> = (0..12u64)
        .map(|t| {
            let (address, auth) = (server.address.clone(), noisy.1.clone());
            let (stop, slowed) = (Arc::clone(&stop), Arc::clone(&slowed));
            thread::spawn(move || {
                let mut client = Client::connect(&address).unwrap();
                let mut n = t << 32;
                while !stop.load(Ordering::SeqCst) {
                    n += 1;
                    // Long breadcrumbs, so that the share is used up.
                    let mut body = event(&id(n), now_s(), "FloodError", "/flood");
                    let text = format!(",\"breadcrumbs\":[{{\"message\":\"{}\"}}]}}\n", "x".repeat(8_000));
                    let end = body.len() - 2;
                    body.splice(end.., text.into_bytes());
                    if client.post(SENTRY, &auth, &body).unwrap().status == 429 {
                        slowed.fetch_add(1, Ordering::SeqCst);
                    }
                }
            })
        })
        .collect();
    thread::sleep(Duration::from_secs(2));
    let mut client = Client::connect(&server.address).unwrap();
    let (mut answered, mut visible) = (Vec::new(), Vec::new());
    for n in 0..60u64 {
        let began = Instant::now();
        let body = event(&id(1 << 50 | n), now_s(), &format!("{}Error", word(n)), "/quiet");
        let answer = client.post(SENTRY, &quiet.1, &body).unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        answered.push(began.elapsed());
        if n % 5 == 0 {
            while server.counted(quiet.0) < n + 1 {
                assert!(began.elapsed() < Duration::from_secs(10), "not explained");
                thread::sleep(Duration::from_millis(10));
            }
            visible.push(began.elapsed());
        }
        thread::sleep(Duration::from_millis(50));
    }
    stop.store(true, Ordering::SeqCst);
    for t in flood {
        t.join().unwrap();
    }
    let (answered, visible) = (p99(answered), p99(visible));
    let slowed = slowed.load(Ordering::SeqCst);
    println!("beside a flood ({slowed} refused): answered p99 {answered:?}, explained p99 {visible:?}");
    assert!(answered < Duration::from_millis(500), "{answered:?}");
    assert!(visible < Duration::from_secs(3), "{visible:?}");
}

#[test]
fn two_programs_on_one_folder() {
    let server = Server::start("two");
    let second = Command::new(env!("CARGO_BIN_EXE_why500"))
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(&server.data)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert_eq!(second.status.code(), Some(2), "{said}");
    assert!(said.contains(&format!("in use by process {}", server.pid())), "{said}");
    alive(&server);
}

/// A write torn by a crash at the end of the journal, and a byte flipped amid it.
#[test]
fn a_damaged_journal() {
    let data = folder("torn");
    let mut server = Server::on(&data, &[]).keeping();
    for n in 0..20 {
        assert_eq!(server.post(SENTRY, "", &numbered(n)).0, 200);
    }
    assert_eq!(server.settled(1), 20);
    server.kill();
    let newest = || {
        let mut logs: Vec<_> =
            std::fs::read_dir(data.join("journal")).unwrap().map(|f| f.unwrap().path()).collect();
        logs.sort();
        logs.pop().unwrap()
    };
    let path = newest();
    let mut bytes = std::fs::read(&path).unwrap();
    let whole = bytes.len();
    bytes.extend_from_slice(&bytes.clone()[..whole / 30]);
    std::fs::write(&path, &bytes).unwrap();
    let mut server = Server::on(&data, &[]).keeping();
    assert_eq!(server.settled(1), 20);
    assert_eq!(server.post(SENTRY, "", &numbered(20)).0, 200);
    assert_eq!(server.settled(1), 21);
    server.kill();

    let path = newest();
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    std::fs::write(&path, &bytes).unwrap();
    let server = Server::on(&data, &[]);
    assert_eq!(server.settled(1), 21);
    assert!(server.said().contains(".log"), "{}", server.said());
    assert_eq!(server.post(SENTRY, "", &numbered(21)).0, 200);
    assert_eq!(server.settled(1), 22);
}

/// Clock ticks that the process has used, and how many are a second (`man 5 proc_pid_stat`, fields 14 and 15).
fn ticks(server: &Server) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", server.pid())).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

/// The figures of docs/reliability.md; they say something of a release build alone.
#[test]
#[ignore = "takes a minute and measures; see docs/reliability.md"]
fn figures() {
    const TICKS_PER_S: f64 = 100.0;
    let data = folder("figures");
    let mut server = Server::on(&data, &[]).keeping();
    thread::sleep(Duration::from_secs(3));
    let before = ticks(&server);
    thread::sleep(Duration::from_secs(10));
    let cpu = (ticks(&server) - before) as f64 / TICKS_PER_S / 10.0 * 100.0;
    println!("idle, new folder: {} kB, {cpu:.2} % of a core", server.memory_kb("VmRSS"));

    // A hundred failures a second, each tenth of a new problem; somebody asks all the time.
    let mut client = Client::connect(&server.address).unwrap();
    let (mut sent, mut visible): (Vec<Instant>, Vec<Duration>) = (Vec::new(), Vec::new());
    let began = Instant::now();
    while visible.len() < 2_000 {
        while sent.len() < 2_000 && began.elapsed() >= Duration::from_millis(10) * sent.len() as u32 {
            let n = sent.len() as u64;
            let what = if n.is_multiple_of(10) { word(n) } else { "Key".to_owned() };
            let body = event(&id(n), now_s(), &format!("{what}Error"), &format!("/cart/{n}"));
            sent.push(Instant::now());
            assert_eq!(client.post(SENTRY, "", &body).unwrap().status, 200);
        }
        let counted = server.counted(1) as usize;
        while visible.len() < counted {
            visible.push(sent[visible.len()].elapsed());
        }
        thread::sleep(Duration::from_millis(2));
    }
    visible.sort();
    println!("failure to visible verdict at 100/s: p50 {:?}, p99 {:?}", visible[1_000], visible[1_980]);
    thread::sleep(Duration::from_secs(5));
    let before = ticks(&server);
    thread::sleep(Duration::from_secs(10));
    let cpu = (ticks(&server) - before) as f64 / TICKS_PER_S / 10.0 * 100.0;
    println!("idle after that: {} kB, {cpu:.2} % of a core", server.memory_kb("VmRSS"));

    // Further failures of a problem that is known.
    let size = |server: &mut Server| {
        assert!(server.terminate().0);
        let files = std::fs::read_dir(&data).unwrap().flatten().filter(|f| f.path().is_file());
        files.map(|f| f.metadata().unwrap().len()).sum::<u64>()
    };
    let before = size(&mut server);
    let mut server = Server::on(&data, &[]);
    let mut client = Client::connect(&server.address).unwrap();
    let further = 20_000;
    for n in 0..further {
        let body = event(&id(1 << 32 | n), now_s(), "KeyError", &format!("/cart/{n}"));
        while client.post(SENTRY, "", &body).unwrap().status != 200 {
            thread::sleep(Duration::from_millis(50));
        }
    }
    server.settled(1);
    let grown = size(&mut server) - before;
    println!("stored: {} bytes a further failure of a known problem", grown / further);
}
