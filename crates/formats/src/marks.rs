//! Marks on the time line that messages carry whatever their format: started, stopped, died, listening,
//! reloaded.
//!
//! ```text
//! listening on IPv4 address "127.0.0.1", port 8531           PostgreSQL
//! Listening at: http://127.0.0.1:8257 (29563)                 gunicorn
//! Server socket created on IP: '127.0.0.1', port: '8146'.     MariaDB
//! User requested shutdown...                                  Redis
//! Server be_orders/app1 is DOWN, reason: Layer4 connection problem
//! ```
//!
//! Each rule is a literal that the software named beside it writes. A scan over the beginnings of the words
//! decides which groups of rules are looked at: most messages begin no word that any rule needs, and cost one
//! pass.

use crate::needle::Needles;
use crate::system::kernel;
use record::Mark;

/// A mark stands in the first lines of a message or nowhere; MySQL's port is in the second.
const MESSAGE_BYTES: usize = 512;

/// What a mark quotes of a message at most, in bytes.
const WHAT_BYTES: usize = 90;

const UP: u8 = 1;
const DOWN: u8 = 2;
const DIED: u8 = 4;
const CHANGE: u8 = 8;
const HEALTH: u8 = 16;

/// The groups of rules that a word's first four letters call for.
fn groups(stem: [u8; 4]) -> u8 {
    match &stem {
        b"back" => HEALTH | DIED | CHANGE,
        b"runn" => UP | HEALTH | CHANGE,
        b"migr" | b"appl" | b"chan" | b"batc" => UP | CHANGE,
        b"step" => DOWN,
        b"list" | b"serv" | b"boun" | b"port" | b"init" | b"boot" | b"laun" | b"depl" | b"onli" | b"acce" => {
            UP | HEALTH
        }
        b"star" | b"read" | b"resu" | b"wait" | b"rabb" | b"avai" | b"addr" | b"up o" | b"on :" | b"on 1"
        | b"on h" | b"on p" => UP,
        b"rest" | b"load" | b"sigu" => UP | CHANGE,
        b"clos" | b"fini" => DOWN,
        b"sigk" | b"sigs" | b"siga" | b"heap" | b"java" | b"redi" | b"valk" | b"gave" => DIED | UP,
        b"host" | b"chec" => HEALTH,
        b"stop" | b"shut" | b"sigt" | b"sigi" | b"term" | b"grac" | b"norm" | b"goin" | b"user" => {
            DOWN | DIED | CHANGE
        }
        b"exit" => DOWN | DIED,
        b"hand" => DOWN,
        b"kill" | b"died" | b"sign" | b"segf" | b"oomk" | b"cras" | b"core" | b"abor" | b"main" => {
            DIED | CHANGE | DOWN
        }
        b"relo" | b"reco" | b"para" | b"conf" | b"sigh" | b"ah00" | b"hupp" | b"reop" | b"upda" => {
            CHANGE | DOWN | UP
        }
        b"heal" | b"live" | b"unhe" | b"prob" | b"upst" | b"down" | b"mark" => HEALTH | DIED,
        _ => 0,
    }
}

/// What the message marks. `service` is who said it, if known.
pub fn mark(message: &str, service: Option<&str>) -> Option<Mark> {
    let text = message.get(..floor(message, MESSAGE_BYTES))?;
    let wanted = scan(text.as_bytes());
    if wanted == 0 {
        return None;
    }
    let first = text.lines().next().unwrap_or(text);
    // A request's line marks nothing; Jetty names its connector by the protocol.
    if first.contains(" HTTP/") && !first.contains("serving HTTP") && !first.contains("Connector@") {
        return None;
    }
    // Handled below in the order from the sure to the loose.
    (if wanted & DIED != 0 { died(first) } else { None })
        .or_else(|| if wanted & HEALTH != 0 { health(first) } else { None })
        .or_else(|| if wanted & CHANGE != 0 { changed(first) } else { None })
        .or_else(|| if wanted & DOWN != 0 { stopped(first, service) } else { None })
        .or_else(|| {
            if wanted & UP != 0 { listening(text, first).or_else(|| started(first, service)) } else { None }
        })
}

/// The groups whose stems begin a word of the text.
fn scan(text: &[u8]) -> u8 {
    let mut wanted = 0;
    let mut within = false;
    for (i, c) in text.iter().enumerate() {
        let letter = c.is_ascii_alphanumeric();
        if letter
            && !within
            && let Some(&[a, b, c, d]) = text.get(i..i + 4).and_then(|s| <&[u8; 4]>::try_from(s).ok())
        {
            let low = |x: u8| x.to_ascii_lowercase();
            wanted |= groups([low(a), low(b), low(c), low(d)]);
        }
        within = letter;
    }
    wanted
}

