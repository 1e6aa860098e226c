//! `/validate` beside what is in the cluster already.

use serde_json::{Value, json};

use crate::app::review;

fn of(operation: &str, kind: &str, object: Value) -> Value {
    let gone = operation == "DELETE";
    let (namespace, name) = (
        object["metadata"]["namespace"].clone(),
        object["metadata"]["name"].clone(),
    );
    json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {
            "uid": "1", "operation": operation, "name": name, "namespace": namespace,
            "kind": {"group": "mcpruntime.org", "version": "v1alpha1", "kind": kind},
            "object": if gone { Value::Null } else { object.clone() },
            "oldObject": if gone { object } else { Value::Null },
        },
    })
}

fn server(namespace: &str, name: &str, spec: Value) -> Value {
    json!({"metadata": {"namespace": namespace, "name": name}, "spec": spec})
}

fn grant(namespace: &str, server: &str, spec: Value) -> Value {
    let mut all = json!({
        "serverRef": {"name": server, "namespace": "team-a"}, "subject": {"humanID": "cy"},
        "allowedSideEffects": ["read"],
    });
    all.as_object_mut()
        .unwrap()
        .extend(spec.as_object().unwrap().clone());
    json!({"metadata": {"namespace": namespace, "name": "new"}, "spec": all})
}

/// The codes in the warnings of an allowed object.
async fn warned(review_of: &Value) -> Vec<String> {
    let answer = review("/validate", review_of).await;
    assert_eq!(answer["response"]["allowed"], true, "{answer}");
    let warnings = answer["response"]["warnings"].as_array();
    let code = |warning: &Value| {
        let text = warning.as_str().unwrap();
        let code = text.rsplit_once('(').unwrap().1;
        code.trim_end_matches(')').to_owned()
    };
    warnings.into_iter().flatten().map(code).collect()
}

#[tokio::test]
async fn a_route_that_another_server_has_is_refused_without_naming_strangers() {
    let near = of(
        "CREATE",
        "MCPServer",
        server(
            "team-a",
            "till",
            json!({"image": "a:1", "publicPathPrefix": "ledger"}),
        ),
    );
    let answer = review("/validate", &near).await;
    let cause = &answer["response"]["status"]["details"]["causes"][0];
    assert_eq!(
        (&cause["reason"], &cause["field"]),
        (&json!("route_taken"), &json!("spec.publicPathPrefix"))
    );
    assert!(
        cause["message"]
            .as_str()
            .unwrap()
            .contains("MCPServer ledger")
    );

    let far = of(
        "CREATE",
        "MCPServer",
        server("team-b", "ledger", json!({"image": "a:1"})),
    );
    let answer = review("/validate", &far).await;
    let message = answer["response"]["status"]["message"].as_str().unwrap();
    assert!(
        message.contains("a server of another namespace") && !message.contains("team-a"),
        "{message}"
    );
}

/// Objects are read from folders below, and from lists, as kubectl writes them; another group's kinds are
/// nothing.
#[tokio::test]
async fn the_items_of_a_list_are_there_and_kinds_of_another_group_are_not() {
    let wants = |prefix: &str| {
        let spec = json!({"image": "a:1", "publicPathPrefix": prefix});
        of("CREATE", "MCPServer", server("team-a", "x", spec))
    };
    let answer = review("/validate", &wants("listed")).await;
    assert_eq!(
        answer["response"]["auditAnnotations"]["code"],
        "route_taken"
    );
    assert_eq!(warned(&wants("foreign")).await, [""; 0]);
}

#[tokio::test]
async fn a_server_doesnt_stand_in_its_own_way() {
    let mut update = of(
        "UPDATE",
        "MCPServer",
        server("team-a", "ledger", json!({"image": "a:2"})),
    );
    update["request"]["oldObject"] = server("team-a", "ledger", json!({"image": "a:1"}));
    assert_eq!(warned(&update).await, [""; 0]);
}

/// The operator has told two servers of one route apart; neither is to be locked.
#[tokio::test]
async fn a_conflict_that_is_there_already_holds_up_no_other_change() {
    let spec = |image: &str| json!({"image": image, "publicPathPrefix": "ledger"});
    let mut update = of("UPDATE", "MCPServer", server("team-b", "x", spec("a:2")));
    update["request"]["oldObject"] = server("team-b", "x", spec("a:1"));
    let answer = review("/validate", &update).await;
    assert_eq!(
        answer["response"]["auditAnnotations"]["code"],
        "StillInvalid"
    );
}

/// Of two applied at once the operator gives the route to the older one.
#[tokio::test]
async fn whose_a_route_is_by_age_is_told_nothing_and_gets_no_other() {
    let aged = |spec| {
        let mut object = server("team-b", "x", spec);
        object["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z".into();
        object
    };
    let theirs = json!({"image": "a:1", "publicPathPrefix": "ledger"});
    let mut update = of("UPDATE", "MCPServer", aged(theirs.clone()));
    update["request"]["object"]["spec"]["image"] = "a:2".into();
    update["request"]["oldObject"] = aged(theirs);
    assert_eq!(warned(&update).await, [""; 0]);
    update["request"]["oldObject"] = aged(json!({"image": "a:1", "publicPathPrefix": "x"}));
    let answer = review("/validate", &update).await;
    assert_eq!(
        answer["response"]["auditAnnotations"]["code"],
        "route_taken"
    );
}

#[tokio::test]
async fn a_grant_is_judged_beside_its_server_and_the_other_grants() {
    let create = |object| of("CREATE", "MCPAccessGrant", object);
    let rule = json!([{"name": "drop", "decision": "allow"}]);
    for (object, codes) in [
        (grant("team-a", "ledger", json!({})), vec![]),
        (
            grant("team-a", "ledger", json!({"toolRules": rule})),
            vec!["unknown_tool"],
        ),
        (
            grant("team-a", "ledger", json!({"subject": {"humanID": "ann"}})),
            vec!["grants_overlap"],
        ),
        (
            grant("team-a", "nowhere", json!({})),
            vec!["server_not_found"],
        ),
        (
            grant("team-b", "ledger", json!({"toolRules": rule})),
            vec!["namespace_not_trusted"],
        ),
        (
            grant("team-b", "nowhere", json!({"toolRules": rule})),
            vec!["namespace_not_trusted"],
        ),
    ] {
        assert_eq!(warned(&create(object.clone())).await, codes, "{object}");
    }
}

#[tokio::test]
async fn whoever_deletes_a_server_is_told_whose_access_hangs_on_its_name() {
    let ledger = of("DELETE", "MCPServer", server("team-a", "ledger", json!({})));
    let answer = review("/validate", &ledger).await;
    assert_eq!(
        answer["response"],
        json!({
            "uid": "1", "allowed": true, "auditAnnotations": {"code": "Deleted"},
            "warnings": [
                "MCPAccessGrant ann still names this server, and will count for the next one of its name (deleted_with_grants)"
            ],
        })
    );
    for (kind, name) in [("MCPServer", "other"), ("MCPAccessGrant", "ledger")] {
        let review_of = of("DELETE", kind, server("team-a", name, json!({})));
        assert_eq!(warned(&review_of).await, [""; 0], "{kind} {name}");
    }
}
