//! The proxy over real sockets, in front of a server that says what the test tells it to.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test that can't go on has failed"
)]

mod batches;
mod bypass;
mod client;
mod command;
mod corpus;
mod denials;
mod drain;
mod forwarding;
mod harness;
mod reload;
mod server;
mod shards;
mod streams;
