//! Is a frame the service's own code, or a library's, a framework's, the runtime's?
//!
//! By path where the language prints paths (`/srv/app/node_modules/express/lib/router.js`), by the qualified
//! name where it prints bare file names (`at
//! org.apache.catalina.core.ApplicationFilterChain.doFilter(ApplicationFilterChain.java:166)`).

use record::literals::Literals;
use std::borrow::Cow;
use std::sync::LazyLock;

/// Parts of paths under which no service keeps its own code.
const FOREIGN_PARTS: &[&str] = &[
    // Node
    "node_modules/",
    "/.yarn/",
    "/.pnpm/",
    "webpack/bootstrap",
    "webpack/runtime",
    "webpack-runtime.js",
    "/.nvm/",
    // Python
    "site-packages/",
    "dist-packages/",
    "/usr/lib/python",
    "/lib/python2.",
    "/lib/python3",
    "<frozen",
    // Cython's, with which libraries are sped up (asyncpg/protocol/protocol.pyx): no path at all.
    ".pyx",
    // Made while it runs, by decorators.
    "<sqlalchemy generated ",
    "<attrs generated ",
    "<decorator-gen-",
    "/lib64/python",
    "/python.zip/",
    ".pex/.deps/",
    // PHP and Ruby share `vendor/`
    "/usr/share/php/",
    "/usr/share/pear/",
    "wp-includes/",
    "wp-admin/",
    "core/lib/Drupal",
    "/web/core/",
    "/docroot/core/",
    "/html/core/",
    "/3rdparty/",
    "typo3/sysext/",
    "/system/core/",
    "/system/libraries/",
    "/system/database/",
    "SYSTEMPATH/",
    "/lib/internal/Magento",
    "/yii/framework/",
    "/libraries/joomla/",
    "/libraries/src/",
    "/gems/",
    "rubygems",
    "/usr/lib/ruby",
    "/lib/ruby/",
    "/rubies/",
    "<internal:",
    "vendor/bundle",
    // Go
    "/usr/local/go/",
    "/usr/lib/go",
    "/usr/lib/golang/",
    "pkg/mod/",
    "/usr/share/gocode/",
    "/go/src/runtime/",
    "/go/src/net/",
    "/libexec/src/",
    "/hostedtoolcache/",
    "_cgo_gotypes.go",
    "/sdk/go1.",
    // Rust
    "/rustc/",
    ".cargo/registry",
    ".cargo/git",
    "library/std",
    "library/core",
    "library/alloc",
    ".rustup/",
    "/cargo/registry/",
    // Elixir, Erlang
    "/lib/erlang/",
    "/lib/elixir/",
    // Perl, Lua
    "/usr/share/perl",
    "/usr/lib/x86_64-linux-gnu/perl",
    "/usr/lib/perl",
    "/perl5/",
    "/usr/local/share/perl",
    "/usr/local/lib/perl",
    "/usr/share/lua",
    "/usr/local/share/lua",
    "/openresty/lualib/",
    "/openresty/luajit/",
    "/openresty/site/",
    "/resty/",
    // C
    "/usr/include/",
    "/sysdeps/",
    "/build/glibc",
    "libc.so",
    "libstdc++",
    "libpthread",
    "ld-linux",
    "/usr/lib/",
    "/lib/x86_64-linux-gnu/",
    "/lib/aarch64-linux-gnu/",
    // Go modules, PHP and Ruby
    "/vendor/",
];

/// Parts of the paths of views compiled to the language's own source.
const VIEW_PARTS: &[&str] = &["storage/framework/views/", "/twig/", "/templates_c/", "/smarty/compile/"];

/// What a path holds of both, found in one pass.
#[derive(Default)]
struct Parts {
    foreign: bool,
    view: bool,
}

