//! OTLP, the protocol of OpenTelemetry: over HTTP in protobuf and JSON, and over gRPC.
//!
//! ```text
//! POST /v1/traces HTTP/1.1                  POST /opentelemetry.proto.collector.trace.v1.TraceService/Export HTTP/2
//! Content-Type: application/x-protobuf      content-type: application/grpc
//! ```
//!
//! Sources: <https://opentelemetry.io/docs/specs/otlp/>, <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>. A body is
//! answered with an empty message when all of it was taken, else with how many items were rejected and why ("partial success"). What
//! is to be sent again is answered 503 or 429 (over gRPC UNAVAILABLE): all other statuses make senders throw it away.

mod binary;
mod grpc;
mod json;
mod logs;

use crate::protobuf::{Broken, Field};
use crate::{Access, Answer, Head, Refusal, Taken, Wire};
use record::Time;

/// Name of the format of its records.
const NAME: &str = "otlp";

/// OTLP.
pub(crate) struct Otlp;

/// What a request brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Signal {
    Traces,
    Logs,
    Metrics,
    /// In development: counted as a whole.
    Profiles,
}

/// How it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Protobuf,
    Json,
    Grpc,
}

/// How far a body was read.
#[derive(Debug, Default)]
struct Read {
    items: u64,
    rejected: u64,
    /// What could not be read, and where.
    broken: Option<String>,
}

impl Read {
    /// A field, or none with a note of what is broken.
    fn sound<'a>(&mut self, field: Result<(u32, Field<'a>), Broken>) -> Option<(u32, Field<'a>)> {
        if field.is_err() {
            self.reject();
        }
        field.ok()
    }

    fn reject(&mut self) {
        self.rejected += 1;
        self.broken.get_or_insert_with(|| "the protobuf message is cut off or broken".to_owned());
    }

    fn add(&mut self, other: Read) {
        self.items += other.items;
        self.rejected += other.rejected;
        self.broken = self.broken.take().or(other.broken);
    }
}

/// The signal that a path names, whatever stands before it.
fn signal(path: &str) -> Option<Signal> {
    let path = path.trim_end_matches('/');
    let of = |name: &str| {
        Some(match name {
            "traces" | "trace" => Signal::Traces,
            "logs" => Signal::Logs,
            "metrics" => Signal::Metrics,
            "profiles" => Signal::Profiles,
            _ => return None,
        })
    };
    if let Some(rest) = path.strip_prefix("/opentelemetry.proto.collector.") {
        let (name, method) = rest.split_once('.')?;
        return of(name).filter(|_| method.ends_with("Service/Export"));
    }
    let (before, name) = path.rsplit_once('/')?;
    let version = before.rsplit('/').next().unwrap_or("");
    matches!(version, "v1" | "v1development").then(|| of(name)).flatten().filter(|_| name != "trace")
}

fn encoding(head: &Head, body: &[u8]) -> Encoding {
    let media = head.media_type();
    if media.starts_with("application/grpc") {
        Encoding::Grpc
    } else if media.contains("json") {
        Encoding::Json
    } else if media.contains("protobuf") {
        Encoding::Protobuf
    } else if body.iter().find(|b| !b.is_ascii_whitespace()) == Some(&b'{') {
        // No protobuf message here begins with it: it would be a group.
        Encoding::Json
    } else {
        Encoding::Protobuf
    }
}

