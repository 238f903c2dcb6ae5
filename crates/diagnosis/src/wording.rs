//! What records say, read once for each wording.
//!
//! ```text
//! SQLSTATE[HY000] [2002] Connection refused (… where `id` = 17 limit 1)
//! SQLSTATE[HY000] [2002] Connection refused (… where `id` = 9312 limit 1)
//! ```
//!
//! An error that comes ten thousand times is recognised a few times, until it has been seen which of its numbers change nothing
//! ([`Outcomes`]). Of a wording the first records are kept whole, as examples; of further ones what joins them to their requests.

use crate::join;
use crate::recognise::telemetry;
use crate::recognise::{Finding, Recogniser, Scope};
use record::{Exception, Level, Numbered, Outcomes, Record, hash};
use std::sync::Arc;

/// Wordings remembered per source; a source with more says something else each time, and remembering would be in vain.
const WORDINGS_MAX: usize = 4_096;
/// Records of a wording kept whole.
const WHOLE_MAX: u32 = 12;
/// Warnings of one wording that are all kept; of twice as many every second, of four times as many every fourth … A program that
/// warns so often tells of its traffic rather than of failures, and whether it does is seen in a part as well.
const WARNINGS_MAX: u32 = 2_048;
/// Bytes of records kept whole per source, whatever their wordings: some two thousand errors with their traces. The first of each
/// wording may take four times as much.
const WHOLE_BYTES_MAX: usize = 12 << 20;
/// Records of a wording for which there is more room.
const FIRST: u32 = 2;
/// Different findings shared between records of a source.
const SHARED_MAX: usize = 4_096;
/// Bytes kept of the message of others.
const SHORT_BYTES: usize = 160;

/// What a record says.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    /// Best first; none if it explains nothing.
    pub findings: Option<Arc<[Finding]>>,
    /// What its first line says apart from its variables, and how.
    pub template: u64,
    /// It is one of so many alike that it need not be kept.
    pub surplus: bool,
}

#[derive(Default)]
struct Wording {
    outcomes: Outcomes<Said>,
    records: u32,
    exceptions: Arc<[Exception]>,
}

/// Findings by what they say: those of records that say something else each time are often the same.
#[derive(Default)]
struct Shared(Numbered<u64, Arc<[Finding]>>);

/// The wordings of a source.
#[derive(Default)]
pub(crate) struct Wordings {
    known: Numbered<u64, Wording>,
    shared: Shared,
    whole_bytes: usize,
    numbers: Vec<u64>,
}

/// Do both say the same, apart from the line that they quote?
fn same(a: &Said, b: &Said) -> bool {
    let alike = |x: &Finding, y: &Finding| {
        x.cause == y.cause
            && x.culprit == y.culprit
            && x.service == y.service
            && x.scope == y.scope
            && x.symptom == y.symptom
            && x.weight == y.weight
            && x.signature == y.signature
            && x.title == y.title
    };
    match (&a.findings, &b.findings) {
        (Some(a), Some(b)) => a.len() == b.len() && a.iter().zip(b.iter()).all(|(x, y)| alike(x, y)),
        (None, None) => true,
        _ => false,
    }
}

impl Wordings {
    /// What the record says. Once its wording is well known, what is kept of the record is what joins it to a request.
    pub fn read(&mut self, r: &mut Record, recogniser: &Recogniser) -> Said {
        let mut numbers = std::mem::take(&mut self.numbers);
        numbers.clear();
        let key = words(r, &mut numbers);
        let room = self.known.len() < WORDINGS_MAX;
        let Wordings { known, shared, .. } = self;
        let mut read = |r: &Record| shared.share(read_whole(r, recogniser));
        let (said, nth) = match known.get_mut(&key) {
            Some(w) => (w.read(r, &numbers, &mut read), w.records),
            None if room => (known.entry(key).or_default().read(r, &numbers, &mut read), 1),
            None => (read(r), u32::MAX),
        };
        self.numbers = numbers;
        if !r.is_ledger() {
            if !r.text.is_empty() {
                self.whole_bytes += r.message.len() + r.text.len();
            }
            // The first of a wording is what will be quoted.
            let max = if nth <= FIRST { 4 * WHOLE_BYTES_MAX } else { WHOLE_BYTES_MAX };
            if self.whole_bytes > max && !r.text.is_empty() {
                self.whole_bytes -= r.message.len() + r.text.len();
                let exceptions = Arc::clone(&r.exceptions);
                shorten(r, &exceptions);
            }
        }
        if is_bare(r) { Said { template: join::template(r), ..said } } else { said }
    }
}

impl Wordings {
    /// What the record says, which stays whole and is none too many.
    pub fn read_whole(&mut self, r: &Record, recogniser: &Recogniser) -> Said {
        let mut numbers = std::mem::take(&mut self.numbers);
        numbers.clear();
        let key = words(r, &mut numbers);
        let known = self.known.get(&key).and_then(|w| w.outcomes.find(&numbers)).cloned();
        let said = known.unwrap_or_else(|| {
            let said = read_whole(r, recogniser);
            if self.known.len() < WORDINGS_MAX || self.known.contains_key(&key) {
                self.known.entry(key).or_default().outcomes.learn(&numbers, said.clone(), same);
            }
            said
        });
        self.numbers = numbers;
        let said = self.shared.share(said);
        if is_bare(r) { Said { template: join::template(r), ..said } } else { said }
    }
}

