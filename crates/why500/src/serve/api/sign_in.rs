//! Signing in: the one-time link of the first start, name and password afterwards.

use super::access::{COOKIE, Peer, cookie};
use super::{Answer, Failed, secret};
use crate::serve::pages::{self, own_path, sign_in_page as page, text};
use crate::serve::{App, now};
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Version};
use axum::body::Body;
use axum::extract::{Extension, Form, Query, State};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use maud::{Markup, html};
use record::SECOND;
use serde::Deserialize;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// What a link is for by which the first admin signs in.
pub const FIRST_ADMIN: &str = "first-admin";
/// Where one is led after signing in.
const HOME: &str = "/problems";
/// A session lasts two weeks, used or not.
const SESSION_S: i64 = 14 * 86_400;
/// Characters of a password at least. OWASP ASVS 5.0 §6.2.1 asks for 8 and would like 15.
const PASSWORD_CHARS_MIN: usize = 12;
/// Bytes of a password at most: ASVS §6.2.9 asks for 64 at least, and hashing more tells nothing more.
const PASSWORD_BYTES_MAX: usize = 1_024;
/// Bytes of a name.
const NAME_BYTES_MAX: usize = 200;
/// Attempts in a minute by one address at one name.
const ATTEMPTS_MAX: u32 = 5;
/// Attempts in a minute by one address at all names: each costs a hash, and behind a proxy all have one address.
const ATTEMPTS_OF_ADDRESS_MAX: u32 = 30;
/// Attempts are counted by the minute.
const WINDOW: Duration = Duration::from_secs(60);
/// Pairs of address and name that are watched; some hundred bytes each.
const WATCHED_MAX: usize = 10_000;
/// Passwords hashed at once: 19 MiB each.
const HASHES_MAX: usize = 2;
/// OWASP's password storage cheat sheet for argon2id: 19 MiB, two passes, one lane.
const HASH_KIB: u32 = 19 * 1_024;
const HASH_PASSES: u32 = 2;
const HASH_LANES: u32 = 1;

/// By address, and name where one was given: since when, and how many.
type Attempts = HashMap<(String, Option<String>), (Instant, u32)>;

/// What sign-in keeps in memory.
pub struct Door {
    /// There is an admin.
    claimed: AtomicBool,
    attempts: Mutex<Attempts>,
    hashing: Semaphore,
}

impl Door {
    /// `claimed`: there is an admin.
    pub fn new(claimed: bool) -> Door {
        Door {
            claimed: AtomicBool::new(claimed),
            attempts: Mutex::default(),
            hashing: Semaphore::new(HASHES_MAX),
        }
    }

    /// Counts an attempt, if one more is allowed. No user has the empty name: it stands for the link.
    fn attempt(&self, at: Instant, address: &str, name: &str) -> bool {
        let mut attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        if attempts.len() >= WATCHED_MAX {
            attempts.retain(|_, (since, _)| at.duration_since(*since) < WINDOW);
            if attempts.len() >= WATCHED_MAX {
                return false;
            }
        }
        [(None, ATTEMPTS_OF_ADDRESS_MAX), (Some(name), ATTEMPTS_MAX)].into_iter().all(|(name, max)| {
            let (since, n) =
                attempts.entry((address.to_owned(), name.map(str::to_lowercase))).or_insert((at, 0));
            if at.duration_since(*since) >= WINDOW {
                (*since, *n) = (at, 0);
            }
            *n += 1;
            *n <= max
        })
    }

    /// Hashes on this thread, a few at a time.
    async fn hashed<T>(&self, work: impl FnOnce() -> T) -> T {
        let _turn = self.hashing.acquire().await;
        tokio::task::block_in_place(work)
    }
}

/// What the link says.
#[derive(Deserialize)]
pub struct Invited {
    #[serde(default)]
    token: String,
}

/// What the forms say.
#[derive(Deserialize)]
pub struct Said {
    #[serde(default)]
    token: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    password: String,
    /// Where to go on afterwards.
    #[serde(default)]
    next: String,
}

/// What the query of `/login` says.
#[derive(Deserialize)]
pub struct Next {
    #[serde(default)]
    next: String,
}

/// `GET /sign-in?token=…`: asks for name and password. The link is not used up by looking: mail and chat programs look, too.
pub async fn invited(State(app): State<Arc<App>>, Query(asked): Query<Invited>) -> Response<Body> {
    if app.door.claimed.load(Ordering::Acquire) {
        return used_up();
    }
    page(StatusCode::OK, &first_form(&asked.token, ""))
}

