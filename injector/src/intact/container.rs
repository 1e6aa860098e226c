//! Clauses about the proxy's container.

use crds::names;
use serde_json::Value;

use super::{Clause, Facts, PROXY, facts::is_proxy};
use crate::json::{at, flag, list, number, text, texts};
use crate::sidecar::{COMMAND, DRAIN, LIVE, READY};

pub(super) fn clauses() -> Vec<Clause> {
    vec![
        Clause {
            name: "restart-policy",
            field: "spec.initContainers[mcp-proxy].restartPolicy",
            message: "mcp-proxy has lost restartPolicy Always; \
                      a mutating webhook older than native sidecars drops it: update that webhook",
            cel: "variables.proxies.all(c, c.?restartPolicy.orValue('') == 'Always')".into(),
            holds: |facts| facts.all(is_sidecar),
        },
        Clause {
            name: "place",
            field: "spec.initContainers",
            message: "an init container comes before mcp-proxy and would run ungoverned; \
                      only native sidecars may come before it",
            cel: format!(
                "variables.init.filter(c, c.?restartPolicy.orValue('') != 'Always').all(c, \
                 variables.init.map(i, i.name).indexOf('{PROXY}') \
                 < variables.init.map(i, i.name).indexOf(c.name) || c.name == '{PROXY}')"
            ),
            holds: in_place,
        },
        Clause {
            name: "image",
            field: "spec.initContainers[mcp-proxy].image",
            message: "mcp-proxy's image isn't one of the platform's (proxyImages in ConfigMap mcp-runtime-settings)",
            cel: "variables.proxies.all(c, c.image in variables.images)".into(),
            holds: |facts| {
                facts.all(|c| {
                    facts
                        .images
                        .iter()
                        .any(|image| image == text(c, &["image"]))
                })
            },
        },
        Clause {
            name: "command",
            field: "spec.initContainers[mcp-proxy].command",
            message: "mcp-proxy runs /mcp-proxy without arguments",
            cel: format!(
                "variables.proxies.all(c, c.?command.orValue([]) == ['{COMMAND}'] \
                 && c.?args.orValue([]).size() == 0)"
            ),
            holds: |facts| {
                facts.all(|c| texts(c, &["command"]) == [COMMAND] && list(c, &["args"]).is_empty())
            },
        },
        ports(),
        Clause {
            name: "lifecycle",
            field: "spec.initContainers[mcp-proxy].lifecycle",
            message: "mcp-proxy has no lifecycle hook but preStop exec [/mcp-proxy, drain]",
            cel: format!(
                "variables.proxies.all(c, !has(c.lifecycle) \
                 || c.lifecycle.?preStop.?exec.?command.orValue([]) == ['{COMMAND}', '{DRAIN}'] \
                 && !has(c.lifecycle.postStart) && !has(c.lifecycle.stopSignal))"
            ),
            holds: |facts| facts.all(lifecycle),
        },
        Clause {
            name: "probes",
            field: "spec.initContainers[mcp-proxy].readinessProbe",
            message: "mcp-proxy's probes are httpGet on its own port 9103: /live at startup and for liveness, /ready for readiness",
            cel: format!(
                "variables.proxies.all(c, {} && {} && {})",
                probe_cel("startupProbe", LIVE),
                probe_cel("readinessProbe", READY),
                probe_cel("livenessProbe", LIVE)
            ),
            holds: |facts| {
                facts.all(|c| {
                    probe(c, "startupProbe", LIVE)
                        && probe(c, "readinessProbe", READY)
                        && probe(c, "livenessProbe", LIVE)
                })
            },
        },
        Clause {
            name: "security-context",
            field: "spec.initContainers[mcp-proxy].securityContext",
            message: "mcp-proxy runs as user 65533 with a read-only root, no privileges and no capabilities",
            cel: format!(
                "variables.proxies.all(c, c.?securityContext.?runAsUser.orValue(0) == {} \
                 && c.?securityContext.?runAsNonRoot.orValue(false) \
                 && c.?securityContext.?readOnlyRootFilesystem.orValue(false) \
                 && !c.?securityContext.?allowPrivilegeEscalation.orValue(true) \
                 && !c.?securityContext.?privileged.orValue(false) \
                 && c.?securityContext.?capabilities.?drop.orValue([]) == ['ALL'] \
                 && c.?securityContext.?capabilities.?add.orValue([]).size() == 0)",
                names::PROXY_UID
            ),
            holds: |facts| facts.all(security_context),
        },
    ]
}

