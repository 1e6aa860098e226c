//! The decision against its corpus and its properties.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that can't go on has failed"
)]

mod corpus;
mod documents;
mod generate;
mod neighbours;
mod properties;
mod shards;
