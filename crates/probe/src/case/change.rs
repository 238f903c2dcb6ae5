//! What a template changes in a case.

use super::written::{BOUNDARY, FORM, MULTIPART, percent, unpercent};
use super::{Case, Payload, Site, Slot, Spot, is_date};
use crate::json::{Json, Step};
use crate::operation::{Operation, Place};
use crate::schema::{Extent, Kind, Schemas, bounds};
use crate::templates::{At, BodyEdit, Bound, Change, PathEdit, Template};
use serde_json::Value;

/// Bytes of a path that is too long for most servers (nginx takes 8 kB for all headers of a line).
const LONG_PATH_BYTES: usize = 8_000;
/// Parts of a form that holds too many; PHP takes 1,000 fields, Werkzeug as many parts.
const PARTS_MANY: usize = 2_000;
/// Letters of a file's name that is too long; file systems take 255 bytes.
const FILE_NAME_LONG: usize = 300;
/// Characters made to pass a maximum; what a schema allows may be gigabytes.
const OVER_MAX: u64 = 200_000;

impl Case {
    /// The case with a template applied at a spot; `None` where it does not fit.
    pub fn changed(
        &self,
        template: &Template,
        spot: &Spot,
        op: &Operation,
        schemas: Schemas<'_>,
    ) -> Option<Case> {
        if !fits(template, spot, op) {
            return None;
        }
        // A form has fields, and no structure beyond.
        let is_form = op.body.as_ref().is_some_and(|b| b.is_form());
        let is_whole = matches!(&spot.site, Site::Member(p) if p.is_empty());
        if is_form && is_whole && !matches!(template.change, Change::Add(..)) {
            return None;
        }
        let mut new = self.clone();
        match &template.change {
            Change::Json(text) => new.put_value(spot, Json::read(text))?,
            Change::Text(text) => new.put_value(spot, Json::text(text))?,
            Change::Repeat(text, n) if spot.site == Site::Body => {
                new.body = Payload::Bytes(text.repeat(*n).into_bytes());
            }
            Change::Repeat(text, n) => new.put_value(spot, Json::Text(text.repeat(*n)))?,
            Change::Digits(n) => new.put_value(spot, Json::Number("9".repeat(*n)))?,
            Change::Bytes(as_is) | Change::Raw(as_is) => match &spot.site {
                Site::Param(i) if spot.place != Some(Place::Header) => {
                    *new.params.get_mut(*i)? = Slot::Bytes(as_is.clone());
                }
                // Within JSON only what breaks its text can be put as it is.
                Site::Member(_) if op.body.as_ref().is_some_and(|b| b.is_form()) => {
                    new.put_value(spot, Json::Bytes(unpercent(as_is)))?;
                }
                _ => return None,
            },
            Change::NameSuffix(end) => match &spot.site {
                Site::Param(i) if spot.place == Some(Place::Query) => {
                    let v = self.value(&spot.site)?.plain();
                    *new.params.get_mut(*i)? = Slot::Absent;
                    new.query.push((format!("{}{end}", spot.name), percent(&v)));
                }
                _ => return None,
            },
            Change::Nest(n) => new.put_value(spot, self.nested(spot, *n, schemas))?,
            Change::Grow(n) => {
                let grown = grown(self.value(&spot.site), *n)?;
                new.put_value(spot, grown)?;
            }
            Change::Bound(edge) => {
                let value = at_edge(*edge, spot, self.value(&spot.site))?;
                new.put_value(spot, value)?;
            }
            Change::Absent => match &spot.site {
                Site::Param(i) if spot.place != Some(Place::Path) => *new.params.get_mut(*i)? = Slot::Absent,
                Site::Member(p) if !p.is_empty() => {
                    let Payload::Value(v) = &mut new.body else { return None };
                    if !v.take(p) {
                        return None;
                    }
                }
                _ => return None,
            },
            Change::Twice => match &spot.site {
                Site::Param(i) if matches!(spot.place, Some(Place::Query | Place::Header)) => {
                    let v = self.value(&spot.site)?.clone();
                    *new.params.get_mut(*i)? = Slot::Twice(v);
                }
                Site::Member(p) => {
                    let (Some(Step::Name(last)), Payload::Value(v)) = (p.last(), &mut new.body) else {
                        return None;
                    };
                    let (last, twin, holder) = (last.clone(), v.at(p)?.clone(), p.get(..p.len() - 1)?);
                    let mut object = v.at(holder)?.clone();
                    let Json::Object(members) = &mut object else { return None };
                    members.push((last, twin));
                    if holder.is_empty() {
                        *v = object;
                    } else {
                        v.put(holder, object);
                    }
                }
                _ => return None,
            },
            Change::Add(name, text) => match (&spot.site, template.at) {
                (Site::Member(p), At::Object) => {
                    let Payload::Value(v) = &mut new.body else { return None };
                    let mut to = p.clone();
                    to.push(Step::Name(name.clone()));
                    if !v.put(&to, Json::read(text)) {
                        return None;
                    }
                }
                (Site::Method, At::Request | At::Query) => {
                    new.query.push((name.clone(), percent(&Json::read(text).plain())));
                }
                _ => return None,
            },
            Change::Body(encoded) => new.body = Payload::Bytes(unpercent(encoded)),
            Change::BodyEdit(BodyEdit::Absent) => {
                if self.body == Payload::Absent {
                    return None;
                }
                new.body = Payload::Absent;
            }
            Change::BodyEdit(edit) => {
                let good = self.payload()?;
                new.body = Payload::Bytes(spoilt(&good, *edit)?);
            }
            Change::ContentType(media) => {
                if self.body == Payload::Absent {
                    return None;
                }
                // The bytes stay what they are.
                new.body = Payload::Bytes(self.payload()?);
                new.media = media.clone();
            }
            Change::HeaderSet(name, value) => {
                if name.eq_ignore_ascii_case("content-type") && value.is_none() {
                    new.body = Payload::Bytes(self.payload()?);
                    new.media = None;
                } else {
                    new.headers.push((name.clone(), value.clone()));
                }
            }
            Change::HeaderAdd(name, value) => {
                new.headers.push((name.clone(), Some(value.clone())));
            }
            Change::HeaderRepeat(name, text, n) => new.headers.push((name.clone(), Some(text.repeat(*n)))),
            Change::HeaderMany(n) => {
                new.headers.extend((0..*n).map(|i| (format!("X-Filler-{i}"), Some("1".to_owned()))));
            }
            Change::Method(m) if *m == op.method => return None,
            Change::Method(m) => new.method = Some(m.clone()),
            Change::PathEdit(edit) => new.path = Some(*edit),
            Change::Auth(with) => new.auth = Some(with.clone()),
            Change::AtOnce(_) | Change::InTurn(_) => return Some(new),
        }
        (new != *self).then_some(new)
    }

