//! The API under `/api/v1`, described by `openapi.json` beside this file; errors are problem details (RFC 9457). The pages' router
//! hangs beside it.

mod access;
mod actions;
mod alerts;
mod code;
mod hooks;
mod problems;
mod sign_in;
mod watch;

pub use access::{Peer, TOKEN_MARK, secret};
pub use actions::marked;
pub use hooks::{webhook_path, webhook_secret};
pub use problems::{query, whole};
pub use sign_in::{Door, FIRST_ADMIN};

use super::{App, now, pages};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, Request, Response, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{MethodRouter, get, post};
use serde_json::json;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

/// The description that is served, and that a test holds against the routes.
pub const OPENAPI: &str = include_str!("openapi.json");

/// Bytes of the framework's own words on what it refuses; they are a line.
const REFUSAL_BYTES_MAX: usize = 4_096;

/// Paths of our own, as first words below `/api/v1/`; all others are protocols'.
const OURS: [&str; 12] = [
    "problems",
    "alerts",
    "failures",
    "projects",
    "deploys",
    "webhooks",
    "sourcemaps",
    "timeline",
    "durations",
    "health",
    "stream",
    "openapi.json",
];

/// Until an answer begins: reads take milliseconds, so what takes longer is a body that does not come. A stream goes on after it.
const ANSWER_TIME: Duration = Duration::from_secs(60);

/// Parameters of a query.
pub type Params = HashMap<String, String>;

/// An answer that is no success.
#[derive(Debug)]
pub struct Failed(pub StatusCode, pub String);

