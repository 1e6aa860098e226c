//! Rules across the parts of a server: what one asks of another.

use super::{Reason, Rule, missing, number, on, text};
use crate::{names, text as shape};

macro_rules! gateway_on {
    () => {
        "(has(self.gateway) && has(self.gateway.enabled) && self.gateway.enabled)"
    };
}

macro_rules! auth_mode_is {
    ($mode:literal) => {
        concat!(
            "(has(self.auth) && has(self.auth.mode) && self.auth.mode == '",
            $mode,
            "')"
        )
    };
}

macro_rules! auth_lacks {
    ($field:literal) => {
        concat!(
            "(!has(self.auth.",
            $field,
            ") || self.auth.",
            $field,
            " == '')"
        )
    };
}

const EXTERNAL: &str = "external";

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "invalid_name",
        nodes: &[""],
        field: ".metadata.name",
        cel: Some("self.metadata.name.matches('^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$')"),
        breach: |root| {
            let name = text(root, "/metadata/name");
            // A file with generateName has no name yet; that is the next rule's.
            let unnamed = name.is_empty() && !text(root, "/metadata/generateName").is_empty();
            (!unnamed && !shape::is_dns_1035_label(name)).then(|| name.to_owned())
        },
        message: "metadata.name becomes a Service, a container and a label: at most 63 of a-z, 0-9 and '-', \
                  a letter first, no '-' at the end",
        remedy: "write a name such as payments-v2",
        reason: Reason::Invalid,
    },
    Rule {
        code: "reserved_name",
        nodes: &[""],
        field: ".metadata.name",
        cel: Some("!(self.metadata.name in ['mcp-proxy', 'mcp-gateway'])"),
        breach: |root| {
            let name = text(root, "/metadata/name");
            [names::PROXY_CONTAINER, "mcp-gateway"]
                .contains(&name)
                .then(|| name.to_owned())
        },
        message: "metadata.name is the name of the proxy's own container",
        remedy: "write any name but mcp-proxy and mcp-gateway",
        reason: Reason::Invalid,
    },
    Rule {
        code: "generate_name",
        nodes: &[""],
        field: ".metadata.generateName",
        cel: Some("!has(self.metadata.generateName) || self.metadata.generateName == ''"),
        breach: |root| {
            Some(text(root, "/metadata/generateName").to_owned()).filter(|name| !name.is_empty())
        },
        message: "metadata.generateName gives a server a name that no grant or session can refer to",
        remedy: "write metadata.name",
        reason: Reason::Forbidden,
    },
    Rule {
        code: "image_required",
        nodes: &["spec"],
        field: ".image",
        cel: Some(
            "(has(self.workload) && self.workload == 'external') || (has(self.image) && self.image.trim() != '')",
        ),
        breach: |spec| {
            missing(text(spec, "/workload") != EXTERNAL && text(spec, "/image").trim().is_empty())
        },
        message: "an image is required",
        remedy: "write spec.image, such as registry.example.com/payments-mcp",
        reason: Reason::Required,
    },
    Rule {
        code: "external_needs_gateway",
        nodes: &["spec"],
        field: ".workload",
        cel: Some(concat!(
            "!has(self.workload) || self.workload != 'external' || ",
            gateway_on!()
        )),
        breach: |spec| {
            let breach = text(spec, "/workload") == EXTERNAL && !on(spec, "/gateway/enabled");
            breach.then(|| EXTERNAL.to_owned())
        },
        message: "an external workload has nothing of ours without the gateway",
        remedy: "write spec.gateway.enabled: true, or workload: managed",
        reason: Reason::Invalid,
    },
    Rule {
        code: "gateway_port_taken",
        nodes: &["spec"],
        field: ".gateway.port",
        cel: Some(concat!(
            "!",
            gateway_on!(),
            " || !has(self.gateway.port) || !has(self.port) || self.gateway.port != self.port"
        )),
        breach: |spec| {
            let port = number(spec, "/gateway/port")?;
            let taken = on(spec, "/gateway/enabled") && number(spec, "/port") == Some(port);
            taken.then(|| port.to_string())
        },
        message: "the gateway can't listen on spec.port, where the server listens",
        remedy: "write another port, such as 8091",
        reason: Reason::Invalid,
    },
    Rule {
        code: "metrics_port_taken",
        nodes: &["spec"],
        field: ".port",
        cel: Some(concat!(
            "!",
            gateway_on!(),
            " || !has(self.port) || self.port != 9103"
        )),
        breach: |spec| {
            let port = number(spec, "/port")?;
            let taken =
                on(spec, "/gateway/enabled") && port == i64::from(names::PROXY_METRICS_PORT);
            taken.then(|| port.to_string())
        },
        message: "port 9103 is where the gateway serves health and metrics",
        remedy: "let the server listen on another port, such as 8088, and write that",
        reason: Reason::Invalid,
    },
    Rule {
        code: "metrics_port_taken",
        nodes: &["spec.gateway.port"],
        field: "",
        cel: Some("self != 9103"),
        breach: |port| {
            let taken = port.as_i64() == Some(i64::from(names::PROXY_METRICS_PORT));
            taken.then(|| port.to_string())
        },
        message: "port 9103 is where the gateway serves health and metrics",
        remedy: "write another port, such as 8091",
        reason: Reason::Invalid,
    },
    Rule {
        code: "issuer_required",
        nodes: &["spec"],
        field: ".auth.issuerURL",
        cel: Some(concat!(
            "!",
            gateway_on!(),
            " || !",
            auth_mode_is!("oauth"),
            " || !",
            auth_lacks!("issuerURL")
        )),
        breach: |spec| missing(lacks(spec, "oauth", true, "/auth/issuerURL")),
        message: "auth.mode oauth needs the issuer of the tokens",
        remedy: "write spec.auth.issuerURL, such as https://login.example.com/realms/team",
        reason: Reason::Required,
    },
    Rule {
        code: "audience_required",
        nodes: &["spec"],
        field: ".auth.audience",
        cel: Some(concat!(
            "!",
            gateway_on!(),
            " || !",
            auth_mode_is!("oauth"),
            " || !",
            auth_lacks!("audience")
        )),
        breach: |spec| missing(lacks(spec, "oauth", true, "/auth/audience")),
        message: "auth.mode oauth needs the audience that tokens must name (RFC 8707): without it a token for \
                  any other service of the issuer would do",
        remedy: "write spec.auth.audience, such as https://mcp.example.com/payments",
        reason: Reason::Required,
    },
    Rule {
        code: "trust_domain_required",
        nodes: &["spec"],
        field: ".auth.trustDomain",
        cel: Some(concat!(
            "!",
            auth_mode_is!("mtls"),
            " || !",
            auth_lacks!("trustDomain")
        )),
        breach: |spec| missing(lacks(spec, "mtls", false, "/auth/trustDomain")),
        message: "auth.mode mtls needs the SPIFFE trust domain of the callers' certificates",
        remedy: "write spec.auth.trustDomain, such as example.org",
        reason: Reason::Required,
    },
    Rule {
        code: "mtls_needs_gateway",
        nodes: &["spec"],
        field: ".gateway",
        cel: Some(concat!("!", auth_mode_is!("mtls"), " || ", gateway_on!())),
        breach: |spec| missing(text(spec, "/auth/mode") == "mtls" && !on(spec, "/gateway/enabled")),
        message: "auth.mode mtls is done by the gateway, which is off",
        remedy: "write spec.gateway.enabled: true",
        reason: Reason::Required,
    },
    Rule {
        code: "mtls_needs_traefik",
        nodes: &["spec"],
        field: ".ingressClass",
        cel: Some(concat!(
            "!",
            auth_mode_is!("mtls"),
            " || !has(self.ingressClass) || self.ingressClass == '' || self.ingressClass == 'traefik'"
        )),
        breach: |spec| {
            let class = text(spec, "/ingressClass");
            let breach = text(spec, "/auth/mode") == "mtls" && !["", "traefik"].contains(&class);
            breach.then(|| class.to_owned())
        },
        message: "auth.mode mtls needs an ingress that hands on the caller's certificate, which only traefik is set up for",
        remedy: "write ingressClass: traefik",
        reason: Reason::Invalid,
    },
    Rule {
        code: "analytics_needs_gateway",
        nodes: &["spec"],
        field: ".analytics",
        cel: Some(concat!(
            "!has(self.analytics) || (has(self.analytics.disabled) && self.analytics.disabled) || ",
            gateway_on!()
        )),
        breach: |spec| {
            let asked = spec.get("analytics").is_some() && !on(spec, "/analytics/disabled");
            missing(asked && !on(spec, "/gateway/enabled"))
        },
        message: "audit events come from the gateway, which is off",
        remedy: "write spec.gateway.enabled: true, or analytics.disabled: true",
        reason: Reason::Forbidden,
    },
    Rule {
        code: "canary_takes_all",
        nodes: &["spec"],
        field: ".rollout.canaryReplicas",
        cel: Some(
            "!has(self.rollout) || !has(self.rollout.strategy) || self.rollout.strategy != 'Canary' || \
             !has(self.rollout.canaryReplicas) || !has(self.replicas) || self.rollout.canaryReplicas < self.replicas",
        ),
        breach: |spec| {
            let canary = number(spec, "/rollout/canaryReplicas")?;
            let all =
                text(spec, "/rollout/strategy") == "Canary" && canary >= number(spec, "/replicas")?;
            all.then(|| canary.to_string())
        },
        message: "the canary's replicas are taken from spec.replicas and must leave some",
        remedy: "write fewer canaryReplicas than replicas, or more replicas",
        reason: Reason::Invalid,
    },
    Rule {
        code: "env_duplicate",
        nodes: &["spec"],
        field: ".secretEnvVars",
        cel: Some(
            "!has(self.envVars) || !has(self.secretEnvVars) || \
             self.secretEnvVars.all(s, !self.envVars.exists(e, e.name == s.name))",
        ),
        breach: |spec| {
            let names = |list: &str| {
                let items = spec.get(list).and_then(serde_json::Value::as_array);
                items.into_iter().flatten().map(|item| text(item, "/name"))
            };
            names("secretEnvVars")
                .find(|name| names("envVars").any(|other| other == *name))
                .map(str::to_owned)
        },
        message: "a variable is both in envVars and in secretEnvVars",
        remedy: "write each variable once",
        reason: Reason::Invalid,
    },
];

/// The mode is `mode` (and the gateway on, where it matters) and the field is empty.
fn lacks(spec: &serde_json::Value, mode: &str, only_with_gateway: bool, field: &str) -> bool {
    text(spec, "/auth/mode") == mode
        && (!only_with_gateway || on(spec, "/gateway/enabled"))
        && text(spec, field).is_empty()
}
