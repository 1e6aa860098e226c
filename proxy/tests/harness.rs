//! A proxy that runs in the test, with its policy in a folder and its events in memory.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use policy::Event;
use proxy::{Config, Gaps, Origin, Server};
use serde_json::Value;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::client::{Answer, Client, bare};

/// A document that ann's grants and sessions make useful.
pub(crate) const ANN: &str = r#"{
  "schema_version": "v1",
  "server": {"name": "demo", "namespace": "team-a", "team_id": "a", "cluster": "here"},
  "auth": {"mode": "header"},
  "policy": {"policy_version": "v7"},
  "tools": [
    {"name": "echo", "side_effect": "read"},
    {"name": "wipe", "side_effect": "destructive", "required_trust": "high"}
  ],
  "grants": [{
    "name": "ann", "namespace": "team-a", "human_id": "ann", "team_id": "a",
    "max_trust": "high", "allowed_side_effects": ["read", "destructive"]
  }],
  "sessions": [{
    "name": "s-1", "namespace": "team-a", "human_id": "ann", "team_id": "a", "consented_trust": "low"
  }]
}"#;

/// Headers that name ann.
pub(crate) const IS_ANN: [&str; 2] = ["X-MCP-Human-ID: ann", "X-MCP-Team-ID: a"];

/// The same with her session.
pub(crate) const ANN_WITH_SESSION: [&str; 3] = [
    "X-MCP-Human-ID: ann",
    "X-MCP-Team-ID: a",
    "X-MCP-Agent-Session: s-1",
];

/// A `tools/call` with this id, as it is to stand on the wire.
pub(crate) fn call(id: &str, tool: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"{tool}"}}}}"#)
}

/// How long anything may take that a test waits for.
const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until a condition holds.
pub(crate) async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let waited = tokio::time::timeout(PATIENCE, async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    });
    waited
        .await
        .unwrap_or_else(|_| panic!("not in time: {what}"));
}

/// Waits for a future, but not for ever.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future)
        .await
        .expect("in time")
}

#[derive(Clone, Default)]
struct Events(Arc<Mutex<Vec<u8>>>);

impl Write for Events {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A running proxy; it ends with the test.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    admin: SocketAddr,
    folder: tempfile::TempDir,
    events: Events,
    stop: Option<oneshot::Sender<()>>,
    ended: Option<JoinHandle<()>>,
}

/// What may differ from one test to the next.
pub(crate) struct Setup {
    pub(crate) strip_prefix: &'static str,
    pub(crate) trusted_hops: usize,
    pub(crate) drain: Duration,
    pub(crate) clock: proxy::Clock,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            strip_prefix: "",
            trusted_hops: 0,
            drain: Duration::from_secs(2),
            clock: Arc::new(Timestamp::now),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(running) = &self.ended {
            running.abort();
        }
    }
}

impl Running {
    /// In front of `upstream`, with this document; an empty one stands for no file.
    pub(crate) async fn start(document: &str, upstream: &str) -> Self {
        Self::set_up(document, upstream, Setup::default()).await
    }

    pub(crate) async fn set_up(document: &str, upstream: &str, setup: Setup) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let policy = folder.path().join("policy.json");
        if !document.is_empty() {
            std::fs::write(&policy, document).unwrap();
        }
        let events = Events::default();
        let server = Server::bind(Config {
            listen: "127.0.0.1:0".parse().unwrap(),
            admin_listen: "127.0.0.1:0".parse().unwrap(),
            policy: Some(policy),
            gaps: Gaps::default(),
            upstream: upstream.parse().unwrap(),
            strip_prefix: setup.strip_prefix.to_owned(),
            trusted_hops: setup.trusted_hops,
            origin: Origin {
                source: "mcp-gateway".into(),
                event_type: "mcp.request".into(),
                stream_opened: "mcp.stream.opened".into(),
                server: "unnamed".into(),
                namespace: "nowhere".into(),
                cluster: "elsewhere".into(),
            },
            events: Some(Box::new(events.clone())),
            drain: setup.drain,
            clock: setup.clock,
        })
        .await
        .unwrap();
        let (stop, stopped) = oneshot::channel();
        let (address, admin) = (server.traffic_address(), server.admin_address());
        let ended = tokio::spawn(server.run(async move {
            stopped.await.ok();
        }));
        Self {
            address,
            admin,
            folder,
            events,
            stop: Some(stop),
            ended: Some(ended),
        }
    }

    pub(crate) fn policy_file(&self) -> PathBuf {
        self.folder.path().join("policy.json")
    }

    /// Puts a file in the policy's place, as the kubelet does: whole or not at all.
    pub(crate) fn replace_policy(&self, document: &str) {
        let new = self.folder.path().join("new");
        std::fs::write(&new, document).unwrap();
        std::fs::rename(new, self.policy_file()).unwrap();
    }

    pub(crate) async fn client(&self) -> Client {
        Client::connect(self.address).await
    }

    /// Sends one request on a connection of its own.
    pub(crate) async fn ask(&self, request: &[u8]) -> Answer {
        soon(async { self.client().await.ask(request).await }).await
    }

    /// Asks the admin listener.
    pub(crate) async fn admin(&self, path: &str) -> Answer {
        let request = bare("GET", &[]);
        let request = String::from_utf8(request).unwrap().replace("/mcp", path);
        soon(async {
            Client::connect(self.admin)
                .await
                .ask(request.as_bytes())
                .await
        })
        .await
    }

    /// What `/config/status` says.
    pub(crate) async fn config_status(&self) -> Value {
        self.admin("/config/status").await.json()
    }

    /// The events so far.
    pub(crate) fn events(&self) -> Vec<Event> {
        let lines = self.events.0.lock().unwrap().clone();
        String::from_utf8(lines)
            .unwrap()
            .lines()
            .map(|line| {
                serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
            })
            .collect()
    }

    /// The events, once there are as many.
    pub(crate) async fn events_when(&self, count: usize) -> Vec<Event> {
        eventually("events", async || self.events().len() >= count).await;
        let events = self.events();
        assert_eq!(events.len(), count, "{events:#?}");
        events
    }

    /// As SIGTERM does.
    pub(crate) fn stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }

    /// Waits until it has ended.
    pub(crate) async fn ended(&mut self) {
        soon(self.ended.take().unwrap()).await.unwrap();
    }
}
