//! Takes old images of the proxy off the list of those that pods may have, once nothing needs
//! them: an image that nobody runs any more is a way around later fixes.
//!
//! The list is in the settings and, for the API server, in two admission policies. Images are only
//! ever taken away here; `setup` adds them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crds::{Settings, names};
use k8s_openapi::api::admissionregistration::v1::ValidatingAdmissionPolicy;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use serde_json::{Value, json};

use crate::chain::Chain;
use crate::context::Context;
use crate::writes::WriteError;

/// How often the list is looked at.
const LOOK: Duration = Duration::from_secs(5);
/// How long nothing may have needed an image: a pod that was injected a moment ago is to be let in.
const UNUSED_FOR: Duration = Duration::from_secs(30);
/// The policies with the list.
const POLICIES: [&str; 2] = [
    names::INTACT_PROXY_POLICY,
    names::INTACT_PROXY_UPDATE_POLICY,
];
/// The variable in them.
const VARIABLE: &str = "images";

/// The list can't be shortened.
#[derive(Debug, thiserror::Error)]
enum ImagesError {
    #[error("reading {what} {name}")]
    Read {
        what: &'static str,
        name: &'static str,
        #[source]
        source: kube::Error,
    },
    #[error("variable images of ValidatingAdmissionPolicy {0} isn't a list of texts")]
    Policy(&'static str),
    #[error("reading settings.yaml in ConfigMap mcp-runtime-settings: {0}")]
    Settings(String),
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// Looks again and again, without end.
pub(crate) async fn retire(cx: Arc<Context>, namespace: String) {
    let mut looks = tokio::time::interval(LOOK);
    let mut unused = Unused::default();
    loop {
        looks.tick().await;
        let settings = cx.settings.now();
        let needed = needed(&cx);
        // An older replica of the webhook may still inject what it was told before.
        let settled = cx.injectors.disagree().is_none();
        let due = unused.due(&settings, &needed, settled, Instant::now());
        if due.is_empty() {
            continue;
        }
        if let Err(error) = take_away(&cx, &namespace, &settings, &due).await {
            tracing::warn!(error = %Chain(&error), "old images stay allowed");
        }
    }
}

/// Images that living pods have, or that servers ask for.
fn needed(cx: &Context) -> BTreeSet<String> {
    let pods = cx.caches.pods.all();
    let of_pods = pods
        .iter()
        .filter(|pod| pod.lives)
        .filter_map(|pod| pod.proxy_image.clone());
    let servers = cx.caches.servers.all();
    let of_servers = servers
        .iter()
        .filter_map(|seen| seen.object.spec.gateway.as_ref()?.image.clone());
    of_pods.chain(of_servers).collect()
}

/// Since when images haven't been needed.
#[derive(Debug, Default)]
struct Unused(BTreeMap<String, Instant>);

impl Unused {
    /// The images that may go. The first is the one that is injected, and stays.
    fn due(
        &mut self,
        settings: &Settings,
        needed: &BTreeSet<String>,
        settled: bool,
        now: Instant,
    ) -> Vec<String> {
        let old = settings.proxy_images.iter().skip(1);
        let first = settings.proxy_image();
        let unused: Vec<&String> = old
            .filter(|image| settled && !needed.contains(*image) && first != Some(image))
            .collect();
        self.0.retain(|image, _| unused.contains(&image));
        for image in unused {
            self.0.entry(image.clone()).or_insert(now);
        }
        let long = |since: &Instant| now.saturating_duration_since(*since) >= UNUSED_FOR;
        let due = self.0.iter().filter(|(_, since)| long(since));
        due.map(|(image, _)| image.clone()).collect()
    }
}

/// First where it counts. A policy that is changed meanwhile refuses the write, and is read again
/// at the next look.
async fn take_away(
    cx: &Context,
    namespace: &str,
    settings: &Settings,
    due: &[String],
) -> Result<(), ImagesError> {
    let client = cx.writes.client();
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    let map = maps.get_opt(names::SETTINGS_CONFIG_MAP).await;
    let Some(map) = map.map_err(read("ConfigMap", names::SETTINGS_CONFIG_MAP))? else {
        return Ok(());
    };
    let mut written = settings_in(&map)?;
    if written.proxy_image() != settings.proxy_image() {
        // Newer ones are on their way to us.
        return Ok(());
    }
    let policies: Api<ValidatingAdmissionPolicy> = Api::all(client.clone());
    for name in POLICIES {
        let policy = policies.get_opt(name).await;
        let policy = policy.map_err(read("ValidatingAdmissionPolicy", name))?;
        let Some(policy) = policy else { continue };
        if let Some(patch) = without(&policy, due).ok_or(ImagesError::Policy(name))? {
            cx.writes.merge(&policies, name, &patch).await?;
            tracing::info!(policy = name, images = ?due, "images that nothing needs are refused");
        }
    }
    let before = written.proxy_images.len();
    written.proxy_images.retain(|image| !due.contains(image));
    if written.proxy_images.len() < before {
        let text = serde_saphyr::to_string(&written);
        let text = text.map_err(|error| ImagesError::Settings(error.to_string()))?;
        let patch = json!({
            "metadata": { "resourceVersion": map.metadata.resource_version },
            "data": { names::SETTINGS_KEY: text },
        });
        cx.writes
            .merge(&maps, names::SETTINGS_CONFIG_MAP, &patch)
            .await?;
    }
    Ok(())
}

fn read(what: &'static str, name: &'static str) -> impl FnOnce(kube::Error) -> ImagesError {
    move |source| ImagesError::Read { what, name, source }
}

fn settings_in(map: &ConfigMap) -> Result<Settings, ImagesError> {
    let data = map.data.as_ref();
    let text = data.and_then(|data| data.get(names::SETTINGS_KEY));
    let text = text.ok_or_else(|| ImagesError::Settings("it isn't there".into()))?;
    serde_saphyr::from_str(text).map_err(|error| ImagesError::Settings(error.to_string()))
}

/// The merge patch that takes `due` off a policy's list: `Some(None)` where they aren't on it,
/// `None` where there is no list that can be read, or none would be left.
fn without(policy: &ValidatingAdmissionPolicy, due: &[String]) -> Option<Option<Value>> {
    let mut variables = policy.spec.as_ref()?.variables.clone()?;
    let list = variables.iter_mut().find(|found| found.name == VARIABLE)?;
    let mut images = crds::read_cel_list(&list.expression)?;
    let before = images.len();
    images.retain(|image| !due.contains(image));
    if images.is_empty() {
        return None;
    }
    if images.len() == before {
        return Some(None);
    }
    list.expression = crds::cel_list(&images);
    Some(Some(json!({
        "metadata": { "resourceVersion": policy.metadata.resource_version },
        "spec": { "variables": variables },
    })))
}

#[cfg(test)]
mod tests;
