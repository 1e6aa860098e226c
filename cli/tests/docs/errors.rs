//! `docs/errors.md` is written by this test (UPDATE_GOLDEN=1) from the codes themselves: reasons
//! and pods' codes from their lists, problems and warnings from objects that have them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crds::{Manifest, Problem, Problems, Route, Settings, WarningCode, deleted_with_grants};
use injector::Code;
use policy::Reason;
use serde_json::Value;
use webhook::Outcome;

use super::markdown::root;

const INTRO: &str = "\
# Codes

Written from the code by a test; `UPDATE_GOLDEN=1 cargo test -p mcp-cli docs` writes it anew. Codes
are stable, texts may get better.
";

#[test]
fn the_page_of_codes_is_current() {
    let path = root().join("docs/errors.md");
    let actual = page();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, actual).unwrap();
        return;
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        expected == actual,
        "docs/errors.md isn't current; run with UPDATE_GOLDEN=1"
    );
}

fn page() -> String {
    [
        INTRO.to_owned(),
        reasons(),
        pods(),
        problems_table(),
        warnings_table(),
        outcomes(),
    ]
    .join("\n")
}

fn reasons() -> String {
    let mut text = String::from(
        "## Reasons of a call

In the JSON-RPC error's `data.reason`, the audit event, the metrics' label `reason` and `access
explain`, whose text this is. [policy.md](policy.md) has the order in which they are decided. In
oauth and kubernetes mode the session reasons answer 403.

| reason | HTTP | says |
| --- | --- | --- |
",
    );
    let (given, reserved): (Vec<Reason>, Vec<Reason>) =
        Reason::ALL.iter().partition(|reason| is_given(**reason));
    for reason in given {
        let status = reason
            .status()
            .map_or("–".to_owned(), |status| status.to_string());
        writeln!(text, "| `{reason}` | {status} | {} |", reason.message()).unwrap();
    }
    let reserved: Vec<String> = reserved
        .iter()
        .map(|reason| format!("`{reason}`"))
        .collect();
    writeln!(
        text,
        "\nReserved, and given by no proxy yet: {}.",
        reserved.join(", ")
    )
    .unwrap();
    text
}

/// Whether the decision or the proxy can end with it: their sources name it where they don't only
/// say what it means.
fn is_given(reason: Reason) -> bool {
    let mut sources = Vec::new();
    rust_files(&root().join("policy/src"), &mut sources);
    rust_files(&root().join("proxy/src"), &mut sources);
    let meaning = [
        "reason.rs",
        "message.rs",
        "corpus.rs",
        "answer.rs",
        "metrics.rs",
    ];
    let word = format!("Reason::{reason:?}");
    sources
        .iter()
        .filter(|path| !meaning.iter().any(|name| path.ends_with(name)))
        .any(|path| {
            let text = fs::read_to_string(path).unwrap();
            let mut after = text.split(&word).skip(1);
            after.any(|rest| !rest.starts_with(|c: char| c.is_alphanumeric()))
        })
}

fn pods() -> String {
    let mut text = String::from(
        "## Codes of a governed pod

In `/inject`'s denial (`CODE: field: message; remedy`), its audit annotation `code` and the webhook's
metrics. 403 is what isn't allowed, 422 what can't be.

| code | HTTP | when |
| --- | --- | --- |
",
    );
    let source = fs::read_to_string(root().join("injector/src/code.rs")).unwrap();
    for code in Code::ALL {
        let status = code
            .status()
            .map_or("allowed".to_owned(), |status| status.to_string());
        writeln!(
            text,
            "| `{code}` | {status} | {} |",
            documented(&source, *code)
        )
        .unwrap();
    }
    text
}

/// What the comment above a code says of it.
fn documented(source: &str, code: Code) -> String {
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    let variant = format!("{code} ");
    let at = lines
        .iter()
        .position(|line| line.starts_with(&variant))
        .unwrap_or_else(|| panic!("{code} isn't in injector/src/code.rs"));
    let comment = lines[..at]
        .iter()
        .rev()
        .map_while(|line| line.strip_prefix("/// "));
    let mut comment: Vec<&str> = comment.collect();
    comment.reverse();
    assert!(!comment.is_empty(), "{code} has no comment");
    comment.join(" ")
}

/// Code to the first text that goes with it.
fn problems() -> BTreeMap<&'static str, String> {
    let mut found = BTreeMap::new();
    let mut files = yaml_files("crds/tests/invalid");
    files.push(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/docs/problems.yaml"));
    for object in files.iter().flat_map(|path| objects(path)) {
        for problem in problems_of(&object) {
            found
                .entry(problem.code)
                .or_insert_with(|| format!("{} | {}", problem.message, problem.remedy));
        }
    }
    // Two of the same route, and what the schema let pass and serde doesn't: no manifest has those alone.
    let notes = serde_json::json!({"metadata": {"name": "notes"}, "spec": {"image": "notes:1"}});
    let route = Route::of(&serde_json::from_value(notes).unwrap());
    let taken = route.problem(&route, &settings());
    let error = serde_json::from_str::<bool>("\"yes\"").unwrap_err();
    for problem in [taken, Problem::unreadable("", &error)] {
        let row = format!("{} | {}", problem.message, problem.remedy);
        found.insert(problem.code, row);
    }
    found
}

