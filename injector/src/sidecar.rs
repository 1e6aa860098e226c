//! The proxy's container.

use crds::{Server, Settings, names};
use k8s_openapi::api::core::v1::{
    Capabilities, Container, ContainerPort, EnvVar, EnvVarSource, ExecAction, HTTPGetAction,
    Lifecycle, LifecycleHandler, Probe, ResourceRequirements, SeccompProfile, SecretKeySelector,
    SecurityContext, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

/// The program in the image.
pub(crate) const COMMAND: &str = "/mcp-proxy";
/// What ends the proxy's work before its pod ends.
pub(crate) const DRAIN: &str = "drain";
/// Where Kubernetes mounts a token in every container that has nothing at this path.
pub(crate) const TOKEN_PATH: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// Answers as long as the process works.
pub(crate) const LIVE: &str = "/live";
/// Answers 200 once there is a policy to decide by.
pub(crate) const READY: &str = "/ready";

/// The image for a server: its own choice, or the platform's first.
pub(crate) fn image<'a>(gateway: &'a crds::Gateway, settings: &'a Settings) -> Option<&'a str> {
    gateway.image.as_deref().or_else(|| settings.proxy_image())
}

/// The container for a server with `gateway`, running `image` with `resources`.
///
/// A native sidecar (KEP-753): an init container that is restarted always, so that it is up before
/// the server starts and until the server has ended, and doesn't keep a Job from completing.
pub(crate) fn container(
    server: &Server,
    gateway: &crds::Gateway,
    image: &str,
    resources: ResourceRequirements,
    settings: &Settings,
) -> Container {
    Container {
        name: names::PROXY_CONTAINER.into(),
        image: Some(image.into()),
        command: Some(vec![COMMAND.into()]),
        env: Some(env(server, gateway, settings)),
        ports: Some(vec![
            port(names::PROXY_PORT_NAME, gateway.port),
            port(names::PROXY_METRICS_PORT_NAME, names::PROXY_METRICS_PORT),
        ]),
        restart_policy: Some("Always".into()),
        // Liveness, not readiness: with a broken document the pod runs, isn't ready and says why,
        // instead of hanging before its first container.
        startup_probe: Some(probe(LIVE, 1, 60)),
        readiness_probe: Some(probe(READY, 2, 2)),
        liveness_probe: Some(probe(LIVE, 10, 6)),
        lifecycle: Some(drain()),
        resources: Some(resources),
        security_context: Some(security_context()),
        termination_message_policy: Some("FallbackToLogsOnError".into()),
        volume_mounts: Some(mounts()),
        ..Default::default()
    }
}

/// Variables with literal values, in the order of the manifest.
pub(crate) fn env(server: &Server, gateway: &crds::Gateway, settings: &Settings) -> Vec<EnvVar> {
    let file = format!("{}/{}", names::POLICY_MOUNT, names::POLICY_KEY);
    let mut env = vec![
        literal("POLICY_FILE", &file),
        literal("UPSTREAM_URL", &gateway.upstream_url),
        literal("PORT", &gateway.port.to_string()),
        literal("METRICS_PORT", &names::PROXY_METRICS_PORT.to_string()),
        literal("MCP_SERVER_NAME", &server.name),
        literal("MCP_SERVER_NAMESPACE", &server.namespace),
        literal("MCP_CLUSTER_NAME", &settings.cluster_name),
    ];
    if !gateway.strip_prefix.is_empty() {
        env.push(literal("STRIP_PREFIX", &gateway.strip_prefix));
    }
    if !server.ingress.host.is_empty() {
        let url = format!("http://{}", server.ingress.host);
        env.push(literal("EXTERNAL_BASE_URL", &url));
    }
    if let Some(analytics) = &server.analytics {
        env.push(literal("ANALYTICS_INGEST_URL", &analytics.ingest_url));
        env.push(literal("ANALYTICS_SOURCE", &analytics.source));
        env.push(literal("ANALYTICS_EVENT_TYPE", &analytics.event_type));
        env.extend(analytics.api_key.as_ref().map(api_key));
    }
    env
}

/// The kubelet expands `$(NAME)` in values; a doubled `$` stands for itself.
fn literal(name: &str, value: &str) -> EnvVar {
    EnvVar {
        name: name.into(),
        value: Some(value.replace('$', "$$")),
        ..Default::default()
    }
}

fn api_key(secret: &crds::parsed::SecretKey) -> EnvVar {
    EnvVar {
        name: "ANALYTICS_API_KEY".into(),
        value_from: Some(EnvVarSource {
            secret_key_ref: Some(SecretKeySelector {
                name: secret.name.clone(),
                key: secret.key.clone(),
                ..Default::default()
            }),
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn port(name: &str, number: i32) -> ContainerPort {
    ContainerPort {
        name: Some(name.into()),
        container_port: number,
        protocol: Some("TCP".into()),
        ..Default::default()
    }
}

fn probe(path: &str, period_seconds: i32, failure_threshold: i32) -> Probe {
    Probe {
        http_get: Some(HTTPGetAction {
            path: Some(path.into()),
            port: IntOrString::Int(names::PROXY_METRICS_PORT),
            ..Default::default()
        }),
        period_seconds: Some(period_seconds),
        failure_threshold: Some(failure_threshold),
        timeout_seconds: Some(2),
        ..Default::default()
    }
}

/// The kubelet ends the server's containers first and the proxy with what is left of the grace
/// period; the hook runs when that begins, and needs no port that anyone could call.
fn drain() -> Lifecycle {
    Lifecycle {
        pre_stop: Some(LifecycleHandler {
            exec: Some(ExecAction {
                command: Some(vec![COMMAND.into(), DRAIN.into()]),
            }),
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// What the restricted Pod Security Standard asks for, and a user that nothing else in the pod has.
fn security_context() -> SecurityContext {
    SecurityContext {
        run_as_user: Some(names::PROXY_UID),
        run_as_group: Some(names::PROXY_UID),
        run_as_non_root: Some(true),
        allow_privilege_escalation: Some(false),
        read_only_root_filesystem: Some(true),
        capabilities: Some(Capabilities {
            drop: Some(vec!["ALL".into()]),
            ..Default::default()
        }),
        seccomp_profile: Some(SeccompProfile {
            type_: "RuntimeDefault".into(),
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// Volume and path of each mount.
///
/// The last one keeps a credential out: the API server mounts the pod's service-account token in
/// every container, added ones included, unless something is mounted at that path already.
pub(crate) const MOUNTS: [(&str, &str); 3] = [
    (names::POLICY_VOLUME, names::POLICY_MOUNT),
    (names::TOKENS_VOLUME, names::TOKENS_MOUNT),
    (names::POLICY_VOLUME, TOKEN_PATH),
];

fn mounts() -> Vec<VolumeMount> {
    let mount = |(name, path): (&str, &str)| VolumeMount {
        name: name.into(),
        mount_path: path.into(),
        read_only: Some(true),
        ..Default::default()
    };
    MOUNTS.map(mount).into()
}
