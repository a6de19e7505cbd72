//! What the analyzer answers, over lakes small enough to check by hand.

mod alerts;
mod answers;
mod attribution;
mod bill_sources;
mod catalog;
mod sampling;
mod sql;
mod units;
