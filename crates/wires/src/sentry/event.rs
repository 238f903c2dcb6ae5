//! Error events: what Sentry's SDKs capture. <https://develop.sentry.dev/sdk/foundations/transport/event-payloads/>
//!
//! ```text
//! {"event_id":"c08fb0c0ab1645b5a322b421931a8115","level":"error","platform":"python","timestamp":"2026-11-24T07:50:01.005640Z",
//!  "exception":{"values":[{"type":"KeyError","value":"'shipping_address'","mechanism":{"type":"flask","handled":false},
//!    "stacktrace":{"frames":[{"filename":"app.py","abs_path":"/srv/app.py","function":"place_order","lineno":37,"in_app":true}]}}]},
//!  "request":{"url":"http://127.0.0.1:8650/orders","method":"POST","headers":{"X-Request-Id":"req-0002"}},
//!  "contexts":{"trace":{"trace_id":"b7297ff97f754cf7864394481d767bab","op":"http.server"}}}
//! ```
//!
//! `exception.values` runs from the deepest cause to the outermost, and frames from the oldest call to the newest: both are turned
//! round here. An error that nobody handled, in a request, stands for a 500 where nothing else says how the request ended; one
//! that the app reports having caught (`handled: true`) only explains.

use super::frame::{self, DebugMeta, Stack};
use super::request::{self, Http};
use crate::lenient::{Flag, Instant, List, Number, Object, Pairs, Text};
use record::{Exception, Level, Record, Request, Time, Zone};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// Of a chain of exceptions, this many are kept: the outermost and the deepest.
const CHAIN_MAX: usize = 50;
/// Of one message, this many bytes are kept. Relay trims at 8,192 characters.
const MESSAGE_BYTES_MAX: usize = 64 * 1024;
/// Calls to others before the error that are looked at, the newest.
const BREADCRUMBS_MAX: usize = 20;

/// The payload of an event or a transaction.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Event<'a> {
    #[serde(borrow)]
    pub event_id: Text<'a>,
    #[serde(borrow, rename = "type")]
    pub kind: Text<'a>,
    #[serde(borrow)]
    pub level: Text<'a>,
    #[serde(borrow)]
    pub platform: Text<'a>,
    #[serde(borrow)]
    pub logger: Text<'a>,
    pub timestamp: Instant,
    pub start_timestamp: Instant,
    #[serde(borrow)]
    pub server_name: Text<'a>,
    #[serde(borrow)]
    pub release: Text<'a>,
    #[serde(borrow)]
    dist: Text<'a>,
    #[serde(borrow)]
    pub environment: Text<'a>,
    #[serde(borrow)]
    pub transaction: Text<'a>,
    #[serde(borrow)]
    culprit: Text<'a>,
    #[serde(borrow)]
    message: Message<'a>,
    #[serde(borrow, alias = "sentry.interfaces.Message")]
    logentry: Message<'a>,
    #[serde(borrow, alias = "sentry.interfaces.Http")]
    pub request: Object<Http<'a>>,
    #[serde(borrow)]
    pub user: Object<User<'a>>,
    #[serde(borrow)]
    pub tags: Pairs<'a>,
    #[serde(borrow)]
    pub contexts: Object<Contexts<'a>>,
    #[serde(borrow, alias = "sentry.interfaces.Exception")]
    exception: List<Value<'a>>,
    #[serde(borrow)]
    threads: List<Thread<'a>>,
    #[serde(borrow, alias = "sentry.interfaces.Stacktrace")]
    stacktrace: Object<Stack<'a>>,
    #[serde(borrow)]
    breadcrumbs: List<Breadcrumb<'a>>,
    #[serde(borrow)]
    debug_meta: Object<DebugMeta<'a>>,
    #[serde(borrow)]
    pub sdk: Object<Sdk<'a>>,
    #[serde(borrow)]
    pub spans: List<super::span::Child<'a>>,
}

/// Who sent it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Sdk<'a> {
    #[serde(borrow)]
    pub name: Text<'a>,
    #[serde(borrow)]
    pub version: Text<'a>,
}

/// Whose request it was.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct User<'a> {
    #[serde(borrow)]
    pub ip_address: Text<'a>,
}

