//! Log files and the journal, followed as they are written; what is durable is confirmed, so that a restart goes on there.

use super::batch::Batch;
use super::{App, now};
use follow::{Chunk, Follow, Mark, Options};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};
use wires::{Access, Line, Taken};

/// Files are looked at so often while nothing comes.
const POLL: Duration = Duration::from_millis(150);
/// How far everything was read is written down so often.
const SAVE: Duration = Duration::from_secs(2);

/// Begins to follow. `marks`: what the journal says of how far logs were read, once it is read.
///
/// # Errors
/// There is no project for what shows no key.
pub fn start(
    app: &Arc<App>,
    patterns: &[String],
    journald: bool,
    data: &Path,
    marks: Receiver<Vec<Mark>>,
    stopped: &Arc<AtomicBool>,
    runtime: tokio::runtime::Handle,
) -> Result<Option<std::thread::JoinHandle<()>>, String> {
    if patterns.is_empty() && !journald {
        return Ok(None);
    }
    let Some(project) = app.project_of(&Access::default()) else {
        return Err("files show no key: they are followed only where keys are not required".into());
    };
    let options = Options { journal: journald.then(|| PathBuf::from("journalctl")), ..Options::default() };
    let (patterns, state) = (patterns.to_vec(), data.join("followed.json"));
    let (app, stopped) = (Arc::clone(app), Arc::clone(stopped));
    let run = move || {
        let mut follow = Follow::after(patterns, state, options, &marks.recv().unwrap_or_default());
        let mut saved = Instant::now();
        while !stopped.load(Ordering::Relaxed) {
            let mut chunks = Vec::new();
            let status = follow.poll(now(), &mut |chunk| chunks.push(chunk));
            for note in &status.notes {
                eprintln!("why500: {}: {}", note.path, note.what);
            }
            for chunk in chunks {
                // What is not durable is not confirmed, and comes again.
                let mark = follow.mark(&chunk.place);
                match runtime.block_on(keep(&app, project, &chunk, mark, &stopped)) {
                    Ok(()) => follow.confirm(&chunk.place),
                    Err(why) => eprintln!("why500: {}: {why}", chunk.path),
                }
            }
            if saved.elapsed() >= SAVE {
                saved = Instant::now();
                if let Err(e) = follow.save() {
                    eprintln!("why500: how far files were read is not written down: {e}");
                }
            }
            if !status.more {
                std::thread::sleep(POLL);
            }
        }
        let _ = follow.save();
    };
    std::thread::Builder::new().name("follow".into()).spawn(run).map(Some).map_err(|e| e.to_string())
}

async fn keep(
    app: &App,
    project: i64,
    chunk: &Chunk,
    mark: Mark,
    stopped: &AtomicBool,
) -> Result<(), String> {
    let lines: Vec<Line> = String::from_utf8_lossy(&chunk.bytes)
        .lines()
        .map(|text| Line { text: text.to_owned(), ..Line::default() })
        .collect();
    let mut taken = Taken { lines, ..Taken::default() };
    while app.progress.backlog.room(project).is_err() {
        if stopped.load(Ordering::Relaxed) {
            return Err("the server is about to stop".into());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let batch = Batch::new(project, &chunk.path, now(), &mut taken, &app.stacks);
    app.keep_batch(Batch { mark: Some(mark), ..batch }).await
}
