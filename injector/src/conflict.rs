//! What a pod can't have beside a proxy, each with what to do instead.

use crds::{Gateway, names};
use serde_json::Value;

use crate::code::{Code, Denial};
use crate::intact::Facts;
use crate::json::{annotation, at, flag, list, number, text};

/// Annotation of the API object that stands for a pod from a file on a node.
const MIRROR: &str = "kubernetes.io/config.mirror";

/// What holds of the pod whether it has a proxy already or not.
pub(crate) fn of_pod(pod: &Value) -> Option<Denial> {
    let shares = [
        (
            Code::HostNetwork,
            "hostNetwork",
            "the server would be reached on the node's address, past the proxy",
        ),
        (
            Code::HostPID,
            "hostPID",
            "the server could see and end proxies of the node",
        ),
        (
            Code::HostIPC,
            "hostIPC",
            "the server would share memory with other pods",
        ),
        (
            Code::SharedProcessNamespace,
            "shareProcessNamespace",
            "the server could see and end its own proxy",
        ),
    ];
    for (code, name, why) in shares {
        if flag(pod, &["spec", name]) {
            return Some(Denial::new(
                code,
                format!("spec.{name}"),
                format!("true in a governed pod: {why}"),
                "leave it out",
            ));
        }
    }
    let os = text(pod, &["spec", "os", "name"]);
    if !matches!(os, "" | "linux") {
        return Some(Denial::new(
            Code::UnsupportedOS,
            "spec.os.name",
            format!("{os:?}: the proxy runs on Linux"),
            "use linux",
        ));
    }
    annotation(pod, MIRROR).map(|_| {
        Denial::new(
            Code::MirrorPod,
            "metadata.annotations",
            "a static pod can't be governed: the kubelet runs it whatever is answered here",
            "run the server as a Deployment, or take the labels off the file on the node",
        )
    })
}

/// What keeps the proxy from being put into the pod; `others` are the pod's containers.
pub(crate) fn with_proxy(pod: &Value, gateway: &Gateway) -> Option<Denial> {
    let facts = Facts::of(pod, "", &[]);
    facts
        .others()
        .find_map(|container| port(&facts, container, gateway))
        .or_else(|| user(pod, &facts))
}

/// The container's path in the pod.
fn path_of(facts: &Facts<'_>, container: &Value) -> String {
    let init = facts
        .init()
        .iter()
        .any(|init| std::ptr::eq(init, container));
    let list = if init { "initContainers" } else { "containers" };
    format!("spec.{list}[{}]", text(container, &["name"]))
}

fn port(facts: &Facts<'_>, container: &Value, gateway: &Gateway) -> Option<Denial> {
    let name = text(container, &["name"]);
    let taken = [
        (names::PROXY_PORT_NAME, gateway.port),
        (names::PROXY_METRICS_PORT_NAME, names::PROXY_METRICS_PORT),
    ];
    let clash = list(container, &["ports"]).iter().find_map(|port| {
        let number = number(port, &["containerPort"]).unwrap_or_default();
        let port_name = text(port, &["name"]);
        let ours = |(name, port): &&(&str, i32)| port_name == *name || number == i64::from(*port);
        taken
            .iter()
            .find(ours)
            .map(|ours| (port_name, number, ours))
    });
    clash.map(|(port_name, number, (our_name, our_number))| {
        Denial::new(
            Code::PortConflict,
            format!("{}.ports", path_of(facts, container)),
            format!("port {number} ({port_name:?}) is the proxy's, {our_number} ({our_name:?})"),
            format!(
                "give container {name} another port and port name, or set spec.gateway.port on the MCPServer"
            ),
        )
    })
}

fn user(pod: &Value, facts: &Facts<'_>) -> Option<Denial> {
    let path = ["securityContext", "runAsUser"];
    let is_ours = |value: &Value| number(value, &path) == Some(names::PROXY_UID);
    let field = if at(pod, &["spec"]).is_some_and(is_ours) {
        "spec.securityContext.runAsUser".to_owned()
    } else {
        let container = facts.others().find(|container| is_ours(container))?;
        format!("{}.securityContext.runAsUser", path_of(facts, container))
    };
    Some(Denial::new(
        Code::UserConflict,
        field,
        format!("{} is the proxy's user", names::PROXY_UID),
        "run the server as another user",
    ))
}

/// A volume that has the name of one of ours and isn't it.
pub(crate) fn volume(name: &str) -> Denial {
    Denial::new(
        Code::VolumeConflict,
        format!("spec.volumes[{name}]"),
        "a volume of this name is the proxy's and is put in by the injector",
        "give yours another name",
    )
}

/// The pod's volumes of this name; the API server lets a pod have one.
pub(crate) fn volumes_named<'a>(pod: &'a Value, name: &str) -> Vec<&'a Value> {
    Facts::of(pod, "", &[]).volumes(name)
}
