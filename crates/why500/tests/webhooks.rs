//! Webhooks of GitHub and GitLab through the front door: signed, each deployment once, and what fails after it is laid to it.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod server;

use ring::hmac;
use serde_json::{Value, json};
use server::{Server, event, now_s, transaction};
use std::io::Write;
use std::process::{Command, Stdio};

/// A server with one webhook.
struct Hooked {
    server: Server,
    secret: String,
}

impl Hooked {
    fn start(name: &str) -> Hooked {
        let server = Server::start(name);
        let secret = webhook(&server, &[], "");
        Hooked { server, secret }
    }

    fn github(&self, event: &str, delivery: &str, doc: &Value) -> (u16, Value) {
        let body = doc.to_string();
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.secret.as_bytes());
        let tag: String =
            hmac::sign(&key, body.as_bytes()).as_ref().iter().map(|b| format!("{b:02x}")).collect();
        let headers = format!(
            "Content-Type: application/json\r\nX-GitHub-Event: {event}\r\nX-GitHub-Delivery: {delivery}\r\nX-Hub-Signature-256: sha256={tag}\r\n"
        );
        self.post("/api/v1/webhooks/1/github", &headers, &body)
    }

    fn gitlab(&self, event: &str, doc: &Value) -> (u16, Value) {
        let headers = format!(
            "Content-Type: application/json\r\nX-Gitlab-Event: {event}\r\nX-Gitlab-Token: {}\r\n",
            self.secret
        );
        self.post("/api/v1/webhooks/1/gitlab?service=shop", &headers, &doc.to_string())
    }

    fn post(&self, path: &str, headers: &str, body: &str) -> (u16, Value) {
        let (status, body) = self.server.post(path, headers, body.as_bytes());
        (status, serde_json::from_slice(&body).unwrap())
    }

    /// What is marked, first to last.
    fn marked(&self) -> Vec<String> {
        self.server.settled(1);
        let list = self.server.get("/api/v1/deploys");
        list["deploys"].as_array().unwrap().iter().map(|d| d["what"].as_str().unwrap().to_owned()).collect()
    }
}

/// Makes or sets the secret by the command; gives it.
fn webhook(server: &Server, options: &[&str], given: &str) -> String {
    let mut child = Command::new(env!("CARGO_BIN_EXE_why500"))
        .args(["webhook", "--data"])
        .arg(&server.data)
        .args(options)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(given.as_bytes()).unwrap();
    let out = child.wait_with_output().unwrap();
    assert!(String::from_utf8_lossy(&out.stderr).contains("/api/v1/webhooks/1/github"), "{out:?}");
    String::from_utf8(out.stdout).unwrap().trim().to_owned()
}

fn instant(at_s: f64) -> String {
    jiff::Timestamp::from_second(at_s as i64).unwrap().to_string()
}

/// As GitHub tells of a deployment's state.
fn status(deployment: u64, state: &str, at_s: f64) -> Value {
    json!({
        "action": "created",
        "deployment_status": {
            "id": 9, "state": state, "environment": "production", "created_at": instant(at_s),
            "log_url": "https://github.com/acme/shop/actions/runs/5", "environment_url": "",
        },
        "deployment": {
            "id": deployment, "sha": "9e41c07d5a8b4f3c2e1d0a9b8c7d6e5f4a3b2c1d", "ref": "main", "environment": "production",
        },
        "repository": {"full_name": "acme/shop"},
    })
}

#[test]
fn a_deployment_on_github_is_marked_once() {
    let hooked = Hooked::start("github");
    let at_s = now_s();
    assert_eq!(hooked.github("ping", "d0", &json!({"zen": "Keep it simple."})).0, 200);
    assert_eq!(hooked.github("deployment_status", "d1", &status(17, "queued", at_s)).0, 200);
    assert_eq!(hooked.marked(), [""; 0]);
    let (code, said) = hooked.github("deployment_status", "d2", &status(17, "in_progress", at_s));
    assert_eq!((code, said["release"].as_str()), (201, Some("9e41c07d")), "{said}");
    for (delivery, state) in [("d2", "in_progress"), ("d3", "in_progress"), ("d4", "success")] {
        let (code, said) = hooked.github("deployment_status", delivery, &status(17, state, at_s));
        assert_eq!(code, 200, "{delivery}");
        assert!(said["ignored"].as_str().unwrap().contains(if delivery == "d2" {
            "delivered before"
        } else {
            "marked already"
        }));
    }
    let (code, said) = hooked.github("push", "d5", &json!({"ref": "refs/heads/main"}));
    assert_eq!((code, said["ignored"].as_str()), (200, Some("event push is no deployment or release")));
    let what = "release=9e41c07d environment=production ref=main repository=acme/shop url=https://github.com/acme/shop/actions/runs/5";
    assert_eq!(hooked.marked(), [what]);

    // So it is for the server that is started after this one.
    let (data, secret) = (hooked.server.data.clone(), hooked.secret.clone());
    let mut server = hooked.server.keeping();
    server.terminate();
    let again = Hooked { server: Server::on(&data, &[]), secret };
    assert_eq!(again.github("deployment_status", "d4", &status(17, "success", at_s)).0, 200);
    assert_eq!(again.github("deployment_status", "d6", &status(18, "success", at_s)).0, 201);
    assert_eq!(again.marked().len(), 2);
}

