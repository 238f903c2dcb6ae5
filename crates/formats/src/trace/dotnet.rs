//! .NET exceptions: `Exception.ToString()`.
//!
//! ```text
//! System.InvalidOperationException: Cart 12 cannot be priced
//!  ---> System.NullReferenceException: Object reference not set to an instance of an object.
//!    at Shop.Pricing.Tax.Net(Cart cart) in /src/Shop/Pricing/Tax.cs:line 12
//!    --- End of inner exception stack trace ---
//!    at Shop.Pricing.PriceService.Total(Cart cart) in /src/Shop/Pricing/PriceService.cs:line 31
//! ```
//!
//! Source: dotnet/runtime `System/Exception.cs` (`ToString`), `System/AggregateException.cs` (`---> (Inner
//! Exception #0)`), `System/Diagnostics/StackTrace.cs` (`at`, `in … :line`, both translated on .NET
//! Framework).

use super::chain::{exception, frame, is_full, say_more};
use super::kind::{error_within, headed, is_error, is_qualified, type_name};
use super::place::number;
use crate::needle::{Needle, any};
use record::{Exception, Frame};

/// "at" and "line" as .NET Framework's language packs print them.
const AT: &[&str] = &["at ", "bei ", "à ", "в ", "en ", "在 ", "場所 ", "w ", "em ", "   at "];
const LINE: [&str; 10] = [
    ":line ",
    ":Zeile ",
    ":ligne ",
    ":строка ",
    ":línea ",
    ":行号 ",
    ":行 ",
    ":wiersz ",
    ":linha ",
    ":riga ",
];

pub(super) fn read(text: &str) -> Vec<Exception> {
    static SIGNS: [Needle; 15] = [
        Needle::new("Exception"),
        Needle::new("--- End of"),
        Needle::new(" ---> "),
        Needle::new("System."),
        Needle::new("Microsoft."),
        Needle::new(LINE[0]),
        Needle::new(LINE[1]),
        Needle::new(LINE[2]),
        Needle::new(LINE[3]),
        Needle::new(LINE[4]),
        Needle::new(LINE[5]),
        Needle::new(LINE[6]),
        Needle::new(LINE[7]),
        Needle::new(LINE[8]),
        Needle::new(LINE[9]),
    ];
    if !any(&SIGNS, text) {
        return Vec::new();
    }
    let mut reader = Reader::default();
    for line in text.lines() {
        reader.line(line);
    }
    if reader.sure { reader.chain } else { Vec::new() }
}

pub(super) fn starts(line: &str) -> bool {
    line.starts_with("Unhandled exception. ")
        || line.starts_with("Unhandled Exception: ")
        || titled(line)
            .is_some_and(|(k, _)| is_error(k) && (k.starts_with("System.") || k.starts_with("Microsoft.")))
}

pub(super) fn continues(line: &str) -> bool {
    let t = line.trim_start();
    element(line).is_some()
        || t.starts_with("---> ")
        || (t.starts_with("--- End of ") && t.contains("stack trace") && t.trim_end().ends_with("---"))
}

/// A head, also with the code that socket and database exceptions print: `System.Net.Sockets.SocketException
/// (111): Connection refused`, `Npgsql.NpgsqlException (0x80004005): Failed to connect to 127.0.0.1:5432`.
pub(super) fn titled(text: &str) -> Option<(&str, &str)> {
    if let Some(found) = headed(text) {
        return Some(found);
    }
    let (kind, rest) = type_name(text)?;
    let (code, message) = rest.strip_prefix(" (")?.split_once("):")?;
    let code = code.trim_start_matches('-');
    (is_qualified(kind) && !code.is_empty() && code.bytes().all(|c| c.is_ascii_hexdigit() || c == b'x'))
        .then(|| (kind, message.trim_start()))
}

