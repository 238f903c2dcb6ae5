//! What the store knows of problems and failures, read.

use super::access::{Asks, Read};
use super::{Answer, Params, bad, instant, missing, number};
use crate::report::counted;
use crate::serve::quiet::quiet;
use crate::serve::{now, slow};
use axum::Json;
use axum::extract::Path;
use record::{SECOND, Time};
use serde_json::{Value, json};

/// Rows of a page.
const ROWS_MAX: usize = 500;
const ROWS: usize = 50;
/// A day: what is shown of the time line unless asked otherwise.
const DAY_US: i64 = 86_400 * SECOND;
const MINUTE_US: i64 = 60 * SECOND;
/// Steps of the line of a route's durations.
const DURATION_STEPS: i64 = 48;
/// Steps of a time line.
const STEPS_MAX: i64 = 2_000;

pub fn query(params: &Params) -> Answer<store::Query> {
    let text = |name: &str| params.get(name).filter(|v| !v.is_empty()).cloned();
    let states = match text("state").as_deref() {
        None | Some("all") => Vec::new(),
        Some("open") => store::State::OPEN.to_vec(),
        Some(s) => vec![store::State::parse(s).ok_or_else(|| bad(format!("state: {s} is none")))?],
    };
    let sort = match text("sort") {
        Some(s) => store::Sort::parse(&s)
            .ok_or_else(|| bad(format!("sort: {s}: last_seen, first_seen, count or harm is expected")))?,
        None => store::Sort::default(),
    };
    Ok(store::Query {
        text: text("q").unwrap_or_default(),
        class: text("class"),
        states,
        route: text("route"),
        service: text("service"),
        release: text("release"),
        environment: text("environment"),
        status: match text("status") {
            Some(_) => Some(number(params, "status", 0)?),
            None => None,
        },
        since: instant(params, "since")?,
        until: instant(params, "until")?,
        sort,
        limit: number(params, "limit", ROWS)?.clamp(1, ROWS_MAX),
        cursor: text("cursor"),
    })
}

/// A row of the list, in the words of the report.
pub fn row(r: &store::ProblemRow) -> Value {
    json!({
        "id": r.id,
        "project": r.project,
        "title": r.title,
        "count": r.count,
        "first_seen": r.first_seen.to_string(),
        "last_seen": r.last_seen.to_string(),
        "state": r.state.name(),
        "state_since": r.state_at.to_string(),
        "muted_until": r.muted_until.map(|t| t.to_string()),
        "assigned": r.assigned,
        "superseded_by": r.superseded_by,
        "verdict": {
            "class": r.class,
            "cause": r.cause,
            "culprit": r.culprit,
            "trigger": { "kind": r.trigger.as_deref().unwrap_or("none") },
            "confidence": r.confidence,
        },
    })
}

/// `GET /api/v1/problems`
pub async fn list(asks: Asks<Read>) -> Answer<Json<Value>> {
    let asked = query(&asks.params)?;
    let page = asks.app.read(|r| r.problems(asks.project, &asked))?;
    Ok(Json(json!({
        "problems": page.rows.iter().map(row).collect::<Vec<_>>(),
        "next": page.next,
    })))
}

/// `GET /api/v1/problems/{id}`: the problem as the report of `explain` holds it, with all that was counted, its states and revisions.
pub async fn one(asks: Asks<Read>, Path(id): Path<String>) -> Answer<Json<Value>> {
    let full = asks.app.read(|r| r.problem(asks.project, &id))?.ok_or_else(|| missing("problem"))?;
    let quiet = asks.app.read(|r| quiet(r, &full, now()))?;
    let mut doc = whole(&full);
    if let Some(doc) = doc.as_object_mut() {
        let quiet = quiet.map(|q| json!({ "for_s": q.for_us / SECOND, "went_well": q.went_well }));
        doc.insert("quiet".into(), json!(quiet));
    }
    Ok(Json(doc))
}

