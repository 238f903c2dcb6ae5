//! What time does to what the server keeps: seen through the front door, with a clock that goes as the test says.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod server;

use serde_json::Value;
use server::{Client, Server, event, now_s};
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const SENTRY: &str = "/api/1/envelope/";
const DAY_S: i64 = 86_400;

/// Shows the program another time: so many seconds ahead as a file says.
const CLOCK: &str = r#"
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t id, struct timespec *t) {
    int r = syscall(SYS_clock_gettime, id, t);
    const char *path = getenv("CLOCK_AHEAD_FILE");
    if (id != CLOCK_REALTIME || !path) return r;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return r;
    char text[24] = {0};
    if (read(file, text, sizeof text - 1) > 0) t->tv_sec += atoll(text);
    close(file);
    return r;
}
"#;

/// A clock that the test sets.
struct Clock {
    folder: PathBuf,
    ahead_s: AtomicU64,
}

impl Clock {
    /// `None` where there is no C compiler to make it with.
    fn new(name: &str) -> Option<Clock> {
        let folder = std::env::temp_dir().join(format!("why500-keep-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("clock.c"), CLOCK).unwrap();
        let made = Command::new("cc")
            .args(["-shared", "-fPIC", "-o"])
            .args([folder.join("clock.so"), folder.join("clock.c")])
            .status();
        if made.is_ok_and(|s| s.success()) {
            return Some(Clock { folder, ahead_s: AtomicU64::new(0) });
        }
        eprintln!("skipped: no C compiler to make another clock with");
        None
    }

    fn server(&self, options: &[&str]) -> Server {
        let shim = self.folder.join("clock.so");
        let ahead = self.folder.join("ahead");
        Server::with(
            &self.folder.join("data"),
            options,
            &[("LD_PRELOAD", shim.to_str().unwrap()), ("CLOCK_AHEAD_FILE", ahead.to_str().unwrap())],
        )
    }

    /// From now on it is so many seconds ahead. Nobody may read half a number.
    fn set(&self, ahead_s: i64) {
        self.ahead_s.store(ahead_s as u64, Ordering::SeqCst);
        let next = self.folder.join("next");
        std::fs::write(&next, ahead_s.to_string()).unwrap();
        std::fs::rename(next, self.folder.join("ahead")).unwrap();
    }

    fn now_s(&self) -> f64 {
        now_s() + self.ahead_s.load(Ordering::SeqCst) as f64
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn id(n: u64) -> String {
    format!("{:016x}{n:016x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
}

/// A figure of `/metrics`.
fn figure(server: &Server, name: &str) -> u64 {
    let (status, body) = server.send(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert_eq!(status, 200);
    let text = String::from_utf8(body).unwrap();
    let line = text.lines().find(|l| l.split(' ').next() == Some(name)).expect(name);
    line.split(' ').nth(1).unwrap().parse().unwrap()
}

fn until(server: &Server, what: &str, good: impl Fn() -> bool) {
    let began = Instant::now();
    while !good() {
        assert!(began.elapsed() < Duration::from_secs(20), "{what}: {}", server.said());
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A problem's state, and why it is so.
fn state(server: &Server, problem: &str) -> (String, String) {
    let one: Value = server.get(&format!("/api/v1/problems/{problem}"));
    let last = one["states"].as_array().unwrap().last().unwrap();
    (one["state"].as_str().unwrap().to_owned(), last["reason"].as_str().unwrap().to_owned())
}

#[test]
fn problems_are_heard_of_again_resolved_by_silence_and_let_go() {
    let Some(clock) = Clock::new("time") else { return };
    let server = clock.server(&[]);
    let mut client = Client::connect(&server.address).unwrap();
    let mut n = 0;
    let mut send = |what: &str| {
        n += 1;
        assert_eq!(
            client.post(SENTRY, "", &event(&id(n), clock.now_s(), what, "/cart/1")).unwrap().status,
            200
        );
    };
    for what in ["KeyError", "KeyError", "KeyError", "ValueError", "ValueError"] {
        send(what);
    }
    assert_eq!(server.settled(1), 5);
    let of = |count: u64| {
        let problem = server.problems().into_iter().find(|p| p["count"] == count).unwrap();
        problem["id"].as_str().unwrap().to_owned()
    };
    let (key, value) = (of(3), of(2));
    let mute = format!("{{\"until\": \"{}\"}}", clock.now_s() as i64 + 3_600);
    let (status, said) =
        server.post(&format!("/api/v1/problems/{key}/mute"), "Content-Type: text/plain\r\n", mute.as_bytes());
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&said));

    clock.set(1_800);
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(state(&server, &key).0, "muted");
    clock.set(3_700);
    until(&server, "it is heard of again", || state(&server, &key).0 == "ongoing");
    assert_eq!(state(&server, &key).1, "the time it was muted for is over");

    clock.set(15 * DAY_S);
    until(&server, "silence resolves", || state(&server, &key).0 == "resolved");
    for problem in [&key, &value] {
        assert_eq!(state(&server, problem), ("resolved".into(), "no failure for 14 days".into()));
    }
    assert_eq!(figure(&server, "why500_problems_resolved_by_silence_total"), 2);
    assert_eq!(figure(&server, "why500_problems_unmuted_total"), 1);
    send("KeyError");
    until(&server, "it is back", || state(&server, &key).0 == "regressed");

    // Ninety days after the first failures, and before ninety days after the last.
    clock.set(100 * DAY_S);
    until(&server, "old failures go", || figure(&server, "why500_failures_forgotten_total") == 5);
    let kept = |problem: &str| {
        let rows = server.get(&format!("/api/v1/problems/{problem}/failures"));
        rows["failures"].as_array().unwrap().len()
    };
    assert_eq!((kept(&key), kept(&value)), (1, 0));
    assert_eq!(server.counted(1), 6, "their counts stay");
    assert_eq!(server.ask("/api/v1/health").0, 200);
}

/// More comes than may be kept: the oldest goes, counts stay, and whoever asks is answered.
#[test]
fn the_size_holds_under_load() {
    let Some(clock) = Clock::new("size") else { return };
    let limit = 3_000_000;
    let server = clock.server(&["--keep-size", "3MB"]);
    let (next, most) = (AtomicU64::new(0), 6_000);
    let mut slowest = Duration::ZERO;
    std::thread::scope(|scope| {
        let senders: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let mut client = Client::connect(&server.address).unwrap();
                    loop {
                        let n = next.fetch_add(1, Ordering::SeqCst);
                        if n >= most {
                            return;
                        }
                        let kind = format!(
                            "{}Error",
                            ["Key", "Value", "Type", "Name"][n as usize % 4].repeat(1 + n as usize / 4 % 20)
                        );
                        let body = event(&id(n + 1), clock.now_s(), &kind, &format!("/cart/{n}"));
                        while client.post(SENTRY, "", &body).unwrap().status != 200 {
                            std::thread::sleep(Duration::from_millis(50));
                        }
                    }
                })
            })
            .collect();
        // A minute in half a second: the size is measured each minute.
        let mut ahead = 0;
        while !senders.iter().all(std::thread::ScopedJoinHandle::is_finished) {
            ahead += 61;
            clock.set(ahead);
            let began = Instant::now();
            server.problems();
            slowest = slowest.max(began.elapsed());
            std::thread::sleep(Duration::from_millis(500));
        }
        for sender in senders {
            sender.join().unwrap();
        }
    });
    assert_eq!(server.settled(1), most, "counts stay");
    clock.set(86_000);
    until(&server, "the size holds", || {
        let bytes = figure(&server, "why500_database_bytes");
        bytes > 0 && bytes <= limit
    });
    assert!(figure(&server, "why500_failures_forgotten_total") > 0);
    let file = std::fs::metadata(server.data.join("why500.db")).unwrap().len();
    println!(
        "{file} bytes on disk, slowest list {slowest:?}, longest step {} us",
        figure(&server, "why500_retention_step_max_us")
    );
    // Up to four megabytes of free pages are kept for what comes next.
    assert!(file < limit + (5 << 20), "{file}");
    assert!(slowest < Duration::from_secs(2), "{slowest:?}");
}
