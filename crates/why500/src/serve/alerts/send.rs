//! Sending: what waits in the outbox goes to its channel, one thread per channel, so that one that hangs delays no other.

use super::Alerts;
use super::guard::{Guarded, addresses};
use crate::reach;
use crate::serve::{App, now};
use alerts::channels::{Delivery, Mail, Outgoing, Refusal, Request, Run, Tls};
use alerts::config::Place;
use alerts::{Event, Notice};
use lettre::address::Envelope;
use lettre::message::SinglePart;
use lettre::message::header::{Header, HeaderName, HeaderValue, InReplyTo, MessageId, References};
use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls as Wrapped, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::response::Response;
use lettre::{Message, SmtpTransport, Transport};
use record::{SECOND, Time};
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};
use store::{Outcome, Reader};
use tokio_rustls::rustls::crypto::ring;
use ureq::Agent;
use ureq::tls::TlsConfig;
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::DefaultConnector;

/// It is looked so often what is due; what is new wakes the thread.
const LOOK: Duration = Duration::from_secs(1);
/// A request as a whole.
const ANSWER_TIME: Duration = Duration::from_secs(20);
/// Bytes read of an answer: ids stand in its first lines, GitHub's issues are some kilobytes.
const ANSWER_BYTES_MAX: u64 = 256 << 10;
/// Letters of an answer that are kept with an attempt that failed.
const SAID_CHARS_MAX: usize = 200;
/// Tries before a message is given up: with the pauses between them, about a day.
const TRIES_MAX: u32 = 33;
/// After the first try; it doubles.
const PAUSE_S: u64 = 5;
/// The longest pause, and the longest that the other side may ask for.
const PAUSE_S_MAX: u64 = 3_600;
/// So often the rest of a channel that fails doubles, to a minute and some: what is new is not to wait longer once it is back.
const REST_GROWS: u32 = 4;
/// Messages looked at in one turn.
const TURN_MAX: usize = 200;
/// When more than so many wait for a channel that people read, they are one: nobody reads four hundred after an outage of the chat.
const SINGLE_MAX: usize = 8;

/// Why something was not sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// What went wrong.
    pub why: String,
    /// Trying again may help.
    pub passes: bool,
    /// Seconds to wait that the other side asked for.
    pub wait_s: Option<u64>,
    /// What the message is about is there no more.
    gone: bool,
}

impl Trouble {
    fn new(why: impl Into<String>, passes: bool) -> Trouble {
        Trouble { why: why.into(), passes, wait_s: None, gone: false }
    }
}

/// What came of sending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// What the other side calls the message.
    pub reference: Option<String>,
    /// What it answered to the first request, shortened.
    pub said: String,
}

/// Sends a notice by a channel, now.
///
/// # Errors
/// The channel, or the way to it, refused. No secret is in the words.
pub fn deliver(place: &Place, notice: &Notice, delivery: &Delivery) -> Result<Done, Trouble> {
    let anew = Delivery { before: None, ..delivery.clone() };
    deliver_all(place, notice, delivery)
        .or_else(|t| match notice.event {
            _ if !t.gone || delivery.before.is_none() => Err(t),
            // There is nothing left to be closed.
            Event::Closed => Ok(Done { reference: None, said: t.why }),
            _ => deliver_all(place, notice, &anew),
        })
        .map_err(|t| Trouble { why: shown(place, &t.why), ..t })
}

/// Words without anything secret, on one line.
fn shown(place: &Place, text: &str) -> String {
    let mut text = text.to_owned();
    for secret in place.secrets.iter().filter(|s| s.len() >= 4) {
        text = text.replace(secret.as_str(), "…");
    }
    alerts::notice::line(&record::scrub::scrub(&text), SAID_CHARS_MAX * 2)
}

fn deliver_all(place: &Place, notice: &Notice, delivery: &Delivery) -> Result<Done, Trouble> {
    let mut done = Done { reference: None, said: String::new() };
    for (i, step) in place.channel.outgoing(notice, delivery).iter().enumerate() {
        if i > 0 {
            std::thread::sleep(Duration::from_secs(place.channel.gap_s()));
        }
        let answer = match step {
            Outgoing::Http(request) => match http(place, request) {
                Err(_) if request.optional => continue,
                answer => answer?,
            },
            Outgoing::Mail(m) => mail(m, place.allow_private)?,
            Outgoing::Run(run) => command(run)?,
        };
        if i == 0 {
            done.reference = place.channel.reference(&answer);
            done.said = shown(place, &alerts::notice::cut(&answer, SAID_CHARS_MAX));
        }
    }
    Ok(done)
}

