//! JavaScript and TypeScript errors, as V8 (Node, Deno, Bun), Firefox and Safari print them.
//!
//! ```text
//! TypeError: Cannot read properties of undefined (reading 'street')
//!     at formatAddress (/srv/orders/services/address.js:3:39)
//!     at async /srv/orders/routes.js:9:20 {
//!   code: 'E_ADDRESS',
//!   [cause]: Error: connect ECONNREFUSED 127.0.0.1:8414
//!       at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1611:16)
//! }
//! ```
//!
//! Source: V8's stack-trace API page, Node's `lib/internal/util/inspect.js` (properties in braces, `[cause]`,
//! `[errors]`), `src/node_errors.cc` (source excerpt of uncaught errors, `FATAL ERROR:`), EJS' `rethrow`,
//! Pug's `rethrow`.

use super::chain::{exception, frame, is_full, say_more};
use super::kind::{error_head, error_within, headed, indent, is_error, type_name};
use super::place::{column, file_line};
use crate::needle::{Needle, any};
use memchr::memmem;
use record::{Exception, Frame};

/// Names under which a deeper error is printed inside another one.
const NESTED: &[&str] = &[
    "[cause]: ",
    "cause: ",
    "Caused by: ",
    "caused by: ",
    "[parent]: ",
    "parent: ",
    "[original]: ",
    "original: ",
    "[originalError]: ",
    "originalError: ",
    "[error]: ",
    "error: ",
    "[reason]: ",
    "reason: ",
    "[err]: ",
    "err: ",
    "[previous]: ",
    "previous: ",
    "[inner]: ",
    "inner: ",
    "[driverError]: ",
    "driverError: ",
    "Cause: ",
];

/// Properties that node's system errors and drivers carry, one a line below the frames.
const PROPERTIES: &[&str] = &[
    "errno:",
    "code:",
    "syscall:",
    "address:",
    "port:",
    "path:",
    "hostname:",
    "sqlState:",
    "sqlMessage:",
    "sql:",
    "severity:",
    "detail:",
    "hint:",
    "position:",
    "requireStack:",
    "fatal:",
    "digest:",
    "clientVersion:",
    "meta:",
    "statusCode:",
    "status:",
    "expose:",
    "type:",
    "config:",
    "request:",
    "response:",
    "reason:",
    "name:",
    "table:",
    "constraint:",
    "schema:",
    "file:",
    "line:",
    "routine:",
    "where:",
    "length:",
    "generatedMessage:",
    "opensslErrorStack:",
    "library:",
    "cause:",
    "parameters:",
    "dest:",
    "spawnargs:",
    "query:",
    "column:",
    "dataType:",
    "internalPosition:",
    "internalQuery:",
    "errorCode:",
    "info:",
];

pub(super) fn read(text: &str) -> Vec<Exception> {
    static FATAL: Needle = Needle::new("FATAL ERROR: ");
    static HEAP: Needle = Needle::new("JavaScript heap");
    if FATAL.is_in(text) && HEAP.is_in(text) {
        return heap(text);
    }
    static SIGNS: [Needle; 3] = [Needle::new("at "), Needle::new("| "), Needle::new("code: '")];
    if !any(&SIGNS, text) && !text.contains(['@', '^']) {
        return Vec::new();
    }
    let mut reader = Reader::default();
    for line in text.lines() {
        reader.line(line);
    }
    reader.finish()
}

/// V8 out of memory: the native stack names no JavaScript.
fn heap(text: &str) -> Vec<Exception> {
    let Some(at) = memmem::find(text.as_bytes(), b"FATAL ERROR: ") else { return Vec::new() };
    let said = text.get(at + 13..).and_then(|t| t.lines().next()).unwrap_or_default();
    let mut e = exception("FATAL ERROR", said);
    e.frames.extend(
        text.lines().filter_map(native).map(|f| Frame { function: f.to_owned(), ..Frame::default() }),
    );
    vec![e]
}

