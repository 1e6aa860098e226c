//! The server's pods. The proxy isn't among the containers: `/inject` alone puts it there, and the
//! labels written here are what asks for it.

use crds::words::{RolloutStrategy, Workload};
use crds::{Server, Settings, injection_inputs, names};
use k8s_openapi::api::apps::v1::{
    Deployment, DeploymentSpec, DeploymentStrategy, RollingUpdateDeployment,
};
use k8s_openapi::api::core::v1::{
    Capabilities, Container, ContainerPort, EnvVar, EnvVarSource, Lifecycle, LifecycleHandler,
    PodSecurityContext, PodSpec, PodTemplateSpec, Probe, SeccompProfile, SecretKeySelector,
    SecurityContext, SleepAction, TCPSocketAction,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::meta::{Pairs, labels, meta, pairs, secrets};
use super::service_account::WORKLOAD_ACCOUNT;

/// Seconds a pod has to end where draining doesn't ask for more; Kubernetes' own default.
const GRACE: i64 = 30;
/// Seconds a server has to end after its drain.
const GRACE_AFTER_DRAIN: i64 = 10;

/// Which of a server's Deployments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Track {
    Stable,
    Canary,
}

impl Track {
    fn as_str(self) -> &'static str {
        match self {
            Self::Stable => "stable",
            Self::Canary => "canary",
        }
    }
}

/// Name of a server's canary Deployment.
pub(crate) fn canary_name(server: &str) -> String {
    format!("{server}-canary")
}

/// The selector of the server's pods as text, for the scale subresource: the stable Deployment's,
/// or that of anybody's pods behind the server.
pub(crate) fn selector_text(server: &Server) -> String {
    let selector = match server.workload {
        Workload::Managed => selector(server, Track::Stable),
        Workload::External => governed(server),
    };
    let pairs: Vec<String> = selector
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    pairs.join(",")
}

pub(super) fn build_deployment(server: &Server, track: Track, settings: &Settings) -> Deployment {
    let name = match track {
        Track::Stable => server.name.clone(),
        Track::Canary => canary_name(&server.name),
    };
    let mut metadata = meta(server, &name);
    metadata
        .labels
        .get_or_insert_default()
        .insert(names::LABEL_TRACK.into(), track.as_str().into());
    Deployment {
        metadata,
        spec: Some(DeploymentSpec {
            replicas: Some(replicas(server, track)),
            selector: LabelSelector {
                match_labels: Some(selector(server, track)),
                ..LabelSelector::default()
            },
            strategy: Some(strategy(server)),
            template: template(server, track, settings),
            ..DeploymentSpec::default()
        }),
        ..Deployment::default()
    }
}

/// Stable and canary share the replicas that the spec asks for.
fn replicas(server: &Server, track: Track) -> i32 {
    let canary = match server.rollout.strategy {
        RolloutStrategy::Canary => server.rollout.canary_replicas.unwrap_or_default(),
        RolloutStrategy::RollingUpdate | RolloutStrategy::Recreate => 0,
    };
    match track {
        Track::Stable => server.replicas.saturating_sub(canary).max(0),
        Track::Canary => canary,
    }
}

/// Immutable once created: never more than these two.
fn selector(server: &Server, track: Track) -> Pairs {
    pairs([
        (names::LABEL_APP, &server.name),
        (names::LABEL_TRACK, track.as_str()),
    ])
}

fn strategy(server: &Server) -> DeploymentStrategy {
    let rolling = RollingUpdateDeployment {
        max_unavailable: Some(server.rollout.max_unavailable.clone()),
        max_surge: Some(server.rollout.max_surge.clone()),
    };
    match server.rollout.strategy {
        RolloutStrategy::RollingUpdate | RolloutStrategy::Canary => DeploymentStrategy {
            type_: Some("RollingUpdate".into()),
            rolling_update: Some(rolling),
        },
        RolloutStrategy::Recreate => DeploymentStrategy {
            type_: Some("Recreate".into()),
            rolling_update: None,
        },
    }
}

