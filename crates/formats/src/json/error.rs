//! An error as a structured logger serialises it, put back into the words its language would have printed, so
//! that the readers of stack traces understand it.
//!
//! ```text
//! {"type":"TypeError","message":"x is null","stack":"TypeError: x is null\n    at f (/srv/a.js:3:9)"}          pino
//! {"class":"PDOException","message":"Connection refused","code":2002,"file":"/srv/Db.php:9","trace":[…]}        Monolog
//! {"name":"NoMethodError","message":"undefined method","stack_trace":["app/a.rb:6:in `total'"]}                 Ruby
//! [{"exc_type":"KeyError","exc_value":"'vat'","frames":[{"filename":"/srv/tax.py","lineno":3,"name":"net"}]}]   structlog
//! {"name":"java.io.IOException","extendedStackTrace":[{"class":"a.B","method":"c","file":"B.java","line":3}]}   log4j2
//! ```
//!
//! Sources: pino-std-serializers `err.js`, Monolog `NormalizerFormatter::normalizeException`, semantic_logger
//! `formatters/raw.rb`, structlog `tracebacks.py`, log4j2 `JsonTemplateLayout` `exception` resolver, Quarkus
//! JSON logging `exception`, Sentry "Exception Interface", zerolog `pkgerrors/stacktrace.go`, AWS Lambda's
//! runtimes, Nextcloud `ExceptionSerializer.php`.

use serde_json::{Map, Value};
use std::fmt::Write;

/// Causes followed: deeper chains are loops.
const CAUSES_MAX: usize = 12;
/// Frames printed per error.
const FRAMES_MAX: usize = 200;

const KINDS: &[&str] = &[
    "type",
    "name",
    "class",
    "kind",
    "exception_class",
    "exceptionType",
    "exception_type",
    "exc_type",
    "errorType",
    "error_type",
    "exceptionClass",
    "error_class",
    "Exception",
    "ClassName",
    "className",
    "Type",
    "@type",
    "codeName",
];
const MESSAGES: &[&str] = &[
    "message",
    "msg",
    "value",
    "exception_message",
    "exceptionMessage",
    "exc_value",
    "errorMessage",
    "error_message",
    "errmsg",
    "Message",
    "localizedMessage",
    "description",
    "error",
    "detail",
    "reason",
    "text",
];
const STACKS: &[&str] = &[
    "stack",
    "stack_trace",
    "stackTrace",
    "stacktrace",
    "backtrace",
    "extendedStackTrace",
    "StackTraceString",
    "StackTrace",
    "errorVerbose",
    "traceback",
    "exc_info",
    "frames",
    "trace",
    "Trace",
];
const CAUSES: &[&str] = &[
    "cause",
    "previous",
    "Previous",
    "causedBy",
    "caused_by",
    "InnerException",
    "innerException",
    "inner_exception",
    "inner",
    "aggregateErrors",
    "errors",
];

/// What an error says.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Type, empty if it has none.
    pub kind: String,
    /// Message, without the type.
    pub message: String,
    /// As its language would have printed it, causes included; empty if it has neither type nor stack.
    pub text: String,
    /// Where it was raised, where that stands apart from the stack.
    pub file: Option<String>,
}

/// Reads an error out of an object or an array of errors.
pub(super) fn read(raw: &str) -> Option<Told> {
    match serde_json::from_str::<Value>(raw).ok()? {
        Value::Object(map) => Some(told(&map)),
        Value::Array(list) => of_list(&list),
        _ => None,
    }
}

/// A stack written as an array, below a head `Type: message` that stands elsewhere.
pub(super) fn stack_of(raw: &str, kind: &str, message: &str) -> Option<String> {
    let value: Value = serde_json::from_str(raw).ok()?;
    let one =
        One { kind: kind.to_owned(), message: message.to_owned(), stack: Some(&value), ..One::default() };
    Some(print(&[one]))
}

/// A stack written as text, below a head that stands elsewhere.
pub(super) fn stack_text(stack: &str, kind: &str, message: &str) -> String {
    let value = Value::String(stack.to_owned());
    print(&[One {
        kind: kind.to_owned(),
        message: message.to_owned(),
        stack: Some(&value),
        ..One::default()
    }])
}

