//! Takes in a body: finds its protocol, who sends it, what is in it; answers once that is durable.

use super::batch::Batch;
use super::commit::Waiting;
use super::decode::{self, Refused};
use super::{App, now};
use axum::body::Body;
use axum::http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::TrySendError;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;
use wires::{Access, Answer, Head, Taken, Wire};

/// Bytes of a body as sent. Sentry's own limit for an envelope is 20 MB compressed (Relay, `max_envelope_size` 100 MB inflated).
pub const BODY_BYTES_MAX: u64 = 20 << 20;
/// Bytes of a body once its encoding is taken off.
pub const DECODED_BYTES_MAX: u64 = 100 << 20;
/// A body has to come within this.
const BODY_TIME: Duration = Duration::from_secs(60);
/// Bytes taken in that wait for the digest: beyond, senders are told to come again.
pub const UNDIGESTED_BYTES_MAX: u64 = 64 << 20;
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
    /// By wire and kind of item, or reason of what was let go (`!reason`).
    pub items: Mutex<BTreeMap<(&'static str, String), u64>>,
}

impl Counters {
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
    let head = Head {
        method: parts.method.as_str().to_owned(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or("").to_owned(),
        headers: parts
            .headers
            .iter()
            .map(|(n, v)| (n.as_str().to_owned(), String::from_utf8_lossy(v.as_bytes()).into_owned()))
            .collect(),
        peer,
    };
    let Some(wire) = wires::table().find(|w| w.knows(&head)) else {
        return response(
            Answer::problem(404, "no protocol of why500 has this path; see /api/v1/openapi.json", None),
            false,
        );
    };
    let grpc = head.media_type().starts_with("application/grpc");
    let answer = match body_of(&head, body).await {
        Ok(body) => take_body(&app, wire, &head, body).await,
        Err((status, why)) => wire.refuse(&head, status, &why, None),
    };
    let counter = if answer.status < 300 { &app.counters.accepted } else { &app.counters.refused };
    counter.fetch_add(1, Ordering::Relaxed);
    response(answer, grpc)
}

async fn body_of(head: &Head, body: Body) -> Result<Vec<u8>, (u16, String)> {
    let too_long = || (413, format!("the body is longer than {BODY_BYTES_MAX} bytes; send less at once"));
    if head.header("content-length").and_then(|l| l.parse::<u64>().ok()).is_some_and(|l| l > BODY_BYTES_MAX) {
        return Err(too_long());
    }
    let limited = Limited::new(body, usize::try_from(BODY_BYTES_MAX).unwrap_or(usize::MAX));
    match tokio::time::timeout(BODY_TIME, limited.collect()).await {
        Err(_) => Err((408, format!("the body did not come within {} seconds", BODY_TIME.as_secs()))),
        Ok(Err(e)) if e.is::<LengthLimitError>() => Err(too_long()),
        Ok(Err(e)) => Err((400, format!("the body broke off: {e}"))),
        Ok(Ok(all)) => Ok(all.to_bytes().into()),
    }
}

async fn take_body(app: &App, wire: &'static dyn Wire, head: &Head, body: Vec<u8>) -> Answer {
    app.counters.bytes.fetch_add(body.len() as u64, Ordering::Relaxed);
    if app.progress.undigested.load(Ordering::Relaxed) > UNDIGESTED_BYTES_MAX {
        return wire.refuse(head, 503, "more comes in than can be explained; come again", Some(RETRY_S));
    }
    let encodings = head.header("content-encoding").unwrap_or("");
    let body = match decode::decode(encodings, body, DECODED_BYTES_MAX) {
        Ok(body) => body,
        Err(Refused::TooLong(max)) => {
            let why = format!("the body is longer than {max} bytes once its encoding is taken off");
            return wire.refuse(head, 413, &why, None);
        }
        Err(Refused::Unknown(name)) => {
            let why = format!("content encoding {name} is not known; known are gzip, deflate, br, zstd");
            return wire.refuse(head, 415, &why, None);
        }
        Err(Refused::Broken(why)) => {
            return wire.refuse(
                head,
                400,
                &format!("the body is not what its content encoding says: {why}"),
                None,
            );
        }
    };
    let access = wire.access(head, &body);
    let Some(project) = app.project_of(&access) else {
        let why = match &access.key {
            Some(_) => "the key is none of this server's projects",
            None => "no key was shown; the set-up page of the project names it",
        };
        return wire.refuse(head, if access.key.is_some() { 403 } else { 401 }, why, None);
    };
    let at = now();
    let mut taken = match wire.read(head, &body, at) {
        Ok(taken) => taken,
        Err(refusal) => return refusal.answer,
    };
    app.counters.count(wire.name(), &taken);
    match app.keep(project, wire.name(), at, &mut taken).await {
        Ok(()) => taken.answer,
        Err(why) => wire.refuse(head, 503, &why, Some(RETRY_S)),
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
        let batch = Batch::new(project, source, at, taken);
        if batch.is_empty() {
            return Ok(());
        }
        let bytes = batch.to_bytes().map_err(|e| e.to_string())?;
        let size = bytes.len() as u64;
        let (reply, durable) = oneshot::channel();
        self.progress.undigested.fetch_add(size, Ordering::Relaxed);
        match self.waiting.try_send(Waiting { batch, bytes, reply }) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.progress.undigested.fetch_sub(size, Ordering::Relaxed);
                return Err("too many wait to be written; come again".into());
            }
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
