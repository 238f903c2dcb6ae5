//! What is told at a glance is what reading whole tells, for logs of every layout.

use super::*;
use crate::{Counts, Healthy, Reader, Sink};
use std::collections::BTreeMap;

/// All that healthy requests left, however they were told, and the records.
#[derive(Default, PartialEq, Debug)]
struct Heard {
    healthy: BTreeMap<(i64, u16, String, String, String), usize>,
    records: Vec<(u64, String, Option<u16>, Option<u16>)>,
}

impl Sink for Heard {
    fn healthy(&mut self, h: &Healthy<'_>) {
        let q = h.request;
        let key = (
            h.at.map_or(0, |t| t.0.0),
            q.status.unwrap_or(0),
            q.method.to_string(),
            q.target.to_string(),
            q.client.as_deref().unwrap_or("").to_owned(),
        );
        *self.healthy.entry(key).or_default() += 1;
    }

    fn wants(&self, _: &str) -> bool {
        false
    }

    fn record(&mut self, r: Record) {
        self.records.push((r.line, r.message, r.status_before, r.status_after));
    }
}

impl Tally for Heard {
    fn count(&mut self, q: &Glanced<'_>) {
        let text = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
        let client = q.client.map(text).unwrap_or_default();
        *self.healthy.entry((q.at.0, q.status, text(q.method), text(q.target), client)).or_default() += 1;
    }
}

fn whole(text: &str) -> (Heard, Counts) {
    let mut heard = Heard::default();
    let mut reader = Reader::new(0, Context::default());
    reader.push(text.as_bytes(), &mut heard);
    let counts = reader.finish(&mut heard);
    (heard, counts)
}

/// Reads the first part whole, the rest in blocks; also the share of lines that were told at a glance.
fn glanced(text: &str) -> (Heard, Counts, f64) {
    let mut heard = Heard::default();
    let mut reader = Reader::new(0, Context::default());
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let (first, rest) = lines.split_at(100);
    reader.push(first.concat().as_bytes(), &mut heard);
    let (mut told, mut all) = (0, 0);
    let mut clock = Clock::default();
    for block in rest.chunks(37) {
        let block = block.concat();
        match reader.glance() {
            Some(glance) => {
                let scanned = scan(block.as_bytes(), &glance, &mut clock, &mut heard);
                told += scanned.healthy;
                reader.replay(&scanned, &mut heard);
            }
            None => reader.push(block.as_bytes(), &mut heard),
        }
        all += block.lines().count() as u64;
    }
    let counts = reader.finish(&mut heard);
    (heard, counts, told as f64 / all as f64)
}

/// 600 lines by a layout; one in fifty fails, one is torn.
fn log(line: impl Fn(usize, &str, &str, u16) -> String) -> String {
    let targets = ["/", "/cart/17", "/search?q=a+b&page=2", "/img/500x500.webp", "/p/oak-desk-404"];
    (0..600)
        .map(|i| {
            let status = match i % 50 {
                49 => 502,
                13 => 499,
                7 => 404,
                3 | 4 => 304,
                _ => 200,
            };
            let client = format!("203.0.113.{}", i * 7 % 250 + 1);
            let target = targets[i * 3 % 5];
            let whole = line(i, &client, target, status);
            if i == 333 { format!("{}\n", &whole[..whole.len() / 2]) } else { format!("{whole}\n") }
        })
        .collect()
}

fn clf(i: usize) -> String {
    format!("24/Nov/2026:07:{:02}:{:02} +0000", 10 + i / 60, i % 60)
}

fn iso(i: usize) -> String {
    format!("2026-11-24T07:{:02}:{:02}", 10 + i / 60, i % 60)
}

fn holds(name: &str, text: &str, share: f64) {
    let (expected, mut counts) = whole(text);
    let (heard, mut others, told) = glanced(text);
    assert_eq!(heard.records, expected.records, "{name}");
    assert_eq!(heard.healthy, expected.healthy, "{name}");
    // The order in which formats appeared may differ, not their lines.
    counts.formats.sort();
    others.formats.sort();
    assert_eq!(others, counts, "{name}");
    assert!(told >= share, "{name}: only {told:.2} of the lines were told at a glance");
}

#[test]
fn combined_and_what_people_put_behind_it() {
    let agents = ["Mozilla/5.0 (X11; Linux x86_64)", "curl/8.5.0", "say \\\"500\\\"", "-"];
    let combined = |i: usize, c: &str, t: &str, s: u16| {
        format!("{c} - - [{}] \"GET {t} HTTP/1.1\" {s} {} \"-\" \"{}\"", clf(i), i * 31 % 9000, agents[i % 4])
    };
    holds("combined", &log(combined), 0.9);
    let timed = |i: usize, c: &str, t: &str, s: u16| {
        format!(
            "{} rt=0.{:03} us={s} ua=127.0.0.1:80{:02} rid={:032x}",
            combined(i, c, t, s),
            i,
            i % 3,
            i * 77
        )
    };
    holds("timed", &log(timed), 0.9);
    let vhost = |i: usize, c: &str, t: &str, s: u16| format!("shop.example:80 {}", combined(i, c, t, s));
    holds("vhost", &log(vhost), 0.9);
}

