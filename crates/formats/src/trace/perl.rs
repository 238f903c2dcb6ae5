//! Perl's `die`, `warn` and Carp's stacks.
//!
//! ```text
//! Can't locate Template/Plugin/Foo.pm in @INC (you may need to install the Template::Plugin::Foo module) (@INC contains: /etc/perl …) at /srv/cgi/show.pl line 7.
//! BEGIN failed--compilation aborted at /srv/cgi/show.pl line 7.
//! ```
//!
//! Source: perldiag, perldoc `die` (`at FILE line N.`), Carp's `confess` (`\tMain::total(12) called at FILE
//! line N`).

use super::chain::{exception, frame};
use super::place::number;
use memchr::memmem;
use record::{Exception, Frame};

const EXTENSIONS: &[&str] = &[".pl", ".pm", ".cgi", ".psgi", ".fcgi", ".t", ".plx", ".tt", ".ep"];

pub(super) fn read(text: &str) -> Vec<Exception> {
    if memmem::find(text.as_bytes(), b" line ").is_none() || memmem::find(text.as_bytes(), b" at ").is_none()
    {
        return Vec::new();
    }
    let mut found: Option<Exception> = None;
    for line in text.lines() {
        let Some((said, file, n)) = located(line) else { continue };
        let t = said.trim();
        if let Some(e) = found.as_mut() {
            // Carp: what was called, and where from.
            if let Some(function) = t.strip_suffix(" called") {
                let name = function.split('(').next().unwrap_or(function);
                if let Some(last) = e.frames.last_mut()
                    && last.function.is_empty()
                {
                    *last = frame(&last.file.clone(), last.line, name);
                }
                e.frames.push(frame(file, Some(n), ""));
            } else if t.starts_with("BEGIN failed") || t.starts_with("Compilation failed in require") {
                push_new(e, frame(file, Some(n), ""));
            }
            continue;
        }
        // Apache's CGI names the script before the words: "stderr from /srv/cgi/show.pl: …".
        let message =
            t.split_once("stderr from ").and_then(|(_, r)| r.split_once(": ")).map_or(t, |(_, m)| m);
        let message = message.strip_suffix(" called").unwrap_or(message);
        // What follows from an error that was said before, maybe in another record.
        if message.starts_with("BEGIN failed") || message.starts_with("Compilation failed in require") {
            continue;
        }
        let mild = [
            "Use of uninitialized value",
            "Odd number of elements",
            "Argument \"",
            "Deep recursion on",
            "Name \"",
            "Subroutine ",
            "Possible ",
        ]
        .iter()
        .any(|w| message.starts_with(w));
        let mut e = exception(if mild { "warn" } else { "die" }, message);
        e.frames.push(frame(file, Some(n), ""));
        found = Some(e);
    }
    found.into_iter().collect()
}

fn push_new(e: &mut Exception, f: Frame) {
    if !e.frames.contains(&f) {
        e.frames.push(f);
    }
}

pub(super) fn starts(line: &str) -> bool {
    line.starts_with("Can't locate ") && located(line).is_some()
}

pub(super) fn continues(line: &str) -> bool {
    line.starts_with("BEGIN failed--compilation aborted")
        || line.starts_with("Compilation failed in require at ")
        || (line.starts_with(['\t', ' '])
            && located(line).is_some_and(|(said, _, _)| said.trim_end().ends_with(" called")))
}

/// `message at FILE line N.`: the message, the file, the line.
fn located(line: &str) -> Option<(&str, &str, u32)> {
    let at = memmem::rfind(line.as_bytes(), b" line ")?;
    let n = number(line.get(at + 6..)?)?;
    let before = line.get(..at)?;
    // A handle may be named before: "…, <STDIN> line 3." belongs to the same sentence.
    if let Some((head, handle)) = before.rsplit_once(", <")
        && handle.ends_with('>')
    {
        return located(head);
    }
    let (said, file) = before.rsplit_once(" at ")?;
    let known = EXTENSIONS.iter().any(|e| file.ends_with(e))
        || file.starts_with("(eval ")
        || file == "-e"
        || file.starts_with('/') && !file.contains('.') && file.contains("cgi-bin/");
    (known && !said.trim().is_empty() && file.len() < 512).then_some((said, file, n))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_modules_and_what_follows() {
        let chain = read(concat!(
            "Can't locate Foo/Bar.pm in @INC (you may need to install the Foo::Bar module) (@INC contains: /etc/perl /usr/share/perl/5.36) at /srv/cgi/lib/Shop.pm line 7.\n",
            "BEGIN failed--compilation aborted at /srv/cgi/lib/Shop.pm line 7.\nCompilation failed in require at /srv/cgi/show.pl line 3.\n"
        ));
        assert_eq!(chain[0].kind, "die");
        assert!(chain[0].message.starts_with("Can't locate Foo/Bar.pm in @INC"));
        assert_eq!(
            chain[0].frames.iter().map(Frame::place).collect::<Vec<_>>(),
            ["/srv/cgi/lib/Shop.pm:7", "/srv/cgi/show.pl:3"]
        );
    }

    #[test]
    fn handles_cgi_and_carp() {
        let chain = read(
            "AH01215: stderr from /srv/cgi/show.pl: Illegal division by zero at /srv/cgi/show.pl line 12, <FH> line 3.",
        );
        assert_eq!(
            (chain[0].message.as_str(), chain[0].frames[0].place().as_str()),
            ("Illegal division by zero", "/srv/cgi/show.pl:12")
        );
        let chain = read(
            "no rates at /srv/lib/Rates.pm line 4.\n\tRates::get(\"nl\") called at /srv/lib/Cart.pm line 20\n\tCart::total(12) called at /srv/app.psgi line 9\n",
        );
        assert_eq!((chain[0].frames.len(), chain[0].frames[0].function.as_str()), (3, "Rates::get"));
        assert_eq!(
            read("Use of uninitialized value $x in addition (+) at /srv/a.pl line 3.")[0].kind,
            "warn"
        );
    }

    #[test]
    fn refusals() {
        for text in ["", "meet at the line 3", "error at /srv/x.php line 23", "stopped at line 4"] {
            assert!(read(text).is_empty(), "{text}");
        }
    }
}
