//! What people do: resolve, mute, assign, note; projects and keys; deploys.

use super::access::{Asks, Deploy, Read, Write};
use super::{Answer, Params, bad, instant, instant_of, missing};
use crate::serve::{App, now};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use record::{Mark, Record, SECOND, Time, Zone};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::PoisonError;
use wires::Taken;

/// Bytes of a note, of names.
const TEXT_BYTES_MAX: usize = 8 * 1024;
/// A week: what is shown of deploys unless asked otherwise.
const WEEK_US: i64 = 7 * 86_400 * SECOND;

/// What an action says beside its path.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub struct Act {
    release: Option<String>,
    until: Option<String>,
    count: Option<u64>,
    to: Option<String>,
    text: Option<String>,
}

fn body(text: &str) -> Answer<Act> {
    if text.trim().is_empty() {
        return Ok(Act::default());
    }
    if text.len() > TEXT_BYTES_MAX {
        return Err(bad(format!("the body is longer than {TEXT_BYTES_MAX} bytes")));
    }
    serde_json::from_str(text).map_err(|e| bad(format!("the body: {e}")))
}

fn done() -> Json<Value> {
    Json(json!({ "done": true }))
}

/// `POST /api/v1/problems/{id}/resolve`: `{"release": "3.8.0"}` resolves by a release, nothing by hand.
pub async fn resolve(asks: Asks<Write>, Path(id): Path<String>, text: String) -> Answer<Json<Value>> {
    let act = body(&text)?;
    asks.app.act(|s| s.resolve(now(), asks.project, &id, &asks.who, act.release.as_deref()))?;
    Ok(done())
}

/// `POST /api/v1/problems/{id}/reopen`
pub async fn reopen(asks: Asks<Write>, Path(id): Path<String>) -> Answer<Json<Value>> {
    asks.app.act(|s| s.reopen(now(), asks.project, &id, &asks.who))?;
    Ok(done())
}

/// `POST /api/v1/problems/{id}/mute`: `{"until": "2026-12-01T00:00:00Z"}` or `{"count": 100}`.
pub async fn mute(asks: Asks<Write>, Path(id): Path<String>, text: String) -> Answer<Json<Value>> {
    let act = body(&text)?;
    let until = act.until.map(|text| instant_of("until", &text)).transpose()?;
    let until = match (until, act.count) {
        (Some(at), _) => store::Mute::Until(at),
        (None, Some(n)) => store::Mute::Failures(n),
        (None, None) => return Err(bad("until or count is needed: muting ends by itself")),
    };
    asks.app.act(|s| s.mute(now(), asks.project, &id, &asks.who, until))?;
    Ok(done())
}

/// `POST /api/v1/problems/{id}/assign`: `{"to": "ada"}`; without, nobody.
pub async fn assign(asks: Asks<Write>, Path(id): Path<String>, text: String) -> Answer<Json<Value>> {
    let act = body(&text)?;
    asks.app.act(|s| s.assign(now(), asks.project, &id, &asks.who, act.to.as_deref()))?;
    Ok(done())
}

/// `POST /api/v1/problems/{id}/notes`: `{"text": "…"}`
pub async fn note(asks: Asks<Write>, Path(id): Path<String>, text: String) -> Answer<Json<Value>> {
    let act = body(&text)?;
    let said = act.text.filter(|t| !t.trim().is_empty()).ok_or_else(|| bad("text: a note is needed"))?;
    asks.app.act(|s| s.note(now(), asks.project, &id, &asks.who, &said))?;
    Ok(done())
}

/// `GET /api/v1/projects`
pub async fn projects(State(app): State<Arc<App>>, headers: HeaderMap) -> Answer<Json<Value>> {
    let permit = app.permit(&headers, "read")?;
    let list = app.read(store::Reader::projects)?;
    let shown: Vec<Value> = list
        .iter()
        .filter(|p| permit.project.is_none_or(|own| own == p.id))
        .map(|p| json!({ "id": p.id, "name": p.name, "created": p.created.to_string() }))
        .collect();
    Ok(Json(json!({ "projects": shown })))
}

/// A project or key to be made.
#[derive(Deserialize)]
pub struct Named {
    name: String,
}

/// `POST /api/v1/projects`: `{"name": "shop"}`
pub async fn add_project(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Json(asked): Json<Named>,
) -> Answer<(StatusCode, Json<Value>)> {
    let permit = app.permit(&headers, "admin")?;
    if permit.project.is_some() {
        return Err(super::Failed(StatusCode::FORBIDDEN, "the token is one project's".into()));
    }
    let project = app.act(|s| s.add_project(now(), &asked.name))?;
    let key = app.act(|s| s.add_key(now(), project.id, "first"))?;
    app.learn_key(&key.key, project.id);
    Ok((StatusCode::CREATED, Json(json!({ "id": project.id, "name": project.name, "key": key.key }))))
}

