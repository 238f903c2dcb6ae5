//! `why500 demo`: a small service that fails in ways you choose, and beside it what `explain` says of its logs.

mod answer;
mod failure;
mod fault;
mod live;
mod logs;
mod shop;
mod traffic;
mod upstream;
mod world;

use crate::explain::{self, Usage};
use crate::output;
use crate::report::{self, Format};
use clap::Args;
use diagnosis::{Recogniser, Report};
use fault::{FAULTS, Fault};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use traffic::Traffic;
use world::World;

/// Requests of `--once` while all is well: six rounds of each kind.
const HEALTHY: usize = 24;
/// Requests of `--once` while something is broken, at most.
const BROKEN: usize = 24;
/// So many of them that fail are enough: each may take all the time that is waited for another service.
const FAILED_ENOUGH: usize = 6;
/// Between two requests of `--once`, so that what came before and after something can be told apart by its time.
const PAUSE: Duration = Duration::from_millis(5);

/// Options of `demo`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  why500 demo                                 on a terminal: type a fault's number, watch it being explained
  why500 demo --list                          what can be broken
  why500 demo --once database-gone            breaks it, prints the report, and ends with 0 if the cause was found
  why500 demo --once bad-deploy --format html -o report.html
  why500 demo --port 4000 --dir shop          then, elsewhere: why500 probe http://127.0.0.1:4000/openapi.json --logs shop/logs")]
pub struct Demo {
    /// Break this, send requests, explain the logs, and end: 0 if the cause was found, 1 if not
    #[arg(long, value_name = "FAULT")]
    once: Option<String>,
    /// Name the faults
    #[arg(long)]
    list: bool,
    /// Where logs and database are made, and stay [default: a new folder among the temporary files, which goes with the demo]
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,
    /// Port of 127.0.0.1 [default: any that is free]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    port: u16,
    /// Form of the report of --once
    #[arg(short, long, value_enum, default_value = "terminal")]
    format: Format,
    /// The same as --format json
    #[arg(long)]
    json: bool,
    /// When to colour
    #[arg(long, value_enum, default_value = "auto")]
    color: explain::Colour,
    /// Write the report of --once to this file instead of standard output
    #[arg(short, long, value_name = "FILE", requires = "once")]
    output: Option<PathBuf>,
}

/// The folder of a demo.
struct Home {
    path: PathBuf,
    /// It goes when the demo ends.
    passing: bool,
}

impl Home {
    fn new(named: Option<&Path>) -> Result<Home, Usage> {
        if let Some(path) = named {
            return Ok(Home { path: path.to_owned(), passing: false });
        }
        // A name that nobody guesses, for its owner alone: among temporary files others may write, too.
        let mut digits = [0u8; 8];
        getrandom::fill(&mut digits).map_err(|e| Usage(format!("no random numbers: {e}")))?;
        let name = format!("why500-demo-{:016x}", u64::from_ne_bytes(digits));
        let path = std::env::temp_dir().join(name);
        let mut builder = std::fs::DirBuilder::new();
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&path).map_err(|e| Usage(format!("{}: {e}", path.display())))?;
        Ok(Home { path, passing: true })
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if self.passing {
            // What cannot be removed goes with the other temporary files.
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

/// Reads a demo's logs as `explain` does.
struct Reader {
    recogniser: Recogniser,
    zone: jiff::tz::TimeZone,
    stop: Arc<AtomicBool>,
}

impl Reader {
    fn report(&self, world: &World) -> Report {
        explain::folder_with(&self.recogniser, world.logs(), &self.zone, 1, &self.stop)
    }
}

/// Runs the command.
pub fn run(options: &Demo) -> Result<ExitCode, Usage> {
    if options.list {
        return Ok(list());
    }
    let once = match &options.once {
        None => None,
        Some(name) => {
            let known = || FAULTS.map(|f| f.name).join(", ");
            Some(Fault::named(name).ok_or_else(|| Usage(format!("--once {name}: there are {}", known())))?)
        }
    };
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    // A second Ctrl-C ends at once; the first takes the folder away.
    let _ = ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    });
    let reader =
        Reader { recogniser: Recogniser::new(&[]).map_err(Usage)?, zone: explain::zone(None)?, stop };
    let home = Home::new(options.dir.as_deref())?;
    let world = World::start(&home.path, options.port).map_err(Usage)?;
    match once {
        Some(fault) => once_through(options, fault, &world, &reader),
        None => live::run(options, &world, &reader).map_err(|e| Usage(e.to_string())),
    }
}

fn list() -> ExitCode {
    let mut out = io::stdout().lock();
    for (i, f) in FAULTS.iter().enumerate() {
        // Whoever closed the pipe has seen enough.
        let _ = writeln!(out, "{}  {:<16}  {}", i + 1, f.name, f.what);
    }
    ExitCode::SUCCESS
}

/// Healthy requests, a fault, further requests, the report.
fn once_through(options: &Demo, fault: &Fault, world: &World, reader: &Reader) -> Result<ExitCode, Usage> {
    let mut traffic = Traffic::to(&world.base());
    let stopped = || reader.stop.load(Ordering::Relaxed);
    let mut send = |n: usize, fault: Option<&Fault>| {
        let mut failed = 0;
        for _ in 0..n {
            if stopped() || failed == FAILED_ENOUGH {
                break;
            }
            failed += usize::from(traffic.next(fault) >= 500);
            std::thread::sleep(PAUSE);
        }
    };
    send(HEALTHY, None);
    fault.break_it(world).map_err(Usage)?;
    send(BROKEN, Some(fault));
    let report = reader.report(world);
    write(options, &report)?;
    if stopped() {
        return Ok(ExitCode::from(130));
    }
    let top = report.problems.first().map(|p| p.verdict.cause.to_string());
    if top.as_deref() == Some(fault.cause) {
        return Ok(ExitCode::SUCCESS);
    }
    let found = top.unwrap_or_else(|| "no failure".to_owned());
    eprintln!("why500: {} was broken, which is {}; the logs were read as {found}", fault.name, fault.cause);
    Ok(ExitCode::from(1))
}

fn write(options: &Demo, report: &Report) -> Result<(), Usage> {
    let format = if options.json { Format::Json } else { options.format };
    let mut look = explain::look(options.color, None, false);
    look.colour &= options.output.is_none();
    output::write(options.output.as_deref(), "the report", |out| report::write(out, report, format, &look))
}
