//! The verbs that tests, the demo and the benches on a real cluster are written in.
//! In: a running cluster with the platform installed (`make cluster`, `mcp-runtime setup`).
//! Called by: `e2e/tests`, `e2e/src/bin`.
//! Knows nothing about: the inside of the roles; it speaks Kubernetes and MCP only.

#![allow(
    clippy::indexing_slicing,
    reason = "JSON values are indexed by key, which gives null where there is none"
)]

pub mod always;
pub mod beside;
pub mod certificate;
pub mod cluster;
pub mod conditions;
pub mod denied;
pub mod documents;
pub mod hostile;
pub mod judge;
pub mod kubectl;
pub mod load;
pub mod mcp;
pub mod namespace;
pub mod objects;
pub mod platform;
pub mod pods;
pub mod proxy;
pub mod reviews;
pub mod routes;
pub mod sdk;
pub mod server;
pub mod wait;
pub mod watching;

pub use cluster::Cluster;
pub use namespace::Namespace;