/// Speaks HTTP, within the guard unless it is allowed elsewhere.
fn agent(allow_private: bool) -> Result<Agent, Trouble> {
    let roots = reach::roots(None).map_err(|u| Trouble::new(u.0, true))?;
    let tls = TlsConfig::builder()
        .unversioned_rustls_crypto_provider(Arc::new(ring::default_provider()))
        .root_certs(roots)
        .build();
    let config = Agent::config_builder()
        .timeout_global(Some(ANSWER_TIME))
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(None)
        .user_agent(concat!("why500/", env!("CARGO_PKG_VERSION")))
        .tls_config(tls)
        .build();
    Ok(if allow_private {
        Agent::with_parts(config, DefaultConnector::default(), DefaultResolver::default())
    } else {
        Agent::with_parts(config, DefaultConnector::default(), Guarded::default())
    })
}

fn http(place: &Place, request: &Request) -> Result<String, Trouble> {
    let agent = agent(place.allow_private)?;
    let mut asked = ureq::http::Request::builder().method(request.method).uri(&request.url);
    for (name, value) in &request.headers {
        asked = asked.header(*name, value);
    }
    let asked = asked
        .body(request.body.as_str())
        .map_err(|_| Trouble::new("the address or a header is none", false))?;
    let answer = agent.run(asked).map_err(|e| {
        let wrong = matches!(e, ureq::Error::BadUri(_) | ureq::Error::Http(_) | ureq::Error::Other(_));
        Trouble::new(e.to_string(), !wrong)
    })?;
    let status = answer.status().as_u16();
    let headers = answer.headers().clone();
    let header = |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
    let mut body = Vec::new();
    let read = answer.into_body().into_reader().take(ANSWER_BYTES_MAX).read_to_end(&mut body);
    let said = String::from_utf8_lossy(&body).into_owned();
    if (200..300).contains(&status) {
        // It took it; that its words broke off changes nothing.
        return Ok(said);
    }
    if place.channel.forgives(status, &said) {
        return Ok(String::new());
    }
    drop(read);
    let refusal = Refusal { status, header: &header, answer: &said, at: now() };
    let wait_s = header("retry-after")
        .and_then(|v| retry_after(&v, refusal.at))
        .or_else(|| place.channel.wait_s(&refusal));
    let passes = place.channel.passes(status) || wait_s.is_some();
    let gone = place.channel.is_gone(status);
    let words = alerts::notice::cut(said.trim(), SAID_CHARS_MAX);
    let todo = match status {
        300..=399 => "; redirects are not followed: set the address that it points to",
        401 | 403 => "; look whether the secret is right and may do this",
        404 | 410 => "; look whether the address is right and is still there",
        _ => "",
    };
    Err(Trouble { why: format!("it answered {status}: {words}{todo}"), passes, wait_s, gone })
}

/// Seconds to wait: a number, or until a date (RFC 9110 §10.2.3).
fn retry_after(value: &str, now: Time) -> Option<u64> {
    let value = value.trim();
    value.parse().ok().or_else(|| {
        let until = jiff::fmt::rfc2822::parse(value).ok()?.timestamp().as_second();
        u64::try_from(until.saturating_sub(now.secs())).ok()
    })
}

/// RFC 3834 §5: no vacation program answers.
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<AutoSubmitted, Box<dyn std::error::Error + Send + Sync>> {
        Ok(AutoSubmitted)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(AutoSubmitted::name(), "auto-generated".to_owned())
    }
}

