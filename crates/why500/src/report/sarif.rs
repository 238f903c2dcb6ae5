//! The report for code scanning: SARIF 2.1.0
//! (<https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>).
//!
//! `{"version": "2.1.0", "runs": [{"tool": {"driver": {"rules": […]}}, "results": […]}]}`: one rule per cause
//! that occurs, one result per problem. A problem lies where its culprit says (`app/Services/Tax.php:41`),
//! else at the first line that shows it.

use super::by_role;
use super::json::write_document;
use super::phrase::{certainty_percent, counted, plain};
use crate::catalogue;
use diagnosis::{Evidence, Problem, Report};
use record::{Cause, Exception};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io;

/// Where the schema lies; readers validate against it.
const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";
/// Related places per result; code scanning shows few.
const RELATED_MAX: usize = 10;

/// Writes the report.
pub(super) fn write(out: &mut dyn io::Write, report: &Report) -> io::Result<()> {
    let mut causes: Vec<&Cause> = report.problems.iter().map(|p| &p.verdict.cause).collect();
    causes.sort();
    causes.dedup();
    let rules: Vec<Value> = causes.iter().map(|c| rule(c)).collect();
    let results: Vec<Value> = report.problems.iter().map(|p| result(p, &causes)).collect();
    let notes: Vec<Value> =
        report.notes.iter().map(|n| json!({"level": "note", "message": {"text": plain(n)}})).collect();
    let doc = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "why500",
                "version": env!("CARGO_PKG_VERSION"),
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "invocations": [{"executionSuccessful": true, "toolExecutionNotifications": notes}],
            "results": results,
            "columnKind": "unicodeCodePoints",
            "properties": {
                "requests": report.totals.requests,
                "failures": report.totals.failures,
                "lines": report.totals.lines,
            },
        }],
    });
    write_document(out, &doc)
}

fn rule(cause: &Cause) -> Value {
    let id = cause.to_string();
    let known = catalogue::entry(cause);
    let meaning = known.map_or(id.as_str(), |e| e.meaning.as_str());
    let mut help = meaning.to_owned();
    for step in known.iter().flat_map(|e| e.check.iter().chain(&e.fix)) {
        let _ = write!(help, "\n- {step}");
    }
    json!({
        "id": id,
        "name": pascal(&id),
        "shortDescription": {"text": meaning},
        "fullDescription": {"text": meaning},
        "help": {"text": help},
        "defaultConfiguration": {"level": "error"},
        "properties": {"tags": ["5xx", cause.class.name()]},
    })
}

/// `database/connection-refused` as `DatabaseConnectionRefused`: names of rules are identifiers.
fn pascal(id: &str) -> String {
    let mut out = String::new();
    for word in id.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty()) {
        let mut letters = word.chars();
        out.extend(letters.next().map(|c| c.to_ascii_uppercase()));
        out.push_str(letters.as_str());
    }
    out
}

fn result(p: &Problem, causes: &[&Cause]) -> Value {
    let v = &p.verdict;
    let evidence = by_role(p);
    let culprit = v.culprit.as_deref().and_then(place);
    let location = match (&culprit, evidence.first()) {
        (Some((file, line)), _) => vec![json!({"physicalLocation": physical(file, *line)})],
        (None, Some(e)) => vec![json!({"physicalLocation": physical(&e.source, e.line)})],
        (None, None) => Vec::new(),
    };
    let mut text = format!("{} ({}). {}", plain(&p.title), counted(p.count, "failure"), plain(&v.summary));
    for (i, step) in v.next_steps.iter().enumerate() {
        let _ = write!(text, "\n{}. {}", i + 1, plain(step));
    }
    let related: Vec<Value> =
        evidence.iter().take(RELATED_MAX).enumerate().map(|(i, e)| related(i, e)).collect();
    let stacks: Vec<Value> = p.exception.iter().filter(|e| !e.frames.is_empty()).map(stack).collect();
    json!({
        "ruleId": v.cause.to_string(),
        "ruleIndex": causes.iter().position(|c| **c == v.cause),
        "level": "error",
        "kind": "fail",
        "message": {"text": text},
        "locations": location,
        "relatedLocations": related,
        "stacks": stacks,
        "partialFingerprints": {"why500Problem/v1": p.id},
        "occurrenceCount": p.count.clamp(1, i32::MAX as u64),
        "rank": certainty_percent(v.confidence),
        "properties": {
            "culprit": v.culprit,
            "trigger": v.trigger.kind.name(),
            "triggerAt": v.trigger.at.map(|t| t.to_string()),
            "firstSeen": p.first_seen.map(|t| t.to_string()),
            "lastSeen": p.last_seen.map(|t| t.to_string()),
            "curl": p.reproduce,
        },
    })
}

