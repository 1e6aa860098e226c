//! Odd pods through the real API server and through `inject` alone: the same comes out.

use crds::{MCPServer, Server, Settings, names};
use futures_util::{StreamExt as _, stream};
use hyper::Request;
use injector::{Injection, inject, uninject};
use mcp_e2e::{Cluster, Namespace, wait};
use serde_json::{Value, json};

use crate::odd;

/// How many pods `make test` sends.
const BOUNDED: usize = 200;
/// Requests in flight.
const AT_ONCE: usize = 6;
/// What came of one pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// Accepted, and as `inject` makes it.
    Same,
    /// Refused with the denial that `inject` gives.
    Denied,
    /// No pod for the API server, with labels or without.
    Invalid,
}

struct Sample {
    namespace: Namespace,
    server: Server,
    settings: Settings,
}

/// Sends `count` odd pods; every outcome is the one that `inject` has offline.
pub(crate) async fn agree(count: usize) -> anyhow::Result<()> {
    let cluster = Cluster::connect().await?;
    // The pods are odd, and another policy's refusals are not the question.
    let namespace = Namespace::create_with_profile(&cluster, "sample", "privileged").await?;
    namespace.external_server("theirs").await?;
    let settings = cluster.settings().await?;
    let server = namespace.api::<MCPServer>().get("theirs").await?;
    let server = crds::parse(&server, &settings).unwrap();
    let sample = Sample {
        namespace: namespace.clone(),
        server,
        settings,
    };
    let sample = &sample;
    let outcomes: Vec<_> = stream::iter(odd::pods(count))
        .map(|pod| async move {
            let outcome = sample.outcome(&pod).await;
            outcome.map_err(|error| format!("{error:#}: {pod}"))
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let of = |wanted| outcomes.iter().filter(|o| **o == Ok(wanted)).count();
    let failures: Vec<_> = outcomes.iter().filter_map(|o| o.as_ref().err()).collect();
    println!(
        "odd pods through the API server: {count} sent, {} accepted and as inject makes them, {} \
         denied alike, {} no pods at all, {} differ",
        of(Outcome::Same),
        of(Outcome::Denied),
        of(Outcome::Invalid),
        failures.len()
    );
    assert!(failures.is_empty(), "{:#?}", &failures[..1]);
    assert!(of(Outcome::Same) > count / 2, "most of them are no pods");
    assert!(of(Outcome::Denied) > 0, "none is denied");
    namespace.delete().await
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_pods_are_injected_alike_here_and_there() -> anyhow::Result<()> {
    agree(BOUNDED).await
}

impl Sample {
    async fn outcome(&self, pod: &Value) -> anyhow::Result<Outcome> {
        let plain = self.create(pod).await?;
        let injected = self.create(&labelled(pod)).await?;
        let (plain, injected) = match (plain, injected) {
            (Err(_), Err(_)) => return Ok(Outcome::Invalid),
            (Err(message), Ok(_)) => anyhow::bail!("valid with the labels alone: {message}"),
            (Ok(plain), injected) => (plain, injected),
        };
        // As the API server sees the pod: that is what the webhook is sent.
        let mut offline = labelled(&plain);
        match (inject(&offline, &self.server, &self.settings)?, injected) {
            (Injection::Deny(denial), Err(message)) => {
                anyhow::ensure!(
                    message.contains(&denial.to_string()),
                    "denied otherwise: {message}; offline: {denial}"
                );
                Ok(Outcome::Denied)
            }
            (Injection::Patch { ops, .. }, Ok(injected)) => {
                json_patch::patch(&mut offline, &ops)?;
                self.compare(&plain, &injected, offline).await?;
                Ok(Outcome::Same)
            }
            (offline, injected) => {
                anyhow::bail!("offline: {offline:?}; API server: {injected:?}")
            }
        }
    }

    /// With the labels back on it, our own result is the API server's, defaults filled in; and
    /// taken back, the API server's result is what it makes of the pod without injection.
    async fn compare(&self, plain: &Value, injected: &Value, offline: Value) -> anyhow::Result<()> {
        let stored = self.create(&unlabelled(offline)).await?;
        let stored = stored.map_err(|message| anyhow::anyhow!("our own result: {message}"))?;
        let (here, there) = (lasting(labelled(&stored)), lasting(injected.clone()));
        anyhow::ensure!(here == there, "here {here}\nthere {there}");
        let (before, plain) = (uninject(&there)?, lasting(labelled(plain)));
        anyhow::ensure!(before == plain, "without ours {before}\nbefore {plain}");
        Ok(())
    }

    /// The pod as it would be stored, or the refusal; the JSON goes out as it is.
    async fn create(&self, pod: &Value) -> anyhow::Result<Result<Value, String>> {
        let path = format!(
            "/api/v1/namespaces/{}/pods?dryRun=All&fieldValidation=Ignore",
            self.namespace.name
        );
        let client = &self.namespace.cluster.client;
        wait::until("an answer that is a verdict", || async {
            let request = Request::post(&path)
                .header("content-type", "application/json")
                .body(pod.to_string().into_bytes())?;
            match client.request::<Value>(request).await {
                Ok(created) => Ok(Some(Ok(created))),
                // A webhook that can't ask the API server in time: asked again, as controllers do.
                Err(kube::Error::Api(status)) if status.code >= 500 => Ok(None),
                Err(kube::Error::Api(status)) => Ok(Some(Err(status.message.clone()))),
                Err(error) => Err(error.into()),
            }
        })
        .await
    }
}

fn labelled(pod: &Value) -> Value {
    let mut pod = pod.clone();
    pod["metadata"]["labels"] = json!({
        names::LABEL_GATEWAY: names::GATEWAY_REQUIRED,
        names::LABEL_SERVER: "theirs",
    });
    pod
}

fn unlabelled(mut pod: Value) -> Value {
    remove(&mut pod["metadata"], "labels");
    lasting(pod)
}

/// Without what the API server makes up anew each time.
fn lasting(mut pod: Value) -> Value {
    for name in ["uid", "creationTimestamp", "managedFields", "generation"] {
        remove(&mut pod["metadata"], name);
    }
    remove(&mut pod, "status");
    // The token's volume has a name of its own each time.
    let suffix = pod["spec"]["volumes"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|volume| volume["name"].as_str())
        .find(|name| name.starts_with("kube-api-access-"))
        .map(str::to_owned);
    match suffix {
        Some(name) => {
            let text = pod.to_string().replace(&name, "kube-api-access-xxxxx");
            serde_json::from_str(&text).unwrap()
        }
        None => pod,
    }
}

fn remove(object: &mut Value, name: &str) {
    if let Some(members) = object.as_object_mut() {
        members.remove(name);
    }
}
