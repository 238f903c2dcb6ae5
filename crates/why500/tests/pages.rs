//! The pages through their front door: what they show, that they work without script, that nothing from outside becomes markup.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod server;

use server::{Answer, Client, Server, now_s};

/// Bytes of a page with its style and script, all together.
const PAGE_BYTES_MAX: usize = 100_000;

/// What a browser gets.
struct Page {
    status: u16,
    head: String,
    text: String,
}

/// `headers`: further ones, each with its line end.
fn ask(server: &Server, method: &str, path: &str, headers: &str, body: &[u8]) -> Page {
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {}\r\nAccept: text/html\r\nContent-Length: {}\r\n{headers}\r\n",
        server.address,
        body.len()
    );
    let mut client = Client::connect(&server.address).unwrap();
    client.write(&[head.as_bytes(), body].concat()).unwrap();
    let Answer { status, head, body } = client.answer().unwrap();
    Page { status, head, text: String::from_utf8_lossy(&body).into_owned() }
}

fn get(server: &Server, path: &str) -> Page {
    ask(server, "GET", path, "", b"")
}

fn form(server: &Server, path: &str, said: &str) -> Page {
    let kind = "Content-Type: application/x-www-form-urlencoded\r\nSec-Fetch-Site: same-origin\r\n";
    ask(server, "POST", path, kind, said.as_bytes())
}

/// A failure of a Python app, as Sentry's SDK tells it.
fn fail(server: &Server, n: usize, kind: &str, said: &str, route: &str) {
    let event = serde_json::json!({
        "event_id": format!("{n:032x}"), "timestamp": now_s(), "platform": "python", "level": "error", "transaction": route,
        "release": "shop@3.8.0", "environment": "production",
        "request": { "url": format!("http://shop.example{route}?q=<script>boom()</script>"), "method": "GET" },
        "contexts": { "response": { "status_code": 500 } },
        "exception": { "values": [{ "type": kind, "value": said, "mechanism": { "handled": false },
            "stacktrace": { "frames": [{ "filename": "app/cart.py", "abs_path": "/srv/app/cart.py", "function": "total",
                "lineno": 88, "in_app": true }] } }] },
    });
    let envelope = format!("{{}}\n{{\"type\":\"event\"}}\n{event}\n");
    let (status, body) = server.post("/api/1/envelope/", "", envelope.as_bytes());
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
}

