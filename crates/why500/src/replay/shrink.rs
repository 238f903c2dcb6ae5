//! What of a request matters: headers, parameters of the query, members of the body are left out, as many at once as go, until
//! leaving out any one more makes it go well.

use ::probe::Request;
use ::probe::case::{percent, unpercent};
use ::probe::json::{Json, Step, shown};
use ::probe::operation::is_json;

/// Requests that are sent to shrink one; a request of a hundred parts, two of which matter, takes some thirty.
const TRIES_MAX: usize = 300;
/// Levels of a body that are gone into.
const DEPTH_MAX: usize = 12;

/// A part of a request that can be left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// The header with this number.
    Header(usize),
    /// The parameter of the query with this number.
    Query(usize),
    /// The field of a form with this number.
    Field(usize),
    /// What lies there in a body of JSON.
    Member(Vec<Step>),
}

/// A request, shrunk.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// It still fails the same way.
    pub request: Request,
    /// What makes it fail: with another value, or without it, all is well.
    pub matters: Vec<String>,
    /// What must be there, whatever its value is.
    pub needed: Vec<String>,
    /// Parts that were left out.
    pub left_out: usize,
    /// Requests that were sent for it.
    pub sent: usize,
    /// All was tried that there is to try.
    pub done: bool,
}

/// Shrinks a request. `fails` sends one, and says whether it fails as the first one does.
pub fn shrink(request: &Request, fails: &mut dyn FnMut(&Request) -> bool) -> Shrunk {
    let mut s = Shrinker { now: request.clone(), left_out: 0, sent: 0, fails };
    s.leave_body_out();
    s.leave_out(headers);
    s.leave_out(|r| (0..query(r).len()).map(Part::Query).collect());
    if is_form(&s.now) {
        s.leave_out(|r| (0..fields(r).len()).map(Part::Field).collect());
    }
    for depth in 1..=DEPTH_MAX {
        if members(&s.now, depth).is_empty() {
            break;
        }
        s.leave_out(|r| members(r, depth));
    }
    let mut out = Shrunk {
        request: s.now.clone(),
        matters: Vec::new(),
        needed: Vec::new(),
        left_out: s.left_out,
        sent: 0,
        done: true,
    };
    for part in parts(&s.now) {
        let Some((name, plain)) = plainer(&s.now, &part) else { continue };
        let said = name;
        let only_needed = plain.is_some_and(|r| r != s.now && s.try_one(&r));
        if only_needed { out.needed.push(said) } else { out.matters.push(said) }
    }
    if let Some((name, value)) =
        s.now.headers.iter().find(|(n, _)| is_type(n) && s.now.body.is_some()).cloned()
    {
        let mut untyped = s.now.clone();
        untyped.headers.retain(|(n, _)| !is_type(n));
        if !s.try_one(&untyped) {
            out.needed.push(format!("header {name}: {value}"));
        }
    }
    out.sent = s.sent;
    out.done = s.sent < TRIES_MAX;
    out
}

struct Shrinker<'a> {
    now: Request,
    left_out: usize,
    sent: usize,
    fails: &'a mut dyn FnMut(&Request) -> bool,
}

impl Shrinker<'_> {
    fn try_one(&mut self, request: &Request) -> bool {
        if self.sent >= TRIES_MAX {
            return false;
        }
        self.sent += 1;
        (self.fails)(request)
    }

    /// Without a body there is nothing in it to be looked at.
    fn leave_body_out(&mut self) {
        if self.now.body.is_some() {
            let mut without = Request { body: None, ..self.now.clone() };
            without.headers.retain(|(n, _)| !is_type(n));
            if self.try_one(&without) {
                self.now = without;
                self.left_out += 1;
            }
        }
    }

    /// Leaves out parts of one kind: first all, then halves, in the end each by itself (Zeller 1999, "Yesterday, my program worked").
    fn leave_out(&mut self, parts: impl Fn(&Request) -> Vec<Part>) {
        let mut size = parts(&self.now).len();
        while size > 0 {
            let mut at = 0;
            loop {
                let all = parts(&self.now);
                if at >= all.len() || self.sent >= TRIES_MAX {
                    break;
                }
                let chunk: Vec<Part> = all.iter().skip(at).take(size).cloned().collect();
                let without = without(&self.now, &chunk);
                if self.try_one(&without) {
                    self.now = without;
                    self.left_out += chunk.len();
                } else {
                    at += size;
                }
            }
            size /= 2;
        }
    }
}

fn is_type(name: &str) -> bool {
    name.eq_ignore_ascii_case("content-type")
}

/// Headers that can be left out: a body stays what its type says.
fn headers(r: &Request) -> Vec<Part> {
    let all = r.headers.iter().enumerate();
    all.filter(|(_, (n, _))| r.body.is_none() || !is_type(n)).map(|(i, _)| Part::Header(i)).collect()
}

