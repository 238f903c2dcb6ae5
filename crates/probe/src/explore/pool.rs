//! Values that answers told, by what they are of: the ids of things that are there.

use crate::case::{Case, Site};
use crate::json::{Json, Pointer, Step};
use crate::operation::{Operation, Place, singular};
use crate::request::Answer;
use serde_json::Value;
use std::collections::HashMap;

/// Values kept of one kind.
const VALUES_MAX: usize = 8;
/// Kinds kept.
const KINDS_MAX: usize = 4_000;
/// Elements of a list that are looked at.
const ELEMENTS_MAX: usize = 4;
/// Levels of an answer that are looked at.
const DEPTH_MAX: usize = 4;
/// A longer value is no id.
const TEXT_BYTES_MAX: usize = 200;

/// Values by noun (`order`) and name (`id`), the youngest last.
#[derive(Default)]
pub struct Pool {
    values: HashMap<(String, String), Vec<Json>>,
    /// By operation and name: where its answers tell a value of what the operation is about.
    places: HashMap<(String, String), Pointer>,
}

impl Pool {
    /// Learns what an answer that went well tells.
    pub fn learn(&mut self, op: &Operation, answer: &Answer) {
        let Ok(body) = serde_json::from_slice::<Value>(&answer.body) else { return };
        let noun = op.noun().unwrap_or_default();
        self.look(op, &noun, &body, &mut Vec::new());
    }

    fn look(&mut self, op: &Operation, noun: &str, v: &Value, at: &mut Pointer) {
        if at.len() > DEPTH_MAX {
            return;
        }
        match v {
            Value::Array(l) => {
                for (i, v) in l.iter().take(ELEMENTS_MAX).enumerate() {
                    at.push(Step::Nth(i));
                    self.look(op, noun, v, at);
                    at.pop();
                }
            }
            Value::Object(o) => {
                for (name, v) in o {
                    at.push(Step::Name(name.clone()));
                    match v {
                        // `{"data": {…}}` and `{"items": […]}` hold the things themselves; `{"customer": {…}}` another one.
                        Value::Object(_) | Value::Array(_) => {
                            let inner = singular(name);
                            let wrap = ["data", "item", "result", "content", "hit", "record", "value"];
                            let noun = if wrap.contains(&inner.as_str()) { noun } else { &inner };
                            self.look(op, noun, v, at);
                        }
                        Value::String(s) if s.is_empty() || s.len() > TEXT_BYTES_MAX => {}
                        Value::String(_) | Value::Number(_) => {
                            self.keep(noun, name, Json::from(v));
                            if op.noun().as_deref() == Some(noun) && self.places.len() < KINDS_MAX {
                                let key = (op.name.clone(), name.to_ascii_lowercase());
                                self.places.entry(key).or_insert_with(|| at.clone());
                            }
                        }
                        _ => {}
                    }
                    at.pop();
                }
            }
            _ => {}
        }
    }

    fn keep(&mut self, noun: &str, name: &str, v: Json) {
        let key = (noun.to_owned(), name.to_ascii_lowercase());
        if self.values.len() >= KINDS_MAX && !self.values.contains_key(&key) {
            return;
        }
        let all = self.values.entry(key).or_default();
        all.retain(|w| *w != v);
        all.push(v);
        if all.len() > VALUES_MAX {
            all.remove(0);
        }
    }

    /// A value for a parameter of the path, or for a name that says what it is of (`customer_id`, `customerId`).
    pub fn value(&self, op: &Operation, name: &str, site: Option<&Site>) -> Option<Json> {
        let (noun, field) = split(name);
        let in_path = match site {
            Some(Site::Param(i)) => op.params.get(*i).is_some_and(|p| p.place == Place::Path),
            _ => false,
        };
        let get = |noun: &str, field: &str| {
            self.values.get(&(noun.to_owned(), field.to_owned())).and_then(|l| l.last()).cloned()
        };
        if in_path {
            let before = op.noun_before(name).unwrap_or_default();
            return get(&before, &name.to_ascii_lowercase()).or_else(|| get(&before, &field));
        }
        // What names nothing else is a value of its own: the `name` of an order is not that of another.
        let noun = noun.filter(|n| Some(n) != op.noun().as_ref())?;
        if field == "id" || field == "uuid" { get(&noun, &field) } else { None }
    }

    /// Where the operation's answers tell the first of these names that they tell.
    pub fn place(&self, op: &Operation, names: &[&str]) -> Option<Pointer> {
        names.iter().find_map(|n| self.places.get(&(op.name.clone(), (*n).to_owned()))).cloned()
    }

    /// Is there a value for each parameter of its path?
    pub fn has(&self, op: &Operation) -> bool {
        let mut holes = op.params.iter().enumerate().filter(|(_, p)| p.place == Place::Path);
        holes.all(|(i, p)| self.value(op, &p.name, Some(&Site::Param(i))).is_some())
    }

    /// Forgets the thing that a case takes away.
    pub fn forget(&mut self, op: &Operation, case: &Case) {
        for (i, p) in op.params.iter().enumerate().filter(|(_, p)| p.place == Place::Path) {
            let Some(gone) = case.value(&Site::Param(i)) else { continue };
            let noun = op.noun_before(&p.name).unwrap_or_default();
            for ((n, _), values) in &mut self.values {
                if *n == noun {
                    values.retain(|v| v.plain() != gone.plain());
                }
            }
        }
    }
}

/// `customer_id` → customer, id; `customerId` → customer, id; `id` → –, id.
pub fn split(name: &str) -> (Option<String>, String) {
    let lower = name.to_ascii_lowercase();
    for field in ["uuid", "id"] {
        if let Some(stem) = lower.strip_suffix(field) {
            let stem = stem.trim_end_matches(['_', '-']);
            // `paid` and `grid` are words.
            let apart = name.len() > stem.len() + field.len()
                || name.get(stem.len()..).is_some_and(|f| f.starts_with(['I', 'U']));
            if stem.is_empty() {
                return (None, field.to_owned());
            }
            if apart {
                return (Some(singular(stem)), field.to_owned());
            }
        }
    }
    (None, lower)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_they_are_of() {
        assert_eq!(split("customer_id"), (Some("customer".into()), "id".into()));
        assert_eq!(split("orderId"), (Some("order".into()), "id".into()));
        assert_eq!(split("id"), (None, "id".into()));
        assert_eq!(split("paid"), (None, "paid".into()));
    }

    #[test]
    fn ids_of_things_go_where_things_are_asked_for() {
        let mut pool = Pool::default();
        let list = Operation { path: "/v1/orders".into(), ..Operation::default() };
        let body = br#"{"items":[{"id":7,"customer":{"id":"c1"}}],"total":1}"#.to_vec();
        pool.learn(&list, &Answer { status: 200, body, ..Answer::default() });
        let one = crate::targets::openapi::read(
            r#"{"openapi":"3.0.0","paths":{"/v1/orders/{order_id}":{"get":{}}}}"#,
        )
        .unwrap();
        let op = &one.operations[0];
        assert_eq!(pool.value(op, "order_id", Some(&Site::Param(0))), Some(Json::int(7)));
        assert_eq!(pool.value(op, "customerId", None), Some(Json::text("c1")));
        assert!(pool.has(op));
        let case = Case::good(
            op,
            crate::schema::Schemas::of(&Value::Null),
            crate::schema::Extent::Full,
            0,
            &|_, s| s.map(|_| Json::int(7)),
        );
        pool.forget(op, &case);
        assert!(!pool.has(op));
    }
}
