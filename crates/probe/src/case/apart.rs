//! Where two cases of one operation differ, and one made more like the other, part by part.

use super::{Case, Payload, Site, Slot};
use crate::json::{Json, Pointer, Step};
use crate::operation::{Operation, Place};

/// Members of an object that are held one by one against those of another; each is looked for among all.
const MEMBERS_MAX: usize = 500;

impl Case {
    /// Where it differs from another case of the same operation; the smallest places that differ.
    pub fn differences(&self, other: &Case) -> Vec<Site> {
        let mut out: Vec<Site> = Vec::new();
        for (i, (a, b)) in self.params.iter().zip(&other.params).enumerate() {
            if a != b {
                out.push(Site::Param(i));
            }
        }
        match (&self.body, &other.body) {
            (a, b) if a == b => {}
            (Payload::Value(a), Payload::Value(b)) => {
                apart(a, b, &mut Vec::new(), &mut out);
            }
            // The same bytes, made in two ways.
            _ if self.payload() == other.payload() => {}
            _ => out.push(Site::Body),
        }
        if self.media != other.media && !out.contains(&Site::Body) {
            out.push(Site::Media);
        }
        for (n, _) in self.headers.iter().chain(&other.headers) {
            let of = |c: &Case| c.headers.iter().find(|(m, _)| m == n).cloned();
            let site = Site::Header(n.clone());
            if of(self) != of(other) && !out.contains(&site) {
                out.push(site);
            }
        }
        let further = [
            (self.method != other.method, Site::Method),
            (self.path != other.path, Site::Path),
            (self.query != other.query, Site::Query),
            (self.auth != other.auth, Site::Auth),
        ];
        out.extend(further.into_iter().filter(|(differs, _)| *differs).map(|(_, s)| s));
        out
    }

    /// Makes it there what the other is.
    pub fn revert(&mut self, site: &Site, other: &Case) {
        match site {
            Site::Param(i) => {
                if let (Some(a), Some(b)) = (self.params.get_mut(*i), other.params.get(*i)) {
                    *a = b.clone();
                }
            }
            Site::Member(p) => {
                let (Payload::Value(a), Payload::Value(b)) = (&mut self.body, &other.body) else { return };
                match b.at(p) {
                    Some(v) if p.is_empty() => *a = v.clone(),
                    Some(v) => {
                        a.put(p, v.clone());
                    }
                    None => {
                        a.take(p);
                    }
                }
            }
            Site::Body => {
                self.body = other.body.clone();
                self.media.clone_from(&other.media);
            }
            Site::Media => self.media.clone_from(&other.media),
            Site::Header(n) => {
                self.headers.retain(|(m, _)| m != n);
                self.headers.extend(other.headers.iter().filter(|(m, _)| m == n).cloned());
            }
            Site::Method => self.method.clone_from(&other.method),
            Site::Path => self.path = other.path,
            Site::Query => self.query.clone_from(&other.query),
            Site::Auth => self.auth.clone_from(&other.auth),
            Site::Times => {}
        }
    }

    /// What can be left out of it without making it another request: optional parameters and members that are there.
    pub fn extras(&self, op: &Operation) -> Vec<Site> {
        let mut out: Vec<Site> = Vec::new();
        for (i, (p, slot)) in op.params.iter().zip(&self.params).enumerate() {
            if *slot != Slot::Absent && p.place != Place::Path {
                out.push(Site::Param(i));
            }
        }
        if let Payload::Value(v) = &self.body {
            parts(v, &mut Vec::new(), &mut out);
        }
        out
    }

    /// Leaves something out. `false` where it was not there.
    pub fn leave_out(&mut self, site: &Site) -> bool {
        match site {
            Site::Param(i) => {
                self.params.get_mut(*i).is_some_and(|s| std::mem::replace(s, Slot::Absent) != Slot::Absent)
            }
            Site::Member(p) => match &mut self.body {
                Payload::Value(v) => v.take(p),
                _ => false,
            },
            _ => false,
        }
    }
}

fn apart(a: &Json, b: &Json, at: &mut Pointer, out: &mut Vec<Site>) {
    match (a, b) {
        _ if a == b => {}
        (Json::Object(x), Json::Object(y)) if x.len().max(y.len()) > MEMBERS_MAX || twins(x) || twins(y) => {
            out.push(Site::Member(at.clone()));
        }
        (Json::Object(x), Json::Object(y)) => {
            let names = x.iter().chain(y.iter().filter(|(n, _)| a.member(n).is_none())).map(|(n, _)| n);
            for n in names {
                at.push(Step::Name(n.clone()));
                match (a.member(n), b.member(n)) {
                    (Some(v), Some(w)) => apart(v, w, at, out),
                    _ => out.push(Site::Member(at.clone())),
                }
                at.pop();
            }
        }
        (Json::List(x), Json::List(y)) if x.len() == y.len() => {
            for (i, (v, w)) in x.iter().zip(y).enumerate() {
                at.push(Step::Nth(i));
                apart(v, w, at, out);
                at.pop();
            }
        }
        _ => out.push(Site::Member(at.clone())),
    }
}

fn twins(members: &[(String, Json)]) -> bool {
    members.iter().enumerate().any(|(i, (n, _))| members.iter().skip(i + 1).any(|(m, _)| m == n))
}

/// Members and elements, deepest last.
fn parts(v: &Json, at: &mut Pointer, out: &mut Vec<Site>) {
    match v {
        Json::Object(members) => {
            for (n, v) in members {
                at.push(Step::Name(n.clone()));
                out.push(Site::Member(at.clone()));
                parts(v, at, out);
                at.pop();
            }
        }
        Json::List(l) => {
            if let Some(v) = l.first() {
                at.push(Step::Nth(0));
                out.push(Site::Member(at.clone()));
                parts(v, at, out);
                at.pop();
            }
        }
        _ => {}
    }
}
