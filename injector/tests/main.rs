//! The injector over files: pods a user could apply, servers they name, and what comes out.
//!
//! `UPDATE_GOLDEN=1 cargo test -p mcp-injector` writes `golden/` and `intact/pod.yaml` anew.

mod belongs;
mod denied;
mod files;
mod injected;
mod intact;
mod odd;
mod repaired;
