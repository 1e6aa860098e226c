//! `validate` over manifests.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::run::{Ended, run};

const SHOP: &str = "\
# The shop.
apiVersion: mcpruntime.org/v1alpha1
kind: MCPServer
metadata: {name: shop, namespace: team-a}
spec:
  image: registry.example/shop:1
  stateless: true
  gateway: {enabled: true}
  session: {required: true}
  tools:
    - {name: list, sideEffect: read}
";
const GRANT: &str = "\
apiVersion: mcpruntime.org/v1alpha1
kind: MCPAccessGrant
metadata: {name: ann, namespace: team-a}
spec:
  serverRef: {name: shop}
  subject: {humanID: ann}
  allowedSideEffects: [read]
  toolRules:
    - name: list
      decision: allow
    - name: drop
      decision: allow
";

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

/// Runs it over a folder; its name isn't in the answer.
fn validate(folder: &TempDir, more: &[&str]) -> Ended {
    let path = folder.path().to_str().unwrap();
    let ended = run(&[&["validate", "-f", path], more].concat(), "");
    Ended {
        stdout: ended.stdout.replace(&format!("{path}/"), ""),
        ..ended
    }
}

fn results(ended: &Ended) -> Vec<Value> {
    let answer: Value = serde_json::from_str(&ended.stdout).unwrap();
    answer["results"].as_array().unwrap().clone()
}

#[test]
fn a_valid_set_is_a_yes_with_its_warnings() {
    let known = GRANT.replace("drop", "list").replace(
        "    - name: list\n      decision: allow\n    - name: list",
        "    - name: list",
    );
    let ended = validate(&folder(&[("a.yaml", &known), ("b.yaml", SHOP)]), &[]);
    assert_eq!(
        (ended.code, ended.stderr.trim()),
        (0, "2 objects valid"),
        "{}",
        ended.stdout
    );
    assert!(
        ended
            .stdout
            .starts_with("b.yaml:5: warning: spec.auth.mode: header believes"),
        "{}",
        ended.stdout
    );
}

#[test]
fn what_is_wrong_is_told_as_compilers_do() {
    let shop = SHOP.replace(
        "  stateless: true\n",
        "  statless: true\n  port: \"8088\"\n",
    );
    let ended = validate(&folder(&[("shop.yaml", &shop)]), &[]);
    assert_eq!(ended.code, 1);
    assert_eq!(ended.stderr, "1 of 1 object invalid\n");
    assert_eq!(
        ended.stdout,
        "shop.yaml:8: error: spec.port: \"8088\": this is a string, not a whole number; write a number without quotes (wrong_type)\n\
         shop.yaml:7: error: spec.statless: there is no such field; leave it out; kubectl explain shows the fields there are (unknown_field)\n"
    );
}

#[test]
fn a_misspelt_field_of_the_metadata_is_an_error_as_in_kubectl() {
    let shop = SHOP.replace("namespace: team-a}", "namespace: team-a, lables: {a: b}}");
    let ended = validate(&folder(&[("shop.yaml", &shop)]), &["-o", "json"]);
    let errors = &results(&ended)[0]["errors"];
    assert_eq!(
        (&errors[0]["field"], &errors[0]["code"], &errors[0]["line"]),
        (
            &json!("metadata.lables"),
            &json!("unknown_field"),
            &json!(4)
        )
    );
}

/// Appliers send grants before servers; whoever has the whole set at hand knows better.
#[test]
fn a_rule_for_an_unknown_tool_is_an_error_where_the_server_is_in_the_set() {
    let grant = folder(&[("grant.yaml", GRANT)]);
    let alone = validate(&grant, &["-o", "json"]);
    assert_eq!(alone.code, 0);
    assert_eq!(
        results(&alone)[0]["warnings"][0]["code"],
        "server_not_found"
    );

    let servers = folder(&[("shop.yaml", SHOP)]);
    let ended = validate(
        &grant,
        &["-o", "json", "--objects", servers.path().to_str().unwrap()],
    );
    assert_eq!(ended.code, 1);
    assert_eq!(
        results(&ended),
        [json!({
            "file": "grant.yaml", "line": 1, "kind": "MCPAccessGrant", "namespace": "team-a", "name": "ann", "valid": false,
            "errors": [{
                "code": "unknown_tool", "field": "spec.toolRules[1].name", "line": 11, "value": "drop",
                "message": "MCPServer shop declares no tool of this name",
                "remedy": "write one of list, or declare it in the server's spec.tools",
            }],
            "warnings": [],
        })]
    );
}

