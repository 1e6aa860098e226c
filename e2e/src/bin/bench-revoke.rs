//! `make bench-revoke`: from the PATCH that revokes a session to its denial on every pod.
//!
//! Each run calls every pod every 10 ms over a kept connection, revokes, and notes when each pod
//! denied first, when any allowed last, and when PolicyReady was true again. `quiet` leaves two
//! seconds without a change before the PATCH; `busy` changes another session five times a second
//! throughout. JSON Lines on stdout and in target/bench/revoke.jsonl, a table on stderr.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::indexing_slicing,
    reason = "results go to stdout, the table to stderr; JSON values are indexed by key"
)]

use std::io::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use clap::Parser;
use crds::MCPServer;
use mcp_e2e::mcp::Connection;
use mcp_e2e::pods::ReadyPod;
use mcp_e2e::{Cluster, Namespace, cluster, server, wait};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

/// Without a change of the server for so long, the kubelet has nothing queued for its pods.
const QUIET: Duration = Duration::from_secs(2);
const CALL_EVERY: Duration = Duration::from_millis(10);
const CHANGE_EVERY: Duration = Duration::from_millis(200);
const DEADLINE: Duration = Duration::from_secs(30);

/// Milliseconds from revoking a session to its denial on every pod of a server.
#[derive(Debug, Parser)]
struct Args {
    /// Runs of each scenario
    #[arg(long, default_value_t = 20)]
    runs: u32,
    /// Pods of the server
    #[arg(long, default_value_t = 2)]
    replicas: u32,
    /// Scenarios to run
    #[arg(long, value_delimiter = ',', default_values = ["quiet", "busy"], value_parser = ["quiet", "busy"])]
    scenario: Vec<String>,
}

/// What one run saw, in milliseconds since just before the PATCH.
struct Run {
    denied: f64,
    last_allowed: f64,
    status_ready: f64,
    calls: usize,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let cluster = Cluster::connect().await?;
    let namespace = Namespace::create(&cluster, "bench-revoke").await?;
    let pods = namespace.governed_server("bench", args.replicas).await?;
    let mut out = output()?;
    for scenario in &args.scenario {
        let noise = (scenario == "busy").then(|| tokio::spawn(change_sessions(namespace.clone())));
        let mut denied = Vec::new();
        for repeat in 0..args.runs {
            let run = revoke_once(&namespace, &pods, &format!("{scenario}-{repeat}")).await?;
            denied.push(run.denied);
            emit(&mut out, &row(scenario, repeat, &args, &run))?;
        }
        if let Some(noise) = noise {
            noise.abort();
        }
        denied.sort_by(f64::total_cmp);
        summary(&mut out, scenario, &args, &denied)?;
    }
    namespace.delete().await
}

/// One session: created, allowed everywhere, revoked, denied everywhere, never allowed again.
async fn revoke_once(
    namespace: &Namespace,
    pods: &[ReadyPod],
    session: &str,
) -> anyhow::Result<Run> {
    namespace
        .create_all(&server::session(session, "bench"))
        .await?;
    for pod in pods {
        wait::until("the new session to be allowed", || async {
            let answer = server::call(pod, server::caller(session)).await?;
            Ok((answer.status == 200).then_some(()))
        })
        .await?;
    }
    tokio::time::sleep(QUIET).await;
    let begun = Instant::now();
    let callers: Vec<_> = pods
        .iter()
        .map(|pod| tokio::spawn(watch_pod(pod.clone(), session.to_owned(), begun)))
        .collect();
    // The callers are at work before the clock that matters starts.
    tokio::time::sleep(CALL_EVERY * 5).await;
    let patched = begun.elapsed();
    namespace.revoke(session).await?;
    let status_ready = status_ready(namespace, begun).await?;
    let mut run = Run {
        denied: 0.0,
        last_allowed: 0.0,
        status_ready: millis(status_ready - patched),
        calls: 0,
    };
    for caller in callers {
        let seen = join(caller).await?;
        ensure!(seen.denied > patched, "denied before it was revoked");
        run.denied = run.denied.max(millis(seen.denied - patched));
        run.last_allowed = run
            .last_allowed
            .max(millis(seen.last_allowed.saturating_sub(patched)));
        run.calls += seen.calls;
    }
    Ok(run)
}

/// What one pod did.
struct Seen {
    denied: Duration,
    last_allowed: Duration,
    calls: usize,
}

