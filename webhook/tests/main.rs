//! The admission server over recorded reviews, over TLS, and what the API server is told about it.
//!
//! `UPDATE_GOLDEN=1 cargo test -p mcp-webhook` writes `answers/` and `deploy/admission/` anew.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that can't go on has failed"
)]

mod age;
mod app;
mod beside;
mod deployment;
mod fuzz;
mod leaving;
mod objects;
mod overload;
mod recorded;
mod refused;
mod serving;
mod slow;
