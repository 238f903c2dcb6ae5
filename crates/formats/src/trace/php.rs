//! PHP errors and traces: PHP's own log lines, `Throwable::__toString()`, Monolog's `[object] (…)`, xdebug's
//! tables.
//!
//! ```text
//! PHP Fatal error:  Uncaught Error: Call to undefined function bcmul() in /var/www/harbour/class-hr-quote.php:21
//! Stack trace:
//! #0 /var/www/harbour/class-hr-quote.php(13): HR_Quote::with_tax()
//! #1 {main}
//!   thrown in /var/www/harbour/class-hr-quote.php on line 21
//! ```
//!
//! PHP prints at each place the function *called* there; a frame here holds the place and the function it
//! lies *in*, as every other language prints it. Source: `main/main.c` (`php_error_cb`),
//! `Zend/zend_exceptions.c` (`Exception::__toString`, `Next`), Monolog's `LineFormatter`, Symfony's
//! `ErrorListener`, Drupal's `Error::DEFAULT_ERROR_MESSAGE`, CodeIgniter's `Log`, Slim's
//! `PlainTextErrorRenderer`, xdebug's `xdebug_log_stack`.

use super::chain::{clip, exception, frame, say_more};
use super::kind::{error_within, headed, is_error, is_qualified, last_part, type_name};
use super::place::{is_absolute, number};
use crate::needle::{Needle, any};
use memchr::memmem;
use record::{Exception, Frame};
use std::borrow::Cow;

/// Names of severities in `php_error_cb`, the longer before the shorter that it contains.
const SEVERITIES: &[&str] = &[
    "Recoverable fatal error",
    "Catchable fatal error",
    "Fatal error",
    "Parse error",
    "Core Error",
    "Core error",
    "Compile Error",
    "Compile error",
    "Warning",
    "Notice",
    "Deprecated",
    "Strict Standards",
    "Unknown error",
];

pub(super) fn read(text: &str) -> Vec<Exception> {
    static SIGNS: [Needle; 7] = [
        Needle::new(".php"),
        Needle::new("PHP "),
        Needle::new("[object] ("),
        Needle::new("Stack trace:"),
        Needle::new("{main}"),
        Needle::new("[internal function]"),
        Needle::new(" (line "),
    ];
    if !any(&SIGNS, text) {
        return Vec::new();
    }
    let (mut mild, mut chain) = (Vec::new(), Vec::new());
    for part in text.split("PHP message: ") {
        let part = part.trim_end().trim_end_matches(';');
        if part.trim().is_empty() {
            continue;
        }
        let found = one(part);
        // Warnings that came before the fatal error are context: the fatal chain ends the list.
        if found.iter().all(|e| is_mild(&e.kind)) {
            mild.extend(found);
        } else {
            chain.extend(found);
        }
    }
    mild.extend(chain);
    mild
}

pub(super) fn starts(line: &str) -> bool {
    let line = line.trim_start();
    let bare = line.strip_prefix("PHP ").unwrap_or(line);
    if let Some((severity, _)) = severity(bare) {
        return line.len() != bare.len()
            || severity != "Warning" && severity != "Notice"
            || line.contains(" on line ");
    }
    line.starts_with("PHP message: PHP ")
        || line.starts_with("Uncaught PHP Exception ")
        || line.starts_with("exception '")
        || line.starts_with("Slim Application Error")
}

pub(super) fn continues(line: &str) -> bool {
    let t = line.trim_start();
    let bare = t.strip_prefix("PHP ").unwrap_or(t);
    called(t).is_some()
        || xdebug_call(bare).is_some()
        || t.starts_with("Stack trace:")
        || t.starts_with("PHP Stack trace:")
        || t.starts_with("[stacktrace]")
        || t.starts_with("[previous exception] ")
        || t.starts_with("thrown in ") && t.contains(" on line ")
        || t.starts_with("Next ")
            && headed(t.get(5..).unwrap_or_default())
                .is_some_and(|(k, m)| is_error(k) || is_qualified(k) || m.contains(".php:"))
        || monolog_tail(t)
        || t == "\"}"
        || t.starts_with("\"} []")
        || t == "{main}"
        || laravel_source(t)
        || (t.starts_with("in APPPATH/") || t.starts_with("in ROOTPATH/") || t.starts_with("in SYSTEMPATH/"))
        || ci4_call(t).is_some()
}

/// The last line of a Monolog message of several lines: `… accepting TCP/IP connections? at
/// /srv/bootstrap.php:42)`.
fn monolog_tail(t: &str) -> bool {
    t.ends_with(')')
        && t.contains(".php:")
        && !t.contains("[object] (")
        && monolog_place(t).is_some_and(|(_, _, _, behind)| behind == ")")
}

fn is_mild(kind: &str) -> bool {
    matches!(kind, "PHP Warning" | "PHP Notice" | "PHP Deprecated" | "PHP Strict Standards")
}

fn severity(line: &str) -> Option<(&'static str, &str)> {
    SEVERITIES
        .iter()
        .find_map(|s| line.strip_prefix(s)?.strip_prefix(':').map(|rest| (*s, rest.trim_start())))
}

