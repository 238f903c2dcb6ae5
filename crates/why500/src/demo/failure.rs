//! A request that is not answered as it was meant: why, for the log, and what of that the client is told.

use std::panic::Location;

/// Errors behind an error that are told; a chain of the demo has three.
const CHAIN_MAX: usize = 8;

/// Why a request failed.
#[derive(Debug)]
pub struct Failure {
    /// The status of the answer.
    pub status: u16,
    /// What happened, the outermost error first: `reading the items`, `no such table: items`. Empty where the log has it already.
    pub chain: Vec<String>,
    /// Where in the source it was met; `None` for a panic, which tells that itself.
    pub at: Option<&'static Location<'static>>,
    /// What is wrong with the request, by member, where the client can mend it.
    pub wrong: Vec<(&'static str, &'static str)>,
}

impl Failure {
    /// The client's fault: which members are wrong, and how they should be (422, RFC 9110 §15.5.21).
    pub fn of_client(wrong: Vec<(&'static str, &'static str)>) -> Failure {
        Failure { status: 422, chain: Vec::new(), at: None, wrong }
    }

    /// A client's fault that needs no more words than its status.
    pub fn plain(status: u16) -> Failure {
        Failure { status, chain: Vec::new(), at: None, wrong: Vec::new() }
    }

    /// A fault of this service.
    #[track_caller]
    pub fn here(what: impl Into<String>) -> Failure {
        Failure { status: 500, chain: vec![what.into()], at: Some(Location::caller()), wrong: Vec::new() }
    }

    /// A panic that was caught: what and where it was stands in the log.
    pub fn of_panic() -> Failure {
        Failure::plain(500)
    }

    /// The same with another status.
    pub fn with_status(mut self, status: u16) -> Failure {
        self.status = status;
        self
    }

    /// The chain in one line: `reading the items: no such table: items`.
    pub fn said(&self) -> String {
        self.chain.join(": ")
    }

    /// What the client may know, in one sentence.
    pub fn told(&self) -> &'static str {
        match self.status {
            404 => "There is nothing at this address.",
            405 => "This address does not know the method.",
            409 => "There is a user with this e-mail address already.",
            413 => "The request is larger than this service takes.",
            422 => "The request is not as the description at /openapi.json says.",
            502 | 503 => {
                "A service that this one depends on failed. It is known to us; please try again later."
            }
            504 => "A service that this one depends on did not answer in time. Please try again later.",
            _ => "The request failed for a reason that is ours. Tell us the error id, and we find it.",
        }
    }

    /// The title of its status (RFC 9457 §3.1.3).
    pub fn title(&self) -> &'static str {
        title(self.status)
    }
}

/// The name of a status (RFC 9110 §15).
pub fn title(status: u16) -> &'static str {
    match status {
        404 => "Not Found",
        405 => "Method Not Allowed",
        409 => "Conflict",
        413 => "Content Too Large",
        422 => "Unprocessable Content",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Internal Server Error",
    }
}

/// Errors become failures, with what was being done and the place where it was.
pub trait While<T> {
    /// Says what was being done.
    ///
    /// # Errors
    /// The error, if there is one.
    fn during(self, what: impl Into<String>) -> Result<T, Failure>;
}

impl<T, E: std::error::Error> While<T> for Result<T, E> {
    #[track_caller]
    fn during(self, what: impl Into<String>) -> Result<T, Failure> {
        // No closure: it would be the caller that is told.
        match self {
            Ok(t) => Ok(t),
            Err(e) => {
                let mut failure = Failure::here(what);
                failure.chain.push(e.to_string());
                let mut inner = e.source();
                while let Some(source) = inner.filter(|_| failure.chain.len() < CHAIN_MAX) {
                    let said = source.to_string();
                    // Many errors say what is behind them themselves.
                    if !failure.chain.iter().any(|c| c.contains(&said)) {
                        failure.chain.push(said);
                    }
                    inner = source.source();
                }
                Err(failure)
            }
        }
    }
}
