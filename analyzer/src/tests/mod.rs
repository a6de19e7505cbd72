//! What the analyzer answers, over lakes small enough to check by hand.

mod alerts;
mod answers;
mod apis;
mod attribution;
mod bad_input;
mod bill_sources;
mod calls;
mod catalog;
mod focus;
mod initialisations;
mod invariant;
mod resources;
mod sampling;
mod sql;
mod triggers;
mod units;
mod waits;
