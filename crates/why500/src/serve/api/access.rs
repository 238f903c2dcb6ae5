//! Who asks, and may they: API tokens, sessions, and what a browser must not be made to do.
//!
//! Until somebody can sign in, whoever reaches the port may read and act, where the port is on loopback. From then on each
//! request shows a token (`Authorization: Bearer why500_…`) or a session's cookie.

use super::{Answer, Failed, Params, bad};
use crate::serve::{App, now};
use axum::body::Body;
use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use record::SECOND;
use std::fmt::Write as _;
use std::marker::PhantomData;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// The cookie that holds a session's secret.
pub const COOKIE: &str = "why500_session";
/// Tokens begin so, that they are known where they do not belong (secret scanners look for such marks).
pub const TOKEN_MARK: &str = "why500_";
/// Bytes of a secret: 256 bits cannot be guessed.
const SECRET_BYTES: usize = 32;
/// A token's last use is noted so often: noting it writes.
const NOTED_US: i64 = 60 * SECOND;
/// Pages that must work for whoever has no session yet, and health, which tells nothing of anybody's data.
const FOR_ALL: [&str; 5] = ["/sign-in", "/login", "/logout", "/health", "/api/v1/health"];

/// Webhooks come under the name that the forge knows, and are signed.
const SIGNED: &str = "/api/v1/webhooks/";

/// The address of whoever sent a request.
#[derive(Clone, Debug)]
pub struct Peer(pub String);

/// Who asks.
pub struct Permit {
    pub who: String,
    /// The only project that may be asked for.
    pub project: Option<i64>,
}

impl Permit {
    /// The project asked for, if it may be.
    pub fn project(&self, params: &Params) -> Answer<i64> {
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

/// What a token, or whoever is signed in, may do.
pub trait Scope: Send + Sync {
    /// Its name.
    const NAME: &'static str;
}

/// To read.
pub struct Read;
/// To resolve, mute, assign, note.
pub struct Write;
/// To say that a release went out.
pub struct Deploy;

impl Scope for Read {
    const NAME: &'static str = "read";
}

impl Scope for Write {
    const NAME: &'static str = "write";
}

impl Scope for Deploy {
    const NAME: &'static str = "deploy";
}

/// A request about a project by somebody who may make it. A handler that has it need not ask.
pub struct Asks<S> {
    pub app: Arc<App>,
    pub project: i64,
    pub who: String,
    pub params: Params,
    scope: PhantomData<S>,
}

impl<S: Scope> FromRequestParts<Arc<App>> for Asks<S> {
    type Rejection = Failed;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Answer<Asks<S>> {
        let permit = app.permit(&parts.headers, S::NAME)?;
        let params = Query::<Params>::try_from_uri(&parts.uri).map_err(|e| bad(e.body_text()))?.0;
        let project = permit.project(&params)?;
        Ok(Asks { app: Arc::clone(app), project, who: permit.who, params, scope: PhantomData })
    }
}

impl App {
    /// Who asks, and may they?
    pub fn permit(&self, headers: &HeaderMap, scope: &str) -> Answer<Permit> {
        if let Some(secret) = bearer(headers) {
            return self.by_token(secret, scope);
        }
        if let Some(session) = self.session(headers)? {
            if scope == "admin" && !session.user.admin {
                return Err(Failed(StatusCode::FORBIDDEN, "an admin is needed".into()));
            }
            return Ok(Permit { who: session.user.name, project: None });
        }
        if self.open.load(Ordering::Acquire) {
            return Ok(Permit { who: "someone on this machine".into(), project: None });
        }
        Err(Failed(
            StatusCode::UNAUTHORIZED,
            "sign in at /login, or show a token: Authorization: Bearer …; `why500 token` makes one".into(),
        ))
    }

    /// The session whose cookie is shown.
    pub fn session(&self, headers: &HeaderMap) -> Answer<Option<store::Session>> {
        match cookie(headers) {
            Some(secret) => self.read(|r| r.session(now(), secret)),
            None => Ok(None),
        }
    }

    fn by_token(&self, secret: &str, scope: &str) -> Answer<Permit> {
        let Some(token) = self.read(|r| r.token(now(), secret))? else {
            return Err(Failed(
                StatusCode::UNAUTHORIZED,
                "the token is not known, or no longer valid".into(),
            ));
        };
        if !token.scopes.iter().any(|s| s == scope) {
            return Err(Failed(StatusCode::FORBIDDEN, format!("the token has no scope {scope}")));
        }
        if token.used.is_none_or(|t| now().since(t) > NOTED_US)
            // Nobody waits for this: while the digest writes it is left to the next request.
            && let Ok(writer) = self.writer.try_lock()
        {
            let _ = tokio::task::block_in_place(|| writer.token_used(now(), token.id));
        }
        Ok(Permit { who: token.name, project: token.project })
    }

    /// Somebody can sign in: from now on all have to.
    pub fn close(&self) {
        self.open.store(false, Ordering::Release);
    }
}

/// What a browser must not be made to do by a page from elsewhere.
///
/// - Changing something with a session's cookie (CSRF), or without any where the port is open to this machine: the page has to
///   be of this very origin. Browsers say so in `Sec-Fetch-Site` (over TLS and on loopback) or `Origin`; a token shows
///   intent by itself, as no browser sends it of its own accord.
/// - Reading on a port that is open to this machine, by a name that an attacker lets point to 127.0.0.1 (DNS rebinding): the
///   server has to be called by an address, or a name without a dot.
pub fn guard(app: &App, request: &Request<Body>) -> Answer<()> {
    let headers = request.headers();
    if bearer(headers).is_some() {
        return Ok(());
    }
    let host = text(headers, header::HOST.as_str())
        .or_else(|| request.uri().authority().map(|a| a.as_str()))
        .unwrap_or("");
    let reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if !reads && !same_origin(headers, host) {
        return Err(Failed(StatusCode::FORBIDDEN, "the request comes from a page of another server".into()));
    }
    let open = app.open.load(Ordering::Acquire);
    let path = request.uri().path();
    let for_all = FOR_ALL.contains(&path) || path.starts_with(SIGNED);
    if open && !for_all && !local_name(host) && cookie(headers).is_none() {
        return Err(Failed(
            StatusCode::FORBIDDEN,
            "under this name nobody is answered before there is an admin: open the sign-in link that was printed at the start"
                .into(),
        ));
    }
    Ok(())
}

fn same_origin(headers: &HeaderMap, host: &str) -> bool {
    if let Some(site) = text(headers, "sec-fetch-site") {
        return site == "same-origin";
    }
    match text(headers, header::ORIGIN.as_str()) {
        // A proxy may have put its own name into Host; no page from elsewhere can set X-Forwarded-Host.
        Some(origin) => origin
            .split_once("://")
            .is_some_and(|(_, at)| at == host || text(headers, "x-forwarded-host") == Some(at)),
        // No browser. With a cookie it would have to be one.
        None => cookie(headers).is_none(),
    }
}

/// An address, or a name that no stranger can have: without a dot, or under `localhost` (RFC 6761 §6.3).
fn local_name(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(""),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name.parse::<IpAddr>().is_ok() || !name.contains('.') || name.ends_with(".localhost")
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|v| v.to_str().ok())
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, secret) = text(headers, header::AUTHORIZATION.as_str())?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| secret.trim())
}