/// A problem as the report holds it, with all that was counted.
pub fn whole(full: &store::ProblemFull) -> Value {
    let mut doc: Value = serde_json::from_str(&full.document).unwrap_or_else(|_| json!({}));
    let of_report = |name: &str| doc.get(name).cloned();
    let examples: Vec<Value> = of_report("endpoints").and_then(|e| e.as_array().cloned()).unwrap_or_default();
    let endpoints: Vec<Value> = full
        .endpoints
        .iter()
        .map(|e| {
            let like =
                examples.iter().find(|x| x["method"] == e.method.as_str() && x["route"] == e.route.as_str());
            json!({
                "method": e.method,
                "route": e.route,
                "count": e.count,
                "example": like.map(|x| x["example"].clone()),
                "requests": like.map(|x| x["requests"].clone()),
            })
        })
        .collect();
    // The report's sentence begins with the failures of the window in which it was made; here all are counted.
    if let Some(said) = doc["verdict"]["summary"].as_str() {
        let n = doc["count"].as_u64().unwrap_or(0);
        let of_window = if n == 1 { "1 request ".to_owned() } else { format!("{n} requests ") };
        if let Some(rest) = said.strip_prefix(&of_window) {
            doc["verdict"]["summary"] = json!(format!("{} {rest}", counted(full.row.count, "request")));
        }
    }
    let summary = row(&full.row);
    if let (Some(doc), Some(summary)) = (doc.as_object_mut(), summary.as_object()) {
        let verdict = doc.remove("verdict");
        for (k, v) in summary {
            doc.insert(k.clone(), v.clone());
        }
        if let Some(v) = verdict {
            doc.insert("verdict".into(), v);
        }
        let statuses: serde_json::Map<String, Value> =
            full.statuses.iter().map(|(s, n)| (format!("{s:03}"), json!(n))).collect();
        doc.insert("statuses".into(), Value::Object(statuses));
        doc.insert("endpoints".into(), Value::Array(endpoints));
        let named = |list: &[(String, u64)]| {
            list.iter().map(|(n, c)| json!({ "name": n, "count": c })).collect::<Vec<_>>()
        };
        doc.insert("services".into(), json!(named(&full.services)));
        doc.insert("releases".into(), json!(named(&full.releases)));
        doc.insert("environments".into(), json!(named(&full.environments)));
        doc.insert(
            "states".into(),
            full.states
                .iter()
                .map(|s| json!({ "at": s.at.to_string(), "state": s.state.name(), "by": s.by, "reason": s.reason }))
                .collect(),
        );
        doc.insert(
            "revisions".into(),
            full.revisions
                .iter()
                .map(|r| {
                    json!({
                        "since": r.since.to_string(), "until": r.until.to_string(), "title": r.title,
                        "class": r.class, "cause": r.cause, "culprit": r.culprit,
                        "trigger": r.trigger, "confidence": r.confidence,
                    })
                })
                .collect(),
        );
        doc.insert(
            "first_thoughts".into(),
            full.first_thoughts
                .iter()
                .map(|t| {
                    json!({
                        "id": t.id, "title": t.title, "class": t.class, "cause": t.cause,
                        "culprit": t.culprit, "until": t.until.to_string(),
                    })
                })
                .collect(),
        );
        doc.insert(
            "notes".into(),
            full.notes
                .iter()
                .map(|n| json!({ "at": n.at.to_string(), "by": n.by, "text": n.text, "written": n.written }))
                .collect(),
        );
        doc.insert(
            "examples".into(),
            full.examples
                .iter()
                .map(|e| json!({ "failure": e.failure.to_string(), "at": e.at.to_string(), "odd": e.odd }))
                .collect(),
        );
    }
    doc
}

/// `GET /api/v1/problems/{id}/failures`
pub async fn failures(asks: Asks<Read>, Path(id): Path<String>) -> Answer<Json<Value>> {
    let limit = number(&asks.params, "limit", ROWS)?.clamp(1, ROWS_MAX);
    let cursor = asks.params.get("cursor").map(String::as_str);
    let page = asks.app.read(|r| r.failures(asks.project, &id, cursor, limit))?;
    let rows: Vec<Value> = page
        .rows
        .iter()
        .map(|f| {
            json!({
                "id": f.id.to_string(), "at": f.at.to_string(), "status": f.status, "method": f.method,
                "route": f.route, "target": f.target, "service": f.service, "release": f.release,
                "environment": f.environment, "example": f.example,
            })
        })
        .collect();
    Ok(Json(json!({ "failures": rows, "next": page.next })))
}

/// `GET /api/v1/failures/{id}`: one failure's records in the order of time, where they are kept.
pub async fn failure(asks: Asks<Read>, Path(id): Path<String>) -> Answer<Json<Value>> {
    let id: u64 = id.parse().map_err(|_| bad("a failure's id is a number"))?;
    let example =
        asks.app.read(|r| r.example(asks.project, id))?.ok_or_else(|| missing("example of a failure"))?;
    let records: Value = serde_json::from_str(&example.text).unwrap_or_default();
    Ok(Json(json!({
        "id": example.failure.to_string(), "problem": example.problem, "at": example.at.to_string(),
        "odd": example.odd, "records": records,
    })))
}