impl IntoResponse for Failed {
    fn into_response(self) -> Response<Body> {
        let body = json!({
            "type": "about:blank",
            "title": self.0.canonical_reason().unwrap_or("error"),
            "status": self.0.as_u16(),
            "detail": self.1,
        });
        let kind = [(header::CONTENT_TYPE, "application/problem+json")];
        let mut response = (self.0, kind, body.to_string()).into_response();
        if self.0 == StatusCode::UNAUTHORIZED {
            // RFC 9110 §11.6.1: a 401 names what would be taken.
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<store::Error> for Failed {
    fn from(e: store::Error) -> Failed {
        let status = match e {
            store::Error::Missing(_) => StatusCode::NOT_FOUND,
            store::Error::Invalid(_) | store::Error::Cursor => StatusCode::BAD_REQUEST,
            _ => StatusCode::SERVICE_UNAVAILABLE,
        };
        Failed(status, e.to_string())
    }
}

type Answer<T> = Result<T, Failed>;

/// Is the request for the API, a page, the figures of the program itself?
pub fn is_ours(request: &Request<Body>) -> bool {
    if pages::is_page(request) {
        return true;
    }
    let path = request.uri().path();
    match path.strip_prefix("/api/v1/") {
        Some(rest) => OURS.contains(&rest.split('/').next().unwrap_or("")),
        None => matches!(path, "/metrics" | "/health" | "/sign-in" | "/login" | "/logout"),
    }
}

/// All routes: method, path, what answers. The router is made from it, and a test holds the description against it.
fn routes() -> Vec<(&'static str, &'static str, MethodRouter<Arc<App>>)> {
    vec![
        ("get", "/api/v1/problems", get(problems::list)),
        ("get", "/api/v1/problems/{id}", get(problems::one)),
        ("get", "/api/v1/problems/{id}/failures", get(problems::failures)),
        ("get", "/api/v1/problems/{id}/similar", get(problems::similar)),
        ("get", "/api/v1/problems/{id}/code", get(code::code)),
        ("get", "/api/v1/problems/{id}/timeline", get(problems::timeline)),
        ("post", "/api/v1/problems/{id}/resolve", post(actions::resolve)),
        ("post", "/api/v1/problems/{id}/reopen", post(actions::reopen)),
        ("post", "/api/v1/problems/{id}/mute", post(actions::mute)),
        ("post", "/api/v1/problems/{id}/assign", post(actions::assign)),
        ("post", "/api/v1/problems/{id}/notes", post(actions::note)),
        ("get", "/api/v1/failures/{id}", get(problems::failure)),
        ("get", "/api/v1/alerts", get(alerts::list)),
        ("post", "/api/v1/alerts/retry", post(alerts::retry)),
        ("get", "/api/v1/projects", get(actions::projects)),
        ("post", "/api/v1/projects", post(actions::add_project)),
        ("get", "/api/v1/projects/{id}/keys", get(actions::keys)),
        ("post", "/api/v1/projects/{id}/keys", post(actions::add_key)),
        ("post", "/api/v1/projects/{id}/webhook", post(hooks::set)),
        ("post", "/api/v1/webhooks/{id}/github", post(hooks::github)),
        ("post", "/api/v1/webhooks/{id}/gitlab", post(hooks::gitlab)),
        ("get", "/api/v1/deploys", get(actions::deploys)),
        ("post", "/api/v1/deploys", post(actions::deploy)),
        ("get", "/api/v1/sourcemaps", get(code::maps)),
        ("post", "/api/v1/sourcemaps", post(code::add_map)),
        ("get", "/api/v1/timeline", get(problems::traffic)),
        ("get", "/api/v1/durations", get(problems::durations)),
        ("get", "/api/v1/health", get(watch::health)),
        ("get", "/api/v1/stream", get(watch::stream)),
        ("get", "/api/v1/openapi.json", get(openapi)),
        ("get", "/metrics", get(watch::metrics)),
        ("get", "/health", get(watch::health)),
        ("get", "/sign-in", get(sign_in::invited)),
        ("post", "/sign-in", post(sign_in::accept)),
        ("get", "/login", get(sign_in::ask)),
        ("post", "/login", post(sign_in::enter)),
        ("post", "/logout", post(sign_in::leave)),
    ]
}

/// The router of all routes.
pub fn router(app: Arc<App>) -> Router {
    let pages = pages::router(Arc::clone(&app));
    let start = Router::new();
    routes()
        .into_iter()
        .fold(start, |r, (_, path, handler)| r.route(path, handler))
        .with_state(app)
        .merge(pages)
}

/// Answers a request of ours. What the framework refuses (no such path, a body that is none) is said as all else is.
pub async fn answer(app: &App, router: Router, request: Request<Body>) -> Response<Body> {
    use hyper::service::Service;
    if let Err(refused) = access::guard(app, &request) {
        return refused.into_response();
    }
    let service = hyper_util::service::TowerToHyperService::new(router);
    let response = match tokio::time::timeout(ANSWER_TIME, service.call(request)).await {
        Ok(Ok(response)) => response,
        Ok(Err(never)) => match never {},
        Err(_) => {
            let why = format!("the request did not come within {} seconds", ANSWER_TIME.as_secs());
            return Failed(StatusCode::REQUEST_TIMEOUT, why).into_response();
        }
    };
    let status = response.status();
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or("");
    let said = kind.starts_with("application/") || kind.starts_with("text/html");
    if said || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let why = match axum::body::to_bytes(response.into_body(), REFUSAL_BYTES_MAX).await {
        Ok(bytes) if !bytes.is_empty() => String::from_utf8_lossy(&bytes).into_owned(),
        _ => "see /api/v1/openapi.json for what there is".into(),
    };
    Failed(status, why).into_response()
}

async fn openapi() -> Response<Body> {
    ([(header::CONTENT_TYPE, "application/json")], OPENAPI).into_response()
}

impl App {
    /// Reads from the store; others wait meanwhile, as reads take some milliseconds.
    pub fn read<T>(&self, read: impl FnOnce(&store::Reader) -> store::Result<T>) -> Answer<T> {
        let reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(tokio::task::block_in_place(|| read(&reader))?)
    }

    /// Writes to the store what people do.
    pub fn act<T>(&self, act: impl FnOnce(&mut store::Store) -> store::Result<T>) -> Answer<T> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(tokio::task::block_in_place(|| act(&mut writer))?)
    }
}

pub fn bad(why: impl Into<String>) -> Failed {
    Failed(StatusCode::BAD_REQUEST, why.into())
}

pub fn missing(what: &str) -> Failed {
    Failed(StatusCode::NOT_FOUND, format!("there is no such {what}"))
}

/// An instant of the query: RFC 3339, or seconds since 1970.
fn instant(params: &Params, name: &str) -> Answer<Option<record::Time>> {
    params.get(name).map(|text| instant_of(name, text)).transpose()
}

/// An instant as text: RFC 3339, or seconds since 1970. `name`: what it is called, for who wrote it.
fn instant_of(name: &str, text: &str) -> Answer<record::Time> {
    if let Ok(seconds) = text.parse::<i64>() {
        return Ok(record::Time::from_secs(seconds));
    }
    formats::time::stamp(text, now())
        .map(|s| s.time)
        .ok_or_else(|| bad(format!("{name}: {text}: neither RFC 3339 nor seconds since 1970")))
}

fn number<T: std::str::FromStr>(params: &Params, name: &str, otherwise: T) -> Answer<T> {
    match params.get(name) {
        Some(text) => text.parse().map_err(|_| bad(format!("{name}: {text}: a number is expected"))),
        None => Ok(otherwise),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;
    use std::collections::BTreeSet;

    /// Each route is described, and nothing is described that is no route.
    #[test]
    fn the_description_holds_all_routes() {
        let described: Value = serde_json::from_str(OPENAPI).unwrap();
        let mut theirs = BTreeSet::new();
        for (path, methods) in described["paths"].as_object().unwrap() {
            for method in methods.as_object().unwrap().keys().filter(|m| *m != "parameters") {
                theirs.insert((method.clone(), path.clone()));
            }
        }
        let ours: BTreeSet<_> =
            routes().iter().map(|(method, path, _)| ((*method).to_owned(), (*path).to_owned())).collect();
        assert_eq!(ours, theirs);
    }

    /// A route that the port does not know as ours would go to the wires.
    #[test]
    fn each_route_is_ours() {
        for (method, path, _) in routes() {
            let path = path.replace("{id}", "1");
            let request = Request::builder().method(method).uri(&path).body(Body::empty()).unwrap();
            assert!(is_ours(&request), "{path}");
        }
    }
}
