//! Links lead somewhere, and so do the names of make targets.

use std::collections::BTreeSet;
use std::fs;

use super::markdown::{Page, code_spans, pages, root};

/// Targets of `[text](target)`.
fn links(prose: &str) -> Vec<&str> {
    prose
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target)
        .collect()
}

/// A heading as GitHub makes an anchor of it.
fn anchor(heading: &str) -> String {
    let kept = heading
        .chars()
        .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

fn anchors(page: &Page) -> BTreeSet<String> {
    let prose = page.prose();
    let headings = prose.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| anchor(line.trim_start_matches('#').trim()))
        .collect()
}

#[test]
fn every_relative_link_leads_to_a_file_and_every_anchor_to_a_heading() {
    for page in pages() {
        for target in links(&page.prose()) {
            if target.contains("://") {
                continue;
            }
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let path = match file {
                "" => page.path.clone(),
                file => page.path.parent().unwrap().join(file),
            };
            assert!(path.exists(), "{}: {target}", page.name());
            if !anchor.is_empty() {
                let text = fs::read_to_string(&path).unwrap();
                let found = anchors(&Page { path, text });
                assert!(
                    found.contains(anchor),
                    "{}: {target}: {found:?}",
                    page.name()
                );
            }
        }
    }
}

#[test]
fn every_page_is_reachable_from_the_readme() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    for page in pages().iter().filter(|page| page.name() != "README.md") {
        let path = page.path.strip_prefix(root()).unwrap();
        let link = format!("]({})", path.display());
        assert!(
            readme.contains(&link),
            "README.md doesn't link to {}",
            page.name()
        );
    }
}

/// Targets of the Makefile that `make help` lists.
fn targets() -> BTreeSet<String> {
    let makefile = fs::read_to_string(root().join("Makefile")).unwrap();
    makefile
        .lines()
        .filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase()) && line.contains(" ## "))
        .filter_map(|line| line.split_once(':'))
        .map(|(target, _)| target.to_owned())
        .collect()
}

#[test]
fn every_make_target_named_is_one_and_interfaces_names_them_all() {
    let known = targets();
    assert!(known.contains("build"), "{known:?}");
    let mut in_interfaces = BTreeSet::new();
    for page in pages() {
        let blocks = page.blocks();
        let shell = blocks
            .iter()
            .filter(|block| ["sh", "console"].contains(&block.language));
        let lines = shell.flat_map(|block| block.text.lines());
        let spans = page.prose();
        for command in lines.chain(code_spans(&spans)) {
            let command = command.trim_start_matches("$ ");
            let mut words = command
                .split_whitespace()
                .skip_while(|word| word.contains('='));
            if words.next() != Some("make") {
                continue;
            }
            for target in words
                .take_while(|word| *word != "#")
                .filter(|word| !word.contains('='))
            {
                assert!(known.contains(target), "{}: make {target}", page.name());
                if page.name() == "interfaces.md" {
                    in_interfaces.insert(target.to_owned());
                }
            }
        }
    }
    let missing: Vec<_> = known.difference(&in_interfaces).collect();
    assert!(
        missing.is_empty(),
        "interfaces.md doesn't say what make {missing:?} does"
    );
}
