//! Alerts through the front door: failures come in by a wire, what is told goes out by the built program's own channels.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod recorder;
mod server;

use recorder::{Came, MailTls, Recorder, mail_server, secure_mail_server};
use serde_json::{Value, json};
use server::{Client, Server, event, now_s, transaction};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_rustls::rustls;

/// `whsec_` and 24 bytes in base64.
const SIGNING: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("why500-alerts-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn configure(folder: &Path, text: &str) {
    // Nobody may read half of it.
    std::fs::write(folder.join("next"), text).unwrap();
    std::fs::rename(folder.join("next"), folder.join("alerts.toml")).unwrap();
}

/// `why500 alerts …` in a folder, with secrets in the environment.
fn alerts(folder: &Path, args: &[&str], url: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_why500"))
        .arg("alerts")
        .args(args)
        .arg("--data")
        .arg(folder)
        .envs([("URL", url), ("TOKEN", "123456:S3CRET-token"), ("SIGNING", SIGNING)])
        .output()
        .unwrap()
}

fn words(out: &Output) -> String {
    String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr)
}

fn webhook(recorder: &Recorder) -> String {
    format!(
        "[channels.hook]\nkind = \"webhook\"\nurl = \"http://{}/hook\"\nallow_private = true\nsecret = {{ env = \"SIGNING\" }}\n",
        recorder.address
    )
}

fn start(folder: &Path) -> Server {
    Server::with(folder, &["--url", "https://why500.example"], &[("SIGNING", SIGNING)])
}

/// So many failures of one exception.
fn fail(server: &Server, exception: &str, n: usize) {
    let mut client = Client::connect(&server.address).unwrap();
    let seed = exception.bytes().fold(7_u64, |h, b| h.wrapping_mul(31).wrapping_add(u64::from(b)));
    for i in 0..n {
        let id = format!("{seed:016x}{:016x}", (now_s() * 1e6) as u64 + i as u64);
        let body = event(&id, now_s(), exception, &format!("/cart/{i}"));
        assert_eq!(client.post("/api/1/envelope/", "", &body).unwrap().status, 200);
    }
}

/// Is it signed as the Standard Webhooks have it? Checked with another's code.
fn signed(came: &Came) -> bool {
    use ring::hmac;
    let decode = |text: &str| -> Vec<u8> {
        let value = |c: u8| {
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".iter().position(|l| *l == c)
        };
        let bits: Vec<u32> = text.bytes().filter_map(value).map(|v| v as u32).collect();
        let bytes = bits.chunks(4).flat_map(|four| {
            let all = four.iter().fold(0, |all, b| all << 6 | b) << (6 * (4 - four.len()));
            all.to_be_bytes().into_iter().skip(1).take(four.len() - 1).collect::<Vec<_>>()
        });
        bytes.collect()
    };
    let key = hmac::Key::new(hmac::HMAC_SHA256, &decode(SIGNING.strip_prefix("whsec_").unwrap()));
    let text = format!("{}.{}.{}", came.header("webhook-id"), came.header("webhook-timestamp"), came.body);
    let tag = decode(came.header("webhook-signature").strip_prefix("v1,").unwrap());
    hmac::verify(&key, text.as_bytes(), &tag).is_ok()
}

