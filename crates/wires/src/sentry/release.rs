//! The part of Sentry's web API that `sentry-cli`, CI actions and bundler plug-ins call when a release goes out.
//! <https://docs.sentry.io/api/releases/>
//!
//! ```text
//! POST /api/0/organizations/acme/releases/shop@4.9.0/deploys/   Authorization: Bearer …
//! {"environment":"production","name":"deploy 311","url":null,"dateStarted":"…","dateFinished":"2026-11-24T07:38:05.751626889Z"}
//! ```
//!
//! A deploy, and a release that is finalised (`dateReleased`), mark the time line. Source maps and what commits a release has are handed
//! on to be kept ([`Upload`]); debug files are accepted so that the pipeline goes on, and not kept: each is counted as let go.
//!
//! Files come in pieces. What is told first is which there are (`…/assemble/`); the answer names those that are missing; they come to
//! `…/chunk-upload/` as files of a form, named by their SHA-1, gzipped where the field is called `file_gzip`; then the first is asked again
//! until its state is `ok`. (sentry-cli, `src/utils/file_upload.rs` and `src/api/mod.rs`; versions before 2.0 ask
//! `releases/VERSION/assemble/`, those before 1.40 send each file by itself to `releases/VERSION/files/`.)

use crate::lenient::{Instant, List, Text, Texts, read};
use crate::{Access, Answer, Head, Refusal, Released, Taken, Told, Upload, Wire, multipart};
use record::{Mark, Record, Time, Zone};
use serde::Deserialize;
use serde_json::{Value, json};
use std::io::Read;

/// Bytes of a piece. A power of two, as `sentry-cli` before 2.39.1 wants it.
const CHUNK_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Bytes of a request with pieces: below what the port takes of any body (20 MB).
const REQUEST_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Bytes of a whole file that is put together of pieces: the source maps of a large app, packed.
const FILE_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Pieces of one file.
const CHUNKS_MAX: usize = (FILE_BYTES_MAX / CHUNK_BYTES_MAX) as usize;
/// Commits of one release that are taken; Sentry takes as many.
const COMMITS_MAX: usize = 1_000;
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
    #[serde(borrow)]
    refs: List<Ref<'a>>,
    #[serde(borrow)]
    commits: List<RawCommit<'a>>,
}

/// The commit of a release in one repository.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Ref<'a> {
    #[serde(borrow)]
    commit: Text<'a>,
    #[serde(borrow)]
    previous_commit: Text<'a>,
}

/// One commit that went into a release.
#[derive(Default, Deserialize)]
#[serde(default)]
struct RawCommit<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow)]
    author_name: Text<'a>,
    #[serde(borrow)]
    message: Text<'a>,
    timestamp: Instant,
}

