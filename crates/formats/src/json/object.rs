//! A JSON object per line, in any key naming: access logs, application logs, logs of cloud services.
//!
//! ```text
//! {"ts":"2026-11-24T07:32:46+00:00","ip":"203.0.113.9","method":"POST","uri":"/add-user","status":500,"rt":0.005,"upstream":"127.0.0.1:8512"}
//! {"level":50,"time":1795505294250,"pid":23641,"reqId":"req-1z","req":{"method":"GET","url":"/x"},"res":{"statusCode":500},"err":{…},"msg":"…"}
//! {"timestamp":"2026-11-24T07:30:12.407Z","level":"ERROR","fields":{"message":"boom"},"target":"shop::cart","span":{"uri":"/cart/7"}}
//! ```
//!
//! What each key means stands in `keys.rs` with its sources. Wrappers (Docker, CRI, shippers) are taken off
//! before. A line is walked once without building a tree; only what failed is looked at more closely.

use super::array::Elements;
use super::balance::bare;
use super::facts::Facts;
use super::keys::{Meaning, Name, is_opaque, is_transparent, meaning};
use crate::wrap::members::{Members, Value};
use crate::{Context, Entry, LineFormat};
use record::Level;
use std::borrow::Cow;

/// Objects in objects looked into.
const DEPTH_MAX: usize = 5;
/// Objects of a list looked into (spans, scopes, attributes).
const ELEMENTS_MAX: usize = 32;
/// How far a name steps back for each object around it that is not the request's or the error's.
const STEP_BACK: u8 = 10;
/// Fields kept of one record.
const FIELDS_MAX: usize = 64;
/// Longest value of a field.
const VALUE_BYTES_MAX: usize = 2048;
/// Longest line read as an object; a longer one is a dump.
const LINE_BYTES_MAX: usize = 8 << 20;

/// JSON objects.
pub(super) struct JsonObject;

impl LineFormat for JsonObject {
    fn name(&self) -> &'static str {
        "json"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        let text = bare(line);
        if !text.starts_with('{') || line.len() > LINE_BYTES_MAX {
            return None;
        }
        // Elements of an exported array end in a comma or its bracket.
        let text = text.trim_end();
        let text = text.strip_suffix(',').unwrap_or(text);
        let text = text.strip_suffix(']').filter(|t| t.ends_with('}')).unwrap_or(text);
        let mut facts = Facts::new();
        let mut members = Members::of(text);
        walk(members.by_ref(), Name::EMPTY, 0, 0, &mut facts);
        if !members.complete() || !facts.is_log(context.carried) || facts.is_databases() {
            return None;
        }
        let mut entry = facts.entry(context);
        if entry.message.contains('{') && text.contains("emplate\"") || text.starts_with("{\"@t\"") {
            entry.message = rendered(&entry.message, text).map_or(entry.message, Cow::Owned);
        }
        let quiet = entry.level < Level::Warn && entry.trace.is_none();
        let healthy = quiet && entry.request.as_ref().and_then(|q| q.status).is_some_and(|s| s < 500);
        if !healthy {
            let known = Known { facts: &facts, request: entry.request.as_ref() };
            fields(Members::of(text), "", 0, &known, &mut entry.fields);
        }
        if entry.trace.is_none() {
            entry.trace = loguru(text, &entry);
        }
        Some(entry)
    }
}

/// Sorts the members of an object by meaning.
fn walk<'a>(
    members: &mut dyn Iterator<Item = (&'a str, Value<'a>)>,
    around: Name,
    depth: usize,
    back: u8,
    facts: &mut Facts<'a>,
) {
    for (key, value) in members {
        // Serilog's compact form; `@message` of hclog and Logstash is an ordinary name.
        if depth == 0 && key.len() <= 3 && key.starts_with('@') {
            facts.level_omitted |= key == "@t";
        }
        let name = around.with(key);
        match value {
            Value::Raw(raw) if raw.starts_with('{') => {
                inside(key, name, raw, value, (around, depth, back), facts)
            }
            Value::Raw(raw) if raw.starts_with("[{") && is_transparent(name.as_str()) => {
                for element in Elements::of(value).take(ELEMENTS_MAX) {
                    let Some(mut members) = element.object() else { continue };
                    if let Some((key, value)) = attribute(element) {
                        take(key, around.with(key), value, back.saturating_add(STEP_BACK), facts);
                    } else if depth < DEPTH_MAX {
                        walk(members.by_ref(), around, depth + 1, back.saturating_add(STEP_BACK), facts);
                    }
                }
            }
            _ => take(key, name, value, back, facts),
        }
    }
}

