//! why500.
fn main() {}
