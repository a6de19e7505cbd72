//! Whole behaviours, as one test binary: linking DataFusion many times is what makes a build slow.

#![expect(
    unreachable_pub,
    reason = "one binary: what its modules share is public among them"
)]

mod account;
mod architecture;
mod bad_input;
mod binary;
mod killed;
mod truth;
