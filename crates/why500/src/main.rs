//! why500 tells people why their server answered 500.

mod alert;
mod ask;
mod catalogue;
mod demo;
mod deploy;
mod explain;
mod folder;
mod gather;
mod input;
mod output;
mod probe;
mod reach;
mod replay;
mod report;
mod repos;
mod scratch;
mod serve;
mod since;

use clap::{CommandFactory, Parser, Subcommand};
use std::io::{self, Write};
use std::process::ExitCode;

/// Tells why a server answered 5xx: from its logs, with the evidence.
#[derive(Parser, Debug)]
#[command(
    name = "why500",
    version,
    max_term_width = 100,
    after_help = "Examples:
  why500 explain /var/log/nginx /srv/app/logs      which problems, what caused each, what to do next
  why500 explain --format html -o report.html logs.tar.gz
  kubectl logs deploy/shop | why500 explain -
  why500 causes database/deadlock                  what a cause means and how to fix it
  why500 status 504                                what a status means and where to look
  why500 demo                                      a service to break, and to see explained"
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Explain the failures in logs: distinct problems, their causes, the evidence, the next steps
    #[command(visible_alias = "x")]
    Explain(Box<explain::Explain>),
    /// Find requests that a server answers with 5xx, shrink them, and say why
    Probe(Box<probe::Probe>),
    /// Send failing requests again: fixed, as before, or otherwise; what of them matters; two servers compared
    Replay(Box<replay::Replay>),
    /// A small service that fails in ways you choose, and beside it what its logs say of that
    Demo(Box<demo::Demo>),
    /// Take in what services emit, and explain failures as they happen
    Serve(Box<serve::Serve>),
    /// Ask a running server: its problems
    Problems(Box<ask::Problems>),
    /// Ask a running server: one problem, with cause, evidence, next steps and what was thought of it before
    Show(Box<ask::Show>),
    /// Ask a running server: a line for each problem that fails, as it happens
    Tail(Box<ask::Tail>),
    /// Hand a build's source maps to a running server
    Sourcemaps(Box<ask::sourcemaps::Sourcemaps>),
    /// Make an API token for a server
    Token(Box<folder::Token>),
    /// Make the secret by which GitHub's and GitLab's webhooks tell a server of deployments
    Webhook(folder::Webhook),
    /// Who is told when failures become a problem: the channels, and a trial of one
    Alerts(alert::Alerts),
    /// Copy what a server knows to a file, while it runs
    Backup(Box<folder::Backup>),
    /// Check a server's folder
    Check(Box<folder::Check>),
    /// What causes there are, or what one means: how it looks, how to check, how to fix
    Causes {
        /// A cause (deadlock, database/deadlock) or a class
        name: Option<String>,
    },
    /// What an HTTP status means, who answers it and what usually causes it
    Status {
        /// The status, e.g. 502
        code: u16,
    },
    /// Tell a running `why500 serve` that a release went out
    Deploy(deploy::Deploy),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match &cli.command {
        Some(Command::Explain(options)) => explain::run(options),
        Some(Command::Probe(options)) => probe::run(options),
        Some(Command::Replay(options)) => replay::run(options),
        Some(Command::Demo(options)) => demo::run(options),
        Some(Command::Serve(options)) => serve::run(options),
        Some(Command::Problems(options)) => ask::problems(options),
        Some(Command::Show(options)) => ask::show(options),
        Some(Command::Tail(options)) => ask::tail(options),
        Some(Command::Sourcemaps(options)) => ask::sourcemaps::run(options),
        Some(Command::Token(options)) => folder::token(options),
        Some(Command::Webhook(options)) => folder::webhook(options),
        Some(Command::Alerts(options)) => alert::run(options),
        Some(Command::Backup(options)) => folder::backup(options),
        Some(Command::Check(options)) => folder::check(options),
        Some(Command::Causes { name }) => teach(|out| catalogue::causes(out, name.as_deref(), &plain_look())),
        Some(Command::Status { code }) => teach(|out| catalogue::status(out, *code, &plain_look())),
        Some(Command::Deploy(options)) => deploy::run(options),
        None => {
            let _ = Cli::command().print_help();
            return ExitCode::from(2);
        }
    };
    outcome.unwrap_or_else(|usage| {
        eprintln!("why500: {}", usage.0);
        ExitCode::from(2)
    })
}

fn plain_look() -> report::Look {
    explain::look(explain::Colour::Auto, None, false)
}

/// Runs a teaching command: 0 when it knew the word, 2 when not.
fn teach(write: impl FnOnce(&mut dyn Write) -> io::Result<bool>) -> Result<ExitCode, explain::Usage> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let found = match write(&mut out).and_then(|found| out.flush().map(|()| found)) {
        Ok(found) => found,
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => true,
        Err(e) => return Err(explain::Usage(e.to_string())),
    };
    Ok(if found { ExitCode::SUCCESS } else { ExitCode::from(2) })
}
