//! Datadog's trace agent: what the tracers of all languages send to port 8126.
//!
//! ```text
//! GET /info                           what this agent takes in
//! PUT /v0.4/traces                    Content-Type: application/msgpack, X-Datadog-Trace-Count: 7, Datadog-Meta-Lang: nodejs
//! POST /telemetry/proxy/api/v2/apmtelemetry
//! ```
//!
//! Sources: github.com/DataDog/datadog-agent `pkg/trace/api/{api,endpoints,info}.go`, and the tracers that read the answers
//! (libdatadog `data-pipeline/src/agent_info`, dd-trace-js `packages/dd-trace/src/agent/info.js`). Traces that were sampled out come
//! as well, as `/info` says that nothing is to be dropped before: a failed request counts whether its trace is kept or not.

mod msgpack;
mod payload;

use crate::spans::Spans;
use crate::{Access, Answer, Head, Refusal, Taken, Wire};
use record::Time;

/// Name of the format of its records.
const NAME: &str = "datadog trace";

/// The trace agent's protocol.
pub(crate) struct DatadogTraces;

/// What a path is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Endpoint {
    Info,
    /// Lists of spans; the answer says OK (v0.3 and before) or gives rates.
    Lists {
        rates: bool,
    },
    /// v0.5.
    Table,
    /// v0.7.
    Payload,
    /// What an agent sends on.
    Agent,
    Telemetry,
    /// Counted under this name and answered with this status.
    Other(&'static str, u16),
}

fn endpoint(path: &str) -> Option<Endpoint> {
    let path = path.trim_end_matches('/');
    Some(match path {
        "/info" => Endpoint::Info,
        "/v0.1/spans" | "/v0.1/traces" | "/v0.2/traces" | "/v0.3/traces" => Endpoint::Lists { rates: false },
        "/v0.4/traces" => Endpoint::Lists { rates: true },
        "/v0.5/traces" => Endpoint::Table,
        "/v0.7/traces" => Endpoint::Payload,
        "/api/v0.2/traces" => Endpoint::Agent,
        "/telemetry/proxy/api/v2/apmtelemetry" | "/api/v2/apmtelemetry" => Endpoint::Telemetry,
        "/v0.5/stats" | "/v0.6/stats" => Endpoint::Other("stats", 200),
        "/api/v0.2/stats" => Endpoint::Other("stats", 202),
        "/v0.1/pipeline_stats" => Endpoint::Other("pipeline stats", 202),
        "/v0.1/services" | "/v0.2/services" | "/v0.3/services" | "/v0.4/services" => {
            Endpoint::Other("service", 200)
        }
        // No configuration: clients go on as they were told at their start.
        "/v0.7/config" => Endpoint::Other("config request", 200),
        "/profiling/v1/input" => Endpoint::Other("profile", 200),
        "/tracer_flare/v1" => Endpoint::Other("tracer flare", 200),
        "/debugger/v1/input" | "/debugger/v2/input" | "/debugger/v1/diagnostics" | "/symdb/v1/input" => {
            Endpoint::Other("debugger snapshot", 202)
        }
        "/openlineage/api/v1/lineage" => Endpoint::Other("lineage event", 202),
        _ if path.starts_with("/evp_proxy/v") => Endpoint::Other("event platform item", 202),
        _ if path.starts_with("/telemetry/proxy/") => Endpoint::Telemetry,
        _ => return None,
    })
}

/// What `/info` says. Stats are not among the endpoints, so that no client counts for itself what it then leaves out;
/// `client_drop_p0s` false: what is sampled out comes too. Remote configuration and the debugger are not offered: nobody need ask.
fn info() -> Answer {
    let body = serde_json::json!({
        "version": "7.70.0",
        "git_commit": "",
        "endpoints": [
            "/v0.3/traces", "/v0.4/traces", "/v0.5/traces", "/v0.7/traces",
            "/telemetry/proxy/", "/evp_proxy/v2/", "/profiling/v1/input",
        ],
        "client_drop_p0s": false,
        "span_meta_structs": false,
        "long_running_spans": false,
        "span_events": false,
        "evp_proxy_allowed_headers": [],
        "config": {
            "default_env": "none",
            "target_tps": 0,
            "max_eps": 0,
            "receiver_port": 8126,
            "receiver_socket": "",
            "connection_limit": 0,
            "receiver_timeout": 0,
            "max_request_bytes": 26_214_400,
            "statsd_port": 8125,
            "max_memory": 0,
            "max_cpu": 0,
            "analyzed_spans_by_service": {},
            "obfuscation": {},
        },
        "peer_tags": [],
        "span_kinds_stats_computed": [],
        "obfuscation_version": 0,
    });
    Answer::new(200, "application/json", body.to_string())
}