/// `   at Shop.Pricing.Tax.Net(Cart cart) in /src/Shop/Pricing/Tax.cs:line 12`
fn element(line: &str) -> Option<Frame> {
    let t = line.trim();
    if t.len() == line.trim_end().len() {
        return None;
    }
    let rest = AT.iter().find_map(|a| t.strip_prefix(a))?;
    let open = rest.find('(')?;
    let name = rest.get(..open)?;
    let close = rest.get(open..)?.rfind(')')? + open;
    let arguments = rest.get(open + 1..close)?;
    if name.is_empty()
        || name.contains(": ")
        || name.contains('/')
        || name.ends_with(' ')
        || !(name.contains('.') || name.starts_with("lambda_method"))
    {
        return None;
    }
    // Generic arguments hold blanks, names otherwise do not.
    if name.split('[').next().is_some_and(|n| n.split('<').next().unwrap_or(n).contains(' ')) {
        return None;
    }
    // "(File.java:12)", "(/srv/x.js:3:15)": other languages.
    if arguments.contains(':')
        || [".java", ".kt", ".scala", "Native Method", "Unknown Source", "<anonymous>", "<generated>"]
            .iter()
            .any(|j| arguments.contains(j))
    {
        return None;
    }
    let behind = rest.get(close + 1..)?;
    for word in LINE {
        if let Some((place, n)) = behind.rsplit_once(word) {
            // "in", "dans", "в": a word and a blank before the path.
            let file = place.trim_start().split_once(' ').map_or(place, |(_, f)| f);
            return Some(frame(file, number(n), name));
        }
    }
    behind.trim().is_empty().then(|| frame("", None, name))
}

#[derive(Default)]
struct Reader {
    chain: Vec<Exception>,
    /// The exceptions that are open, outermost first, as positions in `chain`.
    open: Vec<usize>,
    in_stack: bool,
    sure: bool,
    aggregate: bool,
}

impl Reader {
    fn line(&mut self, line: &str) {
        if is_full(&self.chain) {
            return;
        }
        let t = line.trim();
        if t.is_empty() {
            return;
        }
        if let Some(f) = element(line) {
            self.sure |= f.line.is_some()
                || f.function.starts_with("System.")
                || f.function.starts_with("Microsoft.")
                || !self.chain.is_empty();
            if self.open.is_empty() {
                self.push(Exception::default());
            }
            if let Some(e) = self.open.last().and_then(|i| self.chain.get_mut(*i)) {
                e.frames.push(f);
            }
            self.in_stack = true;
            return;
        }
        if t.starts_with("--- End of inner exception")
            || t.starts_with("--- Ende der internen")
            || t.starts_with("--- Fin de la trace de la pile d'exception interne")
        {
            self.sure = true;
            // The frames that follow are of the exception around it.
            if self.open.len() > 1 {
                self.open.pop();
            }
            self.in_stack = true;
            return;
        }
        if t.starts_with("--- End of stack trace") || t == "<---" {
            return;
        }
        if let Some(rest) = t.strip_prefix("---> ") {
            self.sure = true;
            self.inner(rest.trim_end_matches("<---").trim_end());
            return;
        }
        if self.open.is_empty() || self.in_stack {
            let unprefixed = t
                .strip_prefix("Unhandled exception. ")
                .or_else(|| t.strip_prefix("Unhandled Exception: "))
                .unwrap_or(t);
            let head = titled(unprefixed).filter(|(k, _)| {
                is_error(k) || is_qualified(k) && k.split('.').count() > 1 && !k.contains("::")
            });
            let head =
                head.or_else(|| error_within(t).filter(|_| self.open.is_empty()).map(|(_, k, m)| (k, m)));
            if let Some((kind, message)) = head {
                // A second trace below the first is another failure.
                let first = self.chain.is_empty();
                let (message, inner) =
                    message.split_once(" ---> ").map_or((message, None), |(m, i)| (m, Some(i)));
                if first {
                    self.push(exception(kind, message));
                } else {
                    self.chain.insert(0, exception(kind, message));
                    self.open = vec![0];
                    self.in_stack = false;
                }
                if let Some(inner) = inner {
                    self.inner(inner);
                }
                return;
            }
        }
        if !self.in_stack
            && let Some(e) = self.open.last().and_then(|i| self.chain.get_mut(*i))
        {
            say_more(e, line);
        }
    }

    /// What stands behind `--->`; .NET Framework prints several on one line.
    fn inner(&mut self, text: &str) {
        for part in text.split(" ---> ") {
            let part = part.trim();
            let numbered = part.strip_prefix("(Inner Exception #").and_then(|p| p.split_once(") "));
            let part = numbered.map_or(part, |(_, rest)| rest);
            let Some((kind, message)) = titled(part) else { continue };
            let e = exception(kind, message);
            if numbered.is_some() {
                self.aggregate = true;
                // The first inner one was printed already; the others failed beside it.
                if self.chain.iter().any(|c| c.kind == e.kind && c.message == e.message) {
                    let known = self.chain.iter().position(|c| c.kind == e.kind && c.message == e.message);
                    self.open.truncate(1);
                    self.open.extend(known.filter(|k| *k > 0));
                    self.in_stack = true;
                    continue;
                }
                let at = 1.min(self.chain.len());
                self.chain.insert(at, e);
                self.open = vec![0, at];
                self.in_stack = false;
                continue;
            }
            self.push(e);
        }
    }

