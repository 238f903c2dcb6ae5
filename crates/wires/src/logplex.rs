//! Heroku's drains over HTTP: syslog messages, each with its length before it.
//!
//! ```text
//! POST /logs HTTP/1.1
//! Content-Type: application/logplex-1
//! Logplex-Msg-Count: 2
//!
//! 83 <40>1 2012-11-30T06:45:29+00:00 host app web.3 - State changed from starting to up
//! 119 <158>1 2012-11-30T06:45:26+00:00 host heroku router - at=error code=H12 desc="Request timeout" method=GET path="/" …
//! ```
//!
//! Source: Heroku Dev Center, "Log Drains", "HTTPS drains"; the structured data of RFC 5424 is left out there.

use crate::entry::{self, Around};
use crate::framing::Framing;
use crate::syslog::Parser;
use crate::{Access, Answer, Head, Refusal, Taken, Wire, basic};
use record::Time;
use std::borrow::Cow;

pub(crate) struct Logplex;

pub(crate) fn is_logplex(head: &Head) -> bool {
    head.media_type() == "application/logplex-1"
}

impl Wire for Logplex {
    fn name(&self) -> &'static str {
        "logplex"
    }

    fn knows(&self, head: &Head) -> bool {
        head.method == "POST" && is_logplex(head)
    }

    fn access(&self, head: &Head, _body: &[u8]) -> Access {
        let drain = head.header("logplex-drain-token").map(str::to_owned);
        let found = basic::any(head);
        Access { project: found.project, key: found.key.or(drain) }
    }

    fn read(&self, head: &Head, body: &[u8], now: Time) -> Result<Taken, Refusal> {
        let mut taken = Taken { answer: Answer { status: 204, ..Answer::default() }, ..Taken::default() };
        frames(body, head, now, &mut taken);
        Ok(taken)
    }
}

/// Takes the frames of a drain in.
pub(crate) fn frames(body: &[u8], head: &Head, now: Time, taken: &mut Taken) {
    let parser = Parser::new();
    let drain = head.header("logplex-drain-token").unwrap_or(&head.peer);
    let mut framing = Framing::default();
    let mut n = 0;
    framing.push(body, &mut |frame| n += u64::from(one(&parser, frame, drain, now, taken)));
    framing.end(&mut |frame| n += u64::from(one(&parser, frame, drain, now, taken)));
    framing.told(taken);
    entry::count(n, taken);
}

fn one(parser: &Parser, frame: &[u8], drain: &str, now: Time, taken: &mut Taken) -> bool {
    let text = String::from_utf8_lossy(frame);
    let Some(found) = parser.read(&text, now) else { return false };
    // As `heroku logs` shows them: `app[web.3]`, `heroku[router]`. What the platform says of a dyno is not the dyno's own word.
    let service = match (found.service.as_deref(), found.pid.as_deref()) {
        (Some("app"), Some(dyno)) | (Some("heroku"), Some(dyno @ "router")) => Some(dyno.to_owned().into()),
        (Some("heroku"), Some(dyno)) => Some(Cow::Owned(format!("heroku[{dyno}]"))),
        _ => found.service,
    };
    let around = Around {
        stream: format!("logplex {drain}").into(),
        at: found.at,
        level: found.level,
        service,
        node: found.node.filter(|n| n != "host"),
        ..Around::default()
    };
    entry::text(found.inner, &around, now, taken);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dynos_the_router_and_the_platform() {
        let frames = [
            "<190>1 2026-11-24T07:45:29+00:00 host app web.3 - Error: boom\n",
            "<190>1 2026-11-24T07:45:29+00:00 host app web.3 -     at f (/app/a.js:1:2)\n",
            "<158>1 2026-11-24T07:45:26+00:00 host heroku router - at=error code=H12 method=GET path=\"/\" status=503\n",
            "<45>1 2026-11-24T07:45:26+00:00 host heroku web.1 - Process exited with status 137\n",
        ];
        let body: String = frames.iter().map(|f| format!("{} {f}", f.len())).collect();
        let head = Head {
            method: "POST".into(),
            headers: vec![("content-type".into(), "application/logplex-1".into())],
            ..Head::default()
        };
        assert!(Logplex.knows(&head));
        let taken = Logplex.read(&head, body.as_bytes(), Time::from_secs(1_795_505_800)).unwrap();
        let seen: Vec<_> =
            taken.lines.iter().map(|l| (l.service.as_deref().unwrap(), l.text.as_str())).collect();
        assert_eq!(
            seen,
            [
                ("web.3", "Error: boom"),
                ("web.3", "    at f (/app/a.js:1:2)"),
                ("router", "at=error code=H12 method=GET path=\"/\" status=503"),
                ("heroku[web.1]", "Process exited with status 137"),
            ]
        );
        assert_eq!(taken.items["log record"], 4);
    }
}
