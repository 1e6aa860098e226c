//! Every object of a server, as it is to be: pure functions, one object a file.

mod deployment;
mod ingress;
mod meta;
mod network_policy;
mod policy_config;
mod service;
mod service_account;

use crds::words::{RolloutStrategy, Workload};
use crds::{Server, Settings};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::{Ingress, NetworkPolicy};

use crate::render::Rendered;
use deployment::{Track, build_deployment};
use ingress::build_ingress;
use network_policy::build_network_policy;
use policy_config::build_policy_config;
use service::build_service;
use service_account::build_service_account;

pub(crate) use deployment::{canary_name, selector_text};
pub(crate) use service_account::WORKLOAD_ACCOUNT;

/// What is to exist. A `None` is to be taken away where it exists.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Desired {
    /// Of the namespace, shared by its servers.
    pub(crate) service_account: Option<ServiceAccount>,
    pub(crate) policy: Option<ConfigMap>,
    pub(crate) network_policy: Option<NetworkPolicy>,
    pub(crate) deployment: Option<Deployment>,
    pub(crate) canary: Option<Deployment>,
    pub(crate) service: Service,
    /// Or why there is none.
    pub(crate) ingress: Result<Ingress, RouteTaken>,
}

/// Another server has the route; says which as far as the reader may know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RouteTaken(pub(crate) String);

/// `rendered` is the policy as it is to be in force; it is asked for where the gateway is on.
/// `taken` says who has the route, where it isn't this server.
pub(crate) fn build(
    server: &Server,
    rendered: Option<&Rendered>,
    taken: Option<String>,
    settings: &Settings,
) -> Desired {
    let managed = server.workload == Workload::Managed;
    let canary = managed && server.rollout.strategy == RolloutStrategy::Canary;
    Desired {
        service_account: managed.then(|| build_service_account(&server.namespace)),
        policy: rendered.map(|rendered| build_policy_config(server, rendered)),
        network_policy: build_network_policy(server),
        deployment: managed.then(|| build_deployment(server, Track::Stable, settings)),
        canary: canary.then(|| build_deployment(server, Track::Canary, settings)),
        service: build_service(server),
        ingress: match taken {
            None => Ok(build_ingress(server, settings)),
            Some(told) => Err(RouteTaken(told)),
        },
    }
}

#[cfg(test)]
mod tests;
