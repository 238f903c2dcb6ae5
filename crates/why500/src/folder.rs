//! `why500 token`, `webhook`, `backup` and `check`: what is done to the folder of `why500 serve`, beside the server.

use crate::explain::Usage;
use crate::serve::{TOKEN_MARK, now, secret, webhook_path, webhook_secret};
use clap::{Args, ValueEnum};
use record::SECOND;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use store::{Reader, Store};
use wires::webhooks::Forge;

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

/// Options of `webhook`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  why500 webhook                             a secret for GitHub's or GitLab's webhook, and where that is sent to
  why500 webhook --project 2 --secret-stdin < secret      the one that GitLab made")]
pub struct Webhook {
    /// The server's folder; the server may be running
    #[arg(long, default_value = "why500-data", value_name = "FOLDER")]
    data: PathBuf,
    /// The project that deployments are told to
    #[arg(long, default_value_t = 1, value_name = "N")]
    project: i64,
    /// Take the secret from standard input instead of making one
    #[arg(long)]
    secret_stdin: bool,
}

/// Options of `backup`.
#[derive(Args, Debug)]
pub struct Backup {
    /// The server's folder; the server may be running
    #[arg(long, default_value = "why500-data", value_name = "FOLDER")]
    data: PathBuf,
    /// The file to write, which must not exist yet; restored, it is why500.db in an empty folder. Source maps go to FILE.maps beside it
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

/// Bytes of a secret that is read; what is longer the store refuses.
const SECRET_BYTES_MAX: u64 = 64 << 10;

/// Sets the secret of a project's webhooks; the one of before holds no longer. It is printed alone on standard output, this once.
pub fn webhook(options: &Webhook) -> Result<ExitCode, Usage> {
    let secret = if options.secret_stdin {
        let mut given = String::new();
        std::io::stdin().take(SECRET_BYTES_MAX).read_to_string(&mut given).map_err(said)?;
        given.trim().to_owned()
    } else {
        webhook_secret().map_err(Usage)?
    };
    let project = options.project;
    Store::set_webhook_secret_beside(&options.data, now(), project, &secret).map_err(said)?;
    println!("{secret}");
    eprintln!(
        "the secret of project {project}'s webhooks, not shown again; they are sent to the server's address with\n  GitHub: {}\n  \
         GitLab: {}",
        webhook_path(project, Forge::GitHub),
        webhook_path(project, Forge::GitLab)
    );
    Ok(ExitCode::SUCCESS)
}

/// Copies the database while it is in use, and the source maps.
pub fn backup(options: &Backup) -> Result<ExitCode, Usage> {
    let file = &options.file;
    Reader::open(&options.data).and_then(|r| r.backup(file)).map_err(said)?;
    // The database first: one that comes meanwhile is copied and not named, rather than named and not there.
    let mut maps = file.clone().into_os_string();
    maps.push(".maps");
    let copied = copy_maps(&options.data.join("maps"), Path::new(&maps));
    let copied = copied.map_err(|e| Usage(format!("{}: {e}", Path::new(&maps).display())))?;
    println!("{} holds all that was explained until now", file.display());
    if copied > 0 {
        println!(
            "{} holds the source maps ({copied}); restored, it is the folder maps",
            Path::new(&maps).display()
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// Copies the source maps, which are named by their content: what is there already is left as it is. Gives how many there are.
fn copy_maps(from: &Path, to: &Path) -> std::io::Result<u64> {
    let mut count = 0;
    let folders = match std::fs::read_dir(from) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(0),
        folders => folders?,
    };
    for folder in folders {
        let folder = folder?;
        // Pieces of files that are being sent are none yet.
        if folder.file_name() == "chunks" || !folder.file_type()?.is_dir() {
            continue;
        }
        let beside = to.join(folder.file_name());
        for map in std::fs::read_dir(folder.path())? {
            let map = map?;
            let copy = beside.join(map.file_name());
            if !copy.exists() {
                std::fs::create_dir_all(&beside)?;
                let part = copy.with_extension("part");
                std::fs::copy(map.path(), &part)?;
                std::fs::rename(&part, &copy)?;
            }
            count += 1;
        }
    }
    Ok(count)
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