fn inside<'a>(
    key: &'a str,
    name: Name,
    raw: &'a str,
    value: Value<'a>,
    (around, depth, back): (Name, usize, u8),
    facts: &mut Facts<'a>,
) {
    let known = meaning(name.as_str());
    if let Some((Meaning::Error, rank)) = known {
        facts.set(Meaning::Error, rank.saturating_add(back), key, name.as_str(), value);
        return;
    }
    if depth >= DEPTH_MAX || is_opaque(name.as_str()) {
        return;
    }
    let mut members = Members::of(raw);
    if is_transparent(name.as_str()) {
        walk(members.by_ref(), around, depth + 1, back.saturating_add(STEP_BACK), facts);
    } else {
        walk(members.by_ref(), name, depth + 1, back, facts);
    }
}

fn take<'a>(key: &'a str, name: Name, value: Value<'a>, back: u8, facts: &mut Facts<'a>) {
    if let Some((found, rank)) = meaning(name.as_str()) {
        facts.set(found, rank.saturating_add(back), key, name.as_str(), value);
    } else if let Some((first, rest)) = key.split_once('.')
        && is_transparent(Name::EMPTY.with(first).as_str())
        && let Some((found, rank)) = meaning(Name::EMPTY.with(rest).as_str())
    {
        facts.set(found, rank.saturating_add(back).saturating_add(STEP_BACK), rest, rest, value);
    }
}

/// OpenTelemetry's `{"key":"http.route","value":{"stringValue":"/x"}}`.
fn attribute<'a>(element: Value<'a>) -> Option<(&'a str, Value<'a>)> {
    let (mut key, mut value) = (None, None);
    for (k, v) in element.object()? {
        match (k, v) {
            ("key", Value::Text(t)) => key = Some(t),
            ("value", v) => value = Some(v.object().and_then(|mut m| m.next()).map_or(v, |(_, inner)| inner)),
            _ => return None,
        }
    }
    key.zip(value)
}

/// What needs no field, being told elsewhere.
struct Known<'k, 'a> {
    facts: &'k Facts<'a>,
    request: Option<&'k crate::RequestRef<'a>>,
}

impl<'a> Known<'_, 'a> {
    fn used(&self, value: Value<'a>) -> bool {
        self.facts.used(value, self.request)
    }
}

