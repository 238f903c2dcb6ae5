//! Lua errors, as OpenResty's `lua-nginx-module`, Kong, Redis scripts and the interpreter print them.
//!
//! ```text
//! lua entry thread aborted: runtime error: /srv/edge/lua/router.lua:14: attempt to index local 'route' (a nil value)
//! stack traceback:
//! coroutine 0:
//!     /srv/edge/lua/router.lua: in function 'pick'
//!     content_by_lua(nginx.conf:31):3: in main chunk
//! ```
//!
//! Source: lua-nginx-module `src/ngx_http_lua_util.c`, Lua's `lauxlib.c` (`luaL_traceback`).

use super::chain::{exception, frame};
use super::place::number;
use crate::needle::Needle;
use memchr::memmem;
use record::{Exception, Frame};

pub(super) fn read(text: &str) -> Vec<Exception> {
    const SAID: [&str; 6] = [
        "runtime error: ",
        "failed to load external Lua file",
        "failed to load inlined Lua code: ",
        "error loading module ",
        "lua: ",
        "Error running script ",
    ];
    static LUA: Needle = Needle::new("lua");
    if !LUA.is_in(text) {
        return Vec::new();
    }
    let found = SAID.iter().find_map(|w| Some((w, memmem::find(text.as_bytes(), w.as_bytes())?)));
    let Some((words, at)) = found else { return Vec::new() };
    let rest = text.get(at + words.len()..).unwrap_or_default();
    let (said, stack) = rest.split_once("stack traceback:").unwrap_or((rest, ""));
    let said = said.trim();
    let mut e = exception("lua error", said);
    if let Some((file, n, message)) = located(said) {
        e = exception("lua error", message);
        e.frames.push(frame(file, Some(n), ""));
    }
    for line in stack.lines() {
        if let Some(f) = entry(line) {
            if let Some(first) = e.frames.first_mut()
                && first.function.is_empty()
                && first.file == f.file
                && f.line.is_none_or(|n| first.line == Some(n))
            {
                first.function = f.function;
            } else {
                e.frames.push(f);
            }
        }
    }
    if e.frames.is_empty() && stack.is_empty() { Vec::new() } else { vec![e] }
}

pub(super) fn starts(line: &str) -> bool {
    line.starts_with("lua entry thread aborted: ")
        || (line.starts_with("lua: ") && located(line.get(5..).unwrap_or_default()).is_some())
}

pub(super) fn continues(line: &str) -> bool {
    let t = line.trim();
    t == "stack traceback:"
        || (line.starts_with("coroutine ") && t.ends_with(':') && t.len() < 16)
        || entry(line).is_some()
}

/// `/srv/edge/lua/router.lua:14: attempt to …`, `content_by_lua(nginx.conf:31):3: …`
fn located(text: &str) -> Option<(&str, u32, &str)> {
    let mut from = 0;
    while let Some(found) = text.get(from..)?.find(':') {
        let at = from + found;
        from = at + 1;
        let rest = text.get(from..)?;
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let file = text.get(..at)?;
        if digits > 0
            && rest.get(digits..).is_some_and(|r| r.starts_with(": "))
            && (file.contains(".lua") || file.contains("_by_lua") || file.starts_with("[string"))
        {
            return Some((file, number(rest)?, rest.get(digits + 2..)?));
        }
    }
    None
}

/// `\t/srv/edge/lua/router.lua:14: in function 'pick'`
fn entry(line: &str) -> Option<Frame> {
    if !line.starts_with(['\t', ' ']) {
        return None;
    }
    // nginx puts what it tells of the request behind the last frame.
    let line = line.split(", client: ").next().unwrap_or(line);
    let (place, function) = line.trim().split_once(": in ")?;
    let function = function.strip_prefix("function ").unwrap_or(function).trim_matches(['\'', '<', '>', '`']);
    let (file, n) = match place.rsplit_once(':') {
        Some((f, n)) if !n.is_empty() && n.bytes().all(|c| c.is_ascii_digit()) => (f, number(n)),
        _ => (place, None),
    };
    let known =
        file.contains(".lua") || file.contains("_by_lua") || file == "[C]" || file.starts_with("[string");
    if file == "[C]" {
        return Some(Frame { file: file.to_owned(), function: function.to_owned(), ..Frame::default() });
    }
    known.then(|| frame(file, n, function))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openresty() {
        let chain = read(concat!(
            "lua entry thread aborted: runtime error: /srv/edge/lua/router.lua:14: attempt to index local 'route' (a nil value)\nstack traceback:\ncoroutine 0:\n",
            "\t/srv/edge/lua/router.lua: in function 'pick'\n\tcontent_by_lua(nginx.conf:31):3: in main chunk, client: 10.0.5.11, server: shop\n"
        ));
        assert_eq!(
            (chain[0].kind.as_str(), chain[0].message.as_str()),
            ("lua error", "attempt to index local 'route' (a nil value)")
        );
        assert_eq!(chain[0].frames[0], frame("/srv/edge/lua/router.lua", Some(14), "pick"));
        assert_eq!(chain[0].frames.len(), 2);
        assert_eq!(chain[0].frames[1].function, "main chunk");
        // A service's own code may lie in the folder that OpenResty is installed in.
        let own = read(
            "lua: /usr/local/openresty/nginx/lua/auth.lua:42: bad\nstack traceback:\n\t/usr/local/openresty/lualib/resty/jwt.lua:7: in function 'verify'\n",
        );
        assert_eq!(own[0].frames.iter().map(|f| f.in_app).collect::<Vec<_>>(), [true, false]);
        assert!(continues("\t/srv/edge/lua/router.lua: in function 'pick'"));
        assert!(read("runtime error: index out of range").is_empty());
    }
}