/// Calls a pod until a second after its first denial; an allow after a denial is an error.
async fn watch_pod(pod: ReadyPod, session: String, begun: Instant) -> anyhow::Result<Seen> {
    let mut connection = Connection::open(server::gateway(&pod)?).await?;
    let mut every = tokio::time::interval(CALL_EVERY);
    let mut seen = Seen {
        denied: Duration::ZERO,
        last_allowed: Duration::ZERO,
        calls: 0,
    };
    let params = json!({"name": server::TOOL, "arguments": {}});
    while begun.elapsed() < DEADLINE {
        every.tick().await;
        let answer = connection
            .request(server::caller(&session), "tools/call", params.clone())
            .await?;
        seen.calls += 1;
        let now = begun.elapsed();
        match (answer.status, answer.reason()) {
            (200, None) if answer.body["result"].is_object() => {
                ensure!(
                    seen.denied.is_zero(),
                    "{} allowed again after its denial",
                    pod.name
                );
                seen.last_allowed = now;
            }
            (_, Some("session_revoked")) if seen.denied.is_zero() => seen.denied = now,
            (_, Some("session_revoked")) => {}
            (status, reason) => anyhow::bail!("{}: {status} {reason:?} {}", pod.name, answer.body),
        }
        if !seen.denied.is_zero() && now > seen.denied + Duration::from_secs(1) {
            return Ok(seen);
        }
    }
    anyhow::bail!("{} didn't deny within {DEADLINE:?}", pod.name)
}

/// When the server's status says that the proxies have what was rendered after the PATCH.
async fn status_ready(namespace: &Namespace, begun: Instant) -> anyhow::Result<Duration> {
    let before = revision(namespace).await?;
    wait::until("PolicyReady after the revocation", || async {
        let object = namespace.api::<MCPServer>().get("bench").await?;
        let status = serde_json::to_value(object.status)?;
        let rendered = &status["policyRevision"];
        let same = rendered == &status["enforcedPolicyRevision"];
        Ok((same && (rendered != &before || begun.elapsed() > QUIET)).then(|| begun.elapsed()))
    })
    .await
}

async fn revision(namespace: &Namespace) -> anyhow::Result<Value> {
    Ok(namespace.status("bench").await?["policyRevision"].clone())
}

/// Another session of another person, changed five times a second.
async fn change_sessions(namespace: Namespace) -> anyhow::Result<()> {
    let noise = server::session("noise", "bench").replace(server::HUMAN, "bob@example.com");
    namespace.create_all(&noise).await?;
    let mut every = tokio::time::interval(CHANGE_EVERY);
    for n in 0_u64.. {
        every.tick().await;
        let version = json!({"spec": {"policyVersion": format!("v{n}")}});
        namespace
            .patch::<crds::MCPAgentSession>("noise", version)
            .await?;
    }
    Ok(())
}

async fn join(caller: JoinHandle<anyhow::Result<Seen>>) -> anyhow::Result<Seen> {
    caller.await.context("a caller ended early")?
}

fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 10_000.0).round() / 10.0
}

fn row(scenario: &str, repeat: u32, args: &Args, run: &Run) -> Value {
    json!({
        "bench": "revoke", "scenario": scenario, "target": "mcp-proxy",
        "metric": "revoke_to_denied", "value": run.denied, "unit": "ms",
        "last_allowed_ms": run.last_allowed, "status_ready_ms": run.status_ready,
        "replicas": args.replicas, "n": run.calls, "errors": 0, "repeat": repeat,
        "commit": commit(), "status": "ok",
    })
}

fn summary(
    out: &mut std::fs::File,
    scenario: &str,
    args: &Args,
    denied: &[f64],
) -> anyhow::Result<()> {
    let at = |share: f64| {
        let last = denied.len().saturating_sub(1);
        let index = (last as f64 * share).round() as usize;
        denied.get(index).copied().unwrap_or_default()
    };
    let (median, worst) = (at(0.5), at(1.0));
    for (metric, value) in [
        ("revoke_to_denied_median", median),
        ("revoke_to_denied_worst", worst),
    ] {
        emit(
            out,
            &json!({
                "bench": "revoke", "scenario": scenario, "target": "mcp-proxy", "metric": metric,
                "value": value, "unit": "ms", "n": denied.len(), "replicas": args.replicas,
                "commit": commit(), "status": "ok",
            }),
        )?;
    }
    eprintln!(
        "revoke {scenario:6} {} runs, {} pods: median {median:.0} ms (aim 500), worst {worst:.0} ms (aim 1500)",
        denied.len(),
        args.replicas
    );
    Ok(())
}

fn output() -> anyhow::Result<std::fs::File> {
    let folder = cluster::root().join("target/bench");
    std::fs::create_dir_all(&folder)?;
    Ok(std::fs::File::create(folder.join("revoke.jsonl"))?)
}

fn emit(out: &mut std::fs::File, row: &Value) -> anyhow::Result<()> {
    println!("{row}");
    writeln!(out, "{row}")?;
    Ok(())
}

fn commit() -> String {
    let output = std::process::Command::new("git")
        .args(["rev-parse", "--short", "HEAD"])
        .current_dir(cluster::root())
        .output();
    output
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        .unwrap_or_default()
}
