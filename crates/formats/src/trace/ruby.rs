//! Ruby: Rails' log form, the interpreter's own, Sinatra, Puma, Sidekiq, Passenger, rake.
//!
//! ```text
//! ActionView::Template::Error (undefined method `upcase' for nil:NilClass):
//!     4: </p>
//!     5: <p>Made in <%= @product.origin.upcase %></p>
//!
//! app/views/products/show.html.erb:5
//! app/controllers/products_controller.rb:12:in `show'
//! ```
//!
//! ```text
//! /srv/app/boot.rb:3:in 'Integer#/': divided by 0 (ZeroDivisionError)
//!     from /srv/app/boot.rb:3:in '<main>'
//! ```
//!
//! Source: Rails' `ActionDispatch::DebugExceptions#log_error` (`Causes:`, `Information for:`), MRI's
//! `error.c` and `eval_error.c`, Sinatra's `dump_errors!`, Puma's `ErrorLogger`, rake's
//! `display_error_message`, Passenger's `Utils`.

use super::chain::{exception, frame, is_full};
use super::kind::{headed, is_error, is_qualified, type_name};
use super::place::number;
use crate::needle::{Needle, any};
use memchr::memmem;
use record::{Exception, Frame};

const EXTENSIONS: &[&str] =
    &[".rb", ".erb", ".ru", ".rake", ".haml", ".slim", ".jbuilder", ".builder", ".axlsx", ".rabl", ".liquid"];

pub(super) fn read(text: &str) -> Vec<Exception> {
    static SIGNS: [Needle; 12] = [
        Needle::new(".rb:"),
        Needle::new(".erb:"),
        Needle::new(".ru:"),
        Needle::new(".haml:"),
        Needle::new(".slim:"),
        Needle::new(".rake:"),
        Needle::new("):"),
        Needle::new(":in `"),
        Needle::new(":in '"),
        Needle::new("Exception "),
        Needle::new("#<"),
        Needle::new(" app error: "),
    ];
    if !any(&SIGNS, text) {
        return Vec::new();
    }
    let mut reader = Reader::default();
    for line in text.lines() {
        reader.line(untagged(line));
    }
    reader.finish()
}

pub(super) fn starts(line: &str) -> bool {
    let line = untagged(line);
    rails_head(line).is_some()
        || interpreter_head(line).is_some()
        || line == "rake aborted!"
        || line.starts_with("*** Exception ")
        || passenger_head(line).is_some()
}

pub(super) fn continues(line: &str) -> bool {
    let line = untagged(line);
    let t = line.trim_start();
    place(t).is_some()
        || t.strip_prefix("from ").is_some_and(|r| place(r).is_some())
        || excerpt(line)
        || (t.starts_with("Information for: ") && t.ends_with("):"))
        || t == "Causes:"
        || line == ":"
        || t.starts_with("... ") && t.ends_with(" levels...")
}

/// Without Rails' tags: `[86ab05df-61c8-4e26-b504-68b6e6e707f5] `.
fn untagged(line: &str) -> &str {
    let mut rest = line;
    for _ in 0..4 {
        let Some((tag, after)) = rest.strip_prefix('[').and_then(|r| r.split_once("] ")) else { break };
        if tag.is_empty()
            || tag.len() > 64
            || !tag.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.' | b':'))
        {
            break;
        }
        rest = after;
    }
    rest
}

/// `    5: <p>Made in <%= @product.origin.upcase %></p>`: the template around the fault.
fn excerpt(line: &str) -> bool {
    let t = line.trim_start();
    let digits = t.bytes().take_while(u8::is_ascii_digit).count();
    let gap = line.len() - t.len();
    gap >= 2 && digits > 0 && digits < 6 && t.get(digits..).is_some_and(|r| r.starts_with(": ") || r == ":")
}

/// `app/controllers/x.rb:6:in 'show'`, `app/views/products/show.html.erb:5`, with a gem before it or not.
fn place(t: &str) -> Option<Frame> {
    let t = t.trim_end();
    static IN: Needle = Needle::new(":in ");
    if let Some(at) = IN.find(t) {
        let (file, line) = t.get(..at)?.rsplit_once(':')?;
        let n = whole(line)?;
        let named = t.get(at + 4..)?;
        let function = named.strip_prefix(['`', '\''])?;
        let function = function.split('\'').next().unwrap_or(function);
        return is_file(file).then(|| frame(file, Some(n), function));
    }
    let (file, line) = t.rsplit_once(':')?;
    let n = whole(line)?;
    (is_file(file)
        && EXTENSIONS.iter().any(|e| file.ends_with(e))
        && (file.contains('/') || file.ends_with(".ru")))
    .then(|| frame(file, Some(n), ""))
}

