//! Time stamps and the calendar: a stamp is a part of its text, what was read is read again from how it is shown, and an
//! instant is the instant of its wall clock. Eight bytes of an instant (now, where a stamp has no year), then the text.

#![no_main]

use formats::time::stamp;
use libfuzzer_sys::fuzz_target;
use record::{Time, Zone};

fuzz_target!(|data: &[u8]| {
    let Some((number, rest)) = data.split_first_chunk::<8>() else { return };
    let any = Time(i64::from_le_bytes(*number));
    let civil = any.civil();
    let shown = any.to_string();
    let read_at = civil.at_offset(0);
    if (0..=9999).contains(&civil.year) {
        assert_eq!(read_at, Some(any), "{civil:?}");
    } else {
        assert_eq!(read_at, None, "{civil:?}");
    }
    let _ = (any.plus(any.0.wrapping_neg()), any.since(fuzz::REFERENCE), fuzz::REFERENCE.since(any));
    let _ = (any.apart(fuzz::REFERENCE), fuzz::REFERENCE.apart(any), any.secs());
    again(any, &shown);

    let text = fuzz::text(rest);
    for reference in [fuzz::REFERENCE, any] {
        let Some(s) = stamp(&text, reference) else { continue };
        let own = text.get(..s.len).expect("a stamp is a part of its text");
        assert!(fuzz::is_sane(s.time), "{own}");
        again(s.time, &s.time.to_string());
    }
});

/// What is shown names the same instant.
fn again(time: Time, shown: &str) {
    if !(1..=9998).contains(&time.civil().year) {
        return;
    }
    let s = stamp(shown, fuzz::REFERENCE).expect(shown);
    assert_eq!((s.time, s.zone, s.len), (time, Zone::Stated, shown.len()), "{shown}");
}