impl Shared {
    fn share(&mut self, said: Said) -> Said {
        let Some(findings) = &said.findings else { return said };
        let key = |told: &dyn Fn(&Finding) -> u64| {
            hash(
                findings
                    .iter()
                    .map(|f| {
                        let what = (f.cause.to_string(), &f.culprit, &f.service, &f.signature, &f.title);
                        (what, f.symptom, f.weight, told(f))
                    })
                    .collect::<Vec<_>>(),
            )
        };
        // By what the error says a kind of its cause is told, and it is quoted: what says something else is not the same. Of too
        // many wordings only the causes are told apart.
        let said_so = key(&|f| record::skeleton(&f.matched, |_| {}));
        if let Some(known) = self.0.get(&said_so) {
            return Said { findings: Some(Arc::clone(known)), ..said };
        }
        let alike = key(&|_| 0);
        if self.0.len() < SHARED_MAX {
            self.0.insert(said_so, Arc::clone(findings));
            self.0.entry(alike).or_insert_with(|| Arc::clone(findings));
        } else if let Some(known) = self.0.get(&alike) {
            return Said { findings: Some(Arc::clone(known)), ..said };
        }
        said
    }
}

impl Wording {
    fn read(&mut self, r: &mut Record, numbers: &[u64], read_whole: impl FnOnce(&Record) -> Said) -> Said {
        self.records = self.records.saturating_add(1);
        if let Some(said) = self.outcomes.find(numbers) {
            let mut said = said.clone();
            if r.level <= Level::Warn && !r.is_ledger() {
                let one_in = (self.records / WARNINGS_MAX + 1).next_power_of_two();
                said.surplus = one_in > 1 && !self.records.is_multiple_of(one_in);
            }
            if self.records > WHOLE_MAX && !r.is_ledger() {
                shorten(r, &self.exceptions);
            }
            return said;
        }
        let said = read_whole(r);
        if self.records == 1 {
            self.exceptions = Arc::clone(&r.exceptions);
        }
        self.outcomes.learn(numbers, said.clone(), same);
        said
    }
}

/// The hash of all that a record says, apart from numbers.
fn words(r: &Record, numbers: &mut Vec<u64>) -> u64 {
    let mut keys =
        hash((r.source, r.format, r.level, &r.service, r.mark.is_some(), r.exceptions.len(), r.tail));
    let mut add = |text: &str| {
        keys = keys.rotate_left(7) ^ record::skeleton(text, |n| numbers.push(n));
    };
    if !is_bare(r) {
        let said = if r.tail == 0 { &r.message } else { r.message.lines().next().unwrap_or("") };
        add(said);
    }
    for (k, v) in &r.fields {
        add(k);
        add(v);
    }
    if let Some(q) = &r.request {
        add(q.flags.as_deref().unwrap_or("-"));
        add(q.upstream.as_deref().unwrap_or("-"));
        numbers.push(u64::from(q.upstream_status.unwrap_or(0)));
        numbers.push(u64::from(q.status.unwrap_or(0)));
    }
    keys
}

fn shorten(r: &mut Record, exceptions: &Arc<[Exception]>) {
    let line = r.message.lines().next().unwrap_or("");
    let mut end = line.len().min(SHORT_BYTES);
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    r.message = line.get(..end).unwrap_or_default().to_owned();
    r.text = String::new();
    if exceptions.len() == r.exceptions.len() {
        r.exceptions = Arc::clone(exceptions);
    }
    r.fields.retain(|(k, _)| matches!(k.as_str(), "file" | "remote"));
    r.fields.shrink_to_fit();
}

/// Recognises what a record says, if it may explain a failure.
fn read_whole(r: &Record, recogniser: &Recogniser) -> Said {
    Said { findings: recognise(r, recogniser).map(Into::into), template: join::template(r), surplus: false }
}

/// An access-log line says nothing of causes but its flags: user agents and referers are not to be read as errors.
fn is_bare(r: &Record) -> bool {
    r.is_ledger() && r.level == Level::Unknown && r.exceptions.is_empty() && r.format != "json"
}

fn recognise(r: &Record, recogniser: &Recogniser) -> Option<Vec<Finding>> {
    let ledger = r.is_ledger();
    let quiet = matches!(r.level, Level::Info | Level::Notice | Level::Debug | Level::Trace);
    if (r.message.is_empty() && r.exceptions.is_empty()) || telemetry::is_export(r) {
        return None;
    }
    let mut findings = if is_bare(r) {
        recogniser.read(&Record { message: String::new(), ..r.clone() })
    } else {
        recogniser.read(r)
    };
    if quiet && !ledger {
        // What is said in passing explains a failure only if it tells of a death or of a thing used up.
        findings.retain(|f| f.scope != Scope::Request || (!f.general && !r.exceptions.is_empty()));
        if findings.is_empty() {
            return None;
        }
    }
    if r.level == Level::Unknown
        && !ledger
        && findings.iter().all(|f| f.general && f.weight < 30)
        && r.exceptions.is_empty()
    {
        findings.clear();
    }
    let silent = findings.is_empty() && (ledger || r.level < Level::Error);
    (!silent).then_some(findings)
}
