//! Sessions in shards beside the document, as the kubelet brings them: the document and its
//! shards may come in different swaps.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;
use policy::{Document, RevokedSession, Session, SessionShard, pack_shard, shard_file};
use serde_json::Value;

use crate::client::post;
use crate::harness::{ANN, Running, Setup, call, eventually};
use crate::server::Server;

/// One state of the mounted files.
#[derive(Clone)]
struct Mounted {
    document: Document,
    shards: Vec<Vec<u8>>,
}

impl Mounted {
    /// Ann's document with these sessions of hers in shards.
    fn of(sessions: &[Session]) -> Self {
        let mut document = Document::parse(ANN.as_bytes()).unwrap().document;
        document.sessions = sessions.to_vec();
        document.revision = document.compute_revision();
        let (document, shards) = document.into_shards().unwrap();
        Self { document, shards }
    }

    /// The document says in addition that these were revoked lately.
    fn revoking(mut self, names: &[&str]) -> Self {
        self.document.revoked_sessions = names
            .iter()
            .map(|name| RevokedSession {
                namespace: "team-a".into(),
                name: (*name).into(),
            })
            .collect();
        self.document.revision = self.document.compute_revision();
        self
    }

    /// In which shard a session is that the other state hasn't.
    fn differs_from(&self, other: &Self) -> usize {
        let mut pairs = self.shards.iter().zip(&other.shards);
        pairs.position(|(ours, theirs)| ours != theirs).unwrap()
    }

    /// Swaps the folder's content for this, by one rename of `..data`.
    fn mount(&self, folder: &Path) {
        let link = |target: &str, name: &str| {
            let temporary = folder.join("..new");
            std::os::unix::fs::symlink(target, &temporary).unwrap();
            std::fs::rename(temporary, folder.join(name)).unwrap();
        };
        let old = std::fs::read_link(folder.join("..data"));
        let new = tempfile::Builder::new()
            .prefix("..")
            .tempdir_in(folder)
            .unwrap()
            .keep();
        let document = serde_json::to_vec(&self.document).unwrap();
        std::fs::write(new.join("policy.json"), document).unwrap();
        for (n, bytes) in self.shards.iter().enumerate() {
            if !bytes.is_empty() {
                std::fs::write(new.join(shard_file(n)), bytes).unwrap();
            }
        }
        link(new.file_name().unwrap().to_str().unwrap(), "..data");
        for name in (0..self.shards.len())
            .map(shard_file)
            .chain(["policy.json".into()])
        {
            if folder.join(&name).symlink_metadata().is_err() {
                link(&format!("..data/{name}"), &name);
            }
        }
        if let Ok(old) = old {
            std::fs::remove_dir_all(folder.join(old)).unwrap();
        }
    }
}

fn session(name: &str) -> Session {
    Session {
        name: name.into(),
        namespace: "team-a".into(),
        human_id: "ann".into(),
        team_id: "a".into(),
        consented_trust: "low".into(),
        ..Session::default()
    }
}

fn sessions() -> Vec<Session> {
    (0..100).map(|n| session(&format!("s-{n}"))).collect()
}

struct Started {
    proxy: Running,
    good: Mounted,
    _server: Server,
}

impl Started {
    /// A proxy with 100 sessions in force.
    async fn new() -> Self {
        Self::with(sessions(), Setup::default()).await
    }

    async fn with(sessions: Vec<Session>, setup: Setup) -> Self {
        let server = Server::answering("{}").await;
        let proxy = Running::set_up("", &server.url, setup).await;
        let good = Mounted::of(&sessions);
        good.mount(&folder(&proxy));
        let started = Self {
            proxy,
            good,
            _server: server,
        };
        started.enforces(&started.good).await;
        started
    }

    fn mount(&self, mounted: &Mounted) {
        mounted.mount(&folder(&self.proxy));
    }

    async fn enforces(&self, mounted: &Mounted) {
        eventually("the document is in force", async || {
            let status = self.proxy.config_status().await;
            status["revision"] == *mounted.document.revision
                && status["last_reload_error"].is_null()
        })
        .await;
    }

