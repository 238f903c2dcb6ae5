//! What is to be probed: fetched or read, told what it is, and where its requests go.

use super::net::Host;
use crate::explain::Usage;
use ::probe::explore::Server;
use ::probe::operation::Description;
use ::probe::targets::{
    Kind, Sample, Samples, curl, graphql, har, http_file, insomnia, openapi, postman, samples, tell,
};
use ::probe::{Answer, End, Request};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use url::Url;

/// Bytes of a description that are read.
const FILE_BYTES_MAX: u64 = 64 << 20;
/// Where services put their descriptions, in the order in which they are looked for: FastAPI, springdoc, Swashbuckle, others.
const USUAL: [&str; 7] = [
    "/openapi.json",
    "/v3/api-docs",
    "/swagger/v1/swagger.json",
    "/swagger.json",
    "/api/openapi.json",
    "/api-docs",
    "/openapi.yaml",
];

/// What GraphQL tells of itself (spec.graphql.org, "Introspection"), types within types to seven levels.
const INTROSPECTION: &str = "query { __schema { queryType { name } mutationType { name } types { kind name \
    fields(includeDeprecated: true) { name args { name type { ...T } defaultValue } type { ...T } } \
    inputFields { name type { ...T } defaultValue } enumValues(includeDeprecated: true) { name } possibleTypes { name } } } } \
    fragment T on __Type { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind \
    name ofType { kind name } } } } } } }";

/// What a target is.
pub enum Target {
    /// A site, to be crawled from here.
    Site(Url),
    /// Operations.
    Described(Description),
}

/// Is a target named by its address?
pub fn url(target: &str) -> Option<Url> {
    Url::parse(target).ok().filter(|u| matches!(u.scheme(), "http" | "https"))
}

/// A target that is a file: what it describes, and the server it names.
///
/// # Errors
/// It cannot be read, it is nothing that can be probed, or no server is known.
pub fn from_file(
    path: &Path,
    base_url: Option<&Url>,
    variables: &BTreeMap<String, String>,
) -> Result<(Description, Host), Usage> {
    let shown = path.display();
    let size = std::fs::metadata(path).map_err(|e| Usage(format!("{shown}: {e}")))?.len();
    if size > FILE_BYTES_MAX {
        return Err(Usage(format!(
            "{shown}: larger than {} MB, which no description is",
            FILE_BYTES_MAX >> 20
        )));
    }
    let bytes = std::fs::read(path).map_err(|e| Usage(format!("{shown}: {e}")))?;
    let text = String::from_utf8_lossy(&bytes);
    let base = base_url.map(Url::path);
    let mut description = describe(&shown.to_string(), &text, base, None, variables)?;
    let told = description.servers.iter().find_map(|s| url(s));
    let host = match (base_url, &told) {
        (Some(u), _) => Host::of(u, true)?,
        (None, Some(u)) => Host::of(u, false)?,
        (None, None) => {
            return Err(Usage(format!(
                "{shown}: it names no server; say where it is with --base-url http://HOST:PORT"
            )));
        }
    };
    // Recorded requests go to many hosts; those to the one that is probed are sent.
    if description.document.is_null() && base_url.is_none() {
        description = describe(&shown.to_string(), &text, base, Some(&host.base), variables)?;
    }
    Ok((description, host))
}

/// The requests that failed in an access log, each route once, to be sent again and changed.
///
/// # Errors
/// It cannot be read, or nothing failed in it.
pub fn from_log(
    path: &Path,
    base_url: Option<&Url>,
    stop: &Arc<AtomicBool>,
) -> Result<(Description, Host), Usage> {
    let shown = path.display();
    std::fs::metadata(path).map_err(|e| Usage(format!("{shown}: {e}")))?;
    let Some(base_url) = base_url else {
        return Err(Usage(format!(
            "{shown}: a log names no server; say where it is with --base-url http://HOST:PORT"
        )));
    };
    let report = crate::explain::folder(path, &jiff::tz::TimeZone::UTC, 1, stop)?;
    let mut list: Vec<Sample> = Vec::new();
    for e in report.problems.iter().flat_map(|p| &p.endpoints) {
        let method = if e.method.is_empty() { "GET" } else { e.method.as_str() };
        let sample = Sample { method: method.to_owned(), url: e.example.clone(), ..Sample::default() };
        if e.example.starts_with('/') && !list.contains(&sample) {
            list.push(sample);
        }
    }
    if list.is_empty() {
        return Err(Usage(format!(
            "{shown}: no request in it failed, so that there is none to be sent again"
        )));
    }
    Ok((samples::describe(&list, None), Host::of(base_url, true)?))
}

