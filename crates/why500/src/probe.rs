//! `why500 probe`: finds requests that a server answers with 5xx, shrinks them, and says why.

pub mod logs;
pub mod net;
mod out;
mod pages;
pub mod served;
mod target;
pub mod told;

use crate::explain::{self, Usage};
use crate::output;
use crate::report::{self, counted};
use ::probe::case::{Common, Site};
use ::probe::explore::{Explorer, Finding, Settings, play};
use ::probe::operation::Description;
use ::probe::site::{self, Crawler, Visit};
use ::probe::targets::postman;
use ::probe::templates;
use clap::{Args, ValueEnum};
use diagnosis::{Report, Totals};
use logs::Logs;
use net::{Host, Line, Manners};
use serde::{Deserialize, Serialize};
use served::Served;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use target::Target;
use told::Told;

/// Requests a second to a server that is not this machine, unless told otherwise: what one person's browser asks.
pub const RPS: f64 = 10.0;
/// Requests to an API, whatever it has.
const REQUESTS_LEAST: usize = 300;
/// Requests for each operation besides.
const REQUESTS_PER_OPERATION: usize = 60;
/// Requests to one API at most, unless told otherwise.
const REQUESTS_MOST: usize = 20_000;
/// Seconds for an answer; a gateway's own limit is 60.
pub const TIMEOUT_S: u64 = 15;
/// Addresses of a site.
const PAGES: usize = 5_000;
/// Names in a note.
const NAMES_MAX: usize = 12;

/// The form of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// For eyes: as wide as the terminal, with colours
    Terminal,
    /// For scripts: schema why500.report/1, with a member `probe`
    Json,
    /// To paste into a ticket
    Markdown,
    /// One self-contained page
    Html,
    /// For code scanning (SARIF 2.1.0)
    Sarif,
    /// For CI: each problem is a failed test case
    Junit,
    /// All exchanges, for browsers' tools (HAR 1.2)
    Har,
    /// A command for each problem, for a shell
    Curl,
    /// A site's addresses with status, size, time and who links to them
    Csv,
}

/// What counts as a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Check {
    /// An answer 500 to 599
    #[value(name = "5xx")]
    ServerError,
    /// No answer in time
    Hang,
    /// A connection that is cut, or an answer that is no HTTP
    Cut,
    /// A stack trace, a query, a debug page or a secret in an answer
    Leak,
    /// An error page under a good status
    SoftError,
}

impl Check {
    fn all() -> Vec<Check> {
        Check::value_variants().to_vec()
    }

    /// What a finding is.
    fn of(f: &Finding) -> Check {
        use ::probe::End;
        match (f.family.as_str(), f.exchanges.last().map(|x| &x.answer.end)) {
            ("leak", _) => Check::Leak,
            ("soft-error", _) => Check::SoftError,
            (_, Some(End::TimedOut)) => Check::Hang,
            (_, Some(End::Cut | End::Broken(_))) => Check::Cut,
            _ => Check::ServerError,
        }
    }
}

/// Options of `probe`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  why500 probe http://127.0.0.1:8000/openapi.json --unsafe-methods --logs app.log
  why500 probe https://shop.example                        crawls the site, and tries its forms
  why500 probe shop.postman_collection.json --base-url http://127.0.0.1:8000
  why500 probe http://127.0.0.1:8000/openapi.json --format junit --baseline known.json

