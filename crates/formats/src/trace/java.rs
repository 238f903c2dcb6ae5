//! Java, Kotlin, Scala, Groovy and Clojure: `Throwable.printStackTrace` and what logback and log4j make of
//! it.
//!
//! ```text
//! java.lang.NullPointerException: Cannot invoke "com.example.shop.model.Supplier.getCountry()" because … is null
//!     at com.example.shop.service.PriceService.shippingCents(PriceService.java:12)
//!     at java.base/java.lang.Thread.run(Thread.java:840) ~[na:na]
//! Caused by: java.net.ConnectException: Connection refused
//!     ... 34 more
//! ```
//!
//! Source: OpenJDK `java/lang/Throwable.java` and `StackTraceElement.toString`; logback's
//! `ThrowableProxyConverter` (`common frames omitted`, `~[jar:version]`) and
//! `RootCauseFirstThrowableProxyConverter` (`Wrapped by:`).

use super::chain::{exception, frame, is_full, say_more};
use super::kind::{error_within, headed, indent, is_error, is_qualified, type_name};
use super::place::number;
use crate::needle::{Needle, any};
use record::{Exception, Frame};

pub(super) fn read(text: &str) -> Vec<Exception> {
    static AT: Needle = Needle::new("at ");
    static SIGNS: [Needle; 3] = [
        Needle::new("Caused by: "),
        Needle::new("Exception in thread \""),
        Needle::new("nested exception is "),
    ];
    if !(AT.is_in(text) && text.contains('(') || any(&SIGNS, text)) {
        return Vec::new();
    }
    let mut reader = Reader::default();
    for line in text.lines() {
        reader.line(line);
    }
    reader.finish()
}

pub(super) fn starts(line: &str) -> bool {
    line.starts_with("Exception in thread \"")
        || head(line.trim_start()).is_some_and(|(k, _)| is_error(k) && k.contains('.'))
}

pub(super) fn continues(line: &str) -> bool {
    let t = line.trim_start();
    element(t).is_some()
        || omitted(t)
        || (caused(t).is_some())
        || t.starts_with("Suppressed: ") && indent(line) > 0
        || t.starts_with("[CIRCULAR REFERENCE")
        || (indent(line) > 0 && head(t).is_some_and(|(k, _)| is_error(k) && k.contains('.')))
}

/// `... 34 more`, `... 34 common frames omitted`
fn omitted(t: &str) -> bool {
    t.strip_prefix("... ").is_some_and(|r| {
        number(r).is_some()
            && (r.contains(" more")
                || r.contains("omitted")
                || r.contains("lines matching")
                || r.contains("frames"))
    })
}

/// What stands behind `Caused by:` and `Wrapped by:`; `true` where the layout prints the root first.
fn caused(t: &str) -> Option<(bool, &str)> {
    if let Some(rest) = t.strip_prefix("Caused by: ").or_else(|| t.strip_prefix("Root cause: ")) {
        return type_name(rest).map(|_| (false, rest));
    }
    t.strip_prefix("Wrapped by: ").map(|rest| (true, rest))
}

/// A head as the JVM prints it: a qualified class or a name that says it is an error.
fn head(t: &str) -> Option<(&str, &str)> {
    let (kind, message) = headed(t)?;
    // Scala and Kotlin nest classes with `$`; a file name (`app.log: …`) has no capital in its last part.
    let class = kind.contains('.') && is_qualified(kind) && kind.split('.').count() > 2;
    (is_error(kind) || class && !kind.contains("::")).then_some((kind, message))
}

