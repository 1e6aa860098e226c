//! Objects that are only ever sent as dry runs, to see whether admission is in force.

use anyhow::{Context as _, bail};
use crds::{MCPServer, Settings, names};
use injector::Injection;
use kube::api::DynamicObject;
use serde_json::{Value, json};

const NAME: &str = "mcp-runtime-probe";

/// A governed pod without proxy, which the intact-proxy policy refuses. It lives in the platform's
/// namespace, which the policy covers and the injecting webhook doesn't.
pub(super) fn bare_pod() -> anyhow::Result<DynamicObject> {
    typed(bare())
}

/// The same pod with the proxy these settings put in, of one of their images: the policy lets each
/// of them through.
pub(super) fn intact_pods(settings: &Settings) -> anyhow::Result<Vec<DynamicObject>> {
    let images = settings.proxy_images.iter();
    images
        .map(|image| {
            intact_pod(&Settings {
                proxy_images: vec![image.clone()],
                ..settings.clone()
            })
        })
        .collect()
}

fn intact_pod(settings: &Settings) -> anyhow::Result<DynamicObject> {
    let object: MCPServer = serde_json::from_value(server())?;
    let server = match crds::parse(&object, settings) {
        Ok(server) => server,
        Err(problems) => bail!("the probe's server: {problems}"),
    };
    let mut pod = bare();
    match injector::inject(&pod, &server, settings).context("injecting the probe's pod")? {
        Injection::Patch { ops, .. } => json_patch::patch(&mut pod, &ops)?,
        other => bail!("the probe's pod wasn't injected: {:?}", other.code()),
    }
    typed(pod)
}

/// A server that lacks what only `/default` fills in.
pub(super) fn undefaulted_server() -> anyhow::Result<DynamicObject> {
    typed(server())
}

fn typed(value: Value) -> anyhow::Result<DynamicObject> {
    Ok(serde_json::from_value(value)?)
}

fn server() -> Value {
    json!({
        "apiVersion": format!("{}/{}", names::GROUP, names::VERSION),
        "kind": "MCPServer",
        "metadata": {"name": NAME, "namespace": names::PLATFORM_NAMESPACE},
        "spec": {"image": "probe.invalid/probe", "gateway": {"enabled": true}},
    })
}

fn bare() -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": NAME,
            "namespace": names::PLATFORM_NAMESPACE,
            "labels": {names::LABEL_SERVER: NAME, names::LABEL_GATEWAY: names::GATEWAY_REQUIRED},
        },
        "spec": {
            "automountServiceAccountToken": false,
            "securityContext": {
                "runAsNonRoot": true,
                "runAsUser": names::WORKLOAD_UID,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [{
                "name": "server",
                "image": "probe.invalid/probe",
                "securityContext": {
                    "allowPrivilegeEscalation": false,
                    "capabilities": {"drop": ["ALL"]},
                },
            }],
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_intact_probes_are_intact_whichever_image_they_have() {
        let settings = Settings {
            proxy_images: vec!["mcp-runtime:v2".into(), "mcp-runtime:v1".into()],
            ..Settings::default()
        };
        let pods = intact_pods(&settings).unwrap();
        assert_eq!(pods.len(), 2);
        for pod in pods {
            let pod = serde_json::to_value(pod).unwrap();
            let breaches = injector::intact::check_clauses(
                &pod,
                names::PLATFORM_NAMESPACE,
                &settings.proxy_images,
            );
            assert!(breaches.is_empty(), "{breaches:?}");
        }
        let bare = serde_json::to_value(bare_pod().unwrap()).unwrap();
        let breaches = injector::intact::check_clauses(
            &bare,
            names::PLATFORM_NAMESPACE,
            &settings.proxy_images,
        );
        assert!(!breaches.is_empty());
    }
}
