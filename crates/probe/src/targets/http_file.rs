//! `.http` and `.rest` files, as the HTTP clients of JetBrains (github.com/JetBrains/http-request-in-editor-spec) and of Visual
//! Studio Code's REST Client read them, and most of what httpYac (httpyac.github.io/guide) adds to them.
//!
//! ```text
//! @base = https://shop.example
//!
//! ### all orders
//! # @name orders
//! GET {{base}}/orders
//!     ?page=1
//! Accept: application/json
//!
//! ###
//! POST {{base}}/orders
//! Content-Type: application/json
//!
//! {"note": "a"}
//!
//! > {% client.assert(response.status === 201) %}
//! ```

use super::notes::Notes;
use super::variables::Filler;
use super::{SAMPLES_MAX, Sample, Samples, basic, curl, name_of, postman, url};
use serde_json::Value;
use std::collections::BTreeMap;

/// Lines of one request's head; what is longer is no head.
const HEAD_LINES_MAX: usize = 1_000;

/// The requests of a file. `variables` come before those of the file.
///
/// # Errors
/// It has no line that asks for a URL.
pub fn read(text: &str, variables: &BTreeMap<String, String>) -> Result<Samples, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = Reader {
        filler: Filler::new(variables),
        given: variables,
        notes: Notes::default(),
        list: Vec::new(),
    };
    // They hold in the whole file, wherever they stand; the last of a name holds.
    let own = text.lines().filter_map(variable).map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
    reader.filler.enter(own);
    for (title, block) in blocks(text) {
        reader.block(title, &block);
    }
    if reader.list.is_empty() {
        return Err("no line of it asks for a URL (`GET https://…`)".into());
    }
    Ok(Samples { list: reader.list, notes: reader.notes.sentences() })
}

/// Titles and lines of what lies between `###`; where a request has no body yet, another request begins a block, too.
fn blocks(text: &str) -> Vec<(&str, Vec<&str>)> {
    let mut out: Vec<(&str, Vec<&str>)> = vec![("", Vec::new())];
    // Of the block: was there a request, and did its head end?
    let (mut has_request, mut has_head, mut has_body) = (false, false, false);
    // What ends the script that these lines belong to.
    let mut script_end = None;
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("###") {
            out.push((rest.trim_start_matches('#').trim(), Vec::new()));
            (has_request, has_head, has_body) = (false, false, false);
            script_end = None;
            continue;
        }
        let in_script = script_end.is_some();
        if let Some(end) = script_end {
            script_end = (!line.contains(end)).then_some(end);
        } else if is_script(line) && !line.trim_end().ends_with("}}") {
            script_end = Some("}}");
        } else if line.contains("{%") && !line.contains("%}") {
            script_end = Some("%}");
        }
        let is_script = in_script || script_end.is_some();
        let is_blank = line.trim().is_empty();
        let is_request = !is_script && begins_request(line);
        if is_request && has_head && !has_body {
            // Comments before it are its own.
            let before = out.last_mut().map(|(_, l)| l);
            let own = before.as_ref().map_or(0, |l| {
                l.iter().rev().take_while(|l| l.trim().is_empty() || comment(l).is_some()).count()
            });
            let own = before.map(|l| l.split_off(l.len().saturating_sub(own))).unwrap_or_default();
            out.push(("", own));
            (has_request, has_head) = (true, false);
        } else if !has_request {
            has_request = is_request;
        } else if is_blank {
            has_head = true;
        } else if has_head
            && !is_script
            && !is_of_answer(line)
            && comment(line).is_none()
            && variable(line).is_none()
        {
            has_body = true;
        }
        if let Some((_, lines)) = out.last_mut() {
            lines.push(line);
        }
    }
    out
}

/// A line that can be nothing else: a method that all know, and a URL.
fn begins_request(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let known = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "GRAPHQL"];
    let is_method = words.next().is_some_and(|m| known.contains(&m));
    let is_target =
        words.next().is_some_and(|t| t.starts_with('/') || t.starts_with("{{") || t.contains("://"));
    is_method && is_target && line.starts_with(|c: char| c.is_ascii_uppercase())
}