/// ` 1: 0xb78db3 node::OOMErrorHandler(char const*, v8::OOMDetails const&) [node]`
fn native(line: &str) -> Option<&str> {
    let t = line.trim_start();
    let digits = t.bytes().take_while(u8::is_ascii_digit).count();
    let rest = t.get(digits..)?.strip_prefix(": 0x")?;
    let (_, function) = rest.split_once(' ')?;
    (digits > 0 && digits < 4).then(|| function.rsplit_once(" [").map_or(function, |(f, _)| f).trim())
}

pub(super) fn starts(line: &str) -> bool {
    if let Some((kind, _)) = error_head(line) {
        // "Error: …" by itself is anybody's word, but it does begin something.
        return !kind.contains('\\');
    }
    line.starts_with("Uncaught ") && error_within(line).is_some()
        || line.starts_with("<--- Last few GCs --->")
        || line.starts_with("FATAL ERROR: ")
        || line.starts_with("⨯ ")
        || line.starts_with("(node:") && line.contains("UnhandledPromiseRejectionWarning")
        || line.starts_with("[UnhandledPromiseRejection: ")
        || line.starts_with('[') && line.get(1..).and_then(error_head).is_some()
        || excerpt_place(line).is_some()
}

pub(super) fn continues(line: &str) -> bool {
    let t = line.trim_start();
    v8_frame(t).is_some()
        || native(line).is_some() && line.contains('[')
        || gecko_frame(t).is_some()
        || (indent(line) > 0 && is_property(t))
        || (indent(line) > 0 && NESTED.iter().any(|n| t.starts_with(n)))
        || t.starts_with("[cause]: ")
        || t.starts_with("[errors]: [")
        || template_line(line)
        || t.starts_with("... ") && t.ends_with(" lines matching cause stack trace ...")
        || t.starts_with("Require stack:")
        || (t.starts_with("- /") && t.ends_with("js"))
        || t.starts_with("----- Native stack trace -----")
        || t.starts_with("<--- JS stacktrace --->")
        || t.starts_with("--> starting at object with constructor")
        || t.starts_with("--- property '") && t.ends_with("closes the circle")
        || t.starts_with("--- index ") && t.ends_with("closes the circle")
        || t.starts_with("Emitted 'error' event on ")
        || (t.starts_with("|     property '") || t.starts_with("|     index "))
        || (t.starts_with("Node.js v") && t.len() < 20)
        || matches!(line.trim_end(), "}" | "  }" | "}," | "  ]" | "  }," | "    }" | "  ],")
        || (t.starts_with('^') && t.trim_end().bytes().all(|c| c == b'^'))
}

/// Does the line belong to the entry although it could begin one: the head below a source excerpt, a
/// template's message?
pub(super) fn closes(previous: &str, line: &str) -> bool {
    let p = previous.trim();
    let marker = !p.is_empty() && p.bytes().all(|c| matches!(c, b'^' | b'~'));
    (marker && (headed(line).is_some() || line.starts_with("[")))
        || (excerpt_place(previous).is_some() && indent(line) > 0)
        || (excerpt_place(previous).is_some()
            && line.starts_with(|c: char| c.is_ascii_alphabetic() || "(}/.".contains(c))
            && headed(line).is_none())
        || (template_line(previous) && !line.trim().is_empty())
        || (template_head(previous).is_some() && template_line(line))
}

fn is_property(t: &str) -> bool {
    PROPERTIES.iter().any(|p| t.starts_with(p))
        && t.as_bytes().get(t.find(':').map_or(0, |i| i + 1)).is_none_or(|c| *c == b' ')
}

/// `/srv/app/x.js:12` alone on a line: the excerpt of an uncaught error begins.
fn excerpt_place(line: &str) -> Option<(&str, u32)> {
    if line.len() > 512 || line.starts_with([' ', '\t']) || line.contains(' ') {
        return None;
    }
    let (file, n) = file_line(line)?;
    let script =
        [".js", ".mjs", ".cjs", ".ts", ".mts", ".cts", ".jsx", ".tsx"].iter().any(|e| file.ends_with(e));
    ((script
        && (file.starts_with('/') || file.starts_with("file://") || file.as_bytes().get(1) == Some(&b':')))
        || file.starts_with("node:")
        || file.starts_with("internal/"))
    .then_some((file, n))
}

