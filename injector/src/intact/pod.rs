//! Clauses about the pod around the proxy.

use crds::names;

use super::{Clause, facts::is_proxy};
use crate::json::{flag, list, number, text};

/// Whether there is a proxy at all; first, since the other clauses hold where there is none.
pub(super) fn presence() -> Vec<Clause> {
    vec![
        Clause {
            name: "names-its-server",
            field: "metadata.labels[mcpruntime.org/server]",
            message: "a governed pod names its MCPServer in label mcpruntime.org/server",
            cel: "variables.server != ''".into(),
            holds: |facts| !facts.server().is_empty(),
        },
        Clause {
            name: "one-proxy",
            field: "spec.initContainers",
            message: "a governed pod has one init container mcp-proxy, put in by inject.mcpruntime.org: \
                      it wasn't called or its work was undone; create the pod again when the webhook answers",
            cel: "variables.proxies.size() == 1 \
                  && !object.spec.containers.exists(c, c.name == 'mcp-proxy')"
                .into(),
            holds: |facts| facts.proxies().len() == 1 && !facts.containers().iter().any(is_proxy),
        },
    ]
}

pub(super) fn clauses() -> Vec<Clause> {
    vec![others_ports(), others_users()]
}

fn others_ports() -> Clause {
    Clause {
        name: "ports-are-the-proxys",
        field: "spec.containers[*].ports",
        message: "another container declares a port or port name of mcp-proxy; \
                  the gateway's port, 9103, and the names mcp-proxy and mcp-metrics are the proxy's",
        cel: format!(
            "[dyn(object.spec.containers), dyn(variables.init.filter(c, c.name != 'mcp-proxy'))].all(l, l.all(c, \
             c.?ports.orValue([]).all(p, !(p.?name.orValue('') in ['{}', '{}']) \
             && p.containerPort != {} && !(p.containerPort in variables.gatewayPorts))))",
            names::PROXY_PORT_NAME,
            names::PROXY_METRICS_PORT_NAME,
            names::PROXY_METRICS_PORT
        ),
        holds: |facts| {
            let gateway = facts.gateway_ports();
            facts
                .others()
                .flat_map(|c| list(c, &["ports"]))
                .all(|port| {
                    let name = text(port, &["name"]);
                    let number = number(port, &["containerPort"]).unwrap_or_default();
                    name != names::PROXY_PORT_NAME
                        && name != names::PROXY_METRICS_PORT_NAME
                        && number != i64::from(names::PROXY_METRICS_PORT)
                        && !gateway.contains(&number)
                })
        },
    }
}

fn others_users() -> Clause {
    Clause {
        name: "user-is-the-proxys",
        field: "spec.containers[*].securityContext.runAsUser",
        message: "user 65533 is mcp-proxy's alone; run the other containers as another user",
        cel: format!(
            "object.spec.?securityContext.?runAsUser.orValue(0) != {0} \
             && [dyn(object.spec.containers), dyn(variables.init.filter(c, c.name != 'mcp-proxy'))].all(l, \
             l.all(c, c.?securityContext.?runAsUser.orValue(0) != {0}))",
            names::PROXY_UID
        ),
        holds: |facts| {
            let path = ["securityContext", "runAsUser"];
            number(facts.pod, &["spec", "securityContext", "runAsUser"]) != Some(names::PROXY_UID)
                && facts
                    .others()
                    .all(|c| number(c, &path) != Some(names::PROXY_UID))
        },
    }
}

/// What a pod shares with its node or among its containers. Before the container's clauses: on the
/// host's network the API server makes host ports of the proxy's ports, which isn't the point.
pub(super) fn host() -> Vec<Clause> {
    vec![
        Clause {
            name: "no-host-network",
            field: "spec.hostNetwork",
            message: "hostNetwork puts the server on the node's network, past mcp-proxy; leave it out",
            cel: "!object.spec.?hostNetwork.orValue(false)".into(),
            holds: |facts| !flag(facts.pod, &["spec", "hostNetwork"]),
        },
        Clause {
            name: "no-host-pid",
            field: "spec.hostPID",
            message: "hostPID lets the server see and end processes of other pods, proxies too; leave it out",
            cel: "!object.spec.?hostPID.orValue(false)".into(),
            holds: |facts| !flag(facts.pod, &["spec", "hostPID"]),
        },
        Clause {
            name: "no-host-ipc",
            field: "spec.hostIPC",
            message: "hostIPC shares memory with other pods of the node; leave it out",
            cel: "!object.spec.?hostIPC.orValue(false)".into(),
            holds: |facts| !flag(facts.pod, &["spec", "hostIPC"]),
        },
        Clause {
            name: "no-shared-process-namespace",
            field: "spec.shareProcessNamespace",
            message: "shareProcessNamespace lets the server see and end mcp-proxy; leave it out",
            cel: "!object.spec.?shareProcessNamespace.orValue(false)".into(),
            holds: |facts| !flag(facts.pod, &["spec", "shareProcessNamespace"]),
        },
    ]
}
