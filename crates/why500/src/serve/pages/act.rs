//! What people do on the pages, by forms: resolve, reopen, mute, assign, note; of one problem or of several.

use super::{Acts, Seen, led, own_path};
use crate::serve::api::bad;
use crate::serve::now;
use axum::extract::{Form, Path};
use record::SECOND;
use std::collections::HashMap;
use store::Mute;

/// Problems that are acted on at once: those of a page.
const SEVERAL_MAX: usize = 200;
/// Bytes of a note.
const NOTE_BYTES_MAX: usize = 8 * 1024;
/// Bytes of a name.
const NAME_BYTES_MAX: usize = 200;

/// What a form says, by field.
type Said = Form<HashMap<String, String>>;
/// Project and id.
type Named = Path<(i64, String)>;

fn field<'f>(said: &'f HashMap<String, String>, name: &str) -> Option<&'f str> {
    said.get(name).map(|v| v.trim()).filter(|v| !v.is_empty())
}

/// Back to where the form stood.
fn back(said: &HashMap<String, String>, project: i64, id: &str) -> axum::http::Response<axum::body::Body> {
    match field(said, "back").and_then(own_path) {
        Some(path) => led(path),
        None => led(&format!("/problems/{project}/{id}")),
    }
}

pub async fn resolve(Acts(v): Acts, Path((project, id)): Named, Form(said): Said) -> Seen {
    v.app.act(|s| s.resolve(now(), project, &id, &v.who, field(&said, "release")))?;
    Ok(back(&said, project, &id))
}

pub async fn reopen(Acts(v): Acts, Path((project, id)): Named, Form(said): Said) -> Seen {
    v.app.act(|s| s.reopen(now(), project, &id, &v.who))?;
    Ok(back(&said, project, &id))
}

/// `for`: `1h`, `24h`, `168h`, or a number of failures, `100x`.
pub async fn mute(Acts(v): Acts, Path((project, id)): Named, Form(said): Said) -> Seen {
    let until =
        until(field(&said, "for").unwrap_or("24h")).ok_or_else(|| bad("for: 24h or 100x is expected"))?;
    v.app.act(|s| s.mute(now(), project, &id, &v.who, until))?;
    Ok(back(&said, project, &id))
}

fn until(text: &str) -> Option<Mute> {
    if let Some(hours) = text.strip_suffix('h').and_then(|n| n.parse::<u32>().ok()) {
        return Some(Mute::Until(now().plus(i64::from(hours) * 3_600 * SECOND)));
    }
    text.strip_suffix('x').and_then(|n| n.parse().ok()).map(Mute::Failures)
}

pub async fn assign(Acts(v): Acts, Path((project, id)): Named, Form(said): Said) -> Seen {
    let to = field(&said, "to");
    if to.is_some_and(|t| t.len() > NAME_BYTES_MAX) {
        return Err(bad(format!("a name has {NAME_BYTES_MAX} bytes at most")).into());
    }
    v.app.act(|s| s.assign(now(), project, &id, &v.who, to))?;
    Ok(back(&said, project, &id))
}

pub async fn note(Acts(v): Acts, Path((project, id)): Named, Form(said): Said) -> Seen {
    let text = field(&said, "text").ok_or_else(|| bad("a note needs words"))?;
    if text.len() > NOTE_BYTES_MAX {
        return Err(bad(format!("a note has {NOTE_BYTES_MAX} bytes at most")).into());
    }
    v.app.act(|s| s.note(now(), project, &id, &v.who, text))?;
    Ok(back(&said, project, &id))
}

/// `do=resolve&id=…&id=…`
pub async fn several(
    Acts(v): Acts,
    Path(project): Path<i64>,
    Form(said): Form<Vec<(String, String)>>,
) -> Seen {
    let one = |name: &str| said.iter().find(|(k, _)| k == name).map(|(_, v)| v.as_str());
    let ids: Vec<&str> = said.iter().filter(|(k, _)| k == "id").map(|(_, v)| v.as_str()).collect();
    if ids.len() > SEVERAL_MAX {
        return Err(bad(format!("{SEVERAL_MAX} problems at most are acted on at once")).into());
    }
    let what = one("do").unwrap_or("");
    v.app.act(|s| {
        for id in ids {
            let done = match what {
                "resolve" => s.resolve(now(), project, id, &v.who, None),
                "reopen" => s.reopen(now(), project, id, &v.who),
                "mute" => s.mute(now(), project, id, &v.who, Mute::Until(now().plus(86_400 * SECOND))),
                _ => Ok(()),
            };
            // One that became part of another meanwhile does not stop the others.
            if let Err(e) = done
                && !matches!(e, store::Error::Missing(_) | store::Error::Invalid(_))
            {
                return Err(e);
            }
        }
        Ok(())
    })?;
    Ok(led(one("back").and_then(own_path).unwrap_or("/problems")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_long_to_mute() {
        assert!(matches!(until("100x"), Some(Mute::Failures(100))));
        assert!(matches!(until("24h"), Some(Mute::Until(_))));
        for bad in ["", "h", "24", "-1h", "99999999999h", "x"] {
            assert!(until(bad).is_none(), "{bad}");
        }
    }
}
