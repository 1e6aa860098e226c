//! What is measured, what stands behind it, and what it is asked.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use mcp_bench::load::Load;
use mcp_bench::target::{Cores, Target, free, this_program};

/// The server behind all targets.
pub(crate) fn backend(cores: Cores) -> Target {
    let [address] = free();
    let mut command = this_program();
    command.args(["backend", &address.to_string()]);
    Target::start("backend", address, command, cores.rest)
}

/// The proxy that decides nothing.
pub(crate) fn floor(backend: &Target, cores: Cores) -> Target {
    let [address] = free();
    let mut command = this_program();
    command.args(["floor", &address.to_string(), &backend.address.to_string()]);
    Target::start("floor", address, command, cores.target)
}

/// Ours, with 1,000 sessions and 100 grants, its events going where they cost least.
pub(crate) fn proxy(backend: &Target, cores: Cores, folder: &Path) -> Target {
    let [address, admin] = free();
    let policy = folder.join("policy.json");
    std::fs::write(&policy, document()).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_mcp-proxy"));
    command.args([
        "--policy",
        &policy.display().to_string(),
        "--upstream",
        &format!("http://{}", backend.address),
        "--listen",
        &address.to_string(),
        "--admin-listen",
        &admin.to_string(),
        "--log-level",
        "error",
    ]);
    Target::start("mcp-proxy", address, command, cores.target)
}

/// A `tools/call` of about 1 KiB that is allowed, and the backend's answer to it.
pub(crate) fn load() -> Load {
    let text = "x".repeat(900);
    let body = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"echo","arguments":{{"message":"{text}"}}}}}}"#
    );
    let request = format!(
        "POST /mcp HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n\
         Accept: application/json, text/event-stream\r\nMCP-Protocol-Version: 2025-11-25\r\n\
         X-MCP-Human-ID: ann\r\nX-MCP-Agent-ID: ops\r\nX-MCP-Agent-Session: s-500\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    Load {
        request: request.into_bytes(),
        expected: crate::backend::answer().into_bytes(),
        // The backend needs the core.
        awake: Duration::ZERO,
    }
}

fn document() -> String {
    let mut grants = String::new();
    let mut sessions = String::new();
    for number in 0..100 {
        let human = if number == 50 {
            "ann".to_owned()
        } else {
            format!("human-{number}")
        };
        write!(
            grants,
            r#"{{"name":"g-{number}","namespace":"bench","human_id":"{human}","max_trust":"high","allowed_side_effects":["read"]}},"#
        )
        .unwrap();
    }
    for number in 0..1000 {
        let human = if number == 500 {
            "ann".to_owned()
        } else {
            format!("human-{number}")
        };
        write!(
            sessions,
            r#"{{"name":"s-{number}","namespace":"bench","human_id":"{human}","consented_trust":"high"}},"#
        )
        .unwrap();
    }
    format!(
        r#"{{"schema_version":"v1","server":{{"name":"bench","namespace":"bench"}},"auth":{{"mode":"header"}},"tools":[{{"name":"echo","side_effect":"read"}}],"grants":[{}],"sessions":[{}]}}"#,
        grants.trim_end_matches(','),
        sessions.trim_end_matches(',')
    )
}