/// The largest boundary of a character up to `max`.
fn floor(text: &str, max: usize) -> usize {
    let mut end = text.len().min(max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    end
}

fn short(text: &str) -> String {
    let text = text.trim();
    text.get(..floor(text, WHAT_BYTES)).unwrap_or(text).trim_end_matches(['.', ' ', ',']).to_owned()
}

fn has(text: &str, words: &[&str]) -> bool {
    words.iter().any(|w| text.contains(w))
}

/// Does it say that something did *not* come up?
fn denied(text: &str) -> bool {
    static WORDS: Needles<19> = Needles::new([
        "ailed",
        "annot ",
        "ould not",
        "nable to",
        "n't ",
        "not listening",
        "already in use",
        "in use",
        "no longer",
        "rror",
        "refused",
        "stopped listening",
        "not running",
        "not ready",
        "denied",
        "imeout",
        "timed out",
        "invalid",
        "waiting",
    ]);
    WORDS.is_any_in(text)
}

/// A word of the text by what stands before it; up to a blank or one of the ends given.
fn after<'a>(text: &'a str, lead: &str) -> Option<&'a str> {
    let i = memchr::memmem::find(text.as_bytes(), lead.as_bytes())?;
    text.get(i + lead.len()..)
}

/// An address at the start of a text, in the shape of a mark: `host:port`, `:port` or a path.
fn address(text: &str) -> Option<String> {
    let text = text.trim_start_matches([' ', '"', '\'', '`', '(', '<', '=', ':']);
    // ":8080" lost its colon above; "[::]:8080" keeps its brackets.
    let end = text.find([' ', '"', '\'', '`', ',', ')', '>', ';', '\n', '\t']).unwrap_or(text.len());
    let word = text.get(..end)?;
    if let Some(path) = word.strip_prefix("unix://").or_else(|| word.strip_prefix("unix:")) {
        return path.starts_with('/').then(|| path.trim_end_matches('.').to_owned());
    }
    let word = [
        "https://", "http://", "tcp://", "ssl://", "grpc://", "ws://", "redis://", "amqp://", "tcp:", "tcp4:",
    ]
    .iter()
    .find_map(|scheme| word.strip_prefix(scheme))
    .unwrap_or(word);
    if word.starts_with('/') {
        let path = word.trim_end_matches('.');
        return (path.len() > 3).then(|| path.to_owned());
    }
    let word = word.split('/').next()?.trim_end_matches(['.', ':', '!', ']']);
    // The bracket of an IPv6 address without port was cut by the trimming: put nothing back, such have no
    // port anyway.
    let (host, port) = match word.rsplit_once(':') {
        Some((host, port)) => (host, port),
        None => ("", word),
    };
    let number: u16 = port.parse().ok().filter(|p| *p > 0)?;
    if port.starts_with('0') || port.len() < 2 {
        return None;
    }
    let fits = host
        .bytes()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'-' | b':' | b'[' | b']' | b'*' | b'_'));
    let host = if host == "*" || host == "::" { "" } else { host };
    fits.then(|| format!("{host}:{number}"))
}

/// `port 8531`, `port: 8080`, `port(s): 8080 (http)`, `port=6379`, `port: '8146'`, `port="8080"`.
fn port(text: &str) -> Option<u16> {
    let mut rest = text;
    loop {
        let i = memchr::memmem::find(rest.as_bytes(), b"port")
            .or_else(|| memchr::memmem::find(rest.as_bytes(), b"PORT"))?;
        rest = rest.get(i + 4..)?;
        let tail = rest.trim_start_matches("(s)").trim_start_matches([' ', ':', '=', '\'', '"', '#']);
        let digits = tail.bytes().take_while(u8::is_ascii_digit).count();
        if (2..=5).contains(&digits)
            && let Some(n) = tail.get(..digits).and_then(|d| d.parse().ok()).filter(|n| *n > 0)
        {
            return Some(n);
        }
    }
}

/// Phrases after which an address stands.
const BEFORE_ADDRESS: &[&str] = &[
    "istening on ",  // Node, puma, HAProxy, many
    "istening on: ", // ASP.NET Core
    "istening at: ", // gunicorn
    "istening at ",  // fastify, express examples
    "istening for HTTP requests on ",
    "istening for requests on ",
    "istening to ",
    "istening ",
    "unning on ", // uvicorn, werkzeug, hypercorn
    "unning at ", // webpack, Vapor
    "tarted on ", // many
    "tarted at ",
    "tarting on ", // Rocket "launched from"
    "tarting HTTP server on ",
    "tarting development server at ", // Django
    "Development Server (",           // php -S
    "erving on ",                     // waitress
    "erving at ",
    "erving HTTP on ", // python -m http.server
    "aunched from ",   // Rocket
    "cowboy at ",      // Phoenix
    "cowboy 2 at ",
    "bandit at ",
    " (http) at ",
    "up on ",
    "eady on ", // Next.js, wrangler
    "eady at ",
    "vailable at ",
    "bound to ",
    "ccepting connections on ",
    "ccepting connections at ",
    "on port ",
    "bind=",
    " addr=", // Go, Rust
    " address=",
    " listen=",
];

