//! `mcp-runtime-policy-writers`: only the operator writes what proxies decide by.
//!
//! Nothing signs a policy document, and ClusterRole `edit` may write ConfigMaps; so the names are
//! the operator's, those of shards that no server uses yet among them. Deleting stays free, for
//! namespaces that go: a proxy keeps what it has mounted, and the operator puts it back.

use crds::names;
use k8s_openapi::api::admissionregistration::v1::ValidatingAdmissionPolicy;

use super::policy::{Policy, build};

pub(super) fn policy() -> ValidatingAdmissionPolicy {
    // The garbage collector takes owners off, the storage migrator writes back what it read.
    let same = ["data", "binaryData", "immutable"]
        .map(|name| format!("object.?{name} == oldObject.?{name}"))
        .join(" && ");
    build(Policy {
        name: "mcp-runtime-policy-writers",
        resources: vec!["configmaps"],
        operations: vec!["CREATE", "UPDATE"],
        conditions: vec![(
            "is-a-policy",
            "object.metadata.name.matches('-gateway-(policy|sessions-[0-9]+)$')".into(),
        )],
        validations: vec![(
            format!(
                "request.userInfo.username == '{}' || (request.operation == 'UPDATE' \
                 && request.userInfo.?groups.orValue([]).exists(g, g == 'system:serviceaccounts:kube-system') \
                 && {same})",
                names::operator_username()
            ),
            "ConfigMaps named *-gateway-policy and *-gateway-sessions-N are what proxies decide by; \
             only mcp-runtime's operator writes them: change the MCPServer, its grants or its sessions"
                .into(),
        )],
        ..Default::default()
    })
}
