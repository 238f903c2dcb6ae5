//! Go panics and stacks: the runtime's, `net/http`'s, gin's, `pkg/errors`' and zap's.
//!
//! ```text
//! http: panic serving 127.0.0.1:60336: runtime error: invalid memory address or nil pointer dereference
//! goroutine 117 [running]:
//! net/http.(*conn).serve.func1()
//!     /usr/lib/go-1.19/src/net/http/server.go:1850 +0xbf
//! main.(*WeeklyDiscount).Apply(...)
//!     /srv/booking/rates.go:19
//! created by net/http.(*Server).Serve
//!     /usr/lib/go-1.19/src/net/http/server.go:3102 +0x4db
//! ```
//!
//! Source: Go's `runtime/traceback.go` and `runtime/panic.go`, `net/http/server.go` (`http: panic serving`),
//! gin's `recovery.go` (`file:line (0xpc)` and `\tfunction: source`), `github.com/pkg/errors` `stack.go`
//! (`%+v`), zap's `stacktrace.go`.

use super::chain::{exception, frame};
use super::place::{file_line, number};
use crate::needle::{Needle, any};
use memchr::memmem;
use record::Exception;

pub(super) fn read(text: &str) -> Vec<Exception> {
    static SIGNS: [Needle; 6] = [
        Needle::new(".go:"),
        Needle::new("goroutine "),
        Needle::new("panic: "),
        Needle::new("http: panic serving "),
        Needle::new("fatal error: "),
        Needle::new("panic recovered"),
    ];
    if !any(&SIGNS, text) {
        return Vec::new();
    }
    let mut reader = Reader::default();
    for line in text.lines() {
        if !reader.line(line) {
            break;
        }
    }
    reader.finish()
}

pub(super) fn starts(line: &str) -> bool {
    line.starts_with("panic: ")
        || line.starts_with("http: panic serving ")
        || line.starts_with("fatal error: ")
        || line.starts_with("runtime: out of memory")
        || line.starts_with("runtime: goroutine stack exceeds ")
        || line.starts_with("SIGABRT: abort")
        || line.starts_with("SIGSEGV: ")
        || line.starts_with("SIGQUIT: quit")
        || line.starts_with("[PANIC RECOVER]")
}

pub(super) fn continues(line: &str) -> bool {
    goroutine(line)
        || position(line).is_some()
        || function(line).is_some()
        || line.starts_with("created by ")
        || line.starts_with("[signal SIG")
        || line.starts_with("\tpanic: ")
        || line.starts_with("...additional frames elided...")
        || gin_position(line).is_some()
        || gin_source(line).is_some()
        || line.starts_with("panic({0x")
        || (line.starts_with("exit status ") && line.len() < 16)
        || (line.starts_with("runtime stack:"))
        || (line.starts_with(" ->   /") || line.starts_with(" -> ") && line.contains(".go:"))
}

/// Does the line stand inside a stack although it says nothing itself: a bare function between positions
/// (zap)?
pub(super) fn closes(previous: &str, line: &str) -> bool {
    let bare =
        !line.contains(' ') && !line.starts_with(['\t', ' ']) && line.contains('.') && is_path_function(line);
    (position(previous).is_some() && bare)
        || (previous.trim_end().ends_with("panic recovered:") && !line.trim().is_empty())
        // In debug mode gin prints the request's head before the message.
        || (is_request_head(previous) && !line.trim().is_empty() && !line.starts_with('['))
        || (previous.starts_with("runtime: ") && line.starts_with("fatal error: "))
}