/// `at java.base/java.lang.Thread.run(Thread.java:840) ~[na:na]`
fn element(t: &str) -> Option<Frame> {
    let rest = t.strip_prefix("at ").or_else(|| t.strip_prefix("[at "))?;
    let open = rest.find('(')?;
    let name = rest.get(..open)?;
    let (inside, _) = rest.get(open + 1..)?.split_once(')')?;
    if name.is_empty() || name.contains(' ') || !name.contains('.') {
        return None;
    }
    let source = |f: &str| {
        [
            ".java", ".kt", ".scala", ".groovy", ".clj", ".cljc", ".kts", ".jsp", ".jspx", ".xtend", ".g",
            ".js", ".cfm", ".cfc", ".gsp",
        ]
        .iter()
        .any(|e| f.ends_with(e))
    };
    let (file, line) = match inside {
        "Native Method" | "Unknown Source" | "<generated>" | "NativeMethodAccessorImpl" | "" => ("", None),
        _ => match inside.rsplit_once(':') {
            Some((file, n)) => (file, Some(number(n)?)),
            None => (inside, None),
        },
    };
    let known = matches!(inside, "Native Method" | "Unknown Source" | "<generated>")
        || source(file)
        || line.is_some() && !file.contains([' ', '/']);
    if !known {
        return None;
    }
    // "java.base/java.lang.…", "app//com.x.…"; lambdas have a slash inside their name.
    let function = if name.contains("$$Lambda") { name } else { name.rsplit('/').next().unwrap_or(name) };
    Some(frame(file, line, function))
}

#[derive(Default)]
struct Reader {
    chain: Vec<Exception>,
    current: Option<usize>,
    in_stack: bool,
    /// Column of a `Suppressed:` head while its trace is passed over.
    suppressed: Option<usize>,
    /// A frame, a `Caused by` or a thread's last words were seen: it is the JVM.
    sure: bool,
    caused: bool,
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
        let columns = indent(line);
        if let Some(column) = self.suppressed {
            // A suppressed exception is a failure of closing something: never the cause.
            if columns > column || omitted(t) {
                return;
            }
            self.suppressed = None;
        }
        if let Some(f) = element(t) {
            self.sure = true;
            self.frame(f);
            return;
        }
        if omitted(t) {
            self.sure = true;
            self.in_stack = true;
            return;
        }
        if t.starts_with("Suppressed: ") && columns > 0 && self.current.is_some() {
            self.suppressed = Some(columns);
            return;
        }
        if let Some((outer, rest)) = caused(t)
            && let Some((kind, message)) = headed(rest).or_else(|| type_name(rest))
        {
            // Node also says "Caused by: Error: …".
            self.sure |= kind.contains('.') && is_qualified(kind);
            self.caused = true;
            self.in_stack = false;
            let e = exception(kind, message);
            if outer {
                self.chain.insert(0, e);
                self.current = Some(0);
            } else {
                self.chain.push(e);
                self.current = Some(self.chain.len() - 1);
            }
            return;
        }
        if let Some(rest) = t.strip_prefix("Exception in thread \"")
            && let Some((_, rest)) = rest.split_once("\" ")
        {
            // "Exception: java.lang.OutOfMemoryError thrown from the UncaughtExceptionHandler in thread …"
            let rest = rest.strip_prefix("Exception: ").unwrap_or(rest);
            if let Some((kind, message)) = headed(rest).or_else(|| type_name(rest)) {
                self.sure = true;
                self.begin(kind, message);
            }
            return;
        }
        if (self.current.is_none() || self.in_stack)
            && let Some((kind, message)) = head(t).or_else(|| within(t))
        {
            self.begin(kind, message);
            return;
        }
        // Log and trace begin on neighbouring lines: "… threw exception" and then the exception itself.
        if !self.in_stack
            && let Some((kind, message)) = head(t)
            && kind.contains('.')
            && is_error(kind)
        {
            let repeated = self.current.and_then(|i| self.chain.get(i)).is_some_and(|e| e.frames.is_empty());
            if repeated && let Some(i) = self.current {
                self.chain.remove(i.min(self.chain.len().saturating_sub(1)));
            }
            self.begin(kind, message);
            return;
        }
        if let Some(e) = self.current.and_then(|i| self.chain.get_mut(i))
            && !self.in_stack
        {
            say_more(e, line);
        }
    }

    fn begin(&mut self, kind: &str, message: &str) {
        // The JVM's last words when it cannot even report: "Exception: java.lang.OutOfMemoryError thrown from
        // the …".
        let (kind, message) = match type_name(message) {
            Some((inner, _)) if kind == "Exception" && is_qualified(inner) && is_error(inner) => (inner, ""),
            _ => (kind, message),
        };
        // A second trace in the same entry is another failure; the first stays the deepest.
        self.chain.insert(0, exception(kind, message));
        self.current = Some(0);
        self.in_stack = false;
    }

    fn frame(&mut self, f: Frame) {
        let at = match self.current {
            Some(at) => at,
            None => {
                self.chain.push(Exception::default());
                self.chain.len() - 1
            }
        };
        self.current = Some(at);
        self.in_stack = true;
        if let Some(e) = self.chain.get_mut(at) {
            e.frames.push(f);
        }
    }

    fn finish(mut self) -> Vec<Exception> {
        if !self.caused
            && let Some(last) = self.chain.last()
        {
            let deeper = nested(&last.message);
            self.sure |= !deeper.is_empty();
            self.chain.extend(deeper);
        }
        // Frames that were no JVM's went into the messages.
        let foreign = |e: &Exception| e.frames.is_empty() && e.message.contains("\n    at ");
        if self.sure && !self.chain.iter().any(foreign) { self.chain } else { Vec::new() }
    }
}

