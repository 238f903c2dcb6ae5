//! The demo's service: a list of items with prices, and users. It reads and writes SQLite and asks another service for the prices.
//!
//! Nothing here pretends: what fails fails in SQLite, in the HTTP client, in the allocator or in serde, and their own words go into the
//! log. What [`super::fault`] breaks is around it: a file, a lock, a port, a setting.

use super::answer::{self, Reply};
use super::failure::{Failure, While};
use super::logs::{Answered, Level, Logs, Span};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::response::Response;
use rusqlite::Connection;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use ureq::Agent;

/// Bytes of a request's body; a user has a hundred.
const BODY_BYTES_MAX: usize = 64 << 10;
/// Rows of a page.
const PAGE_ROWS: u32 = 5;
/// Pages that can be asked for; the description says the same.
const PAGE_MAX: u32 = 1_000;
/// Characters of a name.
const NAME_CHARS_MAX: usize = 100;
/// Characters of an e-mail address.
const EMAIL_CHARS_MAX: usize = 200;
/// Nobody became older (the description says the same, and the table).
const AGE_MAX: u64 = 150;
/// SQLite waits so long for another one's lock.
const LOCK_TIME: Duration = Duration::from_millis(60);
/// The price service answers in a millisecond; who waits longer keeps the client waiting.
const PRICES_TIME: Duration = Duration::from_millis(500);
/// Room for an answer, in bytes.
const ROOM_BYTES: usize = 16 << 10;
/// The setting without which the price service cannot be asked.
pub const TOKEN: &str = "PRICES_TOKEN";

/// What is asked of the database.
const READ: &str = "SELECT id, name FROM items ORDER BY id LIMIT ?1 OFFSET ?2";
const WRITE: &str = "INSERT INTO users (name, email, age) VALUES (?1, ?2, ?3)";
const TABLES: &str = "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL UNIQUE,
                    age INTEGER NOT NULL CHECK (age BETWEEN 0 AND 150));";

/// The service.
pub struct Shop {
    /// Where it writes what it does.
    pub logs: Arc<Logs>,
    /// The file of its database.
    pub database: PathBuf,
    /// Where the price service is: `http://127.0.0.1:4001`.
    prices: String,
    agent: Agent,
    /// What is set in the environment.
    pub settings: Mutex<BTreeMap<&'static str, &'static str>>,
    /// Release 1.5.0 runs instead of 1.4.2.
    pub newer: AtomicBool,
    /// Users are written as they come.
    pub unchecked: AtomicBool,
    /// Bytes that one answer needs.
    pub room_bytes: AtomicUsize,
    asked: AtomicU64,
    failed: AtomicU64,
}

/// The answer of the price service, as release 1.4.2 reads it.
#[derive(Deserialize)]
struct Prices {
    prices: Vec<Price>,
}

#[derive(Deserialize)]
struct Price {
    item: u32,
    price: f64,
}

/// The same as release 1.5.0 reads it: its author believed in a field that no version of the price service sends.
#[derive(Deserialize)]
struct NewPrices {
    prices: Vec<NewPrice>,
}

#[derive(Deserialize)]
struct NewPrice {
    item: u32,
    unit_price: f64,
}

