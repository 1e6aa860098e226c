//! The mutating configuration: `inject.mcpruntime.org` and `default.mcpruntime.org`.

use crds::names;
use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhook, MutatingWebhookConfiguration, RuleWithOperations,
};

use super::{governed, metadata, not_of_the_platform, not_of_the_system, service};

pub(super) fn configuration() -> MutatingWebhookConfiguration {
    MutatingWebhookConfiguration {
        metadata: metadata(names::WEBHOOK_CONFIGURATION),
        webhooks: Some(vec![inject(), default()]),
    }
}

/// Called for governed pods and no others; away, no governed pod is created.
fn inject() -> MutatingWebhook {
    MutatingWebhook {
        name: "inject.mcpruntime.org".into(),
        client_config: service("/inject"),
        rules: Some(vec![RuleWithOperations {
            api_groups: Some(vec![String::new()]),
            api_versions: Some(vec!["v1".into()]),
            operations: Some(vec!["CREATE".into()]),
            resources: Some(vec!["pods".into()]),
            scope: Some("Namespaced".into()),
        }]),
        object_selector: Some(governed()),
        namespace_selector: Some(not_of_the_platform()),
        failure_policy: Some("Fail".into()),
        // Another webhook may move or strip what we put in.
        reinvocation_policy: Some("IfNeeded".into()),
        timeout_seconds: Some(5),
        // A refusal is told to the pod's owner by an event.
        side_effects: "NoneOnDryRun".into(),
        ..shared()
    }
}

/// Called for servers, the one kind with defaults that a schema can't express; away, the operator
/// fills them in for itself.
fn default() -> MutatingWebhook {
    MutatingWebhook {
        name: "default.mcpruntime.org".into(),
        client_config: service("/default"),
        rules: Some(vec![RuleWithOperations {
            api_groups: Some(vec![names::GROUP.into()]),
            api_versions: Some(vec![names::VERSION.into()]),
            operations: Some(vec!["CREATE".into(), "UPDATE".into()]),
            resources: Some(vec!["mcpservers".into()]),
            scope: Some("Namespaced".into()),
        }]),
        namespace_selector: Some(not_of_the_system()),
        failure_policy: Some("Ignore".into()),
        reinvocation_policy: Some("Never".into()),
        timeout_seconds: Some(2),
        ..shared()
    }
}

fn shared() -> MutatingWebhook {
    MutatingWebhook {
        admission_review_versions: vec!["v1".into()],
        side_effects: "None".into(),
        match_policy: Some("Equivalent".into()),
        ..Default::default()
    }
}
