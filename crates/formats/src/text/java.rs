//! Layouts of the JVM world with their own punctuation: Spring Boot, Tomcat's one-line format,
//! `java.util.logging`, Jetty,
//! GlassFish and Payara, WebLogic, WebSphere and Liberty.
//!
//! ```text
//! 2026-11-24 07:49:00.793  WARN 24117 --- [0.1-8561-exec-4] .w.s.m.s.DefaultHandlerExceptionResolver : Resolved exception caused by handler execution
//! 2026-11-24T07:49:00.793Z ERROR 24117 --- [billing] [nio-8080-exec-1] [6f2c9d1e8b7a4c30-1b2c3d4e5f607182] c.e.billing.App : boom
//! 24-Nov-2026 07:11:46.591 SEVERE [http-nio-127.0.0.1-8501-exec-10] org.apache.catalina.core.StandardWrapperValve.invoke Servlet.service() for servlet [product] in context with path [] threw exception
//! Nov 24, 2026 7:11:46 AM org.apache.catalina.core.StandardWrapperValve invoke
//! 2026-11-24 07:30:12.123:WARN:oejs.HttpChannel:qtp1-12: /orders
//! [2026-11-24T07:30:12.123+0000] [Payara 5.2022] [SEVERE] [] [javax.enterprise.web] [tid: _ThreadID=31] [timeMillis: 1795505412123] [levelValue: 1000] [[
//! ####<Nov 24, 2026 7:30:12 AM UTC> <Error> <HTTP> <host> <AdminServer> <ExecuteThread: '1'> <<WLS Kernel>> <> <> <1795505412123> <BEA-101020> <Servlet failed>
//! [11/24/26, 7:30:12:123 UTC] 0000003a com.ibm.ws.webcontainer   E SRVE0777E: Exception thrown by application class
//! ```
//!
//! Sources: Spring Boot's `defaults.xml` (`CONSOLE_LOG_PATTERN`), Tomcat's `OneLineFormatter`,
//! `java.util.logging.SimpleFormatter`,
//! Jetty's `StdErrLog`, GlassFish's `ODLLogFormatter` and `UniformLogFormatter`, Oracle's WebLogic message
//! format, IBM's basic format.
//! Logback, log4j, WildFly, Quarkus, Micronaut, Play and Kafka are read by `general.rs`.

use super::prefix::{Prefix, bracketed_stamp, group, level, loud_level, process, stamp, word};
use crate::{Context, Entry, LineFormat};
use record::Level;

/// Spring Boot 1 to 4.
pub(super) struct SpringBoot;
/// Tomcat's `OneLineFormatter`.
pub(super) struct Catalina;
/// The first of the two lines of `SimpleFormatter`; the second is `SEVERE: message`.
pub(super) struct JavaUtilLogging;
/// Jetty's own log.
pub(super) struct Jetty;
/// GlassFish and Payara.
pub(super) struct GlassFish;
/// WebLogic.
pub(super) struct WebLogic;
/// WebSphere and Liberty.
pub(super) struct WebSphere;

impl LineFormat for SpringBoot {
    fn name(&self) -> &'static str {
        "spring boot"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        if !line.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        let (at, rest) = stamp(line, context)?;
        let (level, rest) = loud_level(rest.trim_start())?;
        let (pid, rest) = word(rest.trim_start());
        let mut rest = rest.strip_prefix("--- ")?;
        let mut prefix = Prefix { at: Some(at), level, pid: process(pid), ..Prefix::default() };
        // [app] (since 3), [thread], [correlation] (Micrometer): the last that is no id is the thread.
        let mut groups = [""; 3];
        for slot in &mut groups {
            let Some((inner, after)) = group(rest.trim_start(), '[', ']') else { break };
            *slot = inner.trim();
            rest = after;
        }
        let [first, second, third] = groups;
        for id in [second, third] {
            let bare = |p: &str| matches!(p.len(), 16 | 32) && p.bytes().all(|c| c.is_ascii_hexdigit());
            if let Some(trace) = id.split(['-', ',']).find(|p| bare(p)) {
                prefix.trace = Some(trace);
            }
        }
        let (app, thread) = if second.is_empty() || prefix.trace.is_some() && third.is_empty() {
            (None, first)
        } else {
            (Some(first), second)
        };
        prefix.thread = Some(thread).filter(|t| !t.is_empty());
        let (logger, message) =
            rest.trim_start().split_once(" : ").or_else(|| rest.trim_start().split_once(": "))?;
        if logger.trim_end().contains(' ') {
            return None;
        }
        prefix.logger = Some(logger.trim_end());
        let mut entry = prefix.entry(message);
        entry.service = app.filter(|a| !a.is_empty()).map(Into::into);
        Some(entry)
    }
}

