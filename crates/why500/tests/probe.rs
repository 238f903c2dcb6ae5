//! `why500 probe` through the front door: real sockets, a small faulty shop, servers that mean harm.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A request as the server read it.
#[derive(Clone, Debug)]
struct Asked {
    method: String,
    target: String,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
    at: Instant,
}

type Handler = dyn Fn(&Asked, &mut TcpStream) + Send + Sync;

/// A server on loopback, and all that it was asked.
struct Served {
    base: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Served {
    fn by(handler: impl Fn(&Asked, &mut TcpStream) + Send + Sync + 'static) -> Served {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let (log, handler): (_, Arc<Handler>) = (Arc::clone(&asked), Arc::new(handler));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (log, handler) = (Arc::clone(&log), Arc::clone(&handler));
                std::thread::spawn(move || {
                    let mut out = stream.try_clone().unwrap();
                    let mut reader = BufReader::new(stream);
                    while let Some(asked) = read(&mut reader) {
                        log.lock().unwrap().push(asked.clone());
                        handler(&asked, &mut out);
                    }
                });
            }
        });
        Served { base, asked }
    }

    fn targets(&self) -> Vec<String> {
        self.asked.lock().unwrap().iter().map(|a| a.target.clone()).collect()
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Asked> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|n| *n > 0)?;
    let mut words = line.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|n| *n > 2)?;
        if line.trim().is_empty() {
            break;
        }
        let (n, v) = line.split_once(':').unwrap_or((&line, ""));
        headers.insert(n.trim().to_ascii_lowercase(), v.trim().to_owned());
        // The blank line may be next.
        if reader.buffer().starts_with(b"\r\n") {
            reader.consume(2);
            break;
        }
    }
    let length = headers.get("content-length").and_then(|l| l.parse().ok()).unwrap_or(0usize);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Asked { method, target, headers, body, at: Instant::now() })
}

/// In one write, else the kernel waits for an acknowledgement between two parts of it.
fn answer(out: &mut TcpStream, status: u16, media: &str, body: &str) {
    let head =
        format!("HTTP/1.1 {status} X\r\nContent-Type: {media}\r\nContent-Length: {}\r\n\r\n", body.len());
    let _ = out.write_all(format!("{head}{body}").as_bytes());
}

const SHOP: &str = r#"{"openapi":"3.0.3","paths":{
  "/price":{"get":{"parameters":[{"name":"n","in":"query","schema":{"type":"integer"}}],
    "responses":{"200":{"description":"ok","content":{"application/json":{}}},"400":{"description":"no"}}}},
  "/orders":{"post":{"requestBody":{"content":{"application/json":{"schema":{"type":"object","required":["sku"],
    "properties":{"sku":{"type":"string"},"gift":{"type":"object","properties":{"note":{"type":"string"}}}}}}}},
    "responses":{"201":{"description":"ok"}}}}}}"#;

/// A shop with two faults: no price for nothing, no order without a gift; each error is in its log.
fn shop(name: &str) -> (Served, PathBuf) {
    let log = std::env::temp_dir().join(format!("why500-probe-{name}-{}.log", std::process::id()));
    std::fs::write(&log, "2026-11-24T07:00:00Z INFO started\n").unwrap();
    let path = log.clone();
    let write = Mutex::new(());
    let fail = move |asked: &Asked, out: &mut TcpStream, line: u32, error: &str| {
        let _one = write.lock().unwrap();
        let now = jiff::Timestamp::now();
        let mut log = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
        let trace = format!(
            "{now} ERROR {} {}\nTraceback (most recent call last):\n  File \"/srv/shop/app.py\", line {line}, in serve\n    x\n{error}\n",
            asked.method, asked.target
        );
        log.write_all(trace.as_bytes()).unwrap();
        answer(out, 500, "text/plain", "Internal Server Error");
    };
    let served = Served::by(move |asked, out| {
        match (asked.method.as_str(), asked.target.split('?').next().unwrap()) {
            ("GET", "/openapi.json") => answer(out, 200, "application/json", SHOP),
            ("GET", "/price") => match asked.target.split("n=").nth(1).unwrap_or("1").parse::<i64>() {
                Ok(0) => fail(asked, out, 12, "ZeroDivisionError: division by zero"),
                Ok(n) => answer(out, 200, "application/json", &(100 / n).to_string()),
                Err(_) => answer(out, 400, "application/json", "{}"),
            },
            ("POST", "/orders") => match serde_json::from_slice::<Value>(&asked.body) {
                Ok(b) if b["sku"].is_string() && b["gift"].is_null() => {
                    fail(asked, out, 31, "KeyError: 'gift'")
                }
                Ok(b) if b["sku"].is_string() => answer(out, 201, "application/json", "{\"id\":1}"),
                _ => answer(out, 400, "application/json", "{}"),
            },
            _ => answer(out, 404, "application/json", "{}"),
        }
    });
    (served, log)
}

