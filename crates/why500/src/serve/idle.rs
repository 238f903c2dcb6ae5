//! Connections on which nothing happens: who keeps one open without a request takes a place from others.

use axum::body::{Body, Bytes};
use hyper::body::{Frame, SizeHint};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// The first request has to begin within this: HTTP/1 and HTTP/2 are told apart by its first bytes, and nothing else waits for these.
pub const FIRST_TIME: Duration = Duration::from_secs(10);
/// Between requests, as nginx's `keepalive_timeout`: senders keep a connection open from one burst to the next. HTTP/1's next head
/// has to be whole within it too.
pub const IDLE_TIME: Duration = Duration::from_secs(75);

struct State {
    /// Requests that are not answered to the last byte.
    running: usize,
    /// When the last one began or ended.
    since: Instant,
    /// There was one.
    any: bool,
}

/// What happens on one connection.
#[derive(Clone)]
pub struct Idle(Arc<Mutex<State>>);

/// A request that is under way; it is over when this is dropped.
struct Running(Idle);

/// The body of an answer, as long as it said to be: of one whose length is known, no chunks need to be made.
struct Sent {
    body: Body,
    _running: Running,
}

impl hyper::body::Body for Sent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Idle {
    /// Of a connection that was just accepted.
    pub fn new() -> Idle {
        Idle(Arc::new(Mutex::new(State { running: 0, since: Instant::now(), any: false })))
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut state);
        state.since = Instant::now();
    }

    /// Runs a request; it is over once the body of its answer is sent.
    pub async fn during(
        self,
        answer: impl Future<Output = axum::response::Response>,
    ) -> axum::response::Response {
        self.change(|s| (s.running, s.any) = (s.running + 1, true));
        let running = Running(self);
        answer.await.map(|body| Body::new(Sent { body, _running: running }))
    }

    /// Comes back once the connection has been idle for too long.
    pub async fn too_long(self) {
        loop {
            let left = {
                let s = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                let limit = if s.any { IDLE_TIME } else { FIRST_TIME };
                if s.running > 0 { limit } else { limit.saturating_sub(s.since.elapsed()) }
            };
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left).await;
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.change(|s| s.running = s.running.saturating_sub(1));
    }
}