/// What an address answers: a description, or a site.
///
/// # Errors
/// It was not reached, or describes nothing that can be probed.
pub fn from_url(
    url: &Url,
    base_url: Option<&Url>,
    server: &mut dyn Server,
    headers: &[(String, String)],
) -> Result<Target, Usage> {
    let query = url.query().map(|q| format!("?{q}")).unwrap_or_default();
    let get = |server: &mut dyn Server, target: &str| -> Answer {
        let request = Request { headers: headers.to_vec(), ..Request::new("GET", target) };
        server.send(&[request]).into_iter().next().unwrap_or_default()
    };
    let answer = get(server, &format!("{}{query}", url.path()));
    match &answer.end {
        End::NotReached(why) | End::NotSent(why) => return Err(Usage(format!("{url}: {why}"))),
        End::Broken(why) if url.scheme() == "https" => {
            return Err(Usage(format!("{url}: what answers there speaks no TLS ({why}); is it http://?")));
        }
        _ => {}
    }
    let none = BTreeMap::new();
    let base = base_url.map(Url::path);
    if url.path().contains("graphql") && !answer.is_ok() || url.path().ends_with("graphql") {
        // A query reads, though it is sent by POST.
        let mut asked = Request { headers: headers.to_vec(), ..Request::new("POST", url.path()) };
        asked.set_header("Content-Type", "application/json");
        asked.body = Some(serde_json::json!({"query": INTROSPECTION}).to_string().into_bytes());
        let told = server.send(&[asked]).into_iter().next().unwrap_or_default();
        let text = told.text().into_owned();
        if matches!(tell("", &text), Some(Kind::GraphQlIntrospection)) {
            let schema = graphql::Schema::read(&text).map_err(|e| Usage(format!("{url}: {e}")))?;
            return Ok(Target::Described(schema.describe(base.unwrap_or(url.path()))));
        }
    }
    let is_page = answer.media().contains("html");
    if answer.is_ok() && !is_page {
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        if answer.bytes > answer.body.len() as u64 {
            return Err(Usage(format!(
                "{url}: the description is larger than is read over HTTP; save it to a file and name that, with --base-url"
            )));
        }
        if tell(url.path(), &text).is_some_and(|k| !matches!(k, Kind::Html | Kind::AccessLog)) {
            return describe(url.as_str(), &text, base, None, &none).map(Target::Described);
        }
    }
    if !is_page && url.path() == "/" {
        for place in USUAL {
            let answer = get(server, place);
            let text = answer.text().into_owned();
            if answer.is_ok() && matches!(tell(place, &text), Some(Kind::OpenApi | Kind::Swagger2)) {
                return describe(place, &text, base, None, &none).map(Target::Described);
            }
        }
    }
    Ok(Target::Site(url.clone()))
}

fn describe(
    name: &str,
    text: &str,
    base: Option<&str>,
    host: Option<&str>,
    variables: &BTreeMap<String, String>,
) -> Result<Description, Usage> {
    let wrong = |e: String| Usage(format!("{name}: {e}"));
    let of = |told: Result<Samples, String>| -> Result<Description, Usage> {
        let told = told.map_err(wrong)?;
        let list: Vec<Sample> = match base {
            // Another server than the recorded one: the paths are what they are.
            Some(_) => told.list.into_iter().map(|s| Sample { url: without_host(&s.url), ..s }).collect(),
            None => told.list,
        };
        let mut d = samples::describe(&list, host);
        d.notes.extend(told.notes);
        Ok(d)
    };
    match tell(name, text) {
        Some(Kind::OpenApi | Kind::Swagger2) => openapi::read_at(text, base).map_err(wrong),
        Some(Kind::GraphQlSdl | Kind::GraphQlIntrospection) => Ok(graphql::Schema::read(text)
            .map_err(wrong)?
            .describe(base.filter(|b| *b != "/").unwrap_or("/graphql"))),
        Some(Kind::Postman) => of(postman::read(text, variables)),
        Some(Kind::Insomnia) => of(insomnia::read(text, variables)),
        Some(Kind::Har) => of(har::read(text, variables)),
        Some(Kind::HttpFile) => of(http_file::read(text, variables)),
        Some(Kind::Curl) => of(curl::read(text, variables)),
        Some(other) => Err(wrong(format!("it is {other:?}, which cannot be probed by itself"))),
        None => Err(wrong(
            "it is neither an OpenAPI, Postman, Insomnia, HAR or .http file nor curl commands".to_owned(),
        )),
    }
}

fn without_host(url: &str) -> String {
    match Url::parse(url) {
        Ok(u) => format!("{}{}", u.path(), u.query().map(|q| format!("?{q}")).unwrap_or_default()),
        Err(_) => url.to_owned(),
    }
}
