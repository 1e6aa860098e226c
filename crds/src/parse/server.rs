//! A server's spec after its checks and defaults: words typed, references resolved.

mod resources;
mod unsupported;

use k8s_openapi::{
    apimachinery::pkg::apis::meta::v1::ObjectMeta, apimachinery::pkg::util::intstr::IntOrString,
};
use policy::{SideEffect, Trust};

use crate::{
    MCPServerSpec, Server, Settings, image, names,
    parsed::{
        Analytics, Auth, EgressPort, EgressRule, EnvVar, Gateway, Ingress, PolicyRules, Rollout,
        SecretEnvVar, SecretKey, SessionRules, Tool,
    },
    routes::path_of,
    server::{
        AnalyticsSpec, AuthSpec, EgressPortSpec, EgressRuleSpec, GatewaySpec, PolicySpec,
        RolloutSpec, SecretKeySpec, SessionSpec, ToolSpec,
        access::{IDLE_TIMEOUT, MAX_LIFETIME},
    },
    words::{
        self, AuthMode, PolicyDecision, PolicyMode, Protocol, ProxyUpgrade, RiskLevel,
        RolloutStrategy, Workload,
    },
};

/// What the schema gives those that say nothing.
const DRAIN_SECONDS: i32 = 5;
const SOME_PODS: &str = "25%";

pub(super) fn resolve(metadata: &ObjectMeta, spec: MCPServerSpec, settings: &Settings) -> Server {
    let annotation = |name| {
        metadata
            .annotations
            .as_ref()
            .and_then(|annotations| annotations.get(name))
    };
    let unsupported = unsupported::of(&spec, settings);
    let name = metadata.name.clone().unwrap_or_default();
    let default_path = path_of(&name, None, None);
    let ingress_path_unused = spec.public_path_prefix.is_some()
        && spec
            .ingress_path
            .as_deref()
            .is_some_and(|path| path != default_path);
    Server {
        ingress: ingress(&name, &spec),
        name,
        namespace: metadata.namespace.clone().unwrap_or_default(),
        uid: metadata.uid.clone().unwrap_or_default(),
        generation: metadata.generation.unwrap_or_default(),
        created: metadata.creation_timestamp.as_ref().map(|time| time.0),
        paused: annotation(names::ANNOTATION_PAUSED).is_some_and(|paused| paused == "true"),
        image: image_of(&spec, settings),
        replicas: int(spec.replicas, 1),
        port: int(spec.port, names::DEFAULT_PORT),
        service_port: int(spec.service_port, names::DEFAULT_SERVICE_PORT),
        resources: resources::of(spec.resources.as_ref()),
        env: spec
            .env_vars
            .into_iter()
            .map(|var| EnvVar {
                name: var.name,
                value: var.value,
            })
            .collect(),
        secret_env: spec
            .secret_env_vars
            .into_iter()
            .filter_map(|var| {
                Some(SecretEnvVar {
                    name: var.name,
                    secret: secret_key(var.secret_key_ref?),
                })
            })
            .collect(),
        image_pull_secrets: spec
            .image_pull_secrets
            .into_iter()
            .filter(|name| !name.trim().is_empty())
            .collect(),
        gateway: spec
            .gateway
            .filter(|gateway| gateway.enabled == Some(true))
            .map(gateway),
        auth: auth(spec.auth.unwrap_or_default()),
        policy: policy_rules(spec.policy.unwrap_or_default()),
        session: session_rules(spec.session.unwrap_or_default()),
        tools: spec.tools.into_iter().filter_map(tool).collect(),
        analytics: spec
            .analytics
            .filter(|analytics| analytics.disabled != Some(true))
            .and_then(analytics),
        rollout: rollout(spec.rollout.unwrap_or_default()),
        stateless: spec.stateless.unwrap_or_default(),
        egress: spec
            .egress
            .map(|rules| rules.into_iter().map(egress_rule).collect()),
        workload: word(spec.workload, Workload::from_word),
        team_id: spec.team_id.unwrap_or_default(),
        description: spec.description.unwrap_or_default(),
        unsupported,
        ingress_path_unused,
    }
}

/// The reference the container runs: tag and registry put in.
pub(super) fn image_of(spec: &MCPServerSpec, settings: &Settings) -> Option<String> {
    let mut reference = spec
        .image
        .as_deref()
        .map(str::trim)
        .filter(|image| !image.is_empty())?
        .to_owned();
    if let Some(tag) = spec
        .image_tag
        .as_deref()
        .filter(|_| !image::has_tag_or_digest(&reference))
    {
        reference = format!("{reference}:{tag}");
    }
    let provisioned = spec.use_provisioned_registry.unwrap_or_default()
        && !settings.provisioned_registry.is_empty();
    let registry = if provisioned {
        Some(settings.provisioned_registry.as_str())
    } else {
        spec.registry_override.as_deref()
    };
    Some(match registry {
        Some(registry) => image::with_registry(&reference, registry),
        None => reference,
    })
}

fn ingress(name: &str, spec: &MCPServerSpec) -> Ingress {
    let path = path_of(
        name,
        spec.public_path_prefix.as_deref(),
        spec.ingress_path.as_deref(),
    );
    Ingress {
        class: spec.ingress_class.clone().unwrap_or_default(),
        host: spec.ingress_host.clone().unwrap_or_default(),
        path,
        annotations: spec.ingress_annotations.clone(),
    }
}