    fn put_value(&mut self, spot: &Spot, value: Json) -> Option<()> {
        let in_form =
            matches!(self.media.as_deref(), Some(FORM | MULTIPART)) && matches!(spot.site, Site::Member(_));
        let value = match &value {
            Json::List(_) | Json::Object(_) if in_form => Json::Text(value.write()),
            Json::Raw(r) if in_form && r.starts_with(['[', '{']) => Json::Text(r.clone()),
            _ => value,
        };
        if spot.place == Some(Place::Header) && !is_header_value(&value.plain()) {
            return None;
        }
        // An empty segment is another path.
        if spot.place == Some(Place::Path) && value.plain().is_empty() {
            return None;
        }
        self.put(&spot.site, value).then_some(())
    }

    /// The value so deep within itself, by the member that holds its like where there is one.
    fn nested(&self, spot: &Spot, n: usize, schemas: Schemas<'_>) -> Json {
        const HOLE: &str = "\u{1}why500\u{1}";
        let shell = || {
            let members = spot.schema.get("properties")?.as_object()?;
            let mut least = schemas.good(&spot.schema, &spot.name, Extent::Least, 0);
            for (name, schema) in members {
                let inner = schemas.whole(schema);
                let items = inner.get("items").map(|i| schemas.whole(i));
                let hole = if inner.get("properties") == spot.schema.get("properties") {
                    Json::text(HOLE)
                } else if items.is_some_and(|i| i.get("properties") == spot.schema.get("properties")) {
                    Json::List(vec![Json::text(HOLE)])
                } else {
                    continue;
                };
                least.put(&[Step::Name(name.clone())], hole);
                return Some(least.write());
            }
            None
        };
        let inner = schemas.good(&spot.schema, &spot.name, Extent::Least, 0).write();
        let mark = Json::text(HOLE).write();
        let shell = shell().unwrap_or_else(|| match spot.kind {
            Kind::Object => format!("{{\"a\":{mark}}}"),
            _ => format!("[{mark}]"),
        });
        let (before, after) = shell.split_once(mark.as_str()).unwrap_or(("[", "]"));
        // As text: a value so deep could not even be dropped.
        Json::Raw(format!("{}{inner}{}", before.repeat(n), after.repeat(n)))
    }
}

