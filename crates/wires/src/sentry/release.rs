//! The part of Sentry's web API that `sentry-cli`, CI actions and bundler plug-ins call when a release goes out.
//! <https://docs.sentry.io/api/releases/>
//!
//! ```text
//! POST /api/0/organizations/acme/releases/shop@4.9.0/deploys/   Authorization: Bearer …
//! {"environment":"production","name":"deploy 311","url":null,"dateStarted":"…","dateFinished":"2026-11-24T07:38:05.751626889Z"}
//! ```
//!
//! A deploy, and a release that is finalised (`dateReleased`), mark the time line. Source maps and debug files are accepted so that
//! the pipeline goes on, and not kept: each is counted as let go.

use crate::lenient::{Instant, List, Text, read};
use crate::{Access, Answer, Head, Refusal, Taken, Wire};
use record::{Mark, Record, Time, Zone};
use serde::Deserialize;
use serde_json::{Value, json};

/// What `sentry-cli` may send at once; what it sends is not kept. Sentry's own figures.
const CHUNK_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// See [`CHUNK_BYTES_MAX`].
const REQUEST_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// Names of releases are not longer (Sentry's own limit is 200).
const NAME_BYTES_MAX: usize = 250;

/// The web API.
pub(crate) struct Api;

/// What is sent to create, finalise or deploy a release.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Body<'a> {
    #[serde(borrow)]
    version: Text<'a>,
    #[serde(borrow)]
    environment: Text<'a>,
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    url: Text<'a>,
    #[serde(borrow)]
    status: Text<'a>,
    date_released: Instant,
    date_started: Instant,
    date_finished: Instant,
    refs: List<Ref>,
}

/// A commit that went into the release: only counted.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Ref {}

/// The segments behind `/api/0/`, percent-decoded.
fn segments(path: &str) -> Option<Vec<String>> {
    let (_, rest) = path.split_once("/api/0/").or_else(|| path.strip_suffix("/api/0").map(|p| (p, "")))?;
    Some(rest.split('/').filter(|s| !s.is_empty()).map(super::decoded).collect())
}

impl Wire for Api {
    fn name(&self) -> &'static str {
        "sentry api"
    }

    fn knows(&self, head: &Head) -> bool {
        segments(&head.path).is_some()
    }

    fn access(&self, head: &Head, body: &[u8]) -> Access {
        // `DSN KEY` is what monitors use for check-ins.
        let key = ["Bearer", "DSN", "Basic"].into_iter().find_map(|s| head.authorization(s));
        let list = segments(&head.path).unwrap_or_default();
        let in_path = list.first().filter(|s| *s == "projects").and_then(|_| list.get(2)).cloned();
        let mut room = Vec::new();
        let in_body = || {
            let projects = read::<Projects<'_>>(body, &mut room).ok()?.projects;
            projects.owned()
        };
        Access { project: in_path.or_else(in_body), key: key.map(str::to_owned) }
    }

    fn read(&self, head: &Head, body: &[u8], now: Time) -> Result<Taken, Refusal> {
        let list = segments(&head.path).unwrap_or_default();
        let path: Vec<&str> = list.iter().map(String::as_str).collect();
        // `organizations/ORG/…` and `projects/ORG/PROJECT/…` have the same things below them.
        let below = match path.as_slice() {
            ["organizations", _, rest @ ..] | ["projects", _, _, rest @ ..] => rest,
            rest => rest,
        };
        let mut taken = Taken::default();
        let mut room = Vec::new();
        let reads = matches!(head.method.as_str(), "POST" | "PUT") && !below.contains(&"chunk-upload");
        let sent = match read::<Body<'_>>(body, &mut room) {
            Ok(sent) => sent,
            Err(why) if reads && !body.is_empty() => {
                return Err(refusal(400, &format!("the body is no JSON: {why}")));
            }
            Err(_) => Body::default(),
        };
        taken.answer = match (head.method.as_str(), below) {
            ("GET", []) if path.len() > 1 => {
                let slug = path.last().copied().unwrap_or("");
                ok(
                    json!({ "id": "1", "slug": slug, "name": slug, "features": [], "dateCreated": now.to_string() }),
                )
            }
            ("GET", []) => ok(
                json!({ "version": "0", "auth": { "scopes": ["project:releases", "org:read"] }, "user": null }),
            ),
            ("POST", ["releases"]) => {
                let version = clip(&sent.version);
                released(&sent, version, now, &mut taken);
                answer(201, release(version, &sent, now))
            }
            ("PUT", ["releases", version]) => {
                let version = clip(version);
                released(&sent, version, now, &mut taken);
                ok(release(version, &sent, now))
            }
            ("POST", ["releases", version, "deploys"]) => deployed(&sent, clip(version), now, &mut taken),
            ("GET", ["releases" | "repos" | "projects" | "monitors" | "organizations"])
            | ("GET", ["releases", _, "deploys" | "files" | "commits"]) => ok(json!([])),
            ("GET", ["releases", _, "previous-with-commits"]) => ok(json!({})),
            ("GET", ["chunk-upload"]) => ok(options(head)),
            ("POST", ["chunk-upload"]) => {
                taken.drop("source maps and debug files: not kept");
                ok(json!([]))
            }
            ("POST", [.., "assemble"]) => {
                taken.item("artifact");
                ok(assembled(below, body))
            }
            ("POST", ["releases", _, "files"]) => {
                taken.drop("source maps and debug files: not kept");
                answer(
                    201,
                    json!({ "id": "0", "name": "", "headers": {}, "size": body.len(), "sha1": "", "dist": null }),
                )
            }
            ("POST", [.., "monitors", slug, "checkins"]) | ("PUT", [.., "monitors", slug, "checkins", _]) => {
                taken.item("check_in");
                super::checked_in(slug, &sent.status, &sent.environment, &mut taken);
                answer(201, json!({ "id": "00000000000000000000000000000000", "status": &*sent.status }))
            }
            ("DELETE", _) => Answer { status: 204, ..Answer::default() },
            _ => {
                let why =
                    format!("{} {}: why500 has no such part of Sentry's web API", head.method, head.path);
                return Err(refusal(404, &why));
            }
        };
        Ok(taken)
    }

    fn refuse(&self, _: &Head, status: u16, why: &str, retry_s: Option<u64>) -> Answer {
        let mut answer = answer(status, json!({ "detail": why }));
        answer.headers.extend(retry_s.map(|s| ("retry-after", s.to_string())));
        answer
    }
}

