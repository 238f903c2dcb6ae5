//! Sends a probe's requests: to one host alone, no faster than is wanted, each answer within bounds of time and size.

use crate::explain::Usage;
use ::probe::explore::{Server, Stage};
use ::probe::{Answer, End, Request};
use std::collections::VecDeque;
use std::io::{self, IsTerminal, Read, Write};
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};
use ureq::Agent;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::tls::TlsConfig;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};

/// Connecting to a server that is there takes milliseconds, to one on the other side of the world a third of a second.
const CONNECT_TIME: Duration = Duration::from_secs(5);
/// Bytes read of a body; one without an end is left there.
pub const READ_BYTES_MAX: u64 = 10 << 20;
/// A server that died is waited for so long: those that are watched over are back within seconds.
const BACK_TIME: Duration = Duration::from_secs(5);
/// Between two looks whether it is back.
const BACK_STEP: Duration = Duration::from_millis(250);
/// Answers that took longer slow the probe down: it then waits as long as they took.
const SLOW_US: u64 = 200_000;
/// Bytes of exchanges that are kept for whoever wants all of them (HAR): some tens of thousands, unless bodies are large.
const KEPT_BYTES_MAX: usize = 256 << 20;
/// Bytes that an exchange takes besides its bodies, about.
const EXCHANGE_BYTES: usize = 1_000;
/// Addresses that one name is pinned to; the resolver of the client takes no more.
const ADDRESSES_MAX: usize = 16;
/// Between two pictures of the progress.
const SHOW_EVERY: Duration = Duration::from_millis(100);
/// A client that says who it is can be found in a log, and be asked about.
const AGENT: &str =
    concat!("why500-probe/", env!("CARGO_PKG_VERSION"), " (+https://github.com/why500/why500)");

/// Where requests go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// `http://127.0.0.1:8710`: without path.
    pub base: String,
    addresses: Vec<SocketAddr>,
}

impl Host {
    /// The host of a URL. `named`: a person named it, so that it may be private.
    ///
    /// # Errors
    /// It is no URL of HTTP, its name has no address, or none that may be asked.
    pub fn of(url: &url::Url, named: bool) -> Result<Host, Usage> {
        let shown = url.as_str();
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Usage(format!("{shown}: http:// and https:// are probed")));
        }
        let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
            return Err(Usage(format!("{shown}: it names no host")));
        };
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let all: Vec<SocketAddr> = (bare, port)
            .to_socket_addrs()
            .map_err(|e| Usage(format!("{host}: the name has no address ({e})")))?
            .collect();
        let metadata = |a: &SocketAddr| matches!(a.ip(), IpAddr::V4(v4) if v4.is_link_local());
        let literal = bare.parse::<IpAddr>().is_ok();
        // A name may point anywhere: at a cloud's own services only its address leads.
        let may = |a: &SocketAddr| crate::serve::is_public(a.ip()) || (named && (literal || !metadata(a)));
        let addresses: Vec<SocketAddr> = all.iter().copied().filter(may).take(ADDRESSES_MAX).collect();
        if addresses.is_empty() {
            return Err(Usage(format!(
                "{host}: it leads to a private address ({}) that nobody named; name it as the target or with --base-url",
                all.first().map_or_else(|| "none".to_owned(), |a| a.ip().to_string())
            )));
        }
        Ok(Host { base: url.origin().ascii_serialization(), addresses })
    }

    /// Is it this machine?
    pub fn is_loopback(&self) -> bool {
        self.addresses.iter().all(|a| a.ip().is_loopback())
    }
}

/// Whatever is asked for, these addresses are spoken to.
#[derive(Debug)]
struct Pinned(Vec<SocketAddr>);

impl Resolver for Pinned {
    fn resolve(&self, _: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let mut all = DefaultResolver::default().empty();
        self.0.iter().for_each(|a| all.push(*a));
        Ok(all)
    }
}

