//! AWS Lambda's log: what the runtimes and the platform write to CloudWatch.
//!
//! ```text
//! 2026-11-24T07:30:12.123Z  8f507cfc-xmpl-4697-b07a-ac58fc914c95  ERROR  Invoke Error   {"errorType":"TypeError","errorMessage":"x is null","stack":["TypeError: x is null","    at handler (/var/task/index.js:3:9)"]}
//! [ERROR]  2026-11-24T07:30:12.123Z  8f507cfc-xmpl-4697-b07a-ac58fc914c95  payment failed
//! 2026-11-24T07:30:15.127Z 8f507cfc-xmpl-4697-b07a-ac58fc914c95 Task timed out after 3.00 seconds
//! INIT_REPORT Init Duration: 9998.21 ms  Phase: init  Status: timeout
//! REPORT RequestId: 8f507cfc-xmpl-4697-b07a-ac58fc914c95  Duration: 3000.00 ms  Billed Duration: 3000 ms  Memory Size: 128 MB  Max Memory Used: 128 MB
//! ```
//!
//! (Between the columns are tabs.) Source:
//! <https://docs.aws.amazon.com/lambda/latest/dg/nodejs-logging.html>, `python-logging.html`,
//! `monitoring-cloudwatchlogs.html`.

use super::prefix::{group, level, stamp};
use crate::{Context, Entry, LineFormat, RequestRef};
use record::Level;
use serde_json::Value;
use std::borrow::Cow;

/// Lines of AWS Lambda.
pub(super) struct Lambda;

/// A UUID: request ids of invocations.
fn is_invocation(id: &str) -> bool {
    id.len() == 36
        && id
            .bytes()
            .enumerate()
            .all(|(i, c)| if matches!(i, 8 | 13 | 18 | 23) { c == b'-' } else { c.is_ascii_alphanumeric() })
}

/// What the platform says of an invocation, and of the start of its environment, which belongs to none.
fn platform(line: &str) -> Option<Entry<'_>> {
    let id = match line.split_once(" RequestId: ") {
        Some(("START" | "END" | "REPORT" | "RequestId:", rest)) => {
            Some(rest.get(..36).filter(|id| is_invocation(id))?)
        }
        _ if line.starts_with("INIT_REPORT Init Duration: ") || line.starts_with("INIT_START Runtime ") => {
            None
        }
        _ => return None,
    };
    let reports = line.starts_with("REPORT ") || line.starts_with("INIT_REPORT ");
    let bad = reports && (line.contains("Status: timeout") || line.contains("Status: error"));
    Some(Entry {
        level: if bad { Level::Error } else { Level::Info },
        message: line.into(),
        request: id.map(|id| RequestRef { id: Some(id.into()), ..RequestRef::default() }),
        ..Entry::default()
    })
}