fn related(i: usize, e: &Evidence) -> Value {
    let mut physical = physical(&e.source, e.line);
    if let Some(region) = physical.get_mut("region").and_then(Value::as_object_mut) {
        region.insert("snippet".into(), json!({"text": plain(&e.text)}));
    }
    json!({
        "id": i,
        "physicalLocation": physical,
        "message": {"text": format!("{}: {}", e.role.name(), plain(&e.why))},
    })
}

fn stack(e: &Exception) -> Value {
    let frames: Vec<Value> = e
        .frames
        .iter()
        .map(|f| {
            let mut location = json!({"logicalLocations": [{"fullyQualifiedName": plain(&f.function)}]});
            if let Some(l) = location.as_object_mut().filter(|_| !f.file.is_empty()) {
                l.insert("physicalLocation".into(), physical(&f.file, u64::from(f.line.unwrap_or(0))));
            }
            json!({"location": location})
        })
        .collect();
    json!({"message": {"text": plain(&format!("{}: {}", e.kind, e.message))}, "frames": frames})
}

/// A place in a file. Lines count from 1; without one there is no region (§3.30.5).
fn physical(file: &str, line: u64) -> Value {
    let artifact = json!({"uri": uri(file)});
    if line == 0 {
        json!({"artifactLocation": artifact})
    } else {
        json!({"artifactLocation": artifact, "region": {"startLine": line}})
    }
}

/// `app/Services/Tax.php:41` as file and line. `127.0.0.1:3306` and `db:5432` are no files: a file's name
/// ends in letters after a dot, or stands in a folder.
fn place(culprit: &str) -> Option<(String, u64)> {
    let head = culprit.split_whitespace().next()?;
    let (file, line) = head.rsplit_once(':')?;
    let line = line.parse::<u64>().ok()?;
    let name = file.rsplit(['/', '\\']).next()?;
    let dotted = name.rsplit_once('.').is_some_and(|(_, ending)| is_ending(ending));
    let looks_like_a_host =
        file.contains("://") || (!file.contains('/') && ENDINGS_OF_HOSTS.iter().any(|e| name.ends_with(e)));
    (dotted && !looks_like_a_host).then(|| (file.to_owned(), line))
}

/// `db.internal:5432` looks like a file with a line, but these endings are those of networks.
const ENDINGS_OF_HOSTS: &[&str] = &[
    ".internal",
    ".local",
    ".com",
    ".net",
    ".org",
    ".io",
    ".lan",
    ".svc",
    ".example",
    ".test",
    ".localdomain",
    ".dev",
    ".cloud",
];

