//! What is replayed: requests out of a file, a report or a server's problem, with what is known of how they failed.

use crate::ask::{client::Client, told};
use crate::explain::Usage;
use crate::reach::At;
use ::probe::request::{self, Request};
use ::probe::targets::{Kind, Sample, Samples, curl, har, http_file, insomnia, postman, tell};
use diagnosis::Problem;
use record::Class;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use url::Url;

/// Bytes of a file of requests or of a report.
const FILE_BYTES_MAX: u64 = 64 << 20;
/// What stands where a secret was.
const MASK: &str = "***";
/// What a report's command has in place of a body that no log holds.
const UNKNOWN_BODY: &str = "…";
/// Digits of a problem's id that tell it from a mistyped file.
const ID_DIGITS_MIN: usize = 4;

/// A request that failed, with those that must come before it.
#[derive(Clone, Debug, Default)]
pub struct Case {
    /// What it is called: `GET /data?page=2`, or a problem's title.
    pub name: String,
    /// The problem's id, where it is one.
    pub problem: Option<String>,
    /// In their order; the last one is the one that failed.
    pub steps: Vec<Request>,
    /// The statuses that it was answered with; 0: none came. Empty: that is not known.
    pub statuses: BTreeSet<u16>,
    /// The cause that was found, `database/lock-timeout`.
    pub cause: Option<String>,
    /// It had a body that is not known: logs hold none.
    pub bodiless: bool,
}

/// What is to be replayed, and what was left out of it.
#[derive(Clone, Debug, Default)]
pub struct Cases {
    /// In the order of the file.
    pub list: Vec<Case>,
    /// What must be known of them. Whole sentences.
    pub notes: Vec<String>,
}

/// How requests become such that may be sent to one server.
pub struct Terms {
    /// Where they go to.
    pub to: Url,
    /// Secrets that are supplied, as headers of every request.
    pub secrets: Vec<(String, String)>,
    /// Which request of a file, from 1 on.
    pub only: Option<usize>,
    /// Which problem of a report.
    pub problem: Option<String>,
}

impl Case {
    /// The request that failed.
    pub fn last(&self) -> Option<&Request> {
        self.steps.last()
    }

    /// May it be sent to any server without changing anything there?
    pub fn is_safe(&self) -> bool {
        self.steps.iter().all(Request::is_safe)
    }
}

/// Reads what is to be replayed: a file, or the id of a problem that a server knows.
///
/// # Errors
/// It is neither, cannot be read, or holds no request; or the server does not know it.
pub fn read(what: &str, terms: &Terms, at: &At, project: Option<i64>) -> Result<Cases, Usage> {
    let path = Path::new(what);
    if path.exists() {
        return from_file(path, terms);
    }
    let is_id = what.len() >= ID_DIGITS_MIN && what.bytes().all(|b| b.is_ascii_hexdigit());
    if !is_id {
        return Err(Usage(format!("{what}: there is no such file, and it is no problem's id")));
    }
    let client = Client::new(at, project)?;
    let doc = client.get(&format!("/api/v1/problems/{what}"), &[])?;
    let mut cases = Cases::default();
    of_problem(&told::problem(&doc), terms, &mut cases)?;
    if cases.list.is_empty() {
        return Err(Usage(format!("{what}: what is known of it holds no request that could be sent")));
    }
    Ok(cases)
}

fn from_file(path: &Path, terms: &Terms) -> Result<Cases, Usage> {
    let shown = path.display();
    let size = std::fs::metadata(path).map_err(|e| Usage(format!("{shown}: {e}")))?.len();
    if size > FILE_BYTES_MAX {
        return Err(Usage(format!("{shown}: larger than {} MB", FILE_BYTES_MAX >> 20)));
    }
    let bytes = std::fs::read(path).map_err(|e| Usage(format!("{shown}: {e}")))?;
    let text = String::from_utf8_lossy(&bytes);
    let wrong = |e: String| Usage(format!("{shown}: {e}"));
    if let Some(report) = report(&text) {
        return from_report(&report, terms).map_err(|e| wrong(e.0));
    }
    let variables = variables();
    let told = match tell(&shown.to_string(), &text) {
        Some(Kind::Har) => har::read(&text, &variables),
        Some(Kind::Postman) => postman::read(&text, &variables),
        Some(Kind::Insomnia) => insomnia::read(&text, &variables),
        Some(Kind::HttpFile) => http_file::read(&text, &variables),
        Some(Kind::Curl) => curl::read(&text, &variables),
        _ => Err("it is neither a HAR, Postman, Insomnia or .http file, nor curl commands, nor a JSON report of why500".into()),
    };
    let Samples { list, notes } = told.map_err(wrong)?;
    let recorded = recorded(&text);
    let mut cases = Cases { notes, ..Cases::default() };
    let count = list.len();
    for (n, sample) in list.into_iter().enumerate() {
        if terms.only.is_some_and(|o| o != n + 1) {
            continue;
        }
        let statuses =
            recorded.get(&(sample.method.clone(), sample.url.clone())).cloned().unwrap_or_default();
        let step = request(&sample, terms, &mut cases.notes).map_err(wrong)?;
        let name = if sample.name.is_empty() {
            format!("{} {}", step.method, step.target)
        } else {
            sample.name.clone()
        };
        cases.list.push(Case { name, steps: vec![step], statuses, ..Case::default() });
    }
    if let (Some(only), true) = (terms.only, cases.list.is_empty()) {
        return Err(wrong(format!("--only {only}: it holds {count} requests")));
    }
    Ok(cases)
}

