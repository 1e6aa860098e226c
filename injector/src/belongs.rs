//! Whether a pod may carry a server's labels.
//!
//! With its labels a pod becomes an endpoint of the server's Service and gets its callers. On a
//! managed server that is for pods of its own Deployment alone; whoever may create pods would
//! otherwise put a server of his own behind somebody's route.

use crds::{Server, words::Workload};
use serde_json::Value;

use crate::code::{Code, Denial};
use crate::json::{flag, list, text};

/// Who creates the pods of ReplicaSets: with an account for each controller, and without.
const CREATORS: [&str; 2] = [
    "system:serviceaccount:kube-system:replicaset-controller",
    "system:kube-controller-manager",
];

/// The objects above a pod, as raw JSON; only their metadata is read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Owners<'a> {
    /// The ReplicaSet that [`replica_set_of`] names, if there is one.
    pub replica_set: Option<&'a Value>,
    /// The Deployment of the server's namespace that the ReplicaSet names, if there is one.
    pub deployment: Option<&'a Value>,
}

/// The name of the ReplicaSet that controls an object, to be looked up in its namespace.
pub fn replica_set_of(pod: &Value) -> Option<&str> {
    controller(pod, "apps/v1", "ReplicaSet").map(|owner| text(owner, &["name"]))
}

/// The name of the Deployment that controls a ReplicaSet, to be looked up in its namespace.
pub fn deployment_of(replica_set: &Value) -> Option<&str> {
    controller(replica_set, "apps/v1", "Deployment").map(|owner| text(owner, &["name"]))
}

/// Whether `pod`, created by user `creator`, may be a pod of `server`.
///
/// # Errors
/// The denial, with [`Code::NotThisServersPod`].
pub fn belongs(
    pod: &Value,
    creator: &str,
    owners: Owners<'_>,
    server: &Server,
) -> Result<(), Denial> {
    if server.workload == Workload::External {
        return Ok(());
    }
    if !CREATORS.contains(&creator) {
        return Err(denial(
            server,
            format!("the pod was created by {creator:?}"),
        ));
    }
    let Some(replica_set) = owned(pod, "ReplicaSet", owners.replica_set) else {
        return Err(denial(server, "the pod is of no ReplicaSet".into()));
    };
    let Some(deployment) = owned(replica_set, "Deployment", owners.deployment) else {
        let name = text(replica_set, &["metadata", "name"]);
        return Err(denial(
            server,
            format!("ReplicaSet {name} is of no Deployment"),
        ));
    };
    let name = text(deployment, &["metadata", "name"]);
    let is_ours =
        controller(deployment, "mcpruntime.org/v1alpha1", "MCPServer").is_some_and(|owner| {
            text(owner, &["name"]) == server.name
                && (server.uid.is_empty() || text(owner, &["uid"]) == server.uid)
        });
    if is_ours {
        Ok(())
    } else {
        Err(denial(
            server,
            format!("Deployment {name} isn't the server's"),
        ))
    }
}

/// `owner`, if it is the object that controls `object`, the same one and not a namesake.
fn owned<'a>(object: &Value, kind: &str, owner: Option<&'a Value>) -> Option<&'a Value> {
    let reference = controller(object, "apps/v1", kind)?;
    owner.filter(|owner| {
        let uid = text(owner, &["metadata", "uid"]);
        !uid.is_empty()
            && uid == text(reference, &["uid"])
            && text(owner, &["metadata", "name"]) == text(reference, &["name"])
    })
}

fn controller<'a>(object: &'a Value, api_version: &str, kind: &str) -> Option<&'a Value> {
    list(object, &["metadata", "ownerReferences"])
        .iter()
        .find(|owner| {
            flag(owner, &["controller"])
                && text(owner, &["kind"]) == kind
                && text(owner, &["apiVersion"]) == api_version
        })
}

fn denial(server: &Server, found: String) -> Denial {
    Denial::new(
        Code::NotThisServersPod,
        "metadata.labels[mcpruntime.org/server]",
        format!(
            "MCPServer {} is managed: its pods are those of its own Deployment, and {found}",
            server.name
        ),
        "take the label off, or set spec.workload: external on the MCPServer and run all its pods yourself",
    )
}
