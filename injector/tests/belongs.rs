//! Which pods may carry a managed server's labels.

use mcp_injector::{Code, Owners, belongs, replica_set_of};
use serde_json::{Value, json};

use crate::files::server;

const CONTROLLER: &str = "system:serviceaccount:kube-system:replicaset-controller";

fn object(name: &str, uid: &str, owner: Value) -> Value {
    json!({"metadata": {"name": name, "uid": uid, "ownerReferences": [owner]}})
}

fn owner(api_version: &str, kind: &str, name: &str, uid: &str) -> Value {
    json!({"apiVersion": api_version, "kind": kind, "name": name, "uid": uid, "controller": true})
}

struct Chain {
    creator: &'static str,
    pod: Value,
    replica_set: Value,
    deployment: Value,
}

fn ours() -> Chain {
    let server = owner(
        "mcpruntime.org/v1alpha1",
        "MCPServer",
        "everything",
        "7d1f2b0e-0000-4000-8000-000000000001",
    );
    Chain {
        creator: CONTROLLER,
        pod: object(
            "p",
            "1",
            owner("apps/v1", "ReplicaSet", "everything-1", "2"),
        ),
        replica_set: object(
            "everything-1",
            "2",
            owner("apps/v1", "Deployment", "everything", "3"),
        ),
        deployment: object("everything", "3", server),
    }
}

fn judged(chain: &Chain) -> Result<(), String> {
    let owners = Owners {
        replica_set: Some(&chain.replica_set),
        deployment: Some(&chain.deployment),
    };
    belongs(&chain.pod, chain.creator, owners, &server("everything")).map_err(|denial| {
        assert_eq!(denial.code, Code::NotThisServersPod);
        let (_, found) = denial.message.split_once(", and ").unwrap();
        found.to_owned()
    })
}

#[test]
fn a_pod_of_the_servers_own_deployment_belongs() {
    assert_eq!(judged(&ours()), Ok(()));
    assert_eq!(replica_set_of(&ours().pod), Some("everything-1"));
    assert_eq!(replica_set_of(&json!({})), None);
}

#[test]
fn one_controller_manager_for_all_accounts_counts_as_the_controller() {
    let chain = Chain {
        creator: "system:kube-controller-manager",
        ..ours()
    };
    assert_eq!(judged(&chain), Ok(()));
}

#[test]
fn a_pod_created_by_a_person_does_not() {
    let chain = Chain {
        creator: "ann",
        ..ours()
    };
    assert_eq!(
        judged(&chain),
        Err(r#"the pod was created by "ann""#.into())
    );
}

#[test]
fn a_bare_pod_does_not() {
    let chain = Chain {
        pod: json!({"metadata": {}}),
        ..ours()
    };
    assert_eq!(judged(&chain), Err("the pod is of no ReplicaSet".into()));
}

#[test]
fn a_namesake_of_the_replica_set_does_not() {
    let mut chain = ours();
    chain.replica_set["metadata"]["uid"] = "other".into();
    assert_eq!(judged(&chain), Err("the pod is of no ReplicaSet".into()));
}

#[test]
fn a_reference_that_is_not_the_controller_does_not_count() {
    let mut chain = ours();
    chain.pod["metadata"]["ownerReferences"][0]["controller"] = false.into();
    assert_eq!(judged(&chain), Err("the pod is of no ReplicaSet".into()));
}

#[test]
fn a_replica_set_of_no_deployment_does_not() {
    let mut chain = ours();
    chain.replica_set["metadata"]["ownerReferences"] = json!([]);
    assert_eq!(
        judged(&chain),
        Err("ReplicaSet everything-1 is of no Deployment".into())
    );
}

#[test]
fn a_deployment_made_by_hand_under_the_servers_name_does_not() {
    let mut chain = ours();
    chain.deployment["metadata"]["ownerReferences"] = json!([]);
    assert_eq!(
        judged(&chain),
        Err("Deployment everything isn't the server's".into())
    );
}

#[test]
fn a_deployment_of_an_earlier_server_of_the_same_name_does_not() {
    let mut chain = ours();
    chain.deployment["metadata"]["ownerReferences"][0]["uid"] = "gone".into();
    assert_eq!(
        judged(&chain),
        Err("Deployment everything isn't the server's".into())
    );
}

#[test]
fn any_pod_may_be_one_of_an_external_server() {
    let batch = server("batch");
    assert_eq!(
        belongs(&json!({}), "ann", Owners::default(), &batch),
        Ok(())
    );
}