/// Collects what has no place of its own, names dotted.
fn fields<'a>(
    members: Members<'a>,
    around: &str,
    depth: usize,
    known: &Known<'_, 'a>,
    out: &mut Vec<(Cow<'a, str>, Cow<'a, str>)>,
) {
    for (key, value) in members {
        if out.len() >= FIELDS_MAX {
            return;
        }
        let low = Name::EMPTY.with(key);
        let low = low.as_str();
        // Headers and cookies are the client's words, and full of secrets.
        if is_opaque(low) || low.ends_with("headers") {
            continue;
        }
        let name =
            || if around.is_empty() { Cow::Borrowed(key) } else { Cow::Owned(format!("{around}.{key}")) };
        match value {
            Value::Raw(raw) if raw.starts_with('{') => {
                if depth >= DEPTH_MAX {
                    continue;
                }
                let plain = around.is_empty() && matches!(low, "fields" | "jsonpayload" | "attributes");
                let path = if plain { Cow::Borrowed("") } else { name() };
                fields(Members::of(raw), &path, depth + 1, known, out);
            }
            Value::Raw("null") => {}
            Value::Raw(raw) if raw.starts_with("[{") => {
                // The first of a list: aggregate errors, tries, attributes.
                if matches!(low, "attributes" | "frames" | "trace" | "stacktrace" | "stack") {
                    for (key, value) in Elements::of(value).take(ELEMENTS_MAX).filter_map(attribute) {
                        if let Some(v) = value.scalar().filter(|v| !v.contains('\n') && !known.used(value)) {
                            out.push((Cow::Borrowed(key), clipped(v)));
                        }
                    }
                } else if depth < DEPTH_MAX
                    && let Some(first) = Elements::of(value).next().and_then(Value::object)
                {
                    fields(first, &name(), depth + 1, known, out);
                }
            }
            Value::Raw(raw) if raw.starts_with('[') => {
                let told = is_stack(low) && is_errors(around);
                if raw.len() <= VALUE_BYTES_MAX && !known.used(value) && !told {
                    out.push((name(), Cow::Borrowed(raw)));
                }
            }
            _ => {
                if known.used(value) {
                    continue;
                }
                let Some(text) = value.scalar() else { continue };
                // Stacks went to the trace, the error's own words too.
                let told = depth > 0 && (low == "message" || is_stack(low)) && is_errors(around);
                let is_trace = text.contains('\n')
                    && (text.contains("at ") || meaning(low).is_some_and(|(m, _)| m == Meaning::Error));
                if text.is_empty() || told || is_trace {
                    continue;
                }
                out.push((name(), clipped(text)));
            }
        }
    }
}

fn is_stack(name: &str) -> bool {
    matches!(name, "stack" | "stacktrace" | "backtrace" | "trace" | "traceback" | "extendedstacktrace")
}

fn is_errors(around: &str) -> bool {
    let last = around.rsplit('.').next().unwrap_or(around);
    meaning(Name::EMPTY.with(last).as_str()).is_some_and(|(m, _)| m == Meaning::Error)
}

fn clipped(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.len() <= VALUE_BYTES_MAX {
        return text;
    }
    let end = (0..=VALUE_BYTES_MAX).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
    match text {
        Cow::Borrowed(t) => Cow::Borrowed(t.get(..end).unwrap_or_default()),
        Cow::Owned(mut t) => {
            t.truncate(end);
            Cow::Owned(t)
        }
    }
}

/// A message template with its holes filled: `HTTP {RequestMethod} {RequestPath} responded {StatusCode}`,
/// `{Elapsed:0.0000}`, `{@Cart}` (<https://messagetemplates.org>).
fn rendered(template: &str, text: &str) -> Option<String> {
    let mut out = String::with_capacity(template.len() + 64);
    let mut rest = template;
    let mut filled = false;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let end = after.find('}')?;
        let hole = after.get(..end)?;
        let name = hole.split([':', ',']).next().unwrap_or(hole).trim_start_matches(['@', '$']);
        match property(name, text) {
            Some(value) => {
                out.push_str(&value);
                filled = true;
            }
            None => {
                out.push('{');
                out.push_str(hole);
                out.push('}');
            }
        }
        rest = after.get(end + 1..)?;
    }
    out.push_str(rest);
    filled.then_some(out)
}

fn property<'a>(name: &str, text: &'a str) -> Option<Cow<'a, str>> {
    for (key, value) in Members::of(text) {
        if key == name {
            return value.scalar();
        }
        if key == "Properties"
            && let Some((_, value)) = value.object().and_then(|mut m| m.find(|(k, _)| *k == name))
        {
            return value.scalar();
        }
    }
    None
}

/// loguru's `{"text":"… | ERROR | …\nTraceback …","record":{…}}`: the traceback stands in the text.
fn loguru<'a>(text: &'a str, entry: &Entry<'_>) -> Option<Cow<'a, str>> {
    if !text.starts_with("{\"text\"") || entry.level < Level::Warn {
        return None;
    }
    let (_, value) = Members::of(text).next()?;
    let whole = value.text()?;
    let begin = whole.find("Traceback (most recent call last)")?;
    whole.get(begin..).map(|t| Cow::Owned(t.trim_end().to_owned()))
}

#[cfg(test)]
mod tests;
