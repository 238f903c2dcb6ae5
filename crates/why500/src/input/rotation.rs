//! The files of one log, which rotation cut: `access.log.2.gz`, `access.log.1`, `access.log`; `app.log-20261124`, `app.log`.
//!
//! They are read from the oldest to the youngest, so that an entry that was cut between two of them is one entry.

use diagnosis::family;
use follow::rotation::Age;

fn age(path: &str, family: &str) -> Age {
    // Ends in numbers (and what packing adds), as the family is the path without them.
    Age::of(path.get(family.len()..).unwrap_or(""))
}

/// A key by which the files of each log stand together, the oldest first.
pub(super) fn order(path: &str) -> impl Ord + use<> {
    let family = family(path);
    let age = age(path, &family);
    (family, age, path.to_owned())
}

/// Is the second file of the same log as the first, and younger?
pub fn follows(first: &str, second: &str) -> bool {
    let (a, b) = (family(first), family(second));
    a == b && age(first, &a) < age(second, &b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_a_log_stand_together_from_the_oldest_on() {
        let mut paths = [
            "b/access.log",
            "a/access.log.1",
            "a/access.log.10.gz",
            "a/access.log",
            "a/access.log.2.gz",
            "a/app.log",
            "a/app.log-20261124",
            "a/app.log-20261123.gz",
        ];
        paths.sort_by_key(|p| order(p));
        assert_eq!(
            paths,
            [
                "a/access.log.10.gz",
                "a/access.log.2.gz",
                "a/access.log.1",
                "a/access.log",
                "a/app.log-20261123.gz",
                "a/app.log-20261124",
                "a/app.log",
                "b/access.log",
            ]
        );
        assert!(follows("a/access.log.1", "a/access.log"));
        assert!(!follows("a/access.log", "a/access.log.1"));
        assert!(!follows("a/access.log.1", "b/access.log"));
        assert!(!follows("a/access.log", "a/access.log"));
    }
}