/// `@name = value`.
fn variable(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.trim_start().strip_prefix('@')?.split_once('=')?;
    let name = name.trim();
    (!name.is_empty() && !name.contains(char::is_whitespace)).then(|| (name, value.trim()))
}

/// The text of a comment.
fn comment(line: &str) -> Option<&str> {
    let line = line.trim_start();
    line.strip_prefix("//").or_else(|| line.strip_prefix('#')).map(str::trim)
}

struct Reader<'a> {
    filler: Filler<'a>,
    given: &'a BTreeMap<String, String>,
    notes: Notes,
    list: Vec<Sample>,
}

/// The first line of a request.
struct Line {
    method: String,
    target: String,
}

impl Reader<'_> {
    fn block(&mut self, title: &str, lines: &[&str]) {
        let mut name = title.to_owned();
        let mut lines = lines.iter().copied().peekable();
        // What stands before the request: comments, variables, scripts that run before it.
        let first = loop {
            let Some(line) = lines.next() else { return };
            if let Some(text) = comment(line) {
                if let Some(told) = text.strip_prefix("@name").filter(|t| t.starts_with([' ', '=', '\t'])) {
                    told.trim_start_matches(['=', ' ', '\t']).trim().clone_into(&mut name);
                }
            } else if line.trim_start().starts_with("< {%") {
                self.notes.scripts += 1;
                let mut line = line;
                while !line.contains("%}") {
                    let Some(next) = lines.next() else { return };
                    line = next;
                }
            } else if line.trim_start().starts_with("< ") {
                self.notes.scripts += 1;
            } else if is_script(line) {
                self.script(line, &mut lines);
            } else if !line.trim().is_empty() && variable(line).is_none() {
                break line;
            }
        };
        if self.list.len() == SAMPLES_MAX {
            self.notes.too_many += 1;
            return;
        }
        if first.trim_start().starts_with("curl ") {
            self.curl(&name, first, lines);
            return;
        }
        let Some(mut line) = request_line(first) else {
            let shown: String = first.trim().chars().take(60).collect();
            self.notes.say(format!("This is no request and is left out: {shown}."));
            return;
        };
        // The URL goes on in lines that are set in.
        while let Some(next) = lines.peek().filter(|l| l.starts_with([' ', '\t'])) {
            let more = next.trim();
            if comment(more).is_none() {
                if !more.starts_with(['?', '&', '/', '#', '='])
                    && !line.target.ends_with(['?', '&', '/', '='])
                {
                    break;
                }
                line.target.push_str(more.strip_suffix(" HTTP/1.1").unwrap_or(more));
            }
            lines.next();
        }
        let target = self.filler.fill(&line.target, &mut self.notes);
        let mut sample = Sample { name, ..Sample::default() };
        let mut host = None;
        let mut is_graphql = line.method == "GRAPHQL";
        for _ in 0..HEAD_LINES_MAX {
            let Some(next) = lines.next_if(|l| !l.trim().is_empty()) else { break };
            if comment(next).is_some() || variable(next).is_some() {
                continue;
            }
            if is_of_answer(next) {
                self.response_line(next, &mut lines);
                continue;
            }
            if is_script(next) {
                self.script(next, &mut lines);
                continue;
            }
            let Some((name, value)) = next.split_once(':') else { continue };
            let name = self.filler.fill(name.trim(), &mut self.notes);
            let value = self.filler.fill(value.trim(), &mut self.notes);
            if name.eq_ignore_ascii_case("host") {
                host = Some(value);
            } else if name.eq_ignore_ascii_case("x-request-type") {
                is_graphql |= value.eq_ignore_ascii_case("graphql");
            } else if name.eq_ignore_ascii_case("authorization") {
                let value = self.credentials(&value);
                sample.add_header(&name, &value);
            } else {
                sample.add_header(&name, &value);
            }
        }
        // Only the path stands in the line: the host is in its header, or in a variable of that name (httpYac).
        sample.url = match host.or_else(|| self.filler.value("host").map(str::to_owned)) {
            Some(host) if target.starts_with('/') => {
                let host = self.filler.fill(&host, &mut self.notes);
                let scheme = if host.contains("://") { "" } else { "http://" };
                url(&format!("{scheme}{}{target}", host.trim_end_matches('/')))
            }
            _ => url(&target),
        };
        sample.method = if line.method == "GRAPHQL" { "POST".into() } else { line.method };
        let body = self.body(lines, sample.header("content-type").unwrap_or_default());
        let body = self.filler.fill(&body, &mut self.notes);
        // httpYac takes a query for one where it is no JSON.
        let is_query = ["query ", "query{", "mutation ", "mutation{"].iter().any(|w| body.starts_with(w));
        let is_json = sample.header("content-type").is_some_and(|c| c.contains("json"));
        if (is_graphql || is_query && is_json) && !body.trim().is_empty() {
            let (query, variables) = body.split_once("\n\n").unwrap_or((&body, ""));
            let variables: Value = serde_json::from_str(variables.trim()).unwrap_or(Value::Null);
            // Without variables blank lines belong to the query.
            let query = if variables.is_null() { &body } else { query };
            sample.body = postman::graphql(query.trim(), variables, "");
            sample.add_header_if_none("Content-Type", "application/json");
        } else {
            sample.body = body.into_bytes();
        }
        if sample.name.is_empty() {
            sample.name = name_of(&sample.method, &sample.url);
        }
        self.list.push(sample);
    }

    /// A request may be a curl command.
    fn curl<'l>(&mut self, name: &str, first: &str, rest: impl Iterator<Item = &'l str>) {
        let mut text = first.to_owned();
        for line in rest.take_while(|l| !l.trim().is_empty()) {
            text.push('\n');
            text.push_str(line);
        }
        let text = self.filler.fill(&text, &mut self.notes);
        match curl::read(&text, self.given) {
            Ok(all) => {
                all.notes.into_iter().for_each(|n| self.notes.say(n));
                for mut sample in all.list.into_iter().take(SAMPLES_MAX - self.list.len()) {
                    if !name.is_empty() {
                        name.clone_into(&mut sample.name);
                    }
                    self.list.push(sample);
                }
            }
            Err(why) => self.notes.say(format!("A curl command is left out: {why}.")),
        }
    }

    /// Until the end of the block, or what is done with the answer.
    fn body<'l>(
        &mut self,
        mut lines: std::iter::Peekable<impl Iterator<Item = &'l str>>,
        media: &str,
    ) -> String {
        let mut out = String::new();
        // Between parts lines end in CR LF (RFC 2046 §5.1.1).
        let end = if media.to_ascii_lowercase().starts_with("multipart/") { "\r\n" } else { "\n" };
        // A form may be written in several lines.
        let is_form = crate::request::media(media) == "application/x-www-form-urlencoded";
        while let Some(line) = lines.next() {
            if is_of_answer(line) {
                self.response_line(line, &mut lines);
                continue;
            }
            if is_script(line) {
                self.script(line, &mut lines);
                continue;
            }
            // An answer that was recorded behind its request.
            if is_status_line(line) {
                break;
            }
            if let Some(file) = file_of(line) {
                self.notes.file(file);
                continue;
            }
            if is_form && line.trim_start().starts_with('&') && out.ends_with('\n') {
                out.truncate(out.trim_end().len());
                out.push_str(line.trim());
            } else {
                out.push_str(line);
            }
            out.push_str(end);
        }
        // Notes behind a request without a body.
        if media.is_empty() && out.lines().all(|l| l.trim().is_empty() || comment(l).is_some()) {
            out.clear();
        }
        let kept = out.trim_end().len();
        out.truncate(kept);
        if end == "\r\n" && !out.is_empty() {
            out.push_str(end);
        }
        let blank = out.len() - out.trim_start_matches(['\r', '\n']).len();
        out.drain(..blank);
        out
    }

    /// `> {% … %}`, `> file.js`, `>> file`, `<> file`: what is done with the answer.
    fn response_line<'l>(&mut self, line: &str, lines: &mut impl Iterator<Item = &'l str>) {
        let line = line.trim_start();
        if [">>", "<>", "??"].iter().any(|p| line.starts_with(p)) {
            return;
        }
        self.notes.scripts += 1;
        if line.contains("{%") && !line.contains("%}") {
            for line in lines {
                if line.contains("%}") {
                    break;
                }
            }
        }
    }

    /// httpYac's scripts: `{{` alone or with an event (`{{@response`), up to `}}` alone.
    fn script<'l>(&mut self, line: &str, lines: &mut impl Iterator<Item = &'l str>) {
        self.notes.scripts += 1;
        if !line.trim_end().ends_with("}}") {
            for line in lines {
                if line.trim_end().ends_with("}}") {
                    break;
                }
            }
        }
    }

    /// `Basic ada secret` and `Basic ada:secret` are encoded at sending.
    fn credentials(&mut self, value: &str) -> String {
        let mut words = value.split_whitespace();
        let (scheme, first, second) = (words.next().unwrap_or_default(), words.next(), words.next());
        if scheme.eq_ignore_ascii_case("digest") || scheme.eq_ignore_ascii_case("aws") {
            self.notes.say(format!(
                "Credentials of the kind {scheme} are not made; they are sent as they are written."
            ));
        }
        match (scheme.eq_ignore_ascii_case("basic"), first, second) {
            (true, Some(name), Some(password)) => basic(name, password),
            (true, Some(both), None) => match both.split_once(':') {
                Some((name, password)) => basic(name, password),
                None => value.to_owned(),
            },
            _ => value.to_owned(),
        }
    }
}