/// What is to be put together.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Assembled<'a> {
    #[serde(borrow)]
    checksum: Text<'a>,
    #[serde(borrow)]
    chunks: Texts<'a>,
    #[serde(borrow)]
    version: Text<'a>,
    #[serde(borrow)]
    dist: Text<'a>,
}

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
        // (What may hand in files shows an API token instead: whoever keeps them looks.)
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
        let form = below.contains(&"chunk-upload") || below.last() == Some(&"files");
        let reads = matches!(head.method.as_str(), "POST" | "PUT") && !form;
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
            ("GET", ["releases", _, "previous-with-commits"]) => {
                taken.uploads.push(Upload::Previous);
                ok(json!({}))
            }
            ("GET", ["chunk-upload"]) => ok(options(head)),
            ("POST", ["chunk-upload"]) => {
                let chunks = chunks(head, body).map_err(|why| refusal(400, &why))?;
                taken.uploads.push(Upload::Chunks(chunks));
                ok(json!([]))
            }
            ("POST", ["files", "difs", "assemble"]) => {
                taken.drop("debug files: not kept");
                ok(files_there(body))
            }
            ("POST", [before @ .., "assemble"]) if matches!(before, ["artifactbundle"] | ["releases", _]) => {
                taken.item("artifact bundle");
                let of_path = before.get(1).copied().unwrap_or("");
                taken.uploads.push(bundle(body, of_path).map_err(|why| refusal(400, &why))?);
                ok(json!({ "state": "ok", "missingChunks": [], "detail": null }))
            }
            ("POST", [.., "assemble"]) => {
                taken.drop("files that are no source maps: not kept");
                ok(json!({ "state": "ok", "missingChunks": [], "detail": null }))
            }
            ("POST", ["releases", version, "files"]) => {
                taken.item("release file");
                let (file, name) = file(head, body, clip(version)).map_err(|why| refusal(400, &why))?;
                taken.uploads.push(file);
                answer(
                    201,
                    json!({ "id": "0", "name": name, "headers": {}, "size": body.len(), "sha1": "", "dist": null }),
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
    let commits: Vec<Told> = sent.commits.0.iter().take(COMMITS_MAX).map(RawCommit::told).collect();
    let of_refs = sent.refs.0.first();
    let commit = of_refs.map(|r| &r.commit).or_else(|| sent.commits.0.first().map(|c| &c.id));
    if let Some(commit) = commit.filter(|c| !version.is_empty() && !c.is_empty()) {
        taken.uploads.push(Upload::Release(Released {
            release: version.to_owned(),
            commit: clip(commit).to_owned(),
            previous: of_refs.map_or("", |r| clip(&r.previous_commit)).to_owned(),
            commits,
        }));
    }
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
        "url": url, "chunkSize": CHUNK_BYTES_MAX, "chunksPerRequest": 64, "maxFileSize": FILE_BYTES_MAX,
        "maxRequestSize": REQUEST_BYTES_MAX, "concurrency": 1, "hashAlgorithm": "sha1", "compression": ["gzip"],
        "accept": ["debug_files", "release_files", "pdbs", "sources", "bcsymbolmaps", "il2cpp", "portablepdbs",
            "artifact_bundles", "artifact_bundles_v2", "proguard"],
    })
}

/// "All of it is here": debug files are asked for by checksum.
fn files_there(body: &[u8]) -> Value {
    let state = || json!({ "state": "ok", "missingChunks": [], "detail": null });
    let mut room = Vec::new();
    match read::<serde_json::Map<String, Value>>(body, &mut room) {
        Ok(asked) => asked.into_iter().map(|(checksum, _)| (checksum, state())).collect(),
        _ => state(),
    }
}

impl RawCommit<'_> {
    fn told(&self) -> Told {
        let line = |t: &str| super::frame::first_line(t).chars().take(200).collect::<String>();
        Told {
            commit: clip(&self.id).to_owned(),
            author: line(&self.author_name),
            at: self.timestamp.0,
            subject: line(&self.message),
        }
    }
}

