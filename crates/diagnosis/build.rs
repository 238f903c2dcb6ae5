//! Turns `signatures/*.toml` into tables that need no loading: parsing 650 KB of TOML took longer than most logs do.
//!
//! Writes to `OUT_DIR` what `src/recognise/signature.rs` and `src/recognise/general.rs` include.

// A build that fails says why.
#![allow(clippy::expect_used)]

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// The files of signatures, in the order in which they are read.
const FILES: [&str; 5] = ["code", "config", "database", "upstream", "resource"];

fn main() {
    // Asked as it runs: a target folder may be used by a checkout that lies elsewhere than the one it was filled by.
    let here = std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR");
    let folder = Path::new(&here).join("../../signatures");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={}", folder.display());
    let out = PathBuf::from(std::env::var("OUT_DIR").expect("cargo sets OUT_DIR"));
    let read = |name: &str| -> Table {
        let path = folder.join(format!("{name}.toml"));
        let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        text.parse().unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    };
    let files = FILES.map(read);
    let entries: Vec<&Table> = files.iter().flat_map(|f| tables(f, "signature")).collect();
    write(&out.join("signatures.rs"), &signatures(&entries));
    write(&out.join("general.rs"), &general(&read("types"), &read("general")));
}

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
}

fn signatures(entries: &[&Table]) -> String {
    let mut out = format!("static ENTRIES: [Entry; {}] = [\n", entries.len());
    for e in entries {
        let text = |key: &str| format!("Cow::Borrowed({:?})", string(e, key));
        let maybe = |key: &str| match e.get(key) {
            Some(_) => format!("Some({})", text(key)),
            None => "None".to_owned(),
        };
        let list = |key: &str| {
            let all: Vec<String> = strings(e, key).map(|s| format!("Cow::Borrowed({s:?})")).collect();
            format!("Cow::Borrowed(&[{}])", all.join(", "))
        };
        let scope = match e.get("scope").map_or("request", |_| string(e, "scope")) {
            "request" => "Request",
            "process" => "Process",
            "background" => "Background",
            other => panic!("signature {}: no such scope: {other}", string(e, "id")),
        };
        let symptom = e.get("symptom").is_some_and(|v| v.as_bool().expect("symptom is a boolean"));
        let weight = weight(e, 50);
        let (id, cause, literals) = (text("id"), text("cause"), list("literals"));
        let (pattern, culprit, service) = (text("pattern"), maybe("culprit"), maybe("service"));
        let (title, next) = (maybe("title"), list("next"));
        let _ = writeln!(
            out,
            "Entry {{ id: {id}, cause: {cause}, literals: {literals}, pattern: {pattern}, culprit: {culprit}, \
             service: {service}, scope: Reach::{scope}, symptom: {symptom}, weight: {weight}, title: {title}, next: {next} }},"
        );
    }
    out.push_str("];\n");
    out
}

