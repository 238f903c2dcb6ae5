//! A problem that grows out of its own past.
//!
//! No number of failures is too many: a problem is compared with itself. The last 3, 5, 10, 20 and 40 minutes are each held against
//! the day before them. With `k` failures in the window and `K` in the past, exposed to `e` and `E` (requests; where nobody counts
//! them, minutes), the log of the likelihood ratio of two Poisson rates against one is
//!
//! ```text
//! G = k ln(k / (n e/(e+E))) + K ln(K / (n E/(e+E))),  n = k + K
//! ```
//!
//! (a generalised likelihood ratio of the kind that change-point detection uses; Lai, "Sequential changepoint detection in quality
//! control and dynamical systems", JRSS B 57, 1995). Failures come in bursts, so `G` is divided by the index of dispersion of the
//! past, cut into blocks as long as the window: a problem that always came in bursts has to burst more than ever. As requests are the
//! exposure, failures that grow as traffic does are no growth.
//!
//! It speaks where `G` is at least [`EVIDENCE_MIN`] and the rate has at least doubled. On steady noise `G ≥ 15` comes by chance once
//! in some ten years of one problem; a rate of one a minute that becomes five is mostly found within six minutes, three within twenty.

use super::{Finding, MINUTE_US, Rule, Situation, evidence, minute_of, problem_subject};
use crate::notice::Figure;
use record::Time;
use store::Failing;

pub(super) const RULE: Rule =
    Rule { name: "growth", meaning: "a problem fails far more often than in its own past", find };

/// Lengths of what is held against the past, in minutes.
const WINDOWS: [i64; 5] = [3, 5, 10, 20, 40];
/// A day of past, with all its hours.
const PAST_MINUTES: i64 = 24 * 60;
/// With less of it nothing is known of how it fails.
const PAST_MINUTES_MIN: i64 = 60;
/// The past is at least so many times as long as the window: fewer blocks tell no dispersion.
const BLOCKS_MIN: i64 = 6;
/// Log of the likelihood ratio.
const EVIDENCE_MIN: f64 = 15.0;
/// Less than twice as much wakes nobody, however sure it is.
const RATIO_MIN: f64 = 2.0;
/// Minutes of the window in which it failed: one request tried again and again is no growth.
const MINUTES_MIN: usize = 3;

/// A rate that rose.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rise {
    /// Since when, in minutes since 1970.
    pub from: i64,
    /// Failures since.
    pub failures: u64,
    /// Failures a minute since.
    pub rate: f64,
    /// Failures a minute before, at today's traffic.
    pub before: f64,
}

/// Did the rate rise? `minutes`: failures by minute, sorted. `begun`: the first minute of the past. `end`: the minute that is not over
/// yet. `exposure`: of a minute.
pub(super) fn rise(
    minutes: &[(i64, u64)],
    begun: i64,
    end: i64,
    exposure: &dyn Fn(i64) -> f64,
) -> Option<Rise> {
    let begun = begun.max(end - PAST_MINUTES);
    let mut best: Option<(f64, Rise)> = None;
    for window in WINDOWS {
        let from = end - window;
        let past = from - begun;
        if past < PAST_MINUTES_MIN.max(BLOCKS_MIN * window) {
            continue;
        }
        let inside: Vec<u64> =
            minutes.iter().filter(|(m, _)| (from..end).contains(m)).map(|(_, n)| *n).collect();
        if inside.len() < MINUTES_MIN {
            continue;
        }
        let failures: u64 = inside.iter().sum();
        let e: f64 = (from..end).map(exposure).sum();
        // The past in blocks as long as the window, the latest first.
        let blocks: Vec<(f64, f64)> = (0..past / window)
            .map(|i| {
                let (b, a) = (from - i * window, from - (i + 1) * window);
                let k = minutes.iter().filter(|(m, _)| (a..b).contains(m)).map(|(_, n)| *n).sum::<u64>();
                (k as f64, (a..b).map(exposure).sum())
            })
            .collect();
        let (before_k, before_e) = blocks.iter().fold((0.0, 0.0), |(k, e), b| (k + b.0, e + b.1));
        if before_e <= 0.0 || e <= 0.0 {
            continue;
        }
        let g = evidence(failures as f64, e, before_k, before_e) / dispersion(&blocks, before_k / before_e);
        let before = before_k / before_e * e / window as f64;
        let rate = failures as f64 / window as f64;
        if g >= EVIDENCE_MIN && rate >= RATIO_MIN * before && best.is_none_or(|(most, _)| g > most) {
            best = Some((g, Rise { from, failures, rate, before }));
        }
    }
    best.map(|(_, rise)| rise)
}

/// Variance over mean, as Pearson's statistic has it; 1 where failures come independently of each other, never less.
fn dispersion(blocks: &[(f64, f64)], rate: f64) -> f64 {
    let expected = blocks.iter().map(|(k, e)| (k, rate * e)).filter(|(_, x)| *x > 0.0);
    let (sum, n) = expected.fold((0.0, 0u32), |(sum, n), (k, x)| (sum + (k - x) * (k - x) / x, n + 1));
    if n < 2 { 1.0 } else { (sum / f64::from(n - 1)).max(1.0) }
}

