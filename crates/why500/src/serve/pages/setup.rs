//! What to paste where, so that a project's failures come in: the lines of `setup.toml` with this server's address and key.

use super::shell::whole;
use super::{Seen, Visit, led, page, text};
use crate::serve::api::bad;
use crate::serve::now;
use axum::extract::Form;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use maud::{Markup, html};
use serde::Deserialize;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

/// One way to send something here.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct Way {
    id: String,
    name: String,
    group: String,
    /// The wire it uses.
    wire: String,
    /// Options that `why500 serve` must have been started with.
    #[serde(default)]
    serve: String,
    /// What has to be installed first, as a shell line.
    #[serde(default)]
    install: String,
    /// The file to be edited.
    #[serde(default)]
    file: String,
    /// Language of the lines.
    #[serde(default)]
    language: String,
    lines: String,
    /// A command that makes one failure.
    #[serde(default)]
    check: String,
    #[serde(default)]
    note: String,
    /// The vendor's page.
    source: String,
    /// With which version it was tried against why500.
    #[serde(default)]
    tried: String,
}

#[derive(Deserialize)]
struct Ways {
    way: Vec<Way>,
}

/// Groups in the order they are shown.
const GROUPS: [(&str, &str); 5] = [
    ("framework", "Frameworks and languages"),
    ("server", "Web servers and proxies"),
    ("shipper", "Log shippers"),
    ("collector", "Collectors and agents"),
    ("container", "Containers"),
];

fn ways() -> &'static [Way] {
    static WAYS: OnceLock<Vec<Way>> = OnceLock::new();
    // The file is ours and a test reads it: it parses.
    WAYS.get_or_init(|| {
        toml::from_str::<Ways>(include_str!("../../../../../setup.toml")).map(|w| w.way).unwrap_or_default()
    })
}

/// What stands for `{dsn}`, `{url}`, … in the lines.
struct Here {
    scheme: &'static str,
    /// Name and port as the browser reached it.
    at: String,
    key: String,
    project: i64,
}

impl Here {
    fn filled(&self, lines: &str) -> String {
        let (host, port) =
            self.at.rsplit_once(':').unwrap_or((&self.at, if self.scheme == "https" { "443" } else { "80" }));
        [
            ("{dsn}", format!("{}://{}@{}/{}", self.scheme, self.key, self.at, self.project)),
            ("{url}", format!("{}://{}", self.scheme, self.at)),
            ("{address}", self.at.clone()),
            ("{host}", host.to_owned()),
            ("{port}", port.to_owned()),
            ("{scheme}", self.scheme.to_owned()),
            ("{tls}", if self.scheme == "https" { "on" } else { "off" }.to_owned()),
            ("{key}", self.key.clone()),
            ("{project}", self.project.to_string()),
            ("{syslog_port}", "5514".to_owned()),
            ("{gelf_port}", "12201".to_owned()),
            ("{fluent_port}", "24224".to_owned()),
            ("{dogstatsd_port}", "8125".to_owned()),
        ]
        .iter()
        .fold(lines.to_owned(), |text, (mark, value)| text.replace(mark, value))
    }
}

/// The address by which the browser reached this server.
pub struct Reached(Option<String>);

impl<S: Sync> FromRequestParts<S> for Reached {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Reached, Self::Rejection> {
        let named = |name| parts.headers.get(name).and_then(|v: &axum::http::HeaderValue| v.to_str().ok());
        let host = named(header::HOST).map(str::to_owned);
        Ok(Reached(host.or_else(|| parts.uri.authority().map(ToString::to_string))))
    }
}