/// One error of a chain, not yet printed.
#[derive(Default)]
struct One<'a> {
    kind: String,
    message: String,
    stack: Option<&'a Value>,
    file: Option<String>,
    /// PHP's, `0` where it has none.
    code: String,
}

fn told(map: &Map<String, Value>) -> Told {
    // Sentry's {"values": […]}.
    if let Some(list) = map.get("values").and_then(Value::as_array)
        && let Some(t) = of_list(list)
    {
        return t;
    }
    let mut chain = Vec::new();
    let mut next = Some(map);
    while let Some(map) = next.take() {
        let one = one(map);
        let cause = CAUSES.iter().find_map(|k| map.get(*k)).and_then(|c| match c {
            Value::Object(m) => Some(m.get("exception").and_then(Value::as_object).unwrap_or(m)),
            Value::Array(list) => list.iter().find_map(Value::as_object),
            _ => None,
        });
        // Newer pino and Java's own stacks hold their causes already.
        let told_already =
            matches!(one.stack, Some(Value::String(s)) if s.to_ascii_lowercase().contains("caused by: "));
        chain.push(one);
        if chain.len() < CAUSES_MAX && !told_already {
            next = cause;
        }
    }
    finish(&chain)
}

/// structlog's list (outermost first), Sentry's (deepest first), `[type, message]` of lograge, stack lines.
fn of_list(list: &[Value]) -> Option<Told> {
    if let [Value::String(kind), Value::String(message)] = list
        && !kind.contains(' ')
        && !kind.contains('/')
    {
        let one = One { kind: kind.clone(), message: message.clone(), ..One::default() };
        return Some(finish(&[one]));
    }
    if list.iter().any(Value::is_string) {
        let whole = Value::Array(list.to_vec());
        let text = print(&[One { stack: Some(&whole), ..One::default() }]);
        return Some(Told { text, ..Told::default() });
    }
    let mut chain: Vec<One<'_>> =
        list.iter().filter_map(Value::as_object).take(CAUSES_MAX).map(one).collect();
    if list.first().is_some_and(|e| e.get("value").is_some()) {
        chain.reverse();
    }
    (!chain.is_empty()).then(|| finish(&chain))
}

fn finish(chain: &[One<'_>]) -> Told {
    let Some(first) = chain.first() else { return Told::default() };
    let bare = chain.iter().all(|o| o.stack.is_none() && o.kind.is_empty());
    let text = if bare && chain.len() == 1 { String::new() } else { print(chain) };
    Told { kind: first.kind.clone(), message: first.message.clone(), text, file: first.file.clone() }
}

fn one(map: &Map<String, Value>) -> One<'_> {
    let kind = KINDS
        .iter()
        .find_map(|k| map.get(*k).and_then(Value::as_str))
        .filter(|k| !matches!(*k, "Object" | "" | "error") && !k.contains(' '))
        .unwrap_or_default()
        .to_owned();
    let message = MESSAGES.iter().find_map(|k| map.get(*k).and_then(scalar)).unwrap_or_default();
    let stack = STACKS.iter().filter_map(|k| map.get(*k)).find_map(|v| match v {
        Value::String(s) => (!s.trim().is_empty()).then_some(v),
        Value::Array(a) => (!a.is_empty()).then_some(v),
        Value::Object(o) => o.get("frames").filter(|f| f.is_array()),
        _ => None,
    });
    // Sentry: {"stacktrace":{"frames":[…]}} was unpacked above; Quarkus has "frames" at once.
    let file = ["file", "File"].iter().find_map(|k| map.get(*k).and_then(Value::as_str)).map(|f| {
        match ["line", "Line"].iter().find_map(|k| map.get(*k).and_then(Value::as_u64)) {
            Some(line) => format!("{f}:{line}"),
            None => f.to_owned(),
        }
    });
    let code = ["code", "Code"].iter().find_map(|k| map.get(*k).and_then(scalar)).unwrap_or_default();
    One { kind, message, stack, file, code }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(s) if !s.is_empty() => Some(s.clone()),
        Value::Number(n) => Some(n.to_string()),
        Value::Object(_) | Value::Array(_) => Some(value.to_string()),
        _ => None,
    }
}

/// Whose way of printing fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    /// `Type: message`, frames below, `Caused by:`.
    Java,
    /// V8's, with `[cause]`.
    JavaScript,
    Php,
    Python,
    Ruby,
    Go,
    Elixir,
    DotNet,
}

