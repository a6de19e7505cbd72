//! Millicent.
fn main() {}
