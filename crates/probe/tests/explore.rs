//! Runs against simulated servers: what is found, that it is found again, and what is not sent.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use probe::case::Common;
use probe::explore::{Explorer, Finding, Server, Settings, Stage, play};
use probe::operation::Description;
use probe::targets::openapi;
use probe::templates::library;
use probe::{Answer, End, Request};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A shelf of books: an answer for each request, and all requests that came.
#[derive(Default)]
struct Shelf {
    asked: Vec<Request>,
    books: BTreeMap<u64, Option<String>>,
    /// Titles that were taken once.
    titles: Vec<String>,
    dies: bool,
}

impl Shelf {
    fn answer(&mut self, r: &Request) -> Answer {
        let json = |status: u16, v: Value| Answer {
            status,
            headers: vec![("content-type".into(), "application/json".into())],
            body: v.to_string().into_bytes(),
            ..Answer::default()
        };
        let fail = |what: &str| json(500, json!({"error": what}));
        let path = r.path().to_owned();
        let query: BTreeMap<String, String> =
            url::form_urlencoded::parse(r.target.split_once('?').map_or("", |(_, q)| q).as_bytes())
                .into_owned()
                .collect();
        let body: Value =
            serde_json::from_slice(r.body.as_deref().unwrap_or_default()).unwrap_or(Value::Null);
        if self.dies && self.asked.len() > 30 {
            return Answer { end: End::NotReached("connection refused".into()), ..Answer::default() };
        }
        match (r.method.as_str(), path.trim_start_matches("/books").trim_start_matches('/')) {
            ("POST", "") => {
                let Some(title) = body["title"].as_str() else { return json(400, json!({})) };
                if self.titles.iter().any(|t| t == title) {
                    return fail("a title is unique");
                }
                if body["pages"].as_str().is_some() {
                    return fail("pages are a number");
                }
                if body["from"].is_string() && body["from"] == body["until"] {
                    return fail("a loan of no days");
                }
                self.titles.push(title.to_owned());
                let id = self.books.len() as u64 + 1;
                self.books.insert(id, Some(title.to_owned()));
                json(201, json!({"id": id, "title": title}))
            }
            ("GET", "") => match query.get("limit").map_or(Ok(10), |l| l.parse::<i64>()) {
                Ok(0) => fail("division by zero"),
                Ok(_) => json(200, json!([])),
                Err(_) => json(400, json!({})),
            },
            (method, id) => match (method, id.parse().ok().and_then(|i: u64| self.books.get_mut(&i))) {
                (_, None) => json(404, json!({})),
                ("DELETE", Some(book)) => {
                    *book = None;
                    json(200, json!({}))
                }
                // Its index still has it.
                ("GET", Some(None)) => fail("taken away"),
                ("GET", Some(Some(t))) => json(200, json!({"title": t})),
                _ => json(405, json!({})),
            },
        }
    }
}

impl Server for Shelf {
    fn send(&mut self, requests: &[Request]) -> Vec<Answer> {
        self.asked.extend(requests.iter().cloned());
        requests.iter().map(|r| self.answer(r)).collect()
    }

    fn stopped(&self) -> bool {
        false
    }

    fn stage(&mut self, _: Stage) {}
}

fn books() -> Description {
    let date = json!({"type": "string", "format": "date"});
    let id = json!([{"name": "id", "in": "path", "required": true, "schema": {"type": "integer"}}]);
    let document = json!({"openapi": "3.1.0", "paths": {
        "/books": {
            "get": {"parameters": [{"name": "limit", "in": "query", "schema": {"type": "integer"}}]},
            "post": {"requestBody": {"content": {"application/json": {"schema": {"type": "object", "required": ["title"],
                "properties": {"title": {"type": "string"}, "pages": {"type": "integer"}, "from": date, "until": date}}}}}}},
        "/books/{id}": {"get": {"parameters": id}, "delete": {"parameters": id}},
    }});
    openapi::read(&document.to_string()).unwrap()
}

fn settings(seed: u64, unsafe_methods: bool) -> Settings {
    Settings {
        seed,
        requests_max: 600,
        unsafe_methods,
        templates: library(&[]).unwrap(),
        common: Common::default(),
    }
}

fn about(d: &Description, f: &Finding) -> String {
    let op = &d.operations[f.op];
    let sites: Vec<String> = f.sites.iter().map(|s| s.shown(op)).collect();
    format!("{}: {} ({})", op.name, sites.join(", "), f.family)
}

#[test]
fn each_fault_is_found_shrunk_and_fails_again() {
    let (d, settings, mut shelf) = (books(), settings(1, true), Shelf::default());
    let found = Explorer::new(&d, &settings).run(&mut shelf);
    let names: Vec<String> = found.iter().map(|f| about(&d, f)).collect();
    for wanted in [
        "GET /books: query parameter limit (magnitude)",
        "GET /books/{id}: sending it again (order)",
        "POST /books: pages in the body (type)",
    ] {
        assert!(names.iter().any(|n| n == wanted), "{wanted} of {names:#?}");
    }
    assert!(names.iter().any(|n| n.contains("until") || n.contains("from")), "{names:#?}");
    for f in &found {
        assert!(f.again, "{}", about(&d, f));
        let again = play(&f.trial, &d.operations, &settings.common, &mut shelf);
        assert!(again.iter().any(|x| x.failed()), "{} is no failure when it is sent again", about(&d, f));
    }
    let limit = found.iter().find(|f| about(&d, f).contains("limit")).unwrap();
    assert_eq!(limit.exchanges[0].request.target, "/books?limit=0");
    let chain = found.iter().find(|f| f.family == "order").unwrap();
    let methods: Vec<&str> = chain.exchanges.iter().map(|x| x.request.method.as_str()).collect();
    assert_eq!(methods, ["POST", "DELETE", "GET"]);
    let pages = found.iter().find(|f| about(&d, f).contains("pages")).unwrap();
    let body: Value = serde_json::from_slice(pages.exchanges[0].request.body.as_deref().unwrap()).unwrap();
    assert!(body.get("from").is_none() && body["pages"].is_string(), "{body}");
}

