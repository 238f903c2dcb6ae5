//! `why500 explain`: from logs to the reasons of their 5xx.

use crate::gather::{self, Gathered, Needs, Progress};
use crate::input::{self, Input, Trouble};
use crate::output;
use crate::report::{self, Format, Look};
use crate::since::Since;
use clap::{Args, ValueEnum};
use diagnosis::{Filter, Recogniser, Report, Settings};
use record::Time;
use std::collections::HashMap;
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::SystemTime;

/// When to colour.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Colour {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Threads asked for by hand; the largest servers have as many cores.
const THREADS_MAX: i64 = 512;

/// Logs whose observations are left to the end of the program.
const LOGS_KEPT_MAX: usize = 10_000;

/// Options of `explain`.
#[derive(Args, Debug)]
pub struct Explain {
    /// Log files, folders, archives or patterns; `-` is standard input
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Form of the answer [default: terminal on a terminal or pipe]
    #[arg(short, long, value_enum, default_value = "terminal")]
    format: Format,
    /// The same as --format json
    #[arg(long)]
    json: bool,
    /// Zone of logs that state none: an IANA name or an offset such as +02:00 [default: the machine's]
    #[arg(long, value_name = "ZONE")]
    tz: Option<String>,
    /// Only failures from this instant on: RFC 3339, `2026-11-24 07:00` (in --tz) or an age such as 2h
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only failures before this instant
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Read only what was written since the last run with the same paths and this option
    #[arg(long)]
    since_last: bool,
    /// Where --since-last keeps how far it read [default: a file per set of paths in the user's state folder]
    #[arg(long, value_name = "FILE", requires = "since_last")]
    state: Option<PathBuf>,
    /// Only this status (502), class (5xx) or several (502,504)
    #[arg(long, value_name = "STATUS")]
    status: Option<String>,
    /// Only routes that contain this text
    #[arg(long, value_name = "TEXT")]
    route: Option<String>,
    /// Only the problem with this id (its first digits suffice)
    #[arg(long, value_name = "ID")]
    problem: Option<String>,
    /// Show only the first N problems
    #[arg(long, value_name = "N")]
    top: Option<usize>,
    /// Show all evidence that was kept
    #[arg(long)]
    all_evidence: bool,
    /// Exit with 1 when there is a problem of this kind: any, new, CLASS or CLASS/CAUSE
    #[arg(long, value_name = "WHAT")]
    fail_on: Option<String>,
    /// Problems of this earlier JSON report are not new (for --fail-on new)
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Further signatures: a folder of *.toml files
    #[arg(long, value_name = "DIR")]
    signatures: Option<PathBuf>,
    /// Layout of access logs, as in nginx log_format or Apache LogFormat
    #[arg(long, value_name = "LAYOUT")]
    log_format: Vec<String>,
    /// A git repository of the service's code: source lines, and the commit that changed them last; may be given more than once
    #[arg(long, value_name = "PATH[=PREFIX]")]
    repo: Vec<code::repo::Place>,
    /// Threads that read [default: one per core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=THREADS_MAX))]
    threads: Option<u16>,
    /// When to colour
    #[arg(long, value_enum, default_value = "auto")]
    color: Colour,
    /// Write to this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// What is wrong with how the program was called.
#[derive(Debug)]
pub struct Usage(pub String);

/// How the answer is to look on this terminal.
pub fn look(colour: Colour, top: Option<usize>, all_evidence: bool) -> Look {
    let terminal = io::stdout().is_terminal();
    let set = |name: &str| std::env::var_os(name).is_some_and(|v| !v.is_empty());
    let colour = match colour {
        Colour::Always => true,
        Colour::Never => false,
        Colour::Auto => {
            (terminal || set("CLICOLOR_FORCE"))
                && !set("NO_COLOR")
                && std::env::var("TERM").as_deref() != Ok("dumb")
        }
    };
    let width = std::env::var("COLUMNS")
        .ok()
        .and_then(|c| c.parse().ok())
        .or_else(|| terminal_size::terminal_size().map(|(w, _)| usize::from(w.0)))
        .unwrap_or(100);
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .find_map(|n| std::env::var(n).ok().filter(|v| !v.is_empty()))
        .unwrap_or_default();
    let unicode = locale.to_ascii_lowercase().replace('-', "").contains("utf8");
    Look { width: width.clamp(40, 240), colour, top, all_evidence, unicode }
}

pub fn zone(name: Option<&str>) -> Result<jiff::tz::TimeZone, Usage> {
    let Some(name) = name else { return Ok(jiff::tz::TimeZone::system()) };
    if let Some(offset) = offset(name) {
        return Ok(jiff::tz::TimeZone::fixed(offset));
    }
    jiff::tz::TimeZone::get(name).map_err(|_| {
        Usage(format!("--tz {name}: neither a zone name (Europe/Amsterdam) nor an offset (+02:00)"))
    })
}

fn offset(text: &str) -> Option<jiff::tz::Offset> {
    if matches!(text, "Z" | "z" | "UTC" | "utc") {
        return Some(jiff::tz::Offset::UTC);
    }
    let (sign, rest) = match text.as_bytes().first()? {
        b'+' => (1, text.get(1..)?),
        b'-' => (-1, text.get(1..)?),
        _ => return None,
    };
    let digits: String = rest.chars().filter(|c| *c != ':').collect();
    if digits.is_empty() || digits.len() > 4 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (h, m): (i32, i32) = if digits.len() <= 2 {
        (digits.parse().ok()?, 0)
    } else {
        (digits.get(..digits.len() - 2)?.parse().ok()?, digits.get(digits.len() - 2..)?.parse().ok()?)
    };
    jiff::tz::Offset::from_seconds(sign * (h * 3600 + m * 60)).ok()
}

pub fn offset_at(zone: &jiff::tz::TimeZone, wall: Time) -> i64 {
    // The reading is wall-clock time taken as UTC: the zone is asked for that wall clock.
    let c = wall.civil();
    let civil = i16::try_from(c.year).ok().and_then(|y| {
        jiff::civil::DateTime::new(
            y,
            c.month as i8,
            c.day as i8,
            c.hour as i8,
            c.minute as i8,
            c.second as i8,
            0,
        )
        .ok()
    });
    match civil.and_then(|d| zone.to_ambiguous_zoned_datetime(d).compatible().ok()) {
        Some(z) => i64::from(z.offset().seconds()),
        None => 0,
    }
}

fn instant(text: &str, zone: &jiff::tz::TimeZone) -> Result<Time, Usage> {
    if let Some(n) = text.strip_suffix(['s', 'm', 'h', 'd']).and_then(|n| n.parse::<i64>().ok()) {
        let unit = match text.as_bytes().last() {
            Some(b's') => 1,
            Some(b'm') => 60,
            Some(b'h') => 3600,
            _ => 86_400,
        };
        return Ok(Time(now().0 - n.saturating_mul(unit) * record::SECOND));
    }
    let padded = if text.len() == 10 { format!("{text} 00:00:00") } else { text.to_owned() };
    let stamp = formats::time::stamp(&padded, now()).filter(|s| s.len == padded.len()).ok_or_else(|| {
        Usage(format!(
            "{text}: not an instant; write 2026-11-24T07:00:00Z, '2026-11-24 07:00' or an age such as 2h"
        ))
    })?;
    Ok(match stamp.zone {
        record::Zone::Stated => stamp.time,
        _ => stamp.time.plus(-offset_at(zone, stamp.time) * record::SECOND),
    })
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn now() -> Time {
    time_of(SystemTime::now())
}

fn time_of(t: SystemTime) -> Time {
    Time(
        t.duration_since(SystemTime::UNIX_EPOCH)
            .map_or(0, |d| i64::try_from(d.as_micros()).unwrap_or(i64::MAX)),
    )
}

fn statuses(text: &str) -> Result<Vec<(u16, u16)>, Usage> {
    text.split(',')
        .map(|part| {
            let part = part.trim();
            let class = part.strip_suffix("xx").and_then(|d| d.parse::<u16>().ok());
            match (class, part.parse::<u16>()) {
                (Some(c @ 4..=5), _) => Ok((c * 100, c * 100 + 99)),
                (_, Ok(n)) if n <= 999 => Ok((n, n)),
                _ => Err(Usage(format!("--status {part}: write 502, 5xx or 502,504"))),
            }
        })
        .collect()
}

fn signatures(dir: Option<&PathBuf>) -> Result<Vec<(String, String)>, Usage> {
    texts(dir, "--signatures")
}

/// The `*.toml` files of a folder that an option names, in the order of their names: path and text.
pub fn texts(dir: Option<&PathBuf>, option: &str) -> Result<Vec<(String, String)>, Usage> {
    let Some(dir) = dir else { return Ok(Vec::new()) };
    let entries = std::fs::read_dir(dir).map_err(|e| Usage(format!("{option} {}: {e}", dir.display())))?;
    let mut paths: Vec<PathBuf> =
        entries.flatten().map(|e| e.path()).filter(|p| p.extension().is_some_and(|e| e == "toml")).collect();
    paths.sort();
    paths
        .into_iter()
        .map(|p| {
            let text = std::fs::read_to_string(&p).map_err(|e| Usage(format!("{}: {e}", p.display())))?;
            Ok((p.display().to_string(), text))
        })
        .collect()
}

/// The ids of the problems of an earlier JSON report.
pub fn known_ids(path: &PathBuf) -> Result<Vec<String>, Usage> {
    let bytes = std::fs::read(path).map_err(|e| Usage(format!("--baseline {}: {e}", path.display())))?;
    let report: serde_json::Value = serde_json::from_slice(&bytes)
        .map_err(|e| Usage(format!("--baseline {}: no JSON report: {e}", path.display())))?;
    let problems = report["problems"].as_array().into_iter().flatten();
    Ok(problems.filter_map(|p| p["id"].as_str().map(str::to_owned)).collect())
}

fn layouts(options: &Explain, inputs: &mut Vec<Input>) -> Result<Vec<Arc<formats::layout::Layout>>, Usage> {
    let mut found = Vec::new();
    for text in &options.log_format {
        let layout = if text.contains('$') {
            formats::layout::Layout::nginx(text)
        } else {
            formats::layout::Layout::apache(text)
        };
        match layout {
            Some(l) => found.push(Arc::new(l)),
            None => {
                return Err(Usage(format!(
                    "--log-format {text}: holds no variable of nginx ($status) or Apache (%>s) that could be read"
                )));
            }
        }
    }
    // Server configurations among the paths tell the layout of the logs beside them; they are no logs themselves.
    inputs.retain(|i| {
        let Some(p) = i.path.as_ref().filter(|p| input::is_config(p)) else { return true };
        if let Ok(text) = std::fs::read_to_string(p) {
            found.extend(formats::layout::Layout::find_in_config(&text).into_iter().map(Arc::new));
        }
        false
    });
    Ok(found)
}

/// Runs the command.
pub fn run(options: &Explain) -> Result<ExitCode, Usage> {
    let zone = zone(options.tz.as_deref())?;
    let mut filter = Filter::default();
    if let Some(s) = &options.since {
        filter.since = Some(instant(s, &zone)?);
    }
    if let Some(s) = &options.until {
        filter.until = Some(instant(s, &zone)?);
    }
    if let Some(s) = &options.status {
        filter.statuses = statuses(s)?;
    }
    filter.route = options.route.clone();
    let fail_on =
        options.fail_on.as_deref().map(|f| FailOn::parse(f, options.baseline.as_ref())).transpose()?;
    crate::repos::check(&options.repo).map_err(Usage)?;
    let recogniser = Recogniser::new(&signatures(options.signatures.as_ref())?).map_err(Usage)?;
    let mut paths = options.paths.clone();
    if paths.is_empty() {
        if io::stdin().is_terminal() {
            return Err(Usage(
                "name log files or folders, or pipe a log in: why500 explain /var/log/nginx".into(),
            ));
        }
        paths.push("-".into());
    }
    let mut troubles: Vec<Trouble> = Vec::new();
    let mut inputs = input::find(&paths, &mut troubles);
    let layouts = layouts(options, &mut inputs)?;
    let began = now();
    let mut since = options.since_last.then(|| Since::load(&paths, options.state.as_ref())).transpose()?;
    if let Some(since) = &mut since {
        since.plan(&mut inputs);
    }

    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    // A second Ctrl-C ends at once; the first prints what is known so far.
    let _ = ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    });
    let threads = options.threads.map_or_else(cores, usize::from);
    let progress = Progress::new(inputs.iter().map(Input::bytes).sum());
    let gathered = gather::gather(
        &inputs,
        &Needs {
            recogniser: &recogniser,
            layouts,
            stop: &stop,
            progress: &progress,
            threads,
            now: |modified| modified.map_or_else(now, time_of),
        },
    );
    progress.clear();
    let no_files = inputs.is_empty();
    drop(inputs);
    let interrupted = stop.load(Ordering::Relaxed);
    let mut report = finish(gathered, &zone, filter, threads, &troubles, interrupted, true);
    if let Some(since) = &since {
        report.notes.splice(0..0, since.notes(report.totals.bytes));
        report.nothing_new = report.totals.lines == 0 && since.explains_nothing();
    }
    if let Some(id) = &options.problem {
        report.problems.retain(|p| p.id.starts_with(id.as_str()));
        if report.problems.is_empty() {
            eprintln!("why500: no problem with id {id} in these logs");
        }
    }
    if !options.repo.is_empty() {
        crate::repos::look(&options.repo, &mut report, &|| stop.load(Ordering::Relaxed));
    }
    let format = if options.json { Format::Json } else { options.format };
    let mut look = look(options.color, options.top, options.all_evidence);
    look.colour &= options.output.is_none();
    output::write(options.output.as_deref(), "the report", |out| report::write(out, &report, format, &look))?;
    for t in &troubles {
        eprintln!("why500: {}: {}", record::scrub::visible(&t.shown), t.what);
    }
    if interrupted {
        return Ok(ExitCode::from(130));
    }
    // What the report did not tell must be read again: the state is kept last.
    if let Some(since) = since {
        since.keep(began)?;
    }
    if report.totals.lines == 0 && !report.nothing_new {
        eprintln!(
            "why500: nothing readable: {}",
            if no_files { "no log file was found" } else { "all files are empty or refused" }
        );
        return Ok(ExitCode::from(3));
    }
    Ok(if fail_on.is_some_and(|f| f.met(&report)) { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

/// Explains what lies in a folder, with as many threads; for a program that goes on. `stop` ends it early, with what is known so far.
///
/// # Errors
/// The signatures that are built in cannot be read.
pub fn folder(
    path: &std::path::Path,
    zone: &jiff::tz::TimeZone,
    threads: usize,
    stop: &Arc<AtomicBool>,
) -> Result<Report, Usage> {
    let recogniser = Recogniser::new(&[]).map_err(Usage)?;
    Ok(folder_with(&recogniser, path, zone, threads, stop))
}

/// The same with signatures that were read before.
pub fn folder_with(
    recogniser: &Recogniser,
    path: &std::path::Path,
    zone: &jiff::tz::TimeZone,
    threads: usize,
    stop: &Arc<AtomicBool>,
) -> Report {
    let mut troubles: Vec<Trouble> = Vec::new();
    let inputs = input::find(&[path.to_owned()], &mut troubles);
    let gathered = gather::gather(
        &inputs,
        &Needs {
            recogniser,
            layouts: Vec::new(),
            stop,
            progress: &Progress::silent(),
            threads,
            now: |_| now(),
        },
    );
    let interrupted = stop.load(Ordering::Relaxed);
    let mut report = finish(gathered, zone, Filter::default(), threads, &troubles, interrupted, false);
    // Where the folder lies is nobody's matter.
    let base = format!("{}/", path.display());
    let cut = |name: &mut String| {
        if let Some(rest) = name.strip_prefix(&base) {
            *name = rest.to_owned();
        }
    };
    report.sources.iter_mut().for_each(|s| cut(&mut s.path));
    report.problems.iter_mut().flat_map(|p| &mut p.evidence).for_each(|e| cut(&mut e.source));
    report.notes.iter_mut().for_each(|n| *n = n.replace(&base, ""));
    report
}

/// Does `work(0)` to `work(n - 1)` on as many threads.
fn spread(threads: usize, n: usize, work: &(dyn Fn(usize) + Sync)) {
    let next = AtomicUsize::new(0);
    let work = || {
        std::iter::repeat_with(|| next.fetch_add(1, Ordering::Relaxed)).take_while(|i| *i < n).for_each(work);
    };
    std::thread::scope(|s| {
        for _ in 1..threads.min(n) {
            s.spawn(work);
        }
        work();
    });
}

fn finish(
    gathered: Gathered,
    zone: &jiff::tz::TimeZone,
    filter: Filter,
    threads: usize,
    troubles: &[Trouble],
    interrupted: bool,
    ends_soon: bool,
) -> Report {
    let Gathered { mut obs, mut sources, counts } = gathered;
    let wall: Vec<bool> = counts.iter().map(|c| c.zone_wall).collect();
    let stated: Vec<bool> = counts.iter().map(|c| c.zone_stated).collect();
    let lines: Vec<u64> = counts.iter().map(|c| c.lines_before + c.lines).collect();
    let offset = |t: Time| offset_at(zone, t);
    let mut report = diagnosis::diagnose(
        &mut obs,
        &Settings {
            offset_s: &offset,
            wall: &wall,
            stated: &stated,
            lines: &lines,
            filter,
            spread: &|n, work| spread(threads, n, work),
            begun: &HashMap::new(),
        },
    );
    // Where the program ends soon, to give back each record by itself would take a tenth of its time. Of a hundred thousand logs, the
    // report needs the room.
    if ends_soon && obs.paths() < LOGS_KEPT_MAX {
        std::mem::forget(obs);
    } else {
        drop(obs);
    }
    for ((s, range), c) in sources.iter_mut().zip(&report.source_ranges).zip(&counts) {
        // Of a log that states its zone, lines that tell of nothing have their time too.
        let read = c.range.filter(|_| c.zone_stated && !c.zone_wall);
        s.range = match (*range, read) {
            (Some((a, b)), Some((from, to))) => Some((a.min(from), b.max(to))),
            (known, read) => known.or(read),
        };
    }
    report.totals.lines = counts.iter().map(|c| c.lines).sum();
    report.totals.records = counts.iter().map(|c| c.records).sum();
    report.totals.unparsed_lines = counts.iter().map(|c| c.unparsed).sum();
    report.totals.bytes = sources.iter().map(|s| s.bytes).sum();
    report.sources = sources;
    if interrupted {
        report.notes.insert(0, "Interrupted: this is what was known so far.".into());
    }
    for t in troubles {
        report.notes.push(format!("{}: {}.", t.shown, t.what.trim_end_matches('.')));
    }
    report
}

/// What makes the exit status 1.
enum FailOn {
    Any,
    New(Vec<String>),
    Cause(String),
}

impl FailOn {
    fn parse(text: &str, baseline: Option<&PathBuf>) -> Result<FailOn, Usage> {
        match text {
            "any" => Ok(FailOn::Any),
            "new" => {
                let Some(path) = baseline else {
                    return Err(Usage("--fail-on new needs --baseline FILE, an earlier JSON report".into()));
                };
                Ok(FailOn::New(known_ids(path)?))
            }
            other => {
                let class = other.split('/').next().unwrap_or(other);
                if record::Class::parse(class).is_none() {
                    return Err(Usage(format!(
                        "--fail-on {other}: write any, new, a class (database) or a cause (database/deadlock)"
                    )));
                }
                Ok(FailOn::Cause(other.to_owned()))
            }
        }
    }

    fn met(&self, report: &Report) -> bool {
        report.problems.iter().any(|p| match self {
            FailOn::Any => true,
            FailOn::New(known) => !known.contains(&p.id),
            FailOn::Cause(c) => p.verdict.cause.to_string() == *c || p.verdict.cause.class.name() == c,
        })
    }
}
