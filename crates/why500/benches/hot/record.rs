//! What is done with every text: telling what it says apart from its numbers, taking secrets out.

use crate::lines;
use divan::Bencher;
use divan::counter::BytesCount;

fn over(bencher: Bencher, text: String, work: impl Fn(&str) -> usize + Sync) {
    bencher.counter(BytesCount::of_str(&text)).bench(|| work(divan::black_box(&text)));
}

fn skeleton(text: &str) -> usize {
    let mut numbers = 0;
    let words = record::skeleton(text, |n| numbers ^= n);
    (words ^ numbers) as usize
}

fn scrub(text: &str) -> usize {
    text.lines().map(|line| record::scrub::scrub(line).len()).sum()
}

#[divan::bench]
fn skeleton_of_lines(bencher: Bencher) {
    over(bencher, lines::SAID.join("\n"), skeleton);
}

#[divan::bench]
fn skeleton_of_trace(bencher: Bencher) {
    over(bencher, lines::java(1), skeleton);
}

#[divan::bench]
fn scrub_of_lines(bencher: Bencher) {
    over(bencher, lines::SAID.join("\n"), scrub);
}

#[divan::bench]
fn scrub_of_trace(bencher: Bencher) {
    over(bencher, lines::laravel(1), scrub);
}

/// Lines that hold secrets.
#[divan::bench]
fn scrub_of_secrets(bencher: Bencher) {
    let line = "connect postgres://shop:hunter2@db:5432/shop failed; Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl; card 4111111111111111; password=hunter2\n";
    over(bencher, line.repeat(8), scrub);
}
