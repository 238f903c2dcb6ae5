//! Which kind of description a text is: by what it holds first, by its name where that says nothing.

use serde_json::Value;

/// What a file or an answer can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// OpenAPI 3.0 or 3.1, JSON or YAML.
    OpenApi,
    /// Swagger 2, JSON or YAML.
    Swagger2,
    /// GraphQL's schema language.
    GraphQlSdl,
    /// The answer to GraphQL's introspection, JSON.
    GraphQlIntrospection,
    /// A Postman collection.
    Postman,
    /// An export of a Postman environment.
    PostmanEnvironment,
    /// An Insomnia export, version 4 or 5.
    Insomnia,
    /// A HAR archive.
    Har,
    /// An `.http` file.
    HttpFile,
    /// curl commands.
    Curl,
    /// A page.
    Html,
    /// An access log.
    AccessLog,
}

/// Lines that are looked at where no whole document is read: what a text is shows in its first ones.
const LINES_MAX: usize = 400;
/// Bytes of a line that are looked at; bundled scripts and logs have lines of megabytes.
const LINE_BYTES_MAX: usize = 2_000;

const METHODS: [&str; 9] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "GRAPHQL"];

/// Says what a text is; `None` where neither it nor its name tells.
pub fn tell(name: &str, text: &str) -> Option<Kind> {
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let name = name.rsplit(['/', '\\']).next().unwrap_or(name).to_ascii_lowercase();
    by_content(text).or_else(|| by_name(&name))
}

fn by_content(text: &str) -> Option<Kind> {
    if text.starts_with('{') {
        // A log of JSON lines, SDL and a broken document begin like one, too.
        return serde_json::from_str(text).map_or_else(|_| of_lines(text), |v| of_json(&v));
    }
    if text.starts_with('<') {
        let start: String = text.chars().take(1_000).collect::<String>().to_ascii_lowercase();
        let is_page = ["<!doctype html", "<html", "<head", "<body"].iter().any(|t| start.contains(t));
        return is_page.then_some(Kind::Html);
    }
    of_lines(text)
}

fn of_json(v: &Value) -> Option<Kind> {
    let has = |key: &str| v.get(key).is_some();
    let is_list = |pointer: &str| v.pointer(pointer).is_some_and(Value::is_array);
    if has("openapi") {
        return Some(Kind::OpenApi);
    }
    if has("swagger") {
        return Some(Kind::Swagger2);
    }
    if v.pointer("/data/__schema").is_some() || has("__schema") {
        return Some(Kind::GraphQlIntrospection);
    }
    if is_list("/log/entries") {
        return Some(Kind::Har);
    }
    if is_list("/resources")
        && (has("__export_format") || v.get("_type").and_then(Value::as_str) == Some("export"))
    {
        return Some(Kind::Insomnia);
    }
    if is_insomnia(v.get("type").and_then(Value::as_str).unwrap_or_default()) {
        return Some(Kind::Insomnia);
    }
    if is_list("/item") && has("info") {
        return Some(Kind::Postman);
    }
    if is_list("/values")
        && (has("_postman_variable_scope") || is_list("/values") && v.pointer("/values/0/key").is_some())
    {
        return Some(Kind::PostmanEnvironment);
    }
    // One line of a log.
    is_access_json(v).then_some(Kind::AccessLog)
}

/// A request with its status, as servers and proxies log it in JSON.
fn is_access_json(v: &Value) -> bool {
    let any = |keys: &[&str]| keys.iter().any(|k| v.get(*k).is_some());
    let request =
        any(&["request", "request_uri", "uri", "url", "path", "requestURI", "RequestPath", "httpRequest"]);
    request
        && any(&["status", "status_code", "statusCode", "DownstreamStatus", "response_code", "httpRequest"])
}

fn is_insomnia(of: &str) -> bool {
    of.starts_with("collection.insomnia.rest/")
}

