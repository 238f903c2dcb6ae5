//! How to make a failure happen again: the report's `curl` line, the same for HTTPie, and as a collection for Postman.
//!
//! ```text
//! curl -sS -i -X POST --data '…' 'http://shop.example/cart?id=7'
//! http --all POST 'http://shop.example/cart?id=7'
//! ```

use serde_json::{Value, json};

/// A request as the report's `curl` line holds it.
#[derive(Debug, PartialEq, Eq)]
pub struct Request {
    pub method: String,
    pub url: String,
    /// It had a body, which is not kept.
    pub body: bool,
}

impl Request {
    /// Reads a `curl` line of our own (its words are quoted as a POSIX shell reads them).
    pub fn of_curl(line: &str) -> Option<Request> {
        let mut words = words(line).into_iter();
        (words.next()? == "curl").then_some(())?;
        let mut request = Request { method: "GET".into(), url: String::new(), body: false };
        while let Some(word) = words.next() {
            match word.as_str() {
                "-X" => request.method = words.next()?,
                "--head" => request.method = "HEAD".into(),
                "--data" => {
                    words.next()?;
                    request.body = true;
                }
                w if w.starts_with('-') => {}
                _ => request.url = word,
            }
        }
        (!request.url.is_empty()).then_some(request)
    }

    /// The same for HTTPie (httpie.io/docs/cli): it takes the method as a word.
    pub fn httpie(&self) -> String {
        let quoted = |s: &str| format!("'{}'", s.replace('\'', "'\\''"));
        let body = if self.body { " --raw '…'" } else { "" };
        let method = if self.method.bytes().all(|b| b.is_ascii_alphanumeric()) {
            self.method.clone()
        } else {
            quoted(&self.method)
        };
        format!("http{body} {method} {}", quoted(&self.url))
    }

    /// A collection with this request (schema.getpostman.com, collection v2.1.0).
    pub fn postman(&self, name: &str) -> Value {
        let mut request = json!({ "method": self.method, "header": [], "url": { "raw": self.url } });
        if self.body {
            request["body"] = json!({ "mode": "raw", "raw": "" });
        }
        json!({
            "info": {
                "name": format!("why500: {name}"),
                "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json",
            },
            "item": [{ "name": name, "request": request }],
        })
    }
}

/// The words of a line: single quotes hold all as it is, a backslash outside of them holds one letter.
fn words(line: &str) -> Vec<String> {
    let (mut list, mut word, mut begun, mut quoted) = (Vec::new(), String::new(), false, false);
    let mut letters = line.chars();
    while let Some(c) = letters.next() {
        match c {
            '\'' => {
                quoted = !quoted;
                begun = true;
            }
            '\\' if !quoted => word.extend(letters.next()),
            c if c.is_whitespace() && !quoted => {
                if begun || !word.is_empty() {
                    list.push(std::mem::take(&mut word));
                }
                begun = false;
            }
            c => word.push(c),
        }
    }
    if begun || !word.is_empty() {
        list.push(word);
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curl_line_is_read_back() {
        let line = "curl -sS -i -X POST --data '…' 'http://shop.example/cart/o'\\''brien?a=1&b=2'";
        let r = Request::of_curl(line).unwrap();
        let url = "http://shop.example/cart/o'brien?a=1&b=2";
        assert_eq!(r, Request { method: "POST".into(), url: url.into(), body: true });
        assert_eq!(r.httpie(), "http --raw '…' POST 'http://shop.example/cart/o'\\''brien?a=1&b=2'");
        let postman = r.postman("POST /cart");
        assert_eq!(postman["item"][0]["request"]["url"]["raw"], url);
    }

    #[test]
    fn a_plain_get() {
        let r = Request::of_curl("curl -sS -i 'http://HOST/'").unwrap();
        assert_eq!(r.httpie(), "http GET 'http://HOST/'");
        assert!(!r.body);
        assert_eq!(Request::of_curl("curl --head -sS 'http://HOST/'").unwrap().method, "HEAD");
    }

    #[test]
    fn what_is_no_curl_line_is_none() {
        for line in ["", "wget x", "curl", "curl -X", "curl -sS -i", "curl --data"] {
            assert_eq!(Request::of_curl(line), None, "{line}");
        }
    }
}
