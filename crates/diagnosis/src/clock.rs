//! Offsets of logs that write wall-clock time: found by laying their ranges over those of logs that state their zone.

use crate::observe::Observations;
use crate::traffic::Tick;
use record::{Numbered, Time, Zone};
use std::collections::HashMap;

/// How far ahead or back in the dated log the next request of an undated one is sought: requests overtake each other.
const ALIGN_AHEAD: usize = 400;
const ALIGN_BACK: usize = 60;
/// Share of an undated log's requests that must be found, in order, in a dated one.
const ALIGN_MIN: f64 = 0.5;

/// Offsets tried, in seconds: whole hours from -12 to +14, and those of zones with half and quarter hours.
fn candidates() -> impl Iterator<Item = i64> {
    const ODD: [i64; 8] = [-12_600, 12_600, 16_200, 19_800, 20_700, 23_400, 34_200, 37_800];
    (-12..=14).map(|h| h * 3600).chain(ODD)
}

const DAY_US: i64 = 86_400 * record::SECOND;

/// By how many days a range lies beside another one: 0 if some of both is common. It may be off by hours, as its zone is not known yet.
fn days_to(anchor: (Time, Time), range: (Time, Time)) -> i64 {
    let common = |days: i64| {
        let by = days * DAY_US;
        anchor.1.0.min(range.1.0 + by) - anchor.0.0.max(range.0.0 + by)
    };
    if common(0) >= 0 {
        return 0;
    }
    let whole = (anchor.0.since(range.0)).div_euclid(DAY_US);
    (whole - 1..=whole + 1).max_by_key(|days| (common(*days), -days.abs())).unwrap_or(0)
}

/// With fewer records than this a log's range says nothing about its offset.
const RECORDS_MIN: usize = 5;

