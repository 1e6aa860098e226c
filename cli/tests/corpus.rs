//! The corpus of decisions, asked of `access explain`.

use std::collections::BTreeMap;

use policy::corpus::{Case, Driver, Expect, Tally, cases};
use serde_json::{Value, json};

use crate::run::run;

/// The answer in the corpus's words: items of the server's own namespace by name alone.
fn expect(answer: &Value, namespace: &str) -> Expect {
    let mut answer = answer.clone();
    let members = answer.as_object_mut().unwrap();
    for member in ["matched_grant", "matched_session"] {
        let of = members
            .remove(&format!("{member}_namespace"))
            .unwrap_or_default();
        if let Some(Value::String(name)) = members.get_mut(member) {
            let of = of.as_str().unwrap();
            if of != namespace {
                *name = format!("{of}/{name}");
            }
        }
    }
    let known = ["decision", "enforced", "reason", "status", "line"];
    let known = known
        .into_iter()
        .chain(["matched_grant", "matched_session"]);
    let known: Vec<&str> = known.chain(["effective_trust", "required_trust"]).collect();
    members.retain(|member, _| known.contains(&member.as_str()));
    serde_json::from_value(answer).unwrap()
}

fn line(case: &Case) -> String {
    let mut line = serde_json::to_value(&case.when).unwrap();
    line["id"] = json!(case.name);
    line["now"] = json!(
        case.given
            .now
            .map_or_else(|| "2026-01-01T00:00:00Z".into(), |now| now.to_string())
    );
    format!("{line}\n")
}

#[test]
fn explain_answers_the_corpus() {
    let mut tally = Tally::new(Driver::Cli);
    let cases = cases().unwrap();
    let mut by_policy: BTreeMap<String, Vec<&Case>> = BTreeMap::new();
    for case in cases.iter().filter(|case| tally.takes(case)) {
        by_policy
            .entry(case.given.policy.to_string())
            .or_default()
            .push(case);
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("policy.json");
    for (policy, cases) in by_policy {
        std::fs::write(&file, policy).unwrap();
        let requests: String = cases.iter().map(|case| line(case)).collect();
        let args = ["access", "explain", "--policy", file.to_str().unwrap()];
        let args = [&args[..], &["--requests", "-", "-o", "json"]].concat();
        let ended = run(&args, &requests);
        assert_eq!(ended.code, 0, "{ended:?}");
        let answers = ended.json_lines();
        assert_eq!(answers.len(), cases.len());
        for (case, answer) in cases.iter().zip(&answers) {
            assert_eq!(answer["id"], json!(case.name));
            tally.record(case, &case.expect, &expect(answer, case.namespace()));
        }
    }
    println!("{tally}");
    assert_eq!(tally.failures, Vec::<String>::new());
}
