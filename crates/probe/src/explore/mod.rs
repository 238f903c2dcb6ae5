//! Explores a server: first every operation in order, then chains of operations on one thing, then each template at each place,
//! what finds most first, then two changes at once where the server took one. What fails is shrunk afterwards.
//!
//! One request is on its way at a time, so that the same seed and the same answers give the same requests.

mod chains;
mod pool;
mod shrink;

use crate::case::{Case, Common, Payload, Site, Slot, Spot};
use crate::checks;
use crate::json::{Json, Pointer};
use crate::operation::{Description, Operation, Place};
use crate::request::{Answer, End, Request};
use crate::schema::{Extent, Schemas};
use crate::templates::{Change, Template};
use pool::Pool;
pub use shrink::said;
use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::Ordering;

/// Ways that are tried to get one good answer of an operation.
const WAYS: [(Extent, usize); 5] =
    [(Extent::Full, 0), (Extent::Least, 0), (Extent::Full, 1), (Extent::Least, 1), (Extent::Full, 2)];
/// Changes that were taken, kept by operation to be put together in pairs.
const TAKEN_MAX: usize = 200;
/// Cases that went well, kept by operation to be compared with.
const PASSED_MAX: usize = 8;
/// Failures of one family at one place that are looked for; further ones tell nothing new.
const ALIKE_MAX: usize = 2;
/// Answers that took all the time there is, by operation, before it is left alone.
const HANGS_MAX: usize = 2;
/// Requests without news, by operation, after which guessing ends.
const QUIET_PER_OPERATION: usize = 8;
/// Times that a new name is looked for further away.
const FRESH_JUMPS: u32 = 4;
/// How far: more than a run takes.
const FRESH_STRIDE: u64 = 7_919;
/// Pairs of values of one kind that are tried, by operation.
const TWINS_MAX: usize = 6;
/// Characters of an answer that tell it from another kind of answer.
const SIGNATURE_CHARS_MAX: usize = 400;
/// Failures kept to be shrunk; a server that fails at everything has told enough.
const FAILURES_MAX: usize = 500;

/// Whoever sends.
pub trait Server {
    /// Sends these, all at once, and gives their answers in their order.
    fn send(&mut self, requests: &[Request]) -> Vec<Answer>;

    /// Is the run to end soon?
    fn stopped(&self) -> bool;

    /// What is being done, for whoever watches.
    fn stage(&mut self, stage: Stage);
}

/// What is being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// A site's addresses.
    Crawling,
    /// Every operation as it is meant.
    Meant,
    /// Operations in a row.
    Chains,
    /// Templates of this rank.
    Templates(u8),
    /// Two changes at once.
    Pairs,
    /// So many of so many failures are shrunk.
    Shrinking(usize, usize),
}

/// How a run goes.
pub struct Settings {
    /// Numbers that look random come of it.
    pub seed: u64,
    /// Requests at most, without those that shrink.
    pub requests_max: usize,
    /// Others than GET, HEAD and OPTIONS are sent.
    pub unsafe_methods: bool,
    /// What is changed, by rank.
    pub templates: Vec<Template>,
    /// Headers of every request.
    pub common: Common,
}

/// One request of an attempt.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Number of the operation.
    pub op: usize,
    /// How it is asked.
    pub case: Case,
    /// Values that come out of the answers to earlier steps.
    pub takes: Vec<Take>,
}

/// A value that comes out of an earlier answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Take {
    /// Where it goes.
    pub into: Site,
    /// The step whose answer holds it.
    pub step: usize,
    /// Where in its body.
    pub pointer: Pointer,
}

/// How often the last step is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    /// Once.
    Once,
    /// So often at once.
    AtOnce(usize),
    /// So often, one after the other.
    InTurn(usize),
}

impl Times {
    /// 1 for once; for more another number for each.
    fn number(self) -> usize {
        match self {
            Times::Once => 1,
            Times::AtOnce(n) => 2 * n,
            Times::InTurn(n) => 2 * n + 1,
        }
    }
}

