//! The injector over files: pods a user could apply, servers they name, and what comes out.
//!
//! `UPDATE_GOLDEN=1 cargo test -p mcp-injector` writes `golden/` and `intact/pod.yaml` anew.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that can't go on has failed"
)]

mod arbitrary;
mod belongs;
mod denied;
mod files;
mod injected;
mod intact;
mod properties;
mod repaired;
mod shapes;