impl LineFormat for Catalina {
    fn name(&self) -> &'static str {
        "tomcat"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        let b = line.as_bytes();
        if b.get(2) != Some(&b'-') || b.get(6) != Some(&b'-') {
            return None;
        }
        let (at, rest) = stamp(line, context)?;
        let (level, rest) = loud_level(rest.trim_start())?;
        let (thread, rest) = group(rest.strip_prefix(' ')?, '[', ']')?;
        let (source, message) = word(rest.strip_prefix(' ')?);
        let named = source.contains('.') || source.contains('[');
        let message = if named { message } else { rest.trim_start() };
        let prefix = Prefix {
            at: Some(at),
            level,
            thread: Some(thread),
            logger: named.then_some(source),
            ..Prefix::default()
        };
        Some(prefix.entry(message))
    }
}

impl LineFormat for JavaUtilLogging {
    fn name(&self) -> &'static str {
        "java.util.logging"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        let b = line.as_bytes();
        if !b.first()?.is_ascii_alphabetic()
            || !b.get(3..5).is_some_and(|s| s.starts_with(b" ") || s == b". ")
        {
            return None;
        }
        let (at, rest) = stamp(line, context)?;
        let message = rest.strip_prefix(' ')?;
        // "class method", nothing else on the line.
        let (class, method) = message.split_once(' ')?;
        let name = |s: &str| {
            !s.is_empty()
                && s.bytes().all(|c| {
                    c.is_ascii_alphanumeric()
                        || matches!(c, b'.' | b'_' | b'$' | b'<' | b'>' | b'[' | b']' | b'/' | b'-')
                })
        };
        if !class.contains('.') || !name(class) || !name(method.trim_end()) {
            return None;
        }
        Some(Entry {
            at: Some(at),
            message: message.into(),
            fields: vec![("logger".into(), class.into())],
            ..Entry::default()
        })
    }
}

impl LineFormat for Jetty {
    fn name(&self) -> &'static str {
        "jetty"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        if !line.starts_with("20") {
            return None;
        }
        let (at, rest) = stamp(line, context)?;
        let (level, rest) = loud_level(rest.strip_prefix(':')?)?;
        let (logger, rest) = rest.strip_prefix(':')?.split_once(':')?;
        let (thread, message) = rest.split_once(": ").or_else(|| rest.split_once(':'))?;
        if logger.contains(' ') || thread.contains(' ') {
            return None;
        }
        let prefix = Prefix {
            at: Some(at),
            level,
            thread: Some(thread).filter(|t| !t.is_empty()),
            logger: Some(logger).filter(|l| !l.is_empty()),
            ..Prefix::default()
        };
        Some(prefix.entry(message))
    }
}

impl LineFormat for GlassFish {
    fn name(&self) -> &'static str {
        "glassfish"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        if let Some(rest) = line.strip_prefix("[#|") {
            let mut parts = rest.splitn(6, '|');
            let (at, _) = stamp(parts.next()?, context)?;
            let level = level(parts.next()?)?;
            let _product = parts.next()?;
            let logger = parts.next()?;
            let thread = parts.next()?;
            let message = parts.next().unwrap_or("");
            let message = message.strip_suffix("|#]").unwrap_or(message);
            let prefix = Prefix {
                at: Some(at),
                level,
                thread: Some(thread),
                logger: Some(logger),
                ..Prefix::default()
            };
            return Some(prefix.entry(message));
        }
        let (at, rest) = bracketed_stamp(line, context)?;
        let (_product, rest) = group(rest.strip_prefix(' ')?, '[', ']')?;
        let (name, rest) = group(rest.strip_prefix(' ')?, '[', ']')?;
        let level = level(name)?;
        let (_code, rest) = group(rest.strip_prefix(' ')?, '[', ']')?;
        let (logger, rest) = group(rest.strip_prefix(' ')?, '[', ']')?;
        let tail = rest.strip_prefix(" [tid: ")?;
        let thread = tail.split(']').next()?;
        let message = rest.split_once("[[").map_or("", |(_, m)| m);
        let prefix = Prefix {
            at: Some(at),
            level,
            thread: Some(thread),
            logger: Some(logger).filter(|l| !l.is_empty()),
            ..Prefix::default()
        };
        Some(prefix.entry(message.strip_suffix("]]").unwrap_or(message).trim_start()))
    }
}

