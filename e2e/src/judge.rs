//! Whether a pod may run: what promises say of a governed pod, looked at from outside.
//!
//! Not the injector's own clauses: a judge that shares a mistake with the accused finds nothing.

use crds::names;
use serde_json::Value;

/// What is wrong with a governed pod; empty for one with its proxy, and for a pod that isn't governed.
pub fn flaws(pod: &Value, image: &str) -> Vec<String> {
    let labels = &pod["metadata"]["labels"];
    if labels[names::LABEL_GATEWAY] != names::GATEWAY_REQUIRED {
        return Vec::new();
    }
    let init = items(&pod["spec"]["initContainers"]);
    let is_proxy = |container: &&Value| container["name"] == names::PROXY_CONTAINER;
    let Some(place) = init.iter().position(|container| is_proxy(&container)) else {
        return vec!["no init container mcp-proxy".into()];
    };
    let proxy = &init[place];
    let mut flaws = Vec::new();
    let mut must = |holds: bool, flaw: String| {
        if !holds {
            flaws.push(flaw);
        }
    };
    must(
        init.iter().filter(is_proxy).count() == 1,
        "more than one mcp-proxy".into(),
    );
    must(
        init[..place].iter().all(|c| c["restartPolicy"] == "Always"),
        format!("mcp-proxy in place {place}, after an ordinary init container"),
    );
    must(
        proxy["restartPolicy"] == "Always",
        "no restartPolicy Always".into(),
    );
    must(
        proxy["image"] == image,
        format!("image {}, not {image}", proxy["image"]),
    );
    must(
        proxy["command"] == serde_json::json!(["/mcp-proxy"]) && proxy["args"].is_null(),
        format!("runs {} {}", proxy["command"], proxy["args"]),
    );
    must(
        proxy["securityContext"]["runAsUser"] == names::PROXY_UID,
        format!("user {}", proxy["securityContext"]["runAsUser"]),
    );
    let document = names::policy_config_map(labels[names::LABEL_SERVER].as_str().unwrap_or(""));
    must(
        items(&pod["spec"]["volumes"]).iter().any(|volume| {
            volume["name"] == names::POLICY_VOLUME
                && volume["projected"]["sources"][0]["configMap"]["name"] == document.as_str()
        }),
        format!("no volume of {document}"),
    );
    let ours = [names::DEFAULT_GATEWAY_PORT, names::PROXY_METRICS_PORT];
    let others = items(&pod["spec"]["containers"])
        .iter()
        .chain(init.iter().filter(|container| !is_proxy(container)));
    for container in others {
        must(
            !items(&container["ports"])
                .iter()
                .any(|port| ours.iter().any(|our| port["containerPort"] == *our)),
            format!("container {} on a port of mcp-proxy's", container["name"]),
        );
    }
    flaws.extend(overtaken(pod));
    flaws
}

/// Whether anything in the pod runs, or ever ran.
pub fn runs(pod: &Value) -> bool {
    pod["status"]["phase"] != "Pending"
        || items(&pod["status"]["containerStatuses"])
            .iter()
            .any(|status| status["started"] == true || !status["state"]["running"].is_null())
}

/// A server that started before its proxy.
fn overtaken(pod: &Value) -> Option<String> {
    let statuses = items(&pod["status"]["initContainerStatuses"]);
    let proxy = statuses
        .iter()
        .find(|status| status["name"] == names::PROXY_CONTAINER)
        .filter(|status| status["restartCount"] == 0);
    let started = |status: &Value| {
        status["state"]["running"]["startedAt"]
            .as_str()
            .map(str::to_owned)
    };
    // RFC 3339 in UTC, to the second: texts in the order of time.
    let proxy = started(proxy?);
    items(&pod["status"]["containerStatuses"])
        .iter()
        .find(|status| started(status).is_some_and(|at| proxy.as_ref().is_none_or(|p| at < *p)))
        .map(|status| format!("container {} started before mcp-proxy", status["name"]))
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn intact() -> Value {
        json!({
            "metadata": {"labels": {
                "mcpruntime.org/gateway": "required",
                "mcpruntime.org/server": "weather",
            }},
            "spec": {
                "initContainers": [{
                    "name": "mcp-proxy",
                    "image": "ours",
                    "command": ["/mcp-proxy"],
                    "restartPolicy": "Always",
                    "securityContext": {"runAsUser": 65533},
                }],
                "containers": [{"name": "weather", "ports": [{"containerPort": 8088}]}],
                "volumes": [{
                    "name": "mcp-policy",
                    "projected": {"sources": [{"configMap": {"name": "weather-gateway-policy"}}]},
                }],
            },
            "status": {
                "phase": "Running",
                "initContainerStatuses": [{
                    "name": "mcp-proxy",
                    "restartCount": 0,
                    "state": {"running": {"startedAt": "2026-01-01T00:00:05Z"}},
                }],
                "containerStatuses": [{
                    "name": "weather",
                    "state": {"running": {"startedAt": "2026-01-01T00:00:05Z"}},
                }],
            },
        })
    }

    #[test]
    fn each_way_of_running_without_a_proxy_is_seen() {
        assert_eq!(flaws(&intact(), "ours"), Vec::<String>::new());
        let changes = [
            ("/spec/initContainers", json!([])),
            ("/spec/initContainers/0/restartPolicy", json!(null)),
            ("/spec/initContainers/0/image", json!("theirs")),
            ("/spec/initContainers/0/command", json!(["/bin/true"])),
            (
                "/spec/initContainers/0/securityContext/runAsUser",
                json!(65532),
            ),
            ("/spec/volumes/0/name", json!("policy")),
            ("/spec/containers/0/ports/0/containerPort", json!(8091)),
            (
                "/status/containerStatuses/0/state/running/startedAt",
                json!("2026-01-01T00:00:04Z"),
            ),
        ];
        for (path, value) in changes {
            let mut pod = intact();
            *pod.pointer_mut(path).unwrap() = value;
            assert_eq!(flaws(&pod, "ours").len(), 1, "{path}");
        }
        let mut pod = intact();
        let init = pod["spec"]["initContainers"].as_array_mut().unwrap();
        init.insert(0, json!({"name": "first"}));
        assert_eq!(flaws(&pod, "ours").len(), 1, "{pod}");
        assert!(runs(&pod));
    }
}
