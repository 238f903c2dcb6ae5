//! The pages: what the API tells, to be looked at. Rendered here, useful without script; `why500.js` makes them live.
//!
//! ```text
//! /problems?class=database&state=open   list.rs    the list
//! /problems/1/4f1c2a9e00c0ffee          one.rs     a problem        …/resolve, …/mute …   act.rs
//! /failures/1/8841                      failures.rs one failure's records
//! /service                              service.rs share of 5xx, budget
//! /alerts                               alerts.rs  what was told to whom
//! /setup                                setup.rs   what to paste where
//! /explain                              explain.rs logs dropped here
//! /learn                                learn.rs   causes and statuses
//! ```
//!
//! Nothing is loaded from elsewhere and no script or style stands in a page: the policy that each answer carries forbids it. All
//! text from outside is escaped by the templates, with control characters shown ([`text`]).

mod act;
mod alerts;
mod answer;
mod dropped;
mod explain;
mod failures;
mod learn;
mod list;
mod one;
mod plot;
mod reproduce;
mod service;
mod setup;
mod shell;

pub use shell::sign_in_page;

use super::App;
use super::api::{Failed, Params};
use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{MethodRouter, get, post};
use maud::Markup;
use record::Time;
use std::sync::Arc;

/// What a browser may do with an answer: load style, script and data from here, post here, nothing else.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The style of the pages: the report's, so that both look alike, and what only pages have.
const STYLE: &str = concat!(include_str!("../../report/html.css"), include_str!("why500.css"));
const SCRIPT: &str = include_str!("why500.js");

/// All routes of pages.
fn routes() -> Vec<(&'static str, MethodRouter<Arc<App>>)> {
    vec![
        ("/", get(home)),
        ("/problems", get(list::list)),
        ("/problems/{project}/{id}", get(one::one)),
        ("/problems/{project}/{id}/markdown", get(one::markdown)),
        ("/problems/{project}/{id}/postman", get(one::postman)),
        ("/problems/{project}/{id}/failures", get(failures::failures)),
        ("/problems/{project}/{id}/resolve", post(act::resolve)),
        ("/problems/{project}/{id}/reopen", post(act::reopen)),
        ("/problems/{project}/{id}/mute", post(act::mute)),
        ("/problems/{project}/{id}/assign", post(act::assign)),
        ("/problems/{project}/{id}/notes", post(act::note)),
        ("/problems/{project}/several", post(act::several)),
        ("/failures/{project}/{id}", get(failures::failure)),
        ("/alerts", get(alerts::alerts)),
        ("/alerts/retry", post(alerts::retry)),
        ("/service", get(service::service)),
        ("/setup", get(setup::setup)),
        ("/setup/projects", post(setup::add_project)),
        ("/explain", explain::route()),
        ("/learn", get(learn::all)),
        ("/learn/status/{code}", get(learn::status)),
        ("/learn/{class}/{cause}", get(learn::cause)),
        ("/assets/why500.css", get(style)),
        ("/assets/why500.js", get(script)),
        ("/favicon.ico", get(icon)),
    ]
}

/// The router of all pages.
pub fn router(app: Arc<App>) -> Router {
    routes().into_iter().fold(Router::new(), |r, (path, handler)| r.route(path, handler)).with_state(app)
}

/// Is the request for a page? A browser's `GET /` is; clients of Elasticsearch and Logtail ask there, too, but not for HTML.
pub fn is_page(request: &Request<Body>) -> bool {
    let path = request.uri().path();
    if path == "/" {
        let reads = matches!(request.method().as_str(), "GET" | "HEAD");
        let accepts = request.headers().get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or("");
        return reads && accepts.contains("text/html");
    }
    let first = path.split('/').nth(1).unwrap_or("");
    matches!(
        first,
        "problems"
            | "failures"
            | "alerts"
            | "service"
            | "setup"
            | "explain"
            | "learn"
            | "assets"
            | "favicon.ico"
    )
}

/// Somebody who looks at a page and may.
pub struct Visit {
    pub app: Arc<App>,
    pub who: String,
    /// The project looked at.
    pub project: i64,
    /// All projects that may be looked at.
    pub projects: Vec<store::Project>,
    pub params: Params,
    /// One signed in by name and password, so signing out is offered.
    pub signed_in: bool,
    /// May make projects and see keys, as with the API.
    pub admin: bool,
}

