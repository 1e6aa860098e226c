//! Puts the role together and keeps it running: the only place that knows every part.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use k8s_openapi::jiff::Timestamp;
use kube::Client;
use prometheus_client::registry::Registry;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::args::{Args, address};
use crate::caches::Caches;
use crate::clerk::Clerk;
use crate::context::{Context, Memory};
use crate::delivery::{Delivery, Tools};
use crate::fence::Fence;
use crate::images;
use crate::injectors::{self, Injectors};
use crate::lease::{Candidate, Terms};
use crate::metrics::Metrics;
use crate::nudge;
use crate::queue::Queue;
use crate::settings::{self, LiveSettings};
use crate::switch;
use crate::tls;
use crate::watching::{Watching, watch_everything};
use crate::work::work;
use crate::writes::Writes;

/// Runs the operator until SIGTERM or SIGINT, then gives the lease back.
///
/// # Errors
/// When the settings or the cluster's address can't be read, a listener can't be had, the lease
/// is lost, or one of the parts ends that shouldn't.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let settings = args.effective_settings()?;
    let client = Client::try_default().await.context("finding the cluster")?;
    let mut registry = Registry::default();
    let metrics = Metrics::new(&mut registry);
    // One that waits for its turn is as ready as it can be: a rollout has to go on past it.
    let health = process::health_router(process::Readiness::default());
    let exposition = process::metrics_router(Arc::new(registry));
    let mut candidate = Candidate::new(
        client.clone(),
        &args.namespace,
        identity(&args.identity),
        Terms::default(),
    );
    let health_address = address(&args.health_probe_bind_address);
    let metrics_address = address(&args.metrics_bind_address);
    let part = Part {
        client,
        settings,
        metrics,
    };
    let ended = tokio::select! {
        ended = lead(&args, part, &mut candidate) => ended,
        ended = process::serve(&health_address, health) => ended.context("health"),
        ended = process::serve(&metrics_address, exposition) => ended.context("metrics"),
        asked = process::requested() => asked.context("signals"),
    };
    if args.leader_elect
        && let Err(error) = candidate.release().await
    {
        tracing::warn!(error = %crate::chain::Chain(&error), "leader election");
    }
    ended
}

/// What the leader's parts are made of.
struct Part {
    client: Client,
    settings: crds::Settings,
    metrics: Metrics,
}

/// Waits for the lease, then works; ends with an error alone.
async fn lead(args: &Args, part: Part, candidate: &mut Candidate) -> anyhow::Result<()> {
    let Part {
        client,
        settings,
        metrics,
    } = part;
    if !args.leader_elect {
        return operate(args, client, settings, metrics, Fence::open()).await;
    }
    candidate.acquire().await;
    tracing::info!("leading");
    let fence = candidate.fence();
    tokio::select! {
        ended = operate(args, client, settings, metrics, fence) => ended,
        lost = candidate.keep() => Err(lost).context("leading"),
    }
}

/// Starts every part; ends when one of them does, and all end with it.
async fn operate(
    args: &Args,
    client: Client,
    settings: crds::Settings,
    metrics: Metrics,
    fence: Fence,
) -> anyhow::Result<()> {
    metrics.leads(true);
    let live = LiveSettings::new(settings);
    let (caches, queue): (Arc<Caches>, Arc<Queue>) = Default::default();
    let writes = Writes::new(client.clone(), fence, metrics.clone());
    let tools = Tools {
        writes: writes.clone(),
        queue: Arc::clone(&queue),
        metrics: metrics.clone(),
    };
    let cx = Arc::new(Context {
        caches: Arc::clone(&caches),
        queue: Arc::clone(&queue),
        delivery: Delivery::new(tools),
        clerk: Arc::new(Clerk::default()),
        memory: Memory::default(),
        writes: writes.clone(),
        metrics: metrics.clone(),
        settings: live.clone(),
        injectors: Injectors::default(),
    });
    let mut tasks = JoinSet::new();
    let (everyone, changed) = (Arc::clone(&cx), Arc::new(Notify::new()));
    let told = Arc::clone(&changed);
    tasks.spawn(settings::follow(args.clone(), live.clone(), move || {
        everyone.queue_everyone();
        told.notify_one();
    }));
    let everyone = Arc::clone(&cx);
    tasks.spawn(injectors::follow(
        client.clone(),
        args.namespace.clone(),
        live.clone(),
        cx.injectors.clone(),
        move || everyone.queue_everyone(),
    ));
    tasks.spawn(nudge::nudge(
        writes.clone(),
        Arc::clone(&caches),
        args.namespace.clone(),
    ));
    tasks.spawn(switch::end_disabling(writes.clone()));
    if args.webhook_certificate {
        tasks.spawn(tls::keep_certificate(tls::Keeper {
            writes,
            namespace: args.namespace.clone(),
            settings: live,
            changed,
            metrics: metrics.clone(),
            announce: Duration::from_secs(args.webhook_ca_wait),
        }));
    }
    watch_everything(
        &Watching {
            client,
            caches: Arc::clone(&caches),
            queue,
            metrics,
        },
        &mut tasks,
    );
    tokio::select! {
        () = caches.synced() => tracing::info!("caches are complete"),
        ended = tasks.join_next() => return ended_early(ended),
    }
    work(&cx, &mut tasks);
    // After the caches: an image whose pods aren't known yet isn't unused.
    tasks.spawn(images::retire(Arc::clone(&cx), args.namespace.clone()));
    ended_early(tasks.join_next().await)
}

fn ended_early(ended: Option<Result<(), tokio::task::JoinError>>) -> anyhow::Result<()> {
    match ended {
        Some(Err(error)) => Err(error).context("a part of the operator died"),
        Some(Ok(())) | None => anyhow::bail!("a part of the operator ended"),
    }
}

/// This process's alone: a restarted container has its predecessor's name.
fn identity(name: &str) -> String {
    format!(
        "{name}_{:x}_{:x}",
        std::process::id(),
        Timestamp::now().as_nanosecond()
    )
}
