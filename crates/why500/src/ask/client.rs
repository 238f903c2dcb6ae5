//! The API's client: blocking, answers in JSON.

use crate::explain::Usage;
use crate::reach::{self, At};
use crate::report::plain;
use serde_json::Value;
use std::io::Read;
use std::time::Duration;
use ureq::http::StatusCode;
use ureq::{Agent, Error};

/// Answers take some milliseconds; a busy machine is given more.
const ANSWER_TIME: Duration = Duration::from_secs(30);
/// Some megabytes go up, over a slow line.
const POST_TIME: Duration = Duration::from_secs(300);
/// Bytes of an answer: the largest page, each problem with all its evidence.
const ANSWER_BYTES_MAX: u64 = 64 << 20;

/// Asks one server.
pub struct Client {
    agent: Agent,
    /// `http://127.0.0.1:8500`
    pub base: String,
    token: Option<String>,
    project: Option<i64>,
}

impl Client {
    /// For a server; the token is in `WHY500_TOKEN`.
    pub fn new(at: &At, project: Option<i64>) -> Result<Client, Usage> {
        let base = at.address()?;
        let token = std::env::var("WHY500_TOKEN").ok().filter(|v| !v.is_empty());
        Ok(Client { agent: at.agent(&base)?, base, token, project })
    }

    /// The answer to a question.
    pub fn get(&self, path: &str, query: &[(&str, String)]) -> Result<Value, Usage> {
        let text = self.read(path, query, Some(ANSWER_TIME))?;
        let mut text = text.take(ANSWER_BYTES_MAX);
        let mut bytes = Vec::new();
        text.read_to_end(&mut bytes)
            .map_err(|e| Usage(format!("{}: the answer broke off: {e}", self.base)))?;
        serde_json::from_slice(&bytes).map_err(|e| {
            Usage(format!("{}{path}: no answer of why500 ({e}); is it another server's port?", self.base))
        })
    }

    /// An answer that goes on.
    pub fn stream(&self, path: &str) -> Result<impl Read, Usage> {
        self.read(path, &[], None)
    }

    /// Sends JSON, packed by gzip.
    pub fn post(&self, path: &str, gzip: &[u8]) -> Result<(), Usage> {
        let mut request = self.agent.post(format!("{}{path}", self.base));
        if let Some(project) = self.project {
            request = request.query("project", project.to_string());
        }
        if let Some(token) = &self.token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        let request = request.header("Content-Type", "application/json").header("Content-Encoding", "gzip");
        let answer = request
            .config()
            .timeout_global(Some(POST_TIME))
            .build()
            .send(gzip)
            .map_err(|e| self.unreachable(&e))?;
        self.judged(answer).map(|_| ())
    }

    fn read(
        &self,
        path: &str,
        query: &[(&str, String)],
        time: Option<Duration>,
    ) -> Result<impl Read + use<>, Usage> {
        let mut request = self.agent.get(format!("{}{path}", self.base));
        for (name, value) in query {
            request = request.query(*name, value);
        }
        if let Some(project) = self.project {
            request = request.query("project", project.to_string());
        }
        if let Some(token) = &self.token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        let answer =
            request.config().timeout_global(time).build().call().map_err(|e| self.unreachable(&e))?;
        self.judged(answer)
    }

    /// The body of an answer, if it is a good one.
    fn judged(&self, answer: ureq::http::Response<ureq::Body>) -> Result<impl Read + use<>, Usage> {
        let status = answer.status();
        let body = answer.into_body().into_reader();
        if status.is_success() {
            return Ok(body);
        }
        let mut said = String::new();
        let _ = body.take(16 << 10).read_to_string(&mut said);
        Err(self.refused(status, &said))
    }

    fn unreachable(&self, e: &Error) -> Usage {
        Usage(format!(
            "{} does not answer ({}); {}",
            plain(&self.base),
            plain(&e.to_string()),
            reach::hint(e)
        ))
    }

    fn refused(&self, status: StatusCode, said: &str) -> Usage {
        let doc: Value = serde_json::from_str(said).unwrap_or_default();
        let why = doc["detail"].as_str().unwrap_or("it is no answer of why500; is it another server's port?");
        let todo = if status == StatusCode::UNAUTHORIZED {
            "; `why500 token --data FOLDER --name NAME` makes a token, set WHY500_TOKEN to it"
        } else {
            ""
        };
        Usage(format!("{}: {}: {}{todo}", plain(&self.base), status.as_u16(), plain(why)))
    }
}