fn listening(text: &str, first: &str) -> Option<Mark> {
    if denied(first) {
        return None;
    }
    let at = |host: &str, port: u16| Some(Mark::Listening(format!("{host}:{port}")));
    // PostgreSQL: listening on IPv4 address "127.0.0.1", port 8531
    if let Some(rest) =
        after(first, "istening on IPv4 address ").or_else(|| after(first, "istening on IPv6 address "))
    {
        let host = rest.split('"').nth(1)?;
        let port = port(rest)?;
        return if host.contains(':') { at(&format!("[{host}]"), port) } else { at(host, port) };
    }
    // PostgreSQL: listening on Unix socket "/srv/pgrun/.s.PGSQL.8531"
    if let Some(rest) =
        after(first, "istening on Unix socket ").or_else(|| after(first, "istening on unix socket "))
    {
        return address(rest).map(Mark::Listening);
    }
    // MariaDB, MySQL
    if let Some(rest) = after(first, "Server socket created on IP: ") {
        let host = rest.split('\'').nth(1)?;
        return at(host, port(rest)?);
    }
    if has(first, &["ready for connections"]) {
        // "Version: '8.0.36'  socket: '…'  port: 3306", on the same line or the next; 0 means no network.
        return match after(text, "port: ").and_then(|p| port(&format!("port {p}"))) {
            Some(p) => at("", p),
            None => Some(Mark::Started(short(first))),
        };
    }
    // Tomcat: Initializing ProtocolHandler ["http-nio-127.0.0.1-8561"]; Starting ProtocolHandler
    // ["http-nio-8080"]
    if let Some(rest) = after(first, "Starting ProtocolHandler [\"")
        .or_else(|| after(first, "Initializing ProtocolHandler [\""))
    {
        let name = rest.split('"').next()?;
        let (name, port) = name.rsplit_once('-')?;
        let host = name.rsplit('-').next().filter(|h| h.contains('.') || h.contains(':')).unwrap_or("");
        return at(host, port.parse().ok().filter(|p| *p > 0)?);
    }
    // Jetty: Started ServerConnector@1b2c{HTTP/1.1, (http/1.1)}{0.0.0.0:8080}
    if first.contains("Started ") && first.contains("Connector@") {
        return address(first.rsplit('{').next()?.trim_end_matches('}')).map(Mark::Listening);
    }
    // Redis: Running mode=standalone, port=6379.
    if first.contains("unning mode=") {
        return at("", port(first)?);
    }
    // Phoenix: Running ShopWeb.Endpoint with cowboy 2.9.0 at 127.0.0.1:4000 (http)
    if first.starts_with("Running ") && first.contains(".Endpoint ") {
        return after(first, " at ").and_then(address).map(Mark::Listening);
    }
    // "auth-api 1.12.0 on :8457"
    let mut words = first.split_whitespace();
    if let (Some(_), Some(version), Some("on"), Some(place), None) =
        (words.next(), words.next(), words.next(), words.next(), words.next())
        && is_version(version)
    {
        return address(place).map(Mark::Listening);
    }
    // Requests and deprecations speak of ports too: the phrase must be one of beginning.
    let begins = has(
        first,
        &[
            "istening",
            "tarted",
            "unning",
            "tarting",
            "erving",
            "ready",
            "Ready",
            "aunched",
            "bound to",
            "up on ",
            "vailable at",
            "ccepting",
            "nitialized",
            "Server ",
            "server ",
        ],
    );
    if !begins {
        return None;
    }
    for lead in BEFORE_ADDRESS {
        if let Some(found) = after(first, lead).and_then(address) {
            return Some(Mark::Listening(found));
        }
    }
    // "Tomcat started on port(s): 8080 (http)", "user-api listening on port 8406", "payments 3.1.7 started,
    // port 8412"
    if has(first, &["istening", "tarted", "unning on", "tarting on", "eady"])
        && let Some(p) = port(first)
    {
        return at("", p);
    }
    None
}