/// The excerpt that Collision draws: `  ➜ 712▕ throw new QueryException(`.
fn laravel_source(t: &str) -> bool {
    t.starts_with("➜ ")
        || t.split_once('▕')
            .is_some_and(|(n, _)| n.trim().bytes().all(|c| c.is_ascii_digit()) && !n.trim().is_empty())
}

/// The code of an exception (`0`, `42S22`) in Monolog's brackets, with what closes it.
const CODE_BYTES_MAX: usize = 64;

/// A path with its line; Linux' `PATH_MAX` is 4096, what stands in traces is much shorter.
const PLACE_BYTES_MAX: usize = 2048;

/// A file and, if printed, the line.
type Place = (String, Option<u32>);

/// One call of a trace: where it was made (`None`: inside PHP), and what was called.
#[derive(Clone)]
struct Call {
    place: Option<Place>,
    function: String,
}

/// `#0 /path(12): Class->fn()`, `#3 [internal function]: fn()`, `#9 {main}`.
fn call(line: &str) -> Option<Call> {
    let (place, function) = called(line)?;
    Some(Call {
        place: place.map(|(file, line)| (file.to_owned(), Some(line))),
        function: bare_function(function),
    })
}

/// The place and the function of a [`call`], as printed.
#[allow(clippy::type_complexity)]
fn called(line: &str) -> Option<(Option<(&str, u32)>, &str)> {
    let rest = line.strip_prefix('#')?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 || digits > 5 {
        return None;
    }
    let rest = rest.get(digits..)?.strip_prefix(' ')?.trim();
    if rest == "{main}" {
        return Some((None, rest));
    }
    if let Some(function) = rest.strip_prefix("[internal function]") {
        return Some((None, function.trim_start_matches(':')));
    }
    // "/srv/x.php(12): f()", "/x.php(3) : eval()'d code(1): f()", "phar://…"; cut ones end after the path.
    match rest.split_once("): ") {
        Some((place, function)) => {
            let (file, line) = place.rsplit_once('(')?;
            let line = number(line)?;
            (!file.is_empty()).then_some((Some((file, line)), function))
        }
        None => {
            let (file, line) =
                rest.strip_suffix(')').or_else(|| rest.strip_suffix("):"))?.rsplit_once('(')?;
            let line = number(line)?;
            (file.contains(".php") || is_absolute(file)).then_some((Some((file, line)), ""))
        }
    }
}

/// xdebug's `  2. App\Cart->total($x = 1) /srv/app/Cart.php:88`.
fn xdebug_call(line: &str) -> Option<Call> {
    let line = line.trim_start();
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 || digits > 4 {
        return None;
    }
    let rest = line.get(digits..)?.strip_prefix(". ")?;
    let (function, place) = rest.rsplit_once(' ')?;
    let (file, line) = place.rsplit_once(':')?;
    if !is_absolute(file)
        || !function.contains('(')
        || line.is_empty()
        || !line.bytes().all(|c| c.is_ascii_digit())
    {
        return None;
    }
    Some(Call { place: Some((file.to_owned(), number(line))), function: bare_function(function) })
}

/// CodeIgniter 4's ` 1 SYSTEMPATH/CodeIgniter.php(941): App\Controllers\Home->index()`.
fn ci4_call(line: &str) -> Option<Call> {
    let line = line.trim_start();
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let rest = line.get(digits..)?.strip_prefix(' ')?;
    if digits == 0
        || digits > 3
        || !(rest.starts_with("APPPATH/")
            || rest.starts_with("SYSTEMPATH/")
            || rest.starts_with("ROOTPATH/")
            || rest.starts_with("VENDORPATH/")
            || rest.starts_with("FCPATH/"))
    {
        return None;
    }
    let (place, function) = rest.split_once("): ")?;
    let (file, line) = place.rsplit_once('(')?;
    Some(Call { place: Some((file.to_owned(), number(line))), function: bare_function(function) })
}

/// The function without its arguments; JSON doubles the backslashes of namespaces.
fn bare_function(text: &str) -> String {
    let text = text.trim();
    let name = text.split_once('(').map_or(text, |(n, _)| n);
    single_slashes(name).into_owned()
}

fn single_slashes(text: &str) -> Cow<'_, str> {
    if text.contains("\\\\") { text.replace("\\\\", "\\").into() } else { text.into() }
}

/// An exception as it is collected.
#[derive(Default)]
struct Section {
    kind: String,
    message: String,
    place: Option<(String, u32)>,
    calls: Vec<Call>,
    /// xdebug lists the outermost call first.
    reversed: bool,
    in_stack: bool,
}

impl Section {
    fn new(kind: &str, message: &str) -> Section {
        Section { kind: kind.to_owned(), message: message.to_owned(), ..Section::default() }
    }

    /// The exception with its frames.
    fn finish(mut self) -> Exception {
        if let Some((message, place, function)) = placed(&self.message) {
            let message = message.to_owned();
            if self.place.is_none() {
                self.place = place;
            }
            if let Some(function) = function
                && self.calls.is_empty()
            {
                let mut e = exception(&self.kind, &message);
                let (file, line) = self.place.unwrap_or_default();
                e.frames.push(frame(&file, Some(line), &function));
                return e;
            }
            self.message = message;
        }
        let quoted = self.message.strip_prefix('"').and_then(|m| m.strip_suffix('"')).map(str::to_owned);
        let mut e = exception(&single_slashes(&self.kind), quoted.as_deref().unwrap_or(&self.message));
        e.frames = frames(self.place, self.calls, self.reversed).into();
        e
    }
}