impl Shop {
    /// A service with a new database in that file.
    ///
    /// # Errors
    /// The database cannot be made; why.
    pub fn new(logs: Arc<Logs>, database: PathBuf, prices: String) -> Result<Shop, String> {
        let config = Agent::config_builder()
            .timeout_global(Some(PRICES_TIME))
            .http_status_as_error(false)
            .max_idle_connections(0)
            .proxy(None);
        let shop = Shop {
            logs,
            database,
            prices,
            agent: config.build().into(),
            settings: Mutex::new(BTreeMap::from([(TOKEN, "demo")])),
            newer: AtomicBool::new(false),
            unchecked: AtomicBool::new(false),
            room_bytes: AtomicUsize::new(ROOM_BYTES),
            asked: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        };
        let filled = || -> rusqlite::Result<()> {
            let mut db = Connection::open(&shop.database)?;
            // A demo's data need not outlive a power cut, and a slow disk should not be part of it.
            db.pragma_update(None, "synchronous", "OFF")?;
            let all = db.transaction()?;
            all.execute_batch(TABLES)?;
            for i in 1..=super::upstream::ITEMS {
                all.execute("INSERT INTO items (id, name) VALUES (?1, ?2)", (i, format!("Item {i}")))?;
            }
            all.commit()
        };
        filled().map_err(|e| format!("{}: {e}", shop.database.display()))?;
        Ok(shop)
    }

    /// Its routes: all go through one door, which gives ids and writes the access log.
    pub fn router(self: &Arc<Shop>) -> Router {
        Router::new().fallback(door).with_state(Arc::clone(self))
    }

    /// Requests so far, and how many of them failed.
    pub fn counts(&self) -> (u64, u64) {
        (self.asked.load(Ordering::Relaxed), self.failed.load(Ordering::Relaxed))
    }

    /// Needs as much room for an answer as it should.
    pub fn usual_room(&self) {
        self.room_bytes.store(ROOM_BYTES, Ordering::Relaxed);
    }

