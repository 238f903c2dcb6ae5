//! Logs dropped on a page, or pasted, explained at once. They lie in a folder of their own while they are read, and are kept nowhere,
//! unless that is asked for.

use super::answer::{facts, next, proof, stack, the_way};
use super::plot::{BARS, Drawn, over_time, spark};
use super::shell::{badge, whole, with_project};
use super::{Acts, Seen, Visit, dropped, page, percent, text};
use crate::explain::folder;
use crate::report::phrase::{Clock, counted, instants, number, range, size};
use crate::report::{needed, shown, statuses};
use crate::serve::App;
use crate::serve::api::{Failed, bad};
use axum::body::Body;
use axum::extract::multipart::{Field, Multipart};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{Response, StatusCode};
use axum::routing::{MethodRouter, get};
use diagnosis::{Problem, Report};
use maud::{Markup, html};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use store::Step;

/// Bytes of all files that are dropped at once; larger ones are for `why500 explain`.
const DROPPED_BYTES_MAX: usize = 200 << 20;
/// Files that are dropped at once.
const FILES_MAX: usize = 200;
/// Letters of a file's name.
const NAME_MAX: usize = 120;
/// Reading and explaining ends after this, with what is known so far: 200 MB take about a second, what unpacks to much more does not.
const EXPLAIN_TIME: Duration = Duration::from_secs(40);
/// Problems shown; the command shows all.
const PROBLEMS_MAX: usize = 30;

/// `GET` asks for logs, `POST` explains them.
pub fn route() -> MethodRouter<Arc<App>> {
    get(ask).post(explain).layer(DefaultBodyLimit::max(DROPPED_BYTES_MAX))
}

async fn ask(visit: Visit) -> Seen {
    Ok(page(StatusCode::OK, whole(&visit, "/explain", "Explain logs", &asking(&visit, &html! {}))))
}

fn asking(visit: &Visit, report: &Markup) -> Markup {
    let project = visit.projects.iter().find(|p| p.id == visit.project).map_or("", |p| &p.name);
    html! {
        h1 { "Explain logs" }
        p.lead { "Drop log files here, or paste lines: web server, application, database, container, packed or not. They are explained here and now, and nothing of them is kept unless you say so." }
        form #explain.card method="post" action=(with_project("/explain", visit)) enctype="multipart/form-data" {
            label.drop { span { "Log files" } input type="file" name="file" multiple; }
            label { span { "or paste lines" }
                textarea name="text" rows="6" spellcheck="false" placeholder={ "203.0.113.7 - - [24/Nov/2026:07:12:04 +0000] \"GET /cart HTTP/1.1\" 500 …" } {}
            }
            label.keep { input type="checkbox" name="keep" value="yes"; " Keep the lines in the project " strong { (text(project)) }
                " as well, as if it had followed the files: what fails in them is listed and counted (again, if they were kept before). What is older than 30 days is dated today." }
            button { "Explain" }
            span.busy role="status" hidden { "Reading… " progress {} }
        }
        div #report { (report) }
    }
}

/// A folder that goes when this does.
struct Scratch(PathBuf);