/// Requests that are sent one after the other; the last one counts.
#[derive(Clone, Debug)]
pub struct Trial {
    /// In their order, at least one.
    pub steps: Vec<Step>,
    /// How often the last is sent.
    pub times: Times,
    /// The templates that were applied to the last step, each where.
    pub made: Vec<(usize, Spot)>,
}

/// What was sent and what came back.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// As it was sent.
    pub request: Request,
    /// What came back.
    pub answer: Answer,
}

impl Exchange {
    /// Did the server fail the request? That it does not know a method is no failure (RFC 9110 §15.6.2).
    pub fn failed(&self) -> bool {
        if crate::checks::graphql_failed(&self.answer) {
            return true;
        }
        let known = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"];
        self.answer.failed() && (self.answer.status != 501 || known.contains(&self.request.method.as_str()))
    }
}

/// A failure as it was met.
#[derive(Clone, Debug)]
pub struct Failure {
    /// What led to it.
    pub trial: Trial,
    /// The last exchange.
    pub last: Exchange,
}

/// A failure, shrunk.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Number of the operation that fails.
    pub op: usize,
    /// The smallest trial that fails.
    pub trial: Trial,
    /// What of it matters: changing any of these back makes it go well. Empty: whatever was sent failed.
    pub sites: Vec<Site>,
    /// What the changes have in common: `magnitude`, `absent`, `order` …
    pub family: String,
    /// What a failure of the template shows, if one made it.
    pub shows: Option<String>,
    /// All exchanges of the last time it was sent, shrunk.
    pub exchanges: Vec<Exchange>,
    /// It failed again when it was sent again.
    pub again: bool,
    /// An answer of this operation without the failure, to compare with.
    pub contrast: Option<u16>,
    /// Failed trials that it stands for.
    pub count: usize,
    /// What else fails there alike, as texts.
    pub variants: Vec<String>,
}

/// What is known of an operation.
#[derive(Default)]
struct Known {
    base: Option<Case>,
    /// Cases with their status, best first.
    passed: Vec<(u16, Case)>,
    /// Statuses that it answered, how often.
    statuses: BTreeMap<u16, usize>,
    /// Changes that it took.
    taken: Vec<(usize, Spot)>,
    failed: BTreeMap<(Site, String), usize>,
    hangs: usize,
}

/// Templates that are left to be tried at an operation's places, by their numbers; the next one last.
struct Queue {
    op: usize,
    spots: Vec<Spot>,
    left: Vec<(usize, usize)>,
}

/// What one operation answered.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Number of the operation.
    pub op: usize,
    /// How often each status came; 0: none.
    pub statuses: BTreeMap<u16, usize>,
}

/// A run over one description.
pub struct Explorer<'a> {
    description: &'a Description,
    schemas: Schemas<'a>,
    settings: &'a Settings,
    known: Vec<Known>,
    pool: Pool,
    sent: HashSet<u64>,
    signatures: HashSet<u64>,
    failures: Vec<Failure>,
    /// What is wrong without having failed: `leak`, `soft-error`.
    odd: Vec<(&'static str, Failure)>,
    /// Requests sent so far.
    pub requests: usize,
    /// The server could not be reached any more; after this trial.
    pub gone: Option<Trial>,
    /// Requests since something new was seen.
    quiet: usize,
    random: u64,
}

