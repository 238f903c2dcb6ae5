//! What can be broken in the demo: one row for each fault, with how it is broken and what must be found.

use super::world::World;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Longer than the service waits for prices.
const SLOW: Duration = Duration::from_secs(2);
/// More than any machine has, so that its allocator says no: half of all there are addresses for.
const ALL_BYTES: usize = usize::MAX / 2;

/// Something that can be broken.
#[derive(Debug)]
pub struct Fault {
    /// What it is called: `database-gone`.
    pub name: &'static str,
    /// What is done, in a line.
    pub what: &'static str,
    /// The cause that the logs must be found to show: `database/schema-mismatch`.
    pub cause: &'static str,
    /// Breaks it.
    broken: fn(&World) -> Result<(), String>,
    /// Sets it right.
    mended: fn(&World) -> Result<(), String>,
    /// Some clients send users without an e-mail address.
    pub odd_users: bool,
}

/// All of them, in the order of the menu.
pub const FAULTS: [Fault; 8] = [
    Fault {
        name: "database-gone",
        what: "the database's file is moved away, and SQLite makes an empty one in its place",
        cause: "database/schema-mismatch",
        broken: World::move_database,
        mended: World::bring_database_back,
        odd_users: false,
    },
    Fault {
        name: "database-locked",
        what: "a nightly job keeps a transaction open",
        cause: "database/lock-timeout",
        broken: World::lock_database,
        mended: World::unlock_database,
        odd_users: false,
    },
    Fault {
        name: "bad-deploy",
        what: "release 1.5.0 expects a field that the price service does not send",
        cause: "code/serialization-error",
        broken: |w| w.deploy(true),
        mended: |w| w.deploy(false),
        odd_users: false,
    },
    Fault {
        name: "upstream-down",
        what: "the price service is stopped",
        cause: "upstream/connection-refused",
        broken: |w| {
            w.upstream.stop();
            Ok(())
        },
        mended: |w| w.upstream.resume().map_err(|e| format!("the price service: {e}")),
        odd_users: false,
    },
    Fault {
        name: "upstream-slow",
        what: "the price service takes two seconds, and the service waits half of one",
        cause: "upstream/timeout",
        broken: |w| {
            w.upstream.slow(SLOW);
            Ok(())
        },
        mended: |w| {
            w.upstream.slow(Duration::ZERO);
            Ok(())
        },
        odd_users: false,
    },
    Fault {
        name: "memory",
        what: "an answer needs more memory than there is",
        cause: "resource/memory-exhausted",
        broken: |w| {
            w.shop.room_bytes.store(ALL_BYTES, Ordering::Relaxed);
            Ok(())
        },
        mended: |w| {
            w.shop.usual_room();
            Ok(())
        },
        odd_users: false,
    },
    Fault {
        name: "bad-input",
        what: "users are no longer checked before they are written, and some come without an address",
        cause: "code/null-reference",
        broken: |w| {
            w.shop.unchecked.store(true, Ordering::Relaxed);
            Ok(())
        },
        mended: |w| {
            w.shop.unchecked.store(false, Ordering::Relaxed);
            Ok(())
        },
        odd_users: true,
    },
    Fault {
        name: "missing-setting",
        what: "the configuration is loaded again, without the price service's token",
        cause: "config/missing-setting",
        broken: |w| w.configure(false),
        mended: |w| w.configure(true),
        odd_users: false,
    },
];

impl Fault {
    /// The fault of this name, or of this number in the menu (from 1 on).
    pub fn named(text: &str) -> Option<&'static Fault> {
        let text = text.trim();
        let number = text.parse::<usize>().ok().and_then(|n| FAULTS.get(n.checked_sub(1)?));
        number.or_else(|| FAULTS.iter().find(|f| f.name == text))
    }

    /// Breaks it.
    ///
    /// # Errors
    /// That is not possible; why.
    pub fn break_it(&self, world: &World) -> Result<(), String> {
        (self.broken)(world)
    }

    /// Sets it right.
    ///
    /// # Errors
    /// That is not possible; why.
    pub fn mend(&self, world: &World) -> Result<(), String> {
        (self.mended)(world)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_found_by_number_and_name_and_its_cause_exists() {
        let catalogue: toml::Table = toml::from_str(include_str!("../../../../causes.toml")).unwrap();
        for (i, f) in FAULTS.iter().enumerate() {
            assert_eq!(Fault::named(f.name).unwrap().name, f.name);
            assert_eq!(Fault::named(&format!(" {} ", i + 1)).unwrap().name, f.name);
            let (class, cause) = f.cause.split_once('/').unwrap();
            assert!(catalogue[class].get(cause).is_some(), "{}", f.cause);
        }
        assert!(Fault::named("0").is_none() && Fault::named("9").is_none() && Fault::named("").is_none());
    }
}
