//! Stacks as they are kept: thousands of failures in a row come with the same ones, so each is scrubbed once and held once.

use record::scrub::scrub;
use record::{Exception, Frame, Frames, hash};
use std::sync::{Mutex, PoisonError};

/// Stacks remembered, a new one for an old one of the same slot.
const STACKS_MAX: usize = 1_024;
/// Bytes of them, about: a stack of Java with its source lines takes some 20,000.
const STACK_BYTES_MAX: usize = 16 << 20;

/// What came last.
pub struct Stacks(Mutex<Slots>);

struct Slots {
    slots: Vec<Option<Kept>>,
    bytes: usize,
}

struct Kept {
    came: Frames,
    clean: Frames,
}

impl Default for Stacks {
    fn default() -> Stacks {
        Stacks(Mutex::new(Slots::default()))
    }
}

impl Default for Slots {
    fn default() -> Slots {
        Slots { slots: (0..STACKS_MAX).map(|_| None).collect(), bytes: 0 }
    }
}

impl Stacks {
    /// Takes secrets out of the source lines of a chain of exceptions, and lets its stacks be one with those that came before.
    pub fn clean(&self, exceptions: &mut [Exception]) {
        for frames in exceptions.iter_mut().map(|e| &mut e.frames).filter(|f| !f.is_empty()) {
            let slot = usize::try_from(hash(&*frames) % STACKS_MAX as u64).unwrap_or(0);
            let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(Some(known)) = kept.slots.get(slot)
                && known.came == *frames
            {
                *frames = known.clean.clone();
                continue;
            }
            let (clean, bytes) = (cleaned(frames), bytes(frames));
            let came = std::mem::replace(frames, clean.clone());
            if kept.bytes + bytes > STACK_BYTES_MAX {
                *kept = Slots::default();
            }
            kept.bytes += bytes;
            if let Some(slot) = kept.slots.get_mut(slot)
                && let Some(before) = slot.replace(Kept { came, clean })
            {
                kept.bytes = kept.bytes.saturating_sub(self::bytes(&before.came));
            }
        }
    }
}

/// The same stack, unless there are secrets in its source lines.
fn cleaned(frames: &Frames) -> Frames {
    let mut clean = frames.clone();
    for (i, f) in frames.iter().enumerate() {
        if let Some(code) = f.code() {
            let scrubbed = code.with(scrub);
            if scrubbed != *code
                && let Some(more) = clean.get_mut(i).and_then(|f| f.more.as_mut())
            {
                more.code = Some(scrubbed);
            }
        }
    }
    clean
}

/// What a stack takes in memory, about.
fn bytes(frames: &Frames) -> usize {
    let of = |f: &Frame| {
        let code = f.code().map_or(0, |c| c.bytes() + 64);
        size_of::<Frame>() + f.file.len() + f.function.len() + code
    };
    frames.iter().map(of).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::{Code, More};

    fn of(line: &str) -> Exception {
        let code = Some(Code::bounded(["before"].into_iter(), line, ["after"].into_iter()));
        let frame = Frame { more: Some(Box::new(More { code, ..More::default() })), ..Frame::default() };
        Exception { frames: vec![frame].into(), ..Exception::default() }
    }

    #[test]
    fn secrets_go_whether_a_stack_is_new_or_known() {
        let stacks = Stacks::default();
        for n in 0..3 {
            let mut list = [of("password = 'hunter2hunter2'"), of(&format!("n = {n}"))];
            stacks.clean(&mut list);
            let told: Vec<_> = list.iter().map(|e| e.frames[0].code().unwrap()).collect();
            assert!(!told[0].line().contains("hunter2"), "{}", told[0].line());
            assert_eq!((told[0].before().last(), told[1].line()), (Some("before"), &*format!("n = {n}")));
        }
    }

    #[test]
    fn equal_stacks_are_one_and_many_stay_within_their_bytes() {
        let stacks = Stacks::default();
        let mut list = [of("same"), of("same"), of("other")];
        stacks.clean(&mut list);
        assert!(std::ptr::eq(&*list[0].frames, &*list[1].frames));
        assert!(!std::ptr::eq(&*list[0].frames, &*list[2].frames));
        for n in 0..100 {
            let mut deep =
                [Exception { frames: vec![of(&"x".repeat(280)).frames[0].clone(); 2_000].into(), ..of("") }];
            deep[0].frames[0].line = Some(n);
            stacks.clean(&mut deep);
            assert!(stacks.0.lock().unwrap().bytes <= STACK_BYTES_MAX);
        }
    }
}