impl FromRequestParts<Arc<App>> for Visit {
    type Rejection = Response<Body>;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Visit, Response<Body>> {
        Visit::of(parts, app, "read").await
    }
}

impl Visit {
    /// The project stands in the path (`/problems/{project}/…`) or in the query.
    async fn of(parts: &mut Parts, app: &Arc<App>, scope: &str) -> Result<Visit, Response<Body>> {
        let permit = match app.permit(&parts.headers, scope) {
            Ok(permit) => permit,
            Err(e) if e.0 == StatusCode::UNAUTHORIZED => return Err(to_sign_in(parts)),
            Err(e) => return Err(shell::failed(&e)),
        };
        let refuse = |e: Failed| shell::failed(&e);
        let mut params = Query::<Params>::try_from_uri(&parts.uri)
            .map_err(|e| refuse(Failed(StatusCode::BAD_REQUEST, e.body_text())))?
            .0;
        let placed = Path::<std::collections::HashMap<String, String>>::from_request_parts(parts, app).await;
        if let Some(project) = placed.ok().and_then(|p| p.0.get("project").cloned()) {
            params.insert("project".into(), project);
        }
        params.retain(|_, v| !v.is_empty());
        let project = permit.project(&params).map_err(refuse)?;
        let projects: Vec<store::Project> = app
            .read(store::Reader::projects)
            .map_err(refuse)?
            .into_iter()
            .filter(|p| permit.project.is_none_or(|own| own == p.id))
            .collect();
        if !projects.iter().any(|p| p.id == project) {
            return Err(refuse(Failed(StatusCode::NOT_FOUND, "there is no such project".into())));
        }
        let signed_in = app.session(&parts.headers).ok().flatten().is_some();
        let admin = app.permit(&parts.headers, "admin").is_ok();
        Ok(Visit { app: Arc::clone(app), who: permit.who, project, projects, params, signed_in, admin })
    }
}

/// Somebody who acts.
pub struct Acts(pub Visit);

impl FromRequestParts<Arc<App>> for Acts {
    type Rejection = Response<Body>;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Acts, Response<Body>> {
        Visit::of(parts, app, "write").await.map(Acts)
    }
}

/// Leads to where one signs in, and back afterwards.
fn to_sign_in(parts: &Parts) -> Response<Body> {
    let back = parts.uri.path_and_query().map_or("/", |p| p.as_str());
    led(&format!("/login?next={}", percent(back)))
}

/// Leads to another page of this server.
pub fn led(to: &str) -> Response<Body> {
    let to = HeaderValue::from_str(to).unwrap_or(HeaderValue::from_static("/problems"));
    (
        StatusCode::SEE_OTHER,
        [(header::LOCATION, to), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))],
    )
        .into_response()
}

/// A page of this server that somebody may be led to: a path, not another server's address.
pub fn own_path(next: &str) -> Option<&str> {
    let inside = next.starts_with('/') && !next.starts_with("//") && !next.starts_with("/\\");
    (inside && next.bytes().all(|b| b.is_ascii_graphic())).then_some(next)
}

/// Percent-encoded for a part of a query or path (RFC 3986 §2.3: only unreserved characters stand as they are).
pub fn percent(text: &str) -> String {
    use std::fmt::Write;
    let mut out = String::with_capacity(text.len());
    for b in text.bytes() {
        if b.is_ascii_alphanumeric() || b"-._~".contains(&b) {
            out.push(char::from(b));
        } else {
            let _ = write!(out, "%{b:02X}");
        }
    }
    out
}

/// Text from outside, with control characters and marks that reorder text shown; the template escapes it.
pub fn text(raw: &str) -> std::borrow::Cow<'_, str> {
    crate::report::plain(raw)
}

/// The answer that a page is.
fn page(status: StatusCode, markup: Markup) -> Response<Body> {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // With `no-referrer` browsers would post forms with `Origin: null` (Fetch §3.2).
        (header::REFERRER_POLICY, "same-origin"),
    ];
    (status, headers, markup.into_string()).into_response()
}