Secrets are taken from the environment: WHY500_AUTHORIZATION and WHY500_COOKIE are the headers of that name; --secret-header
NAME takes another one from WHY500_NAME.")]
pub struct Probe {
    /// A site's address, an OpenAPI or Swagger document (address or file), a Postman or Insomnia collection, a HAR, an .http file,
    /// a file of curl commands
    #[arg(value_name = "TARGET", required = true)]
    targets: Vec<String>,
    /// Where the server is, if the target does not say or says another one
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    /// Others than GET, HEAD and OPTIONS too: they make, change and delete things
    #[arg(long)]
    unsafe_methods: bool,
    /// The server's logs, files or folders: each finding is then explained by what was written for it
    #[arg(long, value_name = "PATH")]
    logs: Vec<PathBuf>,
    /// A running why500 serve that takes in what the server emits: each finding is then explained by what it says of it; its token is
    /// in WHY500_TOKEN
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// Zone of logs that state none
    #[arg(long, value_name = "ZONE")]
    tz: Option<String>,
    /// Requests a second at most; 0: as many as are answered [default: 10; on this machine 0]
    #[arg(long, value_name = "N")]
    rps: Option<f64>,
    /// Requests at most, those that shrink findings not counted [default: 300, and 60 for each operation]
    #[arg(long, value_name = "N")]
    max_requests: Option<usize>,
    /// Addresses of a site at most
    #[arg(long, value_name = "N", default_value_t = PAGES)]
    max_pages: usize,
    /// Seconds for an answer
    #[arg(long, value_name = "S", default_value_t = TIMEOUT_S, value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,
    /// What looks random comes of this number: the same one sends the same requests
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// A header of every request: "X-Tenant: acme"
    #[arg(short = 'H', long, value_name = "HEADER")]
    header: Vec<String>,
    /// A header whose value is in the environment: X-Api-Key takes WHY500_X_API_KEY
    #[arg(long, value_name = "NAME")]
    secret_header: Vec<String>,
    /// An environment exported by Postman, whose variables a collection asks for
    #[arg(long, value_name = "FILE")]
    environment: Option<PathBuf>,
    /// A variable of a collection: NAME=VALUE
    #[arg(long = "var", value_name = "NAME=VALUE")]
    variables: Vec<String>,
    /// The targets are access logs: send again what failed in them, and change it
    #[arg(long, requires = "base_url")]
    from_log: bool,
    /// Fetch a token here first (OAuth 2.0 client credentials, RFC 6749 §4.4), with WHY500_CLIENT_ID and WHY500_CLIENT_SECRET
    #[arg(long, value_name = "URL")]
    oauth_token_url: Option<String>,
    /// Only operations whose name (GET /orders/{id}) contains this
    #[arg(long, value_name = "TEXT")]
    include: Vec<String>,
    /// Not operations whose name contains this
    #[arg(long, value_name = "TEXT")]
    exclude: Vec<String>,
    /// Further templates of faults: a folder of *.toml files
    #[arg(long, value_name = "DIR")]
    probes: Option<PathBuf>,
    /// Ask for addresses that robots.txt or nofollow keeps crawlers from
    #[arg(long)]
    no_robots: bool,
    /// Keep here how far a crawl came, and take it up there: after Ctrl-C, or page by page with --max-pages
    #[arg(long, value_name = "FILE")]
    resume: Option<PathBuf>,
    /// What counts as a finding
    #[arg(long, value_enum, value_delimiter = ',', value_name = "CHECKS", default_values_t = Check::all())]
    checks: Vec<Check>,
    /// Only crawl a site; leave its forms and parameters alone
    #[arg(long)]
    crawl_only: bool,
    /// Show what would be sent as curl commands, and send nothing
    #[arg(long)]
    dry_run: bool,
    /// Write everything that is sent to this file, a line of JSON each
    #[arg(long, value_name = "FILE")]
    sent: Option<PathBuf>,
    /// Problems of this earlier JSON report are known: only others make the exit status 1
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Over https trust these authorities too, or this certificate (PEM)
    #[arg(long, value_name = "FILE", env = "WHY500_CA")]
    ca: Option<PathBuf>,
    /// Form of the answer
    #[arg(short, long, value_enum, default_value = "terminal")]
    format: Form,
    /// The same as --format json
    #[arg(long)]
    json: bool,
    /// When to colour
    #[arg(long, value_enum, default_value = "auto")]
    color: explain::Colour,
    /// Write to this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// What one run found, before it is written.
#[derive(Default)]
struct Found {
    report: Report,
    visits: Vec<Visit>,
    asked: Vec<serde_json::Value>,
}

impl Found {
    /// Adds what was found. What did not fail again is no problem that anybody could look at: it is told in a note.
    fn add(&mut self, told: Vec<Told>, ops: &[::probe::operation::Operation], base: &str) {
        let (again, once): (Vec<Told>, Vec<Told>) = told.into_iter().partition(|t| t.finding.again);
        self.report.problems.extend(together(again, ops, base));
        let once: Vec<String> = together(once, ops, base).into_iter().map(|p| p.title).collect();
        for title in once.iter().take(NAMES_MAX) {
            self.report.notes.push(format!("Seen, but not when it was sent again: {title}."));
        }
        if once.len() > NAMES_MAX {
            self.report
                .notes
                .push(format!("{} more were seen and did not fail again.", once.len() - NAMES_MAX));
        }
    }
}

/// Runs the command.
pub fn run(options: &Probe) -> Result<ExitCode, Usage> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    // A second Ctrl-C ends at once; the first shows what is known so far.
    let _ = ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    });
    let known = options.baseline.as_ref().map(explain::known_ids).transpose()?;
    let templates = templates::library(&more_templates(options.probes.as_ref())?).map_err(Usage)?;
    let zone = explain::zone(options.tz.as_deref())?;
    if let Some(path) = &options.sent {
        // Lines to several hosts write behind each other into it.
        std::fs::File::create(path).map_err(|e| Usage(format!("--sent {}: {e}", path.display())))?;
    }
    let served = options.server.as_ref().map(|url| Served::at(url, options.ca.as_ref())).transpose()?;
    let logs = Logs::watch(&options.logs, served, zone, Arc::clone(&stop))?;
    let base_url = options.base_url.as_deref().map(base_url).transpose()?;
    let mut common = common(options)?;
    if let Some(url) = &options.oauth_token_url {
        let token = fetch_token(url, options, &stop)?;
        common.auth.retain(|(n, _)| !n.eq_ignore_ascii_case("authorization"));
        common.auth.push(("Authorization".to_owned(), format!("Bearer {token}")));
    }
    let mut run =
        Run { options, base_url, common, templates, logs, stop: Arc::clone(&stop), all: Found::default() };
    let mut lines: Vec<Line> = Vec::new();
    for name in &options.targets {
        let mut line = run.target(name)?;
        line.close();
        lines.push(line);
    }
    let Run { mut all, mut logs, .. } = run;
    if options.dry_run {
        return Ok(ExitCode::SUCCESS);
    }
    all.report.problems.sort_by_key(|p| std::cmp::Reverse(p.statuses.keys().any(|s| *s >= 500 || *s == 0)));
    let requests: u64 = lines.iter().map(|l| l.requests).sum();
    let failures: u64 = all.report.problems.iter().map(|p| p.count).sum();
    all.report.sources = logs.sources();
    all.report.probed = true;
    all.report.totals = Totals {
        requests: Some(requests),
        failures,
        lines: all.report.sources.iter().map(|s| s.lines).sum(),
        bytes: all.report.sources.iter().map(|s| s.bytes).sum(),
        ..Totals::default()
    };
    let spans = || lines.iter().filter_map(|l| l.span);
    all.report.range = spans().map(|s| s.0).min().zip(spans().map(|s| s.1).max());
    let fallen: u64 = lines.iter().map(|l| l.fallen).sum();
    if fallen > 0 {
        all.report
            .notes
            .push(format!("{fallen} of the first exchanges were not kept: there was no room for all."));
    }
    write(options, &all, &lines)?;
    if stop.load(Ordering::Relaxed) {
        return Ok(ExitCode::from(130));
    }
    let is_new = |id: &String| known.as_ref().is_none_or(|k| !k.contains(id));
    let found = all.report.problems.iter().any(|p| is_new(&p.id));
    Ok(if found { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

/// A run over all targets.
struct Run<'o> {
    options: &'o Probe,
    base_url: Option<url::Url>,
    common: Common,
    templates: Vec<templates::Template>,
    logs: Logs,
    stop: Arc<AtomicBool>,
    all: Found,
}

impl Run<'_> {
    /// Probes one target; the line by which it was asked.
    fn target(&mut self, name: &str) -> Result<Line, Usage> {
        let (options, base_url, stop) = (self.options, self.base_url.as_ref(), &self.stop);
        let common = &self.common;
        let open = |host: Host| -> Result<Line, Usage> {
            let rps = match options.rps {
                Some(r) if r < 0.0 || !r.is_finite() => {
                    return Err(Usage(format!("--rps {r}: a number from 0 on")));
                }
                Some(0.0) => None,
                Some(r) => Some(r),
                None => (!host.is_loopback()).then_some(RPS),
            };
            let manners = Manners {
                rps,
                timeout: Duration::from_secs(options.timeout),
                sent: options.sent.clone(),
                dry: options.dry_run,
                keep: options.format == Form::Har,
            };
            Line::open(host, &manners, Arc::clone(stop), options.ca.as_deref())
        };
        let headers: Vec<(String, String)> = common.headers.iter().chain(&common.auth).cloned().collect();
        let (mut line, found) = match target::url(name) {
            Some(url) => {
                let mut line = open(Host::of(&url, true)?)?;
                line.dry(false);
                line.body_max = usize::try_from(net::READ_BYTES_MAX).unwrap_or(usize::MAX);
                let found = target::from_url(&url, base_url, &mut line, &headers)?;
                line.body_max = ::probe::request::BODY_BYTES_MAX;
                line.dry(options.dry_run);
                match (base_url, found) {
                    // The document is there, the server elsewhere.
                    (Some(base), Target::Described(d)) => {
                        (open(Host::of(base, true)?)?, Target::Described(d))
                    }
                    (_, found) => (line, found),
                }
            }
            None => {
                let path = std::path::Path::new(name);
                let (d, host) = if options.from_log {
                    target::from_log(path, base_url, stop)?
                } else {
                    target::from_file(path, base_url, &variables(options)?)?
                };
                (open(host)?, Target::Described(d))
            }
        };
        match found {
            Target::Described(mut d) => {
                choose(&mut d, options);
                if d.operations.is_empty() {
                    return Err(Usage(format!("{name}: no operation is left to be asked")));
                }
                self.explore(&d, &mut line);
            }
            Target::Site(url) => self.crawl(&url, &headers, &mut line)?,
        }
        Ok(line)
    }

    /// Crawls a site, and explores its forms and parameters.
    fn crawl(&mut self, url: &url::Url, headers: &[(String, String)], line: &mut Line) -> Result<(), Usage> {
        let options = self.options;
        let settings = site::Settings {
            pages_max: options.max_pages.max(1),
            robots: !options.no_robots,
            headers: headers.to_vec(),
        };
        let mut crawler = Crawler::new(url, &settings);
        let earlier = options.resume.as_ref().map(|f| Reached::load(f)).transpose()?.unwrap_or_default();
        if !earlier.waiting.is_empty() {
            crawler.resume(&earlier.visited, &earlier.waiting);
            self.all.report.notes.push(format!(
                "{} addresses were asked for in earlier runs and are not told again.",
                earlier.visited.len()
            ));
        }
        let crawl = crawler.run(line);
        if options.dry_run {
            return Ok(());
        }
        if let Some(file) = &options.resume {
            earlier.and(&crawl).keep(file)?;
        }
        let (pages, mut findings) = pages::findings(&crawl.visits);
        findings.retain(|f| options.checks.contains(&Check::of(f)));
        let told = explained(findings, &pages, &self.common, &mut self.logs, line);
        self.all.add(told, &pages.operations, line.base());
        self.all.report.notes.extend(pages::notes(&crawl));
        self.all.report.notes.extend(crawl.notes);
        self.all.visits.extend(crawl.visits);
        let mut forms = crawl.description;
        choose(&mut forms, options);
        if !options.crawl_only && !forms.operations.is_empty() && !all_stopped(line) {
            self.explore(&forms, line);
        }
        Ok(())
    }

    /// Explores operations, and adds what was found.
    fn explore(&mut self, d: &Description, line: &mut Line) {
        let options = self.options;
        let usual = REQUESTS_LEAST + REQUESTS_PER_OPERATION * d.operations.len();
        let settings = Settings {
            seed: options.seed,
            requests_max: options.max_requests.unwrap_or(usual.min(REQUESTS_MOST)),
            unsafe_methods: options.unsafe_methods,
            templates: self.templates.clone(),
            common: self.common.clone(),
        };
        let mut explorer = Explorer::new(d, &settings);
        let mut findings = explorer.run(line);
        findings.retain(|f| options.checks.contains(&Check::of(f)));
        if options.dry_run {
            return;
        }
        let told = explained(findings, d, &self.common, &mut self.logs, line);
        self.all.add(told, &d.operations, line.base());
        self.all.report.notes.extend(coverage(d, &explorer, options));
        self.all.report.notes.extend(d.notes.iter().cloned());
        for asked in explorer.asked() {
            let Some(op) = d.operations.get(asked.op) else { continue };
            let statuses: BTreeMap<String, usize> =
                asked.statuses.iter().map(|(s, n)| (format!("{s:03}"), *n)).collect();
            self.all.asked.push(serde_json::json!({"operation": op.name, "statuses": statuses}));
        }
    }
}