fn report(text: &str) -> Option<Value> {
    let doc: Value = serde_json::from_str(text).ok()?;
    doc["schema"].as_str().filter(|s| s.starts_with("why500.report/"))?;
    Some(doc)
}

fn from_report(doc: &Value, terms: &Terms) -> Result<Cases, Usage> {
    let mut cases = Cases::default();
    let mut silent = 0;
    let mut ids = 0;
    for p in doc["problems"].as_array().into_iter().flatten().map(told::problem) {
        if terms.problem.as_ref().is_some_and(|id| !p.id.starts_with(id.as_str())) {
            continue;
        }
        ids += 1;
        let before = cases.list.len();
        of_problem(&p, terms, &mut cases)?;
        silent += usize::from(cases.list.len() == before && p.reproduce.is_none());
    }
    if let (Some(id), 0) = (&terms.problem, ids) {
        return Err(Usage(format!("--problem {id}: it holds no such problem")));
    }
    if cases.list.is_empty() {
        let why = cases.notes.first().map(|n| format!("; {n}")).unwrap_or_default();
        return Err(Usage(format!("no problem in it holds a request that could be sent{why}")));
    }
    if silent > 0 {
        cases.notes.push(format!("{silent} of its problems hold no request that could be sent."));
    }
    Ok(cases)
}

/// The requests by which a problem is reproduced: several commands are steps, and the last one fails.
fn of_problem(p: &Problem, terms: &Terms, cases: &mut Cases) -> Result<(), Usage> {
    let Some(command) = &p.reproduce else { return Ok(()) };
    if command.starts_with("for i in $(seq ") || command.contains("=$(curl ") {
        let said = record::scrub::scrub(&p.title).into_owned();
        cases.notes.push(format!(
            "Left out, as its requests take values from earlier answers or go out at once, which only a shell does: {said}. Run its \
             command as it is."
        ));
        return Ok(());
    }
    // What is no command, a hint in words, cannot be sent.
    let Ok(told) = curl::read(command, &variables()) else { return Ok(()) };
    let mut steps = Vec::new();
    for sample in &told.list {
        steps.push(request(sample, terms, &mut cases.notes).map_err(Usage)?);
    }
    let mut bodiless = false;
    if let Some(last) =
        steps.last_mut().filter(|r: &&mut Request| r.body.as_deref() == Some(UNKNOWN_BODY.as_bytes()))
    {
        last.body = None;
        last.headers.retain(|(n, _)| !n.eq_ignore_ascii_case("content-type"));
        bodiless = true;
        cases.notes.push(format!(
            "What was sent as the body of {} {} is not known; it was sent without.",
            last.method,
            last.path()
        ));
    }
    cases.notes.extend(told.notes);
    let cause = Some(&p.verdict.cause).filter(|c| c.class != Class::Unknown).map(ToString::to_string);
    cases.list.push(Case {
        name: p.title.clone(),
        problem: Some(p.id.clone()),
        steps,
        statuses: p.statuses.keys().copied().collect(),
        cause,
        bodiless,
    });
    Ok(())
}

/// What curl commands name by variables: those of why500's own, which hold secrets.
fn variables() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(n, v)| Some((n.into_string().ok()?, v.into_string().ok()?)))
        .filter(|(n, v)| n.starts_with("WHY500_") && !v.is_empty())
        .collect()
}

/// The statuses that a HAR recorded, by method and URL.
fn recorded(text: &str) -> BTreeMap<(String, String), BTreeSet<u16>> {
    let mut out: BTreeMap<_, BTreeSet<u16>> = BTreeMap::new();
    let Ok(doc) = serde_json::from_str::<Value>(text) else { return out };
    for e in doc.pointer("/log/entries").and_then(Value::as_array).into_iter().flatten() {
        let (method, url) = (e["request"]["method"].as_str(), e["request"]["url"].as_str());
        let (Some(method), Some(url)) = (method, url) else { continue };
        let url = url.split('#').next().unwrap_or(url).to_owned();
        let Some(status) = e["response"]["status"].as_u64().and_then(|s| u16::try_from(s).ok()) else {
            continue;
        };
        out.entry((method.to_ascii_uppercase(), url)).or_default().insert(status);
    }
    out
}

