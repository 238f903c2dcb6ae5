//! Webhooks of GitHub and GitLab that tell of deployments and releases.
//!
//! ```text
//! POST /api/v1/webhooks/1/github HTTP/1.1
//! X-GitHub-Event: deployment_status
//! X-GitHub-Delivery: 72d3162e-cc78-11e3-81ab-4c9367dc0958
//! X-Hub-Signature-256: sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17
//!
//! {"deployment_status":{"state":"in_progress", …},"deployment":{"id":1,"sha":"…","ref":"v3.8.0", …}, …}
//! ```
//!
//! One deployment goes through several states. It is marked once, as soon as it goes out (`in_progress`, GitLab's `running`), since
//! what it breaks fails from then on and it may never end well; who tells of no begin is marked at `success`.
//!
//! Sources: docs.github.com, "Webhook events and payloads" and "Validating webhook deliveries"; docs.gitlab.com, "Webhook events";
//! standardwebhooks.com for GitLab's signing token.

use crate::{Head, basic, query};
use hmac::{Hmac, KeyInit, Mac};
use record::{SECOND, Time};
use serde_json::Value;
use sha2::Sha256;

/// A signed time may be off by so much, as the Standard Webhooks' own libraries have it.
const CLOCK_US: i64 = 300 * SECOND;
/// Characters of a name: a branch, an environment, an address.
const NAME_CHARS_MAX: usize = 250;
/// Hex digits of a commit, as Git shows it.
const SHORT_SHA: usize = 8;

/// Who sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forge {
    /// github.com, GitHub Enterprise.
    GitHub,
    /// gitlab.com, or one's own.
    GitLab,
}

/// A deployment or a release, as a delivery tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployed {
    /// What makes it the same one when it is told of again: `github acme/shop deployment 17`.
    pub id: String,
    /// When it went out, at the latest now.
    pub at: Time,
    /// It only begins to go out then.
    pub begun: bool,
    /// The tag, or the short commit where a branch was deployed.
    pub release: String,
    /// Where it went.
    pub environment: Option<String>,
    /// The rest that is known, by name: `ref`, `sha`, `repository`, `url`.
    pub more: Vec<(&'static str, String)>,
}

/// What a delivery says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// Something went out.
    Deployed(Box<Deployed>),
    /// Nothing did, and why.
    Nothing(String),
}

/// A new secret of random bytes, in the form that GitLab asks of a signing token; GitHub takes any.
pub fn secret(random: &[u8; 32]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = "whsec_".to_owned();
    for three in random.chunks(3) {
        let bits = three.iter().fold(0u32, |all, b| all << 8 | u32::from(*b)) << (8 * (3 - three.len()));
        for i in 0..4 {
            let letter = LETTERS.get((bits >> (18 - 6 * i) & 63) as usize).copied().unwrap_or(b'A');
            out.push(if i <= three.len() { char::from(letter) } else { '=' });
        }
    }
    out
}

