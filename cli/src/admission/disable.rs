//! `mcp-runtime admission disable`.

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use crds::names;
use jiff::{SignedDuration, Timestamp};
use kube::api::{Patch, PatchParams};
use webhook::switch_off;

use super::{Configurations, status};
use crate::cluster::ClusterArgs;

/// What takes longer is no emergency.
const MOST: SignedDuration = SignedDuration::from_hours(24);

/// Flags of `disable`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// One of the two, where not both
    #[arg(value_name = "default|validate", value_parser = ["default", "validate", "inject"], hide_possible_values = true)]
    endpoint: Option<String>,
    /// How long, such as 30m; 24h at most. It ends by itself
    #[arg(long = "for", default_value = "1h", value_name = "DURATION")]
    time: SignedDuration,
    #[command(flatten)]
    cluster: ClusterArgs,
    /// For people, or one JSON object
    #[arg(short, long, default_value = "text", value_name = "text|json", value_parser = ["text", "json"])]
    output: String,
}

pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let endpoint = args.endpoint.as_deref();
    if endpoint == Some("inject") {
        bail!(
            "there is no switch for injection: no governed pod runs without its proxy, and without the \
             webhook admission policy mcp-runtime-intact-proxy would refuse it; to run a server without a \
             proxy, set spec.gateway.enabled: false on it"
        );
    }
    if args.time <= SignedDuration::ZERO || args.time > MOST {
        bail!("--for {:#}: write more than 0s and at most 24h", args.time);
    }
    let configurations = Configurations::of(&args.cluster.connect().await?);
    configurations.are_installed().await?;
    configurations
        .switch_off(endpoint, Timestamp::now() + args.time)
        .await?;
    status::print(&configurations.standings().await?, &args.output);
    status::hint("The operator ends it then. To end it now: mcp-runtime admission enable");
    Ok(ExitCode::SUCCESS)
}

impl Configurations {
    async fn switch_off(&self, endpoint: Option<&str>, until: Timestamp) -> anyhow::Result<()> {
        let until = Timestamp::from_second(until.as_second())?;
        let [mutating, validating] = switch_off(until);
        let name = names::WEBHOOK_CONFIGURATION;
        let how = PatchParams::apply(names::ADMISSION_SWITCH).force();
        if endpoint != Some("validate") {
            let done = self
                .mutating
                .patch(name, &how, &Patch::Apply(mutating))
                .await;
            done.context("disabling /default")?;
        }
        if endpoint != Some("default") {
            let done = self
                .validating
                .patch(name, &how, &Patch::Apply(validating))
                .await;
            done.context("disabling /validate")?;
        }
        Ok(())
    }
}