/// Frames from the place of the throw and the calls that led there: each place with the function it lies in.
fn frames(place: Option<(String, u32)>, mut calls: Vec<Call>, reversed: bool) -> Vec<Frame> {
    if reversed {
        calls.reverse();
    }
    let mut places: Vec<(Option<Place>, String)> = Vec::with_capacity(calls.len() + 1);
    let thrown = place.map(|(f, l)| (f, Some(l)));
    // Thrown by a function of PHP itself: the throw's place is that call's place, and the call is no function
    // of the app.
    let inside_php = thrown.is_some() && calls.first().is_some_and(|c| c.place == thrown);
    if let Some(thrown) = thrown
        && !inside_php
    {
        places.push((Some(thrown), calls.first().map_or_else(String::new, |c| c.function.clone())));
    }
    for (i, c) in calls.iter().enumerate() {
        if c.function == "{main}" && c.place.is_none() {
            break;
        }
        let around = calls.get(i + 1).map_or_else(String::new, |n| n.function.clone());
        places.push((c.place.clone(), around));
    }
    places
        .into_iter()
        .map(|(place, function)| match place {
            Some((file, line)) => {
                let file = file.split("(").next().map_or(file.as_str(), str::trim_end);
                frame(&single_slashes(file), line.filter(|n| *n > 0), &function)
            }
            None => Frame { function, ..Frame::default() },
        })
        .collect()
}

/// A message without the place that PHP puts at its end, the place, and the function that Drupal names before
/// it.
#[allow(clippy::type_complexity)]
fn placed(message: &str) -> Option<(&str, Option<(String, u32)>, Option<String>)> {
    // Drupal: "… in Drupal\Core\Foo->bar() (line 12 of /var/www/web/core/…)."
    if let Some(at) = memmem::rfind(message.as_bytes(), b" (line ")
        && let Some(tail) = message.get(at + 7..)
        && let Some((line, file)) = tail.split_once(" of ")
        && let Some(line) = number(line)
        && let Some((file, _)) = file.split_once(')')
    {
        let before = message.get(..at).unwrap_or_default();
        let (said, function) = before.rsplit_once(" in ").unwrap_or((before, ""));
        return Some((said, Some((file.to_owned(), line)), Some(bare_function(function))));
    }
    for needle in [" in ", " at "] {
        let mut end = message.len();
        // A message may hold the word many times; places stand at the end.
        for _ in 0..6 {
            let Some(at) = memmem::rfind(message.as_bytes().get(..end)?, needle.as_bytes()) else { break };
            end = at;
            let tail = message.get(at + needle.len()..)?;
            if let Some(found) = leading_place(tail, needle == " at ") {
                let head = message.get(..at)?;
                return Some((head, Some(found).filter(|(f, _)| f != "Unknown"), None));
            }
        }
    }
    None
}

/// `/f.php:12`, `/f.php on line 12`, `/f.php line 12` at the start of a text.
fn leading_place(tail: &str, spaced: bool) -> Option<(String, u32)> {
    let first = tail.split('\n').next()?;
    let believable = |f: &str| {
        !f.is_empty()
            && f.len() < 1024
            && (is_absolute(f)
                || f.ends_with(".php")
                || f == "Unknown"
                || f.starts_with("Standard input")
                || f.ends_with("eval()'d code")
                || f.starts_with("php shell"))
    };
    for word in [" on line ", " line "] {
        if let Some((file, line)) = first.split_once(word)
            && (word == " on line " || spaced)
            && believable(file)
            && let Some(n) = number(line)
        {
            return Some((file.to_owned(), n));
        }
    }
    // The colon before the line: the first one that a number follows, behind a drive's.
    let mut from = if is_absolute(first) { first.find(['/', '\\'])? } else { 0 };
    while let Some(found) = first.get(from..)?.find(':') {
        let at = from + found;
        let file = first.get(..at)?;
        if let Some(n) = number(first.get(at + 1..)?) {
            return believable(file).then(|| (file.to_owned(), n));
        }
        from = at + 1;
    }
    None
}

