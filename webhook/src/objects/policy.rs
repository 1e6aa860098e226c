//! What all policies share.

use k8s_openapi::api::admissionregistration::v1::{
    MatchCondition, MatchResources, NamedRuleWithOperations, ValidatingAdmissionPolicy,
    ValidatingAdmissionPolicyBinding, ValidatingAdmissionPolicyBindingSpec,
    ValidatingAdmissionPolicySpec, Validation, Variable,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use super::metadata;

/// What one policy says; the rest follows.
#[derive(Debug, Default)]
pub(super) struct Policy {
    pub(super) name: &'static str,
    /// Resources of the core group, with subresource.
    pub(super) resources: Vec<&'static str>,
    pub(super) operations: Vec<&'static str>,
    /// Every object where `None`.
    pub(super) objects: Option<LabelSelector>,
    /// Name and CEL; the policy speaks only where all are true.
    pub(super) conditions: Vec<(&'static str, String)>,
    pub(super) variables: Vec<(&'static str, String)>,
    /// CEL and message.
    pub(super) validations: Vec<(String, String)>,
}

/// In every namespace, refusing where a clause can't be evaluated.
pub(super) fn build(policy: Policy) -> ValidatingAdmissionPolicy {
    let texts = |list: Vec<&str>| Some(list.into_iter().map(String::from).collect());
    let constraints = MatchResources {
        match_policy: Some("Equivalent".into()),
        object_selector: policy.objects,
        resource_rules: Some(vec![NamedRuleWithOperations {
            api_groups: texts(vec![""]),
            api_versions: texts(vec!["v1"]),
            operations: texts(policy.operations),
            resources: texts(policy.resources),
            scope: Some("Namespaced".into()),
            ..Default::default()
        }]),
        ..Default::default()
    };
    ValidatingAdmissionPolicy {
        metadata: metadata(policy.name),
        spec: Some(ValidatingAdmissionPolicySpec {
            failure_policy: Some("Fail".into()),
            match_constraints: Some(constraints),
            match_conditions: optional(policy.conditions.into_iter().map(condition).collect()),
            variables: optional(policy.variables.into_iter().map(variable).collect()),
            validations: Some(policy.validations.into_iter().map(validation).collect()),
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// Puts a policy in force under its own name.
pub(super) fn binding(policy: &ValidatingAdmissionPolicy) -> ValidatingAdmissionPolicyBinding {
    let name = policy.metadata.name.clone().unwrap_or_default();
    ValidatingAdmissionPolicyBinding {
        metadata: metadata(&name),
        spec: Some(ValidatingAdmissionPolicyBindingSpec {
            policy_name: Some(name),
            validation_actions: Some(vec!["Deny".into()]),
            ..Default::default()
        }),
    }
}

fn condition((name, expression): (&str, String)) -> MatchCondition {
    MatchCondition {
        name: name.into(),
        expression,
    }
}

fn variable((name, expression): (&str, String)) -> Variable {
    Variable {
        name: name.into(),
        expression,
    }
}

fn validation((expression, message): (String, String)) -> Validation {
    Validation {
        expression,
        message: Some(message),
        reason: Some("Forbidden".into()),
        ..Default::default()
    }
}

fn optional<T>(list: Vec<T>) -> Option<Vec<T>> {
    if list.is_empty() { None } else { Some(list) }
}