    /// The release that runs.
    pub fn version(&self) -> &'static str {
        if self.newer.load(Ordering::Relaxed) { "1.5.0" } else { "1.4.2" }
    }

    fn connection(&self) -> rusqlite::Result<Connection> {
        let db = Connection::open(&self.database)?;
        db.busy_timeout(LOCK_TIME)?;
        db.pragma_update(None, "synchronous", "OFF")?;
        Ok(db)
    }

    /// What is answered to a request.
    fn work(
        &self,
        method: &str,
        path: &str,
        query: &str,
        body: &[u8],
        span: &Span<'_>,
    ) -> Result<Reply, Failure> {
        match (method, path.strip_prefix("/bad").unwrap_or(path)) {
            ("GET" | "HEAD", "/data") => self.data(query, span),
            ("POST", "/add-user") => self.add_user(body, span),
            ("GET" | "HEAD", "/health") => Ok(Reply::json(200, &json!({"status": "ok"}))),
            ("GET" | "HEAD", "/openapi.json") => {
                Ok(Reply::text(200, "application/json", include_str!("openapi.json")))
            }
            (_, "/data" | "/add-user" | "/health" | "/openapi.json") => Err(Failure::plain(405)),
            _ => Err(Failure::plain(404)),
        }
    }

    fn data(&self, query: &str, span: &Span<'_>) -> Result<Reply, Failure> {
        let page = match query.split('&').find_map(|p| p.strip_prefix("page=")) {
            None => 1,
            Some(text) => match text.parse::<u32>() {
                Ok(n @ 1..=PAGE_MAX) => n,
                _ => return Err(Failure::of_client(vec![("page", "a number from 1 to 1000")])),
            },
        };
        let items = self.items(page)?;
        let prices = self.prices(span)?;
        let list: Vec<Value> =
            items.iter().map(|(id, name)| json!({"id": id, "name": name, "price": prices.get(id)})).collect();
        let mut text: Vec<u8> = Vec::new();
        text.try_reserve_exact(self.room_bytes.load(Ordering::Relaxed)).during("building the answer")?;
        serde_json::to_writer(&mut text, &json!({"page": page, "items": list}))
            .during("writing the answer")?;
        Ok(Reply { status: 200, media: "application/json", body: text })
    }

    fn items(&self, page: u32) -> Result<Vec<(u32, String)>, Failure> {
        let db = self.connection().during("opening the database")?;
        let mut rows = db.prepare(READ).during("reading the items")?;
        let offset = (page - 1) * PAGE_ROWS;
        let found = rows
            .query_map((PAGE_ROWS, offset), |row| Ok((row.get(0)?, row.get(1)?)))
            .during("reading the items")?;
        found.collect::<rusqlite::Result<Vec<_>>>().during("reading the items")
    }

    fn prices(&self, span: &Span<'_>) -> Result<BTreeMap<u32, f64>, Failure> {
        let token = self.settings.lock().unwrap_or_else(PoisonError::into_inner).get(TOKEN).copied();
        let Some(token) = token else {
            return Err(Failure::here(format!("environment variable {TOKEN} is not set")));
        };
        let url = format!("{}/prices", self.prices);
        // The id goes along, so that both logs tell of one request.
        let asked = self
            .agent
            .get(&url)
            .header("Authorization", format!("Bearer {token}"))
            .header("X-Request-Id", span.id.unwrap_or_default());
        let got = asked.call();
        let status = if matches!(got, Err(ureq::Error::Timeout(_))) { 504 } else { 502 };
        let mut answer =
            got.during(format!("asking the price service at {url}")).map_err(|f| f.with_status(status))?;
        let text = answer.body_mut().read_to_vec().during("reading the answer of the price service")?;
        if self.newer.load(Ordering::Relaxed) {
            // The bug of release 1.5.0: it takes for granted what another team's service sends.
            let read: NewPrices = serde_json::from_slice(&text)
                .unwrap_or_else(|e| panic!("the price service's answer cannot be read: {e}"));
            return Ok(read.prices.into_iter().map(|p| (p.item, p.unit_price)).collect());
        }
        let read: Prices = serde_json::from_slice(&text).during("reading the answer of the price service")?;
        Ok(read.prices.into_iter().map(|p| (p.item, p.price)).collect())
    }

    fn add_user(&self, body: &[u8], span: &Span<'_>) -> Result<Reply, Failure> {
        let Ok(user) = serde_json::from_slice::<Value>(body) else {
            return Err(Failure::of_client(vec![("", "a JSON object")]));
        };
        if !self.unchecked.load(Ordering::Relaxed) {
            let wrong = mistakes(&user);
            if !wrong.is_empty() {
                return Err(Failure::of_client(wrong));
            }
        }
        let (name, email, age) = (user["name"].as_str(), email(&user), user["age"].as_i64());
        let db = self.connection().during("opening the database")?;
        let written = db.execute(WRITE, (name, email, age));
        if let Err(rusqlite::Error::SqliteFailure(e, _)) = &written
            && e.extended_code == rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE
        {
            return Err(Failure::plain(409));
        }
        written.during("writing the user")?;
        let id = db.last_insert_rowid();
        self.logs.app(Level::Info, Some(span), "demo::users", None, &format!("user added id={id}"));
        Ok(Reply::json(201, &json!({ "id": id })))
    }
}

/// The bug that the checks hide: who wrote this knew only forms that send an address.
#[expect(
    clippy::unwrap_used,
    reason = "this is what the demo shows: taken for granted, it fails for some users"
)]
fn email(user: &Value) -> &str {
    user["email"].as_str().unwrap()
}

/// What is wrong with a user, by member.
fn mistakes(user: &Value) -> Vec<(&'static str, &'static str)> {
    let mut wrong = BTreeSet::new();
    let text = |name: &str, max: usize| {
        user[name].as_str().filter(|t| !t.trim().is_empty() && t.chars().count() <= max && !t.contains('\0'))
    };
    if text("name", NAME_CHARS_MAX).is_none() {
        wrong.insert(("name", "a text of 1 to 100 characters"));
    }
    let is_address = |t: &&str| t.split_once('@').is_some_and(|(a, b)| !a.is_empty() && b.contains('.'));
    if text("email", EMAIL_CHARS_MAX).filter(is_address).is_none() {
        wrong.insert(("email", "an e-mail address"));
    }
    if user["age"].as_u64().is_none_or(|a| a > AGE_MAX) {
        wrong.insert(("age", "a whole number from 0 to 150"));
    }
    wrong.into_iter().collect()
}

