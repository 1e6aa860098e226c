//! `mcp-runtime-operator-touch`: of a pod the operator changes one annotation, of pods that carry
//! a server's label alone.
//!
//! The operator may patch pods so that kubelets look at the policy at once. Held by group, so that
//! another account of the namespace isn't a way around.

use crds::names;
use k8s_openapi::api::admissionregistration::v1::ValidatingAdmissionPolicy;

use super::policy::{Policy, build};

pub(super) fn policy() -> ValidatingAdmissionPolicy {
    let touch = names::ANNOTATION_POLICY_TOUCH;
    let annotations = |object: &str| format!("{object}.metadata.?annotations.orValue({{}})");
    let same = |member: &str, none: &str| {
        format!(
            "object.metadata.?{member}.orValue({none}) == oldObject.metadata.?{member}.orValue({none})"
        )
    };
    build(Policy {
        name: "mcp-runtime-operator-touch",
        resources: vec!["pods"],
        operations: vec!["UPDATE"],
        conditions: vec![(
            "is-the-platform",
            format!(
                "request.userInfo.?groups.orValue([]).exists(g, g == 'system:serviceaccounts:{}')",
                names::PLATFORM_NAMESPACE
            ),
        )],
        variables: vec![
            ("new", annotations("object")),
            ("old", annotations("oldObject")),
        ],
        validations: vec![
            (
                format!(
                    "'{}' in oldObject.metadata.?labels.orValue({{}})",
                    names::LABEL_SERVER
                ),
                "mcp-runtime's accounts change only pods with label mcpruntime.org/server".into(),
            ),
            (
                [
                    "object.spec == oldObject.spec".to_owned(),
                    same("labels", "{}"),
                    same("ownerReferences", "[]"),
                    same("finalizers", "[]"),
                ]
                .join(" && "),
                "mcp-runtime's accounts, and webhooks called on their behalf, change nothing of a pod \
                 but annotation mcpruntime.org/policy-touch: spec, labels, owners or finalizers differ"
                    .into(),
            ),
            (
                format!(
                    "variables.new.all(k, k == '{touch}' || (k in variables.old && variables.old[k] == variables.new[k])) \
                     && variables.old.all(k, k == '{touch}' || k in variables.new)"
                ),
                "mcp-runtime's accounts, and webhooks called on their behalf, change no annotation of a pod \
                 but mcpruntime.org/policy-touch"
                    .into(),
            ),
        ],
        ..Default::default()
    })
}