fn of_lines(text: &str) -> Option<Kind> {
    let lines = || text.lines().take(LINES_MAX).map(cut);
    // Keys at the top of YAML, and of JSON that is broken further on.
    for line in lines() {
        let at_top = line.trim_start_matches(['{', ' ', '\t']);
        let is_inset = line.starts_with([' ', '\t']) && !text.starts_with('{');
        let Some((key, value)) = at_top.split_once(':').filter(|_| !is_inset) else { continue };
        let value = value.trim().trim_matches(['"', '\'', ',', ' ']);
        match key.trim().trim_matches(['"', '\'']) {
            "openapi" if value.starts_with('3') => return Some(Kind::OpenApi),
            "swagger" if value.starts_with('2') => return Some(Kind::Swagger2),
            "type" if is_insomnia(value) => return Some(Kind::Insomnia),
            "_type" if value.starts_with("export") => return Some(Kind::Insomnia),
            _ => {}
        }
    }
    let mut sure = 0;
    for line in lines() {
        if is_access_line(line)
            || serde_json::from_str(line).is_ok_and(|v: Value| v.is_object() && is_access_json(&v))
        {
            sure += 1;
        }
        if sure == 2 {
            return Some(Kind::AccessLog);
        }
    }
    if sure == 1 && lines().filter(|l| !l.trim().is_empty()).count() == 1 {
        return Some(Kind::AccessLog);
    }
    if is_sdl(text) {
        return Some(Kind::GraphQlSdl);
    }
    let first = lines().map(str::trim).find(|l| !l.is_empty() && !l.starts_with('#') && !l.starts_with("//"));
    let is_curl = |l: &str| {
        let mut words = l.trim_start_matches(['$', '>', ' ']).split_whitespace();
        words.any(|w| w == "curl" || w.ends_with("/curl") || w == "curl.exe")
            && l.trim_start_matches(['$', '>', ' '])
                .split_whitespace()
                .take(4)
                .any(|w| w.ends_with("curl") || w == "curl.exe")
    };
    if lines().any(is_http_line) {
        return Some(Kind::HttpFile);
    }
    (first.is_some_and(is_curl) || lines().any(|l| l.trim_start().starts_with("curl "))).then_some(Kind::Curl)
}

fn cut(line: &str) -> &str {
    let mut end = line.len().min(LINE_BYTES_MAX);
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    line.get(..end).unwrap_or_default()
}

/// `GET https://h/a`, `POST {{base}}/b HTTP/1.1`.
fn is_http_line(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let is_method = words.next().is_some_and(|m| METHODS.contains(&m));
    let is_target =
        words.next().is_some_and(|t| t.starts_with('/') || t.starts_with("{{") || t.contains("://"));
    is_method && is_target && words.next().is_none_or(|v| v.starts_with("HTTP/"))
}

/// `… "GET /a HTTP/1.1" 500 …` (the common log format), or method, target and status in their own columns (W3C, IIS).
fn is_access_line(line: &str) -> bool {
    let quoted = METHODS.iter().any(|m| line.contains(&format!("\"{m} ")));
    let version = line.split_once(" HTTP/").is_some_and(|(_, rest)| {
        let mut rest = rest.split('"').nth(1).unwrap_or_default().split_whitespace();
        rest.next().is_some_and(is_status)
    });
    if quoted && version {
        return true;
    }
    let words: Vec<&str> = line.split_whitespace().take(20).collect();
    let method = words.iter().position(|w| METHODS.contains(w)).filter(|i| *i > 0);
    method.is_some_and(|i| {
        words.get(i + 1).is_some_and(|t| t.starts_with('/')) && words.iter().skip(i + 2).any(|w| is_status(w))
    })
}

fn is_status(word: &str) -> bool {
    word.len() == 3 && word.starts_with(['1', '2', '3', '4', '5']) && word.bytes().all(|b| b.is_ascii_digit())
}

/// `type Query {`, `schema {`, `extend type A @key(fields: "id") {` at the beginning of a line.
fn is_sdl(text: &str) -> bool {
    text.lines().take(LINES_MAX).any(|line| {
        let line = cut(line);
        let mut words = line
            .strip_prefix("extend ")
            .unwrap_or(line)
            .split([' ', '{', '(', '\t'])
            .filter(|w| !w.is_empty());
        match words.next() {
            Some("schema") => line.contains('{'),
            Some("type" | "interface" | "input" | "enum") => {
                words.next().is_some_and(is_name)
                    && (line.contains('{') || line.contains(" implements "))
                    && !line.contains('=')
            }
            Some("union") => words.next().is_some_and(is_name) && line.contains('='),
            Some("scalar") => words.next().is_some_and(is_name),
            _ => false,
        }
    })
}

fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// A name says what a text would be if it were in order; whoever reads it then says what is not.
fn by_name(name: &str) -> Option<Kind> {
    let ends = |all: &[&str]| all.iter().any(|e| name.ends_with(e));
    if ends(&[".postman_environment.json", ".postman_globals.json"]) {
        Some(Kind::PostmanEnvironment)
    } else if ends(&[".postman_collection.json"]) {
        Some(Kind::Postman)
    } else if ends(&[".har"]) {
        Some(Kind::Har)
    } else if ends(&[".http", ".rest"]) {
        Some(Kind::HttpFile)
    } else if ends(&[".graphql", ".graphqls", ".gql"]) {
        Some(Kind::GraphQlSdl)
    } else if ends(&[".curl"]) {
        Some(Kind::Curl)
    } else if ends(&[".html", ".htm"]) {
        Some(Kind::Html)
    } else if ends(&[".json", ".yaml", ".yml"]) {
        match name {
            n if n.contains("openapi") => Some(Kind::OpenApi),
            n if n.contains("swagger") => Some(Kind::Swagger2),
            n if n.contains("insomnia") => Some(Kind::Insomnia),
            _ => None,
        }
    } else if name.contains("access") && name.contains("log") || ends(&[".log"]) {
        Some(Kind::AccessLog)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::{curl, har, http_file, insomnia, postman};
    use super::*;

    #[test]
    fn content_tells() {
        for (text, want) in [
            (postman::tests::SHOP, Some(Kind::Postman)),
            (
                r#"{"id":"e","values":[{"key":"a","value":"1"}],"_postman_variable_scope":"environment"}"#,
                Some(Kind::PostmanEnvironment),
            ),
            (har::tests::SESSION, Some(Kind::Har)),
            (insomnia::tests::FOUR, Some(Kind::Insomnia)),
            (insomnia::tests::FIVE, Some(Kind::Insomnia)),
            (http_file::tests::SHOP, Some(Kind::HttpFile)),
            (curl::tests::CHROME, Some(Kind::Curl)),
            ("$ sudo curl http://h/", Some(Kind::Curl)),
            ("# how to\ncurl \\\n http://h/", Some(Kind::Curl)),
            (r#"{"openapi":"3.1.0","info":{},"paths":{}}"#, Some(Kind::OpenApi)),
            ("# ours\nopenapi: '3.0.3'\ninfo:\n  title: a\n", Some(Kind::OpenApi)),
            ("---\nswagger: \"2.0\"\n", Some(Kind::Swagger2)),
            ("_type: export\n__export_format: 4\nresources: []\n", Some(Kind::Insomnia)),
            ("{_type: export, __export_format: 4, resources: []}", Some(Kind::Insomnia)),
            ("{\n  \"swagger\": \"2.0\",\n  \"paths\": {", Some(Kind::Swagger2)),
            (r#"{"data":{"__schema":{"types":[]}}}"#, Some(Kind::GraphQlIntrospection)),
            ("\"\"\"Orders\"\"\"\ntype Query {\n  order(id: ID!): Order\n}\n", Some(Kind::GraphQlSdl)),
            ("scalar Date\n", Some(Kind::GraphQlSdl)),
            ("\u{feff}<!DOCTYPE html>\n<title>a</title>", Some(Kind::Html)),
            ("<?xml version=\"1.0\"?><a/>", None),
            (
                "127.0.0.1 - - [05/Jan/2026:10:00:00 +0000] \"GET /a HTTP/1.1\" 500 12 \"-\" \"curl/8\"\n",
                Some(Kind::AccessLog),
            ),
            (
                "#Fields: date time cs-method cs-uri-stem sc-status\n2026-01-05 10:00:00 GET /a 500\n2026-01-05 10:00:01 GET /a 200\n",
                Some(Kind::AccessLog),
            ),
            (
                "{\"status\":500,\"request_uri\":\"/a\"}\n{\"status\":200,\"request_uri\":\"/a\"}\n",
                Some(Kind::AccessLog),
            ),
            ("hello", None),
            ("{}", None),
            ("", None),
        ] {
            assert_eq!(tell("x", text), want, "{text}");
        }
    }

    #[test]
    fn a_name_tells_where_the_content_does_not() {
        for (name, want) in [
            ("shop.postman_collection.json", Some(Kind::Postman)),
            ("/a/b/session.HAR", Some(Kind::Har)),
            ("C:\\a\\x.http", Some(Kind::HttpFile)),
            ("openapi.yaml", Some(Kind::OpenApi)),
            ("access.log.1", Some(Kind::AccessLog)),
            ("a.txt", None),
        ] {
            assert_eq!(tell(name, "{\"broken"), want, "{name}");
        }
        assert_eq!(tell("a.har", postman::tests::SHOP), Some(Kind::Postman));
    }
}
