//! Charts and drawings as inline SVG (<https://www.w3.org/TR/SVG2/>): bars over time, marks on them, the way
//! of a request hop by hop.
//!
//! `<svg viewBox="0 0 76 100" preserveAspectRatio="none" role="img" aria-label="…"><rect class="bar-bad"
//! x="42" …/></svg>`: bars stretch with the page; words stay outside, in HTML, so that they keep their size
//! on a phone.

use super::html::text;
use super::page::cut;
use super::phrase::{Clock, counted, number, span};
use diagnosis::{Hop, HopState, Timeline};
use record::Time;
use std::fmt::Write as _;

/// Bars wider than this many are merged: a screen has no more columns for them.
const BARS_MAX: usize = 240;

/// A timeline ready to be drawn.
pub(super) struct Bars {
    failed: Vec<u64>,
    requests: Vec<u64>,
    from: Time,
    step_us: i64,
}

/// A vertical line at an instant.
pub(super) struct Mark {
    /// When.
    pub(super) at: Time,
    /// Does it end the problem (or begin it)?
    pub(super) end: bool,
}

impl Bars {
    /// `None` where there is nothing to draw.
    pub(super) fn of(t: &Timeline) -> Option<Bars> {
        if t.step_us <= 0 || t.failed.is_empty() || t.failed.iter().chain(&t.requests).all(|n| *n == 0) {
            return None;
        }
        let merge = t.failed.len().div_ceil(BARS_MAX);
        let sum = |list: &[u64]| {
            list.chunks(merge).map(|c| c.iter().fold(0u64, |a, n| a.saturating_add(*n))).collect()
        };
        let requests = if t.requests.len() == t.failed.len() { sum(&t.requests) } else { Vec::new() };
        let step_us = t.step_us.saturating_mul(i64::try_from(merge).unwrap_or(1));
        Some(Bars { failed: sum(&t.failed), requests, from: t.start, step_us })
    }

    /// Are all requests counted, not only failed ones?
    pub(super) fn has_requests(&self) -> bool {
        self.requests.iter().any(|n| *n > 0)
    }

    fn begin(&self, i: usize) -> Time {
        self.from.plus(self.step_us.saturating_mul(i64::try_from(i).unwrap_or(i64::MAX)))
    }

    /// End of the last bar.
    pub(super) fn to(&self) -> Time {
        self.begin(self.failed.len())
    }

    /// Begin of the first bar.
    pub(super) fn from(&self) -> Time {
        self.from
    }

    /// Most failures in one bar, in words.
    pub(super) fn peak(&self) -> String {
        format!(
            "at most {} in {}",
            number(self.failed.iter().copied().max().unwrap_or(0)),
            span(self.step_us)
        )
    }

    /// Where an instant lies, in percent of the width.
    pub(super) fn percent(&self, at: Time) -> f64 {
        let whole = self.to().since(self.from).max(1) as f64;
        (at.since(self.from) as f64 * 100.0 / whole).clamp(0.0, 100.0)
    }

    /// Failures as bars, with marks over them.
    pub(super) fn failures(&self, label: &str, marks: &[Mark], clock: Clock, titled: bool) -> String {
        let n = self.failed.len();
        let peak = self.failed.iter().copied().max().unwrap_or(0).max(1);
        let mut svg = open(n, label);
        let _ = write!(svg, "<line class=\"grid\" x1=\"0\" x2=\"{n}\" y1=\"50\" y2=\"50\"/>");
        for (i, failed) in self.failed.iter().enumerate().filter(|(_, f)| **f > 0) {
            // Anything above nothing is seen.
            let height = (*failed as f64 * 100.0 / peak as f64).max(4.0);
            let title =
                if titled { format!("<title>{}</title>", self.title(i, clock)) } else { String::new() };
            rect(&mut svg, "bar-bad", i, 100.0 - height, height, &title);
        }
        self.marks(&mut svg, marks);
        svg.push_str("</svg>");
        svg
    }

    /// All requests as bars, the failed part of each at its foot.
    pub(super) fn traffic(&self, label: &str, marks: &[Mark], clock: Clock) -> String {
        let n = self.failed.len();
        let peak = self.requests.iter().copied().max().unwrap_or(0).max(1) as f64;
        let mut svg = open(n, label);
        for (i, (requests, failed)) in self.requests.iter().zip(&self.failed).enumerate() {
            let whole = *requests as f64 * 100.0 / peak;
            let bad = (*failed as f64 * 100.0 / peak).min(whole);
            let title = format!("<title>{}</title>", self.title(i, clock));
            if whole > bad {
                rect(&mut svg, "bar-ok", i, 100.0 - whole, whole - bad, &title);
            }
            if bad > 0.0 {
                rect(&mut svg, "bar-bad", i, 100.0 - bad, bad, &title);
            }
        }
        self.marks(&mut svg, marks);
        svg.push_str("</svg>");
        svg
    }

