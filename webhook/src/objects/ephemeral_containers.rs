//! `mcp-runtime-ephemeral-containers`: debugging a governed pod stops short of its proxy.
//!
//! Whoever may add an ephemeral container is in the pod's network anyway; what stays closed is the
//! proxy's processes, its user and its upstream tokens. Containers that are there already are
//! never judged again.

use crds::names;
use k8s_openapi::api::admissionregistration::v1::ValidatingAdmissionPolicy;

use super::governed;
use super::policy::{Policy, build};

pub(super) fn policy() -> ValidatingAdmissionPolicy {
    let all = |object: &str| format!("{object}.spec.?ephemeralContainers.orValue([])");
    build(Policy {
        name: "mcp-runtime-ephemeral-containers",
        resources: vec!["pods/ephemeralcontainers"],
        operations: vec!["UPDATE"],
        objects: Some(governed()),
        variables: vec![
            ("old", format!("{}.map(c, c.name)", all("oldObject"))),
            ("added", format!("{}.filter(c, !(c.name in variables.old))", all("object"))),
        ],
        validations: vec![
            (
                format!(
                    "variables.added.all(c, c.?targetContainerName.orValue('') != '{}')",
                    names::PROXY_CONTAINER
                ),
                "an ephemeral container can't have mcp-proxy as its target; use the server's container".into(),
            ),
            (
                format!(
                    "variables.added.all(c, c.?securityContext.?runAsUser.orValue(0) != {})",
                    names::PROXY_UID
                ),
                "user 65533 is mcp-proxy's alone; run the ephemeral container as another user".into(),
            ),
            (
                format!(
                    "variables.added.all(c, c.?volumeMounts.orValue([]).all(m, m.name != '{}'))",
                    names::TOKENS_VOLUME
                ),
                "volume mcp-upstream-tokens is mcp-proxy's alone; leave the mount out".into(),
            ),
        ],
        ..Default::default()
    })
}
