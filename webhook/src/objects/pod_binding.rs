//! `mcp-runtime-pod-binding`: scheduling a pod doesn't change whose it is.
//!
//! The labels of a Binding are put on its pod (KEP-4742, feature gate PodTopologyLabelsAdmission:
//! alpha and off in Kubernetes 1.33 and 1.34, beta from 1.35), over those that the pod has. No update of the
//! pod is admitted then: this is the one door that the other policies don't see.

use crds::names;
use k8s_openapi::api::admissionregistration::v1::ValidatingAdmissionPolicy;

use super::policy::{Policy, build};

pub(super) fn policy() -> ValidatingAdmissionPolicy {
    let labels = [names::LABEL_GATEWAY, names::LABEL_SERVER];
    build(Policy {
        name: "mcp-runtime-pod-binding",
        // The second is the older address of the first.
        resources: vec!["pods/binding", "bindings"],
        operations: vec!["CREATE"],
        validations: labels
            .into_iter()
            .map(|label| {
                (
                    format!("!('{label}' in object.metadata.?labels.orValue({{}}))"),
                    format!(
                        "label {label} can't be put on a pod by its Binding; \
                         the template of its workload has it"
                    ),
                )
            })
            .collect(),
        ..Default::default()
    })
}
