//! The demo's own clients: a request of each kind in turn, the same ones in every run.

use super::fault::Fault;
use serde_json::json;
use std::time::Duration;
use ureq::Agent;

/// A client of the demo waits so long; the service answers within half a second, whatever is broken.
const TIMEOUT: Duration = Duration::from_secs(5);
/// One in so many users is odd, where odd ones come.
const ODD_EVERY: u64 = 2;

/// Clients of one service.
pub struct Traffic {
    agent: Agent,
    base: String,
    /// Requests sent.
    pub sent: u64,
}

impl Traffic {
    /// Clients of the service at `http://127.0.0.1:4000`.
    pub fn to(base: &str) -> Traffic {
        let config = Agent::config_builder()
            .timeout_global(Some(TIMEOUT))
            .http_status_as_error(false)
            .user_agent("demo-client/1.0")
            .proxy(None);
        Traffic { agent: config.build().into(), base: base.to_owned(), sent: 0 }
    }

    /// Sends a request that only reads.
    pub fn next_read(&mut self) {
        self.sent += 1;
        let target = if self.sent.is_multiple_of(3) { "/health" } else { "/data" };
        let _ = answered(self.agent.get(format!("{}{target}", self.base)).call());
    }

    /// Sends the next request; its status, 0 where no answer came.
    pub fn next(&mut self, fault: Option<&Fault>) -> u16 {
        let n = self.sent;
        self.sent += 1;
        let round = n / 4;
        let done = match n % 4 {
            0 | 2 => self.agent.get(format!("{}/data?page={}", self.base, n / 2 % 4 + 1)).call(),
            1 => {
                let odd = fault.is_some_and(|f| f.odd_users) && round.is_multiple_of(ODD_EVERY);
                let mut user = json!({
                    "name": format!("User {round}"), "email": format!("user{round}@shop.example"), "age": 18 + round % 60,
                });
                if odd && let Some(user) = user.as_object_mut() {
                    user.remove("email");
                }
                self.agent
                    .post(format!("{}/add-user", self.base))
                    .header("Content-Type", "application/json")
                    .send(user.to_string())
            }
            _ => self.agent.get(format!("{}/health", self.base)).call(),
        };
        answered(done)
    }
}

/// The status, 0 where no answer came.
fn answered(done: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> u16 {
    done.map_or(0, |mut answer| {
        // Read to its end, so that the connection is used again.
        let _ = answer.body_mut().read_to_vec();
        answer.status().as_u16()
    })
}
