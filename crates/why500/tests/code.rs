//! Code behind problems, through the front door: source maps by both ways they come, and a repository made by git.

#![allow(clippy::unwrap_used)]

#[path = "../../code/tests/made/mod.rs"]
mod made;
mod server;

use made::Made;
use serde_json::{Value, json};
use server::{Client, Server, now_s};
use std::io::Write;
use std::path::Path;
use std::process::Command;

const SOURCE: &str = "export function total(order) {\n  return order.items.length * order.price;\n}\n";
/// Of a script in whose first line, column 22, line 2 of the source stands.
const MAPPINGS: &str = "AAAO,SAASA,EAAMC,GACpB,OAAOA,EAAM";
const DEBUG_ID: &str = "395835f4-03e0-4436-80d3-136f0749a893";

fn map(mappings: &str) -> Value {
    json!({
        "version": 3, "sources": ["webpack://shop/./src/cart.ts"], "sourcesContent": [SOURCE], "names": ["total", "order"],
        "mappings": mappings,
    })
}

/// What Sentry's SDK for Node sends of an error that nobody caught in a bundled app.
fn event(id: &str, release: &str, debug_id: &str, (line, column): (u32, u32)) -> Vec<u8> {
    let file = "/srv/app/dist/server.js";
    let event = json!({
        "event_id": id, "timestamp": now_s(), "platform": "node", "level": "error", "release": release,
        "contexts": {"trace": {"trace_id": id, "span_id": &id[..16], "op": "http.server"}},
        "request": {"method": "GET", "url": "http://shop.example/cart/7"},
        "debug_meta": {"images": [{"type": "sourcemap", "code_file": file, "debug_id": debug_id}]},
        "exception": {"values": [{
            "type": "TypeError", "value": "Cannot read properties of undefined (reading 'length')",
            "mechanism": {"type": "http", "handled": false},
            "stacktrace": {"frames": [
                {"filename": "node:internal/main", "function": "main", "lineno": 7, "colno": 1, "in_app": false},
                {"filename": file, "abs_path": file, "function": "n", "lineno": line, "colno": column, "in_app": true,
                 "context_line": "export function n(e){return e.items.length*e.price}"},
            ]},
        }]},
    });
    format!("{{\"event_id\":\"{id}\"}}\n{{\"type\":\"event\"}}\n{event}\n").into_bytes()
}

fn id(n: u32) -> String {
    format!("{n:032x}")
}

fn fail(server: &Server, event: &[u8]) {
    assert_eq!(server.post("/api/1/envelope/", "", event).0, 200);
}

fn counts(problems: &[Value]) -> Vec<(String, u64)> {
    let mut list: Vec<_> = problems
        .iter()
        .map(|p| (p["verdict"]["culprit"].as_str().unwrap_or("").to_owned(), p["count"].as_u64().unwrap()))
        .collect();
    list.sort();
    list
}

