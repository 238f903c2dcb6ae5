//! What pipelines hand in with a release: source maps by the protocol of `sentry-cli`, and what commits a release has.
//!
//! Who may: whoever may tell of deploys. An ingest key stands in the pages of browsers: with it anybody could give a stack other names.

use super::maps::hex;
use super::{App, now};
use code::manifest::{MANIFEST_BYTES_MAX, Manifest, resolved};
use code::map::MAP_BYTES_MAX;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::io::{Cursor, Read};
use std::path::PathBuf;
use std::sync::PoisonError;
use store::ReleaseRow;
use wires::{Answer, Released, Taken, Upload};

/// Bytes of pieces that wait to be put together, of all senders: one large app's bundle twice over.
const WAITING_BYTES_MAX: u64 = 1 << 30;
/// Bytes of all source maps of one bundle, unpacked.
const UNPACKED_BYTES_MAX: u64 = 1 << 30;
/// Files of an archive.
const ENTRIES_MAX: usize = code::manifest::FILES_MAX;

impl App {
    /// Does what a body asks to be kept beside the journal; the answer says what became of it.
    pub fn take_uploads(&self, project: i64, may: bool, wire: &'static str, taken: &mut Taken) {
        for upload in std::mem::take(&mut taken.uploads) {
            let answer = match upload {
                Upload::Previous => self.last_release(project),
                // What an ingest key tells of a release is counted, as ever, but not believed.
                Upload::Release(_) if !may => None,
                Upload::Release(told) => self.set_release(project, told).err().map(refused),
                _ if !may => Some(forbidden()),
                Upload::Chunks(chunks) => self.keep_chunks(&chunks).err().map(refused),
                Upload::Bundle { checksum, chunks, release, dist } => {
                    let state = self.assemble(project, &checksum, &chunks, &release, &dist);
                    if state["state"] == "error" {
                        self.counters.lost(wire, "bundles that could not be put together", 1);
                    }
                    Some(Answer::new(200, "application/json", state.to_string()))
                }
                Upload::File { release, dist, url, map, bytes } => {
                    self.keep_file(project, &release, &dist, &url, &map, &bytes).err().map(refused)
                }
            };
            if let Some(answer) = answer {
                taken.answer = answer;
            }
        }
    }

    fn set_release(&self, project: i64, told: Released) -> Result<(), String> {
        let commits: Vec<Value> = told
            .commits
            .iter()
            .map(|c| json!([c.commit, c.author, c.at.map(|t| t.to_string()).unwrap_or_default(), c.subject]))
            .collect();
        let row = ReleaseRow {
            release: told.release,
            commit: told.commit,
            previous: told.previous,
            at: now(),
            commits: if commits.is_empty() { String::new() } else { Value::from(commits).to_string() },
        };
        let store = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        store.set_release(project, &row).map_err(|e| e.to_string())
    }

    /// `releases/VERSION/previous-with-commits`: from where on `sentry-cli` tells of commits.
    fn last_release(&self, project: i64) -> Option<Answer> {
        let reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        let last = reader.release_before(project, "", now()).ok()??;
        let body = json!({
            "version": last.release, "dateCreated": last.at.to_string(), "lastCommit": {"id": last.commit},
        });
        Some(Answer::new(200, "application/json", body.to_string()))
    }

    fn chunk(&self, sha1: &str) -> PathBuf {
        self.maps.folder().join("chunks").join(sha1)
    }

