//! A folder of one's own, and commits in few words.

use record::Time;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use store::{Commit, Example, FailureChange, ProblemChange, ProblemFull, Reader, State, Store};

/// A folder that goes with the test.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(name: &str) -> Folder {
        Folder::within(&std::env::temp_dir(), name)
    }

    /// In memory where there is such a file system.
    pub fn in_memory(name: &str) -> Folder {
        let memory = Path::new("/dev/shm");
        if memory.is_dir() { Folder::within(memory, name) } else { Folder::new(name) }
    }

    fn within(folder: &Path, name: &str) -> Folder {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = folder.join(format!("why500-store-{}-{name}-{n}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("a folder for the test");
        Folder(path)
    }
}

impl std::ops::Deref for Folder {
    type Target = Path;
    fn deref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub const PROJECT: i64 = 1;
/// A database that refuses.
pub const DATABASE: &str = "00000000000000da";
/// A null in the cart.
pub const CART: &str = "ca00000000000001";

/// Seconds after 2027-01-15T08:00:00Z.
pub fn at(seconds: i64) -> Time {
    Time::from_secs(1_800_000_000 + seconds)
}

pub fn problem(id: &str, class: &str, cause: &str, culprit: &str) -> ProblemChange {
    ProblemChange {
        project: PROJECT,
        id: id.to_owned(),
        title: format!("{cause} at {culprit}"),
        class: class.to_owned(),
        cause: cause.to_owned(),
        culprit: Some(culprit.to_owned()),
        trigger: Some("deploy".to_owned()),
        confidence: 0.9,
        document: format!("{{\"id\": \"{id}\"}}"),
    }
}

pub fn database() -> ProblemChange {
    problem(DATABASE, "database", "connection-refused", "127.0.0.1:3306")
}

pub fn cart() -> ProblemChange {
    problem(CART, "code", "null-dereference", "app/Cart.php:88")
}

/// A failure of `GET /cart/{id}` with 500.
pub fn failure(id: u64, problem: &str, when: Time) -> FailureChange {
    FailureChange {
        project: PROJECT,
        id,
        problem: problem.to_owned(),
        at: when,
        arrived: when,
        status: 500,
        method: "GET".to_owned(),
        route: "/cart/{id}".to_owned(),
        target: format!("/cart/{}", id % 1_000),
        service: Some("shop".to_owned()),
        release: Some("shop@3.8.0".to_owned()),
        environment: Some("production".to_owned()),
    }
}

pub fn example(failure: u64, problem: &str) -> Example {
    Example {
        project: PROJECT,
        failure,
        problem: problem.to_owned(),
        records: failure.to_le_bytes().to_vec(),
        text: format!("{{\"failure\": {failure}}}"),
        odd: false,
    }
}

/// A commit of problems and failures.
pub fn digest(
    digested: u64,
    when: Time,
    problems: Vec<ProblemChange>,
    failures: Vec<FailureChange>,
) -> Commit {
    Commit { digested, at: when, problems, failures, ..Commit::default() }
}

pub fn one(reader: &Reader, id: &str) -> ProblemFull {
    reader.problem(PROJECT, id).expect("it can be read").expect("there is such a problem")
}

pub fn states(problem: &ProblemFull) -> Vec<State> {
    problem.states.iter().map(|s| s.state).collect()
}

/// Nothing that the store can find wrong with itself.
pub fn sound(store: &Store) {
    let findings = store.check().expect("it can be checked");
    assert_eq!(findings.wrong, Vec::<String>::new());
}