/// The way to one host.
pub struct Line {
    host: Host,
    agent: Agent,
    /// Between two requests; zero: none.
    interval: Duration,
    next: Instant,
    stop: Arc<AtomicBool>,
    sent: Option<io::BufWriter<std::fs::File>>,
    /// All exchanges if they are wanted, the oldest ones fallen out where there are too many.
    pub kept: VecDeque<(Request, Answer)>,
    kept_bytes: usize,
    /// Exchanges that fell out.
    pub fallen: u64,
    /// When the first and the last request were sent.
    pub span: Option<(record::Time, record::Time)>,
    /// Requests sent.
    pub requests: u64,
    failed: u64,
    began: Instant,
    shown: Option<Instant>,
    stage: Option<Stage>,
    watched: bool,
    /// Nothing is sent; each request is shown instead.
    dry: bool,
    keep: bool,
    /// Bytes kept of a body.
    pub body_max: usize,
}

/// How a line is to be.
pub struct Manners {
    /// Requests a second at most; `None`: as fast as they are answered.
    pub rps: Option<f64>,
    /// For an answer as a whole.
    pub timeout: Duration,
    /// Everything sent is written here, a line of JSON each.
    pub sent: Option<std::path::PathBuf>,
    /// Only show what would be sent.
    pub dry: bool,
    /// All exchanges are wanted.
    pub keep: bool,
}

impl Line {
    /// A line to a host.
    ///
    /// # Errors
    /// The file for what is sent cannot be written, or the authorities cannot be read.
    pub fn open(
        host: Host,
        manners: &Manners,
        stop: Arc<AtomicBool>,
        ca: Option<&std::path::Path>,
    ) -> Result<Line, Usage> {
        let config = Agent::config_builder()
            .timeout_connect(Some(CONNECT_TIME))
            .timeout_global(Some(manners.timeout))
            .http_status_as_error(false)
            .max_redirects(0)
            .allow_non_standard_methods(true)
            .user_agent(AGENT)
            .proxy(None);
        let config = if host.base.starts_with("https://") {
            let tls = TlsConfig::builder()
                .unversioned_rustls_crypto_provider(Arc::new(
                    tokio_rustls::rustls::crypto::ring::default_provider(),
                ))
                .root_certs(crate::reach::roots(ca)?);
            config.tls_config(tls.build())
        } else {
            config
        };
        let agent =
            Agent::with_parts(config.build(), DefaultConnector::default(), Pinned(host.addresses.clone()));
        let sent = match &manners.sent {
            Some(path) => {
                let file = std::fs::OpenOptions::new()
                    .create(true)
                    .append(true)
                    .open(path)
                    .map_err(|e| Usage(format!("--sent {}: {e}", path.display())))?;
                Some(io::BufWriter::new(file))
            }
            None => None,
        };
        let now = Instant::now();
        Ok(Line {
            host,
            agent,
            interval: manners.rps.map_or(Duration::ZERO, |r| Duration::from_secs_f64(1.0 / r)),
            next: now,
            stop,
            sent,
            kept: VecDeque::new(),
            kept_bytes: 0,
            fallen: 0,
            span: None,
            keep: manners.keep,
            requests: 0,
            failed: 0,
            began: now,
            shown: None,
            stage: None,
            watched: io::stderr().is_terminal(),
            dry: manners.dry,
            body_max: ::probe::request::BODY_BYTES_MAX,
        })
    }

    /// Where it goes to: `http://127.0.0.1:8710`.
    pub fn base(&self) -> &str {
        &self.host.base
    }

    /// Whether requests are shown rather than sent.
    pub fn dry(&mut self, dry: bool) {
        self.dry = dry;
    }

    /// Waits for its turn.
    fn pace(&mut self) {
        let now = Instant::now();
        if self.next > now {
            std::thread::sleep(self.next - now);
        }
        self.next = Instant::now() + self.interval;
    }