fn is_ending(ending: &str) -> bool {
    (1..=9).contains(&ending.len())
        && ending.bytes().any(|b| b.is_ascii_alphabetic())
        && ending.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// A path as URI reference (RFC 3986): everything unusual percent-encoded, `C:\app` as `file:///C:/app`.
fn uri(path: &str) -> String {
    let bytes = path.as_bytes();
    let drive = matches!(bytes, [letter, b':', b'\\' | b'/', ..] if letter.is_ascii_alphabetic());
    let mut out = String::with_capacity(path.len() + 8);
    if drive {
        out.push_str("file:///");
    } else if path.starts_with('/') {
        out.push_str("file://");
    }
    for (i, &b) in bytes.iter().enumerate() {
        match b {
            b'\\' => out.push('/'),
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                out.push(char::from(b))
            }
            b':' if drive && i == 1 => out.push(':'),
            _ => {
                let _ = write!(out, "%{b:02X}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    fn sarif(report: &Report) -> Value {
        let mut out = Vec::new();
        write(&mut out, report).unwrap();
        serde_json::from_slice(&out).unwrap()
    }

    #[test]
    fn a_code_fault_lies_in_its_source_and_a_dead_database_in_its_log() {
        let doc = sarif(&sample::shop());
        assert_eq!(doc["version"], "2.1.0");
        let run = &doc["runs"][0];
        let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
        assert_eq!(
            rules.iter().map(|r| r["id"].as_str().unwrap()).collect::<Vec<_>>(),
            ["code/type-mismatch", "database/connection-refused", "unknown/unexplained"]
        );
        assert_eq!(rules[1]["name"], "DatabaseConnectionRefused");
        assert_eq!(
            rules[1]["shortDescription"]["text"],
            "Nothing accepts connections where the database should be."
        );
        let results = run["results"].as_array().unwrap();
        assert_eq!(results.len(), 3);
        for r in results {
            assert_eq!(rules[r["ruleIndex"].as_u64().unwrap() as usize]["id"], r["ruleId"]);
        }
        let at = |i: usize| &results[i]["locations"][0]["physicalLocation"];
        assert_eq!(at(0)["artifactLocation"]["uri"], "shop/laravel.log");
        assert_eq!(at(0)["region"]["startLine"], 8_841);
        assert_eq!(at(1)["artifactLocation"]["uri"], "app/Services/Tax.php");
        assert_eq!(at(1)["region"]["startLine"], 41);
        assert_eq!(results[0]["partialFingerprints"]["why500Problem/v1"], "4f1d0c2b9a7e6d58");
        assert_eq!(results[0]["occurrenceCount"], 198);
        assert_eq!(
            results[1]["stacks"][0]["frames"][1]["location"]["physicalLocation"]["region"]["startLine"],
            41
        );
        assert!(
            results[0]["message"]["text"]
                .as_str()
                .unwrap()
                .starts_with("The database does not accept connections")
        );
    }

    #[test]
    fn addresses_are_no_files() {
        assert_eq!(place("app/Services/Tax.php:41"), Some(("app/Services/Tax.php".into(), 41)));
        assert_eq!(place(".htaccess:3 Header"), Some((".htaccess".into(), 3)));
        assert_eq!(place("C:\\app\\Shop.cs:12"), Some(("C:\\app\\Shop.cs".into(), 12)));
        assert_eq!(place("PriceService.java:77"), Some(("PriceService.java".into(), 77)));
        for address in [
            "127.0.0.1:3306",
            "db:5432",
            "db.internal:5432",
            "http://api.example/v1:80",
            "[::1]:5432",
            "redis",
        ] {
            assert_eq!(place(address), None, "{address}");
        }
    }

    #[test]
    fn paths_become_uris() {
        assert_eq!(uri("nginx/error log.1"), "nginx/error%20log.1");
        assert_eq!(uri("/srv/app/tax.py"), "file:///srv/app/tax.py");
        assert_eq!(uri("C:\\app\\Shop.cs"), "file:///C:/app/Shop.cs");
        assert_eq!(uri("logs.zip:a/é.log"), "logs.zip%3Aa/%C3%A9.log");
    }

    #[test]
    fn no_problem_is_an_empty_list() {
        let doc = sarif(&sample::calm());
        assert_eq!(doc["runs"][0]["results"], json!([]));
        assert_eq!(doc["runs"][0]["tool"]["driver"]["rules"], json!([]));
    }

    #[test]
    fn every_result_points_somewhere_valid() {
        let doc = sarif(&sample::hostile());
        for r in doc["runs"][0]["results"].as_array().unwrap() {
            for l in r["relatedLocations"].as_array().unwrap() {
                assert!(l["physicalLocation"].get("region").is_none(), "line 0 is no line");
            }
        }
    }
}
