//! The report as data: the contract `why500.report/1` that scripts and the other doors of the program rely
//! on.
//!
//! `{"schema": "why500.report/1", "range": {…}, "totals": {…}, "problems": [{…}], "sources": [{…}]}`. Keys
//! are added, never renamed or removed. Instants are RFC 3339 in UTC
//! (<https://www.rfc-editor.org/rfc/rfc3339>).

use diagnosis::{
    Alternative, Ended, Endpoint, Evidence, Hop, HopState, Problem, Report, Source, Timeline, Trigger,
    Verdict,
};
use record::{Exception, Time};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use std::collections::BTreeMap;
use std::io;

/// Writes the report, indented, with a line end.
pub(super) fn write(out: &mut dyn io::Write, report: &Report) -> io::Result<()> {
    write_document(out, &ReportDoc::of(report))
}

/// A problem as the report holds it.
pub fn problem(p: &Problem) -> String {
    serde_json::to_string(&ProblemDoc::of(p)).unwrap_or_default()
}

/// Writes any document, indented, with a line end. JSON must escape C0 controls only (RFC 8259 §7), but a
/// terminal also obeys C1 (U+009B begins an escape sequence), so those are escaped too; outside of strings
/// they cannot occur.
pub(crate) fn write_document(out: &mut dyn io::Write, document: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer_pretty(Escaped(&mut *out), document).map_err(io::Error::from)?;
    out.write_all(b"\n")
}

/// UTF-8 on its way out, its DEL and C1 controls escaped. Characters come whole.
struct Escaped<'a>(&'a mut dyn io::Write);

impl io::Write for Escaped<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut rest = bytes;
        while let Some(i) = memchr::memchr2(0x7f, 0xc2, rest) {
            let (before, from) = rest.split_at(i);
            self.0.write_all(before)?;
            rest = match from {
                // U+0080 to U+009F: two bytes, of which the second is the code point.
                [0xc2, c1 @ 0x80..=0x9f, after @ ..] => {
                    write!(self.0, "\\u{c1:04x}")?;
                    after
                }
                [0x7f, after @ ..] => {
                    self.0.write_all(b"\\u007f")?;
                    after
                }
                _ => {
                    let (first, after) = from.split_at(1);
                    self.0.write_all(first)?;
                    after
                }
            };
        }
        self.0.write_all(rest)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[derive(Serialize)]
struct ReportDoc<'a> {
    schema: &'static str,
    generator: String,
    range: Option<RangeDoc>,
    totals: TotalsDoc,
    problems: Vec<ProblemDoc<'a>>,
    #[serde(serialize_with = "each_source")]
    sources: &'a [Source],
    traffic: Option<TimelineDoc<'a>>,
    notes: &'a [String],
}

#[derive(Serialize)]
struct RangeDoc {
    from: String,
    to: String,
}

#[derive(Serialize)]
struct TotalsDoc {
    requests: Option<u64>,
    failures: u64,
    records: u64,
    lines: u64,
    bytes: u64,
    unparsed_lines: u64,
}

#[derive(Serialize)]
struct ProblemDoc<'a> {
    id: &'a str,
    title: &'a str,
    count: u64,
    counts_inferred: bool,
    first_seen: Option<String>,
    last_seen: Option<String>,
    #[serde(serialize_with = "statuses")]
    statuses: &'a BTreeMap<u16, u64>,
    endpoints: Vec<EndpointDoc<'a>>,
    verdict: VerdictDoc<'a>,
    alternatives: Vec<AlternativeDoc<'a>>,
    hops: Vec<HopDoc<'a>>,
    evidence: Vec<EvidenceDoc<'a>>,
    exception: Option<ExceptionDoc<'a>>,
    reproduce: Option<ReproduceDoc<'a>>,
    timeline: Option<TimelineDoc<'a>>,
    inputs: &'a [String],
    ended: Option<EndedDoc<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a record::CodeView>,
}

#[derive(Serialize)]
struct EndpointDoc<'a> {
    method: &'a str,
    route: &'a str,
    count: u64,
    example: &'a str,
    requests: Option<u64>,
}