impl Forge {
    /// Its name in paths and counts.
    pub fn name(self) -> &'static str {
        match self {
            Forge::GitHub => "github",
            Forge::GitLab => "gitlab",
        }
    }

    /// Was it sent by whoever knows the secret? Compared in a time that does not depend on where they differ.
    pub fn signed(self, head: &Head, body: &[u8], secret: &str, now: Time) -> bool {
        match self {
            Forge::GitHub => head
                .header("x-hub-signature-256")
                .and_then(|s| hex(s.strip_prefix("sha256=")?))
                .is_some_and(|tag| fits(secret.as_bytes(), &[body], &tag)),
            Forge::GitLab => {
                let token = head.header("x-gitlab-token").unwrap_or("");
                // Tags of both by the secret: comparing these tells nothing of it.
                mac(secret.as_bytes(), &[secret.as_bytes()]).is_some_and(|own| {
                    fits(secret.as_bytes(), &[token.as_bytes()], &own.finalize().into_bytes())
                }) || standard(head, body, secret, now)
            }
        }
    }

    /// What names the delivery, so that it is known when it comes again.
    pub fn delivery(self, head: &Head) -> Option<&str> {
        match self {
            Forge::GitHub => head.header("x-github-delivery"),
            Forge::GitLab => head.header("webhook-id").or_else(|| head.header("idempotency-key")),
        }
    }

    /// Reads a delivery. `?environment=production` takes deployments to this one only.
    ///
    /// # Errors
    /// The body is no JSON.
    pub fn read(self, head: &Head, body: &[u8], now: Time) -> Result<Said, String> {
        // GitHub's form sends it as a field unless told otherwise.
        let form = head.media_type() == "application/x-www-form-urlencoded";
        let text = std::str::from_utf8(body).map_err(|e| format!("the body is no JSON: {e}"))?;
        let field = form.then(|| text.split('&').find_map(|f| f.strip_prefix("payload="))).flatten();
        let text = field.map_or(text.into(), query::decoded);
        let doc: Value = serde_json::from_str(&text).map_err(|e| format!("the body is no JSON: {e}"))?;
        let event = head.header(match self {
            Forge::GitHub => "x-github-event",
            Forge::GitLab => "x-gitlab-event",
        });
        let said = match (self, event.unwrap_or("")) {
            (Forge::GitHub, "ping") => nothing("ping: the webhook is set up"),
            (Forge::GitHub, "deployment_status") => github_status(&doc, now),
            (Forge::GitHub, "release") => github_release(&doc, now),
            (Forge::GitHub, "deployment") => {
                nothing("deployment was asked for only; let the webhook send deployment statuses")
            }
            (Forge::GitLab, "Deployment Hook") => gitlab_deployment(&doc, now),
            (Forge::GitLab, "Release Hook") => gitlab_release(&doc, now),
            (_, event) => Said::Nothing(format!("event {} is no deployment or release", name(event))),
        };
        let only = query::param(head, "environment");
        match (&said, only) {
            (Said::Deployed(d), Some(only))
                if d.environment.as_ref().is_some_and(|e| !e.eq_ignore_ascii_case(&only)) =>
            {
                Ok(nothing("deployment to another environment"))
            }
            _ => Ok(said),
        }
    }
}

fn nothing(why: &str) -> Said {
    Said::Nothing(why.to_owned())
}

fn mac(key: &[u8], parts: &[&[u8]]) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    parts.iter().for_each(|p| mac.update(p));
    Some(mac)
}

/// Is this the tag of the parts, one after the other?
fn fits(key: &[u8], parts: &[&[u8]], tag: &[u8]) -> bool {
    mac(key, parts).is_some_and(|mac| mac.verify_slice(tag).is_ok())
}

