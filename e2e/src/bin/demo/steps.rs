//! The steps, in the order of the transcript.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use crds::MCPServer;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use mcp_e2e::mcp::{Answer, Caller};
use mcp_e2e::pods::ReadyPod;
use mcp_e2e::{Namespace, cluster, mcp, sdk, server, wait};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::transcript::{heading, kubectl, say, show};

/// The demo's objects: the example that the docs show, too.
const MANIFEST: &str = include_str!("../../../../deploy/examples/everything.yaml");
const SERVER: &str = "everything";
const HUMAN: &str = "ann@example.com";
const AGENT: &str = "ops-agent";
/// The session with enough consent for every granted tool.
pub(crate) const FULL: &str = "ann-full";
/// The session that consents to low trust only.
const CAUTIOUS: &str = "ann-cautious";
/// Of these, `get-sum` needs medium trust in the example.
const LOW_TOOL: &str = "echo";
const MEDIUM_TOOL: &str = "get-sum";

/// The demo's state: where it runs and what it saw of the server's phases.
pub(crate) struct Demo {
    pub(crate) namespace: Namespace,
    phases: Arc<Mutex<Vec<(String, Duration)>>>,
}

/// The person and the agent of the example, with a session.
pub(crate) fn caller(session: &str) -> Caller<'_> {
    Caller {
        human: HUMAN,
        agent: AGENT,
        team: "",
        session,
    }
}

impl Demo {
    pub(crate) fn new(namespace: Namespace) -> Self {
        Self {
            namespace,
            phases: Arc::default(),
        }
    }

    fn url(&self) -> String {
        format!("{}/{SERVER}/mcp", self.namespace.cluster.url)
    }

    pub(crate) async fn kubectl(
        &self,
        line: &str,
        input: &str,
    ) -> anyhow::Result<mcp_e2e::kubectl::Ended> {
        let line = format!("-n {} {line}", self.namespace.name);
        kubectl(&self.namespace.cluster, &line, input).await
    }

    /// A clean start, also after an earlier demo.
    pub(crate) async fn begin(&self) -> anyhow::Result<()> {
        heading("The cluster and the platform on it");
        kubectl(&self.namespace.cluster, "get nodes", "").await?;
        kubectl(
            &self.namespace.cluster,
            "-n mcp-runtime get deployments",
            "",
        )
        .await?;
        let arguments = [
            "-n",
            &self.namespace.name,
            "delete",
            "--ignore-not-found",
            "--wait",
            "-f",
            "-",
        ];
        let ended = self.namespace.cluster.kubectl(&arguments, MANIFEST).await?;
        ensure!(ended.ok, "clearing an earlier demo: {}", ended.stderr);
        Ok(())
    }

    pub(crate) async fn refuses_an_invalid_server(&self) -> anyhow::Result<()> {
        heading("An invalid server is refused at apply, with field and remedy");
        let invalid = "apiVersion: mcpruntime.org/v1alpha1
kind: MCPServer
metadata:
  name: broken
spec:
  image: registry.example/weather:v1
  port: 8088
  gateway:
    enabled: true
    port: 8088
";
        let ended = self.kubectl("apply -f -", invalid).await?;
        ensure!(
            !ended.ok && ended.stderr.contains("gateway.port"),
            "it was not refused for its port"
        );
        Ok(())
    }

    pub(crate) async fn becomes_ready(&self) -> anyhow::Result<()> {
        heading("A server, a grant and two sessions: Pending, PartiallyReady, Ready");
        let watched = tokio::spawn(watch_phases(
            self.namespace.clone(),
            self.phases.clone(),
            Instant::now(),
        ));
        let ended = self.kubectl("apply -f -", MANIFEST).await?;
        ensure!(ended.ok, "the example was refused");
        self.namespace.await_enforced(SERVER).await?;
        watched.await??;
        for (phase, after) in self.phases.lock().await.iter() {
            say(&format!("{:5.1} s  {phase}", after.as_secs_f64()));
        }
        self.kubectl("get mcps,mcpg,mcpa", "").await?;
        Ok(())
    }

