//! The kernel's messages: dmesg, and what stands behind `kernel:` in syslog.
//!
//! ```text
//! [12345.678901] Out of memory: Killed process 4711 (php-fpm) total-vm:2097152kB, anon-rss:1843200kB, …
//! [Tue Nov 24 07:00:00 2026] oom-kill:constraint=CONSTRAINT_MEMCG,…,task=node,pid=4711,uid=998
//! [12345.678901] php-fpm[4711]: segfault at 0 ip 000055d0 sp 00007ffc error 4 in php-fpm8.2[55d0+1000]
//! ```
//!
//! Sources: Linux `mm/oom_kill.c`, `arch/x86/mm/fault.c`, util-linux dmesg (`-T`). The uptime in brackets is
//! no time of day: the entry has none, unless dmesg wrote the date.

use super::stamp;
use crate::needle::{Needle, any};
use crate::{Context, Entry, LineFormat};
use record::{Level, Mark};

/// Words of the kernel by which a line with a date in brackets is known for its own: Apache and PHP date
/// alike.
const WORDS: &[&str] = &[
    "Out of memory",
    "oom-kill",
    "oom_reaper",
    "oom_kill",
    "invoked oom-killer",
    "Memory cgroup",
    "Killed process",
    "segfault at",
    "general protection",
    "traps: ",
    "EXT4-fs",
    "XFS (",
    "BTRFS",
    "Buffer I/O",
    "I/O error",
    "blk_update",
    "TCP: ",
    "nf_conntrack",
    "audit: ",
    "blocked for more than",
    "Linux version",
    "device eth",
    "NETDEV",
    "hung_task",
    "page allocation failure",
    "possible SYN flooding",
    "docker0",
    "veth",
];

/// What a file system does after errors of its disk (`errors=remount-ro`).
const READ_ONLY: &str = ": Remounting filesystem read-only";

/// The kernel.
pub(super) struct Kernel;

impl LineFormat for Kernel {
    fn name(&self) -> &'static str {
        "kernel"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        let Some(inner) = line.strip_prefix('[') else { return bare(line) };
        let (clock, rest) = inner.split_once(']')?;
        let message = rest.strip_prefix(' ')?;
        let mut entry = if is_uptime(clock) {
            of(message)
        } else {
            if !WORDS.iter().any(|w| message.contains(w)) {
                return None;
            }
            let (at, "") = stamp(clock, context)? else { return None };
            Entry { at: Some(at), ..of(message) }
        };
        entry.service = Some("kernel".into());
        Some(entry)
    }
}

/// What syslog left of a kernel's line when no uptime is printed.
fn bare(line: &str) -> Option<Entry<'_>> {
    let own = line.starts_with("Out of memory: Kill")
        || line.starts_with("Memory cgroup out of memory: Kill")
        || line.starts_with("oom-kill:constraint=")
        || line.starts_with("oom_reaper: reaped process")
        || line.contains(" invoked oom-killer: gfp_mask=")
        || line.contains("]: segfault at ") && line.contains(" ip ");
    own.then(|| Entry { service: Some("kernel".into()), ..of(line) })
}

/// `12345.678901`, `    0.000000`.
fn is_uptime(text: &str) -> bool {
    text.trim_start().split_once('.').is_some_and(|(s, us)| {
        us.len() == 6
            && !s.is_empty()
            && s.len() <= 10
            && s.bytes().chain(us.bytes()).all(|c| c.is_ascii_digit())
    })
}

fn of(message: &str) -> Entry<'_> {
    let killed = message.contains("Killed process ") || message.contains("Kill process ");
    let level = if killed
        || message.contains("segfault at ")
        || message.contains("I/O error")
        || message.contains(READ_ONLY)
    {
        Level::Error
    } else if message.contains("oom") || message.contains("SYN flooding") {
        Level::Warn
    } else {
        Level::Info
    };
    Entry {
        level,
        message: message.into(),
        mark: death(message).or_else(|| read_only(message)),
        ..Entry::default()
    }
}