    fn push(&mut self, e: Exception) {
        self.chain.push(e);
        self.open.push(self.chain.len() - 1);
        self.in_stack = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::kinds;

    #[test]
    fn inner_frames_come_before_outer_ones() {
        let chain = read(concat!(
            "An unhandled exception has occurred while executing the request.\n",
            "System.InvalidOperationException: Cart 12 cannot be priced\n ---> System.NullReferenceException: Object reference not set to an instance of an object.\n",
            "   at Shop.Pricing.Tax.Net(Cart cart) in /src/Shop/Pricing/Tax.cs:line 12\n   --- End of inner exception stack trace ---\n",
            "   at Shop.Pricing.PriceService.Total(Cart cart) in C:\\src\\Shop\\PriceService.cs:line 31\n",
            "   at Microsoft.AspNetCore.Mvc.Infrastructure.ActionMethodExecutor.TaskOfIActionResultExecutor.Execute(ActionContext actionContext)\n",
            "--- End of stack trace from previous location ---\n   at System.Threading.Tasks.Task.Run()\n",
        ));
        assert_eq!(kinds(&chain), ["System.InvalidOperationException", "System.NullReferenceException"]);
        assert_eq!(
            chain[1].frames[..],
            [frame("/src/Shop/Pricing/Tax.cs", Some(12), "Shop.Pricing.Tax.Net")]
        );
        assert_eq!(chain[0].frames.len(), 3);
        assert_eq!(chain[0].frames.iter().map(|f| f.in_app).collect::<Vec<_>>(), [true, false, false]);
    }

    #[test]
    fn three_deep() {
        let chain = read(concat!(
            "Unhandled exception. A.Outer: a\n ---> System.B: b\n ---> System.Net.Sockets.SocketException (111): Connection refused\n",
            "   at System.Net.Sockets.Socket.Connect()\n   --- End of inner exception stack trace ---\n   at A.B.C()\n   --- End of inner exception stack trace ---\n   at A.Main(String[] args)\n"
        ));
        assert_eq!(kinds(&chain), ["A.Outer", "System.B", "System.Net.Sockets.SocketException"]);
        assert_eq!(chain[2].message, "Connection refused");
        assert_eq!(chain[2].frames[0].function, "System.Net.Sockets.Socket.Connect");
        assert_eq!(
            (chain[1].frames[0].function.as_str(), chain[0].frames[0].function.as_str()),
            ("A.B.C", "A.Main")
        );
    }

    #[test]
    fn aggregates_and_one_line_chains() {
        let chain = read(concat!(
            "System.AggregateException: One or more errors occurred. (no rates) (no tax)\n ---> Shop.NoRates: no rates\n   at Shop.Rates.Get() in /src/Rates.cs:line 3\n   --- End of inner exception stack trace ---\n   at Shop.Cart.Total() in /src/Cart.cs:line 9\n",
            " ---> (Inner Exception #1) Shop.NoTax: no tax\n   at Shop.Tax.Get() in /src/Tax.cs:line 4<---\n"
        ));
        assert_eq!(kinds(&chain), ["System.AggregateException", "Shop.NoTax", "Shop.NoRates"]);
        let chain = read(
            "System.Web.HttpUnhandledException: Exception of type 'X' was thrown. ---> System.ArgumentNullException: Value cannot be null.\r\n   bei Shop.Seite.Laden() in C:\\web\\Seite.cs:Zeile 14.\r\n",
        );
        assert_eq!(kinds(&chain), ["System.Web.HttpUnhandledException", "System.ArgumentNullException"]);
        assert_eq!(chain[1].frames[0].place(), "C:\\web\\Seite.cs:14");
    }

    #[test]
    fn lines_and_refusals() {
        for line in [
            "   at Ns.Cls.Fn(String a) in /src/X.cs:line 3",
            "   at System.Linq.Enumerable.First[TSource](IEnumerable`1 source)",
            " ---> System.X: y",
            "   --- End of inner exception stack trace ---",
        ] {
            assert!(continues(line), "{line}");
        }
        for line in
            ["   at home (alone)", "    at next (/srv/x.js:1:2)", "\tat com.x.Y.z(Y.java:3)", "at Ns.X()"]
        {
            assert!(!continues(line), "{line}");
        }
        for text in [
            "",
            "System.Shop is up",
            "\tat com.x.Y.z(Y.java:3)\nSystem.X",
            "    at x (<anonymous>)\nException",
        ] {
            assert!(read(text).is_empty(), "{text}");
        }
    }
}