/// The session's secret of the cookies (RFC 6265 §4.2.1).
pub fn cookie(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|v| v.to_str().ok())
        .flat_map(|v| v.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == COOKIE)
        .map(|(_, secret)| secret)
}

/// A new secret, in hex.
///
/// # Errors
/// The system has no random bytes to give.
pub fn secret() -> Result<String, String> {
    let mut bytes = [0; SECRET_BYTES];
    getrandom::fill(&mut bytes).map_err(|e| format!("no random bytes: {e}"))?;
    Ok(bytes.iter().fold(String::new(), |mut out, b| {
        // Writing to a String cannot fail.
        let _ = write!(out, "{b:02x}");
        out
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(list: &[(&'static str, &str)]) -> HeaderMap {
        list.iter().map(|(n, v)| (n.parse().unwrap(), v.parse().unwrap())).collect()
    }

    #[test]
    fn a_page_from_elsewhere_changes_nothing() {
        let host = "why500.example";
        for (list, may) in [
            (vec![("sec-fetch-site", "same-origin")], true),
            (vec![("sec-fetch-site", "same-site"), ("origin", "https://why500.example")], false),
            (vec![("sec-fetch-site", "cross-site")], false),
            (vec![("origin", "https://why500.example")], true),
            (vec![("origin", "https://evil.example")], false),
            (vec![("origin", "null")], false),
            (vec![("origin", "https://a.example"), ("x-forwarded-host", "a.example")], true),
            (vec![], true),
            (vec![("cookie", "a=1; why500_session=00")], false),
            (vec![("cookie", "a=1; why500_session=00"), ("origin", "https://why500.example")], true),
        ] {
            assert_eq!(same_origin(&headers(&list), host), may, "{list:?}");
        }
    }

    #[test]
    fn names_that_strangers_can_have_are_not_local() {
        for host in
            ["127.0.0.1:8500", "[::1]:8500", "localhost:8500", "10.0.0.7", "shop", "a.localhost:1", ""]
        {
            assert!(local_name(host), "{host}");
        }
        for host in
            ["evil.example", "127.0.0.1.nip.io:8500", "localhost.evil.example:8500", "evil.example:127"]
        {
            assert!(!local_name(host), "{host}");
        }
    }

    #[test]
    fn secrets_are_long_and_differ() {
        let (a, b) = (secret().unwrap(), secret().unwrap());
        assert_eq!(a.len(), 64);
        assert_ne!(a, b);
    }
}