    /// Takes note of what was sent and came.
    fn note(&mut self, request: &Request, answer: &Answer) {
        self.requests += 1;
        self.failed += u64::from(answer.failed());
        if answer.took_us > SLOW_US {
            // Never busy more than half of the time.
            self.next = self.next.max(Instant::now() + Duration::from_micros(answer.took_us));
        }
        if let Some(file) = &mut self.sent {
            let line = serde_json::json!({
                "method": request.method, "target": request.target,
                "headers": request.headers.iter().map(|(n, v)| (n, if ::probe::request::is_secret(n) { "***" } else { v })).collect::<Vec<_>>(),
                "body": request.body.as_ref().map(|b| String::from_utf8_lossy(b)),
                "status": answer.status, "took_ms": answer.took_us as f64 / 1000.0,
            });
            // What cannot be written any more is no reason to stop: the report tells what was found.
            let _ = writeln!(file, "{line}");
        }
        let at = record::Time(answer.at_us);
        self.span = Some(self.span.map_or((at, at), |(first, last)| (first.min(at), last.max(at))));
        if self.keep {
            let bytes =
                |r: &Request, a: &Answer| EXCHANGE_BYTES + a.body.len() + r.body.as_ref().map_or(0, Vec::len);
            self.kept_bytes += bytes(request, answer);
            self.kept.push_back((request.clone(), answer.clone()));
            while self.kept_bytes > KEPT_BYTES_MAX
                && let Some((r, a)) = self.kept.pop_front()
            {
                self.kept_bytes -= bytes(&r, &a);
                self.fallen += 1;
            }
        }
        self.show();
    }

    fn show(&mut self) {
        if !self.watched || self.shown.is_some_and(|s| s.elapsed() < SHOW_EVERY) {
            return;
        }
        self.shown = Some(Instant::now());
        let stage = match self.stage {
            None => "reading".to_owned(),
            Some(Stage::Crawling) => "crawling".to_owned(),
            Some(Stage::Meant) => "each operation as it is meant".to_owned(),
            Some(Stage::Chains) => "operations in a row".to_owned(),
            Some(Stage::Templates(r)) => format!("faults of rank {r} of 5"),
            Some(Stage::Pairs) => "two faults at once".to_owned(),
            Some(Stage::Shrinking(i, n)) => format!("shrinking {} of {n}", i + 1),
        };
        let rate = self.requests as f64 / self.began.elapsed().as_secs_f64().max(0.001);
        let _ = write!(
            io::stderr(),
            "\r\x1b[K{} requests, {rate:.0}/s, {} failed: {stage}",
            self.requests,
            self.failed
        );
        let _ = io::stderr().flush();
    }

    /// Takes the progress off the terminal, and writes out what was noted.
    pub fn close(&mut self) {
        if self.watched && self.shown.is_some() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
        if let Some(file) = &mut self.sent {
            let _ = file.flush();
        }
    }

    /// Sends one request, again where the connection, not the server, was at fault.
    fn exchange(&self, request: &Request) -> Answer {
        let first = exchange(&self.agent, &self.host.base, request, self.body_max);
        match first.end {
            // A connection that was kept open may be closed by the other side in the very moment it is used.
            End::Cut => exchange(&self.agent, &self.host.base, request, self.body_max),
            End::NotReached(_) => {
                let since = Instant::now();
                let mut last = first;
                while since.elapsed() < BACK_TIME && !self.stop.load(Ordering::Relaxed) {
                    std::thread::sleep(BACK_STEP);
                    last = exchange(&self.agent, &self.host.base, request, self.body_max);
                    if !matches!(last.end, End::NotReached(_)) {
                        break;
                    }
                }
                last
            }
            _ => first,
        }
    }
}

impl Server for Line {
    fn send(&mut self, requests: &[Request]) -> Vec<Answer> {
        if self.dry {
            let mut out = io::stdout().lock();
            for r in requests {
                self.requests += 1;
                // Whoever closed the pipe has seen enough.
                let _ = writeln!(out, "{}", r.curl(&self.host.base));
            }
            return requests.iter().map(|_| Answer { status: 200, ..Answer::default() }).collect();
        }
        for _ in requests {
            self.pace();
        }
        let answers: Vec<Answer> = match requests {
            [one] => vec![self.exchange(one)],
            all => std::thread::scope(|s| {
                let line = &*self;
                let running: Vec<_> = all.iter().map(|r| s.spawn(move || line.exchange(r))).collect();
                running.into_iter().map(|t| t.join().unwrap_or_default()).collect()
            }),
        };
        for (r, a) in requests.iter().zip(&answers) {
            self.note(r, a);
        }
        answers
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn stage(&mut self, stage: Stage) {
        self.stage = Some(stage);
    }
}

/// Microseconds since 1970.
fn now_us() -> i64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |d| i64::try_from(d.as_micros()).unwrap_or(i64::MAX))
}