/// The contexts that tell of the request or the cause.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Contexts<'a> {
    #[serde(borrow)]
    pub trace: Object<TraceContext<'a>>,
    pub response: Object<Response>,
    #[serde(borrow)]
    node_system_error: Pairs<'a>,
}

/// The trace and the span in which it happened; of a transaction, its own span.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct TraceContext<'a> {
    #[serde(borrow)]
    pub trace_id: Text<'a>,
    #[serde(borrow)]
    pub span_id: Text<'a>,
    #[serde(borrow)]
    pub op: Text<'a>,
    #[serde(borrow)]
    pub status: Text<'a>,
    #[serde(borrow)]
    pub data: Pairs<'a>,
}

/// The answer to the request.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Response {
    pub status_code: Number,
}

/// One exception.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Value<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow)]
    value: Text<'a>,
    #[serde(borrow)]
    module: Text<'a>,
    #[serde(borrow)]
    mechanism: Object<Mechanism<'a>>,
    #[serde(borrow)]
    stacktrace: Object<Stack<'a>>,
}

/// How an exception came to be captured.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Mechanism<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    handled: Flag,
}

/// A thread with its stack.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Thread<'a> {
    crashed: Flag,
    current: Flag,
    #[serde(borrow)]
    stacktrace: Object<Stack<'a>>,
}

/// What happened before.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Breadcrumb<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow)]
    category: Text<'a>,
    #[serde(borrow)]
    data: Pairs<'a>,
}

/// A log message: text, or `{"formatted": …, "message": "cart %s", "params": […]}`.
#[derive(Debug, Default)]
struct Message<'a>(std::borrow::Cow<'a, str>);

/// The parts of a message that comes in parts.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Template<'a> {
    #[serde(borrow)]
    formatted: Text<'a>,
    #[serde(borrow)]
    message: Text<'a>,
    #[serde(borrow)]
    params: Params<'a>,
}

/// Positional parameters; those with names are left where they are.
#[derive(Default)]
struct Params<'a>(Vec<Text<'a>>);

/// More parameters than that no message has.
const PARAMS_MAX: usize = 50;

impl<'de: 'a, 'a> Deserialize<'de> for Params<'a> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Params<'a>, D::Error> {
        struct V;
        impl<'de> Visitor<'de> for V {
            type Value = Params<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("parameters")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Params<'de>, A::Error> {
                let mut out = Vec::new();
                while out.len() < PARAMS_MAX {
                    match list.next_element()? {
                        Some(text) => out.push(text),
                        None => return Ok(Params(out)),
                    }
                }
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Params(out))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Params<'de>, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Params::default())
            }
            fn visit_str<E>(self, _: &str) -> Result<Params<'de>, E> {
                Ok(Params::default())
            }
            crate::lenient::numbers_are_nothing!();
        }
        d.deserialize_any(V)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Message<'a> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Message<'a>, D::Error> {
        struct V;
        impl<'de> Visitor<'de> for V {
            type Value = Message<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a message")
            }
            fn visit_borrowed_str<E>(self, v: &'de str) -> Result<Message<'de>, E> {
                Ok(Message(v.into()))
            }
            fn visit_str<E>(self, v: &str) -> Result<Message<'de>, E> {
                Ok(Message(v.to_owned().into()))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Message<'de>, A::Error> {
                let t = Template::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
                Ok(Message(match t.formatted.some() {
                    Some(_) => t.formatted.0,
                    None if t.params.0.is_empty() => t.message.0,
                    None => filled(&t.message, &t.params.0).into(),
                }))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Message<'de>, A::Error> {
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Message::default())
            }
            crate::lenient::numbers_are_nothing!();
        }
        d.deserialize_any(V)
    }
}