#[test]
fn common_and_other_layouts() {
    holds("common", &log(|i, c, t, s| format!("{c} - - [{}] \"POST {t} HTTP/1.1\" {s} {}", clf(i), i)), 0.9);
    holds(
        "iso",
        &log(|i, c, t, s| format!("{} {c} \"GET {t} HTTP/1.1\" {s} {} 0.{:03}", iso(i) + "Z", i, i)),
        0.9,
    );
}

#[test]
fn json_in_several_namings() {
    holds(
        "nginx json",
        &log(|i, c, t, s| {
            format!(
                "{{\"time\":\"{}+00:00\",\"remote_addr\":\"{c}\",\"request_method\":\"GET\",\"request_uri\":\"{t}\",\"status\":{s},\"body_bytes_sent\":{i},\"http_user_agent\":\"curl\",\"upstream_addr\":\"127.0.0.1:8{:03}\",\"request_id\":\"{:032x}\"}}",
                iso(i),
                i % 4,
                i * 77
            )
        }),
        0.9,
    );
    holds(
        "pino",
        &log(|i, c, t, s| {
            format!(
                "{{\"level\":30,\"time\":{},\"pid\":7,\"req\":{{\"method\":\"GET\",\"url\":\"{t}\",\"remoteAddress\":\"{c}\"}},\"res\":{{\"statusCode\":{s}}},\"responseTime\":{},\"msg\":\"request completed\"}}",
                1_795_505_294_250u64 + i as u64 * 1000,
                i % 9
            )
        }),
        0.9,
    );
}

/// A level, a route or a number that the first lines did not show is not taken for what they showed.
#[test]
fn what_changes_the_meaning_is_read_whole() {
    let mut text = log(|i, c, t, s| {
        let level = if i % 97 == 96 && s < 400 { "error" } else { "info" };
        format!(
            "{{\"level\":\"{level}\",\"ts\":\"{}Z\",\"ip\":\"{c}\",\"method\":\"GET\",\"uri\":\"{t}\",\"status\":{s},\"err\":\"\"}}",
            iso(i)
        )
    });
    holds("levels", &text, 0.8);
    text.push_str(
        "not of this log\nTraceback (most recent call last):\n  File \"a.py\", line 3, in f\nValueError: x\n",
    );
    holds("a trace at the end", &text, 0.8);
}

/// What looks like an address and is none is no client, where a request line stands without its columns' names.
#[test]
fn what_is_no_address_is_no_client() {
    let odd =
        ["2001d::b8:4f:c3d", "999.0.113.4", "203.0.113", "203.0.113.4.5", "1.2.3.", "2001:db8:::1", "cafe"];
    for usual in ["2001:db8::4f:c3d", "203.0.113.4"] {
        let text = log(|i, _, target, status| {
            let client = if i > 200 && i % 7 == 5 { odd[i / 7 % odd.len()] } else { usual };
            format!("{} {client} GET {target} {status} 2ms", iso(i))
        });
        holds(usual, &text, 0.5);
    }
}

/// A target that is no UTF-8 is told of, though the request went well.
#[test]
fn a_line_that_is_no_utf8_is_told_of() {
    let text = log(|i, c, t, s| format!("{c} - - [{}] \"GET {t} HTTP/1.1\" {s} 512", clf(i)));
    let mut bytes = text.into_bytes();
    let last = bytes.windows(5).rposition(|w| w == b"/cart").unwrap();
    bytes[last + 1] = 0xf8;
    let mut read = Reader::new(0, Context::default());
    read.push(&bytes, &mut Heard::default());
    let expected = read.finish(&mut Heard::default()).invalid_line;
    let cut = bytes.iter().enumerate().filter(|(_, b)| **b == b'\n').nth(99).unwrap().0 + 1;
    let (mut heard, mut clock) = (Heard::default(), Clock::default());
    let mut reader = Reader::new(0, Context::default());
    reader.push(&bytes[..cut], &mut heard);
    let glance = reader.glance().unwrap();
    let scanned = scan(&bytes[cut..], &glance, &mut clock, &mut heard);
    reader.replay(&scanned, &mut heard);
    assert_eq!(reader.finish(&mut heard).invalid_line, expected);
    assert!(expected.is_some_and(|line| line > 100), "{expected:?}");
}

#[test]
fn mixed_with_what_an_app_says() {
    let text = log(|i, c, t, s| {
        let line = format!("{c} - - [{}] \"GET {t} HTTP/1.1\" {s} {i} \"-\" \"curl/8\"", clf(i));
        if s == 502 {
            format!(
                "Traceback (most recent call last):\n  File \"/srv/a.py\", line {i}, in f\nKeyError: 'x'\n{line}"
            )
        } else {
            line
        }
    });
    holds("mixed", &text, 0.85);
}

#[test]
fn numbers_as_times() {
    assert_eq!(cut::epoch(b"1795505294250", 1_000), Some(1_795_505_294_250_000));
    assert_eq!(cut::epoch(b"1795505294.25", 1_000_000), Some(1_795_505_294_250_000));
    for odd in ["", ".5", "-1", "1e9", "99999999999999999999", "1.2.3"] {
        assert_eq!(cut::epoch(odd.as_bytes(), 1_000_000), None, "{odd}");
    }
}
