//! Routes of tests' servers. One without a host is the whole cluster's, so servers of the same name
//! in two tests would stand in each other's way.

use serde_json::{Value, json};

/// The prefix of a test's server.
pub fn prefix(namespace: &str, server: &str) -> String {
    format!("{namespace}-{server}")
}

/// Gives an MCPServer that says nothing of its route one of its namespace's own.
pub(crate) fn of_its_own(namespace: &str, object: &mut Value) -> bool {
    let says_nothing = ["publicPathPrefix", "ingressHost"]
        .iter()
        .all(|field| object["spec"][field].is_null());
    if object["kind"] != "MCPServer" || !object["spec"].is_object() || !says_nothing {
        return false;
    }
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    object["spec"]["publicPathPrefix"] = json!(prefix(namespace, name));
    true
}

/// The same for every document of a text; one that isn't touched stays as it is written.
pub fn of_their_own(namespace: &str, yaml: &str) -> String {
    let Ok(mut documents) = serde_saphyr::from_multiple::<Value>(yaml) else {
        return yaml.to_owned();
    };
    let touched: Vec<bool> = documents
        .iter_mut()
        .map(|document| of_its_own(namespace, document))
        .collect();
    if !touched.contains(&true) {
        return yaml.to_owned();
    }
    let texts: Vec<String> = documents.iter().map(Value::to_string).collect();
    texts.join("\n---\n")
}
