//! `why500 deploy`: tells a running `why500 serve` that a release went out, so that what begins to fail after it is laid to it.
//!
//! ```text
//! POST /api/v1/deploys HTTP/1.1
//! Authorization: Bearer …
//!
//! {"release":"shop@3.8.0","environment":"production","service":"shop","at":"2026-11-24T07:10:00Z"}
//! ```

use crate::explain::Usage;
use crate::reach::{self, At};
use clap::Args;
use serde::Serialize;
use std::process::ExitCode;
use std::time::Duration;
use ureq::http::StatusCode;

/// A pipeline is not to stand still because why500 does.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Of an answer that says what is wrong, so much is looked at.
const ANSWER_BYTES_MAX: u64 = 64 << 10;
/// … and so much of it is shown where it is no problem details.
const SHOWN_CHARS_MAX: usize = 200;

/// Options of `deploy`.
#[derive(Args, Debug)]
pub struct Deploy {
    /// The release, as the service names it to Sentry or OpenTelemetry: shop@3.8.0, a version, a commit
    #[arg(value_name = "RELEASE")]
    release: String,
    /// The project it belongs to [default: that of the token]
    #[arg(long, value_name = "PROJECT")]
    project: Option<String>,
    /// Where it went out: production, staging
    #[arg(long, value_name = "ENVIRONMENT")]
    environment: Option<String>,
    /// The service, where the project has several
    #[arg(long, value_name = "SERVICE")]
    service: Option<String>,
    /// When it went out, RFC 3339 [default: now]
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    #[command(flatten)]
    reach: At,
    /// API token or ingest key
    #[arg(long, value_name = "TOKEN", env = "WHY500_TOKEN", hide_env_values = true)]
    token: Option<String>,
}

/// What is posted.
#[derive(Serialize)]
struct Posted<'a> {
    release: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    project: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    environment: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<String>,
}

/// Posts it: 0 when the server has it, 1 when not.
pub fn run(options: &Deploy) -> Result<ExitCode, Usage> {
    let at = options.at.as_deref().map(instant).transpose()?;
    if options.release.trim().is_empty() {
        return Err(Usage("deploy: the release is empty; name it, e.g. shop@3.8.0".into()));
    }
    let posted = Posted {
        release: options.release.trim(),
        project: options.project.as_deref(),
        environment: options.environment.as_deref(),
        service: options.service.as_deref(),
        at,
    };
    let server = options.reach.address()?;
    match post(&options.reach.agent(&server)?, &server, options.token.as_deref(), &posted) {
        Ok(()) => {
            println!("{} is marked as deployed.", posted.release);
            Ok(ExitCode::SUCCESS)
        }
        Err(what) => {
            eprintln!("why500: deploy: {what}");
            Ok(ExitCode::FAILURE)
        }
    }
}

fn instant(text: &str) -> Result<String, Usage> {
    let parsed: Result<jiff::Timestamp, _> = text.trim().parse();
    parsed.map(|t| t.to_string()).map_err(|_| {
        Usage(format!("deploy: --at {text}: no instant; write it as 2026-11-24T07:10:00Z or with an offset"))
    })
}

fn post(agent: &ureq::Agent, server: &str, token: Option<&str>, posted: &Posted) -> Result<(), String> {
    let url = format!("{server}/api/v1/deploys");
    let body = serde_json::to_vec(posted).map_err(|e| e.to_string())?;
    let mut request = agent.post(&url).header("content-type", "application/json");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let request = request.config().timeout_global(Some(TIMEOUT)).build();
    let mut answer = request
        .send(&body[..])
        .map_err(|e| format!("{server} cannot be reached ({e}); {}", reach::hint(&e)))?;
    let status = answer.status();
    if status.is_success() {
        return Ok(());
    }
    let said = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_string().unwrap_or_default();
    Err(refused(server, status, &said, token.is_some()))
}

fn refused(server: &str, status: StatusCode, said: &str, has_token: bool) -> String {
    let details: Option<serde_json::Value> = serde_json::from_str(said).ok();
    let text = |name: &str| details.as_ref().and_then(|d| d.get(name)).and_then(serde_json::Value::as_str);
    let why = text("detail").or_else(|| text("title")).unwrap_or(said).trim();
    let why: String = why.chars().take(SHOWN_CHARS_MAX).collect();
    let why = record::scrub::visible(&why);
    let hint = match status.as_u16() {
        401 | 403 if has_token => {
            "the token is not one that may mark deploys; make one on the server's page of keys"
        }
        401 | 403 => "give a token with --token or in WHY500_TOKEN",
        404 => "this is no `why500 serve`, or an older one: check --server",
        429 | 503 => "try again later",
        _ => "the server's log says more",
    };
    format!("{server} answered {status}{}{why}; {hint}", if why.is_empty() { "" } else { ": " })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread;

    /// Answers one request, and gives what was asked.
    fn server(answer: &'static str) -> (String, thread::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let (mut all, mut buffer) = (String::new(), [0; 4096]);
            while !all.ends_with('}') {
                let n = stream.read(&mut buffer).unwrap();
                all.push_str(std::str::from_utf8(&buffer[..n]).unwrap());
            }
            stream.write_all(answer.as_bytes()).unwrap();
            all
        });
        (url, asked)
    }

    fn post(server: &str, token: Option<&str>, posted: &Posted) -> Result<(), String> {
        let at = At { server: Some(server.to_owned()), ca: None };
        let address = at.address().unwrap();
        super::post(&at.agent(&address).unwrap(), &address, token, posted)
    }

    const SHOP: Posted = Posted {
        release: "shop@3.8.0",
        project: None,
        environment: Some("production"),
        service: None,
        at: None,
    };

    #[test]
    fn a_release_is_posted_with_the_token() {
        let (url, asked) = server("HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n");
        let posted = Posted { at: Some(instant("2026-11-24T08:10:00+01:00").unwrap()), ..SHOP };
        post(&format!("{url}/"), Some("w5_abc"), &posted).unwrap();
        let asked = asked.join().unwrap();
        let (head, body) = asked.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("POST /api/v1/deploys HTTP/1.1\r\n"), "{head}");
        assert!(head.to_ascii_lowercase().contains("\r\nauthorization: bearer w5_abc"), "{head}");
        assert_eq!(
            body,
            r#"{"release":"shop@3.8.0","environment":"production","at":"2026-11-24T07:10:00Z"}"#
        );
    }

    #[test]
    fn a_refusal_says_why_and_what_to_do() {
        let body = "{\"status\":403,\"title\":\"this key is for ingest only\"}";
        assert_eq!(body.len(), 52);
        let (url, asked) = server(
            "HTTP/1.1 403 Forbidden\r\ncontent-type: application/problem+json\r\ncontent-length: 52\r\n\r\n{\"status\":403,\"title\":\"this key is for ingest only\"}",
        );
        let what = post(&url, Some("w5_abc"), &SHOP).unwrap_err();
        asked.join().unwrap();
        assert!(what.contains("403 Forbidden: this key is for ingest only; the token is not"), "{what}");
    }

    #[test]
    fn a_server_that_is_not_there_says_what_to_do() {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let what = post(&format!("http://{free}"), None, &SHOP).unwrap_err();
        assert!(
            what.contains("cannot be reached") && what.contains("start it with `why500 serve`"),
            "{what}"
        );
        assert!(instant("yesterday").is_err());
    }
}
