//! Alerts while the server runs: rules are asked as something changes, what they say goes into the store's outbox, and from there to
//! the channels. The digest waits for none of it.
//!
//! ```text
//! store ─ watch (rules) ─ outbox in the store ─ send (one thread per channel) ─ guard ─ Slack, mail, …
//! ```

pub mod file;
pub mod guard;
pub mod send;
mod watch;

use super::App;
use alerts::Config;
use record::Time;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;
pub use watch::place_of;

/// Options about alerts.
#[derive(clap::Args, Debug, Clone)]
// Other options have a group of this name.
#[group(skip)]
pub struct Options {
    /// Who is told of what (TOML; default: alerts.toml in the folder of --data, if it is there); read again when it changes
    #[arg(long, value_name = "FILE")]
    pub alerts: Option<PathBuf>,
    /// The server's address as people open it (https://why500.example), for links in messages
    #[arg(long, value_name = "URL", value_parser = public)]
    pub url: Option<String>,
}

fn public(text: &str) -> Result<String, String> {
    let text = text.trim().trim_end_matches('/');
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    match host {
        Some(host) if !host.is_empty() && text.bytes().all(|b| b.is_ascii_graphic()) => Ok(text.to_owned()),
        _ => Err("an address is expected: https://why500.example".to_owned()),
    }
}

/// What the threads and the API share.
pub struct Alerts {
    /// The configuration's file.
    pub file: PathBuf,
    /// What is configured.
    config: RwLock<Arc<Config>>,
    /// What is wrong with the file; what was read before holds on.
    trouble: Mutex<Option<String>>,
    /// Attempts by channel and outcome (`sent`, `failed`, `gave-up`).
    counts: Mutex<BTreeMap<(String, &'static str), u64>>,
    /// When the rules were asked last, in microseconds since 1970.
    looked: AtomicI64,
}

impl Alerts {
    /// Alerts with a file that is not read yet.
    pub fn new(file: PathBuf) -> Alerts {
        Alerts {
            file,
            config: RwLock::default(),
            trouble: Mutex::default(),
            counts: Mutex::default(),
            looked: AtomicI64::new(0),
        }
    }

    /// What is configured.
    pub fn config(&self) -> Arc<Config> {
        Arc::clone(&self.config.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What is wrong with the file.
    pub fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Attempts by channel and outcome.
    pub fn counts(&self) -> BTreeMap<(String, &'static str), u64> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// When the rules were asked last.
    pub fn looked(&self) -> Option<Time> {
        Some(self.looked.load(Ordering::Relaxed)).filter(|t| *t > 0).map(Time)
    }

    fn count(&self, channel: &str, outcome: &'static str) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry((channel.to_owned(), outcome)).or_default() += 1;
    }

    /// Reads the file.
    ///
    /// # Errors
    /// What is wrong with it; what was configured before holds on.
    fn read(&self) -> Result<(), String> {
        let config = file::read(&self.file)?;
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(config);
        Ok(())
    }

    /// Reads the file, which changed; gives whether what is configured is another now. Trouble is told of once.
    fn read_again(&self) -> bool {
        let why = self.read().err();
        let changed = why.is_none();
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(why) = why.as_ref().filter(|why| trouble.as_ref() != Some(*why)) {
            eprintln!("why500: {why}; what was configured before holds on");
        }
        *trouble = why;
        changed
    }
}

/// Begins to look and to send. `base`: the server's address for links.
///
/// # Errors
/// The configuration is wrong: better said at the start than found when it is needed. Or no thread can be had.
pub fn start(
    app: &Arc<App>,
    base: Option<String>,
    stopped: &Arc<AtomicBool>,
) -> Result<JoinHandle<()>, String> {
    app.alerts.read()?;
    let watcher = watch::Watcher::new(Arc::clone(app), base, Arc::clone(stopped))?;
    std::thread::Builder::new().name("alerts".into()).spawn(move || watcher.run()).map_err(|e| e.to_string())
}
