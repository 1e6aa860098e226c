//! `mcp-runtime admission enable`.

use std::process::ExitCode;

use anyhow::Context as _;
use crds::names;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use super::{Args, Configurations, status};

pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let configurations = Configurations::of(&args.cluster.connect().await?);
    configurations.are_installed().await?;
    configurations.switch_on().await?;
    status::print(&configurations.standings().await?, &args.output);
    Ok(ExitCode::SUCCESS)
}

impl Configurations {
    /// Undoes what `disable` applied, if anything.
    pub(crate) async fn switch_on(&self) -> anyhow::Result<()> {
        let name = names::WEBHOOK_CONFIGURATION;
        let how = PatchParams::apply(names::ADMISSION_SWITCH);
        let nothing = |kind: &str| {
            Patch::Apply(json!({
                "apiVersion": "admissionregistration.k8s.io/v1",
                "kind": kind,
                "metadata": {"name": name},
            }))
        };
        let mutating = nothing("MutatingWebhookConfiguration");
        let done = self.mutating.patch(name, &how, &mutating).await;
        done.context("enabling /default")?;
        let validating = nothing("ValidatingWebhookConfiguration");
        let done = self.validating.patch(name, &how, &validating).await;
        done.context("enabling /validate")?;
        Ok(())
    }
}
