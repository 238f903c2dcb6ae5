//! Source lines around frames, as they are kept: thousands of failures in a row come with the same ones, so they are scrubbed once
//! and held once.

use record::scrub::scrub;
use record::{Code, Exception};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};

/// Places remembered, a new one for an old one of the same slot: with the longest lines 27 MB, with usual ones 2 MB.
const PLACES_MAX: usize = 4_096;

/// What came last, by place.
pub struct SourceLines {
    slots: Mutex<Vec<Option<Kept>>>,
    hasher: RandomState,
}

struct Kept {
    came: Code,
    clean: Code,
}

impl Default for SourceLines {
    fn default() -> SourceLines {
        SourceLines { slots: Mutex::new((0..PLACES_MAX).map(|_| None).collect()), hasher: RandomState::new() }
    }
}

impl SourceLines {
    /// Takes secrets out of the lines of a chain of exceptions, and lets them share their texts with those that came before.
    pub fn clean(&self, exceptions: &mut [Exception]) {
        let frames = exceptions.iter_mut().flat_map(|e| &mut e.frames);
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        for code in frames.filter_map(|f| f.more.as_mut()?.code.as_mut()) {
            let slot = usize::try_from(self.hasher.hash_one(&*code) % PLACES_MAX as u64).unwrap_or(0);
            let Some(slot) = slots.get_mut(slot) else { continue };
            match slot {
                Some(kept) if kept.came == *code => *code = kept.clean.clone(),
                _ => {
                    let clean = code.with(scrub);
                    *slot = Some(Kept { came: std::mem::replace(code, clean.clone()), clean });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::{Frame, More};

    fn of(line: &str) -> Exception {
        let code = Some(Code::bounded(["before"].into_iter(), line, ["after"].into_iter()));
        let frame = Frame { more: Some(Box::new(More { code, ..More::default() })), ..Frame::default() };
        Exception { frames: vec![frame], ..Exception::default() }
    }

    #[test]
    fn secrets_go_whether_lines_are_new_or_known() {
        let lines = SourceLines::default();
        for n in 0..3 {
            let mut list = [of("password = 'hunter2hunter2'"), of(&format!("n = {n}"))];
            lines.clean(&mut list);
            let told: Vec<_> = list.iter().map(|e| e.frames[0].code().unwrap()).collect();
            assert!(!told[0].line().contains("hunter2"), "{}", told[0].line());
            assert_eq!((told[0].before().last(), told[1].line()), (Some("before"), &*format!("n = {n}")));
        }
    }
}