/// `    4| <p class="price">` and ` >> 6|   <span>`: EJS and Pug show the template around the fault; GraphQL
/// the query.
fn template_line(line: &str) -> bool {
    let t = line.trim_start().trim_start_matches(['>', ' ']);
    let digits = t.bytes().take_while(u8::is_ascii_digit).count();
    let after = t.get(digits..).unwrap_or_default();
    digits > 0
        && digits < 6
        && line.starts_with([' ', '>'])
        && (after.starts_with("| ") || after == "|" || after.starts_with('|') && !after.starts_with("||"))
}

/// `/views/product.ejs:6` as a message: the template's place, the message comes below the excerpt.
fn template_head(message: &str) -> Option<(&str, u32)> {
    let message = error_head(message).map_or(message, |(_, m)| m);
    let (file, n) = file_line(message)?;
    (!file.contains(' ')
        && [".ejs", ".pug", ".jade", ".html", ".hbs", ".njk", ".eta", ".twig"]
            .iter()
            .any(|e| file.ends_with(e)))
    .then_some((file, n))
}

/// `at fn (/f.js:3:15)`, `at async fn (…)`, `at /f.js:3:1`, `at eval ("/views/x.ejs":18:40)`, `at
/// JSON.stringify (<anonymous>)`.
fn v8_frame(trimmed: &str) -> Option<Frame> {
    let rest = trimmed.strip_prefix("at ")?.trim_end();
    let rest = rest.strip_suffix(" {").unwrap_or(rest).trim_end();
    if rest.is_empty() || rest.len() > 4096 {
        return None;
    }
    if let Some(open) = rest.find(" (")
        && let Some(inside) = rest.get(open + 2..).and_then(|r| r.strip_suffix(')'))
    {
        let function = rest.get(..open)?;
        // "eval at compile (/node_modules/ejs.js:662:12), <anonymous>:18:40": the inner place is what counts.
        let inside = inside.rsplit_once("), ").map_or(inside, |(_, last)| last);
        let function = function.strip_prefix("async ").unwrap_or(function);
        // "Layer.handle [as handle_request]": the alias is how it was called, not what it is.
        let function = function.split(" [as ").next().unwrap_or(function);
        if let Some((file, line)) = file_line(inside) {
            let column = column(inside);
            return Some(Frame { column, ..frame(strip_file_url(file), Some(line), function) });
        }
        let unplaced = inside == "<anonymous>"
            || inside == "native"
            || inside.starts_with("index ")
            || inside.starts_with("node:")
            || inside == "unknown location";
        return unplaced.then(|| Frame {
            file: inside.to_owned(),
            function: function.to_owned(),
            ..Frame::default()
        });
    }
    let rest = rest.strip_prefix("async ").unwrap_or(rest);
    if rest == "<anonymous>" || rest == "<unknown>" {
        return Some(Frame { file: rest.to_owned(), ..Frame::default() });
    }
    let (file, line) = file_line(rest)?;
    // "at 12:30" and "at noon: 5" are no frames; V8 always prints line and column.
    let two =
        rest.bytes().rev().take_while(|c| c.is_ascii_digit() || *c == b':').filter(|c| *c == b':').count()
            >= 2;
    (two && !file.contains(' ')
        && (file.contains(['/', '\\', '.']) || file.starts_with("node:") || file.starts_with('<')))
    .then(|| Frame { column: column(rest), ..frame(strip_file_url(file), Some(line), "") })
}

