//! Ruby's `Logger` (Rails, Unicorn, Sinatra apps), Rails' tagged lines without a time, and Sidekiq.
//!
//! ```text
//! F, [2026-11-24T07:38:37.871659 #31831] FATAL -- : [31f2f89f-5a77-4f28-820e-aad69b77b539] NoMethodError (undefined method `upcase' for nil:NilClass):
//! [31f2f89f-5a77-4f28-820e-aad69b77b539] Started GET "/products?page=x" for 198.51.100.188 at 2026-11-24 07:38:35 +0000
//! 2026-11-24T07:30:12.123Z pid=1234 tid=ox2 class=MailJob jid=9f2c11e04b1a77aa01020304 ERROR: boom
//! ```
//!
//! Sources: `Logger::Formatter::Format` (`%.1s, [%s #%d] %5s -- %s: %s\n`), `ActiveSupport::TaggedLogging`,
//! `ActionDispatch::DebugExceptions`
//! (logs the exception over several lines, each with its tags), `sidekiq/logger.rb`.

use super::prefix::{group, is_request_id, loud_level, stamp, word};
use crate::mention::address;
use crate::{Context, Entry, LineFormat, RequestRef};
use record::{Ending, Level};

/// `Logger`'s default formatter.
pub(super) struct RubyLogger;
/// Rails' lines with tags alone.
pub(super) struct RailsTagged;
/// Sidekiq's default formatter.
pub(super) struct Sidekiq;

/// The line without the tags in front of it: Rails repeats the request's tags on every line of a message, so
/// stack traces
/// need them off. A line without tags is returned as it is.
pub fn untag(line: &str) -> &str {
    let mut rest = line;
    for _ in 0..4 {
        let Some((tag, after)) = group(rest, '[', ']') else { break };
        let Some(after) = after.strip_prefix(' ').or_else(|| after.is_empty().then_some(after)) else {
            break;
        };
        if !is_request_id(tag) && address(tag).is_none() && rest.len() == line.len() {
            return line;
        }
        rest = after;
    }
    rest
}

/// Tags in front of a message: the request's id and client among them; the rest of the text.
fn tags<'a>(text: &'a str, request: &mut RequestRef<'a>) -> (&'a str, bool) {
    let mut rest = text;
    let mut any = false;
    for _ in 0..4 {
        let Some((tag, after)) = group(rest, '[', ']') else { break };
        let Some(after) = after.strip_prefix(' ') else { break };
        if let Some(a) = address(tag) {
            request.client = Some(a.into());
        } else if is_request_id(tag) {
            request.id = request.id.take().or(Some(tag.into()));
        } else if !any || tag.contains(' ') {
            // "[ActiveJob] [MailJob] [id]" keep their words in the message.
            break;
        }
        any = true;
        rest = after;
    }
    (rest, any)
}

/// `Started GET "/x" for 198.51.100.188 at …`: the begin of a request. Its end is `Completed 500 …`, with the
/// same tag.
fn started<'a>(message: &'a str, request: &mut RequestRef<'a>) {
    let Some(rest) = message.strip_prefix("Started ") else { return };
    let Some((method, rest)) = rest.split_once(" \"") else { return };
    let Some((target, rest)) = rest.split_once("\" for ") else { return };
    if crate::mention::is_method(method) {
        request.method = method.into();
        request.target = target.into();
        request.client = address(word(rest).0).map(Into::into);
        request.ending = Ending::Begun;
    }
}

/// `Completed 500 Internal Server Error in 5ms (…)`: status and time of the request with this tag.
fn completed(message: &str, request: &mut RequestRef<'_>) {
    let Some(rest) = message.strip_prefix("Completed ") else { return };
    let (status, rest) = word(rest);
    request.status = status.parse().ok().filter(|s| (100..600).contains(s));
    if let Some((_, after)) = rest.split_once(" in ") {
        let (took, _) = word(after);
        request.duration_us =
            took.strip_suffix("ms").and_then(|n| n.parse::<u64>().ok()).map(|n| n.saturating_mul(1000));
    }
}

