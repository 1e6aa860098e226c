//! The account of all servers of a namespace. It may do nothing and its token isn't mounted.

use crds::names;
use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::meta::pairs;

/// Its name, as the Go project has it.
pub(crate) const WORKLOAD_ACCOUNT: &str = "mcp-workload";

/// Without an owner: the first server to go mustn't take it from the others.
pub(super) fn build_service_account(namespace: &str) -> ServiceAccount {
    ServiceAccount {
        metadata: ObjectMeta {
            name: Some(WORKLOAD_ACCOUNT.into()),
            namespace: Some(namespace.to_owned()),
            labels: Some(pairs([
                (names::LABEL_MANAGED_BY, names::MANAGED_BY),
                ("app.kubernetes.io/part-of", names::MANAGED_BY),
            ])),
            ..ObjectMeta::default()
        },
        automount_service_account_token: Some(false),
        ..ServiceAccount::default()
    }
}