/// Finds and applies the offset of each wall-clock source. `default_offset_s` tells the offset of `--tz` (or of the machine)
/// at an instant. Returns whole sentences on what was assumed.
pub(crate) fn resolve(
    obs: &mut Observations,
    default_offset_s: &dyn Fn(Time) -> i64,
    wall: &[bool],
    stated: &[bool],
) -> Vec<String> {
    let mut notes = Vec::new();
    let n = obs.paths.len();
    // The files of a rotated log have one clock: the last of them may hold a few lines only.
    let mut number_of: HashMap<&str, usize> = HashMap::new();
    let log_of: Vec<usize> = (0..n)
        .map(|i| {
            let next = number_of.len();
            *number_of.entry(obs.log_of(i as u32)).or_insert(next)
        })
        .collect();
    let logs = number_of.len();
    let mut wall_of = vec![false; logs];
    for (i, &log) in log_of.iter().enumerate() {
        wall_of[log] |= wall.get(i).copied().unwrap_or(false);
    }
    let mut seen_of = vec![0usize; logs];
    let mut ranges: Vec<[Option<(Time, Time)>; 2]> = vec![[None, None]; logs];
    let mut see = |source: u32, zone_stated: bool, t: Time, n: usize| {
        if let Some(&log) = log_of.get(source as usize) {
            seen_of[log] += n;
            let r = &mut ranges[log][usize::from(zone_stated)];
            *r = Some(r.map_or((t, t), |(a, b)| (a.min(t), b.max(t))));
        }
    };
    let mut clock_of = vec![false; logs];
    for r in &obs.records {
        if let Some(t) = r.at {
            see(r.source, r.zone == Zone::Stated, t, 1);
        }
        if r.zone == Zone::Clock
            && let Some(&log) = log_of.get(r.source as usize)
        {
            clock_of[log] = true;
        }
    }
    for s in &obs.streams {
        for t in s.traffic.ticks() {
            let i = t.source as usize;
            // A source that never states a zone has wall ticks.
            see(t.source, stated.get(i).copied().unwrap_or(false), t.at, 1);
        }
    }
    for ((source, zone_stated), (n, from, to)) in &obs.passed {
        see(*source, *zone_stated, *from, *n);
        see(*source, *zone_stated, *to, 0);
    }
    for s in &obs.streams {
        for (source, from, to) in s.traffic.spans() {
            let stated = stated.get(source as usize).copied().unwrap_or(false);
            see(source, stated, from, 0);
            see(source, stated, to, 0);
        }
    }
    let mut all: Option<(Time, Time)> = None;
    for r in &ranges {
        if let Some((a, b)) = r[1] {
            all = Some(all.map_or((a, b), |(x, y)| (x.min(a), y.max(b))));
        }
    }
    // All that writes dates.
    let dated = ranges.iter().zip(&clock_of).flat_map(|(r, clock)| [r[1], r[0].filter(|_| !clock)]).flatten();
    let dated = dated.reduce(|(a, b), (c, d)| (a.min(c), b.max(d)));
    for (source, &log) in log_of.iter().enumerate() {
        let range = ranges[log];
        let Some((from, to)) = range[0] else { continue };
        if !wall_of[log] {
            continue;
        }
        let anchor = range[1].or(all).or(dated).filter(|_| clock_of[log]);
        let days = anchor.map_or(0, |anchor| days_to(anchor, (from, to)));
        if days != 0 {
            let on = from.plus(days * DAY_US).to_string();
            notes.push(format!(
                "{} writes no dates; it is read as of {}, as the other logs are, not of the day when the file was written last.",
                obs.paths[source],
                on.get(..10).unwrap_or(&on)
            ));
        }
        let (from, to) = (from.plus(days * DAY_US), to.plus(days * DAY_US));
        let default = default_offset_s(from);
        let offset = match range[1].or(all) {
            None => default,
            Some(anchor) => {
                let overlap = |offset: i64| {
                    let by = offset * record::SECOND;
                    let (a, b) = (from.0 - by, to.0 - by);
                    // A short log inside a long one overlaps fully: measured in its own length.
                    let common = b.min(anchor.1.0) - a.max(anchor.0.0);
                    (common + 60 * record::SECOND) as f64
                        / ((b - a).min(anchor.1.0 - anchor.0.0) + 60 * record::SECOND) as f64
                };
                let own = overlap(default);
                let best = candidates()
                    .chain([0])
                    .max_by(|a, b| overlap(*a).total_cmp(&overlap(*b)).then(b.abs().cmp(&a.abs())));
                match best {
                    Some(b)
                        if seen_of[log] >= RECORDS_MIN
                            && own < 0.5
                            && overlap(b) > own + 0.3
                            && overlap(b) > 0.0 =>
                    {
                        b
                    }
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
        obs.shift(source as u32, offset - days * (DAY_US / record::SECOND));
    }
    notes
}

/// Gives times to sources that write none, by laying the order of their requests along that of a dated log of the same traffic.
pub(crate) fn date_undated(obs: &mut Observations) -> Vec<String> {
    let mut notes = Vec::new();
    for i in 0..obs.streams.len() {
        if obs.streams[i].timeless.is_empty() {
            continue;
        }
        let mut sources: Vec<u32> = obs.streams[i].timeless.iter().map(|t| t.0).collect();
        sources.dedup();
        for source in sources {
            let mine: Vec<(u64, u64, u16)> = obs.streams[i]
                .timeless
                .iter()
                .filter(|t| t.0 == source)
                .map(|&(_, line, key, status)| (line, key, status))
                .collect();
            let mut best: Option<Vec<(u64, Time)>> = None;
            for (j, other) in obs.streams.iter().enumerate() {
                if j == i || other.traffic.ticks().is_empty() {
                    continue;
                }
                let found = align(&mine, other.traffic.ticks());
                if found.len() as f64 >= ALIGN_MIN * mine.len() as f64
                    && best.as_ref().is_none_or(|b| found.len() > b.len())
                {
                    best = Some(found);
                }
            }
            let Some(mut anchors) = best else { continue };
            anchors.sort_unstable();
            // Lines between two dated ones take the time of the one before.
            let at = |line: u64| {
                let k = anchors.partition_point(|a| a.0 <= line);
                anchors.get(k.saturating_sub(1)).or(anchors.first()).map(|a| a.1)
            };
            for r in obs.records.iter_mut().filter(|r| r.source == source && r.at.is_none()) {
                r.at = at(r.line);
            }
            for &(line, key, status) in &mine {
                if let Some(at) = at(line) {
                    obs.streams[i].traffic.tick(Tick::new(at, key, source, status));
                }
            }
            notes.push(format!(
                "{} writes no times; they were taken from the same requests in the other logs.",
                obs.paths[source as usize]
            ));
        }
    }
    notes
}

/// Lines with the times of the same requests in the dated log.
fn align(mine: &[(u64, u64, u16)], dated: &[Tick]) -> Vec<(u64, Time)> {
    let mut places: Numbered<(u64, u16), Vec<usize>> = Numbered::default();
    for (k, t) in dated.iter().enumerate() {
        places.entry((t.key, t.status)).or_default().push(k);
    }
    let mut used = vec![false; dated.len()];
    let mut out = Vec::new();
    let mut here = 0usize;
    let mut begun = false;
    for &(line, key, status) in mine {
        let Some(list) = places.get(&(key, status)) else { continue };
        let from = here.saturating_sub(ALIGN_BACK);
        let i = list.partition_point(|&k| k < from);
        let hit = list[i..].iter().copied().take(200).find(|&k| !used[k]);
        if let Some(k) = hit
            && (!begun || k <= here + ALIGN_AHEAD)
        {
            used[k] = true;
            begun = true;
            here = here.max(k);
            out.push((line, dated[k].at));
        }
    }
    out
}
