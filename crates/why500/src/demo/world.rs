//! All that runs in a demo: the service, the one that it depends on, the database, and what may be done to them.

use super::logs::{Level, Logs};
use super::shop::{Shop, TOKEN};
use super::upstream::Upstream;
use rusqlite::Connection;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// Threads that work on requests carry this name, so that their panics are told from others.
const WORKER: &str = "demo-worker";
/// Threads that wait for SQLite and prices; the demo's own traffic needs two.
const BLOCKING_THREADS: usize = 16;
/// What still runs at the end is waited for so long.
const END_TIME: Duration = Duration::from_millis(200);

/// A running demo.
pub struct World {
    /// The service.
    pub shop: Arc<Shop>,
    /// The service of prices.
    pub upstream: Upstream,
    /// Where the service listens.
    pub address: SocketAddr,
    /// The transaction that a nightly job keeps open.
    lock: Mutex<Option<Connection>>,
    runtime: Option<Runtime>,
}

impl World {
    /// Starts all of it, within a folder: `logs/*.log` and `demo.db`.
    ///
    /// # Errors
    /// The folder cannot be written or is in use, or there is no port; why.
    pub fn start(folder: &Path, port: u16) -> Result<World, String> {
        let at = |path: &Path, e: io::Error| {
            let why = match e.kind() {
                io::ErrorKind::AlreadyExists => "it holds a demo already; name another folder".to_owned(),
                _ => e.to_string(),
            };
            format!("{}: {why}", path.display())
        };
        let database = folder.join("demo.db");
        let logs = folder.join("logs");
        if database.exists() {
            return Err(at(folder, io::ErrorKind::AlreadyExists.into()));
        }
        let logs = Arc::new(Logs::new(&logs).map_err(|e| at(&logs, e))?);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .max_blocking_threads(BLOCKING_THREADS)
            .thread_name(WORKER)
            .enable_all()
            .build()
            .map_err(|e| e.to_string())?;
        let upstream = Upstream::start(runtime.handle(), &logs).map_err(|e| e.to_string())?;
        let shop = Arc::new(Shop::new(Arc::clone(&logs), database, upstream.base())?);
        let listener = runtime
            .block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, port)))
            .map_err(|e| format!("port {port} of 127.0.0.1: {e}"))?;
        let address = listener.local_addr().map_err(|e| e.to_string())?;
        note_panics(&logs);
        let app = shop.router();
        runtime.spawn(async move {
            // It ends with the runtime.
            let _ = axum::serve(listener, app).await;
        });
        let world = World { shop, upstream, address, lock: Mutex::new(None), runtime: Some(runtime) };
        world.say_started();
        Ok(world)
    }

    /// `http://127.0.0.1:4000`
    pub fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The folder of its logs.
    pub fn logs(&self) -> &Path {
        self.shop.logs.folder()
    }

    fn say(&self, said: &str) {
        self.shop.logs.app(Level::Info, None, "demo", None, said);
    }

    fn say_started(&self) {
        self.say(&format!("listening version=\"{}\" addr={}", self.shop.version(), self.address));
    }

    fn away(&self) -> PathBuf {
        self.shop.database.with_extension("db.away")
    }

    /// Moves the database's file away.
    pub(super) fn move_database(&self) -> Result<(), String> {
        std::fs::rename(&self.shop.database, self.away()).map_err(|e| e.to_string())
    }

    /// Puts it back, in place of the empty one that SQLite made meanwhile.
    pub(super) fn bring_database_back(&self) -> Result<(), String> {
        std::fs::rename(self.away(), &self.shop.database).map_err(|e| e.to_string())
    }

    /// Takes the database for itself, as a job does that writes all night in one transaction.
    pub(super) fn lock_database(&self) -> Result<(), String> {
        let job = Connection::open(&self.shop.database).map_err(|e| e.to_string())?;
        job.busy_timeout(Duration::from_secs(2)).map_err(|e| e.to_string())?;
        job.execute_batch("BEGIN EXCLUSIVE").map_err(|e| e.to_string())?;
        *self.lock.lock().unwrap_or_else(PoisonError::into_inner) = Some(job);
        Ok(())
    }

    /// Ends that transaction.
    #[expect(clippy::unnecessary_wraps, reason = "a row of the table of faults")]
    pub(super) fn unlock_database(&self) -> Result<(), String> {
        // What is not committed is rolled back when the connection closes.
        self.lock.lock().unwrap_or_else(PoisonError::into_inner).take();
        Ok(())
    }

    /// Rolls out release 1.5.0, or rolls back to 1.4.2.
    #[expect(clippy::unnecessary_wraps, reason = "a row of the table of faults")]
    pub(super) fn deploy(&self, newer: bool) -> Result<(), String> {
        self.shop.logs.deploy(if newer {
            "deploy release=demo@1.5.0 commit=9e41c07"
        } else {
            "rollback release=demo@1.4.2 commit=1b0d3f2"
        });
        self.say("received SIGTERM, shutting down");
        self.shop.newer.store(newer, Ordering::Relaxed);
        self.say_started();
        Ok(())
    }

    /// Loads the configuration again, with or without the token for the price service.
    #[expect(clippy::unnecessary_wraps, reason = "a row of the table of faults")]
    pub(super) fn configure(&self, whole: bool) -> Result<(), String> {
        let mut settings = self.shop.settings.lock().unwrap_or_else(PoisonError::into_inner);
        if whole {
            settings.insert(TOKEN, "demo");
        } else {
            settings.remove(TOKEN);
        }
        self.say("received SIGHUP, configuration reloaded");
        Ok(())
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(END_TIME);
        }
    }
}

/// Panics of the service's threads go into its log, as what a service writes to standard error does; others stay where they were.
fn note_panics(logs: &Arc<Logs>) {
    let logs = Arc::clone(logs);
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let thread = std::thread::current();
        if thread.name() != Some(WORKER) {
            return before(info);
        }
        let at = info.location().map(ToString::to_string).unwrap_or_default();
        let payload = info.payload();
        let text = payload.downcast_ref::<&str>().copied();
        let said = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        // What the standard library writes of a payload that is no text.
        let said = said.unwrap_or("Box<dyn Any>");
        logs.panic(WORKER, &at, said);
    }));
}
