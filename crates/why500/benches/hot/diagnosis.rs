//! What a record tells about causes, and the counting of healthy requests.

use crate::formats::reader;
use crate::lines::{self, Seeded};
use diagnosis::{Recogniser, Tally};
use divan::Bencher;
use divan::counter::ItemsCount;
use formats::{Healthy, Sink};
use record::{Record, SECOND, Time};

const REQUESTS: usize = 10_000;

/// Keeps the records.
#[derive(Default)]
struct Keep(Vec<Record>);

impl Sink for Keep {
    fn healthy(&mut self, _: &Healthy<'_>) {}

    fn wants(&self, _: &str) -> bool {
        true
    }

    fn record(&mut self, record: Record) {
        self.0.push(record);
    }
}

/// The records of a log.
pub fn records(text: &str) -> Vec<Record> {
    let (mut reader, mut keep) = (reader("mixed.log"), Keep::default());
    reader.push(text.as_bytes(), &mut keep);
    reader.push(b"\n", &mut keep);
    reader.finish(&mut keep);
    keep.0
}

fn read(bencher: Bencher, records: Vec<Record>) {
    assert!(!records.is_empty());
    let recogniser = Recogniser::new(&[]).unwrap();
    bencher
        .counter(ItemsCount::new(records.len()))
        .bench(|| divan::black_box(&records).iter().map(|r| recogniser.read(r).len()).sum::<usize>());
}

/// Different things that servers say, a line each.
#[divan::bench]
fn recognise_lines(bencher: Bencher) {
    read(bencher, lines::SAID.iter().flat_map(|line| records(line)).collect());
}

#[divan::bench]
fn recognise_laravel(bencher: Bencher) {
    read(bencher, records(&lines::laravel(3)));
}

#[divan::bench]
fn recognise_java(bencher: Bencher) {
    read(bencher, records(&lines::java(3)));
}

/// Patterns to automata: once per run.
#[divan::bench]
fn recogniser_new() -> bool {
    Recogniser::new(&[]).is_ok()
}

#[divan::bench]
fn tally_count(bencher: Bencher) {
    let mut r = Seeded::new();
    let requests: Vec<(String, String)> = (0..REQUESTS).map(|_| (r.target(), r.client())).collect();
    bencher.counter(ItemsCount::new(REQUESTS)).bench(|| {
        let mut tally = Tally::default();
        for (i, (target, client)) in divan::black_box(&requests).iter().enumerate() {
            let at = Time(i as i64 * SECOND / 10);
            tally.count(at, 200, b"GET", target.as_bytes(), Some(client.as_bytes()), false, i as u64);
        }
        tally
    });
}
