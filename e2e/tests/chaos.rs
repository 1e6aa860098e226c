//! Governed pods made by their controllers while the webhook is disturbed, wave by wave.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use crds::{MCPServer, names};
use futures_util::future::try_join_all;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Event, Pod, Secret};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use mcp_e2e::always::then_always;
use mcp_e2e::mcp::Caller;
use mcp_e2e::platform::WEBHOOK;
use mcp_e2e::pods::ReadyPod;
use mcp_e2e::watching::Watching;
use mcp_e2e::{Cluster, Namespace, server, wait};
use serde_json::json;

use crate::strangers;

/// For the pods of a wave, on a machine of two busy cores.
const PATIENCE: Duration = Duration::from_secs(240);

/// What happens to the webhook in a wave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Disturbance {
    /// No replica is there until pods have been refused.
    Away,
    /// All replicas are ended at once, and again when half of the pods run.
    Kill,
    /// Its Deployment is rolled, and again when half of the pods run.
    Restart,
    /// Its certificate is issued anew, and again when half of the pods run.
    RotateLeaf,
    /// A new CA, then a certificate under it.
    RotateAuthority,
}

/// `waves.len() * servers * replicas` pods.
pub(crate) struct Plan {
    pub(crate) word: &'static str,
    pub(crate) waves: &'static [Disturbance],
    /// In each wave.
    pub(crate) servers: usize,
    /// Of each server.
    pub(crate) replicas: usize,
}

/// A server whose pods ask for little, so that a small node has room for a wave, and end soon.
fn light(name: &str) -> String {
    let gateway = "  gateway:\n    enabled: true\n";
    let resources = "    resources:\n      requests: {cpu: 5m, memory: 16Mi}\n";
    let server = server::server(name, 0).replace(gateway, &format!("{gateway}{resources}"));
    server + "  rollout:\n    drainSeconds: 1\n"
}

struct Chaos<'a> {
    plan: &'a Plan,
    namespace: Namespace,
}

/// Runs the plan. No pod runs without its proxy, all run in the end, no stranger is refused.
pub(crate) async fn run(plan: &Plan) -> anyhow::Result<()> {
    let cluster = Cluster::connect().await?;
    let namespace = Namespace::create(&cluster, plan.word).await?;
    let image = cluster.proxy_image().await?;
    let watching = Watching::start(&namespace, &image).await?;
    let chaos = Chaos {
        plan,
        namespace: namespace.clone(),
    };
    chaos.create_servers().await?;
    let strangers = strangers::start(&namespace);
    then_always(chaos.waves(), cluster.scale(WEBHOOK, 2)).await?;
    let strangers = strangers.end().await?;
    let seen = watching.end().await?;
    let refused = chaos.refusals().await?;
    let pods = plan.waves.len() * plan.servers * plan.replicas;
    println!(
        "chaos: {pods} pods wanted, {} seen in {} versions, {} ran, {} without an intact proxy; \
         {refused} creations refused and tried again; {} unlabelled pods created, {} refused",
        seen.pods.len(),
        seen.versions,
        seen.ran.len(),
        seen.flaws.len(),
        strangers.created,
        strangers.refused.len()
    );
    assert_eq!(seen.flaws, BTreeMap::new());
    assert!(seen.ran.len() >= pods, "{} of {pods} ran", seen.ran.len());
    assert_eq!(strangers.refused, Vec::<String>::new());
    assert!(strangers.created > 0);
    assert!(refused > 0, "the webhook wasn't missed: nothing was proved");
    namespace.delete().await
}