#[derive(Serialize)]
struct VerdictDoc<'a> {
    class: &'static str,
    cause: &'a str,
    culprit: Option<&'a str>,
    trigger: TriggerDoc<'a>,
    confidence: f64,
    summary: &'a str,
    next_steps: &'a [String],
}

#[derive(Serialize)]
struct TriggerDoc<'a> {
    kind: &'static str,
    at: Option<String>,
    what: Option<&'a str>,
}

#[derive(Serialize)]
struct AlternativeDoc<'a> {
    class: &'static str,
    cause: &'a str,
    culprit: Option<&'a str>,
    confidence: f64,
}

#[derive(Serialize)]
struct HopDoc<'a> {
    name: &'a str,
    address: Option<&'a str>,
    state: &'static str,
}

#[derive(Serialize)]
struct EvidenceDoc<'a> {
    source: &'a str,
    line: u64,
    at: Option<String>,
    role: &'static str,
    text: &'a str,
    why: &'a str,
}

#[derive(Serialize)]
struct ExceptionDoc<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    message: &'a str,
    frames: Vec<FrameDoc<'a>>,
}

#[derive(Serialize)]
struct FrameDoc<'a> {
    file: &'a str,
    line: Option<u32>,
    function: &'a str,
    in_app: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<CodeDoc<'a>>,
}

/// Source around a frame, where the client or a source map told it.
#[derive(Serialize)]
struct CodeDoc<'a> {
    before: Vec<&'a str>,
    line: &'a str,
    after: Vec<&'a str>,
}

#[derive(Serialize)]
struct ReproduceDoc<'a> {
    curl: &'a str,
}

#[derive(Serialize)]
struct EndedDoc<'a> {
    at: String,
    what: Option<&'a str>,
}

#[derive(Serialize)]
struct TimelineDoc<'a> {
    start: String,
    step_us: i64,
    failed: &'a [u64],
    requests: &'a [u64],
}

#[derive(Serialize)]
struct SourceDoc<'a> {
    path: &'a str,
    format: &'a str,
    lines: u64,
    parsed: u64,
    from: Option<String>,
    to: Option<String>,
    bytes: u64,
    trouble: Option<&'a str>,
}

/// JSON has no numbers as keys; "no answer" is `000`, as curl prints it.
fn statuses<S: Serializer>(statuses: &BTreeMap<u16, u64>, s: S) -> Result<S::Ok, S::Error> {
    let mut map = s.serialize_map(Some(statuses.len()))?;
    for (status, n) in statuses {
        map.serialize_entry(&format!("{status:03}"), n)?;
    }
    map.end()
}

/// There may be a hundred thousand: one after the other.
fn each_source<S: Serializer>(sources: &[Source], s: S) -> Result<S::Ok, S::Error> {
    s.collect_seq(sources.iter().map(SourceDoc::of))
}

fn instant(t: Option<Time>) -> Option<String> {
    t.map(|t| t.to_string())
}

/// JSON has no NaN and no infinity, and a confidence is a share.
fn share(confidence: f64) -> f64 {
    if confidence.is_nan() { 0.0 } else { (confidence.clamp(0.0, 1.0) * 1000.0).round() / 1000.0 }
}

impl<'a> ReportDoc<'a> {
    fn of(r: &'a Report) -> Self {
        ReportDoc {
            schema: "why500.report/1",
            generator: format!("why500 {}", env!("CARGO_PKG_VERSION")),
            range: r.range.map(|(from, to)| RangeDoc { from: from.to_string(), to: to.to_string() }),
            totals: TotalsDoc {
                requests: r.totals.requests,
                failures: r.totals.failures,
                records: r.totals.records,
                lines: r.totals.lines,
                bytes: r.totals.bytes,
                unparsed_lines: r.totals.unparsed_lines,
            },
            problems: r.problems.iter().map(ProblemDoc::of).collect(),
            sources: &r.sources,
            traffic: TimelineDoc::of(&r.traffic),
            notes: &r.notes,
        }
    }
}

