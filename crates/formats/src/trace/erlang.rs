//! Erlang's crash reports, and stack traces printed as terms (Cowboy, Ranch, `logger`).
//!
//! ```text
//!     exception error: no match of right hand side value {error,enoent}
//!       in function  shop_order_h:init/2 (/srv/shop/src/shop_order_h.erl, line 27)
//!       in call from cowboy_handler:execute/2 (/srv/shop/_build/default/lib/cowboy/src/cowboy_handler.erl, line 37)
//!
//! … exit with reason {badmatch,{error,enoent}} and stacktrace [{shop_order_h,init,2,[{file,"src/shop_order_h.erl"},{line,27}]}, …]
//! ```
//!
//! Source: OTP's `lib/stdlib/src/erl_error.erl` and `proc_lib.erl`, Cowboy's `cowboy_stream_h.erl`.

use super::chain::{exception, frame, is_full};
use super::place::number;
use crate::needle::Needle;
use record::{Exception, Frame};

/// Libraries that a service uses and does not write, by the folder that they are built in.
const FOREIGN_FOLDERS: &[&str] = &[
    "cowboy",
    "cowlib",
    "ranch",
    "gun",
    "hackney",
    "epgsql",
    "pgapp",
    "poolboy",
    "eredis",
    "jsx",
    "jiffy",
    "elli",
    "mochiweb",
    "webmachine",
    "yaws",
    "nova",
    "lager",
    "gproc",
    "brod",
    "amqp_client",
    "ibrowse",
    "katana",
    "worker_pool",
    "hpack",
];

/// Modules of Erlang/OTP itself, which are compiled without a folder.
const FOREIGN_MODULES: &[&str] = &[
    "application",
    "application_master",
    "base64",
    "binary",
    "calendar",
    "code",
    "dets",
    "dict",
    "erl_eval",
    "erlang",
    "ets",
    "file",
    "filename",
    "gen",
    "gen_event",
    "gen_server",
    "gen_statem",
    "gen_tcp",
    "gen_udp",
    "httpc",
    "httpd",
    "inet",
    "io",
    "io_lib",
    "json",
    "lists",
    "logger",
    "maps",
    "mnesia",
    "orddict",
    "proc_lib",
    "proplists",
    "queue",
    "rand",
    "re",
    "rpc",
    "sets",
    "ssl",
    "string",
    "supervisor",
    "sys",
    "timer",
    "unicode",
    "uri_string",
    "xmerl",
    "zlib",
];

pub(super) fn read(text: &str) -> Vec<Exception> {
    static SOURCE: Needle = Needle::new(".erl");
    if !SOURCE.is_in(text) {
        return Vec::new();
    }
    let mut chain: Vec<Exception> = Vec::new();
    for line in text.lines() {
        let t = line.trim();
        if let Some((class, said)) = head(t) {
            if is_full(&chain) {
                break;
            }
            chain.push(exception(class, said));
        } else if let (Some(f), Some(e)) = (entry(line), chain.last_mut()) {
            e.frames.push(f);
        }
    }
    chain.retain(|e| !e.frames.is_empty());
    if chain.is_empty() { terms(text).into_iter().collect() } else { chain }
}

pub(super) fn continues(line: &str) -> bool {
    line.starts_with(' ') && (head(line.trim()).is_some() || entry(line).is_some())
}

/// `exception error: no match of right hand side value {error,enoent}`
fn head(t: &str) -> Option<(&str, &str)> {
    let (class, said) = t.strip_prefix("exception ")?.split_once(": ")?;
    matches!(class, "error" | "exit" | "throw").then_some((class, said))
}

/// `  in function  shop_order_h:init/2 (src/shop_order_h.erl, line 27)`
fn entry(line: &str) -> Option<Frame> {
    let t = line.trim_start();
    let rest = t.strip_prefix("in function ").or_else(|| t.strip_prefix("in call from "))?.trim();
    let (function, place) = rest.split_once(" (").unwrap_or((rest, ""));
    let (file, n) = place.strip_suffix(')').and_then(|p| p.rsplit_once(", line ")).unwrap_or_default();
    Some(owned(file, number(n), function))
}

/// `{badmatch,{error,enoent}} and stacktrace [{shop_order_h,init,2,[{file,"src/shop_order_h.erl"},{line,27}]}]`, over any lines.
fn terms(text: &str) -> Option<Exception> {
    const PLACE: &str = "[{file,\"";
    let (before, mut rest) = text.split_at_checked(text.find(PLACE)?)?;
    let mut e = exception("error", reason(before));
    e.frames.push(term(before, rest)?);
    while let Some(next) = rest.get(PLACE.len()..).and_then(|r| r.split_at_checked(r.find(PLACE)?)) {
        let Some(f) = term(next.0, next.1) else { break };
        e.frames.push(f);
        rest = next.1;
    }
    Some(e)
}

