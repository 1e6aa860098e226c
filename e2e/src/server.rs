//! The servers, grants and sessions that most tests use, as YAML a user could apply.

use std::net::SocketAddr;

use crds::{MCPAccessGrant, MCPAgentSession, MCPServer};
use serde_json::{Value, json};

use crate::mcp::{self, Answer, Caller};
use crate::pods::ReadyPod;
use crate::{Namespace, wait};

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

    /// A server's status as JSON, empty where it has none.
    pub async fn status(&self, server: &str) -> anyhow::Result<Value> {
        let server = self.api::<MCPServer>().get(server).await?;
        Ok(serde_json::to_value(server.status)?)
    }

    /// Waits until what the operator rendered last is what every ready proxy enforces, and the
    /// server is Ready for its newest generation.
    pub async fn await_enforced(&self, server: &str) -> anyhow::Result<Value> {
        wait::until_is(
            &format!("{server} Ready with its policy enforced"),
            || async {
                let object = self.api::<MCPServer>().get(server).await?;
                let generation = object.metadata.generation.unwrap_or_default();
                let mut status = serde_json::to_value(object.status)?;
                if let Some(members) = status.as_object_mut() {
                    members.insert("wantedGeneration".into(), json!(generation));
                }
                Ok(status)
            },
            |status| {
                status.pointer("/phase") == Some(&json!("Ready"))
                    && status.pointer("/policyRevision").is_some()
                    && status.pointer("/policyRevision")
                        == status.pointer("/enforcedPolicyRevision")
                    && status.pointer("/observedGeneration") == status.pointer("/wantedGeneration")
            },
        )
        .await
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