impl<'a> ProblemDoc<'a> {
    fn of(p: &'a Problem) -> Self {
        ProblemDoc {
            id: &p.id,
            title: &p.title,
            count: p.count,
            counts_inferred: p.counts_inferred,
            first_seen: instant(p.first_seen),
            last_seen: instant(p.last_seen),
            statuses: &p.statuses,
            endpoints: p.endpoints.iter().map(EndpointDoc::of).collect(),
            verdict: VerdictDoc::of(&p.verdict),
            alternatives: p.alternatives.iter().map(AlternativeDoc::of).collect(),
            hops: p.hops.iter().map(HopDoc::of).collect(),
            evidence: p.evidence.iter().map(EvidenceDoc::of).collect(),
            exception: p.exception.as_ref().map(ExceptionDoc::of),
            reproduce: p.reproduce.as_deref().map(|curl| ReproduceDoc { curl }),
            timeline: TimelineDoc::of(&p.timeline),
            inputs: &p.inputs,
            ended: p.ended.as_ref().map(EndedDoc::of),
            code: p.code.as_ref(),
        }
    }
}

impl<'a> EndpointDoc<'a> {
    fn of(e: &'a Endpoint) -> Self {
        EndpointDoc {
            method: &e.method,
            route: &e.route,
            count: e.count,
            example: &e.example,
            requests: e.requests,
        }
    }
}

impl<'a> VerdictDoc<'a> {
    fn of(v: &'a Verdict) -> Self {
        VerdictDoc {
            class: v.cause.class.name(),
            cause: &v.cause.name,
            culprit: v.culprit.as_deref(),
            trigger: TriggerDoc::of(&v.trigger),
            confidence: share(v.confidence),
            summary: &v.summary,
            next_steps: &v.next_steps,
        }
    }
}

impl<'a> TriggerDoc<'a> {
    fn of(t: &'a Trigger) -> Self {
        TriggerDoc { kind: t.kind.name(), at: instant(t.at), what: t.what.as_deref() }
    }
}

impl<'a> AlternativeDoc<'a> {
    fn of(a: &'a Alternative) -> Self {
        AlternativeDoc {
            class: a.cause.class.name(),
            cause: &a.cause.name,
            culprit: a.culprit.as_deref(),
            confidence: share(a.confidence),
        }
    }
}

impl<'a> HopDoc<'a> {
    fn of(h: &'a Hop) -> Self {
        let state = match h.state {
            HopState::Ok => "ok",
            HopState::Symptom => "symptom",
            HopState::Broken => "broken",
        };
        HopDoc { name: &h.name, address: h.address.as_deref(), state }
    }
}

impl<'a> EvidenceDoc<'a> {
    fn of(e: &'a Evidence) -> Self {
        EvidenceDoc {
            source: &e.source,
            line: e.line,
            at: instant(e.at),
            role: e.role.name(),
            text: &e.text,
            why: &e.why,
        }
    }
}

impl<'a> ExceptionDoc<'a> {
    fn of(e: &'a Exception) -> Self {
        let frames = e
            .frames
            .iter()
            .map(|f| FrameDoc {
                file: &f.file,
                line: f.line,
                function: &f.function,
                in_app: f.in_app,
                column: f.column,
                code: f.code().map(|c| CodeDoc {
                    before: c.before().collect(),
                    line: c.line(),
                    after: c.after().collect(),
                }),
            })
            .collect();
        ExceptionDoc { kind: &e.kind, message: &e.message, frames }
    }
}

impl<'a> EndedDoc<'a> {
    fn of(e: &'a Ended) -> Self {
        EndedDoc { at: e.at.to_string(), what: e.what.as_deref() }
    }
}

impl<'a> TimelineDoc<'a> {
    /// `None` where there are no steps.
    fn of(t: &'a Timeline) -> Option<Self> {
        (t.step_us > 0).then(|| TimelineDoc {
            start: t.start.to_string(),
            step_us: t.step_us,
            failed: &t.failed,
            requests: &t.requests,
        })
    }
}

