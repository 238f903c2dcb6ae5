//! `why500 serve`: one process, one folder, one port. Takes in what services emit, keeps it, explains failures as they happen.
//!
//! ```text
//! HTTP, sockets, files ─ intake ─ commit (journal, one sync for many) ─ digest (windows, diagnosis) ─ store ─ api
//!                           └ 2xx is answered here, once it is durable ┘
//! ```

pub mod alerts;
mod api;
mod backlog;
mod batch;
mod bodies;
mod clock;
mod commit;
mod decode;
mod digest;
mod eyes;
mod files;
mod idle;
mod intake;
mod keep;
mod listen;
mod maps;
mod pages;
mod proxy;
mod quiet;
mod releases;
mod slow;
mod sockets;
mod stacks;
mod tally;
mod tls;
mod turns;
mod uploads;

pub use alerts::guard::is_public;
pub use api::{TOKEN_MARK, secret, webhook_path, webhook_secret};
pub use tls::certificates;

use crate::explain::Usage;
use batch::Batch;
use clap::Args;
pub use clock::now;
use commit::{Progress, Waiting, Written};
use diagnosis::Recogniser;
use digest::Digest;
use record::Time;
use stacks::Stacks;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, RwLock};
use store::{Journal, Store};
use tokio::sync::broadcast;

/// Events that a slow listener may lag behind.
const EVENTS_MAX: usize = 1_024;

/// A sign-in link works so long: a day, for whoever starts the server in the evening.
const LINK_US: i64 = 86_400 * record::SECOND;

/// Options of `serve`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  why500 serve                                        http://127.0.0.1:8500, data in ./why500-data
  why500 serve --follow '/var/log/nginx/*.log'         explain what these logs tell from now on
  why500 serve --syslog 127.0.0.1:5514                rsyslog:  *.* @@127.0.0.1:5514
  why500 serve --repo /srv/shop.git=/app              show the code that fails, and who changed it last
  why500 serve --keep-days 30 --keep-size 2GB         keep less than the usual 90 days and 10 GB
  why500 serve --listen 10.0.0.5:8500 --tls-cert fullchain.pem --tls-key privkey.pem")]
pub struct Serve {
    /// Where to listen for HTTP (all protocols over HTTP and gRPC, the API)
    #[arg(long, default_value = "127.0.0.1:8500", value_name = "ADDRESS")]
    pub listen: SocketAddr,
    /// Folder in which everything is kept
    #[arg(long, default_value = "why500-data", value_name = "FOLDER")]
    pub data: PathBuf,
    /// Listen for syslog (RFC 3164 and 5424), over UDP and TCP
    #[arg(long, value_name = "ADDRESS")]
    pub syslog: Option<SocketAddr>,
    /// Listen for syslog over TLS (RFC 5425; its port is 6514), with the certificate of --tls-cert
    #[arg(long, value_name = "ADDRESS", requires = "tls_cert")]
    pub syslog_tls: Option<SocketAddr>,
    /// Listen for GELF, over UDP and TCP
    #[arg(long, value_name = "ADDRESS")]
    pub gelf: Option<SocketAddr>,
    /// Listen for the Fluent forward protocol, over TCP
    #[arg(long, value_name = "ADDRESS")]
    pub fluent: Option<SocketAddr>,
    /// Listen for DogStatsD, over UDP
    #[arg(long, value_name = "ADDRESS")]
    pub dogstatsd: Option<SocketAddr>,
    /// Follow log files: a file, a folder, a pattern ('/var/log/nginx/*.log'); may be given more than once
    #[arg(long, value_name = "PATTERN")]
    pub follow: Vec<String>,
    /// Follow the journal of systemd (journalctl)
    #[arg(long)]
    pub journald: bool,
    /// Take in only what shows a project's key (the default where others than this machine can connect)
    #[arg(long)]
    pub keys_required: bool,
    #[command(flatten)]
    pub tls: tls::Options,
    /// A proxy with TLS in front (address or network): who asks stands in its X-Forwarded-For; keys are required
    #[arg(long, value_name = "NETWORK")]
    pub trusted_proxy: Vec<proxy::Network>,
    /// Zone of logs that state none (default: the machine's)
    #[arg(long, value_name = "ZONE")]
    pub tz: Option<String>,
    #[command(flatten)]
    pub alerts: alerts::Options,
    /// A git repository of the services' code: source lines, the suspect commit, what a release brought; may be given more than once
    #[arg(long, value_name = "PATH[=PREFIX]")]
    pub repo: Vec<code::repo::Place>,
    /// How long things are kept
    #[command(flatten)]
    pub keep: keep::Keep,
}

