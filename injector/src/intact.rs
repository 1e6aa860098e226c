//! What an intact proxy is: clauses, each said twice, in CEL for the API server and in Rust.
//!
//! The API server's admission policy checks the CEL on every governed pod, in every namespace,
//! also when our webhook is away or another one undid its work. The Rust text checks our own
//! patches before they are sent, and pods that come with a proxy. `tests/intact/` breaks each
//! clause once and is run through both.
//!
//! Both read a pod as the API server stores it: null and empty are absent.

mod container;
mod env;
mod facts;
mod pod;
mod storage;

use std::sync::LazyLock;

use crds::{Server, Settings, names};
use serde_json::Value;

use crate::json::{at, server_label, text};
use crate::sidecar;
pub(crate) use container::is_sidecar;
pub use facts::Facts;
pub(crate) use facts::is_proxy;

/// One thing that holds of a pod with an intact proxy.
#[derive(Debug)]
pub struct Clause {
    /// Kebab case, for tests and logs.
    pub name: &'static str,
    /// Path of the field in the pod.
    pub field: &'static str,
    /// What a person reads when it doesn't hold; one sentence without a full stop.
    pub message: &'static str,
    /// True when it holds; uses [`variables`].
    pub cel: String,
    holds: fn(&Facts<'_>) -> bool,
}

/// A clause that doesn't hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    /// The clause's name.
    pub clause: &'static str,
    /// Path of the field in the pod.
    pub field: String,
    /// What is wrong.
    pub message: String,
}

/// The clauses in the order they are checked; of several broken ones a person is told the first.
pub fn clauses() -> &'static [Clause] {
    static CLAUSES: LazyLock<Vec<Clause>> = LazyLock::new(|| {
        let mut all = pod::presence();
        all.extend(pod::host());
        all.extend(container::clauses());
        all.extend(env::clauses());
        all.extend(storage::clauses());
        all.extend(pod::clauses());
        all
    });
    &CLAUSES
}

/// Name and CEL of what the clauses refer to as `variables.NAME`, in order; `images` is a literal:
/// a parameter object would make the API server watch every ConfigMap of the cluster.
pub fn variables(images: &[String]) -> Vec<(&'static str, String)> {
    let mut all = vec![("images", crds::cel_list(images))];
    all.extend(facts::variables());
    all
}

/// The clauses that don't hold of a governed pod in `namespace`; what the admission policy checks.
pub fn check_clauses(pod: &Value, namespace: &str, images: &[String]) -> Vec<Breach> {
    let facts = Facts::of(pod, namespace, images);
    clauses()
        .iter()
        .filter(|clause| !(clause.holds)(&facts))
        .map(|clause| Breach {
            clause: clause.name,
            field: clause.field.into(),
            message: clause.message.into(),
        })
        .collect()
}

/// Whether the pod has an intact proxy for this very server: the clauses, and besides them what an
/// admission policy can't know, as it doesn't see the server.
///
/// # Errors
/// What isn't intact, never empty.
pub fn check(pod: &Value, server: &Server, settings: &Settings) -> Result<(), Vec<Breach>> {
    let mut breaches = check_clauses(pod, &server.namespace, &settings.proxy_images);
    if breaches.is_empty() {
        breaches.extend(of_the_server(pod, server, settings));
    }
    if breaches.is_empty() {
        Ok(())
    } else {
        Err(breaches)
    }
}

fn of_the_server(pod: &Value, server: &Server, settings: &Settings) -> Option<Breach> {
    let breach = |clause, field: &str, message: String| {
        Some(Breach {
            clause,
            field: field.into(),
            message,
        })
    };
    let name = server_label(pod);
    if name != server.name {
        let message = format!("{name:?} isn't this server, {:?}", server.name);
        return breach("this-server", "metadata.labels", message);
    }
    let Some(gateway) = &server.gateway else {
        return breach("gateway", "metadata.labels", "the gateway is off".into());
    };
    let facts = Facts::of(pod, &server.namespace, &settings.proxy_images);
    if facts.gateway_ports() != [i64::from(gateway.port)] {
        let message = format!("the gateway's port isn't the server's, {}", gateway.port);
        return breach("this-port", "spec.initContainers[mcp-proxy].ports", message);
    }
    let expected = sidecar::env(server, gateway, settings);
    let differs = |wanted: &&k8s_openapi::api::core::v1::EnvVar| {
        !facts.env().iter().any(|found| {
            text(found, &["name"]) == wanted.name
                && text(found, &["value"]) == wanted.value.as_deref().unwrap_or_default()
                && secret_key(found) == wanted_secret_key(wanted)
        })
    };
    let wrong = expected.iter().find(differs).map(|wanted| &wanted.name);
    if wrong.is_none() && facts.env().len() == expected.len() {
        return None;
    }
    let message = match wrong {
        Some(name) => format!(
            "{name} hasn't the value that follows from MCPServer {}",
            server.name
        ),
        None => format!("more variables than follow from MCPServer {}", server.name),
    };
    breach("this-env", "spec.initContainers[mcp-proxy].env", message)
}

fn secret_key(env: &Value) -> Option<(&str, &str)> {
    let secret = at(env, &["valueFrom", "secretKeyRef"])?;
    Some((text(secret, &["name"]), text(secret, &["key"])))
}

fn wanted_secret_key(env: &k8s_openapi::api::core::v1::EnvVar) -> Option<(&str, &str)> {
    let secret = env.value_from.as_ref()?.secret_key_ref.as_ref()?;
    Some((&secret.name, &secret.key))
}

/// The proxy's place in messages.
const PROXY: &str = names::PROXY_CONTAINER;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_clause_has_a_name_and_a_message_of_its_own() {
        let mut names: Vec<_> = clauses().iter().map(|clause| clause.name).collect();
        let mut messages: Vec<_> = clauses().iter().map(|clause| clause.message).collect();
        names.sort_unstable();
        names.dedup();
        messages.sort_unstable();
        messages.dedup();
        assert_eq!(names.len(), clauses().len());
        assert_eq!(messages.len(), clauses().len());
        assert!(
            clauses()
                .iter()
                .all(|clause| clause.message.starts_with(char::is_lowercase)
                    || clause.message.starts_with(PROXY))
        );
    }
}
