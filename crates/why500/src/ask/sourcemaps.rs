//! `why500 sourcemaps upload`: hands a build's source maps to a running server.

use super::client::Client;
use crate::explain::Usage;
use crate::reach::At;
use crate::report::{counted, plain};
use clap::{Args, Subcommand};
use code::manifest::resolved;
use code::map::{MAP_BYTES_MAX, Map};
use serde_json::json;
use serde_json::value::RawValue;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Files looked through below what is named; a large app has some thousand scripts.
const FILES_MAX: usize = 100_000;
/// Folders within folders.
const DEPTH_MAX: usize = 64;
/// Bytes at the end of a script in which it names its map.
const TAIL_BYTES: usize = 4 << 10;

/// Source maps.
#[derive(Args, Debug)]
pub struct Sourcemaps {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Debug)]
enum What {
    /// Send the source maps of a build to a running server; what fails from then on is told by the files that people wrote
    Upload(Upload),
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  why500 sourcemaps upload --release shop@4.9.0 dist                       scripts at https://HOST/js/… of dist/js/…
  why500 sourcemaps upload --release shop@4.9.0 --url-prefix '~/static' dist
  why500 sourcemaps upload dist                                            where a bundler put debug ids into scripts and maps")]
struct Upload {
    /// Scripts, or folders with them; each map is looked for where its script says, or beside it
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// The release, as the app names it to Sentry or OpenTelemetry
    #[arg(long, value_name = "RELEASE")]
    release: Option<String>,
    /// The build of the release, where it has several
    #[arg(long, value_name = "DIST", requires = "release")]
    dist: Option<String>,
    /// What stands before a script's path below PATH where it runs; ~ is any host
    #[arg(long, value_name = "PREFIX", default_value = "~/")]
    url_prefix: String,
    /// Number of the project (default: the token's, or the first)
    #[arg(long, value_name = "N")]
    project: Option<i64>,
    #[command(flatten)]
    at: At,
}

/// Runs the command: 0 when all maps found are there, 1 when one was refused, 3 when there were none.
pub fn run(options: &Sourcemaps) -> Result<ExitCode, Usage> {
    let What::Upload(upload) = &options.what;
    let client = Client::new(&upload.at, upload.project)?;
    let mut scripts = Vec::new();
    for path in &upload.paths {
        find(path, path, 0, &mut scripts)?;
    }
    let (mut sent, mut bad) = (0u64, 0u64);
    for (script, below) in &scripts {
        let Some(path) = map_of(script) else { continue };
        match send(&client, upload, script, below, &path) {
            Ok(()) => sent += 1,
            Err(why) => {
                bad += 1;
                eprintln!("why500: {}: {}", plain(&path.display().to_string()), plain(&why));
            }
        }
    }
    println!("{} sent, of {}.", counted(sent, "source map"), counted(scripts.len() as u64, "script"));
    Ok(match (sent, bad) {
        (_, 1..) => ExitCode::FAILURE,
        (0, 0) => {
            eprintln!(
                "why500: no source map was found; let the bundler write them as files (esbuild --sourcemap, Vite build.sourcemap)"
            );
            ExitCode::from(3)
        }
        _ => ExitCode::SUCCESS,
    })
}

/// Scripts at or below a path, each with its path as seen from there.
fn find(path: &Path, top: &Path, depth: usize, out: &mut Vec<(PathBuf, String)>) -> Result<(), Usage> {
    let wrong = |e: std::io::Error| Usage(format!("{}: {e}", path.display()));
    // Links are not followed: a folder may link to one above it.
    let kind = std::fs::symlink_metadata(path).map_err(wrong)?;
    if kind.is_dir() && depth < DEPTH_MAX && !path.ends_with("node_modules") {
        let mut entries: Vec<PathBuf> =
            std::fs::read_dir(path).map_err(wrong)?.flatten().map(|e| e.path()).collect();
        entries.sort();
        return entries.iter().try_for_each(|e| find(e, top, depth + 1, out));
    }
    let script = path.extension().is_some_and(|e| ["js", "mjs", "cjs"].iter().any(|s| e == *s));
    if kind.is_file() && script && out.len() < FILES_MAX {
        let below = path.strip_prefix(top).ok().filter(|p| !p.as_os_str().is_empty());
        let below = below.unwrap_or_else(|| path.file_name().map_or(path, Path::new));
        out.push((path.to_owned(), below.to_string_lossy().replace('\\', "/")));
    }
    Ok(())
}

/// The end of a script, where it names its map and its debug id.
fn tail(script: &Path) -> Option<String> {
    use std::io::{Seek, SeekFrom};
    let mut file = std::fs::File::open(script).ok()?;
    let len = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(len.saturating_sub(TAIL_BYTES as u64))).ok()?;
    let mut bytes = Vec::new();
    file.take(TAIL_BYTES as u64).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// What a comment at a script's end says: `//# debugId=…`.
fn comment(tail: &str, name: &str) -> Option<String> {
    let found =
        tail.lines().rev().find_map(|l| l.trim().strip_prefix("//# ")?.strip_prefix(name)?.strip_prefix('='));
    found.map(|v| v.trim().to_owned())
}

/// The file of a script's map.
fn map_of(script: &Path) -> Option<PathBuf> {
    let told = tail(script).and_then(|t| comment(&t, "sourceMappingURL")).filter(|t| !t.contains(':'));
    let told = told.map(|t| script.with_file_name("").join(t)).filter(|p| p.is_file());
    let mut beside = script.as_os_str().to_owned();
    beside.push(".map");
    told.or_else(|| Some(PathBuf::from(beside)).filter(|p| p.is_file()))
}

fn send(client: &Client, upload: &Upload, script: &Path, below: &str, map: &Path) -> Result<(), String> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(map).map_err(|e| e.to_string())?;
    file.take(MAP_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(|e| e.to_string())?;
    let debug_id = tail(script).and_then(|t| comment(&t, "debugId"));
    let own = Map::read(&bytes)?.debug_id;
    if upload.release.is_none() && debug_id.is_none() && own.is_none() {
        return Err("it has no debug id: give --release, or put debug ids into the build (sentry-cli sourcemaps inject)".to_owned());
    }
    let prefix = upload.url_prefix.trim_end_matches('/');
    let url = resolved(&format!("{prefix}/"), below);
    let map = std::str::from_utf8(&bytes).map_err(|e| e.to_string())?;
    let map: &RawValue = serde_json::from_str(map).map_err(|e| e.to_string())?;
    let body = json!({ "url": url, "release": upload.release, "dist": upload.dist, "debug_id": debug_id });
    // What is not there is left out; the map goes as it is.
    let mut body: serde_json::Map<String, serde_json::Value> = body.as_object().cloned().unwrap_or_default();
    body.retain(|_, v| !v.is_null());
    let head = serde_json::Value::from(body).to_string();
    let whole = format!("{},\"map\":{}}}", head.trim_end_matches('}'), map.get());
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    let packed =
        packed.write_all(whole.as_bytes()).and_then(|()| packed.finish()).map_err(|e| e.to_string())?;
    client.post("/api/v1/sourcemaps", &packed).map_err(|e| e.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_at_the_end_of_a_script() {
        let text = "x()\n//# debugId=395835f4-03e0\n//# sourceMappingURL=app.js.map \n";
        assert_eq!(comment(text, "debugId").as_deref(), Some("395835f4-03e0"));
        assert_eq!(comment(text, "sourceMappingURL").as_deref(), Some("app.js.map"));
        assert_eq!(comment("no", "debugId"), None);
    }
}