fn gateway(spec: GatewaySpec) -> Gateway {
    Gateway {
        image: spec.image,
        port: int(spec.port, names::DEFAULT_GATEWAY_PORT),
        upstream_url: spec.upstream_url.unwrap_or_default(),
        strip_prefix: spec.strip_prefix.unwrap_or_default(),
        resources: resources::of(spec.resources.as_ref()),
        allow_from: spec.allow_from,
        monitoring_namespaces: spec.monitoring_namespaces,
    }
}

fn egress_rule(spec: EgressRuleSpec) -> EgressRule {
    let port = |spec: EgressPortSpec| EgressPort {
        port: int(Some(spec.port), 0),
        protocol: word(spec.protocol, Protocol::from_word),
    };
    EgressRule {
        namespaces: spec.namespaces,
        cidrs: spec.cidrs,
        ports: spec.ports.into_iter().map(port).collect(),
    }
}

fn auth(spec: AuthSpec) -> Auth {
    let header = |given: Option<String>, default: &str| given.unwrap_or_else(|| default.to_owned());
    Auth {
        mode: word(spec.mode, AuthMode::from_word),
        human_id_header: header(spec.human_id_header, "X-MCP-Human-ID"),
        agent_id_header: header(spec.agent_id_header, "X-MCP-Agent-ID"),
        team_id_header: header(spec.team_id_header, "X-MCP-Team-ID"),
        session_id_header: header(spec.session_id_header, "X-MCP-Agent-Session"),
        token_header: header(spec.token_header, "Authorization"),
        issuer_url: spec.issuer_url.unwrap_or_default(),
        audience: spec.audience.unwrap_or_default(),
        trust_domain: spec.trust_domain.unwrap_or_default(),
    }
}

fn policy_rules(spec: PolicySpec) -> PolicyRules {
    PolicyRules {
        mode: word(spec.mode, PolicyMode::from_word),
        default_decision: word(spec.default_decision, PolicyDecision::from_word),
        enforce_on: spec.enforce_on.unwrap_or_else(|| "call_tool".to_owned()),
        policy_version: spec.policy_version.unwrap_or_else(|| "v1".to_owned()),
    }
}

fn session_rules(spec: SessionSpec) -> SessionRules {
    let text = |given: Option<String>, default: &str| given.unwrap_or_else(|| default.to_owned());
    SessionRules {
        required: spec.required.unwrap_or_default(),
        store: text(spec.store, "kubernetes"),
        header_name: text(spec.header_name, "X-MCP-Agent-Session"),
        max_lifetime: text(spec.max_lifetime, MAX_LIFETIME),
        idle_timeout: text(spec.idle_timeout, IDLE_TIMEOUT),
        upstream_token_header: text(spec.upstream_token_header, "Authorization"),
    }
}

fn tool(spec: ToolSpec) -> Option<Tool> {
    let side_effect: SideEffect = words::side_effect(spec.side_effect.as_deref()?)?;
    Some(Tool {
        // What can't be read asks for most, so that it is never an opening.
        required_trust: spec.required_trust.map_or(Trust::Low, |word| {
            words::trust(&word).unwrap_or(Trust::High)
        }),
        side_effect,
        risk_level: spec.risk_level.as_deref().and_then(RiskLevel::from_word),
        description: spec.description.unwrap_or_default(),
        labels: spec.labels,
        name: spec.name,
    })
}

/// `None` where neither the spec nor the platform says where to.
fn analytics(spec: AnalyticsSpec) -> Option<Analytics> {
    Some(Analytics {
        ingest_url: spec.ingest_url?,
        source: spec.source.unwrap_or_default(),
        event_type: spec.event_type.unwrap_or_default(),
        api_key: spec.api_key_secret_ref.map(secret_key),
    })
}

fn rollout(spec: RolloutSpec) -> Rollout {
    let strategy = word(spec.strategy, RolloutStrategy::from_word);
    let canary = spec
        .canary_replicas
        .filter(|_| strategy == RolloutStrategy::Canary);
    Rollout {
        strategy,
        max_unavailable: amount(spec.max_unavailable),
        max_surge: amount(spec.max_surge),
        canary_replicas: canary.map(|replicas| int(Some(replicas), 0)),
        drain_seconds: int(spec.drain_seconds, DRAIN_SECONDS),
        proxy_upgrade: word(spec.proxy_upgrade, ProxyUpgrade::from_word),
    }
}

fn amount(text: Option<String>) -> IntOrString {
    let text = text.unwrap_or_else(|| SOME_PODS.to_owned());
    text.parse()
        .map_or(IntOrString::String(text), IntOrString::Int)
}

fn secret_key(spec: SecretKeySpec) -> SecretKey {
    SecretKey {
        name: spec.name,
        key: spec.key,
    }
}

fn word<W: Default>(text: Option<String>, read: impl Fn(&str) -> Option<W>) -> W {
    text.as_deref().and_then(read).unwrap_or_default()
}

/// Numbers were checked against the schema's bounds, which lie within `i32`.
fn int(number: Option<i64>, default: i32) -> i32 {
    number
        .and_then(|number| i32::try_from(number).ok())
        .unwrap_or(default)
}
