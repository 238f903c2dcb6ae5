//! The logs that the demo writes, as services do.
//!
//! ```text
//! access.log    {"time":"2026-11-29T14:00:00.380211Z","remote_addr":"127.0.0.1","request_id":"9e3779b97f4a7c15","method":"GET",…}
//! app.log       2026-11-29T14:00:00.380150Z ERROR request{request_id=9e3779b97f4a7c15 method=GET uri=/data}: demo::data: src/…rs:88: …
//! upstream.log  2026-11-29T14:00:00.379001Z  INFO request{method=GET uri=/prices}: prices: price list sent items=20 latency_ms=0
//! deploys.log   2026-11-29T14:00:00Z deploy release=demo@1.5.0 commit=9e41c07
//! ```
//!
//! `app.log` and `upstream.log` are in the full format of Rust's `tracing_subscriber::fmt`, with file and line; what panics is
//! written as the standard library does (`std/src/panicking.rs`).

use serde::Serialize;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::panic::Location;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

const ACCESS: &str = "access.log";
const APP: &str = "app.log";
const UPSTREAM: &str = "upstream.log";
const DEPLOYS: &str = "deploys.log";

/// All logs of a demo.
pub struct Logs {
    folder: PathBuf,
    access: Mutex<File>,
    app: Mutex<File>,
    upstream: Mutex<File>,
    deploys: Mutex<File>,
    /// How often they were begun anew.
    turns: AtomicU32,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// As it should be.
    Info,
    /// A request failed.
    Error,
}

/// The request that something is said about.
#[derive(Clone, Debug)]
pub struct Span<'a> {
    /// The id that it got; none in logs of services that give none.
    pub id: Option<&'a str>,
    /// `GET`
    pub method: &'a str,
    /// `/data?page=2`
    pub target: &'a str,
}

/// A request that was answered.
pub struct Answered<'a> {
    /// The request.
    pub span: Span<'a>,
    /// The status of the answer.
    pub status: u16,
    /// Bytes of its body.
    pub bytes: usize,
    /// From the request to the answer.
    pub took_us: u64,
    /// What the client calls itself.
    pub agent: &'a str,
}

#[derive(Serialize)]
struct AccessLine<'a> {
    time: String,
    remote_addr: &'a str,
    request_id: &'a str,
    method: &'a str,
    path: &'a str,
    status: u16,
    bytes: usize,
    duration_ms: f64,
    user_agent: &'a str,
}

impl Logs {
    /// New logs in a folder, which is made where there is none.
    ///
    /// # Errors
    /// It cannot be written, or holds such logs already: an older run's failures are not to be explained as this one's.
    pub fn new(folder: &Path) -> io::Result<Logs> {
        std::fs::create_dir_all(folder)?;
        let opened = |name: &str| Ok::<_, io::Error>(Mutex::new(open(folder, name)?));
        Ok(Logs {
            access: opened(ACCESS)?,
            app: opened(APP)?,
            upstream: opened(UPSTREAM)?,
            deploys: opened(DEPLOYS)?,
            folder: folder.to_owned(),
            turns: AtomicU32::new(0),
        })
    }

    /// Begins all of them anew, as rotation does; those so far go to `earlier/N` beside their folder.
    ///
    /// # Errors
    /// They cannot be moved, or new ones not be made.
    pub fn turn(&self) -> io::Result<()> {
        let n = self.turns.fetch_add(1, Ordering::Relaxed) + 1;
        let to = self.folder.with_file_name("earlier").join(n.to_string());
        std::fs::create_dir_all(&to)?;
        let all =
            [(ACCESS, &self.access), (APP, &self.app), (UPSTREAM, &self.upstream), (DEPLOYS, &self.deploys)];
        for (name, file) in all {
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
            std::fs::rename(self.folder.join(name), to.join(name))?;
            *file = open(&self.folder, name)?;
        }
        Ok(())
    }

    /// Where they lie.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A line of `access.log`.
    pub fn access(&self, a: &Answered<'_>) {
        let line = AccessLine {
            time: crate::serve::now().to_string(),
            remote_addr: "127.0.0.1",
            request_id: a.span.id.unwrap_or_default(),
            method: a.span.method,
            path: a.span.target,
            status: a.status,
            bytes: a.bytes,
            duration_ms: a.took_us as f64 / 1000.0,
            user_agent: a.agent,
        };
        // Such a line is texts and numbers; nothing of it can be refused.
        let line = serde_json::to_string(&line).unwrap_or_default();
        put(&self.access, &format!("{line}\n"));
    }

    /// A line of `app.log`; `at` is the place in the source that says it.
    pub fn app(
        &self,
        level: Level,
        span: Option<&Span<'_>>,
        module: &str,
        at: Option<&Location<'_>>,
        said: &str,
    ) {
        let place = at.map(|l| format!("{}:{}: ", l.file(), l.line())).unwrap_or_default();
        put(&self.app, &event(level, span, module, &format!("{place}{said}")));
    }

    /// What the standard library writes of a panic.
    pub fn panic(&self, thread: &str, at: &str, message: &str) {
        let note = "note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace";
        put(&self.app, &format!("\nthread '{thread}' panicked at {at}:\n{message}\n{note}\n"));
    }

    /// A line of `upstream.log`.
    pub fn upstream(&self, level: Level, span: Option<&Span<'_>>, said: &str) {
        put(&self.upstream, &event(level, span, "prices", said));
    }

    /// A line of `deploys.log`: what the pipeline did.
    pub fn deploy(&self, what: &str) {
        put(&self.deploys, &format!("{} {what}\n", crate::serve::now()));
    }
}

fn open(folder: &Path, name: &str) -> io::Result<File> {
    OpenOptions::new().append(true).create_new(true).open(folder.join(name))
}

fn event(level: Level, span: Option<&Span<'_>>, module: &str, said: &str) -> String {
    let level = match level {
        Level::Info => " INFO",
        Level::Error => "ERROR",
    };
    let span = span.map_or_else(String::new, |s| {
        let id = s.id.map(|id| format!("request_id={id} ")).unwrap_or_default();
        format!("request{{{id}method={} uri={}}}: ", s.method, s.target)
    });
    // A line stays a line, whatever a client sent.
    let said = said.replace(['\r', '\n'], " ");
    format!("{} {level} {span}{module}: {said}\n", crate::serve::now())
}

/// One write, so that lines of threads do not mix. A disk that is full ends the logs, not the service.
fn put(file: &Mutex<File>, text: &str) {
    let _ = file.lock().unwrap_or_else(PoisonError::into_inner).write_all(text.as_bytes());
}