impl Parts {
    fn of(path: &str) -> Parts {
        static LITERALS: LazyLock<Literals> =
            LazyLock::new(|| Literals::of(VIEW_PARTS.iter().chain(FOREIGN_PARTS).copied(), false));
        let mut parts = Parts::default();
        LITERALS.each(path, |p| {
            let view = p.word < VIEW_PARTS.len();
            parts.view |= view;
            parts.foreign |= !view;
        });
        parts
    }
}

/// Beginnings of paths (relative ones included) of the same sort.
const FOREIGN_STARTS: &[&str] = &[
    "node:",
    "internal/",
    "native",
    "[native",
    "[internal",
    "<",
    "vendor/",
    "bun:",
    "ext:",
    "deno:",
    "dart:",
    "https://deno.land/",
    "https://jsr.io/",
    "https://esm.sh/",
    "wrapSafe",
    "../sysdeps",
    "./nptl",
    "./csu",
    "./elf",
    "(eval",
    "eval ",
    "evalmachine.",
    "lib/active_",
    "lib/action_",
    "/opt/bitnami/ruby",
];

/// Folders of frameworks beside a PHP site's own code, where paths are printed relative to the site.
const PHP_RELATIVE: &[&str] = &["core/lib/", "core/includes/", "core/modules/", "system/"];

/// Node's own modules, printed without a path before Node 16.
const NODE_FILES: &[&str] = &[
    "events.js",
    "net.js",
    "_http_server.js",
    "_http_client.js",
    "_http_incoming.js",
    "_http_outgoing.js",
    "_http_common.js",
    "_stream_readable.js",
    "_stream_writable.js",
    "_stream_transform.js",
    "timers.js",
    "module.js",
    "vm.js",
    "fs.js",
    "dns.js",
    "stream.js",
    "domain.js",
    "tls.js",
    "_tls_wrap.js",
    "_tls_common.js",
    "zlib.js",
    "child_process.js",
    "util.js",
    "buffer.js",
    "assert.js",
    "http.js",
    "https.js",
    "url.js",
    "querystring.js",
    "bootstrap_node.js",
    "next_tick.js",
    "async_hooks.js",
];

/// WordPress files beside the site's own that no site edits.
const WORDPRESS_FILES: &[&str] = &[
    "wp-settings.php",
    "wp-load.php",
    "wp-blog-header.php",
    "wp-login.php",
    "wp-cron.php",
    "xmlrpc.php",
    "wp-activate.php",
];

/// Launchers of Python and Ruby in a `bin/` folder.
const LAUNCHERS: &[&str] = &[
    "gunicorn",
    "uvicorn",
    "hypercorn",
    "celery",
    "flask",
    "django-admin",
    "waitress-serve",
    "uwsgi",
    "daphne",
    "granian",
    "puma",
    "unicorn",
    "rackup",
    "thin",
    "bundle",
    "bundler",
    "sidekiq",
    "rake",
    "passenger",
    "pumactl",
    "falcon",
    "fastapi",
    "alembic",
    "python",
    "python3",
    "supervisord",
    "plackup",
    "starman",
    "phpunit",
    "irb",
    "ruby",
];