/// How far a crawl came.
#[derive(Default, Serialize, Deserialize)]
struct Reached {
    visited: Vec<String>,
    waiting: Vec<String>,
}

impl Reached {
    /// What an earlier run kept; nothing where it kept nothing.
    fn load(file: &std::path::Path) -> Result<Reached, Usage> {
        match std::fs::read(file) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|e| {
                Usage(format!("--resume {}: not what an earlier run kept ({e})", file.display()))
            }),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Reached::default()),
            Err(e) => Err(Usage(format!("--resume {}: {e}", file.display()))),
        }
    }

    /// With what another run has asked for, and left.
    fn and(mut self, crawl: &site::Crawl) -> Reached {
        self.visited.extend(crawl.visits.iter().map(|v| v.target.clone()));
        Reached { visited: self.visited, waiting: crawl.waiting.clone() }
    }

    /// Kept while something waits; a crawl that is complete begins anew the next time.
    fn keep(&self, file: &std::path::Path) -> Result<(), Usage> {
        let wrong = |e: io::Error| Usage(format!("--resume {}: {e}", file.display()));
        if self.waiting.is_empty() {
            return match std::fs::remove_file(file) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => Err(wrong(e)),
                _ => Ok(()),
            };
        }
        follow::write_whole(file, self).map_err(wrong)
    }
}

