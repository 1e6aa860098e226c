//! Reviews as API servers send them, and the whole answer to each.

use serde_json::{Value, json};

use crate::app::{path, read, review, yaml};

/// Asks about `reviews/NAME.yaml` and compares with `answers/ENDPOINT-NAME.yaml`.
async fn is_golden(endpoint: &str, name: &str) {
    let answer = review(endpoint, &yaml(&format!("reviews/{name}.yaml"))).await;
    let file = path(&format!(
        "answers/{}-{name}.yaml",
        endpoint.trim_start_matches('/')
    ));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&file, serde_saphyr::to_string(&answer).unwrap()).unwrap();
    }
    let expected: Value = serde_saphyr::from_str(&read(&file)).unwrap();
    let text = |value: &Value| serde_json::to_string_pretty(value).unwrap();
    assert_eq!(
        text(&answer),
        text(&expected),
        "{name}; UPDATE_GOLDEN=1 accepts it"
    );
}

#[tokio::test]
async fn a_pod_of_the_servers_deployment_gets_its_proxy() {
    is_golden("/inject", "pod").await;
}

#[tokio::test]
async fn a_pod_made_by_a_person_under_a_managed_servers_label_is_refused() {
    is_golden("/inject", "pod-by-hand").await;
}

#[tokio::test]
async fn a_pod_without_the_servers_label_is_refused() {
    is_golden("/inject", "pod-without-server").await;
}

#[tokio::test]
async fn a_pod_of_a_server_that_is_not_there_is_refused() {
    let mut pod = yaml("reviews/pod.yaml");
    pod["request"]["object"]["metadata"]["labels"]["mcpruntime.org/server"] = "gone".into();
    let answer = review("/inject", &pod).await;
    assert_eq!(
        answer["response"]["status"]["message"],
        "ServerNotFound: metadata.labels[mcpruntime.org/server]: \"gone\": there is no MCPServer of this \
         name in namespace demo; apply the MCPServer first, or correct the label"
    );
}

#[tokio::test]
async fn a_server_of_the_same_name_elsewhere_does_not_count() {
    let mut pod = yaml("reviews/pod.yaml");
    pod["request"]["namespace"] = "other".into();
    let answer = review("/inject", &pod).await;
    assert_eq!(
        answer["response"]["auditAnnotations"]["code"],
        "ServerNotFound"
    );
}

#[tokio::test]
async fn a_pod_of_an_invalid_server_is_refused_with_what_is_wrong() {
    let mut pod = yaml("reviews/pod.yaml");
    pod["request"]["object"]["metadata"]["labels"]["mcpruntime.org/server"] = "broken".into();
    let answer = review("/inject", &pod).await;
    let status = &answer["response"]["status"];
    assert_eq!(
        answer["response"]["auditAnnotations"]["code"],
        "InvalidServer"
    );
    assert_eq!(status["code"], 422);
    assert!(
        status["message"]
            .as_str()
            .unwrap()
            .contains("spec.gateway.port"),
        "{status}"
    );
}

#[tokio::test]
async fn a_pod_that_is_not_governed_is_left_alone() {
    let mut pod = yaml("reviews/pod.yaml");
    pod["request"]["object"]["metadata"]["labels"] = json!({"app": "x"});
    let answer = review("/inject", &pod).await;
    assert_eq!(
        answer["response"],
        json!({
            "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
            "allowed": true,
            "auditAnnotations": {"code": "NotGoverned"},
        })
    );
}

#[tokio::test]
async fn a_server_gets_the_defaults_that_a_schema_cannot_give() {
    is_golden("/default", "server").await;
}

#[tokio::test]
async fn a_server_that_cannot_be_read_is_left_to_the_schema() {
    let mut server = yaml("reviews/server.yaml");
    for object in [
        json!(null),
        json!([]),
        json!({"spec": 3}),
        json!({"metadata": {"name": "x"}, "spec": {"port": "abc", "tools": {"a": null}}}),
    ] {
        server["request"]["object"] = object.clone();
        let answer = review("/default", &server).await;
        assert_eq!(answer["response"]["allowed"], true, "{object}");
    }
}

#[tokio::test]
async fn a_valid_server_is_allowed() {
    is_golden("/validate", "server").await;
}

#[tokio::test]
async fn an_invalid_server_is_refused_with_field_value_and_remedy() {
    is_golden("/validate", "server-invalid").await;
}

#[tokio::test]
async fn an_invalid_grant_is_refused() {
    is_golden("/validate", "grant-invalid").await;
}

#[tokio::test]
async fn an_invalid_session_is_refused() {
    is_golden("/validate", "session-invalid").await;
}

#[tokio::test]
async fn an_old_spec_that_is_invalid_today_does_not_hold_up_other_changes() {
    let invalid = yaml("reviews/server-invalid.yaml");
    let object = invalid["request"]["object"].clone();
    let mut labelled = invalid.clone();
    labelled["request"]["operation"] = "UPDATE".into();
    labelled["request"]["oldObject"] = object.clone();
    labelled["request"]["object"]["metadata"]["labels"] = json!({"team": "a"});
    let mut going = invalid.clone();
    going["request"]["operation"] = "UPDATE".into();
    going["request"]["oldObject"] = json!({"spec": {}});
    going["request"]["object"]["metadata"]["deletionTimestamp"] = "2026-01-02T03:04:05Z".into();
    let mut deleted = invalid.clone();
    deleted["request"]["operation"] = "DELETE".into();
    deleted["request"]["oldObject"] = object;
    deleted["request"]["object"] = json!(null);
    let mut status = invalid.clone();
    status["request"]["subResource"] = "status".into();
    for review_of in [labelled, going, deleted, status] {
        let answer = review("/validate", &review_of).await;
        assert_eq!(answer["response"]["allowed"], true, "{review_of}");
    }
}

#[tokio::test]
async fn an_update_is_refused_for_what_it_breaks_and_not_for_what_was_broken() {
    let mut update = yaml("reviews/server-invalid.yaml");
    let object = update["request"]["object"].clone();
    update["request"]["operation"] = "UPDATE".into();
    update["request"]["oldObject"] = object;
    update["request"]["object"]["spec"]["description"] = "told better".into();
    let answer = review("/validate", &update).await;
    assert_eq!(answer["response"]["allowed"], true, "{answer}");
    let warning = answer["response"]["warnings"][0].as_str().unwrap();
    assert!(warning.starts_with("still invalid: "), "{warning}");

    update["request"]["object"]["spec"]["replicas"] = (-2).into();
    let answer = review("/validate", &update).await;
    assert_eq!(answer["response"]["allowed"], false, "{answer}");
    let causes = answer["response"]["status"]["details"]["causes"]
        .as_array()
        .unwrap();
    assert_eq!(causes.len(), 1, "{causes:?}");
    assert_eq!(causes[0]["field"], "spec.replicas");
}
