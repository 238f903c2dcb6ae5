//! Crashes of native programs: debuggers' and coredumpctl's stacks, sanitizers, the C++ runtime, glibc, the
//! JVM's crash report.
//!
//! ```text
//! ==4242==ERROR: AddressSanitizer: heap-use-after-free on address 0x602000000010 at pc 0x000000401234
//!     #0 0x401233 in render /srv/imgd/render.c:88:3
//!     #1 0x401300 in main /srv/imgd/main.c:12:5
//! ```
//!
//! ```text
//! #0  0x00007f1c2a1f9e2c in __pthread_kill_implementation () from /lib/x86_64-linux-gnu/libc.so.6
//! #3  0x0000000000401196 in render (img=0x0) at render.c:88
//! ```
//!
//! Source: GDB `gdb/stack.c`, LLVM `compiler-rt/lib/sanitizer_common`, libstdc++ `vterminate.cc`, glibc
//! `assert.c`, `malloc.c` and `backtracesyms.c`, HotSpot `share/utilities/vmError.cpp`.

use super::chain::{exception, frame};
use super::place::file_line;
use crate::needle::{Needle, any};
use memchr::memmem;
use record::{Exception, Frame};

/// Last words of glibc and the C++ runtime, each a whole message.
const LAST_WORDS: &[&str] = &[
    "Segmentation fault",
    "Bus error",
    "Illegal instruction",
    "Aborted (core dumped)",
    "free(): invalid pointer",
    "free(): double free",
    "double free or corruption",
    "malloc(): ",
    "munmap_chunk(): invalid pointer",
    "corrupted size vs. prev_size",
    "corrupted double-linked list",
    "*** stack smashing detected ***",
    "*** buffer overflow detected ***",
    "pure virtual method called",
    "realloc(): invalid",
    "Floating point exception",
    "memory allocation of ",
];

/// Lines of the JVM's crash report; other programs comment with `#` too.
const HOTSPOT: &[&str] = &[
    "#  SIG",
    "# JRE version:",
    "# Java VM:",
    "# Problematic frame:",
    "# C  [",
    "# V  [",
    "# J ",
    "# j ",
    "# Core dump will be written",
    "# No core dump will be written",
    "# An error report file with more information",
    "# Failed to write core dump",
    "# If you would like to submit a bug report",
    "# The crash happened outside",
    "#  EXCEPTION_",
    "#  Out of Memory Error",
    "#  Internal Error",
];

/// One of these stands in every text that is told by its words; else only frames may tell.
static SIGNS: [Needle; 24] = [
    Needle::new("Sanitizer"),
    Needle::new("terminate called "),
    Needle::new("A fatal error has been detected by the Java"),
    Needle::new(": Assertion "),
    Needle::new("Program "),
    Needle::new(" dumped core."),
    Needle::new("(core dumped)"),
    Needle::new(LAST_WORDS[0]),
    Needle::new(LAST_WORDS[1]),
    Needle::new(LAST_WORDS[2]),
    Needle::new(LAST_WORDS[3]),
    Needle::new(LAST_WORDS[4]),
    Needle::new(LAST_WORDS[5]),
    Needle::new(LAST_WORDS[6]),
    Needle::new(LAST_WORDS[7]),
    Needle::new(LAST_WORDS[8]),
    Needle::new(LAST_WORDS[9]),
    Needle::new(LAST_WORDS[10]),
    Needle::new(LAST_WORDS[11]),
    Needle::new(LAST_WORDS[12]),
    Needle::new(LAST_WORDS[13]),
    Needle::new(LAST_WORDS[14]),
    Needle::new(LAST_WORDS[15]),
    Needle::new(LAST_WORDS[16]),
];