/// A path, or a gem and a path: `activerecord (7.0.4) lib/active_record/…`.
fn is_file(file: &str) -> bool {
    if file.is_empty() || file.len() > 1024 {
        return false;
    }
    let path = match file.split_once(") ") {
        Some((gem, path))
            if gem
                .split_once(" (")
                .is_some_and(|(n, v)| !n.contains(' ') && v.starts_with(|c: char| c.is_ascii_digit())) =>
        {
            path
        }
        _ => file,
    };
    !path.contains(' ')
        || path.starts_with("(eval")
        || path.starts_with('/')
        || path.starts_with("<internal:")
}

fn whole(text: &str) -> Option<u32> {
    if text.is_empty() || !text.bytes().all(|c| c.is_ascii_digit()) {
        return None;
    }
    number(text)
}

fn is_class(name: &str) -> bool {
    name.as_bytes().first().is_some_and(u8::is_ascii_uppercase)
        && !name.contains(['.', '\\'])
        && name.len() > 3
}

/// Rails: `Type (message):`; the message may go on over lines.
fn rails_head(line: &str) -> Option<(&str, &str)> {
    let (kind, rest) = type_name(line)?;
    let rest = rest.strip_prefix(" (")?;
    // A class of the app's own has several words ("NoStock"); one word before brackets is a sentence.
    let words = kind.bytes().filter(u8::is_ascii_uppercase).count() > 1;
    if !is_class(kind) || !(is_error(kind) || is_qualified(kind) || words && rest.ends_with("):")) {
        return None;
    }
    match rest.trim_end().strip_suffix("):") {
        Some(message) => Some((kind, message)),
        None => (!rest.contains(')') && (is_error(kind) || is_qualified(kind))).then_some((kind, rest)),
    }
}

/// The interpreter: `/srv/app/boot.rb:3:in 'Integer#/': divided by 0 (ZeroDivisionError)`.
fn interpreter_head(line: &str) -> Option<(Frame, &str, &str)> {
    let line = line.trim_end();
    // A place, then ": " and the message.
    static COLON: Needle = Needle::new(": ");
    static IN: Needle = Needle::new(":in ");
    COLON.find(line)?;
    line.contains('.').then_some(())?;
    // The message begins after the quoted name, or after the line's number.
    let (at, said) = match IN.find(line) {
        Some(i) => {
            let close = line.get(i + 5..)?.find("': ")? + i + 5;
            (line.get(..close + 1)?, line.get(close + 3..)?)
        }
        None => {
            ends_an_extension(line).then_some(())?;
            let i = EXTENSIONS
                .iter()
                .filter_map(|e| {
                    let i = memmem::find(line.as_bytes(), e.as_bytes())? + e.len();
                    (line.as_bytes().get(i) == Some(&b':')).then_some(i + 1)
                })
                .min()?;
            let digits = line.get(i..)?.bytes().take_while(u8::is_ascii_digit).count();
            (line.get(..i + digits)?, line.get(i + digits..)?.strip_prefix(": ")?)
        }
    };
    let f = place(at)?;
    if let Some((message, kind)) = said.strip_suffix(')').and_then(|s| s.rsplit_once(" ("))
        && type_name(kind).is_some_and(|(n, r)| r.is_empty() && is_class(n))
    {
        return Some((f, kind, message));
    }
    // Syntax errors: "/srv/a.rb:3: syntax error, unexpected end-of-input".
    if said.starts_with("syntax error") {
        return Some((f, "SyntaxError", said));
    }
    // Messages of several lines name their class at the end of the first.
    None
}

/// Does a colon stand behind one of the extensions?
fn ends_an_extension(line: &str) -> bool {
    memchr::memchr_iter(b':', line.as_bytes()).any(|i| {
        let before = line.as_bytes().get(..i).unwrap_or_default();
        // They end in these letters.
        matches!(before.last(), Some(b'b' | b'u' | b'e' | b'l' | b'm' | b'r' | b'x' | b'd'))
            && EXTENSIONS.iter().any(|e| before.ends_with(e.as_bytes()))
    })
}