fn started(first: &str, service: Option<&str>) -> Option<Mark> {
    if denied(first) {
        return None;
    }
    // Next.js: "✓ Ready in 213ms", "Ready in 1.2s".
    if let Some(rest) = first.trim_start_matches(['✓', ' ']).strip_prefix("Ready in ")
        && rest.starts_with(|c: char| c.is_ascii_digit())
        && rest.ends_with('s')
        && rest.len() < 10
    {
        return Some(Mark::Started(short(first.trim())));
    }
    // Whole phrases of known software.
    static PHRASES: Needles<30> = Needles::new([
        "database system is ready to accept connections", // PostgreSQL
        "Ready to accept connections",                    // Redis
        "Redis is starting",
        "Valkey is starting",
        "resuming normal operations", // Apache
        "fpm is running, pid",        // php-fpm
        "Server startup in",          // Tomcat
        "Starting gunicorn",
        "Application startup complete", // uvicorn
        "Started server process",
        "Puma starting in",
        "Nest application successfully started",
        "Booting Puma",
        "Waiting for connections", // MongoDB
        "Server startup complete", // RabbitMQ
        "Completed RabbitMQ",
        "Starting Mongo",
        "Server initialized",
        "Configuration complete; ready for start up",
        "start worker processes", // nginx
        "server running",         // Caddy
        "serving initial configuration",
        "all dependencies initialized. starting workers", // Envoy
        "Configuration loaded from file",                 // Traefik
        "New worker",
        "Kestrel",
        "Application started. Press Ctrl+C to shut down",
        "Phusion Passenger",
        "[KafkaServer id=",
        "Pre-starting",
    ]);
    if let Some(found) = PHRASES.first_in(first) {
        let really = match found {
            "[KafkaServer id=" => first.contains("] started"),
            "server running" => first.starts_with(found),
            "Kestrel" => false,
            "New worker" => first.contains("worker") && first.contains("forked"),
            "Phusion Passenger" => first.contains("online"),
            _ => true,
        };
        return really.then(|| Mark::Started(short(first)));
    }
    // Spring: "Started App in 3.1 seconds", "Starting App v1.8.0 using Java 17 …"
    if let Some(rest) = after(first, "Started ").or_else(|| after(first, "Starting "))
        && (first.starts_with("Started ") || first.starts_with("Starting "))
    {
        let name = rest.split(' ').next().unwrap_or("");
        let said = rest.get(name.len()..).unwrap_or("");
        if !name.is_empty() && said.starts_with(" in ") && said.contains(" seconds") {
            return Some(Mark::Started(name.to_owned()));
        }
        if let Some(v) = said.strip_prefix(' ').and_then(|s| s.split(' ').next()).filter(|v| is_version(v)) {
            return Some(Mark::Started(format!("{name} {v}")));
        }
        // "Starting MariaDB 10.11.19-MariaDB-0+deb12u1 source revision … as process 10983"
        return (said.contains(" as process ") || first.starts_with("starting PostgreSQL"))
            .then(|| Mark::Started(short(name)));
    }
    if let Some(rest) = first.strip_prefix("starting PostgreSQL ") {
        return Some(Mark::Started(format!("PostgreSQL {}", rest.split(' ').next().unwrap_or(""))));
    }
    // "booking 2.4.0 listening", "catalog started", "search-api ready", "App [booking:0] online": a name, and
    // a word of beginning at the end. What starts within a service ("export started, 500 rows", "child 12
    // started") has other words.
    let words: Vec<&str> = first.split_whitespace().take(6).collect();
    let (last, name) = words.split_last()?;
    let begins = matches!(
        last.trim_end_matches(['.', '!']),
        "started" | "listening" | "ready" | "online" | "running" | "up"
    );
    if !begins || name.is_empty() || words.len() > 4 {
        return None;
    }
    // A dependency's connection, a job, a thread is none.
    const NOT_SERVICES: &[&str] = &[
        "child",
        "worker",
        "export",
        "import",
        "job",
        "task",
        "process",
        "thread",
        "transaction",
        "request",
        "session",
        "sync",
        "backup",
        "scan",
        "initialization",
        "saving",
        "connection",
        "timer",
        "cron",
        "batch",
        "migration",
        "not",
        "is",
        "are",
        "was",
        "has",
        "being",
        "already",
        "client",
        "upload",
        "download",
        "build",
        "test",
        "tests",
        "scheduler",
        "consumer",
        "polling",
        "checkpoint",
        "span",
    ];
    if name
        .iter()
        .any(|w| NOT_SERVICES.iter().any(|n| w.trim_matches(['"', '\'', ':', ',']).eq_ignore_ascii_case(n)))
    {
        return None;
    }
    let version = name.iter().any(|w| is_version(w));
    let says_itself = service.is_some_and(|s| name.iter().any(|w| w.eq_ignore_ascii_case(s)));
    let one = name.len() == 1
        && name.first().is_some_and(|n| {
            n.len() > 2 && n.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_'))
        });
    let generic = matches!(
        name,
        ["Server" | "server" | "Application" | "application" | "App" | "app" | "Service" | "service"]
            | ["App", _]
    );
    (version || says_itself || one || generic).then(|| Mark::Started(short(&name.join(" "))))
}

/// `2.4.0`, `v1.8.0`, `v12`.
fn is_version(word: &str) -> bool {
    let word = word.trim_matches(['(', ')', ',', ':', '"']);
    let digits = word.strip_prefix('v').unwrap_or(word);
    let numbers = digits.split(['-', '+']).next().unwrap_or("");
    let dots = numbers.matches('.').count();
    !numbers.is_empty()
        && numbers.bytes().all(|c| c.is_ascii_digit() || c == b'.')
        && numbers.starts_with(|c: char| c.is_ascii_digit())
        && (dots == 2
            || dots == 1 && digits.len() < word.len()
            || dots == 0 && digits.len() < word.len() && numbers.len() <= 4)
}