/// A template with its parameters put in: `%s`, `%d`, `{}`, `{0}` in their order.
fn filled(template: &str, params: &[Text<'_>]) -> String {
    let mut out = String::with_capacity(template.len());
    let mut params = params.iter();
    let mut rest = template;
    while let Some(c) = rest.chars().next() {
        let mark = match c {
            '%' => rest
                .chars()
                .nth(1)
                .filter(|c| matches!(c, 's' | 'd' | 'i' | 'f' | 'r' | 'o' | 'O' | 'j' | 'v'))
                .map(|_| 2),
            '{' => rest.find('}').filter(|i| rest[1..*i].bytes().all(|b| b.is_ascii_digit())).map(|i| i + 1),
            _ => None,
        };
        match mark.and_then(|len| Some((len, params.next()?))) {
            Some((len, value)) => {
                out.push_str(value);
                rest = rest.get(len..).unwrap_or("");
            }
            None => {
                out.push(c);
                rest = rest.get(c.len_utf8()..).unwrap_or("");
            }
        }
    }
    out
}

impl Event<'_> {
    /// The same error reported twice has the same id: hex without dashes.
    pub fn id(&self) -> Option<String> {
        request::hex(&self.event_id)
    }

    /// The status answered, where the event says so.
    pub fn status(&self) -> Option<u16> {
        let stated = self.contexts.response.status_code.status();
        stated.or_else(|| {
            let data = &self.contexts.trace.data;
            let text = data
                .any(&["http.response.status_code", "http.status_code", "status_code"])
                .or_else(|| self.tags.any(&["http.status_code", "status_code"]))?;
            text.parse().ok().filter(|s| (100..=599).contains(s))
        })
    }

    /// What the app said in words of its own.
    fn said(&self) -> &str {
        let said = if self.logentry.0.is_empty() { &self.message.0 } else { &self.logentry.0 };
        frame::clip(said, MESSAGE_BYTES_MAX)
    }

    /// The chain of exceptions, outermost first.
    fn chain(&self) -> Vec<Exception> {
        let values: Vec<&Value<'_>> =
            self.exception.0.iter().rev().filter(|v| !v.kind.is_empty() || !v.value.is_empty()).collect();
        let mut chain: Vec<Exception> = Vec::with_capacity(values.len().min(CHAIN_MAX));
        for (i, v) in values.iter().enumerate() {
            // Of an endless chain the wrappers and the root are told, not what lies between.
            if i >= CHAIN_MAX / 2 && i + CHAIN_MAX / 2 < values.len() {
                continue;
            }
            chain.push(Exception {
                kind: frame::kind(&v.kind, &v.module),
                message: frame::clip(&v.value, MESSAGE_BYTES_MAX).to_owned(),
                frames: frame::frames(&v.stacktrace, &self.platform, &self.debug_meta).into(),
            });
        }
        // Without a stack of its own: that of the thread that reported it (Rust, C#), or of the event (old clients).
        if let Some(outer) = chain.first_mut()
            && outer.frames.is_empty()
            && self.exception.0.iter().all(|v| v.stacktrace.frames.0.is_empty())
        {
            outer.frames = self.other_frames().into();
        }
        chain
    }

    /// A message with the stack of where it was written: a panic with a text (Go), an error that was logged.
    fn bare(&self, level: Level, alone: bool) -> Option<Exception> {
        let frames = if alone && level >= Level::Error { self.other_frames() } else { Vec::new() };
        let panic = &*self.platform == "go" && level == Level::Fatal;
        let kind = if panic { "panic" } else { "Error" }.to_owned();
        (!frames.is_empty()).then(|| Exception {
            kind,
            message: self.said().to_owned(),
            frames: frames.into(),
        })
    }

    fn other_frames(&self) -> Vec<record::Frame> {
        let with = || self.threads.0.iter().filter(|t| !t.stacktrace.frames.0.is_empty());
        let thread = with()
            .find(|t| t.crashed.0 == Some(true))
            .or_else(|| with().find(|t| t.current.0 == Some(true)))
            .or_else(|| Some(with().next()).filter(|_| with().count() == 1).flatten());
        frame::frames(thread.map_or(&*self.stacktrace, |t| &*t.stacktrace), &self.platform, &self.debug_meta)
    }

    /// The outermost exception says how it came here.
    fn mechanism(&self) -> Option<&Mechanism<'_>> {
        self.exception.0.last().map(|v| &*v.mechanism)
    }

    /// The source line of the innermost frame of the app's own code.
    fn source_line(&self) -> Option<&str> {
        let mut frames = self.exception.0.iter().flat_map(|v| v.stacktrace.frames.0.iter().rev());
        let line = frames.find(|f| f.in_app.0 == Some(true) && !f.context_line.trim().is_empty())?;
        Some(frame::clip(line.context_line.trim(), 300))
    }

    /// The call to another service that the exception speaks of without naming it: axios says "status code 429" or "timeout of
    /// 400ms exceeded", and the breadcrumb before says whom it asked.
    fn asked(&self, chain: &[Exception]) -> Option<String> {
        let root = chain.last()?;
        let unnamed = !root.message.contains("://") && !root.message.contains("127.0.0.1:");
        let crumbs = self.breadcrumbs.0.iter().rev().take(BREADCRUMBS_MAX);
        let calls = crumbs.filter(|b| &*b.kind == "http" || matches!(&*b.category, "http" | "xhr" | "fetch"));
        for call in calls {
            let Some(url) = call.data.get("url").filter(|u| !u.is_empty()) else { continue };
            let status = call.data.any(&["status_code", "http.response.status_code"]).unwrap_or("0");
            let reason = call.data.any(&["reason", "http.response.status_text"]).unwrap_or("");
            let method = call.data.any(&["method", "http.method", "http.request.method"]).unwrap_or("GET");
            if status.len() == 3 && status >= "400" && root.message.contains(status) && unnamed {
                return Some(request::answered(method, url, status.parse().ok(), reason));
            }
            let lower = root.message.to_ascii_lowercase();
            if status == "0" && unnamed && (lower.contains("timeout") || lower.contains("timed out")) {
                return Some(request::answered(method, url, None, ""));
            }
        }
        None
    }

    /// The record. `service`, time and what is the same for all items are the caller's; `sampled`: the envelope says whether a
    /// transaction tells how the request ended.
    pub fn record(&self, at: Time, service: Option<String>, sampled: Option<bool>) -> Record {
        let mut chain = self.chain();
        let mechanism = self.mechanism();
        let handled = mechanism.and_then(|m| m.handled.0);
        let stated = Level::parse(&self.level).unwrap_or(Level::Error);
        // The app caught it and reported it by hand; where no transaction tells how its request ended, that is mostly with a 500.
        let by_hand = mechanism.is_some_and(|m| &*m.kind == "generic");
        let traced = sampled.unwrap_or(!self.contexts.trace.op.is_empty());
        let handled = handled.filter(|h| !(*h && by_hand && !traced && self.request.url.some().is_some()));
        let level = self.severity(stated, handled, chain.is_empty());
        let said = self.said();
        let mut lines: Vec<String> = Vec::with_capacity(chain.len() + 2);
        if !said.is_empty() {
            lines.push(said.to_owned());
        }
        for e in &chain {
            let line = headline(e);
            if !lines.iter().any(|l| *l == line || (!e.message.is_empty() && l.contains(&line))) {
                lines.push(line);
            }
        }
        lines.extend(self.asked(&chain));
        lines.extend(self.call());
        let message = lines.join("\n");
        chain.extend(self.bare(stated, chain.is_empty()));
        let mut record = Record {
            format: "sentry event",
            at: Some(at),
            zone: Zone::Stated,
            level,
            service,
            node: self.server_name.owned(),
            text: frame::first_line(&message),
            message,
            request: self.about(level, handled, sampled).map(Box::new),
            exceptions: chain.into(),
            ..Record::default()
        };
        if stated != level {
            record.fields.push(("level".to_owned(), format!("{stated:?}").to_ascii_lowercase()));
        }
        self.fields(&mut record);
        record
    }

    /// Without a level an event is an error (event payload, `level`). What the app says it handled is a warning at most, and so is
    /// a message that it chose to send: no request failed by that alone.
    fn severity(&self, stated: Level, handled: Option<bool>, bare: bool) -> Level {
        let chosen = bare && stated == Level::Error;
        if chosen || (handled == Some(true) && !bare) { stated.min(Level::Warn) } else { stated }
    }

    /// The request it is about.
    fn about(&self, level: Level, handled: Option<bool>, sampled: Option<bool>) -> Option<Request> {
        let trace = request::hex(&self.contexts.trace.trace_id);
        let mut request = Request { trace, ..Request::default() };
        if self.tells_of_a_call() {
            // The request that this event shows is one that the app made, not one that it was asked.
            return request.trace.is_some().then_some(request);
        }
        self.request.fill(&mut request, Some(&self.user.ip_address));
        if request.target.is_empty() && request.trace.is_none() && request.client.is_none() {
            return None;
        }
        let asked = !request.target.is_empty();
        // What says nothing of being handled may have been caught: a transaction, where one comes, tells better how it ended.
        let traced = sampled.unwrap_or(!self.contexts.trace.op.is_empty());
        let unhandled = handled == Some(false) || (handled.is_none() && (!traced || level == Level::Fatal));
        if asked && level >= Level::Error && unhandled {
            // A panic in a Rust handler cuts the connection: hyper drops the task.
            let panic = self.mechanism().is_some_and(|m| &*m.kind == "panic");
            request.assumed = match self.status() {
                _ if panic && self.sdk.name.starts_with("sentry.rust") => Some(0),
                Some(status) => Some(status).filter(|s| *s >= 500),
                None => Some(500),
            };
        }
        Some(request)
    }

    /// Failed calls that the SDK's HTTP client reports by itself (`SentryHttpFailedRequestHandler` of .NET,
    /// `SentryOkHttpInterceptor` of Java) show the callee's request and its answer.
    fn tells_of_a_call(&self) -> bool {
        let kind = self.mechanism().map_or("", |m| m.kind.0.as_ref());
        kind.contains("FailedRequest") || kind.contains("OkHttp") || kind.contains("HttpClient")
    }

    /// Such a call as a line.
    fn call(&self) -> Option<String> {
        let url = self.request.url.some().filter(|_| self.tells_of_a_call())?;
        let method = self.request.method.some().unwrap_or("GET");
        Some(request::answered(method, url, self.status(), ""))
    }

    fn fields(&self, record: &mut Record) {
        let mut add = |name: &str, value: Option<&str>| {
            if let Some(v) = value.filter(|v| !v.is_empty()) {
                record.fields.push((name.to_owned(), frame::clip(v, 1_000).to_owned()));
            }
        };
        add("event_id", self.id().as_deref());
        add("transaction", self.transaction.some().or(self.culprit.some()));
        add("release", self.release.some());
        add("dist", self.dist.some());
        add("environment", self.environment.some());
        add("logger", self.logger.some());
        add("mechanism", self.mechanism().and_then(|m| m.kind.some()));
        let node = &self.contexts.node_system_error;
        for (name, key) in [
            ("err.code", "code"),
            ("err.syscall", "syscall"),
            ("err.address", "address"),
            ("err.port", "port"),
        ] {
            add(name, node.get(key));
        }
        add("context_line", self.source_line());
    }

    /// Does it come from a browser or an app on a device, whose errors are not the server's?
    pub fn is_far_from_the_server(&self) -> bool {
        far(&self.platform, &self.sdk.name)
    }
}

/// SDKs of browsers and devices, by what their names contain.
const FAR_SDKS: &[&str] =
    &[".android", ".cocoa", ".flutter", ".unity", ".unreal", ".maui", ".xamarin", ".wpf", ".kmp"];

/// Is it a client of the server rather than the server itself? `javascript` is the browser's platform, Node's is `node`; frameworks
/// of both sides (Next.js) name the platform.
pub(super) fn far(platform: &str, sdk: &str) -> bool {
    match platform {
        "node" | "python" | "php" | "ruby" | "go" | "elixir" | "perl" => false,
        "cocoa" => true,
        // Workers name the browser's platform and run at the server's side.
        "javascript" => ![".cloudflare", ".deno", ".bun", ".vercel-edge"].iter().any(|s| sdk.contains(s)),
        _ => FAR_SDKS.iter().any(|s| sdk.contains(s)),
    }
}

/// `KeyError: 'shipping_address'`, all lines of the message.
pub(super) fn headline(e: &Exception) -> String {
    match (e.kind.as_str(), e.message.trim_end()) {
        (kind, "") => kind.to_owned(),
        ("", message) => message.to_owned(),
        (kind, message) => format!("{kind}: {message}"),
    }
}
