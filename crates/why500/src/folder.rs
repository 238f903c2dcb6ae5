//! `why500 token`, `backup` and `check`: what is done to the folder of `why500 serve`, beside the server.

use crate::explain::Usage;
use crate::serve::{TOKEN_MARK, now, secret};
use clap::{Args, ValueEnum};
use record::SECOND;
use std::path::PathBuf;
use std::process::ExitCode;
use store::{Reader, Store};

/// Options of `token`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  why500 token --name grafana                              reads all projects
  why500 token --name ci --scopes deploy --project 2       tells of deploys of project 2")]
pub struct Token {
    /// The server's folder; the server may be running
    #[arg(long, default_value = "why500-data", value_name = "FOLDER")]
    data: PathBuf,
    /// What it is for; it stands with what is done by the token
    #[arg(long)]
    name: String,
    /// What it may do
    #[arg(long, value_enum, value_delimiter = ',', default_value = "read", value_name = "SCOPES")]
    scopes: Vec<Scope>,
    /// The only project it may touch
    #[arg(long, value_name = "N")]
    project: Option<i64>,
    /// Valid for so many days (default: until it is removed)
    #[arg(long, value_name = "N")]
    days: Option<u32>,
}

/// What a token may do.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Scope {
    /// Read problems and all around them
    Read,
    /// Resolve, mute, assign, note
    Write,
    /// Tell of deploys
    Deploy,
    /// Make projects and keys
    Admin,
}

impl Scope {
    fn name(self) -> &'static str {
        match self {
            Scope::Read => "read",
            Scope::Write => "write",
            Scope::Deploy => "deploy",
            Scope::Admin => "admin",
        }
    }
}

/// Options of `backup`.
#[derive(Args, Debug)]
pub struct Backup {
    /// The server's folder; the server may be running
    #[arg(long, default_value = "why500-data", value_name = "FOLDER")]
    data: PathBuf,
    /// The file to write, which must not exist yet; restored, it is why500.db in an empty folder
    file: PathBuf,
}

/// Options of `check`.
#[derive(Args, Debug)]
pub struct Check {
    /// The server's folder; the server must not be running
    #[arg(long, default_value = "why500-data", value_name = "FOLDER")]
    data: PathBuf,
}

fn said(e: impl std::fmt::Display) -> Usage {
    Usage(e.to_string())
}

/// Makes a token. It is printed alone on standard output, this once.
pub fn token(options: &Token) -> Result<ExitCode, Usage> {
    if let Some(id) = options.project {
        let reader = Reader::open(&options.data).map_err(said)?;
        if reader.project(id).map_err(said)?.is_none() {
            return Err(Usage(format!("there is no project {id}")));
        }
    }
    let secret = format!("{TOKEN_MARK}{}", secret().map_err(Usage)?);
    let scopes: Vec<&str> = options.scopes.iter().map(|s| s.name()).collect();
    let expires = options.days.map(|d| now().plus(i64::from(d) * 86_400 * SECOND));
    let made = Store::add_token_beside(
        &options.data,
        now(),
        &secret,
        &options.name,
        &scopes,
        options.project,
        expires,
    );
    let made = made.map_err(said)?;
    println!("{secret}");
    eprintln!("token {} may {}; it is not shown again", made.name, made.scopes.join(", "));
    Ok(ExitCode::SUCCESS)
}

/// Copies the database while it is in use.
pub fn backup(options: &Backup) -> Result<ExitCode, Usage> {
    Reader::open(&options.data).and_then(|r| r.backup(&options.file)).map_err(said)?;
    println!("{} holds all that was explained until now", options.file.display());
    Ok(ExitCode::SUCCESS)
}

/// Checks the folder: 0 when all is well, 1 when not.
pub fn check(options: &Check) -> Result<ExitCode, Usage> {
    // A folder that is none must not be made by looking at it.
    drop(Reader::open(&options.data).map_err(said)?);
    let findings = Store::check_folder(&options.data).map_err(said)?;
    for line in &findings.seen {
        println!("looked at: {line}");
    }
    for line in &findings.wrong {
        println!("WRONG: {line}");
    }
    println!("{}", if findings.wrong.is_empty() { "all is well" } else { "not all is well" });
    Ok(if findings.wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
