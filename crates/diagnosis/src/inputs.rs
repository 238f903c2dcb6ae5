//! Which inputs fail: failing requests held against healthy ones of the same route.

use crate::group::{Group, Scene};
use crate::route;
use std::collections::{BTreeMap, HashMap};
use std::fmt;

/// Below so many failures (or healthy requests) on a route a difference may be chance.
const COMPARE_MIN: usize = 3;

/// What a feature is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Name<'a> {
    Parameter(&'a str),
    /// The id that stands so many ids into the path.
    Id(usize),
    Client,
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Name::Parameter(name) => write!(f, "parameter `{name}`"),
            Name::Id(1) => f.write_str("id in the path"),
            Name::Id(n) => write!(f, "id {n} in the path"),
            Name::Client => f.write_str("client"),
        }
    }
}

/// Of a value, this many characters are compared.
const VALUE_CHARS: usize = 40;

fn short(value: &str) -> &str {
    let end = value.char_indices().nth(VALUE_CHARS).map_or(value.len(), |(i, _)| i);
    value.get(..end).unwrap_or(value)
}

/// Features of a request that may separate the failing from the healthy.
fn features<'a>(target: &'a str, client: Option<&'a str>) -> Vec<(Name<'a>, &'a str)> {
    let mut out = Vec::new();
    let path = route::path(target);
    if let Some(query) = target.get(path.len()..).and_then(|q| q.strip_prefix('?')) {
        for pair in query.split('&').take(20) {
            let (k, v) = pair.split_once('=').unwrap_or((pair, ""));
            out.push((Name::Parameter(k), short(v)));
        }
    }
    let template = route::template(target);
    let ids = path.split('/').zip(template.split('/')).filter(|(_, t)| t.starts_with("{id}"));
    out.extend(ids.zip(1..).map(|((seg, _), nth)| (Name::Id(nth), short(seg))));
    out.extend(client.map(|c| (Name::Client, c)));
    out
}

/// How often each feature has each value, and in how many requests it stands.
type Counts<'a> = (HashMap<(Name<'a>, &'a str), usize>, HashMap<Name<'a>, usize>);

fn count<'a>(requests: impl Iterator<Item = (&'a str, Option<&'a str>)>) -> Counts<'a> {
    let (mut values, mut names) = Counts::default();
    for (target, client) in requests {
        let features = features(target, client);
        for (i, &(name, value)) in features.iter().enumerate() {
            *values.entry((name, value)).or_default() += 1;
            if features.iter().take(i).all(|(before, _)| *before != name) {
                *names.entry(name).or_default() += 1;
            }
        }
    }
    (values, names)
}

/// Sentences on what separates failing from healthy requests, strongest first.
pub(crate) fn separate(scene: &Scene<'_>, g: &Group) -> Vec<String> {
    let mut routes: BTreeMap<(usize, &str, &str), Vec<usize>> = BTreeMap::new();
    for &k in &g.failures {
        let f = &scene.failures[k];
        if let Some(s) = f.stream {
            routes.entry((s, &f.method, &f.route)).or_default().push(k);
        }
    }
    let mut out: Vec<(f64, String)> = Vec::new();
    for ((s, method, template), list) in routes {
        let Some(seen) = scene.obs.streams[s].traffic.seen(method, template) else {
            continue;
        };
        let first = list.first().and_then(|&k| scene.failures[k].at);
        let last = list.last().and_then(|&k| scene.failures[k].at);
        let healthy: Vec<_> = seen
            .samples()
            .filter(|s| first.is_none_or(|f| s.at >= f) && last.is_none_or(|l| s.at <= l))
            .collect();
        if list.len() < COMPARE_MIN || healthy.len() < COMPARE_MIN {
            continue;
        }
        let failed = list.iter().filter_map(|&k| scene.failures.get(k));
        let (bad, bad_names) = count(failed.map(|f| (f.target.as_str(), f.client.as_deref())));
        let (good, good_names) = count(healthy.iter().map(|s| (s.target(), s.client())));
        let (nb, ng) = (list.len() as f64, healthy.len() as f64);
        let place = format!("{method} {template}").trim().to_owned();
        let mut found: Vec<(f64, String)> = Vec::new();
        for ((name, value), n) in &bad {
            let with = *n as f64 / nb;
            let without = good.get(&(*name, *value)).copied().unwrap_or(0);
            if with >= 0.85 && (without as f64) / ng <= 0.1 {
                found.push((
                    with - without as f64 / ng,
                    format!("On {place}, {n} of {} failing requests have {name} = {value}, of {} healthy ones at that time {without}.", list.len(), healthy.len()),
                ));
            }
        }
        for (name, n) in &bad_names {
            let without = good_names.get(name).copied().unwrap_or(0);
            if *n as f64 / nb >= 0.85 && (without as f64) / ng <= 0.1 {
                found.push((
                    0.9,
                    format!("On {place}, {n} of {} failing requests have {name}, of {} healthy ones at that time {without}.", list.len(), healthy.len()),
                ));
            }
        }
        if found.is_empty() {
            // A set of values that always fail.
            let mut by_name: BTreeMap<Name<'_>, (usize, Vec<&str>, usize)> = BTreeMap::new();
            for ((name, value), n) in &bad {
                if *name == Name::Client {
                    continue;
                }
                let e = by_name.entry(*name).or_default();
                e.0 += n;
                e.1.push(value);
                e.2 += good.get(&(*name, *value)).copied().unwrap_or(0);
            }
            for (name, (n, mut values, also_good)) in by_name {
                let repeated = values.len() * 2 <= n;
                if n as f64 / nb >= 0.95 && also_good == 0 && repeated && values.len() <= 12 {
                    values.sort_unstable();
                    found.push((
                        0.8,
                        format!("On {place}, only {name} {} fails ({n} times); {} healthy requests at that time had other values.", values.join(", "), healthy.len()),
                    ));
                }
            }
        }
        found.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        out.extend(found.into_iter().take(2));
    }
    out.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    out.into_iter().take(4).map(|(_, s)| s).collect()
}
