//! Source maps: kept as files in the server's folder, and applied to what scripts throw before anything is made of it, so that culprit
//! and problem are those of the file that people wrote, whatever the build.
//!
//! ```text
//! DATA/maps/5f/5fe0…   a map, named by the SHA-256 of its content
//! DATA/maps/chunks/…   pieces of files that are being sent (see uploads.rs)
//! ```
//!
//! A map that comes late is used for what fails from then on: what was explained before keeps its minified place.

use super::{App, now};
use code::map::{MAP_BYTES_MAX, Map, Place};
use code::scope::function_at;
use record::{Code, Exception, Frame, More, Record, SECOND, Time};
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use store::{MapName, MapRow};
use tokio::sync::Semaphore;
use wires::Taken;

/// Places remembered with what they come from: those of some thousand faults.
const PLACES_MAX: usize = 20_000;
/// Projects of which it is remembered whether they have maps.
const PROJECTS_MAX: usize = 10_000;
/// Files of one body that are looked up: an error's stack runs through some dozens.
const FILES_MAX: usize = 64;
/// Maps of one body that are read: each may take a second.
const READ_MAX: usize = 16;
/// All maps together take so much of the disk; what was not used for longest goes.
pub const BYTES_MAX: u64 = 4 << 30;
/// That a map is used is noted so often: noting it writes.
const USED_US: i64 = 86_400 * SECOND;
/// How many ends of a file's path are tried as the name of a script.
const ENDS_MAX: usize = 8;

/// The server's source maps.
pub struct Maps {
    folder: PathBuf,
    /// By project: has it any?
    any: Mutex<HashMap<i64, bool>>,
    places: Mutex<HashMap<(String, Place), Option<Written>>>,
    /// One body at a time: to read a map may take a second and twice its bytes.
    turn: Semaphore,
}

/// A place in a file that somebody wrote.
#[derive(Clone, Debug)]
struct Written {
    file: String,
    line: u32,
    column: u32,
    /// The function around it; `None`: its source is not in the map, or it stands in none.
    function: Option<String>,
    /// What is called there.
    name: Option<String>,
    code: Option<Code>,
}

/// SHA-256, in hex.
fn hash(bytes: &[u8]) -> String {
    hex(ring::digest::digest(&ring::digest::SHA256, bytes).as_ref())
}

/// Bytes in hex.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, b| {
        // Writing to a String cannot fail.
        let _ = write!(out, "{b:02x}");
        out
    })
}

impl Maps {
    /// Below the server's folder.
    pub fn new(data: &Path) -> Maps {
        Maps {
            folder: data.join("maps"),
            any: Mutex::default(),
            places: Mutex::default(),
            turn: Semaphore::new(1),
        }
    }

