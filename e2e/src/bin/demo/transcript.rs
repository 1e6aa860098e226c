//! How the transcript looks.

use mcp_e2e::Cluster;
use mcp_e2e::kubectl::Ended;

/// A step's heading.
pub(crate) fn heading(text: &str) {
    println!("\n### {text}\n");
}

/// A remark.
pub(crate) fn say(text: &str) {
    println!("{text}");
}

/// What came back, indented.
pub(crate) fn show(text: &str) {
    for line in text.trim_end().lines() {
        println!("    {line}");
    }
}

/// Runs kubectl as a user would, showing command and output.
pub(crate) async fn kubectl(cluster: &Cluster, line: &str, input: &str) -> anyhow::Result<Ended> {
    println!("$ kubectl {line}");
    if !input.is_empty() {
        for line in input.trim_end().lines() {
            println!("  | {line}");
        }
    }
    let arguments: Vec<&str> = line.split_whitespace().collect();
    let ended = cluster.kubectl(&arguments, input).await?;
    show(&ended.stdout);
    show(&ended.stderr);
    Ok(ended)
}