/// What a Rails message says of its request, put into the entry.
fn rails<'a>(message: &'a str, entry: &mut Entry<'a>) -> bool {
    let mut request = RequestRef::default();
    let (said, tagged) = tags(message, &mut request);
    started(said, &mut request);
    completed(said, &mut request);
    entry.message = said.into();
    if request != RequestRef::default() {
        entry.request = Some(request);
    }
    tagged
}

impl LineFormat for RubyLogger {
    fn name(&self) -> &'static str {
        "ruby logger"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        let b = line.as_bytes();
        if b.get(1..4) != Some(b", [")
            || !matches!(b.first(), Some(b'D' | b'I' | b'W' | b'E' | b'F' | b'A' | b'U'))
        {
            return None;
        }
        let (at, rest) = stamp(line.get(4..)?, context)?;
        let (pid, rest) = rest.trim_start().strip_prefix('#')?.split_once("] ")?;
        let (name, rest) = rest.trim_start().split_once(" -- ")?;
        let level = loud_level(name.trim()).map(|(l, _)| l).unwrap_or_default();
        let (program, message) = rest.split_once(": ").or_else(|| rest.strip_suffix(':').map(|p| (p, "")))?;
        let mut entry = Entry { at: Some(at), level, pid: Some(pid.into()), ..Entry::default() };
        if !program.is_empty() && !program.contains(' ') {
            entry.service = Some(program.into());
        }
        rails(message, &mut entry);
        Some(entry)
    }
}

impl LineFormat for RailsTagged {
    fn name(&self) -> &'static str {
        "rails"
    }

    fn read<'a>(&self, line: &'a str, _: &Context) -> Option<Entry<'a>> {
        const BEGINS: [&str; 19] = [
            "Started ",
            "Processing by ",
            "Completed ",
            "Parameters: ",
            "Rendered ",
            "Rendering ",
            "Redirected to ",
            "Filter chain halted",
            "Sent file ",
            "Sent data ",
            "Unpermitted parameter",
            "Can't verify CSRF",
            "Error: ",
            "Performed ",
            "Performing ",
            "Enqueued ",
            "[ActiveJob]",
            "Cannot render console",
            "DEPRECATION WARNING",
        ];
        if !line.starts_with('[')
            && !line.starts_with("Started ")
            && !line.starts_with("Completed ")
            && !line.starts_with("Processing by ")
        {
            return None;
        }
        let mut entry = Entry::default();
        let tagged = rails(line, &mut entry);
        let said = entry.message.trim_start();
        let heads = BEGINS.iter().any(|b| said.starts_with(b));
        // "NoMethodError (undefined method `x' for nil):" is the first line of a failure; frames and blanks
        // follow it.
        let thrown = said.split_once(" (").is_some_and(|(kind, _)| {
            kind.starts_with(|c: char| c.is_ascii_uppercase())
                && kind.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b':' | b'_'))
        }) && tagged;
        if !heads && !thrown {
            return None;
        }
        // Untagged lines count only with the exact words of a request's begin and end.
        if !tagged && entry.request.is_none() && !line.starts_with("Processing by ") {
            return None;
        }
        entry.level = if thrown { Level::Fatal } else { Level::Unknown };
        Some(entry)
    }
}

