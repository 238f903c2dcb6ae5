//! What a hostile notice is on each channel: nothing from outside is read as markup, nobody is called, nothing is repeated.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use alerts::channels::{Delivery, Outgoing};
use alerts::{Config, Event, Notice, Secret, sample};
use record::Time;
use serde_json::Value;

const HOSTILE: &str = "<!channel> @everyone <b>*x*</b> `y` [a](http://evil) & \\ </code> /close";

const FILE: &str = r#"
[channels.slack]
kind = "slack"
url = { env = "URL" }
[channels.teams]
kind = "teams"
url = { env = "URL" }
[channels.discord]
kind = "discord"
url = { env = "URL" }
[channels.telegram]
kind = "telegram"
token = { env = "TOKEN" }
chat = -100
[channels.email]
kind = "email"
server = "mail.example"
from = "why500 <why500@example.com>"
to = ["ops@example.com"]
[channels.pagerduty]
kind = "pagerduty"
key = { env = "TOKEN" }
[channels.opsgenie]
kind = "opsgenie"
key = { env = "TOKEN" }
[channels.ntfy]
kind = "ntfy"
topic = "ops"
[channels.github]
kind = "github"
repository = "acme/shop"
token = { env = "TOKEN" }
[channels.gitlab]
kind = "gitlab"
project = "acme/shop"
token = { env = "TOKEN" }
[channels.webhook]
kind = "webhook"
url = "https://hooks.example/why500"
secret = { env = "SIGNING" }
[channels.command]
kind = "command"
run = ["/bin/true"]
"#;