/// One text: one fatal error, one warning, or one chain.
fn one(text: &str) -> Vec<Exception> {
    if memmem::find(text.as_bytes(), b"(code: ").is_some()
        && let found = monolog(text)
        && !found.is_empty()
    {
        return found;
    }
    if let Some(found) = slim(text) {
        return vec![found];
    }
    let mut done: Vec<Exception> = Vec::new();
    let mut open: Option<Section> = None;
    // `Next` sections are printed after what caused them.
    let mut next = false;
    for line in text.lines() {
        let t = line.trim();
        let bare = t.strip_prefix("PHP ").unwrap_or(t);
        if let Some(c) = call(t).or_else(|| ci4_call(t)) {
            let section = open.get_or_insert_with(Section::default);
            section.in_stack = true;
            section.calls.push(c);
            continue;
        }
        if let Some(c) = xdebug_call(bare) {
            if let Some(section) = open.as_mut() {
                section.in_stack = true;
                section.reversed = true;
                section.calls.push(c);
            }
            continue;
        }
        if bare == "Stack trace:" || t == "[stacktrace]" {
            if let Some(section) = open.as_mut() {
                section.in_stack = true;
            }
            continue;
        }
        if let Some(place) = bare.strip_prefix("thrown in ").and_then(|p| leading_place(p, false)) {
            if let Some(section) = open.as_mut()
                && section.place.is_none()
            {
                section.place = Some(place);
            }
            continue;
        }
        // CodeIgniter 4: "in APPPATH/Controllers/Home.php on line 12."
        if let Some(rest) = t.strip_prefix("in ")
            && rest.contains("PATH/")
            && let Some((file, line)) = rest.split_once(" on line ")
        {
            if let Some(section) = open.as_mut() {
                section.place = number(line).map(|n| (file.to_owned(), n));
                section.in_stack = true;
            }
            continue;
        }
        // Collision: "  at app/Http/Controllers/OrderController.php:33"
        if let Some(section) = open.as_mut()
            && let Some(place) = t.strip_prefix("at ")
            && section.place.is_none()
            && place.contains(".php:")
            && let Some((file, line)) = super::place::file_line(place)
        {
            section.place = Some((file.to_owned(), line));
            section.in_stack = true;
            continue;
        }
        if let Some(rest) = t.strip_prefix("Next ")
            && open.as_ref().is_some_and(|s| s.in_stack)
            && let Some(section) = thrown(rest)
        {
            done.extend(open.take().map(Section::finish));
            next = true;
            open = Some(section);
            continue;
        }
        let ready = open.as_ref().is_none_or(|s| s.in_stack || s.kind.is_empty());
        if ready && let Some(section) = begin(t) {
            if let Some(s) = open.take()
                && !s.kind.is_empty()
            {
                done.push(s.finish());
            }
            open = Some(section);
            continue;
        }
        if let Some(section) = open.as_mut()
            && !section.in_stack
        {
            let mut e = Exception { message: std::mem::take(&mut section.message), ..Exception::default() };
            say_more(&mut e, line);
            section.message = e.message;
        }
    }
    done.extend(open.map(Section::finish));
    if next {
        done.reverse();
    }
    // A section that has neither a type nor a place is no PHP error.
    done.retain(|e| !e.frames.is_empty() || e.kind.starts_with("PHP ") || is_error(&e.kind));
    let any = done.iter().any(|e| e.frames.iter().any(|f| !f.file.is_empty()) || e.kind.starts_with("PHP "));
    if any { done } else { Vec::new() }
}

/// The section that a line begins, if it begins one.
fn begin(line: &str) -> Option<Section> {
    let line = line.trim_start_matches("<br />").trim_start_matches("<b>").trim_start();
    let bare = line.strip_prefix("PHP ").unwrap_or(line);
    if let Some((name, rest)) = severity(&bare.replacen("</b>", "", 1)) {
        return Some(severe(name, rest, bare.len() != line.len()));
    }
    // The severity may stand behind a log's own words.
    if let Some(at) = memmem::find(line.as_bytes(), b"PHP ")
        && let Some((name, rest)) = line.get(at + 4..).and_then(severity)
    {
        return Some(severe(name, rest, true));
    }
    if let Some(at) = memmem::find(line.as_bytes(), b"Uncaught PHP Exception ") {
        return thrown(line.get(at + 23..)?);
    }
    if let Some(at) = memmem::find(line.as_bytes(), b"Uncaught ")
        && let Some(section) = thrown(line.get(at + 9..)?)
        && (is_error(&section.kind) || section.message.contains(".php"))
    {
        return Some(section);
    }
    if let Some(at) = memmem::find(line.as_bytes(), b"xception '") {
        return thrown(line.get(at.checked_sub(1)?..)?);
    }
    // CodeIgniter 3: "Severity: error --> Exception: Call to undefined function x() /var/www/app/Home.php 12"
    if let Some(at) = memmem::find(line.as_bytes(), b"Severity: ")
        && let Some((name, rest)) = line.get(at + 10..)?.split_once(" --> ")
    {
        let (before, number_) = rest.rsplit_once(' ')?;
        let (said, file) = before.rsplit_once(' ')?;
        let n = number(number_)?;
        let (kind, message) = match said.split_once(": ") {
            Some((k, m)) if type_name(k).is_some_and(|(n, r)| r.is_empty() && is_error(n)) => {
                (k.to_owned(), m)
            }
            _ => (format!("PHP {name}"), said),
        };
        return Some(Section { place: Some((file.to_owned(), n)), ..Section::new(&kind, message) });
    }
    // "TypeError: Unsupported operand types in /srv/app/Cart.php:88", anywhere in the line.
    let (at, kind, message) = error_within(line)?;
    let placed_here = placed(message).is_some_and(|(_, p, _)| {
        p.is_some_and(|(f, _)| f.contains(".php") || f.contains(".module") || f.contains(".inc"))
    });
    (placed_here || at == 0).then(|| Section::new(kind, message))
}

fn severe(name: &str, rest: &str, prefixed: bool) -> Section {
    if let Some(inner) = rest.strip_prefix("Uncaught ")
        && let Some(section) = thrown(inner)
    {
        return section;
    }
    // Not ours without PHP's prefix or a place: "Warning: disk almost full".
    let kind = if prefixed || placed(rest).is_some() { format!("PHP {name}") } else { String::new() };
    Section::new(&kind, rest)
}

