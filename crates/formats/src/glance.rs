//! Healthy requests told at a glance: what a line of this file looks like, learnt from lines that were read whole.
//!
//! ```text
//! 203.0.113.4 - - [24/Nov/2026:07:21:01 +0000] "GET /cart/17 HTTP/1.1" 200 10 "-" "curl/8.5.0"
//! └client        └time                          └how └target           └status └anything └anything
//! ```
//!
//! Nearly all lines of an access log tell of requests that went well, and of those only counts are kept. So the first lines of
//! a file are read whole; from them comes a [`Stencil`]: which characters stand between the values, and what each value may
//! be. What a value is worth is found by asking the reader itself, with that value changed: where the facts stay the same
//! whatever stands there, anything may stand there; elsewhere only values that were seen. A line that the stencil fits is a
//! healthy request with these facts; every other line is read whole as before. No format needs anything for it.

mod cut;
mod scan;
#[cfg(test)]
mod tests;

pub(crate) use scan::Run;
pub use scan::{Clock, Glanced, Scanned, Tally, scan};

use crate::Context;
use record::{Ending, Record, Time, Zone};
use std::sync::Arc;

/// Lines of one shape that are read whole before a stencil is cut from them.
const SAMPLES_MIN: usize = 48;
/// Lines read whole, because the stencil did not fit, before it is cut anew.
const SAMPLES_MORE: usize = 16;
/// Samples of a shape; then its stencil is final.
const SAMPLES_MAX: usize = 160;
/// Shapes watched per file; a file of more is no access log.
const SHAPES_MAX: usize = 16;
/// Longest line that is glanced at; longer ones are rare and read whole.
const LINE_BYTES_MAX: usize = 8 * 1024;

/// What is kept of a healthy request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Facts {
    pub format: &'static str,
    pub at: Option<(Time, Zone)>,
    pub service: Option<String>,
    pub method: String,
    pub target: String,
    pub client: Option<String>,
    pub status: u16,
    pub upstream: bool,
    /// The client left before the answer.
    pub left: bool,
}

/// A sink that listens in: which facts did one line give?
pub(crate) struct Witness<'a> {
    pub inner: Option<&'a mut dyn crate::Sink>,
    pub facts: Option<Facts>,
    pub healthy: usize,
}

impl crate::Sink for Witness<'_> {
    fn healthy(&mut self, h: &crate::Healthy<'_>) {
        self.healthy += 1;
        let q = h.request;
        self.facts =
            q.status.filter(|s| (100..500).contains(s) && q.ending != Ending::Cut).map(|status| Facts {
                format: h.format,
                at: h.at,
                service: h.service.map(str::to_owned),
                method: q.method.clone().into_owned(),
                target: q.target.clone().into_owned(),
                client: q.client.as_deref().map(str::to_owned),
                status,
                upstream: q.upstream.is_some(),
                left: q.ending != Ending::Answered,
            });
        if let Some(sink) = &mut self.inner {
            sink.healthy(h);
        }
    }

    fn wants(&self, message: &str) -> bool {
        self.inner.as_ref().is_some_and(|s| s.wants(message))
    }

    fn record(&mut self, record: Record) {
        if let Some(sink) = &mut self.inner {
            sink.record(record);
        }
    }
}

/// How the value of a part ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Close {
    /// At a quote that no backslash escapes.
    Quote,
    /// Before this byte.
    Byte(u8),
    /// After so many bytes.
    Length(usize),
    /// With the line.
    Line,
}

/// What a part's value may be.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Hold {
    /// Anything.
    Free,
    /// Any number.
    Number,
    /// One of the values that were seen.
    Known(Vec<Box<[u8]>>),
    /// The request's method, one of those seen.
    Method(Vec<Box<[u8]>>),
    /// The request's target.
    Target,
    /// The status, three digits.
    Status,
    /// The client's address; with its port.
    Client { port: bool },
    /// The time.
    Time(Form),
}

/// How a time is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// In one of the forms of [`crate::time`].
    Stamp,
    /// A number of this many microseconds each, since 1970.
    Epoch(i64),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Part {
    hold: Hold,
    close: Close,
    /// What stands behind.
    after: Box<[u8]>,
}

/// The look of a healthy request's line.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stencil {
    format: &'static str,
    service: Option<String>,
    upstream: bool,
    zone: Zone,
    /// What stands before the first part.
    lead: Box<[u8]>,
    parts: Vec<Part>,
    /// So many parts tell something; behind them stands what may be anything.
    told: usize,
    /// Values are written with escapes, as in JSON.
    escaped: bool,
    /// 499 says that the client left.
    left: bool,
}

/// The stencils of a file.
#[derive(Clone, Debug)]
pub struct Glance {
    stencils: Vec<Stencil>,
    reference: Time,
}

#[derive(Default)]
struct Shape {
    hash: u64,
    samples: Vec<(Box<[u8]>, Facts)>,
    /// Samples there were when its stencil was cut last.
    cut_at: usize,
    stencil: Option<Stencil>,
}

/// Learns the stencils of a file from the lines that are read whole.
#[derive(Default)]
pub(crate) struct Learner {
    shapes: Vec<Shape>,
    ready: Option<Arc<Glance>>,
}

impl Learner {
    /// The stencils known so far.
    pub fn glance(&self) -> Option<Arc<Glance>> {
        self.ready.clone()
    }

    /// Takes a line that was read whole and told of a healthy request.
    pub fn learn(&mut self, line: &[u8], facts: Facts, context: &Context) {
        if line.len() > LINE_BYTES_MAX || facts.left || facts.at.is_none_or(|(_, z)| z == Zone::Neighbour) {
            return;
        }
        let Some(hash) = cut::shape(line) else { return };
        let i = match self.shapes.iter().position(|s| s.hash == hash) {
            Some(i) => i,
            None if self.shapes.len() < SHAPES_MAX => {
                self.shapes.push(Shape { hash, ..Shape::default() });
                self.shapes.len() - 1
            }
            None => return,
        };
        let Some(shape) = self.shapes.get_mut(i) else { return };
        if shape.samples.len() >= SAMPLES_MAX {
            return;
        }
        shape.samples.push((line.into(), facts));
        let due = if shape.cut_at == 0 { SAMPLES_MIN } else { shape.cut_at + SAMPLES_MORE };
        if shape.samples.len() < due {
            return;
        }
        shape.cut_at = shape.samples.len();
        let new = cut::cut(&shape.samples, context);
        if new.is_some() && new != shape.stencil {
            shape.stencil = new;
            let stencils = self.shapes.iter().filter_map(|s| s.stencil.clone()).collect();
            self.ready = Some(Arc::new(Glance { stencils, reference: context.reference }));
        }
    }
}
