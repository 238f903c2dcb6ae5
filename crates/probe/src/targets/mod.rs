//! What may be probed: one file per kind of description, from its text to operations or to requests as samples.

pub mod openapi;

/// One request as somebody wrote or recorded it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    /// What its collection calls it, folders before it: `Orders / create`.
    pub name: String,
    /// `GET`, `POST`, …
    pub method: String,
    /// With scheme and host, where the collection tells them; else path and query.
    pub url: String,
    /// In their order, without those that a client makes by itself (Host, Content-Length, Connection).
    pub headers: Vec<(String, String)>,
    /// The body, empty where there is none.
    pub body: Vec<u8>,
}

/// What a collection tells.
#[derive(Clone, Debug, Default)]
pub struct Samples {
    /// In its order.
    pub list: Vec<Sample>,
    /// What could not be followed: scripts that are not run, variables without a value. Whole sentences, each once.
    pub notes: Vec<String>,
}
