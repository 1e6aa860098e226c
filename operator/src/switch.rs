//! Ends `mcp-runtime admission disable` when its time is over, whoever ran it and wherever that
//! machine is now. Until then nothing here touches it.

use std::time::Duration;

use crds::names;
use futures_util::StreamExt as _;
use futures_util::stream::select;
use jiff::Timestamp;
use k8s_openapi::ClusterResourceScope;
use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, ValidatingWebhookConfiguration,
};
use kube::{Api, Resource, ResourceExt as _};
use serde::de::DeserializeOwned;

use crate::chain::Chain;
use crate::tls::ticks;
use crate::writes::{WriteError, Writes};

/// Between two attempts after a failure.
const RETRY: Duration = Duration::from_secs(2);
/// How often to look, for want of anything to wait for.
const LOOK: Duration = Duration::from_secs(3600);

/// The disabling can't be ended.
#[derive(Debug, thiserror::Error)]
enum SwitchError {
    #[error("reading webhook configuration {}", names::WEBHOOK_CONFIGURATION)]
    Read(#[source] kube::Error),
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// Works without end.
pub(crate) async fn end_disabling(writes: Writes) {
    let client = writes.client();
    let mutating: Api<MutatingWebhookConfiguration> = Api::all(client.clone());
    let validating: Api<ValidatingWebhookConfiguration> = Api::all(client.clone());
    let name = names::WEBHOOK_CONFIGURATION;
    let mut changes = select(
        ticks(mutating.clone(), name),
        ticks(validating.clone(), name),
    );
    loop {
        let wait = async {
            let one = end(&writes, &mutating).await?;
            let other = end(&writes, &validating).await?;
            Ok::<_, SwitchError>(one.min(other))
        };
        let wait = wait.await.unwrap_or_else(|error| {
            tracing::warn!(error = %Chain(&error), "admission switch");
            RETRY
        });
        tokio::select! {
            () = tokio::time::sleep(wait) => (),
            _ = changes.next() => (),
        }
    }
}

/// Ends it in one configuration, if it is time; answers how long it isn't.
async fn end<K>(writes: &Writes, api: &Api<K>) -> Result<Duration, SwitchError>
where
    K: Resource<DynamicType = (), Scope = ClusterResourceScope>,
    K: Clone + std::fmt::Debug + DeserializeOwned,
{
    let name = names::WEBHOOK_CONFIGURATION;
    let found = api
        .get_metadata_opt(name)
        .await
        .map_err(SwitchError::Read)?;
    let until = found.and_then(|found| {
        let annotations = found.annotations();
        annotations.get(names::ANNOTATION_DISABLED_UNTIL).cloned()
    });
    let Some(until) = until else { return Ok(LOOK) };
    let left = left(&until, Timestamp::now());
    if left.is_zero() {
        writes.release::<K>(name, names::ADMISSION_SWITCH).await?;
        tracing::info!(kind = %K::kind(&()), until, "admission is enabled again");
        return Ok(LOOK);
    }
    Ok(left.min(LOOK))
}

/// How much of the time is left. What isn't a time is over: better asked too much than never again.
fn left(until: &str, now: Timestamp) -> Duration {
    let until: Result<Timestamp, _> = until.parse();
    let left = until.ok().map(|until| until.duration_since(now));
    left.and_then(|left| left.try_into().ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disabling_lasts_until_its_time_and_what_is_no_time_is_over() {
        let now: Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
        assert_eq!(left("2026-01-02T03:05:05Z", now), Duration::from_secs(60));
        for over in ["2026-01-02T03:04:05Z", "2025-01-01T00:00:00Z", "soon", ""] {
            assert_eq!(left(over, now), Duration::ZERO, "{over}");
        }
    }
}