#[test]
fn two_servers_of_a_set_with_one_route_are_an_error_of_the_second() {
    let other = SHOP.replace("name: shop", "name: till") + "  publicPathPrefix: shop\n";
    let ended = validate(
        &folder(&[("a.yaml", SHOP), ("b.yaml", &other)]),
        &["-o", "json"],
    );
    let told: Vec<_> = results(&ended)
        .into_iter()
        .map(|result| (result["file"].clone(), result["errors"][0]["code"].clone()))
        .collect();
    assert_eq!(
        told,
        [
            (json!("a.yaml"), Value::Null),
            (json!("b.yaml"), json!("route_taken"))
        ]
    );
}

#[test]
fn objects_of_other_groups_are_passed_over_and_those_of_no_kind_are_not() {
    let other = "apiVersion: v1\nkind: Service\nmetadata: {name: x}\n---\napiVersion: toolhive.example/v1\nkind: MCPServer\n";
    let ended = validate(&folder(&[("other.yaml", other)]), &["-o", "json"]);
    assert_eq!((ended.code, results(&ended).len()), (0, 0));
    assert_eq!(
        ended.stderr,
        "no object of mcp-runtime, 2 of other kinds passed over\n"
    );
    let ended = validate(&folder(&[("none.yaml", "spec: {}\n")]), &["-o", "json"]);
    assert_eq!(
        (ended.code, &results(&ended)[0]["errors"][0]["code"]),
        (1, &json!("unknown_kind"))
    );
}

#[test]
fn standard_input_may_be_a_list_in_json_as_kubectl_writes_it() {
    let shop: Value = serde_saphyr::from_str(SHOP).unwrap();
    let mut bad = shop.clone();
    bad["metadata"]["name"] = "mcp-proxy".into();
    let list = json!({"apiVersion": "v1", "kind": "List", "items": [shop, bad]});
    let text = serde_json::to_string_pretty(&list).unwrap();
    let ended = run(&["validate", "-f", "-"], &text);
    assert_eq!(ended.code, 1);
    let error = ended
        .stdout
        .lines()
        .find(|line| line.contains("error"))
        .unwrap();
    let line = 1 + text
        .lines()
        .position(|l| l.contains("\"mcp-proxy\""))
        .unwrap();
    assert!(
        error.starts_with(&format!(
            "stdin:{line}: error: metadata.name: \"mcp-proxy\""
        )),
        "{error}"
    );
}

#[test]
fn an_image_of_the_gateway_is_judged_by_the_settings() {
    let shop = SHOP.replace(
        "{enabled: true}",
        "{enabled: true, image: 'mcp-runtime:v2'}",
    );
    let manifests = folder(&[("shop.yaml", &shop)]);
    assert_eq!(validate(&manifests, &[]).code, 0);
    let settings = folder(&[("settings.yaml", "proxyImages: ['mcp-runtime:v1']\n")]);
    let settings = settings.path().join("settings.yaml");
    let ended = validate(&manifests, &["--settings", settings.to_str().unwrap()]);
    assert_eq!(ended.code, 1);
    assert!(ended.stdout.contains("gateway_image_not_allowed"));
}

#[test]
fn a_text_that_cant_be_read_is_no_answer() {
    for text in ["a: [", "a: 1\na: 2\n"] {
        let ended = validate(&folder(&[("broken.yaml", text)]), &[]);
        assert_eq!(ended.code, 2, "{text}: {}", ended.stderr);
        assert!(ended.stderr.contains("broken.yaml"), "{}", ended.stderr);
    }
    assert_eq!(run(&["validate", "-f", "/nowhere"], "").code, 2);
}

/// Folders are read whole, each file once, also where a link leads back to where it is.
#[test]
fn a_folder_is_read_in_the_order_of_its_names_and_a_loop_of_links_is_an_error() {
    let files = folder(&[("b.yaml", SHOP), ("a.yml", GRANT), ("notes.txt", "a: [")]);
    let deeper = files.path().join("aa");
    std::fs::create_dir(&deeper).unwrap();
    std::fs::write(deeper.join("c.json"), "{\"kind\": \"Unknown\"}").unwrap();
    let ended = validate(&files, &["-o", "json"]);
    let read: Vec<Value> = results(&ended)
        .iter()
        .map(|result| result["file"].clone())
        .collect();
    assert_eq!(read.len(), 3, "{}", ended.stdout);
    for (file, ending) in read.iter().zip(["/a.yml", "/aa/c.json", "/b.yaml"]) {
        assert!(
            format!("/{}", file.as_str().unwrap()).ends_with(ending),
            "{file}"
        );
    }
    std::os::unix::fs::symlink(files.path(), deeper.join("back")).unwrap();
    let ended = validate(&files, &[]);
    assert_eq!((ended.code, ended.stdout.as_str()), (2, ""));
    assert!(ended.stderr.contains("can't read"), "{}", ended.stderr);
}
