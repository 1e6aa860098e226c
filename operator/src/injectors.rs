//! What the webhook's replicas inject: asked of each, because a new proxy is brought to pods only
//! once all of them would put it there. A rollout before that would be for nothing.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use crds::{Settings, names};
use futures_util::StreamExt as _;
use futures_util::future::join_all;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::reflector::{self, Store};
use kube::runtime::watcher::{Config, watcher};
use kube::{Api, Client};
use serde::Deserialize;

use crate::chain::Chain;
use crate::delivery::ask::get;
use crate::settings::LiveSettings;

/// How often they are asked.
const LOOK: Duration = Duration::from_secs(5);
/// How long one may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// Whether every replica of the webhook injects what the operator expects. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Injectors(Arc<RwLock<Option<String>>>);

/// `GET http://REPLICA:8081/injects`.
#[derive(Debug, Deserialize)]
struct Injects {
    /// As [`crds::platform_inputs`] has it.
    platform: String,
}

impl Default for Injectors {
    fn default() -> Self {
        Self(Arc::new(RwLock::new(Some("it wasn't asked yet".into()))))
    }
}

impl Injectors {
    /// Why not, as far as the last look told; `None` when all is well.
    pub(crate) fn disagree(&self) -> Option<String> {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// True when it was otherwise before.
    fn replace(&self, why: Option<String>) -> bool {
        let mut present = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let changed = *present != why;
        *present = why;
        changed
    }
}

/// Asks again and again, without end; `changed` is called when the answer is another one.
pub(crate) async fn follow(
    client: Client,
    namespace: String,
    settings: LiveSettings,
    injectors: Injectors,
    changed: impl Fn() + Send,
) {
    let api: Api<EndpointSlice> = Api::namespaced(client, &namespace);
    let service = format!("kubernetes.io/service-name={}", names::WEBHOOK_SERVICE);
    let (slices, writer) = reflector::store();
    let events = watcher(api, Config::default().labels(&service))
        .default_backoff()
        .reflect(writer);
    let mut events = std::pin::pin!(events);
    let mut looks = tokio::time::interval(LOOK);
    loop {
        tokio::select! {
            event = events.next() => match event {
                Some(Ok(_)) => continue,
                Some(Err(error)) => {
                    tracing::warn!(error = %Chain(&error), "watch interrupted");
                    continue;
                }
                None => return,
            },
            _ = looks.tick() => (),
        }
        let why = look(&slices, &settings.now()).await;
        if injectors.replace(why.clone()) {
            tracing::info!(why, "what the webhook injects");
            changed();
        }
    }
}

async fn look(slices: &Store<EndpointSlice>, settings: &Settings) -> Option<String> {
    let expected = crds::platform_inputs(settings);
    let ready: BTreeSet<IpAddr> = slices
        .state()
        .iter()
        .flat_map(|slice| ready(slice))
        .collect();
    let answers = ready.iter().map(|ip| async {
        let address = SocketAddr::new(*ip, names::WEBHOOK_HEALTH_PORT);
        let answer = get::<Injects>(address, "/injects", PATIENCE).await;
        let answer = answer.map(|injects| injects.platform);
        (*ip, answer.map_err(|error| Chain(&error).to_string()))
    });
    judge(&expected, &join_all(answers).await)
}

/// Why not all of these are as expected.
fn judge(expected: &str, answers: &[(IpAddr, Result<String, String>)]) -> Option<String> {
    if answers.is_empty() {
        return Some("no replica of it is ready".into());
    }
    answers.iter().find_map(|(ip, answer)| match answer {
        Ok(platform) if platform == expected => None,
        Ok(other) => Some(format!("{ip} injects by {other}, expected is {expected}")),
        Err(why) => Some(format!("{ip} doesn't say what it injects: {why}")),
    })
}

/// Addresses of a slice that take requests.
fn ready(slice: &EndpointSlice) -> Vec<IpAddr> {
    let is_ready = |endpoint: &&k8s_openapi::api::discovery::v1::Endpoint| {
        let conditions = endpoint.conditions.as_ref();
        conditions.and_then(|c| c.ready).unwrap_or(true)
    };
    let ready = slice.endpoints.iter().filter(is_ready);
    ready
        .flat_map(|endpoint| &endpoint.addresses)
        .filter_map(|address| address.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(answers: &[Result<&str, &str>]) -> Option<String> {
        let answers: Vec<_> = answers
            .iter()
            .zip(1..)
            .map(|(answer, n)| {
                let answer = answer.map(str::to_owned).map_err(str::to_owned);
                (IpAddr::from([10, 0, 0, n]), answer)
            })
            .collect();
        judge("0.2.0@a", &answers)
    }

    #[test]
    fn one_replica_that_injects_otherwise_is_enough_to_wait() {
        assert_eq!(says(&[Ok("0.2.0@a"), Ok("0.2.0@a")]), None);
        assert_eq!(
            says(&[Ok("0.2.0@a"), Ok("0.1.0@b")]).unwrap(),
            "10.0.0.2 injects by 0.1.0@b, expected is 0.2.0@a"
        );
    }

    #[test]
    fn a_webhook_that_is_away_or_silent_is_waited_for() {
        assert_eq!(says(&[]).unwrap(), "no replica of it is ready");
        assert_eq!(
            says(&[Err("it answered 404")]).unwrap(),
            "10.0.0.1 doesn't say what it injects: it answered 404"
        );
    }

    #[test]
    fn replicas_that_take_no_requests_arent_asked() {
        let slice: EndpointSlice = serde_saphyr::from_str(
            "addressType: IPv4\nendpoints:\n\
             - { addresses: [10.0.0.1], conditions: { ready: false } }\n\
             - { addresses: [10.0.0.2], conditions: { ready: true } }\n\
             - { addresses: [10.0.0.3] }\n",
        )
        .unwrap();
        let expected: Vec<IpAddr> = vec![[10, 0, 0, 2].into(), [10, 0, 0, 3].into()];
        assert_eq!(ready(&slice), expected);
    }
}