impl Wire for Otlp {
    fn name(&self) -> &'static str {
        NAME
    }

    fn knows(&self, head: &Head) -> bool {
        head.method == "POST" && signal(&head.path).is_some()
    }

    /// No place is set for a key: senders are told one by `OTEL_EXPORTER_OTLP_HEADERS`, and vendors differ in the name. Sentry's OTLP
    /// endpoint (`/api/42/integration/otlp/v1/traces`) names the project in the path and the key in `x-sentry-auth`.
    fn access(&self, head: &Head, _body: &[u8]) -> Access {
        let named = ["x-api-key", "api-key", "x-otlp-key", "dd-api-key", "x-why500-key", "x-token"];
        let sentry = head
            .header("x-sentry-auth")
            .and_then(|h| h.split("sentry_key=").nth(1))
            .and_then(|k| k.split([',', ' ']).next());
        let key = head.authorization("bearer").or_else(|| head.authorization("apikey")).or(sentry);
        let key = key.or_else(|| named.iter().find_map(|n| head.header(n)));
        let mut parts = head.path.split('/').skip_while(|p| *p != "api").skip(1);
        let project = parts.next().filter(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()));
        Access { project: project.map(str::to_owned), key: key.map(str::to_owned) }
    }

    fn read(&self, head: &Head, body: &[u8], now: Time) -> Result<Taken, Refusal> {
        let encoding = encoding(head, body);
        let Some(signal) = signal(&head.path) else {
            return Err(refusal(
                encoding,
                404,
                "no OTLP signal is named by the path; use /v1/traces, /v1/logs or /v1/metrics",
            ));
        };
        let mut taken = Taken::default();
        let mut read = Read::default();
        match encoding {
            Encoding::Grpc => {
                for message in grpc::messages(head, body) {
                    match message {
                        Ok(m) => read.add(protobuf(signal, &m, &mut taken, now)),
                        Err(why) if read.items == 0 => return Err(refusal(encoding, why.status, why.text)),
                        Err(why) => {
                            read.rejected += 1;
                            read.broken = Some(why.text.to_owned());
                        }
                    }
                }
            }
            Encoding::Protobuf => read.add(protobuf(signal, body, &mut taken, now)),
            Encoding::Json => {
                read.add(match signal {
                    Signal::Traces => json::traces(body, &mut taken, now),
                    Signal::Logs => json::logs(body, &mut taken, now),
                    Signal::Metrics => json::metrics(body, &mut taken),
                    Signal::Profiles => profiles(&mut taken),
                });
            }
        }
        if let Some(why) = &read.broken {
            if read.items == 0 {
                return Err(refusal(encoding, 400, why));
            }
            read.rejected = read.rejected.max(1);
            *taken.dropped.entry("broken OTLP item".to_owned()).or_default() += read.rejected;
        }
        taken.answer = taken_answer(signal, encoding, &read);
        Ok(taken)
    }

    fn refuse(&self, head: &Head, status: u16, why: &str, retry_s: Option<u64>) -> Answer {
        let mut answer = status_answer(encoding(head, &[]), status, why);
        answer.headers.extend(retry_s.map(|s| ("retry-after", s.to_string())));
        answer
    }
}

fn protobuf(signal: Signal, body: &[u8], taken: &mut Taken, now: Time) -> Read {
    match signal {
        Signal::Traces => binary::traces(body, taken, now),
        Signal::Logs => binary::logs(body, taken, now),
        Signal::Metrics => binary::metrics(body, taken),
        Signal::Profiles => profiles(taken),
    }
}

fn profiles(taken: &mut Taken) -> Read {
    taken.item("profile");
    Read { items: 1, ..Read::default() }
}

/// `Export…ServiceResponse`: empty, or with `partial_success { rejected = 1, error_message = 2 }`.
fn taken_answer(signal: Signal, encoding: Encoding, read: &Read) -> Answer {
    let why = read.broken.as_deref().unwrap_or("");
    if encoding == Encoding::Json {
        let rejected = match signal {
            Signal::Traces => "rejectedSpans",
            Signal::Logs => "rejectedLogRecords",
            Signal::Metrics => "rejectedDataPoints",
            Signal::Profiles => "rejectedProfiles",
        };
        let partial = if read.rejected > 0 {
            serde_json::json!({ rejected: read.rejected.to_string(), "errorMessage": why })
        } else {
            serde_json::json!({})
        };
        return Answer::new(
            200,
            "application/json",
            serde_json::json!({ "partialSuccess": partial }).to_string(),
        );
    }
    let mut message = Vec::new();
    if read.rejected > 0 {
        let mut partial = vec![0x08];
        put_varint(&mut partial, read.rejected);
        put_bytes(&mut partial, 0x12, why.as_bytes());
        put_bytes(&mut message, 0x0a, &partial);
    }
    match encoding {
        Encoding::Grpc => grpc::answer(&message),
        _ => Answer::new(200, "application/x-protobuf", message),
    }
}

fn refusal(encoding: Encoding, status: u16, why: &str) -> Refusal {
    Refusal { why: why.to_owned(), answer: status_answer(encoding, status, why) }
}

/// A `google.rpc.Status { code = 1, message = 2 }` in the request's encoding: "the response body for all HTTP 4xx and 5xx".
fn status_answer(encoding: Encoding, status: u16, why: &str) -> Answer {
    let code = grpc::code(status);
    match encoding {
        Encoding::Grpc => grpc::failure(code, why),
        Encoding::Json => Answer::new(
            status,
            "application/json",
            serde_json::json!({ "code": code, "message": why }).to_string(),
        ),
        Encoding::Protobuf => {
            let mut message = vec![0x08];
            put_varint(&mut message, u64::from(code));
            put_bytes(&mut message, 0x12, why.as_bytes());
            Answer::new(status, "application/x-protobuf", message)
        }
    }
}

fn put_varint(to: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        to.push(n as u8 | 0x80);
        n >>= 7;
    }
    to.push(n as u8);
}

fn put_bytes(to: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
    to.push(tag);
    put_varint(to, bytes.len() as u64);
    to.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests;