/// Forty hex digits.
fn is_sha1(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// The pieces of a form.
fn chunks(head: &Head, body: &[u8]) -> Result<Vec<(String, Vec<u8>)>, String> {
    let mut out = Vec::new();
    for part in multipart::parts(head.header("content-type").unwrap_or(""), body)? {
        if !is_sha1(&part.file) {
            return Err("a chunk's file name is its SHA-1 in hex".to_owned());
        }
        let bytes = match part.name.as_str() {
            "file" => part.bytes.to_vec(),
            "file_gzip" => {
                let mut bytes = Vec::new();
                let unpacked = flate2::read::GzDecoder::new(part.bytes)
                    .take(CHUNK_BYTES_MAX + 1)
                    .read_to_end(&mut bytes);
                unpacked.map_err(|e| format!("chunk {}: {e}", part.file))?;
                bytes
            }
            other => return Err(format!("a form has fields file and file_gzip, not {}", clip(other))),
        };
        if bytes.len() as u64 > CHUNK_BYTES_MAX {
            return Err(format!("chunk {}: more than {CHUNK_BYTES_MAX} bytes", part.file));
        }
        out.push((part.file, bytes));
    }
    Ok(out)
}

/// The archive that pieces are to be put together to.
fn bundle(body: &[u8], release_of_path: &str) -> Result<Upload, String> {
    let mut room = Vec::new();
    let asked = read::<Assembled<'_>>(body, &mut room)?;
    let list = &asked.chunks.0;
    if !is_sha1(&asked.checksum) || !list.iter().all(|c| is_sha1(c)) {
        return Err("checksum and chunks are SHA-1s in hex".to_owned());
    }
    if list.len() > CHUNKS_MAX {
        return Err(format!("a file of more than {CHUNKS_MAX} chunks ({FILE_BYTES_MAX} bytes)"));
    }
    let release = asked.version.some().unwrap_or(release_of_path);
    Ok(Upload::Bundle {
        checksum: asked.checksum.0.to_string(),
        chunks: list.iter().map(|c| c.0.to_string()).collect(),
        release: clip(release).to_owned(),
        dist: clip(&asked.dist).to_owned(),
    })
}

/// A file that comes by itself, and its name.
fn file(head: &Head, body: &[u8], release: &str) -> Result<(Upload, String), String> {
    let parts = multipart::parts(head.header("content-type").unwrap_or(""), body)?;
    let field = |name: &str| {
        let part = parts.iter().find(|p| p.name == name);
        part.map(|p| String::from_utf8_lossy(p.bytes).into_owned()).unwrap_or_default()
    };
    let content = parts.iter().find(|p| p.name == "file").ok_or("the form has no field file")?;
    let url = match field("name") {
        name if name.is_empty() => content.file.clone(),
        name => name,
    };
    // `header`: `Sourcemap:app.min.js.map`, one field each.
    let headers = parts.iter().filter(|p| p.name == "header").map(|p| String::from_utf8_lossy(p.bytes));
    let mut map = headers.filter_map(|h| {
        let (name, value) = h.split_once(':')?;
        let named = ["sourcemap", "x-sourcemap"].iter().any(|n| name.trim().eq_ignore_ascii_case(n));
        named.then(|| value.trim().to_owned())
    });
    let map = map.next_back().unwrap_or_default();
    let (release, dist) = (release.to_owned(), clip(&field("dist")).to_owned());
    let shown = clip(&url).to_owned();
    Ok((Upload::File { release, dist, url, map, bytes: content.bytes.to_vec() }, shown))
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

    #[test]
    fn commits_and_bundles_are_handed_on() {
        let path = "/api/0/organizations/acme/releases/shop@4.9.0/";
        let taken = send("PUT", path, r#"{"commits":[{"id":"9f2c1ab","author_name":"Ada","author_email":"a@x","message":"Taxes\n\nby rate","timestamp":"2026-11-24T07:00:00Z","patch_set":[]},{"id":"77aa012"}]}"#).unwrap();
        let [Upload::Release(told)] = &taken.uploads[..] else { panic!("{:?}", taken.uploads) };
        assert_eq!(
            (told.commit.as_str(), told.commits.len(), told.commits[0].subject.as_str()),
            ("9f2c1ab", 2, "Taxes")
        );
        let taken =
            send("PUT", path, r#"{"refs":[{"repository":"acme/shop","commit":"b2","previousCommit":"a1"}]}"#)
                .unwrap();
        let [Upload::Release(told)] = &taken.uploads[..] else { panic!("{:?}", taken.uploads) };
        assert_eq!((told.commit.as_str(), told.previous.as_str()), ("b2", "a1"));

        let (sum, assemble) = ("aa".repeat(20), "/api/0/organizations/acme/artifactbundle/assemble/");
        let body = format!(r#"{{"checksum":"{sum}","chunks":["{sum}"],"projects":["shop"],"dist":"7"}}"#);
        let taken = send("POST", assemble, &body).unwrap();
        let bundle = |release: &str| Upload::Bundle {
            checksum: sum.clone(),
            chunks: vec![sum.clone()],
            release: release.into(),
            dist: "7".into(),
        };
        assert_eq!(taken.uploads, [bundle("")]);
        let old = send("POST", "/api/0/organizations/acme/releases/shop@4.9.0/assemble/", &body).unwrap();
        assert_eq!(old.uploads, [bundle("shop@4.9.0")]);
        for no in
            [r#"{"checksum":"../x","chunks":[]}"#, &body.replace(&format!("[\"{sum}\"]"), r#"["x"]"#), "{"]
        {
            assert_eq!(send("POST", assemble, no).unwrap_err().answer.status, 400, "{no}");
        }
    }
}