impl LineFormat for Sidekiq {
    fn name(&self) -> &'static str {
        "sidekiq"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        if !line.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        let (at, rest) = stamp(line, context)?;
        let rest = rest.strip_prefix(' ')?;
        let (context_part, message) = rest.split_once(": ")?;
        let (info, name) = context_part.rsplit_once(' ')?;
        let level = loud_level(name).map(|(l, _)| l)?;
        let (first, _) = word(info);
        let pid = first.strip_prefix("pid=").or_else(|| {
            Some(first).filter(|f| f.bytes().all(|c| c.is_ascii_digit()) && info.contains(" TID-"))
        })?;
        let mut entry =
            Entry { at: Some(at), level, pid: Some(pid.into()), message: message.into(), ..Entry::default() };
        for (k, v) in info.split(' ').filter_map(|p| p.split_once('=')) {
            match k {
                "class" => entry.fields.push(("logger".into(), v.into())),
                "jid" => entry.request = Some(RequestRef { id: Some(v.into()), ..RequestRef::default() }),
                _ => {}
            }
        }
        Some(entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::of;

    #[test]
    fn a_request_begins_and_ends_under_its_tag() {
        let e = of(
            &RubyLogger,
            "I, [2026-11-24T07:38:35.613217 #31831]  INFO -- : [86ab05df-61c8-4e26-b504-68b6e6e707f5] Started GET \"/products?q=Item&page=x\" for 198.51.100.188 at 2026-11-24 07:38:35 +0000",
        );
        assert_eq!((e.level, e.pid.as_deref(), e.service), (Level::Info, Some("31831"), None));
        let r = e.request.unwrap();
        assert_eq!(
            (r.method.as_ref(), r.target.as_ref(), r.client.as_deref(), r.ending),
            ("GET", "/products?q=Item&page=x", Some("198.51.100.188"), Ending::Begun)
        );
        assert_eq!(r.id.as_deref(), Some("86ab05df-61c8-4e26-b504-68b6e6e707f5"));
        let e = of(
            &RailsTagged,
            "[86ab05df-61c8-4e26-b504-68b6e6e707f5] Completed 500 Internal Server Error in 15ms (ActiveRecord: 5.3ms)",
        );
        let r = e.request.unwrap();
        assert_eq!(
            (r.status, r.duration_us, r.id.as_deref()),
            (Some(500), Some(15_000), Some("86ab05df-61c8-4e26-b504-68b6e6e707f5"))
        );
    }

    #[test]
    fn a_failure_goes_on_under_the_same_tag() {
        let e = of(
            &RubyLogger,
            "F, [2026-11-24T07:38:37.871659 #31831] FATAL -- : [31f2f89f-5a77-4f28-820e-aad69b77b539]   ",
        );
        assert_eq!((e.level, e.message.trim()), (Level::Fatal, ""));
        assert_eq!(e.request.unwrap().id.as_deref(), Some("31f2f89f-5a77-4f28-820e-aad69b77b539"));
        assert_eq!(
            untag("[31f2f89f-5a77-4f28-820e-aad69b77b539] app/views/products/show.html.erb:5"),
            "app/views/products/show.html.erb:5"
        );
        assert_eq!(untag("[31f2f89f-5a77-4f28-820e-aad69b77b539]     2: <p>"), "    2: <p>");
        assert_eq!(untag("[x] app"), "[x] app");
        assert_eq!(untag("plain"), "plain");
        let e = of(
            &RailsTagged,
            "[31f2f89f-5a77-4f28-820e-aad69b77b539] ActionView::Template::Error (undefined method `upcase' for nil:NilClass):",
        );
        assert_eq!(
            (e.level, e.message.as_ref()),
            (Level::Fatal, "ActionView::Template::Error (undefined method `upcase' for nil:NilClass):")
        );
    }

    #[test]
    fn programs_name_themselves() {
        let e = of(&RubyLogger, "E, [2026-11-24T07:38:57.123456 #123] ERROR -- app: boom: twice");
        assert_eq!(
            (e.level, e.service.as_deref(), e.message.as_ref()),
            (Level::Error, Some("app"), "boom: twice")
        );
        let e = of(
            &Sidekiq,
            "2026-11-24T07:30:12.123Z pid=1234 tid=ox2 class=MailJob jid=9f2c11e04b1a77aa01020304 ERROR: boom: x",
        );
        assert_eq!((e.level, e.pid.as_deref(), e.message.as_ref()), (Level::Error, Some("1234"), "boom: x"));
        let e = of(&Sidekiq, "2026-11-24T07:30:12.123Z 1234 TID-ox2 WARN: boom");
        assert_eq!((e.level, e.pid.as_deref()), (Level::Warn, Some("1234")));
    }

    #[test]
    fn lines_of_others_are_refused() {
        for l in [
            "",
            "E, x",
            "[31f2f89f-5a77-4f28-820e-aad69b77b539] app/models/order.rb:6:in `greeting'",
            "[31f2f89f-5a77-4f28-820e-aad69b77b539]   ",
            "[info] Started x",
            "Started reactor",
            "2026-11-24T07:30:12Z x: y",
            "é, [",
        ] {
            for f in [&RubyLogger as &dyn LineFormat, &RailsTagged, &Sidekiq] {
                assert!(f.read(l, &Context::default()).is_none(), "{} {l}", f.name());
            }
        }
    }
}
