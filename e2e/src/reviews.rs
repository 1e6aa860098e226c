//! Dry-run creates at a fixed rate over kept connections, each of which our webhooks have a part in:
//! MCPServers for `/default` and `/validate`, governed pods for `/inject`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::DynamicObject;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::beside::Beside;
use crate::{Namespace, objects, server, wait};

/// Time for one call; the webhooks' own is five seconds.
const PATIENCE: Duration = Duration::from_secs(15);
const OUTSIDE: &str = "apiVersion: mcpruntime.org/v1alpha1
kind: MCPServer
metadata: {name: outside}
spec:
  workload: external
  gateway: {enabled: true}
";

/// What came of the calls.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// How long each took that was answered as it should be, shortest first.
    pub answered: Vec<Duration>,
    /// When each of the others began, and what was wrong.
    pub lost: Vec<(Duration, String)>,
    /// From the first call to the last answer.
    pub lasted: Duration,
}

impl Tally {
    /// One line of figures for a report.
    pub fn figures(&self, what: &str) -> String {
        let at = |part: usize| {
            let index = (self.answered.len() * part / 1000).min(self.answered.len().max(1) - 1);
            let took = self.answered.get(index).copied().unwrap_or_default();
            took.as_secs_f64() * 1000.0
        };
        format!(
            "admission {what}: calls={} failed={} seconds={:.0} per_second={:.0} p50_ms={:.1} p99_ms={:.1} max_ms={:.1}",
            self.calls(),
            self.lost.len(),
            self.lasted.as_secs_f64(),
            self.per_second(),
            at(500),
            at(990),
            at(1000),
        )
    }

    /// The rate that was reached, of calls that were answered and of those that were lost.
    pub fn per_second(&self) -> f64 {
        f64::from(u32::try_from(self.calls()).unwrap_or(u32::MAX)) / self.lasted.as_secs_f64()
    }

    fn calls(&self) -> usize {
        self.answered.len() + self.lost.len()
    }
}

/// Calls that go on beside a test.
pub struct Reviews {
    calls: Arc<Calls>,
    per_second: u32,
    beside: Beside<Tally>,
}

impl Reviews {
    /// So many calls a second, each at its time, whether those before are answered or not. The client
    /// repeats none.
    pub async fn start(namespace: &Namespace, per_second: u32) -> anyhow::Result<Self> {
        namespace.create_all(OUTSIDE).await?;
        let calls = Arc::new(Calls::new(namespace).await?);
        let beside = Beside::start(|stopped| go_on(Arc::clone(&calls), per_second, stopped));
        Ok(Self {
            calls,
            per_second,
            beside,
        })
    }

    /// Waits until so many calls are over, answered or lost: for the time that they take at their
    /// rate, and as long as for anything else.
    pub async fn await_calls(&self, wanted: usize) -> anyhow::Result<()> {
        let seconds = u64::try_from(wanted)?.div_ceil(u64::from(self.per_second));
        let patience = Duration::from_secs(seconds) + wait::DEADLINE;
        wait::until_within(&format!("{wanted} calls"), patience, || async {
            let over = self.calls.over.load(Ordering::Relaxed);
            Ok((over >= wanted).then_some(()))
        })
        .await
    }

    /// Ends them, when every call that was begun has its answer.
    pub async fn end(self) -> anyhow::Result<Tally> {
        self.beside.end().await
    }
}

async fn go_on(
    calls: Arc<Calls>,
    per_second: u32,
    mut stopped: oneshot::Receiver<()>,
) -> anyhow::Result<Tally> {
    let begun = Instant::now();
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / per_second);
    let mut open = JoinSet::new();
    let mut count = 0_usize;
    let mut tally = Tally::default();
    loop {
        tokio::select! {
            _ = ticks.tick() => {
                let (calls, at, pod) = (Arc::clone(&calls), begun.elapsed(), count % 2 == 1);
                count += 1;
                open.spawn(async move { (at, calls.timed(pod).await) });
            }
            Some(ended) = open.join_next() => tally.note(ended.context("a call panicked")?),
            _ = &mut stopped => break,
        }
    }
    while let Some(ended) = open.join_next().await {
        tally.note(ended.context("a call panicked")?);
    }
    tally.lasted = begun.elapsed();
    tally.answered.sort_unstable();
    Ok(tally)
}

impl Tally {
    fn note(&mut self, (at, outcome): (Duration, Result<Duration, String>)) {
        match outcome {
            Ok(took) => self.answered.push(took),
            Err(error) => self.lost.push((at, error)),
        }
    }
}

struct Calls {
    servers: Api<DynamicObject>,
    server: DynamicObject,
    pods: Api<Pod>,
    pod: Pod,
    over: AtomicUsize,
}

impl Calls {
    async fn new(namespace: &Namespace) -> anyhow::Result<Self> {
        let once = namespace.cluster.without_retry().await?;
        let server = objects::parse(&server::server("asked", 1))?;
        let server = server.into_iter().next().context("no server")?;
        let labels = "{mcpruntime.org/gateway: required, mcpruntime.org/server: outside}";
        Ok(Self {
            servers: objects::dynamic(&once, &server, Some(&namespace.name)).await?,
            server,
            pods: Api::namespaced(once.client, &namespace.name),
            pod: serde_saphyr::from_str(&server::pod("asked", labels))?,
            over: AtomicUsize::new(0),
        })
    }

    async fn timed(&self, pod: bool) -> Result<Duration, String> {
        let begun = Instant::now();
        let call = async {
            match pod {
                true => self.create_pod().await,
                false => self.create_server().await,
            }
        };
        let outcome = match tokio::time::timeout(PATIENCE, call).await {
            Ok(Ok(())) => Ok(begun.elapsed()),
            Ok(Err(error)) => Err(error),
            Err(_) => Err("no answer in time".into()),
        };
        self.over.fetch_add(1, Ordering::Relaxed);
        outcome
    }

    /// Whether `/default` was asked shows in what it fills in alone: its failures are ignored.
    async fn create_server(&self) -> Result<(), String> {
        let created = self.servers.create(&objects::dry_run(), &self.server).await;
        let created = created.map_err(|error| error.to_string())?;
        match created.data.pointer("/spec/publicPathPrefix") {
            Some(_) => Ok(()),
            None => Err("/default wasn't heard".into()),
        }
    }

    async fn create_pod(&self) -> Result<(), String> {
        let created = self.pods.create(&objects::dry_run(), &self.pod).await;
        let created = created.map_err(|error| error.to_string())?;
        let containers = created.spec.and_then(|spec| spec.init_containers);
        let proxy = |name: &str| name == crds::names::PROXY_CONTAINER;
        match containers
            .unwrap_or_default()
            .iter()
            .any(|c| proxy(&c.name))
        {
            true => Ok(()),
            false => Err(format!("no proxy in {:?}", created.metadata.name)),
        }
    }
}
