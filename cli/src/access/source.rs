//! Where the policy comes from: a document, manifests, or the cluster.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use crds::names;
use k8s_openapi::api::core::v1::ConfigMap;
use policy::{Document, Parsed, Policy, ShardFault};

use super::manifests::Manifests;
use crate::output::ClusterUnreachable;

/// Exactly one of: `--policy`; `-f` with `--server`; `--server`.
#[derive(Debug, clap::Args)]
pub(super) struct PolicySource {
    /// The policy document
    #[arg(long, value_name = "FILE", required_unless_present = "server")]
    policy: Option<PathBuf>,
    /// Manifests to compile the policy from; folders are read whole
    #[arg(short, long, value_name = "FILE|DIR", num_args = 1.., requires = "server", conflicts_with = "policy")]
    filename: Vec<PathBuf>,
    /// The server; without manifests, the one in the cluster
    #[arg(long, value_name = "[NS/]NAME", conflicts_with = "policy")]
    server: Option<String>,
}

impl PolicySource {
    /// Reads, compiles or fetches the document.
    pub(super) fn load(&self) -> anyhow::Result<Loaded> {
        match (&self.policy, &self.server) {
            (Some(file), _) => read(file),
            (None, Some(server)) if self.filename.is_empty() => fetch(server),
            (None, Some(server)) => compile(&self.filename, server),
            (None, None) => bail!("give --policy, or --server with or without -f"),
        }
    }
}

/// A document, and where it came from.
#[derive(Debug)]
pub(super) struct Loaded {
    origin: String,
    parsed: Parsed,
    shards: Shards,
}

/// The document's session shards, by name.
type Shards = HashMap<String, Result<Vec<u8>, ShardFault>>;

impl Loaded {
    pub(super) fn document(&self) -> &Document {
        &self.parsed.document
    }

    /// The policy, or what is wrong with the document.
    pub(super) fn policy(&self) -> anyhow::Result<Policy> {
        let shard = |name: &str| match self.shards.get(name) {
            Some(read) => read.clone(),
            None => Err(ShardFault::Missing),
        };
        Policy::with_shards(&self.parsed, &shard)
            .with_context(|| format!("{} isn't valid", self.origin))
    }
}

/// A document from a file, its shards from beside it.
pub(super) fn read(file: &Path) -> anyhow::Result<Loaded> {
    let origin = file.display().to_string();
    let bytes = fs::read(file).with_context(|| format!("can't read {origin}"))?;
    let parsed = Document::parse(&bytes).with_context(|| format!("can't read {origin}"))?;
    let listed = parsed.document.session_shards.iter();
    let shards = listed
        .filter(|shard| shard.number().is_some())
        .map(|shard| (shard.name.clone(), shard_beside(file, &shard.name)))
        .collect();
    Ok(Loaded {
        origin,
        parsed,
        shards,
    })
}

fn shard_beside(file: &Path, name: &str) -> Result<Vec<u8>, ShardFault> {
    policy::read_shard(fs::File::open(
        fs::canonicalize(file)?.with_file_name(name),
    )?)
}

/// A document compiled from manifests.
pub(super) fn compile(files: &[PathBuf], server: &str) -> anyhow::Result<Loaded> {
    let document = Manifests::read(files)?.compile(server)?;
    let origin = format!("the policy compiled for {server}");
    Ok(Loaded {
        origin,
        parsed: Parsed {
            document,
            unknown: Vec::new(),
        },
        shards: Shards::new(),
    })
}

/// The document that the operator wrote for a server of the cluster.
fn fetch(server: &str) -> anyhow::Result<Loaded> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(fetch_async(server))
}

async fn fetch_async(server: &str) -> anyhow::Result<Loaded> {
    let client = kube::Client::try_default()
        .await
        .context("can't read the kubeconfig")?;
    let (namespace, name) = match server.split_once('/') {
        Some((namespace, name)) => (namespace.to_owned(), name),
        None => (client.default_namespace().to_owned(), server),
    };
    let api: kube::Api<ConfigMap> = kube::Api::namespaced(client, &namespace);
    let origin = format!("ConfigMap {namespace}/{}", names::policy_config_map(name));
    let found = match api.get_opt(&names::policy_config_map(name)).await {
        Ok(found) => found,
        Err(error @ kube::Error::Api(_)) => {
            return Err(error).with_context(|| format!("can't get {origin}"));
        }
        Err(error) => return Err(ClusterUnreachable(error).into()),
    };
    let Some(found) = found else {
        bail!("{origin} isn't there: no such server, or its gateway is off");
    };
    let document = found
        .data
        .unwrap_or_default()
        .remove(names::POLICY_KEY)
        .unwrap_or_default();
    let parsed =
        Document::parse(document.as_bytes()).with_context(|| format!("can't read {origin}"))?;
    let mut shards = Shards::new();
    for shard in &parsed.document.session_shards {
        if let Some(n) = shard.number() {
            let map = names::session_shard_config_map(name, n);
            shards.insert(shard.name.clone(), fetch_shard(&api, &map).await);
        }
    }
    Ok(Loaded {
        origin,
        parsed,
        shards,
    })
}

async fn fetch_shard(api: &kube::Api<ConfigMap>, map: &str) -> Result<Vec<u8>, ShardFault> {
    match api.get_opt(map).await {
        Ok(found) => found
            .and_then(|found| found.binary_data?.remove(names::SESSION_SHARD_KEY))
            .map(|bytes| bytes.0)
            .ok_or(ShardFault::Missing),
        Err(error) => Err(ShardFault::Unreadable(error.to_string())),
    }
}
