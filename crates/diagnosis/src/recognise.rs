//! Recognises causes in records: signatures (data in `signatures/*.toml`) and the general reading of what none knows.

use record::{Cause, Record};

/// How far one record of this kind reaches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// One request.
    #[default]
    Request,
    /// The whole process: it died, did not start, has nothing left. All its requests fail until it is back.
    Process,
    /// Not a failure by itself, but may be what others come from (a database shutting down, a kernel kill).
    Background,
}

/// What was recognised in a record.
#[derive(Clone, Debug, Default)]
pub struct Finding {
    /// The signature's id; empty for the general reading.
    pub signature: String,
    /// Class and cause.
    pub cause: Cause,
    /// The thing to look at, where the wording names it.
    pub culprit: Option<String>,
    /// Which kind of service broke (`postgresql`, `redis`, `php-fpm`), where the wording tells.
    pub service: Option<String>,
    /// How far it reaches.
    pub scope: Scope,
    /// It says only that something deeper failed: it yields to any joined finding that is none.
    pub symptom: bool,
    /// 0 to 100: how much the wording pins down. Generic wordings 20, exact ones 80.
    pub weight: u8,
    /// The line within the message (or exception) that matched.
    pub matched: String,
    /// Plain-word title, if the signature has one.
    pub title: Option<String>,
    /// Next steps of the signature.
    pub next: Vec<String>,
    /// It came from the general reading.
    pub general: bool,
}

/// The compiled signatures.
pub struct Recogniser {}

impl Recogniser {
    /// With the built-in signatures and those of further files (name, TOML text).
    pub fn new(_more: &[(String, String)]) -> Result<Recogniser, String> {
        Ok(Recogniser {})
    }

    /// All that the record says about causes, best first. Never fails; may be empty.
    pub fn read(&self, _record: &Record) -> Vec<Finding> {
        Vec::new()
    }
}