/// `GET /api/v1/problems/{id}/similar`
pub async fn similar(asks: Asks<Read>, Path(id): Path<String>) -> Answer<Json<Value>> {
    asks.app.read(|r| r.problem(asks.project, &id))?.ok_or_else(|| missing("problem"))?;
    let rows = asks.app.read(|r| r.similar(asks.project, &id))?;
    Ok(Json(json!({ "problems": rows.iter().map(row).collect::<Vec<_>>() })))
}

/// `GET /api/v1/problems/{id}/timeline`: failures by minute.
pub async fn timeline(asks: Asks<Read>, Path(id): Path<String>) -> Answer<Json<Value>> {
    let full = asks.app.read(|r| r.problem(asks.project, &id))?.ok_or_else(|| missing("problem"))?;
    let minutes: Vec<Value> = full
        .minutes
        .iter()
        .map(|(m, n)| json!({ "at": Time(m * 60 * SECOND).to_string(), "failures": n }))
        .collect();
    Ok(Json(json!({ "minutes": minutes })))
}

/// `GET /api/v1/timeline`: requests and failures over time, the share of 5xx by route, what happened besides.
pub async fn traffic(asks: Asks<Read>) -> Answer<Json<Value>> {
    let until = instant(&asks.params, "until")?.unwrap_or_else(now);
    let since = instant(&asks.params, "since")?.unwrap_or_else(|| until.plus(-DAY_US));
    let range = until.since(since);
    if range <= 0 {
        return Err(bad("since: it lies behind until"));
    }
    let least = (range / STEPS_MAX).max(MINUTE_US);
    let step_us = number(&asks.params, "step", 0i64)?.saturating_mul(SECOND).max(least);
    let step_minutes = step_us.saturating_add(MINUTE_US - 1) / MINUTE_US;
    let steps = asks.app.read(|r| r.timeline(asks.project, since, until, step_minutes))?;
    let marks = asks.app.read(|r| r.marks(asks.project, since, until))?;
    let routes = asks.app.read(|r| r.health(asks.project, since, until))?;
    Ok(Json(json!({
        "steps": steps.iter().map(|s| json!({ "at": s.at.to_string(), "requests": s.requests, "failures": s.failures })).collect::<Vec<_>>(),
        "marks": marks.iter().map(|m| json!({ "at": m.at.to_string(), "kind": m.kind, "what": m.what })).collect::<Vec<_>>(),
        "routes": routes.iter().map(|r| json!({
            "service": r.service, "method": r.method, "route": r.route, "requests": r.requests,
            "failures": r.failures, "share": r.share,
        })).collect::<Vec<_>>(),
    })))
}

/// `GET /api/v1/durations`: how long each route takes, those that are about to fail first.
pub async fn durations(asks: Asks<Read>) -> Answer<Json<Value>> {
    let until = now();
    let since = instant(&asks.params, "since")?.unwrap_or_else(|| until.plus(-DAY_US));
    let limit = number(&asks.params, "limit", 50usize)?.min(ROWS_MAX);
    let step_minutes = (until.since(since) / DURATION_STEPS / MINUTE_US).max(1);
    let mut routes = slow::timed(&asks.app, asks.project, until)?;
    routes.truncate(limit);
    let of: Vec<&store::RouteDurations> = routes.iter().map(|t| &t.of).collect();
    let drawn = asks.app.read(|r| r.duration_lines(asks.project, &of, since, until, step_minutes))?;
    let ms = |us: u64| us as f64 / 1e3;
    let took =
        |t: &store::Took| json!({ "requests": t.requests, "p50_ms": ms(t.p50_us), "p95_ms": ms(t.p95_us) });
    let rows = routes.iter().zip(&drawn.lines).map(|(t, line)| {
        let r = &t.of;
        json!({
            "service": r.service, "method": r.method, "route": r.route, "now": took(&r.now), "before": r.before.as_ref().map(took),
            "times": t.times, "limit_s": t.limit_s, "about_to_fail": t.why,
            "line": {
                "at": drawn.begin.to_string(), "step_s": drawn.step_minutes * 60,
                "p95_ms": line.iter().map(|s| s.map(|s| ms(s.p95_us))).collect::<Vec<_>>(),
            },
        })
    });
    Ok(Json(json!({ "routes": rows.collect::<Vec<_>>() })))
}