/// Packages of Java, Kotlin, Scala, Groovy and Clojure that are the platform's or a library's.
const JVM: &[&str] = &[
    "java.",
    "javax.",
    "jakarta.",
    "sun.",
    "com.sun.",
    "jdk.",
    "org.apache.",
    "org.springframework.",
    "org.hibernate.",
    "com.zaxxer.",
    "org.postgresql.",
    "com.mysql.",
    "org.mariadb.",
    "oracle.",
    "com.microsoft.sqlserver.",
    "org.h2.",
    "io.netty.",
    "kotlin.",
    "kotlinx.",
    "scala.",
    "akka.",
    "pekko.",
    "reactor.",
    "com.fasterxml.",
    "ch.qos.",
    "org.eclipse.",
    "io.undertow.",
    "org.jboss.",
    "org.wildfly.",
    "io.quarkus.",
    "io.micronaut.",
    "io.vertx.",
    "io.smallrye.",
    "io.ktor.",
    "org.slf4j.",
    "org.glassfish.",
    "groovy.",
    "org.codehaus.",
    "org.grails.",
    "clojure.",
    "ring.",
    "compojure.",
    "reitit.",
    "play.",
    "okhttp3.",
    "okio.",
    "retrofit2.",
    "feign.",
    "redis.clients.",
    "io.lettuce.",
    "com.mongodb.",
    "org.mongodb.",
    "org.elasticsearch.",
    "co.elastic.",
    "com.google.",
    "com.rabbitmq.",
    "org.xnio.",
    "org.aspectj.",
    "net.bytebuddy.",
    "org.mybatis.",
    "org.jooq.",
    "org.flywaydb.",
    "liquibase.",
    "io.grpc.",
    "io.opentelemetry.",
    "io.micrometer.",
    "com.amazonaws.",
    "software.amazon.",
    "rx.",
    "io.reactivex.",
    "org.thymeleaf.",
    "freemarker.",
    "org.quartz.",
    "com.ibm.",
    "weblogic.",
    "org.keycloak.",
    "io.github.resilience4j.",
    "net.sf.",
    "com.netflix.",
    "slick.",
    "zio.",
    "cats.",
    "org.http4s.",
    "org.gradle.",
    "org.junit.",
    "com.alibaba.druid.",
    "com.baomidou.",
    "cn.hutool.",
    "org.redisson.",
    "org.graalvm.",
    "com.caucho.",
    "org.mozilla.javascript.",
    "javassist.",
    "spark.",
    "io.javalin.",
    "org.jetbrains.",
    "com.oracle.",
    "org.jvnet.",
    "org.bouncycastle.",
    "com.hazelcast.",
    "org.ehcache.",
    "org.junit.",
];

/// Namespaces of .NET that are the platform's or a library's.
const DOTNET: &[&str] = &[
    "System.",
    "Microsoft.",
    "Npgsql.",
    "MySql.",
    "MySqlConnector.",
    "StackExchange.Redis.",
    "Newtonsoft.",
    "AutoMapper.",
    "MediatR.",
    "Swashbuckle.",
    "Serilog.",
    "NLog.",
    "Dapper.",
    "RabbitMQ.",
    "MassTransit.",
    "Polly.",
    "Hangfire.",
    "Grpc.",
    "Autofac.",
    "Castle.",
    "FluentValidation.",
    "Oracle.ManagedDataAccess.",
    "MongoDB.",
    "Pomelo.",
    "Confluent.",
    "Amazon.",
    "Azure.",
    "IdentityServer4.",
    "Duende.",
    "Ocelot.",
    "Yarp.",
    "Umbraco.",
    "NHibernate.",
    "ServiceStack.",
    "Refit.",
    "lambda_method",
    "Interop.",
    "Internal.",
    "MS.",
    "FSharp.",
    "Giraffe.",
    "Humanizer.",
    "Marten.",
    "Orleans.",
    "Quartz.",
];

/// Modules of Go that services use and do not write, where GOPATH or `-trimpath` hides which module is the
/// main one.
const GO_MODULES: &[&str] = &[
    "github.com/gin-gonic/",
    "github.com/labstack/",
    "github.com/gorilla/",
    "github.com/jackc/",
    "github.com/go-sql-driver/",
    "github.com/lib/pq",
    "github.com/sirupsen/",
    "github.com/rs/",
    "github.com/redis/",
    "github.com/go-redis/",
    "github.com/go-chi/",
    "github.com/gofiber/",
    "github.com/urfave/",
    "github.com/valyala/",
    "github.com/pkg/errors",
    "github.com/jmoiron/",
    "github.com/spf13/",
    "github.com/prometheus/",
    "github.com/gomodule/",
    "github.com/julienschmidt/",
    "github.com/grpc-ecosystem/",
    "github.com/beego/",
    "github.com/astaxie/",
    "github.com/kataras/",
    "github.com/go-gorm/",
    "github.com/jinzhu/",
    "github.com/aws/",
    "github.com/mattn/",
    "github.com/uptrace/",
    "github.com/99designs/",
    "gorm.io/",
    "google.golang.org/",
    "golang.org/x/",
    "go.uber.org/",
    "go.mongodb.org/",
    "gopkg.in/",
    "k8s.io/",
    "go.opentelemetry.io/",
    "entgo.io/",
    "cloud.google.com/",
];

