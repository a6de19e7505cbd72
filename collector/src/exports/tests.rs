//! Exports in folders: what they come to in the lake, and what keeps them out of it.

mod bad_input;
mod bucket;
mod files;
mod samples;
