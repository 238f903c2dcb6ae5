//! Error logs of web servers and logs of applications, as text: each format reads one line as the head of an
//! entry.

mod apache;
mod codeigniter;
mod dotnet;
mod drupal;
mod elixir;
mod envoy;
mod fly;
mod general;
mod go;
mod haproxy;
mod java;
mod lambda;
mod litespeed;
mod monolog;
pub mod nginx;
mod node;
mod pairs;
mod passenger;
mod perl;
mod php;
mod prefix;
mod python;
pub mod ruby;
mod rust;
mod swift;
mod yii;

use crate::LineFormat;

/// Those that write pairs of their own: tried before the reader of any pairs.
pub static PAIR_FORMATS: &[&dyn LineFormat] = &[&fly::FlyProxy];

/// The formats of this room, in the order in which they are tried: what only one program writes before what
/// many could.
pub static FORMATS: &[&dyn LineFormat] = &[
    // Servers and runtimes.
    &nginx::NginxError,
    &apache::ApacheError,
    &php::PhpFpm,
    &php::PhpSlow,
    &php::PhpErrorLog,
    &haproxy::HaproxyMessage,
    &envoy::EnvoyLog,
    &litespeed::LiteSpeed,
    &passenger::Passenger,
    // PHP applications.
    &monolog::Monolog,
    &codeigniter::CodeIgniter,
    &yii::Yii,
    &drupal::DrupalSyslog,
    // Ruby.
    &ruby::RubyLogger,
    &ruby::RailsTagged,
    &ruby::Sidekiq,
    // The JVM.
    &java::SpringBoot,
    &java::Catalina,
    &java::JavaUtilLogging,
    &java::Jetty,
    &java::GlassFish,
    &java::WebLogic,
    &java::WebSphere,
    // Lambda before Node and Go: its columns are parted by tabs too.
    &lambda::Lambda,
    // Node.
    &node::Nest,
    &node::PinoPretty,
    &node::Pm2Daemon,
    &node::NextJs,
    &node::Meteor,
    // Go.
    &go::Klog,
    &go::ZapConsole,
    &go::ZerologConsole,
    &go::GoLog,
    &go::LogrusTerminal,
    // Rust, .NET, Elixir, Perl, Swift.
    &rust::Tracing,
    &rust::EnvLogger,
    &dotnet::DotnetConsole,
    &dotnet::Serilog,
    &dotnet::NLog,
    &dotnet::AspNetEvent,
    &dotnet::WindowsEvent,
    &elixir::ElixirLogger,
    &elixir::OtpReport,
    &perl::Mojolicious,
    &perl::Dancer,
    &swift::Vapor,
    &swift::SwiftLog,
    // Python; uvicorn's and basicConfig's heads are little more than a level.
    &python::Tornado,
    &python::Gunicorn,
    &python::Flask,
    &python::Celery,
    &python::Loguru,
    &python::Structlog,
    &python::Odoo,
    &python::Uwsgi,
    &python::Uvicorn,
    &python::BasicConfig,
    // Any layout.
    &general::General,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Context;

    fn who(line: &str) -> &'static str {
        let context = Context { reference: record::Time::from_secs(1_795_507_200), ..Context::default() };
        FORMATS.iter().find(|f| f.read(line, &context).is_some()).map_or("", |f| f.name())
    }

    #[test]
    fn each_line_is_read_by_its_own_format() {
        for (format, line) in [
            (
                "nginx error",
                "2026/11/24 07:21:16 [error] 18756#18756: *514 upstream timed out (110: Connection timed out)",
            ),
            (
                "apache error",
                "[Tue Nov 24 07:13:31.697237 2026] [core:error] [pid 1:tid 2] AH00124: Request exceeded the limit",
            ),
            (
                "apache error",
                "[2026-11-24 07:30:14.669193] [mpm_event:notice] [24818:140090636683136] AH00489: Apache",
            ),
            (
                "php-fpm",
                "[24-Nov-2026 08:09:59] WARNING: [pool www] server reached pm.max_children setting (5)",
            ),
            ("php error_log", "[24-Nov-2026 08:08:21 UTC] PHP Fatal error:  Uncaught Error: x in /a.php:2"),
            ("haproxy message", "Server be_orders/app1 is DOWN, reason: Layer4 connection problem"),
            ("envoy", "[2026-11-24 07:46:58.407][12][warning][config] [source/common/x.h:191] stream closed"),
            ("monolog", "[2026-11-24 07:47:42] production.ERROR: Connection refused"),
            ("gunicorn", "[2026-11-24 07:20:05 +0000] [17398] [ERROR] Exception in worker process"),
            ("mojolicious", "[2026-11-24 07:38:08.53] [1234] [error] boom"),
            ("flask", "[2026-11-24 07:11:40,147] ERROR in app: Exception on /invoices/7/pay [POST]"),
            (
                "celery",
                "[2026-11-24 07:30:12,123: ERROR/ForkPoolWorker-1] Task a.b raised unexpected: OSError()",
            ),
            ("tornado", "[E 261124 08:05:02 web:1871] Uncaught exception GET /baskets/7 (198.51.100.201)"),
            ("ruby logger", "F, [2026-11-24T07:38:37.871659 #31831] FATAL -- : boom"),
            ("spring boot", "2026-11-24 07:49:00.793  WARN 24117 --- [exec-4] a.b.C : x"),
            (
                "tomcat",
                "24-Nov-2026 07:11:46.591 SEVERE [http-nio-8080-exec-10] org.apache.X.invoke Servlet.service() threw",
            ),
            ("nest", "[Nest] 12738  - 11/24/2026, 7:05:03 AM   ERROR [ExceptionsHandler] boom"),
            ("pino-pretty", "[07:05:03.123] ERROR (wallet/12602 on app2): request errored"),
            ("pm2", "2026-11-24T07:05:15: PM2 log: App [booking:0] exited with code [1] via signal [SIGINT]"),
            ("klog", "E1124 07:21:05.123456       1 controller.go:142] error syncing"),
            ("zap console", "2026/11/24 07:46:58.407\tERROR\thttp.log.error\tdial tcp\t{\"status\": 502}"),
            ("go log", "2026/11/24 07:21:16 http: panic serving 127.0.0.1:60336: boom"),
            ("logrus", "ERRO[0012] charge failed error=EOF"),
            (
                "rust tracing",
                "2026-11-24T07:43:54.285868Z  INFO request: ledger_api: finished processing request status=200",
            ),
            ("env_logger", "[2026-11-24T07:30:12Z ERROR shop::db] pool timed out"),
            (".net console", "fail: Microsoft.AspNetCore.Server.Kestrel[13]"),
            ("serilog", "2026-11-24 07:05:03.123 +01:00 [ERR] boom"),
            ("nlog", "2026-11-24 07:05:03.1234|ERROR|Shop.Orders|charge failed"),
            ("elixir", "07:32:12.123 request_id=F9x2KQJmPZJ3zwQAAABj [error] boom"),
            ("loguru", "2026-11-24 07:30:12.123 | ERROR    | shop.cart:total:42 - no price"),
            ("structlog", "2026-11-24 07:30:12 [error    ] request_failed                 path=/x"),
            (
                "odoo",
                "2026-11-24 07:30:12,123 1234 ERROR shopdb odoo.http: Exception during request handling.",
            ),
            ("uvicorn", "ERROR:    Exception in ASGI application"),
            ("python logging", "ERROR:root:boom"),
            ("text", "2026-11-24 07:30:12,407 ERROR django.request: Internal Server Error: /x"),
            ("text", "2026-11-24 07:27:36.161 [info] portal started"),
            ("text", "[2026-11-24T07:01:40.557] [INFO] payments - payments 3.1.7 started"),
        ] {
            assert_eq!(who(line), format, "{line}");
        }
    }

    #[test]
    fn lines_inside_traces_and_dumps_are_heads_of_nothing() {
        for line in [
            "Traceback (most recent call last):",
            "  File \"/srv/app.py\", line 43, in book",
            "    raise ValueError(\"x\")",
            "ValueError: Invalid isoformat string: '31-12-2026'",
            "During handling of the above exception, another exception occurred:",
            "    at charge (/srv/lib/pay.js:12:9)",
            "  code: 'ECONNREFUSED',",
            "Caused by: java.net.ConnectException: Connection refused",
            "\tat com.example.App.main(App.java:3)",
            "\t... 34 more",
            "#3 /srv/vendor/x.php(12): A\\B->c()",
            "[stacktrace]",
            "[previous exception] [object] (PDOException(code: 2002): x at /a.php:3)",
            "\"}",
            "goroutine 7 [running]:",
            "main.charge(0x0)",
            "\t/srv/main.go:12 +0x1d",
            "   3: core::panicking::panic",
            "             at /rustc/abc/library/core/src/panicking.rs:52:5",
            "   at Shop.Orders.Post() in /src/Orders.cs:line 12",
            "app/models/order.rb:6:in `greeting'",
            "    (shop 0.1.0) lib/shop.ex:12: Shop.total/1",
            "LINE 1: SELECT x FROM y",
            "DETAIL:  Key (id)=(7) already exists.",
            "ERROR:  relation \"x\" does not exist",
            "      Connection id \"0HMV5LQ\", Request id \"0HMV5LQ:00000002\": An unhandled exception",
            "[0x00007f7c6f613320] curl_exec() /var/www/x.php:15",
            "",
        ] {
            assert_eq!(who(line), "", "{line}");
        }
    }

    #[test]
    fn no_cut_of_any_line_makes_a_format_fall() {
        let context = Context::default();
        for line in [
            "2026/11/24 07:21:16 [error] 1#1: *5 é, client: 1.2.3.4, server: é, request: \"GET /é HTTP/1.1\", upstream: \"http://é/\", host: \"é\"",
            "[24-Nov-2026 08:16:16] WARNING: [pool é] child 1 said into stderr: \"é\"",
            "2026-11-24 07:30:12,123 1234 ERROR é odoo.é: [é] (é) <é> é=é | é - é : é",
            "[Nest] 12738  - 11/24/2026, 7:05:03 AM   ERROR [é] é +1ms",
            "2026-11-24T07:43:54Z ERROR é{é=é}: é::é: é",
            "####<Nov 24, 2026 7:30:12 AM UTC> <Error> <é> <é> <BEA-1> <é>",
            "https://é|1795503912|php|1.2.3.4|https://é/é|é|0||é",
        ] {
            for (i, _) in line.char_indices() {
                for f in FORMATS {
                    let _ = f.read(&line[..i], &context);
                    let _ = f.read(&line[i..], &context);
                }
            }
        }
    }
}
