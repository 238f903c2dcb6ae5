//! Lines of several pods in one stream: `kubectl logs --prefix`, and stern.
//!
//! ```text
//! [pod/orders-7d4b9c5f66-x2k8p/app] listening on :8080
//! orders-7d4b9c5f66-x2k8p app listening on :8080
//! ```
//!
//! Sources: kubectl `pkg/cmd/logs` (`[pod/NAME/CONTAINER] `), stern's default template. With `--timestamps`
//! the time follows.

use super::timestamps::nano_stamp;
use crate::{Context, Wrapped, Wrapper};
use std::borrow::Cow;

/// `kubectl logs --prefix`.
pub(super) struct KubectlPrefix;

/// stern's default output.
pub(super) struct Stern;

impl Wrapper for KubectlPrefix {
    fn name(&self) -> &'static str {
        "kubectl prefix"
    }

    fn unwrap<'a>(&self, line: &'a str, context: &Context) -> Option<Wrapped<'a>> {
        let (names, rest) = line.strip_prefix("[pod/")?.split_once(']')?;
        let (pod, container) = names.split_once('/')?;
        if !is_name(pod) || !is_name(container) {
            return None;
        }
        let inner = rest.strip_prefix(' ').or_else(|| rest.is_empty().then_some(rest))?;
        Some(of_pod(pod, container, inner, context))
    }
}

impl Wrapper for Stern {
    fn name(&self) -> &'static str {
        "stern"
    }

    fn unwrap<'a>(&self, line: &'a str, context: &Context) -> Option<Wrapped<'a>> {
        let (first, rest) = line.split_once(' ')?;
        let (pod, rest) = if is_pod(first) {
            (first, rest)
        } else {
            // With --all-namespaces the namespace comes first.
            let (pod, rest) = rest.split_once(' ').filter(|(pod, _)| is_name(first) && is_pod(pod))?;
            (pod, rest)
        };
        let (container, inner) = rest.split_once(' ').unwrap_or((rest, ""));
        is_name(container).then(|| of_pod(pod, container, inner, context))
    }
}

fn of_pod<'a>(pod: &'a str, container: &'a str, inner: &'a str, context: &Context) -> Wrapped<'a> {
    let (at, inner) = match nano_stamp(inner, context) {
        Some((at, rest)) => (Some(at), rest),
        None => (None, inner),
    };
    Wrapped {
        inner: Cow::Borrowed(inner),
        at,
        service: Some(Cow::Borrowed(container)),
        node: Some(Cow::Borrowed(pod)),
        ..Wrapped::default()
    }
}

/// A name of Kubernetes (RFC 1123).
fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 253
        && text.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, b'-' | b'.'))
        && text.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric)
}

/// A pod of a deployment: `NAME-HASH-FIVE`, hash and five of the letters that Kubernetes uses for random
/// names (apimachinery `rand.SafeEncodeString`: no vowels, no 0, 1, 3).
fn is_pod(text: &str) -> bool {
    let safe = |s: &str| s.bytes().all(|c| b"bcdfghjklmnpqrstvwxz2456789".contains(&c));
    let mut parts = text.rsplitn(3, '-');
    let (Some(five), Some(hash), Some(name)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    five.len() == 5 && safe(five) && (7..=10).contains(&hash.len()) && safe(hash) && is_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Option<(String, String, String)> {
        let c = Context::default();
        let w = KubectlPrefix.unwrap(line, &c).or_else(|| Stern.unwrap(line, &c))?;
        Some((w.node?.into(), w.service?.into(), w.inner.into()))
    }

    #[test]
    fn pod_and_container() {
        let want = |inner: &str| Some(("orders-7d4b9c5f66-x2k8p".into(), "app".into(), inner.into()));
        assert_eq!(read("[pod/orders-7d4b9c5f66-x2k8p/app] listening"), want("listening"));
        assert_eq!(read("[pod/orders-7d4b9c5f66-x2k8p/app] 2026-11-24T07:05:02.584725130Z x"), want("x"));
        assert_eq!(read("orders-7d4b9c5f66-x2k8p app   at x"), want("  at x"));
        assert_eq!(read("shop orders-7d4b9c5f66-x2k8p app x"), want("x"));
    }

    #[test]
    fn brackets_and_words_of_others() {
        for l in ["[pod/x] y", "[error] x", "[pod/A B/c] x", "a-b-c d e", "well-documented-thing is here", ""]
        {
            assert_eq!(read(l), None, "{l}");
        }
    }
}