/// The first of the projects that a release is for.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Projects<'a> {
    #[serde(borrow)]
    projects: Text<'a>,
}

fn clip(name: &str) -> &str {
    super::frame::clip(name, NAME_BYTES_MAX)
}

fn answer(status: u16, body: Value) -> Answer {
    Answer::new(status, "application/json", body.to_string())
}

fn ok(body: Value) -> Answer {
    answer(200, body)
}

fn refusal(status: u16, why: &str) -> Refusal {
    Refusal { why: why.to_owned(), answer: answer(status, json!({ "detail": why })) }
}

/// A release as Sentry shows it, as far as its clients look.
fn release(version: &str, sent: &Body<'_>, now: Time) -> Value {
    json!({
        "version": version, "shortVersion": version, "ref": null, "url": sent.url.some(), "newGroups": 0, "projects": [],
        "dateCreated": now.to_string(), "dateReleased": sent.date_released.0.map(|t| t.to_string()), "lastEvent": null,
        "commitCount": sent.refs.0.len(),
    })
}

/// A release is created or changed; with `dateReleased` it went out.
fn released(sent: &Body<'_>, version: &str, now: Time, taken: &mut Taken) {
    taken.item("release");
    taken.said.insert("release".into(), version.to_owned());
    if let Some(at) = sent.date_released.0.filter(|_| !version.is_empty()) {
        taken.records.push(mark(format!("release={version}"), at.min(now), version, ""));
    }
}

/// A release was deployed to an environment.
fn deployed(sent: &Body<'_>, version: &str, now: Time, taken: &mut Taken) -> Answer {
    taken.item("deploy");
    taken.said.insert("release".into(), version.to_owned());
    let environment = clip(&sent.environment);
    let mut what = format!("release={version}");
    if !environment.is_empty() {
        taken.said.insert("environment".into(), environment.to_owned());
        what = format!("{what} environment={environment}");
    }
    if let Some(name) = sent.name.some() {
        what = format!("{what} ({})", clip(name));
    }
    let at = sent.date_finished.0.or(sent.date_started.0).unwrap_or(now);
    taken.records.push(mark(what, at.min(now), version, environment));
    let shown = |t: Instant| t.0.map(|t| t.to_string());
    let body = json!({
        "id": "1", "environment": environment, "name": sent.name.some(), "url": sent.url.some(),
        "dateStarted": shown(sent.date_started), "dateFinished": at.to_string(),
    });
    answer(201, body)
}

