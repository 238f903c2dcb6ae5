//! Takes in a body: finds its protocol, who sends it, what is in it; answers once that is durable.

use super::backlog::Full;
use super::batch::Batch;
use super::bodies::{self, Received};
use super::commit::Waiting;
use super::decode::{self, Refused};
use super::uploads::Sender;
use super::{App, backlog, now};
use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::BodyExt;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::oneshot;
use wires::{Access, Answer, Head, Taken, Wire};

/// Bytes of a body once its encoding is taken off.
pub const DECODED_BYTES_MAX: u64 = 100 << 20;
/// Above this, as sent, a body is long: it may keep a thread busy for a second.
const LONG_BYTES: usize = 256 << 10;
/// When they are to come again.
const RETRY_S: u64 = 5;
/// Reasons and kinds counted by name; there are some dozens, but some are senders' words.
const NAMES_MAX: usize = 512;

/// What was taken in and what was not.
#[derive(Default)]
pub struct Counters {
    /// Bodies taken in.
    pub accepted: AtomicU64,
    /// Bodies refused.
    pub refused: AtomicU64,
    /// Bytes taken in, as sent.
    pub bytes: AtomicU64,
    /// Connections that came to a port with TLS and got no further: no TLS, a handshake that failed or took too long.
    pub unshaken: AtomicU64,
    /// By wire and kind of item, or reason of what was let go (`!reason`).
    pub items: Mutex<BTreeMap<(&'static str, String), u64>>,
}

impl Counters {
    /// So many items were let go of.
    pub fn lost(&self, wire: &'static str, why: &str, n: u64) {
        let mut taken = Taken::default();
        taken.dropped.insert(why.to_owned(), n);
        self.count(wire, &taken);
    }

    pub fn count(&self, wire: &'static str, taken: &Taken) {
        let mut items = self.items.lock().unwrap_or_else(PoisonError::into_inner);
        let dropped = taken.dropped.iter().map(|(reason, n)| (format!("!{reason}"), *n));
        for (name, n) in taken.items.iter().map(|(k, n)| (k.clone(), *n)).chain(dropped) {
            let name = if items.len() < NAMES_MAX || items.contains_key(&(wire, name.clone())) {
                name
            } else {
                "other".into()
            };
            *items.entry((wire, name)).or_default() += n;
        }
    }
}

/// Takes in a request to none of our own paths.
pub async fn take(app: Arc<App>, request: Request<Body>, peer: String) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let head = head(&parts, peer);
    let Some(wire) = wires::table().find(|w| w.knows(&head)) else {
        return response(
            Answer::problem(404, "no protocol of why500 has this path; see /api/v1/openapi.json", None),
            false,
        );
    };
    let grpc = head.media_type().starts_with("application/grpc");
    let length = head.header("content-length").and_then(|l| l.parse().ok());
    let answer = match bodies::receive(&app.bodies, length, body).await {
        Ok(received) => take_body(&app, wire, &head, received).await,
        Err(bodies::Refused(status, why, again)) => {
            wire.refuse(&head, status, &why, again.then_some(RETRY_S))
        }
    };
    let counter = if answer.status < 300 { &app.counters.accepted } else { &app.counters.refused };
    counter.fetch_add(1, Ordering::Relaxed);
    response(answer, grpc)
}