fn problems_of(object: &Value) -> Problems {
    let outcome = match crds::read(object) {
        Err(problems) => return problems,
        Ok(Manifest::Server(server)) => crds::parse(&server, &settings()).map(drop),
        Ok(Manifest::Grant(grant)) => crds::parse_grant(&grant).map(drop),
        Ok(Manifest::Session(session)) => crds::parse_session(&session).map(drop),
    };
    outcome.err().unwrap_or_default()
}

fn problems_table() -> String {
    let mut text = String::from(
        "## Problems of an object

What makes an MCPServer, MCPAccessGrant or MCPAgentSession invalid: the reason of a cause in
`/validate`'s denial, and its audit annotation `code`. Where schema or CEL refuse the object first,
the API server says the same text with a reason of its own. The example is one of several where a
code has more than one text.

| code | for example | remedy |
| --- | --- | --- |
",
    );
    for (code, row) in problems() {
        writeln!(text, "| `{code}` | {row} |").unwrap();
    }
    text
}

/// How a warning is told: the first line of the manifests that have it.
fn told(code: WarningCode) -> String {
    if code == WarningCode::DeletedWithGrants {
        // Of no manifest: a deletion's.
        return deleted_with_grants(&["ann", "ben"]).message;
    }
    let path = root().join(format!("crds/tests/warned/{code}.yaml"));
    let text = fs::read_to_string(path).unwrap();
    let first = text.lines().next().unwrap_or_default();
    let (_, told) = first.split_once(": ").unwrap_or_default();
    told.trim_start_matches("error: ").replace('|', "\\|")
}

fn warnings_table() -> String {
    let mut text = String::from(
        "## Warnings

What is valid and probably not meant, or not acted on yet: `Warning: message (code)` of `kubectl
apply`, the `warnings` of `mcp-runtime validate`, and, where it is about something not supported, the
server's status. At apply five lines are told at most, the last of which says how many more there are.
`crds/tests/warned` has manifests for each that manifests can have, with a neighbour that doesn't get it.

| code | when | for example |
| --- | --- | --- |
",
    );
    for code in WarningCode::ALL {
        writeln!(text, "| `{code}` | {} | {} |", code.when(), told(*code)).unwrap();
    }
    text
}

fn outcomes() -> String {
    let mut text = String::from(
        "## Outcomes of a review

Where no code above says what became of a review, one of these does: the label `code` of
`mcp_webhook_requests_total`, the log's `code`, and of HTTP 200 the audit annotation `code`. What isn't
200 is no answer to the API server, which then goes by the webhook's failurePolicy.

| code | HTTP | when |
| --- | --- | --- |
",
    );
    for outcome in Outcome::ALL {
        let (code, status, when) = (outcome.as_str(), outcome.status(), outcome.when());
        writeln!(text, "| `{code}` | {status} | {when} |").unwrap();
    }
    text
}

/// Codes have no public list; the words in the sources that are used as one, then.
#[test]
fn the_page_has_every_code_that_the_sources_have() {
    let mut sources = Vec::new();
    rust_files(&root().join("crds/src"), &mut sources);
    let mut codes = BTreeSet::new();
    for path in sources {
        let text = fs::read_to_string(&path).unwrap();
        for part in text.split("code: \"").skip(1) {
            codes.extend(part.split_once('"').map(|(code, _)| code.to_owned()));
        }
        // This gives them as arguments, a line each.
        if path.ends_with("schema/check.rs") {
            codes.extend(text.lines().filter_map(alone).map(str::to_owned));
        }
    }
    assert!(codes.len() > 40, "only {codes:?}");
    let mut told: BTreeSet<String> = problems().into_keys().map(str::to_owned).collect();
    told.extend(WarningCode::ALL.iter().map(ToString::to_string));
    let missing: Vec<_> = codes.difference(&told).collect();
    assert_eq!(
        missing, [""; 0],
        "add an object to tests/docs/*.yaml that has them"
    );
}

/// A line that is nothing but a code.
fn alone(line: &str) -> Option<&str> {
    let word = line.trim().strip_prefix('"')?.strip_suffix("\",")?;
    let snake = word.contains('_') && word.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    snake.then_some(word)
}

fn settings() -> Settings {
    Settings {
        proxy_images: vec!["mcp-runtime:dev".into()],
        ..Settings::default()
    }
}

fn objects(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    serde_saphyr::from_multiple(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn yaml_files(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join(folder)).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "yaml")
    });
    files.sort();
    files
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}
