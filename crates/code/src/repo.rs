//! A git repository, read as files: commits, files of a commit, the commit of a release.
//!
//! By gitoxide's object database alone: its configuration, hooks, filters and remotes are not looked at, nothing of it is run. A
//! repository may be damaged or made to harm: an object is unpacked only if it is of bounded size.

use crate::refs::Refs;
use gix_object::{CommitRefIter, Find, Kind, TreeRefIter};
use gix_odb::Header;
use record::{SECOND, Time};
use std::cell::RefCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// The number of an object, SHA-1.
pub type Id = gix_hash::ObjectId;

/// Bytes of an object that is unpacked: sources have some kilobytes, the tree of a folder with ten thousand files 400 KB.
const OBJECT_BYTES_MAX: u64 = 16 << 20;
/// Entries of folders remembered: between two commits most are the same.
const ENTRIES_MAX: usize = 100_000;
/// Folders within folders.
const DEPTH_MAX: usize = 100;
/// Bytes shown of an author's name or a subject.
const SHOWN_BYTES_MAX: usize = 200;
/// Hex digits at least by which a release names a commit: git's own short form.
const HEX_MIN: usize = 7;

/// What went wrong, for whoever reads.
pub type Result<T> = std::result::Result<T, String>;

/// May it go on? The caller has the clock.
pub type Go<'a> = &'a dyn Fn() -> bool;

/// Where a repository lies, and what its root is called in stacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The folder.
    pub folder: PathBuf,
    /// Where the service has the root: `/app`.
    pub prefix: Option<String>,
}

impl std::str::FromStr for Place {
    type Err = String;

    /// `PATH` or `PATH=PREFIX`.
    fn from_str(text: &str) -> std::result::Result<Place, String> {
        let (folder, prefix) = match text.split_once('=') {
            Some((folder, prefix)) => (folder, Some(prefix.to_owned()).filter(|p| !p.is_empty())),
            None => (text, None),
        };
        if folder.is_empty() {
            return Err(
                "name the folder of a git repository: PATH, or PATH=PREFIX where stacks show it below PREFIX"
                    .into(),
            );
        }
        Ok(Place { folder: folder.into(), prefix })
    }
}

/// A commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Its number.
    pub id: Id,
    /// Its files.
    pub tree: Id,
    /// What it was made from.
    pub parents: Vec<Id>,
    /// Who wrote it: the name alone.
    pub author: String,
    /// When it was committed.
    pub at: Time,
    /// The first line of its message.
    pub subject: String,
}

/// An open repository.
pub struct Repo {
    refs: Refs,
    objects: gix_odb::Handle,
    entries: RefCell<Entries>,
}

/// By folder and name: what is there.
type Entries = HashMap<(Id, Box<[u8]>), Option<Entry>>;

/// A file or folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its content.
    pub id: Id,
    /// It is a folder.
    pub folder: bool,
}

fn broken(id: &Id, why: impl std::fmt::Display) -> String {
    format!("object {id} cannot be read: {why}")
}