/// A frame out of an object.
struct Frame<'a> {
    file: &'a str,
    line: Option<u64>,
    column: Option<u64>,
    function: &'a str,
    class: &'a str,
    /// PHP's `->` or `::`.
    joint: &'a str,
}

fn frame(map: &Map<String, Value>) -> Frame<'_> {
    let text =
        |keys: &[&str]| keys.iter().find_map(|k| map.get(*k).and_then(Value::as_str)).unwrap_or_default();
    let number = |keys: &[&str]| {
        keys.iter()
            .find_map(|k| map.get(*k))
            .and_then(|v| v.as_u64().or_else(|| v.as_str().and_then(|s| s.parse().ok())))
    };
    Frame {
        file: text(&["abs_path", "filename", "fileName", "file", "source", "path", "File"]),
        line: number(&["lineno", "line", "lineNumber", "line_number", "lineNo", "Line"]),
        column: number(&["colno", "column", "col", "columnNumber"]),
        function: text(&["function", "func", "name", "method", "methodName", "fn", "Function"]),
        class: text(&["class", "declaringClass", "className", "declaring_class"]),
        joint: text(&["type"]),
    }
}

impl Frame<'_> {
    fn place(&self) -> String {
        match self.line {
            Some(n) => format!("{}:{n}", self.file),
            None => self.file.to_owned(),
        }
    }
}

fn style(stack: Option<&Value>, kind: &str, file: Option<&str>) -> Style {
    let by_file = |file: &str| -> Option<Style> {
        let end = file.rsplit('.').next().unwrap_or_default().split([':', '(']).next().unwrap_or_default();
        Some(match end {
            "js" | "ts" | "mjs" | "cjs" | "jsx" | "tsx" => Style::JavaScript,
            "php" | "phtml" | "inc" => Style::Php,
            "py" | "pyx" => Style::Python,
            "rb" | "erb" | "rake" | "ru" => Style::Ruby,
            "go" => Style::Go,
            "java" | "kt" | "scala" | "groovy" | "clj" => Style::Java,
            "ex" | "exs" | "erl" => Style::Elixir,
            "cs" | "fs" | "vb" => Style::DotNet,
            _ => return None,
        })
    };
    let by_line = |line: &str| {
        let text = line.trim_start();
        if text.starts_with("File \"") || text.starts_with("Traceback (") {
            Some(Style::Python)
        } else if text.starts_with("#0 ") {
            Some(Style::Php)
        } else if text.starts_with("at ")
            && (text.contains(" in ") || !text.contains(':'))
            && text.contains('(')
        {
            Some(Style::DotNet)
        } else if text.contains(":in `") || text.contains(":in '") {
            Some(Style::Ruby)
        } else if text.starts_with('(') && text.contains(".ex") {
            Some(Style::Elixir)
        } else if text.contains(".java:") || text.contains(".kt:") || text.contains(".scala:") {
            Some(Style::Java)
        } else {
            by_file(text)
        }
    };
    let found = match stack {
        Some(Value::Array(list)) => list.iter().take(4).find_map(|e| match e {
            Value::String(s) => by_line(s),
            Value::Object(m) => {
                let f = frame(m);
                by_file(f.file).or_else(|| (!f.class.is_empty() && f.joint.is_empty()).then_some(Style::Java))
            }
            _ => None,
        }),
        Some(Value::String(s)) => s.lines().take(4).find_map(by_line),
        _ => None,
    };
    found.or_else(|| by_file(file?)).unwrap_or(if kind.contains('\\') {
        Style::Php
    } else if kind.starts_with("System.") {
        Style::DotNet
    } else {
        Style::JavaScript
    })
}

