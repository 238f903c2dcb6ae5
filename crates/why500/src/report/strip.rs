//! A strip is a timeline squeezed into a row of columns: `▁▁▁▂▅▇▇▅▂▁▁▁`, with the place of an instant in it.

use diagnosis::Timeline;
use record::Time;

/// Heights of a column: 0 for none, 1 to this for some.
pub(super) const LEVELS: u8 = 7;
/// A short timeline is stretched at most this often: one failure drawn twenty columns wide would lie.
const STRETCH_MAX: usize = 3;

/// A row of columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Strip {
    /// Height of each column, 0 to [`LEVELS`].
    pub(super) levels: Vec<u8>,
    /// Most failures in one column.
    pub(super) peak: u64,
    /// Time that one column stands for, in microseconds.
    pub(super) column_us: i64,
    /// Begin of the first column.
    pub(super) from: Time,
    /// End of the last.
    pub(super) to: Time,
}

impl Strip {
    /// The failures of a timeline in at most `width` columns; `None` where there is nothing to draw.
    pub(super) fn of(timeline: &Timeline, width: usize) -> Option<Strip> {
        let steps = timeline.failed.len();
        if steps == 0 || timeline.step_us <= 0 || width == 0 || timeline.failed.iter().all(|n| *n == 0) {
            return None;
        }
        let merge = steps.div_ceil(width).max(1);
        let stretch = if merge > 1 { 1 } else { (width / steps).clamp(1, STRETCH_MAX) };
        let sums: Vec<u64> = timeline
            .failed
            .chunks(merge)
            .map(|c| c.iter().fold(0, |a: u64, n| a.saturating_add(*n)))
            .collect();
        let peak = sums.iter().copied().max().unwrap_or(0).max(1);
        let levels = sums.iter().flat_map(|n| std::iter::repeat_n(level(*n, peak), stretch)).collect();
        let us = |steps: usize| timeline.step_us.saturating_mul(i64::try_from(steps).unwrap_or(i64::MAX));
        Some(Strip {
            levels,
            peak,
            column_us: us(merge) / i64::try_from(stretch).unwrap_or(1),
            from: timeline.start,
            to: timeline.start.plus(us(steps)),
        })
    }

    /// The column of an instant; instants outside are put at the nearer end.
    pub(super) fn column(&self, at: Time) -> usize {
        let last = self.levels.len().saturating_sub(1);
        usize::try_from(at.since(self.from).max(0) / self.column_us.max(1)).unwrap_or(last).min(last)
    }
}

/// Anything above nothing is seen.
fn level(n: u64, peak: u64) -> u8 {
    if n == 0 {
        return 0;
    }
    let scaled = n.saturating_mul(u64::from(LEVELS)).div_ceil(peak.max(1));
    u8::try_from(scaled).unwrap_or(LEVELS).clamp(1, LEVELS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timeline(failed: &[u64]) -> Timeline {
        Timeline {
            start: Time::from_secs(600),
            step_us: 60 * record::SECOND,
            failed: failed.to_vec(),
            requests: Vec::new(),
        }
    }

    #[test]
    fn one_failure_beside_a_thousand_is_still_seen() {
        let s = Strip::of(&timeline(&[0, 1, 1000, 500]), 4).unwrap();
        assert_eq!(s.levels, [0, 1, 7, 4]);
        assert_eq!(s.peak, 1000);
    }

    #[test]
    fn many_steps_are_merged_and_few_are_stretched() {
        let s = Strip::of(&timeline(&[1; 120]), 50).unwrap();
        assert_eq!((s.levels.len(), s.peak, s.column_us), (40, 3, 180 * record::SECOND));
        let s = Strip::of(&timeline(&[1, 0]), 50).unwrap();
        assert_eq!(s.levels, [7, 7, 7, 0, 0, 0]);
        assert_eq!(s.column_us, 20 * record::SECOND);
    }

    #[test]
    fn an_instant_finds_its_column_even_from_outside() {
        let s = Strip::of(&timeline(&[1, 1, 1, 1]), 4).unwrap();
        assert_eq!(s.column(Time::from_secs(0)), 0);
        assert_eq!(s.column(Time::from_secs(600 + 61)), 1);
        assert_eq!(s.column(Time::from_secs(999_999)), 3);
    }

    #[test]
    fn nothing_is_drawn_of_nothing() {
        assert_eq!(Strip::of(&Timeline::default(), 80), None);
        assert_eq!(Strip::of(&timeline(&[0, 0]), 80), None);
        assert_eq!(Strip::of(&timeline(&[1]), 0), None);
    }
}
