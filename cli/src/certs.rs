//! `mcp-runtime certs`: the webhook's certificate in the hands of people. The operator issues it;
//! here it is only asked to.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use crds::{WebhookTls, names};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Patch, PatchParams};
use kube::{Api, ResourceExt as _};
use serde_json::json;

use crate::cluster::{ClusterArgs, settings_in_force};

/// How often the Secrets are looked at.
const LOOK: Duration = Duration::from_millis(250);

/// What to do about the webhook's certificate.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Have a new certificate issued now, and wait until it is served. No call is refused meanwhile
    Rotate(RotateArgs),
}

/// What is new.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Part {
    /// The serving certificate, under the CA there is
    Leaf,
    /// The CA, and a serving certificate under it
    Ca,
}

/// Arguments of `certs rotate`.
#[derive(Debug, clap::Args)]
pub(crate) struct RotateArgs {
    /// What is to be new
    part: Part,
    #[command(flatten)]
    cluster: ClusterArgs,
    /// How long to wait for it, in seconds
    #[arg(long, default_value_t = 120, value_name = "SECONDS")]
    timeout: u64,
}

impl Command {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Rotate(args) => rotate(args).await,
        }
    }
}

#[allow(clippy::print_stderr, reason = "progress is for the person who waits")]
async fn rotate(args: RotateArgs) -> anyhow::Result<ExitCode> {
    let client = args.cluster.connect().await?;
    let settings = settings_in_force(&client).await?.unwrap_or_default();
    let secrets: Api<Secret> = Api::namespaced(client, names::PLATFORM_NAMESPACE);
    let served = secrets.get(names::WEBHOOK_TLS_SECRET).await;
    let served = served.context("reading the webhook's certificate")?;
    let from = annotation(&served, names::ANNOTATION_CERTIFICATE_FROM);
    if let Some(why) = refusal(settings.webhook_tls, from) {
        bail!(why);
    }
    let asked = Timestamp::now().to_string();
    let secret = match args.part {
        Part::Leaf => names::WEBHOOK_TLS_SECRET,
        Part::Ca => names::CA_SECRET,
    };
    ask(&secrets, secret, &asked).await?;
    let deadline = Duration::from_secs(args.timeout);
    let done = tokio::time::timeout(deadline, answered(&secrets, args.part, &asked)).await;
    done.with_context(|| {
        format!(
            "the operator hasn't answered within {deadline:?}; see: kubectl -n {} logs -l app.kubernetes.io/name=mcp-runtime-operator",
            names::PLATFORM_NAMESPACE
        )
    })??;
    eprintln!(
        "{}",
        match args.part {
            Part::Leaf => "a new certificate is served",
            Part::Ca => "a new CA is in force; the one before is trusted for another hour",
        }
    );
    Ok(ExitCode::SUCCESS)
}

/// Why the operator wouldn't answer: while cert-manager is to issue, it issues nothing itself.
/// `from`: who issued what is served.
fn refusal(wanted: WebhookTls, from: Option<&str>) -> Option<String> {
    let namespace = names::PLATFORM_NAMESPACE;
    let theirs = WebhookTls::CertManager;
    if wanted != theirs {
        return None;
    }
    Some(if from == Some(theirs.as_str()) {
        format!(
            "cert-manager issues the webhook's certificate: renew it there, with cmctl renew -n {namespace} mcp-runtime-webhook"
        )
    } else {
        format!(
            "cert-manager is to issue the webhook's certificate (webhookTls of the settings) and hasn't yet; see what it waits for with kubectl -n {namespace} describe certificate mcp-runtime-webhook, or have the operator issue it, with mcp-runtime setup --tls self-signed"
        )
    })
}

async fn ask(secrets: &Api<Secret>, secret: &str, asked: &str) -> anyhow::Result<()> {
    let patch = json!({"metadata": {"annotations": {names::ANNOTATION_ROTATE: asked}}});
    secrets
        .patch_metadata(secret, &PatchParams::default(), &Patch::Merge(&patch))
        .await
        .with_context(|| format!("annotating Secret {secret}"))?;
    Ok(())
}

/// Until there is a certificate that wasn't there when it was asked for, and it is served.
async fn answered(secrets: &Api<Secret>, part: Part, asked: &str) -> anyhow::Result<()> {
    loop {
        let served = secrets.get(names::WEBHOOK_TLS_SECRET).await?;
        let done = match part {
            Part::Leaf => annotation(&served, names::ANNOTATION_ROTATED) == Some(asked),
            Part::Ca => {
                let authority = secrets.get(names::CA_SECRET).await?;
                annotation(&authority, names::ANNOTATION_ROTATED) == Some(asked)
                    && value(&served, "ca.crt") == value(&authority, "tls.crt")
            }
        };
        if done {
            return Ok(());
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn annotation<'a>(secret: &'a Secret, name: &str) -> Option<&'a str> {
    secret.annotations().get(name).map(String::as_str)
}

fn value<'a>(secret: &'a Secret, key: &str) -> Option<&'a [u8]> {
    let value = secret.data.as_ref()?.get(key)?;
    Some(&value.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_operator_issues_is_rotated_also_on_the_way_back_from_cert_manager() {
        for from in [None, Some("self-signed"), Some("cert-manager")] {
            assert_eq!(refusal(WebhookTls::SelfSigned, from), None);
        }
    }

    #[test]
    fn what_cert_manager_is_to_issue_is_refused_with_what_to_do_instead() {
        let refused = |from| refusal(WebhookTls::CertManager, from).unwrap();
        assert!(refused(Some("cert-manager")).contains("cmctl renew -n mcp-runtime "));
        for from in [None, Some("self-signed")] {
            let why = refused(from);
            assert!(why.contains("describe certificate"), "{why}");
            assert!(why.contains("setup --tls self-signed"), "{why}");
        }
    }
}
