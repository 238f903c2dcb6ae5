//! How far the work is.

use super::lock;
use std::io::{self, IsTerminal, Write};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Work that takes longer shows its progress.
const AFTER_MS: u128 = 1000;

/// Shows on standard error how far the work is, once it takes longer than a second and only on a terminal.
pub struct Progress {
    began: Instant,
    shown: Mutex<Option<Instant>>,
    done: AtomicU64,
    total: u64,
    on: bool,
}

impl Progress {
    /// For work on so many bytes.
    pub fn new(total: u64) -> Progress {
        Progress {
            began: Instant::now(),
            shown: Mutex::new(None),
            done: AtomicU64::new(0),
            total,
            on: io::stderr().is_terminal(),
        }
    }

    /// For work that nobody watches from a terminal.
    pub fn silent() -> Progress {
        Progress { on: false, ..Progress::new(0) }
    }

    /// So many bytes more are read.
    pub fn add(&self, bytes: u64) {
        let done = self.done.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if !self.on || self.began.elapsed().as_millis() < AFTER_MS {
            return;
        }
        let Ok(mut shown) = self.shown.try_lock() else { return };
        if shown.is_some_and(|s| s.elapsed().as_millis() < 100) {
            return;
        }
        *shown = Some(Instant::now());
        let mb = |b: u64| b as f64 / 1e6;
        let rate = done as f64 / self.began.elapsed().as_secs_f64();
        let share = if self.total > 0 { (done as f64 / self.total as f64).min(1.0) } else { 0.0 };
        let filled = (share * 24.0) as usize;
        let rest = if rate > 0.0 { ((self.total.saturating_sub(done)) as f64 / rate).ceil() } else { 0.0 };
        let _ = write!(
            io::stderr(),
            "\r\x1b[K[{}{}] {:.0} of {:.0} MB, {:.0} MB/s, {rest:.0} s left",
            "#".repeat(filled),
            "-".repeat(24 - filled),
            mb(done),
            mb(self.total),
            rate / 1e6
        );
        let _ = io::stderr().flush();
    }

    /// Takes it off the screen.
    pub fn clear(&self) {
        if lock(&self.shown).is_some() {
            let _ = write!(io::stderr(), "\r\x1b[K");
            let _ = io::stderr().flush();
        }
    }
}