/// A request line or one of the headers that every client sends.
fn is_request_head(line: &str) -> bool {
    const HEADERS: &[&str] = &[
        "Host: ",
        "User-Agent: ",
        "Accept: ",
        "Accept-Encoding: ",
        "Accept-Language: ",
        "Connection: ",
        "Content-Length: ",
        "Content-Type: ",
        "Authorization: ",
        "Cookie: ",
        "Referer: ",
        "Cache-Control: ",
        "X-Forwarded-",
        "X-Real-Ip: ",
        "X-Request-Id: ",
        "Sec-Fetch-",
        "Sec-Ch-",
        "Upgrade-Insecure-Requests: ",
        "Origin: ",
        "Pragma: ",
        "Dnt: ",
    ];
    HEADERS.iter().any(|h| line.starts_with(h))
        || line.trim_end().ends_with(" HTTP/1.1") && !line.contains('"') && !line.contains(" - ")
}

/// `goroutine 117 [running]:`, also `goroutine 1 gp=0xc000 m=0 [running]:`
fn goroutine(line: &str) -> bool {
    line.strip_prefix("goroutine ")
        .is_some_and(|r| number(r).is_some() && r.contains('[') && r.trim_end().ends_with(':'))
}

/// `\t/srv/booking/rates.go:19 +0x1e8`
fn position(line: &str) -> Option<(&str, u32)> {
    let t = line.trim_start();
    if t.len() == line.len() {
        return None;
    }
    let t = t.split(" +0x").next().unwrap_or(t);
    let t = t.split(" fp=0x").next().unwrap_or(t).trim_end();
    let (file, n) = file_line(t)?;
    ((file.ends_with(".go") || file.ends_with(".s")) && !file.contains(": ") && t.len() < 2048)
        .then_some((file, n))
}

/// `main.(*Server).quote(0xc000017050, {0x781940, 0xc0000fc8c0}, 0xc0000e4e00)`: the name without the
/// arguments.
fn function(line: &str) -> Option<&str> {
    if line.starts_with([' ', '\t', '#', '"', '(', '[']) || !line.trim_end().ends_with(')') {
        return None;
    }
    let name = without_arguments(line.trim_end())?;
    is_path_function(name).then_some(name)
}

/// Cuts the last pair of brackets.
fn without_arguments(text: &str) -> Option<&str> {
    let mut depth = 0usize;
    for (i, c) in text.bytes().enumerate().rev() {
        match c {
            b')' => depth += 1,
            b'(' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return text.get(..i);
                }
            }
            _ => {}
        }
    }
    None
}

/// `main.(*T).Fn`, `net/http.HandlerFunc.ServeHTTP`, `example.com/app/store.Open.func1`, `panic`.
fn is_path_function(name: &str) -> bool {
    if name == "panic" {
        return true;
    }
    let ok = |c: u8| {
        c.is_ascii_alphanumeric()
            || matches!(
                c,
                b'_' | b'.'
                    | b'/'
                    | b'-'
                    | b'('
                    | b')'
                    | b'*'
                    | b'['
                    | b']'
                    | b'%'
                    | b'@'
                    | b'~'
                    | b','
                    | b'{'
                    | b'}'
            )
    };
    let head = name.as_bytes().first().is_some_and(|c| c.is_ascii_alphabetic() || *c == b'_');
    head && name.len() < 512
        && name.bytes().all(ok)
        && name.contains('.')
        && !name.ends_with(['.', '/'])
        && !name.contains("..")
}

/// gin: `/srv/tickets/handlers.go:76 (0x780333)`
fn gin_position(line: &str) -> Option<(&str, u32)> {
    let (place, pc) = line.trim_end().strip_suffix(')')?.rsplit_once(" (0x")?;
    if !pc.bytes().all(|c| c.is_ascii_hexdigit()) {
        return None;
    }
    let (file, n) = file_line(place)?;
    (file.ends_with(".go") || file.ends_with(".s")).then_some((file, n))
}