    fn keep_chunks(&self, chunks: &[(String, Vec<u8>)]) -> Result<(), String> {
        let folder = self.maps.folder().join("chunks");
        std::fs::create_dir_all(&folder).map_err(|e| e.to_string())?;
        let sizes = std::fs::read_dir(&folder)
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|e| Some(e.metadata().ok()?.len()));
        let mut waiting: u64 = sizes.sum();
        for (name, bytes) in chunks {
            if sha1(bytes) != *name {
                return Err(format!("chunk {name} has another SHA-1"));
            }
            waiting += bytes.len() as u64;
            if waiting > WAITING_BYTES_MAX {
                return Err(
                    "too many files are being sent; what nobody came back for goes within a day".to_owned()
                );
            }
            std::fs::write(self.chunk(name), bytes).map_err(|e| e.to_string())?;
        }
        Ok(())
    }

    /// Puts a bundle together and keeps its maps; gives its state as `sentry-cli` reads it.
    fn assemble(&self, project: i64, checksum: &str, chunks: &[String], release: &str, dist: &str) -> Value {
        let state = |state: &str, missing: &[&String], detail: Option<String>| json!({ "state": state, "missingChunks": missing, "detail": detail });
        let missing: Vec<&String> = chunks.iter().filter(|c| !self.chunk(c).is_file()).collect();
        if !missing.is_empty() {
            return state("not_found", &missing, None);
        }
        let outcome =
            self.together(checksum, chunks).and_then(|bytes| self.unpack(project, bytes, release, dist));
        for chunk in chunks {
            let _ = std::fs::remove_file(self.chunk(chunk));
        }
        match outcome {
            Ok(_) => state("ok", &[], None),
            Err(why) => state("error", &[], Some(why)),
        }
    }

    fn together(&self, checksum: &str, chunks: &[String]) -> Result<Vec<u8>, String> {
        let mut bytes = Vec::new();
        for chunk in chunks {
            bytes.extend(std::fs::read(self.chunk(chunk)).map_err(|e| format!("chunk {chunk}: {e}"))?);
        }
        if sha1(&bytes) != checksum {
            return Err(format!("the file put together has not the SHA-1 {checksum}"));
        }
        Ok(bytes)
    }

    /// Keeps the source maps of an archive; gives how many there were.
    fn unpack(&self, project: i64, bytes: Vec<u8>, release: &str, dist: &str) -> Result<usize, String> {
        let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|e| format!("no bundle: {e}"))?;
        if archive.len() > ENTRIES_MAX {
            return Err(format!("the bundle has more than {ENTRIES_MAX} files"));
        }
        let manifest = entry(&mut archive, "manifest.json", MANIFEST_BYTES_MAX)?;
        let manifest = Manifest::read(&manifest)?;
        let release = Some(release).filter(|r| !r.is_empty()).or(manifest.release.as_deref()).unwrap_or("");
        let dist = Some(dist).filter(|d| !d.is_empty()).or(manifest.dist.as_deref()).unwrap_or("");
        let (mut kept, mut unpacked, mut last) = (0, 0u64, None);
        for map in manifest.maps() {
            let one = entry(&mut archive, &map.path, MAP_BYTES_MAX).and_then(|bytes| {
                unpacked += bytes.len() as u64;
                self.keep_map(project, &bytes, &map.debug_ids, release, dist, &map.urls)
            });
            if unpacked > UNPACKED_BYTES_MAX {
                return Err(format!("the bundle's source maps have more than {UNPACKED_BYTES_MAX} bytes"));
            }
            match one {
                Ok(_) => kept += 1,
                Err(why) => last = Some(format!("{}: {why}", map.path)),
            }
        }
        // Some that are broken keep no others from being used; all that are broken are told.
        match last {
            Some(why) if kept == 0 => Err(why),
            Some(why) => {
                eprintln!("why500: a bundle of source maps: {}", record::scrub::visible(&why));
                Ok(kept)
            }
            None => Ok(kept),
        }
    }

    /// A file that comes by itself: a map is kept under the script's name that its own stands beside.
    fn keep_file(
        &self,
        project: i64,
        release: &str,
        dist: &str,
        url: &str,
        map: &str,
        bytes: &[u8],
    ) -> Result<(), String> {
        let Some(script) = url.strip_suffix(".map") else {
            // The script itself is not needed; if it calls its map by another name, nobody can know that here.
            let own = format!("{url}.map");
            if !map.is_empty() && resolved(url, map) != own {
                self.counters.lost("sentry api", "scripts whose source map has another name: use bundles", 1);
            }
            return Ok(());
        };
        self.keep_map(project, bytes, &[], release, dist, &[script.to_owned()])
            .map(|_| ())
            .map_err(|why| format!("{url}: {why}"))
    }
}

/// A file of an archive, within a limit.
fn entry(archive: &mut zip::ZipArchive<Cursor<Vec<u8>>>, path: &str, max: usize) -> Result<Vec<u8>, String> {
    let file = archive.by_name(path).map_err(|e| format!("{path}: {e}"))?;
    let mut bytes = Vec::new();
    file.take(max as u64 + 1).read_to_end(&mut bytes).map_err(|e| format!("{path}: {e}"))?;
    if bytes.len() > max {
        return Err(format!("{path}: more than {max} bytes"));
    }
    Ok(bytes)
}

/// SHA-1, in hex: the protocol names files by it.
fn sha1(bytes: &[u8]) -> String {
    hex(ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, bytes).as_ref())
}

fn said(status: u16, why: &str) -> Answer {
    Answer::new(status, "application/json", json!({ "detail": why }).to_string())
}

fn refused(why: String) -> Answer {
    said(400, &why)
}

fn forbidden() -> Answer {
    said(
        403,
        "source maps need an API token with scope deploy (an ingest key stands in pages of browsers): `why500 token --name ci --scopes deploy` makes one, for SENTRY_AUTH_TOKEN",
    )
}

/// What `SENTRY_AUTH_TOKEN` or a key may do here.
pub struct Sender {
    /// The project.
    pub project: i64,
    /// It may hand in source maps and tell of commits.
    pub uploads: bool,
}

impl App {
    /// Who sends, by a key or, for Sentry's web API, by an API token: `sentry-cli` has one secret for all. `named`: the project in its path.
    pub fn sender(&self, wire: &str, access: &wires::Access) -> Option<Sender> {
        let open = self.open.load(std::sync::atomic::Ordering::Acquire);
        let secret =
            access.key.as_deref().filter(|k| wire == "sentry api" && k.starts_with(super::TOKEN_MARK));
        let Some(secret) = secret else {
            return Some(Sender { project: self.project_of(access)?, uploads: open });
        };
        let reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        let token = reader.token(now(), secret).ok()??;
        if !token.scopes.iter().any(|s| s == "deploy") {
            return None;
        }
        let named = access.project.as_deref().unwrap_or("");
        let list = reader.projects().ok()?;
        let by_name = list.iter().find(|p| p.name == named || p.id.to_string() == named).map(|p| p.id);
        let only: HashSet<i64> = list.iter().map(|p| p.id).collect();
        let project = match (token.project, by_name) {
            (Some(own), Some(other)) if own != other => return None,
            (Some(own), _) => own,
            (None, Some(named)) => named,
            // `--project` is anything where there is one.
            (None, None) if only.len() == 1 => *only.iter().next()?,
            (None, None) => return None,
        };
        Some(Sender { project, uploads: true })
    }
}