fn mail(m: &Mail, allow_private: bool) -> Result<String, Trouble> {
    let wrong = |what: &str, e: &dyn std::fmt::Display| Trouble::new(format!("{what}: {e}"), false);
    let mut message = Message::builder()
        .from(m.from.parse().map_err(|e| wrong("from", &e))?)
        .subject(m.subject.as_str())
        .header(MessageId::from(m.id.clone()))
        .header(AutoSubmitted);
    for to in &m.to {
        message = message.to(to.parse().map_err(|e| wrong("to", &e))?);
    }
    if let Some(first) = &m.follows {
        message = message.header(InReplyTo::from(first.clone())).header(References::from(first.clone()));
    }
    let message = message.singlepart(SinglePart::plain(m.text.clone())).map_err(|e| wrong("the mail", &e))?;
    let address = addresses(&m.server, m.port, allow_private)
        .map_err(|why| Trouble::new(why, true))?
        .into_iter()
        .next()
        .ok_or_else(|| Trouble::new("the server's name has no address", true))?;
    let tls = match m.tls {
        Tls::Off => Wrapped::None,
        Tls::Start => Wrapped::Required(trusted(&m.server)?),
        Tls::Whole => Wrapped::Wrapper(trusted(&m.server)?),
    };
    // The address was looked up and may be spoken to; the certificate is held against the name.
    let mut transport = SmtpTransport::builder_dangerous(address.ip().to_string())
        .port(m.port)
        .tls(tls)
        .timeout(Some(ANSWER_TIME));
    if let Some((user, password)) = &m.login {
        transport = transport.credentials(Credentials::new(user.clone(), password.clone()));
    }
    if let Some(name) = machine().filter(|n| n.contains('.')) {
        transport = transport.hello_name(ClientId::Domain(name));
    }
    let transport = transport.build();
    let said = |answer: Response| answer.message().collect::<Vec<_>>().join(" ");
    // RFC 5321 §4.2.1: 5yz is for good.
    let trouble = |e: &SmtpError| Trouble::new(e.to_string(), !e.is_permanent());
    match transport.send(&message) {
        Ok(answer) => Ok(said(answer)),
        Err(e) if m.to.len() > 1 && is_of_one_receiver(&e) => {
            // The first that is refused ends it for all: each by itself, so that an old address keeps it from no other.
            let (from, raw) = (message.envelope().from().cloned(), message.formatted());
            let (mut taken, mut refused) = (Vec::new(), Vec::new());
            for to in message.envelope().to() {
                let sent = Envelope::new(from.clone(), vec![to.clone()])
                    .map_err(|e| wrong("the mail", &e))
                    .and_then(|envelope| transport.send_raw(&envelope, &raw).map_err(|e| trouble(&e)));
                match sent {
                    Ok(answer) => taken.push(said(answer)),
                    Err(t) => refused.push((to, t)),
                }
            }
            let words = refused.iter().map(|(to, t)| format!("{to}: {}", t.why));
            let words = words.collect::<Vec<_>>().join("; ");
            match taken.first() {
                Some(answer) => {
                    let words = alerts::notice::line(&words, SAID_CHARS_MAX * 2);
                    eprintln!("why500: alerts: the mail was not taken for {words}");
                    Ok(format!("{answer}; not taken for {words}"))
                }
                None => Err(Trouble::new(words, refused.iter().any(|(_, t)| t.passes))),
            }
        }
        Err(e) => Err(trouble(&e)),
    }
}

/// Is it a mailbox that was refused, rather than who sends or what is sent (RFC 5321 §4.2.3)?
fn is_of_one_receiver(e: &SmtpError) -> bool {
    e.status().is_some_and(|code| {
        matches!(
            code.to_string().as_str(),
            "450" | "451" | "452" | "501" | "550" | "551" | "552" | "553" | "556"
        )
    })
}

/// The machine's name.
fn machine() -> Option<String> {
    Some(rustix::system::uname().nodename().to_str().ok()?.to_owned())
}

/// Whom the machine trusts; `SSL_CERT_FILE` names others.
fn trusted(host: &str) -> Result<TlsParameters, Trouble> {
    TlsParameters::builder(host.to_owned()).build_rustls().map_err(|e| Trouble::new(e.to_string(), false))
}