/// What protocols look at of a request.
pub fn head(parts: &Parts, peer: String) -> Head {
    Head {
        method: parts.method.as_str().to_owned(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or("").to_owned(),
        headers: parts
            .headers
            .iter()
            .map(|(n, v)| (n.as_str().to_owned(), String::from_utf8_lossy(v.as_bytes()).into_owned()))
            .collect(),
        peer,
    }
}

async fn take_body(app: &App, wire: &'static dyn Wire, head: &Head, body: Received) -> Answer {
    app.counters.bytes.fetch_add(body.bytes.len() as u64, Ordering::Relaxed);
    if app.progress.backlog.all() > backlog::BYTES_MAX {
        return full(wire, head, Full::Server);
    }
    let at = now();
    let read = if body.bytes.len() > LONG_BYTES {
        let _turn = app.long.acquire().await;
        // The other connections of this thread go on elsewhere.
        tokio::task::block_in_place(|| read_body(app, wire, head, body.bytes, at))
    } else {
        read_body(app, wire, head, body.bytes, at)
    };
    let (Sender { project, uploads }, mut taken) = match read {
        Ok(read) => read,
        Err(answer) => return answer,
    };
    if !taken.uploads.is_empty() {
        let _turn = app.long.acquire().await;
        tokio::task::block_in_place(|| app.take_uploads(project, uploads, wire.name(), &mut taken));
    }
    app.unmap(project, wire.name(), &mut taken).await;
    app.counters.count(wire.name(), &taken);
    match app.keep(project, wire.name(), at, &mut taken).await {
        Ok(()) => taken.answer,
        Err(why) => wire.refuse(head, 503, &why, Some(RETRY_S)),
    }
}

/// What a body holds, and the project that it is for.
fn read_body(
    app: &App,
    wire: &'static dyn Wire,
    head: &Head,
    body: Vec<u8>,
    at: record::Time,
) -> Result<(Sender, Taken), Answer> {
    let encodings = head.header("content-encoding").unwrap_or("");
    let body = match decode::decode(encodings, body, DECODED_BYTES_MAX) {
        Ok(body) => body,
        Err(Refused::TooLong(max)) => {
            let why = format!("the body is longer than {max} bytes once its encoding is taken off");
            return Err(wire.refuse(head, 413, &why, None));
        }
        Err(Refused::Unknown(name)) => {
            let why = format!("content encoding {name} is not known; known are gzip, deflate, br, zstd");
            return Err(wire.refuse(head, 415, &why, None));
        }
        Err(Refused::Broken(why)) => {
            let why = format!("the body is not what its content encoding says: {why}");
            return Err(wire.refuse(head, 400, &why, None));
        }
    };
    let access = wire.access(head, &body);
    let Some(sender) = app.sender(wire.name(), &access) else {
        let why = match &access.key {
            Some(_) => "the key is none of this server's projects",
            None => "no key was shown; the set-up page of the project names it",
        };
        return Err(wire.refuse(head, if access.key.is_some() { 403 } else { 401 }, why, None));
    };
    if let Err(why) = app.progress.backlog.room(sender.project) {
        return Err(full(wire, head, why));
    }
    match wire.read(head, &body, at) {
        Ok(taken) => Ok((sender, taken)),
        Err(refusal) => Err(refusal.answer),
    }
}

/// The answer when too much waits to be explained.
fn full(wire: &'static dyn Wire, head: &Head, why: Full) -> Answer {
    match why {
        Full::Server => {
            wire.refuse(head, 503, "more comes in than can be explained; come again", Some(RETRY_S))
        }
        Full::Project => wire.refuse(
            head,
            429,
            "this project sends more than can be explained; others are taken in meanwhile",
            Some(RETRY_S),
        ),
    }
}

impl App {
    /// The project that a sender may send to.
    pub fn project_of(&self, access: &Access) -> Option<i64> {
        let known = access
            .key
            .as_ref()
            .and_then(|k| self.keys.read().unwrap_or_else(PoisonError::into_inner).get(k).copied());
        known.or(self.default_project)
    }

    /// Makes what was taken durable.
    ///
    /// # Errors
    /// It is not, and why.
    pub async fn keep(
        &self,
        project: i64,
        source: &str,
        at: record::Time,
        taken: &mut Taken,
    ) -> Result<(), String> {
        self.keep_batch(Batch::new(project, source, at, taken, &self.stacks)).await
    }

    /// Keeps a batch: it is durable when this returns.
    pub async fn keep_batch(&self, batch: Batch) -> Result<(), String> {
        if batch.is_empty() {
            return Ok(());
        }
        let project = batch.project;
        let bytes = batch.to_bytes().map_err(|e| e.to_string())?;
        let size = self.progress.backlog.add(project, bytes.len());
        let (reply, durable) = oneshot::channel();
        if self.waiting.send(Waiting { batch, bytes, size, reply }).is_err() {
            self.progress.backlog.remove(project, size);
            return Err("the server is about to stop; come again".into());
        }
        match durable.await {
            Ok(outcome) => outcome.map_err(|e| format!("it cannot be kept: {e}")),
            Err(_) => Err("the server is about to stop; come again".into()),
        }
    }
}

/// The answer as a response. Over gRPC the call's status goes into trailers.
fn response(answer: Answer, grpc: bool) -> Response<Body> {
    let mut out = Response::new(Body::empty());
    *out.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut trailers = axum::http::HeaderMap::new();
    for (name, value) in answer.headers {
        let Ok(value) = HeaderValue::from_str(&value) else { continue };
        if grpc && name.starts_with("grpc-") {
            trailers.append(name, value);
        } else {
            out.headers_mut().append(name, value);
        }
    }
    let data = http_body_util::Full::new(axum::body::Bytes::from(answer.body));
    *out.body_mut() = if trailers.is_empty() {
        Body::new(data)
    } else {
        Body::new(data.with_trailers(async move { Some(Ok(trailers)) }))
    };
    out
}