fn config() -> Config {
    let find = |secret: &Secret| match secret {
        Secret::Env(name) if name == "URL" => Ok("https://hooks.example/T0/B0".to_owned()),
        Secret::Env(name) if name == "SIGNING" => Ok("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned()),
        _ => Ok("123:ABC".to_owned()),
    };
    Config::parse(FILE, &find).unwrap()
}

fn hostile(event: Event) -> Notice {
    let mut n = sample::notice(Time(1_795_910_400_000_000), Some("https://why500.example/problems/1".into()));
    n.event = event;
    n.trial = false;
    let about = n.problem.as_mut().unwrap();
    n.title = HOSTILE.into();
    n.why = HOSTILE.into();
    about.culprit = Some(HOSTILE.into());
    about.evidence = Some(HOSTILE.into());
    n.members[0].title = HOSTILE.into();
    n
}

fn outgoing(name: &str, event: Event, before: Option<&str>) -> Vec<(String, String, Value)> {
    let delivery =
        Delivery { id: "7-1".into(), at: Time(1_795_910_400_000_000), before: before.map(str::to_owned) };
    let config = config();
    let all = config.channel(name).unwrap().channel.outgoing(&hostile(event), &delivery);
    all.into_iter()
        .map(|o| match o {
            Outgoing::Http(r) => (r.method.to_owned(), r.url, serde_json::from_str(&r.body).unwrap()),
            Outgoing::Mail(m) => ("MAIL".into(), m.subject, Value::String(m.text)),
            Outgoing::Run(r) => ("RUN".into(), r.argv[0].clone(), serde_json::from_str(&r.stdin).unwrap()),
        })
        .collect()
}

fn one(name: &str) -> Value {
    outgoing(name, Event::Opened, None).remove(0).2
}

#[test]
fn nothing_from_outside_is_markup_anywhere() {
    let slack = one("slack").to_string();
    assert!(!slack.contains("<!channel>") || slack.matches("<!channel>").count() == 1, "{slack}");
    let mrkdwn = one("slack")["blocks"][1]["text"]["text"].as_str().unwrap().to_owned();
    assert!(mrkdwn.contains("&lt;!channel&gt;") && !mrkdwn.contains('<'), "{mrkdwn}");
    assert!(!one("slack")["text"].as_str().unwrap().contains('<'));

    let discord = one("discord");
    assert_eq!(discord["allowed_mentions"], serde_json::json!({ "parse": [] }));
    assert!(!discord.to_string().contains("@everyone"), "{discord}");

    let telegram = one("telegram")["text"].as_str().unwrap().to_owned();
    assert!(telegram.contains("&lt;b&gt;") && !telegram.contains("<b>*x*"), "{telegram}");
    assert_eq!(telegram.matches("<code>").count(), telegram.matches("</code>").count());

    // Teams: only blocks that read no Markdown.
    let card = &one("teams")["attachments"][0]["content"];
    for block in card["body"].as_array().unwrap() {
        assert_eq!(block["type"], "RichTextBlock");
        assert!(block["inlines"].as_array().unwrap().iter().all(|i| i["type"] == "TextRun"));
    }

    for (name, field) in [("github", "body"), ("gitlab", "description")] {
        let body = one(name)[field].as_str().unwrap().to_owned();
        assert!(!body.contains("@everyone **") && !body.lines().any(|l| l.starts_with('/')), "{body}");
        assert!(body.contains("\\<\\!channel\\>"), "{body}");
        assert!(body.contains("- **Evidence:** `` <!channel>"), "{body}");
    }
    let (_, subject, text) = outgoing("email", Event::Opened, None).remove(0);
    assert!(!subject.contains('\n') && text.as_str().unwrap().contains(HOSTILE));
}

#[test]
fn a_message_is_edited_where_it_can_be() {
    let steps = |name, event, before| -> Vec<(String, String)> {
        outgoing(name, event, before).into_iter().map(|(m, url, _)| (m, url)).collect()
    };
    let s = |m: &str, u: &str| (m.to_owned(), u.to_owned());
    let hook = "https://hooks.example/T0/B0";
    assert_eq!(steps("discord", Event::Opened, None), [s("POST", &format!("{hook}?wait=true"))]);
    assert_eq!(steps("discord", Event::Updated, Some("5")), [s("PATCH", &format!("{hook}/messages/5"))]);
    let closed = [s("PATCH", &format!("{hook}/messages/5")), s("POST", &format!("{hook}?wait=true"))];
    assert_eq!(steps("discord", Event::Closed, Some("5")), closed);

    let bot = "https://api.telegram.org/bot123:ABC";
    assert_eq!(steps("telegram", Event::Opened, None), [s("POST", &format!("{bot}/sendMessage"))]);
    assert_eq!(steps("telegram", Event::Updated, Some("9")), [s("POST", &format!("{bot}/editMessageText"))]);

    let issues = "https://api.github.com/repos/acme/shop/issues";
    assert_eq!(steps("github", Event::Opened, None), [s("POST", issues)]);
    let closed = [s("PATCH", &format!("{issues}/3")), s("POST", &format!("{issues}/3/comments"))];
    assert_eq!(steps("github", Event::Closed, Some("3")), closed);
    assert_eq!(steps("github", Event::Closed, None), []);
    let again = outgoing("github", Event::Opened, Some("3"));
    assert_eq!(again[0].2, serde_json::json!({ "state": "open" }));

    let issues = "https://gitlab.com/api/v4/projects/acme%2Fshop/issues";
    assert_eq!(steps("gitlab", Event::Opened, None), [s("POST", issues)]);
    assert_eq!(
        outgoing("gitlab", Event::Closed, Some("3"))[0].2,
        serde_json::json!({ "state_event": "close" })
    );

    assert_eq!(outgoing("pagerduty", Event::Closed, None)[0].2["event_action"], "resolve");
    let key = outgoing("pagerduty", Event::Opened, None)[0].2["dedup_key"].clone();
    assert_eq!(outgoing("pagerduty", Event::Closed, None)[0].2["dedup_key"], key);
    let close = steps("opsgenie", Event::Closed, None);
    assert!(
        close[0].1.ends_with(&format!("/v2/alerts/{}/close?identifierType=alias", key.as_str().unwrap())),
        "{close:?}"
    );
}

#[test]
fn what_the_other_side_calls_it_is_found() {
    let config = config();
    let reference = |name: &str, answer: &str| config.channel(name).unwrap().channel.reference(answer);
    assert_eq!(reference("discord", r#"{"id":"123","type":0}"#).as_deref(), Some("123"));
    assert_eq!(reference("discord", r#"{"id":"../../x"}"#), None);
    assert_eq!(reference("telegram", r#"{"ok":true,"result":{"message_id":42}}"#).as_deref(), Some("42"));
    assert_eq!(reference("github", r#"{"id":1,"number":1347}"#).as_deref(), Some("1347"));
    assert_eq!(reference("gitlab", r#"{"id":84,"iid":14}"#).as_deref(), Some("14"));
    let telegram = &config.channel("telegram").unwrap().channel;
    assert!(telegram.forgives(400, "Bad Request: message is not modified: …"));
    assert_eq!(telegram.wait_s(r#"{"ok":false,"parameters":{"retry_after":35}}"#), Some(35));
}
