//! Is it up?

use std::time::Duration;

use serde_json::Value;

use crate::record::Record;
use crate::{dns, exec, firewall, kubectl, place, traefik, wait};

/// How long a cluster whose processes all run may take to answer, on a machine that compiles besides.
const PATIENCE: Duration = Duration::from_secs(60);

/// Whether the machine has a cluster that was booted since the machine was.
pub fn is_there() -> bool {
    Record::read()
        .ok()
        .flatten()
        .is_some_and(|record| record.complete && record.is_of_this_boot())
}

/// What is wrong with the recorded cluster; empty means that it can be used.
pub fn problems(record: &Record) -> Vec<String> {
    if !record.is_of_this_boot() {
        return vec!["the machine was rebooted since".to_owned()];
    }
    let mut problems: Vec<String> = record
        .processes
        .iter()
        .filter(|process| !process.is_alive())
        .map(|process| {
            let log = exec::tail(&place::log(&process.name), 5);
            format!("{} has ended; {log}", process.name)
        })
        .collect();
    if !record.complete {
        problems.push("its boot was cut short".to_owned());
    }
    problems.extend(firewall::enforces().err());
    if problems.is_empty() {
        let answers = || Ok(api_server().and_then(|()| node()).and_then(|()| addons()));
        let outcome = wait::until("an answer", PATIENCE, answers);
        problems.extend(outcome.err().map(|error| format!("{error:#}")));
    }
    problems
}

/// Whether what runs as pods answers.
///
/// # Errors
/// Why not.
pub fn addons() -> Result<(), String> {
    dns::answers().and_then(|()| traefik::answers())
}

/// Whether the API server says that it is ready.
///
/// # Errors
/// Why not.
pub fn api_server() -> Result<(), String> {
    kubectl::run(&["get", "--raw", "/readyz", "--request-timeout=5s"])
        .map(drop)
        .map_err(|error| format!("{error:#}"))
}

/// Whether the node is Ready.
///
/// # Errors
/// Why not.
pub fn node() -> Result<(), String> {
    let node = kubectl::get(&["node", place::NODE, "--request-timeout=5s"])
        .map_err(|error| format!("{error:#}"))?;
    if kubectl::condition(&node, "Ready") == "True" {
        return Ok(());
    }
    let conditions = node.pointer("/status/conditions").and_then(Value::as_array);
    let ready = conditions
        .into_iter()
        .flatten()
        .find(|condition| condition["type"] == "Ready");
    Err(
        ready.map_or("no condition Ready yet".to_owned(), |condition| {
            format!("{}", condition["message"])
        }),
    )
}
