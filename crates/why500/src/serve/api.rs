//! The API under `/api/v1`, described by `openapi.json` beside this file; errors are problem details (RFC 9457).

mod actions;
mod problems;
mod watch;

use super::{App, now};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, Response, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use serde_json::json;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

/// The description that is served, and that a test holds against the routes.
pub const OPENAPI: &str = include_str!("openapi.json");

/// Paths of our own, as first words below `/api/v1/`; all others are protocols'.
const OURS: [&str; 8] =
    ["problems", "failures", "projects", "deploys", "timeline", "health", "stream", "openapi.json"];

/// Until an answer begins: reads take milliseconds, so what takes longer is a body that does not come. A stream goes on after it.
const ANSWER_TIME: Duration = Duration::from_secs(60);

/// Parameters of a query.
type Params = HashMap<String, String>;

/// An answer that is no success.
#[derive(Debug)]
pub struct Failed(StatusCode, String);

impl IntoResponse for Failed {
    fn into_response(self) -> Response<Body> {
        let body = json!({
            "type": "about:blank",
            "title": self.0.canonical_reason().unwrap_or("error"),
            "status": self.0.as_u16(),
            "detail": self.1,
        });
        (self.0, [(header::CONTENT_TYPE, "application/problem+json")], body.to_string()).into_response()
    }
}

impl From<store::Error> for Failed {
    fn from(e: store::Error) -> Failed {
        Failed(StatusCode::SERVICE_UNAVAILABLE, e.to_string())
    }
}

type Answer<T> = Result<T, Failed>;

/// Is the request for the API, a page, the figures of the program itself?
pub fn is_ours(request: &Request<Body>) -> bool {
    let path = request.uri().path();
    match path.strip_prefix("/api/v1/") {
        Some(rest) => OURS.contains(&rest.split('/').next().unwrap_or("")),
        None => matches!(path, "/metrics" | "/health"),
    }
}

/// All routes.
pub fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/api/v1/problems", get(problems::list))
        .route("/api/v1/problems/{id}", get(problems::one))
        .route("/api/v1/problems/{id}/failures", get(problems::failures))
        .route("/api/v1/problems/{id}/similar", get(problems::similar))
        .route("/api/v1/problems/{id}/timeline", get(problems::timeline))
        .route("/api/v1/problems/{id}/resolve", post(actions::resolve))
        .route("/api/v1/problems/{id}/reopen", post(actions::reopen))
        .route("/api/v1/problems/{id}/mute", post(actions::mute))
        .route("/api/v1/problems/{id}/assign", post(actions::assign))
        .route("/api/v1/problems/{id}/notes", post(actions::note))
        .route("/api/v1/failures/{id}", get(problems::failure))
        .route("/api/v1/projects", get(actions::projects).post(actions::add_project))
        .route("/api/v1/projects/{id}/keys", get(actions::keys).post(actions::add_key))
        .route("/api/v1/deploys", get(actions::deploys).post(actions::deploy))
        .route("/api/v1/timeline", get(problems::traffic))
        .route("/api/v1/health", get(watch::health))
        .route("/api/v1/stream", get(watch::stream))
        .route("/api/v1/openapi.json", get(openapi))
        .route("/metrics", get(watch::metrics))
        .route("/health", get(watch::health))
        .with_state(app)
}

/// Answers a request of ours.
pub async fn answer(router: Router, request: Request<Body>) -> Response<Body> {
    use hyper::service::Service;
    let service = hyper_util::service::TowerToHyperService::new(router);
    match tokio::time::timeout(ANSWER_TIME, service.call(request)).await {
        Ok(Ok(response)) => response,
        Ok(Err(never)) => match never {},
        Err(_) => {
            let why = format!("the request did not come within {} seconds", ANSWER_TIME.as_secs());
            Failed(StatusCode::REQUEST_TIMEOUT, why).into_response()
        }
    }
}

async fn openapi() -> Response<Body> {
    ([(header::CONTENT_TYPE, "application/json")], OPENAPI).into_response()
}

impl App {
    /// Reads from the store; others wait meanwhile, as reads take some milliseconds.
    fn read<T>(&self, read: impl FnOnce(&store::Reader) -> store::Result<T>) -> Answer<T> {
        let reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(tokio::task::block_in_place(|| read(&reader))?)
    }

    /// Writes to the store what people do.
    fn act<T>(&self, act: impl FnOnce(&mut store::Store) -> store::Result<T>) -> Answer<T> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(tokio::task::block_in_place(|| act(&mut writer))?)
    }

    /// Who asks, and may they? Until there is somebody who can sign in, whoever reaches the port may; it is on loopback then.
    fn permit(&self, headers: &HeaderMap, scope: &str) -> Answer<Permit> {
        let shown = headers
            .get(header::AUTHORIZATION)
            .and_then(|v| v.to_str().ok())
            .and_then(|v| v.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, secret)| secret.trim().to_owned());
        let Some(secret) = shown else {
            if self.open {
                return Ok(Permit { who: "someone on this machine".into(), project: None });
            }
            return Err(Failed(
                StatusCode::UNAUTHORIZED,
                "a token is needed: Authorization: Bearer …; `why500 token` makes one".into(),
            ));
        };
        let token = self.read(|r| r.token(now(), &secret))?;
        match token {
            Some(t) if t.scopes.iter().any(|s| s == scope || s == "all") => {
                Ok(Permit { who: t.name, project: t.project })
            }
            Some(_) => Err(Failed(StatusCode::FORBIDDEN, format!("the token has no scope {scope}"))),
            None => {
                Err(Failed(StatusCode::UNAUTHORIZED, "the token is not known, or no longer valid".into()))
            }
        }
    }
}

/// Who asks.
pub struct Permit {
    who: String,
    /// The only project that may be asked for.
    project: Option<i64>,
}

impl Permit {
    /// The project asked for, if it may be.
    fn project(&self, params: &Params) -> Answer<i64> {
        let asked = match params.get("project") {
            Some(p) => Some(p.parse::<i64>().map_err(|_| bad("project: a number is expected"))?),
            None => None,
        };
        match (asked, self.project) {
            (Some(a), Some(own)) if a != own => {
                Err(Failed(StatusCode::FORBIDDEN, "the token is another project's".into()))
            }
            (asked, own) => Ok(asked.or(own).unwrap_or(1)),
        }
    }
}

fn bad(why: impl Into<String>) -> Failed {
    Failed(StatusCode::BAD_REQUEST, why.into())
}

fn missing(what: &str) -> Failed {
    Failed(StatusCode::NOT_FOUND, format!("there is no such {what}"))
}

/// An instant of the query: RFC 3339, or seconds since 1970.
fn instant(params: &Params, name: &str) -> Answer<Option<record::Time>> {
    let Some(text) = params.get(name) else { return Ok(None) };
    if let Ok(seconds) = text.parse::<i64>() {
        return Ok(Some(record::Time::from_secs(seconds)));
    }
    formats::time::stamp(text, now())
        .map(|s| Some(s.time))
        .ok_or_else(|| bad(format!("{name}: {text}: neither RFC 3339 nor seconds since 1970")))
}

fn number<T: std::str::FromStr>(params: &Params, name: &str, otherwise: T) -> Answer<T> {
    match params.get(name) {
        Some(text) => text.parse().map_err(|_| bad(format!("{name}: {text}: a number is expected"))),
        None => Ok(otherwise),
    }
}
