//! Access logs of AWS' Application Load Balancer and its classic forerunner.
//!
//! ```text
//! http 2026-11-24T07:38:46.898922Z app/prod-shop/50dc6c495c0c9188 203.0.113.77:24446 10.20.0.47:8080 0.000 0.001 0.000 500 500 300 155 "GET http://shop.example.com:80/search?q=desk HTTP/1.1" "curl/8.5.0" - - arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/shop/73e2d6bc24d8a067 "Root=1-6b053f06-9ec69a679113fb221ec862c4" "-" "-" 0 2026-11-24T07:38:46.898032Z "forward" "-" "-" "10.20.0.47:8080" "500" "-" "-"
//! 2026-11-24T07:38:46.945958Z my-elb 192.168.131.39:2817 10.0.0.1:80 0.000073 0.001048 0.000057 504 - 0 29 "GET http://example.com:80/ HTTP/1.1" "curl/8.5.0" - -
//! ```
//!
//! Times of -1 were not reached: no connection to the target, or the client left. Status 460: the client
//! closed first; 561 and 463 are the balancer's own. Sources: AWS documentation, "Access logs for your
//! Application Load Balancer" (entries, error reason codes), "Access logs for your Classic Load Balancer".

use super::line::{Draft, asked, set_target};
use super::token::{Shape, Tokens};
use super::value;
use crate::mention::address;
use crate::{Context, Entry, LineFormat, time};
use record::Ending;
use std::borrow::Cow;

/// AWS' balancers.
pub(super) struct Alb;

impl LineFormat for Alb {
    fn name(&self) -> &'static str {
        "aws elb"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        let (kind, after) = line.split_once(' ')?;
        let alb = matches!(kind, "http" | "https" | "h2" | "grpcs" | "ws" | "wss");
        if !alb && !kind.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        let body = if alb { after } else { line };
        let stamp = time::stamp(body, context.reference)?;
        let mut tokens = Tokens::new(body);
        tokens.seek(stamp.len);
        let _balancer = tokens.next()?.text;
        let client = tokens.next()?.text;
        let target = tokens.next()?.text;
        let mut took = Some(0u64);
        for _ in 0..3 {
            let part = tokens.next()?.text;
            if part != "-1" && value::scaled(part, 1).is_none() {
                return None;
            }
            took = took.zip(value::scaled(part, 1_000_000)).map(|(sum, us)| sum + us);
        }
        let (status, target_status) = (tokens.next()?.text, tokens.next()?.text);
        if value::status(status).is_none() && status != "-" {
            return None;
        }
        tokens.next()?;
        tokens.next()?;
        let line_text = tokens.next().filter(|t| t.shape == Shape::Quoted)?.text;
        let mut draft = Draft { at: Some((stamp.time, stamp.zone)), ..Draft::default() };
        let request = &mut draft.request;
        // "- http://host:80- " is written where no request could be read.
        if let Some((method, target, _)) = asked(line_text) {
            request.method = Cow::Borrowed(method);
            set_target(request, target);
        }
        request.client = client
            .rsplit_once(':')
            .and_then(|(a, _)| address(a))
            .or_else(|| address(client))
            .map(Cow::Borrowed);
        request.status = value::status(status);
        request.duration_us = took;
        request.upstream = (target != "-").then_some(Cow::Borrowed(target));
        request.upstream_status = value::status(target_status);
        request.flags = without_answer(request.status, target, target_status).map(Cow::Borrowed);
        let agent = tokens.next().map_or("-", |t| t.text);
        request.agent = (agent != "-" && !agent.is_empty()).then_some(Cow::Borrowed(agent));
        if request.status.is_none_or(|s| s == 460) {
            request.ending = Ending::ClientLeft;
        }
        if alb {
            rest(&mut tokens, &mut draft);
        }
        Some(draft.entry(line))
    }
}

/// Why the balancer answered itself, by its documentation's reading of the columns: no target to be had (503), a target that closed the
/// connection (502) or that took too long to accept it or to answer (504).
fn without_answer(status: Option<u16>, target: &str, target_status: &str) -> Option<&'static str> {
    match (status?, target) {
        _ if target_status != "-" => None,
        (503, "-") => Some("NoTarget"),
        (_, "-") => None,
        (502, _) => Some("TargetClosed"),
        (504, _) => Some("TargetTimeout"),
        _ => None,
    }
}