/// `webhook-signature: v1,BASE64 v1,BASE64`: over id, time and body, by the bytes that the secret is the base64 of.
fn standard(head: &Head, body: &[u8], secret: &str, now: Time) -> bool {
    let (Some(id), Some(time), Some(signatures)) =
        (head.header("webhook-id"), head.header("webhook-timestamp"), head.header("webhook-signature"))
    else {
        return false;
    };
    let Some(key) = secret.strip_prefix("whsec_").and_then(basic::decoded) else { return false };
    let near = time.parse().is_ok_and(|s: i64| {
        let at = Time(s.saturating_mul(SECOND));
        now.0.saturating_sub(at.0).saturating_abs() <= CLOCK_US
    });
    let parts = [id.as_bytes(), b".", time.as_bytes(), b".", body];
    let tags = signatures.split(' ').filter_map(|s| basic::decoded(s.strip_prefix("v1,")?));
    near && tags.into_iter().any(|tag| fits(&key, &parts, &tag))
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

/// `{"action":"created","deployment_status":{…},"deployment":{…},"repository":{…}}`
fn github_status(doc: &Value, now: Time) -> Said {
    let (status, deployment) = (&doc["deployment_status"], &doc["deployment"]);
    let state = text(&status["state"]).unwrap_or_default();
    if !matches!(state.as_str(), "in_progress" | "success") {
        return Said::Nothing(format!("deployment status {state}"));
    }
    if deployment["transient_environment"] == true {
        return nothing("deployment of a preview, whose environment goes again");
    }
    let (Some(id), Some(sha)) = (number(&deployment["id"]), text(&deployment["sha"])) else {
        return nothing("deployment status without the deployment's id and sha");
    };
    let repository = text(&doc["repository"]["full_name"]);
    let reference = text(&deployment["ref"]);
    let release = release(reference.as_deref(), &sha);
    let url =
        [&status["environment_url"], &status["log_url"], &status["target_url"]].into_iter().find_map(text);
    Said::Deployed(Box::new(Deployed {
        id: format!("github {} deployment {id}", repository.as_deref().unwrap_or("")),
        at: when(&status["created_at"], now),
        begun: state == "in_progress",
        environment: text(&status["environment"]).or_else(|| text(&deployment["environment"])),
        more: more(&release, reference, Some(short(&sha)), repository, url),
        release,
    }))
}

/// `{"action":"published","release":{"tag_name":"v3.8.0", …},"repository":{…}}`
fn github_release(doc: &Value, now: Time) -> Said {
    let release = &doc["release"];
    let action = text(&doc["action"]).unwrap_or_default();
    // Both come of one release, and `created` of drafts too.
    if !matches!(action.as_str(), "published" | "released") {
        return Said::Nothing(format!("release {action}"));
    }
    let (Some(id), Some(tag)) = (number(&release["id"]), text(&release["tag_name"])) else {
        return nothing("release without id and tag");
    };
    let repository = text(&doc["repository"]["full_name"]);
    Said::Deployed(Box::new(Deployed {
        id: format!("github {} release {id}", repository.as_deref().unwrap_or("")),
        at: when(&release["published_at"], now),
        begun: false,
        more: more(&tag, None, None, repository, text(&release["html_url"])),
        release: tag,
        environment: None,
    }))
}

/// `{"object_kind":"deployment","status":"running","deployment_id":15,"environment":"production","ref":"main","short_sha":"…", …}`
fn gitlab_deployment(doc: &Value, now: Time) -> Said {
    let status = text(&doc["status"]).unwrap_or_default();
    if !matches!(status.as_str(), "running" | "success") {
        return Said::Nothing(format!("deployment {status}"));
    }
    let (Some(id), Some(sha)) = (number(&doc["deployment_id"]), text(&doc["short_sha"])) else {
        return nothing("deployment without deployment_id and short_sha");
    };
    let repository = text(&doc["project"]["path_with_namespace"]);
    let reference = text(&doc["ref"]);
    let release = release(reference.as_deref(), &sha);
    let url = text(&doc["environment_external_url"]).or_else(|| text(&doc["deployable_url"]));
    Said::Deployed(Box::new(Deployed {
        id: format!("gitlab {} deployment {id}", repository.as_deref().unwrap_or("")),
        at: when(&doc["status_changed_at"], now),
        begun: status == "running",
        environment: text(&doc["environment"]),
        more: more(&release, reference, Some(short(&sha)), repository, url),
        release,
    }))
}

/// `{"object_kind":"release","action":"create","id":1,"tag":"v1.1","released_at":"…","commit":{"id":"…"},"project":{…}, …}`
fn gitlab_release(doc: &Value, now: Time) -> Said {
    let action = text(&doc["action"]).unwrap_or_default();
    if action != "create" {
        return Said::Nothing(format!("release {action}"));
    }
    let (Some(id), Some(tag)) = (number(&doc["id"]), text(&doc["tag"])) else {
        return nothing("release without id and tag");
    };
    let repository = text(&doc["project"]["path_with_namespace"]);
    Said::Deployed(Box::new(Deployed {
        id: format!("gitlab {} release {id}", repository.as_deref().unwrap_or("")),
        // Not `released_at`, which people set: to the past for what they tell of late.
        at: when(&doc["created_at"], now),
        begun: false,
        more: more(
            &tag,
            None,
            text(&doc["commit"]["id"]).map(|sha| short(&sha)),
            repository,
            text(&doc["url"]),
        ),
        release: tag,
        environment: None,
    }))
}

/// The tag, where one was deployed; of a branch the commit, since its name stays the same. Neither says which of them a `ref` is:
/// tags of releases have a digit behind a dot or a `v`, a whole commit is all hex.
fn release(reference: Option<&str>, sha: &str) -> String {
    let reference = reference.map(|r| r.strip_prefix("refs/tags/").unwrap_or(r)).unwrap_or("");
    let digit = |at: usize| reference.as_bytes().get(at).is_some_and(u8::is_ascii_digit);
    let dotted = reference.match_indices('.').any(|(i, _)| digit(i + 1) && i > 0 && digit(i - 1));
    let marked = reference.starts_with(['v', 'V']) && digit(1);
    if (dotted || marked) && !reference.contains('/') { reference.to_owned() } else { short(sha) }
}

fn short(sha: &str) -> String {
    sha.chars().take(SHORT_SHA).collect()
}

/// What is known besides; the release is not named twice.
fn more(
    release: &str,
    reference: Option<String>,
    sha: Option<String>,
    repository: Option<String>,
    url: Option<String>,
) -> Vec<(&'static str, String)> {
    let all = [("ref", reference), ("sha", sha), ("repository", repository), ("url", url)];
    all.into_iter().filter_map(|(n, v)| Some((n, v.filter(|v| v != release)?))).collect()
}

/// A text that says something, on one line.
fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::trim).filter(|t| !t.is_empty()).map(name)
}

