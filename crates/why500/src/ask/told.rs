//! A problem as the API tells it, read back into the shape that the report draws.
//!
//! What is not there, or not as it should be, is left out: a newer server may say more, an older one less.

use crate::report::{counted, span};
use diagnosis::{Alternative, Ended, Endpoint, Evidence, Hop, HopState, Problem, Timeline, Trigger, Verdict};
use record::{Cause, Class, Code, Exception, Frame, More, Role, SECOND, Time, TriggerKind};
use serde_json::Value;

/// An instant as the API writes it.
pub fn time(v: &Value) -> Option<Time> {
    formats::time::stamp(v.as_str()?, Time::default()).map(|s| s.time)
}

fn text(v: &Value) -> String {
    v.as_str().unwrap_or("").to_owned()
}

fn some(v: &Value) -> Option<String> {
    v.as_str().map(str::to_owned)
}

fn each<T>(v: &Value, read: impl Fn(&Value) -> T) -> Vec<T> {
    v.as_array().into_iter().flatten().map(read).collect()
}

fn number(v: &Value) -> u64 {
    v.as_u64().unwrap_or(0)
}

fn cause(v: &Value) -> Cause {
    let class = v["class"].as_str().and_then(Class::parse).unwrap_or_default();
    Cause::new(class, v["cause"].as_str().unwrap_or(""))
}

/// The problem.
pub fn problem(v: &Value) -> Problem {
    Problem {
        code: serde_json::from_value(v["code"].clone()).ok(),
        id: text(&v["id"]),
        title: text(&v["title"]),
        count: number(&v["count"]),
        counts_inferred: v["counts_inferred"].as_bool().unwrap_or(false),
        first_seen: time(&v["first_seen"]),
        last_seen: time(&v["last_seen"]),
        statuses: v["statuses"]
            .as_object()
            .into_iter()
            .flatten()
            .filter_map(|(status, n)| Some((status.parse().ok()?, number(n))))
            .collect(),
        endpoints: each(&v["endpoints"], |e| Endpoint {
            method: text(&e["method"]),
            route: text(&e["route"]),
            count: number(&e["count"]),
            requests: e["requests"].as_u64(),
            example: text(&e["example"]),
        }),
        verdict: verdict(&v["verdict"]),
        alternatives: each(&v["alternatives"], |a| Alternative {
            cause: cause(a),
            culprit: some(&a["culprit"]),
            confidence: a["confidence"].as_f64().unwrap_or(0.0),
        }),
        hops: each(&v["hops"], |h| Hop {
            name: text(&h["name"]),
            address: some(&h["address"]),
            state: match h["state"].as_str() {
                Some("broken") => HopState::Broken,
                Some("symptom") => HopState::Symptom,
                _ => HopState::Ok,
            },
        }),
        evidence: each(&v["evidence"], evidence),
        exception: v["exception"].is_object().then(|| exception(&v["exception"])),
        reproduce: some(&v["reproduce"]["curl"]),
        timeline: timeline(&v["timeline"]),
        inputs: each(&v["inputs"], text),
        ended: time(&v["ended"]["at"]).map(|at| Ended { at, what: some(&v["ended"]["what"]) }),
    }
}

fn verdict(v: &Value) -> Verdict {
    let kinds = [
        TriggerKind::Deploy,
        TriggerKind::ConfigChange,
        TriggerKind::Dependency,
        TriggerKind::Traffic,
        TriggerKind::Data,
    ];
    let kind = kinds.into_iter().find(|k| v["trigger"]["kind"] == k.name()).unwrap_or_default();
    Verdict {
        cause: cause(v),
        culprit: some(&v["culprit"]),
        trigger: Trigger { kind, at: time(&v["trigger"]["at"]), what: some(&v["trigger"]["what"]) },
        confidence: v["confidence"].as_f64().unwrap_or(0.0),
        summary: text(&v["summary"]),
        next_steps: each(&v["next_steps"], text),
    }
}

fn evidence(v: &Value) -> Evidence {
    Evidence {
        source: text(&v["source"]),
        line: number(&v["line"]),
        at: time(&v["at"]),
        role: [Role::Cause, Role::Symptom]
            .into_iter()
            .find(|r| v["role"] == r.name())
            .unwrap_or(Role::Context),
        text: text(&v["text"]),
        why: text(&v["why"]),
    }
}

fn exception(v: &Value) -> Exception {
    Exception {
        kind: text(&v["type"]),
        message: text(&v["message"]),
        frames: each(&v["frames"], frame).into(),
    }
}

/// A frame of an exception.
pub fn frame(v: &Value) -> Frame {
    let code = &v["code"];
    Frame {
        file: text(&v["file"]),
        line: v["line"].as_u64().and_then(|n| n.try_into().ok()),
        function: text(&v["function"]),
        in_app: v["in_app"].as_bool().unwrap_or(false),
        column: v["column"].as_u64().and_then(|n| n.try_into().ok()),
        more: code.is_object().then(|| Box::new(More { code: Some(self::code(code)), ..More::default() })),
    }
}

fn code(v: &Value) -> Code {
    let [before, after] = ["before", "after"].map(|near| v[near].as_array().into_iter().flatten());
    let line = v["line"].as_str().unwrap_or_default();
    Code::bounded(before.filter_map(Value::as_str), line, after.filter_map(Value::as_str))
}

fn timeline(v: &Value) -> Timeline {
    Timeline {
        start: time(&v["start"]).unwrap_or_default(),
        step_us: v["step_us"].as_i64().unwrap_or(0),
        failed: each(&v["failed"], number),
        requests: each(&v["requests"], number),
    }
}

