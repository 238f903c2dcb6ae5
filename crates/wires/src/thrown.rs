//! Exceptions as tracers send them: a type, a message and the stack as the language prints it.

use record::Exception;

/// Bytes of a stack that are read; a Java trace with its causes is about 30 KB.
const STACK_BYTES_MAX: usize = 256 * 1024;

/// The chain of exceptions, outermost first. Any of the three may be empty; nothing comes of three empty ones.
///
/// Most stacks open with type and message (Python's end with them). Those of PHP (`#0 /srv/web/index.php(12): pay()`), of Go
/// (`goroutine 7 [running]:`) and of some Ruby tracers are frames alone: the type and message are put before them.
pub(crate) fn exceptions(kind: &str, message: &str, stack: &str) -> Vec<Exception> {
    let stack = head(stack, STACK_BYTES_MAX);
    let mut chain = if stack.trim().is_empty() { Vec::new() } else { formats::trace::read(stack) };
    if !chain.iter().any(|e| !e.frames.is_empty()) && !stack.trim().is_empty() {
        let headed = if stack.trim_start().starts_with("#0 ") {
            format!("PHP Fatal error:  Uncaught {kind}: {message}\nStack trace:\n{stack}")
        } else {
            format!("{kind}: {message}\n{stack}")
        };
        let again = formats::trace::read(&headed);
        if again.iter().any(|e| !e.frames.is_empty()) {
            chain = again;
        }
    }
    if kind.is_empty() && message.is_empty() {
        return chain;
    }
    let said = message.lines().next().unwrap_or("").trim();
    let short = Exception { kind: kind.to_owned(), ..Exception::default() };
    let meant = |e: &Exception| {
        !kind.is_empty() && e.short_kind() == short.short_kind()
            || !said.is_empty() && e.message.contains(said)
    };
    let is_known = chain.iter().any(meant);
    let Some(first) = chain.first_mut() else {
        return vec![Exception {
            kind: kind.to_owned(),
            message: message.to_owned(),
            frames: record::Frames::default(),
        }];
    };
    // Frames without a head, or with that of the printer (`goroutine 7`).
    if !is_known || first.kind.is_empty() {
        kind.clone_into(&mut first.kind);
    }
    if !is_known || first.message.is_empty() && meant(first) {
        message.clone_into(&mut first.message);
    }
    chain
}

/// The beginning of a text, cut at a character.
pub(crate) fn head(text: &str, bytes_max: usize) -> &str {
    let mut end = bytes_max.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_without_a_head_get_type_and_message() {
        let php = "#0 /srv/web/public/index.php(31): App\\Cart->total(NULL)\n#1 {main}";
        let found = exceptions("TypeError", "Unsupported operand types: string + int", php);
        assert_eq!(found[0].short_kind(), "TypeError");
        assert_eq!(found[0].frames[0].place(), "/srv/web/public/index.php:31");

        let go = "goroutine 41 [running]:\nruntime/debug.Stack()\n\t/usr/local/go/src/runtime/debug/stack.go:26 +0x5e\nmain.price(...)\n\t/srv/shop/main.go:42\nmain.handle({0x1, 0x2}, 0xc0000b2000)\n\t/srv/shop/main.go:31 +0x1b\n";
        let found = exceptions("*errors.errorString", "no price for SKU-7", go);
        assert_eq!(
            (found[0].kind.as_str(), found[0].message.as_str()),
            ("*errors.errorString", "no price for SKU-7")
        );
        assert_eq!(found[0].app_frame().map(record::Frame::place).as_deref(), Some("/srv/shop/main.go:42"));
    }

    #[test]
    fn the_stack_alone_suffices() {
        let java = "java.lang.IllegalStateException: no rate\n\tat shop.Tax.rate(Tax.java:41)\nCaused by: java.net.ConnectException: Connection refused\n\tat java.base/sun.nio.ch.Net.pollConnect(Native Method)\n";
        let found = exceptions("java.lang.IllegalStateException", "no rate", java);
        assert_eq!(found.last().map(|e| e.message.as_str()), Some("Connection refused"));
        assert_eq!(exceptions("", "", java).len(), 2);
        assert!(exceptions("", "", "").is_empty());
        assert_eq!(exceptions("KeyError", "'sku'", "").len(), 1);
    }

    #[test]
    fn ruby_and_net_are_read_as_they_print() {
        let ruby = "/srv/shop/app.rb:12:in 'total': undefined method '*' for nil (NoMethodError)\n\tfrom /srv/shop/app.rb:30:in 'block in <main>'\n";
        let found = exceptions("NoMethodError", "undefined method '*' for nil", ruby);
        assert_eq!(found[0].frames[0].place(), "/srv/shop/app.rb:12");
        let net = "System.NullReferenceException: Object reference not set to an instance of an object.\n   at Shop.Cart.Total(Order o) in /src/Cart.cs:line 18\n   at Shop.Program.<>c.<Main>b__0_1() in /src/Program.cs:line 31\n";
        let found = exceptions(
            "System.NullReferenceException",
            "Object reference not set to an instance of an object.",
            net,
        );
        assert_eq!(found[0].frames[0].place(), "/src/Cart.cs:18");
    }
}
