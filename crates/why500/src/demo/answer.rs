//! How failures are told to clients: well (RFC 9457, an id, nothing of the inside), and in two ways badly, to be seen side by side.

use super::failure::{Failure, title};
use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

/// An answer before it is sent.
pub struct Reply {
    /// Its status.
    pub status: u16,
    /// Its content type.
    pub media: &'static str,
    /// Its body.
    pub body: Vec<u8>,
}

impl Reply {
    /// An answer in JSON.
    pub fn json(status: u16, value: &Value) -> Reply {
        Reply { status, media: "application/json", body: value.to_string().into_bytes() }
    }

    /// Any text.
    pub fn text(status: u16, media: &'static str, text: &str) -> Reply {
        Reply { status, media, body: text.as_bytes().to_vec() }
    }
}

/// As it should be: `application/problem+json` (RFC 9457) with a sentence for people and the id under which all of it stands in the log.
pub fn problem(failure: &Failure, id: &str) -> Reply {
    let mut body = json!({
        "type": "about:blank",
        "title": failure.title(),
        "status": failure.status,
        "detail": failure.told(),
        "instance": format!("/errors/{id}"),
        "error_id": id,
    });
    if !failure.wrong.is_empty() {
        // As in the example of RFC 9457 §3.
        let list: Vec<Value> = failure
            .wrong
            .iter()
            .map(|(name, how)| json!({"detail": format!("must be {how}"), "pointer": pointer(name)}))
            .collect();
        body["errors"] = Value::from(list);
    }
    Reply { status: failure.status, media: "application/problem+json", body: body.to_string().into_bytes() }
}

fn pointer(name: &str) -> String {
    if name.is_empty() { "#".to_owned() } else { format!("#/{name}") }
}

/// As it should not be: everything that helps an attacker, nothing that helps a user.
pub fn leaking(failure: &Failure, sql: &str) -> Reply {
    let text = format!("<!doctype html><title>Error</title>\n<h1>Oops!</h1>\n{}", inside(failure, sql));
    Reply { status: 500, media: "text/html; charset=utf-8", body: text.into_bytes() }
}

/// Worse: an error page that calls itself a success, so that no monitor and no client sees it.
pub fn pretending(failure: &Failure, sql: &str) -> Reply {
    let title = format!("500 {}", title(500));
    let text = format!("<!doctype html><title>{title}</title>\n<h1>{title}</h1>\n{}", inside(failure, sql));
    Reply { status: 200, media: "text/html; charset=utf-8", body: text.into_bytes() }
}

fn inside(failure: &Failure, sql: &str) -> String {
    let at =
        failure.at.map(|l| format!("\n   at {}:{}:{}", l.file(), l.line(), l.column())).unwrap_or_default();
    let text = format!("{}{at}\n\n[SQL: {sql}]", failure.said());
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    format!("<pre>{text}</pre>\n")
}

/// The answer as it is sent. Bad practice gives no id either.
pub fn response(reply: Reply, badly: bool, id: &str) -> Response<Body> {
    let failed = reply.media == "application/problem+json";
    let mut response = Response::new(Body::from(reply.body));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(reply.media));
    if !badly && let Ok(id) = HeaderValue::from_str(id) {
        headers.insert("x-request-id", id.clone());
        if failed {
            headers.insert("x-error-id", id);
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
    }
    response
}