fn why500(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_why500")).arg("probe").args(args).output().unwrap()
}

fn report(args: &[&str]) -> Value {
    let out = why500(&[args, &["--json"]].concat());
    serde_json::from_slice(&out.stdout)
        .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&out.stderr)))
}

fn titles(r: &Value) -> Vec<String> {
    r["problems"].as_array().unwrap().iter().map(|p| p["title"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn each_fault_is_one_problem_with_its_cause_from_the_log() {
    let (shop, log) = shop("cause");
    let description = format!("{}/openapi.json", shop.base);
    let log_path = log.display().to_string();
    let r = report(&[&description, "--unsafe-methods", "--logs", &log_path]);
    assert_eq!(r["problems"].as_array().unwrap().len(), 2, "{:#?}", titles(&r));
    let of = |what: &str| {
        let all = r["problems"].as_array().unwrap();
        all.iter()
            .find(|p| p["title"].as_str().unwrap().starts_with(what))
            .unwrap_or_else(|| panic!("{what} of {:?}", titles(&r)))
    };
    let (price, order) = (
        of("GET /price answers 500 when query parameter n is 0"),
        of("POST /orders answers 500 when gift in the body is"),
    );
    assert_eq!(price["verdict"]["cause"], "division-by-zero");
    assert_eq!(price["verdict"]["culprit"], "/srv/shop/app.py:12");
    assert_eq!(order["verdict"]["culprit"], "/srv/shop/app.py:31");
    assert_eq!(price["verdict"]["trigger"]["kind"], "data");
    // The line of evidence stands where it says.
    let e = price["evidence"]
        .as_array()
        .unwrap()
        .iter()
        .find(|e| e["text"].as_str().unwrap().starts_with("ZeroDiv"))
        .unwrap();
    let lines = std::fs::read_to_string(&log).unwrap();
    let n = usize::try_from(e["line"].as_u64().unwrap()).unwrap();
    assert_eq!(lines.lines().nth(n - 1).unwrap(), "ZeroDivisionError: division by zero");
    // The command fails by itself.
    for p in [price, order] {
        let curl = p["reproduce"]["curl"].as_str().unwrap();
        let out = Command::new("sh").args(["-c", curl]).output().unwrap();
        assert!(String::from_utf8_lossy(&out.stdout).starts_with("HTTP/1.1 500"), "{curl}");
    }
    let _ = std::fs::remove_file(log);
}

#[test]
fn known_problems_do_not_fail_the_build_and_every_form_can_be_read() {
    let (shop, log) = shop("forms");
    let description = format!("{}/openapi.json", shop.base);
    let known = std::env::temp_dir().join(format!("why500-probe-known-{}.json", std::process::id()));
    let known_path = known.display().to_string();
    let out = why500(&[&description, "--json", "-o", &known_path]);
    assert_eq!(out.status.code(), Some(1), "{}", String::from_utf8_lossy(&out.stderr));
    assert_eq!(why500(&[&description, "--baseline", &known_path]).status.code(), Some(0));
    assert!(
        shop.asked.lock().unwrap().iter().all(|a| ["GET", "HEAD", "OPTIONS"].contains(&a.method.as_str()))
    );
    let told: Value = serde_json::from_slice(&why500(&[&description, "--format", "har"]).stdout).unwrap();
    assert!(told["log"]["entries"].as_array().unwrap().len() > 20);
    for (form, begins) in [
        ("sarif", "{"),
        ("junit", "<?xml"),
        ("html", "<!doctype html"),
        ("curl", "# GET /price"),
        ("markdown", "# "),
    ] {
        let text = String::from_utf8(why500(&[&description, "--format", form]).stdout).unwrap();
        assert!(text.trim_start().to_lowercase().starts_with(&begins.to_lowercase()), "{form}: {text:.200}");
        assert!(text.contains("/price"), "{form}");
    }
    for f in [log, known] {
        let _ = std::fs::remove_file(f);
    }
}

#[test]
fn a_dry_run_shows_what_would_be_sent_and_sends_nothing_but_the_question_what_there_is() {
    let (shop, log) = shop("dry");
    let out = why500(&[&format!("{}/openapi.json", shop.base), "--dry-run", "--unsafe-methods"]);
    let text = String::from_utf8(out.stdout).unwrap();
    assert!(
        text.lines().count() > 50 && text.lines().any(|l| l.starts_with("curl") && l.contains("/orders")),
        "{text:.300}"
    );
    assert_eq!(shop.targets(), ["/openapi.json"]);
    let _ = std::fs::remove_file(log);
}

#[test]
fn only_the_named_host_is_asked() {
    let other = Served::by(|_, out| answer(out, 200, "text/html", "nobody asked me"));
    let elsewhere = other.base.clone();
    let site = Served::by(move |asked, out| match asked.target.as_str() {
        "/" => answer(
            out,
            200,
            "text/html",
            &format!(
                "<a href='{elsewhere}/a'>a</a><img src='{elsewhere}/i.png'><a href=/away>b</a><form action='{elsewhere}/f'><input name=q></form>"
            ),
        ),
        "/away" => {
            let to = format!("HTTP/1.1 302 Found\r\nLocation: {elsewhere}/x\r\nContent-Length: 0\r\n\r\n");
            let _ = out.write_all(to.as_bytes());
        }
        "/robots.txt" => answer(out, 200, "text/plain", &format!("Sitemap: {elsewhere}/sitemap.xml")),
        _ => answer(out, 404, "text/html", ""),
    });
    let r = report(&[&format!("{}/", site.base), "--unsafe-methods"]);
    assert!(site.targets().contains(&"/away".to_owned()));
    assert_eq!(other.targets(), Vec::<String>::new());
    assert!(r["notes"].to_string().contains("other hosts"), "{}", r["notes"]);
    // A description that names a private address which nobody named is refused.
    let file = std::env::temp_dir().join(format!("why500-probe-private-{}.json", std::process::id()));
    std::fs::write(
        &file,
        SHOP.replacen("\"paths\"", &format!("\"servers\":[{{\"url\":\"{}\"}}],\"paths\"", other.base), 1),
    )
    .unwrap();
    let out = why500(&[&file.display().to_string()]);
    assert_eq!(out.status.code(), Some(2));
    assert!(
        String::from_utf8_lossy(&out.stderr).contains("--base-url"),
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
    assert_eq!(other.targets(), Vec::<String>::new());
    let _ = std::fs::remove_file(file);
}

#[test]
fn a_crawl_names_broken_pages_with_who_links_to_them_and_tries_forms() {
    let site = Served::by(|asked, out| match (asked.method.as_str(), asked.target.as_str()) {
        ("GET", "/") => answer(
            out,
            200,
            "text/html",
            "<title>Shop</title><a href=/a>a</a><a href=/gone>old</a><a href=/leak>l</a><a href=/contact>c</a>",
        ),
        ("GET", "/a") => answer(out, 500, "text/html", "<h1>Oops</h1>"),
        ("GET", "/leak") => answer(
            out,
            500,
            "text/html",
            "<pre>Traceback (most recent call last):\n  File &quot;/srv/shop/page.py&quot;, line 7, in show\n    x\nKeyError: &#x27;price&#x27;\n</pre>",
        ),
        ("GET", "/contact") => answer(
            out,
            200,
            "text/html",
            "<form method=post action=/contact><input name=topic><textarea name=text></textarea></form>",
        ),
        ("POST", "/contact") if String::from_utf8_lossy(&asked.body).contains("topic=") => {
            answer(out, 200, "text/html", "thanks")
        }
        ("POST", "/contact") => answer(out, 500, "text/html", "no topic"),
        _ => answer(out, 404, "text/html", "none"),
    });
    let start = format!("{}/", site.base);
    let r = report(&[&start, "--unsafe-methods"]);
    let all = titles(&r);
    assert_eq!(all.len(), 3, "{all:#?}");
    let leak = r["problems"]
        .as_array()
        .unwrap()
        .iter()
        .find(|p| p["title"].as_str().unwrap().starts_with("GET /leak"))
        .unwrap();
    assert_eq!(leak["verdict"]["culprit"], "/srv/shop/page.py:7", "{leak:#}");
    assert!(leak["evidence"].to_string().contains("Python stack trace"));
    assert!(
        all.iter().any(|t| t.starts_with("POST /contact answers 500 when form field topic is left out")),
        "{all:#?}"
    );
    assert!(r["notes"].to_string().contains("/gone is answered 404; linked from /."), "{}", r["notes"]);
    let crawled: Vec<String> = site.targets().into_iter().filter(|t| t != "/contact").collect();
    let csv = String::from_utf8(why500(&[&start, "--crawl-only", "--format", "csv"]).stdout).unwrap();
    assert!(csv.contains("/a,500,") && csv.lines().count() == 6, "{csv}");
    assert_eq!(crawled.iter().filter(|t| *t == "/gone").count(), 1);
}

#[test]
fn the_rate_is_kept() {
    let (shop, log) = shop("rate");
    let out = why500(&[&format!("{}/openapi.json", shop.base), "--rps", "50", "--max-requests", "25"]);
    assert!(out.status.code().is_some());
    let times: Vec<Instant> = shop.asked.lock().unwrap().iter().map(|a| a.at).collect();
    let span = times.last().unwrap().duration_since(times[0]);
    let least = Duration::from_millis(20) * u32::try_from(times.len() - 2).unwrap();
    assert!(times.len() >= 25 && span >= least, "{} requests in {span:?}", times.len());
    let first = shop.asked.lock().unwrap()[1].headers.get("user-agent").cloned().unwrap_or_default();
    assert!(first.starts_with("why500-probe/"), "{first}");
    let _ = std::fs::remove_file(log);
}

#[test]
fn servers_that_mean_harm_are_survived_and_told() {
    let site = Served::by(|asked, out| match asked.target.as_str() {
        "/" => answer(
            out,
            200,
            "text/html",
            "<a href=/endless>1</a><a href=/slow>2</a><a href=/cut>3</a><a href=/broken>4</a><a href=/loop>5</a><a href=/many>6</a>",
        ),
        "/endless" => {
            let _ = out.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n");
            let chunk = [b'a'; 65_536];
            while out.write_all(&chunk).is_ok() {}
        }
        "/slow" => {
            let _ = out.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
            while out.write_all(b"a").is_ok() {
                std::thread::sleep(Duration::from_millis(100));
            }
        }
        "/cut" => {
            let _ = out.shutdown(std::net::Shutdown::Both);
        }
        "/broken" => {
            let _ = out.write_all(b"SSH-2.0-OpenSSH_9.2\r\n\r\n");
            let _ = out.shutdown(std::net::Shutdown::Write);
        }
        "/loop" => {
            let _ =
                out.write_all(b"HTTP/1.1 302 Found\r\nLocation: /loop?again\r\nContent-Length: 0\r\n\r\n");
        }
        "/loop?again" => {
            let _ = out.write_all(b"HTTP/1.1 302 Found\r\nLocation: /loop\r\nContent-Length: 0\r\n\r\n");
        }
        "/many" => {
            let links: String = (0..100_000).map(|i| format!("<a href=/p{i}>")).collect();
            answer(out, 200, "text/html", &links);
        }
        _ => answer(out, 200, "text/html", "fine"),
    });
    let began = Instant::now();
    let r = report(&[&format!("{}/", site.base), "--timeout", "1", "--max-pages", "300"]);
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
    let all = titles(&r).join("\n");
    for said in [
        "GET /slow does not answer in time",
        "GET /cut cuts the connection",
        "GET /broken answers what is no HTTP",
    ] {
        assert!(all.contains(said), "{said} in {all}");
    }
    assert!(r["notes"].to_string().contains("/loop"), "{}", r["notes"]);
    assert!(r["probe"]["pages"].as_array().unwrap().len() <= 300);
}

#[test]
fn secrets_go_to_the_server_and_nowhere_else() {
    let (shop, log) = shop("secret");
    let out = Command::new(env!("CARGO_BIN_EXE_why500"))
        .args(["probe", &format!("{}/openapi.json", shop.base), "--json"])
        .env("WHY500_AUTHORIZATION", "Bearer s3cr3t-t0ken-value")
        .output()
        .unwrap();
    assert!(
        shop.asked
            .lock()
            .unwrap()
            .iter()
            .any(|a| a.headers.get("authorization").is_some_and(|v| v.contains("s3cr3t")))
    );
    assert!(!String::from_utf8_lossy(&out.stdout).contains("s3cr3t"));
    assert!(String::from_utf8_lossy(&out.stdout).contains("$WHY500_AUTHORIZATION"));
    let _ = std::fs::remove_file(log);
}

#[test]
fn what_cannot_be_probed_is_said_with_what_to_do() {
    // Speaks in clear to whoever begins a handshake.
    let plain = TcpListener::bind("127.0.0.1:0").unwrap();
    let tls = format!("https://{}", plain.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in plain.incoming().flatten() {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
        }
    });
    let none = std::env::temp_dir().join(format!("why500-probe-none-{}.txt", std::process::id()));
    std::fs::write(&none, "just a text").unwrap();
    for (args, said) in [
        (vec!["http://127.0.0.1:1/"], "http://127.0.0.1:1/"),
        (vec![tls.as_str()], tls.as_str()),
        (vec!["/no/such/file.json"], "/no/such/file.json"),
        (vec![none.to_str().unwrap()], "neither an OpenAPI"),
        (vec!["http://127.0.0.1:1/", "--base-url", "nowhere"], "--base-url nowhere"),
    ] {
        let out = why500(&args);
        assert_eq!(out.status.code(), Some(2), "{args:?}");
        assert!(
            String::from_utf8_lossy(&out.stderr).contains(said),
            "{args:?}: {}",
            String::from_utf8_lossy(&out.stderr)
        );
    }
    let _ = std::fs::remove_file(none);
}

#[test]
fn a_crawl_is_taken_up_where_it_ended() {
    let site = Served::by(|asked, out| match asked.target.as_str() {
        "/" => answer(out, 200, "text/html", "<a href=/a>a</a><a href=/b>b</a><a href=/c>c</a>"),
        "/c" => answer(out, 500, "text/html", "no"),
        "/robots.txt" => answer(out, 404, "text/plain", ""),
        _ => answer(out, 200, "text/html", "fine"),
    });
    let start = format!("{}/", site.base);
    let kept = std::env::temp_dir().join(format!("why500-probe-resume-{}.json", std::process::id()));
    let file = kept.display().to_string();
    let first = report(&[&start, "--max-pages", "2", "--resume", &file]);
    assert!(kept.is_file() && titles(&first).is_empty());
    let second = report(&[&start, "--resume", &file]);
    assert_eq!(titles(&second), ["GET /c answers 500"]);
    assert!(!kept.exists());
    let asked = site.targets();
    for once in ["/a", "/b"] {
        assert_eq!(asked.iter().filter(|t| *t == once).count(), 1, "{asked:?}");
    }
}

#[test]
fn a_collection_takes_its_variables_from_an_environment() {
    let (shop, log) = shop("environment");
    let file = |name: &str, text: String| {
        let path = std::env::temp_dir().join(format!("why500-probe-{name}-{}.json", std::process::id()));
        std::fs::write(&path, text).unwrap();
        path
    };
    let collection = file(
        "collection",
        r#"{"info":{"name":"shop","schema":"https://schema.getpostman.com/json/collection/v2.1.0/collection.json"},
           "item":[{"name":"price","request":{"method":"GET","url":"{{base}}/price?n={{n}}"}}]}"#.to_owned(),
    );
    let environment = file(
        "values",
        format!(r#"{{"name":"local","values":[{{"key":"base","value":"{}","enabled":true}}]}}"#, shop.base),
    );
    let (c, e) = (collection.display().to_string(), environment.display().to_string());
    let r = report(&[&c, "--environment", &e, "--var", "n=5", "--base-url", &shop.base]);
    assert_eq!(titles(&r), ["GET /price answers 500 when query parameter n is 0"]);
    assert!(shop.targets().contains(&"/price?n=5".to_owned()));
    for f in [collection, environment, log] {
        let _ = std::fs::remove_file(f);
    }
}
