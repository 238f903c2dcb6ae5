//! The small service that the demo's service asks for prices. It has a port of its own, can stop, and can be slow.

use super::logs::{Level, Logs, Span};
use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::get;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

/// Items that have a price.
pub const ITEMS: u32 = 20;

/// The service of prices.
pub struct Upstream {
    address: SocketAddr,
    shelf: Arc<Shelf>,
    running: Mutex<Option<JoinHandle<()>>>,
    runtime: Handle,
}

struct Shelf {
    logs: Arc<Logs>,
    /// Milliseconds that an answer is waited with.
    delay_ms: AtomicU64,
}

impl Upstream {
    /// Starts it on a free port of loopback.
    ///
    /// # Errors
    /// There is no port.
    pub fn start(runtime: &Handle, logs: &Arc<Logs>) -> io::Result<Upstream> {
        let shelf = Arc::new(Shelf { logs: Arc::clone(logs), delay_ms: AtomicU64::new(0) });
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
        let upstream = Upstream {
            address: listener.local_addr()?,
            shelf,
            running: Mutex::new(None),
            runtime: runtime.clone(),
        };
        upstream.serve(listener);
        Ok(upstream)
    }

    /// `http://127.0.0.1:4001`
    pub fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Lets go of the port.
    pub fn stop(&self) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = running {
            self.shelf.logs.upstream(Level::Info, None, "received SIGTERM, shutting down");
            task.abort();
            // The port is free when the task is gone.
            let _ = self.runtime.block_on(task);
        }
    }

    /// Listens again where it listened.
    ///
    /// # Errors
    /// Somebody else has the port meanwhile.
    pub fn resume(&self) -> io::Result<()> {
        if self.running.lock().unwrap_or_else(PoisonError::into_inner).is_none() {
            let listener = self.runtime.block_on(TcpListener::bind(self.address))?;
            self.serve(listener);
        }
        Ok(())
    }

    /// How long it takes for an answer.
    pub fn slow(&self, delay: Duration) {
        let ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        self.shelf.delay_ms.store(ms, Ordering::Relaxed);
    }

    fn serve(&self, listener: TcpListener) {
        let said = format!("listening addr={}", self.address);
        self.shelf.logs.upstream(Level::Info, None, &said);
        let app = Router::new().route("/prices", get(prices)).with_state(Arc::clone(&self.shelf));
        let task = self.runtime.spawn(async move {
            // It ends when it is aborted.
            let _ = axum::serve(listener, app).await;
        });
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = Some(task);
    }
}

async fn prices(State(shelf): State<Arc<Shelf>>, headers: HeaderMap) -> axum::Json<serde_json::Value> {
    let began = Instant::now();
    let delay_ms = shelf.delay_ms.load(Ordering::Relaxed);
    if delay_ms > 0 {
        // Who waited no longer has closed the connection: then this ends here, and nothing is logged, as in most services.
        tokio::time::sleep(Duration::from_millis(delay_ms)).await;
    }
    let list: Vec<_> =
        (1..=ITEMS).map(|i| serde_json::json!({"item": i, "price": f64::from(i) * 2.5})).collect();
    let id = headers.get("x-request-id").and_then(|v| v.to_str().ok());
    let span = Span { id, method: "GET", target: "/prices" };
    let said = format!("price list sent items={ITEMS} latency_ms={}", began.elapsed().as_millis());
    shelf.logs.upstream(Level::Info, Some(&span), &said);
    axum::Json(serde_json::json!({ "prices": list }))
}
