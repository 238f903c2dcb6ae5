//! Logs that were dropped on a page and are to be kept: their lines go the way of a followed file's, into the project's intake.

use crate::input::{self, Consumer};
use crate::serve::api::Failed;
use crate::serve::{App, now};
use axum::http::StatusCode;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::mpsc;
use wires::{Line, Taken};

/// Bytes of lines that are handed in at once, as a followed file's are.
const BATCH_BYTES: usize = 256 << 10;
/// Batches that are read ahead.
const AHEAD: usize = 2;
/// Longest part of a line that is kept, as of files that are explained.
const LINE_BYTES_MAX: usize = 256 << 10;
/// Handing in ends after this, with what is taken by then.
const KEEP_TIME: Duration = Duration::from_secs(40);

/// What was handed in.
#[derive(Debug, Default)]
pub struct Kept {
    /// Lines.
    pub lines: u64,
    /// All of them.
    pub whole: bool,
}

/// Reads a file's lines and hands them on.
struct Lines<'a> {
    /// Where the files lie, which is nobody's matter.
    base: &'a str,
    name: String,
    rest: Vec<u8>,
    batch: Vec<Line>,
    bytes: usize,
    to: &'a mpsc::Sender<(String, Vec<Line>)>,
}

impl Lines<'_> {
    fn line(&mut self, bytes: &[u8]) -> bool {
        let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
        let bytes = bytes.get(..LINE_BYTES_MAX).unwrap_or(bytes);
        self.bytes += bytes.len();
        let text = String::from_utf8_lossy(bytes).into_owned();
        self.batch.push(Line { text, ..Line::default() });
        self.bytes < BATCH_BYTES || self.hand_on()
    }

    /// False: nobody takes more.
    fn hand_on(&mut self) -> bool {
        self.bytes = 0;
        let batch = std::mem::take(&mut self.batch);
        batch.is_empty() || self.to.blocking_send((self.name.clone(), batch)).is_ok()
    }
}

impl Consumer for Lines<'_> {
    fn begin(&mut self, shown: &str, _: Option<SystemTime>) -> bool {
        shown.strip_prefix(self.base).unwrap_or(shown).clone_into(&mut self.name);
        !input::is_config(Path::new(shown))
    }

    fn chunk(&mut self, bytes: &[u8]) -> bool {
        let mut pieces = bytes.split(|b| *b == b'\n');
        // What stands behind the last line end goes on in the next bytes.
        let last = pieces.next_back().unwrap_or_default();
        for piece in pieces {
            let more = if self.rest.is_empty() {
                self.line(piece)
            } else {
                let mut whole = std::mem::take(&mut self.rest);
                whole.extend_from_slice(piece);
                self.line(&whole)
            };
            if !more {
                return false;
            }
        }
        let room = LINE_BYTES_MAX.saturating_sub(self.rest.len());
        self.rest.extend_from_slice(last.get(..room).unwrap_or(last));
        true
    }

    fn end(&mut self, _: Option<String>) {
        let rest = std::mem::take(&mut self.rest);
        if !rest.is_empty() {
            self.line(&rest);
        }
        self.hand_on();
    }
}

/// Hands the lines of a folder's files to a project's intake, as the lines of followed files are.
///
/// # Errors
/// They cannot be kept, and why; what was taken before is.
pub async fn keep(app: &Arc<App>, project: i64, folder: &Path) -> Result<Kept, Failed> {
    let (to, mut batches) = mpsc::channel(AHEAD);
    let folder = folder.to_owned();
    tokio::task::spawn_blocking(move || {
        let base = format!("{}/", folder.display());
        let inputs = input::find(&[folder], &mut Vec::new());
        let (name, rest, batch) = (String::new(), Vec::new(), Vec::new());
        let mut lines = Lines { base: &base, name, rest, batch, bytes: 0, to: &to };
        inputs.iter().for_each(|i| input::read(i, &mut lines));
    });
    let until = Instant::now() + KEEP_TIME;
    let mut kept = Kept { lines: 0, whole: true };
    while let Some((name, lines)) = batches.recv().await {
        while app.progress.backlog.room(project).is_err() && Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        if Instant::now() >= until {
            kept.whole = false;
            break;
        }
        let n = lines.len() as u64;
        let mut taken = Taken { lines, ..Taken::default() };
        let refused = |why| Failed(StatusCode::SERVICE_UNAVAILABLE, why);
        app.keep(project, &format!("dropped {name}"), now(), &mut taken).await.map_err(refused)?;
        kept.lines += n;
    }
    Ok(kept)
}