fn all_stopped(line: &Line) -> bool {
    ::probe::explore::Server::stopped(line)
}

/// Sends each finding once more, and says what the logs hold of that very request.
fn explained(
    findings: Vec<Finding>,
    d: &Description,
    common: &Common,
    logs: &mut Logs,
    line: &mut Line,
) -> Vec<Told> {
    let mut out = Vec::new();
    for mut finding in findings {
        logs.mark();
        let mut inner = None;
        if finding.again && !all_stopped(line) {
            let exchanges = play(&finding.trial, &d.operations, common, line);
            match exchanges.iter().rposition(|x| x.failed()) {
                Some(i) => {
                    finding.exchanges = exchanges.into_iter().take(i + 1).collect();
                    inner = logs.explain(&finding.exchanges);
                }
                // A page that tells too much did not fail, and still does so.
                None if finding.exchanges.iter().all(|x| !x.failed()) => {
                    inner = logs.explain(&finding.exchanges)
                }
                None => finding.again = false,
            }
            // Whoever sends it again needs a name that was not sent yet.
            if let ([step], Some(x)) = (finding.trial.steps.as_slice(), finding.exchanges.last_mut())
                && step.case.fresh
                && let Some(op) = d.operations.get(step.op)
            {
                x.request = step.case.request(op, common);
            }
        } else {
            inner = logs.explain(&finding.exchanges);
        }
        out.push(Told { finding, inner });
    }
    out
}