    /// The reload error, once it says this.
    async fn says(&self, text: &str) -> Value {
        eventually(text, async || {
            let status = self.proxy.config_status().await;
            let error = status["last_reload_error"].as_str();
            error.is_some_and(|error| error.contains(text))
        })
        .await;
        self.proxy.config_status().await
    }

    /// What a call with this session ends with: 200 or a reason.
    async fn call(&self, session: &str) -> String {
        let presented = format!("X-MCP-Agent-Session: {session}");
        let headers = ["X-MCP-Human-ID: ann", "X-MCP-Team-ID: a", &presented];
        let answer = self.proxy.ask(&post(&headers, &call("1", "echo"))).await;
        match answer.status {
            200 => "200".to_owned(),
            _ => answer.reason(),
        }
    }
}

fn folder(proxy: &Running) -> std::path::PathBuf {
    proxy.policy_file().parent().unwrap().to_owned()
}

#[tokio::test]
async fn sessions_in_shards_are_in_force() {
    let started = Started::new().await;
    let status = started.proxy.config_status().await;
    assert_eq!(
        (&status["sessions"], &status["ready"]),
        (&100.into(), &true.into())
    );
    assert_eq!(started.call("s-99").await, "200");
    assert_eq!(started.call("s-100").await, "session_not_found");
    let mut fewer = sessions();
    fewer.remove(0);
    let fewer = Mounted::of(&fewer);
    started.mount(&fewer);
    started.enforces(&fewer).await;
    assert_eq!(started.call("s-0").await, "session_not_found");
}

#[tokio::test]
async fn a_shard_that_comes_late_is_waited_for_with_what_is_denied_already() {
    let started = Started::new().await;
    let mut next = sessions();
    next.push(session("new"));
    next[7].revoked = true;
    let next = Mounted::of(&next).revoking(&["s-7"]);
    // First the new document alone.
    started.mount(&Mounted {
        shards: started.good.shards.clone(),
        ..next.clone()
    });
    let status = started.says("has sha256").await;
    assert_eq!(status["revision"], *started.good.document.revision);
    assert_eq!(status["sessions"], 100);
    assert_eq!(started.call("s-7").await, "session_revoked");
    assert_eq!(started.call("s-8").await, "200");
    assert_eq!(started.call("new").await, "session_not_found");
    started.mount(&next);
    started.enforces(&next).await;
    assert_eq!(started.call("new").await, "200");
    assert_eq!(started.call("s-7").await, "session_revoked");
}

#[tokio::test]
async fn a_shard_before_its_document_changes_nothing_but_what_is_reported() {
    let started = Started::new().await;
    let mut next = sessions();
    next.push(session("new"));
    let next = Mounted::of(&next);
    started.mount(&Mounted {
        document: started.good.document.clone(),
        shards: next.shards.clone(),
    });
    started.says("has sha256").await;
    assert_eq!(started.call("s-8").await, "200");
    started.mount(&next);
    started.enforces(&next).await;
}

#[tokio::test]
async fn a_shard_torn_gone_or_a_strangers_leaves_the_last_good_sessions() {
    let started = Started::new().await;
    let n = {
        let without: Vec<Session> = sessions().into_iter().filter(|s| s.name != "s-5").collect();
        started.good.differs_from(&Mounted::of(&without))
    };
    let torn = started.good.shards[n][..40].to_vec();
    let strangers = pack_shard(&[session("theirs")]).unwrap();
    for (bytes, says) in [
        (torn, "has sha256"),
        (Vec::new(), "isn't there"),
        (strangers, "has sha256"),
    ] {
        let mut bad = started.good.clone();
        bad.shards[n] = bytes;
        started.mount(&bad);
        let status = started
            .says(&format!("session shard {} {says}", shard_file(n)))
            .await;
        assert_eq!(status["revision"], *started.good.document.revision);
        assert_eq!(status["ready"], true);
        assert_eq!(started.call("s-5").await, "200");
        assert_eq!(started.call("theirs").await, "session_not_found");
        let metrics = started.proxy.admin("/metrics").await;
        assert!(
            metrics.text().contains("mcp_proxy_policy_reload_failing{"),
            "{}",
            metrics.text()
        );
        started.mount(&started.good);
        started.enforces(&started.good).await;
    }
}

