//! `mcp-runtime admission`: what the API server asks us, and how to stop it asking for a while.

mod disable;
mod enable;
mod status;

use std::process::ExitCode;

use anyhow::bail;
use crds::names;
use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, ValidatingWebhookConfiguration,
};
use kube::{Api, Client};
use webhook::{Standing, State, standings};

use crate::cluster::ClusterArgs;

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// For a while, let the API server ask neither /default nor /validate
    Disable(disable::Args),
    /// Let it ask again before that time is over
    Enable(Args),
    /// Say which of the three it asks; exit code 1 where it doesn't ask one
    Status(Args),
}

impl Command {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Disable(args) => disable::run(args).await,
            Self::Enable(args) => enable::run(args).await,
            Self::Status(args) => status::run(args).await,
        }
    }
}

/// Of the commands without flags of their own.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    cluster: ClusterArgs,
    /// For people, or one JSON object
    #[arg(short, long, default_value = "text", value_name = "text|json", value_parser = ["text", "json"])]
    output: String,
}

/// Both webhook configurations.
pub(crate) struct Configurations {
    mutating: Api<MutatingWebhookConfiguration>,
    validating: Api<ValidatingWebhookConfiguration>,
}

impl Configurations {
    pub(crate) fn of(client: &Client) -> Self {
        Self {
            mutating: Api::all(client.clone()),
            validating: Api::all(client.clone()),
        }
    }

    async fn standings(&self) -> anyhow::Result<Vec<Standing>> {
        let name = names::WEBHOOK_CONFIGURATION;
        let (mutating, validating) =
            tokio::try_join!(self.mutating.get_opt(name), self.validating.get_opt(name))?;
        Ok(standings(mutating.as_ref(), validating.as_ref()))
    }

    /// Ends with an error where the platform isn't installed: applying to what isn't there would
    /// make it.
    async fn are_installed(&self) -> anyhow::Result<()> {
        let missing = |standing: &Standing| standing.state == State::Missing;
        if self.standings().await?.iter().any(missing) {
            bail!(
                "webhook configuration {} isn't there, or isn't whole; mcp-runtime setup makes it",
                names::WEBHOOK_CONFIGURATION
            );
        }
        Ok(())
    }
}