/// Cipher, protocol, target group, trace id, …, actions, redirect, error reason.
fn rest<'a>(tokens: &mut Tokens<'a>, draft: &mut Draft<'a>) {
    const NAMES: [&str; 11] =
        ["", "", "target_group", "trace", "", "", "", "", "actions", "", "error_reason"];
    for name in NAMES {
        let Some(t) = tokens.next() else { return };
        if t.text.is_empty() || t.text == "-" {
            continue;
        }
        match name {
            "trace" => draft.request.trace = value::trace(t.text).map(Cow::Borrowed),
            // Lambda targets and authentication have codes of their own; redirects and plain forwards say
            // nothing.
            "error_reason" => draft.request.flags = Some(Cow::Borrowed(t.text)),
            "actions" if t.text == "forward" || t.text == "waf,forward" => {}
            "" => {}
            _ if draft.request.status.is_some_and(|s| s >= 500) => {
                draft.fields.push((Cow::Borrowed(name), Cow::Borrowed(t.text)));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Option<Entry<'_>> {
        Alb.read(line, &Context::default())
    }

    #[test]
    fn the_balancer_answered_itself() {
        let flags = |target: &str, times: &str, status: &str| {
            let line = format!(
                "https 2026-11-24T21:15:00.186641Z app/shop/50dc 203.0.113.108:2817 {target} {times} {status} 34 366 \"GET https://shop.example.com:443/ \
                 HTTP/2.0\" \"curl/8.5.0\" - TLSv1.2 arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/web/73e2 \"Root=1-5\" \"-\" \"-\" 0 \
                 2026-11-24T21:15:00.186000Z \"forward\" \"-\" \"-\" \"-\" \"-\" \"-\" \"-\""
            );
            read(&line).unwrap().request.unwrap().flags.map(|f| f.into_owned())
        };
        assert_eq!(flags("-", "-1 -1 -1", "503 -").as_deref(), Some("NoTarget"));
        assert_eq!(flags("10.0.1.11:8080", "0.000 0.612 -1", "502 -").as_deref(), Some("TargetClosed"));
        assert_eq!(flags("10.0.1.11:8080", "-1 -1 -1", "504 -").as_deref(), Some("TargetTimeout"));
        // The target's own answers are its own.
        assert_eq!(flags("10.0.1.11:8080", "0.000 0.612 0.000", "502 502"), None);
    }

    #[test]
    fn the_target_failed() {
        let line = r#"http 2026-11-24T07:38:46.898922Z app/prod-shop/50dc6c495c0c9188 2001:db8::beef:33442 10.20.0.47:8080 0.000 0.001 0.000 500 500 300 155 "GET http://shop.example.com:80/search?q=desk HTTP/1.1" "curl/8.5.0" - - arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/shop/73e2 "Root=1-6b053f06-9ec69a67" "-" "-" 0 2026-11-24T07:38:46.898032Z "forward" "-" "-" "10.20.0.47:8080" "500" "-" "-""#;
        let e = read(line).unwrap();
        assert_eq!(e.at.unwrap().0.to_string(), "2026-11-24T07:38:46.898922Z");
        let r = e.request.unwrap();
        assert_eq!(
            (r.method.as_ref(), r.target.as_ref(), r.host.as_deref()),
            ("GET", "/search?q=desk", Some("shop.example.com:80"))
        );
        assert_eq!(
            (r.status, r.upstream_status, r.upstream.as_deref()),
            (Some(500), Some(500), Some("10.20.0.47:8080"))
        );
        assert_eq!((r.client.as_deref(), r.duration_us), (Some("2001:db8::beef"), Some(1_000)));
        assert_eq!((r.trace.as_deref(), r.flags), (Some("Root=1-6b053f06-9ec69a67"), None));
    }

    #[test]
    fn the_balancer_itself_answered() {
        let r = read(r#"https 2026-11-24T07:38:46.898922Z app/a/b 203.0.113.7:2 10.0.0.1:80 0.000 -1 -1 502 - 34 272 "GET https://a.example:443/x HTTP/2.0" "-" ECDHE TLSv1.2 arn:x "Root=1-a" "a.example" "arn:y" 0 2026-11-24T07:38:46.8Z "forward" "-" "LambdaUnhandled" "10.0.0.1:80" "-" "-" "-""#).unwrap().request.unwrap();
        assert_eq!((r.status, r.upstream_status, r.duration_us), (Some(502), None, None));
        assert_eq!(
            (r.upstream.as_deref(), r.flags.as_deref()),
            (Some("10.0.0.1:80"), Some("LambdaUnhandled"))
        );
        let r = read(r#"h2 2026-11-24T07:38:46.898922Z app/a/b 203.0.113.7:2 - -1 -1 -1 503 - 34 272 "GET https://a.example:443/x HTTP/2.0" "curl/8" - - arn:x "Root=1-a""#).unwrap().request.unwrap();
        assert_eq!((r.status, r.upstream), (Some(503), None));
        let r = read(r#"http 2026-11-24T07:38:46.898922Z app/a/b 203.0.113.7:2 10.0.0.1:80 0.001 -1 -1 460 - 34 0 "GET http://a.example:80/x HTTP/1.1" "curl/8" - - arn:x "Root=1-a""#).unwrap().request.unwrap();
        assert_eq!((r.status, r.ending), (Some(460), Ending::ClientLeft));
    }

    #[test]
    fn the_classic_balancer() {
        let r = read(r#"2026-11-24T07:38:46.945958Z my-elb 192.168.131.39:2817 10.0.0.1:80 0.000073 0.001048 0.000057 504 0 0 29 "GET http://example.com:80/ HTTP/1.1" "curl/8.5.0" - -"#).unwrap().request.unwrap();
        assert_eq!((r.status, r.duration_us, r.target.as_ref()), (Some(504), Some(1_178), "/"));
    }

    #[test]
    fn other_lines_are_refused() {
        for line in [
            "http://a",
            "http server started",
            "2026-11-24T07:38:46Z app started on 1.2.3.4:5 a b c",
            "https 2026",
        ] {
            assert!(read(line).is_none(), "{line}");
        }
    }
}
