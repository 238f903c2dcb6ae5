//! Offsets of logs that write wall-clock time: found by laying their ranges over those of logs that state their zone.

use crate::observe::Observations;
use record::{Time, Zone};

/// Offsets tried, in seconds: half hours from -12 to +14 hours.
fn candidates() -> impl Iterator<Item = i64> {
    (-24..=28).map(|h| h * 1800)
}

/// Finds and applies the offset of each wall-clock source. `default_offset_s` tells the offset of `--tz` (or of the machine)
/// at an instant. Returns whole sentences on what was assumed.
pub(crate) fn resolve(obs: &mut Observations, default_offset_s: &dyn Fn(Time) -> i64, wall: &[bool], stated: &[bool]) -> Vec<String> {
    let mut notes = Vec::new();
    let n = obs.paths.len();
    let mut ranges: Vec<[Option<(Time, Time)>; 2]> = vec![[None, None]; n];
    let mut see = |source: u32, zone_stated: bool, t: Time| {
        if let Some(r) = ranges.get_mut(source as usize) {
            let r = &mut r[usize::from(zone_stated)];
            *r = Some(r.map_or((t, t), |(a, b)| (a.min(t), b.max(t))));
        }
    };
    for r in &obs.records {
        if let Some(t) = r.at {
            see(r.source, r.zone == Zone::Stated, t);
        }
    }
    for s in &obs.streams {
        for t in &s.ticks {
            let i = t.source as usize;
            // A source that never states a zone has wall ticks.
            see(t.source, stated.get(i).copied().unwrap_or(false), t.at);
        }
    }
    let mut all: Option<(Time, Time)> = None;
    for r in &ranges {
        if let Some((a, b)) = r[1] {
            all = Some(all.map_or((a, b), |(x, y)| (x.min(a), y.max(b))));
        }
    }
    for source in 0..n {
        let Some((from, to)) = ranges[source][0] else { continue };
        if !wall.get(source).copied().unwrap_or(false) {
            continue;
        }
        let default = default_offset_s(from);
        let offset = match ranges[source][1].or(all) {
            None => default,
            Some(anchor) => {
                let overlap = |offset: i64| {
                    let by = offset * record::SECOND;
                    let (a, b) = (from.0 - by, to.0 - by);
                    // A short log inside a long one overlaps fully: measured in its own length.
                    let common = b.min(anchor.1.0) - a.max(anchor.0.0);
                    (common + 60 * record::SECOND) as f64 / ((b - a).min(anchor.1.0 - anchor.0.0) + 60 * record::SECOND) as f64
                };
                let own = overlap(default);
                let best = candidates().chain([0]).max_by(|a, b| overlap(*a).total_cmp(&overlap(*b)).then(b.abs().cmp(&a.abs())));
                match best {
                    Some(b) if own < 0.5 && overlap(b) > own + 0.3 && overlap(b) > 0.0 => b,
                    _ => default,
                }
            }
        };
        if offset != 0 || offset != default {
            let (sign, abs) = (if offset < 0 { '-' } else { '+' }, offset.abs());
            notes.push(format!(
                "{} writes local time without an offset; read as {sign}{:02}:{:02}{}.",
                obs.paths[source],
                abs / 3600,
                abs / 60 % 60,
                if offset == default { "" } else { ", found by laying it over the logs that state theirs" }
            ));
        }
        obs.shift(source as u32, offset);
    }
    notes
}
