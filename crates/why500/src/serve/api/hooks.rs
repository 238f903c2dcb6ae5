//! Webhooks of GitHub and GitLab: what their deliveries say goes out is marked as deployed.
//!
//! Whoever may send shows it by the project's secret, made by `POST /api/v1/projects/{id}/webhook` or `why500 webhook`: an ingest key
//! stands in pages of browsers, and of an API token only a hash is kept, by which no signature can be checked.

use super::actions::marked;
use super::{Answer, Failed, bad};
use crate::serve::{App, bodies, intake, now};
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Request, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use wires::Taken;
use wires::webhooks::{Forge, Said};

/// Who is checked where a project has no secret, so that it takes as long and is answered as a wrong one is.
const NOBODY: &str = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

/// A secret that exists already: GitLab may have made it.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Wanted {
    secret: Option<String>,
}

/// A new secret for webhooks.
///
/// # Errors
/// The system has no random bytes to give.
pub fn webhook_secret() -> Result<String, String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|e| format!("no random bytes: {e}"))?;
    Ok(wires::webhooks::secret(&bytes))
}

/// Where the webhooks of a project are sent to.
pub fn webhook_path(project: i64, forge: Forge) -> String {
    format!("/api/v1/webhooks/{project}/{}", forge.name())
}

/// `POST /api/v1/projects/{id}/webhook`: another secret, shown this once; nothing, or `{"secret": "whsec_…"}`.
pub async fn set(
    State(app): State<Arc<App>>,
    Path(id): Path<i64>,
    headers: HeaderMap,
    text: String,
) -> Answer<(StatusCode, Json<Value>)> {
    let permit = app.permit(&headers, "admin")?;
    permit.project(&super::Params::from([("project".into(), id.to_string())]))?;
    let wanted: Wanted = match text.trim() {
        "" => Wanted::default(),
        text => serde_json::from_str(text).map_err(|e| bad(format!("the body: {e}")))?,
    };
    let secret = match wanted.secret {
        Some(secret) => secret,
        None => webhook_secret().map_err(|why| Failed(StatusCode::SERVICE_UNAVAILABLE, why))?,
    };
    app.act(|s| s.set_webhook_secret(now(), id, &secret))?;
    let paths = [Forge::GitHub, Forge::GitLab].map(|forge| webhook_path(id, forge));
    let [github, gitlab] = paths;
    Ok((StatusCode::CREATED, Json(json!({ "secret": secret, "github": github, "gitlab": gitlab }))))
}

/// `POST /api/v1/webhooks/{id}/github`
pub async fn github(
    State(app): State<Arc<App>>,
    Path(id): Path<i64>,
    request: Request<Body>,
) -> Answer<(StatusCode, Json<Value>)> {
    take(&app, id, Forge::GitHub, request).await
}

/// `POST /api/v1/webhooks/{id}/gitlab`
pub async fn gitlab(
    State(app): State<Arc<App>>,
    Path(id): Path<i64>,
    request: Request<Body>,
) -> Answer<(StatusCode, Json<Value>)> {
    take(&app, id, Forge::GitLab, request).await
}

/// Takes a delivery. What marks nothing is taken all the same: GitLab turns a webhook off that is refused some times.
async fn take(
    app: &App,
    project: i64,
    forge: Forge,
    request: Request<Body>,
) -> Answer<(StatusCode, Json<Value>)> {
    let (parts, body) = request.into_parts();
    let head = intake::head(&parts, String::new());
    let length = head.header("content-length").and_then(|l| l.parse().ok());
    let body =
        bodies::receive(&app.bodies, length, body).await.map_err(|bodies::Refused(status, why, _)| {
            Failed(StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST), why)
        })?;
    let at = now();
    let secret = app.read(|r| r.webhook_secret(project))?;
    let signed = forge.signed(&head, &body.bytes, secret.as_deref().unwrap_or(NOBODY), at);
    if !signed || secret.is_none() {
        app.counters.refused.fetch_add(1, Ordering::Relaxed);
        return Err(Failed(
            StatusCode::UNAUTHORIZED,
            "the signature is not by the project's secret; `why500 webhook` makes one, to be set there too"
                .into(),
        ));
    }
    let said = forge.read(&head, &body.bytes, at).map_err(bad)?;
    app.counters.accepted.fetch_add(1, Ordering::Relaxed);
    let deployed = match said {
        Said::Deployed(deployed) => deployed,
        Said::Nothing(why) => return Ok(ignored(app, forge, &why)),
    };
    // One at a time: of two that come at once, one is the first.
    let _turn = app.hooks.lock().await;
    let delivery = forge.delivery(&head).map(|id| format!("{} delivery {id}", forge.name()));
    if let Some(delivery) = &delivery
        && app.read(|r| r.was_delivered(project, delivery))?
    {
        return Ok(ignored(app, forge, "it was delivered before"));
    }
    if app.read(|r| r.was_delivered(project, &deployed.id))? {
        return Ok(ignored(app, forge, "deployment is marked already"));
    }
    let service = head.param("service").filter(|s| !s.is_empty());
    let mut told = vec![("release", deployed.release.as_str())];
    told.extend(deployed.environment.as_deref().map(|e| ("environment", e)));
    told.extend(service.map(|s| ("service", s)));
    told.extend(deployed.more.iter().map(|(n, v)| (*n, v.as_str())));
    let mut record = marked(deployed.at, service, &told);
    if deployed.begun {
        // The diagnosis gives it time to reach all instances.
        record.fields.push(("rollout".into(), "begun".into()));
    }
    let mut taken = Taken { records: vec![record], ..Taken::default() };
    taken.item("deploy");
    app.counters.count(source(forge), &taken);
    app.keep(project, source(forge), at, &mut taken)
        .await
        .map_err(|why| Failed(StatusCode::SERVICE_UNAVAILABLE, why))?;
    let known: Vec<&str> = delivery.as_deref().into_iter().chain([deployed.id.as_str()]).collect();
    app.act(|s| s.deliver(at, project, &known))?;
    let answer = json!({ "release": deployed.release, "at": deployed.at.to_string() });
    Ok((StatusCode::CREATED, Json(answer)))
}

fn ignored(app: &App, forge: Forge, why: &str) -> (StatusCode, Json<Value>) {
    app.counters.lost(source(forge), why, 1);
    (StatusCode::OK, Json(json!({ "ignored": why })))
}

/// The name that records and counts show.
fn source(forge: Forge) -> &'static str {
    match forge {
        Forge::GitHub => "github webhook",
        Forge::GitLab => "gitlab webhook",
    }
}