fn query(r: &Request) -> Vec<&str> {
    r.target
        .split_once('?')
        .map(|(_, q)| q.split('&').filter(|p| !p.is_empty()).collect())
        .unwrap_or_default()
}

fn media(r: &Request) -> String {
    ::probe::request::media(r.header("content-type").unwrap_or_default())
}

fn is_form(r: &Request) -> bool {
    media(r) == "application/x-www-form-urlencoded"
}

fn fields(r: &Request) -> Vec<String> {
    let text = r.body.as_ref().map(|b| String::from_utf8_lossy(b).into_owned()).unwrap_or_default();
    if is_form(r) {
        text.split('&').filter(|p| !p.is_empty()).map(str::to_owned).collect()
    } else {
        Vec::new()
    }
}

fn body(r: &Request) -> Option<Json> {
    let bytes = r.body.as_ref()?;
    let media = media(r);
    // Without a type it may be JSON all the same.
    if media.is_empty() || is_json(&media) { Json::parse(bytes) } else { None }
}

/// What lies so deep in the body: 1 for the members of the outermost object or list.
fn members(r: &Request, depth: usize) -> Vec<Part> {
    let mut out = Vec::new();
    if let Some(body) = body(r) {
        collect(&body, &mut Vec::new(), depth, &mut out);
    }
    out
}

fn collect(v: &Json, at: &mut Vec<Step>, depth: usize, out: &mut Vec<Part>) {
    if at.len() == depth {
        out.push(Part::Member(at.clone()));
        return;
    }
    match v {
        Json::Object(members) => {
            for (name, inner) in members {
                at.push(Step::Name(name.clone()));
                collect(inner, at, depth, out);
                at.pop();
            }
        }
        Json::List(list) => {
            for (i, inner) in list.iter().enumerate() {
                at.push(Step::Nth(i));
                collect(inner, at, depth, out);
                at.pop();
            }
        }
        _ => {}
    }
}

/// All parts that are left and hold no others.
fn parts(r: &Request) -> Vec<Part> {
    let mut out = headers(r);
    out.extend((0..query(r).len()).map(Part::Query));
    out.extend((0..fields(r).len()).map(Part::Field));
    let body = body(r);
    let is_leaf = |p: &Part| match (p, &body) {
        (Part::Member(at), Some(body)) => match body.at(at) {
            Some(Json::Object(o)) => o.is_empty(),
            Some(Json::List(l)) => l.is_empty(),
            _ => true,
        },
        _ => false,
    };
    out.extend((1..=DEPTH_MAX).flat_map(|d| members(r, d)).filter(is_leaf));
    out
}

/// The request without these parts.
fn without(r: &Request, parts: &[Part]) -> Request {
    let mut out = r.clone();
    let gone = |part: &Part| parts.contains(part);
    let mut n = 0;
    out.headers.retain(|_| {
        n += 1;
        !gone(&Part::Header(n - 1))
    });
    let kept: Vec<&str> =
        query(r).into_iter().enumerate().filter(|(i, _)| !gone(&Part::Query(*i))).map(|(_, p)| p).collect();
    out.target =
        if kept.is_empty() { r.path().to_owned() } else { format!("{}?{}", r.path(), kept.join("&")) };
    let all = fields(r);
    if !all.is_empty() {
        let kept: Vec<String> =
            all.into_iter().enumerate().filter(|(i, _)| !gone(&Part::Field(*i))).map(|(_, p)| p).collect();
        out.body = Some(kept.join("&").into_bytes());
    }
    if parts.iter().any(|p| matches!(p, Part::Member(_)))
        && let Some(mut json) = body(r)
    {
        // From the last on, so that the numbers of those before stay what they are.
        for part in parts.iter().rev() {
            if let Part::Member(at) = part {
                json.take(at);
            }
        }
        out.body = Some(json.write().into_bytes());
    }
    out
}

/// What a part is called, and the request with an ordinary value in its place, where one can be told.
fn plainer(r: &Request, part: &Part) -> Option<(String, Option<Request>)> {
    let mut out = r.clone();
    match part {
        Part::Header(i) => {
            let (name, value) = r.headers.get(*i)?;
            let said = if ::probe::request::is_secret(name) {
                format!("header {name}")
            } else {
                format!("header {name}: {value}")
            };
            // A secret has no ordinary value.
            if ::probe::request::is_secret(name) {
                return Some((said, None));
            }
            out.headers.get_mut(*i)?.1 = ordinary_text(value);
            Some((said, Some(out)))
        }
        Part::Query(i) => {
            let list = query(r);
            let (name, value) = pair(list.get(*i)?);
            let mut changed: Vec<String> = list.iter().map(|p| (*p).to_owned()).collect();
            *changed.get_mut(*i)? = written(&name, &ordinary_text(&value));
            out.target = format!("{}?{}", r.path(), changed.join("&"));
            Some((format!("query {name}={value}"), Some(out)))
        }
        Part::Field(i) => {
            let mut list = fields(r);
            let (name, value) = pair(list.get(*i)?);
            *list.get_mut(*i)? = written(&name, &ordinary_text(&value));
            out.body = Some(list.join("&").into_bytes());
            Some((format!("field {name}={value}"), Some(out)))
        }
        Part::Member(at) => {
            let mut json = body(r)?;
            let value = json.at(at)?.clone();
            let said = format!("body {} = {}", shown(at), value.write());
            json.put(at, ordinary(&value)?);
            out.body = Some(json.write().into_bytes());
            Some((said, Some(out)))
        }
    }
}