/// Does a template look at such a spot?
fn fits(template: &Template, spot: &Spot, op: &Operation) -> bool {
    if !template.fits_name(&spot.name) {
        return false;
    }
    let value = matches!(spot.site, Site::Param(_)) || matches!(&spot.site, Site::Member(p) if !p.is_empty());
    let kind = spot.kind;
    let number_named = kind == Kind::Any;
    match template.at {
        At::Any => value,
        At::String => value && matches!(kind, Kind::Text | Kind::Any) && spot.schema.get("enum").is_none(),
        At::Date => value && is_date(spot),
        At::Integer => value && (kind == Kind::Integer || number_named),
        At::Number => value && (matches!(kind, Kind::Integer | Kind::Number) || number_named),
        At::Boolean => value && kind == Kind::Bool,
        At::Array => matches!(spot.site, Site::Member(_) | Site::Param(_)) && kind == Kind::List,
        At::Object => matches!(spot.site, Site::Member(_)) && kind == Kind::Object,
        At::Query => spot.place == Some(Place::Query),
        At::Path => spot.place == Some(Place::Path),
        At::Header => spot.place == Some(Place::Header),
        At::JsonBody => spot.site == Site::Body && op.body.as_ref().is_some_and(|b| b.is_json()),
        At::MultipartBody => {
            spot.site == Site::Body && op.body.as_ref().is_some_and(|b| b.media == MULTIPART)
        }
        At::Body => spot.site == Site::Body && op.body.is_some(),
        At::Authorized => spot.site == Site::Method && op.secured,
        At::Request => spot.site == Site::Method,
    }
}

/// The list or object with so many parts.
fn grown(value: Option<&Json>, n: usize) -> Option<Json> {
    match value? {
        Json::List(l) => {
            let one = l.first().map_or_else(|| "1".to_owned(), Json::write);
            Some(Json::Raw(format!("[{}]", vec![one; n].join(","))))
        }
        Json::Object(o) => {
            let mut all = o.clone();
            all.extend((0..n).map(|i| (format!("k{i}"), Json::int(1))));
            Some(Json::Object(all))
        }
        _ => None,
    }
}

/// The value at an edge of what its schema allows; `None` where it tells none.
fn at_edge(edge: Bound, spot: &Spot, value: Option<&Json>) -> Option<Json> {
    let count = |k: &str| spot.schema.get(k).and_then(Value::as_u64);
    match spot.kind {
        Kind::Integer | Kind::Number => {
            let (least, most) = bounds(&spot.schema);
            let v = match edge {
                Bound::Least => least?,
                Bound::Most => most?,
                Bound::UnderLeast => least? - 1.0,
                Bound::OverMost => most? + 1.0,
            };
            Some(Json::Number(if v.fract() == 0.0 { format!("{v:.0}") } else { format!("{v}") }))
        }
        Kind::Text => {
            let n = match edge {
                Bound::Least => count("minLength")?,
                Bound::Most => count("maxLength")?,
                Bound::UnderLeast => count("minLength")?.checked_sub(1)?,
                Bound::OverMost => count("maxLength")? + 1,
            };
            Some(Json::Text("a".repeat(usize::try_from(n).ok().filter(|_| n <= OVER_MAX)?)))
        }
        Kind::List => {
            let n = match edge {
                Bound::Least => count("minItems")?,
                Bound::Most => count("maxItems")?,
                Bound::UnderLeast => count("minItems")?.checked_sub(1)?,
                Bound::OverMost => count("maxItems")? + 1,
            };
            if n == 0 {
                return Some(Json::List(Vec::new()));
            }
            grown(value, usize::try_from(n).ok().filter(|_| n <= OVER_MAX)?)
        }
        _ => None,
    }
}

fn spoilt(good: &[u8], edit: BodyEdit) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(good).ok();
    let last = |c: char| text.and_then(|t| t.rfind(c));
    Some(match edit {
        BodyEdit::Absent => return None,
        BodyEdit::Half => good.get(..good.len() / 2).filter(|h| !h.is_empty())?.to_vec(),
        BodyEdit::TrailingComma => {
            let i = last('}').or(last(']'))?;
            let (a, b) = text?.split_at_checked(i)?;
            format!("{a},{b}").into_bytes()
        }
        BodyEdit::SingleQuotes => text?.replace('"', "'").into_bytes(),
        BodyEdit::BareNames => {
            let mut out = text?.to_owned();
            for part in text?.split('"').skip(1).step_by(2) {
                out = out.replacen(&format!("\"{part}\":"), &format!("{part}:"), 1);
            }
            out.into_bytes()
        }
        BodyEdit::ByteOrderMark => [b"\xef\xbb\xbf", good].concat(),
        BodyEdit::Comment => [b"/* c */ ", good].concat(),
        BodyEdit::Doubled => [good, good].concat(),
        BodyEdit::Utf16 => text?.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        BodyEdit::InList => [b"[", good, b"]"].concat(),
        BodyEdit::NamesTwice => {
            let inner = text?.strip_prefix('{')?.strip_suffix('}')?;
            (!inner.is_empty()).then(|| format!("{{{inner},{inner}}}").into_bytes())?
        }
        BodyEdit::NamesUpper => {
            let mut out = text?.to_owned();
            for part in text?.split('"').skip(1).step_by(2) {
                let name = format!("\"{part}\":");
                out = out.replace(&name, &name.to_uppercase());
            }
            out.into_bytes()
        }
        part => return spoilt_parts(text?, part),
    })
}