fn template(server: &Server, track: Track, settings: &Settings) -> PodTemplateSpec {
    let mut labels = labels(server);
    labels.extend(pairs([(names::LABEL_TRACK, track.as_str())]));
    let mut annotations = None;
    if server.gateway.is_some() {
        labels.extend(governed(server));
        let inputs = injection_inputs(server, settings).to_string();
        annotations = Some(pairs([(names::ANNOTATION_INJECTION_INPUTS, &inputs)]));
    }
    PodTemplateSpec {
        metadata: Some(ObjectMeta {
            labels: Some(labels),
            annotations,
            ..ObjectMeta::default()
        }),
        spec: Some(PodSpec {
            service_account_name: Some(WORKLOAD_ACCOUNT.into()),
            automount_service_account_token: Some(false),
            image_pull_secrets: secrets(&server.image_pull_secrets),
            termination_grace_period_seconds: Some(
                GRACE.max(i64::from(server.rollout.drain_seconds) + GRACE_AFTER_DRAIN),
            ),
            security_context: Some(PodSecurityContext {
                run_as_non_root: Some(true),
                run_as_user: Some(names::WORKLOAD_UID),
                seccomp_profile: Some(SeccompProfile {
                    type_: "RuntimeDefault".into(),
                    localhost_profile: None,
                }),
                ..PodSecurityContext::default()
            }),
            containers: vec![container(server)],
            ..PodSpec::default()
        }),
    }
}

/// The labels by which a pod is governed; they are the Service's selector too.
pub(super) fn governed(server: &Server) -> Pairs {
    pairs([
        (names::LABEL_SERVER, &server.name),
        (names::LABEL_GATEWAY, names::GATEWAY_REQUIRED),
    ])
}

fn container(server: &Server) -> Container {
    Container {
        name: server.name.clone(),
        image: server.image.clone(),
        image_pull_policy: Some("IfNotPresent".into()),
        ports: Some(vec![ContainerPort {
            name: Some("http".into()),
            container_port: server.port,
            protocol: Some("TCP".into()),
            ..ContainerPort::default()
        }]),
        env: env(server),
        resources: Some(server.resources.clone()),
        liveness_probe: Some(tcp_probe(server.port, 5, 10)),
        readiness_probe: Some(tcp_probe(server.port, 3, 5)),
        lifecycle: drain(server),
        security_context: Some(SecurityContext {
            allow_privilege_escalation: Some(false),
            capabilities: Some(Capabilities {
                drop: Some(vec!["ALL".into()]),
                add: None,
            }),
            ..SecurityContext::default()
        }),
        ..Container::default()
    }
}

fn env(server: &Server) -> Option<Vec<EnvVar>> {
    let literal = server.env.iter().map(|var| EnvVar {
        name: var.name.clone(),
        // An empty value and none at all are stored alike.
        value: Some(var.value.clone()).filter(|value| !value.is_empty()),
        ..EnvVar::default()
    });
    let secret = server.secret_env.iter().map(|var| EnvVar {
        name: var.name.clone(),
        value_from: Some(EnvVarSource {
            secret_key_ref: Some(SecretKeySelector {
                name: var.secret.name.clone(),
                key: var.secret.key.clone(),
                optional: None,
            }),
            ..EnvVarSource::default()
        }),
        ..EnvVar::default()
    });
    let all: Vec<EnvVar> = literal.chain(secret).collect();
    (!all.is_empty()).then_some(all)
}

fn tcp_probe(port: i32, initial_delay: i32, period: i32) -> Probe {
    Probe {
        tcp_socket: Some(TCPSocketAction {
            port: IntOrString::Int(port),
            host: None,
        }),
        initial_delay_seconds: Some(initial_delay),
        period_seconds: Some(period),
        ..Probe::default()
    }
}

/// A pod that ends gets its SIGTERM in the server's container first, the sidecar last: without a
/// pause here the server would be gone before the calls that are under way.
fn drain(server: &Server) -> Option<Lifecycle> {
    let seconds = i64::from(server.rollout.drain_seconds);
    (server.gateway.is_some() && seconds > 0).then(|| Lifecycle {
        pre_stop: Some(LifecycleHandler {
            sleep: Some(SleepAction { seconds }),
            ..LifecycleHandler::default()
        }),
        ..Lifecycle::default()
    })
}