/// The list of the lately revoked forgets; a proxy that still waits for a shard doesn't.
#[tokio::test]
async fn a_revocation_outlasts_the_list_while_shards_dont_match() {
    let started = Started::new().await;
    let mut next = sessions();
    next.push(session("new"));
    let next = Mounted::of(&next);
    let late = |names: &[&str]| Mounted {
        shards: started.good.shards.clone(),
        ..next.clone().revoking(names)
    };
    started.mount(&late(&["s-1", "s-2"]));
    eventually("revoked", async || {
        started.call("s-1").await == "session_revoked"
    })
    .await;
    started.mount(&late(&["s-3"]));
    eventually("revoked", async || {
        started.call("s-3").await == "session_revoked"
    })
    .await;
    assert_eq!(started.call("s-1").await, "session_revoked");
    assert_eq!(started.call("s-2").await, "session_revoked");
    assert_eq!(started.call("s-4").await, "200");
    // Consented to again, and the shards are there: that counts.
    started.mount(&next);
    started.enforces(&next).await;
    assert_eq!(started.call("s-1").await, "200");
}

#[tokio::test]
async fn a_grant_disabled_while_shards_dont_match_is_disabled() {
    let started = Started::new().await;
    let mut next = started.good.clone();
    next.document.grants[0].disabled = true;
    next.document.session_shards[0] = SessionShard::of(0, b"later");
    next.document.revision = next.document.compute_revision();
    started.mount(&next);
    eventually("the denial", async || started.call("s-1").await != "200").await;
    assert_eq!(started.call("s-1").await, "tool_not_granted");
}

#[tokio::test]
async fn sessions_of_the_last_good_shards_expire() {
    let clock = Arc::new(AtomicI64::new(1_000));
    let reads = Arc::clone(&clock);
    let setup = Setup {
        clock: Arc::new(move || Timestamp::from_second(reads.load(Ordering::SeqCst)).unwrap()),
        ..Setup::default()
    };
    let mut sessions = sessions();
    sessions[3].expires_at = "1970-01-01T01:00:00Z".into();
    let started = Started::with(sessions, setup).await;
    let mut bad = started.good.clone();
    bad.shards[0] = Vec::new();
    started.mount(&bad);
    started.says("isn't there").await;
    assert_eq!(started.call("s-3").await, "200");
    clock.store(3_601, Ordering::SeqCst);
    assert_eq!(started.call("s-3").await, "session_expired");
    assert_eq!(started.call("s-4").await, "200");
}

#[tokio::test]
async fn a_proxy_that_starts_without_its_shards_isnt_ready_until_they_come() {
    let server = Server::answering("{}").await;
    let proxy = Running::start("", &server.url).await;
    let whole = Mounted::of(&sessions());
    let alone = Mounted {
        shards: vec![Vec::new(); whole.shards.len()],
        ..whole.clone()
    };
    alone.mount(&folder(&proxy));
    eventually("the reason", async || {
        let ready = proxy.admin("/ready").await;
        let reason = "policy: session shard sessions-0.ndjson.gz isn't there";
        ready.status == 503 && ready.json()["reasons"][0] == reason
    })
    .await;
    whole.mount(&folder(&proxy));
    eventually("ready", async || proxy.admin("/ready").await.status == 200).await;
}

/// However the swaps fall, nobody is denied who is live before and after.
#[tokio::test]
async fn no_swap_ever_denies_a_session_that_stays() {
    let started = Started::new().await;
    let mut more = sessions();
    more.push(session("new"));
    let more = Mounted::of(&more);
    for round in 0..50 {
        let next = if round % 2 == 0 { &more } else { &started.good };
        started.mount(&Mounted {
            shards: next.shards.clone(),
            ..started.good.clone()
        });
        assert_eq!(started.call("s-1").await, "200", "{round}");
        started.mount(next);
        assert_eq!(started.call("s-1").await, "200", "{round}");
    }
    started.enforces(&started.good).await;
}
