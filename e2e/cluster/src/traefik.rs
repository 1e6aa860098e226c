//! Traefik: the ingress controller that the cluster comes with.

use crate::{place, probe};

/// What it is made of.
pub const MANIFEST: &str = include_str!("../manifests/traefik.yaml");

/// Whether the entry point answers HTTP; with what depends on the Ingresses.
///
/// # Errors
/// Why not.
pub fn answers() -> Result<(), String> {
    let address = place::MCP_URL.trim_start_matches("http://");
    probe::get(address, "/")
        .map(drop)
        .map_err(|error| format!("{error:#}"))
}