fn pair(text: &str) -> (String, String) {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    let read = |t: &str| String::from_utf8_lossy(&unpercent(&t.replace('+', " "))).into_owned();
    (read(name), read(value))
}

fn written(name: &str, value: &str) -> String {
    format!("{}={}", percent(name.as_bytes()), percent(value.as_bytes()))
}

/// A value of the same kind that no server has trouble with.
fn ordinary(v: &Json) -> Option<Json> {
    Some(match v {
        Json::Number(n) if n == "1" => Json::Number("2".into()),
        Json::Number(_) => Json::Number("1".into()),
        Json::Text(t) => Json::Text(ordinary_text(t)),
        Json::Bool(b) => Json::Bool(!b),
        _ => Json::text("a"),
    })
}

fn ordinary_text(t: &str) -> String {
    let number = !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit() || b == b'.' || b == b'-');
    let other = |a: &str, b: &str| if t == a { b.to_owned() } else { a.to_owned() };
    match t {
        _ if number => other("1", "2"),
        _ if t.contains('@') => other("a@shop.example", "b@shop.example"),
        _ => other("a", "b"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn post(target: &str, headers: &[(&str, &str)], body: &str) -> Request {
        let headers = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        Request { headers, body: Some(body.as_bytes().to_vec()), ..Request::new("POST", target) }
    }

    fn body_has(r: &Request, text: &str) -> bool {
        r.body.as_ref().is_some_and(|b| String::from_utf8_lossy(b).contains(text))
    }

    #[test]
    fn what_matters_is_left_and_what_is_only_needed_is_told_apart() {
        let body = r#"{"name": "Ada", "tags": ["a", "b"], "address": {"zip": "8000", "city": "Zürich"}, "age": 412}"#;
        let headers = [("Content-Type", "application/json"), ("Accept", "*/*"), ("X-Tenant", "acme")];
        let r = post("/users?dry=1&page=7", &headers, body);
        // It needs a name, and fails at the age, for one tenant.
        let mut fails = |r: &Request| {
            let body = Json::parse(r.body.as_deref().unwrap_or_default());
            let body = body.unwrap_or(Json::Null);
            r.header("x-tenant") == Some("acme")
                && body.member("name").is_some()
                && body.member("age").is_some_and(|a| a.write() == "412")
        };
        let s = shrink(&r, &mut fails);
        assert_eq!(s.request.target, "/users");
        assert_eq!(s.request.headers.len(), 2, "{:?}", s.request.headers);
        assert_eq!(
            Json::parse(s.request.body.as_ref().unwrap()),
            Json::parse(br#"{"name": "Ada", "age": 412}"#)
        );
        assert_eq!(s.matters, ["header X-Tenant: acme", "body age = 412"]);
        assert_eq!(s.needed, ["body name = \"Ada\""]);
        assert!(s.done && s.sent < 40, "{}", s.sent);
    }

    #[test]
    fn what_lies_deep_and_forms_and_queries_are_shrunk_too() {
        let r = post(
            "/a",
            &[("Content-Type", "application/json")],
            r#"{"o": {"l": [1, {"x": null, "y": 2}, 3]}}"#,
        );
        let s = shrink(&r, &mut |r| body_has(r, "null"));
        assert_eq!(
            Json::parse(s.request.body.as_ref().unwrap()),
            Json::parse(br#"{"o": {"l": [{"x": null}]}}"#)
        );
        assert_eq!(s.matters, ["body o.l[0].x = null"]);

        let form = [("Content-Type", "application/x-www-form-urlencoded")];
        let s = shrink(&post("/a?q=1&r=%2B", &form, "a=1&b=it%27s&c=3"), &mut |r| {
            r.target.contains("r=%2B") && body_has(r, "b=it%27s")
        });
        assert_eq!(s.request.target, "/a?r=%2B");
        assert_eq!(s.request.body.as_deref(), Some(&b"b=it%27s"[..]));
        assert_eq!(s.matters, ["query r=+", "field b=it's"]);
    }
}
