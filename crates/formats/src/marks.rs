//! Marks on the time line that messages carry whatever their format: started, stopped, died, listening, reloaded.

use record::Mark;

/// What the message marks. `service` is who said it, if known.
pub fn mark(_message: &str, _service: Option<&str>) -> Option<Mark> {
    None
}