fn cut(text: &str) -> String {
    let text = text.trim();
    let mut end = text.len().min(SHOWN_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().to_owned()
}

impl Repo {
    /// Opens a repository. Nothing is read of it yet but where its objects lie.
    ///
    /// # Errors
    /// There is none.
    pub fn open(folder: &Path) -> Result<Repo> {
        let refs = Refs::open(folder).ok_or_else(|| {
            format!("{}: no git repository; name the folder that holds .git, or a bare one", folder.display())
        })?;
        let options = gix_odb::store::init::Options {
            alloc_limit_bytes: usize::try_from(OBJECT_BYTES_MAX).ok(),
            ..Default::default()
        };
        let objects = gix_odb::at_opts(refs.objects(), gix_hash::Kind::Sha1, None, options)
            .map_err(|e| format!("{}: {e}", folder.display()))?;
        Ok(Repo { refs, objects, entries: RefCell::default() })
    }

    /// An object's bytes, if it is of the kind.
    fn read<'b>(&self, id: &Id, kind: Kind, buffer: &'b mut Vec<u8>) -> Result<&'b [u8]> {
        let header = self.objects.try_header(id).map_err(|e| broken(id, e))?;
        let header =
            header.ok_or_else(|| broken(id, "it is not there (is the repository a shallow clone?)"))?;
        if header.kind() != kind {
            return Err(broken(id, format_args!("it is a {}, no {kind}", header.kind())));
        }
        if header.size() > OBJECT_BYTES_MAX {
            return Err(broken(
                id,
                format_args!("it has {} bytes; at most {OBJECT_BYTES_MAX} are read", header.size()),
            ));
        }
        let found = self.objects.try_find(id, buffer).map_err(|e| broken(id, e))?;
        Ok(found.ok_or_else(|| broken(id, "it is not there"))?.data)
    }

    /// A commit.
    ///
    /// # Errors
    /// It is not there, or damaged.
    pub fn commit(&self, id: &Id) -> Result<Commit> {
        let mut buffer = Vec::new();
        let data = self.read(id, Kind::Commit, &mut buffer)?;
        let parts = || CommitRefIter::from_bytes(data, gix_hash::Kind::Sha1);
        let tree = parts().tree_id().map_err(|e| broken(id, e))?;
        let committer = parts().committer().map_err(|e| broken(id, e))?;
        let author = parts().author().map_err(|e| broken(id, e))?;
        let message = parts().message().map(|m| String::from_utf8_lossy(m).into_owned()).unwrap_or_default();
        Ok(Commit {
            id: *id,
            tree,
            parents: parts().parent_ids().collect(),
            author: cut(&String::from_utf8_lossy(author.name)),
            at: Time(committer.seconds().saturating_mul(SECOND)),
            subject: cut(message.trim_start().lines().next().unwrap_or("")),
        })
    }

    /// What a folder has under a name.
    ///
    /// # Errors
    /// The folder cannot be read.
    fn entry(&self, tree: &Id, name: &[u8]) -> Result<Option<Entry>> {
        let key = (*tree, Box::from(name));
        if let Some(known) = self.entries.borrow().get(&key) {
            return Ok(*known);
        }
        let mut buffer = Vec::new();
        let data = self.read(tree, Kind::Tree, &mut buffer)?;
        let list = TreeRefIter::from_bytes(data, gix_hash::Kind::Sha1);
        let found = list.filter_map(std::result::Result::ok).find(|e| e.filename == name);
        let entry = found.map(|e| Entry { id: e.oid.to_owned(), folder: e.mode.is_tree() });
        let mut known = self.entries.borrow_mut();
        if known.len() >= ENTRIES_MAX {
            known.clear();
        }
        known.insert(key, entry);
        Ok(entry)
    }

    /// The content of a file of a commit's tree; `None` where there is none.
    ///
    /// # Errors
    /// A folder on the way cannot be read.
    pub fn file(&self, tree: &Id, path: &str) -> Result<Option<Id>> {
        let mut at = Entry { id: *tree, folder: true };
        for step in path.split('/') {
            if !at.folder {
                return Ok(None);
            }
            match self.entry(&at.id, step.as_bytes())? {
                Some(next) => at = next,
                None => return Ok(None),
            }
        }
        Ok(Some(at.id).filter(|_| !at.folder))
    }

    /// A file's bytes.
    ///
    /// # Errors
    /// It is not there, too large, or damaged.
    pub fn bytes(&self, id: &Id) -> Result<Vec<u8>> {
        let mut buffer = Vec::new();
        let len = self.read(id, Kind::Blob, &mut buffer)?.len();
        buffer.truncate(len);
        Ok(buffer)
    }

    /// Calls with each file of a tree: path and content. Ends early when it may not go on, or `each` says so by `false`.
    ///
    /// # Errors
    /// A folder cannot be read.
    pub fn files(&self, tree: &Id, go: Go<'_>, each: &mut dyn FnMut(&str, Id) -> bool) -> Result<()> {
        let mut left = vec![(*tree, String::new(), 0usize)];
        let mut buffer = Vec::new();
        while let Some((id, path, depth)) = left.pop() {
            if !go() {
                return Err("reading the repository took too long".to_owned());
            }
            let data = self.read(&id, Kind::Tree, &mut buffer)?;
            for e in TreeRefIter::from_bytes(data, gix_hash::Kind::Sha1).filter_map(std::result::Result::ok) {
                let Ok(name) = std::str::from_utf8(e.filename) else { continue };
                let whole = if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") };
                if e.mode.is_tree() {
                    if depth < DEPTH_MAX {
                        left.push((e.oid.to_owned(), whole, depth + 1));
                    }
                } else if e.mode.is_blob() && !each(&whole, e.oid.to_owned()) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// The commit that is checked out.
    ///
    /// # Errors
    /// There is none yet, or its name is kept in a form that is not read (reftable).
    pub fn head(&self) -> Result<Commit> {
        let hex = self.refs.find("HEAD").ok_or("HEAD names no commit")?;
        self.commit(&self.peeled(&hex).ok_or_else(|| format!("HEAD names {hex}, which is no commit"))?)
    }

    /// The commit that a hex number stands for, through annotated tags.
    fn peeled(&self, hex: &str) -> Option<Id> {
        let mut id = Id::from_hex(hex.as_bytes()).ok()?;
        for _ in 0..5 {
            let mut buffer = Vec::new();
            match self.objects.try_header(&id).ok()??.kind() {
                Kind::Commit => return Some(id),
                Kind::Tag => {
                    let data = self.read(&id, Kind::Tag, &mut buffer).ok()?;
                    id = gix_object::TagRefIter::from_bytes(data, gix_hash::Kind::Sha1).target_id().ok()?;
                }
                _ => return None,
            }
        }
        None
    }

    /// The commit that a text names by (the beginning of) its number.
    fn by_number(&self, text: &str) -> Option<Id> {
        let hex = text.bytes().all(|b| b.is_ascii_hexdigit());
        if !hex || !(HEX_MIN..=40).contains(&text.len()) {
            return None;
        }
        let prefix = gix_hash::Prefix::from_hex(&text.to_ascii_lowercase()).ok()?;
        // Found once: not at all and more than once are none.
        let found = self.objects.lookup_prefix(prefix, None).ok()??.ok()?;
        self.peeled(&found.to_string())
    }

    /// The commit of a release: `told` by whoever set the release's commits; a tag of its name (`shop@3.8.0`, `3.8.0`, `v3.8.0`); a
    /// commit's number in it (`9f2c1ab`, `shop@9f2c1ab`, `3.8.0+9f2c1ab`).
    pub fn release(&self, release: &str, told: Option<&str>) -> Option<Commit> {
        let version = release.rsplit_once('@').map_or(release, |(_, version)| version);
        let build = version.rsplit_once('+').map_or("", |(_, build)| build);
        let plain = version.split('+').next().unwrap_or(version);
        let numbers = [told.unwrap_or(""), version, build].into_iter().filter_map(|n| self.by_number(n));
        let names = [release, version, plain].into_iter().flat_map(|n| [n.to_owned(), format!("v{n}")]);
        let tags = names
            .filter_map(|n| self.refs.find(&format!("refs/tags/{n}")))
            .filter_map(|hex| self.peeled(&hex));
        let id = numbers.chain(tags).next()?;
        self.commit(&id).ok()
    }

    /// Tags by commit.
    pub fn tags(&self) -> HashMap<Id, String> {
        let list = self.refs.tags().into_iter();
        list.filter_map(|(hex, name)| Some((self.peeled(&hex)?, name))).collect()
    }
}