/// What all parts of the server share.
pub struct App {
    /// To the journal.
    waiting: Sender<Waiting>,
    progress: Arc<Progress>,
    /// Ingest keys, by key: the project.
    keys: RwLock<HashMap<String, i64>>,
    /// The project of what shows no key.
    default_project: Option<i64>,
    /// The project of sockets, which have no place for a key.
    sockets_project: Option<i64>,
    /// HTTP is spoken over TLS.
    tls: bool,
    /// Who is believed about who asks.
    proxies: Vec<proxy::Network>,
    counters: intake::Counters,
    bodies: bodies::Room,
    /// One long body at a time is unpacked and read: it may take 100 MB.
    long: tokio::sync::Semaphore,
    /// One explanation of dropped logs at a time: it takes all cores.
    explaining: tokio::sync::Semaphore,
    /// Where dropped logs lie while they are explained.
    scratch: PathBuf,
    /// Of logs that state none.
    zone: jiff::tz::TimeZone,
    reader: Mutex<store::Reader>,
    /// For what people do.
    writer: Arc<Mutex<Store>>,
    /// Whoever reaches the port may read and act.
    open: AtomicBool,
    /// Sign-in.
    door: api::Door,
    /// Held while a webhook's delivery is looked up and marked.
    hooks: tokio::sync::Mutex<()>,
    events: broadcast::Sender<digest::Event>,
    kept: keep::Kept,
    alerts: alerts::Alerts,
    maps: maps::Maps,
    eyes: eyes::Eyes,
    stacks: Arc<Stacks>,
    started: Time,
}

/// The first project and a key of it, which are made when the folder is new; and all keys.
fn first_project(
    writer: &Store,
    reader: &store::Reader,
) -> store::Result<(i64, String, HashMap<String, i64>)> {
    let project = match reader.projects()?.into_iter().next() {
        Some(project) => project,
        None => writer.add_project(now(), "default")?,
    };
    let valid = |id: i64| reader.keys(id).map(|list| list.into_iter().filter(|k| k.revoked.is_none()));
    let key = match valid(project.id)?.next() {
        Some(key) => key.key,
        None => writer.add_key(now(), project.id, "first")?.key,
    };
    let mut keys = HashMap::new();
    for p in reader.projects()? {
        keys.extend(valid(p.id)?.map(|k| (k.key, p.id)));
    }
    Ok((project.id, key, keys))
}

/// The secret of a link by which the first admin signs in; `None` once there is one. Until then each start makes a link: the
/// one before may have scrolled away.
fn first_sign_in(writer: &Store, reader: &store::Reader) -> Result<Option<String>, String> {
    if reader.users().map_err(|e| e.to_string())?.iter().any(|u| u.admin) {
        return Ok(None);
    }
    let secret = api::secret()?;
    let link = store::Link { purpose: api::FIRST_ADMIN.into(), user: None };
    writer.add_link(now(), &secret, &link, now().plus(LINK_US)).map_err(|e| e.to_string())?;
    Ok(Some(secret))
}

/// Hands what the journal holds to the digest; gives the last number in it, and how far logs were read.
fn read_again(
    left: Vec<store::Entry>,
    written: &Sender<Written>,
    progress: &Progress,
    stacks: &Stacks,
) -> (u64, Vec<follow::Mark>) {
    let (mut last, mut marks) = (0, Vec::new());
    for entry in left {
        match Batch::from_bytes(&entry.payload, stacks) {
            Ok((number, mut batch)) => {
                marks.extend(batch.mark.take());
                last = number + batch.len() as u64;
                let size = progress.backlog.add(batch.project, entry.payload.len());
                let _ = written.send(Written { place: entry.position, number, batch, size });
            }
            Err(e) => eprintln!("why500: journal, entry {}: {e}; it is passed over", entry.position),
        }
    }
    (last, marks)
}

/// The folder for dropped logs; what a crash left in it goes.
fn scratch(data: &std::path::Path) -> PathBuf {
    let folder = data.join("explain");
    let _ = std::fs::remove_dir_all(&folder);
    folder
}

/// Where links in messages point to: where it listens, if nothing else is said and that is an address that others can open.
fn links(options: &Serve) -> Option<String> {
    let scheme = if options.tls.tls_cert.is_some() { "https" } else { "http" };
    let listens = options.listen.port() != 0 && !options.listen.ip().is_unspecified();
    options.alerts.url.clone().or_else(|| listens.then(|| format!("{scheme}://{}", options.listen)))
}

