//! The decision against its corpus and its properties.
#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod corpus;
mod neighbours;