#[test]
fn scripts_are_told_by_what_people_wrote_and_stay_one_problem_over_builds() {
    let server = Server::start("maps");
    // Before there is a map, the place is the script's; what comes later keeps its own.
    fail(&server, &event(&id(1), "shop@0", "", (1, 22)));
    server.wait("unmapped", |p| counts(p) == [("/srv/app/dist/server.js:1".into(), 1)]);

    let send = |body: Value| {
        let (status, said) = server.post(
            "/api/v1/sourcemaps",
            "Content-Type: application/json\r\n",
            body.to_string().as_bytes(),
        );
        (status, String::from_utf8(said).unwrap())
    };
    assert_eq!(send(json!({"debug_id": DEBUG_ID, "map": map(MAPPINGS)})).0, 201);
    assert_eq!(
        send(json!({"release": "shop@2", "url": "~/dist/server.js", "map": map(&format!(";;{MAPPINGS}"))})).0,
        201
    );
    fail(&server, &event(&id(2), "shop@1", DEBUG_ID, (1, 22)));
    fail(&server, &event(&id(3), "shop@2", "", (3, 22)));
    // Another release has no map.
    let mapped = [("/srv/app/dist/server.js:1".to_owned(), 1), ("src/cart.ts:2".to_owned(), 2)];
    server.wait("mapped", |p| counts(p) == mapped);
    let list = server.problems();
    let p = list.iter().find(|p| p["verdict"]["culprit"] == "src/cart.ts:2").unwrap();
    let whole = server.get(&format!("/api/v1/problems/{}", p["id"].as_str().unwrap()));
    let frame = &whole["exception"]["frames"][0];
    assert_eq!((frame["function"].as_str(), frame["in_app"].as_bool()), (Some("total"), Some(true)));
    assert_eq!(frame["code"]["line"], "  return order.items.length * order.price;");
    assert_eq!(frame["code"]["before"][0], "export function total(order) {");
    // Without a repository the code is what the map says.
    let code = server.get(&format!("/api/v1/problems/{}/code", p["id"].as_str().unwrap()));
    assert_eq!(code["frames"][0]["line_text"], frame["code"]["line"]);
    assert_eq!((code["suspect"].clone(), code["frames"][0]["path"].clone()), (Value::Null, Value::Null));

    // What is broken says so, and is not kept.
    for (body, why) in [
        (json!({"debug_id": "x", "map": {"version": 3}}), "no source map"),
        (json!({"debug_id": "x", "map": {"version": 3, "mappings": "!"}}), "broken"),
        (json!({"map": map(MAPPINGS)}), "nothing could ask for it"),
        (json!({"debug_id": "x"}), "the body"),
    ] {
        let (status, said) = send(body);
        assert!(status == 400 && said.contains(why), "{why}: {status} {said}");
    }
    let kept = server.get("/api/v1/sourcemaps");
    assert_eq!(kept["sourcemaps"].as_array().unwrap().len(), 2, "{kept}");
}

#[test]
fn the_command_sends_what_a_build_made() {
    let server = Server::start("maps-command");
    let build = server.data.with_extension("build");
    std::fs::create_dir_all(build.join("js")).unwrap();
    std::fs::write(build.join("js/app.js"), "x\n//# sourceMappingURL=maps/app.map\n").unwrap();
    std::fs::create_dir_all(build.join("js/maps")).unwrap();
    std::fs::write(build.join("js/maps/app.map"), map(MAPPINGS).to_string()).unwrap();
    std::fs::write(build.join("b.js"), "x\n").unwrap();
    std::fs::write(build.join("b.js.map"), "{}").unwrap();
    let run = |more: &[&str]| {
        let done = Command::new(env!("CARGO_BIN_EXE_why500"))
            .args(["sourcemaps", "upload", "--server", &format!("http://{}", server.address)])
            .args(more)
            .arg(&build)
            .output()
            .unwrap();
        (
            done.status.code(),
            String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr),
        )
    };
    let (status, said) = run(&["--release", "shop@3", "--url-prefix", "~/static"]);
    assert!(
        status == Some(1)
            && said.contains("1 source map sent, of 2 scripts")
            && said.contains("b.js.map: no source map"),
        "{said}"
    );
    let kept = server.get("/api/v1/sourcemaps");
    assert_eq!(kept["sourcemaps"][0]["url"], "~/static/js/app.js", "{kept}");
    let (status, said) = run(&[]);
    assert!(status == Some(1) && said.contains("give --release"), "{said}");
    std::fs::remove_dir_all(&build).unwrap();
}

fn sha1(bytes: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, bytes);
    digest.as_ref().iter().map(|b| format!("{b:02x}")).collect()
}

/// A bundle as `sentry-cli` makes it: 8 bytes of its own before the archive.
fn bundle(map_text: &str) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    let manifest = json!({"files": {
        "_/_/dist/server.js": {"url": "~/dist/server.js", "type": "minified_source", "headers": {"debug-id": DEBUG_ID, "Sourcemap": "server.js.map"}},
        "_/_/dist/server.js.map": {"url": "~/dist/server.js.map", "type": "source_map", "headers": {"debug-id": DEBUG_ID}},
    }});
    for (name, text) in [
        ("manifest.json", manifest.to_string().as_str()),
        ("_/_/dist/server.js", "x"),
        ("_/_/dist/server.js.map", map_text),
    ] {
        archive.start_file(name, options).unwrap();
        archive.write_all(text.as_bytes()).unwrap();
    }
    [b"SYSB\x02\0\0\0".to_vec(), archive.finish().unwrap().into_inner()].concat()
}