/// `EXT4-fs (sdb1): Remounting filesystem read-only` (fs/ext4/super.c): nothing is written any more, whoever wants to.
fn read_only(message: &str) -> Option<Mark> {
    let (driver, _) = message.split_once(READ_ONLY)?;
    let device = driver.split_once('(').and_then(|(_, d)| d.split_once(')')).map_or("", |(d, _)| d);
    let device = device.strip_prefix("device ").unwrap_or(device);
    Some(Mark::HealthDown(format!("the kernel made the file system of {device} read-only")))
}

/// Who died of what.
pub(crate) fn death(message: &str) -> Option<Mark> {
    static SIGNS: [Needle; 2] = [Needle::new("process "), Needle::new("]: segfault at ")];
    if !any(&SIGNS, message) {
        return None;
    }
    if let Some((_, rest)) =
        message.split_once("Killed process ").or_else(|| message.split_once("Kill process "))
    {
        // "4711 (php-fpm) total-vm:…", "4711, UID 33, (php-fpm) …"
        let (pid, rest) = rest.split_at_checked(rest.bytes().take_while(u8::is_ascii_digit).count())?;
        let name = rest.split_once('(').and_then(|(_, r)| r.split_once(')')).map_or("process", |(n, _)| n);
        return (!pid.is_empty())
            .then(|| Mark::Died(format!("{name} (pid {pid}) killed by the kernel: out of memory")));
    }
    let (process, _) = message.split_once("]: segfault at ")?;
    let process = process.rsplit(' ').next()?;
    let (name, pid) = process.split_once('[')?;
    Some(Mark::Died(format!("{name} (pid {pid}) segfault")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Option<(Option<String>, Level, Option<Mark>)> {
        let e = Kernel.read(line, &Context::default())?;
        Some((e.at.map(|(t, _)| t.to_string()), e.level, e.mark))
    }

    #[test]
    fn who_was_killed_and_who_crashed() {
        let died = |w: &str| Some(Mark::Died(w.into()));
        let oom = "php-fpm (pid 4711) killed by the kernel: out of memory";
        assert_eq!(
            read(
                "[12345.678901] Out of memory: Killed process 4711 (php-fpm) total-vm:2097152kB, anon-rss:1843200kB"
            ),
            Some((None, Level::Error, died(oom)))
        );
        assert_eq!(
            read(
                "[Tue Nov 24 07:00:00 2026] Memory cgroup out of memory: Killed process 4711 (php-fpm) total-vm:1kB"
            ),
            Some((Some("2026-11-24T07:00:00Z".into()), Level::Error, died(oom)))
        );
        assert_eq!(
            read("Memory cgroup out of memory: Killed process 4711, UID 33, (php-fpm) total-vm:1kB")
                .unwrap()
                .2,
            died(oom)
        );
        assert_eq!(
            read("[    1.678901] php-fpm[4711]: segfault at 0 ip 000055d0 sp 00007ffc error 4 in php-fpm8.2[55d0+1000]").unwrap().2,
            died("php-fpm (pid 4711) segfault")
        );
        let made = Some(Mark::HealthDown("the kernel made the file system of sdb1 read-only".into()));
        let read_only = read("[699616.102100] EXT4-fs (sdb1): Remounting filesystem read-only").unwrap();
        assert_eq!((read_only.1, read_only.2), (Level::Error, made));
        assert_eq!(read("[    0.000000] Linux version 6.1.0").unwrap().1, Level::Info);
    }

    #[test]
    fn apache_and_php_date_alike_and_are_refused() {
        for l in [
            "[Tue Nov 24 07:13:31.697237 2026] [mpm_prefork:notice] [pid 14497] AH00163: configured",
            "[Tue Nov 24 07:13:31 2026] 127.0.0.1:52344 Accepted",
            "[Tue Nov 24 07:13:31 2026] PHP Fatal error:  Uncaught Error",
            "[23635] 24 Nov 07:29:00.495 * Server started",
            "[error] x",
            "",
        ] {
            assert_eq!(read(l), None, "{l}");
        }
    }
}
