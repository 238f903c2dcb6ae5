//! `why500 replay`: sends failing requests again, says whether they fail as they did, and what of them matters.

mod case;
mod compare;
mod out;
mod shrink;

use crate::explain::{self, Usage};
use crate::probe::logs::Logs;
use crate::probe::net::{Host, Line, Manners};
use crate::probe::{RPS, TIMEOUT_S};
use crate::reach::At;
use ::probe::explore::{Exchange, Server, Stage};
use ::probe::{Answer, End, Request, checks, request};
use case::{Case, Terms};
use clap::{Args, ValueEnum};
use compare::Shape;
use shrink::Shrunk;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use url::Url;

/// How often one request can be sent to learn how often it fails.
const TIMES_MAX: i64 = 1_000;

/// The form of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// For eyes
    Terminal,
    /// For scripts: schema why500.replay/1
    Json,
}

/// Options of `replay`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  why500 replay failing.har --to http://127.0.0.1:8000 --only 3
  why500 replay report.json --to https://staging.shop.example   (explain --json wrote it)
  why500 replay 4f1d0c2b9a7e6d58 --to http://127.0.0.1:8000 --logs app.log
  why500 replay requests.http --to https://staging.shop.example --against https://shop.example

Secrets are taken from the environment and kept nowhere: WHY500_AUTHORIZATION and WHY500_COOKIE are the headers of that name; \
--secret-header NAME takes another one from WHY500_NAME. Those in a file go only to the server that they were recorded for.

Ends with 0 if nothing fails any more (or both servers answer alike), 1 if something does, 2 if it could not be tried.")]
pub struct Replay {
    /// A HAR, curl, .http, Postman or Insomnia file, a JSON report of why500, or the id of a problem that a `why500 serve` knows
    #[arg(value_name = "WHAT")]
    what: String,
    /// The server that they are sent to
    #[arg(long, value_name = "URL")]
    to: String,
    /// Compare with this server: status, media type, which fields a body has
    #[arg(long, value_name = "URL")]
    against: Option<String>,
    /// Only the request with this number in the file (from 1 on)
    #[arg(long, value_name = "N")]
    only: Option<usize>,
    /// Only the problem of the report with this id (its first digits suffice)
    #[arg(long, value_name = "ID")]
    problem: Option<String>,
    /// Send each so often: what fails only now and then is told
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=TIMES_MAX))]
    times: u32,
    /// Do not look for what of a request matters
    #[arg(long)]
    no_shrink: bool,
    /// Others than GET, HEAD and OPTIONS too: they make, change and delete things
    #[arg(long)]
    unsafe_methods: bool,
    /// The server's logs, files or folders: whether it fails for the same cause
    #[arg(long, value_name = "PATH")]
    logs: Vec<PathBuf>,
    /// Zone of logs that state none
    #[arg(long, value_name = "ZONE")]
    tz: Option<String>,
    /// A header whose value is in the environment: X-Api-Key takes WHY500_X_API_KEY
    #[arg(long, value_name = "NAME")]
    secret_header: Vec<String>,
    /// Seconds for an answer
    #[arg(long, value_name = "S", default_value_t = TIMEOUT_S, value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,
    #[command(flatten)]
    at: At,
    /// Number of the project on the server that knows the problem (default: the token's, or the first)
    #[arg(long, value_name = "N")]
    project: Option<i64>,
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

/// How a replay came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// It fails every time, as it did.
    Same,
    /// It fails every time; how it failed before is not known.
    Fails,
    /// It fails, in another way than it did.
    Other,
    /// It fails now and then.
    Flaky,
    /// It does not fail.
    Healed,
    /// The server asked for credentials, for patience or for a body before it came to what failed.
    Refused,
}

impl Outcome {
    fn name(self) -> &'static str {
        match self {
            Outcome::Same => "same",
            Outcome::Fails => "fails",
            Outcome::Other => "other",
            Outcome::Flaky => "flaky",
            Outcome::Healed => "healed",
            Outcome::Refused => "refused",
        }
    }
}

/// One case, replayed.
struct Replayed {
    case: Case,
    outcome: Outcome,
    /// How each time ended.
    ends: Vec<String>,
    /// How often it failed.
    failed: usize,
    /// The cause that logs or the answer tell now.
    cause: Option<String>,
    /// The culprit of that.
    culprit: Option<String>,
    shrunk: Option<Shrunk>,
    /// It could not be shrunk, as it fails too seldom.
    too_seldom: bool,
}

/// One case, sent to two servers.
struct Compared {
    case: Case,
    to: String,
    against: String,
    differences: Vec<String>,
}

/// All of a run, before it is written.
struct Told {
    to: String,
    against: Option<String>,
    replayed: Vec<Replayed>,
    compared: Vec<Compared>,
    notes: Vec<String>,
    sent: u64,
}