pub(super) fn read(text: &str) -> Vec<Exception> {
    static SYMBOL: Needle = Needle::new("+0x");
    let framed = text.contains('#') || SYMBOL.is_in(text);
    if !framed && !any(&SIGNS, text) {
        return Vec::new();
    }
    let t = text.as_bytes();
    let find = |needle: &str| memmem::find(t, needle.as_bytes());
    let mut e = Exception::default();
    if let Some(at) = find("ERROR: AddressSanitizer")
        .or_else(|| find("WARNING: ThreadSanitizer"))
        .or_else(|| find("ERROR: LeakSanitizer"))
        .or_else(|| find("WARNING: MemorySanitizer"))
        .or_else(|| find("ERROR: UndefinedBehaviorSanitizer"))
    {
        let said = first_line(text, at);
        let (kind, message) =
            said.split_once(": ").and_then(|(_, r)| r.split_once(": ")).unwrap_or(("sanitizer", said));
        e = exception(kind, message);
    } else if let Some(at) = find("terminate called after throwing an instance of '") {
        let kind = text
            .get(at + "terminate called after throwing an instance of '".len()..)
            .and_then(|r| r.split('\'').next())
            .unwrap_or_default();
        let what = find("what():")
            .and_then(|w| text.get(w + 7..))
            .map_or("", |w| w.split("\nAborted").next().unwrap_or(w));
        e = exception(kind, what);
    } else if let Some(at) = find("terminate called without an active exception") {
        e = exception("terminate", first_line(text, at));
    } else if let Some(at) = find("A fatal error has been detected by the Java Runtime Environment") {
        let signal = text
            .get(at..)
            .and_then(|r| r.lines().skip(1).map(|l| l.trim_start_matches(['#', ' '])).find(|l| !l.is_empty()))
            .unwrap_or_default();
        e = exception("fatal error", signal);
        if let Some(frame_at) = find("Problematic frame:")
            && let Some(f) = text.get(frame_at..).and_then(|r| r.lines().nth(1))
        {
            e.frames
                .push(Frame { function: f.trim_start_matches(['#', ' ']).to_owned(), ..Frame::default() });
        }
    } else if let Some((place, message)) = assertion(text) {
        e = exception("assertion", message);
        e.frames.push(place);
    } else if let Some(line) = text.lines().find(|l| last_words(l)) {
        let signal =
            ["fault", "Bus error", "Illegal", "Aborted", "Floating"].iter().any(|w| line.contains(w));
        e = exception(if signal { "signal" } else { "abort" }, line);
    } else if let Some(line) = text
        .lines()
        .find(|l| l.contains("Program terminated with signal ") || l.contains("Program received signal "))
    {
        e = exception("signal", line.trim().trim_end_matches('.'));
    } else if let Some(line) = text.lines().find(|l| l.contains(" dumped core.")) {
        e = exception("signal", line.trim());
    }
    // The first stack is of the thread that crashed; sanitizers print where the memory was freed below.
    let mut started = false;
    for line in text.lines() {
        match stack_line(line.trim()) {
            Some((0, _)) if started => break,
            Some((_, f)) => {
                started = true;
                e.frames.push(f);
            }
            None if started && e.kind.contains("Sanitizer") && line.trim().is_empty() => break,
            None => e.frames.extend(glibc_line(line.trim())),
        }
    }
    if e.kind.is_empty() && e.frames.len() < 2 {
        return Vec::new();
    }
    if e.kind.is_empty() {
        e.kind = "signal".to_owned();
    }
    vec![e]
}

pub(super) fn starts(line: &str) -> bool {
    last_words(line)
        || line.starts_with("terminate called ")
        || (line.starts_with("==") && line.contains("Sanitizer: "))
        || line.starts_with("# A fatal error has been detected by the Java Runtime Environment")
        || assertion_line(line).is_some()
}

pub(super) fn continues(line: &str) -> bool {
    let t = line.trim_start();
    stack_line(t).is_some()
        || glibc_line(t).is_some()
        || t.starts_with("what():  ")
        || t.starts_with("SUMMARY: AddressSanitizer")
        || line == "#"
        || HOTSPOT.iter().any(|h| line.starts_with(h))
}

fn first_line(text: &str, at: usize) -> &str {
    text.get(at..).and_then(|r| r.lines().next()).unwrap_or_default()
}

fn last_words(line: &str) -> bool {
    static DUMPED: Needle = Needle::new("(core dumped)");
    let t = line.trim_start();
    // The shell may name the program before: "/srv/run.sh: line 3: 4242 Segmentation fault (core dumped)
    // ./imgd".
    let shell = || DUMPED.is_in(t) && LAST_WORDS.iter().take(4).any(|w| t.contains(w));
    let first = t.as_bytes().first();
    LAST_WORDS.iter().any(|w| w.as_bytes().first() == first && t.starts_with(w)) || shell()
}

static ASSERTION: Needle = Needle::new(": Assertion ");

/// `imgd: render.c:88: render: Assertion `img != NULL' failed.`
fn assertion_line(line: &str) -> Option<(Frame, &str)> {
    let at = ASSERTION.find(line)?;
    line.trim_end().strip_suffix(" failed.")?;
    let mut parts = line.get(..at)?.splitn(3, ": ");
    let (_, place, function) = (parts.next()?, parts.next()?, parts.next()?);
    let (file, n) = file_line(place)?;
    Some((frame(file, Some(n), function), line.get(at + 2..)?.trim_end()))
}

fn assertion(text: &str) -> Option<(Frame, &str)> {
    ASSERTION.find(text)?;
    text.lines().find_map(assertion_line)
}