/// One problem for each fault. Findings that are explained by the same error at the same line are one; those that nobody explains,
/// if they are about the same place of the same operation, or if what fails is that a part is missing and they have none either.
fn together(told: Vec<Told>, ops: &[::probe::operation::Operation], base: &str) -> Vec<diagnosis::Problem> {
    let mut groups: Vec<Vec<Told>> = Vec::new();
    let (explained, mut plain): (Vec<Told>, Vec<Told>) = told.into_iter().partition(|t| t.inner.is_some());
    for t in explained {
        let key = t.inner.as_ref().map(cause_key);
        let same = |g: &&mut Vec<Told>| g.first().is_some_and(|o| o.inner.as_ref().map(cause_key) == key);
        match groups.iter_mut().find(same) {
            Some(group) => group.push(t),
            None => groups.push(vec![t]),
        }
    }
    // What is left out says more than all that is put in its place, so that it comes first.
    plain.sort_by_key(|t| (!t.finding.again, t.finding.family != "absent"));
    for t in plain {
        match groups.iter_mut().find(|g| g.iter().any(|o| alike(&o.finding, &t.finding))) {
            Some(group) => group.push(t),
            None => groups.push(vec![t]),
        }
    }
    for g in &mut groups {
        // The one that says most is told, the others besides.
        let size = |f: &Finding| f.exchanges.last().map_or(0, |x| x.request.curl("").len());
        g.sort_by_key(|t| {
            let f = &t.finding;
            (!f.again, f.sites.len() != 1, f.family != "absent", size(f))
        });
    }
    groups.iter().filter_map(|g| told::problem(g, ops, base)).collect()
}