fn name(text: &str) -> String {
    text.chars().take(NAME_CHARS_MAX).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn number(value: &Value) -> Option<u64> {
    value.as_u64()
}

/// An instant as GitHub (RFC 3339) and GitLab (`2026-11-24 07:10:44 +0100`, `… UTC`) write it; now where it is none, or yet to come.
fn when(value: &Value, now: Time) -> Time {
    let stated = value.as_str().and_then(|t| formats::time::stamp(t.trim(), now)).map(|s| s.time);
    stated.filter(|t| *t <= now).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// 2026-11-24T07:30:00Z
    const NOW: Time = Time(1_795_505_400 * SECOND);
    const SHA: &str = "9e41c07d5a8b4f3c2e1d0a9b8c7d6e5f4a3b2c1d";

    fn head(headers: &[(&str, &str)]) -> Head {
        let headers = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        Head { method: "POST".into(), path: "/api/v1/webhooks/1/x".into(), headers, ..Head::default() }
    }

    fn read(forge: Forge, event: &str, doc: &Value) -> Said {
        let name = if forge == Forge::GitHub { "x-github-event" } else { "x-gitlab-event" };
        forge.read(&head(&[(name, event)]), doc.to_string().as_bytes(), NOW).unwrap()
    }

    fn deployed(said: Said) -> Deployed {
        match said {
            Said::Deployed(d) => *d,
            Said::Nothing(why) => panic!("{why}"),
        }
    }

    fn status(state: &str, reference: &str) -> Value {
        json!({
            "action": "created",
            "deployment_status": {
                "id": 9, "state": state, "environment": "production", "target_url": "", "created_at": "2026-11-24T07:10:44Z",
                "environment_url": "https://shop.example", "log_url": "https://github.com/acme/shop/actions/runs/5",
            },
            "deployment": {
                "id": 17, "sha": SHA, "ref": reference, "task": "deploy", "environment": "production", "payload": {},
                "transient_environment": false, "production_environment": true, "created_at": "2026-11-24T07:09:01Z",
            },
            "repository": {"id": 3, "full_name": "acme/shop"}, "sender": {"login": "ada"},
        })
    }

    #[test]
    fn signatures_are_as_documented() {
        // The example of GitHub's page.
        let right = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        let github = |signature: &str, body: &[u8]| {
            let head = head(&[("x-hub-signature-256", signature)]);
            Forge::GitHub.signed(&head, body, "It's a Secret to Everybody", NOW)
        };
        assert!(github(right, b"Hello, World!"));
        for (signature, body) in [
            (right, &b"Hello, World"[..]),
            ("sha256=", b"Hello, World!"),
            ("sha256=757107", b"Hello, World!"),
            ("sha1=757107ea0eb2509fc211221cce984b8a37570b6d", b"Hello, World!"),
            ("sha256=zz", b"Hello, World!"),
            ("", b"Hello, World!"),
        ] {
            assert!(!github(signature, body), "{signature}");
        }
        // The example of the Standard Webhooks' libraries.
        let right = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        let gitlab = |signatures: &str, at_s: i64, headers: &[(&str, &str)]| {
            let mut all = vec![
                ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
                ("webhook-timestamp", "1614265330"),
                ("webhook-signature", signatures),
            ];
            all.extend_from_slice(headers);
            let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
            Forge::GitLab.signed(&head(&all), b"{\"test\": 2432232314}", secret, Time::from_secs(at_s))
        };
        assert!(gitlab(right, 1_614_265_330, &[]));
        assert!(gitlab(&format!("v1,AAAA v2,AAAA {right}"), 1_614_265_600, &[]));
        assert!(!gitlab(right, 1_614_269_000, &[]), "an hour later");
        assert!(!gitlab("v1,AAAA", 1_614_265_330, &[]));
        assert!(!gitlab(right, 1_614_265_330 - 9_000, &[("x-gitlab-token", "another")]));
        assert!(gitlab("", 0, &[("x-gitlab-token", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]));
        assert!(!gitlab("", 0, &[("x-gitlab-token", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSx")]));
    }

    #[test]
    fn secrets_have_the_form_that_gitlab_asks() {
        let random: [u8; 32] = std::array::from_fn(|i| (i * 37) as u8);
        let made = secret(&random);
        assert_eq!(basic::decoded(made.strip_prefix("whsec_").unwrap()).unwrap(), random);
        assert_eq!((made.len(), made.ends_with('=')), (50, true));
    }

    #[test]
    fn a_deployment_on_github_is_marked_as_it_goes_out() {
        let begun = deployed(read(Forge::GitHub, "deployment_status", &status("in_progress", "v3.8.0")));
        assert_eq!(begun.id, "github acme/shop deployment 17");
        assert_eq!(begun.at.to_string(), "2026-11-24T07:10:44Z");
        assert_eq!((begun.release.as_str(), begun.environment.as_deref()), ("v3.8.0", Some("production")));
        let more: Vec<_> = begun.more.iter().map(|(n, v)| format!("{n}={v}")).collect();
        assert_eq!(more, ["sha=9e41c07d", "repository=acme/shop", "url=https://shop.example"]);
        let ended = deployed(read(Forge::GitHub, "deployment_status", &status("success", "main")));
        assert_eq!((begun.begun, ended.begun), (true, false));
        assert!(ended.more.contains(&("ref", "main".to_owned())), "{ended:?}");
        assert_eq!((ended.id, ended.release.as_str()), (begun.id, "9e41c07d"));
        for state in ["queued", "pending", "failure", "error", "inactive"] {
            let said = read(Forge::GitHub, "deployment_status", &status(state, "main"));
            assert_eq!(said, Said::Nothing(format!("deployment status {state}")));
        }
        let mut preview = status("success", "fix-cart");
        preview["deployment"]["transient_environment"] = json!(true);
        assert!(matches!(read(Forge::GitHub, "deployment_status", &preview), Said::Nothing(_)));
    }

    #[test]
    fn a_release_on_github_is_marked_when_it_is_published() {
        let release = |action: &str| {
            json!({
                "action": action,
                "release": {
                    "id": 5, "tag_name": "v3.8.0", "target_commitish": "main", "name": "Lighter carts", "draft": false,
                    "prerelease": false, "created_at": "2026-11-24T07:00:00Z", "published_at": "2026-11-24T07:12:00Z",
                    "html_url": "https://github.com/acme/shop/releases/tag/v3.8.0",
                },
                "repository": {"full_name": "acme/shop"},
            })
        };
        let published = deployed(read(Forge::GitHub, "release", &release("published")));
        assert_eq!((published.release.as_str(), published.environment), ("v3.8.0", None));
        assert_eq!(published.at.to_string(), "2026-11-24T07:12:00Z");
        assert_eq!(deployed(read(Forge::GitHub, "release", &release("released"))).id, published.id);
        assert!(matches!(read(Forge::GitHub, "release", &release("edited")), Said::Nothing(_)));
    }

    #[test]
    fn a_form_holds_the_same() {
        let coded: String =
            status("success", "v3.8.0").to_string().bytes().map(|b| format!("%{b:02X}")).collect();
        let head = head(&[
            ("x-github-event", "deployment_status"),
            ("content-type", "application/x-www-form-urlencoded"),
        ]);
        let said = Forge::GitHub.read(&head, format!("payload={coded}").as_bytes(), NOW).unwrap();
        assert_eq!(deployed(said).release, "v3.8.0");
    }

    #[test]
    fn deployments_and_releases_on_gitlab() {
        let deployment = |status: &str| {
            json!({
                "object_kind": "deployment", "status": status, "status_changed_at": "2026-11-24 08:10:44 +0100",
                "deployment_id": 15, "deployable_id": 796, "deployable_url": "https://gitlab.example/acme/shop/-/jobs/796",
                "environment": "staging", "environment_tier": "staging", "environment_slug": "staging",
                "environment_external_url": null,
                "project": {"id": 30, "path_with_namespace": "acme/shop", "web_url": "https://gitlab.example/acme/shop"},
                "ref": "main", "short_sha": "279484c0", "user": {"id": 1, "name": "Ada"}, "commit_title": "Lighter carts",
            })
        };
        let begun = deployed(read(Forge::GitLab, "Deployment Hook", &deployment("running")));
        assert_eq!(begun.id, "gitlab acme/shop deployment 15");
        assert_eq!(begun.at.to_string(), "2026-11-24T07:10:44Z");
        assert_eq!((begun.release.as_str(), begun.environment.as_deref()), ("279484c0", Some("staging")));
        assert!(begun.more.contains(&("url", "https://gitlab.example/acme/shop/-/jobs/796".to_owned())));
        assert_eq!(deployed(read(Forge::GitLab, "Deployment Hook", &deployment("success"))).id, begun.id);
        for status in ["failed", "canceled", "blocked", "approved"] {
            assert!(matches!(read(Forge::GitLab, "Deployment Hook", &deployment(status)), Said::Nothing(_)));
        }
        let release = |action: &str| {
            json!({
                "object_kind": "release", "action": action, "id": 4, "tag": "v1.1", "name": "v1.1",
                "created_at": "2026-11-24 07:12:00 UTC", "released_at": "2026-11-20 00:00:00 UTC",
                "url": "https://gitlab.example/acme/shop/-/releases/v1.1",
                "project": {"path_with_namespace": "acme/shop"}, "commit": {"id": SHA},
            })
        };
        let created = deployed(read(Forge::GitLab, "Release Hook", &release("create")));
        assert_eq!(
            (created.release.as_str(), created.at.to_string().as_str()),
            ("v1.1", "2026-11-24T07:12:00Z")
        );
        assert!(created.more.contains(&("sha", "9e41c07d".to_owned())));
        assert!(matches!(read(Forge::GitLab, "Release Hook", &release("update")), Said::Nothing(_)));
        assert!(matches!(
            read(Forge::GitLab, "Tag Push Hook", &json!({"ref": "refs/tags/v1.1"})),
            Said::Nothing(_)
        ));
    }

    #[test]
    fn one_environment_may_be_asked_for() {
        let asked = |only: &str| {
            let mut head = head(&[("x-github-event", "deployment_status")]);
            head.query = format!("environment={only}");
            Forge::GitHub.read(&head, status("success", "main").to_string().as_bytes(), NOW).unwrap()
        };
        assert!(matches!(asked("Production"), Said::Deployed(_)));
        assert_eq!(asked("staging"), Said::Nothing("deployment to another environment".into()));
    }

    #[test]
    fn what_is_odd_is_no_deployment_and_no_panic() {
        assert!(Forge::GitHub.read(&head(&[]), b"\xff", NOW).is_err());
        assert!(Forge::GitLab.read(&head(&[]), b"<xml/>", NOW).is_err());
        for doc in
            [json!(null), json!([]), json!({"deployment_status": {"state": "success"}, "deployment": 7})]
        {
            assert!(matches!(read(Forge::GitHub, "deployment_status", &doc), Said::Nothing(_)));
            assert!(matches!(read(Forge::GitLab, "Deployment Hook", &doc), Said::Nothing(_)));
        }
        // A clock that runs ahead marks nothing in the future.
        let mut early = status("success", "main");
        early["deployment_status"]["created_at"] = json!("2030-01-01T00:00:00Z");
        assert_eq!(deployed(read(Forge::GitHub, "deployment_status", &early)).at, NOW);
    }

    #[test]
    fn names_of_releases() {
        for (reference, name) in [
            ("v3.8.0", "v3.8.0"),
            ("refs/tags/3.8.0-rc1", "3.8.0-rc1"),
            ("v42", "v42"),
            ("main", "9e41c07d"),
            ("release/3.8.0", "9e41c07d"),
            ("fix-v2-cart", "9e41c07d"),
            (SHA, "9e41c07d"),
            ("", "9e41c07d"),
        ] {
            assert_eq!(release(Some(reference), SHA), name, "{reference}");
        }
    }
}
