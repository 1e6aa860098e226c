//! The corpus of decisions through real objects: each policy becomes an MCPServer with grants and
//! sessions, each request goes to a pod's proxy, and its audit event must say what is expected.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use mcp_e2e::mcp::{Caller, Connection, Exchange};
use mcp_e2e::{Cluster, Namespace, documents, server, wait};
use policy::Event;
use policy::corpus::{Case, Driver, Expect, Tally, cases};
use serde_json::json;

/// Servers at a time: each is a pod of two containers on a machine of two cores.
const AT_A_TIME: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn the_cluster_decides_as_the_corpus_says() -> anyhow::Result<()> {
    let cluster = Cluster::connect().await?;
    let mut tally = Tally::new(Driver::Cluster);
    // One server for each policy, whichever cases it has.
    let mut by_policy: BTreeMap<String, Vec<Case>> = BTreeMap::new();
    for case in cases()? {
        if tally.takes(&case) {
            by_policy
                .entry(case.given.policy.to_string())
                .or_default()
                .push(case);
        }
    }
    let results: Vec<Vec<(Case, anyhow::Result<Expect>)>> =
        stream::iter(by_policy.into_values().enumerate())
            .map(|(index, cases)| run(cluster.clone(), index, cases))
            .buffer_unordered(AT_A_TIME)
            .try_collect()
            .await?;
    for (case, found) in results.into_iter().flatten() {
        match found {
            Ok(found) => tally.record(&case, &case.expect.as_event(), &found),
            Err(error) => tally.fail(&case, &format!("{error:#}")),
        }
    }
    println!("{tally}");
    assert!(tally.failures.is_empty(), "{:#?}", tally.failures);
    Ok(())
}

/// All cases of one policy on one server.
async fn run(
    cluster: Cluster,
    index: usize,
    cases: Vec<Case>,
) -> anyhow::Result<Vec<(Case, anyhow::Result<Expect>)>> {
    let document = cases[0]
        .document()?
        .expect("a policy, or the case is not for the cluster");
    let name = document.server.name.clone();
    let namespace = Namespace::create(&cluster, &format!("corpus-{index}")).await?;
    let prefix = format!("{}-{name}", namespace.name);
    for object in documents::objects(&document, &prefix) {
        namespace.create_all(&object.to_string()).await?;
    }
    let pods = namespace.await_pods(&name, 1).await?;
    namespace.await_policy(&name).await?;
    let address = server::gateway(&pods[0])?;

    let mut traces = Vec::new();
    for (n, case) in cases.iter().enumerate() {
        let trace = format!("{:032x}", (index + 1) * 1000 + n);
        let sent = send(address, case, &trace).await;
        traces.push((trace, sent));
    }
    let wanted = traces.len();
    let events: Arc<BTreeMap<String, Event>> =
        wait::until("an audit event for every case", || async {
            let mut found = BTreeMap::new();
            for event in namespace.audit_events(&pods[0].name).await? {
                let event: Event = serde_json::from_value(event)?;
                if let Some(trace) = event.trace_id.clone() {
                    found.insert(trace, event);
                }
            }
            Ok((found.len() >= wanted).then(|| Arc::new(found)))
        })
        .await?;
    let mut results = Vec::new();
    for (case, (trace, sent)) in cases.into_iter().zip(traces) {
        let found = sent.and_then(|()| {
            let event = events
                .get(&trace)
                .ok_or_else(|| anyhow::anyhow!("no audit event"))?;
            Ok(Expect::of_event(&event.payload, &namespace.name))
        });
        results.push((case, found));
    }
    namespace.delete().await?;
    Ok(results)
}

/// Sends one case's request; a denial on the wire must be the expected one.
async fn send(address: std::net::SocketAddr, case: &Case, trace: &str) -> anyhow::Result<()> {
    let subject = case.when.subject.clone().unwrap_or_default();
    let session = case.when.session.clone().unwrap_or_default();
    let caller = Caller {
        human: &subject.human,
        agent: &subject.agent,
        team: &subject.team,
        session: &session,
    };
    let exchange = Exchange {
        caller,
        traceparent: format!("00-{trace}-00000000000000ab-01"),
        method: case.when.method.as_deref(),
        params: match &case.when.name {
            Some(name) => json!({"name": name, "arguments": {}}),
            None => json!({}),
        },
    };
    let answer = Connection::open(address).await?.exchange(&exchange).await?;
    if let (Some(status), true) = (case.expect.status, case.expect.enforced) {
        anyhow::ensure!(
            answer.status == status && answer.reason() == Some(case.expect.reason.as_str()),
            "on the wire: {} {}",
            answer.status,
            answer.body
        );
    } else {
        anyhow::ensure!(
            answer.reason().is_none(),
            "denied on the wire: {}",
            answer.body
        );
    }
    Ok(())
}
