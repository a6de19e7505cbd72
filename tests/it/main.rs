//! Whole behaviours, as one test binary: linking DataFusion many times is what makes a build slow.

#![expect(
    unreachable_pub,
    reason = "one binary: what its modules share is public among them"
)]
#![expect(
    clippy::disallowed_methods,
    reason = "the binary under test lives in real time, so its simulated account has to"
)]
#![expect(clippy::print_stdout, reason = "a failed truth test tells what it saw")]

mod account;
mod architecture;
mod bad_input;
mod binary;
mod estate;
mod exported;
mod exports;
mod killed;
mod latency;
mod metrics_truth;
mod truth;
