//! The whole way of `why500 explain`, from the bytes of several files to the report in every form. Files are parted by lines
//! `==> name <==`, as `head` and `tail` part them; the first byte chooses the machine's offset and what is asked for.

#![no_main]

// The writers of reports belong to the program, which is no library: they are taken in by their path.
#[allow(dead_code)]
#[path = "../../crates/why500/src/catalogue.rs"]
mod catalogue;
#[allow(dead_code, unused_imports)]
#[path = "../../crates/why500/src/report/mod.rs"]
mod report;

use diagnosis::{Filter, Observations, Recogniser, Settings, Source, Totals};
use formats::{Context, Counts, Healthy, Reader, Sink};
use libfuzzer_sys::fuzz_target;
use record::Record;
use report::{Format, Look};
use std::sync::LazyLock;

static RECOGNISER: LazyLock<Recogniser> =
    LazyLock::new(|| Recogniser::new(&[]).expect("the built-in signatures load"));

/// Files of one input; more are read as one.
const FILES_MAX: usize = 8;

/// Brings what is read to the observations, as the program does.
struct Tap<'a>(&'a mut Observations);

impl Sink for Tap<'_> {
    fn healthy(&mut self, h: &Healthy<'_>) {
        let q = h.request;
        self.0.healthy(
            h.source,
            h.line,
            h.service,
            h.at,
            &q.method,
            &q.target,
            q.client.as_deref(),
            q.status.unwrap_or(0),
            q.ending,
            q.upstream.is_some(),
        );
    }

    fn wants(&self, message: &str) -> bool {
        RECOGNISER.interesting(message)
    }

    fn record(&mut self, record: Record) {
        self.0.record(record, &RECOGNISER);
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((&about, rest)) = data.split_first() else { return };
    let bytes = fuzz::stretch(rest);
    let files = files(&bytes);
    let first = explain(about, &files);
    assert_eq!(explain(about, &files), first, "the same observations give the same report");
});

/// The reports in all forms.
fn explain(about: u8, files: &[(String, Vec<u8>)]) -> Vec<String> {
    let mut obs = Observations::new();
    let mut counts: Vec<Counts> = Vec::new();
    for (name, bytes) in files {
        let source = obs.source(name);
        let context = Context {
            file_name: name.rsplit('/').next().unwrap_or_default().to_owned(),
            ..fuzz::context("")
        };
        let mut reader = Reader::new(source, context);
        reader.push(bytes, &mut Tap(&mut obs));
        counts.push(reader.finish(&mut Tap(&mut obs)));
    }
    let wall: Vec<bool> = counts.iter().map(|c| c.zone_wall).collect();
    let stated: Vec<bool> = counts.iter().map(|c| c.zone_stated).collect();
    let offset_s = i64::from(about & 3) * 3600;
    let mut filter = Filter::default();
    if about & 4 != 0 {
        filter.statuses = vec![(502, 504)];
    }
    if about & 8 != 0 {
        filter.since = Some(fuzz::REFERENCE.plus(-3600 * record::SECOND));
    }
    if about & 16 != 0 {
        filter.route = Some("/a".into());
    }
    let lines: Vec<u64> = counts.iter().map(|c| c.lines).collect();
    let settings = Settings {
        offset_s: &|_| offset_s,
        wall: &wall,
        stated: &stated,
        lines: &lines,
        filter,
        spread: &diagnosis::one_by_one,
        begun: &Default::default(),
    };
    let mut report = diagnosis::diagnose(&mut obs, &settings);
    report.sources = files
        .iter()
        .zip(&counts)
        .zip(&report.source_ranges)
        .map(|(((name, bytes), c), range)| Source {
            path: name.clone(),
            lines: c.lines,
            parsed: c.lines.saturating_sub(c.unparsed),
            range: *range,
            bytes: bytes.len() as u64,
            ..Source::default()
        })
        .collect();
    for problem in &report.problems {
        assert!((0.0..=1.0).contains(&problem.verdict.confidence), "{}", problem.verdict.confidence);
        assert!(
            // Of an error that stands for a failure no status may be known.
            problem.counts_inferred || problem.statuses.values().sum::<u64>() == problem.count,
            "{:?} of {}",
            problem.statuses,
            problem.count
        );
    }
    // Where errors stand for failures, no log counted the requests.
    if !report.problems.iter().any(|p| p.counts_inferred) {
        let Totals { requests, failures, .. } = report.totals;
        assert!(failures <= requests.unwrap_or(u64::MAX), "{failures} failures of {requests:?} requests");
    }
    let looks = [(Format::Terminal, 40), (Format::Terminal, 100)];
    let others = [Format::Json, Format::Markdown, Format::Html, Format::Sarif, Format::Junit];
    looks
        .into_iter()
        .chain(others.map(|f| (f, 80)))
        .map(|(format, width)| {
            let look = Look {
                width,
                colour: false,
                top: None,
                all_evidence: about & 32 != 0,
                unicode: about & 64 == 0,
            };
            let mut out = Vec::new();
            report::write(&mut out, &report, format, &look).expect("a Vec takes all");
            let text = String::from_utf8(out).expect("reports are UTF-8");
            assert!(
                !text.contains(|c: char| c.is_control() && !matches!(c, '\t' | '\n')),
                "{format:?} obeys the log"
            );
            if matches!(format, Format::Json | Format::Sarif) {
                serde_json::from_str::<serde_json::Value>(&text).expect("JSON");
            }
            text
        })
        .collect()
}

/// The files of an input.
fn files(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    for line in bytes.split_inclusive(|b| *b == b'\n') {
        let name = line.strip_prefix(b"==> ").and_then(|l| l.strip_suffix(b" <==\n"));
        if let Some(name) = name.filter(|_| files.len() < FILES_MAX) {
            files.push((String::from_utf8_lossy(name).into_owned(), Vec::new()));
        } else if let Some((_, content)) = files.last_mut() {
            content.extend_from_slice(line);
        } else {
            files.push(("app.log".into(), line.to_vec()));
        }
    }
    files
}