/// Passenger: `*** Exception RuntimeError in Rack application object (message) (process 12, thread 0x…):`
fn passenger_head(line: &str) -> Option<(&str, &str)> {
    static STARS: Needle = Needle::new("*** Exception ");
    let at = STARS.find(line)?;
    let (kind, rest) = type_name(line.get(at + 14..)?)?;
    let (_, message) = rest.split_once(" (")?;
    let message = message.rsplit_once(" (process ").map_or(message, |(m, _)| m);
    is_class(kind).then(|| (kind, message.trim_end_matches(')')))
}

/// Words of a line that carry a class and a message: Sinatra's `2026-11-24 07:00:00 - Type - message:`,
/// unicorn's `app error: message (Type)`, Puma's `#<Type: message>`, Sidekiq's `Type: message`.
fn worded_head(t: &str) -> Option<(&str, &str)> {
    if let Some((_, rest)) = t.split_once(" - ")
        && let Some((kind, rest)) = type_name(rest)
        && let Some(message) = rest.strip_prefix(" - ")
        && is_class(kind)
    {
        return Some((kind, message.trim_end_matches(':')));
    }
    if let Some((_, rest)) = t.split_once("app error: ")
        && let Some((message, kind)) = rest.strip_suffix(')').and_then(|r| r.rsplit_once(" ("))
        && type_name(kind).is_some_and(|(n, r)| r.is_empty() && is_class(n))
    {
        return Some((kind, message));
    }
    if let Some(at) = memmem::find(t.as_bytes(), b"#<")
        && let Some((kind, message)) = t.get(at + 2..).and_then(headed)
        && is_class(kind)
        && (is_error(kind) || is_qualified(kind))
    {
        return Some((kind, message.strip_suffix('>').unwrap_or(message)));
    }
    let (kind, message) = headed(t)?;
    (is_class(kind) && !message.is_empty() && (is_error(kind) || is_qualified(kind)))
        .then_some((kind, message))
}

#[derive(Default)]
struct Reader {
    chain: Vec<Exception>,
    current: Option<usize>,
    in_stack: bool,
    open_message: bool,
    causes: bool,
    /// A shape that only Ruby prints was seen.
    sure: bool,
}

impl Reader {
    fn line(&mut self, line: &str) {
        if is_full(&self.chain) {
            return;
        }
        let t = line.trim();
        if t.is_empty() {
            // Below a blank line come Ruby 3.4's marks or the frames; the message is complete.
            return;
        }
        if t == "Causes:" {
            self.causes = true;
            return;
        }
        if let Some(rest) = t.strip_prefix("Information for: ")
            && let Some((kind, message)) = rails_head(rest)
        {
            let at = self.chain.iter().position(|e| e.kind == kind && e.message == message);
            self.current = Some(at.unwrap_or(0));
            self.causes = false;
            return;
        }
        if t == "Caused by:" || t == "rake aborted!" {
            self.causes = t == "Caused by:";
            self.in_stack = true;
            return;
        }
        if let Some((f, kind, message)) = interpreter_head(t.strip_prefix("from ").unwrap_or(t)) {
            self.sure = true;
            let mut e = exception(kind, message);
            e.frames.push(f);
            // The interpreter prints the cause below.
            self.push(e);
            self.in_stack = true;
            return;
        }
        if let Some(f) = place(t.strip_prefix("from ").unwrap_or(t).trim_start()) {
            self.sure |= t.contains(":in ") || self.current.is_some();
            self.causes = false;
            if self.current.is_none() {
                self.push(Exception::default());
            }
            if let Some(e) = self.current.and_then(|i| self.chain.get_mut(i)) {
                e.frames.push(f);
            }
            self.in_stack = true;
            self.open_message = false;
            return;
        }
        if excerpt(line) {
            return;
        }
        let fresh = self.current.is_none() || self.in_stack || self.causes;
        if fresh {
            let head = match rails_head(t) {
                Some(found) => {
                    self.sure = true;
                    self.open_message = !t.ends_with("):");
                    Some(found)
                }
                // A cause that Rails lists: "PG::ConnectionBad (could not connect)".
                None if self.causes => type_name(t)
                    .and_then(|(k, r)| Some((k, r.strip_prefix(" (")?.trim_end_matches(')'))))
                    .or_else(|| worded_head(t)),
                None => passenger_head(t).inspect(|_| self.sure = true).or_else(|| worded_head(t)),
            };
            if let Some((kind, message)) = head {
                let deeper = self.causes;
                let first = self.current;
                if deeper || self.chain.is_empty() {
                    self.push(exception(kind, message));
                } else {
                    self.chain.insert(0, exception(kind, message));
                    self.current = Some(0);
                }
                // Rails prints the frames of the outer one after the list of causes.
                if deeper && !self.in_stack {
                    self.current = first.or(self.current);
                }
                self.in_stack = false;
                return;
            }
        }
        if !self.in_stack
            && let Some(e) = self.current.and_then(|i| self.chain.get_mut(i))
            && e.frames.is_empty()
        {
            // Sinatra's colon behind a message of several lines.
            if t == ":" {
                return;
            }
            let done = self.open_message && t.ends_with("):");
            super::chain::say_more(e, if done { t.trim_end_matches(':').trim_end_matches(')') } else { t });
            self.open_message &= !done;
        }
    }