fn mark(what: String, at: Time, version: &str, environment: &str) -> Record {
    let mut fields = vec![("release".to_owned(), version.to_owned())];
    if !environment.is_empty() {
        fields.push(("environment".to_owned(), environment.to_owned()));
    }
    Record {
        format: "sentry api",
        at: Some(at),
        zone: Zone::Stated,
        service: super::service(version),
        text: format!("deploy {what}"),
        message: format!("deploy {what}"),
        fields,
        mark: Some(Box::new(Mark::Deploy(what))),
        ..Record::default()
    }
}

/// How files are to be uploaded. sentry-cli wants the address whole, or from its own base.
fn options(head: &Head) -> Value {
    let path = head.path.split("/api/0").nth(1).unwrap_or(&head.path);
    let url = match head.header("host") {
        Some(host) => {
            let scheme = head.header("x-forwarded-proto").filter(|p| *p == "https").unwrap_or("http");
            format!("{scheme}://{host}{}", head.path)
        }
        None => path.to_owned(),
    };
    json!({
        "url": url, "chunkSize": CHUNK_BYTES_MAX, "chunksPerRequest": 64, "maxFileSize": 2_147_483_648_u64,
        "maxRequestSize": REQUEST_BYTES_MAX, "concurrency": 1, "hashAlgorithm": "sha1", "compression": ["gzip"],
        "accept": ["debug_files", "release_files", "pdbs", "sources", "bcsymbolmaps", "il2cpp", "portablepdbs",
            "artifact_bundles", "artifact_bundles_v2", "proguard"],
    })
}

/// "All of it is here": nothing needs to be uploaded. Debug files are asked for by checksum, bundles one at a time.
fn assembled(below: &[&str], body: &[u8]) -> Value {
    let state = || json!({ "state": "ok", "missingChunks": [], "detail": null });
    let mut room = Vec::new();
    match read::<serde_json::Map<String, Value>>(body, &mut room) {
        Ok(asked) if below.contains(&"difs") => {
            asked.into_iter().map(|(checksum, _)| (checksum, state())).collect()
        }
        _ => state(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn send(method: &str, path: &str, body: &str) -> Result<Taken, Refusal> {
        let head = Head { method: method.into(), path: path.into(), ..Head::default() };
        Api.read(&head, body.as_bytes(), Time::from_secs(1_795_505_885))
    }

    #[test]
    fn a_deploy_marks_the_time_line() {
        let body = r#"{"environment":"production","dateFinished":"2026-11-24T07:37:00Z"}"#;
        let taken =
            send("POST", "/api/0/organizations/acme/releases/shop%404.9.0+b7/deploys/", body).unwrap();
        let mark = taken.records[0].mark.clone();
        let deploy = Mark::Deploy("release=shop@4.9.0+b7 environment=production".into());
        assert_eq!(mark, Some(Box::new(deploy)));
        assert_eq!(
            (taken.answer.status, taken.records[0].at.unwrap().to_string().as_str()),
            (201, "2026-11-24T07:37:00Z")
        );
        // A clock that runs ahead deploys nothing in the future.
        let body = r#"{"environment":"production","dateFinished":"2038-01-01T00:00:00Z"}"#;
        let taken = send("POST", "/api/0/organizations/acme/releases/x/deploys/", body).unwrap();
        assert_eq!(taken.records[0].at, Some(Time::from_secs(1_795_505_885)));
    }

    #[test]
    fn what_is_not_there_says_so() {
        let no = send("GET", "/api/0/organizations/acme/issues/", "").unwrap_err();
        assert_eq!(no.answer.status, 404);
        assert_eq!(send("POST", "/api/0/organizations/acme/releases/", "{").unwrap_err().answer.status, 400);
        assert!(send("GET", "/sentry/api/0/", "").unwrap().answer.status == 200);
        let difs = send("POST", "/api/0/projects/acme/shop/files/difs/assemble/", r#"{"abc":{"chunks":[]}}"#)
            .unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&difs.answer.body).unwrap()["abc"]["state"], "ok");
    }
}
