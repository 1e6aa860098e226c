//! Each clause broken once. `intact/cases.yaml` is run against a real API server too.

use std::collections::BTreeSet;

use mcp_injector::intact::{check, check_clauses, clauses};

use crate::files::{Case, golden, patched, pod, server, settings, yaml};

const NAMESPACE: &str = "demo";

#[test]
fn the_base_of_the_cases_is_a_pod_as_injected() {
    golden("intact/pod.yaml", &patched(&pod("plain")));
}

#[test]
fn each_case_breaks_the_clause_it_names_first_and_says_so() {
    let base = yaml("intact/pod.yaml");
    let images = settings().proxy_images;
    for case in yaml::<Vec<Case>>("intact/cases.yaml") {
        let breaches = check_clauses(&case.applied_to(&base), NAMESPACE, &images);
        let first = breaches.first();
        assert_eq!(
            (first.map(|b| b.clause), first.map(|b| b.message.as_str())),
            (case.clause.as_deref(), case.message.as_deref()),
            "{}",
            case.name
        );
    }
}

#[test]
fn every_clause_is_broken_by_a_case() {
    let cases: Vec<Case> = yaml("intact/cases.yaml");
    let broken: BTreeSet<&str> = cases.iter().filter_map(|c| c.clause.as_deref()).collect();
    let all: BTreeSet<&str> = clauses().iter().map(|clause| clause.name).collect();
    assert_eq!(broken, all);
}

#[test]
fn a_proxy_intact_for_another_server_is_not_intact_for_this_one() {
    let mut pod = yaml("intact/pod.yaml");
    assert_eq!(check(&pod, &server("everything"), &settings()), Ok(()));
    let wrong = |pod: &serde_json::Value, name: &str| {
        check(pod, &server(name), &settings()).unwrap_err()[0].clause
    };
    assert_eq!(wrong(&pod, "notes"), "this-server");
    pod["spec"]["initContainers"][0]["env"][1]["value"] = "http://127.0.0.1:1".into();
    assert_eq!(wrong(&pod, "everything"), "this-env");
}