fn find(s: &Situation<'_>) -> Vec<Finding> {
    s.speaking().filter_map(|p| grown(s, p)).collect()
}

fn grown(s: &Situation<'_>, p: &Failing) -> Option<Finding> {
    let end = minute_of(s.now);
    // What did not fail in the last minutes does not grow.
    if minute_of(p.row.last_seen) < end - 3 {
        return None;
    }
    let load = s.loads.measure(&p.service);
    let begun = minute_of(p.row.first_seen) + 1;
    // With less past than is asked for, or dated ahead, there is nothing to look at.
    if begun + PAST_MINUTES_MIN > end {
        return None;
    }
    let counted = load.range(begun.max(end - PAST_MINUTES)..end).any(|(_, (well, _))| *well > 0);
    let exposure = |m: i64| match load.get(&m) {
        Some((well, failed)) if counted => (well + failed) as f64,
        _ if counted => 0.0,
        _ => 1.0,
    };
    let rise = rise(&p.minutes, begun, end, &exposure)?;
    let mut f = Finding::of(RULE.name, problem_subject(&p.row.id), "Growing");
    f.onset = Time(rise.from * MINUTE_US);
    f.rate = Some(rise.rate);
    let before = match rise.before {
        b if b >= 0.1 => format!("{b:.1}"),
        b if b > 0.0 => format!("{b:.3}"),
        _ => "none".to_owned(),
    };
    f.why = format!(
        "It failed {} times in the last {} minutes: {:.1} a minute, after {before} a minute before.",
        rise.failures,
        end - rise.from,
        rise.rate
    );
    let measured = if counted { "the share of requests that fail" } else { "failures a minute" };
    f.figures = vec![Figure::new("compared", measured)];
    Some(f)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that look random and are the same each time (SplitMix64; Steele, Lea, Flood, 2014).
    struct Random(u64);

    impl Random {
        fn next(&mut self) -> f64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = self.0;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
        }

        /// Poisson-distributed (Knuth).
        fn poisson(&mut self, mean: f64) -> u64 {
            let (mut n, mut p) = (0, 1.0);
            let limit = (-mean).exp();
            loop {
                p *= self.next();
                if p <= limit {
                    return n;
                }
                n += 1;
            }
        }
    }

    /// When it is found first, in minutes, on a line whose mean is as `mean` says.
    fn found(seed: u64, length: i64, mean: impl Fn(i64) -> f64) -> Option<i64> {
        let mut random = Random(seed);
        let line: Vec<(i64, u64)> =
            (0..length).map(|m| (m, random.poisson(mean(m)))).filter(|(_, n)| *n > 0).collect();
        (61..=length).find(|end| {
            let seen: Vec<_> =
                line.iter().copied().filter(|(m, _)| m < end && *m >= end - PAST_MINUTES).collect();
            rise(&seen, 0, *end, &|_| 1.0).is_some()
        })
    }

    #[test]
    fn steady_noise_is_never_growth() {
        for seed in 0..24 {
            for mean in [0.02, 0.3, 3.0] {
                assert_eq!(found(seed, 900, |_| mean), None, "seed {seed}, {mean} a minute");
            }
        }
    }

    #[test]
    fn bursts_as_ever_are_no_growth() {
        for seed in 0..12 {
            // A job that fails forty times each half hour.
            let bursts = |m: i64| if m % 30 < 2 { 20.0 } else { 0.05 };
            assert_eq!(found(seed, 900, bursts), None, "seed {seed}");
        }
    }

    #[test]
    fn a_step_is_found_soon() {
        for seed in 0..24 {
            for (before, times, within) in [(1.0, 5.0, 12), (1.0, 3.0, 36), (0.05, 40.0, 12), (10.0, 2.5, 15)]
            {
                let step = |m: i64| if m < 400 { before } else { before * times };
                let at = found(seed, 440, step);
                let soon = at.is_some_and(|at| (400..=400 + within).contains(&at));
                assert!(soon, "seed {seed}, {before} a minute times {times}: {at:?}");
            }
        }
    }

    #[test]
    fn failures_that_grow_as_traffic_does_are_no_growth() {
        let mut random = Random(7);
        let traffic = |m: i64| if m < 300 { 100.0 } else { 1_000.0 };
        let line: Vec<(i64, u64)> = (0..340).map(|m| (m, random.poisson(traffic(m) / 100.0))).collect();
        assert_eq!(rise(&line, 0, 340, &traffic), None);
        assert!(rise(&line, 0, 340, &|_| 1.0).is_some());
    }

    #[test]
    fn one_request_tried_again_and_again_is_no_growth() {
        assert_eq!(rise(&[(100, 1), (1_499, 40)], 0, 1_500, &|_| 1.0), None);
    }
}