impl Chaos<'_> {
    fn servers(&self, wave: usize) -> Vec<String> {
        (0..self.plan.servers)
            .map(|n| format!("wave{wave}-{n}"))
            .collect()
    }

    /// All of them, still without pods: a server can't be created while the webhook is away.
    async fn create_servers(&self) -> anyhow::Result<()> {
        for wave in 0..self.plan.waves.len() {
            for name in self.servers(wave) {
                self.namespace.create_all(&light(&name)).await?;
            }
        }
        let wanted = self.plan.waves.len() * self.plan.servers;
        wait::until("the Deployments", || async {
            let all = self.namespace.api::<Deployment>();
            let found = all.list(&ListParams::default()).await?.items.len();
            Ok((found == wanted).then_some(()))
        })
        .await
    }

    async fn waves(&self) -> anyhow::Result<()> {
        for (wave, disturbance) in self.plan.waves.iter().enumerate() {
            self.wave(wave, *disturbance).await?;
        }
        Ok(())
    }

    async fn wave(&self, wave: usize, disturbance: Disturbance) -> anyhow::Result<()> {
        let cluster = &self.namespace.cluster;
        let servers = self.servers(wave);
        let (begun, before) = (Instant::now(), self.refusals().await?);
        disturbance.begin(cluster).await?;
        self.scale(&servers, self.plan.replicas).await?;
        if disturbance == Disturbance::Away {
            wait::until("pods to be refused", || async {
                Ok((self.refusals().await? > before).then_some(()))
            })
            .await?;
            cluster.scale(WEBHOOK, 2).await?;
        }
        let all = self.plan.servers * self.plan.replicas;
        self.await_ready(&servers, all / 2).await?;
        disturbance.again(cluster).await?;
        let pods = self.await_ready(&servers, all).await?;
        let seconds = begun.elapsed().as_secs_f64();
        try_join_all(pods.iter().map(is_guarded)).await?;
        disturbance.settled(cluster).await?;
        self.scale(&servers, 0).await?;
        let refused = self.refusals().await? - before;
        println!(
            "chaos, {disturbance:?}: {all} pods ready after {seconds:.0} s, {refused} creations refused meanwhile"
        );
        Ok(())
    }

    /// Through the scale subresource, which no webhook is asked about.
    async fn scale(&self, servers: &[String], replicas: usize) -> anyhow::Result<()> {
        let api = self.namespace.api::<MCPServer>();
        let patch = Patch::Merge(json!({"spec": {"replicas": replicas}}));
        for name in servers {
            api.patch_scale(name, &PatchParams::default(), &patch)
                .await
                .with_context(|| format!("scaling {name}"))?;
        }
        Ok(())
    }

    async fn await_ready(
        &self,
        servers: &[String],
        wanted: usize,
    ) -> anyhow::Result<Vec<ReadyPod>> {
        wait::until_within(&format!("{wanted} ready pods"), PATIENCE, || async {
            let pods = try_join_all(servers.iter().map(|name| self.namespace.ready_pods(name)));
            let pods = pods.await?.concat();
            Ok((pods.len() >= wanted).then_some(pods))
        })
        .await
    }

    /// How often a ReplicaSet was refused a pod, as its events tell.
    async fn refusals(&self) -> anyhow::Result<i32> {
        let only = ListParams::default().fields("reason=FailedCreate");
        let events = self.namespace.api::<Event>().list(&only).await?;
        Ok(events.iter().map(|event| event.count.unwrap_or(1)).sum())
    }
}

/// What answers on the gateway's port asks who is calling.
async fn is_guarded(pod: &ReadyPod) -> anyhow::Result<()> {
    let answer = server::call(pod, Caller::default()).await?;
    assert!(answer.reason().is_some(), "{}: {answer:?}", pod.name);
    Ok(())
}

impl Disturbance {
    async fn begin(self, cluster: &Cluster) -> anyhow::Result<()> {
        match self {
            Self::Away => cluster.scale(WEBHOOK, 0).await,
            Self::Kill => kill(cluster).await,
            Self::Restart => restart(cluster).await,
            Self::RotateLeaf => forget(cluster, names::WEBHOOK_TLS_SECRET).await,
            Self::RotateAuthority => forget(cluster, names::CA_SECRET).await,
        }
    }

    async fn again(self, cluster: &Cluster) -> anyhow::Result<()> {
        match self {
            // Both go on by themselves.
            Self::Away | Self::RotateAuthority => Ok(()),
            Self::Kill | Self::Restart | Self::RotateLeaf => self.begin(cluster).await,
        }
    }

    /// Until the webhook is as it was, so that each wave has its own disturbance alone.
    async fn settled(self, cluster: &Cluster) -> anyhow::Result<()> {
        wait::until("a certificate under the CA", || async {
            let secret = async |name: &str, key: &str| -> anyhow::Result<_> {
                let found = cluster.platform::<Secret>().get_opt(name).await?;
                let data = found.and_then(|secret| secret.data).unwrap_or_default();
                Ok(data.get(key).cloned())
            };
            let authority = secret(names::CA_SECRET, "tls.crt").await?;
            let signed_by = secret(names::WEBHOOK_TLS_SECRET, "ca.crt").await?;
            Ok((authority.is_some() && authority == signed_by).then_some(()))
        })
        .await?;
        cluster.scale(WEBHOOK, 2).await
    }
}

async fn kill(cluster: &Cluster) -> anyhow::Result<()> {
    let pods = cluster.platform::<Pod>();
    let only = ListParams::default().labels(&format!("app.kubernetes.io/name={WEBHOOK}"));
    pods.delete_collection(&DeleteParams::default().grace_period(0), &only)
        .await?;
    Ok(())
}

async fn restart(cluster: &Cluster) -> anyhow::Result<()> {
    cluster.platform::<Deployment>().restart(WEBHOOK).await?;
    Ok(())
}

/// What is gone, the operator issues anew.
async fn forget(cluster: &Cluster, secret: &str) -> anyhow::Result<()> {
    let secrets = cluster.platform::<Secret>();
    wait::until(&format!("Secret {secret}"), || async {
        Ok(secrets.get_opt(secret).await?.map(|_| ()))
    })
    .await?;
    secrets.delete(secret, &DeleteParams::default()).await?;
    Ok(())
}