/// A request's way: it gets an id, is worked on, is answered, and stands in the access log.
async fn door(State(shop): State<Arc<Shop>>, request: Request) -> Response {
    let began = Instant::now();
    let id = id(shop.asked.fetch_add(1, Ordering::Relaxed));
    let (head, body) = request.into_parts();
    let method = head.method.as_str().to_owned();
    let target = head.uri.path_and_query().map_or("/", |p| p.as_str()).to_owned();
    let agent = head.headers.get("user-agent").and_then(|v| v.to_str().ok()).unwrap_or("-").to_owned();
    let body: Result<Bytes, _> = axum::body::to_bytes(body, BODY_BYTES_MAX).await;
    let done = match body {
        Err(_) => Err(Failure::plain(413)),
        Ok(body) => {
            let (shop, id, method, target) = (Arc::clone(&shop), id.clone(), method.clone(), target.clone());
            let work = tokio::task::spawn_blocking(move || {
                let span = Span { id: Some(&id), method: &method, target: &target };
                let (path, query) = target.split_once('?').unwrap_or((&target, ""));
                shop.work(&method, path, query, &body, &span)
            });
            // What panicked said so itself, in the log.
            work.await.unwrap_or_else(|_| Err(Failure::of_panic()))
        }
    };
    let span = Span { id: Some(&id), method: &method, target: &target };
    let path = target.split('?').next().unwrap_or_default();
    if let Err(failure) = &done
        && failure.status >= 500
    {
        shop.failed.fetch_add(1, Ordering::Relaxed);
        let module = if path.ends_with("/add-user") { "demo::users" } else { "demo::data" };
        let said = if failure.chain.is_empty() {
            // As tower-http's `on_failure` says it, behind a panic that was caught.
            let ms = began.elapsed().as_millis();
            format!("response failed classification=Status code: 500 Internal Server Error latency={ms} ms")
        } else {
            format!("request failed error={}", failure.said())
        };
        shop.logs.app(Level::Error, Some(&span), module, failure.at, &said);
    }
    let reply = match done {
        Ok(reply) => reply,
        Err(failure) if failure.status >= 500 && path == "/bad/data" => answer::leaking(&failure, READ),
        Err(failure) if failure.status >= 500 && path == "/bad/add-user" => {
            answer::pretending(&failure, WRITE)
        }
        Err(failure) => answer::problem(&failure, &id),
    };
    let bytes = if method == "HEAD" { 0 } else { reply.body.len() };
    let took_us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
    shop.logs.access(&Answered { span, status: reply.status, bytes, took_us, agent: &agent });
    answer::response(reply, path.starts_with("/bad/"), &id)
}

/// The id of the nth request: 16 digits that look like any other id, the same in every run.
fn id(n: u64) -> String {
    // SplitMix64 (Steele, Lea, Flood 2014).
    let mut z = n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    format!("{:016x}", z ^ (z >> 31))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_description_says_what_is_checked() {
        let described: Value = serde_json::from_str(include_str!("openapi.json")).unwrap();
        let user = &described["components"]["schemas"]["User"]["properties"];
        assert_eq!(user["age"]["maximum"], AGE_MAX);
        assert_eq!(user["name"]["maxLength"], NAME_CHARS_MAX);
        assert_eq!(user["email"]["maxLength"], EMAIL_CHARS_MAX);
        assert_eq!(described["components"]["parameters"]["Page"]["schema"]["maximum"], PAGE_MAX);
        assert_eq!(mistakes(&json!({"name": "Ada", "email": "ada@shop.example", "age": 36})), []);
        let all: Vec<_> = mistakes(&json!({"email": "ada", "age": "36"})).iter().map(|w| w.0).collect();
        assert_eq!(all, ["age", "email", "name"]);
    }
}
