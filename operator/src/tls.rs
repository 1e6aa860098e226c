//! The webhook's certificate: issued, renewed, and known to the API server.
//!
//! The leader alone writes the two Secrets and every `caBundle`, whoever issues: the webhook serves
//! one Secret, and what cert-manager issues comes into it here. So every change has two phases, a
//! renewal by cert-manager too: the API server knows both CAs before anything is served with the
//! new one, and still does after.

mod configuration;
mod plan;
mod secret;
mod store;

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::stream::{BoxStream, select_all};
use jiff::Timestamp;
use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, ValidatingWebhookConfiguration,
};
use k8s_openapi::api::core::v1::Secret;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{Config, watcher};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use tokio::sync::Notify;

use crate::chain::Chain;
use crate::metrics::Metrics;
use crate::settings::LiveSettings;
use crate::writes::Writes;
use crds::names;
use plan::{Step, plan};
use store::Store;

/// Between two attempts after a failure.
const RETRY: Duration = Duration::from_secs(2);

/// What the certificate is kept by.
pub(crate) struct Keeper {
    pub(crate) writes: Writes,
    pub(crate) namespace: String,
    pub(crate) settings: LiveSettings,
    /// Told when they change.
    pub(crate) changed: Arc<Notify>,
    pub(crate) metrics: Metrics,
    /// From the announcement of a CA to its first leaf.
    pub(crate) announce: Duration,
}

/// Works without end.
pub(crate) async fn keep_certificate(keeper: Keeper) {
    let mut changes = changes(keeper.writes.client(), &keeper.namespace);
    let store = Store::new(keeper.writes.clone(), keeper.namespace.clone());
    let mut settled = Settled::default();
    loop {
        let wait = match step(&keeper, &store, &mut settled).await {
            Ok(wait) => wait,
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "webhook certificate");
                RETRY
            }
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => (),
            _ = changes.next() => (),
            () = keeper.changed.notified() => (),
        }
    }
}

/// How long every webhook has had the bundle it is to have.
#[derive(Debug, Default)]
struct Settled {
    bundle: String,
    since: Option<Instant>,
}

impl Settled {
    fn note(&mut self, bundle: &str, everywhere: bool, now: Instant) -> Duration {
        if self.bundle != bundle || !everywhere {
            *self = Self {
                bundle: bundle.to_owned(),
                since: None,
            };
        }
        if !everywhere {
            return Duration::ZERO;
        }
        now.saturating_duration_since(*self.since.get_or_insert(now))
    }
}

/// One look and at most one write; answers how long there is nothing to do.
async fn step(
    keeper: &Keeper,
    store: &Store,
    settled: &mut Settled,
) -> Result<Duration, store::TlsError> {
    let now = Timestamp::now();
    let seen = store.read(keeper.settings.now().webhook_tls, now).await?;
    let (leaf, authority) = plan::ends(&seen);
    keeper.metrics.webhook_certificate(leaf, authority);
    let bundle = plan::bundle(&seen, now);
    let everywhere = seen
        .bundles
        .iter()
        .all(|live| live.as_deref() == Some(&*bundle));
    let settled_for = settled.note(&bundle, everywhere, Instant::now());
    match plan(&seen, settled_for, keeper.announce, now) {
        Step::NewAuthority => store.new_authority(now).await?,
        Step::Announce => store.announce(&bundle).await?,
        Step::NewLeaf => store.new_leaf(&seen, now).await?,
        Step::Adopt => store.adopt(&seen, now).await?,
        Step::Wait(wait) => return Ok(wait),
    }
    Ok(Duration::ZERO)
}

/// Ticks when a Secret or a webhook configuration of ours changes, so that a configuration that
/// is applied anew has its bundle back at once.
fn changes(client: &Client, namespace: &str) -> BoxStream<'static, ()> {
    let secrets = Api::<Secret>::namespaced(client.clone(), namespace);
    let configuration = names::WEBHOOK_CONFIGURATION;
    select_all([
        ticks(secrets.clone(), names::CA_SECRET),
        ticks(secrets.clone(), names::WEBHOOK_TLS_SECRET),
        ticks(secrets, names::WEBHOOK_CM_TLS_SECRET),
        ticks(
            Api::<MutatingWebhookConfiguration>::all(client.clone()),
            configuration,
        ),
        ticks(
            Api::<ValidatingWebhookConfiguration>::all(client.clone()),
            configuration,
        ),
    ])
    .boxed()
}

/// Ticks when the object of this name changes.
pub(crate) fn ticks<K>(api: Api<K>, name: &str) -> BoxStream<'static, ()>
where
    K: Resource + Clone + DeserializeOwned + std::fmt::Debug + Send + 'static,
{
    let only = Config::default().fields(&format!("metadata.name={name}"));
    let events = watcher(api, only).default_backoff().touched_objects();
    events
        .filter_map(async |event| match event {
            Ok(_) => Some(()),
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "watch interrupted");
                None
            }
        })
        .boxed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_settles_only_while_it_is_everywhere_and_the_same() {
        let (mut settled, start) = (Settled::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(settled.note("a", true, at(0)), Duration::ZERO);
        assert_eq!(settled.note("a", true, at(20)), Duration::from_secs(20));
        assert_eq!(settled.note("b", true, at(30)), Duration::ZERO);
        assert_eq!(settled.note("b", true, at(50)), Duration::from_secs(20));
        assert_eq!(settled.note("b", false, at(60)), Duration::ZERO);
        assert_eq!(
            settled.note("b", true, at(70)),
            Duration::ZERO,
            "it was gone in between"
        );
    }
}
