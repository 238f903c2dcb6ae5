//! The demo as it is watched: what is broken on the left, what the logs say of that on the right, again each second.
//!
//! On a terminal the picture is drawn over itself, above the line that is being typed; elsewhere lines are written as something new is
//! known, and commands are read as lines all the same.

use super::fault::{FAULTS, Fault};
use super::traffic::Traffic;
use super::world::World;
use super::{Demo, Reader};
use crate::explain;
use crate::report::page::{Ink, Page, columns, cut, fold, pad};
use crate::report::phrase::{Clock, instants};
use crate::report::{self, Look, badge, counted, number, plain};
use diagnosis::{Problem, Report};
use record::Role;
use std::io::{self, BufRead, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Between two of the demo's own requests: four a second, one of each kind.
const EVERY: Duration = Duration::from_millis(250);
/// Requests that go well before something is broken …
const WELL: usize = 12;
/// … and between two of them.
const WELL_PAUSE: Duration = Duration::from_millis(20);
/// Own requests; after a day the logs have forty megabytes, and whoever forgot the demo need not find a full disk.
const OWN_REQUESTS_MAX: u64 = 345_600;
/// Between two explanations.
const EXPLAIN_EVERY: Duration = Duration::from_secs(1);
/// Between two looks at what is typed and what happened.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Columns of the menu beside the explanation.
const MENU: usize = 24;
/// Narrower terminals have the menu above the explanation.
const BESIDE_COLUMNS: usize = 90;
/// Rows of the explanation …
const TOLD_ROWS: usize = 10;
/// … and on a terminal that is not that high.
const TOLD_ROWS_LEAST: usize = 3;
/// Rows of a terminal that does not say.
const HEIGHT: usize = 24;
/// Where the text of its labelled rows begins.
const LABEL: usize = 8;

/// What is broken at the moment, for those who send.
struct State {
    broken: Mutex<Option<&'static Fault>>,
    over: AtomicBool,
}

impl State {
    fn broken(&self) -> Option<&'static Fault> {
        *self.broken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Shows the demo until it is ended.
///
/// # Errors
/// The terminal cannot be written.
pub fn run(options: &Demo, world: &World, reader: &Reader) -> io::Result<ExitCode> {
    let look = explain::look(options.color, None, false);
    let state = State { broken: Mutex::new(None), over: AtomicBool::new(false) };
    let shown = std::thread::scope(|threads| {
        threads.spawn(|| send(world, reader, &state));
        let mut screen = Screen {
            world,
            state: &state,
            options,
            look,
            height: HEIGHT,
            drawn: io::stdout().is_terminal() && io::stdin().is_terminal(),
            told: Vec::new(),
            said: String::new(),
            problem: None,
        };
        let shown = watch(&mut screen, reader);
        state.over.store(true, Ordering::Relaxed);
        shown
    });
    match shown {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => Err(e),
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// The demo's own clients.
fn send(world: &World, reader: &Reader, state: &State) {
    let mut traffic = Traffic::to(&world.base());
    while !state.over.load(Ordering::Relaxed)
        && !reader.stop.load(Ordering::Relaxed)
        && traffic.sent < OWN_REQUESTS_MAX
    {
        traffic.next(state.broken());
        std::thread::sleep(EVERY);
    }
}

/// What is typed, line by line, until it ends.
fn typed() -> Receiver<String> {
    let (out, lines) = channel();
    // It waits for input when the demo ends, and goes with the program.
    std::thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            if out.send(line).is_err() {
                return;
            }
        }
    });
    lines
}

fn watch(screen: &mut Screen<'_>, reader: &Reader) -> io::Result<()> {
    let lines = typed();
    let mut ended = false;
    let mut explained = (0, 0);
    let mut last = Instant::now();
    screen.begin()?;
    while !reader.stop.load(Ordering::Relaxed) {
        if ended {
            std::thread::sleep(LOOK_EVERY);
        } else {
            match lines.recv_timeout(LOOK_EVERY) {
                Ok(line) => {
                    if !screen.obey(line.trim())? {
                        break;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                // Ctrl-D ends it; a demo in the background, without input, goes on.
                Err(RecvTimeoutError::Disconnected) if screen.drawn => break,
                Err(RecvTimeoutError::Disconnected) => ended = true,
            }
        }
        if last.elapsed() < EXPLAIN_EVERY {
            continue;
        }
        last = Instant::now();
        let counts = screen.world.shop.counts();
        if counts.1 != explained.1 {
            screen.tell(&reader.report(screen.world))?;
        }
        if counts != explained {
            explained = counts;
            screen.refresh()?;
        }
    }
    screen.end()
}

struct Screen<'a> {
    world: &'a World,
    state: &'a State,
    options: &'a Demo,
    look: Look,
    /// Rows of the terminal.
    height: usize,
    /// It is a picture that is drawn over itself.
    drawn: bool,
    /// The explanation.
    told: Vec<String>,
    /// What was answered to the last command.
    said: String,
    /// The problem that was told last.
    problem: Option<String>,
}

impl Screen<'_> {
    /// Does what was typed; false if that is to end.
    fn obey(&mut self, line: &str) -> io::Result<bool> {
        match line {
            "q" | "quit" | "exit" => return Ok(false),
            "" | "?" | "help" => self.said.clear(),
            "0" | "mend" => self.change(None),
            name => match Fault::named(name) {
                Some(fault) => self.change(Some(fault)),
                None => self.said = format!("{}: type a number or a name of the menu", plain(name)),
            },
        }
        if self.drawn {
            self.begin()?;
        } else if !self.said.is_empty() {
            self.write(std::slice::from_ref(&self.said))?;
        } else {
            self.begin()?;
        }
        Ok(true)
    }

    /// Mends what is broken, and breaks something else.
    fn change(&mut self, to: Option<&'static Fault>) {
        let now = self.state.broken();
        if now.map(|f| f.name) == to.map(|f| f.name) {
            self.said = now
                .map_or_else(|| "nothing is broken".to_owned(), |f| format!("{} is broken already", f.name));
            return;
        }
        let set = |f| *self.state.broken.lock().unwrap_or_else(PoisonError::into_inner) = f;
        let mended = now.map_or(Ok(()), |f| f.mend(self.world));
        set(None);
        let done = mended.and_then(|()| to.map_or(Ok(()), |f| self.broken(f)));
        self.told.clear();
        self.problem = None;
        self.said = match (done, now, to) {
            (Err(e), ..) => format!("that did not work: {e}"),
            (Ok(()), _, Some(f)) => {
                set(Some(f));
                format!("broken: {}: {}", f.name, f.what)
            }
            (Ok(()), Some(f), None) => format!("mended: {}", f.name),
            (Ok(()), None, None) => String::new(),
        };
    }

    /// Breaks something, in logs that are begun anew with requests that go well: what was tried before is not to be taken for its cause.
    fn broken(&self, fault: &Fault) -> Result<(), String> {
        self.world.shop.logs.turn().map_err(|e| format!("the logs cannot be rotated: {e}"))?;
        let mut traffic = Traffic::to(&self.world.base());
        for _ in 0..WELL {
            traffic.next_read();
            std::thread::sleep(WELL_PAUSE);
        }
        fault.break_it(self.world)
    }

    /// Takes what was found for the explanation.
    fn tell(&mut self, report: &Report) -> io::Result<()> {
        // What fails now comes before what failed most.
        let Some(p) = report.problems.iter().rev().max_by_key(|p| p.last_seen) else { return Ok(()) };
        let width = if self.beside() { self.look.width.saturating_sub(MENU + 2) } else { self.look.width };
        self.told = explanation(report, &report::clean_problem(p.clone()), &Look { width, ..self.look });
        if !self.drawn && self.state.broken().is_some() && self.problem.as_ref() != Some(&p.id) {
            self.write(&self.told)?;
        }
        self.problem = Some(p.id.clone());
        Ok(())
    }

    fn beside(&self) -> bool {
        self.look.width >= BESIDE_COLUMNS
    }

    fn head(&self) -> Vec<String> {
        let mut out = Vec::new();
        let page = Page::new(&mut out, &self.look);
        let base = self.world.base();
        let (name, logs) = (page.ink(Ink::Bold, "why500 demo"), self.world.logs().display().to_string());
        let user = r#"{"name": "Ada", "email": "ada@shop.example", "age": 36}"#;
        let dim = |t: String| page.ink(Ink::Dim, &cut(&t, page.width, page.sign("…", "...")));
        vec![
            format!("{name}  {base}"),
            dim(format!("logs in {logs}")),
            String::new(),
            // To be copied: never cut.
            format!("  curl -i {base}/data"),
            format!("  curl -i {base}/add-user {}", r"\"),
            format!("       --json '{user}'"),
            format!("  curl -i {base}/bad/data    # tells too much"),
            String::new(),
        ]
    }

    fn menu(&self) -> Vec<String> {
        let mut out = Vec::new();
        let page = Page::new(&mut out, &self.look);
        let broken = self.state.broken().map(|f| f.name);
        let mut rows: Vec<String> = FAULTS
            .iter()
            .enumerate()
            .map(|(i, f)| {
                let is_broken = broken == Some(f.name);
                let sign = if is_broken { page.sign("✗", "x") } else { " " };
                let text = pad(&format!("{sign} {}  {}", i + 1, f.name), MENU);
                page.ink(if is_broken { Ink::Bad } else { Ink::Plain }, &text)
            })
            .collect();
        rows.push(pad("  0  mend", MENU));
        rows.push(pad("  q  quit", MENU));
        rows
    }

    fn state(&self) -> String {
        let (asked, failed) = self.world.shop.counts();
        let what = match self.state.broken() {
            None => "nothing is broken".to_owned(),
            Some(f) => f.what.to_owned(),
        };
        format!("{}, {} failed; {what}", counted(asked, "request"), number(failed))
    }

    /// The explanation, in so many rows.
    fn right(&self, height: usize) -> Vec<String> {
        let mut rows = self.told.clone();
        if rows.is_empty() {
            rows.push(match self.state.broken() {
                None => "Type a number and Enter to break something.".to_owned(),
                Some(_) => "The first failures are being waited for.".to_owned(),
            });
        }
        rows.resize(height, String::new());
        rows
    }

    /// The picture; always as high.
    fn picture(&self) -> Vec<String> {
        let mut rows = self.head();
        let menu = self.menu();
        if self.beside() {
            let right = self.right(menu.len());
            rows.extend(menu.iter().zip(right).map(|(m, r)| format!("{m}  {r}")));
        } else {
            let (left, beside) = menu.split_at(menu.len().div_ceil(2));
            let blank = String::new();
            let second = beside.iter().chain(std::iter::repeat(&blank));
            rows.extend(left.iter().zip(second).map(|(a, b)| format!("{a}{b}")));
            rows.push(String::new());
            // Below it: the state, what was said, the line that is typed.
            let room = self.height.saturating_sub(rows.len() + 4);
            rows.extend(self.right(room.clamp(TOLD_ROWS_LEAST, TOLD_ROWS)));
        }
        rows.push(String::new());
        rows.push(cut(&self.state(), self.look.width, "..."));
        rows.push(cut(&self.said, self.look.width, "..."));
        rows
    }

    /// Draws all anew, and puts the cursor where one types; or, elsewhere, says what there is.
    fn begin(&mut self) -> io::Result<()> {
        if !self.drawn {
            let rows: Vec<String> =
                self.head().into_iter().chain(self.menu().iter().map(|r| r.trim_end().to_owned())).collect();
            return self.write(&rows);
        }
        // It may have been made larger or smaller since.
        self.look = explain::look(self.options.color, None, false);
        self.height = terminal_size::terminal_size().map_or(HEIGHT, |(_, h)| usize::from(h.0));
        // ED and CUP (ECMA-48 §8.3.39, §8.3.21).
        let text = format!("\x1b[2J\x1b[H{}\n> ", self.picture().join("\n"));
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()
    }

    /// Draws the picture over itself; what is typed stays, as does the cursor (DECSC, DECRC, EL).
    fn refresh(&mut self) -> io::Result<()> {
        if !self.drawn {
            return Ok(());
        }
        let rows: Vec<String> = self.picture().iter().map(|r| format!("{r}\x1b[K")).collect();
        let text = format!("\x1b7\x1b[H{}\x1b8", rows.join("\n"));
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()
    }

    fn end(&mut self) -> io::Result<()> {
        if self.drawn {
            writeln!(io::stdout())?;
        }
        Ok(())
    }

    fn write(&self, rows: &[String]) -> io::Result<()> {
        let mut out = io::stdout().lock();
        rows.iter().try_for_each(|r| writeln!(out, "{r}"))?;
        out.flush()
    }
}

/// A problem in some rows: what, why, where, since when, the proof, the next step.
fn explanation(report: &Report, p: &Problem, look: &Look) -> Vec<String> {
    let mut out = Vec::new();
    let page = Page::new(&mut out, look);
    let ellipsis = page.sign("…", "...");
    let room = look.width.saturating_sub(LABEL);
    let said = |t: &str| plain(&record::scrub::visible(t)).into_owned();
    let mut rows = Vec::new();
    let class = p.verdict.cause.class;
    let front = format!(" {} ", class.name().to_uppercase());
    let title = cut(&said(&p.title), look.width.saturating_sub(columns(&front) + 2), ellipsis);
    rows.push(format!("{}  {}", page.ink(badge(class), &front), page.ink(Ink::Bold, &title)));
    let mut labelled = |label: &str, text: &str, rows_max: usize| {
        for (i, row) in fold(text, room, rows_max, ellipsis).iter().enumerate() {
            let label = pad(if i == 0 { label } else { "" }, LABEL);
            rows.push(format!("{}{row}", page.ink(Ink::Label, &label)));
        }
    };
    let all = report.totals.requests.map(|n| format!(" of {}", counted(n, "request"))).unwrap_or_default();
    let dot = page.sign(" · ", " | ");
    let facts = format!("{} failed{all}{dot}{}", number(p.count), p.verdict.cause);
    labelled("", &facts, 1);
    labelled("WHY", &said(&instants(&p.verdict.summary, Clock::of(report))), 3);
    if let Some(culprit) = &p.verdict.culprit {
        labelled("WHERE", &said(culprit), 1);
    }
    let clause = p.verdict.trigger.clause().map(|c| format!("{c} ")).unwrap_or_default();
    let what = p.verdict.trigger.what.as_deref().map(|w| format!("({})", said(w))).unwrap_or_default();
    if !clause.is_empty() {
        labelled("SINCE", format!("{clause}{what}").trim(), 1);
    }
    if let Some(e) = p.evidence.iter().find(|e| e.role == Role::Cause).or_else(|| p.evidence.first()) {
        labelled("PROOF", &format!("{}:{}  {}", said(&e.source), e.line, said(&e.text)), 2);
    }
    if let Some(next) = p.verdict.next_steps.first() {
        labelled("NEXT", &said(next), 1);
    }
    rows.truncate(TOLD_ROWS);
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_explanation_has_its_rows_and_nothing_is_wider_than_the_screen() {
        let report = report::sample::shop();
        for (width, unicode) in [(40, true), (64, false), (120, true)] {
            let look = Look { width, colour: false, top: None, all_evidence: false, unicode };
            for p in &report.problems {
                let rows = explanation(&report, p, &look);
                assert!((5..=TOLD_ROWS).contains(&rows.len()), "{rows:#?}");
                assert!(rows.iter().all(|r| columns(r) <= width), "{rows:#?}");
                assert!(rows[0].contains(&p.verdict.cause.class.name().to_uppercase()));
            }
        }
    }
}
