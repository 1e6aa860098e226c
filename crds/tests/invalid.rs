//! Manifests that are refused, each with what is said of it in its first lines.

use std::collections::BTreeSet;

use mcp_crds::{Manifest, Problems, parse, parse_grant, parse_session, read};

use crate::files::{documents, golden_head, settings, yaml_files};

#[test]
fn every_invalid_manifest_is_refused_with_code_field_and_remedy() {
    let mut codes = BTreeSet::new();
    for path in yaml_files("tests/invalid") {
        let mut told = String::new();
        for document in documents(&path) {
            let problems = problems_of(&document);
            assert!(!problems.is_empty(), "{} is accepted", path.display());
            for problem in problems.iter() {
                codes.insert(problem.code);
                told.push_str(&format!(
                    "# {}: {}\n# {}\n# {}\n",
                    problem.field, problem.code, problem.message, problem.remedy
                ));
            }
        }
        golden_head(&path, &told);
    }
    assert!(codes.len() >= 50, "only {} codes: {codes:?}", codes.len());
}

/// What `mcp-runtime validate -f` says.
fn problems_of(document: &serde_json::Value) -> Problems {
    let outcome = match read(document) {
        Err(problems) => return problems,
        Ok(Manifest::Server(server)) => parse(&server, &settings()).map(drop),
        Ok(Manifest::Grant(grant)) => parse_grant(&grant).map(drop),
        Ok(Manifest::Session(session)) => parse_session(&session).map(drop),
    };
    outcome.err().unwrap_or_default()
}