fn general(types: &Table, data: &Table) -> String {
    let mut out = String::new();
    // Whole names for a binary search; the endings longest first.
    let mut names: BTreeMap<&str, String> = BTreeMap::new();
    let mut endings: Vec<(&str, String)> = Vec::new();
    for t in tables(types, "type") {
        let meaning = meaning(t, 38);
        for n in strings(t, "names") {
            match n.strip_prefix('*') {
                Some(ending) => endings.push((ending, meaning.clone())),
                None => drop(names.insert(n, meaning.clone())),
            }
        }
    }
    endings.sort_by_key(|(s, _)| std::cmp::Reverse(s.len()));
    table(&mut out, "TYPES", "(&str, Meaning)", names.iter().map(|(n, m)| format!("({n:?}, {m})")));
    table(&mut out, "ENDINGS", "(&str, Meaning)", endings.iter().map(|(n, m)| format!("({n:?}, {m})")));
    for (key, name) in [("condition", "CONDITIONS"), ("word", "WORDS")] {
        let rows = tables(data, key).flat_map(|e| {
            let meaning = meaning(e, 40);
            strings(e, "words").map(move |w| format!("({w:?}, {meaning})"))
        });
        table(&mut out, name, "(&str, Meaning)", rows);
    }
    let rows = tables(data, "owner").flat_map(|e| {
        let service = e.get("service").map(|_| string(e, "service"));
        let hint = e.get("hint").is_some_and(|v| v.as_bool().expect("hint is a boolean"));
        let of = format!("Named {{ class: {}, service: {service:?} }}, {hint}", class(string(e, "class")));
        strings(e, "names").map(move |n| format!("({n:?}, {of})"))
    });
    table(&mut out, "OWNERS", "(&str, Named, bool)", rows);
    let mut ports: BTreeMap<i64, String> = BTreeMap::new();
    for e in tables(data, "port") {
        for p in list(e, "ports") {
            let class = class(string(e, "class"));
            let of = format!("Named {{ class: {class}, service: Some({:?}) }}", string(e, "service"));
            ports.insert(p.as_integer().expect("ports are numbers"), of);
        }
    }
    table(&mut out, "PORTS", "(u16, Named)", ports.iter().map(|(p, of)| format!("({p}, {of})")));
    for (key, name) in [("sqlstate", "SQLSTATES"), ("status", "STATUSES")] {
        let mut codes: BTreeMap<&str, String> = BTreeMap::new();
        for e in tables(data, key) {
            codes.extend(strings(e, "codes").map(|c| (c, pair(string(e, "cause")))));
        }
        table(&mut out, name, "(&str, Said)", codes.iter().map(|(c, of)| format!("({c:?}, {of})")));
    }
    let rows = tables(data, "number").map(|e| {
        let codes = e.get("codes").and_then(Value::as_table).expect("codes is a table");
        let codes: BTreeMap<&str, String> = codes
            .iter()
            .map(|(k, v)| (k.as_str(), pair(v.as_str().expect("codes lead to causes"))))
            .collect();
        let codes: Vec<String> = codes.iter().map(|(c, of)| format!("({c:?}, {of})")).collect();
        let sure = e.get("sure").is_some_and(|v| v.as_bool().expect("sure is a boolean"));
        let (vendor, pattern) = (string(e, "vendor"), string(e, "pattern"));
        format!(
            "Numbers {{ vendor: {vendor:?}, pattern: Lazy::new({pattern:?}), sure: {sure}, codes: &[{}] }}",
            codes.join(", ")
        )
    });
    let rows: Vec<String> = rows.collect();
    let _ = writeln!(out, "static NUMBERS: [Numbers; {}] = [{}];", rows.len(), rows.join(",\n"));
    out
}

fn table(out: &mut String, name: &str, of: &str, rows: impl Iterator<Item = String>) {
    let _ = writeln!(out, "static {name}: &[{of}] = &[");
    for r in rows {
        let _ = writeln!(out, "{r},");
    }
    out.push_str("];\n");
}

/// `class/name` as the two in Rust.
fn pair(cause: &str) -> String {
    let (of, name) = cause.split_once('/').unwrap_or_else(|| panic!("no such cause: {cause}"));
    format!("({}, {name:?})", class(of))
}

/// An unknown class does not compile.
fn class(name: &str) -> String {
    let (first, rest) = name.split_at(1);
    format!("Class::{}{rest}", first.to_ascii_uppercase())
}

fn meaning(e: &Table, weight_else: i64) -> String {
    let cause = match string(e, "cause") {
        "none" => "Means::Nothing".to_owned(),
        c => match c.strip_prefix("peer/") {
            Some(name) => format!("Means::Peer({name:?})"),
            None => {
                let (of, name) = c.split_once('/').unwrap_or_else(|| panic!("no such cause: {c}"));
                format!("Means::Cause({}, {name:?})", class(of))
            }
        },
    };
    format!("Meaning {{ cause: {cause}, weight: capped({}) }}", weight(e, weight_else))
}

fn weight(e: &Table, or: i64) -> i64 {
    e.get("weight").map_or(or, |w| w.as_integer().expect("weight is a number"))
}

fn tables<'a>(of: &'a Table, key: &str) -> impl Iterator<Item = &'a Table> {
    list(of, key).iter().map(|v| v.as_table().expect("entries are tables"))
}

fn list<'a>(of: &'a Table, key: &str) -> &'a [Value] {
    of.get(key).map_or(&[], |v| v.as_array().unwrap_or_else(|| panic!("{key} is a list")))
}

fn strings<'a>(of: &'a Table, key: &str) -> impl Iterator<Item = &'a str> {
    list(of, key).iter().map(|v| v.as_str().expect("a list of strings"))
}

fn string<'a>(of: &'a Table, key: &str) -> &'a str {
    of.get(key).and_then(Value::as_str).unwrap_or_else(|| panic!("an entry without {key}: {of:?}"))
}