impl LineFormat for WebLogic {
    fn name(&self) -> &'static str {
        "weblogic"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        let rest = line.strip_prefix("####<").or_else(|| line.strip_prefix('<'))?;
        let (first, rest) = rest.split_once("> <")?;
        let (at, _) = stamp(first, context)?;
        let (severity, rest) = rest.split_once("> <")?;
        let level = match severity {
            "Emergency" | "Critical" | "Alert" => Level::Fatal,
            "Error" => Level::Error,
            "Warning" => Level::Warn,
            "Notice" => Level::Notice,
            "Info" => Level::Info,
            _ => Level::Debug,
        };
        let (subsystem, rest) = rest.split_once("> <")?;
        // The code is the last but one: <BEA-101020> <message>.
        let message = match rest.find("<BEA-").or_else(|| rest.find("BEA-")) {
            Some(i) => rest.get(i..)?.split_once("> <").map_or(rest, |(_, m)| m),
            None => rest.rsplit_once("> <").map_or(rest, |(_, m)| m),
        };
        let message = message.trim_end().strip_suffix('>').unwrap_or(message).trim_end();
        Some(Entry {
            at: Some(at),
            level,
            message: message.into(),
            fields: vec![("logger".into(), subsystem.into())],
            ..Entry::default()
        })
    }
}