/// `Type: message in …`, `Type in …` (no message), `exception 'Type' with message 'message' in …` (PHP 5).
fn thrown(text: &str) -> Option<Section> {
    let old = text.strip_prefix("exception '").or_else(|| text.strip_prefix("Exception '"));
    if let Some(rest) = old {
        let (kind, rest) = rest.split_once('\'')?;
        let message = rest.strip_prefix(" with message '").unwrap_or(rest);
        let mut section = Section::new(kind, message);
        if let Some((said, place, _)) = placed(message) {
            section.place = place;
            section.message = said.trim_end_matches('\'').to_owned();
        }
        return Some(section);
    }
    if let Some((kind, message)) = headed(text) {
        return (!message.is_empty() || is_error(kind)).then(|| Section::new(kind, message));
    }
    let (kind, rest) = type_name(text)?;
    rest.starts_with(" in ").then(|| Section::new(kind, rest))
}

/// Monolog's normalised exceptions, outermost first: `[object] (Type(code: 0): message at /f.php:12)`.
fn monolog(text: &str) -> Vec<Exception> {
    const CODE: &str = "(code: ";
    let mut found: Vec<Exception> = Vec::new();
    // Where the frames go: of the run of heads that share one pair of brackets (Monolog 1), the first.
    let mut owner = 0;
    let mut rest = text;
    while let Some(at) = memmem::find(rest.as_bytes(), CODE.as_bytes()) {
        let Some(before) = rest.get(..at) else { break };
        let Some(after) = rest.get(at + CODE.len()..) else { break };
        let name_at = before
            .rfind(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '\\')))
            .map_or(0, |i| i + 1);
        let kind = before.get(name_at..).unwrap_or_default();
        let lead = before.get(..name_at).unwrap_or_default();
        let head = lead.ends_with("[object] (")
            || lead.ends_with(", ") && !found.is_empty()
            || lead.trim_end().ends_with("exception] [object] (");
        let Some(said) = clip(after, CODE_BYTES_MAX)
            .find("): ")
            .filter(|end| after.get(..*end).is_some_and(|code| !code.contains('\n')))
            .and_then(|end| after.get(end + 3..))
        else {
            rest = after;
            continue;
        };
        if !head || type_name(kind).is_none_or(|(n, r)| n.len() != kind.len() && !r.is_empty()) {
            rest = after;
            continue;
        }
        // Where no place follows, none follows further on.
        let Some((message, file, line, behind)) = monolog_place(said) else { break };
        let mut e = exception(
            &single_slashes(kind),
            &message.replace("\\\"", "\"").replace("\\\\", "\\").replace("\\/", "/"),
        );
        e.frames.push(frame(&single_slashes(&file.replace("\\/", "/")), Some(line), ""));
        if !lead.ends_with(", ") {
            owner = found.len();
        }
        found.push(e);
        let stack_end = memmem::find(behind.as_bytes(), CODE.as_bytes()).unwrap_or(behind.len());
        let calls: Vec<Call> = behind
            .get(..stack_end)
            .unwrap_or_default()
            .lines()
            .filter_map(|l| call(l.trim_start()))
            .collect();
        if !calls.is_empty()
            && let Some(e) = found.get_mut(owner)
        {
            let place = e.frames.first().and_then(|f| Some((f.file.clone(), f.line?)));
            e.frames = frames(place, calls, false).into();
        }
        rest = behind;
    }
    found
}

/// Of `message at /f.php:12)…`: the message, the place, and what follows.
fn monolog_place(said: &str) -> Option<(&str, &str, u32, &str)> {
    let mut from = 0;
    while let Some(found) = memmem::find(said.as_bytes().get(from..)?, b" at ") {
        let at = from + found;
        let tail = said.get(at + 4..)?;
        // The blank behind may be the one before the next.
        from = at + 3;
        let near = clip(tail, PLACE_BYTES_MAX);
        let end = near.find([')', ',', '\n', '"']).unwrap_or(near.len());
        let (Some(place), Some(behind)) = (tail.get(..end), tail.get(end..)) else { continue };
        // Paths with brackets in them are cut short here and refused below; the next " at " is tried.
        if let Some((file, line)) = place.rsplit_once(':')
            && !line.is_empty()
            && line.bytes().all(|c| c.is_ascii_digit())
            && (is_absolute(file) || file.contains(".php") || file.starts_with("\\/"))
            && !file.contains(" at ")
            && let Some(n) = number(line)
        {
            return Some((said.get(..at)?, file, n, behind));
        }
    }
    None
}

/// Slim's plain text: `Type: …`, `Code: …`, `Message: …`, `File: …`, `Line: …`, `Trace: #0 …`, one a line.
fn slim(text: &str) -> Option<Exception> {
    if memmem::find(text.as_bytes(), b"\nFile: ").is_none()
        || memmem::find(text.as_bytes(), b"\nLine: ").is_none()
    {
        return None;
    }
    let field = |name: &str| text.lines().find_map(|l| l.trim_start().strip_prefix(name)).map(str::trim);
    let kind = field("Type: ")?;
    let place = Some((field("File: ")?.to_owned(), number(field("Line: ")?)?));
    let calls = text.lines().filter_map(|l| call(l.trim_start().trim_start_matches("Trace: "))).collect();
    let mut e = exception(kind, field("Message: ").unwrap_or_default());
    e.frames = frames(place, calls, false).into();
    Some(e)
}