/// The exception named inside a log line, when its class is qualified or says that it is an error.
fn within(t: &str) -> Option<(&str, &str)> {
    let (_, kind, message) = error_within(t)?;
    Some((kind, message))
}

/// Spring before version 6 appends what it wraps: `…; nested exception is java.net.ConnectException:
/// Connection refused`.
fn nested(message: &str) -> Vec<Exception> {
    let mut parts = message.split("nested exception is ");
    parts.next();
    parts
        .filter_map(|p| {
            let p = p.split("] with root cause").next().unwrap_or(p).trim_end_matches([';', ' ']);
            let (kind, said) = headed(p).or_else(|| type_name(p))?;
            is_qualified(kind).then(|| exception(kind, said.trim_end_matches([';', ' ', ']'])))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::kinds;

    #[test]
    fn tomcat_indents_once_more() {
        let chain = read(concat!(
            "Servlet.service() for servlet [product] in context with path [] threw exception\n",
            "\tjava.lang.NullPointerException: Cannot invoke \"com.example.shop.model.Supplier.getCountry()\" because the return value of \"com.example.shop.model.Product.getSupplier()\" is null\n",
            "\t\tat com.example.shop.service.PriceService.shippingCents(PriceService.java:12)\n",
            "\t\tat jakarta.servlet.http.HttpServlet.service(HttpServlet.java:564)\n",
            "\t\tat java.base/jdk.internal.reflect.NativeMethodAccessorImpl.invoke0(Native Method)\n",
        ));
        assert_eq!(kinds(&chain), ["java.lang.NullPointerException"]);
        assert!(chain[0].message.ends_with("is null"));
        assert_eq!(
            chain[0].frames[0],
            frame("PriceService.java", Some(12), "com.example.shop.service.PriceService.shippingCents")
        );
        assert_eq!(chain[0].frames[2].function, "jdk.internal.reflect.NativeMethodAccessorImpl.invoke0");
        assert_eq!(chain[0].frames.iter().map(|f| f.in_app).collect::<Vec<_>>(), [true, false, false]);
    }

    #[test]
    fn causes_suppressed_and_omitted() {
        let chain = read(concat!(
            "org.springframework.dao.DataAccessResourceFailureException: Unable to acquire JDBC Connection\n",
            "\tat org.springframework.orm.jpa.Foo.bar(Foo.java:278) ~[spring-orm-6.1.5.jar!/:6.1.5]\n",
            "\tat com.example.billing.InvoiceService.report(InvoiceService.java:32) ~[!/:na]\n",
            "\tSuppressed: java.io.IOException: close failed\n\t\tat java.base/java.io.X.close(X.java:3)\n\t\tCaused by: java.io.EOFException\n\t\t\t... 3 more\n",
            "Caused by: org.hibernate.exception.JDBCConnectionException: Unable to acquire JDBC Connection\n\t... 34 common frames omitted\n",
            "Caused by: java.sql.SQLTransientConnectionException: HikariPool-1 - Connection is not available, request timed out after 3000ms\nstill waiting\n",
            "\tat com.zaxxer.hikari.pool.HikariPool.createTimeoutException(HikariPool.java:686)\n\t... 50 more\n",
        ));
        assert_eq!(
            kinds(&chain),
            [
                "org.springframework.dao.DataAccessResourceFailureException",
                "org.hibernate.exception.JDBCConnectionException",
                "java.sql.SQLTransientConnectionException"
            ]
        );
        assert!(chain[2].message.ends_with("3000ms\nstill waiting"));
        assert_eq!(chain[0].app_frame().unwrap().place(), "InvoiceService.java:32");
    }

    #[test]
    fn root_first_layouts_threads_and_lambdas() {
        let chain = read(
            "java.net.ConnectException: Connection refused\n\tat java.base/sun.nio.ch.Net.pollConnect(Native Method)\nWrapped by: com.example.StoreDown: no store\n\tat com.example.Store.open(Store.kt:9)\n",
        );
        assert_eq!(kinds(&chain), ["com.example.StoreDown", "java.net.ConnectException"]);
        let chain = read(
            "Exception in thread \"main\" java.lang.OutOfMemoryError: Java heap space\n\tat app//com.x.Grow$$Lambda$14/0x0000000800c03.run(Unknown Source)\n",
        );
        assert_eq!(
            (chain[0].kind.as_str(), chain[0].frames[0].file.as_str()),
            ("java.lang.OutOfMemoryError", "")
        );
        let chain = read(
            "Exception: java.lang.OutOfMemoryError thrown from the UncaughtExceptionHandler in thread \"http-1\"\nException in thread \"http-1\" Exception: java.lang.OutOfMemoryError thrown from the UncaughtExceptionHandler in thread \"http-1\"",
        );
        assert_eq!(chain.last().unwrap().kind, "java.lang.OutOfMemoryError");
    }

    #[test]
    fn wildfly_and_play_name_it_inside_the_line() {
        let chain = read(
            "UT005023: Exception handling request to /cart: jakarta.servlet.ServletException: no cart\n\tat org.foo.Cart.get(Cart.java:7)\n",
        );
        assert_eq!(
            (chain[0].kind.as_str(), chain[0].message.as_str()),
            ("jakarta.servlet.ServletException", "no cart")
        );
        assert_eq!(chain[0].frames.len(), 1);
    }

    #[test]
    fn nested_exceptions_in_the_message() {
        let chain = read(
            "org.springframework.web.util.NestedServletException: Request processing failed; nested exception is java.net.ConnectException: Connection refused\n\tat com.x.A.b(A.java:1)",
        );
        assert_eq!(
            kinds(&chain),
            ["org.springframework.web.util.NestedServletException", "java.net.ConnectException"]
        );
        assert_eq!(chain[1].message, "Connection refused");
    }

    #[test]
    fn lines_and_refusals() {
        for line in [
            "\tat com.x.Y.z(Y.java:3)",
            "\t... 34 more",
            "Caused by: java.io.IOException: x",
            "\t\tat java.base/java.lang.Thread.run(Thread.java:840)",
            "\tjava.lang.StackOverflowError",
        ] {
            assert!(continues(line), "{line}");
        }
        for line in ["at home (alone)", "... and more", "com.example.app.Main started", "at Foo (x.js:1:2)"] {
            assert!(!continues(line), "{line}");
        }
        for text in [
            "",
            "look at this (again)",
            "Started at com.example (Main)",
            "    at next (/srv/x.js:1:2)",
            "   at Ns.Cls.Fn(String a) in /x.cs:line 3",
        ] {
            assert!(read(text).is_empty(), "{text}");
        }
    }
}
