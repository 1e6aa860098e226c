//! The servers, grants and sessions that most tests use, as YAML a user could apply.

use std::net::SocketAddr;

use crds::{MCPAccessGrant, MCPAgentSession, MCPServer};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::ListParams;
use serde_json::{Value, json};

use crate::mcp::{self, Answer, Caller};
use crate::pods::ReadyPod;
use crate::{Namespace, conditions, wait};

/// Image of the official Go SDK's test server, run statelessly.
pub const STATELESS_IMAGE: &str = "mcp-go-everything:dev";
/// A tool that it has.
pub const TOOL: &str = "test_simple_text";
/// The person of [`grant`] and [`session`].
pub const HUMAN: &str = "ann@example.com";
/// The agent of [`grant`] and [`session`].
pub const AGENT: &str = "ops-agent";

/// A governed, stateless server that declares [`TOOL`] as `read` with trust `low`, and requires
/// sessions.
pub fn server(name: &str, replicas: u32) -> String {
    format!(
        "apiVersion: mcpruntime.org/v1alpha1
kind: MCPServer
metadata:
  name: {name}
spec:
  image: {STATELESS_IMAGE}
  replicas: {replicas}
  stateless: true
  resources:
    requests: {{cpu: 5m, memory: 16Mi}}
  gateway:
    enabled: true
  session:
    required: true
  tools:
    - name: {TOOL}
      sideEffect: read
      requiredTrust: low
"
    )
}

/// A server whose pods are somebody's own.
pub fn external(name: &str) -> String {
    format!(
        "apiVersion: mcpruntime.org/v1alpha1
kind: MCPServer
metadata:
  name: {name}
spec:
  workload: external
  stateless: true
  gateway:
    enabled: true
"
    )
}

/// The labels of a pod of this server, as a YAML flow mapping.
pub fn labels(server: &str) -> String {
    format!(
        "{{{}: {}, {}: {server}}}",
        crds::names::LABEL_GATEWAY,
        crds::names::GATEWAY_REQUIRED,
        crds::names::LABEL_SERVER,
    )
}

/// A grant of medium trust and reading for [`HUMAN`] and [`AGENT`].
pub fn grant(name: &str, server: &str) -> String {
    format!(
        "apiVersion: mcpruntime.org/v1alpha1
kind: MCPAccessGrant
metadata:
  name: {name}
spec:
  serverRef:
    name: {server}
  subject:
    humanID: {HUMAN}
    agentID: {AGENT}
  maxTrust: medium
  allowedSideEffects: [read]
"
    )
}

/// A session of [`HUMAN`] and [`AGENT`] that consents to medium trust for a long time.
pub fn session(name: &str, server: &str) -> String {
    format!(
        "apiVersion: mcpruntime.org/v1alpha1
kind: MCPAgentSession
metadata:
  name: {name}
spec:
  serverRef:
    name: {server}
  subject:
    humanID: {HUMAN}
    agentID: {AGENT}
  consentedTrust: medium
  expiresAt: \"2099-01-01T00:00:00Z\"
"
    )
}

/// A pod under the restricted profile that the platform knows nothing of but its labels, as a YAML
/// flow mapping, e.g. `{app: plain}`.
pub fn pod(name: &str, labels: &str) -> String {
    format!(
        "apiVersion: v1
kind: Pod
metadata:
  name: {name}
  labels: {labels}
spec:
  automountServiceAccountToken: false
  terminationGracePeriodSeconds: 1
  securityContext:
    runAsNonRoot: true
    runAsUser: 65532
    seccompProfile: {{type: RuntimeDefault}}
  containers:
    - name: app
      image: {STATELESS_IMAGE}
      securityContext:
        allowPrivilegeEscalation: false
        capabilities: {{drop: [ALL]}}
"
    )
}

/// The caller of [`grant`] with a session.
pub fn caller(session: &str) -> Caller<'_> {
    Caller {
        human: HUMAN,
        agent: AGENT,
        team: "",
        session,
    }
}

/// Calls [`TOOL`] straight on a pod's gateway port.
pub async fn call(pod: &ReadyPod, caller: Caller<'_>) -> anyhow::Result<Answer> {
    mcp::call_tool(gateway(pod)?, caller, TOOL, json!({})).await
}

/// A pod's gateway port.
pub fn gateway(pod: &ReadyPod) -> anyhow::Result<SocketAddr> {
    Ok(SocketAddr::new(
        pod.ip.parse()?,
        u16::try_from(crds::names::DEFAULT_GATEWAY_PORT)?,
    ))
}

