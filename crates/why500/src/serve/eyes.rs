//! What the repositories tell of a problem, worked out when somebody asks, and remembered.

use super::App;
use crate::ask::told;
use ::code::look::{Ask, Release};
use ::code::repo::Place;
use record::{CodeView, Time, ToldCommit};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use store::{ProblemFull, Reader};

/// A look takes some milliseconds, in the largest repositories a second; whoever asks is not kept longer.
const LOOK_TIME: Duration = Duration::from_secs(5);
/// Answers remembered.
const REMEMBERED_MAX: usize = 1_000;
/// That a repository has other commits checked out is seen within this.
const HEADS_TIME: Duration = Duration::from_secs(10);
/// Deploys before a problem that are looked through for the release before.
const DEPLOYS_US: i64 = 30 * 86_400 * record::SECOND;

/// The repositories, and what was seen.
pub struct Eyes {
    inner: Mutex<Inner>,
}

struct Inner {
    eyes: ::code::look::Eyes,
    heads: Vec<String>,
    looked: Option<Instant>,
    /// By what was asked.
    seen: HashMap<u64, CodeView>,
}

impl Eyes {
    /// For repositories.
    pub fn new(places: &[Place]) -> Eyes {
        let eyes = ::code::look::Eyes::new(places.to_vec());
        Eyes { inner: Mutex::new(Inner { eyes, heads: Vec::new(), looked: None, seen: HashMap::new() }) }
    }

    /// The answer; one is worked out at a time.
    pub fn look(&self, ask: &Ask) -> CodeView {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.looked.is_none_or(|at| at.elapsed() > HEADS_TIME) {
            let heads = inner.eyes.heads();
            if heads != inner.heads {
                inner.seen.clear();
                inner.heads = heads;
            }
            inner.looked = Some(Instant::now());
        }
        let key = record::hash(format!("{ask:?}"));
        if let Some(known) = inner.seen.get(&key) {
            return known.clone();
        }
        let began = Instant::now();
        let seen = inner.eyes.look(ask, &|| began.elapsed() < LOOK_TIME);
        if inner.seen.len() >= REMEMBERED_MAX {
            inner.seen.clear();
        }
        inner.seen.insert(key, seen.clone());
        seen
    }
}

impl App {
    /// What is to be asked about a problem.
    pub fn ask_of(&self, reader: &Reader, project: i64, full: &ProblemFull) -> store::Result<Ask> {
        let doc: Value = serde_json::from_str(&full.document).unwrap_or_default();
        let deployed = doc["verdict"]["trigger"]["kind"] == "deploy";
        let at = doc["verdict"]["trigger"]["at"]
            .as_str()
            .and_then(|t| formats::time::stamp(t, full.row.first_seen));
        let by_deploy =
            doc["verdict"]["trigger"]["what"].as_str().and_then(crate::repos::release).filter(|_| deployed);
        // The most failures come from it.
        let most = full.releases.iter().max_by_key(|(_, n)| *n).map(|(name, _)| name.as_str());
        let name = by_deploy.or(most).filter(|n| !n.is_empty() && *n != store::OTHER);
        let deploy = at.map_or(full.row.first_seen, |s| s.time);
        let release = name.map(|n| release(reader, project, n)).transpose()?;
        let before = match &release {
            Some(r) => before(reader, project, r, deploy)?,
            None => None,
        };
        Ok(Ask {
            frames: doc["exception"]["frames"].as_array().into_iter().flatten().map(told::frame).collect(),
            release,
            before,
            first_seen: Some(full.row.first_seen),
            deployed,
            suspects: full.row.class == "code",
        })
    }
}

/// A release with what was told of it.
fn release(reader: &Reader, project: i64, name: &str) -> store::Result<Release> {
    let Some(row) = reader.release(project, name)? else {
        return Ok(Release { name: name.to_owned(), ..Release::default() });
    };
    let list: Vec<[String; 4]> = serde_json::from_str(&row.commits).unwrap_or_default();
    let told = |[commit, author, at, subject]: [String; 4]| ToldCommit { commit, author, at, subject };
    Ok(Release {
        name: row.release,
        commit: Some(row.commit).filter(|c| !c.is_empty()),
        commits: list.into_iter().map(told).collect(),
    })
}

/// The release that ran before: whose commit `set-commits` named, which was deployed before, or told of before.
fn before(reader: &Reader, project: i64, r: &Release, deploy: Time) -> store::Result<Option<Release>> {
    let told = reader.release(project, &r.name)?;
    if let Some(row) = told.as_ref().filter(|row| !row.previous.is_empty()) {
        return Ok(Some(Release { commit: Some(row.previous.clone()), ..Release::default() }));
    }
    let marks = reader.marks(project, deploy.plus(-DEPLOYS_US), deploy)?;
    let earlier = marks.iter().filter(|m| m.kind == "deploy").filter(|m| m.at <= deploy);
    let other = earlier
        .filter_map(|m| Some((m.at, crate::repos::release(&m.what)?)))
        .filter(|(_, name)| *name != r.name);
    if let Some((_, name)) = other.max_by_key(|(at, _)| *at) {
        return release(reader, project, name).map(Some);
    }
    match told.and_then(|row| reader.release_before(project, &row.release, row.at).transpose()) {
        Some(row) => {
            let row = row?;
            Ok(Some(Release { name: row.release, commit: Some(row.commit), commits: Vec::new() }))
        }
        None => Ok(None),
    }
}