/// First parts of the paths of Go's standard library, as `-trimpath` prints them (`net/http/server.go`).
const GO_STD: &[&str] = &[
    "runtime",
    "net",
    "database",
    "encoding",
    "reflect",
    "internal",
    "sync",
    "context",
    "os",
    "io",
    "bufio",
    "bytes",
    "fmt",
    "log",
    "html",
    "text",
    "time",
    "strings",
    "strconv",
    "sort",
    "syscall",
    "crypto",
    "compress",
    "archive",
    "errors",
    "mime",
    "path",
    "math",
    "regexp",
    "slices",
    "maps",
    "testing",
    "unicode",
    "container",
    "iter",
    "hash",
    "image",
    "vendor",
];

/// Crates whose frames appear in Rust backtraces without being the service.
const RUST_CRATES: &[&str] = &[
    "core::",
    "std::",
    "alloc::",
    "tokio::",
    "hyper::",
    "hyper_util::",
    "axum::",
    "axum_core::",
    "tower::",
    "tower_http::",
    "tower_service::",
    "actix_web::",
    "actix_rt::",
    "actix_http::",
    "actix_server::",
    "actix_service::",
    "rocket::",
    "warp::",
    "rayon::",
    "rayon_core::",
    "futures_util::",
    "futures_core::",
    "futures_channel::",
    "futures_executor::",
    "backtrace::",
    "sqlx::",
    "sqlx_core::",
    "diesel::",
    "reqwest::",
    "serde_json::",
    "serde::",
    "anyhow::",
    "eyre::",
    "color_eyre::",
    "tracing::",
    "tonic::",
    "h2::",
    "mio::",
    "async_std::",
    "smol::",
    "poem::",
    "salvo::",
    "panic_unwind::",
    "rust_",
    "__rust",
    "___rust",
    "_start",
    "__libc",
    "start_thread",
    "clone",
    "clone3",
    "_rust",
    "tokio_postgres::",
    "deadpool",
    "bb8::",
    "r2d2::",
    "redis::",
];

/// Is a frame at this file and function the service's own code? Either may be empty; both are as printed.
pub fn in_app(file: &str, function: &str) -> bool {
    let file: Cow<'_, str> = if file.contains('\\') { file.replace('\\', "/").into() } else { file.into() };
    let file = file.as_ref();
    if file.is_empty() {
        return !function.is_empty() && named(function);
    }
    let parts = Parts::of(file);
    if parts.view && is_compiled_view(file) {
        return true;
    }
    let base = file.rsplit('/').next().unwrap_or(file);
    let extension = base.rsplit_once('.').map_or("", |(_, e)| e);
    match extension {
        "java" | "kt" | "scala" | "groovy" | "clj" | "kts" if !file.contains('/') => return jvm(function),
        "cs" | "vb" | "fs" if starts_any(function, DOTNET) => return false,
        "go" => return go(file, function, &parts),
        "php" | "module" | "inc" if starts_any(file, PHP_RELATIVE) => return false,
        "ex" | "erl" | "exs" if file.starts_with("deps/") || file.contains("/deps/") => return false,
        "rs" if !function.is_empty() && foreign_crate(function) => return false,
        _ => {}
    }
    if parts.foreign || starts_any(file, FOREIGN_STARTS) {
        return false;
    }
    if !file.contains('/') && NODE_FILES.contains(&file) {
        return false;
    }
    if file.contains("/bin/") && LAUNCHERS.contains(&base) {
        return false;
    }
    if WORDPRESS_FILES.contains(&base) {
        return false;
    }
    // Rails names the gem before the path: "activerecord (7.0.4) lib/active_record/…".
    if let Some((_, after)) = file.split_once(" (")
        && after.as_bytes().first().is_some_and(u8::is_ascii_digit)
    {
        return false;
    }
    true
}