/// `GET /api/v1/projects/{id}/keys`
pub async fn keys(
    State(app): State<Arc<App>>,
    Path(id): Path<i64>,
    headers: HeaderMap,
) -> Answer<Json<Value>> {
    let permit = app.permit(&headers, "admin")?;
    permit.project(&Params::from([("project".into(), id.to_string())]))?;
    app.read(|r| r.project(id))?.ok_or_else(|| missing("project"))?;
    let list = app.read(|r| r.keys(id))?;
    let shown: Vec<Value> = list
        .iter()
        .map(|k| json!({ "key": k.key, "label": k.label, "created": k.created.to_string(), "revoked": k.revoked.map(|t| t.to_string()) }))
        .collect();
    Ok(Json(json!({ "keys": shown })))
}

/// `POST /api/v1/projects/{id}/keys`: `{"name": "staging"}`
pub async fn add_key(
    State(app): State<Arc<App>>,
    Path(id): Path<i64>,
    headers: HeaderMap,
    Json(asked): Json<Named>,
) -> Answer<(StatusCode, Json<Value>)> {
    let permit = app.permit(&headers, "admin")?;
    permit.project(&Params::from([("project".into(), id.to_string())]))?;
    app.read(|r| r.project(id))?.ok_or_else(|| missing("project"))?;
    let key = app.act(|s| s.add_key(now(), id, &asked.name))?;
    app.learn_key(&key.key, id);
    Ok((StatusCode::CREATED, Json(json!({ "key": key.key, "label": key.label }))))
}

/// `GET /api/v1/deploys`
pub async fn deploys(asks: Asks<Read>) -> Answer<Json<Value>> {
    let until = instant(&asks.params, "until")?.unwrap_or_else(now);
    let since = instant(&asks.params, "since")?.unwrap_or_else(|| until.plus(-WEEK_US));
    let list = asks.app.read(|r| r.marks(asks.project, since, until))?;
    let shown: Vec<Value> = list
        .iter()
        .filter(|m| matches!(m.kind.as_str(), "deploy" | "rollback"))
        .map(|m| json!({ "at": m.at.to_string(), "kind": m.kind, "what": m.what }))
        .collect();
    Ok(Json(json!({ "deploys": shown })))
}

/// A deploy.
#[derive(Deserialize)]
pub struct Deployed {
    release: String,
    environment: Option<String>,
    service: Option<String>,
    /// RFC 3339; now, where it is left out.
    at: Option<String>,
}

/// `POST /api/v1/deploys`: a release went out.
pub async fn deploy(asks: Asks<Deploy>, Json(asked): Json<Deployed>) -> Answer<(StatusCode, Json<Value>)> {
    if asked.release.trim().is_empty() || asked.release.len() > TEXT_BYTES_MAX {
        return Err(bad("release: a name is needed"));
    }
    let at = asked.at.map_or_else(|| Ok(now()), |text| instant_of("at", &text))?;
    let service = asked.service.as_deref();
    let mut told = vec![("release", asked.release.as_str())];
    told.extend(asked.environment.as_deref().map(|e| ("environment", e)));
    told.extend(service.map(|s| ("service", s)));
    let record = marked(at, service, &told);
    let mut taken = Taken { records: vec![record], ..Taken::default() };
    asks.app
        .keep(asks.project, "deploys", now(), &mut taken)
        .await
        .map_err(|why| super::Failed(StatusCode::SERVICE_UNAVAILABLE, why))?;
    Ok((StatusCode::CREATED, Json(json!({ "release": asked.release, "at": at.to_string() }))))
}

/// The record of a deploy; what is told of it, by name, the release first.
pub fn marked(at: Time, service: Option<&str>, told: &[(&str, &str)]) -> Record {
    let what = told.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ");
    let text = format!("deployed {what}");
    Record {
        format: "deploys",
        at: Some(at),
        zone: Zone::Stated,
        level: record::Level::Info,
        service: service.map(str::to_owned),
        text: text.clone(),
        message: text,
        mark: Some(Box::new(Mark::Deploy(what))),
        ..Record::default()
    }
}

impl App {
    /// From now on what shows the key is the project's.
    pub fn learn_key(&self, key: &str, project: i64) {
        self.keys.write().unwrap_or_else(PoisonError::into_inner).insert(key.to_owned(), project);
    }
}
