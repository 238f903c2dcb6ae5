//! Whose batch is read next: that of the project of which least was read. A project that floods the server waits for itself.

use super::commit::Written;
use std::collections::{BTreeMap, VecDeque};

#[derive(Default)]
struct Queue {
    batches: VecDeque<Written>,
    /// Records and lines read so far, as if it had had its turn all the time.
    had: u64,
}

/// Batches that are not read yet.
#[derive(Default)]
pub struct Turns {
    queues: BTreeMap<i64, Queue>,
}

impl Turns {
    /// A batch waits for its turn. Those of one project are read in their order.
    pub fn push(&mut self, w: Written) {
        // Who was silent is not given the turns it did not need.
        let least = self.queues.values().filter(|q| !q.batches.is_empty()).map(|q| q.had).min();
        let queue = self.queues.entry(w.batch.project).or_default();
        if queue.batches.is_empty() {
            queue.had = queue.had.max(least.unwrap_or(0));
        }
        queue.batches.push_back(w);
    }

    /// The next to be read.
    pub fn pop(&mut self) -> Option<Written> {
        let queue = self.queues.values_mut().filter(|q| !q.batches.is_empty()).min_by_key(|q| q.had)?;
        let next = queue.batches.pop_front()?;
        queue.had += next.batch.len().max(1) as u64;
        Some(next)
    }

    /// The place of the first that is not read.
    pub fn first(&self) -> Option<u64> {
        self.queues.values().filter_map(|q| q.batches.front()).map(|w| w.place).min()
    }

    /// All is read.
    pub fn is_empty(&self) -> bool {
        self.first().is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::super::batch::Batch;
    use super::*;
    use record::{Record, Time};

    fn written(place: u64, project: i64) -> Written {
        let records = vec![Record::default(); 10];
        let batch =
            Batch { project, source: String::new(), at: Time(0), records, lines: Vec::new(), mark: None };
        Written { place, number: place * 10, batch, size: 1 }
    }

    #[test]
    fn a_flood_does_not_hold_up_the_others() {
        let mut turns = Turns::default();
        for place in 0..1_000 {
            turns.push(written(place, 1));
        }
        for _ in 0..500 {
            turns.pop();
        }
        turns.push(written(1_000, 2));
        turns.push(written(1_001, 2));
        assert_eq!(turns.first(), Some(500));
        let next: Vec<u64> = (0..4).filter_map(|_| turns.pop()).map(|w| w.place).collect();
        assert!(next.contains(&1_000) && next.contains(&1_001), "{next:?}");
        assert_eq!(turns.first(), Some(502));
    }
}