/// Is the second finding about the same place as the first, or does it lack what the first is about?
fn alike(one: &Finding, other: &Finding) -> bool {
    let status = |f: &Finding| f.exchanges.last().map(|x| (x.answer.status, x.answer.end.clone()));
    let steps = |f: &Finding| f.trial.steps.len();
    if one.op != other.op || steps(one) != steps(other) || status(one) != status(other) {
        return false;
    }
    if one.sites == other.sites {
        return true;
    }
    let (Some(site @ Site::Member(_)), Some(step)) = (one.sites.first(), other.trial.steps.last()) else {
        return false;
    };
    let is_nothing = step.case.value(site).is_none_or(|v| *v == ::probe::json::Json::Null);
    one.sites.len() == 1 && one.family == "absent" && is_nothing
}

/// What makes two findings one fault: of code the error and its line, of all else the cause and who is to blame.
fn cause_key(p: &diagnosis::Problem) -> String {
    let thrown = p.exception.as_ref().map(|e| e.kind.as_str()).unwrap_or_default();
    format!("{} {thrown} {}", p.verdict.cause, p.verdict.culprit.as_deref().unwrap_or(&p.id))
}

/// What of a description was asked, and what never went well.
fn coverage(d: &Description, explorer: &Explorer<'_>, options: &Probe) -> Vec<String> {
    let asked = explorer.asked();
    let named = |list: &[&str]| {
        let shown: Vec<&str> = list.iter().take(NAMES_MAX).copied().collect();
        let more = list.len().saturating_sub(NAMES_MAX);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("{}{more}", shown.join(", "))
    };
    let mut notes = vec![format!(
        "{} of {} were asked in {}; seed {}.",
        asked.len(),
        counted(d.operations.len() as u64, "operation"),
        counted(explorer.requests as u64, "request"),
        options.seed
    )];
    let left: Vec<&str> = d
        .operations
        .iter()
        .filter(|o| !o.is_safe() && !options.unsafe_methods)
        .map(|o| o.name.as_str())
        .collect();
    if !left.is_empty() {
        notes.push(format!(
            "Left alone, as they change things: {}. --unsafe-methods asks them too.",
            named(&left)
        ));
    }
    let never: Vec<&str> = asked
        .iter()
        .filter(|a| !a.statuses.keys().any(|s| (200..400).contains(s)))
        .filter_map(|a| d.operations.get(a.op))
        .map(|o| o.name.as_str())
        .collect();
    if !never.is_empty() {
        notes.push(format!(
            "Never answered with success, so that little of them was tried: {}. Credentials (WHY500_AUTHORIZATION), examples in the \
             description, or data may be missing.",
            named(&never)
        ));
    }
    let given = |a: &::probe::explore::Asked, told: &str| {
        let class = told.get(..1).and_then(|c| c.parse::<u16>().ok());
        let class = class.filter(|_| told.to_ascii_lowercase().ends_with("xx"));
        told == "default" || a.statuses.keys().any(|s| s.to_string() == told || class == Some(s / 100))
    };
    let never_given: Vec<String> = asked
        .iter()
        .filter_map(|a| Some((d.operations.get(a.op)?, a)))
        .flat_map(|(o, a)| {
            let never = o.answers.keys().filter(|t| !given(a, t));
            never.map(|t| format!("{t} of {}", o.name)).collect::<Vec<_>>()
        })
        .collect();
    if !never_given.is_empty() {
        let list: Vec<&str> = never_given.iter().map(String::as_str).collect();
        notes.push(format!("Described, but never answered: {}.", named(&list)));
    }
    if let Some(trial) = &explorer.gone {
        let op = trial.steps.last().and_then(|s| d.operations.get(s.op)).map_or("", |o| o.name.as_str());
        notes.insert(
            0,
            format!("The server could not be reached any more from {op} on; the run ended there."),
        );
    }
    notes
}