/// The chain, outermost first, in its language's own form.
fn print(chain: &[One<'_>]) -> String {
    let style = chain
        .iter()
        .find(|o| o.stack.is_some())
        .or(chain.first())
        .map_or(Style::JavaScript, |o| style(o.stack, &o.kind, o.file.as_deref()));
    let mut out = String::new();
    match style {
        // The deepest first.
        Style::Python => {
            for (i, o) in chain.iter().rev().enumerate() {
                if i > 0 {
                    out.push_str(
                        "\n\nThe above exception was the direct cause of the following exception:\n\n",
                    );
                }
                out.push_str(&printed(o, style));
            }
        }
        // As Monolog's own lines have it: it takes any type for an error, and states each one's place.
        Style::Php => {
            for (i, o) in chain.iter().enumerate() {
                if i > 0 {
                    out.push_str("\n\n[previous exception] ");
                }
                out.push_str(&printed(o, style));
            }
        }
        Style::DotNet => {
            // Heads first, then the frames, the deepest first.
            let mut frames = Vec::new();
            for (i, o) in chain.iter().enumerate() {
                let text = printed(o, style);
                let cut = text.find("\n   at ").unwrap_or(text.len());
                if i > 0 {
                    out.push_str("\n ---> ");
                }
                out.push_str(text.get(..cut).unwrap_or_default());
                frames.push(text.get(cut..).unwrap_or_default().to_owned());
            }
            for (i, f) in frames.iter().rev().enumerate() {
                if i > 0 {
                    out.push_str("\n   --- End of inner exception stack trace ---");
                }
                out.push_str(f);
            }
        }
        Style::JavaScript => {
            for (i, o) in chain.iter().enumerate() {
                let text = printed(o, style);
                if i > 0 {
                    out.push_str(" {\n  [cause]: ");
                    out.push_str(&text.replace('\n', "\n  "));
                } else {
                    out.push_str(&text);
                }
            }
            for _ in 1..chain.len() {
                out.push_str("\n}");
            }
        }
        Style::Java | Style::Ruby | Style::Go | Style::Elixir => {
            for (i, o) in chain.iter().enumerate() {
                if i > 0 {
                    out.push_str("\nCaused by: ");
                }
                out.push_str(&printed(o, style));
            }
        }
    }
    out
}

fn head(o: &One<'_>, style: Style) -> String {
    let (kind, message) = (o.kind.as_str(), o.message.as_str());
    match style {
        _ if kind.is_empty() => message.to_owned(),
        Style::Elixir => format!("** ({}) {message}", kind.trim_start_matches("Elixir.")),
        Style::Ruby => format!("{kind} ({message}):"),
        _ if message.is_empty() => kind.to_owned(),
        _ if message.starts_with(kind) => message.to_owned(),
        _ => format!("{kind}: {message}"),
    }
}

/// `[object] (PDOException(code: 2002): Connection refused at /srv/Db.php:9)`.
fn php_object(o: &One<'_>, file: &str) -> String {
    let code = if o.code.is_empty() { "0" } else { &o.code };
    format!("[object] ({}(code: {code}): {} at {file})", o.kind, o.message)
}

/// One error with its frames.
fn printed(o: &One<'_>, style: Style) -> String {
    let head = head(o, style);
    let frames = match o.stack {
        Some(Value::String(s)) => {
            let text = s.trim_matches(['\n', '\r']);
            if holds(text, o) {
                return text.to_owned();
            }
            text.to_owned()
        }
        Some(Value::Array(list)) => {
            // A stack whose first line is the head: ["TypeError: x is null","    at f
            // (/var/task/index.js:3:9)"].
            let lines = lines_of(list, style);
            if lines.first().is_some_and(|l| holds(l, o)) {
                return lines.join("\n");
            }
            lines.join("\n")
        }
        _ => String::new(),
    };
    if frames.is_empty() {
        return match (style, &o.file) {
            (Style::Php, Some(file)) => format!("{}\n[stacktrace]\n#0 {{main}}", php_object(o, file)),
            _ => head,
        };
    }
    match style {
        Style::Python => {
            let begin = if frames.trim_start().starts_with("Traceback") {
                ""
            } else {
                "Traceback (most recent call last):\n"
            };
            let frames = frames.trim_end();
            format!("{begin}{frames}\n{head}")
        }
        Style::Php => {
            let head = o.file.as_deref().map_or(head, |file| php_object(o, file));
            let mark = if o.file.is_some() { "[stacktrace]" } else { "Stack trace:" };
            let main = if frames.contains("{main}") { "" } else { "\n#999 {main}" };
            format!("{head}\n{mark}\n{frames}{main}")
        }
        Style::Ruby => format!("{head}\n  \n{frames}"),
        _ if head.is_empty() => frames,
        _ => format!("{head}\n{frames}"),
    }
}

/// Does the printed stack name its error itself?
fn holds(text: &str, o: &One<'_>) -> bool {
    let first_of_message = o.message.lines().next().unwrap_or_default().trim();
    let named = |line: &str| {
        (!o.kind.is_empty() && line.contains(&*o.kind))
            || (!first_of_message.is_empty() && line.contains(first_of_message))
    };
    let mut lines = text.lines().filter(|l| !l.trim().is_empty());
    let first = lines.next().unwrap_or_default();
    let second = lines.next().unwrap_or_default();
    let at_margin = !first.starts_with([' ', '\t', '#']);
    if at_margin && (named(first) || is_head(first) || second.trim_start().starts_with("at ")) {
        return true;
    }
    // Python's stands at the end.
    first.starts_with("Traceback (") && (text.lines().rev().take(12).any(named) || o.kind.is_empty())
}

/// `java.io.IOException: reset`, `PG::ConnectionBad: …`, `panic: …`: a line that names an error, and no frame
/// (`main.(*API).cart`, `app/models/order.rb:6:in …`).
fn is_head(line: &str) -> bool {
    if ["goroutine ", "panic: ", "thread '", "** ("].iter().any(|w| line.starts_with(w)) {
        return true;
    }
    let name = line.split_once(": ").map_or(line, |(n, _)| n).trim_end_matches(':');
    let last = name.rsplit(['.', '\\', ':']).next().unwrap_or_default();
    last.as_bytes().first().is_some_and(u8::is_ascii_uppercase)
        && name.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'.' | b'$' | b'\\' | b':'))
}