/// Views compiled to the language's own source: the path leads into a cache, the fault is in the site's
/// template.
fn is_compiled_view(file: &str) -> bool {
    file.contains("storage/framework/views/")
        || (file.contains("/twig/") && (file.contains("/cache/") || file.contains("var/cache")))
        || file.contains("/templates_c/")
        || file.contains("/smarty/compile/")
}

fn starts_any(text: &str, list: &[&str]) -> bool {
    let first = text.as_bytes().first();
    list.iter().any(|p| p.as_bytes().first() == first && text.starts_with(p))
}

fn jvm(function: &str) -> bool {
    !function.is_empty() && !starts_any(function, JVM) && !is_generated(function)
}

/// Proxies and accessors that the JVM writes itself.
fn is_generated(function: &str) -> bool {
    function.starts_with("$Proxy")
        || function.starts_with("com.sun.proxy.")
        || function.contains("$$FastClassBySpringCGLIB")
        || function.contains("GeneratedMethodAccessor")
        || function.contains("$$EnhancerBySpringCGLIB")
        || function.contains("$$SpringCGLIB")
}

/// By name alone: JVM frames without a source file, .NET frames, Rust frames, Go frames.
fn named(function: &str) -> bool {
    let function = function.trim_start_matches(['<', '&', '*', '(']);
    if function.contains("::") {
        return !foreign_crate(function)
            && !function.starts_with("__")
            && !function.starts_with("v8::")
            && !function.starts_with("node::");
    }
    if starts_any(function, JVM) || starts_any(function, DOTNET) || is_generated(function) {
        return false;
    }
    // Without any qualification nothing is known of it.
    if !function.contains('.') {
        return false;
    }
    // "net/http.(*conn).serve", "runtime.gopanic"
    if let Some((path, _)) = function.split_once('.')
        && (path.contains('/') || path.bytes().all(|c| c.is_ascii_lowercase()))
        && GO_STD.contains(&path.split('/').next().unwrap_or(path))
    {
        return false;
    }
    !starts_any(function, GO_MODULES)
        && !function.starts_with("process.")
        && !function.starts_with("Promise.")
        && !function.starts_with("JSON.")
        && !function.starts_with("Array.")
        && !function.starts_with("Object.")
        && !function.starts_with("new ")
        && !function.starts_with("async ")
}

fn foreign_crate(function: &str) -> bool {
    let function = function.trim_start_matches(['<', '&', '*', '(', ' ']);
    starts_any(function, RUST_CRATES)
}