fn choose(d: &mut Description, options: &Probe) {
    let has =
        |o: &::probe::operation::Operation, list: &[String]| list.iter().any(|t| o.name.contains(t.as_str()));
    d.operations
        .retain(|o| (options.include.is_empty() || has(o, &options.include)) && !has(o, &options.exclude));
}

fn base_url(text: &str) -> Result<url::Url, Usage> {
    target::url(text)
        .ok_or_else(|| Usage(format!("--base-url {text}: write it as http://HOST:PORT or https://HOST/PATH")))
}

/// A collection's variables: of the environment's file, and those that are named, which win.
fn variables(options: &Probe) -> Result<BTreeMap<String, String>, Usage> {
    let mut all = BTreeMap::new();
    if let Some(file) = &options.environment {
        let shown = file.display();
        let text = std::fs::read_to_string(file).map_err(|e| Usage(format!("--environment {shown}: {e}")))?;
        all = postman::environment(&text).map_err(|e| Usage(format!("--environment {shown}: {e}")))?;
    }
    let pair = |v: &String| {
        v.split_once('=')
            .map(|(n, v)| (n.to_owned(), v.to_owned()))
            .ok_or_else(|| Usage(format!("--var {v}: write NAME=VALUE")))
    };
    for v in &options.variables {
        let (n, v) = pair(v)?;
        all.insert(n, v);
    }
    Ok(all)
}

/// Headers of every request: those that are named, and secrets out of the environment.
fn common(options: &Probe) -> Result<Common, Usage> {
    let mut common = Common::default();
    for h in &options.header {
        let Some((n, v)) = h.split_once(':') else {
            return Err(Usage(format!("-H {h}: write \"Name: value\"")));
        };
        let (n, v) = (n.trim().to_owned(), v.trim().to_owned());
        if ::probe::request::is_secret(&n) { common.auth.push((n, v)) } else { common.headers.push((n, v)) }
    }
    let env = |name: &str| std::env::var(::probe::request::variable(name)).ok().filter(|v| !v.is_empty());
    for name in ["Authorization", "Cookie"] {
        common.auth.extend(env(name).map(|v| (name.to_owned(), v)));
    }
    for name in &options.secret_header {
        let variable = ::probe::request::variable(name);
        let value =
            env(name).ok_or_else(|| Usage(format!("--secret-header {name}: {variable} is not set")))?;
        common.auth.push((name.clone(), value));
    }
    Ok(common)
}

