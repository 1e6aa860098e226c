//! `make demo`: the main job as a transcript of what a real cluster really answered.
//!
//! Every command is shown with its output; every claim is checked, and the demo ends with an
//! error where the cluster answered otherwise. Everything is left running.

#![allow(
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "the transcript is the result of this program; JSON values are indexed by key"
)]

mod outages;
mod steps;
mod transcript;

use mcp_e2e::{Cluster, Namespace};

/// Where the demo's server lives: the platform's default namespace for servers.
const NAMESPACE: &str = "mcp-servers";

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> anyhow::Result<()> {
    let cluster = Cluster::connect().await?;
    let namespace = Namespace {
        cluster: cluster.clone(),
        name: NAMESPACE.into(),
    };
    let demo = steps::Demo::new(namespace);
    demo.begin().await?;
    demo.refuses_an_invalid_server().await?;
    demo.becomes_ready().await?;
    demo.fills_in_defaults().await?;
    demo.injects_the_proxy().await?;
    demo.serves_the_sdk().await?;
    demo.limits_by_consent().await?;
    demo.revokes_at_once().await?;
    demo.leaves_other_pods_alone().await?;
    demo.holds_without_the_webhook().await?;
    demo.holds_without_its_configuration().await?;
    demo.shows_the_audit_events().await?;
    demo.end()
}