/// `> {%`, `> ./check.js`, `>> out.json`, `>>! out.json`, `<> earlier.json`, `?? status == 200` (httpYac). Bodies may have lines with `>` too (`>quoted`).
fn is_of_answer(line: &str) -> bool {
    let line = line.trim_end();
    ["> {%", ">{%", ">> ", ">>! ", "<> ", "?? "].iter().any(|p| line.starts_with(p))
        || line.strip_prefix("> ").is_some_and(|f| f.ends_with(".js") && !f.contains(' '))
}

fn is_script(line: &str) -> bool {
    let line = line.trim_end();
    line == "{{" || ["{{@", "{{+"].iter().any(|p| line.starts_with(p) && !line.contains("}}"))
}

/// `HTTP/1.1 200 OK`
fn is_status_line(line: &str) -> bool {
    let status = line.strip_prefix("HTTP/").and_then(|rest| rest.split_once(' ')).map(|(_, rest)| rest);
    status.is_some_and(|s| s.get(..3).is_some_and(|s| s.bytes().all(|b| b.is_ascii_digit())))
}

/// `< ./file`, `<@ ./file` (with variables in it), `<@latin1 ./file`.
fn file_of(line: &str) -> Option<&str> {
    let rest = line.strip_prefix('<')?;
    let rest = match rest.strip_prefix('@') {
        Some(rest) => rest.split_once(' ')?.1,
        None => rest.strip_prefix(' ')?,
    };
    Some(rest.trim()).filter(|r| !r.is_empty() && !r.contains('>'))
}

