//! What the benches share: programs on cores of their own ([`target`]), requests whose every answer
//! is checked ([`load`]), rows and tables ([`report`]).
//! Called by: benches alone, as a dev-dependency; it measures programs and knows none of ours.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a bench that can't go on has failed"
)]

pub mod load;
pub mod report;
pub mod target;