fn stopped(first: &str, service: Option<&str>) -> Option<Mark> {
    static PHRASES: Needles<52> = Needles::new([
        "database system is shut down", // PostgreSQL
        "Stepping down from primary",   // MongoDB
        "received fast shutdown request",
        "received smart shutdown request",
        "received immediate shutdown request",
        "Shutdown complete", // MySQL, MariaDB
        "Normal shutdown",
        "Received SHUTDOWN from user", // MySQL 8
        "User requested shutdown",     // Redis
        "scheduling shutdown",
        "is now ready to exit, bye bye",
        "Handling signal: term", // gunicorn
        "Handling signal: int",
        "Handling signal: quit",
        "Shutting down: Master",
        "caught SIGTERM, shutting down", // Apache
        "caught SIGTERM, exiting",
        "caught SIGWINCH, shutting down gracefully",
        "Terminating ...", // php-fpm
        "exiting, bye-bye!",
        "gracefully shutting down", // nginx
        "signal 15 (SIGTERM) received",
        "signal 3 (SIGQUIT) received",
        "Gracefully stopping", // puma
        "Gracefully shutting down",
        "Stopping service [Catalina]", // Tomcat
        "Stopping ProtocolHandler",
        "Commencing graceful shutdown", // Spring
        "Closing Spring",
        "Graceful shutdown complete",
        "Application is shutting down",         // ASP.NET Core
        "shutting down apps, then terminating", // Caddy
        "shutdown complete",
        "Got signal 15", // MongoDB
        "got signal 15",
        "Proxy fe", // HAProxy, refined below
        "Shutting down with signal",
        "SIGTERM received",
        "Received SIGTERM",
        "received SIGTERM",
        "SIGINT received",
        "Received SIGINT",
        "SIGINT/SIGTERM received",
        "SIGTERM, closing",
        "Finished server process", // uvicorn
        "shutting down Kafka server",
        "Successfully stopped RabbitMQ",
        "RabbitMQ is asked to stop",
        "shutdown signal received",
        "Shutdown signal received",
        "going down for",
        "[KafkaServer id=",
    ]);
    if let Some(found) = PHRASES.first_in(first) {
        let really = match found {
            "Proxy fe" => first.contains(" stopped"),
            "[KafkaServer id=" => first.contains("shut down completed"),
            _ => true,
        };
        if really {
            return Some(Mark::Stopped(short(first)));
        }
    }
    // "Shutting down", "Shutting down server", "Server shutting down...", "received SIGTERM": short lines,
    // not stories.
    let low = first.trim().trim_end_matches(['.', '!', '…']);
    let words = low.split_whitespace().count();
    let shuts = low.contains("hutting down") || low.contains("hutdown initiated") || low.contains("SIGTERM");
    if shuts
        && words <= 6
        && !denied(low)
        && !has(
            low,
            &["worker", "Worker", "thread", "pool", "connection", "child", "optimize", "exited", "signal ["],
        )
    {
        return Some(Mark::Stopped(short(low)));
    }
    // "orders stopped", "Server stopped"
    let (name, last) = low.rsplit_once(' ')?;
    let one = name.split(' ').count() <= 2
        && (service.is_some_and(|s| name.eq_ignore_ascii_case(s))
            || matches!(name, "Server" | "server" | "Application" | "application" | "Service" | "service"));
    (one && matches!(last, "stopped" | "exiting" | "terminated")).then(|| Mark::Stopped(short(low)))
}

fn died(first: &str) -> Option<Mark> {
    if let Some(mark) = kernel::death(first) {
        return Some(mark);
    }
    let dead = |text: &str| Some(Mark::Died(short(text)));
    // PostgreSQL: server process (PID 123) was terminated by signal 9: Killed
    if first.contains("was terminated by signal ") || first.contains("was terminated by exception ") {
        return dead(first);
    }
    // PostgreSQL's launchers exit with code 1 whenever it stops.
    if first.contains("background worker \"logical replication") {
        return None;
    }
    // php-fpm: child 12 exited on signal 11 (SIGSEGV) after 3.2 seconds from start
    if let Some(rest) = after(first, "exited on signal ") {
        // Told to: SIGTERM by the request's time limit is told in other words, but it ends a child as well.
        return (!rest.starts_with("15 ") || first.contains("child ")).then(|| Mark::Died(short(first)));
    }
    // Apache: AH00052: child pid 123 exit signal Segmentation fault (11)
    if first.contains("exit signal ") {
        return dead(first);
    }
    // pm2: App [booking:0] exited with code [1] via signal [SIGINT]
    if let Some(rest) = after(first, "exited with code [") {
        return (!rest.starts_with("0]")).then(|| Mark::Died(short(first)));
    }
    // docker: web-1 exited with code 137; nginx: worker process 12 exited on signal 9; foreman: exited with
    // code 1
    if let Some(rest) = after(first, "exited with code ")
        .or_else(|| after(first, "exited with exit code "))
        .or_else(|| after(first, "exited with status "))
    {
        let code: String = rest.chars().take_while(char::is_ascii_digit).collect();
        // 0 is an end, 143 and 130 are SIGTERM and SIGINT.
        return match code.as_str() {
            "" => None,
            "0" | "143" | "130" => Some(Mark::Stopped(short(first))),
            _ => dead(first),
        };
    }
    // supervisord: exited: web (terminated by SIGKILL; not expected)
    if first.contains("exited: ") || first.contains("gave up: ") {
        return if first.contains("not expected") || first.contains("gave up: ") {
            dead(first)
        } else {
            Some(Mark::Stopped(short(first)))
        };
    }
    // systemd (behind other prefixes), Kubernetes, Docker, MySQL, Redis, JVM, Node, gunicorn, puma
    static PHRASES: Needles<30> = Needles::new([
        "Main process exited, code=killed",
        "Main process exited, code=dumped",
        "Main process exited, code=exited, status=",
        "has been killed by the OOM killer",
        "OOMKilled",
        "OOMKilling",
        "Back-off restarting failed container",
        "CrashLoopBackOff",
        "mysqld got signal ",
        "mariadbd got signal ",
        "REDIS BUG REPORT START",
        "VALKEY BUG REPORT START",
        "Redis crashed by signal",
        "crashed by signal:",
        "A fatal error has been detected by the Java Runtime Environment",
        "was sent SIGKILL",
        "was sent SIGSEGV",
        "was sent SIGABRT",
        "terminated by SIGKILL",
        "terminated by signal ",
        "killed by signal ",
        "received signal 11",
        "got signal 11",
        "core dumped",
        "Segmentation fault",
        "JavaScript heap out of memory",
        "died unexpectedly",
        "exited unexpectedly",
        "all workers exited",
        "Container killed on request",
    ]);
    PHRASES.is_any_in(first).then(|| Mark::Died(short(first)))
}