/// A request as it is sent to the server that was named. Secrets that stand in a file go only to the host that they were recorded for.
fn request(sample: &Sample, terms: &Terms, notes: &mut Vec<String>) -> Result<Request, String> {
    let mut note = |sentence: String| {
        if !notes.contains(&sentence) {
            notes.push(sentence);
        }
    };
    let relative = !sample.url.contains("://");
    let url = if relative { terms.to.join(&sample.url) } else { Url::parse(&sample.url) };
    let url = url.map_err(|e| format!("{}: {e}", record::scrub::scrub(&sample.url)))?;
    let elsewhere = !relative && url.origin() != terms.to.origin();
    let prefix = terms.to.path().trim_end_matches('/');
    let path = if prefix.is_empty() || (relative && url.path().starts_with(prefix)) {
        url.path().to_owned()
    } else {
        format!("{prefix}{}", url.path())
    };
    let mut kept = Vec::new();
    for part in url.query().unwrap_or_default().split('&').filter(|p| !p.is_empty()) {
        let name = part.split('=').next().unwrap_or_default();
        if part.contains(MASK) || part.contains("%2A%2A%2A") {
            note(format!("The query parameter {name} is masked, and was left out."));
        } else if request::is_secret(&name.replace('_', "-")) && elsewhere {
            note(format!("The query parameter {name} was recorded for another server, and was left out."));
        } else {
            kept.push(part);
        }
    }
    let target = if kept.is_empty() { path } else { format!("{path}?{}", kept.join("&")) };
    let mut out = Request::new(&sample.method, &target);
    for (name, value) in &sample.headers {
        let supplied = terms.secrets.iter().any(|(n, _)| n.eq_ignore_ascii_case(name));
        let variable = request::variable(name);
        if supplied {
            continue;
        } else if value.contains(MASK) || (value.contains("$WHY500_") || value.contains("${WHY500_")) {
            note(format!("{name} is masked, and was left out; {} supplies it.", supply(name, &variable)));
        } else if request::is_secret(name) && elsewhere && url.host_str() != Some("host") {
            note(format!(
                "{name} was recorded for another server, and was left out; {} supplies one.",
                supply(name, &variable)
            ));
        } else {
            out.headers.push((name.clone(), value.clone()));
        }
    }
    out.headers.extend(terms.secrets.iter().cloned());
    if !sample.body.is_empty() {
        if sample.body.windows(MASK.len()).any(|w| w == MASK.as_bytes()) {
            note(format!(
                "A body of {} {} holds masked values, which are sent as they are.",
                out.method,
                out.path()
            ));
        }
        out.body = Some(sample.body.clone());
    }
    Ok(out)
}

/// How a header's secret is supplied.
fn supply(name: &str, variable: &str) -> String {
    if ["authorization", "cookie"].iter().any(|n| name.eq_ignore_ascii_case(n)) {
        format!("{variable} in the environment")
    } else {
        format!("--secret-header {name} with {variable} in the environment")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(to: &str, secrets: &[(&str, &str)]) -> Terms {
        Terms {
            to: Url::parse(to).unwrap(),
            secrets: secrets.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(),
            only: None,
            problem: None,
        }
    }

    fn sample(url: &str, headers: &[(&str, &str)]) -> Sample {
        Sample {
            method: "GET".into(),
            url: url.into(),
            headers: headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(),
            ..Sample::default()
        }
    }

    #[test]
    fn what_only_a_shell_does_is_left_out_and_said() {
        let mut cases = Cases::default();
        for command in [
            "v1=$(curl -sS 'http://h/a' | sed -n 's/x//p' | tail -n 1)\ncurl -sS -i \"http://h/a/$v1\"",
            "for i in $(seq 3); do curl -sS -i 'http://h/a' & done; wait",
            "curl -sS -i -X PUT 'http://h/a'\ncurl -sS -i 'http://h/b'",
        ] {
            let p = Problem { reproduce: Some(command.into()), ..Problem::default() };
            of_problem(&p, &terms("http://127.0.0.1:9", &[]), &mut cases).unwrap();
        }
        assert_eq!((cases.list.len(), cases.notes.len()), (1, 2), "{cases:?}");
        let steps: Vec<&str> = cases.list[0].steps.iter().map(|r| r.target.as_str()).collect();
        assert_eq!(steps, ["/a", "/b"]);
        assert!(!cases.list[0].is_safe());
    }

    #[test]
    fn secrets_stay_at_home_and_masks_are_left_out() {
        let from = "https://shop.example/a?token=***&page=2&api_key=abc";
        let list = [("Authorization", "Bearer abc"), ("Cookie", "***"), ("Accept", "*/*")];
        let mut notes = Vec::new();
        let r = request(&sample(from, &list), &terms("http://127.0.0.1:9/v1/", &[]), &mut notes).unwrap();
        assert_eq!(r.target, "/v1/a?page=2");
        assert_eq!(r.headers, [("Accept".to_owned(), "*/*".to_owned())]);
        assert_eq!(notes.len(), 4, "{notes:?}");
        assert!(notes[2].contains("WHY500_AUTHORIZATION") && !notes.concat().contains("abc"), "{notes:?}");

        let own = request(&sample(from, &list), &terms("https://shop.example", &[]), &mut notes).unwrap();
        assert_eq!(own.header("authorization"), Some("Bearer abc"));
        let given = terms("http://127.0.0.1:9", &[("Authorization", "Bearer new")]);
        let r = request(&sample(from, &list), &given, &mut Vec::new()).unwrap();
        assert_eq!(r.header("authorization"), Some("Bearer new"));
    }
}