/// `fn@file:///srv/x.js:1:2` (Firefox, Safari).
fn gecko_frame(trimmed: &str) -> Option<Frame> {
    let (function, place) = trimmed.split_once('@')?;
    if function.contains(' ')
        || place.contains(' ')
        || place.contains('@') && !place.contains("node_modules/")
    {
        return None;
    }
    let (file, line) = file_line(place)?;
    let located = file.starts_with('/') || file.contains("://");
    let two =
        place.bytes().rev().take_while(|c| c.is_ascii_digit() || *c == b':').filter(|c| *c == b':').count()
            >= 2;
    (located && two)
        .then(|| Frame { column: column(place), ..frame(strip_file_url(file), Some(line), function) })
}

fn strip_file_url(file: &str) -> &str {
    let file = file.strip_prefix("file://").unwrap_or(file);
    file.split('?').next().unwrap_or(file)
}

#[derive(Default)]
struct Reader {
    chain: Vec<Exception>,
    /// The exception under way, in `chain`.
    current: Option<usize>,
    /// Frames were seen of it: its message is complete.
    in_stack: bool,
    /// Where the children of an `errors: [` list begin.
    list: Option<usize>,
    /// The place named above an uncaught error's source excerpt.
    excerpt: Option<(String, u32)>,
    /// Waiting for a template's message below its excerpt.
    template: bool,
    /// Something that only JavaScript prints was seen.
    sure: bool,
    /// The last line was the `^` below an excerpt.
    marked: bool,
}

impl Reader {
    fn line(&mut self, line: &str) {
        if is_full(&self.chain) {
            return;
        }
        let t = line.trim();
        if t.is_empty() || t.ends_with(" lines matching cause stack trace ...") {
            return;
        }
        if let Some(f) = v8_frame(t).or_else(|| gecko_frame(t)) {
            self.sure = true;
            self.frame(f);
            return;
        }
        if let Some((file, n)) = excerpt_place(line)
            && self.current.is_none()
        {
            self.excerpt = Some((file.to_owned(), n));
            return;
        }
        let columns = indent(line);
        // Deeper errors inside another's properties.
        if let Some(rest) = NESTED.iter().find_map(|n| t.strip_prefix(n))
            && self.current.is_some()
            && let Some((kind, message)) = error_head(rest.trim_start_matches('['))
        {
            self.nest(kind, message);
            return;
        }
        if t.starts_with("[errors]: [") || t.starts_with("errors: [") {
            self.list = Some(self.chain.len());
            return;
        }
        let marker = t.bytes().all(|c| matches!(c, b'^' | b'~'));
        if marker {
            self.marked = true;
            return;
        }
        if columns >= 2
            && self.in_stack
            && let Some((kind, message)) = error_head(t.trim_start_matches('['))
        {
            self.child(kind, message);
            return;
        }
        if columns == 0 || self.current.is_none() {
            let unbracketed = t.strip_prefix(['[', '⨯']).unwrap_or(t).trim_start();
            let fresh = self.current.is_none() || self.in_stack;
            let found = error_head(unbracketed).or_else(|| {
                let (_, kind, message) = error_within(t).filter(|_| fresh)?;
                Some((kind, message))
            });
            if let Some((kind, message)) = found {
                self.head(kind, message);
                return;
            }
            // A class of the app's own, directly below the excerpt: "NoStock: none left".
            if self.marked
                && let Some((kind, message)) = headed(t)
                && type_name(t).is_some()
            {
                self.head(kind, message);
                return;
            }
        }
        self.more(t, line);
    }

    fn head(&mut self, kind: &str, message: &str) {
        let message = trimmed_dump(message);
        self.sure |= self.marked && self.excerpt.is_some();
        if !self.in_stack
            && let Some(last) = self.current.and_then(|i| self.chain.get_mut(i))
        {
            // "Knex: Timeout acquiring a connection" and then the same with its type: one error said twice.
            if last.message.contains(message)
                || message.contains(last.message.as_str())
                || last.message.is_empty()
            {
                let fresh = exception(kind, message);
                last.kind = fresh.kind;
                last.message = fresh.message;
            } else {
                // Printed with the message of what wraps it.
                let at = self.chain.len();
                self.chain.push(exception(kind, message));
                self.current = Some(at);
            }
        } else {
            // A second error at the margin is another one; the first stays the cause.
            self.chain.insert(0, exception(kind, message));
            if self.chain.len() > 1 {
                self.list = None;
            }
            self.current = Some(0);
        }
        self.in_stack = false;
        self.template = template_head(message).is_some();
        if self.template
            && let Some((file, n)) = template_head(message)
            && let Some(e) = self.current.and_then(|i| self.chain.get_mut(i))
        {
            e.frames.push(frame(file, Some(n), ""));
            self.sure = true;
        }
    }