impl LineFormat for Lambda {
    fn name(&self) -> &'static str {
        "aws lambda"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        let with_id = |id: &'a str| Some(RequestRef { id: Some(id.into()), ..RequestRef::default() });
        if let Some(entry) = platform(line) {
            return Some(entry);
        }
        // RequestId: … Error: Runtime exited with error: signal: killed
        if let Some(rest) = line.strip_prefix("RequestId: ") {
            let id = rest.get(..36).filter(|id| is_invocation(id))?;
            let message = rest.get(36..)?.trim_start();
            return Some(Entry {
                level: Level::Error,
                message: message.into(),
                request: with_id(id),
                ..Entry::default()
            });
        }
        if line.starts_with('[') {
            let (name, rest) = group(line, '[', ']')?;
            let level = level(name)?;
            let mut columns = rest.strip_prefix('\t')?.splitn(3, '\t');
            let (at, "") = stamp(columns.next()?, context)? else { return None };
            let id = columns.next().filter(|id| is_invocation(id))?;
            let message = columns.next().unwrap_or("");
            return Some(Entry {
                at: Some(at),
                level,
                message: message.into(),
                request: with_id(id),
                ..Entry::default()
            });
        }
        if !line.starts_with("20") {
            return None;
        }
        let (at, rest) = stamp(line, context)?;
        let rest = rest.strip_prefix(['\t', ' '])?;
        if let Some(entry) = platform(rest) {
            return Some(Entry { at: Some(at), ..entry });
        }
        let id = rest.get(..36).filter(|id| is_invocation(id))?;
        let rest = rest.get(36..)?;
        if let Some(message) = rest.strip_prefix(' ') {
            let level = if message.starts_with("Task timed out") { Level::Error } else { Level::Unknown };
            return Some(Entry {
                at: Some(at),
                level,
                message: message.into(),
                request: with_id(id),
                ..Entry::default()
            });
        }
        let (name, message) = rest.strip_prefix('\t')?.split_once('\t')?;
        let mut entry = Entry {
            at: Some(at),
            level: level(name)?,
            message: message.into(),
            request: with_id(id),
            ..Entry::default()
        };
        // "Invoke Error" and "Uncaught Exception" carry the error as JSON.
        if let Some((said, json)) = message.split_once('\t').filter(|(_, j)| j.starts_with('{'))
            && let Ok(Value::Object(error)) = serde_json::from_str::<Value>(json)
        {
            let get = |k: &str| error.get(k).and_then(Value::as_str).unwrap_or("");
            entry.message =
                Cow::Owned(format!("{}: {}: {}", said.trim_end(), get("errorType"), get("errorMessage")));
            if let Some(stack) = error.get("stack").and_then(Value::as_array) {
                entry.trace =
                    Some(Cow::Owned(stack.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n")));
            }
        }
        Some(entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "8f507cfc-0000-4697-b07a-ac58fc914c95";

    fn read(line: &str) -> Option<Entry<'_>> {
        Lambda.read(line, &Context::default())
    }

    #[test]
    fn runtimes_write_columns() {
        let line = format!(
            "2026-11-24T07:30:12.123Z\t{ID}\tERROR\tInvoke Error \t{{\"errorType\":\"TypeError\",\"errorMessage\":\"x is null\",\"stack\":[\"TypeError: x is null\",\"    at handler (/var/task/index.js:3:9)\"]}}"
        );
        let e = read(&line).unwrap();
        assert_eq!((e.level, e.message.as_ref()), (Level::Error, "Invoke Error: TypeError: x is null"));
        assert_eq!(e.trace.as_deref(), Some("TypeError: x is null\n    at handler (/var/task/index.js:3:9)"));
        assert_eq!(e.request.unwrap().id.as_deref(), Some(ID));
        let line = format!("[ERROR]\t2026-11-24T07:30:12.123Z\t{ID}\tpayment failed");
        assert_eq!(read(&line).map(|e| e.message.into_owned()).as_deref(), Some("payment failed"));
    }

    #[test]
    fn the_platform_writes_ends() {
        let line = format!("2026-11-24T07:30:15.127Z {ID} Task timed out after 3.00 seconds");
        let e = read(&line).unwrap();
        assert_eq!((e.level, e.message.as_ref()), (Level::Error, "Task timed out after 3.00 seconds"));
        let line = format!("RequestId: {ID} Error: Runtime exited with error: signal: killed");
        assert_eq!(
            read(&line).map(|e| e.message.into_owned()).as_deref(),
            Some("Error: Runtime exited with error: signal: killed")
        );
        let line = format!("REPORT RequestId: {ID}\tDuration: 3000.00 ms\tStatus: timeout");
        assert_eq!(read(&line).map(|e| e.level), Some(Level::Error));
        // As CloudWatch exports it, and the start of an environment.
        let line = format!("2026-11-24T07:30:15.127Z START RequestId: {ID} Version: $LATEST");
        assert!(read(&line).is_some_and(|e| e.at.is_some() && e.request.is_some()));
        let line =
            "2026-11-24T07:30:10.127Z INIT_REPORT Init Duration: 9998.21 ms\tPhase: init\tStatus: timeout";
        let e = read(line).unwrap();
        assert_eq!((e.level, e.at.is_some(), e.request), (Level::Error, true, None));
    }

    #[test]
    fn lines_of_others_are_refused() {
        for l in [
            "",
            "START RequestId: x",
            "[ERROR]\tx",
            "2026-11-24T07:30:12.123Z\tERROR\tx",
            "2026-11-24T07:30:12Z é",
            "é",
        ] {
            assert!(read(l).is_none(), "{l}");
        }
    }
}