/// Runs a command: what it prints nobody reads, but for an error's first lines.
fn command(run: &Run) -> Result<String, Trouble> {
    use std::os::unix::process::CommandExt;
    let Some((program, arguments)) = run.argv.split_first() else {
        return Err(Trouble::new("there is no program to run", false));
    };
    let mut child = Command::new(program)
        .args(arguments)
        .envs(run.environment.iter().map(|(n, v)| (*n, v.as_str())))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        // What it starts itself is ended with it.
        .process_group(0)
        .spawn()
        .map_err(|e| Trouble::new(format!("{program}: {e}"), e.kind() != std::io::ErrorKind::NotFound))?;
    let (stdin, text) = (child.stdin.take(), run.stdin.clone());
    // Who does not read may not hold us up.
    std::thread::spawn(move || stdin.map(|mut s| s.write_all(text.as_bytes())));
    let stderr = child.stderr.take();
    let (told, said) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut text = Vec::new();
        if let Some(stderr) = stderr {
            let mut first = stderr.take(1_024);
            let _ = first.read_to_end(&mut text);
            // The rest goes nowhere, so that it need not wait.
            let _ = std::io::copy(&mut first.into_inner(), &mut std::io::sink());
        }
        let _ = told.send(String::from_utf8_lossy(&text).into_owned());
    });
    let end = Instant::now() + Duration::from_secs(run.seconds_max);
    let ended = loop {
        match child.try_wait() {
            Ok(Some(status)) => break Ok(status),
            Ok(None) if Instant::now() < end => std::thread::sleep(Duration::from_millis(20)),
            Ok(None) => {
                use rustix::process::{Pid, Signal, kill_process_group};
                if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
                    let _ = kill_process_group(pid, Signal::KILL);
                }
                let _ = child.wait();
                break Err(format!("{program}: it did not end within {} seconds", run.seconds_max));
            }
            Err(e) => break Err(format!("{program}: {e}")),
        }
    };
    let status = ended.map_err(|why| Trouble::new(why, true))?;
    if status.success() {
        return Ok("it ended well".to_owned());
    }
    let words = said.recv_timeout(Duration::from_millis(500)).unwrap_or_default();
    Err(Trouble::new(format!("{program}: {status}: {}", words.trim()), true))
}

/// The thread of one channel.
pub struct Worker {
    /// Tells it to end.
    pub stop: Arc<AtomicBool>,
    /// It.
    pub thread: std::thread::JoinHandle<()>,
}

/// Begins to send what waits for a channel. The configuration is held as it is; another one is another worker's.
///
/// # Errors
/// No thread or no connection to the store can be had.
pub fn start(app: &Arc<App>, config: &Arc<alerts::Config>, name: &str) -> Result<Worker, String> {
    let stop = Arc::new(AtomicBool::new(false));
    let reader =
        app.writer.lock().unwrap_or_else(PoisonError::into_inner).reader().map_err(|e| e.to_string())?;
    let (app, config, named, stopped) =
        (Arc::clone(app), Arc::clone(config), name.to_owned(), Arc::clone(&stop));
    let run = move || {
        if let Some(place) = config.channel(&named) {
            Sender { app: &app, reader, place, stopped, failed: 0, rests_until: Time(0) }.run();
        }
    };
    let thread =
        std::thread::Builder::new().name(format!("alerts-{name}")).spawn(run).map_err(|e| e.to_string())?;
    Ok(Worker { stop, thread })
}

struct Sender<'a> {
    app: &'a App,
    reader: Reader,
    place: &'a Place,
    stopped: Arc<AtomicBool>,
    /// How often the channel failed one after the other …
    failed: u32,
    /// … and until when nothing is asked of it, whatever waits: who is told to wait and asks on may be shut out.
    rests_until: Time,
}