/// What the server knows beside the report: its state, where it was seen, what was thought of it before, who said what.
pub fn more(v: &Value) -> Vec<(&'static str, Vec<String>)> {
    let at = |v: &Value| time(v).map(day_and_time).unwrap_or_default();
    let mut state = format!("{} since {}", text(&v["state"]), at(&v["state_since"]));
    if let Some(until) = time(&v["muted_until"]) {
        state.push_str(&format!(", muted until {}", day_and_time(until)));
    }
    if let Some(who) = v["assigned"].as_str() {
        state.push_str(&format!(", assigned to {who}"));
    }
    if let Some(other) = v["superseded_by"].as_str() {
        state.push_str(&format!(", now part of {other}"));
    }
    let mut states = vec![state];
    if let Some(s) = v["quiet"]["for_s"].as_i64() {
        let well = counted(number(&v["quiet"]["went_well"]), "request");
        states.push(format!(
            "quiet for {}: {well} on its routes went well since",
            span(s.saturating_mul(SECOND))
        ));
    }
    states.extend(each(&v["states"], |s| {
        let by = s["by"].as_str().map(|b| format!(" ({b})")).unwrap_or_default();
        format!("{} {}: {}{by}", at(&s["at"]), text(&s["state"]), text(&s["reason"]))
    }));
    let seen = [("service", "services"), ("release", "releases"), ("environment", "environments")];
    let seen = seen.into_iter().flat_map(|(one, many)| {
        each(&v[many], |n| format!("{one} {}: {}", text(&n["name"]), number(&n["count"])))
    });
    let words = |r: &Value| {
        let culprit = r["culprit"].as_str().map(|c| format!(" at {c}")).unwrap_or_default();
        format!("{}{culprit}", cause(r))
    };
    let mut thoughts =
        each(&v["first_thoughts"], |t| format!("first thought: {}, until {}", words(t), at(&t["until"])));
    // One that only found what set it off says nothing else.
    let same = |r: &Value| words(r) == words(v);
    let revised = v["revisions"].as_array().into_iter().flatten().filter(|r| !same(r));
    let revisions = revised.map(|r| {
        let lasted = match (time(&r["since"]), time(&r["until"])) {
            (Some(since), Some(until)) => format!(" for {}", span(until.since(since))),
            _ => String::new(),
        };
        let sure = (r["confidence"].as_f64().unwrap_or(0.0).clamp(0.0, 1.0) * 100.0).round();
        format!("since {}{lasted}: {} ({sure}%)", at(&r["since"]), words(r))
    });
    thoughts.extend(revisions);
    let notes = each(&v["notes"], |n| format!("{} {}: {}", at(&n["at"]), text(&n["by"]), text(&n["text"])));
    vec![("STATE", states), ("SEEN IN", seen.collect()), ("EARLIER", thoughts), ("NOTES", notes)]
}

fn day_and_time(t: Time) -> String {
    let c = t.civil();
    format!("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", c.year, c.month, c.day, c.hour, c.minute, c.second)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{json, sample};
    use serde_json::json;

    /// What the report writes is read back whole.
    #[test]
    fn nothing_is_lost_on_the_way() {
        for p in sample::shop().problems {
            let doc = json::problem(&p);
            let back = problem(&serde_json::from_str(&doc).unwrap());
            assert_eq!(json::problem(&back), doc);
        }
    }

    #[test]
    fn earlier_thoughts_are_told() {
        let doc = json!({
            "class": "code", "cause": "null-dereference", "culprit": "a.py:7",
            "state": "regressed", "state_since": "2026-11-24T07:12:04Z", "assigned": "ada",
            "states": [{ "at": "2026-11-24T07:00:00Z", "state": "new", "by": null, "reason": "seen first" }],
            "services": [{ "name": "shop", "count": 7 }],
            "first_thoughts": [{ "class": "upstream", "cause": "timeout", "culprit": "api:80", "until": "2026-11-24T07:12:04Z" }],
            "revisions": [{ "since": "2026-11-24T07:00:00Z", "until": "2026-11-24T07:01:00Z", "class": "code",
                            "cause": "exception", "culprit": null, "confidence": 0.4 },
                          { "since": "2026-11-24T07:01:00Z", "until": "2026-11-24T07:02:00Z", "class": "code",
                            "cause": "null-dereference", "culprit": "a.py:7", "trigger": null, "confidence": 0.9 }],
            "notes": [], "quiet": { "for_s": 125, "went_well": 212 },
        });
        let more = more(&doc);
        assert_eq!(more[0].1[0], "regressed since 2026-11-24 07:12:04, assigned to ada");
        assert_eq!(more[0].1[1], "quiet for 2 min 5 s: 212 requests on its routes went well since");
        assert_eq!(more[0].1[2], "2026-11-24 07:00:00 new: seen first");
        assert_eq!(more[1].1, ["service shop: 7"]);
        assert_eq!(more[2].1[0], "first thought: upstream/timeout at api:80, until 2026-11-24 07:12:04");
        assert_eq!(more[2].1[1], "since 2026-11-24 07:00:00 for 1 min: code/exception (40%)");
        assert_eq!(more[2].1.len(), 2, "one revision only found the trigger");
    }

    #[test]
    fn anything_else_is_read_as_nothing() {
        for doc in [json!(null), json!([1]), json!({ "hops": 3, "statuses": { "x": 1 }, "timeline": "no" })] {
            assert_eq!(problem(&doc).count, 0);
            let _ = more(&doc);
        }
    }
}