/// gdb's `#3  0x… in render (img=0x0) at render.c:88`, a sanitizer's `#0 0x401233 in render
/// /srv/render.c:88:3`, coredumpctl's `#0  0x00007f… raise (libc.so.6 + 0x3ce52)`: the number and the frame.
fn stack_line(t: &str) -> Option<(u32, Frame)> {
    let rest = t.strip_prefix('#')?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let n: u32 = rest.get(..digits)?.parse().ok()?;
    let rest = rest.get(digits..)?;
    let body = rest.trim_start();
    if rest.len() == body.len() {
        return None;
    }
    let addressed = body.strip_prefix("0x");
    let body = match addressed {
        Some(a) => {
            let (pc, after) = a.split_once(' ')?;
            if !pc.bytes().all(|c| c.is_ascii_hexdigit()) {
                return None;
            }
            after.trim_start().strip_prefix("in ").unwrap_or(after.trim_start())
        }
        None => body,
    };
    if body.is_empty() {
        return addressed.is_some().then(|| (n, Frame::default()));
    }
    // gdb: "fn (args) at file:line", "fn (args) from /lib/…"
    if let Some((call, place)) = body.rsplit_once(" at ")
        && let Some((file, line)) = file_line(place)
        && let Some((function, _)) = call.split_once(" (")
    {
        return Some((n, frame(file, Some(line), function)));
    }
    if let Some((call, library)) = body.rsplit_once(" from ")
        && let Some((function, _)) = call.split_once(" (")
    {
        return Some((
            n,
            Frame { file: library.to_owned(), function: function.to_owned(), ..Frame::default() },
        ));
    }
    addressed?;
    // Sanitizers: "fn /srv/x.c:12:3", "fn (/lib/x.so+0x12)"; coredumpctl: "fn (lib + 0x12)".
    if let Some((function, place)) = body.rsplit_once(' ')
        && let Some((file, line)) = file_line(place)
    {
        return Some((n, frame(file, Some(line), function)));
    }
    let (function, module) = body.rsplit_once(" (").unwrap_or((body, ""));
    let module = module.split([' ', '+', ')']).next().unwrap_or_default();
    Some((n, Frame { file: module.to_owned(), function: function.to_owned(), ..Frame::default() }))
}

/// glibc's `backtrace_symbols`: `/srv/imgd(render+0x1f)[0x401233]`
fn glibc_line(t: &str) -> Option<Frame> {
    let (head, pc) = t.strip_suffix(']')?.rsplit_once('[')?;
    if !pc.starts_with("0x") || pc.contains(' ') {
        return None;
    }
    let (file, symbol) = head.trim_end().strip_suffix(')')?.rsplit_once('(')?;
    if !symbol.contains("+0x") || !(file.starts_with('/') || file.starts_with("./")) {
        return None;
    }
    let function = symbol.split("+0x").next().unwrap_or_default();
    Some(frame(file, None, function))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sanitizers_and_debuggers() {
        let chain = read(concat!(
            "==4242==ERROR: AddressSanitizer: heap-use-after-free on address 0x602000000010 at pc 0x000000401234\n",
            "    #0 0x401233 in render /srv/imgd/render.c:88:3\n    #1 0x7f00 in __libc_start_call_main (/lib/x86_64-linux-gnu/libc.so.6+0x29d8f)\n\nfreed by thread T0 here:\n    #0 0x4a in free (/srv/imgd/imgd+0x4a)\n"
        ));
        assert_eq!((chain[0].kind.as_str(), chain[0].frames.len()), ("AddressSanitizer", 2));
        assert!(chain[0].message.starts_with("heap-use-after-free on address"));
        assert_eq!(chain[0].app_frame().unwrap(), &frame("/srv/imgd/render.c", Some(88), "render"));
        let chain = read(
            "Program terminated with signal SIGSEGV, Segmentation fault.\n#0  0x00007f1c in __pthread_kill () from /lib/x86_64-linux-gnu/libc.so.6\n#1  render (img=0x0) at render.c:88\n",
        );
        assert_eq!(
            (chain[0].kind.as_str(), chain[0].app_frame().unwrap().place().as_str()),
            ("signal", "render.c:88")
        );
    }

    #[test]
    fn last_words_of_the_runtime() {
        let chain = read(
            "terminate called after throwing an instance of 'std::out_of_range'\n  what():  vector::_M_range_check: __n (which is 7) >= this->size() (which is 3)\nAborted (core dumped)",
        );
        assert_eq!(chain[0].kind, "std::out_of_range");
        assert!(chain[0].message.starts_with("vector::_M_range_check"));
        let chain = read("imgd: render.c:88: render: Assertion `img != NULL' failed.");
        assert_eq!(
            (chain[0].kind.as_str(), chain[0].frames[0].place().as_str()),
            ("assertion", "render.c:88")
        );
        assert_eq!(read("Segmentation fault (core dumped)")[0].kind, "signal");
        assert_eq!(read("double free or corruption (fasttop)")[0].kind, "abort");
        let chain = read(
            "#\n# A fatal error has been detected by the Java Runtime Environment:\n#\n#  SIGSEGV (0xb) at pc=0x00007f, pid=1, tid=2\n#\n# Problematic frame:\n# C  [libfoo.so+0x11a]  render+0x1a\n",
        );
        assert_eq!(chain[0].message, "SIGSEGV (0xb) at pc=0x00007f, pid=1, tid=2");
    }

    #[test]
    fn refusals() {
        for text in ["", "#1 best seller", "issue #12 fixed at main.c:3", "no Segmentation fault seen"] {
            assert!(read(text).is_empty(), "{text}");
        }
    }
}
