//! What a hostile notice is on each channel: nothing from outside is read as markup, nobody is called, nothing is repeated.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use alerts::channels::{Delivery, Outgoing, Refusal};
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
    // Slack: only elements that read no markup.
    let slack = one("slack");
    assert_eq!(slack["blocks"][1]["type"], "rich_text");
    for e in slack["blocks"][1]["elements"][0]["elements"].as_array().unwrap() {
        assert!(e["type"] == "text" || (e["type"] == "link" && e["text"] == "Open in why500"), "{e}");
    }
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
    // Mere figures would open a new incident where somebody resolved it.
    assert!(!config().channel("pagerduty").unwrap().channel.edits());
    let escalated = steps("opsgenie", Event::Escalated, None);
    let alerts = "https://api.opsgenie.com/v2/alerts";
    assert_eq!(escalated[0], s("POST", alerts));
    assert!(escalated[1].0 == "PUT" && escalated[1].1.ends_with("/priority?identifierType=alias"));
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
    let wait = |name: &str, status: u16, headers: &[(&str, &str)], answer: &str| {
        let header = |n: &str| headers.iter().find(|(h, _)| *h == n).map(|(_, v)| (*v).to_owned());
        let at = Time(1_795_910_400_000_000);
        config.channel(name).unwrap().channel.wait_s(&Refusal { status, header: &header, answer, at })
    };
    assert_eq!(wait("telegram", 429, &[], r#"{"ok":false,"parameters":{"retry_after":35}}"#), Some(35));
    assert_eq!(wait("discord", 429, &[], r#"{"retry_after":0.4}"#), Some(1));
    let window = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1795910490")];
    assert_eq!(wait("github", 403, &window, "API rate limit exceeded"), Some(90));
    assert_eq!(wait("github", 403, &[], "You have exceeded a secondary rate limit."), Some(60));
    assert_eq!(wait("github", 403, &[], "Resource not accessible by personal access token"), None);
    let discord = &config.channel("discord").unwrap().channel;
    assert!(discord.forgives(400, r#"{"message":"Thread is archived","code":50083}"#));
    assert!(!discord.forgives(400, r#"{"message":"Invalid Form Body","code":50035}"#));
}

#[test]
fn what_is_about_no_single_problem_has_no_empty_names() {
    let mut n = sample::notice(Time(1_795_910_400_000_000), None);
    n.problem = None;
    let config = config();
    let delivery = Delivery { id: "7-1".into(), at: Time(1_795_910_400_000_000), before: None };
    for place in &config.channels {
        for step in place.channel.outgoing(&n, &delivery) {
            let Outgoing::Http(request) = step else { continue };
            if place.name != "webhook" && place.name != "teams" {
                assert!(!request.body.contains("null"), "{}: {}", place.name, request.body);
            }
        }
    }
}

#[test]
fn an_address_stays_as_it_is_and_a_secret_is_read_as_receivers_read_it() {
    let build = |url: &str, secret: &str| {
        let file = format!(
            "[channels.hook]\nkind = \"webhook\"\nurl = \"{url}\"\nsecret = {{ env = \"SIGNING\" }}\n"
        );
        let secret = secret.to_owned();
        Config::parse(&file, &move |_: &Secret| Ok(secret.clone()))
    };
    let step = |config: Config| {
        let delivery = Delivery { id: "7-1".into(), at: Time(1_795_910_400_000_000), before: None };
        let notice = sample::notice(delivery.at, None);
        match config.channels[0].channel.outgoing(&notice, &delivery).remove(0) {
            Outgoing::Http(request) => request,
            _ => panic!("a webhook is a request"),
        }
    };
    let with = step(build("https://hooks.example/in/", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap());
    let without = step(build("https://hooks.example/in/", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap());
    assert_eq!(with.url, "https://hooks.example/in/");
    assert_eq!(with.headers, without.headers);
    for wrong in ["whsec_c2hvcnQ=", "a secret of many words", "MTIzNDU2Nzg5MDEyMzQ1Ng=="] {
        let refused = build("https://hooks.example/in", wrong).err().unwrap();
        assert!(refused.to_string().contains("24 to 64 bytes"), "{wrong}");
    }
}