impl<'a> SourceDoc<'a> {
    fn of(s: &'a Source) -> Self {
        SourceDoc {
            path: &s.path,
            format: &s.format,
            lines: s.lines,
            parsed: s.parsed,
            from: s.range.map(|r| r.0.to_string()),
            to: s.range.map(|r| r.1.to_string()),
            bytes: s.bytes,
            trouble: s.trouble.as_deref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::write_document;
    use super::*;
    use serde_json::Value;

    fn json(report: &Report) -> Value {
        let mut out = Vec::new();
        write(&mut out, report).unwrap();
        assert_eq!(out.last(), Some(&b'\n'));
        serde_json::from_slice(&out).unwrap()
    }

    #[test]
    fn the_contract_holds() {
        let doc = json(&sample::shop());
        assert_eq!(doc["schema"], "why500.report/1");
        assert_eq!(doc["range"]["from"], "2026-11-24T06:30:00Z");
        assert_eq!(doc["totals"]["requests"], 12_480);
        assert_eq!(doc["totals"]["failures"], 216);
        let p = &doc["problems"][0];
        assert_eq!(p["id"], "4f1d0c2b9a7e6d58");
        assert_eq!(p["count"], 198);
        assert_eq!(p["first_seen"], "2026-11-24T07:12:04Z");
        assert_eq!(p["statuses"], serde_json::json!({"500": 150, "502": 48}));
        assert_eq!(p["verdict"]["class"], "database");
        assert_eq!(p["verdict"]["cause"], "connection-refused");
        assert_eq!(p["verdict"]["culprit"], "127.0.0.1:3306");
        assert_eq!(p["verdict"]["trigger"]["kind"], "dependency");
        assert_eq!(p["verdict"]["trigger"]["at"], "2026-11-24T07:12:01Z");
        assert_eq!(p["verdict"]["confidence"], 0.93);
        assert_eq!(p["hops"][3]["state"], "broken");
        assert_eq!(p["evidence"][0]["role"], "cause");
        assert_eq!(p["evidence"][0]["source"], "shop/laravel.log");
        assert_eq!(p["evidence"][0]["line"], 8_841);
        assert_eq!(p["endpoints"][0]["route"], "/cart/{id}");
        assert_eq!(p["reproduce"]["curl"], "curl -sS -i 'http://shop.example/cart/17'");
        assert_eq!(doc["problems"][1]["exception"]["type"], "TypeError");
        assert_eq!(doc["problems"][1]["exception"]["frames"][0]["in_app"], false);
        assert_eq!(doc["sources"][0]["format"], "nginx access");
        assert_eq!(doc["sources"][0]["from"], "2026-11-24T06:30:00Z");
    }

    #[test]
    fn no_answer_is_000_and_what_is_not_known_is_null() {
        let doc = json(&sample::shop());
        let p = &doc["problems"][2];
        assert_eq!(p["statuses"], serde_json::json!({"000": 2}));
        assert!(p["verdict"]["culprit"].is_null());
        assert!(p["exception"].is_null());
        assert!(p["reproduce"].is_null());
        let doc = json(&Report::default());
        assert!(doc["range"].is_null());
        assert!(doc["totals"]["requests"].is_null());
        assert_eq!(doc["problems"], serde_json::json!([]));
    }

    #[test]
    fn escapes_and_wild_numbers_stay_valid_json() {
        let mut r = sample::hostile();
        r.problems[0].verdict.confidence = f64::NAN;
        let doc = json(&r);
        assert_eq!(doc["problems"][0]["verdict"]["confidence"], 0.0);
        let text = doc["problems"][0]["evidence"][0]["text"].as_str().unwrap();
        assert!(text.contains('\u{1b}') && text.contains('\u{9b}'));

        // What a terminal obeys stands nowhere as itself; what begins with the same byte does.
        let text = "del \u{7f}, first \u{80}, last \u{9f}, no-break \u{a0}, pound \u{a3}, euro \u{20ac}";
        let mut out = Vec::new();
        write_document(&mut out, &text).unwrap();
        let written = String::from_utf8(out).unwrap();
        assert_eq!(
            written,
            "\"del \\u007f, first \\u0080, last \\u009f, no-break \u{a0}, pound \u{a3}, euro \u{20ac}\"\n"
        );
        assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text);
    }
}