    /// Where they lie.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.join(file.get(..2).unwrap_or("")).join(file)
    }

    /// Writes a map; gives its name. It is whole under that name, or not there.
    fn write(&self, bytes: &[u8]) -> io::Result<String> {
        let name = hash(bytes);
        let path = self.path(&name);
        if path.is_file() {
            return Ok(name);
        }
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let beside = path.with_extension(format!("{:x}", now().0));
        let written = std::fs::write(&beside, bytes)
            .and_then(|()| std::fs::File::open(&beside)?.sync_all())
            .and_then(|()| std::fs::rename(&beside, &path));
        written.inspect_err(|_| drop(std::fs::remove_file(&beside)))?;
        Ok(name)
    }

    fn read(&self, file: &str) -> io::Result<Vec<u8>> {
        use io::Read as _;
        let mut bytes = Vec::new();
        std::fs::File::open(self.path(file))?.take(MAP_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Removes files that no row names and that are older than `before`.
    fn sweep(&self, is_known: &dyn Fn(&str) -> bool, before: std::time::SystemTime) {
        let folders = std::fs::read_dir(&self.folder).into_iter().flatten().flatten();
        for entry in folders.flat_map(|f| std::fs::read_dir(f.path()).into_iter().flatten().flatten()) {
            let old = entry.metadata().and_then(|m| m.modified()).is_ok_and(|at| at < before);
            let chunk = entry.path().parent().is_some_and(|p| p.ends_with("chunks"));
            if old && (chunk || !entry.file_name().to_str().is_some_and(is_known)) {
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }
}

impl App {
    /// Keeps a map under its names. `debug_ids`: beside the one that it may have in itself.
    ///
    /// # Errors
    /// It is no source map, has nothing that it could be asked for by, or cannot be written.
    pub fn keep_map(
        &self,
        project: i64,
        bytes: &[u8],
        debug_ids: &[String],
        release: &str,
        dist: &str,
        urls: &[String],
    ) -> Result<usize, String> {
        // What is broken is told to whoever sends it, not found out when something fails.
        let map = Map::read(bytes)?;
        map.origins(&[Place { line: u32::MAX, column: 1 }])?;
        let mut names: Vec<MapName> = Vec::new();
        for id in debug_ids.iter().chain(&map.debug_id).filter(|id| !id.is_empty()) {
            names.push(MapName { debug_id: id.to_ascii_lowercase(), ..MapName::default() });
        }
        for url in urls.iter().filter(|u| !u.is_empty() && !release.is_empty()) {
            let (release, dist, url) = (release.to_owned(), dist.to_owned(), url.clone());
            names.push(MapName { release, dist, url, ..MapName::default() });
        }
        if names.is_empty() {
            return Err(
                "it has no debug id, and no release with the URL of a script: nothing could ask for it"
                    .to_owned(),
            );
        }
        names.dedup();
        let file = self.maps.write(bytes).map_err(|e| format!("it cannot be written: {e}"))?;
        let at = now();
        let store = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        for name in &names {
            store.add_map(at, project, name, &file, bytes.len() as u64).map_err(|e| e.to_string())?;
        }
        self.maps.any.lock().unwrap_or_else(PoisonError::into_inner).insert(project, true);
        Ok(names.len())
    }

    /// Applies the project's source maps to what scripts threw.
    pub async fn unmap(&self, project: i64, wire: &'static str, taken: &mut Taken) {
        if !taken.records.iter().any(thrown) || !self.has_maps(project) {
            return;
        }
        let _turn = self.maps.turn.acquire().await;
        tokio::task::block_in_place(|| self.unmap_now(project, wire, taken));
    }

    fn unmap_now(&self, project: i64, wire: &'static str, taken: &mut Taken) {
        let mut lookup = Lookup { app: self, project, files: HashMap::new(), read: 0, lost: Vec::new() };
        for r in taken.records.iter_mut().filter(|r| thrown(r)) {
            let text = |name: &str| r.field(name).unwrap_or("").to_owned();
            let (release, dist) = (text("release"), text("dist"));
            let mut list = r.exceptions.to_vec();
            let mut changed = false;
            for e in &mut list {
                changed |= lookup.apply(e, &release, &dist);
            }
            if changed {
                r.exceptions = list.into();
            }
        }
        for why in lookup.lost {
            self.counters.lost(wire, &why, 1);
        }
    }

    fn has_maps(&self, project: i64) -> bool {
        let mut any = self.maps.any.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = any.get(&project) {
            return *known;
        }
        let reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        let has = reader.has_maps(project).unwrap_or(false);
        if any.len() < PROJECTS_MAX {
            any.insert(project, has);
        }
        has
    }

    /// Lets go of maps that nothing asked for in a long time, of those beyond the room for all, and of pieces nobody came back for.
    pub fn forget_maps(&self, at: Time) -> store::Result<()> {
        let before = at.plus(-store::MAP_DAYS * 86_400 * SECOND);
        let gone =
            self.writer.lock().unwrap_or_else(PoisonError::into_inner).forget_maps(before, BYTES_MAX)?;
        if gone > 0 {
            self.maps.any.lock().unwrap_or_else(PoisonError::into_inner).clear();
            self.maps.places.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
        let day = std::time::Duration::from_secs(86_400);
        let Some(yesterday) = std::time::SystemTime::now().checked_sub(day) else { return Ok(()) };
        // What cannot be asked about stays.
        let known = |file: &str| {
            self.reader.lock().unwrap_or_else(PoisonError::into_inner).is_map(file).unwrap_or(true)
        };
        self.maps.sweep(&known, yesterday);
        Ok(())
    }
}

/// Is it a place in a script as it runs?
fn script(f: &Frame) -> bool {
    f.column.is_some() && f.line.is_some() && (f.debug_id().is_some() || is_script(&f.file))
}

/// Did a script throw it?
fn thrown(r: &Record) -> bool {
    r.exceptions.iter().any(|e| e.frames.iter().any(script))
}

/// Does a file's name say that it is a script as it runs?
pub fn is_script(file: &str) -> bool {
    let name = file.split(['?', '#']).next().unwrap_or(file);
    [".js", ".mjs", ".cjs", ".bundle", ".jsbundle"].iter().any(|end| name.ends_with(end))
        // A page with a script in it.
        || name.starts_with("http://")
        || name.starts_with("https://")
        || name.starts_with("app://")
}

/// What a script may be called in the names of maps, the likeliest first: its URL, the same without the host (`~/js/app.js`), and
/// for a path on a disk its ends.
pub fn names_of(file: &str) -> Vec<String> {
    let plain = file.split(['?', '#']).next().unwrap_or(file);
    let mut out = vec![plain.to_owned()];
    if let Some((_, rest)) = plain.split_once("://") {
        let path = rest.split_once('/').map_or("", |(_, path)| path);
        out.push(format!("~/{path}"));
        return out;
    }
    let path = plain.replace('\\', "/");
    let starts: Vec<usize> = std::iter::once(0).chain(path.match_indices('/').map(|(i, _)| i + 1)).collect();
    // The longest first; a root's slash is none of the name.
    let ends = starts
        .iter()
        .rev()
        .take(ENDS_MAX)
        .rev()
        .filter_map(|i| path.get(*i..))
        .filter(|p| !p.starts_with('/'));
    out.extend(ends.map(|end| format!("~/{end}")));
    out
}

/// Maps being looked up for one body.
struct Lookup<'a> {
    app: &'a App,
    project: i64,
    /// By file of the stack, release and dist: the map's file.
    files: HashMap<(String, String, String), Option<String>>,
    read: usize,
    lost: Vec<String>,
}

impl Lookup<'_> {
    /// Puts the frames of an exception where they were written; says whether any was.
    fn apply(&mut self, e: &mut Exception, release: &str, dist: &str) -> bool {
        let mut wanted: HashMap<String, Vec<Place>> = HashMap::new();
        let mut of_frame: Vec<Option<(String, Place)>> = Vec::with_capacity(e.frames.len());
        for f in &e.frames {
            let place =
                f.line.zip(f.column).filter(|_| script(f)).map(|(line, column)| Place { line, column });
            let file = place.and_then(|_| self.file(f, release, dist));
            let found = file.zip(place);
            if let Some((file, place)) = &found {
                wanted.entry(file.clone()).or_default().push(*place);
            }
            of_frame.push(found);
        }
        for (file, places) in wanted {
            self.learn(&file, &places);
        }
        let known = self.app.maps.places.lock().unwrap_or_else(PoisonError::into_inner);
        let written: Vec<Option<Written>> =
            of_frame.into_iter().map(|at| at.and_then(|key| known.get(&key).cloned().flatten())).collect();
        drop(known);
        let mut changed = false;
        for (i, f) in e.frames.iter_mut().enumerate() {
            let Some(w) = written.get(i).cloned().flatten() else { continue };
            // Where its source is not there: whoever called it called it by its name.
            let called = || written.get(i + 1)?.as_ref()?.name.clone();
            rewrite(f, w, called);
            changed = true;
        }
        changed
    }

    /// The map of a frame's file.
    fn file(&mut self, f: &Frame, release: &str, dist: &str) -> Option<String> {
        let debug_id = f.debug_id().unwrap_or("");
        let key = (format!("{debug_id} {}", f.file), release.to_owned(), dist.to_owned());
        if let Some(known) = self.files.get(&key) {
            return known.clone();
        }
        if self.files.len() >= FILES_MAX {
            return None;
        }
        let found = self.find(f, debug_id, release, dist);
        if let Some(row) = &found
            && now().since(row.used) > USED_US
            // Nobody waits for this: while the digest writes it is left to the next event.
            && let Ok(writer) = self.app.writer.try_lock()
        {
            let _ = writer.map_used(now(), &row.file);
        }
        let file = found.map(|row| row.file);
        self.files.insert(key, file.clone());
        file
    }

    fn find(&mut self, f: &Frame, debug_id: &str, release: &str, dist: &str) -> Option<MapRow> {
        let reader = self.app.reader.lock().unwrap_or_else(PoisonError::into_inner);
        if !debug_id.is_empty() {
            let found = reader.map_by_id(self.project, debug_id).ok()?;
            if found.is_some() {
                return found;
            }
            self.lost.push("frames of scripts whose debug id has no source map".to_owned());
        }
        if release.is_empty() {
            return None;
        }
        let dists = if dist.is_empty() { vec![""] } else { vec![dist, ""] };
        let names = names_of(&f.file);
        dists.into_iter().find_map(|dist| {
            names.iter().find_map(|url| reader.map_by_url(self.project, release, dist, url).ok()?)
        })
    }

    /// Looks places up that are not known yet.
    fn learn(&mut self, file: &str, places: &[Place]) {
        let lock = || self.app.maps.places.lock().unwrap_or_else(PoisonError::into_inner);
        let known = lock();
        let mut new: Vec<Place> =
            places.iter().copied().filter(|p| !known.contains_key(&(file.to_owned(), *p))).collect();
        drop(known);
        new.sort();
        new.dedup();
        if new.is_empty() {
            return;
        }
        self.read += 1;
        if self.read > READ_MAX {
            self.lost.push("frames beyond the source maps that are read for one body".to_owned());
            return;
        }
        let found = match self.app.maps.read(file).map_err(|e| e.to_string()).and_then(|b| written(&b, &new))
        {
            Ok(found) => found,
            Err(_) => {
                self.lost.push("source maps that cannot be read".to_owned());
                vec![None; new.len()]
            }
        };
        let mut known = lock();
        if known.len() + new.len() > PLACES_MAX {
            known.clear();
        }
        known.extend(new.into_iter().map(|p| (file.to_owned(), p)).zip(found));
    }
}

/// What places of a script come from.
fn written(bytes: &[u8], places: &[Place]) -> Result<Vec<Option<Written>>, String> {
    let map = Map::read(bytes)?;
    let mut texts = HashMap::new();
    let found = map.origins(places)?.into_iter().map(|origin| {
        let o = origin?;
        let text = texts.entry(o.source).or_insert_with(|| map.text(o.source)).as_deref();
        Some(Written {
            function: text.and_then(|t| function_at(t, o.line, o.column)),
            code: text.and_then(|t| Code::of(t, o.line)),
            file: o.file,
            line: o.line,
            column: o.column,
            name: o.name,
        })
    });
    Ok(found.collect())
}

/// Puts a frame where it was written, and judges anew whose code it is.
fn rewrite(f: &mut Frame, w: Written, called: impl FnOnce() -> Option<String>) {
    let short = f.function.trim_start_matches("async ").rsplit('.').next().is_none_or(|n| n.len() <= 2);
    f.function = match (w.function, &w.code) {
        (Some(name), _) => name,
        // The source is there, and it stands in no function that has a name.
        (None, Some(_)) => String::new(),
        (None, None) => {
            called().unwrap_or_else(|| if short { String::new() } else { std::mem::take(&mut f.function) })
        }
    };
    (f.file, f.line, f.column) = (w.file, Some(w.line), Some(w.column));
    f.in_app = formats::trace::in_app(&f.file, &f.function);
    f.more = w.code.filter(|_| f.in_app).map(|code| Box::new(More { code: Some(code), ..More::default() }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_by_all_their_names() {
        assert_eq!(
            names_of("https://shop.example/js/app.js?v=2"),
            ["https://shop.example/js/app.js", "~/js/app.js"]
        );
        assert_eq!(names_of("app:///dist/index.js"), ["app:///dist/index.js", "~/dist/index.js"]);
        assert_eq!(
            names_of("/srv/app/dist/index.js"),
            [
                "/srv/app/dist/index.js",
                "~/srv/app/dist/index.js",
                "~/app/dist/index.js",
                "~/dist/index.js",
                "~/index.js"
            ]
        );
        assert!(names_of(&"a/".repeat(1_000)).len() <= ENDS_MAX + 1);
        assert!(
            is_script("/srv/a.mjs")
                && is_script("https://shop.example/")
                && !is_script("node:internal/x")
                && !is_script("a.ts")
        );
    }
}