    fn nest(&mut self, kind: &str, message: &str) {
        let fresh = exception(kind, trimmed_dump(message));
        self.sure = true;
        self.in_stack = false;
        // Sequelize prints the same error as `parent` and as `original`.
        if let Some(at) = self.chain.iter().position(|e| e.kind == fresh.kind && e.message == fresh.message) {
            self.current = Some(at);
            self.in_stack = true;
            return;
        }
        self.chain.push(fresh);
        self.current = Some(self.chain.len() - 1);
    }

    fn child(&mut self, kind: &str, message: &str) {
        let at = match self.list {
            Some(at) => at.min(self.chain.len()),
            None => self.chain.len(),
        };
        self.list = Some(at);
        self.chain.insert(at, exception(kind, trimmed_dump(message)));
        self.current = Some(at);
        self.in_stack = false;
    }

    fn frame(&mut self, f: Frame) {
        let at = match self.current {
            Some(at) => at,
            None => {
                // Frames only: the head was torn off.
                self.chain.push(Exception::default());
                self.chain.len() - 1
            }
        };
        self.current = Some(at);
        if let Some(e) = self.chain.get_mut(at) {
            e.frames.push(f);
            if !self.in_stack {
                e.message = trimmed_dump(&e.message).to_owned();
            }
        }
        self.in_stack = true;
        self.template = false;
    }

    fn more(&mut self, t: &str, line: &str) {
        let Some(e) = self.current.and_then(|i| self.chain.get_mut(i)) else { return };
        if is_property(t) {
            self.sure |= t.starts_with("code: '") || t.starts_with("errno: -");
            if e.message.is_empty()
                && let Some(code) = t.strip_prefix("code: '")
            {
                // AggregateError says nothing else of what failed.
                e.message = code.trim_end_matches([',', '\'']).to_owned();
            }
            self.in_stack = true;
            return;
        }
        if self.in_stack {
            return;
        }
        if self.template {
            if !template_line(line) && indent(line) == 0 {
                e.message = t.to_owned();
                self.template = false;
            }
            return;
        }
        if !template_line(line) && t != "}" && t != "{" {
            say_more(e, line);
        }
    }

    fn finish(mut self) -> Vec<Exception> {
        if !self.sure || self.chain.is_empty() {
            return Vec::new();
        }
        if let Some((file, n)) = &self.excerpt
            && let Some(e) = self.chain.first_mut()
            && (e.kind == "SyntaxError" || e.app_frame().is_none())
        {
            let place = frame(strip_file_url(file), Some(*n), "");
            if place.in_app && !e.frames.contains(&place) {
                e.frames.insert(0, place);
            }
        }
        // Words before the first head are not an error of their own.
        self.chain.retain(|e| !e.kind.is_empty() || !e.frames.is_empty());
        self.chain
    }
}

/// The message without the brace that opens the properties and without the bracket of an error without a
/// stack.
fn trimmed_dump(message: &str) -> &str {
    let m = message.trim_end();
    let m = m.strip_suffix('{').unwrap_or(m).trim_end();
    // "[Error: ENOENT: no such file or directory]" lost its opening bracket before.
    if m.ends_with(']') && m.bytes().filter(|c| *c == b']').count() > m.bytes().filter(|c| *c == b'[').count()
    {
        return m.strip_suffix(']').unwrap_or(m);
    }
    m
}

