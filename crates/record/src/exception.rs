//! Exceptions and stack frames, whatever the language.

use serde::{Deserialize, Serialize};

/// One exception of a chain.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exception {
    /// Type as printed: `KeyError`, `java.lang.NullPointerException`, `panic`, `PHP Fatal error`.
    pub kind: String,
    /// Message, without the type.
    pub message: String,
    /// Frames, the innermost (where it was raised) first.
    pub frames: Vec<Frame>,
}

/// One place in a stack.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame {
    /// File as printed (`/srv/app/tax.py`, `PriceService.java`, `lib/pricing.js`); empty if unknown.
    pub file: String,
    /// Line, if printed.
    pub line: Option<u32>,
    /// Function or method, as printed; empty if unknown.
    pub function: String,
    /// Is it the service's own code (not a library, framework or runtime)?
    pub in_app: bool,
}

impl Exception {
    /// The innermost frame of the service's own code.
    pub fn app_frame(&self) -> Option<&Frame> {
        self.frames.iter().find(|f| f.in_app)
    }

    /// The last segment of the type name: `NullPointerException` of `java.lang.NullPointerException`.
    pub fn short_kind(&self) -> &str {
        let kind = self.kind.trim();
        let cut = kind.rfind(['.', '\\']).map_or(0, |i| i + 1);
        let short = &kind[cut..];
        match short.rfind("::") {
            Some(i) => &short[i + 2..],
            None => short,
        }
    }
}

impl Frame {
    /// `file:line`, or what is known of it.
    pub fn place(&self) -> String {
        match self.line {
            Some(n) => format!("{}:{}", self.file, n),
            None => self.file.clone(),
        }
    }
}