/// `POST /sign-in`: makes the first admin and signs in.
pub async fn accept(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    Form(said): Form<Said>,
) -> Answer<Response<Body>> {
    let again = |why: &str| Ok(page(StatusCode::BAD_REQUEST, &first_form(&said.token, why)));
    let name = said.name.trim();
    if name.is_empty() || name.len() > NAME_BYTES_MAX || name.chars().any(char::is_control) {
        return again("A name is needed, of one line.");
    }
    if said.password.chars().count() < PASSWORD_CHARS_MIN || said.password.len() > PASSWORD_BYTES_MAX {
        return again(&format!(
            "The password has to have {PASSWORD_CHARS_MIN} characters at least, and {PASSWORD_BYTES_MAX} bytes at most."
        ));
    }
    if !app.door.attempt(Instant::now(), &peer.0, "") {
        return Ok(too_many(&said.next));
    }
    let link = app.act(|s| s.use_link(now(), &said.token))?;
    if app.door.claimed.load(Ordering::Acquire) || link.is_none_or(|l| l.purpose != FIRST_ADMIN) {
        return Ok(used_up());
    }
    let hash = app.door.hashed(|| hash(&said.password)).await.map_err(broken)?;
    // The store has one writer at a time, so one of two that come at once is the first.
    let user = app.act(|s| {
        if app.door.claimed.load(Ordering::Acquire) {
            return Ok(None);
        }
        let user = s.add_user(now(), name, Some(&hash), true)?;
        app.door.claimed.store(true, Ordering::Release);
        Ok(Some(user))
    })?;
    let Some(user) = user else { return Ok(used_up()) };
    app.close();
    signed_in(&app, &headers, user.id, HOME)
}

/// `GET /login`: asks for name and password, or says who is signed in.
pub async fn ask(
    State(app): State<Arc<App>>,
    Query(asked): Query<Next>,
    headers: HeaderMap,
) -> Answer<Response<Body>> {
    Ok(match app.session(&headers)? {
        Some(session) => page(
            StatusCode::OK,
            &html! {
                h1 { "why500" }
                p { "You are signed in as " (text(&session.user.name)) ". " a href=(HOME) { "See the problems" } }
                form method="post" action="/logout" { button { "Sign out" } }
            },
        ),
        None => page(StatusCode::OK, &login_form("", &asked.next)),
    })
}

/// `POST /login`: signs in by name and password.
pub async fn enter(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    Form(said): Form<Said>,
) -> Answer<Response<Body>> {
    let name = said.name.trim();
    let wrong =
        || Ok(page(StatusCode::UNAUTHORIZED, &login_form("Name or password are not right.", &said.next)));
    if name.is_empty() || name.len() > NAME_BYTES_MAX || said.password.len() > PASSWORD_BYTES_MAX {
        return wrong();
    }
    if !app.door.attempt(Instant::now(), &peer.0, name) {
        return Ok(too_many(&said.next));
    }
    let user = app.read(|r| r.user_named(name))?;
    let kept = user.as_ref().and_then(|u| u.password.as_deref());
    // Nobody of that name takes as long as a wrong password: how long it takes tells not who is there.
    let right = app.door.hashed(|| match kept {
        Some(kept) => matches(&said.password, kept),
        None => hash(&said.password).is_err(),
    });
    match (right.await, user) {
        (true, Some(user)) => signed_in(&app, &headers, user.id, own_path(&said.next).unwrap_or(HOME)),
        _ => wrong(),
    }
}

/// `POST /logout`: the session ends.
pub async fn leave(State(app): State<Arc<App>>, headers: HeaderMap) -> Answer<Response<Body>> {
    if let Some(secret) = cookie(&headers) {
        app.act(|s| s.end_session(secret))?;
    }
    Ok(led("/login", &set_cookie(&app, &headers, "", 0)))
}

fn signed_in(app: &App, headers: &HeaderMap, user: i64, next: &str) -> Answer<Response<Body>> {
    let secret = secret().map_err(broken)?;
    app.act(|s| s.add_session(now(), &secret, user, now().plus(SESSION_S * SECOND)))?;
    Ok(led(next, &set_cookie(app, headers, &secret, SESSION_S)))
}

/// `HttpOnly`: no script reads it. `SameSite=Lax`: it is not sent with what pages from elsewhere post. `Secure` where TLS
/// is spoken here, or a proxy says that it was asked over TLS; one who lies in that header only loses his own cookie.
fn set_cookie(app: &App, headers: &HeaderMap, secret: &str, age_s: i64) -> String {
    let tls = app.tls || headers.get("x-forwarded-proto").is_some_and(|v| v.as_bytes() == b"https");
    let secure = if tls { "; Secure" } else { "" };
    format!("{COOKIE}={secret}; Path=/; HttpOnly; SameSite=Lax; Max-Age={age_s}{secure}")
}