    fn push(&mut self, e: Exception) {
        self.chain.push(e);
        self.current = Some(self.chain.len() - 1);
    }

    fn finish(self) -> Vec<Exception> {
        let framed = self.chain.iter().any(|e| !e.frames.is_empty());
        // "Type (message):" alone is Rails' head with its stack torn off; anything else needs frames.
        if !(self.sure && (framed || self.chain.iter().any(|e| is_error(&e.kind) || is_qualified(&e.kind)))) {
            return Vec::new();
        }
        self.chain
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::kinds;

    #[test]
    fn rails_with_tags_and_a_template() {
        let chain = read(concat!(
            "  \n[31f2f89f-5a77-4f28-820e-aad69b77b539] ActionView::Template::Error (undefined method `upcase' for nil:NilClass):\n",
            "[31f2f89f-5a77-4f28-820e-aad69b77b539]     4: </p>\n[31f2f89f-5a77-4f28-820e-aad69b77b539]     5: <p>Made in <%= @product.origin.upcase %></p>\n",
            "[31f2f89f-5a77-4f28-820e-aad69b77b539]   \n[31f2f89f-5a77-4f28-820e-aad69b77b539] app/views/products/show.html.erb:5\n",
            "[31f2f89f-5a77-4f28-820e-aad69b77b539] app/controllers/products_controller.rb:12:in `show'"
        ));
        assert_eq!(kinds(&chain), ["ActionView::Template::Error"]);
        assert_eq!(chain[0].message, "undefined method `upcase' for nil:NilClass");
        assert_eq!(
            chain[0].frames[..],
            [
                frame("app/views/products/show.html.erb", Some(5), ""),
                frame("app/controllers/products_controller.rb", Some(12), "show")
            ]
        );
    }

    #[test]
    fn rails_names_causes() {
        let chain = read(concat!(
            "ActiveRecord::ConnectionNotEstablished (connection to server at \"127.0.0.1\", port 8540 failed: Connection refused\n\tIs the server running on that host and accepting TCP/IP connections?\n):\n",
            "  \nCauses:\nPG::ConnectionBad (connection to server at \"127.0.0.1\", port 8540 failed: Connection refused)\n  \n",
            "activerecord (7.0.4) lib/active_record/connection_adapters/postgresql_adapter.rb:87:in `rescue in new_client'\napp/models/order.rb:9:in `recent'\n"
        ));
        assert_eq!(kinds(&chain), ["ActiveRecord::ConnectionNotEstablished", "PG::ConnectionBad"]);
        assert!(chain[0].message.contains("accepting TCP/IP connections?"));
        assert_eq!(chain[0].app_frame().unwrap().place(), "app/models/order.rb:9");
    }

    #[test]
    fn the_interpreter_old_and_new() {
        let chain = read(
            "/srv/app/boot.rb:3:in 'Integer#/': divided by 0 (ZeroDivisionError)\n\tfrom /srv/app/boot.rb:3:in 'Object#run'\n\tfrom /srv/app/boot.rb:9:in '<main>'\n",
        );
        assert_eq!(
            (chain[0].kind.as_str(), chain[0].message.as_str()),
            ("ZeroDivisionError", "divided by 0")
        );
        assert_eq!((chain[0].frames.len(), chain[0].frames[0].function.as_str()), (3, "Integer#/"));
        let chain = read(
            "/srv/app/b.rb:4:in `rescue in load': no rates (RuntimeError)\n\tfrom /srv/app/b.rb:2:in `load'\n/srv/app/b.rb:2:in `open': No such file or directory @ rb_sysopen - rates.csv (Errno::ENOENT)\n\tfrom /srv/app/b.rb:2:in `load'\n",
        );
        assert_eq!(kinds(&chain), ["RuntimeError", "Errno::ENOENT"]);
        let chain = read(
            "<internal:/usr/lib/ruby/3.1.0/rubygems/core_ext/kernel_require.rb>:85:in `require': cannot load such file -- twilio-ruby (LoadError)\n\tfrom /srv/app/sms.rb:1:in `<top (required)>'\n",
        );
        assert_eq!(
            (chain[0].kind.as_str(), chain[0].app_frame().unwrap().place().as_str()),
            ("LoadError", "/srv/app/sms.rb:1")
        );
        let chain = read("/srv/a.rb:3: syntax error, unexpected end-of-input (SyntaxError)");
        assert_eq!((chain[0].kind.as_str(), chain[0].frames[0].line), ("SyntaxError", Some(3)));
    }

    #[test]
    fn sinatra_puma_sidekiq_passenger_unicorn_rake() {
        let chain = read(
            "2026-11-24 07:12:03 - KeyError - key not found: \"vat\":\n\t/srv/app/app.rb:17:in `fetch'\n\t/srv/app/app.rb:17:in `block in <class:App>'\n",
        );
        assert_eq!(
            (chain[0].kind.as_str(), chain[0].message.as_str(), chain[0].frames.len()),
            ("KeyError", "key not found: \"vat\"", 2)
        );
        let chain = read(
            "Rack app (\"GET /\" - (127.0.0.1)): #<NoMethodError: undefined method `x' for nil:NilClass>\n/srv/app/config.ru:3:in `block in <main>'",
        );
        assert_eq!(
            (chain[0].kind.as_str(), chain[0].frames[0].place().as_str()),
            ("NoMethodError", "/srv/app/config.ru:3")
        );
        let chain = read(
            "Redis::CannotConnectError: Error connecting to Redis on 127.0.0.1:6379 (Errno::ECONNREFUSED)\n/usr/share/rubygems-integration/all/gems/redis-4.8.0/lib/redis/client.rb:398:in `rescue in establish_connection'\n/srv/app/jobs/mail.rb:8:in `perform'",
        );
        assert_eq!(
            (chain[0].kind.as_str(), chain[0].app_frame().unwrap().line),
            ("Redis::CannotConnectError", Some(8))
        );
        let chain = read(
            "*** Exception RuntimeError in Rack application object (no rates) (process 12, thread 0x00(Worker 1)):\n\tfrom /srv/app/app.rb:3:in `call'",
        );
        assert_eq!((chain[0].kind.as_str(), chain[0].message.as_str()), ("RuntimeError", "no rates"));
        let chain = read("app error: no rates (RuntimeError)\n/srv/app/app.rb:3:in `call'");
        assert_eq!((chain[0].kind.as_str(), chain[0].message.as_str()), ("RuntimeError", "no rates"));
        let chain = read(
            "rake aborted!\nActiveRecord::StatementInvalid: PG::UndefinedTable: ERROR:  relation \"x\" does not exist\n/srv/app/lib/tasks/a.rake:3:in `block'\n\nCaused by:\nPG::UndefinedTable: ERROR:  relation \"x\" does not exist\n/srv/app/lib/tasks/a.rake:3:in `block'\n",
        );
        assert_eq!(kinds(&chain), ["ActiveRecord::StatementInvalid", "PG::UndefinedTable"]);
    }

    #[test]
    fn lines_and_refusals() {
        for line in [
            "app/controllers/x.rb:6:in `show'",
            "\tfrom /srv/app/boot.rb:3:in 'Object#run'",
            "    5: <p>x</p>",
            "app/views/products/show.html.erb:5",
        ] {
            assert!(continues(line), "{line}");
        }
        for line in ["config.rb: loaded", "5: five", "GET /x.rb:6", "Started GET \"/\" for 127.0.0.1"] {
            assert!(!continues(line), "{line}");
        }
        for text in [
            "",
            "Completed 500 Internal Server Error in 3ms (ActiveRecord: 0.1ms)",
            "Processing (by X):",
            "Parameters: {\"q\"=>\"#<x>\"}",
            "I am (fine):",
            "GET (all):",
        ] {
            assert!(read(text).is_empty(), "{text}");
        }
        assert!(starts("ActionView::Template::Error (undefined method):") && !starts("Completed 500 (x):"));
    }
}
