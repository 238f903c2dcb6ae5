//! Routes that are about to fail: those that take much longer than they used to, or come near a time after which somebody gives up.
//!
//! A route that always took as long is none: long polling takes what it takes. Durations are those of requests that went well; one
//! that was given up on is a failure already.

use super::App;
use crate::report::phrase::span;
use record::{SECOND, Time};
use store::RouteDurations;

/// Fewer requests have no ninety-fifth percentile.
const REQUESTS_MIN: u64 = 20;
/// Fewer do not tell what is usual.
const BEFORE_MIN: u64 = 100;
/// So many times as long as usual is slow …
const GROWN: f64 = 2.0;
/// … where it takes so long that somebody notices: two milliseconds instead of one are nobody's trouble.
const GROWN_US_MIN: u64 = 500_000;
/// From this part of a limit on it is near: what doubles once more has reached it.
const NEAR: f64 = 0.5;
/// A route that was near already, and has not grown by so much, lives with it.
const NEAR_GROWN: f64 = 1.5;

/// After so many seconds somebody gives up on a request, unless set otherwise, the shortest first.
const LIMITS: [(u64, &str); 2] = [
    // https://docs.gunicorn.org/en/stable/settings.html#timeout; https://devcenter.heroku.com/articles/request-timeout
    (30, "after which gunicorn ends its worker and Heroku answers 503"),
    // proxy_read_timeout, fastcgi_read_timeout: https://nginx.org/en/docs/http/ngx_http_proxy_module.html; Apache's Timeout:
    // https://httpd.apache.org/docs/2.4/mod/core.html#timeout; ALB's idle timeout:
    // https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-load-balancer-attributes.html
    (60, "after which nginx, Apache and load balancers answer 504"),
];

/// A route with how long it takes, and whether that is a warning.
#[derive(Debug)]
pub struct Timed {
    /// How long it takes.
    pub of: RouteDurations,
    /// Now by before, where both have requests enough.
    pub times: Option<f64>,
    /// The limit that is near, in seconds; behind the last there is none.
    pub limit_s: Option<u64>,
    /// Why it is about to fail; `None`: it is not.
    pub why: Option<String>,
}

/// All routes with requests of late, those about to fail first: the nearest to a limit, then what grew most.
pub fn timed(app: &App, project: i64, now: Time) -> Result<Vec<Timed>, super::api::Failed> {
    let mut all: Vec<Timed> = app.read(|r| r.durations(project, now))?.into_iter().map(judge).collect();
    let near = |t: &Timed| t.why.as_ref().map(|_| t.limit_s.map_or(0, |_| t.of.now.p95_us));
    all.sort_by(|a, b| {
        let by_growth = b.times.unwrap_or(0.0).total_cmp(&a.times.unwrap_or(0.0));
        let by_time = b.of.now.p95_us.cmp(&a.of.now.p95_us);
        near(b).cmp(&near(a)).then(if a.why.is_some() { by_growth } else { by_time })
    });
    Ok(all)
}

fn judge(of: RouteDurations) -> Timed {
    let now = of.now.p95_us;
    let before = of.before.filter(|b| b.requests >= BEFORE_MIN).map(|b| b.p95_us);
    let times = before.map(|b| now as f64 / b.max(1) as f64);
    let mut found = Timed { of, times, limit_s: None, why: None };
    if found.of.now.requests < REQUESTS_MIN {
        return found;
    }
    let grown = times.filter(|t| *t >= GROWN && now >= GROWN_US_MIN);
    let lives_with_it = times.is_some_and(|t| t < NEAR_GROWN);
    let limit = LIMITS.iter().find(|(s, _)| now < s * 1_000_000);
    let near = limit.filter(|(s, _)| now as f64 >= *s as f64 * 1e6 * NEAR && !lives_with_it);
    let than = before.map(|b| format!(", usually {}", about(b))).unwrap_or_default();
    let takes = format!("One request in twenty takes longer than {}{than}.", about(now));
    found.why = match (near, grown) {
        (Some((s, whose)), _) => Some(format!("{takes} The limit is {s} s, {whose}.")),
        (None, _) if limit.is_none() && !lives_with_it => {
            Some(format!("{takes} That is longer than most servers wait."))
        }
        (None, Some(_)) => Some(takes),
        (None, None) => None,
    };
    found.limit_s = near.map(|(s, _)| *s);
    found
}

/// A duration as it is known, to a fifth: `1.3 s`, `41 s`.
pub fn about(us: u64) -> String {
    match us {
        0..1_000_000 => format!("{} ms", if us >= 100_000 { us / 10_000 * 10 } else { us / 1_000 }),
        1_000_000..10_000_000 => format!("{:.1} s", us as f64 / 1e6),
        _ => span(i64::try_from(us / 1_000_000).unwrap_or(i64::MAX / SECOND) * SECOND),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::Took;

    fn judged(now_ms: u64, before_ms: Option<u64>) -> Option<String> {
        let took = |ms: u64| Took { requests: 500, p50_us: ms * 500, p95_us: ms * 1_000 };
        let mut of = RouteDurations::default();
        (of.now, of.before) = (took(now_ms), before_ms.map(took));
        judge(of).why
    }

    #[test]
    fn what_grows_or_comes_near_a_limit_is_told_and_what_always_was_so_is_not() {
        assert_eq!(judged(40, Some(4)), None, "ten times nothing");
        assert_eq!(judged(900, Some(800)), None);
        assert_eq!(
            judged(2_300, Some(800)).unwrap(),
            "One request in twenty takes longer than 2.3 s, usually 800 ms."
        );
        assert!(judged(19_000, Some(9_000)).unwrap().contains("19 s, usually 9.0 s. The limit is 30 s"));
        assert!(judged(45_000, None).unwrap().ends_with("load balancers answer 504."));
        assert!(judged(90_000, Some(1_000)).unwrap().ends_with("longer than most servers wait."));
        assert_eq!(judged(55_000, Some(54_000)), None, "long polling");
        assert_eq!(judged(95_000, Some(90_000)), None);
        assert_eq!(judged(3_000, None), None, "nobody knows what is usual");
    }
}
