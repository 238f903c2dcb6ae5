//! What time does to what is kept: problems that are silent for long are resolved, those muted for a while are heard of again,
//! what is old goes, and the oldest where the database grows beyond its size.
//!
//! One thread, which has the store for some milliseconds at a time: the digest and people's actions come between. What comes in
//! goes to the journal meanwhile, and reading has connections of its own.

use super::App;
use super::commit::Trouble;
use record::{SECOND, Time};
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};
use store::{Retention, Store};

/// It is looked whether something is due so often. The clock is asked each time, so that a machine that slept is up to date soon.
const LOOK: Duration = Duration::from_secs(1);
/// Between two sweeps: a muted problem is heard of within a minute. The size is measured as often.
const SWEEP_US: i64 = 60 * SECOND;
/// Between two retentions.
const RETENTION_US: i64 = 3_600 * SECOND;
/// After the start: what was left in the journal, and written to followed logs meanwhile, is digested first.
const START_US: i64 = 60 * SECOND;
/// Between two steps lies as much time as the step took, and at least this: the store's lock knows no turns.
const PAUSE_MIN: Duration = Duration::from_millis(2);

/// The least that a database may be kept to: an empty one with its indexes has a tenth of it.
const SIZE_MIN: u64 = 2_000_000;

/// How long things are kept.
#[derive(clap::Args, Debug, Clone, Copy)]
pub struct Keep {
    /// Days for which failures are kept whole; their counts stay for thirteen months
    #[arg(long, value_name = "DAYS", default_value_t = store::KEEP_DAYS, value_parser = clap::value_parser!(i64).range(1..=36_500))]
    pub keep_days: i64,
    /// Size to which the database is kept, the oldest failures going first: 500MB, 10GB, 2GiB
    #[arg(long, value_name = "SIZE", default_value = "10GB")]
    pub keep_size: Size,
    /// Days without a failure after which a problem is resolved; 0: never
    #[arg(long, value_name = "DAYS", default_value_t = store::SILENCE_DAYS, value_parser = clap::value_parser!(i64).range(0..=36_500))]
    pub silence_days: i64,
}

/// Bytes, as people write them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size(pub u64);

impl FromStr for Size {
    type Err = String;

    /// `10GB`, `1.5 TB` (powers of ten), `512MiB` (powers of two); a bare number is bytes, `10G` is `10GB`.
    fn from_str(text: &str) -> Result<Size, String> {
        let wrong = || format!("{text}: a size is a number with kB, MB, GB, TB, or KiB, MiB, GiB, TiB: 10GB");
        let text = text.trim();
        let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let number: f64 = number.parse().map_err(|_| wrong())?;
        let unit = unit.trim().to_ascii_lowercase();
        let (base, power) = match unit.as_str() {
            "" | "b" => (1_000_f64, 0),
            "k" | "kb" => (1_000.0, 1),
            "m" | "mb" => (1_000.0, 2),
            "g" | "gb" => (1_000.0, 3),
            "t" | "tb" => (1_000.0, 4),
            "kib" => (1_024.0, 1),
            "mib" => (1_024.0, 2),
            "gib" => (1_024.0, 3),
            "tib" => (1_024.0, 4),
            _ => return Err(wrong()),
        };
        // A float's largest is held at the integer's.
        let bytes = (number * base.powi(power)) as u64;
        if bytes < SIZE_MIN {
            return Err(format!("{text}: at least {} MB are needed", SIZE_MIN / 1_000_000));
        }
        Ok(Size(bytes))
    }
}

/// What went since the start, for `/metrics`.
#[derive(Default)]
pub struct Kept {
    /// Problems resolved by silence.
    pub silent: AtomicU64,
    /// Problems heard of again.
    pub heard: AtomicU64,
    /// Failures that went; their counts stay.
    pub failures: AtomicU64,
    /// Examples that went.
    pub examples: AtomicU64,
    /// Problems that went.
    pub problems: AtomicU64,
    /// Bytes of the database that hold something, as measured last; 0: not yet.
    pub bytes: AtomicU64,
    /// The longest that a step had the store, in microseconds.
    pub longest_us: AtomicU64,
}