/// Is the name one that PHP code could throw (for the reader of errors without a stack)?
pub(super) fn is_namespaced(name: &str) -> bool {
    name.contains('\\') && is_qualified(name) && !last_part(name).is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::kinds;

    /// Read in an instant; by the square of their length these took minutes.
    #[test]
    fn endless_messages_of_monolog() {
        let head = "{\"exception\":\"[object] (Error(code: 0): ";
        let chain = read(&format!("{head}{} at /var/www/x.php:181)", "at ".repeat(100_000)));
        assert_eq!(chain[0].frames[0], frame("/var/www/x.php", Some(181), ""));
        let chain = read(&format!("{head}The ferry leaves at noon at /var/www/x.php:18)"));
        assert_eq!(chain[0].message, "The ferry leaves at noon");
        assert!(read(&head.repeat(10_000)).is_empty());
        assert!(read(&"[object] (Error(code: 0".repeat(20_000)).is_empty());
    }

    #[test]
    fn an_uncaught_error_with_its_trace() {
        let chain = read(concat!(
            "PHP Fatal error:  Uncaught Error: Call to undefined function bcmul() in /var/www/harbour/wp-content/plugins/harbour-rates/includes/class-hr-quote.php:21\n",
            "Stack trace:\n",
            "#0 /var/www/harbour/wp-content/plugins/harbour-rates/includes/class-hr-quote.php(13): HR_Quote::with_tax()\n",
            "#1 /var/www/harbour/wp-includes/shortcodes.php(393): HR_Quote::total()\n",
            "#2 [internal function]: do_shortcode_tag()\n",
            "#3 {main}\n",
            "  thrown in /var/www/harbour/wp-content/plugins/harbour-rates/includes/class-hr-quote.php on line 21\n",
        ));
        assert_eq!(kinds(&chain), ["Error"]);
        let e = &chain[0];
        assert_eq!(e.message, "Call to undefined function bcmul()");
        assert_eq!(e.frames.len(), 4);
        assert_eq!(e.frames[0].function, "HR_Quote::with_tax");
        assert!(e.frames[0].place().ends_with("class-hr-quote.php:21") && e.frames[0].in_app);
        assert_eq!((e.frames[1].line, e.frames[1].function.as_str()), (Some(13), "HR_Quote::total"));
        assert!(!e.frames[2].in_app && !e.frames[3].in_app);
    }

    #[test]
    fn thrown_by_a_function_of_php_the_place_is_the_calls() {
        let chain = read(concat!(
            "PHP Fatal error:  Uncaught DivisionByZeroError: Division by zero in /var/www/shop/src/Service/Pricing.php:16\n",
            "Stack trace:\n#0 /var/www/shop/src/Service/Pricing.php(16): intdiv()\n",
            "#1 /var/www/shop/src/Service/Pricing.php(12): Shop\\\\Service\\\\Pricing->apply()\n#2 {main}\n  thrown in /var/www/shop/src/Service/Pricing.php on line 16"
        ));
        assert_eq!(
            chain[0].frames[0],
            frame("/var/www/shop/src/Service/Pricing.php", Some(16), "Shop\\Service\\Pricing->apply")
        );
        assert_eq!(chain[0].frames.len(), 2);
    }

    #[test]
    fn next_sections_are_printed_after_their_cause() {
        let chain = read(concat!(
            "PHP Fatal error:  Uncaught PDOException: SQLSTATE[HY000] [2002] Connection refused in /srv/app/Db.php:9\nStack trace:\n#0 /srv/app/Db.php(9): PDO->__construct()\n#1 {main}\n\n",
            "Next App\\StoreDown: store is down in /srv/app/Store.php:20\nStack trace:\n#0 /srv/index.php(3): App\\Store->open()\n#1 {main}\n  thrown in /srv/app/Store.php on line 20"
        ));
        assert_eq!(kinds(&chain), ["App\\StoreDown", "PDOException"]);
        assert_eq!(chain[1].message, "SQLSTATE[HY000] [2002] Connection refused");
        assert_eq!(chain[0].frames[0], frame("/srv/app/Store.php", Some(20), "App\\Store->open"));
    }

    #[test]
    fn memory_time_and_warnings() {
        let chain = read(
            "PHP Fatal error:  Allowed memory size of 25165824 bytes exhausted (tried to allocate 2097152 bytes) in /var/www/src/Report.php on line 14",
        );
        assert_eq!(kinds(&chain), ["PHP Fatal error"]);
        assert_eq!(chain[0].frames[..], [frame("/var/www/src/Report.php", Some(14), "")]);
        assert_eq!(
            chain[0].message,
            "Allowed memory size of 25165824 bytes exhausted (tried to allocate 2097152 bytes)"
        );
        let chain = read(
            "PHP Warning:  Undefined variable $banner in /var/www/shop/templates/list.php on line 3, referer: https://x/",
        );
        assert_eq!(
            (chain[0].kind.as_str(), chain[0].message.as_str()),
            ("PHP Warning", "Undefined variable $banner")
        );
        assert_eq!(chain[0].frames[0].place(), "/var/www/shop/templates/list.php:3");
        let chain = read(
            "Fatal error: Maximum execution time of 30 seconds exceeded in C:\\xampp\\htdocs\\x.php on line 7",
        );
        assert_eq!(chain[0].frames[0].place(), "C:\\xampp\\htdocs\\x.php:7");
        let chain =
            read("PHP Warning:  PHP Startup: Unable to load dynamic library 'bcmath' in Unknown on line 0");
        assert_eq!((chain[0].kind.as_str(), chain[0].frames.len()), ("PHP Warning", 0));
        let chain = read(
            "PHP Parse error:  syntax error, unexpected token \"}\" in /var/www/app/Cart.php on line 88",
        );
        assert_eq!((chain[0].kind.as_str(), chain[0].frames[0].line), ("PHP Parse error", Some(88)));
    }

    #[test]
    fn several_messages_put_the_fatal_one_last() {
        let chain = read(concat!(
            "PHP message: PHP Notice:  file_put_contents(): Write of 7006 bytes failed with errno=28 No space left on device in /var/www/pricefeed/lib/SnapshotStore.php on line 23; ",
            "PHP message: data: RuntimeException: snapshot not written in /var/www/pricefeed/lib/SnapshotStore.php:24"
        ));
        assert_eq!(kinds(&chain), ["PHP Notice", "RuntimeException"]);
        assert_eq!((chain[1].message.as_str(), chain[1].frames[0].line), ("snapshot not written", Some(24)));
    }

    #[test]
    fn monolog_chains() {
        let chain = read(concat!(
            "SQLSTATE[42S02]: Base table not found {\"exception\":\"[object] (Illuminate\\\\Database\\\\QueryException(code: 42S02): SQLSTATE[42S02]: Base table not found: 1146 (SQL: select * from `x` where `product_id` = 16 limit 4) at /var/www/phpshop2/vendor/laravel/framework/src/Illuminate/Database/Connection.php:712)\n",
            "[stacktrace]\n#0 /var/www/phpshop2/vendor/laravel/framework/src/Illuminate/Database/Connection.php(672): Illuminate\\\\Database\\\\Connection->runQueryCallback()\n",
            "#1 /var/www/phpshop2/app/Models/Product.php(44): Illuminate\\\\Database\\\\Query\\\\Builder->get()\n#2 /var/www/phpshop2/app/Http/Controllers/ProductController.php(20): App\\\\Models\\\\Product->related()\n#3 {main}\n\n",
            "[previous exception] [object] (PDOException(code: 42S02): SQLSTATE[42S02]: Base table not found at /var/www/phpshop2/vendor/laravel/framework/src/Illuminate/Database/Connection.php:368)\n",
            "[stacktrace]\n#0 /var/www/phpshop2/vendor/laravel/framework/src/Illuminate/Database/Connection.php(368): PDO->prepare()\n#1 {main}\n\"} "
        ));
        assert_eq!(kinds(&chain), ["Illuminate\\Database\\QueryException", "PDOException"]);
        assert!(chain[0].message.ends_with("limit 4)"));
        assert_eq!(
            chain[0].app_frame().unwrap(),
            &frame("/var/www/phpshop2/app/Models/Product.php", Some(44), "App\\Models\\Product->related")
        );
        // A message of several lines.
        let chain = read(concat!(
            "SQLSTATE[08006] [7] connection to server at \"127.0.0.1\", port 8101 failed: Connection refused\n",
            "\tIs the server running on that host and accepting TCP/IP connections? {\"path\":\"/v1/invoices\",\"exception\":\"[object] (PDOException(code: 7): ",
            "SQLSTATE[08006] [7] connection to server at \\\"127.0.0.1\\\", port 8101 failed: Connection refused\n",
            "\\tIs the server running on that host and accepting TCP/IP connections? at /var/www/dunning/src/bootstrap.php:42)\n",
            "[stacktrace]\n#0 /var/www/dunning/src/bootstrap.php(42): PDO->__construct()\n#1 {main}\n\"} "
        ));
        assert_eq!((chain[0].kind.as_str(), chain[0].frames[0].line), ("PDOException", Some(42)));
        assert!(
            chain[0]
                .message
                .starts_with("SQLSTATE[08006] [7] connection to server at \"127.0.0.1\", port 8101")
        );
        assert!(continues(
            "\\tIs the server running on that host? at /var/www/dunning/src/bootstrap.php:42)"
        ));
        // Symfony: one line, no trace.
        let chain = read(concat!(
            "Uncaught PHP Exception DivisionByZeroError: \"Division by zero\" at /var/www/pinelake/src/Service/VoucherService.php line 23 ",
            "{\"exception\":\"[object] (DivisionByZeroError(code: 0): Division by zero at /var/www/pinelake/src/Service/VoucherService.php:23)\"} []"
        ));
        assert_eq!(kinds(&chain), ["DivisionByZeroError"]);
        assert_eq!(chain[0].frames[0].place(), "/var/www/pinelake/src/Service/VoucherService.php:23");
        // Monolog 1 puts previous ones behind commas.
        let chain = read(
            "x {\"exception\":\"[object] (App\\\\Outer(code: 0): a at /srv/a.php:1, PDOException(code: 2002): b at /srv/b.php:2)\n[stacktrace]\n#0 /srv/c.php(3): f()\n\"}",
        );
        assert_eq!(kinds(&chain), ["App\\Outer", "PDOException"]);
        assert_eq!((chain[0].frames.len(), chain[1].frames.len()), (2, 1));
    }

    #[test]
    fn symfony_without_context_drupal_codeigniter_yii_slim_xdebug() {
        let chain =
            read("Uncaught PHP Exception App\\Bad: \"no such \"thing\" here\" at /srv/src/A.php line 23");
        assert_eq!(
            (chain[0].kind.as_str(), chain[0].message.as_str()),
            ("App\\Bad", "no such \"thing\" here")
        );
        assert_eq!(chain[0].frames[0].place(), "/srv/src/A.php:23");
        let chain = read(
            "TypeError: count(): Argument #1 must be of type Countable in shop_cart_total() (line 31 of /var/www/web/modules/custom/shop/shop.module).",
        );
        assert_eq!(
            chain[0].frames[..],
            [frame("/var/www/web/modules/custom/shop/shop.module", Some(31), "shop_cart_total")]
        );
        let chain = read(
            "Severity: error --> Exception: Call to undefined function money() /var/www/application/controllers/Cart.php 12",
        );
        assert_eq!(
            (chain[0].kind.as_str(), chain[0].frames[0].place().as_str()),
            ("Exception", "/var/www/application/controllers/Cart.php:12")
        );
        let chain = read(
            "CodeIgniter\\Database\\Exceptions\\DatabaseException: Unable to connect to the database.\n[Method: GET, Route: /]\nin SYSTEMPATH/Database/BaseConnection.php on line 467.\n 1 APPPATH/Controllers/Home.php(12): CodeIgniter\\Model->find()\n",
        );
        assert_eq!(chain[0].app_frame().unwrap().place(), "APPPATH/Controllers/Home.php:12");
        let chain = read(
            "exception 'yii\\db\\Exception' with message 'SQLSTATE[HY000] [2002] Connection refused' in /srv/vendor/yiisoft/yii2/db/Connection.php:649\nStack trace:\n#0 /srv/controllers/SiteController.php(20): yii\\db\\Connection->open()\n#1 {main}",
        );
        assert_eq!(
            (chain[0].kind.as_str(), chain[0].message.as_str()),
            ("yii\\db\\Exception", "SQLSTATE[HY000] [2002] Connection refused")
        );
        let chain = read(
            "Slim Application Error:\nType: RuntimeException\nCode: 0\nMessage: boom\nFile: /srv/src/A.php\nLine: 91\nTrace: #0 /srv/src/B.php(4): A->x()\n#1 {main}\n",
        );
        assert_eq!((chain[0].kind.as_str(), chain[0].frames.len()), ("RuntimeException", 2));
        let chain = read(
            "PHP Fatal error:  Allowed memory size of 1 bytes exhausted in /srv/b.php on line 9\nPHP Stack trace:\nPHP   1. {main}() /srv/a.php:0\nPHP   2. grow($n = 3) /srv/a.php:12\n",
        );
        assert_eq!(chain[0].frames[0], frame("/srv/b.php", Some(9), "grow"));
        assert_eq!(chain[0].frames[1], frame("/srv/a.php", Some(12), "{main}"));
    }

    #[test]
    fn torn_traces() {
        let chain = read(
            "#4 /srv/app/Cart.php(88): App\\Tax->net()\n#5 /srv/public/index.php(12): App\\Cart->total()\n#6 {main}\n  thrown in /srv/app/Tax.php on line 7",
        );
        assert_eq!(chain[0].frames[0].place(), "/srv/app/Tax.php:7");
        let chain = read(
            "PHP Fatal error:  Uncaught TypeError: App\\Tax::net(): Argument #1 ($x) must be of type int, null given, called in /srv/app/Cart.php on line 88 and defined in /srv/app/Tax.php:7",
        );
        assert_eq!(chain[0].frames[0].place(), "/srv/app/Tax.php:7");
    }

    #[test]
    fn lines_inside_and_at_the_start() {
        for line in [
            "#0 /srv/x.php(3): f()",
            "#1 [internal function]: g()",
            "#2 {main}",
            "  thrown in /srv/x.php on line 3",
            "Stack trace:",
            "Next App\\X: y in /f.php:3",
            "PHP   2. f() /srv/a.php:12",
        ] {
            assert!(continues(line), "{line}");
        }
        for line in ["#1 best seller", "2. Open the door", "Nextcloud is up", "GET /index.php 200"] {
            assert!(!continues(line), "{line}");
        }
        assert!(
            starts("PHP Fatal error:  x")
                && starts("Fatal error: Uncaught Error: x")
                && !starts("Warning: disk almost full")
        );
        for text in [
            "GET /index.php 200",
            "PHP 8.2.1 Development Server started",
            "open /index.php: done",
            "NOTICE: PHP message: shop: no route for GET /robots.txt",
        ] {
            assert!(read(text).is_empty(), "{text}");
        }
    }
}