impl Sender<'_> {
    fn run(&mut self) {
        while !self.stopped.load(Ordering::Relaxed) {
            let trouble = self.turn().err();
            // A disk without room is told of by the digest already; the message waits.
            if trouble.is_some() {
                std::thread::sleep(LOOK);
            }
            std::thread::park_timeout(LOOK);
        }
    }

    fn turn(&mut self) -> store::Result<()> {
        if now() < self.rests_until {
            return Ok(());
        }
        let due = self.reader.due(&self.place.name, now(), TURN_MAX)?;
        let people = !self.place.channel.holds_open();
        if people && due.len() > SINGLE_MAX {
            let notices: Vec<Notice> = due.iter().filter_map(notice).collect();
            if let Some(one) = alerts::tell::digest(&notices) {
                let id = due.iter().map(|m| m.id).max().unwrap_or_default();
                let number = due.iter().map(|m| m.number).sum::<i64>();
                return self.send(
                    &due,
                    &one,
                    &Delivery { id: format!("digest-{id}-{number}"), at: now(), before: None },
                );
            }
        }
        for (i, message) in due.iter().enumerate() {
            if self.stopped.load(Ordering::Relaxed) || now() < self.rests_until {
                break;
            }
            if i > 0 {
                std::thread::sleep(Duration::from_secs(self.place.channel.gap_s()));
            }
            let Some(notice) = notice(message) else {
                self.note(message, &Outcome::Failed("the message as kept cannot be read".to_owned(), None))?;
                continue;
            };
            let delivery = Delivery {
                id: format!("{}-{}", message.id, message.number),
                at: now(),
                before: message.reference.clone(),
            };
            self.send(std::slice::from_ref(message), &notice, &delivery)?;
        }
        Ok(())
    }

    fn send(
        &mut self,
        messages: &[store::Outgoing],
        notice: &Notice,
        delivery: &Delivery,
    ) -> store::Result<()> {
        let came = deliver(self.place, notice, delivery);
        match &came {
            Err(trouble) if trouble.passes => {
                let pause = pause_s(self.failed.min(REST_GROWS), trouble.wait_s, 0);
                (self.failed, self.rests_until) = (self.failed + 1, now().plus(pause * SECOND));
            }
            // A message that is refused for good says nothing of the next.
            _ => (self.failed, self.rests_until) = (0, Time(0)),
        }
        let alerts: &Alerts = &self.app.alerts;
        alerts.count(&self.place.name, if came.is_ok() { "sent" } else { "failed" });
        for message in messages {
            let outcome = match &came {
                // A digest is no message of an alert: there is nothing to edit later.
                Ok(done) => Outcome::Sent(done.reference.clone().filter(|_| messages.len() == 1)),
                Err(trouble) => {
                    let again = trouble.passes && message.tries + 1 < TRIES_MAX;
                    if !again {
                        alerts.count(&self.place.name, "gave-up");
                    }
                    let pause = pause_s(message.tries, trouble.wait_s, message.id);
                    Outcome::Failed(trouble.why.clone(), again.then(|| now().plus(pause * SECOND)))
                }
            };
            self.note(message, &outcome)?;
        }
        Ok(())
    }

    /// What was sent must not be sent again because it could not be noted: it is noted until it is.
    fn note(&self, message: &store::Outgoing, outcome: &Outcome) -> store::Result<()> {
        loop {
            let noted =
                self.app.writer.lock().unwrap_or_else(PoisonError::into_inner).sent(now(), message, outcome);
            match noted {
                Err(_) if !self.stopped.load(Ordering::Relaxed) => std::thread::sleep(LOOK),
                other => return other,
            }
        }
    }
}

/// The notice of a message, with what happened as the outbox has it: an opening that nobody heard of stays one.
fn notice(message: &store::Outgoing) -> Option<Notice> {
    let mut notice: Notice = serde_json::from_str(&message.notice).ok()?;
    notice.event = Event::parse(&message.event)?;
    Some(notice)
}

/// Seconds until the next try: doubled each time, spread by a quarter so that not all come at once; at least what was asked for.
fn pause_s(tries: u32, asked_s: Option<u64>, spread: i64) -> i64 {
    let grown = PAUSE_S.saturating_mul(1 << tries.min(20)).min(PAUSE_S_MAX);
    let spread = grown / 4 * (spread.unsigned_abs() % 8) / 8;
    let least = asked_s.unwrap_or(0).min(PAUSE_S_MAX);
    i64::try_from((grown + spread).max(least)).unwrap_or(i64::MAX)
}

/// How a trial is told apart.
pub fn trial(at: Time) -> Delivery {
    Delivery { id: format!("trial-{}", at.0), at, before: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_an_hour_and_a_day_in_all() {
        assert_eq!(pause_s(0, None, 0), 5);
        assert_eq!(pause_s(0, Some(60), 0), 60);
        assert_eq!(pause_s(3, None, 0), 40);
        assert_eq!(pause_s(30, Some(1 << 40), 0), 3_600);
        let all: i64 = (0..TRIES_MAX - 1).map(|t| pause_s(t, None, 0)).sum();
        assert!((20 * 3_600..26 * 3_600).contains(&all), "{all}");
    }
}
