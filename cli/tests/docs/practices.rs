//! `docs/admission-practices.md`: each row has a test that exists, or the reason why there is none.

use std::fs;

use super::markdown::{Page, code_spans, page};

/// A cell's links, each with the names that follow it.
fn proofs(cell: &str) -> Vec<(&str, Vec<&str>)> {
    let parts = cell.split("](").skip(1);
    parts
        .filter_map(|part| part.split_once(')'))
        .map(|(target, rest)| {
            let names = rest.split('[').next().unwrap_or_default();
            (target, code_spans(names).into_iter().collect())
        })
        .collect()
}

#[test]
fn every_practice_has_a_test_that_exists_or_a_reason() {
    let practices = page("admission-practices.md");
    let mut proven = 0;
    for heading in ["## The project's list", "## What others add"] {
        for row in Page::rows(&practices.section(heading)) {
            let [practice, _, proof] = row.as_slice() else {
                panic!("{row:?} isn't a row of three");
            };
            if proof.starts_with("Left") {
                continue;
            }
            let proofs = proofs(proof);
            assert!(!proofs.is_empty(), "{practice} has no proof");
            for (target, names) in proofs {
                let path = practices.path.parent().unwrap().join(target);
                let text = fs::read_to_string(&path).unwrap_or_default();
                assert!(!names.is_empty(), "{practice}: {target} and no test");
                for name in names {
                    let test = format!("fn {name}(");
                    assert!(text.contains(&test), "{practice}: {target} has no {name}");
                    proven += 1;
                }
            }
        }
    }
    assert!(proven > 30, "only {proven} tests are named");
}