/// A migration that changes the database's schema, as the tools say that they run it.
fn migrated(first: &str) -> Option<Mark> {
    let line = first.trim();
    let told = |from: &str| line.find(from).and_then(|i| line.get(i..));
    let said = told("Running upgrade ")
        .filter(|l| l.contains(" -> ")) // Alembic
        .or_else(|| told("Migrating schema ").filter(|l| l.contains(" to version "))) // Flyway
        .or_else(|| told("Running Changeset: ")) // Liquibase
        .or_else(|| {
            let rails = line.starts_with("== ") && line.contains(": migrating =");
            let ecto = line.starts_with("== Running ")
                && line.contains(".Migrations.")
                && line.ends_with(" forward");
            // Django's `app.0012_name`, Laravel's file names: a number tells them from prose.
            let numbered = |lead: &str| {
                let name = line.strip_prefix(lead).and_then(|rest| rest.split_whitespace().next());
                name.is_some_and(|n| n.contains('_') && n.bytes().any(|b| b.is_ascii_digit()))
            };
            let django = numbered("Applying ") && line.contains("...");
            let others = line.starts_with("Applying migration `") // Prisma
                || numbered("Migrating: ") // Laravel
                || line.starts_with("Batch ") && line.contains(" run: ") && line.ends_with(" migrations"); // Knex
            (rails || ecto || django || others).then(|| line.trim_matches(['=', ' ']))
        })?;
    Some(Mark::Deploy(short(said)))
}

fn changed(first: &str) -> Option<Mark> {
    static PHRASES: Needles<38> = Needles::new([
        "signal process started", // nginx -s reload
        "reconfiguring",          // nginx on SIGHUP
        "signal 1 (SIGHUP) received",
        "Graceful restart requested", // Apache AH00493
        "SIGUSR1 received.  Doing graceful restart",
        "SIGHUP received.  Attempting to restart", // Apache AH00494
        "received SIGHUP, reloading configuration files", // PostgreSQL
        "eceived SIGHUP",
        "Handling signal: hup", // gunicorn
        "Handling signal: usr2",
        "Reloading in progress", // php-fpm
        "reloading: execvp",
        "changes require restart",
        "Loading success.", // HAProxy master
        "Reloading HAProxy",
        "config is unchanged",
        "Configuration received from provider", // Traefik, refined below
        "Configuration reload requested",
        "Configuration reloaded",
        "configuration reloaded",
        "config reloaded",
        "Config reloaded",
        "Reloading configuration",
        "reloading configuration",
        "Reloading config",
        "lds: add/update listener", // Envoy
        "cds: add/update cluster",
        "cds: added/updated",
        "Restarting with stat", // werkzeug's reloader
        "Detected change in",
        "CONFIG SET",
        "CONFIG REWRITE executed",       // Redis
        "Backend successfully reloaded", // ingress-nginx
        "Configuration changes detected, backend reload required",
        "The configuration file has changed",
        "Phased restart",
        "Puma restarting",
        "reloaded config",
    ]);
    if first.contains("config is unchanged") {
        return None;
    }
    if let Some(mark) = migrated(first) {
        return Some(mark);
    }
    // PostgreSQL: parameter "max_connections" changed to "20"
    if first.starts_with("parameter \"")
        && (first.contains("\" changed to ") || first.contains("cannot be changed without"))
    {
        return Some(Mark::ConfigChange(short(first)));
    }
    // Caddy's admin endpoint took a new configuration.
    if first == "load complete" {
        return Some(Mark::ConfigChange(first.to_owned()));
    }
    let found = PHRASES.first_in(first)?;
    // An error about a reload is a change that did not happen.
    let really = found != "Detected change in" || first.contains("reload");
    (really && !denied(first)).then(|| Mark::ConfigChange(short(first)))
}

