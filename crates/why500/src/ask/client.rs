//! The API's client: blocking, plain HTTP, answers in JSON.

use crate::explain::Usage;
use crate::report::plain;
use serde_json::Value;
use std::io::Read;
use std::time::Duration;
use ureq::http::StatusCode;
use ureq::{Agent, Error};

/// The server's own default.
const SERVER: &str = "http://127.0.0.1:8500";
/// A server that is there accepts at once.
const CONNECT_TIME: Duration = Duration::from_secs(5);
/// Answers take some milliseconds; a busy machine is given more.
const ANSWER_TIME: Duration = Duration::from_secs(30);
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
    /// For the server named, or the one in `WHY500_SERVER`, or the default's.
    pub fn new(server: Option<&str>, project: Option<i64>) -> Result<Client, Usage> {
        let set = |name: &str| std::env::var(name).ok().filter(|v| !v.is_empty());
        let named = server.map(str::to_owned).or_else(|| set("WHY500_SERVER")).unwrap_or(SERVER.into());
        let base = if named.contains("://") { named } else { format!("http://{named}") };
        if !base.starts_with("http://") {
            return Err(Usage(format!(
                "{}: only http:// is asked; name the server's own port, through a tunnel (ssh -L) where it is elsewhere",
                plain(&base)
            )));
        }
        let config = Agent::config_builder()
            .timeout_connect(Some(CONNECT_TIME))
            .http_status_as_error(false)
            // The server is here or in the next room: proxies are for what lies beyond.
            .proxy(None);
        Ok(Client {
            agent: config.build().into(),
            base: base.trim_end_matches('/').to_owned(),
            token: set("WHY500_TOKEN"),
            project,
        })
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
            "{} does not answer ({}); start it with `why500 serve`, or name another with --server or WHY500_SERVER",
            plain(&self.base),
            plain(&e.to_string())
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
