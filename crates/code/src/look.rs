//! The code behind one problem: source lines around its frames, who changed the culprit's line last, what the release brought.

use crate::between::{TOLD_MAX, as_of, brought, tagged_before};
use crate::follow::last_change;
use crate::paths::{PATHS_MAX, Paths, Unmapped};
use crate::repo::{Commit, Go, Id, Place, Repo};
use record::{Code, CodeFrame, CodeView, Frame, Suspect, Time, ToldCommit};
use std::collections::HashMap;

/// Frames whose lines are shown: of the app's own, the innermost. A page shows no more open at once.
const FRAMES_MAX: usize = 12;
/// Reasons told of; they repeat.
const REASONS_MAX: usize = 10;
/// Indexes of commits kept: of the releases that fail now.
const INDEXES_MAX: usize = 8;
/// Digits of a commit in sentences, as git shows it.
const SHORT: usize = 7;

/// What is asked.
#[derive(Clone, Debug, Default)]
pub struct Ask {
    /// The stack, innermost first.
    pub frames: Vec<Frame>,
    /// The release that fails, where it is known.
    pub release: Option<Release>,
    /// The one that ran before.
    pub before: Option<Release>,
    /// When it failed first.
    pub first_seen: Option<Time>,
    /// It began with the deploy of the release.
    pub deployed: bool,
    /// The fault lies in the code: somebody's change may be the cause.
    pub suspects: bool,
}

/// A release and what was told of it (`sentry-cli releases set-commits`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Release {
    /// Its name.
    pub name: String,
    /// Its commit.
    pub commit: Option<String>,
    /// Its commits since the release before, the newest first.
    pub commits: Vec<ToldCommit>,
}

fn told(c: &Commit) -> ToldCommit {
    ToldCommit {
        commit: c.id.to_string(),
        author: c.author.clone(),
        at: c.at.to_string(),
        subject: c.subject.clone(),
    }
}

/// Repositories, with what was read of them.
pub struct Eyes {
    places: Vec<Place>,
    indexes: HashMap<Id, Paths>,
}

/// One repository at the commit that is shown of it.
struct Scene<'a> {
    repo: Repo,
    prefix: Option<&'a str>,
    commit: Commit,
}

impl Eyes {
    /// For repositories.
    pub fn new(places: Vec<Place>) -> Eyes {
        Eyes { places, indexes: HashMap::new() }
    }

    /// Is there a repository at all?
    pub fn any(&self) -> bool {
        !self.places.is_empty()
    }

    /// What is checked out in each: what was seen before holds as long as this does.
    pub fn heads(&self) -> Vec<String> {
        let head = |p: &Place| {
            Repo::open(&p.folder).and_then(|r| r.head()).map_or_else(|why| why, |c| c.id.to_string())
        };
        self.places.iter().map(head).collect()
    }

    /// Looks. What cannot be told says why; nothing is an error.
    pub fn look(&mut self, ask: &Ask, go: Go<'_>) -> CodeView {
        let mut seen =
            CodeView { release: ask.release.as_ref().map(|r| r.name.clone()), ..CodeView::default() };
        let mut reasons = Vec::new();
        let places = self.places.clone();
        let mut scenes: Vec<Scene<'_>> = Vec::new();
        for place in &places {
            match scene(place, ask, &mut reasons, go) {
                Ok(scene) => {
                    if let Err(why) = self.index(&scene, go) {
                        reasons.push(format!("{}: {why}", name(place)));
                    }
                    scenes.push(scene);
                }
                Err(why) => reasons.push(why),
            }
        }
        let mut culprit = None;
        for f in ask.frames.iter().filter(|f| f.in_app).take(FRAMES_MAX) {
            let mut lines = shown(f);
            match self.find(&scenes, f) {
                Ok((scene, path)) => match place(scene, &path, f) {
                    Ok(code) => {
                        lines.commit = Some(scene.commit.id.to_string());
                        lines.path = Some(path.clone());
                        if let (Some(code), None) = (code, f.code()) {
                            lines.set_code(&code);
                        }
                        culprit = culprit.or_else(|| Some((scene, path, f.line?)));
                    }
                    Err(why) => reasons.push(why),
                },
                Err(Some(why)) => reasons.push(why),
                Err(None) => {}
            }
            seen.frames.push(lines);
        }
        // The culprit is the innermost: where it cannot be placed, no other line is to blame.
        let placed = seen.frames.first().is_some_and(|f| f.path.is_some());
        if let Some((scene, path, line)) = culprit.filter(|_| ask.suspects && placed) {
            match last_change(&scene.repo, &scene.commit, &path, line, go) {
                Ok(Some(change)) => seen.suspect = Some(suspect(change, ask)),
                Ok(None) => {}
                Err(why) => reasons.push(why),
            }
        }
        seen.brought = match scenes.first().filter(|_| ask.release.is_some()) {
            Some(scene) => of_release(scene, ask, &mut reasons, go),
            None => ask.release.as_ref().map(|r| r.commits.clone()).unwrap_or_default(),
        };
        seen.brought.truncate(TOLD_MAX);
        if let Some(s) = &mut seen.suspect
            && seen.brought.iter().any(|b| same(&b.commit, &s.told.commit))
        {
            let release = ask.release.as_ref().map_or("", |r| r.name.as_str());
            let after = if ask.deployed { ", with whose deploy the problem began" } else { "" };
            s.why = format!("It changed this line last, and came with {release}{after}.");
        }
        reasons.dedup();
        reasons.truncate(REASONS_MAX);
        seen.unmapped = reasons;
        seen
    }

