//! For every warning a set of manifests that has it: objects named `warned…` get it, their neighbours `fine…`
//! don't. The first lines of a file are how it is told.

use std::collections::BTreeSet;

use jiff::Timestamp;
use mcp_crds::{Judgement, Kind, Set, WarningCode};
use serde_json::Value;

use crate::files::{documents, folder, golden_head, settings, yaml_files};

/// Told by `/validate` alone, which sees deletions.
const NOT_OF_MANIFESTS: &[WarningCode] = &[WarningCode::DeletedWithGrants];

fn now() -> Timestamp {
    "2026-06-01T00:00:00Z".parse().unwrap()
}

/// Each object of ours with what is said of it.
fn judged(documents: Vec<Value>) -> Vec<(Value, Judgement)> {
    let mut set = Set::new(settings());
    documents.iter().for_each(|document| set.add(document));
    let ours = documents
        .into_iter()
        .filter(|document| Kind::of(document).is_some());
    ours.map(|document| {
        let judgement = set.judge(&document, now());
        (document, judgement)
    })
    .collect()
}

fn codes(judgement: &Judgement) -> BTreeSet<&'static str> {
    let problems = judgement.problems.iter().map(|problem| problem.code);
    let warnings = judgement.warnings.iter().map(|warning| warning.code);
    problems.chain(warnings).collect()
}

#[test]
fn every_warning_is_told_where_it_is_due_and_not_beside() {
    for code in WarningCode::ALL {
        if NOT_OF_MANIFESTS.contains(code) {
            continue;
        }
        let path = folder(&format!("tests/warned/{code}.yaml"));
        let (mut warned, mut fine) = (0, 0);
        for (object, judgement) in judged(documents(&path)) {
            let name = object["metadata"]["name"].as_str().unwrap();
            let told = codes(&judgement).contains(code.as_str());
            if name.starts_with("warned") {
                assert!(told, "{code}: {name} gets {judgement:?}");
                warned += 1;
            } else if name.starts_with("fine") {
                assert!(!told, "{code}: {name} gets {judgement:?}");
                fine += 1;
            }
        }
        assert!(
            warned > 0 && fine > 0,
            "{code}: {warned} warned, {fine} fine"
        );
    }
}

#[test]
fn the_first_lines_of_each_file_are_how_it_is_told() {
    for path in yaml_files("tests/warned") {
        let mut told = String::new();
        for (object, judgement) in judged(documents(&path)) {
            let (kind, name) = (&object["kind"], &object["metadata"]["name"]);
            let of = format!("{} {}", kind.as_str().unwrap(), name.as_str().unwrap());
            let problems = judgement.problems.iter();
            for problem in
                problems.filter(|problem| path.file_stem() == Some(problem.code.as_ref()))
            {
                told.push_str(&format!("# {of}: error: {problem}\n"));
            }
            let warnings = judgement.warnings.iter();
            for warning in
                warnings.filter(|warning| path.file_stem() == Some(warning.code.as_ref()))
            {
                told.push_str(&format!("# {of}: {}\n", warning.message));
            }
        }
        golden_head(&path, &told);
    }
}

/// From a namespace that the server doesn't trust the answer is the same whether it exists or not.
#[test]
fn nobody_learns_of_a_server_that_doesnt_trust_them() {
    for name in ["notes", "nowhere"] {
        let server = serde_json::json!({
            "apiVersion": "mcpruntime.org/v1alpha1", "kind": "MCPServer",
            "metadata": {"name": "notes", "namespace": "team-a"}, "spec": {"image": "a:1", "auth": {"mode": "none"}},
        });
        let item = |kind: &str| {
            serde_json::json!({
                "apiVersion": "mcpruntime.org/v1alpha1", "kind": kind,
                "metadata": {"name": "mine", "namespace": "team-b"},
                "spec": {
                    "serverRef": {"name": name, "namespace": "team-a"}, "subject": {"humanID": "eve"},
                },
            })
        };
        let all = judged(vec![
            server,
            item("MCPAccessGrant"),
            item("MCPAgentSession"),
        ]);
        for (object, judgement) in &all[1..] {
            assert_eq!(
                codes(judgement),
                BTreeSet::from(["namespace_not_trusted"]),
                "{object}"
            );
        }
    }
}

#[test]
fn of_two_servers_with_one_route_the_older_has_it() {
    let server = |namespace: &str, day: u32| {
        serde_json::json!({
            "apiVersion": "mcpruntime.org/v1alpha1", "kind": "MCPServer",
            "metadata": {"name": "notes", "namespace": namespace, "creationTimestamp": format!("2026-01-0{day}T00:00:00Z")},
            "spec": {"image": "a:1"},
        })
    };
    let told: Vec<_> = judged(vec![server("team-a", 2), server("team-b", 1)])
        .iter()
        .map(|(_, judgement)| judgement.problems.to_string())
        .collect();
    assert_eq!(
        told,
        [
            "spec.publicPathPrefix: \"/notes/mcp\": a server of another namespace has this route; write another \
             publicPathPrefix, or an ingressHost of its own",
            ""
        ]
    );
}