    fn title(&self, i: usize, clock: Clock) -> String {
        let failed = self.failed.get(i).copied().unwrap_or(0);
        let of = self.requests.get(i).map(|n| format!(" of {}", counted(*n, "request"))).unwrap_or_default();
        format!("{}: {}{of}", clock.at(self.begin(i)), counted(failed, "failure"))
    }

    fn marks(&self, svg: &mut String, marks: &[Mark]) {
        for m in marks {
            let x = self.percent(m.at) * self.failed.len() as f64 / 100.0;
            let class = if m.end { "mark end" } else { "mark" };
            let _ = write!(svg, "<line class=\"{class}\" x1=\"{x:.3}\" x2=\"{x:.3}\" y1=\"0\" y2=\"100\"/>");
        }
    }
}

fn open(columns: usize, label: &str) -> String {
    format!(
        "<svg viewBox=\"0 0 {columns} 100\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{}\">",
        text(label)
    )
}

fn rect(svg: &mut String, class: &str, i: usize, y: f64, height: f64, title: &str) {
    let x = i as f64 + 0.08;
    let _ = write!(
        svg,
        "<rect class=\"{class}\" x=\"{x:.2}\" y=\"{y:.2}\" width=\"0.84\" \
         height=\"{height:.2}\">{title}</rect>"
    );
}

/// A hop's box, in pixels.
const HOP_WIDTH: usize = 172;
const HOP_HEIGHT: usize = 58;
/// Room for an arrow between two boxes.
const ARROW: usize = 40;
/// Letters that fit a box.
const NAME_MAX: usize = 16;
const ADDRESS_MAX: usize = 25;

/// The way of the request, drawn twice: from left to right for wide pages, from top to bottom for phones. The
/// style sheet shows one.
pub(crate) fn way(hops: &[Hop]) -> String {
    let label = way_in_words(hops);
    format!("<div class=\"way\">{}{}</div>", drawn(hops, &label, false), drawn(hops, &label, true))
}

fn drawn(hops: &[Hop], label: &str, tall: bool) -> String {
    let n = hops.len();
    let along = |size: usize| n * size + n.saturating_sub(1) * ARROW;
    // Below (or beside) each box stands what it did.
    let (width, height) =
        if tall { (HOP_WIDTH + 120, along(HOP_HEIGHT) + 4) } else { (along(HOP_WIDTH) + 4, HOP_HEIGHT + 26) };
    let class = if tall { "tall" } else { "wide" };
    let mut svg = format!(
        "<svg class=\"{class}\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         role=\"img\" aria-label=\"{}\">",
        text(label)
    );
    for (i, h) in hops.iter().enumerate() {
        let (x, y) = if tall { (2, 2 + i * (HOP_HEIGHT + ARROW)) } else { (2 + i * (HOP_WIDTH + ARROW), 2) };
        if i > 0 {
            arrow(&mut svg, x, y, tall, h.state == HopState::Broken);
        }
        hop(&mut svg, h, x, y, tall, i == 0);
    }
    svg.push_str("</svg>");
    svg
}

fn hop(svg: &mut String, h: &Hop, x: usize, y: usize, tall: bool, first: bool) {
    let client = first && h.name == "client";
    let (class, word) = match h.state {
        _ if client => ("", ""),
        HopState::Ok => ("ok", "did its part"),
        HopState::Symptom => ("symptom", "passed it on"),
        HopState::Broken => ("broken", "broke here"),
    };
    let address = h.address.as_deref().filter(|a| *a != h.name);
    let full = address.map_or_else(|| h.name.clone(), |a| format!("{} {a}", h.name));
    let _ = write!(
        svg,
        "<g><title>{}</title><rect class=\"hop {class}\" x=\"{x}\" y=\"{y}\" width=\"{HOP_WIDTH}\" \
         height=\"{HOP_HEIGHT}\" rx=\"9\"/>",
        text(&full)
    );
    let name_y = y + if address.is_some() { 26 } else { 34 };
    let name_x = x + 14;
    let _ = write!(
        svg,
        "<text class=\"hop-name\" x=\"{name_x}\" y=\"{name_y}\">{}</text>",
        text(&cut(&h.name, NAME_MAX, "…"))
    );
    if let Some(a) = address {
        let y = y + 44;
        let _ = write!(
            svg,
            "<text class=\"hop-address\" x=\"{name_x}\" y=\"{y}\">{}</text>",
            text(&cut(a, ADDRESS_MAX, "…"))
        );
    }
    if !client {
        sign(svg, h.state, x + HOP_WIDTH - 26, y + 14, class);
        let (word_x, word_y) =
            if tall { (x + HOP_WIDTH + 12, y + 34) } else { (x + 14, y + HOP_HEIGHT + 18) };
        let _ = write!(svg, "<text class=\"hop-state {class}\" x=\"{word_x}\" y=\"{word_y}\">{word}</text>");
    }
    svg.push_str("</g>");
}

