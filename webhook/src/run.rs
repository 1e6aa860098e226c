//! The role, from flags to the last connection.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use certs::LiveCertificate;
use crds::{MCPServer, MCPServerSpec, Settings};
use kube::Client;
use process::Readiness;
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;

use crate::certificate::{self, Serving};
use crate::events::Events;
use crate::files::Files;
use crate::injects::injects_router;
use crate::metrics::Metrics;
use crate::router::{App, router};
use crate::settings::SettingsFile;
use crate::{Args, Cluster, Departure, serve};

/// Answers reviews until SIGTERM or SIGINT.
///
/// # Errors
/// What keeps it from starting: settings, objects, addresses, no way to reach an API server.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let readiness = Readiness::default();
    let mut registry = Registry::default();
    let metrics = Metrics::register(&mut registry);
    let settings = SettingsFile::open(&args.settings)?;
    let current = settings.current();
    warm_up(&current.load());
    tokio::spawn(settings.follow());

    let live = Arc::new(LiveCertificate::default());
    let tls = certs::server_config(Arc::clone(&live))?;
    let serving = Serving {
        live,
        gate: readiness.gate("certificate", "none yet"),
        metrics: metrics.clone(),
    };
    let cluster = connect(&args, &readiness, serving).await?;
    let events = match &cluster {
        Cluster::Live { client, .. } => Some(Events::new(client.clone(), metrics.clone())),
        Cluster::Files(_) => None,
    };
    let app = App {
        cluster,
        settings: Arc::clone(&current),
        metrics,
        events,
    };

    let listener = TcpListener::bind(&args.listen).await;
    let listener = listener.with_context(|| format!("listening on {}", args.listen))?;
    tracing::info!(address = args.listen, "serving");
    let departure = Departure::default();
    let health = process::health_router(readiness.clone()).merge(injects_router(current));
    let admin = admin(&args, health, Arc::new(registry));
    let ending = end(readiness, args.shutdown_delay, departure.clone());
    tokio::select! {
        () = serve(listener, tls, router(app), departure) => Ok(()),
        // Both go on while connections drain: neither ends before the other branch unless it fails.
        result = admin => result,
        result = ending => result,
    }
}

/// Schemas and clauses are made on first use: before the first review, not during it.
fn warm_up(settings: &Settings) {
    injector::intact::clauses();
    let server = MCPServer::new("warm-up", MCPServerSpec::default());
    if let Err(problems) = crds::parse(&server, settings) {
        tracing::debug!(%problems, "warmed up");
    }
}

/// The cluster, or the files that stand for it; begins to follow the certificate.
async fn connect(args: &Args, readiness: &Readiness, serving: Serving) -> anyhow::Result<Cluster> {
    let client = match &args.objects {
        Some(_) => None,
        None => Some(Client::try_default().await.context("finding the cluster")?),
    };
    if let (Some(chain), Some(key)) = (&args.tls_cert, &args.tls_key) {
        tokio::spawn(certificate::follow_files(
            serving,
            chain.clone(),
            key.clone(),
        ));
    } else if let Some(client) = &client {
        tokio::spawn(certificate::follow_secret(serving, client.clone()));
    }
    Ok(match (client, &args.objects) {
        (Some(client), _) => {
            let gate = readiness.gate("servers", "not listed yet");
            Cluster::live(client, gate)
        }
        (None, Some(path)) => Cluster::Files(Arc::new(Files::read(path)?)),
        (None, None) => Cluster::Files(Arc::default()),
    })
}

async fn admin(args: &Args, health: Router, registry: Arc<Registry>) -> anyhow::Result<()> {
    let health = process::serve(&args.health_listen, health);
    let metrics = process::serve(&args.metrics_listen, process::metrics_router(registry));
    tokio::try_join!(health, metrics)?;
    Ok(())
}

/// Not ready at once, deaf only after a while: the endpoints that API servers call are a watch
/// behind, and a call to a closed port fails a pod.
async fn end(readiness: Readiness, delay: u64, departure: Departure) -> anyhow::Result<()> {
    process::requested().await?;
    let _closed = readiness.gate("shutdown", "asked to end");
    departure.leave.cancel();
    tokio::time::sleep(Duration::from_secs(delay)).await;
    departure.stop.cancel();
    std::future::pending().await
}
