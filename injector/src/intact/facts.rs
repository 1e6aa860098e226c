//! What the clauses look at, found once; each has its counterpart in CEL.

use crds::names;
use serde_json::Value;

use crate::json::{list, number, server_label, text};

/// The parts of one pod that clauses speak of.
#[derive(Debug)]
pub struct Facts<'a> {
    pub(super) pod: &'a Value,
    pub(super) namespace: &'a str,
    pub(super) images: &'a [String],
}

/// Name and CEL of each part.
pub(super) fn variables() -> Vec<(&'static str, String)> {
    let proxy = names::PROXY_CONTAINER;
    let port = names::PROXY_PORT_NAME;
    let volume =
        |name: &str| format!("object.spec.?volumes.orValue([]).filter(v, v.name == '{name}')");
    // Parts of the proxy are empty unless there is exactly one, which is a clause of its own.
    let part = |name: &str| {
        format!("variables.proxies.size() == 1 ? variables.proxies[0].?{name}.orValue([]) : []")
    };
    vec![
        (
            "server",
            format!(
                "object.metadata.?labels[?'{}'].orValue('')",
                names::LABEL_SERVER
            ),
        ),
        ("init", "object.spec.?initContainers.orValue([])".into()),
        (
            "proxies",
            format!("variables.init.filter(c, c.name == '{proxy}')"),
        ),
        ("env", part("env")),
        ("mounts", part("volumeMounts")),
        ("ports", part("ports")),
        (
            "gatewayPorts",
            format!(
                "variables.ports.filter(p, p.?name.orValue('') == '{port}').map(p, p.containerPort)"
            ),
        ),
        ("policyVolumes", volume(names::POLICY_VOLUME)),
        (
            "sources",
            "variables.policyVolumes.size() == 1 \
             ? variables.policyVolumes[0].?projected.?sources.orValue([]) : []"
                .into(),
        ),
        ("tokenVolumes", volume(names::TOKENS_VOLUME)),
    ]
}

impl<'a> Facts<'a> {
    pub(crate) fn of(pod: &'a Value, namespace: &'a str, images: &'a [String]) -> Self {
        Self {
            pod,
            namespace,
            images,
        }
    }

    pub(super) fn server(&self) -> &'a str {
        server_label(self.pod)
    }

    pub(crate) fn init(&self) -> &'a [Value] {
        list(self.pod, &["spec", "initContainers"])
    }

    pub(super) fn containers(&self) -> &'a [Value] {
        list(self.pod, &["spec", "containers"])
    }

    pub(super) fn proxies(&self) -> Vec<&'a Value> {
        self.init().iter().filter(|c| is_proxy(c)).collect()
    }

    /// Every container that isn't the proxy.
    pub(crate) fn others(&self) -> impl Iterator<Item = &'a Value> {
        let init = self.init().iter().filter(|c| !is_proxy(c));
        self.containers().iter().chain(init)
    }

    /// Whether `holds` of every container with the proxy's name.
    pub(super) fn all(&self, holds: impl Fn(&'a Value) -> bool) -> bool {
        self.init().iter().filter(|c| is_proxy(c)).all(holds)
    }

    fn part(&self, name: &str) -> &'a [Value] {
        match self.proxies().as_slice() {
            [proxy] => list(proxy, &[name]),
            _ => &[],
        }
    }

    pub(crate) fn env(&self) -> &'a [Value] {
        self.part("env")
    }

    pub(super) fn mounts(&self) -> &'a [Value] {
        self.part("volumeMounts")
    }

    pub(super) fn ports(&self) -> &'a [Value] {
        self.part("ports")
    }

    pub(super) fn gateway_ports(&self) -> Vec<i64> {
        self.ports()
            .iter()
            .filter(|port| text(port, &["name"]) == names::PROXY_PORT_NAME)
            .filter_map(|port| number(port, &["containerPort"]))
            .collect()
    }

    /// Volumes with a name; the API server lets a pod have only one.
    pub(crate) fn volumes(&self, name: &str) -> Vec<&'a Value> {
        list(self.pod, &["spec", "volumes"])
            .iter()
            .filter(|volume| text(volume, &["name"]) == name)
            .collect()
    }

    /// The value of a variable that is there exactly once, literally.
    pub(super) fn literal(&self, name: &str) -> Option<&'a str> {
        let mut found = self.env().iter().filter(|env| text(env, &["name"]) == name);
        match (found.next(), found.next()) {
            (Some(env), None) => env.get("value").and_then(Value::as_str),
            _ => None,
        }
    }
}

pub(crate) fn is_proxy(container: &Value) -> bool {
    text(container, &["name"]) == names::PROXY_CONTAINER
}