impl<'a> Explorer<'a> {
    /// Begins a run.
    pub fn new(description: &'a Description, settings: &'a Settings) -> Explorer<'a> {
        Explorer {
            description,
            schemas: Schemas::of(&description.document),
            settings,
            known: description.operations.iter().map(|_| Known::default()).collect(),
            pool: Pool::default(),
            sent: HashSet::new(),
            signatures: HashSet::new(),
            failures: Vec::new(),
            odd: Vec::new(),
            requests: 0,
            gone: None,
            quiet: 0,
            random: settings.seed ^ 0x9e37_79b9_7f4a_7c15,
        }
    }

    /// Explores until nothing is left, the requests are used up or the run is to end, and shrinks what failed.
    pub fn run(&mut self, server: &mut dyn Server) -> Vec<Finding> {
        server.stage(Stage::Meant);
        self.ask_all(server);
        server.stage(Stage::Chains);
        self.chains(server);
        for rank in 1..=5 {
            server.stage(Stage::Templates(rank));
            self.templates(server, rank);
            if rank == 1 {
                self.twins(server);
            }
        }
        server.stage(Stage::Pairs);
        self.pairs(server);
        let mut found = self.shrink_all(server);
        found.extend(self.oddities());
        found
    }

    /// Answers that tell too much, or an error under a good status, as findings.
    fn oddities(&mut self) -> Vec<Finding> {
        let finding = |(family, f): (&'static str, Failure)| Finding {
            op: f.trial.steps.last().map_or(0, |s| s.op),
            sites: f.trial.made.iter().map(|(_, s)| s.site.clone()).collect(),
            trial: f.trial,
            family: family.to_owned(),
            shows: None,
            exchanges: vec![f.last],
            again: true,
            contrast: None,
            count: 1,
            variants: Vec::new(),
        };
        std::mem::take(&mut self.odd).into_iter().map(finding).collect()
    }

    /// What each operation that was asked answered.
    pub fn asked(&self) -> Vec<Asked> {
        let all = self.known.iter().enumerate();
        all.filter(|(_, k)| !k.statuses.is_empty())
            .map(|(op, k)| Asked { op, statuses: k.statuses.clone() })
            .collect()
    }

    fn operation(&self, op: usize) -> Option<&'a Operation> {
        self.description.operations.get(op)
    }

    fn may_ask(&self, op: usize) -> bool {
        let allowed = |o: &Operation| self.settings.unsafe_methods || o.is_safe();
        self.operation(op).is_some_and(allowed)
    }

    fn over(&self, server: &dyn Server) -> bool {
        server.stopped() || self.gone.is_some() || self.requests >= self.settings.requests_max
    }

    /// The operations, those first whose answers others need: what makes things, lists, what looks at one, what changes one, what
    /// takes one away.
    fn in_order(&self) -> Vec<usize> {
        let rank = |i: &usize| {
            let Some(op) = self.operation(*i) else { return (9, 0) };
            let holes = op.params.iter().filter(|p| p.place == Place::Path).count();
            let kind = match (op.method.as_str(), holes) {
                ("POST", 0) => 0,
                ("GET", 0) => 1,
                ("POST", _) => 2,
                ("GET", _) => 3,
                ("DELETE", _) => 5,
                _ => 4,
            };
            (kind, holes)
        };
        let mut order: Vec<usize> =
            (0..self.description.operations.len()).filter(|i| self.may_ask(*i)).collect();
        order.sort_by_key(rank);
        order
    }

    fn good(&self, op: &Operation, extent: Extent, turn: usize) -> Case {
        let known = |name: &str, site: Option<&Site>| {
            // A described header of the user's own credentials is what the user says.
            let header = match site {
                Some(Site::Param(i)) => op.params.get(*i).filter(|p| p.place == Place::Header),
                _ => None,
            };
            let auth = &self.settings.common.auth;
            let own = header.and_then(|p| auth.iter().find(|(n, _)| n.eq_ignore_ascii_case(&p.name)));
            own.map(|(_, v)| Json::text(v)).or_else(|| self.pool.value(op, name, site))
        };
        Case::good(op, self.schemas, extent, turn, &known)
    }

    /// Every operation as it is meant.
    fn ask_all(&mut self, server: &mut dyn Server) {
        let order = self.in_order();
        self.ask_each(server, &order);
        // What needs things that others make may go well now that they are there.
        let well = |k: &Known| k.passed.iter().any(|(s, _)| (200..300).contains(s));
        let again: Vec<usize> =
            order.into_iter().filter(|i| self.known.get(*i).is_some_and(|k| !well(k))).collect();
        self.ask_each(server, &again);
    }

    fn ask_each(&mut self, server: &mut dyn Server, order: &[usize]) {
        for &i in order {
            let Some(op) = self.operation(i) else { continue };
            // What takes a thing away is tried in a chain, with a thing of its own.
            if op.method == "DELETE" && self.producer_for(i).is_some() {
                continue;
            }
            let mut first: Option<Case> = None;
            for (n, (extent, turn)) in WAYS.into_iter().enumerate() {
                let well =
                    self.known.get(i).is_some_and(|k| k.passed.iter().any(|(s, _)| (200..300).contains(s)));
                if self.over(server) || (n >= 2 && well) {
                    break;
                }
                let case = self.good(op, extent, turn);
                first.get_or_insert_with(|| case.clone());
                self.once(server, i, case, Vec::new());
                // Without credentials nothing else comes.
                if self.known.get(i).is_some_and(|k| k.statuses.keys().all(|s| matches!(s, 401 | 403))) {
                    break;
                }
            }
            self.settle_base(i, first);
            if op.method == "POST" && !self.over(server) {
                self.make_fresh(server, i);
            }
        }
    }

    /// Sends once more what went well. A server that does not take it a second time gets other names each time from then on, else
    /// everything else would fail for what is there already.
    fn make_fresh(&mut self, server: &mut dyn Server, i: usize) {
        let (Some(op), Some(known)) = (self.operation(i), self.known.get(i)) else { return };
        let Some(base) = known.base.clone() else { return };
        let well = known.passed.first().is_some_and(|(s, _)| (200..300).contains(s));
        let Some(fresh) = base.freshened(op, self.schemas) else { return };
        let once = |case: &Case| Trial {
            steps: vec![Step { op: i, case: case.clone(), takes: Vec::new() }],
            times: Times::Once,
            made: Vec::new(),
        };
        if well {
            self.requests += 1;
            let again = play(&once(&base), &self.description.operations, &self.settings.common, server);
            if again.iter().all(|x| x.answer.is_ok()) {
                return;
            }
        }
        // Names of an earlier run may be taken: far ones are not.
        for jump in 0..FRESH_JUMPS {
            let failed_before = self.failures.len();
            self.attempt(server, once(&fresh));
            let is_taken = |k: &Known| k.passed.iter().any(|(s, c)| (200..300).contains(s) && *c == fresh);
            if self.known.get(i).is_some_and(is_taken) {
                // What failed for want of a new name is told by the trial that follows.
                self.failures.retain(|f| f.trial.steps.last().is_none_or(|s| s.op != i || s.case.fresh));
                if let Some(k) = self.known.get_mut(i) {
                    k.passed.retain(|(_, c)| *c == fresh);
                    k.base = Some(fresh.clone());
                }
                self.attempt(server, Trial { times: Times::InTurn(2), ..once(&fresh) });
                return;
            }
            self.failures.truncate(failed_before);
            self.settings.common.fresh.fetch_add(FRESH_STRIDE << jump, Ordering::Relaxed);
        }
    }

    fn settle_base(&mut self, op: usize, first: Option<Case>) {
        if let Some(k) = self.known.get_mut(op) {
            // The fullest of those that went best.
            let best = k.passed.first().map(|(s, _)| *s);
            let alike = k.passed.iter().filter(|(s, _)| Some(*s) == best).map(|(_, c)| c);
            k.base = alike.max_by_key(|c| size(c)).cloned().or(first);
        }
    }

    /// Each template of a rank at each place, one of each operation in turn.
    fn templates(&mut self, server: &mut dyn Server, rank: u8) {
        let settings = self.settings;
        let order = self.in_order();
        // Places with their schemas once for each operation: templates times places would be gigabytes of a large description.
        let mut queues: Vec<Queue> = Vec::new();
        for &i in &order {
            let (Some(op), Some(known)) = (self.operation(i), self.known.get(i)) else { continue };
            let Some(base) = &known.base else { continue };
            // Where whatever is sent fails, changes tell nothing.
            if known.passed.is_empty() {
                continue;
            }
            let spots = base.spots(op, self.schemas);
            let of_rank = settings.templates.iter().enumerate().filter(|(_, t)| t.rank == rank);
            let mut left: Vec<(usize, usize)> =
                of_rank.flat_map(|(t, _)| (0..spots.len()).map(move |s| (t, s))).collect();
            left.reverse();
            queues.push(Queue { op: i, spots, left });
        }
        while queues.iter().any(|q| !q.left.is_empty()) {
            for queue in &mut queues {
                // Down to the next that fits.
                while let Some((t, s)) = queue.left.pop() {
                    if self.over(server) {
                        return;
                    }
                    let Some(spot) = queue.spots.get(s) else { continue };
                    if self.try_template(server, queue.op, t, spot) {
                        break;
                    }
                }
            }
        }
    }

    /// Sends what a template makes; `false` where it makes nothing new.
    fn try_template(&mut self, server: &mut dyn Server, i: usize, t: usize, spot: &Spot) -> bool {
        let settings = self.settings;
        let (Some(op), Some(template)) = (self.operation(i), settings.templates.get(t)) else { return false };
        let Some(known) = self.known.get(i) else { return false };
        let alike = known.failed.get(&(spot.site.clone(), template.family.clone())).copied().unwrap_or(0);
        if alike >= ALIKE_MAX || known.hangs >= HANGS_MAX {
            return false;
        }
        let Some(base) = self.fresh_base(server, i) else { return false };
        let Some(case) = base.changed(template, spot, op, self.schemas) else { return false };
        if let Change::Method(m) = &template.change
            && !settings.unsafe_methods
            && !crate::request::is_safe(m)
        {
            return false;
        }
        let times = match template.change {
            // What only reads is no race.
            Change::AtOnce(_) | Change::InTurn(_) if op.is_safe() && template.family == "race" => {
                return false;
            }
            Change::AtOnce(n) => Times::AtOnce(n),
            Change::InTurn(n) => Times::InTurn(n),
            _ => Times::Once,
        };
        if times == Times::Once {
            return self.once(server, i, case, vec![(t, spot.clone())]);
        }
        let made = vec![(t, Spot { site: Site::Times, ..spot.clone() })];
        self.attempt(server, Trial { steps: vec![Step { op: i, case, takes: Vec::new() }], times, made });
        true
    }

    /// The good case with a thing that is there: what it was about may be gone meanwhile.
    fn fresh_base(&mut self, server: &mut dyn Server, i: usize) -> Option<Case> {
        let op = self.operation(i)?;
        let mut base = self.known.get(i)?.base.clone()?;
        if let Some(p) = self.producer_for(i)
            && !self.pool.has(op)
        {
            self.produce(server, p);
        }
        for (n, param) in op.params.iter().enumerate() {
            let site = Site::Param(n);
            if param.place == Place::Path
                && let Some(v) = self.pool.value(op, &param.name, Some(&site))
            {
                base.put(&site, v);
            }
        }
        Some(base)
    }

    /// Two values of one kind made the same, and put in each other's place: a stay of no nights, an end before its begin.
    fn twins(&mut self, server: &mut dyn Server) {
        for i in self.in_order() {
            let (Some(op), Some(known)) = (self.operation(i), self.known.get(i)) else { continue };
            let Some(base) = known.base.clone().filter(|_| !known.passed.is_empty()) else { continue };
            let spots: Vec<Spot> =
                base.spots(op, self.schemas).into_iter().filter(|s| s.is_ordered()).collect();
            let pairs =
                spots.iter().enumerate().flat_map(|(n, a)| spots.iter().skip(n + 1).map(move |b| (a, b)));
            let alike = pairs.filter(|(a, b)| a.kind == b.kind && a.place == b.place).take(TWINS_MAX);
            for (a, b) in alike {
                let (Some(x), Some(y)) = (base.value(&a.site).cloned(), base.value(&b.site).cloned()) else {
                    continue;
                };
                for (first, second) in [(x.clone(), x.clone()), (y, x)] {
                    if self.over(server) {
                        return;
                    }
                    let Some(mut case) = self.fresh_base(server, i) else { continue };
                    if case.put(&a.site, first) && case.put(&b.site, second) {
                        self.once(server, i, case, Vec::new());
                    }
                }
            }
        }
    }

    /// Two changes at once, of those that the server took one by one.
    fn pairs(&mut self, server: &mut dyn Server) {
        let order = self.in_order();
        let quiet_max = QUIET_PER_OPERATION * order.len();
        self.quiet = 0;
        while !order.is_empty() && self.quiet < quiet_max && !self.over(server) {
            self.quiet += 1;
            let i = order[self.below(order.len())];
            let (Some(op), Some(known)) = (self.operation(i), self.known.get(i)) else { continue };
            let n = known.taken.len();
            if n < 2 {
                continue;
            }
            let (a, b) = (self.below(n), self.below(n));
            let Some(base) = self.fresh_base(server, i) else { continue };
            let Some(known) = self.known.get(i) else { continue };
            let (Some((t, spot)), Some((u, other))) = (known.taken.get(a), known.taken.get(b)) else {
                continue;
            };
            let (Some(first), Some(second)) =
                (self.settings.templates.get(*t), self.settings.templates.get(*u))
            else {
                continue;
            };
            if spot.site == other.site {
                continue;
            }
            let case = base
                .changed(first, spot, op, self.schemas)
                .and_then(|c| c.changed(second, other, op, self.schemas));
            let made = vec![(*t, spot.clone()), (*u, other.clone())];
            if let Some(case) = case {
                self.once(server, i, case, made);
            }
        }
    }

    /// Sends one request unless the very same was sent; `true` if it was sent.
    fn once(&mut self, server: &mut dyn Server, op: usize, case: Case, made: Vec<(usize, Spot)>) -> bool {
        let Some(operation) = self.operation(op) else { return false };
        let request = case.request(operation, &self.settings.common);
        if !self.sent.insert(record::hash(&request)) {
            return false;
        }
        let step = Step { op, case, takes: Vec::new() };
        self.attempt(server, Trial { steps: vec![step], times: Times::Once, made });
        true
    }

    /// Sends a trial, and learns from every answer.
    fn attempt(&mut self, server: &mut dyn Server, trial: Trial) {
        let exchanges = play(&trial, &self.description.operations, &self.settings.common, server);
        self.requests += exchanges.len();
        let last = trial.steps.len() - 1;
        for (n, x) in exchanges.iter().enumerate() {
            // Repeats of the last step come behind it.
            let Some(step) = trial.steps.get(n.min(last)) else { continue };
            let made = if n >= last { trial.made.as_slice() } else { &[] };
            let alone = trial.steps.len() == 1 && trial.times == Times::Once;
            self.learn(step, made, x, alone);
            if n >= last {
                self.look_into(&trial, x);
            }
            if matches!(x.answer.end, End::NotReached(_)) {
                self.gone.get_or_insert_with(|| trial.clone());
                return;
            }
            if x.failed() && self.failures.len() < FAILURES_MAX {
                let mut met = trial.clone();
                met.steps.truncate(n.min(last) + 1);
                if n < last {
                    met.made.clear();
                    met.times = Times::Once;
                }
                self.failures.push(Failure { trial: met, last: x.clone() });
                if n >= last {
                    // One of several at once is enough.
                    return;
                }
            }
        }
    }

    /// Keeps what tells too much, or calls an error a success, without having failed: each kind once for each operation.
    fn look_into(&mut self, trial: &Trial, x: &Exchange) {
        let Some(op) = trial.steps.last().map(|s| s.op) else { return };
        if x.failed() || self.odd.len() >= FAILURES_MAX {
            return;
        }
        let mut seen = |what: &'static str, id: &str| self.signatures.insert(record::hash((op, what, id)));
        let mut family = None;
        if x.answer.status >= 400 {
            for leak in checks::leaks(&x.answer).iter().filter(|l| l.kind != checks::Kind::Path) {
                if seen("leak", leak.id) {
                    family.get_or_insert("leak");
                }
            }
        } else if trial.made.is_empty() && checks::soft_error(&x.answer).is_some() && seen("soft-error", "") {
            family = Some("soft-error");
        }
        if let Some(family) = family {
            self.odd.push((family, Failure { trial: trial.clone(), last: x.clone() }));
        }
    }

    fn learn(&mut self, step: &Step, made: &[(usize, Spot)], x: &Exchange, alone: bool) {
        let Some(op) = self.description.operations.get(step.op) else { return };
        if matches!(x.answer.end, End::NotSent(_) | End::NotReached(_)) {
            return;
        }
        let status = x.answer.status;
        if x.answer.is_ok() {
            self.pool.learn(op, &x.answer);
            if op.method == "DELETE" {
                self.pool.forget(op, &step.case);
            }
        }
        let head: String = x.answer.text().chars().take(SIGNATURE_CHARS_MAX).collect();
        let signature = record::hash((step.op, status, record::skeleton(&head, |_| {})));
        if self.signatures.insert(signature) {
            self.quiet = 0;
        }
        let Some(known) = self.known.get_mut(step.op) else { return };
        *known.statuses.entry(status).or_default() += 1;
        if x.answer.end == End::TimedOut {
            known.hangs += 1;
        }
        if x.failed() {
            for (t, spot) in made {
                if let Some(t) = self.settings.templates.get(*t) {
                    *known.failed.entry((spot.site.clone(), t.family.clone())).or_default() += 1;
                }
            }
            return;
        }
        if let [one] = made
            && x.answer.is_ok()
            && known.taken.len() < TAKEN_MAX
        {
            known.taken.push(one.clone());
        }
        // What a change made of it is no measure, unless it was taken.
        let is_measure = made.is_empty() || x.answer.is_ok();
        if alone && is_measure && worth(status) < 9 && !known.passed.iter().any(|(_, c)| *c == step.case) {
            let at = known.passed.partition_point(|(s, _)| worth(*s) <= worth(status));
            known.passed.insert(at, (status, step.case.clone()));
            known.passed.truncate(PASSED_MAX);
        }
    }

    /// A number below `n`, by xorshift (Marsaglia 2003).
    fn below(&mut self, n: usize) -> usize {
        let mut x = self.random | 1;
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        self.random = x;
        usize::try_from(x >> 16).unwrap_or(0) % n.max(1)
    }
}

