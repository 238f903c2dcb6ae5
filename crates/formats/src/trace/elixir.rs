//! Elixir and Erlang exceptions, as Logger prints those of a process that ended.
//!
//! ```text
//! ** (ArithmeticError) bad argument in arithmetic expression
//!     (shop 0.1.0) lib/shop/cart.ex:12: Shop.Cart.total/1
//!     (phoenix 1.7.10) lib/phoenix/router.ex:432: Phoenix.Router.__call__/5
//! ```
//!
//! Source: Elixir's `lib/elixir/lib/exception.ex` (`format`, `format_stacktrace_entry`),
//! `lib/logger/lib/logger/translator.ex`.

use super::chain::{exception, frame, say_more};
use super::place::number;
use memchr::memmem;
use record::{Exception, Frame};

/// Applications that a service uses and does not write.
const FOREIGN: &[&str] = &[
    "elixir",
    "stdlib",
    "kernel",
    "logger",
    "mix",
    "eex",
    "ex_unit",
    "iex",
    "phoenix",
    "phoenix_html",
    "phoenix_live_view",
    "phoenix_ecto",
    "phoenix_pubsub",
    "phoenix_template",
    "phoenix_view",
    "plug",
    "plug_cowboy",
    "plug_crypto",
    "cowboy",
    "cowlib",
    "ranch",
    "bandit",
    "thousand_island",
    "websock_adapter",
    "ecto",
    "ecto_sql",
    "db_connection",
    "postgrex",
    "myxql",
    "tds",
    "decimal",
    "jason",
    "poison",
    "finch",
    "mint",
    "tesla",
    "hackney",
    "httpoison",
    "req",
    "nimble_pool",
    "oban",
    "telemetry",
    "redix",
    "gettext",
    "swoosh",
    "absinthe",
    "absinthe_plug",
    "broadway",
    "gen_stage",
    "ssl",
    "crypto",
    "inets",
    "public_key",
    "ash",
    "guardian",
    "sentry",
    "hpax",
    "brod",
    "amqp",
    "mongodb_driver",
    "exqlite",
    "ecto_sqlite3",
    "compiler",
    "erts",
];

pub(super) fn read(text: &str) -> Vec<Exception> {
    let t = text.as_bytes();
    if memmem::find(t, b"** (").is_none()
        && memmem::find(t, b".ex:").is_none()
        && memmem::find(t, b".erl").is_none()
    {
        return Vec::new();
    }
    let mut chain: Vec<Exception> = Vec::new();
    let mut in_stack = true;
    for line in text.lines() {
        let t = line.trim();
        if let Some(f) = entry(line) {
            if chain.is_empty() {
                chain.push(Exception::default());
            }
            if let Some(e) = chain.last_mut() {
                e.frames.push(f);
            }
            in_stack = true;
            continue;
        }
        if let Some((kind, message)) = head(t) {
            // "(exit) an exception was raised:" only says that what follows ended the process.
            if message == "an exception was raised:" {
                continue;
            }
            chain.push(exception(kind, message));
            in_stack = false;
            continue;
        }
        if t.starts_with("Last message")
            || t.starts_with("State: ")
            || t.starts_with("Function: ")
            || t.starts_with("Initial Call:")
            || t.is_empty()
        {
            in_stack = true;
            continue;
        }
        if !in_stack && let Some(e) = chain.last_mut() {
            say_more(e, line);
        }
    }
    let headless = chain.iter().all(|e| e.kind.is_empty());
    if headless && chain.iter().all(|e| e.frames.iter().all(|f| f.function.is_empty())) {
        return Vec::new();
    }
    chain
}

pub(super) fn starts(line: &str) -> bool {
    head(line).is_some()
}

pub(super) fn continues(line: &str) -> bool {
    entry(line).is_some()
        || (line.starts_with(' ') && head(line.trim_start()).is_some())
        || [
            "Last message: ",
            "Last message (from",
            "State: ",
            "Initial Call: ",
            "Ancestors: [",
            "Message Queue Length: ",
            "Start Call: ",
            "Server: ",
            "Request: GET ",
            "Request: POST ",
        ]
        .iter()
        .any(|s| line.starts_with(s))
}

/// Below a process' obituary comes the exception.
pub(super) fn closes(previous: &str, line: &str) -> bool {
    let p = previous.trim_end();
    (p.ends_with(" terminating")
        || p.ends_with(" terminated")
        || p.starts_with("Request: ")
        || p.starts_with("Server: ")
        || p.ends_with("raised:"))
        && head(line.trim_start()).is_some()
}