/// A token for the client whose id and secret are in the environment.
fn fetch_token(text: &str, options: &Probe, stop: &Arc<AtomicBool>) -> Result<String, Usage> {
    let wrong = |what: String| Usage(format!("--oauth-token-url {text}: {what}"));
    let url = target::url(text).ok_or_else(|| wrong("write it as https://HOST/PATH".into()))?;
    let secret = |name: &str| {
        std::env::var(name).ok().filter(|v| !v.is_empty()).ok_or_else(|| wrong(format!("{name} is not set")))
    };
    let form: String = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("grant_type", "client_credentials")
        .append_pair("client_id", &secret("WHY500_CLIENT_ID")?)
        .append_pair("client_secret", &secret("WHY500_CLIENT_SECRET")?)
        .finish();
    let manners = Manners {
        rps: None,
        timeout: Duration::from_secs(options.timeout),
        sent: None,
        dry: false,
        keep: false,
    };
    let mut line = Line::open(Host::of(&url, true)?, &manners, Arc::clone(stop), options.ca.as_deref())?;
    let mut request = ::probe::Request::new("POST", url.path());
    request.set_header("Content-Type", "application/x-www-form-urlencoded");
    request.body = Some(form.into_bytes());
    let answer = ::probe::explore::Server::send(&mut line, &[request]).into_iter().next().unwrap_or_default();
    let told: Option<serde_json::Value> = serde_json::from_slice(&answer.body).ok();
    let token = told.as_ref().and_then(|t| t["access_token"].as_str());
    token
        .map(str::to_owned)
        .ok_or_else(|| wrong(format!("it answered {} and no access_token", answer.status)))
}

fn more_templates(dir: Option<&PathBuf>) -> Result<Vec<(String, String)>, Usage> {
    let named = |(path, text): (String, String)| {
        let stem = std::path::Path::new(&path).file_stem().map(|s| s.to_string_lossy().into_owned());
        (stem.unwrap_or(path), text)
    };
    Ok(explain::texts(dir, "--probes")?.into_iter().map(named).collect())
}

fn write(options: &Probe, all: &Found, lines: &[Line]) -> Result<(), Usage> {
    let form = if options.json { Form::Json } else { options.format };
    let mut look = explain::look(options.color, None, false);
    look.colour &= options.output.is_none();
    let put = |out: &mut dyn Write| -> io::Result<()> {
        let base = lines.first().map_or("", Line::base);
        let as_report = |out: &mut dyn Write, f: report::Format, look: &report::Look| {
            report::write(out, &all.report, f, look)
        };
        match form {
            Form::Terminal => as_report(out, report::Format::Terminal, &look),
            Form::Markdown => as_report(out, report::Format::Markdown, &look),
            Form::Html => as_report(out, report::Format::Html, &look),
            Form::Sarif => as_report(out, report::Format::Sarif, &look),
            Form::Junit => as_report(out, report::Format::Junit, &look),
            Form::Json => {
                let mut bytes = Vec::new();
                as_report(&mut bytes, report::Format::Json, &look)?;
                let mut value: serde_json::Value = serde_json::from_slice(&bytes)?;
                value["probe"] = serde_json::json!({
                    "seed": options.seed,
                    "targets": lines.iter().map(Line::base).collect::<Vec<_>>(),
                    "requests": all.report.totals.requests,
                    "operations": all.asked,
                    "pages": all.visits.iter().map(pages::page).collect::<Vec<_>>(),
                });
                serde_json::to_writer_pretty(&mut *out, &value)?;
                writeln!(out)
            }
            Form::Har => {
                let exchanges: Vec<_> = lines.iter().flat_map(|l| &l.kept).collect();
                out::har(out, base, &exchanges)
            }
            Form::Curl => out::curl(out, &all.report),
            Form::Csv => out::csv(out, base, &all.visits),
        }
    };
    output::write(options.output.as_deref(), "the report", put)
}
