//! PHP's exceptions as OpenTelemetry prints them: in the shape of Java's, names with dots, files without folders.
//!
//! ```text
//! App.Exception.PaymentFailed: card declined
//!  at App.Cart.total(Cart.php:31)
//!  at Symfony.Component.HttpKernel.HttpKernel.handleRaw(HttpKernel.php:181)
//!  at {main}(index.php:5)
//! Caused by: TypeError: Unsupported operand types: string + int
//!  ... 3 more
//! ```
//!
//! Source: open-telemetry/opentelemetry-php `src/SDK/Common/Exception/StackTraceFormatter.php`.

use super::chain::{exception, is_full, say_more};
use super::kind::{headed, type_name};
use super::place::number;
use record::{Exception, Frame};

/// Namespaces of frameworks and libraries: there is no path that would tell them apart.
const FOREIGN: &[&str] = &[
    "Symfony.",
    "Illuminate.",
    "Laravel.",
    "Doctrine.",
    "GuzzleHttp.",
    "Psr.",
    "Slim.",
    "OpenTelemetry.",
    "Composer.",
    "Monolog.",
    "Twig.",
    "Laminas.",
    "Zend.",
    "League.",
    "Yiisoft.",
    "yii.",
    "Cake.",
    "CodeIgniter.",
    "Nette.",
    "React.",
    "Amp.",
    "Predis.",
    "Aws.",
    "Google.",
    "Http.",
    "Nyholm.",
    "Mezzio.",
    "FastRoute.",
    "Ramsey.",
    "Carbon.",
    "PhpAmqpLib.",
    "Drupal.Core.",
    "Drupal.Component.",
    "Magento.Framework.",
];

pub(super) fn read(text: &str) -> Vec<Exception> {
    if !text.contains(".php:") || !text.lines().any(|l| element(l.trim()).is_some()) {
        return Vec::new();
    }
    let mut chain: Vec<Exception> = Vec::new();
    for line in text.lines() {
        let t = line.trim();
        if let (Some(f), Some(e)) = (element(t), chain.last_mut()) {
            if !is_full(std::slice::from_ref(e)) {
                e.frames.push(f);
            }
            continue;
        }
        let caused = t.strip_prefix("Caused by: ");
        if caused.is_some() || chain.is_empty() {
            let head = caused.unwrap_or(t);
            if let Some((kind, message)) = headed(head).or_else(|| type_name(head))
                && !is_full(&chain)
            {
                chain.push(exception(kind, message));
            }
        } else if let Some(e) = chain.last_mut().filter(|e| e.frames.is_empty() && !t.starts_with("... ")) {
            say_more(e, t);
        }
    }
    chain
}

/// `at App.Cart.total(Cart.php:31)`, `at {main}(index.php:5)`.
fn element(t: &str) -> Option<Frame> {
    let (function, rest) = t.strip_prefix("at ")?.split_once('(')?;
    let (file, line) = rest.strip_suffix(')')?.rsplit_once(':')?;
    if !file.ends_with(".php") || function.contains(' ') || file.contains('(') {
        return None;
    }
    let line = Some(number(line)?);
    let in_app = !FOREIGN.iter().any(|f| function.starts_with(f));
    Some(Frame { file: file.to_owned(), line, function: function.to_owned(), in_app, ..Frame::default() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::kinds;

    #[test]
    fn chains_are_read() {
        let chain = read(concat!(
            "App.Exception.PaymentFailed: card declined\n at App.Cart.total(Cart.php:31)\n",
            " at Symfony.Component.HttpKernel.HttpKernel.handleRaw(HttpKernel.php:181)\n at {main}(index.php:5)\n",
            "Caused by: TypeError: Unsupported operand types: string + int\n at App.Price.add(Price.php:12)\n ... 3 more\n",
        ));
        assert_eq!(kinds(&chain), ["App.Exception.PaymentFailed", "TypeError"]);
        assert_eq!(chain[0].frames.iter().map(|f| f.in_app).collect::<Vec<_>>(), [true, false, true]);
        assert_eq!(chain[1].app_frame().map(Frame::place).as_deref(), Some("Price.php:12"));
        assert!(read("   at Ns.Cls.Fn(String a) in /x.php:line 3").is_empty());
    }
}