    pub(crate) async fn fills_in_defaults(&self) -> anyhow::Result<()> {
        heading("What was left out is filled in");
        let object = self.namespace.api::<MCPServer>().get(SERVER).await?;
        let spec = serde_json::to_value(object.spec)?;
        for path in [
            "/replicas",
            "/servicePort",
            "/publicPathPrefix",
            "/gateway/port",
            "/auth/mode",
            "/auth/humanIDHeader",
            "/policy/mode",
            "/policy/defaultDecision",
            "/session/headerName",
        ] {
            let value = spec
                .pointer(path)
                .with_context(|| format!("{path} wasn't filled in"))?;
            show(&format!("spec{}: {value}", path.replace('/', ".")));
        }
        Ok(())
    }

    pub(crate) async fn injects_the_proxy(&self) -> anyhow::Result<()> {
        heading("The Deployment has no proxy; the pod has");
        let deployment = self.namespace.api::<Deployment>().get(SERVER).await?;
        let template = serde_json::to_value(deployment.spec.context("no spec")?.template)?;
        ensure!(
            template["spec"]["initContainers"].is_null(),
            "the template has init containers"
        );
        self.kubectl(
            "get deployment everything -o jsonpath={.spec.template.spec.containers[*].name}{\"|\"}{.spec.template.spec.initContainers[*].name}",
            "",
        )
        .await?;
        let pods = self.pods().await?;
        let pod = pods.first().context("no pod")?;
        self.kubectl(
            &format!("get pod {} -o jsonpath={{.spec.containers[*].name}}{{\"|\"}}{{.spec.initContainers[*].name}}{{\"|\"}}{{.spec.initContainers[0].restartPolicy}}", pod.name),
            "",
        )
        .await?;
        let object = serde_json::to_value(self.namespace.api::<Pod>().get(&pod.name).await?)?;
        ensure!(
            object["spec"]["initContainers"][0]["name"] == "mcp-proxy",
            "no proxy"
        );
        Ok(())
    }

