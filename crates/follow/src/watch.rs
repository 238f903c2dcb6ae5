//! What the system tells of changes in folders (inotify(7)), so that silent files need not be looked at several times a second.
//!
//! A thousand silent files looked at each 150 ms are 7,000 `stat` a second, 7 % of a core; told of, they are one `read`. Only local
//! file systems are believed: what another machine writes over a network shows no event. Files that grow are looked at all the
//! same, so that none of it rests on what may be lost.

use crate::rotation;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// What changed since it was asked last.
#[derive(Debug, Default)]
pub(crate) struct Changed {
    /// Files that were written to, came, went or got another name; and the logs that such a file would belong to.
    files: HashSet<PathBuf>,
    /// A file came under a name.
    pub came: bool,
    /// More than the system could hold: anything may have changed.
    all: bool,
}

impl Changed {
    /// Did this file, or what rotation made of it?
    pub fn has(&self, path: &Path) -> bool {
        self.all || self.files.contains(path)
    }

    #[cfg_attr(not(target_os = "linux"), allow(dead_code))]
    fn add(&mut self, folder: &Path, name: &str) {
        if let Some((base, _)) = rotation::base(name) {
            self.files.insert(folder.join(base));
        }
        self.files.insert(folder.join(name));
    }
}

#[cfg(target_os = "linux")]
pub(crate) use linux::Watch;

#[cfg(not(target_os = "linux"))]
pub(crate) use elsewhere::Watch;

#[cfg(target_os = "linux")]
mod linux {
    use super::Changed;
    use rustix::fd::OwnedFd;
    use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
    use std::collections::HashMap;
    use std::mem::MaybeUninit;
    use std::path::{Path, PathBuf};

    /// Bytes of events read at a time: some hundred.
    const EVENTS_BYTES: usize = 16 << 10;

    /// File systems that others write to unseen, by their `f_type` (statfs(2)): NFS, SMB, CIFS, SMB2, FUSE, 9p, Ceph, AFS, GPFS, Lustre.
    const REMOTE: [u64; 10] = [
        0x6969,
        0x517b,
        0xff53_4d42,
        0xfe53_4d42,
        0x6573_5546,
        0x0102_1997,
        0x00c3_6400,
        0x5346_414f,
        0x4750_4653,
        0x0bd0_0bd0,
    ];

    /// The folders that are watched.
    pub(crate) struct Watch {
        /// `None`: the system gives none, and all files are looked at.
        inotify: Option<OwnedFd>,
        /// By path; `None` for one that cannot be watched.
        folders: HashMap<PathBuf, Option<i32>>,
        paths: HashMap<i32, PathBuf>,
    }

    impl Watch {
        pub fn new() -> Watch {
            let inotify = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).ok();
            Watch { inotify, folders: HashMap::new(), paths: HashMap::new() }
        }

        /// From now on changes in the folder are told of; false where they cannot be.
        pub fn folder(&mut self, folder: &Path) -> bool {
            let Some(inotify) = &self.inotify else { return false };
            if let Some(known) = self.folders.get(folder) {
                return known.is_some();
            }
            let local =
                rustix::fs::statfs(folder).is_ok_and(|s| !REMOTE.contains(&(s.f_type as u64 & 0xffff_ffff)));
            let flags = WatchFlags::MODIFY
                | WatchFlags::CREATE
                | WatchFlags::DELETE
                | WatchFlags::MOVED_FROM
                | WatchFlags::MOVED_TO
                | WatchFlags::DELETE_SELF
                | WatchFlags::MOVE_SELF
                | WatchFlags::ONLYDIR;
            let watched = if local { inotify::add_watch(inotify, folder, flags).ok() } else { None };
            if let Some(watched) = watched {
                // Two paths of one folder share a watch: the second is looked at.
                if self.paths.contains_key(&watched) {
                    self.folders.insert(folder.to_owned(), None);
                    return false;
                }
                self.paths.insert(watched, folder.to_owned());
            }
            self.folders.insert(folder.to_owned(), watched);
            watched.is_some()
        }

        /// What changed since it was asked last.
        pub fn changed(&mut self) -> Changed {
            let mut changed = Changed::default();
            let Some(fd) = &self.inotify else { return changed };
            let mut buffer = [MaybeUninit::uninit(); EVENTS_BYTES];
            let mut events = inotify::Reader::new(fd, &mut buffer);
            let mut last: (i32, String) = (-1, String::new());
            let mut gone = Vec::new();
            while let Ok(event) = events.next() {
                let what = event.events();
                changed.all |= what.contains(ReadFlags::QUEUE_OVERFLOW);
                changed.came |= what.intersects(ReadFlags::CREATE | ReadFlags::MOVED_TO);
                if what.intersects(ReadFlags::IGNORED | ReadFlags::DELETE_SELF | ReadFlags::MOVE_SELF) {
                    gone.push(event.wd());
                }
                let Some(name) = event.file_name() else { continue };
                let name = name.to_string_lossy();
                // A file that is written to tells so again and again.
                if last.0 == event.wd() && last.1 == name {
                    continue;
                }
                if let Some(folder) = self.paths.get(&event.wd()) {
                    changed.add(folder, &name);
                }
                last = (event.wd(), name.into_owned());
            }
            for watched in gone {
                // Another folder may stand there; whatever lay in it is looked at.
                if let Some(folder) = self.paths.remove(&watched) {
                    self.folders.remove(&folder);
                    changed.all = true;
                    let _ = inotify::remove_watch(fd, watched);
                }
            }
            changed
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod elsewhere {
    use super::Changed;
    use std::path::Path;

    /// Nothing is told: all files are looked at.
    pub(crate) struct Watch;

    impl Watch {
        pub fn new() -> Watch {
            Watch
        }

        pub fn folder(&mut self, _: &Path) -> bool {
            false
        }

        pub fn changed(&mut self) -> Changed {
            Changed::default()
        }
    }
}