/// A page, or why there is none, as a page.
type Seen = Result<Response<Body>, Wrong>;

/// Why there is no page.
pub struct Wrong(Failed);

impl From<Failed> for Wrong {
    fn from(e: Failed) -> Wrong {
        Wrong(e)
    }
}

impl IntoResponse for Wrong {
    fn into_response(self) -> Response<Body> {
        shell::failed(&self.0)
    }
}

async fn home() -> Response<Body> {
    led("/problems")
}

/// Style and script are the program's: they change with it, so they are asked for again by what they hold.
fn asset(headers: &HeaderMap, kind: &'static str, text: &'static str) -> Response<Body> {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hash = DefaultHasher::new();
    text.hash(&mut hash);
    let tag = format!("\"{:016x}\"", hash.finish());
    let mut response = if headers.get(header::IF_NONE_MATCH).is_some_and(|v| v.as_bytes() == tag.as_bytes()) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(header::CONTENT_TYPE, kind), (header::X_CONTENT_TYPE_OPTIONS, "nosniff")], text).into_response()
    };
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

async fn style(headers: HeaderMap) -> Response<Body> {
    asset(&headers, "text/css; charset=utf-8", STYLE)
}

async fn script(headers: HeaderMap) -> Response<Body> {
    asset(&headers, "text/javascript; charset=utf-8", SCRIPT)
}

async fn icon() -> Response<Body> {
    const ICON: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 20 20\"><rect x=\"1.5\" y=\"1.5\" width=\"17\" \
        height=\"17\" rx=\"5\" fill=\"#fdecea\" stroke=\"#b3261e\" stroke-width=\"2.5\"/><path d=\"M6.5 6.5l7 7m0-7l-7 7\" \
        fill=\"none\" stroke=\"#b3261e\" stroke-width=\"2.2\" stroke-linecap=\"round\"/></svg>";
    ([(header::CONTENT_TYPE, "image/svg+xml"), (header::CACHE_CONTROL, "max-age=86400")], ICON)
        .into_response()
}

/// An instant, in UTC; the script shows it in the reader's time where that is asked for.
fn when(at: Time) -> Markup {
    maud::html! { time.when datetime=(at) { (crate::report::phrase::Clock::dated().at(at)) } }
}

/// How long ago, in one unit: `4 min ago`. The script keeps it true while the page is open.
fn ago(at: Time, now: Time) -> Markup {
    let us = now.since(at);
    let words = match us / record::SECOND {
        s if s < -60 => "in the future".to_owned(),
        s if s < 5 => "just now".to_owned(),
        s if s < 60 => format!("{s} s ago"),
        s if s < 3_600 => format!("{} min ago", s / 60),
        s if s < 172_800 => format!("{} h ago", s / 3_600),
        s => format!("{} d ago", s / 86_400),
    };
    let whole = crate::report::phrase::Clock::dated().at(at);
    maud::html! { time.ago datetime=(at) title={ (whole) " UTC" } { (words) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_page_is_known_as_one() {
        for (path, _) in routes().iter().filter(|(path, _)| *path != "/") {
            let path = path.replace("{project}", "1").replace("{id}", "00").replace(['{', '}'], "");
            let request = Request::builder().uri(&path).body(Body::empty()).unwrap();
            assert!(is_page(&request), "{path}");
        }
    }

    #[test]
    fn the_root_is_a_page_for_browsers_only() {
        for (method, accept, is) in [
            ("GET", "text/html,application/xhtml+xml", true),
            ("GET", "*/*", false),
            ("POST", "text/html", false),
        ] {
            let request = Request::builder()
                .method(method)
                .uri("/")
                .header("accept", accept)
                .body(Body::empty())
                .unwrap();
            assert_eq!(is_page(&request), is, "{method} {accept}");
        }
    }

    #[test]
    fn nobody_is_led_to_another_server() {
        for bad in
            ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)", "", "/a b"]
        {
            assert_eq!(own_path(bad), None, "{bad}");
        }
        assert_eq!(own_path("/problems/1/00?x=%20"), Some("/problems/1/00?x=%20"));
        assert_eq!(percent("/a?b=c d"), "%2Fa%3Fb%3Dc%20d");
    }
}
