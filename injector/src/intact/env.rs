//! Clauses about the proxy's variables: a proxy that takes others could be told to observe only,
//! to read another document, or to be another server.

use crds::{LOOPBACK_URL, is_loopback_url, names};
use serde_json::Value;

use super::{Clause, Facts};
use crate::json::{at, list, text};

/// Every name a proxy's container may set.
const NAMES: [&str; 13] = [
    "POLICY_FILE",
    "UPSTREAM_URL",
    "PORT",
    "METRICS_PORT",
    "MCP_SERVER_NAME",
    "MCP_SERVER_NAMESPACE",
    "MCP_CLUSTER_NAME",
    "STRIP_PREFIX",
    "EXTERNAL_BASE_URL",
    "ANALYTICS_INGEST_URL",
    "ANALYTICS_SOURCE",
    "ANALYTICS_EVENT_TYPE",
    API_KEY,
];
/// The one that comes from a Secret.
const API_KEY: &str = "ANALYTICS_API_KEY";

pub(super) fn clauses() -> Vec<Clause> {
    let known: Vec<String> = NAMES.iter().map(|name| format!("'{name}'")).collect();
    vec![
        Clause {
            name: "env-names",
            field: "spec.initContainers[mcp-proxy].env",
            message: "mcp-proxy has a variable that isn't one of its own; the policy document says the rest",
            cel: format!("variables.env.all(e, e.name in [{}])", known.join(", ")),
            holds: |facts| {
                let known = |env: &Value| NAMES.contains(&text(env, &["name"]));
                facts.env().iter().all(known)
            },
        },
        Clause {
            name: "env-once",
            field: "spec.initContainers[mcp-proxy].env",
            message: "mcp-proxy has a variable twice; the last one would count",
            cel: "variables.env.all(e, variables.env.exists_one(o, o.name == e.name))".into(),
            holds: |facts| {
                let same = |name: &str| {
                    let same = |env: &&Value| text(env, &["name"]) == name;
                    facts.env().iter().filter(same).count()
                };
                facts
                    .env()
                    .iter()
                    .all(|env| same(text(env, &["name"])) == 1)
            },
        },
        Clause {
            name: "env-literal",
            field: "spec.initContainers[mcp-proxy].env",
            message: "mcp-proxy's variables have literal values; ANALYTICS_API_KEY alone comes from a Secret",
            cel: format!(
                "variables.env.all(e, e.name == '{API_KEY}' ? has(e.valueFrom) && has(e.valueFrom.secretKeyRef) \
                 : !has(e.valueFrom))"
            ),
            holds: |facts| facts.env().iter().all(literal),
        },
        Clause {
            name: "env-from",
            field: "spec.initContainers[mcp-proxy].envFrom",
            message: "mcp-proxy takes no variables from ConfigMaps or Secrets as a whole",
            cel: "variables.proxies.all(c, c.?envFrom.orValue([]).size() == 0)".into(),
            holds: |facts| facts.all(|c| list(c, &["envFrom"]).is_empty()),
        },
        document(),
        upstream(),
        identity(),
        listens(),
    ]
}

/// `variables.env` has `name`, once, with a value for which `condition` on `v` holds.
fn has(name: &str, condition: &str) -> String {
    let value = condition.replace("VALUE", "e.?value.orValue('')");
    format!("variables.env.exists(e, e.name == '{name}' && {value})")
}

/// Clauses on values hold where there is no proxy: that is said by another one.
fn given_a_proxy(cel: &str) -> String {
    format!("variables.proxies.size() != 1 || ({cel})")
}

fn with_a_proxy(facts: &Facts<'_>, holds: impl FnOnce() -> bool) -> bool {
    facts.proxies().len() != 1 || holds()
}

fn document() -> Clause {
    Clause {
        name: "env-document",
        field: "spec.initContainers[mcp-proxy].env",
        message: "mcp-proxy's POLICY_FILE is /var/run/mcp-runtime/policy/policy.json",
        cel: given_a_proxy(&has(
            "POLICY_FILE",
            &format!("VALUE == '{}'", policy_file()),
        )),
        holds: |facts| {
            with_a_proxy(facts, || {
                facts.literal("POLICY_FILE") == Some(policy_file().as_str())
            })
        },
    }
}

fn policy_file() -> String {
    format!("{}/{}", names::POLICY_MOUNT, names::POLICY_KEY)
}

fn upstream() -> Clause {
    Clause {
        name: "env-upstream",
        field: "spec.initContainers[mcp-proxy].env",
        message: "mcp-proxy's UPSTREAM_URL is http on a loopback address: the server is in its own pod",
        cel: given_a_proxy(&has(
            "UPSTREAM_URL",
            &format!("VALUE.matches({LOOPBACK_URL})"),
        )),
        holds: |facts| {
            with_a_proxy(facts, || {
                facts.literal("UPSTREAM_URL").is_some_and(is_loopback_url)
            })
        },
    }
}

fn identity() -> Clause {
    Clause {
        name: "env-identity",
        field: "spec.initContainers[mcp-proxy].env",
        message: "mcp-proxy's MCP_SERVER_NAME and MCP_SERVER_NAMESPACE are the pod's label mcpruntime.org/server and namespace",
        cel: given_a_proxy(&format!(
            "{} && {}",
            has("MCP_SERVER_NAME", "VALUE == variables.server"),
            has("MCP_SERVER_NAMESPACE", "VALUE == request.namespace")
        )),
        holds: |facts| {
            with_a_proxy(facts, || {
                facts.literal("MCP_SERVER_NAME") == Some(facts.server())
                    && facts.literal("MCP_SERVER_NAMESPACE") == Some(facts.namespace)
            })
        },
    }
}

fn listens() -> Clause {
    Clause {
        name: "env-ports",
        field: "spec.initContainers[mcp-proxy].env",
        message: "mcp-proxy's PORT is the number of its port mcp-proxy, METRICS_PORT is 9103",
        cel: given_a_proxy(&format!(
            "{} && {}",
            has(
                "PORT",
                "variables.gatewayPorts.exists(g, VALUE == string(g))"
            ),
            has(
                "METRICS_PORT",
                &format!("VALUE == '{}'", names::PROXY_METRICS_PORT)
            )
        )),
        holds: |facts| {
            with_a_proxy(facts, || {
                let metrics = names::PROXY_METRICS_PORT.to_string();
                let gateway = facts.gateway_ports();
                facts.literal("METRICS_PORT") == Some(metrics.as_str())
                    && gateway
                        .iter()
                        .any(|port| facts.literal("PORT") == Some(port.to_string().as_str()))
            })
        },
    }
}

fn literal(env: &Value) -> bool {
    let from = at(env, &["valueFrom"]);
    if text(env, &["name"]) == API_KEY {
        return from.is_some_and(|from| at(from, &["secretKeyRef"]).is_some());
    }
    from.is_none()
}