    pub(crate) async fn serves_the_sdk(&self) -> anyhow::Result<()> {
        heading("The official SDK, outside of the cluster, through the ingress controller");
        let url = self.url();
        let tools = ["tools", url.as_str()];
        let listed = wait::until_is(
            "the route",
            || sdk::client(caller(FULL), &tools),
            |answer: &Value| answer["tools"].is_array(),
        )
        .await?;
        say(&format!("session {FULL}: connect to {url}, list tools"));
        show(&listed.to_string());
        for (tool, arguments) in [
            (LOW_TOOL, r#"{"message":"hello"}"#),
            (MEDIUM_TOOL, r#"{"a":2,"b":3}"#),
        ] {
            say(&format!("session {FULL}: call {tool} {arguments}"));
            let called = sdk::client(caller(FULL), &["call", &url, tool, arguments]).await?;
            show(&called.to_string());
            ensure!(called["is_error"] == false, "{tool} was not allowed");
        }
        Ok(())
    }

    pub(crate) async fn limits_by_consent(&self) -> anyhow::Result<()> {
        heading("The other session consented to less");
        say(&format!("session {CAUTIOUS}: call {MEDIUM_TOOL}"));
        let arguments = ["call", &self.url(), MEDIUM_TOOL, r#"{"a":2,"b":3}"#];
        let denied = sdk::client(caller(CAUTIOUS), &arguments).await?;
        show(&denied.to_string());
        ensure!(
            denied["error"]["data"]["reason"] == "trust_too_low",
            "not trust_too_low"
        );
        Ok(())
    }

    pub(crate) async fn revokes_at_once(&self) -> anyhow::Result<()> {
        heading("Revoked: denied on every pod");
        let pods = self.pods().await?;
        let begun = Instant::now();
        self.kubectl(
            &format!("patch mcpa {FULL} --type merge -p {{\"spec\":{{\"revoked\":true}}}}"),
            "",
        )
        .await?;
        for pod in &pods {
            let after = denied(pod, FULL, begun).await?;
            say(&format!(
                "{}: session_revoked {:.0} ms after the command was typed",
                pod.name,
                after.as_secs_f64() * 1000.0
            ));
        }
        let arguments = ["call", &self.url(), LOW_TOOL, r#"{"message":"hello"}"#];
        let answer = sdk::client(caller(FULL), &arguments).await?;
        show(&answer.to_string());
        ensure!(answer["error"].is_object(), "the SDK was still served");
        Ok(())
    }

    pub(crate) async fn shows_the_audit_events(&self) -> anyhow::Result<()> {
        heading("The audit events of it all");
        for pod in self.pods().await? {
            for event in self.namespace.audit_events(&pod.name).await? {
                let payload = &event["payload"];
                if payload["tool_name"].is_null() {
                    continue;
                }
                show(
                    &json!({
                        "timestamp": event["timestamp"], "decision": payload["decision"],
                        "reason": payload["reason"], "tool_name": payload["tool_name"],
                        "human_id": payload["human_id"], "session_id": payload["session_id"],
                        "effective_trust": payload["effective_trust"], "status": payload["status"],
                    })
                    .to_string(),
                );
            }
        }
        self.kubectl(
            &format!("logs deployment/{SERVER} -c mcp-proxy --tail 1"),
            "",
        )
        .await?;
        Ok(())
    }

    /// What is left running, and how to reach and end it.
    pub(crate) fn end(&self) -> anyhow::Result<()> {
        let url = self.url();
        remember(&url)?;
        heading("Left running");
        say(&format!(
            "server      {url}  (headers X-MCP-Human-ID, X-MCP-Agent-ID, X-MCP-Agent-Session)"
        ));
        say(&format!(
            "kubectl     export KUBECONFIG={}",
            self.namespace.cluster.kubeconfig.display()
        ));
        say("variables   source .cluster/env");
        say("to end it   make demo-down");
        Ok(())
    }

    pub(crate) async fn pods(&self) -> anyhow::Result<Vec<ReadyPod>> {
        let replicas = self
            .namespace
            .api::<MCPServer>()
            .get(SERVER)
            .await?
            .spec
            .replicas
            .unwrap_or(1);
        self.namespace
            .await_pods(SERVER, usize::try_from(replicas)?)
            .await
    }
}

/// Time until a pod, called directly, denies the session as revoked.
pub(crate) async fn denied(
    pod: &ReadyPod,
    session: &str,
    begun: Instant,
) -> anyhow::Result<Duration> {
    wait::until("session_revoked", || async {
        let answer = call(pod, session).await?;
        Ok((answer.reason() == Some("session_revoked")).then(|| begun.elapsed()))
    })
    .await
}

async fn call(pod: &ReadyPod, session: &str) -> anyhow::Result<Answer> {
    let arguments = json!({"message": "hello"});
    mcp::call_tool(server::gateway(pod)?, caller(session), LOW_TOOL, arguments).await
}

/// Notes each phase of the server as it comes, until Ready.
async fn watch_phases(
    namespace: Namespace,
    phases: Arc<Mutex<Vec<(String, Duration)>>>,
    begun: Instant,
) -> anyhow::Result<()> {
    wait::until("phase Ready", || async {
        let Some(object) = namespace.api::<MCPServer>().get_opt(SERVER).await? else {
            return Ok(None);
        };
        let status = serde_json::to_value(object.status)?;
        let Some(phase) = status["phase"].as_str() else {
            return Ok(None);
        };
        let mut seen = phases.lock().await;
        if seen.last().is_none_or(|(last, _)| last != phase) {
            seen.push((phase.to_owned(), begun.elapsed()));
        }
        Ok((phase == "Ready").then_some(()))
    })
    .await
}

/// Adds `MCP_SERVER_URL` to `.cluster/env`, where there is one.
fn remember(url: &str) -> anyhow::Result<()> {
    let path = cluster::root().join(".cluster/env");
    let Ok(text) = std::fs::read_to_string(&path) else {
        return Ok(());
    };
    let mut lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.contains("MCP_SERVER_URL="))
        .collect();
    let line = format!("MCP_SERVER_URL={url}");
    lines.push(&line);
    std::fs::write(&path, lines.join("\n") + "\n")?;
    Ok(())
}
