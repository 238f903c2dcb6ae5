//! The code behind problems, and source maps.

use super::access::{Asks, Deploy, Read};
use super::{Answer, Failed, bad, missing, number};
use crate::report::clean_code;
use crate::serve::{App, bodies, decode, intake};
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Request};
use axum::http::StatusCode;
use record::CodeView;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// Rows of the list of source maps.
const ROWS: usize = 500;
/// Bytes of a body that holds a source map, and some names.
const BODY_BYTES_MAX: u64 = ::code::map::MAP_BYTES_MAX as u64 + (64 << 10);
/// Bytes of a release, build, URL or debug id.
const TEXT_BYTES_MAX: usize = 1_024;

/// `GET /api/v1/problems/{id}/code`: source lines around its frames, the suspect commit, what the release brought.
pub async fn code(asks: Asks<Read>, Path(id): Path<String>) -> Answer<Json<CodeView>> {
    let (app, project) = (asks.app, asks.project);
    let ask = app.read(|r| match r.problem(project, &id)? {
        Some(full) => app.ask_of(r, project, &full).map(Some),
        None => Ok(None),
    })?;
    let ask = ask.ok_or_else(|| missing("problem"))?;
    let mut seen = tokio::task::block_in_place(|| app.eyes.look(&ask));
    clean_code(&mut seen);
    Ok(Json(seen))
}

/// `GET /api/v1/sourcemaps`: each name that a source map is kept under, the newest first.
pub async fn maps(asks: Asks<Read>) -> Answer<Json<Value>> {
    let limit = number(&asks.params, "limit", ROWS)?.clamp(1, ROWS);
    let rows = asks.app.read(|r| r.maps(asks.project, limit))?;
    let shown: Vec<Value> = rows
        .iter()
        .map(|m| {
            json!({
                "debug_id": m.name.debug_id, "release": m.name.release, "dist": m.name.dist, "url": m.name.url,
                "bytes": m.bytes, "at": m.at.to_string(), "used": m.used.to_string(),
            })
        })
        .collect();
    Ok(Json(json!({ "sourcemaps": shown })))
}

/// A source map with what it is asked for by.
#[derive(Deserialize)]
struct Sent<'a> {
    /// The script that it is of: `~/js/app.min.js`.
    #[serde(default)]
    url: String,
    #[serde(default)]
    release: String,
    #[serde(default)]
    dist: String,
    #[serde(default)]
    debug_id: String,
    #[serde(borrow)]
    map: &'a RawValue,
}

/// `POST /api/v1/sourcemaps`: `{"url": "~/js/app.min.js", "release": "shop@4.9.0", "map": {"version": 3, …}}`
pub async fn add_map(asks: Asks<Deploy>, request: Request) -> Answer<(StatusCode, Json<Value>)> {
    let (app, project) = (asks.app, asks.project);
    let (parts, body) = request.into_parts();
    let head = intake::head(&parts, String::new());
    let bytes = received(&app, &head, body).await?;
    let _turn = app.long.acquire().await;
    tokio::task::block_in_place(|| {
        let encoding = head.header("content-encoding").unwrap_or("");
        let bytes = decode::decode(encoding, bytes.bytes, BODY_BYTES_MAX).map_err(|e| match e {
            decode::Refused::TooLong(max) => {
                Failed(StatusCode::PAYLOAD_TOO_LARGE, format!("more than {max} bytes"))
            }
            decode::Refused::Unknown(name) => bad(format!("content encoding {name} is not known; gzip is")),
            decode::Refused::Broken(why) => bad(format!("the body is not what its encoding says: {why}")),
        })?;
        let sent: Sent<'_> = serde_json::from_slice(&bytes).map_err(|e| bad(format!("the body: {e}")))?;
        let texts = [&sent.url, &sent.release, &sent.dist, &sent.debug_id];
        if texts.iter().any(|t| t.len() > TEXT_BYTES_MAX) {
            return Err(bad(format!(
                "url, release, dist and debug_id have at most {TEXT_BYTES_MAX} bytes each"
            )));
        }
        let kept = app.keep_map(
            project,
            sent.map.get().as_bytes(),
            std::slice::from_ref(&sent.debug_id),
            &sent.release,
            &sent.dist,
            std::slice::from_ref(&sent.url),
        );
        let names = kept.map_err(|why| bad(format!("map: {why}")))?;
        Ok((StatusCode::CREATED, Json(json!({ "names": names }))))
    })
}

async fn received(app: &App, head: &wires::Head, body: Body) -> Answer<bodies::Received> {
    let length = head.header("content-length").and_then(|l| l.parse().ok());
    bodies::receive(&app.bodies, length, body).await.map_err(|bodies::Refused(status, why, _)| {
        Failed(StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST), why)
    })
}
