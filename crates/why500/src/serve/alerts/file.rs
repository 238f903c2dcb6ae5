//! The file of configuration, and where secrets are.

use alerts::config::CONFIG_BYTES_MAX;
use alerts::{Config, Secret};
use std::io::{ErrorKind, Read};
use std::path::Path;
use std::time::SystemTime;

/// Bytes of a file with a secret: keys in PEM are the longest.
const SECRET_BYTES_MAX: u64 = 64 << 10;

/// Reads the configuration; where there is no such file, nothing is configured.
///
/// # Errors
/// The file cannot be read, or something in it is wrong: with its name, the line and the key.
pub fn read(path: &Path) -> Result<Config, String> {
    let text = match text(path, CONFIG_BYTES_MAX) {
        Ok(text) => text,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Config::default()),
        Err(e) => return Err(format!("{}: {e}", path.display())),
    };
    let config = Config::parse(&text, &|secret| find(secret, path))
        .map_err(|why| format!("{}: {why}", path.display()))?;
    if let Some(zone) = config.quiet.as_ref().and_then(|q| q.zone.as_deref()) {
        crate::explain::zone(Some(zone)).map_err(|_| {
            format!(
                "{}: quiet.zone: neither a zone name (Europe/Amsterdam) nor an offset (+02:00)",
                path.display()
            )
        })?;
    }
    Ok(config)
}

/// When it was written last; `None` while there is none.
pub fn written(path: &Path) -> Option<(SystemTime, u64)> {
    let meta = std::fs::metadata(path).ok()?;
    Some((meta.modified().ok()?, meta.len()))
}

/// A secret's text. A file's name is as seen from the folder that the configuration lies in.
fn find(secret: &Secret, config: &Path) -> Result<String, String> {
    match secret {
        Secret::Env(name) => std::env::var(name)
            .ok()
            .filter(|v| !v.trim().is_empty())
            .ok_or_else(|| format!("the variable {name} is not set in the environment")),
        Secret::File(file) => {
            let file = config.parent().map_or_else(|| file.clone(), |folder| folder.join(file));
            let found =
                text(&file, SECRET_BYTES_MAX).map_err(|e| format!("the file {}: {e}", file.display()))?;
            if found.trim().is_empty() {
                return Err(format!("the file {} is empty", file.display()));
            }
            Ok(found)
        }
    }
}

fn text(path: &Path, bytes_max: u64) -> std::io::Result<String> {
    let mut text = String::new();
    std::fs::File::open(path)?.take(bytes_max + 1).read_to_string(&mut text)?;
    if text.len() as u64 > bytes_max {
        return Err(std::io::Error::new(
            ErrorKind::FileTooLarge,
            format!("it is longer than {bytes_max} bytes"),
        ));
    }
    Ok(text)
}
