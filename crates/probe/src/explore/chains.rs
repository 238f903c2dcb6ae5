//! Operations in a row on one thing: made, looked at, changed, taken away, and asked for once more.

use super::pool::split;
use super::{Explorer, Server, Step, Take, Times, Trial};
use crate::case::Site;
use crate::json::{Pointer, Step as In};
use crate::operation::{Operation, Place};
use crate::schema::Extent;

/// Kinds of things that belong to another one and are tried without it.
const ORPHANS_MAX: usize = 4;
/// Operations on one thing that are put into its chain; more of them are sub-resources of the same kind.
const CONSUMERS_MAX: usize = 8;

impl Explorer<'_> {
    /// A chain for each operation that makes something which others take.
    pub(super) fn chains(&mut self, server: &mut dyn Server) {
        for p in self.in_order() {
            if self.over(server) {
                return;
            }
            if let Some(trial) = self.chain(p) {
                self.attempt(server, trial);
                for orphan in self.orphans(p) {
                    self.attempt(server, orphan);
                }
                for i in self.consumers(p) {
                    let k = self.known.get(i).is_some_and(|k| k.base.is_none());
                    if k && let Some(op) = self.operation(i) {
                        let case = self.good(op, Extent::Full, 0);
                        self.settle_base(i, Some(case));
                    }
                }
            }
        }
    }

    fn chain(&self, p: usize) -> Option<Trial> {
        let producer = self.operation(p)?;
        if producer.method != "POST" && producer.method != "PUT" {
            return None;
        }
        let consumers = self.consumers(p);
        if consumers.is_empty() {
            return None;
        }
        let of = |methods: &[&str]| -> Vec<usize> {
            let is = |i: &usize| self.operation(*i).is_some_and(|o| methods.contains(&o.method.as_str()));
            consumers.iter().copied().filter(is).collect()
        };
        let (look, change, away) = (of(&["GET", "HEAD"]), of(&["PUT", "PATCH", "POST"]), of(&["DELETE"]));
        let list = self.list_of(producer);
        // Once more in the other order: what is done twice, and what is done before its time.
        let back: Vec<usize> = change.iter().rev().copied().collect();
        let order = [&look, &change, &back, &look, &away, &look, &change, &away];
        let mut steps = vec![self.made_step(p)?];
        for i in order.into_iter().flatten() {
            steps.push(self.taking_step(*i, p)?);
        }
        if let Some(list) = list {
            steps.push(Step {
                op: list,
                case: self.good(self.operation(list)?, Extent::Full, 0),
                takes: Vec::new(),
            });
        }
        // The same thing made again, after it was taken away and while it is there.
        steps.push(self.made_step(p)?);
        steps.push(self.made_step(p)?);
        Some(Trial { steps, times: Times::Once, made: Vec::new() })
    }

    /// Things that belong to another one, asked for after that was taken away: an order whose customer is gone.
    fn orphans(&self, parent: usize) -> Vec<Trial> {
        let is = |i: &usize, method: &str| self.operation(*i).is_some_and(|o| o.method == method);
        let Some(away) = self.consumers(parent).into_iter().find(|i| is(i, "DELETE")) else {
            return Vec::new();
        };
        let children = self.in_order().into_iter().filter(|c| *c != parent && is(c, "POST"));
        let trial = |c: usize| {
            let mut child = self.made_step(c)?;
            child.takes = self.belongs(&child, parent);
            if child.takes.is_empty() {
                return None;
            }
            let mut steps = vec![self.made_step(parent)?, child, self.taking_step(away, parent)?];
            for i in self.consumers(c).into_iter().filter(|i| is(i, "GET")) {
                let mut look = self.taking_step(i, c)?;
                look.takes.iter_mut().for_each(|t| t.step = 1);
                steps.push(look);
            }
            let list = self.list_of(self.operation(c)?);
            steps.extend(list.and_then(|l| {
                Some(Step { op: l, case: self.good(self.operation(l)?, Extent::Full, 0), takes: Vec::new() })
            }));
            steps.push(Step { takes: self.belongs(&self.made_step(c)?, parent), ..self.made_step(c)? });
            Some(Trial { steps, times: Times::Once, made: Vec::new() })
        };
        children.filter_map(trial).take(ORPHANS_MAX).collect()
    }

    /// Where in a step the id of what `parent` made goes: members and parameters that name it (`customer_id`).
    fn belongs(&self, step: &Step, parent: usize) -> Vec<Take> {
        let (Some(op), Some(producer)) = (self.operation(step.op), self.operation(parent)) else {
            return Vec::new();
        };
        let noun = producer.noun();
        let Some(pointer) = self.place(producer, "id") else { return Vec::new() };
        let spots = step.case.spots(op, self.schemas);
        let named = spots.into_iter().filter(|s| {
            let (of, field) = split(&s.name);
            (of.is_some() && of == noun && field == "id")
                || (s.place == Some(Place::Path) && op.noun_before(&s.name) == noun)
        });
        named.map(|s| Take { into: s.site, step: 0, pointer: pointer.clone() }).collect()
    }

    fn made_step(&self, p: usize) -> Option<Step> {
        let base = self.known.get(p)?.base.clone();
        let case = base.or_else(|| Some(self.good(self.operation(p)?, Extent::Full, 0)))?;
        Some(Step { op: p, case, takes: Vec::new() })
    }

    /// The step that takes what the first step made.
    fn taking_step(&self, i: usize, p: usize) -> Option<Step> {
        let op = self.operation(i)?;
        let takes =
            self.takes(i, p).into_iter().map(|(into, pointer)| Take { into, step: 0, pointer }).collect();
        let base = self.known.get(i)?.base.clone();
        let mut case = base.unwrap_or_else(|| self.good(op, Extent::Full, 0));
        // What both have in their paths is the same.
        let (maker, made) = (self.operation(p)?, self.made_step(p)?);
        for (n, param) in op.params.iter().enumerate().filter(|(_, q)| q.place == Place::Path) {
            let known = maker.params.iter().position(|q| q.place == Place::Path && q.name == param.name);
            if let Some(v) = known.and_then(|m| made.case.value(&Site::Param(m))) {
                case.put(&Site::Param(n), v.clone());
            }
        }
        Some(Step { op: i, case, takes })
    }

    /// Operations that take what another one makes.
    fn consumers(&self, p: usize) -> Vec<usize> {
        let all = (0..self.description.operations.len()).filter(|i| *i != p && self.may_ask(*i));
        all.filter(|i| !self.takes(*i, p).is_empty()).take(CONSUMERS_MAX).collect()
    }

    /// The operation that makes what another one takes in its path.
    pub(super) fn producer_for(&self, i: usize) -> Option<usize> {
        let makes = |p: &usize| {
            let post = self.operation(*p).is_some_and(|o| o.method == "POST");
            post && *p != i && self.may_ask(*p) && !self.takes(i, *p).is_empty()
        };
        (0..self.description.operations.len()).find(makes)
    }

    /// Makes a thing, so that its id is known.
    pub(super) fn produce(&mut self, server: &mut dyn Server, p: usize) {
        if let Some(step) = self.made_step(p) {
            self.attempt(server, Trial { steps: vec![step], times: Times::Once, made: Vec::new() });
        }
    }

    fn list_of(&self, producer: &Operation) -> Option<usize> {
        let lists = |o: &Operation| o.method == "GET" && o.path == producer.path;
        self.description.operations.iter().position(lists)
    }

    /// Where values of the answer to `p` go in operation `i`: by the links that the description tells, else by names. A thing made at
    /// `/orders` is asked for at `/orders/{…}`.
    fn takes(&self, i: usize, p: usize) -> Vec<(Site, Pointer)> {
        let (Some(op), Some(producer)) = (self.operation(i), self.operation(p)) else { return Vec::new() };
        let mut out: Vec<(Site, Pointer)> = Vec::new();
        let links = producer.answers.values().flat_map(|a| &a.links);
        for link in links.filter(|l| op.id.as_deref() == Some(l.operation.as_str())) {
            for (name, expression) in &link.params {
                let at = op.params.iter().position(|q| q.name == *name);
                let pointer = expression.strip_prefix("$response.body#").map(pointer);
                out.extend(at.zip(pointer).map(|(n, to)| (Site::Param(n), to)));
            }
        }
        if !out.is_empty() {
            return out;
        }
        let Some(rest) = op.path.strip_prefix(producer.path.as_str()).and_then(|r| r.strip_prefix("/{"))
        else {
            return out;
        };
        let Some((name, _)) = rest.split_once('}') else { return out };
        let at = op.params.iter().position(|q| q.place == Place::Path && q.name == name);
        let told = self.place(producer, name);
        out.extend(at.zip(told).map(|(n, to)| (Site::Param(n), to)));
        out
    }

    /// Where the producer's good answers tell the value for a parameter of this name.
    fn place(&self, producer: &Operation, name: &str) -> Option<Pointer> {
        let word = name.to_ascii_lowercase();
        let noun = producer.noun().unwrap_or_default();
        // `item_id`, `itemId` and `id` are `id` of the answer, where it has no `item_id`.
        let plain =
            word.strip_prefix(noun.as_str()).map_or(word.as_str(), |w| w.trim_start_matches(['_', '-']));
        self.pool.place(producer, &[&word, plain, "id", "uuid", "_id", "slug", "name"])
    }
}

/// `/items/0/id` (RFC 6901).
fn pointer(text: &str) -> Pointer {
    text.split('/')
        .skip(1)
        .map(|s| match s.parse() {
            Ok(n) => In::Nth(n),
            Err(_) => In::Name(s.replace("~1", "/").replace("~0", "~")),
        })
        .collect()
}