impl Namespace {
    /// Creates server, grant `grant` and session `session`, and waits until the session may call
    /// on every one of `replicas` pods.
    pub async fn governed_server(
        &self,
        name: &str,
        replicas: u32,
    ) -> anyhow::Result<Vec<ReadyPod>> {
        let yaml = [
            server(name, replicas),
            grant("grant", name),
            session("session", name),
        ]
        .join("---\n");
        self.create_all(&yaml).await?;
        let pods = self.await_pods(name, replicas as usize).await?;
        self.await_enforced(name).await?;
        Ok(pods)
    }

    /// Creates an [`external`] server and waits until its document is there, which pods mount.
    pub async fn external_server(&self, name: &str) -> anyhow::Result<()> {
        self.create_all(&external(name)).await?;
        let document = crds::names::policy_config_map(name);
        wait::until(&format!("ConfigMap {document}"), || async {
            Ok(self
                .api::<ConfigMap>()
                .get_opt(&document)
                .await?
                .map(|_| ()))
        })
        .await
    }

    /// A server's status as JSON, empty where it has none.
    pub async fn status(&self, server: &str) -> anyhow::Result<Value> {
        let server = self.api::<MCPServer>().get(server).await?;
        Ok(serde_json::to_value(server.status)?)
    }

    /// Waits until a server is Ready and its proxies have every grant and session as it is now.
    pub async fn await_enforced(&self, server: &str) -> anyhow::Result<Value> {
        self.await_items_enforced().await?;
        wait::until_is(
            &format!("{server} Ready with its policy enforced"),
            || self.current_status(server),
            |status| status["phase"] == "Ready" && is_current(status),
        )
        .await
    }

    /// The same for a server that never gets Ready, because it asks for what isn't there yet.
    pub async fn await_policy(&self, server: &str) -> anyhow::Result<Value> {
        self.await_items_enforced().await?;
        wait::until_is(
            &format!("the policy of {server} enforced"),
            || self.current_status(server),
            is_current,
        )
        .await
    }

    /// Every grant and session of the namespace says, of its newest generation, that all ready
    /// proxies have it.
    async fn await_items_enforced(&self) -> anyhow::Result<()> {
        wait::until_is(
            "grants and sessions enforced",
            || async {
                let all = ListParams::default();
                let grants = self.api::<MCPAccessGrant>().list(&all).await?;
                let sessions = self.api::<MCPAgentSession>().list(&all).await?;
                let mut waiting = Vec::new();
                for item in grants.items {
                    waiting.extend(unenforced(&serde_json::to_value(item)?));
                }
                for item in sessions.items {
                    waiting.extend(unenforced(&serde_json::to_value(item)?));
                }
                Ok(waiting)
            },
            Vec::is_empty,
        )
        .await?;
        Ok(())
    }

    /// A server's status with `wantedGeneration`, the generation of its spec.
    async fn current_status(&self, server: &str) -> anyhow::Result<Value> {
        let object = self.api::<MCPServer>().get(server).await?;
        let generation = object.metadata.generation.unwrap_or_default();
        let mut status = serde_json::to_value(object.status)?;
        if let Some(members) = status.as_object_mut() {
            members.insert("wantedGeneration".into(), json!(generation));
        }
        Ok(status)
    }

    /// Revokes a session.
    pub async fn revoke(&self, session: &str) -> anyhow::Result<MCPAgentSession> {
        self.patch(session, json!({"spec": {"revoked": true}}))
            .await
    }

    /// Disables a grant.
    pub async fn disable(&self, grant: &str) -> anyhow::Result<MCPAccessGrant> {
        self.patch(grant, json!({"spec": {"disabled": true}})).await
    }
}

fn is_current(status: &Value) -> bool {
    status["policyRevision"].is_string()
        && status["policyRevision"] == status["enforcedPolicyRevision"]
        && status["observedGeneration"] == status["wantedGeneration"]
}

/// The item's name, unless its condition Enforced is true for its newest generation.
fn unenforced(item: &Value) -> Option<String> {
    let (status, generation) = (&item["status"], &item["metadata"]["generation"]);
    let of = &conditions::of(status, "Enforced")["observedGeneration"];
    let enforced = conditions::holds(status, "Enforced") && of == generation;
    (!enforced).then(|| item["metadata"]["name"].to_string())
}
