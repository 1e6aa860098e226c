//! `mcp-runtime-intact-proxy-update`: what can't change about a governed pod once it is there.
//!
//! Transitions only. A pod that was admitted is never refused for what it was: with the clauses of
//! creation every old pod would refuse each annotation, finalizer and status after an upgrade,
//! revocation's touch among them.

use crds::{Settings, names};
use injector::intact;
use k8s_openapi::api::admissionregistration::v1::ValidatingAdmissionPolicy;

use super::governed;
use super::policy::{Policy, build};

pub(super) fn policy(settings: &Settings) -> ValidatingAdmissionPolicy {
    let proxies = |object: &str| {
        format!(
            "{object}.spec.?initContainers.orValue([]).filter(c, c.name == '{}')",
            names::PROXY_CONTAINER
        )
    };
    let images = intact::variables(&settings.proxy_images)
        .into_iter()
        .filter(|(name, _)| *name == "images");
    let mut variables: Vec<_> = images.collect();
    variables.push(("proxies", proxies("object")));
    variables.push(("oldProxies", proxies("oldObject")));
    build(Policy {
        name: names::INTACT_PROXY_UPDATE_POLICY,
        // Labels can be changed through a pod's status too.
        resources: vec!["pods", "pods/status"],
        operations: vec!["UPDATE"],
        objects: Some(governed()),
        variables,
        validations: vec![
            label(names::LABEL_GATEWAY),
            label(names::LABEL_SERVER),
            (
                "variables.proxies.all(c, c.image in variables.images \
                 || variables.oldProxies.exists(o, o.image == c.image))"
                    .into(),
                "the image of mcp-proxy stays as it is or becomes one of the platform's \
                 (proxyImages in ConfigMap mcp-runtime-settings)"
                    .into(),
            ),
        ],
        ..Default::default()
    })
}

fn label(name: &str) -> (String, String) {
    (
        format!(
            "object.metadata.?labels[?'{name}'].orValue('') \
             == oldObject.metadata.?labels[?'{name}'].orValue('')"
        ),
        format!(
            "label {name} can't be put on, taken off or changed on a pod that is there; \
             change the template of its workload, or delete the pod"
        ),
    )
}