    /// Lists the files of a commit, once.
    fn index(&mut self, scene: &Scene<'_>, go: Go<'_>) -> Result<(), String> {
        if self.indexes.contains_key(&scene.commit.tree) {
            return Ok(());
        }
        if self.indexes.len() >= INDEXES_MAX {
            self.indexes.clear();
        }
        let mut list = Vec::new();
        scene.repo.files(&scene.commit.tree, go, &mut |path, _| {
            list.push(path.to_owned());
            list.len() < PATHS_MAX
        })?;
        self.indexes.insert(scene.commit.tree, Paths::new(list));
        Ok(())
    }

    /// The repository that a frame's file is of, and its path there; or why there is none.
    fn find<'s, 'a>(
        &self,
        scenes: &'s [Scene<'a>],
        f: &Frame,
    ) -> Result<(&'s Scene<'a>, String), Option<String>> {
        let mut found = None;
        let mut why = None;
        for scene in scenes {
            let Some(paths) = self.indexes.get(&scene.commit.tree) else { continue };
            match paths.find(&f.file, &f.function, scene.prefix) {
                Ok(path) if found.is_none() => found = Some((scene, path.to_owned())),
                // Two repositories have it: that is no better than two files.
                Ok(_) => return Err(Some(format!("{}: more than one repository has such a file", f.file))),
                Err(Unmapped::Ambiguous(n)) => {
                    why = Some(format!(
                        "{}: {n} files of the repository end alike; name what stands for its root with --repo PATH=PREFIX",
                        f.file
                    ));
                }
                Err(Unmapped::Missing) => {
                    let missing = || format!("{}: no such file at {}", f.file, short(&scene.commit.id));
                    why = why.or_else(|| Some(missing()));
                }
            }
        }
        found.ok_or(why)
    }
}

/// What a repository is called: where it lies is nobody's business who only reads.
fn name(place: &Place) -> String {
    let folder = place.folder.file_name().unwrap_or(place.folder.as_os_str());
    folder.to_string_lossy().into_owned()
}

fn short(id: &Id) -> String {
    id.to_hex_with_len(SHORT).to_string()
}

/// Is it the same commit, where one of the two may be short?
fn same(a: &str, b: &str) -> bool {
    let n = a.len().min(b.len());
    n >= SHORT && a.get(..n) == b.get(..n)
}

/// A frame with what its client told of its source.
fn shown(f: &Frame) -> CodeFrame {
    let mut lines = CodeFrame {
        file: f.file.clone(),
        line: f.line,
        function: f.function.clone(),
        ..CodeFrame::default()
    };
    if let Some(code) = f.code() {
        lines.set_code(code);
    }
    lines
}

/// Opens a repository at the release's commit; else where its main line was when the problem began, else at what is checked out.
fn scene<'a>(
    place: &'a Place,
    ask: &Ask,
    reasons: &mut Vec<String>,
    go: Go<'_>,
) -> Result<Scene<'a>, String> {
    let repo = Repo::open(&place.folder)
        .map_err(|_| format!("{}: it is no git repository any more", name(place)))?;
    let prefix = place.prefix.as_deref();
    let named = |why: String| format!("{}: {why}", name(place));
    if let Some(r) = &ask.release {
        if let Some(commit) = repo.release(&r.name, r.commit.as_deref()) {
            return Ok(Scene { repo, prefix, commit });
        }
        reasons.push(named(format!(
            "no commit is known of the release {}: tag it so, or tell it with `sentry-cli releases set-commits`",
            r.name
        )));
    }
    let head = repo.head().map_err(named)?;
    let then = match ask.first_seen {
        Some(at) => as_of(&repo, &head, at, go).map_err(named)?,
        None => None,
    };
    Ok(Scene { commit: then.unwrap_or(head), repo, prefix })
}

/// The lines around a frame, if the repository has the code that failed.
fn place(scene: &Scene<'_>, path: &str, f: &Frame) -> Result<Option<Code>, String> {
    let Some(line) = f.line else { return Ok(None) };
    let at = short(&scene.commit.id);
    let Some(id) = scene.repo.file(&scene.commit.tree, path)? else { return Ok(None) };
    let bytes = scene.repo.bytes(&id)?;
    let Some(code) = Code::of(&String::from_utf8_lossy(&bytes), line) else {
        return Err(format!("{path} has no line {line} at {at}: another version failed"));
    };
    match f.code() {
        Some(ran) if ran.line().trim() != code.line().trim() => {
            Err(format!("line {line} of {path} at {at} is not the line that failed: another version ran"))
        }
        _ => Ok(Some(code)),
    }
}

fn suspect(change: crate::follow::Change, ask: &Ask) -> Suspect {
    let late = ask.first_seen.is_some_and(|at| change.commit.at > at);
    let why = if late {
        "It changed this line last, but is dated after the first failure: its author's clock, or the release, may be wrong."
    } else {
        "It changed this line last before the first failure."
    };
    Suspect { told: told(&change.commit), path: change.path, line: change.line, why: why.to_owned() }
}

/// The commits between the release before and this one: from the repository, else as they were told.
fn of_release(scene: &Scene<'_>, ask: &Ask, reasons: &mut Vec<String>, go: Go<'_>) -> Vec<ToldCommit> {
    let Some(release) = &ask.release else { return Vec::new() };
    let as_told = release.commits.clone();
    let Some(to) = scene.repo.release(&release.name, release.commit.as_deref()) else { return as_told };
    let before =
        ask.before.as_ref().and_then(|r| scene.repo.release(&r.name, r.commit.as_deref())).map(|c| c.id);
    let Some(from) = before.or_else(|| Some(tagged_before(&scene.repo, &to, go)?.0)) else { return as_told };
    match brought(&scene.repo, &from, &to, go) {
        Ok(list) if list.is_empty() => as_told,
        Ok(list) => list.iter().map(told).collect(),
        Err(why) => {
            reasons.push(why);
            as_told
        }
    }
}