fn exchange(agent: &Agent, base: &str, request: &Request, body_max: usize) -> Answer {
    let mut answer = Answer { at_us: now_us(), ..Answer::default() };
    let began = Instant::now();
    match sent(agent, &format!("{base}{}", request.target), request) {
        Err(e) => answer.end = ended(&e),
        Ok(response) => {
            let (head, body) = response.into_parts();
            answer.status = head.status.as_u16();
            let text = |v: &ureq::http::HeaderValue| String::from_utf8_lossy(v.as_bytes()).into_owned();
            answer.headers = head.headers.iter().map(|(n, v)| (n.as_str().to_owned(), text(v))).collect();
            let mut reader = body.into_reader().take(READ_BYTES_MAX);
            let mut chunk = [0u8; 16 << 10];
            loop {
                match reader.read(&mut chunk) {
                    Ok(0) => break,
                    Ok(n) => {
                        answer.bytes += n as u64;
                        let room = body_max.saturating_sub(answer.body.len());
                        answer.body.extend_from_slice(chunk.get(..n.min(room)).unwrap_or_default());
                    }
                    Err(e) => {
                        // The client's own errors come through the reader wrapped up.
                        answer.end = match ended(&ureq::Error::from(e)) {
                            End::NotReached(_) | End::NotSent(_) => End::Cut,
                            other => other,
                        };
                        break;
                    }
                }
            }
        }
    }
    answer.took_us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
    answer
}

fn sent(
    agent: &Agent,
    uri: &str,
    request: &Request,
) -> Result<ureq::http::Response<ureq::Body>, ureq::Error> {
    let headers = || request.headers.iter().map(|(n, v)| (n.as_str(), v.as_bytes()));
    let Some(body) = &request.body else {
        let plain = ureq::http::Request::builder().method(request.method.as_str()).uri(uri);
        let asked = headers().fold(plain, |r, (n, v)| r.header(n, v));
        // Methods that take content say that there is none (RFC 9110, 8.6): the client would send an empty chunk, as nobody does.
        return match request.method.as_str() {
            "POST" | "PUT" | "PATCH" => agent.run(asked.body(&[][..])?),
            _ => agent.run(asked.body(())?),
        };
    };
    // Methods that have no body by themselves are made to take one.
    let builder = match request.method.as_str() {
        "GET" => agent.get(uri),
        "HEAD" => agent.head(uri),
        "DELETE" => agent.delete(uri),
        "OPTIONS" => agent.options(uri),
        "TRACE" => agent.trace(uri),
        method => {
            let plain = ureq::http::Request::builder().method(method).uri(uri);
            let asked = headers().fold(plain, |r, (n, v)| r.header(n, v));
            return agent.run(asked.body(body.as_slice())?);
        }
    };
    let builder = headers().fold(builder.force_send_body(), |r, (n, v)| r.header(n, v));
    builder.send(body.as_slice())
}

/// What an error of the client says of the exchange.
fn ended(e: &ureq::Error) -> End {
    use ureq::{Error, Timeout};
    match e {
        Error::Timeout(Timeout::Connect | Timeout::Resolve) => {
            End::NotReached("no connection in time".into())
        }
        Error::Timeout(_) => End::TimedOut,
        Error::Io(e) => match e.kind() {
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::UnexpectedEof => End::Cut,
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => End::TimedOut,
            io::ErrorKind::InvalidData => End::Broken(e.to_string()),
            _ => End::NotReached(e.to_string()),
        },
        Error::HostNotFound | Error::ConnectionFailed | Error::Tls(_) | Error::Rustls(_) => {
            End::NotReached(format!("{e}; {}", crate::reach::hint(e)))
        }
        Error::Http(_) | Error::BadUri(_) => End::NotSent(e.to_string()),
        Error::Protocol(p) => {
            let said = p.to_string();
            // What the client refuses to send, and what it cannot make of an answer, come as one kind of error.
            let of_answer = ["http parse", "chunk", "unsupported http version", "location"];
            if of_answer.iter().any(|w| said.contains(w)) { End::Broken(said) } else { End::NotSent(said) }
        }
        other => End::Broken(other.to_string()),
    }
}
