//! What takes the time, apart: `cargo bench`. Seconds of one machine; the check that nothing grows counts instructions
//! (`.ci/instructions`).

#![allow(clippy::unwrap_used)]

mod diagnosis;
mod formats;
mod lines;
mod record;

fn main() {
    divan::main();
}
