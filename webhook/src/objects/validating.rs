//! The validating configuration: `validate.mcpruntime.org` and `deletion.mcpruntime.org`.

use crds::names;
use k8s_openapi::api::admissionregistration::v1::{
    MatchCondition, RuleWithOperations, ValidatingWebhook, ValidatingWebhookConfiguration,
};

use super::{metadata, not_of_the_system, service};

pub(super) fn configuration() -> ValidatingWebhookConfiguration {
    ValidatingWebhookConfiguration {
        metadata: metadata(names::WEBHOOK_CONFIGURATION),
        webhooks: Some(vec![validate(), deletion()]),
    }
}

/// Away, nothing can be created or loosened; revoking, disabling and deleting go on.
fn validate() -> ValidatingWebhook {
    let resources = ["mcpservers", "mcpaccessgrants", "mcpagentsessions"];
    ValidatingWebhook {
        name: "validate.mcpruntime.org".into(),
        client_config: service("/validate"),
        rules: Some(vec![RuleWithOperations {
            api_groups: Some(vec![names::GROUP.into()]),
            api_versions: Some(vec![names::VERSION.into()]),
            operations: Some(vec!["CREATE".into(), "UPDATE".into()]),
            resources: Some(resources.map(Into::into).into()),
            scope: Some("Namespaced".into()),
        }]),
        match_conditions: Some(vec![
            condition("not-revoked", "!object.?spec.?revoked.orValue(false)"),
            condition("not-disabled", "!object.?spec.?disabled.orValue(false)"),
            // Finalizers of what is being deleted, labels and annotations: nothing of ours to judge,
            // and an old spec that would be refused today must not hold them up.
            condition(
                "not-being-deleted",
                "!has(object.metadata.deletionTimestamp)",
            ),
            condition(
                "spec-changes",
                "oldObject == null || object.?spec != oldObject.?spec",
            ),
        ]),
        namespace_selector: Some(not_of_the_system()),
        failure_policy: Some("Fail".into()),
        timeout_seconds: Some(5),
        ..shared()
    }
}

/// Only ever warns, so that nothing waits for it: away, servers are deleted without a word.
fn deletion() -> ValidatingWebhook {
    ValidatingWebhook {
        name: "deletion.mcpruntime.org".into(),
        client_config: service("/validate"),
        rules: Some(vec![RuleWithOperations {
            api_groups: Some(vec![names::GROUP.into()]),
            api_versions: Some(vec![names::VERSION.into()]),
            operations: Some(vec!["DELETE".into()]),
            resources: Some(vec!["mcpservers".into()]),
            scope: Some("Namespaced".into()),
        }]),
        // Controllers read no warnings.
        match_conditions: Some(vec![condition(
            "not-by-a-controller",
            "!request.userInfo.username.startsWith('system:serviceaccount:kube-system:')",
        )]),
        namespace_selector: Some(not_of_the_system()),
        failure_policy: Some("Ignore".into()),
        timeout_seconds: Some(2),
        ..shared()
    }
}

fn shared() -> ValidatingWebhook {
    ValidatingWebhook {
        admission_review_versions: vec!["v1".into()],
        side_effects: "None".into(),
        match_policy: Some("Equivalent".into()),
        ..Default::default()
    }
}

fn condition(name: &str, expression: &str) -> MatchCondition {
    MatchCondition {
        name: name.into(),
        expression: expression.into(),
    }
}