fn argon() -> Result<Argon2<'static>, String> {
    let params = argon2::Params::new(HASH_KIB, HASH_PASSES, HASH_LANES, None).map_err(|e| e.to_string())?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// `$argon2id$v=19$m=19456,t=2,p=1$…`
fn hash(password: &str) -> Result<String, String> {
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).map_err(|e| format!("no random bytes: {e}"))?;
    let hash = argon()?.hash_password_with_salt(password.as_bytes(), &salt).map_err(|e| e.to_string())?;
    Ok(hash.to_string())
}

/// Is it that password? The figures of the hash hold, so that they can be raised one day.
fn matches(password: &str, kept: &str) -> bool {
    let (Ok(argon), Ok(kept)) = (argon(), PasswordHash::new(kept)) else { return false };
    argon.verify_password(password.as_bytes(), &kept).is_ok()
}

fn broken(why: String) -> Failed {
    Failed(StatusCode::SERVICE_UNAVAILABLE, why)
}

fn used_up() -> Response<Body> {
    page(
        StatusCode::GONE,
        &html! {
            h1 { "why500" }
            p { "This link is not valid: it was used, or a day has passed. " a href="/login" { "Sign in" }
                "; where there is no admin yet, a start of the server prints another link." }
        },
    )
}

fn first_form(token: &str, why: &str) -> Markup {
    html! {
        h1 { "why500" }
        p { "Choose a name and a password. From then on whoever asks this server has to sign in, or to show a token." }
        (warning(why))
        form method="post" action="/sign-in" {
            input type="hidden" name="token" value=(token);
            (fields("new-password"))
            p { button { "Make the admin" } }
        }
    }
}

fn login_form(why: &str, next: &str) -> Markup {
    html! {
        h1 { "why500" }
        (warning(why))
        form method="post" action="/login" {
            @if own_path(next).is_some() { input type="hidden" name="next" value=(next); }
            (fields("current-password"))
            p { button { "Sign in" } }
        }
    }
}

fn fields(password: &str) -> Markup {
    html! {
        p { label { "Name " input name="name" autocomplete="username" required autofocus; } }
        p { label { "Password " input name="password" type="password" autocomplete=(password) required; } }
    }
}

fn warning(why: &str) -> Markup {
    html! { @if !why.is_empty() { p role="alert" { strong { (why) } } } }
}

fn too_many(next: &str) -> Response<Body> {
    let mut response =
        page(StatusCode::TOO_MANY_REQUESTS, &login_form("Too many attempts; try again in a minute.", next));
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(WINDOW.as_secs()));
    response
}

/// Leads on, with a cookie.
fn led(to: &str, cookie: &str) -> Response<Body> {
    let mut response = pages::led(to);
    if let Ok(cookie) = HeaderValue::from_str(cookie) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_kept_as_owasp_asks() {
        let kept = hash("correct horse battery").unwrap();
        assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{kept}");
        assert!(matches("correct horse battery", &kept));
        assert!(!matches("correct horse batterz", &kept));
        assert!(!matches("", "") && !matches("x", "x"));
        assert_ne!(kept, hash("correct horse battery").unwrap());
    }

    #[test]
    fn guessing_is_slowed_down() {
        let door = Door::new(true);
        let begin = Instant::now();
        let tries = |at, address: &str, name: &str, n: u32| {
            (0..n).filter(|_| door.attempt(at, address, name)).count() as u32
        };
        assert_eq!(tries(begin, "a", "Ada", 9), ATTEMPTS_MAX);
        assert_eq!(tries(begin, "a", "ada", 1), 0);
        assert_eq!(tries(begin, "b", "ada", 1), 1);
        assert_eq!(tries(begin + WINDOW, "a", "ada", 9), ATTEMPTS_MAX);
        let names = (0..100).filter(|i| door.attempt(begin, "c", &i.to_string())).count() as u32;
        assert_eq!(names, ATTEMPTS_OF_ADDRESS_MAX);
    }

    #[test]
    fn what_is_watched_is_bounded() {
        let door = Door::new(true);
        let begin = Instant::now();
        for i in 0..2 * WATCHED_MAX {
            door.attempt(begin, &i.to_string(), "ada");
        }
        assert!(door.attempts.lock().unwrap().len() <= WATCHED_MAX + 1);
        assert!(door.attempt(begin + WINDOW, "z", "ada"));
    }

    #[test]
    fn a_link_is_shown_as_text() {
        assert!(first_form("\"><script>", "").into_string().contains("value=\"&quot;&gt;&lt;script&gt;\""));
    }
}
