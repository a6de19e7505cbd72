//! What the analyzer answers, over lakes small enough to check by hand.

mod alerts;
mod attribution;
mod catalog;
mod sampling;
mod sql;