fn health(first: &str) -> Option<Mark> {
    // HAProxy: Server be_orders/app1 is DOWN, reason: Layer4 connection problem, …; backend be_orders has no
    // server available!
    if let Some(rest) = after(first, "erver ")
        && let Some((name, said)) = rest.split_once(" is ")
        && name.contains('/')
        && !name.contains(' ')
    {
        if said.starts_with("DOWN") {
            return Some(Mark::HealthDown(short(&format!(
                "{name} is DOWN{}",
                said.get(4..).unwrap_or("").split(", check").next().unwrap_or("")
            ))));
        }
        if said.starts_with("UP") {
            return Some(Mark::HealthUp(format!("{name} is UP")));
        }
        // going DOWN for maintenance
        if said.starts_with("going DOWN for maintenance") {
            return Some(Mark::ConfigChange(format!("{name} in maintenance")));
        }
    }
    static DOWN_WORDS: Needles<18> = Needles::new([
        "has no server available", // HAProxy
        "no live upstreams",       // nginx
        "eadiness probe failed",   // Kubernetes
        "iveness probe failed",
        "tartup probe failed",
        "Marking host as unhealthy",
        "health check failed",
        "Health check failed",
        "Healthcheck failed",
        "host is down", // Caddy's active checks
        "is no longer healthy",
        "marked as unhealthy",
        "marked unhealthy",
        "is now unhealthy",
        "marked as dead",
        "Check is now critical", // Consul
        "Marked server as down",
        "changed to unhealthy",
    ]);
    if DOWN_WORDS.is_any_in(first) {
        return Some(Mark::HealthDown(short(first)));
    }
    static UP_WORDS: Needles<7> = Needles::new([
        "is now healthy",
        "marked as healthy",
        "marked healthy",
        "host is up",
        "changed to healthy",
        "Check is now passing",
        "Health check passed",
    ]);
    UP_WORDS.is_any_in(first).then(|| Mark::HealthUp(short(first)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(message: &str) -> Option<Mark> {
        mark(message, None)
    }

    #[test]
    fn every_server_says_in_its_own_words_where_it_listens() {
        for (message, address) in [
            ("listening on 127.0.0.1:8257", "127.0.0.1:8257"),
            ("orders listening on 127.0.0.1:8261", "127.0.0.1:8261"),
            ("Listening at: http://127.0.0.1:8257 (29563)", "127.0.0.1:8257"),
            ("listening on IPv4 address \"127.0.0.1\", port 8531", "127.0.0.1:8531"),
            ("listening on IPv6 address \"::1\", port 8531", "[::1]:8531"),
            ("listening on Unix socket \"/srv/pgrun/.s.PGSQL.8531\"", "/srv/pgrun/.s.PGSQL.8531"),
            ("Server socket created on IP: '127.0.0.1', port: '8146'.", "127.0.0.1:8146"),
            ("Running mode=standalone, port=8329.", ":8329"),
            ("Tomcat started on port(s): 8080 (http) with context path ''", ":8080"),
            ("Tomcat started on port 8080 (http) with context path '/'", ":8080"),
            ("Uvicorn running on http://127.0.0.1:8312 (Press CTRL+C to quit)", "127.0.0.1:8312"),
            ("Now listening on: http://localhost:5000", "localhost:5000"),
            (" * Running on http://127.0.0.1:8301", "127.0.0.1:8301"),
            ("Running ShopWeb.Endpoint with cowboy 2.9.0 at 127.0.0.1:4000 (http)", "127.0.0.1:4000"),
            (
                "/usr/sbin/mariadbd: ready for connections.\nVersion: '10.11.19'  socket: '/x/m.sock'  port: 8288  Debian 12",
                ":8288",
            ),
            ("* Listening on http://127.0.0.1:3000", "127.0.0.1:3000"),
            ("ledger-api listening version=\"0.7.2\" addr=127.0.0.1:8592", "127.0.0.1:8592"),
            ("user-api listening on port 8406", ":8406"),
            ("gateway up on 8410", ":8410"),
            ("wallet listening on 8431", ":8431"),
            ("payments 3.1.7 started, port 8412", ":8412"),
            ("auth-api 1.12.0 on :8457", ":8457"),
            ("listening addr=127.0.0.1:8287", "127.0.0.1:8287"),
            ("Server started on :8080", ":8080"),
            ("Initializing ProtocolHandler [\"http-nio-127.0.0.1-8561\"]", "127.0.0.1:8561"),
            ("Starting ProtocolHandler [\"http-nio-8080\"]", ":8080"),
            ("Example app listening at http://localhost:3000", "localhost:3000"),
            ("Started ServerConnector@1b2c{HTTP/1.1, (http/1.1)}{0.0.0.0:8080}", "0.0.0.0:8080"),
            ("booking 2.3.0 listening on 127.0.0.1:8510", "127.0.0.1:8510"),
            ("Listening on unix:///run/app.sock", "/run/app.sock"),
            ("Server listening at http://[::]:3000", "[::]:3000"),
            ("Serving on http://0.0.0.0:8080", "0.0.0.0:8080"),
        ] {
            assert_eq!(says(message), Some(Mark::Listening(address.into())), "{message}");
        }
    }

    #[test]
    fn beginnings_without_an_address() {
        for (message, what) in [
            ("Starting App v1.8.0 using Java 17.0.2 on web1 with PID 12", "App v1.8.0"),
            ("Started App in 3.123 seconds (JVM running for 3.9)", "App"),
            ("booking 2.4.0 listening", "booking 2.4.0"),
            ("notify-api 4.0.3 listening", "notify-api 4.0.3"),
            ("catalog started", "catalog"),
            ("search-api ready", "search-api"),
            ("App [booking:0] online", "App [booking:0]"),
            ("starting PostgreSQL 15.18 (Debian 15.18-0+deb12u1) on x86_64", "PostgreSQL 15.18"),
            (
                "Starting MariaDB 10.11.19-MariaDB-0+deb12u1 source revision 58 server_uid x as process 10983",
                "MariaDB 10.11.19-MariaDB-0+deb12u1",
            ),
            (
                "database system is ready to accept connections",
                "database system is ready to accept connections",
            ),
        ] {
            assert_eq!(says(message), Some(Mark::Started(what.into())), "{message}");
        }
    }

    #[test]
    fn orders_to_stop() {
        for message in [
            "received fast shutdown request",
            "database system is shut down",
            "/usr/sbin/mariadbd (initiated by: unknown): Normal shutdown",
            "User requested shutdown...",
            "Received SIGTERM scheduling shutdown...",
            "Handling signal: term",
            "Shutting down: Master",
            "AH00491: caught SIGTERM, shutting down",
            "Shutting down",
            "SIGTERM, closing",
            "- Gracefully stopping, waiting for requests to finish",
            "web-1 exited with code 143",
        ] {
            assert!(matches!(says(message), Some(Mark::Stopped(_))), "{message}: {:?}", says(message));
        }
    }

    #[test]
    fn deaths() {
        for message in [
            "server process (PID 123) was terminated by signal 9: Killed",
            "AH00052: child pid 123 exit signal Segmentation fault (11)",
            "[pool www] child 123 exited on signal 11 (SIGSEGV) after 3.2 seconds from start",
            "App [booking:0] exited with code [1] via signal [SIGINT]",
            "web-1 exited with code 137",
            "worker process 123 exited on signal 9",
            "exited: web (terminated by SIGKILL; not expected)",
            "Out of memory: Killed process 4711 (node) total-vm:1kB",
            "Worker (pid:7) was sent SIGKILL! Perhaps out of memory?",
            "FATAL ERROR: Ineffective mark-compacts near heap limit Allocation failed - JavaScript heap out of memory",
            "mysqld got signal 11 ;",
        ] {
            assert!(matches!(says(message), Some(Mark::Died(_))), "{message}: {:?}", says(message));
        }
    }

    #[test]
    fn next_is_ready() {
        assert_eq!(says(" ✓ Ready in 213ms"), Some(Mark::Started("✓ Ready in 213ms".into())));
        assert_eq!(says("Ready in the kitchens"), None);
    }

    #[test]
    fn migrations_are_deploys() {
        for message in [
            "[alembic.runtime.migration] Running upgrade 3f2c1a9d7b10 -> 8be4410c2f6e, orders: widen status",
            "Migrating schema \"public\" to version \"7 - add status\"",
            "Running Changeset: db/changelog.xml::7::anna",
            "== 20261118142055 AddStatusToOrders: migrating ================================",
            "== Running 20261118142055 Shop.Repo.Migrations.AddStatus.change/0 forward",
            "  Applying orders.0012_status... OK",
            "Applying migration `20261118142055_status`",
            "Migrating: 2026_11_18_142055_add_status",
            "Batch 3 run: 2 migrations",
        ] {
            assert!(matches!(says(message), Some(Mark::Deploy(_))), "{message}: {:?}", says(message));
        }
        for message in ["Applying discount to cart...", "Running upgrade of the plan", "Migrating: the cart"]
        {
            assert_eq!(says(message), None, "{message}");
        }
    }

    #[test]
    fn changes_and_health() {
        for message in [
            "signal process started",
            "AH00493: SIGUSR1 received.  Doing graceful restart",
            "received SIGHUP, reloading configuration files",
            "parameter \"max_connections\" changed to \"20\"",
            "Reloading in progress ...",
            "Backend successfully reloaded, requesting reload",
        ] {
            assert!(matches!(says(message), Some(Mark::ConfigChange(_))), "{message}: {:?}", says(message));
        }
        assert_eq!(
            says(
                "Server be_orders/app1 is DOWN, reason: Layer4 connection problem, info: \"Connection refused\", check duration: 0ms."
            ),
            Some(Mark::HealthDown(
                "be_orders/app1 is DOWN, reason: Layer4 connection problem, info: \"Connection refused\""
                    .into()
            ))
        );
        assert_eq!(
            says("Server be_orders/app1 is UP, reason: Layer4 check passed"),
            Some(Mark::HealthUp("be_orders/app1 is UP".into()))
        );
        assert!(matches!(says("no live upstreams while connecting to upstream"), Some(Mark::HealthDown(_))));
        assert!(matches!(
            says("Readiness probe failed: HTTP probe failed with statuscode: 503"),
            Some(Mark::HealthDown(_))
        ));
    }

    #[test]
    fn what_marks_nothing() {
        for message in [
            "",
            "Started GET \"/products/1\" for 203.0.113.9 at 2026-11-24 07:32:12 +0000",
            "export started, 500 rows",
            "child 123 started",
            "Background saving started by pid 12282",
            "FrameworkServlet 'dispatcherServlet': initialization started",
            "terminating connection due to administrator command",
            "background worker \"logical replication launcher\" (PID 12) exited with exit code 1",
            "listen EADDRINUSE: address already in use 127.0.0.1:8080",
            "connect to 10.0.0.1 port 5432 failed: Connection refused",
            "could not bind IPv4 address \"127.0.0.1\": Address already in use",
            "Failed to start server on port 8080",
            "InnoDB: Buffer pool(s) load completed at 261124  8:20:50",
            "\tIs the server running on that host and accepting TCP/IP connections?",
            "invoice number INV-2026-00012 already used",
            "WORKER TIMEOUT (pid:12)",
            "payment is ready",
            "Booting worker with pid: 29579",
            "InnoDB: FTS optimize thread exiting.",
            "GET /ports/8080 ready",
            "203.0.113.9 \"GET /x?port=8080 HTTP/1.1\" started 200",
            "order 17 started",
            "Process 24895 waits for ShareLock on transaction 1247; blocked by process 24899.",
        ] {
            assert_eq!(says(message), None, "{message}");
        }
    }
}