/// Makes a token by the command, beside the server.
fn token(data: &Path, scopes: &str) -> String {
    let done = Command::new(env!("CARGO_BIN_EXE_why500"))
        .args(["token", "--name", "ci", "--scopes", scopes, "--data"])
        .arg(data)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    let token =
        said.split_whitespace().find(|w| w.starts_with("why500_")).unwrap_or_else(|| panic!("{said}"));
    format!("Authorization: Bearer {token}\r\n")
}

#[test]
fn bundles_come_in_pieces_and_only_with_a_token() {
    let server = Server::start("bundles");
    let data = server.data.clone();
    let key = server.printed("Sentry SDKs").unwrap();
    let key = key.split("//").nth(1).unwrap().split('@').next().unwrap().to_owned();
    // From when somebody can sign in, all have to show who they are.
    let link = server.printed("to sign in as admin").unwrap();
    let link = link.rsplit("token=").next().unwrap().to_owned();
    let form = format!("token={link}&name=ada&password=correct+horse+battery");
    let signed =
        server.post("/sign-in", "Content-Type: application/x-www-form-urlencoded\r\n", form.as_bytes());
    assert!(signed.0 < 400, "{}", String::from_utf8_lossy(&signed.1));
    let (may, reads) = (token(&data, "deploy"), token(&data, "read"));
    let ask = |auth: &str, path: &str, kind: &str, body: &[u8]| {
        let mut client = Client::connect(&server.address).unwrap();
        client
            .post(
                &format!("/api/0/organizations/acme/{path}"),
                &format!("{auth}Content-Type: {kind}\r\n"),
                body,
            )
            .unwrap()
    };
    let send = |auth: &str, bytes: &[u8]| {
        let sum = sha1(bytes);
        let wanted = json!({"checksum": sum, "chunks": [sum], "projects": ["default"], "version": "shop@9"})
            .to_string();
        let assemble = || ask(auth, "artifactbundle/assemble/", "application/json", wanted.as_bytes());
        let first = assemble();
        if first.status != 200 {
            return first;
        }
        assert_eq!(
            (first.json()["state"].as_str(), &first.json()["missingChunks"]),
            (Some("not_found"), &json!([sum]))
        );
        let mut z = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        z.write_all(bytes).unwrap();
        let head =
            format!("--b0\r\nContent-Disposition: form-data; name=\"file_gzip\"; filename=\"{sum}\"\r\n\r\n");
        let form = [head.as_bytes(), &z.finish().unwrap(), b"\r\n--b0--\r\n"].concat();
        assert_eq!(ask(auth, "chunk-upload/", "multipart/form-data; boundary=b0", &form).status, 200);
        let wrong =
            String::from_utf8_lossy(head.as_bytes()).replace(&sum, &"0".repeat(40)) + "x\r\n--b0--\r\n";
        let wrong = wrong.replace("file_gzip", "file");
        assert_eq!(
            ask(auth, "chunk-upload/", "multipart/form-data; boundary=b0", wrong.as_bytes()).status,
            400
        );
        assemble()
    };
    // A key that stands in every browser's page may send errors, not names for them.
    let refused = send(&format!("Authorization: Bearer {key}\r\n"), &bundle("{}"));
    assert!(refused.status == 403 && refused.text().contains("scope deploy"), "{}", refused.text());
    assert_eq!(send(&reads, &bundle("{}")).status, 403);
    assert_eq!(send("", &bundle("{}")).status, 403);

    let broken = send(&may, &bundle("{}")).json();
    assert!(
        broken["state"] == "error"
            && broken["detail"].as_str().unwrap().contains("server.js.map: no source map"),
        "{broken}"
    );
    let no_zip = send(&may, b"SYSB no archive").json();
    assert_eq!(no_zip["state"], "error");
    let good = send(&may, &bundle(&map(MAPPINGS).to_string()));
    assert_eq!(good.json()["state"], "ok", "{}", good.text());
    // By its debug id, and by release and script.
    let envelope = |event: Vec<u8>| {
        assert_eq!(server.post(&format!("/api/1/envelope/?sentry_key={key}"), "", &event).0, 200);
    };
    envelope(event(&id(1), "other@1", DEBUG_ID, (1, 22)));
    envelope(event(&id(2), "shop@9", "", (1, 22)));
    let mut client = Client::connect(&server.address).unwrap();
    let began = std::time::Instant::now();
    loop {
        client.write(format!("GET /api/v1/problems HTTP/1.1\r\nHost: x\r\n{reads}\r\n").as_bytes()).unwrap();
        let list = client.answer().unwrap().json();
        let got = counts(list["problems"].as_array().unwrap());
        if got == [("src/cart.ts:2".to_owned(), 2)] {
            break;
        }
        assert!(began.elapsed().as_secs() < 10, "{list}");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    // Nothing waits any more.
    assert_eq!(std::fs::read_dir(data.join("maps/chunks")).unwrap().count(), 0);
}

/// Two releases, of which the second breaks line 4 of `shop/cart.py`; gives the commit that did.
fn shop(name: &str) -> (Made, String) {
    let made = Made::new(&format!("repo-{name}"));
    let good = "def total(order):\n    # password=hunter2hunter2\n    items = order['items']\n    return len(items) * order['price']\n";
    made.commit(1_700_000_100, "shop/cart.py", good, "Totals");
    made.git(1_700_000_100, &["tag", "1.0"]);
    let broke = made.commit(
        1_700_000_200,
        "shop/cart.py",
        &good.replace("order['price']", "order['tax']['rate']"),
        "Taxes by rate",
    );
    made.commit(1_700_000_300, "README", "shop\n", "Says what it is");
    made.git(1_700_000_300, &["tag", "2.0"]);
    (made, broke)
}

fn python(id: &str, release: &str) -> Vec<u8> {
    let event = json!({
        "event_id": id, "timestamp": now_s(), "platform": "python", "level": "error", "release": release,
        "contexts": {"trace": {"trace_id": id, "span_id": &id[..16], "op": "http.server"}},
        "request": {"method": "GET", "url": "http://shop.example/cart/7"},
        "exception": {"values": [{
            "type": "KeyError", "value": "'tax'", "mechanism": {"type": "flask", "handled": false},
            "stacktrace": {"frames": [{
                "filename": "shop/cart.py", "abs_path": "/srv/releases/42/shop/cart.py", "function": "total", "lineno": 4, "in_app": true,
                "pre_context": ["    items = order['items']"], "context_line": "    return len(items) * order['tax']['rate']", "post_context": [],
            }]},
        }]},
    });
    format!("{{\"event_id\":\"{id}\"}}\n{{\"type\":\"event\"}}\n{event}\n").into_bytes()
}

#[test]
fn the_suspect_of_a_problem_and_what_its_release_brought() {
    let (made, broke) = shop("serve");
    let data = std::env::temp_dir().join(format!("why500-serve-repo-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&data);
    let server = Server::on(&data, &["--repo", made.0.to_str().unwrap()]);
    fail(&server, &python(&id(1), "shop@2.0"));
    server.wait("one", |p| p.len() == 1);
    let p = server.problems()[0]["id"].as_str().unwrap().to_owned();
    let code = server.get(&format!("/api/v1/problems/{p}/code"));
    assert_eq!(code["unmapped"], json!([]), "{code:#}");
    assert_eq!(
        (code["suspect"]["commit"].as_str(), code["suspect"]["author"].as_str()),
        (Some(broke.as_str()), Some("Ada"))
    );
    assert_eq!(
        (code["suspect"]["subject"].as_str(), code["suspect"]["line"].as_u64()),
        (Some("Taxes by rate"), Some(4))
    );
    assert_eq!(code["release"], "shop@2.0");
    // The release before is the tag before: nobody told of it.
    let brought: Vec<_> =
        code["brought"].as_array().unwrap().iter().map(|c| c["subject"].as_str().unwrap()).collect();
    assert_eq!(brought, ["Says what it is", "Taxes by rate"]);
    let frame = &code["frames"][0];
    assert_eq!(
        (frame["path"].as_str(), frame["line_text"].as_str()),
        (Some("shop/cart.py"), Some("    return len(items) * order['tax']['rate']"))
    );
    assert!(!code.to_string().contains("hunter2"), "{code}");
    // What the client sent of its source is in the problem itself.
    let whole = server.get(&format!("/api/v1/problems/{p}"));
    assert_eq!(whole["exception"]["frames"][0]["code"]["before"][0], "    items = order['items']");
    let shown = Command::new(env!("CARGO_BIN_EXE_why500"))
        .args(["show", &p, "--server", &format!("http://{}", server.address)])
        .output()
        .unwrap();
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(
        shown.contains("Taxes by rate (Ada, 2023-11-14)") && shown.contains("order['tax']['rate']"),
        "{shown}"
    );

    // Told by `sentry-cli releases set-commits`, where the repository has no such tag.
    let told = json!({"commits": [{"id": broke, "author_name": "Eve", "message": "Told", "timestamp": "2026-11-24T07:00:00Z"}]});
    let head = format!(
        "PUT /api/0/organizations/acme/releases/shop@told/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        told.to_string().len()
    );
    assert_eq!(server.send(&[head.as_bytes(), told.to_string().as_bytes()].concat()).0, 200);
    let last = server.get("/api/0/organizations/acme/releases/next/previous-with-commits/");
    assert_eq!(last["lastCommit"]["id"], broke.as_str());
    // No other project sees it, and there is no code of a problem that is not there.
    assert_eq!(server.ask("/api/v1/problems/0000000000000001/code").0, 404);
}

#[test]
fn explain_shows_the_code_behind_a_log() {
    let (made, broke) = shop("explain");
    let log = made.0.join("app.log");
    let text = "2026-11-24 07:00:00,123 ERROR in app: Exception on /cart/7 [GET]\nTraceback (most recent call last):\n  File \"/srv/releases/42/shop/cart.py\", line 4, in total\n    return len(items) * order['tax']['rate']\nKeyError: 'tax'\n";
    std::fs::write(&log, text).unwrap();
    let run = |format: &str, repo: &str| {
        let done = Command::new(env!("CARGO_BIN_EXE_why500"))
            .args(["explain", "--tz", "UTC", "--format", format, "--repo", repo])
            .arg(&log)
            .env("COLUMNS", "120")
            .output()
            .unwrap();
        (
            done.status.code(),
            String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr),
        )
    };
    let repo = made.0.to_str().unwrap();
    let report: Value = serde_json::from_str(&run("json", repo).1).unwrap();
    let code = &report["problems"][0]["code"];
    assert_eq!(code["suspect"]["commit"], broke.as_str(), "{report:#}");
    assert_eq!(code["frames"][0]["path"], "shop/cart.py");
    for format in ["terminal", "markdown", "html"] {
        let (_, said) = run(format, repo);
        assert!(said.contains("Taxes by rate (Ada, 2023-11-14)"), "{format}: {said}");
        assert!(said.contains("shop/cart.py:4") && !said.contains("hunter2"), "{format}: {said}");
    }
    // The root by name; a folder that is none.
    let named: Value = serde_json::from_str(&run("json", &format!("{repo}=/srv/releases/42")).1).unwrap();
    assert_eq!(named["problems"][0]["code"]["frames"][0]["path"], "shop/cart.py");
    let (status, said) = run("json", "/nonexistent");
    assert!(status == Some(2) && said.contains("no git repository"), "{said}");
}
