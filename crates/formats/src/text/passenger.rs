//! Phusion Passenger's log: its own messages, and what applications print.
//!
//! ```text
//! [ E 2026-11-24 07:30:12.1234 1234/T5 age/Cor/App/Implementation.cpp:221 ]: Could not spawn process for application /srv/shop: The application process exited prematurely.
//! App 2345 output: Error: The application encountered the following error: cannot load such file -- pg (LoadError)
//! ```
//!
//! Source: `src/cxx_supportlib/LoggingKit/Implementation.cpp` (`[ L date pid/thread file:line ]: `; before
//! 5.1 without the level),
//! `src/agent/Core/ApplicationPool` (`App PID output|stdout|stderr: `).

use super::prefix::{level, stamp, word};
use crate::{Context, Entry, LineFormat};

/// Passenger's log.
pub(super) struct Passenger;

impl LineFormat for Passenger {
    fn name(&self) -> &'static str {
        "passenger"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        if let Some(rest) = line.strip_prefix("App ") {
            let (pid, rest) = rest.split_once(' ')?;
            let message = ["output: ", "stdout: ", "stderr: "].iter().find_map(|s| rest.strip_prefix(s))?;
            if pid.is_empty() || !pid.bytes().all(|c| c.is_ascii_digit()) {
                return None;
            }
            return Some(Entry { pid: Some(pid.into()), message: message.into(), ..Entry::default() });
        }
        let rest = line.strip_prefix("[ ")?;
        let (head, message) = rest.split_once(" ]: ")?;
        let (first, after) = word(head);
        let (found, timed) = match level(first).filter(|_| first.len() <= 2) {
            Some(l) => (l, after),
            None => (record::Level::Unknown, head),
        };
        let (at, rest) = stamp(timed, context)?;
        let (process, place) = word(rest.trim_start());
        let pid = process.split(['/', ':']).next().unwrap_or(process);
        if pid.is_empty() || !pid.bytes().all(|c| c.is_ascii_hexdigit()) {
            return None;
        }
        Some(Entry {
            at: Some(at),
            level: found,
            pid: Some(pid.into()),
            message: message.into(),
            fields: vec![("place".into(), place.into())],
            ..Entry::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::Level;

    #[test]
    fn its_own_words_and_the_applications() {
        let e = Passenger.read("[ E 2026-11-24 07:30:12.1234 1234/T5 age/Cor/App/Implementation.cpp:221 ]: Could not spawn process for application /srv/shop", &Context::default()).unwrap();
        assert_eq!(
            (e.level, e.pid.as_deref(), e.message.as_ref()),
            (Level::Error, Some("1234"), "Could not spawn process for application /srv/shop")
        );
        let e = Passenger.read("[ 2026-11-24 07:30:12.1234 1234/7f01 age/Cor/CoreMain.cpp:819 ]: Checking whether to disconnect", &Context::default()).unwrap();
        assert_eq!((e.level, e.pid.as_deref()), (Level::Unknown, Some("1234")));
        let e = Passenger
            .read("App 2345 output: Error: cannot load such file -- pg (LoadError)", &Context::default())
            .unwrap();
        assert_eq!(
            (e.pid.as_deref(), e.message.as_ref()),
            (Some("2345"), "Error: cannot load such file -- pg (LoadError)")
        );
    }

    #[test]
    fn lines_of_others_are_refused() {
        for l in ["", "App started", "App x output: y", "[ 2026", "[ INFO ] x", "[ E ]: x", "é"] {
            assert!(Passenger.read(l, &Context::default()).is_none(), "{l}");
        }
    }
}
