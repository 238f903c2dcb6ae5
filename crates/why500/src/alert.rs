//! `why500 alerts`: what is configured, and a trial of a channel.

use crate::explain::Usage;
use crate::report::plain;
use crate::serve::alerts::{file, place_of, send};
use crate::serve::now;
use ::alerts::{Config, Event, sample};
use clap::{Args, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// Options of `alerts`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  why500 alerts list                   which channels there are, and what each is told
  why500 alerts test ops               send a sample to the channel ops now, and say what came of it")]
pub struct Alerts {
    #[command(subcommand)]
    act: Act,
    /// The server's folder
    #[arg(long, default_value = "why500-data", value_name = "FOLDER", global = true)]
    data: PathBuf,
    /// The configuration (default: alerts.toml in the server's folder)
    #[arg(long, value_name = "FILE", global = true)]
    alerts: Option<PathBuf>,
}

#[derive(Subcommand, Debug)]
enum Act {
    /// Which channels there are, and what each is told; also checks the file
    List,
    /// Send a sample to a channel now, and say what the other side answered
    Test {
        /// The channel's name
        channel: String,
    },
}

/// Runs `alerts`: 0 all is well, 1 the sample was refused.
pub fn run(options: &Alerts) -> Result<ExitCode, Usage> {
    let path = place_of(options.alerts.as_deref(), &options.data);
    if !path.exists() {
        return Err(Usage(format!(
            "{}: there is no such file; docs/alerts.md says what stands in it",
            path.display()
        )));
    }
    let config = file::read(&path).map_err(Usage)?;
    match &options.act {
        Act::List => list(&config),
        Act::Test { channel } => test(&config, channel),
    }
}

fn list(config: &Config) -> Result<ExitCode, Usage> {
    for c in &config.channels {
        let rules = if c.rules.is_empty() { "all rules".to_owned() } else { c.rules.join(", ") };
        let projects = if c.projects.is_empty() {
            "all projects".to_owned()
        } else {
            plain(&c.projects.join(", ")).to_string()
        };
        let private = if c.allow_private { ", may lie on a private network" } else { "" };
        println!("{}: {}, {rules}, from {} on, {projects}{private}", c.name, c.kind, c.least.name());
    }
    if config.channels.is_empty() {
        println!("no channels: rules are asked all the same, and nobody is told");
    }
    Ok(ExitCode::SUCCESS)
}

fn test(config: &Config, name: &str) -> Result<ExitCode, Usage> {
    let place = config.channel(name).ok_or_else(|| {
        let all: Vec<&str> = config.channels.iter().map(|c| c.name.as_str()).collect();
        Usage(format!("there is no channel {}; there are: {}", plain(name), all.join(", ")))
    })?;
    let at = now();
    let mut notice = sample::notice(at, None);
    let first = send::deliver(place, &notice, &send::trial(at));
    let done = match first {
        Ok(done) => done,
        Err(trouble) => {
            eprintln!("why500: {name} ({}): not sent: {}", place.kind, plain(&trouble.why));
            return Ok(ExitCode::FAILURE);
        }
    };
    println!(
        "{name} ({}): sent; it answered: {}",
        place.kind,
        if done.said.is_empty() { "nothing" } else { &done.said }
    );
    if place.channel.holds_open() {
        // An incident, an issue: it is not left open.
        (notice.event, notice.heading) = (Event::Closed, "Recovered".to_owned());
        let mut again = send::trial(now());
        again.before = done.reference;
        match send::deliver(place, &notice, &again) {
            Ok(_) => println!("{name}: and closed again"),
            Err(trouble) => {
                eprintln!("why500: {name}: not closed again: {}", plain(&trouble.why));
                return Ok(ExitCode::FAILURE);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