/// A tick, a wave, a cross: never colour alone.
fn sign(svg: &mut String, state: HopState, x: usize, y: usize, class: &str) {
    let path = match state {
        HopState::Ok => format!("M{} {} l4 5 l7 -9", x, y + 6),
        HopState::Symptom => format!("M{} {} q3 -6 6 0 t6 0", x, y + 6),
        HopState::Broken => format!("M{} {} l11 11 m0 -11 l-11 11", x, y),
    };
    let _ = write!(svg, "<path class=\"sign {class}\" d=\"{path}\"/>");
}

fn arrow(svg: &mut String, x: usize, y: usize, tall: bool, broken: bool) {
    let class = if broken { " broken" } else { "" };
    let (line, head) = if tall {
        let (cx, end) = (x + HOP_WIDTH / 2, y - 3);
        (
            format!("M{cx} {} V{}", y + 2 - ARROW, end - 6),
            format!("{},{} {},{} {cx},{end}", cx - 5, end - 7, cx + 5, end - 7),
        )
    } else {
        let (cy, end) = (y + HOP_HEIGHT / 2, x - 3);
        (
            format!("M{} {cy} H{}", x + 2 - ARROW, end - 6),
            format!("{},{} {},{} {end},{cy}", end - 7, cy - 5, end - 7, cy + 5),
        )
    };
    let _ = write!(
        svg,
        "<path class=\"arrow{class}\" d=\"{line}\"/><polygon class=\"arrow-head{class}\" points=\"{head}\"/>"
    );
}

/// `client, then nginx (did its part), then mariadb (broke here)`
fn way_in_words(hops: &[Hop]) -> String {
    let words: Vec<String> = hops
        .iter()
        .enumerate()
        .map(|(i, h)| match h.state {
            HopState::Ok if i == 0 => h.name.clone(),
            HopState::Ok => format!("{} (did its part)", h.name),
            HopState::Symptom => format!("{} (passed the failure on)", h.name),
            HopState::Broken => format!("{} (broke here)", h.name),
        })
        .collect();
    format!("Way of the request: {}", words.join(", then "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::SECOND;

    fn timeline() -> Timeline {
        Timeline {
            start: Time::from_secs(0),
            step_us: 60 * SECOND,
            failed: vec![0, 4, 1, 0],
            requests: vec![10, 20, 10, 0],
        }
    }

    #[test]
    fn bars_are_as_high_as_their_numbers() {
        let bars = Bars::of(&timeline()).unwrap();
        let svg =
            bars.failures("failures", &[Mark { at: Time::from_secs(60), end: false }], Clock::dated(), true);
        assert!(
            svg.contains(
                "<rect class=\"bar-bad\" x=\"1.08\" y=\"0.00\" width=\"0.84\" \
                              height=\"100.00\"><title>1970-01-01 00:01:00: 4 failures of 20 \
                              requests</title></rect>"
            ),
            "{svg}"
        );
        assert!(svg.contains("y=\"75.00\" width=\"0.84\" height=\"25.00\""));
        assert!(svg.contains("<line class=\"mark\" x1=\"1.000\""));
        assert_eq!(svg.matches("<rect").count(), 2);
        assert_eq!(bars.peak(), "at most 4 in 1 min");
    }

    #[test]
    fn traffic_stacks_the_failed_part_at_the_foot() {
        let bars = Bars::of(&timeline()).unwrap();
        let svg = bars.traffic("traffic", &[], Clock::dated());
        assert!(
            svg.contains("<rect class=\"bar-ok\" x=\"1.08\" y=\"0.00\" width=\"0.84\" height=\"80.00\">"),
            "{svg}"
        );
        assert!(
            svg.contains("<rect class=\"bar-bad\" x=\"1.08\" y=\"80.00\" width=\"0.84\" height=\"20.00\">")
        );
    }

    #[test]
    fn many_steps_are_merged() {
        let t = Timeline { failed: vec![1; 1000], requests: Vec::new(), ..timeline() };
        let bars = Bars::of(&t).unwrap();
        assert_eq!(bars.failed.len(), 200);
        assert!(!bars.has_requests());
        assert_eq!(bars.percent(bars.to()), 100.0);
        assert!(Bars::of(&Timeline::default()).is_none());
    }

    #[test]
    fn the_broken_hop_is_marked_and_said() {
        let hops = [
            Hop { name: "client".into(), address: None, state: HopState::Ok },
            Hop { name: "maria<db>".into(), address: Some("127.0.0.1:3306".into()), state: HopState::Broken },
        ];
        let svg = way(&hops);
        assert!(
            svg.contains("aria-label=\"Way of the request: client, then maria&lt;db&gt; (broke here)\""),
            "{svg}"
        );
        assert_eq!(svg.matches("<rect class=\"hop broken\"").count(), 2, "wide and tall");
        assert!(svg.contains(">broke here</text>") && svg.contains("127.0.0.1:3306</text>"));
    }
}
