//! All languages together: nothing panics however a trace is cut, no language takes another's trace, healthy
//! lines pass.

use super::*;

/// One real trace per language and shape.
const TRACES: &[(&str, &str)] = &[
    (
        "python",
        "Traceback (most recent call last):\n  File \"/srv/app/a.py\", line 11, in decode\n    return raw.decode(\"utf-8\")\n           ^^^^^^^^^^\nUnicodeDecodeError: 'utf-8' codec can't decode byte 0xe4\n\nDuring handling of the above exception, another exception occurred:\n\nTraceback (most recent call last):\n  File \"/srv/app/b.py\", line 3, in get\n    x\nshop.errors.Bad: é bad\n",
    ),
    (
        "python group",
        "  + Exception Group Traceback (most recent call last):\n  |   File \"/srv/app/main.py\", line 5, in handler\n  | ExceptionGroup: unhandled (1 sub-exception)\n  +-+---------------- 1 ----------------\n    | Traceback (most recent call last):\n    |   File \"/srv/app/stock.py\", line 9, in fetch\n    | KeyError: 'sku'\n    +------------------------------------\n",
    ),
    (
        "php",
        "PHP Fatal error:  Uncaught PDOException: SQLSTATE[HY000] [2002] Connection refused in /srv/app/Db.php:9\nStack trace:\n#0 /srv/app/Db.php(9): PDO->__construct()\n#1 {main}\n\nNext App\\StoreDown: store is down in /srv/app/Store.php:20\nStack trace:\n#0 /srv/index.php(3): App\\Store->open()\n#1 {main}\n  thrown in /srv/app/Store.php on line 20",
    ),
    (
        "monolog",
        "x {\"exception\":\"[object] (App\\\\Outer(code: 0): a at /srv/a.php:1)\n[stacktrace]\n#0 /srv/c.php(3): f()\n#1 {main}\n\n[previous exception] [object] (PDOException(code: 2002): é at /srv/b.php:2)\n[stacktrace]\n#0 {main}\n\"} ",
    ),
    (
        "javascript",
        "TypeError: Cannot read properties of undefined (reading 'street')\n    at formatAddress (/srv/orders/address.js:3:39)\n    at async /srv/orders/routes.js:9:20 {\n  code: 'E_ADDRESS',\n  [cause]: Error: connect ECONNREFUSED 127.0.0.1:8414\n      at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1611:16)\n}\n",
    ),
    (
        "ejs",
        "TypeError: /srv/views/product.ejs:6\n    5| <div>\n >> 6|   <span><%= product.promo.label %></span>\n\nCannot read properties of null (reading 'label')\n    at eval (\"/srv/views/product.ejs\":18:40)\n",
    ),
    (
        "java",
        "java.lang.IllegalStateException: no cart\n\tat com.example.Cart.total(Cart.java:12)\n\tat java.base/java.lang.Thread.run(Thread.java:840)\nCaused by: java.net.ConnectException: Connection refused\n\tat com.example.Stock.get(Stock.java:3)\n\t... 34 more\n",
    ),
    (
        "go",
        "http: panic serving 127.0.0.1:60336: runtime error: index out of range [5] with length 3\ngoroutine 117 [running]:\nnet/http.(*conn).serve.func1()\n\t/usr/local/go/src/net/http/server.go:1850 +0xbf\nmain.(*Rates).Get(...)\n\t/srv/booking/rates.go:19\n",
    ),
    (
        "gin",
        "[Recovery] 2026/11/24 - 07:32:14 panic recovered:\nruntime error: integer divide by zero\n/srv/tickets/handlers.go:76 (0x780333)\n\tpercent: func percent(n, of int) int { return n * 100 / of }\n",
    ),
    (
        "ruby",
        "ActionView::Template::Error (undefined method `upcase' for nil:NilClass):\n    5: <p>Made in <%= @product.origin.upcase %></p>\n  \napp/views/products/show.html.erb:5\napp/controllers/products_controller.rb:12:in `show'\n",
    ),
    (
        "ruby interpreter",
        "/srv/app/boot.rb:3:in 'Integer#/': divided by 0 (ZeroDivisionError)\n\tfrom /srv/app/boot.rb:9:in '<main>'\n",
    ),
    (
        "rust",
        "thread 'main' panicked at src/invoices.rs:16:31:\ninvoice without lines\nstack backtrace:\n   0: core::panicking::panic_fmt\n             at /rustc/59807616e1fa2540724bfbac14d7976d7e4a3860/library/core/src/panicking.rs:80:14\n   1: ledger::invoices::total\n             at ./src/invoices.rs:16:31\nnote: run with `RUST_BACKTRACE=full`\n",
    ),
    (
        "dotnet",
        "System.InvalidOperationException: Cart 12 cannot be priced\n ---> Npgsql.NpgsqlException (0x80004005): Failed to connect\n   at Shop.Tax.Net(Cart cart) in /src/Shop/Tax.cs:line 12\n   --- End of inner exception stack trace ---\n   at Shop.PriceService.Total(Cart cart) in C:\\src\\PriceService.cs:line 31\n",
    ),
    (
        "elixir",
        "** (exit) an exception was raised:\n    ** (ArithmeticError) bad argument in arithmetic expression\n        (shop 0.1.0) lib/shop/cart.ex:12: Shop.Cart.total/1\n",
    ),
    (
        "perl",
        "no rates at /srv/lib/Rates.pm line 4.\n\tRates::get(\"nl\") called at /srv/lib/Cart.pm line 20\n",
    ),
    (
        "lua",
        "lua entry thread aborted: runtime error: /srv/edge/lua/router.lua:14: attempt to index local 'route' (a nil value)\nstack traceback:\n\t/srv/edge/lua/router.lua: in function 'pick'\n",
    ),
    (
        "native",
        "==4242==ERROR: AddressSanitizer: heap-use-after-free on address 0x602000000010\n    #0 0x401233 in render /srv/imgd/render.c:88:3\n    #1 0x401300 in main /srv/imgd/main.c:12:5\n",
    ),
    (
        "dart",
        "Unhandled exception:\nBad state: no rates\n#0      Cart.total (package:shop/cart.dart:12:5)\n<asynchronous suspension>\n",
    ),
    ("crystal", "Unhandled exception: no rates (NoRates)\n  from src/cart.cr:12:5 in 'total'\n"),
    (
        "haskell",
        "shop: no rates\nCallStack (from HasCallStack):\n  error, called at src/Cart.hs:12:9 in main:Cart\n",
    ),
];

