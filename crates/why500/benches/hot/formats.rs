//! Lines to records.

use crate::lines;
use divan::Bencher;
use divan::counter::BytesCount;
use formats::{Clock, Context, Glance, Glanced, Healthy, Reader, Sink, Tally};
use record::{Record, Time};
use std::sync::Arc;

/// Lines of a block: about the megabyte that a core takes at a time.
const LINES: usize = 6_000;
const ENTRIES: usize = 200;

/// Counts what comes.
#[derive(Default)]
pub struct Count(pub u64);

impl Sink for Count {
    fn healthy(&mut self, _: &Healthy<'_>) {
        self.0 += 1;
    }

    fn wants(&self, _: &str) -> bool {
        false
    }

    fn record(&mut self, record: Record) {
        divan::black_box(record);
        self.0 += 1;
    }
}

impl Tally for Count {
    fn count(&mut self, request: &Glanced<'_>) {
        divan::black_box(request.target);
        self.0 += 1;
    }
}

pub fn reader(file_name: &str) -> Reader {
    // 2027-03-08, for stamps without a year.
    let context = Context {
        reference: Time::from_secs(1_804_464_000),
        file_name: file_name.to_owned(),
        ..Context::default()
    };
    Reader::new(0, context)
}

/// What healthy requests look like, learnt from these lines.
fn glance(lines: &str) -> Arc<Glance> {
    let mut reader = reader("access.log");
    reader.push(lines.as_bytes(), &mut Count::default());
    reader.glance().unwrap()
}

fn scan(bencher: Bencher, lines: String) {
    let glance = glance(&lines);
    let mut first = Count::default();
    formats::scan(lines.as_bytes(), &glance, &mut Clock::default(), &mut first);
    assert!(first.0 > LINES as u64 * 9 / 10, "{} of {LINES} lines are told at a glance", first.0);
    bencher.counter(BytesCount::of_str(&lines)).bench(|| {
        let mut count = Count::default();
        formats::scan(divan::black_box(lines.as_bytes()), &glance, &mut Clock::default(), &mut count)
    });
}

#[divan::bench]
fn scan_combined(bencher: Bencher) {
    scan(bencher, lines::combined(LINES));
}

#[divan::bench]
fn scan_timed(bencher: Bencher) {
    scan(bencher, lines::timed(LINES));
}

#[divan::bench]
fn scan_json(bencher: Bencher) {
    scan(bencher, lines::json(LINES));
}

fn push(bencher: Bencher, file_name: &str, lines: String, expected: usize) {
    let read = || {
        let (mut reader, mut count) = (reader(file_name), Count::default());
        reader.push(divan::black_box(lines.as_bytes()), &mut count);
        reader.finish(&mut count);
        count.0
    };
    assert_eq!(read(), expected as u64);
    bencher.counter(BytesCount::of_str(&lines)).bench(read);
}

/// Each line read whole, as the first ones of each file are.
#[divan::bench]
fn push_healthy(bencher: Bencher) {
    push(bencher, "access.log", lines::combined(LINES), LINES);
}

#[divan::bench]
fn push_laravel_repeated(bencher: Bencher) {
    push(bencher, "laravel.log", lines::laravel(ENTRIES), ENTRIES);
}

#[divan::bench]
fn push_java(bencher: Bencher) {
    push(bencher, "app.log", lines::java(ENTRIES), ENTRIES);
}
