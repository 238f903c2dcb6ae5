//! A fault of the code that is told with its place once and without it later.
//!
//! Sentry's SDKs do not send the same error twice in a row (their `Dedupe` integration): of the second request that fails in the
//! same way only the span comes, with type and words but no frames. Source:
//! github.com/getsentry/sentry-javascript `packages/core/src/integrations/dedupe.ts`.

use crate::group::{Explanation, Scene, Why, said};
use record::{Cause, Class};
use std::collections::HashMap;
use std::sync::Arc;

/// What two failures have in common that failed in the same way: route, method, cause, words.
type Alike<'a> = (&'a str, &'a str, Cause, String);

impl Scene<'_> {
    /// A fault without a place has that of the failures of the same route that say the same, if these all name one.
    pub fn place_repeats(&self, explained: &mut [Option<Explanation>]) {
        let alike = |k: usize, e: &Explanation| -> Option<Alike<'_>> {
            let f = self.failures.get(k).filter(|f| f.counts && e.cause.class == Class::Code)?;
            let words = said(e.finding()?);
            (!words.is_empty()).then(|| (&*f.route, &*f.method, e.cause.clone(), words))
        };
        // `None`: they name several.
        let mut placed: HashMap<Alike<'_>, Option<Arc<Why>>> = HashMap::new();
        for (k, e) in explained.iter().enumerate() {
            let Some(e) = e.as_ref().filter(|e| e.culprit.is_some()) else { continue };
            let Some(key) = alike(k, e) else { continue };
            let known = placed.entry(key).or_insert_with(|| Some(Arc::clone(&e.why)));
            if known.as_ref().is_some_and(|w| w.fingerprint != e.fingerprint) {
                *known = None;
            }
        }
        if placed.is_empty() {
            return;
        }
        for (k, e) in explained.iter_mut().enumerate() {
            let Some(e) = e.as_mut().filter(|e| e.culprit.is_none()) else { continue };
            if let Some(Some(why)) = alike(k, e).and_then(|key| placed.get(&key)) {
                e.why = Arc::clone(why);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Recogniser, Window};
    use record::{Exception, Frame, Level, Record, Request, Time, Zone};
    use std::sync::Arc;

    const NOW: Time = Time(1_795_926_860_000_000);

    fn at(number: u64, trace: &str) -> Record {
        Record {
            line: number,
            format: "sentry",
            at: Some(NOW),
            zone: Zone::Stated,
            level: Level::Error,
            service: Some("shop".into()),
            request: Some(Box::new(Request { trace: Some(trace.into()), ..Request::default() })),
            ..Record::default()
        }
    }

    /// A request that was answered 500.
    fn failed(number: u64, trace: &str, target: &str) -> Record {
        let mut r = at(number, trace);
        r.text = format!("GET {target} 500 in 5 ms");
        r.message = r.text.clone();
        if let Some(q) = &mut r.request {
            (q.method, q.target, q.status) = ("GET".into(), target.into(), Some(500));
        }
        r
    }

    fn thrown(number: u64, trace: &str, kind: &str, message: &str, frames: &[(&str, bool)]) -> Record {
        let mut r = at(number, trace);
        r.message = format!("{kind}: {message}");
        r.text = r.message.clone();
        let frame = |&(file, in_app): &(&str, bool)| Frame {
            file: file.into(),
            line: Some(12),
            function: "profile".into(),
            in_app,
            ..Frame::default()
        };
        let frames = frames.iter().map(frame).collect();
        r.exceptions = [Exception { kind: kind.into(), message: message.into(), frames }].into();
        r
    }

    /// Problems by what they are, with their failures.
    fn explained(records: Vec<Record>) -> Vec<(String, String, u64)> {
        let mut window = Window::new(Arc::new(Recogniser::new(&[]).expect("our signatures")));
        window.source("sentry");
        for r in records {
            window.take(r, NOW);
        }
        let seen = window.look(NOW, &|_| 0).seen;
        seen.into_iter()
            .map(|s| {
                let v = s.problem.verdict;
                (v.cause.to_string(), v.culprit.unwrap_or_default(), s.problem.count)
            })
            .collect()
    }

    #[test]
    fn an_error_that_the_sdk_told_only_once_is_one_problem() {
        let words = "Cannot read properties of undefined (reading 'name')";
        let app = [("/srv/shop/faults.js", true)];
        let records = vec![
            failed(1, "a", "/profile/1"),
            thrown(2, "a", "TypeError", words, &app),
            failed(3, "b", "/profile/2"),
            thrown(4, "b", "TypeError", words, &[]),
            failed(5, "c", "/other"),
            thrown(6, "c", "TypeError", words, &[]),
        ];
        let problems = explained(records);
        assert_eq!(
            problems.iter().map(|(_, at, n)| (at.as_str(), *n)).collect::<Vec<_>>(),
            [("/srv/shop/faults.js:12", 2), ("GET /other", 1)]
        );
    }

    /// `pg` for Node: the error itself has no frame of it, and the port is not one that says PostgreSQL.
    #[test]
    fn who_refuses_is_a_database_when_a_span_calls_it_one() {
        let words = "connect ECONNREFUSED 127.0.0.1:45533";
        let spans = [
            [("remote", "127.0.0.1:45533"), ("db.system.name", "postgresql"), ("", "")],
            [("err.address", "127.0.0.1"), ("err.port", "45533"), ("db.system", "postgresql")],
        ];
        for fields in spans {
            who_refuses(words, fields.map(|(k, v)| (k.to_owned(), v.to_owned())).to_vec());
        }
    }

    fn who_refuses(words: &str, fields: Vec<(String, String)>) {
        let mut call = thrown(2, "a", "Error", words, &[]);
        call.fields = fields;
        let records = vec![
            failed(1, "a", "/cart/1"),
            call,
            thrown(3, "a", "Error", words, &[("node:net", false)]),
            failed(4, "b", "/stock/1"),
            thrown(5, "b", "Error", "connect ECONNREFUSED 127.0.0.1:45534", &[("node:net", false)]),
        ];
        let mut problems = explained(records);
        problems.sort();
        assert_eq!(
            problems,
            [
                ("database/connection-refused".to_owned(), "127.0.0.1:45533".to_owned(), 1),
                ("upstream/connection-refused".to_owned(), "127.0.0.1:45534".to_owned(), 1)
            ]
        );
    }
}