impl LineFormat for WebSphere {
    fn name(&self) -> &'static str {
        "websphere"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        let inner = line.strip_prefix('[').filter(|i| i.starts_with(|c: char| c.is_ascii_digit()))?;
        let ((mut at, zone), rest) = stamp(inner, context)?;
        // The fraction stands behind a colon: 7:30:12:123 UTC.
        let fraction = rest.strip_prefix(':')?;
        let millis: i64 = fraction.get(..3)?.parse().ok()?;
        at = at.plus(millis.max(0) * 1000);
        let (_zone_name, rest) = fraction.get(3..)?.split_once("] ")?;
        let (thread, rest) = word(rest);
        if thread.len() != 8 || !thread.bytes().all(|c| c.is_ascii_hexdigit()) {
            return None;
        }
        let (logger, rest) = word(rest);
        let (kind, message) = word(rest);
        let level = match kind {
            "F" => Level::Fatal,
            "E" | "R" => Level::Error,
            "W" => Level::Warn,
            "I" | "A" | "O" | "C" => Level::Info,
            _ => return None,
        };
        let prefix = Prefix {
            at: Some((at, zone)),
            level,
            thread: Some(thread),
            logger: Some(logger),
            ..Prefix::default()
        };
        Some(prefix.entry(message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{field, of};

    #[test]
    fn spring_boot_2_and_3() {
        let e = of(
            &SpringBoot,
            "2026-11-24 07:49:00.793  WARN 24117 --- [0.1-8561-exec-4] .w.s.m.s.DefaultHandlerExceptionResolver : Resolved exception: x : y",
        );
        assert_eq!(
            (e.level, e.pid.as_deref(), e.message.as_ref()),
            (Level::Warn, Some("24117"), "Resolved exception: x : y")
        );
        assert_eq!(
            (field(&e, "logger"), field(&e, "thread")),
            (".w.s.m.s.DefaultHandlerExceptionResolver", "0.1-8561-exec-4")
        );
        let e = of(
            &SpringBoot,
            "2026-11-24T07:49:00.793Z ERROR 1 --- [billing] [nio-8080-exec-1] [6f2c9d1e8b7a4c306f2c9d1e8b7a4c30-1b2c3d4e5f607182] o.a.c.c.C.[.[.[/].[dispatcherServlet]    : Servlet.service() threw",
        );
        assert_eq!((e.service.as_deref(), field(&e, "thread")), (Some("billing"), "nio-8080-exec-1"));
        assert_eq!(e.message, "Servlet.service() threw");
        assert_eq!(e.request.unwrap().trace.as_deref(), Some("6f2c9d1e8b7a4c306f2c9d1e8b7a4c30"));
        let e = of(
            &SpringBoot,
            "2026-11-24 07:48:58.058  INFO 24117 --- [           main] com.example.billing.App                  : Starting App v1.8.0",
        );
        assert_eq!((field(&e, "thread"), e.message.as_ref()), ("main", "Starting App v1.8.0"));
    }

    #[test]
    fn tomcat_and_jul() {
        let e = of(
            &Catalina,
            "24-Nov-2026 07:11:46.591 SEVERE [http-nio-127.0.0.1-8501-exec-10] org.apache.catalina.core.StandardWrapperValve.invoke Servlet.service() for servlet [product] in context with path [] threw exception",
        );
        assert_eq!((e.level, e.pid.as_deref()), (Level::Error, Some("http-nio-127.0.0.1-8501-exec-10")));
        assert_eq!(
            e.message,
            "Servlet.service() for servlet [product] in context with path [] threw exception"
        );
        let e = of(
            &JavaUtilLogging,
            "Nov 24, 2026 7:11:46 AM org.apache.catalina.core.StandardWrapperValve invoke",
        );
        assert_eq!(
            (e.at.unwrap().0.to_string().as_str(), e.message.as_ref()),
            ("2026-11-24T07:11:46Z", "org.apache.catalina.core.StandardWrapperValve invoke")
        );
    }

    #[test]
    fn application_servers() {
        let e = of(&Jetty, "2026-11-24 07:30:12.123:WARN:oejs.HttpChannel:qtp1-12: /orders");
        assert_eq!(
            (e.level, e.pid.as_deref(), e.message.as_ref()),
            (Level::Warn, Some("qtp1-12"), "/orders")
        );
        let e = of(
            &GlassFish,
            "[2026-11-24T07:30:12.123+0000] [Payara 5.2022] [SEVERE] [] [javax.enterprise.web] [tid: _ThreadID=31 _ThreadName=http-thread-pool(2)] [timeMillis: 1795505412123] [levelValue: 1000] [[",
        );
        assert_eq!(
            (e.level, field(&e, "logger"), e.message.as_ref()),
            (Level::Error, "javax.enterprise.web", "")
        );
        let e = of(
            &GlassFish,
            "[#|2026-11-24T07:30:12.123+0000|SEVERE|glassfish3.1|javax.enterprise|_ThreadID=17;|StandardWrapperValve[x]: threw|#]",
        );
        assert_eq!((e.level, e.message.as_ref()), (Level::Error, "StandardWrapperValve[x]: threw"));
        let e = of(
            &WebLogic,
            "####<Nov 24, 2026 7:30:12 AM UTC> <Error> <HTTP> <host> <AdminServer> <[ACTIVE] ExecuteThread: '1'> <<WLS Kernel>> <> <> <1795505412123> <BEA-101020> <[ServletContext] Servlet failed with an Exception>",
        );
        assert_eq!(
            (e.level, e.message.as_ref()),
            (Level::Error, "[ServletContext] Servlet failed with an Exception")
        );
        let e = of(
            &WebSphere,
            "[11/24/26, 7:30:12:123 UTC] 0000003a com.ibm.ws.webcontainer                                E SRVE0777E: Exception thrown",
        );
        assert_eq!(
            (e.level, e.at.unwrap().0.to_string().as_str(), e.message.as_ref()),
            (Level::Error, "2026-11-24T07:30:12.123Z", "SRVE0777E: Exception thrown")
        );
    }

    #[test]
    fn lines_of_others_are_refused() {
        let formats: [&dyn LineFormat; 7] =
            [&SpringBoot, &Catalina, &JavaUtilLogging, &Jetty, &GlassFish, &WebLogic, &WebSphere];
        for l in [
            "",
            "2026-11-24 07:30:12,123 ERROR c.e.App - boom",
            "24-Nov-2026 07:11:46 x",
            "Nov 24 07:27:31 web2 catalog[23054]: started",
            "Nov 24 07:27:31 web2.example app: hello there",
            "[2026-11-24 07:30:12] [a] [ERROR] x",
            "<html> <b>",
            "[11/24/26 7:30:12] x",
            "é",
        ] {
            for f in formats {
                assert!(f.read(l, &Context::default()).is_none(), "{} {l}", f.name());
            }
        }
    }
}