fn ports() -> Clause {
    Clause {
        name: "ports",
        field: "spec.initContainers[mcp-proxy].ports",
        message: "mcp-proxy has two TCP ports, mcp-proxy and mcp-metrics (9103), none of them a host port",
        cel: format!(
            "variables.proxies.size() != 1 || (variables.ports.size() == 2 \
             && variables.gatewayPorts.size() == 1 && variables.gatewayPorts[0] != {1} \
             && variables.ports.exists(p, p.?name.orValue('') == '{0}' && p.containerPort == {1}) \
             && variables.ports.all(p, p.?protocol.orValue('TCP') == 'TCP' && p.?hostPort.orValue(0) == 0))",
            names::PROXY_METRICS_PORT_NAME,
            names::PROXY_METRICS_PORT
        ),
        holds: |facts| {
            let metrics = i64::from(names::PROXY_METRICS_PORT);
            let is_metrics = |port: &Value| {
                text(port, &["name"]) == names::PROXY_METRICS_PORT_NAME
                    && number(port, &["containerPort"]) == Some(metrics)
            };
            let is_plain = |port: &Value| {
                matches!(text(port, &["protocol"]), "" | "TCP")
                    && number(port, &["hostPort"]).unwrap_or_default() == 0
            };
            let ports = facts.ports();
            facts.proxies().len() != 1
                || (ports.len() == 2
                    && matches!(facts.gateway_ports().as_slice(), [port] if *port != metrics)
                    && ports.iter().any(is_metrics)
                    && ports.iter().all(is_plain))
        },
    }
}

pub(crate) fn is_sidecar(container: &Value) -> bool {
    text(container, &["restartPolicy"]) == "Always"
}

fn in_place(facts: &Facts<'_>) -> bool {
    let before = facts.init().iter().take_while(|c| !is_proxy(c));
    facts.proxies().is_empty() || before.into_iter().all(is_sidecar)
}

fn lifecycle(container: &Value) -> bool {
    at(container, &["lifecycle"]).is_none_or(|lifecycle| {
        texts(lifecycle, &["preStop", "exec", "command"]) == [COMMAND, DRAIN]
            && at(lifecycle, &["postStart"]).is_none()
            && at(lifecycle, &["stopSignal"]).is_none()
    })
}

fn probe_cel(name: &str, path: &str) -> String {
    format!(
        "c.?{name}.?httpGet.?path.orValue('') == '{path}' \
         && c.?{name}.?httpGet.?port.orValue(0) == {} \
         && c.?{name}.?httpGet.?host.orValue('') == ''",
        names::PROXY_METRICS_PORT
    )
}

fn probe(container: &Value, name: &str, path: &str) -> bool {
    text(container, &[name, "httpGet", "path"]) == path
        && number(container, &[name, "httpGet", "port"]) == Some(names::PROXY_METRICS_PORT.into())
        && text(container, &[name, "httpGet", "host"]).is_empty()
}

fn security_context(container: &Value) -> bool {
    let Some(context) = at(container, &["securityContext"]) else {
        return false;
    };
    number(context, &["runAsUser"]) == Some(names::PROXY_UID)
        && flag(context, &["runAsNonRoot"])
        && flag(context, &["readOnlyRootFilesystem"])
        && at(context, &["allowPrivilegeEscalation"]) == Some(&Value::Bool(false))
        && !flag(context, &["privileged"])
        && texts(context, &["capabilities", "drop"]) == ["ALL"]
        && list(context, &["capabilities", "add"]).is_empty()
}
