//! Tests on a real cluster with the platform installed, each in a namespace of its own.
//! `outage` stops parts of the platform and so runs alone, after the others; `soak` takes minutes
//! and is run by `make soak`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "tests: what isn't as expected is the end"
)]

mod admit;
mod agreement;
mod chaos;
mod corpus;
mod default;
mod drain;
mod events;
mod explain;
mod external;
mod gitops;
mod hostile;
mod inject;
mod jobs;
mod network;
mod odd;
mod outage;
mod policy;
mod reconcile;
mod revoke;
mod roles;
mod sample;
mod shapes;
mod soak;
mod strangers;
mod traefik;