/// `** (ArithmeticError) bad argument in arithmetic expression`
fn head(t: &str) -> Option<(&str, &str)> {
    let rest = t.get(memmem::find(t.as_bytes(), b"** (")? + 4..)?;
    let (kind, message) = rest.split_once(')')?;
    let named = !kind.is_empty()
        && kind.len() < 200
        && kind.bytes().all(|c| {
            c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b' ' | b'#' | b'<' | b'>' | b':')
        });
    let said = message.strip_prefix(' ')?;
    // "(EXIT from #PID<0.95.0>) …" is an exit too.
    (named && (!kind.contains(' ') || kind.starts_with("EXIT")))
        .then_some((kind.split(' ').next().unwrap_or(kind), said))
}

/// `    (shop 0.1.0) lib/shop/cart.ex:12: Shop.Cart.total/1`
fn entry(line: &str) -> Option<Frame> {
    let t = line.trim_start();
    if t.len() == line.len() {
        return None;
    }
    let (app, rest) = match t.strip_prefix('(').and_then(|r| r.split_once(") ")) {
        Some((app, rest)) => (app.split(' ').next().unwrap_or(app), rest),
        None => ("", t),
    };
    if app.is_empty() && t.starts_with('(') {
        return None;
    }
    let Some((place, function)) = rest.split_once(": ") else {
        // Without a place: "(stdlib 4.0) :gen_server.loop/7".
        let arity = rest.rsplit_once('/').is_some_and(|(f, n)| f.contains('.') && number(n).is_some());
        return (arity && !app.is_empty() && !rest.contains(' ')).then(|| owned(app, "", None, rest));
    };
    let (file, n) = place.rsplit_once(':')?;
    let source = [".ex", ".exs", ".erl", ".eex", ".heex", ".leex"].iter().any(|e| file.ends_with(e))
        || file == "nofile";
    if !source || file.contains(' ') || !n.bytes().all(|c| c.is_ascii_digit()) {
        return None;
    }
    Some(owned(app, file, number(n), function))
}

fn owned(app: &str, file: &str, line: Option<u32>, function: &str) -> Frame {
    let mut f = frame(file, line, function);
    f.in_app = match app {
        "" => f.in_app && !function.starts_with(':') && !file.ends_with(".erl"),
        _ => !FOREIGN.contains(&app) && !file.is_empty(),
    };
    f
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_that_raised() {
        let chain = read(concat!(
            "#PID<0.1204.0> running ShopWeb.Endpoint (connection #PID<0.1203.0>, stream id 1) terminated\nServer: localhost:4000 (http)\nRequest: GET /cart/12\n",
            "** (exit) an exception was raised:\n    ** (ArithmeticError) bad argument in arithmetic expression\n",
            "        (shop 0.1.0) lib/shop/cart.ex:12: Shop.Cart.total/1\n        (phoenix 1.7.10) lib/phoenix/router.ex:432: Phoenix.Router.__call__/5\n        (stdlib 5.2) proc_lib.erl:241: :proc_lib.init_p_do_apply/3\n"
        ));
        assert_eq!(chain.len(), 1);
        assert_eq!(
            (chain[0].kind.as_str(), chain[0].message.as_str()),
            ("ArithmeticError", "bad argument in arithmetic expression")
        );
        assert_eq!(chain[0].frames.iter().map(|f| f.in_app).collect::<Vec<_>>(), [true, false, false]);
        assert_eq!(
            (chain[0].frames[0].place().as_str(), chain[0].frames[0].function.as_str()),
            ("lib/shop/cart.ex:12", "Shop.Cart.total/1")
        );
    }

    #[test]
    fn servers_and_exits() {
        let chain = read(
            "GenServer Shop.Stock terminating\n** (DBConnection.ConnectionError) connection not available and request was dropped from queue after 2993ms. This means requests\n\nLast message: :refresh\nState: %{}",
        );
        assert_eq!(chain[0].kind, "DBConnection.ConnectionError");
        assert!(chain[0].message.ends_with("This means requests"));
        let chain = read(
            "** (exit) exited in: GenServer.call(Shop.Stock, :get, 5000)\n    ** (EXIT) time out\n    (elixir 1.15.7) lib/gen_server.ex:1074: GenServer.call/3\n",
        );
        assert_eq!(chain.iter().map(|e| e.kind.as_str()).collect::<Vec<_>>(), ["exit", "EXIT"]);
        assert_eq!(chain[1].message, "time out");
    }

    #[test]
    fn lines_and_refusals() {
        assert!(continues("    (shop 0.1.0) lib/shop/cart.ex:12: Shop.Cart.total/1"));
        assert!(closes("GenServer Shop.Stock terminating", "** (Shop.NoStock) none left"));
        for text in ["", "2 ** (3)", "(see lib/x.ex:12: here)", "loaded app.erl"] {
            assert!(read(text).is_empty(), "{text}");
        }
    }
}