/// Runs until told to stop.
pub fn run(options: &Serve) -> Result<ExitCode, Usage> {
    let zone = crate::explain::zone(options.tz.as_deref())?;
    let tls = tls::Tls::open(&options.tls).map_err(Usage)?;
    listen::more_descriptors();
    for place in &options.repo {
        code::repo::Repo::open(&place.folder).map_err(|why| Usage(format!("--repo {why}")))?;
    }
    let recogniser = Recogniser::new(&[]).map_err(Usage)?;
    std::fs::create_dir_all(&options.data)
        .map_err(|e| Usage(format!("{}: {e}; name another folder with --data", options.data.display())))?;
    let store = Store::open(&options.data).map_err(|e| Usage(e.to_string()))?;
    let (mut journal, left) = Journal::open(&options.data).map_err(|e| Usage(e.to_string()))?;
    for trouble in journal.troubles() {
        eprintln!("why500: {trouble}");
    }
    let reader = store.reader().map_err(|e| Usage(e.to_string()))?;
    let (project, key, keys) = first_project(&store, &reader).map_err(|e| Usage(e.to_string()))?;
    let link = first_sign_in(&store, &reader).map_err(Usage)?;

    let progress = Arc::new(Progress::default());
    let stacks = Arc::new(Stacks::default());
    let (events, _) = broadcast::channel(EVENTS_MAX);
    // Neither has a limit of its own: what waits in them is counted by the backlog, which has.
    let (waiting, to_commit) = channel();
    let (written, to_digest) = channel();
    let (read, marks) = channel();
    let digested = store.digested().map_err(|e| Usage(e.to_string()))?;
    // Where the journal's files were lost beside the database, what comes next must not look digested.
    journal.begin_at(digested);
    progress.digested.store(digested, Ordering::Relaxed);
    // An entry's place is below it; where nothing is left, so is the place before the next.
    progress.next.store(left.last().map_or(digested, |e| e.position + 1), Ordering::Relaxed);
    let store = Arc::new(Mutex::new(store));
    let digest = Digest::new(
        Arc::clone(&store),
        digested,
        Arc::new(recogniser),
        Arc::clone(&progress),
        events.clone(),
    );
    let zone_of_logs = zone.clone();
    let digesting = std::thread::Builder::new().name("digest".into()).spawn(move || {
        let offset_s = move |t: Time| crate::explain::offset_at(&zone, t);
        digest.run(&to_digest, &now, &offset_s);
    });
    let digesting = digesting.map_err(|e| Usage(e.to_string()))?;
    let again = left.iter().filter(|e| e.position >= digested).count();
    let committing = {
        let (progress, stacks) = (Arc::clone(&progress), Arc::clone(&stacks));
        // Reading the journal again takes a second or two where much is left; the port is open meanwhile.
        let run = move || {
            let (last, marks) = read_again(left, &written, &progress, &stacks);
            // Nobody waits for them where no log is followed.
            let _ = read.send(marks);
            commit::run(journal, &to_commit, &written, &progress, batch::first_number(now(), last));
        };
        std::thread::Builder::new().name("commit".into()).spawn(run).map_err(|e| Usage(e.to_string()))?
    };
    // Through a proxy others than this machine come, too.
    let near = options.listen.ip().is_loopback() && options.trusted_proxy.is_empty();
    let app = Arc::new(App {
        waiting,
        progress,
        keys: RwLock::new(keys),
        default_project: (near && !options.keys_required).then_some(project),
        // Who opens one on an address of a network asked for it by name.
        sockets_project: (!options.keys_required).then_some(project),
        tls: tls.is_some(),
        proxies: options.trusted_proxy.clone(),
        counters: intake::Counters::default(),
        bodies: bodies::Room::default(),
        long: tokio::sync::Semaphore::new(1),
        explaining: tokio::sync::Semaphore::new(1),
        scratch: scratch(&options.data),
        zone: zone_of_logs,
        reader: Mutex::new(reader),
        writer: store,
        // On loopback whoever reaches the port may read, until somebody can sign in.
        open: AtomicBool::new(near && !options.keys_required && link.is_some()),
        door: api::Door::new(link.is_none()),
        hooks: tokio::sync::Mutex::default(),
        events,
        kept: keep::Kept::default(),
        alerts: alerts::Alerts::new(alerts::place_of(options.alerts.alerts.as_deref(), &options.data)),
        maps: maps::Maps::new(&options.data),
        eyes: eyes::Eyes::new(&options.repo),
        stacks,
        started: now(),
    });
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|e| Usage(e.to_string()))?;
    let stopped = Arc::new(AtomicBool::new(false));
    let following = files::start(
        &app,
        &options.follow,
        options.journald,
        &options.data,
        marks,
        &stopped,
        runtime.handle().clone(),
    )
    .map_err(Usage)?;
    let keeping = keep::start(&app, options.keep, &stopped).map_err(Usage)?;
    let alerting = alerts::start(&app, links(options), &stopped).map_err(Usage)?;
    let outcome =
        runtime.block_on(listen::serve(Arc::clone(&app), options, tls, &key, link.as_deref(), again));
    stopped.store(true, Ordering::Relaxed);
    keeping.thread().unpark();
    alerting.thread().unpark();
    if let Some(following) = following {
        let _ = following.join();
    }
    let _ = keeping.join();
    let _ = alerting.join();
    runtime.shutdown_timeout(std::time::Duration::from_secs(5));
    // The last to hold the sending ends: commit and digest come to their ends, in this order.
    drop(app);
    let _ = committing.join();
    let _ = digesting.join();
    outcome.map(|()| ExitCode::SUCCESS).map_err(Usage)
}