fn root(text: &str) -> (String, String) {
    let chain = read(text);
    let place = chain.iter().rev().find_map(|e| e.app_frame()).map(record::Frame::place).unwrap_or_default();
    (chain.last().map(|e| e.kind.clone()).unwrap_or_default(), place)
}

#[test]
fn each_language_has_its_own_trace() {
    let expected = [
        ("UnicodeDecodeError", "/srv/app/a.py:11"),
        ("KeyError", "/srv/app/stock.py:9"),
        ("PDOException", "/srv/app/Db.php:9"),
        ("PDOException", "/srv/b.php:2"),
        ("Error", "/srv/orders/address.js:3"),
        ("TypeError", "/srv/views/product.ejs:6"),
        ("java.net.ConnectException", "Stock.java:3"),
        ("panic", "/srv/booking/rates.go:19"),
        ("panic", "/srv/tickets/handlers.go:76"),
        ("ActionView::Template::Error", "app/views/products/show.html.erb:5"),
        ("ZeroDivisionError", "/srv/app/boot.rb:3"),
        ("panic", "./src/invoices.rs:16"),
        ("Npgsql.NpgsqlException", "/src/Shop/Tax.cs:12"),
        ("ArithmeticError", "lib/shop/cart.ex:12"),
        ("die", "/srv/lib/Rates.pm:4"),
        ("lua error", "/srv/edge/lua/router.lua:14"),
        ("AddressSanitizer", "/srv/imgd/render.c:88"),
        ("Exception", "package:shop/cart.dart:12"),
        ("NoRates", "src/cart.cr:12"),
        ("error", "src/Cart.hs:12"),
    ];
    assert_eq!(expected.len(), TRACES.len());
    for ((name, text), (kind, place)) in TRACES.iter().zip(expected) {
        assert_eq!(root(text), (kind.to_owned(), place.to_owned()), "{name}");
    }
}

#[test]
fn a_log_line_before_the_trace_changes_nothing() {
    for (name, text) in TRACES {
        let said = format!("could not serve the request\n{text}");
        assert_eq!(root(&said), root(text), "{name}");
    }
}

#[test]
fn written_on_one_line_it_is_the_same_trace() {
    for (name, text) in TRACES.iter().filter(|(n, _)| !matches!(*n, "monolog" | "haskell" | "dart")) {
        let escaped =
            text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n").replace('\t', "\\t");
        let syslog = text.replace('\n', "#012").replace('\t', "#011");
        assert_eq!(root(&syslog), root(text), "{name} syslog");
        if ["\\n#", "\\n    at ", "\\n  File", "\\n\\t", "\\nStack"].iter().any(|m| escaped.contains(m)) {
            assert_eq!(root(&escaped), root(text), "{name} escaped");
        }
    }
}

