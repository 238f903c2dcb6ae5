//! One record being read. Signatures and the general reading ask the same of its texts again and again (whose connection was it,
//! which address is named); here each answer is found once.

use super::owner::Owner;
use super::place;
use record::{Level, Record};
use std::cell::{OnceCell, RefCell};

/// Answers by question. The questions of a record are few: a list is enough.
struct Answers<Q, A>(RefCell<Vec<(Q, A)>>);

impl<Q: PartialEq, A: Clone> Answers<Q, A> {
    fn new() -> Answers<Q, A> {
        Answers(RefCell::new(Vec::new()))
    }

    fn get(&self, question: Q, find: impl FnOnce() -> A) -> A {
        if let Some((_, a)) = self.0.borrow().iter().find(|(q, _)| *q == question) {
            return a.clone();
        }
        let answer = find();
        self.0.borrow_mut().push((question, answer.clone()));
        answer
    }
}

/// A record with what was found out about it.
pub(super) struct Reading<'t> {
    pub record: &'t Record,
    peers: Answers<&'t str, Option<String>>,
    /// The peer named outside of the exception asked about.
    elsewhere: OnceCell<Option<String>>,
    owners: Answers<(Option<usize>, &'t str), Option<Owner>>,
    /// The owner told by the whole chain and the message.
    pub by_chain: OnceCell<Option<Owner>>,
    /// The owner told by the last resorts.
    pub by_rest: OnceCell<Option<Owner>>,
}

impl<'t> Reading<'t> {
    pub fn of(record: &'t Record) -> Reading<'t> {
        Reading {
            record,
            peers: Answers::new(),
            elsewhere: OnceCell::new(),
            owners: Answers::new(),
            by_chain: OnceCell::new(),
            by_rest: OnceCell::new(),
        }
    }

    /// The peer that the text names ([`place::peer`]).
    pub fn peer(&self, text: &'t str) -> Option<String> {
        self.peers.get(text, || place::peer(text))
    }

    /// The peer that the record names: in the exception at that index, in its fields (Node's `err.address` and `err.port`), in
    /// the other exceptions, in the message's first line.
    pub fn peer_of(&self, exception: Option<usize>) -> Option<String> {
        let chain = &self.record.exceptions;
        let near = exception.and_then(|i| chain.get(i)).and_then(|e| self.peer(&e.message));
        near.or_else(|| self.elsewhere.get_or_init(|| self.peer_elsewhere()).clone())
    }

    fn peer_elsewhere(&self) -> Option<String> {
        let record = self.record;
        // The addresses in a line of an access log are its client's, and stand in the request already.
        if record.is_ledger() && record.level < Level::Error && record.exceptions.is_empty() {
            return place::peer_in_fields(record);
        }
        place::peer_in_fields(record)
            .or_else(|| record.exceptions.iter().rev().find_map(|e| self.peer(&e.message)))
            // Of a message with a trace, the lines below the first are frames: `app.py:12` is no address.
            .or_else(|| self.peer(super::first_line(&record.message)))
            .or_else(|| place::inspected(&record.message))
    }

    /// Whose connection the text of the exception at that index speaks of, if that was asked before; else as found.
    pub fn owner(
        &self,
        exception: Option<usize>,
        text: &'t str,
        find: impl FnOnce() -> Option<Owner>,
    ) -> Option<Owner> {
        self.owners.get((exception, text), find)
    }
}
