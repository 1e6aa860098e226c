//! Names, labels and owners, the same for every object.

use std::collections::BTreeMap;

use crds::{Server, names};
use k8s_openapi::api::core::v1::LocalObjectReference;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::Resource as _;

/// Labels or annotations, or a selector.
pub(super) type Pairs = BTreeMap<String, String>;

/// Pairs from literals.
pub(super) fn pairs<const N: usize>(items: [(&str, &str); N]) -> Pairs {
    items
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into()
}

/// The labels of everything that is a server's.
pub(super) fn labels(server: &Server) -> Pairs {
    pairs([
        (names::LABEL_APP, &server.name),
        ("app.kubernetes.io/name", &server.name),
        ("app.kubernetes.io/instance", &server.name),
        (names::LABEL_MANAGED_BY, names::MANAGED_BY),
        ("app.kubernetes.io/part-of", names::MANAGED_BY),
    ])
}

/// Metadata of an object that goes when the server goes.
pub(super) fn meta(server: &Server, name: &str) -> ObjectMeta {
    ObjectMeta {
        name: Some(name.to_owned()),
        namespace: Some(server.namespace.clone()),
        labels: Some(labels(server)),
        owner_references: Some(vec![owner(server)]),
        ..ObjectMeta::default()
    }
}

/// Names of Secrets as a pod spec has them; `None` where there are none.
pub(super) fn secrets(names: &[String]) -> Option<Vec<LocalObjectReference>> {
    let reference = |name: &String| LocalObjectReference { name: name.clone() };
    (!names.is_empty()).then(|| names.iter().map(reference).collect())
}

fn owner(server: &Server) -> OwnerReference {
    OwnerReference {
        api_version: crds::MCPServer::api_version(&()).into_owned(),
        kind: crds::MCPServer::kind(&()).into_owned(),
        name: server.name.clone(),
        uid: server.uid.clone(),
        controller: Some(true),
        // Setting it would take the right to change finalizers, and deleting a server needn't
        // wait for its pods.
        block_owner_deletion: None,
    }
}
