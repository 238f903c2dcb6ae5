//! How much harm a problem does, as one number that need not be kept up to date as time goes by.
//!
//! Harm is the count of failures in which each weighs half as much for every day that has passed since: a thousand yesterday
//! weigh as much as five hundred now. Kept is its logarithm as seen from the epoch, `log2 Σ 2^(t/day)`: time moves all
//! problems alike, so their order stays (forward decay, Cormode et al. 2009, "Forward decay").

use record::{SECOND, Time};

/// Time in which a failure's weight halves, in microseconds.
const HALF_LIFE_US: f64 = 86_400.0 * SECOND as f64;

/// What a problem without failures has: less than any failure gives.
pub(crate) const NONE: f64 = -1e9;

/// With `n` more failures at an instant (fewer, where `n` is negative).
pub(crate) fn with(harm: f64, at: Time, n: i64) -> f64 {
    if n == 0 {
        return harm;
    }
    let one = at.0 as f64 / HALF_LIFE_US + (n.unsigned_abs() as f64).log2();
    if n > 0 {
        let (high, low) = if harm > one { (harm, one) } else { (one, harm) };
        return high + (low - high).exp2().ln_1p() / std::f64::consts::LN_2;
    }
    let share = (one - harm).exp2();
    if share >= 1.0 - 1e-12 { NONE } else { harm + (-share).ln_1p() / std::f64::consts::LN_2 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The weighted count of failures as of an instant.
    fn as_of(harm: f64, now: Time) -> f64 {
        (harm - now.0 as f64 / HALF_LIFE_US).exp2()
    }

    #[test]
    fn a_day_halves_what_failures_weigh() {
        let day = Time::from_secs(1_800_000_000);
        let next = day.plus(HALF_LIFE_US as i64);
        let harm = with(NONE, day, 1_000);
        assert!((as_of(harm, day) - 1_000.0).abs() < 1e-6);
        assert!((as_of(harm, next) - 500.0).abs() < 1e-6);
        let more = with(harm, next, 100);
        assert!((as_of(more, next) - 600.0).abs() < 1e-6);
        assert!((as_of(with(more, next, -100), next) - 500.0).abs() < 1e-3);
        assert_eq!(with(with(NONE, day, 7), day, -7), NONE);
    }
}
