//! Rules about the route and the way through the gateway.

use super::{Reason, Rule, number, text, unless};
use crate::text as shape;

macro_rules! port_pattern {
    () => {
        "(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3})"
    };
}

macro_rules! octet_pattern {
    () => {
        "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
    };
}

/// Parts of an annotation's key that say its value is configuration which the ingress controller runs.
const CODE_KEYS: &[&str] = &["snippet", "/config-", "/lua"];

macro_rules! loopback_url {
    () => {
        concat!(
            "'^http://(localhost|127([.]",
            octet_pattern!(),
            "){3}|\\\\[::1\\\\])(:",
            port_pattern!(),
            ")?(/[!-~]*)?$'"
        )
    };
}

/// The URLs that [`is_loopback_url`](crate::is_loopback_url) knows, as a regular expression in a CEL literal.
pub const LOOPBACK_URL: &str = loopback_url!();

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "host_invalid",
        nodes: &["spec.ingressHost"],
        field: "",
        cel: Some(
            "self == '' || self.matches('^([*][.])?[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')",
        ),
        breach: |node| unless(node, shape::is_host),
        message: "that isn't a DNS name in lower case; scheme and port don't belong to it",
        remedy: "write a host such as mcp.example.com",
        reason: Reason::Invalid,
    },
    Rule {
        code: "prefix_empty",
        nodes: &["spec.publicPathPrefix"],
        field: "",
        cel: Some("self == '' || !self.matches('^/+$')"),
        breach: |node| unless(node, |text| !text.chars().all(|c| c == '/')),
        message: "publicPathPrefix must contain a character other than '/'",
        remedy: "write a prefix such as payments, or leave it out for the server's name",
        reason: Reason::Invalid,
    },
    Rule {
        code: "path_not_safe",
        nodes: &[
            "spec.ingressPath",
            "spec.publicPathPrefix",
            "spec.gateway.stripPrefix",
        ],
        field: "",
        cel: Some(
            "self == '' || (self.matches('^/?([A-Za-z0-9._~-]+/)*([A-Za-z0-9._~-]+)?$') && \
             !self.matches('(^|/)[.]{1,2}(/|$)'))",
        ),
        breach: |node| unless(node, shape::is_path),
        message: "a path has segments of letters, digits and -._~ between single slashes, none of them '.' or '..'",
        remedy: "write a path such as /payments",
        reason: Reason::Invalid,
    },
    Rule {
        code: "class_invalid",
        nodes: &["spec.ingressClass"],
        field: "",
        cel: Some(
            "self == '' || self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')",
        ),
        breach: |node| unless(node, shape::is_subdomain),
        message: "that can't be the name of an IngressClass",
        remedy: "write one of those that kubectl get ingressclass shows, such as traefik",
        reason: Reason::Invalid,
    },
    Rule {
        code: "annotation_has_code",
        nodes: &["spec.ingressAnnotations"],
        field: "",
        // Keys of a map have no bound in the schema, so the API server counts them as too costly to look at.
        cel: None,
        breach: |node| {
            let carries_code = |(key, value): &(&String, &serde_json::Value)| {
                let key = key.to_ascii_lowercase();
                // Controllers write values into lines of their configuration; a second line would be a directive.
                let lines = value
                    .as_str()
                    .is_some_and(|value| value.contains(['\n', '\r']));
                lines || CODE_KEYS.iter().any(|code| key.contains(code))
            };
            node.as_object()?
                .iter()
                .find(carries_code)
                .map(|(key, _)| key.clone())
        },
        message: "this annotation's value is configuration that the ingress controller would run for every team",
        remedy: "leave it out; ask for what it does as a field, or have the controller's owner set it",
        reason: Reason::Forbidden,
    },
    Rule {
        code: "annotation_invalid",
        nodes: &["spec.ingressAnnotations"],
        field: "",
        cel: None,
        breach: |node| {
            node.as_object()?
                .keys()
                .find(|key| !is_annotation(key))
                .cloned()
        },
        message: "that isn't an annotation's key",
        remedy: "write a key such as traefik.ingress.kubernetes.io/router.entrypoints",
        reason: Reason::Invalid,
    },
    Rule {
        code: "upstream_not_loopback",
        nodes: &["spec.gateway.upstreamURL"],
        field: "",
        cel: Some(concat!("self == '' || self.matches(", loopback_url!(), ")")),
        breach: |node| unless(node, shape::is_loopback_url),
        message: "the gateway sends requests only to its own pod",
        remedy: "write http on a loopback address, such as http://127.0.0.1:8088, or leave it out",
        reason: Reason::Invalid,
    },
    Rule {
        code: "upstream_is_gateway",
        nodes: &["spec.gateway"],
        field: ".upstreamURL",
        cel: Some(
            "!has(self.upstreamURL) || !has(self.port) || !isURL(self.upstreamURL) || \
             url(self.upstreamURL).getPort() == '' || int(url(self.upstreamURL).getPort()) != self.port",
        ),
        breach: |gateway| {
            let url = text(gateway, "/upstreamURL");
            let port = shape::loopback_port(url)?;
            let named = url
                .trim_start_matches("http://")
                .trim_start_matches("[::1]")
                .contains(':');
            (named && number(gateway, "/port") == Some(i64::from(port))).then(|| url.to_owned())
        },
        message: "the gateway would send every request to itself",
        remedy: "write the server's port into upstreamURL, or another gateway.port",
        reason: Reason::Invalid,
    },
];

/// A qualified name: an optional DNS prefix, a slash, and a name of at most 63 characters.
fn is_annotation(key: &str) -> bool {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    let inner = |c: char| c.is_ascii_alphanumeric();
    prefix.is_none_or(|prefix| prefix.len() <= 253 && shape::is_subdomain(prefix))
        && name.len() <= 63
        && name.starts_with(inner)
        && name.ends_with(inner)
        && name.chars().all(|c| inner(c) || "-._".contains(c))
}
