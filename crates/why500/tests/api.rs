//! The API through its front door: the description holds, nobody reads what is not theirs, the terminal commands ask it.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod server;

use serde_json::{Value, json};
use server::Answer;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// A running server, asked as a browser or a program would ask it.
struct Server {
    server: server::Server,
    /// The secret of the link that it printed.
    link: Option<String>,
}

impl std::ops::Deref for Server {
    type Target = server::Server;

    fn deref(&self) -> &server::Server {
        &self.server
    }
}

impl Server {
    fn start(name: &str) -> Server {
        Server::from(server::Server::start(&format!("api-{name}")))
    }

    fn from(server: server::Server) -> Server {
        let link = server.printed("/sign-in?token=");
        let link = link.and_then(|line| Some(line.split_once("token=")?.1.to_owned()));
        Server { server, link }
    }

    fn ask(&self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        let host =
            if headers.contains("Host:") { String::new() } else { format!("Host: {}\r\n", self.address) };
        let request = format!(
            "{method} {path} HTTP/1.1\r\n{host}Connection: close\r\nContent-Length: {}\r\n{headers}\r\n{body}",
            body.len()
        );
        self.send(request.as_bytes())
    }

    /// Sends a request. Of a stream only the head is read.
    fn send(&self, request: &[u8]) -> Answer {
        let mut s = TcpStream::connect(&self.address).unwrap();
        s.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        s.write_all(request).unwrap();
        let mut answer = Vec::new();
        let mut part = [0; 16_384];
        loop {
            let n = s.read(&mut part).unwrap();
            answer.extend_from_slice(&part[..n]);
            let end = answer.windows(4).position(|w| w == b"\r\n\r\n");
            let head = String::from_utf8_lossy(&answer[..end.unwrap_or(0)]).into_owned();
            if n == 0 || head.contains("text/event-stream") {
                let end = end.expect("an answer");
                let status = head.split(' ').nth(1).unwrap().parse().unwrap();
                return Answer { status, head, body: answer[end + 4..].to_vec() };
            }
        }
    }

    fn get(&self, path: &str, headers: &str) -> Answer {
        self.ask("GET", path, headers, "")
    }

    /// Sends what a Python app with Sentry's SDK sent as it failed, and waits until it is explained.
    fn fail(&self) {
        self.replay("sentry-python-2.75.0-flask-errors");
    }

    /// What was sent before and comes again is nothing new: other failures.
    fn fail_otherwise(&self) {
        self.replay("sentry-python-2.75.0-django");
    }

    fn replay(&self, capture: &str) {
        let capture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/wire").join(capture);
        let mut files: Vec<_> = std::fs::read_dir(capture).unwrap().map(|e| e.unwrap().path()).collect();
        files.sort();
        for file in files.iter().filter(|f| f.extension().is_some_and(|e| e == "http")) {
            let bytes = std::fs::read(file).unwrap();
            let end = bytes.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
            let head = std::str::from_utf8(&bytes[..end]).unwrap();
            let whole = [head.as_bytes(), b"\r\nConnection: close", &bytes[end..]].concat();
            assert_eq!(self.send(&whole).status, 200, "{file:?}");
        }
    }