/// Begins to look after what is kept.
///
/// # Errors
/// No thread can be had.
pub fn start(
    app: &Arc<App>,
    keep: Keep,
    stopped: &Arc<AtomicBool>,
) -> Result<std::thread::JoinHandle<()>, String> {
    let (app, stopped) = (Arc::clone(app), Arc::clone(stopped));
    let run = move || Keeper { app, keep, stopped }.run();
    std::thread::Builder::new().name("keep".into()).spawn(run).map_err(|e| e.to_string())
}

struct Keeper {
    app: Arc<App>,
    keep: Keep,
    stopped: Arc<AtomicBool>,
}

impl Keeper {
    fn run(&self) {
        let mut sweep = super::now().plus(START_US);
        let mut retention = sweep;
        // Nothing more can go, and yet it is larger than it may be: what is left are counts.
        let mut stuck = false;
        while !self.stopped.load(Ordering::Relaxed) {
            let now = super::now();
            if now >= sweep {
                sweep = now.plus(SWEEP_US);
                let outcome = self.sweep(now).and_then(|()| {
                    let large = self.measure()? > self.keep.keep_size.0 && !stuck;
                    if now < retention && !large {
                        return Ok(());
                    }
                    retention = now.plus(RETENTION_US);
                    let fits = self.retain(now)?;
                    self.app.forget_maps(now)?;
                    if !fits && !stuck {
                        eprintln!(
                            "why500: the database is larger than --keep-size though all failures went: counts stay for \
                             thirteen months; allow it more"
                        );
                    }
                    stuck = !fits;
                    Ok(())
                });
                let trouble = |e: store::Error| Trouble { full: e.is_full(), why: e.to_string() };
                self.app.progress.wrote("retention", outcome.map_err(trouble));
            }
            std::thread::park_timeout(LOOK);
        }
    }

    /// Does something with the store, and leaves it to others for as long again.
    fn step<T>(&self, act: impl FnOnce(&mut Store) -> store::Result<T>) -> store::Result<T> {
        let (outcome, took) = {
            let mut store = self.app.writer.lock().unwrap_or_else(PoisonError::into_inner);
            let began = Instant::now();
            (act(&mut store), began.elapsed())
        };
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.app.kept.longest_us.fetch_max(us, Ordering::Relaxed);
        std::thread::sleep(took.max(PAUSE_MIN));
        outcome
    }

    fn sweep(&self, now: Time) -> store::Result<()> {
        let kept = &self.app.kept;
        while !self.stopped.load(Ordering::Relaxed) {
            let swept = self.step(|s| s.sweep(now, self.keep.silence_days))?;
            kept.silent.fetch_add(swept.silent, Ordering::Relaxed);
            kept.heard.fetch_add(swept.heard, Ordering::Relaxed);
            if !swept.any() {
                break;
            }
        }
        Ok(())
    }

    fn measure(&self) -> store::Result<u64> {
        let bytes = self.step(|s| s.bytes_used())?;
        self.app.kept.bytes.store(bytes, Ordering::Relaxed);
        Ok(bytes)
    }

    /// Lets go of what is old; when the server is to stop, the rest is left for the next start. Gives whether the size holds.
    fn retain(&self, now: Time) -> store::Result<bool> {
        let kept = &self.app.kept;
        let mut retention = Retention::new(now, self.keep.keep_days, self.keep.keep_size.0);
        let mut more = true;
        while more && !self.stopped.load(Ordering::Relaxed) {
            let before = retention.gone();
            more = self.step(|s| s.retention_step(&mut retention))?;
            let gone = retention.gone();
            kept.failures.fetch_add(gone.failures - before.failures, Ordering::Relaxed);
            kept.examples.fetch_add(gone.examples - before.examples, Ordering::Relaxed);
            kept.problems.fetch_add(gone.problems - before.problems, Ordering::Relaxed);
        }
        if more {
            return Ok(true);
        }
        kept.bytes.store(retention.gone().bytes, Ordering::Relaxed);
        Ok(retention.gone().bytes <= self.keep.keep_size.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        let read = |text: &str| text.parse::<Size>().map(|s| s.0);
        assert_eq!(read("10GB"), Ok(10_000_000_000));
        assert_eq!(read("10g"), Ok(10_000_000_000));
        assert_eq!(read("1.5 TB"), Ok(1_500_000_000_000));
        assert_eq!(read("512MiB"), Ok(512 << 20));
        assert_eq!(read("4000000"), Ok(4_000_000));
        for wrong in ["", "GB", "10 apples", "-1GB", "1.2.3GB", "1kB", "0", "nan", "1e9"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