/// `GET https://h/a HTTP/1.1`, or the URL alone.
fn request_line(line: &str) -> Option<Line> {
    let line = line.trim();
    let line = match line.rsplit_once(' ') {
        Some((before, version)) if version.starts_with("HTTP/") => before.trim_end(),
        _ => line,
    };
    let (method, target) = match line.split_once(char::is_whitespace) {
        Some((method, target)) if method.bytes().all(|b| b.is_ascii_uppercase() || b == b'-') => {
            (method, target.trim())
        }
        _ => ("GET", line),
    };
    let is_method = method.len() <= 32
        && !["WEBSOCKET", "GRPC", "RSOCKET", "MQTT", "WS", "SSE", "EVENTSOURCE"].contains(&method);
    let is_web = target.find("://").is_none_or(|i| {
        let scheme = target.get(..i).unwrap_or_default();
        scheme == "http" || scheme == "https" || !scheme.bytes().all(|b| b.is_ascii_alphabetic())
    });
    let is_target = target.starts_with(['/', '{'])
        || target.contains("://")
        || target.contains('.')
        || target.contains(':');
    // Alone a URL has no blanks but within braces.
    let is_word =
        method != "GET" || line.starts_with("GET") || target.starts_with('{') || !target.contains(' ');
    (is_method && is_web && is_target && is_word && !target.starts_with('@') && !target.starts_with("/*"))
        .then(|| Line { method: method.to_owned(), target: target.to_owned() })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub const SHOP: &str = include_str!("../../tests/collections/shop.http");

    #[test]
    fn a_file_gives_its_requests() {
        let all = read(SHOP, &BTreeMap::new()).unwrap();
        let names: Vec<&str> = all.list.iter().map(|s| s.name.as_str()).collect();
        assert_eq!(names, ["orders", "POST /v1/orders", "upload", "form", "GET /plain", "graph", "as curl"]);
        let [orders, create, upload, form, _, graph, curl] = &all.list[..] else { panic!() };
        assert_eq!(orders.url, "https://shop.example/v1/orders?page=1&sort=-date");
        assert_eq!(orders.header("authorization"), Some("Basic YWRhOnNlY3JldA=="));
        assert_eq!((orders.headers.len(), orders.body.as_slice()), (2, &b""[..]));
        assert_eq!(
            String::from_utf8_lossy(&create.body),
            "{\n  \"note\": \"# no comment\",\n\n  \"n\": 3, \"s\": \"{{orders.response.body.id}}\"\n}"
        );
        assert_eq!(create.header("x-id"), Some("8f14e45f-ceea-467f-a0e6-1f0c2b6d9a3e"));
        assert_eq!(upload.url, "http://localhost:8080/upload");
        assert!(
            upload.body.ends_with(b"filename=\"me.png\"\r\n\r\n--b--\r\n"),
            "{:?}",
            String::from_utf8_lossy(&upload.body)
        );
        assert_eq!(form.body, b"user=ada&pass=x");
        assert_eq!(graph.body, br#"{"query":"query ($n: Int) {\n  a(n: $n)\n}","variables":{"n":1}}"#);
        assert_eq!(
            (curl.method.as_str(), curl.url.as_str(), curl.body.as_slice()),
            ("PUT", "https://shop.example/v1/a", &b"x=1"[..])
        );
        assert_eq!(
            all.notes,
            [
                "2 scripts are not run; what they would set is not set.",
                "Variables without a value stay as they are written: orders.response.body.id.",
                "Files are not read; nothing is sent in their place: ./me.png.",
            ]
        );
    }

    #[test]
    fn what_is_no_request_is_told() {
        let all = read(
            "WEBSOCKET ws://h/a\n\n###\n\n# only a note\n\n###\r\nGET http://h/\r\nA: b\r\n",
            &BTreeMap::new(),
        )
        .unwrap();
        assert_eq!((all.list.len(), all.list[0].headers.len()), (1, 1));
        assert_eq!(all.notes, ["This is no request and is left out: WEBSOCKET ws://h/a."]);
        assert!(read("hello\n", &BTreeMap::new()).unwrap_err().contains("asks for a URL"));
    }

    #[test]
    fn what_httpyac_adds() {
        let text = "\
@host = http://h:1
{{
  exports.now = new Date();
}}

GET /a
{{@response
  console.info(response)
}}

?? status == 200

# the second
# @name two
POST /b
Content-Type: application/json

query ($n: Int) { c(n: $n) }

{\"n\": 1}

HTTP/1.1 200 - OK
date: now

{}

###
MQTT tcp://broker

###
GET /c

{{ value }}
";
        let all = read(text, &BTreeMap::new()).unwrap();
        let shown: Vec<String> =
            all.list.iter().map(|s| format!("{} {} {}", s.name, s.url, s.body.len())).collect();
        assert_eq!(shown[0], "GET /a http://h:1/a 0");
        assert_eq!(all.list[1].body, br#"{"query":"query ($n: Int) { c(n: $n) }","variables":{"n":1}}"#);
        assert_eq!(
            (all.list.len(), all.list[1].name.as_str(), all.list[2].body.as_slice()),
            (3, "two", &b"{{ value }}"[..])
        );
        assert_eq!(all.notes.len(), 3, "{:?}", all.notes);
    }

    #[test]
    fn scripts_before_a_request_are_passed_over() {
        let all =
            read("### a\n< {%\n  request.variables.set('x', 1)\n%}\nGET http://h/{{x}}\n", &BTreeMap::new())
                .unwrap();
        assert_eq!((all.list[0].url.as_str(), all.notes.len()), ("http://h/{{x}}", 2));
    }
}
