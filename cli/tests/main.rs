//! The commands, run as people and scripts run them.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that can't go on has failed"
)]

mod access;
mod corpus;
mod docs;
mod inject;
mod run;
mod validate;