/// Is a bare `Type: message` one that JavaScript prints (for the reader of errors without a stack)?
pub(super) fn unbracketed(line: &str) -> Option<(&str, &str)> {
    let inner = line.strip_prefix('[')?;
    let (kind, message) = error_head(inner)?;
    let message = trimmed_dump(message);
    (is_error(kind.split(' ').next().unwrap_or(kind))).then_some((kind, message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::kinds;

    #[test]
    fn a_plain_stack() {
        let chain = read(concat!(
            "TypeError: Cannot read properties of undefined (reading 'street')\n",
            "    at formatAddress (/srv/orders/services/address.js:3:39)\n",
            "    at Layer.handle [as handle_request] (/srv/orders/node_modules/express/lib/router/layer.js:95:5)\n",
            "    at async /srv/orders/routes.js:9:20\n",
            "    at JSON.stringify (<anonymous>)\n",
            "    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)\n",
        ));
        assert_eq!(kinds(&chain), ["TypeError"]);
        assert_eq!(chain[0].message, "Cannot read properties of undefined (reading 'street')");
        let first = frame("/srv/orders/services/address.js", Some(3), "formatAddress");
        assert_eq!(chain[0].frames[0], Frame { column: Some(39), ..first });
        assert_eq!(chain[0].frames[1].function, "Layer.handle");
        assert_eq!(
            chain[0].frames.iter().map(|f| f.in_app).collect::<Vec<_>>(),
            [true, false, true, false, false]
        );
    }

    #[test]
    fn causes_and_properties() {
        let chain = read(concat!(
            "could not load the order Error: order 12 unreadable\n    at load (/srv/app/orders.js:4:9) {\n  code: 'E_ORDER',\n",
            "  [cause]: AxiosError: connect ECONNREFUSED 127.0.0.1:8414\n      at AxiosError.from (/srv/app/node_modules/axios/dist/node/axios.cjs:863:14) {\n    errno: -111,\n",
            "    [cause]: Error: connect ECONNREFUSED 127.0.0.1:8414\n        at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1611:16) {\n      errno: -111,\n      code: 'ECONNREFUSED'\n    }\n  }\n}\n",
        ));
        assert_eq!(kinds(&chain), ["Error", "AxiosError", "Error"]);
        assert_eq!(chain[0].message, "order 12 unreadable");
        assert_eq!(chain[2].message, "connect ECONNREFUSED 127.0.0.1:8414");
        assert_eq!(chain[0].app_frame().unwrap().place(), "/srv/app/orders.js:4");
    }

    #[test]
    fn node_shortens_causes() {
        let chain = read(concat!(
            "ERROR [error] GET /tickets/1585 AxiosError: certificate has expired\n    at AxiosError.from (/srv/travel/node_modules/axios/dist/node/axios.cjs:1684:24)\n    at async exports.ticket (/srv/travel/src/partners.js:8:33)\n",
            "Caused by: Error: certificate has expired\n    at TLSSocket.onConnectSecure (node:_tls_wrap:1699:34)\n    ... 2 lines matching cause stack trace ...\n    at ssl.onhandshakedone (node:_tls_wrap:883:12) {\n  isAxiosError: true,\n  code: 'CERT_HAS_EXPIRED',\n",
            "  config: [Object: null prototype] {\n    transitional: {\n      clarifyTimeoutError: false,\n    }\n  },\n  [cause]: Error: certificate has expired\n      at TLSSocket.onConnectSecure (node:_tls_wrap:1699:34)\n}\n"
        ));
        assert_eq!(kinds(&chain), ["AxiosError", "Error"]);
        assert_eq!(chain[0].app_frame().unwrap().place(), "/srv/travel/src/partners.js:8");
    }

    #[test]
    fn aggregate_errors_of_happy_eyeballs() {
        let chain = read(concat!(
            "AggregateError [ECONNREFUSED]: \n    at internalConnectMultiple (node:net:1139:18)\n    at afterConnectMultiple (node:net:1714:7) {\n  code: 'ECONNREFUSED',\n  [errors]: [\n",
            "    Error: connect ECONNREFUSED ::1:5432\n        at createConnectionError (node:net:1677:14) {\n      errno: -111,\n      code: 'ECONNREFUSED',\n    },\n",
            "    Error: connect ECONNREFUSED 127.0.0.1:5432\n        at createConnectionError (node:net:1677:14) {\n      errno: -111,\n    }\n  ]\n}\n"
        ));
        assert_eq!(kinds(&chain), ["AggregateError [ECONNREFUSED]", "Error", "Error"]);
        assert_eq!(chain[0].message, "ECONNREFUSED");
        assert_eq!(chain[2].message, "connect ECONNREFUSED ::1:5432");
    }

    #[test]
    fn uncaught_with_its_excerpt() {
        let chain = read(
            "/srv/app/boot.js:12\n  throw new NoConfig('DATABASE_URL is not set');\n  ^\n\nNoConfig: DATABASE_URL is not set\n    at Object.<anonymous> (/srv/app/boot.js:12:9)\n    at Module._compile (node:internal/modules/cjs/loader:1521:14)\n\nNode.js v20.18.1\n",
        );
        assert_eq!(kinds(&chain), ["NoConfig"]);
        assert_eq!(chain[0].frames.len(), 2);
        let chain = read(
            "/srv/app/prices.js:3\nconst a = ;\n          ^\n\nSyntaxError: Unexpected token ';'\n    at wrapSafe (node:internal/modules/cjs/loader:1378:20)\n",
        );
        assert_eq!(chain[0].frames[0].place(), "/srv/app/prices.js:3");
        let chain = read(concat!(
            "node:events:497\n      throw er; // Unhandled 'error' event\n      ^\n\nError: listen EADDRINUSE: address already in use :::3000\n    at Server.setupListenHandle [as _listen2] (node:net:1817:16)\n",
            "Emitted 'error' event on Server instance at:\n    at emitErrorNT (node:net:1796:8)\n  code: 'EADDRINUSE',\n"
        ));
        assert_eq!(
            (chain[0].message.as_str(), chain[0].app_frame()),
            ("listen EADDRINUSE: address already in use :::3000", None)
        );
    }

    #[test]
    fn missing_modules_keep_their_require_stack() {
        let chain = read(concat!(
            "Error: Cannot find module 'twilio'\nRequire stack:\n- /srv/notify-api/channels/sms.js\n- /srv/notify-api/server.js\n    at Module._resolveFilename (node:internal/modules/cjs/loader:1207:15)\n",
            "    at Object.<anonymous> (/srv/notify-api/channels/sms.js:1:16) {\n  code: 'MODULE_NOT_FOUND',\n  requireStack: [\n    '/srv/notify-api/channels/sms.js'\n  ]\n}\n"
        ));
        assert_eq!(
            chain[0].message,
            "Cannot find module 'twilio'\nRequire stack:\n- /srv/notify-api/channels/sms.js\n- /srv/notify-api/server.js"
        );
        assert_eq!(chain[0].app_frame().unwrap().place(), "/srv/notify-api/channels/sms.js:1");
    }

    #[test]
    fn templates_name_their_place_first_and_say_why_below() {
        let chain = read(concat!(
            "TypeError: /var/www/catalog/views/product.ejs:6\n    4| <p class=\"price\"><%= (product.cents / 100).toFixed(2) %></p>\n    5| <div class=\"promo\">\n >> 6|   <span><%= product.promo.label %></span>\n    7| </div>\n\n",
            "Cannot read properties of null (reading 'label')\n    at eval (\"/var/www/catalog/views/product.ejs\":18:40)\n    at product (/var/www/catalog/node_modules/ejs/lib/cjs/ejs.js:649:23)\n"
        ));
        assert_eq!(
            (chain[0].kind.as_str(), chain[0].message.as_str()),
            ("TypeError", "Cannot read properties of null (reading 'label')")
        );
        assert_eq!(chain[0].frames[0].place(), "/var/www/catalog/views/product.ejs:6");
        assert!(chain[0].frames[0].in_app);
    }

    #[test]
    fn bundles_gecko_deno_and_nested_text() {
        let chain = read(
            "TypeError: Converting circular structure to JSON\n    --> starting at object with constructor 'Nt'\n    |     property 'folder' -> object with constructor 'zt'\n    --- index 0 closes the circle\n    at JSON.stringify (<anonymous>)\n    at M (/srv/portal/dist/server.js:2:510685)\n",
        );
        assert!(chain[0].message.ends_with("closes the circle"));
        assert_eq!(chain[0].app_frame().unwrap().place(), "/srv/portal/dist/server.js:2");
        let chain = read(
            "TypeError: x is undefined\nload@https://shop.example.com/app.js:3:14\n@https://shop.example.com/app.js:9:1\n",
        );
        assert_eq!((chain[0].frames.len(), chain[0].frames[0].function.as_str()), (2, "load"));
        let chain = read(
            "error: Uncaught (in promise) TypeError: fetch failed\n    at load (file:///srv/app/main.ts:3:9)\nCaused by: Error: tcp connect error: Connection refused (os error 111)\n    at ext:deno_fetch/26_fetch.js:1:1\n",
        );
        assert_eq!(kinds(&chain), ["TypeError", "Error"]);
        assert_eq!(chain[0].frames[0].file, "/srv/app/main.ts");
        let chain = read(
            "(node:71) UnhandledPromiseRejectionWarning: TypeError: a is null\n    at go (/srv/a.js:1:2)\n",
        );
        assert_eq!(kinds(&chain), ["TypeError"]);
    }

    #[test]
    fn out_of_memory() {
        let chain = read(concat!(
            "<--- Last few GCs --->\n\n[13245:0x6f1b000]     8211 ms: Mark-Compact 254.1 (258.3) -> 253.9 (258.6) MB\n\n<--- JS stacktrace --->\n\n",
            "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory\n----- Native stack trace -----\n\n 1: 0xb78db3 node::OOMErrorHandler(char const*, v8::OOMDetails const&) [node]\n 4: 0x10fb205  [node]\n"
        ));
        assert_eq!(
            (chain[0].kind.as_str(), chain[0].message.as_str()),
            ("FATAL ERROR", "Reached heap limit Allocation failed - JavaScript heap out of memory")
        );
        assert_eq!(chain[0].app_frame(), None);
    }

    #[test]
    fn errors_without_frames_but_with_properties() {
        let chain = read(
            "Error: connect ECONNREFUSED 127.0.0.1:6379 {\n  errno: -111,\n  code: 'ECONNREFUSED',\n  syscall: 'connect'\n}",
        );
        assert_eq!(
            (chain[0].kind.as_str(), chain[0].message.as_str()),
            ("Error", "connect ECONNREFUSED 127.0.0.1:6379")
        );
    }

    #[test]
    fn frames_only_and_refusals() {
        let chain = read("    at next (/srv/app/routes.js:14:3)\n    at done (/srv/app/routes.js:20:3)");
        assert_eq!((chain.len(), chain[0].kind.as_str(), chain[0].frames.len()), (1, "", 2));
        for text in [
            "",
            "meet at 12:30:15",
            "GET /a@b:1:2 200",
            "at noon",
            "mail to me@example.com:25",
            "at com.x.Y.z(Y.java:3)",
        ] {
            assert!(read(text).is_empty(), "{text}");
        }
        for line in [
            "    at x (/srv/x.js:1:2)",
            "  code: 'ECONNREFUSED',",
            "  [cause]: Error: x",
            " >> 6|   <span>",
            "- /srv/x.js",
            "    at async Promise.all (index 0)",
        ] {
            assert!(continues(line), "{line}");
        }
        for line in ["code: 'x'", "at noon", "GET / 200", "- item"] {
            assert!(!continues(line), "{line}");
        }
        assert!(closes("  ^", "NoConfig: DATABASE_URL is not set"));
        assert!(closes("    9| </body></html>", "Cannot read properties of null (reading 'label')"));
    }
}
