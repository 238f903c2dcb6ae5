//! nginx `log_format` and Apache `LogFormat`, compiled to readers.

/// A compiled layout.
#[derive(Clone, Debug)]
pub struct Layout {}
