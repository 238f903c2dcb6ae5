//! The head of an HTTP request, as far as protocols look at it.

/// Method, path, query and headers of a request.
#[derive(Clone, Debug, Default)]
pub struct Head {
    /// `POST`, …
    pub method: String,
    /// Path without query, percent-encoding as sent.
    pub path: String,
    /// Query without `?`; empty where there is none.
    pub query: String,
    /// Headers, names in lower case, in the order in which they came.
    pub headers: Vec<(String, String)>,
    /// The sender's address without port, as far as it is known.
    pub peer: String,
}

impl Head {
    /// A header by its lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// The media type without parameters, in lower case; empty where none is stated.
    pub fn media_type(&self) -> String {
        let stated = self.header("content-type").unwrap_or("");
        stated.split(';').next().unwrap_or("").trim().to_ascii_lowercase()
    }

    /// A parameter of the query, not percent-decoded.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.query.split('&').find_map(|p| p.split_once('=').filter(|(n, _)| *n == name).map(|(_, v)| v))
    }

    /// What `Authorization` holds behind a scheme (compared without case): `Bearer`, `Splunk`, `ApiKey`, …
    pub fn authorization(&self, scheme: &str) -> Option<&str> {
        let (stated, rest) = self.header("authorization")?.trim().split_once(' ')?;
        stated.eq_ignore_ascii_case(scheme).then(|| rest.trim())
    }
}