/// A frame: `{shop_order_h,init,2,` before, `[{file,"src/shop_order_h.erl"},{line,27}]` behind.
fn term(before: &str, behind: &str) -> Option<Frame> {
    let call = before.get(before.rfind('{')? + 1..)?;
    let mut parts = call.split(',').map(str::trim);
    let (module, function, arity) = (parts.next()?, parts.next()?, parts.next()?);
    let is_name = |s: &str| {
        !s.is_empty()
            && s.len() < 128
            && s.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-/@'.".contains(&b))
    };
    if !is_name(module) || !is_name(function) {
        return None;
    }
    let (file, rest) = behind.strip_prefix("[{file,\"")?.split_once('"')?;
    // Right behind, if at all: of a stack without lines nothing is searched to its end.
    let line = rest.trim_start_matches(['}', ',', ' ', '\n', '\r', '\t']).strip_prefix("{line,");
    // Arguments stand in the place of their number where none matched.
    let arity = number(arity).map_or(String::new(), |n| format!("/{n}"));
    Some(owned(file, line.and_then(number), &format!("{module}:{function}{arity}")))
}

/// What was raised, before its stack: what follows `reason` on the same line, or the term that is opened there.
fn reason(before: &str) -> &str {
    let before = before.get(..before.rfind('[').unwrap_or(before.len())).unwrap_or(before);
    let from = ["exit with reason ", "Reason: ", "reason: ", "Error in process "].iter();
    let found = from.filter_map(|w| Some(before.rfind(w)? + w.len())).max();
    let said = found.and_then(|at| before.get(at..)).unwrap_or(before);
    let said = said.split(" and stacktrace").next().unwrap_or(said);
    said.lines().next().unwrap_or(said).trim().trim_end_matches(',')
}

fn owned(file: &str, line: Option<u32>, function: &str) -> Frame {
    let mut f = frame(file, line, function);
    let module = function.split(':').next().unwrap_or(function);
    let is_foreign = |name: &str| FOREIGN_FOLDERS.contains(&name.split('-').next().unwrap_or(name));
    let folders: Vec<&str> = file.split('/').collect();
    let is_library = folders.windows(2).any(|w| matches!(w, ["lib" | "deps", name] if is_foreign(name)));
    let is_of_one =
        |name: &str| module.strip_prefix(name).is_some_and(|r| r.is_empty() || r.starts_with('_'));
    let is_otp = FOREIGN_MODULES.contains(&module);
    f.in_app &= !file.is_empty() && !is_otp && !is_library && !FOREIGN_FOLDERS.iter().copied().any(is_of_one);
    f
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crash_report() {
        let chain = read(concat!(
            "  crasher:\n    initial call: cowboy_stream_h:request_process/3\n    pid: <0.812.0>\n",
            "    exception error: no match of right hand side value {error,enoent}\n",
            "      in function  shop_order_h:init/2 (/srv/shop/src/shop_order_h.erl, line 27)\n",
            "      in call from cowboy_handler:execute/2 (/srv/shop/_build/default/lib/cowboy/src/cowboy_handler.erl, line 37)\n",
            "      in call from proc_lib:init_p_do_apply/3 (proc_lib.erl, line 241)\n    ancestors: [<0.811.0>]\n",
        ));
        assert_eq!((chain.len(), chain[0].kind.as_str()), (1, "error"));
        assert_eq!(chain[0].message, "no match of right hand side value {error,enoent}");
        let own: Vec<_> = chain[0].frames.iter().map(|f| (f.place(), f.in_app)).collect();
        assert_eq!(own[0], ("/srv/shop/src/shop_order_h.erl:27".to_owned(), true));
        assert_eq!((own.len(), own[1].1, own[2].1), (3, false, false));
    }

    #[test]
    fn a_stack_as_terms() {
        let chain = read(concat!(
            "Ranch listener http, connection process <0.811.0>, stream 1 had its request process <0.812.0> exit with reason ",
            "{badmatch,{error,enoent}} and stacktrace [{shop_order_h,init,2,[{file,\"src/shop_order_h.erl\"},{line,27}]},",
            "{cowboy_handler,execute,2,\n  [{file,\"/srv/shop/_build/default/lib/cowboy/src/cowboy_handler.erl\"},\n   {line,37}]}]",
        ));
        assert_eq!(chain[0].message, "{badmatch,{error,enoent}}");
        assert_eq!(chain[0].frames[0], frame("src/shop_order_h.erl", Some(27), "shop_order_h:init/2"));
        assert_eq!((chain[0].frames.len(), chain[0].frames[1].in_app), (2, false));
        for text in [
            "loaded shop.erl",
            "[{file,\"a.erl\"}]",
            "{a,b,1,[{file,\"",
            "[{file,\"x.erl\"",
            "exception error: x .erl",
        ] {
            assert!(read(text).is_empty(), "{text}");
        }
    }
}