#[test]
fn releases_and_gitlab_are_marked_too() {
    let hooked = Hooked::start("gitlab");
    let release = json!({
        "action": "published",
        "release": {"id": 5, "tag_name": "v3.8.0", "published_at": instant(now_s() - 60.0), "html_url": "https://github.com/acme/shop/releases/tag/v3.8.0"},
        "repository": {"full_name": "acme/shop"},
    });
    assert_eq!(hooked.github("release", "d1", &release).0, 201);
    let deployment = |status: &str| {
        json!({
            "object_kind": "deployment", "status": status, "status_changed_at": instant(now_s()), "deployment_id": 15,
            "environment": "staging", "ref": "v3.8.1", "short_sha": "279484c0",
            "project": {"path_with_namespace": "acme/shop"},
        })
    };
    assert_eq!(hooked.gitlab("Deployment Hook", &deployment("running")).0, 201);
    assert_eq!(hooked.gitlab("Deployment Hook", &deployment("success")).0, 200);
    assert_eq!(hooked.gitlab("Tag Push Hook", &json!({"ref": "refs/tags/v3.8.1"})).0, 200);
    assert_eq!(
        hooked.marked(),
        [
            "release=v3.8.0 repository=acme/shop url=https://github.com/acme/shop/releases/tag/v3.8.0",
            "release=v3.8.1 environment=staging service=shop sha=279484c0 repository=acme/shop",
        ]
    );
}

#[test]
fn who_does_not_know_the_secret_is_told_nothing() {
    let hooked = Hooked::start("unsigned");
    let doc = status(17, "success", now_s()).to_string();
    let unsigned = "X-GitHub-Event: deployment_status\r\n";
    let wrong = format!("{unsigned}X-Hub-Signature-256: sha256={}\r\n", "ab".repeat(32));
    let refused: Vec<(u16, Value)> = [
        ("/api/v1/webhooks/1/github", unsigned),
        ("/api/v1/webhooks/1/github", &wrong),
        ("/api/v1/webhooks/1/gitlab", "X-Gitlab-Event: Deployment Hook\r\nX-Gitlab-Token: wrong\r\n"),
        // No such project, or one without a secret.
        ("/api/v1/webhooks/77/github", &wrong),
        (
            "/api/v1/webhooks/77/gitlab",
            "X-Gitlab-Token: whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n",
        ),
    ]
    .into_iter()
    .map(|(path, headers)| hooked.post(path, headers, &doc))
    .collect();
    assert!(refused.iter().all(|r| *r == refused[0]), "{refused:#?}");
    assert_eq!((refused[0].0, refused[0].1["status"].as_u64()), (401, Some(401)));

    // Another secret, that GitLab may have made; the old one holds no longer.
    let other = "whsec_dGVzdHRlc3R0ZXN0dGVzdHRlc3R0ZXN0dGVzdHRlc3Q=";
    assert_eq!(webhook(&hooked.server, &["--secret-stdin"], &format!("{other}\n")), other);
    assert_eq!(hooked.github("ping", "d1", &json!({})).0, 401);
    let hooked = Hooked { secret: other.to_owned(), ..hooked };
    assert_eq!(hooked.github("ping", "d1", &json!({})).0, 200);
    assert_eq!(hooked.marked(), [""; 0]);
}

/// A route went well while the rollout began, and fails once it got there.
#[test]
fn what_fails_during_a_rollout_is_laid_to_it() {
    let hooked = Hooked::start("rollout");
    let at_s = now_s() - 120.0;
    assert_eq!(hooked.github("deployment_status", "d1", &status(17, "in_progress", at_s)).0, 201);
    let send = |body: &[u8]| assert_eq!(hooked.server.post("/api/1/envelope/", "", body).0, 200);
    for i in 0..20 {
        let id = format!("{i:032x}");
        send(&transaction(&id, at_s + 2.0 + f64::from(i), &format!("/cart/{i}")));
    }
    for i in 0..5 {
        let id = format!("{:032x}", 0xf00 + i);
        send(&event(&id, at_s + 60.0 + f64::from(i), "EmptyCart", &format!("/cart/{i}")));
    }
    hooked.server.wait("laid to the deploy", |problems| {
        problems.iter().any(|p| p["verdict"]["trigger"]["kind"] == "deploy")
    });
}
