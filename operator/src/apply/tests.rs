use super::*;

fn service(owner: &str, label: bool) -> Service {
    let label = if label {
        "labels: { app.kubernetes.io/managed-by: mcp-runtime }"
    } else {
        "labels: {}"
    };
    let text =
        format!("metadata:\n  name: s\n  namespace: d\n  {label}\n  ownerReferences: [{owner}]\n");
    serde_saphyr::from_str(&text).unwrap()
}

fn owner(kind: &str, uid: &str) -> String {
    format!(
        "{{ apiVersion: mcpruntime.org/v1alpha1, kind: {kind}, name: s, uid: {uid}, controller: true }}"
    )
}

fn verdict(live: Service) -> Result<(), ApplyError> {
    may_be_written(&Owned(live), &service(&owner("MCPServer", "new"), true))
}

#[test]
fn the_servers_own_object_is_written() {
    assert!(verdict(service(&owner("MCPServer", "new"), true)).is_ok());
    // Someone took the label off: it is put back.
    assert!(verdict(service(&owner("MCPServer", "new"), false)).is_ok());
}

#[test]
fn an_object_of_the_previous_server_of_the_name_is_waited_for() {
    let found = verdict(service(&owner("MCPServer", "old"), true));
    assert!(
        matches!(found, Err(ApplyError::Predecessor(_))),
        "{found:?}"
    );
}

#[test]
fn somebody_elses_object_is_never_taken_over() {
    for live in [service(&owner("Other", "other"), true), service("", false)] {
        let found = verdict(live);
        assert!(matches!(found, Err(ApplyError::NameTaken(_))), "{found:?}");
    }
}

#[test]
fn what_was_kept_when_its_server_was_deleted_is_adopted() {
    assert!(verdict(service("", true)).is_ok());
}