/// Keep all: the rate for services that have none of their own is 1.
fn rates() -> Answer {
    Answer::new(200, "application/json", r#"{"rate_by_service":{"service:,env:":1}}"#)
}

impl Wire for DatadogTraces {
    fn name(&self) -> &'static str {
        NAME
    }

    fn knows(&self, head: &Head) -> bool {
        match endpoint(&head.path) {
            Some(Endpoint::Info) => matches!(head.method.as_str(), "GET" | "HEAD"),
            Some(_) => matches!(head.method.as_str(), "POST" | "PUT" | "GET"),
            None => false,
        }
    }

    /// Tracers show no key: the agent beside them has it. An agent does.
    fn access(&self, head: &Head, _body: &[u8]) -> Access {
        Access { project: None, key: head.header("dd-api-key").map(str::to_owned) }
    }

    fn read(&self, head: &Head, body: &[u8], now: Time) -> Result<Taken, Refusal> {
        let mut taken = Taken::default();
        client(head, &mut taken);
        let kind = endpoint(&head.path);
        let read = match kind {
            None => return Err(refusal(404, "no endpoint of the trace agent has this path")),
            Some(Endpoint::Info) => {
                taken.answer = info();
                return Ok(taken);
            }
            Some(Endpoint::Telemetry) => {
                telemetry(body, &mut taken);
                taken.answer = Answer::new(202, "application/json", "{}");
                return Ok(taken);
            }
            Some(Endpoint::Other(item, status)) => {
                taken.item(item);
                taken.answer = Answer::new(status, "application/json", "{}");
                return Ok(taken);
            }
            Some(kind) => traces(kind, head, body, &mut taken, now),
        };
        if let Err(why) = read {
            if !taken.items.contains_key("span") {
                return Err(refusal(400, &why));
            }
            taken.drop("rest of a broken trace payload");
        }
        taken.answer = match kind {
            Some(Endpoint::Lists { rates: false }) => Answer::new(200, "text/plain", "OK\n"),
            Some(Endpoint::Agent) => Answer::new(202, "application/json", "{}"),
            _ => rates(),
        };
        Ok(taken)
    }
}

fn traces(kind: Endpoint, head: &Head, body: &[u8], taken: &mut Taken, now: Time) -> Result<(), String> {
    // Clients ask with an empty body whether the agent speaks a version.
    if body.is_empty() {
        return Ok(());
    }
    let mut spans = Spans::new(taken, NAME, now);
    let read = match kind {
        Endpoint::Table => payload::table(body, &mut spans),
        Endpoint::Payload => payload::payload(body, &mut spans),
        Endpoint::Agent => payload::agent(body, &mut spans),
        _ if head.media_type().ends_with("json") => {
            let read = payload::json(body, &mut spans);
            spans.finish();
            return read.map_err(|why| format!("the traces are no JSON: {why}"));
        }
        _ => payload::lists(body, &mut spans),
    };
    spans.finish();
    read.map_err(|_| "the payload is cut off, or not what its version lays down".to_owned())
}

/// Which tracer sends, and what it dropped by itself.
fn client(head: &Head, taken: &mut Taken) {
    let of = |name: &str| head.header(name).unwrap_or("");
    let language = of("datadog-meta-lang");
    if !language.is_empty() {
        let sdk = format!("dd-trace {language} {}", of("datadog-meta-tracer-version"));
        taken.said.insert("sdk".to_owned(), sdk.trim_end().to_owned());
    }
    let dropped = head.header("datadog-client-dropped-p0-traces").filter(|n| *n != "0");
    if let Some(n) = dropped {
        taken.said.insert("dropped by the client".to_owned(), format!("{n} traces"));
    }
}

/// `{"request_type": "app-started", "application": {"service_name": …, "service_version": …}, "host": {"hostname": …}}`
fn telemetry(body: &[u8], taken: &mut Taken) {
    #[derive(serde::Deserialize)]
    struct Message {
        application: Option<Application>,
        host: Option<Host>,
    }
    #[derive(serde::Deserialize)]
    struct Application {
        service_name: Option<String>,
        service_version: Option<String>,
        env: Option<String>,
    }
    #[derive(serde::Deserialize)]
    struct Host {
        hostname: Option<String>,
    }
    taken.item("telemetry message");
    let Ok(m) = serde_json::from_slice::<Message>(body) else { return };
    let app = m.application.unwrap_or(Application { service_name: None, service_version: None, env: None });
    let said = [
        ("service", app.service_name),
        ("release", app.service_version),
        ("environment", app.env),
        ("server_name", m.host.and_then(|h| h.hostname)),
    ];
    for (name, value) in said {
        if let Some(v) = value.filter(|v| !v.is_empty()) {
            taken.said.insert(name.to_owned(), v);
        }
    }
}

fn refusal(status: u16, why: &str) -> Refusal {
    Refusal { why: why.to_owned(), answer: Answer::new(status, "text/plain", why) }
}

#[cfg(test)]
mod tests;