/// gin: `\t(*Handler).Occupancy: c.JSON(200, …)`
fn gin_source(line: &str) -> Option<&str> {
    let rest = line.strip_prefix('\t')?;
    let (name, _) = rest.split_once(": ")?;
    (!name.contains(' ')
        && (name.contains('.') || name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_'))
        && name.len() < 200)
        .then_some(name)
}

#[derive(Default)]
struct Reader {
    e: Exception,
    /// The function named on the line before its position.
    pending: Option<String>,
    goroutines: usize,
    /// The last line of words before the frames: gin's message, an error printed with `%+v`.
    words: String,
    words_end: bool,
    frames: bool,
}

impl Reader {
    /// Takes a line; `false` when what follows is of other goroutines.
    fn line(&mut self, line: &str) -> bool {
        let t = line.trim();
        if t.is_empty() {
            // gin dumps the request's head before the message: what stands after the blank line counts.
            self.words_end = true;
            return true;
        }
        if goroutine(t) {
            self.goroutines += 1;
            // The first goroutine is the one that failed; frames before it would be its own already.
            return self.goroutines < 2 || self.e.frames.is_empty();
        }
        if let Some((file, n)) = gin_position(t) {
            self.e.frames.push(frame(file, Some(n), ""));
            self.frames = true;
            return true;
        }
        if self.frames
            && let Some(name) = gin_source(line)
            && let Some(last) = self.e.frames.last_mut()
            && last.function.is_empty()
        {
            *last = frame(&last.file.clone(), last.line, name);
            return true;
        }
        if let Some((file, n)) = position(line) {
            let name = self.pending.take().unwrap_or_default();
            self.e.frames.push(frame(file, Some(n), &name));
            self.frames = true;
            return true;
        }
        // Panics may be indented by the printer of a wrapping log.
        if let Some(rest) = t.strip_prefix("created by ") {
            self.pending = Some(rest.split(" in goroutine").next().unwrap_or(rest).to_owned());
            return true;
        }
        if let Some(name) = function(t).or_else(|| {
            (is_path_function(t)
                && !t.contains(' ')
                && (t.contains('/')
                    || t.starts_with("main.")
                    || t.contains("(*")
                    || t.starts_with("runtime.")))
            .then_some(t)
        }) {
            self.pending = Some(name.to_owned());
            return true;
        }
        if !self.frames && self.goroutines == 0 || self.e.kind.is_empty() {
            self.head(t);
        }
        true
    }

    fn head(&mut self, t: &str) {
        for (words, kind) in [
            ("http: panic serving ", "panic"),
            ("panic: ", "panic"),
            ("fatal error: ", "fatal error"),
            ("[PANIC RECOVER] ", "panic"),
        ] {
            // The first panic is the cause; what was raised while it unwound comes after it.
            let Some(at) = memmem::find(t.as_bytes(), words.as_bytes()) else { continue };
            if !self.e.kind.is_empty() {
                return;
            }
            let mut said = t.get(at + words.len()..).unwrap_or_default();
            if words.starts_with("http") {
                // The client's address comes first: "127.0.0.1:60336: runtime error: …", "[::1]:5: …".
                said = said.split_once(": ").map_or(said, |(_, rest)| rest);
            }
            // Several frameworks append the stack to the same line.
            said = said.split(" goroutine ").next().unwrap_or(said);
            said = said.split(" [recovered").next().unwrap_or(said).trim();
            self.e = Exception { frames: std::mem::take(&mut self.e.frames), ..exception(kind, said) };
            return;
        }
        if t.ends_with("panic recovered:") {
            self.e.kind = "panic".to_owned();
            self.words.clear();
            return;
        }
        if self.e.frames.is_empty() {
            if self.words_end || self.words.is_empty() {
                self.words.clear();
                self.words_end = false;
                self.words.push_str(t);
            } else if self.e.kind == "panic" {
                self.words.push('\n');
                self.words.push_str(t);
            }
        }
    }

    fn finish(mut self) -> Vec<Exception> {
        if self.e.message.is_empty() {
            let said = exception("", &self.words).message;
            self.e.message = said;
        }
        if self.e.kind.is_empty() {
            // `%+v` of pkg/errors and zap's stacktrace: an error, no panic. One position alone is a logger's
            // caller.
            if self.e.frames.is_empty() || self.e.frames.iter().all(|f| f.function.is_empty()) {
                return Vec::new();
            }
            self.e.kind = if self.goroutines > 0 { "panic".to_owned() } else { "error".to_owned() };
        }
        // "fatal error: x" is said by compilers and others too.
        let bare = self.e.frames.is_empty() && self.goroutines == 0;
        if bare
            && self.e.kind == "fatal error"
            && ![
                "concurrent map",
                "all goroutines are asleep",
                "runtime: out of memory",
                "stack overflow",
                "out of memory",
                "unexpected signal",
            ]
            .iter()
            .any(|m| self.e.message.contains(m))
        {
            return Vec::new();
        }
        if bare && self.e.message.is_empty() {
            return Vec::new();
        }
        vec![self.e]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn net_http_catches_a_panic() {
        let chain = read(concat!(
            "http: panic serving 127.0.0.1:60336: runtime error: invalid memory address or nil pointer dereference\n",
            "goroutine 117 [running]:\nnet/http.(*conn).serve.func1()\n\t/usr/lib/go-1.19/src/net/http/server.go:1850 +0xbf\n",
            "panic({0x6b6460, 0x91e890})\n\t/usr/lib/go-1.19/src/runtime/panic.go:890 +0x262\n",
            "main.(*WeeklyDiscount).Apply(...)\n\t/srv/booking/rates.go:19\n",
            "main.(*Server).quote(0xc000017050, {0x781940, 0xc0000fc8c0}, 0xc0000e4e00)\n\t/srv/booking/main.go:99 +0x1e8\n",
            "created by net/http.(*Server).Serve\n\t/usr/lib/go-1.19/src/net/http/server.go:3102 +0x4db\n",
        ));
        let e = &chain[0];
        assert_eq!(
            (e.kind.as_str(), e.message.as_str()),
            ("panic", "runtime error: invalid memory address or nil pointer dereference")
        );
        assert_eq!(
            e.app_frame().unwrap(),
            &frame("/srv/booking/rates.go", Some(19), "main.(*WeeklyDiscount).Apply")
        );
        assert_eq!(e.frames[3].function, "main.(*Server).quote");
        assert_eq!(e.frames.len(), 5);
        assert!(!e.frames[4].in_app);
    }

    #[test]
    fn gin_prints_positions_before_functions() {
        let chain = read(concat!(
            "2026/11/24 07:32:14 [Recovery] 2026/11/24 - 07:32:14 panic recovered:\n",
            "GET /tickets/7 HTTP/1.1\r\nHost: tickets.example.com\r\n\r\n",
            "runtime error: integer divide by zero\n",
            "/usr/lib/go-1.19/src/runtime/panic.go:239 (0x4355c4)\n\tpanicdivide: panic(divideError)\n",
            "/srv/gopath/src/tickets/handlers/handlers.go:76 (0x780333)\n\tpercent: func percent(n, of int) int { return n * 100 / of }\n",
            "/usr/share/gocode/src/github.com/gin-gonic/gin/context.go:173 (0x75de81)\n\t(*Context).Next: c.handlers[c.index](c)\n",
        ));
        let e = &chain[0];
        assert_eq!((e.kind.as_str(), e.message.as_str()), ("panic", "runtime error: integer divide by zero"));
        assert_eq!(e.frames[1].place(), "/srv/gopath/src/tickets/handlers/handlers.go:76");
        assert_eq!(e.app_frame().unwrap().function, "percent");
    }

    #[test]
    fn uncaught_recovered_and_deadlocked() {
        let chain = read(
            "panic: store is down [recovered]\n\tpanic: store is down\n\ngoroutine 7 [running]:\nmain.open(...)\n\t/srv/a/store.go:12\nmain.main()\n\t/srv/a/main.go:3 +0x1\n\ngoroutine 8 [select]:\nmain.other()\n\t/srv/a/o.go:9 +0x2\nexit status 2\n",
        );
        assert_eq!((chain[0].message.as_str(), chain[0].frames.len()), ("store is down", 2));
        let chain = read(
            "fatal error: all goroutines are asleep - deadlock!\n\ngoroutine 1 [chan receive]:\nmain.main()\n\t/srv/a/main.go:8 +0x50\n",
        );
        assert_eq!((chain[0].kind.as_str(), chain[0].frames[0].line), ("fatal error", Some(8)));
        assert_eq!(read("fatal error: concurrent map writes")[0].kind, "fatal error");
    }

    #[test]
    fn errors_with_stacks_are_no_panics() {
        let chain = read(
            "open ledger: dial tcp 127.0.0.1:5432: connect: connection refused\nexample.com/ledger/store.Open\n\t/srv/ledger/store/open.go:31\nmain.main\n\t/srv/ledger/main.go:14\nruntime.main\n\t/usr/local/go/src/runtime/proc.go:250\n",
        );
        assert_eq!(
            (chain[0].kind.as_str(), chain[0].message.as_str()),
            ("error", "open ledger: dial tcp 127.0.0.1:5432: connect: connection refused")
        );
        assert_eq!(
            chain[0].frames[0],
            frame("/srv/ledger/store/open.go", Some(31), "example.com/ledger/store.Open")
        );
        let chain = read(
            "main.(*Server).handle\n\t/srv/ledger/main.go:40\nnet/http.HandlerFunc.ServeHTTP\n\t/usr/local/go/src/net/http/server.go:2136",
        );
        assert_eq!(
            (chain[0].frames.len(), chain[0].frames[0].function.as_str()),
            (2, "main.(*Server).handle")
        );
    }

    #[test]
    fn torn_and_trimmed() {
        let chain = read(
            "\t/usr/lib/go-1.19/src/runtime/panic.go:890 +0x262\nmain.(*Rates).Get(...)\n\t/srv/booking/rates.go:19\n",
        );
        assert_eq!(chain[0].app_frame().unwrap().line, Some(19));
        let chain = read(
            "panic: x\n\ngoroutine 1 [running]:\nexample.com/app/store.Open({0x1})\n\texample.com/app/store/open.go:9 +0x1\nnet/http.HandlerFunc.ServeHTTP(0x1)\n\tnet/http/server.go:2136 +0x29\ngithub.com/go-chi/chi/v5.(*Mux).ServeHTTP()\n\tgithub.com/go-chi/chi/v5@v5.0.10/mux.go:73 +0x1\n",
        );
        assert_eq!(chain[0].frames.iter().map(|f| f.in_app).collect::<Vec<_>>(), [true, false, false]);
    }

    #[test]
    fn lines_and_refusals() {
        for line in [
            "goroutine 5 [running]:",
            "\t/srv/booking/rates.go:19 +0x1",
            "main.(*T).Fn(0xc0, {0x1})",
            "created by main.main",
            "[signal SIGSEGV: segmentation violation code=0x1]",
            "/srv/a.go:67 (0x780333)",
        ] {
            assert!(continues(line), "{line}");
        }
        for line in [
            "main.go:12: ready",
            "hello (world)",
            "listening on example.com",
            "GET / (200)",
            "- item.one (x)",
        ] {
            assert!(!continues(line), "{line}");
        }
        for text in [
            "",
            "packets.go:122: closing bad idle connection: EOF",
            "2026/11/24 main.go:12: listening",
            "fatal error: stdio.h: No such file or directory",
        ] {
            assert!(read(text).is_empty(), "{text}");
        }
        assert!(closes("\t/srv/ledger/store/open.go:31", "main.main"));
        assert!(closes("GET /tickets/7 HTTP/1.1", "Host: tickets.example.com"));
        assert!(closes("User-Agent: curl/8.5.0", "runtime error: integer divide by zero"));
    }
}
