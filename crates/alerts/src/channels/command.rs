//! A command of one's own: it reads the notice as JSON, and finds the gist in `WHY500_…` variables. No shell reads its arguments.

use super::{Channel, Delivery, Outgoing, Resolve, Run, settings};
use crate::notice::Notice;
use serde::Deserialize;

/// Seconds that it may take, unless set otherwise.
const SECONDS: u64 = 30;
/// … and at most: the next message of the channel waits for it.
const SECONDS_MAX: u64 = 300;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    run: Vec<String>,
    seconds: Option<u64>,
}

struct Command {
    argv: Vec<String>,
    seconds_max: u64,
}

pub(super) fn build(table: toml::Table, _: Resolve<'_>) -> Result<Box<dyn Channel>, String> {
    let set: Settings = settings(table)?;
    if set.run.first().is_none_or(|p| p.trim().is_empty()) || set.run.iter().any(|a| a.contains('\0')) {
        return Err(
            "`run`: a program and its arguments are expected: [\"/usr/local/bin/page\", \"--team\", \"ops\"]"
                .to_owned(),
        );
    }
    let seconds_max = set.seconds.unwrap_or(SECONDS);
    if !(1..=SECONDS_MAX).contains(&seconds_max) {
        return Err(format!("`seconds`: 1 to {SECONDS_MAX} are expected"));
    }
    Ok(Box::new(Command { argv: set.run, seconds_max }))
}

impl Channel for Command {
    fn outgoing(&self, n: &Notice, _: &Delivery) -> Vec<Outgoing> {
        // No variable can hold a NUL.
        let plain = |text: &str| text.replace('\0', "");
        let about = n.problem.as_ref();
        let environment = vec![
            ("WHY500_EVENT", n.event.name().to_owned()),
            ("WHY500_RULE", plain(&n.rule)),
            ("WHY500_SEVERITY", n.severity.name().to_owned()),
            ("WHY500_KEY", plain(&n.key)),
            ("WHY500_HEADLINE", plain(&n.headline())),
            ("WHY500_WHY", plain(&n.why)),
            ("WHY500_PROBLEM", about.map(|p| plain(&p.id)).unwrap_or_default()),
            ("WHY500_CAUSE", about.map(|p| plain(&format!("{}/{}", p.class, p.cause))).unwrap_or_default()),
            ("WHY500_CULPRIT", about.and_then(|p| p.culprit.as_deref()).map(plain).unwrap_or_default()),
            ("WHY500_LINK", n.link.as_deref().map(plain).unwrap_or_default()),
        ];
        let stdin = serde_json::to_string(n).unwrap_or_default();
        vec![Outgoing::Run(Run {
            argv: self.argv.clone(),
            environment,
            stdin,
            seconds_max: self.seconds_max,
        })]
    }
}