/// `GET /setup`: `way` is the one that is shown. With `part=waiting` only whether something came.
pub async fn setup(visit: Visit, Reached(at): Reached) -> Seen {
    let p = visit.project;
    let came = visit.app.read(|r| {
        let problems = r.problems(p, &store::Query { limit: 1, ..store::Query::default() })?;
        Ok(r.last_counted(p)?.is_some() || !problems.rows.is_empty())
    })?;
    if visit.params.get("part").is_some_and(|p| p == "waiting") {
        return Ok(page(StatusCode::OK, waiting(came, p)));
    }
    // As with the API, whoever may only read is not shown keys.
    let keys = if visit.admin { visit.app.read(|r| r.keys(p))? } else { Vec::new() };
    let key = keys.into_iter().find(|k| k.revoked.is_none()).map_or_else(|| "KEY".to_owned(), |k| k.key);
    let scheme = if visit.app.tls || !visit.app.proxies.is_empty() { "https" } else { "http" };
    let here = Here { scheme, at: at.unwrap_or_else(|| "127.0.0.1:8500".into()), key, project: p };
    let asked = visit.params.get("way").map_or("", String::as_str);
    let way = ways().iter().find(|w| w.id == asked).or_else(|| ways().first());
    let main = html! {
        h1 { "Set-up" }
        div #waiting data-waiting=(came) { (waiting(came, p)) }
        section.card {
            dl.facts {
                div { dt { "Sentry DSN" } dd { code.wrap { (here.filled("{dsn}")) } } }
                div { dt { "OpenTelemetry (OTLP/HTTP and gRPC)" } dd { code.wrap { (here.filled("{url}")) } } }
                div { dt { "JSON lines" } dd { code.wrap { "POST " (here.filled("{url}/api/v1/ingest")) } } }
                div { dt { "Ingest key" } dd { code.wrap { (here.key) } } }
            }
        }
        div.setup {
            nav.ways aria-label="What you run" { @for (group, name) in GROUPS {
                @let list: Vec<&Way> = ways().iter().filter(|w| w.group == group).collect();
                @if !list.is_empty() {
                    h2 { (name) }
                    ul { @for w in list {
                        li { a href={ "/setup?way=" (w.id) "&project=" (p) "#way" } aria-current=[way.is_some_and(|x| x.id == w.id).then_some("true")] { (w.name) } }
                    } }
                }
            } }
            @if let Some(w) = way { (shown(w, &here)) }
        }
        section.card {
            h2 { "Projects" }
            ul { @for p in &visit.projects { li { a href={ "/setup?project=" (p.id) } { (text(&p.name)) } } } }
            form.inline method="post" action="/setup/projects" {
                label { span.visually-hidden { "Name of a new project" } input name="name" required placeholder="a new project" autocomplete="off"; }
                button { "Add project" }
            }
        }
    };
    Ok(page(StatusCode::OK, whole(&visit, "/setup", "Set-up", &main)))
}

fn waiting(came: bool, project: i64) -> Markup {
    html! {
        @if came {
            p.signal.green { "● Something has come in. " a href={ "/problems?project=" (project) } { "See the problems" } }
        } @else {
            p.signal { span.pulse aria-hidden="true" { "●" } " Waiting for the first event of this project…" }
        }
    }
}

fn shown(w: &Way, here: &Here) -> Markup {
    let copied = |lines: &str, language: &str| {
        html! {
            div.copied { pre tabindex="0" data-language=(language) { (here.filled(lines.trim_end())) } button.plain type="button" data-copy-text="" { "Copy" } }
        }
    };
    html! {
        section.card.way-shown #way {
            h2 { (w.name) }
            p.soft { "over " (w.wire) @if !w.tried.is_empty() { " · tried with " (w.tried) } }
            @if !w.serve.is_empty() { h3 { "Start why500 with" } (copied(&format!("why500 serve {}", w.serve), "sh")) }
            @if !w.install.is_empty() { h3 { "Install" } (copied(&w.install, "sh")) }
            h3 { @if w.file.is_empty() { "Paste" } @else { "Into " span.mono.as-is { (w.file) } } }
            (copied(&w.lines, &w.language))
            @if !w.note.is_empty() { p { (here.filled(&w.note)) } }
            @if !w.check.is_empty() { h3 { "Make one failure" } (copied(&w.check, "sh")) }
            p.soft { "From " a href=(w.source) rel="noreferrer" { (w.source) } }
        }
    }
}

/// Somebody who may make projects.
pub struct Admin(Visit);

impl FromRequestParts<Arc<crate::serve::App>> for Admin {
    type Rejection = axum::http::Response<axum::body::Body>;

    async fn from_request_parts(
        parts: &mut Parts,
        app: &Arc<crate::serve::App>,
    ) -> Result<Admin, Self::Rejection> {
        Visit::of(parts, app, "admin").await.map(Admin)
    }
}

/// `POST /setup/projects`: `name`.
pub async fn add_project(Admin(v): Admin, Form(said): Form<HashMap<String, String>>) -> Seen {
    let name = said
        .get("name")
        .map(|n| n.trim())
        .filter(|n| !n.is_empty())
        .ok_or_else(|| bad("a project needs a name"))?;
    let project = v.app.act(|s| s.add_project(now(), name))?;
    let key = v.app.act(|s| s.add_key(now(), project.id, "first"))?;
    v.app.learn_key(&key.key, project.id);
    Ok(led(&format!("/setup?project={}", project.id)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ways_are_read_and_every_mark_in_them_is_filled() {
        let parsed: Result<Ways, _> = toml::from_str(include_str!("../../../../../setup.toml"));
        let ways = parsed.unwrap().way;
        let here = Here { scheme: "http", at: "why.example:8500".into(), key: "abc".into(), project: 2 };
        for w in &ways {
            assert!(GROUPS.iter().any(|(g, _)| *g == w.group), "{}: group {}", w.id, w.group);
            assert!(w.source.starts_with("https://"), "{}: {}", w.id, w.source);
            let all = [&w.lines, &w.serve, &w.install, &w.check, &w.note].map(|l| here.filled(l)).join("\n");
            for mark in ["{dsn}", "{url}", "{address}", "{host}", "{key}", "{project}", "{tls}", "_port}"] {
                assert!(!all.contains(mark), "{}: {mark}", w.id);
            }
        }
        assert_eq!(here.filled("{dsn} {host} {port}"), "http://abc@why.example:8500/2 why.example 8500");
    }
}