#[test]
fn a_failure_is_listed_opened_and_acted_on_without_script() {
    let server = Server::start("pages-list");
    assert!(get(&server, "/problems").text.contains("No open problem"));
    assert_eq!(get(&server, "/").status, 303);
    fail(&server, 1, "ZeroDivisionError", "division by zero", "/cart");
    server.wait("a problem", |p| p.len() == 1);
    let id = server.problems()[0]["id"].as_str().unwrap().to_owned();
    let at = format!("/problems/1/{id}");

    let list = get(&server, "/problems").text;
    for said in [
        &format!("data-problem=\"{id}\""),
        &format!("href=\"{at}\""),
        "app/cart.py:88",
        "GET /cart",
        "state new",
    ] {
        assert!(list.contains(said), "{said}: {list}");
    }
    for (query, there) in [
        ("class=code", true),
        ("class=database", false),
        ("release=shop%403.8.0", true),
        ("release=none", false),
        ("environment=production&q=cart", true),
        ("route=/cart", true),
        ("q=nothing-like-it", false),
        ("state=resolved", false),
        ("range=1h&sort=harm", true),
    ] {
        let page = get(&server, &format!("/problems?{query}"));
        assert_eq!(page.status, 200, "{query}");
        assert_eq!(page.text.contains(&at), there, "{query}");
    }

    let page = get(&server, &at).text;
    for said in [
        "ZeroDivisionError",
        "division by zero",
        "What proves it",
        "The way of the request",
        "broke here",
        "<figure class=\"timeline\"><p",
        "What to do next",
        "<pre class=\"curl\"",
        "Stack trace",
        "shop@3.8.0",
        "all its records",
        "Postman collection",
    ] {
        assert!(page.contains(said), "{said}: {page}");
    }
    let failure = page.split("/failures/1/").nth(1).unwrap().split('"').next().unwrap().to_owned();
    assert!(get(&server, &format!("/failures/1/{failure}")).text.contains("ZeroDivisionError"));
    let markdown = get(&server, &format!("{at}/markdown"));
    assert!(markdown.text.starts_with("## ") && markdown.text.contains("/cart.py:88`"), "{}", markdown.text);
    let postman: serde_json::Value =
        serde_json::from_str(&get(&server, &format!("{at}/postman")).text).unwrap();
    assert_eq!(postman["item"][0]["request"]["method"], "GET");

    let state = || server.problems().first().map(|p| p["state"].as_str().unwrap().to_owned());
    assert_eq!(form(&server, &format!("{at}/resolve"), "").status, 303);
    assert_eq!(state().unwrap(), "resolved");
    fail(&server, 2, "ZeroDivisionError", "division by zero", "/cart");
    server.wait("back", |p| p[0]["state"] == "regressed");
    assert!(get(&server, "/problems").text.contains("state regressed"));
    form(&server, &format!("{at}/mute"), "for=24h");
    assert_eq!(state().unwrap(), "muted");
    let led = form(&server, "/problems/1/several", &format!("do=reopen&id={id}&id=zz&back=//evil.example"));
    assert!(led.head.contains("location: /problems\r\n"), "{}", led.head);
    assert_ne!(state().unwrap(), "muted");
    form(&server, &format!("{at}/assign"), "to=ada");
    form(&server, &format!("{at}/notes"), "text=It+is+the+%3Cb%3Ecart%3C%2Fb%3E");
    let page = get(&server, &at).text;
    assert!(page.contains("for ada") && page.contains("It is the &lt;b&gt;cart"), "{page}");
}

#[test]
fn nothing_from_outside_becomes_markup() {
    let server = Server::start("pages-hostile");
    let bad = "\"><img src=x onerror=boom()><script>boom()</script>' onmouseover='boom() \u{202e}";
    fail(&server, 1, bad, bad, "/cart/<script>boom()</script>");
    form(&server, "/setup/projects", "name=%3Cscript%3Eboom()%3C%2Fscript%3E");
    let project = server.get("/api/v1/projects")["projects"].as_array().unwrap().len();
    assert_eq!(project, 2);
    server.wait("a problem", |p| p.len() == 1);
    let id = server.problems()[0]["id"].as_str().unwrap().to_owned();
    let failures = server.get(&format!("/api/v1/problems/{id}/failures"));
    let failure = failures["failures"][0]["id"].as_str().unwrap().to_owned();
    for path in [
        "/problems".into(),
        format!("/problems?q={}", "%22%3E%3Cscript%3Eboom()%3C/script%3E"),
        format!("/problems/1/{id}"),
        format!("/problems/1/{id}/failures"),
        format!("/failures/1/{failure}"),
        "/service".into(),
        "/setup".into(),
        "/learn?q=%3Cscript%3Eboom()".into(),
        "/problems?state=%3Cscript%3Eboom()".into(),
        "/problems/1/%3Cscript%3E".into(),
    ] {
        let page = get(&server, &path);
        assert!(page.head.contains("content-security-policy: default-src 'none'"), "{path}: {}", page.head);
        for markup in ["<script>boom", "<img", "onerror=boom()>", "\u{202e}", " style=", " onclick="] {
            // Escaped quotes keep it within its attribute.
            assert!(!page.text.contains(markup), "{path}: {markup}: {}", page.text);
        }
    }
}

