//! Traefik: the ingress controller that the cluster comes with.

use std::time::Duration;

use anyhow::Result;

use crate::{kubectl, place, probe, wait};

/// Applies it and waits until it answers from the host.
///
/// # Errors
/// The API server refuses, or nothing answers in time; `kubectl -n traefik get events` then knows more.
pub fn install() -> Result<()> {
    kubectl::apply(include_str!("../manifests/traefik.yaml"), "traefik")?;
    wait::until("Traefik's entry point", Duration::from_secs(120), || {
        Ok(answers())
    })
}

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
