//! Our own door for whatever can post lines: `curl`, a cron job, a shipper with a plain HTTP output.
//!
//! ```text
//! POST /api/v1/ingest HTTP/1.1
//!
//! {"level":"error","msg":"boom","err":{"stack":"…"}}
//! 198.51.100.7 - - [24/Nov/2026:07:10:44 +0000] "GET /cart/17 HTTP/1.1" 502 157
//!
//! 202 {"accepted":2}
//! ```
//!
//! Any content type: an array, an object, NDJSON, lines of text, MessagePack. `?service=` and `?host=` name the writer.

use crate::entry::{self, Around};
use crate::{Access, Answer, Head, Refusal, Taken, Wire, basic, logplex, logtail, query};
use record::Time;

pub(crate) struct Ingest;

impl Wire for Ingest {
    fn name(&self) -> &'static str {
        "ingest"
    }

    fn knows(&self, head: &Head) -> bool {
        matches!(head.method.as_str(), "POST" | "PUT") && head.path.trim_end_matches('/') == "/api/v1/ingest"
    }

    fn access(&self, head: &Head, _body: &[u8]) -> Access {
        basic::any(head)
    }

    fn read(&self, head: &Head, body: &[u8], now: Time) -> Result<Taken, Refusal> {
        let mut taken = Taken::default();
        let around = Around {
            stream: "ingest".into(),
            peer: &head.peer,
            service: query::param(head, "service"),
            node: query::param(head, "host"),
            ..Around::default()
        };
        if logplex::is_logplex(head) {
            logplex::frames(body, head, now, &mut taken);
        } else if logtail::is_msgpack(head) {
            logtail::packed(body, &around, now, &mut taken)?;
        } else {
            entry::all(body, &around, now, &mut taken);
        }
        let answer = serde_json::json!({ "accepted": taken.lines.len() }).to_string();
        taken.answer = Answer::new(202, "application/json", answer);
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_objects_are_counted() {
        let head = Head { method: "POST".into(), path: "/api/v1/ingest".into(), ..Head::default() };
        assert!(Ingest.knows(&head));
        let body = b"{\"level\":\"error\",\"msg\":\"a\",\"order\":1}\nplain\n[{\"msg\":\"b\"}]";
        let taken = Ingest.read(&head, body, Time::from_secs(1_795_505_800)).unwrap();
        assert_eq!(taken.answer.body, br#"{"accepted":3}"#);
        let texts: Vec<_> = taken.lines.iter().map(|l| l.text.as_str()).collect();
        assert_eq!(texts, [r#"{"level":"error","msg":"a","order":1}"#, "plain", "b"]);
    }
}