/// A multipart body (RFC 7578), spoilt.
fn spoilt_parts(text: &str, edit: BodyEdit) -> Option<Vec<u8>> {
    const HEAD: &str = "Content-Disposition: form-data; name=\"";
    const FILE: &str = "filename=\"a.txt\"";
    let end = format!("--{BOUNDARY}--\r\n");
    let inner = text.strip_suffix(&end)?;
    let file_named =
        |name: &str| inner.contains(FILE).then(|| inner.replace(FILE, &format!("filename=\"{name}\"")));
    // Each line that names a part, made another one.
    let heads = |make: &dyn Fn(&str) -> String| -> String {
        let line = |l: &str| match l.strip_suffix("\r\n") {
            Some(head) if head.starts_with(HEAD) => make(head),
            _ => l.to_owned(),
        };
        inner.split_inclusive("\r\n").map(line).collect()
    };
    let made = match edit {
        BodyEdit::NoLastBoundary => return Some(inner.as_bytes().to_vec()),
        BodyEdit::OtherBoundary => return Some(text.replace(BOUNDARY, "another").into_bytes()),
        BodyEdit::BareLf => return Some(text.replace("\r\n", "\n").into_bytes()),
        BodyEdit::NoParts => String::new(),
        BodyEdit::NoDisposition => heads(&|_| String::new()),
        BodyEdit::NoPartNames => heads(&|_| "Content-Disposition: form-data\r\n".to_owned()),
        BodyEdit::TextAsFile => {
            heads(&|h| format!("{h}; filename=\"b.bin\"\r\nContent-Type: application/octet-stream\r\n"))
        }
        BodyEdit::FileAsText => file_named("")?.replace("; filename=\"\"", ""),
        BodyEdit::UnknownFile => {
            format!("{inner}--{BOUNDARY}\r\n{HEAD}unknown\"; filename=\"u.bin\"\r\n\r\nabc\r\n")
        }
        BodyEdit::ManyParts => {
            let part = |i: usize| format!("--{BOUNDARY}\r\n{HEAD}f{i}\"\r\n\r\n1\r\n");
            format!("{inner}{}", (0..PARTS_MANY).map(part).collect::<String>())
        }
        // What is made for a file is these three letters.
        BodyEdit::FileEmpty => file_named("a.txt")?.replace("\r\n\r\nabc\r\n", "\r\n\r\n\r\n"),
        BodyEdit::FileNameOdd => file_named("../a%22b\0.png")?,
        BodyEdit::FileNameLong => file_named(&"a".repeat(FILE_NAME_LONG))?,
        BodyEdit::TransferEncoding => heads(&|h| format!("{h}\r\nContent-Transfer-Encoding: base64\r\n")),
        BodyEdit::PartCharset => {
            heads(&|h| format!("{h}\r\nContent-Type: text/plain; charset=x-unknown\r\n"))
        }
        _ => return None,
    };
    Some(format!("{made}{end}").into_bytes())
}

pub(super) fn spoilt_path(path: &str, edit: PathEdit) -> String {
    let last = path.rfind('/').unwrap_or(0);
    let (before, after) = path.split_at_checked(last).unwrap_or((path, ""));
    match edit {
        PathEdit::TrailingSlash => format!("{path}/"),
        PathEdit::DoubleSlash => format!("/{path}"),
        PathEdit::DotSegment => format!("{before}/.{after}"),
        PathEdit::EncodedSlash => format!("{before}%2F{}", after.trim_start_matches('/')),
        PathEdit::EncodedNul => format!("{path}%00"),
        PathEdit::BrokenEscape => format!("{path}%"),
        PathEdit::UpperCase => path.to_ascii_uppercase(),
        PathEdit::Semicolon => format!("{path};x=1"),
        PathEdit::Extension => format!("{path}.json"),
        PathEdit::Long => format!("{path}/{}", "a".repeat(LONG_PATH_BYTES)),
        PathEdit::NotUtf8 => format!("{path}%FF%FE"),
        PathEdit::EncodedNewline => format!("{path}%0A"),
        PathEdit::EncodedDots => format!("{path}/%2e%2e%2f%2e%2e%2f"),
        PathEdit::Backslash => format!("{before}%5C{}", after.trim_start_matches('/')),
    }
}

/// May these bytes stand in a header (RFC 9110 §5.5)?
pub(super) fn is_header_value(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok() && bytes.iter().all(|b| *b == b'\t' || (*b >= 0x20 && *b != 0x7f))
}