fn until(what: &str, mut good: impl FnMut() -> bool) {
    let began = Instant::now();
    while !good() {
        assert!(began.elapsed() < Duration::from_secs(40), "{what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn each_channel_sends_what_its_vendor_documents() {
    let folder = folder("kinds");
    let other = Recorder::start(|came| match came.path.as_str() {
        p if p.contains("/issues") && p.contains("github") => (201, "", r#"{"number":1347}"#.into()),
        p if p.contains("/issues") => (201, "", r#"{"iid":14}"#.into()),
        p if p.contains("/bot") => (200, "", r#"{"ok":true,"result":{"message_id":42}}"#.into()),
        p if p.contains("/v2/") => (202, "", r#"{"status":"success"}"#.into()),
        _ => (200, "", "ok".into()),
    });
    let (port, mail) = mail_server();
    let at = format!("http://{}", other.address);
    configure(
        &folder,
        &format!(
            r#"
[channels.slack]
kind = "slack"
url = {{ env = "URL" }}
allow_private = true
[channels.teams]
kind = "teams"
url = {{ env = "URL" }}
allow_private = true
[channels.discord]
kind = "discord"
url = {{ env = "URL" }}
allow_private = true
[channels.telegram]
kind = "telegram"
token = {{ env = "TOKEN" }}
chat = -1001
api = "{at}"
allow_private = true
[channels.email]
kind = "email"
server = "localhost"
port = {port}
tls = "none"
from = "why500 <why500@example.com>"
to = ["Ops <ops@example.com>", "gone@example.com", "ada@example.com"]
allow_private = true
[channels.pagerduty]
kind = "pagerduty"
key = {{ env = "TOKEN" }}
api = "{at}"
allow_private = true
[channels.opsgenie]
kind = "opsgenie"
key = {{ env = "TOKEN" }}
api = "{at}"
allow_private = true
[channels.ntfy]
kind = "ntfy"
topic = "ops"
server = "{at}"
token = {{ env = "TOKEN" }}
allow_private = true
[channels.github]
kind = "github"
repository = "acme/shop"
labels = ["5xx"]
token = {{ env = "TOKEN" }}
api = "{at}/github"
allow_private = true
[channels.gitlab]
kind = "gitlab"
project = "acme/shop"
token = {{ env = "TOKEN" }}
server = "{at}"
allow_private = true
[channels.webhook]
kind = "webhook"
url = "{at}/hook"
secret = {{ env = "SIGNING" }}
allow_private = true
[channels.command]
kind = "command"
run = ["sh", "-c", "cat > {out}; echo \"$WHY500_HEADLINE\" >> {out}"]
"#,
            out = folder.join("ran").display()
        ),
    );
    let url = format!("{at}/services/T0/B0/S3CRET-url");
    let listed = alerts(&folder, &["list"], &url);
    assert!(listed.status.success() && !words(&listed).contains("S3CRET"), "{}", words(&listed));
    let send = |name: &str, n: usize| -> Vec<Came> {
        let before = other.came().len();
        let out = alerts(&folder, &["test", name], &url);
        assert!(out.status.success(), "{name}: {}", words(&out));
        assert!(!words(&out).contains("S3CRET"), "{}", words(&out));
        let came = other.came().split_off(before);
        assert_eq!(came.len(), n, "{name}: {came:#?}");
        for c in came.iter().filter(|c| c.method != "GET") {
            assert_eq!(c.header("content-type"), "application/json", "{name}");
            assert!(c.header("user-agent").starts_with("why500/"), "{name}");
        }
        came
    };
    let title = "the database at 10.0.0.5:5432 refuses connections";

    let slack = &send("slack", 1)[0];
    assert_eq!((slack.method.as_str(), slack.path.as_str()), ("POST", "/services/T0/B0/S3CRET-url"));
    let doc = slack.json();
    assert_eq!(
        (&doc["blocks"][0]["type"], &doc["blocks"][0]["text"]["type"]),
        (&json!("header"), &json!("plain_text"))
    );
    let elements = doc["blocks"][1]["elements"][0]["elements"].as_array().unwrap();
    let text: String = elements.iter().map(|e| e["text"].as_str().unwrap()).collect();
    for told in [
        "\nCause: database/connection-refused",
        "\nEvidence: app.log: connection to server",
        "\nSet off by: dependency",
        "214",
    ] {
        assert!(text.contains(told), "{told}: {text}");
    }
    assert!(doc["text"].as_str().unwrap().contains(title));

    let teams = send("teams", 1)[0].json();
    assert_eq!(teams["type"], "message");
    assert_eq!(teams["attachments"][0]["contentType"], "application/vnd.microsoft.card.adaptive");
    assert_eq!(
        (&teams["attachments"][0]["content"]["type"], &teams["attachments"][0]["content"]["version"]),
        (&json!("AdaptiveCard"), &json!("1.4"))
    );

    let discord = &send("discord", 1)[0];
    assert!(discord.path.ends_with("?wait=true"), "{}", discord.path);
    assert!(discord.json()["embeds"][0]["title"].as_str().unwrap().contains("refuses connections"));
    assert_eq!(discord.json()["allowed_mentions"]["parse"], json!([]));

    let telegram = &send("telegram", 1)[0];
    assert_eq!(telegram.path, "/bot123456:S3CRET-token/sendMessage");
    assert_eq!(
        (&telegram.json()["chat_id"], &telegram.json()["parse_mode"]),
        (&json!("-1001"), &json!("HTML"))
    );

    send("email", 0);
    let mail = mail.lock().unwrap().clone();
    for told in [
        "MAIL FROM:<why500@example.com>",
        "RCPT TO:<ops@example.com>",
        "RCPT TO:<ada@example.com>",
        "Subject: [trial] New problem:",
        "Message-ID: <why500-trial-",
        "MIME-Version: 1.0",
        "Auto-Submitted: auto-generated",
        "Cause: database/connection-refused",
    ] {
        assert!(mail.contains(told), "{told}: {mail}");
    }

    // The first of a conversation follows none; who has no mailbox any more keeps it from nobody else.
    assert!(!mail.contains("In-Reply-To") && !mail.contains("References"), "{mail}");
    assert_eq!(mail.matches("Subject: ").count(), 2, "{mail}");

    let pager = send("pagerduty", 2);
    let (first, second) = (pager[0].json(), pager[1].json());
    assert_eq!(
        (pager[0].path.as_str(), &first["event_action"], &second["event_action"]),
        ("/v2/enqueue", &json!("trigger"), &json!("resolve"))
    );
    assert_eq!(
        (&first["routing_key"], &first["dedup_key"]),
        (&json!("123456:S3CRET-token"), &second["dedup_key"])
    );
    assert_eq!(
        (&first["payload"]["severity"], &first["payload"]["class"]),
        (&json!("warning"), &json!("database/connection-refused"))
    );

    let genie = send("opsgenie", 2);
    assert_eq!(
        (genie[0].path.as_str(), genie[0].header("authorization")),
        ("/v2/alerts", "GenieKey 123456:S3CRET-token")
    );
    assert!(genie[0].json()["message"].as_str().unwrap().chars().count() <= 130);
    let alias = genie[0].json()["alias"].as_str().unwrap().to_owned();
    assert_eq!(genie[1].path, format!("/v2/alerts/{alias}/close?identifierType=alias"));

    let ntfy = &send("ntfy", 1)[0];
    assert_eq!((ntfy.path.as_str(), ntfy.header("authorization")), ("/", "Bearer 123456:S3CRET-token"));
    assert_eq!((&ntfy.json()["topic"], &ntfy.json()["priority"]), (&json!("ops"), &json!(4)));

    let github = send("github", 3);
    assert_eq!(
        (github[0].path.as_str(), github[0].header("x-github-api-version")),
        ("/github/repos/acme/shop/issues", "2022-11-28")
    );
    assert_eq!(github[0].json()["labels"], json!(["5xx"]));
    assert_eq!(
        (github[1].method.as_str(), github[1].path.as_str()),
        ("PATCH", "/github/repos/acme/shop/issues/1347")
    );
    assert_eq!(
        (&github[1].json()["state"], github[2].path.ends_with("/1347/comments")),
        (&json!("closed"), true)
    );

    let gitlab = send("gitlab", 3);
    assert_eq!(
        (gitlab[0].path.as_str(), gitlab[0].header("private-token")),
        ("/api/v4/projects/acme%2Fshop/issues", "123456:S3CRET-token")
    );
    assert_eq!((gitlab[1].method.as_str(), &gitlab[1].json()["state_event"]), ("PUT", &json!("close")));

    let hook = &send("webhook", 1)[0];
    assert!(signed(hook));
    assert_eq!(
        (&hook.json()["type"], &hook.json()["data"]["problem"]["class"]),
        (&json!("alert.opened"), &json!("database"))
    );

    send("command", 0);
    let ran = std::fs::read_to_string(folder.join("ran")).unwrap();
    assert!(ran.contains("\"rule\":\"new\"") && ran.contains(&format!("New problem: {title}")), "{ran}");
    std::fs::remove_dir_all(folder).unwrap();
}

/// What is needed of a mail server that proves itself by a certificate of its own making, which is written into a file.
fn mail_tls(whole: bool, certificate: &Path) -> MailTls {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(certificate, made.cert.pem()).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    MailTls { config: Arc::new(config), whole }
}

#[test]
fn mail_goes_over_tls_and_no_password_to_a_server_that_nobody_vouches_for() {
    for (way, whole) in [("tls", true), ("starttls", false)] {
        let folder = folder(&format!("mail-{way}"));
        let certificate = folder.join("mail.pem");
        let (port, mail) = secure_mail_server(Some(mail_tls(whole, &certificate)));
        configure(
            &folder,
            &format!(
                "[channels.mail]\nkind = \"email\"\nserver = \"localhost\"\nport = {port}\ntls = \"{way}\"\nallow_private = true
                 user = \"why500\"\npassword = {{ env = \"TOKEN\" }}\nfrom = \"why500@shop.example\"\nto = [\"ops@shop.example\"]\n"
            ),
        );
        let send = |trusted: Option<&Path>| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_why500"));
            command.args(["alerts", "test", "mail", "--data"]).arg(&folder).env("TOKEN", "S3CRET-token");
            command.envs(trusted.map(|file| ("SSL_CERT_FILE", file))).output().unwrap()
        };
        let refused = send(None);
        assert_eq!(refused.status.code(), Some(1), "{}", words(&refused));
        assert!(words(&refused).contains("certificate"), "{}", words(&refused));
        assert!(!mail.lock().unwrap().contains("AUTH"));

        mail.lock().unwrap().clear();
        let sent = send(Some(&certificate));
        assert!(sent.status.success(), "{}", words(&sent));
        let told = mail.lock().unwrap().clone();
        // RFC 4616: an empty name, the user, the password, each behind a NUL.
        assert!(told.contains("\nAUTH PLAIN AHdoeTUwMABTM0NSRVQtdG9rZW4=\r\n"), "{told}");
        assert!(told.contains("RCPT TO:<ops@shop.example>") && told.contains("Subject: "), "{told}");
        assert!(
            told.lines().all(|l| !l.starts_with("clear: MAIL") && !l.starts_with("clear: AUTH")),
            "{told}"
        );
        assert_eq!(told.contains("clear: STARTTLS"), !whole);
        std::fs::remove_dir_all(folder).unwrap();
    }
}

#[test]
fn nothing_goes_inside_unless_allowed() {
    let folder = folder("guard");
    let other = Recorder::start(|_| (302, "Location: http://127.0.0.1:1/\r\n", String::new()));
    let port = other.address.rsplit(':').next().unwrap().to_owned();
    for host in [
        "127.0.0.1",
        "localhost",
        "[::ffff:127.0.0.1]",
        "[::1]",
        "169.254.169.254",
        "2130706433",
        "0x7f.1",
        "10.0.0.1",
    ] {
        configure(
            &folder,
            &format!("[channels.hook]\nkind = \"webhook\"\nurl = \"http://{host}:{port}/\"\n"),
        );
        let began = Instant::now();
        let out = alerts(&folder, &["test", "hook"], "");
        assert_eq!(out.status.code(), Some(1), "{host}: {}", words(&out));
        assert!(
            words(&out).contains("allow_private") || words(&out).contains("[::"),
            "{host}: {}",
            words(&out)
        );
        assert!(began.elapsed() < Duration::from_secs(5), "{host}");
    }
    configure(
        &folder,
        &format!(
            "[channels.mail]\nkind = \"email\"\nserver = \"localhost\"\nport = {port}\ntls = \"none\"\nfrom = \"a@b.example\"\nto = [\"c@d.example\"]\n"
        ),
    );
    let out = alerts(&folder, &["test", "mail"], "");
    assert!(words(&out).contains("allow_private"), "{}", words(&out));
    assert_eq!(other.came().len(), 0);
    // Redirects lead nowhere.
    configure(
        &folder,
        &format!(
            "[channels.hook]\nkind = \"webhook\"\nurl = \"http://127.0.0.1:{port}/\"\nallow_private = true\n"
        ),
    );
    let out = alerts(&folder, &["test", "hook"], "");
    assert!(words(&out).contains("redirects are not followed"), "{}", words(&out));
    assert_eq!(other.came().len(), 1);
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_problem_is_told_once_over_kills_and_closed_when_it_is_resolved() {
    let folder = folder("whole");
    let other = Recorder::ok();
    configure(&folder, &webhook(&other));
    let mut server = start(&folder).keeping();
    // One failure is no problem to be woken for.
    fail(&server, "Single", 1);
    fail(&server, "KeyError", 12);
    let came = other.wait(1);
    let told = came[0].json();
    assert!(signed(&came[0]));
    assert_eq!((&told["type"], &told["data"]["heading"]), (&json!("alert.opened"), &json!("New problem")));
    let problem = told["data"]["problem"]["id"].as_str().unwrap().to_owned();
    assert_eq!(told["data"]["link"], format!("https://why500.example/problems/1/{problem}"));
    assert_eq!(told["data"]["problem"]["count"], 12);
    assert!(told["data"]["problem"]["evidence"].as_str().unwrap().contains("KeyError"), "{told:#}");

    let list = server.get("/api/v1/alerts");
    assert_eq!(list["alerts"].as_array().unwrap().len(), 1, "{list:#}");
    assert_eq!(list["alerts"][0]["told"][0]["channel"], "hook");
    assert!(!list.to_string().contains(SIGNING));
    for _ in 0..2 {
        server.kill();
        drop(server);
        server = start(&folder).keeping();
        fail(&server, "KeyError", 3);
        std::thread::sleep(Duration::from_secs(3));
    }
    assert_eq!(other.came().len(), 1, "{:#?}", other.came());

    let (status, _) = server.post(
        &format!("/api/v1/problems/{problem}/resolve"),
        "Content-Type: application/json\r\n",
        b"{}",
    );
    assert_eq!(status, 200);
    let came = other.wait(2);
    assert_eq!(
        (&came[1].json()["type"], &came[1].json()["data"]["heading"]),
        (&json!("alert.closed"), &json!("Resolved"))
    );
    assert_eq!(came[1].json()["data"]["key"], told["data"]["key"]);
    // And back: one failure is enough.
    fail(&server, "KeyError", 1);
    let came = other.wait(3);
    assert_eq!(came[2].json()["data"]["heading"], "Back again");
    server.kill();
    drop(server);
    std::fs::remove_dir_all(folder).unwrap();
}

/// An hour of requests that went well, by real envelopes, and eight minutes in which one of three fails.
fn an_hour(server: &Server) {
    let (now, mut client) = (now_s(), Client::connect(&server.address).unwrap());
    let mut send = |body: &[u8]| assert_eq!(client.post("/api/1/envelope/", "", body).unwrap().status, 200);
    for i in 0..600_u32 {
        let at = now - 3_600.0 + 6.0 * f64::from(i);
        send(&transaction(&format!("{:032x}", 0xa000 + i), at, &format!("/cart/{i}")));
    }
    for i in 0..40_u32 {
        let at = now - 480.0 + 11.9 * f64::from(i);
        send(&event(&format!("{:032x}", 0xf000 + i), at, "EmptyCart", &format!("/cart/{i}")));
    }
}

/// Waits for a message that holds these words.
fn told(other: &Recorder, mark: &str) -> Value {
    let began = Instant::now();
    loop {
        let came: Vec<Value> = other.came().iter().map(Came::json).collect();
        if let Some(found) = came.iter().find(|m| m.to_string().contains(mark)) {
            return found.clone();
        }
        assert!(began.elapsed() < Duration::from_secs(40), "{mark}: {came:#?}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_deploy_that_brings_a_problem_is_told_to_be_bad() {
    let folder = folder("deploy");
    let other = Recorder::ok();
    configure(&folder, &webhook(&other));
    let server = start(&folder);
    let at = record::Time::from_secs(now_s() as i64 - 500).to_string();
    let deploy = json!({ "release": "shop@2.0", "at": at }).to_string();
    let json = "Content-Type: application/json\r\n";
    assert_eq!(server.post("/api/v1/deploys", json, deploy.as_bytes()).0, 201);
    an_hour(&server);
    let bad = told(&other, "Bad deploy");
    assert_eq!(bad["type"], "alert.opened", "{bad:#}");
    assert!(bad["data"]["title"].as_str().unwrap().contains("shop@2.0"), "{bad:#}");
    assert!(bad["data"]["why"].as_str().unwrap().contains("1 new problem began after it"), "{bad:#}");
}

#[test]
fn a_budget_that_burns_is_told() {
    let folder = folder("budget");
    let other = Recorder::ok();
    configure(&folder, &webhook(&other));
    let server = start(&folder);
    an_hour(&server);
    let burns = told(&other, "times as fast as the objective of 99.9 % allows");
    assert_eq!((&burns["data"]["rule"], &burns["data"]["severity"]), (&json!("budget"), &json!("critical")));
    // It looks while envelopes are still coming in: how many it speaks of depends on when.
    assert!(
        burns["data"]["why"].as_str().unwrap().contains("of shop's requests failed in the last hour ("),
        "{burns:#}"
    );
}

#[test]
fn what_waits_survives_a_kill_and_is_sent_once() {
    let folder = folder("kill");
    // It never answers: the message is in the outbox, and on its way.
    let other = Recorder::start(|_| (0, "", String::new()));
    configure(&folder, &webhook(&other));
    let mut server = start(&folder).keeping();
    fail(&server, "KeyError", 12);
    let first = other.wait(1)[0].clone();
    server.kill();
    drop(server);
    other.say(|_| (200, "", "ok".into()));
    let server = start(&folder);
    let came = other.wait(2);
    assert_eq!(came[1].header("webhook-id"), first.header("webhook-id"));
    until("it is noted", || server.get("/api/v1/alerts")["waiting"].as_array().unwrap().is_empty());
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(other.came().len(), 2);
}

#[test]
fn what_cannot_be_sent_is_tried_again_given_up_and_kept() {
    let folder = folder("dead");
    let other = Recorder::start(|_| (503, "Retry-After: 1\r\n", "busy".into()));
    configure(&folder, &webhook(&other));
    let server = start(&folder);
    fail(&server, "KeyError", 12);
    // Tried again, some seconds later.
    other.wait(2);
    other.say(|_| (410, "", "no such hook".into()));
    let mut dead = Value::Null;
    until("it is given up", || {
        dead = server.get("/api/v1/alerts")["given_up"][0].clone();
        dead["error"].as_str().is_some_and(|e| e.contains("410"))
    });
    assert!(dead["error"].as_str().unwrap().contains("look whether the address is right"), "{dead}");
    let tried = other.came().len();
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(other.came().len(), tried);
    let metrics = server.send(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").1;
    let metrics = String::from_utf8(metrics).unwrap();
    assert!(
        metrics.contains("why500_alerts_sends_total{channel=\"hook\",outcome=\"gave-up\"} 1"),
        "{metrics}"
    );
    assert!(metrics.contains("why500_alerts_given_up 1"), "{metrics}");

    other.say(|_| (200, "", "ok".into()));
    let body = format!("{{\"message\": {}}}", dead["id"]);
    let json_type = "Content-Type: application/json\r\n";
    assert_eq!(server.post("/api/v1/alerts/retry", json_type, b"{\"message\": 77}").0, 404);
    assert_eq!(server.post("/api/v1/alerts/retry", json_type, body.as_bytes()).0, 200);
    other.wait(tried + 1);
    until("nothing waits", || {
        let list = server.get("/api/v1/alerts");
        list["waiting"] == json!([]) && list["given_up"] == json!([])
    });
}

/// Three problems, and a channel that is told to wait: one request, whatever waits. What comes after is all of it.
#[test]
fn who_is_asked_to_wait_waits_with_all() {
    let folder = folder("limited");
    let other = Recorder::start(|_| (429, "Retry-After: 20\r\n", "slow down".into()));
    configure(&folder, &webhook(&other));
    let server = start(&folder);
    fail(&server, "KeyError", 12);
    other.wait(1);
    fail(&server, "ValueError", 12);
    fail(&server, "TypeError", 12);
    until("all wait", || server.get("/api/v1/alerts")["waiting"].as_array().unwrap().len() >= 3);
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(other.came().len(), 1);
    other.say(|_| (200, "", "ok".into()));
    until("all were told", || server.get("/api/v1/alerts")["waiting"].as_array().unwrap().is_empty());
}

/// The issue of a problem was deleted while it was quiet: it is told in a new one.
#[test]
fn an_issue_that_is_gone_is_opened_anew() {
    let folder = folder("gone");
    let other = Recorder::start(|came| match (came.method.as_str(), came.path.ends_with("/comments")) {
        ("POST", false) => (201, "", r#"{"number":7}"#.into()),
        _ => (410, "", r#"{"message":"This issue was deleted"}"#.into()),
    });
    configure(
        &folder,
        &format!(
            "[channels.issues]\nkind = \"github\"\nrepository = \"acme/shop\"\ntoken = {{ env = \"SIGNING\" }}\napi = \"http://{}\"\nallow_private = true\nleast = \"info\"\n",
            other.address
        ),
    );
    let server = start(&folder);
    fail(&server, "KeyError", 12);
    assert_eq!(other.wait(1)[0].path, "/repos/acme/shop/issues");
    let id = server.get("/api/v1/problems")["problems"][0]["id"].as_str().unwrap().to_owned();
    let resolve = format!("/api/v1/problems/{id}/resolve");
    assert_eq!(server.post(&resolve, "Content-Type: application/json\r\n", b"{}").0, 200);
    let came = other.wait(2);
    assert_eq!((came[1].method.as_str(), came[1].path.as_str()), ("PATCH", "/repos/acme/shop/issues/7"));
    until("closing is done", || server.get("/api/v1/alerts")["waiting"].as_array().unwrap().is_empty());
    assert_eq!(server.get("/api/v1/alerts")["given_up"], json!([]));
    std::thread::sleep(Duration::from_secs(2));
    fail(&server, "KeyError", 12);
    let came = other.wait(4);
    assert_eq!((came[2].method.as_str(), came[3].method.as_str()), ("PATCH", "POST"), "{came:#?}");
    assert_eq!(came[3].path, "/repos/acme/shop/issues");
}

#[test]
fn an_outage_of_many_problems_is_one_message() {
    let folder = folder("many");
    let other = Recorder::ok();
    configure(&folder, &webhook(&other));
    let server = start(&folder);
    for i in 0..8 {
        fail(&server, &format!("Error{i}"), 10 + i);
    }
    let came = other.wait(1);
    until("all are known", || server.get("/api/v1/alerts")["alerts"].as_array().unwrap().len() == 8);
    std::thread::sleep(Duration::from_secs(2));
    let told = other.came();
    // The first may have been told before the others came; nobody is told of the rest one by one.
    assert!(told.len() <= 2, "{told:#?}");
    let list = server.get("/api/v1/alerts");
    let led = list["alerts"].as_array().unwrap().iter().filter(|a| a["with"].is_string()).count();
    assert!(led >= 6, "{list:#}");
    assert_eq!(came[0].json()["data"]["rule"], "new");
}

#[test]
fn a_wrong_configuration_is_said_and_one_that_changes_is_taken_over() {
    let folder = folder("reload");
    configure(&folder, "[channels.a]\nkind = \"slack\"\nurl = { env = \"NOT_SET\" }\n");
    let out = alerts(&folder, &["list"], "");
    assert_eq!(out.status.code(), Some(2));
    assert!(
        words(&out).contains("alerts.toml: line 1: channels.a: the variable NOT_SET is not set"),
        "{}",
        words(&out)
    );

    // At the start there is no configuration that would hold on.
    let out = std::process::Command::new(env!("CARGO_BIN_EXE_why500"))
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(&folder)
        .output()
        .unwrap();
    assert_eq!(words(&out).matches("NOT_SET is not set").count(), 1, "{}", words(&out));
    assert!(!words(&out).contains("holds on"), "{}", words(&out));

    std::fs::remove_file(folder.join("alerts.toml")).unwrap();
    let server = start(&folder);
    // Nobody to tell: it is found and kept all the same.
    fail(&server, "KeyError", 12);
    until("it is found", || server.get("/api/v1/alerts")["alerts"].as_array().unwrap().len() == 1);
    let other = Recorder::ok();
    configure(&folder, &webhook(&other));
    until("the channel is there", || server.get("/api/v1/alerts")["channels"][0]["name"] == "hook");
    fail(&server, "ValueError", 12);
    assert_eq!(other.wait(1)[0].json()["type"], "alert.opened");
    configure(&folder, "nonsense");
    until("it is told of", || server.said().contains("what was configured before holds on"));
    assert_ne!(server.get("/api/v1/alerts")["configuration"], "ok");
    assert_eq!(server.get("/api/v1/alerts")["channels"][0]["name"], "hook");
}