impl Scratch {
    fn new(app: &App) -> std::io::Result<Scratch> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let path = app.scratch.join(NEXT.fetch_add(1, Ordering::Relaxed).to_string());
        let mut builder = std::fs::DirBuilder::new();
        // What lies there may be anybody's log.
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.recursive(true).create(&path)?;
        Ok(Scratch(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left after a crash goes at the next start.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn explain(
    visit: Visit,
    acts: Result<Acts, Response<Body>>,
    State(app): State<Arc<App>>,
    mut parts: Multipart,
) -> Seen {
    let scratch = Scratch::new(&app).map_err(|e| no_room(&e))?;
    let mut names: Vec<String> = Vec::new();
    let mut keep = false;
    while let Some(field) = parts.next_field().await.map_err(|e| Failed(e.status(), e.body_text()))? {
        let name = match field.name() {
            Some("file") => field.file_name().filter(|n| !n.is_empty()).map(safe),
            Some("text") => Some("pasted.log".to_owned()),
            Some("keep") => {
                keep = true;
                None
            }
            _ => None,
        };
        let Some(name) = name else { continue };
        if names.len() >= FILES_MAX {
            return Err(bad(format!(
                "{FILES_MAX} files at most are explained at once; drop an archive of them"
            ))
            .into());
        }
        let name = unlike(&names, name);
        if received(field, &scratch.0.join(&name)).await? > 0 {
            names.push(name);
        } else {
            let _ = std::fs::remove_file(scratch.0.join(&name));
        }
    }
    if keep && let Err(refusal) = acts {
        return Ok(refusal);
    }
    let main = if names.is_empty() {
        asking(
            &visit,
            &html! { section.card role="alert" { p { "No file was dropped and no line was pasted." } } },
        )
    } else {
        let report = explained(&app, &scratch.0).await?;
        let kept = if keep { Some(dropped::keep(&app, visit.project, &scratch.0).await?) } else { None };
        let list = with_project("/problems", &visit);
        asking(
            &visit,
            &html! {
                @if let Some(k) = kept {
                    section.card role="status" { p {
                        (counted(k.lines, "line")) @if !k.whole { ", the first of them," } " went into the project; what fails in them is in "
                        a href=(list) { "the list of problems" } " within seconds."
                    } }
                }
                (told(&shown(&report, Some(PROBLEMS_MAX))))
            },
        )
    };
    Ok(page(StatusCode::OK, whole(&visit, "/explain", "Explain logs", &main)))
}

fn no_room(e: &std::io::Error) -> Failed {
    Failed(StatusCode::SERVICE_UNAVAILABLE, format!("there is no room to read them: {e}"))
}

/// Writes a part to a file; gives its bytes.
async fn received(mut field: Field<'_>, path: &Path) -> Result<u64, Failed> {
    let mut file = std::fs::File::create(path).map_err(|e| no_room(&e))?;
    let mut bytes = 0;
    while let Some(piece) = field.chunk().await.map_err(|e| Failed(e.status(), e.body_text()))? {
        tokio::task::block_in_place(|| file.write_all(&piece)).map_err(|e| no_room(&e))?;
        bytes += piece.len() as u64;
    }
    Ok(bytes)
}

async fn explained(app: &Arc<App>, folder_of: &Path) -> Result<Report, Failed> {
    let busy = |why: &str| Failed(StatusCode::SERVICE_UNAVAILABLE, why.to_owned());
    let _turn = app.explaining.acquire().await.map_err(|_| busy("the server is about to stop"))?;
    let stop = Arc::new(AtomicBool::new(false));
    let (path, zone, flag) = (folder_of.to_owned(), app.zone.clone(), Arc::clone(&stop));
    // One thread, so that taking in goes on beside it.
    let mut work = tokio::task::spawn_blocking(move || folder(&path, &zone, 1, &flag));
    let outcome = match tokio::time::timeout(EXPLAIN_TIME, &mut work).await {
        Ok(outcome) => outcome,
        Err(_) => {
            stop.store(true, Ordering::Relaxed);
            work.await
        }
    };
    match outcome {
        Ok(report) => report.map_err(|e| busy(&e.0)),
        Err(_) => {
            Err(busy("these logs could not be explained; please send what they are like to the authors"))
        }
    }
}

/// A name for a file, of letters that no file system and no shell minds.
fn safe(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or("");
    let kept: String = last
        .chars()
        .take(NAME_MAX)
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '_' })
        .collect();
    let kept = kept.trim_start_matches('.');
    if kept.is_empty() { "log".to_owned() } else { kept.to_owned() }
}

/// The name, numbered where there is one like it.
fn unlike(names: &[String], name: String) -> String {
    if !names.contains(&name) {
        return name;
    }
    (2..).map(|n| format!("{n}-{name}")).find(|n| !names.contains(n)).unwrap_or(name)
}

/// The report as a part of a page.
fn told(r: &Report) -> Markup {
    let t = &r.totals;
    html! {
        section.card {
            h2.h1 {
                @match t.requests {
                    _ if t.failures == 0 => { "No failure found" }
                    Some(n) if n >= t.failures => { em { (number(t.failures)) } " of " (counted(n, "request")) " failed" }
                    _ => { em { (number(t.failures)) } @if t.failures == 1 { " failure" } @else { " failures" } }
                }
            }
            p.soft {
                (counted(r.problems.len() as u64, "problem"))
                @if let Some((from, to)) = r.range { " · " (range(from, to, "–")) }
                " · " (counted(t.lines, "line")) ", " (size(t.bytes))
            }
            @if r.problems.len() > 1 {
                table.problems.of-report-list {
                    thead { tr { th scope="col" { "Problem" } th scope="col" { "Over time" } th.right scope="col" { "Failures" } } }
                    tbody { @for p in &r.problems {
                        tr {
                            td.what { (badge(p.verdict.cause.class.name())) " " a.title href={ "#p-" (p.id) } { (text(&p.title)) } }
                            td.trend { (spark_of(p)) }
                            td.right { (number(p.count)) }
                        }
                    } }
                }
            }
            @if r.problems.is_empty() { ul { @for n in needed(r) { li { (n) } } } }
            @if !r.notes.is_empty() { h3 { "Notes" } ul { @for n in &r.notes { li { (text(n)) } } } }
            details {
                summary { "What was read: " (counted(r.sources.len() as u64, "file")) }
                ul { @for s in &r.sources {
                    li { code { (text(&s.path)) } " " span.soft { (text(if s.format.is_empty() { "no format known" } else { &s.format })) ", " (counted(s.lines, "line")) }
                        @if let Some(w) = &s.trouble { " " span.role.symptom { (text(w)) } } }
                } }
            }
        }
        @for p in &r.problems { (of_report(p)) }
    }
}

/// A problem of a report that is kept nowhere.
fn of_report(p: &Problem) -> Markup {
    html! {
        article.of-report id={ "p-" (p.id) } {
            header.problem-head {
                p { (badge(p.verdict.cause.class.name())) " " a.cause href={ "/learn/" (p.verdict.cause.class.name()) "/" (percent(&p.verdict.cause.name)) } { (text(&p.verdict.cause.name)) } }
                h2.h1 { (text(&p.title)) }
                p.soft.figures { strong { (counted(p.count, "failure")) } @let codes = statuses(p, "×"); @if !codes.is_empty() { " (" (codes) ")" } }
            }
            section.card.answer { p.why { (text(&instants(&p.verdict.summary, Clock::dated()))) } (facts(p, None)) }
            (proof(p))
            (the_way(p))
            @let steps: Vec<Step> = if p.timeline.step_us > 0 { steps_of(p) } else { Vec::new() };
            @if !steps.is_empty() { section.card { h2 { "Over time" } figure.timeline { (over_time(&steps, Drawn::Failures, &[], None)) } } }
            (next(p))
            @if let Some(curl) = &p.reproduce { section.card { h2 { "Make it happen again" } pre.curl tabindex="0" { (text(curl)) } } }
            (stack(p))
        }
    }
}

/// The report's time line in at most [`BARS`] steps.
fn steps_of(p: &Problem) -> Vec<Step> {
    let t = &p.timeline;
    let merge = t.failed.len().div_ceil(usize::try_from(BARS).unwrap_or(1)).max(1);
    let whole =
        |i: usize| t.start.plus(t.step_us.saturating_mul(i64::try_from(i * merge).unwrap_or(i64::MAX)));
    let mut requests = t.requests.chunks(merge).map(|c| c.iter().sum::<u64>());
    t.failed
        .chunks(merge)
        .enumerate()
        .map(|(i, c)| Step { at: whole(i), requests: requests.next().unwrap_or(0), failures: c.iter().sum() })
        .collect()
}

/// A row of a report's problem in a list, with its sparkline.
fn spark_of(p: &Problem) -> Markup {
    spark(&steps_of(p))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_nowhere() {
        for (name, is) in [
            ("access.log", "access.log"),
            ("../../etc/passwd", "passwd"),
            ("C:\\logs\\u_ex1.log", "u_ex1.log"),
            ("..", "log"),
            (".htaccess", "htaccess"),
            ("a b$(x).log", "a_b__x_.log"),
            ("", "log"),
        ] {
            assert_eq!(safe(name), is);
        }
        assert_eq!(safe(&"x".repeat(999)).len(), NAME_MAX);
        assert_eq!(unlike(&["a".into(), "2-a".into()], "a".into()), "3-a");
    }
}
