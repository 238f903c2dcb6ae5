//! No description, collection, page or answer makes a probe's readers panic, and every request they lead to can be made. The first
//! byte chooses.

#![no_main]

use libfuzzer_sys::fuzz_target;
use probe::case::{Case, Common};
use probe::operation::Description;
use probe::schema::{Extent, Schemas};
use probe::site::{page, robots::Robots};
use probe::targets::{curl, graphql, har, http_file, insomnia, openapi, postman, samples, tell};
use probe::{Answer, checks};
use std::collections::BTreeMap;

/// Operations of one input that are tried; each costs as much as the whole document.
const OPERATIONS_MAX: usize = 8;

fuzz_target!(|data: &[u8]| {
    let Some((&choice, rest)) = data.split_first() else { return };
    let rest = fuzz::stretch(rest);
    let text = String::from_utf8_lossy(&rest);
    let none = BTreeMap::new();
    let told = match choice % 9 {
        0 => return asked(openapi::read(&text).unwrap_or_default()),
        1 => return asked(graphql::Schema::read(&text).map(|s| s.describe("/g")).unwrap_or_default()),
        2 => postman::read(&text, &none),
        3 => insomnia::read(&text, &none),
        4 => har::read(&text, &none),
        5 => http_file::read(&text, &none),
        6 => curl::read(&text, &none),
        7 => {
            let Ok(here) = url::Url::parse("http://shop.example/a/b") else { return };
            let read = page::read(&text, &here);
            assert!(read.links.iter().all(|l| l.starts_with("http")));
            let _ = page::read_style(&text, &here);
            let _ = Robots::read(&text, "why500-probe").allows("/a?b");
            return asked(Description { operations: read.forms, ..Description::default() });
        }
        _ => {
            let answer = Answer { status: 200, body: rest.to_vec(), ..Answer::default() };
            let _ = (checks::leaks(&answer), checks::soft_error(&answer), tell("a", &text));
            return;
        }
    };
    asked(samples::describe(&told.unwrap_or_default().list, None));
});

/// Makes the requests that a run would begin with.
fn asked(d: Description) {
    let schemas = Schemas::of(&d.document);
    for op in d.operations.iter().take(OPERATIONS_MAX) {
        for (extent, turn) in [(Extent::Full, 0), (Extent::Least, 1)] {
            let case = Case::good(op, schemas, extent, turn, &|_, _| None);
            assert!(case.differences(&case).is_empty());
            let _ = case.spots(op, schemas);
            let request = case.request(op, &Common::default());
            assert!(!request.curl("http://shop.example").is_empty());
        }
    }
}