fn go(file: &str, function: &str, parts: &Parts) -> bool {
    if parts.foreign || file.contains("@v") {
        return false;
    }
    let known = |text: &str| starts_any(text, GO_MODULES);
    if known(function) || known(file) || file.split_once("/src/").is_some_and(|(_, inside)| known(inside)) {
        return false;
    }
    if function.starts_with("runtime.") || function.starts_with("runtime/") {
        return false;
    }
    // Written by cgo and the compiler.
    if file.starts_with('<') || file.starts_with("_cgo") {
        return false;
    }
    let relative = !file.starts_with('/') && file.as_bytes().get(1) != Some(&b':') && file.contains('/');
    !(relative && GO_STD.contains(&file.split('/').next().unwrap_or(file)) && !function.starts_with("main."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_code_of_every_language() {
        for (file, function) in [
            ("/srv/app/tax.py", "net"),
            ("/var/www/shop/app/Cart.php", "App\\Cart->total"),
            ("/var/www/shop/storage/framework/views/3f2a.php", "{closure}"),
            ("/var/www/x/var/cache/prod/twig/7a/7a1.php", "__TwigTemplate_1->block_body"),
            ("/var/www/harbour/wp-content/plugins/harbour-rates/class-hr-quote.php", "HR_Quote::with_tax"),
            ("/srv/orders/services/address.js", "formatAddress"),
            ("lib/pricing.js", "total"),
            ("PriceService.java", "com.example.shop.service.PriceService.shippingCents"),
            ("/srv/booking/rates.go", "main.(*WeeklyDiscount).Apply"),
            ("/srv/gopath/src/tickets/handlers/handlers.go", "percent"),
            ("app/controllers/orders_controller.rb", "show"),
            ("src/invoices.rs", "ledger_api::invoices::show"),
            ("/src/Shop/Cart.cs", "Shop.Cart.Total"),
            ("", "Shop.Cart.Total"),
            ("lib/shop/cart.ex", "Shop.Cart.total/1"),
            ("C:\\inetpub\\shop\\Cart.cs", "Shop.Cart.Total"),
        ] {
            assert!(in_app(file, function), "{file} {function}");
        }
    }

    #[test]
    fn foreign_code_of_every_language() {
        for (file, function) in [
            ("", ""),
            ("/usr/lib/python3.11/socketserver.py", "finish_request"),
            ("/srv/x/venv/lib/python3.11/site-packages/django/core/handlers/base.py", "_get_response"),
            ("C:\\app\\venv\\Lib\\site-packages\\flask\\app.py", "wsgi_app"),
            ("<frozen importlib._bootstrap>", "_find_and_load"),
            ("asyncpg/protocol/protocol.pyx", "bind_execute"),
            (
                "/srv/x/<sqlalchemy generated warned() wrapper for sqlalchemy.orm.session.Session._flush>",
                "_flush",
            ),
            ("/srv/x/venv/bin/gunicorn", "<module>"),
            ("/var/www/shop/vendor/laravel/framework/src/Illuminate/Database/Connection.php", "run"),
            ("/var/www/harbour/wp-includes/shortcodes.php", "do_shortcode"),
            ("/var/www/web/core/lib/Drupal/Core/Database/Connection.php", "query"),
            ("/srv/orders/node_modules/express/lib/router/layer.js", "handle"),
            ("node:internal/process/task_queues", "process.processTicksAndRejections"),
            ("events.js", "emitErrorNT"),
            ("internal/modules/cjs/loader.js", "Module.load"),
            ("Method.java", "java.lang.reflect.Method.invoke"),
            ("", "jdk.internal.reflect.NativeMethodAccessorImpl.invoke0"),
            ("/usr/lib/go-1.19/src/net/http/server.go", "net/http.(*conn).serve"),
            ("/usr/share/gocode/src/github.com/gin-gonic/gin/context.go", "(*Context).Next"),
            (
                "/root/go/pkg/mod/github.com/labstack/echo/v4@v4.11.4/echo.go",
                "github.com/labstack/echo/v4.(*Echo).ServeHTTP",
            ),
            ("net/http/server.go", "net/http.(*conn).serve"),
            ("/usr/lib/ruby/3.1.0/json/common.rb", "parse"),
            (
                "activerecord (7.0.4) lib/active_record/connection_adapters/postgresql_adapter.rb",
                "new_client",
            ),
            (
                "/rustc/9fc6b43126469e3858e2fe86cafb4f0fd5068869/library/core/src/panicking.rs",
                "core::panicking::panic_fmt",
            ),
            ("", "tokio::runtime::task::core::Core<T,S>::poll"),
            ("", "System.Linq.Enumerable.First[TSource]"),
            ("/_/src/Program.cs", "Microsoft.AspNetCore.Hosting.Run"),
        ] {
            assert!(!in_app(file, function), "{file} {function}");
        }
    }
}
