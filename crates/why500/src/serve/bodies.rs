//! Receives bodies: within a limit for each, within a time, and within what all that are under way may take together.

use axum::body::Body;
use http_body_util::BodyExt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes of a body as sent. Sentry's own limit for an envelope is 20 MB compressed (Relay, `max_envelope_size` 100 MB inflated).
pub const BODY_BYTES_MAX: u64 = 20 << 20;
/// A body has to come within this.
const BODY_TIME: Duration = Duration::from_secs(60);
/// So much of each body is always taken: most are shorter, and are not held up by a few that are long.
const FREE_BYTES: usize = 64 << 10;
/// Pieces of [`PIECE_BYTES`] that all longer bodies under way may take together: 64 MB. Four thousand connections that each send
/// 20 MB slowly would else take 80 GB.
const PIECES_MAX: usize = 1_024;
/// Bytes of a piece.
const PIECE_BYTES: usize = 64 << 10;

/// The room for bodies.
pub struct Room(Arc<Semaphore>);

impl Default for Room {
    fn default() -> Room {
        Room(Arc::new(Semaphore::new(PIECES_MAX)))
    }
}

/// A body that came; its room is free again when this is dropped.
pub struct Received {
    pub bytes: Vec<u8>,
    _room: Option<OwnedSemaphorePermit>,
}

/// Why a body is not taken: status, words, and whether to come again.
pub struct Refused(pub u16, pub String, pub bool);

fn too_long() -> Refused {
    Refused(413, format!("the body is longer than {BODY_BYTES_MAX} bytes; send less at once"), false)
}

/// Receives a body. `length`: as its head says.
///
/// # Errors
/// It is too long, too slow, breaks off, or too many long ones are under way.
pub async fn receive(room: &Room, length: Option<u64>, body: Body) -> Result<Received, Refused> {
    if length.is_some_and(|l| l > BODY_BYTES_MAX) {
        return Err(too_long());
    }
    match tokio::time::timeout(BODY_TIME, pieces(room, body)).await {
        Ok(outcome) => outcome,
        Err(_) => {
            let why = format!("the body did not come within {} seconds", BODY_TIME.as_secs());
            Err(Refused(408, why, false))
        }
    }
}

async fn pieces(room: &Room, mut body: Body) -> Result<Received, Refused> {
    let mut bytes = Vec::new();
    let mut held: Option<OwnedSemaphorePermit> = None;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|e| Refused(400, format!("the body broke off: {e}"), false))?;
        let Some(data) = frame.data_ref() else { continue };
        if (bytes.len() + data.len()) as u64 > BODY_BYTES_MAX {
            return Err(too_long());
        }
        bytes.extend_from_slice(data);
        let needed = bytes.len().saturating_sub(FREE_BYTES).div_ceil(PIECE_BYTES);
        let lacking = needed.saturating_sub(held.as_ref().map_or(0, OwnedSemaphorePermit::num_permits));
        if lacking > 0 {
            let more = u32::try_from(lacking).unwrap_or(u32::MAX);
            let Ok(more) = Arc::clone(&room.0).try_acquire_many_owned(more) else {
                return Err(Refused(503, "too many long bodies at once; come again".into(), true));
            };
            match &mut held {
                Some(held) => held.merge(more),
                None => held = Some(more),
            }
        }
    }
    Ok(Received { bytes, _room: held })
}