#[test]
fn cut_anywhere_nothing_panics_and_limits_hold() {
    for (_, text) in TRACES {
        for (cut, _) in text.char_indices() {
            let (head, tail) = text.split_at(cut);
            for part in [head, tail] {
                for e in read(part) {
                    assert!(
                        e.frames.len() <= chain::FRAMES_MAX && e.message.len() <= chain::MESSAGE_BYTES_MAX
                    );
                }
                let line = part.lines().next().unwrap_or_default();
                let last = part.lines().last().unwrap_or_default();
                let _ =
                    (starts(line), continues(line), joins(line, last), joins(last, line), in_app(line, last));
            }
        }
        // Every byte replaced in turn, so that brackets and quotes do not match.
        for (at, c) in text.char_indices() {
            for other in ['(', '"', '\n', 'é', ':'] {
                let mut bent = String::from(&text[..at]);
                bent.push(other);
                bent.push_str(&text[at + c.len_utf8()..]);
                let _ = read(&bent);
            }
        }
    }
}

#[test]
fn torn_traces_keep_the_app_frame() {
    for (name, text) in TRACES
        .iter()
        .filter(|(n, _)| matches!(*n, "python" | "php" | "javascript" | "java" | "go" | "ruby" | "dotnet"))
    {
        // The first line is lost, as in a pasted excerpt.
        let tail = text.split_once('\n').unwrap().1;
        assert!(read(tail).iter().any(|e| e.app_frame().is_some()), "{name}");
    }
}

#[test]
fn lines_of_a_trace_hold_together() {
    for (name, text) in
        TRACES.iter().filter(|(n, _)| !matches!(*n, "python group" | "dart" | "haskell" | "php" | "monolog"))
    {
        let mut lines = text.lines().filter(|l| !l.trim().is_empty());
        let mut previous = lines.next().unwrap();
        for line in lines {
            assert!(continues(line) || joins(previous, line), "{name}: {previous:?} then {line:?}");
            previous = line;
        }
    }
}

#[test]
fn healthy_lines_are_no_traces() {
    for line in [
        "198.51.100.7 - - [24/Nov/2026:07:00:00 +0000] \"GET /orders/12 HTTP/1.1\" 200 512 \"-\" \"curl/8.5.0\"",
        "Started GET \"/products/41\" for 198.51.100.66 at 2026-11-24 07:38:35 +0000",
        "  Parameters: {\"id\"=>\"24\"}",
        "  Rendered orders/show.html.erb (Duration: 1.0ms | Allocations: 873)",
        "Completed 500 Internal Server Error in 15ms (Views: 2.8ms | ActiveRecord: 5.3ms | Allocations: 10403)",
        "Tomcat started on port 8080 (http) with context path '/'",
        "HikariPool-1 - Start completed.",
        "Connection accepted from 127.0.0.1:51234 #7 (3 connections now open)",
        "checkpoint complete: wrote 947 buffers (46.2%); 0 WAL file(s) added, 0 removed, 0 recycled",
        "listening on IPv4 address \"127.0.0.1\", port 8540",
        "[GIN] 2026/11/24 - 07:32:14 | 200 |     137.4µs |  198.51.100.7 | GET      \"/tickets/7\"",
        "NOTICE: PHP message: shop: no route for GET /robots.txt",
        "worker 3 exited normally",
        "upstream timed out (110: Connection timed out) while reading response header from upstream",
        "PHP 8.2.1 Development Server (http://localhost:8000) started",
        "Fatal: see above",
    ] {
        assert!(read(line).is_empty(), "{line}");
        assert!(!starts(line), "starts {line}");
        assert!(!continues(line), "continues {line}");
    }
}

#[test]
fn endless_repetition_is_read_to_its_end() {
    // Quadratic reading of any of these takes minutes: the test run would hang here.
    for piece in [
        "Caused by: ",
        "#0 /x.php(3): f()\n",
        "    at x (/y.js:1:2)\n",
        "(code: ",
        " in /x",
        ": at (",
        "[Error: ",
        "PHP message: ",
        "\tat a.b.C.d(",
        "** (",
        "Error: a in ",
    ] {
        let text = piece.repeat(200_000 / piece.len());
        assert!(read(&text).len() <= text.len() / piece.len() + 1, "{piece:?}");
    }
}