/// Runs the command.
pub fn run(options: &Replay) -> Result<ExitCode, Usage> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    // A second Ctrl-C ends at once; the first shows what is known so far.
    let _ = ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    });
    let to = address("--to", &options.to)?;
    let terms = Terms {
        to: to.clone(),
        secrets: secrets(options)?,
        only: options.only,
        problem: options.problem.clone(),
    };
    let against = options.against.as_deref().map(|u| address("--against", u)).transpose()?;
    let cases = case::read(&options.what, &terms, &options.at, options.project)?;
    let mut notes = cases.notes;
    let (list, left): (Vec<Case>, Vec<Case>) =
        cases.list.into_iter().partition(|c| options.unsafe_methods || c.is_safe());
    if !left.is_empty() {
        let mut names: Vec<String> =
            left.iter().filter_map(Case::last).map(|r| format!("{} {}", r.method, r.path())).collect();
        names.dedup();
        let names = record::scrub::scrub(&names.join(", ")).into_owned();
        if list.is_empty() {
            return Err(Usage(format!(
                "{names}: only GET, HEAD and OPTIONS are sent, as others change things; --unsafe-methods sends these too"
            )));
        }
        notes.push(format!("Left alone, as they change things: {names}. --unsafe-methods sends them too."));
    }
    let mut line = open(&to, options, &stop)?;
    let mut told = Told {
        to: line.base().to_owned(),
        against: None,
        replayed: Vec::new(),
        compared: Vec::new(),
        notes,
        sent: 0,
    };
    if let Some(against) = &against {
        let mut other = open(against, options, &stop)?;
        told.against = Some(other.base().to_owned());
        compare_all(list, options, &mut line, &mut other, &mut told)?;
        told.sent = other.requests;
        other.close();
    } else {
        let zone = explain::zone(options.tz.as_deref())?;
        let mut logs = Logs::watch(&options.logs, None, zone, Arc::clone(&stop))?;
        let count = list.len();
        for (n, case) in list.into_iter().enumerate() {
            if line.stopped() {
                break;
            }
            line.stage(Stage::Shrinking(n, count));
            told.replayed.push(replay(case, options, &mut line, &mut logs)?);
        }
    }
    line.close();
    told.sent += line.requests;
    out::write(options, &told)?;
    if stop.load(Ordering::Relaxed) {
        return Ok(ExitCode::from(130));
    }
    let differs = told.compared.iter().any(|c| !c.differences.is_empty());
    let fails = told.replayed.iter().any(|r| r.outcome != Outcome::Healed);
    Ok(if differs || fails { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

fn address(option: &str, text: &str) -> Result<Url, Usage> {
    Url::parse(text)
        .ok()
        .filter(|u| matches!(u.scheme(), "http" | "https"))
        .ok_or_else(|| Usage(format!("{option} {text}: write it as http://HOST:PORT or https://HOST")))
}

/// Secrets out of the environment.
fn secrets(options: &Replay) -> Result<Vec<(String, String)>, Usage> {
    let env = |name: &str| std::env::var(request::variable(name)).ok().filter(|v| !v.is_empty());
    let mut out: Vec<(String, String)> =
        ["Authorization", "Cookie"].into_iter().filter_map(|n| Some((n.to_owned(), env(n)?))).collect();
    for name in &options.secret_header {
        let variable = request::variable(name);
        let value =
            env(name).ok_or_else(|| Usage(format!("--secret-header {name}: {variable} is not set")))?;
        out.push((name.clone(), value));
    }
    Ok(out)
}

fn open(url: &Url, options: &Replay, stop: &Arc<AtomicBool>) -> Result<Line, Usage> {
    let host = Host::of(url, true)?;
    let manners = Manners {
        rps: (!host.is_loopback()).then_some(RPS),
        timeout: Duration::from_secs(options.timeout),
        sent: None,
        dry: false,
        keep: false,
    };
    Line::open(host, &manners, Arc::clone(stop), options.at.ca.as_deref())
}

/// Sends a request; an error where no server is there, as nothing can be said then.
fn send(line: &mut Line, request: &Request) -> Result<Answer, Usage> {
    let answer = line.send(std::slice::from_ref(request)).into_iter().next().unwrap_or_default();
    match &answer.end {
        End::NotReached(why) => Err(Usage(format!("{}: {why}", line.base()))),
        End::NotSent(why) => {
            Err(Usage(format!("{} {} cannot be sent: {why}", request.method, request.path())))
        }
        _ => Ok(answer),
    }
}

/// Sends all steps of a case; what came of the last.
fn play(line: &mut Line, before: &[Request], last: &Request) -> Result<Answer, Usage> {
    for step in before {
        send(line, step)?;
    }
    send(line, last)
}

/// How an answer fails; `None` where it does not. Two answers fail alike if this is equal.
fn failure(a: &Answer) -> Option<String> {
    if a.failed() {
        return Some(compare::ended(a));
    }
    checks::soft_error(a).map(|_| format!("{} with an error page", a.status))
}

/// Was the request turned away before anything was done? Without the body that it had, any status of 400 to 499 may mean that.
fn is_refused(a: &Answer, case: &Case) -> bool {
    let turned_away = matches!(a.status, 401 | 403 | 407 | 429);
    a.end == End::Answered && (turned_away || (case.bodiless && (400..500).contains(&a.status)))
}

fn replay(case: Case, options: &Replay, line: &mut Line, logs: &mut Logs) -> Result<Replayed, Usage> {
    let Some((last, before)) = case.steps.split_last().map(|(l, b)| (l.clone(), b.to_vec())) else {
        return Err(Usage(format!("{}: it holds no request", case.name)));
    };
    let mut out = Replayed {
        outcome: Outcome::Healed,
        ends: Vec::new(),
        failed: 0,
        cause: None,
        culprit: None,
        shrunk: None,
        too_seldom: false,
        case,
    };
    let mut how: Option<String> = None;
    let mut ways = std::collections::BTreeSet::new();
    let mut refused = 0;
    for _ in 0..options.times {
        if line.stopped() {
            break;
        }
        logs.mark();
        let answer = play(line, &before, &last)?;
        refused += usize::from(is_refused(&answer, &out.case));
        match failure(&answer) {
            None => out.ends.push(compare::ended(&answer)),
            Some(end) => {
                out.failed += 1;
                out.ends.push(end.clone());
                ways.insert(end.clone());
                if how.is_none() {
                    how = Some(end);
                    let exchange = Exchange { request: last.clone(), answer };
                    if let Some(p) = logs.explain(&[exchange]) {
                        out.cause = Some(p.verdict.cause.to_string());
                        out.culprit = p.verdict.culprit;
                    }
                }
            }
        }
    }
    let sent = out.ends.len();
    out.outcome = if out.failed == 0 {
        if refused > 0 { Outcome::Refused } else { Outcome::Healed }
    } else if out.failed < sent {
        Outcome::Flaky
    } else {
        judged(&out.case, &ways, out.cause.as_deref())
    };
    if let Some(how) = how.filter(|_| !options.no_shrink) {
        // One that fails once in three is taken for failing if it does so in three.
        let tries = if out.failed == sent { 1 } else { options.times };
        if out.failed * 3 < sent {
            out.too_seldom = true;
        } else {
            let mut lost = None;
            let shrunk = shrink::shrink(&last, &mut |request| {
                (0..tries).any(|_| {
                    if lost.is_some() || line.stopped() {
                        return false;
                    }
                    match play(line, &before, request) {
                        Ok(a) => failure(&a).as_deref() == Some(how.as_str()),
                        // What no client sends is no smaller request.
                        Err(e) => {
                            if !e.0.contains("cannot be sent") {
                                lost = Some(e);
                            }
                            false
                        }
                    }
                })
            });
            if let Some(e) = lost {
                return Err(e);
            }
            out.shrunk = Some(shrunk);
        }
    }
    Ok(out)
}

/// How a request fails that does so every time.
fn judged(case: &Case, ways: &std::collections::BTreeSet<String>, cause: Option<&str>) -> Outcome {
    let known = |s: &u16| if *s == 0 { vec!["no answer in time", "connection cut"] } else { Vec::new() };
    let statuses: Vec<String> = case
        .statuses
        .iter()
        .flat_map(|s| std::iter::once(s.to_string()).chain(known(s).into_iter().map(str::to_owned)))
        .collect();
    let same_status = ways.iter().all(|w| statuses.contains(w));
    match (&case.cause, cause) {
        (Some(then), Some(now)) if then != now => Outcome::Other,
        _ if statuses.is_empty() => Outcome::Fails,
        _ if same_status => Outcome::Same,
        _ => Outcome::Other,
    }
}

fn compare_all(
    list: Vec<Case>,
    options: &Replay,
    to: &mut Line,
    against: &mut Line,
    told: &mut Told,
) -> Result<(), Usage> {
    for case in list {
        let Some((last, before)) = case.steps.split_last().map(|(l, b)| (l.clone(), b.to_vec())) else {
            continue;
        };
        let mut differences = Vec::new();
        let mut ends = (String::new(), String::new());
        // What is the same once in so many times is the same: two servers need not be in one mood at one moment.
        for _ in 0..options.times {
            if to.stopped() {
                return Ok(());
            }
            let a = Shape::of(&play(to, &before, &last)?);
            let b = Shape::of(&play(against, &before, &last)?);
            differences = a.differences(&b);
            ends = (a.ended, b.ended);
            if differences.is_empty() {
                break;
            }
        }
        told.compared.push(Compared { case, to: ends.0, against: ends.1, differences });
    }
    Ok(())
}