#[test]
fn the_same_seed_sends_the_same_requests() {
    let (d, mut one, mut two) = (books(), Shelf::default(), Shelf::default());
    let _ = Explorer::new(&d, &settings(7, true)).run(&mut one);
    let _ = Explorer::new(&d, &settings(7, true)).run(&mut two);
    assert_eq!(one.asked, two.asked);
}

#[test]
fn nothing_is_changed_unless_that_is_allowed() {
    let (d, mut shelf) = (books(), Shelf::default());
    let _ = Explorer::new(&d, &settings(1, false)).run(&mut shelf);
    assert!(!shelf.asked.is_empty());
    assert!(shelf.asked.iter().all(|r| ["GET", "HEAD", "OPTIONS"].contains(&r.method.as_str())));
}

#[test]
fn a_server_that_is_gone_ends_the_run() {
    let (d, settings, mut shelf) = (books(), settings(1, true), Shelf { dies: true, ..Shelf::default() });
    let mut explorer = Explorer::new(&d, &settings);
    let _ = explorer.run(&mut shelf);
    assert!(explorer.gone.is_some() && shelf.asked.len() < 400, "{}", shelf.asked.len());
}

/// Says nothing until the time is over.
struct Mute(usize);

impl Server for Mute {
    fn send(&mut self, requests: &[Request]) -> Vec<Answer> {
        self.0 += requests.len();
        requests.iter().map(|_| Answer { end: End::TimedOut, ..Answer::default() }).collect()
    }

    fn stopped(&self) -> bool {
        false
    }

    fn stage(&mut self, _: Stage) {}
}

#[test]
fn what_hangs_is_left_alone_soon() {
    let (d, mut mute) = (books(), Mute(0));
    let found = Explorer::new(&d, &settings(1, true)).run(&mut mute);
    assert!(
        !found.is_empty() && mute.0 < 80,
        "{} requests, each of which takes all the time there is",
        mute.0
    );
}

/// Customers and their orders; an order is looked at with its customer.
#[derive(Default)]
struct Orders {
    customers: BTreeMap<u64, bool>,
    orders: BTreeMap<u64, u64>,
}

impl Server for Orders {
    fn send(&mut self, requests: &[Request]) -> Vec<Answer> {
        let json =
            |status: u16, v: Value| Answer { status, body: v.to_string().into_bytes(), ..Answer::default() };
        let mut one = |r: &Request| {
            let body: Value =
                serde_json::from_slice(r.body.as_deref().unwrap_or_default()).unwrap_or(Value::Null);
            let mut parts = r.path().trim_start_matches('/').split('/');
            let (of, id) =
                (parts.next().unwrap_or_default(), parts.next().and_then(|i| i.parse::<u64>().ok()));
            match (r.method.as_str(), of, id) {
                ("POST", "customers", None) => {
                    let n = self.customers.len() as u64 + 1;
                    self.customers.insert(n, true);
                    json(201, json!({"id": n}))
                }
                ("DELETE", "customers", Some(i)) if self.customers.get(&i) == Some(&true) => {
                    self.customers.insert(i, false);
                    json(200, json!({}))
                }
                ("POST", "orders", None) => match body["customer_id"].as_u64() {
                    Some(c) if self.customers.get(&c) == Some(&true) => {
                        let n = self.orders.len() as u64 + 1;
                        self.orders.insert(n, c);
                        json(201, json!({"id": n}))
                    }
                    _ => json(422, json!({})),
                },
                ("GET", "orders", Some(i)) => match self.orders.get(&i) {
                    Some(c) if self.customers.get(c) == Some(&true) => {
                        json(200, json!({"id": i, "customer": c}))
                    }
                    Some(_) => json(500, json!({"error": "no customer"})),
                    None => json(404, json!({})),
                },
                _ => json(404, json!({})),
            }
        };
        requests.iter().map(&mut one).collect()
    }

    fn stopped(&self) -> bool {
        false
    }

    fn stage(&mut self, _: Stage) {}
}

#[test]
fn what_belongs_to_a_thing_is_asked_for_after_that_is_gone() {
    let id = json!([{"name": "id", "in": "path", "required": true, "schema": {"type": "integer"}}]);
    let order = json!({"type": "object", "required": ["customer_id"], "properties": {"customer_id": {"type": "integer"}}});
    let customer = json!({"type": "object", "properties": {"name": {"type": "string"}}});
    let body = |schema: &Value| json!({"content": {"application/json": {"schema": schema}}});
    let document = json!({"openapi": "3.1.0", "paths": {
        "/orders": {"post": {"requestBody": body(&order)}},
        "/orders/{id}": {"get": {"parameters": id}},
        "/customers": {"post": {"requestBody": body(&customer)}},
        "/customers/{id}": {"delete": {"parameters": id}},
    }});
    let d = openapi::read(&document.to_string()).unwrap();
    let found = Explorer::new(&d, &settings(1, true)).run(&mut Orders::default());
    let orphan = found.iter().find(|f| f.family == "order").expect("an order whose customer is gone");
    let asked: Vec<String> = orphan
        .exchanges
        .iter()
        .map(|x| format!("{} {}", x.request.method, x.request.target.split('/').nth(1).unwrap()))
        .collect();
    assert_eq!(asked, ["POST customers", "POST orders", "DELETE customers", "GET orders"]);
}
