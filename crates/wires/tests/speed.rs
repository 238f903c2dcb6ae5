//! How many log lines a second one core takes in, from the bytes of the wire to the reader of lines: `nice cargo test --release -p
//! wires --test speed -- --ignored --nocapture`. Most lines of a healthy service tell of nothing.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use formats::{Healthy, Sink};
use record::{Record, Time};
use std::time::Instant;
use wires::streams::Streams;
use wires::{Head, Taken};

const LINES: usize = 200_000;

struct Nobody;

impl Sink for Nobody {
    fn healthy(&mut self, _: &Healthy<'_>) {}
    fn wants(&self, _: &str) -> bool {
        false
    }
    fn record(&mut self, _: Record) {}
}

fn told(what: &str, lines: usize, begun: Instant) {
    let seconds = begun.elapsed().as_secs_f64();
    println!("{what}: {:.0} lines/s", lines as f64 / seconds);
}

fn read(what: &str, taken: &Taken, now: Time) {
    let begun = Instant::now();
    let mut streams = Streams::new(0);
    for line in &taken.lines {
        streams.push(line, now, &mut Nobody);
    }
    streams.end(&mut Nobody);
    told(&format!("{what}, read as lines"), taken.lines.len(), begun);
}

#[test]
#[ignore = "takes seconds, and says something only in a release build"]
fn lines_a_second() {
    let now = Time::from_secs(1_795_505_860);
    let message = |i: usize| match i % 3 {
        0 => format!(
            "198.51.100.7 - - [24/Nov/2026:07:10:44 +0000] \"GET /cart/{i} HTTP/1.1\" 200 157 \"-\" \"curl/7.88.1\""
        ),
        1 => format!("2026-11-24 07:10:44,123 INFO shop.cart: placing order for cart {i}"),
        _ => format!("user {i} logged in"),
    };
    let syslog = wires::sockets().find(|s| s.name() == "syslog").unwrap();
    let bytes: String = (0..LINES)
        .map(|i| format!("<158>1 2026-11-24T07:38:12.829199+00:00 web-1 shop 412 - - {}\n", message(i)))
        .collect();
    let mut taken = Taken::default();
    let begun = Instant::now();
    let mut session = syslog.open("192.0.2.7");
    for piece in bytes.as_bytes().chunks(16 * 1024) {
        session.push(piece, "192.0.2.7", now, &mut taken).unwrap();
    }
    told("syslog, TCP", LINES, begun);
    read("syslog, TCP", &taken, now);

    let mut taken = Taken::default();
    let mut session = syslog.datagrams();
    let begun = Instant::now();
    for i in 0..LINES {
        let line = format!("<158>Nov 24 07:38:12 web-1 shop[412]: {}", message(i));
        session.push(line.as_bytes(), "192.0.2.7", now, &mut taken).unwrap();
    }
    told("syslog, UDP", LINES, begun);
    read("syslog, UDP", &taken, now);

    let body: String = (0..LINES)
        .map(|i| format!("{{\"level\":\"info\",\"time\":\"2026-11-24T07:38:12.829Z\",\"service\":\"shop\",\"hostname\":\"web-1\",\"pid\":412,\"msg\":\"cart {i}\",\"req\":{{\"method\":\"GET\",\"url\":\"/cart/{i}\"}},\"res\":{{\"statusCode\":200}},\"responseTime\":3}}\n"))
        .collect();
    let head = Head { method: "POST".into(), path: "/api/v1/ingest".into(), ..Head::default() };
    let wire = wires::table().find(|w| w.knows(&head)).unwrap();
    let begun = Instant::now();
    let taken = wire.read(&head, body.as_bytes(), now).unwrap();
    told("JSON lines", LINES, begun);
    read("JSON lines", &taken, now);
}