    /// The first problem with an example, and that example's id.
    fn problem(&self, headers: &str) -> (String, String) {
        let began = Instant::now();
        loop {
            let list = self.get("/api/v1/problems", headers).json();
            for p in list["problems"].as_array().unwrap() {
                let id = p["id"].as_str().unwrap();
                let full = self.get(&format!("/api/v1/problems/{id}"), headers).json();
                if let Some(failure) = full["examples"][0]["failure"].as_str() {
                    return (id.to_owned(), failure.to_owned());
                }
            }
            assert!(began.elapsed() < Duration::from_secs(10), "{list:#}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Makes the admin by the link; gives the session's cookie as a header.
    fn claim(&self) -> String {
        let form = format!("token={}&name=ada&password=correct+horse+battery", self.link.as_ref().unwrap());
        let answer = self.form("/sign-in", &form);
        assert_eq!(answer.status, 303, "{}", answer.text());
        cookie(&answer)
    }

    fn form(&self, path: &str, form: &str) -> Answer {
        self.ask("POST", path, "Content-Type: application/x-www-form-urlencoded\r\n", form)
    }

    fn run(&self, args: &[&str], token: &str) -> Output {
        Command::new(env!("CARGO_BIN_EXE_why500"))
            .args(args)
            .env("WHY500_SERVER", format!("http://{}", self.address))
            .env("WHY500_TOKEN", token)
            .env("COLUMNS", "100")
            .output()
            .unwrap()
    }

    /// A new token, as a header.
    fn token(&self, scopes: &str, project: Option<&str>) -> String {
        let data = self.data.to_str().unwrap();
        let mut args = vec!["token", "--data", data, "--name", "test", "--scopes", scopes];
        args.extend(project.iter().flat_map(|p| ["--project", p]));
        let out = self.run(&args, "");
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        format!("Authorization: Bearer {}\r\n", String::from_utf8(out.stdout).unwrap().trim())
    }
}

fn cookie(answer: &Answer) -> String {
    let set = answer.header("set-cookie").unwrap();
    assert!(set.contains("; HttpOnly; SameSite=Lax"), "{set}");
    format!("Cookie: {}\r\n", set.split(';').next().unwrap())
}

/// One operation of the description.
struct Operation {
    method: String,
    path: String,
    said: Value,
}

impl Operation {
    /// The scope that is asked for; `None` where all may.
    fn scope(&self) -> Option<&str> {
        self.said["security"][0]["token"][0].as_str()
    }

    /// The path with the ids of these.
    fn filled(&self, problem: &str, failure: &str, project: &str) -> String {
        let id = match self.path.split('/').nth(3) {
            Some("problems") => problem,
            Some("failures") => failure,
            _ => project,
        };
        self.path.replace("{id}", id)
    }

    fn ask(&self, server: &Server, path: &str, headers: &str) -> Answer {
        let body = match &self.said["requestBody"]["content"]["application/json"]["example"] {
            Value::Null => String::new(),
            example => example.to_string(),
        };
        let headers = format!("Content-Type: application/json\r\n{headers}");
        server.ask(&self.method.to_uppercase(), path, &headers, &body)
    }

    /// Has it a parameter that names the project?
    fn has_project(&self) -> bool {
        self.said["parameters"].to_string().contains("#/components/parameters/project")
    }
}

fn operations(doc: &Value) -> Vec<Operation> {
    let mut list = Vec::new();
    for (path, methods) in doc["paths"].as_object().unwrap() {
        for (method, said) in methods.as_object().unwrap().iter().filter(|(m, _)| *m != "parameters") {
            list.push(Operation { method: method.clone(), path: path.clone(), said: said.clone() });
        }
    }
    // What is resolved can be reopened.
    list.sort_by_key(|o| (!o.path.ends_with("/resolve"), !o.path.ends_with("/reopen")));
    list
}

/// What of a value is not as the schema has it: types, required properties, choices (JSON Schema 2020-12, as far as the
/// description uses it).
fn lacks(doc: &Value, schema: &Value, value: &Value, at: &str) -> Vec<String> {
    if let Some(name) = schema["$ref"].as_str() {
        let target = doc.pointer(name.trim_start_matches('#')).unwrap_or_else(|| panic!("{name}"));
        return lacks(doc, target, value, at);
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let tries: Vec<_> = choices.iter().map(|c| lacks(doc, c, value, at)).collect();
        return if tries.iter().any(Vec::is_empty) { Vec::new() } else { tries.concat() };
    }
    let mut out = Vec::new();
    let is = |t: &str| match t {
        "null" => value.is_null(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => panic!("type {t}"),
    };
    let fits = match &schema["type"] {
        Value::String(t) => is(t),
        Value::Array(list) => list.iter().any(|t| is(t.as_str().unwrap())),
        _ => true,
    };
    if !fits {
        out.push(format!("{at}: {value} is not {}", schema["type"]));
    }
    if let Some(choices) = schema["enum"].as_array().filter(|c| !c.contains(value)) {
        out.push(format!("{at}: {value} is none of {choices:?}"));
    }
    if let Some(all) = value.as_object() {
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !all.contains_key(name) {
                out.push(format!("{at}: no {name}"));
            }
        }
        let known = schema["properties"].as_object();
        for (name, v) in all {
            match known.and_then(|k| k.get(name)).or(schema.get("additionalProperties")) {
                Some(schema) => out.extend(lacks(doc, schema, v, &format!("{at}.{name}"))),
                None if known.is_some() => out.push(format!("{at}.{name}: it is not described")),
                None => {}
            }
        }
    }
    for (i, v) in value.as_array().into_iter().flatten().enumerate() {
        out.extend(lacks(doc, &schema["items"], v, &format!("{at}[{i}]")));
    }
    out
}

/// What is wrong with an answer by the description of its operation.
fn against(doc: &Value, o: &Operation, answer: &Answer) -> Vec<String> {
    let at = format!("{} {}: {}", o.method, o.path, answer.status);
    let Some(mut said) = o.said["responses"].get(answer.status.to_string()) else {
        return vec![format!("{at} is not described: {}", answer.text())];
    };
    if let Some(name) = said["$ref"].as_str() {
        said = doc.pointer(name.trim_start_matches('#')).unwrap();
    }
    let kind = answer.header("content-type").unwrap_or("").split(';').next().unwrap_or("");
    match said["content"].get(kind) {
        Some(content) if kind.contains("json") => lacks(doc, &content["schema"], &answer.json(), &at),
        None if said["content"].is_object() => vec![format!("{at}: {kind} is not described")],
        _ => Vec::new(),
    }
}

#[test]
fn the_api_is_as_it_is_described() {
    let server = Server::start("described");
    server.fail();
    let (problem, failure) = server.problem("");
    let doc = server.get("/api/v1/openapi.json", "").json();
    let mut bad = Vec::new();
    for o in operations(&doc) {
        let path = o.filled(&problem, &failure, "1");
        let answer = o.ask(&server, &path, "");
        bad.extend(against(&doc, &o, &answer));
        if answer.status == 404 || answer.status == 405 {
            bad.push(format!("{} {path}: {}", o.method, answer.status));
        }
        if o.scope().is_some() && answer.status >= 300 {
            bad.push(format!("{} {path}: {} {}", o.method, answer.status, answer.text()));
        }
        // Nothing of that id: the words are as they are described too.
        let missing = o.filled("0123456789abcdef", "1", "77");
        if missing != o.path {
            bad.extend(against(&doc, &o, &o.ask(&server, &missing, "")));
        }
    }
    assert!(bad.is_empty(), "\n{}", bad.join("\n"));
    for (path, status) in
        [("/api/v1/problems?state=odd", 400), ("/api/v1/projects/x/keys", 400), ("/api/v1/problems/a/b", 404)]
    {
        let answer = server.get(path, "");
        assert_eq!(answer.status, status, "{path}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{path}");
        assert_eq!(answer.json()["status"], status, "{path}");
    }
}

#[test]
fn one_project_never_reads_another() {
    let server = Server::start("tenants");
    server.fail();
    let (problem, failure) = server.problem("");
    let session = server.claim();
    let same = format!("{session}Sec-Fetch-Site: same-origin\r\nContent-Type: application/json\r\n");
    let made = server.ask("POST", "/api/v1/projects", &same, "{\"name\":\"other\"}");
    assert_eq!((made.status, made.json()["id"].clone()), (201, json!(2)), "{}", made.text());

    let scopes = ["read", "write", "deploy", "admin"];
    let other = server.token("read,write,deploy,admin", Some("2"));
    let lacking: Vec<(&str, String)> = scopes
        .iter()
        .map(|s| {
            let rest: Vec<&str> = scopes.into_iter().filter(|o| o != s).collect();
            (*s, server.token(&rest.join(","), None))
        })
        .collect();
    let everything = server.get(&format!("/api/v1/problems/{problem}"), &session).json();
    let key = server.get("/api/v1/projects/1/keys", &session).json()["keys"][0]["key"].clone();
    let title = everything["title"].as_str().unwrap();
    let secrets = [problem.as_str(), title, key.as_str().unwrap(), "\"default\""];
    let doc = server.get("/api/v1/openapi.json", "").json();
    let (mut bad, mut told) = (Vec::new(), Vec::new());
    for o in operations(&doc) {
        let Some(scope) = o.scope() else { continue };
        let mut expect = |status: &[u16], path: &str, headers: &str, who: &str| {
            let answer = o.ask(&server, path, headers);
            if !status.contains(&answer.status) {
                bad.push(format!("{} {path}, {who}: {} {}", o.method, answer.status, answer.text()));
            }
            answer
        };
        let path = o.filled(&problem, &failure, "1");
        expect(&[401], &path, "", "no token");
        expect(&[401], &path, "Authorization: Bearer why500_none\r\n", "unknown token");
        let (_, without) = lacking.iter().find(|(s, _)| *s == scope).unwrap();
        expect(&[403], &path, without, "another scope");
        if o.path.contains("{id}")
            || o.path == "/metrics"
            || (o.method == "post" && o.path == "/api/v1/projects")
        {
            expect(&[403, 404], &path, &other, "another project");
        } else {
            let answer = expect(&[200, 201], &path, &other, "its own project");
            if let Some(s) = secrets.iter().find(|s| answer.text().contains(**s)) {
                told.push(format!("{} {path}: it tells {s}", o.method));
            }
        }
        if o.has_project() {
            expect(&[403], &format!("{path}?project=1"), &other, "another project by name");
        }
    }
    bad.append(&mut told);
    assert!(bad.is_empty(), "\n{}", bad.join("\n"));
    pages_are_apart(&server, &other, &[&problem, &failure], &secrets);
    let reads = server.get("/setup", &server.token("read", Some("1")));
    assert!(reads.status == 200 && !reads.text().contains(secrets[2]), "whoever may only read sees no key");
    assert!(server.get("/setup", &session).text().contains(secrets[2]));
    assert_eq!(server.get(&format!("/api/v1/problems/{problem}"), &session).json(), everything);
    streams_are_apart(&server, &other, &session);
}

/// Pages show, and forms act on, only what is of one's own project.
fn pages_are_apart(server: &Server, other: &str, [problem, failure]: &[&str; 2], secrets: &[&str]) {
    let of = format!("/problems/1/{problem}");
    let theirs = ["", "/markdown", "/postman", "/failures"].map(|part| format!("{of}{part}"));
    let theirs = theirs.into_iter().chain([format!("/failures/1/{failure}")]);
    let named = ["/problems", "/service", "/alerts", "/setup", "/explain", "/learn"];
    for path in theirs.chain(named.iter().map(|p| format!("{p}?project=1"))) {
        let answer = server.get(&path, other);
        assert_eq!(answer.status, 403, "{path}: {}", answer.text());
    }
    for path in named {
        let answer = server.get(path, other);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        let told = secrets.iter().find(|s| answer.text().contains(**s));
        assert_eq!(told, None, "{path}");
    }
    let form = format!("{other}Content-Type: application/x-www-form-urlencoded\r\n");
    let acts = ["resolve", "reopen", "mute", "assign", "notes"].map(|act| format!("{of}/{act}"));
    for path in acts.iter().map(String::as_str).chain(["/problems/1/several"]) {
        let answer = server.ask("POST", path, &form, &format!("do=resolve&id={problem}&text=x&to=x"));
        assert_eq!(answer.status, 403, "{path}: {}", answer.text());
    }
    let retried = server.ask("POST", "/alerts/retry", &form, "project=1");
    assert_eq!(retried.status, 404, "{}", retried.text());
}

/// A stream tells only of its own project.
fn streams_are_apart(server: &Server, other: &str, own: &str) {
    let open = |headers: &str| {
        let mut s = TcpStream::connect(&server.address).unwrap();
        s.set_read_timeout(Some(Duration::from_secs(3))).unwrap();
        write!(s, "GET /api/v1/stream HTTP/1.1\r\nHost: {}\r\n{headers}\r\n", server.address).unwrap();
        let mut head = [0; 16];
        s.read_exact(&mut head).unwrap();
        assert!(head.starts_with(b"HTTP/1.1 200"));
        s
    };
    let (own, other) = (open(own), open(other));
    server.fail_otherwise();
    let heard = |mut s: TcpStream| {
        let (mut text, mut part) = (String::new(), [0; 4_096]);
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(5) && !text.contains("event: problem") {
            match s.read(&mut part) {
                Ok(n) if n > 0 => text.push_str(&String::from_utf8_lossy(&part[..n])),
                _ => break,
            }
        }
        text.contains("event: problem")
    };
    assert!(heard(own));
    assert!(!heard(other));
}

#[test]
fn the_first_start_lets_an_admin_in() {
    let server = Server::start("admin");
    let link = server.link.clone().unwrap();
    // Until then this machine may, by an address of this machine, and no page from elsewhere.
    assert_eq!(server.get("/api/v1/problems", "").status, 200);
    assert_eq!(server.get("/api/v1/problems", "Host: evil.example:8500\r\n").status, 403);
    let act = |headers: &str| {
        let headers = format!("Content-Type: application/json\r\n{headers}");
        server.ask("POST", "/api/v1/projects", &headers, "{\"name\":\"shop\"}").status
    };
    assert_eq!(act("Origin: https://evil.example\r\n"), 403);
    assert_eq!(act("Sec-Fetch-Site: cross-site\r\n"), 403);

    let page = server.get(&format!("/sign-in?token={link}"), "");
    assert_eq!(page.status, 200);
    assert!(page.header("content-security-policy").unwrap().starts_with("default-src 'none'"));
    let weak = server.form("/sign-in", &format!("token={link}&name=ada&password=short"));
    assert_eq!(weak.status, 400);
    assert!(weak.text().contains("12 characters"));
    assert_eq!(server.form("/sign-in", "token=none&name=ada&password=correct+horse+battery").status, 410);
    let session = server.claim();
    let again = server.form("/sign-in", &format!("token={link}&name=eve&password=correct+horse+battery"));
    assert_eq!(again.status, 410);
    assert_eq!(server.get(&format!("/sign-in?token={link}"), "").status, 410);

    // From then on all have to show who they are.
    let refused = server.get("/api/v1/problems", "");
    assert_eq!((refused.status, refused.header("www-authenticate")), (401, Some("Bearer")));
    assert_eq!(server.get("/api/v1/problems", &session).status, 200);
    assert_eq!(act(&session), 403, "a cookie alone is no intent");
    assert_eq!(act(&format!("{session}Origin: https://evil.example\r\n")), 403);
    assert_eq!(act(&format!("{session}Origin: http://{}\r\n", server.address)), 201);
    let same = format!("{session}Sec-Fetch-Site: same-origin\r\n");
    assert_eq!(server.ask("POST", "/logout", &same, "").status, 303);
    assert_eq!(server.get("/api/v1/problems", &session).status, 401, "the session has ended");

    let login = |password: &str| server.form("/login", &format!("name=ada&password={password}"));
    let session = cookie(&login("correct+horse+battery"));
    assert!(server.get("/login", &session).text().contains("signed in as ada"));
    for _ in 0..4 {
        assert_eq!(login("wrong").status, 401);
    }
    let slow = login("correct+horse+battery");
    assert_eq!((slow.status, slow.header("retry-after")), (429, Some("60")));
    let tls = "X-Forwarded-Proto: https\r\nContent-Type: application/x-www-form-urlencoded\r\n";
    let over_tls =
        server.ask("POST", "/logout", &format!("{session}{tls}Sec-Fetch-Site: same-origin\r\n"), "");
    assert!(over_tls.header("set-cookie").unwrap().ends_with("; Secure"));

    // A second start knows the admin and prints no link.
    let data = server.data.with_extension("again");
    let _ = std::fs::remove_dir_all(&data);
    std::fs::create_dir_all(&data).unwrap();
    let file = data.join("why500.db");
    let (from, to) = (server.data.to_str().unwrap(), file.to_str().unwrap());
    assert!(server.run(&["backup", "--data", from, to], "").status.success());
    let again = Server::from(server::Server::on(&data, &[]));
    assert_eq!(again.link, None);
    assert_eq!(again.get("/api/v1/problems", "").status, 401);
}

#[test]
fn a_terminal_asks_the_server() {
    let server = Server::start("terminal");
    server.fail();
    let (problem, _) = server.problem("");
    let text = |out: &Output| String::from_utf8(out.stdout.clone()).unwrap();
    let list = server.run(&["problems", "--since", "1h"], "");
    assert!(list.status.success() && text(&list).contains(&problem), "{list:?}");
    let none = server.run(&["problems", "--state", "resolved"], "");
    assert!(text(&none).starts_with("why500  0 problems at http://127.0.0.1:"), "{none:?}");
    let doc: Value = serde_json::from_str(&text(&server.run(&["problems", "--json"], ""))).unwrap();
    assert!(doc["problems"].as_array().unwrap().iter().any(|p| p["id"] == problem.as_str()));
    let shown = text(&server.run(&["show", &problem], ""));
    for label in [&problem, "  WHY  ", "  PROOF  ", "  STATE  ", "new since "] {
        assert!(shown.contains(label), "{label}\n{shown}");
    }
    // What came over a wire has no line in a file.
    let proof = shown.lines().find(|l| l.contains("● cause")).unwrap();
    assert!(proof.split(|c: char| !c.is_ascii_digit()).all(|n| n.len() < 10), "{proof}");
    let missing = server.run(&["show", "0123456789abcdef"], "");
    assert_eq!(missing.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&missing.stderr).contains("there is no such problem"));

    let mut tail = Command::new(env!("CARGO_BIN_EXE_why500"))
        .args(["tail", "--server", &server.address])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(tail.stdout.take().unwrap()).lines();
    std::thread::sleep(Duration::from_millis(500));
    server.fail_otherwise();
    let line = lines.next().unwrap().unwrap();
    assert!(line.contains("  +") && line.contains('/'), "{line}");
    tail.kill().unwrap();
    tail.wait().unwrap();

    server.claim();
    let refused = server.run(&["problems"], "");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("`why500 token"), "{refused:?}");
    let token = server.token("read", None);
    let token = token.trim().strip_prefix("Authorization: Bearer ").unwrap();
    // What came meanwhile may have shown the first problem to be another.
    assert!(text(&server.run(&["problems", "--json"], token)).contains("\"id\""));

    let busy = server.run(&["check", "--data", server.data.to_str().unwrap()], "");
    assert!(String::from_utf8_lossy(&busy.stderr).contains("is in use by process"), "{busy:?}");
    let gone = server.run(&["problems", "--server", "http://127.0.0.1:9"], "");
    assert!(String::from_utf8_lossy(&gone.stderr).contains("start it with `why500 serve`"), "{gone:?}");
}

#[test]
fn a_copy_is_whole() {
    let server = Server::start("copy");
    server.fail();
    let (problem, _) = server.problem("");
    let data = server.data.with_extension("copied");
    let _ = std::fs::remove_dir_all(&data);
    std::fs::create_dir_all(&data).unwrap();
    let file = data.join("why500.db");
    let (from, to) = (server.data.to_str().unwrap(), file.to_str().unwrap());
    let (map, piece) = (server.data.join("maps/5f/5fe0"), server.data.join("maps/chunks/5fe0"));
    for at in [&map, &piece] {
        std::fs::create_dir_all(at.parent().unwrap()).unwrap();
        std::fs::write(at, "{}").unwrap();
    }
    let made = server.run(&["backup", "--data", from, to], "");
    assert!(made.status.success(), "{made:?}");
    assert!(data.join("why500.db.maps/5f/5fe0").exists() && !data.join("why500.db.maps/chunks").exists());
    assert!(!server.run(&["backup", "--data", from, to], "").status.success(), "a file is not overwritten");
    let checked = server.run(&["check", "--data", data.to_str().unwrap()], "");
    assert!(checked.status.success(), "{checked:?}");
    assert!(String::from_utf8_lossy(&checked.stdout).ends_with("all is well\n"));
    let again = Server::from(server::Server::on(&data, &[]));
    assert_eq!(again.problem("").0, problem);
    let nowhere = server.run(&["check", "--data", "/nowhere/why500"], "");
    assert_eq!(nowhere.status.code(), Some(2));
}
