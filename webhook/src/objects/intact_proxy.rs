//! `mcp-runtime-intact-proxy`: no governed pod is created without an intact proxy, in any
//! namespace, whether the injector was asked or not.

use crds::{Settings, names};
use injector::intact;
use k8s_openapi::api::admissionregistration::v1::ValidatingAdmissionPolicy;

use super::governed;
use super::policy::{Policy, build};

pub(super) fn policy(settings: &Settings) -> ValidatingAdmissionPolicy {
    build(Policy {
        name: names::INTACT_PROXY_POLICY,
        resources: vec!["pods"],
        operations: vec!["CREATE"],
        objects: Some(governed()),
        variables: intact::variables(&settings.proxy_images),
        validations: intact::clauses()
            .iter()
            .map(|clause| (clause.cel.clone(), clause.message.to_owned()))
            .collect(),
        ..Default::default()
    })
}