#[test]
fn whoever_is_on_call_sees_the_own_code_and_whether_it_is_over() {
    let server = Server::start("pages-call");
    let ago = |s: f64| now_s() - s;
    // What a driver threw, and what the app's call made of it.
    let frame = |file: &str, line: u32, own: bool| serde_json::json!({ "filename": file, "abs_path": file, "function": "call", "lineno": line, "in_app": own });
    for n in 0..12 {
        let event = serde_json::json!({
            "event_id": format!("{n:032x}"), "timestamp": ago(180.0), "platform": "python", "level": "error",
            "transaction": "/cart", "release": "shop@3.8.0", "environment": "production",
            "request": { "url": "http://shop.example/cart", "method": "GET" }, "contexts": { "response": { "status_code": 500 } },
            "exception": { "values": [
                { "type": "ConnectionRefusedError", "value": "[Errno 111] Connection refused",
                    "mechanism": { "handled": false, "exception_id": 1, "parent_id": 0 },
                    "stacktrace": { "frames": [frame("/usr/lib/python3/dist-packages/pymysql/connections.py", 691, false), frame("/usr/lib/python3.11/socket.py", 836, false)] } },
                { "type": "OperationalError", "module": "pymysql.err",
                    "value": "(2003, \"Can't connect to MySQL server on '10.0.0.3' ([Errno 111] Connection refused)\")",
                    "mechanism": { "handled": false, "exception_id": 0 },
                    "stacktrace": { "frames": [frame("/usr/lib/python3/dist-packages/flask/app.py", 920, false), frame("/srv/shop/cart.py", 17, true), frame("/usr/lib/python3/dist-packages/pymysql/connections.py", 703, false)] } },
            ] },
        });
        let envelope = format!("{{}}\n{{\"type\":\"event\"}}\n{event}\n");
        assert_eq!(server.post("/api/1/envelope/", "", envelope.as_bytes()).0, 200);
    }
    server.wait("the problem", |p| p.len() == 1 && p[0]["count"] == 12);
    let at = format!("/problems/1/{}", server.problems()[0]["id"].as_str().unwrap());
    let page = get(&server, &at).text;
    assert!(page.contains("/srv/shop/cart.py:17"), "{page}");
    assert!(!page.contains("Quiet for"), "nobody knows whether requests come");
    let deploy = serde_json::json!({ "release": "shop@3.8.1", "at": record::Time::from_secs(ago(175.0) as i64).to_string() });
    let (status, body) =
        server.post("/api/v1/deploys", "Content-Type: application/json\r\n", deploy.to_string().as_bytes());
    assert!((200..300).contains(&status), "{}", String::from_utf8_lossy(&body));
    for n in 0..25 {
        let transaction = serde_json::json!({
            "event_id": format!("{n:032x}"), "transaction": "/cart", "start_timestamp": ago(61.0), "timestamp": ago(60.0),
            "contexts": {
                "trace": { "trace_id": format!("{n:032x}"), "span_id": format!("{n:016x}"), "op": "http.server", "status": "ok" },
                "response": { "status_code": 200 },
            },
            "request": { "method": "GET", "url": "http://shop.example/cart" },
        });
        let envelope = format!("{{}}\n{{\"type\":\"transaction\"}}\n{transaction}\n");
        assert_eq!(server.post("/api/1/envelope/", "", envelope.as_bytes()).0, 200);
    }
    let mut page = String::new();
    for _ in 0..200 {
        page = get(&server, &at).text;
        if page.contains("25 requests") {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert!(page.contains("Quiet for 3 min"), "{page}");
    assert!(page.contains("25 requests on its routes went well since."), "{page}");
    assert!(page.contains("deployed: <code>shop@3.8.1</code>"), "{page}");
    assert!(!page.contains("release=shop@"), "{page}");
    // What it was thought to be is told where that was something else.
    assert!(!page.contains("Until 2"), "{page}");
    let told = server.get(&format!("/api/v1{}", at.replace("/problems/1/", "/problems/")));
    assert_eq!(told["quiet"]["went_well"], 25, "{told}");
}

#[test]
fn routes_that_are_about_to_fail_are_shown_before_they_do() {
    let server = Server::start("pages-slow");
    assert!(!get(&server, "/service").text.contains("Routes about to fail"), "nothing counts requests");
    let mut n = 0;
    let mut take = |route: &str, begin: f64, seconds: f64| {
        n += 1;
        let transaction = serde_json::json!({
            "event_id": format!("{n:032x}"), "transaction": route, "start_timestamp": begin, "timestamp": begin + seconds,
            "contexts": {
                "trace": { "trace_id": format!("{n:032x}"), "span_id": format!("{n:016x}"), "op": "http.server", "status": "ok" },
                "response": { "status_code": 200 },
            },
            "request": { "method": "GET", "url": format!("http://shop.example{route}") },
        });
        let envelope = format!("{{}}\n{{\"type\":\"transaction\"}}\n{transaction}\n");
        assert_eq!(server.post("/api/1/envelope/", "", envelope.as_bytes()).0, 200);
    };
    let before = now_s() - 3.0 * 86_400.0;
    for i in 0..120 {
        take("/report", before + f64::from(i), 0.8);
        take("/cart", before + f64::from(i), 0.2);
        take("/poll", before + f64::from(i), 25.0);
    }
    for _ in 0..25 {
        take("/report", now_s() - 20.0, 19.0);
        take("/cart", now_s() - 20.0, 0.25);
        take("/poll", now_s() - 26.0, 25.5);
    }
    let routes = || server.get("/api/v1/durations")["routes"].as_array().unwrap().clone();
    let counted = |name: &str| routes().iter().filter_map(|r| r[name]["requests"].as_u64()).sum::<u64>();
    for _ in 0..200 {
        if (counted("now"), counted("before")) == (75, 360) {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let first = &routes()[0];
    assert_eq!(first["route"], "/report", "{first}");
    assert_eq!(first["limit_s"], 30, "{first}");
    assert!(first["times"].as_f64().unwrap() > 15.0, "{first}");
    assert_eq!(first["before"]["requests"], 120, "{first}");
    let spoken = |r: &&serde_json::Value| !r["about_to_fail"].is_null();
    assert_eq!(routes().iter().filter(spoken).count(), 1, "a poll takes what it takes");
    for hours in ["1", "168"] {
        let page = get(&server, &format!("/service?hours={hours}")).text;
        let (_, section) = page.split_once("Routes about to fail").unwrap();
        let section = section.split_once("</section>").unwrap().0;
        assert!(section.contains("GET /report") && !section.contains("/cart"), "{section}");
        assert!(section.contains("The limit is 30 s, after which gunicorn ends its worker"), "{section}");
    }
}

#[test]
fn every_page_is_small_and_loads_nothing_from_elsewhere() {
    let server = Server::start("pages-small");
    for n in 0..60 {
        let route = format!("/route/{}", ["a", "b", "c", "d", "e", "f"][n % 6]);
        fail(&server, n + 1, &format!("Error{}", (b'A' + (n / 6) as u8) as char), "it broke", &route);
    }
    server.wait("problems", |p| p.len() >= 10);
    let assets: usize =
        ["/assets/why500.css", "/assets/why500.js"].map(|a| get(&server, a).text.len()).iter().sum();
    let id = server.problems()[0]["id"].as_str().unwrap().to_owned();
    let one = format!("/problems/1/{id}");
    for path in [
        "/problems",
        &one,
        "/service?hours=168",
        "/setup",
        "/explain",
        "/learn",
        "/learn/status/500",
        "/learn/database/connection-refused",
        "/login",
    ] {
        let page = get(&server, path);
        assert_eq!(page.status, 200, "{path}");
        assert!(page.text.len() + assets < PAGE_BYTES_MAX, "{path}: {} and {assets} bytes", page.text.len());
        for elsewhere in ["src=\"http", "rel=\"stylesheet\" href=\"http", "@import", "url(http"] {
            assert!(!page.text.contains(elsewhere), "{path}: {elsewhere}");
        }
        assert_eq!(page.text.matches("<h1").count(), 1, "{path}");
    }
    let again = ask(&server, "GET", "/assets/why500.css", "", b"");
    let tag = again.head.lines().find_map(|l| l.strip_prefix("etag: ")).unwrap().to_owned();
    assert_eq!(
        ask(&server, "GET", "/assets/why500.css", &format!("If-None-Match: {tag}\r\n"), b"").status,
        304
    );
}

#[test]
fn dropped_logs_are_explained_and_kept_nowhere() {
    let server = Server::start("pages-explain");
    let log =
        std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/checkout-502/logs/gateway.log"));
    let log = log.unwrap();
    let mut body =
        b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"../x/access.log\"\r\n\r\n"
            .to_vec();
    body.extend_from_slice(&log);
    body.extend_from_slice(b"\r\n--b\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\n\r\n--b--\r\n");
    let kind = "Content-Type: multipart/form-data; boundary=b\r\nSec-Fetch-Site: same-origin\r\n";
    let page = ask(&server, "POST", "/explain", kind, &body);
    assert_eq!(page.status, 200, "{}", page.text);
    assert!(
        page.text.contains("of-report") && page.text.contains("<code>access.log</code>"),
        "{}",
        page.text
    );
    assert!(!page.text.contains(&*server.data.display().to_string()), "its folder is nobody's matter");
    assert!(server.problems().is_empty(), "nothing of it is kept");
    let left = std::fs::read_dir(server.data.join("explain")).map_or(0, Iterator::count);
    assert_eq!(left, 0, "the folder is empty again");
    // Asked for, it goes the way of a file that is followed.
    let mut keep = body.strip_suffix(b"--b--\r\n").unwrap().to_vec();
    keep.extend_from_slice(b"--b\r\nContent-Disposition: form-data; name=\"keep\"\r\n\r\nyes\r\n--b--\r\n");
    let page = ask(&server, "POST", "/explain", kind, &keep);
    let lines = log.split(|b| *b == b'\n').filter(|l| !l.is_empty()).count();
    assert!(page.text.contains(&format!("{lines} lines went into the project")), "{}", page.text);
    server.wait("what it tells", |p| !p.is_empty());
    // Not by whoever may only look.
    let made = std::process::Command::new(env!("CARGO_BIN_EXE_why500"))
        .args(["token", "--name", "look", "--scopes", "read", "--data"])
        .arg(&server.data)
        .output()
        .unwrap();
    let token = String::from_utf8(made.stdout).unwrap();
    let reads = format!("{kind}Authorization: Bearer {}\r\n", token.trim());
    assert_eq!(ask(&server, "POST", "/explain", &reads, &body).status, 200);
    let page = ask(&server, "POST", "/explain", &reads, &keep);
    assert_eq!(page.status, 403, "{}", page.text);
    let left = std::fs::read_dir(server.data.join("explain")).map_or(0, Iterator::count);
    assert_eq!(left, 0, "the folder is empty again");
    let none = ask(&server, "POST", "/explain", kind, b"--b--\r\n");
    assert!(none.text.contains("No file was dropped"), "{}", none.text);
}

#[test]
fn who_is_not_signed_in_is_led_to_where_one_does() {
    let server = Server::start("pages-door");
    let link = server.printed("/sign-in?token=").unwrap();
    let token = link.split_once("token=").unwrap().1.to_owned();
    let said = format!("token={token}&name=ada&password=correct+horse+battery");
    let entered = form(&server, "/sign-in", &said);
    assert!(entered.head.contains("location: /problems\r\n"), "{}", entered.head);
    let cookie = entered.head.lines().find_map(|l| l.strip_prefix("set-cookie: ")).unwrap();
    let session = format!("Cookie: {}\r\n", cookie.split(';').next().unwrap());
    let mine = ask(&server, "GET", "/problems", &session, b"");
    assert!(mine.status == 200 && mine.text.contains("Sign out"), "{}", mine.text);
    let page = get(&server, "/problems?class=code");
    assert_eq!(page.status, 303);
    assert!(page.head.contains("location: /login?next=%2Fproblems%3Fclass%3Dcode"), "{}", page.head);
    let login = get(&server, "/login?next=%2Fproblems%3Fclass%3Dcode");
    assert!(login.text.contains("value=\"/problems?class=code\""), "{}", login.text);
    assert!(!get(&server, "/login?next=https%3A%2F%2Fevil.example").text.contains("evil"));
    for path in ["/problems/1/0000000000000000/resolve", "/problems/1/several", "/setup/projects", "/explain"]
    {
        let refused = form(&server, path, "name=x");
        assert!(matches!(refused.status, 303 | 401 | 415), "{path}: {}", refused.status);
        assert!(!refused.head.contains("location: /problems"), "{path}: {}", refused.head);
    }
}