/// How much an answer without failure says about a request in order: the less, the more.
fn worth(status: u16) -> u8 {
    match status {
        200..=299 => 0,
        300..=399 => 1,
        404 | 410 => 2,
        409 | 412 | 428 => 3,
        422 => 4,
        400 => 5,
        // These come before the operation has looked at anything.
        _ => 9,
    }
}

fn size(c: &Case) -> usize {
    let params = c.params.iter().filter(|s| **s != Slot::Absent).count();
    let body = match &c.body {
        Payload::Value(v) => v.write().len(),
        _ => 0,
    };
    params * 16 + body
}

/// Sends a trial; what came back of each step, and of the repeats of the last.
pub fn play(trial: &Trial, ops: &[Operation], common: &Common, server: &mut dyn Server) -> Vec<Exchange> {
    let mut out: Vec<Exchange> = Vec::new();
    for (n, step) in trial.steps.iter().enumerate() {
        let Some(op) = ops.get(step.op) else { return out };
        let mut case = step.case.clone();
        for take in &step.takes {
            let told = out.get(take.step).and_then(|x| taken(&x.answer, &take.pointer));
            if let Some(v) = told {
                case.put(&take.into, v);
            }
        }
        let request = case.request(op, common);
        let times = if n + 1 == trial.steps.len() { trial.times } else { Times::Once };
        let (rounds, at_once) = match times {
            Times::Once => (1, 1),
            Times::AtOnce(m) => (1, m),
            Times::InTurn(m) => (m, 1),
        };
        for _ in 0..rounds {
            let requests = vec![request.clone(); at_once];
            let answers = server.send(&requests);
            out.extend(
                requests.into_iter().zip(answers).map(|(request, answer)| Exchange { request, answer }),
            );
        }
    }
    out
}

/// What an answer's body holds at a place.
fn taken(answer: &Answer, pointer: &[crate::json::Step]) -> Option<Json> {
    Json::parse(&answer.body)?.at(pointer).cloned()
}
