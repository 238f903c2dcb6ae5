//! Where an answer goes: to a file, or to standard output.

use crate::explain::Usage;
use std::io::{self, Write};
use std::path::Path;

/// Writes an answer to the file if one is named, else to standard output. Whoever closed the pipe has read enough.
///
/// # Errors
/// `what` ("the report") cannot be written; why.
pub fn write(
    to: Option<&Path>,
    what: &str,
    answer: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), Usage> {
    let mut out: Box<dyn Write> = match to {
        Some(path) => match std::fs::File::create(path) {
            Ok(file) => Box::new(file),
            Err(e) => return Err(Usage(format!("{what} cannot be written: {}: {e}", path.display()))),
        },
        None => Box::new(io::stdout().lock()),
    };
    let mut out = io::BufWriter::new(&mut out);
    match answer(&mut out).and_then(|()| out.flush()) {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => {
            Err(Usage(format!("{what} cannot be written: {e}")))
        }
        _ => Ok(()),
    }
}