fn lines_of(list: &[Value], style: Style) -> Vec<String> {
    if list.first().is_some_and(Value::is_string) {
        return list
            .iter()
            .filter_map(Value::as_str)
            .take(FRAMES_MAX)
            .enumerate()
            .map(|(i, line)| {
                let line = line.trim_end_matches(['\n', '\r']);
                match style {
                    // Monolog's trace: "/srv/src/Cart.php:12".
                    Style::Php if !line.starts_with('#') => match line.rsplit_once(':') {
                        Some((file, n)) if n.bytes().all(|c| c.is_ascii_digit()) => {
                            format!("#{i} {file}({n}): {{closure}}()")
                        }
                        _ => format!("#{i} {line}"),
                    },
                    // Lambda's Java runtime: "com.example.Handler.handleRequest(Handler.java:12)".
                    Style::Java if line.ends_with(')') && !line.contains("at ") && line.contains('(') => {
                        format!("\tat {line}")
                    }
                    Style::Elixir if line.starts_with('(') => format!("    {line}"),
                    _ => line.to_owned(),
                }
            })
            .collect();
    }
    let maps: Vec<&Map<String, Value>> = list.iter().filter_map(Value::as_object).collect();
    let mut frames: Vec<Frame<'_>> = maps.iter().map(|m| frame(m)).collect();
    // Sentry and structlog write the innermost frame last, as Python prints them; all others first.
    let innermost_last = maps.iter().any(|m| m.contains_key("lineno"));
    if innermost_last != (style == Style::Python) {
        frames.reverse();
    }
    frames
        .iter()
        .take(FRAMES_MAX)
        .enumerate()
        .filter(|(_, f)| !f.file.is_empty() || !f.function.is_empty())
        .map(|(i, f)| {
            let mut line = String::new();
            let dot = if f.class.is_empty() { "" } else { "." };
            // Writing to a String cannot fail.
            let _ = match style {
                Style::Python => {
                    write!(line, "  File \"{}\", line {}, in {}", f.file, f.line.unwrap_or(0), f.function)
                }
                Style::Php => {
                    let place = f
                        .line
                        .map(|n| format!("{}({n})", f.file))
                        .unwrap_or_else(|| "[internal function]".into());
                    write!(line, "#{i} {place}: {}{}{}()", f.class, f.joint, f.function)
                }
                Style::Ruby => write!(line, "{}:in `{}'", f.place(), f.function),
                Style::Go => {
                    write!(line, "{}\n\t{}", if f.function.is_empty() { "?" } else { f.function }, f.place())
                }
                Style::Java => {
                    let file = if f.file.is_empty() {
                        f.class.rsplit('.').next().unwrap_or_default()
                    } else {
                        f.file
                    };
                    let end = f.line.map(|n| format!(":{n}")).unwrap_or_default();
                    write!(line, "\tat {}{dot}{}({file}{end})", f.class, f.function)
                }
                Style::DotNet => write!(
                    line,
                    "   at {}{dot}{}() in {}",
                    f.class,
                    f.function,
                    f.place().replace(".cs:", ".cs:line ")
                ),
                Style::Elixir => write!(line, "    {}: {}", f.place(), f.function),
                Style::JavaScript => {
                    let column = f.column.map(|c| format!(":{c}")).unwrap_or_else(|| ":1".into());
                    match f.function {
                        "" => write!(line, "    at {}{column}", f.place()),
                        name => write!(line, "    at {name} ({}{column})", f.place()),
                    }
                }
            };
            line
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Type, message and app frame of each error of the chain, as the readers of traces understand what is
    /// printed.
    fn chain(raw: &str) -> Vec<(String, String, String)> {
        let t = read(raw).unwrap();
        crate::trace::read(&t.text)
            .into_iter()
            .map(|e| {
                let place = e.frames.first().map(record::Frame::place).unwrap_or_default();
                (e.kind, e.message, place)
            })
            .collect()
    }

    fn own(list: &[(&str, &str, &str)]) -> Vec<(String, String, String)> {
        list.iter().map(|(a, b, c)| ((*a).to_owned(), (*b).to_owned(), (*c).to_owned())).collect()
    }

    #[test]
    fn node_errors_with_stack_and_cause() {
        let raw = r#"{"type":"TypeError","message":"x is null","stack":"TypeError: x is null\n    at f (/srv/a.js:3:9)"}"#;
        assert_eq!(chain(raw), own(&[("TypeError", "x is null", "/srv/a.js:3")]));
        let raw = r#"{"name":"Error","message":"order failed","stack":"Error: order failed\n    at f (/srv/a.js:3:9)","cause":{"name":"Error","message":"connect ECONNREFUSED 127.0.0.1:8414","stack":"Error: connect ECONNREFUSED 127.0.0.1:8414\n    at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1611:16)","code":"ECONNREFUSED"}}"#;
        assert_eq!(
            chain(raw),
            own(&[
                ("Error", "order failed", "/srv/a.js:3"),
                ("Error", "connect ECONNREFUSED 127.0.0.1:8414", "node:net:1611")
            ])
        );
    }

    #[test]
    fn monolog_and_nextcloud_print_as_php() {
        let raw = r#"{"class":"App\\StoreDown","message":"store is down","code":0,"file":"/srv/Store.php:20","trace":["/srv/index.php:3"],"previous":{"class":"PDOException","message":"SQLSTATE[HY000] [2002] Connection refused","code":2002,"file":"/srv/Db.php:9","trace":["/srv/Db.php:4","/srv/index.php:3"]}}"#;
        let c = chain(raw);
        let kinds: Vec<&str> = c.iter().map(|e| e.0.as_str()).collect();
        assert_eq!(kinds, ["App\\StoreDown", "PDOException"]);
        assert_eq!(
            (c[1].1.as_str(), c[1].2.as_str()),
            ("SQLSTATE[HY000] [2002] Connection refused", "/srv/Db.php:9")
        );
        let raw = r#"{"Exception":"OC\\Files\\NotFound","Message":"no file","Code":0,"Trace":[{"file":"/var/www/lib/A.php","line":12,"function":"get","class":"OC\\A","type":"->"}],"File":"/var/www/lib/B.php","Line":7}"#;
        assert_eq!(chain(raw), own(&[("OC\\Files\\NotFound", "no file", "/var/www/lib/B.php:7")]));
    }

    #[test]
    fn ruby_arrays() {
        let raw = r#"{"name":"NoMethodError","message":"undefined method `total' for nil:NilClass","stack_trace":["app/models/order.rb:6:in `total'","/gems/rack-2.2/lib/rack/head.rb:12:in `call'"]}"#;
        assert_eq!(
            chain(raw),
            own(&[("NoMethodError", "undefined method `total' for nil:NilClass", "app/models/order.rb:6")])
        );
        assert_eq!(
            read(r#"["NoMethodError","undefined method"]"#).unwrap().text,
            "NoMethodError: undefined method"
        );
    }

    #[test]
    fn structlog_and_sentry_print_as_python() {
        let raw = r#"[{"exc_type":"Bad","exc_value":"bad tax","frames":[{"filename":"/srv/app.py","lineno":9,"name":"view"},{"filename":"/srv/tax.py","lineno":3,"name":"net"}]},{"exc_type":"KeyError","exc_value":"'vat'","is_cause":true,"frames":[{"filename":"/srv/tax.py","lineno":2,"name":"net"}]}]"#;
        assert_eq!(
            chain(raw),
            own(&[("Bad", "bad tax", "/srv/tax.py:3"), ("KeyError", "'vat'", "/srv/tax.py:2")])
        );
        let raw = r#"{"values":[{"type":"KeyError","value":"'vat'","stacktrace":{"frames":[{"filename":"app.py","abs_path":"/srv/app.py","lineno":9,"function":"view"},{"filename":"tax.py","abs_path":"/srv/tax.py","lineno":3,"function":"net"}]}}]}"#;
        assert_eq!(chain(raw), own(&[("KeyError", "'vat'", "/srv/tax.py:3")]));
    }

    #[test]
    fn java_frames_as_objects_and_as_text() {
        let raw = r#"{"name":"java.lang.IllegalStateException","message":"no cart","extendedStackTrace":[{"class":"com.example.Cart","method":"total","file":"Cart.java","line":12}],"cause":{"name":"java.net.ConnectException","message":"Connection refused","extendedStackTrace":[{"class":"com.example.Stock","method":"get","file":"Stock.java","line":3}]}}"#;
        assert_eq!(
            chain(raw),
            own(&[
                ("java.lang.IllegalStateException", "no cart", "Cart.java:12"),
                ("java.net.ConnectException", "Connection refused", "Stock.java:3")
            ])
        );
        let raw = r#"{"errorType":"java.lang.RuntimeException","errorMessage":"boom","stackTrace":["com.example.Handler.handleRequest(Handler.java:12)"]}"#;
        assert_eq!(chain(raw), own(&[("java.lang.RuntimeException", "boom", "Handler.java:12")]));
        let raw = r#"{"refId":1,"exceptionType":"java.io.IOException","message":"x","frames":[{"class":"a.B","method":"c","line":3}],"causedBy":{"exception":{"refId":2,"exceptionType":"java.net.SocketException","message":"reset","frames":[{"class":"a.D","method":"e","line":4}]}}}"#;
        assert_eq!(
            chain(raw),
            own(&[("java.io.IOException", "x", "B:3"), ("java.net.SocketException", "reset", "D:4")])
        );
    }

    #[test]
    fn lambda_of_python_and_node() {
        let raw = r#"{"errorMessage":"'sku'","errorType":"KeyError","stackTrace":["  File \"/var/task/app.py\", line 3, in handler\n    return event['sku']\n"]}"#;
        assert_eq!(chain(raw), own(&[("KeyError", "'sku'", "/var/task/app.py:3")]));
        let raw = r#"{"errorType":"TypeError","errorMessage":"x is null","stack":["TypeError: x is null","    at handler (/var/task/index.js:3:9)"]}"#;
        assert_eq!(chain(raw), own(&[("TypeError", "x is null", "/var/task/index.js:3")]));
    }

    #[test]
    fn an_error_that_only_says_something_has_no_trace() {
        let t = read(r#"{"type":"Object","message":"connect ECONNREFUSED 127.0.0.1:8414","stack":"","code":"ECONNREFUSED"}"#).unwrap();
        assert_eq!(
            (t.kind.as_str(), t.message.as_str(), t.text.as_str()),
            ("", "connect ECONNREFUSED 127.0.0.1:8414", "")
        );
        let t = read(r#"{"class":"ErrorException","message":"Undefined variable $x","trace":[],"file":"/srv/a.php","line":3}"#).unwrap();
        assert_eq!((t.kind.as_str(), t.file.as_deref()), ("ErrorException", Some("/srv/a.php:3")));
        assert_eq!(
            t.text,
            "[object] (ErrorException(code: 0): Undefined variable $x at /srv/a.php:3)\n[stacktrace]\n#0 {main}"
        );
        assert!(read("{").is_none());
        assert!(read("3").is_none());
    }
}
