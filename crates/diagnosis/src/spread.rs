//! Work in parts that whoever calls may do at the same time: nothing here starts a thread.

use std::sync::OnceLock;

/// Does `work(0)` to `work(n - 1)`, each once, in any order, several at once if it can; comes back when all is done.
pub type Spread<'a> = &'a (dyn Fn(usize, &(dyn Fn(usize) + Sync)) + 'a);

/// One part after the other.
pub fn one_by_one(n: usize, work: &(dyn Fn(usize) + Sync)) {
    (0..n).for_each(work);
}

/// What the parts give, in their order.
pub(crate) fn parts<T: Send + Sync>(
    spread: Spread<'_>,
    n: usize,
    part: impl Fn(usize) -> T + Sync,
) -> Vec<T> {
    let done: Vec<OnceLock<T>> = (0..n).map(|_| OnceLock::new()).collect();
    spread(n, &|i| {
        if let Some(place) = done.get(i) {
            // Each part is done once; were it done again, the first counted.
            let _ = place.set(part(i));
        }
    });
    done.into_iter().filter_map(OnceLock::into_inner).collect()
}
