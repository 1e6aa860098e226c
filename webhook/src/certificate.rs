//! Where the serving certificate comes from: a Secret that the operator keeps, or two files.
//!
//! Without one the process runs, isn't ready and says so: restarting it would bring none.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use certs::{LiveCertificate, Validity};
use crds::names;
use futures_util::StreamExt as _;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client};
use process::Gate;

use crate::metrics::Metrics;

/// How often files are looked at, and whether the certificate still holds.
const EVERY: Duration = Duration::from_secs(2);

/// What is served, and who is told about it.
#[derive(Clone, Debug)]
pub(crate) struct Serving {
    pub(crate) live: Arc<LiveCertificate>,
    pub(crate) gate: Gate,
    pub(crate) metrics: Metrics,
}

impl Serving {
    /// Takes a pair into service; `None` where it can't be, and the one before goes on.
    fn load(&self, chain: &[u8], key: &[u8], from: &str) -> Option<Validity> {
        match self.live.load(chain, key) {
            Ok(validity) => {
                tracing::info!(from, not_after = %validity.not_after, "serving certificate");
                self.metrics.certificate(validity.not_after);
                self.judge(validity, Timestamp::now());
                Some(validity)
            }
            Err(error) => {
                let source = std::error::Error::source(&error).map(ToString::to_string);
                tracing::warn!(from, %error, source, "the serving certificate stays as it is");
                None
            }
        }
    }

    fn judge(&self, validity: Validity, now: Timestamp) {
        if validity.contains(now) {
            self.gate.open();
        } else {
            let Validity {
                not_before,
                not_after,
            } = validity;
            self.gate
                .close(&format!("holds from {not_before} to {not_after}"));
        }
    }
}

/// Serves what Secret `mcp-runtime-webhook-tls` of the own namespace holds, from now on.
pub(crate) async fn follow_secret(serving: Serving, client: Client) {
    let api: Api<Secret> = Api::default_namespaced(client);
    let name = names::WEBHOOK_TLS_SECRET;
    let config = watcher::Config::default().fields(&format!("metadata.name={name}"));
    let mut secrets = std::pin::pin!(watcher(api, config).default_backoff().applied_objects());
    let mut validity = None;
    loop {
        tokio::select! {
            secret = secrets.next() => match secret {
                Some(Ok(secret)) => {
                    let data = secret.data.unwrap_or_default();
                    let of = |key| data.get(key).map_or(&[][..], |bytes| bytes.0.as_slice());
                    validity = serving.load(of("tls.crt"), of("tls.key"), name).or(validity);
                }
                Some(Err(error)) => tracing::warn!(%error, secret = name, "watching"),
                None => return,
            },
            () = tokio::time::sleep(EVERY) => {
                if let Some(validity) = validity {
                    serving.judge(validity, Timestamp::now());
                }
            }
        }
    }
}

/// Serves what two PEM files hold, from now on.
pub(crate) async fn follow_files(serving: Serving, chain: PathBuf, key: PathBuf) {
    let mut seen = None;
    let mut validity = None;
    loop {
        match read(&chain, &key) {
            Ok(pair) if seen.as_ref() != Some(&pair) => {
                let from = chain.display().to_string();
                validity = serving.load(&pair.0, &pair.1, &from).or(validity);
                seen = Some(pair);
            }
            Ok(_) => {
                if let Some(validity) = validity {
                    serving.judge(validity, Timestamp::now());
                }
            }
            Err(error) => tracing::warn!(%error, chain = %chain.display(), "reading"),
        }
        tokio::time::sleep(EVERY).await;
    }
}

fn read(chain: &Path, key: &Path) -> std::io::Result<(Vec<u8>, Vec<u8>)> {
    Ok((std::fs::read(chain)?, std::fs::read(key)?))
}
