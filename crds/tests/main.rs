//! The crate from outside: definitions, examples, invalid manifests, documents.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets what it doesn't expect fails"
)]

mod compiling;
mod defaults;
mod definitions;
mod examples;
mod files;
mod invalid;
mod warned;
mod warning;
