//! Pods that go away under load: what they have taken on they answer.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::time::Instant;

use anyhow::Context as _;
use futures_util::future::try_join_all;
use k8s_openapi::api::core::v1::{Pod, Service};
use kube::api::DeleteParams;
use mcp_e2e::beside::Beside;
use mcp_e2e::load::{self, Tally, Way};
use mcp_e2e::{Cluster, Namespace, server, wait};

/// Takes 150 ms, so that calls are under way at any moment.
const SLOW: &str = "test_tool_with_progress";
/// Calls a second on each way.
const RATE: u32 = 15;
const REPLICAS: u32 = 3;

/// A governed server that declares the slow tool too, with this `rollout.drainSeconds`.
fn yaml(name: &str, drain_seconds: u32) -> String {
    let tools = format!("  tools:\n    - name: {SLOW}\n      sideEffect: read\n");
    let server = server::server(name, REPLICAS).replace("  tools:\n", &tools);
    format!(
        "{server}  publicPathPrefix: {name}
  rollout:
    drainSeconds: {drain_seconds}
---
{}---
{}",
        server::grant("grant", name),
        server::session("session", name),
    )
}

/// The ways that callers have to a server: its Service, on connections they keep and on a new one
/// for each call, and the ingress controller, which keeps connections of its own to the pods.
///
/// Traefik keeps its connections to the pods whatever we do with ours to it, and ours end with each
/// call: Go's reverse proxy cuts the answer to a request on a kept HTTP/1.1 connection where it
/// begins before Go has noticed that the request's body is over (golang/go#40747, docs/failures.md).
async fn ways(namespace: &Namespace, name: &str) -> anyhow::Result<[Way; 3]> {
    let service = namespace.api::<Service>().get(name).await?;
    let ip = service.spec.and_then(|spec| spec.cluster_ip);
    let service = SocketAddr::new(ip.context("no cluster IP")?.parse()?, 80);
    let ingress = namespace.cluster.url.trim_start_matches("http://");
    let ingress = ingress.to_socket_addrs()?.next().context("no address")?;
    let to_service = |name, kept| Way {
        name,
        address: service,
        path: "/mcp".into(),
        kept,
        tool: SLOW,
    };
    Ok([
        to_service("Service, kept connections", true),
        to_service("Service, new connections", false),
        Way {
            name: "Traefik",
            address: ingress,
            path: format!("/{name}/mcp"),
            kept: false,
            tool: SLOW,
        },
    ])
}

/// Deletes so many pods, one after the other, while calls arrive on every way.
async fn deletions(namespace: &Namespace, name: &str, count: usize) -> anyhow::Result<Vec<Tally>> {
    let ways = ways(namespace, name).await?;
    for way in &ways {
        wait::until(&format!("a first answer through {}", way.name), || async {
            Ok(way.call().await.ok())
        })
        .await?;
    }
    let begun = Instant::now();
    let loads = ways.map(|way| load::start(way, RATE));
    for _ in 0..count {
        let pods = namespace.await_pods(name, REPLICAS as usize).await?;
        let api = namespace.api::<Pod>();
        api.delete(&pods[0].name, &DeleteParams::default()).await?;
        wait::until("the pod to be gone", || async {
            Ok(api.get_opt(&pods[0].name).await?.is_none().then_some(()))
        })
        .await?;
    }
    namespace.await_pods(name, REPLICAS as usize).await?;
    let seconds = begun.elapsed().as_secs_f64();
    let tallies = try_join_all(loads.map(Beside::end)).await?;
    for tally in &tallies {
        println!(
            "{count} pods of {name} deleted in {seconds:.0} s, {}: {} calls answered on {} \
             connections, the slowest in {} ms, {} lost",
            tally.way,
            tally.answered,
            tally.connections,
            tally.slowest.as_millis(),
            tally.lost.len()
        );
    }
    Ok(tallies)
}

async fn tallies(word: &str, drain_seconds: u32, count: usize) -> anyhow::Result<Vec<Tally>> {
    let cluster = Cluster::connect().await?;
    let namespace = Namespace::create(&cluster, word).await?;
    // Hostless routes are the whole cluster's: the prefix is as unique as the namespace.
    let name = format!("{word}{}", std::process::id());
    namespace.create_all(&yaml(&name, drain_seconds)).await?;
    namespace.await_pods(&name, REPLICAS as usize).await?;
    namespace.await_enforced(&name).await?;
    let tallies = deletions(&namespace, &name, count).await?;
    assert!(
        tallies.iter().all(|tally| tally.answered > 0),
        "{tallies:?}"
    );
    namespace.delete().await?;
    Ok(tallies)
}

/// No call is lost when `count` pods are deleted one after the other.
pub(crate) async fn loses_nothing(count: usize) -> anyhow::Result<()> {
    for tally in tallies("drained", 5, count).await? {
        assert_eq!(tally.lost, Vec::<String>::new(), "{}", tally.way);
    }
    Ok(())
}

/// Without time to drain calls are lost: whoever asks for no loss would see it.
pub(crate) async fn loses_calls_without_a_drain(count: usize) -> anyhow::Result<()> {
    let tallies = tallies("undrained", 0, count).await?;
    let lost: usize = tallies.iter().map(|tally| tally.lost.len()).sum();
    assert!(lost > 0, "{tallies:?}");
    Ok(())
}
